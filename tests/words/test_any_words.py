"""Transcripts of any kind whatever, true ones that were changed and ones that were made to be slow: read or refused."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Usage
from arlo_rec.sound.speech import Redaction, Transcript
from arlo_rec.words.transcript_reading import FORMS, read
from tests.support.forms import FIXTURES, WHYS, WORD, own
from tests.support.properties import examples


def is_right(transcript: Transcript) -> None:
    """What every reader may rely on, whatever was read."""
    assert transcript.form in FORMS and (transcript.words or transcript.redactions)
    latest: dict[int | None, float] = {}
    times = [(word.start, word.end, word.channel) for word in transcript.words]
    times += [(mark.start, mark.end, mark.channel) for mark in transcript.redactions]
    for start, end, channel in times:
        assert 0 <= start <= end < float("inf")
        assert channel is None or 0 <= channel < 32
    for word in transcript.words:
        assert word.text.split() == [word.text] and (word.score is None or 0 <= word.score <= 1)
        assert word.start >= latest.get(word.channel, 0) - 0.5
        latest[word.channel] = max(latest.get(word.channel, 0), word.start)
    assert all(type(mark) is Redaction for mark in transcript.redactions)


def survives(raw: bytes, channel: int | None = None) -> None:
    try:
        transcript = read(raw, channel)
    except Usage as error:
        assert (error.code, {*error.detail}) == ("transcript_wrong", {"place", "why"})
        assert error.detail["why"] in WHYS
    else:
        is_right(transcript)


@pytest.mark.parametrize("name", list(FIXTURES))
def test_whatever_is_read_is_in_order_and_in_bounds(name: str) -> None:
    is_right(read(FIXTURES[name]))
    is_right(read(FIXTURES[name], 0))


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    survives(raw)


NAMES = sorted(set(re.findall(r'"([A-Za-z_]+)":', b" ".join(FIXTURES.values()).decode("utf-8", "replace"))))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([10**400, -1, "1.3s", "-1s", "ch_9", "[PII]", "##", "", " a  b ", "punctuation", "word", "90"])
    | st.text(max_size=4)
)
TREES = st.recursive(
    LEAVES,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inside, max_size=4),
    max_leaves=12,
)


@examples(300)
@given(TREES)
def test_any_json_is_read_or_refused(tree: Any) -> None:
    survives(json.dumps(tree).encode())


@examples(600)
@given(st.data(), st.none() | st.integers(0, 3))
def test_a_document_of_which_anything_was_changed_is_read_or_refused(data: st.DataObject, channel: int | None) -> None:
    name = data.draw(
        st.sampled_from([fixture for fixture in FIXTURES if fixture.endswith(".json") and "halved" not in fixture])
    )
    text = FIXTURES[name].decode()
    tree = json.loads(text) if name != "vosk.json" else json.loads(f"[{text.replace('}' + chr(10) + '{', '},{')}]")
    for _ in range(data.draw(st.integers(1, 3))):
        _change(tree, data)
    survives(json.dumps(tree).encode(), channel)


def _change(tree: Any, data: st.DataObject) -> None:
    """Put something else, or nothing, at some place of a tree."""
    parent = tree
    while True:
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(parent[key], dict | list) or not parent[key] or data.draw(st.integers(0, 5)) == 0:
            break
        parent = parent[key]
    if data.draw(st.booleans()):
        parent[key] = data.draw(TREES)
    else:
        del parent[key]


@examples(300)
@given(st.data())
def test_a_file_of_which_any_bytes_were_changed_is_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(FIXTURES[data.draw(st.sampled_from(list(FIXTURES)))])
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(raw)))
        end = begin + data.draw(st.integers(0, 20))
        raw[begin:end] = data.draw(
            st.sampled_from([b"", b"-", b"\xc3", b"{", b"\n", b"-->", b"9" * 30, b"<", b"00:00"])
        )
    survives(bytes(raw))


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        b"WEBVTT\n\n00:00.000 --> 00:01.000\n" + b"<" * 2_000_000,
        b"WEBVTT\n\n00:00.000 --> 00:01.000\n" + b"<00:00:00.500>" * 100_000,
        b'{"' * 1_000_000,
        b"{" + b"} " * 1_000_000,
        b";;\n" * 500_000,
        json.dumps({"audio_url": "", "words": [{"text": "[a" * 500_000, "start": 0, "end": 1}]}).encode(),
        json.dumps({"text": "", "segments": [{"start": 0, "end": 9, "text": "a"}] * 50_000}).encode(),
        own(*[WORD] * 20_000),
    ],
    ids=["tags", "stamps", "quotes", "braces", "comments", "masks", "overlaps", "same"],
)
def test_what_is_made_to_be_slow_is_not(raw: bytes) -> None:
    begun = time.process_time()
    survives(raw)
    assert time.process_time() - begun < 5, "a quadratic reader takes minutes"
