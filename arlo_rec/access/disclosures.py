"""Who was given something: exports, access packages and backups, and who must delete what (GDPR 19).

A copy that leaves is noted with the log entry that lets it go, before a byte of it does; where no file came of it, the
note is taken back. When something of it is erased, whoever has it is told to delete it, and it stays open until that
was confirmed. A backup forgets by itself, at its next run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from arlo_rec.backends import marks, portions
from arlo_rec.model.errors import NotGranted, NothingMatched
from arlo_rec.model.records import RecordingId, from_micros, to_micros
from arlo_rec.offsite import escrow
from arlo_rec.policy import Action, Role, State
from arlo_rec.store import Store

BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A copy that left: `state` is `out`, `open` (something of it was erased) or `confirmed`."""

    id: str  # the number of the log entry that let it go; of a backup its folder
    kind: str  # `export`, `package` or `backup`
    person: str | None  # who took it
    at: datetime
    recordings: int
    erased: int  # of these
    state: str


def note(store: Store, seq: int, kind: str, now: datetime) -> None:
    """That a copy is about to leave, by the log entry of that number; inside its change."""
    store.db.run(
        "INSERT INTO recipients (seq, kind, person, at, state) VALUES (?, ?, ?, ?, 'out')",
        (seq, kind, store.person.name, to_micros(now)),
    )


@contextmanager
def unless_written(store: Store, seq: int | None, now: datetime) -> Iterator[None]:
    """Take the note back where nothing came of the copy."""
    try:
        yield
    except BaseException:
        if seq is not None:
            with store.change(now):
                store.db.run("DELETE FROM recipients WHERE seq = ?", (seq,))
        raise


def reached(store: Store, recordings: Collection[RecordingId]) -> None:
    """Whoever has one of these must delete it; inside the change that erases them."""
    if not store.db.rows("SELECT 1 FROM recipients LIMIT 1"):
        return
    for some in portions(recordings):
        store.db.run(
            "UPDATE recipients SET state = 'open' WHERE state = 'out' AND seq IN "  # noqa: S608 - marks
            f"(SELECT seq FROM mentions WHERE recording IN ({marks(some)}))",
            some,
        )


def having(store: Store, recordings: Collection[RecordingId]) -> list[Recipient]:
    """Who has one of these, backups included."""
    seqs: set[int] = set()
    if store.db.rows("SELECT 1 FROM recipients LIMIT 1"):
        for some in portions(recordings):
            rows = store.db.rows(
                "SELECT DISTINCT r.seq FROM mentions m JOIN recipients r ON r.seq = m.seq "  # noqa: S608 - marks
                f"WHERE m.recording IN ({marks(some)})",
                some,
            )
            seqs |= {int(row[0]) for row in rows}
    backups = [one for one in _backups(store) if recordings]
    return _read(store, seqs) + backups


def listed(store: Store, now: datetime, *, every: bool) -> list[Recipient]:
    """Every copy that is out or open, or was ever (*every*), oldest first; raises NotGranted."""
    store.demand(Action.SEE_RECIPIENTS, now)
    found = [*_read(store, None), *_backups(store)]
    return [one for one in found if every or one.state != "confirmed"]


def confirm(store: Store, ids: Collection[str], now: datetime) -> list[Recipient]:
    """That these copies were deleted; a manager for their own. Raises NothingMatched or NotGranted, for all or none."""
    store.demand(Action.CONFIRM_DELETED, now)
    known = {
        one.id: one
        for one in _read(store, {int(one) for one in ids if one.isascii() and one.isdigit() and len(one) < 19})
    }
    for one in ids:
        if one not in known:
            raise NothingMatched("no_such_recipient", id=one)
        if store.person.role is not Role.OFFICER and known[one].person != store.person.name:
            raise NotGranted("not_your_copy", rule="access.officer")
    with store.change(now) as change:
        for one in sorted(set(ids), key=int):
            store.db.run("UPDATE recipients SET state = 'confirmed' WHERE seq = ?", (int(one),))
            told = store.entry(
                Action.CONFIRM_DELETED, "done", "consent.withdraw", now, of=int(one), by=known[one].person
            )
            change.log(told)
    return _read(store, {int(one) for one in ids})


def open_ones(store: Store) -> int:
    """How many confirmations are missing."""
    waiting = store.db.rows("SELECT count(*) FROM recipients WHERE state = 'open'")[0][0]
    return int(waiting) + sum(one.state == "open" for one in _backups(store))


def _read(store: Store, seqs: Collection[int] | None) -> list[Recipient]:
    """Those of some entries, or (None) all, in the order in which they left."""
    sql = "SELECT seq, kind, person, at, state FROM recipients"
    if seqs is None:
        rows = store.db.rows(f"{sql} ORDER BY seq")
    else:
        rows = [row for some in portions(seqs) for row in store.db.rows(f"{sql} WHERE seq IN ({marks(some)})", some)]
    return [_recipient(store, *row) for row in sorted(rows)]


def _recipient(store: Store, seq: int, kind: str, person: str, at: int, state: str) -> Recipient:
    """With what it holds, which the log entry tells."""
    told = next((line.told for line in store.book.lines("seq = ?", (seq,))), None) or {}
    ids = [RecordingId(bytes.fromhex(one)) for one in told.get("recordings", ())]
    held = sum(1 for one in ids if (row := store.catalogue.get(one)) is not None and row.state is State.HELD)
    return Recipient(str(seq), kind, person, from_micros(at), len(ids), len(ids) - held, state)


def _backups(store: Store) -> list[Recipient]:
    """A backup has what was erased since it was made, until it is made again."""
    found = []
    for one in escrow.known(store):
        if one.number:
            rows = store.db.rows("SELECT recordings FROM erasures WHERE at >= ?", (to_micros(one.at),))
            erased = sum(len(str(row[0]).split(",")) for row in rows if row[0])
            state = "open" if erased else "out"
            held = store.catalogue.count("state = 'held'")
            found.append(Recipient(str(one.folder), BACKUP, None, one.at, held + erased, erased, state))
    return found
