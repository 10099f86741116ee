"""Talk that has no sound: turns of made calls in five languages, as words with times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from arlo_rec.speech.words import Word
from tests.support.places import CALLS

LANGUAGES = ("nb", "nn", "sv", "da", "en")
WORD = 0.35  # seconds between two words


def talk(language: str, variant: str) -> Iterator[dict[str, Any]]:
    for line in (CALLS / "talk" / f"{language}.test.jsonl").read_text("utf-8").splitlines():
        call = json.loads(line)
        if call["variant"] == variant:
            yield call


def words_of(call: dict[str, Any]) -> list[Word]:
    return [
        Word(word, start + WORD * at, start + WORD * at + 0.3, None, channel)
        for channel, start, text in call["turns"]
        for at, word in enumerate(text.split())
    ]
