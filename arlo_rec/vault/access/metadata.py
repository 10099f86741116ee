"""The sealed metadata of recordings: all of it for officers, under the commit key; a part for listeners.

The part under the audience key holds what managers may read: the agent's name and the length. The whole, for access
requests, also has the caller's number, the exchange's id, the claimed consent and the identifiers the company knew.
Both open only together with the erasure half of the recording.
A holder of the telephone system's key can seal other metadata, so `_checked` first verifies each value's type and
bounds. A damaged one stops no search, and is reported where it alone was wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import Audience, Recording, RecordingId, from_iso
from arlo_rec.law.model.strict_json import parse_object
from arlo_rec.vault.access.audience_keys import AudienceKey, CommitKeys
from arlo_rec.vault.access.keyrings import Keyring
from arlo_rec.vault.crypto import object_file
from arlo_rec.vault.opened import Store

LONGEST: Final = 7 * 24 * 3600.0  # seconds: a WAV of 4 GiB, 8000 samples a second of a byte each, has 6.2 days
_TEXT_LONGEST: Final = 1000  # characters; a manifest's texts have at most 200
_SIDES: Final = frozenset({"caller", "agent"})
_OF_EACH: Final = frozenset({"agent", "duration_s", "encoding", "rate", "tracks"})  # in both parts
_OF_WHOLE: Final = _OF_EACH | {"caller", "channels", "consent", "known", "lead_s", "source_id"}


@dataclass(frozen=True, slots=True)
class Facts:
    """The metadata of a recording: the whole, and the part for listeners."""

    whole: Mapping[str, Any] = field(repr=False)
    heard: Mapping[str, Any] = field(repr=False)


def seal(keys: CommitKeys, recording: Recording, ke: bytes, audience_key: AudienceKey, facts: Facts) -> None:
    """Store a recording's metadata, and the keys it is sealed under; inside a change."""
    keys.add(audience_key)
    keys.add_metadata(recording, keys.commit_key, ke, facts.whole)
    if audience_key.audience is not Audience.OFFICER:
        keys.add_metadata(recording, audience_key.key, ke, facts.heard)


def open_each(
    store: Store, recordings: Sequence[Recording], keyring: Keyring, erasure_keys: Mapping[RecordingId, bytes]
) -> Iterator[tuple[Recording, dict[str, Any] | None]]:
    """Each recording whose metadata the keyring opens, with it, in order; read in one go, opened one by one.

    The metadata is None if it is damaged. A recording without an erasure key is left out. Raises Integrity if a key
    was changed.
    """
    held = [recording for recording in recordings if recording.id in erasure_keys]
    sealed = store.catalogue.metadata.of([recording.id for recording in held])
    keyring.load(held, {key for keys in sealed.values() for key in keys})
    for recording in held:
        by_key = sealed.get(recording.id, {})
        key = keyring.metadata_key(recording, by_key)
        if key is None:
            continue
        yield recording, _opened(key.secret, erasure_keys[recording.id], recording, by_key[key.id])


def open_for(
    store: Store, recording: Recording, keyring: Keyring, ke: bytes, *, whole: bool = False
) -> dict[str, Any] | None:
    """The metadata of one recording; *whole* demands every fact of a call.

    None if the keyring does not open it. Raises Integrity (metadata_damaged), which names the recording.
    """
    for _, facts in open_each(store, [recording], keyring, {recording.id: ke}):
        if facts is None or (whole and not facts.keys() >= _OF_WHOLE):
            raise Integrity("metadata_damaged", id=recording.id.hex())
        return facts
    return None


def erasure_keys(store: Store, recordings: list[Recording], *, lenient: bool = False) -> dict[RecordingId, bytes]:
    """The erasure keys of held recordings, read under the root's lock in one view.

    Raises Integrity for one that does not open; *lenient* leaves it out.
    """
    keys = {}
    with store.root.lock(exclusive=False, wait=store.lock_wait), store.db.reading():
        tree = store.erasure_keys()
        for recording in recordings:
            try:
                keys[recording.id] = tree.unwrap(recording.id)
            except KeyError:
                continue  # erased meanwhile
            except Integrity:
                if not lenient:
                    raise
    return keys


def _opened(key: bytes, ke: bytes, recording: Recording, sealed: bytes) -> dict[str, Any] | None:
    try:
        facts = parse_object(object_file.open_metadata(key, ke, recording.id, recording.binding, sealed))
    except (Integrity, ValueError):
        return None
    return facts if _checked(facts) else None


def _checked(facts: Mapping[str, Any]) -> bool:
    """Whether metadata has the facts of both parts, and each known value its type and bounds."""
    return facts.keys() >= _OF_EACH and all(_FORMS[key](facts[key]) for key in _FORMS.keys() & facts.keys())


def _is_text(value: object) -> bool:
    return type(value) is str and len(value) <= _TEXT_LONGEST


def _is_text_or_none(value: object) -> bool:
    return value is None or _is_text(value)


def _is_number(value: Any, least: float, most: float) -> bool:
    return type(value) in (int, float) and least <= value <= most


def _is_count(value: object) -> bool:
    return type(value) is int and _is_number(value, 1, 1_000_000)


def _is_channels(value: object) -> bool:
    """None, or a channel for each side."""
    if type(value) is not dict or not value:
        return value == {}
    numbers = list(value.values())
    return value.keys() == _SIDES and all(type(number) is int for number in numbers) and sorted(numbers) == [0, 1]


def _is_known(value: object) -> bool:
    """Lists of texts by side."""
    if type(value) is not dict or not value.keys() <= _SIDES:
        return False
    return all(type(texts) is list and all(map(_is_text, texts)) for texts in value.values())


def _is_consent(value: object) -> bool:
    """An object with the instant of the key press; the prompt stands in the row."""
    try:
        return type(value) is dict and bool(from_iso(value["at"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return False


_FORMS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "agent": _is_text,
    "caller": _is_text_or_none,
    "channels": _is_channels,
    "consent": _is_consent,
    "duration_s": lambda value: _is_number(value, 0, LONGEST),
    "encoding": _is_text,
    "known": _is_known,
    "lead_s": lambda value: _is_number(value, -LONGEST, LONGEST),
    "rate": _is_count,
    "source_id": _is_text,
    "tracks": _is_count,
}
