"""The front on a machine that has nothing of Linux, and of the libraries typer and rich: the rest is taken away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.door import via
from tests.support.places import TOP
from tests.support.world import PARTICULARS, REASON, Result, World

pytestmark = pytest.mark.slow

LOOK = ("--purpose", "quality", "--reason", REASON)
WITHOUT = """
import os, sys

class Lacking:
    modules = {"fcntl", "resource", "pwd", "grp", "termios", "tty"}
    libraries = {  # which the machine of the store has, and docs/operating.md installs on no other
        "blake3", "cryptography", "dateutil", "jinja2", "lameenc", "markdown_it", "msgspec", "numpy", "phonenumbers",
        "shamir_mnemonic", "soundfile", "sqlcipher3", "sqlite_utils", "wordfreq",
    }

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.modules | self.libraries:
            raise ImportError(name)

import select, subprocess  # of which each machine has its own
for name in Lacking.modules:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Lacking())
for name in (
    "O_NONBLOCK O_CLOEXEC O_NOFOLLOW O_DIRECTORY O_TMPFILE setsid geteuid getuid getegid getgid getgroups fchmod fchown"
    " chown lchown killpg getpgid getpgrp setpgid tcgetpgrp tcsetpgrp memfd_create fork forkpty sched_getaffinity"
    " posix_fallocate sendfile mkfifo statvfs nice sync"
).split():
    if hasattr(os, name):
        delattr(os, name)
del select.poll
sys.platform = "darwin"

from arlo_rec.__main__ import main
main()
"""


class Elsewhere:
    """A machine without anything of Linux, and a door from it to a store."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.recording = world.take_in("one")[0]
        world.grant()
        (folder / "passphrase").write_bytes((world.base / "passphrase").read_bytes())
        (folder / "passphrase").chmod(0o600)
        config = folder / ".config" / "arlo-rec" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f"particulars = {json.dumps(str(PARTICULARS))}\n", "utf-8")

    def run(self, *words: str, who: str = "leif") -> Result:
        """Run the program there."""
        environment = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(TOP), "HOME": str(self.folder), "LANG": "en_GB.UTF-8",
            "USER": who, "ARLO_REC_VIA": via(self.world.store, who), "ARLO_REC_AS": who,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT, *words, "--passphrase-file", "passphrase"],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        bugs = self.folder / ".local/state/arlo-rec/errors.log"
        assert not bugs.exists(), bugs.read_text("utf-8")
        return Result(done.returncode, done.stdout, done.stderr)

    def json(self, *words: str, who: str = "leif") -> dict[str, Any]:
        """Run a command that must succeed, and give its JSON."""
        result = self.run(*words, "--json", who=who)
        assert result.exit == 0, result
        return dict(json.loads(result.out))


@pytest.fixture
def elsewhere(world: World, tmp_path: Path) -> Elsewhere:
    (tmp_path / "elsewhere").mkdir()
    return Elsewhere(world, tmp_path / "elsewhere")


def test_a_table_is_shown(elsewhere: Elsewhere) -> None:
    found = elsewhere.run("find", *LOOK)
    assert found.exit == 0 and elsewhere.recording[:6] in found.out


def test_an_export_is_written_and_not_written_over(elsewhere: Elsewhere) -> None:
    told = elsewhere.json("export", elsewhere.recording, *LOOK, "--out", "call.wav")
    assert (elsewhere.folder / "call.wav").stat().st_size == told["bytes"] > 0
    again = elsewhere.run("export", elsewhere.recording, *LOOK, "--out", "call.wav")
    assert again.exit == 2 and "call.wav" in again.err
    assert sorted(path.name for path in elsewhere.folder.iterdir()) == [".config", ".local", "call.wav", "passphrase"]


def test_a_file_that_was_named_is_read(elsewhere: Elsewhere) -> None:
    elsewhere.json("audit", "checkpoint", "--out", "note", who="iver")
    assert elsewhere.json("audit", "verify", "--anchor", "note", who="iver")["problems"] == []
    unreadable = elsewhere.run("audit", "verify", "--anchor", "nothing", who="iver")
    assert unreadable.exit == 2 and "nothing" in unreadable.err


@pytest.mark.parametrize(
    "words", [("audit", "checkpoint", "--append", "x"), ("audit", "witness", "--witness-key", "x")]
)
def test_what_needs_locks_and_owners_of_files_is_refused_in_a_sentence(
    elsewhere: Elsewhere, words: tuple[str, ...]
) -> None:
    refused = elsewhere.run(*words, who="iver")
    assert refused.exit == 2 and f"{words[2]} does not work on this machine" in refused.err


def test_a_folder_is_written(elsewhere: Elsewhere) -> None:
    elsewhere.run("policy", "publish", "--out", "page", who="sigrid")
    assert list((elsewhere.folder / "page").iterdir())


def test_an_unlock_is_refused_in_a_sentence_where_nothing_keeps_it(elsewhere: Elsewhere) -> None:
    refused = elsewhere.run("unlock")
    assert refused.exit == 12 and "keyring" in refused.err, refused
    assert elsewhere.run("lock").exit == 4


@pytest.mark.parametrize("player", ["cat", "nothing-of-that-name"])
def test_a_player_plays_or_is_told_not_to_be_there(elsewhere: Elsewhere, player: str) -> None:
    heard = elsewhere.run("listen", elsewhere.recording, *LOOK, "--player", player)
    assert heard.exit == (0 if player == "cat" else 2), heard


def test_a_service_gets_its_key_file(elsewhere: Elsewhere) -> None:
    words = ("person", "add", "ny", "--role", "ingest", "--service", "--key-out", "ny.key")
    elsewhere.json(*words, who="sigrid")
    assert (elsewhere.folder / "ny.key").stat().st_mode & 0o777 == 0o400
