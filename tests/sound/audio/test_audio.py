"""What `audio` takes, why it refuses, and that its cuts and copies are exact to the byte."""

from __future__ import annotations

import hashlib
import io
import random
import re
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import SoundError
from arlo_rec.sound import audio
from arlo_rec.sound.audio import Encoding, Format, Header, Sound, formats
from tests.support.properties import examples
from tests.support.sounds import GUID_TAIL, chunk, extensible, fmt, rf64, riff, tone, tone_wav, wav

FRAMES = tone(0.01)  # 80 frames of stereo u-law, 160 bytes
DATA = chunk(b"data", FRAMES)
NOTE = chunk(b"LIST", b"INFOICMT\x04\0\0\0hei\0")
ODD = b"\x01\x02\x03"  # three frames of mono G.711
MONO = fmt(channels=1)
# Every code of each law at 16 bits, little-endian; compared once by hand with libsndfile 1.2.2, RAW in
DECODED_SHA256 = {
    Encoding.ULAW: "3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827",
    Encoding.ALAW: "e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174",
}


def read(file: bytes) -> Sound:
    return audio.read_wav(io.BytesIO(file), len(file))


def probe(file: bytes) -> Header:
    return audio.probe(io.BytesIO(file), len(file))


def stereo(*frames: tuple[int, int]) -> Sound:
    return Sound(Encoding.PCM16, 8000, 2, b"".join(struct.pack("<hh", *frame) for frame in frames))


@st.composite
def sounds(draw: st.DrawFn, encodings: tuple[Encoding, ...] = tuple(Encoding)) -> Sound:
    encoding, channels = draw(st.sampled_from(encodings)), draw(st.sampled_from([1, 2]))
    rate = draw(st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]) | st.integers(8000, 48000))
    frame = encoding.sample_bytes * channels
    frames = draw(st.integers(1, 50))
    return Sound(encoding, rate, channels, draw(st.binary(min_size=frame * frames, max_size=frame * frames)))


