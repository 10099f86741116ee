"""The process that hears: it holds one Whisper model, is told samples, and says words. `engine` is the other end.

How it is asked and answers is `serving`'s; the bytes behind a question are samples.

    asked     first {"model", "threads", "memory"}, then {"language", "hints"} with 16-bit PCM of one channel at 16 kHz
    answer    {"languages": [...]} after loading, {"language", "words": [[text, start, end, score]]} after hearing,
              {"problem": code} where it could not load
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from arlo_rec.speech.engines.no_network import limit_memory
from arlo_rec.speech.engines.resampling import HEARD
from arlo_rec.speech.engines.serving import UNUSABLE, Answer, serve

MISSING = "engine_missing"
INCOMPLETE = "model_incomplete"  # without its preprocessor_config.json, sound is prepared for another model
WORD_LONGEST = 100  # characters

# Chosen on made calls of two channels, two cores, "base" and "tiny.en"; docs/benchmarks.md has what it costs.
BEAM = 5
BATCH = 4  # windows of 30 s decoded together: more gain little time and cost 40 MB each
PAUSE_MS = 500  # a silence that long is not decoded, and no window ends within a word
COOLER: Final = (0.0, 0.2, 0.4)  # temperatures of a second try where the first ran in a loop
LOOP = 2.4  # what zlib makes of a text that repeats itself; the value that Whisper's authors use
LOOP_SCORE = 0.1  # of a word in what still is a loop: it may not have been said
SHORTEST = 0.02  # seconds; Whisper's clock ticks so, and gives some words no length at all


def main() -> None:
    """Load, then serve requests until the other end of descriptor 0 is closed."""
    serve(_load)


@dataclass(frozen=True, slots=True)
class _Model:
    """A loaded model: by whole windows, and with second tries."""

    batched: Any
    patient: Any

    @property
    def languages(self) -> list[str]:
        return sorted(self.patient.supported_languages)

    def hear(self, samples: bytes, language: str | None, hints: str) -> dict[str, Any]:
        """What an answer says; the same samples give the same words."""
        import ctranslate2
        import numpy

        ctranslate2.set_random_seed(0)  # second tries draw lots
        wave = numpy.frombuffer(samples, "<i2").astype("f4") / 32768
        options = {
            "beam_size": BEAM,
            "word_timestamps": True,
            "condition_on_previous_text": False,  # one misheard window shall not spoil the next
            "vad_filter": True,
            "vad_parameters": {"min_silence_duration_ms": PAUSE_MS},
            "hotwords": hints or None,
            "language": language,
        }
        found, told = self.batched.transcribe(wave, batch_size=BATCH, **options)
        windows = list(found)
        words: list[Heard] = []
        before, end = 0.0, len(wave) / HEARD
        for window, after in zip(windows, [*(one.start for one in windows), end][1:], strict=True):
            if window.compression_ratio > LOOP and before < after:
                # from neighbour to neighbour: where the words of a loop end says nothing about where the speech does
                stretch = wave[int(before * HEARD) : int(after * HEARD)]
                again, _ = self.patient.transcribe(
                    stretch, temperature=COOLER, **(options | {"language": told.language})
                )
                words += words_of(again, before, after)
                before = after
            else:
                words += words_of([window], 0.0, end)
                before = window.end
        return {"language": told.language, "words": sorted(words, key=lambda word: word[1:3])}


Heard = tuple[str, float, float, float]  # text, start, end, score


def words_of(segments: Iterable[Any], shift: float, end: float) -> Iterator[Heard]:
    """Words before *end*. One without length is given some, as it may be a name that was said; in a loop it was not."""
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
    """What a model can hear and what hears by it, or the code of the problem."""
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
        loaded.hear(bytes(2 * HEARD), loaded.languages[0], "")  # what is loaded at first use is loaded now
    except Exception:  # noqa: BLE001 - whatever a library raises about these files, the answer is the same
        return UNUSABLE
    return {"languages": loaded.languages}, lambda asked, samples: loaded.hear(samples, **asked)


if __name__ == "__main__":
    main()
