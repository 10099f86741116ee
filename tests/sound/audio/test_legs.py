"""Two files of one call, one for each side, become one stereo sound."""

from __future__ import annotations

import hashlib
import io
from contextlib import ExitStack
from pathlib import Path

import numpy
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import SoundError
from arlo_rec.sound import audio
from arlo_rec.sound.audio import legs
from arlo_rec.sound.audio.formats import SAMPLE_BYTES, Encoding
from tests.support.sounds import tone

SILENCE = {Encoding.PCM8: 0x80, Encoding.ULAW: 0xFF, Encoding.ALAW: 0xD5}


def opened(sound: audio.Sound) -> audio.SoundFile:
    wav = audio.canonical_wav(sound)
    return audio.recognise(io.BytesIO(wav), len(wav), "leg.wav", audio.Decoder())


def joined(first: audio.Sound, second: audio.Sound) -> audio.Sound:
    """Both legs, as they are stored."""
    both = audio.join_legs(opened(first), opened(second))
    header = both.header
    return audio.Sound(header.encoding, header.rate, header.channels, b"".join(both.frames(hashlib.sha256())))


@given(
    st.sampled_from(list(Encoding)),
    st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=30),
    st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=30),
    st.integers(1, 5),
)
def test_each_leg_is_a_channel_and_the_shorter_ends_in_silence(
    encoding: Encoding, first: list[bytes], second: list[bytes], frames: int
) -> None:
    width = SAMPLE_BYTES[encoding]
    sides = [b"".join(sample[:width] for sample in leg) for leg in (first, second)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(legs, "_LEG_BLOCK", frames * 24)  # whole samples of every encoding, and many blocks
        both = joined(*(audio.Sound(encoding, 8000, 1, side) for side in sides))
    silence = bytes([SILENCE.get(encoding, 0)]) * width
    longest = max(map(len, sides))
    for channel, side in enumerate(sides):
        kept = b"".join(both.data[at : at + width] for at in range(channel * width, len(both.data), 2 * width))
        assert kept == side + silence * ((longest - len(side)) // width)


def test_a_long_leg_is_read_in_blocks() -> None:
    first, second = (audio.Sound(Encoding.ULAW, 8000, 1, tone(30.0, channels=1, seed=seed)) for seed in (1, 2))
    both = joined(first, second)
    assert (both.channels, both.frames) == (2, first.frames)
    width = first.encoding.sample_bytes
    assert both.data[: 2 * width] == first.data[:width] + second.data[:width]
    assert both.data[-2 * width :] == first.data[-width:] + second.data[-width:]


@pytest.mark.parametrize(
    "other",
    [
        audio.Sound(Encoding.ALAW, 8000, 1, b"\xd5" * 80),
        audio.Sound(Encoding.ULAW, 16000, 1, b"\xff" * 80),
        audio.Sound(Encoding.ULAW, 8000, 2, b"\xff" * 80),
    ],
)
def test_legs_that_are_not_alike_are_refused(other: audio.Sound) -> None:
    one = audio.Sound(Encoding.ULAW, 8000, 1, b"\xff" * 80)
    for pair in ((one, other), (other, one)):
        with pytest.raises(SoundError) as refused:
            joined(*pair)
        assert refused.value.reason == "legs"


def test_two_calls_whose_legs_are_cut_elsewhere_are_two_sounds() -> None:
    sides = [audio.Sound(Encoding.ULAW, 8000, 1, bytes([7]) * length) for length in (10, 20, 30)]
    marks = []
    for first, second in ((sides[0], sides[1]), (sides[1], sides[0]), (sides[2], sides[0])):
        mark = hashlib.sha256()
        audio.join_legs(opened(first), opened(second)).identify(mark)
        read = hashlib.sha256()
        list(audio.join_legs(opened(first), opened(second)).frames(read))
        assert mark.digest() == read.digest()
        marks.append(mark.digest())
    assert len(set(marks)) == 3


def test_a_compressed_leg_is_decoded(tmp_path: Path) -> None:
    sides = [tone(1.0, channels=1, encoding=Encoding.PCM16, seed=seed) for seed in (1, 2)]
    with ExitStack() as stack:
        decoder = stack.enter_context(audio.decoder_process())
        opened_legs = []
        for number, side in enumerate(sides):
            path = tmp_path / f"{number}.flac"
            soundfile.write(path, numpy.frombuffer(side, "<i2"), 8000, subtype="PCM_16")
            stream = stack.enter_context(path.open("rb", buffering=0))
            opened_legs.append(audio.recognise(stream, path.stat().st_size, path.name, decoder))
        both = b"".join(audio.join_legs(*opened_legs).frames(hashlib.sha256()))
    assert both[0::4] == sides[0][0::2]
    assert both[2::4] == sides[1][0::2]
