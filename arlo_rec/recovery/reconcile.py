"""What a restored store is told of the time since its backup, inside the one change that makes it today's.

The log goes on from where the feed ends; tombstones are back; who left has no key; every grant has ended; copies that
left are known. What was erased is erased by `restore`, as ever.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from arlo_rec.access import listening_keys
from arlo_rec.crypto import primitives
from arlo_rec.model.records import from_micros, to_micros
from arlo_rec.offsite import escrow
from arlo_rec.offsite.escrow_slot import Kept
from arlo_rec.policy import Role
from arlo_rec.recovery import replay
from arlo_rec.recovery.replay import Replay
from arlo_rec.store import Store, log_key


def catch_up(store: Store, since: Replay) -> None:
    """The log as the feed has it."""
    store.db.run_many("INSERT INTO entries (seq, salt, body, leaf) VALUES (?, ?, ?, ?)", since.entries)
    mentions = [(bytes.fromhex(name), seq) for seq, told in since.told() for name in told.get("recordings", ())]
    store.db.run_many("INSERT OR IGNORE INTO mentions (recording, seq) VALUES (?, ?)", sorted(mentions))
    store.db.run_many("INSERT INTO checkpoints (size, root, note) VALUES (?, ?, ?)", since.checkpoints)
    store.db.run_many("INSERT INTO log_keys (vkey, from_size, statement) VALUES (?, ?, ?)", since.log_keys)
    tree = store.book.tree()
    for _, _, _, leaf in since.entries:
        tree = tree.add(leaf)
    store.db.run("INSERT OR REPLACE INTO meta (key, value) VALUES ('log', ?)", (tree.encode(),))


def go_on_with_key(store: Store, old_seed: bytes, new_seed: bytes) -> None:
    """The old key vouches for the new one where it is known; where the log went on under another, an officer does."""
    old, new = log_key(old_seed), log_key(new_seed)
    if replay.whose_key(store.book, old):
        store.book.key = old
        store.book.adopt(new)
    else:
        store.book.restored(new, store.identity.signing)


def roster_of_today(store: Store, since: Replay, now: datetime) -> None:
    """Without who left, or has another key by now; no grant goes on; who came since is remembered for what they signed.

    Whoever only got a new key is filed under another name, so that the name can be given again.
    """
    roster, until = store.roster, f" (until {now:%Y-%m-%d})"
    leaving = [one for one in roster.people if one.name in since.gone]
    filed = [one if one.name in since.removed else replace(one, name=one.name + until) for one in leaving]
    stay = tuple(one for one in roster.people if one.name not in since.gone)
    known = {one.sign_key for one in (*roster.people, *roster.former)}
    came = [replace(one, name=one.name + until) for one in since.people if one.sign_key not in known]
    grants = tuple(
        replace(one, ended_at=now, state="revoked") if one.ended_at is None else one for one in roster.grants
    )
    access_keys = roster.access_keys
    if any(one.role is Role.OFFICER for one in leaving):
        access_keys = (*access_keys, listening_keys.new_access_key(store, stay, now))
    counted = replace(roster, counter=max(roster.counter, since.numbers.get("roster", 0)))
    changed = {"people": stay, "former": (*roster.former, *filed, *came), "grants": grants, "access_keys": access_keys}
    store.put_roster(counted.next(now, **changed))
    for person in leaving:
        store.db.run("DELETE FROM seals WHERE holder = ?", (primitives.fingerprint(person.seal_key),))
    for person in (*stay, *leaving):
        listening_keys.close_to(store, person, now)


def withdrawn_and_purged(store: Store, since: Replay) -> None:
    """Tombstones, and the time of the last purge: no clock that was set back opens what was past its day."""
    for seq, kind, tag, at in since.tombstones:
        store.catalogue.bury(kind, tag, from_micros(at))
        store.catalogue.swear(seq, kind, tag, from_micros(at))
    if since.purged_at is not None and since.purged_at > store.instant("purged_at"):
        store.set_instant("purged_at", since.purged_at)


def copies_of_today(store: Store, since: Replay) -> None:
    """Exports and packages that left since the backup, and what was confirmed as deleted."""
    for seq, (kind, person, at, names) in since.copies.items():
        state = "open" if names & since.erased else "out"
        values = (seq, kind, person, to_micros(at), state)
        store.db.run("INSERT OR IGNORE INTO recipients (seq, kind, person, at, state) VALUES (?, ?, ?, ?, ?)", values)
    for seq in since.confirmed:
        store.db.run("UPDATE recipients SET state = 'confirmed' WHERE seq = ?", (seq,))


def places_of_today(
    store: Store, folder: Path, ring_folder: Path, feed: Path | None, kept: Kept, since: Replay
) -> None:
    """The ring that is here, and others that still are, are emptied by purges; the feed that was given goes on."""
    for path, of in since.escrows.items():
        store.db.run(
            "INSERT OR IGNORE INTO escrows (path, folder, number, changes, at) VALUES (?, ?, 0, -1, 0)", (path, of)
        )
    for one in escrow.known(store):
        if not one.escrow.is_dir():
            store.db.run("DELETE FROM escrows WHERE path = ?", (str(one.escrow),))
    store.db.run(
        "INSERT OR REPLACE INTO escrows (path, folder, number, changes, at) VALUES (?, ?, ?, -1, ?)",
        (str(ring_folder.absolute()), str(folder.absolute()), kept.number, to_micros(kept.at)),
    )
    store.db.run("DELETE FROM meta WHERE key = 'feed'")
    if feed is not None:
        store.db.run("INSERT INTO meta (key, value) VALUES ('feed', ?)", (str(feed.absolute()),))
        store.set_number("fed", 1)
    else:
        store.set_number("fed", 0)
