"""A stretch of the log, checked by itself: its bodies and leaves, its checkpoints, and whom its entries name.

What a stretch says of the whole log (its leaves, what is gone of it) is handed back, so that stretches can be checked
in several processes. Nothing is written.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final, NamedTuple

from arlo_rec.catalogue import log_clock
from arlo_rec.catalogue.audit_log import AuditLog, SignedCheckpoint
from arlo_rec.catalogue.log_clock import LogTime
from arlo_rec.crypto import merkle
from arlo_rec.crypto.primitives import Verifiers
from arlo_rec.keys.roster import Signatories, name_then
from arlo_rec.log import events
from arlo_rec.log.entries import Body, EntryRow, LogEntry, read_body
from arlo_rec.log.events import EntriesForgotten, PurgeFinished, may_say
from arlo_rec.model.policy_versions import LIMITS
from arlo_rec.model.records import from_iso
from arlo_rec.model.strict_json import canonical

# -- anchors -----------------------------------------------------------------------------------------
# Checkpoints that were kept outside, compared with the tree of the log.
#
# Each counts, since whoever may write to the place put it there: one that this log did not sign is a problem too.


@dataclass(slots=True)
class Anchors:
    """The notes of one place outside, and what the check of the log finds about them."""

    notes: Sequence[str]
    problems: list[str] = field(default_factory=list)  # codes; of the place itself too, by whoever read it
    compared: list[str] = field(default_factory=list)  # what was compared with the tree, whatever came of it


class Comparison:
    """Compares anchors of one log, whose keys are given by the size from which each signs."""

    def __init__(self, origin: str, keys: Sequence[tuple[int, bytes]]) -> None:
        self._origin, self._keys = origin, keys

    def run(self, anchors: Anchors, roots: Mapping[int, bytes]) -> None:
        """Fill in what *anchors* come to, where the tree has these roots at the sizes that they name."""
        for note in anchors.notes:
            problem = self._problem(note, roots)
            if problem not in _INCOMPARABLE:
                anchors.compared.append(note)
            if problem is not None:
                anchors.problems.append(problem)

    def _problem(self, note: str, roots: Mapping[int, bytes]) -> str | None:
        """What is wrong with a note; None where the log had that state."""
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
    for each in anchors:
        for note in each.notes:
            if (said := _said(note)) is not None:
                yield said.size


def key_at(keys: Sequence[tuple[int, bytes]], size: int) -> bytes | None:
    """The key that signed for the log when it had that size."""
    signing = [public for since, public in keys if since < size]
    return signing[-1] if signing else None


def ended(note: str) -> str:
    """A note as it was written: whoever kept it may have ended it otherwise."""
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


# -- forgotten ---------------------------------------------------------------------------------------
# Which entries of the log have no body any more, and whether that was said: part of a check of the log.
#
# An entry that says that others were forgotten is believed where somebody signed it who may purge, and where those came
# before a finished purge that was old enough by then. That purge was no older than what came before it, and the entry
# is no younger than the log, so that no time counts that was only written down; a clock that an officer accepted begins
# anew. What is gone and was not said is a changed entry.


_BEGINS: Final = b'{"action":"%s"' % EntriesForgotten.ACTION.encode("ascii")  # the canonical JSON of such an entry
MARGIN: Final = timedelta(days=1)  # by which clocks may differ, and a purge may last


def saying(entries: Sequence[EntryRow]) -> list[tuple[int, bytes]]:
    """Number and body of those that say that others were forgotten."""
    return [(seq, body) for seq, _, body, _ in entries if body is not None and body.startswith(_BEGINS)]


class Forgotten:
    """Collects bodies that are gone, and what the log says of them; entries come in order."""

    def __init__(self, log: AuditLog, people: Signatories) -> None:
        self._log, self._people = log, people
        self._gone = bytearray()  # a byte for each entry: a million take 1 MB
        self._said: list[tuple[int, bytes]] = []

    def take(self, gone: bytes, said: Sequence[tuple[int, bytes]]) -> None:
        """Take some entries: of each whether its body is gone, and those of them that are `saying` so of others."""
        self._gone += gone
        self._said += said

    def unsaid(self) -> int:
        """How many bodies are gone of which no entry says so that is believed, after the last batch."""
        if not any(self._gone):
            return 0
        gone, events = bytearray(self._gone), {seq: self._event(seq, body) for seq, body in self._said}
        times = self._times({event.before for event, _ in filter(None, events.values())})
        for seq, said in events.items():
            for first, last in self._believed(seq, *said, times) if said is not None else ():
                gone[first : last + 1] = bytes(len(gone[first : last + 1]))
        return sum(gone)

    def _event(self, seq: int, body: bytes) -> tuple[EntriesForgotten, datetime] | None:
        """What an entry says, and when, where its person may say it."""
        try:
            told = read_body(body)
            event, at = events.read(told), from_iso(told["at"])
        except (KeyError, OverflowError, TypeError, ValueError):
            return None
        return (event, at) if isinstance(event, EntriesForgotten) and self._may_say(seq, told) else None

    def _times(self, purges: Collection[int]) -> dict[int, datetime]:
        """The newest time of the entries before each of these, and under -1 that of the log."""
        time, newest = LogTime(), dict[int, datetime]()
        for seq, body in self._log.raw.bodies():
            if seq in purges:
                newest[seq] = time.newest.at
            time = log_clock.computed([(seq, body)], time)
        return {**newest, -1: time.newest.at}

    def _believed(
        self, seq: int, event: EntriesForgotten, at: datetime, times: Mapping[int, datetime]
    ) -> Sequence[Sequence[int]]:
        """The runs of entries that one entry says were forgotten; none where it is not believed."""
        purge = self._log.entries.get(event.before)
        in_order = all(0 <= first <= last < event.before <= seq for first, last in event.entries)
        if event.days not in LIMITS["entries_days"] or not in_order or purge is None or at > times[-1] + MARGIN:
            return ()
        purged_at = self._purged_at(purge)
        if purged_at is None or times[event.before] >= purged_at + MARGIN:
            return ()
        return event.entries if purged_at <= at - timedelta(days=event.days) else ()

    def _purged_at(self, purge: LogEntry) -> datetime | None:
        """When a purge finished, of which an entry tells; None where it tells of none."""
        body = purge.body or {}
        if not isinstance(events.read(body), PurgeFinished) or not self._may_say(purge.seq, body):
            return None
        try:
            return from_iso(body["at"])
        except (KeyError, TypeError, ValueError):
            return None

    def _may_say(self, seq: int, body: Mapping[str, Any]) -> bool:
        """Whether the person of an entry could say it then; that their key signed it is another check."""
        person = self._people.named(body.get("person"), seq)
        return person is not None and may_say(person.role, str(body.get("action")))


# -- log stretch ------------------------------------------------------------------------------------


_PERSON: Final = b'"person":'
_BATCH = 5000  # entries read at once by a verification: 2 MB


class Stretch(NamedTuple):
    """The entries with begin <= number < end, and the checkpoints that close them, in order.

    The last closes entry `end - 1`, and each goes on from the one before. There are none where nobody asks who signed.
    """

    begin: int
    end: int
    keys: Sequence[tuple[int, bytes]]  # of the log, each with the size from which it signs
    checkpoints: Sequence[SignedCheckpoint] = ()


class Checked(NamedTuple):
    """What came of a stretch: its entries that are there begin at `first` and end before `end`; 0 where none are."""

    first: int
    end: int
    leaves: list[bytes]
    problems: list[str]  # codes
    gone: bytes  # a byte for each entry: whether it has no body any more
    said: list[tuple[int, bytes]]  # entries that say that others were forgotten


class StretchCheck:
    """Checks stretches of one log, which *people* could sign, each in their time."""

    def __init__(self, log: AuditLog, people: Signatories, verifiers: Verifiers | None = None) -> None:
        self._log, self._people, self._verifiers = log, people, verifiers

    def __call__(self, stretch: Stretch, follow: Callable[[Sequence[Body]], None] | None = None) -> Checked:
        """What came of a stretch. *follow* is called with every body, in order and in batches."""
        problems, leaves, said = list[str](), list[bytes](), list[tuple[int, bytes]]()
        signed = _signers(self._log, self._people, stretch, self._verifiers)
        persons = _Persons(_closed(self._people, signed, problems), problems)
        first, end, gone = 0, 0, bytearray()
        for entries in self._batches(stretch):
            first = first if leaves else entries[0][0]
            end = _check_leaves(entries, end if leaves else first, problems)
            persons.follow(entries)
            leaves += [leaf for _, _, _, leaf in entries]
            gone += bytes([body is None for _, _, body, _ in entries])
            said += saying(entries)
            if follow is not None:
                follow([(seq, body) for seq, _, body, _ in entries])
        persons.end()
        return Checked(first, end, leaves, problems, bytes(gone), said)

    def _batches(self, stretch: Stretch) -> Iterator[list[EntryRow]]:
        since = stretch.begin
        while entries := self._log.raw.rows(since, stretch.end, _BATCH):
            yield entries
            since = entries[-1][0] + 1


class Signed(NamedTuple):
    """A checkpoint by its size, the key of who signed it, None where nobody did, and what is wrong with it."""

    size: int
    key: bytes | None
    problems: tuple[str, ...] = ()


def _signers(
    log: AuditLog, people: Signatories, stretch: Stretch, verifiers: Verifiers | None = None
) -> Iterator[Signed]:
    """Who signed each checkpoint of a stretch, in order; each has to go on from the one before."""
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
    """Who of *names* signed a checkpoint that the log signed too, whose key was *public* then.

    *begin*: the size of the one before it, from which it must go on; None where that is not asked.
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
    """The name that whoever signed a checkpoint had then; what is wrong is added to *problems*."""
    problems += signed.problems
    person = people.of_key(signed.key, signed.size - 1)
    if signed.key is not None and person is None:
        problems.append("checkpoint_of_nobody")
    return name_then(person.name) if person is not None else None


