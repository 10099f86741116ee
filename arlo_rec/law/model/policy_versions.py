"""Versions of a store's policy: the company's settings within the guidelines, each in force from an instant on. Pure.

`policy` and `rules` hold what no company changes. A version is never edited: a change is a new version, which
officers approve (purpose.change). All versions are one document, which a link of the chain of authority commits to
(`keys.authority`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from arlo_rec import policy
from arlo_rec.law.model import documents
from arlo_rec.law.model.consent import Prompt
from arlo_rec.law.model.errors import Integrity, Usage
from arlo_rec.law.model.records import MICROSECOND, Approval, Recording
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.law.model.times import local_date
from arlo_rec.law.rules import RULES, Rule
from arlo_rec.policy import (
    CLOCK_MARGIN,
    RETENTION,
    Purpose,
    reason_problem,
)

# -- program parts -----------------------------------------------------------------------------------
# The program's own part of the guidelines, as digests, with which a version of the policy is approved.
#
# If the running program differs, what it does is unapproved, and nothing is given or opened (`Store.demand_approved`):
#
#     rules       wording and sections of the rules          purposes    the closed set
#     retention   the longest that a recording is kept       page ...    the words of each published text
#
# Only the texts of the installed package are read.


PAGES: Final = Path(__file__).parents[2] / "people" / "publishing" / "page"
_TEXTS: Final = "*.md.j2"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the program, and its SHA-256 in hex."""

    name: str
    sha256: str


@cache
def parts() -> tuple[Part, ...]:
    """The parts of the running program that officers approve, by name: its rules, purposes, retention and texts.

    A text counts by its words, without comments and layout; code counts not at all.
    """
    documents: dict[str, Any] = {
        "rules": [[rule.id, rule.section, rule.nb, rule.en] for rule in RULES.values()],
        "purposes": [[rule.nb, rule.en] for rule in (RULES[f"purpose.{each}"] for each in policy.Purpose)],
        "retention": policy.RETENTION // timedelta(hours=1),
    }
    documents |= {f"page {path.name.removesuffix('.md.j2')}": _words(path) for path in PAGES.glob(_TEXTS)}
    return tuple(Part(name, hashlib.sha256(canonical(documents[name])).hexdigest()) for name in sorted(documents))


def differing(version: PolicyVersion) -> list[str]:
    """The names of the parts in which the running program differs from those that a version was approved with."""
    approved, running = ({part.name: part.sha256 for part in each} for each in (version.program, parts()))
    return [name for name in sorted(approved.keys() | running.keys()) if approved.get(name) != running.get(name)]


def _words(template: Path) -> str:
    return " ".join(re.sub(r"\{#.*?#\}", " ", template.read_text("utf-8"), flags=re.DOTALL).split())


# -- policy versions --------------------------------------------------------------------------------


_FOREVER: Final = datetime.max.replace(tzinfo=UTC)
_CODED: Final = re.compile(r"\s*([a-z][a-z0-9-]{1,30}):\s*(.*)", re.DOTALL)


