"""When each grant was live, by the log: the roster keeps only how a grant stands now.

A grant that was live can wait again for a second officer, where its person got new keys from somebody who may hold
them; whether it is approved again or not, it opened recordings before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from arlo_rec.model.audit_events import GrantApproved, GrantDenied, GrantGiven, GrantRevoked
from arlo_rec.model.records import Grant
from arlo_rec.store import Store


class Span(NamedTuple):
    """A time in which a grant was live."""

    begin: datetime
    end: datetime


def spans(store: Store) -> dict[str, list[Span]]:
    """The times in which each grant of the roster was live, in order; until its end where it is live now.

    A grant of which the log says nothing is told as the roster has it. A million entries take some seconds.
    """
    changes: dict[str, list[tuple[datetime, bool]]] = {}
    for entry in store.log.holding(['"grant":"']):
        event = entry.event
        if isinstance(event, GrantGiven | GrantApproved | GrantDenied | GrantRevoked):
            goes_on = isinstance(event, GrantGiven | GrantApproved) and event.state == "live"
            changes.setdefault(event.grant, []).append((entry.at, goes_on))
    return {grant.id: list(_of(grant, changes)) for grant in store.roster.grants}


def _of(grant: Grant, changes: Mapping[str, Sequence[tuple[datetime, bool]]]) -> Iterator[Span]:
    until = min(grant.ended_at or grant.until, grant.until)
    begin: datetime | None = None
    for at, goes_on in changes.get(grant.id, [(grant.starts_at, grant.was_live)]):
        if goes_on:
            begin = at if begin is None else begin
        elif begin is not None:
            if begin < min(at, until):
                yield Span(begin, min(at, until))
            begin = None
    if begin is not None and begin < until:
        yield Span(begin, until)
