"""Documents as values: frozen dataclasses and structs, written as canonical JSON and read back strictly.

The annotations of fields alone state the form of a document. Bytes are base64, instants RFC 3339 in UTC, sets sorted
lists. Only the output of `encode` is read: unknown and missing fields, other types, duplicate keys and another order
or spelling are refused, so that a document has one form to be signed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

from arlo_rec.law.model.strict_json import MAX_BYTES, canonical, parse_object

_Kind = TypeVar("_Kind")


class Document(msgspec.Struct, frozen=True):
    """The base of document parts with field names of their own (`rename`), or that are made often."""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of answers and of what they list.

    The fields of a kind, in order, are the keys of JSON and the columns of CSV. The only default is `UNSET`, of a key
    that some answers lack. Its `repr` has no values: an answer may hold a number, or a secret that is shown once.
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @classmethod
    def of(cls, source: object, **values: object) -> Self:
        """The record with these *values*, and attributes of *source*, as far as it has them, for its other fields."""
        others = {
            field: getattr(source, field)
            for field in cls.__struct_fields__
            if field not in values and hasattr(source, field)
        }
        return cls(**others, **values)


def encode(document: object) -> bytes:
    """A document as canonical JSON."""
    return canonical(plain(document))


def decode(raw: bytes, kind: type[_Kind], *, max_bytes: int = MAX_BYTES) -> _Kind:
    """The document that `encode` wrote; raises ValueError for anything else."""
    document = read(parse_object(raw, max_bytes=max_bytes), kind)
    if encode(document) != raw:
        raise ValueError("not in its one form")
    return document


def plain(document: object) -> Any:
    """A document, or a part of one, as values of JSON."""
    return msgspec.to_builtins(document, order="deterministic", enc_hook=_to_plain)


def read(value: object, kind: type[_Kind]) -> _Kind:
    """The document, or part of one, from the output of `plain`; raises ValueError for anything else."""
    try:
        return msgspec.convert(value, kind, dec_hook=_from_plain)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _to_plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} stands in no document")


def _from_plain(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"{kind.__name__} stands in no document")
