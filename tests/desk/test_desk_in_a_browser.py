"""The desk in a real browser, with the real command behind it and a store of a few calls.

Pictures of it go to the test's folder; `LISTEN_PICTURES=FOLDER` puts them where somebody can look at them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from arlo_rec.law.messages import LANGUAGES
from tests.support import needs
from tests.support.axe import violations
from tests.support.browser import LOOPBACK, Browser
from tests.support.copies import propose
from tests.support.desk import ALT, DOWN, ENTER, INSIDE, OPEN, PLAYING, ROWS, SOUND, SPACE, WHY, arrive
from tests.support.listening import AtDesk
from tests.support.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.rule("access.need"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.usefixtures("as_it_was"),
    needs.mark(needs.browser()),
]


@pytest.mark.rule("access.managers")
def test_five_calls_of_last_week_are_heard_with_six_keys(office: World, browser: Browser) -> None:
    with AtDesk(office) as desk:
        arrive(browser, desk, 7)
        browser.press_keys("w")
        browser.wait_until(f"{ROWS} === 6")
        heard = []
        for _ in range(5):
            browser.press_keys("n")
            browser.wait_until(f"({OPEN.removeprefix('return ')}) !== {(heard[-1:] and repr(heard[-1])) or 'null'}")
            browser.wait_until(PLAYING)
            heard.append(browser.run(OPEN))
        assert len(set(heard)) == 5
        assert browser.complaints() == []
        browser.press_keys("p")
        browser.wait_until(f"({OPEN.removeprefix('return ')}) === {heard[3]!r}")
        browser.click("#close")
        assert desk.ended()[0] == 0
    entries = office.json("audit", "show", "--action", "listen", "--outcome", "done", who="iver")["entries"]
    assert len(entries) == 6 and all(entry["detail"]["heard_s"] >= 1 for entry in entries[:5])


def test_all_goes_by_keys_and_the_player_has_its_own_wherever_the_focus_is(office: World, browser: Browser) -> None:
    with AtDesk(office) as desk:
        arrive(browser, desk, 7)
        browser.run("document.querySelector('button.open').focus()")
        browser.press_keys(DOWN, DOWN, ENTER)
        browser.wait_until(PLAYING)
        third = browser.run("return document.querySelectorAll('#table tbody tr')[2].dataset.id")
        assert browser.run(OPEN) == third
        browser.run("document.activeElement.blur()")
        browser.press_keys(SPACE)
        browser.wait_until(f"{SOUND}.paused")
        browser.run("document.querySelector('#frame').contentWindow.focus()")
        browser.press_keys("n")
        browser.wait_until(f"({OPEN.removeprefix('return ')}) !== {third!r}")
        browser.run("document.querySelector('#agent').focus()")
        browser.press_keys("n")
        assert browser.run("return document.querySelector('#agent').value") == "n", "what is typed is no command"
        browser.run("document.activeElement.blur()")
        browser.press_together(ALT, "4")
        browser.wait_until("document.querySelector('#view-name').textContent === 'My access'")
        assert browser.run("return document.activeElement.id") == "view-name"


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_ends_the_call_in_its_frame_and_takes_it_from_the_list(office: World, browser: Browser) -> None:
    with AtDesk(office) as desk:
        arrive(browser, desk, 7)
        browser.press_keys("n")
        browser.wait_until(PLAYING)
        call = browser.run(OPEN)
        browser.wait_until("document.querySelector('#status').textContent.startsWith('Opened: ')")
        office.json("withdraw", "--call", call, "--yes", who="siri")
        browser.wait_until(f"{INSIDE}.body.dataset.state === 'over' && {SOUND}.paused")
        browser.wait_until(f"{ROWS} === 6")
        browser.wait_until("document.querySelector('#status').textContent === ''")
        assert "erased" in browser.run(f"return {INSIDE}.querySelector('#end').innerText")
        assert browser.run("return document.body.dataset.state") == "ready"


@pytest.mark.rule("access.officer")
def test_two_people_work_at_once_and_a_revocation_is_seen_by_the_other(office: World, browser: Browser) -> None:
    with AtDesk(office) as desk, AtDesk(office, "sigrid") as officer, Browser(LOOPBACK) as other:
        arrive(browser, desk, 7)
        browser.press_keys("n")
        browser.wait_until(PLAYING)
        arrive(other, officer)
        other.press_together(ALT, "3")
        other.wait_until(f"{ROWS} === 1")
        other.click("#table button.act")
        assert "also for what is being played" in other.text("#table form")
        other.click("#table form button.main")
        browser.wait_until(f"{INSIDE}.body.dataset.state === 'over'")
        browser.wait_until("document.querySelector('#lines').textContent.includes('no access')")
        other.wait_until("document.querySelector('#status').textContent !== ''")


def test_a_review_has_the_whole_page_and_leads_back_to_the_list(office: World, browser: Browser) -> None:
    call = office.json("find", "--purpose", "quality", "--reason", WHY, who="leif")["recordings"][0]["id"]
    propose(office, call, who="leif")
    with AtDesk(office) as desk:
        arrive(browser, desk, 7)
        browser.press_together(ALT, "2")
        browser.wait_until(f"{ROWS} === 1")
        browser.click("button.open")
        browser.wait_until(f"{INSIDE}?.body?.dataset.state === 'ready'")
        assert browser.run("return getComputedStyle(document.querySelector('#list')).display") == "none"
        browser.click("#back")
        browser.wait_until(f"{ROWS} === 1")
        assert browser.run("return getComputedStyle(document.querySelector('#list')).display") != "none"


@pytest.mark.rule("security.monitored")
def test_nothing_of_a_call_stays_in_the_browser_and_nothing_is_asked_for_elsewhere(
    office: World, browser: Browser
) -> None:
    with AtDesk(office) as desk:
        arrive(browser, desk, 7)
        browser.press_keys("n")
        browser.wait_until(PLAYING)
        kept = "return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
        stored = browser.run(kept)
        assert not [word for word in ("Ola", "Kari", "kundeservice", desk.token) if word in stored]
        assert browser.run_async("return (await caches.keys()).length + (await indexedDB.databases()).length") == 0
        assert all(address.startswith((desk.origin, "about:", "data:")) for address in browser.requested())
        browser.click("#close")
        desk.ended()
        assert browser.run(kept) == f'[{{}},{{}},"","{desk.origin}/desk"]'
        text = browser.run("return document.body.innerText")
        assert "Ola" not in text and "closed" in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("who", ["leif", "sigrid", "iver"])
def test_axe_finds_nothing_wrong_in_any_view(office: World, browser: Browser, who: str, scheme: str) -> None:
    office.json("case", "open", "90000001", "--identity", "called-back", who="sigrid")
    office.json("request", "--purpose", "training", "--team", "kundeservice", "--reason", WHY, who="leif")
    browser.colours(scheme)
    with AtDesk(office, who) as desk:
        arrive(browser, desk)
        for number in range(1, 1 + browser.run("return document.querySelectorAll('[data-view]').length")):
            browser.press_together(ALT, str(number))
            browser.wait_until(f"document.querySelectorAll('[data-view]')[{number - 1}].ariaCurrent === 'page'")
            places = "['#lines', '#table', '#complaint']"
            browser.wait_until(f"{places}.some((at) => document.querySelector(at).textContent)")
            assert violations(browser) == [], number
        if browser.run("return document.querySelector('button.act') !== null"):
            browser.click("button.act")
            assert violations(browser) == []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", [320, 375, 1280, 2560])
def test_nothing_is_wider_than_the_window(
    office: World, browser: Browser, width: int, lang: str, pictures: Path
) -> None:
    with AtDesk(office, lang=lang) as desk:
        browser.width(width)
        arrive(browser, desk, 7)
        browser.press_keys("n")
        browser.wait_until(PLAYING)
        (pictures / f"desk-{width}-{lang}.png").write_bytes(browser.screenshot())
        for page in ("document", INSIDE):
            assert browser.run(f"const at = {page}.documentElement; return at.scrollWidth - at.clientWidth") <= 0
        assert browser.run("return document.documentElement.lang") == lang
