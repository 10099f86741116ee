"""Serving a page of this machine to the person's browser until it is over."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.model.errors import NotUnlocked, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from arlo_rec.desk.loopback import Place
    from arlo_rec.desk.session import Page, Session
    from arlo_rec.vault.keys.layout import Layout
    from arlo_rec.vault.opened import Store

    Watching = AbstractContextManager[Callable[[], None]]

GOODBYE = 1.0  # seconds in which the page is told why it is over
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C ends listening at the terminal
ERRORS = {
    "withdrawn": "consent.withdraw",
    "expired": "retention.90d",
    "grant_ended": "access.managers",
    "objected": "data.employee",
    "clock": "retention.90d",
    "changed": "data.pseudonymised",
}


def demand_not_closed(session: Session) -> None:
    """Raise Refused if the recording closed while it was heard."""
    if session.why in ERRORS:
        raise Refused("closed_while_heard", rule=ERRORS[session.why], why=session.why)


@contextmanager
def ended_by_signals(session: Page) -> Iterator[None]:
    """A terminal that is closed, or a stop from outside, ends the session, so that the log says how much was heard."""
    usual = {number: signal.signal(number, lambda *_: session.end("ended")) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def serve(run: Run, store: Store, session: Session, watching: Watching, *, browse: bool) -> str:
    """Serve a page until it is over, and look meanwhile as *watching* says; its address."""
    from arlo_rec.desk.listen import CHECK_EVERY

    with run.client.page_server(session, run.lang) as server:
        began = time.monotonic()
        with watching as look:
            tell(run, server.url, server.place, browse=browse)
            while session.is_open:
                session.requests.wait(CHECK_EVERY)
                look()
                if why := session.visit.why_over(began, time.monotonic()):
                    session.end(why)
                end_where_locked(run, store.layout, session)
            session.wait_for_goodbye(GOODBYE)
        return server.url


def tell(run: Run, url: str, place: Place, *, browse: bool) -> None:
    """Open the page where there is a browser to open it, else say how."""
    screen = run.client.screen()
    if browse and screen.has_browser:
        # Some browsers return only when they are closed, and the recording must be watched meanwhile.
        threading.Thread(target=_open_browser, args=(run, url), name="browser", daemon=True).start()
        return
    _write(run.say("listen.address", url=url))
    if screen.ssh_host is not None:
        line = f"ssh -N -L {place.port}:{place.host}:{place.port} {run.client.login}@{screen.ssh_host}"
        _write(run.say("listen.forward", line=line))


def _open_browser(run: Run, url: str) -> None:
    _write(run.say("listen.opened") if run.client.browse(url) else run.say("listen.address", url=url))


def _write(line: str) -> None:
    """Write a necessary line to stderr, with --quiet too."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def end_where_locked(run: Run, place: Layout, session: Page) -> None:
    """End it where the unlock is over by which it began."""
    from arlo_rec.vault.keys import unlocks

    if not run.is_by_unlock:
        return
    with suppress(NotUnlocked):
        if unlocks.running(run.client.keyring, place, run.name(), run.now()) is not None:
            return
    session.end("locked")
