"""What commands say of a name that nobody has here: which known ones may be meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from arlo_rec.commands.run import Run


def near_line(run: Run, nearest: Sequence[str]) -> list[str]:
    """The known names that may be meant, in a line; none where there are none."""
    return [run.say("names.near", names=", ".join(nearest))] if nearest else []


def as_spelt(names: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """The names as they are spelt here: one that differs in capitals alone from the only known one is that one."""
    spelt = list(known)
    found = []
    for name in names:
        alike = [each for each in spelt if each.casefold() == name.strip().casefold()]
        found.append(alike[0] if len(alike) == 1 and name not in spelt else name)
    return tuple(found)
