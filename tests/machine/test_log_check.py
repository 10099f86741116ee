"""The check of a large log in stretches and in processes finds what the check in one piece finds."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from arlo_rec.machine import witness
from arlo_rec.store import open_store
from arlo_rec.vault.catalogue import audit_check, log_stretch
from arlo_rec.vault.catalogue.log_stretch import Checked, Stretch
from arlo_rec.vault.keys import layout
from arlo_rec.vault.keys.root_secret import StateFolder
from arlo_rec.vault.opened import Store
from tests.support import world as worlds
from tests.support.attack import identity
from tests.support.catalogue import vandal, vandalism
from tests.support.intake import Meanwhile
from tests.support.world import World

STRETCH = 3  # entries, so that a small log has many


def renote(edit: Callable[[str], str]) -> Callable[[World], None]:
    """The note of the fifth checkpoint is another."""

    def changed(world: World) -> None:
        with vandal(world) as db:
            ((size, note),) = db.rows("SELECT size, note FROM checkpoints ORDER BY size LIMIT 1 OFFSET 4")
            db.run("UPDATE checkpoints SET note = ? WHERE size = ?", (edit(str(note)), size))

    return changed


def without_line(number: int) -> Callable[[str], str]:
    def edit(note: str) -> str:
        lines = note.splitlines()
        del lines[number]
        return "\n".join(lines) + "\n"

    return edit


FAR = 2**62
DAMAGES: dict[str, tuple[Callable[[World], None], set[str]]] = {
    "nothing": (lambda _world: None, set()),
    "a body": (vandalism("UPDATE entries SET sealed = sealed_entry(seq, '{}') WHERE seq = 7"), {"entry_changed"}),
    "a salt": (
        vandalism("UPDATE entries SET sealed = sealed_entry(seq, body_of(seq, sealed)) WHERE seq = 7"),
        {"entry_changed"},
    ),
    "a seal": (vandalism("UPDATE entries SET sealed = randomblob(length(sealed)) WHERE seq = 7"), {"entry_changed"}),
    "a body of another entry": (
        vandalism("UPDATE entries SET sealed = (SELECT sealed FROM entries WHERE seq = 6) WHERE seq = 7"),
        {"entry_changed"},
    ),
    "a body that was forgotten": (vandalism("UPDATE entries SET sealed = NULL WHERE seq = 7"), {"entry_changed"}),
    "a leaf": (
        vandalism("UPDATE entries SET leaf = zeroblob(32) WHERE seq = 7"),
        {"entry_changed", "log_root_differs"},
    ),
    "an entry": (vandalism("DELETE FROM entries WHERE seq = 7"), {"entry_missing", "log_root_differs", "log_cut_off"}),
    "the first entry": (vandalism("DELETE FROM entries WHERE seq = 0"), {"entry_missing"}),
    "entries over the end of a stretch": (vandalism("DELETE FROM entries WHERE seq IN (5, 6, 7)"), {"entry_missing"}),
    "entries of whole stretches": (vandalism("DELETE FROM entries WHERE seq BETWEEN 3 AND 12"), {"entry_missing"}),
    "the last entry": (vandalism("DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)"), {"log_cut_off"}),
    "all entries": (vandalism("DELETE FROM entries"), {"log_cut_off"}),
    "entries, and the notes that close them": (
        vandalism("DELETE FROM entries WHERE seq > 9", "UPDATE checkpoints SET note = 'x' WHERE size > 12"),
        {"log_cut_off", "checkpoint_unsigned"},
    ),
    "a checkpoint": (
        vandalism("DELETE FROM checkpoints WHERE size = (SELECT size FROM checkpoints LIMIT 1 OFFSET 4)"),
        {"checkpoint_missing"},
    ),
    "all checkpoints": (vandalism("DELETE FROM checkpoints"), {"log_cut_off"}),
    "a root": (
        vandalism(
            "UPDATE checkpoints SET root = zeroblob(32) WHERE size = (SELECT size FROM checkpoints LIMIT 1 OFFSET 4)"
        ),
        {"checkpoint_unsigned", "log_root_differs"},
    ),
    "a note": (renote(lambda note: note[:-20]), {"checkpoint_unsigned"}),
    "the log's signature": (renote(without_line(5)), {"checkpoint_unsigned"}),
    "a person's signature": (renote(without_line(6)), {"checkpoint_of_nobody"}),
    "a key of the log": (vandalism("UPDATE log_keys SET from_size = 2"), {"log_key_not_handed_over"}),
    "an entry far away": (
        vandalism(f"UPDATE entries SET seq = {FAR} WHERE seq = (SELECT max(seq) FROM entries)"),
        {"log_cut_off"},
    ),
    "a checkpoint far away": (
        vandalism(
            f"UPDATE entries SET seq = {FAR} WHERE seq = (SELECT max(seq) FROM entries)",
            f"UPDATE checkpoints SET size = {FAR + 1} WHERE size = (SELECT max(size) FROM checkpoints)",
        ),
        {"entry_missing", "log_cut_off"},
    ),
}


@pytest.fixture(scope="module")
def busy(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A log of some twenty entries, which several people signed; never change it."""
    world = worlds.copy(template, tmp_path_factory.mktemp("busy"))
    world.take_in("a", "b", "c")
    for _ in range(3):
        world.run("audit", "show", who="iver")
        world.run("purge", who="cron")
    return world


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.in_a_file
def test_the_same_is_found_in_one_piece_in_stretches_and_in_processes(
    busy: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """In a log that was damaged after the store was opened, so that nothing but the check sees it."""
    world = worlds.copy(busy, tmp_path)
    spoil, codes = DAMAGES[damage]
    with open_store(layout.find(world.store), identity(world, "iver"), datetime.now(UTC), StateFolder(None)) as store:
        spoil(world)
        in_one_piece, unsigned = witness.check(store), audit_check.check(store.log, store.roster.signers())
        assert set(in_one_piece) >= codes and bool(in_one_piece) is bool(codes)
        monkeypatch.setattr(audit_check, "_STRETCH", STRETCH)
        monkeypatch.setattr(log_stretch, "_BATCH", 2)
        in_stretches = witness.check(store)
        assert sorted(in_stretches) == sorted(in_one_piece)
        assert sorted(audit_check.check(store.log, store.roster.signers())) == sorted(unsigned)
        monkeypatch.setattr(witness, "MANY", 0)
        assert witness.check(store) == in_stretches
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("command", [("audit", "verify"), ("audit", "witness", "--witness-key")])
def test_a_process_that_is_killed_is_no_finding_and_no_all_clear(
    world: World, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    words = list(command)
    if "witness" in command:
        words.append(str(world.base / "witness.key"))
        world.json(*words, "--new", "it.example/witness", who="iver")
    monkeypatch.setattr(witness, "MANY", 0)
    killing = nullcontext(lambda _stretch: os.kill(os.getpid(), signal.SIGKILL))
    monkeypatch.setattr(witness, "_checking", lambda _store: killing)
    assert world.code(*words, who="iver") == (16, "worker_ended")
    assert not multiprocessing.active_children()


def test_the_log_goes_on_while_processes_check_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is added meanwhile is left to the next check, and nobody waits for it."""
    world.take_in("a")
    world.deliver("b")
    monkeypatch.setattr(witness, "MANY", 0)
    check, meanwhile = witness._checking, Meanwhile(world)

    @contextmanager
    def slow(store: Store) -> Iterator[Callable[[Stretch], Checked]]:
        with check(store) as work:

            def go_on(stretch: Stretch) -> Checked:
                meanwhile.wait()
                return work(stretch)

            yield go_on

    monkeypatch.setattr(witness, "_checking", slow)
    with meanwhile:
        told = world.json("audit", "verify", who="iver")
    assert meanwhile.code == 0
    assert told["problems"] == []
