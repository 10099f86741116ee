"""Our own source format: the delivery of one call, and the JSON file that describes it.

It opens files of the spool through `spool`, and removes none. What is wrong with a manifest is a `BadManifest` with the
refusal's code; whether the call may be kept is decided in `candidates`. Unknown keys are ignored, missing required ones
refuse that call only.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from arlo_rec import audio
from arlo_rec.intake import spool
from arlo_rec.model.errors import NothingMatched
from arlo_rec.model.phone_numbers import is_withheld, parse_caller
from arlo_rec.model.records import Call, Private
from arlo_rec.model.strict_json import parse_object
from arlo_rec.model.times import parse_instant
from arlo_rec.policy import has_hidden_characters

MANIFEST_BYTES = 1024 * 1024  # one call's manifest has about 1 kB
TEXT_LONGEST = 200  # characters
KNOWN_MOST = 100  # identifiers of a side
SOUND_ENDINGS = frozenset(audio.ENDINGS)


class BadManifest(Exception):
    """A manifest that describes no call that can be taken in; `code` is the refusal's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Vanished(Exception):
    """A manifest that is gone since its folder was listed: another run has taken its call in."""


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One call as a manifest in the spool describes it, and the sound that it names.

    Reading fills it in: `raw` is the description, byte for byte, and `json` the same as a JSON object; `sound` and
    `manifest` are the files that were opened. A `Manifest` has a file of its own, a
    `deliveries.Line` shares one with others.
    """

    path: Path
    home: spool.Home  # what lies in the spool is reached from there
    manifest: spool.SpoolFile | None = None
    sound: spool.SpoolFile | None = None
    json: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""

    @property
    def source(self) -> str:
        """Its place, as people and scripts are shown it."""
        return str(self.path)

    @property
    def source_id(self) -> str | None:
        """The exchange's id, if the manifest has one that can be one."""
        value = self.json.get("source_id")
        return value if isinstance(value, str) and _is_text(value) else None

    def read(self) -> None:
        """Read the description into `raw` and `json`; raises BadManifest or Vanished."""
        raise NotImplementedError

    @property
    def is_removable(self) -> bool:
        """Whether its files are known well enough to be removed where somebody ordered that for refused calls."""
        raise NotImplementedError

    @property
    def file_identity(self) -> bytes:
        """The identity that tells this very delivery from a later one with the same bytes."""
        raise NotImplementedError

    @property
    def folder(self) -> spool.FolderId | None:
        """The folder in which the description was read; None before."""
        return self.manifest.folder if self.manifest else None

    def opened_sound(self, *, shared: bool = False) -> AbstractContextManager[tuple[BinaryIO, spool.SpoolFile]]:
        """Open the sound that it names, in or below the folder in which it was read; raises BadManifest or NotAFile."""
        return spool.opened(self.home, self.path.parent, self.audio_name(), same=self.folder, shared=shared)

    def locate(self) -> bool:
        """Open the sound if that was not done yet; False where something other than a plain file has its name."""
        if self.sound is None:
            try:
                with self.opened_sound() as (_, self.sound):
                    pass
            except BadManifest:
                return True
            except spool.NotAFile as problem:
                return problem.missing or problem.outside
        return True

    def finish(self) -> spool.SpoolFile | None:
        """Note that the call is finished and its sound is gone; the manifest that may be removed now, if one may."""
        raise NotImplementedError

    def audio_name(self) -> str:
        """The sound file's name below the manifest's folder; raises BadManifest."""
        name = self.json.get("audio")
        if not isinstance(name, str):
            raise BadManifest("not_a_file")
        return name

    def sound_path(self) -> Path | None:
        """The path of the sound; None where the manifest names none that could be one."""
        try:
            return (self.path.parent / self.audio_name()).absolute()
        except BadManifest:
            return None

    def call(self) -> Call:
        """The call that the manifest describes; raises BadManifest."""
        manifest = self.json
        _plain(manifest.get("audio"))
        consent = manifest.get("consent")
        claimed: dict[str, Any] = consent if isinstance(consent, dict) else {}
        return Call(
            source=self.source,
            source_id=_text(manifest, "source_id"),
            direction=_text(manifest, "direction"),
            started_at=_instant(manifest.get("started_at")),
            team=_text(manifest, "team"),
            agent=_text(manifest, "agent"),
            caller=_caller(manifest),
            channels=_channels(manifest.get("channels")),
            consent_key=claimed.get("key"),
            consent_at=_optional_instant(claimed.get("at")),
            prompt=_plain(claimed.get("prompt")),
            prompt_completed=claimed.get("prompt_completed"),
            known=_known(manifest.get("known")),
        )


