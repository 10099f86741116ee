"""The newest state of a store that a login account has seen, outside the store.

Where the catalogue and the root folder are both replaced by older copies, every account that used the newer store
notices. An account that keeps no state lacks this check and nothing else.
"""

from __future__ import annotations

from pathlib import Path

from arlo_rec.backends.named_files import LocalStateFiles, StateFiles
from arlo_rec.keys.root_secret import Seen, decode_seen, encode_seen


class StateFolder:
    """What one account has seen of stores, by their ids: in a folder of this machine, or where it remembers else."""

    def __init__(self, kept: StateFiles | Path | None) -> None:
        self._files: StateFiles = LocalStateFiles(kept) if kept is None or isinstance(kept, Path) else kept

    def seen(self, store: bytes) -> Seen | None:
        """The newest state that this account has seen of the store; None where there is none."""
        kept = self._files.read(store)
        return decode_seen([kept]) if kept is not None else None

    def remember(self, store: bytes, seen: Seen) -> None:
        """Keep the newer of what is kept and *seen*."""
        known = self.seen(store)
        newest = seen if known is None else known.merged(seen)
        if newest != known:
            self._files.write(store, encode_seen(newest))

    def forget(self, store: bytes) -> None:
        """Forget the state of a store that was lost, so that a restored one is not reported as rolled back."""
        self._files.forget(store)
