"""The program: builds the command line from the register, runs it, and turns every ending into an exit status.

The only place where an error becomes a sentence and a status, and the only one that catches everything: an
unexpected error is one line and exit 1, with its traceback (no local values) in the state folder.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperGroup

from arlo_rec import __version__
from arlo_rec.commands import COMMON, REGISTER, Registered, helptext, opt
from arlo_rec.commands.run import Run
from arlo_rec.i18n.messages import say
from arlo_rec.i18n.sanitise import clean
from arlo_rec.model.errors import ArloError, Unreachable, Usage
from arlo_rec.ui import terminal
from arlo_rec.ui.config import beforehand

PROGRAM = "arlo-rec"
_Complaint: type[Exception] = typer.BadParameter.__mro__[2]  # Click's own base, whichever Click this typer carries
_EXTRA = r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)"


class Interrupted(ArloError):
    """Somebody pressed Ctrl-C."""

    exit_status = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    lang, state = beforehand(_value(given, "--lang"), _value(given, "--config"), os.environ)
    try:
        return _run(given, lang)
    except ArloError as error:
        return _tell(error, lang, as_json=as_json)
    except _Complaint as error:
        return _misused(error, lang, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _tell(Interrupted("interrupted"), lang, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the one place: a bug must look like one and tell no secret
        return _tell(_bug(error, state, lang), lang, as_json=as_json)


def build(lang: str, only: str | None = None) -> typer.Typer:
    """The command line in one language: the commands that begin with *only*, or all of them by name alone."""
    app = _group(lang, "help.program")
    groups: dict[str, typer.Typer] = {}
    for one in [one for one in REGISTER if only in (None, one.words[0])]:
        target = app
        if len(one.words) == 2:
            group = one.words[0]
            if group not in groups:
                groups[group] = _group(lang, f"help.{group}")
                app.add_typer(groups[group], name=group, rich_help_panel=one.panel)
            target = groups[group]
        help_text = say("help." + ".".join(one.words), lang)
        spoken = helptext.speaking(helptext.Command, lang)
        target.command(one.words[-1], cls=spoken, help=help_text, rich_help_panel=one.panel)(
            _callback(one, lang) if only else _listed
        )
    return app


def _run(given: list[str], lang: str) -> int:
    if "--version" in given[:1]:
        terminal.tell(f"{PROGRAM} {__version__}")
        return 0
    words = {one.words[0] for one in REGISTER}
    if "--help" in given[:2] and (spoken := _value(given, "--lang")) is not None:  # no option of a group
        given = [word for word in given if word not in {"--lang", spoken, f"--lang={spoken}"}]
    app = build(lang, given[0] if given and given[0] in words else None)
    result = app(args=given, prog_name=PROGRAM, standalone_mode=False)
    return result if isinstance(result, int) else 0


def _group(lang: str, help_code: str) -> typer.Typer:
    app = typer.Typer(
        cls=helptext.speaking(helptext.Program if help_code == "help.program" else helptext.Group, lang),
        help=say(help_code, lang),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        no_args_is_help=True,
    )
    if help_code == "help.program":
        app.callback()(_program(lang))
    return app


def _program(lang: str) -> Callable[..., None]:
    """The options before any command."""

    def program(**_values: bool) -> None:
        """`--version` is answered before anything is parsed (`_run`); here it is only listed."""

    version = _parameter("version", Annotated[bool, opt("opt.version", "--version")], False, lang)  # noqa: FBT003
    program.__signature__ = inspect.Signature([version])  # type: ignore[attr-defined]
    program.__annotations__ = {"version": version.annotation}
    return program


def _listed() -> None:
    """A command that is only listed, in a help text: nothing of it is loaded, and it must not seem to have run."""
    raise Usage("no_command")


def _callback(one: Registered, lang: str) -> Callable[..., int]:
    """The function that typer calls: own parameters, then the common ones; gives the exit status."""
    body = one.body()

    def callback(**values: Any) -> int:
        common = {key: values.pop(key) for key in COMMON}
        common["as"] = common.pop("as_name")
        as_json, quiet = bool(common.pop("json")), bool(common.pop("quiet"))
        run = Run(common, json=as_json, quiet=quiet)
        try:
            answer = body(run, **values)
            return terminal.show(answer, run.lang, as_json=as_json, quiet=quiet)
        except KeyboardInterrupt:  # typer would leave without a word
            raise Interrupted("interrupted") from None
        except BrokenPipeError as error:  # and so it would here
            raise Unreachable("stdout_failed", reason=error.strerror or "") from None

    hints = get_type_hints(body, include_extras=True)
    own = list(inspect.signature(body).parameters.values())[1:]
    parameters = [_parameter(one.name, hints[one.name], one.default, lang) for one in own]
    for name, hint in COMMON.items():
        default = False if get_args(hint)[0] is bool else None
        parameters.append(_parameter(name, hint, default, lang))
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    callback.__annotations__ = {one.name: one.annotation for one in parameters}
    return callback


def _parameter(name: str, hint: Any, default: Any, lang: str) -> inspect.Parameter:
    """A parameter whose help is in the language of the run."""
    if get_origin(hint) is Annotated:
        kind, info = get_args(hint)
        told = copy(info)
        told.help = say(info.help, lang)
        hint = Annotated[kind, told]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _value(given: list[str], option: str) -> str | None:
    """The last value of an option, while nothing is parsed."""
    named = None
    for i, word in enumerate(given):
        if word == option and i + 1 < len(given):
            named = given[i + 1]
        elif word.startswith(f"{option}="):
            named = word.removeprefix(f"{option}=")
    return named


def _tell(error: ArloError, lang: str, *, as_json: bool) -> int:
    if error.code == "stdout_failed":
        terminal.give_up_stdout()
        as_json = False
    try:
        terminal.show_error(error, lang, as_json=as_json)
    except ArloError:
        sys.stderr.write(f"{PROGRAM}: {terminal.message_of(error, lang)}\n")
    return error.exit_status


def _misused(error: Any, lang: str, *, as_json: bool) -> int:
    """Tell Click's own complaint in our words; a bare group answers with its help, as Click does."""
    if type(error).__name__ == "NoArgsIsHelpError" and not as_json:
        sys.stderr.write(error.format_message() + "\n")
        return Usage.exit_status
    return _tell(_usage(error), lang, as_json=as_json)


