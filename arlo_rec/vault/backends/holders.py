"""Holders of locks: their names, and an end to those who stand still while others wait.

The kernel names the holder of a lock, and so does a small note in the lock file. Others may write to the lock file of a
backup, so a note is hostile text: it is bounded, sanitised, and believed only if the process that it names holds the
lock. A holder without a note is named by process and account. Without /proc no holder is ended.
"""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from arlo_rec.law.messages import clean
from arlo_rec.law.model.records import to_iso
from arlo_rec.law.model.strict_json import canonical, parse_object
from arlo_rec.vault.backends.shared_folder import open_file

NOTE_BYTES = 512
WORD_LONGEST = 60  # characters of a name or a command that are shown
LOCKS_BYTES = 1024 * 1024  # of /proc/locks: some ten thousand locks of the whole machine
YOUNG = 60.0  # seconds that every run has
STILL = 15.0  # seconds without work of a holder that others wait for: an answer of a service takes no longer
STILL_FOR_ERASURE = 3.0  # the same, where no part lies with a service, and the one who waits erases or revokes
WORDS_BYTES = 64 * 1024  # of a command line
LOOK_EVERY = 0.5  # seconds
LOOKED_AT = 1.0  # seconds in which a holder that is only looked at does no work
Detail = dict[str, Any]  # values of an error


def holder_note(name: str, command: str, since: datetime) -> bytes:
    """The note of a holder for the lock file: name, command, process, and since when."""
    words = {"name": name[:WORD_LONGEST], "command": command[:WORD_LONGEST]}
    return canonical({**words, "pid": os.getpid(), "since": to_iso(since)})


def leave_note(handle: int, note: bytes) -> None:
    """Write a note into a lock file whose lock is held; a full disk is no error."""
    with suppress(OSError):
        os.ftruncate(handle, os.pwrite(handle, note[:NOTE_BYTES], 0))


def remove_note(handle: int, note: bytes) -> None:
    """Empty a lock file that still has that note, so that it names no former holder."""
    with suppress(OSError):
        if os.pread(handle, NOTE_BYTES, 0) == note[:NOTE_BYTES]:
            os.ftruncate(handle, 0)


def holder_of(handle: int) -> Detail:
    """The holder of the lock of an open file, as values of an error; empty if unknown."""
    holding = _holding(handle)
    noted = _noted(handle)
    if noted is not None and (noted["pid"] in holding or (not holding and _account(int(noted["pid"])) is not None)):
        return {**noted, "login": _account(int(noted["pid"])) or "?"}
    for pid in holding:
        return {"name": "?", "command": "?", "pid": pid, "since": "?", "login": _account(pid) or "?"}
    return {}


def _noted(handle: int) -> Detail | None:
    try:
        note = parse_object(os.pread(handle, NOTE_BYTES, 0))
        pid, since = note["pid"], datetime.fromisoformat(note["since"])
        words = {key: clean(note[key])[:WORD_LONGEST] for key in ("name", "command")}
        if type(pid) is not int or not 0 < pid < 2**22 + 1 or since.tzinfo is None:
            return None
        return {**words, "pid": pid, "since": to_iso(since)}
    except (OSError, KeyError, TypeError, ValueError, OverflowError):
        return None


def _holding(handle: int) -> list[int]:
    """The processes that hold a lock of the file, by /proc/locks; empty on a system without it."""
    try:
        return [lock.pid for lock in _locks(os.fstat(handle).st_ino) if lock.kind is Kind.FILE]
    except OSError:
        return []


class Kind(StrEnum):
    """The kinds of locks, in the kernel's words."""

    FILE = "FLOCK"  # of a whole file
    RANGE = "POSIX"  # of some bytes: the engine of the catalogue takes these


class _Lock(NamedTuple):
    pid: int
    kind: Kind
    begin: int  # its first byte


def _locks(inode: int) -> Iterator[_Lock]:
    """The held locks of the files with an inode's number, whatever their disk; raises OSError."""
    with Path("/proc/locks").open("rb") as file:
        lines = file.read(LOCKS_BYTES).decode("ascii", "replace").splitlines()
    for line in lines:
        words = line.split()
        if "->" in words or len(words) < 8 or words[1] not in {*Kind}:  # a waiting process has an arrow
            continue
        if words[5].endswith(f":{inode}") and words[4].isdecimal() and words[6].isdecimal() and int(words[4]) > 0:
            yield _Lock(int(words[4]), Kind(words[1]), int(words[6]))


def _account(pid: int) -> str | None:
    """The login account of a running process; None if there is no such process."""
    import pwd

    try:
        uid = Path(f"/proc/{pid}").stat().st_uid
        return clean(pwd.getpwuid(uid).pw_name)[:WORD_LONGEST]
    except KeyError:
        return str(uid)
    except OSError:
        return None


# -- holders that stand still ------------------------------------------------------------------------------


