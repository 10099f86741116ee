"""Every cryptographic primitive, with its source. No other module imports a cryptographic library.

Seals       HPKE (RFC 9180), base mode, X-Wing KEM (ML-KEM-768 with X25519), HKDF-SHA-256, AES-256-GCM
Wraps       AES-256-GCM-SIV (RFC 8452) of one short secret under another, bound to a context
Columns     AES-256-GCM with random nonces (NIST SP 800-38D), bound to table, column and row
Passphrases Argon2id (RFC 9106, second recommended option: t=3, p=4, 64 MiB), stored, with floor and cap
Sound       Cobblestone-256 (c2sp.org/chunked-encryption)
Signatures  Ed25519 (RFC 8032)
Digests     SHA-256 (FIPS 180-4); BLAKE3 (O'Connor et al., github.com/BLAKE3-team/BLAKE3-specs) of sounds and objects
Blind index Argon2id with a secret for telephone numbers, keyed BLAKE2b (RFC 7693) for the rest

All functions take and return bytes; what fails to decrypt or verify raises `Sealed`, which callers translate.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

if TYPE_CHECKING:
    from blake3 import blake3

    Hasher: TypeAlias = blake3
    from concurrent.futures import ThreadPoolExecutor


KEY = 32  # bytes of every symmetric key and seed
SEAL_PUBLIC = 1216  # bytes: 1184 of ML-KEM-768 and 32 of X25519
SIGN_PUBLIC = 32  # bytes: of Ed25519
SEAL_OF_KEY = 1168  # bytes of a sealed 32-byte secret: 1120 encapsulation, 32 secret, 16 tag
WRAP_OF_KEY = 60  # bytes of a wrapped 32-byte secret: 12 nonce, 32 secret, 16 tag
NONCE = 12  # bytes, of both AEADs
TAG = 16  # bytes, of both AEADs
CHUNK = 16384  # bytes of sound in each chunk of a body but the last, which has fewer
BODY_HEAD = 24 + 32  # bytes: salt and commitment
MAX_CHUNKS = 2**38  # c2sp.org/chunked-encryption: 4 PiB
FEED = 6 * (CHUNK + TAG)  # bytes read at once: whole chunks, below the 128 KiB from which malloc takes fresh pages
LABEL = b"arlo-rec/1/"  # every derivation is bound to this format

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class Sealed(Exception):
    """Decryption failed: another key, another context, or changed bytes."""


def fresh(length: int = KEY) -> bytes:
    """New secret bytes from the operating system."""
    return os.urandom(length)


def same(left: bytes, right: bytes) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(left, right)


def sha256(*parts: bytes) -> bytes:
    """SHA-256 of the concatenated parts."""
    return hashlib.sha256(b"".join(parts)).digest()


def sha512(body: bytes) -> bytes:
    """SHA-512, a vCon's digest of an external file."""
    return hashlib.sha512(body).digest()


def derive(secret: bytes, label: str, *, salt: bytes = b"", context: bytes = b"", length: int = KEY) -> bytes:
    """HKDF-SHA-256 (RFC 5869) of *secret* for one use, which *label* and *context* name."""
    info = LABEL + label.encode("ascii") + b"\0" + context
    return HKDF(algorithm=SHA256(), length=length, salt=salt or None, info=info).derive(secret)


def hasher(begin: bytes = b"") -> Hasher:
    """Incremental BLAKE3, for long content read only by this program: six times as fast as SHA-256."""
    from blake3 import blake3  # most commands hash nothing long

    return blake3(begin)


def digest_of(pieces: Iterable[bytes]) -> bytes:
    """BLAKE3 (32 bytes) of the concatenated pieces of a stream."""
    digest = hasher()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


