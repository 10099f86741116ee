"""The command to hear a recording: on a page of this machine, or in a player."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands.options import Purpose, Reason, arg, opt
from arlo_rec.commands.run import Run
from arlo_rec.model.documents import Record
from arlo_rec.model.errors import NotUnlocked, Refused, Usage
from arlo_rec.model.times import shown_length
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from arlo_rec.keys.layout import Layout
    from arlo_rec.listening.session import Session
    from arlo_rec.store import Store

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


class Listened(Record, frozen=True):
    """A recording that was heard: the address of its page, if any, and the seconds of it."""

    id: str
    url: str | None
    heard_s: float


def listen(
    ctx: typer.Context,
    recording: Annotated[str, arg("arg.recording", "ID")],
    *,
    purpose: Purpose = None,
    reason: Reason = None,
    no_browser: Annotated[bool, opt("opt.no_browser", "--no-browser")] = False,
    player: Annotated[str | None, opt("opt.player", "--player", "CMD")] = None,
) -> Answer:
    """Hear one recording; nothing of it is kept."""
    from arlo_rec.listening import listen as listening
    from arlo_rec.model.records import from_iso

    run: Run = ctx.obj
    words = _player(player)
    with run.store() as store:
        opened = listening.open_for(store, recording, purpose, reason, run.now())
        session = listening.session(store, opened, run.now())
        watching = listening.watched(store, opened, session, run.now)
        with ended_by_signals(session):
            url = None
            if words:
                _play(run, store, session, watching, words)
            else:
                url = serve(run, store, session, watching, browse=not no_browser)
    demand_not_closed(session)
    facts, heard_s = opened.facts, session.heard_s()
    heard, length = shown_length(heard_s), shown_length(facts["length_s"])
    of = {"at": from_iso(facts["started"]), "team": facts["team"], "id": facts["short"]}
    lines = [run.say("listen.done" if url is not None else "listen.piped", heard=heard, length=length, **of)]
    if damaged := session.waveform.damaged:
        spans = ", ".join(f"{shown_length(begin)}-{shown_length(end)}" for begin, end in damaged)
        lines.append(run.say("listen.damaged", spans=spans))
    return Answer(Listened(facts["id"], url, round(heard_s, 1)), lines)


def demand_not_closed(session: Session) -> None:
    """Raise Refused if the recording closed while it was heard."""
    if session.why in ERRORS:
        raise Refused("closed_while_heard", rule=ERRORS[session.why], why=session.why)


@contextmanager
def ended_by_signals(session: Session) -> Iterator[None]:
    """A terminal that is closed, or a stop from outside, ends the session, so that the log says how much was heard."""
    usual = {number: signal.signal(number, lambda *_: session.end("ended")) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def serve(run: Run, store: Store, session: Session, watching: Watching, *, browse: bool) -> str:
    """Serve a page until it is over, and look meanwhile as *watching* says; its address."""
    from arlo_rec.listening.listen import CHECK_EVERY

    with run.client.page_server(session, run.lang) as server:
        began = time.monotonic()
        with watching as look:
            _tell(run, server.url, server.server_port, browse=browse)
            while session.is_open:
                session.desk.wait(CHECK_EVERY)
                look()
                if why := session.visit.why_over(began, time.monotonic()):
                    session.end(why)
                _end_where_locked(run, store.layout, session)
            session.wait_for_goodbye(GOODBYE)
        return server.url


def _tell(run: Run, url: str, port: int, *, browse: bool) -> None:
    """Open the page where there is a browser to open it, else say how."""
    screen = run.client.screen()
    if browse and screen.has_browser:
        # Some browsers return only when they are closed, and the recording must be watched meanwhile.
        threading.Thread(target=_open_browser, args=(run, url), name="browser", daemon=True).start()
        return
    _write(run.say("listen.address", url=url))
    if screen.ssh_host is not None:
        line = f"ssh -N -L {port}:127.0.0.1:{port} {run.client.login}@{screen.ssh_host}"
        _write(run.say("listen.forward", line=line))


def _open_browser(run: Run, url: str) -> None:
    _write(run.say("listen.opened") if run.client.browse(url) else run.say("listen.address", url=url))


def _write(line: str) -> None:
    """Write a necessary line to stderr, with --quiet too."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _end_where_locked(run: Run, place: Layout, session: Session) -> None:
    """End it where the unlock is over by which it began."""
    from arlo_rec.keys import unlocks

    if not run.is_by_unlock:
        return
    with suppress(NotUnlocked):
        if unlocks.running(run.client.keyring, place, run.name(), run.now()) is not None:
            return
    session.end("locked")


# -- a player of one's own ----------------------------------------------------------------------------


def _player(command: str | None) -> list[str]:
    """The words of a player's command line; raises Usage for what is none."""
    if command is None:
        return []
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise Usage("bad_value", name="--player")
    return words


def _play(run: Run, store: Store, session: Session, watching: Watching, words: list[str]) -> None:
    """Pipe the sound to a player until it ends; it is killed where the recording closes meanwhile."""
    from arlo_rec.listening.listen import CHECK_EVERY

    with watching as look:
        player = run.client.player(words)
        pouring = threading.Thread(target=session.pour, args=(player.pipe,), name="player", daemon=True)
        pouring.start()
        try:
            while session.is_open and not player.wait(CHECK_EVERY):
                look()
                _end_where_locked(run, store.layout, session)
        finally:
            session.end("ended")
            player.kill()
            pouring.join()
