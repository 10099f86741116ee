"""Whoever hands over something else in place of a receipt, to somebody who checks it with the program or without."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.places import TOP

pytestmark = pytest.mark.rule("security.monitored")


def terabyte(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


PLACED: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a terabyte": terabyte,
}


@pytest.mark.parametrize("placed", PLACED)
@pytest.mark.parametrize(
    ("command", "expected"),
    [((str(TOP / "docs" / "verify_certificate.py"),), {2}), (("-m", "arlo_rec", "certificate", "verify"), {2, 15, 16})],
    ids=["script", "program"],
)
def test_no_checker_waits_for_what_is_no_file_or_reads_on_for_ever(
    tmp_path: Path, placed: str, command: tuple[str, ...], expected: set[int]
) -> None:
    receipt = tmp_path / "receipt.json"
    PLACED[placed](receipt)
    try:
        done = subprocess.run([sys.executable, *command, str(receipt)], capture_output=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail("it waits for ever")
    assert done.returncode in (expected if placed != "a terabyte" else {1, *expected}), done
    assert b"Traceback" not in done.stderr
