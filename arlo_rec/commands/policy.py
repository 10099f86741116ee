"""The policy of a store: what anybody reads of it, and what officers type to change it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.options import arg, opt
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.admin.policy_changes import Difference, Proposal
    from arlo_rec.model.policy_versions import PolicyVersion

PROMPT_BYTES = 64 * 1024
COLUMNS = ("version", "since", "by", "approved_by")
FIELDS = (
    "version",
    "since",
    "reason_demanded",
    "most_found",
    "own_a_day",
    "entries_days",
    "reasons",
    "by",
    "approved_by",
    "sha256",
)


def policy_show(
    ctx: typer.Context,
    proposal: Annotated[str | None, arg("arg.proposal_or_version", "[VERSION|ID]")] = None,
    *,
    toml: Annotated[bool, opt("opt.toml", "--toml")] = False,
) -> Answer:
    """The rules, and what this store's policy sets, now or in a version; of a proposal, what it would change."""
    from arlo_rec.admin import policy_changes
    from arlo_rec.model.policy_file import text_of
    from arlo_rec.model.times import shown
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        store.demand(Action.LOOK_AFTER, now)
        named = next((each for each in store.policy.versions if each.version == proposal), None)
        version, newest = named or store.policy.at(store.today(now)), store.policy.newest
        is_asked = proposal is not None and named is None
        proposed = policy_changes.named(store, str(proposal), now) if is_asked else None
    if proposed is not None:
        changed = policy_changes.differences(newest, proposed.version)
        answer = _proposal_answer(run, proposed, changed, code="policy.proposal")
        return answer._replace(data={**_whole_json(proposed.version), **answer.data})
    if toml:  # what is not in force yet would be undone by a proposal that begins with what is
        version = named or newest
        return Answer(_whole_json(version), text_of(version).rstrip("\n").split("\n"), always=True)
    waits = newest is not version and newest.since > now and named is None
    coming = [run.say("policy.coming", version=newest.version, at=shown(newest.since))] if waits else []
    return Answer(_whole_json(version), [*_shown(run, version), *coming], always=True)


def policy_log(ctx: typer.Context) -> Answer:
    """Every version that the policy had, has and will have."""
    from arlo_rec.admin.policy_changes import version_digest
    from arlo_rec.model.times import shown_minute
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    with run.store() as store:
        store.demand(Action.LOOK_AFTER, run.now())
        versions = store.policy.versions
    data = [{**_version_json(each), "sha256": version_digest(each)} for each in versions]
    rows = [
        [each.version, shown_minute(each.since), each.by, ", ".join(approval.by for approval in each.approvals)]
        for each in versions
    ]
    return Answer({"versions": data}, [], run.table(COLUMNS, rows, ("by", "approved_by"), (data, FIELDS)))


def policy_propose(ctx: typer.Context, file: Annotated[Path, arg("arg.policy_file", "FILE")]) -> Answer:
    """Propose another version of the policy, which is in force once it is approved."""
    from arlo_rec.admin import policy_changes
    from arlo_rec.backends.bounded_read import read_small
    from arlo_rec.model.policy_file import FILE_BYTES

    run: Run = ctx.obj
    now = run.now()
    try:
        raw = read_small(file, FILE_BYTES, pipes=True)
    except OSError:
        raise Usage("file_unreadable", path=str(file)) from None
    with run.store() as store:
        proposed, changed = policy_changes.propose(store, raw, str(file), now)
        alone = policy_changes.may_approve(store, proposed, now)
    return _proposal_answer(run, proposed, changed, code="policy.proposed_alone" if alone else "policy.proposed")


def policy_approve(ctx: typer.Context, proposal: Annotated[str, arg("arg.proposal", "ID")]) -> Answer:
    """Approve a proposed version: as a second officer, or where there is none."""
    from arlo_rec.admin import policy_changes

    run: Run = ctx.obj
    with run.store() as store:
        approved = policy_changes.approve(store, proposal, run.now())
    return approved_answer(run, approved)


def policy_lint_prompt(ctx: typer.Context, file: Annotated[Path, arg("arg.prompt_file", "FILE")]) -> Answer:
    """What a telephone prompt lacks, or says and must not: 3 where there is anything."""
    from arlo_rec.backends.bounded_read import read_small
    from arlo_rec.model import prompt_check

    run: Run = ctx.obj
    try:
        text = read_small(file, PROMPT_BYTES, pipes=True).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise Usage("file_unreadable", path=str(file)) from None
    controller = run.particulars().controller
    codes = prompt_check.findings(text, controller)
    told = [
        {
            "code": code,
            "reason": run.say(f"prompt.{code}", controller=controller),
            "remedy": run.say(f"prompt.{code}.remedy", controller=controller),
        }
        for code in codes
    ]
    lines = [f"{each['reason']} {each['remedy']}" for each in told] or [run.say("prompt.good")]
    return Answer({"findings": told}, lines, always=True, exit_status=3 if codes else 0)


