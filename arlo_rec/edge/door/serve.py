"""The server's end of the door: one command of one person, done as the account that owns the store.

systemd, sshd or sudo starts it, and names the person. It holds the person's secret for one command, cannot be read by
other processes of its account (`processes.hardening`), and leaves nothing. Descriptors 0 and 1 are the door; the
command's standard streams are the person's terminal at the other end.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from arlo_rec.edge.config import kept
from arlo_rec.edge.door import frames, seats
from arlo_rec.edge.door.calls import Door, ServersLink
from arlo_rec.edge.door.client import Client, Guest, Serving
from arlo_rec.edge.door.frames import PIECE, Broken, Link, OtherVersion
from arlo_rec.edge.door.remote import RemoteClient
from arlo_rec.edge.door.words import has_one_answer, sent
from arlo_rec.law.model.errors import ArloError, Interrupted, InUse, Lost, Unreachable, Usage
from arlo_rec.sound.processes import hardening


class _Stream(io.RawIOBase):
    """A standard stream of the person's machine."""

    def __init__(self, door: Door, *, is_terminal: bool) -> None:
        super().__init__()
        self._door, self._is_terminal = door, is_terminal

    def isatty(self) -> bool:
        """Whether it is a terminal there."""
        return self._is_terminal


class _Stdin(_Stream):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        _, data = self._door.call("stdin", most=min(len(buffer), PIECE))
        if len(data) > len(buffer):
            raise Lost
        buffer[: len(data)] = data
        return len(data)


class _Stdout(_Stream):
    """A stream whose writes wait for the other end, so that a full disk there is a failure here.

    An answer that the front holds fails there alone, when all else is done. Ctrl-C comes too late for it.
    """

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data[:PIECE])
        self._door.link.is_answered = self._door.has_one_answer
        try:
            self._door.call("stdout", piece)
        except Unreachable as problem:  # no file of ours
            raise OSError(errno.EIO, str(problem.detail.get("reason", ""))) from None
        return len(piece)


class _Stderr(_Stream):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data[:PIECE])
        with suppress(Broken):
            self._door.link.send(frames.STDERR, piece)
        return len(piece)


def streams(door: Door, order: Mapping[str, Any]) -> tuple[io.TextIOWrapper, io.TextIOWrapper, io.TextIOWrapper]:
    """Stdin, stdout and stderr of the person, in their machine's encoding."""
    terminals, codings = order["terminals"], order["encodings"]
    stdin, stdout, stderr = (
        made(door, is_terminal=bool(is_one)) for made, is_one in zip((_Stdin, _Stdout, _Stderr), terminals, strict=True)
    )
    (in_code, in_errors), (out_code, out_errors), (err_code, err_errors) = codings
    return (
        io.TextIOWrapper(io.BufferedReader(stdin), encoding=in_code, errors=in_errors),
        io.TextIOWrapper(io.BufferedWriter(stdout, PIECE), encoding=out_code, errors=out_errors),
        io.TextIOWrapper(io.BufferedWriter(stderr), encoding=err_code, errors=err_errors, line_buffering=True),
    )


Run = Callable[[Sequence[str], Client], int]  # runs a command for a client; its exit status
EndedBy = Callable[[BaseException, list[str]], int]  # says what ended a command; the exit status
MOST_WORDS: Final = 4096
WORD_LONGEST: Final = 8192  # characters: two paths
SEND_WAIT: Final = 60.0  # seconds
ORDER_WAIT: Final = 60  # seconds
HURRY: Final = 5  # the same, of a door that is one too many
_SCREEN: Final = {"TERM": "term", "NO_COLOR": "no_color", "COLUMNS": "columns", "LINES": "lines", "LANG": "lang"}
_LANGUAGE: Final = ("LC_ALL", "LC_MESSAGES", "LANGUAGE")


def guest_of(person: str | None, environment: Mapping[str, str], *, by_socket: bool = False) -> Guest:
    """The guest of the door: the named person, else the account that connected to the socket, or that started sudo.

    Raises Usage without any. A door by ssh must name a person: the client could set an account in its environment.
    """
    if by_socket:
        return Guest(None, _account_of_peer())
    account = environment.get("SUDO_USER")
    if person is None and (not account or "SSH_CONNECTION" in environment):
        raise Usage("serve_for_nobody")
    return Guest(person, account)


def serve(serving: Serving, run: Run, ended_by: EndedBy) -> int:
    """Do the front's order from stdin and stdout; the exit status, which is also sent to the front.

    Raises Usage if it was not started by a front.
    """
    guest = guest_of(serving.person, os.environ, by_socket=serving.by_socket)
    if not serving.by_socket:
        _take_own_terms(by_sudo=guest.account is not None)
    if sys.stdin.isatty():
        raise Usage("serve_by_hand")
    hardening.forbid_core_dumps()
    link = ServersLink(*_door(), is_front=False)
    with suppress(OSError):
        os.setsid()  # no key pressed at the person's terminal reaches this but through the door
    signal.signal(signal.SIGINT, link.pressed)  # sudo may have started this with it ignored
    named = {"ARLO_REC_STORE": serving.store, "ARLO_REC_CONFIG": serving.config}
    os.environ.update({name: text for name, text in named.items() if text is not None})
    has_seat = _has_seat(serving, str(guest))
    try:
        signal.alarm(ORDER_WAIT if has_seat else HURRY)  # which ends this process
        link.greet()
        link.demand_greeting()
        order = _order(link)
        signal.alarm(0)
    except OtherVersion:
        raise Usage("door_version") from None
    except Broken:
        return Usage.exit_status
    if not has_seat:
        full = InUse("doors_full", guest=str(guest), most=seats.SEATS)
        return _obey(order, link, guest, lambda words, _client: ended_by(full, list(words)))
    return _obey(order, link, guest, run)


