"""The units of systemd in the documents: systemd takes them, and what a shell does in one of them it does."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.places import TESTS

GUIDE = (TESTS.parent / "docs/operating.md").read_text("utf-8")
PROGRAM = "/usr/local/bin/arlo-rec"


def units() -> dict[str, str]:
    """The content of each unit by its name."""
    blocks = re.findall(r"```ini\n(.*?)```", GUIDE, re.DOTALL)
    pieces = re.split(r"^# /etc/systemd/system/(\S+)\n", "\n".join(blocks), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def test_every_service_has_its_timer() -> None:
    names = {name.partition(".")[0] for name in units()}
    assert names >= {
        "arlo-rec-purge",
        "arlo-rec-ingest",
        "arlo-rec-anchor",
        "arlo-rec-audit-verify",
        "arlo-rec-witness",
    }
    assert units().keys() == {f"{name}.{kind}" for name in names for kind in ("service", "timer")}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (systemd)")
def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    for name, content in units().items():
        (tmp_path / name).write_text(content.replace(PROGRAM, "/bin/true"))
    words = ["systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in units())]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = [line for line in told.stderr.splitlines() if str(tmp_path) in line or "arlo-rec" in line]
    assert (told.returncode, lines) == (0, []), told.stderr


def test_the_shell_of_the_witness_writes_what_it_prints_into_a_file_of_that_moment(tmp_path: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", units()["arlo-rec-witness.service"], re.MULTILINE)
    program, notes = tmp_path / "program", tmp_path / "notes"
    program.write_text('#!/bin/sh\necho "$@"\nexit 15\n')
    program.chmod(0o700)
    notes.mkdir()
    line = line.replace(PROGRAM, str(program)).replace("/mnt/it/notes", str(notes))
    assert "%" not in line.replace("%%", "")  # to systemd, one is the beginning of a specifier
    assert "$" not in line.replace("$$", "")
    words = shlex.split(line.replace("%%", "%").replace("$$", "$"))
    assert subprocess.run(words, env={"WITNESS_KEY": "/a key", "PATH": "/usr/bin:/bin"}, check=False).returncode == 15
    (note,) = notes.iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}Z\.note", note.name)
    assert note.read_text() == "audit witness --witness-key /a key\n"
