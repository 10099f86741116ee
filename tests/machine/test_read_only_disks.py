"""A disk that takes no writes any more, and files that other accounts may open, are told by every watcher."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from arlo_rec.vault.backends import mounts
from arlo_rec.vault.backends.mounts import Mount
from tests.support import world as worlds
from tests.support.backups import back_up
from tests.support.disks import mounted_image
from tests.support.watchers import ALL, told_by
from tests.support.world import World

TOP = Path("/")  # of a file system
PLACES = {  # folder of a world -> what is told of its disk
    "store": "store_read_only",
    "store.root": "store_read_only",
    "spool": "spool_read_only",
    "backup": "backup_read_only",
    "escrow": "backup_read_only",
    "mount": "feed_read_only",
}


@pytest.fixture
def spread(fed: World) -> World:
    """A store with a spool, a backup, a ring and a feed."""
    fed.take_in("a")
    back_up(fed)
    return fed


@pytest.mark.parametrize("option", ["ro", "emergency_ro", "shutdown"])
def test_a_place_on_a_disk_that_takes_no_writes_is_critical(
    spread: World, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    usual = mounts.mounted()
    for name, code in PLACES.items():
        stopped = Mount(spread.base / name, "ext4", frozenset({"errors=remount-ro", option}), "8:9", TOP)
        monkeypatch.setattr(mounts, "mounted", lambda stopped=stopped: [*usual, stopped])
        told = spread.run("status", "--json", who="iver").json
        assert (code in told["critical"]) and all(
            str(spread.base / name) in each["remedy"] for each in told["findings"] if each["code"] == code
        ), name
    monkeypatch.setattr(mounts, "mounted", lambda: usual)
    assert spread.json("status", who="iver")["critical"] == []


def test_every_watcher_tells_of_a_disk_that_takes_no_writes(spread: World, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = mounts.mounted()
    for name, code in PLACES.items():
        stopped = Mount(spread.base / name, "ext4", frozenset({"ro"}), "8:9", TOP)
        monkeypatch.setattr(mounts, "mounted", lambda stopped=stopped: [*usual, stopped])
        assert told_by(spread, code) == ALL, name


def test_a_mount_that_is_read_only_for_one_service_is_no_finding(
    spread: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "1 0 8:1 / / ro,relatime - ext4 /dev/sda1 rw\n"  # as under ProtectSystem=strict
        "2 1 8:2 / /mnt/backup ro,relatime shared:1 - ext4 /dev/sdb1 rw,errors=remount-ro\n"
        "3 1 8:3 / /mnt/escrow rw,relatime - ext4 /dev/sdc1 rw,emergency_ro\n"
    )
    monkeypatch.setattr(mounts, "_MOUNTED", table)
    assert [mounts.is_read_only(Path(f"/mnt/{name}/arlo")) for name in ("backup", "escrow")] == [False, True]


# -- a real disk --------------------------------------------------------------------------------------


@pytest.fixture
def on_a_disk(template: World, tmp_path: Path) -> Iterator[World]:
    """A world on an ext4 of its own, which becomes read-only at the first error."""
    with mounted_image(tmp_path, "loop,errors=remount-ro"):
        yield worlds.copy(template, tmp_path / "disk" / "world")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["remounted", "after an error"])
def test_a_disk_that_became_read_only_is_critical_and_what_writes_names_it(on_a_disk: World, how: str) -> None:
    disk = on_a_disk.base.parent
    if how == "remounted":
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    else:
        source = subprocess.run(["findmnt", "-no", "SOURCE", disk], check=True, capture_output=True, text=True).stdout
        Path("/sys/fs/ext4", Path(source.strip()).name, "trigger_fs_error").write_text("a test")
    assert told_by(on_a_disk, "store_read_only") == ALL
    told = on_a_disk.run("withdraw", "90000001", "--yes", "--json", who="siri")
    assert (told.exit, told.json["error"]["code"]) == (16, "read_only_disk")
    assert str(on_a_disk.store) in told.json["error"]["message"]


# -- modes --------------------------------------------------------------------------------------------

OPENED = {
    "store": (0o755, "folder_open"),
    "store.root": (0o750, "folder_open"),
    "store/people": (0o701, "folder_open"),
    "store.root/root": (0o644, "file_open"),
    "store.root/seen": (0o660, "file_open"),
    "store/catalogue.db": (0o666, "file_open"),
    "store/store.toml": (0o604, "file_open"),
}


OF_A_FILE = {"store/catalogue.db": [pytest.mark.in_a_file]}


@pytest.mark.parametrize("name", [pytest.param(name, marks=OF_A_FILE.get(name, [])) for name in OPENED])
def test_what_other_accounts_may_open_is_told_by_every_watcher_until_its_mode_is_right(world: World, name: str) -> None:
    (mode, code), path = OPENED[name], world.base / name
    before = path.stat().st_mode
    path.chmod(mode)
    if path.name == "root":
        assert told_by(world, code) == ALL
    finding = next(each for each in world.run("status", "--json", who="iver").json["findings"] if each["code"] == code)
    assert (finding["severity"], str(path if path.is_dir() else path.parent) in finding["remedy"]) == ("critical", True)
    assert world.run("verify", who="iver").exit == 15
    subprocess.run(finding["remedy"].split(), check=True)
    assert path.stat().st_mode == before
    assert world.json("status", who="iver")["critical"] == [], "with its mode, what the last verify found has passed"
