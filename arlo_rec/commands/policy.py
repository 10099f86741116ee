"""The policy of a store: what anybody reads of it, and what officers type to change it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands import policy_answers
from arlo_rec.commands.options import arg, opt
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.admin.policy_drift import Drift

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
    from arlo_rec.model.times import shown
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        store.demand(Action.LOOK_AFTER, now)
        named = next((each for each in store.policy.versions if each.version == proposal), None)
        version, newest = named or store.policy.at(store.clock.today(now)), store.policy.newest
        rule = next((each for each in version.rules if each.id == proposal), None)
        is_asked = proposal is not None and named is None and rule is None
        proposed = policy_changes.named(store, str(proposal), now) if is_asked else None
        then = policy_changes.consequences(store, proposed.version, now) if proposed is not None else []
        changed = policy_changes.changes_of(store.policy, proposed.version) if proposed is not None else []
    if proposed is not None:
        answer = policy_answers.proposal_answer(run, proposed, changed, then, code="policy.proposal")
        return answer._replace(data={**policy_answers.whole_json(proposed.version), **answer.data})
    if rule is not None:
        return policy_answers.rule_answer(run, rule)
    if toml:  # what is not in force yet would be undone by a proposal that begins with what is
        version = named or newest
        return Answer(policy_answers.whole_json(version), text_of(version).rstrip("\n").split("\n"), always=True)
    waits = newest is not version and newest.since > now and named is None
    coming = [run.say("policy.coming", version=newest.version, at=shown(newest.since))] if waits else []
    return Answer(policy_answers.whole_json(version), [*policy_answers.shown_lines(run, version), *coming], always=True)


def policy_log(ctx: typer.Context) -> Answer:
    """Every version that the policy had, has and will have."""
    from arlo_rec.admin.policy_changes import version_digest
    from arlo_rec.model.times import shown_minute
    from arlo_rec.policy import Action

    run: Run = ctx.obj
    with run.store() as store:
        store.demand(Action.LOOK_AFTER, run.now())
        versions = store.policy.versions
    data = [{**policy_answers.version_json(each), "sha256": version_digest(each)} for each in versions]
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
    raw = run.read(file, FILE_BYTES)
    with run.store() as store:
        proposed, changed = policy_changes.propose(
            store, raw, str(file), now, lambda name: _sha256_of(run, file.parent / name)
        )
        alone = policy_changes.may_approve(store, proposed, now)
        then = policy_changes.consequences(store, proposed.version, now)
    code = "policy.proposed_alone" if alone else "policy.proposed"
    return policy_answers.proposal_answer(run, proposed, changed, then, code=code)


def _sha256_of(run: Run, sound: Path) -> bytes:
    """SHA-256 of the recorded sound of a prompt; raises Usage where it cannot be read."""
    import hashlib

    return hashlib.sha256(run.read(sound, SOUND_BYTES, pipes=False)).digest()


def policy_check(
    ctx: typer.Context,
    *,
    published: Annotated[Path | None, opt("opt.published", "--published", "DIR")] = None,
    sounds: Annotated[Path | None, opt("opt.sounds", "--sounds", "DIR")] = None,
) -> Answer:
    """Whether the program, the policy that officers approved, the pages and the prompts say the same: else 14."""
    from arlo_rec.admin import policy_drift
    from arlo_rec.model.errors import Refused
    from arlo_rec.policy import Action
    from arlo_rec.publishing import publish

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        store.demand(Action.LOOK_AFTER, now)
        played = (lambda prompt: _played(run, sounds, prompt.version)) if sounds is not None else None
        drifts = [*policy_drift.of_program(store), *policy_drift.of_policy(store)]
        drifts += policy_drift.of_prompts(store, store.clock.today(now), played)
        if published is not None:
            drifts += publish.drifts(run.named(published), store, run.particulars(), now)
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
    """What a telephone prompt lacks, or says and must not: 3 where there is anything."""
    from arlo_rec.model import prompts

    run: Run = ctx.obj
    try:
        text = run.read(file, PROMPT_BYTES).decode("utf-8")
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
