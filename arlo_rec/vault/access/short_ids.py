"""Short ids: the beginnings of ids, which tables show and commands take.

A beginning is resolved only among the ids that are open to the person, so an answer reveals no other id. Recordings are
looked up in the catalogue; open grants, cases and one person's calls are at hand. A pending decision is named by its
whole id, the digest of its content: an officer approves exactly what she read (`office.pending`). A telephone number
typed by mistake looks like a beginning, so the log keeps whole ids alone (`gate`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Final

from arlo_rec.law.model.records import RecordingId
from arlo_rec.vault.opened import Store

SHORTEST: Final = 6  # characters: among the recordings of a day, 16 bits are unique in most cases
WHOLE: Final = re.compile(r"[0-9a-f]{32}")
_BEGINNING: Final = re.compile(rf"[0-9a-f]{{{SHORTEST},31}}")

Covers = Callable[[str], bool]  # whether recordings of a team are open to the person


def is_one(text: str) -> bool:
    """Whether a text is an id or may be the beginning of one."""
    return bool(WHOLE.fullmatch(text) or _BEGINNING.fullmatch(text))


def as_logged(text: str) -> str:
    """An asked-for id as logged: a whole id itself, else only its length."""
    return text if WHOLE.fullmatch(text) else f"{len(text)} characters"


def matching(store: Store, covers: Covers, text: str) -> list[RecordingId]:
    """The ids that *text* may mean: itself if whole, held or not; for a beginning, the matching open ones."""
    if WHOLE.fullmatch(text):
        return [RecordingId(bytes.fromhex(text))]
    if not _BEGINNING.fullmatch(text):
        return []
    return [name for name, team in store.catalogue.search.beginning_with(text) if covers(team)]


def named(text: str, ids: Collection[str]) -> list[str]:
    """Those of *ids* that *text* may mean: itself if among them, else all that begin with it."""
    if text in ids:
        return [text]
    return [candidate for candidate in ids if len(text) >= SHORTEST and candidate.startswith(text)]


def shortest(name: str, ids: Collection[str]) -> str:
    """The shortest beginning of an id, of at least SHORTEST characters, that no other of *ids* has."""
    length = SHORTEST
    while any(other.startswith(name[:length]) for other in ids if other != name):
        length += 1
    return name[:length]


def short_ids(store: Store, covers: Covers, recordings: Iterable[RecordingId]) -> dict[RecordingId, str]:
    """The shortest beginning of each id, of at least SHORTEST characters, that means it alone today."""
    short = {}
    for recording in recordings:
        name = recording.hex()
        short[recording] = shortest(name, {match.hex() for match in matching(store, covers, name[:SHORTEST])})
    return short
