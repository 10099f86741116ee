"""The command and its page together: a real store, a real sound, a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from bench import review
from tests.support import needs
from tests.support.browser import LOOPBACK, Browser
from tests.support.copies import SAID, call, made_of, words
from tests.support.listening import Listening, Reviewing
from tests.support.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.rule("access.managers"),
    needs.mark(needs.browser()),
]
READY = "document.body.dataset.state === 'ready' && document.querySelector('audio').readyState > 0"
SHIFT, TAB, ENTER = "\ue008", "\ue004", "\ue007"
WHY = "the transcript has good scores"
PLAYS = "[...document.querySelectorAll('audio')].some((sound) => !sound.paused)"
PLACE = "document.querySelector('audio').currentTime"


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser(LOOPBACK) as started:
        yield started


@pytest.fixture(params=["", "through the door"])
def heard(request: pytest.FixtureRequest, world: World) -> tuple[World, str]:
    """A world with a call of half a minute that Leif may hear."""
    world.grant()
    (recording,) = world.take_in("call", seconds=30)
    world.door = bool(request.param)
    return world, recording


def open_page(browser: Browser, page: Listening) -> None:
    browser.visit(f"{page.origin}/#{page.token}")
    browser.wait_until(READY)


def test_a_call_is_heard_by_a_click_and_the_log_says_for_how_long(heard: tuple[World, str], browser: Browser) -> None:
    with Listening(*heard) as page:
        open_page(browser, page)
        assert "kundeservice" in browser.run("return document.body.innerText")
        browser.click("[data-action=play]")
        browser.wait_until(f"{PLACE} > 2")
        browser.press_keys("q")
        status, out, _ = page.ended()
    assert (status, out.startswith("Heard: 0:0")) == (0, True)
    entry = heard[0].json("audit", "show", "--action", "listen", "--outcome", "done", who="iver")["entries"][-1]
    assert 2 <= entry["detail"]["heard_s"] <= 8
    assert entry["detail"]["given_s"] >= entry["detail"]["heard_s"]


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_stops_it_in_the_midst_and_the_page_says_why(heard: tuple[World, str], browser: Browser) -> None:
    world, recording = heard
    with Listening(world, recording) as page:
        open_page(browser, page)
        browser.click("[data-action=play]")
        browser.wait_until(f"{PLACE} > 0.5")
        assert world.run("withdraw", "--call", recording, "--yes", who="siri").exit == 0
        acknowledged = time.monotonic()
        browser.wait_until("document.querySelector('audio').paused && !document.querySelector('audio').src")
        assert time.monotonic() - acknowledged < 5
        assert page.ended()[0] == 14
    shown = browser.run("return document.querySelector('#end').innerText")
    assert "erased" in shown, shown


@pytest.mark.sampled(1)
def test_a_browser_that_is_closed_ends_the_command(heard: tuple[World, str]) -> None:
    with Listening(*heard) as page:
        with Browser(LOOPBACK) as browser:
            open_page(browser, page)
        closed = time.monotonic()
        assert page.ended()[0] == 0
        assert time.monotonic() - closed < 20, "8 seconds, and a busy machine"


@pytest.mark.rule("data.pseudonymised")
def test_a_copy_is_reviewed_by_keys_and_confirmed_and_the_log_says_what_was_heard(
    world: World, browser: Browser
) -> None:
    world.grant("leif", "quality")
    copy = str(made_of(world, call(world), "--transcript", words())["copy"])
    owed = world.json("review", *SAID, copy, who="leif")["copy"]["owed"]
    with Reviewing(world, copy) as page:
        open_page(browser, page)
        browser.press_together(SHIFT, "a")  # accept all
        for left in range(len(owed["unheard"]), 0, -1):
            browser.press_keys("t")  # the place that was heard worst of those that are left
            browser.wait_until(f"!document.querySelector('#counts').textContent.includes('{left} of')")
        browser.press_together(SHIFT, "c")  # confirm: most of it was not heard, and nobody doubts that part
        browser.wait_until("document.querySelector('#left').open")
        browser.press_keys(TAB, ENTER)
        status, out, err = page.ended()
    assert (status, f"arlo-rec release {copy}" in out) == (0, True), err
    (confirmed,) = (
        each
        for each in world.json("audit", "show", "--action", "review", who="iver")["entries"]
        if "confirmed" in each.get("detail", {})
    )
    assert confirmed["detail"] == {"confirmed": True} and "reason" not in confirmed
    heard = world.json("audit", "show", "--action", "review_listen", who="iver")["entries"][-2:]
    assert sum(each["detail"]["heard_s"] for each in heard) >= len(owed["unheard"])


@pytest.mark.rule("data.pseudonymised")
def test_a_review_takes_the_keys_that_are_counted(world: World, browser: Browser) -> None:
    """What `./dev bench review` counts: one key for each unclear place, one for each kind of cut, four to confirm."""
    world.grant("leif", "quality")
    copy = str(made_of(world, call(world), "--transcript", words())["copy"])
    shown = world.json("review", *SAID, copy, who="leif")["copy"]
    kinds = {tuple(cut["types"]) for cut in shown["cuts"]}
    unsure = [(place["start"], place["end"]) for place in shown["unsure"]]
    places = len(list(review.together(unsure))) + len(shown["look_here"])
    with Reviewing(world, copy) as page:
        open_page(browser, page)
        for _ in range(places):
            browser.press_keys("t")
            browser.wait_until(PLAYS)
            browser.wait_until(f"!({PLAYS})")
        browser.wait_until("document.querySelector('#counts').children[0].textContent.includes(': 0 of')")
        for _ in kinds:
            browser.press_keys("k")
        browser.wait_until("document.querySelector('#counts').children[1].textContent.includes(': 0 of')")
        browser.press_together(SHIFT, "c")
        browser.wait_until("document.querySelector('#left').open")
        browser.press_keys(TAB, ENTER)
        status, out, err = page.ended()
    assert (status, f"arlo-rec release {copy}" in out) == (0, True), err
    played = world.json("audit", "show", "--action", "review_listen", who="iver")["entries"][-2:]
    around = sum(end - start + 2 * review.BRIEFLY for start, end in unsure)
    assert sum(each["detail"]["heard_s"] for each in played) <= around + places + 2, "the places, and little around"
