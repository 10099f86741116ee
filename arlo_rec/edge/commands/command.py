"""Our commands as Typer commands: loaded when called, common options behind the name, errors in our words.

`Program` and `Group` find commands in COMMANDS. A `Command` adds the options of every command to its own and makes a
`Run` of them. Its body gets that as `ctx.obj`; the answer is shown. Whatever is typed wrongly is raised as Usage.
Typer writes help in English and mixes all options: `Help` writes the same facts in the run's language, a command's own
options before those of every command, and an example below.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from arlo_rec import __version__
from arlo_rec.edge import terminal
from arlo_rec.edge.commands import COMMANDS, PANELS, RARE
from arlo_rec.edge.commands.options import COMMON, REQUIRED, common_options
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.terminal import Form
from arlo_rec.law.messages import say
from arlo_rec.law.model.errors import Interrupted, Unreachable, Usage, nearest

if TYPE_CHECKING:
    from arlo_rec.edge.door.client import Client

EXITS = (0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 130)
SECTIONS = ("arguments", REQUIRED, "options", COMMON)
PROGRAM: Final = "arlo-rec"
_FIRST: Final = ("--help", "--version")  # words that people type as if they were commands
TYPERS_OWN: Final = {"install_completion", "show_completion"}  # options that would write into a shell's own files
SETTINGS: Final[dict[str, Any]] = {
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
}


def language(ctx: typer.Context) -> str:
    """The language of this run, which the outermost context carries."""
    return str(getattr(ctx.find_root().obj, "lang", "en"))


class Help:
    """The help of a command or a group; mixed into Typer's classes of both."""

    name: str | None
    params: list[Any]

    def get_help_option(self, ctx: Any) -> Any:
        """`--help` in the run's language, among the options of every command; it is written as every answer is."""
        option = super().get_help_option(ctx)  # type: ignore[misc]  # of the class beside this one
        option.callback = _show
        option.help = say("opt.help", language(ctx))
        option.rich_help_panel = "options" if isinstance(self, TyperGroup) else COMMON
        return option

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """The line that shows the order of words, with every option that must be given."""
        lang = language(ctx)
        formatter.write_usage(ctx.command_path, " ".join(usage_words(self, lang)), prefix=say("usage", lang) + " ")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, required, own and common options; every section only where it has something."""
        sections: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
        for param in self.get_params(ctx):  # type: ignore[attr-defined]
            if not param.hidden:
                sections[section_of(param)].append((as_typed(param, ", "), param.help or ""))
        for section, rows in sections.items():
            if rows:
                with formatter.section(say(f"section.{section}", language(ctx))):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Examples, never broken into lines: they are there to be copied."""
        lang = language(ctx)
        with formatter.section(say("section.example", lang)):
            for line in example(ctx, lang).splitlines():
                formatter.write(f"  {line}\n")


def example(ctx: typer.Context, lang: str) -> str:
    """The example of a command or a group: one command a line."""
    words = ctx.command_path.split()[1:]
    return say("example." + (".".join(words) or "program"), lang)


def usage_words(command: Any, lang: str) -> list[str]:
    """The words behind a command's name: arguments, options that must be given, where others stand."""
    words = [
        as_typed(param) for param in command.params if param.param_type_name == "argument" or _must_be_given(param)
    ]
    return [*words, say("usage.options", lang), *([say("usage.command", lang)] * isinstance(command, TyperGroup))]


def _show(ctx: Any, _option: Any, asked: bool) -> None:  # noqa: FBT001 - Typer's own order
    """Write the help to stdout; raises Unreachable where it does not arrive, for that is no success."""
    if asked and not ctx.resilient_parsing:
        terminal.tell(ctx.get_help())
        ctx.exit()


def section_of(param: Any) -> str:
    """The section of the help in which an argument or an option stands."""
    if param.param_type_name == "argument":
        return "arguments"
    return REQUIRED if _must_be_given(param) else param.rich_help_panel or "options"


def _must_be_given(param: Any) -> bool:
    return param.param_type_name == "option" and bool(param.required or param.rich_help_panel == REQUIRED)


def as_typed(param: Any, between: str = "") -> str:
    """An argument, or an option with its value; with all its names where *between* says how they are joined."""
    if param.param_type_name == "argument":
        return str(param.metavar)
    names = between.join(sorted((*param.opts, *param.secondary_opts), key=len)) if between else param.opts[0]
    return names if param.is_flag else f"{names} {param.metavar}"


# -- commands -----------------------------------------------------------------------------------------------


