"""One page for one recording, or a copy under review: who may ask for it, what was given to it, and until when.

Its state is shared by the threads that answer the browser and the one that has the store open, which alone looks
whether the recording may still be heard. Whatever ends a session ends it for all: not a byte of sound is given after.

A `PlayableSound` is a stored sound as a file that every browser plays, made piece by piece as it is asked for; nothing
is written anywhere. A chunk of the object that was changed is heard as silence, and shown; the rest is whole.

A `Desk` is a queue between the threads that answer the browser and the one that has the store open.
"""

from __future__ import annotations

import io
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import IO, Any, BinaryIO, Final, NamedTuple

from arlo_rec import audio
from arlo_rec.audio import encoding
from arlo_rec.audio.formats import Encoding, Sound
from arlo_rec.audio.riff import CANONICAL_LONGEST, canonical_header, locate
from arlo_rec.audio.sound import as_pcm16
from arlo_rec.crypto.object_file import DataKey, Header, SeekableSound, open_sound
from arlo_rec.crypto.primitives import CHUNK
from arlo_rec.model.errors import ArloError, Integrity
from arlo_rec.model.spans import Span, common, length_of, united

STEP: Final = 0.1  # seconds of a value of the waveform: 72,000 values in two hours
_BLOCK: Final = 64 * CHUNK  # bytes of the stored sound that are looked at together for the waveform
_SILENCE: Final = {Encoding.ULAW: b"\xff", Encoding.ALAW: b"\xd5", Encoding.PCM8: b"\x80"}  # of other encodings: zero


