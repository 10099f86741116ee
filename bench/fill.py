"""A throw-away store of any size, filled by the program's own functions, but without its caution.

Rows, keys, seals, log entries and objects are what an intake writes: a recording taken from here opens, and
`verify --read-data` finds nothing. What is left out is what only a store that must last needs: nothing is
synced, objects are written without a second name, and the rows of all batches are one transaction. Two things
are not as in life: sounds are short, and the tags of callers whom nobody asks for are random, as a true one
costs 3 ms.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from arlo_rec.calls.intake import sealing
from arlo_rec.calls.intake.candidates import Agents, Announced, CallHistory, Delivered, Judged, Tags
from arlo_rec.calls.intake.sealing import BatchKeys, RecordingTables
from arlo_rec.exchanges.manifest import Manifest
from arlo_rec.exchanges.spool import Home
from arlo_rec.law.log.rows import Rows
from arlo_rec.law.model.consent import Claim, Consent, prove
from arlo_rec.law.model.records import ID_CHANCE, Audience, Call, Kind, Private, Recording, RecordingId, new_id, to_iso
from arlo_rec.policy import POLICY_VERSION, due_at
from arlo_rec.sound import audio
from arlo_rec.store import open_store
from arlo_rec.vault.access.audience_keys import AudienceKey, CommitKeys
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue import log_clock
from arlo_rec.vault.catalogue.sealed_secrets import INDEX_SEED
from arlo_rec.vault.crypto import object_file, primitives
from arlo_rec.vault.keys import layout
from arlo_rec.vault.keys.key_files import Identity, read_service
from arlo_rec.vault.keys.root_secret import StateFolder
from arlo_rec.vault.opened import Change, Store
from bench.spool import number_of

PROGRAM = str(Path(sys.executable).parent / "arlo-rec")
PASSPHRASE = "riktig hest batteri stift"
PROMPT = "nb-2026-01"
BATCH = 100  # recordings whose log entries are closed by one checkpoint, as an intake does
CALLS_OF_CALLER = 4
NAMED = 64  # callers of a store whose tags are true, so that they can be withdrawn by number
DAY_OF_A_MILLION = 11_112  # recordings: a ninetieth of a million
RECORDINGS_PER_TEAM = 10_000  # in 90 days, whatever the size of the store: a team's day is 111 calls
CACHE_KIB = 6 * 1024 * 1024  # of the catalogue while it is filled: index pages are then written once
LEDGER = {"sigrid": "officer", "leif": "manager", "iver": "auditor"}
SERVICES = {"telefon": "ingest", "skranke": "support", "cron": "retention", "kontroll": "auditor"}


@dataclass(frozen=True)
class Yard:
    """A folder with a store and everybody's secrets, and the program run in it."""

    base: Path

    @property
    def store(self) -> Path:
        """The store's folder."""
        return self.base / "store"

    @property
    def objects(self) -> Path:
        """Where the sealed files lie."""
        return self.store / "objects"

    @property
    def environment(self) -> dict[str, str]:
        """What the program is started with."""
        folders = {"XDG_STATE_HOME": self.base / "state", "XDG_CONFIG_HOME": self.base / "config", "HOME": self.base}
        return {
            **os.environ,
            **{name: str(folder) for name, folder in folders.items()},
            "ARLO_REC_STORE": str(self.store),
        }

    def words(self, who: str, *words: str) -> list[str]:
        """A command as one of the people or services types it."""
        if who in SERVICES:
            return [PROGRAM, *words, "--key-file", str(self.base / f"{who}.key")]
        return [PROGRAM, *words, "--as", who, "--passphrase-file", str(self.base / "passphrase")]

    def run(self, who: str, *words: str) -> bytes:
        """What a command that must end well says on stdout."""
        done = subprocess.run(self.words(who, *words), check=True, env=self.environment, stdout=subprocess.PIPE)
        return done.stdout

    def identity(self, service: str) -> Identity:
        """An unlocked service."""
        key = self.base / f"{service}.key"
        return read_service(layout.find(self.store), key.read_bytes(), str(key))


@dataclass(frozen=True)
class Filling:
    """What to fill in: *count* recordings, evenly over `span` from `start` on."""

    count: int
    start: datetime
    span: timedelta
    teams: int
    sound_bytes: int = 400
    first_caller: int = 0
    named: int = NAMED
    batch: int = BATCH  # recordings of one commit


