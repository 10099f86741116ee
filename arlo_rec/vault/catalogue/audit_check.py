"""Verification of the log: bodies, tree, checkpoints, the chain of its keys, and anchors (signed notes) kept elsewhere.

Tables of the log are read through `audit_log`; `machine.consistency` checks what the entries say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from arlo_rec.law.log.entries import Body
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.vault.catalogue.audit_log import AuditLog, SignedCheckpoint
from arlo_rec.vault.catalogue.log_stretch import (
    Anchors,
    Checked,
    Comparison,
    Forgotten,
    Stretch,
    StretchCheck,
    key_at,
    name_of_signer,
    sizes,
    who_signed,
)
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.crypto.primitives import Verifiers
from arlo_rec.vault.keys import vouching
from arlo_rec.vault.keys.roster import Signatories

_STRETCH = 20_000  # entries checked on their own, and those up to the next checkpoint
Elsewhere = Callable[[Iterable[Stretch]], Iterator[Checked]]  # checks stretches; the results keep their order


def check(
    log: AuditLog,
    people: Signatories,
    anchors: Sequence[Anchors] = (),
    *,
    signatures: bool = False,
    follow: Callable[[Sequence[Body]], None] | None = None,
    elsewhere: Elsewhere | None = None,
    observer: Observer = unobserved,
) -> list[str]:
    """The problems of the log, as codes; those of *anchors* are added to them.

    *people* are all possible signers, each in their time; an officer among them could continue it after a restore.

    1. every body still commits to its leaf, or was forgotten as the log says
    2. the leaves give the root of the newest checkpoint   3. the chain of log keys holds
    4. the newest checkpoint (with *signatures*: each) is signed by the log and by a person
    5. with *signatures*: the entries that it closes name that person, and no checkpoint is missing
    6. every anchor agrees with the tree

    Stretches of the log are checked one by one, or *elsewhere*, several at a time. When they are checked here,
    *follow* gets every body, in order and in batches, so that a caller who needs them reads the log once.
    *observer* gets the number of checked entries. Entries added meanwhile are left to the next check: a snapshot
    would delay an erasure.
    """
    problems, count = list[str](), 0
    checkpoints = log.checkpoints.last(None if signatures else 1)[::-1]
    size = checkpoints[-1].size if checkpoints else 0
    keys, forgotten = _key_chain(log, people, problems), Forgotten(log, people)
    observer(Progress(Phase.LOG_CHECK, 0, size))

    def leaves(stretches: Iterator[Checked]) -> Iterator[bytes]:
        nonlocal count
        expected = 0
        for checked in stretches:
            problems.extend(checked.problems)
            forgotten.take(checked.gone, checked.said)
            if checked.leaves and checked.first != expected:
                problems.append("entry_missing")
            expected = checked.end or expected
            yield from checked.leaves
            count += len(checked.leaves)
            observer(Progress(Phase.LOG_CHECK, count, size))

    with Verifiers() as verifiers:
        here = partial(map, partial(StretchCheck(log, people, verifiers), follow=follow))
        stretches = _signed_stretches(keys, checkpoints) if signatures else _stretches(log, keys, size)
        wanted = {checkpoint.size for checkpoint in checkpoints} | set(sizes(anchors))
        roots = merkle.roots_at(leaves((elsewhere or here)(stretches)), wanted)
    if not signatures:
        problems += _problems_of_newest(log, people, keys, checkpoints)
    problems += ["entry_changed"] * forgotten.unsaid()
    problems += ["log_root_differs" for checkpoint in checkpoints if roots.get(checkpoint.size) != checkpoint.root]
    if count != size or not checkpoints or not log.checkpoints.is_closed_at(size):
        problems.append("log_cut_off")
    comparison = Comparison(log.origin, keys)
    for place in anchors:
        comparison.run(place, roots)
    return problems


def _stretches(log: AuditLog, keys: Sequence[tuple[int, bytes]], size: int) -> Iterator[Stretch]:
    """The existing entries in stretches, without a check of signers."""
    next_entry = log.raw.entries(0, size, 1)
    while next_entry:
        begin, end = next_entry[0].seq, min(next_entry[0].seq + _STRETCH, size)
        yield Stretch(begin, end, keys)
        next_entry = log.raw.entries(end, size, 1)


def _signed_stretches(keys: Sequence[tuple[int, bytes]], checkpoints: Sequence[SignedCheckpoint]) -> Iterator[Stretch]:
    """The log in stretches, each to the end of a checkpoint."""
    begin, closing = 0, list[SignedCheckpoint]()
    for checkpoint in checkpoints:
        closing.append(checkpoint)
        if checkpoint.size - begin >= _STRETCH:
            yield Stretch(begin, checkpoint.size, keys, closing)
            begin, closing = checkpoint.size, []
    if closing:
        yield Stretch(begin, closing[-1].size, keys, closing)


def _problems_of_newest(
    log: AuditLog, people: Signatories, keys: Sequence[tuple[int, bytes]], checkpoints: Sequence[SignedCheckpoint]
) -> list[str]:
    """Problems of the signatures of the newest checkpoint."""
    problems, names = list[str](), merkle.signer_names(log.origin, people.keys())
    for newest in checkpoints[-1:]:
        name_of_signer(people, who_signed(log, newest, key_at(keys, newest.size), names, None), problems)
    return problems


def _key_chain(log: AuditLog, people: Signatories, problems: list[str]) -> list[tuple[int, bytes]]:
    keys: list[tuple[int, bytes]] = []
    for key in log.key_chain():
        _, public = merkle.parse_vkey(key.vkey)
        if not keys and (key.from_size, key.statement) != (0, None):
            problems.append("log_key_not_handed_over")
        if keys and not vouching.follows_on(
            log.origin, keys[-1][1], public, key.statement or b"", key.from_size, people
        ):
            problems.append("log_key_not_handed_over")
        keys.append((key.from_size, public))
    if not keys or keys[-1][1] != log.key.public:
        problems.append("log_key_unknown")
    return keys
