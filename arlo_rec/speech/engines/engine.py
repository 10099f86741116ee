"""The interface of a speech engine, and the parent's side of the Whisper engine.

The child process (`whisper`) is started for a run and ends with it (`process`). It gets the samples through a socket,
nothing is written to a disk, and every answer is checked. A long sound is sent in pieces, split at quiet places, so
that memory does not grow with it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from arlo_rec.model.errors import Unreachable, Usage
from arlo_rec.speech.engines.process import Process, is_folder, program_of
from arlo_rec.speech.engines.resampling import ENGINE_RATE
from arlo_rec.speech.engines.serving import UNCONFINED, UNUSABLE
from arlo_rec.speech.engines.whisper import INCOMPLETE, MISSING, WORD_LONGEST
from arlo_rec.speech.words import Word

FILES: Final = ("model.bin", "config.json", "tokenizer.json")  # without the last, the library would ask a hub
VOCABULARIES: Final = ("vocabulary.txt", "vocabulary.json")  # one of them is needed
PIECE_S = 300  # seconds of sound per request: 10 MB of samples, and about 200 MB while they are recognised
QUIET_WITHIN_S = 30  # seconds before the end of a piece in which the quietest place is sought
QUIET_S = 0.2  # seconds: length of a quiet place, enough to be between two words
FLOOR_S, PER_SECOND = 120.0, 10.0  # timeout in seconds, per piece and per second of it: 100 times what two cores need
HINTS_MOST = 400  # characters: Whisper's prompt has room for 220 tokens, of which fewer help
WORDS_FLOOR, WORDS_PER_SECOND = 100, 20  # most words of a piece: nobody says more
SLACK_S = 1.0  # seconds by which a word may end after the sound
ANSWER_MOST = 2 * 1024 * 1024  # bytes: a piece full of words has 300 kB
_SPOKEN_AS: Final = {"nb": "no"}  # our name of a language -> Whisper's


class Heard(list[Word]):
    """Recognised words; where nobody said which language it is, the one that they were taken for, and how surely."""

    language: str | None = None  # as Whisper calls it
    sure: float = 1.0


class Engine(Protocol):
    """A speech engine: recognises words in a sound."""

    def hear(self, samples: bytes, language: str | None, hints: Sequence[str]) -> Heard:
        """Recognise the words of one channel; sorted by start, in seconds from its first sample; `channel` is None.

        *samples* is 16-bit PCM of one channel at 16 kHz (`resampling.resample`). Without *language* the engine
        detects it. *hints* are words likely to occur, such as names; they can cause errors in other words, so callers
        combine a result with hints and one without. Recognises all of the sound or raises: never a part.
        """

    def stop(self) -> None:
        """Stop the engine, from any thread: a running `hear` and all later ones raise `engine_died`."""


@contextmanager
def whisper(
    model: Path,
    threads: int = 2,
    language: str | None = None,
    *,
    memory: int | None = None,
    program: str = program_of("whisper"),
) -> Iterator[Engine]:
    """Run the Whisper model of a folder (in CTranslate2's format) for as long as the context lasts.

    *language* is the default for calls without one; *memory* is the number of bytes that the process may use beyond
    its libraries; *program* is the Python code that it runs. Raises Usage `model_not_found`, `model_incomplete`;
    Unreachable `engine_missing`, `engine_unconfined`, `model_unusable`, and as `hear` does.

    `hear` raises Usage `language_unknown` for a language that the model lacks; Unreachable `engine_died`,
    `engine_silent`, `engine_garbled`. After these, the next call starts a new process.
    """
    check_model(model)
    engine = _Whisper({"model": str(model.resolve()), "threads": threads, "memory": memory}, language, program)
    try:
        engine.start()
        yield engine
    finally:
        engine.close()


def check_model(folder: Path) -> None:
    """Raise Usage where *folder* is no folder, or lacks a file that the library would look for elsewhere."""
    if not is_folder(folder):
        raise Usage("model_not_found", path=str(folder))
    missing = [name for name in FILES if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in VOCABULARIES):
        missing.append(VOCABULARIES[0])
    if missing:
        raise Usage("model_incomplete", path=str(folder), missing=", ".join(missing))


class _Whisper:
    """The engine of one model, with at most one child process; a second thread waits for the first."""

    def __init__(self, settings: dict[str, Any], language: str | None, program: str) -> None:
        self._settings = settings
        self._language = language
        self._process = Process(program, {"OMP_NUM_THREADS": str(settings["threads"])})
        self._asking = threading.Lock()
        self._languages: frozenset[str] = frozenset()
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        self._process.kill()

    def hear(self, samples: bytes, language: str | None, hints: Sequence[str]) -> Heard:
        if len(samples) % 2:
            raise ValueError("half a sample")
        with self._asking:
            if self._stopped:
                raise Unreachable("engine_died")
            self.start()
            spoken = self._check_language(language or self._language)
            words = Heard()
            for first, piece in _split_pieces(samples):
                if self._stopped:
                    raise Unreachable("engine_died")
                duration = len(piece) / 2 / ENGINE_RATE
                question = {"language": spoken, "hints": _join_hints(hints)}
                answer = self._process.ask(question, piece, FLOOR_S + PER_SECOND * duration, ANSWER_MOST)
                with self._process.checking_answer():
                    words += _check_words(answer["words"], duration, first / ENGINE_RATE)
                    answered = self._check_answered_language(answer["language"])
                    if spoken is None:
                        words.language, words.sure = answered, _check_share(answer.get("sure", 1.0))
                    spoken = answered  # the next piece is of the same call
            return words

    def start(self) -> None:
        """Start the process if none is running, so that one crash does not refuse every call that follows."""
        if self._process.pid is not None:
            return
        answer = self._process.start(self._settings, (MISSING, UNUSABLE, UNCONFINED))
        if answer.get("problem") == INCOMPLETE:
            self.close()
            raise Usage("model_incomplete", path=self._settings["model"], missing="preprocessor_config.json")
        with self._process.checking_answer():
            self._languages = frozenset(str(name) for name in answer["languages"])

    def close(self) -> None:
        """Kill the process; it has no state to save."""
        self._process.close()

    def _check_language(self, language: str | None) -> str | None:
        spoken = _SPOKEN_AS.get(language, language) if language else None
        if spoken is not None and spoken not in self._languages:
            raise Usage("language_unknown", language=spoken)
        return spoken

    def _check_answered_language(self, language: object) -> str:
        if not isinstance(language, str) or language not in self._languages:
            raise ValueError("a language that it does not have")
        return language


def _check_share(share: object) -> float:
    """A number from 0 to 1; raises ValueError for anything else."""
    if type(share) not in (int, float) or not 0 <= float(str(share)) <= 1:
        raise ValueError("no share")
    return float(str(share))


def _check_words(answer: object, duration: float, offset: float) -> list[Word]:
    """Convert the words of an answer, shifted by *offset* seconds; raises ValueError for an impossible one."""
    if not isinstance(answer, list) or len(answer) > WORDS_FLOOR + WORDS_PER_SECOND * duration:
        raise ValueError("no list of words, or more than anybody says")
    words: list[Word] = []
    earliest = 0.0
    for text, start, end, score in answer:
        if any(type(number) not in (int, float) for number in (start, end, score)):
            raise ValueError("no number")
        if not isinstance(text, str) or not 0 < len(text) <= WORD_LONGEST or not text.isprintable():
            raise ValueError("no word")
        if not (earliest <= start <= end <= duration + SLACK_S and 0 <= score <= 1):
            raise ValueError("a time or a score that cannot be")
        earliest = start
        words.append(Word(text, start + offset, end + offset, float(score)))
    return words


def _join_hints(hints: Sequence[str]) -> str:
    """Join as many hints as fit into `HINTS_MOST` characters, in order, each once and with single blanks."""
    prompt = ""
    for hint in dict.fromkeys(" ".join(hint.split()) for hint in hints):
        longer = f"{prompt}, {hint}" if prompt else hint
        if len(longer) <= HINTS_MOST:
            prompt = longer
    return prompt


def _split_pieces(samples: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the first sample's index and the bytes of each piece; nothing for an empty sound."""
    first, count = 0, len(samples) // 2
    while first < count:
        last = (
            count if count - first <= PIECE_S * ENGINE_RATE else _find_quietest(samples, first + PIECE_S * ENGINE_RATE)
        )
        yield first, samples[2 * first : 2 * last]
        first = last


def _find_quietest(samples: bytes, before: int) -> int:
    """Index of the sample in the middle of the quietest block within `QUIET_WITHIN_S` *before* a sample."""
    import numpy

    block, count = int(QUIET_S * ENGINE_RATE), int(QUIET_WITHIN_S / QUIET_S)
    begin = before - count * block
    blocks = numpy.frombuffer(samples, "<i2", count * block, 2 * begin).reshape(count, block).astype("f4")
    loudness = (blocks**2).mean(axis=1)
    return before - int(loudness[::-1].argmin()) * block - block // 2  # the last of equally quiet ones
