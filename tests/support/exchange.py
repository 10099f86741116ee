"""The example of Kamailio and rtpengine, started on loopback from its own files; everything lies below one folder."""

from __future__ import annotations

import fcntl
import json
import os
import random
import resource
import socket
import struct
import subprocess
import threading
import time
import wave
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support import needs
from tests.support.phones import PCMA
from tests.support.places import TOP

EXAMPLE: Final = TOP / "examples" / "telephony" / "kamailio"
PROMPT_ID: Final = "nb-2026-01"
PROMPT_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 2
LONGEST_CALL: Final = 7  # seconds
_MEDIA_PORTS: Final = 4_000  # of all phones, and of rtpengine
_RELAYED_PORTS: Final = 600  # of rtpengine
_PATIENCE: Final = 20  # seconds until a server has started


def lacking() -> str | None:
    """Why the exchange cannot be started here; SIPp sends as root alone may."""
    return needs.root() or needs.program("kamailio", "rtpengine", "sipp")


class Exchange:
    """Kamailio and rtpengine between phones. After the block, every process of it has ended."""

    def __init__(self, folder: Path, agents: list[str]) -> None:
        self.folder = folder
        self.records, self.recorded = folder / "records", folder / "recorded"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._agents = {name: free_port() for name in agents}
        self.port = free_port()
        self._media = _free_block(_MEDIA_PORTS)

    def __enter__(self) -> Exchange:
        for path in (self.records, self.recorded, self.folder / "run"):
            path.mkdir()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End phones first, then Kamailio, then rtpengine."""
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def captures(self) -> Path:
        return self.recorded / "pcaps"

    def log(self) -> str:
        """All that the servers wrote."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.folder.glob("*.log")))

    def answer(self, number: str, scenario: Path, calls: int = 60) -> Phone:
        """Let an agent's phone answer calls."""
        return self._phone(scenario, self._agents[number], calls)

    def call(self, scenario: Path, *, calls: int = 1, call_id: str = "%u-%p@%s") -> Phone:
        """Let a phone call."""
        return self._phone(scenario, free_port(), calls, "-cid_str", call_id)

    def told(self) -> list[dict[str, Any]]:
        """The lines that Kamailio wrote, without those that are not whole yet."""
        lines = [
            line for path in sorted(self.records.glob("calls_*.jsonl")) for line in path.read_bytes().splitlines(True)
        ]
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def relayed(self) -> int:
        """How many calls rtpengine still has."""
        return self.log().count("Creating new call") - self.log().count("Deleting entire call")

    def _start(self) -> None:
        control, keys, line = (free_port() for _ in range(3))
        media = self._ports(_RELAYED_PORTS)
        words = ["rtpengine", f"--config-file={EXAMPLE / 'rtpengine.conf'}", f"--listen-ng=127.0.0.1:{control}"]
        words += [f"--dtmf-log-dest=127.0.0.1:{keys}", f"--recording-dir={self.recorded}", f"--port-min={media}"]
        words += [f"--port-max={media + _RELAYED_PORTS - 1}", "--foreground", "--log-stderr", "--log-level=6"]
        words.append(f"--pidfile={self.folder / 'run' / 'rtpengine.pid'}")
        self._run(words, lambda: "Startup complete" in self.log())
        sounds = {name: self._sound(name, seconds) for name, seconds in _SOUNDS.items()}
        agents = ";".join(f"{name}=sip:{name}@127.0.0.1:{port}" for name, port in self._agents.items())
        defined = {
            "LISTEN": f"udp:127.0.0.1:{self.port}",
            "TRUNK": '"127.0.0.1/32"',
            "AGENTS": f'"{agents}"',
            "ANSWER_SECONDS": str(ANSWER_SECONDS),
            "LONGEST_CALL": str(LONGEST_CALL),
            "RECORDS": f'"{self.records}"',
            "CAPTURES": f'"{self.recorded}"',
            "RTPENGINE": f'"udp:127.0.0.1:{control}"',
            "KEYS": f'"127.0.0.1:{keys}"',
            "LINE_PORT": str(line),
            "LINE": f"udp:127.0.0.1:{line}",
            "LINE_URI": f'"sip:line@127.0.0.1:{line}"',
            **{name: f'"{path}"' for name, path in sounds.items()},
        }
        words = ["kamailio", "-f", str(EXAMPLE / "kamailio.cfg"), "-DD", "-E", "-e", "-m", "64", "-M", "8"]
        words += ["-Y", str(self.folder / "run"), "-P", str(self.folder / "run" / "kamailio.pid")]
        words += [word for name, value in defined.items() for word in ("-A", f"{name}={value}")]
        self._run(words, lambda: self.ask("OPTIONS", "ready") == "200")

    def _run(self, words: list[str], is_ready: Callable[[], bool]) -> None:
        log = self.folder / f"{words[0]}.log"
        with log.open("wb") as out:
            # A table of files that grows waits until the kernel was on every processor: seconds, where all are taken.
            last = fcntl.fcntl(out, fcntl.F_DUPFD, min(_MEDIA_PORTS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1))
            process = subprocess.Popen(
                [*_NO_CORES, *_SOON, *words], stdout=out, stderr=out, cwd=self.folder, pass_fds=(last,)
            )
            os.close(last)
        self._processes.append(process)
        late = time.monotonic() + _PATIENCE
        while not is_ready():
            if process.poll() is not None or time.monotonic() > late:
                raise RuntimeError(f"{words[0]} did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(0.05)

    def ask(self, method: str, called: str, sound: str = "", address: str = "127.0.0.1") -> str:
        """The status that Kamailio answers to a request; empty for none. *sound* is a line about the caller's sound."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.bind((address, 0))
            own.settimeout(0.5)
            host = f"{address}:{own.getsockname()[1]}"
            body = f"v=0\r\no=x 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n{sound}" if sound else ""
            lines = [
                f"{method} sip:{called}@127.0.0.1:{self.port} SIP/2.0",
                f"Via: SIP/2.0/UDP {host};branch=z9hG4bK{called}",
            ]
            lines += [f"From: <sip:+4790000001@{host}>;tag=1", f"To: <sip:{called}@127.0.0.1>", f"Call-ID: {called}"]
            lines += [f"Contact: <sip:{host}>", f"CSeq: 1 {method}", "Max-Forwards: 9", "Content-Type: application/sdp"]
            request = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
            own.sendto(request.encode("ascii"), ("127.0.0.1", self.port))
            try:
                return own.recv(2000).split(b" ")[1].decode("ascii")
            except OSError:
                return ""

    def _sound(self, name: str, seconds: float) -> Path:
        """A WAV that rtpengine plays."""
        path = self.folder / f"{name.lower()}.wav"
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(8000)
            out.writeframes(random.Random(name).randbytes(2 * round(seconds * 8000)))
        return path

    def _ports(self, count: int) -> int:
        """The first of so many ports for sound, which no other server or phone of this exchange has."""
        first, self._media = self._media, self._media + count
        return first

    def _phone(self, scenario: Path, port: int, calls: int, *more: str) -> Phone:
        media = self._ports(4 * calls + 4)
        words = ["sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-m", str(calls), "-l", str(calls)]
        words += ["-r", "10", "-mp", str(media), "-min_rtp_port", str(media), "-max_rtp_port", str(media + 4 * calls)]
        words += ["-nostdin", "-trace_err", "-error_file", str(scenario.with_suffix(".err")), *more]
        with scenario.with_suffix(".out").open("wb") as out:
            words.append(f"127.0.0.1:{self.port}")
            process = subprocess.Popen([*_SOON, *words], stdout=out, stderr=out, cwd=self.folder)
        self._processes.append(process)
        return Phone(process, media)


class PhoneFailed(Exception):
    """A phone heard an answer that is not in its scenario, or none."""


@dataclass(frozen=True)
class Phone:
    """A phone, and the port at which it hears its first call."""

    process: subprocess.Popen[bytes]
    port: int

    def ended(self) -> None:
        """Wait for the end of the phone's calls; raises PhoneFailed where one did not go as its scenario says."""
        try:
            status = self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            raise PhoneFailed(f"no end: {self.process.args}") from None
        if status != 0:
            raise PhoneFailed(f"ended with {status}: {self.process.args}")


class Ear:
    """All packets to some ports, with the time at which each came, from the begin of the block to its end."""

    def __init__(self) -> None:
        self._raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self._raw.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 2**23)
        self._raw.settimeout(0.1)
        self._heard = defaultdict[int, list[tuple[float, bytes]]](list)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Ear:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._raw.close()

    def at(self, port: int) -> list[tuple[float, bytes]]:
        """The times and sounds of all RTP packets to a port, without keys."""
        return [(when, rtp[12:]) for when, rtp in self._heard[port] if len(rtp) > 12 and rtp[1] & 127 == PCMA]

    def _listen(self) -> None:
        while not self._ends.is_set():
            try:
                packet = self._raw.recv(2048)
            except TimeoutError:
                continue
            head = (packet[0] & 15) * 4
            (port,) = struct.unpack_from(">H", packet, head + 2)
            self._heard[port].append((time.time(), packet[head + 8 :]))


_NO_CORES: Final = ("prlimit", "--core=0")  # they would hold sound
_SOON: Final = ("nice", "-n", "-10")  # sound is sent in time, though other tests have the processors
_SO_RCVBUFFORCE: Final = 33  # of Linux; Python has no name for it
_SOUNDS: Final = {"PROMPT_FILE": PROMPT_SECONDS, "WITHDRAW_FILE": 0.5, "WITHDRAWN_FILE": 0.5}
_given = random.Random()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        return int(own.getsockname()[1])


def _free_block(ports: int) -> int:
    """The first of so many ports, none of which is in use."""
    while True:
        first = _given.randrange(10_000, 30_000 - ports, 2)
        if all(map(_is_free, range(first, first + ports))):
            return first


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        try:
            own.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
