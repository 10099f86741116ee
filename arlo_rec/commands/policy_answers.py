"""How the policy of a store is shown: its versions, what a proposal changes and what that means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arlo_rec.commands.run import Run
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.admin.policy_changes import Consequence, Difference, Proposal
    from arlo_rec.model.policy_versions import PolicyVersion
    from arlo_rec.policy import Rule


def approved_answer(run: Run, approved: Proposal) -> Answer:
    """What became of a proposal that was approved."""
    from arlo_rec.model.times import shown

    version = approved.version
    line = run.say("policy.approved", version=version.version, at=shown(version.since))
    return Answer({"proposal": _proposal_json(approved)}, [line])


def denied_answer(run: Run, denied: Proposal) -> Answer:
    """That a proposal was denied, or taken back."""
    return Answer({"proposal": _proposal_json(denied)}, [run.say("policy.denied", version=denied.version.version)])


def proposal_answer(
    run: Run, proposed: Proposal, changed: Sequence[Difference], then: Sequence[Consequence], *, code: str
) -> Answer:
    """A proposal with all that it changes, and what that means for what is held."""
    from arlo_rec.model.times import shown

    version = proposed.version
    said = {"version": version.version, "name": proposed.by, "at": shown(version.since), "id": proposed.id}
    lines = [run.say(code, **said), *(f"  {_changed(run, each)}" for each in changed)]
    if any(each.what == "entries_days" and each.after is not None for each in changed):
        lines.append(run.say("policy.kept_outside"))
    lines += [f"  {_consequence(run, each)}" for each in then]
    changes = [{"what": each.what, "before": each.before, "after": each.after} for each in changed]
    means = [{"code": each.code, **{key: _plain(value) for key, value in each.values.items()}} for each in then]
    proposal = {**_proposal_json(proposed), "changes": changes, "consequences": means}
    return Answer({"proposal": proposal}, lines, always=True)


def _plain(value: object) -> object:
    return value if isinstance(value, int | str) else str(value)


def _consequence(run: Run, consequence: Consequence) -> str:
    values = dict(consequence.values)
    if "purpose" in values:
        values["purpose"] = run.say(f"purpose.{values['purpose']}")
    return run.say(f"policy.then_{consequence.code}", **values)


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
    how = "added" if change.before is None else "removed" if change.after is None else "changed"
    if what == "program":
        return run.say(f"policy.program_{how}", name=code)
    if what == "prompt":
        return _prompt_changed(run, code, change)
    if what == "reason":
        langs = ("nb", "en") if how == "changed" else (run.lang,)  # one of them may be all that changed
        told = {
            when: _reason(run, value, langs) for when, value in (("before", change.before), ("after", change.after))
        }
        return run.say(f"policy.reason_{how}", word=code, **told)
    before, after = (_value(run, what, value) for value in (change.before, change.after))
    return run.say("policy.changed", what=run.say(f"policy.what_{what}"), before=before, after=after)


def _prompt_changed(run: Run, prompt: str, change: Difference) -> str:
    """A new prompt whole; of one that there was, its end and the sound that it is played from."""
    after: Any = change.after
    until = after["until"] or run.say("policy.without_end")
    before: Any = change.before
    if before is not None:
        ends = [run.say("policy.prompt_ends", prompt=prompt, until=until)] if before["until"] != after["until"] else []
        is_new = before["sound"] != after["sound"]
        sound = [run.say("policy.prompt_sound", prompt=prompt, sound=after["sound"])] if is_new else []
        return "; ".join([*ends, *sound])
    purposes = ", ".join(run.say(f"purpose.{each}") for each in after["purposes"])
    said = {"text": after["text"], "purposes": purposes, "since": after["since"], "until": until}
    return run.say("policy.prompt_added", prompt=prompt, **said)


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


def shown_lines(run: Run, version: PolicyVersion) -> list[str]:
    """The policy in words: the rules by their sections, then what this version sets."""
    from arlo_rec.model.policy_versions import LIMITS, TRUTHS
    from arlo_rec.model.times import shown

    lines = [run.say("policy.version", version=version.version, at=shown(version.since))]
    lines += [f"{rule.section}  {rule.id}: {rule.text(run.lang)}" for rule in version.rules]
    for key in (*TRUTHS, *LIMITS):
        value = _value(run, key, getattr(version, key))
        lines.append(run.say("policy.sets", what=run.say(f"policy.what_{key}"), value=value))
    lines.append(run.say("policy.reasons"))
    for reason in version.reasons:
        purposes = ", ".join(run.say(f"purpose.{each}") for each in sorted(reason.purposes))
        lines.append(f"  {reason.code}: {reason.text(run.lang)} ({purposes})")
    lines.append(run.say("policy.prompts"))
    for prompt in version.prompts:
        purposes = ", ".join(run.say(f"purpose.{each}") for each in sorted(prompt.purposes))
        until = run.say("policy.until", day=prompt.until) if prompt.until else ""
        lines.append(f"  {prompt.version} ({purposes}; {run.say('policy.from', day=prompt.since)}{until})")
    return lines


def version_json(version: PolicyVersion) -> dict[str, Any]:
    """What a version sets, and who approved it."""
    from arlo_rec.model.policy_versions import LIMITS, TRUTHS, prompt_to_json
    from arlo_rec.model.records import to_iso

    reasons = [
        {"code": each.code, "nb": each.nb, "en": each.en, "purposes": sorted(each.purposes)} for each in version.reasons
    ]
    return {
        "version": version.version,
        "since": to_iso(version.since),
        **{key: getattr(version, key) for key in TRUTHS},
        **{key: getattr(version, key) for key in LIMITS},
        "reasons": reasons,
        "prompts": [{**prompt_to_json(each), "sha256": each.sha256.hex()} for each in version.prompts],
        "by": version.by,
        "approved_by": [each.by for each in version.approvals],
    }


def whole_json(version: PolicyVersion) -> dict[str, Any]:
    """A version with its rules, and as it is signed (`document`), of whose canonical JSON `sha256` is the digest."""
    from arlo_rec.admin.policy_changes import version_digest
    from arlo_rec.model.policy_versions import version_to_json

    whole = {**version_json(version), "sha256": version_digest(version), "document": version_to_json(version)}
    return {**whole, "rules": [_rule_json(rule) for rule in version.rules]}


def rule_answer(run: Run, rule: Rule) -> Answer:
    """One rule whole: its words in both languages, since when, what carries it out, and which tests show that."""
    commands = ", ".join(f"arlo-rec {each}" for each in rule.commands)
    lines = [
        run.say("policy.rule", rule=rule.id, section=rule.section, day=rule.since),
        f"  {rule.nb}",
        f"  {rule.en}",
        run.say("policy.rule_commands", commands=commands),
        run.say("policy.rule_enforced", what=rule.carried_out, tests=rule.pinned_by),
    ]
    return Answer({"rules": [_rule_json(rule)]}, lines, always=True)


def _rule_json(rule: Rule) -> dict[str, Any]:
    """A rule with what carries it out."""
    return {
        "id": rule.id,
        "section": rule.section,
        "nb": rule.nb,
        "en": rule.en,
        "since": rule.since.isoformat(),
        "commands": list(rule.commands),
        "enforced_by": rule.carried_out,
        "pinned_by": rule.pinned_by,
    }
