"""What the figures were measured on, and how a pair is measured."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class NotRun(Exception):
    """A benchmark lacks what it needs here, which is said."""


def most(measured: float, limit: float, unit: str = "") -> str:
    """A limit that is not to be passed, and whether it is kept: what `bench` counts at the end."""
    return f"at most {limit:g}{unit}: {_met(measured <= limit)}"


def least(measured: float, limit: float, unit: str = "") -> str:
    """A limit that is to be reached, and whether it is."""
    return f"at least {limit:g}{unit}: {_met(measured >= limit)}"


def _met(yes: bool) -> str:
    return "met" if yes else "missed"


def describe() -> str:
    """Processor, cores, kernel, Python."""
    cpu = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    return (
        f"{cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def cpu_seconds(words: Sequence[str], environment: Mapping[str, str]) -> float:
    """User and system time of one run of a program that must end well, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, env=dict(environment), stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pairs(ours: Callable[[], float], peer: Callable[[], float], times: int) -> tuple[float, float, float]:
    """Medians of both and of the ratio, over alternating runs (the first pair is not counted)."""
    ones, peers = [], []
    for count in range(times + 1):
        first, second = (ours, peer) if count % 2 else (peer, ours)
        results = {first: first(), second: second()}
        if count:
            ones.append(results[ours])
            peers.append(results[peer])
    ratio = statistics.median(a / b for a, b in zip(ones, peers, strict=True))
    return statistics.median(ones), statistics.median(peers), ratio
