"""The person at the door: access requests that are typed oddly, answered twice, forgotten, or refused meanwhile."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.law.model.times import local_date
from arlo_rec.people.dsar import request
from tests.support.clock import later
from tests.support.world import World

pytestmark = pytest.mark.rule("access.subject")
CALLED = ("--identity", "called-back")
SHORT = {"seconds": 0.2}
WHY = "nobody could tell who asks"


def ask(world: World, *words: str, name: str = "answer.html") -> dict[str, Any]:
    """Answer a request; what the command told."""
    return world.json("dsar", *words, "--out", str(world.base / name), who="sigrid")


@pytest.mark.parametrize("delivered", ["NFC", "NFD"])
def test_an_employee_is_found_however_the_name_is_written(world: World, delivered: Any) -> None:
    world.take_in("a", agent=unicodedata.normalize(delivered, "Åse  Bø"), **SHORT)
    for typed in ("Åse Bø", unicodedata.normalize("NFD", "åse bø "), "ÅSE BØ"):
        known = ("--identity", "login", "--case", "new")
        assert world.json("case", "open", "--agent", typed, *known, who="sigrid")["recordings"] == 1


def test_a_case_that_is_refused_while_its_answer_is_written_has_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a", **SHORT)
    case = world.json("case", "open", "90000001", *CALLED, who="sigrid")["case"]["id"]
    kept = request.sealed

    def meanwhile(*words: Any) -> Any:
        world.json("case", "refuse", case, "--ground", "unfounded", "--reason", WHY, who="sigrid")
        return kept(*words)

    monkeypatch.setattr(request, "sealed", meanwhile)
    out = world.base / "x.html"
    assert world.code("dsar", "90000001", "--out", str(out), who="sigrid") == (14, "case_is_refused")
    assert not out.exists()
    assert world.json("case", "show", case, who="sigrid")["case"]["sha256"] is None


def test_an_answered_case_that_is_closed_with_a_reason_has_no_letter_of_no_answer(world: World) -> None:
    case = ask(world, "90000001", *CALLED)["case"]["id"]
    told = world.json("case", "close", case, "--reason", "handed over at the counter", who="sigrid")
    assert "letter" not in told


@pytest.mark.parametrize("days", [130, 400])
def test_a_request_that_was_forgotten_for_months_can_be_entered_with_its_true_day(world: World, days: int) -> None:
    received = str(local_date(datetime.now(UTC) - timedelta(days=days)))
    case = world.json("case", "open", "90000001", *CALLED, "--received", received, who="sigrid")["case"]["id"]
    assert [each["case"] for each in world.json("status", who="iver")["requests"]] == [case]


def test_a_case_that_waits_for_its_answer_stays_until_90_days_after_its_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.json("case", "open", "90000001", *CALLED, who="sigrid")
    for days, left in ((1, 1), (117, 1), (130, 0)):  # a month for the answer, then 90 days
        later(monkeypatch, days=days)
        world.json("purge", "--allow-large", who="cron")
        assert len(world.json("case", "list", who="sigrid")["cases"]) == left, days


def test_an_answered_request_is_not_entered_again_where_nobody_would_watch_it(world: World) -> None:
    ask(world, "90000001", *CALLED)
    assert world.code("case", "open", "90000001", *CALLED, who="sigrid") == (14, "case_is_answered")


@pytest.mark.parametrize(
    "words",
    [
        ("dsar", "--agent", "\udcff\udcfe", "--out", "x.html"),
        ("case", "open", "--reference", "\udcff"),
        ("dsar", "90000001", "--only", "\udcff", "--out", "x.html"),
    ],
)
def test_bytes_that_are_no_text_are_refused(world: World, words: tuple[str, ...]) -> None:
    world.take_in("a", **SHORT)
    told = world.run(*words, *CALLED, "--json", who="sigrid")
    assert told.exit in (2, 4), told
