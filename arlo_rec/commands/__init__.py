"""The command line's words: one file per kind of user. Bodies parse, open, call and show; they decide nothing.

`command` registers a body; `cli` builds the program from the register, with help in the language of the
run. Bodies import what they use inside, so that `--help` loads no engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import typer

PANELS = ("officer", "manager", "support", "services", "it", "anyone")


@dataclass(frozen=True, slots=True)
class Registered:
    """One command: its words, whom it is for, what it runs."""

    words: tuple[str, ...]
    panel: str
    body: Callable[..., Any]


REGISTER: list[Registered] = []


def command(*words: str, panel: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a body under its words; its help stands in `texts` under `help.<words>`."""

    def register(body: Callable[..., Any]) -> Callable[..., Any]:
        REGISTER.append(Registered(words, panel, body))
        return body

    return register


def opt(code: str, *names: str) -> Any:
    """An option whose help stands in `texts` under *code*."""
    return typer.Option(*names, help=code, show_default=False)


def arg(code: str, metavar: str) -> Any:
    """An argument whose help stands in `texts` under *code*."""
    return typer.Argument(help=code, metavar=metavar, show_default=False)
