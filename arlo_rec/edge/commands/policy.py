"""Commands about the policy: show, check, propose, publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.edge.commands.options import arg, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.tables import members
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Refused, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.law.model.consent import Prompt
    from arlo_rec.law.model.policy_versions import PolicyVersion, ReasonCode
    from arlo_rec.law.rules import Rule
    from arlo_rec.office.policy_changes import Consequence, Difference, PromptShown, ProposalShown
    from arlo_rec.office.policy_drift import Drift

PROMPT_BYTES = 64 * 1024
MOST_PLACES = 4  # of one difference, in a line; the JSON has all
SOUND_BYTES = 64 * 1024 * 1024  # an hour of a prompt


class PromptFinding(Record, frozen=True):
    """A problem of a prompt, and how it is mended."""

    code: str
    reason: str
    remedy: str


class PromptFindings(Record, frozen=True):
    """The problems of a prompt."""

    findings: list[PromptFinding]


def policy_show(
    ctx: typer.Context,
    proposal: Annotated[str | None, arg("arg.proposal_or_version", "[VERSION|ID|RULE]")] = None,
    *,
    toml: Annotated[bool, opt("opt.toml", "--toml")] = False,
) -> Answer:
    """The rules and what the policy sets, now or in a version; one rule whole; or what a proposal would change."""
    from arlo_rec.law.model.policy_file import text_of
    from arlo_rec.office import policy_changes

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        seen = policy_changes.look(store, proposal, now)
    if seen.proposal is not None:
        return Answer(seen.shown, _proposal_lines(run, seen.proposal, "policy.proposal"), always=True)
    if seen.rule is not None:
        return Answer(seen.shown, _rule_lines(run, seen.rule), always=True)
    if toml:  # what is not in force yet would be undone by a proposal that begins with what is
        seen = seen if seen.is_named else seen._replace(version=seen.newest)
        return Answer(seen.shown, text_of(seen.version).rstrip("\n").split("\n"), always=True)
    newest = seen.newest
    waits = newest is not seen.version and newest.since > now and not seen.is_named
    coming = [run.say("policy.coming", version=newest.version, at=newest.since)] if waits else []
    return Answer(seen.shown, [*_version_lines(run, seen.version), *coming], always=True)


def policy_log(ctx: typer.Context) -> Answer:
    """Every version that the policy had, has and will have."""
    from arlo_rec.office import policy_changes
    from arlo_rec.office.policy_changes import Versions, VersionShown

    run: Run = ctx.obj
    with run.store() as store:
        versions = [VersionShown.of_version(each) for each in policy_changes.listed(store, run.now())]
        denied = policy_changes.denials(store, run.now())
    table = run.listing(VersionShown, versions, "version since by approved_by", "by approved_by")
    lines = [run.say("policy.was_denied", **members(each)) for each in denied]
    return Answer(Versions(versions, denied), lines, table)


def policy_propose(ctx: typer.Context, file: Annotated[Path, arg("arg.policy_file", "FILE")]) -> Answer:
    """Propose another version of the policy, which is in force once it is approved."""
    from arlo_rec.edge.commands import maps
    from arlo_rec.law.model.policy_file import FILE_BYTES
    from arlo_rec.office import policy_changes

    run: Run = ctx.obj
    now = run.now()
    raw = run.files.read(file, FILE_BYTES)
    with run.store() as store:
        folder = file.parent
        proposed, changed = policy_changes.propose(
            store,
            raw,
            str(file),
            now,
            lambda name: _sha256_of(run, folder / name),
            lambda name, named: maps.named(run, folder / named if named is not None else Path(name)).sha256,
        )
        alone = policy_changes.may_approve(store, proposed, now)
        shown = policy_changes.with_effects(store, proposed, changed, now)
    lines = _proposal_lines(run, shown, "policy.proposed_alone" if alone else "policy.proposed")
    return Answer(policy_changes.Proposed(shown), lines, always=True)


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
    from arlo_rec.office import policy_drift
    from arlo_rec.people.publishing import publish

    run: Run = ctx.obj
    now = run.now()
    with run.store() as store:
        played = (lambda prompt: _played(run, sounds, prompt.version)) if sounds is not None else None
        drifts = policy_drift.found(store, now, played)
        if published is not None:
            drifts += publish.drifts(run.files.named(published), store, run.particulars(), now)
        version = store.policy.at(store.clock.today(now)).version
    found = policy_drift.Drifts(version, drifts)
    if not drifts:
        return Answer(found, [run.say("policy.no_drift", version=version)], always=True)
    error = Refused("policy_drifts", rule="purpose.change", count=len(drifts))
    return Answer(found, _drift_lines(run, drifts), always=True, error=error)


def _drift_lines(run: Run, drifts: Sequence[Drift]) -> list[str]:
    """The differences in words, a line for all pages and prompts that differ in the same way."""
    lines, places = list[str](), dict[str, list[str]]()
    for each in drifts:
        if each.where == "program":
            lines.append(run.say("policy.drift_program", what=each.what))
        else:
            places.setdefault(each.what, []).append(each.where)
    for what, where in places.items():
        rest = f" … ({len(where)})" if len(where) > MOST_PLACES else ""
        lines.append(run.say(f"policy.drift_{what}", where=", ".join(where[:MOST_PLACES]) + rest))
    return lines


def _played(run: Run, folder: Path, prompt: str) -> bytes | None:
    """SHA-256 of the sound in a folder that has a prompt's name, whatever it ends with; None where there is none."""
    try:
        names = run.client.files.names(folder)
    except OSError:
        raise Usage("file_unreadable", path=str(folder)) from None
    files = [folder / name for name in names if Path(name).stem == prompt]
    return _sha256_of(run, files[0]) if files else None


