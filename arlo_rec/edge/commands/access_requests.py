"""Commands for requests of people: the answer to one, and the register of cases."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from arlo_rec.edge.commands.options import Ground, Reason, SometimesReason, among, arg, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import STDIN, days_of, first_moment
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.errors import Unreachable, Usage, nearest
from arlo_rec.law.model.times import end_of_day, local_date, shown
from arlo_rec.law.rights import ANSWERED_BY_COPY, IDENTITY_WAYS, Right

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date, datetime

    from arlo_rec.law.log.registers import LoggedCase
    from arlo_rec.people.dsar.answer import SaidAbout, Scope
    from arlo_rec.people.dsar.decisions import Word
    from arlo_rec.people.dsar.letter import Notice
    from arlo_rec.people.dsar.register import CaseDetails, CaseShown
    from arlo_rec.people.dsar.request import Answered, CallsOf, Stretch
    from arlo_rec.sound.audio.turns import Turn
    from arlo_rec.vault.backends.named_files import NamedFile
    from arlo_rec.vault.opened import Store

_MOST_DAYS, _MOST_TURNS = 10, 40  # in one line
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4}")
CaseId = Annotated[str, arg("arg.case", "CASE")]
Callers = Annotated[list[str] | None, arg("arg.callers", "[CALLER ...|-]")]
Agents = Annotated[list[str] | None, opt("opt.dsar_agent", "--agent", "NAME")]
Identity = Annotated[list[str] | None, opt("opt.identity", "--identity")]
JoinedCase = Annotated[str | None, opt("opt.case", "--case", "CASE|new")]
Received = Annotated[str | None, opt("opt.received", "--received", "DATE")]
NEW: Final = "new"  # instead of the id of a case
WITHHELD: Final = "none"  # instead of a file of speech
Person = Annotated[str | None, opt("opt.dsar_person", "--person", "NAME")]
ClosingGround = Annotated[
    str | None, opt("opt.closing_ground", "--ground", "GROUND", choices=among("law.rights", "ClosingGround"))
]
NoticeFile = Annotated[Path | None, opt("opt.notice_out", "--out", "FILE")]


def dsar(
    ctx: typer.Context,
    callers: Callers = None,
    *,
    out: Annotated[Path, opt("opt.dsar_out", "--out", "FILE")],
    identity: Identity = None,
    case: JoinedCase = None,
    agent: Agents = None,
    person: Person = None,
    received: Received = None,
    only: Annotated[list[str] | None, opt("opt.dsar_only", "--only", "ID|DATE..DATE")] = None,
    turns: Annotated[list[Path] | None, opt("opt.speech", "--turns", "FILE|none")] = None,
    whole_call: Annotated[bool, opt("opt.whole_call", "--whole-call/--own-speech")] = False,
    reason: SometimesReason = None,
) -> Answer:
    """Answer an access request: open or continue its case, and write the package."""
    from arlo_rec.people.dsar import request as requests
    from arlo_rec.people.dsar.register import Intake
    from arlo_rec.people.dsar.writing import Form

    run: Run = ctx.obj
    _check_way(identity)
    if str(out) == STDIN:
        raise Usage("out_is_no_file")
    particulars = run.particulars()
    if run.settings.answer_sound not in {"mp3", "wav"}:
        raise Usage("bad_value", name="answer_sound")
    form = Form(run.lang, run.settings.answer_sound == "wav", particulars.controller)
    given = _speech(run, turns or [])
    differs = (whole_call, given.is_withheld, given.about, reason)
    scope = _scope(run, only or [])
    reply = requests.Reply(run.files.new_file(out), given.turns, given.draft, *differs, form, scope, particulars)
    named, is_new = _joined(case)
    rights = ANSWERED_BY_COPY
    intake = Intake(tuple(identity or ()), first_moment(run, received), case=named, is_new=is_new, rights=rights)
    request = requests.Request(_callers(run, callers), (), tuple(agent or ()), person, intake)
    with run.store() as store:
        answered = requests.answer(store, request, reply, run.now, run.progress)
    return Answer(answered, _answered_lines(run, answered, given.draft), always=True)


def case_open(
    ctx: typer.Context,
    callers: Callers = None,
    *,
    identity: Identity = None,
    received: Received = None,
    identity_asked: Annotated[str | None, opt("opt.identity_asked", "--identity-asked", "DATE")] = None,
    identity_given: Annotated[str | None, opt("opt.identity_given", "--identity-given", "DATE")] = None,
    reference: Annotated[list[str] | None, opt("opt.reference", "--reference", "ID")] = None,
    agent: Agents = None,
    person: Person = None,
    right: Annotated[str, opt("opt.right", "--right", "RIGHT", choices=among("law.rights", "Right"))] = "access",
    way: Annotated[str | None, opt("opt.way", "--way", "TEXT")] = None,
    joined: JoinedCase = None,
) -> Answer:
    """Enter a request on the day it comes, without an answer: its case, and when its first recording is erased."""
    from arlo_rec.people.dsar import request as requests
    from arlo_rec.people.dsar.register import Intake

    run: Run = ctx.obj
    _check_way(identity)
    days = (first_moment(run, received), first_moment(run, identity_asked), first_moment(run, identity_given))
    if right not in set(Right):
        raise Usage("right_unknown", rights=", ".join(Right))
    named, is_new = _joined(joined)
    intake = Intake(tuple(identity or ()), *days, named, is_new=is_new, rights=(Right(right),), way=way)
    request = requests.Request(_callers(run, callers), tuple(reference or ()), tuple(agent or ()), person, intake)
    with run.store() as store:
        entered = requests.enter(store, request, run.now)
    case = entered.case
    lines = [run.say(f"dsar.entered.{_next_step(case)}", case=case.id, due=case.due, count=entered.recordings)]
    lines += [run.say("dsar.asked_late", days=entered.asked_late)] if entered.asked_late is not None else []
    lines += _erased_lines(run, case.first_erased, case.due) + _nothing_of(run, entered.nothing_of)
    lines += _calls_of(run, entered.known_by)
    return Answer(entered, lines, always=True)


def case_list(ctx: typer.Context) -> Answer:
    """The cases that have not ended, with the days that are left."""
    from arlo_rec.people.dsar import register
    from arlo_rec.people.dsar.register import Cases, CaseShown

    run: Run = ctx.obj
    with run.store() as store:
        found = register.listed(store, run.now())
    columns = "id=case right received due days_left first_erased state"
    table = run.listing(CaseShown, found, columns, cells=_cells(run))
    return Answer(Cases(found), [] if found else [run.say("cases.none")], table)


def case_show(ctx: typer.Context, case: CaseId, *, out: NoticeFile = None) -> Answer:
    """One case: what is known of the person, and what was done; its last letter again with --out."""
    from arlo_rec.people.dsar import letter, register
    from arlo_rec.people.dsar.register import CaseWhole

    run: Run = ctx.obj
    now = run.now()
    target = run.files.new_or_shown(out)
    with run.store() as store:
        entry = register.shown(store, case, now)
        details = register.details(store, entry, now)
    lines = _detail_lines(run, details)
    if out is None:
        return Answer(CaseWhole(details), lines, always=True)
    notice = letter.newest(entry.case, run.particulars(), _letter_lang(run, entry.case), now)
    if notice is None:
        raise Usage("no_notice", case=case)
    if target is None:
        return Answer(CaseWhole(details), [*lines, "", notice.text], always=True)
    _write_notice(notice, target)
    lines.append(run.say("case.letter_written", out=out))
    return Answer(CaseWhole(details, out=target.absolute()), lines, always=True)


def case_extend(ctx: typer.Context, case: CaseId, *, reason: Reason = None, out: NoticeFile = None) -> Answer:
    """Extend the deadline by two months, and word the letter that says so."""
    from arlo_rec.people.dsar import decisions

    run: Run = ctx.obj
    return _letter_answer(
        run, out, lambda store, word, now: decisions.extend(store, case, reason, run.chosen_lang, word, now)
    )


def case_decide(
    ctx: typer.Context,
    case: CaseId,
    *,
    grant: Annotated[bool | None, opt("opt.grant_or_refuse", "--grant/--refuse")] = None,
    ground: Ground = None,
    reason: Reason = None,
    out: NoticeFile = None,
) -> Answer:
    """Grant or refuse what a person asks for, and word the letter that the law wants."""
    from arlo_rec.people.dsar import decisions

    run: Run = ctx.obj
    if grant is None:
        raise Usage("grant_or_refuse")
    if not grant:
        return case_refuse(ctx, case, ground=ground, reason=reason, out=out)
    if ground is not None:
        raise Usage("not_together", names="--grant --ground")
    return _letter_answer(
        run, out, lambda store, word, now: decisions.grant(store, case, reason, run.chosen_lang, word, now)
    )


def case_refuse(
    ctx: typer.Context, case: CaseId, *, ground: Ground = None, reason: Reason = None, out: NoticeFile = None
) -> Answer:
    """Refuse a request on a ground of the law, and word the letter; where there is a second officer, it waits."""
    from arlo_rec.people.dsar import decisions

    run: Run = ctx.obj
    return _letter_answer(
        run, out, lambda store, word, now: decisions.refuse(store, case, ground, reason, run.chosen_lang, word, now)
    )


def case_close(
    ctx: typer.Context,
    case: CaseId,
    *,
    ground: ClosingGround = None,
    reason: SometimesReason = None,
    out: NoticeFile = None,
) -> Answer:
    """Close a case whose answer was handed over, or, on a ground, one that needs no answer."""
    from arlo_rec.people.dsar import decisions

    run: Run = ctx.obj
    if out is not None and ground is None:
        raise Usage("closing_letter_without_ground")
    return _letter_answer(
        run,
        out,
        lambda store, word, now: decisions.close(store, case, ground, reason, run.chosen_lang, word, now),
        has_letter=ground is not None,
    )


def _letter_answer(
    run: Run,
    out: Path | None,
    change: Callable[[Store, Word, datetime], tuple[LoggedCase, Notice | None]],
    *,
    has_letter: bool = True,
) -> Answer:
    """Change a case, and show the letter that tells the person so, or write it to *out*; none where it was answered."""
    from arlo_rec.people.dsar import letter, register
    from arlo_rec.people.dsar.register import CaseAnswer

    target, particulars, now = run.files.new_or_shown(out), run.particulars(), run.now()
    if has_letter:
        letter.check_contacts(particulars, "access.subject")
    with run.store() as store:
        case, notice = change(store, lambda case: letter.newest(case, particulars, _letter_lang(run, case), now), now)
        facts = register.facts(store, case, now)
    if facts.waits is not None:
        return Answer(CaseAnswer(facts), [run.say("case.waits", case=case.id, id=facts.waits)], always=True)
    if notice is None or (case.closed_at is not None and (case.why is None or case.answered_at is not None)):
        return Answer(CaseAnswer(facts), [run.say("case.closed", case=case.id)])
    lines = [run.say(f"case.{notice.kind}", case=case.id, due=facts.due)]
    lines += [run.say("case.extension_of_nothing")] if notice.kind == "extended" and not case.held else []
    if target is None:
        return Answer(CaseAnswer(facts, notice.text), [*lines, run.say("case.send"), "", notice.text], always=True)
    try:
        _write_notice(notice, target)
    except Unreachable as problem:
        raise Unreachable("letter_not_written", case=case.id) from problem
    answer = CaseAnswer(facts, notice.text, target.absolute())
    return Answer(answer, [*lines, run.say("case.send_written", out=target)])


def _letter_lang(run: Run, case: LoggedCase) -> str:
    """The language of a letter: that of the officer's words in it, else that of the run.

    Raises Usage if another was chosen.
    """
    from arlo_rec.law.messages import language_of

    spoken = language_of(case.why or case.extension or "")
    if run.chosen_lang is not None and spoken not in {None, run.chosen_lang}:
        raise Usage("reason_in_other_language", letter=run.chosen_lang)
    return spoken or run.lang


def _joined(case: str | None) -> tuple[str | None, bool]:
    """The named case, and whether the request begins a new one."""
    return (None, True) if case == NEW else (case, False)


def _next_step(case: CaseShown) -> str:
    """The next step in a new case: ask for identity, answer it, or carry it out and decide."""
    if case.state == "identity":
        return "identity"
    return "answer" if case.right in ANSWERED_BY_COPY else "decide"


def _erased_lines(run: Run, first: datetime | None, due: date) -> list[str]:
    """When the first recording goes: as a warning where that is before the deadline."""
    if first is None:
        return []
    code = "dsar.erased_before_due" if first < end_of_day(due) else "dsar.first_erased"
    return [run.say(code, at=first)]


def _nothing_of(run: Run, names: Sequence[str]) -> list[str]:
    """Names and references to which no call belongs: one may be written wrongly."""
    return [run.say("dsar.nothing_of", names=", ".join(names))] if names else []


def _turns_lines(run: Run, turns: Sequence[Stretch]) -> list[str]:
    """A line for each recording whose voices are not separated: when somebody speaks."""
    by_recording: dict[str, list[str]] = {}
    for turn in turns:
        by_recording.setdefault(turn.id, []).append(f"{turn.start:.1f}-{turn.end:.1f}")
    return [
        run.say("dsar.turns", id=name, count=len(spans), spans=", ".join(_first(spans, _MOST_TURNS)))
        for name, spans in by_recording.items()
    ]


def _first(texts: Sequence[str], most: int) -> list[str]:
    """The first of *texts*, with dots where there are more."""
    return [*texts[:most], *(["..."] if len(texts) > most else [])]


def _calls_of(run: Run, known_by: Sequence[CallsOf]) -> list[str]:
    """The days of the calls of each number, which several people of a household may have."""
    lines = []
    for each in known_by:
        if each.kind == "caller" and each.calls:
            days = list(dict.fromkeys(str(local_date(at)) for at in each.calls))
            days_shown = ", ".join(_first(days, _MOST_DAYS))
            lines.append(run.say("dsar.calls_of", number=each.text, count=len(each.calls), days=days_shown))
    return lines


# -- what is shown ------------------------------------------------------------------------------------


def _answered_lines(run: Run, answered: Answered, draft: NamedFile | None) -> list[str]:
    """The path of the package, the day by which it must be sent, and the passphrase, which is shown only now."""
    case, damaged = answered.case, answered.damaged
    lines = [run.say("dsar.done", case=case.id, due=case.due, count=answered.recordings, out=answered.out)]
    lines.append(run.say("dsar.passphrase", passphrase=answered.passphrase))
    lines += [run.say(f"dsar.without_sound.{each.code}", id=each.id) for each in answered.without_sound]
    lines += _turns_lines(run, answered.turns)
    if draft is not None:
        lines.append(run.say("dsar.turns_written" if answered.turns else "dsar.no_turns", out=draft.path))
    lines += [run.say("dsar.damaged", count=len(damaged), ids=", ".join(damaged))] if damaged else []
    lines += _nothing_of(run, answered.nothing_of) + _calls_of(run, answered.known_by)
    return lines + ([run.say("dsar.unsigned", count=answered.unsigned)] if answered.unsigned else [])


def _callers(run: Run, callers: list[str] | None) -> tuple[str, ...]:
    return tuple(run.caller(caller) for caller in callers or ())


def _scope(run: Run, only: list[str]) -> Scope | None:
    """The part of the held data that the person wants: calls, and a day or a span of days; None for all.

    Raises Usage for an empty one, for two spans, and for an invalid one.
    """
    from arlo_rec.people.dsar.answer import Scope

    days = [text for text in only if ".." in text or _DAY.fullmatch(text)]
    if len(days) > 1:
        raise Usage("two_spans")
    if not all(only) or days == [".."]:
        raise Usage("bad_value", name="--only")
    calls = tuple(text for text in only if text not in days)
    begin, end = days_of(run, days[0] if days else None)
    return Scope(calls, begin, end) if only else None


def _check_way(identity: list[str] | None) -> None:
    """Raise Usage where how identity was checked is a known way, mistyped: other words would stand in the letter."""
    for stated in identity or ():
        if stated not in IDENTITY_WAYS and " " not in stated.strip() and (near := nearest(stated, IDENTITY_WAYS)):
            raise Usage("identity_way_unknown", **near)


def _write_notice(notice: Notice, target: NamedFile) -> None:
    target.write([notice.page().encode("utf-8")])


class _Speech(NamedTuple):
    """The files of `--turns`, told apart by what is in them."""

    turns: Mapping[str, Sequence[Turn]]  # of speakers on single tracks, by id or reference
    about: Mapping[str, Sequence[SaidAbout]]  # the employee's words about the caller, by id or reference
    draft: NamedFile | None  # a new file, for the turns that are heard
    is_withheld: bool  # sounds that are not separated are refused


def _speech(run: Run, named: Sequence[Path]) -> _Speech:
    """The content of files, turns as RTTM or words about the caller as JSON; a file that is not there gets a draft."""
    from arlo_rec.people.dsar import recordings
    from arlo_rec.sound.audio import turns

    speakers: dict[str, Sequence[Turn]] = {}
    about: dict[str, Sequence[SaidAbout]] = {}
    drafts: list[NamedFile] = []
    files = [path for path in named if str(path) != WITHHELD]
    for path in files:
        try:
            drafts.append(run.files.new_file(path))
        except Usage as taken:
            if taken.code != "out_exists":
                raise
            raw = run.files.read(path, max(turns.LONGEST, recordings.ABOUT_LONGEST), pipes=False)
            if raw.lstrip().startswith((b"{", b"[")):
                about |= recordings.read_said_about(raw)
            else:
                speakers |= turns.read(raw)
    if len(drafts) > 1:
        raise Usage("file_unreadable", path=str(drafts[1].path))
    return _Speech(speakers, about, drafts[0] if drafts else None, len(files) < len(named))


def _cells(run: Run) -> dict[str, Callable[[CaseShown], object]]:
    return {
        "right": lambda case: run.say(f"right.{case.right}"),
        "received": lambda case: local_date(case.received),
        "first_erased": lambda case: case.first_erased and local_date(case.first_erased),
        "state": lambda case: run.say(f"case_state.{case.state}"),
    }


def _detail_lines(run: Run, case: CaseDetails) -> list[str]:
    facts = {"case": case.id, "state": run.say(f"case_state.{case.state}"), "received": case.received}
    facts["right"] = run.say(f"right.{case.right}")
    lines = [run.say("case.facts", **facts, due=case.due, ends=shown(case.ends)[:10])]
    lines += [run.say("case.left", days=case.days_left)] if case.days_left is not None else []
    for each in case.known_by:
        lines.append(run.say("case.known_by", kind=run.say(f"known_by.{each.kind}"), text=each.text))
    lines += [run.say("case.identity", text=each) for each in case.identity]
    lines += [run.say("case.identity_asked", day=case.identity_asked)] if case.identity_asked is not None else []
    lines += [run.say("case.way", text=each) for each in case.way]
    lines += [run.say("case.stood_still", days=case.stood_still_days)] if case.stood_still_days else []
    lines += [run.say("case.extension", reason=case.extension)] if case.extension else []
    if case.ground is not None:
        told = "case.ground" if case.refused is not None else "case.closed_because"
        lines.append(run.say(told, ground=run.say(f"ground.{case.ground}")))
    lines += [run.say("case.why", reason=case.why)] if case.why else []
    lines += [run.say("case.waits", case=case.id, id=case.waits)] if case.waits is not None else []
    lines.append(run.say("case.held", count=case.held))
    lines += [run.say("case.answer", at=case.answered, sha256=case.sha256)] if case.answered is not None else []
    return lines + _erased_lines(run, case.first_erased, case.due)
