"""Engines beyond this machine: registered by name, found by an address or by their section of the settings.

An engine keeps objects, a catalogue or a root secret, or hears calls. It is registered below the entry point
`arlo_rec.engines` with the scheme of its addresses, and the name of its settings where that is another. What no address
and no setting names is never imported. Addresses and settings are the owner's; no order through a door names one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from arlo_rec.vault.backends import Blobs, Connection, Locks, Root

GROUP: Final = "arlo_rec.engines"  # the entry points
_SECRET: Final = re.compile(r"(:(?!//))(?:.*(?=@)|\S*)|(password\s*=\s*)[^&\s]*", re.DOTALL)  # where one is written
SHOWN: Final = 80  # characters of an address in an error


@dataclass(frozen=True, slots=True)
class Given:
    """An account's means for an engine: its settings, the environment, and files that only the account reads."""

    settings: Mapping[str, Any]  # of its section of the config file
    environment: Mapping[str, str] = field(repr=False)  # which has secrets
    handed: Callable[[str], str | None] = field(repr=False)  # the file of a credential of systemd; None without one
    secret: Callable[[Path], bytes]  # reads a private file; raises OSError, NotUnlocked or Usage
    read: Callable[[Path, int], bytes]  # reads a file of at most so many bytes; raises OSError or Usage


Way = Callable[[str], Given]  # by the section of the settings


class Session(Locks, Protocol):
    """Locks that end with their connection."""

    def close(self) -> None:
        """End the connection, and with it its locks."""


class Objects(Protocol):
    """Places of objects in a service."""

    def place(self, text: str) -> str | None:
        """An address in its one form; None for any other text."""

    def blobs(self, at: str, way: Way | None) -> Blobs:
        """The objects at a place. The way is asked at the first use, which may raise Unreachable."""


class Catalogues(Protocol):
    """Catalogues in a database."""

    def is_address(self, text: str) -> bool:
        """Whether a text may be an address; the connection says what is wrong with one."""

    def session(self, at: str, *, reads_only: bool) -> Session:
        """A session whose locks all hosts share."""

    def opened(self, at: str, key: bytes, *, reads_only: bool = False, locks: Locks | None = None) -> Connection:
        """The database, with tables or without, in the session of the *locks* if they are of one.

        Raises NotUnlocked for the tables of another store.
        """

    def is_made(self, database: Connection) -> bool:
        """Whether a database that was opened has tables."""

    def demand_empty(self, database: Connection) -> None:
        """Raise Usage where it has tables, and Unreachable where the role may make none."""

    def drop(self, database: Connection, tables: Sequence[str]) -> None:
        """Remove the tables for good."""


class Roots(Protocol):
    """Root secrets that a service keeps."""

    def is_address(self, text: str) -> bool:
        """Whether a text is an address."""

    def root(self, store: bytes, at: str, way: Way | None, lock: Callable[..., AbstractContextManager[None]]) -> Root:
        """The root secret of a store; *lock* is taken for each use. Raises Usage for a bad setting, or NotUnlocked."""


class Hearing(Protocol):
    """Machines that hear calls for others."""

    def planners(self, address: str, given: Given) -> AbstractContextManager[Any]:
        """Planners of cuts (`training.planners`) at an address, to which nothing connects yet; raises Usage."""

    def work(self, address: str, given: Given, about: Mapping[str, Any]) -> Generator[int]:
        """Hear for an address until it is gone: the threads that are ready, each time that changes. Raises Usage."""


class Engine(NamedTuple):
    """The parts of an engine; None for what it does not keep."""

    section: str = ""  # of the settings
    settings: Mapping[str, type] = {}  # the keys of its section with their types
    files: tuple[str, ...] = ()  # the keys that name files of the program, which no intake may touch
    objects: Objects | None = None
    catalogues: Catalogues | None = None
    roots: Roots | None = None
    hearing: Hearing | None = None


def without_secret(text: str) -> str:
    """The beginning of an address that was typed, with a sign in place of a password, for an error."""
    return _SECRET.sub(r"\1\2…", text)[:SHOWN]


@cache
def engine(name: str) -> Engine | None:
    """The engine of a scheme or a section; None where none is registered."""
    from importlib.metadata import entry_points  # here: no address, no cost

    for found in entry_points(group=GROUP, name=name):
        loaded: Engine = found.load()
        return loaded
    return None


def engine_at(address: str) -> Engine | None:
    """The engine of an address."""
    scheme, mark, _ = address.partition("://")
    return engine(scheme) if mark else None


def every() -> dict[str, Engine]:
    """All engines with settings, by their section."""
    from importlib.metadata import entry_points

    loaded = (found.load() for found in sorted(entry_points(group=GROUP), key=lambda found: found.name))
    return {each.section: each for each in loaded if each.section}


def catalogues_at(address: str) -> Catalogues | None:
    """Those of an address of a catalogue; None for any other text."""
    kept = engine_at(address)
    return kept.catalogues if kept is not None and kept.catalogues and kept.catalogues.is_address(address) else None


def roots_at(address: str) -> Roots | None:
    """Those of an address of a root secret; None for any other text."""
    kept = engine_at(address)
    return kept.roots if kept is not None and kept.roots and kept.roots.is_address(address) else None


def place_of_objects(address: str) -> str | None:
    """An address of objects in its one form; None for any other text."""
    kept = engine_at(address)
    return kept.objects.place(address) if kept is not None and kept.objects else None
