"""What a hostile number, time, consent, name or word on the command line may try, and that nothing comes of it."""

from __future__ import annotations

import json
import shutil
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arlo_rec.law.messages import clean
from tests.support.hostile import (
    HIDDEN,
    LOOK,
    NEST,
    NO_KEY,
    NO_NUMBER,
    NO_TIME,
    STRANGE,
    TWO_NUMBERS,
    changed,
    codes,
    lay,
    offer,
    verdicts,
)
from tests.support.properties import examples
from tests.support.world import REASON, World, assert_clean, assert_no_bug

pytestmark = pytest.mark.usefixtures("patience")

WITHHELD = ["", " ", "anonymous", "unknown", "Anonymous", "UNKNOWN"]


@pytest.mark.slow
def test_a_caller_that_is_no_number_is_bad_metadata_and_nobody(refusing: World) -> None:
    callers = [*NO_NUMBER, 4790000001, 90000001.0, True, ["+4790000001"], {"n": "+4790000001"}]
    told = dict(zip(map(repr, callers), verdicts(refusing, [{"caller": one} for one in callers]), strict=True))
    assert told == dict.fromkeys(told, "bad_metadata")


@pytest.mark.slow
def test_withheld_numbers_are_taken_and_no_word_finds_them(world: World) -> None:
    callers = [None, *WITHHELD]
    for number, caller in enumerate(callers):
        world.deliver(f"call{number}", caller=caller)
    assert len(offer(world)["accepted"]) == len(callers)
    words = [one for one in (*WITHHELD, *NO_NUMBER) if one.strip() != "+4790000001"]
    for word in words:
        given = [world.run("withdraw", "-", "--yes", "--json", who="skranke", stdin=word.encode())]
        if not word.startswith("-"):
            given.append(world.run("withdraw", word, "--yes", "--json", who="skranke"))
        for result in given:
            expected = (2, "two_numbers") if word == TWO_NUMBERS else (4, "not_a_number")
            assert (result.exit, result.json["error"]["code"]) == expected, word
            assert_clean(result)
    assert world.json("status", who="iver")["held"] == len(callers)


