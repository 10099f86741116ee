"""What a fresh machine gets: `./dev` and its words, the locks it installs from, and tests that run in a background."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tools.audit_locks import judged
from tools.make_locks import LOCKS

TOP = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_PINNED = re.compile(r"([a-z0-9-]+)==(\S+)(?: ; (.+?))? \\(?=\n    --hash=sha256:[0-9a-f]{64}\b)")


def dev(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One call of ./dev."""
    return subprocess.run(
        ["./dev", *words], cwd=TOP, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", [(), ("help",), ("--help",)], ids=str)
def test_dev_alone_lists_its_words(words: tuple[str, ...]) -> None:
    done = dev(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.split()[1] for line in done.stdout.splitlines()} >= {"demo", "run", "quick", "test", "update", "audit"}


def test_an_unknown_word_behind_dev_is_an_error_that_lists_the_others() -> None:
    done = dev("tset", "tests/law/model/test_policy.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert '"tset"' in done.stderr.splitlines()[0]
    assert done.stderr.endswith(dev().stdout)


def test_a_python_that_is_none_or_too_old_is_refused_and_makes_no_environment(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\necho 3.10\nexit 1\n", "utf-8")
    old.chmod(0o700)
    for python in (str(old), str(tmp_path / "missing")):
        done = dev("docs", ARLO_REC_PYTHON=python, ARLO_REC_VENV=str(tmp_path / "venv"))
        assert (done.returncode, done.stdout) == (1, "")
        assert "is no Python 3.11 or newer" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_folder_that_is_no_environment_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    done = dev("docs", ARLO_REC_VENV=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "left as it is" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["letters"]


def locked(name: str) -> dict[str, list[tuple[str, str]]]:
    """The packages of a lock, each with its versions and the markers under which they hold."""
    found: dict[str, list[tuple[str, str]]] = {}
    for package, version, marker in _PINNED.findall((TOP / "requirements" / f"{name}.txt").read_text("ascii")):
        found.setdefault(package, []).append((version, marker))
    return found


def wanted(extras: tuple[str, ...]) -> list[Requirement]:
    """What pyproject.toml asks for, with these extras and those that they name."""
    lines = list(PROJECT["project"]["dependencies"])
    for extra in extras:
        lines += PROJECT["project"]["optional-dependencies"][extra]
    asked = [Requirement(line) for line in lines]
    more = tuple(extra for one in asked if one.name == PROJECT["project"]["name"] for extra in one.extras)
    return [one for one in asked if one.name != PROJECT["project"]["name"]] + (wanted(more) if more else [])


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", [*LOCKS, "tools"])
def test_a_lock_holds_what_the_project_asks_for_at_exactly_one_version(name: str, python: str) -> None:
    groups = PROJECT["dependency-groups"]
    asked = wanted(LOCKS[name]) if name in LOCKS else [Requirement(line) for line in groups["tools"]]
    place = {"python_version": python, "python_full_version": f"{python}.1", "sys_platform": "linux"}
    lock = locked(name)
    for one in asked:
        if one.marker is None or one.marker.evaluate(place):
            held = [
                version
                for version, marker in lock.get(one.name, [])
                if not marker or Requirement(f"x; {marker}").marker.evaluate(place)  # type: ignore[union-attr]
            ]
            assert len(held) == 1, f"{one.name} is not in requirements/{name}.txt: ./dev update {one.name}"
            assert one.specifier.contains(held[0]), f"{one.name} {held[0]}: ./dev update {one.name}"


def test_a_package_has_one_version_in_all_locks_that_are_installed_together() -> None:
    versions: dict[str, set[tuple[str, ...]]] = {}
    for name in LOCKS:
        for package, held in locked(name).items():
            versions.setdefault(package, set()).add(tuple(version for version, _ in held))
    assert [package for package, some in versions.items() if len(some) > 1] == []
    assert set(locked("run")) <= set(locked("dev"))


@pytest.mark.parametrize("name", [*LOCKS, "tools"])
def test_every_line_of_a_lock_is_a_version_with_hashes_and_names_no_place(name: str) -> None:
    text = (TOP / "requirements" / f"{name}.txt").read_text("ascii")
    rest = [line for line in _PINNED.sub("", text).splitlines() if not re.match(r"$|    --hash=| *#", line)]
    assert rest == []
    assert "://" not in text


def told(*vulnerable: str) -> dict[str, Any]:
    """What pip-audit reports of one package."""
    found = [{"id": one, "fix_versions": ["9.1"]} for one in vulnerable]
    return {"name": "rich", "version": "9.0", "vulns": found}


def test_a_known_weakness_fails_the_audit_and_silence_does_not_pass_for_health() -> None:
    unknown = {"name": "typer", "skip_reason": "not found: typer (1.0)"}
    assert judged({"dependencies": [told("CVE-1"), told()]})[0] == 1
    assert "rich 9.0: CVE-1, mended in 9.1" in judged({"dependencies": [told("CVE-1"), unknown]})[1]
    assert judged({"dependencies": [told(), told()]}) == (0, ["no known weakness in 1 packages"])
    assert judged({"dependencies": [told(), unknown]})[1][0].endswith("NOT audited: 1")
    assert judged({"dependencies": [unknown]})[1][0].startswith("NOT audited")


@pytest.mark.slow
def test_what_interrupts_is_tested_in_a_background_too() -> None:
    """A shell starts what runs in the background with Ctrl-C ignored, and so do services."""
    test = "tests/words/test_engine.py::test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next_calls"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert done.returncode == 0, done.stdout
