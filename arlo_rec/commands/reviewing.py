"""The command to review a training copy, and its answers; a page plays it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.copy_answers import copy_json, copy_values, doubts
from arlo_rec.commands.options import SometimesReason, arg, opt
from arlo_rec.commands.run import Run
from arlo_rec.commands.training import TypedChanges
from arlo_rec.i18n.messages import say_or
from arlo_rec.model.documents import Record
from arlo_rec.model.errors import NothingMatched, Usage
from arlo_rec.ui.tables import Table
from arlo_rec.ui.terminal import Answer, message_of

if TYPE_CHECKING:
    from datetime import datetime

    from arlo_rec.listening.review import OpenReview
    from arlo_rec.listening.session import Session
    from arlo_rec.pseudonymise import Review
    from arlo_rec.speech.cut_list import Cut
    from arlo_rec.store import Store
    from arlo_rec.training.backlog import Waiting
    from arlo_rec.training.build import TrainingCopy
    from arlo_rec.training.owed import Owed
    from arlo_rec.training.spoken import SpokenWord

CUT_FIELDS = ("number", "start", "end", "channels", "types", "sources", "score", "status")
CUT_COLUMNS = ("number", "begin", "end", "channels", "types", "source", "sure", "status", "heard")


def review(
    ctx: typer.Context,
    copy: Annotated[str | None, arg("arg.copy_or_none", "[COPY]")] = None,
    *,
    next_one: Annotated[bool, opt("opt.next_copy", "--next")] = False,
    page: Annotated[bool, opt("opt.review_page", "--page")] = False,
    no_browser: Annotated[bool, opt("opt.no_browser", "--no-browser")] = False,
    accept: Annotated[list[str] | None, opt("opt.accept_cut", "--accept", "N|N-M|all")] = None,
    remove: Annotated[list[int] | None, opt("opt.remove_cut", "--remove", "N")] = None,
    change: Annotated[list[str] | None, opt("opt.change_cut", "--change", "N:START-END")] = None,
    add: Annotated[list[str] | None, opt("opt.add_cut", "--add", "START-END")] = None,
    undo: Annotated[list[int] | None, opt("opt.undo_cut", "--undo", "N")] = None,
    reason: SometimesReason = None,
    confirm: Annotated[bool, opt("opt.confirm", "--confirm")] = False,
) -> Answer:
    """Show, change or confirm what is cut out of a copy, here or on a page; without a copy, those that wait."""
    run: Run = ctx.obj
    typed = TypedChanges(accept or [], remove or [], change or [], add or [], undo or [])
    on_page = page or no_browser
    if copy is None and not next_one:
        if typed or confirm or on_page:
            raise Usage("copy_missing")
        return _waiting(run)
    _demand_one(typed, confirm=confirm, on_page=on_page, both=copy is not None and next_one)
    if on_page:
        return _page(run, copy, reason, browse=not no_browser)
    return _decide(run, copy, typed, reason, confirm=confirm)


def _demand_one(typed: TypedChanges, *, confirm: bool, on_page: bool, both: bool) -> None:
    """Raise Usage where several things are asked for at once."""
    if both:
        raise Usage("next_or_copy")
    if on_page and (typed or confirm):
        raise Usage("page_alone")
    if confirm and typed:
        raise Usage("confirm_alone")


def _waiting(run: Run) -> Answer:
    """The copies that wait for a person."""
    from arlo_rec.training import backlog

    with run.store() as store:
        waiting = backlog.under_review(store, run.now())
    return waiting_answer(run, waiting)


def meant(run: Run, store: Store, copy: str | None) -> str:
    """The copy that was named; for None the next one. Raises NothingMatched where there is no next one."""
    from arlo_rec.training import backlog

    if copy is not None:
        return copy
    found = backlog.next_to_review(store, run.now())
    if found is None:
        raise NothingMatched("nothing_to_review")
    return found.copy.first.hex()


def _decide(run: Run, named: str | None, typed: TypedChanges, reason: str | None, *, confirm: bool) -> Answer:
    """Show a copy, change its cuts, or confirm it."""
    from arlo_rec import pseudonymise as copies

    changes = typed.parsed()
    with run.store() as store:
        copy = meant(run, store, named)
        if typed:
            return changed_answer(run, "changed", copies.change(store, copy, changes, run.now))
        if confirm:
            return changed_answer(run, "confirmed", copies.confirm(store, copy, reason, run.now))
        return review_answer(run, copies.show(store, copy, run.now))


def _page(run: Run, named: str | None, reason: str | None, *, browse: bool) -> Answer:
    """Serve the page of a copy until it is over."""
    from arlo_rec.commands.listening import demand_not_closed, ended_by_signals, serve
    from arlo_rec.listening import review as reviewing

    with run.store() as store:
        opened = reviewing.open_for(store, meant(run, store, named), reason, run.now)
        session = reviewing.session(store, opened, doubts(run, opened.shown), run.now())
        with ended_by_signals(session):
            watching = reviewing.watched(store, opened, session, run.now, lambda error: message_of(error, run.lang))
            url = serve(run, store, session, watching, browse=browse)
    demand_not_closed(session)
    return page_answer(run, opened, session, url)


# -- answers ------------------------------------------------------------------------------------------


class CopyWaiting(Record, frozen=True):
    """A copy under review in an answer."""

    id: bytes  # of the call
    copy: bytes
    revision: int
    state: str
    made_at: datetime
    made_by: str
    team: str
    started_at: datetime | None


def waiting_answer(run: Run, waiting: Sequence[Waiting]) -> Answer:
    """The copies that wait for a person."""
    short = {each.copy.first: each.short for each in waiting}
    copies = [
        CopyWaiting.of(each.copy, id=each.copy.parent, copy=each.copy.first, team=each.team, started_at=each.started_at)
        for each in waiting
    ]
    cells = {"copy": lambda each: short[each.copy], "state": lambda each: run.say(f"copy.{each.state}")}
    columns = "copy started_at=started team state revision made_by"
    table = run.listing(CopyWaiting, copies, columns, "team made_by", cells)
    return Answer({"copies": copies}, [run.say("review.waiting", count=len(waiting))], table)


# -- one copy -----------------------------------------------------------------------------------------


def changed_answer(run: Run, ending: str, copy: TrainingCopy) -> Answer:
    """A copy that was `changed` or `confirmed`, with its cuts."""
    lines = [*doubts(run, copy), run.say(f"review.{ending}", **copy_values(run, copy))]
    return Answer({"copy": _json(copy)}, lines, None if run.json else _cut_table(run, copy, _spoken(copy)))


def review_answer(run: Run, review: Review) -> Answer:
    """A copy with its cuts, what stays of it in words, and what is left to do before it may be confirmed."""
    copy, words = review.copy, _spoken(review.copy)
    data = {"copy": {**_json(copy), "owed": review.owed.to_json(), "words": [word.to_json() for word in words]}}
    if run.json:
        return Answer(data)
    lines = [*_staying_lines(run, copy, words), *doubts(run, copy), *_owed_lines(run, copy, review.owed)]
    lines.append(run.say("review.shown", **copy_values(run, copy)))
    return Answer(data, lines, _cut_table(run, copy, words))


def page_answer(run: Run, opened: OpenReview, session: Session, url: str) -> Answer:
    """The result of a review on a page, and the next step."""
    done = session.done
    ids = {"id": opened.copy.parent.hex(), "copy": opened.shown.copy.hex()}
    heard = {"heard_s": round(session.heard_s(), 1), "original_heard_s": round(session.heard_s("original"), 1)}
    line = run.say(f"review.page_{done or 'left'}", copy=ids["copy"])
    return Answer({"copy": {**ids, "done": done}, "url": url, **heard}, [line])


def _json(copy: TrainingCopy) -> dict[str, Any]:
    unsure = [{"start": start, "end": end, "channel": channel} for start, end, channel in copy.plan.unsure]
    return {**copy_json(copy), "unsure": unsure}


def _spoken(copy: TrainingCopy) -> list[SpokenWord]:
    from arlo_rec.training.spoken import spoken

    return spoken(copy.plan)


# -- for people ---------------------------------------------------------------------------------------


def _cut_table(run: Run, copy: TrainingCopy, words: Sequence[SpokenWord]) -> Table:
    """The places to look at, then the cuts in order, each with its number and the words heard there."""
    from arlo_rec.speech.cut_list import LOOK
    from arlo_rec.training.spoken import heard_in

    starts = [told.word.start for told in words]
    every = enumerate(copy.plan.listed, 1)
    numbered = sorted(every, key=lambda pair: (pair[1].status != LOOK, pair[1].start, pair[0]))
    rows = [[str(number), *_cut_row(run, cut), " ".join(heard_in(cut, words, starts))] for number, cut in numbered]
    listed = [{"number": number, **cut.to_json()} for number, cut in numbered]
    return run.table(CUT_COLUMNS, rows, ("source", "heard"), (listed, CUT_FIELDS))._replace(is_whole=True)


def _cut_row(run: Run, cut: Cut) -> list[str]:
    channels = run.say("cuts.all") if cut.channels is None else ", ".join(str(channel) for channel in cut.channels)
    score = "" if cut.score is None else _decimal(run, cut.score)
    types = ", ".join(run.say(f"cut.{type}") for type in cut.types)
    sources = ", ".join(say_or(f"cut_source.{source}", run.lang, source) for source in cut.sources)
    status = say_or(f"cut_status.{cut.status}", run.lang, cut.status)
    return [_decimal(run, cut.start), _decimal(run, cut.end), channels, types, sources, score, status]


def _decimal(run: Run, number: float) -> str:
    """A number with two decimals, as people of the run's language write it."""
    text = f"{number:.2f}"
    return text.replace(".", ",") if run.lang == "nb" else text


