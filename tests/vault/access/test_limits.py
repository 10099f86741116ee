"""A grant that is limited opens the calls of its agents and days, and so many a day, in every command."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.model import documents
from arlo_rec.law.model.records import Grant, Limits, RecordingId
from arlo_rec.law.model.times import local_date
from arlo_rec.vault.access import limits
from arlo_rec.vault.opened import Store
from tests.support.catalogue import insider
from tests.support.copies import CONFIRM, SAID, labels, propose
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("access.need"), pytest.mark.slow]
WHY = ("--purpose", "quality", "--reason", REASON)
NOW = datetime.now(UTC)


@pytest.fixture
def calls(world: World) -> dict[str, str]:
    """Three calls: of Ola of today and of ten days ago, and of Kari of today."""
    made = {}
    for name, agent, days in (("ola", "Ola Oppdiktet", 0), ("old", "Ola Oppdiktet", 10), ("kari", "Kari Eksempel", 0)):
        started = NOW - timedelta(days=days, hours=1)
        (made[name],) = world.take_in(name, agent=agent, started=started, seed=len(made))
    return made


def found(world: World, who: str = "leif") -> set[str]:
    return {each["id"] for each in world.json("find", *WHY, who=who)["recordings"]}


def export(world: World, recording: str, name: str = "out.wav", who: str = "leif") -> tuple[int, str]:
    return world.code("export", recording, *WHY, "--out", str(world.base / name), who=who)


def test_a_grant_for_an_agent_opens_no_call_of_another_and_does_not_say_that_there_is_one(
    world: World, calls: dict[str, str]
) -> None:
    world.grant("leif", "quality", "--agent", "ola OPPDIKTET")
    assert found(world) == {calls["ola"], calls["old"]}
    assert export(world, calls["ola"]) == (0, "")
    assert export(world, calls["kari"], "no.wav") == export(world, "0" * 32, "no.wav") == (13, "no_grant")
    assert world.code("listen", calls["kari"], *WHY, "--player", "cat", who="leif") == (13, "no_grant")
    cuts = labels(world, (0.1, 0.2))
    assert world.code("pseudonymise", *SAID, calls["kari"], "--cuts", cuts, who="leif") == (13, "no_grant")
    agents = world.json("find", "--teams", *WHY, who="leif")["teams"]
    assert [team["agents"] for team in agents] == [["Ola Oppdiktet"]]


def test_a_damaged_call_that_may_be_anothers_is_not_told_of(world: World, calls: dict[str, str]) -> None:
    world.grant("leif", "quality", "--agent", "Ola Oppdiktet")
    world.grant("turid", "quality")
    with insider(world) as db:
        db.run("UPDATE metadata SET sealed = randomblob(100) WHERE recording = ?", (bytes.fromhex(calls["kari"]),))
    told = {who: world.json("find", *WHY, who=who)["damaged"] for who in ("leif", "turid")}
    assert told == {"leif": [], "turid": [calls["kari"]]}


def test_a_grant_for_days_opens_calls_that_began_in_them(world: World, calls: dict[str, str]) -> None:
    day = (NOW - timedelta(days=5)).date().isoformat()
    world.grant("leif", "quality", "--calls", f"{day}..")
    world.grant("turid", "quality", "--calls", f"..{day}")
    assert found(world) == {calls["ola"], calls["kari"]}
    assert found(world, "turid") == {calls["old"]}
    assert export(world, calls["old"]) == (13, "no_grant")
    assert export(world, calls["old"], who="turid") == (0, "")
    assert export(world, calls["ola"], "no.wav", who="turid") == (13, "no_grant")


def test_so_many_a_day_are_heard_and_those_again(world: World, calls: dict[str, str]) -> None:
    world.grant("leif", "quality", "--per-day", "2")
    assert found(world) == set(calls.values()), "a search shows them all"
    assert export(world, calls["ola"]) == (0, "")
    assert world.code("listen", calls["kari"], *WHY, "--player", "cat", who="leif")[0] == 0
    assert export(world, calls["old"], "no.wav") == (14, "heard_enough")
    assert export(world, calls["ola"], "again.wav") == (0, "")
    world.grant("leif", "quality", "--agent", "Ola Oppdiktet")
    assert export(world, calls["old"], "old.wav") == (0, ""), "another grant has no such limit"
    (denied,) = (each for each in world.json("audit", "show", "--denied", who="iver")["entries"])
    assert denied["detail"]["code"] == "heard_enough"


def test_two_commands_at_once_hear_no_more_than_one_after_the_other(
    world: World, calls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.grant("leif", "quality", "--per-day", "1")
    with_room = limits.with_room
    ends = []

    def room(store: Store, grants: Sequence[Grant], recording: RecordingId, now: datetime) -> Grant | None:
        """Another command runs between this one's look and its entry."""
        monkeypatch.setattr(limits, "with_room", with_room)
        found = with_room(store, grants, recording, now)
        ends.append(export(world, calls["ola"], "first.wav"))
        return found

    monkeypatch.setattr(limits, "with_room", room)
    assert export(world, calls["kari"], "second.wav") == (14, "heard_enough")
    assert ends == [(0, "")]
    assert not (world.base / "second.wav").exists()


