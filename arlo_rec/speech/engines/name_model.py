"""An optional model of names as the rest of the program knows it: what each word of a call is, by a token classifier.

It comes beside the rules and the small tagger, never in their place: what it says is united with what they find. The
model is a folder that somebody put there: weights in ONNX form, `config.json` with `id2label`, `tokenizer.json`. It
runs in a process of its own (`labelling`, started by `process`) without network, and nothing that this says is
believed without a check.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from arlo_rec.model.errors import Usage
from arlo_rec.speech.engines.name_model_child import MISSING, TYPES
from arlo_rec.speech.engines.process import Process, is_folder, program_of
from arlo_rec.speech.engines.serving import UNCONFINED, UNUSABLE

FILES: Final = ("config.json", "tokenizer.json")
WEIGHTS: Final = (  # as exporters name them; the first that is there is taken
    "model.onnx",
    "model_quantized.onnx",
    "onnx/model.onnx",
    "onnx/model_quantized.onnx",
    "onnx/model_q4.onnx",
)
WORDS_MOST = 500_000  # of one list: as many as a transcript may have
WORD_LONGEST = 100  # characters of a word that are looked at
FLOOR_S, PER_WORD = 60.0, 0.1  # seconds for a list, and for each word of it: a hundred times what two cores need
ANSWER_FLOOR, ANSWER_PER_WORD = 1024, 40  # bytes: a label has some 20


class Labeller(Protocol):
    """What says of words whether they identify somebody."""

    def labels(self, words: Sequence[str]) -> list[tuple[str, float]]:
        """One of `labelling.TYPES` and a score from 0 to 1 for each word, ("", 0.0) for one that is nothing of ours.

        The words are those of one voice in order, with or without capitals and punctuation. What a score is worth
        is the model's; 0.5 is the usual threshold. All words are labelled or an error raised: never a part.
        """


@contextmanager
def labeller(
    model: Path, threads: int = 1, *, memory: int | None = None, program: str = program_of("name_model_child")
) -> Iterator[Labeller]:
    """What holds the model of a folder, for as long as the context lasts.

    *memory* are bytes that the process may add to its libraries'; *program* is what it runs. Raises Usage
    `model_not_found`, `model_incomplete`; Unreachable `labeller_missing`, `engine_unconfined`, `model_unusable`, and
    as `labels` does: Unreachable `engine_died`, `engine_silent`, `engine_garbled`. After these, the next call starts
    a new process.
    """
    weights = check_model(model)
    settings = {"model": str(model.resolve()), "weights": weights, "threads": threads, "memory": memory}
    labelling = _Labeller(settings, program)
    try:
        labelling.start()
        yield labelling
    finally:
        labelling.close()


def check_model(folder: Path) -> str:
    """The name of the weights within *folder*; raises Usage where that is none, or lacks a file."""
    if not is_folder(folder):
        raise Usage("model_not_found", path=str(folder))
    weights = [name for name in WEIGHTS if (folder / name).is_file()]
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing or not weights:
        raise Usage("model_incomplete", path=str(folder), missing=", ".join(missing or WEIGHTS[:1]))
    return weights[0]


class _Labeller:
    """One process at a time; a second thread waits for the first."""

    def __init__(self, settings: dict[str, Any], program: str) -> None:
        self._settings = settings
        environment = {"OMP_NUM_THREADS": str(settings["threads"]), "TOKENIZERS_PARALLELISM": "false"}
        self._process = Process(program, environment)
        self._asking = threading.Lock()
        self._types: frozenset[str] = frozenset()

    def labels(self, words: Sequence[str]) -> list[tuple[str, float]]:
        if len(words) > WORDS_MOST:
            raise ValueError("more words than a call has")
        if not words:
            return []
        with self._asking:
            self.start()
            patience, most = FLOOR_S + PER_WORD * len(words), ANSWER_FLOOR + ANSWER_PER_WORD * len(words)
            told = self._process.ask({"words": [_plain(one) for one in words]}, b"", patience, most)
            with self._process.believing():
                return _labels(told["labels"], len(words), self._types)

    def start(self) -> None:
        """Start the process where none runs: one that died, whatever of, shall not refuse every call that follows."""
        if self._process.pid is not None:
            return
        told = self._process.start(self._settings, (MISSING, UNUSABLE, UNCONFINED))
        with self._process.believing():
            self._types = _types(told["types"])

    def close(self) -> None:
        """End the process at once; it holds nothing that is to be kept."""
        self._process.close()


def _plain(word: str) -> str:
    """A word as models know them: composed, printable, of a length that somebody says; a lone surrogate is none."""
    return "".join(filter(str.isprintable, unicodedata.normalize("NFC", word)))[:WORD_LONGEST].strip()


def _types(told: object) -> frozenset[str]:
    """The types that a model has labels for; raises ValueError where it has none, or one that is not ours."""
    if not isinstance(told, list) or not told or any(one not in TYPES for one in told):
        raise ValueError("no types of ours")
    return frozenset(told)


def _labels(told: object, count: int, types: frozenset[str]) -> list[tuple[str, float]]:
    """Labels of *count* words, checked one by one; raises ValueError for the first that cannot be."""
    if not isinstance(told, list) or len(told) != count:
        raise ValueError("not one for each word")
    found: list[tuple[str, float]] = []
    for kind, score in told:
        if type(score) not in (int, float) or not 0 <= score <= 1 or (kind not in types and (kind, score) != ("", 0)):
            raise ValueError("a label that cannot be")
        found.append((kind, float(score)))
    return found
