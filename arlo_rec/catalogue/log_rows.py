"""The tables that are an index of the log, written with each entry: no use case writes their rows itself."""

from __future__ import annotations

from collections.abc import Sequence

from arlo_rec.catalogue.copies import Copy
from arlo_rec.catalogue.disclosures import DisclosureRow
from arlo_rec.catalogue.tables import Catalogue
from arlo_rec.model.log_rows import Applied, DisclosureState, MadeCopy, Rows


class TableRows(Rows):
    """The rows of one catalogue, inside a change.

    Those that hold more than an entry says (erasures, tombstones, cases) are written where that is known.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._tables = catalogue

    def disclose(self, entry: Applied, kind: str) -> None:
        """See `Rows`."""
        row = DisclosureRow(entry.seq, kind, entry.person, entry.at, DisclosureState.OUT)
        self._tables.disclosures.add(row)

    def leave_nothing(self, of: int) -> None:
        """See `Rows`."""
        self._tables.disclosures.remove(of)

    def confirm_deleted(self, of: int) -> None:
        """See `Rows`."""
        self._tables.disclosures.confirm(of)

    def make_copy(self, entry: Applied, copy: MadeCopy) -> None:
        """See `Rows`."""
        if copy.made_from is not None:
            self._tables.copies.replace(copy.made_from)
        for each in entry.recordings:
            self._tables.copies.add(Copy.of(each, copy))

    def review_copies(self, entry: Applied) -> None:
        """See `Rows`."""
        for copy in entry.recordings:
            self._tables.copies.confirm(copy, entry.person)

    def end_cases(self, entry: Applied, ended: Sequence[str]) -> None:
        """See `Rows`."""
        del entry
        self._tables.cases.remove(ended)
