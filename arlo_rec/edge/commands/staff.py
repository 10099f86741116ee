"""Commands about employees as data subjects: notices shown to them, and objections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.edge.commands.anyone import particulars_or_none
from arlo_rec.edge.commands.disclosures import must_delete
from arlo_rec.edge.commands.options import DryRun, SometimesReason, among, arg, one_of, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import first_moment
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.errors import Unreachable, Usage
from arlo_rec.law.model.times import local_date

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.office.staff_notices import Missing
    from arlo_rec.people.dsar.letter import Notice
    from arlo_rec.vault.access.objections import Objection
    from arlo_rec.vault.backends.named_files import NamedFile
    from arlo_rec.vault.erasure.objection import Plan
    from arlo_rec.vault.opened import Store


# -- notices ------------------------------------------------------------------------------------------


def person_notify(
    ctx: typer.Context,
    names: Annotated[list[str] | None, arg("arg.agents", "[NAME]...")] = None,
    *,
    notice: Annotated[str, opt("opt.notice", "--notice", "NOTICE", choices=one_of("employees"))] = "employees",
    on: Annotated[str | None, opt("opt.shown_on", "--on", "DATE")] = None,
    version: Annotated[str | None, opt("opt.notice_version", "--version", "VERSION")] = None,
    missing: Annotated[bool, opt("opt.missing", "--missing")] = False,
    require: Annotated[bool | None, opt("opt.require_notice", "--require/--no-require")] = None,
) -> Answer:
    """Note that people were shown a notice, or require it; without a name, who was shown which, or who was not."""
    from arlo_rec.office import staff_notices
    from arlo_rec.office.staff_notices import NoticesAnswer

    run: Run = ctx.obj
    asked = sum((bool(names), missing, require is not None))
    if (not names and (on is not None or version is not None)) or asked > 1:
        raise Usage("notify_options")
    at = first_moment(run, on)
    day = local_date(at) if at is not None else None
    with run.store() as store:
        if require is not None:
            staff_notices.require(store, run.now(), required=require)
            left = len(staff_notices.untold_calls(store))
            line = run.say("notices.required" if require else "notices.not_required", count=left)
            return Answer(NoticesAnswer(required=require), [line])
        if missing:
            return _missing(run, staff_notices.missing(store, notice, run.now()))
        if names:
            shown = staff_notices.show(store, names, notice, day, version, run.now())
            line = run.say("notices.done", count=len(shown), version=shown[0].version, day=shown[0].shown_at)
            calls, unknown = _calls_of(run, store, [each.person for each in shown])
            return Answer(NoticesAnswer(shown, calls=calls), [line, *unknown])
        shown = staff_notices.listed(store, run.now())
    table = run.listing(staff_notices.Shown, shown, "person=name notice version shown_at=shown_on", "person")
    return Answer(NoticesAnswer(shown), [] if shown else [run.say("notices.none")], table)


def _calls_of(run: Run, store: Store, names: Sequence[str]) -> tuple[int, list[str]]:
    """The number of held calls of these employees; and a line for each name without any, which may be misspelt."""
    from arlo_rec.vault.access import employees

    named = employees.named(store, names, run.now())
    lines = []
    for each in named:
        if not each.calls:
            lines.append(run.say("objection.no_calls", name=each.name))
            lines += [run.say("objection.nearest", name=each.nearest)] if each.nearest else []
    return sum(each.calls for each in named), lines


def _missing(run: Run, left: Missing) -> Answer:
    """The recorded employees without a notice."""
    from arlo_rec.office.staff_notices import NoticesAnswer

    lines = [run.say("notices.missing", name=name) for name in left.people] or [run.say("notices.nobody_missing")]
    lines += [run.say("notices.unknown", count=left.unknown)] if left.unknown else []
    return Answer(NoticesAnswer(missing=left.people, unknown=left.unknown), lines, always=True)


# -- objections ---------------------------------------------------------------------------------------


def person_objection(
    ctx: typer.Context,
    name: Annotated[str | None, arg("arg.agent", "[NAME]")] = None,
    *,
    scope: Annotated[
        list[str] | None, opt("opt.objection_scope", "--scope", "SCOPE", choices=among("law.rights", "ObjectionScope"))
    ] = None,
    received: Annotated[str | None, opt("opt.objection_received", "--received", "DATE")] = None,
    uphold: Annotated[bool, opt("opt.uphold", "--uphold")] = False,
    reject: Annotated[bool, opt("opt.reject", "--reject")] = False,
    lift: Annotated[bool, opt("opt.lift", "--lift")] = False,
    dry_run: DryRun = False,
    reason: SometimesReason = None,
    out: Annotated[Path | None, opt("opt.objection_out", "--out", "FILE")] = None,
) -> Answer:
    """Enter or decide an employee's objection; without a name, every objection as it stands."""
    from arlo_rec.vault.erasure import objection
    from arlo_rec.vault.erasure.objection import ObjectionAnswer

    run: Run = ctx.obj
    decisions, typed = sum((uphold, reject, lift)), (scope, received, reason, out)
    is_letter = (uphold and not dry_run) or reject
    if decisions > (name is not None) or (dry_run and not uphold) or (name is None and any(typed)):
        raise Usage("objection_options")
    if (received is not None and decisions) or (reason is not None and not decisions) or (out and not is_letter):
        raise Usage("objection_options")
    if name is None:
        return _objections(run)
    if is_letter:
        return (_uphold if uphold else _reject)(run, name, scope or [], reason, out)
    at = first_moment(run, received)
    with run.store() as store:
        if dry_run:
            return _would_erase(run, store, name, objection.plan(store, name, scope or [], run.now()))
        if lift:
            changed = objection.lift(store, name, scope or [], reason, run.now())
        else:
            changed = objection.enter(store, name, scope or [], local_date(at) if at else None, run.now())
            return _entered(run, store, changed)
    return Answer(ObjectionAnswer(objections=changed), [_line(run, "objection.lifted", changed)], always=True)


