"""Answers of the commands about training copies: copies and their cuts as JSON, lines and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.terminal import Answer, error_to_json
from arlo_rec.law.messages import say_or

if TYPE_CHECKING:
    from arlo_rec.calls.training.backlog import FailedCall
    from arlo_rec.calls.training.build import TrainingCopy
    from arlo_rec.calls.training.evaluation import Bench, Figures

SOME_FAILED = 3  # exit status: something was done, and something was not
FIGURE_COLUMNS = ("channels", "types", "count", "cover", "mean_cover", "left", "over_cut")


# -- copies that were made ----------------------------------------------------------------------------


def copies_answer(run: Run, outcomes: Sequence[TrainingCopy | FailedCall], passed_over: int | None = None) -> Answer:
    """The outcome of each recording and the next step; for the backlog also the number of skipped calls."""
    from msgspec import UNSET
    from msgspec.structs import replace

    from arlo_rec.calls.training.answers import CopiesMade, CopyShown, shown
    from arlo_rec.calls.training.backlog import FailedCall

    results: list[CopyShown] = []
    lines: list[str] = []
    failed = 0
    for outcome in outcomes:
        if isinstance(outcome, FailedCall):
            failed += 1
            error, codes = error_to_json(outcome.error, run.lang), (outcome.error.code,)
            told = CopyShown(id=outcome.id, copy=None, revision=None, state="failed", cuts=[], warnings=codes)
            results.append(replace(told, error=error))
            lines.append(run.say("pseudonymise.failed", id=outcome.id, why=error["message"]))
        else:
            results.append(shown(outcome))
            lines.append(run.say("pseudonymise.made", **copy_values(run, outcome)))
            lines += doubts(run, outcome)
    if not outcomes:
        lines.append(run.say("pseudonymise.nothing_pending"))
    elif len(outcomes) == 1 and not failed:
        lines.append(run.say("pseudonymise.next", copy=results[0].copy))
    elif len(outcomes) > 1:
        lines.append(run.say("pseudonymise.summary", made=len(outcomes) - failed, failed=failed))
    lines += [run.say("pseudonymise.passed_over", count=passed_over)] if passed_over else []
    made = CopiesMade(results=results, passed_over=UNSET if passed_over is None else passed_over)
    return Answer(made, lines, exit_status=SOME_FAILED if failed else 0)


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


def evaluation_answer(run: Run, bench: Bench) -> Answer:
    """The share of identifiers of labelled calls that was cut: by layout, language and type."""
    from arlo_rec.calls.training.answers import CopiesMade

    rows: list[list[str]] = []
    for name, group in (bench.layouts | bench.languages).items():
        rows += [[name, type, *_figures_row(of_type), ""] for type, of_type in group.types.items()]
        rows.append([name, run.say("cuts.all"), *_figures_row(group), f"{group.over_cut:.3f}"])
        if (told := group.circumstances).count:
            over_cut = f"{group.over_cut_with_circumstances:.3f}"
            rows.append([name, run.say("bench.circumstances"), *_figures_row(told), over_cut])
    return Answer(CopiesMade(bench=bench), [run.say("bench.limits")], run.table(FIGURE_COLUMNS, rows))


def _figures_row(figures: Figures) -> list[str]:
    whole, mean = (
        f"{share:.3f} ({low:.2f}-{high:.2f})"
        for share, (low, high) in (
            (figures.cover, figures.cover_within),
            (figures.mean_cover, figures.mean_within),
        )
    )
    return [str(figures.count), whole, mean, f"{figures.residual_s:.2f}"]
