"""The tables of the catalogue and how older ones become today's. Runs through sqlite-utils, only when needed.

Migrations are never edited after a release: a change is a new one at the end. All that a catalogue lacks are carried
out in one transaction, which the caller has begun alone (`SqliteConnection.build`): of two commands that find an
older catalogue at the same moment, the second finds nothing left to do.
Tables are STRICT, so that a value of another type is no value.
Instants are microseconds since 1970 in UTC. No column holds a name or a number of a caller.
"""

from __future__ import annotations

from typing import Any

VERSION = 5

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

# What a purge and a search look for, so that neither reads a table of a million rows: metadata keys that no row
# uses any more, held recordings of a time whatever the team, and what was withdrawn or refused long ago.
# Then what the engine cannot know, as it never counts: nearly every row is held, so an index that begins with the
# state finds everything, while one caller has four calls. Without it a withdrawal of four calls read a million
# rows. The figures are those of a store of a million and hold for every size: rows, then how many of them share
# the first column of the index, the first two, and so on (sqlite.org/fileformat2.html, 2.6.3).
_BY_TIME_AND_USE = """
CREATE INDEX metadata_by_key ON metadata (metadata_key);
CREATE INDEX recordings_by_start ON recordings (state, started_at);
CREATE INDEX tombstones_by_time ON tombstones (at);
CREATE INDEX refusals_by_time ON refusals (last_seen);
DELETE FROM metadata_keys WHERE NOT EXISTS (SELECT 1 FROM metadata WHERE metadata_key = metadata_keys.id);
ANALYZE meta;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('recordings', 'sqlite_autoindex_recordings_1', '1000000 1'),
  ('recordings', 'recordings_by_caller', '1000000 4'),
  ('recordings', 'recordings_by_source', '1000000 1'),
  ('recordings', 'recordings_by_parent', '1000000 4'),
  ('recordings', 'recordings_by_erasure', '1000000 100'),
  ('recordings', 'recordings_by_team', '1000000 10000 1'),
  ('recordings', 'recordings_by_due', '1000000 250000 1'),
  ('recordings', 'recordings_by_start', '1000000 250000 1'),
  ('metadata', 'sqlite_autoindex_metadata_1', '2000000 2 1'),
  ('metadata', 'metadata_by_key', '2000000 100'),
  ('metadata_keys', 'sqlite_autoindex_metadata_keys_1', '100000 1'),
  ('shares', 'sqlite_autoindex_shares_1', '1000000 1'),
  ('shares', 'shares_by_shard', '1000000 250'),
  ('shard_keys', 'sqlite_autoindex_shard_keys_1', '4000 1'),
  ('shard_keys', 'shard_keys_by_hour', '4000 2 1'),
  ('shard_keys', 'shard_keys_by_day', '4000 40');
ANALYZE sqlite_master;
UPDATE meta SET value = 2 WHERE key = 'schema';
"""


# The tables of which a sum over all rows is kept (see `backends/sqlite`): all but `entries`, whose tree says more.
_SUMMED = (
    *("meta", "documents", "seals", "listening_keys", "listening_seals", "metadata_keys", "recordings", "metadata"),
    *("day_keys", "shard_keys", "shares", "tombstones", "erasures", "mentions", "checkpoints", "log_keys"),
    *("refusals", "cases"),
)
_CHANGES = "INSERT INTO meta (key, value) VALUES ('changes', 0); UPDATE meta SET value = 3 WHERE key = 'schema'"

# Where backups of the store lie, and the rings that hold the secrets which open them: a purge empties these. Then, of
# each erasure, the place of its entry in the log and the path that proves it: from all leaves it would take a second.
# And the copies that left, each by the log entry that let it go, which says what it holds; and whom each withdrawal
# buried, by its entry: of somebody who withdraws twice, `tombstones` keeps the newer time alone.
_ESCROWS = """
CREATE TABLE escrows (
  path TEXT PRIMARY KEY, folder TEXT NOT NULL, number INTEGER NOT NULL, changes INTEGER NOT NULL,
  at INTEGER NOT NULL) STRICT;
CREATE TABLE recipients (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, person TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL) STRICT;
CREATE INDEX recipients_by_state ON recipients (state);
CREATE TABLE burials (
  seq INTEGER NOT NULL, kind TEXT NOT NULL, tag BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (seq, kind)) STRICT;
CREATE INDEX burials_by_time ON burials (at);
CREATE TABLE proofs (number TEXT PRIMARY KEY, seq INTEGER NOT NULL, path BLOB NOT NULL) STRICT;
INSERT INTO meta (key, value) VALUES ('ring_hours', 24), ('fed', 0), ('unreplayed', 0);
UPDATE meta SET value = 4 WHERE key = 'schema';
"""

# Training copies on their way, or released.
_COPIES = """
CREATE TABLE copies (
  recording BLOB PRIMARY KEY, parent BLOB NOT NULL, state TEXT NOT NULL, made_by TEXT NOT NULL,
  made_at INTEGER NOT NULL, reviewed_by TEXT, made_from BLOB) STRICT;
CREATE INDEX copies_by_parent ON copies (parent);
UPDATE meta SET value = 5 WHERE key = 'schema';
"""


def migrate(db: Any, *, upto: str | None = None) -> None:
    """Bring a catalogue (a sqlite-utils Database) to VERSION, or to just before the step *upto*; in a transaction."""
    from sqlite_utils.migrations import Migrations

    steps = Migrations("arlo_rec")

    @steps(name="0001_first")
    def _first(database: Any) -> None:
        _carry_out(database, _FIRST)

    @steps(name="0002_by_time_and_use")
    def _second(database: Any) -> None:
        _carry_out(database, _BY_TIME_AND_USE)

    @steps(name="0003_sums")
    def _third(database: Any) -> None:
        database.conn.execute("CREATE TABLE sums (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT")
        for table in _SUMMED:
            _sum(database, table)
        _carry_out(database, _CHANGES)

    @steps(name="0004_escrows")
    def _fourth(database: Any) -> None:
        _carry_out(database, _ESCROWS)
        for table in ("escrows", "recipients", "burials", "proofs"):
            _sum(database, table)

    @steps(name="0005_copies")
    def _fifth(database: Any) -> None:
        _carry_out(database, _COPIES)
        _sum(database, "copies")

    steps.apply(db, stop_before=upto)


def _sum(database: Any, table: str) -> None:
    """Triggers that tell `tally` of every row, and what the rows that are there come to."""
    columns = [row[1] for row in database.conn.execute(f"PRAGMA table_info({table})")]
    rows = {old: " || ',' || ".join(f"quote({old}.{one})" for one in columns) for old in ("OLD", "NEW")}
    comes, goes = (f"tally('{table}', {sign}, {rows[side]})" for side, sign in (("NEW", 1), ("OLD", -1)))
    for name, event, told in (
        ("comes", "INSERT", comes),
        ("goes", "DELETE", goes),
        ("changes", "UPDATE", f"{goes}, {comes}"),
    ):
        words = f"CREATE TRIGGER {table}_{name} AFTER {event} ON {table} BEGIN SELECT {told}; END"
        database.conn.execute(words)
    database.conn.execute(f"SELECT count({comes.replace('NEW.', '')}) FROM {table}").fetchall()  # noqa: S608 - ours


def _carry_out(database: Any, statements: str) -> None:
    for statement in statements.split(";"):
        if statement.strip():
            database.conn.execute(statement)
