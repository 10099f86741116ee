"""The answer as a ZIP of plain files, for what encrypts it as a whole: `index.html` is the letter, its files beside it.

Nothing of it may reach a disk as it is; `crypto.age_file` encrypts it while it is made.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from typing import Final

from arlo_rec.dsar import stored_zip
from arlo_rec.dsar.answer import RecordingFacts
from arlo_rec.dsar.files import Counting, FileFacts
from arlo_rec.dsar.letter import PAGE
from arlo_rec.dsar.page_file import content_security_policy, source
from arlo_rec.i18n.pages import render as render_page

INDEX: Final = "index.html"
_SCRIPTS = ("plain.js", "player.js")
_OF_FILE = re.compile(r'<(audio|a)\b([^<>]*) data-file="([^"<>]*)"')  # of our own templates: values are escaped


class PlainArchive:
    """The archive as it is being written; what ends it is `stored_zip.tail`."""

    def __init__(self, lang: str) -> None:
        self.zip = stored_zip.Archive()
        self._lang = lang

    def begin(self) -> Iterator[bytes]:
        """Nothing stands before the first file."""
        return iter(())

    def enclose(
        self, name: str, mediatype: str, pieces: Iterable[bytes], of: RecordingFacts | None = None
    ) -> Generator[bytes, None, FileFacts]:
        """The file under its name; returns what the letter says of it."""
        content = Counting()
        yield from self.zip.member(name, content.counted(pieces))
        return content.facts(name, mediatype, of)

    def end(self, letter: str) -> Iterator[bytes]:
        """The letter's page."""
        scripts, style = [source(script) for script in _SCRIPTS], source("package.css")
        page = render_page(
            PAGE,
            f"plain.{self._lang}.html.j2",
            policy=content_security_policy(scripts, style, media="file:"),
            style=style,
            scripts=scripts,
            letter=_OF_FILE.sub(_beside, letter),
        )
        yield from self.zip.member(INDEX, [page.encode("utf-8")])


def _beside(found: re.Match[str]) -> str:
    """A player or a link whose file lies beside the page."""
    element, rest, name = found.groups()
    where = f'src="{name}"' if element == "audio" else f'href="{name}" download'
    return f'<{element}{rest} data-file="{name}" {where}'
