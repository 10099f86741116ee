"""Speak calls that are written as marked text: `python tools/speak_calls.py FILE FOLDER [--snr DB] [--mono]`.

FILE has the form of tests/calls/written, numbers and letters as they are spoken. FOLDER gets NAME.wav, 8 kHz u-law, and
NAME.json with the truth, as `pseudonymise --bench` reads them. Each identifier is synthesised by itself, so its times
are exact. It needs flite 2.2 and espeak-ng 1.52; the same versions make the same bytes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

from make_calls import SETTINGS, Identifier, Setting, Turn, on_the_line, spoken_call  # noqa: E402
from make_demo_calls import RATE, to_ulaw  # noqa: E402

from arlo_rec.sound.audio import Encoding, Sound, canonical_wav  # noqa: E402
from tools.written_calls import MARK  # noqa: E402


def calls(path: Path) -> Iterator[tuple[str, dict[str, str], list[Turn]]]:
    """The name of each call of a file, the names of agent and caller, and its turns."""
    for block in re.split(r"(?m)^# ", path.read_text("utf-8"))[1:]:
        head, *lines = (line for line in block.split("\n") if line.strip())
        name, agent, caller = (part.strip() for part in head.split("|"))
        yield name, {"agent": agent, "caller": caller}, [_turn(line) for line in lines]


def _turn(line: str) -> Turn:
    turn, behind, text = Turn("AC".index(line[0])), 0, line[2:].strip()
    for mark in MARK.finditer(text):
        turn.tokens += _words(text[behind : mark.start()])
        first, behind = len(turn.tokens), mark.end()
        turn.tokens += mark[2].split()
        turn.marks.append((first, len(turn.tokens) - 1, Identifier(mark[1], mark[2]), False))
    turn.tokens += _words(text[behind:])
    return turn


def _words(text: str) -> list[str]:
    """The words of a text; a mark by itself is nothing to be spoken."""
    return [word for word in text.split() if any(map(str.isalnum, word))]


def speak(path: Path, folder: Path, snr: int, *, mono: bool) -> None:
    """Write the sound and the truth of each call; the voices change from call to call."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, known, turns) in enumerate(calls(path)):
        setting = replace(SETTINGS[number % len(SETTINGS)], snr=snr, sides="mono" if mono else "stereo")
        sound, truth = _spoken(turns, setting, number)
        head = {"id": name, "lang": "en", "snr": snr, "mono": mono, "known": known}
        (folder / f"{name}.wav").write_bytes(canonical_wav(sound))
        (folder / f"{name}.json").write_text(json.dumps(head | truth, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _spoken(turns: list[Turn], setting: Setting, number: int) -> tuple[Sound, dict[str, object]]:
    sides, truth = spoken_call(turns, setting, random.Random(number))
    channels = on_the_line(sides, setting, number)
    data = bytearray(len(channels) * len(channels[0]))
    for place, values in enumerate(channels):
        data[place :: len(channels)] = to_ulaw(values)
    return Sound(Encoding.ULAW, RATE, len(channels), bytes(data)), truth


def main() -> None:
    """Speak the calls of a file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--snr", type=int, default=25, help="decibels of speech over noise")
    parser.add_argument("--mono", action="store_true", help="both sides on one channel")
    known = parser.parse_args()
    speak(known.file, known.folder, known.snr, mono=known.mono)


if __name__ == "__main__":
    main()
