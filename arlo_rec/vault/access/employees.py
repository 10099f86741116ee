"""Employees by the names in their calls: whose calls are held, and which known name a mistyped one may mean.

The names stand in sealed metadata, which officers open; a call of each employee is enough.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from arlo_rec.law.log.events import NamesCompared
from arlo_rec.law.model.errors import ArloError, nearest
from arlo_rec.law.model.names import agent_name
from arlo_rec.law.model.records import Kind, RecordingId, Subject
from arlo_rec.vault.access import metadata
from arlo_rec.vault.access.keyrings import OfficerKeyring
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.opened import Store


class Named(NamedTuple):
    """The calls of a name: how many are held, and if none, the similar name of an employee with calls."""

    name: str
    calls: int
    nearest: str | None


class Names(NamedTuple):
    """Names of employees by compared name, and the number of calls with unreadable names."""

    known: dict[str, str]
    unknown: int


def named(store: Store, names: Collection[str], now: datetime) -> list[Named]:
    """The held calls of each name; the names of others are read for one without calls alone, which is logged.

    Where they cannot be read, none is near: no objection waits for that. Nor are they where erasures are unknown.
    """
    counts, known = {name: _count(store, name) for name in names}, dict[str, str]()
    if not all(counts.values()) and store.settings.unknown_since is None:
        calls = list(store.catalogue.agents.last_calls().values())
        with suppress(ArloError):
            store.note(NamesCompared(notice="employees", named=len(calls)), now)
            known = {key: name for key, name in names_in(store, calls).known.items() if name}
    close = {name: nearest(agent_name(name), known).get("nearest") for name, count in counts.items() if not count}
    return [Named(name, count, known.get(close.get(name) or "")) for name, count in counts.items()]


def without_calls(store: Store, names: Collection[str]) -> list[str]:
    """Those of the names of whom no call is held, by the blind index; nothing is opened."""
    return [name for name in names if not _count(store, name)]


def names_in(store: Store, calls: Collection[RecordingId]) -> Names:
    """The names of the employees in these calls, as the officers' key opens them."""
    rows = [row for _, row in store.catalogue.search.held_among(calls)]
    names, unknown = dict[str, str](), 0
    for _, facts in metadata.open_each(store, rows, OfficerKeyring(store), metadata.erasure_keys(store, rows)):
        name = str(facts["agent"]) if facts is not None else None
        unknown += name is None
        names |= {agent_name(name): name} if name is not None else {}
    return Names(names, unknown)


def subject(store: Store, name: str) -> Subject:
    """The employee of that name, by the blind index of calls."""
    tags = primitives.derive(store.secret(INDEX_SEED), "tags")
    return Subject(agent=primitives.tag(tags, agent_name(name).encode("utf-8"), kind="agent"))


def _count(store: Store, name: str) -> int:
    rows = store.catalogue.search.of_subject(subject(store, name))
    return sum(row.kind is Kind.ORIGINAL for row in rows)
