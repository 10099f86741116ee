"""Open, show and erase copies under review, through the gate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from arlo_rec.calls.training import copies, opening
from arlo_rec.calls.training.opening import OpenRecording
from arlo_rec.law.log.events import CopyErased, CopyMade, CopyShown
from arlo_rec.law.log.rows import CopyState
from arlo_rec.law.model.errors import NotGranted, Refused, Usage
from arlo_rec.policy import Action, Event
from arlo_rec.vault.access.gate import Intent
from arlo_rec.vault.catalogue.copies import Copy
from arlo_rec.vault.erasure import protocol
from arlo_rec.vault.opened import Store

RULE: Final = "data.pseudonymised"


def open_one(store: Store, shown_id: str, intent: Intent, clock: Callable[[], datetime]) -> tuple[Copy, OpenRecording]:
    """Open a copy under review; raises NotOpen, or Usage for the id of anything else.

    A copy that an interrupted run replaced is erased now, and the error names its successor.
    """
    copy, recording = open_unreleased(store, shown_id, intent, clock)
    if copy.state is CopyState.REPLACED:
        successor = store.catalogue.copies.made_from(copy.id)
        erase(store, copy, intent.action, None, clock())
        raise replaced_by(successor)
    return copy, recording


def open_unreleased(
    store: Store, shown_id: str, intent: Intent, clock: Callable[[], datetime]
) -> tuple[Copy, OpenRecording]:
    """Open a copy that is not released; raises NotOpen, or Usage for the id of anything else.

    Earlier revisions that an interrupted run left behind are erased now.
    """
    recording = opening.open_recording(store, shown_id, intent, clock)
    copy = store.catalogue.copies.get(recording.permit.recording.id)
    if copy is None or copy.state is CopyState.RELEASED:
        raise Usage("not_under_review")
    for earlier in copies.leftovers(store, copy):
        erase(store, earlier, intent.action, None, clock())
    return copy, recording


def replaced_by(successor: Copy | None) -> NotGranted:
    """The error that names the successor of a copy."""
    return NotGranted("copy_replaced", rule=RULE, copy=successor.first.hex() if successor else "-")


def erase(
    store: Store,
    copy: Copy,
    action: Action,
    reason: str | None,
    now: datetime,
    demand: Callable[[], None] = lambda: None,
) -> None:
    """Erase a copy under review, if *demand* raises nothing in that transaction; the log names original and reason."""

    def order() -> protocol.Order:
        demand()
        return protocol.Order(str(action), RULE, Event.DISCARDED, (copy.id,))

    event = CopyErased(action=action, rule=RULE, recordings=(copy.id,), parent=copy.parent.hex(), why=reason or "")
    protocol.carry_out(store, order, now, lambda commit, _: commit.log(event))


# -- seen by reviewers ----------------------------------------------------------------------------------


def note_shown(store: Store, copy: Copy, cuts: int, now: datetime) -> None:
    """Log that this person is shown the cut list of a copy."""
    store.note(CopyShown(recordings=(copy.id,), shown=cuts), now)


def demand_seen(store: Store, copy: Copy) -> None:
    """Raise Refused if another person made this revision and this one has not seen its cut list."""
    if copy.revision == 1:
        return
    for entry in store.log.entries.about(copy.id):
        if isinstance(entry.event, CopyMade | CopyShown) and entry.person == store.person.name:
            return
    raise Refused("revision_not_seen", rule=RULE, copy=copy.first.hex(), revision=copy.revision, name=copy.made_by)
