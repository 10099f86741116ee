"""Typed options of training copies as orders and changes; raises Usage for what does not go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Usage

if TYPE_CHECKING:
    from arlo_rec.speech.cut_list import Cut
    from arlo_rec.training.cut_plan import Changes, CopyOrder, CutPlan


ALL = "all"
LONGEST_RANGE = 10_000  # cuts: as many as a list can have
ENDINGS = frozenset([".json", ".vtt", ".srt", ".txt"])  # of transcripts in a folder


class CopyOptions(NamedTuple):
    """How copies are to be made, as it was typed."""

    transcripts: list[str]
    mode: str | None
    cuts: Path | None
    fill: str
    language: str | None


class _Transcripts(NamedTuple):
    """A file of words, or a folder of them with its names; of one side, where that was said."""

    role: str | None
    path: Path
    folder: list[str] | None


class CopyOrders:
    """One order for each recording, from options that were typed once."""

    def __init__(self, run: Run, options: CopyOptions, *, many: bool) -> None:
        from arlo_rec.policy import Mode
        from arlo_rec.training.cut_plan import CopyOrder

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
            _parse_fill(options.fill),
            tuple(_read_cuts(run, options.cuts)) if options.cuts is not None else (),
            language=options.language or run.settings.asr_language,
        )

    def of(self, shown_id: str) -> CopyOrder:
        """With the transcripts of this recording: the files that were named, or those of its id in a folder."""
        from dataclasses import replace

        from arlo_rec.speech.transcript_builder import LONGEST

        found = [each for named in self._transcripts for each in _files_of(named, shown_id)]
        transcripts = tuple((role, self._run.read(path, LONGEST)) for role, path in found)
        return replace(self.order, transcripts=transcripts, files=tuple(path.name[:200] for _, path in found))

    def _named(self, text: str) -> _Transcripts:
        """What was named as transcripts, with the names in a folder."""
        role, path = _parse_transcript(text)
        try:
            return _Transcripts(role, path, self._run.client.files.names(path))
        except OSError:  # no folder: reading the file says what is wrong with it
            return _Transcripts(role, path, None)


class TypedChanges(NamedTuple):
    """What a reviewer typed about the cuts of a copy, before the copy is opened; false where nothing was typed."""

    accepted: list[str]  # numbers, ranges, or `all`: what is still proposed
    removed: list[int]
    changed: list[str]
    added: list[str]
    undone: list[int]

    def __bool__(self) -> bool:
        return any(self)

    def parsed(self) -> Callable[[CutPlan], Changes]:
        """What to change of a plan; raises Usage."""
        from arlo_rec.training.cut_plan import Changes

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


def _files_of(named: _Transcripts, shown_id: str) -> Iterator[tuple[str | None, Path]]:
    """Of a folder the files whose name is the id, perhaps with a role behind: `ID.json`, `ID.caller.vtt`."""
    if named.folder is None:
        yield named.role, named.path
        return
    for name in named.folder:
        stem, *parts = name.split(".")
        if parts and stem == shown_id and f".{parts[-1].lower()}" in ENDINGS:
            yield (parts[0] if len(parts) > 1 and _is_role(parts[0]) else named.role), named.path / name


def _read_cuts(run: Run, path: Path) -> list[Cut]:
    from arlo_rec.speech import cut_list

    return cut_list.read(run.read(path, cut_list.LONGEST))
