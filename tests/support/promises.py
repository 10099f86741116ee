"""What must hold when a command was cut off anywhere: at once, and after the next run.

A `Scene` is a command with what is there before it. What was acknowledged stays: every recording that is listed
opens, bit for bit, and every call that was delivered lies where it lay or is such a recording. What was erased never
comes back: once a withdrawal or a purge has said that it is done, nothing of it opens, for everybody's secrets
together, in today's store and in yesterday's copy of it with today's root.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from arlo_rec.calls.intake.run import FEW
from arlo_rec.law.model.errors import NotUnlocked
from arlo_rec.law.model.records import to_iso
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import engines, layout
from arlo_rec.vault.keys.key_files import Identity, catalogue_key, read_catalogue_seal
from arlo_rec.vault.offsite import anchor_file
from tests.support import postgres
from tests.support import world as worlds
from tests.support.attack import SECRETS, Loot, identity, own_code, rob
from tests.support.copies import CONFIRM, SAID
from tests.support.places import TOP
from tests.support.policies import put
from tests.support.world import World

OTHER = "+4790000002"
ROOT_MAGIC = b"ARLOROOT"  # docs/format.md
NEW_PASSPHRASE = "et helt annet passord"


class Broken(AssertionError):
    """A promise that did not hold."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended, and what it said."""

    exit: int
    out: str
    err: str


@dataclass
class Facts:
    """A store as it was before the command, and what is known of it from outside."""

    world: World
    ids: dict[str, str]  # by the stem of the call
    sounds: dict[str, bytes]  # by id
    offered: dict[str, bytes]  # by the stem of a call in the spool: what it becomes
    people: list[Identity] = field(default_factory=list)

    @property
    def yesterday(self) -> Path:
        """The store as it was before the command."""
        return self.world.base / "yesterday"


@dataclass(frozen=True)
class Scene:
    """A command to be cut off, what is there before it, and what it owes once it has said that it is done."""

    name: str
    words: tuple[str, ...]
    who: str
    prepare: Callable[[World], None] = lambda _world: None
    gone: tuple[str, ...] = ()  # calls that are erased
    new: tuple[str, ...] = ()  # calls that lie in the spool
    anew: tuple[str, ...] = ()  # recordings whose sound comes back under another id
    by_turns: bool = False  # until it is done, that sound may be there in two revisions, of which one stays
    again: tuple[int, ...] = (0,)  # how it may end when it is run once more
    owes: Callable[[World, str], bool] = lambda _world, _told: True
    writes: int = 2  # at the least: a transaction and the memory of it

    def asked(self, world: World) -> list[str]:
        """The words of the command in one world."""
        names = {
            "SPOOL": str(world.spool),
            "NEW": str(world.base / "new-passphrase"),
            "OUT": str(self.out(world)),
            "BACKUP": str(world.base / "backup"),
            "ESCROW": str(world.base / "escrow"),
            "MAP": str(world.base / "map.toml"),
            "WITNESS": str(world.base / "witness.key"),
            "OLD": ids_of(world).get("a", ""),
            "COPY": ids_of(world).get("copy", ""),
            "PENDING": pending.read_text("utf-8") if (pending := world.base / "pending").exists() else "",
        }
        return [names.get(word, word) for word in self.words] + ["--json"]

    def out(self, world: World) -> Path:
        """The file that the command writes for whoever asked."""
        return world.base / f"out of {self.name}"

    def acknowledged(self, out: str) -> bool:
        """Whether what was printed so far says that the command is done."""
        try:
            told = json.loads(out)
        except ValueError:
            return False
        return isinstance(told, dict) and "error" not in told


def ids_of(world: World) -> dict[str, str]:
    """The recordings that a store began with, by the stem of the call."""
    path = world.base / "ids.json"
    return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}


# -- scenes -------------------------------------------------------------------------------------------


