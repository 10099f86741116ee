"""Names: which words the lists know, and which the tagger finds by what stands around them."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import re
import subprocess
import sys
import time
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Integrity
from arlo_rec.words.detectors import tagger, word_lists
from tests.support.properties import examples

UNLISTED = [  # made up, in no list, and no part of what the weights were learnt from
    "Torfred Kvamsnedal", "Solvarda Hjelmstrupen", "Gunnleik Brattbergskar", "Eldfrid Myrstrandlia",
    "Ragnmod Skarveflot",
]  # fmt: skip
FRAMES = [
    "Ja hei, det er {} jeg ringer fra Bergen.",
    "God dag, mitt navn er {}.",
    "Jeg heter {} og har et spørsmål om kameraet.",
    "Eg heiter {} og eg ringer om eit kamera.",
    "Du snakker med {} på kundeservice.",
    "Abonnementet står på {}.",
    "Takk for hjelpen {}.",
]
EVERYDAY = [
    "ja hei jeg ringer om et kamera som ikke virker",
    "takk for hjelpen ha en fin dag videre",
    "det er helt greit da prøver vi en gang til",
    "dette er et nytt batteri og det lader ikke",
    "eg har eit spørsmål om abonnementet mitt",
    "nei det er ikke det det er noe annet",
    "kan du vente litt så skal jeg sjekke serienummeret",
    "du snakker med kundeservice hva gjelder det",
    "det skjer hver dag og det er like rart hver gang",
    "det var storm i natt og det ligger en stein foran kameraet",
]


def found(sentence: str, threshold: float = tagger.USUAL) -> set[str]:
    """The words of names in a sentence, bare."""
    words = sentence.split()
    scores = zip(words, tagger.score_names(words), strict=True)
    return {tagger.strip_marks(word) for word, score in scores if score >= threshold}


def share(sentences: list[tuple[str, str]], threshold: float) -> float:
    """How many of the words of names are found; each pair is a sentence and the name in it."""
    hits = [word in found(sentence, threshold) for sentence, name in sentences for word in name.split()]
    return sum(hits) / len(hits)


def test_the_names_of_these_tests_are_in_no_list() -> None:
    words = [word.casefold() for name in UNLISTED for word in name.split()]
    assert not [word for word in words if word_lists.is_given(word) or word_lists.is_family(word)]


@pytest.mark.parametrize("frame", FRAMES)
def test_a_name_that_nobody_listed_is_found_by_what_stands_around_it(frame: str) -> None:
    assert share([(frame.format(name), name) for name in UNLISTED], tagger.USUAL) >= 0.9


def test_most_names_that_nobody_listed_are_found_without_capitals_and_punctuation() -> None:
    bare = [(re.sub("[.,]", "", frame.format(name)).lower(), name.lower()) for frame in FRAMES for name in UNLISTED]
    assert share(bare, tagger.USUAL) >= 0.75
    assert share(bare, 0.2) >= 0.85


def test_listed_names_are_found_without_capitals_too() -> None:
    bare = [
        (re.sub("[.,]", "", frame.format(name)).lower(), name.lower())
        for frame in FRAMES for name in ("Oddvar Johansen", "Kari Haugland", "Ahmed Khan", "Agnieszka Nowak")
    ]  # fmt: skip
    assert share(bare, tagger.USUAL) >= 0.95


@pytest.mark.parametrize("sentence", EVERYDAY)
def test_everyday_words_are_no_names(sentence: str) -> None:
    assert found(sentence) == set()
    assert found(sentence[0].upper() + sentence[1:] + ".") == set()


def test_a_name_that_is_an_everyday_word_counts_by_its_context() -> None:
    assert "Dag" in found("Hei, jeg heter Dag Storm og ringer fra Bergen.")
    assert "dag" not in found("hei god dag jeg ringer i dag om et kamera")


def test_places_and_firms_are_told_from_people() -> None:
    assert found("Jeg ringer fra Trondheim om et kamera fra Elkjøp.") == set()


def test_an_engine_that_writes_everything_large_is_read_like_one_that_writes_everything_small() -> None:
    words = ["ja", "hei", "det", "er", "oddvar", "johansen", "jeg", "ringer", "fra", "bergen"]
    assert tagger.score_names([word.upper() for word in words]) == tagger.score_names(words)


def test_a_name_that_was_told_clearly_once_is_known_wherever_it_is_said_again() -> None:
    again = ["men", "da", "prøver", "vi", "torfred", "en", "gang", "til"]
    alone = tagger.score_names(again)[4]
    clear = tagger.score_names(["hei", "jeg", "heter", "torfred", "kvamsnedal", *again])[-4:]
    assert clear[0] > alone


def test_what_stands_around_a_word_is_not_part_of_it() -> None:
    plain = tagger.score_names(["Jeg", "heter", "Oddvar", "Johansen"])
    quoted = tagger.score_names(["Jeg", "heter", "Oddvar", "«Johansen»"])
    assert min(*plain[2:], *quoted[2:]) >= tagger.USUAL
    assert tagger.strip_marks("«Hansen».") == "Hansen"


@examples(50)
@given(st.lists(st.text(max_size=12), max_size=12))
def test_any_words_get_a_score_each(words: list[str]) -> None:
    scores = tagger.score_names(words)
    assert len(scores) == len(words)
    assert all(0.0 <= score <= 1.0 for score in scores)


@given(st.lists(st.sampled_from(["hei", "Kari", "det", "er", "Hansen.", ""]), min_size=1, max_size=8))
def test_the_same_words_get_the_same_scores(words: list[str]) -> None:
    assert tagger.score_names(words) == tagger.score_names(words)


def test_a_long_call_costs_as_much_per_word_as_a_short_one() -> None:
    """A call of an hour has about 10,000 words; quadratic cost would be ten times as much per word here."""
    words = (" ".join(EVERYDAY) + " jeg heter Oddvar Johansen ").split() * 3

    def cost(times: int) -> float:
        least = float("inf")
        for _ in range(3):
            began = time.process_time()
            tagger.score_names(words * times)
            least = min(least, time.process_time() - began)
        return least / times

    tagger.score_names(words)
    assert cost(30) < 4 * cost(3)


def test_the_tagger_and_the_lists_are_small() -> None:
    assert tagger.FILE.stat().st_size < 1_200_000
    assert word_lists.FILE.stat().st_size < 150_000


def test_the_weights_are_loaded_only_when_they_are_asked_for() -> None:
    script = (
        "import sys\nfrom arlo_rec.words.detectors import tagger, word_lists\n"
        "assert tagger.load_weights.cache_info().misses == word_lists.load_names.cache_info().misses == 0\n"
        "tagger.score_names(['hei']); tagger.score_names(['hei'])\n"
        "assert tagger.load_weights.cache_info().misses == word_lists.load_names.cache_info().misses == 1\n"
        "assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def packed_as_ours(body: bytes) -> bytes:
    packed = gzip.compress(body, 1)
    return hashlib.sha256(packed).digest() + packed


@given(st.data())
@examples(40)
def test_damaged_weights_are_told(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Also in a bit of the packing that means nothing, such as its time or the length of a code that is not used."""
    raw = bytearray(tagger.FILE.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.sampled_from([1, 16, 128, 255]))
    path = tmp_path_factory.mktemp("damaged") / "tagger.bin"
    path.write_bytes(raw)
    with pytest.raises(Integrity) as error:
        tagger.read(path)
    assert error.value.code == "tagger_damaged"


