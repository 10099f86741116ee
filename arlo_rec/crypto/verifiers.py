"""Threads that verify many signatures: the library lets go of the interpreter meanwhile.

They begin where there are more than a few: to load and begin them costs 3 ms, which most commands need not pay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

AT_ONCE = 50  # things that one verifies before it is handed more: that takes a fifth of what verifying one takes
_Thing = TypeVar("_Thing")
_Result = TypeVar("_Result")


class Verifiers:
    """Threads, one for each processor, that end with the block."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Verifiers:
        return self

    def map(self, verify: Callable[[_Thing], _Result], things: Sequence[_Thing]) -> Iterator[_Result]:
        """What *verify* says of each, in order. Many are begun at once, a few when they are asked for."""
        if len(things) <= AT_ONCE:
            return map(verify, things)
        if self._threads is None:
            from concurrent.futures import ThreadPoolExecutor

            self._threads = ThreadPoolExecutor()
        portions = [things[at : at + AT_ONCE] for at in range(0, len(things), AT_ONCE)]
        return chain.from_iterable(self._threads.map(lambda some: list(map(verify, some)), portions))

    def __exit__(self, *_: object) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
