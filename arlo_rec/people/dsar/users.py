"""The answer to a person who uses this system (GDPR 15, CJEU C-579/21): from the roster and the log.

What a person did is data about them, and so is what others did about them. The names of other people are left out:
the right of access reaches no further than one's own data. `data.json` has every entry, the letter sums them up.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from arlo_rec.law.log.entries import LogEntry
from arlo_rec.law.log.events import UnlockFailed
from arlo_rec.law.messages import say, say_or
from arlo_rec.law.model.particulars import Particulars
from arlo_rec.law.model.records import to_iso
from arlo_rec.law.model.times import local_date
from arlo_rec.law.pages import Formats, country, render
from arlo_rec.law.rights import CASE_RETENTION, IDENTITY_WAYS
from arlo_rec.people.dsar.answer import Case
from arlo_rec.people.dsar.files import FileFacts
from arlo_rec.people.dsar.letter import PAGE
from arlo_rec.people.dsar.writing import Package
from arlo_rec.policy import Role
from arlo_rec.vault.keys.roster import name_then
from arlo_rec.vault.opened import Store

NAME: Final = "data.json"
FORMAT: Final = "arlo-rec access answer of a user"
OTHER: Final = "another person"  # instead of a name


@dataclass(frozen=True, slots=True)
class Membership:
    """A time in which the person was a user: the role, the account that uses the door, from and until."""

    role: Role
    account: str
    since: datetime
    until: datetime | None  # None: still


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """Access that the person had to recordings."""

    purpose: str
    teams: tuple[str, ...] | None  # None: all
    starts_at: datetime
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Summed:
    """Entries of one kind: how many, and the first and the last day."""

    action: str
    outcome: str
    count: int
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class UserAnswer:
    """Everything that the system holds about a user."""

    case: Case
    name: str
    memberships: tuple[Membership, ...]
    grants: tuple[GrantFacts, ...]
    own: tuple[dict[str, Any], ...] = field(repr=False)  # entries that the person signed
    others: tuple[dict[str, Any], ...] = field(repr=False)  # entries of others that name the person
    entries_days: int  # after which searches, looks and hearings are deleted from the log


def answer(store: Store, case: Case, name: str, now: datetime) -> UserAnswer:
    """The answer about a user of that name, present or former."""
    people = [person for person in (*store.roster.former, *store.roster.people) if name_then(person.name) == name]
    memberships = tuple(
        Membership(person.role, person.login or name, person.since, person.left_at)
        for person in sorted(people, key=lambda person: person.since)
    )
    grants = tuple(
        GrantFacts(each.purpose, tuple(sorted(each.teams or ())) or None, each.starts_at, each.until, each.reason)
        for each in store.roster.grants
        if each.person == name
    )
    others = {name_then(person.name) for person in (*store.roster.people, *store.roster.former)} - {name}
    entries = [entry for entry in store.log.entries.every() if entry.body is not None]
    own = tuple(_without(others, entry) for entry in entries if _is_own(entry, name))
    about = tuple(_without(others, entry) for entry in entries if not _is_own(entry, name) and _names(entry, name))
    days = store.policy.at(store.clock.today(now)).entries_days
    return UserAnswer(case, name, memberships, grants, own, about, days)


def compose(
    package: Package, content: UserAnswer, particulars: Particulars, lang: str, at: datetime
) -> Iterator[bytes]:
    """The bytes of the package: `data.json`, then the letter."""
    yield from package.begin()
    document = {
        "format": FORMAT,
        "case": content.case.id,
        "name": content.name,
        "memberships": [_plain(each) for each in content.memberships],
        "grants": [_plain(each) for each in content.grants],
        "entries": list(content.own),
        "entries_of_others": list(content.others),
    }
    body = json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8")
    file = yield from package.enclose(NAME, "application/json", [body])
    yield from package.end(_letter(content, file, particulars, lang, at))


def _letter(content: UserAnswer, file: FileFacts, particulars: Particulars, lang: str, at: datetime) -> str:
    formats = Formats(lang)
    return render(
        PAGE,
        f"user.{lang}.html.j2",
        lang=lang,
        case=content.case,
        name=content.name,
        memberships=content.memberships,
        grants=content.grants,
        own=_summed(content.own),
        others=_summed(content.others),
        file=file,
        particulars=particulars,
        outside_eea=particulars.outside_eea,
        country=lambda code: country(code, lang),
        is_officer=any(each.role is Role.OFFICER and each.until is None for each in content.memberships),
        answered_at=at,
        is_late=local_date(at) > content.case.due_on,
        identity_ways=IDENTITY_WAYS,
        case_days=CASE_RETENTION.days,
        kept=formats.years(content.entries_days),
        word=lambda kind, code: say(f"letter.{kind}.{code}", lang),
        done=lambda action: say_or(f"user.action.{action}", lang, say_or(f"letter.action.{action}", lang, action)),
        outcome=lambda code: say(f"user.outcome.{code}", lang),
        sentence=lambda text: text[:1].upper() + text[1:],
        day=formats.day,
        day_of=lambda moment: formats.day(local_date(moment)),
        moment=formats.moment,
        instant=formats.instant,
        iso=to_iso,
    )


def _plain(facts: Membership | GrantFacts) -> dict[str, Any]:
    values = {name: getattr(facts, name) for name in facts.__dataclass_fields__}
    return {name: to_iso(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _is_own(entry: LogEntry, name: str) -> bool:
    """Whether an entry tells what the person did; a failed unlock is another's until it is known to be theirs."""
    return entry.person == name and not isinstance(entry.event, UnlockFailed)


def _names(entry: LogEntry, name: str) -> bool:
    return any(text == name for text in _texts((entry.body or {}).get("detail")))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _texts(each)


_NAMED: Final = frozenset({"agent", "agents", "login"})  # keys of names that the roster does not have


def _without(others: set[str], entry: LogEntry) -> dict[str, Any]:
    """An entry without the names of other people."""
    body = {key: _hidden(others, value) for key, value in (entry.body or {}).items()}
    return {"seq": entry.seq, **body}


def _hidden(others: set[str], value: Any) -> Any:
    if isinstance(value, str):
        return OTHER if value in others else value
    if isinstance(value, Mapping):
        return {key: _hidden_under(others, key, each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [_hidden(others, each) for each in value]
    return value


def _hidden_under(others: set[str], key: str, value: Any) -> Any:
    """A member of an entry: names of employees hidden by its key, each for itself, and others by the roster."""
    if key == "people" and isinstance(value, list | tuple):  # elsewhere a digest
        return [OTHER for _ in value]
    return OTHER if key in _NAMED and value else _hidden(others, value)


def _summed(entries: Sequence[Mapping[str, Any]]) -> list[Summed]:
    """Entries by action and outcome, the most frequent first."""
    days: dict[tuple[str, str], list[date]] = {}
    for entry in entries:
        at = local_date(datetime.fromisoformat(str(entry["at"])))
        outcome = "done" if entry["outcome"] == "allowed" else str(entry["outcome"])
        days.setdefault((str(entry["action"]), outcome), []).append(at)
    counts = Counter({key: len(each) for key, each in days.items()})
    return [Summed(*key, count, min(days[key]), max(days[key])) for key, count in counts.most_common()]
