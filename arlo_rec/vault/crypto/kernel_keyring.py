"""The kernel's keyring of a login session (Linux, x86-64 and arm64): secrets kept there for a time, and found again.

Only processes with the session keyring see and read a key (possession); other processes of the account, and other
accounts, do not. The kernel ends a key at its time and with the session's last process, and never swaps it out. It
reckons that time by the wall clock, which can be set back; so each secret has the time since boot before it. A
process without a session keyring gets the one shared by all sessions of its user; that one, and one that others may
link or search, is refused (`demand_own_session`). On other systems `search` finds nothing, and `demand_own_session`
raises.

Source: keyrings(7), session-keyring(7), user-session-keyring(7), keyctl(2), add_key(2); asm/unistd.h for the
numbers. keyctl2 on PyPI (0.2, two months old) is not used: it returns secrets as `bytes`, which cannot be
overwritten.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
import time
from contextlib import suppress
from functools import cache
from typing import Final

BEGINS: Final = "arlo-rec:1:"  # the description of every key of ours
_CALLS: Final = {"x86_64": (248, 250), "aarch64": (217, 219)}  # add_key, keyctl
_PROCESS, _SESSION, _USER, _USER_SESSION = -2, -3, -4, -5  # KEY_SPEC_*_KEYRING
_GET_ID, _SETPERM, _DESCRIBE, _LINK, _UNLINK = 0, 5, 6, 8, 9  # KEYCTL_*
_SEARCH, _READ, _SET_TIMEOUT, _INVALIDATE = 10, 11, 15, 21
_POSSESSOR: Final = 0x1B000000  # KEY_POS_VIEW, _READ, _SEARCH and _LINK; nothing for user, group and others
_MORE_THAN_LOOKING: Final = 0x003C3C3C  # user, group and others: write, search, link, change attributes
_DESCRIPTION_BYTES: Final = 4096  # the kernel's maximum, including the zero
_RING_KEYS: Final = 1000  # examined in a session; an account may have 200 keys by default
_REVOKED: Final = getattr(errno, "EKEYREVOKED", -1)  # after `forget`, until the kernel removes the key
_NOT_THERE: Final = frozenset({errno.ENOSYS, errno.EPERM, errno.EACCES, errno.ENOENT, getattr(errno, "ENOKEY", 0)})
_ENDED: Final = frozenset({getattr(errno, "EKEYEXPIRED", -1), _REVOKED})  # on Linux
_END: Final = struct.Struct(">Q")  # before a secret: when it ends, in nanoseconds since boot, sleep included


class NoOwnSession(Exception):
    """There is no session keyring to keep a secret in; `code` is `unlock_no_keyring` or `unlock_shared_keyring`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class KeyEnded(OSError):
    """A key's time is over, or it was revoked."""


def demand_own_session() -> None:
    """Raise NoOwnSession without a session keyring of this session alone."""
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
    """Make a key for this process alone until `put_into_session`; it ends after *seconds*.

    *secret* is overwritten. Raises OSError, also if the account's quota of keys is used up.
    """
    number = ctypes.c_long(_number(0))
    whole = bytearray(_END.pack(_since_boot() + seconds * 1_000_000_000)) + secret
    held = (ctypes.c_char * len(whole)).from_buffer(whole)
    try:
        words = (ctypes.c_char_p(b"user"), ctypes.c_char_p(description.encode("utf-8")))
        key = _checked(_libc().syscall(number, *words, held, ctypes.c_size_t(len(whole)), ctypes.c_long(_PROCESS)))
    finally:
        del held
        wipe(whole)
        wipe(secret)
    _call(_SET_TIMEOUT, key, seconds)
    _call(_SETPERM, key, _POSSESSOR)
    return key


def put_into_session(key: int) -> None:
    """Give a prepared key to the session, in place of one of the same description; raises OSError."""
    _call(_LINK, key, _SESSION)
    _call(_UNLINK, key, _PROCESS)


def search(description: str) -> int | None:
    """The session's key of that description, by one system call; None if there is none or it was revoked.

    Raises KeyEnded if its time is over.
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
    whole = _control(_READ, key, size=_END.size + most)
    try:
        if len(whole) < _END.size:
            raise OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))
        if _END.unpack_from(whole)[0] <= _since_boot():
            forget(key)
            raise KeyEnded(errno.EKEYEXPIRED, os.strerror(errno.EKEYEXPIRED))
        return whole[_END.size :]
    finally:
        wipe(whole)


def keys_of_session() -> list[tuple[int, str]]:
    """The number and description of every key of the session that this process may see."""
    try:
        ring = _control(_READ, _SESSION, size=4 * _RING_KEYS)
    except OSError:
        return []
    keys = []
    for at in range(0, len(ring) - 3, 4):
        key = int.from_bytes(ring[at : at + 4], sys.byteorder, signed=True)
        with suppress(OSError):  # ended meanwhile
            keys.append((key, _text(_control(_DESCRIBE, key, size=_DESCRIPTION_BYTES)).split(";", 4)[4]))
    return keys


def forget(key: int) -> None:
    """Revoke a key for every process that has it; an ended one is no error."""
    with suppress(OSError):
        _call(_INVALIDATE, key)


def wipe(secret: bytearray) -> None:
    """Overwrite a secret."""
    secret[:] = bytes(len(secret))


def _since_boot() -> int:
    """Nanoseconds, with those in which the machine slept; no clock that is set changes them."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


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
    """The output of keyctl(2) into a buffer of *size* bytes; raises OSError, also if it is longer."""
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
    """The number of one of the user's own rings; None if it is invisible."""
    try:
        return _call(_GET_ID, ring, 0)
    except OSError:
        return None


def _text(raw: bytearray) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")
