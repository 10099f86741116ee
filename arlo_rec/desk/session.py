"""Pages and their sessions: the secret, the end, and for a recording or a copy under review the sound.

Threads that answer the browser share a page's state with the thread that has the store open. That thread alone checks
whether a recording may still be heard. A session ends for all threads: no byte of sound is given after.

A `PlayableSound` is a stored sound as a file that every browser plays, made in memory piece by piece. A changed chunk
of the object is played as silence and marked; the rest is whole.

`Requests` is a queue between the threads that answer the browser and the one that has the store open.
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

from arlo_rec.law.model.errors import ArloError, Integrity
from arlo_rec.law.model.spans import Span, common, length_of, united
from arlo_rec.sound import audio
from arlo_rec.sound.audio import encoding
from arlo_rec.sound.audio.formats import Encoding, Sound
from arlo_rec.sound.audio.riff import CANONICAL_LONGEST, canonical_header, locate
from arlo_rec.sound.audio.sound import as_pcm16
from arlo_rec.vault.crypto.object_file import DataKey, Header, SeekableSound, open_sound
from arlo_rec.vault.crypto.primitives import CHUNK

STEP: Final = 0.1  # seconds of a value of the waveform: 72,000 values in two hours
_BLOCK: Final = 64 * CHUNK  # bytes of the stored sound that are read at once for the waveform
_SILENCE: Final = {Encoding.ULAW: b"\xff", Encoding.ALAW: b"\xd5", Encoding.PCM8: b"\x80"}  # of other encodings: zero


class PlayableSound:
    """A 16-bit PCM WAV file of known size, for one thread."""

    def __init__(self, stored: SeekableSound) -> None:
        """Read the stored sound's header; raises Integrity if it is damaged, SoundError if it is none."""
        first = stored.read(0, min(CANONICAL_LONGEST, stored.size))
        located = locate(io.BytesIO(first), stored.size)
        self._stored, self._start = stored, located.start
        self.header = located.header()
        self._head = canonical_header(
            audio.Header(Encoding.PCM16, self.header.rate, self.header.channels, self.header.frames)
        )
        self._silence = _SILENCE.get(self.header.encoding, b"\0")
        self._wide = 2 * self.header.channels  # bytes of a frame of the file
        self.damaged: set[int] = set()  # unreadable chunks
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
        """Bytes of the stored sound, with silence for changed chunks."""
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
    """The peaks of each STEP, which grow while the sound is read."""

    peaks: list[list[encoding.Peak]] = field(default_factory=list)
    damaged: list[Span] = field(default_factory=list)
    is_whole: bool = False

    def read(self, sound: PlayableSound) -> Iterator[None]:
        """Read a sound; yields after each block, so that the caller can stop."""
        header = sound.header
        step = max(1, round(STEP * header.rate))
        block = max(1, _BLOCK // header.frame_bytes // step) * step
        for first in range(0, header.frames, block):
            data = sound.frames(first, min(first + block, header.frames))
            self.peaks += encoding.waveform(data, header.channels, step)
            self.damaged = sound.damaged_spans()
            yield
        self.is_whole = True

    def peaks_from(self, first: int) -> dict[str, Any]:
        """The known waveform from step *first* on."""
        peaks = [[[low / 100, high / 100] for low, high in step] for step in self.peaks[first:]]
        damaged = [list(span) for span in self.damaged]
        return {"step_s": STEP, "from": first, "peaks": peaks, "done": self.is_whole, "damaged": damaged}


PATIENCE: Final = 120.0  # seconds that a page waits while a copy of a long call is remade


class Answered(NamedTuple):
    """The answer to a page."""

    status: HTTPStatus
    told: dict[str, Any]


class _Request:
    """A request and its answer."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.answer: Answered | None = None
        self.is_answered = threading.Event()


class Requests:
    """A queue for one request at a time, which is either taken once or given up by its thread."""

    def __init__(self) -> None:
        self._turn = threading.Lock()  # of asking threads
        self._lock = threading.Lock()  # of the request
        self._lies_there = threading.Event()
        self._request: _Request | None = None
        self._is_closed = False

    def ask(self, asked: dict[str, Any]) -> Answered | None:
        """Hand in a request and wait for its answer; None if it was not taken."""
        with self._turn:
            request = _Request(asked)
            with self._lock:
                if self._is_closed:
                    return None
                self._request = request
                self._lies_there.set()
            if not request.is_answered.wait(PATIENCE) and self._take() is None:
                request.is_answered.wait()  # it was taken, and is being answered
            return request.answer

    def serve(self, answer: Callable[[dict[str, Any]], Answered]) -> bool:
        """Answer the waiting request; returns whether there was one."""
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
        """Wait for a request or the end of the queue, at most *seconds*."""
        self._lies_there.wait(seconds)

    def close(self) -> None:
        """Refuse further requests; an answer in work is still given."""
        with self._lock:
            self._is_closed = True
            self._lies_there.set()
        request = self._take()
        if request is not None:
            request.is_answered.set()


TOKEN_BYTES: Final = 32
FIRST_PAGE: Final = 300.0  # seconds in which the page must be opened
PIECE: Final = 64 * 1024  # bytes of sound between two checks of the session's end
STALE: Final = 5.0  # seconds after which the permit must be checked again
GONE_AFTER: Final = 8.0  # seconds without the page's connection: the browser was closed
IDLE_AFTER: Final = 900.0  # seconds without a request or heard sound
LAST_WORD: Final = 0.3  # seconds
MOST_SPANS: Final = 10_000  # of a page's reports that are kept
SOUND: Final = "sound"  # the track of a page with one sound


@dataclass(slots=True)
class Track:
    """One sound of a session, with the spans that were given, and those that the page reports as played."""

    key: DataKey = field(repr=False)
    header: Header
    stream: Callable[[], BinaryIO]
    heard: list[Span] = field(default_factory=list)
    given: list[Span] = field(default_factory=list)

    def reader(self) -> tuple[PlayableSound, BinaryIO]:
        """Open the sound for one thread; returns it with its file to close. Raises Integrity."""
        stream = self.stream()
        try:
            return PlayableSound(open_sound(self.key, self.header, stream)), stream
        except BaseException:
            stream.close()
            raise

    def played(self) -> list[Span]:
        """The played spans that the page reported, limited to those given."""
        return common(self.heard, self.given)


class Visit:
    """The browser of a page: it enters once by a token, and keeps a connection open."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self.secret = secrets.token_urlsafe(TOKEN_BYTES)  # path of all that only the page may request
        self._lock = threading.Lock()
        self._is_entered = False
        self._connections = 0
        self._seen = self._active = 0.0

    def enter(self, token: str, now: float) -> bool:
        """Enter with *token*; returns whether it is right and unused."""
        with self._lock:
            is_right = secrets.compare_digest(token.encode(), self.token.encode()) and not self._is_entered
            if is_right:
                self._is_entered = True
                self._seen = self._active = now
            return is_right

    def knows(self, secret: str) -> bool:
        """Whether a secret is the one given for the token."""
        return self._is_entered and secrets.compare_digest(secret.encode(), self.secret.encode())

    def connect(self, now: float) -> None:
        """Note the begin of the page's lasting connection."""
        with self._lock:
            self._connections += 1
            self._seen = now

    def disconnect(self, now: float) -> None:
        """Note the end of that connection."""
        with self._lock:
            self._connections -= 1
            self._seen = now

    def note_activity(self, now: float) -> None:
        """Note a request, heard sound or a decision."""
        self._active = max(self._active, now)

    @property
    def active_at(self) -> float:
        """The time of the last activity."""
        return self._active

    @property
    def is_connected(self) -> bool:
        """Whether the page's lasting connection is open."""
        return self._connections > 0

    def why_over(self, began: float, now: float) -> str | None:
        """The reason to end a session: the page was never opened, is gone, or is idle; None without one."""
        with self._lock:
            never_opened = not self._is_entered and now - began > FIRST_PAGE
            is_gone = self._is_entered and not self.is_connected and now - self._seen > GONE_AFTER
            is_idle = self._is_entered and now - self._active > IDLE_AFTER
        return "idle" if never_opened or is_idle else "ended" if is_gone else None


class Page:
    """The state that the threads of one page share: its browser, its requests and its end."""

    path = "/desk"

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.requests = Requests()
        self.visit = Visit()
        self.why: str | None = None  # reason of the end; None: it is open
        self._lock = threading.Lock()
        self._over = threading.Event()

    def end(self, why: str) -> None:
        """End the page; the first reason counts."""
        with self._lock:
            self.why = self.why or why
        self._over.set()
        self.requests.close()

    @property
    def is_open(self) -> bool:
        """Whether the page may still be given anything."""
        return self.why is None

    @property
    def is_watched(self) -> bool:
        """Whether the browser may be told that the page is open, as that was checked lately."""
        return True

    def wait_until_given(self) -> None:
        """Wait while nothing may be given, as nothing is checked meanwhile."""

    def wait(self, seconds: float) -> None:
        """Wait for the end of the page, at most *seconds*."""
        self._over.wait(seconds)

    def wait_for_goodbye(self, seconds: float) -> None:
        """Wait, at most *seconds*, until the page knows of the end, and for its last report."""
        if not self.visit.is_connected:
            return
        until = time.monotonic() + seconds
        while self.visit.is_connected and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(LAST_WORD)


class Session(Page):
    """The page of a recording, or of a copy under review."""

    path = "/"

    def __init__(
        self,
        facts: dict[str, Any],
        tracks: Mapping[str, Track],
        *,
        drawn: str = SOUND,
        review: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(facts)
        self.review = review  # the page's document of a training copy
        self.done: str | None = None  # result of a review: `saved` or `confirmed`
        self._may_give = threading.Event()
        self._may_give.set()
        self.waveform = Waveform()
        self.tracks = tracks
        self._drawn = tracks[drawn]  # its waveform is shown
        self._looked: float | None = None  # time of the last check of the permit; None: no thread checks

    # -- for the threads that answer the browser ------------------------------------------------------

    def note_given(self, name: str, span: Span, now: float) -> bool:
        """Note a span of a track before it is sent; returns False if the session is over."""
        self.wait_until_given()
        self._wait_until_looked()
        with self._lock:
            if self.why is None:
                self.visit.note_activity(now)
                self.tracks[name].given = united([*self.tracks[name].given, span])
            return self.why is None

    def note_heard(self, name: str, spans: Sequence[Span], now: float) -> None:
        """Note spans of a track that the page reports as played; only given ones count."""
        with self._lock:
            self.visit.note_activity(now)
            self.tracks[name].heard = united([*self.tracks[name].heard, *spans])[:MOST_SPANS]

    @property
    def is_watched(self) -> bool:
        """Whether the permit was checked lately; while a decision is carried out, the page is silent by itself."""
        is_late = self._looked is not None and time.monotonic() - self._looked > STALE
        return not is_late or not self._may_give.is_set()

    def wait_until_given(self) -> None:
        """Wait while a decision is carried out, as the permit is not checked meanwhile."""
        self._may_give.wait(PATIENCE)

    def note_looked(self, now: float) -> None:
        """Note that the permit was checked now."""
        self._looked = now

    def _wait_until_looked(self) -> None:
        """Wait for a check of the permit that is late, and end the session if none comes."""
        until = time.monotonic() + PATIENCE
        while self._looked is not None and self.why is None and time.monotonic() - self._looked > STALE:
            if time.monotonic() > until:
                self.end("ended")
            time.sleep(0.05)

    def review_now(self) -> dict[str, Any] | None:
        """The review of the page, with the spans heard so far; None without one."""
        if self.review is None:
            return None
        spans = [(begin, end) for begin, end in self.review["heard"]]
        with self._lock:
            heard = united([*spans, *(span for track in self.tracks.values() for span in track.played())])
        return {**self.review, "heard": [list(span) for span in heard]}

    # -- for the thread that has the store open -------------------------------------------------------

    @contextmanager
    def nothing_given(self) -> Iterator[None]:
        """Context of a long task in which no sound is given, as the permit is not checked."""
        self._may_give.clear()
        try:
            yield
        finally:
            self._may_give.set()

    def pour(self, pipe: IO[bytes]) -> None:
        """Write the sound to a player until the session is over; for a thread of its own."""
        with suppress(ArloError, OSError), pipe:  # the object cannot be read, or the player was closed
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

    def played(self, name: str = SOUND) -> list[Span]:
        """The played spans of a track that the page reported, limited to those given."""
        with self._lock:
            return self.tracks[name].played()

    def heard_s(self, name: str = SOUND) -> float:
        """Seconds of a track that were played, each once."""
        return length_of(self.played(name))

    def given_s(self, name: str = SOUND) -> float:
        """Seconds of a track that were given, each once: a browser requests more than it plays."""
        with self._lock:
            return length_of(self.tracks[name].given)

    def read_waveform(self) -> None:
        """Read the waveform until the session is over; for a thread of its own."""
        with suppress(ArloError, OSError):
            sound, stream = self._drawn.reader()
            with stream:
                for _ in self.waveform.read(sound):
                    if not self.is_open:
                        return
        self.waveform.is_whole = True
