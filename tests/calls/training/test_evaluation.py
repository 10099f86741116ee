"""Figures of an evaluation: intervals against published ones, and what counts as what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.calls.training import evaluation
from arlo_rec.calls.training.evaluation import Identifier, LabelledCall
from arlo_rec.sound import audio
from arlo_rec.sound.audio.cut_list import LOOK, Cut


@pytest.mark.parametrize(
    ("found", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_is_that_of_newcombes_table(found: int, count: int, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    assert evaluation.within(found, count) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_the_interval_of_a_mean_holds_it_and_is_the_same_each_time(shares: list[float]) -> None:
    low, high = evaluation.mean_within(shares)
    assert low - 1e-9 <= sum(shares) / len(shares) <= high + 1e-9
    assert evaluation.mean_within(shares) == (low, high)


def labelled(*labels: Identifier) -> LabelledCall:
    quiet = audio.Sound(audio.Encoding.ULAW, 8000, 1, b"\xff" * 8000 * 60)
    return LabelledCall("made", "nb", quiet, labels, (), ((0.0, 60.0),), ())


def test_circumstances_count_apart_and_a_look_that_touches_none_is_false() -> None:
    call = labelled(Identifier("NAME", 1.0, 2.0), Identifier("CIRCUMSTANCE", 10.0, 14.0))
    cuts = [Cut(0.7, 2.3), Cut(9.9, 14.1, status=LOOK), Cut(30.0, 33.0, status=LOOK)]
    score = evaluation.score(call, cuts)
    assert [cover.type for cover in score.covers] == ["NAME"] and score.covers[0].share == 1.0
    assert [(cover.type, cover.share) for cover in score.circumstances] == [("CIRCUMSTANCE", 0.0)]
    assert (score.shown, score.looks, score.minutes, score.over_cut) == (1, 1, 1.0, 0.0)
    accepted = evaluation.score(call, [Cut(9.9, 14.1)])
    assert accepted.circumstances[0].share == 1.0
    assert accepted.over_cut == 0.0 < accepted.over_cut_with, "cut beside identifiers, where circumstances are the rest"
