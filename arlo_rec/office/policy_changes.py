"""Versions of the policy: proposed by an officer, in force once approved (purpose.change).

A second officer approves if there is one (`keys.four_eyes`), else the proposer. Proposals and decisions are computed
from log entries; the id of a proposal is the digest of its entry. A version is added behind the earlier ones, which
are never edited. An undecided proposal expires after seven days.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, NamedTuple, Self

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.event import content_id
from arlo_rec.law.log.events import Denied, PolicyApproved, PolicyDenied, PolicyProposed, PolicyPublished
from arlo_rec.law.model import policy_file, policy_versions
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import NotGranted, NothingMatched, Refused, Usage
from arlo_rec.law.model.policy_file import Hashing, MapDigest
from arlo_rec.law.model.policy_versions import LIMITS, TRUTHS, Policy, PolicyVersion, ReasonCode, demanded_reason
from arlo_rec.law.model.records import Approval, Kind, to_iso
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.law.rules import Rule
from arlo_rec.policy import (
    FOUR_EYES,
    Action,
    Purpose,
    Role,
)
from arlo_rec.vault.access import short_ids
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import four_eyes
from arlo_rec.vault.opened import Store

_DECIDED: Final = {  # codes of refusals by state
    "waits": "policy_was_void",  # another version was approved meanwhile
    "approved": "policy_was_approved",
    "denied": "policy_was_denied",
    "over": "policy_was_over",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed version, and its state."""

    id: str
    by: str
    at: datetime
    version: PolicyVersion
    base: str  # SHA-256 of the policy that it changes
    approvals: tuple[Approval, ...] = ()
    state: str = "waits"  # or `approved`, `denied`, `over`
    denied_by: str | None = None
    why: str | None = None  # it was denied


class Difference(Record, frozen=True):
    """One setting that a version changes."""

    what: str  # a key of the file, or a table and its row: `prompt nb-2026-01`
    before: Any  # None: absent, or for ever
    after: Any


class Consequence(Record, frozen=True):
    """One effect of a version: its code (`policy.then_...` words it) and the values of the sentence."""

    code: str
    count: int | UnsetType = UNSET  # of held recordings
    days: int | UnsetType = UNSET
    purpose: Purpose | UnsetType = UNSET
    prompt: str | UnsetType = UNSET
    until: date | UnsetType = UNSET


class ProposalShown(Record, frozen=True):
    """A proposal in an answer, with its changes and effects unless it was decided."""

    id: str
    version: str
    since: datetime
    by: str
    at: datetime
    state: str
    approved_by: list[str]
    changes: list[Difference] | UnsetType = UNSET
    consequences: list[Consequence] | UnsetType = UNSET

    @classmethod
    def of_proposal(cls, proposal: Proposal, **effects: object) -> Self:
        """The answer's part about *proposal*."""
        version, approved_by = proposal.version, [approval.by for approval in proposal.approvals]
        return cls.of(proposal, version=version.version, since=version.since, approved_by=approved_by, **effects)


class Proposed(Record, frozen=True):
    """A version of the policy that was proposed."""

    proposal: ProposalShown


class PromptShown(Record, frozen=True):
    """A prompt in an answer, with the digests of its text and of its sound."""

    version: str
    lang: str
    text: str
    purposes: frozenset[Purpose]
    since: date
    until: date | None
    sound: bytes | None
    sha256: bytes
    keys: dict[str, frozenset[Purpose]]  # the purposes of each key of consent
    line: str | None
    taken_after_end: bool


class MapShown(Record, frozen=True):
    """A map of exports that a version approves, with the digest of its file."""

    name: str
    sha256: str


class VersionShown(Record, frozen=True):
    """A version of the policy in an answer: what it sets, and who approved it."""

    version: str
    since: datetime
    reason_demanded: bool
    cut_circumstances: bool
    most_found: int
    own_a_day: int
    entries_days: int
    retention_days: int
    spool_days: int
    reasons: tuple[ReasonCode, ...]
    prompts: list[PromptShown]
    maps: list[MapShown]
    by: str
    approved_by: list[str]
    sha256: str

    @classmethod
    def of_version(cls, version: PolicyVersion, **more: object) -> Self:
        """The answer's part about *version*."""
        prompts, approved_by = _prompts(version), [approval.by for approval in version.approvals]
        maps = [MapShown.of(each) for each in version.maps]
        facts = {"prompts": list(prompts.values()), "maps": maps, "approved_by": approved_by}
        facts["sha256"] = version_digest(version)
        return cls.of(version, **facts, **more)


