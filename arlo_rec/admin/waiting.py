"""What waits for an officer's word, of every kind, by one id: who types it decides what it says, and nothing else."""

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

    Raises NothingMatched where things of several kinds may be: anybody's own code gives a request an id.
    """
    officers = {each.id: each for each in new_officers.waiting(store, now)}
    asked = {each.id: each for each in requests.waiting(store, now)}
    policies = {each.id: each for each in policy_changes.waiting(store, now)}
    grants = [grant.id for grant in store.roster.grants]
    found = short_ids.named(text, [*officers, *policies, *asked, *grants])
    one = found[0] if found else ""
    kinds = sum(one in ids for ids in (officers, policies, asked, grants))
    if kinds > 1 or (len(found) > 1 and any(each not in grants for each in found)):
        raise NothingMatched("several_wait", id=text)
    return officers.get(one) or policies.get(one) or asked.get(one)
