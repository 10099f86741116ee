"""Objects that are copied many at a time: each as its digest says and durable, or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Unreachable
from arlo_rec.machine import object_copy
from arlo_rec.machine.object_copy import AT_ONCE, ObjectCopier, Wanted, in_portions
from arlo_rec.vault.backends import Expected, durable, mounts
from arlo_rec.vault.crypto import primitives
from tests.support.properties import examples


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("here/objects/ab", "there/objects"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "here" / "objects", tmp_path / "there" / "objects"


NOWHERE = Expected(bytes(32), 1)


def written(folder: Path, *contents: bytes) -> dict[str, Expected]:
    """Objects whose names begin with `ab`, and what each holds."""
    objects = {}
    for content in contents:
        name = "ab" + secrets.token_hex(15)
        (folder / "ab" / name).write_bytes(content)
        objects[name] = Expected(primitives.digest_of([content]), len(content))
    return objects


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_as_its_digest_says_is_copied_and_the_rest_is_named(folders: tuple[Path, Path]) -> None:
    here, there = folders
    objects = written(here, b"one", b"", os.urandom(300_000))
    good = files(here)
    spoilt = written(here, b"spoilt")
    wrong = {**dict.fromkeys(spoilt, Expected(bytes(32), len(b"spoilt"))), "ab" + "0" * 30: NOWHERE}
    assert set(ObjectCopier(here, there)(Wanted("ab", objects | wrong))) == wrong.keys()
    assert files(there) == good
    assert (there / "ab").stat().st_mode & 0o777 == 0o700
    assert {(there / "ab" / name).stat().st_mode & 0o777 for name in good} == {0o600}


def test_a_folder_that_is_not_there_has_none_of_its_objects(folders: tuple[Path, Path]) -> None:
    here, there = folders
    assert ObjectCopier(here, there)(Wanted("cd", {"cd" * 16: NOWHERE})) == ["cd" * 16]
    assert files(there) == {}


def test_what_a_run_that_was_killed_left_is_replaced(folders: tuple[Path, Path]) -> None:
    here, there = folders
    objects = written(here, b"whole")
    (there / "ab").mkdir()
    outside = there.parent / "elsewhere"
    outside.write_bytes(b"not ours")
    for name in objects:
        (there / "ab" / f"{name}.part").symlink_to(outside)
    assert ObjectCopier(here, there)(Wanted("ab", objects)) == []
    assert files(there) == files(here) and outside.read_bytes() == b"not ours"


def test_a_link_in_the_place_of_an_object_or_its_folder_is_not_followed(folders: tuple[Path, Path]) -> None:
    here, there = folders
    objects = written(here, b"one")
    name = next(iter(objects))
    (here / "ab" / name).rename(here / "one")
    (here / "ab" / name).symlink_to(here / "one")
    with pytest.raises(Unreachable, match="not_plain_file"):
        ObjectCopier(here, there)(Wanted("ab", objects))
    assert files(there) == {}
    (there / "cd").symlink_to(here)
    (here / "cd").mkdir()
    with pytest.raises(Unreachable, match="not_plain_file"):
        ObjectCopier(here, there)(Wanted("cd", {"cd" * 16: NOWHERE}))


def test_a_copy_that_came_to_the_disk_otherwise_is_named_where_it_is_read_back(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = folders
    objects = written(here, b"one", b"another")
    rotten = next(iter(objects))
    name = object_copy._name

    def rots(folder: int, names: list[str], **whole: bool) -> None:
        name(folder, names, **whole)
        (there / "ab" / rotten).write_bytes(b"0ne")

    monkeypatch.setattr(object_copy, "_name", rots)
    assert ObjectCopier(here, there, read_back=True)(Wanted("ab", objects)) == [rotten]


@pytest.mark.parametrize("whole", [True, False], ids=["syncfs", "each file"])
def test_no_copy_has_a_name_where_the_disk_says_that_it_failed(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    here, there = folders
    objects = written(here, b"one")

    def fail(_folder: int) -> bool:
        raise OSError(errno.EIO, "the disk")

    if whole:
        monkeypatch.setattr(durable, "_syncfs", fail)
    else:
        monkeypatch.setattr(durable, "_syncfs", lambda _folder: False)
        monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unreachable, match="disk_failed"):
        ObjectCopier(here, there)(Wanted("ab", objects))
    assert all(name.endswith(".part") for name in files(there))


@pytest.mark.parametrize(("kind", "whole"), [("ext4", True), ("xfs", True), ("cifs", False), ("fuse.sshfs", False)])
def test_a_disk_over_a_network_has_each_file_synced(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, kind: str, whole: bool
) -> None:
    """There syncfs(2) may leave what was written with the other machine's memory, and tell of no error."""
    here, there = folders
    objects = written(here, b"one", b"another")
    asked, synced, sync = list[int](), list[int](), os.fsync
    monkeypatch.setattr(mounts, "file_system", lambda _folder: kind)
    monkeypatch.setattr(durable, "_syncfs", lambda folder: asked.append(folder) or True)
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), sync(handle))[1])
    assert ObjectCopier(here, there)(Wanted("ab", objects)) == []
    assert bool(asked) is whole
    assert len(synced) == (1 if whole else len(objects) + 2)
    assert files(there) == files(here)


@pytest.mark.parametrize(
    ("release", "asked"),
    [("6.1.0-23-amd64", True), ("5.8.0", True), ("5.7.19", False), ("4.19", False), ("odd", False)],
)
def test_the_whole_file_system_is_synced_only_where_the_kernel_tells_of_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str, asked: bool
) -> None:
    monkeypatch.setattr("platform.release", lambda: release)
    handle = os.open(tmp_path, os.O_RDONLY)
    assert durable._syncfs(handle) is asked
    os.close(handle)
    if asked:
        with pytest.raises(OSError, match="Bad file descriptor"):
            durable._syncfs(handle)


@examples(60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, AT_ONCE + 5)), max_size=4, unique_by=lambda one: one[0]))
def test_portions_hold_every_object_once_in_order_and_none_two_folders(counts: list[tuple[int, int]]) -> None:
    def objects() -> Iterator[tuple[bytes, Expected]]:
        for beginning, count in sorted(counts):
            yield from ((bytes([beginning]) + number.to_bytes(15, "big"), NOWHERE) for number in range(count))

    portions = list(in_portions(objects()))
    names = [name for portion in portions for name in portion.objects]
    assert names == [recording.hex() for recording, _ in objects()]
    assert all(len(portion.objects) <= AT_ONCE for portion in portions)
    assert all(name.startswith(portion.beginning) for portion in portions for name in portion.objects)
