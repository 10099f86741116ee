"""The log as a Merkle tree (RFC 6962) with signed checkpoints (C2SP signed notes). Pure; no entry is read or written.

A leaf commits to an entry's body with 16 random bytes. So a body, which holds an employee's data, can be deleted while
the tree stays verifiable. The tree is stored as its frontier, the roots of its complete subtrees from left to
right: appending costs at most one hash per level.

A witness has a key that the log does not hold. Its cosignature (c2sp.org/tlog-cosignature, Ed25519) says when it saw
a checkpoint as the newest; the line stands below the log's in the same note.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from arlo_rec.law.model.errors import Integrity
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.crypto.primitives import SigningKey, verified

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()  # RFC 6962, 2.1: the tree of no leaves
SALT_BYTES = 16
_sha256 = hashlib.sha256
_FROM: Final = "from "
ED25519: Final = b"\x01"  # c2sp.org/signed-note: the algorithm byte of Ed25519


def leaf_hash(commitment: bytes) -> bytes:
    """RFC 6962, 2.1: SHA-256 of 0x00 and the leaf."""
    return hashlib.sha256(b"\0" + commitment).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962, 2.1: SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def commit(salt: bytes, body: bytes) -> bytes:
    """The commitment in an entry's leaf; without the salt it reveals nothing about the body."""
    return hashlib.sha256(salt + body).digest()


def commits(leaf: bytes, salt: bytes, body: bytes) -> bool:
    """Whether *leaf* is `leaf_hash(commit(salt, body))`; inlined, because a verification checks a million leaves."""
    return _sha256(b"\0" + _sha256(salt + body).digest()).digest() == leaf


class Tree(NamedTuple):
    """A log of `size` leaves, as the roots of its complete subtrees, largest first."""

    size: int = 0
    frontier: tuple[bytes, ...] = ()

    def add(self, leaf: bytes) -> Tree:
        """The tree with one more leaf hash at its end."""
        frontier, size = [*self.frontier, leaf], self.size
        while size & 1:
            right, left = frontier.pop(), frontier.pop()
            frontier.append(node_hash(left, right))
            size >>= 1
        return Tree(self.size + 1, tuple(frontier))

    def root(self) -> bytes:
        """RFC 6962's Merkle tree hash."""
        if not self.frontier:
            return EMPTY_ROOT
        *lefts, root = self.frontier
        for left in reversed(lefts):
            root = node_hash(left, root)
        return root

    def encode(self) -> bytes:
        """The size in 8 bytes, big-endian, then the frontier."""
        return struct.pack(">Q", self.size) + b"".join(self.frontier)

    @classmethod
    def decode(cls, raw: bytes) -> Tree:
        """The inverse of `encode`; raises Integrity (log_damaged)."""
        if len(raw) < 8 or (len(raw) - 8) % 32:
            raise Integrity("log_damaged")
        (size,) = struct.unpack(">Q", raw[:8])
        frontier = tuple(raw[i : i + 32] for i in range(8, len(raw), 32))
        if len(frontier) != int(size).bit_count():
            raise Integrity("log_damaged")
        return cls(size, frontier)


def path_of_last(tree: Tree) -> tuple[bytes, ...]:
    """The inclusion path of the next leaf appended to *tree*: all its siblings are to the left."""
    return tuple(reversed(tree.frontier))


def paths_in(leaves: Iterable[bytes], size: int, wanted: Collection[int]) -> dict[int, tuple[bytes, ...]]:
    """The inclusion path of each *wanted* leaf in the tree of *size* leaf hashes, in one pass over them (RFC 9162).

    A place is a level and a number on it; the last of an odd level goes up unchanged. A million leaves take some two
    seconds. Raises ValueError for another number of leaves.
    """
    siblings = {at: _siblings(at, size) for at in wanted}
    places = {place for path in siblings.values() for place in path}
    nodes, frontier, count = dict[tuple[int, int], bytes](), list[tuple[int, bytes]](), 0
    for leaf in leaves:
        level, number, node = 0, count, leaf
        while True:
            if (level, number) in places:
                nodes[level, number] = node
            if not number & 1:
                break
            level, number, node = level + 1, number >> 1, node_hash(frontier.pop()[1], node)
        frontier.append((number << level, node))  # a complete subtree, by its first leaf
        count += 1
    if count != size:
        raise ValueError(f"{count} leaves of {size}")
    for level, number in places - nodes.keys():  # at the right edge, without a complete subtree
        *lefts, node = (subtree for first, subtree in frontier if first >= number << level)
        for left in reversed(lefts):
            node = node_hash(left, node)
        nodes[level, number] = node
    return {at: tuple(nodes[place] for place in path) for at, path in siblings.items()}


