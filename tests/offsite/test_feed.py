"""The feed: what is logged is outside too, in order and caught up after an outage; who withdrew only officers read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.backends.feedfile import FeedFile
from arlo_rec.offsite import feed
from tests.support.attack import identity
from tests.support.feed import configure, lines, path
from tests.support.world import World


@pytest.fixture
def fed(world: World) -> World:
    """A world with a feed on what stands for another mount."""
    (world.base / "mount").mkdir()
    configure(world)
    return world


def entries(world: World) -> list[dict[str, Any]]:
    return [one for one in lines(world) if "seq" in one]


def logged(world: World) -> int:
    return int(world.json("status", who="iver")["log_size"])


def test_every_entry_is_told_once_and_in_order(fed: World) -> None:
    fed.take_in("a")
    fed.grant()
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    assert [one["seq"] for one in entries(fed)] == list(range(logged(fed)))
    assert fed.json("status", who="iver")["feed"] == {"path": str(path(fed)), "behind": 0, "problem": None}
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
    with FeedFile(path(fed)).alone(0.0):
        fed.take_in("b", seed=4)
        assert path(fed).read_bytes() == lines_before
        assert fed.run("status", "--json", who="iver").json["critical"] == ["feed_unreachable"]


def test_a_feed_that_was_emptied_is_filled_again(fed: World) -> None:
    fed.take_in("a")
    path(fed).write_bytes(b"")
    fed.json("purge", who="cron")
    assert [one["seq"] for one in entries(fed)] == list(range(logged(fed)))


def test_half_a_line_is_skipped_and_what_it_was_comes_again(fed: World) -> None:
    fed.take_in("a")
    with path(fed).open("ab") as file:
        file.write(b'{"seq":999,"salt":"AA')
    fed.json("purge", who="cron")
    found = [one["seq"] for one in feed.read(path(fed)) if "seq" in one]
    assert found == list(range(logged(fed)))
    assert fed.run("verify", who="iver").exit == 0


def test_who_withdrew_is_told_to_officers_alone_and_as_a_pseudonym(fed: World) -> None:
    fed.take_in("a")
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    (told,) = [one for one in lines(fed) if "tombstones" in one]
    assert "90000001" not in path(fed).read_text("utf-8")
    officer = identity(fed, "sigrid")
    (tombstone,) = feed.tombstones(officer.store, told, officer.sealing)
    assert (tombstone.kind, len(tombstone.tag)) == ("caller", 16)
    assert tombstone.tag.hex() not in path(fed).read_text("utf-8")
    with pytest.raises(feed.Integrity):
        feed.tombstones(officer.store, told, identity(fed, "iver").sealing)


def test_a_line_that_was_changed_or_taken_out_is_named_by_verify(fed: World) -> None:
    fed.take_in("a")
    whole = path(fed).read_text("utf-8")
    for forged in (
        whole.replace("sigrid", "nobody", 1),
        "\n".join(one for one in whole.split("\n") if '"seq":3' not in one),
    ):
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


@pytest.mark.slow
def test_a_withdrawal_does_not_wait_for_a_feed_that_somebody_holds(fed: World) -> None:
    fed.take_in("a")
    file = FeedFile(path(fed))
    with file.alone(0.0):
        told = fed.json("withdraw", "90000001", "--yes", who="skranke")
    assert told["erased"] == 1


@given(st.lists(st.binary(max_size=40).map(lambda one: one.replace(b"\n", b"")), max_size=12), st.integers(1, 64))
def test_lines_are_read_backwards_as_they_stand(written: list[bytes], block: int) -> None:
    import tempfile

    from arlo_rec.backends import feedfile

    with tempfile.TemporaryDirectory() as folder:
        file = FeedFile(Path(folder) / "feed")
        file.create(0o600)
        kept, feedfile._BLOCK = feedfile._BLOCK, block
        try:
            with file.alone(1.0) as handle:
                file.append(handle, written)
                os.write(handle, b"half")
                assert list(file.backwards(handle)) == written[::-1]
        finally:
            feedfile._BLOCK = kept
        assert list(file.lines()) == written
