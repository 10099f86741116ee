"""The command line's words: one file per kind of user. Bodies parse, open, call and show; they decide nothing.

REGISTER says which words run which body; `cli` builds from it what a run needs, with help in the language of
the run. A body's file is imported when its command is called, and imports what it uses inside the body, so that
`--help` loads no engine and a command loads its own.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any, Final, NamedTuple

import typer

PANELS = ("officer", "manager", "support", "services", "it", "anyone")


class Registered(NamedTuple):
    """One command: its words, whom it is for, the file and the name of its body; help is `help.<words>` in `texts`."""

    words: tuple[str, ...]
    panel: str
    file: str
    name: str

    def body(self) -> Callable[..., Any]:
        """What the command runs."""
        found: Callable[..., Any] = getattr(import_module(f"arlo_rec.commands.{self.file}"), self.name)
        return found


REGISTER: Final = (
    Registered(("init",), "officer", "officer", "init"),
    Registered(("person", "add"), "officer", "officer", "person_add"),
    Registered(("person", "list"), "officer", "officer", "person_list"),
    Registered(("person", "remove"), "officer", "officer", "person_remove"),
    Registered(("person", "passphrase"), "anyone", "officer", "person_passphrase"),
    Registered(("person", "handover"), "officer", "keys", "person_handover"),
    Registered(("person", "rotate"), "officer", "keys", "person_rotate"),
    Registered(("recovery", "split"), "officer", "keys", "recovery_split"),
    Registered(("recovery", "renew"), "officer", "keys", "recovery_renew"),
    Registered(("recovery", "join"), "officer", "keys", "recovery_join"),
    Registered(("grant",), "officer", "officer", "grant"),
    Registered(("revoke",), "officer", "officer", "revoke"),
    Registered(("grants",), "officer", "officer", "grants_list"),
    Registered(("dsar",), "officer", "officer", "dsar"),
    Registered(("restore",), "officer", "officer", "restore"),
    Registered(("pseudonymise",), "manager", "training", "pseudonymise"),
    Registered(("review",), "manager", "training", "review"),
    Registered(("release",), "manager", "training", "release"),
    Registered(("reject",), "manager", "training", "reject"),
    Registered(("find",), "manager", "manager", "find"),
    Registered(("export",), "manager", "manager", "export"),
    Registered(("withdraw",), "support", "support", "withdraw"),
    Registered(("ingest",), "services", "services", "ingest"),
    Registered(("purge",), "services", "services", "purge"),
    Registered(("backup",), "services", "services", "backup"),
    Registered(("recipients", "list"), "officer", "copies", "recipients_list"),
    Registered(("recipients", "confirm"), "manager", "copies", "recipients_confirm"),
    Registered(("status",), "it", "it", "status"),
    Registered(("verify",), "it", "it", "verify"),
    Registered(("audit", "verify"), "it", "it", "audit_verify"),
    Registered(("audit", "show"), "it", "it", "audit_show"),
    Registered(("audit", "checkpoint"), "it", "it", "audit_checkpoint"),
    Registered(("certificate", "verify"), "anyone", "anyone", "certificate_verify"),
    Registered(("demo",), "anyone", "anyone", "demo"),
)

_SHOWN = {  # what a help text shows for an option's value, in the words of docs; TEXT for every other
    "PATH": ("opt.store", "opt.config", "opt.passphrase_file", "opt.new_passphrase_file", "opt.key_file"),
    "NAME": ("opt.as", "opt.officer", "opt.agent", "opt.person"),
    "FILE": (
        "opt.key_out",
        "opt.out",
        "opt.dsar_out",
        "opt.receipt_out",
        "opt.anchor",
        "opt.feed",
        "opt.feed_read",
        "opt.page",
        "opt.cuts",
        "opt.transcript",
    ),
    "DIR": ("opt.root", "opt.dir", "opt.escrow", "opt.model", "opt.bench", "opt.names_model"),
    "GROUP": ("opt.group",),
    "ROLE": ("opt.role",),
    "PURPOSE": ("opt.purpose",),
    "TEAM": ("opt.team", "opt.teams"),
    "DATE": ("opt.until", "opt.received", "opt.from", "opt.to"),
    "N": (
        "opt.days",
        "opt.limit",
        "opt.ring_hours",
        "opt.shares",
        "opt.threshold",
        "opt.remove_cut",
        "opt.accept_cut",
        "opt.workers",
    ),
    "N|START-END": ("opt.hear",),
    "N:START-END": ("opt.change_cut",),
    "ENGINE": ("opt.engine",),
    "LANGUAGE": ("opt.language",),
    "VOICE": ("opt.voice",),
    "ID": ("opt.grant", "opt.call", "opt.recording"),
    "FORMAT": ("opt.format",),
    "CODE": ("opt.remove_refused",),
    "START-END": ("opt.add_cut",),
    "MODE": ("opt.mode",),
    "FILL": ("opt.fill",),
    "VKEY": ("opt.vkey",),
    "nb|en": ("opt.lang",),
}
_METAVARS = {code: shown for shown, codes in _SHOWN.items() for code in codes}


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
