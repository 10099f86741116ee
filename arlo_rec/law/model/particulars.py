"""The company's own particulars for letters and published pages: the controller, and the recipients of recordings.

They stand in a TOML file named by the officer's config (examples/particulars.toml), else in `particulars.toml`
beside this module. Missing ones are not invented: without them no answer and no page is written (`Particulars.demand`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from arlo_rec.law.model import toml_text
from arlo_rec.law.model.errors import Refused, Usage

CONTROLLER: Final = "Verisure Arlo Europe DAC"  # the company of these guidelines
LONGEST: Final = 500  # characters of one particular
FILE_BYTES: Final = 64 * 1024
DEFAULT: Final = Path(__file__).with_name("particulars.toml")  # of the customer, as far as known
TEMPLATE: Final = Path(__file__).parents[2] / "demo_calls" / "particulars.toml"  # every key, with comments
NONE: Final = "none"  # as data-protection officer, representative or evaluation: there is none
_IN_BOTH: Final = ("withdrawal", "objection", "staff_basis")  # a field for Norwegian and one for English
_KNOWN: Final[Mapping[str, frozenset[str]]] = {  # keys of the tables of each list
    "processors": frozenset({"name", "task", "country", "safeguards"}),
    "recipients": frozenset({"name", "why", "country", "safeguards"}),
    "retention": frozenset({"kind", "how_long"}),
    "joint_controllers": frozenset({"name", "contact", "task"}),
    "suppliers": frozenset({"name", "task", "controlled_at", "next_at"}),
}
_EEA = frozenset(
    {
        *("AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IS", "IE", "IT", "LV", "LI"),
        *("LT", "LU", "MT", "NL", "NO", "PL", "PT", "RO", "SK", "SI", "ES", "SE"),
    }
)  # fmt: skip


class Words(NamedTuple):
    """A text in Norwegian and in English."""

    nb: str
    en: str

    def text(self, lang: str) -> str:
        """The text, in that language."""
        return self.nb if lang == "nb" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A company or an authority with its country, and the basis of a transfer out of the EEA (GDPR 46)."""

    country: str  # ISO 3166-1 alpha-2
    safeguards_nb: str | None = None
    safeguards_en: str | None = None

    def safeguards(self, lang: str) -> str:
        """The basis of a transfer, in that language; empty without one."""
        return (self.safeguards_nb if lang == "nb" else self.safeguards_en) or ""

    @property
    def is_outside_eea(self) -> bool:
        """Whether recordings leave the EEA with it: also through a company in the EEA that states safeguards."""
        return self.country not in _EEA or self.safeguards_nb is not None


@dataclass(frozen=True, slots=True)
class Processor(Located):
    """Another company that handles recordings on the controller's instructions (GDPR 28)."""

    processor: str
    task_nb: str
    task_en: str

    @property
    def name(self) -> str:
        """Its name."""
        return self.processor

    def task(self, lang: str) -> str:
        """Its task, in that language."""
        return self.task_nb if lang == "nb" else self.task_en


@dataclass(frozen=True, slots=True)
class Recipient(Located):
    """An outside recipient of recordings or of data about them (GDPR 13(1)(e)), and the reason."""

    recipient: str
    why_nb: str
    why_en: str

    @property
    def name(self) -> str:
        """Its name."""
        return self.recipient

    def why(self, lang: str) -> str:
        """The reason, in that language."""
        return self.why_nb if lang == "nb" else self.why_en


@dataclass(frozen=True, slots=True)
class Kept:
    """Data about calls that the company keeps itself, outside the recording system, and for how long."""

    kind_nb: str
    kind_en: str
    how_long_nb: str
    how_long_en: str

    def kind(self, lang: str) -> str:
        """The kind of data, in that language."""
        return self.kind_nb if lang == "nb" else self.kind_en

    def how_long(self, lang: str) -> str:
        """The time for which it is kept, in that language."""
        return self.how_long_nb if lang == "nb" else self.how_long_en


class JointController(NamedTuple):
    """Another company that decides why and how calls are recorded, and its part of the duties (GDPR 26)."""

    name: str
    contact: str
    task: Words


class Supplier(NamedTuple):
    """A company that supplies a part of the system, and when IT controls it (security.monitored)."""

    name: str
    task: Words
    controlled_at: date | None  # the last time; None: not yet
    next_at: date


