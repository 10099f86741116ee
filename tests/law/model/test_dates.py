"""Dates as people write them: one meaning, shown back, or refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Usage
from arlo_rec.law.model.times import (
    end_of_day,
    first_moment,
    last_moment,
    search_span,
    shown_end,
    span_of,
    start_of_day,
)

NOW = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)  # in Oslo the 25th, on which summer time ends
TODAY = date(2026, 10, 25)
SAME_DAY = ("2026-12-01", "01.12.2026", "1.12.2026", "1. 12. 2026", " 2026-12-01 ")


LAST_WEEK = (date(2026, 10, 12), date(2026, 10, 18))  # Monday to Sunday


def searched(since: str | None, before: str | None) -> tuple[datetime | None, datetime | None]:
    return search_span(since, before, NOW)


@pytest.mark.parametrize("text", SAME_DAY)
def test_a_day_is_the_whole_day_in_oslo_however_it_is_written(text: str) -> None:
    assert first_moment(text, NOW) == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert last_moment(text, NOW) == datetime(2026, 12, 1, 23, tzinfo=UTC)
    assert searched(text, text) == (first_moment(text, NOW), last_moment(text, NOW))
    assert span_of(text, TODAY) == (date(2026, 12, 1),) * 2


@pytest.mark.parametrize(
    ("text", "days"),
    [("today", 0), ("i dag", 0), ("I dag", 0), ("tomorrow", 1), ("i  morgen", 1), ("yesterday", -1), ("i går", -1)],
)
def test_words_for_days_are_those_of_the_calendar_in_oslo(text: str, days: int) -> None:
    assert span_of(text, TODAY) == (TODAY + timedelta(days=days),) * 2
    assert first_moment(text, NOW) == start_of_day(TODAY + timedelta(days=days))
    assert last_moment(text, NOW) == end_of_day(TODAY + timedelta(days=days))


@given(st.integers(0, 9999), st.sampled_from([("d", 1), (" dager", 1), ("days", 1), ("w", 7), ("u", 7), (" uker", 7)]))
def test_a_distance_looks_back_for_a_beginning_and_ahead_for_an_end(count: int, unit: tuple[str, int]) -> None:
    text, days = f"{count}{unit[0]}", timedelta(days=count * unit[1])
    assert first_moment(text, NOW) == start_of_day(TODAY - days)
    assert last_moment(text, NOW) == end_of_day(TODAY + days)


@pytest.mark.parametrize(
    ("text", "monday"),
    [
        ("last week", LAST_WEEK[0]),
        ("Forrige uke", LAST_WEEK[0]),
        ("this week", date(2026, 10, 19)),
        ("denne uken", date(2026, 10, 19)),
        ("week 42", LAST_WEEK[0]),
        ("uke 43", date(2026, 10, 19)),
        ("uke 44", date(2025, 10, 27)),  # that of this year begins tomorrow
        ("week 53", date(2020, 12, 28)),
    ],
)
def test_a_named_week_alone_is_that_week_from_its_monday_to_its_sunday(text: str, monday: date) -> None:
    sunday = monday + timedelta(days=6)
    assert span_of(text, TODAY) == (monday, sunday)
    assert searched(text, None) == (start_of_day(monday), end_of_day(sunday))
    assert searched(None, text) == (None, end_of_day(sunday))
    assert searched(text, "today") == (start_of_day(monday), end_of_day(TODAY))
    for parse in (first_moment, last_moment):
        with pytest.raises(Usage) as refused:
            parse(text, NOW)
        assert refused.value.code == "not_one_day"


def test_the_first_week_of_a_year_may_begin_in_the_year_before() -> None:
    assert span_of("week 1", date(2025, 12, 30)) == (date(2025, 12, 29), date(2026, 1, 4))


def test_counted_weeks_of_a_search_are_whole_weeks_of_the_calendar() -> None:
    assert searched("2w", "1u") == (start_of_day(date(2026, 10, 5)), end_of_day(LAST_WEEK[1]))
    assert searched("1w", "1w") == (start_of_day(LAST_WEEK[0]), end_of_day(LAST_WEEK[1]))
    assert searched("2 weeks", None) == (start_of_day(date(2026, 10, 5)), None)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "1/2/2026", "2026", "12.2026", "31.02.2026", "2026-02-30", "30", "-3d", "3 d x", "30m", "٣d",
     "99999d", "0.0.0", "2026-10-01 08:15Z", "next week", "1.12.26", "week 0", "uke 54", "week", "0001-01-00"],
)  # fmt: skip
def test_what_may_mean_two_days_or_none_is_refused(text: str) -> None:
    for parse in (first_moment, last_moment, lambda text, now: search_span(text, text, now)):
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
    assert searched(text, text) == (start_of_day(back), end_of_day(back))
    assert span_of(text, TODAY) == (back, back)
    assert last_moment(text, NOW) == end_of_day(ahead)


@given(st.dates(date(1999, 1, 1), date(2099, 1, 1)), st.dates(date(2000, 1, 1), date(2098, 1, 1)))
def test_a_day_without_a_year_is_within_eight_years_of_today(day: date, today: date) -> None:
    now, text = start_of_day(today), f"{day.day}.{day.month}"
    back, ahead = first_moment(text, now), last_moment(text, now)
    assert back <= now < ahead <= now + timedelta(days=366 * 8 + 1)
    assert now - back < timedelta(days=366 * 8 + 1)


@pytest.mark.parametrize("text", ["2026-10-01T08:15", "2026-10-01T08:15:30"])
def test_a_time_without_a_zone_is_told_that_it_lacks_one(text: str) -> None:
    with pytest.raises(Usage) as refused:
        first_moment(text, NOW)
    assert refused.value.code == "time_without_zone"


def test_a_day_that_leaves_the_calendar_is_refused() -> None:
    for parse in (first_moment, lambda text, now: search_span(text, None, now)):
        with pytest.raises(Usage):
            parse("9999w", datetime(2, 1, 1, tzinfo=UTC))


def test_an_instant_is_taken_as_it_is() -> None:
    text, at = "2026-10-01T08:15:00+02:00", datetime(2026, 10, 1, 6, 15, tzinfo=UTC)
    assert first_moment(text, NOW) == last_moment(text, NOW) == at
    assert searched(text, None) == (at, None)
    assert searched(None, text) == (None, at)


def test_the_end_of_a_day_is_shown_as_of_that_day() -> None:
    assert shown_end(last_moment("25.10.2026", NOW)) == "2026-10-25 24:00 CET"
    assert shown_end(last_moment("2026-10-01T08:15Z", NOW)) == "2026-10-01 10:15 CEST"
