"""Commands about people and keys: a new store, its people, the recovery key."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from arlo_rec.backends.named_files import nameable
from arlo_rec.commands.options import Name, NewPassphraseFile, Root, Yes, arg, opt, roles
from arlo_rec.commands.run import Run
from arlo_rec.model.documents import Record
from arlo_rec.model.errors import Usage, nearest
from arlo_rec.model.times import shown
from arlo_rec.policy import Role
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from datetime import datetime

    from arlo_rec.admin.identities import Added
    from arlo_rec.commands.run import Run
    from arlo_rec.keys.key_files import Identity
    from arlo_rec.keys.layout import Layout
    from arlo_rec.model.records import Person
    from arlo_rec.store import Store

SHARE_BYTES = 4096  # of a file with a share; it has about 250


class PersonShown(Record, frozen=True):
    """An identity in an answer."""

    name: str
    role: str
    service: bool
    since: datetime
    recovery: bool
    login: str

    @classmethod
    def of_person(cls, person: Person) -> Self:
        """The answer's part about *person*."""
        return cls.of(person, login=person.account)


def init(
    ctx: typer.Context,
    *,
    officer: Annotated[str, opt("opt.officer", "--officer", "NAME")],
    root: Root = None,
    feed: Annotated[Path | None, opt("opt.feed", "--feed", "FILE")] = None,
) -> Answer:
    """Make a store, its root folder and its first officer."""
    from arlo_rec.admin.initialise import NewStore, initialise

    run: Run = ctx.obj
    store = nameable(Path(os.path.abspath(run.store_path())))  # noqa: PTH100 - `.` gets a name to put .root behind
    if not store.name:
        raise Usage("already_exists", path=str(store))
    root_folder = nameable(root or store.with_name(store.name + ".root"))
    order = NewStore(store, root_folder, officer, nameable(feed.absolute()) if feed else None)
    made = initialise(order, run.new_passphrase(run.settings.passphrase_file), run.now(), run.state())
    data = {
        "store": str(made.layout.store),
        "root": str(made.layout.root),
        "officer": made.officer,
        "vkey": made.vkey,
        "officer_vkey": made.officer_vkey,
        "recovery_key": made.recovery_key,
    }
    for warning in _disk_warnings(run, made.layout.root):
        run.note(warning)
    return Answer(data, _init_lines(run, data, fed=feed is not None), always=True)


def _init_lines(run: Run, data: Mapping[str, str], *, fed: bool) -> list[str]:
    """The new store's facts, what to keep where, and the next commands, ready for a shell."""
    common = shlex.join(("--as", data["officer"], "--store", data["store"]))
    lines = [run.say("init.done", **data), "", *([] if fed else [run.say("init.advise_feed"), ""])]
    return [*lines, run.say("init.advise_officer", officer=data["officer"]), "", run.say("init.next", common=common)]


def person_add(
    ctx: typer.Context,
    name: Name,
    *,
    role: Annotated[str, opt("opt.role", "--role", "ROLE", choices=roles)],
    new_passphrase_file: NewPassphraseFile = None,
    service: Annotated[bool, opt("opt.service", "--service")] = False,
    key_out: Annotated[Path | None, opt("opt.key_out", "--key-out", "FILE")] = None,
    login: Annotated[str | None, opt("opt.login", "--login", "ACCOUNT")] = None,
) -> Answer:
    """Add a person, with a passphrase or a one-time one, or a service, with a key file."""
    from arlo_rec.admin.identities import NewPerson, add

    run: Run = ctx.obj
    wanted = _role(role)
    if service != (key_out is not None):
        raise Usage("service_needs_key_out")
    target = run.files.new_file(key_out) if key_out is not None else None
    secret = run.new_passphrase(new_passphrase_file) if new_passphrase_file else None
    with run.store() as store:
        added = add(store, NewPerson(name, wanted, secret, target, login or ""), run.now())
    data: dict[str, Any] = {"person": PersonShown.of_person(added.person)}
    waits = []
    if added.pending is not None:
        data["pending"] = {"id": added.pending.id}
        waits = [run.say("person.officer_waits", name=name, id=added.pending.id)]
    if added.one_time is not None:
        data["one_time_passphrase"] = added.one_time
        return Answer(data, [*waits, _one_time(run, added)], always=True)
    return Answer(data, waits or [run.say("person.added", name=name, role=role)])


def _one_time(run: Run, added: Added) -> str:
    """A one-time passphrase and the command that takes it, as it can be pasted into a shell."""
    name, role = added.person.name, added.person.role
    return run.say("person.one_time", name=name, role=role, passphrase=added.one_time, typed=shlex.quote(name))