def _has_seat(serving: Serving, who: str) -> bool:
    """Whether this door is none too many for its person; True where no store is named, which the command tells."""
    store = os.environ.get("ARLO_REC_STORE") or kept(serving.config, os.environ).text("store")
    return store is None or seats.take(Path(store), who)


def _account_of_peer() -> str:
    """The account at the other end of the socket that is descriptor 0, by the kernel (unix(7), SO_PEERCRED)."""
    import pwd
    import socket
    import struct

    credentials = struct.Struct("3i")  # process, account, group
    try:
        with socket.socket(fileno=os.dup(0)) as connection:
            told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
        return pwd.getpwuid(credentials.unpack(told)[1]).pw_name
    except (OSError, KeyError, AttributeError, struct.error):
        raise Usage("serve_for_nobody") from None


def _take_own_terms(*, by_sudo: bool) -> None:
    """Give up what a person's process left to this one; raises Unreachable for what cannot be given up.

    Under a limit of file sizes notes would not be written; with a low priority a lock would be held for long.
    """
    import resource

    if resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY:
        raise Unreachable("serve_limited")
    os.umask(0o077)
    os.environ.pop("TZ", None)
    time.tzset()
    if not by_sudo:
        return
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:  # noqa: PTH123 - proc(5)
        score.write("0")
    try:
        if hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) != os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        if os.getpriority(os.PRIO_PROCESS, 0) > 0:
            os.setpriority(os.PRIO_PROCESS, 0, 0)
    except PermissionError:
        raise Unreachable("serve_slowed") from None


def _obey(order: Mapping[str, Any], link: ServersLink, guest: Guest, run: Run) -> int:
    door = Door(link, has_one_answer=has_one_answer(order["words"]))
    client = RemoteClient(door, guest, order)
    os.environ.update({name: str(order[key]) for name, key in _SCREEN.items() if order[key]})
    for name in (*_LANGUAGE, *(name for name, key in _SCREEN.items() if not order[key])):
        os.environ.pop(name, None)
    sys.stdin, sys.stdout, sys.stderr = streams(door, order)
    try:
        door.open()
        status = run(order["words"], client)
    except KeyboardInterrupt:  # while the command was told to have ended
        status = Interrupted.exit_status
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the front leaves
    with suppress(ArloError):
        client.states.send()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ArloError, KeyboardInterrupt):
            stream.flush()
    with suppress(Broken):
        link.send(frames.END, bytes([status]))
    return status


def _door() -> tuple[io.BufferedReader, _Outwards]:
    """Descriptors 0 and 1 under other numbers; from now on their own numbers lead to no file."""
    inwards, outwards = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nothing, number)
    os.close(nothing)
    return open(inwards, "rb"), _Outwards(outwards)  # noqa: PTH123 - for the whole process


class _Outwards:
    """The pipe to the front; after SEND_WAIT without progress the front counts as gone, so that no lock is held up."""

    def __init__(self, number: int) -> None:
        self._number = number

    def write(self, data: bytes | memoryview) -> int:
        """Write as many bytes as the pipe takes without waiting (POSIX: PIPE_BUF); raises OSError."""
        if not select.select([], [self._number], [], SEND_WAIT)[1]:
            raise TimeoutError
        return os.write(self._number, data[: select.PIPE_BUF])


def _order(link: Link) -> dict[str, Any]:
    """The order of the front: the words and its machine; raises Broken for an invalid one."""
    frame = link.receive()
    if frame.kind != frames.ORDER:
        raise Broken
    order, _ = frames.unpacked(frame.body)
    forms: Mapping[str, Callable[[Any], bool]] = {
        "words": lambda value: (
            _are_texts(value) and len(value) <= MOST_WORDS and max(map(len, value), default=0) <= WORD_LONGEST
        ),
        "personal": lambda value: isinstance(value, dict) and _are_texts(list(value.values())),
        "terminals": lambda value: isinstance(value, list) and len(value) == 3,
        "encodings": lambda value: isinstance(value, list) and len(value) == 3 and all(map(_is_coding, value)),
        "columns": _is_size,
        "lines": _is_size,
        **{name: _is_text for name in ("term", "no_color", "lang")},
    }
    if not all(name in order and is_right(order[name]) for name, is_right in forms.items()):
        raise Broken
    if sent(order["words"]) != order["words"]:  # the server sets the store and the settings
        raise Broken
    return order


def _is_text(value: object) -> bool:
    """Whether a value is a text that a command line can hold."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _is_size(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9]{1,4}", value, re.ASCII) is not None


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_coding(value: object) -> bool:
    """Whether Python knows a stream's encoding and its way of treating errors."""
    if not (_are_texts(value) and isinstance(value, list) and len(value) == 2):
        return False
    try:
        "é".encode(value[0], "replace")
        codecs.lookup_error(value[1])
    except (LookupError, ValueError):
        return False
    return True
