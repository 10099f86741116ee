"""The beginnings of ids, which tables show and commands take: what each means is told among what is open to who asks.

Recordings are asked for in the catalogue; of grants, cases and one person's calls all that is open is at hand. The id
of what waits for an officer is the digest of what it says: what she read under an id is what she approves by it.
So nobody learns from an answer how the ids begin that they may not see. What is typed may be somebody's telephone
number by mistake, which looks like a beginning; the log keeps whole ids alone (`gate`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from arlo_rec.crypto import primitives
from arlo_rec.model.records import RecordingId
from arlo_rec.model.strict_json import canonical
from arlo_rec.store import Store

SHORTEST: Final = 6  # signs: among the recordings of a day 16 bits tell them apart, in most cases
WHOLE: Final = re.compile(r"[0-9a-f]{32}")
_BEGINNING: Final = re.compile(rf"[0-9a-f]{{{SHORTEST},31}}")

Covers = Callable[[str], bool]  # whether recordings of a team are open to who asks


def of_content(document: Mapping[str, Any]) -> str:
    """The id of what waits: 16 hex digits of SHA-256 over the canonical JSON of all that it says.

    A random value that the program chose is part of it, so that nobody can look for two that have one id.
    """
    return primitives.sha256(canonical(document)).hex()[:16]


def is_one(text: str) -> bool:
    """Whether a text is an id or may be the beginning of one."""
    return bool(WHOLE.fullmatch(text) or _BEGINNING.fullmatch(text))


def as_logged(text: str) -> str:
    """What the log keeps of an id that was asked for: itself if it is a whole one, else only its length."""
    return text if WHOLE.fullmatch(text) else f"{len(text)} characters"


def meant(store: Store, covers: Covers, text: str) -> list[RecordingId]:
    """The ids that *text* may mean: itself where it is whole, held or not; of a beginning those that are open."""
    if WHOLE.fullmatch(text):
        return [RecordingId(bytes.fromhex(text))]
    if not _BEGINNING.fullmatch(text):
        return []
    return [name for name, team in store.catalogue.search.beginning_with(text) if covers(team)]


def named(text: str, ids: Collection[str]) -> list[str]:
    """Those of *ids* that *text* may mean: itself where it is one, else all that begin with it."""
    if text in ids:
        return [text]
    return [each for each in ids if len(text) >= SHORTEST and each.startswith(text)]


def shortest(name: str, ids: Collection[str]) -> str:
    """The shortest beginning of an id, of at least SHORTEST signs, that none of the other *ids* has."""
    signs = SHORTEST
    while any(other.startswith(name[:signs]) for other in ids if other != name):
        signs += 1
    return name[:signs]


def short_ids(store: Store, covers: Covers, recordings: Iterable[RecordingId]) -> dict[RecordingId, str]:
    """The shortest beginning of each id, of at least SHORTEST signs, that means it alone today."""
    short = {}
    for recording in recordings:
        name = recording.hex()
        short[recording] = shortest(name, {each.hex() for each in meant(store, covers, name[:SHORTEST])})
    return short
