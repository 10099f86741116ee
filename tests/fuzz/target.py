"""What a target is, and its inputs by number."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.fuzz.mutate import changed


@dataclass(frozen=True)
class Target:
    """A parser; `mend` makes a changed input agree with itself again (checksums, signatures), half of the time."""

    name: str
    seeds: Sequence[bytes]
    parse: Callable[[bytes], bool]
    mend: Callable[[bytes], bytes] | None = None

    def mended(self, chance: random.Random, raw: bytes) -> bytes:
        """The input as it is handed to `parse`."""
        return self.mend(raw) if self.mend is not None and chance.random() < 0.5 else raw


def made(target: Target, seed: int, number: int) -> bytes:
    """Input *number* of a target: the same bytes in every run with this *seed*."""
    chance = random.Random(f"{target.name} {seed} {number}")
    return target.mended(chance, changed(chance, target.seeds))
