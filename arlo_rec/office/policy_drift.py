"""Drift: differences between the running program or the policy and what officers approved (purpose.change).

Compared are the parts of the running program (`model.policy_versions`), the policy that the chain of authority commits
to, and the approvals in the log. With an unapproved program or policy nothing is given or opened
(`Store.demand_approved`). `policy check` and `verify` report a lost entry, signature or link. `of_prompts` compares the
telephone's prompts with their texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from arlo_rec.law.model import prompts
from arlo_rec.law.model.consent import Prompt
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.policy_versions import differing
from arlo_rec.policy import Action
from arlo_rec.vault.opened import Store

PROGRAM, STORE = "program", "store"


class Drift(Record, frozen=True):
    """One unapproved difference, and its place."""

    what: str
    where: str


class Drifts(Record, frozen=True):
    """The version of the policy in force, and the differences from what officers approved."""

    version: str
    drift: list[Drift]


def found(store: Store, now: datetime, played: Callable[[Prompt], bytes | None] | None) -> list[Drift]:
    """All drifts of program, policy and prompts (*played*: see `of_prompts`); raises NotGranted."""
    store.demand(Action.LOOK_AFTER, now)
    of_program = [Drift(part, PROGRAM) for part in differing(store.policy.newest)]
    return [*of_program, *of_policy(store), *of_prompts(store, store.clock.today(now), played)]


def of_policy(store: Store) -> list[Drift]:
    """Drift of the whole policy from the chain's first one and the approvals in the log."""
    first, authority = store.stored_policy.versions[0], store.authority
    is_approved = authority.is_founding(first) and authority.policy_by_log(first) == store.stored_policy
    return [] if is_approved else [Drift("policy", STORE)]


def of_prompts(store: Store, now: datetime, played: Callable[[Prompt], bytes | None] | None = None) -> Iterator[Drift]:
    """Prompts in use whose text does not name their purposes; with *played*, also those with another sound than stated.

    *played* gives SHA-256 of the exchange's file, None without one.
    """
    for prompt in store.policy.at(now).prompts:
        if not prompt.in_use(now):
            continue
        if not prompt.purposes <= prompts.purposes_named(prompt.text):
            yield Drift("purposes", f"prompt {prompt.version}")
        if played is not None and prompt.sound_sha256 is not None and played(prompt) != prompt.sound_sha256:
            yield Drift("sound", f"prompt {prompt.version}")
