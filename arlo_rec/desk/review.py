"""Review a copy on a page: play the copy and its original, and carry out the decisions.

`pseudonymise`, as for the commands, decides what is allowed and what a confirmation needs; this module opens the copy,
watches its permits and answers the page. Heard parts are logged before a confirmation needs them, and at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from math import ceil, isfinite
from typing import Any, Final

import msgspec

from arlo_rec import pseudonymise
from arlo_rec.calls.training import owed, under_review
from arlo_rec.calls.training.build import TrainingCopy
from arlo_rec.calls.training.cut_plan import Changes, CutPlan, edited
from arlo_rec.calls.training.spoken import heard_in, spoken
from arlo_rec.desk import listen
from arlo_rec.desk.session import SOUND, Answered, Session
from arlo_rec.law.log.events import HeardInReview
from arlo_rec.law.model.errors import ArloError, Usage
from arlo_rec.law.model.policy_versions import demanded_reason
from arlo_rec.law.model.spans import Span, length_of, united, without
from arlo_rec.policy import Action, State
from arlo_rec.sound.audio.cut_list import Cut
from arlo_rec.vault.access import gate
from arlo_rec.vault.access.gate import Intent, Permit
from arlo_rec.vault.catalogue.copies import Copy
from arlo_rec.vault.opened import Store

ORIGINAL: Final = "original"
MOST_LOGGED: Final = 2_000  # heard spans in an entry
MOST_UNHEARD: Final = 1.0  # seconds of a copy that may stay unheard without being told
_STATUSES: Final = frozenset({"accepted", "removed", "changed", "added", "proposed", "look"})


@dataclass(frozen=True, slots=True)
class OpenReview:
    """A copy that may be heard and decided on, with its permit and its original's, whose log entries are durable."""

    copy: Copy
    shown: TrainingCopy
    permits: Mapping[str, Permit] = field(repr=False)  # by track
    facts: dict[str, Any] = field(repr=False)
    heard: Sequence[Span] = field(repr=False)  # by this person in earlier sessions
    reason: str


def open_for(
    store: Store, shown_id: str, purpose: str | None, reason: str | None, clock: Callable[[], datetime]
) -> OpenReview:
    """Open a copy under review for a reviewer; raises what `pseudonymise.show` and the gate raise.

    All roles need a live grant for quality and a reason, since the original is heard.
    """
    admission = gate.admit(store, Intent(Action.REVIEW_LISTEN, purpose, reason), clock())
    copy, recording = under_review.open_one(store, shown_id, Intent(Action.REVIEW, purpose, reason), clock)
    ids = {SOUND: copy.id, ORIGINAL: copy.parent}
    permits = {name: gate.permit(store, admission, recording_id.hex(), clock()) for name, recording_id in ids.items()}
    shown = TrainingCopy.of(copy, recording)
    under_review.note_shown(store, copy, len(shown.cuts), clock())
    facts = listen.facts(store, admission, permits[SOUND], clock()) | {"review": True}
    facts["channels"] = listen.channel_names(recording.sound.channels, shown.sides)
    heard = owed.heard(store, copy, shown.plan)
    return OpenReview(copy, shown, permits, facts, heard, str(admission.reason))


def session(store: Store, opened: OpenReview, warnings: Sequence[str], now: datetime) -> Session:
    """Make the session of a page; *warnings* are sentences. Raises Refused or Integrity as `listen.session`."""
    tracks = {name: listen.track(store, permit, now) for name, permit in opened.permits.items()}
    return Session(opened.facts, tracks, drawn=ORIGINAL, review=document(opened, warnings))


def document(opened: OpenReview, warnings: Sequence[str]) -> dict[str, Any]:
    """The content of the page: cuts with their words, all words, and stretches that a person has to hear."""
    plan, words = opened.shown.plan, spoken(opened.shown.plan)
    doubts = owed.doubtful(plan, opened.shown.duration) if plan.is_all_doubtful else plan.unsure
    starts = [word.start for word in words]
    unscored = {} if plan.is_scored else {"score": None}  # nobody said how sure a word is
    cuts = [
        {"number": number, **cut.to_json(), **unscored, "heard": " ".join(heard_in(cut, words, starts))}
        for number, cut in enumerate(plan.listed, 1)
    ]
    return {
        "copy": opened.shown.copy.hex(),
        "revision": opened.shown.revision,
        "state": str(opened.shown.state),
        "cuts": cuts,
        "unsure": msgspec.to_builtins(doubts),
        "words": msgspec.to_builtins(words),
        "warnings": list(warnings),
        "heard": [[begin, min(end, opened.shown.duration)] for begin, end in united(opened.heard)],
    }


# -- while it is open ---------------------------------------------------------------------------------


@contextmanager
def watched(
    store: Store,
    opened: OpenReview,
    page: Session,
    clock: Callable[[], datetime],
    sentence: Callable[[ArloError], str],
) -> Iterator[Callable[[], None]]:
    """Context of a review: yields a function that checks the permits and carries out decisions.

    At the end it always logs what the reviewer heard.
    """
    noted: dict[str, list[Span]] = {}

    def note_heard() -> None:
        for name, permit in opened.permits.items():
            _note_heard(store, permit, page, name, noted, clock())

    def decide(asked: dict[str, Any]) -> Answered:
        try:
            note_heard()
            return _decide(store, opened, page, asked, clock)
        except ArloError as error:
            return Answered(HTTPStatus.UNPROCESSABLE_ENTITY, {"message": sentence(error)})

    def look() -> None:
        _end_where_closed(store, opened, page, clock())
        if page.is_open:
            with page.nothing_given():
                if page.requests.serve(decide):  # check again before sound is given again
                    _end_where_closed(store, opened, page, clock())

    with listen.at_the_end(page, note_heard):
        yield look


