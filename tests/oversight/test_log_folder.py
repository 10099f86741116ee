"""The log as a folder of static files: what a client of others finds in order, and what it refuses."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.admin.opening import open_store
from arlo_rec.backends.sqlite import SqliteConnection
from arlo_rec.commands.run import Run
from arlo_rec.crypto import merkle, tiles
from arlo_rec.keys.layout import find
from arlo_rec.keys.seen_state import StateFolder
from arlo_rec.model.audit_events import LogShown
from arlo_rec.model.errors import Integrity
from arlo_rec.oversight import log_folder
from arlo_rec.store import Store
from tests.support import world as worlds
from tests.support.attack import identity, own_code
from tests.support.faults import Crash
from tests.support.foreign import ForeignLog, needs_go
from tests.support.world import World, assert_no_bug

pytestmark = pytest.mark.xdist_group("log-folder")


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> ForeignLog:
    return ForeignLog(tmp_path_factory.mktemp("foreign"))


@pytest.fixture(scope="session")
def grown(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store with a log of more than two tiles, published when it had 300 entries; never change it."""
    world = worlds.copy(template, tmp_path_factory.mktemp("grown"))
    grow_to(world, 300)
    publish(world)
    shutil.copy(folder(world) / "checkpoint", world.base / "older")
    grow_to(world, 530)
    return world


@pytest.fixture
def log(grown: World, tmp_path: Path) -> World:
    """A copy of it for one test."""
    return worlds.copy(grown, tmp_path)


def grow_to(world: World, size: int) -> None:
    with own_code(world, "iver") as store:
        while (count := store.log.tree().size) < size:
            with store.change(datetime.now(UTC)) as change:
                for _ in range(min(50, size - count)):
                    change.log(LogShown())


def folder(world: World) -> Path:
    return world.base / "published"


def publish(world: World, *, where: Path | None = None) -> dict[str, Any]:
    return world.json("audit", "tiles", str(where or folder(world)), who="iver")


def refused(world: World, where: Path) -> tuple[int, str]:
    told = world.run("audit", "tiles", str(where), "--json", who="iver")
    assert_no_bug(world)
    return told.exit, told.json["error"]["code"]


def files(where: Path) -> dict[str, bytes]:
    return {str(path.relative_to(where)): path.read_bytes() for path in where.rglob("*") if path.is_file()}


@pytest.fixture
def opened(log: World) -> Iterator[Store]:
    with open_store(find(log.store), identity(log, "iver"), datetime.now(UTC), StateFolder(None)) as store:
        yield store


# -- a client of others -------------------------------------------------------------------------------


@needs_go
@pytest.mark.slow
@pytest.mark.rule("security.monitored")
def test_anothers_client_finds_every_entry_in_the_tree_and_that_the_log_goes_on_from_an_older_checkpoint(
    log: World, foreign: ForeignLog
) -> None:
    told = publish(log)
    where, vkey, size = folder(log), told["vkey"], told["size"]
    root = merkle.base64.b64encode(bytes.fromhex(told["root"])).decode()
    assert foreign("open", where, vkey) == f"{size} {root}\nok\n"
    assert foreign("records", where, vkey, *range(size)) == "ok\n"
    assert foreign("grows", where, vkey, log.base / "older") == "ok\n"
    kept = log.json("audit", "checkpoint", who="iver")["note"]
    assert (where / "checkpoint").read_text() == kept


@needs_go
@pytest.mark.slow
def test_anothers_client_refuses_a_changed_tile_a_changed_entry_and_a_checkpoint_of_another_key(
    log: World, foreign: ForeignLog
) -> None:
    vkey, where = publish(log)["vkey"], folder(log)
    for name, words in {
        "tile/0/001": ("records", where, vkey, 300),
        "tile/entries/001": ("records", where, vkey, 256),
        "tile/1/000.p/2": ("grows", where, vkey, log.base / "older"),
        "checkpoint": ("open", where, vkey),
    }.items():
        assert foreign.accepts(*words)
        kept = (where / name).read_bytes()
        changed = bytearray(kept)
        changed[20] ^= 1
        (where / name).write_bytes(changed)
        assert not foreign.accepts(*words), name
        (where / name).write_bytes(kept)
    other = log.json("audit", "witness", "--witness-key", str(log.base / "w"), "--new", "it/w", who="iver")["vkey"]
    assert not foreign.accepts("open", where, other)
    key = merkle.primitives.SigningKey.from_seed(bytes(32))
    assert not foreign.accepts("open", where, merkle.vkey(vkey.split("+")[0], key.public))


