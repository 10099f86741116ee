"""The subject of an access request: the person's identifiers, and their recordings.

A caller is known by numbers, in any notation, and by references of calls whose number was withheld; an employee by the
name under which the telephone system delivers their calls. The catalogue has all of them as blind indexes only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from arlo_rec.law.model.errors import NothingMatched, Refused, Usage
from arlo_rec.law.model.names import agent_name, is_unicode
from arlo_rec.law.model.phone_numbers import numbers_in
from arlo_rec.law.model.records import Kind, Private, Recording, RecordingId, Subject
from arlo_rec.people.dsar.answer import ObjectionFacts, Scope
from arlo_rec.vault.access import holds, objections
from arlo_rec.vault.access.short_ids import named
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.roster import name_then
from arlo_rec.vault.opened import Store

_ID = re.compile(r"[0-9a-f]{32}")
_TAG_KINDS = {"call": "source", "agent": "agent", "person": "person"}  # the first two as in `recordings`
_LONGEST = 200  # characters, as in a manifest


class KnownBy(StrEnum):
    """The kinds of identifiers."""

    CALLER = "caller"  # a telephone number
    CALL = "call"  # a call whose number was withheld, by the exchange's reference
    AGENT = "agent"  # an employee, by the name in the telephone system
    PERSON = "person"  # a user of this system, by the name in the roster

    @property
    def mark(self) -> bytes:
        """The first byte of a tag of that kind in a case, so that no kind is taken for another."""
        return {"caller": b"n", "call": b"r", "agent": b"a", "person": b"p"}[self.value]


class Identifier(NamedTuple):
    """An identifier of a person: the text for display, and its blind index."""

    kind: KnownBy
    text: str
    tag: bytes

    def __repr__(self) -> str:
        return f"Identifier({self.kind})"

    @property
    def marked(self) -> bytes:
        """The blind index as a case has it, in 17 bytes."""
        return self.kind.mark + self.tag


def identifiers(
    store: Store, callers: Sequence[str], references: Sequence[str], agents: Sequence[str], person: str | None = None
) -> tuple[Identifier, ...]:
    """The identifiers of a person, without duplicates.

    Raises Usage if none is named, or people of two kinds at once, and NothingMatched for an invalid number or an
    unknown user. Raises Refused for the reference of a call that has a number, which identifies the caller instead.
    """
    kinds = [bool(callers or references), bool(agents), person is not None]
    if not any(kinds):
        raise Usage("nobody_named")
    if sum(kinds) > 1:
        raise Usage("agent_or_caller")
    for name, texts in (("--reference", references), ("--agent", agents)):
        if not all(0 < len(text) <= _LONGEST and is_unicode(text) for text in texts):
            raise Usage("bad_value", name=name)
    known_by = [known(store, KnownBy.CALLER, number.reveal()) for number in _numbers(callers)]
    known_by += [_of_call(store, text) for text in references]
    known_by += [known(store, KnownBy.AGENT, text) for text in agents]
    known_by += [_user(store, person)] if person is not None else []
    return tuple(dict.fromkeys(known_by))


def _numbers(callers: Sequence[str]) -> list[Private]:
    try:
        return numbers_in(callers) if callers else []
    except NothingMatched:
        raise NothingMatched("not_a_number_asked") from None


def _user(store: Store, name: str) -> Identifier:
    """A present or former user of the system; raises NothingMatched."""
    if name not in {name_then(each.name) for each in (*store.roster.people, *store.roster.former)}:
        raise NothingMatched("no_such_user", name=name[:_LONGEST], rule="access.subject")
    return known(store, KnownBy.PERSON, name)


def are_mixed(known_by: Iterable[Identifier]) -> bool:
    """Whether some identifiers are of another kind of person than others."""
    kinds = {identifier.kind for identifier in known_by}
    return len({KnownBy.CALLER if kind is KnownBy.CALL else kind for kind in kinds}) > 1


def side_of(known_by: Iterable[Identifier]) -> str:
    """The person's side of the calls, `agent` or `caller`; or `person`, of a user, whose answer has no calls."""
    kinds = {identifier.kind for identifier in known_by}
    return "person" if KnownBy.PERSON in kinds else "agent" if KnownBy.AGENT in kinds else "caller"


def objections_of(store: Store, known_by: Iterable[Identifier]) -> tuple[ObjectionFacts, ...]:
    """An employee's objections as they stand, by each of their names; the oldest change first."""
    names = [identifier.text for identifier in known_by if identifier.kind is KnownBy.AGENT]
    theirs = [each for name in names for each in objections.of_agent(store, name).values()]
    return tuple(
        ObjectionFacts(each.scope, each.state, each.received, each.due, each.at, each.reason)
        for each in sorted(theirs, key=lambda objection: objection.at)
    )


