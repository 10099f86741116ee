"""A stretch of the log, checked by itself: its bodies and leaves, its checkpoints, and the persons in its entries.

Results that concern the whole log (leaves, missing bodies) are returned, so that stretches can be checked in several
processes. Nothing is written.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final, NamedTuple

from arlo_rec.law.log import events
from arlo_rec.law.log.entries import Body, EntryRow, LogEntry, read_body
from arlo_rec.law.log.events import EntriesForgotten, PurgeFinished, may_say
from arlo_rec.law.model.policy_versions import LIMITS
from arlo_rec.law.model.records import from_iso
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.vault.catalogue import log_clock
from arlo_rec.vault.catalogue.audit_log import AuditLog, SignedCheckpoint
from arlo_rec.vault.catalogue.entry_index import follow_from
from arlo_rec.vault.catalogue.log_clock import LogTime
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.crypto.primitives import ColumnKey, Verifiers
from arlo_rec.vault.keys.roster import Signatories, name_then

# -- anchors -----------------------------------------------------------------------------------------
#
# Every anchor counts, because its place is trusted: one that this log did not sign is a problem too.


@dataclass(slots=True)
class Anchors:
    """The notes of one place outside, and the findings about them."""

    notes: Sequence[str]
    problems: list[str] = field(default_factory=list)  # codes; also of the place itself, from its reader
    compared: list[str] = field(default_factory=list)  # notes compared with the tree, with any result


class Comparison:
    """Comparison of anchors with one log, whose keys are given by the size from which each signs."""

    def __init__(self, origin: str, keys: Sequence[tuple[int, bytes]]) -> None:
        self._origin, self._keys = origin, keys

    def run(self, anchors: Anchors, roots: Mapping[int, bytes]) -> None:
        """Fill in the findings of *anchors*, for a tree with these roots at their sizes."""
        for note in anchors.notes:
            problem = self._problem(note, roots)
            if problem not in _INCOMPARABLE:
                anchors.compared.append(note)
            if problem is not None:
                anchors.problems.append(problem)

    def _problem(self, note: str, roots: Mapping[int, bytes]) -> str | None:
        """The problem of a note; None if the log had that state."""
        said = _said(note)
        if said is None:
            return "anchor_unreadable"
        if said.origin != self._origin:
            return "anchor_of_another_log"
        public = key_at(self._keys, said.size)
        if public is None or not merkle.note_signed_by(ended(note), self._origin, public):
            return "anchor_unsigned"
        return _differs(said, roots)


_INCOMPARABLE = frozenset({"anchor_unreadable", "anchor_of_another_log", "anchor_unsigned"})


def sizes(anchors: Sequence[Anchors]) -> Iterator[int]:
    """The sizes of the log at which anchors are compared."""
    for place in anchors:
        for note in place.notes:
            if (said := _said(note)) is not None:
                yield said.size


def key_at(keys: Sequence[tuple[int, bytes]], size: int) -> bytes | None:
    """The key that signed for the log at that size."""
    signing = [public for since, public in keys if since < size]
    return signing[-1] if signing else None


def ended(note: str) -> str:
    """A note with its original end, which its keeper may have changed."""
    return note.rstrip("\n") + "\n"


def _said(note: str) -> merkle.Checkpoint | None:
    try:
        return merkle.parse_note(ended(note))[0]
    except ValueError:
        return None


def _differs(said: merkle.Checkpoint, roots: Mapping[int, bytes]) -> str | None:
    if said.size not in roots:
        return "log_shorter_than_anchor"
    return None if roots[said.size] == said.root else "log_differs_from_anchor"


# -- forgotten entries -------------------------------------------------------------------------------
#
# An entry that says that others were forgotten counts if its signer may purge. The others must have come before a
# finished purge that was old enough by then. That purge may be no older than the entries before it, and the entry no
# younger than the log, so that an invented time does not count; an accepted clock begins anew. A body that is gone
# without such an entry is a changed entry.


_BEGINS: Final = b'{"action":"%s"' % EntriesForgotten.ACTION.encode("ascii")  # the canonical JSON of such an entry
MARGIN: Final = timedelta(days=1)  # tolerated difference of clocks, and length of a purge


def saying(entries: Sequence[EntryRow]) -> list[tuple[int, bytes]]:
    """Number and body of entries that say that others were forgotten."""
    return [(seq, body) for seq, _, body, *_ in entries if body is not None and body.startswith(_BEGINS)]


class Forgotten:
    """Collects missing bodies, and what the log says of them; entries come in order."""

    def __init__(self, log: AuditLog, people: Signatories) -> None:
        self._log, self._people = log, people
        self._gone = bytearray()  # a byte for each entry: a million take 1 MB
        self._said: list[tuple[int, bytes]] = []

    def take(self, gone: bytes, said: Sequence[tuple[int, bytes]]) -> None:
        """Add a batch: for each entry whether its body is gone, and its entries from `saying`."""
        self._gone += gone
        self._said += said

    def unsaid(self) -> int:
        """The number of missing bodies without a valid entry that says so, after the last batch."""
        if not any(self._gone):
            return 0
        gone, events = bytearray(self._gone), {seq: self._event(seq, body) for seq, body in self._said}
        times = self._times({event.before for event, _ in filter(None, events.values())})
        for seq, said in events.items():
            for first, last in self._valid_runs(seq, *said, times) if said is not None else ():
                gone[first : last + 1] = bytes(len(gone[first : last + 1]))
        return sum(gone)

    def _event(self, seq: int, body: bytes) -> tuple[EntriesForgotten, datetime] | None:
        """The event and time of an entry, if its person may write it."""
        try:
            content = read_body(body)
            event, at = events.read(content), from_iso(content["at"])
        except (KeyError, OverflowError, TypeError, ValueError):
            return None
        return (event, at) if isinstance(event, EntriesForgotten) and self._may_say(seq, content) else None

    def _times(self, purges: Collection[int]) -> dict[int, datetime]:
        """The newest time of the entries before each of these purges, and under -1 that of the log."""
        time, newest = LogTime(), dict[int, datetime]()
        for seq, body in self._log.raw.bodies():
            if seq in purges:
                newest[seq] = time.newest.at
            time = log_clock.computed([(seq, body)], time)
        return {**newest, -1: time.newest.at}

    def _valid_runs(
        self, seq: int, event: EntriesForgotten, at: datetime, times: Mapping[int, datetime]
    ) -> Sequence[Sequence[int]]:
        """The runs of entries that an entry validly says were forgotten; else none."""
        purge = self._log.entries.get(event.before)
        in_order = all(0 <= first <= last < event.before <= seq for first, last in event.entries)
        if event.days not in LIMITS["entries_days"] or not in_order or purge is None or at > times[-1] + MARGIN:
            return ()
        purged_at = self._purged_at(purge)
        if purged_at is None or times[event.before] >= purged_at + MARGIN:
            return ()
        return event.entries if purged_at <= at - timedelta(days=event.days) else ()

    def _purged_at(self, purge: LogEntry) -> datetime | None:
        """When a purge finished, by its entry; None if it is none."""
        body = purge.body or {}
        if not isinstance(events.read(body), PurgeFinished) or not self._may_say(purge.seq, body):
            return None
        try:
            return from_iso(body["at"])
        except (KeyError, TypeError, ValueError):
            return None

    def _may_say(self, seq: int, body: Mapping[str, Any]) -> bool:
        """Whether the person of an entry could write it then; the signature is another check."""
        person = self._people.named(body.get("person"), seq)
        return person is not None and may_say(person.role, str(body.get("action")))


_PERSON: Final = b'"person":'
_BATCH = 5000  # entries read at once by a verification: 2 MB


class Stretch(NamedTuple):
    """The entries with begin <= number < end, and the checkpoints that close them, in order.

    The last closes entry `end - 1`, and each continues the one before. There are none if signers are not checked.
    """

    begin: int
    end: int
    keys: Sequence[tuple[int, bytes]]  # of the log, each with the size from which it signs
    checkpoints: Sequence[SignedCheckpoint] = ()


class Checked(NamedTuple):
    """The result of a stretch: its existing entries begin at `first` and end before `end`; 0 without any."""

    first: int
    end: int
    leaves: list[bytes]
    problems: list[str]  # codes
    gone: bytes  # a byte for each entry: whether its body is gone
    said: list[tuple[int, bytes]]  # entries that say that others were forgotten


class StretchCheck:
    """Checks stretches of one log, with *people* as possible signers, each in their time."""

    def __init__(self, log: AuditLog, people: Signatories, verifiers: Verifiers | None = None) -> None:
        self._log, self._people, self._verifiers = log, people, verifiers

    def __call__(self, stretch: Stretch, follow: Callable[[Sequence[Body]], None] | None = None) -> Checked:
        """The result of a stretch. *follow* gets every body, in order and in batches."""
        problems, leaves, said = list[str](), list[bytes](), list[tuple[int, bytes]]()
        signed = _signers(self._log, self._people, stretch, self._verifiers)
        persons = _Persons(_closed(self._people, signed, problems), problems)
        first, end, gone = 0, 0, bytearray()
        for entries in self._batches(stretch):
            first = first if leaves else entries[0][0]
            end = _check_leaves(entries, end if leaves else first, self._log.columns, problems)
            persons.follow(entries)
            leaves += [leaf for _, _, _, leaf, *_ in entries]
            gone += bytes([body is None for _, _, body, *_ in entries])
            said += saying(entries)
            if follow is not None:
                follow([(seq, body) for seq, _, body, *_ in entries])
        persons.end()
        return Checked(first, end, leaves, problems, bytes(gone), said)

    def _batches(self, stretch: Stretch) -> Iterator[list[EntryRow]]:
        since = stretch.begin
        while entries := self._log.raw.rows(since, stretch.end, _BATCH):
            yield entries
            since = entries[-1][0] + 1


class Signed(NamedTuple):
    """A checkpoint by its size, its signer's key (None without one), and its problems."""

    size: int
    key: bytes | None
    problems: tuple[str, ...] = ()


