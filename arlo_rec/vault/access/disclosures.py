"""Disclosures: copies that left the store (exports, access packages, backups), and who must delete them (GDPR 19).

A disclosure is recorded with the log entry that allows it, before a byte leaves. If no file was written, the row is
deleted again, and the log says so: the table is an index of the log, which `verify` computes anew.
When a recording in it is erased, a disclosure becomes `open` until its deletion is confirmed; so does a saved file when
an upheld objection closes the use that it was saved for. For an access package
that concerns our own copy of the file: the data subject keeps theirs (GDPR 15(3), 19) and confirms nothing. A backup
needs no confirmation: its next run removes what was erased.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

from arlo_rec.law.log.events import CaseAnswered, DeletionConfirmed, LeftNothing, OpenedForSubject
from arlo_rec.law.log.rows import DisclosureState
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Lost, NotGranted, NothingMatched, Refused
from arlo_rec.law.model.records import Person, RecordingId
from arlo_rec.policy import Action, Role, is_kept_too_long, may
from arlo_rec.vault.backends.named_files import Files
from arlo_rec.vault.catalogue.disclosures import DisclosureRow
from arlo_rec.vault.offsite import escrow
from arlo_rec.vault.opened import Store

EXPORT, PACKAGE, BACKUP = "export", "package", "backup"
_NUMBER_LONGEST = 18  # digits that fit into an SQLite integer


class Disclosure(Record, frozen=True):
    """A copy that left the store, with what it holds."""

    id: str  # number of its log entry; for a backup its folder
    kind: str
    person: str | None  # the recipient
    at: datetime
    recordings: int
    erased: int  # of these
    state: DisclosureState
    case: str | None  # of a package
    sha256: str | None  # of a package's file, in hex; None if the log records no file
    file: str | None  # for its writer and for officers


class Recipients(Record, frozen=True):
    """The copies that left the store."""

    recipients: list[Disclosure]


class Confirmed(Record, frozen=True):
    """The copies whose deletion is confirmed."""

    confirmed: list[Disclosure]


def are_shown_to(person: Person) -> bool:
    """Whether a person may see recipients; support, with a customer on the line, may not."""
    return may(person.role, Action.SEE_RECIPIENTS).allowed


def name_file(store: Store, seq: int, file: str | None) -> None:
    """Record the name of the file of the log entry *seq*; inside the same change.

    A name may identify the caller, so no log entry holds it. It is for the person who must delete the file.
    """
    store.catalogue.disclosures.give_name(seq, _printable(file))


def name_anew(store: Store, seq: int, file: str, now: datetime) -> None:
    """Record the final file name of a disclosure of this person."""
    with store.change(now):
        store.catalogue.disclosures.give_name(seq, _printable(file))


def file_of(store: Store, row: DisclosureRow) -> str | None:
    """The file name of a disclosure, for its writer and for officers; None for others."""
    return row.file if store.person.role is Role.OFFICER or row.person == store.person.name else None


def _printable(file: str | None) -> str | None:
    """A file name as it can be stored: invalid UTF-8 is escaped."""
    return file.encode("utf-8", "backslashreplace").decode("utf-8") if file is not None else None


@contextmanager
def unless_written(store: Store, seq: int | None, files: Files, now: datetime) -> Iterator[None]:
    """Delete the disclosure *seq* again if no copy was written.

    It stays after Lost, and where bytes went to another machine: their fate is unknown.
    """
    try:
        yield
    except Lost:
        raise
    except BaseException:
        if seq is not None and not files.have_left:
            with store.change(now) as change:
                change.log(LeftNothing(of=seq))
        raise


def of_recordings(store: Store, recordings: Collection[RecordingId]) -> list[Disclosure]:
    """Disclosures of these recordings or of any training copy of them, backups included."""
    every = {*recordings, *store.catalogue.search.made_of(recordings)}
    rows = store.catalogue.disclosures.of_recordings(every)
    return _disclosures(store, rows) + (_backups(store) if recordings else [])


def saved(store: Store, recordings: Collection[RecordingId]) -> list[Disclosure]:
    """The sound files of exactly these recordings that nobody confirmed as deleted."""
    exports = _disclosures(store, store.catalogue.disclosures.of_recordings(set(recordings)))
    return [each for each in exports if each.kind == "export" and each.state is not DisclosureState.CONFIRMED]


def listed(store: Store, now: datetime, *, every: bool) -> list[Disclosure]:
    """Disclosures that are out or open, or all (*every*), oldest first; a manager sees their own. Raises NotGranted."""
    store.demand(Action.SEE_RECIPIENTS, now)
    rows = store.catalogue.disclosures.every()
    if store.person.role is Role.MANAGER:
        disclosures = _disclosures(store, [row for row in rows if row.person == store.person.name])
    else:
        disclosures = _disclosures(store, rows) + _backups(store)
    return [disclosure for disclosure in disclosures if every or disclosure.state is not DisclosureState.CONFIRMED]


def confirm(store: Store, ids: Collection[str], is_there: Callable[[str], bool], now: datetime) -> list[Disclosure]:
    """Confirm that copies were deleted, all or none; a manager confirms their own.

    *is_there*: whether one's own file still lies where it was saved, as far as this machine shows that. Raises
    NothingMatched, NotGranted, or Refused for a file that is there.
    """
    store.demand(Action.CONFIRM_DELETED, now)
    table = store.catalogue.disclosures
    known = {str(row.seq): row for row in table.get({int(text) for text in ids if _is_number(text)})}
    for text in ids:
        if text not in known:
            raise NothingMatched("no_such_recipient", id=text)
        if store.person.role is not Role.OFFICER and known[text].person != store.person.name:
            raise NotGranted("not_your_copy", rule="access.officer")
    for row in known.values():
        if row.person == store.person.name and row.file is not None and is_there(row.file):
            raise Refused("file_still_there", rule="consent.withdraw", path=row.file)
    seqs = sorted({int(text) for text in ids})
    with store.change(now) as change:
        for seq in seqs:
            change.log(DeletionConfirmed(of=seq, by=known[str(seq)].person))
    return _disclosures(store, table.get(seqs))


def count_open(store: Store) -> int:
    """The number of missing confirmations, backups included."""
    backups = sum(backup.state is DisclosureState.OPEN for backup in _backups(store))
    return len(store.catalogue.disclosures.open()) + backups


def kept_too_long(store: Store, now: datetime) -> list[DisclosureRow]:
    """Files that staff saved, and that nobody confirmed as deleted in time, oldest first."""
    today = store.clock.today(now)
    return [row for row in store.catalogue.disclosures.exports() if is_kept_too_long(row.at, today)]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _NUMBER_LONGEST


def _disclosures(store: Store, rows: Collection[DisclosureRow]) -> list[Disclosure]:
    """Disclosures of rows; their log entries say what each holds."""
    files = _package_files(store) if any(row.kind == PACKAGE for row in rows) else {}
    return [_disclosure(store, row, files.get(row.seq)) for row in rows]


def _disclosure(store: Store, row: DisclosureRow, sha256: str | None) -> Disclosure:
    entry = store.log.entries.get(row.seq)
    ids, event = (entry.recordings, entry.event) if entry is not None else ((), None)
    held = sum(store.catalogue.recordings.held(recording) is not None for recording in ids)
    case = event.case if isinstance(event, OpenedForSubject) else None
    erased = len(ids) - held
    file = file_of(store, row)
    return Disclosure(str(row.seq), row.kind, row.person, row.at, len(ids), erased, row.state, case, sha256, file)


def _package_files(store: Store) -> dict[int, str]:
    """SHA-256 of each written package's file, by the number of the entry that opened its recordings."""
    files = {}
    for entry in store.log.entries.of_cases():
        event = entry.event
        if isinstance(event, CaseAnswered) and event.of is not None:
            files[event.of] = event.sha256
    return files


def _backups(store: Store) -> list[Disclosure]:
    """Every backup: open while it holds something erased since its last run."""
    disclosures = []
    for backup in escrow.registered(store):
        if backup.number:
            erased = store.catalogue.erasures.count_since(backup.at)
            state = DisclosureState.OPEN if erased else DisclosureState.OUT
            held = store.catalogue.search.count_held()
            folder = str(backup.folder)
            counts = (held + erased, erased)
            disclosures.append(Disclosure(folder, BACKUP, None, backup.at, *counts, state, None, None, None))
    return disclosures
