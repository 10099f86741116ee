"""What destroys, by every clock: no call is lost that the right clock would have kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.edge.commands.run import Run
from tests.support import world as worlds
from tests.support.backups import back_up, lose, places, restore
from tests.support.copies import propose
from tests.support.intake import left, problems
from tests.support.world import REASON, World

pytestmark = pytest.mark.rule("retention.90d")
SUMMER = datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC)  # in Oslo 02:00 is 03:00 ten seconds later
WINTER = datetime(2026, 10, 25, 0, 59, 50, tzinfo=UTC)  # 03:00 is 02:00 once more
ANY = datetime(2026, 6, 15, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOCKS: dict[str, tuple[datetime, timedelta | None]] = {  # the right time, and by how much the clock is off; None: 1970
    "right": (ANY, timedelta(0)),
    "a day behind": (ANY, timedelta(days=-1)),
    "an hour ahead": (ANY, timedelta(hours=1)),
    "a day ahead": (ANY, timedelta(days=1)),
    "100 days ahead": (ANY, timedelta(days=100)),
    "a year ahead": (ANY, timedelta(days=365)),
    "1970": (ANY, None),
    "into summer time": (SUMMER, timedelta(seconds=20)),
    "an hour ahead into summer time": (SUMMER, timedelta(hours=1)),
    "into winter time": (WINTER, timedelta(seconds=20)),
    "an hour behind into winter time": (WINTER, timedelta(hours=-1)),
}
THEIRS = "+4790000009"


class Timed:
    """A world with a clock that a test sets: the right one, or one that is off."""

    def __init__(
        self, world: World, call: str, right: datetime, off: timedelta | None, clock: Callable[[datetime], None]
    ) -> None:
        self.world, self.right, self._set, self.call = world, right, clock, call
        self.wrong = EPOCH + timedelta(days=1) if off is None else right + off
        self.set_right()

    def set_right(self, later: timedelta = timedelta(0)) -> None:
        self._set(self.right + later)

    def set_wrong(self) -> None:
        self._set(self.wrong)

    def deliver(self, stem: str, **more: Any) -> Path:
        """A call that began ten minutes ago, by the right clock."""
        return self.world.deliver(stem, started=self.right - timedelta(minutes=10), **more)

    def ingest(self) -> tuple[int, dict[str, Any]]:
        done = self.world.run("ingest", str(self.world.spool), "--json", who="telefon")
        assert done.exit in (0, 3, 14), done
        return done.exit, done.json

    def mend(self) -> None:
        """Set the clock right, as IT does, and accept it, as an officer does where the log is ahead."""
        self.set_right(timedelta(minutes=1))
        if self.world.json("clock", who="sigrid")["behind"]:
            self.world.json("clock", "--accept", "--reason", "klokken gikk feil i dag", who="sigrid")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    def stand(at: datetime) -> None:
        monkeypatch.setattr(Run, "now", lambda _: at)

    return stand


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store of early 2026."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Run, "now", lambda _: datetime(2026, 1, 10, tzinfo=UTC))
        return worlds.found(tmp_path_factory.mktemp("early"))


@pytest.fixture(params=CLOCKS)
def timed(founded: World, tmp_path: Path, request: pytest.FixtureRequest, clock: Callable[[datetime], None]) -> Timed:
    """A store with a call of yesterday, looked after until a moment ago, and a clock that goes wrong."""
    world = worlds.copy(founded, tmp_path)
    right, off = CLOCKS[request.param]
    clock(right - timedelta(hours=20))
    world.json("purge", "--allow-large", who="cron")
    (call,) = world.take_in("yesterday", started=right - timedelta(days=1))
    clock(right - timedelta(minutes=30))
    world.json("purge", who="cron")
    return Timed(world, call, right, off, clock)


def held(timed: Timed) -> int:
    return int(timed.world.json("status", who="iver")["held"])


def test_an_intake_takes_in_each_call_in_the_end_or_tells_of_it(timed: Timed) -> None:
    timed.deliver("now")
    timed.deliver("mended", consent={"prompt": "nb-1999-01"})
    timed.set_wrong()
    for _ in range(3):
        exit, told = timed.ingest()
        assert exit == 14 or {each["code"] for each in told["removed"]} <= {"taken_in", "duplicate"}, told
    assert {"mended.json", "mended.wav"} <= left(timed.world)
    timed.mend()
    timed.ingest()
    assert (held(timed), left(timed.world)) == (2, {"mended.json", "mended.wav"})
    assert problems(timed.world) == []


def test_one_run_by_a_clock_that_the_guard_lets_pass_removes_no_call_that_is_not_past_its_day(
    founded: World, tmp_path: Path, clock: Callable[[datetime], None]
) -> None:
    world = worlds.copy(founded, tmp_path)
    clock(ANY)
    world.catch_up()
    manifest = world.deliver("old", started=ANY - timedelta(days=88))
    clock(ANY + timedelta(days=3))
    told = world.json("ingest", str(world.spool), who="telefon")
    assert ([each["code"] for each in told["refused"]], told["removed"]) == (["expired"], [])
    assert left(world) == {"old.json", "old.wav"}
    world.json("ingest", str(world.spool), who="telefon")
    assert not manifest.exists(), "the run before vouches for this one: two agree"


def test_what_a_person_does_by_that_clock_lets_no_intake_destroy_a_call(timed: Timed) -> None:
    """Their entries date the log ahead; the intake still vouches for nothing that they alone say."""
    timed.deliver("now")
    timed.set_wrong()
    timed.world.run("withdraw", THEIRS, "--yes", "--json", who="skranke")
    for _ in range(2):
        timed.ingest()
    assert left(timed.world) == set() or {"now.json", "now.wav"} <= left(timed.world)
    timed.mend()
    timed.ingest()
    assert (held(timed), left(timed.world)) == (2, set())


def test_a_purge_erases_nothing_before_its_day_but_by_less_than_the_guard_lets_pass(timed: Timed) -> None:
    timed.set_wrong()
    done = timed.world.run("purge", "--json", who="cron")
    assert (done.exit == 0 and done.json["erased"] == 0) or done.exit == 14, done
    timed.mend()
    timed.world.json("purge", who="cron")
    assert (held(timed), problems(timed.world)) == (1, [])


def test_a_withdrawal_erases_what_is_held_and_refuses_no_later_consent(timed: Timed) -> None:
    world = timed.world
    mine = world.take_in("mine", caller=THEIRS, started=timed.right - timedelta(hours=2))
    assert len(mine) == 1
    late = timed.deliver("late", caller=THEIRS)
    kept = {path.name: path.read_bytes() for path in (late, late.with_suffix(".wav"))}
    for path in (late, late.with_suffix(".wav")):
        path.unlink()
    timed.set_wrong()
    assert world.json("withdraw", THEIRS, "--yes", who="skranke")["erased"] == 1
    timed.mend()
    for name, raw in kept.items():
        (world.spool / name).write_bytes(raw)
    timed.ingest()
    if timed.wrong - timed.right > timedelta(hours=-1):  # a clock far behind is known to the log: see the manual
        assert held(timed) == 1, "what was recorded before the withdrawal comes late, and is refused"
    timed.set_right(timedelta(hours=1))
    world.deliver("anew", caller=THEIRS, started=timed.right + timedelta(minutes=50))
    before = held(timed)
    exit, told = timed.ingest()
    assert (exit, held(timed)) == (0, before + 1), told


def test_a_notice_of_a_withdrawal_is_carried_out_in_the_end(timed: Timed) -> None:
    world = timed.world
    world.take_in("mine", caller=THEIRS, started=timed.right - timedelta(hours=2))
    notice = {"withdrawal": {"caller": THEIRS, "at": (timed.right - timedelta(minutes=5)).isoformat()}}
    (world.spool / "notice.json").write_text(json.dumps(notice), "utf-8")
    timed.set_wrong()
    timed.ingest()
    timed.mend()
    timed.ingest()
    assert (held(timed), left(world)) == (1, set())


def test_a_backup_by_that_clock_is_one_and_what_is_restored_by_it_is_whole(timed: Timed) -> None:
    world = timed.world
    back_up(world)
    words = [str(places(world)[0]), "--escrow", str(places(world)[1]), "--json"]
    timed.set_wrong()
    for who in ("cron", "sigrid"):
        assert world.run("backup", *words, who=who).exit in (0, 14)
    lose(world)
    restored = restore(world)
    assert restored.exit in (0, 3, 14), restored
    timed.set_right()
    if not world.store.exists():  # a clock of another age was refused
        assert restore(world).exit in (0, 3, 14)
    timed.mend()
    world.json("restore", "--accept-without-feed", "--reason", "det finnes ingen feed her", who="sigrid")
    world.run("purge", "--allow-large", who="cron")
    assert held(timed) == 1


def test_a_copy_that_is_rejected_by_that_clock_takes_no_original_with_it(timed: Timed) -> None:
    world = timed.world
    made = propose(world, timed.call)
    timed.set_wrong()
    world.run("reject", made["copy"], "--reason", REASON, "--json", who="sigrid")
    timed.mend()
    world.json("purge", who="cron")
    assert held(timed) >= 1
    assert timed.call not in {row["id"] for row in world.json("purge", "--dry-run", who="cron")["recordings"]}
    assert problems(world) == []


def test_a_hold_that_is_lifted_by_that_clock_erases_nothing_that_is_not_due(timed: Timed) -> None:
    world = timed.world
    until = (timed.right + timedelta(days=30)).date().isoformat()
    words = ("hold", "set", timed.call, "--ground", "18c", "--until", until, "--reason", REASON)
    hold = world.json(*words, who="sigrid")["hold"]
    timed.set_wrong()
    world.run("hold", "lift", hold["id"], "--reason", REASON, "--json", who="sigrid")
    world.run("purge", "--json", who="cron")
    timed.mend()
    assert (held(timed), problems(world)) == (1, [])


def test_what_an_officer_orders_by_that_clock_destroys_what_was_named_alone(timed: Timed) -> None:
    world = timed.world
    world.take_in("hers", agent="Kari Annen", started=timed.right - timedelta(hours=2))
    world.grant()
    back_up(world)
    ring = str(places(world)[1])
    words = ("person", "objection", "Kari Annen", "--uphold", "--scope", "recording", "--reason", REASON)
    timed.set_wrong()
    upheld = world.run(*words, "--json", who="sigrid")
    for order in (("revoke", "leif"), ("person", "remove", "leif", "--yes"), ("backup", "--forget", ring)):
        done = world.run(*order, "--json", who="sigrid")
        assert done.exit in (0, 4, 14), done
    timed.mend()
    assert upheld.exit in (0, 14), upheld
    assert held(timed) == 2 - (upheld.json["erased"] if upheld.exit == 0 else 0)
    assert timed.call not in {row["id"] for row in world.json("purge", "--dry-run", who="cron")["recordings"]}
    assert problems(world) == []
