"""What an answer gives of a call is the person's own: their sound and their words, of customers and of employees."""

from __future__ import annotations

import io
import json
from array import array
from pathlib import Path
from typing import Any

import pytest

from arlo_rec import audio
from arlo_rec.audio import Encoding, Sound
from arlo_rec.dsar import sounds
from tests.support import copies
from tests.support.answers import opened
from tests.support.answers import words as words_of
from tests.support.copies import SAID
from tests.support.sounds import tone, tone_wav, wav
from tests.support.world import World

pytestmark = [pytest.mark.rule("data.customer"), pytest.mark.rule("data.employee"), pytest.mark.slow]
CALLED = ("--identity", "called-back")


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
