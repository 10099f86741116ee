"""The person at the door: uses the program as it is, with their own key, and gets what role and grants give.

Officers against officers, the clock, guidelines, requests, and two commands at once stand in `test_door_*`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.law.messages import say
from tests.support.answers import opened
from tests.support.clock import later
from tests.support.copies import CONFIRM, SAID, propose
from tests.support.copies import WHY as HEARD
from tests.support.copies import call as real_call
from tests.support.listening import Reviewing
from tests.support.world import REASON, World

CALLED = ("--identity", "called back on the number of the contract")
WHY = ("--purpose", "quality", "--reason", REASON)


# -- what an officer hears ----------------------------------------------------------------------------


@pytest.fixture
def proposed(world: World) -> tuple[World, str, str]:
    """A call, and a copy of it under review with a cut of ten milliseconds."""
    (call,) = world.take_in("a", seconds=3)
    cuts = world.base / "cuts.txt"
    cuts.write_text("0.10\t0.11\tname\n")
    made = world.json("pseudonymise", *SAID, call, "--cuts", str(cuts), who="sigrid")
    return world, call, made["results"][0]["copy"]


def test_a_grant_for_another_team_lets_her_hear_nothing(proposed: tuple[World, str, str]) -> None:
    world, _, copy = proposed
    world.grant("sigrid", "quality", "--team", "salg")
    assert world.run("review", copy, "--no-browser", "--reason", REASON, who="sigrid").exit == 13


def test_the_copy_of_a_call_for_training_alone_is_heard_by_an_officer_with_a_grant(world: World) -> None:
    """Nobody else could review it: no manager opens such a call."""
    (call,) = world.take_in("a", seconds=3, consent={"prompt": "nb-2025-01"})
    cuts = world.base / "cuts.txt"
    cuts.write_text("0.10\t0.11\tname\n")
    copy = world.json("pseudonymise", *SAID, call, "--cuts", str(cuts), who="sigrid")["results"][0]["copy"]
    words = ("review", copy, "--no-browser", "--reason", REASON)
    assert world.run(*words, who="sigrid").exit == 13
    world.grant("sigrid")
    world.grant("leif")
    assert world.run(*words, who="leif").exit == 14
    with Reviewing(world, copy, who="sigrid") as page:
        assert page.enter().status == 200


def entries(world: World) -> list[dict[str, Any]]:
    return json.loads(world.run("audit", "show", "--json", who="iver").out)["entries"]


# -- what the letter tells ----------------------------------------------------------------------------


def letter(world: World) -> str:
    out = world.base / f"answer-{len(list(world.base.glob('answer-*')))}.html"
    told = world.json("dsar", "90000001", *CALLED, "--lang", "en", "--out", str(out), who="sigrid")
    html: str = opened(out.read_bytes(), told["passphrase"].encode())["letter_html"]
    return html


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("then", ["reject", "release"])
def test_the_letter_tells_who_took_a_copy_that_is_gone_by_now(world: World, then: str) -> None:
    """What leif has of the call is still his when the copy under review was erased."""
    (call,) = world.take_in("a", seconds=1)
    world.grant("leif")
    copy = str(propose(world, call)["copy"])
    world.json("export", copy, *WHY, "--out", str(world.base / "out.wav"), who="leif")
    cell = f"<td>{say('letter.action.export', 'en')}</td>"
    if then == "release":
        world.json("review", copy, *CONFIRM, who="sigrid")
        world.json("release", copy, "--reason", REASON, who="sigrid")
    else:
        world.json("reject", copy, "--reason", REASON, who="sigrid")
    assert cell in letter(world)


@pytest.mark.rule("access.subject")
def test_the_letter_tells_of_no_access_that_a_second_officer_denied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = str(world.base / "passphrase")
    world.json("person", "add", "astrid", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    later(monkeypatch, days=10)
    world.catch_up()
    (call,) = world.take_in("a", seconds=0.2)
    before = letter(world).count("<tr>")
    waits = world.grant("sigrid")
    assert waits["state"] == "pending" and world.run("export", call, *WHY, "--out", "-", who="sigrid").exit == 13
    world.json("deny", waits["id"], "--reason", "nobody needs that at all", who="astrid")
    assert letter(world).count("<tr>") == before + 1, "the first answer alone"


@pytest.mark.rule("access.subject")
def test_the_letter_tells_of_a_release_that_was_interrupted_as_one_copy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (call,) = world.take_in("a", seconds=1)
    copy = str(propose(world, call)["copy"])
    world.json("review", copy, *CONFIRM, who="sigrid")
    with monkeypatch.context() as killed:  # before the copy under review went
        killed.setattr("arlo_rec.calls.training.under_review.erase", lambda *_: None)
        world.json("release", copy, "--reason", REASON, "--engine", "none", who="sigrid")
    out = world.base / "answer.html"
    told = world.json("dsar", "90000001", *CALLED, "--out", str(out), who="sigrid")
    data = json.loads(opened(out.read_bytes(), told["passphrase"].encode())["bodies"]["data.json"])
    assert [each["state"] for recording in data["recordings"] for each in recording["copies"]] == ["released"]


# -- what support withdraws ---------------------------------------------------------------------------


def reviewed(world: World, original: str) -> str:
    return str(propose(world, original)["copy"])


def released(world: World, original: str) -> str:
    copy = reviewed(world, original)
    world.json("review", copy, *CONFIRM, who="sigrid")
    return str(world.json("release", copy, "--reason", HEARD, who="sigrid")["copy"]["id"])


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("kind", ["original", "review", "released", "gone", "exchange"])
def test_whatever_id_of_a_call_is_withdrawn_all_of_that_call_goes_and_is_shown_before(world: World, kind: str) -> None:
    (other,) = world.take_in("other", caller="+4790000002")
    original = real_call(world)
    ids = {"original": original, "exchange": "pbx.call000"}
    if kind in {"review", "released"}:
        ids |= {kind: {"review": reviewed, "released": released}[kind](world, original)}
    else:
        under_review = reviewed(world, original)
        world.json("reject", under_review, "--reason", HEARD, who="sigrid")
        ids["gone"] = under_review
        reviewed(world, original)
    asked = ("withdraw", "--call", ids[kind])
    before = world.json(*asked, "--dry-run", who="siri")
    assert before["would_erase"] == 2
    assert original in {shown["id"] for shown in before["recordings"]}
    told = world.run(*asked, "--dry-run", who="siri").out
    assert len(told.splitlines()) == 2, "the call's time is shown, and how many calls"
    after = world.json(*asked, "--yes", who="siri")
    assert {shown["id"] for shown in after["recordings"]} == {shown["id"] for shown in before["recordings"]}
    assert (after["erased"], world.json("status", who="iver")["held"]) == (2, 1)
    assert world.run("withdraw", "--call", other, "--dry-run", who="siri").exit == 0, "and nothing of another call"
    late = world.deliver("call000")
    refused = world.json("ingest", str(late), who="telefon")["refused"]
    assert [each["code"] for each in refused] == ["withdrawn"], "a copy's withdrawal leaves the call's tombstone"


# -- in whose name, and where to ------------------------------------------------------------------------


@pytest.mark.rule("security.monitored")
def test_a_failed_unlock_is_nobodys_entry_and_found_under_the_name_that_was_claimed(world: World) -> None:
    wrong = world.base / "wrong"
    wrong.write_text("no passphrase of anybody\n")
    wrong.chmod(0o600)
    assert world.run("status", "--as", "leif", "--passphrase-file", str(wrong)).exit == 12
    (entry,) = world.json("audit", "show", "--action", "unlock", "--person", "leif", who="iver")["entries"]
    assert (entry["person"], entry["detail"]["name"]) == ("iver", "leif")
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.rule("security.monitored")
def test_everybodys_entries_are_theirs_after_a_reset_a_rotation_a_removal_and_a_handover(world: World) -> None:
    world.take_in("call")
    world.json("person", "passphrase", "--reset", "turid", who="sigrid")
    world.json("person", "rotate", "telefon", "--key-out", str(world.base / "new.key"), who="sigrid")
    world.json("withdraw", "90000001", "--yes", who="siri")
    world.json("person", "remove", "siri", "--yes", who="sigrid")
    world.json("person", "remove", "sigrid", "--successor", "nora", "--yes", who="sigrid")
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.rule("access.officer")
def test_cron_names_no_place_for_backups(world: World) -> None:
    words = ("backup", str(world.base / "b"), "--escrow", str(world.base / "e"))
    assert world.code(*words, who="cron") == (13, "escrow_not_named")
    assert not Path(world.base / "b").exists() and not Path(world.base / "e").exists()
    assert world.run(*words, who="sigrid").exit == 0
    assert world.run(*words, who="cron").exit == 0


@pytest.mark.rule("access.officer")
def test_a_root_folder_elsewhere_is_refused_until_an_officer_names_it(world: World) -> None:
    elsewhere = world.base / "moved" / "root"
    elsewhere.parent.mkdir()
    world.root.rename(elsewhere)
    config = world.store / "store.toml"
    config.write_text(config.read_text().replace('root = "store.root"', f'root = "{elsewhere}"'))
    for who in ("cron", "leif", "sigrid"):
        assert world.code("status", who=who) == (15, "root_moved")
    assert world.run("status", "--root", str(elsewhere), who="cron").exit == 15
    assert world.run("status", "--root", str(elsewhere), who="sigrid").exit == 0
    assert world.run("status", who="cron").exit == 0
