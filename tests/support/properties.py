"""How much is tried where not everything can be: less where somebody waits, much more in a proof."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

_SHARES = {"quick": 0.15, "ordinary": 1.0, "prove": 10.0}
_share = _SHARES["ordinary"]


def choose(run: str) -> None:
    """Say, before any test is imported, which run this is: `quick`, `ordinary` or `prove`."""
    global _share
    _share = _SHARES[run]
    settings.register_profile(run, deadline=None, max_examples=_many(100))  # no deadline: another run may have the core
    settings.load_profile(run)


def examples(count: int, **more: Any) -> settings:
    """Settings for *count* examples of a property in an ordinary run; *more* as for hypothesis."""
    return settings(max_examples=_many(count), deadline=None, **more)


def share(count: int) -> int:
    """So many of *count* things that an ordinary run tries, and at least one."""
    return max(1, round(count * min(_share, 1.0)))


def _many(count: int) -> int:
    return max(min(count, 10), round(count * _share))
