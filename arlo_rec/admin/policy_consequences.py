"""What a proposed version of the policy means for what is held, in numbers, before an officer approves it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from arlo_rec.model.policy_versions import Policy, PolicyVersion
from arlo_rec.model.records import Kind
from arlo_rec.policy import Purpose
from arlo_rec.store import Store


class Consequence(NamedTuple):
    """One consequence: its code (`policy.then_...` words it), and the values of the sentence."""

    code: str
    values: dict[str, Any]


def consequences(store: Store, version: PolicyVersion, now: datetime) -> list[Consequence]:
    """What *version*, put behind the policy of now, would do to recordings that are held and to calls to come."""
    return [*_of_retention(store, version, now), *_of_prompts(store, version, now)]


def _of_retention(store: Store, version: PolicyVersion, now: datetime) -> list[Consequence]:
    """How many are past a shorter retention at once, or keep the one that they were recorded under."""
    at = max(store.today(now), version.since)
    last = store.policy.at(at).retention_days
    if version.retention_days == last:
        return []
    if version.retention_days > last:
        held = store.catalogue.search.count_held()
        return [Consequence("keep_days", {"count": held, "days": last})]
    after, recordings = Policy((*store.policy.versions, version)), store.catalogue.search
    due, due_before = (recordings.count_past_retention(at, each.latest_due(at)) for each in (after, store.policy))
    return [Consequence("due", {"count": due - due_before, "days": version.retention_days})]


def _of_prompts(store: Store, version: PolicyVersion, now: datetime) -> list[Consequence]:
    """That what was recorded keeps its purposes, and which prompts end."""
    before = store.policy.at(version.since).by_prompt()
    changed = [prompt for prompt in version.prompts if before.get(prompt.version) != prompt]
    if not changed:
        return []
    today = store.today(now)
    tallies = store.catalogue.search.tallies(today, store.policy.latest_due(today))
    closed = {
        purpose: sum(row.held for row in tallies if row.kind is Kind.ORIGINAL and purpose not in row.purposes)
        for purpose in Purpose
    }
    counts = [{"count": count, "purpose": str(purpose)} for purpose, count in closed.items() if count]
    ended = [prompt for prompt in changed if prompt.until is not None and prompt.version in before]
    ends = [Consequence("prompt_ends", {"prompt": each.version, "until": each.until}) for each in ended]
    return [*(Consequence("stay_closed", values) for values in counts), *ends]
