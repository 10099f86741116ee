"""One person's speech on a track on which two are heard."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arlo_rec.sound.audio import Encoding, Sound
from arlo_rec.sound.audio.turns import MARGIN, Turn, by_turns

pytestmark = [pytest.mark.rule("data.customer"), pytest.mark.rule("data.employee")]
RATE = 8000
SPOKEN = ((0.5, 2.5), (3.0, 5.0), (5.5, 7.0), (8.0, 9.0))  # the caller, the agent, both at once, nobody knows who
TURNS = (Turn(0.5, 2.5, "caller"), Turn(3.0, 5.0, "agent"), Turn(5.5, 7.0, "caller"), Turn(5.5, 7.0, "agent"))


def call(seconds: float = 10.0, rate: int = RATE) -> Sound:
    """A quiet line with somebody on it in some stretches."""
    import numpy

    chance = numpy.random.default_rng(1)
    samples = chance.normal(0, 20, round(seconds * rate))
    for start, end in SPOKEN:
        part = slice(round(start * rate), round(end * rate))
        samples[part] += chance.normal(0, 3000, samples[part].shape)
    return Sound(Encoding.PCM16, rate, 1, samples.clip(-32768, 32767).astype("<i2").tobytes())


def part(sound: Sound, start: float, end: float) -> array[int]:
    samples = array("h", sound.data)
    return samples[round(start * sound.rate) : round(end * sound.rate)]


@pytest.mark.parametrize("rate", [8000, 11025, 16000])
@pytest.mark.parametrize(
    ("side", "own", "other"), [("caller", (0.5, 2.5), (3.0, 5.0)), ("agent", (3.0, 5.0), (0.5, 2.5))]
)
def test_the_persons_turns_are_whole_and_everything_else_is_exact_zero(
    rate: int, side: str, own: tuple[float, float], other: tuple[float, float]
) -> None:
    sound = call(rate=rate)
    given_ = by_turns(sound, TURNS, side)
    assert given_ is not None
    assert len(given_.sound.data) == len(sound.data)
    start, end = own
    assert part(given_.sound, start + 0.02, end - 0.02) == part(sound, start + 0.02, end - 0.02)
    assert not any(part(given_.sound, *other))
    assert not any(part(given_.sound, 5.5, 10))


def test_where_both_speak_and_where_nobody_knows_who_it_is_silence_that_is_counted() -> None:
    given_ = by_turns(call(), TURNS, "caller")
    assert given_ is not None
    both, unknown = given_.unsure
    assert both == pytest.approx((5.5, 7.0), abs=0.3)
    assert unknown == pytest.approx((8.0, 9.0), abs=0.3)


def test_a_turn_that_is_unsure_is_not_given() -> None:
    turns = (Turn(0.5, 2.5, "caller", 0.6), *TURNS[1:])
    given_ = by_turns(call(), turns, "caller")
    assert given_ is not None
    assert not any(array("h", given_.sound.data))
    assert given_.unsure[0] == pytest.approx((0.5, 2.5), abs=0.3)


@pytest.mark.parametrize(
    "turns",
    [
        (),
        tuple(Turn(turn.start + 2.4, turn.end + 2.4, turn.speaker) for turn in TURNS),  # counted from another moment
        (Turn(0.5, 1.0, "caller"),),  # most of what is heard is in no turn
        (*TURNS, Turn(50, 60, "caller")),  # of a longer recording
    ],
)
def test_turns_of_another_sound_give_nothing(turns: tuple[Turn, ...]) -> None:
    assert by_turns(call(), turns, "caller") is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 3), st.sampled_from(["caller", "agent", "x"])), max_size=8))
def test_nothing_that_another_turn_holds_is_ever_given(drawn: list[tuple[float, float, str]]) -> None:
    sound = call()
    turns = [*TURNS, *(Turn(start, min(start + length, 10.0), speaker) for start, length, speaker in drawn)]
    given_ = by_turns(sound, turns, "caller")
    if given_ is None:
        return
    for turn in turns:
        if turn.speaker != "caller":
            assert not any(part(given_.sound, max(turn.start - MARGIN + 0.02, 0), turn.end + MARGIN - 0.02))
