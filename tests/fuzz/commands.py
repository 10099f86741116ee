"""Whole commands over changed files: each scene lays one where the program looks for it, and runs a command.

One store is shared by all of them; what a scene changed in it is put back.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.layout import find
from tests.fuzz import confined
from tests.fuzz.mutate import changed
from tests.fuzz.stored import free
from tests.support import world as worlds
from tests.support.world import REASON, Result, World, assert_clean

DOCUMENTED = {0, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16}  # every status of `errors` but 1, which is a mistake of ours
LOOK = ("--purpose", "quality", "--reason", REASON)
HERE = "HERE"
WORDS = [  # commands with a word from outside at HERE; none of them names a file to be written
    ("ingest", HERE), ("find", *LOOK, "--agent", HERE), ("find", *LOOK, "--team", HERE),
    ("find", *LOOK, "--from", HERE), ("find", *LOOK, "--to", HERE), ("find", "--purpose", "quality", "--reason", HERE),
    ("grants", "--lang", HERE), ("audit", "show", "--person", HERE), ("audit", "show", "--from", HERE),
    ("audit", "show", "--recording", HERE), ("withdraw", HERE, "--dry-run"), ("withdraw", "--call", HERE, "--dry-run"),
    ("revoke", HERE), ("grant", HERE, "--all-teams", *LOOK), ("person", "remove", HERE, "--yes"),
    ("status", "--store", HERE),
    ("status", "--config", HERE), ("status", "--as", HERE), ("certificate", "verify", HERE),
    ("purge", "--dry-run", HERE), ("status", HERE), (HERE,),
]  # fmt: skip
ROLE = {
    **dict.fromkeys(("grants", "revoke", "grant", "person"), "sigrid"),
    **{"find": "leif", "audit": "iver", "withdraw": "skranke", "purge": "cron"},
}


@dataclass
class Scene:
    """A file of some kind, true ones of it, and the command that reads it; `weight` is its share of all inputs."""

    name: str
    weight: int
    seeds: Sequence[bytes]
    play: Callable[[bytes], Result]


@dataclass
class Stage:
    """A store with two recordings, a grant, a receipt and a checkpoint, and everything that may be read of it."""

    world: World
    sounds: Sequence[bytes]
    scenes: list[Scene] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.world
        world.grant()
        self.recording, _ = world.take_in("one", "two")
        receipt = world.json("withdraw", "--call", "pbx.two", "--yes", who="skranke")["receipt"]
        self.object = world.store / "objects" / self.recording[:2] / self.recording
        for name in ("out", "elsewhere"):
            (world.base / name).mkdir()
        self.manifest = world.deliver("call")
        self.wave = self.manifest.with_suffix(".wav")
        self.true = self.manifest.read_bytes(), self.wave.read_bytes()
        self.allowed = [world.store, world.root, world.spool, world.base / "state", world.base / "out"]
        place = find(world.store)
        note = world.json("audit", "checkpoint", who="cron")["note"].encode()
        lines, table = ([self._gathered(name)] for name in ("calls.jsonl", "calls.csv"))
        config = b'lang = "en"\nlock_wait_s = 5\n[guard]\nshare = 0.5\ncount = 20\njump_days = 7\n'
        attempt = b'{"at":"2026-10-01T08:00:00Z","login":"root","name":"leif"}\n'
        numbers = [b"+4790000001\n", b"900 00 001", b"anonymous", b"+4670 123 45 67"]
        seal = place.seal_file("iver")
        state = world.base / "state" / "arlo-rec" / place.id.hex() / "seen"
        key = world.key("cron").read_bytes()
        self.scenes = [
            Scene("manifest", 20, [self.true[0]], self._ingest("call.json")),
            Scene("wav", 16, [self.true[1]], self._ingest("call.wav")),
            Scene("JSON Lines", 7, lines, self._ingest("calls.jsonl")),
            Scene("table", 7, table, self._ingest("calls.csv")),
            Scene("compressed sound", 9, self.sounds, self._ingest("call.wav")),
            Scene("file name", 4, [b"call", "Åse Øksnes".encode()], self._name),
            Scene("config", 6, [config], self._beside("status", "--config", HERE, who="cron")),
            Scene("receipt", 5, [Path(receipt).read_bytes()], self._beside("certificate", "verify", HERE)),
            Scene("checkpoint", 4, [note], self._beside("audit", "verify", "--anchor", HERE, who="cron")),
            Scene("prompt", 2, [SHIPPED[0].text.encode()], self._beside("policy", "lint-prompt", HERE)),
            Scene("key file of a service", 6, [key], self._beside("status", "--key-file", HERE)),
            Scene("key file of a person", 2, *self._lying(place.key_file("iver"), "status", who="iver")),
            Scene("seal", 2, *self._lying(seal, "status", who="iver")),
            Scene("store.toml", 4, *self._lying(world.store / "store.toml", "status", who="cron")),
            Scene("root", 3, *self._lying(world.root / "root", "ingest", str(world.spool), "--dry-run", who="telefon")),
            Scene("seen beside the root", 2, *self._lying(world.root / "seen", "status", who="cron")),
            Scene("seen by the account", 2, *self._lying(state, "status", who="cron")),
            Scene("object, verified", 3, *self._lying(self.object, "verify", "--read-data", who="cron")),
            Scene("object, exported", 3, self._lying(self.object, "status")[0], self._export),
            Scene("failed unlocks", 3, [attempt], self._attempt),
            Scene("number", 5, numbers, self._number),
            Scene("word", 8, [b"leif", b"2026-10-01", b"+4790000001", self.recording.encode(), b"--json"], self._word),
        ]  # fmt: skip

    def make(self, seed: int, number: int) -> tuple[Scene, bytes]:
        """Input *number*: a scene by its share, and a changed file for it."""
        chance = random.Random(f"commands {seed} {number}")
        (scene,) = chance.choices(self.scenes, [one.weight for one in self.scenes])
        return scene, changed(chance, scene.seeds)

    def judged(self, scene: Scene, raw: bytes) -> bool:
        """Play a scene; an AssertionError says what was wrong with the way in which the command ended."""
        before = confined.lying_in(self.world.base, but=self.allowed)
        with confined.watched() as written:
            result = scene.play(raw)
        bug = self.world.base / "state" / "arlo-rec" / "errors.log"
        told = bug.read_text("utf-8")[-1500:] if bug.exists() else ""
        bug.unlink(missing_ok=True)
        assert result.exit in DOCUMENTED and not told, (scene.name, result.exit, result.err[-300:], told)
        assert "Traceback" not in result.out + result.err, (scene.name, result)
        assert_clean(result)
        stray = confined.outside(written, self.allowed)
        lies = confined.lying_in(self.world.base, but=self.allowed)
        stray += [one for one in lies.keys() | before.keys() if lies.get(one) != before.get(one)]
        assert not stray, (scene.name, stray)
        return result.exit == 0

    # -- what plays them --------------------------------------------------------------------------------------

    def _gathered(self, name: str) -> bytes:
        path = self.world.gather(name)
        content = path.read_bytes()
        path.unlink()
        self.manifest.write_bytes(self.true[0])
        return content

    def _ingest(self, name: str) -> Callable[[bytes], Result]:
        """A call in the spool, of which one file is changed; every fourth is taken in, the others only judged."""

        def play(raw: bytes) -> Result:
            spool = self.world.spool
            own = b"pbx." + hashlib.sha256(raw).hexdigest()[:8].encode()  # else all but the first were known already
            self.wave.write_bytes(self.true[1])
            if "calls" not in name:
                self.manifest.write_bytes(self.true[0].replace(b"pbx.call", own))
            (spool / name).write_bytes(raw.replace(b"pbx.call", own))
            options = () if sum(raw) % 4 == 0 else ("--dry-run",)
            try:
                return self._run("ingest", str(spool), *options, who="telefon", odd=len(raw))
            finally:
                for one in spool.iterdir():
                    one.unlink()

        return play

    def _name(self, raw: bytes) -> Result:
        name = raw.replace(b"/", b"").replace(b"\0", b"")[:240] or b"x"
        spool = os.fsencode(self.world.spool) + b"/"
        for ending, content in zip((b".json", b".wav"), self.true, strict=True):
            with open(spool + name + ending, "wb") as file:
                file.write(content)
        try:
            return self._run("ingest", str(self.world.spool), "--dry-run", who="telefon", odd=len(raw))
        finally:
            for one in self.world.spool.iterdir():
                one.unlink()

    def _beside(self, *words: str, who: str | None = None) -> Callable[[bytes], Result]:
        """A file that the command line names."""
        path = self.world.base / "out" / "file"

        def play(raw: bytes) -> Result:
            path.write_bytes(raw)
            path.chmod(0o600)
            return self._run(*(str(path) if one == HERE else one for one in words), who=who, odd=len(raw))

        return play

    def _lying(self, path: Path, *words: str, who: str | None = None) -> tuple[list[bytes], Callable[[bytes], Result]]:
        """A file of the store, which is put back afterwards."""
        true = path.read_bytes()

        def play(raw: bytes) -> Result:
            with self._changed(path, raw):
                return self._run(*words, who=who, odd=len(raw))

        return [true], play

    @contextmanager
    def _changed(self, path: Path, raw: bytes) -> Iterator[None]:
        true = path.read_bytes()
        path.write_bytes(raw)
        try:
            yield
        finally:
            path.write_bytes(true)

    def _export(self, raw: bytes) -> Result:
        out = self.world.base / "out" / "sound.wav"
        out.unlink(missing_ok=True)
        with self._changed(self.object, raw):
            result = self._run("export", self.recording, *LOOK, "--out", str(out), who="leif", odd=len(raw))
        assert out.exists() == (result.exit == 0)
        return result

    def _attempt(self, raw: bytes) -> Result:
        with (self.world.store / "attempts").open("ab") as file:
            file.write(raw)
        return self._run("audit", "show", "--limit", "3", who="iver", odd=len(raw))

    def _number(self, raw: bytes) -> Result:
        out = self.world.base / "out" / "answer.html"
        out.unlink(missing_ok=True)
        if sum(raw) % 3:
            return self._run("withdraw", "-", "--dry-run", who="skranke", odd=len(raw), stdin=raw)
        words = ("dsar", "-", "--out", str(out), "--identity", "seen in person, passport")
        return self._run(*words, who="sigrid", odd=len(raw), stdin=raw)

    def _word(self, raw: bytes) -> Result:
        words = WORDS[sum(raw) % len(WORDS)]
        word = os.fsdecode(raw.replace(b"\0", b""))
        return self._run(*(word if one == HERE else one for one in words), who=ROLE.get(words[0]), odd=len(raw))

    def _run(self, *words: str, who: str | None, odd: int, stdin: bytes = b"") -> Result:
        return self.world.run(*words, *(("--json",) if odd % 2 else ()), who=who, stdin=stdin)


@contextmanager
def staged(template: World, base: Path, sounds: Sequence[bytes]) -> Iterator[Stage]:
    """A stage whose passphrases cost nothing the second time; commands run in a folder where they may not write."""
    stage = Stage(worlds.copy(template, base), sounds)
    paid: dict[bytes, bytes] = {}
    dear = primitives.passphrase_key

    def once(passphrase: bytes, salt: bytes, cost: primitives.Argon2Cost) -> bytes:
        if cost != primitives.Argon2Cost():
            return free(passphrase, salt, cost)
        if passphrase + salt not in paid:
            paid[passphrase + salt] = dear(passphrase, salt, cost)
        return paid[passphrase + salt]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(primitives, "passphrase_key", once)
        patch.chdir(base / "elsewhere")
        yield stage
