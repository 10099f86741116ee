"""The company's own particulars, which letters to people name: who answers for the recordings, and who handles them.

They stand in a TOML file that the officer's config names (docs/operating.md). What is not in it is not invented: a
letter then says what the recording system does not know.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from arlo_rec.model.errors import Usage

CONTROLLER: Final = "Verisure Arlo Europe DAC"  # whose guidelines these are
LONGEST: Final = 500  # characters of one particular
FILE_BYTES: Final = 64 * 1024
_TEXTS = ("controller", "contact", "data_protection", "notice")
_PROCESSOR = {"name", "task", "country", "safeguards"}
_EEA = frozenset(
    {
        *("AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IS", "IE", "IT", "LV", "LI"),
        *("LT", "LU", "MT", "NL", "NO", "PL", "PT", "RO", "SK", "SI", "ES", "SE"),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Processor:
    """Another company that handles recordings on the controller's instructions (GDPR 28)."""

    processor: str
    task_nb: str
    task_en: str
    country: str  # ISO 3166-1 alpha-2
    safeguards_nb: str | None = None  # of a transfer out of the EEA (GDPR 46)
    safeguards_en: str | None = None

    def task(self, lang: str) -> str:
        """What it does, in that language."""
        return self.task_nb if lang == "nb" else self.task_en

    def safeguards(self, lang: str) -> str:
        """The basis of a transfer, in that language; empty where there is none."""
        return (self.safeguards_nb if lang == "nb" else self.safeguards_en) or ""

    @property
    def is_outside_eea(self) -> bool:
        """Whether recordings leave the EEA with it."""
        return self.country not in _EEA


@dataclass(frozen=True, slots=True)
class Particulars:
    """What a letter says of the company; None where nobody stated it."""

    controller: str = CONTROLLER
    contact: str | None = None
    data_protection: str | None = None  # the contact for it
    notice: str | None = None  # where the privacy notice stands
    processors: tuple[Processor, ...] | None = None
    staff_basis_nb: str | None = None  # the legal basis of recording employees (GDPR 6)
    staff_basis_en: str | None = None

    def staff_basis(self, lang: str) -> str | None:
        """The legal basis of recording employees, in that language."""
        return self.staff_basis_nb if lang == "nb" else self.staff_basis_en


def decode(raw: bytes, path: str) -> Particulars:
    """The particulars of a file; raises Usage for what is no such file, and for keys and values that are not known."""
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Usage("config_not_toml", path=path) from None
    listed, basis = document.pop("processors", None), document.pop("staff_basis", None)
    for key in document:
        if key not in _TEXTS:
            raise Usage("config_unknown_key", key=key[:60], path=path)
    texts = {key: _text(value, key, path) for key, value in document.items()}
    if listed is not None and not isinstance(listed, list):
        raise Usage("config_bad_value", key="processors", path=path)
    processors = None if listed is None else tuple(_processor(each, path) for each in listed)
    stated: dict[str, Any] = {**texts, "processors": processors}
    if basis is not None:
        stated["staff_basis_nb"], stated["staff_basis_en"] = _both(basis, "staff_basis", path)
    return Particulars(**stated)


def _processor(document: object, path: str) -> Processor:
    if not isinstance(document, Mapping):
        raise Usage("config_bad_value", key="processors", path=path)
    for key in document:
        if key not in _PROCESSOR:
            raise Usage("config_unknown_key", key=f"processors.{key}"[:60], path=path)
    task = _both(document.get("task"), "processors.task", path)
    country = _text(document.get("country"), "processors.country", path)
    name = _text(document.get("name"), "processors.name", path)
    if len(country) != 2 or not (country.isascii() and country.isupper()):
        raise Usage("config_bad_value", key="processors.country", path=path)
    if country in _EEA and "safeguards" not in document:
        return Processor(name, *task, country)
    return Processor(name, *task, country, *_both(document.get("safeguards"), "processors.safeguards", path))


def _both(value: object, key: str, path: str) -> tuple[str, str]:
    """A text in Norwegian and in English."""
    texts: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    if set(texts) != {"nb", "en"}:
        raise Usage("config_bad_value", key=key, path=path)
    return _text(texts["nb"], f"{key}.nb", path), _text(texts["en"], f"{key}.en", path)


def _text(value: object, key: str, path: str) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST or not value.isprintable():
        raise Usage("config_bad_value", key=key, path=path)
    return value.strip()
