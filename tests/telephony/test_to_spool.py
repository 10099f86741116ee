"""From captures and Kamailio's lines to the spool: where each sample lies, and what a killed run leaves behind."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.sound import audio
from tests.support.exchange import EXAMPLE
from tests.support.phones import FRAME, Packet, pcap, speech
from tests.support.properties import examples

CALLER: Final = 30_000  # the ports of rtpengine
AGENT: Final = 30_002
BEGINS: Final = 1_790_842_530_000_000  # microseconds
SILENCE: Final = 0xD5
ID: Final = f"1790842530-000000-{7:032x}"
SECOND_ID: Final = f"1790842550-000000-{8:032x}"


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("to_spool", EXAMPLE / "to_spool.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


to_spool: Final[Any] = _loaded()

# -- Where each sample lies ----------------------------------------------------------------------------


def _placed(arrived: Iterable[tuple[int, Packet]], seconds: float = 1.0) -> bytes:
    """The caller's channel of packets that arrived so many microseconds after the begin."""
    captured = [(BEGINS + at, CALLER, packet.ssrc, packet.stamp % 2**32, packet.payload) for at, packet in arrived]
    ends = BEGINS + round(seconds * 1_000_000)
    return bytes(to_spool.stereo(captured, begins=BEGINS, ends=ends, ports=(CALLER, AGENT))[::2])


def _samples(micros: int) -> int:
    return micros * 8000 // 1_000_000


@given(
    start=st.sampled_from([0, 160, 2**31 - 800, 2**32 - 800, 2**32 - 1]) | st.integers(0, 2**32 - 1),
    fates=st.lists(st.lists(st.integers(0, 80_000), max_size=2), min_size=5, max_size=30),
)
@examples(150)
def test_lost_reordered_and_repeated_packets_lie_by_their_time_stamps(start: int, fates: list[list[int]]) -> None:
    said = speech(1, len(fates) / 50, stamp=start)
    arrived = sorted(
        ((20_000 * index + late, index) for index, delays in enumerate(fates) for late in delays),
    )
    channel = _placed((at, said[index]) for at, index in arrived)
    if not arrived:
        assert channel == b""
        return
    expected = bytearray([SILENCE]) * 8000
    first_at, first = arrived[0]
    for _, index in arrived:
        place = _samples(first_at) + (index - first) * FRAME
        for offset, value in enumerate(said[index].payload):
            if 0 <= place + offset < 8000:
                expected[place + offset] = value
    assert channel == bytes(expected)


def test_a_second_source_on_one_side_begins_where_it_arrives() -> None:
    first, second = speech(1, 0.1), speech(2, 0.1, stamp=99)
    arrived = [(20_000 * index, packet) for index, packet in enumerate(first)]
    arrived += [(500_000 + 20_000 * index, packet) for index, packet in enumerate(second)]
    channel = _placed(arrived)
    assert channel[:800] == b"".join(packet.payload for packet in first)
    assert channel[4000:4800] == b"".join(packet.payload for packet in second)
    assert set(channel[800:4000]) == {SILENCE}


def test_a_time_stamp_that_jumps_takes_no_room() -> None:
    said = [replace(packet, stamp=packet.stamp + 2**30 * (packet.at >= 0.06)) for packet in speech(1, 0.12)]
    channel = _placed((20_000 * index, packet) for index, packet in enumerate(said))
    assert channel[:960] == b"".join(packet.payload for packet in said)


def test_a_part_begins_and_ends_at_its_times() -> None:
    said = speech(1, 0.2)
    channel = _placed(((20_000 * index - 50_000, packet) for index, packet in enumerate(said)), seconds=0.1)
    assert len(channel) == 800
    assert channel[:80] == bytes([SILENCE]) * 80  # the first packet that came after the begin came 10 ms later
    assert channel[80:] == b"".join(packet.payload for packet in said[3:])[:720]
    assert _placed([(-1, said[0]), (1_000_000, said[1])]) == b""