def _signers(
    log: AuditLog, people: Signatories, stretch: Stretch, verifiers: Verifiers | None = None
) -> Iterator[Signed]:
    """The signer of each checkpoint of a stretch, in order; each must continue the one before."""
    names = merkle.signer_names(log.origin, people.keys())
    begins = [stretch.begin, *(checkpoint.size for checkpoint in stretch.checkpoints)]

    def verify(at: int) -> Signed:
        checkpoint = stretch.checkpoints[at]
        return who_signed(log, checkpoint, key_at(stretch.keys, checkpoint.size), names, begins[at])

    numbers = range(len(stretch.checkpoints))
    return map(verify, numbers) if verifiers is None else verifiers.map(verify, numbers)


def who_signed(
    log: AuditLog, checkpoint: SignedCheckpoint, public: bytes | None, names: Mapping[str, bytes], begin: int | None
) -> Signed:
    """The signer, among *names*, of a checkpoint that the log's key *public* signed too.

    *begin*: the size of the checkpoint before it, which it must continue; None for no check.
    """
    size = checkpoint.size
    try:
        said, signed = merkle.parse_note(checkpoint.note)
    except ValueError:
        return Signed(size, None, ("checkpoint_unsigned",))
    same = said == merkle.Checkpoint(log.origin, said.begin, size, checkpoint.root)
    if public is None or not same or not merkle.signed_by(said, signed, log.origin, public):
        return Signed(size, None, ("checkpoint_unsigned",))
    missing = ("checkpoint_missing",) if begin not in (None, said.begin) else ()
    key = merkle.signer_among(said, signed, names)
    return Signed(size, key, missing if key is not None else (*missing, "checkpoint_of_nobody"))


