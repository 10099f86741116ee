"""Look up harmless words: those that identify nobody. Any other word may be a name, a place or a misrecognised name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def is_harmless(folded: str) -> bool:
    """Whether a case-folded word is in the list of any language."""
    return folded in load_words()


@cache
def load_words() -> frozenset[str]:
    """The words of all languages, read once from `harmless.txt`."""
    text = files("arlo_rec.speech.detectors").joinpath("harmless.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if line[:1] not in {"#", "["})
    return frozenset(word for line in lines for word in line.split())
