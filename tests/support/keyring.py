"""Login sessions with a real keyring of the kernel, for tests of an unlock."""

from __future__ import annotations

import pytest

from arlo_rec.crypto import kernel_keyring


def begin_session() -> None:
    """A new, empty session keyring for this process and what it starts; skips where the machine has none."""
    kernel_keyring.leave_session()
    try:
        kernel_keyring.demand_own_session()
    except kernel_keyring.NoOwnSession as problem:
        pytest.skip(f"this machine gives no session keyring of its own: {problem.code}")
