"""The network: every word gets scores by what is said around it, and weights that are damaged are told."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Integrity
from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.sound.speech import Word
from arlo_rec.words.detectors import identifiers, network
from arlo_rec.words.detectors.network import CLASSES
from tests.support.properties import examples

TURNS = [
    (0, "Vaktsentralen, hva er kodeordet deres?"),
    (1, "Øh, vent litt, jeg skal bare finne det."),
    (0, "Det er helt greit, ta den tiden du trenger."),
    (1, "Ja, her står det. Nysgjerrig elefant på ferie."),
    (0, "Takk, da er alt i orden hos dere."),
]
OTHERWISE = [
    (0, "Hva ser du på bildet fra kameraet?"),
    (1, "Det er en nysgjerrig elefant på ferie, ser det ut som."),
    (0, "Ha ha, da virker kameraet i hvert fall."),
]


def said(turns: list[tuple[int | None, str]]) -> list[Word]:
    words, at = [], 0.0
    for channel, text in turns:
        for each in text.split():
            words.append(Word(each, at, at + 0.3, None, channel))
            at += 0.35
        at += 0.8
    return words


def scores(words: list[Word]) -> dict[Word, dict[Kind | None, float]]:
    """Of each word the score of each class."""
    streams = identifiers.split_channels(words)
    by_channel = network.score(streams, [])
    return {
        word: dict(zip(CLASSES, row.tolist(), strict=True))
        for own, rows in zip(identifiers.split_words(words), by_channel, strict=True)
        for word, row in zip(own, rows, strict=True)
    }


def of_text(words: list[Word], kind: Kind | None) -> dict[str, float]:
    return {word.text.strip(".,?").casefold(): score[kind] for word, score in scores(words).items()}


def test_harmless_words_are_a_secret_where_one_was_asked_for_two_turns_before() -> None:
    asked = of_text(said(TURNS), Kind.SECRET)
    unasked = of_text(said(OTHERWISE), Kind.SECRET)
    assert min(asked["nysgjerrig"], asked["elefant"], asked["ferie"]) > 0.5
    assert max(unasked["nysgjerrig"], unasked["elefant"], unasked["ferie"]) < 0.1


@pytest.mark.parametrize(
    "text",
    [
        "jeg ringer fordi kameraet ikke vil koble seg til lenger",
        "the camera has been offline since the power cut yesterday evening",
        "vi skickar en tekniker till er nästa vecka om det passar",
        "jeg kan se at abonnementet koster det samme som sidste år",
    ],
)
def test_everyday_talk_is_nothing(text: str) -> None:
    assert min(of_text(said([(0, "hei"), (1, text)]), None).values()) > 0.9


def test_scores_stand_by_the_words_of_their_own_channel_where_both_talk_at_once() -> None:
    """Each word of one channel lies between two of the other; whose score is whose is told by what the word is."""
    words = said(TURNS)
    mixed = [replace(word, channel=at % 2) for at, word in enumerate(words)]
    rows = {word: row for word, row in zip(_spoken(mixed), _rows(mixed), strict=True)}
    description = network.describe(identifiers.split_channels(mixed), [])
    in_order = np.mean([network._run(packed, description) for packed in network.load_networks()], axis=0)
    for word, row in zip(mixed, in_order, strict=True):
        assert np.array_equal(rows[word], row)


def _spoken(words: list[Word]) -> list[Word]:
    return [word for own in identifiers.split_words(words) for word in own]


def _rows(words: list[Word]) -> list[network.Floats]:
    return [row for rows in network.score(identifiers.split_channels(words), []) for row in rows]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_secret_is_one_whichever_channel_the_caller_is_on(swapped: bool) -> None:
    turns = [(1 - channel if swapped else channel, text) for channel, text in TURNS]
    found = of_text(said(turns), Kind.SECRET)
    assert min(found["nysgjerrig"], found["elefant"], found["ferie"]) > 0.3


def test_words_that_are_scored_in_parts_are_scored_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = identifiers.split_channels(said([*TURNS, *OTHERWISE] * 4))
    whole = network.score(streams, [])
    monkeypatch.setattr(network, "AT_ONCE", 7)
    for rows, others in zip(whole, network.score(streams, []), strict=True):
        assert np.allclose(rows, others, atol=1e-5)


def test_no_words_have_no_scores() -> None:
    assert network.score([], []) == []


@examples(40)
@given(st.lists(st.tuples(st.text(max_size=12), st.sampled_from([None, 0, 1])), max_size=12))
def test_any_words_get_scores_that_make_one(words: list[tuple[str, int | None]]) -> None:
    spoken = [Word(text, at / 2, at / 2 + 0.3, None, channel) for at, (text, channel) in enumerate(words)]
    given_scores = network.score(identifiers.split_channels(spoken), [])
    assert sum(map(len, given_scores)) == len(spoken)
    for rows in given_scores:
        assert np.all(rows >= 0) and np.allclose(rows.sum(axis=1), 1, atol=1e-4)


@pytest.mark.slow
def test_a_long_call_costs_as_much_per_word_as_a_short_one() -> None:
    def cost(times: int) -> float:
        words = said(TURNS * times)
        least = float("inf")
        for _ in range(3):
            began = time.process_time()
            network.score(identifiers.split_channels(words), [])
            least = min(least, time.process_time() - began)
        return least / times

    cost(3)
    assert cost(200) < 4 * cost(20)


def test_what_a_word_is_made_of_is_no_more_than_a_row_holds() -> None:
    words = said([(0, "a supercalifragilisticexpialidocious ærøå 123 " + "x" * 100)])
    grams = network.describe(identifiers.split_channels(words), []).grams
    assert grams.shape == (5, network.GRAMS) and grams.max() <= network.PLACES


# -- the file -----------------------------------------------------------------------------------------


def test_the_network_is_small_and_loaded_only_when_it_is_asked_for() -> None:
    assert network.FILE.stat().st_size < 3_000_000
    script = (
        "from arlo_rec.words.detectors import network\nassert network.load_networks.cache_info().misses == 0\n"
        "import sys; assert 'wordfreq' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@examples(20)
@given(st.data())
def test_damaged_weights_are_told(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    raw = bytearray(network.FILE.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.sampled_from([1, 16, 128, 255]))
    path = tmp_path_factory.mktemp("damaged") / "network.bin"
    path.write_bytes(raw)
    with pytest.raises(Integrity, match="tagger_damaged"):
        network.read(path)


def test_weights_cut_off_or_of_another_making_are_told(tmp_path: Path) -> None:
    whole = network.FILE.read_bytes()
    none, empty = io.BytesIO(), io.BytesIO()
    np.savez_compressed(none, other=np.zeros(3))
    np.savez_compressed(empty, networks=np.array(0))
    path = tmp_path / "network.bin"
    for body in (b"", b"PK", none.getvalue(), empty.getvalue(), whole[network.DIGEST : -1]):
        path.write_bytes(hashlib.sha256(body).digest() + body)
        with pytest.raises(Integrity, match="tagger_damaged"):
            network.read(path)
    for raw in (b"", whole[:100], whole + b"x"):
        path.write_bytes(raw)
        with pytest.raises(Integrity, match="tagger_damaged"):
            network.read(path)
    with pytest.raises(Integrity, match="tagger_damaged"):
        network.read(tmp_path / "nowhere")


@examples(10)
@given(st.integers(0, 2**32 - 1))
def test_weights_are_read_as_they_were_packed_to_a_hundredth_of_the_largest(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    shapes = {name: (5,) if "shift" in name else (3, 4, 4) if "near" in name else (4, 4) for name in network.LAYERS}
    shapes["grams"] = (network.PLACES + 1, 2)
    weights = {name: chance.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    path = tmp_path_factory.mktemp("packed") / "network.bin"
    path.write_bytes(network.pack([weights, weights]))
    first, second = map(network.unpack, network.read(path))
    for name, values in weights.items():
        assert np.array_equal(first[name], second[name])
        inner = slice(None, network.PLACES) if name == "grams" else slice(None)
        assert np.allclose(first[name][inner], values[inner], atol=np.abs(values).max() / 100)
    assert not first["grams"][network.PLACES].any(), "where there is no gram there is nothing"