def person_login(ctx: typer.Context, name: Name, account: Annotated[str, arg("arg.account", "ACCOUNT")]) -> Answer:
    """Set the login account from which a person uses the door."""
    from arlo_rec.admin.identities import set_login

    run: Run = ctx.obj
    with run.store() as store:
        changed = set_login(store, name, account, run.now())
    return Answer(
        {"person": PersonShown.of_person(changed)}, [run.say("person.login_set", name=name, login=changed.login)]
    )


def person_list(ctx: typer.Context) -> Answer:
    """List all identities."""
    from arlo_rec.admin import identities, new_officers

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        people = identities.listed(store, now)
        waiting = new_officers.waiting(store, now)
    persons = [PersonShown.of_person(person) for person in people]
    cells = {
        "role": lambda person: run.say("person.recovery") if person.recovery else person.role,
        "service": lambda person: run.say("yes" if person.service else "no"),
        "since": lambda person: shown(person.since)[:10],
    }
    columns = "name role service since" + " login" * any(person.login != person.name for person in persons)
    table = run.listing(PersonShown, persons, columns, "name", cells)
    lines = [run.say("person.officer_waits", name=each.person.name, id=each.id) for each in waiting]
    pending = [{"name": each.person.name, "id": each.id} for each in waiting]
    return Answer({"persons": persons, "pending": pending}, lines, table)


def person_remove(
    ctx: typer.Context,
    name: Name,
    *,
    successor: Annotated[str | None, opt("opt.successor", "--successor", "NAME")] = None,
    yes: Yes = False,
) -> Answer:
    """Remove a person, and encrypt what they could open with new keys; an officer leaves to a successor."""
    from arlo_rec.admin.identities import removable, remove

    run: Run = ctx.obj
    place = run.place()
    identity = run.identity(place)
    if successor is not None:
        return _succeeded(run, place, identity, name, successor, yes=yes)
    with run.opened(place, identity) as store:
        person = removable(store, name, run.now())
        summary = run.say("person.remove_shows", name=name, role=person.role)
        run.confirm(summary, run.say("person.remove_question"), name, yes=yes)
        remove(store, person, run.now())
    return _removed(run, place, identity, person)


def _succeeded(run: Run, place: Layout, identity: Identity, name: str, successor: str, *, yes: bool) -> Answer:
    """The answer to an officer who handed over to a successor."""
    from arlo_rec.admin import identities

    with run.opened(place, identity) as store:
        identities.may_hand_over(store, name, successor, run.now())
        leaving = store.person
        run.confirm(run.say("handover.shows", name=successor), run.say("person.remove_question"), name, yes=yes)
        added = identities.hand_over(store, successor, run.now())
    with run.opened(place, added.identity) as store:
        recovery_key = identities.take_over(store, name, run.now())
    removed = _removed(run, place, added.identity, leaving)
    secrets = {"passphrase": added.one_time, "recovery_key": recovery_key}
    line = run.say("handover.done", name=successor, typed=shlex.quote(successor), **secrets)
    made = {"successor": successor, "one_time_passphrase": added.one_time, "recovery_key": recovery_key}
    return removed._replace(data={**removed.data, **made}, lines=[line, *removed.lines], always=True)


def _removed(run: Run, place: Layout, identity: Identity, person: Person) -> Answer:
    """The answer to a removal, with what is left to do; the store is opened once more, which changes its keys."""
    with run.opened(place, identity) as store:
        waiting = store.roster.is_known_outside(store.catalogue_mark)
        rings, vkey = rings_after_leaving(store, run), store.log.vkey()
    lines = [run.say("person.removed_rekey_waits" if waiting else "person.removed", name=person.name), *rings.lines]
    lines += [] if waiting else [run.say("person.log_key", vkey=vkey)]
    data = {"person": PersonShown.of_person(person), "rekeyed": not waiting, "vkey": vkey, **rings.data}
    return Answer(data, lines, exit_status=3 if waiting or rings.left else 0)


def person_passphrase(
    ctx: typer.Context,
    *,
    new_passphrase_file: NewPassphraseFile = None,
    reset: Annotated[str | None, opt("opt.reset", "--reset", "NAME")] = None,
) -> Answer:
    """Set one's own passphrase, or reset another person's."""
    from dataclasses import replace

    from arlo_rec.admin import identities

    run: Run = ctx.obj
    place = run.place()
    identity = run.identity(place)
    now = run.now()
    own = identity if reset is not None else replace(identity, once=False)
    with run.opened(place, own) as store:
        if reset is not None:
            added = identities.reset(store, reset, now)
            rings = rings_after_leaving(store, run)
            data = {"person": PersonShown.of_person(added.person), "one_time_passphrase": added.one_time, **rings.data}
            line = _one_time(run, added)
            return Answer(data, [line, *rings.lines], always=True, exit_status=3 if rings.left else 0)
        secret = run.new_passphrase(new_passphrase_file)
        identities.set_passphrase(store, identity, secret, now)
        return Answer({"person": PersonShown.of_person(store.person)}, [run.say("person.passphrase_set")])