@dataclass(slots=True, kw_only=True)
class Manifest(Delivery):
    """A JSON file for one call; `listed` where its folder was named, not the file."""

    listed: bool = False
    _found: str | None = field(default=None, init=False, repr=False)  # the sound beside it

    def read(self) -> None:
        """Read the manifest; raises BadManifest or Vanished."""
        try:
            with spool.opened(self.home, self.path.parent, self.path.name) as (stream, self.manifest):
                if self.manifest.size > MANIFEST_BYTES:
                    raise BadManifest("bad_metadata")
                self.raw = stream.read(MANIFEST_BYTES + 1)
        except spool.NotAFile as problem:
            if problem.missing and self.listed:
                raise Vanished from None
            raise BadManifest("not_a_file") from None
        try:
            self.json = parse_object(self.raw, max_bytes=MANIFEST_BYTES)
        except ValueError:
            raise BadManifest("bad_metadata") from None

    @property
    def is_removable(self) -> bool:
        """Whether it is a plain file that was opened."""
        return self.manifest is not None

    @property
    def file_identity(self) -> bytes:
        """The very file: another of the same content is another delivery."""
        file = self.manifest
        return repr((file.device, file.inode, file.changed_ns)).encode("ascii") if file else b""

    def finish(self) -> spool.SpoolFile | None:
        """The manifest: it describes no other call."""
        return self.manifest

    def audio_name(self) -> str:
        """The name that the manifest gives, or that of the sound beside it; raises BadManifest."""
        # zero-argument super() does not work in a class with slots
        return Delivery.audio_name(self) if "audio" in self.json else self._beside()

    def _beside(self) -> str:
        """The name of the sound beside it, looked for until one is there; else the one that it should have."""
        if self._found is None:
            names = (self.path.stem + suffix for ending in audio.ENDINGS for suffix in (ending, ending.upper()))
            self._found = next((name for name in names if spool.is_there(self.home, self.path.with_name(name))), None)
        return self._found or f"{self.path.stem}.wav"


def _is_text(value: str) -> bool:
    return bool(value.strip()) and len(value) <= TEXT_LONGEST and not has_hidden_characters(value)


def _text(manifest: dict[str, Any], key: str) -> str:
    value = manifest.get(key)
    if not isinstance(value, str) or not _is_text(value):
        raise BadManifest("bad_metadata")
    return value


def _plain(value: object) -> object:
    """A value that is judged elsewhere; raises BadManifest for a text with hidden characters, whatever it says."""
    if isinstance(value, str) and has_hidden_characters(value):
        raise BadManifest("bad_metadata")
    return value


def _instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise BadManifest("bad_metadata")
    try:
        return parse_instant(value)
    except (ValueError, OverflowError):
        raise BadManifest("bad_metadata") from None


def _optional_instant(value: object) -> datetime | None:
    """An instant, or None, which is judged later; raises BadManifest where there is something that cannot be read."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadManifest("bad_metadata")
    try:
        return parse_instant(value, round_up=True)
    except (ValueError, OverflowError):
        raise BadManifest("bad_metadata") from None


def _caller(manifest: dict[str, Any]) -> Private | None:
    if "caller" not in manifest:
        raise BadManifest("bad_metadata")
    value = _plain(manifest["caller"])
    if value is not None and not isinstance(value, str):
        raise BadManifest("bad_metadata")
    if is_withheld(value):
        return None
    try:
        return parse_caller(str(value))
    except NothingMatched:
        raise BadManifest("bad_metadata") from None


def _channels(value: object) -> dict[str, int]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not {"caller", "agent"} <= set(value):
        raise BadManifest("bad_metadata")
    numbers = [value["caller"], value["agent"]]
    if any(type(number) is not int or number not in (0, 1) for number in numbers) or numbers[0] == numbers[1]:
        raise BadManifest("bad_metadata")
    return {"caller": numbers[0], "agent": numbers[1]}


def _known(value: object) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadManifest("bad_metadata")
    known = {}
    for side in ("caller", "agent"):
        names = value.get(side, [])
        is_list = isinstance(names, list) and len(names) <= KNOWN_MOST
        if not is_list or any(not isinstance(name, str) or not _is_text(name) for name in names):
            raise BadManifest("bad_metadata")
        if names:
            known[side] = tuple(names)
    return known