def known(store: Store, kind: KnownBy, text: str) -> Identifier:
    """An identifier by its stored text: a number in E.164 form, a reference, a name."""
    seed = store.secret(INDEX_SEED)
    if kind is KnownBy.CALLER:
        return Identifier(kind, text, primitives.caller_tag(seed, text.encode("utf-8")))
    tags = primitives.derive(seed, "tags")
    indexed = agent_name(text) if kind is KnownBy.AGENT else text
    return Identifier(kind, text.strip(), primitives.tag(tags, indexed.encode("utf-8"), kind=_TAG_KINDS[kind]))


def held(store: Store, known_by: Iterable[Identifier], now: datetime) -> list[Recording]:
    """The held calls of a person, without duplicates, the oldest first; those past retention only if on hold."""
    calls: dict[RecordingId, Recording] = {}
    on_hold, at = holds.at(store, now), store.clock.today(now)
    for identifier in known_by:
        if identifier.kind is KnownBy.PERSON:
            continue
        for row in store.catalogue.search.of_subject(_subject(identifier)):
            is_anothers = identifier.kind is KnownBy.CALL and row.caller is not None
            if row.kind is Kind.ORIGINAL and not is_anothers and not on_hold.is_over(row, at):
                calls[row.id] = row
    return sorted(calls.values(), key=lambda row: (row.started_at, row.id))


def still_there(store: Store, known_by: Iterable[Identifier]) -> list[RecordingId]:
    """The calls of a person that are not erased, also those that the next purge erases."""
    rows = (row for subject in of_each(known_by) for row in store.catalogue.search.of_subject(subject))
    return sorted({row.id for row in rows if row.kind is Kind.ORIGINAL})


def of_each(known_by: Iterable[Identifier]) -> list[Subject]:
    """The subject of each identifier that recordings have."""
    return [_subject(each) for each in known_by if each.kind is not KnownBy.PERSON]


def _subject(identifier: Identifier) -> Subject:
    match identifier.kind:
        case KnownBy.CALLER:
            return Subject(caller=identifier.tag)
        case KnownBy.CALL:
            return Subject(source=identifier.tag, recording=_our_id(identifier.text))
        case KnownBy.AGENT:
            return Subject(agent=identifier.tag)
        case KnownBy.PERSON:
            raise ValueError("a user is in no recording by that name")


def _of_call(store: Store, text: str) -> Identifier:
    """A call with a withheld number, by the exchange's reference or by our id.

    Raises Refused if it has a number, or if the text leads to two calls.
    """
    identifier = known(store, KnownBy.CALL, text)
    rows = store.catalogue.search.of_subject(_subject(identifier))
    calls = [row for row in rows if row.kind is Kind.ORIGINAL]
    if len(calls) > 1:
        raise Refused("reference_of_two", rule="access.subject")
    if any(row.caller is not None for row in calls):
        raise Refused("reference_has_number", rule="access.subject")
    return identifier


def _our_id(text: str) -> RecordingId | None:
    """The id of a recording of ours, if a reference is one."""
    return RecordingId(bytes.fromhex(text)) if _ID.fullmatch(text) else None


# -- scope -------------------------------------------------------------------------------------------
# The part of the held calls that the person asks for: by name, or by a span of time.


def within(store: Store, scope: Scope, held: Sequence[Recording]) -> list[Recording]:
    """The calls of *held* that meet each condition; a call is named by our id, its beginning, or the exchange's
    reference.

    Raises NothingMatched for a call that is not in *held*, and if no held call is within the scope.
    """
    chosen = [recording for recording in held if _is_in_span(scope, recording)]
    if scope.calls:
        named = {recording.id for text in scope.calls for recording in _named(store, text, held)}
        chosen = [recording for recording in chosen if recording.id in named]
    if not chosen:
        raise NothingMatched("nothing_in_scope", rule="access.subject")
    return chosen


def in_full(scope: Scope | None, held: Sequence[Recording]) -> Scope | None:
    """The scope for the person: with the whole id for each beginning of an id."""
    if scope is None:
        return None
    ids = {recording.id.hex() for recording in held}
    return replace(scope, calls=tuple((named(text, ids) or [text])[0] for text in scope.calls))


def _is_in_span(scope: Scope, recording: Recording) -> bool:
    begins_late_enough = scope.since is None or recording.started_at >= scope.since
    return begins_late_enough and (scope.before is None or recording.started_at < scope.before)


def _named(store: Store, text: str, held: Sequence[Recording]) -> list[Recording]:
    """The call that a text means; an id of ours goes before a reference, and an ambiguous text means none."""
    if not is_unicode(text):
        raise Usage("bad_value", name="--only")
    own = named(text, {recording.id.hex() for recording in held})
    source = known(store, KnownBy.CALL, text).tag
    by_id = [recording for recording in held if recording.id.hex() in own]
    by_source = [recording for recording in held if recording.source == source and text not in own]
    if len(by_id) > 1 or by_id == by_source == [] or (by_id and by_source and by_id != by_source):
        raise NothingMatched("not_their_call", rule="access.subject", call=text)
    return by_id or by_source
