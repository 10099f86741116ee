"""Calls as they were lived, key by key, and what each shipped exchange would write of them.

`consented` reads the call, and nothing of an export or of the program. A call has menus, a prompt, corrections,
repeats, transfers, keys of two parties, and clocks that differ. Among the faults are recordings that should not be.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

OSLO: Final = ZoneInfo("Europe/Oslo")
DAYS: Final = [
    datetime(2026, 10, 24, 22, tzinfo=UTC),
    datetime(2026, 11, 3, 7, tzinfo=UTC),
]  # the first has an hour twice
GRACE: Final = 60.0  # seconds by which two clocks of one exchange may differ
HOUR: Final = 3600.0
PROMPT: Final = "nb-2026-01"
PROMPT_SECONDS: Final = 22.0
RATE: Final = 8000
ANSWERS: Final = ("1", "1", "1", "1", "1 1", "2", "2 1", "1 2", "9", "9 1", "1 9", "5", "5 1", "", "")
MENUS: Final = ("", "", "", "1", "1", "2", "9", "1 5", "9 2", "2 1 1")


class Key(NamedTuple):
    """A key, when it was pressed (seconds from the begin of the call), and by whom: 0 is the caller."""

    at: float
    key: str
    party: int = 0


@dataclass(frozen=True)
class Lived:
    """One incoming or outgoing call; all times are seconds from its begin, by a clock that is right."""

    begins: datetime
    menu: Sequence[Key]
    prompt_begins: float
    heard: bool  # the prompt, to its end
    answers: Sequence[Key]
    in_call: Sequence[Key]
    sounds: Sequence[tuple[float, float]]  # begin and length of each recording
    ended: float
    stale: bool  # the exchange takes a key from a call half an hour ago for that of this one
    ahead: float  # by which the clock of the exchange's record is ahead of that of the keys
    incoming: bool
    tells_prompt: bool  # whether the export says when the prompt began
    grant: str  # `none`, `as lived` or `false`

    def time(self, at: float, ahead: float = 0) -> datetime:
        return self.begins + timedelta(seconds=at + ahead)


def lived(chance: random.Random, name: str) -> Lived:
    """Any call of an exchange."""
    begins = chance.choice(DAYS) + timedelta(seconds=chance.randrange(6 * 3600))
    menu, at = list[Key](), 1.0
    for key in chance.choice(MENUS).split():
        at += chance.uniform(0.5, 4)
        menu.append(Key(at, key))
    prompt = at + chance.uniform(1, 4)
    heard, answers = chance.random() < 0.9, list[Key]()
    at = prompt + PROMPT_SECONDS
    for key in chance.choice(ANSWERS).split():
        at += chance.uniform(0.3, 8)
        answers.append(Key(at, key))
    begins_at = 0.0 if chance.random() < 0.1 else at + chance.uniform(0.05, 3 if chance.random() < 0.8 else 200)
    sounds = [(begins_at, chance.uniform(20, 300) + max(at - begins_at, 0))]
    if chance.random() < 0.15:
        sounds.append((sum(sounds[0]) + chance.uniform(1, 4000), chance.uniform(5, 100)))
    in_call = []
    if chance.random() < 0.3:
        in_call.append(Key(sounds[0][0] + max(at - begins_at, 0) + 5, chance.choice("12599"), chance.randrange(2)))
    if name == "kamailio":  # the first key ends its question
        in_call, answers = [*answers[1:], *in_call], answers[:1]
    stale = not answers and chance.random() < 0.5
    ahead = 0.0 if stale else chance.choice([0.0] * 6 + [20.0, -20.0, HOUR / 2, -HOUR / 2, HOUR, -HOUR])
    if name == "vcon" and abs(ahead) < GRACE:  # one document has one clock, or is wrong
        ahead = 0.0
    grants = ["none", "none", "none", "none", "as lived", "false"] if name == "vcon" else ["none"]
    return Lived(
        begins=begins,
        menu=menu,
        prompt_begins=prompt,
        heard=heard,
        answers=answers,
        in_call=in_call,
        sounds=sounds,
        ended=sum(sounds[-1]) + 1,
        stale=stale,
        ahead=ahead,
        incoming=chance.random() < 0.95,
        tells_prompt=chance.random() < 0.7,
        grant=chance.choice(grants),
    )


def consented(call: Lived) -> bool:
    """Whether the caller heard the prompt to its end, answered it by 1 alone, and took nothing back."""
    pressed = {key.key for key in call.answers}
    took_back = any(key.key == "9" for key in call.in_call if key.party == 0)
    return call.incoming and call.heard and pressed == {"1"} and not took_back and call.grant != "false"


def is_plain(call: Lived) -> bool:
    """Whether nothing in the call could be taken for something else, and the recording begins behind the answer."""
    is_told = call.tells_prompt and call.ahead == 0 and len(call.answers) == 1 and not call.in_call
    is_told = is_told and call.sounds[0][0] > 0
    return is_told and consented(call) and len(call.sounds) == 1 and call.begins.day not in (24, 25)


def withdrew(call: Lived) -> bool:
    """Whether the caller answered the prompt by 9 alone."""
    return {key.key for key in call.answers} == {"9"}


# -- what the exchanges write -------------------------------------------------------------------------


class Export(NamedTuple):
    """A file of an export, and the sounds that lie beside it with the numbers of their recordings."""

    raw: bytes
    sounds: dict[str, int]


def _digits(call: Lived) -> tuple[str, float] | None:
    """The digits that a dialplan read at the prompt, and when the last was pressed; None without any."""
    if call.stale:
        return "1", -HOUR / 2
    return ("".join(key.key for key in call.answers), call.answers[-1].at) if call.answers else None


def _took_back(call: Lived) -> Key | None:
    """The 9 of the caller in the call, upon which each exchange stops the recording and says so."""
    return next((key for key in call.in_call if key.key == "9" and key.party == 0), None)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _epoch(at: datetime, scale: int = 1) -> str:
    return str(int(at.timestamp() * scale))


def freepbx(call: Lived) -> Export:
    start, end = (call.time(at, call.ahead).astimezone(OSLO) for at in (0, call.ended))
    told, stopped = _digits(call), _took_back(call)
    field = ""
    if told is not None:
        field = f"consent={told[0]}|text={PROMPT}|heard={int(call.heard)}|at={_epoch(call.time(told[1]))}"
        field += f"|rec={_epoch(call.time(call.sounds[0][0]))}"
    if stopped is not None:
        field += f"|stopped=9|sat={_epoch(call.time(stopped.at))}"
    context, unique = "from-trunk" if call.incoming else "from-internal", f"{_epoch(call.begins)}.7"
    times = [each.strftime("%Y-%m-%d %H:%M:%S") for each in (start, start, end)]
    row = [
        "",
        "+4790000001",
        "22334455",
        context,
        '"x" <y>',
        "PJSIP/trunk-2a",
        "PJSIP/201-2b",
        "Queue",
        "kundeservice,t",
    ]
    row += [*times, "212", "211", "ANSWERED", "DOCUMENTATION", unique, field]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(row)
    return Export(out.getvalue().encode(), {f"in-22334455-90000001-20261001-101530-{unique}.wav": 0})


def freeswitch(call: Lived) -> Export:
    told, stopped = _digits(call), _took_back(call)
    variables = {
        "uuid": "u-1",
        "direction": "inbound" if call.incoming else "outbound",
        "sip_from_user": quote("+4790000001", safe=""),
        "cc_agent": "ola%40example.invalid",
        "cc_queue": "kundeservice",
        "start_epoch": _epoch(call.time(0, call.ahead)),
        "end_epoch": _epoch(call.time(call.ended, call.ahead)),
        "arlo_recorded_at": _epoch(call.time(call.sounds[0][0]), 1_000_000),
        "arlo_prompt": PROMPT,
        "arlo_prompt_heard": str(call.heard).lower(),
    }
    if told is not None:
        variables |= {"arlo_consent": told[0], "arlo_consent_at": _epoch(call.time(told[1]), 1_000_000)}
    if stopped is not None:
        variables |= {"arlo_stopped": "9", "arlo_stopped_at": _epoch(call.time(stopped.at), 1_000_000)}
    return Export(json.dumps({"variables": variables}).encode(), {"u-1.wav": 0})


def kamailio(call: Lived) -> Export:
    """It asks once, with one clock: the first key after the prompt is the answer. A 9 is a withdrawal, and no call."""
    told, lines, sounds = _digits(call), [], {}
    if told is None or _took_back(call) is not None or told[0] == "9":
        return Export(b"", {})
    for number, (begin, length) in enumerate(call.sounds):
        record = {"recording": f"r-{number}", "direction": "inbound" if call.incoming else "outbound", "agent": "ola"}
        record |= {"caller": "+4790000001", "team": "kundeservice", "prompt": PROMPT, "key": told[0]}
        times = {"key_at": told[1], "recorded_from": begin, "ended": begin + length, "call_began": 0.0}
        times |= {"call_ended": call.ended}
        record |= {name: f"{call.time(at).timestamp():.6f}" for name, at in times.items()}
        lines.append(json.dumps(record | {"prompt_heard": call.heard}))
        sounds[f"r-{number}.wav"] = number
    return Export("\n".join(lines).encode() + b"\n", sounds)


def _attributes(call: Lived) -> dict[str, str]:
    told, stopped = _digits(call), _took_back(call)
    attributes = {"consentTextVersion": PROMPT, "consentTextCompleted": str(call.heard).lower()}
    if told is not None:
        attributes |= {"recordingConsent": told[0], "recordingConsentAt": _iso(call.time(told[1]))}
    if stopped is not None:
        attributes |= {"recordingStopped": "9", "recordingStoppedAt": _iso(call.time(stopped.at))}
    return attributes


def connect(call: Lived) -> Export:
    begin = call.time(call.sounds[0][0], call.ahead)
    record: dict[str, Any] = {
        "ContactId": "c-1",
        "Channel": "VOICE",
        "InitiationMethod": "INBOUND" if call.incoming else "OUTBOUND",
        "ConnectedToSystemTimestamp": _iso(call.time(0, call.ahead)),
        "DisconnectTimestamp": _iso(call.time(call.ended, call.ahead)),
        "LastUpdateTimestamp": _iso(call.time(call.ended, call.ahead)),
        "CustomerEndpoint": {"Address": "+4790000001"},
        "Agent": {"Username": "ola"},
        "Queue": {"Name": "kundeservice"},
        "Attributes": _attributes(call),
        "Recordings": [{"MediaStreamType": "AUDIO", "StartTimestamp": _iso(begin)}],
    }
    return Export(json.dumps(record).encode() + b"\n", {"c-1_20261001T08:15_UTC.wav": 0})


def genesys(call: Lived) -> Export:
    record = {
        "recordingId": "g-1",
        "mediaType": "call",
        "direction": "inbound" if call.incoming else "outbound",
        "startTime": _iso(call.time(call.sounds[0][0], call.ahead)),
        "conversationStart": _iso(call.time(0, call.ahead)),
        "conversationEnd": _iso(call.time(call.ended, call.ahead)),
        "ani": "+4790000001",
        "userIds": ["ola"],
        "queueName": "kundeservice",
        "attributes": _attributes(call),
    }
    return Export(json.dumps(record).encode(), {"g-1.wav": 0})


def vcon(call: Lived) -> Export:
    """It has every key of both parties; the dialogs have the clock of the exchange's record."""
    keys = sorted([*call.menu, *call.answers, *call.in_call, *([Key(-HOUR / 2, "1")] if call.stale else [])])
    history = [{"party": k.party, "event": "keydown", "button": k.key, "time": _iso(call.time(k.at))} for k in keys]
    history += [{"party": 0, "event": "join", "time": _iso(call.time(0))}]
    body: dict[str, Any] = {"lawful_basis": "consent", "prompt": PROMPT, "prompt_completed": call.heard}
    if call.tells_prompt:
        body["prompt_started_at"] = _iso(call.time(call.prompt_begins))
    if call.grant != "none":
        body["purpose_grants"] = [{"purpose": "recording", "granted": True}]
        body["purpose_grants"] += [{"purpose": "training", "granted": call.grant != "false"}]
    sounds = {f"v-{number}.wav": number for number in range(len(call.sounds))}
    dialogs: list[dict[str, Any]] = [{"type": "incomplete", "start": _iso(call.time(0, call.ahead)), "parties": [0]}]
    for (begin, length), name in zip(call.sounds, sounds, strict=True):
        dialog = {"type": "recording", "start": _iso(call.time(begin, call.ahead)), "duration": length}
        dialogs.append({**dialog, "parties": [0, 1], "originator": int(not call.incoming), "filename": name})
    dialogs[0 if call.sounds[0][0] else -1]["party_history"] = history
    parties = [{"tel": "tel:+4790000001"}, {"name": "Ola", "role": "kundeservice"}]
    attachment = {"purpose": "lawful_basis", "party": 0, "body": body}
    document = {"vcon": "0.4.0", "uuid": "v", "parties": parties, "dialog": dialogs, "attachments": [attachment]}
    return Export(json.dumps(document).encode(), sounds)


EXPORTS: Final[dict[str, Callable[[Lived], Export]]] = {
    "freepbx": freepbx,
    "freeswitch": freeswitch,
    "kamailio": kamailio,
    "connect": connect,
    "genesys": genesys,
    "vcon": vcon,
}


def faults_of(call: Lived, number: int, skipped: float) -> list[str]:
    """Why a recording of a call may not be kept from *skipped* seconds on; empty if it may."""
    faults = [] if consented(call) else ["no consent"]
    if call.answers and call.sounds[number][0] + skipped < call.answers[-1].at - GRACE:
        faults.append("sound from before the key")
    return faults
