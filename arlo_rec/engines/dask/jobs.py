"""The form of a job for a worker, and of its outcome: MessagePack of the types that `training.cut_plan` has.

Both are read strictly by their types, and nothing in them is code. A job holds a sound and names, no id and no key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Union

import msgspec

from arlo_rec import __version__
from arlo_rec.calls.training.cut_plan import CallSound, CopyOrder, CutPlan
from arlo_rec.calls.training.cut_plan import UnusedTranscript as Unused
from arlo_rec.law.messages import values_of
from arlo_rec.law.model.errors import ArloError, SoundError, Unreachable, Usage
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.sound.audio.cut_list import clip

_OF_SOUND: Final = (SoundError.__name__, "bad_audio")
_RAISED: Final = {kind.__name__: kind for kind in (Usage, Unreachable)}


class Job(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A call, and the order for its copy, from a program of a version."""

    version: str
    call: CallSound
    order: CopyOrder


class Planned(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The plan of a job."""

    plan: CutPlan


class Failed(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The error of a job, as its class, code and values."""

    kind: str
    code: str
    detail: dict[str, str | int | float]

    def error(self) -> ArloError:
        """The error with the values that its sentence has, to be raised here; raises ValueError for one without any."""
        try:
            values = {name: self.detail[name] for name in values_of(f"error.{self.code}")}
            if (self.kind, self.code) == _OF_SOUND:
                return SoundError(str(values["reason"]))
            raised: type[ArloError] = _RAISED[self.kind]
            return raised(self.code, rule=None, **values)
        except KeyError:
            raise ValueError("an error that no plan raises") from None


_JOBS = msgspec.msgpack.Decoder(Job)
_OUTCOMES = msgspec.msgpack.Decoder(Union[Planned, Failed])  # noqa: UP007 - as msgspec takes it on Python 3.11


def encode_job(call: CallSound, order: CopyOrder) -> bytes:
    """The bytes of a job, for a worker of this version; without names of files, which hold the ids of recordings."""
    return msgspec.msgpack.encode(Job(__version__, call, replace(order, files=())))


def decode_job(raw: bytes | memoryview) -> tuple[CallSound, CopyOrder]:
    """The job that `encode_job` wrote; raises Unreachable `cluster_version` for another version's, or anything else."""
    try:
        job = _JOBS.decode(raw)
    except (ValueError, SoundError):  # msgspec's errors are ValueErrors
        raise Unreachable("cluster_version", here=__version__, there="?") from None
    if job.version != __version__:
        raise Unreachable("cluster_version", here=__version__, there=job.version[:20])
    return job.call, job.order


def encode_outcome(outcome: CutPlan | ArloError) -> bytes:
    """The bytes of a plan, or of an error."""
    if isinstance(outcome, CutPlan):
        return msgspec.msgpack.encode(Planned(outcome))
    return msgspec.msgpack.encode(Failed(type(outcome).__name__, outcome.code, outcome.detail))


def decode_outcome(raw: bytes, duration: float, channels: int, files: Sequence[str] = ()) -> CutPlan:
    """The plan of an outcome for a sound of *duration* seconds, with the names of its *files*; raises its error.

    Raises Unreachable `engine_garbled` for anything else, and for a plan that no such sound can have.
    """
    try:
        outcome = _OUTCOMES.decode(raw)
        if isinstance(outcome, Planned):
            plan = _checked(outcome.plan, duration, channels)
            return replace(plan, unused=tuple(Unused(_named(each.file, files), each.why) for each in plan.unused))
        error = outcome.error()
        if "file" in error.detail:
            error.detail["file"] = _named(str(error.detail["file"]), files)
    except (ValueError, TypeError, Usage):
        raise Unreachable("engine_garbled") from None
    raise error


def _named(numbers: str, files: Sequence[str]) -> str:
    """The files of some numbers, which count from 1 on a worker: "1", or "1, 2" of transcripts that were united."""
    names = {str(number): name for number, name in enumerate(files, 1)}
    return ", ".join(names.get(number, number) for number in numbers.split(", "))


def _checked(plan: CutPlan, duration: float, channels: int) -> CutPlan:
    """The plan, with its cuts clipped to the sound; raises ValueError or Usage for an impossible one."""
    canonical(plan.to_json())  # every number is finite, and every text is one
    if not all(0 <= cut.start <= cut.end for cut in plan.listed):
        raise ValueError("a cut that ends before it begins")
    return plan.with_cuts(tuple(clip(list(plan.listed), duration, channels)))
