"""The log in the forms that foreign clients read: tiles, entry bundles and proofs (c2sp.org/tlog-tiles, tlog-proof).

Pure: what is written where says `oversight.log_folder`. A tile holds up to 256 hashes of one level; an entry, as others
see it, is the 32 bytes of its commitment (`merkle.commit`), which reveal nothing of its body.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from arlo_rec.crypto import merkle

WIDTH: Final = 256  # hashes of a full tile
_SHIFT: Final = 8  # levels of the tree that a level of tiles spans: 2**8 is WIDTH
_HASH: Final = 32  # bytes
_LENGTH: Final = struct.Struct(">H")  # before each entry of a bundle
TILE_BYTES: Final = WIDTH * _HASH
BUNDLE_BYTES: Final = WIDTH * (_LENGTH.size + _HASH)
PROOF: Final = "c2sp.org/tlog-proof@v1"


class Tile(NamedTuple):
    """The hashes of one tile, side by side: those of a level of tiles from WIDTH times its number on."""

    level: int
    number: int
    hashes: bytes

    @property
    def width(self) -> int:
        """How many hashes it has."""
        return len(self.hashes) // _HASH

    @property
    def end(self) -> int:
        """The size of the smallest log that has it: it spans entries before that number."""
        return (self.number * WIDTH + self.width) << self.level * _SHIFT

    @property
    def leaves(self) -> list[bytes]:
        """Its hashes one by one."""
        return [self.hashes[at : at + _HASH] for at in range(0, len(self.hashes), _HASH)]

    @property
    def path(self) -> str:
        """Its path below the folder of a log: `tile/0/x001/234`, with `.p/17` where it has 17 hashes and not all."""
        return f"tile/{self.level}/{_named(self.number, self.width)}"

    @property
    def bundle_path(self) -> str:
        """The path of the entries whose leaves a tile of level 0 holds."""
        return f"tile/entries/{_named(self.number, self.width)}"


def _named(number: int, width: int) -> str:
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    return "/".join(reversed(groups)) + (f".p/{width}" if width < WIDTH else "")


class Tiling:
    """Makes the tiles of a log of which leaf after leaf is added; keeps no more than one tile of each level."""

    def __init__(self) -> None:
        self.size = 0
        self._rows: list[list[bytes]] = []  # of each level: the hashes behind its last full tile

    def add(self, leaf: bytes) -> list[Tile]:
        """Append a leaf hash; the tiles that are full with it."""
        full: list[Tile] = []
        node, level = leaf, 0
        while True:
            if level == len(self._rows):
                self._rows.append([])
            row = self._rows[level]
            row.append(node)
            if len(row) < WIDTH:
                self.size += 1
                return full
            level += 1
            full.append(Tile(level - 1, self.size >> level * _SHIFT, b"".join(row)))
            node = _root(row)
            row.clear()

    def partial(self) -> list[Tile]:
        """The tiles at the right edge of the log as it is: of each level the one that is begun, if any."""
        rows = enumerate(self._rows)
        return [Tile(level, self.size >> (level + 1) * _SHIFT, b"".join(row)) for level, row in rows if row]

    def root(self) -> bytes:
        """RFC 6962's Merkle tree hash of all leaves."""
        rest: list[bytes] = []
        for row in self._rows:
            rest = [_root([*row, *rest])] if row or rest else []
        return rest[0] if rest else merkle.EMPTY_ROOT


def _root(nodes: Sequence[bytes]) -> bytes:
    """The root over nodes of which only the last may stand for an incomplete subtree: it goes up as it is."""
    while len(nodes) > 1:
        pairs = zip(nodes[::2], nodes[1::2], strict=False)
        odd = [nodes[-1]] if len(nodes) % 2 else []
        nodes = [merkle.node_hash(left, right) for left, right in pairs] + odd
    return nodes[0]


def bundle(commitments: Sequence[bytes]) -> bytes:
    """The entries of a bundle: each with its length before it."""
    return b"".join(_LENGTH.pack(len(each)) + each for each in commitments)


def is_bundle_of(raw: bytes, leaves: Sequence[bytes]) -> bool:
    """Whether a bundle holds the commitments of exactly these leaf hashes."""
    step = _LENGTH.size + _HASH
    pieces = [raw[at : at + step] for at in range(0, len(raw), step)]
    return len(pieces) == len(leaves) and all(
        piece[: _LENGTH.size] == _LENGTH.pack(_HASH) and merkle.leaf_hash(piece[_LENGTH.size :]) == leaf
        for piece, leaf in zip(pieces, leaves, strict=True)
    )


def proof(index: int, path: Sequence[bytes], note: str) -> str:
    """That entry *index* is in the log of a checkpoint, by its inclusion path, in the words of c2sp.org/tlog-proof."""
    hashes = [base64.b64encode(node).decode("ascii") for node in path]
    return "\n".join([PROOF, f"index {index}", *hashes, "", note])
