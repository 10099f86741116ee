"""A store with its people, and the program run as each of them: what most tests live in.

The store is made once a session and copied for each test; store and root folder lie side by side, so the
pair can be copied. The program runs in this process through the same entry point as the installed one.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import time
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from arlo_rec.__main__ import _run
from arlo_rec.exchanges.deliveries import BETWEEN_NAMES, COLUMNS
from arlo_rec.law.model.errors import ArloError
from arlo_rec.vault.backends import SLOT_BYTES
from arlo_rec.vault.backends.files import FileRoot
from arlo_rec.vault.keys import layout, root_secret
from arlo_rec.vault.keys.layout import Layout
from tests.support import door, postgres, published
from tests.support.places import TESTS
from tests.support.sounds import Encoding, tone_wav

PARTICULARS = TESTS / "particulars.toml"
DUE_SOON = timedelta(days=90) - timedelta(seconds=2)
PASSPHRASE = "riktig hest batteri stift"
REASON = "monthly quality talk with the team"
PEOPLE = {"sigrid": "officer", "leif": "manager", "turid": "manager", "siri": "support", "iver": "auditor"}
EVERYTHING = ("--all-teams", "--may-export")  # of a grant
SERVICES = {"telefon": "ingest", "cron": "retention", "skranke": "support"}


@dataclass(frozen=True)
class Result:
    """How a run of the program ended."""

    exit: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        return json.loads(self.out)


@dataclass
class World:
    """A folder with a store, its people's secrets, and a spool."""

    base: Path
    environment: dict[str, str] = field(default_factory=dict)
    door: bool = False  # whether commands go through the door

    @property
    def store(self) -> Path:
        return self.base / "store"

    @property
    def root(self) -> Path:
        return self.base / "store.root"

    @property
    def spool(self) -> Path:
        return self.base / "spool"

    def run(self, *words: str, who: str | None = None, stdin: bytes = b"") -> Result:
        """Run a command as one of the people or services (None: nobody in particular)."""
        typed = [*words, *self._who(who)]
        return run(typed, self._environment(typed), stdin)

    def json(self, *words: str, who: str | None = None, stdin: bytes = b"") -> dict[str, Any]:
        """Run a command that must succeed (0 or 3), and give its JSON."""
        result = self.run(*words, "--json", who=who, stdin=stdin)
        assert result.exit in (0, 3), result
        published.hold(words, result.json)
        return result.json

    def code(self, *words: str, who: str) -> tuple[int, str]:
        """How a command ends: its exit status, and the code of its error, if any."""
        result = self.run(*words, "--json", who=who)
        return result.exit, result.json.get("error", {}).get("code", "")

    def delete_saved(self, number: str, who: str = "leif") -> Any:
        """Delete a saved file by its number among the recipients, and confirm that."""
        saved = self.json("recipients", "list", "--all", who="sigrid")["recipients"]
        for each in saved:
            if each["id"] == number and each["file"] is not None:
                Path(each["file"]).unlink(missing_ok=True)
        return self.json("recipients", "confirm", number, who=who)

    def tasks(self, who: str) -> list[str]:
        """The kinds of what waits for somebody; that no timer runs in a test is left out."""
        kinds = [task["kind"] for task in self.json("todo", who=who)["todo"]]
        return [kind for kind in kinds if not kind.endswith("_late") and kind != "no_backup"]

    def deliver(
        self,
        stem: str = "call",
        *,
        started: datetime | None = None,
        seconds: float = 0.5,
        pressed_after: float = 0.0,
        sound: bytes | None = None,
        encoding: Encoding = Encoding.ULAW,
        channels: int = 2,
        seed: int = 0,
        **changes: Any,
    ) -> Path:
        """Leave a call in the spool, as a telephone exchange would; *changes* replace keys of its manifest."""
        started = started or datetime.now(UTC) - timedelta(hours=1)
        manifest: dict[str, Any] = {
            "source_id": f"pbx.{stem}",
            "audio": f"{stem}.wav",
            "direction": "inbound",
            "started_at": started.isoformat().replace("+00:00", "Z"),
            "caller": "+4790000001",
            "agent": "Ola Oppdiktet",
            "team": "kundeservice",
            "channels": {"caller": 0, "agent": 1},
            "consent": {
                "key": "1",
                "at": (started + timedelta(seconds=pressed_after)).isoformat().replace("+00:00", "Z"),
                "prompt": "nb-2026-01",
                "prompt_completed": True,
            },
        }
        consent = {**manifest["consent"], **changes.pop("consent", {})}
        manifest |= {**changes, "consent": consent}
        self.spool.mkdir(exist_ok=True)
        wav = sound if sound is not None else tone_wav(seconds, channels=channels, encoding=encoding, seed=seed)
        (self.spool / f"{stem}.wav").write_bytes(wav)
        path = self.spool / f"{stem}.json"
        path.write_text(json.dumps(manifest), "utf-8")
        return path

    def gather(self, name: str, *, delimiter: str = ",") -> Path:
        """Put the manifests of the spool, in order, into one of many, JSON Lines or CSV by its ending."""
        single = sorted(self.spool.glob("*.json"))
        told = [json.loads(one.read_text("utf-8")) for one in single]
        for one in single:
            one.unlink()
        path = self.spool / name
        if path.suffix == ".csv":
            path.write_text(as_table(told, delimiter), "utf-8")
        else:
            path.write_text("".join(json.dumps(one) + "\n" for one in told), "utf-8")
        return path

    def take_in(self, *stems: str, **how: Any) -> list[str]:
        """Deliver calls and take them in; their ids in order."""
        for seed, stem in enumerate(stems):
            self.deliver(stem, **{"seed": seed, **how})
        told = self.json("ingest", str(self.spool), who="telefon")
        assert not told["refused"], told
        ids = {one["source_id"]: one["id"] for one in told["accepted"]}
        return [ids[f"pbx.{stem}"] for stem in stems]

    def grant(self, name: str = "leif", purpose: str = "quality", *more: str) -> dict[str, Any]:
        """Let a manager listen and save sound; to all teams where none is named."""
        given = EVERYTHING[1:] if "--team" in more else EVERYTHING
        words = ("grant", name, "--purpose", purpose, "--reason", "responsible for quality", *given, *more)
        return self.json(*words, who="sigrid")["grant"]

    def accept_clock(self) -> None:
        """Go on with a clock that is behind what the store was made with."""
        self.json("clock", "--accept", "--reason", "the calls of this test are older", who="sigrid")

    def catch_up(self) -> None:
        """Go on after a week without any run, as IT does where the clock is right."""
        self.json("purge", "--allow-large", who="cron")

    def key(self, service: str) -> Path:
        """A service's key file."""
        return self.base / f"{service}.key"

    def _who(self, who: str | None) -> list[str]:
        if who is None:
            return []
        if who in SERVICES:
            return ["--key-file", str(self.key(who))]
        return ["--as", who, "--passphrase-file", str(self.base / "passphrase")]

    def setting(self, line: str) -> None:
        """Write a setting into the config that is read where none is named, instead of the one it has."""
        file = self.base / "config" / "arlo-rec" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        key = line.partition("=")[0]
        others = (
            [each for each in file.read_text("utf-8").splitlines() if not each.startswith(key)] if file.exists() else []
        )
        file.write_text("\n".join([*others, line, ""]), "utf-8")

    def state_particulars(self) -> None:
        """Have the company state what letters and pages say of it, in the config that is read where none is named."""
        self.setting("still_s = 0")  # no test waits for the exchange
        self.setting(f"particulars = {json.dumps(str(PARTICULARS))}")

    def _environment(self, typed: list[str] | None = None) -> dict[str, str]:
        environment = {
            "ARLO_REC_STORE": str(self.store),
            "XDG_STATE_HOME": str(self.base / "state"),
            "XDG_CONFIG_HOME": str(self.base / "config"),
            "HOME": str(self.base),
            "LANG": "en_GB.UTF-8",
            **self.environment,
        }
        return door.instead_of_the_store(typed or [], environment) if self.door else environment


