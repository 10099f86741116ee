"""Words as the tokens that detectors read: punctuation stripped, case folded, bounds of sentences marked."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.sound.speech import Word

ENDS = ".?!…:;"
_AROUND = " \t\n.,;:?!…\"'“”„«»()[]{}<>*_¿¡-–—"
_ORDINAL = re.compile(r"\d{1,2}\.$")  # "den 13. april" does not end a sentence
WORD_LONGEST = 100  # characters of a word that detectors look at
NEW_TURN = 1.5  # seconds of pause in a channel after which a new sentence begins


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a channel; `stripped` of the punctuation around it, `folded` case-folded; times in seconds."""

    stripped: str
    raw: str  # with the punctuation around it
    folded: str
    begins: bool  # first of a sentence, by punctuation and pauses
    ends: bool  # last of a sentence, by punctuation
    start: float
    end: float
    score: float | None
    channel: int | None
    timed: bool

    @property
    def capital(self) -> bool:
        """Whether the token begins with a capital letter."""
        return self.stripped[:1].isupper()


@dataclass(frozen=True, slots=True)
class Match:
    """Tokens *first* to *last* (inclusive) of one channel that identify a person; *score* from 0 to 1."""

    first: int
    last: int
    type: Kind
    source: str
    score: float


class Times(NamedTuple):
    """Starts and ends of the words of one channel, to look up the words of a finding."""

    starts: list[float]
    ends: list[float]

    @classmethod
    def of(cls, stream: Sequence[Token]) -> Times:
        """The times of a stream."""
        return cls([token.start for token in stream], [token.end for token in stream])

    def places(self, start: float, end: float) -> slice:
        """The words that start between *start* and *end*, and those without length at *end*."""
        first, behind = bisect_left(self.starts, start), bisect_left(self.starts, end)
        while behind < len(self.starts) and self.starts[behind] == self.ends[behind] == end:
            behind += 1
        return slice(first, behind)


def tokenise(words: Sequence[Word]) -> list[Token]:
    """The tokens of the words of one channel, in the same order."""
    stream: list[Token] = []
    begins_next = True
    for word in words:
        text = unicodedata.normalize("NFC", word.text)
        stripped = (text.strip(_AROUND) or text.strip())[:WORD_LONGEST]
        late = bool(stream) and word.start - stream[-1].end > NEW_TURN
        ends = text.rstrip("\"'”»)")[-1:] in ENDS and not _ORDINAL.match(text)
        stream.append(
            Token(
                stripped,
                text[:WORD_LONGEST],
                stripped.casefold(),
                begins_next or late,
                ends,
                word.start,
                word.end,
                word.score,
                word.channel,
                word.timed,
            )
        )
        begins_next = ends
    return stream


def is_cased(stream: Sequence[Token]) -> bool:
    """Whether capitals carry information: words are neither all lower case nor mostly capitalised."""
    inside = [
        token for token in stream if not token.begins and token.stripped[:1].isalpha() and len(token.stripped) > 1
    ]
    capitals = sum(token.capital for token in inside)
    return capitals < len(inside) * 0.5 and (capitals > 0 or any(token.begins and token.capital for token in stream))