def policy_lint_prompt(
    ctx: typer.Context,
    file: Annotated[Path, arg("arg.prompt_file", "FILE")],
    *,
    key: Annotated[list[str] | None, opt("opt.prompt_key", "--key", "KEY")] = None,
) -> Answer:
    """Check a telephone prompt for missing and forbidden words; exit 3 with any."""
    from arlo_rec.law.model import prompts
    from arlo_rec.law.model.consent import OFFERABLE

    run: Run = ctx.obj
    for offered in key or []:
        if len(offered) != 1 or offered not in OFFERABLE:
            raise Usage("bad_prompt_key", value=offered[:20], known=", ".join(OFFERABLE))
    text = run.files.text(file, PROMPT_BYTES)
    controller = run.particulars().controller
    found = []
    for code in prompts.findings(text, controller, {"1", *(key or [])}):
        is_other = code.startswith("key") and code not in {"key1", "key2"}
        values = {"controller": controller, "key": code[-1]}
        named = "other_key" if is_other else code
        reason, remedy = (run.say(f"prompt.{each}", **values) for each in (named, f"{named}.remedy"))
        found.append(PromptFinding(code, reason, remedy))
    lines = [f"{each.reason} {each.remedy}" for each in found] or [run.say("prompt.good")]
    return Answer(PromptFindings(found), lines, always=True, exit_status=3 if found else 0)


# -- in words -----------------------------------------------------------------------------------------


def _proposal_lines(run: Run, proposed: ProposalShown, code: str) -> list[str]:
    """A proposal with all that it changes, and what that means for what is held."""
    changes = proposed.changes or []
    said = {"version": proposed.version, "name": proposed.by, "at": proposed.since, "id": proposed.id}
    lines = [run.say(code, **said), *(f"  {_changed(run, each)}" for each in changes)]
    return lines + [f"  {_consequence(run, each)}" for each in proposed.consequences or []]


def _consequence(run: Run, consequence: Consequence) -> str:
    values = members(consequence)
    code = values.pop("code")
    if consequence.purpose:
        values["purpose"] = run.say(f"purpose.{consequence.purpose}")
    return run.say(f"policy.then_{code}", **values)


def _changed(run: Run, change: Difference) -> str:
    """One difference in words."""
    what, _, code = change.what.partition(" ")
    how = "added" if change.before is None else "removed" if change.after is None else "changed"
    if what == "program":
        return run.say(f"policy.program_{how}", name=code)
    if what == "prompt":
        return _prompt_changed(run, code, change)
    if what == "map":
        return run.say(f"policy.map_{how}", name=code, sha256=change.after or change.before)
    if what == "reason":
        langs = ("nb", "en") if how == "changed" else (run.lang,)  # one of them may be all that changed
        before, after = (_reason(run, value, langs) for value in (change.before, change.after))
        return run.say(f"policy.reason_{how}", word=code, before=before, after=after)
    before, after = (_value(run, value) for value in (change.before, change.after))
    return run.say("policy.changed", what=run.say(f"policy.what_{what}"), before=before, after=after)


