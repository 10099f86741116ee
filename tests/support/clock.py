"""The clock of every command that runs in this process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.edge.commands.run import Run


def later(monkeypatch: pytest.MonkeyPatch, **span: float) -> None:
    """Set it ahead from now on, and let it go on from there; *span* as of a timedelta."""
    monkeypatch.setattr(Run, "now", lambda _: datetime.now(UTC) + timedelta(**span))