@needs_go
@pytest.mark.slow
def test_anothers_client_refuses_a_log_that_was_forked_with_every_key_in_hand(
    log: World, foreign: ForeignLog, template: World, tmp_path: Path
) -> None:
    fork = worlds.copy(template, tmp_path / "fork")  # the same log as it was before everything else
    grow_to(fork, 560)
    told = publish(fork)
    assert told["vkey"] == publish(log)["vkey"]
    assert foreign.accepts("records", folder(fork), told["vkey"], 0, 559), "by itself it is a log like any other"
    assert foreign.accepts("grows", folder(log), told["vkey"], log.base / "older")
    assert not foreign.accepts("grows", folder(fork), told["vkey"], log.base / "older")


@needs_go
@pytest.mark.slow
def test_anothers_client_takes_the_proof_of_an_entry_and_of_no_other(log: World, foreign: ForeignLog) -> None:
    for entry in (0, 255, 256, 529):
        out = log.base / f"{entry}.tlog-proof"
        told = log.json("audit", "prove", str(entry), "--out", str(out), who="iver")
        assert foreign("proof", out, told["vkey"], told["commitment"]) == "ok\n"
        other = log.json("audit", "prove", str(entry - 1 if entry else 1), who="iver")
        assert not foreign.accepts("proof", out, told["vkey"], other["commitment"])
        assert other["proof"] != out.read_text()
        assert out.stat().st_mode & 0o777 == 0o600


# -- proofs -------------------------------------------------------------------------------------------


def test_a_proof_says_the_commitment_that_salt_and_body_open(log: World) -> None:
    told = log.json("audit", "prove", "17", who="iver")
    with own_code(log, "iver") as store:
        (entry,) = store.log.raw_entries(17, 18)
    assert told["commitment"] == merkle.commit(entry.salt, entry.body or b"").hex()
    assert told["leaf"] == entry.leaf.hex()
    assert entry.salt.hex() not in str(told)


def test_an_entry_that_is_not_there_and_a_word_that_is_no_number_are_told(log: World) -> None:
    def ended(*words: str, who: str = "iver") -> tuple[int, str]:
        told = log.run("audit", "prove", *words, "--json", who=who)
        return told.exit, told.json["error"]["code"]

    assert ended("530") == (4, "no_such_entry")
    assert ended("99999999999999999999999999") == (4, "no_such_entry")
    assert ended("first") == (2, "bad_value")
    assert ended("1", "--out", str(folder(log))) == (2, "out_exists")
    assert ended("1", "--out", "-") == (2, "json_and_stdout")
    assert log.run("audit", "prove", "1", "--out", "-", who="iver").out.startswith("c2sp.org/tlog-proof@v1\nindex 1\n")
    assert_no_bug(log)


def test_the_commitment_is_shown_beside_a_proof_that_alone_stands_on_stdout(log: World) -> None:
    json = log.json("audit", "prove", "17", who="iver")
    told = log.run("audit", "prove", "17", "--lang", "en", who="iver")
    assert (told.out, told.err) == (json["proof"], f"The commitment of the entry: {json['commitment']}\n")
    assert log.run("audit", "prove", "17", "--quiet", who="iver").err == ""


def test_a_leaf_that_was_changed_is_proved_by_nobody(log: World) -> None:
    """Neither by the root, nor where only the entry's own body differs."""
    with own_code(log, "iver") as store:
        for name, value, entries in (("leaf", bytes(32), (40, 41)), ("body", b"{}", (70,))):
            change(store, entries[0], **{name: value})
            for entry in entries:
                with pytest.raises(Integrity, match="log_damaged"):
                    log_folder.prove(store.log, entry)


