"""An edit keeps the id of a copy under review; what came in its place is said to who may hear its call."""

from __future__ import annotations

from typing import Any

import pytest

from arlo_rec.calls.training import under_review
from tests.support.attack import SECRETS, identity, own_code
from tests.support.backups import back_up, is_whole, lose, with_feed
from tests.support.copies import CONFIRM, SAID, WHY, propose
from tests.support.promises import plunder
from tests.support.world import REASON, World

pytestmark = pytest.mark.slow

EDIT = ("--add", "0.4-0.45")


def refusal(world: World, *words: str, who: str = "sigrid") -> tuple[int, str]:
    told = world.run(*words, "--json", who=who)
    return told.exit, told.json["error"]["code"]


def sounds(world: World) -> dict[str, bytes]:
    return plunder(world, [identity(world, name) for name in SECRETS]).sounds


def edited(world: World, recording: str, times: int = 1) -> str:
    copy = str(propose(world, recording)["copy"])
    for time in range(times):
        world.json("review", *SAID, copy, "--add", f"0.4-0.4{4 + time}", who="sigrid")
    return copy


def test_a_copy_keeps_its_id_through_edits_and_counts_its_revisions(world: World) -> None:
    (recording,) = world.take_in("a")
    made = propose(world, recording)
    copy = made["copy"]
    assert made["revision"] == 1
    for revision in (2, 3):
        changed = world.json("review", *SAID, copy[:8], *EDIT, who="sigrid")["copy"]
        assert (changed["copy"], changed["revision"], changed["state"]) == (copy, revision, "needs_review")
        assert len(sounds(world)) == 2, "of each revision but the newest nothing opens"
    (waiting,) = world.json("review", who="sigrid")["copies"]
    assert (waiting["copy"], waiting["revision"]) == (copy, 3)
    assert [task["id"] for task in world.json("todo", who="sigrid")["todo"] if task["kind"] == "review"] == [copy]
    table = world.run("review", "--lang", "en", who="sigrid").out.splitlines()
    assert (table[1].split()[0], table[1].split()[-2]) == (copy[:6], "3")
    assert world.json("review", copy[:6], *CONFIRM, who="sigrid")["copy"]["state"] == "ready"
    released = world.json("release", copy[:6], "--reason", WHY, who="sigrid")["copy"]
    assert released["copy"] != copy and released["revision"] == 3
    is_whole(world)


def test_the_log_tells_of_every_revision_under_the_id_of_the_copy(world: World) -> None:
    (recording,) = world.take_in("a")
    copy = edited(world, recording)
    world.json("review", copy, *CONFIRM, who="sigrid")
    released = world.json("release", copy, "--reason", WHY, who="sigrid")["copy"]["copy"]
    entries = world.json("audit", "show", "--recording", copy[:7], who="iver")["entries"]
    made = [entry["detail"] for entry in entries if entry["action"] == "pseudonymise" and entry["outcome"] == "done"]
    assert [detail["revision"] for detail in made] == [1, 2, 2]
    assert ("first" not in made[0], made[1]["first"]) == (True, copy)
    (confirmed,) = (entry["detail"] for entry in entries if "confirmed" in entry.get("detail", {}))
    assert confirmed == {"confirmed": True, "undecided": 2, "unheard": 0}
    assert entries[-1]["action"] == "release" and any(released in entry["recordings"] for entry in entries)


@pytest.mark.rule("data.pseudonymised")
def test_whoever_has_not_seen_what_another_edited_neither_confirms_nor_changes_it(world: World) -> None:
    (recording,) = world.take_in("a")
    world.grant("leif", "quality")
    copy = str(propose(world, recording)["copy"])
    world.json("review", *SAID, copy, who="leif")
    world.json("review", *SAID, copy, "--remove", "1", who="sigrid")
    for words in (("--confirm",), ("--remove", "1", *SAID)):
        assert refusal(world, "review", copy, *words, who="leif") == (14, "revision_not_seen")
        assert refusal(world, "review", copy, *words, who="leif") == (14, "revision_not_seen"), "nor the second time"
    assert refusal(world, "release", copy, "--reason", WHY, who="leif") == (14, "not_reviewed")
    assert len(world.json("review", *SAID, copy, who="leif")["copy"]["cuts"]) == 1
    assert world.json("review", copy, *CONFIRM, who="leif")["copy"]["state"] == "ready"


