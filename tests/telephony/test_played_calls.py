"""Real calls: phones of SIPp call through Kamailio and rtpengine, as examples/telephony/kamailio sets them up.

All calls are played once, beside each other. The tests look at Kamailio's lines, the captures and the spool, and at
what the program takes in. A caller's number names its call.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile, copytree
from typing import Any, Final

import pytest

from arlo_rec.sound import audio
from tests.support import needs
from tests.support import world as worlds
from tests.support.exchange import (
    EXAMPLE,
    LONGEST_CALL,
    PROMPT_ID,
    PROMPT_SECONDS,
    Ear,
    Exchange,
    Phone,
    lacking,
)
from tests.support.exports import approve
from tests.support.phones import (
    BYE,
    FRAME,
    PCMA,
    Packet,
    Step,
    agent,
    caller,
    expect,
    offer,
    pcap,
    refer,
    speech,
    wait,
)
from tests.support.world import REASON, World

pytestmark = [
    pytest.mark.slow,
    needs.mark(lacking()),
    pytest.mark.xdist_group("telephony"),
]
SILENCE: Final = 0xD5  # of A-law
AGENT: Final = "22334455"
COLLEAGUE: Final = "22334466"
YES: Final = (1.6, "1")
MANY: Final = 20
LINE: Final = "withdraw"


@dataclass(frozen=True)
class Caller:
    """A call: its keys and when each is pressed, its steps, and who is called."""

    keys: tuple[tuple[float, str], ...] = ()
    steps: tuple[Step, ...] = (wait(3.8), BYE)
    called: str = AGENT
    number: str = ""
    calls: int = 1
    call_id: str = "%u-%p@%s"


AGENTS: Final[dict[str, tuple[tuple[tuple[float, str], ...], tuple[Step, ...]]]] = {
    AGENT: ((), ()),
    COLLEAGUE: ((), ()),
    "22334401": (((1.6, "1"),), ()),
    "22334402": (((2.2, "*"), (3.0, "*")), ()),
    "22334403": ((), (wait(2.2), offer("sendonly"), wait(0.8), offer("sendrecv"))),
    "22334404": ((), (wait(2.2), refer(COLLEAGUE))),
    "22334405": ((), ()),
}
HOSTILE: Final = "../../*?[x]::%u/%%41-{sum}'\"$ci%p@%s"
CALLERS: Final = {
    "yes": Caller((YES,), called="22334405"),
    "no": Caller(((1.6, "2"),)),
    "silent": Caller(),
    "early": Caller(((0.3, "1"),)),
    "early, then again": Caller(((0.3, "1"), YES)),
    "early no": Caller(((0.3, "2"),)),
    "agent's 1": Caller(called="22334401"),
    "other key": Caller(((1.6, "5"), (2.2, "1"))),
    "late": Caller(((3.6, "1"),), (wait(4.2), BYE)),
    "muted": Caller((YES,), (wait(4), BYE), "22334402"),
    "held by the agent": Caller((YES,), (expect("INVITE"), expect("INVITE"), wait(1), BYE), "22334403"),
    "held by the caller": Caller((YES,), (wait(2.2), offer("inactive"), wait(0.8), offer("sendrecv"), wait(1), BYE)),
    "transferred": Caller((YES,), (expect("REFER"), wait(0.3), BYE), "22334404"),
    "withdraws": Caller((YES, (2.4, "9"))),
    "withdraws twice": Caller((YES, (2.2, "9"), (2.8, "9"))),
    "withdraws unrecorded": Caller(((1.6, "2"), (2.4, "9"))),
    "withdraws in the prompt": Caller(((0.3, "9"), YES)),
    "line": Caller(((1.0, "9"),), (expect("BYE"),), LINE),
    "line without a key": Caller(((1.0, "1"),), (wait(2), BYE), LINE),
    "withheld": Caller((YES,), number="anonymous"),
    "withheld, withdraws": Caller((YES, (2.4, "9")), number="unknown"),
    "withheld on the line": Caller(((1.0, "9"),), (wait(2), BYE), LINE, number="withheld"),
    "hostile": Caller((YES,), call_id=HOSTILE),
    "one Call-ID": Caller((YES,), call_id="same@example.invalid"),
    "one Call-ID again": Caller((YES,), called=COLLEAGUE, call_id="same@example.invalid"),
    "consents": Caller((YES,)),
    "endless": Caller((YES,), (expect("BYE"),)),
    "many": Caller((YES,), calls=MANY),
}
AFTERWARDS: Final = {  # once the agent asked for the transfer
    "goes on": Caller((), (wait(1.5), BYE), COLLEAGUE),
    "stranger": Caller((), (wait(3.5), BYE), COLLEAGUE),
    "calls again": Caller((), (wait(2), BYE), COLLEAGUE),
    "consents no more": Caller(((1.0, "9"),), (expect("BYE"),), LINE),
}
OFFER: Final = "m=audio 9 RTP/AVP {codec}\r\n"
REFUSED: Final = {
    "another number": ("INVITE", "22339999", OFFER.format(codec=8)),
    "another codec": ("INVITE", AGENT, OFFER.format(codec=0)),
    "no sound": ("INVITE", AGENT, ""),
    "a message": ("MESSAGE", AGENT, ""),
    "another address": ("INVITE", AGENT, OFFER.format(codec=8), "127.0.0.2"),
}
UNTOLD: Final = ("silent", "early", "early no", "agent's 1", "other key", "late", "line without a key")
TOLD: Final = len(CALLERS) - len(UNTOLD) + MANY + 1  # lines of Kamailio, with a second one of two callers
NUMBERS: Final = {name: f"+47900001{index:02}" for index, name in enumerate([*CALLERS, "stranger"])}
SAME_CALLER: Final = {"goes on": "transferred", "calls again": "transferred", "consents no more": "consents"}


@dataclass(frozen=True)
class Played:
    """Everything that the calls left behind."""

    told: list[dict[str, Any]]  # Kamailio's lines
    captures: dict[str, bytes]  # by name, before anything was brought to the spool
    spool: Path
    said: dict[str, list[Packet]]  # each side's packets
    heard: dict[str, list[tuple[float, bytes]]]
    refused: dict[str, str]  # what Kamailio answered to calls that it does not take
    relayed: int  # calls that rtpengine still has after the last one
    left: list[str]  # in the folder of rtpengine, after that

    def of(self, name: str) -> list[dict[str, Any]]:
        """Kamailio's lines of a call."""
        return [line for line in self.told if line["caller"] == number_of(name)]

    def lines(self, name: str = "") -> list[dict[str, Any]]:
        """The spool's lines of a call, or all."""
        lines = [
            json.loads(line) for path in sorted(self.spool.glob("*.jsonl")) for line in path.read_bytes().splitlines()
        ]
        return [line for line in lines if not name or line["caller"] == number_of(name)]