@dataclass(frozen=True, slots=True)
class Particulars:
    """The company's particulars in letters and pages; None if not stated."""

    controller: str = CONTROLLER
    contact: str | None = None
    data_protection: str | None = None  # the contact for it
    notice: str | None = None  # address of the privacy notice
    processors: tuple[Processor, ...] | None = None
    staff_basis_nb: str | None = None  # the legal basis of recording employees (GDPR 6)
    staff_basis_en: str | None = None
    address: str | None = None  # postal
    data_protection_officer: str | None = None  # GDPR 37; NONE without one
    staff_notice: str | None = None  # address of the privacy notice for employees
    withdrawal_nb: str | None = None  # how a caller reaches the company to withdraw
    withdrawal_en: str | None = None
    objection_nb: str | None = None  # contact of an employee for questions and objections (GDPR 21)
    objection_en: str | None = None
    recipients: tuple[Recipient, ...] | None = None
    retention: tuple[Kept, ...] | None = None
    representative: str | None = None  # in the EEA, of a company outside it (GDPR 27); NONE without one
    joint_controllers: tuple[JointController, ...] | None = None
    lead_authority: Words | None = None  # the supervisory authority of the main establishment (GDPR 56)
    special_categories: Words | None = None  # the basis of keeping what callers tell of health and the like (GDPR 9)
    minors: Words | None = None  # what is done when a child calls
    staff_consequences: Words | None = None  # for employees (aml. § 9-2)
    staff_duration: Words | None = None  # of the recording as a measure of control
    staff_discussed: date | None = None  # with the employees' representatives
    staff_evaluated: date | str | None = None  # with them, the last time; NONE before the first
    staff_cases: Words | None = None  # whether a call is used in a case about an employee
    suppliers: tuple[Supplier, ...] | None = None
    unstated: tuple[str, ...] = ()  # parts of tables, as `recipients.country`: their list is None until they are stated

    def staff_basis(self, lang: str) -> str | None:
        """The legal basis of recording employees, in that language."""
        return self.staff_basis_nb if lang == "nb" else self.staff_basis_en

    def withdrawal(self, lang: str) -> str | None:
        """The caller's way to withdraw through the company, in that language."""
        return self.withdrawal_nb if lang == "nb" else self.withdrawal_en

    def objection(self, lang: str) -> str | None:
        """An employee's contact, in that language."""
        return self.objection_nb if lang == "nb" else self.objection_en

    @property
    def officer(self) -> str | None:
        """The data-protection officer; None without one, or if not stated."""
        return None if self.data_protection_officer == NONE else self.data_protection_officer

    @property
    def outside_eea(self) -> tuple[Processor | Recipient, ...]:
        """The processors and recipients with which recordings leave the EEA."""
        every: tuple[Processor | Recipient, ...] = (*(self.processors or ()), *(self.recipients or ()))
        return tuple(each for each in every if each.is_outside_eea)

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys that are not stated, in the order of examples/particulars.toml; the controller is always known."""
        return tuple(key for key in KEYS if getattr(self, f"{key}_nb" if key in _IN_BOTH else key) is None)

    def demand(self, keys: Collection[str], rule: str) -> None:
        """Raise Refused where one of *keys* is not stated: the company must find it out, not the person who asks."""
        parts = {key: [part for part in self.unstated if part.startswith(f"{key}.")] for key in self.missing}
        missing = [part for key in self.missing if key in keys for part in parts[key] or [key]]
        if missing:
            raise Refused("particulars_missing", rule=rule, keys=" ".join(missing), path=str(TEMPLATE))


def decode(raw: bytes, path: str) -> Particulars:
    """The particulars of a file; raises Usage for another file, and for unknown keys and values."""
    document = toml_text.read(raw, path)
    stated: dict[str, Any] = {}
    for key, value in document.items():
        if key not in _KINDS:
            raise Usage("particulars_unknown_key", key=key[:60], path=path)
        unstated = stated.get("unstated", ())
        stated |= _KINDS[key](value, key, path)
        stated["unstated"] = (*unstated, *stated.pop("lacks", ()))
    return Particulars(**stated)


class _Unstated(Exception):
    """A part of a table that the company has to find out; the argument is its key."""


# -- kinds of values: each gives the fields of a key -----------------------------------------------------


def _plain(value: object, key: str, path: str) -> dict[str, Any]:
    return {key: _text(value, key, path)}


def _two(value: object, key: str, path: str) -> dict[str, Any]:
    words = _words(value, key, path)
    return {f"{key}_nb": words.nb, f"{key}_en": words.en}


def _worded(value: object, key: str, path: str) -> dict[str, Any]:
    return {key: _words(value, key, path)}


def _dated(value: object, key: str, path: str) -> dict[str, Any]:
    return {key: _day(value, key, path)}


def _dated_or_none(value: object, key: str, path: str) -> dict[str, Any]:
    return {key: NONE if value == NONE else _day(value, key, path)}


def _listed(
    row: Callable[[Mapping[str, Any], str], object], value: object, key: str, path: str
) -> dict[str, tuple[object, ...] | None]:
    """The rows of a list; None, and the keys of what they lack, where the company has not stated all that it must."""
    if not isinstance(value, list):
        raise Usage("particulars_bad_value", key=key, path=path)
    rows: list[object] = []
    lacks: dict[str, None] = {}  # in order
    for table in value:
        try:
            rows.append(row(_table(table, key, path), path))
        except _Unstated as unstated:
            lacks[str(unstated)] = None
    return {key: None if lacks else tuple(rows), "lacks": tuple(lacks)}


def _table(document: object, key: str, path: str) -> Mapping[str, Any]:
    """A table of a list, with known keys only."""
    if not isinstance(document, Mapping):
        raise Usage("particulars_bad_value", key=key, path=path)
    for name in document:
        if name not in _KNOWN[key]:
            raise Usage("particulars_unknown_key", key=f"{key}.{name}"[:60], path=path)
    return document


def _recipient(document: Mapping[str, Any], path: str) -> Recipient:
    name = _text(document.get("name"), "recipients.name", path)
    why = _words(document.get("why"), "recipients.why", path)
    return Recipient(name, *why, **_located(document, "recipients", path))


def _kept(document: Mapping[str, Any], path: str) -> Kept:
    kind, how_long = (_words(document.get(key), f"retention.{key}", path) for key in ("kind", "how_long"))
    return Kept(*kind, *how_long)


def _processor(document: Mapping[str, Any], path: str) -> Processor:
    name = _text(document.get("name"), "processors.name", path)
    task = _words(document.get("task"), "processors.task", path)
    return Processor(name, *task, **_located(document, "processors", path))


def _joint_controller(document: Mapping[str, Any], path: str) -> JointController:
    name, contact = (_text(document.get(key), f"joint_controllers.{key}", path) for key in ("name", "contact"))
    return JointController(name, contact, _words(document.get("task"), "joint_controllers.task", path))


def _supplier(document: Mapping[str, Any], path: str) -> Supplier:
    """A supplier; its task may be a text that is the same in both languages."""
    name, task = _text(document.get("name"), "suppliers.name", path), document.get("task")
    words = _words({"nb": task, "en": task} if isinstance(task, str) else task, "suppliers.task", path)
    last = document.get("controlled_at")
    controlled_at = None if last is None else _day(last, "suppliers.controlled_at", path)
    _demand(document, "next_at", "suppliers")
    next_at = _day(document["next_at"], "suppliers.next_at", path)
    if controlled_at is not None and next_at <= controlled_at:
        raise Usage("particulars_bad_value", key="suppliers.next_at", path=path)
    return Supplier(name, words, controlled_at, next_at)


def _located(document: Mapping[str, Any], key: str, path: str) -> dict[str, Any]:
    """The country of a company, and the basis of a transfer, which one outside the EEA must have."""
    _demand(document, "country", key)
    country = _text(document["country"], f"{key}.country", path)
    if len(country) != 2 or not (country.isascii() and country.isupper()):
        raise Usage("particulars_bad_value", key=f"{key}.country", path=path)
    if country in _EEA and "safeguards" not in document:
        return {"country": country}
    _demand(document, "safeguards", key)
    nb, en = _words(document["safeguards"], f"{key}.safeguards", path)
    return {"country": country, "safeguards_nb": nb, "safeguards_en": en}


def _demand(document: Mapping[str, Any], part: str, key: str) -> None:
    if document.get(part) in (None, ""):
        raise _Unstated(f"{key}.{part}")


def _words(value: object, key: str, path: str) -> Words:
    """A text in Norwegian and in English."""
    texts: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    if set(texts) != {"nb", "en"}:
        raise Usage("particulars_bad_value", key=key, path=path)
    return Words(_text(texts["nb"], f"{key}.nb", path), _text(texts["en"], f"{key}.en", path))


def _day(value: object, key: str, path: str) -> date:
    """A date of TOML, or one written as a text."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        day = None
    if type(day) is not date:
        raise Usage("particulars_bad_value", key=key, path=path)
    return day


