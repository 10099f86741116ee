"""Intake takes only prompts that were in use when the key was pressed, and no prompt ever comes to name more."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.law.model.times import local_date
from tests.support.clock import later
from tests.support.policies import NEW_PROMPT, NEW_TEXT, became, new_prompt, propose, put, refused
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("consent.prompt"), pytest.mark.slow]
ONLY_TRAINING = SHIPPED[2].text


def test_a_new_prompt_is_taken_from_the_new_version_on_and_not_of_a_call_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = propose(world, new_prompt())
    [change] = proposal["changes"]
    assert change["what"] == f"prompt {NEW_PROMPT}" and change["before"] is None and change["after"]["text"] == NEW_TEXT
    assert became(world, NEW_PROMPT, started=datetime.now(UTC)) == ["prompt_unknown"], "nobody approved it yet"
    world.json("approve", proposal["id"], who="sigrid")
    before = datetime.now(UTC) - timedelta(hours=1)
    later(monkeypatch, hours=1)
    assert became(world, NEW_PROMPT, "nb-2026-01") == ["taken", "taken"]
    assert became(world, NEW_PROMPT, started=before) == ["prompt_unknown"]
    shown = {each["version"]: each for each in world.json("policy", "show", who="leif")["prompts"]}
    assert shown[NEW_PROMPT]["sha256"] == hashlib.sha256(NEW_TEXT.encode()).hexdigest()
    assert world.json("policy", "check", who="iver")["drift"] == []


def test_what_is_approved_later_begins_on_the_day_of_its_approval(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = propose(two, new_prompt())["id"]
    later(monkeypatch, days=11)
    two.json("approve", waits, who="astrid")
    today = str(local_date(datetime.now(UTC) + timedelta(days=11)))
    shown = two.json("policy", "show", who="leif")
    assert {each["version"]: each["since"] for each in shown["prompts"]}[NEW_PROMPT] == today
    assert two.json("verify", who="iver")["problems"] == []


def test_a_prompt_that_ended_is_taken_of_calls_of_its_last_day_and_of_no_later_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = local_date(datetime.now(UTC)) + timedelta(days=3)
    ends = f'version = "2026-02"\n[[prompt]]\nversion = "nb-2026-01"\nuntil = {last}\n'
    proposal = propose(world, ends)
    assert {"code": "prompt_ends", "prompt": "nb-2026-01", "until": str(last)} in proposal["consequences"]
    world.json("approve", proposal["id"], who="sigrid")
    later(monkeypatch, days=5)
    on_it = datetime.combine(last, datetime.min.time(), UTC) + timedelta(hours=12)
    assert became(world, "nb-2026-01", "en-2026-01", started=on_it) == ["taken", "taken"]
    assert became(world, "nb-2026-01", "en-2026-01", started=on_it + timedelta(days=1)) == ["prompt_unknown", "taken"]


@pytest.mark.rule("purpose.change")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[[prompt]]\nversion = "nb-2025-01"\npurposes = ["training", "quality"]', "purpose_reaches_back"),
        (new_prompt(more="from = 2026-01-01").partition("\n")[2], "purpose_reaches_back"),
        ('[[prompt]]\nversion = "nb-2026-01"\nuntil = 2026-01-31', "prompt_ends_in_past"),
        ('[[prompt]]\nversion = "nb-2026-01"\ntext = "Noe annet"', "prompt_is_kept"),
        ('[[prompt]]\nversion = "nb-2026-01"\npurposes = ["training"]', "prompt_is_kept"),
        ('[[prompt]]\nversion = "nb-2026-01"\nfrom = 2025-01-01', "prompt_is_kept"),
        (new_prompt(ONLY_TRAINING).partition("\n")[2], "prompt_names_less"),
        (
            new_prompt(NEW_TEXT.replace("tar vi opp samtalen", "kan samtalen bli tatt opp")).partition("\n")[2],
            "prompt_refused",
        ),
        (
            new_prompt(NEW_TEXT.replace("kvalitetssikring", "kvalitetssikring og markedsføring")).partition("\n")[2],
            "prompt_refused",
        ),
    ],
)
def test_no_purpose_reaches_back_and_no_prompt_is_edited(world: World, text: str, code: str) -> None:
    assert refused(world, f'version = "2026-02"\n{text}') == (14, code)
    [entry] = world.json("audit", "show", "--denied", "--action", "policy", who="iver")["entries"]
    assert entry["detail"]["code"] == code
    assert world.tasks("sigrid") == []


BY_KEY = 'keys = {1 = ["quality", "training"], 3 = ["training"]}'
OFFERS_3 = NEW_TEXT.removesuffix(".") + ", tast 3 for bare opplæring."


@pytest.mark.rule("consent.purposes")
def test_a_call_is_taken_for_the_purposes_of_its_key_and_all_that_shows_the_consent_says_which(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, new_prompt(OFFERS_3, more=BY_KEY))
    later(monkeypatch, hours=1)
    started = datetime.now(UTC) + timedelta(minutes=30)
    ids = world.take_in("both", started=started, consent={"prompt": NEW_PROMPT})
    ids += world.take_in("few", "too", "also", started=started, consent={"prompt": NEW_PROMPT, "key": "3"})
    world.grant()
    for call, code in zip(ids, [(0, ""), (14, "not_consented")], strict=False):
        words = ("export", call, "--purpose", "quality", "--reason", REASON, "--out", str(world.base / f"{call}.wav"))
        assert world.code(*words, who="leif") == code
    shown = world.run("consent", "show", ids[1], who="sigrid").out
    record = world.json("consent", "show", ids[1], who="sigrid")["consent"]
    assert "with key 3" in shown and "training" in shown and "quality" not in shown.replace("quality assurance", "")
    assert record["dpv:hasConsentStatus"][0]["dpv:hasIndicationMethod"].startswith("key 3 ")
    [week] = world.json("consent", "stats", who="sigrid")["weeks"]
    assert (week["given"], week["given_in_part"]) == (None, 3)
    assert world.json("verify", "--read-data", who="iver")["problems"] == []


@pytest.mark.rule("consent.purposes")
@pytest.mark.parametrize(
    ("text", "more", "how"),
    [
        (NEW_TEXT, BY_KEY, (14, "prompt_refused")),  # the text does not name key 3
        (OFFERS_3, 'keys = {3 = ["training"]}', (2, "policy_bad_prompt")),
        (OFFERS_3, 'keys = {1 = ["training"], 3 = ["training"]}', (2, "policy_bad_prompt")),
        (OFFERS_3, 'keys = {1 = ["quality", "training"], 2 = ["training"]}', (2, "policy_bad_prompt")),
        (OFFERS_3, 'keys = {1 = ["quality", "training"], 9 = ["training"]}', (2, "policy_bad_prompt")),
        (OFFERS_3, 'keys = {1 = ["quality", "training"], 13 = ["training"]}', (2, "policy_bad_prompt")),
        (OFFERS_3, "keys = 1", (2, "policy_bad_prompt")),
        (NEW_TEXT, 'line = ""', (2, "policy_bad_prompt")),
        (NEW_TEXT, "taken_after_end = 1", (2, "policy_bad_prompt")),
    ],
)
def test_keys_are_those_that_the_text_names_for_the_purposes_that_it_names(
    world: World, text: str, more: str, how: tuple[int, str]
) -> None:
    assert refused(world, new_prompt(text, more=more)) == how


@pytest.mark.rule("consent.purposes")
def test_callers_on_one_line_never_hear_prompts_with_different_purposes(world: World) -> None:
    training = new_prompt(ONLY_TRAINING, '["training"]')
    until = f"until = {local_date(datetime.now(UTC)) + timedelta(days=9)}\n"
    ends = f'\n[[prompt]]\nversion = "nb-2026-01"\n{until}'
    begins = f"from = {local_date(datetime.now(UTC)) + timedelta(days=10)}"
    assert refused(world, training) == (14, "prompts_overlap")
    assert refused(world, training + ends) == (14, "prompts_overlap")
    assert propose(world, new_prompt(ONLY_TRAINING, '["training"]', begins) + ends)["changes"]
    assert propose(world, new_prompt(ONLY_TRAINING, '["training"]', 'line = "salg"'))["changes"]
    file = world.base / "whole.toml"
    file.write_text(
        world.run("policy", "show", "--toml", who="sigrid").out.replace('"2026-01"', '"2026-03"', 1), "utf-8"
    )
    assert world.code("policy", "propose", str(file), who="sigrid") == (2, "policy_unchanged")


@pytest.mark.rule("consent.purposes")
def test_a_recording_keeps_the_purposes_that_its_prompt_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    [call] = world.take_in("old", consent={"prompt": "nb-2025-01"})
    world.grant()
    proposal = propose(world, new_prompt())
    assert proposal["consequences"] == [{"code": "stay_closed", "count": 1, "purpose": "quality"}]
    world.json("approve", proposal["id"], who="sigrid")
    later(monkeypatch, hours=1)
    words = ("export", call, "--purpose", "quality", "--reason", REASON, "--out", str(world.base / "a.wav"))
    assert world.code(*words, who="leif") == (14, "not_consented")


def test_the_sound_of_a_prompt_is_hashed_and_compared_with_what_the_exchange_plays(world: World) -> None:
    (world.base / "spoken.wav").write_bytes(b"RIFF of a prompt")
    ended = f'[[prompt]]\nversion = "{SHIPPED[0].version}"\nsound = "spoken.wav"\n'
    put(world, f'version = "2026-02"\n{ended}')
    shown = {each["version"]: each["sound"] for each in world.json("policy", "show", who="leif")["prompts"]}
    assert shown[SHIPPED[0].version] == hashlib.sha256(b"RIFF of a prompt").hexdigest()
    played = world.base / "exchange"
    played.mkdir()
    words = ("policy", "check", "--sounds", str(played), "--json")
    drift = {"what": "sound", "where": f"prompt {SHIPPED[0].version}"}
    assert world.run(*words, who="iver").json["drift"] == [drift], "it is not there"
    (played / f"{SHIPPED[0].version}.wav").write_bytes(b"RIFF of another")
    missed = world.run(*words, who="iver")
    assert (missed.exit, missed.json["error"]["code"], missed.json["drift"]) == (14, "policy_drifts", [drift])
    (played / f"{SHIPPED[0].version}.wav").write_bytes(b"RIFF of a prompt")
    assert world.json(*words[:-1], who="iver")["drift"] == []
    (world.base / "spoken.wav").write_bytes(b"RIFF of another")
    assert refused(world, f'version = "2026-03"\n{ended}') == (14, "prompt_is_kept")
