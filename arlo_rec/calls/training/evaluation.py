"""Evaluation: measure how well identifiers are found in labelled calls, such as a company's own.

A folder holds NAME.wav, NAME.json with the identifiers, and transcripts: NAME.words.json or `words*/NAME.json`;
without one an engine hears the call. Cover is the share of an identifier's duration that is cut; over-cut is the share
of the speech, farther than 0.3 s from every identifier, that is cut, too. Circumstances, which identify a person
without a name, count apart: detect mode only shows them. Nothing is kept and no store is opened.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import escape
from math import isfinite, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from arlo_rec.calls.training import build
from arlo_rec.calls.training.cut_plan import CopyOrder
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import SoundError, Usage
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.law.model.strict_json import parse_object
from arlo_rec.policy import Mode
from arlo_rec.sound import audio, speech
from arlo_rec.sound.audio import Sound
from arlo_rec.sound.audio.cut_list import LOOK, Cut
from arlo_rec.sound.speech import LONGEST, Transcript
from arlo_rec.vault.backends.bounded_read import read_named

if TYPE_CHECKING:
    from arlo_rec.sound.speech import Engines

WHOLE = 0.95  # of an identifier's duration: the rest does not identify
NEAR = 0.3  # seconds around an identifier in which a cut is no over-cut
STEP = 0.01  # seconds
CIRCUMSTANCES = frozenset({"CIRCUMSTANCE"})  # types of labels
Z = 1.96  # of a normal distribution, for intervals of 95 %
RESAMPLED = 1000  # times, for the interval of a mean
LABELS_LARGEST = 4 * 1024 * 1024  # bytes
LARGEST = 512 * 1024 * 1024  # bytes of a sound


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier of a call's labels."""

    type: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class LabelledCall:
    """A labelled call; *speech* are its parts with speech, None: detect them in the sound."""

    name: str
    lang: str  # by its labels, else empty
    sound: Sound = field(repr=False)
    identifiers: tuple[Identifier, ...] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    speech: tuple[tuple[float, float], ...] | None = field(repr=False)
    transcripts: tuple[Transcript, ...] = field(repr=False)

    @property
    def layout(self) -> str:
        """`stereo` where the channel says who speaks, else `mono`."""
        return "stereo" if self.sound.channels > 1 else "mono"


class IdentifierCover(NamedTuple):
    """The cover of an identifier: the share of its duration that is cut, and the seconds that are left."""

    type: str
    share: float
    left_s: float


@dataclass(frozen=True, slots=True)
class CallScore:
    """The cover of each identifier of a call, and the over-cut."""

    lang: str
    layout: str
    covers: tuple[IdentifierCover, ...]  # of identifiers
    circumstances: tuple[IdentifierCover, ...]
    over_cut: float  # share of the speech far from both that is cut
    over_cut_with: float  # the same with circumstances counted as speech
    shown: int = 0  # circumstances that are cut or shown to a reviewer, at least in part
    looks: int = 0  # stretches shown to a reviewer that touch no circumstance
    minutes: float = 0.0


class Figures(Record, frozen=True):
    """Figures of several identifiers: count, share wholly cut, mean share cut, seconds left; intervals of 95 %."""

    count: int
    cover: float
    cover_within: tuple[float, float]
    mean_cover: float
    mean_within: tuple[float, float]
    residual_s: float

    def rounded(self) -> Figures:
        """The same, to the digits that answers give."""
        (low, high), (least, most) = self.cover_within, self.mean_within
        cover = round(self.cover, 4), (round(low, 4), round(high, 4))
        mean = round(self.mean_cover, 4), (round(least, 4), round(most, 4))
        return Figures(self.count, *cover, *mean, round(self.residual_s, 2))


class Circumstances(Figures, frozen=True):
    """Figures of circumstances, and how many are cut or shown to a reviewer."""

    shown: int


class Group(Figures, frozen=True):
    """Figures of some of the calls, of all identifiers and by type."""

    calls: int
    over_cut: float
    over_cut_with_circumstances: float
    false_looks_a_minute: float
    circumstances: Circumstances
    types: dict[str, Figures]


class Bench(Record, frozen=True):
    """Figures of labelled calls by layout and by language."""

    mode: Mode
    calls: int
    layouts: dict[str, Group]
    languages: dict[str, Group]


