"""The sounds of an answer: read through the gate on this thread, encoded on others, one recording after the other.

By default a sound is the caller's speech (data.customer): one channel as MP3, or both as WAV with exact zero for the
agent (data.employee); for an employee it is the other way round. A single track is separated by turns, if there are
any; else a draft of turns tells the officer when somebody speaks. The officer may give the whole call. A sound
that is not separated, or is damaged, is left out; the answer is given without it.

Memory holds the MP3 of a few recordings, and a block or two of each that is being encoded; of a WAV, one block. A WAV
is read twice, so that damage is known before a byte of it is written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from arlo_rec.law.model.errors import Integrity, NotGranted, SoundError
from arlo_rec.law.model.progress import Observer, Phase, Progress, unobserved
from arlo_rec.people.dsar.answer import Unsure
from arlo_rec.people.dsar.files import MIXED
from arlo_rec.sound import audio
from arlo_rec.sound.audio import Sound
from arlo_rec.sound.audio.turns import Turn
from arlo_rec.vault.access import gate
from arlo_rec.vault.access.gate import Permit
from arlo_rec.vault.opened import Store

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

THREADS = 2  # that encode
_Read = Callable[[], tuple[audio.Header, Iterator[bytes]]]  # the header and the frames, as often as it is called
MOST_AHEAD = 8  # recordings, most of them finished MP3s that wait for the one before them
DAMAGE: Final = (Integrity, SoundError, NotGranted)  # errors of a changed object, or of one without its key


@dataclass(frozen=True, slots=True)
class GivenSound:
    """The sound of a recording for the person, in pieces that can be read once; or the reason for withholding it."""

    mediatype: str = ""
    pieces: Iterable[bytes] = field(default=(), repr=False)
    peaks: tuple[int, ...] = ()
    withheld: str | None = None
    unsure: tuple[Unsure, ...] | None = None  # of a single track that was separated by turns
    channels: tuple[str | None, ...] = ()  # "caller", "agent", MIXED or None for silence; empty: one channel
    draft: tuple[Turn, ...] = ()  # of a single track that no turns fit

    @property
    def ending(self) -> str:
        """The ending of the file's name."""
        return ".mp3" if self.mediatype == audio.MP3 else ".wav"


@dataclass(frozen=True, slots=True)
class Source:
    """A permitted recording whose sound is to be given, with its channels, and the turns of a single track."""

    permit: Permit
    roles: Mapping[str, int]
    turns: Sequence[Turn] = ()


def given(
    store: Store,
    sources: Sequence[Source],
    clock: Callable[[], datetime],
    *,
    side: str | None,
    wav: bool,
    observer: Observer = unobserved,
) -> Iterator[GivenSound]:
    """The sound of each recording, in order; its pieces must be read before the next.

    *side* is the person's: `caller` or `agent`; None for the whole call. *observer* gets the number of bytes read.

    Raises Refused if a recording was withdrawn, or is past retention, since it was listed.
    """
    from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

    readings = (_Reading(store, source, clock, side=side, wav=wav) for source in sources)
    ahead: deque[_Reading] = deque()
    done, total = 0, sum(source.permit.recording.object_bytes for source in sources)
    with ThreadPoolExecutor(THREADS) as pool:
        while True:
            while len(ahead) < MOST_AHEAD and sum(reading.future is not None for reading in ahead) < THREADS:
                reading = next(readings, None)
                if reading is None:
                    break
                reading.advance(pool)
                ahead.append(reading)
            read = done + sum(reading.read_bytes for reading in ahead)
            observer(Progress(Phase.ANSWER, min(read, total), total))
            if not ahead:
                return
            if ahead[0].future is None:
                done += ahead[0].object_bytes
                yield ahead.popleft().sound()
                continue
            wait([reading.future for reading in ahead if reading.future is not None], return_when=FIRST_COMPLETED)
            for begun in ahead:
                if begun.future is not None and begun.future.done():
                    begun.advance(pool)


