"""The base class of audit events: a frozen value that is written to the log and read back by the same fields.

Fields become the entry's `detail`, except `rule`, `purpose`, `reason` and `recordings`, which have keys of their own
in every entry. A field that may be None is omitted where it is None. An event type has `ACTION`, `OUTCOME` and, unless
`rule` is a field, `RULE`. Types are made without `dataclasses`, whose classes cost every start of the program half a
millisecond each; type checkers treat them as dataclasses (PEP 681).

An entry needs a right of its signer, by its action: `verify` names one whose signer lacks it, a restore passes it over.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Final, Self, dataclass_transform

from arlo_rec.model.records import RecordingId
from arlo_rec.policy import Action, Role, may


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_whole(value: object) -> bool:
    return type(value) is int and abs(value) < _LARGEST


def _are_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)


def _are_pairs(value: object) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(one, list | tuple) and len(one) == 2 and all(map(_is_whole, one)) for one in value
    )


def _or_none(form: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or form(value)


_LARGEST = 2**63
_FORMS: Mapping[str, Callable[[object], bool]] = {  # by the annotation of a field: whether a value is of it
    "str": _is_text,
    "int": _is_whole,
    "bool": lambda value: isinstance(value, bool),
    "Ids": lambda value: isinstance(value, tuple),
    "Sequence[str]": _are_texts,
    "Sequence[Sequence[int]]": _are_pairs,
    "Mapping[str, object]": lambda value: isinstance(value, Mapping),
}
_FORMS = {**_FORMS, **{f"{hint} | None": _or_none(form) for hint, form in _FORMS.items()}}
_OWN_PLACE = frozenset({"rule", "purpose", "reason", "recordings", "action"})


@dataclass_transform(kw_only_default=True, frozen_default=True)
class AuditEvent:
    """An event of the log: immutable, and equal to another of its type with the same values."""

    ACTION: ClassVar[str] = ""
    OUTCOME: ClassVar[str] = ""  # `allowed`, `denied`, `failed` or `done`
    RULE: ClassVar[str] = ""
    FIELDS: ClassVar[tuple[str, ...]] = ()
    DETAIL: ClassVar[tuple[str, ...]] = ()  # the fields that stand in `detail`
    REQUIRED: ClassVar[frozenset[str]] = frozenset()  # the fields of `detail` that are always written
    FORMS: ClassVar[Mapping[str, str]] = {}  # the annotation of each field

    def __init_subclass__(cls) -> None:
        """Collect the fields of a type from its annotations, after those of its bases."""
        hints = {name: str(hint) for name, hint in inspect.get_annotations(cls).items() if "ClassVar" not in str(hint)}
        own, cls.FORMS = list(hints), {**cls.FORMS, **hints}
        cls.FIELDS = (*cls.FIELDS, *(name for name in own if name not in cls.FIELDS))
        cls.DETAIL = tuple(name for name in cls.FIELDS if name not in _OWN_PLACE)
        cls.REQUIRED = frozenset(name for name in cls.DETAIL if getattr(cls, name, "no default") is not None)

    def __init__(self, **values: Any) -> None:
        for name in self.FIELDS:
            if name in values:
                object.__setattr__(self, name, values.pop(name))
            elif not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} needs {name}")
        if values:
            raise TypeError(f"{type(self).__name__} has no {', '.join(values)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), repr(self._values())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._values().items())})"

    def to_json(self) -> dict[str, Any]:
        """The log entry without person, time and policy version, which `Change.log` adds."""
        values = self._values()
        entry: dict[str, Any] = {
            "action": str(values.get("action", self.ACTION)),
            "outcome": self.OUTCOME,
            "rule": values.get("rule", self.RULE),
        }
        optional = {
            "purpose": values.get("purpose"),
            "reason": values.get("reason"),
            "detail": {name: values[name] for name in self.DETAIL if self._is_written(name)},
            "recordings": [recording.hex() for recording in values.get("recordings", ())],
        }
        return entry | {key: value for key, value in optional.items() if value not in (None, {}, [])}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        """The event of an entry of this type; raises KeyError, TypeError or ValueError for any other entry."""
        detail = entry.get("detail", {})
        of_its_rule = "rule" in cls.FIELDS or entry.get("rule") == cls.RULE
        if not (of_its_rule and cls.REQUIRED <= detail.keys() <= set(cls.DETAIL)):
            raise ValueError(f"no {cls.__name__}")
        values = dict(detail)
        for name in _OWN_PLACE & set(cls.FIELDS):
            if name == "recordings":
                values[name] = tuple(RecordingId(bytes.fromhex(text)) for text in entry.get(name, ()))
            elif name in entry:
                values[name] = entry[name]
        if not all(_FORMS[cls.FORMS[name]](value) for name, value in values.items()):
            raise ValueError(f"no {cls.__name__}")  # not written by the program
        return cls(**values)

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.FIELDS}

    def _is_written(self, name: str) -> bool:
        """Whether a detail is written: it is required, or it is not None."""
        return name in self.REQUIRED or getattr(self, name) is not None


# -- the right that an entry needs --------------------------------------------------------------------

_ACTIONS: Final = frozenset(Action)
_LOGGED_AS: Final[Mapping[str, Action]] = {  # what the log calls otherwise than the policy
    **dict.fromkeys(
        (
            *("init", "person add", "person remove", "person reset", "person login", "person propose", "authority"),
            "notify",
        ),
        Action.PEOPLE,
    ),
    **dict.fromkeys(("policy propose", "policy approve", "policy deny", "policy publish"), Action.POLICY),
    **dict.fromkeys(("expire", "forget"), Action.PURGE),
    "decline": Action.INGEST,
    "consent": Action.DSAR,
    **dict.fromkeys(("approve", "deny", "revoke", "confirm_grant"), Action.GRANT),
}


@lru_cache(maxsize=256)  # a verification asks it for every entry of the log
def right_to(logged: str) -> Action | None:
    """The right that an entry of the log with that action needs; None where it needs none."""
    action = _LOGGED_AS.get(logged, logged)
    return Action(action) if action in _ACTIONS else None


def may_say(role: Role, logged: str) -> bool:
    """Whether an entry of the log with that action counts where somebody of that role signed it."""
    action = right_to(logged)
    return action is not None and may(role, action).allowed