def _entered(run: Run, store: Store, changed: list[Objection]) -> Answer:
    """Entered objections, and saved sound files that nobody may use meanwhile."""
    from arlo_rec.vault.access import disclosures
    from arlo_rec.vault.erasure import objection
    from arlo_rec.vault.erasure.objection import ObjectionAnswer

    saved = disclosures.saved(store, [row.id for row in objection.concerned(store, changed, run.now())])
    lines = [run.say("objection.saved", id=each.id, person=each.person, at=each.at) for each in saved]
    calls, unknown = _calls_of(run, store, [changed[0].person])
    answer = ObjectionAnswer(objections=changed, recipients=saved, calls=calls)
    code = "objection.entered" if calls else "objection.entered_unknown"
    return Answer(answer, [_line(run, code, changed), *unknown, *lines], always=True)


def _uphold(run: Run, name: str, scopes: list[str], reason: str | None, out: Path | None) -> Answer:
    """Uphold objections; what was erased, who must delete what they took, and the letter to the employee."""
    from arlo_rec.law.model.particulars import Particulars
    from arlo_rec.people.dsar import letter
    from arlo_rec.vault.access import disclosures
    from arlo_rec.vault.erasure import objection

    target, particulars = run.files.new_or_shown(out), particulars_or_none(run)
    with run.store(erasing=True) as store:
        upheld = objection.uphold(store, name, scopes, reason, run.now())
        ids = [row.id for row in upheld.erased.recordings]
        saved = disclosures.saved(store, [row.id for row in upheld.erased.used])
        erased = disclosures.of_recordings(store, ids)
        reached = erased + [each for each in saved if each.id not in {one.id for one in erased}]
        hours = store.settings.ring_hours if ids and store.settings.escrows else None
        unknown = [] if upheld.erased.calls else _calls_of(run, store, [name])[1]
    changed = upheld.objections
    line = _line(run, "objection.upheld", changed, count=len(ids), number=upheld.number)
    lines = [line, *unknown, *_kept(run, upheld.erased), *must_delete(run, reached)]
    lines += [] if upheld.receipt else [run.say("erasure.files_left")]
    lines += [run.say("objection.particulars_unread")] if particulars is None else []
    particulars, kept = particulars or Particulars(), upheld.erased.kept._asdict()
    notice = letter.objection_decided(changed, particulars, run.lang, files=len(saved), backup_hours=hours, kept=kept)
    of = {"calls": upheld.erased.calls, "recordings": ids, "recipients": reached, "erased": len(ids)}
    of |= {"receipt": upheld.receipt, "number": upheld.number, **_kept_ids(upheld.erased)}
    answer = _with_letter(run, changed, of, lines, notice, target)
    return answer._replace(exit_status=0 if upheld.receipt else 3)


