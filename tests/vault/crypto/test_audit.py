"""The Merkle log against RFC 6962's reference values, and checkpoints as C2SP signed notes."""

from __future__ import annotations

import hashlib
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.strict_json import to_base64
from arlo_rec.vault.certificates import check, seal
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.crypto.merkle import Checkpoint, Tree
from arlo_rec.vault.crypto.primitives import SigningKey
from tests.support import needs
from tests.support.properties import examples

# the reference leaves and roots of the certificate-transparency project's test of RFC 6962
LEAVES = [
    bytes.fromhex(one)
    for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
KEY = SigningKey.from_seed(b"\x07" * 32)


def _by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word: split at the largest power of two below the size."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return merkle.leaf_hash(leaves[0])
    at = 1 << (len(leaves) - 1).bit_length() - 1
    return merkle.node_hash(_by_definition(leaves[:at]), _by_definition(leaves[at:]))


def test_roots_are_those_of_rfc_6962() -> None:
    tree = Tree()
    assert tree.root() == hashlib.sha256(b"").digest()
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree = tree.add(merkle.leaf_hash(leaf))
        assert tree.root().hex() == root


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_frontier_gives_the_root_of_the_definition_at_every_size(leaves: list[bytes]) -> None:
    hashes = [merkle.leaf_hash(one) for one in leaves]
    roots = merkle.roots_at(hashes, range(len(leaves) + 1))
    assert roots == {size: _by_definition(leaves[:size]) for size in range(len(leaves) + 1)}


@pytest.fixture(scope="session")
def pymerkle() -> ModuleType:
    """Another's implementation, where it is installed."""
    needs.demand(needs.module("pymerkle", "./dev prove installs it, which is GPL"))
    import pymerkle

    return pymerkle  # type: ignore[no-any-return]


@examples(50)
@given(size=st.integers(0, 300), seed=st.binary(max_size=8))
def test_roots_are_those_of_pymerkle_at_every_size(pymerkle: ModuleType, size: int, seed: bytes) -> None:
    leaves = [hashlib.sha512(seed + bytes([at % 256, at // 256])).digest()[: at % 65] for at in range(size)]
    oracle = pymerkle.InmemoryTree(algorithm="sha256")  # with RFC 6962's prefixes unless told otherwise
    oracle.append_entries(leaves)
    ours = merkle.roots_at([merkle.leaf_hash(one) for one in leaves], range(size + 1))
    assert ours == {at: oracle.get_root(at) for at in range(size + 1)}


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=40))
def test_a_tree_comes_back_from_its_bytes(leaves: list[bytes]) -> None:
    tree = Tree()
    for leaf in leaves:
        tree = tree.add(leaf)
    assert Tree.decode(tree.encode()) == tree


@pytest.mark.parametrize("raw", [b"", b"short", bytes(8) + bytes(32), bytes(7) + b"\x03" + bytes(32)])
def test_a_damaged_tree_is_noticed(raw: bytes) -> None:
    with pytest.raises(Integrity):
        Tree.decode(raw)


def test_a_commitment_hides_its_body_and_holds_it() -> None:
    one, other = merkle.commit(b"a" * 16, b"body"), merkle.commit(b"b" * 16, b"body")
    assert one != other
    assert one == hashlib.sha256(b"a" * 16 + b"body").digest()


def test_a_note_is_signed_by_whom_it_names_and_nobody_else() -> None:
    checkpoint = Checkpoint("arlo-rec/00", 1, 3, bytes(32))
    note = merkle.sign_note(checkpoint.text(), [("arlo-rec/00", KEY)])
    assert merkle.parse_note(note)[0] == checkpoint
    assert merkle.note_signed_by(note, "arlo-rec/00", KEY.public)
    assert not merkle.note_signed_by(note, "arlo-rec/01", KEY.public)
    assert not merkle.note_signed_by(note, "arlo-rec/00", SigningKey.from_seed(b"\x08" * 32).public)
    assert not merkle.note_signed_by(note.replace("\n3\n", "\n4\n"), "arlo-rec/00", KEY.public)
    assert not merkle.note_signed_by(note.replace("from 1\n", "from 0\n"), "arlo-rec/00", KEY.public)


@pytest.mark.parametrize(
    "note",
    [
        *("", "a\nb\nc\nfrom 0\n\n", "a\n1\n!!\nfrom 0\n\nx", "a\n-1\nAA==\nfrom 0\n\n— n AA==\n"),
        "a\n1\nAA==\nfrom 0\n\n- n AA==\n",
        *(
            f"a\n2\n{'A' * 43}=\n{begin}\n\n— n AA==\n"
            for begin in ("from 2", "from 01", "since 0", "from -1", "from ")
        ),
    ],
)
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        merkle.parse_note(note)


def test_a_verifier_key_comes_back_and_a_changed_one_is_refused() -> None:
    shown = merkle.vkey("arlo-rec/00", KEY.public)
    assert merkle.parse_vkey(shown) == ("arlo-rec/00", KEY.public)
    for broken in (shown.replace("arlo", "orla"), shown[:-4] + "AAA=", "x", ""):
        with pytest.raises(ValueError, match=r".*"):
            merkle.parse_vkey(broken)


@pytest.mark.parametrize("size", [*range(1, 34), 63, 64, 65, 100])
def test_the_paths_of_all_leaves_lead_to_the_root_and_to_no_other(size: int) -> None:
    leaves = [merkle.leaf_hash(bytes([at])) for at in range(size)]
    root = merkle.roots_at(leaves, [size])[size]
    paths = merkle.paths_in(leaves, size, range(size))
    assert paths.keys() == set(range(size))
    for at, path in paths.items():
        told = seal.entry_to_json(at, leaves[at], path)
        assert check.root_of(told, size) == root
        assert check.root_of({**told, "leaf": to_base64(leaves[at - 1])}, size) != root or size == 1
    assert paths[size - 1] == merkle.path_of_last(_tree(leaves[:-1]))
    with pytest.raises(ValueError, match="leaves of"):
        merkle.paths_in(leaves[:-1], size, [0])
    with pytest.raises(ValueError, match="no such leaf"):
        merkle.paths_in(leaves, size, [size])


def _tree(leaves: list[bytes]) -> merkle.Tree:
    tree = merkle.Tree()
    for leaf in leaves:
        tree = tree.add(leaf)
    return tree
