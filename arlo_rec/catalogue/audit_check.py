"""Verify the log: bodies, tree, checkpoints, the chain of its keys, and anchors (signed notes) kept elsewhere.

Reads the tables of the log through `audit_log`; what the entries say is checked by `oversight.consistency`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from arlo_rec.catalogue.anchors import Anchors, Comparison, key_at, sizes
from arlo_rec.catalogue.audit_log import AuditLog, RawEntry, SignedCheckpoint
from arlo_rec.catalogue.forgotten import Forgotten
from arlo_rec.catalogue.log_body import Body, read_body
from arlo_rec.crypto import merkle
from arlo_rec.crypto.verifiers import Verifiers
from arlo_rec.keys import log_handover
from arlo_rec.keys.roster import Signatories, name_then
from arlo_rec.model.progress import Observer, Phase, Progress, unobserved

_PERSON = re.compile(rb'"outcome":"[a-z]+","person":"([^"]*)","policy":"')  # of a body as we write it
UNSIGNED: Final = frozenset({"checkpoint_of_nobody", "checkpoint_unsigned"})  # nobody known vouches for what it closes
_BATCH = 5000  # entries read at once by a verification: 2 MB


def check(
    log: AuditLog,
    people: Signatories,
    anchors: Sequence[Anchors] = (),
    *,
    signatures: bool = False,
    follow: Callable[[Sequence[Body]], None] = lambda _bodies: None,
    observer: Observer = unobserved,
) -> list[str]:
    """The problems of the log, as codes; empty if none. Those of *anchors* stand in them.

    *people* are all who could sign, each in their time; the officers among them could go on with it after a restore.

    1. every body still commits to its leaf, or was forgotten as the log says
    2. the leaves give the root of the newest checkpoint   3. the chain of log keys holds
    4. the newest checkpoint (with *signatures*: each) is signed by the log and by a person
    5. with *signatures*: that person is the one whom the entries name that it closes, and no checkpoint is missing
    6. every anchor agrees with the tree

    Signatures are verified in threads, beside the pass over the entries: what verifies one lets go of the interpreter.
    *follow* is called with every body, in order and in batches, so that a caller who needs them reads the log once, and
    *observer* is told how many are through. Entries that are added meanwhile are left to the next check: no snapshot is
    held, which would delay an erasure.
    """
    problems, count = list[str](), 0
    checkpoints = log.newest_checkpoints(-1 if signatures else 1)[::-1]
    size = checkpoints[-1].size if checkpoints else 0
    keys, forgotten = _key_chain(log, people, problems), Forgotten(log, people)
    observer(Progress(Phase.LOG_CHECK, 0, size))

    def leaves(persons: _Persons) -> Iterator[bytes]:
        nonlocal count
        for expected, entries in _batches(log, size):
            yield from _checked_leaves(entries, expected, problems)
            persons.follow(entries)
            forgotten.follow(entries)
            follow([(entry.seq, entry.body) for entry in entries])
            count += len(entries)
            observer(Progress(Phase.LOG_CHECK, count, size))

    with Verifiers() as verifiers:
        signed = _signed(log, people, keys, checkpoints, verifiers, each=signatures)
        closed = _closed(people, signed, problems)
        persons = _Persons(closed if signatures else iter(()), problems)
        roots = merkle.roots_at(leaves(persons), {each.size for each in checkpoints} | set(sizes(anchors)))
        deque(closed, maxlen=0)  # what no entry asked for
    problems += ["entry_changed"] * forgotten.unsaid()
    problems += ["log_root_differs" for each in checkpoints if roots.get(each.size) != each.root]
    if count != size or not checkpoints or not log.is_closed_at(size):
        problems.append("log_cut_off")
    comparison = Comparison(log.origin, keys, people)
    for each in anchors:
        comparison.run(each, roots)
    return problems


class _Signed(NamedTuple):
    """A checkpoint by its size, the key of who signed it, None where nobody did, and what is wrong with it."""

    size: int
    key: bytes | None
    problems: tuple[str, ...] = ()


def _signed(
    log: AuditLog,
    people: Signatories,
    keys: Sequence[tuple[int, bytes]],
    checkpoints: Sequence[SignedCheckpoint],
    verifiers: Verifiers,
    *,
    each: bool,
) -> Iterator[_Signed]:
    """Who signed each checkpoint, in order. With *each* one goes on from the other."""
    names = merkle.signer_names(log.origin, people.keys())
    begins = [0, *(checkpoint.size for checkpoint in checkpoints)] if each else [None]

    def verify(at: int) -> _Signed:
        return _signer(log, checkpoints[at], key_at(keys, checkpoints[at].size), names, begins[at])

    return verifiers.map(verify, range(len(checkpoints)))


def _signer(
    log: AuditLog, checkpoint: SignedCheckpoint, public: bytes | None, names: Mapping[str, bytes], begin: int | None
) -> _Signed:
    """Who signed a checkpoint that the log signed too.

    *begin*: the size of the one before it, from which it must go on; None where that is not asked.
    """
    size = checkpoint.size
    try:
        said, signed = merkle.parse_note(checkpoint.note)
    except ValueError:
        return _Signed(size, None, ("checkpoint_unsigned",))
    same = said == merkle.Checkpoint(log.origin, said.begin, size, checkpoint.root)
    if public is None or not same or not merkle.signed_by(said, signed, log.origin, public):
        return _Signed(size, None, ("checkpoint_unsigned",))
    missing = ("checkpoint_missing",) if begin not in (None, said.begin) else ()
    key = merkle.signer_among(said, signed, names)
    return _Signed(size, key, missing if key is not None else (*missing, "checkpoint_of_nobody"))


def _closed(people: Signatories, signed: Iterable[_Signed], problems: list[str]) -> Iterator[tuple[int, str | None]]:
    """The size of each checkpoint, and the name that its signer had then; what is wrong is added to *problems*."""
    for size, key, found in signed:
        problems += found
        yield size, _name(people, key, size, problems)


def _name(people: Signatories, key: bytes | None, size: int, problems: list[str]) -> str | None:
    """The name that whoever signed a checkpoint had then; None with a problem where their key had no say any more."""
    person = people.of_key(key, size - 1)
    if key is not None and person is None:
        problems.append("checkpoint_of_nobody")
    return name_then(person.name) if person is not None else None


class _Persons:
    """Compares the person of each entry with who signed the checkpoint that closes it; entries come in order."""

    def __init__(self, closed: Iterator[tuple[int, str | None]], problems: list[str]) -> None:
        self._closed, self._problems = closed, problems
        self._size, self._name = 0, None  # type: int, str | None
        self._ended = False

    def follow(self, entries: Sequence[RawEntry]) -> None:
        """Check a batch; where nobody known signed, that is a problem of the checkpoint already."""
        for entry in entries:
            while entry.seq >= self._size and not self._ended:
                self._size, self._name = next(self._closed, (0, None))
                self._ended = self._size == 0
            if self._name is not None and entry.body is not None and _person(entry.body) != self._name:
                self._problems.append("entry_of_another_person")


def _person(body: bytes) -> str | None:
    """Whom an entry names; by its bytes where they say it once, because parsing takes as long as all other checks."""
    named = _PERSON.findall(body)
    if len(named) == 1 and b"\\" not in named[0]:
        return str(named[0], "utf-8", "replace")
    try:
        person = read_body(body).get("person")
    except ValueError:
        return None
    return person if isinstance(person, str) else None


def _batches(log: AuditLog, size: int) -> Iterator[tuple[int, list[RawEntry]]]:
    """Every entry before *size* in order, in batches, each with the number that its first entry must have."""
    since = 0
    while entries := log.raw_entries(since, size, _BATCH):
        yield since, entries
        since = entries[-1].seq + 1


def _checked_leaves(entries: Sequence[RawEntry], expected: int, problems: list[str]) -> Iterator[bytes]:
    for seq, salt, body, leaf in entries:
        if seq != expected:
            problems.append("entry_missing")
        if body is not None and not merkle.commits(leaf, salt, body):
            problems.append("entry_changed")
        expected = seq + 1
        yield leaf


def _key_chain(log: AuditLog, people: Signatories, problems: list[str]) -> list[tuple[int, bytes]]:
    keys: list[tuple[int, bytes]] = []
    for key in log.key_chain():
        _, public = merkle.parse_vkey(key.vkey)
        if not keys and (key.from_size, key.statement) != (0, None):
            problems.append("log_key_not_handed_over")
        if keys and not log_handover.follows_on(
            log.origin, keys[-1][1], public, key.statement or b"", key.from_size, people
        ):
            problems.append("log_key_not_handed_over")
        keys.append((key.from_size, public))
    if not keys or keys[-1][1] != log.key.public:
        problems.append("log_key_unknown")
    return keys
