"""Repetition loops: a speech engine that lost the thread writes the same words again and again over other speech.

Text that repeats itself compresses well. Measured over windows of 24 and of 96 words of a channel: calls as people hold
them reach a ratio of 1.9, numbers and spelled names included; a loop begins at Whisper's own limit.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from arlo_rec.sound.speech import Transcript, Word

LOOP: Final = 2.4  # zlib compression ratio of text that repeats itself; the value that Whisper's authors use
LOOP_SCORE: Final = 0.1  # highest score of a word in a loop: it may not have been said
WINDOWS: Final = (24, 96)  # words; the longer one finds a loop of whole sentences


def mark(transcript: Transcript) -> Transcript:
    """The transcript with low scores for the words of its loops; one without any scores stays as it is."""
    if all(word.score is None for word in transcript.words):
        return transcript
    looping = {place for channel in {word.channel for word in transcript.words} for place in _find(transcript, channel)}
    words = tuple(
        replace(word, score=min(LOOP_SCORE, word.score or 0.0)) if place in looping else word
        for place, word in enumerate(transcript.words)
    )
    return replace(transcript, words=words) if looping else transcript


def _find(transcript: Transcript, channel: int | None) -> Iterator[int]:
    """Yield the places of the words of a channel that lie in a window which repeats itself."""
    places = [place for place, word in enumerate(transcript.words) if word.channel == channel]
    for length in WINDOWS:
        for first in range(0, max(1, len(places) - length + length // 3), length // 3):
            window = places[first : first + length]
            if _ratio([transcript.words[place] for place in window]) > LOOP:
                yield from window


def _ratio(words: Sequence[Word]) -> float:
    text = " ".join(word.text for word in words).encode()
    return len(text) / len(zlib.compress(text))