def labelled_calls(folder: Path, observer: Observer = unobserved) -> Iterator[LabelledCall]:
    """Yield the labelled calls of a folder; raises Usage if there is none, or for a wrong one."""
    try:
        paths = sorted(path for path in folder.glob("*.json") if path.with_suffix(".wav").is_file())
    except OSError:
        paths = []
    if not paths:
        raise Usage("bench_empty", path=str(folder))
    for number, path in enumerate(paths):
        observer(Progress(Phase.EVALUATION, number, len(paths)))
        yield _call(path)


def evaluate(call: LabelledCall, order: CopyOrder, engines: Engines = ()) -> CallScore:
    """Cut a call like its copy, and score the result."""
    transcripts = list(call.transcripts)
    if not transcripts and engines:
        transcripts = speech.words().transcribe(engines, call.sound, order.language, call.names)
    if not transcripts or order.mode is Mode.MANUAL:
        raise Usage("words_missing")
    strict = order.mode is Mode.STRICT
    try:
        plan = speech.words().plan(call.sound, transcripts, call.names, strict=strict)
    except Usage as misfit:
        raise Usage("bench_wrong", path=call.name, why=str(misfit.detail.get("why", misfit.code))) from None
    cuts = [cut for cut in plan.cuts if cut.is_cut]
    copy = audio.cut(call.sound, build.stretches(cuts), order.fill, bytes(32))
    build.prove(call.sound, copy, cuts, order.fill, bytes(32))
    return score(call, plan.cuts)


def score(call: LabelledCall, cuts: Sequence[Cut]) -> CallScore:
    """Score *cuts* of a call by the identifiers that they leave and the speech that they over-cut."""
    steps = int(call.sound.duration / STEP) + 1
    is_cut = _steps([(cut.start, cut.end) for cut in cuts if cut.is_cut], steps)
    direct = [label for label in call.identifiers if label.type not in CIRCUMSTANCES]
    circumstances = [label for label in call.identifiers if label.type in CIRCUMSTANCES]
    looks = [cut for cut in cuts if cut.status == LOOK]
    spoken = _steps(_speech(call), steps)
    return CallScore(
        call.lang,
        call.layout,
        tuple(_cover(label, is_cut) for label in direct),
        tuple(_cover(label, is_cut) for label in circumstances),
        _over_cut(call.identifiers, spoken, is_cut),
        _over_cut(direct, spoken, is_cut),
        sum(any(_touches(cut, label) for cut in cuts if cut.is_cut or cut.status == LOOK) for label in circumstances),
        sum(not any(_touches(look, label) for label in circumstances) for look in looks),
        call.sound.duration / 60,
    )


def _touches(cut: Cut, identifier: Identifier) -> bool:
    return cut.start < identifier.end and identifier.start < cut.end


def _cover(identifier: Identifier, is_cut: bytearray) -> IdentifierCover:
    within = range(round(identifier.start / STEP), min(len(is_cut), round(identifier.end / STEP)))
    covered = sum(is_cut[step] for step in within)
    return IdentifierCover(identifier.type, covered / max(1, len(within)), (len(within) - covered) * STEP)


def _over_cut(identifiers: Sequence[Identifier], spoken: bytearray, is_cut: bytearray) -> float:
    near = _steps([(label.start - NEAR, label.end + NEAR) for label in identifiers], len(spoken))
    far = [step for step, is_spoken in enumerate(spoken) if is_spoken and not near[step]]
    return sum(is_cut[step] for step in far) / max(1, len(far))


def bench(mode: Mode, scores: Sequence[CallScore]) -> Bench:
    """The figures of all groups that have calls."""
    by_layout = {layout: [score for score in scores if score.layout == layout] for layout in ("stereo", "mono")}
    languages = sorted({score.lang for score in scores} - {""})
    by_language = {lang: [score for score in scores if score.lang == lang] for lang in languages}
    layouts = {layout: _group(some) for layout, some in by_layout.items() if some}
    return Bench(mode, len(scores), layouts, {lang: _group(some) for lang, some in by_language.items()})


