"""What old entries of the log tell of what people did is deleted when the policy says so; the tree stays whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.commands.run import Run
from arlo_rec.erasure.old_entries import ranges
from arlo_rec.log import events
from arlo_rec.log.events import (
    EntriesForgotten,
    Forgettable,
    LogShown,
    PurgeFinished,
)
from tests.support.attack import own_code
from tests.support.backups import back_up, lose, with_feed
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
    world.json("recipients", "confirm", str(waits[0]["id"]), who="leif")
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
    old.json("recipients", "confirm", str(kept), who="leif")
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


def test_it_happens_at_most_once_a_day_and_goes_on_from_there(old: World, clock: Clock) -> None:
    for hours in (0, 1, 2, 30):
        clock.later(YEAR + 92 + hours / 24)
        purge(old)
    forgets = [each for each in shown(old) if each["action"] == "forget"]
    assert len(forgets) <= 2
    ends = [each["detail"]["before"] for each in forgets]
    assert ends == sorted(set(ends))
    sound(old)


def test_a_restored_store_forgets_again_and_a_new_feed_holds_nothing_of_it(fed: World, clock: Clock) -> None:
    lived(fed, clock)
    clock.later(YEAR + 92)
    back_up(fed)
    purge(fed)
    gone = holes(fed)
    assert gone
    assert fed.json("verify", who="iver")["problems"] == []
    feed = feed_path(fed)
    assert REASON in feed.read_text("utf-8")
    first = feed.read_bytes().split(b"\n")[0]
    feed.write_bytes(first + b"\n")  # as the guide for IT says: a new feed with the first line of the old one
    assert fed.json("status", who="cron")["feed"]["behind"] == 0
    searched = json.dumps({"action": "find"})[1:-1].replace(" ", "")
    assert searched not in feed.read_text("utf-8")
    assert fed.json("verify", who="iver")["problems"] == []
    lose(fed)
    with_feed(fed)
    clock.later(YEAR + 94)
    purge(fed)
    assert holes(fed) >= gone
    assert fed.json("verify", who="iver")["problems"] == []


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
    world.json("recipients", "confirm", str(waits["id"]), who="sigrid")
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
