#!/usr/bin/env python3
"""Bring ended calls from Kamailio and rtpengine to the spool of `arlo-rec`: sounds first, then the lines about them.

    to_spool.py RECORDS CAPTURES SPOOL

RECORDS is the folder in which Kamailio writes its lines, CAPTURES the recording-dir of rtpengine. A run that was killed
at any place is repeated: nothing is lost, and nothing is written twice. A call goes through these states.

1. A line of Kamailio becomes `<id>.call` in RECORDS; then `progress.json` says how far the lines were read.
2. The parts become WAVs in SPOOL, and `<id>.jsonl.part` is written beside them. Then `<id>.call` becomes `<id>.made`.
3. `<id>.jsonl.part` becomes `<id>.jsonl`: the call is delivered.
4. The captures are removed, then `<id>.made`.

A call whose caller withdrew delivers no sound. A capture that no call claims for a day has no evidence, and is removed.
The exit status is 1 if a line or a call could not be read; such a call stays for the next run.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

RATE = 8000  # samples a second of G.711
PCMA = 8  # the payload type of A-law; kamailio.cfg lets no other sound through
SILENCE = b"\xd5"
JUMP = RATE  # samples; a time stamp that is further from the arrival of its packet begins anew
LONGEST = 6 * 3600 * RATE  # samples of a part; kamailio.cfg ends a call after four hours
UNCLAIMED_SECONDS = 24 * 3600
SAFE_ID = re.compile(r"[0-9]{1,12}-[0-9]{6}-[0-9a-f]{32}")
NUMBER = re.compile(r"\+?[0-9]+")  # every other caller is withheld
EVIDENCE = ("agent", "team", "key", "key_at", "prompt", "prompt_heard", "call_began", "call_ended")

Packet = tuple[int, int, int, int, bytes]  # arrival in microseconds, port of arrival, SSRC, time stamp, sound


def packets(path: Path) -> Iterator[Packet]:
    """Read a capture up to its last whole packet; keys and all that is no A-law are passed over."""
    with path.open("rb") as file:
        file.seek(24)
        while len(head := file.read(16)) == 16:
            seconds, micros, length, _ = struct.unpack("<IIII", head)
            ip = file.read(length)[14:]  # behind the Ethernet header
            if len(ip) + 14 < length:
                return
            size = 40 if ip[:1] and ip[0] >> 4 == 6 else (ip[0] & 15) * 4 if ip else 0
            rtp = ip[size + 8 :]
            if len(rtp) < 12 or rtp[0] >> 6 != 2 or rtp[1] & 127 != PCMA:
                continue
            begins = 12 + 4 * (rtp[0] & 15)
            if rtp[0] & 16:  # an extension, whose length stands in its second half
                begins += 4 + 4 * int.from_bytes(rtp[begins + 2 : begins + 4], "big")
            ends = len(rtp) - (rtp[-1] if rtp[0] & 32 else 0)  # padding tells its own length
            (port,) = struct.unpack_from(">H", ip, size + 2)
            stamp, ssrc = struct.unpack_from(">II", rtp, 4)
            yield seconds * 1_000_000 + micros, port, ssrc, stamp, rtp[begins:ends]


def stereo(captured: Iterable[Packet], *, begins: int, ends: int, ports: tuple[int, int]) -> bytes:
    """The frames of a part between two times, from the caller's and the agent's port; empty if no packet came."""
    length = (ends - begins) * RATE // 1_000_000
    if not 0 < length <= LONGEST:
        return b""
    frames = bytearray(SILENCE * (2 * length))
    anchors: dict[tuple[int, int], tuple[int, int]] = {}
    for arrival, port, ssrc, stamp, sound in captured:
        if port not in ports or not begins <= arrival < ends:
            continue
        side, arrived = ports.index(port), (arrival - begins) * RATE // 1_000_000
        first, place = anchors.setdefault((side, ssrc), (stamp, arrived))
        at = place + (stamp - first + 2**31) % 2**32 - 2**31  # time stamps wrap around
        if abs(at - arrived) > JUMP:
            anchors[side, ssrc] = stamp, arrived
            at = arrived
        kept, at = sound[max(0, -at) : max(0, length - at)], max(0, at)
        frames[2 * at + side : 2 * (at + len(kept)) + side : 2] = kept
    return bytes(frames) if anchors else b""


def wav(frames: bytes) -> bytes:
    """A WAV file of A-law with the caller left and the agent right."""
    form = struct.pack("<HHIIHHH", 6, 2, RATE, 2 * RATE, 2, 8, 0)
    body = b"WAVE" + struct.pack("<4sI", b"fmt ", len(form)) + form
    body += struct.pack("<4sII4sI", b"fact", 4, len(frames) // 2, b"data", len(frames)) + frames
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def rename(old: Path, new: Path) -> None:
    """Rename a file, durably."""
    old.rename(new)
    folder = os.open(new.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write(path: Path, data: bytes) -> None:
    """Write a file under a name with another ending, sync it, and rename it."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    rename(part, path)


def micros(text: str) -> int:
    """The microseconds of a time as Kamailio writes it: `1790842530.123456`."""
    seconds, _, fraction = text.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0")[:6])


