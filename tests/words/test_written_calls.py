"""The calls from which the network learns: their marks are read as they stand, and varied without losing any."""

from __future__ import annotations

import random
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.words.detectors import network
from tests.support.places import CALLS
from tests.support.properties import examples
from tools import speak_calls, written_calls
from tools.make_calls import pieces
from tools.written_calls import Call, Spoken

MARKED = """# a-1 | Ingrid | Per-Erik Haugsdal
A: Hei, {NAME:Ingrid}. Kodeordet?
C: {SECRET:tante sin sykkel}, altså {PHONE|12345678:tolv, tretti}!
"""
EVERY = list(written_calls.read_all())


def kinds(call: Call) -> list[Kind]:
    """What stretches of the call are part of, in order."""
    return [kind for _, words in call.turns for kind, _ in groupby(word.kind for word in words) if kind is not None]


def test_a_mark_holds_its_words_and_no_mark_is_left_in_them(tmp_path: Path) -> None:
    path = tmp_path / "nb.txt"
    path.write_text(MARKED, "utf-8")
    (call,) = written_calls.read_marked(path)
    assert (call.name, call.language) == ("a-1", "nb")
    assert call.turns[0] == (0, (Spoken("Hei,", None), Spoken("Ingrid.", Kind.NAME), Spoken("Kodeordet?", None)))
    secret = [Spoken("tante", Kind.SECRET), Spoken("sin", Kind.SECRET), Spoken("sykkel,", Kind.SECRET)]
    rest = [Spoken("altså", None), Spoken("tolv,", Kind.NUMBER), Spoken("tretti!", Kind.NUMBER)]
    assert call.turns[1] == (1, (*secret, *rest))


@pytest.mark.parametrize("wrong", ["X: hei", "A: {NAME:Kari", "A: {NOBODY:Kari}", "hei"])
def test_a_mark_that_is_none_is_told(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "nb.txt"
    path.write_text(f"# a-1 | a | b\n{wrong}\n", "utf-8")
    with pytest.raises(ValueError, match=r"."):
        list(written_calls.read_marked(path))


def test_every_call_has_a_name_of_its_own_and_there_are_hundreds_in_each_language() -> None:
    assert len({call.name for call in EVERY}) == len(EVERY)
    for language in written_calls.LANGUAGES:
        of_language = [call for call in EVERY if call.language == language]
        assert len(of_language) >= 150
        assert {kind for call in of_language for kind in kinds(call)} == set(network.CLASSES[1:])


@examples(60)
@given(st.sampled_from(EVERY), st.integers(0, 2**32))
def test_a_variation_loses_no_mark_but_with_the_words_that_were_not_heard(call: Call, seed: int) -> None:
    varied = written_calls.vary(call, random.Random(seed))
    left = iter(kinds(call))
    assert all(kind in left for kind in kinds(varied)), "in the same order, and none that was not there"
    spoken = sum(len(words) for _, words in varied.turns)
    assert spoken >= sum(len(words) for _, words in call.turns) / 4


@given(st.sampled_from(EVERY))
@examples(30)
def test_small_letters_change_no_mark(call: Call) -> None:
    small = written_calls.in_small_letters(call)
    assert kinds(small) == kinds(call)
    assert not any(word.text != word.text.lower() for _, words in small.turns for word in words)


def test_the_same_chance_gives_the_same_variation_and_another_other_names() -> None:
    call = next(call for call in EVERY if kinds(call).count("name") > 5)
    varied = [written_calls.vary(call, random.Random(seed)) for seed in range(20)]
    assert varied[0] == written_calls.vary(call, random.Random(0))
    names = {word.text for each in varied for _, words in each.turns for word in words if word.kind == "name"}
    assert len(names) > 20


def test_times_go_on_and_words_of_one_track_have_no_channel() -> None:
    words, numbers = written_calls.timed(EVERY[0], random.Random(1), mono=True)
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert {word.channel for word in words} == {None} and len(words) == len(numbers)


# -- for measuring and for hearing ---------------------------------------------------------------------


def test_the_truth_of_a_marked_call_stands_at_its_words_with_capitals_and_without(tmp_path: Path) -> None:
    path = tmp_path / "nb.txt"
    path.write_text(MARKED.replace("{SECRET:tante", "{SECRET|unasked:tante").replace("tolv, tretti", "12-30"), "utf-8")
    cased, small = written_calls.lines(path)
    assert (cased["variant"], small["variant"], cased["lang"]) == ("cased", "lower", "nb")
    assert [turn[2] for turn in small["turns"]] == ["hei ingrid kodeordet", "tante sin sykkel altså 12 30"]
    for call in (cased, small):
        words = [word for _, _, text in call["turns"] for word in text.split()]
        said = [" ".join(words[each["first"] : each["last"] + 1]) for each in call["truth"]]
        assert said == [each["value"] for each in call["truth"]]
        assert [(each["type"], each.get("unasked", False)) for each in call["truth"]] == [
            ("NAME", False),
            ("SECRET", True),
            ("PHONE", False),
        ]


def test_what_is_to_be_spoken_has_each_identifier_as_a_piece_of_its_own() -> None:
    for _, known, turns in speak_calls.calls(CALLS / "spoken" / "en.txt"):
        assert set(known) == {"agent", "caller"}
        for turn in turns:
            said = [(text, what) for text, what in pieces(turn)]
            assert " ".join(text for text, _ in said).count("{") == 0
            assert sum(what is not None for _, what in said) == len(turn.marks)
