"""Bodies of log entries: what is read quickly is what JSON says, and whatever differs by a letter is read as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.log import entries
from arlo_rec.law.log.entries import LONGEST, LONGEST_OF_MANY, is_bounded, read_body
from arlo_rec.law.model.strict_json import canonical, parse_object
from tests.support.properties import examples

HEX = "0123456789abcdef"
names = st.one_of(st.text("abc XYZ.-_0", min_size=1, max_size=12), st.text(max_size=12))
calls = st.fixed_dictionaries(
    {
        "action": st.just("ingest"),
        "at": st.sampled_from(["2026-08-31T11:45:25.898412Z", "2026-08-31T11:45:25Z"]),
        "detail": st.fixed_dictionaries(
            {"prompt": names, "sworn": st.text(HEX, min_size=64, max_size=64), "week": st.just("2026-W36")}
        ),
        "outcome": st.just("allowed"),
        "person": names,
        "policy": st.sampled_from(["2026-01", "2026-02.b"]),
        "recordings": st.lists(st.text(HEX, min_size=32, max_size=32), max_size=2),
        "rule": st.just("consent.press1"),
    }
)


def as_json(body: bytes) -> Any:
    try:
        return parse_object(body, max_bytes=LONGEST)
    except ValueError as error:
        return str(error)


def read(body: bytes) -> Any:
    try:
        return read_body(body)
    except ValueError as error:
        return str(error)


@examples(200)
@given(calls)
def test_a_call_that_was_taken_in_is_read_as_json_reads_it(call: dict[str, Any]) -> None:
    assert read(canonical(call)) == call


@pytest.mark.slow
@given(st.sampled_from(["purge", "dsar", "ingest", "grant"]), st.integers(0, 10))
def test_nothing_longer_is_read_than_what_is_written(action: str, over: int) -> None:
    names = action in {"purge", "dsar"}  # an action that names each of its recordings
    short = canonical({"action": action, "why": "x" * (LONGEST - 100)})
    long = canonical({"action": action, "why": "x" * (LONGEST + over)})
    assert is_bounded(short) and is_bounded(long) is names
    assert isinstance(read(long), dict) is names
    assert not is_bounded(b'{"action":"purge"' + bytes(LONGEST_OF_MANY))


@examples(400)
@given(calls, st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3))
def test_a_body_that_differs_anywhere_is_read_as_json_reads_it(
    call: dict[str, Any], at: int, put: bytes, gone: int
) -> None:
    body = canonical(call)
    changed = body[:at] + put + body[at + gone :]
    assert read(changed) == as_json(changed)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.replace(b"consent.press1", b"consentxpress1"),
        lambda body: body.replace(b'"outcome"', b'"person":"another","outcome"'),
        lambda body: body + b"\n",
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: body.replace(b'"telefon"', b'"tele\\u0066on"'),
    ],
    ids=["a rule", "a key twice", "a line's end", "a mark of byte order", "an escape"],
)
def test_what_looks_like_a_call_and_is_none_gets_no_short_way(spoil: Any) -> None:
    call = {
        "action": "ingest",
        "at": "2026-08-31T11:45:25Z",
        "detail": {"prompt": "nb-2026-01", "sworn": "0" * 64, "week": "2026-W36"},
        "outcome": "allowed",
        "person": "telefon",
        "policy": "2026-01",
        "recordings": ["0" * 32],
        "rule": "consent.press1",
    }
    body = json.dumps(call, separators=(",", ":")).encode()
    assert entries._CALL.fullmatch(body.decode())
    assert read(spoil(body)) == as_json(spoil(body))
