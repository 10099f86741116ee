"""What commands say of a name that nobody has here: which known ones may be meant."""

from __future__ import annotations

from collections.abc import Sequence

from arlo_rec.commands.run import Run


def near_line(run: Run, nearest: Sequence[str]) -> list[str]:
    """The known names that may be meant, in a line; none where there are none."""
    return [run.say("names.near", names=", ".join(nearest))] if nearest else []
