"""Published vectors, through our own functions wherever these take what a vector gives (tests/vectors/README.md).

Where a function of ours adds a label or draws chance, a reference of a few lines stands between: it is held to
the vectors, and our function to it.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import re
import zlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.vault.certificates import check
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.crypto.object_file import BodyReader
from arlo_rec.vault.crypto.primitives import Argon2Cost, Sealed, SealingKey, SigningKey
from tests.support.each import each
from tests.support.places import VECTORS

# BLAKE3-team/BLAKE3, test_vectors/test_vectors.json: inputs of the bytes 0 to 250, again and again; the first 32 bytes.
BLAKE3 = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    1023: "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    1025: "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
    2048: "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a",
}

XWING_LABEL = b"\\.//^\\"  # draft-connolly-cfrg-xwing-kem, 5.3
NONCE = bytes(12)

Case = dict[str, Any]


def read(name: str) -> Any:
    """What a file of vectors holds."""
    return json.loads((VECTORS / name).read_text("utf-8"))


def cases(name: str, **wanted: int) -> list[Any]:
    """The cases of a file in Wycheproof's form, with what stands at their group; *wanted* picks groups. Never none."""
    found = []
    for group in read(f"{name}.json")["testGroups"]:
        if all(group[key] == value for key, value in wanted.items()):
            shared = {key: value for key, value in group.items() if key != "tests"}
            found += [pytest.param(shared | case, id=str(case["tcId"])) for case in group["tests"]]
    assert found, name
    return found


def raw(case: Case, *names: str) -> list[bytes]:
    """Some fields of a case, as bytes."""
    return [bytes.fromhex(case[name]) for name in names]


def test_every_file_of_vectors_is_the_one_that_the_readme_describes() -> None:
    told = dict(re.findall(r"`(\w+\.json)`.*`([0-9a-f]{64})`", (VECTORS / "README.md").read_text("utf-8")))
    assert told == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VECTORS.glob("*.json")}


# -- references ---------------------------------------------------------------------------------------


def hkdf_extract(salt: bytes, secret: bytes) -> bytes:
    """RFC 5869, 2.2, with SHA-256."""
    return hmac.digest(salt or bytes(32), secret, "sha256")


def hkdf_expand(key: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, 2.3, with SHA-256."""
    made = block = b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        made += block
    return made[:length]


def hpke_schedule(suite: tuple[int, int, int], shared: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Key and base nonce of RFC 9180, 5.1, base mode, for a KDF of SHA-256 and an AEAD with a key of 32 bytes."""
    suite_id = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in suite)

    def extract(salt: bytes, label: bytes, secret: bytes) -> bytes:
        return hkdf_extract(salt, b"HPKE-v1" + suite_id + label + secret)

    def expand(key: bytes, label: bytes, context: bytes, length: int) -> bytes:
        return hkdf_expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite_id + label + context, length)

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    return expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)


def xwing_shared(lattice: bytes, curve: bytes, sent: bytes, own: bytes) -> bytes:
    """The combiner of X-Wing, over both shared secrets, what X25519 sent, and the X25519 key it was sent to."""
    return hashlib.sha3_256(lattice + curve + sent + own + XWING_LABEL).digest()


def sealed_with(shared: bytes, sent: bytes, info: bytes, plain: bytes) -> bytes:
    """What `seal` would have made in an encapsulation *sent* whose shared secret is known."""
    key, nonce = hpke_schedule((0x647A, 1, 2), shared, info)
    return sent + AESGCM(key).encrypt(nonce, plain, b"")


# -- sound: chunked encryption -------------------------------------------------------------------------


def chunked(case: Case) -> tuple[bytes, bytes, bytes]:
    """Key, context and sealed body."""
    key, context, body = raw(case, "key", "ctx", "ct")
    return key, context, zlib.decompress(body)


def through(key: bytes, context: bytes, body: bytes, plain: bytearray) -> None:
    """Open a body as a stream of odd pieces, and add what comes out to *plain*."""
    for piece in primitives.decrypt_body(key, context, (body[at : at + 5000] for at in range(0, len(body), 5000))):
        plain += piece


def in_places(key: bytes, context: bytes, body: bytes, plain: bytearray) -> None:
    """Open a body with the reader, a little at a time, and add what comes out to *plain*."""
    reader = BodyReader(key, context, io.BytesIO(body), 0, len(body))
    for start in range(0, reader.size, primitives.CHUNK):
        plain += reader.read(start, min(start + primitives.CHUNK, reader.size))


