"""Phones that SIPp plays: what each says and presses, packet for packet, and the scenarios. All sounds are noise."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

FRAME: Final = 160  # samples of a packet: 20 ms of G.711
PCMA: Final = 8
EVENT: Final = 101  # the payload type of keys (RFC 4733)
KEYS: Final = "0123456789*#"
_PRESSED: Final = 5  # packets from the begin of a key to its end


@dataclass(frozen=True)
class Packet:
    """One RTP packet: when it is sent, and all that a receiver sees of it."""

    at: float
    payload_type: int
    sequence: int
    stamp: int
    ssrc: int
    payload: bytes

    def rtp(self) -> bytes:
        head = struct.pack(
            ">BBHII", 0x80, self.payload_type, self.sequence & 0xFFFF, self.stamp & 0xFFFFFFFF, self.ssrc
        )
        return head + self.payload


def speech(seed: int, seconds: float, keys: Iterable[tuple[float, str]] = (), stamp: int = 0) -> list[Packet]:
    """A side of a call: noise that no other side has, and no voice while a key is pressed."""
    chance = random.Random(seed)
    ssrc = chance.getrandbits(32)
    pressed = {round(at * 50): key for at, key in keys}
    packets: list[Packet] = []
    key, begun, number = "", 0, 0
    for slot in range(round(seconds * 50)):
        sound, now = chance.randbytes(FRAME), stamp + slot * FRAME
        if slot in pressed:
            key, begun = pressed[slot], slot
        if key and slot - begun <= _PRESSED:
            ends = slot - begun == _PRESSED
            event = struct.pack(">BBH", KEYS.index(key), 0x80 * ends + 10, (slot - begun) * FRAME + FRAME)
            for _ in range(3 if ends else 1):
                packets.append(Packet(slot / 50, EVENT, number, stamp + begun * FRAME, ssrc, event))
                number += 1
        else:
            packets.append(Packet(slot / 50, PCMA, number, now, ssrc, sound))
            number += 1
    return packets


def pcap(packets: Iterable[Packet], *, source: tuple[str, int] = ("127.0.0.1", 1000), port: int = 2000) -> bytes:
    """A capture of packets from one address to one port, in microseconds and with Ethernet headers."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for packet in packets:
        rtp = packet.rtp()
        host = bytes(map(int, source[0].split(".")))
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(rtp), 0, 0, 64, 17, 0) + host + b"\x7f\0\0\x01"
        frame = bytes(12) + b"\x08\0" + ip + struct.pack(">HHHH", source[1], port, 8 + len(rtp), 0) + rtp
        seconds, micros = divmod(round(packet.at * 1_000_000), 1_000_000)
        out.append(struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame)
    return b"".join(out)


# --- Scenarios -------------------------------------------------------------------------------------------------------

_SDP = """v=0
o=phone 1 {version} IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {port} RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a={direction}
"""


@dataclass(frozen=True)
class Step:
    """Something that a phone does in a call, after its answer: `wait`, `offer`, `refer`, `bye` or `expect`."""

    kind: str
    what: str = ""


def wait(seconds: float) -> Step:
    return Step("wait", str(round(seconds * 1000)))


def offer(direction: str) -> Step:
    """A new offer: `sendonly` holds the call, `sendrecv` resumes it."""
    return Step("offer", direction)


def refer(number: str) -> Step:
    """A transfer to another number."""
    return Step("refer", number)


def expect(method: str) -> Step:
    """A request of the other side, which is answered."""
    return Step("expect", method)


BYE: Final = Step("bye")


def caller(folder: Path, name: str, *, number: str, called: str, sound: Path | None, steps: Iterable[Step]) -> Path:
    """The scenario of a phone that calls."""
    own = f"<sip:{escape(number)}@127.0.0.1:[local_port]>;tag=[pid]C[call_number]"
    start = _send(
        f"INVITE sip:{called}@[remote_ip]:[remote_port] SIP/2.0",
        [f"From: {own}", f"To: <sip:{called}@[remote_ip]:[remote_port]>", "CSeq: 1 INVITE"],
        sdp=_sdp(1),
    )
    answered = "".join(f'<recv response="{code}" optional="true"/>' for code in (100, 180, 183))
    answered += f'<recv response="200" rrs="true"><action>{_kept("To", 1)}</action></recv>'
    dialog = _Dialog(f"From: {own}", "To:[$1]")
    return _written(folder, name, start + answered + dialog.ack(1) + _played(sound) + dialog.steps(steps, first=2))


