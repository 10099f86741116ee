"""The published pages as people have them before them: narrow and wide, light and dark, on paper, to a screen reader.

Pictures go to the test's folder; `PAGE_PICTURES=FOLDER` puts them where somebody can look at them.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from arlo_rec.law.messages import LANGUAGES
from arlo_rec.law.model.particulars import Particulars
from arlo_rec.people.publishing.pages import NAMES
from tests.support import needs
from tests.support.axe import violations
from tests.support.browser import Browser
from tests.support.pages import COMPANIES, NONE, STATED, page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),  # one is enough
    needs.mark(needs.browser()),
]
LONGEST = "x" * 500
HOSTILE = replace(STATED, contact="<img src=https://oppdiktet.example/x> **x**", address=LONGEST, notice=LONGEST)
SHOWN = {**COMPANIES, "hostile": HOSTILE}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as started:
        started.requested()
        yield started


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("PAGE_PICTURES", tmp_path))
    folder.mkdir(exist_ok=True)
    return folder


def written(folder: Path, company: Particulars) -> list[Path]:
    """Every page as HTML, in a folder."""
    for name in NAMES:
        for lang in LANGUAGES:
            (folder / f"{name}.{lang}.html").write_text(page(name, lang, "html", company), "utf-8")
    return sorted(folder.glob("*.html"))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("company", SHOWN.values(), ids=SHOWN)
def test_axe_finds_nothing_wrong_with_any_page(
    browser: Browser, tmp_path: Path, company: Particulars, scheme: str
) -> None:
    browser.colours(scheme)
    for file in written(tmp_path, company):
        browser.open(file)
        assert violations(browser) == [], file.name


def test_axe_would_find_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    browser.colours("light")
    browser.open(written(tmp_path, NONE)[0])
    browser.run("document.querySelector('main').append(new Image(9, 9))")
    browser.run("document.querySelector('header p').style.color = '#aaa'")
    assert {violation.split(":")[0] for violation in violations(browser)} == {"color-contrast", "image-alt"}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("company", SHOWN.values(), ids=SHOWN)
def test_nothing_is_wider_than_the_window(
    browser: Browser, tmp_path: Path, pictures: Path, company: Particulars, width: int
) -> None:
    name = next(name for name, each in SHOWN.items() if each is company)
    browser.width(width)
    browser.colours("light")
    for file in written(tmp_path, company):
        browser.open(file)
        (pictures / f"{name}-{file.stem}-{width}.png").write_bytes(browser.whole_page())
        wide = browser.run(
            """
            return [...document.querySelectorAll("body *")]
              .filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 80));
            """
        )
        assert wide == [], file.name
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), file.name
    browser.width(1000)


def test_no_page_asks_for_anything_or_complains(browser: Browser, tmp_path: Path) -> None:
    files = written(tmp_path, HOSTILE)
    browser.requested(), browser.complaints()
    for file in files:
        browser.open(file)
    assert browser.requested() == [file.absolute().as_uri() for file in files]
    assert browser.complaints() == []


def test_a_link_goes_to_its_section_and_to_the_same_page_in_the_other_language(
    browser: Browser, tmp_path: Path
) -> None:
    written(tmp_path, STATED)
    browser.open(tmp_path / "notice-customers.nb.html")
    for link in browser.run("return [...document.querySelectorAll('nav a')].map((one) => one.hash)"):
        assert browser.run("return document.querySelector(arguments[0]).localName", link) == "h2"
    browser.run("document.querySelector('a[hreflang=en]').click()")
    browser.wait_until("document.documentElement.lang === 'en'")
    assert browser.run("return document.title").startswith("Recording of calls: to you who call us")


def test_a_screen_reader_gets_landmarks_sections_with_names_and_the_language_of_a_quotation(
    browser: Browser, tmp_path: Path
) -> None:
    written(tmp_path, STATED)
    browser.open(tmp_path / "prompts.nb.html")
    assert browser.accessible("main")[0] == "main"
    assert browser.accessible("footer")[0] == "contentinfo"
    assert browser.accessible("nav") == ("navigation", "Innhold")
    assert browser.accessible("section.summary") == ("region", "Kort fortalt")
    assert browser.run("return document.querySelectorAll('blockquote[lang=en]').length") == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_on_paper_every_page_has_its_number_its_whole_text_and_its_foot(
    browser: Browser, tmp_path: Path, pictures: Path, lang: str
) -> None:
    written(tmp_path, STATED)
    needs.demand(needs.program("pdftotext"))
    for name in NAMES:
        browser.open(tmp_path / f"{name}.{lang}.html")
        paper = pictures / f"{name}.{lang}.pdf"
        paper.write_bytes(browser.printed())
        done = subprocess.run(["pdftotext", "-layout", str(paper), "-"], check=True, capture_output=True, text=True)
        sheets = done.stdout.split("\f")[:-1]
        for number, sheet in enumerate(sheets, 1):
            assert re.search(rf"\b{number} ?/ ?{len(sheets)}\b", sheet), name
        text = " ".join(done.stdout.split())
        assert "2026-01" in text
        assert "arlo-rec" in text
        assert "Oppdiktet AS" in text or name in {"prompts"}
