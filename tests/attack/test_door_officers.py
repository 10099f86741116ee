"""The person at the door: one officer against another, for her own access without the second pair of eyes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.model.errors import InUse
from arlo_rec.office import approvals, identities
from tests.support.attack import meanwhile
from tests.support.world import EVERYTHING, REASON, Result, World

pytestmark = pytest.mark.rule("access.officer")
NEW = "en ganske ny og lang setning"
WHY = ("--purpose", "quality", "--reason", REASON)
BEHIND = ("--reason", "the clock was ahead by mistake")


@pytest.fixture
def two(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two officers, who have both been here for long, and a manager, leif, who has been as long."""
    secret = str(world.base / "passphrase")
    world.json("person", "add", "astrid", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=30))
    world.json("purge", "--allow-large", who="cron")
    return world


@pytest.fixture
def call(two: World) -> str:
    """A call that is held, which she wants to hear."""
    (held,) = two.take_in("a", started=datetime.now(UTC) + timedelta(days=29))
    return held


def secret_file(world: World, text: str) -> str:
    path = world.base / f"secret-{len(list(world.base.glob('secret-*')))}"
    path.write_text(text + "\n", "utf-8")
    path.chmod(0o600)
    return str(path)


def given(world: World, to: str, *, by: str) -> dict[str, Any]:
    grant: dict[str, Any] = world.json("grant", to, *EVERYTHING, *WHY, who=by)["grant"]
    return grant


def reset(world: World, name: str, *, by: str) -> Callable[..., Result]:
    """Give *name* new keys, and get the program run by whoever was told the one-time passphrase."""
    return acting(world, name, world.json("person", "passphrase", "--reset", name, who=by))


def acting(world: World, name: str, told: dict[str, Any]) -> Callable[..., Result]:
    """The program, run as somebody by whoever was *told* the one-time passphrase."""
    once, mine = secret_file(world, told["one_time_passphrase"]), secret_file(world, NEW)
    asked = ("person", "passphrase", "--as", name, "--passphrase-file", once, "--new-passphrase-file", mine)
    assert world.run(*asked).exit == 0
    return lambda *words: world.run(*words, "--json", "--as", name, "--passphrase-file", mine)


def hears(world: World, run: Callable[..., Result], call: str) -> bool:
    out = world.base / f"heard-{len(list(world.base.glob('heard-*')))}"
    return run("export", call, *WHY, "--out", str(out)).exit == 0


def add(world: World, name: str, role: str = "officer", *, by: str = "sigrid") -> None:
    secret = str(world.base / "passphrase")
    told = world.json("person", "add", name, "--role", role, "--new-passphrase-file", secret, who=by)
    approved(world, told, by=by)


def approved(world: World, told: dict[str, Any], *, by: str) -> dict[str, Any]:
    """What was *told* of somebody whom *by* added; the other officer approves where they wait."""
    if "pending" in told:
        world.json("approve", told["pending"]["id"], who="astrid" if by == "sigrid" else "sigrid")
    return told


def clock(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + by)


def test_she_hears_nothing_as_a_manager_whom_she_granted_first_and_reset_then(two: World, call: str) -> None:
    assert two.grant("leif")["state"] == "live"
    leif = reset(two, "leif", by="sigrid")
    assert not hears(two, leif, call)


def test_she_does_not_make_herself_the_only_one_by_a_reset_of_the_other(two: World) -> None:
    two.json("person", "passphrase", "--reset", "astrid", who="sigrid")
    assert two.grant("sigrid")["state"] == "pending"


# -- as another officer, whose keys she renewed --------------------------------------------------------


def test_what_she_gives_another_officer_whom_she_reset_waits(two: World, call: str) -> None:
    sigrid = reset(two, "sigrid", by="astrid")
    assert given(two, "sigrid", by="astrid")["state"] == "pending"
    assert not hears(two, sigrid, call)


def test_what_another_officer_had_waits_when_she_resets_her(two: World, call: str) -> None:
    grant = two.json("approve", given(two, "sigrid", by="sigrid")["id"], who="astrid")["grant"]
    assert grant["state"] == "live"
    sigrid = reset(two, "sigrid", by="astrid")
    assert not hears(two, sigrid, call)
    assert two.run("approve", grant["id"], who="astrid").exit == 13


def test_a_reset_calls_off_what_another_officer_asked_for(two: World, call: str) -> None:
    asked = given(two, "sigrid", by="sigrid")
    sigrid = reset(two, "sigrid", by="astrid")
    assert two.run("approve", asked["id"], who="astrid").exit == 4
    assert not hears(two, sigrid, call)


def test_she_approves_nothing_that_another_officer_asks_for_after_a_reset(two: World, call: str) -> None:
    sigrid = reset(two, "sigrid", by="astrid")
    asked = sigrid("grant", "sigrid", *EVERYTHING, *WHY).json["grant"]
    assert asked["state"] == "pending"
    assert two.run("approve", asked["id"], who="astrid").exit == 13
    assert not hears(two, sigrid, call)


