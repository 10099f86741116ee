"""A commit's subject has at most 72 signs, and scratch clones are not merged."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.commits import git, wrong


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A repository with one commit, which is tagged `first`."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path, "The first one may have a subject of any length, as it stands at the beginning of all")
    git(tmp_path, "tag", "first")
    return tmp_path


def commit(top: Path, subject: str) -> None:
    who = ("-c", "user.name=Kari Eksempel", "-c", "user.email=kari@example.invalid")
    subprocess.run(["git", *who, "commit", "--quiet", "--allow-empty", "-m", subject], cwd=top, check=True)


def test_a_subject_of_72_signs_fits_and_a_longer_one_is_named(history: Path) -> None:
    commit(history, "é" * 72)
    assert list(wrong(history, "first")) == []
    commit(history, "é" * 73)
    (line,) = wrong(history, "first")
    assert "has a subject of 73 signs" in line


def test_a_merge_is_named(history: Path) -> None:
    git(history, "switch", "--quiet", "-c", "scratch")
    commit(history, "On a scratch branch")
    git(history, "switch", "--quiet", "main")
    commit(history, "On the main one")
    who = ("-c", "user.name=Kari Eksempel", "-c", "user.email=kari@example.invalid")
    git(history, *who, "merge", "--quiet", "--no-edit", "scratch")
    assert [line for line in wrong(history, "first") if "is a merge" in line]


def test_a_history_that_does_not_reach_back_so_far_has_nothing_wrong(history: Path) -> None:
    commit(history, "x" * 100)
    assert list(wrong(history, "0" * 40)) == []
