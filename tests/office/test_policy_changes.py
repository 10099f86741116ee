"""The policy of a store changes with approval alone, and what it sets is what commands do from then on."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.log.events import LogShown, PolicyProposed
from arlo_rec.law.model import policy_file, policy_versions
from arlo_rec.law.model.errors import Refused, Usage
from arlo_rec.law.model.policy_versions import LIMITS, Part, Policy, PolicyVersion, ReasonCode, first
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.law.model.times import local_date
from arlo_rec.law.rules import RULES
from arlo_rec.office import policy_changes
from arlo_rec.policy import Purpose, reason_problem
from tests.support.attack import own_code
from tests.support.backups import back_up, lose, with_feed
from tests.support.clock import later
from tests.support.policies import propose, put
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("purpose.change"), pytest.mark.slow]
NOW = datetime(2026, 10, 9, 8, tzinfo=UTC)
_NEW_PROMPT = 'version = "2026-02"\n[[prompt]]\nversion = "nb-2026-02"\n'
FIRST = first("2026-01", NOW, SHIPPED)


# -- who approves -------------------------------------------------------------------------------------


def test_one_officer_alone_proposes_and_approves_in_two_steps(world: World) -> None:
    told = propose(world, 'version = "2026-02"\nmost_found = 100\n')
    assert told["changes"] == [{"what": "most_found", "before": 50, "after": 100}]
    assert world.json("policy", "show", who="leif")["most_found"] == 50
    assert world.json("approve", told["id"], who="sigrid")["proposal"]["state"] == "approved"
    shown = world.json("policy", "show", who="leif")
    assert (shown["version"], shown["most_found"], shown["by"]) == ("2026-02", 100, "sigrid")
    assert world.json("audit", "show", "--limit", "1", who="iver")["entries"][0]["policy"] == "2026-02"
    assert world.json("verify", who="iver")["problems"] == []


def test_where_there_are_two_the_other_one_approves(two: World) -> None:
    waits = propose(two, 'version = "2026-02"\nreason_demanded = true\n')["id"]
    assert (two.tasks("sigrid"), two.tasks("astrid")) == ([], ["approve_policy"])
    assert two.json("policy", "show", waits[:6], who="astrid")["proposal"]["changes"][0]["after"] is True
    assert two.code("approve", waits, who="sigrid") == (13, "policy_needs_second")
    assert two.code("approve", waits, who="sigrid") == (13, "policy_needs_second")
    assert two.code("approve", waits, who="leif") == (13, "not_your_role")
    assert two.json("policy", "show", who="leif")["reason_demanded"] is False
    assert two.json("approve", waits, who="astrid")["proposal"]["approved_by"] == ["astrid"]
    assert two.json("policy", "show", who="leif")["reason_demanded"] is True
    assert two.code("approve", waits, who="astrid") == (4, "policy_was_approved")
    assert [each["version"] for each in two.json("policy", "log", who="leif")["versions"]] == ["2026-01", "2026-02"]


def test_a_proposal_is_denied_with_a_reason_or_taken_back_or_over_after_seven_days(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for who in ("astrid", "sigrid"):
        waits = propose(two, 'version = "2026-02"\nmost_found = 60\n')["id"]
        assert two.code("deny", waits, who=who) == (2, "reason_missing")
        assert two.json("deny", waits, "--reason", "fifty is enough", who=who)["proposal"]["state"] == "denied"
        assert two.code("approve", waits, who="astrid") == (4, "policy_was_denied")
    waits = propose(two, 'version = "2026-02"\nmost_found = 60\n')["id"]
    later(monkeypatch, days=15.5)
    assert two.code("approve", waits, who="astrid") == (4, "policy_was_over")
    assert two.tasks("astrid") == []


def test_of_two_proposals_the_one_approved_first_makes_the_other_void(two: World) -> None:
    one = propose(two, 'version = "2026-02"\nmost_found = 60\n')["id"]
    other = propose(two, 'version = "2026-03"\nmost_found = 70\n')["id"]
    two.json("approve", one, who="astrid")
    assert two.code("approve", other, who="astrid") == (4, "policy_was_void")
    assert two.code("approve", "0123456789abcdef", who="astrid") == (4, "no_pending_grant")
    assert two.json("policy", "show", who="leif")["most_found"] == 60


def test_a_version_is_in_force_for_nothing_that_the_log_tells_of_already(world: World) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=5)  # within what clocks may differ by
    with own_code(world, "iver") as store:
        store.note(LogShown(), ahead)
    since = datetime.fromisoformat(put(world, 'version = "2026-02"\nmost_found = 60\n')["since"])
    assert since >= ahead


def test_what_a_file_does_not_name_stays_as_it_is_when_it_is_proposed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = policy_file.read

    def slowly(*words: Any) -> PolicyVersion:
        """Another officer's command is through between the start of this one and its reading of the file."""
        monkeypatch.setattr(policy_file, "read", read)
        return read(*words)

    waits = propose(world, 'version = "2026-02"\nmost_found = 60\n')["id"]
    with own_code(world, "sigrid") as store:
        world.json("approve", waits, who="sigrid")
        monkeypatch.setattr(policy_file, "read", slowly)
        told, changed = policy_changes.propose(store, b'version = "2026-03"\nown_a_day = 5\n', "f", datetime.now(UTC))
    assert told.version.most_found == 60
    assert [each.what for each in changed] == ["own_a_day"]


def test_a_change_of_one_language_of_a_reason_is_seen_in_both(world: World) -> None:
    text = world.run("policy", "show", "--toml", who="sigrid").out
    text = text.replace('version = "2026-01"', 'version = "2026-02"')
    file = world.base / "proposal.toml"
    file.write_text(text.replace("Stikkprøve", "Tilfeldig utvalg"), "utf-8")
    for lang in ("nb", "en"):
        told = world.run("policy", "propose", str(file), "--lang", lang, who="sigrid").out
        assert "Stikkprøve" in told and "Tilfeldig utvalg" in told


def test_a_version_comes_into_force_at_its_date(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    day = datetime.now(UTC).date() + timedelta(days=5)
    put(world, f'version = "2026-02"\nfrom = {day.isoformat()}\nmost_found = 1\n')
    assert world.json("policy", "show", who="leif")["most_found"] == 50
    later(monkeypatch, days=6)
    assert world.json("policy", "show", who="leif")["most_found"] == 1


def test_a_version_that_is_approved_later_replaces_one_that_is_not_in_force_yet(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = datetime.now(UTC).date() + timedelta(days=300)
    put(world, f'version = "2026-02"\nfrom = {day.isoformat()}\nmost_found = 1\nown_a_day = 5\n')
    assert "2026-02" in world.run("policy", "show", "--toml", who="sigrid").out, "a change begins with what is coming"
    assert "2026-02" in world.run("policy", "show", "--lang", "en", who="leif").out
    put(world, 'version = "2026-03"\nmost_found = 70\n')
    shown = world.json("policy", "show", who="leif")
    assert (shown["most_found"], shown["own_a_day"]) == (70, 5)
    later(monkeypatch, days=301)
    assert world.json("policy", "show", who="leif")["version"] == "2026-03"
    assert world.json("policy", "show", "2026-02", who="leif")["most_found"] == 1


def test_the_id_of_a_proposal_is_the_digest_of_what_it_says(two: World) -> None:
    proposal = propose(two, 'version = "2026-02"\nmost_found = 60\n')
    with own_code(two, "iver") as store:
        [body] = [entry.body for entry in store.log.entries.of_requests()]
    assert proposal["id"] == hashlib.sha256(canonical(body)).hexdigest()[:16]
    assert body["detail"]["document"]["most_found"] == 60
    assert two.code("approve", proposal["id"][:8], who="astrid") == (2, "id_not_whole")
    two.json("approve", proposal["id"], who="astrid")
    assert two.json("policy", "show", who="leif")["most_found"] == 60


def test_a_restored_store_has_the_policy_that_was_approved_since_its_backup(fed: World) -> None:
    put(fed, 'version = "2026-02"\nmost_found = 40\n')
    back_up(fed)
    put(fed, 'version = "2026-03"\nreason_demanded = true\n')
    log = fed.json("policy", "log", who="iver")["versions"]
    lose(fed)
    with_feed(fed)
    assert fed.json("policy", "log", who="iver")["versions"] == log
    assert fed.json("verify", who="iver")["problems"] == []


def test_an_answer_and_a_receipt_of_every_name_of_a_version_can_be_checked(world: World) -> None:
    world.take_in("one")
    put(world, 'version = "2026-02.17"\nmost_found = 60\n')
    world.json("withdraw", "90000001", "--yes", who="skranke")
    assert world.json("verify", who="iver")["problems"] == []
    [receipt] = (world.store / "receipts").glob("*.json")
    assert json.loads(receipt.read_text("utf-8"))["policy"] == "2026-02.17"


# -- what it sets -------------------------------------------------------------------------------------


@pytest.mark.rule("security.reason")
def test_where_the_policy_demands_a_code_a_reason_begins_with_one_of_that_purpose(world: World) -> None:
    put(world, 'version = "2026-02"\nreason_demanded = true\n')

    def find(purpose: str, reason: str) -> tuple[int, str]:
        return world.code("find", "--purpose", purpose, "--reason", reason, who="leif")

    world.grant("leif", "quality")
    assert find("quality", REASON) == (2, "reason_without_code")
    assert find("quality", "coaching: short") == (2, "reason_too_short")
    assert find("quality", "new-employee: two calls on cancelling") == (2, "reason_of_other_purpose")
    assert find("quality", "coaching: the bill of October") == (0, "")
    told = world.run("find", "--purpose", "quality", "--reason", REASON, "--lang", "en", who="leif")
    assert "quality-sample, coaching, access-request, technical-fault" in told.err
    denied = world.json("audit", "show", "--denied", who="iver")["entries"]
    assert {each["detail"]["code"] for each in denied} == {
        *("reason_without_code", "reason_too_short", "reason_of_other_purpose"),
    }
    [leif] = world.json("audit", "report", who="iver")["people"]
    assert leif["codes"] == {"coaching": 1}


def test_a_search_shows_as_many_hits_as_the_policy_says(world: World) -> None:
    world.grant("leif", "quality")
    for number in range(3):
        world.deliver(f"call{number}", seed=number, started=datetime.now(UTC) - timedelta(hours=number + 1))
    world.json("ingest", str(world.spool), who="telefon")
    asked = ("find", "--purpose", "quality", "--reason", REASON)
    assert len(world.json(*asked, who="leif")["recordings"]) == 3
    put(world, 'version = "2026-02"\nmost_found = 2\n')
    for more in ((), ("--limit", "3")):
        told = world.json(*asked, *more, who="leif")
        assert (len(told["recordings"]), told["older"]) == (2, 1)


def test_an_officers_own_access_is_as_many_recordings_a_day_as_the_policy_says(two: World) -> None:
    waits = propose(two, 'version = "2026-02"\nown_a_day = 3\n')["id"]
    two.json("approve", waits, who="astrid")
    words = ("grant", "sigrid", "--all-teams", "--purpose", "quality", "--reason", REASON)
    given = two.json(*words, who="sigrid")["grant"]
    assert (given["state"], given["limits"]["per_day"]) == ("pending", 3)


# -- what is no proposal ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("version =", "config_not_toml"),
        ("most_found = 60", "policy_bad_version"),
        ('version = "2026-02"', "policy_unchanged"),
        ('version = "2026-01"\nmost_found = 60', "policy_version_taken"),
        ('version = "a b"\nmost_found = 60', "policy_bad_version"),
        ('version = "2026-02"\nmost_found = 0', "policy_number"),
        ('version = "2026-02"\nmost_found = 1.5', "policy_number"),
        ('version = "2026-02"\nmost_found = true', "policy_number"),
        ('version = "2026-02"\nentries_days = 364', "policy_number"),
        ('version = "2026-02"\nentries_days = 1826', "policy_number"),
        ('version = "2026-02"\nentries_days = "never"', "policy_number"),
        ('version = "2026-02"\nown_a_day = "never"', "policy_number"),
        ('version = "2026-02"\nreason_demanded = 1', "policy_bad_value"),
        ('version = "2026-02"\nfrom = "tomorrow"\nmost_found = 60', "policy_bad_from"),
        ('version = "2026-02"\nfrom = 9999-12-31\nmost_found = 60', "policy_bad_from"),
        ('version = "2026-02"\nretention = 30', "policy_unknown_key"),
        ('version = "2026-02"\nretention_days = 0', "policy_number"),
        ('version = "2026-02"\nretention_days = "never"', "policy_number"),
        ('version = "2026-02"\n[[rule]]\nid = "scope.only"\nnb="a"\nen="a"', "policy_unknown_key"),
        (
            'version = "2026-02"\n[[prompt]]\nversion = "nb-2026-02"\nlang="en"\ntext="a"\npurposes=["quality"]',
            "policy_bad_prompt",
        ),
        (
            'version = "2026-02"\n[[prompt]]\nversion = "nb-2026-02"\nlang="nb"\ntext="a"\npurposes=["sales"]',
            "policy_bad_prompt",
        ),
        ('version = "2026-02"\n[[prompt]]\nversion = "nb-2026-01"\nuntil = "tomorrow"', "policy_bad_prompt"),
        ('version = "2026-02"\n[[prompt]]\nversion = "nb-2026-01"\nsound = "none.wav"', "file_unreadable"),
        ('version = "2026-02"\n[[prompt]]\nversion = "nb-2026-01"\nname = "x"', "policy_unknown_key"),
        ('version = "2026-02"\nreason = []', "policy_bad_value"),
        ('version = "2026-02"\n[[reason]]\ncode = "Bad"\nnb="a"\nen="a"\npurposes=["quality"]', "policy_bad_reason"),
        ('version = "2026-02"\n[[reason]]\ncode = "good"\nnb="a"\nen="a"\npurposes=["sales"]', "policy_bad_reason"),
        ('version = "2026-02"\n[[reason]]\ncode = "good"\nnb="a"\npurposes=["quality"]', "policy_bad_reason"),
        ('version = "2026-02"\n[[reason]]\nkode = "good"', "policy_unknown_key"),
    ],
)
def test_a_file_that_is_no_proposal_is_refused_and_says_why(world: World, text: str, why: str) -> None:
    file = world.base / "proposal.toml"
    file.write_text(text, "utf-8")
    assert world.code("policy", "propose", str(file), who="sigrid") == (2, why)
    assert world.tasks("sigrid") == []


