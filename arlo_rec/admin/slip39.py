"""The recovery key in SLIP-39 shares: a threshold of them restores it, and fewer reveal nothing.

Each share is a sequence of English words with a checksum (Satoshi Labs, "SLIP-0039: Shamir's
Secret-Sharing for Mnemonic Codes"). Only this module imports shamir_mnemonic.
"""

from __future__ import annotations

from collections.abc import Sequence

from arlo_rec.keys.key_files import RECOVERY_GROUPS, SECRET_SIGNS
from arlo_rec.model.errors import Usage

MOST = 16  # shares, which the standard allows
_SIGNS = RECOVERY_GROUPS * 4
_BYTES = 34  # of the standard's even number of bytes: 260 bits fit into 33


def split(recovery_key: str, threshold: int, count: int) -> list[str]:
    """*count* shares, of which *threshold* restore the key; raises Usage."""
    if not 2 <= threshold <= count <= MOST:
        raise Usage("bad_shares", most=MOST)
    from shamir_mnemonic import generate_mnemonics

    return list(generate_mnemonics(1, [(threshold, count)], _packed(recovery_key))[0])


def join(shares: Sequence[str]) -> str:
    """The recovery key of enough shares; raises Usage if they are too few or one is misspelt."""
    from shamir_mnemonic import MnemonicError, combine_mnemonics

    try:
        return _unpacked(combine_mnemonics([" ".join(share.split()).lower() for share in shares]))
    except (MnemonicError, ValueError):  # its message quotes a share
        raise Usage("shares_do_not_fit") from None


def _packed(recovery_key: str) -> bytes:
    signs = recovery_key.strip().lower().replace("-", "")
    if len(signs) != _SIGNS or set(signs) - set(SECRET_SIGNS):
        raise Usage("not_a_recovery_key")
    number = 0
    for sign in signs:
        number = number << 5 | SECRET_SIGNS.index(sign)
    return number.to_bytes(_BYTES)


def _unpacked(raw: bytes) -> str:
    number = int.from_bytes(raw)
    if len(raw) != _BYTES or number >> 5 * _SIGNS:
        raise ValueError("shares of something else")
    signs = [SECRET_SIGNS[number >> 5 * at & 31] for at in reversed(range(_SIGNS))]
    return "-".join("".join(signs[at : at + 4]) for at in range(0, _SIGNS, 4))
