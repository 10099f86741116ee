"""Commands about the policy: show, check, propose, publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.options import arg, opt
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Refused, Usage
from arlo_rec.model.times import shown_minute
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.admin.policy_changes import Consequence, Difference, Proposal
    from arlo_rec.admin.policy_drift import Drift
    from arlo_rec.model.policy_versions import PolicyVersion
    from arlo_rec.policy import Rule

PROMPT_BYTES = 64 * 1024
SOUND_BYTES = 64 * 1024 * 1024  # an hour of a prompt
COLUMNS = ("version", "since", "by", "approved_by")
FIELDS = (
    "version",
    "since",
    "reason_demanded",
    "cut_circumstances",
    "most_found",
    "own_a_day",
    "entries_days",
    "retention_days",
    "reasons",
    "prompts",
    "by",
    "approved_by",
    "sha256",
)


def policy_show(
    ctx: typer.Context,
    proposal: Annotated[str | None, arg("arg.proposal_or_version", "[VERSION|ID|RULE]")] = None,
    *,
    toml: Annotated[bool, opt("opt.toml", "--toml")] = False,
) -> Answer:
    """The rules and what the policy sets, now or in a version; one rule whole; or what a proposal would change."""
    from arlo_rec.admin import policy_changes
    from arlo_rec.model.policy_file import text_of

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        seen = policy_changes.look(store, proposal, now)
    if seen.proposal is not None:
        answer = proposal_answer(run, seen.proposal, seen.changes, seen.consequences, code="policy.proposal")
        return answer._replace(data={**whole_json(seen.proposal.version), **answer.data})
    if seen.rule is not None:
        return rule_answer(run, seen.rule)
    version, newest = seen.version, seen.newest
    if toml:  # what is not in force yet would be undone by a proposal that begins with what is
        version = version if seen.is_named else newest
        return Answer(whole_json(version), text_of(version).rstrip("\n").split("\n"), always=True)
    waits = newest is not version and newest.since > now and not seen.is_named
    coming = [run.say("policy.coming", version=newest.version, at=newest.since)] if waits else []
    return Answer(whole_json(version), [*shown_lines(run, version), *coming], always=True)


def policy_log(ctx: typer.Context) -> Answer:
    """Every version that the policy had, has and will have."""
    from arlo_rec.admin import policy_changes

    run: Run = ctx.obj
    with run.store() as store:
        versions = policy_changes.listed(store, run.now())
    data = [{**version_json(each), "sha256": policy_changes.version_digest(each)} for each in versions]
    rows = [
        [each.version, shown_minute(each.since), each.by, ", ".join(approval.by for approval in each.approvals)]
        for each in versions
    ]
    return Answer({"versions": data}, [], run.table(COLUMNS, rows, ("by", "approved_by"), (data, FIELDS)))


def policy_propose(ctx: typer.Context, file: Annotated[Path, arg("arg.policy_file", "FILE")]) -> Answer:
    """Propose another version of the policy, which is in force once it is approved."""
    from arlo_rec.admin import policy_changes
    from arlo_rec.model.policy_file import FILE_BYTES

    run: Run = ctx.obj
    now = run.now()
    raw = run.files.read(file, FILE_BYTES)
    with run.store() as store:
        proposed, changed = policy_changes.propose(
            store, raw, str(file), now, lambda name: _sha256_of(run, file.parent / name)
        )
        alone = policy_changes.may_approve(store, proposed, now)
        then = policy_changes.consequences(store, proposed.version, now)
    code = "policy.proposed_alone" if alone else "policy.proposed"
    return proposal_answer(run, proposed, changed, then, code=code)


def _sha256_of(run: Run, sound: Path) -> bytes:
    """SHA-256 of the recorded sound of a prompt; raises Usage where it cannot be read."""
    import hashlib

    return hashlib.sha256(run.files.read(sound, SOUND_BYTES, pipes=False)).digest()


def policy_check(
    ctx: typer.Context,
    *,
    published: Annotated[Path | None, opt("opt.published", "--published", "DIR")] = None,
    sounds: Annotated[Path | None, opt("opt.sounds", "--sounds", "DIR")] = None,
) -> Answer:
    """Whether the program, the policy that officers approved, the pages and the prompts say the same: else 14."""
    from arlo_rec.admin import policy_drift
    from arlo_rec.publishing import publish

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        played = (lambda prompt: _played(run, sounds, prompt.version)) if sounds is not None else None
        drifts = policy_drift.found(store, now, played)
        if published is not None:
            drifts += publish.drifts(run.files.named(published), store, run.particulars(), now)
        version = store.policy.at(store.clock.today(now)).version
    data = {"version": version, "drift": [each._asdict() for each in drifts]}
    if not drifts:
        return Answer(data, [run.say("policy.no_drift", version=version)], always=True)
    error = Refused("policy_drifts", rule="purpose.change", count=len(drifts))
    return Answer(data, [_drift_line(run, each) for each in drifts], always=True, error=error)


def _drift_line(run: Run, drift: Drift) -> str:
    """One difference in words."""
    code = "policy.drift_program" if drift.where == "program" else f"policy.drift_{drift.what}"
    return run.say(code, what=drift.what, where=drift.where)


def _played(run: Run, folder: Path, prompt: str) -> bytes | None:
    """SHA-256 of the sound in a folder that has a prompt's name, whatever it ends with; None where there is none."""
    try:
        names = run.client.files.names(folder)
    except OSError:
        raise Usage("file_unreadable", path=str(folder)) from None
    files = [folder / name for name in names if Path(name).stem == prompt]
    return _sha256_of(run, files[0]) if files else None