def change(store: Store, seq: int, **columns: bytes | None) -> None:
    """What own code can do to the row of an entry."""
    with store.db.writing():
        for name, value in columns.items():
            store.db.run(f"UPDATE entries SET {name} = ? WHERE seq = ?", (value, seq))


# -- the folder ---------------------------------------------------------------------------------------


def test_a_run_adds_what_is_new_and_changes_nothing_that_is_there(log: World) -> None:
    before = files(folder(log))
    assert {"tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"} < set(before)
    told = publish(log)
    after = files(folder(log))
    assert told["written"] == len(after) - len(before) + 1
    assert {name: after[name] for name in before if name != "checkpoint"} == {
        name: raw for name, raw in before.items() if name != "checkpoint"
    }
    assert {"tile/0/001", "tile/0/002.p/18", "tile/1/000.p/2", "tile/entries/002.p/18"} < set(after)
    assert (told["size"], told["minimum_index"]) == (530, 0)
    again = publish(log)
    assert (again["written"], files(folder(log))) == (0, after)
    modes = {path.stat().st_mode & 0o777 for path in folder(log).rglob("*")}
    assert modes == {0o644, 0o755}


def test_nothing_of_an_entry_but_its_commitment_is_in_the_folder(log: World) -> None:
    publish(log)
    everything = b"".join(files(folder(log)).values())
    with own_code(log, "iver") as store:
        entries = store.log.raw_entries(0, 530)
    assert all(entry.salt not in everything for entry in entries)
    assert all(name.encode() not in everything for name in (*worlds.PEOPLE, "audit_show", "2026"))
    assert all(merkle.commit(entry.salt, entry.body or b"") in everything for entry in entries)


def test_entries_whose_bodies_are_gone_leave_out_their_bundles_and_no_tile(log: World) -> None:
    where = log.base / "anew"
    with own_code(log, "iver") as store:
        with store.db.writing():
            store.db.run("UPDATE entries SET body = NULL WHERE seq < 3 OR seq = 300", ())
        told = log_folder.publish(store.log, where)
        assert log_folder.prove(store.log, 300).commitment is None
        assert log_folder.prove(store.log, 301).commitment is not None
        again = log_folder.publish(store.log, folder(log))  # what was published before stays
    names = set(files(where))
    assert told.minimum_index == 512
    assert {name for name in names if "entries" in name} == {"tile/entries/002.p/18"}
    assert {"tile/0/000", "tile/0/001", "tile/0/002.p/18", "tile/1/000.p/2"} < names
    assert again.minimum_index == 512
    assert {"tile/entries/000", "tile/entries/001.p/44"} < set(files(folder(log)))


@needs_go
@pytest.mark.slow
def test_a_log_that_forgot_old_entries_is_pruned_and_goes_on_for_anothers_client(
    world: World, foreign: ForeignLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was published before stays; a new folder has every tile, and no bundle with an entry that was forgotten."""
    world.grant()
    world.json("find", "--purpose", "quality", "--reason", worlds.REASON, who="leif")
    world.json("purge", who="cron")
    older = world.base / "older"
    publish(world)
    shutil.copy(folder(world) / "checkpoint", older)
    kept = files(folder(world))
    file = world.base / "proposal.toml"
    file.write_text('version = "2026-02"\nentries_days = 365\n', "utf-8")
    proposal = world.json("policy", "propose", str(file), who="sigrid")["proposal"]["id"]
    world.json("policy", "approve", proposal, who="sigrid")
    monkeypatch.setattr(Run, "now", lambda _: datetime.now(UTC) + timedelta(days=500))
    world.json("purge", "--allow-large", who="cron")
    told, anew = publish(world), publish(world, where=world.base / "anew")
    assert told["minimum_index"] == anew["minimum_index"] == told["size"] < 256
    assert kept.keys() < files(folder(world)).keys()
    assert not [name for name in files(world.base / "anew") if "entries" in name]
    for where in (folder(world), world.base / "anew"):
        assert foreign("grows", where, told["vkey"], older) == "ok\n"


def test_a_folder_that_is_something_else_is_left_as_it_is(log: World) -> None:
    other = log.base / "other"
    other.mkdir()
    (other / "letter").write_text("dear")
    assert refused(log, other) == (2, "not_a_log_folder")
    assert files(other) == {"letter": b"dear"}
    (other / "checkpoint").write_text("dear")
    assert refused(log, other) == (2, "not_a_log_folder")
    assert refused(log, other / "letter") == (2, "not_a_log_folder")
    link = log.base / "link"
    link.symlink_to(log.base / "nowhere")
    assert refused(log, link) == (2, "not_a_log_folder")
    assert refused(log, log.base / "no" / "where") == (2, "no_such_folder")
    assert refused(log, log.base / ("long" * 100)) == (2, "path_does_not_go")


def test_a_folder_of_another_log_of_a_fork_or_of_a_longer_log_is_refused(
    log: World, template: World, tmp_path: Path
) -> None:
    (tmp_path / "stranger").mkdir()
    stranger = worlds.found(tmp_path / "stranger")
    assert refused(stranger, folder(log)) == (15, "log_folder_of_another")
    fork = worlds.copy(template, tmp_path / "fork")
    grow_to(fork, 200)
    before = files(folder(log))
    assert refused(fork, folder(log)) == (15, "log_folder_longer")
    grow_to(fork, 300)
    grow_to(fork, 400)
    assert refused(fork, folder(log)) == (15, "log_folder_differs"), "forked, with a checkpoint at the same size"
    assert files(folder(log)) == before


def test_a_file_that_was_changed_since_is_told_and_left(log: World) -> None:
    for name in ("tile/0/000", "tile/entries/000"):
        path = folder(log) / name
        kept = path.read_bytes()
        path.write_bytes(bytes(len(kept)))
        assert refused(log, folder(log)) == (15, "log_folder_changed")
        assert path.read_bytes() == bytes(len(kept))
        path.write_bytes(kept)
    (folder(log) / "tile/0/000").unlink()  # what is missing is written again
    assert publish(log)["size"] == 530
    assert (folder(log) / "tile/0/000").stat().st_size == 8192


@pytest.mark.parametrize("size", [531, 2**63, 2**64, 10**100])
def test_a_checkpoint_of_more_entries_than_the_log_has_is_told_as_such(log: World, size: int) -> None:
    path = folder(log) / "checkpoint"
    lines = path.read_text().split("\n")
    path.write_text("\n".join([lines[0], str(size), *lines[2:]]))
    assert refused(log, folder(log)) == (15, "log_folder_longer")


@pytest.mark.parametrize(
    "change", [lambda raw: raw + b"x", lambda raw: raw[:-9], lambda _: b"\xff"], ids=["longer", "shorter", "other"]
)
def test_a_checkpoint_that_is_none_any_more_beside_its_tiles_was_changed(
    log: World, change: Callable[[bytes], bytes]
) -> None:
    path = folder(log) / "checkpoint"
    changed = change(path.read_bytes())
    path.write_bytes(changed)
    assert refused(log, folder(log)) == (15, "log_folder_changed")
    assert path.read_bytes() == changed


@pytest.mark.parametrize(
    "columns", [{"leaf": bytes(32)}, {"leaf": bytes(32), "body": None}, {"body": b"{}"}], ids=lambda one: " ".join(one)
)
def test_entries_that_are_not_what_was_signed_get_no_checkpoint_and_no_bundle(
    log: World, columns: dict[str, bytes | None]
) -> None:
    kept = (folder(log) / "checkpoint").read_bytes()
    with own_code(log, "iver") as store:
        change(store, 400, **columns)
        with pytest.raises(Integrity, match="log_damaged"):
            log_folder.publish(store.log, folder(log))
    assert (folder(log) / "checkpoint").read_bytes() == kept
    assert not (folder(log) / "tile/entries/001").exists() or columns.get("body", b"") is None


def test_an_entry_that_was_rewritten_below_a_checkpoint_that_was_left_is_a_log_that_does_not_go_on(log: World) -> None:
    """With the keys of the log; of the tile that was begun then, no whole one lies there to compare with."""
    with own_code(log, "iver") as store:
        body = b'{"action":"nothing"}'
        change(store, 290, salt=bytes(16), body=body, leaf=merkle.leaf_hash(merkle.commit(bytes(16), body)))
        leaves = list(log_folder.leaves_of(store.log, 530))
        said = store.log.newest()[0]._replace(root=merkle.roots_at(leaves, [530])[530])
        person = merkle.signer_name(store.log.origin, store.identity.signing.public)
        note = merkle.sign_note(said.text(), [(said.origin, store.log.key), (person, store.identity.signing)])
        with store.db.writing():
            store.db.run("UPDATE checkpoints SET root = ?, note = ? WHERE size = 530", (said.root, note))
        with pytest.raises(Integrity, match="log_folder_differs"):
            log_folder.publish(store.log, folder(log))


@pytest.mark.parametrize("spoil", ["link", "pipe"])
def test_a_link_or_a_pipe_in_place_of_a_tile_is_neither_followed_nor_waited_for(log: World, spoil: str) -> None:
    path = folder(log) / "tile/0/000"
    path.unlink()
    if spoil == "link":
        path.symlink_to(log.base / "passphrase")
    else:
        os.mkfifo(path)
    assert refused(log, folder(log)) == (16, "not_plain_file")


def test_a_run_that_is_cut_off_at_any_write_leaves_a_true_folder_and_the_next_one_goes_on(
    opened: Store, log: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = log_folder.write_file
    whole = log_folder.publish(opened.log, log.base / "whole")
    for at in range(1, whole.written):  # the last is the checkpoint
        where, count = tmp_path / f"cut off {at}", 0
        shutil.copytree(folder(log), where)

        def cut(path: Path, content: bytes, below: Path, at: int = at) -> None:
            nonlocal count
            count += 1
            if count == at:
                path.with_name(f".{path.name}.part").write_bytes(content[:7])
                raise Crash
            written(path, content, below)

        monkeypatch.setattr(log_folder, "write_file", cut)
        with pytest.raises(Crash):
            log_folder.publish(opened.log, where)
            raise Crash  # fewer writes than that: the folder is whole
        monkeypatch.setattr(log_folder, "write_file", written)
        is_true(where)
        log_folder.publish(opened.log, where)
        assert is_true(where) == whole.checkpoint.size
        shutil.rmtree(where)


def is_true(where: Path) -> int:
    """The size of the checkpoint, whose root the tiles give, and whose entries the bundles hold."""
    checkpoint = merkle.parse_note((where / "checkpoint").read_text())[0]
    leaves: list[bytes] = []
    for begin in range(0, checkpoint.size, 256):
        tile = tiles.Tile(0, begin // 256, bytes(32 * min(256, checkpoint.size - begin)))
        tile = tile._replace(hashes=(where / tile.path).read_bytes())
        assert tiles.is_bundle_of((where / tile.bundle_path).read_bytes(), tile.leaves)
        leaves += tile.leaves
    assert merkle.roots_at(leaves, [checkpoint.size])[checkpoint.size] == checkpoint.root
    return checkpoint.size


def test_what_a_first_run_left_that_was_cut_off_is_no_strange_folder_and_is_written_over(log: World) -> None:
    where = log.base / "begun"
    (where / "tile" / "0").mkdir(parents=True)
    (where / "tile" / "0" / "000").write_bytes(b"half")
    (where / ".checkpoint.77.part").write_bytes(b"half")
    assert publish(log, where=where)["size"] == 530
    is_true(where)


def test_two_runs_into_one_folder_wait_for_each_other(log: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_folder, "_WAIT", 0.05)
    with log_folder._locked(folder(log)):
        assert refused(log, folder(log)) == (11, "in_use")
    assert publish(log)["size"] == 530


@pytest.mark.slow
def test_a_long_log_is_read_piece_by_piece(tmp_path: Path, log: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The statements that read leaves and bodies take a batch each, however long the log is."""
    monkeypatch.setattr(log_folder, "_BATCH", 100)
    with own_code(log, "iver") as store:
        rows: list[int] = []
        read = SqliteConnection.rows

        def counted(sql: str, values: Any = ()) -> Any:
            found = read(store.db, sql, values)  # type: ignore[arg-type]
            rows.append(len(found))
            return found

        store.db.rows = counted  # type: ignore[method-assign, assignment]
        log_folder.publish(store.log, tmp_path / "anew")
    assert max(rows) <= tiles.WIDTH
