"""The program: builds the command line from the register, runs it, and turns every ending into an exit status.

The only place where an error becomes a sentence and a status, and the only one that catches everything: an
unexpected error is one line and exit 1, with its traceback (no local values) in the state folder.
"""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperGroup

from arlo_rec import __version__, render
from arlo_rec.commands import PANELS, REGISTER, Registered, opt
from arlo_rec.commands.run import Run
from arlo_rec.config import language
from arlo_rec.errors import ArloError, Usage
from arlo_rec.texts import clean, say

INTERRUPTED = 130
PROGRAM = "arlo-rec"

_COMMON: dict[str, Any] = {
    "store": Annotated[str | None, opt("opt.store", "--store")],
    "as_name": Annotated[str | None, opt("opt.as", "--as")],
    "passphrase_file": Annotated[str | None, opt("opt.passphrase_file", "--passphrase-file")],
    "key_file": Annotated[str | None, opt("opt.key_file", "--key-file")],
    "config": Annotated[str | None, opt("opt.config", "--config")],
    "json": Annotated[bool, opt("opt.json", "--json")],
    "quiet": Annotated[bool, opt("opt.quiet", "--quiet")],
    "lang": Annotated[str | None, opt("opt.lang", "--lang")],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json, lang = "--json" in given, _language(given)
    try:
        return _run(given, lang)
    except ArloError as error:
        return _tell(error, lang, as_json=as_json)
    except typer.TyperException as error:
        return _tell(_usage(error), lang, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write(f"{PROGRAM}: {say('interrupted', lang)}\n")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one place: a bug must look like one and tell no secret
        return _tell(_bug(error), lang, as_json=as_json)


def build(lang: str, only: str | None = None) -> typer.Typer:
    """The command line in one language; with *only*, just the commands that begin with that word."""
    _load_commands()
    app = _group(lang, "help.program")
    groups: dict[str, typer.Typer] = {}
    chosen = [one for one in REGISTER if one.words[0] == only] or REGISTER
    for one in chosen:
        target = app
        if len(one.words) == 2:
            group = one.words[0]
            if group not in groups:
                groups[group] = _group(lang, f"help.{group}")
                app.add_typer(groups[group], name=group, rich_help_panel=one.panel)
            target = groups[group]
        help_text = say("help." + ".".join(one.words), lang)
        target.command(one.words[-1], help=help_text, rich_help_panel=one.panel)(_callback(one, lang))
    return app


def _run(given: list[str], lang: str) -> int:
    if "--version" in given[:1]:
        sys.stdout.write(f"{PROGRAM} {__version__}\n")
        return 0
    _load_commands()
    words = {one.words[0] for one in REGISTER}
    app = build(lang, given[0] if given and given[0] in words else None)
    result = app(args=given, prog_name=PROGRAM, standalone_mode=False)
    return result if isinstance(result, int) else 0


def _load_commands() -> None:
    from arlo_rec.commands import anyone, it, manager, officer, services, support

    assert anyone and it and manager and officer and services and support


def _group(lang: str, help_code: str) -> typer.Typer:
    class Grouped(_ByPanel):
        language = lang

    app = typer.Typer(
        cls=Grouped,
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
        """`--version` alone is answered before anything is parsed (`_run`)."""

    version = _parameter("version", Annotated[bool, opt("opt.version", "--version")], False, lang)  # noqa: FBT003
    program.__signature__ = inspect.Signature([version])  # type: ignore[attr-defined]
    program.__annotations__ = {"version": version.annotation}
    return program


class _ByPanel(TyperGroup):
    """Commands listed by who uses them."""

    language = "nb"

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section per kind of user."""
        for panel in PANELS:
            listed = [
                (name, one) for name, one in self.commands.items() if getattr(one, "rich_help_panel", None) == panel
            ]
            if listed:
                with formatter.section(say(f"panel.{panel}", self.language)):
                    formatter.write_dl([(name, one.get_short_help_str(90)) for name, one in listed])


def _callback(one: Registered, lang: str) -> Callable[..., int]:
    """The function that typer calls: own parameters, then the common ones; gives the exit status."""

    def callback(**values: Any) -> int:
        common = {key: values.pop(key) for key in _COMMON}
        common["as"] = common.pop("as_name")
        as_json, quiet = bool(common.pop("json")), bool(common.pop("quiet"))
        run = Run(common, json=as_json, quiet=quiet)
        answer = one.body(run, **values)
        return render.show(answer, run.lang, as_json=as_json, quiet=quiet)

    hints = get_type_hints(one.body, include_extras=True)
    own = list(inspect.signature(one.body).parameters.values())[1:]
    parameters = [_parameter(one.name, hints[one.name], one.default, lang) for one in own]
    for name, hint in _COMMON.items():
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


def _language(given: list[str]) -> str:
    """The language of this run before anything is parsed; a wrong --lang is told later."""
    named = None
    for i, word in enumerate(given):
        if word == "--lang" and i + 1 < len(given):
            named = given[i + 1]
        elif word.startswith("--lang="):
            named = word.removeprefix("--lang=")
    return language(named if named in {"nb", "en"} else None, os.environ)


def _tell(error: ArloError, lang: str, *, as_json: bool) -> int:
    try:
        render.show_error(error, lang, as_json=as_json)
    except ArloError:
        sys.stderr.write(f"{PROGRAM}: {render.message_of(error, lang)}\n")
    return error.exit_status


def _usage(error: typer.TyperException) -> ArloError:
    """Typer's own complaint as ours."""
    return Usage("usage", message=error.format_message().rstrip(". "))


def _bug(error: Exception) -> ArloError:
    """Keep the traceback, without local values, where its owner can find it."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111 - may be no home
    path = Path(base) / "arlo-rec" / "errors.log"
    lines = traceback.format_exception(type(error), None, error.__traceback__)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(lines))
    except OSError:
        return ArloError("bug", kind=clean(type(error).__name__), path="-")
    return ArloError("bug", kind=clean(type(error).__name__), path=str(path))