NOTATIONS = [
    "+4790000001", "90000001", "4790000001", "004790000001", "00 47 90 00 00 01", "+47 900 00 001", "900 00 001",
    "90 00 00 01", "900.00.001", "900-00-001", "(900) 00 001", "(+47) 900 00 001", "+(47) 90000001", "+47-900-00-001",
    "+47/90000001", "+ 47 900 00 001", "  90000001  ", "900\u00a000\u00a0001", "900\u202f00\u202f001",
    "900\u201100\u2011001", "900\u201300\u2013001",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_finds_every_notation_of_a_number_and_only_that_number(world: World) -> None:
    for number, caller in enumerate(NOTATIONS):
        world.deliver(f"call{number}", caller=caller)
    world.deliver("foreign", caller="+4690000001")
    world.deliver("neighbour", caller="+4790000002")
    assert len(offer(world)["accepted"]) == len(NOTATIONS) + 2
    for notation in NOTATIONS:
        for word, stdin in ((notation, b""), ("-", notation.encode() + b"\r\n")):
            told = world.json("withdraw", word, "--dry-run", who="skranke", stdin=stdin)
            assert told["would_erase"] == len(NOTATIONS), (notation, word)
    told = world.json("withdraw", "-", "--yes", who="skranke", stdin=b" 900 00 001\n")
    assert told["erased"] == len(NOTATIONS)
    assert world.json("status", who="iver")["held"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("place", ["started_at", "consent.at"])
def test_a_time_that_is_not_one_instant_is_bad_metadata(refusing: World, place: str) -> None:
    calls = [{"started_at": one} if place == "started_at" else {"consent": {"at": one}} for one in NO_TIME]
    told = dict(zip(map(repr, NO_TIME), verdicts(refusing, calls), strict=True))
    assert told == dict.fromkeys(told, "bad_metadata")


@pytest.mark.slow
def test_times_at_the_ends_of_the_calendar_are_judged_like_others(refusing: World) -> None:
    early = ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00-14:00"]
    late = ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59+14:00"]
    calls = [
        calls
        for one in (*early, *late)
        for calls in ({"started_at": one}, {"consent": {"at": one}}, {"started_at": one, "consent": {"at": one}})
    ]
    long_ago = ["expired", "no_consent", "prompt_unknown"]  # no prompt was in use then
    far_away = ["no_consent", "consent_after_call", "future"]
    assert verdicts(refusing, calls) == 2 * long_ago + 2 * far_away


GOOD_ZONES = ["Z", "+00:00", "-00:00", "+02:00", "+0200", "-09:30", "+14:00", "-14:00", "+05:45"]


@pytest.mark.slow
@pytest.mark.parametrize("zone", GOOD_ZONES)
def test_one_instant_in_any_zone_is_the_same_instant(world: World, zone: str) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    sign = -1 if zone[0] == "-" else 1
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * sign if zone != "Z" else timedelta(0)
    told = (at + offset).strftime("%Y-%m-%dT%H:%M:%S") + zone
    world.grant()
    world.deliver("call", started_at=told, consent={"at": told})
    assert len(offer(world)["accepted"]) == 1
    (found,) = world.json("find", *LOOK, who="leif")["recordings"]
    assert found["started_at"] == at.isoformat().replace("+00:00", "Z")


@pytest.mark.slow
@pytest.mark.rule("consent.press1")
def test_only_the_string_1_is_consent(refusing: World) -> None:
    told = dict(zip(map(repr, NO_KEY), verdicts(refusing, [{"consent": {"key": one}} for one in NO_KEY]), strict=True))
    assert told == dict.fromkeys(told, "no_consent")
    shutil.rmtree(refusing.spool)
    assert verdicts(refusing, [{"consent": {"key": "1"}}]) == ["taken"]


@pytest.mark.slow
@pytest.mark.parametrize("consent", [None, "1", 1, True, ["1"], [], {}, {"key": "1"}, {"at": "2026-10-01T08:15:44Z"}])
def test_a_consent_that_tells_too_little_is_none(refusing: World, consent: Any) -> None:
    lay(refusing, changed(refusing, consent=consent))
    assert codes(offer(refusing)) == ["no_consent"]


@pytest.mark.slow
@pytest.mark.parametrize("value", ["true", "True", "1", "", 1, 1.0, 0, False, None, [True], {"true": True}, "missing"])
def test_only_true_says_that_the_prompt_was_heard_to_its_end(refusing: World, value: Any) -> None:
    consent = {**json.loads(changed(refusing))["consent"], "prompt_completed": value}
    if value == "missing":
        del consent["prompt_completed"]
    lay(refusing, changed(refusing, consent=consent))
    assert codes(offer(refusing)) == ["prompt_not_completed"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "prompt", ["nb-2026-01 ", "NB-2026-01", "", "nb", "x" * 5000, 1, None, True, ["nb-2026-01"], {}]
)
def test_a_prompt_that_was_never_in_use_is_unknown(refusing: World, prompt: Any) -> None:
    refusing.deliver("call", consent={"prompt": prompt})
    assert codes(offer(refusing)) == ["prompt_unknown"]


# Texts ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_hidden_characters_anywhere_in_a_manifest_are_bad_metadata(refusing: World, text: str) -> None:
    places: list[dict[str, Any]] = [{key: text} for key in ("source_id", "direction", "team", "agent", "caller")]
    places += [{"known": {side: [text]}} for side in ("caller", "agent")] + [{"consent": {"prompt": text}}]
    for number, place in enumerate(places):
        refusing.deliver(f"call{number}", **place)
    told = offer(refusing, "--dry-run")
    assert codes(told) == ["bad_metadata"] * len(places)
    result = refusing.run("ingest", str(refusing.spool), who="telefon")
    assert_clean(result)


@pytest.mark.slow
def test_a_sound_whose_name_hides_something_is_bad_metadata(refusing: World) -> None:
    for number, text in enumerate(one for one in HIDDEN.values() if "\0" not in one):
        refusing.deliver(f"call{number}", audio=text)
        (refusing.spool / f"call{number}.wav").rename(refusing.spool / text)
    assert set(codes(offer(refusing))) == {"bad_metadata"}


@pytest.mark.slow
@pytest.mark.parametrize("key", ["source_id", "team", "agent"])
def test_texts_have_at_most_200_characters(world: World, key: str) -> None:
    world.deliver("right", **{key: "ø" * 200})
    world.deliver("long", **{key: "ø" * 201})
    world.deliver("longest", **{key: "ø" * 100_000})
    told = offer(world)
    assert (len(told["accepted"]), codes(told)) == (1, ["bad_metadata"] * 2)


@pytest.mark.slow
def test_strange_names_are_kept_and_shown_as_what_they_are(world: World) -> None:
    world.grant()
    for number, text in enumerate(STRANGE):
        world.deliver(f"call{number}", agent=text, team=text, source_id=text, known={"caller": [text]})
    assert len(offer(world)["accepted"]) == len(STRANGE)
    found = world.json("find", *LOOK, who="leif")["recordings"]
    assert {one["agent"] for one in found} == {one["team"] for one in found} == set(STRANGE)
    for lang in ("nb", "en"):
        shown = world.run("find", *LOOK, "--lang", lang, who="leif")
        assert shown.exit == 0
        assert_clean(shown)
        assert all(one in shown.out for one in STRANGE if one.isascii() and len(one) < 20)
    for text in ("[/]", "%", "-1", "李小龙"):
        assert len(world.json("find", *LOOK, "--team", text, who="leif")["recordings"]) == 1, text
    for text in STRANGE:
        assert world.json("withdraw", "--call", text, "--dry-run", who="skranke")["would_erase"] == 1, text
    assert_no_bug(world)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "who"),
    [
        (["find", "--purpose", "quality"], "leif"),
        (["export", "0" * 32, "--purpose", "quality", "--out", "x"], "leif"),
        (["grant", "leif", "--all-teams", "--purpose", "quality"], "sigrid"),
    ],
)
def test_a_reason_that_hides_something_is_2_and_not_shown_raw(refusing: World, words: list[str], who: str) -> None:
    for kind in ("escape", "C1", "bidi", "newline", "line separator"):
        result = refusing.run(*words, "--reason", f"a long enough reason {HIDDEN[kind]}", who=who)
        assert result.exit == 2, result
        assert_clean(result)
    shown = refusing.run("audit", "show", who="iver")
    assert shown.exit == 0
    assert_clean(shown)
    assert_no_bug(refusing)


