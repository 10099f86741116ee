"""The figures of consents: what counts and in which week, and that nobody can be found in them."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.log.events import AuditEvent, CallDeclined, CallTakenIn, CopyMade, Withdrawn
from arlo_rec.law.model.records import RecordingId
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.law.model.times import iso_week, week_of
from arlo_rec.people.consent import figures
from arlo_rec.people.consent.figures import FEWEST, KINDS, without_small
from arlo_rec.policy import ZONE
from tests.support import world as worlds
from tests.support.attack import own_code
from tests.support.backups import back_up, is_whole, lose, with_feed
from tests.support.clock import later
from tests.support.copies import propose
from tests.support.intake import denials, ingest, left, problems
from tests.support.properties import examples
from tests.support.world import World

NO = {"key": "2"}
PROMPT = "nb-2026-01"
NUMBERS = "+47900000{:02d}"


# In the first hours of a week a call of an hour ago and a withdrawal of now lie in two: these tests run after them.
_LOCAL = datetime.now(ZoneInfo(ZONE))
AHEAD = 3 if _LOCAL.isoweekday() == 1 and _LOCAL.hour < 2 else 0  # hours


def now() -> datetime:
    return datetime.now(UTC) + timedelta(hours=AHEAD)


class Ahead(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + timedelta(hours=AHEAD)


@pytest.fixture(scope="module", autouse=True)
def _ahead() -> Iterator[None]:
    """The clock of commands and of the telephone exchange."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worlds, "datetime", Ahead)
        later(patch, hours=AHEAD)
        yield