class ReasonCode(documents.Document, frozen=True):
    """A known reason for opening recordings, and the purposes that it fits."""

    code: str  # lower-case letters, digits and hyphens
    nb: str
    en: str
    purposes: frozenset[Purpose]

    def text(self, lang: str) -> str:
        """Its meaning, in that language."""
        return self.nb if lang == "nb" else self.en


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of the policy."""

    version: str
    since: datetime  # in force from here on, until the next
    prompts: tuple[Prompt, ...]
    reasons: tuple[ReasonCode, ...]
    reason_demanded: bool  # whether each reason must begin with a code
    cut_circumstances: bool  # whether training copies lose, unasked, what may identify a person without a name
    most_found: int  # hits that a search shows
    own_a_day: int  # recordings that an officer opens a day by her own access, unless the approval allows more
    entries_days: int  # after which the log drops bodies of entries
    retention_days: int  # for which a recording is kept
    spool_days: int  # after which a refused call is removed from the spool
    program: tuple[Part, ...]  # the parts of the program that it was approved with
    maps: tuple[Part, ...] = ()  # of exports that may be taken in, by their digests
    by: str = ""  # the proposing officer; empty for a new store's
    approvals: tuple[Approval, ...] = ()

    def starting(self, since: datetime, before: PolicyVersion) -> PolicyVersion:
        """This version in force from *since* on, behind *before*; its new prompts begin no earlier."""
        day, prompts = local_date(since), before.by_prompt()
        return replace(
            self,
            since=since,
            prompts=tuple(
                prompt if prompt.version in prompts else replace(prompt, since=max(prompt.since, day))
                for prompt in self.prompts
            ),
        )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in the program's words, in the order of the guidelines; the one on retention names these days."""
        most, days = str(RETENTION.days), str(self.retention_days)
        return tuple(
            rule._replace(nb=rule.nb.replace(most, days), en=rule.en.replace(most, days))
            if rule.id == "retention.90d"
            else rule
            for rule in RULES.values()
        )

    def by_prompt(self) -> Mapping[str, Prompt]:
        """The prompts by version, used or not."""
        return {prompt.version: prompt for prompt in self.prompts}

    def codes_for(self, purpose: Purpose) -> list[str]:
        """The reason codes that fit a purpose."""
        return [reason.code for reason in self.reasons if purpose in reason.purposes]

    def code_of(self, reason: str) -> str | None:
        """The code at the start of a reason, as in `coaching: ...`; None without a known one."""
        coded = _CODED.match(reason)
        known = {row.code for row in self.reasons}
        return coded[1] if coded is not None and coded[1] in known else None

    def reason_problem(self, reason: str | None, purpose: Purpose) -> str | None:
        """The problem of a reason for opening recordings for a purpose, as a code (security.reason).

        Text after a code must be a reason by itself: a code alone says nothing of the call.
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
    """The retention of a version while it is in force; without a beginning, for all time before."""

    since: datetime | None
    until: datetime
    retention: timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """All versions of a store's policy: past, present and future, oldest first."""

    versions: tuple[PolicyVersion, ...]

    @property
    def newest(self) -> PolicyVersion:
        """The last version, which may come into force later."""
        return self.versions[-1]

    @property
    def prompts(self) -> Mapping[str, Prompt]:
        """Every prompt that a recording may have been made under, by version."""
        return {prompt.version: prompt for version in self.versions for prompt in version.prompts}

    def at(self, now: datetime) -> PolicyVersion:
        """The version in force: the last approved one that has begun; before the first, the first."""
        return next((version for version in reversed(self.versions) if version.since <= now), self.versions[0])

    def due_at(self, started_at: datetime) -> datetime:
        """When a call that began then is due to be erased, by every approved version (retention.90d).

        The shortest retention in force since the recording counts: a shorter one reaches held recordings once it
        comes into force, a longer one only later recordings.
        """
        terms = [term for term in self._terms() if started_at < term.until]
        ends = [max(started_at + term.retention, term.since or started_at) for term in terms]
        return min(ends, default=started_at + RETENTION)

    def latest_due(self, now: datetime) -> datetime:
        """The latest start of a call that is due at *now*: everything begun by then is due, and nothing later."""
        begun = [term for term in self._terms() if term.since is None or term.since <= now]
        return max(min(now - term.retention, term.until - MICROSECOND) for term in begun)

    def ends_at(self, recording: Recording) -> datetime:
        """When a recording is due to be erased: by the policy, and no later than its row says."""
        return min(recording.due_at, self.due_at(recording.started_at))

    def _terms(self) -> list[_Term]:
        """The retention of each version and the time it is in force; the first has no beginning."""
        terms, ends = list[_Term](), _FOREVER
        for number, version in reversed(tuple(enumerate(self.versions))):
            since = version.since if number else None
            if since is None or since < ends:
                terms.append(_Term(since, ends, timedelta(days=version.retention_days)))
                ends = since or ends
            elif version.approvals and since - version.approvals[-1].at <= CLOCK_MARGIN:
                terms.append(
                    _Term(ends, ends, timedelta(days=version.retention_days))
                )  # began before a clock was set back
        return terms


