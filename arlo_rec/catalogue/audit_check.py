"""Verify the log: bodies, tree, checkpoints, the chain of its keys, and anchors (signed notes) kept elsewhere.

Reads the tables of the log through `audit_log`; what the entries say is checked by `oversight.consistency`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from arlo_rec.catalogue.audit_log import AuditLog, RawEntry, SignedCheckpoint, follows_on
from arlo_rec.crypto import merkle

_BATCH = 5000  # entries read at once by a verification: 2 MB
Body = tuple[int, bytes | None]  # an entry's number and canonical JSON (None where the body was dropped)


def check(
    log: AuditLog,
    people: Iterable[bytes],
    anchors: Iterable[str] = (),
    *,
    signatures: bool = False,
    follow: Callable[[Sequence[Body]], None] = lambda _bodies: None,
) -> list[str]:
    """The problems of the log, as codes; empty if none. *people* are the keys of everybody who could sign.

    1. every body still commits to its leaf   2. the leaves give the root of the newest checkpoint
    3. the chain of log keys holds
    4. the newest checkpoint (with *signatures*: each) is signed by the log and by a person
    5. every anchor agrees with the tree

    *follow* is called with every body, in order and in batches, so that a caller who needs them reads the log once.
    Entries that are added meanwhile are left to the next check: no snapshot is held, which would delay an erasure.
    """
    problems: list[str] = []
    count = 0
    checkpoints = log.newest_checkpoints(-1 if signatures else 1)
    size = checkpoints[0].size if checkpoints else 0

    def leaves() -> Iterator[bytes]:
        nonlocal count
        for expected, entries in _batches(log, size):
            yield from _checked_leaves(entries, expected, problems)
            follow([(entry.seq, entry.body) for entry in entries])
            count += len(entries)

    anchored = [anchor for anchor in (_anchor(text, problems) for text in anchors) if anchor is not None]
    sizes = {checkpoint.size for checkpoint in checkpoints}
    roots = merkle.roots_at(leaves(), sizes | {checkpoint.size for checkpoint, _ in anchored})
    people = list(people)
    keys = _key_chain(log, people, problems)
    names = {merkle.signer_name(log.origin, key): key for key in people}
    for checkpoint in reversed(checkpoints):
        if roots.get(checkpoint.size) != checkpoint.root:
            problems.append("log_root_differs")
        problems += _check_note(log, checkpoint, _key_at(keys, checkpoint.size), names)
    if count != size or not checkpoints or not log.is_closed_at(size):
        problems.append("log_cut_off")
    for anchor in anchored:
        problems += _check_anchor(log, anchor, roots, keys)
    return problems


def _check_note(
    log: AuditLog, checkpoint: SignedCheckpoint, public: bytes | None, names: Mapping[str, bytes]
) -> list[str]:
    """The problems of a checkpoint: it is what its note says, signed by the log and by one of *names*."""
    try:
        said, signed = merkle.parse_note(checkpoint.note)
    except ValueError:
        return ["checkpoint_unsigned"]
    same = said == merkle.Checkpoint(log.origin, checkpoint.size, checkpoint.root)
    if public is None or not same or not merkle.signed_by(said, signed, log.origin, public):
        return ["checkpoint_unsigned"]
    if not any(merkle.signed_by(said, signed, name, names[name]) for name in set(signed) & set(names)):
        return ["checkpoint_of_nobody"]
    return []


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


def _key_chain(log: AuditLog, people: Sequence[bytes], problems: list[str]) -> list[tuple[int, bytes]]:
    keys: list[tuple[int, bytes]] = []
    for key in log.key_chain():
        _, public = merkle.parse_vkey(key.vkey)
        if keys and not follows_on(log.origin, keys[-1][1], public, key.statement or b"", people):
            problems.append("log_key_not_handed_over")
        keys.append((key.from_size, public))
    if not keys or keys[-1][1] != log.key.public:
        problems.append("log_key_unknown")
    return keys


def _key_at(keys: list[tuple[int, bytes]], size: int) -> bytes | None:
    signing = [public for since, public in keys if since < size]
    return signing[-1] if signing else None


def _anchor(text: str, problems: list[str]) -> tuple[merkle.Checkpoint, str] | None:
    try:
        note = text.rstrip("\n") + "\n"  # whoever kept it may have ended it otherwise
        return merkle.parse_note(note)[0], note
    except ValueError:
        problems.append("anchor_unreadable")
        return None


def _check_anchor(
    log: AuditLog,
    anchor: tuple[merkle.Checkpoint, str],
    roots: dict[int, bytes],
    keys: list[tuple[int, bytes]],
) -> list[str]:
    checkpoint, note = anchor
    public = _key_at(keys, checkpoint.size)
    if checkpoint.origin != log.origin:
        return ["anchor_of_another_log"]
    if public is None or not merkle.note_signed_by(note, log.origin, public):
        return ["anchor_unsigned"]
    if checkpoint.size not in roots:
        return ["log_shorter_than_anchor"]
    return [] if roots[checkpoint.size] == checkpoint.root else ["log_differs_from_anchor"]
