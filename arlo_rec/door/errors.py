"""Errors through the door: what a call raised on the person's machine is raised where it was called."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from arlo_rec.model import errors
from arlo_rec.model.errors import ArloError, Lost, Refused

_KINDS: Final = {  # that something on the person's machine raises
    kind.__name__: kind
    for kind in (
        *(errors.Interrupted, errors.Usage, errors.InUse, errors.NotUnlocked, errors.Refused, errors.Integrity),
        *(errors.Unreachable, ArloError),
    )
}
_DETAIL: Final = (str, int, float)


def told(error: BaseException) -> dict[str, Any]:
    """An error of ours, of the operating system, or Ctrl-C, as JSON."""
    if isinstance(error, ArloError):
        kind = next(name for name, each in _KINDS.items() if isinstance(error, each))
        return {"kind": kind, "code": error.code, "rule": error.rule, "detail": error.detail}
    if isinstance(error, OSError):
        of_keyring = type(error).__name__ == "KeyEnded"
        name = str(error.filename) if error.filename is not None else None
        return {"kind": "KeyEnded" if of_keyring else "OSError", "number": error.errno or 0, "name": name}
    if isinstance(error, KeyboardInterrupt):
        return {"kind": "KeyboardInterrupt"}
    return {"kind": "NoOwnSession", "code": str(error)}


def raised(document: object) -> BaseException:
    """The error that `told` told; Lost for what is none."""
    if not isinstance(document, Mapping):
        return Lost()
    kind = document.get("kind")
    if kind == "KeyboardInterrupt":
        return KeyboardInterrupt()
    if kind == "NoOwnSession":
        from arlo_rec.crypto.kernel_keyring import NoOwnSession

        return NoOwnSession(str(document.get("code")))
    if kind in {"OSError", "KeyEnded"}:
        return _of_system(document, ended=kind == "KeyEnded")
    made, code, rule, detail = _KINDS.get(str(kind)), document.get("code"), document.get("rule"), document.get("detail")
    if made is None or not isinstance(code, str) or not isinstance(detail, Mapping):
        return Lost()
    values = {str(key): value for key, value in detail.items() if isinstance(value, _DETAIL)}
    return made(code, rule=str(rule) if rule is not None or made is Refused else None, **values)  # type: ignore[arg-type]


def _of_system(document: Mapping[str, Any], *, ended: bool) -> OSError:
    number, name = document.get("number"), document.get("name")
    number = number if isinstance(number, int) else 0
    if ended:
        from arlo_rec.crypto.kernel_keyring import KeyEnded

        return KeyEnded(number, os.strerror(number))
    return OSError(number, os.strerror(number), name if isinstance(name, str) else None)