def test_each_port_is_a_side_and_other_ports_are_none() -> None:
    caller, agent, other = (speech(seed, 0.02)[0] for seed in range(3))
    sent = [(CALLER, caller), (AGENT, agent), (30_004, other)]
    captured = [(BEGINS, port, packet.ssrc, packet.stamp, packet.payload) for port, packet in sent]
    frames = to_spool.stereo(captured, begins=BEGINS, ends=BEGINS + 20_000, ports=(CALLER, AGENT))
    assert (frames[::2], frames[1::2]) == (caller.payload, agent.payload)


@pytest.mark.parametrize("ends", [BEGINS, BEGINS - 1, BEGINS + 10**6 * 86_400])
def test_a_part_of_no_length_or_of_a_day_has_no_sound(ends: int) -> None:
    captured = [(BEGINS, CALLER, 1, 0, bytes(FRAME))]
    assert to_spool.stereo(captured, begins=BEGINS, ends=ends, ports=(CALLER, AGENT)) == b""


# -- Captures ------------------------------------------------------------------------------------------


def test_a_capture_that_is_cut_off_anywhere_gives_its_whole_packets(tmp_path: Path) -> None:
    said = speech(1, 0.06)
    whole = pcap(said, port=CALLER)
    each = (len(whole) - 24) // len(said)
    for length in range(len(whole) + 1):
        (tmp_path / "a.pcap").write_bytes(whole[:length])
        read = list(to_spool.packets(tmp_path / "a.pcap"))
        assert [packet[4] for packet in read] == [packet.payload for packet in said[: max(0, length - 24) // each]]


@given(st.binary(max_size=400), st.binary(max_size=80))
@examples(200)
def test_a_capture_of_anything_is_read(tmp_path_factory: pytest.TempPathFactory, junk: bytes, packet: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.pcap"
    whole = struct.pack("<IIII", 1, 1, len(packet) + 14, 0) + bytes(14) + packet
    path.write_bytes(bytes(24) + whole + junk)
    for _, port, _, _, sound in to_spool.packets(path):
        assert port < 65_536 and len(sound) < 500


def test_keys_other_sounds_and_control_packets_are_no_sound(tmp_path: Path) -> None:
    said = [replace(speech(1, 0.02)[0], payload_type=kind) for kind in (101, 0, 72, 13)]
    (tmp_path / "a.pcap").write_bytes(pcap(said))
    assert list(to_spool.packets(tmp_path / "a.pcap")) == []


def test_sources_extensions_and_padding_are_no_sound(tmp_path: Path) -> None:
    head = struct.pack(">BBHII", 0x80 | 0x20 | 0x10 | 2, 8, 1, 160, 5) + bytes(8)
    rtp = head + struct.pack(">HH", 0xBEDE, 2) + bytes(8) + b"sound" + b"\0\0\x03"
    for ip in (b"\x45" + bytes(19), b"\x60" + bytes(39)):
        frame = bytes(14) + ip + struct.pack(">HHHH", 1, AGENT, 0, 0) + rtp
        (tmp_path / "a.pcap").write_bytes(bytes(24) + struct.pack("<IIII", 2, 3, len(frame), len(frame)) + frame)
        assert list(to_spool.packets(tmp_path / "a.pcap")) == [(2_000_003, AGENT, 5, 160, b"sound")]


def test_the_file_is_a_wav_of_the_samples_as_they_came() -> None:
    frames = bytes(range(256)) * 2
    file = to_spool.wav(frames)
    sound = audio.read_wav(io.BytesIO(file), len(file))
    assert (sound.encoding, sound.channels, sound.rate, bytes(sound.data)) == (audio.Encoding.ALAW, 2, 8000, frames)


# -- Calls ---------------------------------------------------------------------------------------------


class Desk:
    """The folders of an exchange: what Kamailio and rtpengine left there, and the spool."""

    def __init__(self, base: Path) -> None:
        self.records, self.captures, self.spool = base / "records", base / "recorded", base / "spool"
        for path in (self.records, self.captures / "pcaps", self.captures / "metadata", self.spool):
            path.mkdir(parents=True)

    def ended(self, id: str = ID, *, parts: int = 1, file: str = "calls_1790842000.jsonl", **more: Any) -> None:
        """Leave an ended call with so many recorded parts of 0.1 s; a value of None takes a key away."""
        record: dict[str, Any] = {"id": id, "call": id, "call_id": "a84b4c76e66710", "caller": "+4790000001"}
        record |= {"agent": "ola", "team": "kundeservice", "key": "1", "key_at": "1790842529.5", "parts": []}
        record |= {"prompt": "nb-2026-01", "prompt_heard": True, "answered": "1790842500.5"}
        record |= {"call_began": "1790842500.5", "call_ended": "1790842600.5"}
        for number in range(1, parts + 1):
            at = BEGINS + number * 1_000_000
            said = [replace(packet, at=(at / 1_000_000) + packet.at) for packet in speech(number, 0.1)]
            (self.captures / "pcaps" / f"{id}.{number}.pcap").write_bytes(pcap(said, port=CALLER))
            times = {"recorded_from": f"{at / 1_000_000:.6f}", "ended": f"{at / 1_000_000 + 0.1:.6f}"}
            record["parts"].append({"part": number, **times, "caller_port": CALLER, "agent_port": AGENT})
            (self.captures / "metadata" / f"rtpengine-meta-{id}-{number}.txt").write_text("sdp", "utf-8")
        told = {key: value for key, value in (record | more).items() if value is not None}
        with (self.records / file).open("a", encoding="utf-8") as out:
            out.write(json.dumps(told) + "\n")

    def run(self) -> int:
        return int(to_spool.main(self.records, self.captures, self.spool))

    def lines(self) -> list[dict[str, Any]]:
        paths = sorted(self.spool.glob("*.jsonl"))
        return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]

    def names(self) -> list[str]:
        return sorted(path.name for path in self.spool.iterdir())

    def rest(self) -> list[str]:
        """What is left of calls with the exchange."""
        files = [path for path in (*self.captures.rglob("*"), *self.records.glob("*")) if path.is_file()]
        return sorted(path.name for path in files if path.name not in {"lock", "progress.json"})


WITHDRAWN: Final[dict[str, Any]] = {"withdrawn_key": "9", "withdrawn_at": "1790842560.5", "agent": None, "key": None}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_each_part_has_its_sound_and_its_line(desk: Desk) -> None:
    desk.ended(parts=2)
    assert desk.run() == 0
    assert desk.names() == [f"{ID}-1.wav", f"{ID}-2.wav", f"{ID}.jsonl"]
    first, second = desk.lines()
    assert first == {
        "recording": f"{ID}-1",
        "call_id": "a84b4c76e66710",
        "direction": "inbound",
        "caller": "+4790000001",
        "agent": "ola",
        "team": "kundeservice",
        "key": "1",
        "key_at": "1790842529.5",
        "prompt": "nb-2026-01",
        "prompt_heard": True,
        "call_began": "1790842500.5",
        "call_ended": "1790842600.5",
        "recorded_from": "1790842531.000000",
        "ended": "1790842531.100000",
    }
    assert (second["recording"], second["recorded_from"]) == (f"{ID}-2", "1790842532.000000")
    assert desk.rest() == ["calls_1790842000.jsonl"]


def test_a_declined_call_is_one_line(desk: Desk) -> None:
    desk.ended(parts=0, key="2")
    assert desk.run() == 0
    (line,) = desk.lines()
    assert (line["recording"], line["key"], line["answered"]) == (f"{ID}-declined", "2", "1790842500.5")
    assert "recorded_from" not in line


def test_a_part_without_a_packet_has_no_line(desk: Desk) -> None:
    desk.ended()
    next((desk.captures / "pcaps").iterdir()).write_bytes(pcap([]))
    assert (desk.run(), desk.names(), desk.rest()) == (0, [], ["calls_1790842000.jsonl"])


@pytest.mark.parametrize("caller", ["+4790000001", "4790000001"])
def test_a_withdrawal_takes_the_sound_with_it(desk: Desk, caller: str) -> None:
    desk.ended(caller=caller, **WITHDRAWN)
    assert desk.run() == 0
    (line,) = desk.lines()
    assert line == {
        "recording": f"{ID}-withdrawal",
        "call_id": "a84b4c76e66710",
        "direction": "inbound",
        "caller": caller,
        "withdrawn_key": "9",
        "withdrawn_at": "1790842560.5",
    }
    assert (desk.names(), desk.rest()) == ([f"{ID}.jsonl"], ["calls_1790842000.jsonl"])


@pytest.mark.parametrize("caller", ["anonymous", "unknown", "", "+47x", "ola"])
def test_a_withheld_number_leaves_no_withdrawal_and_no_sound(desk: Desk, caller: str) -> None:
    desk.ended(caller=caller, **WITHDRAWN)
    assert (desk.run(), desk.names(), desk.rest()) == (0, [], ["calls_1790842000.jsonl"])


def test_a_withdrawal_in_a_transferred_call_takes_the_parts_before_it(desk: Desk) -> None:
    desk.ended()
    desk.ended(SECOND_ID, call=ID, **WITHDRAWN)
    assert desk.run() == 0
    assert [line["recording"] for line in desk.lines()] == [f"{SECOND_ID}-withdrawal"]
    assert (desk.names(), desk.rest()) == ([f"{SECOND_ID}.jsonl"], ["calls_1790842000.jsonl"])


# -- Kamailio's lines ----------------------------------------------------------------------------------


def test_a_line_that_is_being_written_waits(desk: Desk) -> None:
    desk.ended()
    file = desk.records / "calls_1790842000.jsonl"
    whole = file.read_bytes()
    for length in (0, 1, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert (desk.run(), desk.names()) == (0, [])
    file.write_bytes(whole)
    assert (desk.run(), len(desk.lines())) == (0, 1)
    desk.ended(SECOND_ID)
    assert (desk.run(), len(desk.lines())) == (0, 2)


def test_a_file_of_kamailio_goes_once_there_is_a_newer_one(desk: Desk) -> None:
    desk.ended(file="calls_1790842000.jsonl")
    desk.ended(SECOND_ID, file="calls_1790842600.jsonl")
    assert (desk.run(), len(desk.lines()), desk.rest()) == (0, 2, ["calls_1790842600.jsonl"])
    assert (desk.run(), len(desk.lines())) == (0, 2)


@pytest.mark.parametrize("name", ["../../x", f"{ID}/..", f"{ID}\n", "*", "", 7, None, [ID], f"{ID}x", "1" * 300])
@pytest.mark.parametrize("key", ["id", "call"])
def test_an_id_that_is_not_ours_writes_nothing(desk: Desk, name: Any, key: str) -> None:
    desk.ended(parts=0)
    file = desk.records / "calls_1790842000.jsonl"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {key: name}) + "\n", "utf-8")
    before = set(desk.records.parent.rglob("*"))
    assert (desk.run(), desk.names()) == (1, [])
    written = set(desk.records.parent.rglob("*")) - before
    assert {path.name for path in written} == {"lock", "progress.json"}


@given(st.text(max_size=300), st.text(max_size=60))
@examples(20)
def test_what_a_caller_chooses_names_no_file(
    tmp_path_factory: pytest.TempPathFactory, call_id: str, caller: str
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.ended(call_id=call_id, caller=caller)
    assert desk.run() == 0
    assert desk.names() == [f"{ID}-1.wav", f"{ID}.jsonl"]
    assert [(line["call_id"], line["caller"]) for line in desk.lines()] == [(call_id, caller)]


def test_a_line_that_is_no_record_does_not_stop_the_others(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    (desk.records / "calls_1790842000.jsonl").write_bytes(b'{"id": "\xff"}\n[]\nnull\n{\n')
    desk.ended()
    assert (desk.run(), len(desk.lines())) == (1, 1)
    assert capsys.readouterr().err.count("a line is no record") == 4
    assert desk.run() == 0


def test_a_call_that_cannot_be_read_stays_and_the_others_go_on(desk: Desk) -> None:
    desk.ended(key_at=None)
    desk.ended(SECOND_ID)
    assert desk.run() == 1
    assert [line["recording"] for line in desk.lines()] == [f"{SECOND_ID}-1"]
    assert f"{ID}.1.pcap" in desk.rest()


def test_a_withdrawal_whose_call_id_jansson_could_not_write_is_delivered(desk: Desk) -> None:
    desk.ended(parts=0, call_id=None, **WITHDRAWN)
    assert desk.run() == 0
    assert [line["withdrawn_key"] for line in desk.lines()] == ["9"]


def test_a_capture_that_cannot_be_removed_stops_no_other_delivery(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ended()
    desk.ended(SECOND_ID, parts=0, **WITHDRAWN)
    unlink = Path.unlink

    def refusing(path: Path, **how: Any) -> None:
        if path.name == f"{ID}.1.pcap":
            raise PermissionError
        unlink(path, **how)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refusing)
        assert desk.run() == 1
    assert len(desk.lines()) == 2
    assert (desk.run(), desk.rest()) == (0, ["calls_1790842000.jsonl"])


def test_a_capture_goes_after_a_day_without_a_call(desk: Desk) -> None:
    desk.ended(key_at=None)
    for name in (f"{SECOND_ID}-0123456789abcdef.pcap", f"{ID}.1.pcap", "foreign.pcap", f"{SECOND_ID}.2.pcap"):
        path = desk.captures / "pcaps" / name
        path.touch()
        if not name.endswith("2.pcap"):
            os.utime(path, (0, 0))
    desk.run()
    left = sorted(path.name for path in (desk.captures / "pcaps").iterdir())
    assert left == [f"{ID}.1.pcap", f"{SECOND_ID}.2.pcap"]  # one waits for its call, one is new


# -- A killed run --------------------------------------------------------------------------------------


class _Killed(BaseException):
    """The run ends here."""


class Killer:
    """Ends a run at its n-th change of the disk, before or after the change."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, *, after: bool) -> None:
        self._left, self._after = at, after
        for owner, name in ((Path, "rename"), (Path, "unlink"), (Path, "open"), (to_spool.os, "fsync")):
            monkeypatch.setattr(owner, name, self._deadly(getattr(owner, name)))

    def _deadly(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def change(*words: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise _Killed
            done = real(*words, **named)
            if self._left == 0:
                if hasattr(done, "close"):
                    done.close()
                raise _Killed
            return done

        return change


def _taken(desk: Desk) -> list[str]:
    """Take the delivered recordings out of the spool, as the program does; each sound must lie there."""
    lines = desk.lines()
    for line in lines:
        if "recorded_from" in line:
            (desk.spool / f"{line['recording']}.wav").unlink()
    for path in desk.spool.glob("*.jsonl"):
        path.unlink()
    return [line["recording"] for line in lines]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("takes", [False, True], ids=["spool stays", "spool is taken in"])
def test_a_run_that_is_killed_anywhere_loses_nothing_and_writes_nothing_twice(
    tmp_path: Path, after: bool, takes: bool
) -> None:
    at, was_killed = 0, True
    while was_killed:
        at += 1
        desk = Desk(tmp_path / str(at))
        desk.ended(parts=2)
        desk.ended(SECOND_ID, parts=0, key="2", file="calls_1790842600.jsonl")
        with pytest.MonkeyPatch.context() as patched:
            Killer(patched, at, after=after)
            try:
                desk.run()
                was_killed = False
            except _Killed:
                pass
        taken = _taken(desk) if takes else []
        assert desk.run() == 0
        taken += _taken(desk)
        assert (desk.run(), _taken(desk)) == (0, [])
        assert sorted(taken) == [f"{ID}-1", f"{ID}-2", f"{SECOND_ID}-declined"]
        assert desk.rest() == ["calls_1790842600.jsonl"]
        assert desk.names() == []
    assert at > 30
