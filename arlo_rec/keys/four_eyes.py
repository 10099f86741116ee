"""Four eyes: whose access needs a second officer, and who that may be. Pure, over the roster.

One question decides: who could act as whom? Whoever gave somebody their keys in the last FOUR_EYES may hold their
passphrase, and so may whoever could act as that giver, here still or gone since. The recovery identity may be any
officer with the paper in her hand; nobody knows which, so what is decided must hold whoever it is.

    own         somebody could act as the giver and as the taker: she gives it to herself, as far as can be known
    approver    a named officer as whom none of those could act who could act as either, and who is not one of them
    enough      whoever holds the paper, one who approved is such an approver: that takes two officers where she who
                holds it could act as either of them
    waits       it is own, and she who gives it could not act as every other officer: those who left or got new keys in
                the last FOUR_EYES are asked for too, though then nobody can approve it yet
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from arlo_rec.keys.roster import RECOVERY_NAME, Roster, name_then
from arlo_rec.model.records import Grant, Person
from arlo_rec.policy import FOUR_EYES, Role


def behind(roster: Roster, name: str, now: datetime, holder: str) -> frozenset[str]:
    """Everybody who could act as *name* at *now*, where the officer *holder* has the recovery paper; *name* too."""
    everybody = (*roster.people, *roster.former)
    found, new = frozenset[str](), {name}
    while new:
        found |= new
        givers = {each.by for each in everybody if name_then(each.name) in new and _is_new(each, now)}
        givers |= {holder} if RECOVERY_NAME in new else set()
        new = givers - found - {""}
    return found


def is_own(roster: Roster, by: str, to: str, now: datetime) -> bool:
    """Whether access that *by* gives to *to* is access that an officer gives to herself, as far as can be known."""
    return any(_both(roster, by, to, now, holder) for holder in _holders(roster))


def waits(roster: Roster, by: str, to: str, now: datetime) -> bool:
    """Whether what *by* gives to *to* waits for a second officer, by its state when it is given."""
    return bool(_demands(roster, by, to, now))


def second_officers(roster: Roster, by: str, to: str, now: datetime, approved: Collection[str] = ()) -> frozenset[str]:
    """The officers who may approve what *by* gives to *to*, where some have *approved* it already."""
    demands = _demands(roster, by, to, now) or [_seconds_of_all(roster, by, to, now)]
    is_vain = not all(demands)
    return frozenset[str]().union(*(seconds for seconds in demands if not is_vain and not seconds & set(approved)))


def may_approve(roster: Roster, name: str, grant: Grant, now: datetime) -> bool:
    """Whether that officer may approve or deny a pending grant."""
    approved = {approval.by for approval in grant.approvals}
    return name in second_officers(roster, grant.by, grant.person, now, approved)


def is_approved(roster: Roster, grant: Grant, approved: Collection[str], now: datetime) -> bool:
    """Whether a grant is in force once these officers *approved* it."""
    return is_enough(roster, grant.by, grant.person, approved, now)


def are_two(roster: Roster, one: str, other: str, now: datetime) -> bool:
    """Whether nobody could act as both, whoever holds the recovery paper."""
    return not any(_both(roster, one, other, now, holder) for holder in _holders(roster))


def is_enough(roster: Roster, by: str, to: str, approved: Collection[str], now: datetime) -> bool:
    """Whether what *by* gives to *to* is in force once these officers *approved* it."""
    return all(seconds & set(approved) for seconds in _demands(roster, by, to, now))


def _demands(roster: Roster, by: str, to: str, now: datetime) -> list[frozenset[str]]:
    """Whoever holds the paper, one officer of each of these must approve; of an empty one nobody can."""
    officers, demands = _officers_with_who_acts(roster, now), []
    for holder in _holders(roster):
        both = _both(roster, by, to, now, holder)
        if holder == RECOVERY_NAME:  # nobody whom we know has it: whoever else is there and gets nothing is asked
            is_asked = RECOVERY_NAME in both and bool(_others(officers, RECOVERY_NAME) - {by, to})
        else:
            is_asked = any(_others(officers, name) for name in both - {RECOVERY_NAME})
        if is_asked:
            demands.append(_seconds(roster, by, to, now, holder))
    return demands


def _both(roster: Roster, by: str, to: str, now: datetime, holder: str) -> frozenset[str]:
    """Who could act as the giver and as the taker."""
    return behind(roster, by, now, holder) & behind(roster, to, now, holder)


def _seconds(roster: Roster, by: str, to: str, now: datetime, holder: str) -> frozenset[str]:
    """The officers as whom nobody could act who could act as one of the two."""
    involved = behind(roster, by, now, holder) | behind(roster, to, now, holder)
    return frozenset(each.name for each in roster.officers() if not behind(roster, each.name, now, holder) & involved)


def _seconds_of_all(roster: Roster, by: str, to: str, now: datetime) -> frozenset[str]:
    """The officers who are second ones whoever holds the paper: for what waited, and needs nobody any more."""
    return frozenset[str].intersection(*(_seconds(roster, by, to, now, holder) for holder in _holders(roster)))


def _others(officers: Collection[tuple[str, frozenset[str]]], name: str) -> frozenset[str]:
    """The *officers* as whom *name* cannot act."""
    return frozenset(officer for officer, acts in officers if name not in acts)


def _officers_with_who_acts(roster: Roster, now: datetime) -> list[tuple[str, frozenset[str]]]:
    """Every officer of now or until lately, and who could act as them by the keys that they had, whoever has the paper.

    Whoever handed over left by their own act, and is not waited for: their successor is there.
    """
    return [
        (name_then(each.name), _who_acts(roster, each, now))
        for each in (*roster.people, *(former for former in roster.former if not _handed_over(roster, former)))
        if each.role is Role.OFFICER and not each.recovery and (each.left_at is None or now < each.left_at + FOUR_EYES)
    ]


def _handed_over(roster: Roster, former: Person) -> bool:
    """Whether somebody left by their own act, to a successor who is here."""
    return bool(former.handed_to) and roster.person(former.handed_to) is not None


def _who_acts(roster: Roster, person: Person, now: datetime) -> frozenset[str]:
    """Who could act by the keys that *person* has, or had, whoever holds the paper; *person* too."""
    name = name_then(person.name)
    if not _is_new(person, now) or person.by in {"", name}:
        return frozenset({name})
    return frozenset({name}).union(*(behind(roster, person.by, now, holder) for holder in _holders(roster)))


def _holders(roster: Roster) -> frozenset[str]:
    """Who may hold the recovery paper: everybody who is or was an officer; or nobody, and it acts for itself."""
    officers = (each for each in (*roster.people, *roster.former) if each.role is Role.OFFICER)
    return frozenset({RECOVERY_NAME, *(name_then(each.name) for each in officers)})


def _is_new(person: Person, now: datetime) -> bool:
    """Whether somebody gave them their keys lately."""
    return now < person.since + FOUR_EYES
