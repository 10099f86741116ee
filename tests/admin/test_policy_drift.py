"""What nobody approved closes the store: a program that does or says something else, a policy unknown to the log.

The program is changed as a release would change it: by the parts that it says it has.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from arlo_rec.model.policy_versions import Policy
from tests.support.attack import own_code
from tests.support.backups import back_up, lose, restore
from tests.support.policies import another_release, propose, put
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("purpose.change"), pytest.mark.slow]
CLOSED = (
    (("find", "--purpose", "quality", "--reason", REASON), "leif"),
    (("ingest", "SPOOL"), "telefon"),
    (("grant", "leif", "--purpose", "quality", "--reason", REASON), "sigrid"),
    (("withdraw", "+4790000001", "--yes"), "siri"),
    (("purge",), "cron"),
    (("todo",), "leif"),
    (("find", "--teams"), "sigrid"),
    (("audit", "show"), "iver"),
    (("person", "list"), "sigrid"),
    (("case", "list"), "sigrid"),
)


@pytest.mark.parametrize(("words", "who"), CLOSED, ids=lambda value: value[0] if isinstance(value, tuple) else value)
def test_a_release_that_nobody_approved_opens_to_no_command_but_those_that_look_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], who: str
) -> None:
    world.spool.mkdir(exist_ok=True)
    words = tuple(str(world.spool) if word == "SPOOL" else word for word in words)
    size = world.json("audit", "verify", who="iver")["size"]
    another_release(monkeypatch, "numbers")
    answer = world.run(*words, "--json", who=who)
    assert (answer.exit, answer.json["error"]["code"], answer.json["error"]["rule"]) == (
        *(14, "policy_drift", "purpose.change"),
    )
    monkeypatch.undo()
    assert world.json("audit", "verify", who="iver")["size"] == size, "nothing was done"


def test_nothing_but_the_policy_is_decided_while_nobody_approved_what_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = world.json("request", "--purpose", "quality", "--reason", REASON, who="leif")["request"]["id"]
    another_release(monkeypatch, "rights")
    for words in (("approve", asked), ("deny", asked, "--reason", REASON), ("approve", "0" * 16)):
        assert world.code(*words, who="sigrid") == (14, "policy_drift")
    proposal = propose(world, 'version = "2026-02"\n')
    world.json("deny", proposal["id"], "--reason", REASON, who="sigrid")
    world.json("approve", propose(world, 'version = "2026-02"\n')["id"], who="sigrid")
    assert world.json("approve", asked, who="sigrid")["grant"]["state"] == "live"


def test_the_commands_that_look_after_it_say_what_changed_until_officers_approve_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_release(monkeypatch, "rights", "rules")
    check = world.run("policy", "check", "--json", who="iver")
    assert check.exit == 14
    assert check.json["drift"] == [{"what": "rights", "where": "program"}, {"what": "rules", "where": "program"}]
    assert "policy_drift" in world.json("status", who="iver")["critical"]
    assert world.json("verify", who="iver")["problems"] == []
    assert world.json("policy", "show", who="leif")["version"] == "2026-01"
    proposal = propose(world, 'version = "2026-02"\n')
    assert [each["what"] for each in proposal["changes"]] == ["program rights", "program rules"]
    assert world.code("find", "--teams", who="sigrid") == (14, "policy_drift"), "a proposal is not an approval"
    world.json("approve", proposal["id"], who="sigrid")
    assert world.code("find", "--teams", who="sigrid") == (0, "")
    assert world.json("policy", "check", who="iver")["drift"] == []
    monkeypatch.undo()
    assert world.code("find", "--teams", who="sigrid") == (14, "policy_drift"), "the release before is another one now"


def test_a_policy_that_no_entry_approves_closes_the_store_although_an_officer_signed_it(world: World) -> None:
    put(world, 'version = "2026-02"\nmost_found = 60\n')
    assert world.code("find", "--teams", who="sigrid") == (0, "")
    with own_code(world, "sigrid") as store, store.change(datetime.now(UTC)):
        ours = replace(store.policy.newest, version="2026-03", retention_days=1)
        store.put(Policy((*store.policy.versions, ours)))
    assert world.code("purge", who="cron") == (14, "policy_drift")
    check = world.run("policy", "check", "--json", who="iver").json
    assert check["drift"] == [{"what": "policy", "where": "store"}]
    assert "policy_differs" in [each["code"] for each in world.run("verify", "--json", who="iver").json["problems"]]


def test_a_store_that_is_restored_by_another_release_is_closed_until_it_is_approved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(world)
    lose(world)
    another_release(monkeypatch, "states")
    restored = restore(world, "--accept-without-feed", "--reason", REASON)
    assert restored.exit in (0, 3), restored
    assert world.code("find", "--teams", who="sigrid") == (14, "policy_drift")


def test_every_version_can_be_made_again_byte_for_byte_from_what_is_shown_of_it(world: World) -> None:
    put(world, 'version = "2026-02"\nretention_days = 60\n')
    logged = {each["version"]: each["sha256"] for each in world.json("policy", "log", who="leif")["versions"]}
    for version, sha256 in logged.items():
        document = world.json("policy", "show", version, who="leif")["document"]
        raw = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)  # as jq -cS writes it
        assert hashlib.sha256(raw.encode()).hexdigest() == sha256
