"""The process that labels words: it holds one token classifier in ONNX form, and `onnxnames` is the other end.

How it is asked and answers is `serving`'s; there are no bytes behind a question.

    asked     first {"model", "weights", "threads", "memory"}, then {"words": [...]}
    answer    {"types": [...]} after loading: those that this model has labels for; {"labels": [[type, score], ...]},
              one for each word; {"problem": code} where it could not load

A model looks at so many pieces of words at a time; long lists go through it in windows that overlap.
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
WINDOW = 400  # pieces of words at once; models of BERT's kind can look at 512
OVERLAP = 50  # pieces that two windows share: a name and what leads to it
AROUND = 2  # pieces that tokenizers put around: the marks of a beginning and an end
LEAST = 0.05  # a score below says nothing
CONFIG_LARGEST = 4 * 1024 * 1024  # bytes

# What models call it, without the B- and I- of a beginning and what is inside: Rampart, ai4privacy's sets, CoNLL,
# NorNE, OntoNotes. Towns and countries are no identifiers by themselves; with a street, `contact` finds them.
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
    """What we call what a model calls *label*; empty for what is no identifier of ours."""
    return _TYPE_OF.get(_POSITION.sub("", label.upper()), "")


@dataclass(frozen=True, slots=True)
class _Model:
    """A loaded model; *kinds* is our type of each of its labels."""

    session: Any
    tokenizer: Any
    kinds: tuple[str, ...]
    window: int

    def labels(self, words: Sequence[str]) -> list[Label]:
        """One for each word: the likeliest of our types and how likely, or ("", 0.0); the same words give the same."""
        best: list[Label] = [("", 0.0)] * len(words)
        for first, last in windows(self._pieces(words), self.window):
            for at, found in enumerate(self._seen(words[first:last]), first):
                best[at] = max(best[at], found, key=lambda one: one[1])
        return best

    def _pieces(self, words: Sequence[str]) -> list[int]:
        """How many pieces each word is cut into."""
        encoded = self.tokenizer.encode(" ".join(words), add_special_tokens=False)
        counts = [0] * len(words)
        for at in words_of(words, encoded.offsets):
            if at is not None:
                counts[at] += 1
        return counts

    def _seen(self, words: Sequence[str]) -> list[Label]:
        """The labels of words that fit into one window; a word is what the likeliest of its pieces is."""
        import numpy

        encoded = self.tokenizer.encode(" ".join(words))
        encoded.truncate(self.window + AROUND)  # one word of more pieces than that; it is no word
        scores = self._scores(encoded)
        found: list[Label] = [("", 0.0)] * len(words)
        sums = {kind: scores[:, [each == kind for each in self.kinds]].sum(axis=1) for kind in TYPES}
        table = numpy.stack([sums[kind] for kind in TYPES])
        for piece, at in enumerate(words_of(words, encoded.offsets)):
            kind = int(table[:, piece].argmax())
            score = round(min(1.0, float(table[kind, piece])), 4)
            if at is not None and score >= LEAST and score > found[at][1]:
                found[at] = TYPES[kind], score
        return found

    def _scores(self, encoded: Any) -> Any:
        """For each piece and each label of the model from 0 to 1; raises ValueError where the model gives no such."""
        import numpy

        told = {"input_ids": encoded.ids, "attention_mask": encoded.attention_mask, "token_type_ids": encoded.type_ids}
        feed = {one.name: numpy.array([told[one.name]], "i8") for one in self.session.get_inputs()}
        logits = numpy.asarray(self.session.run(None, feed)[0], "f8")
        if logits.shape != (1, len(encoded.ids), len(self.kinds)) or not numpy.isfinite(logits).all():
            raise ValueError("no number for each piece and label")
        odds = numpy.exp(logits[0] - logits[0].max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


def words_of(words: Sequence[str], offsets: Sequence[tuple[int, int]]) -> Iterator[int | None]:
    """For each piece of the words, joined by blanks, the word that it is of; None for those that stand for nothing.

    A piece may hold the blank before its word, as those of byte pairs do: its last character says whose it is.
    """
    starts = list(accumulate((len(word) + 1 for word in words), initial=0))
    for start, end in offsets:
        yield bisect_right(starts, end - 1) - 1 if end > start else None


def windows(pieces: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """First word and the one behind the last of each window of at most *most* pieces; each word is whole in one.

    A word of more pieces is a window of its own.
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
        shared, back = 0, last
        room = min(OVERLAP, most // 2, most - pieces[last])  # so that each window reaches further than the one before
        while back - 1 > first and shared + pieces[back - 1] <= room:
            back -= 1
            shared += pieces[back]
        first = back


def _load(
    model: str, weights: str, threads: int, memory: int | None
) -> tuple[Answer, Callable[[dict[str, Any], bytes], Answer]] | str:
    """What a model has labels for and what labels by it, or the code of the problem."""
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
        loaded.labels(["hello"])  # what is loaded at first use is loaded now, and what does not fit is found
    except Exception:  # noqa: BLE001 - whatever a library raises about these files, the answer is the same
        return UNUSABLE
    if loaded.window < 1 or not any(kinds):
        return UNUSABLE
    told = {"types": [one for one in TYPES if one in kinds]}
    return told, lambda asked, _: {"labels": loaded.labels(asked["words"])}


if __name__ == "__main__":
    main()
