"""What a restored store takes over from the time since its backup, inside the one change that makes it current.

The log continues from where the feed ends; tombstones are inserted; removed people lose their keys; every grant ends;
disclosures are inserted. What was erased is erased by `restore` through `erasure.protocol`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from arlo_rec.access import listening_keys
from arlo_rec.admin.retire import filed_until, retire
from arlo_rec.catalogue.disclosures import DisclosureRow, DisclosureState
from arlo_rec.offsite.escrow_slot import EscrowSlot
from arlo_rec.recovery.replay import Replay
from arlo_rec.store import Store, log_key


def go_on_with_key(store: Store, old_seed: bytes, new_seed: bytes) -> None:
    """The old key vouches for the new one where it is known; where the log went on under another, an officer does."""
    old, new = log_key(old_seed), log_key(new_seed)
    if store.log.is_current_key(old):
        store.log.key = old
        store.log.hand_over(new)
    else:
        store.log.continue_by_officer(new, store.identity.signing)


def update_roster(store: Store, replay: Replay, now: datetime) -> None:
    """Retire who left or has another key by now; end every grant; remember who came since for what they signed.

    Whoever only got a new key is filed under another name, so that the name can be given again.
    """
    roster = store.roster
    retired = [person for person in roster.people if person.name in replay.gone]
    staying = tuple(person for person in roster.people if person.name not in replay.gone)
    known = {person.sign_key for person in (*roster.people, *roster.former)}
    came = [filed_until(person, now) for person in replay.people if person.sign_key not in known]
    restored = replace(
        roster,
        counter=max(roster.counter, replay.counters.roster),
        people=staying,
        former=(*roster.former, *came),
        grants=tuple(grant.ended(now) for grant in roster.grants),
    )
    retire(store, restored, retired, now, reusable=replay.gone - replay.removed)
    for person in staying:
        listening_keys.close_to(store, person, now)


def take_over_withdrawals(store: Store, replay: Replay) -> None:
    """Keep the tombstones of every withdrawal since, so that no late delivery of them is taken in."""
    for seq, tombstones in replay.tombstones.items():
        for tombstone in tombstones:
            store.catalogue.tombstones.add(tombstone, seq)


def take_over_disclosures(store: Store, replay: Replay) -> None:
    """Keep exports and packages that left since the backup, and which copies were confirmed as deleted."""
    for seq, disclosure in replay.disclosures.items():
        state = DisclosureState.OPEN if disclosure.recordings & replay.erased else DisclosureState.OUT
        row = DisclosureRow(seq, disclosure.kind, disclosure.person, disclosure.at, state)
        store.catalogue.disclosures.learn(row)
    for seq in replay.confirmed:
        store.catalogue.disclosures.confirm(seq)


def update_escrows(store: Store, replay: Replay, escrow: Path, folder: Path, slot: EscrowSlot) -> None:
    """Have purges empty the ring that this store was restored with, and every other that can still be reached.

    *escrow* is the ring's folder, *folder* the backup's, *slot* the backup that was restored.
    """
    escrows = store.catalogue.escrows
    for registered, its_folder in replay.escrows.items():
        escrows.learn(registered, its_folder)
    for row in escrows.every():
        if not row.escrow.is_dir():
            escrows.remove(row.escrow)
    escrows.restored_from(escrow.absolute(), folder.absolute(), slot.number, slot.at)


def update_feed(store: Store, feed: Path | None) -> None:
    """Go on with the feed that the store was restored with, or without any; no older path is kept."""
    store.meta.set_feed(str(feed.absolute()) if feed is not None else None)
    store.meta.set_number("fed", int(feed is not None))
