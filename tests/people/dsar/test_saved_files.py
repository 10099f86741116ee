"""The sound files that staff saved of a recording, as an answer tells of them; and for how long somebody had access."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.events import DeletionConfirmed, LeftNothing
from arlo_rec.law.model.records import from_iso
from tests.support.answers import opened, words
from tests.support.attack import own_code
from tests.support.copies import CONFIRM, WHY, propose
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
    world.delete_saved(str(saved(world)), who)
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


# -- of recordings that are erased --------------------------------------------------------------------


def told_after_withdrawal(world: World) -> tuple[dict[str, Any], str]:
    """The withdrawal of an answer that finds no recording, and the Norwegian letter."""
    out = world.base / "nothing.html"
    out.unlink(missing_ok=True)
    told = world.json("dsar", "90000001", "--identity", "login", "--lang", "nb", "--out", str(out), who="sigrid")
    content = opened(out.read_bytes(), told["passphrase"].encode())
    (withdrawal,) = json.loads(content["bodies"]["data.json"])["withdrawals"]
    return withdrawal, words(content["letter_html"])


def test_after_a_withdrawal_a_saved_file_is_told_until_its_deletion_is_confirmed(world: World) -> None:
    file = saved(world)
    world.json("withdraw", "90000001", "--yes", who="siri")
    withdrawal, letter = told_after_withdrawal(world)
    assert [(each["kind"], each["role"], each["confirmed_at"]) for each in withdrawal["exports"]] == [
        ("recording", "manager", None)
    ]
    assert {each["action"] for each in withdrawal["accesses"]} >= {"export", "withdraw_shown"}
    assert "Vi fant ingen opptak av samtaler med deg." in letter
    assert "Opptakene i systemet er slettet." in letter
    assert "Vi har krevd den slettet, men har ikke fått det bekreftet ennå." in letter
    world.delete_saved(str(file))
    withdrawal, letter = told_after_withdrawal(world)
    assert withdrawal["exports"][0]["confirmed_at"] is not None
    assert "Opptakene i systemet er slettet." in letter
    assert "Vi har krevd den slettet" not in letter


def test_what_the_request_began_with_is_told_once_and_not_again_with_the_withdrawal(world: World) -> None:
    saved(world)
    case = world.json("case", "open", "90000001", "--identity", "login", who="sigrid")["case"]["id"]
    world.json("withdraw", "90000001", "--yes", who="siri")
    out = world.base / "answer.html"
    told = world.json("dsar", "--case", case, "--lang", "nb", "--out", str(out), who="sigrid")
    content = opened(out.read_bytes(), told["passphrase"].encode())
    data = json.loads(content["bodies"]["data.json"])
    assert [len(each["exports"]) for each in (*data["erased_since"], *data["withdrawals"])] == [1, 0]
    assert words(content["letter_html"]).count("av et opptak som nå er slettet. Vi har krevd den slettet") == 1


def test_an_employee_does_not_learn_that_a_customer_asked_nor_what_they_were_given(world: World) -> None:
    world.take_in("a", seconds=1)
    whole = ("--whole-call", "--reason", REASON)
    for number, asked in enumerate((("90000001", *whole), ("--agent", "Ola Oppdiktet"))):
        out = world.base / f"{number}.html"
        told = world.json("dsar", *asked, "--identity", "login", "--out", str(out), "--lang", "en", who="sigrid")
        content = opened(out.read_bytes(), told["passphrase"].encode())
    data, listed = (json.loads(content["bodies"][name]) for name in ("data.json", "accesses.json"))
    (recording,) = data["recordings"]
    assert [access["action"] for access in recording["accesses"]] == ["dsar"]
    assert recording["exports"] == []
    assert not [entry["what"] for entry in listed["entries"] if "other" in entry["what"]]
    assert "We do not say whether anybody else asked for access to the recordings." in words(content["letter_html"])
    beside = world.base / "accesses.json"
    beside.write_bytes(content["bodies"]["accesses.json"])
    assert world.run("certificate", "verify", str(out), "--accesses", str(beside)).exit == 0


def test_a_copy_was_made_before_it_was_given_to_training(world: World) -> None:
    (call,) = world.take_in("a", seconds=1)
    copy = propose(world, call)["copy"]
    made = datetime.now(UTC)
    world.json("review", copy, *CONFIRM, who="sigrid")
    world.json("release", copy, "--reason", WHY, who="sigrid")
    (told,) = answered(world)[0]["copies"]
    assert from_iso(told["made_at"]) <= made <= from_iso(told["released_at"])
