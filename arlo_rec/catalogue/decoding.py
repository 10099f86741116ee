"""Reading rows: what cannot be read is damage, and no bug.

Whoever holds the catalogue's key can write what no enum, date or instant has. Every function of this package that reads
rows is marked with `reads_rows`, so that such a row ends a command with exit 15 and in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, Final, ParamSpec, TypeVar, cast

from arlo_rec.model.errors import Integrity

_P = ParamSpec("_P")
_R = TypeVar("_R")
UNREADABLE: Final = (ValueError, OverflowError, TypeError, KeyError)  # what a value of no form of ours ends in


def reads_rows(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Have *function* raise Integrity (catalogue_damaged) where a row that it reads holds what no row of ours does."""
    if isgeneratorfunction(function):
        rows = cast("Callable[..., Iterator[Any]]", function)

        @wraps(function)
        def streamed(*values: Any, **named: Any) -> Iterator[Any]:
            with _damage():
                yield from rows(*values, **named)

        return cast("Callable[_P, _R]", streamed)

    @wraps(function)
    def read(*values: _P.args, **named: _P.kwargs) -> _R:
        with _damage():
            return function(*values, **named)

    return read


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise Integrity("catalogue_damaged") from error
