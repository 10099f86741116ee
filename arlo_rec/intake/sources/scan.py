"""Listing the manifests and sounds at the paths that somebody named, by their names: a scan opens no file.

Manifests of many calls are opened when their calls are counted or read (`many`). Nothing is judged or removed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from arlo_rec.intake.sources import spool
from arlo_rec.intake.sources.manifest import SOUND_ENDINGS, Delivery, Manifest
from arlo_rec.intake.sources.many import FORMATS, ManifestOfMany


@dataclass(slots=True)
class SpoolContents:
    """Manifests in order, each once, with where it was found and whether it was listed or named itself; and sounds."""

    manifests: dict[Path, tuple[spool.Home, bool]] = field(default_factory=dict)
    sounds: dict[Path, spool.Home] = field(default_factory=dict)

    def deliveries(self) -> Iterator[Delivery]:
        """The calls that the manifests describe, in order, read as they are asked for."""
        for path, (home, listed) in self.manifests.items():
            if _has_many_calls(path):
                yield from ManifestOfMany(path, home, listed).lines()
            else:
                yield Manifest(path=path, home=home, listed=listed)

    def count(self) -> int:
        """How many deliveries there will be, for a progress bar; manifests of many calls are read for it."""
        return sum(
            ManifestOfMany(path, home).count() if _has_many_calls(path) else 1
            for path, (home, _) in self.manifests.items()
        )


def scan(paths: list[Path]) -> SpoolContents:
    """The manifests and the sound files at *paths*, folders with everything below them, in order."""
    contents = SpoolContents()
    for path in paths:
        home = spool.home_of(path)
        for file in spool.files(home, path):
            named, ending = file == path, file.suffix.lower()
            if ending in SOUND_ENDINGS and (not named or spool.is_there(home, file)):
                contents.sounds[file] = home
                if named and spool.is_there(home, file.with_suffix(".json")):
                    contents.manifests.setdefault(file.with_suffix(".json"), (home, False))
            elif named or ending == ".json" or ending in FORMATS:
                contents.manifests.setdefault(file, (home, not named))
    return contents


def _has_many_calls(path: Path) -> bool:
    return path.suffix.lower() in FORMATS
