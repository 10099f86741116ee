"""Compressed sounds for tests, made by libraries that exchanges use, with words wherever a format takes them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy
import soundfile

SECRET = "Kari Hemmelig 90000077"  # planted wherever a format has room for words


def samples(seconds: float = 1.5, *, rate: int = 8000, channels: int = 1) -> Any:
    """Two tones in noise: enough for every codec to chew on, and no stretch like another."""
    chance = numpy.random.default_rng(7)
    at = numpy.arange(round(seconds * rate)) / rate
    sides = [
        8000 * numpy.sin(2 * numpy.pi * (300 + 200 * side) * at * (1 + at / 10)) + chance.normal(0, 300, len(at))
        for side in range(channels)
    ]
    return numpy.stack(sides, axis=1).astype("<i2")


def with_soundfile(container: str, codec: str, *, rate: int = 8000, channels: int = 1, seconds: float = 1.5) -> bytes:
    """A file written by libsndfile, with the secret in every field that the format has for words."""
    made = io.BytesIO()
    form = {"format": container, "subtype": codec}
    with soundfile.SoundFile(made, "w", rate, channels, **form) as file:
        for field in ("title", "artist", "comment", "copyright", "software"):
            if container in ("FLAC", "OGG", "MP3", "WAV"):
                setattr(file, field, SECRET)
        file.write(samples(seconds, rate=rate, channels=channels))
    return made.getvalue()


SOUNDFILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "flac": (".flac", lambda: with_soundfile("FLAC", "PCM_16")),
    "flac stereo 48 kHz": (".flac", lambda: with_soundfile("FLAC", "PCM_16", rate=48000, channels=2)),
    "flac 24 bits": (".flac", lambda: with_soundfile("FLAC", "PCM_24")),
    "mp3": (".mp3", lambda: with_soundfile("MP3", "MPEG_LAYER_III")),
    "mp3 stereo 44.1 kHz": (".mp3", lambda: with_soundfile("MP3", "MPEG_LAYER_III", rate=44100, channels=2)),
    "opus": (".opus", lambda: with_soundfile("OGG", "OPUS")),
    "opus stereo 48 kHz": (".ogg", lambda: with_soundfile("OGG", "OPUS", rate=48000, channels=2)),
    "vorbis": (".ogg", lambda: with_soundfile("OGG", "VORBIS")),
    "vorbis stereo 16 kHz": (".oga", lambda: with_soundfile("OGG", "VORBIS", rate=16000, channels=2)),
    "gsm": (".WAV", lambda: with_soundfile("WAV", "GSM610")),
    "ima adpcm": (".wav", lambda: with_soundfile("WAV", "IMA_ADPCM")),
    "ima adpcm stereo": (".wav", lambda: with_soundfile("WAV", "IMA_ADPCM", channels=2)),
    "ms adpcm": (".wav", lambda: with_soundfile("WAV", "MS_ADPCM")),
}


def with_av(
    container: str, codec: str, *, rate: int, bit_rate: int = 0, options: dict[str, str] | None = None
) -> bytes:
    """A file written by FFmpeg's libraries."""
    import av

    made = io.BytesIO()
    with av.open(made, "w", format=container, options=options or {}) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        if bit_rate:
            stream.bit_rate = bit_rate
        file.metadata["title"] = SECRET
        frame = av.AudioFrame.from_ndarray(samples(rate=rate).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or 320
        ready = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate, frame_size=size)
        for one in (*ready.resample(frame), *ready.resample(None)):
            file.mux(stream.encode(one))
        file.mux(stream.encode(None))
    return made.getvalue()


AV: dict[str, tuple[str, Callable[[], bytes], int]] = {  # ending, maker, rate
    "g722": (".g722", lambda: with_av("g722", "g722", rate=16000), 16000),
    "g722 in wav": (".wav", lambda: with_av("wav", "g722", rate=16000), 16000),
    "g726": (".g726", lambda: with_av("g726le", "g726le", rate=8000, bit_rate=32000), 8000),
    "g726 at 16 kbit/s": (".g726-16", lambda: with_av("g726le", "g726le", rate=8000, bit_rate=16000), 8000),
    "g726 at 40 kbit/s": (".g726-40", lambda: with_av("g726le", "g726le", rate=8000, bit_rate=40000), 8000),
    "g726 in wav": (".wav", lambda: with_av("wav", "g726", rate=8000, bit_rate=32000), 8000),
    "amr": (".amr", lambda: with_av("amr", "libopencore_amrnb", rate=8000, bit_rate=12200), 8000),
    "aac": (".aac", lambda: with_av("adts", "aac", rate=16000), 16000),
    "aac in mp4": (".m4a", lambda: with_av("mp4", "aac", rate=16000), 16000),
    "g729": (".g729", lambda: bytes(range(10)) * 150, 8000),  # any ten bytes are 80 samples
}
