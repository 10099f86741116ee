"""What old entries of the log tell of what people did is deleted when the policy says so; the tree stays whole."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.log import events
from arlo_rec.law.log.events import EntriesForgotten, Forgettable, LogShown, PurgeFinished
from arlo_rec.vault.backends.feedfile import FeedFile
from arlo_rec.vault.erasure.old_entries import ranges
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.offsite import feed_line
from tests.support.attack import own_code
from tests.support.backups import back_up, lose, with_feed
from tests.support.faults import Crash
from tests.support.feed import CANNOT_SIGN, append, key_of_the_log
from tests.support.feed import entries as feed_entries
from tests.support.feed import lines as feed_lines
from tests.support.feed import path as feed_path
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("data.employee"), pytest.mark.slow]
FIND = ("find", "--purpose", "quality", "--reason", REASON)
YEAR = 366


class Clock:
    """The clock of every command, in days from now."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def later(self, days: float) -> datetime:
        at = datetime.now(UTC) + timedelta(days=days)
        self._patch.setattr(Run, "now", lambda _: datetime.now(UTC) + timedelta(days=days))
        return at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def purge(world: World, *more: str) -> dict[str, Any]:
    told: dict[str, Any] = world.json("purge", "--allow-large", *more, who="cron")
    return told


def set_days(world: World, days: int) -> None:
    file = world.base / "proposal.toml"
    file.write_text(f'version = "2026-02"\nentries_days = {days}\n', "utf-8")
    proposal = world.json("policy", "propose", str(file), who="sigrid")["proposal"]["id"]
    world.json("approve", proposal, who="sigrid")


