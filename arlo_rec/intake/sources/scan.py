"""What lies at the paths that somebody named: manifests, and sounds. It looks at names; nothing is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from arlo_rec.intake.sources import spool
from arlo_rec.intake.sources.manifest import SOUND_ENDINGS, Delivery, Manifest
from arlo_rec.intake.sources.many import FORMATS, Many


@dataclass(slots=True)
class Found:
    """Manifests in order, each once, with whether it was listed in a folder (or named itself); and sounds."""

    manifests: dict[Path, bool] = field(default_factory=dict)
    sounds: dict[Path, None] = field(default_factory=dict)

    def deliveries(self) -> Iterator[Delivery]:
        """The calls that the manifests tell of, in order, read as they are asked for."""
        for path, listed in self.manifests.items():
            if _is_many(path):
                yield from Many(path, listed).lines()
            else:
                yield Manifest(path=path, listed=listed)

    def count(self) -> int:
        """How many deliveries there will be, for whoever waits; manifests of many are read for it."""
        return sum(Many(path).count() if _is_many(path) else 1 for path in self.manifests)


def scan(paths: list[Path]) -> Found:
    """The manifests and the sound files that lie at *paths*, folders with all below them, in order."""
    found = Found()
    for path in paths:
        for file in spool.files(path):
            named, ending = file == path, file.suffix.lower()
            if ending in SOUND_ENDINGS and (not named or spool.is_there(file)):
                found.sounds[file] = None
                if named and spool.is_there(file.with_suffix(".json")):
                    found.manifests.setdefault(file.with_suffix(".json"), False)
            elif named or ending == ".json" or ending in FORMATS:
                found.manifests.setdefault(file, not named)
    return found


def _is_many(path: Path) -> bool:
    return path.suffix.lower() in FORMATS
