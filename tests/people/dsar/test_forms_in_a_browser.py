"""Answers of the real store in a real browser: MP3s of the recordings' lengths, archives, and what age had inside."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.people.dsar import writing
from tests.support import needs
from tests.support.browser import Browser
from tests.support.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),  # one is enough
    needs.mark(needs.browser()),
]
LENGTHS = (1.3, 0.5, 2.05)  # seconds of the calls
DECODED = """
const lengths = [];
for (const audio of document.querySelectorAll("audio")) {
  const url = await fileUrl(audio.dataset.file);
  const body = await new Promise((take, fail) => {
    const request = new FileReader();
    request.onload = () => take(request.result);
    request.readAsArrayBuffer(window.made.get(url));
  });
  const sound = await new OfflineAudioContext(1, 1, 8000).decodeAudioData(body);
  lengths.push(sound.length);
}
return lengths;
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as started:
        yield started


def ask(world: World, *more: str) -> dict[str, Any]:
    for number, seconds in enumerate(LENGTHS):
        world.deliver(f"call-{number}", seconds=seconds, seed=number)
    world.json("ingest", str(world.spool), who="telefon")
    words = ("dsar", "90000001", "--identity", "login", "--out", str(world.base / "answer.html"), "--lang", "en")
    return world.json(*words, *more, who="sigrid")


def unlock(browser: Browser, page: Path, passphrase: str) -> None:
    browser.complaints()
    browser.open(page)
    browser.run(
        "window.made = new Map(); const make = URL.createObjectURL;"
        "URL.createObjectURL = (blob) => { const url = make.call(URL, blob); window.made.set(url, blob); return url; };"
    )
    browser.type("#passphrase", passphrase)
    browser.click("#unlock button")
    browser.wait_until("!document.querySelector('#letter').hidden")


def played(browser: Browser) -> list[float]:
    """The length of each player's sound, once it plays."""
    browser.run(
        "for (const one of document.querySelectorAll('audio')) { one.muted = true; one.play().catch(() => 0); }"
    )
    browser.wait_until("[...document.querySelectorAll('audio')].every((one) => one.duration > 0.1 && !one.error)")
    return browser.run("return [...document.querySelectorAll('audio')].map((one) => one.duration)")


def test_mp3s_play_and_decode_to_the_length_of_the_recordings(browser: Browser, world: World) -> None:
    told = ask(world)
    unlock(browser, Path(told["out"]), told["passphrase"])
    assert browser.run_async(DECODED) == [round(8000 * seconds) for seconds in LENGTHS]
    assert played(browser) == pytest.approx(LENGTHS, abs=0.15)  # by frames of 72 ms, from the tag
    assert browser.complaints() == []


def test_the_pages_of_an_archive_lead_to_one_another(
    browser: Browser, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST", 8000)
    told = ask(world)
    with zipfile.ZipFile(told["out"]) as pages:
        pages.extractall(tmp_path / "answer")
    unlock(browser, tmp_path / "answer" / "index.html", told["passphrase"])
    assert browser.run("return document.querySelectorAll('audio').length") == 0
    links = "[...document.querySelectorAll(\"#letter article a[href^='parts/']\")]"
    pages_named = browser.run(f"return [...new Set({links}.map((one) => one.getAttribute('href')))]")
    assert pages_named == ["parts/part-01.html", "parts/part-02.html"]
    assert "Listen in another page of this answer: parts/part-01.html" in browser.text("#letter")
    lengths: list[float] = []
    for name in pages_named:
        unlock(browser, tmp_path / "answer" / name, told["passphrase"])
        lengths += played(browser)
        assert browser.run("return document.querySelector('#letter a').getAttribute('href')") == "../index.html"
        assert browser.run("return document.activeElement.localName") == "h1"
        assert browser.complaints() == []
    assert lengths == pytest.approx(LENGTHS, abs=0.15)
