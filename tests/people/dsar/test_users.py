"""The answer to a person who uses this system: roster, access, and every entry of the log, without others' names."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from arlo_rec.people.dsar.users import OTHER
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.unlock_attempts import note_attempt
from tests.support.answers import opened
from tests.support.plain_language import HARDEST, lix, own_text
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("access.subject"), pytest.mark.slow]
LOOK = ("--purpose", "quality", "--reason", REASON)


def ask(world: World, name: str, out: str = "user.html", *words: str) -> dict[str, Any]:
    path = world.base / out
    told = world.json(*("dsar", "--person", name, "--identity", "seen-id", "--out", str(path), *words), who="sigrid")
    inside = opened(path.read_bytes(), told["passphrase"].encode())
    return {"told": told, "letter": inside["letter_html"], "data": json.loads(inside["bodies"]["data.json"])}


def test_a_manager_is_given_every_entry_of_what_they_did_with_its_reason(world: World) -> None:
    [call] = world.take_in("a", seconds=0.2)
    world.grant()
    world.json("find", *LOOK, who="leif")
    world.json("find", *LOOK, "--agent", "Ola Oppdiktet", who="leif")
    assert world.run("export", "0" * 32, *LOOK, "--out", str(world.base / "x.wav"), who="leif").exit == 13
    answer = ask(world, "leif")
    assert answer["told"]["recordings"] == 0
    data = answer["data"]
    assert [each["role"] for each in data["memberships"]] == ["manager"]
    assert [each["purpose"] for each in data["grants"]] == ["quality"]
    logged = world.json("audit", "show", "--person", "leif", who="iver")["entries"]
    assert [each["seq"] for each in data["entries"]] == [each["seq"] for each in logged]
    assert {each.get("reason") for each in data["entries"]} == {REASON}
    assert call in str(data["entries"])
    assert {each["action"] for each in data["entries_of_others"]} >= {"person add", "grant"}
    letter = ask(world, "leif", "nb.html", "--lang", "nb")["letter"]
    assert "Du er eller har vært bruker" in letter
    assert lix(own_text(letter)) <= HARDEST


def test_no_other_name_stands_in_an_answer(world: World) -> None:
    world.take_in("a", seconds=0.2)
    world.grant()
    world.json("find", *LOOK, "--agent", "Ola Oppdiktet", who="leif")
    for name in ("leif", "sigrid"):
        answer = ask(world, name, f"{name}.html")
        for other in {"leif", "sigrid", "siri", "iver", "telefon", "Ola Oppdiktet"} - {name}:
            assert not re.search(rf"\b{other}\b", answer["letter"] + json.dumps(answer["data"])), other


def test_names_of_people_who_left_of_employees_and_of_accounts_are_no_part_of_it_either(world: World) -> None:
    secret = ("--new-passphrase-file", str(world.base / "passphrase"))
    world.json("person", "add", "mona", "--role", "manager", "--login", "konto7", *secret, who="sigrid")
    world.grant("leif", "quality", "--agent", "Ola Oppdiktet")
    world.json("grant", "mona", "--all-teams", *LOOK, who="sigrid")
    world.json("person", "remove", "mona", "--yes", who="sigrid")
    answer = json.dumps(ask(world, "sigrid")["data"])
    assert [name for name in ("mona", "konto7", "Ola Oppdiktet", "leif") if name in answer] == []
    assert "leif" in json.dumps(ask(world, "leif", "leif.html")["data"])


def test_employees_who_were_shown_the_notice_are_no_part_of_an_officers_answer(world: World) -> None:
    world.take_in("a", seconds=0.2)
    world.json("person", "notify", "Ola Oppdiktet", "Kari Kollega", who="sigrid")
    data = ask(world, "sigrid")["data"]
    assert [name for name in ("Ola Oppdiktet", "Kari Kollega") if name in json.dumps(data)] == []
    named = [each["detail"].get("people") for each in data["entries"] if each["action"] == "notify"]
    assert [OTHER, OTHER] in named, "that there were two is what the officer did"


def test_an_officer_who_left_is_told_of_no_access_that_they_have(two: World) -> None:
    two.json("person", "remove", "astrid", "--yes", who="sigrid")
    assert "As a security officer you can open them" not in ask(two, "astrid")["letter"]
    assert "As a security officer you can open them" in ask(two, "sigrid", "sigrid.html")["letter"]


def test_a_failed_unlock_is_told_to_whose_name_was_used_and_as_nothing_that_they_did(world: World) -> None:
    note_attempt(find(world.store), "leif", "konto7", datetime.now(UTC))
    world.json("status", who="sigrid")
    told = {name: ask(world, name, f"{name}.html")["data"] for name in ("leif", "sigrid")}
    of = {
        (name, part)
        for name, data in told.items()
        for part in ("entries", "entries_of_others")
        if "unlock" in {each["action"] for each in data[part]}
    }
    assert of == {("leif", "entries_of_others")}, "sigrid's command only took the note in"
    assert "konto7" not in json.dumps(told)


def test_a_user_who_left_is_answered_too_and_a_stranger_is_none(world: World) -> None:
    world.json("person", "remove", "leif", "--yes", who="sigrid")
    [membership] = ask(world, "leif")["data"]["memberships"]
    assert membership["until"] is not None
    words = ("--identity", "seen-id", "--out", str(world.base / "x.html"))
    assert world.code("dsar", "--person", "nobody", *words, who="sigrid") == (4, "no_such_user")
    assert world.code("dsar", "90000001", "--person", "leif", *words, who="sigrid") == (2, "agent_or_caller")


def test_the_answer_is_a_case_with_its_deadline_and_its_certificate(world: World) -> None:
    case = world.json("case", "open", "--person", "leif", "--identity", "seen-id", who="sigrid")["case"]
    told = ask(world, "leif")["told"]
    assert (told["case"]["id"], told["case"]["state"]) == (case["id"], "answered")
    checked = world.json("certificate", "verify", str(world.base / "user.html"))
    assert checked["valid"] is True
    shown = world.json("case", "show", case["id"], who="sigrid")["case"]
    assert shown["known_by"] == [{"kind": "person", "text": "leif"}]
    assert world.json("verify", who="iver")["problems"] == []