def test_a_file_that_is_missing_or_is_somebody_elses_to_propose_is_refused(world: World) -> None:
    assert world.code("policy", "propose", str(world.base / "none.toml"), who="sigrid") == (2, "file_unreadable")
    file = world.base / "proposal.toml"
    file.write_text('version = "2026-02"\nmost_found = 60\n')
    assert world.code("policy", "propose", str(file), who="leif") == (13, "not_your_role")


def test_what_show_writes_as_a_file_proposes_what_is_there(world: World) -> None:
    text = world.run("policy", "show", "--toml", who="leif").out
    assert tomllib.loads(text)["version"] == "2026-01"
    file = world.base / "same.toml"
    file.write_text(text.replace('version = "2026-01"', 'version = "2026-02"'), "utf-8")
    assert world.code("policy", "propose", str(file), who="sigrid") == (2, "policy_unchanged")


# -- own code -----------------------------------------------------------------------------------------


def _event(version: PolicyVersion, base: str, request: str = "0123456789abcdef") -> PolicyProposed:
    document = policy_versions.version_to_json(version)
    return PolicyProposed(request=request, version=version.version, base=base, document=document)


def test_a_version_that_an_officers_own_code_changed_later_is_named_by_verify(two: World) -> None:
    waits = propose(two, 'version = "2026-02"\nmost_found = 60\n')["id"]
    two.json("approve", waits, who="astrid")
    assert two.json("verify", who="iver")["problems"] == []
    now = datetime.now(UTC) + timedelta(days=8)
    with own_code(two, "sigrid") as store, store.change(now):
        forged = replace(store.policy.newest, most_found=900)
        store.put(Policy((store.policy.versions[0], forged)))
    problems = two.run("verify", "--json", who="iver").json["problems"]
    assert [each["code"] for each in problems] == ["policy_differs"]


