"""Which employees were shown which privacy notice, and who was recorded and shown none (info.employees)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.law.model.times import local_date
from tests.support.attack import meanwhile
from tests.support.backups import back_up, lose, with_feed
from tests.support.catalogue import insider
from tests.support.clock import later
from tests.support.world import World

pytestmark = [pytest.mark.rule("data.employee"), pytest.mark.slow]


def day(**span: float) -> str:
    return local_date(datetime.now(UTC) + timedelta(**span)).isoformat()


def notify(world: World, *words: str, who: str = "sigrid") -> list[dict[str, Any]]:
    return list(world.json("person", "notify", *words, who=who)["notices"])


def version(world: World) -> str:
    return str(world.json("policy", "show", who="sigrid")["version"])


def test_the_list_says_who_was_shown_which_notice_when_the_newest_first(world: World) -> None:
    assert world.json("person", "notify", who="sigrid")["notices"] == []
    today = local_date(datetime.now(UTC)).isoformat()
    shown = notify(world, "Ola Oppdiktet", "leif")
    expected = {"notice": "employees", "version": version(world), "shown_at": today}
    assert shown == [{"person": "Ola Oppdiktet", **expected}, {"person": "leif", **expected}]
    notify(world, "  Prøve Prøvesen ", "--notice", "employees", "--on", today)
    for who in ("sigrid", "iver"):
        assert [each["person"] for each in notify(world, who=who)] == ["Prøve Prøvesen", "leif", "Ola Oppdiktet"]
    table = world.run("person", "notify", "--lang", "en", who="iver").out
    assert "Prøve Prøvesen" in table and today in table


def test_a_name_that_was_typed_twice_is_one_whatever_its_capitals(world: World) -> None:
    assert [each["person"] for each in notify(world, "Ola Oppdiktet", "OLA  oppdiktet")] == ["OLA  oppdiktet"]
    assert len(notify(world)) == 1


def test_the_notice_is_that_of_the_version_that_was_in_force_on_that_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, before = version(world), day()
    later(monkeypatch, days=3)
    changed = world.base / "policy.toml"
    text = world.run("policy", "show", "--toml", who="sigrid").out.replace(f'"{first}"', '"2026-02"')
    changed.write_text(text.replace("most_found = 50", "most_found = 40"), "utf-8")
    proposal = world.json("policy", "propose", str(changed), who="sigrid")["proposal"]
    world.json("approve", proposal["id"], who="sigrid")
    assert [each["version"] for each in notify(world, "Ola Oppdiktet", "--on", before)] == [first]
    assert [each["version"] for each in notify(world, "Ola Oppdiktet")] == ["2026-02"]
    assert [each["version"] for each in notify(world, "Ola Oppdiktet", "--version", first)] == [first]
    told = world.code("person", "notify", "Ola Oppdiktet", "--version", "2026-02", "--on", before, who="sigrid")
    assert told == (2, "notice_before_version")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--on", "tomorrow"), "notice_in_future"),
        (("--on", "2020-01-01"), "notice_before_version"),
        (("--on", "1/2/2026"), "bad_time"),
        (("--version", "2199-01"), "no_such_version"),
        (("--notice", "customers"), "no_such_notice"),
        (("--missing",), "notify_options"),
        (("",), "bad_agent_name"),
        (("x" * 201,), "bad_agent_name"),
        (("Kari\u202eneseV",), "bad_agent_name"),
        (("two\nlines",), "bad_agent_name"),
    ],
)
def test_what_cannot_have_been_shown_is_not_noted(world: World, words: tuple[str, ...], code: str) -> None:
    assert world.code("person", "notify", "Ola Oppdiktet", *words, who="sigrid") == (2, code)
    assert notify(world) == []


def test_a_day_without_a_name_notes_nothing(world: World) -> None:
    assert world.code("person", "notify", "--on", "today", who="sigrid") == (2, "notify_options")


def test_only_officers_note_and_only_they_and_auditors_see_the_list(world: World) -> None:
    for who in ("leif", "siri", "iver"):
        assert world.code("person", "notify", "Ola Oppdiktet", who=who) == (13, "not_your_role")
        assert world.code("person", "notify", "--missing", who=who) == (13, "not_your_role")
    for who in ("leif", "siri"):
        assert world.code("person", "notify", who=who) == (13, "not_your_role")
    assert notify(world, who="iver") == []


def test_who_was_recorded_and_shown_no_notice_is_told_and_the_look_is_logged(world: World) -> None:
    world.take_in("a", "b", agent="Ola Oppdiktet")
    world.take_in("c", agent="Kari Prøvesen", seed=7)
    told = world.json("person", "notify", "--missing", who="sigrid")
    assert (told["missing"], told["unknown"]) == (["Kari Prøvesen", "Ola Oppdiktet"], 0)
    notify(world, "OLA OPPDIKTET")
    assert world.json("person", "notify", "--missing", who="sigrid")["missing"] == ["Kari Prøvesen"]
    notify(world, "Kari Prøvesen")
    assert world.json("person", "notify", "--missing", who="sigrid")["missing"] == []
    looks = world.json("audit", "show", "--action", "notify", "--outcome", "allowed", who="iver")["entries"]
    named = [(each["person"], each["detail"]["named"]) for each in looks]
    assert named == [("sigrid", 2), ("sigrid", 1), ("sigrid", 0)], "a call of those who were told is not opened"
    world.take_in("d", agent="Prøve Prøvesen", seed=9)
    with insider(world) as db:
        db.run("UPDATE metadata SET sealed = zeroblob(40)")
    told = world.json("person", "notify", "--missing", who="sigrid")
    assert (told["missing"], told["unknown"]) == ([], 1)


def test_once_it_is_required_a_call_of_somebody_who_was_never_told_waits_in_the_spool(world: World) -> None:
    world.take_in("before", agent="Ola Oppdiktet")
    assert world.json("status", who="iver")["untold"] == 1
    assert world.json("person", "notify", "--require", who="sigrid")["required"] is True
    for stem, agent in (("a", "Kari Prøvesen"), ("b", "Ola Oppdiktet")):
        world.deliver(stem, agent=agent, seed=ord(stem))
    notify(world, "kari  PRØVESEN")
    told = world.json("ingest", str(world.spool), who="telefon")
    refused = [(each["source_id"], each["code"], each["rule"]) for each in told["refused"]]
    assert refused == [("pbx.b", "agent_not_told", "info.employees")]
    assert [each["source_id"] for each in told["accepted"]] == ["pbx.a"]
    assert (world.spool / "b.wav").exists(), "it can be mended"
    assert ("untold" in world.tasks("sigrid"), world.tasks("leif")) == (True, [])
    assert "Ola Oppdiktet" not in str(world.json("status", who="iver"))
    notify(world, "Ola Oppdiktet")
    told = world.json("ingest", str(world.spool), who="telefon")
    assert [each["source_id"] for each in told["accepted"]] == ["pbx.b"]
    assert world.json("status", who="iver")["untold"] == 0


def test_status_counts_those_of_the_last_week_and_the_list_names_all(world: World) -> None:
    world.take_in("before", agent="Ola Oppdiktet", started=datetime.now(UTC) - timedelta(days=7))
    started = datetime.now(UTC) - timedelta(days=7) + timedelta(minutes=5)
    world.take_in("a", agent="Kari Prøvesen", started=started, seed=7)
    assert world.json("status", who="iver")["untold"] == 1
    told = world.json("person", "notify", "--missing", who="sigrid")
    assert told["missing"] == ["Kari Prøvesen", "Ola Oppdiktet"]


def test_what_is_no_longer_required_refuses_nothing_and_only_officers_require_it(world: World) -> None:
    for who in ("leif", "siri", "iver"):
        assert world.code("person", "notify", "--require", who=who) == (13, "not_your_role")
    assert world.code("person", "notify", "Ola Oppdiktet", "--require", who="sigrid") == (2, "notify_options")
    world.json("person", "notify", "--require", who="sigrid")
    world.json("person", "notify", "--no-require", who="sigrid")
    assert world.take_in("a")


def test_a_notice_that_is_required_while_a_call_is_sealed_keeps_it_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arlo_rec.calls.intake.batch import Batch

    world.deliver("a")
    meanwhile(monkeypatch, Batch, "_commit", lambda: world.json("person", "notify", "--require", who="sigrid"))
    told = world.json("ingest", str(world.spool), who="telefon")
    assert [each["code"] for each in told["refused"]] == ["agent_not_told"]


def test_what_was_shown_is_restored_with_the_log(fed: World) -> None:
    notify(fed, "Ola Oppdiktet")
    back_up(fed)
    notify(fed, "Kari Prøvesen")
    fed.json("person", "notify", "--require", who="sigrid")
    lose(fed)
    with_feed(fed)
    assert [each["person"] for each in notify(fed)] == ["Kari Prøvesen", "Ola Oppdiktet"]
    fed.deliver("a", agent="Prøve Prøvesen")
    assert fed.code("ingest", str(fed.spool), who="telefon")[0] == 3, "what is required is restored too"