ANYWHERE: list[tuple[list[str], str | None]] = [
    (["HERE"], None), (["ingest"], None), (["ingest", "--HERE"], "telefon"),
    (["ingest", "--format", "HERE", "x"], "telefon"),
    (["ingest", "x", "--lang", "HERE"], "telefon"), (["find", "--purpose", "HERE", "--reason", REASON], "leif"),
    (["find", *LOOK, "--agent", "HERE"], "leif"), (["find", *LOOK, "--team", "HERE"], "leif"),
    (["find", *LOOK, "--from", "HERE"], "leif"), (["find", *LOOK, "--limit", "HERE"], "leif"),
    (["export", "HERE", *LOOK, "--out", "x"], "leif"), (["withdraw", "HERE", "--yes"], "skranke"),
    (["withdraw", "--call", "HERE", "--yes"], "skranke"), (["grant", "HERE", "--all-teams", *LOOK], "sigrid"),
    (["grant", "leif", *LOOK, "--team", "HERE", "--until", "HERE"], "sigrid"),
    (["grant", "leif", "--all-teams", *LOOK, "--days", "HERE"], "sigrid"),
    (["revoke", "HERE"], "sigrid"), (["revoke", "leif", "--grant", "HERE"], "sigrid"),
    (["person", "add", "HERE", "--role", "manager"], "sigrid"), (["person", "add", "x", "--role", "HERE"], "sigrid"),
    (["person", "remove", "HERE", "--yes"], "sigrid"), (["audit", "show", "--person", "HERE"], "iver"),
    (["audit", "show", "--from", "HERE"], "iver"), (["audit", "verify", "--anchor", "HERE"], "iver"),
    (["certificate", "verify", "HERE"], None), (["status", "--store", "HERE"], "iver"),
    (["status", "--as", "HERE"], None), (["status", "--key-file", "HERE"], None),
    (["status", "--passphrase-file", "HERE"], None), (["status", "--config", "HERE"], "iver"),
    (["dsar", "HERE", "--identity", "HERE", "--out", "HERE"], "sigrid"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "who"), ANYWHERE, ids=lambda one: " ".join(one)[:40] if isinstance(one, list) else one
)
def test_a_hostile_word_anywhere_on_the_command_line_is_answered_cleanly(
    refusing: World, monkeypatch: pytest.MonkeyPatch, words: list[str], who: str | None
) -> None:
    monkeypatch.chdir(refusing.base)
    hostile = "\x1b[31m\u202e\x9b\n\r[/]{0}\udcff\u2028=1"
    for options in ((), ("--json",)):
        result = refusing.run(*(one.replace("HERE", hostile) for one in words), *options, who=who)
        assert result.exit not in (1, 3), result
        assert_clean(result)
        if options:
            assert isinstance(result.json["ok"], bool)
    assert_no_bug(refusing)