def test_a_policy_that_no_officer_approved_closes_the_store(world: World) -> None:
    with own_code(world, "leif") as store:
        forged = Policy((replace(store.policy.newest, most_found=1000),))
        with store.db.writing():
            store.authority.links.put_document("policy", policy_versions.encode(forged))
    assert world.code("find", "--purpose", "quality", "--reason", REASON, who="leif") == (15, "policy_forged")


# -- the file and the document ------------------------------------------------------------------------

_TEXT = st.text(st.characters(categories=("L", "N", "P", "S"), include_characters=" "), min_size=1, max_size=40).filter(
    lambda text: text == text.strip() and text.isprintable()
)
_REASONS = st.lists(
    st.builds(
        ReasonCode,
        st.from_regex(r"\A[a-z][a-z0-9-]{1,30}\Z"),
        _TEXT,
        _TEXT,
        st.frozensets(st.sampled_from(list(Purpose)), min_size=1),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda reason: reason.code,
).map(tuple)


def _number(key: str) -> st.SearchStrategy[int]:
    return st.integers(LIMITS[key].start, LIMITS[key].stop - 1)


_PROMPTS = st.builds(
    lambda until, sound, name, days, text, offered: (
        *(replace(each, until=each.until or until, sound_sha256=sound) for each in SHIPPED),
        replace(SHIPPED[0], version=f"nb-{name}", since=local_date(NOW) + timedelta(days=days), text=text, **offered),
    ),
    st.none() | st.dates(local_date(NOW), date(2199, 1, 1)),
    st.none() | st.binary(min_size=32, max_size=32),
    st.from_regex(r"\A[0-9]{4}-[0-9]{2}([.][0-9]{1,3})?\Z").filter(lambda name: name not in {"2026-01", "2025-01"}),
    st.integers(0, 400),
    st.just(SHIPPED[0].text.removesuffix(".") + ", tast 3 for bare opplæring."),
    st.fixed_dictionaries(
        {
            "keys": st.none() | st.just({"1": frozenset(Purpose), "3": frozenset({Purpose.TRAINING})}),
            "line": st.none() | st.just("salg"),
            "taken_after_end": st.booleans(),
        }
    ),
)
_VERSIONS = st.builds(
    lambda name, demanded, reasons, numbers: replace(
        FIRST,
        version=name,
        reason_demanded=demanded,
        reasons=reasons,
        **numbers,
    ),
    st.from_regex(r"\A[0-9]{4}-[0-9]{2}([.][0-9]{1,3})?\Z"),
    st.booleans(),
    _REASONS.filter(lambda reasons: {purpose for each in reasons for purpose in each.purposes} == set(Purpose)),
    st.fixed_dictionaries(
        {
            "most_found": st.sampled_from(LIMITS["most_found"]),
            "own_a_day": st.sampled_from(LIMITS["own_a_day"]),
            "entries_days": st.sampled_from(LIMITS["entries_days"]),
            "retention_days": st.sampled_from(LIMITS["retention_days"]),
            "prompts": _PROMPTS,
        }
    ),
)


@given(_VERSIONS)
def test_every_version_comes_back_from_its_file_and_from_its_document(version: PolicyVersion) -> None:
    assert policy_file.read(policy_file.text_of(version).encode(), "p.toml", FIRST, NOW) == version
    policy = Policy((FIRST, version))
    encoded = policy_versions.encode(policy)
    assert policy_versions.decode(encoded) == policy
    assert policy_versions.encode(policy_versions.decode(encoded)) == encoded


@given(st.sampled_from(LIMITS["retention_days"]))
def test_the_rules_are_in_the_programs_words_and_that_of_retention_names_the_days(days: int) -> None:
    rules = {rule.id: rule for rule in replace(FIRST, retention_days=days).rules}
    assert [rule for rule in rules if rules[rule] != RULES[rule]] == (["retention.90d"] if days != 90 else [])
    for lang in ("nb", "en"):
        assert [int(number) for number in re.findall("[0-9]+", rules["retention.90d"].text(lang))] == [days]


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_stands_in_a_file_it_is_read_or_refused(raw: bytes) -> None:
    try:
        policy_file.read(raw, "p.toml", FIRST, NOW)
    except (Refused, Usage) as error:
        assert error.code.startswith(("config_", "policy_", "prompt_", "purpose_"))


@given(_VERSIONS, st.sampled_from(list(Purpose)), st.text(max_size=40))
def test_a_reason_with_a_code_passes_where_the_rest_of_it_is_one_and_the_code_fits(
    version: PolicyVersion, purpose: Purpose, text: str
) -> None:
    for reason in version.reasons:
        typed = f"{reason.code}: {text}"
        problem = version.reason_problem(typed, purpose)
        assert version.code_of(typed) == reason.code
        assert (reason.code in version.codes_for(purpose)) is (purpose in reason.purposes)
        is_whole = reason_problem(typed) is None and reason_problem(text.strip()) is None
        assert (problem is None) is (is_whole and purpose in reason.purposes)


def test_the_document_of_a_version_is_the_same_bytes_for_ever() -> None:
    kept = replace(FIRST, program=(Part("rules", "0" * 64),))  # the program's own parts change with it
    known = "09625ad6a7b036f24daa5ff9343aa65cbcaef8d00c5020ce80478fd2a6bf4a0d"
    assert policy_changes.digest(Policy((kept,))) == known


@pytest.mark.slow
def test_a_denied_proposal_stands_in_the_policys_log_with_its_reason_and_a_waiting_one_is_found_by_its_version(
    world: World,
) -> None:
    file = world.base / "shorter.toml"
    file.write_text('version = "2026-02"\nretention_days = 60\n', "utf-8")
    proposed = world.json("policy", "propose", str(file), who="sigrid")["proposal"]
    assert world.json("policy", "show", "2026-02", who="leif")["proposal"]["id"] == proposed["id"]
    assert world.code("approve", "2026-02", who="sigrid") == (4, "no_pending_grant"), (
        "approved is what an id is the digest of"
    )
    world.json("deny", proposed["id"], "--reason", "too short for complaints", who="sigrid")
    (denied,) = world.json("policy", "log", who="leif")["denied"]
    assert (denied["version"], denied["denied_by"], denied["why"]) == ("2026-02", "sigrid", "too short for complaints")
    assert "too short for complaints" in world.run("policy", "log", who="leif").out
