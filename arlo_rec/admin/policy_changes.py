"""Another version of the policy: proposed by an officer, in force once it is approved (purpose.change).

Where there is a second officer she approves (`keys.four_eyes` says who may); else the officer who proposed it does.
What was proposed, and what became of it, is computed from entries of the log; the id of a proposal is the digest of its
entry. A version is added behind those that were, none is edited. One that nobody decides ends after seven days.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from arlo_rec.access import short_ids
from arlo_rec.crypto import primitives
from arlo_rec.keys import four_eyes
from arlo_rec.log.events import Denied, PolicyApproved, PolicyDenied, PolicyProposed
from arlo_rec.model import policy_file, policy_versions
from arlo_rec.model.errors import NotGranted, NothingMatched, Refused, Usage
from arlo_rec.model.policy_file import Hashing
from arlo_rec.model.policy_versions import LIMITS, TRUTHS, Policy, PolicyVersion, demanded_reason
from arlo_rec.model.records import Approval, Kind, from_iso, to_iso
from arlo_rec.model.strict_json import canonical
from arlo_rec.policy import FOUR_EYES, Action, Purpose, Role
from arlo_rec.store import Store

_DECIDED: Final = {  # what is said of a proposal that waits no more, by its state
    "waits": "policy_was_void",  # another version was approved meanwhile
    "approved": "policy_was_approved",
    "denied": "policy_was_denied",
    "over": "policy_was_over",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version that an officer proposed, and what became of it."""

    id: str
    by: str
    at: datetime
    version: PolicyVersion
    base: str  # SHA-256 of the policy that it changes
    approvals: tuple[Approval, ...] = ()
    state: str = "waits"  # or `approved`, `denied`, `over`


class Difference(NamedTuple):
    """What a version sets otherwise than the one before it."""

    what: str  # a key of the file, or a table and whose row of it it is: `prompt nb-2026-01`
    before: object  # None: it was not there, or is for ever
    after: object


