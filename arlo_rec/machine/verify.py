"""Verification of a whole store: pages of the database, log, feed, root, sums of rows, files, and consistency.

Nothing here opens a recording or reads personal data; the auditor's role has no key for either.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

from arlo_rec.law.log.entries import Body
from arlo_rec.law.log.events import taking_in
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, Integrity, InUse, NotGranted, Unreachable
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.law.model.records import RecordingId, named_in
from arlo_rec.machine import keys_check
from arlo_rec.machine.consistency import ConsistencyCheck, Parsed, Problem, parsed
from arlo_rec.machine.evidence import EvidenceCheck
from arlo_rec.machine.status import left_by_erasure, weak_disk
from arlo_rec.machine.witness import MANY, closed_size
from arlo_rec.policy import Action, may, signs_receipts
from arlo_rec.sound.processes.workers import can_fork, workers
from arlo_rec.vault.backends.files import LOCK
from arlo_rec.vault.backends.shared_folder import is_plain
from arlo_rec.vault.catalogue import audit_check, log_clock, schema
from arlo_rec.vault.catalogue.log_clock import LogTime
from arlo_rec.vault.catalogue.sealed_secrets import ROOT_SEED
from arlo_rec.vault.certificates.check import is_number
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.erasure import protocol, receipts
from arlo_rec.vault.keys import vouching
from arlo_rec.vault.keys.key_files import is_own_key_file, is_seal_for
from arlo_rec.vault.keys.layout import FIRST_LOCKS, ballast_is_missing, open_to_others
from arlo_rec.vault.offsite import feed
from arlo_rec.vault.opened import Store

UNREADABLE = "catalogue_damaged"  # the code of an unreadable row
PASSING = frozenset(  # states of the machine that `status` looks at itself each time; a mended one leaves no trace
    {
        *("feed_unreachable", "feed_behind", "feed_no_file", "feed_owner", "feed_of_another", "feed_too_long"),
        *("feed_flooded", "ballast_missing", "folder_open", "file_open"),
    }
)
CLOCK_TRIES = 5  # in a store with other writers
LARGE = frozenset(  # tables with a row for every recording or every commit
    {"recordings", "metadata", "shares", "mentions", "audience_keys", "audience_seals", "audience_wraps", "commit_keys"}
)


class TakenInByEarlier(Record, frozen=True):
    """Held recordings whose export was read by a map that is not today's; `map` is its name, `sha256` its digest."""

    map: str
    sha256: str
    recordings: list[RecordingId]


class Verified(Record, frozen=True):
    """The problems of a store; also what is none of its problems.

    These are a weak disk, foreign lines in its feed, and recordings that an earlier version of a map took in. So are an
    erasure that was cut off, and a place that is not the store's.
    """

    problems: list[Problem]
    weak_disk: str | None
    feed_foreign_lines: int
    earlier_maps: list[TakenInByEarlier]
    erasure_cut_off: bool
    store_moved: bool

    def lasting(self) -> int:
        """How many of the problems stay told until another verification finds none."""
        return sum(problem.code not in PASSING for problem in self.problems)


def verify(store: Store, now: datetime, *, read_data: bool, observer: Observer = unobserved) -> Verified:
    """All that is changed, truncated, exchanged, missing or older than a seen state.

    With *read_data* every object is read, and the largest tables are summed too. Raises NotGranted.
    """
    if store.rollbacks:  # then nothing may be written, not even a refusal
        decision = may(store.person.role, Action.LOOK_AFTER)
        if not decision.allowed:
            raise NotGranted(decision.code, rule=decision.rule)
    else:
        store.demand(Action.LOOK_AFTER, now)
    rollbacks = [Problem(code, "catalogue") for code in store.rollbacks]
    with side_checks(store, read_data=read_data, observer=observer) as begun:
        file_check = begun.file_check
        try:
            problems, foreign, earlier = _compared(
                store, now, begun.consistency(), read_data=read_data, observer=observer
            )
        except Exception:  # an unreadable or exchanged page ends the checks that read it
            problems, foreign, earlier = [], 0, []
            if not file_check.result():
                raise
        observer(Progress(Phase.FILE_CHECK))
        damaged = [Problem("catalogue_damaged", finding) for finding in file_check.result()]
        own = rollbacks + damaged + problems
        return Verified(own, weak_disk(store), foreign, earlier, _is_cut_off(store), store.is_copy)


