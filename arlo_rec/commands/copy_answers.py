"""Answers of the commands about training copies: copies and their cuts as JSON, lines and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from arlo_rec.commands.run import Run
from arlo_rec.i18n.messages import say_or
from arlo_rec.ui.terminal import Answer, error_to_json

if TYPE_CHECKING:
    from arlo_rec.speech.cut_list import Cut
    from arlo_rec.training.backlog import FailedCall
    from arlo_rec.training.build import TrainingCopy
    from arlo_rec.training.cut_plan import CopyOrder
    from arlo_rec.training.evaluation import CallScore, Figures

SOME_FAILED = 3  # exit status: something was done, and something was not
FIGURE_COLUMNS = ("channels", "types", "count", "cover", "mean_cover", "left", "over_cut")


# -- copies that were made ----------------------------------------------------------------------------


def copies_answer(run: Run, outcomes: Sequence[TrainingCopy | FailedCall], passed_over: int | None = None) -> Answer:
    """The outcome of each recording and the next step; for the backlog also the number of skipped calls."""
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
            lines.append(run.say("pseudonymise.made", **copy_values(run, outcome)))
            lines += doubts(run, outcome)
    if not outcomes:
        lines.append(run.say("pseudonymise.nothing_pending"))
    elif len(outcomes) == 1 and not failed:
        lines.append(run.say("pseudonymise.next", copy=results[0]["copy"]))
    elif len(outcomes) > 1:
        lines.append(run.say("pseudonymise.summary", made=len(outcomes) - failed, failed=failed))
    lines += [run.say("pseudonymise.passed_over", count=passed_over)] if passed_over else []
    data = {"results": results, **({} if passed_over is None else {"passed_over": passed_over})}
    return Answer(data, lines, exit_status=SOME_FAILED if failed else 0)


def copy_json(copy: TrainingCopy) -> dict[str, Any]:
    """The JSON of a copy."""
    from arlo_rec.speech.cut_list import LOOK

    plan = copy.plan
    return {
        "id": copy.original.hex(),
        "copy": copy.copy.hex(),
        "revision": copy.revision,
        "state": copy.state,
        "mode": str(plan.mode),
        "cuts": _cuts_json(copy, lambda cut: cut.is_cut),
        "removed": _cuts_json(copy, lambda cut: cut.status == "removed"),
        "look_here": _cuts_json(copy, lambda cut: cut.status == LOOK),
        "cover_of_call": round(copy.cover, 4),
        "cover_of_speech": None if plan.cover_of_speech is None else round(plan.cover_of_speech, 4),
        "offset_s": plan.offset_s,
        "warnings": list(plan.warnings),
        "unused": [{"file": transcript.file, "why": transcript.why} for transcript in plan.unused],
    }


def _cuts_json(copy: TrainingCopy, shows: Callable[[Cut], bool]) -> list[dict[str, Any]]:
    """Some of the cuts, by when they begin, with their numbers."""
    numbered = [(number, each) for number, each in enumerate(copy.plan.listed, 1) if shows(each)]
    return [{"number": number, **each.to_json()} for number, each in sorted(numbered, key=lambda pair: pair[1].start)]


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


def copy_values(run: Run, copy: TrainingCopy) -> dict[str, object]:
    """The values of a copy in sentences."""
    cover = f"{copy.cover:.0%}".replace("%", "\N{NO-BREAK SPACE}%" if run.lang == "nb" else "%")
    return {"copy": copy.copy.hex(), "revision": copy.revision, "count": len(copy.cuts), "cover": cover}


def doubts(run: Run, copy: TrainingCopy) -> list[str]:
    """The reasons to look at a copy."""
    unused = ", ".join(
        f"{transcript.file} ({say_or(f'why.{transcript.why}', run.lang, transcript.why)})"
        for transcript in copy.plan.unused
    )
    return [run.say(f"warning.{warning}", files=unused or "-") for warning in copy.plan.warnings]


# -- an evaluation ------------------------------------------------------------------------------------


def evaluation_answer(run: Run, order: CopyOrder, scores: Sequence[CallScore]) -> Answer:
    """The share of identifiers of labelled calls that was cut: by layout, language and type."""
    data: dict[str, Any] = {"mode": str(order.mode), "calls": len(scores), "layouts": {}, "languages": {}}
    rows: list[list[str]] = []
    for layout in ("stereo", "mono"):
        _add_group(run, data["layouts"], rows, layout, [score for score in scores if score.layout == layout])
    for lang in sorted({score.lang for score in scores} - {""}):
        _add_group(run, data["languages"], rows, lang, [score for score in scores if score.lang == lang])
    return Answer({"bench": data}, [run.say("bench.limits")], run.table(FIGURE_COLUMNS, rows))


def _add_group(run: Run, groups: dict[str, Any], rows: list[list[str]], name: str, scores: Sequence[CallScore]) -> None:
    """The figures of some of the calls, for scripts and as rows; nothing where there are none."""
    from arlo_rec.training.evaluation import figures

    if not scores:
        return
    covers = [cover for score in scores for cover in score.covers]
    told = [cover for score in scores for cover in score.circumstances]
    over_cut, with_told = (
        sum(getattr(score, which) for score in scores) / len(scores) for which in ("over_cut", "over_cut_with")
    )
    minutes = sum(score.minutes for score in scores)
    types = {type: [cover for cover in covers if cover.type == type] for type in sorted({each.type for each in covers})}
    groups[name] = {
        "calls": len(scores),
        "over_cut": round(over_cut, 4),
        "over_cut_with_circumstances": round(with_told, 4),
        "false_looks_a_minute": round(sum(score.looks for score in scores) / minutes, 2) if minutes else 0.0,
        **_figures_json(figures(covers)),
        "circumstances": {**_figures_json(figures(told)), "shown": sum(score.shown for score in scores)},
        "types": {type: _figures_json(figures(of_type)) for type, of_type in types.items()},
    }
    rows += [[name, type, *_figures_row(figures(of_type)), ""] for type, of_type in types.items()]
    rows.append([name, run.say("cuts.all"), *_figures_row(figures(covers)), f"{over_cut:.3f}"])
    if told:
        rows.append([name, run.say("bench.circumstances"), *_figures_row(figures(told)), f"{with_told:.3f}"])


def _figures_json(figures: Figures) -> dict[str, Any]:
    return {
        "count": figures.count,
        "cover": round(figures.cover, 4),
        "cover_within": [round(bound, 4) for bound in figures.cover_within],
        "mean_cover": round(figures.mean_cover, 4),
        "mean_within": [round(bound, 4) for bound in figures.mean_within],
        "residual_s": round(figures.residual_s, 2),
    }


def _figures_row(figures: Figures) -> list[str]:
    whole, mean = (
        f"{share:.3f} ({low:.2f}-{high:.2f})"
        for share, (low, high) in (
            (figures.cover, figures.cover_within),
            (figures.mean_cover, figures.mean_within),
        )
    )
    return [str(figures.count), whole, mean, f"{figures.residual_s:.2f}"]
