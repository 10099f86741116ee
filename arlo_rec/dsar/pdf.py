"""The letter as PDF/UA-1, from the letter in HTML: the same sentences, set by typst (extra `[pdf]`).

The HTML is read into headings, paragraphs, lists, terms and tables, and these are given to `page/letter.typ` as data:
no text of a letter is ever markup of typst's. The template reads no file and no package, and only the fonts inside the
compiler are used, so a letter looks the same on every machine.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from arlo_rec.model.errors import Usage

NAME: Final = "letter.pdf"
MEDIATYPE: Final = "application/pdf"
TEMPLATE: Final = Path(__file__).with_name("page") / "letter.typ"
MOST_SIGNS: Final = 30  # different signs without a glyph that are looked for one by one, each at the cost of a run
LAST_LATIN: Final = "\u017f"  # the end of Latin Extended-A, which the fonts have whole
_NO_GLYPH = re.compile(r'the text `"(.*?)"` could not be displayed')
_LEFT_OUT = frozenset({"nav", "audio", "svg"})  # what paper cannot do, or only shows again
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4}
_BLOCKS = frozenset({*_HEADINGS, "p", "blockquote", "summary", "caption", "li", "dt", "dd", "th", "td", "div"})


def demand() -> None:
    """Raise Usage where typst is not installed."""
    try:
        import typst  # noqa: F401
    except ImportError:
        raise Usage("pdf_not_installed") from None


def letter_pdf(letter: str, lang: str, *, title: str, author: str, running: str, at: datetime) -> bytes:
    """The letter as PDF/UA-1, of the time *at*; *running* stands at the top of every page.

    A sign that no font of the compiler has is written as its code point, `[U+65E5]`: PDF/UA allows no empty box.
    """
    demand()
    from typst import TypstError

    told = {"lang": lang, "title": title, "author": author, "running": running, "blocks": blocks_of(letter)}
    content = json.dumps(told, ensure_ascii=False)
    for _ in range(MOST_SIGNS):
        try:
            return _compiled(content, at)
        except TypstError as problem:
            signs = {sign for text in _NO_GLYPH.findall(str(problem)) for sign in text if not sign.isascii()}
            if not signs:
                break
            content = "".join(f"[U+{ord(sign):04X}]" if sign in signs else sign for sign in content)
    return _compiled("".join(sign if sign <= LAST_LATIN else f"[U+{ord(sign):04X}]" for sign in content), at)


def _compiled(content: str, at: datetime) -> bytes:
    """The template with its data; raises TypstError where a sign has no glyph."""
    import typst

    made = typst.compile(
        TEMPLATE,
        root=TEMPLATE.parent,
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"letter": content},
        pdf_standards=["ua-1"],
        timestamp=at.replace(microsecond=0),  # typst takes no parts of a second
    )
    assert isinstance(made, bytes)
    return made


def blocks_of(letter: str) -> list[dict[str, Any]]:
    """A letter in HTML as the blocks that the template sets."""
    reader = _Reader()
    reader.feed(letter)
    reader.close()
    return _blocks(reader.top)


# -- reading ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Element:
    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    inside: list[_Element | str] = field(default_factory=list)

    def elements(self, *tags: str) -> list[_Element]:
        """The elements of these names right inside, or inside what only groups."""
        found = []
        for each in self.inside:
            if isinstance(each, _Element):
                found += [each] if each.tag in tags else each.elements(*tags)
        return found


class _Reader(HTMLParser):
    """Our own letter as a tree: every element in it ends, which a test holds."""

    def __init__(self) -> None:
        super().__init__()
        self.top = _Element("letter")
        self._open = [self.top]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = _Element(tag, dict(attrs))
        self._open[-1].inside.append(element)
        self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)


# -- setting ------------------------------------------------------------------------------------------


def _blocks(element: _Element) -> list[dict[str, Any]]:
    """What is inside an element as blocks; text that stands between blocks is a paragraph of its own."""
    blocks: list[dict[str, Any]] = []
    loose: list[_Element | str] = []
    for each in (*element.inside, None):
        if each is not None and not _is_block(each):
            loose.append(each)
            continue
        runs = _runs(loose)
        loose = []
        if runs:
            blocks.append({"kind": "paragraph", "runs": runs})
        if isinstance(each, _Element):
            blocks += _block(each)
    return blocks


def _is_block(each: _Element | str) -> bool:
    if isinstance(each, str):
        return False
    return each.tag in _BLOCKS or any(_is_block(part) for part in each.inside) or each.tag in {"ul", "ol", "dl"}


def _block(element: _Element) -> list[dict[str, Any]]:
    tag = element.tag
    if tag in _LEFT_OUT:
        return []
    if tag in _HEADINGS:
        return [{"kind": "heading", "level": _HEADINGS[tag], "runs": _runs(element.inside)}]
    if tag in {"p", "summary"}:
        return [{"kind": "summary" if tag == "summary" else "paragraph", "runs": _runs(element.inside)}]
    if tag == "blockquote":
        return [{"kind": "quote", "lang": element.attributes.get("lang"), "runs": _runs(element.inside)}]
    if tag in {"ul", "ol"}:
        return [{"kind": "list", "items": [_blocks(item) for item in element.elements("li")]}]
    if tag == "dl":
        pairs = zip(element.elements("dt"), element.elements("dd"), strict=True)
        return [{"kind": "terms", "pairs": [[_runs(term.inside), _blocks(meaning)] for term, meaning in pairs]}]
    if tag == "table":
        return [_table(element)]
    return _blocks(element)


def _table(element: _Element) -> dict[str, Any]:
    (caption,) = element.elements("caption")
    head, *rows = element.elements("tr")
    return {
        "kind": "table",
        "caption": _runs(caption.inside),
        "head": [_runs(cell.inside) for cell in head.elements("th")],
        "rows": [[_runs(cell.inside) for cell in row.elements("td")] for row in rows],
    }


def _runs(parts: list[_Element | str]) -> list[dict[str, str]]:
    """Text in order, each run with how it is set; white space is one space, and none at the ends."""
    return _squeezed(_collected(parts, {}))


def _collected(parts: list[_Element | str], style: dict[str, str]) -> list[dict[str, str]]:
    """The runs of *parts* with their white space as it stands."""
    runs: list[dict[str, str]] = []
    for part in parts:
        if isinstance(part, str):
            runs.append({"text": part, **style})
        elif part.tag == "q":
            runs += [{"text": "«", **style}, *_collected(part.inside, style), {"text": "»", **style}]
        elif part.tag not in _LEFT_OUT and part.attributes.get("class") != "verb":
            runs += _collected(part.inside, style | _style(part))
    return runs


def _style(element: _Element) -> dict[str, str]:
    if element.tag == "code":
        return {"set": "code"}
    address = element.attributes.get("href") or ""
    return {"href": address} if address.startswith("https:") else {}


def _squeezed(runs: list[dict[str, str]]) -> list[dict[str, str]]:
    """*runs* with white space as a browser shows it."""
    told: list[dict[str, str]] = []
    after_space = True
    for run in runs:
        text = "".join(" " if sign in " \t\n\r\f" else sign for sign in run["text"])
        while "  " in text:
            text = text.replace("  ", " ")
        text = text.lstrip(" ") if after_space else text
        if text:
            told.append({**run, "text": text})
            after_space = text.endswith(" ")
    if told and told[-1]["text"].endswith(" "):
        told[-1]["text"] = told[-1]["text"].rstrip(" ")
    return [run for run in told if run["text"]]