def _closed(people: Signatories, signed: Iterable[Signed], problems: list[str]) -> Iterator[tuple[int, str | None]]:
    """The size of each checkpoint, and the name that its signer had then."""
    for each in signed:
        yield each.size, name_of_signer(people, each, problems)


def _check_leaves(entries: Sequence[EntryRow], expected: int, problems: list[str]) -> int:
    """The number that comes after a batch, whose first entry should have number *expected*."""
    for seq, salt, body, leaf in entries:
        if seq != expected:
            problems.append("entry_missing")
        if body is not None and not merkle.commits(leaf, salt, body):
            problems.append("entry_changed")
        expected = seq + 1
    return expected


class _Persons:
    """Compares the person of each entry with who signed the checkpoint that closes it; entries come in order."""

    def __init__(self, closed: Iterator[tuple[int, str | None]], problems: list[str]) -> None:
        self._closed, self._problems = closed, problems
        self._size, self._name = next(closed, (0, None))

    def follow(self, entries: Sequence[EntryRow]) -> None:
        """Check a batch; where nobody known signed, that is a problem of the checkpoint already."""
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
        for _, _, body, _ in entries:
            if body is not None and not names_at_its_top(body, named) and _person(body) != name:
                self._problems.append("entry_of_another_person")

    def end(self) -> None:
        """Look at the checkpoints for which no entry asked."""
        deque(self._closed, maxlen=0)


def names_at_its_top(body: bytes, named: bytes) -> bool:
    """Whether a body, if it is JSON, surely has *named*, a "person" and its value, at its top; False where it may not.

    Parsing takes as long as all other checks of an entry. What one brace follows, which ends the body, stands in no
    object within it; without a backslash it is no end of another string, and JSON that names a key twice is none.
    """
    at = body.find(named)
    return at >= 0 and body.find(b"}", at) == len(body) - 1 and b"\\" not in body


def _person(body: bytes) -> str | None:
    try:
        person = read_body(body).get("person")
    except ValueError:
        return None
    return person if isinstance(person, str) else None
