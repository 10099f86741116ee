"""The kernel's keyring of a login session (Linux, x86-64 and arm64): keep a secret there for a time, and find it again.

A key is visible and readable to those processes alone that have it by their session keyring (possession); other
processes of the same account, and other accounts, may not even see it. The kernel ends it at its time and with the last
process of the session, and never writes it to a swap file. A process that has no session keyring gets the one that all
sessions of its user share; that one, and one that others may link or search, is refused (`demand_own_session`).

Nothing here is for another system: `search` then finds nothing, and `demand_own_session` raises.

Source: keyrings(7), session-keyring(7), user-session-keyring(7), keyctl(2), add_key(2); asm/unistd.h for the numbers.
keyctl2 on PyPI (0.2, two months old) is not used: it hands out secrets as `bytes`, which nobody can overwrite.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from contextlib import suppress
from functools import cache
from typing import Final

BEGINS: Final = "arlo-rec:1:"  # the description of every key of ours
_CALLS: Final = {"x86_64": (248, 250), "aarch64": (217, 219)}  # add_key, keyctl
_PROCESS, _SESSION, _USER, _USER_SESSION = -2, -3, -4, -5  # KEY_SPEC_*_KEYRING
_GET_ID, _JOIN_SESSION, _SETPERM, _DESCRIBE, _LINK, _UNLINK = 0, 1, 5, 6, 8, 9  # KEYCTL_*
_SEARCH, _READ, _SET_TIMEOUT, _INVALIDATE = 10, 11, 15, 21
_POSSESSOR: Final = 0x1B000000  # KEY_POS_VIEW, _READ, _SEARCH and _LINK; nothing for user, group and others
_MORE_THAN_LOOKING: Final = 0x003C3C3C  # user, group and others: write, search, link, change attributes
_DESCRIPTION_BYTES: Final = 4096  # the longest that the kernel takes, and its zero
_RING_KEYS: Final = 1000  # of a session that are looked at; an account may have 200 keys unless told otherwise
_REVOKED: Final = getattr(errno, "EKEYREVOKED", -1)  # of `forget`, until the kernel takes the key out of its rings
_NOT_THERE: Final = frozenset({errno.ENOSYS, errno.EPERM, errno.EACCES, errno.ENOENT, getattr(errno, "ENOKEY", 0)})
_ENDED: Final = frozenset({getattr(errno, "EKEYEXPIRED", -1), _REVOKED})  # Linux has them


class NoOwnSession(Exception):
    """There is no session keyring to keep a secret in; `code` is `unlock_no_keyring` or `unlock_shared_keyring`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class KeyEnded(OSError):
    """A key was there, and its time is over or it was revoked."""


def demand_own_session() -> None:
    """Raise NoOwnSession where this process has no session keyring that is its session's alone."""
    try:
        about = _text(_control(_DESCRIBE, _SESSION, size=_DESCRIPTION_BYTES))
        ring = _call(_GET_ID, _SESSION, 0)
        shared = {_id_of(_USER_SESSION), _id_of(_USER)}
    except OSError:
        raise NoOwnSession("unlock_no_keyring") from None
    _, owner, _, rights, _ = about.split(";", 4)
    if ring in shared or int(owner) != os.getuid() or int(rights, 16) & _MORE_THAN_LOOKING:
        raise NoOwnSession("unlock_shared_keyring")


def prepare(description: str, secret: bytearray, seconds: int) -> int:
    """Make a key that only this process has, until `put_into_session`, and that ends after *seconds*.

    *secret* is overwritten. Raises OSError, also where the account's quota of keys is used up.
    """
    number = ctypes.c_long(_number(0))
    held = (ctypes.c_char * len(secret)).from_buffer(secret)
    try:
        words = (ctypes.c_char_p(b"user"), ctypes.c_char_p(description.encode("utf-8")))
        key = _checked(_libc().syscall(number, *words, held, ctypes.c_size_t(len(secret)), ctypes.c_long(_PROCESS)))
    finally:
        del held
        wipe(secret)
    _call(_SET_TIMEOUT, key, seconds)
    _call(_SETPERM, key, _POSSESSOR)
    return key


def put_into_session(key: int) -> None:
    """Give a prepared key to the session, in place of one of the same description; raises OSError."""
    _call(_LINK, key, _SESSION)
    _call(_UNLINK, key, _PROCESS)


def search(description: str) -> int | None:
    """The session's key of that description, by one system call; None where there is none, or it was forgotten.

    Raises KeyEnded where its time is over.
    """
    if sys.platform != "linux":
        return None
    words = (ctypes.c_char_p(b"user"), ctypes.c_char_p(description.encode("utf-8")))
    try:
        return _call(_SEARCH, _SESSION, *words, 0)
    except OSError as error:
        if error.errno in _NOT_THERE or error.errno == _REVOKED:
            return None
        raise


def read(key: int, most: int) -> bytearray:
    """A key's secret, of at most *most* bytes, to be wiped by the caller; raises KeyEnded or OSError."""
    return _control(_READ, key, size=most)


def keys_of_session() -> list[tuple[int, str]]:
    """The number and description of every key of the session that this process may see."""
    try:
        ring = _control(_READ, _SESSION, size=4 * _RING_KEYS)
    except OSError:
        return []
    found = []
    for at in range(0, len(ring) - 3, 4):
        key = int.from_bytes(ring[at : at + 4], sys.byteorder, signed=True)
        with suppress(OSError):  # ended meanwhile
            found.append((key, _text(_control(_DESCRIBE, key, size=_DESCRIPTION_BYTES)).split(";", 4)[4]))
    return found


def forget(key: int) -> None:
    """End a key at once, for every process that has it; none that has ended is no error."""
    with suppress(OSError):
        _call(_INVALIDATE, key)


def leave_session() -> None:
    """Join a new, empty session keyring, alone: this process, and what it starts, has no key of the old one any more.

    For processes that read what others wrote. Where the system has no keyrings, there is nothing to leave.
    """
    with suppress(OSError):
        _call(_JOIN_SESSION, None)


def wipe(secret: bytearray) -> None:
    """Overwrite a secret."""
    secret[:] = bytes(len(secret))


# -- system calls -------------------------------------------------------------------------------------


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def _number(column: int) -> int:
    numbers = _CALLS.get(platform.machine()) if sys.platform == "linux" else None
    if numbers is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return numbers[column]


def _call(operation: int, *arguments: int | ctypes.c_char_p | ctypes.Array[ctypes.c_char] | None) -> int:
    """Call keyctl(2); raises OSError."""
    number = _number(1)
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return _checked(_libc().syscall(ctypes.c_long(number), ctypes.c_long(operation), *words))


def _checked(result: int) -> int:
    if result < 0 and ctypes.get_errno() in _ENDED:
        raise KeyEnded(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _control(operation: int, key: int, *, size: int) -> bytearray:
    """The bytes that keyctl(2) writes into a buffer of *size* bytes; raises OSError, also where it is more."""
    content = bytearray(size)
    buffer = (ctypes.c_char * size).from_buffer(content)
    try:
        length = _call(operation, key, buffer, size)
    finally:
        del buffer
    if length > size:
        wipe(content)
        raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
    del content[length:]
    return content


def _id_of(ring: int) -> int | None:
    """The number of one of the user's own rings; None where it cannot be seen."""
    try:
        return _call(_GET_ID, ring, 0)
    except OSError:
        return None


def _text(raw: bytearray) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")
