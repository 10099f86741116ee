"""How well identifiers are found in calls whose truth is known, so that a company can measure its own.

A folder holds NAME.wav, NAME.json with what identifies, and transcripts: NAME.words.json or `words*/NAME.json`; without
one an engine hears the call. Cover is the share of an identifier's duration that is cut; over-cut is the share of the
speech, farther than 0.3 s from every identifier, that is cut, too. Nothing is kept and no store is opened.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from glob import escape
from math import isfinite
from pathlib import Path
from typing import Any

from arlo_rec import audio
from arlo_rec.audio import Sound
from arlo_rec.backends.bounded_read import read_small
from arlo_rec.model.errors import SoundError, Usage
from arlo_rec.model.strict_json import parse_object
from arlo_rec.policy import Mode
from arlo_rec.speech.cut_list import Cut
from arlo_rec.speech.words import Transcript
from arlo_rec.training import build
from arlo_rec.training.build import ALONE, Helpers, Order

WHOLE = 0.95  # of an identifier's duration: what is left of it tells nobody
NEAR = 0.3  # seconds around an identifier in which a cut is none too much
STEP = 0.01  # seconds
LABELS_LARGEST = 4 * 1024 * 1024  # bytes
LARGEST = 512 * 1024 * 1024  # bytes of a sound


@dataclass(frozen=True, slots=True)
class Identifier:
    """What identifies somebody, as who labelled the call says."""

    type: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Call:
    """A labelled call; *speech* are stretches, or None where they are to be found in the sound."""

    name: str
    sound: Sound = field(repr=False)
    identifiers: tuple[Identifier, ...] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    speech: tuple[tuple[float, float], ...] | None = field(repr=False)
    transcripts: tuple[Transcript, ...] = field(repr=False)

    @property
    def layout(self) -> str:
        """Whether who speaks is told by the channel."""
        return "stereo" if self.sound.channels > 1 else "mono"


@dataclass(frozen=True, slots=True)
class Scored:
    """One call with its cuts: the cover of each identifier, and of the speech far from all of them."""

    layout: str
    covers: tuple[tuple[str, float, float], ...]  # type, share cut, seconds left
    over_cut: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Of several identifiers: how many, share wholly cut, mean share cut, seconds left."""

    count: int
    cover: float
    mean_cover: float
    residual_s: float


def calls(folder: Path) -> Iterator[Call]:
    """The labelled calls of a folder; raises Usage where there is none, or one is not right."""
    try:
        named = sorted(one for one in folder.glob("*.json") if one.with_suffix(".wav").is_file())
    except OSError:
        named = []
    if not named:
        raise Usage("bench_empty", path=str(folder))
    for path in named:
        yield _call(path)


def scored(call: Call, order: Order, helpers: Helpers = ALONE) -> Scored:
    """One call cut as it would be, and what is left of it."""
    from arlo_rec.speech.engines import passes
    from arlo_rec.speech.planning import planner

    transcripts = list(call.transcripts)
    if not transcripts and helpers.engine is not None:
        transcripts = passes.heard(helpers.engine, call.sound, order.language, call.names)
    if not transcripts or order.mode is Mode.MANUAL:
        raise Usage("words_missing")
    strict = order.mode is Mode.STRICT
    try:
        found = planner.plan(call.sound, transcripts, call.names, strict=strict, labeller=helpers.labeller)
    except Usage as misfit:
        raise Usage("bench_wrong", path=call.name, why=str(misfit.detail.get("why", misfit.code))) from None
    cut = audio.cut(call.sound, build.stretches(found.cuts), order.fill, bytes(32))
    build.prove(call.sound, cut, found.cuts, order.fill, bytes(32))
    return score(call, found.cuts)


def score(call: Call, cuts: Sequence[Cut]) -> Scored:
    """What *cuts* leave of the identifiers of a call, and what they take beside them."""
    steps = int(call.sound.duration / STEP) + 1
    gone = _steps([(one.start, one.end) for one in cuts], steps)
    covers = []
    for one in call.identifiers:
        within = range(round(one.start / STEP), min(steps, round(one.end / STEP)))
        hit = sum(gone[at] for at in within)
        covers.append((one.type, hit / max(1, len(within)), (len(within) - hit) * STEP))
    near = _steps([(one.start - NEAR, one.end + NEAR) for one in call.identifiers], steps)
    far = [at for at, spoken in enumerate(_steps(_speech(call), steps)) if spoken and not near[at]]
    return Scored(call.layout, tuple(covers), sum(gone[at] for at in far) / max(1, len(far)))


def figures(covers: Sequence[tuple[str, float, float]]) -> Figures:
    """The same of many as four figures."""
    count = max(1, len(covers))
    return Figures(
        len(covers),
        sum(share >= WHOLE for _, share, _ in covers) / count,
        sum(share for _, share, _ in covers) / count,
        sum(left for _, _, left in covers),
    )


def _speech(call: Call) -> list[tuple[float, float]]:
    if call.speech is not None:
        return list(call.speech)
    from arlo_rec.audio.activity import activity, stretches

    return stretches(activity(call.sound).anyone)


def _steps(spans: Sequence[tuple[float, float]], steps: int) -> bytearray:
    """1 for each hundredth of a second that lies in a span."""
    made = bytearray(steps)
    for start, end in spans:
        first, behind = max(0, round(start / STEP)), min(steps, round(end / STEP))
        made[first:behind] = b"\1" * max(0, behind - first)
    return made


# -- reading ------------------------------------------------------------------------------------------


def _call(path: Path) -> Call:
    try:
        told = parse_object(read_small(path, LABELS_LARGEST))
        raw = read_small(path.with_suffix(".wav"), LARGEST)
        sound = audio.read_wav(io.BytesIO(raw), len(raw))
        identifiers = tuple(_identifier(one) for one in told["identifiers"])
        spoken = told.get("speech", told.get("ref"))
        return Call(
            path.stem,
            sound,
            identifiers,
            tuple(str(name) for told_names in told.get("known", {}).values() for name in _listed(told_names)),
            None if spoken is None else tuple((_time(one["start"]), _time(one["end"])) for one in spoken),
            tuple(_transcripts(path)),
        )
    except OSError:
        raise Usage("file_unreadable", path=str(path)) from None
    except SoundError as problem:
        raise Usage("bench_wrong", path=str(path), why=problem.reason) from None
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise Usage("bench_wrong", path=str(path), why="no_labels") from None


def _identifier(told: dict[str, Any]) -> Identifier:
    start, end = _time(told["start"]), _time(told["end"])
    if not 0 <= start < end:
        raise ValueError("no length")
    return Identifier(str(told["type"])[:40], start, end)


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise TypeError("no time")
    return float(value)


def _listed(names: object) -> list[object]:
    return names if isinstance(names, list) else [names]


def _transcripts(path: Path) -> Iterator[Transcript]:
    """Beside the call, or in a folder `words...` of its own for each pass."""
    from arlo_rec.speech.transcripts import gathering, reading

    beside = sorted(path.parent.glob(f"{escape(path.stem)}.words*"))
    apart = sorted(one / path.name for one in path.parent.glob("words*") if (one / path.name).is_file())
    for one in (*beside, *apart):
        yield reading.read(read_small(one, gathering.LONGEST + 1))