def _prompt_changed(run: Run, prompt: str, change: Difference) -> str:
    """A new prompt whole; of one that there was, its end and the sound that it is played from."""
    before, after = change.before, change.after
    until = after.until or run.say("policy.without_end")
    if before is not None:
        ends = [run.say("policy.prompt_ends", prompt=prompt, until=until)] if before.until != after.until else []
        is_new = before.sound != after.sound
        sound = [run.say("policy.prompt_sound", prompt=prompt, sound=after.sound.hex())] if is_new else []
        code = "policy.prompt_late_taken" if after.taken_after_end else "policy.prompt_late_refused"
        late = [run.say(code, prompt=prompt)] if before.taken_after_end != after.taken_after_end else []
        return "; ".join([*ends, *sound, *late])
    said = {"text": after.text, "purposes": _offered(run, after), "since": after.since, "until": until}
    return run.say("policy.prompt_added", prompt=prompt, **said)


def _reason(run: Run, reason: ReasonCode | None, langs: Sequence[str]) -> str:
    """A reason code in words; nothing where there is none."""
    if reason is None:
        return ""
    return f"{' / '.join(map(reason.text, langs))} ({_purposes(run, reason)})"


def _purposes(run: Run, of: ReasonCode | Prompt | PromptShown) -> str:
    return ", ".join(run.say(f"purpose.{each}") for each in sorted(of.purposes))


def _offered(run: Run, prompt: Prompt | PromptShown) -> str:
    """The purposes of a prompt, by key where it offers several; and its line, if it has one."""
    keys = prompt.keys or {}
    by_key = [
        run.say("policy.key", key=key, purposes=", ".join(run.say(f"purpose.{each}") for each in sorted(purposes)))
        for key, purposes in sorted(keys.items())
    ]
    offered = "; ".join(by_key) if len(keys) > 1 else _purposes(run, prompt)
    return offered if prompt.line is None else f"{offered}; {run.say('policy.on_line', line=prompt.line)}"


def _value(run: Run, value: Any) -> str:
    if isinstance(value, bool):
        return run.say("policy.yes" if value else "policy.no")
    return str(value)


def _version_lines(run: Run, version: PolicyVersion) -> list[str]:
    """The policy in words: the rules by their sections, then what this version sets."""
    from arlo_rec.law.model.policy_versions import LIMITS, TRUTHS

    lines = [run.say("policy.version", version=version.version, at=version.since)]
    lines += [f"{rule.section}  {rule.id}: {rule.text(run.lang)}" for rule in version.rules]
    for key in (*TRUTHS, *LIMITS):
        value = _value(run, getattr(version, key))
        lines.append(run.say("policy.sets", what=run.say(f"policy.what_{key}"), value=value))
    lines.append(run.say("policy.reasons"))
    lines += [f"  {reason.code}: {_reason(run, reason, [run.lang])}" for reason in version.reasons]
    lines.append(run.say("policy.prompts"))
    for prompt in version.prompts:
        until = run.say("policy.until", day=prompt.until) if prompt.until else ""
        days = run.say("policy.from", day=prompt.since) + until
        lines.append(f"  {prompt.version} ({_offered(run, prompt)}; {days})")
    lines += [run.say("policy.map", name=each.name, sha256=each.sha256) for each in version.maps]
    return lines


def _rule_lines(run: Run, rule: Rule) -> list[str]:
    """One rule whole: its words in both languages, since when, what carries it out, and which tests show that."""
    commands = ", ".join(f"arlo-rec {each}" for each in rule.commands)
    return [
        run.say("policy.rule", rule=rule.id, section=rule.section, day=rule.since),
        f"  {rule.nb}",
        f"  {rule.en}",
        run.say("policy.rule_commands", commands=commands),
        run.say("policy.rule_enforced", what=rule.carried_out, tests=rule.pinned_by),
    ]


def policy_publish(ctx: typer.Context, *, out: Annotated[Path, opt("opt.pages_out", "--out", "DIR")]) -> Answer:
    """Write the guidelines, the notices and the records as signed pages into a new folder."""
    from arlo_rec.people.publishing.publish import publish

    run: Run = ctx.obj
    folder = run.files.named(run.client.files.demand_new_folder(out))
    company = run.particulars()
    with run.store() as store:
        published = publish(store, company, folder, run.now())
    count = len(published.pages)
    line = run.say("policy.published", version=published.version, count=count, path=published.out)
    return Answer(published, [line])
