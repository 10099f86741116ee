"""A command under strace: which system calls change files below a folder, and a run that is disturbed at one of them.

strace counts the calls of each name, and in each thread, for itself: a disturbance is named by the call and by the
how-manieth of that name it is in its thread. Where two threads come to it, it strikes the first.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.dumpable import PROGRAM
from tests.support.places import TOP

TIMEOUT = 120  # seconds of one run; a hang is a violation
DATA = ("write", "pwrite64", "writev", "pwritev", "ftruncate", "truncate", "fallocate", "sendfile", "copy_file_range")
NAMES = (
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"),
    *("link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "fchown", "chown"),
)
SYNCS = ("fsync", "fdatasync", "sync_file_range", "syncfs", "sync")
OPENS = ("open", "openat", "creat")
WATCHED = (*DATA, *NAMES, *SYNCS, *OPENS)
SENDS = ("sendto", "sendmsg")  # to a server
_LINE = re.compile(r"^(\d+)\s+(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*))$", re.DOTALL)
_ENDED = re.compile(r"^(.*)\)\s+= (-?\w+)(.*)$", re.DOTALL)
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BEHIND = re.compile(r"<((?:[^<>\\]|\\.)*)>")  # what strace -y says of a descriptor


@dataclass(frozen=True, slots=True)
class Syscall:
    """One call as strace saw it."""

    thread: int
    name: str
    nth: int
    words: str
    answer: str

    @property
    def failed(self) -> bool:
        """Whether the kernel refused it, or its end was never seen."""
        return self.answer.startswith("-") or self.answer == "?"

    @property
    def texts(self) -> list[bytes]:
        """What stands between quotes: names, or what was written."""
        return [unquoted(one) for one in _TEXT.findall(self.words)]

    @property
    def behind(self) -> list[str]:
        """The paths of the descriptors among the arguments."""
        bare = _TEXT.sub('""', self.words)
        return [unquoted(one).decode("utf-8", "surrogateescape") for one in _BEHIND.findall(bare)]

    @property
    def paths(self) -> list[str]:
        """Every path that the call is about, absolute."""
        if self.name in (*DATA, *SYNCS, "lseek") and self.name != "truncate":
            return self.behind
        names = [one.decode("utf-8", "surrogateescape") for one in self.texts]
        folders = self.behind or [str(TOP)]
        given = [os.path.normpath(Path(folders[min(i, len(folders) - 1)]) / one) for i, one in enumerate(names)]
        return given or folders

    @property
    def descriptor(self) -> int | None:
        """The number of the descriptor that comes first."""
        found = re.match(r"(\d+)<", self.words)
        return int(found[1]) if found else None

    def changes(self, folder: Path) -> bool:
        """Whether it could change a file below *folder*."""
        if self.name in OPENS and not (self.name == "creat" or re.search(r"O_CREAT|O_TRUNC|O_TMPFILE", self.words)):
            return False
        return self.name == "sync" or any(below(one, folder) for one in self.paths)

    def __str__(self) -> str:
        return f"{self.name}#{self.nth}"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a traced command ended; a status below 0 is the signal that killed it."""

    exit: int
    out: str
    err: str
    calls: list[Syscall]


@dataclass(frozen=True, slots=True)
class Traced:
    """A program that can be run under strace any number of times."""

    program: tuple[str, ...] = PROGRAM
    watched: tuple[str, ...] = WATCHED

    def run(
        self, words: Sequence[str], environment: dict[str, str], log: Path, *strace: str, whole: bool = False
    ) -> Ran:
        """One run; with *whole* the calls carry everything that was written."""
        process = self.start(words, environment, log, *strace, whole=whole)
        return self.ended(process, log)

    def start(
        self, words: Sequence[str], environment: dict[str, str], log: Path, *strace: str, whole: bool = False
    ) -> subprocess.Popen[bytes]:
        """Begin a run; its trace goes to *log*."""
        watched = [*self.watched, "lseek", "exit_group"] if whole else self.watched
        quick = [] if any("signal=" in one for one in strace) else ["--seccomp-bpf"]  # with it no signal is ever sent
        told = ["-xx", "-s", "268435455"] if whole else ["-s", "64"]
        traced = [
            "strace",
            "-f",
            "-qq",
            "-y",
            *quick,
            *told,
            "-o",
            str(log),
            "-e",
            f"trace={','.join(watched)}",
            *strace,
        ]
        return subprocess.Popen(
            [*traced, "--", *self.program, *words],
            env={**os.environ, **environment, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(TOP)},
            cwd=TOP,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def ended(self, process: subprocess.Popen[bytes], log: Path) -> Ran:
        """Wait for a run that was started; one that hangs is killed and told as -999."""
        try:
            out, err = process.communicate(timeout=TIMEOUT)
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            status = -999
        return Ran(status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), parse(log))


def kill_at(call: Syscall) -> tuple[str, ...]:
    """strace's words to kill on entry of a call: it does not happen."""
    return ("-e", f"inject={call.name}:signal=SIGKILL:when={call.nth}")


def fail_at(call: Syscall, error: str) -> tuple[str, ...]:
    """strace's words to have a call fail, once."""
    return ("-e", f"inject={call.name}:error={error}:when={call.nth}")


def stop_at(call: Syscall) -> tuple[str, ...]:
    """strace's words to stop the thread after a call."""
    return ("-e", f"inject={call.name}:signal=SIGSTOP:when={call.nth}")


def parse(log: Path) -> list[Syscall]:
    """The calls of a trace, in the order in which they were entered."""
    return list(_numbered(_raw(log)))


def _raw(log: Path) -> Iterator[Syscall]:
    """In the order of entry, though an end may be told later."""
    found: list[Syscall] = []
    waiting: dict[int, int] = {}
    with log.open(encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            told = _LINE.match(line.rstrip("\n"))
            if not told:
                continue
            thread = int(told[1])
            if told[2]:
                words = told[3]
                if words.endswith("<unfinished ...>"):
                    waiting[thread] = len(found)
                    words = words.removesuffix("<unfinished ...>").rstrip()
                found.append(_with_end(Syscall(thread, told[2], 0, words, "?")))
            elif thread in waiting:
                at = waiting.pop(thread)
                found[at] = _with_end(replace(found[at], words=found[at].words + told[5]))
    yield from found


def _with_end(call: Syscall) -> Syscall:
    ended = _ENDED.match(call.words)
    return replace(call, words=ended[1], answer=ended[2] + ended[3]) if ended else call


def _numbered(calls: Iterator[Syscall]) -> Iterator[Syscall]:
    counts: dict[tuple[int, str], int] = defaultdict(int)
    for call in calls:
        counts[call.thread, call.name] += 1
        yield replace(call, nth=counts[call.thread, call.name])


def unquoted(text: str) -> bytes:
    """What strace put between quotes, as bytes; with -xx every byte is written as `\\x41`."""
    if "\\" not in text:
        return text.encode("utf-8", "surrogateescape")
    if text.startswith("\\x") and len(text) % 4 == 0:
        try:
            return bytes.fromhex(text.replace("\\x", ""))
        except ValueError:
            pass
    return text.encode("latin-1", "replace").decode("unicode_escape").encode("latin-1", "replace")


def below(path: str, folder: Path) -> bool:
    """Whether a path is *folder* or lies in it."""
    return path == str(folder) or path.startswith(f"{folder}/")
