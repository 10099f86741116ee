"""Vouchers: officers' signatures that a key is of a role that erases, for receipts that anybody checks.

A receipt is checked where there is no roster. So each key of an officer, support person, retention service or manager
is vouched for by an officer whose own key is, up to the first officer's, which vouches for itself and whose verifier
key `init` shows. A voucher holds no name. It has no end: what a removed person could still sign is limited by the log's
key, which a removal renews.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from arlo_rec.crypto import primitives
from arlo_rec.model.strict_json import to_base64
from arlo_rec.policy import Role

LONGEST_CHAIN = 100  # officers who followed each other; a chain that is longer goes in circles


class Voucher(NamedTuple):
    """An officer's signature that *key* is of that role from the log's size *since* on; the first one's is her own."""

    key: bytes
    role: Role
    since: int
    by: bytes
    signature: bytes


def vouch(officer: primitives.SigningKey, store: bytes, key: bytes, role: Role, since: int) -> Voucher:
    """Sign a voucher as an officer."""
    return Voucher(key, role, since, officer.public, officer.sign(_message(store, key, role, since)))


def chain(voucher_of: Callable[[bytes], Voucher | None], key: bytes) -> tuple[Voucher, ...]:
    """The vouchers from that of *key* to the first officer's, unverified; as far as there are any."""
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
    """Whether each was signed by the next one's key, an officer's, which was there before, and the last by itself."""
    if not vouchers or vouchers[-1].by != vouchers[-1].key:
        return False
    for voucher, officer in zip(vouchers, (*vouchers[1:], vouchers[-1]), strict=True):
        message = _message(store, voucher.key, voucher.role, voucher.since)
        signed = voucher.by == officer.key and primitives.verified(officer.key, voucher.signature, message)
        if not signed or officer.role is not Role.OFFICER or officer.since > voucher.since:
            return False
    return True


def to_json(vouchers: Sequence[Voucher]) -> list[dict[str, Any]]:
    """A chain as a receipt holds it: who signed each is the key of the next."""
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
