"""Listing the manifests and sounds at the paths that somebody named, by their names: a scan opens no file.

Manifests of many calls are opened when their calls are counted or read (`many`). Nothing is judged or removed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from arlo_rec.intake.sources import spool
from arlo_rec.intake.sources.manifest import SOUND_ENDINGS, Delivery, Manifest
from arlo_rec.intake.sources.many import FORMATS, ManifestOfMany


@dataclass(slots=True)
class SpoolContents:
    """Manifests in order, each once, with where it was found and whether it was listed or named itself; and sounds.

    Names and not paths, which take five times as much memory: a folder may hold a hundred thousand.
    """

    _manifests: dict[str, tuple[spool.Home, bool]] = field(default_factory=dict)
    _sounds: dict[str, tuple[str, spool.Home]] = field(default_factory=dict)  # by their absolute names

    def add_manifest(self, path: Path, found: tuple[spool.Home, bool]) -> None:
        """Take a manifest, unless it was taken before."""
        self._manifests.setdefault(str(path), found)

    def add_sound(self, path: Path, home: spool.Home) -> None:
        """Take a sound, which no manifest has named yet."""
        self._sounds[str(path.absolute())] = (str(path), home)

    def claim(self, sounds: Iterable[Path | None]) -> None:
        """Take these (absolute) for sounds that a manifest names."""
        for sound in sounds:
            self._sounds.pop(str(sound), None)

    def unclaimed(self) -> list[str]:
        """The sounds that no manifest names, as far as they are still there."""
        return [name for name, home in self._sounds.values() if spool.is_there(home, Path(name))]

    def deliveries(self) -> Iterator[Delivery]:
        """The calls that the manifests describe, in order, read as they are asked for."""
        for name, (home, listed) in self._manifests.items():
            path = Path(name)
            if _has_many_calls(path):
                yield from ManifestOfMany(path, home, listed).lines()
            else:
                yield Manifest(path=path, home=home, listed=listed)

    def count(self) -> int:
        """How many deliveries there will be, for a progress bar; manifests of many calls are read for it."""
        return sum(
            ManifestOfMany(Path(name), home).count() if _has_many_calls(Path(name)) else 1
            for name, (home, _) in self._manifests.items()
        )


def scan(paths: list[Path], *, not_of: int | None = None) -> SpoolContents:
    """The manifests and the sound files at *paths*, folders with everything below them, in order.

    *not_of* is an account whose files are none of it (`spool.home_of`).
    """
    contents = SpoolContents()
    for path in paths:
        home = spool.home_of(path, not_of=not_of)
        for file in spool.files(home, path):
            named, ending = file == path, file.suffix.lower()
            if ending in SOUND_ENDINGS and (not named or spool.is_there(home, file)):
                contents.add_sound(file, home)
                if named and spool.is_there(home, file.with_suffix(".json")):
                    contents.add_manifest(file.with_suffix(".json"), (home, False))
            elif named or ending == ".json" or ending in FORMATS:
                contents.add_manifest(file, (home, not named))
    return contents


def _has_many_calls(path: Path) -> bool:
    return path.suffix.lower() in FORMATS
