"""The effects of log entries on the rows that follow from them; each event type calls these in its `apply`.

Some tables are an index of the log: disclosures, copies, the recordings of erasures, withdrawals and cases. Writing
applies an event to the tables (`catalogue.tables.TableRows`); `verify` and a restore apply it in memory
(`log.projection`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from arlo_rec.law.model.records import RecordingId


class CopyState(StrEnum):
    """The states of a training copy."""

    NEEDS_REVIEW = "needs_review"
    READY = "ready"  # a person confirmed it
    RELEASED = "released"
    REPLACED = "replaced"  # by another copy; can no longer be confirmed or released, and is erased


class DisclosureState(StrEnum):
    """The states of a disclosure."""

    OUT = "out"
    OPEN = "open"  # a recording in it was erased, or closed to its use; its deletion is to be confirmed
    CONFIRMED = "confirmed"


class Applied(NamedTuple):
    """An entry as applied: person, time, and named recordings."""

    seq: int
    at: datetime
    person: str
    recordings: frozenset[RecordingId]


class MadeCopy(NamedTuple):
    """A training copy by its entry."""

    made_by: str
    made_at: datetime
    parent: RecordingId
    state: CopyState
    made_from: RecordingId | None  # the copy that it replaces
    first: RecordingId | None  # its first revision; None: itself
    revision: int


class Rows:
    """Rows without any effect; subclasses override those they need."""

    def taker(self, of: int) -> str | None:
        """The person who took the disclosure of entry *of*; None without one."""
        del of
        return None

    def take_in(self, recordings: Iterable[RecordingId]) -> None:
        """Mark recordings as held."""

    def erase(
        self, entry: Applied, tombstones: str | None = None, kept: Sequence[RecordingId] = (), *, anew: bool = True
    ) -> None:
        """Erase the entry's recordings; files of them are to be deleted.

        A withdrawal has a digest of *tombstones*, and may have *kept* recordings on hold, as the person asked. If it
        is not made *anew*, it adds later calls to an earlier one, and erases nothing.
        """

    def restore(self, entry: Applied, since: int) -> None:
        """Note a restore with the entries from *since* on; its recordings are lost."""

    def disclose(self, entry: Applied, kind: str) -> None:
        """Note that a copy of the entry's recordings leaves the store; *kind* is `export` or `package`."""

    def leave_nothing(self, of: int) -> None:
        """Remove the disclosure of entry *of*: no file was written."""

    def mark_file(self, of: int, state: DisclosureState) -> None:
        """Demand that the file of the disclosure of entry *of* is deleted, or confirm that it was."""

    def make_copy(self, entry: Applied, copy: MadeCopy) -> None:
        """Add the entry's recordings as training copies, in place of the one that *copy* names."""

    def review_copies(self, entry: Applied) -> None:
        """Confirm the cut lists of the entry's recordings."""

    def follow(self, entry: Applied, event: object, part: str | None = None) -> None:
        """Apply an event of a case or a hold; *part* is the digest of a row that the entry commits to."""

    def end_cases(self, entry: Applied, ended: Sequence[str]) -> None:
        """Delete what is kept of these cases."""

    def approve_policy(self) -> None:
        """Count a version of the policy that is in force."""

    def forget_entries(self, entry: Applied, days: int) -> None:
        """Note that entries older than so many days were forgotten."""

    def void_keys(self, name: str, *, renewed: bool) -> None:
        """Void the keys of a person, who left or got new ones."""

    def name_escrow(self, folder: str) -> None:
        """Add a folder that is an escrow, which purges empty."""
