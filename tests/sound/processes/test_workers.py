"""Workers: answers in order, errors as they were raised, and nobody left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from arlo_rec.law.model.errors import Unreachable
from arlo_rec.sound.processes.workers import SIDES, workers

both = pytest.mark.parametrize("forked", [True, False], ids=["processes", "threads"])


@contextmanager
def doubling() -> Iterator[Callable[[int], int]]:
    def double(number: int) -> int:
        if number < 0:
            raise ValueError(number)
        return 2 * number

    yield double


@contextmanager
def naming() -> Iterator[Callable[[int], tuple[int, int]]]:
    yield lambda _number: (os.getpid(), threading.get_ident())


@contextmanager
def dying() -> Iterator[Callable[[int], int]]:
    def die(number: int) -> int:
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    yield die


@both
def test_answers_come_in_the_order_of_the_orders(forked: bool) -> None:
    with workers(doubling, forked=forked) as two:
        assert list(two.map(range(100))) == list(range(0, 200, 2))
        assert list(two.map([])) == []


@both
def test_orders_are_taken_only_a_few_ahead(forked: bool) -> None:
    taken = []

    def orders() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with workers(doubling, forked=forked) as two:
        answers = two.map(orders())
        assert next(answers) == 0 and len(taken) <= 2 * SIDES + 1


@both
def test_an_error_is_raised_where_the_answer_is_awaited_and_the_next_order_goes_on(forked: bool) -> None:
    with workers(doubling, forked=forked) as two:
        with pytest.raises(ValueError, match="-1"):
            list(two.map([1, -1, 2]))
        assert two.submit(4).result() == 8


def test_processes_are_others_and_end_with_the_block() -> None:
    with workers(naming, forked=True) as two:
        pids = {pid for pid, _ in two.map(range(50))}
    assert len(pids) == SIDES and os.getpid() not in pids
    assert not multiprocessing.active_children()


def test_a_process_that_is_killed_is_an_error_of_every_order_that_it_would_have_had() -> None:
    with workers(dying, forked=True) as two, pytest.raises(Unreachable, match="worker_ended"):
        list(two.map([1, 2, 3, 4, 5, 6, 7, 8]))
    assert not multiprocessing.active_children()


def test_a_system_that_gives_no_process_is_an_error_and_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    fork, forks = os.fork, list[int]()

    def second_fails() -> int:
        if forks:
            raise BlockingIOError
        forks.append(fork())
        return forks[-1]

    monkeypatch.setattr(os, "fork", second_fails)
    with pytest.raises(Unreachable, match="worker_ended"), workers(doubling, forked=True):
        raise AssertionError
    assert forks and not multiprocessing.active_children()
