"""The published schema of answers, against which every answer of a test is held."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from arlo_rec.edge.commands import COMMANDS
from tools import answers_schema


def hold(words: Sequence[str], document: dict[str, Any]) -> None:
    """Fail where the answer to a command of these words has not the published form."""
    command = next(name for name in (" ".join(words[:2]), words[0]) if name in COMMANDS)
    if document.keys() - {"ok", "error"} or "error" not in document:
        _validator(command).validate(document)


@cache
def _validator(command: str) -> Any:
    schema = json.loads(answers_schema.document())
    return Draft202012Validator({"$ref": schema["commands"][command]["$ref"], "$defs": schema["$defs"]})
