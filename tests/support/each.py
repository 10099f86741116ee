"""One test over many cases: it tries them all and lists every one that fails, at the cost of one test."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import pytest


def each(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """As `pytest.mark.parametrize` with these names and cases, in one test; fixtures are shared by all cases."""
    known, several = list(cases), not isinstance(names, str)

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def tried(**fixtures: Any) -> None:
            failed = []
            for case in known:
                values = case.values[0] if hasattr(case, "values") and hasattr(case, "marks") else case
                try:
                    function(**fixtures, **(dict(zip(names, values, strict=True)) if several else {names: values}))
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - whatever it is, it is listed
                    failed.append(f"{getattr(case, 'id', None) or values}: {type(error).__name__}: {error}")
            assert known and not failed, "\n".join(failed)

        own = {names} if isinstance(names, str) else set(names)
        signature = inspect.signature(function)
        left = [each for name, each in signature.parameters.items() if name not in own]
        tried.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return tried

    return decorate
