"""Runs inputs one by one with a time limit, and tells each place where something went wrong once.

A parser that hangs inside C is not reached by the signal; `faulthandler` ends the process then and shows where.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

LIMIT = 2.0  # seconds of this process that one input may take, however busy the machine is
PATIENCE = 20.0  # seconds after which whatever waits for anything else is stuck
_STUCK = 60.0  # seconds after which the process is ended where no signal arrives


class TooLong(BaseException):
    """An input took longer than LIMIT; nothing of the program catches it."""


@dataclass
class Report:
    """What came of many inputs."""

    name: str
    inputs: int = 0
    taken: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_number: int = 0
    findings: dict[str, tuple[int, str]] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line of figures, and one for each finding."""
        slowest = f"slowest {self.slowest * 1000:.0f} ms (input {self.slowest_number})"
        lines = [f"{self.name}: {self.inputs} inputs in {self.seconds:.1f} s, {self.taken} taken, {slowest}"]
        lines += [f"  input {number}: {where}: {what}" for where, (number, what) in self.findings.items()]
        return "\n".join(lines)

    def note(self, number: int, raw: bytes, problem: BaseException) -> None:
        """Keep the first input that leads to this place; one that takes too long is told by where it was."""
        frames = traceback.extract_tb(problem.__traceback__)
        ours = [one for one in frames if "/arlo_rec/" in one.filename] or frames
        file = ours[-1].filename.rpartition("arlo_rec/")[2]
        where = f"{type(problem).__name__} at {file}:{ours[-1].lineno} {ours[-1].name}"
        self.findings.setdefault(where, (number, f"{str(problem)[:500]}\n    {raw[:200]!r}"))


@contextmanager
def limited() -> Iterator[None]:
    """Raise TooLong where it takes longer: LIMIT of this process's own time, or PATIENCE of waiting for anything."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, give_up), signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before[0])
        signal.signal(signal.SIGPROF, before[1])


def judged(name: str, numbers: Iterable[int], make: Callable[[int], bytes], use: Callable[[bytes], bool]) -> Report:
    """Use every input; *use* tells whether it was taken.

    Whatever it raises is a finding, and so is an input that takes longer than LIMIT.
    """
    report = Report(name)
    for number in numbers:
        raw = make(number)
        if report.inputs % 50 == 0:
            faulthandler.dump_traceback_later(_STUCK, exit=True, file=sys.__stderr__)
        begun = time.process_time()
        try:
            with limited():
                report.taken += use(raw)
        except (Exception, TooLong) as problem:  # noqa: BLE001 - all of it is a finding
            report.note(number, raw, problem)
        took = time.process_time() - begun
        if took > LIMIT:
            report.findings.setdefault("too long", (number, f"{took:.1f} s\n    {raw[:200]!r}"))
        report.inputs += 1
        report.seconds += took
        if took > report.slowest:
            report.slowest, report.slowest_number = took, number
    faulthandler.cancel_dump_traceback_later()
    return report
