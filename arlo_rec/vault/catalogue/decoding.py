"""Reading rows: an unreadable row is damage, not a bug.

A holder of the catalogue's key can write a value that no enum, date or instant has. Functions of this package that read
rows are marked with `reads_rows`: such a row ends a command with exit 15 and in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, Final, ParamSpec, TypeVar, cast

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import RecordingId

_P = ParamSpec("_P")
_R = TypeVar("_R")
_ID_BYTES: Final = 16
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
UNREADABLE: Final = (ValueError, OverflowError, TypeError, KeyError)  # raised by values of other forms


def reads_rows(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Have *function* raise Integrity (catalogue_damaged) for a row that the program does not write.

    The error names the class of the table, or the function.
    """
    table = _WORDS.sub("_", function.__qualname__.partition(".")[0]).lower()
    if isgeneratorfunction(function):
        rows = cast("Callable[..., Iterator[Any]]", function)

        @wraps(function)
        def streamed(*values: Any, **named: Any) -> Iterator[Any]:
            with _damage(table):
                yield from rows(*values, **named)

        return cast("Callable[_P, _R]", streamed)

    @wraps(function)
    def read(*values: _P.args, **named: _P.kwargs) -> _R:
        with _damage(table):
            return function(*values, **named)

    return read


def recording_id(raw: bytes) -> RecordingId:
    """The id of a recording in a row; raises ValueError for anything else."""
    if len(raw) != _ID_BYTES:
        raise ValueError("no id of a recording")
    return RecordingId(raw)


@contextmanager
def _damage(table: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise Integrity("catalogue_damaged", table=table) from error
