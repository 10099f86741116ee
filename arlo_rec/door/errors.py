"""Errors through the door: what a call raised on the person's machine is raised where it was called."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from arlo_rec.i18n.messages import say
from arlo_rec.i18n.sanitise import clean
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
_OF_SESSION: Final = "keyring_demand_own_session"  # the call that raises NoOwnSession
_OF_SYSTEM: Final = frozenset(  # calls that raise errors of the operating system; all else raises ours
    {"read", "names", "keyring_prepare", "keyring_put_into_session", "keyring_search", "keyring_read"}
)


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


def raised(document: object, call: str) -> BaseException:
    """The error that `told` told of a call; Lost for what is none, has no sentence, or is none of that call."""
    try:
        return _raised(document, call)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError):
        return Lost()


def _raised(document: Any, call: str) -> BaseException:
    kind = str(document["kind"])
    if kind == "KeyboardInterrupt":
        return KeyboardInterrupt()
    if kind == "NoOwnSession" and call == _OF_SESSION:
        from arlo_rec.crypto.kernel_keyring import NoOwnSession

        say(f"error.{document['code']}", "en")
        return NoOwnSession(document["code"])
    if kind in {"OSError", "KeyEnded"} and call in _OF_SYSTEM:
        return _of_system(document, ended=kind == "KeyEnded")
    rule, code, made = document["rule"], str(document["code"]), _KINDS[kind]
    values = {key: value for key, value in document["detail"].items() if isinstance(value, _DETAIL)}
    rule = None if rule is None and made is not Refused else clean(str(rule))
    error = made(code, rule=rule, **values)  # type: ignore[arg-type]  # of all but Refused it may be None
    say(f"{'nearest' if 'nearest' in values else 'error'}.{error.sentence}", "en", **values)
    return error


def _of_system(document: Mapping[str, Any], *, ended: bool) -> OSError:
    number, name = int(document["number"]), document["name"]
    if ended:
        from arlo_rec.crypto.kernel_keyring import KeyEnded

        return KeyEnded(number, os.strerror(number))
    return OSError(number, os.strerror(number), None if name is None else str(name))
