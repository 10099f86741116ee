"""Four eyes: whose access needs a second officer, and who that may be. Pure, over the roster.

For FOUR_EYES the giver of new keys may act by them: she may know the passphrase. So may those who could act as her,
here still or gone since. Every officer may hold the recovery paper, so for that time each may act by keys that it gave.

    own         somebody could act as the giver and as the taker: she gives it to herself, as far as can be known
    waits       it is own, and there is another officer as whom she could not act; one who left or got new keys in the
                last FOUR_EYES is asked for too, though then nobody can approve it yet
    approver    a named officer with no keys by the paper, as whom none of those could act who could act as either;
                where the paper may be behind giver and taker there is none: that waits until their keys are older
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from arlo_rec.keys.roster import RECOVERY_NAME, Roster, name_then
from arlo_rec.model.records import Person
from arlo_rec.policy import FOUR_EYES, Role


def is_own(roster: Roster, by: str, to: str, now: datetime) -> bool:
    """Whether access that *by* gives to *to* is access that an officer gives to herself, as far as can be known."""
    return bool(_both(roster, by, to, now))


def waits(roster: Roster, by: str, to: str, now: datetime) -> bool:
    """Whether what *by* gives to *to* waits for a second officer, by its state when it is given."""
    both = _both(roster, by, to, now)
    for officer in _officers_of_late(roster, now) if both else ():
        actors = _who_acts(roster, officer, now)
        if RECOVERY_NAME in actors:  # she may be whoever holds the paper
            continue
        if name_then(officer.name) in {by, to}:  # keys that the paper renewed were no other officer's
            actors |= {RECOVERY_NAME}
        if both - actors:
            return True
    return False


def second_officers(roster: Roster, by: str, to: str, now: datetime) -> frozenset[str]:
    """The officers who may approve what *by* gives to *to*."""
    giver, taker = _behind(roster, by, now), _behind(roster, to, now)
    if RECOVERY_NAME in giver & taker:
        return frozenset()
    involved = giver | taker | {RECOVERY_NAME}
    return frozenset(each.name for each in roster.officers() if not _behind(roster, each.name, now) & involved)


def _behind(roster: Roster, name: str, now: datetime) -> frozenset[str]:
    """Everybody who could act as *name* at *now*, *name* too; with the recovery identity, every officer could."""
    everybody = (*roster.people, *roster.former)
    found, new = frozenset[str](), {name}
    while new:
        found |= new
        new = {each.by for each in everybody if name_then(each.name) in new and _is_new(each, now)} - found - {""}
    return found


def _both(roster: Roster, by: str, to: str, now: datetime) -> frozenset[str]:
    """Who could act as the giver and as the taker."""
    giver, taker = _behind(roster, by, now), _behind(roster, to, now)
    officers = {name_then(each.name) for each in (*roster.people, *roster.former) if each.role is Role.OFFICER}
    both = giver & taker
    both |= taker & officers if RECOVERY_NAME in giver else set()
    return both | (giver & officers if RECOVERY_NAME in taker else set())


def _officers_of_late(roster: Roster, now: datetime) -> Iterator[Person]:
    """Every officer of now, and who was one until lately.

    One who handed over is left out: she left by her own act, and her successor is there.
    """
    yield from roster.officers()
    for former in roster.former:
        handed_over = bool(former.handed_to) and roster.person(former.handed_to) is not None
        is_late = former.left_at is None or now < former.left_at + FOUR_EYES
        if former.role is Role.OFFICER and not former.recovery and is_late and not handed_over:
            yield former


def _who_acts(roster: Roster, person: Person, now: datetime) -> frozenset[str]:
    """Who could act by the keys that *person* has, or had; *person* too."""
    name = name_then(person.name)
    givers = _behind(roster, person.by, now) if _is_new(person, now) and person.by not in {"", name} else frozenset()
    return givers | {name}


def _is_new(person: Person, now: datetime) -> bool:
    """Whether their keys were given to them in the last FOUR_EYES."""
    return now < person.since + FOUR_EYES
