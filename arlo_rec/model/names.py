"""Names however they were typed: of employees as blind indexes compare them, and of teams as they are spelt here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence


def agent_name(text: str) -> str:
    """A name without regard to case, to how its letters are composed, and to blanks around and between its parts."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def is_unicode(text: str) -> bool:
    """Whether a word of the command line can be written: bytes that are no UTF-8 arrive as lone surrogates."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def as_spelt(names: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """The names as they are spelt here: one that differs in capitals alone from the only known one is that one."""
    spelt = list(known)
    found = []
    for name in names:
        alike = [each for each in spelt if each.casefold() == name.strip().casefold()]
        found.append(alike[0] if len(alike) == 1 and name not in spelt else name)
    return tuple(found)
