"""Changes since the backup that a restored store takes over, inside the one change that makes it current.

The log continues at the end of the feed; tombstones are inserted; removed people lose their keys; every grant ends;
disclosures are inserted. `restore` erases what was erased since, through `erasure.protocol`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from arlo_rec.law.model import policy_versions
from arlo_rec.machine.replay import Replay
from arlo_rec.office import policy_changes
from arlo_rec.office.identities import filed_until, retire
from arlo_rec.vault.catalogue.disclosures import DisclosureRow
from arlo_rec.vault.keys.key_files import log_key
from arlo_rec.vault.keys.layout import root_name
from arlo_rec.vault.keys.settings import EscrowPlace
from arlo_rec.vault.offsite.escrow import EscrowSlot
from arlo_rec.vault.opened import Store


@dataclass(frozen=True, slots=True)
class NewPlaces:
    """The places of a restored store's data."""

    escrow: Path
    folder: Path  # of the backup
    feed: Path | None


def go_on_with_key(store: Store, old_seed: bytes, new_seed: bytes) -> None:
    """Hand the log over to the new key: by the old key, or by an officer if the log went on under another."""
    old, new = log_key(old_seed), log_key(new_seed)
    if store.log.is_current_key(old):
        store.log.key = old
        store.log.hand_over(new)
    else:
        store.log.continue_by_officer(new, store.identity.signing)


def update_roster(store: Store, replay: Replay, now: datetime) -> None:
    """Retire people who left or have new keys; end every grant; file later people for what they signed.

    A person who only got new keys is filed under another name, so that the name can be given again.
    """
    roster = store.roster
    since = {person.sign_key: person for person in (*roster.people, *replay.people)}  # as they are since the backup
    retired = [
        replace(person, until_entry=since[person.sign_key].until_entry, left_at=since[person.sign_key].left_at)
        for person in roster.people
        if person.name in replay.gone
    ]
    staying = tuple(person for person in roster.people if person.name not in replay.gone)
    known = {person.sign_key for person in (*roster.people, *roster.former)}
    size = store.log.tree().size
    came = [
        person if person.until_entry is not None else replace(person, until_entry=size, left_at=max(now, person.since))
        for person in replay.people
        if person.sign_key not in known
    ]
    restored = replace(
        roster,
        people=staying,
        former=(*roster.former, *(filed_until(person, now) for person in came)),
        grants=tuple(grant.ended(now) for grant in roster.grants),
        pending=(),
    )
    retire(store, restored, retired, now, left_at=now, reusable=replay.gone - replay.rows.removed)


def take_over_withdrawals(store: Store, replay: Replay) -> None:
    """Keep the tombstones of every withdrawal since, so that no late delivery is taken in."""
    for seq, tombstones in replay.tombstones.items():
        for tombstone in tombstones:
            store.catalogue.tombstones.add(tombstone, seq)


def take_over_disclosures(store: Store, replay: Replay) -> None:
    """Keep exports and packages that left since the backup, and confirmed deletions."""
    for seq, logged in replay.rows.disclosures.items():
        store.catalogue.disclosures.learn(DisclosureRow(seq, logged.kind, logged.person, logged.at, logged.state))
    for seq in replay.rows.demanded:
        store.catalogue.disclosures.demand(seq)
    for seq in replay.rows.confirmed:
        store.catalogue.disclosures.confirm(seq)


def take_over_policy(store: Store) -> None:
    """Put the policy of the feed's newest link into force: every version stands in the log.

    If the log does not give it, the backup's stays, by the link that ends this change.
    """
    policy, newest = store.authority.policy_by_log(store.policy.versions[0]), store.authority.newest
    if newest is not None and policy_changes.digest(policy) == newest.documents.policy.hex():
        store.authority.links.put_document("policy", policy_versions.encode(policy))
        store.policy, store.stored_policy, store.prompts = policy, policy, policy.prompts
    else:
        store.put(store.policy)


def update_settings(store: Store, options: NewPlaces, slot: EscrowSlot, unknown_since: int | None) -> None:
    """Put the settings of the new machine into force: nothing is written any more to the lost store's places.

    *slot* is the restored backup; purges empty its ring from now on.
    """
    place = EscrowPlace(options.escrow.absolute(), options.folder.absolute())
    settings = replace(
        store.settings,
        root=root_name(store.layout),
        feed=options.feed.absolute() if options.feed is not None else None,
        escrows=(place,),
        unknown_since=unknown_since,
    )
    store.put(settings)
    store.catalogue.escrows.restored_from(place.escrow, place.folder, slot.number, slot.at)
    store.meta.set("fed", int(options.feed is not None))
