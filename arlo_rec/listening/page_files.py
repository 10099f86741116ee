"""The files of the listening page: markup in `nb` or `en`, the scripts and the style.

None of them holds personal data: the script asks the server that it came from, on loopback, for what it shows. The
words of the scripts stand in the markup, where they are escaped as all others. `page/` has the files themselves;
`review.js` is loaded only where a training copy is reviewed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from arlo_rec.i18n.messages import LANGUAGES, group, say
from arlo_rec.i18n.pages import render
from arlo_rec.policy import Purpose

PAGE: Final = Path(__file__).with_name("page")
_COMPOSED: Final = ("channel_", "closed_", "purpose_", "sign_", "source_", "status_", "type_")  # of codes made there


def page(lang: str) -> bytes:
    """The markup in `nb` or `en`, UTF-8; raises ValueError for another language."""
    if lang not in LANGUAGES:
        raise ValueError(lang)
    words = {code: pair[lang] for code, pair in group("listening.page").items()}
    words |= {f"purpose_{purpose}": say(f"purpose.{purpose}", lang) for purpose in Purpose}
    for kind, sentences in (("type", "cut"), ("source", "cut_source"), ("status", "cut_status")):
        words |= {f"{kind}_{code}": pair[lang] for code, pair in group(sentences).items()}
    named = set(re.findall(r"\w+", (script() + review_script()).decode("utf-8")))
    said = {code for code in words if code in named or code.startswith(_COMPOSED)}
    return render(PAGE, "listen.html.j2", lang=lang, words=words, said=said).encode("utf-8")


def script() -> bytes:
    """The script, UTF-8."""
    return (PAGE / "listen.js").read_bytes()


def review_script() -> bytes:
    """What the script needs besides for a review, UTF-8."""
    return (PAGE / "review.js").read_bytes()


def style() -> bytes:
    """The style sheet, UTF-8."""
    return (PAGE / "listen.css").read_bytes()
