"""Reading RTTM, as diarisation programs write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Usage
from arlo_rec.sound.audio import turns
from arlo_rec.sound.audio.turns import Turn

RTTM = b""";; a comment
SPKR-INFO pbx.1 1 <NA> <NA> <NA> unknown caller <NA>
SPEAKER pbx.1 1 0.50 2.25 <NA> <NA> caller 0.97 <NA>
SPEAKER pbx.1 1 3.00 1.00 <NA> <NA> agent <NA>

SPEAKER pbx.2 1 0 4 <NA> <NA> speaker_00 0.4 <NA>
"""


def test_the_turns_of_each_sound_are_read_by_the_name_of_its_file() -> None:
    read = turns.read(RTTM)
    assert read["pbx.1"] == [Turn(0.5, 2.75, "caller", 0.97), Turn(3.0, 4.0, "agent", None)]
    assert read["pbx.2"] == [Turn(0.0, 4.0, "speaker_00", 0.4)]


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (b"SPEAKER pbx.1 1 0.5 2 <NA> <NA>", 1),
        (b"\nSPEAKER pbx.1 1 x 2 <NA> <NA> caller <NA> <NA>", 2),
        (b"SPEAKER pbx.1 1 -1 2 <NA> <NA> caller <NA> <NA>", 1),
        (b"SPEAKER pbx.1 1 1 nan <NA> <NA> caller <NA> <NA>", 1),
        (b"SPEAKER pbx.1 1 1 2 <NA> <NA> caller 7 <NA>", 1),
        (b"SPEAKER", 1),
        (b"WEBVTT\n", 1),
        (b"\xff\xfe", 1),
        (b"", 1),
    ],
)
def test_what_is_no_rttm_is_refused_with_its_line(line: bytes, at: int) -> None:
    with pytest.raises(Usage) as raised:
        turns.read(line)
    assert (raised.value.code, raised.value.detail) == ("turns_unreadable", {"line": at})


TURN = st.builds(
    lambda start, length, speaker, sure: Turn(start / 100, (start + length) / 100, speaker, sure),
    st.integers(0, 360_000),
    st.integers(0, 6_000),
    st.sampled_from(["caller", "agent", turns.UNKNOWN]),
    st.sampled_from([None, 0.0, 0.75, 1.0]),
)


@given(st.dictionaries(st.text("0123456789abcdef", min_size=1), st.lists(TURN, min_size=1), min_size=1))
def test_turns_that_were_written_are_read_again(each: dict[str, list[Turn]]) -> None:
    read = turns.read(turns.written(each, "replace unknown"))
    for name, stretches in each.items():
        for was, now in zip(stretches, read[name], strict=True):
            assert (now.speaker, now.confidence) == (was.speaker, was.confidence)
            assert (now.start, now.end) == (pytest.approx(was.start), pytest.approx(was.end))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(document: bytes) -> None:
    try:
        read = turns.read(document)
    except Usage:
        return
    assert all(turn.end >= turn.start >= 0 for each in read.values() for turn in each)
