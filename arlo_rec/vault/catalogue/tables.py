"""The catalogue of one store: an object for each table, or for tables that are only used together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from arlo_rec.law.log.rows import Applied, DisclosureState, MadeCopy, Rows
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import Recording, RecordingId
from arlo_rec.policy import Event
from arlo_rec.vault.backends import Connection, WrappingKey
from arlo_rec.vault.catalogue.audience_keys import Metadata
from arlo_rec.vault.catalogue.columns import reads_rows
from arlo_rec.vault.catalogue.copies import Copies, Copy
from arlo_rec.vault.catalogue.disclosures import DisclosureRow, Disclosures
from arlo_rec.vault.catalogue.erasure_keys import ErasureKeys, Spoilt
from arlo_rec.vault.catalogue.erasures import Erasures
from arlo_rec.vault.catalogue.escrows import Escrows
from arlo_rec.vault.catalogue.log_clock import LogClock
from arlo_rec.vault.catalogue.meta import Meta
from arlo_rec.vault.catalogue.recordings import Inventory, Recordings, RecordingSearch
from arlo_rec.vault.catalogue.tombstones import SeenRefusals, Tombstones

if TYPE_CHECKING:
    from arlo_rec.vault.catalogue.audience_keys import AudienceKeys
    from arlo_rec.vault.catalogue.cases import Cases
    from arlo_rec.vault.catalogue.grant_keys import GrantKeys
    from arlo_rec.vault.catalogue.recordings import Agents
    from arlo_rec.vault.catalogue.sealed_secrets import Vouchers


class Catalogue:
    """Every table except those of the log, of the chain of authority and of the sealed secrets.

    Tables that few commands need are loaded on first use: every command opens a catalogue.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self.meta = Meta(connection)
        self.recordings = Recordings(connection)
        self.search = RecordingSearch(connection)
        self.inventory = Inventory(connection)
        self.metadata = Metadata(connection)
        self.copies = Copies(connection)
        self.disclosures = Disclosures(connection)
        self.tombstones = Tombstones(connection)
        self.erasures = Erasures(connection)
        self.refusals = SeenRefusals(connection)
        self.escrows = Escrows(connection)
        self.log_clock = LogClock(self.meta)

    @cached_property
    def agents(self) -> Agents:
        """The employees in held calls."""
        from arlo_rec.vault.catalogue.recordings import Agents

        return Agents(self._db)

    @cached_property
    def audience_keys(self) -> AudienceKeys:
        """The keys of each commit."""
        from arlo_rec.vault.catalogue.audience_keys import AudienceKeys

        return AudienceKeys(self._db)

    @cached_property
    def grant_keys(self) -> GrantKeys:
        """The key pairs of grants, and earlier keys wrapped for them."""
        from arlo_rec.vault.catalogue.grant_keys import GrantKeys

        return GrantKeys(self._db)

    @cached_property
    def cases(self) -> Cases:
        """The access requests."""
        from arlo_rec.vault.catalogue.cases import Cases

        return Cases(self._db)

    @cached_property
    def vouchers(self) -> Vouchers:
        """An officer's signature for each key that may sign an erasure."""
        from arlo_rec.vault.catalogue.sealed_secrets import Vouchers

        return Vouchers(self._db)

    def erasure_keys(self, root: WrappingKey) -> ErasureKeys:
        """The erasure keys below R."""
        return ErasureKeys(self._db, root)

    def erasure_keys_missing(self) -> tuple[list[bytes], list[int]]:
        """The shards and days that lack a key above others."""
        return ErasureKeys.missing_above(self._db)

    def withdrawn_at(self, kind: str, tag: bytes) -> datetime | None:
        """The newest withdrawal of a caller or source id, by clocks that were not ahead; None without one.

        A withdrawal that a clock ahead dated, and that lies before an officer accepted another clock, was by then.
        """
        at = self.tombstones.withdrawn_at(kind, tag)
        if at is None or at <= (accepted := self.log_clock.get().accepted).at or accepted.seq < 0:
            return at
        every = self.tombstones.every(kind, tag)
        return max((min(at, accepted.at) if seq < accepted.seq else at for seq, at in every), default=at)

    def count_held(self) -> int:
        """The number of held recordings, by the counts of their shards: one row for hundreds."""
        return ErasureKeys.count(self._db)

    def erasure_keys_of_wrong_size(self, of_days: int) -> Spoilt:
        """The erasure keys of another size than a wrapped key, which for days is *of_days*, or with a wrong count."""
        return ErasureKeys.of_wrong_size(self._db, of_days)

    def shards_behind(self, shard: bytes, at_most: int) -> list[bytes]:
        """The shards of erasure keys behind *shard*, in the order of their ids."""
        return ErasureKeys.shards_behind(self._db, shard, at_most)

    def ids_with_erasure_key(self, prefix: bytes) -> set[RecordingId]:
        """Recordings with a wrapped erasure key whose id begins with *prefix*."""
        return ErasureKeys.ids(self._db, prefix)

    def hold(self, recording: Recording) -> None:
        """Complete an announced row, so that the recording is held; inside a change.

        Raises Integrity if its id is in use already (ids are random), KeyError without an announced row.
        """
        if self._is_named(recording.id):
            raise Integrity("id_taken", id=recording.id.hex())
        self.recordings.hold(recording)

    @reads_rows
    def _is_named(self, recording: RecordingId) -> bool:
        sql = (
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM mentions WHERE recording = ?) OR EXISTS (SELECT 1 FROM shares "
            "WHERE recording = ?) OR EXISTS (SELECT 1 FROM metadata WHERE recording = ?) OR EXISTS (SELECT 1 FROM "
            "copies WHERE recording = ? OR first = ?) OR EXISTS (SELECT 1 FROM recordings WHERE parent = ?)"
        )
        return bool(self._db.rows(sql, (recording,) * sql.count("?")))

    def begin_erasure(self, recordings: tuple[RecordingId, ...], erasure: str, event: Event) -> None:
        """Mark recordings as being erased, and disclosures that hold one of them as `open`; inside a change.

        Their metadata goes, and each key with the last metadata sealed under it.
        """
        self.recordings.begin_erasure(recordings, erasure, event)
        self.copies.remove(recordings)
        unused = self.metadata.remove(recordings)
        self.grant_keys.forget_keys(self.audience_keys.remove(unused))
        self.disclosures.erased(recordings)


class TableRows(Rows):
    """The rows that each log entry writes; no use case writes them itself. Inside a change.

    Rows that hold more than an entry (erasures, tombstones, cases) are written by their use case.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._tables = catalogue

    def disclose(self, entry: Applied, kind: str) -> None:
        row = DisclosureRow(entry.seq, kind, entry.person, entry.at, DisclosureState.OUT)
        self._tables.disclosures.add(row)

    def leave_nothing(self, of: int) -> None:
        self._tables.disclosures.remove(of)

    def mark_file(self, of: int, state: DisclosureState) -> None:
        table = self._tables.disclosures
        (table.demand if state is DisclosureState.OPEN else table.confirm)(of)

    def make_copy(self, entry: Applied, copy: MadeCopy) -> None:
        if copy.made_from is not None:
            self._tables.copies.replace(copy.made_from)
        for recording in entry.recordings:
            self._tables.copies.add(Copy.of(recording, copy))

    def review_copies(self, entry: Applied) -> None:
        for copy in entry.recordings:
            self._tables.copies.confirm(copy, entry.person)

    def end_cases(self, entry: Applied, ended: Sequence[str]) -> None:
        del entry
        self._tables.cases.remove(ended)
