"""The person at the door: who changes the guidelines, with haste, by another's absence or by what a file says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.law.model.errors import Refused
from arlo_rec.law.model.records import RecordingId
from arlo_rec.law.model.times import end_of_day, local_date, start_of_day
from arlo_rec.vault.access import gate
from tests.support.attack import own_code
from tests.support.clock import later
from tests.support.policies import NEW_PROMPT, NEW_TEXT, another_release, became, new_prompt, propose, put, refused
from tests.support.world import World

pytestmark = pytest.mark.rule("purpose.change")


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def test_a_release_that_nobody_approved_and_a_clock_that_is_behind_can_be_put_right(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, days=30_000)
    world.json("audit", "show", who="iver")
    later(monkeypatch, days=0)
    another_release(monkeypatch, "rules")
    assert refused(world, 'version = "2026-02"\n') == (14, "retention.guard")
    world.json("clock", "--accept", "--reason", "the clock had jumped", who="sigrid")
    put(world, 'version = "2026-02"\n')
    assert world.code("todo", who="leif") == (0, "")


def test_where_the_second_officer_is_gone_she_is_removed_and_the_release_approved(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_release(monkeypatch, "rules")
    proposal = propose(two, 'version = "2026-02"\n')
    assert two.code("approve", proposal["id"], who="sigrid") == (13, "policy_needs_second")
    two.json("person", "remove", "astrid", "--yes", who="sigrid")
    later(monkeypatch, days=16)
    put(two, 'version = "2026-03"\n')
    assert two.code("todo", who="leif") == (0, "")


@pytest.mark.rule("retention.90d")
def test_a_change_of_something_else_says_that_it_brings_a_shorter_retention_forward(world: World) -> None:
    world.take_in("a", started=ago(days=40))
    day = (datetime.now(UTC) + timedelta(days=200)).date()
    put(world, f'version = "2026-02"\nfrom = {day}\nretention_days = 30\n')
    proposal = propose(world, 'version = "2026-03"\nmost_found = 70\n')
    assert [each["what"] for each in proposal["changes"]] == ["most_found", "retention_days"]
    assert proposal["consequences"] == [{"code": "due", "count": 1, "days": 30}]
    shown = world.json("policy", "show", proposal["id"], who="sigrid")["proposal"]
    assert (shown["changes"], shown["consequences"]) == (proposal["changes"], proposal["consequences"])


@pytest.mark.rule("consent.prompt")
def test_prompts_of_a_day_begin_and_end_at_midnight_in_oslo(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    day = local_date(datetime.now(UTC)) + timedelta(days=2)
    ends = f'[[prompt]]\nversion = "nb-2026-01"\nuntil = {day}\n'
    put(world, new_prompt().replace("\n", f"\nfrom = {day}\n", 1) + ends)
    later(monkeypatch, days=4)
    begin, end, second = start_of_day(day), end_of_day(day), timedelta(seconds=1)
    each = [became(world, NEW_PROMPT, started=at) for at in (begin - second, begin)]
    each += [became(world, "nb-2026-01", started=at) for at in (end - second, end)]
    assert each == [["prompt_unknown"], ["taken"], ["taken"], ["prompt_unknown"]]


@pytest.mark.parametrize(
    "text",
    [
        '[[reason]]\ncode="good"\nnb="a"\nen="a"\npurposes=[[]]',
        '[[prompt]]\nversion="nb-2026-12"\nlang="nb"\ntext="abc"\npurposes=[{}]',
    ],
)
def test_a_table_where_a_word_belongs_is_told_in_words(world: World, text: str) -> None:
    status, code = refused(world, f'version = "2026-02"\n{text}')
    assert status == 2 and code.startswith("policy_bad_")


def test_a_store_may_have_many_prompts(world: World) -> None:
    def table(number: int) -> str:
        name = f'[[prompt]]\nversion = "nb-2027-01.{number}"\nlang = "nb"\n'
        return f'{name}text = "{NEW_TEXT}"\npurposes = ["quality", "training"]\n'

    put(world, 'version = "2026-02"\n' + "".join(map(table, range(1, 101))))
    put(world, 'version = "2026-03"\n' + "".join(map(table, range(101, 151))))
    assert refused(world, 'version = "2026-04"\n' + "".join(map(table, range(151, 251)))) == (2, "policy_bad_value")


@pytest.mark.rule("retention.90d")
def test_a_recording_that_is_open_closes_when_its_retention_is_shortened(world: World) -> None:
    [call] = world.take_in("call", started=ago(days=40))
    with own_code(world, "sigrid") as store:
        row = store.catalogue.recordings.held(RecordingId(bytes.fromhex(call)))
        assert row is not None and gate.still_held(store, row, datetime.now(UTC)) == row
        put(world, 'version = "2026-02"\nretention_days = 30\n')
        store.load_documents()
        with pytest.raises(Refused):
            gate.still_held(store, row, datetime.now(UTC))