def demanded_reason(reason: str | None) -> str:
    """The reason that a command demands, if it is valid (security.reason); raises Usage."""
    problem = reason_problem(reason)
    if problem is not None or reason is None:
        raise Usage(str(problem), rule="security.reason")
    return reason


# -- a new store ----------------------------------------------------------------------------------------

_TRAINING, _QUALITY = frozenset({Purpose.TRAINING}), frozenset({Purpose.QUALITY})
# The list is ours: the customer's guidelines ask for a reason and name no codes.
REASON_CODES: Final[tuple[ReasonCode, ...]] = (
    ReasonCode("quality-sample", "Stikkprøve av kvaliteten", "Random sample of the quality", _QUALITY),
    ReasonCode("coaching", "Veiledning av en medarbeider", "Coaching of an agent", _TRAINING | _QUALITY),
    ReasonCode("new-employee", "Opplæring av en ny medarbeider", "Training of a new employee", _TRAINING),
    ReasonCode("access-request", "Et krav om innsyn", "A request for access", _QUALITY),
    ReasonCode("technical-fault", "En teknisk feil", "A technical fault", _QUALITY),
)

MOST_FOUND: Final = 50  # more would be no search for a call (access.need)
OWN_A_DAY: Final = 20
ENTRIES_DAYS: Final = 365  # a year of an employee's acts, for checks of access (GDPR 5(1)(e))
SPOOL_DAYS: Final = 7  # to mend at the exchange what was refused
TRUTHS: Final = ("reason_demanded", "cut_circumstances")  # settings that are true or false
LIMITS: Final[Mapping[str, range]] = {  # settings that are numbers
    "most_found": range(1, 1001),
    "own_a_day": range(1, 1001),
    "retention_days": range(1, RETENTION.days + 1),  # the most that callers were ever told
    "spool_days": range(1, 31),
    "entries_days": range(365, 1826),  # the log is evidence, so it outlives every recording, case and grant in it
}


def first(version: str, since: datetime, prompts: Sequence[Prompt]) -> PolicyVersion:
    """The version of a new store, with the program's defaults."""
    return PolicyVersion(
        version,
        since,
        tuple(prompts),
        REASON_CODES,
        reason_demanded=False,
        cut_circumstances=False,
        most_found=MOST_FOUND,
        own_a_day=OWN_A_DAY,
        entries_days=ENTRIES_DAYS,
        retention_days=RETENTION.days,
        spool_days=SPOOL_DAYS,
        program=parts(),
    )


# -- the document -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Document:
    versions: tuple[PolicyVersion, ...]
    format: Literal[9] = 9


def encode(policy: Policy) -> bytes:
    """The document as canonical JSON: the same versions give the same bytes."""
    return documents.encode(_Document(policy.versions))


def decode(body: bytes) -> Policy:
    """The policy that a link commits to; raises Integrity (purpose.change)."""
    try:
        policy = Policy(documents.decode(body, _Document).versions)
        if not policy.versions:
            raise ValueError("no version")  # noqa: TRY301 - handled like any other error in the bytes
    except ValueError:
        raise Integrity("policy_forged", rule="purpose.change") from None
    return policy


def version_to_json(version: PolicyVersion) -> dict[str, Any]:
    """One version, with all its settings, as it stands in the document."""
    document: dict[str, Any] = documents.plain(version)
    return document


def read_version(document: object) -> PolicyVersion:
    """The inverse of `version_to_json`; raises ValueError for anything else."""
    return documents.read(document, PolicyVersion)
