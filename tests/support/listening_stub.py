"""A server for the listening page: what the program answers, without a store, and what the page told it.

It speaks the page's interface on loopback with one token; a test decides when the recording is closed, when the
program dies, how much of the waveform is known, and in a review what is answered to a person's decisions.
"""

from __future__ import annotations

import io
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import numpy
import soundfile

from arlo_rec.desk.server import page_files
from tests.support.places import CALLS

TOKEN = "tokenOfThisTest"
SECRET = "pathOfThisTest"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self' blob:; connect-src 'self'; "
    "img-src 'self' data:; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
STEP = 0.1  # seconds of a peak
RATE = 8000
FACTS: dict[str, object] = {
    "id": "3f2a9c4e-7d10-4b7e-9a52-0c1f5e8d7b66",
    "short": "3f2a9c",
    "started": "2026-10-01T08:15:30Z",
    "rate": RATE,
    "team": "Kundeservice",
    "agent": "Ingrid Eksempel",
    "purpose": "quality",
    "reason": "månedlig kvalitetssamtale med teamet",
    "days_left": 33,
}


def call() -> numpy.ndarray:
    """A made call, both channels, as int16."""
    return soundfile.read(CALLS / "made" / "made000.wav", dtype="int16", always_2d=True)[0]


def two_tones(seconds: float) -> numpy.ndarray:
    """440 Hz in the first channel, 1760 Hz in the second, as int16."""
    at = numpy.arange(round(seconds * RATE)) / RATE
    return numpy.stack([12000 * numpy.sin(2 * numpy.pi * hertz * at) for hertz in (440, 1760)], 1).astype("int16")


def tone(seconds: float, hertz: float) -> numpy.ndarray:
    """One tone in both channels, as int16."""
    one = 12000 * numpy.sin(2 * numpy.pi * hertz * numpy.arange(round(seconds * RATE)) / RATE)
    return numpy.stack([one, one], 1).astype("int16")


class LongCall:
    """A WAV file of *frames*, said over again for *seconds*, made as it is read."""

    def __init__(self, frames: numpy.ndarray, seconds: float) -> None:
        self.frames, self.seconds = frames, seconds
        self._turn = frames.tobytes()
        width = frames.shape[1] * 2
        size = round(seconds * RATE) * width
        file = io.BytesIO()
        soundfile.write(file, frames[:0], RATE, subtype="PCM_16", format="WAV")
        head = bytearray(file.getvalue()[:44])
        head[4:8], head[40:44] = (36 + size).to_bytes(4, "little"), size.to_bytes(4, "little")
        self._head = bytes(head)
        self.size = 44 + size

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from *start* to before *stop*."""
        beginning = self._head[start:stop]
        offset, count = max(start - 44, 0) % len(self._turn), max(stop - max(start, 44), 0)
        turns = self._turn[offset:] + self._turn * (count // len(self._turn) + 1)
        return beginning + turns[:count]

    def peaks(self) -> list[list[list[float]]]:
        """The lowest and highest value of each step and channel, in -1..1."""
        step = round(STEP * RATE)
        parts = [self.frames[at : at + step] / 32768 for at in range(0, len(self.frames), step)]
        turn = [[[round(float(one.min()), 3), round(float(one.max()), 3)] for one in part.T] for part in parts]
        count = math.ceil(self.seconds / STEP)
        return (turn * (count // len(turn) + 1))[:count]


@dataclass
class Recording:
    """What the server lets be heard, and what it was told."""

    sound: LongCall
    lang: str = "nb"
    facts: dict[str, object] = field(default_factory=dict)
    damaged: list[list[float]] = field(default_factory=list)
    known: int | None = None  # steps of the waveform that are known; None: all
    closed: str | None = None  # why it is over
    is_silent: bool = False  # no more events, on connections that stay open
    is_dead: bool = False
    is_token_used: bool = False
    is_ended: bool = False  # by the person
    heard: list[list[list[float]]] = field(default_factory=list)
    review: dict[str, Any] | None = None  # the answer to `/review`; the sound is a copy then, and
    original: LongCall | None = None  # the sound that it was made from; None: the same
    heard_original: list[list[list[float]]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)  # to what is decided, in turn; then 200
    decided: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # `GET /sound bytes=0-`

    def all_facts(self) -> dict[str, object]:
        """The answer to `/facts`."""
        names = ["caller", "agent"] if self.sound.frames.shape[1] == 2 else ["both"]
        kind = {"review": True, "purpose": "training"} if self.review else {}
        return {**FACTS, "length_s": self.sound.seconds, "channels": names, **kind, **self.facts}

    def decide(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The answer to `/decide`, which ends the session where it is 200."""
        self.decided.append(asked)
        if self.answers:
            return self.answers.pop(0)
        done = "confirmed" if asked["confirm"] else "saved"
        self.closed = done
        return 200, {"done": done, "revision": 3}

    def peaks_from(self, first: int) -> dict[str, object]:
        """The answer to `/peaks?from=`."""
        every = (self.original or self.sound).peaks()
        known = len(every) if self.known is None else self.known
        return {
            "step_s": STEP,
            "from": first,
            "peaks": every[first:known],
            "done": known >= len(every),
            "damaged": self.damaged,
        }


