"""Calls as telephone systems export them, one maker for each map that comes with the program. All of it is invented."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from tests.support.policies import put
from tests.support.sounds import tone_wav
from tests.support.world import World

PROMPT = "nb-2026-01"
OSLO = ZoneInfo("Europe/Oslo")


@dataclass(frozen=True)
class Told:
    """One call of an exchange."""

    number: int
    key: str | None = "1"
    caller: str = "+4790000001"
    pressed: datetime | None = None
    prompt: str | None = PROMPT
    heard: bool = True
    team: str = "kundeservice"
    withdrawn: datetime | None = None  # when key 9 was pressed, in whole seconds
    begins: timedelta = timedelta(0)  # from the key press to the begin of the sound; whole seconds for some exchanges
    clock: timedelta = timedelta(0)  # by which the clock of the call's record is ahead of that of its evidence

    @property
    def at(self) -> datetime:
        """When the key was pressed: whole seconds, as some exchanges count."""
        an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0)
        return self.pressed or an_hour_ago + timedelta(seconds=self.number)

    @property
    def begun(self) -> datetime:
        """When the sound begins."""
        return self.at + self.begins

    @property
    def began(self) -> datetime:
        """When the call began, by the clock of its record: half a minute before key and sound."""
        return min(self.at, self.begun) + self.clock - timedelta(seconds=30)

    @property
    def ended(self) -> datetime:
        """When the call ended, by the same clock."""
        return max(self.at, self.begun, self.withdrawn or self.at) + self.clock + timedelta(seconds=3)

    @property
    def uuid(self) -> str:
        return f"51156b0b-0000-4000-8000-{self.number:012}"


def sound(folder: Path, name: str, seed: int) -> None:
    """A call of half a second."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(tone_wav(0.5, channels=2, seed=seed))


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def freepbx(spool: Path, told: Told) -> None:
    """A row of Master.csv; its recording lies in the folder of the day."""
    at, unique = int(told.at.timestamp()), f"{int(told.at.timestamp())}.{told.number}"
    began, ended = (each.astimezone(OSLO).strftime("%Y-%m-%d %H:%M:%S") for each in (told.began, told.ended))
    field = f"consent={told.key}|text={told.prompt}|heard={int(told.heard)}|at={at}" if told.key else ""
    field += f"|rec={int(told.begun.timestamp())}" if told.key else ""
    field += f"|withdrawn=9|wat={int(told.withdrawn.timestamp())}" if told.withdrawn else ""
    row = ["", told.caller, "22334455", "from-trunk", '"Kari" <x>', "PJSIP/trunk-2a", "PJSIP/201-2b", "Queue"]
    row += [f"{told.team},t,,,300", began, began, ended, "212", "211", "ANSWERED", "DOCUMENTATION", unique, field]
    with (spool / "Master.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(row)
    sound(spool / "2026" / "10", f"in-22334455-90000001-20261001-101530-{unique}.wav", told.number)


def freeswitch(spool: Path, told: Told) -> None:
    """A file for the leg, its values encoded as in URLs."""
    micros = str(int(told.at.timestamp() * 1_000_000))
    consent = {"arlo_consent": told.key, "arlo_consent_at": micros, "arlo_prompt": told.prompt}
    variables: dict[str, Any] = {
        "uuid": told.uuid,
        "direction": "inbound",
        "sip_from_user": quote(told.caller, safe=""),
        "cc_agent": "ola%40example.invalid",
        "cc_queue": told.team,
        "start_epoch": str(int(told.began.timestamp())),
        "end_epoch": str(int(told.ended.timestamp())),
        "arlo_recorded_at": str(int(told.begun.timestamp() * 1_000_000)),
        "arlo_prompt_heard": str(told.heard).lower(),
        **(consent if told.key else {}),
    }
    if told.withdrawn:
        variables |= {"arlo_withdrawn": "9", "arlo_withdrawn_at": str(int(told.withdrawn.timestamp()) * 1_000_000)}
    (spool / f"{told.uuid}.cdr.json").write_text(json.dumps({"variables": variables}), "utf-8")
    sound(spool, f"{told.uuid}.wav", told.number)


def kamailio(spool: Path, told: Told) -> None:
    """A line for the one part of a call."""
    seconds = f"{told.at.timestamp():.6f}"
    name = f"{int(told.at.timestamp())}-000000-{told.number:032x}"
    common = {"call_id": f"{told.number}-21902@127.0.0.1", "direction": "inbound", "caller": told.caller}
    record = {"recording": f"{name}-1", **common, "agent": "ola", "team": told.team}
    record |= {"key": told.key or "", "key_at": seconds, "prompt": told.prompt or ""}
    record |= {"prompt_heard": told.heard, "recorded_from": f"{told.begun.timestamp():.6f}", "ended": seconds}  # type: ignore[dict-item]
    record |= {"call_began": f"{told.began.timestamp():.6f}", "call_ended": f"{told.ended.timestamp():.6f}"}
    _line(spool / "calls.jsonl", record)
    if told.withdrawn:
        press = {"withdrawn_key": "9", "withdrawn_at": f"{told.withdrawn.timestamp():.6f}"}
        _line(spool / "calls.jsonl", {"recording": f"{name}-withdrawal", **common, **press})
    sound(spool, f"{name}-1.wav", told.number)


def connect(spool: Path, told: Told) -> None:
    """Two deliveries of one contact record: the first before its recording was there."""
    record: dict[str, Any] = {
        "ContactId": told.uuid,
        "Channel": "VOICE",
        "InitiationMethod": "INBOUND",
        "ConnectedToSystemTimestamp": iso(told.began),
        "DisconnectTimestamp": iso(told.ended),
        "LastUpdateTimestamp": iso(told.at),
        "CustomerEndpoint": {"Address": told.caller, "Type": "TELEPHONE_NUMBER"},
        "Agent": {"Username": "ola"},
        "Queue": {"Name": told.team},
        "Attributes": {"consentTextCompleted": str(told.heard).lower(), "recordingConsentAt": iso(told.at)},
    }
    record["Attributes"] |= {"recordingConsent": told.key, "consentTextVersion": told.prompt} if told.key else {}
    record["Attributes"] |= _pressed_9(told)
    _line(spool / "contacts.jsonl", record)
    record |= {"LastUpdateTimestamp": iso(told.at + timedelta(minutes=5))}
    record |= {"Recordings": [{"MediaStreamType": "AUDIO", "StartTimestamp": iso(told.begun), "StorageType": "S3"}]}
    _line(spool / "contacts.jsonl", record)
    sound(spool / "CallRecordings", f"{told.uuid}_20261001T08:15_UTC.wav", told.number)


def genesys(spool: Path, told: Told) -> None:
    """The metadata beside a recording, in the folder of its conversation."""
    folder = spool / f"conversation-{told.number}"
    sound(folder, f"{told.uuid}.wav", told.number)
    record: dict[str, Any] = {"recordingId": told.uuid, "mediaType": "call", "direction": "inbound"}
    record |= {"conversationStart": iso(told.began), "conversationEnd": iso(told.ended)}
    record |= {"startTime": iso(told.begun), "ani": told.caller, "userIds": ["ola"], "queueName": told.team}
    record["attributes"] = {"recordingConsentAt": iso(told.at), "consentTextCompleted": str(told.heard).lower()}
    record["attributes"] |= {"recordingConsent": told.key, "consentTextVersion": told.prompt} if told.key else {}
    record["attributes"] |= _pressed_9(told)
    (folder / f"{told.uuid}_metadata.json").write_text(json.dumps(record), "utf-8")


def vcon(spool: Path, told: Told) -> None:
    """A conversation: a menu, in which the caller pressed a key too, the prompt, and the recording behind it."""
    told = replace(told, clock=timedelta(0))  # one document has one clock
    asked = told.began + timedelta(seconds=5) if told.key or told.withdrawn else None
    pressed = [("1", told.began), *([(told.key, told.at)] if told.key else [])]
    pressed += [("9", told.withdrawn)] if told.withdrawn else []
    answered = [{"party": 0, "event": "keydown", "button": key, "time": iso(at)} for key, at in pressed]
    is_recorded = bool(told.key) or not told.withdrawn  # nobody records who calls to withdraw
    sound_of = {"mimetype": "audio/wav", "mediatype": "audio/wav"}  # older drafts have the first name, newer the other
    dialog = {"type": "recording", "start": iso(told.begun), **sound_of, "parties": [0, 1]}
    grant = {"purpose": "recording", "granted": told.key not in (None, "2")}
    body: dict[str, Any] = {"lawful_basis": "consent", "purpose_grants": [grant]}
    purpose = {"purpose": "lawful_basis", "type": "lawful_basis", "party": 0, "dialog": 0, "encoding": "json"}
    body |= {"prompt": told.prompt, "prompt_completed": told.heard, "prompt_started_at": iso(asked) if asked else None}
    document = {
        "vcon": "0.4.0",
        "uuid": told.uuid,
        "created_at": iso(told.ended),
        "parties": [{"tel": told.caller}, {"name": "Ola", "role": told.team}],
        "dialog": [
            {"type": "incomplete", "start": iso(told.began), **sound_of, "parties": [0], "party_history": answered},
            *([{**dialog, "filename": f"{told.uuid}.wav"}] if is_recorded else []),
        ],
        "attachments": [{**purpose, "start": iso(told.began), "body": body}],
    }
    (spool / f"{told.uuid}.vcon.json").write_text(json.dumps(document), "utf-8")
    sound(spool, f"{told.uuid}.wav", told.number)


def _pressed_9(told: Told) -> dict[str, str]:
    """The attributes of a withdrawal."""
    at = told.withdrawn
    return {"consentWithdrawn": "9", "consentWithdrawnAt": iso(at)} if at is not None else {}


MAKERS: dict[str, Callable[[Path, Told], None]] = {
    "freepbx": freepbx,
    "freeswitch": freeswitch,
    "kamailio": kamailio,
    "connect": connect,
    "genesys": genesys,
    "vcon": vcon,
}


BEGAN = datetime(2026, 10, 1, 7, 15, 44, tzinfo=UTC)
NINE = BEGAN + timedelta(minutes=20)
EXAMPLE = (  # a consent, a call that was declined, and a withdrawal
    Told(1, pressed=BEGAN, begins=timedelta(seconds=1)),
    Told(2, pressed=BEGAN + timedelta(minutes=10), key="2", caller="+4790000002"),
    Told(3, pressed=NINE, key=None, caller="+4790000003", withdrawn=NINE),
)
FOLDERS = {"freepbx": "asterisk"}  # below examples/telephony, of maps whose name is another


def example(name: str, spool: Path) -> None:
    """Leave the example of an export: only the call with a consent has a sound."""
    for told in EXAMPLE:
        before = set(spool.rglob("*.wav"))
        MAKERS[name](spool, replace(told, number=10 * [*MAKERS].index(name) + told.number))
        for made in set(spool.rglob("*.wav")) - before if told.key != "1" else ():
            made.unlink()


def records(folder: Path) -> dict[str, str]:
    """The files of an export but its sounds, by their path below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".wav")
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in files}


def samples() -> list[bytes]:
    """The files of each kind, for one call."""
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in MAKERS.items():
            (spool := Path(folder) / name).mkdir()
            make(spool, Told(1, pressed=datetime(2026, 10, 1, 8, tzinfo=UTC)))
            files += [
                path.read_bytes() for path in sorted(spool.rglob("*")) if path.is_file() and path.suffix != ".wav"
            ]
    return files


def approve(world: World, *tables: str) -> None:
    """Have the officer approve maps: names of those that come with the program, or whole tables."""
    rows = "\n".join(table if "\n" in table else f'[[map]]\nname = "{table}"' for table in tables)
    put(world, f'version = "2026-05"\n{rows}\n')


def _line(path: Path, record: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