def test_who_was_reset_by_the_other_officer_gives_nobody_her_place(two: World) -> None:
    sigrid = reset(two, "sigrid", by="astrid")
    refused = sigrid("person", "remove", "sigrid", "--successor", "bodil", "--yes")
    assert (refused.exit, refused.json["error"]["code"]) == (14, "handover_waits")


def test_a_reset_while_another_approves_comes_too_soon_or_too_late(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three officers: astrid approves what sigrid asked for, and resets her from another window meanwhile."""
    add(two, "bodil")
    clock(monkeypatch, timedelta(days=60))
    two.json("purge", "--allow-large", who="cron")
    asked = given(two, "sigrid", by="sigrid")
    meanwhile(monkeypatch, approvals, "_logged_refusal", lambda: reset(two, "sigrid", by="astrid"))
    assert two.run("approve", asked["id"], who="astrid").exit == 4


@pytest.mark.slow
def test_one_officer_chooses_no_successor_beside_another_and_no_removal_or_reset_takes_that_one_out(
    two: World, call: str
) -> None:
    refused = two.run("person", "remove", "astrid", "--successor", "gro", "--yes", "--json", who="astrid")
    assert (refused.exit, refused.json["error"]["code"]) == (14, "handover_waits")
    add(two, "gro", by="astrid")
    two.json("person", "remove", "astrid", "--yes", who="gro")
    asked = given(two, "sigrid", by="sigrid")
    assert (asked["state"], asked["own"]) == ("pending", True)
    two.json("person", "passphrase", "--reset", "gro", who="sigrid")
    assert given(two, "sigrid", by="sigrid")["state"] == "pending"
    two.json("person", "remove", "gro", "--yes", who="sigrid")
    assert given(two, "sigrid", by="sigrid")["state"] == "pending"
    assert not hears(two, lambda *words: two.run(*words, who="sigrid"), call)


@pytest.mark.slow
def test_a_handover_that_broke_off_lets_nobody_be_the_only_officer_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Her person says that she handed over; but whom she handed over to is gone, and she stayed."""
    monkeypatch.setattr(identities, "take_over", stop)
    assert world.run("person", "remove", "sigrid", "--successor", "gro", "--yes", who="sigrid").exit != 0
    monkeypatch.undo()
    world.json("person", "remove", "gro", "--yes", who="sigrid")
    add(world, "astrid")
    clock(monkeypatch, timedelta(days=30))
    world.json("purge", "--allow-large", who="cron")
    world.json("person", "remove", "sigrid", "--yes", who="astrid")
    assert given(world, "astrid", by="astrid")["state"] == "pending", "sigrid was there until now"


def stop(*_: Any) -> None:
    raise InUse("in_use")


# -- through people who are gone, and through the paper ------------------------------------------------


def test_a_chain_of_puppets_is_followed_through_one_who_is_gone(two: World, call: str) -> None:
    add(two, "puppet", by="sigrid")
    mona = acting(two, "mona", two.json("person", "add", "mona", "--role", "manager", who="puppet"))
    two.json("person", "remove", "puppet", "--yes", who="sigrid")
    grant = given(two, "mona", by="sigrid")
    assert (grant["state"], grant["own"]) == ("pending", True)
    assert not hears(two, mona, call)
    two.json("approve", grant["id"], who="astrid")
    assert hears(two, mona, call), "once another officer knows of it"


def test_what_the_paper_gives_to_its_puppet_opens_nothing_for_seven_days_and_nobody_approves_it(
    two: World, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each officer may be the one who holds the paper."""
    paper_file = secret_file(two, json.loads((two.base / "init.json").read_text())["recovery_key"])
    paper = ("--as", "recovery", "--passphrase-file", paper_file)
    mona = acting(two, "mona", two.run("person", "add", "mona", "--role", "manager", "--json", *paper).json)
    grant = two.run("grant", "mona", *EVERYTHING, *WHY, "--json", *paper).json["grant"]
    assert grant["state"] == "pending"
    for who in ("astrid", "sigrid"):
        assert two.code("approve", grant["id"], who=who) == (13, "not_second")
    assert not hears(two, mona, call)
    assert {each["id"] for each in two.json("status", who="iver")["waiting"]} == {grant["id"]}
    clock(monkeypatch, timedelta(days=37, minutes=5))
    two.json("purge", "--allow-large", who="cron")
    assert two.code("approve", grant["id"], who="astrid")[0] == 4, "it is over"
    assert not hears(two, mona, call)
    assert given(two, "mona", by="sigrid")["state"] == "live"


@pytest.mark.parametrize("paper_by", ["sigrid", "astrid"])
def test_an_officer_with_the_paper_hears_nothing_at_once_and_what_she_did_is_told(
    two: World, call: str, paper_by: str
) -> None:
    """She resets the other one, adds an officer, and gives herself access in every way that the paper has."""
    other = "astrid" if paper_by == "sigrid" else "sigrid"
    paper_file = secret_file(two, json.loads((two.base / "init.json").read_text())["recovery_key"])
    paper = ("--as", "recovery", "--passphrase-file", paper_file)
    reset_one = acting(two, other, two.run("person", "passphrase", "--reset", other, "--json", *paper).json)
    asked = [
        two.run("grant", to, *EVERYTHING, *WHY, "--json", *paper).json["grant"] for to in (paper_by, other, "recovery")
    ]
    asked += [given(two, to, by=paper_by) for to in (paper_by, other)]
    asked.append(reset_one("grant", paper_by, *EVERYTHING, *WHY).json["grant"])
    assert {each["state"] for each in asked} == {"pending"}
    new = two.run("person", "add", "gro", "--role", "officer", "--json", *paper).json
    assert "pending" in new, "an officer by the paper is none at once"
    for waits in (*asked, new["pending"]):
        assert two.code("approve", waits["id"], who=paper_by)[0] == 13
        assert reset_one("approve", waits["id"]).exit == 13
        assert two.run("approve", waits["id"], *paper).exit == 13
    assert not hears(two, lambda *words: two.run(*words, who=paper_by), call)
    assert not hears(two, reset_one, call)
    told = [(each["action"], each["person"]) for each in two.json("audit", "show", who="iver")["entries"]]
    assert {("person reset", "recovery"), ("grant", "recovery"), ("grant", paper_by)} <= set(told)


# -- with a clock that is ahead ------------------------------------------------------------------------


def test_what_was_given_by_a_clock_that_was_set_ahead_for_a_moment_ends_when_the_right_one_is_accepted(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(two, "mona", "manager", by="astrid")
    clock(monkeypatch, timedelta(days=37, minutes=1))
    assert given(two, "mona", by="astrid")["state"] == "live"
    clock(monkeypatch, timedelta(days=30, minutes=5))
    two.json("clock", "--accept", "--reason", "the clock had jumped ahead", who="astrid")
    (call,) = two.take_in("a", started=datetime.now(UTC) + timedelta(days=29))
    assert not hears(two, lambda *words: two.run(*words, who="mona"), call)
    assert {each["state"] for each in two.json("grants", "--all", who="sigrid")["grants"]} == {"revoked"}


def test_what_was_approved_by_a_clock_that_was_set_ahead_for_a_moment_ends_too(
    two: World, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    astrid = reset(two, "astrid", by="sigrid")
    clock(monkeypatch, timedelta(days=30, minutes=2))
    asked = given(two, "sigrid", by="sigrid")
    assert astrid("approve", asked["id"]).exit == 13
    clock(monkeypatch, timedelta(days=37, minutes=1))
    assert astrid("approve", asked["id"]).exit == 0
    clock(monkeypatch, timedelta(days=30, minutes=5))
    two.json("clock", "--accept", *BEHIND, who="sigrid")
    assert not hears(two, lambda *words: two.run(*words, who="sigrid"), call)


# -- with a clock that is behind -----------------------------------------------------------------------


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "not-accepted"])
def test_a_removal_by_a_clock_that_was_set_back_is_of_the_time_that_the_purges_tell(
    two: World, monkeypatch: pytest.MonkeyPatch, accepted: bool
) -> None:
    clock(monkeypatch, timedelta(days=22))
    if accepted:
        two.json("clock", "--accept", *BEHIND, who="sigrid")
    two.json("person", "remove", "astrid", "--yes", who="sigrid")
    clock(monkeypatch, timedelta(days=30, minutes=5))
    assert given(two, "sigrid", by="sigrid")["state"] == "pending"
    clock(monkeypatch, timedelta(days=37, minutes=5))
    assert given(two, "sigrid", by="sigrid")["state"] == "live"


@pytest.mark.parametrize("how", ["reset", "added"])
def test_keys_that_she_gave_by_a_clock_that_was_set_back_and_accepted_are_new_once_it_is_right(
    two: World, call: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    clock(monkeypatch, timedelta(days=22))
    two.json("clock", "--accept", *BEHIND, who="sigrid")
    if how == "reset":
        puppet = reset(two, "astrid", by="sigrid")
    else:
        puppet = acting(
            two,
            "bodil",
            approved(two, two.json("person", "add", "bodil", "--role", "officer", who="sigrid"), by="sigrid"),
        )
    clock(monkeypatch, timedelta(days=30, minutes=5))
    asked = given(two, "sigrid", by="sigrid")
    assert asked["state"] == "pending"
    assert puppet("approve", asked["id"]).exit == 13
    assert not hears(two, lambda *words: two.run(*words, who="sigrid"), call)


def test_an_entry_of_a_time_to_come_lets_nobody_wait_longer(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, timedelta(days=30_000))
    two.json("audit", "show", who="iver")
    clock(monkeypatch, timedelta(days=30))
    two.json("person", "remove", "astrid", "--yes", who="sigrid")
    two.json("clock", "--accept", *BEHIND, who="sigrid")
    assert given(two, "sigrid", by="sigrid")["state"] == "pending"
    clock(monkeypatch, timedelta(days=37, minutes=5))
    assert given(two, "sigrid", by="sigrid")["state"] == "live"
