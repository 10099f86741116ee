"""The letter as people have it before them: narrow and wide, light and dark, by keyboard, on paper, to a screen reader.

Pictures of it go to the test's folder; `LETTER_PICTURES=FOLDER` puts them where somebody can look at them.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from arlo_rec.law.messages import LANGUAGES
from arlo_rec.people.dsar.answer import Answer, RecordedAccess
from tests.support import needs
from tests.support.answers import ANSWER, HOSTILE, NOTHING, OWN, PASSPHRASE, START, built
from tests.support.axe import violations
from tests.support.browser import Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),  # one is enough
    needs.mark(needs.browser()),
]
MANY = tuple(
    RecordedAccess(START.replace(day=1 + n % 9, hour=n % 23), *kind)
    for n in range(60)
    for kind in (("find", "quality", "manager"), ("export", "quality", "manager"), ("find", "training", "manager"))
)
LOOKS = (
    *(RecordedAccess(START + timedelta(days=day), "find", "quality", "manager") for day in (1, 2, 3)),
    *(RecordedAccess(START + timedelta(days=day), "listen", "quality", "manager") for day in (1, 2)),
    *(RecordedAccess(START + timedelta(days=4), action, None, "officer") for action in ("review", "release")),
    RecordedAccess(START + timedelta(days=5), "listen", "training", "manager"),
    RecordedAccess(START + timedelta(days=40), "dsar", None, "officer"),
)
FIRST = replace(OWN, accesses=LOOKS, exports=OWN.exports[:1], transcript_held=False, transcript=())
TWO = replace(
    ANSWER,
    recordings=(FIRST, replace(FIRST, id="f" * 32, started_at=START + timedelta(days=6), copies=(), copy_grants=())),
    **{"damaged": (), "scope": None, "outside_scope": 0, "withdrawals": (), "erased_since": ()},
)
LONG = replace(ANSWER, recordings=(replace(OWN, accesses=(*OWN.accesses, *MANY)), *ANSWER.recordings[1:]))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as started:
        yield started


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("LETTER_PICTURES", tmp_path))
    folder.mkdir(exist_ok=True)
    return folder


def unlock(browser: Browser, file: Path, answer: Answer = ANSWER, lang: str = "nb") -> None:
    file.write_bytes(built(answer, lang))
    browser.open(file)
    browser.type("#passphrase", PASSPHRASE)
    browser.click("#unlock button")
    browser.wait_until("!document.querySelector('#letter').hidden")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_axe_finds_nothing_wrong_in_any_part_of_the_page(
    browser: Browser, tmp_path: Path, lang: str, scheme: str
) -> None:
    browser.colours(scheme)
    for answer in (LONG, NOTHING, HOSTILE):
        file = tmp_path / "answer.html"
        file.write_bytes(built(answer, lang))
        browser.open(file)
        assert violations(browser) == []
        unlock(browser, file, answer, lang)
        browser.run("for (const part of document.querySelectorAll('details')) part.open = true")
        assert violations(browser) == []


def test_axe_would_find_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    unlock(browser, tmp_path / "answer.html")
    browser.run("document.querySelector('nav').append(new Image(9, 9))")
    browser.colours("light")
    browser.run("document.querySelector('.lead').style.color = '#aaa'")
    assert {violation.split(":")[0] for violation in violations(browser)} == {"color-contrast", "image-alt"}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_window(browser: Browser, tmp_path: Path, pictures: Path, width: int) -> None:
    browser.width(width)
    for name, answer in (("letter", LONG), ("nothing", NOTHING), ("hostile", HOSTILE)):
        for scheme in ("light", "dark"):
            browser.colours(scheme)
            unlock(browser, tmp_path / "answer.html", answer)
            (pictures / f"{name}-{width}-{scheme}.png").write_bytes(browser.whole_page())
        browser.run("for (const part of document.querySelectorAll('details')) part.open = true")
        wide = browser.run(
            """
            return [...document.querySelectorAll("#letter *")]
              .filter((one) => !one.closest(".wide table") && one.getBoundingClientRect().right > innerWidth)
              .map((one) => one.outerHTML.slice(0, 80));
            """
        )
        assert wide == []
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    browser.width(1000)


def test_all_that_can_be_used_is_reached_by_the_keyboard_and_seen_to_be(browser: Browser, tmp_path: Path) -> None:
    unlock(browser, tmp_path / "answer.html")
    browser.colours("light")
    reached = []
    for _ in range(200):
        browser.press_keys("\ue004")  # Tab
        told = browser.run(
            """
            const one = document.activeElement, style = getComputedStyle(one);
            return one === document.body ? null : [one.localName, style.outlineStyle, one.matches(":focus-visible")];
            """
        )
        if told is None:
            break
        reached.append(told)
    names = {name for name, _, _ in reached}
    assert {"a", "audio", "summary"} <= names
    assert [one for one in reached if one[0] != "audio" and (one[1] != "solid" or not one[2])] == []
    folded = [*ANSWER.recordings, *ANSWER.damaged, *(each for each in ANSWER.erased_since if each.accesses)]
    assert sum(name == "summary" for name, _, _ in reached) == len(folded) + 2  # files, and texts heard


def test_a_click_on_the_picture_of_a_sound_goes_there(browser: Browser, tmp_path: Path) -> None:
    unlock(browser, tmp_path / "answer.html")
    place = browser.run_async(
        """
        const audio = document.querySelector("audio"), wave = document.querySelector(".wave");
        const box = wave.getBoundingClientRect();
        const there = new Promise((say) => audio.addEventListener("seeked", say, { once: true }));
        wave.dataset.seconds = "1.5";  // the sound of this test is shorter than its call
        wave.dispatchEvent(new MouseEvent("click", { bubbles: true, clientX: box.left + box.width / 2 }));
        await there;
        audio.pause();
        await new Promise((next) => setTimeout(next, 300));
        return [audio.currentTime, getComputedStyle(wave.querySelector(".heard")).clipPath];
        """
    )
    assert 0.5 < place[0] < 1.3
    assert re.fullmatch(r"inset\(0px [\d.]+% 0px 0px\)", place[1])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_answer_of_two_calls_fits_six_printed_pages(
    browser: Browser, tmp_path: Path, pictures: Path, lang: str
) -> None:
    needs.demand(needs.program("pdfinfo"))
    unlock(browser, tmp_path / "answer.html", TWO, lang)
    paper = pictures / f"two.{lang}.pdf"
    paper.write_bytes(browser.printed())
    told = subprocess.run(["pdfinfo", str(paper)], check=True, capture_output=True, text=True).stdout
    assert int(re.findall(r"Pages: +(\d+)", told)[0]) <= 6


def test_on_paper_all_is_open_the_pages_are_numbered_and_name_the_case(
    browser: Browser, tmp_path: Path, pictures: Path
) -> None:
    unlock(browser, tmp_path / "answer.html", LONG)
    paper = pictures / "letter.print.pdf"
    paper.write_bytes(browser.printed())
    assert browser.run("return document.querySelectorAll('details[open]').length") == 0  # as it was before
    needs.demand(needs.program("pdftotext"))
    subprocess.run(["pdftoppm", "-r", "60", "-png", str(paper), str(pictures / "print")], check=True)
    text = subprocess.run(["pdftotext", "-layout", str(paper), "-"], check=True, capture_output=True, text=True).stdout
    pages = text.split("\f")[:-1]
    for number, page in enumerate(pages, 1):
        assert re.search(rf"\b{number} ?/ ?{len(pages)}\b", page)
        assert f"Sak {LONG.case.id}" in page
    assert OWN.prompt_sha256[:20] in text  # what is folded away on the screen