class Outset(NamedTuple):
    """The start of a run: the language, and the machine of the person who types."""

    lang: str
    client: Client
    ahead: timedelta = timedelta(0)  # by which the clock is ahead of this machine's, for the demonstration


class Command(Help, TyperCommand):
    """One command, with the options of every command behind its own."""

    allow_extra_args = True  # they are refused here, in our words

    def __init__(self, *, lists: bool, **settings: Any) -> None:
        super().__init__(**settings)
        self.common = common_options(lists=lists)
        self.params += self.common
        for param in self.params:
            kind: Any = param.type
            if hasattr(kind, "resolve_path"):  # Typer's own looks on this machine for a path, which may be of another
                kind.convert = lambda value, _param, _ctx: Path(value)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words behind the command's name; raises Usage."""
        for param in self.params:  # of a flag and its opposite the parser would take the later one
            both = [name for names in (param.opts, param.secondary_opts) for name in names if name in args]
            if param.secondary_opts and {*param.opts} & {*both} and {*param.secondary_opts} & {*both}:
                raise Usage("not_together", names=" ".join(sorted(both)))
        try:
            extra = super().parse_args(ctx, self._with_values(args))
        except typer.TyperException as error:
            raise _usage(error, self.get_params(ctx)) from None
        if extra and not ctx.resilient_parsing:
            raise Usage("words_too_many", words=" ".join(extra)[:100])
        return extra

    def _with_values(self, args: list[str]) -> list[str]:
        """The words, with an empty value for each option that may stand without one and does."""
        options = [param for param in self.params if param.param_type_name == "option"]
        bare = {name for param in options if str(param.metavar).startswith("[") for name in param.opts}
        both = zip(args, [*args[1:], "-"], strict=False)
        return [f"{word}=" if word in bare and after.startswith("-") else word for word, after in both]

    def invoke(self, ctx: Any) -> int:
        """Run the body for the person whom the common options name, and show its answer; returns the exit status."""
        common = {str(option.name): ctx.params.pop(option.name) for option in self.common}
        as_json, as_csv, quiet = common.pop("json"), common.pop("csv", False), common.pop("quiet")
        if as_json and as_csv:
            raise Usage("json_or_csv")
        form = Form.JSON if as_json else Form.CSV if as_csv else Form.WORDS
        outset: Outset = ctx.find_root().obj
        ctx.obj = run = Run(common, outset.client, form=form, quiet=quiet, command=ctx.command_path.partition(" ")[2])
        run.ahead = outset.ahead
        try:
            run.demand_here()
            run.fill_in(ctx.params)
            answer = super().invoke(ctx)
            run.end_progress()
            return terminal.show(answer, run.lang, form, quiet=quiet, pager=run.client.show_pages)
        except KeyboardInterrupt:  # Typer would leave without a word
            raise Interrupted("interrupted") from None
        except BrokenPipeError as error:  # and so it would here
            raise Unreachable("stdout_failed", reason=error.strerror or "") from None
        finally:
            run.end_progress()


class Group(Help, TyperGroup):
    """The commands that begin with the group's name, listed by who uses them; one is loaded when it is called."""

    by_name_alone: tuple[str, ...] = ()  # in its help

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        spoken = TyperOption(param_decls=["--lang"], callback=_too_early, expose_value=False, hidden=True)
        self.params.append(spoken)  # for `--help --lang en`

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands before the command's name; raises Usage."""
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            name = _option_of(error)
            if name in {option for common in common_options() for option in common.opts}:
                raise Usage("option_too_early", name=name) from None
            raise _usage(error, self.get_params(ctx)) from None

    def list_commands(self, ctx: Any) -> list[str]:
        """The next word of every command below this group."""
        return list(self._panels())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, loaded now; a group where more words must follow; None where there is neither."""
        words = f"{self.name} {cmd_name}".strip()
        if words in COMMANDS:
            return load(words, language(ctx))
        return group(words, language(ctx)) if cmd_name in self._panels() else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the words begin with; raises Usage where there is none."""
        known = self._panels()
        if args[0] not in known and not ctx.resilient_parsing:
            raise Usage("no_such_command", name=args[0][:40], **nearest(args[0], [*known, *_FIRST]))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section per kind of user."""
        lang = language(ctx)
        prefix = f"help.{self.name}." if self.name else "help."
        for panel in PANELS:
            words = [
                word for word, where in self._panels().items() if where == panel and word not in self.by_name_alone
            ]
            rows = [(word, say(prefix + word, lang)) for word in words]
            if rows:
                with formatter.section(say(f"panel.{panel}", lang)):
                    formatter.write_dl(rows)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The options, then the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def _panels(self) -> dict[str, str]:
        """The words that may follow, each with its panel: for several commands that of the first."""
        prefix = f"{self.name} " if self.name else ""
        panels: dict[str, str] = {}
        for words, listed in COMMANDS.items():
            if words.startswith(prefix):
                panels.setdefault(words.removeprefix(prefix).partition(" ")[0], listed.panel)
        return panels


class Program(Group):
    """The program itself; its help ends with what the exit statuses mean."""

    by_name_alone = RARE

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The rare commands, the exit statuses, then the example."""
        lang = language(ctx)
        with formatter.section(say("panel.rare", lang)):
            formatter.write_text(say("panel.rare_names", lang, names=", ".join(self.by_name_alone)))
        with formatter.section(say("section.exits", lang)):
            formatter.write_dl([(str(status), say(f"exit.{status}", lang)) for status in EXITS])
        super().format_epilog(ctx, formatter)


