"""Paths into a record: JMESPath without what builds texts or lists, so that a path gives what stands in the record.

Maps take a path from here, and search with it here. A path is short and its values are bounded by the record's, so a
search takes bounded time and memory.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

LONGEST: Final = 500  # characters of a path, and of other texts of a map
_DEEPEST: Final = 30  # nesting of a path
_SELECTS: Final = frozenset(
    {
        *("field", "subexpression", "index_expression", "index", "slice", "projection", "filter_projection"),
        *("flatten", "value_projection", "pipe", "identity", "current", "or_expression"),
    }
)
_DECIDES: Final = frozenset({"and_expression", "not_expression", "comparator", "literal"})
_CHOOSES: Final = frozenset({"max_by", "min_by", "sort_by", "reverse", "not_null"})  # one of the given values
_ASKS: Final = frozenset({"contains", "starts_with", "ends_with", "length"})


class Mistake(Exception):
    """A mistake of one value of a map: its code word, and what is named in its sentence."""

    def __init__(self, why: str, named: str = "") -> None:
        super().__init__(why)
        self.why, self.named = why, named


class RecordPath:
    """A path, as it is written and compiled."""

    def __init__(self, value: object, *, decides: bool = True) -> None:
        """Compile *value*; without *decides* it gives values of the record alone. Raises Mistake."""
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
            raise Mistake("path")
        try:
            with warnings.catch_warnings(action="error"):  # an old spelling of literals
                self._parsed: ParsedResult = jmespath.compile(value)
        except (JMESPathError, PendingDeprecationWarning, RecursionError):
            raise Mistake("path") from None
        _demand_selecting(self._parsed.parsed, decides=decides, depth=0)
        self.written = value

    def search(self, record: object) -> Any:
        """The value that stands there; None without one, or where the record is not as the path expects."""
        try:
            return self._parsed.search(record)
        except (JMESPathError, RecursionError, TypeError, ValueError, AttributeError):
            return None


def _demand_selecting(node: Any, *, decides: bool, depth: int) -> None:
    """Raise Mistake for a part that builds values, or, without *decides*, that stands for a value of the record."""
    if depth > _DEEPEST or not isinstance(node, dict):
        raise Mistake("path")
    kind, children = node["type"], node["children"]
    if kind == "function_expression":
        if node["value"] not in (_CHOOSES | _ASKS if decides else _CHOOSES):
            raise Mistake("path_function", node["value"])
    elif kind != "expref" and kind not in _SELECTS and not (decides and kind in _DECIDES):
        raise Mistake("path_literal" if kind in _DECIDES else "path_part", kind)
    for number, child in enumerate(children if kind != "slice" else ()):
        is_condition = kind == "filter_projection" and number == 2
        _demand_selecting(child, decides=decides or is_condition, depth=depth + 1)
