"""Names however they were typed: of employees as blind indexes compare them, and of teams as they are spelt here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from arlo_rec.model.errors import Usage
from arlo_rec.policy import has_hidden_characters

LONGEST: Final = 200  # characters of a name, as in a manifest


def agent_name(text: str) -> str:
    """A name without regard to case, to how its letters are composed, and to blanks around and between its parts.

    Signs that nobody sees (soft hyphens, blanks without width) are none of it.
    """
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return " ".join(seen.casefold().split())


def demanded_name(text: str) -> str:
    """The name without blanks around it, if it can be one of an employee; raises Usage."""
    name = text.strip()
    if not name or len(name) > LONGEST or not is_unicode(name) or has_hidden_characters(name):
        raise Usage("bad_agent_name", most=LONGEST)
    return name


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
