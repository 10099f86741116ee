"""Declarations of options and arguments, and those that several commands share.

Help texts are codes here; `command` puts the sentence of the run's language in their place. Completion offers fixed
choices and nothing else: no name, no number and no id is looked up for it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperOption

from arlo_rec.edge.config import LANGUAGES

REQUIRED = "required"  # section of the help
COMMON = "common"


def opt(
    code: str,
    name: str,
    metavar: str = "TEXT",
    *,
    required: bool = False,
    choices: Callable[[], list[str]] | None = None,
) -> Any:
    """An option with its help under *code*; one whose *metavar* is in brackets may be typed without its value.

    *required* is for an option whose absence the gate answers, because it is logged once the person is unlocked: the
    help says that it must be given, and the parser does not ask for it. What has no default the parser asks for.
    """
    panel = REQUIRED if required else None
    return typer.Option(
        name, help=code, metavar=metavar, show_default=False, rich_help_panel=panel, autocompletion=choices
    )


def arg(code: str, metavar: str) -> Any:
    """An argument with its help under *code*."""
    return typer.Argument(help=code, metavar=metavar, show_default=False)


def one_of(*values: str) -> Callable[[], list[str]]:
    """A fixed choice."""
    return lambda: list(values)


def among(module: str, name: str) -> Callable[[], list[str]]:
    """The members of an enumeration of `arlo_rec`, which is loaded for completion alone."""
    return lambda: list(getattr(import_module(f"arlo_rec.{module}"), name))


_PURPOSES = among("policy", "Purpose")
Purpose = Annotated[str | None, opt("opt.purpose", "--purpose", "PURPOSE", required=True, choices=_PURPOSES)]
Reason = Annotated[str | None, opt("opt.reason", "--reason", required=True)]
SometimesPurpose = Annotated[str | None, opt("opt.purpose", "--purpose", "PURPOSE", choices=_PURPOSES)]
PurposeOfCopies = Annotated[
    str | None, opt("opt.purpose_of_copies", "--purpose", "PURPOSE", choices=one_of("training"))
]
ReasonOfCopies = Annotated[str | None, opt("opt.reason_of_copies", "--reason")]
SometimesReason = Annotated[str | None, opt("opt.reason", "--reason")]
Ground = Annotated[str | None, opt("opt.ground", "--ground", "GROUND", choices=among("law.rights", "Ground"))]
Yes = Annotated[bool, opt("opt.yes", "--yes")]
DryRun = Annotated[bool, opt("opt.dry_run", "--dry-run")]
Since = Annotated[str | None, opt("opt.from", "--from", "DATE")]
Before = Annotated[str | None, opt("opt.to", "--to", "DATE")]
Limit = Annotated[int | None, opt("opt.limit", "--limit", "N")]
NewPassphraseFile = Annotated[str | None, opt("opt.new_passphrase_file", "--new-passphrase-file", "PATH")]
Root = Annotated[str | None, opt("opt.root", "--root", "DIR")]
Engine = Annotated[str | None, opt("opt.engine", "--engine", "ENGINE", choices=one_of("faster-whisper", "none"))]
SpeechModel = Annotated[list[Path] | None, opt("opt.model", "--model", "DIR")]
Name = Annotated[str, arg("arg.name", "NAME")]


def common_options(*, lists: bool = True) -> list[TyperOption]:
    """The options of every command, and `--csv` of one that *lists*; `Command` turns them into its `Run`."""
    values = {
        "store": "PATH",
        "via": "COMMAND",
        "as": "NAME",
        "passphrase-file": "PATH",
        "key-file": "PATH",
        "config": "PATH",
        "json": None,
        **({"csv": None} if lists else {}),
        "quiet": None,
        "lang": "nb|en",
    }
    return [_common(word, metavar) for word, metavar in values.items()]


def _common(word: str, metavar: str | None) -> TyperOption:
    name = word.replace("-", "_")
    return TyperOption(
        param_decls=[name, f"--{word}"],
        help=f"opt.{name}",
        metavar=metavar,
        is_flag=metavar is None,
        default=False if metavar is None else None,
        rich_help_panel=COMMON,
        autocompletion=(lambda *_: sorted(LANGUAGES)) if word == "lang" else None,
    )
