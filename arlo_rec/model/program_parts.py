"""The program's own part of the guidelines, as digests, with which a version of the policy is approved.

If the running program differs, its behaviour is unapproved, and `admin.opening` keeps the store closed:

    rules       wording and sections of the rules          purposes    the closed set
    rights      which role may do what                     states      which event moves a recording where
    numbers     the deadlines that no company sets         page ...    each published text

Only the texts of the installed package are read.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from arlo_rec import policy
from arlo_rec.model.strict_json import canonical

PAGES: Final = Path(__file__).parent.parent / "publishing" / "page"
_TEXTS: Final = "*.md.j2"


class Part(NamedTuple):
    """One part of the program, and its SHA-256 in hex."""

    name: str
    sha256: str


@cache
def parts() -> tuple[Part, ...]:
    """The parts of the running program, by name."""
    documents: dict[str, Any] = {
        "rules": [[rule.id, rule.section, rule.nb, rule.en] for rule in policy.RULES.values()],
        "purposes": sorted(policy.Purpose),
        "rights": [[action, role] for action in policy.Action for role in policy.Role if _may(role, action)],
        "states": [[*move, after] for move, after in policy.LIFECYCLE.items()],
        "numbers": {name: _number(value) for name, value in vars(policy).items() if _is_number(name, value)},
    }
    contents = {name: canonical(document) for name, document in documents.items()}
    contents |= {f"page {path.name.removesuffix('.md.j2')}": path.read_bytes() for path in PAGES.glob(_TEXTS)}
    return tuple(Part(name, hashlib.sha256(contents[name]).hexdigest()) for name in sorted(contents))


def _may(role: policy.Role, action: policy.Action) -> bool:
    return policy.may(role, action).allowed


def _is_number(name: str, value: object) -> bool:
    return name.isupper() and isinstance(value, int | timedelta)


def _number(value: Any) -> int:
    return value // timedelta(microseconds=1) if isinstance(value, timedelta) else int(value)