def number_of(name: str) -> str:
    """The number from which a call comes."""
    withheld = name in CALLERS and CALLERS[name].number
    return "anonymous" if withheld else NUMBERS[SAME_CALLER.get(name, name)]


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All calls, played once."""
    folder = tmp_path_factory.mktemp("telephony")
    said: dict[str, list[Packet]] = {}
    (folder / "exchange").mkdir()
    with Exchange(folder / "exchange", list(AGENTS)) as exchange, Ear() as ear:
        agents = {}
        for seed, (number, (keys, steps)) in enumerate(AGENTS.items()):
            said[number] = speech(seed, 5.5, keys, stamp=2**32 - 16_000 - seed)
            sound = _pcap(folder, number, said[number])
            agents[number] = exchange.answer(number, agent(folder, number, sound=sound, steps=steps))
        phones = {name: _call(exchange, folder, name, each, said) for name, each in CALLERS.items()}
        phones["transferred"].ended()
        for name, each in AFTERWARDS.items():
            phones[name] = _call(exchange, folder, name, each, said)
            if name == "goes on":
                phones[name].ended()
        for phone in phones.values():
            phone.ended()
        late = time.monotonic() + 10
        while time.monotonic() < late and (len(exchange.told()), exchange.relayed()) != (TOLD, 0):
            time.sleep(0.05)
        refused = {name: exchange.ask(*words) for name, words in REFUSED.items()}
        relayed = exchange.relayed()
        heard = {name: ear.at(phone.port) for name, phone in (*phones.items(), *agents.items())}
    told, captures = exchange.told(), {path.name: path.read_bytes() for path in exchange.captures.iterdir()}
    (folder / "spool").mkdir()
    places = (exchange.records, exchange.recorded, folder / "spool")
    subprocess.run([sys.executable, str(EXAMPLE / "to_spool.py"), *map(str, places)], check=True)
    left = [str(path) for path in exchange.recorded.rglob("*") if path.is_file()]
    return Played(told, captures, folder / "spool", said, heard, refused, relayed, left)


def _call(exchange: Exchange, folder: Path, name: str, each: Caller, said: dict[str, list[Packet]]) -> Phone:
    said[name] = speech(len(said), 5, each.keys)
    plain, number = f"caller-{len(said)}", each.number or number_of(name)
    sound = _pcap(folder, plain, said[name])
    path = caller(folder, plain, number=number, called=each.called, sound=sound, steps=each.steps)
    return exchange.call(path, calls=each.calls, call_id=each.call_id)


def _pcap(folder: Path, name: str, packets: list[Packet]) -> Path:
    path = folder / f"{name}.pcap"
    path.write_bytes(pcap(packets))
    return path


# -- A yes, and everything else ------------------------------------------------------------------------


def test_only_the_callers_1_after_the_end_of_the_prompt_is_recorded(played: Played) -> None:
    (line,) = played.lines("yes")
    (told,) = played.of("yes")
    heard = float(told["answered"]) + PROMPT_SECONDS
    assert (line["key"], line["prompt"], line["prompt_heard"]) == ("1", PROMPT_ID, True)
    assert heard < float(line["key_at"]) <= float(line["recorded_from"]) < float(line["ended"])
    assert float(line["recorded_from"]) - float(line["key_at"]) < 0.5
    assert (line["agent"], line["team"], line["direction"]) == ("22334405", "kundeservice", "inbound")


@pytest.mark.parametrize("name", ["no", "silent", "early", "early no", "agent's 1", "other key", "late"])
def test_without_that_key_no_sound_of_a_call_is_in_any_file(played: Played, name: str) -> None:
    files = [*played.captures.values(), *(path.read_bytes() for path in played.spool.iterdir())]
    assert not any(packet.payload in file for file in files for packet in _voice(played.said[name]))
    assert played.heard[name]  # the call was there: its sides heard something


@pytest.mark.parametrize("name", UNTOLD)
def test_without_an_answer_nothing_is_written_down(played: Played, name: str) -> None:
    assert (played.of(name), played.lines(name)) == ([], [])


def test_a_2_leaves_one_line_without_a_sound(played: Played) -> None:
    (line,) = played.lines("no")
    assert (line["key"], line["prompt"], line["prompt_heard"]) == ("2", PROMPT_ID, True)
    assert "recorded_from" not in line
    assert float(line["answered"]) + PROMPT_SECONDS < float(line["key_at"])


def test_a_1_that_comes_again_after_the_end_counts(played: Played) -> None:
    (line,) = played.lines("early, then again")
    assert float(line["key_at"]) > float(played.of("early, then again")[0]["answered"]) + PROMPT_SECONDS


def test_neither_side_hears_the_other_before_the_answer(played: Played) -> None:
    (line,) = played.lines("yes")
    pressed = float(line["key_at"])
    for ear, mouth in (("yes", "22334405"), ("22334405", "yes")):
        own = {packet.payload for packet in _voice(played.said[mouth])}
        times = [at for at, sound in played.heard[ear] if sound in own]
        assert pressed < min(times) < pressed + 1
    prompt = [at for at, sound in played.heard["yes"] if at < pressed]
    assert 45 <= len(prompt) <= 51  # packets of 20 ms
    assert not [at for at, _ in played.heard["22334405"] if at < pressed]


def test_both_sides_hear_each_other_once_the_caller_was_silent(played: Played) -> None:
    own = {packet.payload for packet in _voice(played.said[AGENT])}
    for name in ("silent", "early", "no"):
        assert any(sound in own for _, sound in played.heard[name])


def test_a_call_that_could_not_be_recorded_rightly_is_not_taken(played: Played) -> None:
    assert played.refused == {
        "another number": "404",
        "another codec": "488",
        "no sound": "488",
        "a message": "405",
        "another address": "403",
    }


# -- Parts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "agents_phone"), [("muted", "22334402"), ("held by the agent", "22334403"), ("held by the caller", "")]
)
def test_mute_and_hold_end_a_part_and_what_is_said_then_is_in_no_file(
    played: Played, name: str, agents_phone: str
) -> None:
    first, second = played.lines(name)
    assert (first["key_at"], first["key"]) == (second["key_at"], second["key"])
    assert float(second["recorded_from"]) - float(first["ended"]) > 0.5
    files = [*played.captures.values(), *(path.read_bytes() for path in played.spool.iterdir())]
    for side in filter(None, (name, agents_phone)):
        between = [packet for packet in _voice(played.said[side]) if 2.6 < packet.at < 2.8]
        after = [packet for packet in _voice(played.said[side]) if 3.5 < packet.at < 3.7]
        assert not any(packet.payload in file for file in files for packet in between)
        assert all(any(packet.payload in file for file in files) for packet in after)


def test_a_transferred_call_goes_on_as_a_part_with_the_same_evidence(played: Played) -> None:
    first, second = sorted(played.lines("transferred"), key=lambda line: line["recording"])
    assert first["recording"].removesuffix("-1") == second["recording"].removesuffix("-2")
    assert [first[key] for key in ("key", "key_at", "prompt", "caller")] == [
        second[key] for key in ("key", "key_at", "prompt", "caller")
    ]
    assert (first["agent"], second["agent"]) == ("22334404", COLLEAGUE)
    own = {packet.payload for packet in _voice(played.said[COLLEAGUE])}
    assert all(sound in own for _, sound in played.heard["goes on"])  # no second prompt


def test_a_further_call_to_that_agent_is_a_call_of_its_own(played: Played) -> None:
    assert played.lines("stranger") == []
    for name in ("stranger", "calls again"):
        files = [*played.captures.values(), *(path.read_bytes() for path in played.spool.iterdir())]
        assert not any(packet.payload in file for file in files for packet in _voice(played.said[name]))


def test_a_call_that_lasts_too_long_is_ended_and_kept(played: Played) -> None:
    (line,) = played.lines("endless")
    assert 1 < float(line["ended"]) - float(line["recorded_from"]) < LONGEST_CALL


# -- Withdrawal ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["withdraws", "withdraws twice", "withdraws unrecorded", "withdraws in the prompt", "line"]
)
def test_a_9_leaves_one_line_of_the_withdrawal_and_no_sound(played: Played, name: str) -> None:
    (line,) = played.lines(name)
    assert line.keys() == {"recording", "call_id", "direction", "caller", "withdrawn_key", "withdrawn_at"}
    assert (line["withdrawn_key"], line["recording"].endswith("-withdrawal")) == ("9", True)
    sounds = [path.read_bytes()[1::2] for path in played.spool.glob("*.wav")]
    sounds += [path.read_bytes()[::2] for path in played.spool.glob("*.wav")]
    assert not any(packet.payload in sound for sound in sounds for packet in _voice(played.said[name]))


def test_a_9_ends_the_recording_at_once(played: Played) -> None:
    late = [packet for packet in _voice(played.said["withdraws"]) if packet.at > 2.6]
    early = [packet for packet in _voice(played.said["withdraws"]) if 1.9 < packet.at < 2.3]
    assert not any(packet.payload in file for file in played.captures.values() for packet in late)
    assert all(any(packet.payload in file for file in played.captures.values()) for packet in early)


def test_a_caller_who_withdraws_hears_a_sentence_and_then_the_agent_again(played: Played) -> None:
    (line,) = played.lines("withdraws")
    own = {packet.payload for packet in _voice(played.said[AGENT])}
    after = [(at, sound in own) for at, sound in played.heard["withdraws"] if at > float(line["withdrawn_at"])]
    sentence = [at for at, is_agent in after if not is_agent]
    assert 22 <= len(sentence) <= 27  # half a second
    assert max(sentence) < max(at for at, _ in after)


def test_the_line_plays_its_text_and_the_sentence_and_ends_the_call(played: Played) -> None:
    (line,) = played.lines("line")
    before = [at for at, _ in played.heard["line"] if at < float(line["withdrawn_at"])]
    after = [at for at, _ in played.heard["line"] if at > float(line["withdrawn_at"])]
    assert (22 <= len(before) <= 27, 22 <= len(after) <= 27) == (True, True)


def test_a_withheld_number_is_recorded_and_does_not_withdraw(played: Played) -> None:
    (line,) = played.lines("withheld")
    assert (line["caller"], "withdrawn_at" in line) == ("anonymous", False)
    assert len(played.of("withheld")) == len([each for each in CALLERS.values() if each.number])
    sounds = [path.read_bytes()[::2] for path in played.spool.glob("*.wav")]
    said = _voice(played.said["withheld, withdraws"])
    assert not any(packet.payload in sound for sound in sounds for packet in said)


# -- Many, and hostile ---------------------------------------------------------------------------------


def test_twenty_calls_at_once_are_twenty_recordings(played: Played) -> None:
    lines = played.lines("many")
    assert len({line["recording"] for line in lines}) == MANY
    for line in lines:
        assert_said(*_channels((played.spool / f"{line['recording']}.wav").read_bytes()), played, "many", AGENT)


def test_a_hostile_call_id_names_no_file(played: Played) -> None:
    (line,) = played.lines("hostile")
    assert line["call_id"].startswith("../../*?[x]::")
    assert (played.spool / f"{line['recording']}.wav").exists()
    for name in [*played.captures, *(path.name for path in played.spool.iterdir())]:
        assert set(name) <= set("0123456789abcdefjlnopstvw-.")


def test_two_calls_with_one_call_id_are_two_calls(played: Played) -> None:
    (first,), (second,) = played.lines("one Call-ID"), played.lines("one Call-ID again")
    assert first["call_id"] == second["call_id"]
    assert first["recording"] != second["recording"]
    for line, name, other in ((first, "one Call-ID", AGENT), (second, "one Call-ID again", COLLEAGUE)):
        assert_said(*_channels((played.spool / f"{line['recording']}.wav").read_bytes()), played, name, other)


def test_nothing_stays_with_the_exchange(played: Played) -> None:
    assert (played.relayed, played.left) == (0, [])
    assert not list(played.spool.glob("*.part"))


# -- Taken in, and heard again ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Store:
    """A store that took the whole spool in."""

    world: World
    told: dict[str, Any]

    def id(self, played: Played, name: str) -> str:
        """The id of a call's one recording."""
        (line,) = played.lines(name)
        return {each["source_id"]: str(each["id"]) for each in self.told["accepted"]}[line["recording"]]


