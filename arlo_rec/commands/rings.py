"""What is said of the rings of backups where somebody who could open them has left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arlo_rec.commands.run import Run
    from arlo_rec.store import Store


@dataclass(frozen=True, slots=True)
class RingsAnswer:
    """The rings that could not be emptied, whether a new backup is due, and both as lines for people."""

    left: tuple[str, ...]
    backup_due: bool
    lines: tuple[str, ...]

    @property
    def data(self) -> dict[str, Any]:
        """The same for scripts."""
        return {"rings_left": list(self.left), "backup_due": self.backup_due}


def rings_after_leaving(store: Store, run: Run) -> RingsAnswer:
    """What is left of the rings after somebody left."""
    from arlo_rec.offsite import escrow

    statuses = list(escrow.statuses(store, run.now()))
    left = tuple(
        str(each.row.escrow) for each in statuses if each.problem in {"escrow_unreachable", "ring_not_emptied"}
    )
    backup_due = any(each.problem in {"backup_void", "backup_not_for_officers"} for each in statuses)
    lines = [run.say("person.rings_left", escrow=ring) for ring in left]
    lines += [run.say("person.backup_due")] if backup_due else []
    return RingsAnswer(left, backup_due, tuple(lines))
