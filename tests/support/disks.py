"""Disks of a test's own, mounted until a block ends; a test is skipped where its account cannot mount one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support import needs

IMAGE_BYTES = 64 * 1024 * 1024


@contextmanager
def mounted(*words: str | Path) -> Iterator[None]:
    """What `mount` does with these words, of which the last is the place."""
    needs.demand(needs.root())
    done = subprocess.run(["mount", *words], check=False, capture_output=True, text=True)
    needs.demand(needs.unable("mounts", done.stderr) if done.returncode else None)
    try:
        yield
    finally:  # the test may have done it
        subprocess.run(["umount", "--lazy", words[-1]], check=False, capture_output=True)


@contextmanager
def mounted_image(folder: Path, options: str = "loop") -> Iterator[Path]:
    """An ext4 image in a folder, mounted beside it at `disk`."""
    needs.demand(needs.root(), needs.program("mkfs.ext4"))
    file, disk = folder / "image", folder / "disk"
    disk.mkdir()
    with file.open("wb") as handle:
        handle.truncate(IMAGE_BYTES)
    subprocess.run([str(needs.find("mkfs.ext4")), "-q", "-F", file], check=True)
    with mounted("-o", options, file, disk):
        yield file


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A new folder with a file system of that size, in memory."""
    folder.mkdir()
    with mounted("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder):
        yield folder


def fill(folder: Path) -> Path:
    """Take up all room that is left; the file that does."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler
