"""The spool writer, who also writes to the feed, or puts something in its place; and with a key of the log."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.law.model.strict_json import canonical, to_base64
from arlo_rec.vault.crypto import merkle, primitives
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.offsite import feed, feed_line
from tests.fuzz.judge import limited
from tests.support import needs
from tests.support.backups import back_up, is_whole, lose, opened, restore, with_feed
from tests.support.feed import CANNOT_SIGN, append, empty, key_of_the_log, line_on, lines, path, tree_of
from tests.support.world import World, assert_no_bug

PURGED = {"action": "purge", "at": "2026-10-01T08:00:00Z", "outcome": "done", "person": "cron", "rule": "retention.90d"}


def size(world: World) -> int:
    return int(world.json("status", who="iver")["log_size"])


def critical(world: World) -> list[str]:
    return list(world.run("status", "--json", who="iver").json["critical"])


# -- without a key -------------------------------------------------------------------------------------


@pytest.mark.parametrize("claimed", [999, 2**62, 10**30])
def test_a_checkpoint_that_nobody_signed_does_not_end_the_feed(fed: World, claimed: int) -> None:
    """What stopped a feed for good, and brought a withdrawn call back at the next restore."""
    (mine,) = fed.take_in("a")
    back_up(fed)
    origin = f"arlo-rec/{find(fed.store).id.hex()}"
    text = f"{origin}\n{claimed}\n{to_base64(bytes(32))}\n".encode()
    note = merkle.sign_note(text, [(origin, CANNOT_SIGN)])
    forged = {**lines(fed)[-1], "checkpoint": note}
    append(fed, canonical({"checkpoint": note}), canonical(forged), b"{}", b"\xff\xfe", b"")
    assert critical(fed) == []
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    assert [entry["seq"] for entry in entries_of_ours(fed)] == list(range(size(fed)))
    told = fed.run("verify", "--json", who="iver")
    assert (told.exit, told.json["feed_foreign_lines"]) == (0, 5)
    lose(fed)
    assert with_feed(fed)["erased"] == 1
    assert mine not in opened(fed)
    is_whole(fed)


def entries_of_ours(world: World) -> list[dict[str, Any]]:
    """Entries of the lines that the log signed."""
    read = [line for line in feed.read(path(world), find(world.store).id) if line is not None]
    return [{"seq": entry.seq} for line in read if line.before for entry in line.entries() if signed(world, line)]


def signed(world: World, line: feed_line.FeedLine) -> bool:
    public, store = key_of_the_log(world).public, find(world.store).id
    return primitives.verified(public, line.signature, feed_line._message(store, line.signed))


def test_entries_that_the_log_did_not_sign_erase_nothing(fed: World) -> None:
    """Whoever can append gets the tree right, and has no key of the log."""
    (mine,) = fed.take_in("a")
    back_up(fed)
    store = find(fed.store).id
    append(fed, line_on(store, tree_of(fed), [{**PURGED, "recordings": [mine]}], CANNOT_SIGN))
    lose(fed)
    assert (told := with_feed(fed))["erased"] == 0 and told["feed_foreign_lines"] == 1
    assert opened(fed) == {mine}


def test_what_is_changed_in_a_line_makes_it_nobodys(fed: World) -> None:
    """People, counters and tombstones stand beside the entries, and are signed with them."""
    fed.take_in("a")
    back_up(fed)
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    fed.json("purge", who="cron")
    told = next(line for line in lines(fed)[::-1] if "people" in line)
    mallory = {**told["people"][0], "name": "mallory", "sign": to_base64(CANNOT_SIGN.public)}
    append(fed, canonical({**told, "people": [mallory]}), canonical({**lines(fed)[-1], "changes": 2**40}))
    lose(fed)
    assert with_feed(fed)["feed_foreign_lines"] == 2
    assert "mallory" not in json.dumps(fed.json("person", "list", who="sigrid"))
    is_whole(fed)


def test_a_line_of_another_store_says_nothing_here(fed: World) -> None:
    (mine,) = fed.take_in("a")
    back_up(fed)
    append(fed, line_on(bytes(16), tree_of(fed), [{**PURGED, "recordings": [mine]}], key_of_the_log(fed)))
    lose(fed)
    assert with_feed(fed)["erased"] == 0


def test_an_old_line_that_is_written_once_more_changes_nothing(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    old = path(fed).read_bytes().splitlines()[3]
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    append(fed, old)
    before = path(fed).stat().st_size
    assert critical(fed) == []
    assert path(fed).stat().st_size == before, "what is there is not written again"
    assert fed.run("verify", who="iver").exit == 0
    lose(fed)
    assert with_feed(fed)["erased"] == 1


def pipe(place: Path) -> None:
    os.mkfifo(place, 0o600)


def device(place: Path) -> None:
    place.symlink_to("/dev/zero")


def folder(place: Path) -> None:
    place.mkdir()


def circle(place: Path) -> None:
    place.symlink_to(place)


def link_to_a_feed(place: Path) -> None:
    place.with_name("kept").rename(place.with_name("elsewhere"))
    place.symlink_to("elsewhere")


@pytest.mark.parametrize("spoil", [pipe, device, folder, circle, link_to_a_feed], ids=lambda one: one.__name__)
def test_what_is_no_file_in_place_of_the_feed_is_told_at_once(fed: World, spoil: Callable[[Path], None]) -> None:
    fed.take_in("a")
    path(fed).rename(path(fed).with_name("kept"))
    spoil(path(fed))
    elsewhere = path(fed).with_name("elsewhere")
    before = elsewhere.read_bytes() if elsewhere.exists() else b""
    with limited():
        assert fed.json("withdraw", "90000001", "--yes", who="skranke")["erased"] == 1
        assert critical(fed) == ["feed_no_file"]
        assert fed.run("verify", who="iver").exit == 15
    assert (elsewhere.read_bytes() if elsewhere.exists() else b"") == before
    assert_no_bug(fed)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (lambda file: file.write(b"x" * 64_000_000), "feed_behind"),
        (lambda file: file.write(b"\n" * 64_000_000), "feed_behind"),
        (lambda file: file.truncate(40 * 1024**3), "feed_too_long"),
        (lambda file: file.write((b'{"after":1,"signature":"' + b"A" * 88 + b'"}\n') * 600_000), "feed_flooded"),
        (lambda file: file.write(b'"}\n' * 20_000_000), "feed_flooded"),
    ],
    ids=["64 MB without a line end", "64 MB of line ends", "40 GB of nothing", "lines that look signed", "short lines"],
)
def test_what_is_appended_costs_no_command_more_than_a_moment(
    fed: World, end: Callable[[Any], object], said: str
) -> None:
    fed.take_in("a")
    with path(fed).open("r+b") as file:
        file.seek(0, os.SEEK_END)
        end(file)
    with limited():
        assert fed.json("withdraw", "90000001", "--yes", who="skranke")["erased"] == 1
    with limited():
        assert critical(fed) == ([] if said == "feed_behind" else [said]), "behind what is no line, it goes on"
    assert_no_bug(fed)


# -- another file --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"# .bashrc\n", b'{"feed":1,"store":"' + b"0" * 32 + b'"}\n'])
def test_no_file_is_appended_to_that_does_not_begin_as_this_stores_feed(world: World, content: bytes) -> None:
    """The path is a setting that others may write: it must not make an officer write into her own start-up file."""
    profile = world.base / ".bashrc"
    profile.write_bytes(content)
    config = world.base / "config" / "arlo-rec" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'feed = "{profile}"\n')
    world.run("find", "--purpose", "quality", "--reason", "$(touch owned) a long reason", who="leif")
    assert world.run("status", "--json", who="sigrid").json["critical"] == ["feed_of_another"]
    assert profile.read_bytes() == content


def test_a_feed_with_a_second_name_is_not_written_to(fed: World) -> None:
    os.link(path(fed), fed.base / "second")
    before = path(fed).read_bytes()
    fed.take_in("a")
    assert critical(fed) == ["feed_owner"]
    assert path(fed).read_bytes() == before


@needs.mark(needs.root())
def test_a_feed_of_a_stranger_is_not_written_to(fed: World) -> None:
    os.chown(path(fed), 54321, -1)
    before = path(fed).read_bytes()
    fed.take_in("a")
    assert critical(fed) == ["feed_owner"]
    assert path(fed).read_bytes() == before


# -- with a key ----------------------------------------------------------------------------------------


def test_a_signed_line_that_no_log_says_is_not_the_end_and_is_reported(fed: World) -> None:
    """An auditor's own code has the log's key, and writes what never happened."""
    (mine,) = fed.take_in("a")
    store, key = find(fed.store).id, key_of_the_log(fed)
    append(fed, line_on(store, tree_of(fed), [{**PURGED, "recordings": [mine]}] * 500, key))
    assert critical(fed) == ["feed_ahead"]
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    assert critical(fed) == [], "the feed goes on behind it"
    told = fed.run("verify", "--json", who="iver")
    assert (told.exit, [one["code"] for one in told.json["problems"]]) == (15, ["feed_forked"])
    back_up(fed)
    fed.json("purge", who="cron")
    lose(fed)
    with_feed(fed)
    is_whole_but_forked(fed)


def is_whole_but_forked(world: World) -> None:
    found = world.run("verify", "--read-data", "--json", who="iver").json["problems"]
    assert {one["code"] for one in found} <= {"feed_forked"}


@pytest.mark.parametrize("first", [True, False], ids=["written first", "written between two of ours"])
def test_signed_lines_that_both_go_on_from_the_backup_are_not_chosen_between(fed: World, first: bool) -> None:
    (mine,) = fed.take_in("a")
    back_up(fed)
    forged = line_on(find(fed.store).id, tree_of(fed), [{**PURGED, "recordings": [mine]}], key_of_the_log(fed))
    if not first:
        fed.json("purge", who="cron")
    append(fed, forged)
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    lose(fed)
    told = restore(fed, "--feed", str(path(fed)))
    assert (told.exit, told.json["error"]["code"]) == (15, "feed_differs")
    assert not fed.store.exists()


def test_a_log_that_went_on_elsewhere_behind_our_last_line_is_not_overlooked(fed: World) -> None:
    """It left our log before the backup was made, and may have erased since what the backup holds."""
    (mine,) = fed.take_in("a")
    fed.json("purge", who="cron")
    back_up(fed)
    whole, before = path(fed).read_bytes(), tree_of(fed, lines(fed)[3]["after"])
    append(fed, line_on(find(fed.store).id, before, [{**PURGED, "recordings": [mine]}], key_of_the_log(fed)))
    lose(fed)
    assert restore(fed, "--feed", str(path(fed))).json["error"]["code"] == "feed_differs"
    path(fed).write_bytes(whole)
    assert with_feed(fed)["erased"] == 0


def test_a_signed_line_that_is_missing_in_between_is_noticed(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    fed.json("purge", who="cron")
    kept = [line for line in path(fed).read_bytes().splitlines(keepends=True) if b'"sealed"' not in line]
    path(fed).write_bytes(b"".join(kept))
    lose(fed)
    assert restore(fed, "--feed", str(path(fed))).json["error"]["code"] == "feed_differs"


def test_what_was_missed_over_a_renewed_key_is_signed_by_the_key_of_today(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    path(fed).parent.rename(fed.base / "unmounted")
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    fed.json("status", who="iver")
    (fed.base / "unmounted").rename(path(fed).parent)
    fed.json("purge", who="cron")
    found = fed.run("verify", "--json", who="iver").json
    assert (found["problems"], found["feed_foreign_lines"]) == ([], 0)
    lose(fed)
    told = with_feed(fed)
    assert (told["erased"], told["removed"], told["feed_foreign_lines"]) == (1, ["turid"], 0)
    is_whole(fed)


def test_a_feed_that_was_begun_anew_over_a_renewed_key_restores_an_older_backup(fed: World) -> None:
    fed.take_in("a")
    back_up(fed)
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    empty(fed)
    fed.json("purge", who="cron")
    lose(fed)
    told = with_feed(fed)
    assert (told["erased"], told["removed"], told["feed_foreign_lines"]) == (1, ["turid"], 0)
