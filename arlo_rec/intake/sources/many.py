"""A manifest that tells of many calls: JSON Lines or CSV, one call a line, each with a sound in the same folder.

Its calls are judged one by one, as those of other manifests are. The file goes when the last of its calls is done
with, and only if it is still the file that was opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from arlo_rec.intake.sources import jsonlines, spool, table
from arlo_rec.intake.sources.lines import Lines, Record, Unreadable
from arlo_rec.intake.sources.manifest import BadManifest, Delivery

FORMATS: Final[dict[str, Callable[[Lines], Iterator[Record]]]] = {
    ".jsonl": jsonlines.records,
    ".ndjson": jsonlines.records,
    ".csv": table.records,
}


@dataclass(slots=True)
class Many:
    """The file as a whole: how many calls it told of so far, and how many are done with."""

    path: Path
    listed: bool = False
    manifest: spool.Opened | None = None
    told: int = 0
    done: int = 0
    read_to_end: bool = False

    def count(self) -> int:
        """How many calls it seems to tell of; what is told in the end may differ."""
        count = 0
        try:
            with spool.opened(self.path.parent, self.path.name) as (stream, about):
                for _ in self._records(stream, about):
                    count += 1
        except (spool.NotAFile, Unreadable):
            count += 1
        return count

    def lines(self) -> Iterator[Line]:
        """Its calls, read as they are asked for; the file stays open meanwhile, so that it stays the same file."""
        try:
            with spool.opened(self.path.parent, self.path.name) as (stream, self.manifest):
                yield from self._lines(self._records(stream, self.manifest))
        except spool.NotAFile as problem:
            if not (problem.missing and self.listed):  # else another run has taken it in
                yield Line(path=self.path, many=self, fault="not_a_file")

    def _records(self, stream: BinaryIO, about: spool.Opened) -> Iterator[Record]:
        return FORMATS[self.path.suffix.lower()](Lines(stream, about.size))

    def _lines(self, records: Iterator[Record]) -> Iterator[Line]:
        """Each a step behind, so that the last one is known to be the last when it is handed out."""
        last, broken = None, None
        try:
            for record in records:
                if last is not None:
                    yield last
                self.told += 1
                last = Line(path=self.path, many=self, record=record, number=record.line, raw=record.raw)
        except Unreadable as bad:
            broken = Line(path=self.path, many=self, fault="bad_metadata", number=bad.line, raw=bad.raw)
        except OSError:
            broken = Line(path=self.path, many=self, fault="not_a_file")
        self.read_to_end = broken is None
        yield from (one for one in (last, broken) if one is not None)


@dataclass(slots=True, kw_only=True)
class Line(Delivery):
    """One call of many; without a record it stands for the rest of a file that cannot be read (`fault`)."""

    many: Many
    record: Record | None = None
    number: int | None = None
    fault: str = ""

    @property
    def source(self) -> str:
        """The path as found and the line where the call begins."""
        return str(self.path) if self.number is None else f"{self.path}:{self.number}"

    def read(self) -> None:
        """Take the line apart; raises BadManifest."""
        if self.record is None:
            raise BadManifest(self.fault)
        try:
            self.told = self.record.told()
        except ValueError:
            raise BadManifest("bad_metadata") from None

    @property
    def can_go(self) -> bool:
        """Whether it is a line: the rest of a file that nobody can read is not."""
        return self.record is not None

    @property
    def itself(self) -> bytes:
        """Nothing more than what it says: the file may be written anew around a line."""
        return b""

    def spent(self) -> spool.Opened | None:
        """The manifest, if this was the last of its calls that was not done with."""
        if self.record is not None:
            self.many.done += 1
        return self.many.manifest if self.many.read_to_end and self.many.done == self.many.told else None
