"""The three files of the listening page: markup in `nb` or `en`, script and style.

None of them holds personal data: the script asks the server that it came from, on loopback, for what it shows. The
words of the script stand in the markup, where they are escaped as all others. `page/` has the files themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from arlo_rec.i18n.messages import LANGUAGES, group, say
from arlo_rec.i18n.pages import render
from arlo_rec.policy import Purpose

PAGE: Final = Path(__file__).with_name("page")


def page(lang: str) -> bytes:
    """The markup in `nb` or `en`, UTF-8; raises ValueError for another language."""
    if lang not in LANGUAGES:
        raise ValueError(lang)
    words = {code: pair[lang] for code, pair in group("listening.page").items()}
    purposes = {f"purpose_{purpose}": say(f"purpose.{purpose}", lang) for purpose in Purpose}
    return render(PAGE, "listen.html.j2", lang=lang, words=words | purposes).encode("utf-8")


def script() -> bytes:
    """The script, UTF-8."""
    return (PAGE / "listen.js").read_bytes()


def style() -> bytes:
    """The style sheet, UTF-8."""
    return (PAGE / "listen.css").read_bytes()
