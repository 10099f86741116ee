"""The feed: what is logged is outside too, in order and caught up after an outage; who withdrew only officers read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Unreachable
from arlo_rec.vault.backends import feedfile
from arlo_rec.vault.backends.feedfile import FeedFile
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.offsite import feed, feed_line
from tests.support.attack import identity
from tests.support.feed import CANNOT_SIGN, configure, empty, entries, path
from tests.support.world import World


@pytest.fixture
def fed(world: World) -> World:
    """A world with a feed on what stands for another mount."""
    (world.base / "mount").mkdir()
    configure(world)
    return world


@contextmanager
def held(world: World) -> Iterator[None]:
    """Somebody holds the lock of the feed."""
    with FeedFile(path(world), feed_line.first_line(find(world.store).id)).alone(0.0):
        yield


def logged(world: World) -> int:
    return int(world.json("status", who="iver")["log_size"])


def test_every_entry_is_told_once_and_in_order(fed: World) -> None:
    fed.take_in("a")
    fed.grant()
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    assert [one["seq"] for one in entries(fed)] == list(range(logged(fed)))
    told = fed.json("status", who="iver")["feed"]
    assert told == {"path": str(path(fed)), "behind": 0, "problem": None, "foreign_lines": 0}
    assert fed.run("verify", who="iver").exit == 0


def test_what_was_missed_in_an_outage_comes_with_the_next_command(fed: World) -> None:
    fed.take_in("a")
    (fed.base / "mount").rename(fed.base / "unmounted")
    (gone,) = fed.take_in("b", seed=4)
    found = fed.run("status", "--json", who="iver")
    assert (found.exit, found.json["critical"]) == (3, ["feed_unreachable"])
    assert not (fed.base / "mount").exists(), "nothing is written where the disk is not"
    (fed.base / "unmounted").rename(fed.base / "mount")
    assert gone not in path(fed).read_text("utf-8")
    assert fed.run("status", "--json", who="iver").json["critical"] == []
    assert [one["seq"] for one in entries(fed)] == list(range(logged(fed)))
    assert gone in path(fed).read_text("utf-8")


@pytest.mark.slow
def test_a_feed_that_cannot_be_written_is_critical(fed: World) -> None:
    fed.take_in("a")
    lines_before = path(fed).read_bytes()
    with held(fed):
        fed.take_in("b", seed=4)
        assert path(fed).read_bytes() == lines_before
        assert fed.run("status", "--json", who="iver").json["critical"] == ["feed_behind"]


def test_a_feed_that_was_emptied_is_filled_again(fed: World) -> None:
    fed.take_in("a")
    empty(fed)
    fed.json("purge", who="cron")
    assert [one["seq"] for one in entries(fed)] == list(range(logged(fed)))


def test_half_a_line_is_skipped_and_what_it_was_comes_again(fed: World) -> None:
    fed.take_in("a")
    with path(fed).open("ab") as file:
        file.write(b'{"seq":999,"salt":"AA')
    fed.json("purge", who="cron")
    found = [line for line in feed.read(path(fed), find(fed.store).id) if line is not None]
    assert [entry.seq for line in found for entry in line.entries()] == list(range(logged(fed)))
    told = fed.run("verify", "--json", who="iver")
    assert (told.exit, told.json["feed_foreign_lines"]) == (0, 1)


def test_who_withdrew_is_told_to_officers_alone_and_as_a_pseudonym(fed: World) -> None:
    fed.take_in("a")
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    (told,) = [line for line in feed.read(path(fed), find(fed.store).id) if line and "sealed" in line.document]
    (seq,) = map(int, told.document["sealed"])
    assert "90000001" not in path(fed).read_text("utf-8")
    officer = identity(fed, "sigrid")
    (tombstone,) = feed.tombstones(officer.store, told, seq, officer.sealing)
    assert (tombstone.kind, len(tombstone.tag)) == ("caller", 16)
    assert tombstone.tag.hex() not in path(fed).read_text("utf-8")
    with pytest.raises(feed.Integrity):
        feed.tombstones(officer.store, told, seq, identity(fed, "iver").sealing)


def test_a_line_that_was_changed_or_taken_out_is_named_by_verify(fed: World) -> None:
    fed.take_in("a")
    whole = path(fed).read_text("utf-8")
    out = whole.splitlines(keepends=True)[3]
    for forged in (whole.replace("sigrid", "nobody", 1), whole.replace(out, "")):
        assert forged != whole
        path(fed).write_text(forged, "utf-8")
        found = fed.run("verify", "--json", who="iver")
        assert found.exit == 15 and {one["code"] for one in found.json["problems"]} == {"feed_differs"}


def test_a_store_that_is_older_than_its_feed_is_noticed(fed: World) -> None:
    fed.take_in("a")
    older = fed.base / "older"
    for name in ("store", "store.root", "state"):
        shutil.copytree(fed.base / name, older / name)
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    for name in ("store", "store.root", "state"):
        shutil.rmtree(fed.base / name)
        shutil.copytree(older / name, fed.base / name)
    assert fed.run("status", "--json", who="iver").json["critical"] == ["feed_ahead"]
    assert fed.run("verify", who="iver").exit == 15


def test_init_makes_a_feed_for_every_account(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "mount").mkdir()
    secret = tmp_path / "passphrase"
    secret.write_text("riktig hest batteri stift\n")
    secret.chmod(0o600)
    words = ("init", "--officer", "sigrid", "--passphrase-file", str(secret), "--feed", str(path(world)))
    assert world.run(*words).exit == 0
    assert world.json("status", who="sigrid")["feed"]["behind"] == 0
    assert entries(world)[0]["body"]["action"] == "init"


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_status_of_an_empty_feed_says_what_line_it_begins_with(fed: World, lang: str) -> None:
    path(fed).write_bytes(b"")
    told = fed.run("status", "--lang", lang, who="iver").out
    line = '{"feed":1,"store":"ID"}'
    assert line in told
    guide = (Path(__file__).parents[3] / "docs/operating.md").read_text()
    assert line in guide.split("### The feed, the ring or the backup\n")[1].split("\n#")[0]


def test_one_line_that_is_not_signed_is_told_in_words_that_fit_one(fed: World) -> None:
    fed.take_in("a")
    with path(fed).open("ab") as file:
        file.write(b"somebody's\n")
    assert "and are not read: 1." in fed.run("status", "--lang", "en", who="iver").out


@pytest.mark.parametrize("kind", ["none", "file"])
def test_init_with_a_feed_in_no_folder_makes_nothing_and_goes_once_it_is_there(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path)
    secret = tmp_path / "passphrase"
    secret.write_text("riktig hest batteri stift\n")
    secret.chmod(0o600)
    folder = path(world).parent
    if kind == "file":
        folder.touch()
    before = set(tmp_path.iterdir())
    words = ("init", "--officer", "sigrid", "--passphrase-file", str(secret), "--feed", str(path(world)))
    told = world.run(*words, "--json")
    assert (told.exit, told.json["error"]["code"]) == (2, "no_such_folder")
    assert set(tmp_path.iterdir()) - {tmp_path / "state"} == before, "not half a store"
    folder.unlink(missing_ok=True)
    folder.mkdir()
    assert world.run(*words).exit == 0


@pytest.mark.slow
def test_a_withdrawal_does_not_wait_for_a_feed_that_somebody_holds(fed: World) -> None:
    fed.take_in("a")
    with held(fed):
        told = fed.json("withdraw", "90000001", "--yes", who="skranke")
    assert told["erased"] == 1


FIRST = b"the first line"


@given(st.lists(st.binary(max_size=40).map(lambda one: one.replace(b"\n", b"")), max_size=12), st.integers(1, 64))
def test_lines_are_read_backwards_as_they_stand(written: list[bytes], block: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        file = FeedFile(Path(folder) / "feed", FIRST)
        file.create()
        patch.setattr(feedfile, "_BLOCK", block)
        with file.alone(1.0) as handle:
            file.append(handle, written)
            os.write(handle, b"half")
            back = list(file.backwards(handle, b""))
            assert [line for _, line in back] == [*written[::-1], FIRST]
            assert [line for _, line in file.backwards(handle, b"x")] == [
                line for line in written[::-1] if line.endswith(b"x")
            ]
            content = file.path.read_bytes()
            assert all(content[: end + 1].endswith(line + b"\n") for end, line in back)
            assert file.count_lines(handle, file.begin) == len(written)
            assert list(file.lines(handle)) == written


def test_a_line_that_is_too_long_ends_the_search_and_is_cut_where_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedfile, "LONGEST", 1000)
    monkeypatch.setattr(feedfile, "_BLOCK", 100)
    file = FeedFile(tmp_path / "feed", FIRST)
    file.create()
    with file.alone(1.0) as handle:
        file.append(handle, [b"short}", b"x" * 5000, b"last}"])
        found = file.backwards(handle, b"}")
        assert next(found)[1] == b"last}"
        with pytest.raises(Unreachable, match="feed_too_long"):
            next(found)
        read = list(file.lines(handle))
        assert (read[0], len(read[1]) <= 1000, read[2]) == (b"short}", True, b"last}")


def test_every_key_of_a_line_but_the_signature_sorts_before_it() -> None:
    with pytest.raises(ValueError, match="last key"):
        feed_line.sign(bytes(16), {"store": 1}, CANNOT_SIGN)
