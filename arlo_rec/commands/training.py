"""What officers and managers type about training copies: make, review, release, reject."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from arlo_rec.commands.asked import Asked, Typed, changes_of, cut_of, number_of
from arlo_rec.commands.options import Engine, Reason, SpeechModel, arg, modes, one_of, opt
from arlo_rec.commands.run import Run, new_file
from arlo_rec.model.errors import ArloError, Usage
from arlo_rec.ui.terminal import Answer, Table

if TYPE_CHECKING:
    from arlo_rec.speech.cut_list import Cut
    from arlo_rec.training.backlog import FailedCall
    from arlo_rec.training.build import TrainingCopy
    from arlo_rec.training.cut_plan import CopyOrder, SpeechModels
    from arlo_rec.training.evaluation import Figures

SOME_FAILED = 3  # exit status: something was done, and something was not
MOST_WORKERS = 32
LONGEST_WORD = 10.0  # seconds before a cut in which a word that reaches into it begins
SHOWN = 60  # letters of what was heard there


def pseudonymise(
    ctx: typer.Context,
    recordings: Annotated[list[str] | None, arg("arg.recordings", "[ID]...")] = None,
    *,
    pending: Annotated[bool, opt("opt.pending", "--pending")] = False,
    transcript: Annotated[list[str] | None, opt("opt.transcript", "--transcript", "FILE")] = None,
    mode: Annotated[str | None, opt("opt.mode", "--mode", "MODE", choices=modes)] = None,
    cuts: Annotated[Path | None, opt("opt.cuts", "--cuts", "FILE")] = None,
    fill: Annotated[str, opt("opt.fill", "--fill", "FILL", choices=one_of("silence", "tone", "noise"))] = "silence",
    voice: Annotated[str | None, opt("opt.voice", "--voice", "VOICE", choices=one_of("mcadams"))] = None,
    engine: Engine = None,
    model: SpeechModel = None,
    names_model: Annotated[Path | None, opt("opt.names_model", "--names-model", "DIR")] = None,
    language: Annotated[
        str | None, opt("opt.language", "--language", "LANGUAGE", choices=one_of("nb", "nn", "en", "sv", "da"))
    ] = None,
    workers: Annotated[int, opt("opt.workers", "--workers", "N")] = 1,
    bench: Annotated[Path | None, opt("opt.bench", "--bench", "DIR")] = None,
) -> Answer:
    """Make training copies of the recordings named, or of all that have none; or measure on labelled calls."""
    from arlo_rec.training import backlog

    run: Run = ctx.obj
    if sum((bool(recordings), pending, bench is not None)) != 1:
        raise Usage("recordings_or_pending")
    typed = Typed(transcript or [], mode, cuts, fill, voice, language)
    order = Asked(run, typed, many=pending or len(recordings or ()) > 1)
    if not 1 <= workers <= MOST_WORKERS:
        raise Usage("workers_out_of_range", most=MOST_WORKERS)
    models = Models(engine, model, names_model)
    if bench is not None:
        with _helpers(run, models, 1) as (mine,):
            return _bench(run, bench, order.order, mine)
    if order.manual:
        models = models._replace(engine="none")
    with _helpers(run, models, workers) as helpers, run.store() as store:
        waiting = recordings or [recording.id.hex() for recording in backlog.pending(store, run.now())]
        each = backlog.make_copies(store, waiting, order.of, helpers, run.now, unless_copied=pending)
        results, broken = _as_far_as_it_goes(run, each, len(waiting))
    if broken is not None and not results:
        raise broken
    if len(results) == 1 and not pending and isinstance(results[0], backlog.FailedCall):
        raise results[0].error
    return _answer_of(run, results)._replace(error=broken)


def _as_far_as_it_goes(
    run: Run, each: Iterator[TrainingCopy | FailedCall], count: int
) -> tuple[list[TrainingCopy | FailedCall], ArloError | None]:
    """What became of each recording, and the error that ended it: what was made before is told all the same."""
    results: list[TrainingCopy | FailedCall] = []
    run.progress(0, count)
    try:
        for result in each:
            results.append(result)
            run.progress(len(results), count)
    except ArloError as error:
        return results, error
    return results, None


def review(
    ctx: typer.Context,
    copy: Annotated[str | None, arg("arg.copy_or_none", "[COPY]")] = None,
    *,
    accept: Annotated[list[int] | None, opt("opt.accept_cut", "--accept", "N")] = None,
    remove: Annotated[list[int] | None, opt("opt.remove_cut", "--remove", "N")] = None,
    change: Annotated[list[str] | None, opt("opt.change_cut", "--change", "N:START-END")] = None,
    add: Annotated[list[str] | None, opt("opt.add_cut", "--add", "START-END")] = None,
    hear: Annotated[str | None, opt("opt.hear", "--hear", "N|START-END")] = None,
    out: Annotated[Path | None, opt("opt.out", "--out", "FILE")] = None,
    confirm: Annotated[bool, opt("opt.confirm", "--confirm")] = False,
) -> Answer:
    """Show, change or confirm what is cut out of a copy; without a copy, those that wait."""
    from arlo_rec import pseudonymise as copies

    run: Run = ctx.obj
    if copy is None:
        return _waiting(run, plain=not (accept or remove or change or add or hear or out or confirm))
    changes = changes_of(accept or [], remove or [], change or [], add or [])
    if (hear is not None and out is None) or (out is not None and (changes or confirm)):
        raise Usage("hear_needs_out")
    if confirm and changes:
        raise Usage("confirm_alone")
    heard = None if hear is None else number_of(hear) or cut_of(hear)
    target = new_file(out) if out is not None else None
    with run.store() as store:
        if target is not None:
            return _heard(run, target, copies.sound_for_review(store, copy, heard, run.now))
        if changes:
            made = copies.change(store, copy, changes, run.now)
        else:
            made = copies.confirm(store, copy, run.now) if confirm else copies.show(store, copy, run.now)
    code = "review.confirmed" if confirm else "review.changed" if changes else "review.shown"
    line = run.say(code, copy=made.copy.hex(), count=len(made.cuts), cover=f"{made.cover:.0%}")
    table = None if run.json else _table(run, made)
    return Answer({"copy": _told(made, said=True)}, [*_beside(run, made), line], table)


def _waiting(run: Run, *, plain: bool) -> Answer:
    """The copies that wait for a person."""
    from arlo_rec.model.records import to_iso
    from arlo_rec.model.times import shown
    from arlo_rec.training import backlog

    if not plain:
        raise Usage("copy_missing")
    with run.store() as store:
        found = backlog.under_review(store, run.now())
    data = [
        {
            "id": one.parent.hex(),
            "copy": one.id.hex(),
            "state": one.state,
            "made_at": to_iso(one.made_at),
            "made_by": one.made_by,
        }
        for one in found
    ]
    headings = [run.say(f"column.{one}") for one in ("copy", "state", "made_at", "made_by")]
    rows = [[one.id.hex(), run.say(f"copy.{one.state}"), shown(one.made_at), one.made_by] for one in found]
    return Answer({"copies": data}, [run.say("review.waiting", count=len(found))], Table(headings, rows))


def release(
    ctx: typer.Context,
    copy: Annotated[str, arg("arg.copy", "COPY")],
    *,
    reason: Reason = None,
    engine: Engine = None,
    model: SpeechModel = None,
) -> Answer:
    """Release a confirmed copy to training."""
    from arlo_rec.pseudonymise import release as give

    run: Run = ctx.obj
    with _helpers(run, Models(engine, model, None), 1) as (mine,), run.store() as store:
        made = give(store, copy, reason, mine.engine, run.now)
    heard_again = mine.engine is not None
    lines = [run.say("release.done", copy=made.copy.hex())]
    lines += [] if heard_again else [run.say("release.not_heard_again")]
    return Answer({"copy": {**_told(made), "heard_again": heard_again}}, lines)


def reject(
    ctx: typer.Context,
    copy: Annotated[str, arg("arg.copy", "COPY")],
    *,
    reason: Reason = None,
) -> Answer:
    """Erase a copy."""
    from arlo_rec.pseudonymise import reject as take_back

    run: Run = ctx.obj
    with run.store() as store:
        gone = take_back(store, copy, reason, run.now)
    data = {"copy": {"id": gone.parent.hex(), "copy": gone.id.hex(), "state": "rejected"}}
    return Answer(data, [run.say("reject.done", copy=gone.id.hex())])


class Models(NamedTuple):
    """The engine and the models that were named, before the settings are asked."""

    engine: str | None
    speech: Path | None
    names: Path | None


@contextmanager
def _helpers(run: Run, named: Models, count: int) -> Iterator[list[SpeechModels]]:
    """For each worker an engine, if one was named or is configured, and for all of them one name model."""
    from arlo_rec.training.cut_plan import SpeechModels

    settings = run.settings
    folder = named.speech or (Path(settings.asr_model) if settings.asr_model else None)
    names = named.names or (Path(settings.ner_model) if settings.ner_model else None)
    if named.engine not in (None, "faster-whisper", "none"):
        raise Usage("engine_unknown", value=str(named.engine)[:20])
    if named.engine == "faster-whisper" and folder is None:
        raise Usage("model_missing")
    with ExitStack() as stack:
        labeller = engines = None
        if names is not None:
            from arlo_rec.speech.engines.name_model import labeller as name_model

            labeller = stack.enter_context(name_model(names))
        if folder is not None and named.engine != "none":
            from arlo_rec.speech.engines import engine

            threads = max(1, settings.asr_threads // count)
            hearing = (engine.whisper(folder, threads, settings.asr_language) for _ in range(count))
            engines = [stack.enter_context(one) for one in hearing]
        yield [SpeechModels(engines[at] if engines else None, labeller) for at in range(count)]


def _bench(run: Run, folder: Path, order: CopyOrder, models: SpeechModels) -> Answer:
    from arlo_rec.training import evaluation

    found = [evaluation.evaluate(call, order, models) for call in evaluation.labelled_calls(folder)]
    layouts, rows = {}, []
    for layout in ("stereo", "mono"):
        mine = [one for one in found if one.layout == layout]
        covers = [each for one in mine for each in one.covers]
        if not mine:
            continue
        kinds = sorted({cover.type for cover in covers})
        types = {kind: evaluation.figures([cover for cover in covers if cover.type == kind]) for kind in kinds}
        over_cut = sum(one.over_cut for one in mine) / len(mine)
        whole = evaluation.figures(covers)
        layouts[layout] = {"calls": len(mine), "over_cut": round(over_cut, 4), **_figures(whole)}
        layouts[layout]["types"] = {kind: _figures(one) for kind, one in types.items()}
        rows += [[layout, kind, *_shown(one), ""] for kind, one in types.items()]
        rows.append([layout, run.say("cuts.all"), *_shown(whole), f"{over_cut:.3f}"])
    names = ("channels", "types", "count", "cover", "mean_cover", "left", "over_cut")
    headings = [run.say(f"column.{one}") for one in names]
    data = {"bench": {"mode": str(order.mode), "calls": len(found), "layouts": layouts}}
    return Answer(data, [run.say("bench.limits")], Table(headings, rows))


def _figures(one: Figures) -> dict[str, Any]:
    shares = {
        "cover": round(one.cover, 4),
        "mean_cover": round(one.mean_cover, 4),
        "residual_s": round(one.residual_s, 2),
    }
    return {"count": one.count, **shares}


def _shown(one: Figures) -> list[str]:
    return [str(one.count), f"{one.cover:.3f}", f"{one.mean_cover:.3f}", f"{one.residual_s:.2f}"]


# -- what is told -------------------------------------------------------------------------------------


def _answer_of(run: Run, results: list[TrainingCopy | FailedCall]) -> Answer:
    from arlo_rec.training.backlog import FailedCall
    from arlo_rec.ui.terminal import told_error

    told, lines = [], []
    for one in results:
        if isinstance(one, FailedCall):
            error = told_error(one.error, run.lang)
            told.append(
                {
                    "id": one.id,
                    "copy": None,
                    "state": "failed",
                    "cuts": [],
                    "warnings": [one.error.code],
                    "error": error,
                }
            )
            lines.append(run.say("pseudonymise.failed", id=one.id, why=error["message"]))
            continue
        told.append(_told(one))
        lines += [run.say("pseudonymise.made", copy=one.copy.hex(), count=len(one.cuts), cover=f"{one.cover:.0%}")]
        lines += _beside(run, one)
    failed = sum(isinstance(one, FailedCall) for one in results)
    if not results:
        lines.append(run.say("pseudonymise.nothing_pending"))
    elif len(results) == 1 and not failed:
        lines.append(run.say("pseudonymise.next", copy=told[0]["copy"]))
    elif len(results) > 1:
        lines.append(run.say("pseudonymise.summary", made=len(results) - failed, failed=failed))
    return Answer({"results": told}, lines, exit_status=SOME_FAILED if failed else 0)


def _heard(run: Run, target: Path, wav: bytes) -> Answer:
    from arlo_rec.backends.durable import write_new

    write_new(target, [wav])
    return Answer({"out": str(target), "bytes": len(wav)}, [run.say("review.heard", path=str(target))])


def _told(made: TrainingCopy, *, said: bool = False) -> dict[str, Any]:
    """The JSON of a copy; with what was heard badly only for whoever reviews."""
    plan = made.plan
    told = {
        "id": made.original.hex(),
        "copy": made.copy.hex(),
        "state": made.state,
        "mode": str(plan.mode),
        "cuts": [one.to_json() for one in made.cuts],
        "cover_of_call": round(made.cover, 4),
        "cover_of_speech": None if plan.cover_of_speech is None else round(plan.cover_of_speech, 4),
        "offset_s": plan.offset_s,
        "warnings": list(plan.warnings),
    }
    if said:
        told["unsure"] = [{"start": start, "end": end, "channel": channel} for start, end, channel in plan.unsure]
    return told


def _beside(run: Run, made: TrainingCopy) -> list[str]:
    """Why somebody has to look, and where it was heard badly."""
    lines = [run.say(f"warning.{one}") for one in made.plan.warnings]
    if made.plan.unsure:
        shown = ", ".join(f"{start:.1f}-{end:.1f}" for start, end, _ in made.plan.unsure[:12])
        lines.append(run.say("review.unsure", count=len(made.plan.unsure), where=shown))
    return lines


def _table(run: Run, made: TrainingCopy) -> Table:
    names = ("number", "begin", "end", "channels", "types", "source", "score", "status", "heard")
    headings = [run.say(f"column.{one}") for one in names]
    words = sorted(made.plan.words, key=lambda one: one[1])
    starts = [start for _, start, *_ in words]
    rows = []
    for count, one in enumerate(made.cuts, 1):
        first, behind = bisect_left(starts, one.start - LONGEST_WORD), bisect_left(starts, one.end)
        said = " ".join(text for text, _, end, *_ in words[first:behind] if end > one.start)
        rows.append([str(count), *_row(run, one), said[:SHOWN]])
    return Table(headings, rows)


def _row(run: Run, one: Cut) -> list[str]:
    channels = run.say("cuts.all") if one.channels is None else ", ".join(str(each) for each in one.channels)
    score = "" if one.score is None else f"{one.score:.2f}"
    types = ", ".join(run.say(f"cut.{each}") for each in one.types)
    return [f"{one.start:.2f}", f"{one.end:.2f}", channels, types, ", ".join(one.sources), score, one.status]
