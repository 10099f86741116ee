"""The access answer: what the letter says, that the file holds exactly that, and that a real browser opens it.

All people, numbers and calls are invented.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re

import pytest

from arlo_rec import audio
from arlo_rec.dsar import package
from arlo_rec.dsar.answer import Answer
from arlo_rec.dsar.enclosures import enclosures
from arlo_rec.dsar.package import build, passphrase_bytes
from arlo_rec.model.errors import Usage
from tests.support.answers import (
    ANSWER,
    HOSTILE,
    LATER,
    NONCE,
    NOTHING,
    NUMBER,
    OWN,
    PASSPHRASE,
    built,
    files_of,
    opened,
)

# -- the file -----------------------------------------------------------------------------------------


def test_the_file_holds_exactly_the_sounds_and_the_data() -> None:
    content = opened(built(ANSWER))
    assert set(content) == {"format", "lang", "letter_html", "files"}
    bodies = {one["name"]: base64.b64decode(one["base64"]) for one in content["files"]}
    sounds = {"recording-01.wav": OWN.sound, "recording-02.wav": LATER.sound}
    assert bodies == sounds | {file.name: file.body for file in enclosures(ANSWER, files_of(ANSWER))}
    for one in content["files"]:
        assert one["sha256"] == hashlib.sha256(bodies[one["name"]]).hexdigest()
        assert one["sha256"] in content["letter_html"]


def test_the_other_channel_leaves_as_exact_zero() -> None:
    for one, caller in zip(opened(built(ANSWER))["files"][:2], (0, 1), strict=True):
        body = base64.b64decode(one["base64"])
        sound = audio.read_wav(io.BytesIO(body), len(body))
        channels = [sound.data[0::4] + sound.data[1::4], sound.data[2::4] + sound.data[3::4]]
        assert not any(channels[1 - caller])
        assert any(channels[caller])


@pytest.mark.parametrize("answer", [ANSWER, NOTHING, HOSTILE])
def test_nothing_about_anybody_stands_outside_the_encryption(answer: Answer) -> None:
    page = built(answer).decode()
    told = [NUMBER, "00000000", answer.case.id, *answer.case.identity, answer.log_vkey, PASSPHRASE]
    for one in answer.recordings:
        told += [one.reference, one.team, one.prompt_text, *one.identifiers]
    assert [text for text in told if text in page or html.escape(text) in page] == []
    assert OWN.id not in page


def test_the_policy_allows_the_pages_own_script_and_style_and_sound_from_memory() -> None:
    page = built(ANSWER).decode()
    told = re.search(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', page)
    parts = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", page, re.S)
    assert told
    style, *scripts = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in parts]
    assert html.unescape(told[1]).split("; ") == [
        "default-src 'none'",
        f"script-src 'sha256-{scripts[0]}' 'sha256-{scripts[1]}'",
        f"style-src 'sha256-{style}'",
        "media-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert page.index("Content-Security-Policy") < page.index("<style>") < page.index("<script")


def test_the_page_names_no_address_and_has_no_handler_in_its_markup() -> None:
    page = re.sub(r'(<script id="sealed"[^>]*>)[^<]*', r"\1", built(ANSWER).decode())
    assert not re.search(r"https?:|//[a-z]|\b(src|href|action|style|on[a-z]+)=", page)


@pytest.mark.slow
def test_salt_and_nonce_make_the_file_and_nothing_else_does() -> None:
    assert built(ANSWER) == built(ANSWER)
    other = build(ANSWER, PASSPHRASE, "nb", salt=NONCE + b"salt", nonce=NONCE)
    assert other != built(ANSWER)
    assert opened(other) == opened(built(ANSWER))


def test_an_answer_that_no_browser_could_open_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "LONGEST", len(built(ANSWER)) // 2)
    with pytest.raises(Usage) as refused:
        built(ANSWER)
    assert refused.value.code == "answer_too_large"


def test_a_passphrase_is_trimmed_and_composed() -> None:
    assert passphrase_bytes(" \u00a0\ufeffa\u030arlig kopi\r\n") == "årlig kopi".encode()
    assert passphrase_bytes("\x1cx\x85") == "\x1cx\x85".encode()  # a browser does not trim these
