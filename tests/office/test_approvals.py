"""What an officer gives herself waits for a second one, by whatever detour; and ends after seven days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.office import grants
from arlo_rec.policy import FOUR_EYES
from tests.support.world import EVERYTHING, REASON, World

pytestmark = pytest.mark.rule("access.officer")


@pytest.fixture
def two(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A store with two officers who know each other for eight days."""
    add(world, "astrid", "officer")
    later(monkeypatch, timedelta(days=8))
    world.catch_up()
    world.take_in("a", started=datetime.now(UTC) + timedelta(days=8) - timedelta(hours=1))
    return world


def later(monkeypatch: pytest.MonkeyPatch, span: timedelta) -> None:
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + span)


def add(world: World, name: str, role: str, *, by: str = "sigrid") -> None:
    words = ("person", "add", name, "--role", role, "--new-passphrase-file", str(world.base / "passphrase"))
    world.json(*words, who=by)


def give(world: World, to: str, *, by: str, **how: Any) -> dict[str, Any]:
    words = ("grant", to, *EVERYTHING, "--purpose", "quality", "--reason", REASON, "--days", "20")
    return world.json(*words, who=by, **how)["grant"]


def can_find(world: World, who: str) -> bool:
    return world.run("find", "--purpose", "quality", "--reason", REASON, who=who).exit == 0


def test_it_opens_nothing_until_a_second_officer_approves_and_then_what_is_held_and_comes(two: World) -> None:
    given = give(two, "sigrid", by="sigrid")
    assert (given["state"], given["own"]) == ("pending", True)
    assert not can_find(two, "sigrid")
    assert [each["id"] for each in two.json("status", who="iver")["waiting"]] == [given["id"]]
    assert two.run("approve", given["id"], who="sigrid").exit == 13
    approved = two.json("approve", given["id"], who="astrid")["grant"]
    assert (approved["state"], approved["approved_by"]) == ("live", ["astrid"])
    found = two.json("find", "--purpose", "quality", "--reason", REASON, who="sigrid")["recordings"]
    assert len(found) == 1
    out = two.base / "out.wav"
    words = ("export", found[0]["id"], "--purpose", "quality", "--reason", REASON, "--out", str(out))
    assert two.run(*words, who="sigrid").exit == 0
    assert not two.json("status", who="iver")["own_access"]


@pytest.mark.slow
def test_an_officers_own_access_is_for_twenty_recordings_a_day_unless_it_says_more(two: World) -> None:
    given = give(two, "sigrid", by="sigrid")
    assert given["limits"]["per_day"] == 20
    shown = " ".join(two.run("todo", "--lang", "en", who="astrid").out.split())
    assert "20 recordings a day" in shown
    words = ("grant", "sigrid", *EVERYTHING, "--purpose", "quality", "--per-day", "200", "--reason", REASON)
    more = two.json(*words, who="sigrid")
    assert (more["grant"]["state"], more["grant"]["limits"]["per_day"]) == ("pending", 200)
    assert give(two, "leif", by="sigrid")["limits"]["per_day"] is None


def test_todo_asks_who_may_approve_and_nobody_else(two: World) -> None:
    give(two, "sigrid", by="sigrid")
    waiting = {
        who: [task["kind"] for task in two.json("todo", who=who)["todo"] if task["kind"] == "approve"]
        for who in ("sigrid", "astrid", "leif")
    }
    assert waiting == {"sigrid": [], "astrid": ["approve"], "leif": []}


def test_a_second_officer_may_deny_it_with_a_reason_and_then_it_is_over(two: World) -> None:
    given = give(two, "sigrid", by="sigrid")
    assert two.run("deny", given["id"], "--reason", "no", who="astrid").exit == 2
    assert two.run("deny", given["id"], "--reason", "not agreed with anybody", who="sigrid").exit == 13
    denied = two.json("deny", given["id"], "--reason", "not agreed with anybody", who="astrid")["grant"]
    assert denied["state"] == "denied"
    assert two.run("approve", given["id"], who="astrid").exit == 4
    assert not can_find(two, "sigrid")
    (entry,) = two.json("audit", "show", "--action", "deny", who="iver")["entries"]
    assert (entry["person"], entry["detail"]["why"]) == ("astrid", "not agreed with anybody")


