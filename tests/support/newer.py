"""The newer program: this one with a step of the catalogue more, as a release would have it."""

from __future__ import annotations

from contextlib import closing

import pytest

from arlo_rec.vault.backends import Connection, Schema
from arlo_rec.vault.catalogue import schema

NEXT = schema.VERSION + 1


def step(changed: Schema) -> None:
    """A column, and a table with a sum: the changes that a release makes."""
    changed.carry_out("ALTER TABLE refusals ADD COLUMN times INTEGER NOT NULL DEFAULT 1; UPDATE refusals SET times = 2")
    changed.keep_sum("refusals")
    changed.carry_out("CREATE TABLE marks (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT")
    changed.keep_sum("marks")
    changed.carry_out("INSERT INTO marks VALUES ('first', 1)")


def digest_of_newer(made: Connection) -> bytes:
    """The digest of what the steps of the newer program make in a new catalogue, which is closed."""
    with pytest.MonkeyPatch.context() as patch, closing(made):
        patch.setattr(schema, "STEPS", (*schema.STEPS, schema.Step("0002_marks", step)))
        schema.migrate(made)
        return schema.digest_of(made)


class Programs:
    """The program of now and the next one, by turns."""

    def __init__(self, digests: schema.Digests) -> None:
        self._digests = digests

    def newer(self, patch: pytest.MonkeyPatch) -> None:
        """Have this process run the next one until *patch* is undone."""
        patch.setattr(schema, "STEPS", (*schema.STEPS, schema.Step("0002_marks", step)))
        patch.setattr(schema, "SUMMED", (*schema.SUMMED, "marks"))
        patch.setattr(schema, "DIGESTS", {**schema.DIGESTS, NEXT: self._digests})
        patch.setattr(schema, "VERSION", NEXT)
        patch.setattr(schema, "NEEDS", "0.2.0")
