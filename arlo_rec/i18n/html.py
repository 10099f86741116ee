"""HTML that cannot be broken by what people said: text is escaped once, here, and nowhere else.

`element` takes pieces of HTML and plain text and tells them apart by their type, so a name that somebody
chose badly is shown, not run. Characters that would fool the eye are replaced by their number.
"""

from __future__ import annotations

import html

from arlo_rec.policy import has_hidden_characters

_LAYOUT = frozenset("\n\t")  # white space to HTML


class Html(str):
    """A piece of HTML; only this room makes one. Joined to a plain text it is plain text again, and escaped."""

    __slots__ = ()


def escape(text: str) -> Html:
    """*text* as HTML shows it; controls and characters that turn the direction of writing as `[U+202E]`."""
    shown = "".join(
        f"[U+{ord(sign):04X}]" if sign not in _LAYOUT and has_hidden_characters(sign) else sign for sign in text
    )
    return Html(html.escape(shown, quote=True))


def element(name: str, *children: str, **attributes: str) -> Html:
    """An element with its end tag; `data_file=` becomes `data-file`, `class_=` becomes `class`."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{told}>{together(*children)}</{name}>")


def together(*pieces: str) -> Html:
    """Pieces one after the other, the plain ones escaped."""
    return Html("".join(one if isinstance(one, Html) else escape(one) for one in pieces))
