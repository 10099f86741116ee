"""HTML from the Markdown of a page: its heading, its sections, and the footer behind the last rule.

HTML in the Markdown is escaped. Beyond CommonMark, an emphasised paragraph or list item is marked as missing, and one
that begins with strong words as open; a quotation, and a link to a page in another language, get their language. An
e-mail address becomes a link, which may break at its @ and dots; a number and its unit, and other such pairs, do not
break.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PAGE: Final = re.compile(r"[a-z-]+[.](nb|en)[.](?:html|md)")
_EMAIL: Final = re.compile(
    r"(?<![\w.+-])[a-zA-Z0-9][\w.+-]{0,63}@(?:[a-zA-Z0-9-]{1,63}[.]){1,8}[a-zA-Z]{2,63}\b", re.ASCII
)
_MAY_BREAK: Final = re.compile(r"(?<=@)|(?=[.])")  # an address
_UNIT: Final = "|".join(
    (
        *("dag(?:er|ene)?", "opptak", "måned(?:er)?", "år", "tegn"),
        *("days?", "recordings?", "months?", "years?", "characters"),
    )
)
_TOGETHER: Final = re.compile(  # a space that no line breaks at
    rf"(?<=\d) (?=(?:{_UNIT})\b)|(?<=\b[Aa]rtikkel) (?=\d)|(?<=\bnr[.]) (?=\d)|(?<=\bkl[.]) (?=\d)"
    r"|(?<=\b[Bb]okstav) (?=[a-z]\b)|(?<=\b[Aa]rticle) (?=\d)|(?<=\b[Kk]apittel) (?=\d)|(?<=\b[Cc]hapter) (?=\d)"
    r"|(?<=\d) (?=nr[.] \d)"
)
_TEXT: Final = frozenset({"text", "text_special", "code_inline"})


class Section(NamedTuple):
    """One heading of the second level with the HTML below it."""

    id: str
    heading: str
    content: str


class Sections(NamedTuple):
    """A page: its title as text, and its introduction, sections and footer as HTML."""

    title: str
    head: str
    parts: list[Section]
    foot: str


def whole(markdown: str) -> str:
    """A text in Markdown as HTML, without sections."""
    return str(MarkdownIt("commonmark", {"html": False}).render(markdown)).strip()


def sections(markdown: str, lang: str, quoted: Mapping[str, str]) -> Sections:
    """The sections of a page in *lang*; *quoted* gives the language of each quotation, by text."""
    parser = MarkdownIt("commonmark", {"html": False})
    tokens = parser.parse(markdown)
    for at, token in enumerate(tokens):
        _mark(tokens, at, token, lang, quoted)

    def html(piece: Sequence[Token]) -> str:
        return str(parser.renderer.render(list(piece), parser.options, {})).strip()

    rule = max(at for at, token in enumerate(tokens) if token.type == "hr")
    begins = [at for at, token in enumerate(tokens[:rule]) if token.type == "heading_open" and token.tag == "h2"]
    parts = []
    for number, (begin, end) in enumerate(zip(begins, [*begins[1:], rule], strict=True), 1):
        tokens[begin].attrSet("id", f"part-{number}")
        parts.append(Section(f"part-{number}", _text(tokens[begin + 1]), html(tokens[begin:end])))
    return Sections(_text(tokens[1]), html(tokens[: begins[0]]), parts, html(tokens[rule + 1 :]))


def _mark(tokens: Sequence[Token], at: int, token: Token, lang: str, quoted: Mapping[str, str]) -> None:
    """The attributes of a token beyond CommonMark."""
    if token.type == "paragraph_open":
        inline = tokens[at + 1].children or []
        kind = _kind(inline)
        if kind is not None:
            is_point = token.hidden and tokens[at - 1].type == "list_item_open"  # of a list without gaps
            (tokens[at - 1] if is_point else token).attrSet("class", kind)
    elif token.type == "blockquote_open":
        spoken = quoted.get(_text(tokens[at + 2]), lang)
        if spoken != lang:
            token.attrSet("lang", spoken)
    for link in (child for child in token.children or [] if child.type == "link_open"):
        for name, value in _about(str(link.attrGet("href")), lang):
            link.attrSet(name, value)
    if token.type == "inline":
        token.children = list(_with_addresses(token.children or []))


def _with_addresses(inline: Sequence[Token]) -> Iterator[Token]:
    """The same content with each e-mail address as a link, and with spaces that do not break."""
    depth = 0
    for token in inline:
        depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type != "text":
            yield token
            continue
        at = 0
        for address in _EMAIL.finditer(token.content) if depth == 0 else ():
            yield _plain(token.content[at : address.start()])
            yield Token("link_open", "a", 1, attrs={"href": f"mailto:{address[0]}"})
            for number, piece in enumerate(_MAY_BREAK.split(address[0])):
                if number:
                    yield Token("html_inline", "", 0, content="<wbr>")
                yield _plain(piece)
            yield Token("link_close", "a", -1)
            at = address.end()
        yield _plain(token.content[at:])


def _plain(text: str) -> Token:
    return Token("text", "", 0, content=_TOGETHER.sub("\N{NO-BREAK SPACE}", text))


def _kind(inline: Sequence[Token]) -> str | None:
    """The class of a paragraph with that content."""
    types = [child.type for child in inline if child.type != "text" or child.content]
    if types[:1] == ["strong_open"]:
        return "open"
    is_whole = types[:1] == ["em_open"] and types[-1] == "em_close" and types.count("em_open") == 1
    return "missing" if is_whole else None


def _about(address: str, lang: str) -> Iterator[tuple[str, str]]:
    """The further attributes of a link: the language of a page in another, and no referrer for a website."""
    page = _PAGE.fullmatch(address)
    if page and page[1] != lang:
        yield "lang", page[1]
        yield "hreflang", page[1]
    if address.startswith("https:"):
        yield "rel", "noreferrer"


def _text(token: Token) -> str:
    """The text of a line without its markup."""
    shown = {"softbreak": " "}
    return "".join(
        child.content if child.type in _TEXT else shown.get(child.type, "") for child in token.children or []
    )
