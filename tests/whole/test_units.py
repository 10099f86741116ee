"""The units and snippets in examples: their programs take them, and the shell of one does what it says."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from arlo_rec.ui.config import settle
from tests.support.places import TOP

EXAMPLES = TOP / "examples"
PROGRAM = "/usr/local/bin/arlo-rec"
SYSTEMD = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (systemd)"
)
EXPOSED = 30  # tenths: above it, systemd-analyze calls a service less than well protected


def units() -> dict[str, str]:
    """The content of each unit by its name."""
    return {path.name: path.read_text("utf-8") for path in sorted((EXAMPLES / "systemd").iterdir())}


def test_every_service_has_its_timer() -> None:
    names = {name.partition(".")[0] for name in units()}
    assert names >= {
        "arlo-rec-purge",
        "arlo-rec-ingest",
        "arlo-rec-backup",
        "arlo-rec-anchor",
        "arlo-rec-audit-verify",
        "arlo-rec-witness",
    }
    assert units().keys() == {f"{name}.{kind}" for name in names for kind in ("service", "timer")}


@pytest.mark.slow
@SYSTEMD
def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    for name, content in units().items():
        (tmp_path / name).write_text(content.replace(PROGRAM, "/bin/true"))
    words = ["systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in units())]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = [line for line in told.stderr.splitlines() if str(tmp_path) in line or "arlo-rec" in line]
    assert (told.returncode, lines) == (0, []), told.stderr


@pytest.mark.slow
@SYSTEMD
def test_every_service_is_confined() -> None:
    services = [EXAMPLES / "systemd" / name for name in units() if name.endswith(".service")]
    words = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSED}", "--no-pager"]
    for service in services:
        told = subprocess.run([*words, service], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout


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


@pytest.mark.skipif(shutil.which("visudo") is None, reason="visudo is not installed (sudo)")
def test_sudo_takes_its_rule() -> None:
    told = subprocess.run(["visudo", "-cf", EXAMPLES / "sudoers"], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed (openssh-client)")
def test_ssh_takes_its_settings() -> None:
    words = ["ssh", "-F", EXAMPLES / "ssh_config", "-G", "recordings"]
    told = subprocess.run(words, capture_output=True, text=True, check=True)
    assert {"user arlo", "batchmode yes"} <= set(told.stdout.splitlines())


def test_the_program_takes_the_example_of_its_settings() -> None:
    settings = settle({}, {"ARLO_REC_CONFIG": str(EXAMPLES / "config.toml")})
    assert (settings.store, str(settings.feed)) == ("/srv/arlo/store", "/mnt/feed/arlo.jsonl")