def _calls(*stems: str) -> Callable[[World], None]:
    def deliver(world: World) -> None:
        for seed, stem in enumerate(stems):
            world.deliver(stem, seed=seed + 20, seconds=0.2)

    return deliver


def _many(world: World) -> None:
    _calls("x", "y", "z")(world)
    world.gather("calls.jsonl")


_MAP = """format = "jsonl"
audio = "{audio}"
only = "source_id"

[fields]
source_id = "source_id"
direction = "direction"
started_at = {path = "started_at", time = "iso"}
caller = "caller"
agent = "agent"
team = "team"
"consent.key" = "consent.key"
"consent.at" = {path = "consent.at", time = "iso"}
"consent.prompt" = "consent.prompt"
"consent.prompt_completed" = "consent.prompt_completed"

[withdrawal]
only = "withdrawn"
caller = "caller"
at = {path = "withdrawn", time = "iso"}
"""


def _export(world: World) -> None:
    """Two calls and a withdrawal by key, as an export."""
    for seed, stem in enumerate("xy"):
        world.deliver(stem, seed=seed + 20, seconds=0.2, caller="anonymous")
    withdrawal = {"caller": "90000001", "withdrawn": to_iso(datetime.now(UTC)), "audio": "none.wav"}
    with world.gather("calls.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(withdrawal) + "\n")
    (world.base / "map.toml").write_text(_MAP, "utf-8")
    put(world, 'version = "2026-03"\n[[map]]\nname = "ours"\nfile = "map.toml"\n')


_LARGE = tuple(f"x{count}" for count in range(FEW + 1))  # more than are sealed in threads


def _large(world: World) -> None:
    for seed, stem in enumerate(_LARGE):
        world.deliver(stem, seed=seed + 20, seconds=0.01)


_HUNDRED = tuple(f"due-{count}" for count in range(99))


def _hundred(world: World) -> None:
    """A hundred recordings whose day is over, with the one that is there."""
    soon = datetime.now(UTC) - timedelta(days=90) + timedelta(seconds=6)
    for seed, stem in enumerate(_HUNDRED):
        world.deliver(stem, caller=None, started=soon + timedelta(milliseconds=10 * seed), seed=seed + 100, seconds=0.2)
    told = world.json("ingest", str(world.spool), who="telefon")
    due = {one["source_id"].removeprefix("pbx."): one["id"] for one in told["accepted"]}
    (world.base / "ids.json").write_text(json.dumps(ids_of(world) | due), "utf-8")
    worlds.wait_until_due(world, len(_HUNDRED) + 1)


def _finds(world: World, name: str) -> int:
    return world.run("find", "--purpose", "quality", "--reason", "monthly quality talk", who=name).exit


def _receipt_lies(world: World, told: str) -> bool:
    receipt = json.loads(told)["receipt"] if told else None
    if receipt is None:
        return True  # it was told with exit 3: the keys are gone, and the next run will write one
    here = world.store / "receipts" / Path(receipt).name
    return world.run("certificate", "verify", str(here)).exit == 0


def _taken(world: World, told: str) -> bool:
    """Every id that was told as accepted is listed; that it opens is held of every recording that is."""
    accepted = {one["id"] for one in json.loads(told)["accepted"]} if told else set()
    return accepted <= held(layout.find(world.store), identity(world, "sigrid"))


def _new_passphrase_opens(world: World, _told: str) -> bool:
    return _opens(world, "leif", "new-passphrase") and not _opens(world, "leif", "passphrase")


def _answer_lies(world: World, told: str) -> bool:
    """The answer that was told is there, and anybody sees that it is ours."""
    file = world.base / "out of dsar"
    is_whole = not told or primitives.sha256(file.read_bytes()).hex() == json.loads(told)["sha256"]
    return is_whole and world.run("certificate", "verify", str(file)).exit == 0


def _entered(world: World) -> None:
    """An access request that waits for its answer."""
    told = world.json("case", "open", "90000001", "--identity", "login", who="sigrid")
    (world.base / "pending").write_text(told["case"]["id"], "utf-8")


def _is_extended(world: World, _told: str) -> bool:
    """Whether the deadline of the request is the later one, and the letter about it can be had."""
    case, letter = (world.base / "pending").read_text("utf-8"), world.base / "letter again"
    shown = world.json("case", "show", case, "--out", str(letter), who="sigrid")["case"]
    is_there = letter.exists()
    letter.unlink(missing_ok=True)
    return bool(shown["extension"]) and is_there


def _backed_up(world: World) -> None:
    """One backup, and a withdrawal and a call since."""
    world.json("backup", str(world.base / "backup"), "--escrow", str(world.base / "escrow"), who="sigrid")
    world.json("withdraw", "90000002", "--yes", who="skranke")
    ids = ids_of(world)
    del ids["d"]
    ids["e"] = world.take_in("e", seed=31, caller="+4790000003", seconds=0.2)[0]
    (world.base / "ids.json").write_text(json.dumps(ids), "utf-8")


def _reviewed(world: World) -> None:
    """A training copy that somebody confirmed."""
    cuts = world.base / "cuts.txt"
    cuts.write_text("0.05\t0.1\tname\n", "utf-8")
    ids = ids_of(world)
    (made,) = world.json("pseudonymise", *SAID, ids["a"], "--cuts", str(cuts), who="sigrid")["results"]
    world.json("review", made["copy"], *CONFIRM, who="sigrid")
    (world.base / "ids.json").write_text(json.dumps(ids | {"copy": made["copy"]}), "utf-8")


def _is_kept(world: World, told: str) -> bool:
    """Whether the witness keeps what it cosigned, before anybody got it, and cosigned nothing else."""
    kept = (world.base / "witness.key.seen").read_text("utf-8")
    return not told or json.loads(told)["note"] == kept


def _appended(world: World) -> None:
    """A file with an anchor, and something that came since."""
    world.json("audit", "checkpoint", "--append", str(world.base / "out of audit checkpoint"), who="iver")
    world.json("audit", "show", who="iver")


def _is_an_anchor(world: World, _told: str) -> bool:
    """Whether the file has the checkpoint from before and the newest, each once, whatever was torn between them."""
    file = world.base / "out of audit checkpoint"
    kept = world.json("audit", "checkpoint", "--append", str(file), who="iver")["note"]
    notes, is_whole = anchor_file.parse(file.read_bytes())
    verified = world.run("audit", "verify", "--anchor", str(file), who="iver")
    return is_whole and len(set(notes)) == len(notes) >= 2 and notes[-1] == kept and verified.exit == 0


def _pages_lie(world: World, told: str) -> bool:
    """Whether the folder has every page and nothing else, and each is ours."""
    folder = world.base / "out of policy publish"
    genuine = [world.run("certificate", "verify", str(path)).exit == 0 for path in folder.iterdir()]
    return len(genuine) == 28 and all(genuine) and (not told or len(json.loads(told)["pages"]) == 28)


def _is_edited(world: World, _told: str) -> bool:
    """Whether the copy waits under its id, as a later revision, which nobody confirmed."""
    (waiting,) = world.json("review", who="sigrid")["copies"]
    is_later = waiting["copy"] == ids_of(world)["copy"] and waiting["revision"] >= 2
    released = world.run("release", waiting["copy"], "--reason", "confirmed by two people", who="sigrid")
    return is_later and waiting["state"] == "needs_review" and released.exit == 14


def _waiting(world: World) -> None:
    """What an officer gave herself, and a second officer who may decide."""
    secret = str(world.base / "passphrase")
    world.json("person", "add", "astrid", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    now = datetime.now(UTC)
    with own_code(world, "sigrid") as store, store.change(now):  # they have been here for long
        people = tuple(replace(person, since=now - timedelta(days=30)) for person in store.roster.people)
        store.put(store.roster.next(now, people=people))
    (world.base / "pending").write_text(world.grant("sigrid")["id"], "utf-8")


def _proposed(world: World) -> None:
    """A version of the policy that waits for the one officer's own word."""
    file = world.base / "proposal.toml"
    file.write_text('version = "2026-02"\nmost_found = 60\n', "utf-8")
    proposal = world.json("policy", "propose", str(file), who="sigrid")["proposal"]
    (world.base / "pending").write_text(proposal["id"], "utf-8")


def _is_upheld(world: World) -> bool:
    """Whether no copy of the employee's call is made any more, and the objection stands in the list."""
    cuts = str(world.base / "cuts.txt")
    refused = world.run("pseudonymise", *SAID, ids_of(world)["a"], "--cuts", cuts, who="sigrid")
    (objection,) = world.json("person", "objection", who="iver")["objections"]
    return refused.exit == 14 and objection["state"] == "upheld"


def _is_refused(world: World, _told: str) -> bool:
    """Whether the case is refused, and its letter can be had."""
    case, letter = (world.base / "pending").read_text("utf-8"), world.base / "letter again"
    shown = world.json("case", "show", case, "--out", str(letter), who="sigrid")["case"]
    is_there = letter.exists()
    letter.unlink(missing_ok=True)
    return bool(shown["state"] == "refused") and is_there


def _is_noted(world: World, told: str) -> bool:
    """Whether what was told as noted stands in the list."""
    noted = json.loads(told)["notices"] if told else []
    listed = world.json("person", "notify", who="iver")["notices"]
    return all(each in listed for each in noted)


def _left_nothing(world: World, _told: str) -> bool:
    """Whether a drill left nothing of its copy, and the store and its account go on."""
    places = (world.store / "drill", world.root / "drill")
    return not any(place.exists() for place in places) and world.json("status", who="iver")["critical"] == []


def _restores(world: World, _told: str) -> bool:
    """Whether the backup becomes a store in which everything opens that was held."""
    twin = World(world.base / "restored", {"ARLO_REC_STORE": str(world.base / "restored" / "store")})
    twin.base.mkdir()
    for one in ("passphrase", *(f"{name}.key" for name in worlds.SERVICES)):
        shutil.copy(world.base / one, twin.base / one)
    places = (str(world.base / "backup"), "--escrow", str(world.base / "escrow"))
    words = ("--accept-without-feed", "--reason", "looking whether it can", "--yes")
    told = twin.json("restore", *places, *words, who="sigrid")
    whole = twin.run("verify", "--read-data", who="iver").exit == 0
    sounds = plunder(twin, [identity(twin, name) for name in SECRETS]).sounds
    shutil.rmtree(twin.base)
    return whole and told["held"] == len(sounds) == len(ids_of(world))


def _sound_lies(world: World, told: str) -> bool:
    size = (world.base / "out of export").stat().st_size
    return not told or size == json.loads(told)["bytes"]


def _one_seed(world: World) -> bool:
    """Whether the re-keying is over: while it runs, two seeds are sealed to everybody."""
    return len(read_catalogue_seal(layout.find(world.store), identity(world, "sigrid"))) == 1


def _opens(world: World, name: str, secret: str) -> bool:
    words = ("find", "--purpose", "quality", "--reason", "monthly quality talk", "--as", name)
    return world.run(*words, "--passphrase-file", str(world.base / secret)).exit != 12


_TURID = ("--purpose", "quality", "--all-teams", "--reason", "stands in for Leif")
_BY_MAP = ("ingest", "SPOOL", "--map", "MAP")
SCENES = [
    Scene("ingest", ("ingest", "SPOOL"), "telefon", _calls("x"), new=("x",), owes=_taken),
    Scene("ingest of many", ("ingest", "SPOOL"), "telefon", _many, new=("x", "y", "z"), owes=_taken),
    Scene("ingest of an export", _BY_MAP, "telefon", _export, gone=("a", "b", "c"), new=("x", "y"), owes=_taken),
    Scene("ingest in processes", ("ingest", "SPOOL"), "telefon", _large, new=_LARGE, owes=_taken),
    Scene(
        "withdraw caller",
        ("withdraw", "90000001", "--yes"),
        "skranke",
        gone=("a", "b", "c"),
        owes=_receipt_lies,
    ),
    Scene(
        "withdraw call",
        ("withdraw", "--call", "OLD", "--yes"),
        "skranke",
        gone=("a",),
        again=(0, 4),
        owes=_receipt_lies,
    ),
    Scene("purge", ("purge",), "cron", gone=("old",)),
    Scene("purge of 100", ("purge", "--allow-large"), "cron", _hundred, gone=("old", *_HUNDRED)),
    Scene("backup", ("backup", "BACKUP", "--escrow", "ESCROW"), "sigrid", _backed_up, owes=_restores),
    Scene("drill", ("drill", "BACKUP", "--escrow", "ESCROW"), "sigrid", _backed_up, owes=_left_nothing),
    Scene(
        "release",
        ("release", "COPY", "--reason", "confirmed by two people"),
        "sigrid",
        _reviewed,
        gone=("copy",),
        anew=("copy",),
        again=(0, 13),
    ),
    Scene(
        "review",  # an edit that changes no sound
        ("review", *SAID, "COPY", "--accept", "1"),
        "sigrid",
        _reviewed,
        gone=("copy",),
        anew=("copy",),
        by_turns=True,
        again=(0, 2),  # the cut is accepted already
        owes=_is_edited,
    ),
    Scene(
        "person objection",
        (
            "person",
            "objection",
            "Ola Oppdiktet",
            "--uphold",
            "--scope",
            "training",
            "--reason",
            "colleagues know the voice at once",
        ),
        "sigrid",
        _reviewed,
        gone=("copy",),
        owes=lambda world, told: _receipt_lies(world, told) and _is_upheld(world),
    ),
    Scene("person notify", ("person", "notify", "Ola Oppdiktet"), "sigrid", owes=_is_noted),
    Scene("grant", ("grant", "turid", *_TURID), "sigrid", owes=lambda world, _: _finds(world, "turid") == 0),
    Scene(
        "approve",
        ("approve", "PENDING"),
        "astrid",
        _waiting,
        again=(0, 4),
        owes=lambda world, _: _finds(world, "sigrid") == 0,
    ),
    Scene(
        "approve a policy",
        ("approve", "PENDING"),
        "sigrid",
        _proposed,
        again=(0, 4),
        owes=lambda world, _: world.json("policy", "show", who="leif")["most_found"] == 60,
    ),
    Scene("revoke", ("revoke", "leif"), "sigrid", again=(0, 4), owes=lambda world, _: _finds(world, "leif") == 13),
    Scene(
        "person remove",
        ("person", "remove", "turid", "--yes"),
        "sigrid",
        again=(0, 4),
        owes=lambda world, _: _finds(world, "turid") == 12 and _one_seed(world),
    ),
    Scene(
        "person passphrase",
        ("person", "passphrase", "--new-passphrase-file", "NEW"),
        "leif",
        again=(0, 12),
        owes=_new_passphrase_opens,
    ),
    Scene(
        "dsar",
        ("dsar", "90000001", "--out", "OUT", "--identity", "called back on the number of the contract"),
        "sigrid",
        again=(0, 2),
        owes=_answer_lies,
    ),
    Scene(
        "case extend",
        ("case", "extend", "PENDING", "--reason", "the calls must be heard one by one", "--out", "OUT"),
        "sigrid",
        _entered,
        again=(0, 2, 14),
        owes=_is_extended,
    ),
    Scene(
        "case decide",
        ("case", "decide", "PENDING", "--refuse", "--ground", "unfounded", "--reason", "it was answered twice before"),
        "sigrid",
        _entered,
        again=(0, 14),
        owes=_is_refused,
    ),
    Scene(
        "hold set",
        ("hold", "set", "OLD", "--ground", "18c", "--until", "30d", "--reason", "the person needs the call"),
        "sigrid",
        owes=lambda world, told: world.json("status", who="iver")["holds"] == 1,
    ),
    Scene(
        "audit witness",
        ("audit", "witness", "--witness-key", "WITNESS"),
        "iver",
        lambda world: world.json("audit", "witness", "--witness-key", str(world.base / "witness.key"), "--new", "it/w"),
        owes=_is_kept,
        writes=1,  # nothing of the store
    ),
    Scene(
        "audit checkpoint",
        ("audit", "checkpoint", "--append", "OUT"),
        "iver",
        _appended,
        owes=_is_an_anchor,
        writes=1,  # nothing of the store
    ),
    Scene(
        "policy publish",
        ("policy", "publish", "--out", "OUT"),
        "sigrid",
        again=(0, 2),
        owes=_pages_lie,
        writes=3,
    ),
    Scene("find", ("find", "--purpose", "quality", "--reason", "monthly quality talk"), "leif"),
    Scene(
        "export",
        ("export", "OLD", "--purpose", "quality", "--reason", "monthly quality talk", "--out", "OUT"),
        "leif",
        again=(0, 2),
        owes=_sound_lies,
    ),
]
BY_NAME = {one.name: one for one in SCENES}


def lived_in(template: World, base: Path) -> World:
    """A store with a grant, three calls of one caller, one of another, and one whose day is over."""
    world = worlds.copy(template, base)
    world.grant("leif", "quality")
    ids = dict(zip("abc", world.take_in("a", "b", "c", seconds=0.2), strict=True))
    ids["d"] = world.take_in("d", caller=OTHER, seed=9, seconds=0.2)[0]
    soon = datetime.now(UTC) - timedelta(days=90) + timedelta(seconds=1)
    ids["old"] = world.take_in("old", caller=None, seed=8, started=soon, seconds=0.2)[0]
    (world.base / "ids.json").write_text(json.dumps(ids), "utf-8")
    secret = world.base / "new-passphrase"
    secret.write_text(NEW_PASSPHRASE + "\n", "utf-8")
    secret.chmod(0o600)
    worlds.wait_until_due(world, 1)
    return world


def set_up(scene: Scene, ready: World, base: Path) -> Facts:
    """The scene's world in a folder of its own, and everything that is known of it."""
    world = worlds.copy(ready, base / "world")
    scene.prepare(world)
    offered = _what_becomes_of(scene, world, base / "reference") if scene.new else {}
    people = [identity(world, name) for name in SECRETS]
    known = World(base)
    shutil.copytree(world.store, base / "yesterday")
    sounds = plunder(world, people).sounds
    offered |= {stem: sounds[ids_of(world)[stem]] for stem in scene.anew}
    return Facts(known, ids_of(world), sounds, offered, people)


def _what_becomes_of(scene: Scene, world: World, base: Path) -> dict[str, bytes]:
    """The sound that each call of the spool becomes, from a run that nothing disturbed."""
    twin = worlds.copy(world, base)
    told = json.loads(twin.run(*scene.asked(twin), who=scene.who).out)
    sounds = plunder(twin, [identity(twin, "sigrid")]).sounds
    found = {one["source_id"].removeprefix("pbx."): sounds[one["id"]] for one in told["accepted"]}
    shutil.rmtree(base)
    return found


# -- what opens ---------------------------------------------------------------------------------------


def plunder(world: World, people: list[Identity], store: Path | None = None) -> Loot:
    """What all the secrets of some people open together, in a copy of the store with the root of today."""
    with _frozen(world, store or world.store) as where:
        thief, *others = people
        return rob(where, thief, tuple(primitives.derive(one.seed, "sealing", context=one.store) for one in others))


def held(where: layout.Layout, officer: Identity) -> set[str]:
    """The ids of the recordings that a catalogue lists."""
    return listed_and_buried(where, officer)[0]


def listed_and_buried(where: layout.Layout, officer: Identity) -> tuple[set[str], bool]:
    """The ids of the recordings that a catalogue lists, and whether it has a tombstone."""
    for seed in read_catalogue_seal(where, officer):
        try:
            db = engines.catalogue(where, catalogue_key(seed))
        except NotUnlocked:
            continue
        try:
            rows = db.rows("SELECT id FROM recordings WHERE state = 'held'")
            return {bytes(row[0]).hex() for row in rows}, bool(db.rows("SELECT 1 FROM tombstones"))
        finally:
            db.close()
    raise Broken("the catalogue opens with no key that the officer has")


@contextmanager
def _frozen(world: World, store: Path) -> Iterator[layout.Layout]:
    """A copy to look at: opening a catalogue changes its file. One in a database is looked at where it lies."""
    base = world.base / "frozen"
    shutil.copytree(store, base / "store")
    shutil.copytree(world.root, base / "store.root")
    try:
        lies_at = postgres.address_of(store) or layout.FILES
        yield layout.Layout(base / "store", base / "store.root", layout.find(world.store).id, catalogue_at=lies_at)
    finally:
        shutil.rmtree(base)


# -- what must hold -----------------------------------------------------------------------------------


def hold_at_once(scene: Scene, facts: Facts, world: World, told: str) -> None:
    """The promises at the instant of the crash, with what was printed until then; raises Broken."""
    officer = facts.people[0]
    with _frozen(world, world.store) as where:
        listed, buried = listed_and_buried(where, officer)
    sounds = plunder(world, facts.people).sounds
    for one in listed:
        demand(one in sounds, f"a recording that is listed does not open: {one}")
        right = [facts.sounds[one]] if one in facts.sounds else list(facts.offered.values())
        demand(sounds[one] in right, f"a recording opens to other sound than was taken in: {one}")
    if scene.name.startswith("withdraw") and not _gone(scene, facts) <= listed:
        demand(buried, "recordings were withdrawn, and a late delivery of the same would be taken")
    kept = set(facts.ids.values()) - _gone(scene, facts)
    demand(kept <= listed, f"recordings that nobody erased are gone: {sorted(kept - listed)}")
    _sources_are_safe(scene, facts, world, [sounds[one] for one in listed - set(facts.sounds)])
    if scene.acknowledged(told):
        _erased_is_gone(scene, facts, world, sounds)


def _sources_are_safe(scene: Scene, facts: Facts, world: World, taken: list[bytes]) -> None:
    lying = {one.stem for one in world.spool.glob("*.wav")} if world.spool.exists() else set()
    named = {one.stem for one in world.spool.glob("*.json")} if world.spool.exists() else set()
    for many in world.spool.glob("*.jsonl"):
        named |= {Path(json.loads(line)["audio"]).stem for line in many.read_text("utf-8").splitlines()}
    for stem in scene.new:
        safe = facts.offered[stem] in taken or {stem} <= lying & named
        demand(safe, f"a call is neither a recording nor where it was delivered: {stem}")
    demand(lying <= named, "a sound without its manifest would be nobody's")
    demand(scene.by_turns or len(taken) == len(set(taken)), "a call was taken in twice")


def _erased_is_gone(scene: Scene, facts: Facts, world: World, sounds: dict[str, bytes]) -> None:
    gone = _gone(scene, facts)
    demand(not gone & set(sounds), "what was acknowledged as erased opens")
    if gone:
        old = plunder(world, facts.people, facts.yesterday)
        demand(bool(old.kf), "yesterday's copy could not even be tried")
        demand(not gone & set(old.sounds), "what was acknowledged as erased opens in yesterday's copy")


def hold_with_remnant(scene: Scene, facts: Facts, world: World, remnant: bytes) -> None:
    """What was acknowledged as erased does not open with what is left of a root file in blocks of the disk either."""
    if not remnant.startswith(ROOT_MAGIC) or not scene.gone:
        return
    kept = (world.root / "root").read_bytes()
    (world.root / "root").write_bytes(remnant)
    old = plunder(world, facts.people, facts.yesterday)
    (world.root / "root").write_bytes(kept)
    demand(not _gone(scene, facts) & set(old.sounds), "what was erased opens with the old root, left on the disk")


def hold_afterwards(scene: Scene, facts: Facts, world: World, told: str) -> None:
    """The promises once the command was run again to its end; *told* is what it acknowledged, then or before.

    Empty where neither run said it, as the first was cut off and the second found everything done.
    """
    sounds = hold_in_the_end(facts, world, _gone(scene, facts), list(facts.offered.values()))
    _erased_is_gone(scene, facts, world, sounds)
    demand(scene.owes(world, told), "what was acknowledged is not so")


def hold_in_the_end(facts: Facts, world: World, gone: set[str], new: list[bytes]) -> dict[str, bytes]:
    """Nothing is half there: what was to go is gone, all else is left, *new* is there once. Every sound that opens."""
    whole = world.run("verify", "--read-data", "--json", who="iver")
    demand(whole.exit == 0, f"verify: {whole.out}{whole.err}")
    demand(world.run("audit", "verify", who="iver").exit == 0, "the log does not verify")
    _log_tells_once(world)
    kept = set(facts.ids.values()) - gone
    sounds = plunder(world, facts.people).sounds
    for one in kept:
        demand(sounds.get(one) == facts.sounds[one], f"a recording that nobody erased does not open as it was: {one}")
    opened = [sound for one, sound in sounds.items() if one not in kept]
    demand(sorted(opened) == sorted(new), f"{len(new)} calls were to be there besides, not {len(opened)}")
    demand(not (world.spool.exists() and list(world.spool.iterdir())), "something was left in the spool")
    left = [*world.store.glob("objects/*/*.part"), *world.base.glob(".*.part")]
    demand(not left, f"something half written is left: {left}")
    return sounds


def _log_tells_once(world: World) -> None:
    """Of each recording, one entry that it was taken in, and at most one of what erased it."""
    entries = world.json("audit", "show", who="iver")["entries"]
    for action, outcome in (("ingest", "allowed"), ("withdraw", "done"), ("purge", "done")):
        told = [one for one in entries if (one["action"], one["outcome"]) == (action, outcome)]
        named = Counter(name for one in told for name in one.get("recordings", ()))
        demand(not [one for one, count in named.items() if count > 1], f"the log tells of a {action} twice")


def run_again(scene: Scene, world: World) -> str:
    """The next run: it needs no one's help. What it acknowledged; empty where it found everything done."""
    result = world.run(*scene.asked(world), who=scene.who)
    demand(result.exit in scene.again, f"the next run ended with {result.exit}: {result.out}{result.err}")
    demand(not (world.base / "state" / "arlo-rec" / "errors.log").exists(), "a bug was met on the way")
    return result.out if result.exit == 0 else ""


PROGRAM = (sys.executable, "-m", "arlo_rec")


def in_a_process(scene: Scene, world: World, program: tuple[str, ...] = PROGRAM) -> Told:
    """A scene's command run in a process of its own."""
    done = subprocess.run(
        [*program, *scene.asked(world), *world._who(scene.who)],
        env={**os.environ, **world._environment(), "PYTHONPATH": str(TOP)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return Told(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def _gone(scene: Scene, facts: Facts) -> set[str]:
    return {facts.ids[stem] for stem in scene.gone}


def demand(holds: bool, otherwise: str) -> None:
    """Like `assert`, also where Python leaves that out; raises Broken."""
    if not holds:
        raise Broken(otherwise)


def all_of(names: Iterable[str]) -> list[Scene]:
    """Scenes by name; all, where none is named."""
    return [BY_NAME[one] for one in names] or SCENES
