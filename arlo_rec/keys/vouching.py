"""Vouchers: officers' signatures that a key has a role that erases, so that anybody can check a receipt.

A receipt is checked without a roster. So an officer vouches for each key of an officer, support person, retention
service or manager; another vouches for that officer's key, and so on up to the first officer, who vouches for
herself and whose verifier key `init` shows. A voucher holds no name and has no end: a removed person could still
sign, but only until the log's key is renewed, which a removal does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from arlo_rec.crypto import primitives
from arlo_rec.model.strict_json import to_base64
from arlo_rec.policy import Role

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
