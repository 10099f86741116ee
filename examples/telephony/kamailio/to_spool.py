#!/usr/bin/env python3
"""Bring ended calls from Kamailio and rtpengine to the spool of `arlo-rec`: sounds first, then what describes them.

    to_spool.py RECORDS CAPTURES SPOOL

RECORDS is the folder in which Kamailio writes its lines, CAPTURES the recording-dir of rtpengine. A call goes through
these states, and a run that was killed goes on where it stopped. Nothing is lost, and nothing is written twice.

1. A line of Kamailio becomes `<id>.call` in RECORDS. `progress.json` then says how far the lines were read.
2. The parts become WAVs in SPOOL. `<id>.jsonl.part` is written beside them, and `<id>.call` is renamed to `<id>.made`.
3. `<id>.jsonl.part` is renamed to `<id>.jsonl`: now the call is delivered.
4. The captures go, then `<id>.made`.

A call whose caller withdrew delivers no sound. A capture that no call claims for a day is deleted: it has no evidence.
The status is 1 where a call could not be delivered; it stays for the next run.
"""

import fcntl
import json
import os
import re
import struct
import sys
import time
from pathlib import Path

RATE = 8000  # samples a second of G.711
PCMA = 8  # the payload type; kamailio.cfg lets no other sound through
SILENCE = b"\xd5"
JUMP = RATE  # a time stamp that differs from the arrival by more samples begins anew
UNCLAIMED_SECONDS = 86400
LONGEST_SECONDS = 6 * 3600  # of a part; kamailio.cfg ends calls after four hours
SAFE_ID = re.compile(r"[0-9]{1,12}-[0-9]{6}-[0-9a-f]{32}")
NUMBER = re.compile(r"\+?[0-9]+")  # every other caller is withheld


def packets(data):
    """Yield (arrival in microseconds, port of arrival, SSRC, time stamp, sound) of each whole packet of a capture."""
    at = 24
    while at + 16 <= len(data):
        seconds, micros, length, _ = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        ip = frame[14:]
        head = 40 if ip[:1] and ip[0] >> 4 == 6 else (ip[0] & 15) * 4 if ip else 0
        rtp = ip[head + 8 :]
        if at > len(data) or len(rtp) < 12 or rtp[0] >> 6 != 2 or rtp[1] & 127 != PCMA:
            continue  # cut off, no RTP, or a key
        begin = 12 + 4 * (rtp[0] & 15)
        if rtp[0] & 16:
            begin += 4 + 4 * int.from_bytes(rtp[begin + 2 : begin + 4], "big")
        end = len(rtp) - (rtp[-1] if rtp[0] & 32 else 0)
        (port,) = struct.unpack_from(">H", ip, head + 2)
        stamp, ssrc = struct.unpack_from(">II", rtp, 4)
        yield seconds * 1_000_000 + micros, port, ssrc, stamp, rtp[begin:end]


def stereo(captured, *, begins, ends, ports):
    """Return the frames of a part, or nothing without a packet. `ports` are the caller's and the agent's."""
    length = (ends - begins) * RATE // 1_000_000
    if not 0 < length <= LONGEST_SECONDS * RATE:
        return b""
    frames, anchors = bytearray(SILENCE * (2 * length)), {}
    for arrival, port, ssrc, stamp, sound in captured:
        if port not in ports or not begins <= arrival < ends:
            continue
        side, arrived = ports.index(port), (arrival - begins) * RATE // 1_000_000
        first, place = anchors.setdefault((side, ssrc), (stamp, arrived))
        at = place + (stamp - first + 2**31) % 2**32 - 2**31  # time stamps wrap around
        if abs(at - arrived) > JUMP:
            anchors[side, ssrc] = stamp, arrived
            at = arrived
        sound = sound[max(0, -at) : max(0, length - at)]
        at = max(0, at)
        frames[2 * at + side : 2 * (at + len(sound)) + side : 2] = sound
    return bytes(frames) if anchors else b""


