"""The last day for the answer to an access request, against dates that other code computed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.deadlines import answer_due, is_holiday
from tests.support.each import each

pytestmark = pytest.mark.rule("access.subject")
VECTORS = Path(__file__).parents[2] / "vectors" / "deadlines.txt"
ROWS = [line.split()[:4] for line in VECTORS.read_text("ascii").splitlines() if line and not line.startswith("#")]
DAYS = st.dates(date(2000, 1, 1), date(2099, 1, 1))


@each(("received", "stood_still", "extended", "due"), ROWS)
def test_the_last_day_is_that_of_the_vector(received: str, stood_still: str, extended: str, due: str) -> None:
    day = answer_due(date.fromisoformat(received), stood_still=int(stood_still), extended=extended == "extended")
    assert day.isoformat() == due


def test_there_are_as_many_vectors_as_the_subject_needs() -> None:
    assert len(ROWS) >= 80


@given(DAYS, st.integers(0, 60), st.booleans())
def test_the_last_day_is_always_a_working_day_and_never_sooner_than_its_period(
    received: date, stood_still: int, extended: bool
) -> None:
    due = answer_due(received, stood_still=stood_still, extended=extended)
    assert due.weekday() < 5
    assert not is_holiday(due)
    shortest = 89 if extended else 28
    assert timedelta(shortest + stood_still) <= due - received <= timedelta(shortest + 3 + stood_still + 7)


@given(DAYS)
def test_an_extension_moves_the_last_day_and_a_check_of_identity_never_shortens_it(received: date) -> None:
    assert answer_due(received) < answer_due(received, extended=True)
    assert answer_due(received) <= answer_due(received, stood_still=1) <= answer_due(received, stood_still=2)
