"""What a file of anchors holds, as tests ask for it."""

from __future__ import annotations

from arlo_rec.offsite import anchor_file


def notes_in(raw: bytes) -> tuple[list[str], bool]:
    """Its notes, and whether all of it can be read and there is one."""
    kept, lines, is_whole = anchor_file.parse(raw)
    return kept + lines, is_whole
