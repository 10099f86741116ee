"""Typed options of training copies as orders and changes; raises Usage for what does not go together."""

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


class CopyOptions(NamedTuple):
    """How copies are to be made, as it was typed."""

    transcripts: list[str]
    mode: str | None
    cuts: Path | None
    fill: str
    voice: str | None
    language: str | None


class CopyOrders:
    """One order for each recording, from options that were typed once."""

    def __init__(self, run: Run, options: CopyOptions, *, many: bool) -> None:
        from arlo_rec.policy import Mode
        from arlo_rec.training.cut_plan import CopyOrder

        mode = options.mode or ("manual" if options.cuts is not None and not options.transcripts else "detect")
        if mode not in set(Mode):
            raise Usage("mode_unknown", value=mode[:20])
        if options.voice not in (None, "mcadams"):
            raise Usage("voice_unknown", value=str(options.voice)[:20])
        if many and options.cuts is not None:
            raise Usage("cuts_of_one")
        self.manual = Mode(mode) is Mode.MANUAL
        if self.manual and options.transcripts:
            raise Usage("transcript_not_used")
        if self.manual and options.cuts is None:
            raise Usage("cuts_missing")
        self._transcripts = [_parse_transcript(text) for text in options.transcripts]
        if many and any(not is_folder(path) for _, path in self._transcripts):
            raise Usage("transcripts_of_many")
        self.order = CopyOrder(
            Mode(mode),
            _parse_fill(options.fill),
            tuple(_read_cuts(options.cuts)) if options.cuts is not None else (),
            disguise=options.voice is not None,
            language=options.language or run.settings.asr_language,
        )

    def of(self, shown_id: str) -> CopyOrder:
        """With the transcripts of this recording: the files that were named, or those of its id in a folder."""
        from dataclasses import replace

        from arlo_rec.speech.transcripts.builder import LONGEST

        transcripts = tuple(
            (role, _read(path, LONGEST))
            for named_role, named_path in self._transcripts
            for role, path in _files_of(named_role, named_path, shown_id)
        )
        return replace(self.order, transcripts=transcripts)


def parse_changes(accepted: list[int], removed: list[int], changed: list[str], added: list[str]) -> Changes:
    """What a reviewer typed about the cuts of a copy; raises Usage."""
    from arlo_rec.pseudonymise import Changes

    moved = {}
    for text in changed:
        number, sign, stretch = text.partition(":")
        cut = parse_number(number)
        if not sign or cut is None:
            raise Usage("bad_change", value=text[:40])
        moved[cut] = parse_cut(stretch)
    return Changes(tuple(accepted), tuple(removed), moved, tuple(parse_cut(text) for text in added))


def parse_number(text: str) -> int | None:
    """A number of a few plain digits; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def parse_cut(text: str) -> Cut:
    """`START-END`, in seconds; raises Usage."""
    from arlo_rec.speech.cut_list import read

    begin, _, end = text.replace(",", ".").partition("-")
    try:
        return read(f"{float(begin)}\t{float(end)}\tother".encode())[0]
    except ValueError:
        raise Usage("bad_cut", value=text[:40]) from None


def _parse_fill(text: str) -> Any:
    from arlo_rec.audio import Fill

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


def _files_of(role: str | None, named: Path, shown_id: str) -> Iterator[tuple[str | None, Path]]:
    """Of a folder the files whose name is the id, perhaps with a role behind: `ID.json`, `ID.caller.vtt`."""
    if not is_folder(named):
        yield role, named
        return
    for path in sorted(named.glob(f"{shown_id}.*") if shown_id.isalnum() else ()):
        parts = path.name.split(".")
        if path.suffix.lower() in ENDINGS:
            yield (parts[1] if len(parts) > 2 and _is_role(parts[1]) else role), path


def _read_cuts(path: Path) -> list[Cut]:
    from arlo_rec.speech import cut_list

    return cut_list.read(_read(path, cut_list.LONGEST))


def _read(path: Path, most: int) -> bytes:
    from arlo_rec.backends.bounded_read import read_small

    try:
        return read_small(path, most, pipes=True)
    except OSError as problem:
        if problem.errno == errno.EFBIG:
            raise Usage("file_too_large", path=str(path), most=f"{most // 1024 // 1024} MiB") from None
        raise Usage("file_unreadable", path=str(path)) from None