class Every:
    """Something that is done while a run waits for a lock, at most every LOOK_EVERY."""

    def __init__(self, look: Callable[[], object]) -> None:
        self._look, self._next = look, time.monotonic() + LOOK_EVERY

    def look(self) -> None:
        """Do it if it is time."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LOOK_EVERY
            self._look()


class Watch:
    """Ends the runs of this account that stand still while they hold a lock that another run waits for.

    A person who starts a run by sudo can stop it whenever they like: it stays in their control group, which systemd
    hands to them (cgroups(7), delegation). It would hold its lock for good, and no erasure could come. So a run that is
    older than YOUNG, and did no work for some seconds while another waited, is killed. A kill at any moment loses
    nothing and leaves nothing half done.
    """

    def __init__(self, inode: int, patience: float, *, kind: Kind = Kind.FILE, below: int | None = None) -> None:
        """Watch the locks of a file; of RANGE those alone that begin *below* a byte. *patience* in seconds."""
        self._inode, self._patience, self._kind, self._below = inode, patience, kind, below
        self._seen = dict[int, tuple[float, int]]()  # by process: since when it did no work, and its work until then

    def look(self) -> None:
        """Look at the holders; end those who stand still."""
        now = time.monotonic()
        holding = set(self._holders())
        if not holding:
            self._seen.clear()
            return
        processes = _Processes()
        seen, self._seen = self._seen, {}
        for pid in holding - processes.above(os.getpid()):
            work = processes.work(pid)
            since, before = seen.get(pid, (now, work))
            self._seen[pid] = (since if work == before else now, work)
            if work == before and now - since >= self._patience and processes.is_old_run(pid):
                self._end(pid, processes.below(pid))

    def _holders(self) -> Iterator[int]:
        with suppress(OSError):
            for lock in _locks(self._inode):
                if lock.kind is self._kind and (self._below is None or lock.begin < self._below):
                    yield lock.pid

    def _end(self, pid: int, started: frozenset[int]) -> None:
        """Kill a holder, and then what it started, which may have its lock by inheritance."""
        with suppress(OSError, AttributeError):  # another account's, or gone meanwhile
            process = os.pidfd_open(pid)
            try:
                if pid not in set(self._holders()):  # its number may be another process's by now
                    return
                signal.pidfd_send_signal(process, signal.SIGKILL)
            finally:
                os.close(process)
            for other in started:
                with suppress(OSError):
                    os.kill(other, signal.SIGKILL)


def standing(path: Path) -> Detail | None:
    """The run that would be ended if another waited for the lock of a file, and its *age* in seconds; else None.

    It takes LOOKED_AT where a run older than YOUNG holds the lock.
    """
    try:
        handle = open_file(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        before = _Processes()
        old = [pid for pid in _holding(handle) if before.is_old_run(pid)]
        if old:
            time.sleep(LOOKED_AT)
        now = _Processes() if old else before
        for pid in old:
            if pid in _holding(handle) and now.work(pid) == before.work(pid):
                noted = _noted(handle)
                words = noted if noted is not None and noted["pid"] == pid else {"name": "?", "command": "?"}
                by, command = words["name"], words["command"]
                return {"by": by, "command": command, "pid": pid, "login": _account(pid) or "?", "age": now.age(pid)}
    finally:
        os.close(handle)
    return None


class _Process(NamedTuple):
    parent: int
    work: int  # ticks of a processor
    begun: int  # ticks after the machine was started
    waits_for_disk: bool


class _Processes:
    """All processes as they are at one moment, by /proc (proc_pid_stat(5)); those that are hidden are left out."""

    def __init__(self) -> None:
        self._all = dict[int, _Process]()
        self._children = defaultdict[int, list[int]](list)
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError, IndexError):
                with (folder / "stat").open("rb") as file:
                    words = file.read().rpartition(b")")[2].split()
                times = [int(words[at]) for at in (11, 12, 13, 14)]  # its own, and of its children that ended
                self._all[int(folder.name)] = _Process(int(words[1]), sum(times), int(words[19]), words[0] == b"D")
                self._children[int(words[1])].append(int(folder.name))

    def above(self, pid: int) -> frozenset[int]:
        """A process, and those that it comes from."""
        found = set[int]()
        while pid in self._all and pid not in found:
            found.add(pid)
            pid = self._all[pid].parent
        return frozenset(found)

    def below(self, pid: int) -> frozenset[int]:
        """All processes that one started, and they did."""
        found, new = set[int](), [pid]
        while new:
            new = [each for parent in new for each in self._children[parent] if each not in found]
            found.update(new)
        return frozenset(found)

    def work(self, pid: int) -> int:
        """The work of a process and those below it so far; a new number while one waits for a disk."""
        all_of_it = [self._all[each] for each in {pid, *self.below(pid)} if each in self._all]
        return -time.monotonic_ns() if any(one.waits_for_disk for one in all_of_it) else sum(o.work for o in all_of_it)

    def is_old_run(self, pid: int) -> bool:
        """Whether it is a run of this program that is older than YOUNG."""
        try:
            with Path(f"/proc/{pid}/cmdline").open("rb") as file:
                words = file.read(WORDS_BYTES).split(b"\0")
            return self.age(pid) > YOUNG and any(map(_is_program, words))
        except (OSError, KeyError):
            return False

    def age(self, pid: int) -> float:
        """Seconds since a process began."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self._all[pid].begun / os.sysconf("SC_CLK_TCK")


def _is_program(word: bytes) -> bool:
    """Whether a word of a command line is that of this program: its script, or its module."""
    return word.rpartition(b"/")[2] == b"arlo-rec" or b"arlo_rec" in word