def _text(value: object, key: str, path: str) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST or not value.isprintable():
        raise Usage("particulars_bad_value", key=key, path=path)
    return value.strip()


_KINDS: Final[Mapping[str, Callable[[object, str, str], dict[str, Any]]]] = {
    "controller": _plain,
    "address": _plain,
    "contact": _plain,
    "data_protection": _plain,
    "data_protection_officer": _plain,
    "representative": _plain,
    "joint_controllers": partial(_listed, _joint_controller),
    "lead_authority": _worded,
    "notice": _plain,
    "staff_notice": _plain,
    "withdrawal": _two,
    "objection": _two,
    "special_categories": _worded,
    "minors": _worded,
    "staff_basis": _two,
    "staff_consequences": _worded,
    "staff_duration": _worded,
    "staff_discussed": _dated,
    "staff_evaluated": _dated_or_none,
    "staff_cases": _worded,
    "processors": partial(_listed, _processor),
    "recipients": partial(_listed, _recipient),
    "retention": partial(_listed, _kept),
    "suppliers": partial(_listed, _supplier),
}
KEYS: Final = tuple(_KINDS)  # of the file, in the order of examples/particulars.toml
FOR_CALLERS: Final = ("contact", "data_protection", "notice", "processors", "recipients")  # what an answer tells
FOR_STAFF: Final = ("contact", "data_protection", "staff_notice", "staff_basis", "processors", "recipients")
IN_ANSWERS: Final = frozenset({*FOR_CALLERS, *FOR_STAFF, "controller", "withdrawal", "objection"})
ON_PAGES: Final = frozenset({*KEYS, "unstated"}) - IN_ANSWERS  # and in no file for programs of an answer