def agent(folder: Path, name: str, *, sound: Path | None, steps: Iterable[Step] = ()) -> Path:
    """The scenario of a phone that answers."""
    start = f'<recv request="INVITE" rrs="true"><action>{_kept("From", 1)}{_kept("To", 2)}</action></recv>'
    start += _answer("200 OK", tag=True, sdp=_sdp(1))
    start += '<recv request="ACK"/>'
    dialog = _Dialog("From:[$2];tag=[pid]A[call_number]", "To:[$1]")
    return _written(folder, name, start + _played(sound) + dialog.steps(steps, first=1), keeps="1,2")


class _Dialog:
    """Requests within a call, with the headers by which it is known."""

    def __init__(self, own: str, other: str) -> None:
        self._names = [own, other]

    def ack(self, number: int) -> str:
        return _send("ACK [next_url] SIP/2.0", [*self._names, f"CSeq: {number} ACK", "[routes]"], again=False)

    def steps(self, steps: Iterable[Step], first: int) -> str:
        out, number, done = "", first, False
        for step in steps:
            headers = [*self._names, "[routes]"]
            if step.kind == "wait":
                out += f'<pause milliseconds="{step.what}"/>'
            elif step.kind == "expect":
                out += f'<recv request="{step.what}"/>'
                if step.what == "INVITE":
                    out += _answer("200 OK", sdp=_sdp(number + 1)) + '<recv request="ACK"/>'
                else:
                    out += _answer("202 Accepted" if step.what == "REFER" else "200 OK")
                done = step.what == "BYE"
            elif step.kind == "offer":
                line = "INVITE [next_url] SIP/2.0"
                out += _send(line, [*headers, f"CSeq: {number} INVITE"], sdp=_sdp(number + 1, step.what))
                out += '<recv response="100" optional="true"/><recv response="200"/>' + self.ack(number)
                number += 1
            else:
                more = [f"Refer-To: <sip:{step.what}@[remote_ip]:[remote_port]>"] if step.kind == "refer" else []
                method = step.kind.upper()
                out += _send(f"{method} [next_url] SIP/2.0", [*headers, f"CSeq: {number} {method}", *more])
                out += f'<recv response="{202 if more else 200}"/>'
                number, done = number + 1, step.kind == "bye"
        if not done:
            out += '<label id="7"/><recv request="INVITE" optional="true" next="8"/>'
            out += '<recv request="BYE"/>' + _answer("200 OK") + '<nop next="9"/>'
            out += '<label id="8"/>' + _answer("200 OK", sdp=_sdp(9)) + '<recv request="ACK" next="7"/><label id="9"/>'
        return out


def _send(line: str, headers: list[str], *, sdp: str = "", again: bool = True) -> str:
    via = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
    rest = ["Call-ID: [call_id]", "Contact: <sip:phone@[local_ip]:[local_port]>", "Max-Forwards: 70"]
    return _message([line, via, *headers, *rest], sdp, ' retrans="500"' if again else "")


def _answer(status: str, *, tag: bool = False, sdp: str = "") -> str:
    to = "[last_To:];tag=[pid]A[call_number]" if tag else "[last_To:]"
    same = ["[last_Via:]", "[last_From:]", to, "[last_Call-ID:]", "[last_CSeq:]", "[last_Record-Route:]"]
    return _message([f"SIP/2.0 {status}", *same, "Contact: <sip:phone@[local_ip]:[local_port]>"], sdp, "")


def _message(lines: list[str], sdp: str, attribute: str) -> str:
    kind = ["Content-Type: application/sdp"] if sdp else []
    return (
        f"<send{attribute}><![CDATA[\n"
        + "\n".join([*lines, *kind, "Content-Length: [len]", "", sdp])
        + "\n]]></send>\n"
    )


def _sdp(version: int, direction: str = "sendrecv") -> str:
    return _SDP.format(version=version, port="[auto_media_port]", direction=direction)


def _kept(header: str, variable: int) -> str:
    return f'<ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="{variable}"/>'


def _played(sound: Path | None) -> str:
    return f'<nop><action><exec play_pcap_audio="{sound}"/></action></nop>' if sound else ""


def _written(folder: Path, name: str, body: str, keeps: str = "") -> Path:
    path = folder / f"{name}.xml"
    if keeps:  # SIPp refuses a variable that is set and never read
        body += f'\n<Reference variables="{keeps}"/>'
    text = f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="{name}">\n{body}\n</scenario>\n'
    path.write_text(text, "utf-8")
    return path