# -- seals: to a public key ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A private X-Wing key, made from a seed of 32 bytes as draft-connolly-cfrg-xwing-kem expands it."""

    _private: MLKEM768X25519PrivateKey
    public: bytes

    @classmethod
    def from_seed(cls, seed: bytes) -> SealingKey:
        """The key pair of *seed* (32 bytes): SHAKE-256 gives 64 bytes for ML-KEM and 32 for X25519."""
        if len(seed) != KEY:
            raise ValueError("a sealing key is made from 32 bytes")
        expanded = hashlib.shake_256(seed).digest(96)
        lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        curve = X25519PrivateKey.from_private_bytes(expanded[64:])
        public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
        return cls(MLKEM768X25519PrivateKey(lattice, curve), public)

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Open what was sealed to this key for *info*; raises Sealed."""
        try:
            return _SUITE.decrypt(sealed, self._private, info)
        except (InvalidTag, ValueError):
            raise Sealed from None

    def __repr__(self) -> str:
        return f"SealingKey({fingerprint(self.public).hex()[:8]})"


def seal(public: bytes, secret: bytes, info: bytes) -> bytes:
    """Seal *secret* to a public X-Wing key (1216 bytes), bound to *info*; 1136 bytes longer."""
    if len(public) != SEAL_PUBLIC:
        raise Sealed
    try:
        key = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public[:1184]),
            X25519PublicKey.from_public_bytes(public[1184:]),
        )
        return _SUITE.encrypt(secret, key, info)
    except ValueError:
        raise Sealed from None


def fingerprint(public: bytes) -> bytes:
    """16 bytes that name a public key."""
    return sha256(LABEL, b"fingerprint\0", public)[:16]


# -- wraps: a secret under another ------------------------------------------------------------------


def wrap(key: bytes, secret: bytes, place: bytes) -> bytes:
    """AES-256-GCM-SIV of *secret* under *key*, with *place* as associated data; 28 bytes longer."""
    nonce = fresh(NONCE)
    return nonce + AESGCMSIV(key).encrypt(nonce, secret, place)


def unwrap(key: bytes, wrapped: bytes, place: bytes) -> bytes:
    """The secret that `wrap` encrypted under *key* for *place*; raises Sealed."""
    return open_aead(AESGCMSIV(key), wrapped[:NONCE], wrapped[NONCE:], place)


def open_aead(aead: AESGCM | AESGCMSIV, nonce: bytes, sealed: bytes, place: bytes) -> bytes:
    """Decrypt the output of an AEAD at *place*; raises Sealed if key, place or a byte differs."""
    try:
        return aead.decrypt(nonce, sealed, place)
    except (InvalidTag, ValueError):
        raise Sealed from None


# -- passphrases --------------------------------------------------------------------------------------


class Argon2Cost(NamedTuple):
    """Argon2id's parameters: the cost of each guess at a passphrase (RFC 9106)."""

    iterations: int = 3
    lanes: int = 4
    memory_kib: int = 64 * 1024

    def within_bounds(self) -> bool:
        """Whether the cost is not below the documented one, and not so high that a forged file exhausts the machine."""
        return 3 <= self.iterations <= 16 and 1 <= self.lanes <= 16 and 64 * 1024 <= self.memory_kib <= 1024 * 1024


def passphrase_key(passphrase: bytes, salt: bytes, cost: Argon2Cost) -> bytes:
    """The 32-byte key of a passphrase; about 0.12 s at the default cost. Raises Sealed out of bounds."""
    if not cost.within_bounds():
        raise Sealed
    return Argon2id(
        salt=salt, length=KEY, iterations=cost.iterations, lanes=cost.lanes, memory_cost=cost.memory_kib
    ).derive(passphrase)


# -- signatures ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key made from a seed of 32 bytes."""

    _private: Ed25519PrivateKey
    public: bytes

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """The key pair of *seed*."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(private, private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._private.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey({self.public.hex()[:8]})"


def verified(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether *signature* was made over *message* by the holder of *public*."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# -- blind indexes ------------------------------------------------------------------------------------


def tag(key: bytes, text: bytes, *, kind: str) -> bytes:
    """The blind index of *text* under *key*, in 16 bytes: keyed BLAKE2b, personalised with *kind*."""
    return hashlib.blake2b(text, digest_size=16, key=key, person=kind.encode("ascii")).digest()


def caller_tag(secret: bytes, number: bytes) -> bytes:
    """The blind index of a telephone number, in 16 bytes.

    Argon2id with a secret (8 MiB, t=1: about 5 ms): with a keyed hash alone, a thief of the key could try all 10^8
    Norwegian numbers in minutes; this makes it days.
    """
    salt = derive(secret, "caller index salt", length=16)
    return Argon2id(
        salt=salt,
        length=16,
        iterations=1,
        lanes=1,
        memory_cost=8 * 1024,
        secret=derive(secret, "caller index"),
    ).derive(number)


# -- columns of the catalogue ---------------------------------------------------------------------------


class ColumnKey:
    """The key of the columns of one catalogue that a reader of its rows must not understand."""

    def __init__(self, catalogue_key: bytes) -> None:
        """Derive it from the raw key of the catalogue (32 bytes)."""
        self._aead = AESGCM(derive(catalogue_key, "columns"))
        self._tags = derive(catalogue_key, "column tags")

    def seal(self, value: bytes, place: bytes) -> bytes:
        """AES-256-GCM of a value, bound to its column and row by *place*; 28 bytes longer.

        The nonce is random, as each value is sealed anew: a key seals fewer than 2^32 (NIST SP 800-38D, 8.3). A
        million are read at once, in a fifth of the time of GCM-SIV.
        """
        nonce = fresh(NONCE)
        return nonce + self._aead.encrypt(nonce, value, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The value that `seal` encrypted at *place*; raises Sealed."""
        return open_aead(self._aead, sealed[:NONCE], sealed[NONCE:], place)

    def open_many(self, values: Iterable[tuple[bytes, bytes]], instead: bytes) -> list[bytes]:
        """The values of (place, what is sealed there), in a loop of its own: a log has a million.

        *instead* of one that does not open.
        """
        decrypt, opened = self._aead.decrypt, list[bytes]()
        for place, sealed in values:
            try:
                opened.append(decrypt(sealed[:NONCE], sealed[NONCE:], place))
            except (InvalidTag, ValueError):
                opened.append(instead)
        return opened

    def tag(self, kind: str, word: str) -> bytes:
        """The blind index of a word in columns of a *kind*, in 16 bytes."""
        return tag(self._tags, word.encode("utf-8"), kind=kind)