@pytest.mark.parametrize("size", [0, 1, 1000, -1])
def test_weights_cut_off_are_told(tmp_path: Path, size: int) -> None:
    path = tmp_path / "tagger.bin"
    path.write_bytes(tagger.FILE.read_bytes()[:size])
    with pytest.raises(Integrity, match="tagger_damaged"):
        tagger.read(path)


def test_weights_of_another_making_are_told(tmp_path: Path) -> None:
    """A whole file that is none of ours, one that is too large, one under our digest, and none."""
    path = tmp_path / "tagger.bin"
    ours = tagger.FILE.read_bytes()
    body = gzip.decompress(ours[tagger.DIGEST :])
    for wrong in (
        b"",
        b"arlo-tagger-1\n",
        body + b"x",
        body[:-1],
        b"x" + body[1:],
        bytes(50_000_000),
    ):
        path.write_bytes(packed_as_ours(wrong))
        with pytest.raises(Integrity, match="tagger_damaged"):
            tagger.read(path)
    for other in (body[:5000] + b"\x01" + body[5001:], body):
        path.write_bytes(ours[: tagger.DIGEST] + gzip.compress(other, 1, mtime=1))
        with pytest.raises(Integrity, match="tagger_damaged"):
            tagger.read(path)
    path.unlink()
    with pytest.raises(Integrity, match="tagger_damaged"):
        tagger.read(path)


