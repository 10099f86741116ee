"""What a run says that it skipped, and how two runs share all tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import needs
from tests.support.places import TESTS, TOP

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tried")]
FEW = """
import pytest
from tests.support import needs

@needs.mark(None)
def test_that_runs(): pass

@needs.mark(needs.engine("Server", is_here=False))
@pytest.mark.parametrize("number", [1, 2])
def test_of_a_server(number): pass

@pytest.mark.xdist_group("of one")
@pytest.mark.parametrize("word", ["a b", "c@d"])
def test_that_finds_out_late(word):
    needs.demand(None, None if word == "c@d" else "nothing to try")
"""


class First(NamedTuple):
    """A first run of them: the file of tests, the file of what ran, and what it printed."""

    tests: Path
    ran: Path
    told: str


def run(*words: str | Path) -> str:
    """A run of pytest with the fixtures and options of all tests; what it printed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    line = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", *map(str, words)]
    done = subprocess.run(line, cwd=TOP, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    folder = tmp_path_factory.mktemp("few")
    (folder / "test_few.py").write_text(FEW, "utf-8")
    told = run(folder, "-n", "2", "--dist", "loadgroup", "--ran", folder / "ran")
    return First(folder / "test_few.py", folder / "ran", told)


def test_a_run_ends_with_a_line_for_each_reason_and_their_sum(first: First) -> None:
    assert "     2  no Server: ./dev engines\n     1  nothing to try\n     3  in all\n" in first.told
    assert " 2 passed, 3 skipped in " in first.told.splitlines()[-1]


def test_a_second_run_takes_exactly_what_the_first_one_did_not_try(first: First) -> None:
    first.tests.write_text(FEW.replace("is_here=False", "is_here=True"), "utf-8")
    told = run(first.tests.parent, "--not-again", first.ran)
    assert "     1  nothing to try\n     1  in all\n" in told
    assert " 2 passed, 1 skipped, 2 deselected in " in told.splitlines()[-1]


def test_programs_that_are_missing_are_named_with_the_packages_that_bring_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(needs, "_SYSTEM", "/nowhere")
    told = "no pdfinfo, pdftotext, ssh: sudo apt-get install poppler-utils openssh-client"
    assert needs.program("pdfinfo", "pdftotext", "ssh") == told


def test_no_test_is_skipped_in_a_way_that_needs_does_not_know() -> None:
    ways = re.compile(r"\bpytest\.(?:skip|importorskip|mark\.skip(?:if)?)\b")
    known = {path for path in TESTS.rglob("*.py") if ways.search(path.read_text("utf-8"))}
    assert known == {TESTS / "support" / "needs.py"}


def test_the_programs_that_tests_need_are_those_that_ci_installs() -> None:
    calls = re.compile(r"\b(needs\.|peers\.)?(?:program|find|require)\(([^)]*)\)")
    named = set[str]()
    for path in (*TESTS.rglob("*.py"), *(TOP / "bench").glob("*.py")):
        for other, words in calls.findall(path.read_text("utf-8")):
            named |= set(re.findall(r'"([^"]+)"', words)) if other or path.name == "needs.py" else set()
    assert named == set(needs.packages())
