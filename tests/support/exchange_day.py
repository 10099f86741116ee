"""A day of an invented company, as exchanges of every shipped kind export it, and what consent allows to keep of it.

`allowed` reads the day by itself: it uses nothing of the program, and looks at the calls, not at the exports.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.support.exports import MAKERS, Told, iso
from tests.support.sounds import tone, tone_wav

OSLO = ZoneInfo("Europe/Oslo")
DAY = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Oslo; in this night summer time ends
CLOCKS = timedelta(minutes=5)  # by which two clocks may differ
HOUR = timedelta(hours=1)
SECONDS = 0.5  # of each sound
RATE = 8000
WHOLE_SECONDS = {"freepbx", "naive"}
TWO_CLOCKS = {"freepbx", "freeswitch", "kamailio", "connect", "genesys"}  # record and evidence each tell times
NAIVE = """format = "csv"
zone = "Europe/Oslo"
audio = "{id}.wav"

[fields]
source_id = "id"
direction = {value = "inbound"}
started_at = {path = "begun", time = "%d.%m.%Y %H:%M:%S"}
caller = "from"
agent = "agent"
team = "team"
"consent.key" = "key"
"consent.at" = {path = "pressed", time = "iso"}
"consent.prompt" = "prompt"
"consent.prompt_completed" = {path = "heard", values = {yes = true, no = false}}
"channels.caller" = {value = 0}
"channels.agent" = {value = 1}

