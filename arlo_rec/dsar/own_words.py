"""What a person said in a call, as text, where a transcript of it is held: with a training copy that is under review.

Only words of the person's own channel; a single track has none, because its words are everybody's, and then the answer
says that a transcript is held and gives none of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from arlo_rec.access import metadata
from arlo_rec.access.keyrings import Keyring
from arlo_rec.dsar.answer import Utterance
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import RecordingId
from arlo_rec.store import Store
from arlo_rec.training.cut_plan import HeardWord

_FIELDS: Final = range(len(HeardWord._fields) - len(HeardWord._field_defaults), len(HeardWord._fields) + 1)
_PAUSE: Final = 1.0  # seconds without a word after which another utterance begins
_WORD_LONGEST: Final = 200  # characters


class OwnWords(NamedTuple):
    """Whether a transcript of a call is held, and what the person says in it."""

    is_held: bool
    utterances: tuple[Utterance, ...]


def of_copies(
    store: Store,
    call: RecordingId,
    copies: Collection[RecordingId],
    keyring: Keyring,
    roles: Mapping[str, int],
    side: str,
) -> OwnWords:
    """The words of *side* by the newest copy of a call that has some of theirs, and by none of another."""
    is_held = False
    held = sorted(store.catalogue.recordings.held_among(copies), reverse=True)
    rows = [row for _, row in held if row.parent == call]
    keys = metadata.erasure_keys(store, rows, lenient=True)
    for row in rows:
        try:
            known = metadata.open_for(store, row, keyring, keys[row.id]) if row.id in keys else None
        except Integrity:
            continue
        every = list(_words(known or {}))
        is_held = is_held or bool(every)
        own = [word for word in every if side in roles and word.channel == roles[side]]
        words = sorted(own, key=lambda word: (word.start, word.end))
        if words:
            return OwnWords(is_held, tuple(_utterances(words)))
    return OwnWords(is_held, ())


def _words(known: Mapping[str, Any]) -> Iterator[HeardWord]:
    """The words in the makers' metadata of a copy, by the start of each."""
    cuts = known.get("cuts")
    kept = cuts.get("words") if isinstance(cuts, dict) else None
    for each in kept if isinstance(kept, list) else ():
        if isinstance(each, list) and len(each) in _FIELDS:
            word = HeardWord(*each)
            is_timed = all(type(at) in (int, float) and 0 <= at <= metadata.LONGEST for at in (word.start, word.end))
            is_text = isinstance(word.text, str) and 0 < len(word.text) <= _WORD_LONGEST
            if is_timed and is_text and word.transcript == 0:  # others are the same words, heard once more
                yield word


def _utterances(words: list[HeardWord]) -> Iterator[Utterance]:
    """Words in order of time, put together until a pause."""
    together: list[HeardWord] = []
    for word in words:
        if together and word.start - together[-1].end >= _PAUSE:
            yield _utterance(together)
            together = []
        together.append(word)
    yield _utterance(together)


def _utterance(words: list[HeardWord]) -> Utterance:
    return Utterance(words[0].start, max(word.end for word in words), " ".join(word.text for word in words))