def test_a_revision_that_somebody_else_made_meanwhile_is_not_rejected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recording,) = world.take_in("a")
    copy = str(propose(world, recording)["copy"])
    real, done = under_review.erase, []

    def meanwhile(*words: Any) -> None:
        if not done:
            done.append(words)
            world.json("review", *SAID, copy, *EDIT, who="sigrid")
        real(*words)

    monkeypatch.setattr(under_review, "erase", meanwhile)
    assert refusal(world, "reject", copy, "--reason", WHY) == (2, "copy_changed")
    monkeypatch.undo()
    assert world.json("review", who="sigrid")["copies"][0]["revision"] == 2
    assert world.json("reject", copy, "--reason", WHY, who="sigrid")["copy"]["revision"] == 2
    assert len(sounds(world)) == 1
    is_whole(world)


@pytest.mark.rule("security.unauthorised")
def test_what_came_in_the_place_of_a_copy_is_told_to_who_may_hear_the_call_and_to_nobody_else(world: World) -> None:
    recording, other = world.take_in("a", "b")
    for name, purpose, *team in (("leif", "quality"), ("turid", "training")):
        world.grant(name, purpose, *team)
    copy = edited(world, recording)
    with own_code(world, "sigrid") as store:
        (inner,) = (row.id.hex() for row in store.catalogue.copies.every())
    world.json("review", copy, *CONFIRM, who="sigrid")
    released = world.json("release", copy, "--reason", WHY, who="sigrid")["copy"]["copy"]
    out = ("--reason", REASON, "--out", str(world.base / "x.wav"))
    for name in (copy, copy[:6], inner):
        for words in (
            ("review", *SAID, name),
            ("review", name, "--confirm"),
            ("release", name, "--reason", WHY),
            ("reject", name, "--reason", WHY),
            ("export", name, "--purpose", "quality", *out),
        ):
            told = world.run(*words, "--lang", "en", who="leif")
            assert (told.exit, f"replaced by {released[:6]};" in told.err) == (13, True), told
    unknown = {who: world.run("export", "0" * 32, "--purpose", "training", *out, who=who) for who in ("turid",)}
    assert world.run("export", copy, "--purpose", "training", *out, who="turid").err == unknown["turid"].err
    assert world.run("review", *SAID, copy, who="siri").exit == 13
    world.json("revoke", "leif", who="sigrid")
    world.grant("leif", "quality", "--team", "salg")
    words = ("--reason", WHY, "--lang", "en")
    told = world.run("release", copy, *words, who="leif")
    assert (told.exit, told.err) == (13, world.run("release", "0" * 32, *words, who="leif").err)
    rejected = str(propose(world, other)["copy"])
    world.json("reject", rejected, "--reason", WHY, who="sigrid")
    assert refusal(world, "review", *SAID, rejected) == (13, "no_grant"), "nothing came in its place"


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("signs", [32, 7])
def test_a_call_is_withdrawn_by_the_id_of_a_copy_of_it_that_was_edited(world: World, signs: int) -> None:
    (recording,) = world.take_in("a")
    copy = edited(world, recording, times=2)
    planned = world.json("withdraw", "--call", copy[:signs], "--dry-run", who="siri")["recordings"]
    assert recording in {one["id"] for one in planned} and len(planned) == 2
    assert world.json("withdraw", "--call", copy, "--yes", who="siri")["erased"] == 2
    assert not sounds(world)
    is_whole(world)


def test_an_edited_copy_is_restored_under_its_id_and_one_that_was_edited_since_the_backup_is_gone(fed: World) -> None:
    early, late = fed.take_in("a", "b")
    kept, since = edited(fed, early), edited(fed, late)
    back_up(fed)
    fed.json("review", *SAID, since, "--add", "0.45-0.48", who="sigrid")
    lose(fed)
    with_feed(fed)
    assert [one["copy"] for one in fed.json("review", who="sigrid")["copies"]] == [kept]
    assert fed.json("review", *SAID, kept, *EDIT, who="sigrid")["copy"]["revision"] == 3
    assert refusal(fed, "review", *SAID, since) == (13, "no_grant")
    is_whole(fed)
