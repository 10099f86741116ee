"""The child process that labels words with a token classifier in ONNX format; `name_model` is the other end.

The protocol is that of `serving`; requests have no bytes after the JSON.

    request   first {"model", "weights", "threads", "memory"}, then {"words": [...]}
    answer    {"types": [...]} after loading: those that this model has labels for; {"labels": [[type, score], ...]},
              one for each word; {"problem": code} where it could not load

A model's input is limited in pieces (subword tokens); longer lists of words are split into overlapping windows.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from arlo_rec.speech.engines.no_network import limit_memory
from arlo_rec.speech.engines.serving import UNUSABLE, Answer, serve

MISSING = "labeller_missing"
TYPES: Final = ("name", "number", "email", "address", "birth", "code")
WINDOW = 400  # pieces in a window; models like BERT accept 512
OVERLAP = 50  # pieces that two windows share: a name and its context
AROUND = 2  # special tokens that tokenizers add at the beginning and the end
LEAST = 0.05  # scores below it are dropped
CONFIG_LARGEST = 4 * 1024 * 1024  # bytes

# Labels of models without B-, I- and the like: Rampart, ai4privacy's sets, CoNLL, NorNE, OntoNotes. Towns and countries
# are no identifiers by themselves; with a street, `contact` finds them.
_LABELS: Final = {
    "name": "GIVEN_NAME SURNAME GIVENNAME FIRSTNAME MIDDLENAME LASTNAME FIRST_NAME MIDDLE_NAME LAST_NAME NAME "
    "FULL_NAME FULLNAME PER PERS PERSON PRS USERNAME USER_NAME",
    "number": "PHONE PHONE_NUMBER PHONENUMBER TELEPHONENUM TAX_ID TAXNUM BANK_ACCOUNT ACCOUNTNUM ACCOUNTNUMBER IBAN "
    "ROUTING_NUMBER GOVERNMENT_ID SSN SOCIALNUM SOCIALNUMBER NATIONAL_ID IDCARD IDCARDNUM CREDITCARDNUMBER CREDIT_CARD "
    "CREDIT_CARD_NUMBER CARDNUMBER",
    "email": "EMAIL EMAIL_ADDRESS EMAILADDRESS",
    "address": "STREET_NAME STREET BUILDING_NUMBER BUILDINGNUM BUILDINGNUMBER SECONDARY_ADDRESS SECONDARYADDRESS "
    "ADDRESS STREET_ADDRESS STREETADDRESS ZIP_CODE ZIPCODE POSTCODE POSTAL_CODE",
    "birth": "DATE_OF_BIRTH DATEOFBIRTH BIRTHDATE DOB BOD",
    "code": "PASSPORT PASSPORTNUM DRIVERS_LICENSE DRIVERLICENSE DRIVERLICENSENUM PASSWORD PASS PIN LICENSE_PLATE "
    "VEHICLEVRM VEHICLEVIN SERIAL",
}
_TYPE_OF: Final = {label: kind for kind, labels in _LABELS.items() for label in labels.split()}
_POSITION: Final = re.compile(r"^[BIESLU][-_](?=.)|(?<=.)[-_][BIESLU]$")

Label = tuple[str, float]


def main() -> None:
    """Load, then serve requests until the other end of descriptor 0 is closed."""
    serve(_load)


def type_of(label: str) -> str:
    """Our type for a model's label; empty for a label that is no identifier of ours."""
    return _TYPE_OF.get(_POSITION.sub("", label.upper()), "")


