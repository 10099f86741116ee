"""The access answer as one file that a browser opens: an encrypted page that asks for its passphrase.

Encrypted inside are the letter, the sounds and `data.json`; the unencrypted part holds no personal data. The browser's
WebCrypto decrypts it (PBKDF2-HMAC-SHA-256, AES-256-GCM), from disk and without a network: the page's
Content-Security-Policy allows its script and its style by their hashes, sound from memory, and nothing else. The
page, its style and its script are in `page/`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from arlo_rec.crypto import primitives
from arlo_rec.dsar.answer import Answer
from arlo_rec.dsar.enclosures import enclosures
from arlo_rec.dsar.files import Enclosure, in_json
from arlo_rec.dsar.letter import PAGE, render
from arlo_rec.i18n.pages import render as render_page
from arlo_rec.model.errors import Usage
from arlo_rec.model.strict_json import canonical, to_base64

FORMAT = 1
LONGEST = 2**29 - 24  # characters of a string in V8, the smallest limit of the browsers: about 300 MB of sound
# What String.prototype.trim removes (ECMA-262, WhiteSpace and LineTerminator); str.strip differs by a few.
TRIMMED = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)


def build(
    answer: Answer,
    passphrase: str,
    lang: str,
    *,
    salt: bytes,
    nonce: bytes,
    beside: Sequence[Enclosure] = (),
    pdf: bool = False,
) -> bytes:
    """The whole answer in `nb` or `en` as one self-decrypting HTML file in UTF-8; *salt* and *nonce* are fresh.

    *beside* are files that are enclosed with the sounds and the data.

    Raises Usage for an answer so long that a browser could not open it.
    """
    sounds = _sounds(answer)
    enclosed = [*sounds, *enclosures(answer, [sound.facts for sound in sounds], lang if pdf else None), *beside]
    content = {
        "format": FORMAT,
        "lang": lang,
        "letter_html": render(answer, [file.facts for file in enclosed], lang),
        "files": [{**in_json(file.facts), "base64": to_base64(file.body)} for file in enclosed],
    }
    sealed = primitives.package_seal(passphrase_bytes(passphrase), canonical(content), salt=salt, nonce=nonce)
    if len(sealed) * 4 > LONGEST * 3:
        raise Usage("answer_too_large", megabytes=len(sealed) // 1_000_000)
    return _page(lang, sealed, salt=salt, nonce=nonce)


def passphrase_bytes(typed: str) -> bytes:
    """The passphrase's bytes that the key is derived from: trimmed, NFC, UTF-8, as the page's script does it."""
    return unicodedata.normalize("NFC", typed.strip(TRIMMED)).encode("utf-8")


def sound_name(number: int) -> str:
    """The file name of the sound of the recording with that number, counted from 1."""
    return f"recording-{number:02}.wav"


def _sounds(answer: Answer) -> list[Enclosure]:
    return [
        Enclosure(sound_name(number), "audio/wav", facts.sound, facts.id)
        for number, facts in enumerate(answer.recordings, 1)
        if facts.sound is not None
    ]


# -- the page around it -------------------------------------------------------------------------------


def _page(lang: str, sealed: bytes, *, salt: bytes, nonce: bytes) -> bytes:
    scripts, style = [_part("package.js"), _part("player.js")], _part("package.css")
    page = render_page(
        PAGE,
        f"package.{lang}.html.j2",
        policy=_content_security_policy(scripts, style),
        scripts=scripts,
        style=style,
        salt=to_base64(salt),
        nonce=to_base64(nonce),
        rounds=primitives.PACKAGE_ROUNDS,
        sealed=to_base64(sealed),
    )
    return page.encode("utf-8")


def _content_security_policy(scripts: Sequence[str], style: str) -> str:
    """A policy that allows only the page's own scripts and style, and sound from memory (W3C CSP Level 3)."""
    rules: Sequence[str] = (
        "default-src 'none'",
        "script-src " + " ".join(f"'{_source_hash(script)}'" for script in scripts),
        f"style-src '{_source_hash(style)}'",
        "media-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def _source_hash(text: str) -> str:
    return "sha256-" + to_base64(primitives.sha256(text.encode("utf-8")))


def _part(name: str) -> str:
    return (PAGE / name).read_text("utf-8")
