"""What an answer gives of a call is the person's own: their sound and their words, of customers and of employees."""

from __future__ import annotations

import io
import json
from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Usage
from arlo_rec.law.model.records import from_iso
from arlo_rec.people.dsar import recordings, sounds
from arlo_rec.people.dsar.files import MIXED
from arlo_rec.sound import audio
from arlo_rec.sound.audio import Encoding, Sound
from tests.support import copies
from tests.support.answers import opened
from tests.support.answers import words as words_of
from tests.support.copies import SAID
from tests.support.sounds import tone, tone_wav, wav
from tests.support.world import World

pytestmark = [pytest.mark.rule("data.customer"), pytest.mark.rule("data.employee"), pytest.mark.slow]
CALLED = ("--identity", "called-back")
WEIGHED = "the colleague is named and a third person is in the room"


def ask(world: World, *words: str, name: str = "answer.html") -> dict[str, Any]:
    """Answer a request; what the command told, and what is in the answer."""
    out = world.base / name
    told = world.json("dsar", *words, *CALLED, "--out", str(out), who="sigrid")
    return {"told": told, **opened(out.read_bytes(), told["passphrase"].encode())}


def data_of(answer: dict[str, Any]) -> dict[str, Any]:
    return json.loads(answer["bodies"]["data.json"])  # type: ignore[no-any-return]


def sound_of(answer: dict[str, Any]) -> Sound:
    (raw,) = [body for name, body in answer["bodies"].items() if name.endswith((".wav", ".mp3"))]
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(raw), dtype="int16", always_2d=True)
    return Sound(Encoding.PCM16, rate, samples.shape[1], samples.tobytes())


# -- a single track -----------------------------------------------------------------------------------


def spoken(world: World) -> str:
    """A mono call of 8 s: the caller from 1 to 3 s, the agent from 4 to 6 s, on a quiet line."""
    quiet = wav(bytes(8 * 16000), encoding=Encoding.PCM16, channels=1)
    samples = array("h", audio.read_wav(io.BytesIO(quiet), len(quiet)).data)
    noise = array("h", tone(8, channels=1, encoding=Encoding.PCM16))
    for start, end in ((0, 8), (1, 3), (4, 6)):
        loud = 400 if (start, end) == (0, 8) else 4
        for n in range(start * 8000, end * 8000):
            samples[n] = noise[n] // loud
    (call,) = world.take_in("mono", sound=wav(samples.tobytes(), encoding=Encoding.PCM16, channels=1), channels=1)
    return call


def turns(world: World, *lines: str) -> Path:
    path = world.base / "turns.rttm"
    path.write_text("".join(f"SPEAKER {line} <NA>\n" for line in lines), "utf-8")
    return path


@pytest.mark.parametrize("named", ["pbx.mono", "id"])
def test_a_single_track_is_given_by_turns_and_the_letter_counts_what_is_unsure(world: World, named: str) -> None:
    call = spoken(world)
    file = call if named == "id" else named
    rttm = turns(world, f"{file} 1 1.0 2.0 <NA> <NA> caller 0.9", f"{file} 1 4.0 2.0 <NA> <NA> agent 0.9")
    answer = ask(world, "90000001", "--turns", str(rttm))
    (one,) = data_of(answer)["recordings"]
    assert (one["own_speech"], one["withheld"], one["unsure"]) == (True, None, [])
    sound = sound_of(answer)
    loud = [sum(map(abs, array("h", sound.data[16000 * n : 16000 * (n + 1)]))) for n in range(8)]
    assert min(loud[1:3]) > 100 * max(loud[3], loud[4], loud[5], loud[6], 1)
    assert answer["told"]["without_sound"] == []


def test_what_is_unsure_on_a_single_track_is_silent_and_told(world: World) -> None:
    spoken(world)
    rttm = turns(world, "pbx.mono 1 1.0 2.0 <NA> <NA> caller 0.5", "pbx.mono 1 4.0 2.0 <NA> <NA> agent 0.9")
    answer = ask(world, "90000001", "--turns", str(rttm), "--lang", "en")
    (one,) = data_of(answer)["recordings"]
    ((start, end),) = [(each["starts_s"], each["ends_s"]) for each in one["unsure"]]
    assert (start, end) == pytest.approx((1.0, 3.0), abs=0.3)
    assert "Number of such places: 1" in answer["letter_html"]


