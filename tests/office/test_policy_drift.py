"""An unapproved program or policy closes what gives and opens, and nothing that takes away, tells or counts.

The program is changed as a release would change it: by the parts that it says it has.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.law.model.policy_versions import Policy, parts
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.law.model.times import local_date
from tests.support.attack import own_code
from tests.support.backups import back_up, lose, places, restore
from tests.support.clock import later
from tests.support.copies import SAID, labels
from tests.support.policies import NEW_PROMPT, NEW_TEXT, another_release, new_prompt, propose, put, refused
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("purpose.change"), pytest.mark.slow]
CALLER = "+4790000001"
WHY = ("--purpose", "quality", "--reason", REASON)
CLOSED = (
    (("ingest", "SPOOL"), "telefon"),
    (("find", *WHY), "leif"),
    (("listen", "ID", *WHY, "--player", "cat"), "leif"),
    (("export", "ID", *WHY, "--out", "FILE"), "leif"),
    (("pseudonymise", *SAID, "ID", "--cuts", "CUTS"), "sigrid"),
    (("review", *SAID, "ID"), "sigrid"),
    (("release", "ID", "--reason", REASON), "sigrid"),
    (("grant", "turid", "--all-teams", *WHY), "sigrid"),
    (("policy", "publish", "--out", "FOLDER"), "sigrid"),
)
OPEN = (
    (("dsar", CALLER, "--identity", "login", "--out", "FILE"), "sigrid"),
    (("case", "open", "+4790000009", "--identity", "login"), "sigrid"),
    (("case", "list"), "sigrid"),
    (("recipients", "list"), "sigrid"),
    (("audit", "show"), "iver"),
    (("audit", "report"), "iver"),
    (("audit", "breach", "--person", "leif"), "sigrid"),
    (("todo",), "leif"),
    (("clock",), "iver"),
    (("person", "list"), "sigrid"),
    (
        (
            "person",
            "objection",
            "Ola Oppdiktet",
            "--uphold",
            "--scope",
            "training",
            "--reason",
            "the employee objects to it",
        ),
        "sigrid",
    ),
    (("revoke", "leif"), "sigrid"),
    (("purge",), "cron"),
    (("withdraw", CALLER, "--yes"), "siri"),
    (("person", "remove", "turid", "--yes"), "sigrid"),
    (("status",), "iver"),
    (("verify",), "iver"),
)


def test_what_gives_or_opens_is_closed_while_a_release_is_not_approved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.grant("leif")
    (call,) = world.take_in("call")
    another_release(monkeypatch, "retention")
    for words, who in CLOSED:
        named = {"ID": call, "SPOOL": world.spool, "FILE": world.base / "out", "FOLDER": world.base / "pages"}
        named |= {"CUTS": labels(world, (0.1, 0.2))}
        answer = world.run(*(str(named.get(word, word)) for word in words), "--json", who=who)
        error = answer.json.get("error", {"code": answer.out, "rule": ""})
        assert (answer.exit, error["code"], error.get("rule")) == (14, "policy_drift", "purpose.change"), words
        assert not (world.base / "out").exists() and not (world.base / "pages").exists()
    assert "policy_drift" in world.tasks("sigrid") and "policy_drift" not in world.tasks("leif")
    assert world.json("status", who="iver")["held"] == 1


def test_no_right_is_closed_while_a_release_is_not_approved(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.grant("leif")
    world.take_in("call")
    another_release(monkeypatch, "retention")
    for words, who in OPEN:
        typed = (str(world.base / "answer.html") if word == "FILE" else word for word in words)
        answer = world.run(*typed, "--json", who=who)
        assert answer.exit in (0, 3), (words, answer)
    assert world.json("status", who="iver")["held"] == 0, "the withdrawal erased it"


def test_backups_are_made_and_tried_while_a_release_is_not_approved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("call")
    back_up(world)
    another_release(monkeypatch, "rules", "retention")
    assert back_up(world)["held"] == 1
    folder, ring = places(world)
    for who in ("sigrid", "cron"):
        assert world.json("drill", str(folder), "--escrow", str(ring), who=who)["lost"] == 0


def test_code_and_layout_of_another_release_are_no_drift() -> None:
    names = {part.name.partition(" ")[0] for part in parts()}
    assert names == {"rules", "purposes", "retention", "page"}


def test_no_access_is_approved_while_a_release_is_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = world.json("request", "--purpose", "quality", "--reason", REASON, who="leif")["request"]["id"]
    another_release(monkeypatch, "purposes")
    assert world.code("approve", asked, who="sigrid") == (14, "policy_drift")
    proposal = propose(world, new_prompt())
    world.json("deny", proposal["id"], "--reason", REASON, who="sigrid")
    world.json("approve", propose(world, new_prompt())["id"], who="sigrid")
    assert world.json("approve", asked, who="sigrid")["grant"]["state"] == "live"


def test_purposes_are_worded_anew_only_with_a_new_prompt_and_never_for_what_is_held(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (held,) = world.take_in("held")
    another_release(monkeypatch, "purposes")
    today = local_date(datetime.now(UTC))
    ended = "".join(f'[[prompt]]\nversion = "{each.version}"\nuntil = {today}\n' for each in SHIPPED[:2])
    other = SHIPPED[2].text.replace("Mer står i", "Du kan lese mer i")
    less = new_prompt(other, '["training"]', f"from = {today + timedelta(days=1)}\n{ended}")
    for text in ('version = "2026-02"\n', less):
        assert refused(world, text) == (14, "purposes_without_prompt")
    put(world, new_prompt())
    shown = json.dumps(world.json("consent", "show", held, who="sigrid"), ensure_ascii=False)
    assert SHIPPED[0].text in shown and NEW_TEXT not in shown, "the words that its own caller heard"


@pytest.mark.rule("info.published")
def test_a_changed_version_that_is_not_published_is_reported_from_the_day_it_starts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tomorrow = local_date(datetime.now(UTC)) + timedelta(days=1)
    put(world, f'version = "2026-02"\nfrom = {tomorrow}\nmost_found = 60\n')
    assert "unpublished" not in world.json("status", who="iver")["warnings"]
    later(monkeypatch, days=1)
    assert "unpublished" in world.json("status", who="iver")["warnings"]
    assert ("publish" in world.tasks("sigrid"), "publish" in world.tasks("leif")) == (True, False)
    world.json("policy", "publish", "--out", str(world.base / "pages"), who="sigrid")
    assert "unpublished" not in world.json("status", who="iver")["warnings"]
    assert "publish" not in world.tasks("sigrid")


def test_the_commands_that_look_after_it_say_what_changed_until_officers_approve_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_release(monkeypatch, "purposes", "rules")
    check = world.run("policy", "check", "--json", who="iver")
    assert check.exit == 14
    assert check.json["drift"] == [{"what": "purposes", "where": "program"}, {"what": "rules", "where": "program"}]
    assert "policy_drift" in world.json("status", who="iver")["critical"]
    assert world.json("verify", who="iver")["problems"] == []
    assert world.json("policy", "show", who="leif")["version"] == "2026-01"
    proposal = propose(world, new_prompt())
    changes = [each["what"] for each in proposal["changes"]]
    assert changes == [f"prompt {NEW_PROMPT}", "program purposes", "program rules"]
    assert world.code("find", *WHY, who="leif") == (14, "policy_drift"), "a proposal is not an approval"
    world.json("approve", proposal["id"], who="sigrid")
    assert world.code("find", *WHY, who="leif") == (13, "no_grant")
    assert world.json("policy", "check", who="iver")["drift"] == []
    monkeypatch.undo()
    assert world.code("find", *WHY, who="leif") == (14, "policy_drift"), "the release before is another one now"


def test_a_policy_that_no_entry_approves_opens_and_erases_nothing_although_an_officer_signed_it(world: World) -> None:
    world.take_in("call", started=datetime.now(UTC) - timedelta(days=3))
    put(world, 'version = "2026-02"\nmost_found = 60\n')
    assert world.code("find", *WHY, who="leif") == (13, "no_grant")
    with own_code(world, "sigrid") as store, store.change(datetime.now(UTC)):
        ours = replace(store.policy.newest, version="2026-03", retention_days=1)
        store.put(Policy((*store.policy.versions, ours)))
    assert world.json("purge", who="cron")["erased"] == 0, "by the numbers that officers approved"
    check = world.run("policy", "check", "--json", who="iver").json
    assert check["drift"] == [{"what": "policy", "where": "store"}]
    assert "policy_differs" in [each["code"] for each in world.run("verify", "--json", who="iver").json["problems"]]


@pytest.mark.parametrize("forged", [{"most_found": 999}, {"retention_days": 1}])
def test_a_first_version_that_an_officers_own_code_changes_opens_and_erases_nothing_before_its_day(
    world: World, forged: dict[str, int]
) -> None:
    world.take_in("call", started=datetime.now(UTC) - timedelta(days=3))
    with own_code(world, "sigrid") as store, store.change(datetime.now(UTC)):
        first, *later = store.policy.versions
        store.put(Policy((replace(first, **forged), *later)))
    assert world.code("find", *WHY, who="leif") == (14, "policy_drift")
    assert "policy_drift" in world.run("status", "--json", who="iver").json["critical"]
    assert world.json("purge", who="cron")["erased"] == 0
    assert world.json("status", who="iver")["held"] == 1


def test_a_store_that_is_restored_by_another_release_is_closed_until_it_is_approved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(world)
    lose(world)
    another_release(monkeypatch, "retention")
    restored = restore(world, "--accept-without-feed", "--reason", REASON)
    assert restored.exit in (0, 3), restored
    assert world.code("find", *WHY, who="leif") == (14, "policy_drift")


def test_every_version_can_be_made_again_byte_for_byte_from_what_is_shown_of_it(world: World) -> None:
    put(world, 'version = "2026-02"\nretention_days = 60\n')
    logged = {each["version"]: each["sha256"] for each in world.json("policy", "log", who="leif")["versions"]}
    for version, sha256 in logged.items():
        document = world.json("policy", "show", version, who="leif")["document"]
        raw = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)  # as jq -cS writes it
        assert hashlib.sha256(raw.encode()).hexdigest() == sha256