@pytest.mark.parametrize("opens", [through, in_places])
@each("case", cases("cobblestone_256"))
def test_a_body_opens_or_not_as_cobblestones_vectors_say(case: Case, opens: Any) -> None:
    plain = bytearray()
    if case["result"] == "valid":
        opens(*chunked(case), plain)
        assert len(plain) == case["msgLength"]
        assert hashlib.sha512(plain).hexdigest() == case["msgSha512"]
        return
    with pytest.raises(Sealed):
        opens(*chunked(case), plain)
    if plain:  # only whole chunks from before the one that was changed
        assert "PartialPlaintext" in case["flags"]
        assert hashlib.sha512(plain).hexdigest() == case["msgSha512"]


@each("case", cases("cobblestone_256"))
def test_a_body_whose_end_is_not_its_end_does_not_even_open_in_places(case: Case) -> None:
    key, context, body = chunked(case)
    if case["result"] == "valid" or "ValidFinalChunk" in case["flags"]:
        BodyReader(key, context, io.BytesIO(body), 0, len(body))
        return
    with pytest.raises(Sealed):
        BodyReader(key, context, io.BytesIO(body), 0, len(body))


@each("case", [one for one in cases("cobblestone_256") if one.values[0]["result"] == "valid"])
def test_what_we_write_opens_in_the_reader_that_opens_cobblestones_vectors(case: Case) -> None:
    key, context, body = chunked(case)
    plain, again = bytearray(), bytearray()
    in_places(key, context, body, plain)
    ours = b"".join(primitives.encrypt_body(key, context, [bytes(plain)]))
    in_places(key, context, ours, again)
    assert len(ours) == len(body)
    assert again == plain


# -- wraps and packages: AES -------------------------------------------------------------------------