def test_a_copy_of_a_call_that_was_heard_is_that_call(world: World, calls: dict[str, str]) -> None:
    copy = str(propose(world, calls["ola"])["copy"])
    world.grant("leif", "quality", "--per-day", "1", "--agent", "Ola Oppdiktet")
    assert export(world, calls["ola"]) == (0, "")
    assert export(world, copy, "copy.wav") == (0, "")
    assert world.code("review", copy, *CONFIRM, who="leif")[0] == 0
    other = str(propose(world, calls["kari"])["copy"])
    assert world.code("review", other, *CONFIRM, who="leif") == (13, "no_grant")


def test_limits_are_shown_and_stand_in_roster_and_log(world: World) -> None:
    given = world.grant("leif", "quality", "--agent", "Ola Oppdiktet", "--calls", "..2026-11-01", "--per-day", "5")
    limits = {"agents": ["Ola Oppdiktet"], "from": None, "to": "2026-11-01T23:00:00Z", "per_day": 5}
    assert given["limits"] == limits
    assert [each["limits"] for each in world.json("grants", who="sigrid")["grants"]] == [limits]
    shown = world.run("grants", "--lang", "en", who="sigrid").out
    assert "only calls with Ola Oppdiktet, to 2026-11-01 24:00, 5 recordings a day" in " ".join(shown.split())
    (entry,) = world.json("audit", "show", "--action", "grant", who="iver")["entries"]
    assert entry["detail"]["limits"] == limits


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--per-day", "0"), "bad_limits"),
        (("--agent", " "), "bad_limits"),
        (("--agent", "x\u202e"), "bad_limits"),
        (("--calls", "2026-11-02..2026-11-01"), "span_reversed"),
        (("--calls", ".."), "bad_time"),
    ],
)
def test_limits_that_are_none_are_refused(world: World, words: tuple[str, ...], told: str) -> None:
    grant = ("grant", "leif", "--all-teams", "--purpose", "quality", "--reason", REASON)
    assert world.code(*grant, *words, who="sigrid") == (2, told)


def test_limits_come_back_from_json_as_they_were() -> None:
    for each in (Limits(), Limits(frozenset({"a", "b"}), NOW.replace(microsecond=0), None, 3)):
        assert documents.read(documents.plain(each), Limits) == each


@pytest.mark.rule("access.managers")
def test_after_the_end_of_a_grant_it_is_said_when_that_was_and_how_to_ask_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a")
    never = world.run("find", *WHY, "--lang", "en", who="leif")
    assert "you have no grant for this" in never.err
    world.grant("leif", "quality", "--team", "kundeservice", "--days", "1")
    monkeypatch.setattr(Run, "now", lambda _: datetime.now(UTC) + timedelta(days=2))
    day = local_date(datetime.now(UTC) + timedelta(days=1)).isoformat()
    again = "arlo-rec request --purpose quality --team kundeservice --reason"
    for words in (("find", *WHY), ("export", "0" * 32, *WHY, "--out", str(world.base / "out.wav"))):
        ended = world.run(*words, "--lang", "en", who="leif")
        assert (ended.exit, day in ended.err, again in ended.err) == (13, True, True), ended
        assert world.code(*words, who="leif") == (13, "no_grant"), "scripts read the code they know"
    assert again in world.run("find", "--teams", who="leif").out
    assert again in world.run("todo", who="leif").out
    assert "you have no grant" in world.run("find", "--purpose", "training", *WHY[2:], "--lang", "en", who="leif").err
    world.json("request", "--purpose", "quality", "--team", "kundeservice", "--reason", REASON, who="leif")
    assert "grant_ended" not in world.tasks("leif")