@dataclass
class _Shared:
    """What every object of a filling is made with."""

    objects: Path
    sound_bytes: int
    prompts: Any
    index_seed: bytes
    sound: audio.Sound = field(init=False)
    header: audio.Header = field(init=False)

    def __post_init__(self) -> None:
        form = (audio.Encoding.ULAW, 8000, 2)
        self.sound = audio.Sound(*form, b"\x7f" * self.sound_bytes)
        self.header = audio.Header(*form, self.sound_bytes)


@contextmanager
def yard(folder: Path | None = None) -> Iterator[Yard]:
    """A new store with its people below a temporary folder (TMPDIR), removed at the end."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="arlo-rec-bench-") as base:
        yield make_yard(Path(base))


def make_yard(base: Path, *more: str) -> Yard:
    """Make a store with everybody below *base*; *more* are further words of `init`."""
    made, secret = Yard(base), base / "passphrase"
    secret.write_text(PASSPHRASE)
    secret.chmod(0o600)
    words = [PROGRAM, "init", "--officer", "sigrid", "--passphrase-file", str(secret), *more]
    subprocess.run(words, check=True, env=made.environment, stdout=subprocess.DEVNULL)
    for name, role in LEDGER.items():
        if name != "sigrid":
            made.run("sigrid", "person", "add", name, "--role", role, "--new-passphrase-file", str(secret))
    for name, role in SERVICES.items():
        key = str(base / f"{name}.key")
        made.run("sigrid", "person", "add", name, "--role", role, "--service", "--key-out", key)
    return made


def team(number: int) -> str:
    """The name of a team."""
    return f"team-{number:03d}"


def fill(where: Yard, filling: Filling, *, workers: int = 2) -> list[str]:
    """Take in what *filling* says, and name it; objects are made by *workers* processes (0: by this one)."""
    now = datetime.now(UTC)
    with open_store(layout.find(where.store), where.identity("telefon"), now, StateFolder(None)) as store:
        _without_caution(store)
        shared = _Shared(where.objects, filling.sound_bytes, store.prompts, store.secret(INDEX_SEED))
        for pair in range(256):
            (where.objects / f"{pair:02x}").mkdir(mode=0o700, exist_ok=True)
        names = _take_in(store, filling, shared, now, workers)
        _with_caution(store)
        with store.change(now):  # remembers the newest state beside the root, as every change does
            pass
    os.sync()
    return names


def _take_in(store: Store, filling: Filling, shared: _Shared, now: datetime, workers: int) -> list[str]:
    teams = [team(number) for number in range(filling.teams)]
    batches = [
        (range(at, min(at + filling.batch, filling.count)), BatchKeys.of_teams(teams, _id(filling, at)))
        for at in range(0, filling.count, filling.batch)
    ]
    names: list[str] = []
    with store.root.lock(exclusive=False, wait=0), store.db.writing(), _made(filling, shared, batches, workers) as made:
        erasure_keys = store.erasure_keys()
        for (batch, keys), sealed in zip(batches, made, strict=True):
            tables = RecordingTables(store.catalogue, erasure_keys, CommitKeys(store, now))
            change = Change(store.identity.name, now, store.log, POLICY_VERSION, Rows())
            store.catalogue.recordings.announce([file.recording.id for file in sealed])
            for number, file in zip(batch, sealed, strict=True):
                _insert(_call(filling, number), file, shared, _key(filling, number, keys), tables, change)
            store.log.append(change.bodies, store.identity.signing)
            names += [file.recording.id.hex() for file in sealed]
        store.catalogue.log_clock.put(log_clock.computed(store.log.raw.bodies()))
    return names


@dataclass(frozen=True)
class _Sealed:
    """An object that was written, and the row that it opens with."""

    recording: Recording
    ke: bytes


@contextmanager
def _made(
    filling: Filling, shared: _Shared, batches: list[tuple[range, BatchKeys]], workers: int
) -> Iterator[Iterator[list[_Sealed]]]:
    """The objects of each batch, in order."""
    tasks = [(filling, batch, keys) for batch, keys in batches]
    if not workers:
        _prepare(shared)
        yield map(_seal_batch, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(workers, _prepare, (shared,)) as pool:
        yield pool.imap(_seal_batch, tasks)


_SHARED: list[_Shared] = []


def _prepare(shared: _Shared) -> None:
    _SHARED[:] = [shared]


def _seal_batch(task: tuple[Filling, range, BatchKeys]) -> list[_Sealed]:
    filling, batch, keys = task
    return [_seal(_SHARED[0], filling, number, _key(filling, number, keys)) for number in batch]


def _key(filling: Filling, number: int, keys: BatchKeys) -> AudienceKey:
    return keys.of(Audience.ORIGINAL, team(number % filling.teams))


def _seal(shared: _Shared, filling: Filling, number: int, audience_key: AudienceKey) -> _Sealed:
    """Write one object as an intake makes it."""
    call, consent = _call(filling, number), _consent(shared, _started(filling, number))
    delivered = _delivered(filling, Tags(shared.index_seed), number, call)
    history = CallHistory((), (), Agents({}, told=None).decision(delivered))
    announced = Announced(Judged(delivered, history), _id(filling, number))
    key, recording = object_file.new_data_key(consent), sealing.recording_of(announced, consent)
    header = object_file.make_header(key, Kind.ORIGINAL, recording.id, None, audience_key.key, recording.binding)
    raw = b"".join(object_file.seal_body(key, header, [audio.canonical_wav(shared.sound)]))
    name = recording.id.hex()
    handle = os.open(shared.objects / name[:2] / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(raw)
    digest = primitives.hasher(raw).digest()
    recording = recording._replace(content=primitives.fresh(16), object_digest=digest, object_bytes=len(raw))
    return _Sealed(recording, key.ke)


def _id(filling: Filling, number: int) -> RecordingId:
    return new_id(due_at(_started(filling, number)), primitives.fresh(ID_CHANCE))


def _insert(
    call: Call, file: _Sealed, shared: _Shared, key: AudienceKey, tables: RecordingTables, change: Change
) -> None:
    """The rows of one recording, and its log entry."""
    consent = _consent(shared, call.started_at)
    held = sealing.insert(file.recording, file.ke, key, sealing.facts_of(call, shared.header, consent), tables)
    change.log(sealing.taken_in(held, consent))
    change.bodies[-1]["at"] = to_iso(held.started_at + timedelta(minutes=10))


def _call(filling: Filling, number: int) -> Call:
    started = _started(filling, number)
    return Call(
        source="bench",
        source_id=f"bench.{started.timestamp():.6f}.{number}",
        direction="inbound",
        started_at=started,
        team=team(number % filling.teams),
        agent=f"Agent {number % filling.teams:03d}-{number % 7}",
        caller=Private(number_of(_caller(filling, number))),
        channels={"caller": 0, "agent": 1},
        consent_key="1",
        consent_at=started,
        prompt=PROMPT,
        prompt_completed=True,
    )


def _delivered(filling: Filling, tags: Tags, number: int, call: Call) -> Delivered:
    """A call as if a manifest of the spool had described it."""
    caller = _caller(filling, number)
    is_named = caller - filling.first_caller < filling.named
    return Delivered(
        delivery=Manifest(path=Path("bench.json"), home=Home(Path())),
        call=call,
        source=tags.tag("source", call.source_id),
        agent=tags.tag("agent", call.agent),
        caller=tags.caller(call.caller)
        if is_named
        else primitives.tag(b"of nobody", str(caller).encode(), kind="caller"),
    )


def _caller(filling: Filling, number: int) -> int:
    return filling.first_caller + number % max(1, filling.count // CALLS_OF_CALLER)


def _started(filling: Filling, number: int) -> datetime:
    return filling.start + filling.span * number / filling.count


def _consent(shared: _Shared, at: datetime) -> Consent:
    """What a caller's key press proves; judged at its own time, as the calls of 90 days came in one by one."""
    claim = Claim("inbound", "1", at, PROMPT, prompt_completed=True, started_at=at)
    return prove(claim, shared.prompts, POLICY_VERSION, now=at)


def _without_caution(store: Store) -> None:
    """No journal on the disk and a cache that holds every index, while nobody else has the store's file."""
    if not isinstance(store.db, SqliteConnection):
        return
    for setting in ("journal_mode=MEMORY", "synchronous=OFF", f"cache_size=-{CACHE_KIB}", "cache_spill=OFF"):
        store.db.rows(f"PRAGMA {setting}")


def _with_caution(store: Store) -> None:
    if not isinstance(store.db, SqliteConnection):
        return
    for setting in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-32768"):
        store.db.rows(f"PRAGMA {setting}")
