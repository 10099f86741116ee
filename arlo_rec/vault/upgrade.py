"""Upgrading the catalogue of an earlier version, by the first command of a newer program. Order:

    1  the store opened alone, and nothing of it older than a seen state
    2  the schema as the steps of its version make it
    3  a copy of its file beside it, where the disk has room; a purge removes it after a day
    4  one transaction: the missing steps, the sums of changed tables, version, log entry and checkpoint

A crash leaves the old catalogue whole, and the next command upgrades it. Erasing never waits for an upgrade by hand.
The copy is for a mistake of a step: it opens with the key of the catalogue, and nothing that was erased since opens
with it, since its root secret was replaced. An older program is refused afterwards, with the version that is needed.

In a database the owner of the tables alone upgrades, and another role is refused before step 2. Its administrator's
dump is the copy: the tables of the old version are in no program but the old one, which could make a file of them.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from arlo_rec.law.log.events import CatalogueUpgraded
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Unreachable
from arlo_rec.vault.backends import FILE_MODE
from arlo_rec.vault.backends.durable import disk
from arlo_rec.vault.backends.shared_folder import remove, touch
from arlo_rec.vault.catalogue import copying, schema
from arlo_rec.vault.keys.layout import FILES, has_room
from arlo_rec.vault.opened import Store


class UpgradeAnswer(Record, frozen=True):
    """The version of the catalogue before and after, and the first program that opens it then."""

    before: int
    after: int
    needs: str
    upgraded: bool  # or only tried


class _Undone(Exception):
    """The end of an upgrade that is only tried."""


def carry_out(store: Store, now: datetime, *, dry_run: bool) -> None:
    """Steps 2 to 4 for a store that is open alone; with *dry_run* the transaction is undone.

    Raises Integrity for a foreign schema, Unreachable without room for the transaction or for a role of the database
    that does not own the tables.
    """
    if (owner := store.db.schema.owner_beside()) is not None:
        raise Unreachable("database_takes_owner", owner=owner, command="upgrade")
    before = store.meta.number("schema")
    schema.demand_untouched(store.db, store.layout.catalogue, before)
    copied = not dry_run and _copied(store, store.layout.catalogue_before(before))
    try:
        with store.change(now) as change:
            schema.upgrade(store.db, store.meta)
            schema.demand_untouched(store.db, store.layout.catalogue)
            change.log(CatalogueUpgraded(before=before, after=schema.VERSION, needs=schema.NEEDS, copied=copied))
            if dry_run:
                raise _Undone  # noqa: TRY301 - what undoes a change is an exception
    except _Undone:
        pass


def _copied(store: Store, path: Path) -> bool:
    """Whether a copy of the catalogue's file was made; False where the disk has no room for copy and transaction."""
    place = store.layout
    if place.catalogue_at != FILES or not has_room(place, 2 * store.db.schema.size()):  # with a journal as long
        return False
    with disk():
        remove(path)
        touch(path, FILE_MODE)
    with store.db.reading():
        store.db.copy_to(path, copying.copy)
    return True