def approved_answer(run: Run, approved: Proposal) -> Answer:
    """What became of a proposal that was approved."""
    from arlo_rec.model.times import shown

    version = approved.version
    code = "policy.one_more" if approved.state == "waits" else "policy.approved"
    line = run.say(code, version=version.version, at=shown(version.since), id=approved.id)
    return Answer({"proposal": _proposal_json(approved)}, [line])


def denied_answer(run: Run, denied: Proposal) -> Answer:
    """That a proposal was denied, or taken back."""
    return Answer({"proposal": _proposal_json(denied)}, [run.say("policy.denied", version=denied.version.version)])


def _proposal_answer(run: Run, proposed: Proposal, changed: Sequence[Difference], *, code: str) -> Answer:
    from arlo_rec.model.times import shown

    version = proposed.version
    said = {"version": version.version, "name": proposed.by, "at": shown(version.since), "id": proposed.id}
    lines = [run.say(code, **said), *(f"  {_changed(run, each)}" for each in changed)]
    if any(each.what == "entries_days" and each.after is not None for each in changed):
        lines.append(run.say("policy.kept_outside"))
    changes = [{"what": each.what, "before": each.before, "after": each.after} for each in changed]
    return Answer({"proposal": {**_proposal_json(proposed), "changes": changes}}, lines, always=True)


def _proposal_json(proposed: Proposal) -> dict[str, Any]:
    from arlo_rec.model.records import to_iso

    version = proposed.version
    return {
        "id": proposed.id,
        "version": version.version,
        "since": to_iso(version.since),
        "by": proposed.by,
        "at": to_iso(proposed.at),
        "state": proposed.state,
        "approved_by": [each.by for each in proposed.approvals],
    }


def _changed(run: Run, change: Difference) -> str:
    """One difference in words."""
    what, _, code = change.what.partition(" ")
    if what == "reason":
        how = "added" if change.before is None else "removed" if change.after is None else "changed"
        langs = ("nb", "en") if how == "changed" else (run.lang,)  # one of them may be all that changed
        told = {
            when: _reason(run, value, langs) for when, value in (("before", change.before), ("after", change.after))
        }
        return run.say(f"policy.reason_{how}", word=code, **told)
    before, after = (_value(run, what, value) for value in (change.before, change.after))
    return run.say("policy.changed", what=run.say(f"policy.what_{what}"), before=before, after=after)


def _reason(run: Run, value: Any, langs: Sequence[str]) -> str:
    """A reason code in words; nothing where there is none."""
    if value is None:
        return ""
    purposes = ", ".join(run.say(f"purpose.{each}") for each in value["purposes"])
    return f"{' / '.join(value[lang] for lang in langs)} ({purposes})"


def _value(run: Run, what: str, value: Any) -> str:
    if isinstance(value, bool):
        return run.say("policy.yes" if value else "policy.no")
    return run.say("policy.never") if value is None and what == "entries_days" else str(value)


def _shown(run: Run, version: PolicyVersion) -> list[str]:
    """The policy in words: the rules by their sections, then what this version sets."""
    from arlo_rec.model.policy_versions import LIMITS
    from arlo_rec.model.times import shown
    from arlo_rec.policy import RULES

    lines = [run.say("policy.version", version=version.version, at=shown(version.since))]
    for rule in RULES.values():
        lines.append(f"{rule.section}  {rule.id}: {rule.nb if run.lang == 'nb' else rule.en}")
    for key in ("reason_demanded", *LIMITS):
        value = _value(run, key, getattr(version, key))
        lines.append(run.say("policy.sets", what=run.say(f"policy.what_{key}"), value=value))
    lines.append(run.say("policy.reasons"))
    for reason in version.reasons:
        purposes = ", ".join(run.say(f"purpose.{each}") for each in sorted(reason.purposes))
        lines.append(f"  {reason.code}: {reason.text(run.lang)} ({purposes})")
    return lines


def _version_json(version: PolicyVersion) -> dict[str, Any]:
    from arlo_rec.model.policy_versions import LIMITS
    from arlo_rec.model.records import to_iso

    reasons = [
        {"code": each.code, "nb": each.nb, "en": each.en, "purposes": sorted(each.purposes)} for each in version.reasons
    ]
    return {
        "version": version.version,
        "since": to_iso(version.since),
        "reason_demanded": version.reason_demanded,
        **{key: getattr(version, key) for key in LIMITS},
        "reasons": reasons,
        "by": version.by,
        "approved_by": [each.by for each in version.approvals],
    }


def _whole_json(version: PolicyVersion) -> dict[str, Any]:
    return {**_version_json(version), "rules": _rules_json()}


def _rules_json() -> list[dict[str, Any]]:
    from arlo_rec.policy import RULES

    return [
        {
            "id": rule.id,
            "section": rule.section,
            "nb": rule.nb,
            "en": rule.en,
            "since": rule.since.isoformat(),
            "enforced_by": rule.carried_out,
            "pinned_by": rule.pinned_by,
        }
        for rule in RULES.values()
    ]