# -- what is built ------------------------------------------------------------------------------------


def program(lang: str) -> Any:
    """The whole command line in one language, with Typer's completion: it reads the table and the options alone."""
    app = typer.Typer(cls=Program, add_completion=True, help=say("help.program", lang), **SETTINGS)
    app.callback(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})(before)
    command = typer.main.get_command(app)
    command.params = [param for param in command.params if param.name not in TYPERS_OWN]
    return _in_words(command, lang)


def group(words: str, lang: str) -> Any:
    """The group of that name."""
    app = typer.Typer(name=words, cls=Group, add_completion=False, help=say(f"help.{words}", lang), **SETTINGS)
    app.callback(invoke_without_command=True)(without_command)
    return _in_words(typer.main.get_command(app), lang)


def load(words: str, lang: str) -> Any:
    """The command of these words; its module is imported."""
    module, _, function = COMMANDS[words].body.partition(":")
    body = getattr(import_module(f"arlo_rec.edge.commands.{module}"), function)
    app = typer.Typer(add_completion=False, **SETTINGS)
    made = partial(Command, lists=COMMANDS[words].lists)
    app.command(words.split()[-1], cls=made, help=say("help." + words.replace(" ", "."), lang))(body)  # type: ignore[arg-type]
    return _in_words(typer.main.get_command(app), lang)


def _in_words(command: Any, lang: str) -> Any:
    """The same command, with sentences for the codes that its parameters have as help."""
    for param in command.params:
        param.help = param.help and say(param.help, lang)
    return command


def _show_version(ctx: typer.Context, wanted: bool) -> None:  # noqa: FBT001 - Typer's own order
    if wanted and not ctx.resilient_parsing:
        terminal.tell(f"{PROGRAM} {__version__}")
        raise typer.Exit


def before(
    ctx: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", help="opt.version", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """The options before a command: `--version`."""
    without_command(ctx)


def without_command(ctx: typer.Context) -> None:
    """Show the help on stderr where no command follows: nothing was done."""
    if ctx.invoked_subcommand is None:
        sys.stderr.write(ctx.get_help() + "\n")
        raise typer.Exit(Usage.exit_status)


# -- what was typed wrongly ---------------------------------------------------------------------------


def _usage(error: typer.TyperException, params: list[Any]) -> Usage:
    """Typer's error about the words, as ours."""
    option = _option_of(error)
    if option is not None:
        named = [(name, param) for param in params for name in param.opts if not param.hidden]
        known = {name: param for name, param in named if name.startswith("-")}
        if option not in known:
            return Usage("no_such_option", name=option[:40], **nearest(option, known))
        return Usage("takes_no_value" if known[option].is_flag else "value_missing", name=option)
    if isinstance(error, typer.BadParameter) and error.param is not None:
        wrong: Any = error.param
        name = wrong.metavar if wrong.param_type_name == "argument" else wrong.opts[0]
        return Usage("bad_value" if error.message else "word_missing", name=name)  # of a missing one nothing is said
    return Usage("usage", message=error.format_message().rstrip(". "))


def _option_of(error: typer.TyperException) -> str | None:
    """The option that Typer does not know, or that came without its value."""
    return getattr(error, "option_name", None)


def _too_early(ctx: Any, _param: Any, value: str | None) -> None:
    if value is not None and not ctx.resilient_parsing:
        raise Usage("option_too_early", name="--lang")
