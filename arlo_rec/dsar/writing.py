"""What file an answer becomes: a page, or an archive of pages where it is too much for one.

    page       opens with a passphrase in a browser    name as typed
    archive    the same in several pages (`archive`)   ends in .zip

Which one is decided from lengths and formats, before a sound is read. Each is signed by `certificate`, and both are
written front to back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from arlo_rec import audio
from arlo_rec.backends.named_files import NamedFile
from arlo_rec.certificates import seal
from arlo_rec.crypto import primitives
from arlo_rec.dsar import archive
from arlo_rec.dsar.archive import Archive
from arlo_rec.dsar.package import Package
from arlo_rec.dsar.page_file import PageFile
from arlo_rec.dsar.recordings import HeldCall
from arlo_rec.keys.key_files import readable_secret
from arlo_rec.model.particulars import CONTROLLER

PASSPHRASE_GROUPS = 6  # of 4 characters: 120 bits for a file that leaves the company


@dataclass(frozen=True, slots=True)
class Form:
    """What the officer wants the file to be like."""

    lang: str = "nb"
    wav: bool = False  # sounds as WAV instead of MP3
    controller: str = CONTROLLER  # whose file it is, outside the encryption

    @property
    def sound_format(self) -> str:
        """How `Answer` names it."""
        return "wav" if self.wav else "mp3"


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is about to be written, and what it is opened with."""

    file: NamedFile
    package: Package
    zip: seal.Archive | None  # of a package that is one
    passphrase: str = field(repr=False)


def target(file: NamedFile, calls: Sequence[HeldCall], form: Form, *, whole: bool) -> Target:
    """The file for these calls; an archive of pages gets the ending .zip."""
    passphrase = readable_secret(PASSPHRASE_GROUPS)
    new_page = _pages(passphrase, form)
    expected = {call.facts.id: expected_bytes(call, form, whole=whole) for call in calls}
    if sum(expected.values()) <= archive.MOST:
        return Target(file, new_page(), None, passphrase)
    pages = Archive(new_page, form.lang, expected)
    return Target(archive_beside(file), pages, pages.zip, passphrase)


def archive_beside(file: NamedFile) -> NamedFile:
    """The file that an archive of pages becomes where another was named: it ends in .zip."""
    stem = file.path.stem if file.path.suffix in {".html", ".htm", ".zip"} else file.path.name
    return file.beside(f"{stem}.zip")


def expected_bytes(call: HeldCall, form: Form, *, whole: bool) -> int:
    """About how many bytes the sound of a call will have, and rather too many, by what is known of it."""
    if form.wav or call.rate not in audio.MP3_RATES:
        return call.frames * call.tracks * 2
    return int(call.frames * (call.tracks if whole else 1) * audio.MP3_BYTES_A_SAMPLE)


def _pages(passphrase: str, form: Form) -> Callable[[], PageFile]:
    return lambda: PageFile(passphrase, form.lang, primitives.fresh(primitives.PACKAGE_SALT), form.controller)