class _Reading:
    """One recording while it is read block by block; another thread encodes each block."""

    def __init__(
        self, store: Store, source: Source, clock: Callable[[], datetime], *, side: str | None, wav: bool
    ) -> None:
        self._read: _Read = lambda: audio.read_blocks(gate.listen_to(store, source.permit, clock))
        self._blocks: Iterator[bytes] = iter(())
        self._withheld: str | None = None
        self._unsure: tuple[Unsure, ...] | None = None
        self._draft: tuple[Turn, ...] = ()
        self._mp3 = b""
        self._is_read = False
        self.object_bytes = source.permit.recording.object_bytes
        self.read_bytes = 0  # of these, about: the object has some more than the sound
        self.future: Future[bytes] | None = None  # the work of a thread; None before the first block and at the end
        try:
            self._header, self._blocks = self._read()
            channel, self._withheld = _side(self._header, source.roles, side)
            self._channel, self._channels = channel, _channels(self._header, source.roles, channel)
            if self._withheld == "mono" and side is not None:
                self._separate(source.turns, side)
        except DAMAGE:
            self._withheld = "damaged"
            return
        header = self._header
        mp3 = not wav and header.rate in audio.MP3_RATES
        # Nothing here refers to this object: in a circle it would keep its sound until Python looks for circles.
        self._new_encoder: Callable[[], audio.SoundEncoder] = lambda: audio.SoundEncoder(header, channel, mp3=mp3)
        self._encoder = self._new_encoder()

    def _separate(self, turns: Sequence[Turn], side: str) -> None:
        """Replace a single track by the speech of *side*, if the turns fit it; else draft turns."""
        from arlo_rec.sound.audio.turns import by_turns, draft

        header = self._header
        whole = audio.as_pcm16(Sound(header.encoding, header.rate, header.channels, b"".join(self._blocks)))
        own = by_turns(whole, turns, side) if turns else None
        if own is None:
            self._draft = draft(whole)
            return
        self._withheld, self._unsure = None, tuple(Unsure(*stretch) for stretch in own.unsure)
        self._read = lambda: (audio.pcm16_header(header), iter([own.sound.data]))
        self._header, self._blocks = self._read()

    def advance(self, pool: ThreadPoolExecutor) -> None:
        """Submit the next block, then the end of the file, for encoding."""
        if self.future is not None:
            self._mp3 = self.future.result()  # of the last: nothing is ready sooner
        self.future = None
        if self._withheld is not None or self._is_read:
            return
        try:
            block = next(self._blocks, None)
        except DAMAGE:
            self._withheld = "damaged"
            return
        self._is_read = block is None
        self.read_bytes += len(block or b"")
        self.future = pool.submit(self._encoder.finish) if block is None else pool.submit(self._encoder.write, block)

    def sound(self) -> GivenSound:
        """The finished sound."""
        if self._withheld is not None:
            return GivenSound(withheld=self._withheld, draft=self._draft)
        encoder = self._encoder
        pieces = [self._mp3] if encoder.mediatype == audio.MP3 else self._as_wav()
        is_single = encoder.mediatype == audio.MP3 and self._channel is not None
        channels = () if is_single else self._channels
        return GivenSound(encoder.mediatype, pieces, encoder.peaks, channels=channels, unsure=self._unsure)

    def _as_wav(self) -> Iterator[bytes]:
        """The canonical WAV, from a second reading."""
        encoder = self._new_encoder()
        header, blocks = self._read()
        return audio.canonical_pieces(audio.pcm16_header(header), map(encoder.write, blocks))


def _side(header: audio.Header, roles: Mapping[str, int], side: str | None) -> tuple[int | None, str | None]:
    """The channel to be given (None: all), and the code of the reason if none is."""
    if side is None:
        return None, None
    if header.channels != 2:
        return None, "mono"
    if side not in roles:
        return None, "roles_unknown"
    return roles[side], None


def _channels(header: audio.Header, roles: Mapping[str, int], channel: int | None) -> tuple[str | None, ...]:
    """The speaker in each channel of a sound that keeps them; None in a silenced one."""
    if header.channels == 1:
        return ()
    if "caller" not in roles:
        return (MIXED,) * header.channels
    names = {place: role for role, place in roles.items() if channel is None or place == channel}
    return tuple(names.get(place) for place in range(header.channels))