def policy_lint_prompt(ctx: typer.Context, file: Annotated[Path, arg("arg.prompt_file", "FILE")]) -> Answer:
    """Check a telephone prompt for missing and forbidden words; exit 3 with any."""
    from arlo_rec.model import prompts

    run: Run = ctx.obj
    try:
        text = run.files.read(file, PROMPT_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        raise Usage("file_unreadable", path=str(file)) from None
    controller = run.particulars().controller
    codes = prompts.findings(text, controller)
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


# -- answers ------------------------------------------------------------------------------------------


def approved_answer(run: Run, approved: Proposal) -> Answer:
    """The answer to an approved proposal."""

    version = approved.version
    line = run.say("policy.approved", version=version.version, at=version.since)
    return Answer({"proposal": _proposal_json(approved)}, [line])


def denied_answer(run: Run, denied: Proposal) -> Answer:
    """The answer to a denied or recalled proposal."""
    return Answer({"proposal": _proposal_json(denied)}, [run.say("policy.denied", version=denied.version.version)])


def proposal_answer(
    run: Run, proposed: Proposal, changed: Sequence[Difference], then: Sequence[Consequence], *, code: str
) -> Answer:
    """A proposal with all that it changes, and what that means for what is held."""

    version = proposed.version
    said = {"version": version.version, "name": proposed.by, "at": version.since, "id": proposed.id}
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

    version = proposed.version
    return {
        "id": proposed.id,
        "version": version.version,
        "since": version.since,
        "by": proposed.by,
        "at": proposed.at,
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

    lines = [run.say("policy.version", version=version.version, at=version.since)]
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
    """A version's settings and approvals."""
    from arlo_rec.model.policy_versions import LIMITS, TRUTHS, prompt_to_json

    reasons = [
        {"code": each.code, "nb": each.nb, "en": each.en, "purposes": sorted(each.purposes)} for each in version.reasons
    ]
    return {
        "version": version.version,
        "since": version.since,
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


def policy_publish(ctx: typer.Context, *, out: Annotated[Path, opt("opt.pages_out", "--out", "DIR")]) -> Answer:
    """Write the guidelines, the notices and the records as signed pages into a new folder."""
    from arlo_rec.publishing.publish import publish

    run: Run = ctx.obj
    folder = run.files.named(run.client.files.demand_new_folder(out))
    company = run.particulars()
    with run.store() as store:
        published = publish(store, company, folder, run.now())
    for key in company.missing:
        run.note(run.say("policy.particular_missing", key=key))
    if company.missing:
        run.note(run.say("policy.state_particulars"))
    pages = [
        {**page._asdict(), "file": page.file, "sha256": sha256, "bytes": size} for page, sha256, size in published.pages
    ]
    data = {"version": published.version, "out": str(folder), "pages": pages, "missing": list(company.missing)}
    lines = [run.say("policy.published", version=published.version, count=len(pages), path=folder)]
    return Answer(data, lines)
