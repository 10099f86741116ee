"""The log comes before the key, a refusal teaches nothing, and a withdrawal silences what is running."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.engines.postgres.postgres import PostgresConnection
from arlo_rec.law.model.errors import NotGranted, Refused, Unreachable
from arlo_rec.policy import Action
from arlo_rec.store import open_store
from arlo_rec.vault.access import gate, search
from arlo_rec.vault.backends import Connection, named_files
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue.recordings import RecordingSearch
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support.attack import identity
from tests.support.world import REASON, World

LONG = 300.0  # seconds of 16 kB/s: more than the decryptor is fed at once


def ticking(step: timedelta = timedelta(seconds=2)) -> Callable[[], datetime]:
    """A clock that is two seconds later each time it is read."""
    count, start = itertools.count(), datetime.now(UTC)
    return lambda: start + next(count) * step


def entries(world: World) -> list[dict[str, object]]:
    return world.json("audit", "show", who="iver")["entries"]


def export(world: World, recording: str, name: str, *more: str) -> int:
    words = ("export", recording, "--purpose", "quality", "--reason", REASON, "--out", str(world.base / name), *more)
    return world.run(*words, who="leif").exit


@pytest.mark.slow
@pytest.mark.rule("consent.withdraw")
def test_an_acknowledged_withdrawal_silences_an_export_that_is_running(world: World) -> None:
    world.grant()
    (ours,) = world.take_in("long", seconds=LONG)
    out = world.base / "out.wav"
    with open_store(find(world.store), identity(world, "leif"), datetime.now(UTC), StateFolder(None)) as store:
        clock = ticking()
        admission = gate.admit(store, gate.Intent(Action.EXPORT, "quality", REASON), clock())
        sound = gate.listen_to(store, gate.permit(store, admission, ours, clock()), clock)
        assert next(sound)
        assert world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
        with pytest.raises(Refused) as caught:
            list(sound)
        assert caught.value.code == "gone_meanwhile"
    assert not out.exists()


@pytest.mark.slow
def test_a_revocation_silences_an_export_that_is_running_too(world: World) -> None:
    world.grant()
    (ours,) = world.take_in("long", seconds=LONG)
    with open_store(find(world.store), identity(world, "leif"), datetime.now(UTC), StateFolder(None)) as store:
        clock = ticking()
        admission = gate.admit(store, gate.Intent(Action.EXPORT, "quality", REASON), clock())
        sound = gate.listen_to(store, gate.permit(store, admission, ours, clock()), clock)
        assert next(sound)
        world.json("revoke", "leif", who="sigrid")
        with pytest.raises(Refused):
            list(sound)


@pytest.mark.slow
@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("how", ["export", "dsar"])
def test_a_withdrawal_that_comes_just_before_a_file_has_its_name_leaves_no_file(
    world: World, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.grant()
    (ours,) = world.take_in("a")
    folder = world.base / "out"
    folder.mkdir()
    named, name_new = [], named_files._NewFile.name

    def overtaken(*words: Any) -> None:
        if not named:
            named.append(words)
            assert world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
        name_new(*words)

    monkeypatch.setattr(named_files._NewFile, "name", overtaken)
    words = {
        "export": ("export", ours, "--purpose", "quality", "--reason", REASON),
        "dsar": ("dsar", "90000001", "--identity", "called back on the number of the contract"),
    }[how]
    told = world.run(*words, "--out", str(folder / "file"), "--json", who="leif" if how == "export" else "sigrid")
    assert (told.exit, told.json["error"]["code"]) == (14, "gone_meanwhile")
    assert not list(folder.iterdir())


@pytest.mark.slow
def test_a_file_system_that_keeps_no_nameless_file_gets_the_sound_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.grant()
    (ours,) = world.take_in("a")
    opened = os.open

    def refused(path: Any, flags: int, *words: Any, **named: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "not supported", path)
        return opened(path, flags, *words, **named)

    monkeypatch.setattr(os, "open", refused)
    assert export(world, ours, "out.wav") == 0
    assert (world.base / "out.wav").read_bytes()[:4] == b"RIFF"
    assert not list(world.base.glob(".*.part"))


@pytest.mark.slow
@pytest.mark.rule("security.reason")
def test_where_the_log_cannot_be_written_nothing_is_released(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.grant()
    (ours,) = world.take_in("a")

    def full(_connection: Connection) -> None:
        raise Unreachable("no_space")

    with monkeypatch.context() as patch:
        for engine in (SqliteConnection, PostgresConnection):
            patch.setattr(engine, "_commit", full)
        assert export(world, ours, "out.wav") == 16
        assert world.run("find", "--purpose", "quality", "--reason", REASON, who="leif").exit == 16
    assert not (world.base / "out.wav").exists()
    assert export(world, ours, "out.wav") == 0


def test_the_criteria_of_a_search_are_in_the_log_before_it_begins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.grant()

    def breaks(*_words: object) -> None:
        raise Unreachable("disk_failed", path="x", reason="gone")

    with monkeypatch.context() as patch:
        patch.setattr(RecordingSearch, "of_teams", breaks)
        words = ("find", "--purpose", "quality", "--reason", REASON, "--agent", "Ola Oppdiktet")
        assert world.run(*words, who="leif").exit == 16
    last = [one for one in entries(world) if one["action"] == "find"][-1]
    assert last["detail"] == {"criteria": {"agent": "Ola Oppdiktet"}}


def test_unknown_malformed_and_forbidden_ids_are_refused_in_the_same_words(world: World) -> None:
    world.grant("leif", "quality", "--team", "salg")
    (theirs,) = world.take_in("a")
    answers = set()
    for asked in (theirs, "0" * 32, "nonsense", "../../etc/passwd", "%", "æ" * 32):
        words = ("export", asked, "--purpose", "quality", "--reason", REASON, "--out", "x.wav")
        result = world.run(*words, "--json", who="leif")
        answers.add((result.exit, result.out))
    assert len(answers) == 1
    assert answers.pop()[0] == 13


@pytest.mark.rule("access.managers")
def test_without_a_grant_nothing_is_searched_and_the_attempt_is_logged(world: World) -> None:
    world.take_in("a")
    turid, now = identity(world, "turid"), datetime.now(UTC)
    with open_store(find(world.store), turid, now, StateFolder(None)) as store, pytest.raises(NotGranted):
        search.find(store, "quality", REASON, search.Search(), now)
    last = entries(world)[-2]
    assert (last["person"], last["action"], last["outcome"]) == ("turid", "find", "denied")


@pytest.mark.slow
def test_a_grant_that_ran_out_opens_nothing_more(world: World) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    world.grant("leif", "quality", "--until", soon)
    world.take_in("a")
    while world.run("find", "--purpose", "quality", "--reason", REASON, who="leif").exit == 0:
        continue
    assert world.run("find", "--purpose", "quality", "--reason", REASON, who="leif").exit == 13
    world.json("purge", who="cron")
    last = [one for one in entries(world) if one["action"] == "expire"][-1]
    assert last["detail"] == {"expired": ["leif"]}
    assert world.json("verify", who="iver")["problems"] == [], "cron may end what ran out"


@pytest.mark.slow
@pytest.mark.rule("access.need")
def test_sound_leaves_as_a_file_only_by_a_grant_that_says_so(world: World) -> None:
    (ours,) = world.take_in("a", team="kundeservice")
    (theirs,) = world.take_in("b", team="salg", seed=1)
    given = ("grant", "leif", "--purpose", "quality", "--reason", "responsible for quality")
    hears = world.json(*given, "--all-teams", who="sigrid")["grant"]
    assert (hears["teams"], hears["may_export"]) == (None, False)
    words = ("--purpose", "quality", "--reason", REASON, "--out", str(world.base / "x.wav"))
    assert world.code("export", ours, *words, who="leif") == (13, "no_export_grant")
    assert world.code("listen", ours, *words[:4], "--player", "cat", who="leif")[0] == 0
    assert world.code("export", "0" * 32, *words, who="leif")[1] == "no_grant", "what is nobody's stays unknown"
    saves = world.json(*given, "--team", "kundeservice", "--may-export", who="sigrid")["grant"]
    assert world.json("grants", "review", "--confirm", saves["id"], who="sigrid")["grants"][-1]["may_export"]
    assert world.code("export", theirs, *words, who="leif") == (13, "no_export_grant"), "of the other team"
    assert export(world, ours, "a.wav") == 0
    (entry,) = (each for each in entries(world) if each["action"] == "confirm_grant")
    assert entry["detail"]["may_export"] is True
    world.json("revoke", "leif", "--grant", saves["id"], who="sigrid")
    assert export(world, ours, "b.wav") == 13, "the other grant lets him hear alone"


@pytest.mark.slow
@pytest.mark.rule("access.need")
def test_a_grant_names_its_teams_or_all_of_them(world: World) -> None:
    words = ("grant", "leif", "--purpose", "quality", "--reason", "responsible for quality")
    assert world.code(*words, who="sigrid") == (2, "team_missing")
    assert world.code(*words, "--all-teams", "--team", "salg", who="sigrid") == (2, "not_together")
    assert world.json("grants", "--all", who="sigrid")["grants"] == []


def test_a_recording_made_for_training_only_is_not_opened_for_quality(world: World) -> None:
    world.grant()
    (ours,) = world.take_in("a", consent={"prompt": "nb-2025-01"})
    assert world.json("find", "--purpose", "quality", "--reason", REASON, who="leif")["recordings"] == []
    assert export(world, ours, "out.wav") == 14


def test_an_original_is_not_exported_for_training(world: World) -> None:
    world.grant("leif", "training")
    (ours,) = world.take_in("a")
    assert world.json("find", "--purpose", "training", "--reason", REASON, who="leif")["recordings"] == []
    words = ("export", ours, "--purpose", "training", "--reason", REASON, "--out", str(world.base / "x.wav"), "--json")
    refused = world.run(*words, who="leif")
    assert (refused.exit, refused.json["error"]["rule"]) == (14, "data.pseudonymised")


@pytest.mark.parametrize("ending", [".mp3", ".M4A"])
def test_a_file_that_would_be_no_wav_by_its_name_is_not_written(world: World, ending: str) -> None:
    (recording,) = world.take_in("a")
    world.grant("leif")
    words = ("export", recording, "--purpose", "quality", "--reason", REASON, "--out", str(world.base / f"out{ending}"))
    assert world.code(*words, who="leif") == (2, "out_is_wav")
    assert not list(world.base.glob("out*"))