@pytest.fixture(scope="session")
def store(played: Played, template: World, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store that took the whole spool in, once; tests only look into it."""
    world = worlds.copy(template, tmp_path_factory.mktemp("store"))
    copytree(played.spool, world.spool)
    approve(world, "kamailio")
    world.grant()
    return Store(world, world.json("ingest", str(world.spool), "--map", "kamailio", who="telefon"))


def test_every_part_is_taken_in_but_those_of_callers_who_withdrew(played: Played, store: Store) -> None:
    withdrew = {line["caller"] for line in played.lines() if "withdrawn_at" in line}
    parts = {line["recording"] for line in played.lines() if "recorded_from" in line and line["caller"] not in withdrew}
    assert {each["source_id"] for each in store.told["accepted"]} == parts
    assert len(store.told["withdrawn"]) == len(withdrew) == 6
    assert [each["code"] for each in store.told["refused"]] == ["withdrawn"]
    assert (store.told["declined"], len(played.lines("no")), list(store.world.spool.iterdir())) == (1, 1, [])


@pytest.mark.parametrize(
    ("name", "agents_phone"), [("yes", "22334405"), ("early, then again", AGENT), ("hostile", AGENT)]
)
def test_a_call_is_heard_again_sample_for_sample(
    played: Played, store: Store, tmp_path: Path, name: str, agents_phone: str
) -> None:
    words = ("--purpose", "quality", "--reason", REASON, "--out", str(tmp_path / "out.wav"))
    store.world.json("export", store.id(played, name), *words, who="leif")
    assert_said(*_channels((tmp_path / "out.wav").read_bytes()), played, name, agents_phone)


def test_the_evidence_of_a_call_is_shown(played: Played, store: Store) -> None:
    (line,) = played.lines("yes")
    shown = store.world.json("consent", "show", store.id(played, "yes"), who="sigrid")["consent"]
    assert shown["dpv:hasNotice"][0]["dct:identifier"] == PROMPT_ID
    (given,) = shown["dpv:hasConsentStatus"]
    assert given["dpv:hasIndicationMethod"] == "key 1 of the telephone, after the prompt was heard to its end"
    pressed = datetime.fromtimestamp(float(line["key_at"]), UTC).isoformat(timespec="microseconds")
    assert given["dpv:isIndicatedAtTime"]["@value"] == pressed.replace("+00:00", "Z")


def test_a_withdrawal_on_the_line_erases_what_was_taken_in_before(played: Played, world: World) -> None:
    first, second = sorted(played.lines("consents"), key=lambda line: "withdrawn_at" in line)
    approve(world, "kamailio")
    world.spool.mkdir()
    for line, erased in ((first, []), (second, [1])):
        (world.spool / "calls.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
        for sound in played.spool.glob(f"{line['recording']}.wav"):
            copyfile(sound, world.spool / sound.name)
        told = world.json("ingest", str(world.spool), "--map", "kamailio", who="telefon")
        assert [each["erased"] for each in told["withdrawn"]] == erased
    assert list(world.spool.iterdir()) == []


def assert_said(caller: bytes, agent: bytes, played: Played, name: str, other: str) -> None:
    """Hold both channels of a recording against the packets that the two phones sent."""
    for channel, said in ((caller, _voice(played.said[name])), (agent, _voice(played.said[other]))):
        begun = next(index for index, packet in enumerate(said) if packet.payload in channel)
        at = channel.index(said[begun].payload)
        end = len(channel.rstrip(bytes([SILENCE])))
        expected = bytearray([SILENCE]) * len(channel)
        for packet in said[begun:]:
            place = at + packet.stamp - said[begun].stamp
            if place < len(channel):
                expected[place : place + FRAME] = packet.payload
        assert channel[:end] == bytes(expected[:end])
        assert at < len(channel) / 2 < end  # a busy machine may send late


def _voice(packets: list[Packet]) -> list[Packet]:
    return [packet for packet in packets if packet.payload_type == PCMA]


def _channels(file: bytes) -> tuple[bytes, bytes]:
    sound = audio.read_wav(io.BytesIO(file), len(file))
    assert (sound.encoding, sound.channels) == (audio.Encoding.ALAW, 2)
    return bytes(sound.data[::2]), bytes(sound.data[1::2])
