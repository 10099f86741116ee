"""One suite holds every implementation of a port to the port's words."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from arlo_rec.engines.objects import FIRST
from arlo_rec.law.model.errors import Integrity, InUse, Unreachable, Usage
from arlo_rec.vault.backends import SLOT_BYTES, Blobs, RootSlots
from arlo_rec.vault.backends.files import FileBlobs, FileRoot
from arlo_rec.vault.backends.moving import MovingBlobs
from arlo_rec.vault.backends.named_files import LocalFiles, NamedFile
from arlo_rec.vault.backends.sqlite import SqliteConnection
from tests.support import azurite
from tests.support.memory import MemoryBlobs, MemoryRoot, bucket_in_memory
from tests.support.seaweed import Service

NAME, OTHER = "ab" * 16, "cd" * 16


ON_S3 = [pytest.mark.slow, pytest.mark.xdist_group("s3")]
ON_AZURE = [pytest.mark.slow, pytest.mark.xdist_group("azure")]
PLACES = [
    "files",
    "memory",
    "objects",
    "moving",
    pytest.param("s3", marks=ON_S3),
    pytest.param("azure", marks=ON_AZURE),
]


@pytest.fixture(params=PLACES)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    match request.param:
        case "files":
            return FileBlobs(tmp_path)
        case "objects":
            return bucket_in_memory()
        case "moving":
            return MovingBlobs(bucket_in_memory(), FileBlobs(tmp_path))
        case "s3":
            service: Service = request.getfixturevalue("s3")
            return service.blobs("suite", secrets.token_hex(8))
        case "azure":
            return azurite.shared().blobs("suite", secrets.token_hex(8))
    return MemoryBlobs()


@pytest.fixture(params=["files", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> RootSlots:
    return FileRoot.create(tmp_path) if request.param == "files" else MemoryRoot()


# -- objects ------------------------------------------------------------------------------------------


def test_what_was_put_is_there_whole_once_it_is_settled(blobs: Blobs) -> None:
    blobs.put(NAME, [b"one ", b"two"])
    assert blobs.size(NAME) is None
    assert not list(blobs.names())
    blobs.settle([NAME, OTHER])
    with blobs.open(NAME) as stream:
        assert stream.read() == b"one two"
        stream.seek(4)
        assert stream.read() == b"two"
    assert blobs.size(NAME) == 7
    assert list(blobs.names()) == [NAME]


def test_a_put_that_breaks_leaves_nothing(blobs: Blobs) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        blobs.put(NAME, breaking())
    assert blobs.size(NAME) is None
    blobs.delete(NAME)
    assert not list(blobs.names())


def test_a_name_that_is_not_there_is_no_error_to_delete_and_a_keyerror_to_open(blobs: Blobs) -> None:
    blobs.delete(OTHER)
    assert blobs.size(OTHER) is None
    with pytest.raises(KeyError):
        blobs.open(OTHER)


def test_what_was_deleted_is_gone_and_the_rest_stays(blobs: Blobs) -> None:
    blobs.put(NAME, [b"x"])
    blobs.put(OTHER, [b"y"])
    blobs.settle([NAME, OTHER])
    blobs.delete(NAME)
    blobs.settle([NAME])
    assert list(blobs.names()) == [OTHER]


def test_what_was_put_and_deleted_before_it_was_settled_never_appears(blobs: Blobs) -> None:
    blobs.put(NAME, [b"x"])
    blobs.delete(NAME)
    blobs.settle([NAME])
    assert not list(blobs.names())


@pytest.mark.parametrize("name", ["../../etc/passwd", "AB" * 16, "ab", "/etc/passwd", ""])
def test_a_name_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="32 hex"):
        FileBlobs(tmp_path).put(name, [b"x"])


@pytest.mark.parametrize("umask", [0o000, 0o027, 0o077], ids=oct)
def test_an_object_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    blobs, before = FileBlobs(tmp_path), os.umask(umask)
    try:
        blobs.put(NAME, [b"x"])
        blobs.settle([NAME])
    finally:
        os.umask(before)
    assert (tmp_path / "ab" / NAME).stat().st_mode & 0o7777 == 0o600
    assert (tmp_path / "ab").stat().st_mode & 0o7777 == 0o700


def test_heads_come_in_the_order_of_the_names_however_many(blobs: Blobs) -> None:
    names = [f"{number:032x}" for number in range(600)]
    for number in range(0, 600, 2):
        blobs.put(names[number], [number.to_bytes(2, "big"), bytes(number)])
    blobs.settle(names[::2])
    found = list(blobs.heads(names, 3))
    assert found == [None if n % 2 else (n + 2, (n.to_bytes(2, "big") + bytes(n))[:3]) for n in range(600)]


@pytest.mark.parametrize("length", [0, 1, FIRST - 1, FIRST, FIRST + 1, 5 * FIRST + 3])
def test_a_stream_reads_from_wherever_it_was_moved_to(blobs: Blobs, length: int) -> None:
    content = random.Random(length).randbytes(length)
    blobs.put(NAME, [content[: length // 3], content[length // 3 :]])
    blobs.settle([NAME])
    with blobs.open(NAME) as stream:
        assert b"".join(iter(lambda: stream.read(10_000), b"")) == content
        for at in (length // 2, 0, length, FIRST, 2 * FIRST):
            assert stream.seek(at) == at
            assert stream.read(FIRST + 5) == content[at : at + FIRST + 5]
            assert stream.tell() == max(at, min(length, at + FIRST + 5))
        assert stream.seek(-min(3, length), os.SEEK_END) == length - min(3, length)
        assert stream.read() == content[max(0, length - 3) :]


def test_names_can_be_asked_for_by_their_beginning(blobs: Blobs) -> None:
    for name in (NAME, OTHER):
        blobs.put(name, [b"x"])
    blobs.settle([NAME, OTHER])
    assert list(blobs.names("ab")) == [NAME]
    assert list(blobs.names("00")) == []


# -- root ---------------------------------------------------------------------------------------------


def test_slots_are_overwritten_one_by_one(root: RootSlots) -> None:
    root.write(0, b"zero")
    root.write(1, b"one")
    root.write(0, b"0")
    assert [slot.rstrip(b"\0") for slot in root.read()] == [b"0", b"one"]
    assert all(len(slot) == SLOT_BYTES for slot in root.read())


def test_a_slot_takes_no_more_than_a_sector(root: RootSlots) -> None:
    with pytest.raises(ValueError, match="slot"):
        root.write(0, bytes(SLOT_BYTES + 1))


def test_the_seen_head_is_changed_whole_or_left(root: RootSlots) -> None:
    root.update_seen(lambda copies: b"first" if not copies[0].strip(b"\0") else None)
    root.update_seen(lambda _copies: None)
    assert [one.rstrip(b"\0") for one in root.read_seen()] == [b"first", b"first"]


def test_whoever_holds_the_root_alone_keeps_others_out(root: RootSlots) -> None:
    with root.lock(exclusive=True, wait=0), pytest.raises(InUse), root.lock(exclusive=False, wait=0):
        pass
    with root.lock(exclusive=False, wait=0), root.lock(exclusive=False, wait=0):
        pass


def test_a_missing_root_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(Integrity) as caught:
        FileRoot(tmp_path / "nowhere").read()
    assert caught.value.code == "root_missing"


def test_the_root_is_overwritten_where_it_lies(tmp_path: Path) -> None:
    root = FileRoot.create(tmp_path)
    inode = (tmp_path / "root").stat().st_ino
    root.write(0, b"new")
    assert (tmp_path / "root").stat().st_ino == inode
    assert (tmp_path / "root").stat().st_size == 2 * SLOT_BYTES


# -- catalogue ----------------------------------------------------------------------------------------


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[SqliteConnection]:
    connection = SqliteConnection(tmp_path / "c.db", b"k" * 32)
    with connection.writing():
        connection.run("CREATE TABLE t (n INTEGER)")
    yield connection
    connection.close()


def test_a_reader_keeps_the_journal_busy(catalogue: SqliteConnection, tmp_path: Path) -> None:
    reader = SqliteConnection(tmp_path / "c.db", b"k" * 32)
    with reader.reading():
        assert reader.rows("SELECT count(*) FROM t") == [(0,)]
        with catalogue.writing():
            catalogue.run("INSERT INTO t VALUES (1)")
        assert not catalogue.flush(0)
    assert catalogue.flush(1)
    assert not (tmp_path / "c.db-wal").stat().st_size
    reader.close()


def test_a_text_that_is_none_is_damage(catalogue: SqliteConnection) -> None:
    with pytest.raises(Integrity):
        catalogue.rows("SELECT CAST(x'ff' AS TEXT)")


def test_a_damaged_page_is_found(catalogue: SqliteConnection, tmp_path: Path) -> None:
    with catalogue.writing():
        catalogue.run_many("INSERT INTO t VALUES (?)", [(n,) for n in range(5000)])
    assert catalogue.flush(1)
    assert catalogue.check_file() == []
    raw = bytearray((tmp_path / "c.db").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "c.db").write_bytes(bytes(raw))
    assert catalogue.check_file()
    again = SqliteConnection(tmp_path / "c.db", b"k" * 32)
    assert again.check_file(), "with nothing in memory, the check itself stumbles over the page"
    again.close()


def test_a_file_that_cannot_be_opened_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        SqliteConnection(tmp_path / "no" / "folder.db", b"k" * 32)


def test_a_new_file_never_replaces_one_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    with pytest.raises(Usage):
        NamedFile(LocalFiles(), tmp_path / "out").write([b"other"])
    assert (tmp_path / "out").read_bytes() == b"mine"
    assert [one.name for one in tmp_path.iterdir()] == ["out"]
