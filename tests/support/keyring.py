"""Login sessions with a real keyring of the kernel, for tests of an unlock."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from arlo_rec.vault.crypto import kernel_keyring
from tests.support import needs

JOIN_SESSION: Final = 1  # KEYCTL_JOIN_SESSION_KEYRING


def begin_session() -> None:
    """A new, empty session keyring for this process and what it starts; skips where the machine has none."""
    with suppress(OSError):  # by a call of its own: the one with which the program leaves a session is tried in it
        kernel_keyring._call(JOIN_SESSION, None)
    try:
        kernel_keyring.demand_own_session()
    except kernel_keyring.NoOwnSession as problem:
        needs.demand(needs.unable("session keyrings", problem.code))
