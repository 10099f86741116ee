"""What the security officer types: making a store, people, grants, access requests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.options import (
    Name,
    NewPassphraseFile,
    Purpose,
    Reason,
    Root,
    SharingGroup,
    SometimesReason,
    Yes,
    arg,
    opt,
    roles,
)
from arlo_rec.commands.run import STDIN, Run, nameable, new_file
from arlo_rec.model.errors import Usage
from arlo_rec.ui.terminal import Answer, Table

if TYPE_CHECKING:
    from datetime import datetime

    from arlo_rec.model.records import Grant, Person
    from arlo_rec.recovery.restore import RestoredStore


def init(
    ctx: typer.Context,
    *,
    officer: Annotated[str, opt("opt.officer", "--officer", "NAME")],
    root: Root = None,
    group: SharingGroup = None,
    feed: Annotated[Path | None, opt("opt.feed", "--feed", "FILE")] = None,
) -> Answer:
    """Make a store, its root folder and its first officer."""
    from arlo_rec.admin.initialise import NewStore, initialise

    run: Run = ctx.obj
    store = nameable(Path(os.path.abspath(run.store_path())))  # noqa: PTH100 - `.` gets a name to put .root behind
    if not store.name:
        raise Usage("already_exists", path=str(store))
    where = nameable(root or store.with_name(store.name + ".root"))
    wishes = NewStore(store, where, officer, group, nameable(feed.absolute()) if feed else None)
    made = initialise(wishes, run.new_passphrase(run.settings.passphrase_file), run.now(), run.state())
    place = made.layout
    data = {
        "store": str(place.store),
        "root": str(place.root),
        "officer": made.officer,
        "vkey": made.vkey,
        "officer_vkey": made.officer_vkey,
        "recovery_key": made.recovery_key,
    }
    for warning in _warning(run, place.root):
        run.note(warning)
    return Answer(data, [run.say("init.done", **data)], always=True)


def person_add(
    ctx: typer.Context,
    name: Name,
    *,
    role: Annotated[str, opt("opt.role", "--role", "ROLE", choices=roles)],
    new_passphrase_file: NewPassphraseFile = None,
    service: Annotated[bool, opt("opt.service", "--service")] = False,
    key_out: Annotated[Path | None, opt("opt.key_out", "--key-out", "FILE")] = None,
) -> Answer:
    """Add a person, with a passphrase or a one-time one, or a service, with a key file."""
    from arlo_rec.admin.identities import NewPerson, add

    run: Run = ctx.obj
    if service != (key_out is not None):
        raise Usage("service_needs_key_out")
    if key_out is not None:
        new_file(key_out)
    secret = run.new_passphrase(new_passphrase_file) if new_passphrase_file else None
    with run.store() as store:
        added = add(store, NewPerson(name, _role(role), secret, key_out), run.now())
    data: dict[str, Any] = {"person": _told_person(added.person)}
    if added.one_time is not None:
        data["one_time_passphrase"] = added.one_time
        line = run.say("person.one_time", name=name, role=role, passphrase=added.one_time)
        return Answer(data, [line], always=True)
    return Answer(data, [run.say("person.added", name=name, role=role)])


def person_list(ctx: typer.Context) -> Answer:
    """Everybody who has an identity."""
    from arlo_rec.admin.identities import listed

    run: Run = ctx.obj
    with run.store() as store:
        people = listed(store, run.now())
    headings = [run.say(f"column.{one}") for one in ("name", "role", "service", "since")]
    rows = [[one.name, _role_of(run, one), run.say("yes" if one.service else "no"), _day(one.since)] for one in people]
    return Answer({"persons": [_told_person(one) for one in people]}, table=Table(headings, rows))


def person_remove(
    ctx: typer.Context,
    name: Name,
    *,
    yes: Yes = False,
) -> Answer:
    """Remove somebody, and encrypt what they could open with new keys."""
    from arlo_rec.admin.identities import removable, remove

    run: Run = ctx.obj
    place = run.place()
    identity = run.identity(place)
    with run.opened(place, identity) as store:
        person = removable(store, name, run.now())
        shows = run.say("person.remove_shows", name=name, role=person.role)
        run.confirm(shows, run.say("person.remove_question"), name, yes=yes)
        remove(store, person, run.now())
    with run.opened(place, identity) as store:
        waiting = bool(store.meta.number("rekey_due"))
    line = run.say("person.removed_rekey_waits" if waiting else "person.removed", name=name)
    data = {"person": _told_person(person), "rekeyed": not waiting}
    return Answer(data, [line], exit_status=3 if waiting else 0)


def person_passphrase(
    ctx: typer.Context,
    *,
    new_passphrase_file: NewPassphraseFile = None,
    reset: Annotated[str | None, opt("opt.reset", "--reset", "NAME")] = None,
) -> Answer:
    """Set one's own passphrase, or reset somebody else's."""
    from dataclasses import replace

    run: Run = ctx.obj
    from arlo_rec.admin import identities

    place = run.place()
    identity = run.identity(place)
    now = run.now()
    own = identity if reset is not None else replace(identity, once=False)
    with run.opened(place, own) as store:
        if reset is not None:
            added = identities.reset(store, reset, now)
            data = {"person": _told_person(added.person), "one_time_passphrase": added.one_time}
            line = run.say("person.one_time", name=reset, role=added.person.role, passphrase=added.one_time)
            return Answer(data, [line], always=True)
        secret = run.new_passphrase(new_passphrase_file)
        identities.set_passphrase(store, identity, secret, now)
        return Answer({"person": _told_person(store.person)}, [run.say("person.passphrase_set")])


def grant(
    ctx: typer.Context,
    name: Name,
    *,
    purpose: Purpose = None,
    team: Annotated[list[str] | None, opt("opt.teams", "--team", "TEAM")] = None,
    until: Annotated[str | None, opt("opt.until", "--until", "DATE")] = None,
    days: Annotated[int | None, opt("opt.days", "--days", "N")] = None,
    reason: Reason = None,
) -> Answer:
    """Let a manager listen for a purpose, until a day."""
    from arlo_rec.admin import grants

    run: Run = ctx.obj
    now = run.now()
    ends = _until(now, until, days)
    with run.store() as store:
        wanted = grants.Terms(name, purpose, tuple(team or ()), ends, reason)
        given = grants.grant(store, wanted, now)
    code = "grant.pending" if given.state == "pending" else "grant.done"
    line = run.say(code, name=name, purpose=run.say(f"purpose.{given.purpose}"), until=_minute(given.until))
    return Answer({"grant": _told_grant(given, now)}, [line])


def revoke(
    ctx: typer.Context,
    name: Name,
    *,
    grant: Annotated[str | None, opt("opt.grant", "--grant", "ID")] = None,
) -> Answer:
    """End one grant of a manager, or all."""
    from arlo_rec.admin import grants

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        ended = grants.revoke(store, name, grant, now)
    data = {"revoked": [_told_grant(one, now) for one in ended]}
    return Answer(data, [run.say("revoke.done", name=name, count=len(ended))])


def grants_list(
    ctx: typer.Context,
    *,
    every: Annotated[bool, opt("opt.all", "--all")] = False,
) -> Answer:
    """Who may listen, for what and until when."""
    from arlo_rec.admin import grants

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        found = grants.listed(store, now, every=every)
    headings = [run.say(f"column.{one}") for one in ("id", "name", "purpose", "teams", "until", "state")]
    rows = [
        [
            one.id,
            one.person,
            run.say(f"purpose.{one.purpose}"),
            ", ".join(sorted(one.teams)) if one.teams is not None else run.say("all_teams"),
            _minute(one.until),
            run.say(f"grant_state.{grants.shown_state(one, now)}"),
        ]
        for one in found
    ]
    lines = [] if found else [run.say("grants.none")]
    return Answer({"grants": [_told_grant(one, now) for one in found]}, lines, Table(headings, rows))


def dsar(
    ctx: typer.Context,
    caller: Annotated[str, arg("arg.caller", "CALLER|-")],
    *,
    out: Annotated[Path, opt("opt.dsar_out", "--out", "FILE")],
    identity: Annotated[str | None, opt("opt.identity", "--identity")] = None,
    received: Annotated[str | None, opt("opt.received", "--received", "DATE")] = None,
    own_speech: Annotated[bool, opt("opt.own_speech", "--own-speech")] = False,
    whole_call: Annotated[bool, opt("opt.whole_call", "--whole-call")] = False,
    reason: SometimesReason = None,
) -> Answer:
    """Answer an access request: open or continue its case, and write the package."""
    from arlo_rec.dsar import request as requests
    from arlo_rec.model.times import parse_from

    run: Run = ctx.obj
    if own_speech and whole_call:
        raise Usage("own_or_whole")
    if str(out) == STDIN:
        raise Usage("out_is_no_file")
    new_file(out)
    request = requests.Request(
        run.caller(caller), out, identity, parse_from(received) if received else None, whole_call, reason, run.lang
    )
    with run.store() as store:
        done = requests.answer(store, request, run.now)
    case = {"id": done.case.id, "due": done.case.due_on.isoformat(), "state": done.case.state}
    data = {"case": case, "recordings": done.recordings, "out": str(done.out)}
    data |= {"sha256": done.sha256, "passphrase": done.passphrase}
    told = {"case": done.case.id, "due": done.case.due_on.isoformat(), "count": done.recordings}
    return Answer(data, [run.say("dsar.done", **told, out=done.out, passphrase=done.passphrase)], always=True)


def restore(
    ctx: typer.Context,
    folder: Annotated[Path | None, arg("arg.backup", "[DIR]")] = None,
    *,
    escrow: Annotated[Path | None, opt("opt.escrow", "--escrow", "DIR")] = None,
    feed: Annotated[Path | None, opt("opt.feed_read", "--feed", "FILE")] = None,
    root: Root = None,
    group: SharingGroup = None,
    accept_without_feed: Annotated[bool, opt("opt.without_feed", "--accept-without-feed")] = False,
    reason: SometimesReason = None,
    yes: Yes = False,
) -> Answer:
    """Make a store from a backup and apply the erasures since; or accept that those are not known."""
    from arlo_rec.admin.initialise import group_id
    from arlo_rec.model.times import shown
    from arlo_rec.policy import reason_problem
    from arlo_rec.recovery import restore as restoring

    run: Run = ctx.obj
    if accept_without_feed and (problem := reason_problem(reason)):
        raise Usage(problem, rule="security.reason")
    if folder is None:
        return _accepted(run, accept_without_feed=accept_without_feed, reason=reason)
    if escrow is None:
        raise Usage("escrow_missing")
    store = nameable(run.store_path().absolute())
    where = nameable(root.absolute() if root else store.with_name(store.name + ".root"))
    known = None if accept_without_feed else feed or run.settings.feed
    wishes = restoring.RestoreOptions(
        folder, escrow, store, where, known.absolute() if known else None, group_id(group)
    )
    source = restoring.find(wishes, run.now())
    identity = run.identity(source.layout(where))
    held = source.slot.held
    shows = run.say("restore.shows", at=shown(source.slot.at), held=held, store=str(store))
    run.confirm(shows, run.say("restore.question"), str(held), yes=yes)
    done = restoring.carry_out(source, wishes, identity, run.now(), run.state())
    if accept_without_feed:
        with run.opened(done.layout, identity) as opened:
            restoring.accept(opened, reason, run.now())
    return _restored(run, done, closed=not (done.replayed or accept_without_feed))


def _accepted(run: Run, *, accept_without_feed: bool, reason: str | None) -> Answer:
    from arlo_rec.recovery.restore import accept

    if not accept_without_feed:
        raise Usage("backup_not_named")
    with run.store() as store:
        accept(store, reason, run.now())
    return Answer({"closed": False}, [run.say("restore.accepted")])


def _restored(run: Run, done: RestoredStore, *, closed: bool) -> Answer:
    from arlo_rec.model.errors import Refused
    from arlo_rec.model.records import to_iso
    from arlo_rec.model.times import shown

    counts = {"held": done.held, "erased": done.erased, "lost": len(done.lost)}
    data: dict[str, Any] = {"store": str(done.layout.store), "root": str(done.layout.root), "vkey": done.vkey}
    data |= {"backup_at": to_iso(done.at), **counts, "removed": list(done.removed), "closed": closed}
    lines = [run.say("restore.done", at=shown(done.at), **counts, store=str(done.layout.store))]
    lines += [run.say("restore.removed", name=one) for one in done.removed]
    lines += [run.say("restore.next", vkey=done.vkey)]
    error = Refused("erasure.unreplayed", rule="consent.withdraw") if closed else None
    return Answer(data, lines, always=True, error=error)


def _warning(run: Run, root: Path) -> list[str]:
    from arlo_rec.backends.files import file_system, is_weak

    kind = file_system(root)
    return [run.say("weak_disk", kind=kind)] if is_weak(kind) else []


def _role(text: str) -> Any:
    from arlo_rec.policy import Role

    try:
        return Role(text)
    except ValueError:
        raise Usage("role_unknown", roles=", ".join(Role)) from None


def _role_of(run: Run, person: Person) -> str:
    return run.say("person.recovery") if person.recovery else person.role


def _until(now: datetime, until: str | None, days: int | None) -> datetime:
    from datetime import timedelta

    from arlo_rec.model.times import parse_end
    from arlo_rec.policy import GRANT_DEFAULT

    if until is not None and days is not None:
        raise Usage("until_or_days")
    if until is not None:
        return parse_end(until)
    if days is not None and not 1 <= days <= 90:
        raise Usage("grant_length")
    return now + (timedelta(days=days) if days is not None else GRANT_DEFAULT)


def _told_person(person: Person) -> dict[str, Any]:
    from arlo_rec.model.records import to_iso

    told = {"name": person.name, "role": person.role, "service": person.service, "since": to_iso(person.since)}
    return {**told, "recovery": person.recovery}


def _told_grant(grant: Grant, now: datetime) -> dict[str, Any]:
    from arlo_rec.admin.grants import shown_state
    from arlo_rec.model.records import to_iso

    return {
        "id": grant.id,
        "person": grant.person,
        "purpose": grant.purpose,
        "teams": sorted(grant.teams) if grant.teams is not None else None,
        "until": to_iso(grant.until),
        "state": shown_state(grant, now),
        "by": grant.by,
        "reason": grant.reason,
    }


def _day(at: datetime) -> str:
    from arlo_rec.model.times import shown

    return shown(at)[:10]


def _minute(at: datetime) -> str:
    from arlo_rec.model.times import shown

    return shown(at)
