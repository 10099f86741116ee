"""The use of memory, time and services on this machine: /proc, /sys, adjtimex(2) and systemctl.

It only reads. What another system than Linux does not tell is None or empty.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES: Final = 512  # of `struct timex`, which has 208; the first word is the mode, and 0 only reads
_WAIT_S: Final = 10
_SYSTEMD: Final = Path("/run/systemd/system")  # sd_booted(3)


class Unit(NamedTuple):
    """A unit of systemd."""

    name: str
    is_loaded: bool
    is_active: bool
    has_failed: bool
    mounts: frozenset[str]  # paths of RequiresMountsFor


def swaps() -> list[str]:
    """The swap spaces that keep memory in clear on a disk: no zram, and none that dm-crypt encrypts."""
    rows = [line.split() for line in _text("/proc/swaps").splitlines()[1:]]
    return [row[0] for row in rows if row and not _is_encrypted(os.path.realpath(row[0]))]


def _is_encrypted(device: str) -> bool:
    name = os.path.basename(device)  # noqa: PTH119 - of a path that the kernel wrote
    return name.startswith("zram") or _text(f"/sys/class/block/{name}/dm/uuid").startswith("CRYPT-")


def hibernates() -> bool:
    """Whether the machine can write its memory to a disk and stop."""
    resumes_from = _text("/sys/power/resume").strip()
    return "disk" in _text("/sys/power/state").split() and resumes_from not in {"", "0:0"}


def core_pattern() -> str:
    """Where the kernel puts the memory of a program that crashed."""
    return _text("/proc/sys/kernel/core_pattern").strip()


def is_clock_synchronised() -> bool | None:
    """Whether a time service keeps the clock; None where the system does not say."""
    if sys.platform != "linux":
        return None
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def has_systemd() -> bool:
    """Whether systemd runs this machine."""
    return _SYSTEMD.is_dir()


def units(names: list[str]) -> list[Unit] | None:
    """The state of units; None where systemd does not answer, as an account without D-Bus finds it."""
    keys = ("Id", "LoadState", "ActiveState", "Result", "RequiresMountsFor")
    command = ["systemctl", "show", f"--property={','.join(keys)}", "--", *names]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_WAIT_S, check=False)  # noqa: S603 - our words
    except (OSError, subprocess.TimeoutExpired):
        return None
    told = []
    for part in done.stdout.decode("utf-8", "replace").strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in part.splitlines() if "=" in line)
        if values.get("Id"):
            has_failed = values.get("ActiveState") == "failed" or values.get("Result", "success") != "success"
            is_loaded, is_active = values.get("LoadState") == "loaded", values.get("ActiveState") == "active"
            mounts = frozenset(values.get("RequiresMountsFor", "").split())
            told.append(Unit(values["Id"], is_loaded, is_active, has_failed, mounts))
    return told or None


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""
