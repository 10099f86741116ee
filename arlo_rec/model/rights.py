"""Which right an entry of the log needs: `verify` names one whose signer lacks it, and a restore passes it over."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from arlo_rec.policy import Action, Role, may

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
