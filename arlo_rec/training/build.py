"""How a training copy comes to be: opened, planned, cut, proved against its original, sealed to its makers.

    opened    the original in memory, with what is known of it
    planned   where to cut: from a list, from transcripts, from an engine (`speech.planning`); touches no store
    made      cut, proved, sealed; the list, the words and the reasons go to the makers and to nobody else
Nothing that was decrypted touches the disk, and without words or a list there is no plan.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from arlo_rec import audio
from arlo_rec.access import gate
from arlo_rec.access.gate import Permit
from arlo_rec.audio import Fill, Sound, Stretch
from arlo_rec.crypto import object_file, primitives
from arlo_rec.model.errors import Integrity, InUse, Usage
from arlo_rec.model.records import Kind, Recording, RecordingId
from arlo_rec.model.strict_json import from_base64, to_base64
from arlo_rec.policy import Action, Mode, releases_unreviewed
from arlo_rec.speech import cut_list
from arlo_rec.speech.cut_list import Cut
from arlo_rec.speech.words import Transcript
from arlo_rec.store import Store
from arlo_rec.training import copies
from arlo_rec.training.copies import NEEDS_REVIEW, READY, Copy

if TYPE_CHECKING:
    from arlo_rec.speech.engines.engine import Engine
    from arlo_rec.speech.engines.name_model import Labeller

FOR_TRAINERS = ("agent", "duration_s", "encoding", "rate", "tracks")
MOST_WORDS_KEPT = 20_000  # of a transcript beside the cut list; a call of two hours


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asked for; *transcripts* are documents with the role or track whose words they hold."""

    mode: Mode
    fill: Fill = Fill.SILENCE
    cuts: tuple[Cut, ...] = ()
    transcripts: tuple[tuple[str | None, bytes], ...] = ()
    disguise: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A recording in memory."""

    recording: Recording
    key: object_file.DataKey
    header: object_file.Header
    permit: Permit = field(repr=False)
    sound: Sound = field(repr=False)
    known: dict[str, Any] = field(repr=False)

    @property
    def names(self) -> list[str]:
        """Who is known to be heard: the agent, and what the company already had."""
        told = self.known.get("known", {})
        return [self.known["agent"], *(name for side in sorted(told) for name in told[side])]

    @property
    def lead(self) -> float:
        """Seconds before the key press, which intake cut; a transcript of the whole call counts from before them."""
        return float(self.known.get("lead_s", 0.0))


@dataclass(frozen=True, slots=True)
class Planned:
    """Where to cut, and what a reviewer has to know."""

    cuts: tuple[Cut, ...]
    mode: Mode
    cover_of_speech: float | None = None
    offset_s: float | None = None
    warnings: tuple[str, ...] = ()
    unsure: tuple[tuple[float, float, int | None], ...] = ()
    words: tuple[tuple[str, float, float, float | None, int | None], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Made:
    """A copy with its cut list."""

    original: RecordingId
    copy: RecordingId
    state: str
    planned: Planned
    cover: float  # of the length of the call, how much is cut
    duration: float

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """In order of time."""
        return self.planned.cuts


# -- opened -------------------------------------------------------------------------------------------


def opened(store: Store, shown_id: str, action: Action, clock: Callable[[], datetime]) -> Opened:
    """A recording with its key, whole and in memory, for whoever may make a copy of it."""
    given = gate.permit_maker(store, shown_id, action, clock())
    key, header = gate.data_key(store, given, clock())
    body = b"".join(gate.listen_to(store, given, clock))
    sound = audio.read_wav(io.BytesIO(body), len(body))
    del body
    known = copies.known_of(store, given.recording.id, given.keys, key.ke)
    return Opened(given.recording, key, header, given, sound, known)


def original(store: Store, shown_id: str, clock: Callable[[], datetime]) -> Opened:
    """The same, of what a copy can be made of; raises Usage for a copy."""
    found = opened(store, shown_id, Action.PSEUDONYMISE, clock)
    if found.recording.kind is not Kind.ORIGINAL:
        raise Usage("not_an_original")
    return found


# -- planned ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Helpers:
    """What hears and what names people, where there is such a thing."""

    engine: Engine | None = None
    labeller: Labeller | None = None


ALONE = Helpers()


def demand_words(order: Order, helpers: Helpers) -> None:
    """Raise Usage, before anything is opened, where nothing says what was said and no list what is to go."""
    if order.mode is Mode.MANUAL:
        if not order.cuts:
            raise Usage("cuts_missing")
    elif not order.transcripts and helpers.engine is None:
        raise Usage("words_missing")


def planned(one: Opened, order: Order, helpers: Helpers = ALONE) -> Planned:
    """Where to cut; touches no store. Raises Usage where there are neither words nor a list, or they do not fit."""
    demand_words(order, helpers)
    listed = within(order.cuts, one.sound)
    if order.mode is Mode.MANUAL:
        return Planned(tuple(listed), Mode.MANUAL)
    from arlo_rec.speech.planning import planner

    transcripts = _transcripts(one, order, helpers.engine)
    strict, labeller = order.mode is Mode.STRICT, helpers.labeller
    found = planner.plan(one.sound, transcripts, one.names, strict=strict, lead=one.lead, labeller=labeller)
    words = found.words[:MOST_WORDS_KEPT]
    return Planned(
        tuple(sorted([*found.cuts, *listed], key=lambda cut: (cut.start, cut.end))),
        order.mode,
        found.cover_of_speech,
        found.offsets[0],
        found.warnings,
        found.unsure,
        tuple((each.text, each.start, each.end, each.score, each.channel) for each in words),
    )


def _transcripts(one: Opened, order: Order, engine: Engine | None) -> list[Transcript]:
    from arlo_rec.speech.engines import passes
    from arlo_rec.speech.transcripts import reading

    read = [reading.read(raw, _channel(one, role)) for role, raw in order.transcripts]
    if engine is not None:
        read += passes.heard(engine, one.sound, order.language, one.names)
    return _united(read)


def _united(read: Sequence[Transcript]) -> list[Transcript]:
    """Documents of single channels side by side as one of all, the first of each channel, then the second of each ...

    Each by itself would leave the other channel without words, and two passes of one channel in one would mix.
    """
    by_channel: dict[int, list[Transcript]] = {}
    for one in read:
        if one.channel is not None:
            by_channel.setdefault(one.channel, []).append(one)
    if len(by_channel) < 2:
        return list(read)
    most = max(len(each) for each in by_channel.values())
    beside = [[each[min(at, len(each) - 1)] for each in by_channel.values()] for at in range(most)]
    together = [
        Transcript(
            each[0].form,
            tuple(word for one in each for word in one.words),
            tuple(marked for one in each for marked in one.redactions),
        )
        for each in beside
    ]
    return [*together, *(one for one in read if one.channel is None)]


def _channel(one: Opened, role: str | None) -> int | None:
    """The track of "caller", "agent", or of a number."""
    if role is None or one.sound.channels == 1:
        return None
    track = int(role) if role.isdecimal() else one.known.get("channels", {}).get(role)
    if track is None or not 0 <= track < one.sound.channels:
        raise Usage("track_unknown", role=role)
    return int(track)


# -- made ---------------------------------------------------------------------------------------------


def make(
    store: Store, source: Opened, plan: Planned, order: Order, now: datetime, changed: RecordingId | None = None
) -> Made:
    """Cut, prove, seal; raises Refused where whoever opened the call may not any longer.

    The state is `ready` only where the policy lets that mode go unreviewed, nothing warns, and no person *changed* the
    copy of that id into this one.
    """
    gate.still_open(store, source.permit, now)
    if not plan.cuts and plan.mode is Mode.MANUAL:
        raise Usage("cuts_empty")
    chance = primitives.fresh()
    before = disguised(source.sound) if order.disguise else source.sound
    cut = audio.cut(before, stretches(plan.cuts), order.fill, chance)
    prove(before, cut, plan.cuts, order.fill, chance)
    told = {key: source.known[key] for key in FOR_TRAINERS}
    told["cuts"] = _told(plan, order, chance)
    state = READY if releases_unreviewed(plan.mode, plan.warnings) and changed is None else NEEDS_REVIEW
    made = sealed(store, source, cut, lambda: copies.makers(store, source.header, told), state, now, changed)
    return made_of(Copy(made.id, source.recording.id, state, store.person.name, None), told, cut.duration)


def sealed(
    store: Store,
    source: Opened,
    sound: Sound,
    audience: Callable[[], copies.Audience],
    state: str,
    now: datetime,
    made_from: RecordingId | None,
) -> Recording:
    """The copy, held; once more for another audience where the roster was changed meanwhile."""

    def still() -> None:
        gate.still_open(store, source.permit, now)

    def once() -> Recording:
        return copies.make(
            store, source.recording, source.key, sound, audience(), state, now, still=still, made_from=made_from
        )

    try:
        return once()
    except InUse:
        if store.document("roster").counter == store.roster.counter:
            raise
    store.load_documents()
    still()
    return once()


def within(cuts: Sequence[Cut], sound: Sound) -> list[Cut]:
    """The same cuts, ended with the sound; raises Usage for one that is not in it."""
    return cut_list.within(list(cuts), sound.duration, sound.channels)


def disguised(sound: Sound) -> Sound:
    """Every turn of every channel with a McAdams coefficient of its own, drawn here and kept nowhere."""
    from arlo_rec.audio.activity import activity
    from arlo_rec.audio.voice import disguise, turns_of

    return disguise(sound, turns_of(activity(sound)), primitives.fresh())


def prove(before: Sound, after: Sound, cuts: Sequence[Cut], fill: Fill, chance: bytes) -> None:
    """Length, everything outside and everything inside; raises Integrity."""
    if found := audio.cut_problems(before, after, stretches(cuts), fill, chance):
        raise Integrity("copy_is_not_the_cut_call", why=found[0])


def stretches(cuts: Sequence[Cut]) -> list[Stretch]:
    """What is cut, as `audio` knows it."""
    return [Stretch(one.start, one.end, one.channels) for one in cuts]


def cover(cuts: Sequence[Cut], duration: float) -> float:
    """Of the length of a call, the share in which something is cut."""
    total, reached = 0.0, 0.0
    for one in sorted(cuts, key=lambda each: each.start):
        total += max(0.0, one.end - max(one.start, reached))
        reached = max(reached, one.end)
    return total / duration


# -- what the makers are told -------------------------------------------------------------------------


def _told(plan: Planned, order: Order, chance: bytes) -> dict[str, Any]:
    return {
        "list": [one.told() for one in plan.cuts],
        "fill": str(order.fill),
        "chance": to_base64(chance),
        "disguised": order.disguise,
        "mode": str(plan.mode),
        "cover_of_speech": plan.cover_of_speech,
        "offset_s": plan.offset_s,
        "warnings": list(plan.warnings),
        "unsure": [list(one) for one in plan.unsure],
        "words": [list(one) for one in plan.words],
    }


def made_of(copy: Copy, known: Mapping[str, Any], duration: float) -> Made:
    """A copy as its metadata tells of it."""
    told = known["cuts"]
    plan = Planned(
        cuts_of(known),
        Mode(told.get("mode", Mode.MANUAL)),
        told.get("cover_of_speech"),
        told.get("offset_s"),
        tuple(told.get("warnings", ())),
        tuple((start, end, channel) for start, end, channel in told.get("unsure", ())),
        tuple((text, start, end, score, channel) for text, start, end, score, channel in told.get("words", ())),
    )
    return Made(copy.parent, copy.id, copy.state, plan, cover(plan.cuts, duration), duration)


def cuts_of(known: Mapping[str, Any]) -> tuple[Cut, ...]:
    """The cuts of a copy, as its metadata tells them."""
    return tuple(cut_list.from_told(one) for one in known["cuts"]["list"])


def order_of(known: Mapping[str, Any]) -> Order:
    """How a copy was made, so that it can be made again with other cuts."""
    told = known["cuts"]
    return Order(Mode(told.get("mode", Mode.MANUAL)), Fill(told["fill"]), disguise=bool(told.get("disguised")))


def chance_of(known: Mapping[str, Any]) -> bytes:
    """Where the noise of a copy came from."""
    return from_base64(known["cuts"]["chance"])


def with_cuts(plan: Planned, cuts: Sequence[Cut]) -> Planned:
    """The same plan with other cuts, in order of time."""
    return replace(plan, cuts=tuple(sorted(cuts, key=lambda one: (one.start, one.end))))
