"""A row of the table `recordings`, written and read."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from arlo_rec.backends import Row
from arlo_rec.catalogue.decoding import recording_id
from arlo_rec.model.records import Kind, Recording, from_micros, to_micros
from arlo_rec.policy import Purpose, State

COLUMNS: Final = (
    "id, kind, parent, state, started_at, due_at, team, caller, agent, source, content, purposes, prompt, "
    "prompt_sha256, policy, object_digest, object_bytes, commit_key"
)
KINDS: Final = {int(kind): kind for kind in Kind}
_STATES: Final = {state.value: state for state in State}


def to_row(recording: Recording) -> Row:
    """A recording as it is stored."""
    return (
        recording.id,
        int(recording.kind),
        recording.parent,
        recording.state.value,
        to_micros(recording.started_at),
        to_micros(recording.due_at),
        recording.team,
        recording.caller,
        recording.agent or None,
        recording.source or None,  # a copy has none
        recording.content or None,
        ",".join(sorted(recording.purposes)),
        recording.prompt,
        recording.prompt_sha256,
        recording.policy,
        recording.object_digest,
        recording.object_bytes,
        recording.commit_key,
    )


@lru_cache(maxsize=16)
def read_purposes(kept: str) -> frozenset[Purpose]:
    """The purposes of a row."""
    return frozenset(Purpose(word) for word in kept.split(",") if word)


def from_row(row: Row) -> Recording:
    """The recording of a row; raises what `decoding.UNREADABLE` names where no row of ours is like that."""
    return Recording(
        id=recording_id(row[0]),
        kind=KINDS[row[1]],
        parent=recording_id(row[2]) if row[2] else None,
        state=_STATES[row[3]],
        started_at=from_micros(row[4]),
        due_at=from_micros(row[5]),
        team=row[6],
        caller=bytes(row[7]) if row[7] else None,
        agent=bytes(row[8] or b""),
        source=bytes(row[9] or b""),
        content=bytes(row[10] or b""),
        purposes=read_purposes(row[11]),
        prompt=row[12],
        prompt_sha256=bytes(row[13]),
        policy=row[14],
        object_digest=bytes(row[15] or b""),
        object_bytes=int(row[16] or 0),
        commit_key=bytes(row[17] or b""),
    )
