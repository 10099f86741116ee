"""Key files: an identity's seed, locked by a passphrase or plain for a service, and the catalogue key sealed to a
person.

A person's file holds Argon2id parameters and a locked blob: the person's seed and the newest link of the chain of
authority, so that nothing has to be trusted on first use. A service's file is the same blob unencrypted, readable
for one login account. The catalogue key is sealed in a file of its own, so that an officer can renew it without a
passphrase. Files in the store are signed, by the person or the sealer, so that `verify` detects a changed byte
without a passphrase.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from arlo_rec.law.model.errors import Integrity, NotUnlocked, Usage
from arlo_rec.law.model.records import Person
from arlo_rec.law.model.strict_json import canonical, from_base64, parse_object, to_base64
from arlo_rec.vault.backends.durable import write_whole
from arlo_rec.vault.backends.shared_folder import read_small
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.authority import NO_PIN, Pin
from arlo_rec.vault.keys.layout import Layout

# -- catalogue seed ----------------------------------------------------------------------------------
# Keys derived from the catalogue's seed, which every identity holds: that of its file, and the log's signing key.


def log_key(seed: bytes) -> primitives.SigningKey:
    """The key that signs every checkpoint."""
    return primitives.SigningKey.from_seed(primitives.derive(seed, "log"))


def catalogue_key(seed: bytes) -> bytes:
    """The raw key of the SQLCipher file."""
    return primitives.derive(seed, "catalogue")


# -- key files --------------------------------------------------------------------------------------


KEY_FILE_BYTES = 64 * 1024  # a key file has 700 bytes, a passphrase file one line
PASSPHRASE_SHORTEST = 12  # characters
ONE_TIME_GROUPS = 5  # groups of 4 letters from 32: 100 bits, read aloud once
RECOVERY_GROUPS = 13  # 260 bits, on paper for years
SECRET_SIGNS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 characters, none mistaken for another  # noqa: S105 - no secret


@dataclass(frozen=True)
class Identity:
    """An unlocked identity: its name, the seed of its keys, and the chain's newest link when its file was written."""

    store: bytes
    name: str
    seed: bytes = field(repr=False)
    pin: Pin = NO_PIN
    once: bool = False

    @cached_property
    def sealing(self) -> primitives.SealingKey:
        """The key that opens what is sealed to this identity."""
        return primitives.SealingKey.from_seed(primitives.derive(self.seed, "sealing", context=self.store))

    @cached_property
    def signing(self) -> primitives.SigningKey:
        """The key that this identity signs with."""
        return primitives.SigningKey.from_seed(primitives.derive(self.seed, "signing", context=self.store))


def clean_passphrase(raw: bytes) -> bytes:
    """A passphrase without a final newline, in NFC; raises Usage if it is not UTF-8."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Usage("passphrase_not_utf8") from None
    text = unicodedata.normalize("NFC", text.removesuffix("\n").removesuffix("\r"))
    return text.encode("utf-8")


def check_length(passphrase: bytes) -> bytes:
    """The passphrase; raises Usage if it is too short to be set. Unlocking does not check this."""
    if len(passphrase.decode("utf-8")) < PASSPHRASE_SHORTEST:
        raise Usage("passphrase_too_short", least=PASSPHRASE_SHORTEST)
    return passphrase


def readable_secret(groups: int) -> str:
    """A new secret in groups of four letters and digits (20 bits each) that can be read aloud and typed."""
    signs = [SECRET_SIGNS[byte & 31] for byte in primitives.fresh(groups * 4)]
    return "-".join("".join(signs[i : i + 4]) for i in range(0, len(signs), 4))


def new_salt() -> bytes:
    """16 new bytes, so that one passphrase chosen twice gives different keys."""
    return primitives.fresh(16)


def write_locked(
    place: Layout, identity: Identity, passphrase: bytes, cost: primitives.Argon2Cost | None = None
) -> None:
    """Write a person's key file under a passphrase; raises Usage if that is too short."""
    check_length(passphrase)
    cost = cost or primitives.Argon2Cost()
    salt = new_salt()
    head = {
        "format": 1,
        "kdf": {"name": "argon2id", "t": cost.iterations, "p": cost.lanes, "m_kib": cost.memory_kib},
        "salt": to_base64(salt),
    }
    key = primitives.passphrase_key(passphrase, salt, cost)
    blob = primitives.wrap(key, canonical(_blob(identity)), _bound(place, identity.name, head))
    content = _signed(place, {**head, "blob": to_base64(blob)}, identity.signing)
    write_whole(place.key_file(identity.name), content)


def unlock(place: Layout, name: str, passphrase: bytes) -> Identity:
    """Open a person's key file; raises NotUnlocked, alike for a wrong name and a wrong passphrase, or Integrity."""
    try:
        raw = read_small(place.key_file(name), KEY_FILE_BYTES)
    except OSError:
        # Unused: an unknown name has to take as long as a known one
        primitives.passphrase_key(passphrase, bytes(16), primitives.Argon2Cost())
        raise NotUnlocked("wrong_passphrase", rule="security.password", name=name) from None
    try:
        document = parse_object(raw)
        del document["signed_by"], document["signature"]
        kdf, blob = document["kdf"], from_base64(document.pop("blob"))
        cost = primitives.Argon2Cost(int(kdf["t"]), int(kdf["p"]), int(kdf["m_kib"]))
        key = primitives.passphrase_key(passphrase, from_base64(document["salt"], 16), cost)
        identity = _identity(place, primitives.unwrap(key, blob, _bound(place, name, document)))
        if identity.name != name:
            raise ValueError("another's name")  # noqa: TRY301 - handled like any other error in the file
    except primitives.Sealed:
        raise NotUnlocked("wrong_passphrase", rule="security.password", name=name) from None
    except (KeyError, TypeError, ValueError):
        raise Integrity("key_file_damaged", path=str(place.key_file(name))) from None
    return identity


