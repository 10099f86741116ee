"""An answer that is too much for one page: a ZIP with a page for the letter and pages for the sounds.

    index.html            the letter, and the files of it that are no sounds
    parts/part-01.html    some of the sounds, each with its player

Each page asks for the same passphrase and opens in a browser without a program; names and sizes are all that the
archive tells without it. A page has at most `MOST` bytes of sounds, or one sound that is longer. Chromium 156 opens one
of 150 MB in a second with 0.4 GB of memory, and one of 580 MB in six seconds with 1.2 GB; telephones give a page less.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from arlo_rec.certificates import seal
from arlo_rec.dsar.answer import RecordingFacts
from arlo_rec.dsar.files import FileFacts
from arlo_rec.dsar.letter import PAGE, wave
from arlo_rec.dsar.page_file import PageFile
from arlo_rec.i18n.pages import Formats
from arlo_rec.i18n.pages import render as render_page
from arlo_rec.model.records import to_iso

MOST: Final = 150_000_000  # bytes of sounds in a page
INDEX: Final = "index.html"


class _Sound(NamedTuple):
    """A sound in a page, with the number by which the letter names its recording."""

    number: int
    facts: RecordingFacts
    file: FileFacts


class Archive:
    """The archive as it is being written; *expected*: the bytes of each recording's sound, by id, in their order."""

    def __init__(self, new_page: Callable[[], PageFile], lang: str, expected: Mapping[str, int]) -> None:
        self.zip = seal.Archive()
        self._new_page = new_page
        self._lang = lang
        self._expected = expected
        self._numbers = {recording: number for number, recording in enumerate(expected, 1)}
        self._volumes = 0
        self._volume: PageFile | None = None
        self._sounds: list[_Sound] = []
        self._elsewhere: list[FileFacts] = []
        self._index: PageFile | None = None

    def begin(self) -> Iterator[bytes]:
        """Nothing stands before the first page."""
        return iter(())

    def enclose(
        self, name: str, mediatype: str, pieces: Iterable[bytes], of: RecordingFacts | None = None
    ) -> Generator[bytes, None, FileFacts]:
        """A sound into the page that has room for it, and anything else into the letter's."""
        if of is None:
            page = yield from self._letters_page()
            return (yield from self._written(page.enclose(name, mediatype, pieces)))
        volume = yield from self._page_for(self._expected[of.id])
        file = yield from self._written(volume.enclose(name, mediatype, pieces, of))
        self._sounds.append(_Sound(self._numbers[of.id], of, file))
        self._elsewhere.append(replace(file, page=self._page_name()))
        return self._elsewhere[-1]

    def end(self, letter: str) -> Iterator[bytes]:
        """The letter; `seal.Archive.signed` ends the archive."""
        page = yield from self._letters_page()
        yield from self._written_all(page.end(letter, self._elsewhere))
        yield self.zip.finish()

    # -- pages ----------------------------------------------------------------------------------------

    def _page_name(self) -> str:
        return f"parts/part-{self._volumes:02}.html"

    def _page_for(self, size: int) -> Generator[bytes, None, PageFile]:
        """The page that a sound of *size* bytes goes to: the last one, if there is room."""
        taken = sum(self._expected[sound.facts.id] for sound in self._sounds)
        if self._volume is not None and taken + size > MOST:
            yield from self._end_volume()
        if self._volume is None:
            self._volumes += 1
            self._volume = self._new_page()
            yield self.zip.begin(self._page_name())
            yield from self._written_all(self._volume.begin())
        return self._volume

    def _end_volume(self) -> Iterator[bytes]:
        if self._volume is None:
            return
        formats = Formats(self._lang)
        letter = render_page(
            PAGE,
            f"volume.{self._lang}.html.j2",
            number=self._volumes,
            sounds=self._sounds,
            index=f"../{INDEX}",
            instant=formats.instant,
            moment=formats.moment,
            duration=formats.duration,
            wave=wave,
            iso=to_iso,
            lang=self._lang,
        )
        yield from self._written_all(self._volume.end(letter))
        yield self.zip.finish()
        self._volume, self._sounds = None, []

    def _letters_page(self) -> Generator[bytes, None, PageFile]:
        if self._index is None:
            yield from self._end_volume()
            self._index = self._new_page()
            yield self.zip.begin(INDEX)
            yield from self._written_all(self._index.begin())
        return self._index

    def _written(self, pieces: Generator[bytes, None, FileFacts]) -> Generator[bytes, None, FileFacts]:
        """A page's bytes as the archive's; returns what the page returned."""
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                file: FileFacts = end.value
                return file
            yield self.zip.write(piece)

    def _written_all(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        return map(self.zip.write, pieces)
