"""MP3 files: LAME's tag as LAME writes it, and that what is decoded is the sound, no longer and not shifted."""

from __future__ import annotations

import io
import struct

import numpy
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.sound.audio import encoding
from tests.support.properties import examples

CHANNELS = {1: "mono", 2: "stereo"}


def noise(frames: int, channels: int) -> numpy.ndarray:
    return (numpy.random.default_rng(frames).standard_normal((frames, channels)) * 4000).astype("<i2")


def encoded(samples: numpy.ndarray, rate: int) -> bytes:
    encoder = encoding.Encoder(rate, samples.shape[1])
    for start in range(0, len(samples), 5000):
        encoder.write(samples[start : start + 5000].tobytes())
    return encoder.finish()


def by_libsndfile(samples: numpy.ndarray, rate: int) -> bytes:
    """The same by LAME in libsndfile, which writes the whole tag; as floats, for it mixes up 16-bit stereo."""
    content, form = io.BytesIO(), {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "VARIABLE"}
    with soundfile.SoundFile(content, "w", rate, samples.shape[1], compression_level=0.2, **form) as file:
        file.write((samples / 32768).astype("f4"))
    return content.getvalue()


def tag_of(content: bytes) -> tuple[int, int, int, int, bytes]:
    """Frames, bytes, delay and padding by the tag, and its table."""
    at = content.index(b"Xing")
    flags, frames, size = struct.unpack(">III", content[at + 4 : at + 16])
    assert flags == 15
    place = content.index(b"LAME3.100") + 21
    both = int.from_bytes(content[place : place + 3])
    return frames, size, both >> 12, both & 0xFFF, content[at + 16 : at + 116]


@pytest.mark.slow
@pytest.mark.parametrize("rate", sorted(encoding.RATES))
@pytest.mark.parametrize("channels", CHANNELS, ids=CHANNELS.get)
def test_the_tag_says_what_lames_own_says(rate: int, channels: int) -> None:
    samples = noise(rate * 4 + 77, channels)
    ours, lames = encoded(samples, rate), by_libsndfile(samples, rate)
    frames, size, delay, padding, table = tag_of(ours)
    assert size == len(ours)
    assert list(table) == sorted(table)
    theirs = tag_of(lames)
    assert theirs[2] == delay
    rest = theirs[0] - frames  # LAME may end a frame later
    assert theirs[3] - padding == rest * (1152 if rate >= 32000 else 576)
    behind = numpy.array([*theirs[4]], "i4") - numpy.array([*table], "i4")
    assert -2 <= behind.min() <= behind.max() <= 9  # LAME counts a frame more, of some sixty


def test_the_checksum_of_the_tag_is_lames() -> None:
    lames = by_libsndfile(noise(9000, 1), 8000)
    end = lames.index(b"LAME3.100") + 34
    assert encoding.crc16(lames[:end]) == int.from_bytes(lames[end : end + 2])
    ours = encoded(noise(9000, 1), 8000)
    end = ours.index(b"LAME3.100") + 34
    assert encoding.crc16(ours[:end]) == int.from_bytes(ours[end : end + 2])


@pytest.mark.slow
@given(st.integers(1, 20_000), st.sampled_from(sorted(encoding.RATES)), st.sampled_from([1, 2]))
@examples(60)
def test_what_is_decoded_is_as_long_as_what_was_encoded(frames: int, rate: int, channels: int) -> None:
    heard, its_rate = soundfile.read(io.BytesIO(encoded(noise(frames, channels), rate)), always_2d=True)
    assert (its_rate, heard.shape) == (rate, (frames, channels))


@pytest.mark.parametrize("bad", [b"ID3\x04", b"\xff\xfb\x00\x00", b"\xff\xfb\x9c\x00", b"\xff\xf3\x48\xc4"])
def test_what_are_no_frames_get_no_tag(bad: bytes) -> None:
    with pytest.raises(ValueError):
        encoding.with_tag(bad, 1)
