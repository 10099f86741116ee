"""The one way to open a file in a folder that several accounts write to."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arlo_rec.vault.backends import shared_folder
from arlo_rec.vault.backends.durable import put_new, translated, write_whole
from arlo_rec.vault.backends.shared_folder import NotPlain


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_on_the_way_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside" / "b").mkdir(parents=True)
    (tmp_path / "outside" / "b" / "file").write_bytes(b"theirs")
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / "a").symlink_to(tmp_path / "outside")
    path = tmp_path / "named" / "a" / "b" / "file"
    with pytest.raises(NotPlain):
        shared_folder.read_small(path, 100, below=tmp_path / "named")
    with pytest.raises(NotPlain):
        put_new(path, [b"mine"], 0o600, below=tmp_path / "named")
    with pytest.raises(NotPlain):
        shared_folder.names(path.parent, below=tmp_path / "named")
    assert not shared_folder.is_plain(path, below=tmp_path / "named")
    assert path.read_bytes() == b"theirs"


def test_the_folder_that_was_named_may_be_reached_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "named").symlink_to("real")
    write_whole(tmp_path / "named" / "file", b"mine", below=tmp_path / "named")
    assert shared_folder.read_small(tmp_path / "named" / "file", 4) == b"mine"


def link(path: Path) -> None:
    path.symlink_to(path.parent)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("spoil", [link, pipe, folder], ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND, os.O_WRONLY | os.O_CREAT])
def test_what_is_no_plain_file_is_not_opened(tmp_path: Path, spoil: Callable[[Path], None], flags: int) -> None:
    spoil(tmp_path / "file")
    with pytest.raises(OSError) as caught:
        shared_folder.open_file(tmp_path / "file", flags)
    assert translated(caught.value).code in {"not_plain_file", "disk_failed"}
    assert str(tmp_path / "file") in str(translated(caught.value))


def test_a_file_with_two_names_is_read_and_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"theirs")
    os.link(tmp_path / "file", tmp_path / "second")
    assert shared_folder.read_small(tmp_path / "second", 6) == b"theirs"
    with pytest.raises(NotPlain):
        shared_folder.open_file(tmp_path / "second", os.O_WRONLY)
    put_new(tmp_path / "second", [b"mine"], 0o600)
    assert (tmp_path / "file").read_bytes() == b"theirs"


def test_no_more_is_read_than_was_expected(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    with pytest.raises(OSError, match="too large"):
        shared_folder.read_small(tmp_path / "file", 4)


@pytest.mark.usefixtures("umask")
def test_modes_are_what_was_asked_for_whatever_the_umask(tmp_path: Path) -> None:
    shared_folder.make_folder(tmp_path / "folder", 0o2770)
    put_new(tmp_path / "folder" / "file", [b"x"], 0o660)
    write_whole(tmp_path / "folder" / "whole", b"x", mode=0o600)
    shared_folder.touch(tmp_path / "folder" / "empty", 0o660)
    found = {path.name: mode(path) for path in (tmp_path / "folder").iterdir()}
    assert (mode(tmp_path / "folder"), found) == (0o2770, {"file": 0o660, "whole": 0o600, "empty": 0o660})


def test_a_tree_is_removed_and_nothing_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(b"theirs")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    for name in ("tree", "link", "nothing"):
        shared_folder.remove_tree(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (tmp_path / "outside" / "file").exists()