def _compared(
    store: Store, now: datetime, check: Check, *, read_data: bool, observer: Observer
) -> tuple[list[Problem], int, list[TakenInByEarlier]]:
    """The problems of a readable store, the foreign lines in its feed, and recordings of earlier maps."""
    evidence, clock, maps = EvidenceCheck(store, now), _ClockCheck(store), _EarlierMaps(store)
    of_log = unobserved if read_data else observer  # else reading sound takes most of the time

    def follow(bodies: Sequence[Body]) -> None:
        clock.follow(bodies)
        entries = parsed(bodies)
        check.follow(entries)
        evidence.follow(entries)
        maps.follow(entries)

    fed = feed.check(store)
    problems = [Problem(code, str(store.feed) if code == "feed_unreachable" else "feed") for code in fed.problems]
    log = _readable(
        lambda: [
            Problem(code, "log")
            for code in audit_check.check(
                store.log, store.roster.signers(), signatures=True, follow=follow, observer=of_log
            )
        ]
    )
    problems += log
    checks: list[Callable[[], Iterable[Problem]]] = [
        partial(_root_problems, store),
        partial(_unvouched, store),
        partial(_changed_tables, store, read_data=read_data),
        partial(_file_problems, store),
        partial(keys_check.broken_links, store),
        partial(keys_check.policy, store),
        partial(keys_check.given_secrets, store, now),
        partial(keys_check.erasure_keys, store),
        partial(keys_check.copies, store),
        partial(keys_check.problems, store, read_data=read_data, observer=observer),
    ]
    if not any(problem.code == UNREADABLE for problem in log):  # else the log was not followed to its end
        checks += [clock.problems, evidence.problems, check.problems_of_ids, check.problems]
    for check_part in checks:
        observer(Progress(Phase.COMPARISON))
        problems += _readable(check_part)
    return list(dict.fromkeys(problems)), fed.foreign, maps.found()  # a key of a wrong size does not open either


def _readable(check: Callable[[], Iterable[Problem]]) -> list[Problem]:
    """The problems of a check; an unreadable row is its only one, and other checks go on."""
    try:
        return list(check())
    except Integrity as damage:
        if "table" not in damage.detail:  # a page of the file, or something else
            raise
        return [Problem(damage.code, str(damage.detail["table"]))]


def _file_problems(store: Store) -> Iterator[Problem]:
    yield from (Problem("file_missing", name) for name in _missing_files(store))
    yield from (Problem("file_changed", name) for name in _changed_files(store))
    for path in open_to_others(store.layout):
        yield Problem("folder_open" if path.is_dir() else "file_open", str(path))
    if ballast_is_missing(store.layout):
        yield Problem("ballast_missing", "ballast")


def _changed_tables(store: Store, *, read_data: bool) -> Iterator[Problem]:
    """Tables whose sum does not match, the largest only with *read_data*; or a changed schema alone.

    Sums use expressions of the schema; with a foreign schema they are not run.
    """
    try:
        schema.demand_untouched(store.db, store.layout.catalogue)
    except Integrity as problem:
        yield Problem(problem.code, "catalogue")
        return
    for table in schema.SUMMED:  # a missing sum is one of no rows
        if (read_data or table not in LARGE) and not store.db.sum_matches(table):
            yield Problem("rows_changed", table)


