"""Paths into a record: JMESPath without what builds texts or lists, so that a path gives what stands in the record.

Maps take a path from here, and search with it here. A path is short and its values are bounded by the record's, so a
search takes bounded time and memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
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
_PICKS: Final = frozenset({"index", "slice", "or_expression"})  # one of several places, whatever stands in the others
_ASKS: Final = frozenset({"contains", "starts_with", "ends_with", "length"})


class Mistake(Exception):
    """A mistake of one value of a map: its code word, and what is named in its sentence."""

    def __init__(self, why: str, named: str = "") -> None:
        super().__init__(why)
        self.why, self.named = why, named


class RecordPath:
    """A path, as it is written and compiled."""

    def __init__(self, value: object, *, decides: bool = True, picks: bool = True) -> None:
        """Compile *value*; raises Mistake.

        Without *decides* it gives values of the record alone, without *picks* all that it leads to.
        """
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
            raise Mistake("path")
        try:
            with warnings.catch_warnings(action="error"):  # an old spelling of literals
                self._parsed: ParsedResult = jmespath.compile(value)
        except (JMESPathError, PendingDeprecationWarning, RecursionError):
            raise Mistake("path") from None
        _demand_selecting(self._parsed.parsed, decides=decides, depth=0)
        if not picks and _picks(self._parsed.parsed):
            raise Mistake("several_keys")
        self.written = value

    @property
    def asked_about(self) -> frozenset[str]:
        """The names of fields in its conditions."""
        return frozenset(_asked_about(self._parsed.parsed, inside=False))

    @property
    def last(self) -> str:
        """The name of the field that it ends with; empty for a path that ends otherwise."""
        return self.written.rpartition(".")[2].strip(' "')

    def search(self, record: object) -> Any:
        """The value that stands there; None without one, or where the record is not as the path expects."""
        try:
            return self._parsed.search(record)
        except (JMESPathError, RecursionError, TypeError, ValueError, AttributeError):
            return None


def _asked_about(node: Any, *, inside: bool) -> Iterator[str]:
    """The fields below a node that stand in a condition."""
    if inside and node["type"] == "field":
        yield node["value"]
    for number, child in enumerate(node["children"] if node["type"] != "slice" else ()):
        yield from _asked_about(child, inside=inside or (node["type"] == "filter_projection" and number == 2))


def _picks(node: Any) -> bool:
    """Whether a path takes one of several values; a condition inside may."""
    kind, children = node["type"], node["children"]
    if kind in _PICKS or (kind == "function_expression" and node["value"] in _CHOOSES):
        return True
    return any(_picks(child) for child in (children[:2] if kind == "filter_projection" else children))


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