def _disk_warnings(run: Run, root: Path) -> list[str]:
    """A warning where the root folder lies on a file system on which old key files may survive."""
    from arlo_rec.backends.files import file_system, is_weak

    kind = file_system(root)
    return [run.say("weak_disk", kind=kind)] if is_weak(kind) else []


def _role(text: str) -> Any:

    try:
        return Role(text)
    except ValueError:
        raise Usage("role_unknown", roles=", ".join(Role), **nearest(text, list(Role))) from None


# -- keys ---------------------------------------------------------------------------------------------


def person_rotate(
    ctx: typer.Context,
    name: Name,
    *,
    key_out: Annotated[Path, opt("opt.key_out", "--key-out", "FILE")],
) -> Answer:
    """Give a service a new key."""
    from arlo_rec.admin.identities import rotate

    run: Run = ctx.obj
    target = run.files.new_file(key_out)
    with run.store() as store:
        rotate(store, name, target, run.now())
    return Answer({"person": name, "key": str(key_out)}, [run.say("rotate.done", name=name, path=str(key_out))])


def trust(ctx: typer.Context, word: Annotated[str, arg("arg.check_word", "WORD")]) -> Answer:
    """Go on with a store that was restored without its feed, after the officer read out its check word."""
    from arlo_rec.admin import opening

    run: Run = ctx.obj
    place = run.place()
    identity = run.identity(place)
    run.demand_guest(place, identity.name)
    link = opening.trust(place, identity, word, run.state())
    return Answer({"link": link.number, "check_word": word.strip().lower()}, [run.say("trust.done")])


def recovery_split(
    ctx: typer.Context,
    *,
    shares: Annotated[int, opt("opt.shares", "--shares", "N")],
    threshold: Annotated[int, opt("opt.threshold", "--threshold", "N")],
) -> Answer:
    """Split the recovery key into shares, by SLIP-39."""
    from arlo_rec.admin.slip39 import split
    from arlo_rec.keys.roster import RECOVERY_NAME

    run: Run = ctx.obj
    secret = run.passphrase()
    texts = split(secret.decode("utf-8", "replace"), threshold, shares)
    run.unlocked(run.place(), RECOVERY_NAME, secret)  # shares of a key that opens nothing would be found out too late
    lines = [
        run.say("recovery.share", number=number, count=shares, threshold=threshold, share=text)
        for number, text in enumerate(texts, 1)
    ]
    return Answer({"shares": texts, "threshold": threshold}, lines, always=True)


def recovery_join(ctx: typer.Context, files: Annotated[list[Path], arg("arg.shares", "FILE…")]) -> Answer:
    """Join shares to the recovery key."""
    from arlo_rec.admin.slip39 import join

    run: Run = ctx.obj
    shares = []
    for path in files:
        try:
            shares.append(run.files.read(path, SHARE_BYTES).decode("utf-8"))
        except UnicodeDecodeError:
            raise Usage("file_unreadable", path=str(path)) from None
    recovery_key = join(shares)
    return Answer({"recovery_key": recovery_key}, [run.say("recovery.joined", recovery_key=recovery_key)], always=True)


def recovery_renew(ctx: typer.Context) -> Answer:
    """Make a new recovery key."""
    from arlo_rec.admin.identities import renew_recovery

    run: Run = ctx.obj
    with run.store() as store:
        recovery_key = renew_recovery(store, run.now())
        rings = rings_after_leaving(store, run)
    lines = [run.say("recovery.renewed", recovery_key=recovery_key), *rings.lines]
    return Answer({"recovery_key": recovery_key, **rings.data}, lines, always=True, exit_status=3 if rings.left else 0)


# -- rings of backups ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RingsAnswer:
    """The rings that could not be emptied, whether a new backup is due, and both as lines for people."""

    left: tuple[str, ...]
    backup_due: bool
    lines: tuple[str, ...]

    @property
    def data(self) -> dict[str, Any]:
        """The same for scripts."""
        return {"rings_left": list(self.left), "backup_due": self.backup_due}


def rings_after_leaving(store: Store, run: Run) -> RingsAnswer:
    """The key rings that remain after a removal."""
    from arlo_rec.offsite import escrow

    statuses = list(escrow.statuses(store, run.now()))
    left = tuple(str(each.escrow) for each in statuses if each.problem in {"escrow_unreachable", "ring_not_emptied"})
    backup_due = any(each.problem in {"backup_void", "backup_not_for_officers"} for each in statuses)
    lines = [run.say("person.rings_left", escrow=ring) for ring in left]
    lines += [run.say("person.backup_due")] if backup_due else []
    return RingsAnswer(left, backup_due, tuple(lines))
