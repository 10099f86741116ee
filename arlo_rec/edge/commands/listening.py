"""The command to hear a recording: on a page of this machine, or in a player."""

from __future__ import annotations

import shlex
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.edge.commands.options import Purpose, Reason, arg, opt
from arlo_rec.edge.commands.pages import demand_not_closed, end_where_locked, ended_by_signals, serve
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Usage
from arlo_rec.law.model.times import shown_length

if TYPE_CHECKING:
    from arlo_rec.desk.session import Session
    from arlo_rec.edge.commands.pages import Watching
    from arlo_rec.vault.opened import Store


class Listened(Record, frozen=True):
    """A recording that was heard: the address of its page, if any, and the seconds of it; or a desk."""

    id: str | None
    url: str | None
    heard_s: float | None


def listen(
    ctx: typer.Context,
    recording: Annotated[str | None, arg("arg.recording", "[ID]")] = None,
    *,
    purpose: Purpose = None,
    reason: Reason = None,
    no_browser: Annotated[bool, opt("opt.no_browser", "--no-browser")] = False,
    player: Annotated[str | None, opt("opt.player", "--player", "CMD")] = None,
) -> Answer:
    """Hear one recording, or without one open the desk; nothing of a call is kept."""
    from arlo_rec.desk import listen as listening
    from arlo_rec.law.model.records import from_iso

    run: Run = ctx.obj
    words = _player(player)
    if recording is None:
        return _desk(run, purpose, reason, browse=not no_browser, player=player)
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


def _desk(run: Run, purpose: str | None, reason: str | None, *, browse: bool, player: str | None) -> Answer:
    """The desk, where no call is named."""
    from arlo_rec.edge.commands.desk import worked

    if player is not None:
        raise Usage("player_of_nothing")
    return Answer(Listened(None, worked(run, purpose, reason, browse=browse), None), [run.say("desk.done")])


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
    from arlo_rec.desk.listen import CHECK_EVERY

    with watching as look:
        player = run.client.player(words)
        pouring = threading.Thread(target=session.pour, args=(player.pipe,), name="player", daemon=True)
        pouring.start()
        try:
            while session.is_open and not player.wait(CHECK_EVERY):
                look()
                end_where_locked(run, store.layout, session)
        finally:
            session.end("ended")
            player.kill()
            pouring.join()
