"""The demonstration leaves what its story says: sound as it came, a copy without the name, and nothing in the end."""

from __future__ import annotations

import io
import json
import shlex
from importlib.resources import files
from pathlib import Path

import pytest

from arlo_rec import cli
from arlo_rec.sound import audio

NAME_AT = 1.9  # seconds from the key press of the first call: somebody says her name
SILENT = 0xFF  # u-law


@pytest.mark.slow
def test_every_command_of_the_story_ends_as_it_should_and_leaves_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "shown"
    assert cli.main(["demo", "--dir", str(folder), "--keep", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["dir"] == str(folder) and all(step["ok"] for step in told["steps"])
    assert {step["rule"] for step in told["steps"]} >= {"consent.press2", "consent.withdraw", "retention.90d"}
    assert list((folder / "spool").iterdir()) == [], "taken in, or refused and removed"
    came = (files("arlo_rec") / "demo_calls" / "call-2.wav").read_bytes()
    saved = (folder / "quality.wav").read_bytes()
    assert saved[-1000:] == came[-1000:] and len(saved) < len(came), "what was said before the key press is cut off"
    raw = (folder / "training.wav").read_bytes()
    copy = audio.read_wav(io.BytesIO(raw), len(raw))
    said = int(NAME_AT * copy.rate) * copy.frame_bytes
    assert set(copy.data[said : said + 1000]) == {SILENT}
    assert "90000002" not in (folder / "answer.html").read_text("utf-8")
    assert not [path for path in (folder / "store" / "objects").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_a_demonstration_that_is_kept_ends_with_files_to_open_and_commands_that_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "shown"
    assert cli.main(["demo", "--dir", str(folder), "--keep", "--lang", "en"]) == 0
    ends = [line.strip() for line in capsys.readouterr().out.partition("To look at")[2].splitlines()[1:]]
    files_to_open = [Path(line) for line in ends if line.startswith(str(folder))]
    assert {path.name for path in files_to_open} == {"receipt.html", "answer.html", "quality.wav", "training.wav"}
    assert all(path.is_file() for path in files_to_open)
    (typed,) = [line for line in ends if line.startswith("arlo-rec audit show")]
    assert cli.main([*shlex.split(typed)[1:], "--lang", "en"]) == 0
    assert "withdraw" in capsys.readouterr().out


@pytest.mark.slow
def test_nothing_of_a_demonstration_stays_and_no_folder_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "shown"
    folder.mkdir()
    assert cli.main(["demo", "--dir", str(folder)]) == 2
    folder.rmdir()
    assert cli.main(["demo", "--dir", str(folder), "--lang", "en"]) == 0
    assert not folder.exists()
    said = capsys.readouterr().out
    assert said.index("arlo-rec demo --keep") < said.index("arlo-rec init --officer NAME")
    assert "> arlo-rec withdraw" in said and "§ Recordings are kept for 90 days" in said
