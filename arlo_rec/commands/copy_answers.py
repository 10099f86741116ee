"""What the commands about training copies answer: copies and their cuts as JSON, as lines and as tables."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from arlo_rec.commands.run import Run
from arlo_rec.i18n.messages import say_or
from arlo_rec.ui.tables import Table
from arlo_rec.ui.terminal import Answer, error_to_json

if TYPE_CHECKING:
    from arlo_rec.speech.cut_list import Cut
    from arlo_rec.training.backlog import FailedCall, Waiting
    from arlo_rec.training.build import TrainingCopy
    from arlo_rec.training.cut_plan import CopyOrder
    from arlo_rec.training.evaluation import CallScore, Figures

SOME_FAILED = 3  # exit status: something was done, and something was not
LONGEST_WORD = 10.0  # seconds before a cut in which a word that reaches into it begins
MOST_HEARD = 60  # letters of what was heard there
MOST_UNSURE = 12  # stretches that are named in one line
WAITING_FIELDS = (
    "id",
    "copy",
    "revision",
    "state",
    "made_at",
    "made_by",
    "team",
    "started_at",
)  # of a copy under review
CUT_FIELDS = ("start", "end", "channels", "types", "sources", "score", "status")
CUT_COLUMNS = ("number", "begin", "end", "channels", "types", "source", "sure", "status", "heard")
FIGURE_COLUMNS = ("channels", "types", "count", "cover", "mean_cover", "left", "over_cut")


# -- copies that were made ----------------------------------------------------------------------------


def copies_answer(run: Run, outcomes: Sequence[TrainingCopy | FailedCall]) -> Answer:
    """What became of each recording, and what to do next."""
    from arlo_rec.training.backlog import FailedCall

    results: list[dict[str, Any]] = []
    lines: list[str] = []
    failed = 0
    for outcome in outcomes:
        if isinstance(outcome, FailedCall):
            failed += 1
            results.append(_failure_json(run, outcome))
            lines.append(run.say("pseudonymise.failed", id=outcome.id, why=results[-1]["error"]["message"]))
        else:
            results.append(copy_json(outcome))
            lines.append(run.say("pseudonymise.made", **_copy_values(run, outcome)))
            lines += _doubts(run, outcome)
    if not outcomes:
        lines.append(run.say("pseudonymise.nothing_pending"))
    elif len(outcomes) == 1 and not failed:
        lines.append(run.say("pseudonymise.next", copy=results[0]["copy"]))
    elif len(outcomes) > 1:
        lines.append(run.say("pseudonymise.summary", made=len(outcomes) - failed, failed=failed))
    return Answer({"results": results}, lines, exit_status=SOME_FAILED if failed else 0)


def copy_json(copy: TrainingCopy) -> dict[str, Any]:
    """The JSON of a copy."""
    plan = copy.plan
    return {
        "id": copy.original.hex(),
        "copy": copy.copy.hex(),
        "revision": copy.revision,
        "state": copy.state,
        "mode": str(plan.mode),
        "cuts": [cut.to_json() for cut in copy.cuts],
        "cover_of_call": round(copy.cover, 4),
        "cover_of_speech": None if plan.cover_of_speech is None else round(plan.cover_of_speech, 4),
        "offset_s": plan.offset_s,
        "warnings": list(plan.warnings),
    }


def _failure_json(run: Run, failure: FailedCall) -> dict[str, Any]:
    """The JSON of a call without a copy, with the keys of one that has a copy."""
    return {
        "id": failure.id,
        "copy": None,
        "revision": None,
        "state": "failed",
        "cuts": [],
        "warnings": [failure.error.code],
        "error": error_to_json(failure.error, run.lang),
    }


def _copy_values(run: Run, copy: TrainingCopy) -> dict[str, object]:
    cover = f"{copy.cover:.0%}".replace("%", "\N{NO-BREAK SPACE}%" if run.lang == "nb" else "%")
    return {"copy": copy.copy.hex(), "revision": copy.revision, "count": len(copy.cuts), "cover": cover}


def _doubts(run: Run, copy: TrainingCopy) -> list[str]:
    """Why somebody has to look at a copy, and where the engine heard badly."""
    lines = [run.say(f"warning.{warning}") for warning in copy.plan.warnings]
    unsure = copy.plan.unsure
    if unsure:
        stretches = ", ".join(f"{start:.1f}-{end:.1f}" for start, end, _ in unsure[:MOST_UNSURE])
        lines.append(run.say("review.unsure", count=len(unsure), where=stretches))
    return lines


# -- copies under review ------------------------------------------------------------------------------


def review_answer(run: Run, ending: str, copy: TrainingCopy) -> Answer:
    """A copy that was `shown`, `changed` or `confirmed`, with its cuts and where the engine heard badly."""
    unsure = [{"start": start, "end": end, "channel": channel} for start, end, channel in copy.plan.unsure]
    lines = [*_doubts(run, copy), run.say(f"review.{ending}", **_copy_values(run, copy))]
    return Answer({"copy": {**copy_json(copy), "unsure": unsure}}, lines, None if run.json else _cut_table(run, copy))


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


def _cut_table(run: Run, copy: TrainingCopy) -> Table:
    """The cuts by their numbers, each with the words that were heard there."""
    words = sorted(copy.plan.words, key=lambda word: word.start)
    starts = [word.start for word in words]
    rows = []
    for number, cut in enumerate(copy.cuts, 1):
        first, behind = bisect_left(starts, cut.start - LONGEST_WORD), bisect_left(starts, cut.end)
        heard = " ".join(word.text for word in words[first:behind] if word.end > cut.start)
        rows.append([str(number), *_cut_row(run, cut), heard[:MOST_HEARD]])
    listed = ([cut.to_json() for cut in copy.cuts], CUT_FIELDS)
    return run.table(CUT_COLUMNS, rows, ("source", "heard"), listed)._replace(is_whole=True)


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


# -- an evaluation ------------------------------------------------------------------------------------


def evaluation_answer(run: Run, order: CopyOrder, scores: Sequence[CallScore]) -> Answer:
    """How much of the identifiers of labelled calls was cut, by layout and by type."""
    from arlo_rec.training import evaluation

    layouts: dict[str, dict[str, Any]] = {}
    rows: list[list[str]] = []
    for layout in ("stereo", "mono"):
        calls = [score for score in scores if score.layout == layout]
        if not calls:
            continue
        covers = [cover for call in calls for cover in call.covers]
        types = {
            type: evaluation.figures([cover for cover in covers if cover.type == type])
            for type in sorted({cover.type for cover in covers})
        }
        over_cut = sum(call.over_cut for call in calls) / len(calls)
        total = evaluation.figures(covers)
        layouts[layout] = {"calls": len(calls), "over_cut": round(over_cut, 4), **_figures_json(total)}
        layouts[layout]["types"] = {type: _figures_json(figures) for type, figures in types.items()}
        rows += [[layout, type, *_figures_row(figures), ""] for type, figures in types.items()]
        rows.append([layout, run.say("cuts.all"), *_figures_row(total), f"{over_cut:.3f}"])
    data = {"bench": {"mode": str(order.mode), "calls": len(scores), "layouts": layouts}}
    return Answer(data, [run.say("bench.limits")], run.table(FIGURE_COLUMNS, rows))


def _figures_json(figures: Figures) -> dict[str, Any]:
    return {
        "count": figures.count,
        "cover": round(figures.cover, 4),
        "mean_cover": round(figures.mean_cover, 4),
        "residual_s": round(figures.residual_s, 2),
    }


def _figures_row(figures: Figures) -> list[str]:
    return [str(figures.count), f"{figures.cover:.3f}", f"{figures.mean_cover:.3f}", f"{figures.residual_s:.2f}"]
