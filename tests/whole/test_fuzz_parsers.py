"""A million changed inputs: every parser takes them or refuses them in its own words, and none takes long.

The ordinary run takes a sample; `./dev prove` takes them all and lets atheris look for more.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import judge
from tests.fuzz.incoming import CALL
from tests.fuzz.judge import TooLong, judged, limited
from tests.fuzz.mutate import VALUES, changed
from tests.fuzz.target import Target, made
from tests.fuzz.targets import targets
from tests.support import needs, sounds
from tests.support.properties import examples

ALL, SAMPLE = 1_000_000, 4_000  # inputs, for all targets together
GUIDED = 20_000  # inputs for each target, under atheris


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    return {one.name: one for one in targets(tmp_path_factory.mktemp("targets"))}


def test_what_the_program_wrote_itself_is_taken_by_every_parser(every: dict[str, Target]) -> None:
    assert [name for name, one in every.items() if not one.parse(one.seeds[0])] == []


def test_a_changed_input_is_taken_or_refused_in_words_and_in_time(
    every: dict[str, Target], whole: bool, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    each = -(-(ALL if whole else SAMPLE) // len(every))
    found = [judged(one.name, range(each), lambda n, one=one: made(one, seed, n), one.parse) for one in every.values()]
    told = "\n".join(map(str, found))
    if whole:
        with capsys.disabled():
            sys.stdout.write(f"\nseed {seed}, {sum(one.inputs for one in found)} inputs\n{told}\n")
    assert not [one.name for one in found if one.findings], f"seed {seed}\n{told}"
    assert [one.name for one in found if one.taken == one.inputs] == []  # some changes are noticed everywhere
    assert sum(one.taken for one in found) > each  # and some are harmless


@pytest.mark.slow
@needs.mark(needs.module("atheris", "./dev prove installs it"))
def test_what_coverage_leads_to_is_taken_or_refused_in_words_and_in_time(
    every: dict[str, Target], tmp_path: Path, whole: bool, seed: int
) -> None:
    needs.demand(None if whole else needs.WHOLE)

    def guided(name: str) -> tuple[int, str]:
        words = [sys.executable, "-m", "tests.fuzz.coverage", name, str(GUIDED), str(seed), str(tmp_path / name)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=1800, errors="replace")
        return done.returncode, done.stderr[-4000:]

    with ThreadPoolExecutor(2) as threads:
        found = dict(zip(every, threads.map(guided, every), strict=True))
    assert {name: told for name, (status, told) in found.items() if status != 0} == {}


# The shapes that changes of bytes seldom reach ----------------------------------------------------------------

NUMBERS = st.sampled_from([0, 1, 2, 3, 255, 256, 65_535, 2**31 - 1, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1)
SHORT = st.sampled_from([0, 1, 2, 3, 7, 8, 16, 24, 65_535]) | st.integers(0, 65_535)
FORMATS = st.builds(
    sounds.fmt, rate=NUMBERS, channels=SHORT, tag=SHORT | st.none(), bits=SHORT, block_align=SHORT, byte_rate=NUMBERS
)
CHUNKS = st.one_of(
    st.just(sounds.fmt()),
    st.just(sounds.chunk(b"data", sounds.tone(0.01))),
    FORMATS,
    st.builds(sounds.chunk, st.sampled_from([b"fmt ", b"data", b"ds64", b"LIST", b"junk"]), st.binary(max_size=40)),
    st.builds(sounds.chunk, st.just(b"data"), st.binary(max_size=9), size=NUMBERS, pad=st.booleans()),
)


@examples(400)
@given(
    chunks=st.lists(CHUNKS, max_size=5),
    name=st.sampled_from([b"RIFF", b"RF64", b"BW64", b"RIFX"]),
    size=st.none() | NUMBERS,
)
def test_any_chunks_in_any_order_are_a_sound_or_a_reason(
    every: dict[str, Target], chunks: list[bytes], name: bytes, size: int | None
) -> None:
    for target in ("wav", "sound by its first bytes"):
        with limited():
            every[target].parse(sounds.riff(*chunks, name=name, size=size))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(VALUES),
    lambda one: st.lists(one, max_size=4) | st.dictionaries(st.sampled_from([*CALL, "key", "at"]), one, max_size=4),
    max_leaves=12,
)


@examples(300)
@given(value=JSON, key=st.sampled_from([*CALL, ""]))
def test_any_json_is_read_or_refused_wherever_json_is_read(every: dict[str, Target], value: Any, key: str) -> None:
    told = {**CALL, key: value} if key else value
    raw = json.dumps(told).encode()
    for target in (
        "manifest",
        "JSON",
        "JSON Lines",
        "receipt",
        "roster",
        "policy",
        "log entry",
        "key file of a person",
    ):
        with limited():
            every[target].parse(raw)


# That the proof could fail ------------------------------------------------------------------------------------


def test_an_input_is_the_same_bytes_in_every_run_and_another_with_another_seed(every: dict[str, Target]) -> None:
    for one in every.values():
        assert [made(one, 1, n) for n in range(50)] == [made(one, 1, n) for n in range(50)]
        assert [made(one, 1, n) for n in range(50)] != [made(one, 2, n) for n in range(50)]


def test_changes_reach_every_byte_and_every_length() -> None:
    chance, seed = random.Random(1), bytes(64)
    inputs = [changed(chance, [seed]) for _ in range(20_000)]
    assert all(any(one[place : place + 1] not in (b"", b"\0") for one in inputs) for place in range(64))
    assert {len(one) for one in inputs} >= set(range(65))


def test_whatever_else_is_raised_is_a_finding_once_for_each_place() -> None:
    report = judged("planted", range(100), lambda n: bytes([n]), lambda raw: 1 // (raw[0] % 50) > 0)
    ((where, (number, told)),) = report.findings.items()
    assert (number, report.inputs) == (0, 100)
    assert where.startswith("ZeroDivisionError at ")
    assert "b'\\x00'" in told


def test_an_input_that_takes_too_long_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "LIMIT", 0.05)
    begun = time.monotonic()

    def hang(_raw: bytes) -> bool:
        while True:
            pass

    report = judged("planted", range(1), lambda n: b"", hang)
    assert time.monotonic() - begun < 5
    assert any(TooLong.__name__ in where for where in report.findings)