def _siblings(at: int, size: int) -> list[tuple[int, int]]:
    """The places of the siblings from a leaf up to the root, as far as a level has them."""
    if not 0 <= at < size:
        raise ValueError("no such leaf")
    levels = (size - 1).bit_length()
    pairs = ((level, (at >> level) ^ 1) for level in range(levels))
    return [(level, number) for level, number in pairs if number << level < size]


def roots_at(leaves: Iterable[bytes], sizes: Iterable[int]) -> dict[int, bytes]:
    """The root of the tree at each of *sizes*, in one pass over the leaf hashes.

    The same as `Tree.add`, on a list that is changed in place: a million leaves take one second instead of three.
    """
    frontier, wanted = list[bytes](), set(sizes)
    roots = {0: EMPTY_ROOT} if 0 in wanted else {}
    for size, leaf in enumerate(leaves, 1):
        node, bits = leaf, size - 1
        while bits & 1:
            node = _sha256(b"\x01" + frontier.pop() + node).digest()
            bits >>= 1
        frontier.append(node)
        if size in wanted:
            roots[size] = Tree(size, tuple(frontier)).root()
    return roots


# -- checkpoints: c2sp.org/tlog-checkpoint in a c2sp.org/signed-note -----------------------------------


class Checkpoint(NamedTuple):
    """The content that a checkpoint's signatures cover: the log's origin, size and root, and the size it continues.

    The last is an extension line of C2SP's form. By it a signer states which entries are theirs, even if a
    checkpoint in between is deleted from the table.
    """

    origin: str
    begin: int
    size: int
    root: bytes

    def text(self) -> bytes:
        """The signed text, a line each: origin, size, root in base64, `from` and the continued size."""
        shown = base64.b64encode(self.root).decode("ascii")
        return f"{self.origin}\n{self.size}\n{shown}\n{_FROM}{self.begin}\n".encode("ascii")


def vkey(name: str, public: bytes, kind: bytes = ED25519) -> str:
    """A verifier key in C2SP's form: `name+key id+base64(algorithm, public key)`."""
    return f"{name}+{key_id(name, public, kind).hex()}+{base64.b64encode(kind + public).decode('ascii')}"


def signer_name(origin: str, public: bytes) -> str:
    """The name under which a person signs a log's checkpoints: by key, without the person's name."""
    return f"{origin}/{primitives.fingerprint(public).hex()}"


def parse_vkey(text: str, kind: bytes = ED25519) -> tuple[str, bytes]:
    """Name and public key of a verifier key in exactly the form of `vkey`; raises ValueError."""
    name, _key_id, encoded = text.split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    public = raw[1:]
    if raw[:1] != kind or len(public) != 32 or vkey(name, public, kind) != text:
        raise ValueError("not a verifier key")
    return name, public


def sign_note(text: bytes, signers: Sequence[tuple[str, primitives.SigningKey]]) -> str:
    """A signed note over *text* with one line per signer."""
    lines = []
    for name, key in signers:
        lines.append(_signature_line(name, key_id(name, key.public) + key.sign(text)))
    return text.decode("utf-8") + "\n" + "".join(lines)


def parse_note(note: str) -> tuple[Checkpoint, dict[str, bytes]]:
    """A checkpoint and its signatures by signer's name, unverified; raises ValueError for another spelling too."""
    text, separator, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if not separator or len(lines) != 4 or not text.isascii() or not lines[1].isdigit():
        raise ValueError("not a checkpoint")
    begin = lines[3].removeprefix(_FROM)
    if not begin.isdigit() or not lines[3].startswith(_FROM):
        raise ValueError("not a checkpoint")
    root = base64.b64decode(lines[2], validate=True)
    signed = {}
    for line in signatures.rstrip("\n").split("\n"):
        dash, name, encoded = line.split(" ")
        if dash != "\u2014":
            raise ValueError("not a signature line")
        signed[name] = base64.b64decode(encoded, validate=True)
    checkpoint = Checkpoint(lines[0], int(begin), int(lines[1]), root)
    written = "".join(_signature_line(name, raw) for name, raw in signed.items())
    if (
        len(root) != 32
        or checkpoint.begin >= checkpoint.size
        or f"{checkpoint.text().decode('ascii')}\n{written}" != note
    ):
        raise ValueError("not as a note is written")
    return checkpoint, signed


