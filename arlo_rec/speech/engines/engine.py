"""A speech engine as the rest of the program knows it, and the parent's side of the one there is.

The process that hears (`whisper`) is started for a run and ends with it (`process`). The sound goes to it through a
socket and nothing of it to a disk, and nothing that it says is believed without a check. A long sound is handed over
in pieces, cut where it is quiet, so that memory does not grow with it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from arlo_rec.model.errors import Unreachable, Usage
from arlo_rec.speech.engines.process import Process, is_folder, program_of
from arlo_rec.speech.engines.resampling import HEARD
from arlo_rec.speech.engines.serving import UNCONFINED, UNUSABLE
from arlo_rec.speech.engines.whisper import INCOMPLETE, MISSING, WORD_LONGEST
from arlo_rec.speech.words import Word

FILES: Final = ("model.bin", "config.json", "tokenizer.json")  # without the last, the library would ask a hub
VOCABULARIES: Final = ("vocabulary.txt", "vocabulary.json")  # either
PIECE_S = 300  # seconds heard at once: 10 MB on the way, and about 200 MB while it is heard
QUIET_WITHIN_S = 30  # before the end of a piece, the quietest place is where it is cut
QUIET_S = 0.2  # long enough to be between two words
FLOOR_S, PER_SECOND = 120.0, 10.0  # seconds for a piece, and for each second of it: 100 times what two cores need
HINTS_MOST = 400  # characters: Whisper's prompt has room for 220 tokens, and its sense for fewer
WORDS_FLOOR, WORDS_PER_SECOND = 100, 20  # nobody says more
SLACK_S = 1.0  # seconds that a word may end behind the sound
ANSWER_MOST = 2 * 1024 * 1024  # bytes: a piece full of words has 300 kB
_SPOKEN_AS: Final = {"nb": "no"}  # our name of a language -> Whisper's


class Engine(Protocol):
    """What hears words in a sound."""

    def hear(self, samples: bytes, language: str | None, hints: Sequence[str]) -> list[Word]:
        """The words of one channel in order of their start, seconds from its first sample; `channel` is None.

        *samples* is 16-bit PCM of one channel at 16 kHz (`resampling.to_heard`). Without *language* the engine
        finds out. *hints* are words that may well occur, such as names; they can make it mishear others, so who
        gives some unites what was heard with and without. All is heard or an error raised: never a part.
        """

    def stop(self) -> None:
        """Hear no more, from any thread: what is being heard ends with `engine_died`, and so does all that follows."""


@contextmanager
def whisper(
    model: Path,
    threads: int = 2,
    language: str | None = None,
    *,
    memory: int | None = None,
    program: str = program_of("whisper"),
) -> Iterator[Engine]:
    """The engine that holds the Whisper model of a folder (CTranslate2's form), for as long as the context lasts.

    *language* is that of calls which name none; *memory* are bytes that the process may add to its libraries';
    *program* is what it runs. Raises Usage `model_not_found`, `model_incomplete`; Unreachable `engine_missing`,
    `engine_unconfined`, `model_unusable`, and as `hear` does.

    `hear` raises Usage `language_unknown` for one that the model does not have; Unreachable `engine_died`,
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
    """Raises Usage where *folder* is none, or lacks a file that the library would look for elsewhere."""
    if not is_folder(folder):
        raise Usage("model_not_found", path=str(folder))
    missing = [name for name in FILES if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in VOCABULARIES):
        missing.append(VOCABULARIES[0])
    if missing:
        raise Usage("model_incomplete", path=str(folder), missing=", ".join(missing))


class _Whisper:
    """One process at a time; a second thread waits for the first."""

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

    def hear(self, samples: bytes, language: str | None, hints: Sequence[str]) -> list[Word]:
        if len(samples) % 2:
            raise ValueError("half a sample")
        with self._asking:
            if self._stopped:
                raise Unreachable("engine_died")
            self.start()
            spoken = self._spoken(language or self._language)
            found: list[Word] = []
            for first, piece in _pieces(samples):
                if self._stopped:
                    raise Unreachable("engine_died")
                duration = len(piece) / 2 / HEARD
                question = {"language": spoken, "hints": _within(hints)}
                told = self._process.ask(question, piece, FLOOR_S + PER_SECOND * duration, ANSWER_MOST)
                with self._process.believing():
                    found += _words(told["words"], duration, first / HEARD)
                    spoken = self._known(told["language"])  # the next piece is of the same call
            return found

    def start(self) -> None:
        """Start the process where none runs: one that died, whatever of, shall not refuse every call that follows."""
        if self._process.pid is not None:
            return
        told = self._process.start(self._settings, (MISSING, UNUSABLE, UNCONFINED))
        if told.get("problem") == INCOMPLETE:
            self.close()
            raise Usage("model_incomplete", path=self._settings["model"], missing="preprocessor_config.json")
        with self._process.believing():
            self._languages = frozenset(str(one) for one in told["languages"])

    def close(self) -> None:
        """End the process at once; it holds nothing that is to be kept."""
        self._process.close()

    def _spoken(self, language: str | None) -> str | None:
        spoken = _SPOKEN_AS.get(language, language) if language else None
        if spoken is not None and spoken not in self._languages:
            raise Usage("language_unknown", language=spoken)
        return spoken

    def _known(self, language: object) -> str:
        if not isinstance(language, str) or language not in self._languages:
            raise ValueError("a language that it does not have")
        return language


def _words(told: object, duration: float, offset: float) -> list[Word]:
    """Words of a piece, checked one by one; raises ValueError for the first that cannot be."""
    if not isinstance(told, list) or len(told) > WORDS_FLOOR + WORDS_PER_SECOND * duration:
        raise ValueError("no list of words, or more than anybody says")
    found: list[Word] = []
    earliest = 0.0
    for text, start, end, score in told:
        if any(type(number) not in (int, float) for number in (start, end, score)):
            raise ValueError("no number")
        if not isinstance(text, str) or not 0 < len(text) <= WORD_LONGEST or not text.isprintable():
            raise ValueError("no word")
        if not (earliest <= start <= end <= duration + SLACK_S and 0 <= score <= 1):
            raise ValueError("a time or a score that cannot be")
        earliest = start
        found.append(Word(text, start + offset, end + offset, float(score)))
    return found


def _within(hints: Sequence[str]) -> str:
    """As many hints as fit, the first ones first, each on one line and once."""
    told = ""
    for hint in dict.fromkeys(" ".join(one.split()) for one in hints):
        longer = f"{told}, {hint}" if told else hint
        if len(longer) <= HINTS_MOST:
            told = longer
    return told


def _pieces(samples: bytes) -> Iterator[tuple[int, bytes]]:
    """First sample and bytes of each piece; what is short is one, what is empty none."""
    first, count = 0, len(samples) // 2
    while first < count:
        last = count if count - first <= PIECE_S * HEARD else _quietest(samples, first + PIECE_S * HEARD)
        yield first, samples[2 * first : 2 * last]
        first = last


def _quietest(samples: bytes, before: int) -> int:
    """The middle of the quietest moment shortly *before* a sample."""
    import numpy

    block, many = int(QUIET_S * HEARD), int(QUIET_WITHIN_S / QUIET_S)
    begin = before - many * block
    heard = numpy.frombuffer(samples, "<i2", many * block, 2 * begin).reshape(many, block).astype("f4")
    loudness = (heard**2).mean(axis=1)
    return before - int(loudness[::-1].argmin()) * block - block // 2  # the last of equals
