"""Calls as a telephone exchange delivers them, and what intake made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
WITHDRAWN = "+4790000002"


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
