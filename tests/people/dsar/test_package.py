"""The access answer: what the letter says, that the file holds exactly that, and that a real browser opens it.

All people, numbers and calls are invented.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Sequence

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.people.dsar import page_file
from arlo_rec.people.dsar.answer import Answer
from arlo_rec.people.dsar.enclosures import enclosures
from arlo_rec.people.dsar.page_file import PageFile, passphrase_bytes
from arlo_rec.people.dsar.writing import Composition
from tests.support.answers import (
    ANSWER,
    HOSTILE,
    LATER,
    NOTHING,
    NUMBER,
    OWN,
    PASSPHRASE,
    SALT,
    built,
    files_of,
    opened,
    sound_of,
    sounds_of,
)
from tests.support.properties import examples

pytestmark = pytest.mark.slow

# -- the file -----------------------------------------------------------------------------------------


def test_the_file_holds_exactly_the_sounds_and_the_data() -> None:
    content = opened(built(ANSWER))
    assert set(content) - {"bodies"} == {"format", "lang", "letter_html", "files"}
    bodies = content["bodies"]
    sounds = {"recording-01.wav": sound_of(OWN), "recording-02.wav": sound_of(LATER)}
    assert bodies == sounds | {file.name: file.body for file in enclosures(ANSWER, files_of(ANSWER))}
    for one in content["files"]:
        assert one["sha256"] == hashlib.sha256(bodies[one["name"]]).hexdigest()
        assert one["sha256"] in content["letter_html"]


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
        "script-src " + " ".join(f"'sha256-{script}'" for script in scripts),
        f"style-src 'sha256-{style}'",
        "media-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert page.index("Content-Security-Policy") < page.index("<style>") < page.index("<script")


def test_the_page_names_no_address_and_has_no_handler_in_its_markup() -> None:
    page = PART.sub(b"", built(ANSWER)).decode()
    assert not re.search(r"https?:|//[a-z]|\b(src|href|action|style|on[a-z]+)=", page)


def test_the_passphrase_and_the_salt_make_the_file_and_nothing_else_does() -> None:
    assert built(ANSWER) == built(ANSWER)
    other = b"".join(Composition(PageFile(PASSPHRASE, "nb", SALT[::-1]), ANSWER, sounds_of(ANSWER), "nb"))
    assert not set(parts_of(other)) & set(parts_of(built(ANSWER)))
    assert opened(other) == opened(built(ANSWER))


# -- its parts ----------------------------------------------------------------------------------------


PART = re.compile(rb'<script type="application/octet-stream;base64">([A-Za-z0-9+/=]*)</script>\n')


def parts_of(page: bytes) -> list[bytes]:
    return PART.findall(page)


def with_parts(page: bytes, parts: Sequence[bytes]) -> bytes:
    """The page with other parts in place of its own."""
    first, *_ = PART.finditer(page)
    around = PART.sub(b"", page)
    lines = [b'<script type="application/octet-stream;base64">' + part + b"</script>\n" for part in parts]
    return around[: first.start()] + b"".join(lines) + around[first.start() :]


def page_of(files: Sequence[bytes], salt: bytes = SALT) -> bytes:
    """A page with these files and a letter that is nobody's."""
    page = PageFile(PASSPHRASE, "en", salt)
    enclosed = (piece for n, body in enumerate(files) for piece in page.enclose(f"file-{n}", "text/plain", [body]))
    return b"".join([*page.begin(), *enclosed, *page.end("<h1>Letter</h1>")])


@pytest.mark.slow
@given(st.lists(st.binary(max_size=70), max_size=4), st.integers(1, 40))
@examples(20)
def test_whatever_is_enclosed_comes_out_however_it_is_cut_into_parts(files: list[bytes], part: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_file, "PART", part)
        page = page_of(files)
    content = opened(page)
    assert list(content["bodies"].values()) == files
    assert len(parts_of(page)) == 1 + sum(-(-len(body) // part) for body in files)
    assert [one["sha256"] for one in content["files"]] == [hashlib.sha256(body).hexdigest() for body in files]


@pytest.mark.slow
@given(st.data())
@examples(20)
def test_parts_that_are_changed_moved_left_out_added_or_of_another_page_do_not_open(data: st.DataObject) -> None:
    parts = parts_of(page_of([b"one", b"two", b"three"]))
    foreign = parts_of(page_of([b"one", b"two", b"three"], SALT[::-1]))
    places = st.integers(0, len(parts) - 1)
    at, to = data.draw(places), data.draw(places)
    changed = bytearray(base64.b64decode(parts[at]))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    moved = [part for place, part in enumerate(parts) if place != at]
    moved.insert(to, parts[at])
    wrong = data.draw(
        st.sampled_from(
            [
                [*parts[:at], base64.b64encode(changed), *parts[at + 1 :]],
                [*parts[:at], *parts[at + 1 :]],
                [*parts[:at], parts[to], *parts[at:]],
                [*parts[:at], foreign[at], *parts[at + 1 :]],
                *([moved] if at != to else []),
            ]
        )
    )
    with pytest.raises(InvalidTag):
        opened(with_parts(page_of([b"one", b"two", b"three"]), wrong))


def test_a_passphrase_is_trimmed_and_composed() -> None:
    assert passphrase_bytes(" \u00a0\ufeffa\u030arlig kopi\r\n") == "årlig kopi".encode()
    assert passphrase_bytes("\x1cx\x85") == "\x1cx\x85".encode()  # a browser does not trim these
