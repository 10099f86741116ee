"""Four eyes: access that needs a second officer, and the officers who may be the second. Pure, over the roster.

For FOUR_EYES the giver of new keys can act with them, because she may know the passphrase. So can everybody who
could act as her, present or former. Any officer may hold the recovery paper, so each can act with keys that it gave.

    own            one person could act as giver and as taker: an officer may be giving it to herself
    needs_second   it is own, and there is another officer as whom that person could not act; one who left or got new
                   keys within FOUR_EYES counts too, even if no approver exists yet
    approver       a named officer without keys by the paper, whom nobody able to act as giver or taker can impersonate;
                   none while the paper may be behind both giver and taker: their keys must first become older
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from arlo_rec.law.model.records import Person
from arlo_rec.policy import FOUR_EYES, Role
from arlo_rec.vault.keys.roster import RECOVERY_NAME, Roster, name_then


def is_own(roster: Roster, by: str, to: str, now: datetime) -> bool:
    """Whether an officer may be giving this access to herself."""
    return bool(_both(roster, by, to, now))


def needs_second(roster: Roster, by: str, to: str, now: datetime) -> bool:
    """Whether access from *by* to *to* needs a second officer when it is given."""
    both = _both(roster, by, to, now)
    for officer in _officers_of_late(roster, now) if both else ():
        actors = _actors(roster, officer, now)
        if RECOVERY_NAME in actors:  # she may be the holder of the paper
            continue
        if name_then(officer.name) in {by, to}:  # keys that the paper renewed were no other officer's
            actors |= {RECOVERY_NAME}
        if both - actors:
            return True
    return False


def second_officers(roster: Roster, by: str, to: str, now: datetime) -> frozenset[str]:
    """The officers who may approve access from *by* to *to*."""
    giver, taker = _behind(roster, by, now), _behind(roster, to, now)
    if RECOVERY_NAME in giver & taker:
        return frozenset()
    involved = giver | taker | {RECOVERY_NAME}
    return frozenset(officer.name for officer in roster.officers() if not _behind(roster, officer.name, now) & involved)


def may_decide(roster: Roster, by: str, name: str, now: datetime) -> bool:
    """Whether an officer may decide on what *by* proposed: as the second one, or alone because there is none."""
    if by == name:
        return not needs_second(roster, by, by, now)
    return name in second_officers(roster, by, by, now)


def _behind(roster: Roster, name: str, now: datetime) -> frozenset[str]:
    """All people who could act as *name* at *now*, *name* included; for the recovery identity, also every officer."""
    everybody = (*roster.people, *roster.former)
    behind, new = frozenset[str](), {name}
    while new:
        behind |= new
        new = {person.by for person in everybody if name_then(person.name) in new and _is_new(person, now)}
        new -= behind | {""}
    return behind


def _both(roster: Roster, by: str, to: str, now: datetime) -> frozenset[str]:
    """All people who could act as giver and as taker."""
    giver, taker = _behind(roster, by, now), _behind(roster, to, now)
    officers = {name_then(person.name) for person in (*roster.people, *roster.former) if person.role is Role.OFFICER}
    both = giver & taker
    both |= taker & officers if RECOVERY_NAME in giver else set()
    return both | (giver & officers if RECOVERY_NAME in taker else set())


def _officers_of_late(roster: Roster, now: datetime) -> Iterator[Person]:
    """Current officers, and former ones within FOUR_EYES after they left.

    An officer who handed over is left out: she left by her own act, and her successor is present.
    """
    yield from roster.officers()
    for former in roster.former:
        handed_over = bool(former.handed_to) and roster.person(former.handed_to) is not None
        is_late = former.left_at is None or now < former.left_at + FOUR_EYES
        if former.role is Role.OFFICER and not former.recovery and is_late and not handed_over:
            yield former


def _actors(roster: Roster, person: Person, now: datetime) -> frozenset[str]:
    """All people who could act with a person's present or former keys, the person included."""
    name = name_then(person.name)
    givers = _behind(roster, person.by, now) if _is_new(person, now) and person.by not in {"", name} else frozenset()
    return givers | {name}


def _is_new(person: Person, now: datetime) -> bool:
    """Whether a person got their keys within the last FOUR_EYES."""
    return now < person.since + FOUR_EYES
