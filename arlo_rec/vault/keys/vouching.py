"""Vouchers: officers' signatures that a key has a role that erases, so that outsiders can check a receipt.

A receipt is checked without a roster. So an officer vouches for each key of an officer, support person, retention
service or manager; another vouches for that officer's key, and so on up to the first officer, who vouches for
herself and whose verifier key `init` shows. A voucher holds no name and has no end: a removed person could still
sign, but only until the log's key is renewed, which a removal does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from arlo_rec.law.model.strict_json import to_base64
from arlo_rec.policy import Role
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.roster import Signatories

# -- log handover ------------------------------------------------------------------------------------
# Handover of the log's key to the next, by the old key's statement or, after a restore, by an officer's. Pure.


_RESTORATION: Final = 32 + 64  # bytes: an officer's key and signature


def handover(origin: str, public: bytes) -> bytes:
    """The message that the old key signs for the new one."""
    return f"{origin}\nhands the log over to\n".encode("ascii") + public


def restoration(origin: str, public: bytes) -> bytes:
    """The message that an officer signs for the new key if the old one was lost."""
    return f"{origin}\nwas restored and goes on with\n".encode("ascii") + public


def is_restoration(statement: bytes | None) -> bool:
    """Whether a key's statement is an officer's, after a restore, and not the previous key's."""
    return statement is not None and len(statement) == _RESTORATION


def follows_on(origin: str, old: bytes, new: bytes, statement: bytes, size: int, signers: Signatories) -> bool:
    """Whether *new* is the log's key from *size* on, by the old key's statement or, after a restore, an officer's.

    *signers* must list her as an officer at that size.
    """
    if is_restoration(statement):
        officer, signature = statement[:32], statement[32:]
        return signers.is_officer(officer, size) and primitives.verified(officer, signature, restoration(origin, new))
    return primitives.verified(old, statement, handover(origin, new))


# -- vouching ---------------------------------------------------------------------------------------


LONGEST_CHAIN = 100  # successive officers; a longer chain is circular


class Voucher(NamedTuple):
    """An officer's signature that *key* has that role from the log's size *since* on; the first one's is her own."""

    key: bytes
    role: Role
    since: int
    by: bytes
    signature: bytes


def vouch(officer: primitives.SigningKey, store: bytes, key: bytes, role: Role, since: int) -> Voucher:
    """Sign a voucher as an officer."""
    return Voucher(key, role, since, officer.public, officer.sign(_message(store, key, role, since)))


def chain(voucher_of: Callable[[bytes], Voucher | None], key: bytes) -> tuple[Voucher, ...]:
    """The vouchers from that of *key* up to the first officer's, unverified; as far as they exist."""
    return tuple(_chain(voucher_of, key))


def _chain(voucher_of: Callable[[bytes], Voucher | None], key: bytes) -> Iterator[Voucher]:
    for _ in range(LONGEST_CHAIN):
        voucher = voucher_of(key)
        if voucher is None:
            return
        yield voucher
        if voucher.by == key:
            return
        key = voucher.by


def is_true(store: bytes, vouchers: Sequence[Voucher]) -> bool:
    """Whether each voucher was signed by the next one's key, an earlier officer's, and the last by itself."""
    if not vouchers or vouchers[-1].by != vouchers[-1].key:
        return False
    for voucher, officer in zip(vouchers, (*vouchers[1:], vouchers[-1]), strict=True):
        message = _message(store, voucher.key, voucher.role, voucher.since)
        signed = voucher.by == officer.key and primitives.verified(officer.key, voucher.signature, message)
        if not signed or officer.role is not Role.OFFICER or officer.since > voucher.since:
            return False
    return True


def to_json(vouchers: Sequence[Voucher]) -> list[dict[str, Any]]:
    """A chain as a receipt holds it: the key of the next signed each."""
    return [
        {
            "key": to_base64(voucher.key),
            "role": voucher.role,
            "since": voucher.since,
            "signature": to_base64(voucher.signature),
        }
        for voucher in vouchers
    ]


def _message(store: bytes, key: bytes, role: Role, since: int) -> bytes:
    return b"arlo-rec/1/voucher\0" + store + key + struct.pack(">Q", since) + role.encode("ascii")
