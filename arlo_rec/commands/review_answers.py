"""What a review answers: copies that wait; the cuts of one, what stays of it, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from arlo_rec.commands.copy_answers import copy_json, copy_values, doubts
from arlo_rec.commands.run import Run
from arlo_rec.i18n.messages import say_or
from arlo_rec.ui.tables import Table
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.listening.review import OpenReview
    from arlo_rec.listening.session import Session
    from arlo_rec.pseudonymise import Review
    from arlo_rec.speech.cut_list import Cut
    from arlo_rec.training.backlog import Waiting
    from arlo_rec.training.build import TrainingCopy
    from arlo_rec.training.owed import Owed
    from arlo_rec.training.spoken import SpokenWord

WAITING_FIELDS = ("id", "copy", "revision", "state", "made_at", "made_by", "team", "started_at")
CUT_FIELDS = ("number", "start", "end", "channels", "types", "sources", "score", "status")
CUT_COLUMNS = ("number", "begin", "end", "channels", "types", "source", "sure", "status", "heard")


def waiting_answer(run: Run, waiting: Sequence[Waiting]) -> Answer:
    """The copies that wait for a person."""
    from arlo_rec.model.records import to_iso

    data = [
        {
            "id": each.copy.parent.hex(),
            "copy": each.copy.first.hex(),
            "revision": each.copy.revision,
            "state": each.copy.state,
            "made_at": to_iso(each.copy.made_at),
            "made_by": each.copy.made_by,
            "team": each.team,
            "started_at": to_iso(each.started_at) if each.started_at else None,
        }
        for each in waiting
    ]
    rows = [_waiting_row(run, each) for each in waiting]
    columns = ("copy", "started", "team", "state", "revision", "made_by")
    table = run.table(columns, rows, ("team", "made_by"), (data, WAITING_FIELDS))
    return Answer({"copies": data}, [run.say("review.waiting", count=len(waiting))], table)


def _waiting_row(run: Run, waiting: Waiting) -> list[str]:
    from arlo_rec.model.times import shown_minute

    copy, started = waiting.copy, shown_minute(waiting.started_at) if waiting.started_at else ""
    return [waiting.short, started, waiting.team, run.say(f"copy.{copy.state}"), str(copy.revision), copy.made_by]


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
    """How a review on a page ended, and what is next."""
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
    """Where to look, then the cuts by when they begin, each with its number and the words that were heard there."""
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
    """What stays, by turns: cuts by their numbers, what was heard badly and where to look marked."""
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
    """What has to be done before `--confirm` goes without a reason."""
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
