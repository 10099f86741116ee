"""The versions of a store's policy: what the guidelines leave to the company to set, each in force from its instant on.

`policy` and `rules` hold what no company changes. A version is never edited: a change is a new version, which officers
approve (purpose.change). Pure; `keys.policy_document` writes and reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from arlo_rec.model.consent import Prompt
from arlo_rec.model.records import Approval
from arlo_rec.policy import Purpose, reason_problem

_CODED: Final = re.compile(r"\s*([a-z][a-z0-9-]{1,30}):\s*(.*)", re.DOTALL)


class ReasonCode(NamedTuple):
    """A reason that the guidelines know for opening recordings, and the purposes that it fits."""

    code: str  # small letters, digits and hyphens
    nb: str
    en: str
    purposes: frozenset[Purpose]

    def text(self, lang: str) -> str:
        """What it means, in that language."""
        return self.nb if lang == "nb" else self.en


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of the policy."""

    version: str
    since: datetime  # in force from here on, until the next
    prompts: tuple[Prompt, ...]
    reasons: tuple[ReasonCode, ...]
    reason_demanded: bool  # whether each reason begins with a code
    most_found: int  # hits that a search shows
    own_a_day: int  # recordings that an officer hears or exports a day by her own access, unless its approval says more
    entries_days: int | None  # after which the log loses what an entry tells; None: never
    by: str = ""  # the officer who proposed it; empty: the store was made with it
    approvals: tuple[Approval, ...] = ()

    def codes_for(self, purpose: Purpose) -> list[str]:
        """The reason codes that fit a purpose."""
        return [each.code for each in self.reasons if purpose in each.purposes]

    def code_of(self, reason: str) -> str | None:
        """The code that a reason begins with, as in `complaint: ...`; None where it begins with none of these."""
        coded = _CODED.match(reason)
        known = {each.code for each in self.reasons}
        return coded[1] if coded is not None and coded[1] in known else None

    def reason_problem(self, reason: str | None, purpose: Purpose) -> str | None:
        """Why this is no valid reason for opening recordings for a purpose, as a code (security.reason).

        What follows a code is a reason by itself: a code alone says nothing of the call.
        """
        if (problem := reason_problem(reason)) is not None or reason is None:
            return problem or "reason_missing"
        code = self.code_of(reason)
        if code is None:
            return "reason_without_code" if self.reason_demanded else None
        if code not in self.codes_for(purpose):
            return "reason_of_other_purpose"
        coded = _CODED.match(reason)
        return reason_problem(coded[2]) if coded is not None else None


class Policy(NamedTuple):
    """Every version that a store's policy had, has and will have, oldest first."""

    versions: tuple[PolicyVersion, ...]

    @property
    def newest(self) -> PolicyVersion:
        """The last version, which may come into force later."""
        return self.versions[-1]

    @property
    def prompts(self) -> Mapping[str, Prompt]:
        """Every prompt that a recording may have been made under, by version."""
        return {prompt.version: prompt for each in self.versions for prompt in each.prompts}

    def at(self, now: datetime) -> PolicyVersion:
        """The version in force: of those that have begun the one approved last; before the first, the first."""
        return next((each for each in reversed(self.versions) if each.since <= now), self.versions[0])


def first(version: str, since: datetime, prompts: Sequence[Prompt], reasons: Sequence[ReasonCode]) -> PolicyVersion:
    """The version that a new store has, with what the program sets where the company sets nothing."""
    return PolicyVersion(
        version,
        since,
        tuple(prompts),
        tuple(reasons),
        reason_demanded=False,
        most_found=MOST_FOUND,
        own_a_day=OWN_A_DAY,
        entries_days=None,
    )


MOST_FOUND: Final = 50  # who needs more looks for something else than a call (access.need)
OWN_A_DAY: Final = 20
LIMITS: Final[Mapping[str, range]] = {  # what a version may set a number to
    "most_found": range(1, 1001),
    "own_a_day": range(1, 1001),
    "entries_days": range(365, 3651),  # the log is evidence: longer than any recording, case or grant that it tells of
}
