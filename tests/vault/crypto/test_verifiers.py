"""Threads that verify: what each says comes back for every thing, in order, however many there are."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.vault.crypto.primitives import VERIFIED_AT_ONCE, Verifiers
from tests.support.properties import examples


@examples(30)
@given(st.integers(0, 4 * VERIFIED_AT_ONCE + 3))
def test_what_is_said_of_each_comes_back_in_order_and_none_is_left_out(count: int) -> None:
    with Verifiers() as verifiers:
        said = verifiers.map(lambda number: number * number, range(count))
        again = verifiers.map(str, range(count))
        assert list(said) == [number * number for number in range(count)]
        assert list(again) == [str(number) for number in range(count)]


@pytest.mark.parametrize("count", [3, 3 * VERIFIED_AT_ONCE])
def test_what_fails_is_raised_to_whoever_asks(count: int) -> None:
    with Verifiers() as verifiers, pytest.raises(ZeroDivisionError):
        list(verifiers.map(lambda number: 1 // (count - 1 - number), range(count)))


def test_a_few_load_no_threads() -> None:
    script = (
        "import sys\nfrom arlo_rec.vault.crypto.primitives import VERIFIED_AT_ONCE as few, Verifiers\n"
        "with Verifiers() as verifiers: assert len(list(verifiers.map(str, range(few)))) == few\n"
        "assert 'concurrent.futures' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
