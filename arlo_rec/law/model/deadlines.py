"""The deadline of a request or an objection: GDPR 12(3) by the rules of Regulation 1182/71.

The day of receipt is not counted. A period of months ends on the same date of the last month, or on that month's last
day; a Saturday, a Sunday or a Norwegian public holiday moves the end to the next working day. While a person who was
asked who they are has not shown it, the period stands still (EDPB 01/2022 v2.1).
"""

from __future__ import annotations

from datetime import date, timedelta

_MONTHS, _MONTHS_EXTENDED = 1, 3  # "extended by two further months" (GDPR 12(3)), counted from the receipt as well
_FIXED = ((1, 1), (5, 1), (5, 17), (12, 25), (12, 26))  # month, day
_AFTER_EASTER = (-3, -2, 0, 1, 39, 49, 50)  # Maundy Thursday to Whit Monday, in days


def answer_due(received: date, *, stood_still: int = 0, extended: bool = False) -> date:
    """The last day for the answer to a request that was received on that day (Europe/Oslo).

    *stood_still* is the number of days that a check of the person's identity took. Raises OverflowError or ValueError
    for days beyond the calendar.
    """
    from dateutil.relativedelta import relativedelta  # here: most commands count no deadline

    due = received + relativedelta(months=_MONTHS_EXTENDED if extended else _MONTHS) + timedelta(days=stood_still)
    while due.weekday() >= 5 or is_holiday(due):
        due += timedelta(days=1)
    return due


def is_holiday(day: date) -> bool:
    """Whether it is a Norwegian public holiday."""
    from dateutil.easter import easter

    if (day.month, day.day) in _FIXED:
        return True
    return (day - easter(day.year)).days in _AFTER_EASTER
