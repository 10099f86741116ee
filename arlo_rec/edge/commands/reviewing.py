"""The command to review a training copy, and its answers; a page plays it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from arlo_rec.edge.commands.copy_answers import copy_values, doubts
from arlo_rec.edge.commands.options import PurposeOfCopies, ReasonOfCopies, arg, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.training import TypedChanges
from arlo_rec.edge.tables import Table
from arlo_rec.edge.terminal import Answer, message_of
from arlo_rec.law.messages import say_or
from arlo_rec.law.model.errors import NothingMatched, Usage
from arlo_rec.policy import Action

if TYPE_CHECKING:
    from arlo_rec.calls.training.build import TrainingCopy
    from arlo_rec.calls.training.owed import Owed
    from arlo_rec.calls.training.spoken import SpokenWord
    from arlo_rec.desk.review import OpenReview
    from arlo_rec.desk.session import Session
    from arlo_rec.pseudonymise import Review
    from arlo_rec.vault.opened import Store


NEXT: Final = "next"  # instead of the id of a copy


def review(
    ctx: typer.Context,
    copy: Annotated[str | None, arg("arg.copy_or_none", "[COPY|next]")] = None,
    *,
    page: Annotated[bool, opt("opt.review_page", "--page")] = False,
    no_browser: Annotated[bool, opt("opt.no_browser", "--no-browser")] = False,
    accept: Annotated[list[str] | None, opt("opt.accept_cut", "--accept", "N|N-M|all")] = None,
    remove: Annotated[list[int] | None, opt("opt.remove_cut", "--remove", "N")] = None,
    change: Annotated[list[str] | None, opt("opt.change_cut", "--change", "N:START-END")] = None,
    add: Annotated[list[str] | None, opt("opt.add_cut", "--add", "START-END")] = None,
    undo: Annotated[list[int] | None, opt("opt.undo_cut", "--undo", "N")] = None,
    purpose: PurposeOfCopies = None,
    reason: ReasonOfCopies = None,
    confirm: Annotated[bool, opt("opt.confirm", "--confirm")] = False,
) -> Answer:
    """Show, change or confirm what is cut out of a copy, here or on a page; without a copy, those that wait."""
    run: Run = ctx.obj
    typed = TypedChanges(accept or [], remove or [], change or [], add or [], undo or [])
    on_page = page or no_browser
    if copy is None:
        if typed or confirm or on_page:
            raise Usage("copy_missing")
        return _waiting(run)
    _demand_one(typed, confirm=confirm, on_page=on_page)
    if on_page:
        return _page(run, copy, purpose, reason, browse=not no_browser)
    return _confirm(run, copy, reason) if confirm else _look(run, copy, typed, purpose, reason)


def _demand_one(typed: TypedChanges, *, confirm: bool, on_page: bool) -> None:
    """Raise Usage where several things are asked for at once."""
    if on_page and (typed or confirm):
        raise Usage("page_alone")
    if confirm and typed:
        raise Usage("confirm_alone")


def _waiting(run: Run) -> Answer:
    """The copies that wait for a person."""
    from arlo_rec.calls.training import backlog
    from arlo_rec.calls.training.answers import Reviewed

    with run.store() as store:
        waiting = backlog.under_review(store, run.now())
    cells = {"state": lambda each: run.say(f"copy.{each.state}")}
    columns = "short=copy started_at=started team state revision made_by"
    table = run.listing(backlog.CopyWaiting, waiting, columns, "team made_by", cells)
    return Answer(Reviewed(copies=waiting), [run.say("review.waiting", count=len(waiting))], table)


def meant(run: Run, store: Store, copy: str) -> str:
    """The copy that was named, or the next one; raises NothingMatched where there is no next one."""
    from arlo_rec.calls.training import backlog

    if copy != NEXT:
        return copy
    found = backlog.next_to_review(store, run.now())
    if found is None:
        raise NothingMatched("nothing_to_review")
    return found.copy.hex()


def _look(run: Run, named: str, typed: TypedChanges, purpose: str | None, reason: str | None) -> Answer:
    """Show a copy, or change its cuts: either shows the person what is said in a call."""
    from arlo_rec import pseudonymise as copies
    from arlo_rec.calls.training.spoken import spoken
    from arlo_rec.vault.access.gate import Intent

    changes, intent = typed.parsed(), Intent(Action.REVIEW, purpose, reason)
    with run.store() as store:
        copy = meant(run, store, named)
        if typed:
            changed = copies.change(store, copy, changes, intent, run.now)
            return changed_answer(run, "changed", changed, spoken(changed.plan))
        return review_answer(run, copies.show(store, copy, intent, run.now))


def _confirm(run: Run, named: str, reason: str | None) -> Answer:
    """Confirm a copy, with a reason where something was not heard; no word of the call is shown."""
    from arlo_rec import pseudonymise as copies

    with run.store() as store:
        copy = copies.confirm(store, meant(run, store, named), reason, run.now)
    return changed_answer(run, "confirmed", copy, [])


def _page(run: Run, named: str, purpose: str | None, reason: str | None, *, browse: bool) -> Answer:
    """Serve the page of a copy until it is over."""
    from arlo_rec.desk import review as reviewing
    from arlo_rec.edge.commands.pages import demand_not_closed, ended_by_signals, serve

    with run.store() as store:
        opened = reviewing.open_for(store, meant(run, store, named), purpose, reason, run.now)
        session = reviewing.session(store, opened, doubts(run, opened.shown), run.now())
        with ended_by_signals(session):
            watching = reviewing.watched(store, opened, session, run.now, lambda error: message_of(error, run.lang))
            url = serve(run, store, session, watching, browse=browse)
    demand_not_closed(session)
    return page_answer(run, opened, session, url)


# -- one copy -----------------------------------------------------------------------------------------


def changed_answer(run: Run, ending: str, copy: TrainingCopy, words: Sequence[SpokenWord]) -> Answer:
    """A copy that was `changed` or `confirmed`, with its cuts and the *words* that may be shown."""
    from arlo_rec.calls.training.answers import Reviewed, shown

    lines = [*doubts(run, copy), run.say(f"review.{ending}", **copy_values(run, copy))]
    changed = Reviewed(copy=shown(copy, unsure=copy.plan.unsure))
    return Answer(changed, lines, _cut_table(run, copy, words))


def review_answer(run: Run, review: Review) -> Answer:
    """A copy with its cuts, what stays of it in words, and what is left to do before it may be confirmed."""
    from arlo_rec.calls.training.answers import Reviewed, shown
    from arlo_rec.calls.training.spoken import spoken

    copy, words = review.copy, spoken(review.copy.plan)
    reviewed = Reviewed(copy=shown(copy, unsure=copy.plan.unsure, owed=review.owed, words=words))
    lines = [*_staying_lines(run, copy, words), *doubts(run, copy), *_owed_lines(run, copy, review.owed)]
    lines.append(run.say("review.shown", **copy_values(run, copy)))
    return Answer(reviewed, lines, _cut_table(run, copy, words))


def page_answer(run: Run, opened: OpenReview, session: Session, url: str) -> Answer:
    """The result of a review on a page, and the next step."""
    from arlo_rec.calls.training.answers import CopyShown, Reviewed

    copy = CopyShown(id=opened.copy.parent.hex(), copy=opened.shown.copy.hex(), done=session.done)
    heard_s, original_heard_s = round(session.heard_s(), 1), round(session.heard_s("original"), 1)
    line = run.say(f"review.page_{session.done or 'left'}", copy=copy.copy)
    return Answer(Reviewed(copy=copy, url=url, heard_s=heard_s, original_heard_s=original_heard_s), [line])


# -- for people ---------------------------------------------------------------------------------------


def _cut_table(run: Run, copy: TrainingCopy, words: Sequence[SpokenWord]) -> Table:
    """The places to look at, then the cuts in order, each with its number and the words heard there."""
    from arlo_rec.calls.training.answers import numbered
    from arlo_rec.calls.training.spoken import heard_in
    from arlo_rec.sound.audio.cut_list import LOOK, NumberedCut
    from arlo_rec.sound.speech import NO_SCORES

    starts, has_scores = [told.start for told in words], NO_SCORES not in copy.plan.warnings
    cells: dict[str, Callable[[NumberedCut], object]] = {
        "start": lambda cut: _decimal(run, cut.start),
        "end": lambda cut: _decimal(run, cut.end),
        "channels": lambda cut: run.say("cuts.all") if cut.channels is None else cut.channels,
        "types": lambda cut: [run.say(f"cut.{type}") for type in cut.types],
        "sources": lambda cut: [say_or(f"cut_source.{source}", run.lang, source) for source in cut.sources],
        "score": lambda cut: _decimal(run, cut.score) if cut.score is not None and has_scores else None,
        "status": lambda cut: say_or(f"cut_status.{cut.status}", run.lang, cut.status),
        "heard": lambda cut: " ".join(heard_in(cut, words, starts)),
    }
    cuts = sorted(numbered(copy.plan), key=lambda cut: cut.status != LOOK)
    columns = "number start=begin end channels types sources=source score=sure status heard"
    return run.listing(NumberedCut, cuts, columns, "sources heard", cells)._replace(is_whole=True)


def _decimal(run: Run, number: float) -> str:
    """A number with two decimals, as people of the run's language write it."""
    text = f"{number:.2f}"
    return text.replace(".", ",") if run.lang == "nb" else text


