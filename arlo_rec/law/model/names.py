"""Names as typed: of employees as blind indexes compare them, and of teams in their known spelling."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from arlo_rec.law.model.errors import Usage
from arlo_rec.policy import has_hidden_characters

LONGEST: Final = 200  # characters of a name, as in a manifest


def agent_name(text: str) -> str:
    """A name without regard to case, to composed letters, and to blanks around and between its parts.

    Invisible characters (soft hyphens, zero-width blanks) are dropped.
    """
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return " ".join(seen.casefold().split())


def demanded_name(text: str) -> str:
    """The name without surrounding blanks, if it can be an employee's; raises Usage."""
    name = text.strip()
    if not name or len(name) > LONGEST or not is_unicode(name) or has_hidden_characters(name):
        raise Usage("bad_agent_name", most=LONGEST)
    return name


def is_unicode(text: str) -> bool:
    """Whether a command-line word can be encoded: bytes that are no UTF-8 arrive as lone surrogates."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def as_spelt(names: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """The names in their known spelling: one that differs only in case from a single known name becomes that one."""
    spelt = list(known)
    result = []
    for name in names:
        alike = [candidate for candidate in spelt if candidate.casefold() == name.strip().casefold()]
        result.append(alike[0] if len(alike) == 1 and name not in spelt else name)
    return tuple(result)