def run(words: list[str], environment: dict[str, str], stdin: bytes = b"") -> Result:
    """Run the program in this process with its own environment, stdin, stdout and stderr."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    kept = (sys.stdin, sys.stdout, sys.stderr, dict(os.environ))
    for key in list(os.environ):
        if key.startswith(("ARLO_REC_", "XDG_", "LC_", "AWS_", "BAO_", "PG")) or key in {"LANG", "STATE_DIRECTORY"}:
            del os.environ[key]
    os.environ.update(environment)
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(stdin), "utf-8"), out, err
    try:
        status = _run(words)
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept[:3]
        os.environ.clear()
        os.environ.update(kept[3])
    return Result(status, _written(out), _written(err))


def _written(stream: io.TextIOWrapper) -> str:
    return stream.buffer.getvalue().decode("utf-8", "surrogateescape")  # type: ignore[attr-defined]


def assert_clean(result: Result) -> None:
    """No control character but line ends, no bidi mark, no broken text: neither for people nor for scripts."""
    for text in (result.out, result.err):
        bad = {one for one in text if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {"\n"}
        assert not bad, (bad, text)


def assert_no_bug(world: World) -> None:
    """No command ended in an error that is not ours."""
    log = world.base / "state" / "arlo-rec" / "errors.log"
    assert not log.exists(), log.read_text("utf-8")


def memory_of(world: World, *words: str, who: str = "telefon") -> tuple[int, dict[str, Any]]:
    """The most memory of any process of a command, in bytes, and its JSON."""
    watch = (
        "import resource, subprocess, sys; "
        "done = subprocess.run(sys.argv[1:], capture_output=True, check=False); "
        "sys.stdout.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) + chr(10) + done.stdout.decode())"
    )
    program = [sys.executable, "-m", "arlo_rec", *words, "--json", *world._who(who)]
    environment = {**os.environ, **world._environment(), "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run([sys.executable, "-c", watch, *program], capture_output=True, check=True, env=environment)
    most, answer = done.stdout.split(b"\n", 1)
    return int(most) * 1024, json.loads(answer)


def as_table(told: list[dict[str, Any]], delimiter: str = ",") -> str:
    """Manifests as CSV with every column that the program knows; what a cell cannot say is said as JSON."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in told:
        writer.writerow([_cell(one, *column.split(".")) for column in COLUMNS])
    return text.getvalue()


