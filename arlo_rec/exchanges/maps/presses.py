"""The history of keys in a record: which of them answers the question of consent, or withdraws.

`model.consent` says what each key of a history means; this module reads the keys, and gives the fields that follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from arlo_rec.exchanges.maps.fields import FieldValue, MappedField, read_field
from arlo_rec.exchanges.maps.paths import RecordPath
from arlo_rec.law.model.consent import WITHDRAWN, CallTimes, Press, PressRole, answer_of, press_roles, stopped_by
from arlo_rec.law.model.records import from_iso, to_iso

MOST: Final = 1_000  # keys of a call
_NONE: Final = FieldValue(None, "missing")


class KeyRead(NamedTuple):
    """One key of a record and its time, as read, and what it means."""

    value: Any
    at: str | None
    why: str  # a `PressRole`; of a record with one key the reason of its value

    def within(self, call: CallTimes) -> KeyRead:
        """The same; a key that would decide, but was not pressed in the call, is told as such."""
        is_outside = self.at is not None and not call.include(from_iso(self.at))
        return self._replace(why="outside_call") if is_outside and self.why == PressRole.DECIDES else self


class History(NamedTuple):
    """The keys of a record in their order, and the roles of each."""

    presses: list[Press]
    roles: list[PressRole]

    def keys(self, call: CallTimes) -> list[KeyRead]:
        """Every key, for a person who looks at the record of a call."""
        return [
            KeyRead(press.key, to_iso(press.at) if press.at is not None else None, role.value).within(call)
            for press, role in zip(self.presses, self.roles, strict=True)
        ]

    def fields(self) -> dict[str, FieldValue]:
        """Key and time of the answer, and of the key that ended the recording, if there was one."""
        answer, stopped = answer_of(*self), stopped_by(*self)
        none = FieldValue(None, "several_values") if self.presses and answer is None else _NONE
        told = {"consent.key": none, "consent.at": none}
        if answer is not None and answer.at is not None:
            told = {"consent.key": FieldValue(answer.key, "read"), "consent.at": _time(answer.at)}
        if stopped is not None and stopped.at is not None:
            told |= {"consent.stopped.key": FieldValue(stopped.key, "read"), "consent.stopped.at": _time(stopped.at)}
        return told

    def withdrawal(self, call: CallTimes) -> dict[str, FieldValue] | None:
        """Key and time of a withdrawal, without a value where it is not clear; None where there is none.

        It is not clear where another key contradicts it, or where its time is not within the call.
        """
        answer = answer_of(*self)
        answers = (PressRole.DECIDES, PressRole.AGREES, PressRole.CONTRADICTS)
        if not any(
            press.key == WITHDRAWN and role in answers for press, role in zip(self.presses, self.roles, strict=True)
        ):
            return None
        if answer is None or answer.at is None or not call.include(answer.at):
            return dict.fromkeys(("withdrawal.key", "withdrawal.at"), FieldValue(None, "several_values"))
        return {"withdrawal.key": FieldValue(answer.key, "read"), "withdrawal.at": _time(answer.at)}


def history(
    presses: RecordPath,
    record: Mapping[str, Any],
    fields: Mapping[str, MappedField],
    table: str,
    *,
    asked_at: FieldValue,
    until: FieldValue,
) -> History:
    """The keys of a record by a map's *presses*; *table* is `consent` or `withdrawal`.

    More than `MOST` keys, and what is no list, have a key without a time, so that none of them decides.
    """
    found = presses.search(record)
    listed = found if isinstance(found, list) else [] if found is None else [None]
    read = [_press(each, record, fields, table) for each in listed[:MOST]]
    if len(listed) > MOST:
        read.append(Press(None, None))
    return History(read, press_roles(read, asked_at=_instant(asked_at), until=_instant(until)))


def _press(press: object, record: Mapping[str, Any], fields: Mapping[str, MappedField], table: str) -> Press:
    key, at = (
        read_field(f"{table}.{name}", fields[f"{table}.{name}"], {**record, "press": press}) for name in ("key", "at")
    )
    return Press(key.value, _instant(at))


def _instant(read: FieldValue) -> datetime | None:
    return from_iso(read.value) if read.why == "read" else None


def _time(at: datetime) -> FieldValue:
    return FieldValue(to_iso(at), "read")
