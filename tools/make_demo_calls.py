"""Make the four demo calls in arlo_rec/demo_calls: run once by hand, the results are kept in the repository.

    python tools/make_demo_calls.py

Needs espeak-ng (1.52 made what is kept) and nothing else. The same espeak-ng makes the same bytes each time.
Each call is stereo u-law at 8 kHz, as an exchange that records both sides delivers it: the caller in channel
0, the agent in channel 1, silence in one while the other speaks. All people and events are invented.
"""

from __future__ import annotations

import bisect
import itertools
import math
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from arlo_rec.sound.audio import Encoding, Sound, as_pcm16, canonical_wav, read_wav  # noqa: E402 - see the path above

TARGET = ROOT / "arlo_rec" / "demo_calls"
RATE = 8000  # Hz
SPEED = 200  # words a minute: four turns fit into seven seconds and stay clear
PAUSE = 0.2  # seconds between two turns, and at both ends
PEAK = 16_000  # of 32767: -6 dB, so that G.711 does not clip
QUIET = 200  # of 32767: what espeak-ng puts before and behind a sentence is below
SIDE = 24  # input samples on each side that one output sample is made of
CUTOFF = 3_600  # Hz: below half of RATE, with room for the slope of the filter
CALLER, AGENT = 0, 1


@dataclass(frozen=True)
class Voice:
    """A variant of the Norwegian voice, and its pitch (0 to 99)."""

    variant: str
    pitch: int


@dataclass(frozen=True)
class Call:
    """Who speaks, and what they say in turn: (channel, text)."""

    voices: tuple[Voice, Voice]  # of the caller and of the agent
    turns: tuple[tuple[int, str], ...]


CALLS = (
    Call(
        (Voice("f2", 55), Voice("m3", 40)),
        (
            (AGENT, "Kundeservice, hei!"),
            (CALLER, "Hei, dette er Kari Eksempel. Ringeklokken er taus."),
            (AGENT, "Er batteriet ladet?"),
            (CALLER, "Å nei. Takk!"),
        ),
    ),
    Call(
        (Voice("m1", 45), Voice("f4", 60)),
        (
            (AGENT, "Hei, her er Prøve Prøvesen."),
            (CALLER, "Kameraet viser bare svart bilde."),
            (AGENT, "Er linsen tildekket?"),
            (CALLER, "Ja, av snø. Tusen takk!"),
        ),
    ),
    Call(
        (Voice("f5", 45), Voice("f3", 65)),
        (
            (AGENT, "Kundeservice, hva gjelder det?"),
            (CALLER, "Kameraet varsler hver gang katten går."),
            (AGENT, "Velg bare personer i appen."),
            (CALLER, "Så enkelt! Ha det."),
        ),
    ),
    Call(
        (Voice("m7", 35), Voice("m2", 60)),
        (
            (AGENT, "Kundeservice, vær så god."),
            (CALLER, "Ola Oppdiktet her. Jeg vil ha hvit ringeklokke."),
            (AGENT, "Det går fint. Den kommer i morgen."),
        ),
    ),
)


def speak(voice: Voice, text: str) -> list[int]:
    """One sentence at `RATE`, 16-bit values, trimmed of the silence around it and brought to `PEAK`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"  # not --stdout, whose header does not know the size
        # -D: without it some voices draw random numbers
        options = [
            "-D",
            "-v",
            f"nb+{voice.variant}",
            "-p",
            str(voice.pitch),
            "-s",
            str(SPEED),
            "-w",
            str(path),
        ]
        subprocess.run(["espeak-ng", *options, "--", text], check=True)
        with path.open("rb") as stream:
            sound = read_wav(stream, path.stat().st_size)
    values = list(struct.unpack(f"<{sound.frames}h", sound.data))
    loud = [place for place, value in enumerate(values) if abs(value) > QUIET]
    narrow = resample(values[loud[0] : loud[-1] + 1], sound.rate)
    scale = PEAK / max(abs(value) for value in narrow)
    return [round(value * scale) for value in narrow]


def resample(values: list[int], rate: int) -> list[float]:
    """*values* at *rate* brought to `RATE` by a windowed sinc, which also is the low-pass."""
    padded = [0] * SIDE + values + [0] * SIDE
    narrow = []
    for number in range(len(values) * RATE // rate):
        whole, part = divmod(number * rate, RATE)
        weights = kernel(part, rate)
        near = padded[whole + 1 : whole + 1 + 2 * SIDE]
        narrow.append(sum(map(float.__mul__, weights, map(float, near))))
    return narrow


@cache
def kernel(part: int, rate: int) -> tuple[float, ...]:
    """The weights of the 2 * SIDE input samples around an output sample, *part* / RATE behind one of them."""
    cutoff = CUTOFF / rate  # in cycles per input sample
    weights = []
    for place in range(1 - SIDE, SIDE + 1):
        away = place - part / RATE
        sinc = 1.0 if away == 0 else math.sin(math.tau * cutoff * away) / (math.tau * cutoff * away)
        weights.append(sinc * 2 * cutoff * (0.5 + 0.5 * math.cos(math.pi * away / SIDE)))
    return tuple(weights)


@cache
def ulaw_levels() -> tuple[list[int], list[int]]:
    """Every level of u-law in order and its code, 0 as 0xFF: the decoder of arlo_rec read backwards."""
    codes = [code for code in range(256) if code != 0x7F]  # the other zero
    decoded = as_pcm16(Sound(Encoding.ULAW, RATE, 1, bytes(codes))).data
    pairs = sorted(zip(struct.unpack(f"<{len(codes)}h", decoded), codes, strict=True))
    return [level for level, _ in pairs], [code for _, code in pairs]


def to_ulaw(values: list[int]) -> bytes:
    """The nearest code for each 16-bit value."""
    levels, codes = ulaw_levels()
    middles = [(low + high) / 2 for low, high in itertools.pairwise(levels)]
    return bytes(codes[bisect.bisect(middles, value)] for value in values)


def record(call: Call) -> Sound:
    """Both sides of a call, one speaking at a time."""
    pause = [0] * round(PAUSE * RATE)
    sides: tuple[list[int], list[int]] = (list(pause), list(pause))
    for channel, text in call.turns:
        spoken = speak(call.voices[channel], text) + pause
        sides[channel].extend(spoken)
        sides[1 - channel].extend([0] * len(spoken))
    data = bytearray(2 * len(sides[CALLER]))
    data[0::2], data[1::2] = to_ulaw(sides[CALLER]), to_ulaw(sides[AGENT])
    return Sound(Encoding.ULAW, RATE, 2, bytes(data))


def main() -> None:
    """Write all calls and say how long they are."""
    for number, call in enumerate(CALLS, start=1):
        sound = record(call)
        path = TARGET / f"call-{number}.wav"
        path.write_bytes(canonical_wav(sound))
        print(f"{path.name}: {sound.duration:.2f} s, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
