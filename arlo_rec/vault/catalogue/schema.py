"""The tables of the catalogue, made and upgraded by steps that its engine carries out; loaded only for that.

Tables are STRICT: a value of another type is refused. Instants are microseconds since 1970 in UTC. No column holds a
name or a number of a caller. The module of `catalogue` that reads a table says what it means.

A released step is never edited: a change of the schema is a new step at the end of STEPS. It raises VERSION by one, as
does another form of the documents, with the DIGESTS of what the steps make and NEEDS. Since OLDEST every catalogue is
upgraded (`vault/upgrade`); a newer one is refused, with the version of the program that it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from arlo_rec.law.model.errors import Integrity, Unreachable
from arlo_rec.vault.backends import Connection, Schema
from arlo_rec.vault.catalogue.columns import reads_rows
from arlo_rec.vault.catalogue.meta import Meta
from arlo_rec.vault.crypto.primitives import sha256

VERSION = 23
OLDEST = 23  # the catalogue of arlo-rec 0.1.0; older ones were never released
NEEDS = "0.1.0"  # the first arlo-rec that opens VERSION


class Digests(NamedTuple):
    """The digest of one schema as each engine describes it."""

    sqlite: bytes
    postgres: bytes


DIGESTS = {  # of the schema that the steps make up to a version; `verify` compares it
    23: Digests(
        bytes.fromhex("a698d3b44e3c07d4951c92903b6e62079ba9f3a7b6d48024275b5a3d4f259c61"),
        bytes.fromhex("c0447f09ca4d849a8c13fb459f60ac358883e0af18cffff3736775e13c824174"),
    ),
}

# The engine gives the `number` of a recording and of an audience key: the order of intake.
# `links`: `policy` and `restored_after` are those of the body. `refusals.spool`: the mark of the folder in which the
# refused file lies, or NULL. `entries.kind`, `entries.taken_in`: see `entry_index`.
# `escrows`: the places of backups, and the rings with the root secrets that open them; a purge empties these rings.
# `recipients`: disclosures. `burials`: the tombstones that each withdrawal's log entry commits to; `tombstones` has
# only the newest time of a person who withdraws twice. `proofs`: the log entry of each erasure, the inclusion path that
# proves it (computing it from all leaves takes a second), and the eraser's signature. `recordings_by_caller`: by the
# day in the id first, so that what is erased together lies together: a purge of a day writes a hundred pages of it and
# not ten thousand, and a withdrawal looks in 256 places.
_TABLES = """
CREATE TABLE meta (
  key TEXT PRIMARY KEY, number INTEGER, bytes BLOB, sealed BLOB,
  CHECK (CASE WHEN number IS NULL THEN 0 ELSE 1 END + CASE WHEN bytes IS NULL THEN 0 ELSE 1 END
    + CASE WHEN sealed IS NULL THEN 0 ELSE 1 END = 1)) STRICT;
CREATE TABLE links (
  number INTEGER PRIMARY KEY, body BLOB NOT NULL, signature BLOB NOT NULL, policy BLOB NOT NULL,
  restored_after INTEGER) STRICT;
