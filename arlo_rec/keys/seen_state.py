"""The newest state of a store that a login account has seen, kept outside the store.

If catalogue and root folder are both replaced by older copies, every account that used the newer store notices. An
account that keeps no state lacks only this check.
"""

from __future__ import annotations

from pathlib import Path

from arlo_rec.backends.named_files import LocalStateFiles, StateFiles
from arlo_rec.keys.root_secret import Seen, decode_seen, encode_seen


class StateFolder:
    """An account's seen states of stores, by id: in a folder of this machine, or on the client's machine."""

    def __init__(self, kept: StateFiles | Path | None) -> None:
        self._files: StateFiles = LocalStateFiles(kept) if kept is None or isinstance(kept, Path) else kept

    def seen(self, store: bytes) -> Seen | None:
        """The newest state of the store that this account has seen; None without one."""
        kept = self._files.read(store)
        return decode_seen([kept]) if kept is not None else None

    def remember(self, store: bytes, seen: Seen) -> None:
        """Keep the newer of the kept state and *seen*."""
        known = self.seen(store)
        newest = seen if known is None else known.merged(seen)
        if newest != known:
            self._files.write(store, encode_seen(newest))

    def forget(self, store: bytes) -> None:
        """Drop the state of a lost store, so that a restored one is not reported as rolled back."""
        self._files.forget(store)