@dataclass(frozen=True, slots=True)
class _Model:
    """A loaded model; `kinds` has our type for each of its labels, `window` the most pieces of a window."""

    session: Any
    tokenizer: Any
    kinds: tuple[str, ...]
    window: int

    def labels(self, words: Sequence[str]) -> list[Label]:
        """For each word the most probable of our types and its score, or ("", 0.0); deterministic."""
        best: list[Label] = [("", 0.0)] * len(words)
        for first, last in split_windows(self._count_pieces(words), self.window):
            for at, label in enumerate(self._label_window(words[first:last]), first):
                best[at] = max(best[at], label, key=lambda label: label[1])
        return best

    def _count_pieces(self, words: Sequence[str]) -> list[int]:
        """The number of pieces of each word."""
        encoded = self.tokenizer.encode(" ".join(words), add_special_tokens=False)
        counts = [0] * len(words)
        for at in match_pieces(words, encoded.offsets):
            if at is not None:
                counts[at] += 1
        return counts

    def _label_window(self, words: Sequence[str]) -> list[Label]:
        """The labels of the words of one window; a word has the label of its highest-scoring piece."""
        import numpy

        encoded = self.tokenizer.encode(" ".join(words))
        encoded.truncate(self.window + AROUND)  # a single word of more pieces is truncated
        scores = self._score(encoded)
        best_labels: list[Label] = [("", 0.0)] * len(words)
        sums = {kind: scores[:, [label_kind == kind for label_kind in self.kinds]].sum(axis=1) for kind in TYPES}
        table = numpy.stack([sums[kind] for kind in TYPES])
        for piece, at in enumerate(match_pieces(words, encoded.offsets)):
            kind = int(table[:, piece].argmax())
            score = round(min(1.0, float(table[kind, piece])), 4)
            if at is not None and score >= LEAST and score > best_labels[at][1]:
                best_labels[at] = TYPES[kind], score
        return best_labels

    def _score(self, encoded: Any) -> Any:
        """The probabilities of each piece and label, as (pieces, labels); raises ValueError for any other output."""
        import numpy

        inputs = {
            "input_ids": encoded.ids,
            "attention_mask": encoded.attention_mask,
            "token_type_ids": encoded.type_ids,
        }
        feed = {node.name: numpy.array([inputs[node.name]], "i8") for node in self.session.get_inputs()}
        logits = numpy.asarray(self.session.run(None, feed)[0], "f8")
        if logits.shape != (1, len(encoded.ids), len(self.kinds)) or not numpy.isfinite(logits).all():
            raise ValueError("no number for each piece and label")
        odds = numpy.exp(logits[0] - logits[0].max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


def match_pieces(words: Sequence[str], offsets: Sequence[tuple[int, int]]) -> Iterator[int | None]:
    """For each piece of the words, joined by blanks, yield the index of its word; None for special tokens.

    A byte-pair piece may include the blank before its word, so its last character decides.
    """
    starts = list(accumulate((len(word) + 1 for word in words), initial=0))
    for start, end in offsets:
        yield bisect_right(starts, end - 1) - 1 if end > start else None


def split_windows(pieces: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Yield first word, and the word after the last, of windows of at most *most* pieces that contain whole words.

    Neighbouring windows share up to `OVERLAP` pieces. A word of more than *most* pieces is a window of its own.
    """
    first, count = 0, len(pieces)
    while first < count:
        last, size = first, 0
        while last < count and (last == first or size + pieces[last] <= most):
            size += pieces[last]
            last += 1
        yield first, last
        if last == count:
            return
        shared, start = 0, last
        # At least one new word fits, so that each window reaches further than the one before
        most_shared = min(OVERLAP, most // 2, most - pieces[last])
        while start - 1 > first and shared + pieces[start - 1] <= most_shared:
            start -= 1
            shared += pieces[start]
        first = start


def _load(
    model: str, weights: str, threads: int, memory: int | None
) -> tuple[Answer, Callable[[dict[str, Any], bytes], Answer]] | str:
    """Load a model; returns the first answer and the function that answers requests, or the code of a problem."""
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError:
        return MISSING
    try:
        if memory is not None:
            limit_memory(memory)
        folder = Path(model)
        with (folder / "config.json").open("rb") as file:
            config = json.loads(file.read(CONFIG_LARGEST))
        names = config["id2label"]
        kinds = tuple(type_of(names[str(at)]) for at in range(len(names)))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = onnxruntime.InferenceSession(
            str(folder / weights), options, providers=["CPUExecutionProvider"], enable_fallback=False
        )
        places = int(config.get("max_position_embeddings", 512)) - 2  # RoBERTa counts from 2
        loaded = _Model(session, tokenizer, kinds, min(WINDOW, places - AROUND))
        loaded.labels(["hello"])  # warm up, and find out whether model and config fit
    except Exception:  # noqa: BLE001 - whatever a library raises about these files, the answer is the same
        return UNUSABLE
    if loaded.window < 1 or not any(kinds):
        return UNUSABLE
    answer = {"types": [kind for kind in TYPES if kind in kinds]}
    return answer, lambda asked, _: {"labels": loaded.labels(asked["words"])}


if __name__ == "__main__":
    main()
