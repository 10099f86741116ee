"""Our own source format: what a manifest tells of a call, and the JSON file that tells of one.

What is wrong with a manifest is a `BadManifest` with the refusal's code; whether the call may be kept is
not decided here. Unknown keys are ignored, missing required ones refuse that call only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from arlo_rec import audio
from arlo_rec.intake.sources import spool
from arlo_rec.model.errors import NothingMatched
from arlo_rec.model.phone_numbers import is_withheld, parse_caller
from arlo_rec.model.records import Call, Private
from arlo_rec.model.strict_json import parse_object
from arlo_rec.model.times import parse_instant
from arlo_rec.policy import has_hidden_characters

MANIFEST_BYTES = 1024 * 1024  # one call's manifest has about 1 kB
TEXT_LONGEST = 200  # characters
KNOWN_MOST = 100  # identifiers a side
SOUND_ENDINGS = frozenset(audio.ENDINGS)


class BadManifest(Exception):
    """A manifest that describes no call that we can take; `code` is the refusal's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Vanished(Exception):
    """A manifest that was there when its folder was listed: another run has taken it in since."""


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One call as a manifest in the spool tells it, and the sound that it names.

    `raw` is what was told, byte for byte; `told` the same as JSON has it; `sound` and `manifest` the files that
    were opened. `Manifest` here has a file of its own, `many.Line` shares one with others.
    """

    path: Path
    manifest: spool.Opened | None = None
    sound: spool.Opened | None = None
    told: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""

    @property
    def source(self) -> str:
        """Where it was found, as people and scripts are told."""
        return str(self.path)

    @property
    def source_id(self) -> str | None:
        """The exchange's id, if the manifest has one that can be one."""
        value = self.told.get("source_id")
        return value if isinstance(value, str) and _is_text(value) else None

    def read(self) -> None:
        """Read what is told, into `told` and `raw`; raises BadManifest or Vanished."""
        raise NotImplementedError

    @property
    def can_go(self) -> bool:
        """Whether it is known well enough to be removed when it is refused."""
        raise NotImplementedError

    @property
    def itself(self) -> bytes:
        """What tells this very delivery from a later one that says the same."""
        raise NotImplementedError

    def locate(self) -> bool:
        """Open the sound where that was not done yet; whether nothing but a plain file has its name."""
        if self.sound is None:
            try:
                with spool.opened(self.path.parent, self.audio_name()) as (_, self.sound):
                    pass
            except BadManifest:
                return True
            except spool.NotAFile as problem:
                return problem.missing or problem.outside
        return True

    def spent(self) -> spool.Opened | None:
        """The call is done with and its sound is gone: the manifest that may go now too, if one may."""
        raise NotImplementedError

    def audio_name(self) -> str:
        """The sound file's name below the manifest's folder; raises BadManifest."""
        name = self.told.get("audio")
        if not isinstance(name, str):
            raise BadManifest("not_a_file")
        return name

    def sound_path(self) -> Path | None:
        """Where the sound should lie, for telling which sounds nobody described."""
        try:
            return (self.path.parent / self.audio_name()).absolute()
        except BadManifest:
            return None

    def call(self) -> Call:
        """The call that the manifest tells of; raises BadManifest."""
        told = self.told
        _plain(told.get("audio"))
        consent = told.get("consent")
        claimed: dict[str, Any] = consent if isinstance(consent, dict) else {}
        return Call(
            source=self.source,
            source_id=_text(told, "source_id"),
            direction=_text(told, "direction"),
            started_at=_instant(told.get("started_at")),
            team=_text(told, "team"),
            agent=_text(told, "agent"),
            caller=_caller(told),
            channels=_channels(told.get("channels")),
            consent_key=claimed.get("key"),
            consent_at=_optional_instant(claimed.get("at")),
            prompt=_plain(claimed.get("prompt")),
            prompt_completed=claimed.get("prompt_completed"),
            known=_known(told.get("known")),
        )


@dataclass(slots=True, kw_only=True)
class Manifest(Delivery):
    """A JSON file for one call; `listed` where its folder was named."""

    listed: bool = False

    def read(self) -> None:
        """Read the manifest; raises BadManifest or Vanished."""
        try:
            with spool.opened(self.path.parent, self.path.name) as (stream, about):
                self.manifest = about
                if about.size > MANIFEST_BYTES:
                    raise BadManifest("bad_metadata")
                self.raw = stream.read(MANIFEST_BYTES + 1)
        except spool.NotAFile as problem:
            if problem.missing and self.listed:
                raise Vanished from None
            raise BadManifest("not_a_file") from None
        try:
            self.told = parse_object(self.raw, max_bytes=MANIFEST_BYTES)
        except ValueError:
            raise BadManifest("bad_metadata") from None

    @property
    def can_go(self) -> bool:
        """Whether it is a plain file, which was opened."""
        return self.manifest is not None

    @property
    def itself(self) -> bytes:
        """The very file: another of the same content is another delivery."""
        file = self.manifest
        return repr((file.device, file.inode, file.changed_ns)).encode("ascii") if file else b""

    def spent(self) -> spool.Opened | None:
        """The manifest itself: it tells of no other call."""
        return self.manifest

    def audio_name(self) -> str:
        """The name that is told, or that of the sound beside it; raises BadManifest."""
        # zero-argument super() does not work in a class with slots
        return Delivery.audio_name(self) if "audio" in self.told else self._beside()

    def _beside(self) -> str:
        for ending in audio.ENDINGS:
            for written in (ending, ending.upper()):
                if spool.is_there(self.path.with_suffix(written)):
                    return self.path.with_suffix(written).name
        return self.path.with_suffix(".wav").name


def _is_text(value: str) -> bool:
    return bool(value.strip()) and len(value) <= TEXT_LONGEST and not has_hidden_characters(value)


def _text(told: dict[str, Any], key: str) -> str:
    value = told.get(key)
    if not isinstance(value, str) or not _is_text(value):
        raise BadManifest("bad_metadata")
    return value


def _plain(value: object) -> object:
    """A value that another rule judges; a text with hidden characters is none, whatever it says."""
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
    """A missing time is no consent and decided later; one that cannot be read is a bad manifest."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadManifest("bad_metadata")
    try:
        return parse_instant(value, round_up=True)
    except (ValueError, OverflowError):
        raise BadManifest("bad_metadata") from None


def _caller(told: dict[str, Any]) -> Private | None:
    if "caller" not in told:
        raise BadManifest("bad_metadata")
    value = _plain(told["caller"])
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
    if any(type(one) is not int or one not in (0, 1) for one in numbers) or numbers[0] == numbers[1]:
        raise BadManifest("bad_metadata")
    return {"caller": numbers[0], "agent": numbers[1]}


def _known(value: object) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadManifest("bad_metadata")
    found = {}
    for side in ("caller", "agent"):
        names = value.get(side, [])
        right = isinstance(names, list) and len(names) <= KNOWN_MOST
        if not right or any(not isinstance(one, str) or not _is_text(one) for one in names):
            raise BadManifest("bad_metadata")
        if names:
            found[side] = tuple(names)
    return found