class _ClockCheck:
    """The comparison of the log's time index with the entries."""

    def __init__(self, store: Store) -> None:
        self._store, self._time, self._end = store, LogTime(), 0

    def follow(self, bodies: Sequence[Body]) -> None:
        """Read a batch of the log's entries; batches are passed in order."""
        self._time = log_clock.computed(bodies, self._time)
        self._end = bodies[-1][0] + 1 if bodies else self._end

    def problems(self) -> Iterator[Problem]:
        """A difference, after the last `follow`; checked again if the index changed meanwhile."""
        index, log = self._store.catalogue.log_clock, self._store.log
        for _ in range(CLOCK_TRIES):
            stored = index.get()
            self.follow([(entry.seq, entry.body) for entry in log.raw.entries(self._end, log.tree().size)])
            if stored == self._time:
                return
            if stored == index.get():
                break
        yield Problem("clock_index_differs", "log_clock")


class _EarlierMaps:
    """The recordings that were taken in by another map than those of today, as the log has its digest.

    A map says what counts as a consent: what a corrected one would have refused is for the officer to look at.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._taken: dict[str, list[RecordingId]] = {}

    def follow(self, entries: Sequence[Parsed]) -> None:
        """Read a batch of the log's entries."""
        for _, entry in entries:
            if entry is None or (entry.get("action"), entry.get("outcome")) not in taking_in():
                continue
            detail = entry.get("detail")
            if isinstance(detail, dict) and isinstance(digest := detail.get("map"), str):
                self._taken.setdefault(digest, []).extend(named_in(entry))

    def found(self) -> list[TakenInByEarlier]:
        """The recordings of earlier maps that are still held, by the digest of the map."""
        if not self._taken:
            return []
        from arlo_rec.exchanges.maps import read

        ours = {name: read.digest(read.shipped_text(name).encode("utf-8")) for name in read.shipped()}
        versions, search = self._store.policy.versions, self._store.catalogue.search
        names = {each.sha256: each.name for version in versions for each in version.maps}
        now = {each.sha256 for each in versions[-1].maps if ours.get(each.name, each.sha256) == each.sha256}
        found = []
        for digest, taken in self._taken.items():
            held = [row.id for _, row in search.held_among(taken)] if digest not in now else []
            if held:
                found.append(TakenInByEarlier(names.get(digest, "?"), digest, held))
        return found


def _unvouched(store: Store) -> Iterator[Problem]:
    """Keys that erase without a valid voucher, whose receipts would not verify."""
    for person in store.roster.people:
        vouchers = vouching.chain(store.catalogue.vouchers.get, person.sign_key)
        if signs_receipts(person.role) and not vouching.is_true(store.layout.id, vouchers):
            yield Problem("voucher_missing", primitives.fingerprint(person.sign_key).hex())


def _missing_files(store: Store) -> Iterator[str]:
    """Missing files: key files and seals of the roster's people, locks, receipts of finished erasures."""
    layout = store.layout
    if not is_plain(layout.root / LOCK):
        yield f"{layout.root.name}/{LOCK}"
    wanted = [*map(layout.lock_file, FIRST_LOCKS), layout.attempts]
    for person in store.roster.people:
        wanted += [layout.seal_file(person.name)] + ([] if person.service else [layout.key_file(person.name)])
    wanted += [receipts.file_for(store, number) for number in store.catalogue.erasures.finished() if is_number(number)]
    yield from (f"{path.parent.name}/{path.name}" for path in wanted if not is_plain(path))


def _changed_files(store: Store) -> Iterator[str]:
    """Existing key files and seals of the roster's people without a valid signature of a permitted signer."""
    layout, signers = store.layout, store.roster.signers().keys()
    for person in store.roster.people:
        key_file, seal = layout.key_file(person.name), layout.seal_file(person.name)
        if not person.service and is_plain(key_file) and not is_own_key_file(layout, person):
            yield f"{key_file.parent.name}/{key_file.name}"
        if is_plain(seal) and not is_seal_for(layout, person, signers):
            yield f"{seal.parent.name}/{seal.name}"


def _is_cut_off(store: Store) -> bool:
    with suppress(ArloError):  # which is one of the problems
        return left_by_erasure(store, store.lock_wait).is_cut_off
    return False


