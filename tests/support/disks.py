"""A file system of its own for a test: an ext4 image on a loop device."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

IMAGE_BYTES = 64 * 1024 * 1024


@contextmanager
def mounted_image(folder: Path, options: str = "loop") -> Iterator[Path]:
    """An ext4 image in a folder, mounted beside it at `disk`; skips the test where that cannot be."""
    file, disk = folder / "image", folder / "disk"
    disk.mkdir()
    with file.open("wb") as handle:
        handle.truncate(IMAGE_BYTES)
    for words in (["mkfs.ext4", "-q", "-F", str(file)], ["mount", "-o", options, str(file), str(disk)]):
        try:
            done = subprocess.run(words, capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip("mkfs.ext4 is not installed: sudo apt-get install e2fsprogs")
        if done.returncode:
            pytest.skip(f"mounting an image needs root and loop devices: {done.stderr.decode().strip()}")
    try:
        yield file
    finally:
        if disk.is_mount():
            subprocess.run(["umount", str(disk)], check=True)
