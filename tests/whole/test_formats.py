"""Every format of every released version opens: a store of each is verified, heard, withdrawn from and restored."""

from __future__ import annotations

import hashlib
import io
import json
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.people.dsar.page_file import passphrase_bytes
from arlo_rec.sound import audio
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue import schema
from arlo_rec.vault.keys.key_files import catalogue_key, read_catalogue_seal
from arlo_rec.vault.keys.layout import find
from tests.support import answers
from tests.support import world as worlds
from tests.support.attack import identity
from tests.support.backups import is_whole, lose, places, with_feed
from tests.support.packed import unpack
from tests.support.places import FORMATS
from tests.support.world import REASON, World

pytestmark = pytest.mark.slow
RELEASES = sorted(path.name for path in FORMATS.iterdir() if path.is_dir())


class Kept:
    """A store of an earlier version, and what must be found in it."""

    def __init__(self, release: str, base: Path) -> None:
        unpack(FORMATS / release / "world.tar.xz", base)
        worlds.at_home(base / "store")
        self.world = World(base)
        self.world.state_particulars()
        self.world.setting(f'feed = "{base / "mount" / "feed.jsonl"}"')
        self.about: dict[str, Any] = json.loads((FORMATS / release / "about.json").read_text("utf-8"))

    def heard(self, recording: str, purpose: str, who: str) -> str:
        """SHA-256 of the sound that a manager saves."""
        out = self.world.base / "heard.wav"
        out.unlink(missing_ok=True)
        words = ("export", recording, "--purpose", purpose, "--reason", REASON, "--out", str(out))
        self.world.json(*words, who=who)
        raw = out.read_bytes()
        return hashlib.sha256(audio.read_wav(io.BytesIO(raw), len(raw)).data).hexdigest()


@pytest.fixture(params=RELEASES)
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """A copy of one of them, an hour later: its ring still opens its backup."""
    store = Kept(request.param, tmp_path)
    now = datetime.fromisoformat(store.about["at"]) + timedelta(hours=1)
    monkeypatch.setattr(Run, "now", lambda _run: now)
    return store


def test_the_oldest_catalogue_that_is_upgraded_is_that_of_the_first_release(tmp_path: Path) -> None:
    world = Kept(RELEASES[0], tmp_path).world
    (seed,) = read_catalogue_seal(find(world.store), identity(world, "iver"))
    db = SqliteConnection(world.store / "catalogue.db", catalogue_key(seed))
    rows = set(db.rows("SELECT key, number, bytes FROM meta WHERE key IN ('schema', 'needs')"))
    db.close()
    assert rows == {("schema", schema.OLDEST, None), ("needs", None, b"0.1.0")}
    assert tomllib.loads((world.store / "store.toml").read_text("utf-8"))["format"] == 3


def test_a_store_of_an_earlier_version_opens_and_verifies(kept: Kept) -> None:
    status = kept.world.json("status", who="iver")
    assert status["held"] == len(kept.about["held"]) + kept.about["late"] + 1, "with a training copy"
    assert not {each["code"] for each in kept.world.json("verify", "--read-data", who="iver")["problems"]}
    kept.world.json("audit", "verify", "--anchor", str(kept.world.base / "anchors"), who="iver")


def test_its_calls_are_heard_bit_for_bit_and_its_training_copy_opens(kept: Kept) -> None:
    for recording, sound in kept.about["sounds"].items():
        assert kept.heard(recording, "quality", "leif") == sound
    assert kept.heard(kept.about["copy"], "training", "turid")


def test_its_callers_withdraw_and_its_day_ends(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept.world.json("withdraw", "90000001", "--yes", who="skranke")["erased"] >= len(kept.about["sounds"])
    done = kept.world.json("withdraw", "90000003", "--yes", who="siri")
    assert done["already"]["number"] == kept.about["receipt"]
    later = datetime.fromisoformat(kept.about["at"]) + timedelta(days=91)
    monkeypatch.setattr(Run, "now", lambda _run: later)
    purged = kept.world.json("purge", "--allow-large", who="cron")
    assert purged["erased"] >= 1 and kept.world.json("status", who="iver")["held"] == purged["overdue"]


def test_it_takes_calls_in_by_the_map_that_its_officer_approved(kept: Kept) -> None:
    started = datetime.fromisoformat(kept.about["at"])
    kept.world.deliver("new", started=started, seed=40, caller="+4790000005")
    kept.world.gather("calls.jsonl")
    told = kept.world.json("ingest", str(kept.world.spool), "--map", str(kept.world.base / "map.toml"), who="telefon")
    assert [each["source_id"] for each in told["accepted"]] == ["pbx.new"]


def test_what_it_signed_and_gave_out_is_genuine(kept: Kept) -> None:
    base, world = kept.world.base, kept.world
    assert (
        world.json("receipt", "show", kept.about["receipt"], who="siri")["receipt"]["number"] == kept.about["receipt"]
    )
    signed = [base / "receipt.json", base / "answer.html", *sorted((base / "pages").iterdir())]
    for path in signed:
        assert world.json("certificate", "verify", str(path))["valid"], path
    inside = answers.opened((base / "answer.html").read_bytes(), passphrase_bytes(kept.about["answer"]))
    assert "data.json" in inside["bodies"]


def test_the_shares_of_its_recovery_key_give_the_key(kept: Kept) -> None:
    base = kept.world.base
    joined = kept.world.json("recovery", "join", str(base / "share-1"), str(base / "share-3"))
    assert joined["recovery_key"] == (base / "recovery.key").read_text("utf-8").strip()


def test_its_backup_is_drilled_and_restored(kept: Kept) -> None:
    folder, ring = places(kept.world)
    drilled = kept.world.json("drill", str(folder), "--escrow", str(ring), who="sigrid")
    assert (drilled["recordings"], drilled["lost"]) == (len(kept.about["held"]) + 1, kept.about["late"])
    lose(kept.world)
    kept.world.state_particulars()
    restored = with_feed(kept.world)
    assert (restored["held"], restored["lost"]) == (len(kept.about["held"]) + 1, kept.about["late"])
    is_whole(kept.world)
    kept.world.grant()
    for recording, sound in kept.about["sounds"].items():
        assert kept.heard(recording, "quality", "leif") == sound
