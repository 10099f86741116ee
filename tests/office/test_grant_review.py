"""Every quarter each grant is confirmed or ended, with what the log says of its use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.model.records import Grant
from arlo_rec.office import grant_review
from arlo_rec.policy import Purpose
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("access.need"), pytest.mark.slow]
WHY = ("--purpose", "quality", "--reason", REASON)


@pytest.fixture
def next_quarter(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets a quarter begin now: what was given before is to be reviewed."""

    def begin() -> None:
        began = datetime.now(UTC)
        monkeypatch.setattr(grant_review, "quarter_began", lambda _: began)

    return begin


def review(world: World, *words: str, who: str = "sigrid") -> dict[str, Any]:
    return world.json("grants", "review", *words, who=who)


def test_a_new_quarter_lists_each_live_grant_with_its_use(world: World, next_quarter: Callable[[], None]) -> None:
    (recording,) = world.take_in("call")
    world.grant("leif")
    world.grant("turid")
    world.json("export", recording, *WHY, "--out", str(world.base / "a.wav"), who="leif")
    world.json("export", recording, *WHY, "--out", str(world.base / "b.wav"), who="leif")
    assert [each["due"] for each in review(world)["grants"]] == [False, False]
    next_quarter()
    told = {each["person"]: each for each in review(world)["grants"]}
    assert [(told[name]["heard"], told[name]["due"]) for name in ("leif", "turid")] == [(1, True), (0, True)]
    assert told["leif"]["last_heard"] is not None and told["turid"]["last_heard"] is None
    (task,) = (each for each in world.json("todo", who="sigrid")["todo"] if each["kind"] == "grants_review")
    assert "2 left" in world.run("todo", "--lang", "en", who="sigrid").out and task["id"]


def test_each_is_confirmed_or_ended_and_the_log_says_which(world: World, next_quarter: Callable[[], None]) -> None:
    leif, turid = world.grant("leif")["id"], world.grant("turid")["id"]
    next_quarter()
    told = review(world, "--confirm", leif[:8], "--end", turid)
    assert (told["confirmed"], told["ended"]) == ([leif], [turid])
    assert [(each["person"], each["due"]) for each in told["grants"]] == [("leif", False)]
    assert world.run("find", *WHY, who="turid").exit == 13
    assert world.run("find", *WHY, who="leif").exit == 0
    entries = world.json("audit", "show", who="iver")["entries"]
    assert {"confirm_grant", "revoke"} <= {each["action"] for each in entries}
    assert not any(each["kind"] == "grants_review" for each in world.json("todo", who="sigrid")["todo"])
    next_quarter()
    assert review(world, "--confirm", "all")["confirmed"] == [leif]


@pytest.mark.rule("access.officer")
def test_an_officer_confirms_none_of_her_own_where_another_could(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = ("--new-passphrase-file", str(world.base / "passphrase"))
    world.json("person", "add", "astrid", "--role", "officer", *secret, who="sigrid")
    later = datetime.now(UTC) + timedelta(days=8)  # they have known each other for long enough
    monkeypatch.setattr(Run, "now", lambda _: later)
    own = world.grant("sigrid")["id"]
    world.json("approve", own, who="astrid")
    monkeypatch.setattr(grant_review, "quarter_began", lambda _: later + timedelta(seconds=1))
    refused = world.run("grants", "review", "--confirm", own, "--json", who="sigrid")
    assert (refused.exit, refused.json["error"]["code"]) == (13, "not_second")
    assert review(world, "--confirm", "all", who="astrid")["confirmed"] == [own]


@pytest.mark.parametrize(
    ("words", "who", "told"),
    [
        (("review", "--confirm", "0" * 16), "sigrid", (4, "no_such_live_grant")),
        (("review", "--end", "0" * 16), "sigrid", (4, "no_such_live_grant")),
        (("review", "--all"), "sigrid", (2, "grants_words")),
        (("--confirm", "all"), "sigrid", (2, "grants_words")),
        (("reviews",), "sigrid", (2, "grants_words")),
        (("review",), "leif", (13, "not_your_role")),
        (("review", "--confirm", "all"), "iver", (13, "not_your_role")),
    ],
)
def test_what_was_typed_wrongly_or_by_the_wrong_person_is_told(
    world: World, words: tuple[str, ...], who: str, told: tuple[int, str]
) -> None:
    refused = world.run("grants", *words, "--json", who=who)
    assert (refused.exit, refused.json["error"]["code"]) == told


@pytest.mark.parametrize(
    ("now", "began"),
    [
        (datetime(2026, 11, 27, 12, tzinfo=UTC), datetime(2026, 9, 30, 22, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC)),
        (datetime(2026, 3, 31, 21, 59, tzinfo=UTC), datetime(2025, 12, 31, 23, tzinfo=UTC)),
        (datetime(2026, 3, 31, 22, 0, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC)),
    ],
)
def test_a_quarter_begins_at_midnight_in_oslo(now: datetime, began: datetime) -> None:
    assert grant_review.quarter_began(now) == began


def test_what_was_approved_or_confirmed_lately_is_reviewed() -> None:
    given = datetime(2026, 1, 1, tzinfo=UTC)
    grant = Grant("a", "leif", Purpose.QUALITY, None, given, given + timedelta(days=90), REASON, "sigrid", b"")
    assert grant_review._reviewed_at(grant) == given
