"""The versions of a store's policy: what the guidelines leave to the company to set, each in force from its instant on.

`policy` and `rules` hold what no company changes. A version is never edited: a change is a new version, which officers
approve (purpose.change). Pure; `keys.policy_document` writes and reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from arlo_rec.model.consent import Prompt
from arlo_rec.model.program_parts import Part, parts
from arlo_rec.model.records import MICROSECOND, Approval, Recording
from arlo_rec.model.times import local_date
from arlo_rec.policy import CLOCK_MARGIN, RETENTION, RULES, Purpose, Rule, reason_problem

_FOREVER: Final = datetime.max.replace(tzinfo=UTC)
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
    cut_circumstances: bool  # whether training copies lose what may tell somebody without a name, unasked
    most_found: int  # hits that a search shows
    own_a_day: int  # recordings that an officer hears or exports a day by her own access, unless its approval says more
    entries_days: int | None  # after which the log loses what an entry tells; None: never
    retention_days: int  # for which a recording is kept
    program: tuple[Part, ...]  # the parts of the program that it was approved with
    by: str = ""  # the officer who proposed it; empty: the store was made with it
    approvals: tuple[Approval, ...] = ()

    def starting(self, since: datetime, before: PolicyVersion) -> PolicyVersion:
        """This version in force from *since* on, behind *before*: what is new in it begins no earlier."""
        day, prompts = local_date(since), before.by_prompt()
        return replace(
            self,
            since=since,
            prompts=tuple(
                each if each.version in prompts else each._replace(since=max(each.since, day)) for each in self.prompts
            ),
        )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in the program's words, in the order of the guidelines; that of retention names these days."""
        most, days = str(RETENTION.days), str(self.retention_days)
        return tuple(
            rule._replace(nb=rule.nb.replace(most, days), en=rule.en.replace(most, days))
            if rule.id == "retention.90d"
            else rule
            for rule in RULES.values()
        )

    def by_prompt(self) -> Mapping[str, Prompt]:
        """The prompts by their versions; whether one was in use at an instant, it says itself."""
        return {prompt.version: prompt for prompt in self.prompts}

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


class _Term(NamedTuple):
    """The retention of a version for as long as it is in force; without a beginning, for all that was before."""

    since: datetime | None
    until: datetime
    retention: timedelta


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

    def due_at(self, started_at: datetime) -> datetime:
        """When a call that began then is due to be erased, by every version that is approved (retention.90d).

        The shortest retention counts that was in force at any time since it was recorded: a shorter one reaches what is
        held, from the instant on that it comes into force, and a longer one only what is recorded after it.
        """
        terms = [term for term in self._terms() if started_at < term.until]
        ends = [max(started_at + term.retention, term.since or started_at) for term in terms]
        return min(ends, default=started_at + RETENTION)

    def latest_due(self, now: datetime) -> datetime:
        """The latest start of a call that is due at *now*: whatever began then or earlier is, and nothing later."""
        begun = [term for term in self._terms() if term.since is None or term.since <= now]
        return max(min(now - term.retention, term.until - MICROSECOND) for term in begun)

    def ends_at(self, recording: Recording) -> datetime:
        """When a recording is due to be erased: by the policy, and no later than its row says."""
        return min(recording.latest_end, self.due_at(recording.started_at))

    def _terms(self) -> list[_Term]:
        """The retention of each version, and from when until when it is in force; the first has no beginning."""
        terms, ends = list[_Term](), _FOREVER
        for number, each in reversed(tuple(enumerate(self.versions))):
            since = each.since if number else None
            if since is None or since < ends:
                terms.append(_Term(since, ends, timedelta(days=each.retention_days)))
                ends = since or ends
            elif each.approvals and since - each.approvals[-1].at <= CLOCK_MARGIN:
                terms.append(
                    _Term(ends, ends, timedelta(days=each.retention_days))
                )  # began before a clock was set back
        return terms


def first(version: str, since: datetime, prompts: Sequence[Prompt], reasons: Sequence[ReasonCode]) -> PolicyVersion:
    """The version that a new store has, with what the program sets where the company sets nothing."""
    return PolicyVersion(
        version,
        since,
        tuple(prompts),
        tuple(reasons),
        reason_demanded=False,
        cut_circumstances=False,
        most_found=MOST_FOUND,
        own_a_day=OWN_A_DAY,
        entries_days=None,
        retention_days=RETENTION.days,
        program=parts(),
    )


MOST_FOUND: Final = 50  # who needs more looks for something else than a call (access.need)
OWN_A_DAY: Final = 20
TRUTHS: Final = ("reason_demanded", "cut_circumstances")  # what a version sets to true or false
LIMITS: Final[Mapping[str, range]] = {  # what a version may set a number to
    "most_found": range(1, 1001),
    "own_a_day": range(1, 1001),
    "retention_days": range(1, RETENTION.days + 1),  # 90 days are the most that callers were ever told
    "entries_days": range(365, 3651),  # the log is evidence: longer than any recording, case or grant that it tells of
}
