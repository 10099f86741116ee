"""Making training copies, and releasing or rejecting them; what is typed for it, before anything is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from arlo_rec.edge.commands.copy_answers import copies_answer, evaluation_answer
from arlo_rec.edge.commands.options import Engine, PurposeOfCopies, Reason, SpeechModel, among, arg, opt
from arlo_rec.edge.commands.run import Run, way_of
from arlo_rec.edge.config import MOST_LISTED
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.errors import ArloError, NotGranted, Unreachable, Usage
from arlo_rec.law.model.progress import Phase, Progress
from arlo_rec.policy import Action, Mode

if TYPE_CHECKING:
    from arlo_rec.calls.training.backlog import FailedCall
    from arlo_rec.calls.training.build import TrainingCopy
    from arlo_rec.calls.training.cut_plan import Changes, CopyOrder, CutPlan
    from arlo_rec.calls.training.planners import Planners
    from arlo_rec.sound.audio.cut_list import Cut
    from arlo_rec.sound.speech import Engines
    from arlo_rec.vault.access.gate import Intent
    from arlo_rec.vault.backends.elsewhere import Hearing
    from arlo_rec.vault.opened import Store

MOST_WORKERS = 32
ALL = "all"
LONGEST_RANGE = 10_000  # cuts: as many as a list can have
ENDINGS = frozenset([".json", ".vtt", ".srt", ".txt"])  # of transcripts in a folder


def pseudonymise(
    ctx: typer.Context,
    recordings: Annotated[list[str] | None, arg("arg.recordings", "[ID]...")] = None,
    *,
    pending: Annotated[bool, opt("opt.pending", "--pending")] = False,
    transcript: Annotated[list[str] | None, opt("opt.transcript", "--transcript", "FILE")] = None,
    mode: Annotated[str | None, opt("opt.mode", "--mode", "MODE", choices=among("policy", "Mode"))] = None,
    cuts: Annotated[Path | None, opt("opt.cuts", "--cuts", "FILE")] = None,
    engine: Engine = None,
    model: SpeechModel = None,
    cluster: Annotated[str | None, opt("opt.cluster", "--cluster", "[ADDRESS]")] = None,
    bench: Annotated[Path | None, opt("opt.bench", "--bench", "DIR")] = None,
    purpose: PurposeOfCopies = None,
    reason: Reason = None,
) -> Answer:
    """Make training copies of the recordings named, or of all that have none; or measure on labelled calls."""
    from arlo_rec.calls.training.backlog import FailedCall
    from arlo_rec.vault.access.gate import Intent

    run: Run = ctx.obj
    if sum((bool(recordings), pending, bench is not None)) != 1:
        raise Usage("recordings_or_pending")
    options = CopyOptions(transcript or [], mode, cuts)
    orders = CopyOrders(run, options, many=pending or len(recordings or ()) > 1)
    if cluster is not None and (engine, model, bench, orders.manual) != (None, None, None, False):
        raise Usage("cluster_hears")
    if (bench := run.files.server_folder(bench, "--bench")) is not None:
        return _evaluate(run, bench, orders.order, engine, model)
    address = _address(run, cluster) if cluster is not None else None
    with _planners(run, "none" if orders.manual else engine, model, address) as planners:
        if not (transcript or orders.manual):
            planners.demand_words(orders.order)  # once, and not of each call
        with run.store() as store:
            intent = Intent(Action.PSEUDONYMISE, purpose, reason)
            outcomes, objected, broken = _make_copies(run, store, recordings, intent, orders, planners)
    if broken is not None and not outcomes:
        raise broken
    if len(outcomes) == 1 and not pending and isinstance(outcomes[0], FailedCall):
        raise outcomes[0].error
    return copies_answer(run, outcomes, objected)._replace(error=broken)


def _evaluate(run: Run, folder: Path, order: CopyOrder, engine: str | None, models: list[Path] | None) -> Answer:
    """Measure on the labelled calls of a folder; no store is opened."""
    from arlo_rec.calls.training import evaluation

    with _engines(run, engine, models, 1) as (hearing,):
        scores = [evaluation.evaluate(call, order, hearing) for call in evaluation.labelled_calls(folder, run.progress)]
    return evaluation_answer(run, evaluation.bench(order.mode, scores))


def _make_copies(
    run: Run,
    store: Store,
    recordings: list[str] | None,
    intent: Intent,
    orders: CopyOrders,
    planners: Planners,
) -> tuple[list[TrainingCopy | FailedCall], int | None, ArloError | None]:
    """Make the copies, of the backlog where no recordings are named; what became of each, and what ended it too early.

    The number is that of the backlog's calls that were passed over.
    """
    from arlo_rec.calls.training import backlog

    waiting = backlog.pending(store, intent, run.now()) if not recordings else None
    shown_ids = [call.id.hex() for call in waiting.calls] if waiting is not None else recordings or []
    objected = waiting.objected if waiting is not None else None
    copies = backlog.make_copies(store, shown_ids, intent, orders.of, planners, run.now, unless_copied=not recordings)
    outcomes: list[TrainingCopy | FailedCall] = []
    run.progress(Progress(Phase.TRAINING_COPIES, 0, len(shown_ids), planners.workers))
    try:
        for outcome in copies:
            outcomes.append(outcome)
            done = min(len(outcomes), len(shown_ids))
            run.progress(Progress(Phase.TRAINING_COPIES, done, len(shown_ids), planners.workers))
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
    from arlo_rec.calls.training.answers import CopyAnswer, shown
    from arlo_rec.pseudonymise import release as release_copy

    run: Run = ctx.obj
    with _engines(run, engine, model, 1) as (hearing,), run.store() as store:
        released = release_copy(store, copy, reason, hearing, run.now)
    lines = [run.say("release.done", reviewed=copy, copy=released.copy.hex())]
    lines += [] if hearing else [run.say("release.not_heard_again")]
    return Answer(CopyAnswer(shown(released, heard_again=bool(hearing))), lines)


def reject(
    ctx: typer.Context,
    copy: Annotated[str, arg("arg.copy", "COPY")],
    *,
    reason: Reason = None,
) -> Answer:
    """Erase a copy."""
    from arlo_rec.calls.training.answers import CopyAnswer, CopyShown
    from arlo_rec.pseudonymise import reject as reject_copy

    run: Run = ctx.obj
    with run.store() as store:
        rejected = reject_copy(store, copy, reason, run.now)
    copy = rejected.first.hex()
    shown = CopyShown(id=rejected.parent.hex(), copy=copy, revision=rejected.revision, state="rejected")
    return Answer(CopyAnswer(shown), [run.say("reject.done", copy=copy)])


def _address(run: Run, typed: str) -> str:
    """The address of the scheduler: the owner's setting, or what the account of the store typed; raises NotGranted."""
    if typed and run.client.guest is not None:
        raise NotGranted("not_through_door", rule="access.need", name="--cluster ADDRESS")
    address = typed or way_of(run)("cluster").settings.get("address")
    if not address:
        raise Usage("cluster_setting_missing", key="cluster.address")
    return str(address)


