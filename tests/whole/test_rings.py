"""What a run takes: every promise, every file of tests once, and the rings that a change sets off."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import needs, rings
from tests.support.places import TESTS, TOP
from tests.support.properties import examples
from tests.support.rings import Test
from tools import prove

ROOMS = [room.parent.name for room in (TOP / "arlo_rec").glob("*/README.md") if (TESTS / room.parent.name).is_dir()]
FILES = st.sampled_from(["tests/vault/a", "tests/people/b", "tests/attack/c"])
NAMES = st.sampled_from(["test_one", "test_two", "test_three", "test_four"])
TESTS_OF_A_RUN = st.builds(
    Test, st.builds("{}::{}[{}]".format, FILES, NAMES, st.sampled_from("xyz")), st.booleans(), st.booleans()
)


def said(tests: Collection[Test]) -> set[str]:
    """The names of functions."""
    return {test.said for test in tests}


@examples(200)
@given(
    st.lists(TESTS_OF_A_RUN, unique_by=lambda test: test.name),
    st.lists(st.lists(NAMES, min_size=1)),
    st.integers(0, 99),
)
def test_the_ordinary_run_shows_every_promise_that_a_test_here_shows(
    tests: list[Test], promises: list[list[str]], seed: int
) -> None:
    taken = rings.ordinary(tests, promises, seed)
    assert taken <= set(tests) and taken >= {test for test in tests if not test.is_slow}
    runs_here = said([test for test in tests if not test.is_skipped])
    shown = said([test for test in taken if not test.is_skipped])
    for names in promises:
        assert bool(shown & set(names)) == bool(runs_here & set(names))
    slow = [test for test in tests if test.is_slow and test.name.startswith(("tests/vault/", "tests/attack/"))]
    assert {test.function for test in slow} <= {test.function for test in taken}, "a variant of each"


@pytest.mark.slow
def test_pytest_takes_of_what_is_slow_only_what_a_ring_holds_that_is_asked_for() -> None:
    def taken(*words: str) -> str:
        files = ("tests/law/test_markdown.py", "tests/telephony/test_played_calls.py")
        line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", *words, *files]
        return subprocess.run(line, cwd=TOP, capture_output=True, text=True, check=True).stdout

    assert "test_markdown" in taken("--ordinary")
    assert "test_played_calls" not in taken("--ordinary")
    both = taken("--ordinary", "--ring", "telephony")
    assert "test_markdown" in both and "test_played_calls" in both
    assert "test_markdown" not in taken("--ring", "telephony")


# -- the table of rings --------------------------------------------------------------------------------


def test_every_file_of_tests_is_in_one_ring() -> None:
    for path in TESTS.rglob("test_*.py"):
        held = [name for name, ring in rings.rings().items() if ring.holds(str(path.relative_to(TOP)))]
        assert len(held) == 1, f"{path.name} is in {held or 'no ring'} of tests/rings.toml"


def test_every_place_that_a_ring_names_is_there() -> None:
    for name, ring in rings.rings().items():
        for place in (*ring.tests, *ring.touched_by, *ring.in_postgres):
            assert (TOP / place).is_dir() == (place.endswith("/") or place in ring.in_postgres), (name, place)
            assert (TOP / place).exists(), (name, place)


@pytest.mark.parametrize("room", ROOMS)
def test_a_change_in_a_room_sets_off_its_ring(room: str) -> None:
    for folder in ("arlo_rec", "tests"):
        off = rings.touched([f"{folder}/{room}/anything.py"])
        assert room in off and off < set(rings.rings())


@pytest.mark.parametrize("file", ["tests/conftest.py", "tests/support/world.py", ".ci/run", "arlo_rec/new/module.py"])
def test_a_file_that_stands_in_no_ring_sets_off_all(file: str) -> None:
    assert rings.touched(["docs/design.md", file]) == set(rings.rings())


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("arlo_rec/vault/erasure/forget.py", "tests/vault/erasure"),
        ("arlo_rec/law/sentences/common.json", "tests/law"),
        ("arlo_rec/vault/none_such/deep/module.py", "tests/vault"),
        ("tests/machine/test_todo.py", "tests/machine/test_todo.py"),
        ("tests/support/booted.py", "tests/whole/test_booted_units.py"),
        ("tests/transcripts/first.txt", "tests/transcripts"),
        ("tests/conftest.py", "tests"),
    ],
)
def test_the_tests_nearest_to_a_file_are_those_of_its_package(file: str, expected: str) -> None:
    near = rings.packages([file])
    assert expected in near
    assert set(near) >= set(rings.ALWAYS) or near == ["tests"]


def test_a_file_of_tests_that_is_gone_is_not_asked_for() -> None:
    assert rings.packages(["tests/machine/test_gone-1.py", "README.md", "arlo_rec/cli.py"]) == list(rings.ALWAYS)


# -- what changed --------------------------------------------------------------------------------------


@needs.mark(needs.program("git"))
def test_what_changed_is_what_is_not_committed_or_else_the_last_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.invalid")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    def commit(name: str) -> None:
        (tmp_path / name).write_text("text\n", "utf-8")
        git("add", name)
        git("commit", "-m", name)

    monkeypatch.setattr(rings, "TOP", tmp_path)
    git("init")
    for name in ("first", "second", "third"):
        commit(name)
    assert rings.changed(None) == ["third"]
    assert rings.changed("HEAD~2") == ["second", "third"]
    assert rings.changed("HEAD") == []
    (tmp_path / "second").write_text("other\n", "utf-8")
    (tmp_path / "fourth").write_text("text\n", "utf-8")
    assert rings.changed(None) == ["second", "fourth"]
    with pytest.raises(SystemExit, match="no such commit"):
        rings.changed("none-such")


# -- ./dev prove ---------------------------------------------------------------------------------------


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that a proof would run, without the interpreter, and none of them runs."""
    ran = list[str]()

    def run(line: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(" ".join(line).removeprefix(f"{sys.executable} -m "))
        return subprocess.CompletedProcess(line, 0)

    monkeypatch.setattr(prove.subprocess, "run", run)
    monkeypatch.setattr(prove, "_can_have_postgres", lambda: True)
    return ran


WHOLE = "pytest --prove --ignore=tests/whole/test_proof.py"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("law -k reason", [f"{WHOLE} tests/law/ -k reason"]),
        ("tests/law -x", [f"{WHOLE} tests/law -x"]),
        ("--sample law house", ["pytest --ordinary --ring=house --ring=law -n auto --dist loadgroup"]),
        ("crashes --minutes 5", [f"{WHOLE} tests/whole/test_faults.py", "tests.proof --write --minutes 5"]),
        ("postgres", [WHOLE, "pytest --engine postgres tests/vault/erasure"]),
        ("--sample postgres", ["pytest --ordinary --ring=postgres", "pytest --engine postgres -m not slow"]),
    ],
)
def test_the_rings_that_are_named_are_proved(lines: list[str], words: str, expected: list[str]) -> None:
    assert prove.main(words.split()) == 0
    assert len(lines) == len(expected)
    assert all(line.startswith(begin) for line, begin in zip(lines, expected, strict=True)), lines


def test_without_a_name_every_ring_is_proved_whole(lines: list[str]) -> None:
    assert prove.main([]) == 0
    assert all(place in lines[0] for ring in rings.rings().values() for place in ring.tests)
    assert any("--engine postgres" in line for line in lines)
    assert lines[-1] == "tests.proof --write"


def test_a_proof_that_fails_ends_the_run_with_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prove.subprocess, "run", lambda line, **_: subprocess.CompletedProcess(line, 3))
    assert prove.main(["law", "postgres"]) == 3
