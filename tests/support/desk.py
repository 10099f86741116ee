"""The desk in a browser: what tests look at, and how they come to it."""

from __future__ import annotations

from tests.support.browser import Browser
from tests.support.listening import AtDesk

DOWN, ENTER, SPACE, ALT, TAB = "\ue015", "\ue007", " ", "\ue00a", "\ue004"  # W3C WebDriver, 17.4.2
INSIDE = "document.querySelector('#frame').contentDocument"
SOUND = f"{INSIDE}?.querySelector('audio')"
PLAYING = f"{SOUND} && !{SOUND}.paused && {SOUND}.currentTime > 0"
ROWS = "document.querySelectorAll('#table tbody tr').length"
OPEN = "return document.querySelector('#table tr[aria-current]')?.dataset.id ?? null"
WHY = "they need it for their work"


def arrive(browser: Browser, desk: AtDesk, rows: int | None = None) -> None:
    browser.visit("about:blank")
    browser.complaints(), browser.requested()
    browser.visit(f"{desk.origin}/desk#{desk.token}")
    browser.wait_until("document.body.dataset.state === 'ready'")
    if rows is not None:
        browser.wait_until(f"{ROWS} === {rows}")