def stats(world: World, *words: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = world.json("consent", "stats", *words, who="sigrid")["weeks"]
    return shown


def row(week: str, given: int | None, declined: int | None, withdrawn: int | None, prompt: str = PROMPT) -> Any:
    return {"week": week, "prompt": prompt, "given": given, "declined": declined, "withdrawn": withdrawn}


def this_week() -> str:
    return iso_week(now() - timedelta(hours=1))


def decline(world: World, *stems: str, more: tuple[str, ...] = (), **how: Any) -> None:
    for stem in stems:
        world.deliver(stem, **{"consent": NO, **how})
    ingest(world, *more, exit=3)


# -- what counts --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.rule("consent.press2")
def test_given_declined_and_withdrawn_are_counted_by_the_calls_that_were_delivered(world: World) -> None:
    calls = world.take_in("a", "b", "c", "d")
    decline(world, "e", "f", "g")
    assert stats(world) == [row(this_week(), 4, 3, None)]
    for call in calls[:3]:
        world.json("withdraw", "--call", call, "--yes", who="skranke")
    assert stats(world) == [row(this_week(), 4, 3, 3)]


@pytest.mark.slow
def test_a_withdrawal_that_erases_three_calls_counts_three_and_their_copies_none(world: World) -> None:
    calls = world.take_in("a", "b", "c")
    propose(world, calls[0])
    assert world.json("withdraw", "90000001", "--yes", who="skranke")["erased"] == 4
    assert stats(world) == [row(this_week(), 3, None, 3)]


@pytest.mark.slow
def test_what_a_purge_erased_still_counts_and_not_as_withdrawn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take_in("a", "b", "c")
    week = this_week()
    later(monkeypatch, hours=AHEAD, days=100)
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 3
    assert stats(world) == [row(week, 3, None, None)]


@pytest.mark.slow
def test_a_call_that_is_delivered_late_counts_in_the_week_of_its_key_press(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = now() - timedelta(hours=1)
    for stem in "abcdef":
        world.deliver(stem, started=started, seed=ord(stem), **({"consent": NO} if stem in "def" else {}))
    later(monkeypatch, hours=AHEAD, days=30)
    world.catch_up()
    ingest(world, exit=3)
    assert stats(world) == [row(iso_week(started), 3, 3, None)]


@pytest.mark.slow
def test_a_withdrawal_counts_in_its_own_week(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take_in("a", "b", "c")
    given = this_week()
    later(monkeypatch, hours=AHEAD, days=21)
    world.json("withdraw", "90000001", "--yes", who="skranke")
    withdrawn = iso_week(now() + timedelta(days=21))
    assert stats(world) == [row(withdrawn, None, None, 3), row(given, 3, None, None)]


def test_a_week_begins_on_monday_at_midnight_in_oslo() -> None:
    assert iso_week(datetime(2026, 9, 27, 21, 59, tzinfo=UTC)) == "2026-W39"
    assert iso_week(datetime(2026, 9, 27, 22, 0, tzinfo=UTC)) == "2026-W40"
    assert iso_week(datetime(2027, 1, 3, 22, 59, tzinfo=UTC)) == "2026-W53"


@pytest.mark.slow
def test_prompts_are_counted_apart(world: World) -> None:
    for prompt in ("en-2026-01", PROMPT):
        for number in range(3):
            world.deliver(f"{prompt}-{number}", seed=number, consent={"prompt": prompt})
    ingest(world, exit=0)
    assert stats(world) == [row(this_week(), 3, None, None, prompt) for prompt in ("en-2026-01", PROMPT)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        {"consent": {"key": None}},
        {"consent": {"key": "3"}},
        {"consent": {"key": 2}},
        {"consent": {"key": "2 "}},
        {"consent": {"key": "2", "at": None}},
        {"consent": {"key": "2", "prompt": "nb-1999-01"}},
        {"consent": {"key": "2", "at": "2199-01-01T00:00:00Z"}},
        {"consent": {"key": "2", "at": "2026-01-02T00:00:00Z"}},
        {"consent": {"key": "2"}, "direction": "outbound"},
    ],
    ids=str,
)
def test_no_answer_is_not_declined(world: World, how: dict[str, Any]) -> None:
    for stem in "abc":
        world.deliver(stem, **how)
    ingest(world, exit=3)
    assert stats(world) == []


@pytest.mark.slow
def test_who_says_no_before_the_prompt_ends_declined(world: World) -> None:
    decline(world, "a", "b", "c", consent={"key": "2", "prompt_completed": False})
    assert stats(world) == [row(this_week(), None, 3, None)]


@pytest.mark.slow
def test_a_call_that_was_declined_and_so_has_no_sound_counts(world: World) -> None:
    for stem in "abc":
        world.deliver(stem, consent=NO)
        (world.spool / f"{stem}.wav").unlink()
    assert ingest(world, exit=0)["declined"] == 3
    assert stats(world) == [row(this_week(), None, 3, None)]


# -- once -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_call_that_is_delivered_twice_counts_once(world: World) -> None:
    world.take_in("a", "b", "c")
    before = {path.name: path.read_bytes() for path in _deliver_all(world, "abc")}
    ingest(world, exit=0)
    _put_back(world, before)
    assert len(ingest(world, exit=0)["duplicates"]) == 3
    assert stats(world) == [row(this_week(), 3, None, None)]


def _deliver_all(world: World, stems: str) -> list[Path]:
    started = now() - timedelta(hours=1)
    return [world.deliver(stem, started=started, seed=seed) for seed, stem in enumerate(stems)]


def _put_back(world: World, manifests: dict[str, bytes]) -> None:
    for seed, (name, raw) in enumerate(manifests.items()):
        world.deliver(name.removesuffix(".json"), seed=seed)
        (world.spool / name).write_bytes(raw)


@pytest.mark.slow
def test_a_refused_file_that_lies_in_the_spool_for_days_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    decline(world, "a", "b", "c", more=("--keep-source",))
    week = this_week()
    for days in range(1, 5):
        later(monkeypatch, hours=AHEAD, days=days)
        ingest(world, "--keep-source", exit=3)
        world.json("purge", who="cron")
    assert stats(world) == [row(week, None, 3, None)]


@pytest.mark.slow
def test_a_declined_call_that_is_moved_changed_or_removed_and_sent_again_counts_once(world: World) -> None:
    started = now() - timedelta(hours=1)
    for team in ("kundeservice", "teknisk"):
        decline(world, "a", "b", "c", started=started, team=team, more=("--keep-source",))
    for stem in "abc":
        for ending in (".wav", ".json"):
            (world.spool / f"{stem}{ending}").rename(world.spool / f"moved-{stem}{ending}")
        manifest = world.spool / f"moved-{stem}.json"
        manifest.write_text(manifest.read_text("utf-8").replace(f'"{stem}.wav"', f'"moved-{stem}.wav"'), "utf-8")
    ingest(world, exit=3)
    assert left(world) == set()
    decline(world, "a", "b", "c", started=started)
    assert len(denials(world)) == 9  # the last are those of the beginning, byte for byte
    assert stats(world) == [row(this_week(), None, 3, None)]


@pytest.mark.slow
def test_a_refusal_is_one_more_line_of_the_log_and_it_names_no_call(world: World) -> None:
    decline(world, "a", caller="+4790000077")
    (entry,) = world.json("audit", "show", "--action", "decline", who="iver")["entries"]
    assert entry["detail"] == {"prompt": PROMPT, "week": this_week()}
    assert not entry.keys() & {"recordings", "reason", "purpose"}
    status = world.json("status", who="iver")
    assert (status["refused"], status["recorded_unasked"]) == ([], 1)


# -- nobody can be found ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("count", range(5))
def test_a_figure_under_three_is_no_figure_and_neither_is_nought(world: World, count: int) -> None:
    world.take_in(*"abcd"[:count]) if count else None
    decline(world, *(f"no-{number}" for number in range(4)))
    shown = count if count >= FEWEST else None
    assert stats(world) == [row(this_week(), shown, 4, None)]
    text = world.run("consent", "stats", who="sigrid").out
    assert re.search(rf"{PROMPT} +{'<3' if shown is None else shown} +4 +<3", text)


@pytest.mark.slow
def test_where_every_figure_is_hidden_the_row_is_the_same_for_one_call_and_for_six(world: World) -> None:
    assert stats(world) == []
    world.take_in("a")
    one = world.run("consent", "stats", who="sigrid").out
    world.take_in("b")
    decline(world, "c", "d")
    world.json("withdraw", "90000001", "--yes", who="skranke")
    assert stats(world) == [row(this_week(), None, None, None)]
    assert world.run("consent", "stats", who="sigrid").out == one


@pytest.mark.slow
def test_no_choice_of_days_parts_a_week(world: World) -> None:
    """Else the figure of a part, and so of the rest, could be worked out from two answers."""
    world.take_in("a", "b", "c")
    monday = date.fromisocalendar(int(this_week()[:4]), int(this_week()[6:]), 1)
    for first in range(7):
        begin = (monday + timedelta(days=first)).isoformat()
        assert stats(world, "--from", begin) == stats(world, "--to", begin) == [row(this_week(), 3, None, None)]
    assert stats(world, "--from", (monday + timedelta(days=7)).isoformat()) == []
    assert stats(world, "--to", (monday - timedelta(days=1)).isoformat()) == []


@pytest.mark.slow
def test_no_answer_has_a_sum_or_names_a_call(world: World) -> None:
    ids = world.take_in(*"abcde", caller="+4790000077", agent="Prøve Prøvesen")
    decline(world, "f", "g")
    answers = [world.run("consent", "stats", *form, who="sigrid").out for form in ((), ("--json",), ("--csv",))]
    for answer in answers:
        assert re.search(r"(?<![\dW])5(?!\d)", answer)
        assert not re.search(r"(?<![\dW])7(?!\d)", answer)
        assert not any(word in answer for word in (*ids, "90000077", "Prøvesen", "kundeservice", "telefon"))


COUNTS = st.dictionaries(
    st.tuples(
        st.integers(0, 60).map(lambda week: week_of(date(2026, 1, 5) + timedelta(weeks=week))),
        st.sampled_from(["nb-2026-01", "en-2026-01", "nb-2025-01"]),
        st.sampled_from(KINDS),
    ),
    st.integers(0, 8),
)


@examples(300)
@given(COUNTS)
def test_what_is_told_is_every_figure_of_three_or_more_and_no_other(counts: dict[tuple[str, str, str], int]) -> None:
    rows = without_small(counts)
    shown = {
        (row.week, row.prompt, kind): figure
        for row in rows
        for kind, figure in zip(KINDS, row.figures(), strict=True)
        if figure is not None
    }
    assert shown == {place: count for place, count in counts.items() if count >= FEWEST}
    assert [(row.week, row.prompt) for row in rows] == sorted(
        {place[:2] for place, count in counts.items() if count},
        key=lambda place: (-int(place[0].replace("-W", "")), place[1]),
    )


@examples(300)
@given(COUNTS, st.data())
def test_two_stores_that_differ_in_figures_under_three_alone_tell_the_same(
    counts: dict[tuple[str, str, str], int], data: st.DataObject
) -> None:
    """So nobody learns from an answer which of the three it was, or whether it was one caller or two."""
    places = {place[:2] for place, count in counts.items() if count}
    other = {
        (*place, kind): counts.get((*place, kind), 0)
        if counts.get((*place, kind), 0) >= FEWEST
        else data.draw(st.integers(0, 2))
        for place in places
        for kind in KINDS
    }
    for place in places:  # something was counted there all the same
        if not any(other[*place, kind] for kind in KINDS):
            other[*place, data.draw(st.sampled_from(KINDS))] = 1
    assert without_small(other) == without_small(counts)


# -- against an independent count ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_delivered_and_withdrawn_is_counted_as_a_list_of_it_counts(world: World, seed: int) -> None:
    chance, counts, held = random.Random(seed), Counter[tuple[str, str, str]](), list[tuple[str, str]]()
    today = now()
    for number in range(45):
        started = today - timedelta(days=chance.choice((1, 8, 15)), minutes=number)
        key, prompt = chance.choice("1122x"), chance.choice((PROMPT, "en-2026-01"))
        caller = NUMBERS.format(chance.randrange(12))
        world.deliver(f"c{number}", started=started, seed=number, caller=caller, consent={"key": key, "prompt": prompt})
        if key in "12":
            counts[iso_week(started), prompt, "given" if key == "1" else "declined"] += 1
        if key == "1":
            held.append((caller, prompt))
    ingest(world, exit=3)
    for caller in sorted({each for each, _ in held})[:6]:
        world.json("withdraw", caller, "--yes", who="skranke")
        for other, prompt in held:
            counts[iso_week(today), prompt, "withdrawn"] += other == caller
    shown = {(each["week"], each["prompt"], kind): each[kind] for each in stats(world) for kind in KINDS if each[kind]}
    assert shown == {place: count for place, count in counts.items() if count >= FEWEST}


@examples(200)
@given(
    st.sampled_from([PROMPT, "en.2", "a" * 41, "nb 1"]) | st.text(max_size=8),
    st.sampled_from(["2026-W40", "2026-W4", "W40"]) | st.text(max_size=8),
    st.sampled_from(["allowed", "denied"]),
    st.text(max_size=5),
)
def test_an_entry_that_is_not_parsed_is_read_as_if_it_were(prompt: str, week: str, outcome: str, person: str) -> None:
    event = CallTakenIn(recordings=(RecordingId(bytes(16)),), sworn="0" * 64, prompt=prompt, week=week)
    body = {**event.to_json(), "outcome": outcome, "at": "2026-10-01T08:00:00Z", "person": person, "policy": "2026-01"}
    entry = figures._read(canonical(body))
    if outcome == "denied":
        assert entry is None
    else:
        assert entry is not None
        read, of_week = entry
        assert (getattr(read, "prompt", None), of_week) == (prompt, week)


# -- whose word counts --------------------------------------------------------------------------------


def append(world: World, who: str, *events: AuditEvent) -> None:
    with own_code(world, who) as store, store.change(now()) as change:
        for event in events:
            change.log(event)


def made_up() -> list[AuditEvent]:
    week, recording = this_week(), RecordingId(bytes(16))
    taken = CallTakenIn(recordings=(recording,), sworn="0" * 64, prompt=PROMPT, week=week)
    return [*[taken] * 5, *[CallDeclined(prompt=PROMPT, week=week)] * 5]


@pytest.mark.slow
def test_a_call_that_own_code_withdraws_again_counts_in_the_week_in_which_it_went(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = world.take_in("a", "b", "c")
    week = this_week()
    for call in calls:
        world.json("withdraw", "--call", call, "--yes", who="skranke")
    ids = tuple(RecordingId(bytes.fromhex(call)) for call in calls)
    again = Withdrawn(rule="consent.withdraw", recordings=ids, count=3, tombstones="0" * 64)
    with own_code(world, "siri") as store:
        store.note(again, now() + timedelta(days=8))
    later(monkeypatch, days=9)
    assert stats(world) == [row(week, 3, None, 3)]


@pytest.mark.slow
def test_a_copy_that_a_withdrawal_is_said_to_erase_is_no_call(world: World) -> None:
    calls = world.take_in("a", "b", "c")
    made = [RecordingId(bytes([number]) * 16) for number in range(1, 4)]
    with own_code(world, "sigrid") as store, store.change(now()) as change:
        for copy in made:  # with the detail of a call, as only own code writes it
            seq = change.log(CopyMade(recordings=(copy,), sworn="0" * 64, parent=calls[0], state="released"))
            change.bodies[-1]["detail"] |= {"prompt": PROMPT, "week": this_week()}
            assert seq
    append(world, "sigrid", Withdrawn(rule="consent.withdraw", recordings=tuple(made), count=3, tombstones="0" * 64))
    assert stats(world) == [row(this_week(), 3, None, None)]


# -- what lasts ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_restore_keeps_the_figures(fed: World) -> None:
    calls = fed.take_in("a", "b", "c", "d")
    back_up(fed)
    decline(fed, "e", "f", "g")
    for call in calls[:3]:
        fed.json("withdraw", "--call", call, "--yes", who="skranke")
    before = stats(fed)
    assert before == [row(this_week(), 4, 3, 3)]
    lose(fed)
    with_feed(fed)
    is_whole(fed)
    assert stats(fed) == before


@pytest.mark.slow
def test_figures_lose_nothing_when_the_log_forgets_what_people_did(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a", "b", "c")
    decline(world, "d", "e", "f")
    world.json("withdraw", "90000001", "--yes", who="skranke")
    before = stats(world)
    for days in (1, 380, 390):
        later(monkeypatch, hours=AHEAD, days=days)
        world.json("purge", "--allow-large", who="cron")
    assert world.json("audit", "report", who="iver")["forgotten_until"] is not None
    assert stats(world) == before == [row(this_week(), 3, 3, 3)]


@pytest.mark.slow
def test_the_store_is_whole_after_calls_were_declined(world: World) -> None:
    decline(world, "a", "b")
    assert problems(world) == []


# -- the command --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("who", ["leif", "siri", "iver", "telefon", "cron", "skranke"])
def test_figures_are_for_officers(world: World, who: str) -> None:
    assert world.code("consent", "stats", who=who) == (13, "not_your_role")


@pytest.mark.slow
def test_a_look_at_the_figures_is_in_the_log_before_they_are_shown(world: World) -> None:
    stats(world)
    newest = world.json("audit", "show", "--limit", "2", who="iver")["entries"][0]
    assert (newest["action"], newest["person"]) == ("audit_show", "sigrid")


@pytest.mark.slow
def test_the_newest_rows_come_first_and_a_limit_leaves_out_the_oldest(world: World) -> None:
    today = now()
    for days in (1, 8, 15):
        for stem in "abc":
            world.deliver(f"{stem}{days}", started=today - timedelta(days=days), seed=days + ord(stem))
    ingest(world, exit=0)
    every = stats(world)
    assert [each["week"] for each in every] == [iso_week(today - timedelta(days=days)) for days in (1, 8, 15)]
    assert stats(world, "--limit", "2") == every[:2]
    assert "1" in world.run("consent", "stats", "--limit", "2", who="sigrid").out.splitlines()[-1]
    assert world.code("consent", "stats", "--limit", "0", who="sigrid") == (2, "bad_limit")


@pytest.mark.slow
def test_csv_has_an_empty_cell_where_a_figure_is_hidden(world: World) -> None:
    world.take_in("a", "b", "c")
    text = world.run("consent", "stats", "--csv", who="sigrid").out
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"week": this_week(), "prompt": PROMPT, "given": "3", "declined": "", "withdrawn": ""}
    ]


@pytest.mark.slow
def test_an_answer_is_the_same_document_twice(world: World) -> None:
    world.take_in("a", "b", "c")
    assert json.dumps(stats(world)) == json.dumps(stats(world))
