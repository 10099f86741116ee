"""The recovery key in SLIP-39 shares: a threshold of them restores it, and fewer reveal nothing.

Each share is a sequence of English words with a checksum (Satoshi Labs, "SLIP-0039: Shamir's
Secret-Sharing for Mnemonic Codes"). Only this module imports shamir_mnemonic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from itertools import combinations
from typing import TYPE_CHECKING

from arlo_rec.law.model.errors import Usage
from arlo_rec.vault.keys.key_files import RECOVERY_GROUPS, SECRET_SIGNS

if TYPE_CHECKING:
    from shamir_mnemonic.share import Share

MOST = 16  # shares, which the standard allows
_SIGNS = RECOVERY_GROUPS * 4
_EXPONENT = 1  # of the work for one key; a foreign share asks for up to 16,000 times as much
_BYTES = 34  # of the standard's even number of bytes: 260 bits fit into 33


def split(recovery_key: str, threshold: int, count: int) -> list[str]:
    """*count* shares, of which *threshold* restore the key; raises Usage."""
    if not 2 <= threshold <= count <= MOST:
        raise Usage("bad_shares", most=MOST)
    from shamir_mnemonic import generate_mnemonics

    return list(generate_mnemonics(1, [(threshold, count)], _packed(recovery_key), iteration_exponent=_EXPONENT)[0])


def join(shares: Mapping[str, str]) -> str:
    """The recovery key of enough shares by name; raises Usage, naming those that are known to be wrong."""
    from shamir_mnemonic import MnemonicError, combine_mnemonics

    read = {name: _read(name, text) for name, text in shares.items()}
    _demand_one_split(read)
    once = {share.index: share for share in reversed(read.values())}
    for name, share in read.items():
        if once[share.index].value != share.value:
            other = next(first for first, each in read.items() if each is once[share.index])
            raise Usage("share_twice", file=name, other=other)
    needed = next(iter(once.values())).member_threshold
    if len(once) < needed:
        raise Usage("shares_too_few", count=len(once), needed=needed)
    for some in combinations(once.values(), needed):  # one too many may be a wrong one
        with suppress(MnemonicError, ValueError):
            return _unpacked(combine_mnemonics([share.mnemonic() for share in some]))
    raise Usage("shares_do_not_fit")


def _read(name: str, text: str) -> Share:
    """A share of a recovery key; raises Usage, which quotes nothing of it, as the library's own error would."""
    from shamir_mnemonic import MnemonicError
    from shamir_mnemonic.share import Share

    try:
        share = Share.from_mnemonic(" ".join(text.split()).lower())
    except (MnemonicError, ValueError):
        raise Usage("share_misspelt", file=name) from None
    is_ours = share.group_count == share.group_threshold == 1 and share.iteration_exponent <= _EXPONENT
    if not is_ours or share.member_threshold < 2 or len(share.value) != _BYTES:
        raise Usage("share_of_something_else", file=name)
    return share


def _demand_one_split(read: Mapping[str, Share]) -> None:
    """Raise Usage for shares of another split than most; where none has most, for all of them."""
    splits = Counter(share.group_parameters() for share in read.values())
    most = [split for split, count in splits.items() if count == max(splits.values())]
    if len(splits) > 1:
        strange = [name for name, share in read.items() if len(most) > 1 or share.group_parameters() != most[0]]
        raise Usage("shares_of_other_splits", files=", ".join(strange))


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