@each("case", cases("wycheproof_aes_gcm_siv", keySize=256, ivSize=96))
def test_a_wrap_opens_or_not_as_wycheproof_says(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    key, nonce, place, secret, sealed, tag = raw(case, "key", "iv", "aad", "msg", "ct", "tag")
    if case["result"] == "invalid":
        with pytest.raises(Sealed):
            primitives.unwrap(key, nonce + sealed + tag, place)
        return
    assert primitives.unwrap(key, nonce + sealed + tag, place) == secret
    monkeypatch.setattr(primitives, "fresh", lambda _: nonce)
    assert primitives.wrap(key, secret, place) == nonce + sealed + tag


@each("case", cases("wycheproof_aes_gcm", keySize=256, ivSize=96))
def test_a_chunks_cipher_opens_or_not_as_wycheproof_says(case: Case) -> None:
    key, nonce, place, plain, sealed, tag = raw(case, "key", "iv", "aad", "msg", "ct", "tag")
    if case["result"] == "invalid":
        with pytest.raises(Sealed):
            primitives.open_aead(AESGCM(key), nonce, sealed + tag, place)
        return
    assert primitives.open_aead(AESGCM(key), nonce, sealed + tag, place) == plain
    assert AESGCM(key).encrypt(nonce, plain, place) == sealed + tag


@each("case", cases("wycheproof_pbkdf2_hmacsha256"))
def test_a_package_is_sealed_under_the_key_that_wycheproof_says(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    password, salt, key = raw(case, "password", "salt", "dk")
    rounds, length = case["iterationCount"], case["dkLen"]
    assert PBKDF2HMAC(SHA256(), length, salt, rounds).derive(password) == key
    if length >= primitives.KEY:  # the first 32 bytes of a longer one are the same
        monkeypatch.setattr(primitives, "PACKAGE_ROUNDS", rounds)
        sealed = primitives.PackageKey(password, salt).seal(b"letter", last=True)
        nonce = bytes(11) + b"\x01"
        assert AESGCM(key[: primitives.KEY]).decrypt(nonce, sealed, b"arlo-rec access page 2") == b"letter"


# -- derivations -------------------------------------------------------------------------------------


@each("case", cases("wycheproof_hkdf_sha256"))
def test_the_library_and_the_reference_derive_what_wycheproof_says(case: Case) -> None:
    secret, salt, info, key = raw(case, "ikm", "salt", "info", "okm")
    if case["result"] == "invalid":
        with pytest.raises(ValueError, match=r".*"):
            HKDF(SHA256(), case["size"], salt or None, info).derive(secret)
        return
    assert HKDF(SHA256(), case["size"], salt or None, info).derive(secret) == key
    assert hkdf_expand(hkdf_extract(salt, secret), info, case["size"]) == key


def test_the_cases_of_rfc_5869_are_among_them() -> None:
    assert [one.values[0]["comment"] for one in cases("wycheproof_hkdf_sha256")].count("RFC 5869") == 3


@given(
    st.binary(min_size=1, max_size=80),
    st.sampled_from(["body", "root", "caller index salt"]),
    st.binary(max_size=40),
    st.binary(max_size=80),
    st.integers(1, 100),
)
def test_what_we_derive_is_hkdf_with_the_info_that_the_format_says(
    secret: bytes, label: str, salt: bytes, context: bytes, length: int
) -> None:
    info = b"arlo-rec/1/" + label.encode("ascii") + b"\0" + context
    made = primitives.derive(secret, label, salt=salt, context=context, length=length)
    assert made == hkdf_expand(hkdf_extract(salt, secret), info, length)


def test_the_library_is_argon2id_as_rfc_9106_says() -> None:
    for case in read("rfc.json")["argon2id"]["vectors"]:
        password, salt, secret, extra, tag = raw(case, "password", "salt", "secret", "ad", "tag")
        costs = {"iterations": case["iterations"], "lanes": case["lanes"], "memory_cost": case["memory_kib"]}
        assert Argon2id(salt=salt, length=len(tag), ad=extra, secret=secret, **costs).derive(password) == tag


def test_a_passphrase_gives_the_key_that_argon2s_authors_publish() -> None:
    for case in read("rfc.json")["argon2id_reference"]["vectors"]:
        password, salt, tag = raw(case, "password", "salt", "tag")
        cost = Argon2Cost(case["iterations"], case["lanes"], case["memory_kib"])
        assert primitives.passphrase_key(password, salt, cost) == tag


def test_blake2b_ends_its_own_test_as_rfc_7693_says() -> None:
    told = read("rfc.json")["blake2b"]
    assert hashlib.blake2b(b"abc").hexdigest() == told["abc"]

    def sequence(length: int, seed: int) -> bytes:
        one, other = 0xDEAD4BAD * seed % 2**32, 1
        made = []
        for _ in range(length):
            one, other = other, (one + other) % 2**32
            made.append(other >> 24)
        return bytes(made)

    whole = hashlib.blake2b(digest_size=32)
    for size in (20, 32, 48, 64):
        for length in (0, 3, 128, 129, 255, 1024):
            text = sequence(length, length)
            whole.update(hashlib.blake2b(text, digest_size=size).digest())
            whole.update(hashlib.blake2b(text, digest_size=size, key=sequence(size, size)).digest())
    assert whole.hexdigest() == told["self_test"]


def test_a_tag_is_the_one_that_libsodium_makes() -> None:
    # crypto_generichash_blake2b_salt_personal of PyNaCl 1.6.2: 16 bytes, no salt, personal padded with zeros
    assert primitives.tag(b"k" * 32, b"a", kind="source").hex() == "3058f93e86d3369336562b82ef7bbe4e"


# -- signatures --------------------------------------------------------------------------------------


@each("case", cases("wycheproof_ed25519"))
def test_a_signature_counts_or_not_as_wycheproof_says(case: Case) -> None:
    message, signature = raw(case, "msg", "sig")
    public = bytes.fromhex(case["publicKey"]["pk"])
    is_valid = case["result"] == "valid"
    assert primitives.verified(public, signature, message) is check._signed(public, signature, message) is is_valid


def test_a_signature_is_made_as_rfc_8032_says() -> None:
    for case in read("rfc.json")["ed25519"]["vectors"]:
        seed, public, message, signature = raw(case, "seed", "public", "message", "signature")
        key = SigningKey.from_seed(seed)
        assert key.public == public
        assert key.sign(message) == signature
        assert primitives.verified(public, signature, message)
        assert not primitives.verified(public, signature, message + b"x")
        assert not primitives.verified(b"short", signature, message)


# -- seals: X-Wing in HPKE ---------------------------------------------------------------------------

XWING = [pytest.param(one, id=str(number)) for number, one in enumerate(read("xwing.json"), 1)]
HPKE = [pytest.param(one, id=f"{one['kem_id']:#x}-{one['aead_id']}") for one in read("hpke.json")]


@each("case", HPKE)
def test_the_reference_schedule_is_that_of_hpkes_vectors(case: Case) -> None:
    shared, info, key, nonce = raw(case, "shared_secret", "info", "key", "base_nonce")
    assert hpke_schedule((case["kem_id"], case["kdf_id"], case["aead_id"]), shared, info) == (key, nonce)
    if case["aead_id"] == 2:  # the AEAD of our suite
        first = case["encryptions"][0]
        plain, place, sealed = raw(first, "pt", "aad", "ct")
        assert AESGCM(key).encrypt(nonce, plain, place) == sealed


@each("case", XWING)
def test_a_sealing_key_grows_and_opens_as_the_draft_of_x_wing_says(case: Case) -> None:
    seed, public, sent, shared = raw(case, "seed", "pk", "ct", "ss")
    key = SealingKey.from_seed(seed)
    assert key.public == public
    assert len(public) == primitives.SEAL_PUBLIC
    sealed = sealed_with(shared, sent, b"info", b"s" * 32)
    assert len(sealed) == primitives.SEAL_OF_KEY
    assert key.open(sealed, b"info") == b"s" * 32
    with pytest.raises(Sealed):
        key.open(sealed, b"other")


@each("case", [one for one in HPKE if one.values[0]["kem_id"] == 0x647A])
def test_a_sealing_key_grows_and_opens_as_hpkes_vectors_say(case: Case) -> None:
    seed, public, sent, shared, info = raw(case, "skRm", "pkRm", "enc", "shared_secret", "info")
    key = SealingKey.from_seed(seed)
    assert key.public == public
    assert key.open(sealed_with(shared, sent, info, b"secret"), info) == b"secret"


def pair(lattice: MLKEM768PrivateKey, curve: X25519PrivateKey) -> SealingKey:
    """A sealing key of two halves that no seed of ours gives."""
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return SealingKey(MLKEM768X25519PrivateKey(lattice, curve), public)


@each("case", cases("wycheproof_mlkem_768"))
def test_a_seal_opens_or_not_as_wycheproofs_ml_kem_says(case: Case) -> None:
    seed, sent, shared = raw(case, "seed", "c", "K")
    if len(seed) != 64:  # never from outside: our seeds are expanded to 64 bytes
        with pytest.raises(ValueError, match=r".*"):
            MLKEM768PrivateKey.from_seed_bytes(seed)
        return
    curve, sender = X25519PrivateKey.from_private_bytes(b"c" * 32), X25519PrivateKey.from_private_bytes(b"s" * 32)
    key = pair(MLKEM768PrivateKey.from_seed_bytes(seed), curve)
    own, theirs = curve.public_key(), sender.public_key().public_bytes_raw()
    combined = xwing_shared(shared, sender.exchange(own), theirs, own.public_bytes_raw())
    sealed = sealed_with(combined, sent + theirs, b"info", b"secret")
    if case["result"] == "invalid":
        with pytest.raises(Sealed):
            key.open(sealed, b"info")
        return
    assert key.public[:1184] == bytes.fromhex(case["ek"])
    assert key.open(sealed, b"info") == b"secret"


@each("case", cases("wycheproof_x25519"))
def test_a_seal_opens_or_not_as_wycheproofs_x25519_says(case: Case) -> None:
    private, theirs, shared = raw(case, "private", "public", "shared")
    inner = next(one.values[0] for one in cases("wycheproof_mlkem_768") if one.values[0]["result"] == "valid")
    seed, sent, lattice = raw(inner, "seed", "c", "K")
    curve = X25519PrivateKey.from_private_bytes(private)
    key = pair(MLKEM768PrivateKey.from_seed_bytes(seed), curve)
    combined = xwing_shared(lattice, shared, theirs, curve.public_key().public_bytes_raw())
    sealed = sealed_with(combined, sent + theirs, b"info", b"secret")
    if "ZeroSharedSecret" not in case["flags"]:
        assert key.open(sealed, b"info") == b"secret"
        return
    with pytest.raises(Sealed):
        key.open(sealed, b"info")
    with pytest.raises(Sealed):
        primitives.seal(key.public[:1184] + theirs, b"secret", b"info")


@each("case", cases("wycheproof_mlkem_768_encaps"))
def test_a_public_key_is_taken_or_not_as_wycheproofs_ml_kem_says(case: Case) -> None:
    public = bytes.fromhex(case["ek"]) + X25519PrivateKey.from_private_bytes(b"c" * 32).public_key().public_bytes_raw()
    if case["result"] == "valid":
        assert len(primitives.seal(public, b"s" * 32, b"info")) == primitives.SEAL_OF_KEY
        return
    with pytest.raises(Sealed):
        primitives.seal(public, b"s" * 32, b"info")


@each(("length", "digest"), BLAKE3.items())
def test_the_digest_of_pieces_is_blake3_as_its_authors_publish_it(length: int, digest: str) -> None:
    content = bytes(at % 251 for at in range(length))
    for step in (1, 64, 1000, max(1, length)):
        pieces = [content[at : at + step] for at in range(0, length, step)]
        assert primitives.digest_of(pieces).hex() == digest
