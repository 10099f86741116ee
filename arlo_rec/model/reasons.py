"""Reasons that somebody has to give (security.reason)."""

from __future__ import annotations

from arlo_rec.model.errors import Usage
from arlo_rec.policy import reason_problem


def demanded(reason: str | None) -> str:
    """The reason, if it says something; raises Usage."""
    problem = reason_problem(reason)
    if problem is not None or reason is None:
        raise Usage(str(problem), rule="security.reason")
    return reason
