"""The tables of the catalogue and how older ones become today's. Runs through sqlite-utils, only when needed.

Each migration is one transaction and is never edited after a release: a change is a new one at the end.
Tables are STRICT, so that a value of another type is no value.
Instants are microseconds since 1970 in UTC. No column holds a name or a number of a caller.
"""

from __future__ import annotations

from typing import Any

VERSION = 1

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT;
CREATE TABLE documents (
  kind TEXT PRIMARY KEY, counter INTEGER NOT NULL, body BLOB NOT NULL,
  signed_by BLOB NOT NULL, signature BLOB NOT NULL) STRICT;
CREATE TABLE seals (
  holder BLOB NOT NULL, part TEXT NOT NULL, version INTEGER NOT NULL, sealed BLOB NOT NULL,
  signed_by BLOB NOT NULL, signature BLOB NOT NULL, PRIMARY KEY (holder, part, version)) STRICT;
CREATE TABLE listening_keys (
  id BLOB PRIMARY KEY, purpose TEXT NOT NULL, team TEXT NOT NULL, month TEXT NOT NULL,
  public BLOB NOT NULL, made_by BLOB NOT NULL, signature BLOB NOT NULL, made_at INTEGER NOT NULL) STRICT;
CREATE INDEX listening_keys_by_team ON listening_keys (purpose, team, month);
CREATE TABLE listening_seals (
  listening_key BLOB NOT NULL REFERENCES listening_keys (id) ON DELETE CASCADE,
  holder BLOB NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (listening_key, holder)) STRICT;
CREATE INDEX listening_seals_by_holder ON listening_seals (holder);
CREATE TABLE metadata_keys (
  id BLOB PRIMARY KEY, listening_key BLOB NOT NULL, sealed BLOB NOT NULL, day INTEGER NOT NULL) STRICT;
CREATE TABLE recordings (
  id BLOB PRIMARY KEY, kind INTEGER NOT NULL, parent BLOB, state TEXT NOT NULL,
  started_at INTEGER NOT NULL, due_at INTEGER NOT NULL, team TEXT NOT NULL,
  caller BLOB, agent BLOB, source BLOB, content BLOB,
  purposes TEXT NOT NULL, prompt TEXT NOT NULL, prompt_sha256 BLOB NOT NULL, policy TEXT NOT NULL,
  object_sha256 BLOB, object_bytes INTEGER, erasure TEXT) STRICT;
CREATE INDEX recordings_by_caller ON recordings (caller) WHERE caller IS NOT NULL;
CREATE INDEX recordings_by_source ON recordings (source) WHERE source IS NOT NULL;
CREATE INDEX recordings_by_due ON recordings (state, due_at);
CREATE INDEX recordings_by_team ON recordings (team, started_at);
CREATE INDEX recordings_by_parent ON recordings (parent) WHERE parent IS NOT NULL;
CREATE INDEX recordings_by_erasure ON recordings (erasure) WHERE erasure IS NOT NULL;
CREATE TABLE metadata (
  recording BLOB NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
  metadata_key BLOB NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (recording, metadata_key)) STRICT;
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
CREATE TABLE erasures (
  number TEXT PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL, rule TEXT NOT NULL,
  person TEXT NOT NULL, state TEXT NOT NULL, recordings TEXT NOT NULL) STRICT;
CREATE INDEX erasures_by_state ON erasures (state);
CREATE TABLE entries (seq INTEGER PRIMARY KEY, salt BLOB NOT NULL, body BLOB, leaf BLOB NOT NULL) STRICT;
CREATE TABLE mentions (
  recording BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (recording, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL) STRICT;
CREATE TABLE log_keys (
  number INTEGER PRIMARY KEY, vkey TEXT NOT NULL, from_size INTEGER NOT NULL, statement BLOB) STRICT;
CREATE TABLE refusals (
  tag BLOB PRIMARY KEY, code TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL) STRICT;
CREATE TABLE cases (
  id TEXT PRIMARY KEY, caller BLOB NOT NULL, state TEXT NOT NULL, received_at INTEGER NOT NULL,
  due_on TEXT NOT NULL, identity BLOB NOT NULL, answered_at INTEGER) STRICT;
CREATE INDEX cases_by_caller ON cases (caller);
"""


def migrate(db: Any) -> None:
    """Bring a catalogue (a sqlite-utils Database) to VERSION; nothing happens where it is there."""
    from sqlite_utils.migrations import Migrations

    steps = Migrations("arlo_rec")

    @steps(name="0001_first")
    def _first(database: Any) -> None:
        for statement in _FIRST.split(";"):
            if statement.strip():
                database.conn.execute(statement)

    steps.apply(db)
