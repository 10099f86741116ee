"""What the figures were measured on, and how a pair is measured."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

# A process counts as its own the memory of whoever started it, and we may be large: this one is small
_WATCH = """
import resource, subprocess, sys, time
begun = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
print()
print(time.perf_counter() - begun)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
print(used.ru_maxrss)
"""


class NotRun(Exception):
    """A benchmark lacks what it needs here, which is said."""


def at_size(benchmark: ModuleType, size: str) -> Iterator[str]:
    """The lines of a benchmark; its constants are what it names as `MILLION` or `SMALLEST`, or else its own."""
    chosen = getattr(benchmark, size) if size else {}
    with ExitStack() as stack:
        for name, value in chosen.items():
            stack.callback(setattr, benchmark, name, getattr(benchmark, name))
            setattr(benchmark, name, value)
        yield from benchmark.run()


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


class Watched(NamedTuple):
    """What a program printed, its wall and processor seconds, and the largest memory of one of its processes in MB."""

    answer: str
    seconds: float
    cpu: float
    megabytes: float


def watch(words: Sequence[str], environment: Mapping[str, str]) -> Watched:
    """One run of a program that must end well."""
    watched = [sys.executable, "-c", _WATCH, *words]
    done = subprocess.run(watched, env=dict(environment), stdout=subprocess.PIPE, text=True, check=True)
    answer, seconds, cpu, kilobytes = done.stdout.removesuffix("\n").rsplit("\n", 3)
    return Watched(answer.strip(), float(seconds), float(cpu), int(kilobytes) / 1024)


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