@contextmanager
def _planners(run: Run, engine: str | None, models: list[Path] | None, address: str | None) -> Iterator[Planners]:
    """The planners of the cuts: the cluster of that address, which is not spoken to yet, or engines of this machine."""
    from arlo_rec.calls.training.planners import local

    workers = run.settings.asr_workers
    if address is not None:
        with hearing().planners(address, way_of(run)("cluster")) as planners:
            yield planners
        return
    if not 1 <= workers <= MOST_WORKERS:
        raise Usage("workers_out_of_range", most=MOST_WORKERS)
    with _engines(run, engine, models, workers) as engines, local(engines) as planners:
        yield planners


def hearing() -> Hearing:
    """The engine that has calls heard on other machines; raises Unreachable where none is installed."""
    from arlo_rec.vault.backends.elsewhere import engine

    found = engine("cluster")
    if found is None or found.hearing is None:
        raise Unreachable("elsewhere_missing", value="cluster")
    return found.hearing


def model_folders(run: Run, models: list[Path] | None) -> list[Path]:
    """The folders of the models that were named, else of those in the settings; raises Usage for too many."""
    named = [run.files.server_folder(model, "--model") or model for model in models or ()]
    folders = named or list(run.settings.asr_models)
    if len(folders) > MOST_LISTED:
        raise Usage("too_many_models", count=str(len(folders)), most=str(MOST_LISTED))
    return folders