def differences(before: PolicyVersion, after: PolicyVersion) -> list[Difference]:
    """What *after* sets otherwise, in the order of the file, and the parts of the program that are approved anew."""
    keys = (*TRUTHS, *LIMITS)
    changes = [Difference(key, getattr(before, key), getattr(after, key)) for key in keys]
    for table in (_reasons, _prompts, _program):
        old, new = table(before), table(after)
        changes += [Difference(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]
    return [each for each in changes if each.before != each.after]


def changes_of(policy: Policy, version: PolicyVersion) -> list[Difference]:
    """What *version* changes of what would be in force at its date without it; else of the newest version.

    What a file does not name is taken from the newest, so that one that is still to come comes with it.
    """
    return differences(policy.at(version.since), version) or differences(policy.newest, version)


def _reasons(version: PolicyVersion) -> dict[str, Any]:
    rows = {each.code: {"nb": each.nb, "en": each.en, "purposes": sorted(each.purposes)} for each in version.reasons}
    return {f"reason {code}": row for code, row in rows.items()}


def _prompts(version: PolicyVersion) -> dict[str, Any]:
    return {f"prompt {each.version}": policy_versions.prompt_to_json(each) for each in version.prompts}


def _program(version: PolicyVersion) -> dict[str, Any]:
    return {f"program {part.name}": part.sha256 for part in version.program}


# -- proposing ----------------------------------------------------------------------------------------


def propose(
    store: Store, raw: bytes, path: str, now: datetime, hashing: Hashing = policy_file.no_sound
) -> tuple[Proposal, list[Difference]]:
    """Propose the version of a file, and what it changes; *hashing* reads the sound of a prompt.

    Raises NotGranted, Usage for a file that is none, a name that is taken and a version that changes nothing, and
    Refused, after logging it, for what the guidelines let nobody set.
    """
    store.demand(Action.POLICY, now)
    store.demand_clock(Action.POLICY, now)
    try:
        return _proposed(store, raw, path, now, hashing)
    except Refused as refused:
        store.note(Denied(action=Action.POLICY, rule=refused.rule or "purpose.change", code=refused.code), now)
        raise


def _proposed(
    store: Store, raw: bytes, path: str, now: datetime, hashing: Hashing
) -> tuple[Proposal, list[Difference]]:
    with store.change(now) as change:  # what the file does not name stays as it is now, whoever approves meanwhile
        newest = store.policy.newest
        version = replace(policy_file.read(raw, path, newest, now, hashing), by=store.person.name)
        if version.version in {each.version for each in store.policy.versions}:
            raise Usage("policy_version_taken", version=version.version, rule="purpose.change")
        changed = changes_of(store.policy, version)
        if not changed and is_approved(store):
            raise Usage("policy_unchanged", version=newest.version, rule="purpose.change")
        document, salt = policy_versions.version_to_json(version), primitives.fresh(8).hex()
        base = digest(store.policy)
        change.log(PolicyProposed(request=salt, version=version.version, base=base, document=document))
        name = short_ids.of_content(change.bodies[-1])
    return next(each for each in every(store, now) if each.id == name), changed


def digest(policy: Policy) -> str:
    """SHA-256 in hex of a policy's document, as the chain of authority commits to it."""
    return primitives.sha256(policy_versions.encode(policy)).hex()


def version_digest(version: PolicyVersion) -> str:
    """SHA-256 in hex of one version as the policy's document has it."""
    return primitives.sha256(canonical(policy_versions.version_to_json(version))).hex()


# -- what waits ---------------------------------------------------------------------------------------


def waiting(store: Store, now: datetime) -> list[Proposal]:
    """What nobody decided yet and still fits the policy of now, oldest first."""
    base, newest, is_whole = digest(store.policy), store.policy.newest, is_approved(store)
    taken = {each.version for each in store.policy.versions}
    return [
        each
        for each in every(store, now)
        if each.state == "waits" and each.base == base
        if each.version.version not in taken and (not is_whole or differences(newest, each.version))
    ]


def every(store: Store, now: datetime) -> list[Proposal]:
    """What was proposed and the log still tells of, oldest first, each as it stands at *now*."""
    found = dict[str, Proposal]()
    for entry in store.log.entries.of_requests():
        event = entry.event
        if isinstance(event, PolicyProposed):
            with suppress(KeyError, TypeError, ValueError):  # what cannot be read proposes nothing; `verify` names it
                name, version = short_ids.of_content(entry.body or {}), policy_versions.read_version(event.document)
                found[name] = Proposal(name, entry.person, entry.at, version, event.base)
        elif isinstance(event, PolicyApproved | PolicyDenied) and event.request in found:
            found[event.request] = _decided(found[event.request], event, Approval(entry.person, entry.at))
    return [_as_of(store, each, now) for each in found.values()]


def _decided(proposal: Proposal, event: PolicyApproved | PolicyDenied, approval: Approval) -> Proposal:
    if proposal.state != "waits":
        return proposal
    if isinstance(event, PolicyDenied):
        return replace(proposal, state="denied")
    return replace(proposal, approvals=(approval,), state="approved")


def _as_of(store: Store, proposal: Proposal, now: datetime) -> Proposal:
    by = store.roster.person(proposal.by)
    is_over = now >= proposal.at + FOUR_EYES or by is None or by.role is not Role.OFFICER
    return replace(proposal, state="over") if proposal.state == "waits" and is_over else proposal


def named(store: Store, text: str, now: datetime) -> Proposal:
    """The proposal that waits and is meant by an id or its beginning, of all that there are; raises NothingMatched."""
    proposals = {each.id: each for each in every(store, now)}
    found = short_ids.named(text, list(proposals))
    if len(found) != 1:
        raise NothingMatched("several_wait" if found else "no_policy_proposal", id=text)
    meant = proposals[found[0]]
    if meant not in waiting(store, now):
        raise NothingMatched(_DECIDED[meant.state], version=meant.version.version)
    return meant


def by_the_log(store: Store) -> Policy:
    """The policy as entries of the log have it from the first version on, which no entry tells."""
    proposed = dict[str, PolicyVersion]()
    policy = Policy(store.policy.versions[:1])
    for entry in store.log.entries.of_requests():
        event = entry.event
        if isinstance(event, PolicyProposed):
            proposed[short_ids.of_content(entry.body or {})] = policy_versions.read_version(event.document)
        elif isinstance(event, PolicyApproved) and event.request in proposed:
            version = proposed[event.request].starting(from_iso(event.since), policy.newest)
            approvals = (Approval(entry.person, entry.at),)
            policy = Policy((*policy.versions, replace(version, approvals=approvals)))
    return policy


def is_approved(store: Store) -> bool:
    """Whether officers approved the policy: the entry before that of the link that put it into force says so.

    Where that entry lost its body, or the link is gone, nobody can tell, and `verify` says that it did.
    """
    newest = store.authority.newest
    link = store.authority.links.with_policy_since(newest.documents.policy) if newest is not None else None
    if link is None or link.number == 1:  # the policy that the store was made with
        return True
    entry = store.log.entries.get(link.seq - 1)
    if entry is None or entry.body is None:
        return True
    return isinstance(entry.event, PolicyApproved)


# -- deciding -----------------------------------------------------------------------------------------


def may_approve(store: Store, proposal: Proposal, now: datetime) -> bool:
    """Whether this officer may approve it: as a second pair of eyes, or because there is no second officer."""
    by = proposal.by
    if by == store.person.name:
        return not four_eyes.waits(store.roster, by, by, now)
    return store.person.name in four_eyes.second_officers(store.roster, by, by, now)


def approve(store: Store, text: str, now: datetime) -> Proposal:
    """Approve what waits; raises NotGranted to the wrong officer, NothingMatched where none waits any more."""
    store.demand(Action.POLICY, now)
    store.demand_clock(Action.POLICY, now)
    proposal = named(store, text, now)
    if not may_approve(store, proposal, now):
        store.note(Denied(action=Action.POLICY, rule="purpose.change", code="policy_needs_second", to=proposal.by), now)
        raise NotGranted("policy_needs_second", rule="purpose.change")
    with store.change(now) as change:
        if proposal not in waiting(store, now) or not may_approve(store, proposal, now):
            raise NothingMatched("no_policy_proposal", id=proposal.id)
        approvals = (Approval(store.person.name, now),)
        since = max(proposal.version.since, now, store.clock.get().newest.at)  # what the log tells of came before
        version = replace(proposal.version.starting(since, store.policy.newest), approvals=approvals)
        store.put(Policy((*store.policy.versions, version)))
        change.log(PolicyApproved(request=proposal.id, version=version.version, since=to_iso(version.since)))
    return replace(proposal, version=version, approvals=approvals, state="approved")


def deny(store: Store, text: str, reason: str | None, now: datetime) -> Proposal:
    """Deny what waits, or take back what one proposed, with a reason; raises Usage, NotGranted, NothingMatched."""
    store.demand(Action.POLICY, now)
    why = demanded_reason(reason)
    proposal = named(store, text, now)
    with store.change(now) as change:
        if proposal not in waiting(store, now):
            raise NothingMatched("no_policy_proposal", id=proposal.id)
        change.log(PolicyDenied(request=proposal.id, version=proposal.version.version, why=why))
    return replace(proposal, state="denied")


# -- what a proposal means for what is held -----------------------------------------------------------


class Consequence(NamedTuple):
    """One consequence: its code (`policy.then_...` words it), and the values of the sentence."""

    code: str
    values: dict[str, Any]


def consequences(store: Store, version: PolicyVersion, now: datetime) -> list[Consequence]:
    """What *version*, put behind the policy of now, would do to recordings that are held and to calls to come."""
    return [*_of_retention(store, version, now), *_of_prompts(store, version, now)]


def _of_retention(store: Store, version: PolicyVersion, now: datetime) -> list[Consequence]:
    """How many are past a shorter retention at once, or keep the one that they were recorded under."""
    at = max(store.clock.today(now), version.since)
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
    today = store.clock.today(now)
    tallies = store.catalogue.search.tallies(today, store.policy.latest_due(today))
    closed = {
        purpose: sum(row.held for row in tallies if row.kind is Kind.ORIGINAL and purpose not in row.purposes)
        for purpose in Purpose
    }
    counts = [{"count": count, "purpose": str(purpose)} for purpose, count in closed.items() if count]
    ended = [prompt for prompt in changed if prompt.until is not None and prompt.version in before]
    ends = [Consequence("prompt_ends", {"prompt": each.version, "until": each.until}) for each in ended]
    return [*(Consequence("stay_closed", values) for values in counts), *ends]
