"""Read our own source format: the delivery of one call, and the JSON file that describes it.

It opens files of the spool through `spool`, and removes none. Errors of a manifest are `BadManifest` with the
refusal's code; `candidates` decides whether the call may be kept. Unknown keys are ignored; missing required ones
refuse that call only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from arlo_rec.exchanges import spool
from arlo_rec.law.model.consent import STOPPED_BY, CallTimes, Stopped
from arlo_rec.law.model.errors import NothingMatched
from arlo_rec.law.model.phone_numbers import is_withheld, parse_caller
from arlo_rec.law.model.records import Call, Private
from arlo_rec.law.model.strict_json import parse_object
from arlo_rec.law.model.times import parse_instant
from arlo_rec.policy import has_hidden_characters
from arlo_rec.sound import audio

MANIFEST_BYTES = 1024 * 1024  # one call's manifest has about 1 kB
TEXT_LONGEST = 200  # characters
KNOWN_MOST = 100  # identifiers of a side
SOUND_ENDINGS = frozenset(audio.ENDINGS)
LEGS = {"caller": 0, "agent": 1}  # channels of a call with a sound for each side
SIDES = tuple(LEGS)
SIGNS = frozenset({"source_id", "consent", "audio", "withdrawal"})  # fields that only a delivery has
DESCRIPTIONS = frozenset({".json", ".jsonl", ".ndjson", ".csv"})  # endings of what is no sound
TO_COME = spool.NO_NAME  # begins the name of a sound that is not there yet


class BadManifest(Exception):
    """A manifest that describes no acceptable call; `code` is the refusal's, `field` the one that is wrong."""

    def __init__(self, code: str, field: str | None = None) -> None:
        super().__init__(code)
        self.code, self.field = code, field


class WithheldNumber(BadManifest):
    """A notice of a withdrawal without a number: its calls cannot be found."""


class Withdrawal(NamedTuple):
    """A caller's withdrawal by a key press at the exchange."""

    caller: Private
    at: datetime
    key: str | None