@pytest.mark.parametrize(
    "lines", [(), ("pbx.mono 1 3.2 0.5 <NA> <NA> caller 0.9",), ("pbx.else 1 1 2 <NA> <NA> caller 1",)]
)
def test_without_turns_that_fit_a_single_track_has_no_sound_and_the_officer_is_told(
    world: World, lines: tuple[str, ...]
) -> None:
    call = spoken(world)
    more = ("--turns", str(turns(world, *lines))) if lines else ()
    answer = ask(world, "90000001", *more)
    assert answer["told"]["without_sound"] == [{"id": call, "code": "mono"}]
    assert not [name for name in answer["bodies"] if name.endswith((".wav", ".mp3"))]


def test_the_officer_gets_a_draft_of_turns_which_names_make_into_an_answer(world: World) -> None:
    call = spoken(world)
    draft = world.base / "draft.rttm"
    told = ask(world, "90000001", "--turns", str(draft), name="first.html")["told"]
    assert [(each["id"], round(each["start"]), round(each["end"])) for each in told["turns"]] == [
        (call, 1, 3),
        (call, 4, 6),
    ]
    text = draft.read_text("utf-8")
    assert text.count("> unknown <") == 2
    unnamed = ask(world, "90000001", "--turns", str(draft), name="unnamed.html")
    assert unnamed["told"]["without_sound"] == [{"id": call, "code": "mono"}], "nobody was told apart"
    draft.write_text(text.replace("> unknown <", "> caller <", 1).replace("> unknown <", "> agent <"), "utf-8")
    answer = ask(world, "90000001", "--turns", str(draft), name="second.html")
    assert (answer["told"]["without_sound"], answer["told"]["turns"]) == ([], [])
    sound = sound_of(answer)
    loud = [sum(map(abs, array("h", sound.data[16000 * n : 16000 * (n + 1)]))) for n in range(8)]
    assert min(loud[1:3]) > 100 * max(loud[4], loud[5], 1)


def test_a_sound_that_is_not_separated_is_promised_and_the_officer_is_told_three_ways(world: World) -> None:
    spoken(world)
    out = world.base / "answer.html"
    said = world.run("dsar", "90000001", *CALLED, "--out", str(out), "--lang", "en", who="sigrid")
    assert said.exit == 0
    assert all(way in said.out for way in ("--turns FILE", "--whole-call --reason", "--turns none --reason"))
    assert "somebody speaks in 2 places" in said.out
    letter = ask(world, "90000001", "--lang", "en", name="again.html")["letter_html"]
    assert "We separate them when you ask for it, before" in words_of(letter)
    assert "because of the rights of" not in words_of(letter)


@pytest.mark.rule("access.subject")
def test_a_sound_is_refused_only_with_a_reason_which_letter_and_log_have(world: World) -> None:
    call = spoken(world)
    out = ("--out", str(world.base / "x.html"), "--json")
    told = world.run("dsar", "90000001", *CALLED, "--turns", "none", *out, who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, "withhold_without_reason")
    both = ("--turns", "none", "--whole-call", "--reason", WEIGHED)
    told = world.run("dsar", "90000001", *CALLED, *both, *out, who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, "not_together")
    answer = ask(world, "90000001", "--turns", "none", "--reason", WEIGHED, "--lang", "en")
    assert answer["told"]["without_sound"] == [{"id": call, "code": "withheld"}]
    assert data_of(answer)["withheld_reason"] == WEIGHED
    assert f"The reason is: {WEIGHED}." in words_of(answer["letter_html"])
    entries = world.json("audit", "show", "--action", "dsar", who="iver")["entries"]
    assert [entry["reason"] for entry in entries if entry.get("detail", {}).get("withheld")] == [WEIGHED]


# -- what the employee says about the caller ----------------------------------------------------------


