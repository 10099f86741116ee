"""The access answer as one file that a browser opens: an encrypted page that asks for its passphrase.

Encrypted inside are the letter, the sounds and `data.json`; the unencrypted part holds no personal data. The browser's
WebCrypto decrypts it (PBKDF2-HMAC-SHA-256, AES-256-GCM), from disk and without a network: the page's
Content-Security-Policy allows its script and its style by their hashes, sound from memory, and nothing else. The
page, its style and its script are in `page/`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime

from arlo_rec.crypto import primitives
from arlo_rec.dsar.answer import Answer, RecordingFacts
from arlo_rec.dsar.letter import PAGE, Enclosure, render, sound_name
from arlo_rec.i18n.messages import group
from arlo_rec.i18n.pages import render as render_page
from arlo_rec.model.errors import Usage
from arlo_rec.model.records import to_iso
from arlo_rec.model.strict_json import canonical, to_base64

FORMAT = 1
DATA_NAME = "data.json"
LEGAL_BASIS = "GDPR 6(1)(a)"
LONGEST = 2**29 - 24  # characters of a string in V8, the smallest limit of the browsers: about 300 MB of sound
# What String.prototype.trim removes (ECMA-262, WhiteSpace and LineTerminator); str.strip differs by a few.
TRIMMED = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)


def build(
    answer: Answer, passphrase: str, lang: str, *, salt: bytes, nonce: bytes, beside: Sequence[Enclosure] = ()
) -> bytes:
    """The whole answer in `nb` or `en` as one self-decrypting HTML file in UTF-8; *salt* and *nonce* are fresh.

    *beside* are files that are enclosed with the sounds and the data.

    Raises Usage for an answer so long that a browser could not open it.
    """
    enclosed = [*_sounds(answer), Enclosure(DATA_NAME, "application/json", data_json(answer)), *beside]
    content = {
        "format": FORMAT,
        "lang": lang,
        "letter_html": render(answer, enclosed, lang),
        "files": [{**_file_to_json(file), "base64": to_base64(file.body)} for file in enclosed],
    }
    sealed = primitives.package_seal(passphrase_bytes(passphrase), canonical(content), salt=salt, nonce=nonce)
    if len(sealed) * 4 > LONGEST * 3:
        raise Usage("answer_too_large", megabytes=len(sealed) // 1_000_000)
    return _page(lang, sealed, salt=salt, nonce=nonce)


def passphrase_bytes(typed: str) -> bytes:
    """The passphrase's bytes that the key is derived from: trimmed, NFC, UTF-8, as the page's script does it."""
    return unicodedata.normalize("NFC", typed.strip(TRIMMED)).encode("utf-8")


def data_json(answer: Answer) -> bytes:
    """The answer in machine-readable form, with the names and checksums of the sounds instead of the sounds.

    Times are UTC with Z; `keys` explains every key in both languages.
    """
    document = {
        "format": "arlo-rec access answer",
        "version": FORMAT,
        "keys": group("letter.key"),
        "legal_basis": LEGAL_BASIS,
        **_to_json(answer),
        "recordings": [_recording_to_json(number, facts) for number, facts in enumerate(answer.recordings, 1)],
        "files": [_file_to_json(sound) for sound in _sounds(answer)],
    }
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False).encode("utf-8") + b"\n"


# -- the encrypted content ----------------------------------------------------------------------------


def _sounds(answer: Answer) -> list[Enclosure]:
    return [
        Enclosure(sound_name(number), "audio/wav", facts.sound)
        for number, facts in enumerate(answer.recordings, 1)
        if facts.sound is not None
    ]


def _file_to_json(file: Enclosure) -> dict[str, object]:
    return {"name": file.name, "mediatype": file.mediatype, "bytes": len(file.body), "sha256": file.sha256}


def _recording_to_json(number: int, facts: RecordingFacts) -> dict[str, object]:
    document = _to_json(facts)
    document["ended_at"] = to_iso(facts.ended_at)
    document["sound"] = sound_name(number) if facts.sound is not None else None
    return document


def _to_json(value: object) -> dict[str, object]:
    """Every field of a dataclass of `answer`, under its own name, so that none is left out."""
    assert is_dataclass(value)
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return _to_json(value) if is_dataclass(value) else value


# -- the page around it -------------------------------------------------------------------------------


def _page(lang: str, sealed: bytes, *, salt: bytes, nonce: bytes) -> bytes:
    script, style = _part("package.js"), _part("package.css")
    page = render_page(
        PAGE,
        f"package.{lang}.html.j2",
        policy=_content_security_policy(script, style),
        script=script,
        style=style,
        salt=to_base64(salt),
        nonce=to_base64(nonce),
        rounds=primitives.PACKAGE_ROUNDS,
        sealed=to_base64(sealed),
    )
    return page.encode("utf-8")


def _content_security_policy(script: str, style: str) -> str:
    """A policy that allows only the page's own script and style, and sound from memory (W3C CSP Level 3)."""
    rules: Sequence[str] = (
        "default-src 'none'",
        f"script-src '{_source_hash(script)}'",
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