def public_key(place: Layout, name: str) -> bytes | None:
    """The public signing key stated in a person's key file; None without one."""
    try:
        document = parse_object(read_small(place.key_file(name), KEY_FILE_BYTES))
        return from_base64(document["signed_by"], primitives.KEY)
    except (OSError, KeyError, TypeError, ValueError):
        return None


def service_file(identity: Identity) -> bytes:
    """The file of a service's key."""
    return canonical({"format": 1, "kind": "arlo-rec service key", **_blob(identity)}) + b"\n"


def read_service(place: Layout, raw: bytes, path: str) -> Identity:
    """The identity in a service's key file; raises NotUnlocked for another store's key, or no key file."""
    try:
        document = parse_object(raw)
        if document.pop("kind") != "arlo-rec service key":
            raise NotUnlocked("not_a_service_key", path=path)
        return _identity(place, canonical(document))
    except (KeyError, TypeError, ValueError):
        raise NotUnlocked("not_a_service_key", path=path) from None


def write_catalogue_seal(
    place: Layout, name: str, public: bytes, seeds: list[bytes], signer: primitives.SigningKey
) -> None:
    """Seal the catalogue's seeds (newest first; two only during a re-keying) to a person."""
    info = _seal_info(place, public)
    sealed = [to_base64(primitives.seal(public, seed, info)) for seed in seeds]
    holder = primitives.fingerprint(public).hex()
    content = _signed(place, {"format": 1, "holder": holder, "catalogue": sealed}, signer)
    write_whole(place.seal_file(name), content)


def read_catalogue_seal(place: Layout, identity: Identity) -> list[bytes]:
    """The catalogue's seeds sealed to *identity*, newest first; raises NotUnlocked or Integrity."""
    try:
        document = parse_object(read_small(place.seal_file(identity.name), KEY_FILE_BYTES))
        sealed = [from_base64(text) for text in document["catalogue"]]
    except FileNotFoundError:
        raise NotUnlocked("no_longer_here", rule="access.officer") from None
    except (OSError, KeyError, TypeError, ValueError):
        raise Integrity("seal_damaged", path=str(place.seal_file(identity.name))) from None
    info = _seal_info(place, identity.sealing.public)
    try:
        return [identity.sealing.open(seed, info) for seed in sealed]
    except primitives.Sealed:
        raise NotUnlocked("no_longer_here", rule="access.officer") from None


def is_own_key_file(place: Layout, person: Person) -> bool:
    """Whether a person's key file exists and is unchanged, by their own signature; an older one passes too."""
    signed = _read_signed(place, place.key_file(person.name))
    return signed is not None and signed[0] == person.sign_key and {"kdf", "salt", "blob"} <= signed[1].keys()


def is_seal_for(place: Layout, person: Person, signers: Collection[bytes]) -> bool:
    """Whether the catalogue's seal of a person exists and is unchanged, by the signature of one of *signers*."""
    signed = _read_signed(place, place.seal_file(person.name))
    holder = primitives.fingerprint(person.seal_key).hex()
    return signed is not None and signed[0] in signers and signed[1].get("holder") == holder


def _signed(place: Layout, document: dict[str, object], signer: primitives.SigningKey) -> bytes:
    """A document with its signer and signature, which reveal a changed byte to a reader of the roster."""
    plain = canonical({**document, "signed_by": to_base64(signer.public)})
    signature = to_base64(signer.sign(_file_message(place, plain)))
    return canonical({**document, "signed_by": to_base64(signer.public), "signature": signature})


def _read_signed(place: Layout, path: Path) -> tuple[bytes, dict[str, Any]] | None:
    """The signer and content of a file; None if it is missing, changed or not ours."""
    try:
        raw = read_small(path, KEY_FILE_BYTES)
        document = parse_object(raw)
        signature, signer = from_base64(document.pop("signature"), 64), from_base64(document["signed_by"], 32)
    except (OSError, KeyError, TypeError, ValueError):
        return None
    one_form = canonical({**document, "signature": to_base64(signature)}) == raw
    genuine = primitives.verified(signer, signature, _file_message(place, canonical(document)))
    return (signer, document) if one_form and genuine else None


def _file_message(place: Layout, plain: bytes) -> bytes:
    return b"arlo-rec/1/key file\0" + place.id + plain


def _blob(identity: Identity) -> dict[str, object]:
    return {
        "name": identity.name,
        "pin": {"number": identity.pin.number, "digest": identity.pin.digest.hex()},
        "once": identity.once,
        "seed": to_base64(identity.seed),
        "store": identity.store.hex(),
    }


def _identity(place: Layout, blob: bytes) -> Identity:
    document = parse_object(blob)
    if document["store"] != place.id.hex():
        raise NotUnlocked("key_of_another_store")
    pin = Pin(int(document["pin"]["number"]), bytes.fromhex(document["pin"]["digest"]))
    seed = from_base64(document["seed"], primitives.KEY)
    return Identity(place.id, str(document["name"]), seed, pin, bool(document["once"]))


def _bound(place: Layout, name: str, head: dict[str, object]) -> bytes:
    return b"key file\0" + place.id + canonical({"name": name, "head": head})


def _seal_info(place: Layout, public: bytes) -> bytes:
    return b"arlo-rec/1/seal/catalogue\0" + place.id + primitives.fingerprint(public)
