"""Tiles, entry bundles and proofs in the forms of c2sp.org/tlog-tiles and c2sp.org/tlog-proof, by their definitions."""

from __future__ import annotations

import base64
import hashlib
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.crypto import merkle, tiles
from arlo_rec.crypto.tiles import Tile, Tiling
from tests.support.properties import examples

LEAVES = [hashlib.sha256(at.to_bytes(4, "big")).digest() for at in range(70_000)]


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1: split at the largest power of two below the size."""
    if len(leaves) == 1:
        return leaves[0]
    at = 1 << (len(leaves) - 1).bit_length() - 1
    return merkle.node_hash(mth(leaves[:at]), mth(leaves[at:]))


def tiled(size: int) -> tuple[Tiling, list[Tile]]:
    """The tiles of the first leaves, in the order in which they are made."""
    tiling, made = Tiling(), list[Tile]()
    for leaf in LEAVES[:size]:
        made += tiling.add(leaf)
    return tiling, made + tiling.partial()


@examples(40)
@given(st.integers(1, 1200))
def test_a_tile_holds_the_tree_hashes_of_its_definition_and_every_tile_of_the_size_is_there(size: int) -> None:
    tiling, made = tiled(size)
    assert tiling.root() == mth(LEAVES[:size])
    expected = {}
    for level in range(math.ceil(math.log(size + 1, 256))):
        span, count = 256**level, size // 256**level
        row = [mth(LEAVES[at * span : (at + 1) * span]) for at in range(count)]
        for first in range(0, count, 256):
            expected[level, first // 256] = b"".join(row[first : first + 256])
    assert {(tile.level, tile.number): tile.hashes for tile in made} == expected
    assert len(made) == len(expected)


def test_a_log_of_70000_has_the_tiles_that_the_specification_counts() -> None:
    tiling, made = tiled(70_000)
    shapes = Counter((tile.level, tile.width if tile.width < 256 else "full") for tile in made)
    assert shapes == {(0, "full"): 273, (0, 112): 1, (1, "full"): 1, (1, 17): 1, (2, 1): 1}
    assert tiling.root() == mth(LEAVES)
    assert all(tile.end <= 70_000 for tile in made)
    assert max(tile.end for tile in made if tile.level == 0) == 70_000
    paths = [tile.path for tile in made]
    assert {"tile/0/000", "tile/0/272", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"} <= set(paths)


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "000"),
        (999, 256, "999"),
        (1000, 1, "x001/000.p/1"),
        (1_234_067, 256, "x001/x234/067"),
        (1_234_067, 255, "x001/x234/067.p/255"),
    ],
)
def test_numbers_are_written_in_groups_of_three(number: int, width: int, path: str) -> None:
    tile = Tile(3, number, bytes(32 * width))
    assert (tile.path, tile.bundle_path) == (f"tile/3/{path}", f"tile/entries/{path}")


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=256), st.data())
def test_a_bundle_is_of_its_own_leaves_and_any_changed_byte_is_seen(entries: list[bytes], data: st.DataObject) -> None:
    raw, leaves = tiles.bundle(entries), [merkle.leaf_hash(each) for each in entries]
    assert len(raw) == 34 * len(entries)
    assert raw[:34] == b"\0\x20" + entries[0]
    assert tiles.is_bundle_of(raw, leaves)
    assert not tiles.is_bundle_of(raw, leaves[:-1])
    assert not tiles.is_bundle_of(raw[:-1], leaves)
    changed = bytearray(raw)
    changed[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    assert not tiles.is_bundle_of(bytes(changed), leaves)


@pytest.mark.parametrize("size", [1, 2, 7, 256, 300])
def test_a_proof_leads_from_the_entry_to_the_root_of_its_checkpoint(size: int) -> None:
    note = "log\n1\nroot\nfrom 0\n\n\u2014 log AAAA\n"
    for index in {0, size // 2, size - 1}:
        path = merkle.paths_in(LEAVES[:size], size, [index])[index]
        head, _, rest = tiles.proof(index, path, note).partition("\n\n")
        assert rest == note
        first, second, *hashes = head.split("\n")
        assert (first, second) == ("c2sp.org/tlog-proof@v1", f"index {index}")
        read = [base64.b64decode(line, validate=True) for line in hashes]
        assert merkle.root_by_path(LEAVES[index], index, size, read) == mth(LEAVES[:size])
