"""Refused calls that still lie in a spool: told to support and to the caller, and gone with the next intake."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.law.model.records import from_iso, to_iso
from arlo_rec.people.dsar.page_file import passphrase_bytes
from tests.support import answers
from tests.support.clock import later
from tests.support.intake import ingest, left
from tests.support.spools import WITHDRAWN
from tests.support.world import World

UNKNOWN = {"prompt": "nb-1999-01"}
IDENTITY = ("--identity", "called-back")


def letter(world: World, *, lang: str = "en") -> str:
    """The letter to the caller, in words."""
    out = world.base / f"{lang}.html"
    told = world.json("dsar", WITHDRAWN, "--out", str(out), "--lang", lang, *IDENTITY, who="sigrid")
    content: dict[str, Any] = answers.opened(out.read_bytes(), passphrase_bytes(told["passphrase"]))
    return answers.words(content["letter_html"])


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_names_what_lies_refused_and_the_next_intake_removes_it(world: World) -> None:
    path = world.deliver("a", caller=WITHDRAWN, consent=UNKNOWN)
    world.deliver("b", consent=UNKNOWN)
    ingest(world, exit=3)
    words = ("withdraw", WITHDRAWN, "--yes")
    assert world.json(*words, "--dry-run", who="siri")["spool"] == [str(path)]
    aloud = world.run(*words, "--lang", "en", who="siri").out
    assert (
        "One call that is not taken in still lies in the telephone system's folder. "
        "That is deleted the next time the folder is read." in aloud.split("Say: ")[1]
    )
    assert left(world) == {"a.json", "a.wav", "b.json", "b.wav"}
    assert [one["source"] for one in ingest(world, exit=3)["removed"]] == [str(path)]
    assert left(world) == {"b.json", "b.wav"}
    assert world.json(*words, who="siri")["spool"] == []
    assert "telephone system" not in world.run(*words, "--lang", "en", who="siri").out


@pytest.mark.rule("consent.withdraw")
def test_what_lies_in_each_folder_is_named_and_no_withdrawal_is_taken_for_a_call(world: World) -> None:
    first, other = world.deliver("a", caller=WITHDRAWN, consent=UNKNOWN), world.base / "other"
    world.spool.rename(other)
    world.run("ingest", str(other), who="telefon")
    second = world.deliver("b", caller=WITHDRAWN, consent=UNKNOWN)
    notice = world.deliver("c", caller=WITHDRAWN)
    notice.write_text(json.dumps({**json.loads(notice.read_text("utf-8")), "withdrawal": {"caller": WITHDRAWN}}))
    world.run("ingest", str(world.spool), who="telefon")
    told = world.json("withdraw", WITHDRAWN, "--yes", "--dry-run", who="siri")
    assert set(told["spool"]) == {str(other / first.name), str(second)}


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize(("minutes", "stays"), [(6, True), (4, False)])
def test_a_refused_call_that_was_agreed_to_after_a_withdrawal_stays_to_be_mended(
    world: World, monkeypatch: pytest.MonkeyPatch, minutes: int, stays: bool
) -> None:
    world.json("withdraw", WITHDRAWN, "--yes", who="siri")
    now = datetime.now(UTC)
    pressed = (now + timedelta(minutes=minutes)).isoformat()
    world.deliver("a", caller=WITHDRAWN, started=now - timedelta(minutes=1), consent={**UNKNOWN, "at": pressed})
    later(monkeypatch, minutes=10)
    assert [one["code"] for one in ingest(world, exit=3)["refused"]] == ["prompt_unknown"]
    assert (left(world) == {"a.json", "a.wav"}) is stays


@pytest.mark.slow
@pytest.mark.rule("access.subject")
def test_the_answer_tells_of_what_lies_refused_and_when_it_goes(world: World) -> None:
    started = datetime.now(UTC) - timedelta(hours=1)
    world.deliver("a", caller=WITHDRAWN, consent={"key": "2"}, started=started)
    world.deliver("b", caller=WITHDRAWN, consent=UNKNOWN, started=started)
    world.deliver("c", consent=UNKNOWN, started=started)
    ingest(world, "--keep-source", exit=3)
    text = letter(world)
    assert text.count("The call was recorded without a valid consent") == 1 and "It is deleted now" in text
    assert text.count("The call was refused") == 1 and "It is deleted by" in text
    assert "could not read the whole folder" not in text
    ingest(world, exit=3)
    assert "uten gyldig samtykke" not in letter(world, lang="nb")


@pytest.mark.slow
@pytest.mark.rule("access.subject")
def test_a_call_that_was_stopped_is_not_told_as_one_without_consent(world: World) -> None:
    world.take_in("a")
    world.deliver("b", caller=WITHDRAWN, consent={"stopped": {"key": "9"}})
    text = letter(world)
    assert "stopped by a key during the call" in text and "It is deleted now" in text
    assert "without a valid consent" not in text


@pytest.mark.slow
@pytest.mark.rule("access.subject")
def test_a_call_that_comes_too_late_is_not_told_as_one_without_consent(world: World) -> None:
    world.take_in("a")
    world.deliver("b", caller=WITHDRAWN, started=datetime.now(UTC) - timedelta(days=91))
    text = letter(world)
    assert "The call is not taken in yet" in text and "It is deleted now" in text
    assert "without a valid consent" not in text


@pytest.mark.slow
@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("written", [None, 300 * 365 * 86400])
def test_a_call_of_a_time_to_come_closes_no_answer_and_leaves_after_a_withdrawal(
    world: World, written: int | None
) -> None:
    end = datetime(9999, 12, 30, tzinfo=UTC)
    path = world.deliver("a", caller=WITHDRAWN, started=end, consent={**UNKNOWN, "at": to_iso(end)})
    if written is not None:
        os.utime(path, (written, written))
    assert [one["code"] for one in ingest(world, exit=3)["refused"]] == ["prompt_unknown"]
    assert "The call was refused" in letter(world)
    world.json("withdraw", WITHDRAWN, "--yes", who="siri")
    ingest(world, exit=3)
    assert left(world) == set()


@pytest.mark.slow
@pytest.mark.rule("access.subject")
def test_where_the_folder_cannot_be_read_the_answer_says_so(world: World) -> None:
    world.deliver("a", consent=UNKNOWN)
    ingest(world, exit=3)
    world.spool.rename(world.base / "elsewhere")
    assert "could not read the whole folder" in letter(world)


@pytest.mark.slow
@pytest.mark.rule("access.subject")
def test_where_one_description_cannot_be_read_the_answer_to_a_caller_says_so_and_an_employees_does_not(
    world: World,
) -> None:
    path = world.deliver("a", consent=UNKNOWN)
    ingest(world, exit=3)
    path.rename(world.base / "aside.json")
    path.symlink_to(world.base / "aside.json")
    assert "could not read the whole folder" in letter(world)
    out = world.base / "employee.html"
    told = world.json("dsar", "--agent", "Ola Oppdiktet", *IDENTITY, "--lang", "en", "--out", str(out), who="sigrid")
    content: dict[str, Any] = answers.opened(out.read_bytes(), passphrase_bytes(told["passphrase"]))
    assert "could not read the whole folder" not in answers.words(content["letter_html"])


@pytest.mark.slow
@pytest.mark.rule("access.subject")
def test_what_lies_refused_from_before_a_withdrawal_goes_now_and_what_came_after_it_by_its_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    world.deliver("before", caller=WITHDRAWN, consent=UNKNOWN, started=now - timedelta(hours=1))
    world.json("withdraw", WITHDRAWN, "--yes", who="siri")
    later(monkeypatch, hours=2)
    world.deliver("after", caller=WITHDRAWN, consent=UNKNOWN, started=now + timedelta(hours=1))
    ingest(world, "--keep-source", exit=3)
    text = letter(world)
    assert (text.count("It is deleted now"), text.count("It is deleted by")) == (1, 1)


@pytest.mark.rule("retention.90d")
def test_what_can_be_mended_stays_for_no_more_than_90_days(world: World) -> None:
    world.deliver("a", consent=UNKNOWN, started=datetime.now(UTC) - timedelta(days=91))
    assert ([one["code"] for one in ingest(world, exit=3)["refused"]], left(world)) == (["prompt_unknown"], set())


@pytest.mark.rule("consent.press2")
def test_of_a_no_without_sound_the_letter_names_no_sound_and_support_promises_no_more_than_is_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says too little to be counted: the manifest waits a day for the sound, which is to be removed with it."""
    path = world.deliver("a", caller=WITHDRAWN, consent={"key": "2", "prompt": "nb-1999-01"})
    path.with_suffix(".wav").unlink()
    ingest(world, exit=3)
    text = letter(world)
    assert "The call came without sound that can be read." in text and "It is deleted by" in text
    told = world.json("withdraw", WITHDRAWN, "--yes", who="siri")
    assert told["spool"] == [str(path)] and told["spool_until"] is not None
    aloud = world.run("withdraw", WITHDRAWN, "--yes", "--lang", "en", who="siri").out.split("Say: ")[1]
    assert "That is deleted by" in aloud and "next time" not in aloud
    ingest(world, exit=3)
    assert left(world) == {"a.json"}
    later(monkeypatch, seconds=(from_iso(told["spool_until"]) - datetime.now(UTC)).total_seconds() + 1)
    ingest(world, exit=3)
    assert left(world) == set()


@pytest.mark.rule("access.subject")
def test_a_recording_whose_source_was_kept_is_no_call_that_is_not_taken_in(world: World) -> None:
    path = world.deliver("a", caller=WITHDRAWN, seconds=0.2)
    world.json("ingest", str(world.spool), "--keep-source", who="telefon")
    assert "not taken in" not in letter(world)
    assert world.json("withdraw", WITHDRAWN, "--yes", who="siri")["spool"] == [str(path)]
