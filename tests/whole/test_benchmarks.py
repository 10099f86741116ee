"""Benchmarks run, at the smallest size: a figure that nobody can take again is none."""

from __future__ import annotations

import pytest

from bench import declined


@pytest.mark.slow
def test_the_benchmark_of_declined_calls_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("COUNTS", (5,)), ("DAY", 6), ("MINUTES", 2)):
        monkeypatch.setattr(declined, name, value)
    told = [*declined.run()]
    assert sum(line.count("met") + line.count("missed") for line in told) == 3