def with_signature(note: str, name: str, raw: bytes) -> str:
    """A note with one more signature below the others."""
    return note + _signature_line(name, raw)


def _signature_line(name: str, raw: bytes) -> str:
    return f"\u2014 {name} {base64.b64encode(raw).decode('ascii')}\n"


def note_signed_by(note: str, name: str, public: bytes) -> bool:
    """Whether the note has a valid signature of that key under that name."""
    try:
        checkpoint, signatures = parse_note(note)
    except ValueError:
        return False
    return signed_by(checkpoint, signatures, name, public)


def signed_by(checkpoint: Checkpoint, signatures: Mapping[str, bytes], name: str, public: bytes) -> bool:
    """The same for a parsed note."""
    raw = signatures.get(name, b"")
    return raw[:4] == key_id(name, public) and primitives.verified(public, raw[4:], checkpoint.text())


def signer_names(origin: str, people: Iterable[bytes]) -> dict[str, bytes]:
    """The signing keys of people by the name under which each signs."""
    return {signer_name(origin, key): key for key in people}


def signer_among(checkpoint: Checkpoint, signatures: Mapping[str, bytes], names: Mapping[str, bytes]) -> bytes | None:
    """The first key of *names* that signed a parsed note; None without one."""
    known = ((name, names[name]) for name in signatures if name in names)
    return next((key for name, key in known if signed_by(checkpoint, signatures, name, key)), None)


def key_id(name: str, public: bytes, kind: bytes = ED25519) -> bytes:
    """The key of a signature's line (c2sp.org/signed-note), in 4 bytes."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + kind + public).digest()[:4]


# -- witnesses ----------------------------------------------------------------------------------------

COSIGNATURE: Final = b"\x04"  # the algorithm byte of a cosignature
_SIGNATURE: Final = struct.Struct(">4sQ64s")  # the key's id, seconds since 1970, the signature
_PRIVATE: Final = "PRIVATE+KEY"
NAME_LENGTH: Final = 100


class Witness(NamedTuple):
    """A witness with its private key."""

    name: str
    key: SigningKey

    @property
    def vkey(self) -> str:
        """The key for checking its cosignatures."""
        return vkey(self.name, self.key.public, COSIGNATURE)


def is_witness_name(text: str) -> bool:
    """Whether a witness may have that name: by C2SP a URL without its scheme; visible ASCII without a plus."""
    return 0 < len(text) <= NAME_LENGTH and text.isascii() and text.isprintable() and not {" ", "+"} & set(text)


def private_key(name: str, seed: bytes) -> str:
    """A signer's key in the form of other witnesses: `PRIVATE+KEY+name+key id+base64(1, seed)` (Go's sumdb/note)."""
    own_id = key_id(name, SigningKey.from_seed(seed).public)
    return f"{_PRIVATE}+{name}+{own_id.hex()}+{base64.b64encode(ED25519 + seed).decode('ascii')}\n"


def parse_private_key(text: str) -> Witness:
    """The inverse of `private_key`; raises ValueError."""
    name, _key_id, encoded = text.strip().removeprefix(f"{_PRIVATE}+").split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    if not is_witness_name(name) or len(raw) != 33 or private_key(name, raw[1:]).strip() != text.strip():
        raise ValueError("not a signer's key")
    return Witness(name, SigningKey.from_seed(raw[1:]))


def parse_witness_vkey(text: str) -> tuple[str, bytes]:
    """Name and public key of a witness; raises ValueError."""
    return parse_vkey(text, COSIGNATURE)


def cosign(note: str, witness: Witness, at: int) -> str:
    """The note with the witness's cosignature, *at* in seconds since 1970. Raises ValueError."""
    checkpoint, _ = parse_note(note)
    signature = witness.key.sign(_message(checkpoint, at))
    raw = _SIGNATURE.pack(key_id(witness.name, witness.key.public, COSIGNATURE), at, signature)
    return with_signature(note, witness.name, raw)


def cosigned_at(note: str, name: str, public: bytes) -> int | None:
    """When that witness cosigned the note, in seconds since 1970; None if it did not."""
    try:
        checkpoint, signatures = parse_note(note)
        signer, at, signature = _SIGNATURE.unpack(signatures.get(name, b""))
    except (ValueError, struct.error):
        return None
    genuine = signer == key_id(name, public, COSIGNATURE) and verified(public, signature, _message(checkpoint, at))
    return int(at) if genuine else None


def _message(checkpoint: Checkpoint, at: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % at + checkpoint.text()