def _usage(error: Any) -> ArloError:
    """Click's own complaint as one of our errors, by the name of its class."""
    option = str(getattr(error, "option_name", None) or "")[:40]
    param = getattr(error, "param", None)
    named = option or (param.metavar if param and param.param_type_name == "argument" else param and param.opts[0])
    match type(error).__name__:
        case "NoArgsIsHelpError":
            return Usage("no_command")
        case "NoSuchOption" if option.removeprefix("--").replace("-", "_") in {"as", *COMMON} and _is_group(error):
            return Usage("option_too_early", name=option)
        case "NoSuchOption":
            return Usage("no_such_option", name=option)
        case "MissingParameter" if named:
            return Usage("word_missing", name=named)
        case "BadParameter" if named:
            return Usage("bad_value", name=named)
        case "BadOptionUsage":
            return Usage("value_missing", name=option)
    said = error.format_message().rstrip(". ")
    extra = re.fullmatch(_EXTRA, said, re.DOTALL)
    return Usage("words_too_many", words=extra[1][:100]) if extra else Usage("usage", message=said)


def _is_group(error: Any) -> bool:
    return isinstance(getattr(error.ctx, "command", None), TyperGroup)


def _bug(error: BaseException, state: Path | None, lang: str) -> ArloError:
    """Keep where it happened, without local values and messages, where its owner can find it."""
    kind = clean(type(error).__name__)
    if state is None:
        return ArloError("bug", kind=kind, path=say("nowhere", lang))
    import traceback

    path = state / "errors.log"
    cause: BaseException | None = error
    told = []
    while cause is not None:
        told += [*traceback.format_tb(cause.__traceback__), f"{type(cause).__module__}.{type(cause).__qualname__}\n"]
        cause = cause.__cause__ or cause.__context__
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8", opener=_for_its_owner) as file:
            file.write("".join(told))
    except OSError:
        return ArloError("bug", kind=kind, path=say("nowhere", lang))
    return ArloError("bug", kind=kind, path=str(path))


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
