"""Benchmarks run, at the smallest size: a figure that nobody can take again is none."""

from __future__ import annotations

import pytest

from bench import machine
from bench.__main__ import ALL
from tests.support import needs


@pytest.mark.slow
@pytest.mark.xdist_group("benchmarks")
@pytest.mark.parametrize("name", ALL)
def test_each_benchmark_runs_and_says_figures(name: str) -> None:
    try:
        told = [*machine.at_size(ALL[name], "SMALLEST")]
    except machine.NotRun as lacking:
        needs.demand(str(lacking))
    else:
        assert any(any(sign.isdecimal() for sign in line) for line in told)


def test_a_benchmark_is_of_its_own_size_again_when_it_was_tried_at_another() -> None:
    seek = ALL["seek"]
    whole = seek.PLACES
    assert any("2 random places" in line for line in machine.at_size(seek, "SMALLEST"))
    assert whole == seek.PLACES