def is_record(line: bytes) -> bool:
    """Whether a line is a record with ids that are safe as names of files."""
    try:
        record = json.loads(line)
        return all(SAFE_ID.fullmatch(record[key]) for key in ("id", "call"))
    except (ValueError, KeyError, TypeError):
        return False


def read_lines(records: Path) -> int:
    """Turn new lines of Kamailio into `.call` files, remove its older files, and count the lines that are no record."""
    progress, bad = records / "progress.json", 0
    done = json.loads(progress.read_bytes()) if progress.exists() else {}
    files = sorted(records.glob("calls_*.jsonl"))
    for file in files:
        lines = file.read_bytes()[done.get(file.name, 0) :].splitlines(keepends=True)
        if file == files[-1]:  # Kamailio may be writing its last line
            lines = [line for line in lines if line.endswith(b"\n")]
        for line in filter(bytes.strip, lines):
            if is_record(line):
                write(records / f"{json.loads(line)['id']}.call", line)
            else:
                bad += 1
                sys.stderr.write(f"{file.name}: a line is no record\n")
        done[file.name] = done.get(file.name, 0) + sum(map(len, lines))
    write(progress, json.dumps({file.name: done[file.name] for file in files}).encode())
    for file in files[:-1]:
        file.unlink()
    return bad


def of_call(captures: Path, record: dict[str, Any], *endings: str) -> list[Path]:
    """The files of rtpengine about a call."""
    return sorted(path for path in captures.glob(f"*/*{record['id']}[-.]*") if path.suffix in endings)


def lines_of(record: dict[str, Any], captures: Path, spool: Path) -> list[dict[str, Any]]:
    """Write the sounds of a call to the spool, and return the lines about them."""
    common = {"call_id": record.get("call_id", ""), "direction": "inbound", "caller": record["caller"]}
    if "withdrawn_at" in record:
        told = {"withdrawn_key": record["withdrawn_key"], "withdrawn_at": record["withdrawn_at"]}
        is_known = NUMBER.fullmatch(record["caller"])
        return [{"recording": f"{record['id']}-withdrawal", **common, **told}] if is_known else []
    common |= {key: record[key] for key in EVIDENCE}
    if record["key"] != "1":
        return [{"recording": f"{record['id']}-declined", **common, "answered": record["answered"]}]
    lines = []
    for part in record["parts"]:
        captured = (packet for path in of_call(captures, record, ".pcap") for packet in packets(path))
        begins, ends = micros(part["recorded_from"]), micros(part["ended"])
        frames = stereo(captured, begins=begins, ends=ends, ports=(part["caller_port"], part["agent_port"]))
        if frames:
            name = f"{record['call']}-{int(part['part'])}"
            write(spool / f"{name}.wav", wav(frames))
            lines.append({"recording": name, **common, "recorded_from": part["recorded_from"], "ended": part["ended"]})
    return lines


def make(call: Path, record: dict[str, Any], captures: Path, spool: Path) -> None:
    """Write all of a call but the last name of its lines."""
    if lines := lines_of(record, captures, spool):
        write(spool / f"{record['id']}.jsonl.part", "".join(json.dumps(line) + "\n" for line in lines).encode())
    rename(call, call.with_suffix(".made"))


def deliver(made: Path, record: dict[str, Any], captures: Path, spool: Path) -> None:
    """Give the lines their last name, and remove what is not needed any more."""
    part = spool / f"{record['id']}.jsonl.part"
    if part.exists():
        rename(part, part.with_suffix(""))
    for path in of_call(captures, record, ".pcap", ".txt"):
        path.unlink()
    made.unlink()


def remove_unclaimed(captures: Path, waiting: set[str], now: float) -> None:
    """Remove files of rtpengine that are a day old and belong to no call."""
    for path in captures.glob("*/*"):
        found = SAFE_ID.search(path.name)
        is_claimed = found is not None and found[0] in waiting
        if not is_claimed and path.is_file() and path.stat().st_mtime < now - UNCLAIMED_SECONDS:
            path.unlink()
            sys.stderr.write(f"{path.name}: removed, as no call claimed it\n")


def main(records: Path, captures: Path, spool: Path) -> int:
    """Deliver all calls that have ended, and return the exit status."""
    with (records / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        bad = read_lines(records)
        calls = {path: json.loads(path.read_bytes()) for path in sorted(records.glob("*.call"))}
        withdrawn = {record["call"] for record in calls.values() if "withdrawn_at" in record}
        for path, record in calls.items():
            if record["call"] in withdrawn and "withdrawn_at" not in record:
                record |= {"key": "1", "parts": []}
            try:
                make(path, record, captures, spool)
            except (OSError, ValueError, KeyError) as problem:
                bad += 1
                sys.stderr.write(f"{record['id']}: stays ({type(problem).__name__})\n")
        for path in sorted(records.glob("*.made")):
            try:
                deliver(path, json.loads(path.read_bytes()), captures, spool)
            except (OSError, ValueError) as problem:
                bad += 1
                sys.stderr.write(f"{path.stem}: stays ({type(problem).__name__})\n")
        remove_unclaimed(captures, {path.stem for path in records.glob("*.call")}, time.time())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
