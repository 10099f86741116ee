"""A line of the feed: the content of one change, closed by its checkpoint and signed by the log's key.

    {"after": 7, "before": …, "checkpoint": …, "entries": [{"body", "salt"}, …], "keys": […], …, "signature": …}

A line is self-contained: the entry and tree that it continues, its entries, and the log's keys from there on. It has
the people that an entry commits to (`people`), and tombstones sealed to the officers (`sealed`). The newest line of a
write has the counters of the store. An entry that is not canonical JSON, which the program never writes, is carried as
bytes (`raw`); one with a deleted body as its `leaf`. Unknown keys are signed and ignored; their names must sort before
`signature`.

A line counts by its signature, not its place. The signature is the last key of the canonical line, and covers all
bytes before it. The signer is the key that signed the log at that place, or a later one that `keys` leads to,
statement by statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from arlo_rec.law.log import entries
from arlo_rec.law.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.vault.backends.feedfile import LONGEST
from arlo_rec.vault.catalogue.audit_log import LogKey, RawEntry
from arlo_rec.vault.crypto import merkle, primitives
from arlo_rec.vault.keys import vouching
from arlo_rec.vault.keys.roster import Signatories

MARK = b'"}'  # the end of every signed line
_SIGNATURE = b',"signature":"'
_TAIL = len(_SIGNATURE) + 88 + len(MARK)  # bytes: 64 of Ed25519 are 88 in base64
_LARGEST = 2**40  # of every number in a line
COUNTERS = ("roster", "generation", "changes")


@dataclass(frozen=True, slots=True)
class FeedLine:
    """A readable line; `KeyChain.signer` says whether it counts."""

    after: int  # entries of the log before it
    before: bytes  # root of the log's tree then
    checkpoint: merkle.Checkpoint
    note: str
    keys: tuple[LogKey, ...]
    document: Mapping[str, Any] = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """Entries of the log including this line's."""
        return self.checkpoint.size

    def entries(self) -> list[RawEntry]:
        """Its entries, with their leaves; raises KeyError, TypeError or ValueError for an invalid one."""
        entries = []
        for seq, entry in enumerate(self.document["entries"], self.after):
            salt = from_base64(entry["salt"], merkle.SALT_BYTES)
            if "leaf" in entry:
                entries.append(RawEntry(seq, salt, None, from_base64(entry["leaf"], 32)))
                continue
            body = from_base64(entry["raw"]) if "raw" in entry else canonical(entry["body"])
            entries.append(RawEntry(seq, salt, body, merkle.leaf_hash(merkle.commit(salt, body))))
        return entries

    def counters(self) -> tuple[int, ...] | None:
        """Roster, generation and changes of the store at its writing; raises KeyError or ValueError."""
        if "changes" not in self.document:
            return None
        return tuple(_number(self.document[key]) for key in COUNTERS)


def first_line(store: bytes) -> bytes:
    """The first line of a store's feed, which names the store."""
    return canonical({"feed": 1, "store": store.hex()})


def sign(store: bytes, document: Mapping[str, Any], key: primitives.SigningKey) -> bytes:
    """The line of *document*, signed by the log's newest key."""
    if max(document) >= "signature":
        raise ValueError("the signature is the last key of a line")
    plain = canonical(document)
    return plain[:-1] + _SIGNATURE + to_base64(key.sign(_message(store, plain))).encode("ascii") + MARK


def entry_to_json(entry: RawEntry) -> dict[str, Any]:
    """An entry in a line, from which its leaf follows again."""
    salt = to_base64(entry.salt)
    if entry.body is None:
        return {"leaf": to_base64(entry.leaf), "salt": salt}
    try:
        body = entries.read_body(entry.body)
        if canonical(body) == entry.body:
            return {"body": body, "salt": salt}
    except (RecursionError, TypeError, ValueError):
        pass  # not an entry of ours
    return {"raw": to_base64(entry.body), "salt": salt}


def keys_to_json(keys: Iterable[LogKey]) -> list[dict[str, Any]]:
    """The log's keys in a line."""
    return [
        {"from": key.from_size, "statement": to_base64(key.statement) if key.statement else None, "vkey": key.vkey}
        for key in keys
    ]


def read(raw: bytes) -> FeedLine | None:
    """A line; None if it is torn or not in our form."""
    if len(raw) > LONGEST or raw[-_TAIL : len(_SIGNATURE) - _TAIL] != _SIGNATURE:
        return None
    try:
        signature = from_base64(raw[-88 - len(MARK) : -len(MARK)].decode("ascii"), 64)
        document = parse_object(raw, max_bytes=LONGEST)
        note = str(document["checkpoint"])
        keys = tuple(_key(key) for key in document["keys"])
        before, checkpoint = from_base64(document["before"], 32), merkle.parse_note(note)[0]
        after = _number(document["after"])
        _number(checkpoint.size)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    if checkpoint.begin != after:
        return None
    return FeedLine(after, before, checkpoint, note, keys, document, raw[:-_TAIL] + b"}", signature)


class KeyChain:
    """The known keys of the log: the possible signers of lines."""

    def __init__(self, origin: str, store: bytes, keys: Sequence[LogKey], signers: Signatories) -> None:
        self._origin, self._store, self._signers = origin, store, signers
        self._keys = [(key.from_size, merkle.parse_vkey(key.vkey)[1]) for key in keys]
        self._vouched = set[tuple[bytes, bytes]]()

    def key_at(self, size: int) -> bytes:
        """The key that signed the checkpoint of *size*."""
        return next((public for since, public in reversed(self._keys) if since < size), self._keys[0][1])

    def signer(self, line: FeedLine) -> bytes | None:
        """The key that signed a line, if the chain leads to it; else None."""
        if line.checkpoint.origin != self._origin:
            return None
        public, since = self.key_at(line.after), line.after
        for key in line.keys:
            _, new = merkle.parse_vkey(key.vkey)
            if key.from_size < since or not self._follows(public, new, key):  # an earlier key no longer counts
                return None
            public, since = new, key.from_size
        message = _message(self._store, line.signed)
        return public if primitives.verified(public, line.signature, message) else None

    def go_on(self, line: FeedLine) -> list[LogKey]:
        """Add the keys that signed the log from this line on, after `signer`; returns the new ones."""
        known = {public for _, public in self._keys}
        new = [key for key in line.keys if key.from_size < line.size and merkle.parse_vkey(key.vkey)[1] not in known]
        self._keys += [(key.from_size, merkle.parse_vkey(key.vkey)[1]) for key in new]
        return new

    def _follows(self, old: bytes, new: bytes, key: LogKey) -> bool:
        """Whether *new* follows *old* in the log: as known, or by the old key's or an officer's statement."""
        if (key.from_size, new) in self._keys or (old, new) in self._vouched:
            return True
        if not vouching.follows_on(self._origin, old, new, key.statement or b"", key.from_size, self._signers):
            return False
        self._vouched.add((old, new))
        return True


def _key(key: Mapping[str, Any]) -> LogKey:
    merkle.parse_vkey(str(key["vkey"]))
    statement = from_base64(key["statement"]) if key["statement"] is not None else None
    return LogKey(str(key["vkey"]), _number(key["from"]), statement)


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise ValueError("no number")
    return value


def _message(store: bytes, plain: bytes) -> bytes:
    return b"arlo-rec/1/feed line\0" + store + plain
