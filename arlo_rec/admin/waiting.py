"""What waits for an officer's word, of every kind, by one id, which is the digest of what it says."""

from __future__ import annotations

from datetime import datetime

from arlo_rec.access import short_ids
from arlo_rec.admin import new_officers, policy_changes, requests
from arlo_rec.admin.policy_changes import Proposal
from arlo_rec.admin.requests import Request
from arlo_rec.model.errors import NothingMatched
from arlo_rec.model.records import PendingOfficer
from arlo_rec.store import Store


def named(store: Store, text: str, now: datetime) -> PendingOfficer | Proposal | Request | None:
    """The officer, the policy or the request that waits and is meant; None where a grant may be meant.

    The beginning of an id means what it meant yesterday: raises NothingMatched where several things that wait, or
    waited, begin so.
    """
    officers = {each.id: each for each in store.roster.pending}
    asked = {each.id: each for each in requests.every(store, now)}
    policies = {each.id: each for each in policy_changes.every(store, now)}
    found = short_ids.named(text, [*officers, *policies, *asked, *(grant.id for grant in store.roster.grants)])
    if len(found) > 1:
        raise NothingMatched("several_wait", id=text)
    one = found[0] if found else ""
    waits: list[PendingOfficer | Proposal | Request]
    waits = [*new_officers.waiting(store, now), *policy_changes.waiting(store, now), *requests.waiting(store, now)]
    return next((each for each in waits if each.id == one), None)
