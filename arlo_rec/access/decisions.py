"""What is decided before a recording opens, from role, action, what was typed, live grants and the recording: pure.

`gate` asks in this order, logs what is refused, and opens what is allowed; the policy has the rules. Default is no.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from arlo_rec.model.policy_versions import PolicyVersion
from arlo_rec.model.records import Grant, Recording
from arlo_rec.policy import (
    Action,
    Decision,
    OpenRequest,
    Purpose,
    Role,
    may,
    may_copy,
    may_hear,
    may_open,
    needs_grant,
    needs_purpose,
)

NO_GRANT: Final = Decision.no("access.managers", "no_grant")


def admitted(
    role: Role, action: Action, purpose: str | None, reason: str | None, live: Sequence[Grant], version: PolicyVersion
) -> Decision:
    """Whether somebody of a role, with these *live* grants, may begin an action for what they typed.

    *version*: of the policy, which says how a reason begins.
    """
    decision = may(role, action)
    if not decision.allowed or not needs_grant(action):
        return decision
    if needs_purpose(action) and purpose not in set(Purpose):
        return Decision.no("scope.only", "purpose_missing" if purpose is None else "purpose_unknown")
    wanted = Purpose(purpose) if needs_purpose(action) and purpose is not None else Purpose.QUALITY
    if problem := version.reason_problem(reason, wanted):
        return Decision.no("security.reason", problem)
    return decision if any(grant.purpose is wanted for grant in live) else NO_GRANT


def opened(
    role: Role,
    action: Action,
    purpose: Purpose | None,
    recording: Recording | None,
    *,
    released: bool,
    granted: bool,
    due_at: datetime,
    objected: bool,
    now: datetime,
) -> Decision:
    """Whether a recording opens to somebody who was admitted; *granted*: by a grant that includes it.

    For making and reviewing copies the policy is asked about the original that may be heard, or an officer's right.
    *objected*: the employee who answered the call, to training copies.
    """
    if recording is None:
        return NO_GRANT
    request = OpenRequest(
        purpose=purpose or Purpose.TRAINING,
        granted=granted,
        consented=recording.purposes,
        released=released,
        due_at=due_at,
        objected=objected and action is not Action.REJECT,  # which erases
    )
    if action is Action.REVIEW_LISTEN:
        return may_hear(request, now=now, officer=role is Role.OFFICER)
    if purpose is None:
        return may_copy(request, now=now, officer=role is Role.OFFICER)
    return may_open(request, now=now)
