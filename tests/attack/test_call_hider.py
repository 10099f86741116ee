"""Somebody with own code who hides a call from the answer to the person whose call it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.answers import opened
from tests.support.catalogue import insider
from tests.support.world import Result, World, assert_no_bug

pytestmark = pytest.mark.rule("access.subject")
CALLED = ("--identity", "called-back")


def put(world: World, call: str, **columns: object) -> None:
    """Write columns of a recording's row, as anybody's own code does."""
    with insider(world) as db:
        for column, value in columns.items():
            db.run(f"UPDATE recordings SET {column} = ? WHERE id = ?", (value, bytes.fromhex(call)))


def asked(world: World, caller: str = "90000001", *more: str) -> Result:
    out = world.base / f"answer-{len(list(world.base.glob('answer-*')))}.html"
    return world.run("dsar", caller, *CALLED, "--lang", "en", "--out", str(out), "--json", *more, who="sigrid")


def inside(world: World, told: Result) -> tuple[str, dict[str, Any], list[str]]:
    """The letter, the data and the names of the files of an answer."""
    out = max(world.base.glob("answer-*"))
    content = opened(out.read_bytes(), told.json["passphrase"].encode())
    return content["letter_html"], json.loads(content["bodies"]["data.json"]), sorted(content["bodies"])


@pytest.mark.parametrize("to", ["somebody", "nobody", "a customer"])
def test_a_call_that_was_written_to_somebody_else_is_in_the_answer_to_whoever_made_it(world: World, to: str) -> None:
    hers, other = world.take_in("hers", "other", seconds=1)
    (his,) = world.take_in("his", caller="+4790000002", seed=7, seconds=1)
    with insider(world) as db:
        ((tag,),) = db.rows("SELECT caller FROM recordings WHERE id = ?", (bytes.fromhex(his),))
    put(world, hers, caller={"somebody": bytes(16), "nobody": None, "a customer": tag}[to])
    told = asked(world)
    assert (told.exit, told.json["recordings"], told.json["changed"]) == (0, 2, [])
    letter, data, files = inside(world, told)
    assert {facts["id"] for facts in data["recordings"]} == {hers, other}
    assert {"accesses.json", "recording-01.mp3", "recording-02.mp3"} <= set(files)
    assert "we cannot tell whose they are" not in letter
    theirs = asked(world, "90000002")
    assert (theirs.json["recordings"], hers in json.dumps(inside(world, theirs)[1])) == (1, False)
    assert_no_bug(world)


def test_a_call_of_which_nobody_can_tell_is_told_to_the_officer_and_in_the_letter(world: World) -> None:
    hers, other = world.take_in("hers", "other", seconds=1)
    put(world, hers, caller=bytes(16), team="another")
    told = asked(world)
    assert (told.exit, told.json["recordings"], told.json["changed"]) == (15, 1, [hers])
    letter, data, _ = inside(world, told)
    assert [facts["id"] for facts in data["recordings"]] == [other]
    assert data["unclear"] == 1
    assert "Number of such recordings, copies included: 1." in letter
    said = world.run("dsar", "90000001", "--out", str(world.base / "words.html"), who="sigrid")
    assert (said.exit, hers in said.out) == (15, True)
    newest = world.json("audit", "show", "--action", "dsar", "--outcome", "denied", who="iver")["entries"]
    assert {entry["detail"]["code"] for entry in newest} == {"recording_changed"}
    put(world, hers, team="kundeservice")  # with its team it is surely hers again
    assert asked(world).json["recordings"] == 2


def test_a_withdrawal_and_an_answer_find_the_same(world: World) -> None:
    hers, _, odd = world.take_in("hers", "other", "odd", seconds=1)
    put(world, hers, caller=bytes(16))
    put(world, odd, caller=bytes(16), team="another")
    told = asked(world)
    _, data, _ = inside(world, told)
    planned = world.run("withdraw", "90000001", "--dry-run", "--json", who="siri")
    assert {facts["id"] for facts in data["recordings"]} == {each["id"] for each in planned.json["recordings"]}
    assert told.json["changed"] == planned.json["changed"] == [odd]