def _group(scores: Sequence[CallScore]) -> Group:
    covers = [cover for score in scores for cover in score.covers]
    told = figures([cover for score in scores for cover in score.circumstances]).rounded()
    over_cut, over_cut_with = (
        round(sum(getattr(score, which) for score in scores) / len(scores), 4)
        for which in ("over_cut", "over_cut_with")
    )
    minutes, types = sum(score.minutes for score in scores), sorted({cover.type for cover in covers})
    return Group.of(
        figures(covers).rounded(),
        calls=len(scores),
        over_cut=over_cut,
        over_cut_with_circumstances=over_cut_with,
        false_looks_a_minute=round(sum(score.looks for score in scores) / minutes, 2) if minutes else 0.0,
        circumstances=Circumstances.of(told, shown=sum(score.shown for score in scores)),
        types={type: figures([cover for cover in covers if cover.type == type]).rounded() for type in types},
    )


def figures(covers: Sequence[IdentifierCover]) -> Figures:
    """The figures of many identifiers."""
    count = max(1, len(covers))
    whole = sum(cover.share >= WHOLE for cover in covers)
    shares = [cover.share for cover in covers]
    return Figures(
        len(covers),
        whole / count,
        within(whole, len(covers)),
        sum(shares) / count,
        mean_within(shares),
        sum(cover.left_s for cover in covers),
    )


def within(hits: int, count: int) -> tuple[float, float]:
    """The score interval of a share (Wilson, Journal of the American Statistical Association 22(158), 1927)."""
    if not count:
        return 0.0, 1.0
    share, spread = hits / count, Z * Z / count
    middle = (share + spread / 2) / (1 + spread)
    half = Z * sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def mean_within(shares: Sequence[float]) -> tuple[float, float]:
    """The percentile interval of a mean, by resampling (Efron, Annals of Statistics 7(1), 1979); the same each time."""
    if not shares:
        return 0.0, 1.0
    chance = random.Random(0)  # noqa: S311 - draws of a statistic, and no secret
    means = sorted(sum(chance.choices(shares, k=len(shares))) / len(shares) for _ in range(RESAMPLED))
    return means[RESAMPLED * 25 // 1000], means[RESAMPLED * 975 // 1000]


def _speech(call: LabelledCall) -> list[tuple[float, float]]:
    if call.speech is not None:
        return list(call.speech)
    from arlo_rec.sound.audio.activity import detect_activity, find_spans

    return find_spans(detect_activity(call.sound).anyone)


def _steps(spans: Sequence[tuple[float, float]], steps: int) -> bytearray:
    """Mark with 1 each hundredth of a second that lies in a span."""
    inside = bytearray(steps)
    for start, end in spans:
        first, behind = max(0, round(start / STEP)), min(steps, round(end / STEP))
        inside[first:behind] = b"\1" * max(0, behind - first)
    return inside


# -- reading ------------------------------------------------------------------------------------------


def _call(path: Path) -> LabelledCall:
    try:
        labels = parse_object(read_named(path, LABELS_LARGEST))
        raw = read_named(path.with_suffix(".wav"), LARGEST)
        return LabelledCall(
            path.stem,
            str(labels.get("lang", ""))[:10],
            audio.read_wav(io.BytesIO(raw), len(raw)),
            tuple(_identifier(label) for label in labels["identifiers"]),
            tuple(str(name) for names in labels.get("known", {}).values() for name in _as_list(names)),
            _stretches(labels.get("speech", labels.get("ref"))),
            tuple(_transcripts(path)),
        )
    except OSError:
        raise Usage("file_unreadable", path=str(path)) from None
    except SoundError as problem:
        raise Usage("bench_wrong", path=str(path), why=problem.reason) from None
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise Usage("bench_wrong", path=str(path), why="no_labels") from None


def _identifier(label: Mapping[str, Any]) -> Identifier:
    start, end = _time(label["start"]), _time(label["end"])
    if not 0 <= start < end:
        raise ValueError("no length")
    return Identifier(str(label["type"])[:40], start, end)


def _stretches(labels: Any) -> tuple[tuple[float, float], ...] | None:
    if labels is None:
        return None
    return tuple((_time(label["start"]), _time(label["end"])) for label in labels)


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise TypeError("no time")
    return float(value)


def _as_list(names: object) -> list[object]:
    return names if isinstance(names, list) else [names]


def _transcripts(path: Path) -> Iterator[Transcript]:
    """Yield the transcripts beside the call, or in a folder `words...` for each pass."""
    beside = sorted(path.parent.glob(f"{escape(path.stem)}.words*"))
    apart = sorted(folder / path.name for folder in path.parent.glob("words*") if (folder / path.name).is_file())
    for transcript in (*beside, *apart):
        yield speech.words().read(read_named(transcript, LONGEST + 1))
