"""Stores that are kept packed, as an earlier version of the program left them."""

from __future__ import annotations

import tarfile
from pathlib import Path


def unpack(archive: Path, into: Path) -> None:
    """Write the folders and files of an archive of ours; `extractall` has no `filter` before Python 3.11.4."""
    with tarfile.open(archive) as packed:
        for member in packed:
            path = into / member.name
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
            else:
                content = packed.extractfile(member)
                assert content is not None, member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
            path.chmod(member.mode)
