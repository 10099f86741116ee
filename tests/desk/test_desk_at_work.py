"""A day's work on the desk in a real browser: what is open, typed or decided is neither lost nor done twice."""

from __future__ import annotations

import time

import pytest

from tests.support import needs
from tests.support.browser import Browser
from tests.support.copies import propose
from tests.support.desk import ALT, DOWN, ENTER, INSIDE, OPEN, PLAYING, ROWS, SOUND, WHY, arrive
from tests.support.listening import AtDesk
from tests.support.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.rule("access.need"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.usefixtures("as_it_was"),
    needs.mark(needs.browser()),
]
IDS = "return [...document.querySelectorAll('#table tbody tr')].map((row) => row.dataset.id)"
HEADING = "document.querySelector('#view-name').textContent"


def opened(browser: Browser, other_than: str | None = None) -> str:
    """The call that plays, once that is another one."""
    before = "null" if other_than is None else repr(other_than)
    browser.wait_until(f"({OPEN.removeprefix('return ')}) !== {before}")
    browser.wait_until(PLAYING)
    return str(browser.run(OPEN))


def view(browser: Browser, number: int, heading: str) -> None:
    browser.press_together(ALT, str(number))
    browser.wait_until(f"{HEADING} === {heading!r}")


def calls_of(world: World) -> list[str]:
    found = world.json("find", "--purpose", "quality", "--reason", WHY, who="leif")["recordings"]
    return [each["id"] for each in found]


def reviewing(browser: Browser, world: World, desk: AtDesk) -> None:
    """A copy is under review on the desk."""
    propose(world, calls_of(world)[0], who="leif")
    browser.width(1280)
    arrive(browser, desk, 7)
    view(browser, 2, "Copies")
    browser.wait_until(f"{ROWS} === 1")
    browser.click("button.open")
    browser.wait_until(f"{INSIDE}?.body?.dataset.state === 'ready' && {INSIDE}.hasFocus()")


# -- the list -----------------------------------------------------------------------------------------


@pytest.mark.rule("consent.withdraw")
def test_after_a_call_that_is_gone_the_next_one_is_the_one_behind_it(office: World, browser: Browser) -> None:
    with AtDesk(office) as desk:
        arrive(browser, desk, 7)
        ids, one = browser.run(IDS), None
        for _ in range(3):
            browser.press_keys("n")
            one = opened(browser, one)
        assert one == ids[2]
        office.json("withdraw", "--call", one, "--yes", who="siri")
        browser.wait_until(f"{ROWS} === 6")
        browser.press_keys("n")
        assert opened(browser) == ids[3]
        office.json("withdraw", "--call", ids[4], "--yes", who="siri")  # which the list does not know yet
        browser.press_keys("n")
        browser.wait_until(f"{ROWS} === 5")
        browser.press_keys("n")
        browser.wait_until(f"({OPEN.removeprefix('return ')}) === {ids[5]!r}")


@pytest.mark.rule("security.monitored")
def test_hearing_one_call_after_another_is_no_search_and_leaves_the_focus_in_the_list(
    office: World, browser: Browser
) -> None:
    def searches() -> int:
        return len(office.json("audit", "show", "--action", "find", who="iver")["entries"])

    with AtDesk(office) as desk:
        arrive(browser, desk, 7)
        browser.run("document.querySelector('button.open').focus()")
        before, one = searches(), None
        for _ in range(3):
            browser.press_keys(DOWN, ENTER)
            one = opened(browser, one)
            browser.run_async("await new Promise((next) => setTimeout(next, 1200))")
            assert browser.run("return document.activeElement.matches('button.open')")
        assert searches() == before
        assert "heard before" in browser.text("#table tr[aria-current]")
        assert browser.text("#status").startswith("Opened: ")


@pytest.mark.rule("access.managers")
def test_what_may_not_be_shown_any_more_is_not_left_in_the_list(office: World, browser: Browser) -> None:
    with AtDesk(office) as desk:
        arrive(browser, desk, 7)
        browser.run(
            "const at = document.querySelector('#purpose'); at.value = 'training';"
            "at.dispatchEvent(new Event('change', {bubbles: true}))"
        )
        browser.wait_until(f"{ROWS} === 0")
        assert "no access" in browser.text("#lines")
        browser.run(
            "document.querySelector('#reason').value = '';"
            "document.querySelector('#reason').dispatchEvent(new Event('change', {bubbles: true}))"
        )
        browser.wait_until("document.querySelector('#lines').textContent.startsWith('Write a reason')")
    denied = office.json("audit", "show", "--person", "leif", "--outcome", "denied", who="iver")["entries"]
    assert denied == [], "an empty page is no attempt"


def test_nothing_of_the_list_lies_under_the_player(office: World, browser: Browser) -> None:
    office.deliver("long", seconds=1, agent="Åse Øksnes-Berntsen", seed=77)
    office.json("ingest", str(office.spool), who="telefon")
    with AtDesk(office, lang="nb") as desk:
        browser.width(1280)
        arrive(browser, desk, 8)
        browser.press_keys("n")
        opened(browser)
        right, left = browser.run(
            "const ends = [...document.querySelectorAll('#list *')].map((each) => each.getBoundingClientRect().right);"
            "return [Math.max(...ends),"
            "document.querySelector('#beside').getBoundingClientRect().left]"
        )
        assert right <= left
        browser.width(375)
        heights = "[...document.querySelectorAll('#views button')].map((each) => each.offsetHeight)"
        assert browser.run(f"return Math.max(...{heights})") < 45, "no word is broken"


