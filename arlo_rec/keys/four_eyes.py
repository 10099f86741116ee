"""Four eyes: whose access needs a second officer, and who that may be. Pure, over the roster.

Whoever was added, reset or renewed by an officer in the last FOUR_EYES stands for that officer, because she may hold
the passphrase; and the recovery identity may be any officer with the paper in her hand. So what an officer gives to
herself by such a detour is her own access, and who stands for her does not approve it.
"""

from __future__ import annotations

from datetime import datetime

from arlo_rec.keys.roster import RECOVERY_NAME, Roster, name_then
from arlo_rec.model.records import Grant
from arlo_rec.policy import FOUR_EYES, Role


def stands_for(roster: Roster, name: str, now: datetime) -> frozenset[str]:
    """The names that may be behind *name* at *now*: itself, who gave it its keys lately, and so on."""
    behind, new = frozenset[str](), {name}
    while new:
        behind |= new
        people = (roster.person(each) for each in new)
        new = {person.by for person in people if person and now < person.since + FOUR_EYES} - behind - {""}
    return behind


def is_own(roster: Roster, by: str, to: str, now: datetime) -> bool:
    """Whether access that *by* gives to *to* is access that an officer gives to herself, as far as can be known."""
    givers, takers = stands_for(roster, by, now), stands_for(roster, to, now)
    officers = {person.name for person in roster.people if person.role is Role.OFFICER}
    by_paper = (RECOVERY_NAME in givers and takers & officers) or (RECOVERY_NAME in takers and givers & officers)
    return bool(givers & takers or by_paper)


def second_officers(roster: Roster, by: str, to: str, now: datetime) -> frozenset[str]:
    """The officers who may approve what *by* gives to *to*: they are neither, and stand for neither.

    Where somebody else may be behind one of the two, whoever has nothing to do with that person approves; where there
    is nobody else, that person does.
    """
    involved = stands_for(roster, by, now) | stands_for(roster, to, now)
    behind = {officer.name: stands_for(roster, officer.name, now) for officer in roster.officers()}
    apart = frozenset(name for name, names in behind.items() if not names & (involved | _PAPER))
    return apart or frozenset(name for name, names in behind.items() if not names & ({by, to} | _PAPER))


def waits(roster: Roster, by: str, to: str, now: datetime) -> bool:
    """Whether what *by* gives to *to* waits for a second officer, by its state when it is given.

    It also waits, and then in vain, where the second officer cannot decide because they got new keys or were removed
    lately: nobody makes herself the only one. Whoever handed over left by their own act, and is not waited for.
    """
    if not is_own(roster, by, to, now):
        return False
    officers = (person for person in roster.former if person.role is Role.OFFICER and not person.handed_to)
    gone = [person for person in officers if person.left_at is not None and now < person.left_at + FOUR_EYES]
    others = {name_then(person.name) for person in gone} - {by, to, RECOVERY_NAME}
    return bool(second_officers(roster, by, to, now) or others)


def may_approve(roster: Roster, name: str, grant: Grant, now: datetime) -> bool:
    """Whether that officer may approve or deny a pending grant."""
    return name in second_officers(roster, grant.by, grant.person, now)


_PAPER = frozenset({RECOVERY_NAME})
