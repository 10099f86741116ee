"""What a run tried: a count of every reason for which it skipped, and a file with which another run does the rest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest


def place(location: tuple[str, int | None, str]) -> str:
    """The name of a test, the same with and without other processes: pytest-xdist adds the group to its node id."""
    return f"{location[0]}::{location[2]}"


class Tried:
    """A plugin of the process that collects the reports; *ran* is the file that names the tests that ran."""

    def __init__(self, ran: Path | None) -> None:
        self._file, self._ran = ran, set[str]()
        self._reasons = Counter[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test that was skipped, or name one whose body ran."""
        if report.skipped and isinstance(report.longrepr, tuple | list):
            self._reasons[str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
        elif report.when == "call":
            self._ran.add(place(report.location))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A line for each reason, the commonest first, and their sum."""
        if self._reasons:
            terminalreporter.section("skipped on this machine")
            for reason, count in self._reasons.most_common():
                terminalreporter.write_line(f"{count:>6}  {reason}")
            terminalreporter.write_line(f"{self._reasons.total():>6}  in all")

    def pytest_sessionfinish(self) -> None:
        """Write the names of what ran."""
        if self._file is not None:
            self._file.write_text("".join(f"{name}\n" for name in sorted(self._ran)), "utf-8")


def those_of(items: list[pytest.Item], ran: Path) -> set[pytest.Item]:
    """The tests that ran according to a file of `Tried`."""
    named = set(ran.read_text("utf-8").splitlines())
    return {item for item in items if place(item.location) in named}
