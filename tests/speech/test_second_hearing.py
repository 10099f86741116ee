"""Where two engines hear other words after a cue for a name, somebody has to listen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.speech.detectors import second_hearing
from arlo_rec.speech.words import Word


def heard(text: str, channel: int | None = 0, late: float = 0.0) -> list[Word]:
    """Words of a third of a second each."""
    return [
        Word(word, number * 0.35 + late, number * 0.35 + late + 0.3, 0.9, channel)
        for number, word in enumerate(text.split())
    ]


def places(*texts: str) -> list[tuple[float, float]]:
    found = second_hearing.find([[heard(text)] for text in texts])
    return sorted({(round(one.start, 2), round(one.end, 2)) for one in found})


def test_a_name_that_two_engines_hear_as_other_words_is_a_place_to_listen_to() -> None:
    (place, *_) = places("hello my name is says don't know", "hello my name is the nose and")
    assert place[0] >= 1.3


def test_what_two_engines_hear_alike_or_spell_otherwise_is_none() -> None:
    assert places("my name is Katharine Smith", "my name is Catherine Smyth") == []
    assert places("my name is Katharine Smith", "my name is Katharine Smith") == []


def test_words_that_differ_where_no_name_is_asked_for_are_none() -> None:
    assert places("the camera is red today", "the cammer was read to die") == []


def test_one_engine_with_two_passes_disagrees_with_nobody() -> None:
    passes = [[heard("my name is says don't know"), heard("my name is Dilnoza")]]
    assert list(second_hearing.find(passes)) == []


def test_an_engine_that_heard_nothing_there_is_no_second_opinion() -> None:
    assert places("hello my name is says don't know", "hello my name is") == []


def test_each_channel_is_compared_with_itself() -> None:
    caller, agent = heard("my name is says don't know", 0), heard("my name is the nose and", 1)
    assert list(second_hearing.find([[caller], [agent]])) == []


@given(
    st.lists(
        st.lists(st.sampled_from(["my", "name", "is", "jeg", "heter", "Kari", "the", "nose", "7"]), max_size=9),
        max_size=4,
    )
)
def test_a_place_lies_behind_its_cue_and_within_the_words(texts: list[list[str]]) -> None:
    hearings = [[heard(" ".join(words))] for words in texts]
    longest = max((words[-1].end for (words,) in hearings if words), default=0.0)
    for one in second_hearing.find(hearings):
        assert 0 < one.start <= one.end <= min(longest, one.start + second_hearing.BEHIND)
