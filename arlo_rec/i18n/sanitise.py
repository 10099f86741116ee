"""The one sanitiser: text from outside, made harmless for whoever or whatever reads it."""

from __future__ import annotations

import unicodedata

_VISIBLE = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def clean(text: str) -> str:
    """Text from outside, made harmless for a terminal, a page, a cell or a log: controls become visible.

    Escape sequences, C1 controls, bidi marks, line separators, lone surrogates and unassigned or private
    characters come out as `\\x1b` or `\\u202e`; everything else stays as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if _is_harmless(sign) else _escaped(sign) for sign in text)


def _is_harmless(sign: str) -> bool:
    return unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # bidi marks are Cf


def _escaped(sign: str) -> str:
    if sign in _VISIBLE:
        return _VISIBLE[sign]
    point = ord(sign)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"