CREATE TABLE documents (kind TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE seals (
  holder BLOB NOT NULL, part TEXT NOT NULL, version INTEGER NOT NULL, sealed BLOB NOT NULL,
  signed_by BLOB NOT NULL, signature BLOB NOT NULL, PRIMARY KEY (holder, part, version)) STRICT;
CREATE TABLE grant_seeds (
  grant_id TEXT NOT NULL, pair BLOB NOT NULL, holder BLOB NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (grant_id, pair, holder)) STRICT;
CREATE TABLE grant_histories (grant_id TEXT PRIMARY KEY, reached INTEGER) STRICT;
CREATE TABLE commit_keys (id BLOB PRIMARY KEY, access_key BLOB NOT NULL, sealed BLOB NOT NULL) STRICT;
CREATE TABLE audience_keys (
  number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, commit_key BLOB NOT NULL, audience TEXT NOT NULL,
  team TEXT NOT NULL, wrapped BLOB NOT NULL) STRICT;
CREATE INDEX audience_keys_by_commit ON audience_keys (commit_key);
CREATE TABLE audience_seals (
  audience_key BLOB NOT NULL, grant_id TEXT NOT NULL, pair BLOB NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (audience_key, grant_id)) STRICT;
CREATE TABLE audience_wraps (
  grant_id TEXT NOT NULL, audience_key BLOB NOT NULL, pair BLOB NOT NULL, wrapped BLOB NOT NULL,
  PRIMARY KEY (grant_id, audience_key)) STRICT, WITHOUT ROWID;
CREATE TABLE recordings (
  number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, kind INTEGER NOT NULL, parent BLOB, state TEXT NOT NULL,
  started_at INTEGER NOT NULL, due_at INTEGER NOT NULL, team TEXT NOT NULL,
  caller BLOB, agent BLOB, source BLOB, content BLOB,
  purposes TEXT NOT NULL, prompt TEXT NOT NULL, prompt_sha256 BLOB NOT NULL, policy TEXT NOT NULL,
  object_digest BLOB, object_bytes INTEGER, commit_key BLOB, erasure TEXT) STRICT;
CREATE INDEX recordings_by_caller ON recordings (substr(id, 1, 1), caller) WHERE caller IS NOT NULL;
CREATE INDEX recordings_by_source ON recordings (source) WHERE source IS NOT NULL;
CREATE INDEX recordings_by_due ON recordings (state, due_at);
CREATE INDEX recordings_by_team ON recordings (team, started_at);
CREATE INDEX recordings_by_parent ON recordings (parent) WHERE parent IS NOT NULL;
CREATE INDEX recordings_by_start ON recordings (state, started_at);
CREATE INDEX recordings_held ON recordings (state, id) WHERE state = 'held';
CREATE INDEX recordings_by_erasure ON recordings (erasure) WHERE erasure IS NOT NULL;
CREATE TABLE metadata (
  recording BLOB NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
  key BLOB NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (recording, key)) STRICT;
CREATE INDEX metadata_by_key ON metadata (key);
CREATE TABLE day_keys (day INTEGER PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;
CREATE TABLE shard_keys (
  id BLOB PRIMARY KEY, day INTEGER NOT NULL, hour INTEGER NOT NULL, shares INTEGER NOT NULL,
  wrapped BLOB NOT NULL) STRICT;
CREATE INDEX shard_keys_by_hour ON shard_keys (hour, shares);
CREATE INDEX shard_keys_by_day ON shard_keys (day);
CREATE TABLE shares (recording BLOB PRIMARY KEY, shard BLOB NOT NULL, wrapped BLOB NOT NULL) STRICT;
CREATE INDEX shares_by_shard ON shares (shard);
CREATE TABLE tombstones (
  kind TEXT NOT NULL, tag BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (kind, tag)) STRICT;
CREATE INDEX tombstones_by_time ON tombstones (at);
CREATE TABLE erasures (
  number TEXT PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL, rule TEXT NOT NULL,
  state TEXT NOT NULL, recordings TEXT NOT NULL) STRICT;
CREATE INDEX erasures_by_state ON erasures (state);
CREATE TABLE entries (
  seq INTEGER PRIMARY KEY, sealed BLOB, leaf BLOB NOT NULL, kind BLOB, taken_in BLOB) STRICT;
CREATE INDEX entries_by_kind ON entries (kind, seq) WHERE kind IS NOT NULL;
CREATE INDEX entries_taking_in ON entries (taken_in) WHERE taken_in IS NOT NULL;
CREATE TABLE mentions (
  recording BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (recording, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL) STRICT;
CREATE TABLE log_keys (
  number INTEGER PRIMARY KEY, vkey TEXT NOT NULL, from_size INTEGER NOT NULL, statement BLOB) STRICT;
CREATE TABLE refusals (
  tag BLOB PRIMARY KEY, code TEXT NOT NULL, spool TEXT, first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL) STRICT;
CREATE INDEX refusals_by_time ON refusals (last_seen);
CREATE TABLE cases (
  id TEXT NOT NULL, part INTEGER NOT NULL, sealed BLOB NOT NULL, tags BLOB NOT NULL, PRIMARY KEY (id, part)) STRICT;
CREATE TABLE escrows (
  id INTEGER PRIMARY KEY, path BLOB NOT NULL, folder BLOB NOT NULL, number INTEGER NOT NULL,
  changes INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE recipients (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, person BLOB NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL,
  file BLOB) STRICT;
CREATE INDEX recipients_by_state ON recipients (state);
CREATE TABLE burials (
  seq INTEGER NOT NULL, kind TEXT NOT NULL, tag BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (seq, kind)) STRICT;
CREATE INDEX burials_by_time ON burials (at);
CREATE TABLE proofs (
  number TEXT PRIMARY KEY, seq INTEGER NOT NULL, path BLOB NOT NULL,
  signer BLOB NOT NULL, signature BLOB NOT NULL) STRICT;
CREATE TABLE vouchers (
  key BLOB PRIMARY KEY, role TEXT NOT NULL, since INTEGER NOT NULL, voucher BLOB NOT NULL,
  signature BLOB NOT NULL) STRICT;
CREATE TABLE copies (
  recording BLOB PRIMARY KEY, parent BLOB NOT NULL, state TEXT NOT NULL, made_by BLOB NOT NULL,
  made_at INTEGER NOT NULL, reviewed_by BLOB, made_from BLOB, first BLOB NOT NULL, revision INTEGER NOT NULL) STRICT;
CREATE INDEX copies_by_parent ON copies (parent);
CREATE INDEX copies_by_first ON copies (first);
CREATE TABLE sums (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
"""

# The engine's figures for choosing an index: the rows of a table, then how many rows share the first column of the
# index, its first two, and so on (sqlite.org/fileformat2.html, 2.6.3); without a name it is the index of the key. They
# describe a store of a million and are never recounted, so that every store uses the same index. Without them the
# engine would use an index that begins with the state, which nearly all rows share, and a withdrawal of four calls
# would read a million rows.
_FIGURES = (
    ("recordings", "", "1000000 1"),
    ("recordings", "recordings_by_caller", "1000000 10000 1"),
    ("recordings", "recordings_by_source", "1000000 1"),
    ("recordings", "recordings_by_parent", "1000000 4"),
    ("recordings", "recordings_by_erasure", "1000000 100"),
    ("recordings", "recordings_by_team", "1000000 10000 1"),
    ("recordings", "recordings_by_due", "1000000 250000 1"),
    ("recordings", "recordings_by_start", "1000000 250000 1"),
    ("recordings", "recordings_held", "1000000 1000000 1"),
    ("entries", "entries_taking_in", "1000000 1"),
    ("entries", "entries_by_kind", "20000 4000 1"),
    ("metadata", "", "2000000 2 1"),
    ("metadata", "metadata_by_key", "2000000 100"),
    ("commit_keys", "", "100000 1"),
    ("audience_keys", "", "300000 1"),
    ("audience_keys", "audience_keys_by_commit", "300000 3"),
    ("audience_seals", "", "900000 3 1"),
    ("grant_seeds", "", "200 2 2 1"),
    ("shares", "", "1000000 1"),
    ("shares", "shares_by_shard", "1000000 250"),
    ("shard_keys", "", "4000 1"),
    ("shard_keys", "shard_keys_by_hour", "4000 2 1"),
    ("shard_keys", "shard_keys_by_day", "4000 40"),
)

_NUMBERS = "INSERT INTO meta (key, number) VALUES ('changes', 0), ('fed', 0)"

_SUMMED_AT_FIRST = (
    *("meta", "links", "documents", "seals", "grant_seeds", "grant_histories", "commit_keys", "audience_keys"),
    *("audience_seals", "audience_wraps", "recordings", "metadata"),
    *("day_keys", "shard_keys", "shares", "tombstones", "erasures", "mentions", "checkpoints", "log_keys"),
    *("refusals", "cases", "escrows", "recipients", "burials", "proofs", "vouchers", "copies"),
)

# Tables with a sum over all rows (see `backends/sqlite`): all but `entries`, which the Merkle tree covers, and `sums`.
# A step that makes such a table names it, and it is added here.
SUMMED = _SUMMED_AT_FIRST


def _first(schema: Schema) -> None:
    """The tables of arlo-rec 0.1.0."""
    schema.carry_out(_TABLES)
    schema.set_figures(_FIGURES)
    for table in _SUMMED_AT_FIRST:
        schema.keep_sum(table)
    schema.carry_out(_NUMBERS)


class Step(NamedTuple):
    """One change of the schema, inside a transaction."""

    name: str
    carry_out: Callable[[Schema], None]


STEPS: tuple[Step, ...] = (Step("0001_first", _first),)


def migrate(connection: Connection) -> None:
    """Carry out every step that a catalogue lacks, in the caller's transaction or in one of its own."""
    connection.schema.build(STEPS)


def demand(meta: Meta, path: Path) -> int:
    """The version of the catalogue of the store at *path*; raises Unreachable if it is too old or too new."""
    version = meta.number("schema")
    if version < OLDEST:
        raise Unreachable("store_too_old", path=str(path))
    if version > VERSION:
        raise Unreachable(
            "store_too_new", path=str(path), needs=(meta.raw("needs") or b"?")[:20].decode("ascii", "replace")
        )
    return version


def upgrade(connection: Connection, meta: Meta) -> None:
    """Carry out the missing steps, inside a transaction of the caller."""
    migrate(connection)
    enter_version(meta)


def enter_version(meta: Meta) -> None:
    """Note the version of a catalogue, and the first program that opens it, inside a transaction of the caller."""
    meta.set("schema", VERSION)
    meta.set("needs", NEEDS.encode("ascii"))


def demand_untouched(connection: Connection, path: Path, version: int | None = None) -> None:
    """Raise Integrity if the schema is not as the steps make it: a trigger would run in every command."""
    if digest_of(connection) not in DIGESTS[VERSION if version is None else version]:
        raise Integrity("schema_changed", path=str(path))


@reads_rows
def digest_of(connection: Connection) -> bytes:
    """SHA-256 over every table, index, view and trigger, as the engine describes them."""
    return sha256(repr(connection.schema.described()).encode("utf-8"))