class PlayableSound:
    """A 16-bit PCM WAV file of known size. A reader is for one thread."""

    def __init__(self, stored: SeekableSound) -> None:
        """Read the stored sound's header; raises Integrity where it is damaged, and SoundError where it is none."""
        first = stored.read(0, min(CANONICAL_LONGEST, stored.size))
        located = locate(io.BytesIO(first), stored.size)
        self._stored, self._start = stored, located.start
        self.header = located.header()
        self._head = canonical_header(
            audio.Header(Encoding.PCM16, self.header.rate, self.header.channels, self.header.frames)
        )
        self._silence = _SILENCE.get(self.header.encoding, b"\0")
        self._wide = 2 * self.header.channels  # bytes of a frame of the file that is made
        self.damaged: set[int] = set()  # chunks that could not be read
        self.size = len(self._head) + self._wide * self.header.frames

    def read(self, start: int, stop: int) -> bytes:
        """The bytes of the file from *start* up to *stop*; raises ValueError outside 0 to `size`."""
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"{start} to {stop} of {self.size} bytes")
        head = self._head[start:stop]
        first, last = max(0, start - len(self._head)), stop - len(self._head)
        if last <= first:
            return head
        frames = self.frames(first // self._wide, -(-last // self._wide))
        skipped = first // self._wide * self._wide
        return head + frames[first - skipped : last - skipped]

    def frames(self, first: int, behind: int) -> bytes:
        """The frames from *first* up to *behind*, as 16-bit PCM."""
        header = self.header
        data = self._bytes(self._start + first * header.frame_bytes, self._start + behind * header.frame_bytes)
        return as_pcm16(Sound(header.encoding, header.rate, header.channels, data)).data

    def seconds_of(self, start: int, stop: int) -> Span:
        """The span of the sound in the bytes of the file from *start* up to *stop*."""
        first, last = (max(0, place - len(self._head)) / self._wide / self.header.rate for place in (start, stop))
        return first, last

    def damaged_spans(self) -> list[Span]:
        """The damaged spans found so far."""
        rate = self.header.frame_bytes * self.header.rate
        places = (chunk * CHUNK - self._start for chunk in self.damaged)
        return united((max(0.0, place / rate), (place + CHUNK) / rate) for place in places)

    def _bytes(self, start: int, stop: int) -> bytes:
        """Bytes of the stored sound, with silence for chunks that were changed."""
        try:
            return self._stored.read(start, stop)
        except Integrity:
            return b"".join(self._chunks(start, stop))

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        for chunk in range(start // CHUNK, -(-stop // CHUNK)):
            begin, end = max(start, chunk * CHUNK), min(stop, (chunk + 1) * CHUNK)
            try:
                yield self._stored.read(begin, end)
            except Integrity:
                self.damaged.add(chunk)
                yield self._silence * (end - begin)


@dataclass(slots=True)
class Waveform:
    """The peaks of each STEP; it grows while the sound is read."""

    peaks: list[list[encoding.Peak]] = field(default_factory=list)
    damaged: list[Span] = field(default_factory=list)
    is_whole: bool = False

    def read(self, sound: PlayableSound) -> Iterator[None]:
        """Look through a sound; yields after each block, so that whoever asked can stop."""
        header = sound.header
        step = max(1, round(STEP * header.rate))
        block = max(1, _BLOCK // header.frame_bytes // step) * step
        for first in range(0, header.frames, block):
            data = sound.frames(first, min(first + block, header.frames))
            self.peaks += encoding.waveform(data, header.channels, step)
            self.damaged = sound.damaged_spans()
            yield
        self.is_whole = True


PATIENCE: Final = 120.0  # seconds that a page waits: a copy of a long call is made anew


class Answered(NamedTuple):
    """The answer to a page."""

    status: HTTPStatus
    told: dict[str, Any]


class _Request:
    """A request, until somebody took it, and its answer."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.answer: Answered | None = None
        self.is_answered = threading.Event()


class Desk:
    """One request at a time: it is taken once, or given up by who asked, and never both."""

    def __init__(self) -> None:
        self._turn = threading.Lock()  # of those who ask
        self._lock = threading.Lock()  # of what lies on the desk
        self._lies_there = threading.Event()
        self._request: _Request | None = None
        self._is_closed = False

    def ask(self, asked: dict[str, Any]) -> Answered | None:
        """Hand in a request and wait for its answer; None where nobody took it."""
        with self._turn:
            request = _Request(asked)
            with self._lock:
                if self._is_closed:
                    return None
                self._request = request
                self._lies_there.set()
            if not request.is_answered.wait(PATIENCE) and self._take() is None:
                request.is_answered.wait()  # somebody took it, and is at work
            return request.answer

    def serve(self, answer: Callable[[dict[str, Any]], Answered]) -> bool:
        """Take the request that is there and answer it; whether there was one."""
        request = self._take()
        if request is not None:
            try:
                request.answer = answer(request.asked)
            finally:
                request.is_answered.set()
        return request is not None

    def _take(self) -> _Request | None:
        with self._lock:
            request, self._request = self._request, None
            if not self._is_closed:
                self._lies_there.clear()
            return request

    def wait(self, seconds: float) -> None:
        """Wait until somebody asks or nobody can any more, at most so long."""
        self._lies_there.wait(seconds)

    def close(self) -> None:
        """Take nothing any more; who is being answered gets that answer."""
        with self._lock:
            self._is_closed = True
            self._lies_there.set()
        request = self._take()
        if request is not None:
            request.is_answered.set()


TOKEN_BYTES: Final = 32
FIRST_PAGE: Final = 300.0  # seconds until somebody opened the page
PIECE: Final = 64 * 1024  # bytes of sound between two looks whether it is over
STALE: Final = 5.0  # seconds after which somebody must have looked again whether it may be heard
GONE_AFTER: Final = 8.0  # seconds without the page's connection: the browser was closed
IDLE_AFTER: Final = 900.0  # seconds in which nothing was heard or asked for
LAST_WORD: Final = 0.3  # seconds
MOST_SPANS: Final = 10_000  # that are kept of what a page reports
SOUND: Final = "sound"  # the track that a page plays by itself


@dataclass(slots=True)
class Track:
    """One sound of a session: how it is read, what of it was given, and what the page says was played."""

    key: DataKey = field(repr=False)
    header: Header
    stream: Callable[[], BinaryIO]
    heard: list[Span] = field(default_factory=list)
    given: list[Span] = field(default_factory=list)

    def reader(self) -> tuple[PlayableSound, BinaryIO]:
        """The sound for one thread, and the file to close behind it; raises Integrity."""
        stream = self.stream()
        try:
            return PlayableSound(open_sound(self.key, self.header, stream)), stream
        except BaseException:
            stream.close()
            raise

    def played(self) -> list[Span]:
        """The spans played, as the page reported them, and no more than was given."""
        return common(self.heard, self.given)


class Session:
    """The state that the threads of one page share."""

    def __init__(
        self,
        facts: dict[str, Any],
        tracks: Mapping[str, Track],
        *,
        drawn: str = SOUND,
        review: dict[str, Any] | None = None,
    ) -> None:
        self.facts = facts
        self.review = review  # of a training copy, what the page shows of it
        self.desk = Desk()
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self.secret = secrets.token_urlsafe(TOKEN_BYTES)  # the path of everything that only the page may ask for
        self.why: str | None = None  # why it is over; None: it is not
        self.done: str | None = None  # what came of a review: `saved` or `confirmed`
        self._may_give = threading.Event()
        self._may_give.set()
        self.waveform = Waveform()
        self.tracks = tracks
        self._drawn = tracks[drawn]  # whose waveform is shown
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._is_entered = False
        self._connections = 0
        self._seen = self._active = 0.0
        self._looked: float | None = None  # when it was last seen that it may be heard; None: nobody looks

    # -- asked by the threads that answer -------------------------------------------------------------

    def enter(self, token: str, now: float) -> bool:
        """Whether *token* lets somebody in: once, and only the right one."""
        with self._lock:
            is_right = secrets.compare_digest(token.encode(), self.token.encode()) and not self._is_entered
            if is_right:
                self._is_entered = True
                self._seen = self._active = now
            return is_right

    def knows(self, secret: str) -> bool:
        """Whether a secret is the one that was given to whoever entered."""
        return self._is_entered and secrets.compare_digest(secret.encode(), self.secret.encode())

    def note_given(self, name: str, span: Span, now: float) -> bool:
        """Sound of a track is about to leave; whether it may: not once the session is over."""
        self.wait_until_given()
        self._wait_until_looked()
        with self._lock:
            if self.why is None:
                self._active = now
                self.tracks[name].given = united([*self.tracks[name].given, span])
            return self.why is None

    def note_heard(self, name: str, spans: Sequence[Span], now: float) -> None:
        """The page says what of a track was played; it counts as far as it was given."""
        with self._lock:
            self._active = now
            self.tracks[name].heard = united([*self.tracks[name].heard, *spans])[:MOST_SPANS]

    def wait_until_given(self) -> None:
        """Wait while a decision is carried out: meanwhile nobody looks whether anything may be given."""
        self._may_give.wait(PATIENCE)

    def note_looked(self, now: float) -> None:
        """It may be heard, as somebody who has the store open saw just now."""
        self._looked = now

    def _wait_until_looked(self) -> None:
        """Wait where nobody looked for long, as where a front holds up who does; it is over where nobody does."""
        until = time.monotonic() + PATIENCE
        while self._looked is not None and self.why is None and time.monotonic() - self._looked > STALE:
            if time.monotonic() > until:
                self.end("ended")
            time.sleep(0.05)

    def note_decided(self, now: float) -> None:
        """Somebody decided something on the page."""
        with self._lock:
            self._active = now

    def review_now(self) -> dict[str, Any] | None:
        """The review that the page shows, with what was heard up to now; None without one."""
        if self.review is None:
            return None
        spans = [(begin, end) for begin, end in self.review["heard"]]
        with self._lock:
            heard = united([*spans, *(span for track in self.tracks.values() for span in track.played())])
        return {**self.review, "heard": [list(span) for span in heard]}

    def connect(self, now: float) -> None:
        """The page's lasting connection begins."""
        with self._lock:
            self._connections += 1
            self._seen = now

    def disconnect(self, now: float) -> None:
        """It ended, for now or for good."""
        with self._lock:
            self._connections -= 1
            self._seen = now

    def peaks(self, first: int) -> dict[str, Any]:
        """The waveform from a step on, as far as it is known."""
        found = self.waveform.peaks[first:]
        told = [[[low / 100, high / 100] for low, high in step] for step in found]
        damaged = [list(span) for span in self.waveform.damaged]
        return {"step_s": STEP, "from": first, "peaks": told, "done": self.waveform.is_whole, "damaged": damaged}

    # -- asked by whoever has the store open ----------------------------------------------------------

    def end(self, why: str) -> None:
        """Nothing is given any more; the first reason counts."""
        with self._lock:
            self.why = self.why or why
        self._over.set()
        self.desk.close()

    @contextmanager
    def nothing_given(self) -> Iterator[None]:
        """While something takes long, nothing is given: nobody looks whether it may be."""
        self._may_give.clear()
        try:
            yield
        finally:
            self._may_give.set()

    @property
    def is_open(self) -> bool:
        """Whether sound may still be given."""
        return self.why is None

    def wait(self, seconds: float) -> None:
        """Wait until it is over, at most so long."""
        self._over.wait(seconds)

    def wait_for_goodbye(self, seconds: float) -> None:
        """Wait until the page was told that it is over, at most so long, and for its last word."""
        if not self._connections:
            return
        until = time.monotonic() + seconds
        while self._connections and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(LAST_WORD)

    def look(self, began: float, now: float) -> None:
        """End it where nobody came, where the browser is gone or where nothing happens any more."""
        with self._lock:
            nobody_came = not self._is_entered and now - began > FIRST_PAGE
            is_gone = self._is_entered and not self._connections and now - self._seen > GONE_AFTER
            is_idle = self._is_entered and now - self._active > IDLE_AFTER
        if nobody_came or is_idle:
            self.end("idle")
        elif is_gone:
            self.end("ended")

    def pour(self, pipe: IO[bytes]) -> None:
        """Write the whole sound to a player as fast as it takes it, until it is over; for a thread of its own."""
        with suppress(ArloError, OSError), pipe:  # the object cannot be read, or somebody has heard enough
            sound, stream = self.tracks[SOUND].reader()
            with stream:
                for place in range(0, sound.size, PIECE):
                    piece = sound.read(place, min(place + PIECE, sound.size))
                    span = sound.seconds_of(place, place + len(piece))
                    if not self.note_given(SOUND, span, time.monotonic()):
                        return
                    self.note_heard(SOUND, [span], time.monotonic())
                    pipe.write(piece)
                    pipe.flush()

    def read_waveform(self) -> None:
        """Look through the whole sound, until it is over; for a thread of its own."""
        with suppress(ArloError, OSError):
            sound, stream = self._drawn.reader()
            with stream:
                for _ in self.waveform.read(sound):
                    if not self.is_open:
                        return
        self.waveform.is_whole = True

    def played(self, name: str = SOUND) -> list[Span]:
        """The spans of a track that were played, as the page reported them, and no more than was given."""
        with self._lock:
            return self.tracks[name].played()

    def heard_s(self, name: str = SOUND) -> float:
        """Seconds of a track that were played, each once."""
        return length_of(self.played(name))

    def given_s(self, name: str = SOUND) -> float:
        """Seconds of a track that left, each once: a browser asks for more than is played."""
        with self._lock:
            return length_of(self.tracks[name].given)