# Taken ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("encoding", list(Encoding))
def test_every_encoding_is_taken_in_mono_and_stereo(encoding: Encoding, channels: int, rate: int) -> None:
    frames = tone(0.01, encoding=encoding, channels=channels, rate=rate)
    sound = read(wav(frames, encoding=encoding, channels=channels, rate=rate))
    assert sound == Sound(encoding, rate, channels, frames)
    assert (sound.frames, sound.duration) == (rate // 100, 0.01)
    assert sound.frame_bytes == len(frames) // (rate // 100)


@pytest.mark.parametrize("encoding", list(Encoding))
def test_the_extensible_form_of_an_encoding_is_the_same_sound(encoding: Encoding) -> None:
    frames = tone(0.01, encoding=encoding)
    assert read(riff(extensible(encoding), chunk(b"data", frames))) == read(wav(frames, encoding=encoding))


def test_samples_of_fewer_bits_than_their_container_are_taken_as_they_stand() -> None:
    frames = tone(0.01, encoding=Encoding.PCM32)
    file = riff(extensible(Encoding.PCM32, valid_bits=24), chunk(b"data", frames))
    assert read(file) == Sound(Encoding.PCM32, 8000, 2, frames)


@pytest.mark.parametrize("name", [b"RF64", b"BW64"])
@pytest.mark.parametrize("table", [bytes(4), b"\x01\0\0\0JUNK" + bytes(8)])
def test_the_64_bit_forms_are_the_same_sound(name: bytes, table: bytes) -> None:
    small = rf64(fmt(), NOTE, DATA, name=name, table=table)
    large = rf64(fmt(), chunk(b"data", FRAMES, size=0xFFFFFFFF), NOTE, name=name, data_size=len(FRAMES), table=table)
    assert read(small) == read(large) == read(wav(FRAMES))


def test_chunks_of_others_are_skipped_wherever_they_stand() -> None:
    others = [
        NOTE,
        chunk(b"bext", bytes(603)),
        chunk(b"id3 ", b"odd"),
        chunk(b"fact", bytes(4)),
        chunk(b"fmt", b""),
    ]
    file = riff(*others[:4], fmt(), *others[:4], DATA, *others[:4])
    assert read(file) == read(wav(FRAMES))


def test_chunks_of_others_are_not_even_read() -> None:
    class Watched(io.BytesIO):
        read_places: set[int]

        def read(self, size: int | None = -1, /) -> bytes:
            place = self.tell()
            content = super().read(size)
            self.read_places |= set(range(place, place + len(content)))
            return content

    long = fmt(extension=bytes(24) + b"S" * 600)  # nor what follows the 40 bytes of a format
    file = riff(chunk(b"bext", b"S" * 602), long, DATA, chunk(b"id3 ", b"S" * 10))
    stream = Watched(file)
    stream.read_places = set()
    audio.read_wav(stream, len(file))
    foreign = {place for place in range(len(file)) if file[place : place + 2] == b"SS"}
    assert len(foreign) >= 1200
    assert foreign.isdisjoint(stream.read_places)


def test_the_place_of_the_stream_before_does_not_matter() -> None:
    file = wav(FRAMES)
    stream = io.BytesIO(file)
    stream.seek(17)
    assert audio.read_wav(stream, len(file)).data == FRAMES


@pytest.mark.parametrize("pad", [True, False])
@pytest.mark.parametrize("counted", [True, False])
def test_the_pad_of_the_last_chunk_may_be_there_or_not_and_counted_or_not(pad: bool, counted: bool) -> None:
    body = len(b"WAVE") + len(MONO) + 8 + len(ODD)
    file = riff(MONO, chunk(b"data", ODD, pad=pad), size=body + counted)
    assert read(file) == Sound(Encoding.ULAW, 8000, 1, ODD)


def test_a_header_alone_tells_the_length_without_the_sound() -> None:
    head = audio.canonical_header(Header(Encoding.PCM16, 16000, 2, 16000 * 90))
    header = audio.probe(io.BytesIO(head), len(head) + 4 * 16000 * 90)  # the sound itself is not there
    assert header == Header(Encoding.PCM16, 16000, 2, 16000 * 90)
    assert (header.duration, header.frame_bytes) == (90.0, 4)


# Refused ----------------------------------------------------------------------------------------------------

HUGE = audio.MAX_DATA + 2  # bytes: one frame more than we take
REFUSED = [
    ("not_riff", b""),
    ("not_riff", b"RI"),
    ("not_riff", b"OggS" + bytes(60)),
    ("big_endian", riff(fmt(), DATA, name=b"RIFX")),
    ("no_ds64", riff(fmt(), DATA, name=b"RF64")),
    ("no_ds64", riff(chunk(b"ds64", bytes(15)), fmt(), DATA, name=b"BW64")),
    ("riff_size", rf64(fmt(), DATA, riff_size=2**63)),
    ("riff_size", rf64(fmt(), DATA, riff_size=0)),
    ("data_beyond_end", rf64(fmt(), chunk(b"data", FRAMES, size=0xFFFFFFFF), data_size=2**63)),
    ("riff_size", riff(chunk(b"ds64", struct.pack("<QQQI", 2**40, 4, 0, 0)), fmt(), DATA, name=b"RF64", size=12)),
    ("truncated", b"RIFF"),
    ("truncated", riff()[:11]),
    ("not_wave", riff(fmt(), DATA, form=b"AVI ")),
    ("riff_size", riff(fmt(), DATA, size=0)),
    ("riff_size", riff(fmt(), DATA, size=0xFFFFFFFF)),
    ("riff_size", riff(fmt(), DATA, size=len(riff(fmt(), DATA)) - 8 + 1)),
    ("riff_size", riff(fmt(), DATA, size=len(riff(fmt(), DATA)) - 8 - 1)),
    ("riff_size", riff(fmt(), DATA)[:-2]),
    ("riff_size", riff(fmt(), DATA) + bytes(2)),
    ("riff_size", riff(MONO, chunk(b"data", ODD), size=len(riff(MONO, chunk(b"data", ODD))) - 8 + 1)),
    ("trailing_bytes", riff(fmt(), DATA, b"x")),
    ("trailing_bytes", riff(fmt(), DATA, b"1234567")),
    ("trailing_bytes", riff(MONO, chunk(b"data", ODD), b"x")),
    ("chunk_beyond_end", riff(fmt(), DATA, chunk(b"LIST", b"", size=1))),
    ("chunk_beyond_end", riff(fmt(), chunk(b"LIST", b"", size=0xFFFFFFFF), DATA)),
    ("data_beyond_end", riff(fmt(), chunk(b"data", FRAMES, size=len(FRAMES) + 2))),
    ("data_beyond_end", riff(fmt(), chunk(b"data", FRAMES, size=0xFFFFFFFF))),
    ("too_many_chunks", riff(fmt(), DATA, *[chunk(b"junk", b"")] * 999)),
    ("no_fmt", riff()),
    ("no_fmt", riff(DATA)),
    ("no_data", riff(fmt())),
    ("no_data", riff(fmt(), chunk(b"LIST", b"wavl" + DATA))),
    ("data_before_fmt", riff(DATA, fmt())),
    ("second_fmt", riff(fmt(), fmt(), DATA)),
    ("data_before_fmt", riff(fmt(), DATA, fmt())),
    ("second_data", riff(fmt(), DATA, DATA)),
    ("fmt_short", riff(chunk(b"fmt ", fmt()[8:22]), DATA)),
    ("fmt_short", riff(chunk(b"fmt ", b""), DATA)),
    ("fmt_short", riff(chunk(b"fmt ", extensible()[8:46]), DATA)),
    ("fmt_short", riff(extensible(extension_size=0), DATA)),
    ("format", riff(fmt(tag=0), DATA)),
    ("format", riff(fmt(tag=0x31), DATA)),
    ("width", riff(extensible(tag=3), DATA)),
    ("format", riff(extensible(tag=0xFFFE), DATA)),
    ("format", riff(extensible(guid_tail=GUID_TAIL[:-1] + b"\0"), DATA)),
    ("width", riff(fmt(Encoding.PCM16, bits=12), DATA)),
    ("width", riff(fmt(Encoding.PCM16, bits=64), DATA)),
    ("width", riff(fmt(Encoding.FLOAT32, bits=16), DATA)),
    ("width", riff(fmt(Encoding.PCM16, bits=0), DATA)),
    ("width", riff(fmt(Encoding.ALAW, bits=16), DATA)),
    ("width", riff(extensible(valid_bits=0), DATA)),
    ("width", riff(extensible(valid_bits=17), DATA)),
    ("width", riff(extensible(Encoding.FLOAT32, valid_bits=24), DATA)),
    ("channels", riff(fmt(channels=0), DATA)),
    ("channels", riff(fmt(channels=3), DATA)),
    ("rate", riff(fmt(rate=0), DATA)),
    ("rate", riff(fmt(rate=7999), DATA)),
    ("rate", riff(fmt(rate=48001), DATA)),
    ("block_align", riff(fmt(block_align=1, byte_rate=16000), DATA)),
    ("byte_rate", riff(fmt(byte_rate=16001), DATA)),
    ("half_frame", riff(fmt(Encoding.PCM16), chunk(b"data", bytes(6)))),
    ("half_frame", riff(fmt(), chunk(b"data", ODD))),
    ("no_frames", riff(fmt(), chunk(b"data", b""))),
]


@pytest.mark.parametrize(("reason", "file"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_not_a_sound_of_ours_is_refused_with_its_reason(reason: str, file: bytes) -> None:
    for judge in (read, probe):
        with pytest.raises(SoundError) as refused:
            judge(file)
        assert refused.value.reason == reason


def test_more_sound_than_we_take_is_refused_before_it_is_read() -> None:
    head = riff(fmt(), chunk(b"data", b"", size=HUGE), size=36 + HUGE)
    with pytest.raises(SoundError) as refused:
        audio.read_wav(io.BytesIO(head), 44 + HUGE)
    assert refused.value.reason == "too_large"


def test_a_stream_that_ends_before_its_size_is_truncated() -> None:
    file = wav(FRAMES)
    for kept in range(4, len(file)):
        with pytest.raises(SoundError) as refused:
            audio.read_wav(io.BytesIO(file[:kept]), len(file))
        assert refused.value.reason == "truncated"


def test_a_thousand_chunks_are_taken() -> None:
    assert read(wav(FRAMES, extra_chunks=[chunk(b"junk", b"")] * 998)).data == FRAMES


def test_every_reason_has_a_sound_that_gives_it() -> None:
    folder = Path(audio.__file__).parent
    source = "".join((folder / f"{name}.py").read_text(encoding="utf-8") for name in ("formats", "riff", "sound"))
    given_by_source = {
        word for line in source.splitlines() if "SoundError(" in line for word in re.findall(r'(?<!b)"(\w+)"', line)
    }
    assert len(given_by_source) > 20
    assert given_by_source == {reason for reason, _ in REFUSED} | {"too_large", "nothing_left"}


@pytest.mark.parametrize(
    ("reason", "values"),
    [
        ("channels", (Encoding.ULAW, 8000, 3, bytes(3))),
        ("rate", (Encoding.ULAW, 7999, 1, bytes(3))),
        ("no_frames", (Encoding.ULAW, 8000, 1, b"")),
        ("half_frame", (Encoding.PCM16, 8000, 2, bytes(6))),
    ],
)
def test_a_sound_that_could_not_be_read_again_cannot_be_made(
    reason: str, values: tuple[Encoding, int, int, bytes]
) -> None:
    with pytest.raises(SoundError) as refused:
        Sound(*values)
    assert refused.value.reason == reason
    with pytest.raises(SoundError) as refused:
        Header(*values[:3], Fraction(len(values[3]), 4) if reason == "half_frame" else len(values[3]))  # type: ignore[arg-type]
    assert refused.value.reason == reason


def test_the_most_sound_that_we_take_has_a_riff_size_that_fits_31_bits() -> None:
    head = audio.canonical_header(Header(Encoding.ULAW, 8000, 1, audio.MAX_DATA))
    assert int.from_bytes(head[4:8], "little") < 2**31
    with pytest.raises(SoundError) as refused:
        Header(Encoding.ULAW, 8000, 1, audio.MAX_DATA + 1)
    assert refused.value.reason == "too_large"


# Anything at all --------------------------------------------------------------------------------------------


def outcome(file: bytes, size: int) -> str:
    """The reason of a refusal, or "" for a sound that can be written and read again."""
    try:
        sound = audio.read_wav(io.BytesIO(file), size)
    except SoundError as refused:
        return refused.reason
    assert read(audio.canonical_wav(sound)) == sound
    assert audio.probe(io.BytesIO(file), size).frames == sound.frames
    return ""


def mutated(chance: random.Random, file: bytes) -> bytes:
    """*file* with up to four changes: a byte, a bit, a size field, a cut, a doubled or a lost stretch."""
    changed = bytearray(file)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(min(len(changed), 90) or 1)
        kind = chance.randrange(6)
        if kind == 0:
            changed[place : place + 1] = chance.randbytes(1)
        elif kind == 1 and place < len(changed):
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == 2:
            size = chance.choice([0, 1, 2, 7, len(file) - 8, 2**31 - 1, 2**31, 2**32 - 1])
            changed[place & ~3 : (place & ~3) + 4] = struct.pack("<I", size)
        elif kind == 3:
            del changed[chance.randrange(len(changed) + 1) :]
        elif kind == 4:
            changed[place:place] = changed[place : place + chance.randint(1, 40)]
        else:
            del changed[place : place + chance.randint(1, 40)]
    return bytes(changed)


def test_two_thousand_broken_files_give_a_sound_or_a_reason_and_nothing_else() -> None:
    chance = random.Random(2026)
    whole = [wav(FRAMES), wav(FRAMES, encoding=Encoding.PCM16, extra_chunks=[NOTE]), riff(extensible(), DATA)]
    reasons = []
    for _ in range(2000):
        file = mutated(chance, chance.choice(whole))
        reasons.append(outcome(file, len(file)))
    assert reasons.count("") > 20  # some changes hit the sound alone
    assert len(set(reasons)) > 15  # and the others did not all fail at the same door


@examples(300)
@given(
    places=st.dictionaries(st.integers(0, 67), st.integers(0, 255), min_size=1, max_size=6),
    size=st.none() | st.integers(0, 400) | st.integers(2**31 - 100, 2**33),
)
def test_no_header_and_no_size_leads_to_any_other_error(places: dict[int, int], size: int | None) -> None:
    file = bytearray(riff(extensible(), DATA))
    for place, value in places.items():
        file[place] = value
    outcome(bytes(file), len(file) if size is None else size)


@examples(200)
@given(st.binary(max_size=200), st.sampled_from([b"", b"RIFF", riff(fmt())[:12], riff(fmt())]))
def test_arbitrary_bytes_lead_to_no_other_error(noise: bytes, start: bytes) -> None:
    file = start + noise
    fitted = file[:4] + struct.pack("<I", max(0, len(file) - 8)) + file[8:]
    outcome(file, len(file))
    outcome(fitted, len(fitted))


# Written ----------------------------------------------------------------------------------------------------


@examples(200)
@given(sounds())
def test_what_is_written_is_read_again(sound: Sound) -> None:
    file = audio.canonical_wav(sound)
    assert read(file) == sound
    assert probe(file) == Header(sound.encoding, sound.rate, sound.channels, sound.frames)
    assert len(file) % 2 == 0


def test_the_canonical_file_has_three_parts_and_no_more() -> None:
    pcm = audio.canonical_wav(stereo((1, -2)))
    assert pcm == (
        b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\x00\x7d\0\0\x04\0\x10\0data\x04\0\0\0\x01\0\xfe\xff"
    )
    alaw = audio.canonical_wav(Sound(Encoding.ALAW, 8000, 1, ODD))
    assert alaw == (
        b"RIFF\x2a\0\0\0WAVE"
        b"fmt \x12\0\0\0\x06\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0\0\0"
        b"data\x03\0\0\0\x01\x02\x03\0"
    )


def test_the_canonical_form_drops_what_others_wrote() -> None:
    file = wav(FRAMES, extra_chunks=[NOTE], trailing_chunks=[NOTE])
    assert b"hei" in file
    assert b"hei" not in audio.canonical_wav(read(file))
    assert audio.canonical_wav(read(file)) == audio.canonical_wav(read(wav(FRAMES)))


def test_the_header_is_how_the_file_begins() -> None:
    sound = read(wav(FRAMES))
    assert audio.canonical_wav(sound) == audio.canonical_header(Header(Encoding.ULAW, 8000, 2, 80)) + FRAMES


def test_a_sound_does_not_show_its_samples() -> None:
    shown = repr(Sound(Encoding.ULAW, 8000, 1, b"spoken"))
    assert "spoken" not in shown and "ULAW" in shown


# Cut --------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(min_size=1, max_size=9)), st.integers(0, 80))
def test_a_cut_takes_the_first_bytes_however_the_pieces_fall(pieces: list[bytes], length: int) -> None:
    rest = list(audio.skip_first(length, pieces))
    assert b"".join(rest) == b"".join(pieces)[length:]
    assert b"" not in rest


def test_a_header_without_its_first_frames_is_that_much_shorter() -> None:
    whole = Header(Encoding.PCM16, 8000, 2, 100)
    assert whole.without_start(0) == whole
    assert whole.without_start(99) == Header(Encoding.PCM16, 8000, 2, 1)


def test_a_cut_that_leaves_no_frame_is_refused() -> None:
    for frames in (2, 3):
        with pytest.raises(SoundError) as refused:
            Header(Encoding.PCM16, 8000, 2, 2).without_start(frames)
        assert refused.value.reason == "nothing_left"


def test_a_cut_before_the_beginning_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="before its first"):
        Header(Encoding.PCM16, 8000, 2, 2).without_start(-1)


@pytest.mark.parametrize(
    ("seconds", "frames"),
    [
        (Fraction(0), 0),
        (Fraction(1, 8000), 1),
        (Fraction(1, 10**9), 1),
        (Fraction(5), 40_000),
        (Fraction(40_001, 8000), 40_001),
        (Fraction(40_001, 8000) + Fraction(1, 10**12), 40_002),
        (Fraction(-1, 2), 0),
        (Fraction(10**6) + Fraction(1, 10**12), 8 * 10**9 + 1),  # a float would have lost the last frame
    ],
)
def test_a_frame_that_begins_before_the_moment_is_counted(seconds: Fraction, frames: int) -> None:
    assert audio.frames_before(seconds, 8000) == frames


@given(st.fractions(0, 10_000), st.integers(8000, 48000))
def test_the_last_frame_counted_begins_before_the_moment_and_the_next_does_not(seconds: Fraction, rate: int) -> None:
    frames = audio.frames_before(seconds, rate)
    assert Fraction(frames - 1, rate) < seconds <= Fraction(frames, rate)


# Decoded and parted -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "code", "value"),
    [
        (Encoding.ULAW, 0xFF, 0),
        (Encoding.ULAW, 0x7F, 0),
        (Encoding.ULAW, 0x00, -32124),
        (Encoding.ULAW, 0x80, 32124),
        (Encoding.ALAW, 0xD5, 8),
        (Encoding.ALAW, 0x55, -8),
        (Encoding.ALAW, 0x2A, -32256),
        (Encoding.ALAW, 0xAA, 32256),
    ],
)
def test_g711_decodes_to_the_values_of_the_standard(encoding: Encoding, code: int, value: int) -> None:
    decoded = audio.as_pcm16(Sound(encoding, 8000, 1, bytes([code])))
    assert decoded == Sound(Encoding.PCM16, 8000, 1, struct.pack("<h", value))


@pytest.mark.parametrize("encoding", list(DECODED_SHA256))
def test_all_codes_of_g711_decode_as_in_libsndfile(encoding: Encoding) -> None:
    decoded = audio.as_pcm16(Sound(encoding, 8000, 1, bytes(range(256))))
    assert hashlib.sha256(decoded.data).hexdigest() == DECODED_SHA256[encoding]


@examples(100)
@given(sounds((Encoding.ULAW, Encoding.ALAW)))
def test_decoding_keeps_frames_channels_and_rate(sound: Sound) -> None:
    decoded = audio.as_pcm16(sound)
    assert (decoded.frames, decoded.channels, decoded.rate) == (sound.frames, sound.channels, sound.rate)
    one_by_one = [audio.as_pcm16(Sound(sound.encoding, 8000, 1, bytes([code]))).data for code in sound.data]
    assert decoded.data == b"".join(one_by_one)


def test_pcm_stays_as_it_is() -> None:
    sound = stereo((1, -2))
    assert audio.as_pcm16(sound) == sound


def test_g711_that_would_be_too_large_in_16_bits_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Sound(Encoding.ULAW, 8000, 1, bytes(51))
    monkeypatch.setattr(formats, "MAX_DATA", 101)
    with pytest.raises(SoundError) as refused:
        audio.as_pcm16(sound)
    assert refused.value.reason == "too_large"


def test_the_channel_that_is_not_kept_is_digital_zero() -> None:
    sound = stereo((0x0102, 0x0304), (-1, -2), (-32768, 32767))
    assert audio.keep_channel(sound, 0) == stereo((0x0102, 0), (-1, 0), (-32768, 0))
    assert audio.keep_channel(sound, 1) == stereo((0, 0x0304), (0, -2), (0, 32767))


@examples(100)
@given(st.lists(st.tuples(st.integers(-32768, 32767), st.integers(-32768, 32767)), min_size=1, max_size=60))
def test_both_channels_kept_apart_are_the_sound_together(frames: list[tuple[int, int]]) -> None:
    sound = stereo(*frames)
    caller, agent = audio.keep_channel(sound, 0), audio.keep_channel(sound, 1)
    assert caller.frames == agent.frames == sound.frames
    assert bytes(sample | silence for sample, silence in zip(caller.data, agent.data, strict=True)) == sound.data
    assert audio.keep_channel(caller, 1).data == bytes(len(sound.data))


@pytest.mark.parametrize(
    ("sound", "channel"),
    [
        (Sound(Encoding.ULAW, 8000, 2, bytes(4)), 0),
        (Sound(Encoding.PCM16, 8000, 1, bytes(4)), 0),
        (Sound(Encoding.PCM16, 8000, 2, bytes(4)), 2),
        (Sound(Encoding.PCM16, 8000, 2, bytes(4)), -1),
    ],
)
def test_a_channel_is_kept_only_of_16_bit_stereo(sound: Sound, channel: int) -> None:
    with pytest.raises(ValueError, match="channel"):
        audio.keep_channel(sound, channel)


# The demo calls ---------------------------------------------------------------------------------------------

DEMO_CALLS = sorted((Path(audio.__file__).parents[2] / "demo_calls").glob("*.wav"))


def test_there_are_four_demo_calls_and_they_are_small() -> None:
    assert [call.name for call in DEMO_CALLS] == [f"call-{number}.wav" for number in (1, 2, 3, 4)]
    assert sum(call.stat().st_size for call in DEMO_CALLS) < 500_000


@pytest.mark.parametrize("call", DEMO_CALLS, ids=lambda call: call.stem)
def test_a_demo_call_has_two_sides_that_take_turns(call: Path) -> None:
    sound = read(call.read_bytes())
    assert (sound.encoding, sound.rate, sound.channels) == (Encoding.ULAW, 8000, 2)
    assert 5 <= sound.duration <= 8
    assert audio.canonical_wav(sound) == call.read_bytes()
    caller, agent = sound.data[0::2], sound.data[1::2]
    silence = 0xFF  # u-law zero
    for side in (caller, agent):
        assert sum(code != silence for code in side) > 8000  # a second of speech
    assert all(silence in both for both in zip(caller, agent, strict=True))


# The room itself --------------------------------------------------------------------------------------------


def test_the_room_asks_for_nothing_but_the_standard_library() -> None:
    asked = "import sys; before = set(sys.modules); import arlo_rec.sound.audio; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    tops = {name.partition(".")[0] for name in run.stdout.split()}
    assert "arlo_rec" in tops
    assert tops - {"arlo_rec"} <= set(sys.stdlib_module_names)
    assert tops.isdisjoint({"wave", "audioop", "sndhdr"})


def test_a_format_knows_the_bytes_of_a_frame() -> None:
    assert Format(Encoding.PCM16, 8000, 2).frame_bytes == 4
    assert Format(Encoding.ALAW, 8000, 2).frame_bytes == 2
    assert Format(Encoding.ULAW, 8000, 1).frame_bytes == 1


def test_the_sounds_of_the_tests_are_the_same_each_time_and_differ_by_channel_and_seed() -> None:
    assert tone_wav(0.1) == wav(tone(0.1))
    assert tone(0.1) == tone(0.1) != tone(0.1, seed=1)
    frames = tone(0.1)
    assert frames[0::2] != frames[1::2]
