"""The auditor's report and the facts of a breach, from what people signed; a snoop stands out, the honest do not."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.log.events import Unlocked
from arlo_rec.law.model.records import RecordingId, to_iso
from arlo_rec.law.model.times import local_date
from arlo_rec.machine.conduct import Conduct, outliers
from arlo_rec.policy import Role
from arlo_rec.store import open_store
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.keys.root_secret import StateFolder
from tests.support.attack import identity
from tests.support.pages import config
from tests.support.plain_language import HARDEST, lix
from tests.support.world import REASON, World

pytestmark = pytest.mark.rule("security.monitored")
WHY = ("--purpose", "quality", "--reason", REASON)


# -- what stands out ----------------------------------------------------------------------------------


def honest(chance: random.Random, number: int) -> Conduct:
    """A month of a line manager who does the job: some more of it, some less."""
    busy = chance.choice((0.5, 1.0, 1.0, 1.5, 2.0))
    calls = round(busy * chance.randint(8, 20))
    names = Counter(RecordingId(bytes([number, each]) + bytes(14)) for each in range(calls))
    reasons = Counter({"monthly quality talk with the team": round(busy * chance.randint(6, 14)), "a complaint": 2})
    return Conduct(
        f"leader{number}",
        Role.MANAGER,
        searches=round(busy * chance.randint(10, 25)),
        exports=chance.randint(0, 3),
        denied=chance.randint(0, 3),
        at_night=chance.choice((0, 0, 0, 1, 2)),
        calls=names,
        reasons=reasons,
        same_caller=chance.choice((1, 1, 1, 2, 3)),
    )


@pytest.mark.parametrize("seed", range(100))
def test_twenty_honest_people_do_not_stand_out_and_a_snoop_among_them_does(seed: int) -> None:
    chance = random.Random(seed)
    people = [honest(chance, number) for number in range(20)]
    assert outliers(people) == []
    snoop = honest(chance, 20)
    snoop.at_night, snoop.same_caller, snoop.denied = 14, 11, 15
    found = outliers([*people, snoop])
    assert {each.person for each in found} == {"leader20"}
    assert {each.figure for each in found} == {"at_night", "same_caller", "denied"}


def test_where_there_are_too_few_others_nobody_stands_out() -> None:
    chance = random.Random(1)
    snoop = honest(chance, 9)
    snoop.at_night = 50
    assert outliers([snoop, *(honest(chance, number) for number in range(3))]) == []
    officer = Conduct("sigrid", Role.OFFICER, searches=1000)
    assert outliers([officer, *(honest(chance, number) for number in range(9))]) == []


# -- from the log -------------------------------------------------------------------------------------


def report(world: World, *words: str, who: str = "iver") -> dict[str, Any]:
    return world.json("audit", "report", *words, who=who)


def export(world: World, recording: str, name: str, who: str = "leif") -> None:
    world.json("export", recording, *WHY, "--out", str(world.base / name), who=who)


def at_night() -> datetime:
    """Two o'clock at night in Oslo, the next one."""
    zone = ZoneInfo("Europe/Oslo")
    tomorrow = datetime.now(zone) + timedelta(days=1)
    return tomorrow.replace(hour=2, minute=0).astimezone(UTC)


