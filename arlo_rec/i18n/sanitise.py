"""The only sanitiser of text from outside that is shown in a terminal, a page, a table or a log."""

from __future__ import annotations

import unicodedata

_VISIBLE = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def clean(text: str) -> str:
    """*text* with everything that could deceive a reader or control a terminal written as a visible escape.

    Escape sequences, C1 controls, bidi marks, line separators, lone surrogates and unassigned or private
    characters become `\\x1b` or `\\u202e`; everything else is unchanged.
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