class Vanished(Exception):
    """A manifest that is gone since its folder was listed: another run has taken its call in."""


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One call and its sound, as a manifest in the spool describes them; or a notice that a caller withdrew.

    Reading sets `raw` (the bytes of the description), `json` (the same as a JSON object), and the opened files `sounds`
    and `manifest`. A call has one sound, or two: the legs of caller and agent. A `Manifest` has a file of its own, a
    `deliveries.Line` shares one with others.
    """

    path: Path
    home: spool.Home  # files of the spool are reached from there
    manifest: spool.SpoolFile | None = None
    sounds: tuple[spool.SpoolFile, ...] = ()
    json: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    comes_apart: bool = False  # whether its sound comes by another way than its description
    passed_over: bool = False  # whether a map says that it is no call, and only its sound lies there

    @property
    def source(self) -> str:
        """The place that people and scripts are shown."""
        return str(self.path)

    @property
    def source_id(self) -> str | None:
        """The exchange's id, if the manifest has a valid one."""
        value = self.json.get("source_id")
        return value if isinstance(value, str) and _is_text(value) else None

    def read(self) -> None:
        """Read the description into `raw` and `json`; raises BadManifest, Vanished, Unfinished or Unavailable."""
        raise NotImplementedError

    @property
    def is_removable(self) -> bool:
        """Whether its files are known well enough to be removed if it is refused."""
        raise NotImplementedError

    @property
    def file_identity(self) -> bytes:
        """An identity that tells this delivery from a later one with the same bytes."""
        raise NotImplementedError

    @property
    def manifest_file(self) -> spool.SpoolFile | None:
        """The file in which the description was read; None before."""
        return self.manifest

    @contextmanager
    def opened_sounds(self, *, shared: bool = False) -> Iterator[list[tuple[BinaryIO, spool.SpoolFile]]]:
        """Open its sounds in or below the folder in which it was read; raises BadManifest, and as `spool.opened`."""
        with ExitStack() as stack:
            yield [stack.enter_context(self._opened(name, shared=shared)) for name in self.audio_names()]

    def _opened(self, name: str, *, shared: bool) -> AbstractContextManager[tuple[BinaryIO, spool.SpoolFile]]:
        same = self.manifest_file.folder if self.manifest_file else None
        return spool.opened(self.home, self.path.parent, name, same=same, shared=shared)

    def locate(self) -> bool:
        """Open those of its sounds that are there; False where a name is of anything but a plain file."""
        if not self.sounds:
            try:
                names = self.audio_names()
            except BadManifest:
                return True
            for name in names:
                try:
                    with self._opened(name, shared=False) as (_, sound):
                        self.sounds += (sound,)
                except spool.NotAFile as problem:
                    if not (problem.missing or problem.outside):
                        return False
        return True

    def finish(self) -> spool.SpoolFile | None:
        """Note that the call is finished and its sound removed; returns the manifest if it may be removed now."""
        raise NotImplementedError

    def audio_names(self) -> tuple[str, ...]:
        """The names of its sounds below the manifest's folder; raises BadManifest."""
        named = self.json.get("audio")
        given = [named.get(side) for side in SIDES] if isinstance(named, dict) else [named]
        texts = (name for name in given if isinstance(name, str))
        names = tuple(name for name in texts if PurePosixPath(name).suffix.lower() not in DESCRIPTIONS)
        if self.is_notice or len(set(names)) != len(given):
            raise BadManifest("not_a_file")
        return names

    def sound_paths(self) -> list[Path]:
        """The paths of its sounds; none where the manifest has no valid name."""
        try:
            return [(self.path.parent / name).absolute() for name in self.audio_names()]
        except BadManifest:
            return []

    @property
    def is_notice(self) -> bool:
        """Whether it describes a withdrawal, and no call."""
        return self.json.get("withdrawal") is not None

    @property
    def says_withdrawal(self) -> bool:
        """Whether somebody withdraws by it, as far as it can be read: what nobody carried out is never removed."""
        return self.is_notice or (not self.json and b'"withdrawal"' in self.raw)

    def withdrawal(self) -> Withdrawal:
        """The withdrawal that a notice describes; raises BadManifest, for one that describes a call too."""
        notice = self.json["withdrawal"]
        if not isinstance(notice, dict) or self.json.keys() & {"consent", "audio", "source_id"}:
            raise BadManifest("bad_metadata")
        key = _text(notice, "key") if notice.get("key") is not None else None
        at, caller = _instant(notice.get("at"), "withdrawal.at"), caller_of(notice)
        if caller is None:
            raise WithheldNumber("bad_metadata")
        return Withdrawal(caller, at, key)

    def call(self) -> Call:
        """The call that the manifest describes; raises BadManifest."""
        manifest = self.json
        named = manifest.get("audio")
        for name in named.values() if isinstance(named, dict) else (named,):
            if not str(name).startswith(TO_COME):
                _plain(name, "audio")
        consent = manifest.get("consent")
        claimed: dict[str, Any] = consent if isinstance(consent, dict) else {}
        return Call(
            source=self.source,
            source_id=_text(manifest, "source_id"),
            direction=_text(manifest, "direction"),
            started_at=_instant(manifest.get("started_at"), "started_at"),
            team=_text(manifest, "team"),
            agent=_text(manifest, "agent"),
            caller=caller_of(manifest),
            channels=dict(LEGS) if isinstance(named, dict) else _channels(manifest.get("channels")),
            consent_key=claimed.get("key"),
            consent_at=_optional_instant(claimed.get("at"), "consent.at"),
            prompt=_plain(claimed.get("prompt"), "consent.prompt"),
            prompt_completed=claimed.get("prompt_completed"),
            stopped=_stopped(claimed.get("stopped")),
            granted=claimed.get("granted"),
            times=_call_times(manifest.get("call")),
            line=_text(manifest, "line") if manifest.get("line") is not None else None,
            known=_known(manifest.get("known")),
        )


def has_first_side_alone(delivery: Delivery) -> bool:
    """Whether the first of two sounds is there and the second is not: sounds are removed in order, so none was."""
    names = delivery.audio_names()
    return len(names) > 1 and [sound.path.name for sound in delivery.sounds] == [Path(names[0]).name]


def is_complete(delivery: Delivery, still: spool.Stillness) -> bool:
    """Whether no program writes to the sounds of a read delivery: each is older than its record, or still."""
    written = delivery.manifest_file.changed_ns if delivery.manifest_file is not None else 0
    return all(sound.changed_ns <= written or still.of(sound) for sound in delivery.sounds)


def lacks_sound(delivery: Delivery) -> bool:
    """Whether a sound that a delivery names, or a side of it, was not there when it was opened."""
    return not delivery.sounds or len(delivery.sounds) < len(delivery.audio_names())


