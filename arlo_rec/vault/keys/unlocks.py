"""Unlocks: a person's seed, kept by the kernel for a time, so that commands in between need no passphrase.

An unlock lies only in the kernel's keyring of the login session (`crypto.kernel_keyring`). Its description names the
store, the person and the keys of the key file, so another's is never taken. After a removal or reset the roster has
other keys, and the seed opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from arlo_rec.law.model.errors import NotUnlocked
from arlo_rec.law.model.records import from_iso, to_iso
from arlo_rec.law.model.strict_json import canonical, parse_object
from arlo_rec.vault.crypto import kernel_keyring, primitives
from arlo_rec.vault.crypto.kernel_keyring import BEGINS
from arlo_rec.vault.keys.authority import Pin
from arlo_rec.vault.keys.key_files import Identity, public_key
from arlo_rec.vault.keys.layout import Layout

USUAL: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=8)  # a working day
SECRET_BYTES: Final = 4096  # a seed of 32 bytes, and the terms: a reason has at most 500 characters
_RULE: Final = "security.password"


class Keyring(Protocol):
    """The kernel's keyring of a login session; `crypto.kernel_keyring` implements it."""

    def demand_own_session(self) -> None:
        """Raise NoOwnSession if nothing can be kept."""

    def prepare(self, description: str, secret: bytearray, seconds: int) -> int:
        """Make a key for this process alone; *secret* is overwritten. Raises OSError."""

    def put_into_session(self, key: int) -> None:
        """Give a prepared key to the session; raises OSError."""

    def search(self, description: str) -> int | None:
        """The key of that description; raises KeyEnded, OSError."""

    def read(self, key: int, most: int) -> bytearray:
        """A key's secret, for the caller to wipe; raises KeyEnded, OSError."""

    def keys_of_session(self) -> list[tuple[int, str]]:
        """The number and description of every key."""

    def forget(self, key: int) -> None:
        """End a key at once."""


class UnlockTerms(NamedTuple):
    """The terms of an unlock: its end, and the default purpose and reason of its commands."""

    until: datetime
    purpose: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unlock:
    """A running unlock: its identity, its terms, and the number of its key in the kernel."""

    identity: Identity
    terms: UnlockTerms
    key: int


def demand_possible(keyring: Keyring) -> None:
    """Raise NotUnlocked if this session cannot keep an unlock."""
    try:
        keyring.demand_own_session()
    except kernel_keyring.NoOwnSession as problem:
        raise NotUnlocked(problem.code, rule=_RULE) from None


def prepare(keyring: Keyring, place: Layout, identity: Identity, terms: UnlockTerms, length: timedelta) -> int:
    """Hand an identity to the kernel, for this process alone until `begin`; raises NotUnlocked."""
    demand_possible(keyring)
    description = _description(place, identity.name, identity.signing.public)
    pin = {"number": identity.pin.number, "digest": identity.pin.digest.hex()}
    document = {"name": identity.name, "pin": pin, "store": identity.store.hex(), "until": to_iso(terms.until)}
    purposes = {"purpose": terms.purpose, "reason": terms.reason}
    secret = bytearray(identity.seed)
    secret += canonical({**document, **{key: value for key, value in purposes.items() if value is not None}})
    try:
        return keyring.prepare(description, secret, int(length.total_seconds()))
    except OSError as error:
        raise NotUnlocked("unlock_refused", rule=_RULE, reason=error.strerror or "") from None


def begin(keyring: Keyring, key: int) -> None:
    """Give a prepared unlock to the session, in place of an earlier one of the same person; raises NotUnlocked."""
    try:
        keyring.put_into_session(key)
    except OSError as error:
        keyring.forget(key)
        raise NotUnlocked("unlock_refused", rule=_RULE, reason=error.strerror or "") from None


def end(keyring: Keyring, key: int) -> None:
    """End an unlock at once, for the whole session."""
    keyring.forget(key)


def running(keyring: Keyring, place: Layout, name: str, now: datetime) -> Unlock | None:
    """The unlock of that person in this store; None without one in this session.

    Raises NotUnlocked if it has expired or is not theirs.
    """
    public = public_key(place, name)
    if public is None:
        return None
    try:
        key = keyring.search(_description(place, name, public))
        secret = keyring.read(key, SECRET_BYTES) if key is not None else None
    except kernel_keyring.KeyEnded:
        raise NotUnlocked("unlock_expired", rule=_RULE) from None
    except OSError:  # ended between the two calls, or with other rights than ours
        raise NotUnlocked("unlock_unreadable", rule=_RULE) from None
    if key is None or secret is None:
        return None
    try:
        unlock = Unlock(*_read(place, secret), key)
    except (KeyError, TypeError, ValueError):
        raise NotUnlocked("unlock_unreadable", rule=_RULE) from None
    finally:
        kernel_keyring.wipe(secret)
    if unlock.identity.name != name or unlock.identity.signing.public != public:
        raise NotUnlocked("unlock_unreadable", rule=_RULE)
    if unlock.terms.until <= now:
        end(keyring, key)
        raise NotUnlocked("unlock_expired", rule=_RULE)
    return unlock


def why_none(keyring: Keyring, place: Layout, name: str) -> NotUnlocked | None:
    """The reason that no unlock of this session applies to that person; None if the session has none at all."""
    descriptions = [description for _, description in keyring.keys_of_session() if description.startswith(BEGINS)]
    if any(description.startswith(_of_person(place, name)) for description in descriptions):
        return NotUnlocked("unlock_outdated", rule=_RULE)
    return NotUnlocked("unlock_foreign", rule=_RULE) if descriptions else None


def end_all(keyring: Keyring, place: Layout, name: str) -> int:
    """End every unlock of that person in this store, of earlier keys too; returns their number."""
    begins = _of_person(place, name)
    keys = [key for key, description in keyring.keys_of_session() if description.startswith(begins)]
    for key in keys:
        end(keyring, key)
    return len(keys)


def _of_person(place: Layout, name: str) -> str:
    person = primitives.sha256(place.id, name.encode("utf-8", "surrogatepass")).hex()[:32]
    return f"{BEGINS}{place.id.hex()}:{person}:"


def _description(place: Layout, name: str, public: bytes) -> str:
    return _of_person(place, name) + primitives.fingerprint(public).hex()


def _read(place: Layout, secret: bytearray) -> tuple[Identity, UnlockTerms]:
    """The inverse of `prepare`; raises KeyError, TypeError or ValueError."""
    seed, document = bytes(secret[: primitives.KEY]), parse_object(bytes(secret[primitives.KEY :]))
    if document["store"] != place.id.hex() or len(seed) != primitives.KEY:
        raise ValueError("another store")
    pin = Pin(int(document["pin"]["number"]), bytes.fromhex(document["pin"]["digest"]))
    terms = UnlockTerms(from_iso(document["until"]), document.get("purpose"), document.get("reason"))
    return Identity(place.id, str(document["name"]), seed, pin), terms
