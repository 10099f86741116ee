"""Words that say nothing of who somebody is. What is in no such list may be a name, a place or a misheard one."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def is_harmless(folded: str) -> bool:
    """Whether a word in small letters is in the list of any language."""
    return folded in words()


@cache
def words() -> frozenset[str]:
    """All of them, read once."""
    text = files("arlo_rec.speech.detectors").joinpath("harmless.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if line[:1] not in {"#", "["})
    return frozenset(word for line in lines for word in line.split())