class Denial(Record, frozen=True):
    """A proposed version that an officer denied, or took back."""

    id: str
    version: str
    by: str
    at: datetime
    denied_by: str
    why: str


class Versions(Record, frozen=True):
    """Every version of the policy, and the proposed ones that were denied."""

    versions: list[VersionShown]
    denied: list[Denial]


class RuleShown(Record, frozen=True):
    """A rule in an answer, with what carries it out and which tests show that."""

    id: str
    section: int
    nb: str
    en: str
    since: date
    commands: tuple[str, ...]
    enforced_by: str
    pinned_by: str


class PolicyShown(VersionShown, frozen=True):
    """A version of the policy with its rules, and as it is signed; for a proposed one, the proposal too."""

    document: dict[str, Any]  # `sha256` is the digest of its canonical JSON
    rules: list[RuleShown]  # all, or the one that was asked for
    proposal: ProposalShown | UnsetType = UNSET


def differences(before: PolicyVersion, after: PolicyVersion) -> list[Difference]:
    """The settings that *after* changes, in the order of the file, and the changed parts of the program."""
    keys = (*TRUTHS, *LIMITS)
    changes = [Difference(key, getattr(before, key), getattr(after, key)) for key in keys]
    for table in (_reasons, _prompts, _maps, _program):
        old, new = table(before), table(after)
        changes += [Difference(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]
    return [difference for difference in changes if difference.before != difference.after]


def changes_of(policy: Policy, version: PolicyVersion) -> list[Difference]:
    """The changes by *version* to what would be in force at its date; if none, to the newest version.

    A file takes unnamed settings from the newest version, so a future one comes with it.
    """
    return differences(policy.at(version.since), version) or differences(policy.newest, version)


def _reasons(version: PolicyVersion) -> dict[str, Any]:
    return {f"reason {row.code}": row for row in version.reasons}


def _prompts(version: PolicyVersion) -> dict[str, PromptShown]:
    return {
        f"prompt {row.version}": PromptShown.of(row, sound=row.sound_sha256, keys=dict(row.offered))
        for row in version.prompts
    }


def _maps(version: PolicyVersion) -> dict[str, Any]:
    return {f"map {each.name}": each.sha256 for each in version.maps}


def _program(version: PolicyVersion) -> dict[str, Any]:
    return {f"program {part.name}": part.sha256 for part in version.program}


# -- proposing ----------------------------------------------------------------------------------------


def propose(
    store: Store,
    raw: bytes,
    path: str,
    now: datetime,
    hashing: Hashing = policy_file.no_sound,
    of_map: MapDigest = policy_file.no_map,
) -> tuple[Proposal, list[Difference]]:
    """Propose the version of a file; return it with its changes. *hashing* reads the sound of a prompt, *of_map* a map.

    Raises NotGranted; Usage for an invalid file, a taken name or a version without changes; Refused, after its log
    entry, for settings outside the guidelines.
    """
    store.demand(Action.POLICY, now)
    store.demand_clock(Action.POLICY, now)
    try:
        return _proposed(store, raw, path, now, hashing, of_map)
    except Refused as refused:
        store.note(Denied(action=Action.POLICY, rule=refused.rule or "purpose.change", code=refused.code), now)
        raise


def _proposed(
    store: Store, raw: bytes, path: str, now: datetime, hashing: Hashing, of_map: MapDigest
) -> tuple[Proposal, list[Difference]]:
    with store.change(now) as change:  # unnamed settings stay as they are in this transaction
        newest = store.policy.newest
        version = replace(policy_file.read(raw, path, newest, now, hashing, of_map), by=store.person.name)
        if version.version in {existing.version for existing in store.policy.versions}:
            raise Usage("policy_version_taken", version=version.version, rule="purpose.change")
        changed = changes_of(store.policy, version)
        if not changed and store.stored_policy == store.policy:
            raise Usage("policy_unchanged", version=newest.version, rule="purpose.change")
        document, salt = policy_versions.version_to_json(version), primitives.fresh(8).hex()
        base = digest(store.policy)
        change.log(PolicyProposed(request=salt, version=version.version, base=base, document=document))
        name = content_id(change.bodies[-1])
    return next(existing for existing in every(store, now) if existing.id == name), changed


def digest(policy: Policy) -> str:
    """SHA-256 in hex of a policy's document, as the chain of authority commits to it."""
    return primitives.sha256(policy_versions.encode(policy)).hex()


def version_digest(version: PolicyVersion) -> str:
    """SHA-256 in hex of one version as the policy's document has it."""
    return primitives.sha256(canonical(policy_versions.version_to_json(version))).hex()


# -- pending proposals ----------------------------------------------------------------------------------


class Look(NamedTuple):
    """The result of `look`: a version, and a rule or a proposal if one is named."""

    version: PolicyVersion
    newest: PolicyVersion
    is_named: bool
    rule: Rule | None
    proposal: ProposalShown | None

    @property
    def shown(self) -> PolicyShown:
        """The answer about it."""
        rules = self.version.rules if self.rule is None else (self.rule,)
        return PolicyShown.of_version(
            self.version,
            document=policy_versions.version_to_json(self.version),
            rules=[RuleShown.of(rule, enforced_by=rule.carried_out) for rule in rules],
            proposal=self.proposal or UNSET,
        )


def look(store: Store, text: str | None, now: datetime) -> Look:
    """The version, the rule or the proposal that *text* names, else the version in force; raises NotGranted.

    Raises NothingMatched for an unknown name.
    """
    versions = listed(store, now)
    named_version = next((version for version in versions if version.version == text), None)
    version = named_version or store.policy.at(store.clock.today(now))
    rule = next((rule for rule in version.rules if rule.id == text), None)
    is_proposal = text is not None and named_version is None and rule is None
    of_version = [each.id for each in waiting(store, now) if each.version.version == text]  # only to be shown
    proposal = named(store, of_version[0] if len(of_version) == 1 else str(text), now) if is_proposal else None
    shown = with_effects(store, proposal, changes_of(store.policy, proposal.version), now) if proposal else None
    version = proposal.version if proposal else version
    return Look(version, store.policy.newest, named_version is not None, rule, shown)


def listed(store: Store, now: datetime) -> Sequence[PolicyVersion]:
    """All versions of the policy, past and coming ones too; raises NotGranted."""
    store.demand(Action.LOOK_AFTER, now)
    return store.policy.versions


def denials(store: Store, now: datetime) -> list[Denial]:
    """The denied proposals, oldest first; raises NotGranted."""
    store.demand(Action.LOOK_AFTER, now)
    denied = (each for each in every(store, now) if each.state == "denied")
    return [Denial.of(each, version=each.version.version) for each in denied]


def unpublished(store: Store, now: datetime) -> PolicyVersion | None:
    """The version in force if it changed the guidelines and none of its pages was signed (info.published)."""
    version = store.policy.at(store.clock.today(now))
    if version == store.policy.versions[0]:
        return None
    named = store.log.entries.holding([f'"version":"{version.version}"'], taken_in=False)
    return None if any(isinstance(entry.event, PolicyPublished) for entry in named) else version


def waiting(store: Store, now: datetime) -> list[Proposal]:
    """Open proposals whose base is the current policy, oldest first."""
    base, newest, is_whole = digest(store.policy), store.policy.newest, store.stored_policy == store.policy
    taken = {proposal.version for proposal in store.policy.versions}
    return [
        proposal
        for proposal in every(store, now)
        if proposal.state == "waits" and proposal.base == base
        if proposal.version.version not in taken and (not is_whole or differences(newest, proposal.version))
    ]


def every(store: Store, now: datetime) -> list[Proposal]:
    """All proposals in the log, oldest first, with their state at *now*."""
    proposals = dict[str, Proposal]()
    for entry in store.log.entries.of_requests(PolicyProposed, PolicyApproved, PolicyDenied):
        event = entry.event
        if isinstance(event, PolicyProposed):
            with suppress(KeyError, TypeError, ValueError):  # an unreadable entry proposes nothing; `verify` reports it
                name, version = content_id(entry.body or {}), policy_versions.read_version(event.document)
                proposals[name] = Proposal(name, entry.person, entry.at, version, event.base)
        elif isinstance(event, PolicyApproved | PolicyDenied) and event.request in proposals:
            proposals[event.request] = _decided(proposals[event.request], event, Approval(entry.person, entry.at))
    return [_as_of(store, proposal, now) for proposal in proposals.values()]


def _decided(proposal: Proposal, event: PolicyApproved | PolicyDenied, approval: Approval) -> Proposal:
    if proposal.state != "waits":
        return proposal
    if isinstance(event, PolicyDenied):
        return replace(proposal, state="denied", denied_by=approval.by, why=event.why)
    return replace(proposal, approvals=(approval,), state="approved")


def _as_of(store: Store, proposal: Proposal, now: datetime) -> Proposal:
    by = store.roster.person(proposal.by)
    is_over = now >= proposal.at + FOUR_EYES or by is None or by.role is not Role.OFFICER
    return replace(proposal, state="over") if proposal.state == "waits" and is_over else proposal


def named(store: Store, text: str, now: datetime) -> Proposal:
    """The open proposal named by an id or its beginning; raises NothingMatched."""
    proposals = {proposal.id: proposal for proposal in every(store, now)}
    ids = short_ids.named(text, list(proposals))
    if len(ids) != 1:
        raise NothingMatched("no_policy_proposal", id=text)
    chosen = proposals[ids[0]]
    if chosen not in waiting(store, now):
        raise NothingMatched(_DECIDED[chosen.state], version=chosen.version.version)
    return chosen


# -- deciding -----------------------------------------------------------------------------------------


def may_approve(store: Store, proposal: Proposal, now: datetime) -> bool:
    """Whether this officer may approve a proposal: as the second one, or because there is none."""
    return four_eyes.may_decide(store.roster, proposal.by, store.person.name, now)


def approve(store: Store, text: str, now: datetime) -> Proposal:
    """Approve an open proposal; raises NotGranted to the wrong officer, NothingMatched if it is no longer open."""
    store.demand(Action.POLICY, now)
    store.demand_clock(Action.POLICY, now)
    proposal = named(store, text, now)
    if not may_approve(store, proposal, now):
        store.note(Denied(action=Action.POLICY, rule="purpose.change", code="policy_needs_second", to=proposal.by), now)
        raise NotGranted("policy_needs_second", rule="purpose.change", name=proposal.by)
    with store.change(now) as change:
        if proposal not in waiting(store, now) or not may_approve(store, proposal, now):
            raise NothingMatched("no_policy_proposal", id=proposal.id)
        approvals = (Approval(store.person.name, now),)
        since = max(proposal.version.since, now, store.clock.get().newest.at)  # after all logged times
        version = replace(proposal.version.starting(since, store.policy.newest), approvals=approvals)
        store.put(Policy((*store.policy.versions, version)))
        change.log(PolicyApproved(request=proposal.id, version=version.version, since=to_iso(version.since)))
    return replace(proposal, version=version, approvals=approvals, state="approved")


def deny(store: Store, text: str, reason: str | None, now: datetime) -> Proposal:
    """Deny an open proposal, or withdraw one's own, with a reason; raises Usage, NotGranted, NothingMatched."""
    store.demand(Action.POLICY, now)
    why = demanded_reason(reason)
    proposal = named(store, text, now)
    with store.change(now) as change:
        if proposal not in waiting(store, now):
            raise NothingMatched("no_policy_proposal", id=proposal.id)
        change.log(PolicyDenied(request=proposal.id, version=proposal.version.version, why=why))
    return replace(proposal, state="denied")


# -- consequences --------------------------------------------------------------------------------------


def with_effects(store: Store, proposal: Proposal, changes: list[Difference], now: datetime) -> ProposalShown:
    """A proposal with all that it changes, and what that means for what is held."""
    means = consequences(store, proposal.version, now)
    return ProposalShown.of_proposal(proposal, changes=changes, consequences=means)


def consequences(store: Store, version: PolicyVersion, now: datetime) -> list[Consequence]:
    """The effects of *version*, as the next version, on held recordings and future calls."""
    return [*_of_retention(store, version, now), *_of_prompts(store, version, now)]


def _of_retention(store: Store, version: PolicyVersion, now: datetime) -> list[Consequence]:
    """Recordings past a shorter retention at once, or keeping the retention they were recorded under."""
    at = max(store.clock.today(now), version.since)
    last = store.policy.at(at).retention_days
    if version.retention_days == last:
        return []
    if version.retention_days > last:
        held = store.catalogue.search.count_held()
        return [Consequence("keep_days", count=held, days=last)]
    latest = [policy.latest_due(at) for policy in (Policy((*store.policy.versions, version)), store.policy)]
    due, due_before = store.catalogue.search.count_past_retention([(at, each) for each in latest])
    return [Consequence("due", count=due - due_before, days=version.retention_days)]


def _of_prompts(store: Store, version: PolicyVersion, now: datetime) -> list[Consequence]:
    """Purposes that stay closed for held recordings, and prompts that end."""
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
    ends = [(prompt.version, prompt.until) for prompt in changed if prompt.until and prompt.version in before]
    return [
        *(Consequence("stay_closed", count=count, purpose=purpose) for purpose, count in closed.items() if count),
        *(Consequence("prompt_ends", prompt=prompt, until=until) for prompt, until in ends),
    ]
