"""The files of the pages by themselves: small, without inline code, and with every word that is said."""

from __future__ import annotations

import re
from html import unescape

import pytest

from arlo_rec.desk.server import PAGE, page_files
from arlo_rec.law.messages import LANGUAGES, group
from arlo_rec.policy import DESK

LARGEST, LARGEST_REVIEW = 80_000, 100_000  # bytes of what a page loads, to listen and to review
LARGEST_DESK = 34_000  # of the desk, without the style that both have
OF_DESK = ("/desk", "/desk.js", "/desk.css")


def text_of(*names: str, lang: str = "en") -> str:
    return "".join(page_files(lang)[f"/{name}"][1].decode("utf-8") for name in names)


CODE = text_of("start.js", "visit.js", "listen.js", "review.js")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_is_small(lang: str) -> None:
    sizes = {path: len(content) for path, (_, content) in page_files(lang).items()}
    desk = sum(sizes.pop(path) for path in OF_DESK)
    assert desk < LARGEST_DESK
    assert sum(sizes.values()) < LARGEST_REVIEW
    assert sum(sizes.values()) - sizes["/review.js"] < LARGEST


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_script_and_no_style_stands_in_the_markup(lang: str) -> None:
    for page, loads in (("", {"/start.js"}), ("desk", {"/desk.js", "/desk.css"})):
        markup = text_of(page, lang=lang)
        inline = r"<script(?![^>]* src=\"/(?:start|desk)\.js\")|<style|\sstyle=|\son\w+=|javascript:"
        assert re.findall(inline, markup) == []
        assert set(re.findall(r'\b(?:src|href)="([^"]*)"', markup)) == {"/listen.css", "data:,"} | loads


def test_neither_script_nor_style_names_an_address_or_makes_markup_of_text() -> None:
    code = CODE + text_of("listen.css", "desk.js", "desk.css")
    assert (
        re.findall(r"https?:|//\w|url\(|@import|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval", code)
        == []
    )


def test_every_word_of_the_script_is_there_and_none_is_left_over() -> None:
    words = set(group("listening.page"))
    said = set(re.findall(r'(?:say|announce|finish|showLoop)\("(\w+)"', CODE)) | set(re.findall(r'"(now_\w+)"', CODE))
    assert len(said) > 60
    assert said <= words
    composed = {word for word in words if word.startswith(("closed_", "channel_", "sign_", "status_"))}
    markup = (PAGE / "listen.html.j2").read_text("utf-8")
    acted = {action.replace("-", "_") for action in re.findall(r'act\("([\w-]+)"\)', markup)}
    assert words - composed - acted - set(re.findall(r"\w+", CODE + markup)) == set()


def test_every_word_of_the_desk_is_there_and_none_is_left_over() -> None:
    words, code = set(group("desk.page")), text_of("visit.js", "desk.js")
    markup = (PAGE / "desk.html.j2").read_text("utf-8")
    assert set(re.findall(r'say\("(\w+)"', code)) <= words
    composed = {word for word in words if word.startswith(("view_", "act_", "open_", "severity_", "closed_"))}
    python = {"heard", "older", "no_access", "no_grant", *(f"view_{view}" for views in DESK.values() for view in views)}
    assert python <= words
    assert words - composed - python - set(re.findall(r"\w+", code + markup)) == set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_the_scripts_say_stands_in_the_page_with_the_words_for_cuts(lang: str) -> None:
    markup = text_of("", lang=lang)
    given = dict(
        line.split(" ", 1) for line in markup.partition('<template id="words">\n')[2].splitlines() if " " in line
    )
    for kind, sentences in (("type", "cut"), ("source", "cut_source"), ("status", "cut_status")):
        for code, pair in group(sentences).items():
            assert given[f"{kind}_{code}"] == pair[lang]
    for code in set(re.findall(r'(?:say|announce|finish|showLoop)\("(\w+)"', CODE)):
        assert unescape(given[code]) == group("listening.page")[code][lang]


def test_every_action_of_a_review_has_a_button_and_a_key_of_its_own() -> None:
    keys = dict(re.findall(r'^ *"?([\w-]+)"?: \["([\w+]+)", ', CODE, re.MULTILINE))
    assert len(keys) > 20
    assert sorted(keys) == sorted(re.findall(r'act\("([\w-]+)"\)', (PAGE / "listen.html.j2").read_text("utf-8")))
    others = re.findall(r'^ *"?(\S+?)"?: "[\w-]+",', text_of("listen.js"), re.MULTILINE)
    assert len(others) > 15
    assert len({*keys.values(), *others}) == len(keys) + len(others)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_is_in_its_language(lang: str) -> None:
    assert all(f'<html lang="{lang}">' in text_of(page, lang=lang) for page in ("", "desk"))
    assert group("listening.page")["title"][lang] in text_of("", lang=lang)


def test_there_is_no_page_in_another_language() -> None:
    with pytest.raises(ValueError, match="sv"):
        page_files("sv")
