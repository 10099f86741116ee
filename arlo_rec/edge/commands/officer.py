"""Commands about people and keys: a new store, its people, the recovery key."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import UNSET, UnsetType

from arlo_rec.edge.commands.options import Name, NewPassphraseFile, Root, Yes, among, arg, opt
from arlo_rec.edge.commands.run import Run, root_of_new, tried, way_of
from arlo_rec.edge.config import settle
from arlo_rec.edge.tables import members
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Usage, nearest
from arlo_rec.law.model.times import local_date
from arlo_rec.policy import Role
from arlo_rec.vault.backends.named_files import nameable

if TYPE_CHECKING:
    from arlo_rec.law.model.records import Person
    from arlo_rec.office.identities import Added
    from arlo_rec.vault.keys.key_files import Identity
    from arlo_rec.vault.keys.layout import Layout
    from arlo_rec.vault.opened import Store

SHARE_BYTES = 4096  # of a file with a share; it has about 250


class ServiceRotated(Record, frozen=True):
    """A service with a new key, and the file of that key."""

    person: str
    key: Path


class Trusted(Record, frozen=True):
    """The link of the chain of authority from which on a restored store is trusted."""

    link: int
    check_word: str


class RecoveryShares(Record, frozen=True):
    """The shares of the recovery key, of which some restore it."""

    shares: list[str]
    threshold: int


class RecoveryKey(Record, frozen=True):
    """The recovery key, joined or new; a new one leaves rings of backups behind."""

    recovery_key: str
    rings_left: list[str] | UnsetType = UNSET  # that could not be emptied
    backup_due: bool | UnsetType = UNSET


def init(
    ctx: typer.Context,
    *,
    officer: Annotated[str, opt("opt.officer", "--officer", "NAME")],
    root: Root = None,
    feed: Annotated[Path | None, opt("opt.feed", "--feed", "FILE")] = None,
    objects: Annotated[str, opt("opt.objects", "--objects", "PLACE")] = "files",
    catalogue: Annotated[str, opt("opt.catalogue", "--catalogue", "PLACE")] = "files",
) -> Answer:
    """Make a store, its root folder and its first officer."""
    from arlo_rec.office.initialise import NewStore, initialise
    from arlo_rec.vault.backends import mounts

    run: Run = ctx.obj
    store = nameable(Path(os.path.abspath(run.store_path())))  # noqa: PTH100 - `.` gets a name to put .root behind
    if not store.name:
        raise Usage("already_exists", path=str(store))
    root_folder, root_at = root_of_new(root, store)
    told = nameable(feed.absolute()) if feed else None
    order = NewStore(store, root_folder, officer, told, objects, root_at, way_of(run), catalogue)
    made = initialise(order, run.new_passphrase(run.settings.passphrase_file), run.now(), run.state())
    if mounts.is_weak(kind := mounts.file_system(made.root)):  # old key files may survive there
        run.note(run.say("weak_disk", kind=kind))
    for kind in {*map(mounts.file_system, (made.store, made.root))} & mounts.MEMORY:
        run.note(run.say("critical.store_in_memory", store=made.store, kind=kind), always=True)
    done = "init.done" if root_at is None else "init.done_openbao"
    lines = [run.say(done, **members(made)), *([] if feed else [run.say("init.advise_feed")])]
    lines += [run.say("init.next", common=_common(run, made.officer))]
    lines = lines[:1] if run.quiet else lines
    lines += [run.say("init.recovery_key", **members(made))]  # last, so that it is still on a small screen
    return Answer(made, lines, always=True)


def _common(run: Run, name: str) -> str:
    """The options that name the officer and the store to the next commands, where nothing else does."""
    without = settle({"config": run.config}, os.environ, run.client.personal)
    words = [] if name == (without.as_name or run.client.login) else ["--as", name]
    words += [] if without.store == run.settings.store else ["--store", str(run.store_path().absolute())]
    return "".join(f" {shlex.quote(word)}" for word in words)


def person_add(
    ctx: typer.Context,
    name: Name,
    *,
    role: Annotated[str, opt("opt.role", "--role", "ROLE", choices=among("policy", "Role"))],
    new_passphrase_file: NewPassphraseFile = None,
    service: Annotated[bool, opt("opt.service", "--service")] = False,
    key_out: Annotated[Path | None, opt("opt.key_out", "--key-out", "FILE")] = None,
    login: Annotated[str | None, opt("opt.login", "--login", "ACCOUNT")] = None,
) -> Answer:
    """Add a person, with a passphrase or a one-time one, or a service, with a key file."""
    from arlo_rec.office.identities import NewPerson, PersonAnswer, add

    run: Run = ctx.obj
    if role not in set(Role):
        raise Usage("role_unknown", roles=", ".join(Role), **nearest(role, list(Role)))
    if service != (key_out is not None):
        raise Usage("service_needs_key_out")
    target = run.files.new_file(key_out) if key_out is not None else None
    secret = run.new_passphrase(new_passphrase_file) if new_passphrase_file else None
    with run.store() as store:
        added = add(store, NewPerson(name, Role(role), secret, target, login or ""), run.now())
    once, waits = added.one_time, added.pending
    lines = [run.say("person.officer_waits", name=name, id=waits.id)] if waits is not None else []
    answer = PersonAnswer(person=added.person, pending=waits or UNSET, one_time_passphrase=once or UNSET)
    if once is not None:
        return Answer(answer, [*lines, _one_time(run, added)], always=True)
    if target is not None:
        lines = [run.say("person.service_added", name=name, role=role, path=target.absolute())]
    return Answer(answer, lines or [run.say("person.added", name=name, role=role)])


def _one_time(run: Run, added: Added) -> str:
    """A one-time passphrase and the command that takes it, as it can be pasted into a shell."""
    name, role = added.person.name, added.person.role
    return run.say("person.one_time", name=name, role=role, passphrase=added.one_time, typed=shlex.quote(name))


def person_login(ctx: typer.Context, name: Name, account: Annotated[str, arg("arg.account", "ACCOUNT")]) -> Answer:
    """Set the login account from which a person uses the door."""
    from arlo_rec.office.identities import PersonAnswer, set_login

    run: Run = ctx.obj
    with run.store() as store:
        changed = set_login(store, name, account, run.now())
    line = run.say("person.login_set", name=name, login=changed.login)
    return Answer(PersonAnswer(person=changed), [line])


def person_list(ctx: typer.Context) -> Answer:
    """List all identities."""
    from arlo_rec.office import identities

    run: Run = ctx.obj
    with run.store() as store:
        people = identities.listed(store, run.now())
    cells = {
        "role": lambda person: run.say("person.recovery" if person.recovery else f"person.role_{person.role}"),
        "service": lambda person: run.say("yes" if person.service else "no"),
        "since": lambda person: local_date(person.since),
    }
    columns = "name role service since" + " login" * any(person.login != person.name for person in people.persons)
    table = run.listing(identities.PersonShown, people.persons, columns, "name", cells)
    return Answer(
        people, [run.say("person.officer_waits", name=each.name, id=each.id) for each in people.pending], table
    )


def person_remove(
    ctx: typer.Context,
    name: Name,
    *,
    successor: Annotated[str | None, opt("opt.successor", "--successor", "NAME")] = None,
    yes: Yes = False,
) -> Answer:
    """Remove a person, and encrypt what they could open with new keys; an officer leaves to a successor."""
    from arlo_rec.office.identities import removable, remove

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
    from arlo_rec.office import identities

    with run.opened(place, identity) as store:
        identities.may_hand_over(store, name, successor, run.now())
        leaving = store.person
        run.confirm(run.say("handover.shows", name=successor), run.say("person.remove_question"), name, yes=yes)
        added = identities.hand_over(store, successor, run.now())
    with run.opened(place, added.identity) as store:
        recovery_key = identities.take_over(store, name, run.now())
    secrets = {"one_time_passphrase": added.one_time, "recovery_key": recovery_key}
    removed = _removed(run, place, added.identity, leaving, successor=successor, **secrets)
    typed = shlex.quote(successor)
    line = run.say("handover.done", name=successor, typed=typed, passphrase=added.one_time, recovery_key=recovery_key)
    return removed._replace(lines=[line, *removed.lines], always=True)


def _removed(run: Run, place: Layout, identity: Identity, person: Person, **handed: str | None) -> Answer:
    """The answer to a removal, with what is left to do; the store is opened once more, which changes its keys."""
    from arlo_rec.office.identities import PersonGone, PersonShown

    with run.opened(place, identity) as store:
        waiting, vkey = store.roster.is_known_outside(store.catalogue_mark), store.log.vkey()
        line = run.say("person.removed_rekey_waits" if waiting else "person.removed", name=person.name)
        gone = {"person": PersonShown.of_person(person), "rekeyed": not waiting, "vkey": vkey, **handed}
        answer = _keys_left(run, store, line, PersonGone, **gone)
    lines = [*answer.lines, *([] if waiting else [run.say("person.log_key", vkey=vkey)])]
    return answer._replace(lines=lines, always=False, exit_status=3 if waiting else answer.exit_status)


def person_passphrase(
    ctx: typer.Context,
    *,
    new_passphrase_file: NewPassphraseFile = None,
    reset: Annotated[str | None, opt("opt.reset", "--reset", "NAME")] = None,
) -> Answer:
    """Set one's own passphrase, or reset another person's."""
    from dataclasses import replace

    from arlo_rec.office import identities

    run: Run = ctx.obj
    place = run.place()
    identity = run.identity(place)
    now = run.now()
    own = identity if reset is not None else replace(identity, once=False)
    with run.opened(place, own) as store:
        if reset is None:
            identities.set_passphrase(store, identity, run.new_passphrase(new_passphrase_file), now)
            person = identities.PersonShown.of_person(store.person)
            return Answer(identities.PersonAnswer(person=person), [run.say("person.passphrase_set")])
        added = identities.reset(store, reset, now)
        facts = {"person": added.person, "one_time_passphrase": added.one_time}
        return _keys_left(run, store, _one_time(run, added), identities.PersonAnswer, **facts)


# -- keys ---------------------------------------------------------------------------------------------


def person_rotate(
    ctx: typer.Context,
    name: Name,
    *,
    key_out: Annotated[Path, opt("opt.key_out", "--key-out", "FILE")],
) -> Answer:
    """Give a service a new key."""
    from arlo_rec.office.identities import rotate

    run: Run = ctx.obj
    target = run.files.new_file(key_out)
    with run.store() as store:
        rotate(store, name, target, run.now())
    return Answer(ServiceRotated(name, key_out), [run.say("rotate.done", name=name, path=key_out)])


def trust(ctx: typer.Context, word: Annotated[str, arg("arg.check_word", "WORD")]) -> Answer:
    """Go on with a store that was restored without its feed, after the officer read out its check word."""
    from arlo_rec import store as opening

    run: Run = ctx.obj
    place = run.place()
    identity = run.identity(place)
    run.demand_guest(place, identity.name)
    link = opening.trust(place, identity, word, run.state())
    return Answer(Trusted(link.number, word.strip().lower()), [run.say("trust.done")])


def recovery_split(
    ctx: typer.Context,
    *,
    shares: Annotated[int, opt("opt.shares", "--shares", "N")],
    threshold: Annotated[int, opt("opt.threshold", "--threshold", "N")],
) -> Answer:
    """Split the recovery key into shares, by SLIP-39."""
    from arlo_rec.office.slip39 import split
    from arlo_rec.vault.keys.roster import RECOVERY_NAME

    run: Run = ctx.obj

    def parts(secret: bytes) -> list[str]:
        texts = split(secret.decode("utf-8", "replace"), threshold, shares)
        run.unlocked(run.place(), RECOVERY_NAME, secret)  # shares of a key that opens nothing are noticed too late
        return texts

    texts = tried(run, parts)
    lines = [
        run.say("recovery.share", number=number, count=shares, threshold=threshold, share=text)
        for number, text in enumerate(texts, 1)
    ]
    return Answer(RecoveryShares(texts, threshold), lines, always=True)


def recovery_join(ctx: typer.Context, files: Annotated[list[Path], arg("arg.shares", "FILE…")]) -> Answer:
    """Join shares to the recovery key."""
    from arlo_rec.office.slip39 import join

    run: Run = ctx.obj
    recovery_key = join({str(path): run.files.text(path, SHARE_BYTES) for path in files})
    return Answer(RecoveryKey(recovery_key), [run.say("recovery.joined", recovery_key=recovery_key)], always=True)


def recovery_renew(ctx: typer.Context) -> Answer:
    """Make a new recovery key."""
    from arlo_rec.office.identities import renew_recovery

    run: Run = ctx.obj
    with run.store() as store:
        recovery_key = renew_recovery(store, run.now())
        line = run.say("recovery.renewed", recovery_key=recovery_key)
        return _keys_left(run, store, line, RecoveryKey, recovery_key=recovery_key)


def _keys_left(run: Run, store: Store, line: str, kind: type[Record], **facts: Any) -> Answer:
    """The answer to a change that made keys void, with the rings of backups that still have them."""
    from arlo_rec.vault.offsite import escrow

    statuses = list(escrow.statuses(store, run.now()))
    left = [str(each.escrow) for each in statuses if each.problem in {"escrow_unreachable", "ring_not_emptied"}]
    backup_due = any(each.problem in {"backup_void", "backup_not_for_officers"} for each in statuses)
    lines = [line, *(run.say("person.rings_left", escrow=ring) for ring in left)]
    lines += [run.say("person.backup_due")] if backup_due else []
    answer = kind(rings_left=left, backup_due=backup_due, **facts)
    return Answer(answer, lines, always=True, exit_status=3 if left else 0)
