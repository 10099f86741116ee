"""Cryptography: what opens, and what must not. Published vectors are in test_vectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.crypto.primitives import Argon2Cost, Sealed, SealingKey, SigningKey
from tests.support.properties import examples


@examples(50)
@given(st.binary(max_size=200), st.binary(max_size=40), st.binary(max_size=40))
def test_a_seal_opens_for_its_key_and_purpose_alone(secret: bytes, info: bytes, other: bytes) -> None:
    key, stranger = SealingKey.from_seed(b"a" * 32), SealingKey.from_seed(b"b" * 32)
    sealed = primitives.seal(key.public, secret, info)
    assert key.open(sealed, info) == secret
    with pytest.raises(Sealed):
        stranger.open(sealed, info)
    if other != info:
        with pytest.raises(Sealed):
            key.open(sealed, other)


@examples(100)
@given(st.data())
def test_a_changed_wrap_does_not_open(data: st.DataObject) -> None:
    wrapped = bytearray(primitives.wrap(b"k" * 32, b"s" * 32, b"place"))
    at = data.draw(st.integers(0, len(wrapped) - 1))
    wrapped[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Sealed):
        primitives.unwrap(b"k" * 32, bytes(wrapped), b"place")


def test_a_wrap_does_not_open_at_another_place() -> None:
    with pytest.raises(Sealed):
        primitives.unwrap(b"k" * 32, primitives.wrap(b"k" * 32, b"s" * 32, b"here"), b"there")


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 100_000])
def test_a_body_comes_back_and_a_cut_one_does_not(size: int) -> None:
    plain = bytes(range(256)) * (size // 256 + 1)
    sealed = b"".join(primitives.encrypt_body(b"k" * 32, b"head", [plain[:size]]))
    assert b"".join(primitives.decrypt_body(b"k" * 32, b"head", [sealed])) == plain[:size]
    for broken in (sealed[:-1], sealed[:-16], sealed + b"x", bytes([sealed[0] ^ 1]) + sealed[1:]):
        with pytest.raises(Sealed):
            list(primitives.decrypt_body(b"k" * 32, b"head", [broken]))
    with pytest.raises(Sealed):
        list(primitives.decrypt_body(b"k" * 32, b"other head", [sealed]))


@pytest.mark.parametrize(
    "cost", [Argon2Cost(1, 1, 64 * 1024), Argon2Cost(3, 4, 1024), Argon2Cost(3, 4, 2**22), Argon2Cost(99, 4, 65536)]
)
def test_a_cheap_or_ruinous_passphrase_cost_is_refused(cost: Argon2Cost) -> None:
    with pytest.raises(Sealed):
        primitives.passphrase_key(b"a passphrase", bytes(16), cost)


def test_tags_differ_by_key_kind_and_text() -> None:
    tags = {
        primitives.tag(b"k" * 32, b"a", kind="source"),
        primitives.tag(b"k" * 32, b"a", kind="agent"),
        primitives.tag(b"k" * 32, b"b", kind="source"),
        primitives.tag(b"l" * 32, b"a", kind="source"),
    }
    assert len(tags) == 4
    assert primitives.tag(b"k" * 32, b"a", kind="source") in tags


def test_a_callers_tag_is_the_same_for_the_same_number_and_secret_only() -> None:
    one = primitives.caller_tag(b"s" * 32, b"+4790000001")
    assert one == primitives.caller_tag(b"s" * 32, b"+4790000001")
    assert one != primitives.caller_tag(b"s" * 32, b"+4790000002")
    assert one != primitives.caller_tag(b"t" * 32, b"+4790000001")
    assert len(one) == 16


def test_secrets_do_not_show_themselves() -> None:
    assert "1111" not in repr(SealingKey.from_seed(b"\x11" * 32))
    assert (b"\x11" * 32).hex() not in repr(SigningKey.from_seed(b"\x11" * 32))
