"""Words as detectors look at them: folded, with what their writing says, in the order in which one voice said them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from arlo_rec.speech.words import Word

ENDS = ".?!…:;"
_AROUND = " \t\n.,;:?!…\"'“”„«»()[]{}<>*_¿¡-–—"
_ORDINAL = re.compile(r"\d{1,2}\.$")  # "den 13. april" is no end of a sentence
LONGEST = 100  # letters of a word that detectors look at
NEW_TURN = 1.5  # seconds without a word of the same channel: somebody else spoke, or a new sentence begins


@dataclass(frozen=True, slots=True)
class Token:
    """One word; `shown` as written without what stands around it, `folded` in small letters."""

    shown: str
    written: str  # with the marks around it, by which a sentence is told from a list
    folded: str
    begins: bool  # first of a sentence, as far as writing and pauses tell
    ends: bool  # last of a sentence
    start: float
    end: float
    score: float | None
    channel: int | None
    timed: bool

    @property
    def capital(self) -> bool:
        """Written with a capital letter first."""
        return self.shown[:1].isupper()


@dataclass(frozen=True, slots=True)
class Found:
    """Words *first* to *last* (both in) of one stream identify somebody."""

    first: int
    last: int
    type: str
    source: str
    score: float


def tokens(words: Sequence[Word]) -> list[Token]:
    """The words of one channel, in order."""
    made: list[Token] = []
    begins = True
    for one in words:
        text = unicodedata.normalize("NFC", one.text)
        shown = (text.strip(_AROUND) or text.strip())[:LONGEST]
        late = bool(made) and one.start - made[-1].end > NEW_TURN
        ends = text.rstrip("\"'”»)")[-1:] in ENDS and not _ORDINAL.match(text)
        made.append(
            Token(
                shown,
                text[:LONGEST],
                shown.casefold(),
                begins or late,
                ends,
                one.start,
                one.end,
                one.score,
                one.channel,
                one.timed,
            )
        )
        begins = ends
    return made


def is_cased(stream: Sequence[Token]) -> bool:
    """Whether the transcript tells names by capital letters: not all small, and not all capitals."""
    inner = [one for one in stream if not one.begins and one.shown[:1].isalpha() and len(one.shown) > 1]
    capitals = sum(one.capital for one in inner)
    return capitals < len(inner) * 0.5 and (capitals > 0 or any(one.begins and one.capital for one in stream))
