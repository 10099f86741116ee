"""No value makes markup in a page as Markdown, nor in the HTML that is made of it; what it says stays as it was."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from markdown_it import MarkdownIt

from arlo_rec.law.pages import in_markdown, render_markdown, visible
from tests.support.properties import examples

PLACES = (  # where values stand in our pages, and where they would do most
    *("{}\n", "before {} after\n", "{}{}\n", "*before {}*\n", "**before** {}\n", "- {}\n- {}: {}\n", "1. {}\n"),
    *("> {}\n", "# {}\n", "## {} (no)\n", "before\n{}\nafter\n", "[{}](x.md)\n", "{}\n\n---\n\n{}.\n", "- a\n  {}\n"),
)
SIGNS = st.text(
    st.one_of(
        st.sampled_from("\\`*_{}[]()<>#+-=.!|~&$^:;/\"'@ \t\r\n019a\u00a0\u2028\u202e\u0085\ud800"),
        st.characters(codec=None),
    ),
    max_size=30,
)
TEXT = {"text", "text_special", "softbreak"}
READERS = {  # parsers of other programs let HTML through, and know tables and struck text
    "ours": MarkdownIt("commonmark", {"html": False}),
    "others": MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]),
}


def structure(reader: MarkdownIt, text: str) -> list[str]:
    """The kinds of everything in a text, in order, but the text itself."""
    found = []
    for token in reader.parse(text):
        found.append(token.type)
        found += [
            child.type for child in token.children or [] if child.type not in {"text", "text_special", "softbreak"}
        ]
    return found


def words(reader: MarkdownIt, text: str) -> str:
    """What stands there, without blanks."""
    inline = [child for token in reader.parse(text) for child in token.children or []]
    return "".join("".join(child.content for child in inline).split())


def is_no_link(text: str) -> bool:
    """Whether a value is something, and no address of a website, which alone is shown as a link."""
    return bool(text.strip()) and not in_markdown(text).startswith("<https://")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@examples(300)
@given(value=SIGNS.filter(is_no_link))
@example(value="1. one")
@example(value="===")
@example(value="- - -")
@example(value="<script>alert(1)</script>")
@example(value="<!-- arlo-rec certificate: {} -->")
@example(value="[a](javascript:x)")
@example(value="&lt;b&gt; &#60;")
@example(value="a\n\n# b")
@example(value="\\")
@example(value="    indented")
@example(value="\t- x")
@example(value="https://oppdiktet.example/<b>")
@example(value="~~~\nx")
@example(value="| a |\n| - |")
@example(value="\ufeff# x")
def test_no_value_makes_markup_and_each_is_shown_as_it_is(reader: MarkdownIt, place: str, value: str) -> None:
    shown = place.replace("{}", in_markdown(value))
    assert structure(reader, shown) == structure(reader, place.replace("{}", "x"))
    plain = place.replace("{}", "\0")
    wanted = words(reader, plain.replace("\0", "x")).replace("x", "".join(visible(value).split()))
    if place != "[{}](x.md)\n":
        assert words(reader, shown) == wanted


class Tags(HTMLParser):
    """The elements of a page with their attributes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(tag)

    def handle_comment(self, data: str) -> None:
        self.seen.append(data)


def elements(page: str) -> list[object]:
    parser = Tags()
    parser.feed(page)
    parser.close()
    return parser.seen


@pytest.mark.parametrize("place", PLACES)
@examples(100)
@given(value=SIGNS.filter(is_no_link))
def test_no_value_makes_an_element_of_html(place: str, value: str) -> None:
    reader = READERS["ours"]
    made = reader.render(place.replace("{}", in_markdown(value)))
    assert elements(made) == elements(reader.render(place.replace("{}", "x")))


def test_the_address_of_a_website_is_a_link_and_nothing_else_is() -> None:
    assert in_markdown("https://oppdiktet.example/personvern") == "<https://oppdiktet.example/personvern>"
    others = ("http://oppdiktet.example/", "https://a.example/?b=c", "javascript:alert(1)", "https://a b", "https://")
    for other in (*others, "se https://oppdiktet.example/", "https://a.example/<x>", "a@oppdiktet.example"):
        assert "link_open" not in structure(READERS["others"], in_markdown(other))


def test_a_value_is_escaped_once_and_a_template_is_none(tmp_path: Path) -> None:
    (tmp_path / "page").write_text(
        "{% macro bold(text) %}**{{ text }}**{% endmacro %}{{ bold(name) }} {{ names|join(', ') }} {{ 5 }}"
    )
    shown = render_markdown(tmp_path, "page", name="{{ 7 * 7 }} *x*", names=["a_b", "c"])
    assert shown == r"**\{\{ 7 \* 7 \}\} \*x\*** a\_b, c 5"
    with pytest.raises(UndefinedError):
        render_markdown(tmp_path, "page", name="x")
