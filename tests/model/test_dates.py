"""Dates as people write them: one meaning, shown back, or refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.model.errors import Usage
from arlo_rec.model.times import end_of_day, first_moment, last_moment, shown_end, start_of_day

NOW = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)  # in Oslo the 25th, on which summer time ends
TODAY = date(2026, 10, 25)
SAME_DAY = ("2026-12-01", "01.12.2026", "1.12.2026", "1. 12. 2026", " 2026-12-01 ")


@pytest.mark.parametrize("text", SAME_DAY)
def test_a_day_is_the_whole_day_in_oslo_however_it_is_written(text: str) -> None:
    assert first_moment(text, NOW) == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert last_moment(text, NOW) == datetime(2026, 12, 1, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "days"),
    [("today", 0), ("i dag", 0), ("I dag", 0), ("tomorrow", 1), ("i morgen", 1), ("yesterday", -1), ("i går", -1)],
)
def test_words_for_days_are_those_of_the_calendar_in_oslo(text: str, days: int) -> None:
    assert first_moment(text, NOW) == start_of_day(TODAY + timedelta(days=days))
    assert last_moment(text, NOW) == end_of_day(TODAY + timedelta(days=days))


@given(st.integers(0, 9999), st.sampled_from([("d", 1), (" dager", 1), ("days", 1), ("w", 7), ("u", 7), (" uker", 7)]))
def test_a_span_looks_back_in_a_search_and_ahead_for_an_end(count: int, unit: tuple[str, int]) -> None:
    text, days = f"{count}{unit[0]}", timedelta(days=count * unit[1])
    assert last_moment(text, NOW, ahead=True) == end_of_day(TODAY + days)
    assert first_moment(text, NOW) == start_of_day(TODAY - days)
    assert last_moment(text, NOW) == end_of_day(TODAY - days)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "1/2/2026", "2026", "12.2026", "31.02.2026", "2026-02-30", "30", "-3d", "3 d x", "30m", "٣d",
     "99999d", "0.0.0", "2026-10-01 08:15Z", "next week", "1.12.26"],
)  # fmt: skip
def test_what_may_mean_two_days_or_none_is_refused(text: str) -> None:
    for parse in (first_moment, last_moment):
        with pytest.raises(Usage) as refused:
            parse(text, NOW)
        assert refused.value.code == "bad_time"


@pytest.mark.parametrize(
    ("text", "back", "ahead"),
    [
        ("Sunday", date(2026, 10, 25), date(2026, 11, 1)),  # today
        ("mandag", date(2026, 10, 19), date(2026, 10, 26)),
        ("LØRDAG", date(2026, 10, 24), date(2026, 10, 31)),
        ("25.10", date(2026, 10, 25), date(2027, 10, 25)),
        ("26.10.", date(2025, 10, 26), date(2026, 10, 26)),
        ("1. 12.", date(2025, 12, 1), date(2026, 12, 1)),
        ("29.02", date(2024, 2, 29), date(2028, 2, 29)),
    ],
)
def test_a_day_without_a_year_or_week_is_the_last_in_a_search_and_the_next_for_an_end(
    text: str, back: date, ahead: date
) -> None:
    assert first_moment(text, NOW) == start_of_day(back)
    assert last_moment(text, NOW) == end_of_day(back)
    assert last_moment(text, NOW, ahead=True) == end_of_day(ahead)


@given(st.dates(date(1999, 1, 1), date(2099, 1, 1)), st.dates(date(2000, 1, 1), date(2098, 1, 1)))
def test_a_day_without_a_year_is_within_eight_years_of_today(day: date, today: date) -> None:
    now, text = start_of_day(today), f"{day.day}.{day.month}"
    back, ahead = first_moment(text, now), last_moment(text, now, ahead=True)
    assert back <= now < ahead <= now + timedelta(days=366 * 8 + 1)
    assert now - back < timedelta(days=366 * 8 + 1)


@pytest.mark.parametrize("text", ["2026-10-01T08:15", "2026-10-01T08:15:30"])
def test_a_time_without_a_zone_is_told_that_it_lacks_one(text: str) -> None:
    with pytest.raises(Usage) as refused:
        first_moment(text, NOW)
    assert refused.value.code == "time_without_zone"


def test_a_span_that_leaves_the_calendar_is_refused() -> None:
    with pytest.raises(Usage):
        first_moment("9999w", datetime(2, 1, 1, tzinfo=UTC))


def test_an_instant_is_taken_as_it_is() -> None:
    for parse in (first_moment, last_moment):
        assert parse("2026-10-01T08:15:00+02:00", NOW) == datetime(2026, 10, 1, 6, 15, tzinfo=UTC)


def test_the_end_of_a_day_is_shown_as_of_that_day() -> None:
    assert shown_end(last_moment("25.10.2026", NOW)) == "2026-10-25 24:00 CET"
    assert shown_end(last_moment("2026-10-01T08:15Z", NOW)) == "2026-10-01 10:15 CEST"
