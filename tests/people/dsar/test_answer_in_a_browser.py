"""The access answer in a real browser: it opens with its passphrase alone, and sends nothing out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from arlo_rec.law.messages import LANGUAGES
from arlo_rec.law.pages import visible
from arlo_rec.people.dsar.answer import Answer
from tests.support import needs
from tests.support.answers import (
    ANSWER,
    HOSTILE,
    NOTHING,
    NUMBER,
    PASSPHRASE,
    PROMPT,
    SCRIPTS,
    built,
    opened,
)
from tests.support.browser import Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),  # one is enough
    needs.mark(needs.browser()),
]
PART = b'<script type="application/octet-stream;base64">'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as started:
        yield started


def unlock(browser: Browser, file: Path, answer: Answer = ANSWER, lang: str = "nb") -> None:
    """Open the file of *answer* and wait for the letter."""
    file.write_bytes(built(answer, lang))
    browser.open(file)
    browser.run(
        "window.made = []; const make = URL.createObjectURL;"
        "URL.createObjectURL = (blob) => { window.made.push(blob); return make.call(URL, blob); };"
    )
    browser.type("#passphrase", PASSPHRASE)
    browser.click("#unlock button")
    browser.wait_until("!document.querySelector('#letter').hidden")


@pytest.mark.parametrize(
    ("lang", "title"), [("nb", "Svar på kravet ditt om innsyn"), ("en", "Answer to your request for access")]
)
def test_the_right_passphrase_shows_the_letter(browser: Browser, tmp_path: Path, lang: str, title: str) -> None:
    unlock(browser, tmp_path / "answer.html", lang=lang)
    assert browser.text("h1") == title
    assert browser.run("return document.documentElement.lang") == lang
    assert browser.run("return document.querySelectorAll('article .facts').length") == 3
    assert browser.run("return document.querySelector('#gate, #sealed, #passphrase')") is None
    assert PROMPT.text in browser.text("blockquote")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_wrong_passphrase_says_so_and_can_be_tried_again(browser: Browser, tmp_path: Path, lang: str) -> None:
    file = tmp_path / "answer.html"
    file.write_bytes(built(ANSWER, lang))
    browser.open(file)
    for wrong in ("", "2b7k-uærlig-kopi"):
        browser.type("#passphrase", wrong)
        browser.click("#unlock button")
        browser.wait_until("document.querySelector('#status.problem')")
        assert browser.text("#status").startswith(
            {"nb": "Passordet stemmer ikke.", "en": "The passphrase is not right."}[lang]
        )
        assert browser.run("return document.activeElement.id") == "passphrase"
        assert browser.run("return document.querySelector('#letter').innerHTML") == ""
    browser.type("#passphrase", f"  {PASSPHRASE}\u00a0")
    browser.press_keys("\ue007")  # Enter
    browser.wait_until("!document.querySelector('#letter').hidden")


def test_a_changed_letter_does_not_open(browser: Browser, tmp_path: Path) -> None:
    file, page = tmp_path / "answer.html", built(ANSWER)
    place = page.rindex(b"</script>") - 100
    file.write_bytes(page[:place] + (b"A" if page[place] != ord("A") else b"B") + page[place + 1 :])
    browser.open(file)
    browser.type("#passphrase", PASSPHRASE)
    browser.click("#unlock button")
    browser.wait_until("document.querySelector('#status.problem')")


def test_a_letter_whose_page_lacks_a_part_does_not_open(browser: Browser, tmp_path: Path) -> None:
    file, page = tmp_path / "answer.html", built(ANSWER)
    at = page.index(PART)
    file.write_bytes(page[:at] + page[page.index(b"</script>", at) + len(b"</script>") :])
    browser.open(file)
    browser.type("#passphrase", PASSPHRASE)
    browser.click("#unlock button")
    browser.wait_until("document.querySelector('#status.problem')")


def test_a_passphrase_typed_in_another_unicode_form_opens_too(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "answer.html"
    file.write_bytes(built(ANSWER, passphrase="blåbærsyltetøy å"))
    browser.open(file)
    browser.run("document.querySelector('#passphrase').value = 'bla\\u030abærsyltetøy a\\u030a '")
    browser.click("#unlock button")
    browser.wait_until("!document.querySelector('#letter').hidden")


def play_all(browser: Browser) -> None:
    """Play every sound, until its length is known; what stands there before is nearly nothing long."""
    browser.run(
        "for (const one of document.querySelectorAll('audio')) { one.muted = true; one.play().catch(() => 0); }"
    )
    browser.wait_until("[...document.querySelectorAll('audio')].every((one) => one.duration > 0.1)")


def test_the_sounds_load_with_their_lengths_and_the_other_channel_is_zero(browser: Browser, tmp_path: Path) -> None:
    unlock(browser, tmp_path / "answer.html")
    play_all(browser)
    durations = browser.run("return [...document.querySelectorAll('audio')].map((one) => one.duration)")
    assert durations == pytest.approx([1.5, 0.75], abs=0.01)
    loudest = browser.run_async(
        """
        const found = [];
        const loudest = (samples) => samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        for (const blob of window.made.slice(0, 2)) {
          const context = new OfflineAudioContext(2, 1, 8000);
          const sound = await context.decodeAudioData(await blob.arrayBuffer());
          found.push([0, 1].map((one) => loudest(sound.getChannelData(one))));
        }
        return found;
        """
    )
    assert [[value > 0 for value in pair] for pair in loudest] == [[True, False], [False, True]]


def test_a_file_is_decrypted_when_it_is_first_needed_and_once(browser: Browser, tmp_path: Path) -> None:
    unlock(browser, tmp_path / "answer.html")
    assert browser.run("return window.made.length") == 0
    assert browser.run("return parts.filter((part) => part).length") == len(opened(built(ANSWER))["files"]) + 1
    browser.run_async("await fileUrl('recording-02.wav'); await fileUrl('recording-02.wav')")
    play_all(browser)
    assert browser.run("return window.made.length") == 2


def test_every_link_saves_exactly_its_file_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    unlock(browser, tmp_path / "answer.html")
    files = opened(built(ANSWER))["files"]
    links = "[...document.querySelectorAll('a[data-file]')]"
    assert browser.run(f"return {links}.every((one) => one.tabIndex === 0)")
    for file in files:
        browser.run(f"{links}.findLast((one) => one.dataset.file === {file['name']!r}).focus()")
        browser.press_keys("\ue007")  # Enter
        saved = browser.downloads / file["name"]
        browser.wait_for(lambda saved=saved, file=file: saved.exists() and saved.stat().st_size == file["bytes"])
        assert hashlib.sha256(saved.read_bytes()).hexdigest() == file["sha256"]


def test_nothing_is_asked_for_from_anywhere(browser: Browser, tmp_path: Path) -> None:
    browser.requested(), browser.complaints()
    unlock(browser, tmp_path / "answer.html")
    play_all(browser)
    assert {url.split(":")[0] for url in browser.requested()} <= {"file", "blob", "data"}
    resources = browser.run("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert [one for one in resources if not one.startswith("blob:")] == []
    assert browser.complaints() == []  # among them every breach of the page's policy


@pytest.mark.parametrize(
    ("attempt", "directive"),
    [
        ("fetch('https://example.invalid/').catch(() => 0)", "connect-src"),
        ("new Image().src = 'https://example.invalid/'", "img-src"),
        ("put('<form action=\"https://example.invalid/\"></form>'); document.forms[0].submit()", "form-action"),
        ("put('<iframe src=\"https://example.invalid/\"></iframe>')", "frame-src"),
        ("put('<p onclick=\"window.ran = 1\">'); document.querySelector('p').click()", "script-src-attr"),
        ("document.body.append(Object.assign(make('script'), {text: 'window.ran = 1'}))", "script-src-elem"),
    ],
)
def test_even_a_script_inside_the_page_could_send_nothing_out(
    browser: Browser, tmp_path: Path, attempt: str, directive: str
) -> None:
    unlock(browser, tmp_path / "answer.html")
    stopped = browser.run_async(
        f"""
        const put = (markup) => {{ document.body.innerHTML = markup; }};
        const make = (name) => document.createElement(name);
        const stopped = new Promise((say) => document.addEventListener("securitypolicyviolation", say));
        {attempt};
        return (await stopped).effectiveDirective;
        """
    )
    assert stopped == directive
    assert browser.run("return window.ran") is None


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hostile_names_neither_run_nor_break_the_letter(browser: Browser, tmp_path: Path, lang: str) -> None:
    browser.complaints()
    unlock(browser, tmp_path / "answer.html", HOSTILE, lang)
    assert browser.run("return window.ran") is None
    assert browser.run("return document.querySelectorAll('#letter script, img, #letter style').length") == 0
    assert browser.run("return document.querySelectorAll('article .facts').length") == len(SCRIPTS)
    shown = browser.run("return [...document.querySelectorAll('blockquote')].map((one) => one.textContent)")
    assert shown == [visible(one) for one in SCRIPTS]
    assert browser.complaints() == []


@pytest.mark.parametrize(("lang", "sentence"), [("nb", "Vi fant ingen opptak"), ("en", "We found no recordings")])
def test_a_letter_about_nothing_opens_too(browser: Browser, tmp_path: Path, lang: str, sentence: str) -> None:
    unlock(browser, tmp_path / "answer.html", NOTHING, lang)
    assert sentence in browser.text("#search")
    assert NUMBER in browser.text("#search")
    assert browser.run("return document.querySelectorAll('audio').length") == 0


def test_a_screen_reader_gets_names_for_all_that_can_be_used(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "answer.html"
    file.write_bytes(built(ANSWER, "en"))
    browser.open(file)
    assert browser.accessible("#passphrase") == ("textbox", "Passphrase")
    assert browser.accessible("#show") == ("checkbox", "Show what I type")
    assert browser.accessible("#unlock button") == ("button", "Open the letter")
    assert browser.accessible("#status")[0] == "status"
    unlock(browser, file, lang="en")
    assert browser.run("return document.activeElement.textContent") == "Answer to your request for access"
    assert browser.accessible("audio")[1] == "The sound of recording 1"
    assert browser.accessible("nav") == ("navigation", "Contents")
    assert browser.accessible("article")[1].startswith("Recording 1: 1 October 2026")


def test_the_passphrase_can_be_shown_while_it_is_typed(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "answer.html"
    file.write_bytes(built(ANSWER))
    browser.open(file)
    browser.click("#show")
    assert browser.run("return document.querySelector('#passphrase').type") == "text"
    browser.click("#show")
    assert browser.run("return document.querySelector('#passphrase').type") == "password"
