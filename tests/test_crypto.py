"""Cryptography against published vectors, and what must not open."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arlo_rec import crypto
from arlo_rec.crypto import Argon2Cost, Sealed, SealingKey, SigningKey

# draft-connolly-cfrg-xwing-kem-08, appendix C, vector 1: the seed, and how the public key begins and ends
XWING_SEED = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
XWING_BEGIN = bytes.fromhex(
    "e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5b19cfc3d"
    "a5fa1a92c49f25513e0fd30d6b1611c9ab9635d7086727a4b7d21d34244e66969cf15b3b"
)
XWING_END = bytes.fromhex("eff389b27dce59844570216223593d4ba32d9abac8cd049040ef6534")
XWING_MLKEM_END = bytes.fromhex("9042581237d522828824ee3bdfd07fb03f1f942d2ea179fe722f06cc03de5b69859edb06")

# RFC 8452, C.2: AES-256-GCM-SIV
SIV_KEY, SIV_NONCE = bytes([1]) + bytes(31), bytes([3]) + bytes(11)
SIV_PLAIN, SIV_SEALED = bytes([1]) + bytes(7), bytes.fromhex("c2ef328e5c71c83b843122130f7364b761e0b97427e3df28")

# RFC 8032, 7.1, test 1
ED_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
ED_PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
ED_SIGNATURE = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)


def test_a_sealing_key_grows_from_its_seed_as_x_wing_says() -> None:
    public = SealingKey.from_seed(XWING_SEED).public
    assert public.startswith(XWING_BEGIN)
    assert public.endswith(XWING_END)
    assert XWING_MLKEM_END in public
    assert len(public) == crypto.SEAL_PUBLIC


def test_a_wrap_is_aes_gcm_siv() -> None:
    assert crypto.unwrap(SIV_KEY, SIV_NONCE + SIV_SEALED, b"") == SIV_PLAIN


def test_a_signature_is_ed25519() -> None:
    key = SigningKey.from_seed(ED_SEED)
    assert key.public == ED_PUBLIC
    assert key.sign(b"") == ED_SIGNATURE
    assert crypto.verified(ED_PUBLIC, ED_SIGNATURE, b"")
    assert not crypto.verified(ED_PUBLIC, ED_SIGNATURE, b"x")
    assert not crypto.verified(b"short", ED_SIGNATURE, b"")


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=40), st.binary(max_size=40))
def test_a_seal_opens_for_its_key_and_purpose_alone(secret: bytes, info: bytes, other: bytes) -> None:
    key, stranger = SealingKey.from_seed(b"a" * 32), SealingKey.from_seed(b"b" * 32)
    sealed = crypto.seal(key.public, secret, info)
    assert key.open(sealed, info) == secret
    with pytest.raises(Sealed):
        stranger.open(sealed, info)
    if other != info:
        with pytest.raises(Sealed):
            key.open(sealed, other)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_changed_wrap_does_not_open(data: st.DataObject) -> None:
    wrapped = bytearray(crypto.wrap(b"k" * 32, b"s" * 32, b"place"))
    at = data.draw(st.integers(0, len(wrapped) - 1))
    wrapped[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Sealed):
        crypto.unwrap(b"k" * 32, bytes(wrapped), b"place")


def test_a_wrap_does_not_open_at_another_place() -> None:
    with pytest.raises(Sealed):
        crypto.unwrap(b"k" * 32, crypto.wrap(b"k" * 32, b"s" * 32, b"here"), b"there")


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 100_000])
def test_a_body_comes_back_and_a_cut_one_does_not(size: int) -> None:
    plain = bytes(range(256)) * (size // 256 + 1)
    sealed = b"".join(crypto.encrypt_body(b"k" * 32, b"head", [plain[:size]]))
    assert b"".join(crypto.decrypt_body(b"k" * 32, b"head", [sealed])) == plain[:size]
    for broken in (sealed[:-1], sealed[:-16], sealed + b"x", bytes([sealed[0] ^ 1]) + sealed[1:]):
        with pytest.raises(Sealed):
            list(crypto.decrypt_body(b"k" * 32, b"head", [broken]))
    with pytest.raises(Sealed):
        list(crypto.decrypt_body(b"k" * 32, b"other head", [sealed]))


@pytest.mark.parametrize(
    "cost", [Argon2Cost(1, 1, 64 * 1024), Argon2Cost(3, 4, 1024), Argon2Cost(3, 4, 2**22), Argon2Cost(99, 4, 65536)]
)
def test_a_cheap_or_ruinous_passphrase_cost_is_refused(cost: Argon2Cost) -> None:
    with pytest.raises(Sealed):
        crypto.passphrase_key(b"a passphrase", bytes(16), cost)


def test_tags_differ_by_key_kind_and_text() -> None:
    tags = {
        crypto.tag(b"k" * 32, b"a", kind="source"),
        crypto.tag(b"k" * 32, b"a", kind="agent"),
        crypto.tag(b"k" * 32, b"b", kind="source"),
        crypto.tag(b"l" * 32, b"a", kind="source"),
    }
    assert len(tags) == 4
    assert crypto.tag(b"k" * 32, b"a", kind="source") in tags


def test_a_callers_tag_is_the_same_for_the_same_number_and_secret_only() -> None:
    one = crypto.caller_tag(b"s" * 32, b"+4790000001")
    assert one == crypto.caller_tag(b"s" * 32, b"+4790000001")
    assert one != crypto.caller_tag(b"s" * 32, b"+4790000002")
    assert one != crypto.caller_tag(b"t" * 32, b"+4790000001")
    assert len(one) == 16


def test_secrets_do_not_show_themselves() -> None:
    assert "1111" not in repr(SealingKey.from_seed(b"\x11" * 32))
    assert (b"\x11" * 32).hex() not in repr(SigningKey.from_seed(b"\x11" * 32))