def shown(world: World, *more: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = world.json("audit", "show", *more, who="iver")["entries"]
    return entries


def holes(world: World) -> set[int]:
    """The entries that have no body any more."""
    with own_code(world, "iver") as store:
        return {seq for seq, body in store.log.raw.bodies() if body is None}


def sound(world: World) -> None:
    """Everything fits, also the log against anchors of every time."""
    assert world.json("verify", who="iver")["problems"] == []
    assert world.json("audit", "verify", "--anchor", str(world.base / "anchor"), who="iver")["problems"] == []


@pytest.fixture
def old(world: World, clock: Clock) -> World:
    return lived(world, clock)


def lived(world: World, clock: Clock) -> World:
    """A store of a year ago: a search, a refusal, two exports, of which one was confirmed to be deleted."""
    world.grant("leif", "quality")
    first, second = world.take_in("one", "two")
    world.json(*FIND, who="leif")
    for number, recording in enumerate((first, second)):
        out = str(world.base / f"out{number}")
        world.json("export", recording, "--purpose", "quality", "--reason", REASON, "--out", out, who="leif")
    assert world.run("audit", "show", who="leif").exit == 13
    (world.base / "anchor").write_text(world.json("audit", "checkpoint", who="iver")["note"], "utf-8")
    clock.later(91)
    purge(world)
    waits = world.json("recipients", "list", who="sigrid")["recipients"]
    world.delete_saved(str(waits[0]["id"]))
    clock.later(92)
    purge(world)
    return world


def test_what_people_did_is_kept_for_a_year_unless_the_policy_says_more(old: World, clock: Clock) -> None:
    clock.later(YEAR)
    purge(old)
    assert "find" in {each["action"] for each in shown(old)}
    clock.later(YEAR + 93)
    purge(old)
    assert "find" not in {each["action"] for each in shown(old)}
    sound(old)


def test_old_entries_lose_what_they_tell_and_the_log_stays_whole(old: World, clock: Clock) -> None:
    before = {each["seq"]: each for each in shown(old)}
    clock.later(YEAR + 92)
    purge(old)
    gone = holes(old)
    told = {seq: events.read({k: v for k, v in before[seq].items() if k != "seq"}) for seq in before}
    of_people = {seq for seq, event in told.items() if isinstance(event, Forgettable)}
    assert gone < of_people, "what others rest on is kept"
    [unconfirmed] = old.json("recipients", "list", who="sigrid")["recipients"]
    assert {seq for seq in of_people - gone if seq < max(gone)} == {int(unconfirmed["id"])}
    assert "find" not in {each["action"] for each in shown(old)}
    assert {"init", "ingest", "purge", "grant", "forget"} <= {each["action"] for each in shown(old)}
    sound(old)
    text = old.run("audit", "show", "--lang", "en", who="iver").out
    assert "What people did before" in text
    report = old.json("audit", "report", "--from", "2000-01-01", who="iver")
    assert report["forgotten_until"] is not None
    assert old.json("audit", "breach", "--person", "leif", who="iver")["forgotten_until"] is not None


def test_a_copy_that_nobody_confirmed_is_remembered_until_somebody_does(old: World, clock: Clock) -> None:
    clock.later(YEAR + 92)
    purge(old)
    [waits] = old.json("recipients", "list", who="sigrid")["recipients"]
    kept = int(waits["id"])
    assert kept not in holes(old)
    old.delete_saved(str(kept))
    sound(old)
    clock.later(YEAR + 94)
    purge(old)
    clock.later(YEAR + 95)
    purge(old)
    clock.later(2 * YEAR + 96)
    purge(old)
    assert kept in holes(old)
    assert old.json("recipients", "list", who="sigrid")["recipients"] == []
    sound(old)


@pytest.mark.parametrize("days", [365, 400])
def test_a_search_is_forgotten_when_the_purge_after_it_is_as_old_as_the_policy_says_and_not_sooner(
    world: World, clock: Clock, days: int
) -> None:
    if days != 365:
        set_days(world, days)
    world.grant("leif", "quality")
    world.json(*FIND, who="leif")
    clock.later(1)
    purge(world)
    for after, is_told in ((days - 0.01, True), (days + 0.01, False)):
        clock.later(1 + after)
        purge(world)
        assert ("find" in {each["action"] for each in shown(world)}) is is_told


def test_of_purges_that_ran_every_hour_of_a_day_a_year_ago_one_is_followed_a_day(world: World, clock: Clock) -> None:
    hours = (0, 1, 2, 27)
    for hour in hours:
        clock.later(100 + hour / 24)
        assert world.run("audit", "show", who="leif").exit == 13
        purge(world)
    purges, befores = _purges(world), []
    for hour in hours:
        clock.later(465.01 + hour / 24)
        purge(world)
        befores.append([each["detail"]["before"] for each in shown(world) if each["action"] == "forget"][::-1])
    assert [sorted(each) for each in befores] == [purges[:1]] * 3 + [[purges[0], purges[3]]]


def test_it_happens_at_most_once_a_day_and_goes_on_from_there(old: World, clock: Clock) -> None:
    for hours in (0, 1, 2, 30):
        clock.later(YEAR + 92 + hours / 24)
        purge(old)
    forgets = [each for each in shown(old) if each["action"] == "forget"]
    assert len(forgets) <= 2
    ends = [each["detail"]["before"] for each in forgets]
    assert ends == sorted(set(ends))
    sound(old)


# -- the feed -----------------------------------------------------------------------------------------


def told_outside(world: World) -> set[str]:
    """The kinds of entries whose bodies the feed holds."""
    return {entry["body"]["action"] for entry in feed_entries(world) if "body" in entry}


def outside(world: World) -> set[int]:
    """The entries that have no body in the feed."""
    return {int(entry["seq"]) for entry in feed_entries(world) if "body" not in entry}


def test_the_feed_follows_by_itself_and_a_restore_still_reads_it(fed: World, clock: Clock) -> None:
    lived(fed, clock)
    clock.later(YEAR + 92)
    back_up(fed)
    assert "find" in told_outside(fed) and REASON in feed_path(fed).read_text("utf-8")
    purge(fed)
    gone = holes(fed)
    assert gone and outside(fed) == gone
    assert "find" not in told_outside(fed)
    assert fed.json("status", who="iver")["feed"]["problem"] is None
    assert "feed_remembers" not in fed.json("status", who="iver")["warnings"]
    assert fed.json("verify", who="iver")["problems"] == []
    before = feed_path(fed).read_bytes()
    purge(fed)
    assert feed_path(fed).read_bytes().startswith(before), "it is written anew only where the log forgot"
    lose(fed)
    with_feed(fed)
    clock.later(YEAR + 94)
    purge(fed)
    assert holes(fed) >= gone and outside(fed) >= gone
    assert fed.json("verify", who="iver")["problems"] == []


def test_after_a_key_of_the_log_was_renewed_the_lines_written_anew_are_still_its_own(fed: World, clock: Clock) -> None:
    lived(fed, clock)
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    clock.later(YEAR + 92)
    purge(fed)
    assert outside(fed) == holes(fed) != set()
    told = fed.json("verify", who="iver")
    assert (told["problems"], told["feed_foreign_lines"]) == ([], 0)


def test_half_a_line_goes_with_what_it_may_hold_and_a_later_foreign_one_is_counted(fed: World, clock: Clock) -> None:
    lived(fed, clock)
    whole = feed_path(fed).read_bytes()
    first, rest = whole.split(b"\n", 1)
    searched = next(line for line in rest.split(b"\n") if b'"find"' in line)
    feed_path(fed).write_bytes(first + b"\n" + searched[:-5] + b"\n" + rest)
    clock.later(YEAR + 92)
    fed.json("status", who="iver")
    append(fed, b"somebody's")
    purge(fed)
    left = feed_path(fed).read_bytes()
    assert b'"find"' not in left and b"somebody's" in left


@pytest.mark.parametrize("has_key", [False, True])
def test_a_line_that_is_not_of_this_log_is_not_signed_where_the_feed_is_written_anew(
    fed: World, clock: Clock, has_key: bool
) -> None:
    """The writer claims other entries for the numbers that are written anew, without and with a key of the log."""
    lived(fed, clock)
    searched = next(line for line in feed_lines(fed) if "find" in str(line["entries"]))
    claimed = [{**each, "body": {"action": "of nobody"}} for each in searched["entries"]]
    key = key_of_the_log(fed) if has_key else CANNOT_SIGN
    others = {name: value for name, value in searched.items() if name != "signature"}
    for entries in (claimed, claimed * 2, []):
        append(fed, feed_line.sign(find(fed.store).id, {**others, "entries": entries}, key))
    clock.later(YEAR + 92)
    purge(fed)
    left = [line for line in feed_lines(fed) if line["after"] == searched["after"]]
    assert "find" not in told_outside(fed)
    assert len(left) == (4 if has_key else 1), "what the log did not sign goes; what it did not say is left as it was"
    assert sum("leaf" in str(line["entries"]) for line in left) == 1
    assert fed.run("verify", who="iver").exit == 0


@pytest.mark.parametrize("how", ["only grows", "not mounted", "held"])
def test_a_feed_that_cannot_be_written_anew_is_told_and_done_by_the_next_purge(
    fed: World, clock: Clock, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    lived(fed, clock)
    clock.later(YEAR + 92)
    with hindered(fed, monkeypatch, how):
        assert purge(fed)["forgotten"] > 0
    told = fed.run("status", "--lang", "en", who="iver")
    assert "still holds what the log forgot" in told.out
    assert "feed_remembers" in fed.json("status", who="iver")["warnings"]
    assert "find" in told_outside(fed)
    assert sorted(each.name for each in feed_path(fed).parent.iterdir()) == ["feed.jsonl"]
    purge(fed)
    assert "find" not in told_outside(fed)
    assert "feed_remembers" not in fed.json("status", who="iver")["warnings"]
    assert fed.json("verify", who="iver")["problems"] == []


@contextmanager
def hindered(world: World, monkeypatch: pytest.MonkeyPatch, how: str) -> Iterator[None]:
    """The feed as a disk has it that cannot be written anew."""
    mount = feed_path(world).parent
    with monkeypatch.context() as patch, ExitStack() as stack:
        if how == "not mounted":
            mount.rename(world.base / "unmounted")
        elif how == "held":
            first = feed_line.first_line(find(world.store).id)
            stack.enter_context(FeedFile(feed_path(world), first).alone(0.0))
        else:
            rename = os.rename

            def only_grows(source: str, target: str, **folders: int) -> None:
                if target == feed_path(world).name:
                    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), target)  # as with chattr +a
                rename(source, target, **folders)

            patch.setattr(os, "rename", only_grows)
        yield
    if how == "not mounted":
        (world.base / "unmounted").rename(mount)


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_while_the_feed_is_written_anew_leaves_a_whole_feed(
    fed: World, clock: Clock, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    lived(fed, clock)
    clock.later(YEAR + 92)
    (feed_path(fed).parent / ".feed.jsonl.new").write_text("of a run that was cut off")
    rewrite = FeedFile.rewrite

    def dies(file: FeedFile, lines: Iterable[bytes]) -> None:
        if after:
            rewrite(file, lines)
        raise Crash

    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(FeedFile, "rewrite", dies)
        purge(fed)
    assert ("find" in told_outside(fed)) is not after
    assert fed.json("verify", who="iver")["problems"] == []
    purge(fed)
    assert "find" not in told_outside(fed)
    assert "feed_remembers" not in fed.json("status", who="iver")["warnings"]
    assert [each.name for each in feed_path(fed).parent.iterdir()] == ["feed.jsonl"]


def test_a_command_that_waited_for_a_feed_that_was_written_anew_goes_on_in_the_new_one(tmp_path: Path) -> None:
    file = FeedFile(tmp_path / "feed", b"first")
    file.create()
    with file.alone(0.0) as handle:
        file.append(handle, [b"old"])
        waiting = threading.Thread(target=_append, args=(tmp_path / "feed", b"later"))
        waiting.start()
        time.sleep(0.2)
        file.rewrite([b"new"])
    waiting.join()
    assert (tmp_path / "feed").read_bytes() == b"first\nnew\nlater\n"


def _append(path: Path, line: bytes) -> None:
    file = FeedFile(path, b"first")
    with file.alone(5.0) as handle:
        file.append(handle, [line])


# -- own code -----------------------------------------------------------------------------------------


@contextmanager
def emptied(world: World, who: str, *seqs: int) -> Iterator[Any]:
    with own_code(world, who) as store, store.change(Run.now(None)) as change:  # type: ignore[arg-type]
        store.log.forget(seqs)
        yield change


def _problems(world: World) -> set[str]:
    """What `verify` finds."""
    return {each["code"] for each in world.run("verify", "--json", who="iver").json["problems"]}


def _purges(world: World) -> list[int]:
    """The entries of finished purges."""
    purges = shown(world, "--action", "purge")
    return [each["seq"] for each in purges if each["detail"].get("mark")]


def test_a_body_that_was_struck_without_a_word_is_a_changed_entry(old: World) -> None:
    with emptied(old, "iver", 3):
        pass
    assert "entry_changed" in _problems(old)


@pytest.mark.parametrize("who", ["iver", "leif", "telefon"])
def test_nobody_but_who_may_purge_can_say_that_entries_were_forgotten(old: World, clock: Clock, who: str) -> None:
    clock.later(YEAR + 93)
    purge(old)
    first = _purges(old)[0]
    with emptied(old, who, 3) as change:
        change.log(EntriesForgotten(before=first, days=365, entries=[[3, 3]]))
    assert "entry_changed" in _problems(old)


def test_who_may_purge_cannot_say_it_of_entries_that_are_younger(old: World, clock: Clock) -> None:
    clock.later(200)
    purge(old)
    last = _purges(old)[-1]
    with emptied(old, "cron", 3) as change:
        change.log(EntriesForgotten(before=last, days=365, entries=[[3, 3]]))
    assert "entry_changed" in _problems(old)


def test_a_purge_of_long_ago_that_is_written_today_hides_nothing_of_today(old: World) -> None:
    set_days(old, 366)
    young = [each["seq"] for each in shown(old) if each["action"] == "policy propose"]
    with own_code(old, "cron") as store:
        written = store.note(PurgeFinished(), datetime.now(UTC) - timedelta(days=3000))
    with emptied(old, "cron", *young) as change:
        change.log(EntriesForgotten(before=written, days=366, entries=ranges(young)))
    assert "entry_changed" in _problems(old)


def test_a_forgetting_that_claims_to_be_of_the_future_is_not_believed_once_the_clock_is(
    old: World, clock: Clock
) -> None:
    set_days(old, 366)
    purge(old)
    last, found = _purges(old)[-1], max(each["seq"] for each in shown(old, "--action", "policy propose"))
    with own_code(old, "cron") as store, store.change(datetime.now(UTC) + timedelta(days=3000)) as change:
        store.log.forget([found])
        change.log(EntriesForgotten(before=last, days=366, entries=[[found, found]]))
    old.run("clock", "--accept", "--reason", "a purge of the future", who="sigrid")
    assert "entry_changed" in _problems(old)


def test_a_purge_of_the_future_does_not_make_the_next_one_forget_what_is_young(old: World, clock: Clock) -> None:
    old.run(*FIND, who="siri")
    young = max(each["seq"] for each in shown(old, "--denied"))
    purge(old)
    with own_code(old, "cron") as store:
        store.note(PurgeFinished(), datetime.now(UTC) + timedelta(days=3000))
    purge(old)
    assert young not in holes(old)


@pytest.mark.parametrize("how", ["struck", "confirmed"])
def test_a_row_alone_forgets_no_copy_of_which_nobody_said_that_it_is_deleted(
    old: World, clock: Clock, how: str
) -> None:
    [waits] = old.json("recipients", "list", who="sigrid")["recipients"]
    kept = int(waits["id"])
    now = clock.later(YEAR + 92)
    with own_code(old, "leif") as store, store.change(now):
        rows = store.catalogue.disclosures
        rows.remove(kept) if how == "struck" else rows.confirm(kept)
    purge(old)
    assert kept not in holes(old)
    assert "disclosure_differs" in _problems(old)


def test_what_came_with_a_time_that_was_ahead_waits_until_purges_are_past_it(old: World, clock: Clock) -> None:
    with own_code(old, "leif") as store:
        store.note(LogShown(), datetime.now(UTC) + timedelta(days=200))
    old.run(*FIND, who="siri")
    denied = max(each["seq"] for each in shown(old, "--denied"))
    clock.later(94)
    old.run("purge", "--allow-large", who="cron")
    clock.later(201)
    purge(old)
    clock.later(YEAR + 97)
    purge(old)
    assert denied not in holes(old)
    assert _problems(old) == {"entry_without_right"}, "of leif, who may not read the log"
    clock.later(YEAR + 203)
    purge(old)
    assert denied in holes(old)


def test_what_was_said_of_an_answer_that_left_is_kept_with_it(world: World, clock: Clock) -> None:
    world.take_in("one")
    answer = ("--identity", "login", "--out", str(world.base / "answer.html"))
    world.json("dsar", "90000001", *answer, who="sigrid")
    [waits] = world.json("recipients", "list", who="sigrid")["recipients"]
    world.delete_saved(str(waits["id"]), who="sigrid")
    for days in (1, 92, YEAR + 5, YEAR + 7):
        clock.later(days)
        purge(world)
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.parametrize("behind", [5 / 1440, 1 / 24])
def test_a_clock_that_was_corrected_makes_no_false_alarm_of_other_days(old: World, clock: Clock, behind: float) -> None:
    clock.later(YEAR + 92)
    purge(old)
    assert holes(old)
    clock.later(YEAR + 92 - behind)
    old.run("clock", "--accept", "--reason", "it was a little ahead", who="sigrid")
    set_days(old, 730)
    clock.later(YEAR + 93)
    assert old.json("verify", who="iver")["problems"] == []


def test_who_may_purge_cannot_say_it_where_the_policy_did_not_ask(old: World, clock: Clock) -> None:
    set_days(old, 1825)
    clock.later(YEAR + 93)
    purge(old)
    first = _purges(old)[0]
    searched = min(each["seq"] for each in shown(old, "--action", "find"))
    with emptied(old, "cron", searched) as change:
        change.log(EntriesForgotten(before=first, days=365, entries=[[searched, searched]]))
    assert "forgotten_unasked" in _problems(old)


@pytest.mark.parametrize("entries", [[[3, 10**9]], [[-1, 3]], [[5, 3]]])
def test_runs_that_are_none_hide_nothing(old: World, clock: Clock, entries: list[list[int]]) -> None:
    clock.later(YEAR + 93)
    purge(old)
    first = _purges(old)[0]
    with emptied(old, "cron", 3) as change:
        change.log(EntriesForgotten(before=first, days=365, entries=entries))
    assert "entry_changed" in _problems(old)


def test_a_purge_that_nobody_finished_who_may_ages_no_entry(world: World, clock: Clock) -> None:
    world.grant("leif", "quality")
    world.json(*FIND, who="leif")
    with own_code(world, "leif") as store:
        long_ago = datetime.now(UTC) - timedelta(days=500)
        store.note(LogShown(), long_ago)
        store.note(PurgeFinished(), long_ago)
    purge(world)
    assert holes(world) == set()
    assert _problems(world) == {"entry_without_right"}, "what leif wrote is what he may not say"


@given(st.sets(st.integers(0, 200)))
def test_runs_name_every_number_once_and_no_other(seqs: set[int]) -> None:
    runs = ranges(sorted(seqs))
    assert [seq for first, last in runs for seq in range(first, last + 1)] == sorted(seqs)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(runs))