def wav(frames):
    """Return a WAV file of A-law with the caller left and the agent right."""
    form = struct.pack("<HHIIHHH", 6, 2, RATE, 2 * RATE, 2, 8, 0)
    fact = struct.pack("<4sII", b"fact", 4, len(frames) // 2)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + fact + struct.pack("<4sI", b"data", len(frames)) + frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


def sync(folder):
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path, data):
    """Write a file under another name, sync it, and rename it."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    sync(path.parent)


def micros(text):
    """Return microseconds of a time as Kamailio writes it."""
    seconds, _, fraction = text.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0")[:6])


def read_lines(records):
    """Turn whole lines of Kamailio into `.call` files, and remove the files that Kamailio has left. Return the bad ones."""
    progress, bad = records / "progress.json", 0
    done = json.loads(progress.read_bytes()) if progress.exists() else {}
    files = sorted(records.glob("calls_*.jsonl"))
    for file in files:
        lines = file.read_bytes()[done.get(file.name, 0) :].splitlines(keepends=True)
        for line in (line for line in lines if line.strip() and (line.endswith(b"\n") or file != files[-1])):
            try:
                record = json.loads(line)
                if not SAFE_ID.fullmatch(record["id"]) or not SAFE_ID.fullmatch(record["call"]):
                    raise ValueError(record["id"])
                write(records / f"{record['id']}.call", line)
            except (ValueError, KeyError, TypeError):
                bad += 1
                print(f"{file.name}: a line that cannot be read was left out", file=sys.stderr)
        done[file.name] = done.get(file.name, 0) + sum(len(line) for line in lines if line.endswith(b"\n"))
    write(progress, json.dumps(done).encode())
    for file in files[:-1]:
        file.unlink()
    write(progress, json.dumps({file.name: done[file.name] for file in files[-1:]}).encode())
    return bad


def lines_of(record, captures, spool):
    """Write the sounds of a call, and return the lines that describe it."""
    common = {"call_id": record["call_id"], "direction": "inbound", "caller": record["caller"]}
    if "withdrawn_at" in record:
        told = {"withdrawn_key": record["withdrawn_key"], "withdrawn_at": record["withdrawn_at"]}
        known = NUMBER.fullmatch(record["caller"])
        return [{"recording": f"{record['id']}-withdrawal", **common, **told}] if known else []
    evidence = ("agent", "team", "key", "key_at", "prompt", "prompt_heard")
    common |= {key: record[key] for key in evidence}
    if record["key"] != "1":
        return [{"recording": f"{record['call']}-declined", **common, "answered": record["answered"]}]
    captured = [packet for path in of_call(captures, record, ".pcap") for packet in packets(path.read_bytes())]
    lines = []
    for part in record["parts"]:
        begins, ends = micros(part["recorded_from"]), micros(part["ended"])
        frames = stereo(captured, begins=begins, ends=ends, ports=(part["caller_port"], part["agent_port"]))
        if frames:
            name = f"{record['call']}-{int(part['part'])}"
            write(spool / f"{name}.wav", wav(frames))
            lines.append({"recording": name, **common, "recorded_from": part["recorded_from"], "ended": part["ended"]})
    return lines


def of_call(captures, record, *endings):
    """Return what rtpengine wrote of a call; an id has no sign that a pattern knows."""
    return sorted(path for path in captures.glob(f"*/*{record['id']}[-.]*") if path.suffix in endings)


def make(work, record, captures, spool):
    """Write sounds and lines of a call, and note that they are made."""
    lines = lines_of(record, captures, spool)
    part = spool / f"{record['id']}.jsonl.part"
    if lines:
        write(part, "".join(json.dumps(line) + "\n" for line in lines).encode())
    work.rename(work.with_suffix(".made"))
    sync(work.parent)


def deliver(work, record, captures, spool):
    """Rename the lines in, then remove captures and the note."""
    part = spool / f"{record['id']}.jsonl.part"
    if part.exists():
        part.rename(part.with_suffix(""))
        sync(spool)
    for path in of_call(captures, record, ".pcap", ".txt"):
        path.unlink()
    work.unlink()


def main(records, captures, spool):
    """Deliver every call that has ended, and return the exit status."""
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
                print(f"{record['id']} stays: {type(problem).__name__}", file=sys.stderr)
        for path in sorted(records.glob("*.made")):
            deliver(path, json.loads(path.read_bytes()), captures, spool)
        waiting = {path.stem for path in records.glob("*.call")}
        for path in captures.glob("*/*"):
            found = SAFE_ID.search(path.name)
            is_old = path.stat().st_mtime < time.time() - UNCLAIMED_SECONDS
            if is_old and path.is_file() and not (found and found[0] in waiting):
                path.unlink()
                print(f"{path.name} was deleted: no call claimed it", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