def _staying_lines(run: Run, copy: TrainingCopy, words: Sequence[SpokenWord]) -> Iterator[str]:
    """The remaining words by turns, with cuts by number, and marks for unsure words and places to look at."""
    from arlo_rec.calls.training.spoken import second_opinions, turns

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
            text = f"{told.text}?" if told.is_unsure else told.text
            yield f"*{text}*" if told.look else text
        elif told.cut != before:
            yield f"[{told.cut}]"
        before = told.cut


def _at(told: SpokenWord) -> str:
    return f"{int(told.start) // 60}:{int(told.start) % 60:02d}"


def _speaker(run: Run, copy: TrainingCopy, told: SpokenWord) -> str:
    channel = told.channel
    if channel is None:
        return run.say("review.somebody")
    side = next((side for side, number in copy.sides.items() if number == channel), None)
    return run.say(f"review.{side}") if side is not None else run.say("review.channel", number=channel + 1)


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in order as `--accept` takes them, each run of three or more by its ends: `1-4, 7, 8`."""
    runs = list[list[int]]()
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _owed_lines(run: Run, copy: TrainingCopy, owed: Owed) -> list[str]:
    """The steps before `--confirm` needs no reason."""
    if not owed:
        return [run.say("review.nothing_owed")]
    from arlo_rec.sound.audio.cut_list import LOOK

    lines = []
    look = [number for number in owed.undecided if copy.plan.listed[number - 1].status == LOOK]
    for code, numbers in (("look_at", look), ("undecided", [each for each in owed.undecided if each not in look])):
        if numbers:
            lines.append(run.say(f"review.{code}", count=len(numbers), cuts=_ranges(numbers)))
    if owed.unheard:
        parts = ", ".join(f"{start:.1f}-{end:.1f}" for start, end in owed.unheard)
        lines.append(run.say("review.unheard", count=len(owed.unheard), parts=parts, copy=copy.copy.hex()))
    return lines
