"""The base class of audit events: a frozen value that is written to the log and read back by its fields.

Fields become the entry's `detail`, except `rule`, `purpose`, `reason` and `recordings`, which have keys of their own
in every entry. A field that may be None is omitted if it is None. An event type has `ACTION`, `OUTCOME` and, unless
`rule` is a field, `RULE`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Final, NamedTuple, Self, dataclass_transform

import msgspec

from arlo_rec.law.log.rows import Applied, Rows
from arlo_rec.law.model.records import RecordingId
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.policy import Action, Role, may

_ACTIONS: Final = frozenset(Action)
_OWN_PLACE: Final = frozenset({"rule", "purpose", "reason", "recordings", "action"})


class _Form(NamedTuple):
    """The fields of an event type: those in `detail`, and those of them that are always written."""

    detail: frozenset[str]
    required: frozenset[str]


class _EventType(msgspec.StructMeta):
    """The type of event types: each is frozen and keyword-only."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: bool) -> _EventType:
        return super().__new__(cls, name, bases, namespace, frozen=True, kw_only=True)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class AuditEvent(msgspec.Struct, metaclass=_EventType, frozen=True):
    """An event of the log: immutable, and equal to another of its type with the same values."""

    ACTION: ClassVar[str] = ""
    OUTCOME: ClassVar[str] = ""  # `allowed`, `denied`, `failed` or `done`
    RULE: ClassVar[str] = ""
    PERMISSION: ClassVar[Action | None] = None  # of its signer; None: the one with the action's name

    @property
    def action_name(self) -> str:
        """The action in the log."""
        return str(getattr(self, "action", self.ACTION))

    @property
    def permission(self) -> Action | None:
        """The permission that its signer needs; None if none allows the event."""
        return self.PERMISSION or _permission_named(self.action_name)

    @property
    def leaves(self) -> str | None:
        """The kind of copy that leaves the store with it, `export` or `package`; None without one."""
        return None

    @property
    def access(self) -> tuple[str, str | None] | None:
        """Action and purpose, as a recorded person is informed of it; None if it is no access to a call."""
        return None

    def counts(self, rows: Rows, entry: Applied, role: Role) -> bool:
        """Whether it has an effect: whether *role*, the signer's, permits it."""
        del rows, entry
        return self.permission is not None and may(role, self.permission).allowed

    def apply(self, rows: Rows, entry: Applied) -> None:
        """Apply the entry to the rows that follow from the log."""

    def to_json(self) -> dict[str, Any]:
        """The log entry without person, time and policy version, which `Change.log` adds."""
        values, form = msgspec.structs.asdict(self), form_of(type(self))
        entry: dict[str, Any] = {
            "action": self.action_name,
            "outcome": self.OUTCOME,
            "rule": values.get("rule", self.RULE),
        }
        detail = {name: values[name] for name in form.detail}
        optional = {
            "purpose": values.get("purpose"),
            "reason": values.get("reason"),
            "detail": {name: value for name, value in detail.items() if name in form.required or value is not None},
            "recordings": [recording.hex() for recording in values.get("recordings", ())],
        }
        return entry | {key: value for key, value in optional.items() if value not in (None, {}, [])}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        """The event of an entry of this type; raises KeyError, TypeError or ValueError for any other entry."""
        detail, form, fields = entry.get("detail", {}), form_of(cls), cls.__struct_fields__
        of_its_rule = "rule" in fields or entry.get("rule") == cls.RULE
        if not (of_its_rule and form.required <= detail.keys() <= form.detail):
            raise ValueError(f"no {cls.__name__}")
        values = {**detail, **{name: entry[name] for name in _OWN_PLACE.intersection(fields) & entry.keys()}}
        if "recordings" in fields:
            values["recordings"] = tuple(RecordingId(bytes.fromhex(text)) for text in entry.get("recordings", ()))
        try:
            return msgspec.convert(values, cls, builtin_types=(bytes,))
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None


@cache
def form_of(kind: type[AuditEvent]) -> _Form:
    """The fields of an event type."""
    detail = [field for field in msgspec.structs.fields(kind) if field.name not in _OWN_PLACE]
    required = frozenset(field.name for field in detail if field.default is not None)
    return _Form(frozenset(field.name for field in detail), required)


def _permission_named(action: str) -> Action | None:
    return Action(action) if action in _ACTIONS else None


def content_id(body: Mapping[str, Any]) -> str:
    """The id of a pending decision: 16 hex digits of SHA-256 over the canonical JSON of its content.

    The content includes a random value of ours, so that two contents with one id cannot be searched for.
    """
    return hashlib.sha256(canonical(body)).hexdigest()[:16]
