"""Commands about consents: the record of one, and how many were given, declined, withdrawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import UNSET

from arlo_rec.edge.commands.options import Limit, arg, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import STDIN, span
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.errors import Usage

if TYPE_CHECKING:
    from arlo_rec.law.model.particulars import Particulars
    from arlo_rec.people.consent.record import ConsentFacts


def consent_show(
    ctx: typer.Context,
    recording: Annotated[str, arg("arg.consent_recording", "ID")],
    *,
    out: Annotated[Path | None, opt("opt.consent_out", "--out", "FILE")] = None,
) -> Answer:
    """The consent to one call, as a record of ISO/IEC TS 27560 in JSON-LD, and in words."""
    import json

    from arlo_rec.people.consent.record import ConsentAnswer, consent_record, consent_to

    run: Run = ctx.obj
    target = run.files.new_or_shown(out)
    stated = run.particulars()
    with run.store() as store:
        now = run.now()
        facts = consent_to(store, recording, now)
    answer = ConsentAnswer(consent_record(facts, stated, now))
    document = json.dumps(answer.consent, ensure_ascii=False, indent=2)
    if str(out) == STDIN:
        return Answer(answer, document.splitlines(), always=True)
    if target is None:
        return Answer(answer, [*_lines(run, facts, stated), run.say("consent.form")], always=True)
    target.write([f"{document}\n".encode()])
    told = [*_lines(run, facts, stated), run.say("consent.written", out=target)]
    return Answer(ConsentAnswer(answer.consent, target.absolute()), told, always=True)


def _lines(run: Run, facts: ConsentFacts, stated: Particulars) -> list[str]:
    """The record in words: time, prompt, purposes, legal bases, end, and the way to withdraw."""
    purposes = ", ".join(run.say(f"purpose.{purpose}") for purpose in facts.purposes)
    basis = stated.staff_basis(run.lang)
    members = {name: getattr(facts, name) for name in ("id", "key", "at", "prompt")}
    return [
        run.say("consent.given", **members, language=facts.prompt_lang),
        run.say("consent.to", controller=stated.controller, purposes=purposes),
        run.say("consent.basis_caller"),
        run.say("consent.basis_agent", basis=basis) if basis else run.say("consent.basis_agent_unstated"),
        run.say("consent.until", at=facts.erased_on),
        run.say("consent.withdrawn_by", contact=stated.contact)
        if stated.contact
        else run.say("consent.withdrawn_by_service"),
    ]


def consent_stats(
    ctx: typer.Context,
    *,
    since: Annotated[str | None, opt("opt.week_from", "--from", "DATE")] = None,
    before: Annotated[str | None, opt("opt.week_to", "--to", "DATE")] = None,
    limit: Limit = None,
) -> Answer:
    """Count consents given, declined and withdrawn, by week and prompt; small figures are hidden."""
    from arlo_rec.people.consent import figures

    run: Run = ctx.obj
    if limit is not None and limit < 1:
        raise Usage("bad_limit")
    begin, end = span(run, since, before)
    with run.store() as store:
        every = figures.figures(store, begin, end, run.now())
    weeks = every[:limit]
    hidden = run.say("consent.under", fewest=figures.FEWEST)
    columns = ["week", "prompt", *figures.KINDS]
    columns += [figures.IN_PART] if any(week.given_in_part is not UNSET for week in weeks) else []
    table = run.listing(figures.Week, weeks, " ".join(columns))._replace(fields=columns)
    table = table._replace(rows=[[cell or hidden for cell in row] for row in table.rows])
    lines = [run.say("consent.hidden" if weeks else "consent.none", fewest=figures.FEWEST)]
    lines += [run.say("consent.older", count=len(every) - len(weeks))] if len(every) > len(weeks) else []
    return Answer(figures.Weeks(weeks), lines, table)