def unlock_fails(world: World, name: str, login: str = "root") -> None:
    """Somebody who is not who they say, at an account of any name, types a wrong passphrase."""
    wrong = world.base / "wrong"
    wrong.write_text("feil hest batteri stift\n", "utf-8")
    wrong.chmod(0o600)
    world.environment["LOGNAME"] = login
    result = world.run("status", "--as", name, "--passphrase-file", str(wrong))
    del world.environment["LOGNAME"]
    assert result.exit == 12, result
    assert_clean(result)


def assert_the_log_can_be_read(world: World) -> None:
    for options in ((), ("--json",)):
        shown = world.run("audit", "show", *options, who="iver")
        assert shown.exit == 0, shown
        assert_clean(shown)
    assert_no_bug(world)


@pytest.mark.slow
def test_whoever_fails_to_unlock_may_have_any_name(world: World) -> None:
    for text in [*HIDDEN.values(), "x" * 10_000]:
        unlock_fails(world, text, text.replace("\0", "0"))
    assert_the_log_can_be_read(world)


@pytest.mark.slow
def test_whoever_fails_to_unlock_may_have_a_name_that_is_no_text(world: World) -> None:
    unlock_fails(world, "\udcff")
    assert_the_log_can_be_read(world)


@pytest.mark.slow
def test_whoever_fails_to_unlock_may_have_a_login_that_is_no_text(world: World) -> None:
    unlock_fails(world, "leif", "\udcff")
    assert_the_log_can_be_read(world)


@pytest.mark.slow
def test_a_notebook_of_failed_unlocks_with_anything_in_it_is_taken_into_the_log(world: World) -> None:
    lines = [b"\xff\xfe\x1b[31m", b'{"at": "\\u001b", "name": ["x"], "login": {}}', b"[1]", b"", b"\0" * 5, b"[" * NEST]
    lines.append(b'{"at": 1e999, "name": "\\ud800", "login": NaN}')
    with (world.store / "attempts").open("ab") as notebook:
        notebook.write(b"\n".join(lines) + b"\n")
    assert_the_log_can_be_read(world)


@examples(1000, derandomize=True)
@given(st.text(st.characters(codec=None, categories=None)) | st.text("\x1b\x9b\n\r\t\\xu0123\u202e\udcff\ue000 aø"))
@example("\x1b]0;owned\x07")
@example("\udcff\ud800")
@example("\U000e0041\U0010ffff")
def test_a_cleaned_text_is_harmless_stays_so_and_hides_no_difference_that_was_visible(text: str) -> None:
    cleaned = clean(text)
    harmful = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not [one for one in cleaned if unicodedata.category(one) in harmful]
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned
    kept = [one for one in text if unicodedata.category(one) not in harmful]
    assert (cleaned == text) == (len(kept) == len(text))
    assert len(cleaned) >= len(text)
    places = iter(cleaned)
    assert all(one in places for one in kept)  # what was harmless is still there, in its order
