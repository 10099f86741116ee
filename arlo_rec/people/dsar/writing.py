"""Choosing the file of an answer: a page, or an archive of pages if one page is too small.

    page       opens with a passphrase in a browser    name as typed
    archive    the same in several pages (`archive`)   ends in .zip

Lengths and formats decide, before a sound is read. Each is signed by `certificate`, and both are
written front to back.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

from arlo_rec.law.model.particulars import CONTROLLER
from arlo_rec.law.model.records import to_iso
from arlo_rec.law.pages import Formats
from arlo_rec.law.pages import render as render_page
from arlo_rec.people.dsar.answer import Answer, RecordingFacts
from arlo_rec.people.dsar.enclosures import enclosures
from arlo_rec.people.dsar.files import Enclosure, FileFacts
from arlo_rec.people.dsar.letter import PAGE, render, wave
from arlo_rec.people.dsar.page_file import PageFile
from arlo_rec.people.dsar.recordings import HeldCall
from arlo_rec.people.dsar.sounds import GivenSound
from arlo_rec.sound import audio
from arlo_rec.sound.audio.turns import Turn
from arlo_rec.vault.backends.named_files import NamedFile
from arlo_rec.vault.certificates import seal
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.key_files import readable_secret

# -- archive -----------------------------------------------------------------------------------------
# An answer that is too large for one page: a ZIP with a page for the letter and pages for the sounds.
#
#     index.html            the letter, and the files of it that are no sounds
#     parts/part-01.html    some of the sounds, each with its player
#
# Each page asks for the same passphrase and opens in a browser without a program; names and sizes are all that the
# archive tells without it. A page has at most `MOST` bytes of sounds, or one sound that is longer. Chromium 156 opens
# one of 150 MB in a second with 0.4 GB of memory, and one of 580 MB in six seconds with 1.2 GB; telephones give a page
# less.


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
        """Yield nothing: the first page is the beginning."""
        return iter(())

    def enclose(
        self, name: str, mediatype: str, pieces: Iterable[bytes], of: RecordingFacts | None = None
    ) -> Generator[bytes, None, FileFacts]:
        """Write a sound into the next page with room for it, and any other file into the letter's page."""
        if of is None:
            page = yield from self._letters_page()
            return (yield from self._written(page.enclose(name, mediatype, pieces)))
        volume = yield from self._page_for(self._expected[of.id])
        file = yield from self._written(volume.enclose(name, mediatype, pieces, of))
        self._sounds.append(_Sound(self._numbers[of.id], of, file))
        self._elsewhere.append(replace(file, page=self._page_name()))
        return self._elsewhere[-1]

    def end(self, letter: str) -> Iterator[bytes]:
        """Write the letter; `seal.Archive.signed` ends the archive."""
        page = yield from self._letters_page()
        yield from self._written_all(page.end(letter, self._elsewhere))
        yield self.zip.finish()

    # -- pages ----------------------------------------------------------------------------------------

    def _page_name(self) -> str:
        return f"parts/part-{self._volumes:02}.html"

    def _page_for(self, size: int) -> Generator[bytes, None, PageFile]:
        """The page for a sound of *size* bytes: the last one, if there is room."""
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
        """The bytes of a page as the archive's; returns the page's return value."""
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                file: FileFacts = end.value
                return file
            yield self.zip.write(piece)

    def _written_all(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        return map(self.zip.write, pieces)


# -- writing ----------------------------------------------------------------------------------------


# -- package -----------------------------------------------------------------------------------------
# The access answer as one file, written in one pass: the sounds, `data.json`, then the letter, which names them all.
#
# `Composition` puts the answer together while it is written, because the letter needs the checksums of the sounds. Its
# `Package` decides the form of the file: `page_file` is a page that asks for its passphrase.


class Package(Protocol):
    """A file that is written front to back, by the functions in this order."""

    def begin(self) -> Iterator[bytes]:
        """Yield the bytes before the first file."""

    def enclose(
        self, name: str, mediatype: str, pieces: Iterable[bytes], of: RecordingFacts | None = None
    ) -> Generator[bytes, None, FileFacts]:
        """Yield the bytes of a file, the sound *of* a recording; returns its facts for the letter."""

    def end(self, letter: str) -> Iterator[bytes]:
        """Yield the letter, as markup, and the end."""


class Composition:
    """The bytes of a package, and the answer after the last of them."""

    def __init__(
        self,
        package: Package,
        answer: Answer,
        sounds: Iterable[GivenSound],
        lang: str,
        beside: Sequence[Enclosure] = (),
    ) -> None:
        self.answer = answer
        self.drafts: dict[str, Sequence[Turn]] = {}  # of recordings whose voices are not separated
        self._beside = beside
        self._package = package
        self._sounds = sounds
        self._lang = lang

    def __iter__(self) -> Iterator[bytes]:
        yield from self._package.begin()
        recordings: list[RecordingFacts] = []
        files: list[FileFacts] = []
        for number, (facts, sound) in enumerate(zip(self.answer.recordings, self._sounds, strict=True), 1):
            if sound.draft:
                self.drafts[facts.id] = sound.draft
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


# -- writing ----------------------------------------------------------------------------------------


PASSPHRASE_GROUPS = 6  # of 4 characters: 120 bits for a file that leaves the company


@dataclass(frozen=True, slots=True)
class Form:
    """The officer's choices for the file."""

    lang: str = "nb"
    wav: bool = False  # sounds as WAV instead of MP3
    controller: str = CONTROLLER  # named outside the encryption

    @property
    def sound_format(self) -> str:
        """The format as `Answer` names it."""
        return "wav" if self.wav else "mp3"


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is about to be written, and the passphrase that opens it."""

    file: NamedFile
    package: Package
    zip: seal.Archive | None  # of a package that is one
    passphrase: str = field(repr=False)


def target(file: NamedFile, calls: Sequence[HeldCall], form: Form, *, whole: bool) -> Target:
    """The file for these calls; an archive of pages gets the ending .zip."""
    passphrase = readable_secret(PASSPHRASE_GROUPS)
    new_page = _pages(passphrase, form)
    expected = {call.facts.id: expected_bytes(call, form, whole=whole) for call in calls}
    if sum(expected.values()) <= MOST:
        return Target(file, new_page(), None, passphrase)
    pages = Archive(new_page, form.lang, expected)
    return Target(archive_beside(file), pages, pages.zip, passphrase)


def archive_beside(file: NamedFile) -> NamedFile:
    """The archive's path beside the named file: it ends in .zip."""
    stem = file.path.stem if file.path.suffix in {".html", ".htm", ".zip"} else file.path.name
    return file.beside(f"{stem}.zip")


def expected_bytes(call: HeldCall, form: Form, *, whole: bool) -> int:
    """The estimated bytes of a call's sound, by its facts, rather too many than too few."""
    if form.wav or call.rate not in audio.MP3_RATES:
        return call.frames * call.tracks * 2
    return int(call.frames * (call.tracks if whole else 1) * audio.MP3_BYTES_A_SAMPLE)


def _pages(passphrase: str, form: Form) -> Callable[[], PageFile]:
    return lambda: PageFile(passphrase, form.lang, primitives.fresh(primitives.PACKAGE_SALT), form.controller)