def _staying_lines(run: Run, copy: TrainingCopy, words: Sequence[SpokenWord]) -> Iterator[str]:
    """The remaining words by turns, with cuts by number, and marks for unsure words and places to look at."""
    from arlo_rec.training.spoken import second_opinions, turns

    if not words:
        yield run.say("review.no_words")
        return
    yield run.say("review.stays")
    for turn in turns(words):
        yield f"{_at(turn[0])}  {_speaker(run, copy, turn[0])}: {' '.join(_marked(turn))}"
    others = second_opinions(words)
    if others:
        yield run.say("review.second_opinions")
    for phrase in others:
        yield f"{_at(phrase[0])}  {_speaker(run, copy, phrase[0])}: {' '.join(_marked(phrase))}"


def _marked(words: Sequence[SpokenWord]) -> Iterator[str]:
    """`[3]` for what is in cut 3, `word?` for what was heard badly, `*word*` for where to look."""
    before: int | None = None
    for told in words:
        if told.cut is None:
            text = f"{told.word.text}?" if told.is_unsure else told.word.text
            yield f"*{text}*" if told.look else text
        elif told.cut != before:
            yield f"[{told.cut}]"
        before = told.cut


def _at(told: SpokenWord) -> str:
    return f"{int(told.word.start) // 60}:{int(told.word.start) % 60:02d}"


def _speaker(run: Run, copy: TrainingCopy, told: SpokenWord) -> str:
    channel = told.word.channel
    if channel is None:
        return run.say("review.somebody")
    side = next((side for side, number in copy.sides.items() if number == channel), None)
    return run.say(f"review.{side}") if side is not None else run.say("review.channel", number=channel + 1)


def _owed_lines(run: Run, copy: TrainingCopy, owed: Owed) -> list[str]:
    """The steps before `--confirm` needs no reason."""
    if not owed:
        return [run.say("review.nothing_owed")]
    from arlo_rec.speech.cut_list import LOOK

    lines = []
    look = [number for number in owed.undecided if copy.plan.listed[number - 1].status == LOOK]
    for code, numbers in (("look_at", look), ("undecided", [each for each in owed.undecided if each not in look])):
        if numbers:
            lines.append(run.say(f"review.{code}", count=len(numbers), cuts=", ".join(map(str, numbers))))
    if owed.unheard:
        parts = ", ".join(f"{stretch.start:.1f}-{stretch.end:.1f}" for stretch in owed.unheard)
        lines.append(run.say("review.unheard", count=len(owed.unheard), parts=parts, copy=copy.copy.hex()))
    return lines