def _reject(run: Run, name: str, scopes: list[str], reason: str | None, out: Path | None) -> Answer:
    """Reject objections, and word the letter that the law wants."""
    from arlo_rec.people.dsar import letter
    from arlo_rec.vault.erasure import objection

    target, particulars = run.files.new_or_shown(out), run.particulars()
    letter.check_contacts(particulars)
    with run.store() as store:
        changed = objection.reject(store, name, scopes, reason, run.now())
        calls, unknown = _calls_of(run, store, [changed[0].person])
    notice = letter.objection_decided(changed, particulars, run.lang)
    lines = [_line(run, "objection.rejected", changed), *unknown]
    return _with_letter(run, changed, {"calls": calls}, lines, notice, target)


def _with_letter(
    run: Run,
    changed: Sequence[Objection],
    facts: dict[str, Any],
    lines: list[str],
    notice: Notice,
    target: NamedFile | None,
) -> Answer:
    """The answer with its letter: shown, or written to a file."""
    from arlo_rec.vault.erasure.objection import ObjectionAnswer

    facts |= {"objections": list(changed), "letter": notice.text}
    if target is None:
        return Answer(ObjectionAnswer(**facts), [*lines, "", notice.text], always=True)
    try:
        target.write([notice.page().encode("utf-8")])
    except Unreachable as problem:
        raise Unreachable("objection_letter_not_written", name=changed[0].person) from problem
    lines.append(run.say("case.letter_written", out=target.name))
    return Answer(ObjectionAnswer(**facts, out=target.absolute()), lines, always=True)


def _would_erase(run: Run, store: Store, name: str, plan: Plan) -> Answer:
    """The effect of upholding: recordings that would be erased, and deletions that would be due."""
    from arlo_rec.vault.access import disclosures
    from arlo_rec.vault.erasure.objection import ObjectionAnswer

    ids = [row.id for row in plan.recordings]
    reached = disclosures.of_recordings(store, ids)
    unknown = [] if plan.calls else _calls_of(run, store, [name])[1]
    lines = [run.say("objection.would", count=len(ids)), *unknown, *_kept(run, plan)]
    of = {"calls": plan.calls, "recordings": ids, "recipients": reached, **_kept_ids(plan)}
    answer = ObjectionAnswer(objections=[], erased=0, would_erase=len(ids), **of)
    return Answer(answer, lines + must_delete(run, reached, would=True))


def _kept(run: Run, plan: Plan) -> list[str]:
    """The recordings that stay because another person has a claim to them, and how they go."""
    counts = plan.kept._asdict().items()
    return [run.say(f"objection.kept_{why}", count=count) for why, count in counts if count]


def _kept_ids(plan: Plan) -> dict[str, Any]:
    """The ids of the recordings that stay."""
    return {"on_hold": [row.id for row in plan.on_hold], "asked_for": [row.id for row in plan.asked_for]}


def _line(run: Run, code: str, changed: Sequence[Objection], **values: object) -> str:
    """A sentence about objections of one employee."""
    scopes = ", ".join(run.say(f"objection.scope_{objection.scope}") for objection in changed)
    first = changed[0]
    return run.say(code, name=first.person, scopes=scopes, received=first.received, due=first.due or "", **values)


def _objections(run: Run) -> Answer:
    """Every objection as it stands, what was changed last first."""
    from arlo_rec.vault.access import objections
    from arlo_rec.vault.erasure.objection import ObjectionAnswer

    with run.store() as store:
        every = objections.listed(store, run.now())
    lines = [] if every else [run.say("objection.none")]
    cells = {
        "scope": lambda objection: run.say(f"objection.scope_{objection.scope}"),
        "state": lambda objection: run.say(f"objection.state_{objection.state}"),
    }
    columns = "person=name scope state received due days_left by reason"
    table = run.listing(objections.Objection, every, columns, "person reason", cells)
    return Answer(ObjectionAnswer(objections=every), lines, table._replace(is_whole=True))
