"""The command line's words: one file per kind of user. Bodies parse, open, call and show; they decide nothing.

`command` registers a body; `cli` builds the program from the register, with help in the language of the
run. Bodies import what they use inside, so that `--help` loads no engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

PANELS = ("officer", "manager", "support", "services", "it", "anyone")


@dataclass(frozen=True, slots=True)
class Registered:
    """One command: its words, whom it is for, what it runs."""

    words: tuple[str, ...]
    panel: str
    body: Callable[..., Any]


REGISTER: list[Registered] = []

_SHOWN = {  # what a help text shows for an option's value, in the words of docs; TEXT for every other
    "PATH": ("opt.store", "opt.config", "opt.passphrase_file", "opt.new_passphrase_file", "opt.key_file"),
    "NAME": ("opt.as", "opt.officer", "opt.agent", "opt.person"),
    "FILE": ("opt.key_out", "opt.out", "opt.dsar_out", "opt.receipt_out", "opt.anchor"),
    "DIR": ("opt.root", "opt.dir"),
    "GROUP": ("opt.group",),
    "ROLE": ("opt.role",),
    "PURPOSE": ("opt.purpose",),
    "TEAM": ("opt.team", "opt.teams"),
    "DATE": ("opt.until", "opt.received", "opt.from", "opt.to"),
    "N": ("opt.days", "opt.limit"),
    "ID": ("opt.grant", "opt.call", "opt.recording"),
    "FORMAT": ("opt.format",),
    "VKEY": ("opt.vkey",),
    "nb|en": ("opt.lang",),
}
_METAVARS = {code: shown for shown, codes in _SHOWN.items() for code in codes}


def command(*words: str, panel: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a body under its words; its help stands in `texts` under `help.<words>`."""

    def register(body: Callable[..., Any]) -> Callable[..., Any]:
        REGISTER.append(Registered(words, panel, body))
        return body

    return register


def opt(code: str, *names: str) -> Any:
    """An option whose help stands in `texts` under *code*."""
    return typer.Option(*names, help=code, metavar=_METAVARS.get(code, "TEXT"), show_default=False)


def arg(code: str, metavar: str) -> Any:
    """An argument whose help stands in `texts` under *code*."""
    return typer.Argument(help=code, metavar=metavar, show_default=False)


COMMON: dict[str, Any] = {  # the options of every command
    "store": Annotated[str | None, opt("opt.store", "--store")],
    "as_name": Annotated[str | None, opt("opt.as", "--as")],
    "passphrase_file": Annotated[str | None, opt("opt.passphrase_file", "--passphrase-file")],
    "key_file": Annotated[str | None, opt("opt.key_file", "--key-file")],
    "config": Annotated[str | None, opt("opt.config", "--config")],
    "json": Annotated[bool, opt("opt.json", "--json")],
    "quiet": Annotated[bool, opt("opt.quiet", "--quiet")],
    "lang": Annotated[str | None, opt("opt.lang", "--lang")],
}