def alike(monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
    """The next grants get these ids."""
    chances, known, real = iter(ids), dict[str, str](), grants.content_id

    def of_content(document: Mapping[str, Any]) -> str:
        digest = real(document)
        return known.setdefault(digest, next(chances, digest))

    monkeypatch.setattr(grants, "content_id", of_content)


def test_what_is_decided_is_named_by_its_whole_id_and_what_was_decided_by_a_beginning(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = "abcdef10" + "00" * 4, "abcdef11" + "00" * 4
    alike(monkeypatch, first, second)
    assert [give(two, "sigrid", by="sigrid")["id"] for _ in range(2)] == [first, second]
    table = two.run("grants", who="sigrid").out.splitlines()
    assert [line.split()[0] for line in table[1:]] == [first, second], "to be copied"
    assert [each["id"] for each in two.json("grants", who="sigrid")["grants"]] == [first, second]
    beginnings = dict.fromkeys((first[:-1], first[:8], "abcdef", "a"), (2, "id_not_whole"))
    for text, code in {**beginnings, **dict.fromkeys((first + "0", "012345", ""), (4, "no_pending_grant"))}.items():
        for words in (("approve", text), ("deny", text, "--reason", "not agreed with anybody")):
            assert two.code(*words, who="astrid") == code, words
    assert two.json("approve", first, who="astrid")["grant"]["id"] == first
    denied = two.json("deny", second, "--reason", "once is enough for now", who="astrid")["grant"]
    assert (denied["id"], denied["state"]) == (second, "denied")
    table = two.run("grants", "--all", who="sigrid").out.splitlines()
    assert [line.split()[0] for line in table[1:]] == [first[:8], second[:8]]
    refused = two.run("revoke", "sigrid", "--grant", first[:7], "--json", who="astrid")
    assert (refused.exit, refused.json["error"]["code"]) == (4, "no_such_grant"), "a grant that was denied is one, too"
    assert [each["id"] for each in two.json("revoke", "sigrid", "--grant", first[:8], who="astrid")["revoked"]] == [
        first
    ]


def test_it_ends_after_seven_days(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given = give(two, "sigrid", by="sigrid")
    later(monkeypatch, timedelta(days=8) + FOUR_EYES + timedelta(minutes=1))
    two.run("purge", "--allow-large", who="cron")
    assert two.run("approve", given["id"], who="astrid").exit == 4
    (shown,) = two.json("grants", "--all", who="sigrid")["grants"]
    assert shown["state"] == "expired"


@pytest.mark.slow
def test_the_recovery_key_and_a_puppet_are_no_way_around_it(two: World) -> None:
    import json

    recovery = two.base / "recovery"
    recovery.write_text(json.loads((two.base / "init.json").read_text())["recovery_key"])
    recovery.chmod(0o600)
    words = ("grant", "sigrid", *EVERYTHING, "--purpose", "quality", "--reason", REASON, "--json")
    by_paper = two.run(*words, "--as", "recovery", "--passphrase-file", str(recovery))
    assert (by_paper.exit, by_paper.json["grant"]["state"]) == (0, "pending")
    add(two, "puppet", "manager")
    assert give(two, "puppet", by="sigrid")["state"] == "pending"
    assert give(two, "puppet", by="astrid")["state"] == "live"
    add(two, "accomplice", "officer")
    assert two.run("status", who="accomplice").exit == 12, "she waits for a second officer herself"
    (waits,) = (each["id"] for each in two.json("todo", who="astrid")["todo"] if each["kind"] == "approve_officer")
    two.json("approve", waits, who="astrid")
    given = give(two, "sigrid", by="accomplice")
    assert given["state"] == "pending"
    assert two.run("approve", given["id"], who="accomplice").exit == 13
    assert two.run("approve", given["id"], "--as", "recovery", "--passphrase-file", str(recovery)).exit == 13
    assert two.run("approve", given["id"], who="astrid").exit == 0


def test_a_manager_who_is_no_puppet_needs_one_officer_alone(two: World) -> None:
    assert give(two, "leif", by="sigrid")["state"] == "live"


def test_where_there_is_one_officer_it_is_live_logged_as_her_own_and_shown(world: World) -> None:
    given = give(world, "sigrid", by="sigrid")
    assert (given["state"], given["own"]) == ("live", True)
    (entry,) = world.json("audit", "show", "--action", "grant", who="iver")["entries"]
    assert entry["detail"]["own"] is True
    assert [each["person"] for each in world.json("status", who="iver")["own_access"]] == ["sigrid"]


def test_who_is_no_officer_approves_nothing(two: World) -> None:
    given = give(two, "sigrid", by="sigrid")
    for who in ("leif", "iver", "siri", "cron"):
        assert two.run("approve", given["id"], who=who).exit == 13
