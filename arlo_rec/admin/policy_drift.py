"""Whether what the program does and says is what the officers of a store approved (purpose.change).

Three can differ: the parts of the program that runs (`model.program_parts`), the policy that the chain of authority
commits to, and what the log says was approved. Where nobody approved the program, or the last change of the policy,
`admin.opening` opens the store to those commands alone that look after it. That somebody struck an entry, a signature
or a link closes nothing, or anybody could close a store for ever; `policy check` and `verify` tell of it.
Also here: whether the telephone's prompts are what callers are said to hear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from arlo_rec.admin import policy_changes
from arlo_rec.model import prompts
from arlo_rec.model.consent import Prompt
from arlo_rec.model.errors import Refused
from arlo_rec.model.policy_versions import Policy
from arlo_rec.model.program_parts import parts
from arlo_rec.store import Store

PROGRAM, STORE = "program", "store"


class Drift(NamedTuple):
    """One difference that nobody approved: what differs, and where."""

    what: str
    where: str


def demand_approved(store: Store) -> None:
    """Raise Refused where the program, or the policy, is not what officers approved."""
    for drift in closing(store):
        raise Refused("policy_drift", rule="purpose.change", what=drift.what, where=drift.where)


def closing(store: Store) -> list[Drift]:
    """What keeps a store closed; a version that officers approve opens it again."""
    unapproved = [] if policy_changes.is_approved(store) else [Drift("policy", STORE)]
    return [*of_program(store), *unapproved]


def of_program(store: Store) -> list[Drift]:
    """The parts of the running program that are others than those of the version that was approved last."""
    approved, running = dict(store.policy.newest.program), dict(parts())
    names = sorted(approved.keys() | running.keys())
    return [Drift(name, PROGRAM) for name in names if approved.get(name) != running.get(name)]


def of_policy(store: Store) -> list[Drift]:
    """Whether the whole policy is what the chain began with and the log says that officers approved since."""
    first, founding = store.authority.links.get(1), Policy(store.policy.versions[:1])
    begins = first is None or first.documents.policy.hex() == policy_changes.digest(founding)  # its loss is named
    is_approved = begins and policy_changes.by_the_log(store) == store.policy
    return [] if is_approved else [Drift("policy", STORE)]


def of_prompts(store: Store, now: datetime, played: Callable[[Prompt], bytes | None] | None = None) -> Iterator[Drift]:
    """Prompts in use whose text does not say what it is held to name; of *played*, whose sound is another than stated.

    *played* gives SHA-256 of the file that the exchange plays, None where there is none.
    """
    for prompt in store.policy.at(now).prompts:
        if not prompt.in_use(now):
            continue
        if not prompt.purposes <= prompts.purposes_named(prompt.text):
            yield Drift("purposes", f"prompt {prompt.version}")
        if played is not None and prompt.sound_sha256 is not None and played(prompt) != prompt.sound_sha256:
            yield Drift("sound", f"prompt {prompt.version}")
