"""The files of the listening page by themselves: small, without inline code, and with every word that is said."""

from __future__ import annotations

import re

import pytest

from arlo_rec.i18n.messages import LANGUAGES, group
from arlo_rec.listening.page_files import PAGE, page, script, style

LARGEST = 60_000  # bytes of the three together


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_is_small(lang: str) -> None:
    assert len(page(lang)) + len(script()) + len(style()) < LARGEST


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_script_and_no_style_stands_in_the_markup(lang: str) -> None:
    markup = page(lang).decode("utf-8")
    assert re.findall(r"<script(?![^>]* src=\"/listen\.js\")|<style|\sstyle=|\son\w+=|javascript:", markup) == []
    assert set(re.findall(r'\b(?:src|href)="([^"]*)"', markup)) == {"/listen.js", "/listen.css", "data:,"}


def test_neither_script_nor_style_names_an_address_or_makes_markup_of_text() -> None:
    code = script().decode("utf-8") + style().decode("utf-8")
    assert (
        re.findall(r"https?:|//\w|url\(|@import|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval", code)
        == []
    )


def test_every_word_of_the_script_is_there_and_none_is_left_over() -> None:
    words, code = set(group("listening.page")), script().decode("utf-8")
    said = set(re.findall(r'(?:say|announce|finish|showLoop)\("(\w+)"', code)) | set(re.findall(r'"(now_\w+)"', code))
    assert len(said) > 20
    assert said <= words
    composed = {word for word in words if word.startswith(("closed_", "channel_"))}
    named = set(re.findall(r"\w+", code + (PAGE / "listen.html.j2").read_text("utf-8")))
    assert words - composed - named == set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_is_in_its_language(lang: str) -> None:
    assert f'<html lang="{lang}">' in page(lang).decode("utf-8")
    assert group("listening.page")["title"][lang] in page(lang).decode("utf-8")


def test_there_is_no_page_in_another_language() -> None:
    with pytest.raises(ValueError, match="sv"):
        page("sv")
