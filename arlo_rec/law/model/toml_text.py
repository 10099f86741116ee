"""TOML that people write: settings, particulars, proposals of a policy; a mistake is told with line and column."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from arlo_rec.law.model.errors import Usage


def read(raw: bytes, path: str) -> dict[str, Any]:
    """The document in a file; raises Usage (`config_not_toml`) for bytes that are no TOML in UTF-8."""
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    except (ValueError, RecursionError) as error:  # a number of 5000 digits and nesting raise no TOMLDecodeError
        line, column = _named(str(error), raw.decode("utf-8"))
    raise Usage("config_not_toml", path=path, line=line, column=column)


def _named(message: str, text: str) -> tuple[int, int]:
    """Line and column in tomllib's message; the end of the text where it names none."""
    found = re.search(r"line (\d+), column (\d+)", message)
    if found is not None:
        return int(found[1]), int(found[2])
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def place_of(key: str, text: str) -> tuple[int, int]:
    """Line and column of a key: behind the heading of its table, or with its whole name; else the beginning."""
    table, _, name = key.rpartition(".")
    within = ""
    for number, line in enumerate(text.split("\n"), 1):
        if heading := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            within = heading[1]
        typed = re.match(r"\s*\"?([^\"=#]+?)\"?\s*=", line)
        if typed is not None and typed[1] in ({key} if within == "" else {name} if within == table else set()):
            return number, line.index(typed[1]) + 1
    return 1, 1
