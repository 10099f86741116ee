"""The company's own particulars for letters and published pages: the controller, and the recipients of recordings.

They stand in a TOML file named by the officer's config (examples/particulars.toml), else in `particulars.toml`
beside this module. Missing ones are not invented: without them no answer and no page is written (`Particulars.demand`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from arlo_rec.model.errors import Refused, Usage

CONTROLLER: Final = "Verisure Arlo Europe DAC"  # the company of these guidelines
LONGEST: Final = 500  # characters of one particular
FILE_BYTES: Final = 64 * 1024
DEFAULT: Final = Path(__file__).with_name("particulars.toml")  # of the customer, as far as known
NONE: Final = "none"  # as data-protection officer: the company has none
_TEXTS = ("controller", "contact", "data_protection", "notice", "address", "data_protection_officer", "staff_notice")
_IN_BOTH: Final = ("staff_basis", "withdrawal", "objection")  # in Norwegian and in English
ON_PAGES: Final = frozenset(  # on published pages, and in no letter
    {
        *("address", "data_protection_officer", "retention"),
    }
)
_KNOWN: Final[Mapping[str, frozenset[str]]] = {  # keys of the tables of each list
    "processors": frozenset({"name", "task", "country", "safeguards"}),
    "recipients": frozenset({"name", "why", "country", "safeguards"}),
    "retention": frozenset({"kind", "how_long"}),
}
_EEA = frozenset(
    {
        *("AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IS", "IE", "IT", "LV", "LI"),
        *("LT", "LU", "MT", "NL", "NO", "PL", "PT", "RO", "SK", "SI", "ES", "SE"),
    }
)  # fmt: skip


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
        missing = [key for key in self.missing if key in keys]
        if missing:
            raise Refused("particulars_missing", rule=rule, keys=" ".join(missing))


FOR_CALLERS: Final = ("contact", "data_protection", "notice", "processors", "recipients")  # what an answer tells
FOR_STAFF: Final = ("contact", "data_protection", "staff_notice", "staff_basis", "processors", "recipients")
KEYS: Final = (  # of the file, in the order of examples/particulars.toml
    *("controller", "address", "contact", "data_protection", "data_protection_officer", "notice", "staff_notice"),
    *("withdrawal", "objection", "staff_basis", "processors", "recipients", "retention"),
)


def decode(raw: bytes, path: str) -> Particulars:
    """The particulars of a file; raises Usage for another file, and for unknown keys and values."""
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Usage("config_not_toml", path=path) from None
    lists = {key: document.pop(key) for key in _LISTS if key in document}
    both = {key: document.pop(key) for key in _IN_BOTH if key in document}
    for key in document:
        if key not in _TEXTS:
            raise Usage("particulars_unknown_key", key=key[:60], path=path)
    stated: dict[str, Any] = {key: _text(value, key, path) for key, value in document.items()}
    for key, value in both.items():
        stated[f"{key}_nb"], stated[f"{key}_en"] = _both(value, key, path)
    for key, listed in lists.items():
        if not isinstance(listed, list):
            raise Usage("particulars_bad_value", key=key, path=path)
        stated[key] = tuple(_LISTS[key](_table(table, key, path), path) for table in listed)
    return Particulars(**stated)


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
    why = _both(document.get("why"), "recipients.why", path)
    return Recipient(name, *why, **_located(document, "recipients", path))


def _kept(document: Mapping[str, Any], path: str) -> Kept:
    kind, how_long = (_both(document.get(key), f"retention.{key}", path) for key in ("kind", "how_long"))
    return Kept(*kind, *how_long)


def _processor(document: Mapping[str, Any], path: str) -> Processor:
    name = _text(document.get("name"), "processors.name", path)
    task = _both(document.get("task"), "processors.task", path)
    return Processor(name, *task, **_located(document, "processors", path))


def _located(document: Mapping[str, Any], key: str, path: str) -> dict[str, Any]:
    """The country of a company, and the basis of a transfer, which one outside the EEA must have."""
    country = _text(document.get("country"), f"{key}.country", path)
    if len(country) != 2 or not (country.isascii() and country.isupper()):
        raise Usage("particulars_bad_value", key=f"{key}.country", path=path)
    if country in _EEA and "safeguards" not in document:
        return {"country": country}
    nb, en = _both(document.get("safeguards"), f"{key}.safeguards", path)
    return {"country": country, "safeguards_nb": nb, "safeguards_en": en}


def _both(value: object, key: str, path: str) -> tuple[str, str]:
    """A text in Norwegian and in English."""
    texts: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    if set(texts) != {"nb", "en"}:
        raise Usage("particulars_bad_value", key=key, path=path)
    return _text(texts["nb"], f"{key}.nb", path), _text(texts["en"], f"{key}.en", path)


def _text(value: object, key: str, path: str) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST or not value.isprintable():
        raise Usage("particulars_bad_value", key=key, path=path)
    return value.strip()


_LISTS: Final[Mapping[str, Callable[[Mapping[str, Any], str], Any]]] = {
    "processors": _processor,
    "recipients": _recipient,
    "retention": _kept,
}
