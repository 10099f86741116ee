"""One self-decrypting HTML page: letter and files in encrypted parts, which a browser opens with a passphrase.

The part that is not encrypted holds no personal data. The browser's WebCrypto decrypts the letter first and a file when
it is needed, from disk and without a network: the page's Content-Security-Policy allows its script and its style by
their hashes, sound from memory, and nothing else. Template, style and script are in `page/`; docs/format.md specifies
the format, so that another program can open it.

The page is written in one pass, with one part in memory: the files, each in parts of at most `PART` bytes, then the
letter, which names them and their checksums.
"""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from collections.abc import Generator, Iterable, Iterator, Sequence

from arlo_rec.law.model.particulars import CONTROLLER
from arlo_rec.law.model.strict_json import canonical, to_base64
from arlo_rec.law.pages import render as render_page
from arlo_rec.people.dsar.answer import RecordingFacts
from arlo_rec.people.dsar.files import Counting, FileFacts, in_json
from arlo_rec.people.dsar.letter import PAGE
from arlo_rec.vault.crypto import primitives

FORMAT = 2
PART = 4 * 1024 * 1024  # bytes of a file in a part: in memory at once in the writer, and in the browser's atob
# What String.prototype.trim removes (ECMA-262, WhiteSpace and LineTerminator); str.strip differs by a few.
TRIMMED = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_SCRIPTS = ("package.js", "player.js")
_PARTS = "<!-- parts -->"  # where they stand in the template
_BEFORE, _AFTER = b'<script type="application/octet-stream;base64">', b"</script>\n"


def passphrase_bytes(typed: str) -> bytes:
    """The passphrase as bytes for the key derivation: trimmed, NFC, UTF-8, as the page's script does it."""
    return unicodedata.normalize("NFC", typed.strip(TRIMMED)).encode("utf-8")


class PageFile:
    """The page in `nb` or `en` as it is being written: `begin`, `enclose` for each file, `end` with the letter."""

    def __init__(self, passphrase: str, lang: str, salt: bytes, controller: str = CONTROLLER) -> None:
        self._key = primitives.PackageKey(passphrase_bytes(passphrase), salt)
        self._lang = lang
        self._files: list[dict[str, object]] = []
        self._parts = 0
        head, _, self._tail = _around(lang, salt, controller).partition(_PARTS)
        self._head = head.encode("utf-8")

    def begin(self) -> Iterator[bytes]:
        """Yield everything before the first part."""
        yield self._head

    def enclose(
        self, name: str, mediatype: str, pieces: Iterable[bytes], of: RecordingFacts | None = None
    ) -> Generator[bytes, None, FileFacts]:
        """Yield the parts of a file; returns the file's facts for the letter."""
        content, first = Counting(), self._parts
        for plain in _in_parts(pieces):
            content.add(plain)
            yield self._part(plain)
        file = content.facts(name, mediatype, of)
        self._files.append({**in_json(file), "first": first, "parts": self._parts - first})
        return file

    def end(self, letter: str, elsewhere: Iterable[FileFacts] = ()) -> Iterator[bytes]:
        """Yield the letter, as markup, and the end of the page; files *elsewhere* are in other pages of an archive."""
        others = [{**in_json(file), "page": file.page} for file in elsewhere]
        files = [*self._files, *others]
        content = {"format": FORMAT, "lang": self._lang, "letter_html": letter, "files": files}
        yield self._part(canonical(content), last=True)
        yield self._tail.encode("utf-8")

    def _part(self, plain: bytes, *, last: bool = False) -> bytes:
        self._parts += 1
        return _BEFORE + b64encode(self._key.seal(plain, last=last)) + _AFTER


def _in_parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of *pieces* in parts of `PART` bytes, of which the last may be shorter and none is empty."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= PART:
            yield bytes(waiting[:PART])
            del waiting[:PART]
    if waiting:
        yield bytes(waiting)


def _around(lang: str, salt: bytes, controller: str) -> str:
    """The page around its parts."""
    scripts, style = [source(script) for script in _SCRIPTS], source("package.css")
    return render_page(
        PAGE,
        f"package.{lang}.html.j2",
        policy=content_security_policy(scripts, style, media="blob:"),
        scripts=scripts,
        style=style,
        salt=to_base64(salt),
        rounds=primitives.PACKAGE_ROUNDS,
        controller=controller,
    )


def content_security_policy(scripts: Sequence[str], style: str, *, media: str) -> str:
    """A policy that allows only the page's own scripts and style, and sound from *media* (W3C CSP Level 3)."""
    rules = (
        "default-src 'none'",
        *([f"script-src {' '.join(map(_hash, scripts))}"] if scripts else ()),
        f"style-src {_hash(style)}",
        f"media-src {media}",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def _hash(text: str) -> str:
    return "'sha256-" + to_base64(primitives.sha256(text.encode("utf-8"))) + "'"


def source(name: str) -> str:
    """The text of a script or a style in `page/`."""
    return (PAGE / name).read_text("utf-8")