# -- what is open -------------------------------------------------------------------------------------


def test_a_call_that_plays_is_seen_in_every_view(office: World, browser: Browser) -> None:
    with AtDesk(office) as desk:
        arrive(browser, desk, 7)
        browser.press_keys("n")
        opened(browser)
        view(browser, 4, "My access")
        assert browser.run(f"return !{SOUND}.paused && document.querySelector('#frame').checkVisibility()")


@pytest.mark.rule("access.subject")
def test_a_case_goes_with_the_view_that_it_is_of(office: World, browser: Browser) -> None:
    office.json("case", "open", "90000001", "--identity", "called-back", who="sigrid")
    with AtDesk(office, "sigrid") as desk:
        arrive(browser, desk)
        view(browser, 2, "Cases")
        browser.wait_until(f"{ROWS} === 1")
        browser.click("button.open")
        browser.wait_until("document.querySelector('#detail').textContent.includes('9000')")
        view(browser, 6, "Calls")
        assert browser.run("return document.querySelector('#detail').textContent") == ""


@pytest.mark.rule("data.pseudonymised")
def test_a_review_has_the_focus_and_stands_on_the_screen_as_a_whole(office: World, browser: Browser) -> None:
    with AtDesk(office) as desk:
        reviewing(browser, office, desk)
        counts = f"{INSIDE}.querySelector('#counts').innerText"
        before = browser.run(f"return {counts}")
        browser.press_keys("a")
        browser.wait_until(f"{counts} !== {before!r}")
        bottom = f"{INSIDE}.querySelector('#verdict').getBoundingClientRect().bottom"
        top = "document.querySelector('#frame').getBoundingClientRect().top"
        assert browser.run(f"return {bottom} + {top} <= innerHeight")
        assert browser.run("return document.documentElement.scrollHeight <= innerHeight")


@pytest.mark.rule("data.pseudonymised")
@pytest.mark.parametrize("way", ["#close", "#back", "[data-view=calls]"])
def test_decisions_of_a_review_are_not_lost_without_a_question(office: World, browser: Browser, way: str) -> None:
    with AtDesk(office) as desk:
        reviewing(browser, office, desk)
        browser.press_keys("a")
        browser.run(f"document.querySelector('{way}').click()")
        browser.wait_until(f"{INSIDE}.querySelector('#leaving').open")
        assert browser.run("return document.body.dataset.state") == "ready"
        browser.run(f"{INSIDE}.querySelector('#leave').click()")
        browser.wait_until(f"{INSIDE}.body.dataset.state === 'over'")
        browser.run(f"document.querySelector('{way}').click()")
        if way == "#close":
            assert desk.ended()[0] == 0
        else:
            browser.wait_until("document.querySelector('#list').checkVisibility()")
            assert browser.run(OPEN) is None


# -- buttons ------------------------------------------------------------------------------------------


@pytest.mark.rule("access.officer")
def test_a_key_that_is_held_down_carries_nothing_out(office: World, browser: Browser) -> None:
    with AtDesk(office, "sigrid") as desk:
        arrive(browser, desk)
        view(browser, 3, "Access")
        browser.wait_until(f"{ROWS} === 1")
        browser.run("document.querySelector('button.act').focus()")
        browser.press_keys(ENTER, ENTER)
        assert browser.run("return document.activeElement.matches('#table form p')"), "the consequence is read first"
        browser.run_async("await new Promise((next) => setTimeout(next, 500))")
    assert [each["state"] for each in office.json("grants", who="sigrid")["grants"]] == ["live"]


@pytest.mark.rule("access.managers")
def test_two_clicks_ask_for_access_once_and_what_is_typed_stays_until_it_is_carried_out(
    office: World, browser: Browser
) -> None:
    propose(office, calls_of(office)[3], who="leif")
    with AtDesk(office) as desk:
        arrive(browser, desk, 7)
        browser.press_keys("n")
        one = opened(browser)
        view(browser, 2, "Copies")
        browser.wait_until(f"{ROWS} === 1")
        browser.click("button.act")
        browser.press_keys(*"half a reason")
        office.json("withdraw", "--call", one, "--yes", who="siri")
        browser.wait_until(f"{INSIDE}.body.dataset.state === 'over'")
        browser.run_async("await new Promise((next) => setTimeout(next, 1000))")
        assert browser.run("return document.querySelector('#table form input').value") == "half a reason"
        view(browser, 4, "My access")
        browser.run(f"document.querySelector('#ask-reason').value = {WHY!r}")
        browser.run("const at = document.querySelector('#ask button'); at.click(); at.click()")
        browser.wait_until("document.querySelector('#status').textContent !== ''")
        time.sleep(0.5)
        assert browser.run("return document.querySelector('#ask-reason').value") == ""
    assert len(office.json("request", who="leif")["requests"]) == 1