@pytest.mark.rule("access.subject")
def test_what_the_employee_says_about_the_caller_is_given_as_text_with_the_weighing_logged(world: World) -> None:
    world.take_in("a", seconds=1)
    file = world.base / "about.json"
    file.write_text(json.dumps({"pbx.a": [{"start": 0.4, "text": "Kunden virker fornøyd."}]}), "utf-8")
    about = ("--turns", str(file))
    out = ("--out", str(world.base / "x.html"), "--json")
    told = world.run("dsar", "90000001", *CALLED, *about, *out, who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, "about_without_reason")
    answer = ask(world, "90000001", *about, "--reason", WEIGHED, "--lang", "nb")
    (one,) = data_of(answer)["recordings"]
    assert one["said_about"] == [{"starts_s": 0.4, "text": "Kunden virker fornøyd."}]
    letter = words_of(answer["letter_html"])
    assert "Det kundebehandleren sier om deg" in letter and "Kunden virker fornøyd." in letter
    assert WEIGHED not in letter
    entries = world.json("audit", "show", "--action", "dsar", who="iver")["entries"]
    assert [entry["reason"] for entry in entries if entry.get("detail", {}).get("about")] == [WEIGHED]
    assert "fornøyd" not in json.dumps(entries)


@pytest.mark.parametrize(
    ("document", "who", "code"),
    [
        ('{"pbx.a": [{"start": 0.4}]}', "90000001", "about_unreadable"),
        ('{"pbx.a": []}', "90000001", "about_unreadable"),
        ("[]", "90000001", "about_unreadable"),
        ('{"pbx.a": [{"start": -1, "text": "x"}]}', "90000001", "about_unreadable"),
        ('{"pbx.b": [{"start": 1, "text": "x"}]}', "90000001", "about_of_no_call"),
        ('{"pbx.a": [{"start": 1, "text": "x"}]}', "--agent=Ola Oppdiktet", "about_of_caller"),
    ],
)
def test_words_about_the_caller_that_do_not_fit_are_refused_and_nothing_leaves(
    world: World, document: str, who: str, code: str
) -> None:
    world.take_in("a", seconds=0.3)
    (world.base / "about.json").write_text(document, "utf-8")
    words = ("--turns", str(world.base / "about.json"), "--reason", WEIGHED, "--out", str(world.base / "x.html"))
    told = world.run("dsar", who, *CALLED, *words, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, code)
    assert not (world.base / "x.html").exists()
    assert world.json("recipients", "list", who="sigrid")["recipients"] == []


@given(
    st.binary(max_size=200)
    | st.from_regex(rb'\{"a": \[\{"start": [0-9]{1,3}, "text": "[a-z]{0,3}"\}\]\}', fullmatch=True)
)
def test_any_bytes_are_read_as_words_about_the_caller_or_refused(document: bytes) -> None:
    try:
        read = recordings.read_said_about(document)
    except Usage:
        return
    assert read and all(said.text and said.starts_s >= 0 for each in read.values() for said in each)


def test_turns_that_cannot_be_read_are_refused_before_anything_is_opened(world: World) -> None:
    spoken(world)
    bad = world.base / "bad.rttm"
    bad.write_text("SPEAKER pbx.mono\n", "utf-8")
    out = str(world.base / "x.html")
    told = world.run("dsar", "90000001", *CALLED, "--turns", str(bad), "--out", out, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, "turns_unreadable")
    assert world.json("case", "list", who="sigrid")["cases"] == []


# -- words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "channel"), [(("90000001",), 0), (("--agent", "Charles"), 1)])
def test_the_words_of_a_transcript_that_is_held_are_given_and_only_the_persons_own(
    world: World, words: tuple[str, ...], channel: int
) -> None:
    call = copies.call(world)
    (made,) = world.json("pseudonymise", *SAID, call, "--transcript", copies.words(), who="sigrid")["results"]
    spoken_words = json.loads(Path(copies.words()).read_text("utf-8"))["words"]
    answer = ask(world, *words)
    (one,) = data_of(answer)["recordings"]
    told = " ".join(each["text"] for each in one["transcript"]).split()
    assert told == [word["w"].strip() for word in spoken_words if word["ch"] == channel]
    assert all(each["starts_s"] < each["ends_s"] for each in one["transcript"])
    entries = world.json("audit", "show", "--action", "dsar", "--outcome", "allowed", who="iver")["entries"]
    assert made["copy"] in str(entries), "the log names the copy whose words were read"


