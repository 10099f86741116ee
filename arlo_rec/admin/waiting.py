"""What waits for an officer's word, of every kind, by one id: who types it decides what it says, and nothing else."""

from __future__ import annotations

from datetime import datetime

from arlo_rec.access import short_ids
from arlo_rec.admin import new_officers, requests
from arlo_rec.admin.requests import Request
from arlo_rec.model.errors import NothingMatched
from arlo_rec.model.records import PendingOfficer
from arlo_rec.store import Store


def named(store: Store, text: str, now: datetime) -> PendingOfficer | Request | None:
    """The officer or the request that waits and is meant; None where a grant may be meant.

    Raises NothingMatched where things of several kinds may be: anybody's own code gives a request an id.
    """
    officers = {each.id: each for each in new_officers.waiting(store, now)}
    asked = {each.id: each for each in requests.waiting(store, now)}
    grants = [grant.id for grant in store.roster.grants]
    found = short_ids.named(text, [*officers, *asked, *grants])
    others = [each for each in found if each in officers or each in asked]
    if others and len(found) > 1:
        raise NothingMatched("several_wait", id=text)
    one = found[0] if found else ""
    return officers.get(one) or asked.get(one)
