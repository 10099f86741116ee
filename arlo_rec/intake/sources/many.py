"""A manifest of many calls: JSON Lines or CSV, one call a line, each with a sound in the same folder.

It opens the file and counts its calls; they are judged one by one, as those of other manifests are (`candidates`).
The file may be removed when the last of its calls is finished, and only if it is still the file that was opened
(`cleanup`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from arlo_rec.intake.sources import jsonlines, spool, table
from arlo_rec.intake.sources.lines import Lines, Record, Unreadable
from arlo_rec.intake.sources.manifest import BadManifest, Delivery

FORMATS: Final[dict[str, Callable[[Lines], Iterator[Record]]]] = {
    ".jsonl": jsonlines.records,
    ".ndjson": jsonlines.records,
    ".csv": table.records,
}


@dataclass(slots=True)
class ManifestOfMany:
    """The file as a whole: how many calls were read from it so far, and how many of them are finished."""

    path: Path
    home: spool.Home
    listed: bool = False
    manifest: spool.SpoolFile | None = None
    calls: int = 0
    finished: int = 0
    read_to_end: bool = False

    def count(self) -> int:
        """How many calls it seems to describe: a file that is still written to has more of them later."""
        count = 0
        try:
            with spool.opened(self.home, self.path.parent, self.path.name) as (stream, file):
                for _ in self._records(stream, file):
                    count += 1
        except (spool.NotAFile, Unreadable):
            count += 1
        return count

    def lines(self) -> Iterator[Line]:
        """Its calls, read as they are asked for; the file stays open meanwhile, so that all of them are of one file."""
        try:
            with spool.opened(self.home, self.path.parent, self.path.name) as (stream, self.manifest):
                yield from self._lines(self._records(stream, self.manifest))
        except spool.NotAFile as problem:
            if not (problem.missing and self.listed):  # else another run has taken it in
                yield self._line(fault="not_a_file")

    def _line(self, **what: Any) -> Line:
        return Line(path=self.path, home=self.home, shared=self, **what)

    def _records(self, stream: BinaryIO, file: spool.SpoolFile) -> Iterator[Record]:
        return FORMATS[self.path.suffix.lower()](Lines(stream, file.size))

    def _lines(self, records: Iterator[Record]) -> Iterator[Line]:
        """Each line when the next one was read, so that `read_to_end` is known before the last line is handed out."""
        last, broken = None, None
        try:
            for record in records:
                if last is not None:
                    yield last
                self.calls += 1
                last = Line(
                    path=self.path, home=self.home, shared=self, record=record, number=record.line, raw=record.raw
                )
        except Unreadable as bad:
            broken = Line(
                path=self.path, home=self.home, shared=self, fault="bad_metadata", number=bad.line, raw=bad.raw
            )
        except OSError:
            broken = self._line(fault="not_a_file")
        self.read_to_end = broken is None
        yield from (line for line in (last, broken) if line is not None)


@dataclass(slots=True, kw_only=True)
class Line(Delivery):
    """One call of a manifest of many; without a record, the rest of a file that cannot be read (`fault`)."""

    shared: ManifestOfMany
    record: Record | None = None
    number: int | None = None
    fault: str = ""

    @property
    def source(self) -> str:
        """The path as it was named or listed, and the line where the call begins."""
        return str(self.path) if self.number is None else f"{self.path}:{self.number}"

    def read(self) -> None:
        """Read the line as a JSON object; raises BadManifest."""
        if self.record is None:
            raise BadManifest(self.fault)
        try:
            self.json = self.record.to_json()
        except ValueError:
            raise BadManifest("bad_metadata") from None

    @property
    def folder(self) -> spool.FolderId | None:
        """The folder of the manifest that it stands in."""
        return self.shared.manifest.folder if self.shared.manifest else None

    @property
    def is_removable(self) -> bool:
        """Whether it is a line, and not the rest of a file that cannot be read."""
        return self.record is not None

    @property
    def file_identity(self) -> bytes:
        """Empty: the file around a line may be written anew, and the line is the same delivery."""
        return b""

    def finish(self) -> spool.SpoolFile | None:
        """Count the call as finished; the manifest, if it was the last of its calls that was not."""
        if self.record is not None:
            self.shared.finished += 1
        shared = self.shared
        return shared.manifest if shared.read_to_end and shared.finished == shared.calls else None
