"""The transcripts in words/: one of each form that companies have."""

from __future__ import annotations

import json
from typing import Any

from tests.support.places import WORDS

FIXTURES = {path.name: path.read_bytes() for path in sorted(WORDS.iterdir())}
WHYS = {"too_large", "not_utf8", "not_json", "unknown_form", "no_words", "too_many", "no_such_channel"}
WHYS |= {"negative_time", "no_time", "ends_before_it_starts", "out_of_order", "word_too_long"}


def own(*words: dict[str, Any]) -> bytes:
    return json.dumps({"words": words}).encode()


WORD = {"text": "a", "start": 1, "end": 2}