class Server:
    """The server, from `with` to its end, at `address`; without *recording* it has the made call."""

    def __init__(self, recording: Recording | None = None) -> None:
        self.recording = recording or recording_of(call())

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"recording": self.recording})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.die()

    def die(self) -> None:
        """End as a program that is killed: no answer and no connection any more."""
        if not self.recording.is_dead:
            self.recording.is_dead = True
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


def recording_of(frames: numpy.ndarray, seconds: float | None = None, **values: Any) -> Recording:
    """A recording of *frames*, for *seconds* over again if that is longer."""
    return Recording(LongCall(frames, seconds or len(frames) / RATE), **values)


class _Handler(BaseHTTPRequestHandler):
    recording: Recording
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, format: str, *args: object) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_GET(self) -> None:
        is_known, asked = self._asked()
        path, _, query = asked.partition("?")
        files = page_files(self.recording.lang)
        answers: dict[str, Callable[[str], None]] = {
            "/facts": lambda _: self._json(self.recording.all_facts()),
            "/peaks": lambda query: self._json(self.recording.peaks_from(int(query.removeprefix("from=")))),
            "/sound": lambda _: self._sound(self.recording.sound),
            "/original": lambda _: self._sound(self.recording.original or self.recording.sound),
            "/review": lambda _: self._json(self.recording.review) if self.recording.review else self._answer(404),
            "/events": self._events,
        }
        if self.recording.is_dead:
            self.close_connection = True
        elif path in files:
            kind, content = files[path]
            self._answer(200, content, kind)
        elif not is_known:
            self._answer(403)
        elif path in answers:
            answers[path](query)
        else:
            self._answer(404)

    def do_POST(self) -> None:
        is_known, path = self._asked()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if path == "/enter":
            is_right = body == TOKEN and not self.recording.is_token_used
            self.recording.is_token_used = True
            self._answer(200, SECRET.encode()) if is_right else self._answer(403)
        elif not is_known:
            self._answer(403)
        elif path == "/heard":
            told = json.loads(body)
            self.recording.heard.append(told["spans"])
            if self.recording.review:
                self.recording.heard_original.append(told["original"])
            else:
                assert set(told) == {"spans"}
            self._answer(204)
        elif path == "/decide":
            self._json(*reversed(self.recording.decide(json.loads(body))))
        else:
            assert path == "/close"
            self.recording.is_ended = True
            self._answer(204)

    def _asked(self) -> tuple[bool, str]:
        """Whether the path begins with the secret, and the path without it, which is noted."""
        is_known = self.path.startswith(f"/{SECRET}/")
        path = self.path.removeprefix(f"/{SECRET}")
        self.recording.requests.append(f"{self.command} {path} {self.headers.get('Range', '')}".rstrip())
        return is_known, path

    def _answer(self, status: int, body: bytes = b"", kind: str = "text/plain") -> None:
        self.send_response(status)
        for name, value in {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _json(self, content: object, status: int = 200) -> None:
        self._answer(status, json.dumps(content).encode(), "application/json")

    def _sound(self, sound: LongCall) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "bytes=0-"))
        assert asked is not None
        start, stop = int(asked[1]), min(int(asked[2] or sound.size) + bool(asked[2]), sound.size)
        self.send_response(206)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Type", "audio/wav")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{sound.size}")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        for at in range(start, stop, 65536):
            if self.recording.is_dead or self.recording.closed:
                self.close_connection = True
                return
            self.wfile.write(sound.read(at, min(at + 65536, stop)))

    def _events(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.close_connection = True
        for news in self._news():
            self.wfile.write(f"data: {json.dumps(news)}\n\n".encode())
            self.wfile.flush()

    def _news(self) -> Iterator[dict[str, str]]:
        """`open` each second; `closed` at once when it is."""
        due = time.monotonic()
        while not self.recording.is_dead:
            if self.recording.closed:
                yield {"state": "closed", "why": self.recording.closed}
                return
            if time.monotonic() >= due and not self.recording.is_silent:
                due += 1
                yield {"state": "open"}
            time.sleep(0.02)
