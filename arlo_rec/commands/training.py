"""What officers and managers type about training copies: make, release, reject; `reviewing` has the review."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from arlo_rec.commands.copy_answers import copies_answer, copy_json, evaluation_answer
from arlo_rec.commands.copy_orders import CopyOptions, CopyOrders
from arlo_rec.commands.options import Engine, Reason, SpeechModel, arg, modes, one_of, opt
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import ArloError, Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.store import Store
    from arlo_rec.training.backlog import FailedCall
    from arlo_rec.training.build import TrainingCopy
    from arlo_rec.training.cut_plan import CopyOrder, SpeechModels

MOST_WORKERS = 32


class ModelOptions(NamedTuple):
    """The engine and the models that were named, before the settings are asked."""

    engine: str | None
    speech: Path | None
    names: Path | None


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
    names_model: Annotated[Path | None, opt("opt.names_model", "--names-model", "DIR")] = None,
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
    named = ModelOptions(engine, model, names_model)
    if (bench := run.server_folder(bench, "--bench")) is not None:
        return _evaluate(run, bench, orders.order, named)
    if orders.manual:
        named = named._replace(engine="none")
    with _speech_models(run, named, workers) as models:
        if not (transcript or orders.manual) and models[0].engine is None:
            raise Usage("words_missing")  # once, and not of each call
        with run.store() as store:
            outcomes, objected, broken = _make_copies(run, store, recordings, orders, models)
    if broken is not None and not outcomes:
        raise broken
    if len(outcomes) == 1 and not pending and isinstance(outcomes[0], FailedCall):
        raise outcomes[0].error
    return copies_answer(run, outcomes, objected)._replace(error=broken)


def _evaluate(run: Run, folder: Path, order: CopyOrder, named: ModelOptions) -> Answer:
    """Measure on the labelled calls of a folder; no store is opened."""
    from arlo_rec.training import evaluation

    with _speech_models(run, named, 1) as (models,):
        scores = [evaluation.evaluate(call, order, models) for call in evaluation.labelled_calls(folder, run.progress)]
    return evaluation_answer(run, order, scores)


def _make_copies(
    run: Run, store: Store, recordings: list[str] | None, orders: CopyOrders, models: list[SpeechModels]
) -> tuple[list[TrainingCopy | FailedCall], int | None, ArloError | None]:
    """Make the copies, of the backlog where no recordings are named; what became of each, and what ended it too early.

    The number is that of the backlog's calls that were passed over.
    """
    from arlo_rec.model.progress import Phase, Progress
    from arlo_rec.training import backlog

    waiting = backlog.pending(store, run.now()) if not recordings else None
    shown_ids = [call.id.hex() for call in waiting.calls] if waiting is not None else recordings or []
    objected = waiting.objected if waiting is not None else None
    copies = backlog.make_copies(store, shown_ids, orders.of, models, run.now, unless_copied=not recordings)
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
    with _speech_models(run, ModelOptions(engine, model, None), 1) as (models,), run.store() as store:
        released = release_copy(store, copy, reason, models.engine, run.now)
    heard_again = models.engine is not None
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
def _speech_models(run: Run, named: ModelOptions, count: int) -> Iterator[list[SpeechModels]]:
    """For each worker an engine, if one was named or is configured, and for all of them one name model."""
    from arlo_rec.training.cut_plan import SpeechModels

    settings = run.settings
    speech = run.server_folder(named.speech, "--model") or (Path(settings.asr_model) if settings.asr_model else None)
    names = run.server_folder(named.names, "--names-model") or (
        Path(settings.ner_model) if settings.ner_model else None
    )
    if named.engine not in (None, "faster-whisper", "none"):
        raise Usage("engine_unknown", value=str(named.engine)[:20])
    if named.engine == "faster-whisper" and speech is None:
        raise Usage("model_missing")
    with ExitStack() as stack:
        labeller = engines = None
        if names is not None:
            from arlo_rec.speech.engines.name_model import labeller as name_model

            labeller = stack.enter_context(name_model(names))
        if speech is not None and named.engine != "none":
            from arlo_rec.speech.engines import engine

            threads = max(1, settings.asr_threads // count)
            started = (engine.whisper(speech, threads, settings.asr_language) for _ in range(count))
            engines = [stack.enter_context(whisper) for whisper in started]
        yield [SpeechModels(engines[worker] if engines else None, labeller) for worker in range(count)]
