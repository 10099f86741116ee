"""What line managers type to hear a recording: a page of this machine, or a player of their own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, cast

import typer

from arlo_rec.commands.options import Purpose, Reason, arg, opt
from arlo_rec.commands.run import Run, login
from arlo_rec.model.errors import Refused, Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.keys.layout import Layout
    from arlo_rec.listening.listen import Opened
    from arlo_rec.listening.session import Session
    from arlo_rec.store import Store

GOODBYE = 1.0  # seconds in which the page is told why it is over
ERRORS = {"withdrawn": "consent.withdraw", "expired": "retention.90d", "grant_ended": "access.managers"}


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

    run: Run = ctx.obj
    words = _player(player)
    with run.store() as store:
        opened = listening.open_for(store, recording, purpose, reason, run.now())
        if words:
            return _play(run, store, opened, words)
        page = listening.session(store, opened, run.now())
        url = _serve(run, store, opened, page, browse=not no_browser)
    heard_s = page.heard_s()
    if page.why in ERRORS:
        raise Refused("closed_while_heard", rule=ERRORS[page.why], why=page.why)
    return _answer(run, opened, url, heard_s)


def _serve(run: Run, store: Store, opened: Opened, page: Session, *, browse: bool) -> str:
    """Serve the page until it is over; its address."""
    from arlo_rec.listening.listen import CHECK_EVERY, watched
    from arlo_rec.listening.server import Server

    with Server(page, run.lang) as server:
        thread = threading.Thread(target=server.serve_forever, name="listen", daemon=True)
        thread.start()
        _tell(run, server.url, server.server_port, browse=browse)
        began = time.monotonic()
        try:
            with watched(store, opened, page, run.now) as look:
                while page.is_open:
                    page.wait(CHECK_EVERY)
                    look()
                    page.look(began, time.monotonic())
                    if _is_locked(run, store.layout):
                        page.end("locked")
                page.wait_for_goodbye(GOODBYE)
        except KeyboardInterrupt:  # how somebody at the terminal says that they are done
            page.wait_for_goodbye(GOODBYE)
        finally:
            server.shutdown()
        return server.url


def _tell(run: Run, url: str, port: int, *, browse: bool) -> None:
    """Open the page where there is a browser to open it, else say how."""
    has_screen = "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    if browse and has_screen:
        import webbrowser

        if webbrowser.open(url):
            _write(run.say("listen.opened"))
            return
    _write(run.say("listen.address", url=url))
    if connection := os.environ.get("SSH_CONNECTION", "").split():
        _write(run.say("listen.forward", line=f"ssh -N -L {port}:127.0.0.1:{port} {login()}@{connection[2]}"))


def _write(line: str) -> None:
    """A line without which nobody could listen: on stderr, with --quiet too."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _is_locked(run: Run, place: Layout) -> bool:
    """Whether the unlock by which this began is over."""
    from arlo_rec.keys import unlocks
    from arlo_rec.model.errors import NotUnlocked

    if not run.is_by_unlock:
        return False
    try:
        return unlocks.running(place, run.name(), run.now()) is None
    except NotUnlocked:
        return True


# -- a player of one's own ----------------------------------------------------------------------------


def _player(command: str | None) -> list[str]:
    """The words of a player's command line; raises Usage for what is none."""
    try:
        words = shlex.split(command) if command is not None else []
    except ValueError:
        words = []
    if command is not None and not words:
        raise Usage("bad_value", name="--player")
    return words


def _play(run: Run, store: Store, opened: Opened, words: list[str]) -> Answer:
    """Pipe the sound to a player, as fast as it takes it; stopped where the recording closes meanwhile."""
    from arlo_rec.access import gate
    from arlo_rec.listening.listen import note_heard

    length = float(opened.facts["length_s"])
    permit, written, size = opened.permit, 0, 1
    sound = gate.listen_to(store, permit, run.now)
    try:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # noqa: S603 - its user's
    except OSError as error:
        note_heard(store, permit, 0.0, 0.0, run.now())
        raise Usage("no_player", command=Path(words[0]).name, reason=error.strerror or "") from None
    pipe = cast("IO[bytes]", process.stdin)
    try:
        for piece in sound:
            size = size if written else 8 + int.from_bytes(piece[4:8], "little")
            pipe.write(piece)
            written += len(piece)
        pipe.close()
        process.wait()
    except BrokenPipeError:  # somebody has heard enough
        with suppress(BrokenPipeError):  # of what was buffered
            pipe.close()
        process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        heard = length * min(1.0, written / size)
        note_heard(store, permit, heard, heard, run.now())
    return _answer(run, opened, None, heard)


def _answer(run: Run, opened: Opened, url: str | None, heard_s: float) -> Answer:
    from arlo_rec.model.records import from_iso
    from arlo_rec.model.times import shown, shown_length

    facts = opened.facts
    heard, length = shown_length(heard_s), shown_length(facts["length_s"])
    of = {"at": shown(from_iso(facts["started"])), "team": facts["team"], "id": facts["short"]}
    line = run.say("listen.done", heard=heard, length=length, **of)
    return Answer({"id": facts["id"], "url": url, "heard_s": round(heard_s, 1)}, [line])
