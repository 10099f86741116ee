"""The interface of the optional name model, a token classifier that labels each word, and the parent's side of it.

It adds to the rules and the small tagger, and never replaces them. The model is a folder supplied by the user: weights
in ONNX format, `config.json` with `id2label`, `tokenizer.json`. It runs in a child process (`name_model_child`, started
by `process`) without network access, and every answer is checked.
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
WEIGHTS: Final = (  # file names of exporters; the first that exists is used
    "model.onnx",
    "model_quantized.onnx",
    "onnx/model.onnx",
    "onnx/model_quantized.onnx",
    "onnx/model_q4.onnx",
)
WORDS_MOST = 500_000  # words in a request: as many as a transcript may have
WORD_LONGEST = 100  # characters of a word that the model gets
FLOOR_S, PER_WORD = 60.0, 0.1  # timeout in seconds, per request and per word: a hundred times what two cores need
ANSWER_FLOOR, ANSWER_PER_WORD = 1024, 40  # bytes of an answer: a label has about 20


class Labeller(Protocol):
    """A name model: labels words that identify somebody."""

    def labels(self, words: Sequence[str]) -> list[tuple[str, float]]:
        """For each word one of `name_model_child.TYPES` and a score from 0 to 1, or ("", 0.0) for no identifier.

        *words* are those of one channel in order, with or without capitals and punctuation. The calibration of the
        score is the model's; 0.5 is the usual threshold. Labels all words or raises: never a part.
        """


@contextmanager
def labeller(
    model: Path, threads: int = 1, *, memory: int | None = None, program: str = program_of("name_model_child")
) -> Iterator[Labeller]:
    """Run the name model of a folder for as long as the context lasts.

    *memory* is the number of bytes that the process may use beyond its libraries; *program* is the Python code that it
    runs. Raises Usage `model_not_found`, `model_incomplete`; Unreachable `labeller_missing`, `engine_unconfined`,
    `model_unusable`, and as `labels` does: Unreachable `engine_died`, `engine_silent`, `engine_garbled`. After these,
    the next call starts a new process.
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
    """The path of the weights within *folder*; raises Usage where that is no folder, or lacks a file."""
    if not is_folder(folder):
        raise Usage("model_not_found", path=str(folder))
    weights = [name for name in WEIGHTS if (folder / name).is_file()]
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing or not weights:
        raise Usage("model_incomplete", path=str(folder), missing=", ".join(missing or WEIGHTS[:1]))
    return weights[0]


class _Labeller:
    """The labeller of one model, with at most one child process; a second thread waits for the first."""

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
            answer = self._process.ask({"words": [_clean(word) for word in words]}, b"", patience, most)
            with self._process.checking_answer():
                return _check_labels(answer["labels"], len(words), self._types)

    def start(self) -> None:
        """Start the process if none is running, so that one crash does not refuse every call that follows."""
        if self._process.pid is not None:
            return
        answer = self._process.start(self._settings, (MISSING, UNUSABLE, UNCONFINED))
        with self._process.checking_answer():
            self._types = _check_types(answer["types"])

    def close(self) -> None:
        """Kill the process; it has no state to save."""
        self._process.close()


def _clean(word: str) -> str:
    """The word as the model gets it: NFC, printable characters only, at most `WORD_LONGEST` of them."""
    return "".join(filter(str.isprintable, unicodedata.normalize("NFC", word)))[:WORD_LONGEST].strip()


def _check_types(answer: object) -> frozenset[str]:
    """The types that the model has labels for; raises ValueError for none, or for an unknown type."""
    if not isinstance(answer, list) or not answer or any(name not in TYPES for name in answer):
        raise ValueError("no types of ours")
    return frozenset(answer)


def _check_labels(answer: object, count: int, types: frozenset[str]) -> list[tuple[str, float]]:
    """Convert the labels of *count* words; raises ValueError for an impossible one."""
    if not isinstance(answer, list) or len(answer) != count:
        raise ValueError("not one for each word")
    labels: list[tuple[str, float]] = []
    for kind, score in answer:
        if type(score) not in (int, float) or not 0 <= score <= 1 or (kind not in types and (kind, score) != ("", 0)):
            raise ValueError("a label that cannot be")
        labels.append((kind, float(score)))
    return labels
