"""The answer as a ZIP of plain files, for what encrypts it as a whole: `index.html` is the letter, its files lie beside it.

Nothing of it may reach a disk as it is; `crypto.age_file` encrypts it while it is made.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from datetime import datetime
from typing import Final

from arlo_rec.dsar.answer import RecordingFacts
from arlo_rec.dsar.files import Counting, FileFacts
from arlo_rec.dsar.letter import PAGE
from arlo_rec.dsar.page_file import content_security_policy, source
from arlo_rec.dsar.zip_stream import ZipStream
from arlo_rec.i18n.pages import render as render_page

INDEX: Final = "index.html"
_SCRIPTS = ("plain.js", "player.js")
_OF_FILE = re.compile(r'<(audio|a)\b([^<>]*) data-file="([^"<>]*)"')  # of our own templates: values are escaped


class PlainArchive:
    """The archive as it is being written."""

    def __init__(self, lang: str, at: datetime) -> None:
        self._zip = ZipStream(at)
        self._lang = lang

    def begin(self) -> Iterator[bytes]:
        """Nothing stands before the first file."""
        return iter(())

    def enclose(
        self, name: str, mediatype: str, pieces: Iterable[bytes], of: RecordingFacts | None = None
    ) -> Generator[bytes, None, FileFacts]:
        """The file under its name; returns what the letter says of it."""
        content = Counting()
        yield self._zip.begin(name)
        for piece in pieces:
            content.add(piece)
            yield self._zip.write(piece)
        yield self._zip.finish()
        return content.facts(name, mediatype, of)

    def end(self, letter: str) -> Iterator[bytes]:
        """The letter's page, and the directory of the archive."""
        script, style = "\n".join(map(source, _SCRIPTS)), source("package.css")
        page = render_page(
            PAGE,
            f"plain.{self._lang}.html.j2",
            policy=content_security_policy([script], style, media="file:"),
            style=style,
            script=script,
            letter=_OF_FILE.sub(_beside, letter),
        )
        yield from self._zip.file(INDEX, [page.encode("utf-8")])
        yield self._zip.end()


def _beside(found: re.Match[str]) -> str:
    """A player or a link whose file lies beside the page."""
    element, rest, name = found.groups()
    where = f'src="{name}"' if element == "audio" else f'href="{name}" download'
    return f'<{element}{rest} data-file="{name}" {where}'
