"""A stretch of the log, checked by itself: its bodies and leaves, its checkpoints, and whom its entries name.

What a stretch says of the whole log (its leaves, what is gone of it) is handed back, so that stretches can be checked
in several processes. Nothing is written.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from arlo_rec.catalogue import forgotten
from arlo_rec.catalogue.anchors import key_at
from arlo_rec.catalogue.audit_log import AuditLog, SignedCheckpoint
from arlo_rec.catalogue.log_body import Body, EntryRow, read_body
from arlo_rec.crypto import merkle
from arlo_rec.crypto.primitives import Verifiers
from arlo_rec.keys.roster import Signatories, name_then
from arlo_rec.model.strict_json import canonical

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
            said += forgotten.saying(entries)
            if follow is not None:
                follow([(seq, body) for seq, _, body, _ in entries])
        persons.end()
        return Checked(first, end, leaves, problems, bytes(gone), said)

    def _batches(self, stretch: Stretch) -> Iterator[list[EntryRow]]:
        since = stretch.begin
        while entries := self._log.entry_rows(since, stretch.end, _BATCH):
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
