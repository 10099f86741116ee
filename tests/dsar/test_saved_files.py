"""The sound files that staff saved of a recording, as an answer tells of them; and for how long somebody had access."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.log.event import AuditEvent
from arlo_rec.log.events import DeletionConfirmed, LeftNothing
from tests.support.answers import opened, words
from tests.support.attack import own_code
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("access.subject"), pytest.mark.slow]


def saved(world: World) -> int:
    """The number of the log's entry of a recording that a manager saved as a sound file."""
    world.grant("leif")
    (call,) = world.take_in("a")
    out = str(world.base / "heard.wav")
    world.json("export", call, "--purpose", "quality", "--reason", REASON, "--out", out, who="leif")
    (file,) = world.json("recipients", "list", who="sigrid")["recipients"]
    return int(file["id"])


def write(world: World, who: str, event: AuditEvent) -> None:
    """Append an entry with code of one's own."""
    with own_code(world, who) as store, store.change(datetime.now(UTC)) as change:
        change.log(event)


def answered(world: World) -> tuple[dict[str, Any], str]:
    """The recording of an answer, and the letter."""
    out = world.base / "answer.html"
    told = world.json("dsar", "90000001", "--identity", "login", "--lang", "en", "--out", str(out), who="sigrid")
    content = opened(out.read_bytes(), told["passphrase"].encode())
    (recording,) = json.loads(content["bodies"]["data.json"])["recordings"]
    return recording, words(content["letter_html"])


def test_a_file_that_nobody_confirmed_as_deleted_is_told_as_one_that_may_be_there(world: World) -> None:
    saved(world)
    recording, letter = answered(world)
    (file,) = recording["exports"]
    assert (file["kind"], file["role"], file["confirmed_at"]) == ("recording", "manager", None)
    assert "A sound file of the recording, which a manager responsible for training or quality saved on" in letter
    assert "We have no confirmation that it was deleted." in letter
    assert "Copies made from the recording We hold none." not in letter


@pytest.mark.parametrize("who", ["leif", "sigrid"])
def test_a_deletion_is_confirmed_by_who_saved_the_file_or_by_an_officer(world: World, who: str) -> None:
    world.json("recipients", "confirm", str(saved(world)), who=who)
    recording, letter = answered(world)
    assert recording["exports"][0]["confirmed_at"] is not None
    assert "It is confirmed that it was deleted" in letter


@pytest.mark.parametrize("who", ["iver", "turid"])
def test_what_others_say_of_a_file_neither_deletes_it_nor_denies_it(world: World, who: str) -> None:
    seq = saved(world)
    write(world, who, DeletionConfirmed(of=seq, by="leif"))
    write(world, who, LeftNothing(of=seq))
    (file,) = answered(world)[0]["exports"]
    assert file["confirmed_at"] is None


def test_where_no_file_came_into_being_none_is_told(world: World) -> None:
    write(world, "leif", LeftNothing(of=saved(world)))
    recording, letter = answered(world)
    assert recording["exports"] == []
    assert "Copies made from the recording We hold none." in letter


def test_nobody_is_said_to_have_access_for_longer_than_the_recording_is_held(world: World) -> None:
    world.grant("leif", "quality", "--days", "90")
    world.take_in("a", started=datetime.now(UTC) - timedelta(days=80))
    recording, _ = answered(world)
    assert [grant["until"] for grant in recording["grants"]] == [recording["erased_on"]]