@dataclass(slots=True, kw_only=True)
class Manifest(Delivery):
    """A JSON file for one call; `listed`: its folder was named, not the file."""

    listed: bool = False
    _found: str | None = field(default=None, init=False, repr=False)  # the sound beside it

    def load(self) -> None:
        """Read the file; raises BadManifest or Vanished."""
        if self.raw:
            return
        try:
            with spool.opened(self.home, self.path.parent, self.path.name) as (stream, self.manifest):
                if self.manifest.size > MANIFEST_BYTES:
                    raise BadManifest("bad_metadata")
                self.raw = stream.read(MANIFEST_BYTES + 1)
        except spool.NotAFile as problem:
            if problem.missing and self.listed:
                raise Vanished from None
            raise BadManifest("not_a_file") from None

    def read(self) -> None:
        """Read the manifest; raises BadManifest or Vanished."""
        self.load()
        try:
            self.json = parse_object(self.raw, max_bytes=MANIFEST_BYTES, is_bounded=False)
        except ValueError:
            raise BadManifest("bad_metadata") from None

    @property
    def is_removable(self) -> bool:
        """Whether the manifest was opened as a plain file."""
        return self.manifest is not None

    @property
    def file_identity(self) -> bytes:
        """Identity of the file: another file of the same content is another delivery."""
        file = self.manifest
        return repr((file.device, file.inode, file.changed_ns)).encode("ascii") if file else b""

    def finish(self) -> spool.SpoolFile | None:
        """The manifest, as it describes no other call."""
        return self.manifest

    def audio_names(self) -> tuple[str, ...]:
        """The names in the manifest, or that of the sound beside it; raises BadManifest."""
        # zero-argument super() does not work in a class with slots
        return Delivery.audio_names(self) if "audio" in self.json or self.is_notice else (self._beside(),)

    def _beside(self) -> str:
        """The name of the sound beside it, looked for until one exists; else the default name."""
        if self._found is None:
            names = (self.path.stem + suffix for ending in audio.ENDINGS for suffix in (ending, ending.upper()))
            self._found = next((name for name in names if spool.is_there(self.home, self.path.with_name(name))), None)
        return self._found or f"{self.path.stem}.wav"


def _is_text(value: str) -> bool:
    return bool(value.strip()) and len(value) <= TEXT_LONGEST and not has_hidden_characters(value)


def _text(manifest: dict[str, Any], key: str) -> str:
    value = manifest.get(key)
    if not isinstance(value, str) or not _is_text(value):
        raise BadManifest("bad_metadata", key)
    return value


def _plain(value: object, field: str) -> object:
    """A value that is judged elsewhere; raises BadManifest for a text with hidden characters."""
    if isinstance(value, str) and has_hidden_characters(value):
        raise BadManifest("bad_metadata", field)
    return value


def _instant(value: object, field: str) -> datetime:
    if not isinstance(value, str):
        raise BadManifest("bad_metadata", field)
    try:
        return parse_instant(value)
    except (ValueError, OverflowError):
        raise BadManifest("bad_metadata", field) from None


def _optional_instant(value: object, field: str) -> datetime | None:
    """An instant, or None, which is judged later; raises BadManifest for an unreadable value."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadManifest("bad_metadata", field)
    try:
        return parse_instant(value, round_up=True)
    except (ValueError, OverflowError):
        raise BadManifest("bad_metadata", field) from None


def _stopped(value: object) -> Stopped | None:
    """The end of the recording during the call; raises BadManifest for anything but one of its keys.

    Somebody said no also where the time is not told; only one that cannot be read is a mistake.
    """
    if value is None:
        return None
    if not isinstance(value, dict) or value.get("key") not in STOPPED_BY:
        raise BadManifest("bad_metadata", "consent.stopped.key")
    return Stopped(str(value["key"]), _optional_instant(value.get("at"), "consent.stopped.at"))


_CALL_TIMES = ("started_at", "ended_at")


def _call_times(value: object) -> CallTimes:
    """When the call began and ended, which may be told; raises BadManifest."""
    if value is None:
        return CallTimes()
    if not isinstance(value, dict):
        raise BadManifest("bad_metadata", "call")
    told = {key: _instant(at, f"call.{key}") for key in _CALL_TIMES if (at := value.get(key)) is not None}
    return CallTimes(*map(told.get, _CALL_TIMES))


def caller_of(manifest: dict[str, Any]) -> Private | None:
    """The number in a manifest or a notice, None if withheld; raises BadManifest."""
    if "caller" not in manifest:
        raise BadManifest("bad_metadata", "caller")
    value = _plain(manifest["caller"], "caller")
    if value is not None and not isinstance(value, str):
        raise BadManifest("bad_metadata", "caller")
    if is_withheld(value):
        return None
    try:
        return parse_caller(str(value))
    except NothingMatched:
        raise BadManifest("bad_metadata", "caller") from None


def _channels(value: object) -> dict[str, int]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not {"caller", "agent"} <= set(value):
        raise BadManifest("bad_metadata", "channels")
    numbers = [value["caller"], value["agent"]]
    if any(type(number) is not int or number not in (0, 1) for number in numbers) or numbers[0] == numbers[1]:
        raise BadManifest("bad_metadata", "channels")
    return {"caller": numbers[0], "agent": numbers[1]}


def _known(value: object) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadManifest("bad_metadata", "known")
    known = {}
    for side in ("caller", "agent"):
        names = value.get(side, [])
        is_list = isinstance(names, list) and len(names) <= KNOWN_MOST
        if not is_list or any(not isinstance(name, str) or not _is_text(name) for name in names):
            raise BadManifest("bad_metadata", "known")
        if names:
            known[side] = tuple(names)
    return known
