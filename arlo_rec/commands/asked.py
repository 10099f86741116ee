"""What was typed about training copies, as orders and changes; raises Usage for what makes no sense."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Usage
from arlo_rec.speech.engines.process import is_folder

if TYPE_CHECKING:
    from arlo_rec.pseudonymise import Changes
    from arlo_rec.speech.cut_list import Cut
    from arlo_rec.training.cut_plan import CopyOrder


ENDINGS = frozenset([".json", ".vtt", ".srt", ".ctm", ".txt"])  # of transcripts in a folder


class Typed(NamedTuple):
    """How copies are to be made, as it was typed."""

    transcripts: list[str]
    mode: str | None
    cuts: Path | None
    fill: str
    voice: str | None
    language: str | None


class Asked:
    """The order of one recording after the other, from what was typed once."""

    def __init__(self, run: Run, typed: Typed, *, many: bool) -> None:
        from arlo_rec.policy import Mode
        from arlo_rec.training.cut_plan import CopyOrder

        named = typed.mode or ("manual" if typed.cuts is not None and not typed.transcripts else "detect")
        if named not in set(Mode):
            raise Usage("mode_unknown", value=named[:20])
        if typed.voice not in (None, "mcadams"):
            raise Usage("voice_unknown", value=str(typed.voice)[:20])
        if many and typed.cuts is not None:
            raise Usage("cuts_of_one")
        self.manual = Mode(named) is Mode.MANUAL
        if self.manual and typed.transcripts:
            raise Usage("transcript_not_used")
        if self.manual and typed.cuts is None:
            raise Usage("cuts_missing")
        self._named = [_source(one) for one in typed.transcripts]
        if many and any(not is_folder(path) for _, path in self._named):
            raise Usage("transcripts_of_many")
        self.order = CopyOrder(
            Mode(named),
            fill_of(typed.fill),
            tuple(_listed(typed.cuts)) if typed.cuts is not None else (),
            disguise=typed.voice is not None,
            language=typed.language or run.settings.asr_language,
        )

    def of(self, shown_id: str) -> CopyOrder:
        """With the transcripts of this recording: the files that were named, or those of its id in a folder."""
        from dataclasses import replace

        from arlo_rec.speech.transcripts.gathering import LONGEST

        found = tuple(
            (role, _read(path, LONGEST))
            for named, folder in self._named
            for role, path in _of_call(named, folder, shown_id)
        )
        return replace(self.order, transcripts=found)


def _source(text: str) -> tuple[str | None, Path]:
    """`caller=FILE`, `agent=FILE`, `0=FILE`, or a file or a folder."""
    role, sign, path = text.partition("=")
    if not path and sign:
        raise Usage("file_unreadable", path=text[:200])
    if sign and _is_role(role):
        return role, Path(path)
    return None, Path(text)


def _is_role(text: str) -> bool:
    return text in ("caller", "agent") or number_of(text) is not None


def _of_call(role: str | None, named: Path, shown_id: str) -> Iterator[tuple[str | None, Path]]:
    """Of a folder the files whose name is the id, perhaps with a role behind: `ID.json`, `ID.caller.vtt`."""
    if not is_folder(named):
        yield role, named
        return
    for path in sorted(named.glob(f"{shown_id}.*") if shown_id.isalnum() else ()):
        parts = path.name.split(".")
        if path.suffix.lower() in ENDINGS:
            yield (parts[1] if len(parts) > 2 and _is_role(parts[1]) else role), path


def _read(path: Path, most: int) -> bytes:
    from arlo_rec.backends.bounded_read import read_small

    try:
        return read_small(path, most, pipes=True)
    except OSError as problem:
        if problem.errno == errno.EFBIG:
            raise Usage("file_too_large", path=str(path), most=f"{most // 1024 // 1024} MiB") from None
        raise Usage("file_unreadable", path=str(path)) from None


def _listed(path: Path) -> list[Cut]:
    from arlo_rec.speech import cut_list

    return cut_list.read(_read(path, cut_list.LONGEST))


def changes_of(accepted: list[int], removed: list[int], changed: list[str], added: list[str]) -> Changes:
    from arlo_rec.pseudonymise import Changes

    moved = {}
    for one in changed:
        number, sign, stretch = one.partition(":")
        place = number_of(number)
        if not sign or place is None:
            raise Usage("bad_change", value=one[:40])
        moved[place] = cut_of(stretch)
    return Changes(tuple(accepted), tuple(removed), moved, tuple(cut_of(one) for one in added))


def number_of(text: str) -> int | None:
    """A number of a few plain digits; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def cut_of(text: str) -> Cut:
    """`START-END`, in seconds; raises Usage."""
    from arlo_rec.speech.cut_list import read

    begin, _, end = text.partition("-")
    try:
        return read(f"{float(begin)}\t{float(end)}\tother".encode())[0]
    except ValueError:
        raise Usage("bad_cut", value=text[:40]) from None


def fill_of(text: str) -> Any:
    from arlo_rec.audio import Fill

    try:
        return Fill(text)
    except ValueError:
        raise Usage("fill_unknown", value=text[:20]) from None