@contextmanager
def _engines(run: Run, name: str | None, models: list[Path] | None, count: int) -> Iterator[list[Engines]]:
    """The engines of each worker, one for each model that was named or is configured; none without a model."""
    settings, folders = run.settings, model_folders(run, models)
    if name not in (None, "faster-whisper", "none"):
        raise Usage("engine_unknown", value=str(name)[:20])
    if name == "faster-whisper" and not folders:
        raise Usage("model_missing")
    with ExitStack() as stack:
        if name == "none" or not folders:
            yield [()] * count
            return
        from arlo_rec.sound.speech import words

        threads = max(1, settings.asr_threads // (count * len(folders)))
        yield [
            [stack.enter_context(words().engine(folder, threads, settings.asr_language)) for folder in folders]
            for _ in range(count)
        ]


# -- what is typed ------------------------------------------------------------------------------------


class CopyOptions(NamedTuple):
    """The typed options for making copies."""

    transcripts: list[str]
    mode: str | None
    cuts: Path | None


class _Transcripts(NamedTuple):
    """A file of words, or a folder of them with its names; of one side, where that was said."""

    role: str | None
    path: Path
    folder: list[str] | None


class CopyOrders:
    """One order for each recording, from options that were typed once."""

    def __init__(self, run: Run, options: CopyOptions, *, many: bool) -> None:
        from arlo_rec.calls.training.cut_plan import CopyOrder
        from arlo_rec.sound.audio import cut_list

        mode = options.mode or ("manual" if options.cuts is not None and not options.transcripts else "detect")
        if mode not in set(Mode):
            raise Usage("mode_unknown", value=mode[:20])
        if many and options.cuts is not None:
            raise Usage("cuts_of_one")
        self.manual = Mode(mode) is Mode.MANUAL
        if self.manual and options.transcripts:
            raise Usage("transcript_not_used")
        if self.manual and options.cuts is None:
            raise Usage("cuts_missing")
        self._run = run
        self._transcripts = [self._named(text) for text in options.transcripts]
        if many and any(each.folder is None for each in self._transcripts):
            raise Usage("transcripts_of_many")
        self.order = CopyOrder(
            Mode(mode),
            _parse_fill(run.settings.copy_fill),
            tuple(cut_list.read(run.files.read(options.cuts, cut_list.LONGEST))) if options.cuts is not None else (),
            language=run.settings.asr_language,
        )

    def of(self, shown_id: str) -> CopyOrder:
        """The transcripts of this recording: the named files, or those of its id in a folder."""
        from dataclasses import replace

        from arlo_rec.sound.speech import LONGEST

        found = [each for named in self._transcripts for each in _files_of(named, shown_id)]
        transcripts = tuple((role, self._run.files.read(path, LONGEST)) for role, path in found)
        return replace(self.order, transcripts=transcripts, files=tuple(path.name[:200] for _, path in found))

    def _named(self, text: str) -> _Transcripts:
        """The named transcripts, with the names in a folder."""
        role, path = _parse_transcript(text)
        try:
            return _Transcripts(role, path, self._run.client.files.names(path))
        except OSError:  # no folder: reading the file says what is wrong with it
            return _Transcripts(role, path, None)


class TypedChanges(NamedTuple):
    """A reviewer's typed changes of a copy's cuts, before it is opened; false if none were typed."""

    accepted: list[str]  # numbers, ranges, or `all`: what is still proposed
    removed: list[int]
    changed: list[str]
    added: list[str]
    undone: list[int]

    def __bool__(self) -> bool:
        return any(self)

    def parsed(self) -> Callable[[CutPlan], Changes]:
        """The changes of a plan; raises Usage."""
        from arlo_rec.calls.training.cut_plan import Changes

        numbers = [number for text in self.accepted if text != ALL for number in _parse_range(text)]
        moved = dict(map(_parse_change, self.changed))
        added = tuple(map(parse_cut, self.added))

        def changes(plan: CutPlan) -> Changes:
            proposed = (number for number, cut in enumerate(plan.listed, 1) if cut.status == "proposed")
            named = {*numbers, *moved, *self.removed, *self.undone}
            left = [number for number in proposed if number not in named] if ALL in self.accepted else []
            return Changes([*dict.fromkeys(numbers), *left], self.removed, moved, added, self.undone)

        return changes


def _parse_range(text: str) -> range:
    """`3`, or `3-7`; raises Usage."""
    first, sign, last = text.partition("-")
    begin, end = parse_number(first), parse_number(last if sign else first)
    if begin is None or end is None or not begin <= end < begin + LONGEST_RANGE:
        raise Usage("bad_accept", value=text[:40])
    return range(begin, end + 1)


def _parse_change(text: str) -> tuple[int, Cut]:
    """`N:START-END`; raises Usage."""
    number, sign, stretch = text.partition(":")
    cut = parse_number(number)
    if not sign or cut is None:
        raise Usage("bad_change", value=text[:40])
    return cut, parse_cut(stretch)


def parse_number(text: str) -> int | None:
    """A number of a few plain digits; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def parse_cut(text: str) -> Cut:
    """`START-END`, in seconds; raises Usage."""
    from arlo_rec.sound.audio.cut_list import read

    begin, _, end = text.replace(",", ".").partition("-")
    try:
        return read(f"{float(begin)}\t{float(end)}\tother".encode())[0]
    except ValueError:
        raise Usage("bad_cut", value=text[:40]) from None


def _parse_fill(text: str) -> Any:
    from arlo_rec.sound.audio import Fill

    try:
        return Fill(text)
    except ValueError:
        raise Usage("fill_unknown", value=text[:20]) from None


def _parse_transcript(text: str) -> tuple[str | None, Path]:
    """`caller=FILE`, `agent=FILE`, `0=FILE`, or a file or a folder."""
    role, sign, path = text.partition("=")
    if not path and sign:
        raise Usage("file_unreadable", path=text[:200])
    if sign and _is_role(role):
        return role, Path(path)
    return None, Path(text)


def _is_role(text: str) -> bool:
    return text in ("caller", "agent") or parse_number(text) is not None


def _files_of(named: _Transcripts, shown_id: str) -> Iterator[tuple[str | None, Path]]:
    """The files of a folder named by the id, with or without a role: `ID.json`, `ID.caller.vtt`."""
    if named.folder is None:
        yield named.role, named.path
        return
    for name in named.folder:
        stem, *parts = name.split(".")
        if parts and stem == shown_id and f".{parts[-1].lower()}" in ENDINGS:
            yield (parts[0] if len(parts) > 1 and _is_role(parts[0]) else named.role), named.path / name
