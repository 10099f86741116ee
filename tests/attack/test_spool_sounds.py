"""The spool writer, whose crafted sound took over a process that decodes or hears: each call that would help."""

from __future__ import annotations

import fcntl
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from arlo_rec.engines.dask import confinement
from arlo_rec.words import engine_process
from tests.support import needs
from tests.support.places import TOP

pytestmark = [
    needs.mark(needs.call_filter()),
]
COLUMN = 0 if platform.machine() == "x86_64" else 1
CALLS = {  # name -> what is passed on; everything that is asked of a file is asked of one that is open for reading
    "setxattr": "b'note', b'user.heard', b'words', 5, 0",
    "fsetxattr": "note, b'user.heard', b'words', 5, 0",
    "fremovexattr": "note, b'user.heard'",
    "fchmod": "note, 0o4777",
    "fchown": "note, -1, -1",
    "utimensat": "note, 0, 0, 0",
    "flock": "note, 2",
    "mq_open": "b'heard', 0o102, 0o600, 0",
    "mq_unlink": "b'heard'",
    "add_key": "b'user', b'heard', b'words', 5, -4",
    "request_key": "b'user', b'heard', 0, -4",
    "keyctl": "0, -4, 1",
    "shmget": "0, 4096, 0o1600",
    "semget": "0, 1, 0o1600",
    "msgget": "0, 0o1600",
    "kill": "parent, 9",
    "tkill": "parent, 9",
    "rt_sigqueueinfo": "parent, 9, 0",
    "setpriority": "0, parent, 19",
    "inotify_init1": "0",
    "unshare": "0x10000000",
    "userfaultfd": "0",
    "perf_event_open": "0, 0, -1, -1, 0",
    "bpf": "0, 0, 0",
    "name_to_handle_at": "-100, b'note', 0, 0, 0",
    "splice": "note, 0, 1, 0, 1, 0",
}
ARGUED = {  # calls that are left to the process for itself, or for reading alone
    "signal another process": (engine_process.OF_ITSELF["tgkill"][0], "parent, parent, 9"),
    "limit another process": (engine_process.OF_ITSELF["prlimit64"][0], "parent, 0, limit, 0"),
    "type into a terminal": (engine_process.TERMINAL["ioctl"][0], "0, 0x5412, b'x'"),
    "lock a file": (engine_process.CONTROLLING["fcntl"][0], f"note, {fcntl.F_SETLK}, lock"),
    "have somebody signalled": (engine_process.CONTROLLING["fcntl"][0], f"note, {fcntl.F_SETOWN}, parent"),
    "a call of next year": ((500, 500), "0"),
    "pidfd_send_signal": ((424, 424), "3, 9, 0, 0"),
    "pidfd_open": ((434, 434), "parent, 0"),
    "setxattrat": ((463, 463), "-100, b'note', 0, b'user.heard', 0, 0"),
    "fchmodat2": ((452, 452), "-100, b'note', 0o4777, 0"),
    "io_uring_setup": ((425, 425), "1, 0"),
}
PROGRAM = """
import ctypes, errno, os, sys, threading
sys.path.insert(0, sys.argv[1])
os.chdir(sys.argv[2])
note = os.open("note", os.O_RDONLY)
parent = os.getppid()
libc = ctypes.CDLL(None, use_errno=True)
limit, lock = ctypes.create_string_buffer(bytes(16)), ctypes.create_string_buffer(bytes(32))
if sys.argv[3] == "hearing":
    from arlo_rec.words.engine_process import confine
    confine()
elif sys.argv[3] == "decoding":
    from arlo_rec.sound.processes.hardening import Limits, confine
    confine(Limits(20, 1 << 30))
done = libc.syscall(int(sys.argv[4]), *eval("(" + sys.argv[5] + ",)"))
os.write(1, (errno.errorcode[ctypes.get_errno()] if done == -1 else "allowed").encode())
"""
EVERY = {name: (engine_process.REFUSED[name], words) for name, words in CALLS.items()} | ARGUED


def tried(folder: Path, confined: str, number: int, words: str) -> str:
    note = folder / "note"
    note.write_bytes(b"")
    words_of = [sys.executable, "-I", "-c", PROGRAM, str(TOP), str(folder), confined, str(number), words]
    done = subprocess.run(words_of, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode >= 0, done
    return done.stdout


@pytest.mark.parametrize("confined", ["hearing", "decoding"])
@pytest.mark.parametrize("name", EVERY)
def test_a_process_that_was_taken_over_cannot(tmp_path: Path, name: str, confined: str) -> None:
    numbers, words = EVERY[name]
    if numbers[COLUMN] != engine_process.NONE:
        assert tried(tmp_path, confined, numbers[COLUMN], words) == "EPERM"


@pytest.mark.parametrize("name", ["fsetxattr", "mq_open", "flock", "fchmod", "lock a file"])
def test_without_the_filter_it_could(tmp_path: Path, name: str) -> None:
    """So that a call that fails for another reason is not taken for one that is refused."""
    numbers, words = EVERY[name]
    told = tried(tmp_path, "free", numbers[COLUMN], words)
    assert told != "EPERM"
    if name == "mq_open" and told == "allowed":
        subprocess.run([sys.executable, "-c", UNLINK], check=True)


UNLINK = f"import ctypes; ctypes.CDLL(None).syscall({engine_process.REFUSED['mq_unlink'][COLUMN]}, b'heard')"


def test_what_the_process_does_with_itself_is_left_to_it(tmp_path: Path) -> None:
    for words, number in ((f"0, {7}, 0, limit", "prlimit64"), ("os.getpid(), threading.get_native_id(), 0", "tgkill")):
        assert tried(tmp_path, "hearing", engine_process.OF_ITSELF[number][0][COLUMN], words) == "allowed"
    reading = engine_process.OPENING["openat"][0][COLUMN]
    assert tried(tmp_path, "hearing", reading, "-100, b'note', 0, 0") == "allowed"


@pytest.mark.parametrize(
    ("header", "column"),
    [("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 0), ("/usr/include/asm-generic/unistd.h", 1)],
)
def test_the_numbers_are_those_of_the_kernel(header: str, column: int) -> None:
    needs.demand(needs.file(header, "linux-libc-dev"))
    told = dict(re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", Path(header).read_text(), re.MULTILINE))
    argued = (engine_process.OPENING, engine_process.CONTROLLING, engine_process.TERMINAL, engine_process.OF_ITSELF)
    by_argument = ({name: call[0] for name, call in table.items()} for table in (*argued, confinement.CONDITIONS))
    tables = [engine_process.REFUSED, confinement.ALLOWED, *by_argument]
    for table in tables:
        for name, numbers in table.items():
            assert int(told.get(name, engine_process.NONE)) == numbers[column], name
    known = {name: int(told[name]) for name in engine_process.KNOWN if name in told}
    assert known == {name: number for name, number in engine_process.KNOWN.items() if name in told}