# -- sound --------------------------------------------------------------------------------------------


def encrypt_body(key: bytes, context: bytes, plain: Iterable[bytes]) -> Iterator[bytes]:
    """Cobblestone-256 of *plain*, in pieces: 24 bytes salt, 32 commitment, chunks of 16384 + 16."""
    encryptor = Cobblestone256Encryptor(key, context)
    for piece in plain:
        yield encryptor.update(piece)
    yield encryptor.finalize()


def decrypt_body(key: bytes, context: bytes, sealed: Iterable[bytes]) -> Iterator[bytes]:
    """The plain bytes, in non-empty pieces; raises Sealed if a chunk is changed or the end is missing.

    Pieces are returned before the end of the body is verified: a caller that writes them to a file names it only
    after the last.
    """
    try:
        decryptor = Cobblestone256Decryptor(key, context)
        for piece in sealed:
            if plain := decryptor.update(piece):
                yield plain
        if plain := decryptor.finalize():
            yield plain
    except (InvalidTag, ValueError):
        raise Sealed from None


# -- access pages ----------------------------------------------------------------------------------------

PACKAGE_ROUNDS = 600_000  # of PBKDF2-HMAC-SHA-256: OWASP's figure of 2023; WebCrypto offers no other derivation


PACKAGE_SALT = 16  # bytes, fresh for every page
_PACKAGE = b"arlo-rec access page 2"  # the associated data of every part: format and version


def package_key(passphrase: bytes, salt: bytes, rounds: int) -> bytes:
    """The key of a page, by so many rounds of PBKDF2."""
    return PBKDF2HMAC(algorithm=SHA256(), length=KEY, salt=salt, iterations=rounds).derive(passphrase)


class PackageKey:
    """The key of one page, by PBKDF2 of a passphrase and a fresh salt, which every browser's WebCrypto can derive.

    Each part of a page is encrypted once, with its number from 0 as the nonce; the last byte of the nonce is 1 for the
    last part. So no part can be moved, left out or taken from another page.
    """

    def __init__(self, passphrase: bytes, salt: bytes) -> None:
        self._aead = AESGCM(package_key(passphrase, salt, PACKAGE_ROUNDS))
        self._next = 0

    def seal(self, plain: bytes, *, last: bool = False) -> bytes:
        """Encrypt the next part with AES-256-GCM, 16 bytes longer; *last* for the part that ends the page."""
        nonce = self._next.to_bytes(NONCE - 1) + bytes([last])
        self._next += 1
        return self._aead.encrypt(nonce, plain, _PACKAGE)


# -- many signatures ----------------------------------------------------------------------------------

VERIFIED_AT_ONCE = 50  # items in a thread's portion: handing one over takes a fifth of verifying one
_Thing = TypeVar("_Thing")
_Result = TypeVar("_Result")


class Verifiers:
    """Threads that verify many signatures, one per processor, until the block ends: OpenSSL releases the GIL.

    They start only for more than a few signatures: starting costs 3 ms, which most commands need not pay.
    """

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Verifiers:
        return self

    def map(self, verify: Callable[[_Thing], _Result], things: Sequence[_Thing]) -> Iterator[_Result]:
        """The results of *verify*, in order. Many start at once, a few when they are requested."""
        if len(things) <= VERIFIED_AT_ONCE:
            return map(verify, things)
        if self._threads is None:
            from concurrent.futures import ThreadPoolExecutor

            self._threads = ThreadPoolExecutor()
        portions = [things[at : at + VERIFIED_AT_ONCE] for at in range(0, len(things), VERIFIED_AT_ONCE)]
        return chain.from_iterable(self._threads.map(lambda portion: list(map(verify, portion)), portions))

    def __exit__(self, *_: object) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