def test_the_words_of_a_call_that_was_heard_twice_are_given_once(world: World) -> None:
    call = copies.call(world)
    twice = [
        more for folder in ("words-base", "words-base-hints") for more in ("--transcript", copies.words(folder=folder))
    ]
    world.json("pseudonymise", *SAID, call, *twice, who="sigrid")
    (one,) = data_of(ask(world, "90000001"))["recordings"]
    spoken_words = json.loads(Path(copies.words()).read_text("utf-8"))["words"]
    told = " ".join(each["text"] for each in one["transcript"]).split()
    assert told == [word["w"].strip() for word in spoken_words if word["ch"] == 0]


def test_a_single_track_gives_nobody_words_that_may_be_somebody_elses(world: World) -> None:
    call = copies.call(world, "call001", channels=1)
    (made,) = world.json("pseudonymise", *SAID, call, "--transcript", copies.words("call001"), who="sigrid")["results"]
    assert made["copy"]
    answer = ask(world, "90000001")
    (one,) = data_of(answer)["recordings"]
    assert (one["transcript_held"], one["transcript"]) == (True, [])
    assert "We found no words in it that we know to be yours." in words_of(answer["letter_html"])


# -- employees ----------------------------------------------------------------------------------------


def test_an_employee_gets_their_own_side_and_nothing_of_any_customer(world: World) -> None:
    world.take_in("a", known={"caller": ["Kari Kunde"], "agent": ["Ola Oppdiktet"]}, seconds=2)
    world.take_in("b", caller="+4790000002", seed=1, seconds=1)
    world.take_in("c", agent="Nils Annen", seed=2, seconds=1)
    customer = ask(world, "90000001", name="customer.html")
    answer = ask(world, "--agent", "Ola Oppdiktet", name="employee.html")
    data = data_of(answer)
    assert (answer["told"]["recordings"], data["identifiers"]) == (2, ["Ola Oppdiktet"])
    assert all(each["number"] is None for each in data["recordings"])
    assert [each["identifiers"] for each in data["recordings"]] == [["Ola Oppdiktet"]] * 2
    assert data["legal_basis"].startswith("Legitimate interest")
    assert data_of(customer)["legal_basis"] == "GDPR 6(1)(a)"
    assert words_of(answer["letter_html"]).count("Your name in the telephone system Ola Oppdiktet") == 2
    inside = json.dumps(data) + answer["letter_html"] + str(answer["bodies"])
    for private in ("90000001", "90000002", "Kari Kunde", "Nils Annen"):
        assert private not in inside
    mine, theirs = (body[0] for body in (_mp3s(customer), _mp3s(answer)))
    assert mine != theirs


def test_an_employee_whom_no_call_names_gets_an_answer_and_the_officer_a_hint(world: World) -> None:
    world.take_in("a", seconds=0.3)
    answer = ask(world, "--agent", "Ola Oppdikta")
    assert answer["told"]["recordings"] == 0
    said = world.run(
        "dsar", "--agent", "Ola", *CALLED, "--out", str(world.base / "y.html"), "--lang", "en", who="sigrid"
    )
    assert "No recordings found for: Ola" in said.out


def _mp3s(answer: dict[str, Any]) -> list[bytes]:
    return [body for name, body in sorted(answer["bodies"].items()) if name.endswith(".mp3")]


@pytest.mark.parametrize("side", ["caller", "agent"])
def test_a_call_of_which_nobody_knows_whose_channel_is_whose_gives_neither(side: str) -> None:
    header, _ = audio.read_blocks([tone_wav(0.2, channels=2)])
    assert sounds._side(header, {}, side) == (None, "roles_unknown")
    assert sounds._side(header, {"caller": 1, "agent": 0}, side) == ({"caller": 1, "agent": 0}[side], None)
    assert sounds._channels(header, {}, None) == (MIXED, MIXED), "the whole call: either may be heard in each"
    assert sounds._channels(header, {"caller": 1, "agent": 0}, None) == ("agent", "caller")


@pytest.mark.rule("consent.press1")
@pytest.mark.parametrize("words", [("90000001",), ("--agent", "Ola Oppdiktet")], ids=["caller", "employee"])
def test_a_recording_is_told_to_begin_at_the_key_press_as_its_sound_does(world: World, words: tuple[str, ...]) -> None:
    began = datetime.now(UTC) - timedelta(hours=1)
    world.take_in("a", started=began, seconds=5.0, pressed_after=3.0)
    (told,) = data_of(ask(world, *words))["recordings"]
    assert (from_iso(told["started_at"]), told["duration_s"]) == (began + timedelta(seconds=3), 2.0)
