"""The child process that runs a Whisper model: it receives samples and answers with words. `engine` is the other end.

The protocol is that of `engine_process`; the bytes after a request's JSON are samples.

    request   first {"model", "threads", "memory"}, then {"language", "hints"} with 16-bit PCM of one channel at 16 kHz
    answer    {"languages": [...]} after loading, {"language", "sure", "words": [[text, start, end, score]]} to samples,
              {"problem": code} where the model does not load
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from arlo_rec.words.engine_process import (
    ENGINE_RATE,
    INCOMPLETE,
    MISSING,
    UNUSABLE,
    WORD_LONGEST,
    Answer,
    limit_memory,
    serve,
)
from arlo_rec.words.loops import LOOP, LOOP_SCORE

# Chosen on made calls of two channels, two cores, "base" and "tiny.en"; docs/benchmarks.md has what it costs.
BEAM = 5
BATCH = 4  # windows of 30 s decoded together: more gain little time and cost 40 MB each
PAUSE_MS = 500  # a silence that long is skipped, and windows end there instead of within a word
COOLER: Final = (0.0, 0.2, 0.4)  # temperatures of a second attempt after a repetition loop
SHORTEST = 0.02  # seconds; the resolution of Whisper's times, which gives some words no length at all


def main() -> None:
    """Load, then serve requests until the other end of descriptor 0 is closed."""
    serve(_load)


@dataclass(frozen=True, slots=True)
class _Model:
    """A loaded model: `batched` decodes windows in batches, `patient` one by one at several temperatures."""

    batched: Any
    patient: Any

    @property
    def languages(self) -> list[str]:
        return sorted(self.patient.supported_languages)

    def hear(self, samples: bytes, language: str | None, hints: str) -> dict[str, Any]:
        """The answer to a request: language, its probability, and words; deterministic."""
        import ctranslate2
        import numpy

        ctranslate2.set_random_seed(0)  # second attempts sample at random
        wave = numpy.frombuffer(samples, "<i2").astype("f4") / 32768
        options = {
            "beam_size": BEAM,
            "word_timestamps": True,
            "condition_on_previous_text": False,  # an error in one window must not spread to the next
            "vad_filter": True,
            "vad_parameters": {"min_silence_duration_ms": PAUSE_MS},
            "hotwords": hints or None,
            "language": language,
        }
        segments, info = self.batched.transcribe(wave, batch_size=BATCH, **options)
        windows = list(segments)
        words: list[Heard] = []
        before, end = 0.0, len(wave) / ENGINE_RATE
        for window, after in zip(windows, [*(segment.start for segment in windows), end][1:], strict=True):
            if window.compression_ratio > LOOP and before < after:
                # from the window before to the window after: the end of a loop's words is not the end of the speech
                wave_part = wave[int(before * ENGINE_RATE) : int(after * ENGINE_RATE)]
                again, _ = self.patient.transcribe(
                    wave_part, temperature=COOLER, **(options | {"language": info.language})
                )
                words += convert_words(again, before, after)
                before = after
            else:
                words += convert_words([window], 0.0, end)
                before = window.end
        sure = min(1.0, max(0.0, round(float(info.language_probability), 4)))  # 1 if the language was given
        return {"language": info.language, "sure": sure, "words": sorted(words, key=lambda word: word[1:3])}


Heard = tuple[str, float, float, float]  # text, start, end, score


def convert_words(segments: Iterable[Any], shift: float, end: float) -> Iterator[Heard]:
    """Convert the words of segments, *shift* seconds later, up to *end*.

    A word without length gets `SHORTEST`, as it may be a name; in a repetition loop it is dropped.
    """
    for segment in segments:
        loops = segment.compression_ratio > LOOP
        for word in segment.words or ():
            text = "".join(filter(str.isprintable, word.word)).strip()[:WORD_LONGEST]
            start, until = max(0.0, float(word.start)) + shift, min(end, float(word.end) + shift)
            score = min(LOOP_SCORE if loops else 1.0, max(0.0, float(word.probability)))
            if text and start < end and not (loops and until <= start):
                yield text, round(start, 3), round(max(until, min(end, start + SHORTEST)), 3), round(score, 4)


def _load(
    model: str, threads: int, memory: int | None
) -> tuple[Answer, Callable[[dict[str, Any], bytes], Answer]] | str:
    """Load a model; returns the first answer and the function that answers requests, or the code of a problem."""
    try:
        from faster_whisper import BatchedInferencePipeline, WhisperModel
    except ImportError:
        return MISSING
    try:
        if memory is not None:
            limit_memory(memory)
        patient = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)
        if len(patient.feature_extractor.mel_filters) != patient.model.n_mels:
            return INCOMPLETE
        loaded = _Model(BatchedInferencePipeline(patient), patient)
        loaded.hear(bytes(2 * ENGINE_RATE), loaded.languages[0], "")  # warm up: loads what the first use would load
    except Exception:  # noqa: BLE001 - any error of a library about these files has the same answer
        return UNUSABLE
    return {"languages": loaded.languages}, lambda asked, samples: loaded.hear(samples, **asked)