@pytest.mark.slow
def test_a_report_counts_what_each_person_did(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = world.take_in("a", "b")
    world.grant("leif")
    world.grant("turid")
    world.json("find", *WHY, who="leif")
    export(world, one, "1.wav")
    export(world, one, "2.wav")
    world.json("listen", two, *WHY, "--player", "cat", who="leif")
    world.run("export", "0" * 32, *WHY, "--out", str(world.base / "no.wav"), who="turid")
    told = {each["person"]: each for each in report(world)["people"]}
    leif = told["leif"]
    assert (leif["searches"], leif["heard"], leif["exports"], leif["same_caller"]) == (1, 2, 2, 2)
    assert leif["heard_s"] >= 1 and leif["reasons"] == [{"reason": REASON, "count": 4}]
    assert (told["turid"]["denied"], told["turid"]["heard"]) == (1, 0)
    night = at_night()
    monkeypatch.setattr(Run, "now", lambda _: night)
    export(world, two, "3.wav")
    later = {each["person"]: each["at_night"] for each in report(world)["people"]}["leif"]
    assert later == leif["at_night"] + 1, "whatever the time of day is at which this runs"
    shown = world.run("audit", "report", "--lang", "en", who="iver").out
    assert "leif gave the same reason 5 times, word for word" in " ".join(shown.split())
    assert "Nobody was compared" in shown


@pytest.mark.slow
@pytest.mark.parametrize("words", [("audit", "report"), ("audit", "breach", "--person", "leif")])
def test_only_who_may_read_the_log_gets_it_and_that_is_logged(world: World, words: tuple[str, ...]) -> None:
    for who in ("leif", "siri"):
        assert world.run(*words, who=who).exit == 13
    before = len(world.json("audit", "show", who="iver")["entries"])
    assert world.run(*words, who="sigrid").exit == 0
    assert len(world.json("audit", "show", who="iver")["entries"]) == before + 2


# -- a breach -----------------------------------------------------------------------------------------


def breach(world: World, *words: str) -> dict[str, Any]:
    return world.json("audit", "breach", *words, who="sigrid")


@pytest.mark.slow
def test_a_breach_tells_what_was_reached_by_whom_when_and_of_how_many(world: World) -> None:
    mine, gone = world.take_in("a", "b")
    (other,) = world.take_in("c", caller="+4790000002", seed=7)
    world.grant("leif")
    world.grant("turid")
    world.json("find", *WHY, who="turid")
    export(world, mine, "1.wav")
    export(world, gone, "2.wav")
    told = breach(world, "--person", "leif")
    assert (told["recordings"], told["opened"], told["callers"], told["already_erased"]) == (2, 2, 1, 0)
    assert told["people"] == [{"person": "leif", "opened": 2, "shown": 0, "files": 2}]
    assert told["from"] is not None and told["only_ciphertext"] is False
    world.json("withdraw", "--call", gone, "--yes", who="siri")
    assert breach(world, "--person", "leif")["already_erased"] == 1
    assert breach(world, "--recording", mine)["people"] == [
        {"person": "leif", "opened": 1, "shown": 0, "files": 1},
        {"person": "turid", "opened": 0, "shown": 1, "files": 0},
    ]
    everything = breach(world, "--from", "today")
    assert (everything["recordings"], everything["callers"]) == (3, 2)
    assert "+47" not in world.run("audit", "breach", "--from", "today", "--json", who="sigrid").out
    assert other in everything["ids"]
    shown = " ".join(world.run("audit", "breach", "--person", "leif", "--lang", "en", who="sigrid").out.split())
    assert "Calls whose sound or words were opened: 2" in shown and "72 hours after you became aware" in shown
    assert "opened, " in shown and "shown. Files that were let be saved: " in shown, "right for one file too"


@pytest.mark.slow
def test_a_breach_tells_of_answers_too_and_of_what_was_shown_for_a_withdrawal(world: World) -> None:
    world.take_in("a", seconds=0.2)
    world.json("dsar", "90000001", "--identity", "login", "--out", str(world.base / "a.html"), who="sigrid")
    world.json("withdraw", "90000001", "--yes", "--dry-run", who="siri")
    everything = breach(world, "--from", "today")
    assert everything["people"] == [
        {"person": "sigrid", "opened": 1, "shown": 0, "files": 1},
        {"person": "siri", "opened": 0, "shown": 1, "files": 0},
    ]
    last = breach(world, "--from", everything["from"], "--to", everything["to"])
    assert [each["person"] for each in last["people"]] == ["sigrid"], "the end is no part of the time"


@pytest.mark.slow
def test_a_breach_names_authorities_deadline_consequences_and_measures(world: World) -> None:
    (call,) = world.take_in("a")
    world.grant("leif")
    export(world, call, "1.wav")
    words = ("audit", "breach", "--person", "leif", "--aware", "2026-01-01T10:00:00Z")
    told = world.json(*words, "--lang", "en", who="iver")
    assert (told["aware"], told["deadline"]) == ("2026-01-01T10:00:00Z", "2026-01-04T10:00:00Z"), "over a weekend"
    assert told["lead_authority"] == "the Data Protection Commission of Ireland"
    for lang, wanted in (
        ("nb", ("Data Protection Commission i Irland", "Datatilsynet", "Sannsynlige følger", "Tiltak", "artikkel 34")),
        ("en", ("Commission of Ireland", "Datatilsynet", "Likely consequences", "Measures", "Article 34")),
    ):
        shown = world.run(*words, "--lang", lang, who="sigrid").out
        assert all(each in shown for each in wanted), shown
    ahead = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    assert world.code(*words[:-1], ahead, who="sigrid") == (2, "bad_value")


@pytest.mark.slow
def test_a_company_that_states_no_authority_is_told_what_to_find_out(world: World) -> None:
    options = config(world, 'controller = "Oppdiktet AS"\n')
    told = world.run("audit", "breach", "--from", "today", *options, "--lang", "en", who="sigrid")
    assert told.exit == 0 and "has not stated which (lead_authority" in told.out


@pytest.mark.slow
def test_a_breach_drafts_the_notice_to_people_with_blanks_and_nobodys_name_or_number(world: World) -> None:
    (call,) = world.take_in("a")
    world.grant("leif")
    export(world, call, "1.wav")
    out = world.base / "notice.md"
    told = breach(world, "--person", "leif", "--out", str(out))
    text = out.read_text("utf-8")
    assert told["out"] == str(out) and out.stat().st_mode & 0o777 == 0o600
    nb, en = text.split("\n\n---\n\n")
    for part, wanted in (
        (nb, ("Verisure Arlo Europe DAC skriver til deg", "ble åpnet", "Det kan være lagret en lydfil", "Vi beklager")),
        (en, ("Verisure Arlo Europe DAC writes to you", "were opened", "A sound file", "We are sorry")),
    ):
        assert all(each in part for each in wanted)
        assert "\\" not in part and not re.search(r"[^\n]\n## ", part), "a text that people go on writing"
        assert part.count("▢") == 18, "each blank has a mark before and behind it"
    assert not re.search(r"leif|sigrid|\+47|9000", text)
    assert lix(nb.replace("▢", "")) <= HARDEST
    assert world.code("audit", "breach", "--person", "leif", "--out", str(out), who="sigrid") == (2, "out_exists")
    page = world.base / "notice.html"
    breach(world, "--person", "leif", "--out", str(page))
    shown = page.read_text("utf-8")
    assert shown.startswith("<!doctype html>") and "<h1>Noen kan ha hørt en samtale" in shown
    assert shown.count("<h2>") == text.count("\n## ") and shown.count("▢") == text.count("▢")
    assert "## " not in shown and '<section lang="en">' in shown


@pytest.mark.slow
def test_who_had_no_key_reached_only_what_is_encrypted(world: World) -> None:
    world.take_in("a")
    assert breach(world, "--person", "siri")["only_ciphertext"] is True
    assert breach(world, "--person", "leif")["only_ciphertext"] is True
    world.grant("leif")
    assert breach(world, "--person", "leif")["only_ciphertext"] is False, "they could have, with own code"
    assert breach(world, "--person", "sigrid")["only_ciphertext"] is False
    world.json("revoke", "leif", who="sigrid")
    later = (local_date(datetime.now(UTC)) + timedelta(days=1)).isoformat()
    assert breach(world, "--person", "leif", "--from", later)["only_ciphertext"] is True


@pytest.mark.slow
def test_a_breach_of_nothing_is_told(world: World) -> None:
    told = world.run("audit", "breach", "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, "breach_of_what")
    assert world.run("audit", "breach", "--recording", "x", who="sigrid").exit == 2


@pytest.mark.slow
def test_a_breach_by_somebody_who_is_nobody_is_told_and_a_recording_is_meant_by_its_beginning(world: World) -> None:
    recording, _other = world.take_in("a", "b")
    world.grant("leif")
    export(world, recording, "1.wav")
    for words in (("--person", "Leif"), ("--person", "nobody")):
        told = world.run("audit", "breach", *words, "--json", who="sigrid")
        assert told.exit == 4, (words, told.out)
    assert breach(world, "--recording", recording[:8])["ids"] == [recording]


@pytest.mark.slow
def test_a_grant_that_ran_out_had_its_keys_until_a_purge_took_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def day(number: int) -> str:
        monkeypatch.setattr(Run, "now", lambda _: datetime.now(UTC) + timedelta(days=number))
        return local_date(datetime.now(UTC) + timedelta(days=number)).isoformat()

    world.take_in("a")
    world.grant("leif", "quality", "--days", "1")
    third = day(3)
    assert breach(world, "--person", "leif", "--from", third)["only_ciphertext"] is False
    day(5)
    world.json("purge", who="cron")
    sixth = day(6)
    assert breach(world, "--person", "leif", "--from", third)["only_ciphertext"] is False
    assert breach(world, "--person", "leif", "--from", sixth)["only_ciphertext"] is True


@pytest.mark.slow
def test_a_reason_that_an_unlock_gives_again_counts_once_for_each_unlock(world: World) -> None:
    world.take_in("a")
    world.grant("leif")
    now = datetime.now(UTC)
    with open_store(find(world.store), identity(world, "leif"), now, StateFolder(None)) as store:
        store.note(Unlocked(until=to_iso(now + timedelta(hours=1)), purpose="quality", reason=REASON), now)
    for _ in range(3):
        world.json("find", *WHY, who="leif")
    world.json("find", *WHY[:3], "a complaint of a customer", who="leif")
    (leif,) = report(world)["people"]
    assert (leif["searches"], leif["reasons"]) == (4, [])
