"""What anybody types who works for a while: unlock once, and lock again."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.options import SometimesPurpose, SometimesReason, opt
from arlo_rec.commands.run import Run
from arlo_rec.commands.todo import waits_line
from arlo_rec.model.errors import NothingMatched, NotUnlocked, Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.keys.unlocks import UnlockTerms


def unlock(
    ctx: typer.Context,
    *,
    length: Annotated[str | None, opt("opt.for", "--for", "15m|2h")] = None,
    purpose: SometimesPurpose = None,
    reason: SometimesReason = None,
) -> Answer:
    """Have the kernel keep one's keys for this login session, for a time."""
    from dataclasses import replace

    from arlo_rec.keys import unlocks
    from arlo_rec.log.events import Unlocked
    from arlo_rec.model.records import to_iso
    from arlo_rec.policy import Purpose

    run: Run = ctx.obj
    lasts, keyring = _length(length), run.client.keyring
    _check(purpose, reason)
    if run.settings.key_file is not None:
        raise Usage("unlock_is_for_people")
    unlocks.demand_possible(keyring)
    place = run.place()
    identity = run.unlocked(place, run.name(), run.passphrase())
    terms = unlocks.UnlockTerms(run.now() + lasts, Purpose(purpose) if purpose else None, reason)
    with run.opened(place, identity) as store:
        if store.person.service or store.person.recovery:
            raise Usage("unlock_is_for_people")
        key = unlocks.prepare(keyring, place, replace(identity, pin=store.authority.pin()), terms, lasts)
        waits = waits_line(run, store)
        try:
            store.note(Unlocked(until=to_iso(terms.until), purpose=terms.purpose, reason=reason), run.now())
        except BaseException:
            unlocks.end(keyring, key)
            raise
    unlocks.begin(keyring, key)
    lines = [*_told_lines(run, "unlock.done", identity.name, terms), *waits]
    return Answer({"person": identity.name, **_told_json(terms)}, lines)


def lock(ctx: typer.Context) -> Answer:
    """End one's unlock of this login session."""
    from arlo_rec.keys import unlocks
    from arlo_rec.log.events import Locked
    from arlo_rec.model.records import to_iso

    run: Run = ctx.obj
    place, name, keyring = run.place(), run.name(), run.client.keyring
    try:
        running = unlocks.running(keyring, place, name, run.now())
    except NotUnlocked:  # its time is over, or it is none of theirs: it goes all the same
        running = None
    if running is not None:
        unlocks.end(keyring, running.key)
    ended = unlocks.end_all(keyring, place, name)
    if running is None and not ended:
        raise NothingMatched("nothing_unlocked", name=name)
    if running is None:
        return Answer({"person": name, "until": None, "purpose": None, "reason": None}, [run.say("lock.done_outdated")])
    with run.opened(place, running.identity) as store:
        store.note(Locked(until=to_iso(running.terms.until)), run.now())
    return Answer({"person": name, **_told_json(running.terms)}, _told_lines(run, "lock.done", name, running.terms))


def _told_json(terms: UnlockTerms) -> dict[str, Any]:
    """What was said when an unlock began."""
    from arlo_rec.model.records import to_iso

    return {"until": to_iso(terms.until), "purpose": terms.purpose, "reason": terms.reason}


def _told_lines(run: Run, code: str, name: str, terms: UnlockTerms) -> list[str]:
    """The same for people: whose it is and until when, and what its commands are for."""
    from arlo_rec.model.times import shown

    lines = [run.say(code, name=name, typed=shlex.quote(name), until=shown(terms.until))]
    said = "lock.told" if code == "lock.done" else "unlock.told"
    return lines + (
        [run.say(said, what=run.told(terms.purpose, terms.reason))] if terms.purpose or terms.reason else []
    )


def _length(text: str | None) -> timedelta:
    """How long an unlock is to run; raises Usage."""
    from arlo_rec.keys.unlocks import LONGEST, USUAL
    from arlo_rec.model.times import parse_length

    try:
        lasts = parse_length(text) if text is not None else USUAL
    except ValueError:
        lasts = timedelta(0)
    if not timedelta(0) < lasts <= LONGEST:
        raise Usage("bad_unlock_length", hours=LONGEST // timedelta(hours=1))
    return lasts


def _check(purpose: str | None, reason: str | None) -> None:
    """Raise Usage where a purpose or a reason is none that a command would take."""
    from arlo_rec.policy import Purpose, reason_problem

    if purpose is not None and purpose not in list(Purpose):
        raise Usage("purpose_unknown", rule="scope.only")
    problem = reason_problem(reason) if reason is not None else None
    if problem is not None:
        raise Usage(problem, rule="security.reason")
