"""Two real login accounts of one group work on one store; a third account gets nowhere."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest
import typer

from tests.support.places import TOP
from tests.support.world import PASSPHRASE, REASON, World

GROUP = "arlotest"
ACCOUNTS = ("arlo-officer", "arlo-phone", "arlo-stranger")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("useradd") is None, reason="making login accounts needs root and useradd"
    ),
]


@pytest.fixture(scope="module")
def accounts() -> Iterator[None]:
    """A group, two members and a stranger; removed afterwards."""
    subprocess.run(["groupadd", "--force", GROUP], check=True)
    for name in ACCOUNTS:
        groups = [] if name == "arlo-stranger" else ["--groups", GROUP]
        subprocess.run(["useradd", "--no-create-home", *groups, name], check=False, capture_output=True)
    yield
    for name in ACCOUNTS:
        subprocess.run(["userdel", name], check=False, capture_output=True)
    subprocess.run(["groupdel", GROUP], check=False, capture_output=True)


class Shared:
    """A store that a group shares, and the program run from each account with a mean umask.

    This Python, its packages and the source may lie where other accounts cannot look (a home folder): each run
    sees them bound to a place of its own, in a mount namespace that ends with it.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        site = Path(typer.__file__).parent.parent
        self.bound = {"python": Path(sys.base_prefix), "site": site, "source": TOP}
        for name in self.bound:
            (base / "bound" / name).mkdir(parents=True)

    def run(self, account: str, *words: str) -> subprocess.CompletedProcess[str]:
        bound = self.base / "bound"
        mounts = [f"mount --bind '{path}' '{bound / name}'" for name, path in self.bound.items()]
        groups = "--clear-groups" if account == "arlo-stranger" else f"--groups {GROUP}"
        python = bound / "python" / "bin" / f"python3.{sys.version_info.minor}"
        drop = (
            f"exec setpriv --reuid {account} --regid {account} {groups} --inh-caps=-all '{python}' -m arlo_rec \"$@\""
        )
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.base / account),
            "ARLO_REC_STORE": str(self.base / "shared" / "store"),
            "LANG": "en_GB.UTF-8",
            "PYTHONPATH": f"{bound / 'source'}:{bound / 'site'}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", " && ".join([*mounts, "umask 077", drop]), "sh", *words, "--json"],
            capture_output=True, text=True, check=False, env=environment, cwd="/",
        )  # fmt: skip


@pytest.fixture
def shared(accounts: None, tmp_path: Path) -> Shared:
    for folder in takewhile(lambda one: not one.stat().st_mode & stat.S_ISVTX, [tmp_path, *tmp_path.parents]):
        folder.chmod(0o755)  # up to where everybody may write: /tmp, or what lies in memory
    for name in ACCOUNTS:
        (tmp_path / name).mkdir()
        shutil.chown(tmp_path / name, name, name)
    (tmp_path / "shared").mkdir()
    shutil.chown(tmp_path / "shared", "root", GROUP)
    (tmp_path / "shared").chmod(0o2775)
    made = Shared(tmp_path)
    if made.run("arlo-officer", "--version").returncode:
        pytest.skip("no mount namespace here to run this Python as another account")
    return made


def test_an_officer_and_the_telephone_system_share_a_store_and_a_stranger_does_not(shared: Shared) -> None:
    secret = shared.base / "arlo-officer" / "passphrase"
    secret.write_text(PASSPHRASE)
    secret.chmod(0o600)
    shutil.chown(secret, "arlo-officer", "arlo-officer")
    as_officer = ["--as", "sigrid", "--passphrase-file", str(secret)]
    made = shared.run("arlo-officer", "init", "--officer", "sigrid", "--group", GROUP, "--passphrase-file", str(secret))
    assert made.returncode == 0, made
    key = shared.base / "arlo-officer" / "telefon.key"
    added = shared.run(
        "arlo-officer", "person", "add", "telefon", "--role", "ingest", "--service", "--key-out", str(key), *as_officer
    )
    assert added.returncode == 0, added
    theirs = shared.base / "arlo-phone" / "telefon.key"
    shutil.move(key, theirs)
    shutil.chown(theirs, "arlo-phone", "arlo-phone")

    world = World(shared.base)
    world.deliver("a")
    for path in [world.spool, *world.spool.iterdir()]:
        shutil.chown(path, "arlo-phone", "arlo-phone")
    taken = shared.run("arlo-phone", "ingest", str(world.spool), "--key-file", str(theirs))
    assert taken.returncode == 0, taken
    assert len(json.loads(taken.stdout)["accepted"]) == 1

    granted = shared.run(
        "arlo-officer", "grant", "sigrid", "--purpose", "quality", "--reason", "responsible for quality", *as_officer
    )
    assert granted.returncode == 0, granted
    found = shared.run("arlo-officer", "find", "--purpose", "quality", "--reason", REASON, *as_officer)
    assert len(json.loads(found.stdout)["recordings"]) == 1
    gone = shared.run("arlo-officer", "withdraw", "+4790000001", "--yes", *as_officer)
    assert json.loads(gone.stdout)["erased"] == 1
    again = shared.run("arlo-phone", "ingest", str(world.spool), "--key-file", str(theirs))
    assert again.returncode == 0, again

    _everything_belongs_to_the_group(shared.base / "shared")
    stranger = shared.run("arlo-stranger", "status", "--key-file", str(theirs))
    assert stranger.returncode in (10, 12, 16), stranger
    assert "Traceback" not in stranger.stderr


def _everything_belongs_to_the_group(folder: Path) -> None:
    for path in folder.rglob("*"):
        about = path.stat()
        assert path.group() == GROUP, path
        assert not about.st_mode & 0o007, path
        if path.is_dir():
            assert about.st_mode & 0o7777 == 0o2770, path
        elif path.name not in {"README", "CACHEDIR.TAG"}:
            assert about.st_mode & 0o060 == 0o060, path