def _end_where_closed(store: Store, opened: OpenReview, page: Session, now: datetime) -> None:
    """End the page if the call closes, or another person edited, released or rejected the copy."""
    listen.end_where_closed(store, opened.permits[ORIGINAL], page, now)
    row = store.catalogue.recordings.get(opened.copy.id)
    if page.is_open and (row is None or row.state is not State.HELD):
        page.end("changed")


def _note_heard(
    store: Store, permit: Permit, page: Session, name: str, noted: dict[str, list[Span]], now: datetime
) -> None:
    """Log what was heard of a track so far, if it is new."""
    played = page.played(name)
    if noted.get(name) == played:
        return
    spans = [(round(100 * begin), round(100 * end)) for begin, end in played[:MOST_LOGGED]]
    heard_s, given_s = ceil(page.heard_s(name)), ceil(page.given_s(name))
    recordings = (permit.recording.id,)
    store.note(HeardInReview(recordings=recordings, of=permit.seq, heard_s=heard_s, given_s=given_s, spans=spans), now)
    noted[name] = played


# -- decisions ---------------------------------------------------------------------------------------


def _decide(
    store: Store, opened: OpenReview, page: Session, asked: dict[str, Any], clock: Callable[[], datetime]
) -> Answered:
    """Change the cuts, confirm if asked, and end the page; raises ArloError."""
    changes, reason = _changes(opened.shown.plan, asked.get("cuts")), asked.get("reason")
    is_confirming = asked.get("confirm") is True
    if is_confirming:
        # the open tasks after the changes, by the heard parts in the log
        plan = opened.shown.plan.with_cuts(edited(opened.shown.plan.listed, changes))
        heard = owed.heard(store, opened.copy, plan, is_edited=bool(changes))
        left, unheard_s = owed.owed(plan, heard, opened.shown.duration), _unheard(plan, heard, opened.shown.duration)
        if (left and not isinstance(reason, str)) or (unheard_s and not left and asked.get("vouches") is not True):
            return Answered(HTTPStatus.CONFLICT, {"left": msgspec.to_builtins(left), "unheard_s": unheard_s})
        if left:
            demanded_reason(reason)
    revision, copy = opened.shown.revision, opened.shown.copy.hex()
    if changes:
        revision = pseudonymise.change(
            store, copy, lambda _: changes, Intent(Action.REVIEW, reason=opened.reason), clock
        ).revision
    if is_confirming:
        try:
            pseudonymise.confirm(store, copy, reason if isinstance(reason, str) else None, clock)
        except ArloError:
            if changes:
                page.done = "saved"
                page.end("saved")
            raise
    page.done = done = "confirmed" if is_confirming else "saved"
    page.end(done)
    return Answered(HTTPStatus.OK, {"done": done, "revision": revision})


def _unheard(plan: CutPlan, heard: Sequence[Span], duration: float) -> float:
    """The seconds of a copy that stay and that its reviewer did not hear: they vouch for them by the words alone."""
    silent = [(cut.start, cut.end) for cut in plan.cuts if cut.channels is None]
    seconds = length_of(without([(0.0, duration)], [*heard, *silent]))
    return round(seconds, 1) if seconds > MOST_UNHEARD else 0.0


def _changes(plan: CutPlan, decisions: object) -> Changes:
    """The page's changes of cuts; raises Usage for an invalid one."""
    if not isinstance(decisions, list) or not all(isinstance(decision, dict) for decision in decisions):
        raise Usage("cuts_wrong", place="1", why="no_list")
    accepted, removed, undone = [], [], []
    moved: dict[int, Cut] = {}
    added: list[Cut] = []
    for place, decision in enumerate(decisions, 1):
        number, status = decision.get("number"), decision.get("status")
        if not isinstance(status, str) or status not in _STATUSES or (number is not None and type(number) is not int):
            raise Usage("cuts_wrong", place=str(place), why="not_a_cut")
        if number is None and status != "added":
            raise Usage("cuts_wrong", place=str(place), why="not_a_cut")
        if number is None:
            added.append(_cut(decision, place))
        elif status == "removed":
            removed.append(number)
        elif status in {"proposed", "look"}:
            undone.append(number)
        elif status == "accepted":
            accepted.append(number)
        else:
            moved[number] = _cut(decision, place)
    return Changes(accepted, removed, moved, added, undone)


def _cut(decision: Mapping[str, Any], place: int) -> Cut:
    """The span of a page's cut; raises Usage."""
    try:
        start, end = float(decision["start"]), float(decision["end"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Usage("cuts_wrong", place=str(place), why="no_time") from None
    if not isfinite(end) or not 0 <= start < end:
        raise Usage("cuts_wrong", place=str(place), why="no_length")
    return Cut(start, end)
