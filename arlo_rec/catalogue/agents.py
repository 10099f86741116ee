"""Which employees answered calls that are held: their blind indexes in `recordings`, without a name."""

from __future__ import annotations

from arlo_rec.backends import Connection
from arlo_rec.catalogue.decoding import reads_rows, recording_id
from arlo_rec.model.records import Kind, RecordingId
from arlo_rec.policy import State


class Agents:
    """The employees of one store's calls."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    @reads_rows
    def last_calls(self) -> dict[bytes, RecordingId]:
        """By each blind index of a held call the call that was taken in last; a million rows take a second or two."""
        rows = self._db.rows(
            "SELECT agent, id, max(rowid) FROM recordings "  # noqa: S608 - our state
            f"WHERE +state = '{State.HELD.value}' AND kind = ? AND agent IS NOT NULL GROUP BY agent",
            (int(Kind.ORIGINAL),),
        )
        return {bytes(agent): recording_id(call) for agent, call, _ in rows}
