"""The names of employees as blind indexes compare them: however they were typed, a name is the same name."""

from __future__ import annotations

import unicodedata


def agent_name(text: str) -> str:
    """A name without regard to case, to how its letters are composed, and to blanks around and between its parts."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def is_unicode(text: str) -> bool:
    """Whether a word of the command line can be written: bytes that are no UTF-8 arrive as lone surrogates."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)