@pytest.mark.slow
def test_weights_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "tagger.bin"
    path.write_bytes(tagger.load_weights().write())
    assert tagger.read(path) == tagger.load_weights()


def test_without_weights_nothing_is_found() -> None:
    """So what the other tests find, the weights find."""
    empty = array("b", bytes(tagger.PLACES))
    mute = dataclasses.replace(tagger.load_weights(), person=empty, other=empty)
    scores = mute.score(["Jeg", "heter", "Oddvar", "Johansen"])
    assert len(set(scores)) == 1 and scores[0] < tagger.USUAL


def test_the_weights_hold_no_words() -> None:
    """Words of a text would stand as runs of letters; in bytes by chance seven in a row are rare and ten are none."""
    body = gzip.decompress(tagger.FILE.read_bytes()[tagger.DIGEST :])[len(tagger.MAGIC) :]
    assert re.findall(rb"[A-Za-z\xc3\xa5\xb8\xa6]{10,}", body) == []
    assert not [word for word in (b"regjering", b"Stoltenberg", b"hansen", b"kunde", b"ringer") if word in body]


def test_the_lists_know_names_of_several_countries_and_no_everyday_words() -> None:
    for name in ("oddvar", "kari", "björn", "mette", "jennifer", "agnieszka", "ahmed", "aino"):
        assert word_lists.is_given(name), name
    for name in ("johansen", "haugland", "lindström", "søndergaard", "smith", "kowalski", "khan", "virtanen"):
        assert word_lists.is_family(name), name
    for word in ("kundeservice", "abonnement", "ringer", "heter", "computer", ""):
        assert not (word_lists.is_given(word) or word_lists.is_family(word)), word


def test_names_that_are_words_are_marked_and_others_are_not() -> None:
    words = ["will", "mark", "grace", "bo", "liv", "dag", "stein", "even", "odd", "mai", "hope", "rose", "storm"]
    assert [word for word in words if not word_lists.is_ambiguous(word)] == []
    names = ["oddvar", "ingeborg", "kari", "erik", "johansen", "haugland", "svensson", "jennifer"]
    assert [name for name in names if word_lists.is_ambiguous(name)] == []
    lists = word_lists.load_names()
    assert lists.ambiguous <= lists.given | lists.family


def test_the_lists_say_whose_they_are() -> None:
    head = [
        line for line in gzip.decompress(word_lists.FILE.read_bytes()).decode().splitlines() if line.startswith("#")
    ]
    assert "Faker" in " ".join(head) and "MIT" in " ".join(head) and "Copyright" in " ".join(head)


@pytest.mark.parametrize(
    "wrong",
    [b"", b"no gzip", gzip.compress(b"given: a\n"), gzip.compress(b"\xff\xfe")],
    ids=["empty", "no gzip", "one list of five", "no UTF-8"],
)
def test_damaged_lists_are_told(tmp_path: Path, wrong: bytes) -> None:
    path = tmp_path / "names.txt.gz"
    path.write_bytes(wrong)
    with pytest.raises(Integrity, match="names_damaged"):
        word_lists.read(path)