def name_of_signer(people: Signatories, signed: Signed, problems: list[str]) -> str | None:
    """The name that a checkpoint's signer had then; its problems are added to *problems*."""
    problems += signed.problems
    person = people.of_key(signed.key, signed.size - 1)
    if signed.key is not None and person is None:
        problems.append("checkpoint_of_nobody")
    return name_then(person.name) if person is not None else None


def _closed(people: Signatories, signed: Iterable[Signed], problems: list[str]) -> Iterator[tuple[int, str | None]]:
    """The size of each checkpoint, and the name that its signer had then."""
    for checkpoint in signed:
        yield checkpoint.size, name_of_signer(people, checkpoint, problems)


def _check_leaves(entries: Sequence[EntryRow], expected: int, key: ColumnKey, problems: list[str]) -> int:
    """The number after a batch whose first entry should have number *expected*."""
    for seq, salt, body, leaf, kind, taken_in in entries:
        if seq != expected:
            problems.append("entry_missing")
        is_committed = body is None or merkle.commits(leaf, salt, body)
        if not is_committed or not follow_from(body, kind, taken_in, key):
            problems.append("entry_changed")
        expected = seq + 1
    return expected


class _Persons:
    """Compares the person of each entry with the signer of the checkpoint that closes it; entries come in order."""

    def __init__(self, closed: Iterator[tuple[int, str | None]], problems: list[str]) -> None:
        self._closed, self._problems = closed, problems
        self._size, self._name = next(closed, (0, None))

    def follow(self, entries: Sequence[EntryRow]) -> None:
        """Check a batch; an unknown signer is reported with the checkpoint already."""
        at = 0
        while at < len(entries) and self._size:
            upto = bisect_left(entries, self._size, lo=at, key=itemgetter(0))
            if self._name is not None:
                self._compare(entries[at:upto], self._name)
            if upto < len(entries):
                self._size, self._name = next(self._closed, (0, None))
            at = upto

    def _compare(self, entries: Sequence[EntryRow], name: str) -> None:
        named = _PERSON + canonical(name) + b',"policy":"'
        for _, _, body, *_ in entries:
            if body is not None and not names_at_its_top(body, named) and _person(body) != name:
                self._problems.append("entry_of_another_person")

    def end(self) -> None:
        """Check the checkpoints behind the last entry."""
        deque(self._closed, maxlen=0)


def names_at_its_top(body: bytes, named: bytes) -> bool:
    """Whether a body, if it is JSON, surely has *named*, a "person" and its value, at its top; False if unsure.

    Parsing takes as long as all other checks of an entry. Text followed by a single brace, which ends the body, is
    in no inner object; without a backslash it ends no other string; and JSON with a key twice is invalid.
    """
    at = body.find(named)
    return at >= 0 and body.find(b"}", at) == len(body) - 1 and b"\\" not in body


def _person(body: bytes) -> str | None:
    try:
        person = read_body(body).get("person")
    except ValueError:
        return None
    return person if isinstance(person, str) else None