[withdrawal]
only = "withdrawn"
caller = "from"
at = {path = "withdrawn", time = "iso"}
"""


@dataclass(frozen=True)
class DayCall:
    """One call of the day, as the exchange knows it, and when its files come."""

    kind: str
    told: Told
    comes: datetime
    again: datetime | None = None  # when the very same is delivered once more
    sound_comes: datetime | None = None  # later than its record
    has_sound: bool = True

    @property
    def mark(self) -> tuple[str, int]:
        """What tells it from every other."""
        return self.kind, self.told.number


@dataclass(frozen=True)
class DayWithdrawal:
    """A consent withdrawn: by key, in an export or a notice of the exchange, or by support."""

    kind: str
    caller: str
    at: datetime
    number: int


@dataclass
class Day:
    """All that happens, in the order in which it reaches the spool."""

    calls: list[DayCall] = field(default_factory=list)
    withdrawals: list[DayWithdrawal] = field(default_factory=list)


# -- what happens -------------------------------------------------------------------------------------


def day(seed: int, count: int) -> Day:
    """A day of *count* calls, of all kinds and faults; the same for each seed."""
    chance = random.Random(seed)
    made = Day()
    callers = [f"9{chance.randrange(10**7):07}" for _ in range(max(count // 4, 3))]
    kinds = [*KINDS]
    for number in range(count):
        kind = kinds[number % len(kinds)]
        at = DAY + timedelta(seconds=chance.randrange(23 * 3600))
        made.calls.append(_call(chance, kind, number, chance.choice(callers), at))
    for number in range(count // 20):
        caller, at = chance.choice(callers), DAY + timedelta(seconds=chance.randrange(23 * 3600))
        theirs = [call.told for call in made.calls if _plain(call.told.caller) == caller]
        if not any(_is_near(told, at) for told in theirs):  # else two clocks decide, not the consent
            kind = chance.choice([*KINDS, "support"] if not _is_twice(at) else ["support"])
            made.withdrawals.append(DayWithdrawal(kind, f"+47{caller}", at, count + number))
    return made


def _call(chance: random.Random, kind: str, number: int, caller: str, at: datetime) -> DayCall:
    told = Told(number, caller=_written(chance, caller), pressed=at)
    comes = at + timedelta(minutes=chance.randrange(1, 20))
    call = DayCall(kind, told, comes)
    fault = chance.random()
    if fault < 0.24:
        return replace(call, told=replace(told, key="2"), has_sound=chance.random() < 0.3)
    if fault < 0.30:
        return replace(call, told=replace(told, key=None), has_sound=False)
    for below, what in (
        (0.33, {"heard": False}),
        (0.36, {"prompt": "nb-1999-01"}),
        (0.38, {"key": "7"}),
        (0.40, {"begins": HOUR + timedelta(seconds=61)}),  # one clock of two is an hour ahead
        (0.42, {"begins": -HOUR}),  # or behind: the key lies behind the end of the sound
        (0.44, {"clock": chance.choice([-HOUR, HOUR])}),  # of the call's record
        (0.52, {"begins": timedelta(seconds=0 if kind in WHOLE_SECONDS else -chance.choice([0.25, 0.125]))}),
    ):
        if fault < below:
            return replace(call, told=replace(told, **what))  # type: ignore[arg-type]
    if fault < 0.57:  # a later part of a call, with the key of its first
        begins = timedelta(minutes=chance.randrange(1, 56))
        return replace(call, told=replace(told, begins=begins), comes=comes + begins)
    if fault < 0.61:  # the exchange's clock is an hour ahead
        return replace(call, told=replace(told, pressed=at + HOUR))
    if fault < 0.67:
        return replace(call, comes=comes + timedelta(hours=chance.randrange(1, 20)))
    if fault < 0.74:
        return replace(call, again=comes + timedelta(hours=chance.randrange(0, 8)))
    if fault < 0.80 and kind not in {"json", "two sides"}:
        return replace(call, sound_comes=comes + timedelta(hours=chance.randrange(1, 4)))
    return call


def _written(chance: random.Random, caller: str) -> str:
    """A number in one of the notations that exchanges use; some are withheld."""
    pairs = " ".join((caller[:3], caller[3:5], caller[5:]))
    forms = [caller, f"+47{caller}", f"0047{caller}", f"+47 {pairs}", pairs, f"+47-{caller[:4]}-{caller[4:]}"]
    return chance.choice(forms) if chance.random() < 0.97 else "anonymous"


def _plain(caller: str) -> str:
    return "".join(digit for digit in caller if digit.isdigit())[-8:]


def _is_near(told: Told, at: datetime) -> bool:
    times = (told.at, told.begun, told.at + HOUR, told.at - HOUR)
    return any(abs(each - at) < timedelta(minutes=15) for each in times)


# -- what consent allows ------------------------------------------------------------------------------


def allowed(made: Day, ends: datetime) -> dict[tuple[str, int], bytes]:
    """The sound that may be kept of each call when the day is over, by the mark of the call."""
    kept = {}
    for call in made.calls:
        told, sound_ends = call.told, call.told.begun + timedelta(seconds=SECONDS)
        last = max(call.comes, call.again or call.comes, call.sound_comes or call.comes)
        withdrawn = [one.at for one in made.withdrawals if _plain(one.caller) == _plain(told.caller)]
        may_be_kept = (
            told.key == "1"
            and told.heard
            and told.prompt == "nb-2026-01"
            and call.has_sound
            and told.begun - told.at <= HOUR
            and told.at < sound_ends
            and told.begun <= ends
            and last <= ends
            and not (call.kind == "naive" and _is_twice(told.at))
            and not (call.kind == "freepbx" and (_is_twice(told.began) or _is_twice(told.ended)))
            and not (call.kind in TWO_CLOCKS and told.clock)
            and not any(told.at < at + CLOCKS or told.begun < at + CLOCKS for at in withdrawn)
        )
        if may_be_kept:
            cut = max(0, round((told.at - told.begun).total_seconds() * RATE))
            kept[call.mark] = frames(call)[2 * cut :]
    return kept


def frames(call: DayCall) -> bytes:
    """The frames of its sound as the exchange recorded it."""
    if call.kind != "two sides":
        return tone(SECONDS, channels=2, seed=call.told.number)
    sides = (tone(SECONDS, channels=1, seed=2 * call.told.number + side) for side in (0, 1))
    return bytes(sample for pair in zip(*sides, strict=True) for sample in pair)


def _is_twice(at: datetime) -> bool:
    """Whether the clocks in Oslo show this time twice."""
    return datetime(2026, 10, 25, 0, tzinfo=UTC) <= at < datetime(2026, 10, 25, 2, tzinfo=UTC)


# -- what the exchanges write -------------------------------------------------------------------------


def own(spool: Path, told: Told, audio: object = None) -> None:
    """Our own manifest."""
    if told.withdrawn is not None:
        notice = {"withdrawal": {"caller": told.caller, "at": iso(told.withdrawn), "key": "9"}}
        (spool / f"{told.number}.notice.json").write_text(json.dumps(notice), "utf-8")
        return
    zone = (UTC, OSLO)[told.number % 2]
    manifest = {
        "source_id": told.uuid,
        "audio": audio or f"{told.uuid}.wav",
        "direction": "inbound",
        "started_at": told.begun.astimezone(zone).isoformat(),
        "caller": told.caller,
        "agent": "ola",
        "team": told.team,
        "channels": {"caller": 0, "agent": 1},
        "consent": {"key": told.key, "at": iso(told.at), "prompt": told.prompt, "prompt_completed": told.heard},
    }
    if audio is None:
        (spool / f"{told.uuid}.wav").write_bytes(tone_wav(SECONDS, channels=2, seed=told.number))
    (spool / f"{told.uuid}.json").write_text(json.dumps(manifest), "utf-8")


def two_sides(spool: Path, told: Told) -> None:
    """Our own manifest, with a file for each side."""
    names = {"caller": f"{told.uuid}-in.wav", "agent": f"{told.uuid}-out.wav"}
    if told.withdrawn is None:
        for side, name in enumerate(names.values()):
            (spool / name).write_bytes(tone_wav(SECONDS, channels=1, seed=2 * told.number + side))
    own(spool, told, names)


def naive(spool: Path, told: Told) -> None:
    """A row with local times and no word of a zone."""
    row = {
        "id": told.uuid,
        "begun": told.begun.astimezone(OSLO).strftime("%d.%m.%Y %H:%M:%S"),
        "from": told.caller,
        "agent": "ola",
        "team": told.team,
        "key": told.key or "",
        "pressed": told.at.astimezone(OSLO).replace(tzinfo=None).isoformat() if told.key else "",
        "prompt": told.prompt or "",
        "heard": "yes" if told.heard else "no",
        "withdrawn": told.withdrawn.astimezone(OSLO).replace(tzinfo=None).isoformat() if told.withdrawn else "",
    }
    path = spool / "calls.csv"
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, row)
        if is_new:
            rows.writeheader()
        rows.writerow(row)
    if told.withdrawn is None:
        (spool / f"{told.uuid}.wav").write_bytes(tone_wav(SECONDS, channels=2, seed=told.number))


KINDS: dict[str, Callable[[Path, Told], None]] = {**MAKERS, "json": own, "two sides": two_sides, "naive": naive}


def deliver(made: Day, folder: Path, since: datetime, until: datetime) -> None:
    """Put into the spools below *folder*, one for each kind, what comes in that time."""
    for call in made.calls:
        for at in filter(None, (call.comes, call.again)):
            if since <= at < until:
                spool = folder / call.kind
                before = _sounds(spool)
                KINDS[call.kind](spool, call.told)
                if not call.has_sound or call.sound_comes:
                    for sound in _sounds(spool) - before:
                        _aside(folder, sound, call)
        if call.sound_comes and since <= call.sound_comes < until:
            for sound in (folder / "aside" / f"{call.told.number}").glob("*.wav"):
                place = sound.with_suffix(".txt").read_text("utf-8")
                sound.rename(place)
    for one in made.withdrawals:
        if since <= one.at < until and one.kind != "support":
            told = Told(one.number, key=None, caller=one.caller, pressed=one.at, withdrawn=one.at)
            before = _sounds(folder / one.kind)
            KINDS[one.kind](folder / one.kind, told)
            for sound in _sounds(folder / one.kind) - before:  # nobody records who calls to withdraw
                sound.unlink()


def _aside(folder: Path, sound: Path, call: DayCall) -> None:
    """Keep a sound that comes later; one that is never recorded goes."""
    if call.sound_comes is None:
        sound.unlink()
        return
    aside = folder / "aside" / str(call.told.number)
    aside.mkdir(parents=True, exist_ok=True)
    (aside / sound.name).with_suffix(".txt").write_text(str(sound), "utf-8")
    sound.rename(aside / sound.name)


def _sounds(spool: Path) -> set[Path]:
    return set(spool.rglob("*.wav"))


def steps(hours: float) -> Iterator[tuple[datetime, datetime]]:
    """The times between two intakes; the last one takes in what is left a day later."""
    at, ends = DAY, DAY + timedelta(hours=44)
    while at < ends:
        until = min(at + timedelta(hours=hours), ends)
        yield at, until
        at = until
