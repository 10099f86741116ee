"""Audit events: what is written is read back as the same event, and every kind says what it does to recordings."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import NODEFAULT, structs

from arlo_rec.law.log import events
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.model.records import RecordingId
from arlo_rec.law.model.strict_json import canonical, parse_object
from arlo_rec.law.rights import ObjectionScope, ObjectionState
from arlo_rec.law.rules import RULES
from arlo_rec.policy import Action, State, transition
from arlo_rec.policy import Event as Moves
from tests.support.each import each

IDS = st.lists(st.binary(min_size=16, max_size=16).map(RecordingId), max_size=3).map(tuple)
TEXTS = st.text(max_size=20)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "str": TEXTS,
    "str | None": st.none() | TEXTS,
    "int": st.integers(0, 2**40),
    "int | None": st.none() | st.integers(0, 2**40),
    "bool": st.booleans(),
    "bool | None": st.none() | st.booleans(),
    "Ids": IDS,
    "Sequence[tuple[int, int]]": st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=3),
    "Sequence[str]": st.lists(TEXTS, max_size=3),
    "Sequence[ObjectionScope]": st.lists(st.sampled_from(ObjectionScope), max_size=3),
    "ObjectionState": st.sampled_from(ObjectionState),
    "Sequence[str] | None": st.none() | st.lists(TEXTS, max_size=3),
    "Mapping[str, Any]": st.dictionaries(TEXTS, TEXTS, max_size=3),
    "Mapping[str, Any] | None": st.none() | st.dictionaries(TEXTS, TEXTS, max_size=3),
}


def _kinds() -> list[type[AuditEvent]]:
    every = [value for value in vars(events).values() if isinstance(value, type) and issubclass(value, AuditEvent)]
    return [kind for kind in every if kind.OUTCOME and (kind.ACTION or "action" in kind.__struct_fields__)]


def _hints(kind: type[AuditEvent]) -> dict[str, str]:
    hints: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        hints |= {name: str(hint) for name, hint in inspect.get_annotations(base).items()}
    return {name: hints[name] for name in kind.__struct_fields__}


@st.composite
def any_event(draw: st.DrawFn) -> AuditEvent:
    """An event of any kind, with any values; a field with a fixed word keeps it."""
    kind = draw(st.sampled_from(_kinds()))
    values, hints = {}, _hints(kind)
    for field in structs.fields(kind):
        if field.default in (None, NODEFAULT):
            values[field.name] = draw(VALUES[hints[field.name]])
    if "action" in values:
        values["action"] = draw(st.sampled_from([str(one) for one in getattr(kind, "ACTIONS", tuple(Action))]))
    return kind(**values)


@given(any_event())
def test_an_event_that_was_written_is_read_back_as_the_same_event(event: AuditEvent) -> None:
    entry = parse_object(canonical({**event.to_json(), "at": "2026-10-01T08:15:45Z", "person": "x", "policy": "y"}))
    again = events.read(entry)
    assert again is not None
    if type(again) is type(event):
        assert again.to_json() == event.to_json()
    else:  # of two kinds that hold the same, the more general one was written
        assert isinstance(event, events.Opened | events.Denied | events.Failed)
        assert again.to_json() == event.to_json()


@each("kind", _kinds())
def test_every_kind_of_event_says_what_it_is_for_and_names_a_rule(kind: type[AuditEvent]) -> None:
    assert kind.__doc__
    assert kind.OUTCOME in {"allowed", "denied", "failed", "done"}
    assert "rule" in kind.__struct_fields__ or kind.RULE in RULES


def test_an_event_cannot_be_changed_or_made_without_its_fields() -> None:
    event = events.PersonRemoved(removed="leif", people="00")
    with pytest.raises(AttributeError):
        event.removed = "turid"  # type: ignore[misc]
    with pytest.raises(TypeError, match="removed"):
        events.PersonRemoved(people="00")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="who"):
        events.PersonRemoved(removed="leif", people="00", who="x")  # type: ignore[call-arg]
    assert event == events.PersonRemoved(removed="leif", people="00")
    assert event != events.PersonRemoved(removed="turid", people="00")
    assert len({event, events.PersonRemoved(removed="leif", people="00")}) == 1


def test_an_entry_that_no_kind_knows_is_no_event() -> None:
    assert events.read({"action": "dance", "outcome": "done", "rule": "scope.only"}) is None
    assert events.read({"action": "person remove", "outcome": "done", "detail": {"removed": "leif"}}) is None
    assert events.read({"action": "withdraw", "outcome": "done", "detail": 7}) is None
    assert events.read({}) is None


def test_what_takes_in_and_what_erases_is_known_by_action_and_outcome() -> None:
    assert events.taking_in() == {("ingest", "allowed"), ("pseudonymise", "done")}
    erasing = {"withdraw", "purge", "restore", "review", "release", "reject", "objection"}
    assert events.erasing() == {(action, "done") for action in erasing}


def test_every_event_of_a_recordings_life_leads_from_one_state_to_another() -> None:
    for move in Moves:
        before, after = transition(move)
        assert before is not after
        assert list(State).index(before) < list(State).index(after)


def test_type_hints_of_events_are_ones_that_the_log_can_hold() -> None:
    for kind in _kinds():
        assert typing.get_type_hints(kind, vars(events))
        assert set(_hints(kind).values()) <= set(VALUES), kind
