"""Login sessions with a real keyring of the kernel, for tests of an unlock."""

from __future__ import annotations

from arlo_rec.sound.processes.hardening import leave_session
from arlo_rec.vault.crypto import kernel_keyring
from tests.support import needs


def begin_session() -> None:
    """A new, empty session keyring for this process and what it starts; skips where the machine has none."""
    leave_session()
    try:
        kernel_keyring.demand_own_session()
    except kernel_keyring.NoOwnSession as problem:
        needs.demand(needs.unable("session keyrings", problem.code))