def _cell(told: Any, *keys: str) -> str:
    for key in keys:
        told = told.get(key) if isinstance(told, dict) else None
    if isinstance(told, list):
        return BETWEEN_NAMES.join(told)
    return "" if told is None else told if isinstance(told, str) else json.dumps(told)


def found(base: Path, *more: str, environment: dict[str, str] | None = None) -> World:
    """Make a store with everybody in PEOPLE and SERVICES below *base*; *more* are words of its `init`."""
    world = World(base, environment or {})
    world.state_particulars()
    secret = base / "passphrase"
    secret.write_text(PASSPHRASE + "\n", "utf-8")
    secret.chmod(0o600)
    made = world.run("init", "--officer", "sigrid", "--passphrase-file", str(secret), *more, "--json")
    assert made.exit == 0, made
    (base / "init.json").write_text(made.out, "utf-8")
    for name, role in PEOPLE.items():
        if name != "sigrid":
            world.json("person", "add", name, "--role", role, "--new-passphrase-file", str(secret), who="sigrid")
    for name, role in SERVICES.items():
        key = str(world.key(name))
        world.json("person", "add", name, "--role", role, "--service", "--key-out", key, who="sigrid")
    return world


def copy(template: World, base: Path) -> World:
    """The same store for one test, to be broken freely."""
    shutil.copytree(template.base, base, dirs_exist_ok=True, symlinks=True)
    postgres.part(base / "store")
    at_home(base / "store")
    World(base).state_particulars()
    return World(base)


def at_home(store: Path) -> None:
    """Have the root of a store that a test copied belong to the copy, by each state of it that can be read."""
    try:
        place = layout.find(store)
    except ArloError:
        return
    if (place.root / "seen").is_file():
        states = (_at(place, state) for state in FileRoot(place.root).read_seen())
        (place.root / "seen").write_bytes(b"".join(states))


def _at(place: Layout, state: bytes) -> bytes:
    """The same state of a root, of a store at that place."""
    seen = root_secret.decode_seen([state])
    if seen is None or root_secret.decode_place([state]) is None:  # torn, or it learns its place by itself
        return state
    return root_secret.encode_kept(seen, place.place).ljust(SLOT_BYTES, b"\0")


def wait_until_due(world: World, count: int) -> None:
    while world.json("status", who="iver")["due"] < count:
        time.sleep(0.05)  # a real clock reaches a real deadline; nothing else is waited for