MISTYPED = ("--purpose", "quality", "--team", "kundeservise", "--agent", "Ola Opdiktet", "--reason", REASON)


@pytest.mark.parametrize("typed", ["yes", "no"])
def test_on_a_terminal_a_name_that_is_like_a_known_one_is_asked_about_before_access_is_given(
    world: World, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    world.take_in("a")
    asked = world.json("request", *MISTYPED, who="leif")["request"]
    monkeypatch.setattr(Run, "can_ask", lambda _: True)
    monkeypatch.setattr(Run, "answer_to", lambda *_: typed)
    for words in (("approve", asked["id"]), ("grant", "turid", *MISTYPED)):
        told = world.run(*words, "--lang", "en", who="sigrid")
        assert "kundeservise: no recordings are held. Did you mean kundeservice?" in told.err
        assert "Ola Opdiktet: no recordings are held. Did you mean Ola Oppdiktet?" in told.err
        assert told.exit == (0 if typed == "yes" else 2)
    given = {each["person"] for each in world.json("grants", who="sigrid")["grants"]}
    assert given == ({"leif", "turid"} if typed == "yes" else set())


def test_without_a_terminal_the_answer_says_what_may_be_meant_and_todo_says_it_before(world: World) -> None:
    world.take_in("a")
    world.json("request", *MISTYPED, who="leif")
    todo = " ".join(world.run("todo", "--lang", "en", who="sigrid").out.split())
    assert "(no recordings for kundeservise; is it kundeservice?) (no recordings for Ola Opdiktet)" in todo
    assert world.json("audit", "show", "--action", "person", who="iver")["entries"] == []
    told = world.run("grant", "turid", *MISTYPED, "--lang", "en", who="sigrid")
    assert told.exit == 0
    assert (
        "Ola Opdiktet: no recordings are held, so the grant opens nothing now.\nDid you mean: Ola Oppdiktet?"
        in told.out
    )
    assert "Did you mean: kundeservice?" in told.out


def test_a_request_names_nothing_that_its_person_was_not_granted(world: World) -> None:
    world.take_in("a")
    assert "kundeservice?" not in world.run("request", *MISTYPED, who="turid").out
    world.grant("turid", "quality", "--team", "kundeservice", "--agent", "Ola Oppdiktet")
    again = world.run("request", *MISTYPED, "--lang", "en", who="turid").out
    assert "kundeservise: did you mean kundeservice?" in again
    assert "Ola Opdiktet: did you mean Ola Oppdiktet?" in again


def test_an_agent_to_whom_a_grant_is_limited_is_named_where_a_search_finds_nothing(world: World) -> None:
    world.take_in("a")
    world.grant("leif", "quality", "--agent", "Ola Opdiktet")
    told = world.run("find", *WHY, "--lang", "en", who="leif").out
    assert "Your access covers only calls with Ola Opdiktet." in told


def test_a_search_in_a_team_whose_grant_ended_says_so_and_in_one_that_was_never_granted_does_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a")
    world.grant("leif", "quality", "--team", "kundeservice")
    world.grant("leif", "quality", "--team", "teknisk", "--days", "1")
    monkeypatch.setattr(Run, "now", lambda _: datetime.now(UTC) + timedelta(days=2))
    day = local_date(datetime.now(UTC) + timedelta(days=1)).isoformat()
    for team, said in (
        ("teknisk", f"Your grant for the team teknisk ended on {day}."),
        ("salg", "You have no grant for the team salg"),
    ):
        assert said in world.run("find", *WHY, "--team", team, "--lang", "en", who="leif").out
