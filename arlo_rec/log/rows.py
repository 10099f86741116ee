"""What entries of the log do to the rows that follow from them; each event type calls these in its `apply`.

Some tables are an index of the log: disclosures, copies, the recordings of erasures, withdrawals and cases. Writing
applies an event to the tables (`catalogue.tables.TableRows`); `verify` and a restore apply it in memory
(`log.projection`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from arlo_rec.model.records import RecordingId


class CopyState(StrEnum):
    """The states of a training copy."""

    NEEDS_REVIEW = "needs_review"
    READY = "ready"  # a person confirmed it
    RELEASED = "released"
    REPLACED = "replaced"  # another copy was made from it; it can no longer be confirmed or released, and is erased


class DisclosureState(StrEnum):
    """The states of a disclosure."""

    OUT = "out"
    OPEN = "open"  # a recording in it was erased; its deletion is to be confirmed
    CONFIRMED = "confirmed"


class Applied(NamedTuple):
    """An entry as it is applied: by whom, when, and the recordings that it names."""

    seq: int
    at: datetime
    person: str
    recordings: frozenset[RecordingId]


class MadeCopy(NamedTuple):
    """A training copy as its entry tells it."""

    made_by: str
    made_at: datetime
    parent: RecordingId
    state: CopyState
    made_from: RecordingId | None  # the copy that it replaces
    first: RecordingId | None  # its first revision; None: itself
    revision: int


class Rows:
    """Rows on which no entry has an effect; subclasses keep those that they need."""

    def taker(self, of: int) -> str | None:
        """The person who took the disclosure of entry *of*; None where there is none."""
        del of
        return None

    def take_in(self, recordings: Iterable[RecordingId]) -> None:
        """These are held from now on."""

    def erase(self, entry: Applied, tombstones: str | None = None) -> None:
        """Its recordings are erased, so files of them are to be deleted. A withdrawal has a digest of *tombstones*."""

    def restore(self, entry: Applied, since: int) -> None:
        """The store was restored with the entries from *since* on; its recordings are lost."""

    def disclose(self, entry: Applied, kind: str) -> None:
        """A copy of its recordings leaves the store; *kind* is `export` or `package`."""

    def leave_nothing(self, of: int) -> None:
        """No file came of the disclosure of entry *of*."""

    def confirm_deleted(self, of: int) -> None:
        """The file of the disclosure of entry *of* was deleted."""

    def make_copy(self, entry: Applied, copy: MadeCopy) -> None:
        """Its recordings are training copies, each made in the place of another where *copy* says so."""

    def review_copies(self, entry: Applied) -> None:
        """A person confirmed the cut lists of its recordings."""

    def follow_case(self, entry: Applied, event: object, part: str | None = None) -> None:
        """Something was done in a case; *part* is the digest of a row that the entry commits to."""

    def end_cases(self, entry: Applied, ended: Sequence[str]) -> None:
        """What was kept of these cases is deleted."""

    def approve_policy(self) -> None:
        """A version of the policy is in force."""

    def forget_entries(self, entry: Applied, days: int) -> None:
        """Entries older than so many days were forgotten."""

    def void_keys(self, name: str, *, renewed: bool) -> None:
        """The keys of a person are void: they left, or have new ones."""

    def name_escrow(self, folder: str) -> None:
        """A folder is an escrow, which purges empty."""