def _root_problems(store: Store) -> Iterator[Problem]:
    try:
        with store.root.lock(exclusive=False, wait=store.lock_wait), store.db.reading():
            if (place := protocol.rest(store).damaged) is not None:
                yield Problem("root_slot_damaged", place)
            if store.secrets.holds(ROOT_SEED):
                store.root.open(store.meta.number("generation"), store.secret(ROOT_SEED))
    except InUse:  # an erasure works on it, and checks it itself
        return
    except Unreachable:  # also for a pipe or a link in its place
        yield Problem("root_unreadable", "root")
    except ArloError as problem:
        yield Problem(problem.code, "root")


# -- side checks -----------------------------------------------------------------------------------------
#
# The engine's check of its file, and the consistency, run beside the pass over the log. In a large store each has a
# process and a connection of its own; the second reads the log itself. They change nothing, and are killed if the
# verification fails. In a small store the first runs in a thread, and the second with the log.


_LATER = 5  # niceness of the file's check: the consistency takes longest and should not wait
_AT_ONCE = 5000  # entries read at once


class _Job(StrEnum):
    FILE = "file"
    CONSISTENCY = "consistency"


class Check(Protocol):
    """A check that follows the log and then reports."""

    def follow(self, entries: Sequence[Parsed], /) -> None:
        """Check a batch of the log's entries; batches are passed in order."""

    def problems_of_ids(self) -> list[Problem]:
        """Problems of ids, keys and objects that do not depend on the log."""

    def problems(self) -> list[Problem]:
        """Every other problem, after the last `follow`."""


@dataclass(frozen=True, slots=True)
class SideChecks:
    """The engine's findings on its file, as a future; and the consistency check, to be called once."""

    file_check: Future[list[str]]
    consistency: Callable[[], Check]


@contextmanager
def side_checks(store: Store, *, read_data: bool, observer: Observer) -> Iterator[SideChecks]:
    """Begin the side checks; before the program has a thread.

    Reading sound takes most of the time and releases the GIL; then the consistency is checked here, and *observer*
    gets progress.
    """
    forked = closed_size(store) >= MANY and can_fork()
    apart = forked and not read_data
    with ExitStack() as ending:
        with store.db.closed() if forked else nullcontext():
            begin = partial(_working, store, forked=forked)
            side = ending.enter_context(workers(begin, forked=forked, sides=2 if apart else 1, disposable=True))
        file_check = side.submit(_Job.FILE)
        if apart:
            answer = side.submit(_Job.CONSISTENCY)
            yield SideChecks(file_check, lambda: _Apart(store, answer))
        else:
            yield SideChecks(file_check, lambda: ConsistencyCheck(store, read_data=read_data, observer=observer))


class _Apart:
    """The consistency check, mostly made in a process."""

    def __init__(self, store: Store, answer: Future[list[Problem]]) -> None:
        self._store, self._answer = store, answer

    def follow(self, entries: Sequence[Parsed], /) -> None:
        """Do nothing: the process reads the log itself."""

    def problems_of_ids(self) -> list[Problem]:
        """The problems of ids, found here, where there is less to do."""
        return ConsistencyCheck(self._store, read_data=False).problems_of_ids()

    def problems(self) -> list[Problem]:
        """The problems found by the process."""
        return self._answer.result()


@contextmanager
def _working(store: Store, *, forked: bool) -> Iterator[Callable[[_Job], Any]]:
    if forked:
        store.db.open()

    def work(job: _Job) -> Any:
        if job is _Job.CONSISTENCY:
            return _inconsistencies(store)
        if forked:
            with suppress(OSError):
                os.nice(_LATER)
        return store.db.check_file()

    yield work


def _inconsistencies(store: Store) -> list[Problem]:
    check, end = ConsistencyCheck(store, read_data=False), closed_size(store)
    for bodies in store.log.raw.body_batches(_AT_ONCE):
        check.follow(parsed([body for body in bodies if body[0] < end]))
    return check.problems()
