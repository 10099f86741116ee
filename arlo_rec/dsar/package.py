"""The access answer as one file, written in one pass: the sounds, `data.json`, then the letter, which names them all.

`Composition` puts the answer together while it is written, because the letter needs the checksums of the sounds. What
the file is like is decided by the `Package` that it is given: `page_file` a page that asks for its passphrase.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from arlo_rec.dsar.answer import Answer, RecordingFacts
from arlo_rec.dsar.enclosures import enclosures
from arlo_rec.dsar.files import Enclosure, FileFacts
from arlo_rec.dsar.letter import render
from arlo_rec.dsar.sounds import GivenSound


class Package(Protocol):
    """A file that is written front to back; what each function yields follows what the one before yielded."""

    def begin(self) -> Iterator[bytes]:
        """What stands before the first file."""

    def enclose(
        self, name: str, mediatype: str, pieces: Iterable[bytes], of: RecordingFacts | None = None
    ) -> Generator[bytes, None, FileFacts]:
        """A file of the answer, the sound *of* a recording; returns what the letter says of it."""

    def end(self, letter: str) -> Iterator[bytes]:
        """The letter, as markup, and the end."""


class Composition:
    """The bytes of a package, and the answer as it is when all of them are written."""

    def __init__(
        self,
        package: Package,
        answer: Answer,
        sounds: Iterable[GivenSound],
        lang: str,
        beside: Sequence[Enclosure] = (),
    ) -> None:
        self.answer = answer
        self._beside = beside
        self._package = package
        self._sounds = sounds
        self._lang = lang

    def __iter__(self) -> Iterator[bytes]:
        yield from self._package.begin()
        recordings: list[RecordingFacts] = []
        files: list[FileFacts] = []
        for number, (facts, sound) in enumerate(zip(self.answer.recordings, self._sounds, strict=True), 1):
            if sound.withheld is not None:
                recordings.append(replace(facts, withheld=sound.withheld))
                continue
            own = self.answer.whole_call_reason is None
            recordings.append(replace(facts, peaks=sound.peaks, own_speech=own, unsure=sound.unsure))
            name = f"recording-{number:02}{sound.ending}"
            given = yield from self._package.enclose(name, sound.mediatype, sound.pieces, recordings[-1])
            files.append(replace(given, channels=sound.channels))
        self.answer = replace(self.answer, recordings=tuple(recordings))
        for file in (*enclosures(self.answer, files), *self._beside):
            files.append((yield from self._package.enclose(file.name, file.mediatype, [file.body])))
        yield from self._package.end(render(self.answer, files, self._lang))
