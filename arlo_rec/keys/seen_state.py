"""What a login account stores about each store outside of it: the newest state that it has seen.

If the store and its root folder are both replaced by older copies, every account that used the newer store notices.
An account without a state folder lacks this check and nothing else.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from arlo_rec.backends import SLOT_BYTES
from arlo_rec.backends.shared_folder import read_small
from arlo_rec.keys.root_secret import Seen, decode_seen, encode_seen

_SEEN = "seen"


class StateFolder:
    """A login account's state folder, with a folder per store, named by the store's id."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def seen(self, store: bytes) -> Seen | None:
        """The newest state that this account has seen of the store; None where there is none."""
        if self.folder is None:
            return None
        try:
            return decode_seen([read_small(self._file(store, _SEEN), SLOT_BYTES)])
        except OSError:
            return None

    def remember(self, store: bytes, seen: Seen) -> None:
        """Store the newer of the stored state and *seen*."""
        if self.folder is None:
            return
        known = self.seen(store)
        newest = seen if known is None else known.merged(seen)
        if newest != known:
            self._write(self._file(store, _SEEN), encode_seen(newest))

    def _write(self, file: Path, content: bytes) -> None:
        part = file.with_name(f"{file.name}.{os.getpid()}.part")
        with suppress(OSError):  # a state that cannot be stored must not stop an erasure
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(file)

    def forget(self, store: bytes) -> None:
        """Delete the state of a store that was lost, so that a restored one is not reported as rolled back."""
        if self.folder is not None:
            with suppress(OSError):
                self._file(store, _SEEN).unlink(missing_ok=True)

    def _file(self, store: bytes, name: str) -> Path:
        assert self.folder is not None
        return self.folder / store.hex() / name
