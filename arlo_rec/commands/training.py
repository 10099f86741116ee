"""What officers and managers type about training copies: make, release, reject; `reviewing` has the review."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands.copy_answers import copies_answer, copy_json, evaluation_answer
from arlo_rec.commands.copy_orders import CopyOptions, CopyOrders
from arlo_rec.commands.options import Engine, Reason, SpeechModel, arg, modes, one_of, opt
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import ArloError, Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.speech.engine import Engine as SpeechEngine
    from arlo_rec.store import Store
    from arlo_rec.training.backlog import FailedCall
    from arlo_rec.training.build import TrainingCopy
    from arlo_rec.training.cut_plan import CopyOrder

MOST_WORKERS = 32


def pseudonymise(
    ctx: typer.Context,
    recordings: Annotated[list[str] | None, arg("arg.recordings", "[ID]...")] = None,
    *,
    pending: Annotated[bool, opt("opt.pending", "--pending")] = False,
    transcript: Annotated[list[str] | None, opt("opt.transcript", "--transcript", "FILE")] = None,
    mode: Annotated[str | None, opt("opt.mode", "--mode", "MODE", choices=modes)] = None,
    cuts: Annotated[Path | None, opt("opt.cuts", "--cuts", "FILE")] = None,
    fill: Annotated[str, opt("opt.fill", "--fill", "FILL", choices=one_of("silence", "tone", "noise"))] = "silence",
    engine: Engine = None,
    model: SpeechModel = None,
    language: Annotated[
        str | None, opt("opt.language", "--language", "LANGUAGE", choices=one_of("nb", "nn", "en", "sv", "da"))
    ] = None,
    workers: Annotated[int, opt("opt.workers", "--workers", "N")] = 1,
    bench: Annotated[Path | None, opt("opt.bench", "--bench", "DIR")] = None,
) -> Answer:
    """Make training copies of the recordings named, or of all that have none; or measure on labelled calls."""
    from arlo_rec.training.backlog import FailedCall

    run: Run = ctx.obj
    if sum((bool(recordings), pending, bench is not None)) != 1:
        raise Usage("recordings_or_pending")
    options = CopyOptions(transcript or [], mode, cuts, fill, language)
    orders = CopyOrders(run, options, many=pending or len(recordings or ()) > 1)
    if not 1 <= workers <= MOST_WORKERS:
        raise Usage("workers_out_of_range", most=MOST_WORKERS)
    if (bench := run.server_folder(bench, "--bench")) is not None:
        return _evaluate(run, bench, orders.order, engine, model)
    with _engines(run, "none" if orders.manual else engine, model, workers) as engines:
        if not (transcript or orders.manual) and engines[0] is None:
            raise Usage("words_missing")  # once, and not of each call
        with run.store() as store:
            outcomes, objected, broken = _make_copies(run, store, recordings, orders, engines)
    if broken is not None and not outcomes:
        raise broken
    if len(outcomes) == 1 and not pending and isinstance(outcomes[0], FailedCall):
        raise outcomes[0].error
    return copies_answer(run, outcomes, objected)._replace(error=broken)


def _evaluate(run: Run, folder: Path, order: CopyOrder, engine: str | None, model: Path | None) -> Answer:
    """Measure on the labelled calls of a folder; no store is opened."""
    from arlo_rec.training import evaluation

    with _engines(run, engine, model, 1) as (hearing,):
        scores = [evaluation.evaluate(call, order, hearing) for call in evaluation.labelled_calls(folder, run.progress)]
    return evaluation_answer(run, order, scores)


def _make_copies(
    run: Run, store: Store, recordings: list[str] | None, orders: CopyOrders, engines: list[SpeechEngine | None]
) -> tuple[list[TrainingCopy | FailedCall], int | None, ArloError | None]:
    """Make the copies, of the backlog where no recordings are named; what became of each, and what ended it too early.

    The number is that of the backlog's calls that were passed over.
    """
    from arlo_rec.model.progress import Phase, Progress
    from arlo_rec.training import backlog

    waiting = backlog.pending(store, run.now()) if not recordings else None
    shown_ids = [call.id.hex() for call in waiting.calls] if waiting is not None else recordings or []
    objected = waiting.objected if waiting is not None else None
    copies = backlog.make_copies(store, shown_ids, orders.of, engines, run.now, unless_copied=not recordings)
    outcomes: list[TrainingCopy | FailedCall] = []
    run.progress(Progress(Phase.TRAINING_COPIES, 0, len(shown_ids)))
    try:
        for outcome in copies:
            outcomes.append(outcome)
            run.progress(Progress(Phase.TRAINING_COPIES, min(len(outcomes), len(shown_ids)), len(shown_ids)))
    except ArloError as error:
        return outcomes, objected, error
    return outcomes, objected, None


def release(
    ctx: typer.Context,
    copy: Annotated[str, arg("arg.copy", "COPY")],
    *,
    reason: Reason = None,
    engine: Engine = None,
    model: SpeechModel = None,
) -> Answer:
    """Release a confirmed copy to training."""
    from arlo_rec.pseudonymise import release as release_copy

    run: Run = ctx.obj
    with _engines(run, engine, model, 1) as (hearing,), run.store() as store:
        released = release_copy(store, copy, reason, hearing, run.now)
    heard_again = hearing is not None
    lines = [run.say("release.done", reviewed=copy, copy=released.copy.hex())]
    lines += [] if heard_again else [run.say("release.not_heard_again")]
    return Answer({"copy": {**copy_json(released), "heard_again": heard_again}}, lines)


def reject(
    ctx: typer.Context,
    copy: Annotated[str, arg("arg.copy", "COPY")],
    *,
    reason: Reason = None,
) -> Answer:
    """Erase a copy."""
    from arlo_rec.pseudonymise import reject as reject_copy

    run: Run = ctx.obj
    with run.store() as store:
        rejected = reject_copy(store, copy, reason, run.now)
    copy = rejected.first.hex()
    data = {"copy": {"id": rejected.parent.hex(), "copy": copy, "revision": rejected.revision, "state": "rejected"}}
    return Answer(data, [run.say("reject.done", copy=copy)])


@contextmanager
def _engines(run: Run, name: str | None, model: Path | None, count: int) -> Iterator[list[SpeechEngine | None]]:
    """For each worker an engine, if a model was named or is configured."""
    settings = run.settings
    folder = run.server_folder(model, "--model") or (Path(settings.asr_model) if settings.asr_model else None)
    if name not in (None, "faster-whisper", "none"):
        raise Usage("engine_unknown", value=str(name)[:20])
    if name == "faster-whisper" and folder is None:
        raise Usage("model_missing")
    with ExitStack() as stack:
        if folder is None or name == "none":
            yield [None] * count
            return
        from arlo_rec.speech.engine import whisper

        threads = max(1, settings.asr_threads // count)
        started = (whisper(folder, threads, settings.asr_language) for _ in range(count))
        yield [stack.enter_context(whisper) for whisper in started]
