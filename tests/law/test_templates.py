"""The pages and letters that are templates: both languages say the same, and what people wrote is shown, not run."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from arlo_rec.law.pages import render
from arlo_rec.people.publishing.pages import NAMES
from tests.support.places import TOP
from tests.support.templates import facts

PACKAGE = TOP / "arlo_rec"
NORWEGIAN = sorted([*PACKAGE.rglob("*.nb.html.j2"), *PACKAGE.rglob("*.nb.md.j2")])


@pytest.mark.parametrize("norwegian", NORWEGIAN, ids=lambda path: path.name)
def test_both_languages_say_the_same_facts_in_the_same_order(norwegian: Path) -> None:
    english = norwegian.with_name(norwegian.name.replace(".nb.", ".en."))
    assert facts(norwegian.read_text("utf-8")) == facts(english.read_text("utf-8"))


def test_every_page_that_people_read_stands_in_both_languages() -> None:
    in_html = {one.name.split(".")[0] for one in NORWEGIAN if ".html" in one.name}
    assert in_html == {"letter", "package", "receipt", "user", "volume"}
    assert {one.name.split(".")[0] for one in NORWEGIAN} - in_html >= set(NAMES)
    assert len([*PACKAGE.rglob("*.en.html.j2"), *PACKAGE.rglob("*.en.md.j2")]) == len(NORWEGIAN)


def test_a_changed_number_gap_or_element_is_another_fact() -> None:
    template = '<p aria-label="to {{ name }}">After 90 days</p>{% if held %}{{ count }}{% endif %}'
    assert facts(template) == ["<p {{ name }}>", "90", "</p>", "{% if held %}", "{{ count }}", "{% endif %}"]
    for before, after in (("90", "30"), ("count", "total"), ("{{ name }}", ""), ("<p", "<b"), ("held", "not held")):
        assert facts(template.replace(before, after)) != facts(template)


def test_what_people_wrote_is_escaped_once_and_is_no_template(tmp_path: Path) -> None:
    (tmp_path / "page").write_text(
        '{% macro bold(text) %}<b title="{{ text }}">{{ text }}</b>{% endmacro %}{{ bold(name) }}'
    )
    shown = render(tmp_path, "page", name="{{ 7 * 7 }} <i>\"&'\u202e")
    safe = "{{ 7 * 7 }} &lt;i&gt;&#34;&amp;&#39;[U+202E]"
    assert shown == f'<b title="{safe}">{safe}</b>'


def test_a_missing_fact_is_an_error_and_no_gap(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<p>{{ number }}</p>")
    with pytest.raises(UndefinedError):
        render(tmp_path, "page")
