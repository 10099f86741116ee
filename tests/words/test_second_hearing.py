"""Where two engines hear other words after a cue for a name, somebody has to listen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.sound.speech import Word
from arlo_rec.words.detectors import second_hearing
from arlo_rec.words.detectors.identifiers import Finding


def heard(text: str, channel: int | None = 0, late: float = 0.0, score: float = 0.9) -> list[Word]:
    """Words of a third of a second each."""
    return [
        Word(word, number * 0.35 + late, number * 0.35 + late + 0.3, score, channel)
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


# -- what bears a finding out --------------------------------------------------------------------------


def finding(start: float, score: float, source: str = "context", channel: int | None = 0) -> Finding:
    return Finding(start, start + 0.5, channel, "name", source, score)


def test_a_faint_finding_of_one_engine_counts_if_another_found_anything_there() -> None:
    faint, far = finding(1.0, 0.1), finding(5.0, 0.1)
    found = {0: [faint, far], 1: [finding(1.6, 0.9, "cue")]}
    assert list(second_hearing.borne_out(found)) == [faint, *found[1]]
    assert list(second_hearing.borne_out({0: [faint, far]})) == [faint, far], "of one engine all count"
    likely, unlikely = finding(5.0, 0.31), finding(5.0, 0.29)
    assert list(second_hearing.borne_out({0: [likely, unlikely], 1: []})) == [likely]
    other = finding(1.0, 0.9, "cue", 1)
    assert list(second_hearing.borne_out({0: [faint], 1: [other]})) == [other], "it is of another channel"


@given(
    st.lists(st.tuples(st.floats(0, 9), st.floats(0, 1), st.sampled_from(["context", "rule"])), max_size=8), st.data()
)
def test_nothing_that_a_rule_found_or_that_is_likely_is_ever_left_out(
    told: list[tuple[float, float, str]], data: st.DataObject
) -> None:
    found: dict[int, list[Finding]] = {0: [], 1: []}
    for start, score, source in told:
        found[data.draw(st.integers(0, 1))].append(finding(start, score, source))
    kept = list(second_hearing.borne_out(found))
    every = [each for own in found.values() for each in own]
    assert all(each in kept for each in every if each.source == "rule" or each.score >= second_hearing.FAINT)
    assert all(each in every for each in kept)


def test_a_word_that_another_engine_heard_well_at_the_same_time_is_confirmed() -> None:
    words = heard("the lamp is out")
    other = heard("the damp is Out.", late=0.2)
    assert {word.text for word in second_hearing.confirmed(words, [other])} == {"the", "is", "out"}
    assert not second_hearing.confirmed(words, [heard("the lamp is out", score=0.3)]), "heard badly"
    assert not second_hearing.confirmed(words, [heard("the lamp is out", late=2.0)]), "at another time"
    assert not second_hearing.confirmed(words, [heard("the lamp is out", channel=1)])
    assert not second_hearing.confirmed(words, [])
