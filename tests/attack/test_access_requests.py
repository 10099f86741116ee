"""Access requests against everybody with own code: nobody else's words, no case that hides, ends or blocks another."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.access import audience_keys, metadata
from arlo_rec.dsar import certificate
from arlo_rec.model.audit_events import Purged
from arlo_rec.model.records import RecordingId, to_iso
from arlo_rec.model.times import local_date
from arlo_rec.training.cut_plan import HeardWord
from tests.support import copies
from tests.support.answers import opened
from tests.support.attack import own_code, problem_codes
from tests.support.catalogue import append_to_log, catalogue, insider, spoil_note
from tests.support.world import World

pytestmark = pytest.mark.rule("access.subject")
CALLED = ("--identity", "called-back")
SHORT = {"seconds": 0.2}
WHY = "nobody could tell who asks"


def ask(world: World, *words: str, name: str = "answer.html") -> dict[str, Any]:
    """Answer a request; what the command told, and the data in it."""
    out = world.base / name
    told = world.run("dsar", *words, "--out", str(out), "--json", who="sigrid")
    assert told.exit in (0, 15), told
    inside = opened(out.read_bytes(), told.json["passphrase"].encode())
    return {"exit": told.exit, "told": told.json, "data": json.loads(inside["bodies"]["data.json"])}


def code_of(world: World, *words: str, who: str = "sigrid") -> tuple[int, str]:
    told = world.run(*words, "--json", who=who)
    return told.exit, told.json["error"]["code"]


def opening(case: str, **changes: Any) -> dict[str, Any]:
    """What own code of an officer may write of a case."""
    detail = {
        "case": case,
        "sworn": "00" * 32,
        "received": "2026-11-01T00:00:00Z",
        "due": "2026-12-01",
        "stood_still": 0,
    }
    at = to_iso(datetime.now(UTC))
    told = {"action": "dsar", "outcome": "done", "rule": "access.subject", "at": at}
    return {**told, "detail": {**detail, **changes}}


# -- somebody else's words and calls ------------------------------------------------------------------


def test_a_copy_of_another_call_that_a_manager_calls_one_of_this_gives_no_words_of_it(world: World) -> None:
    mine = world.take_in("a", seconds=1)[0]
    other = copies.call(world, caller="+4790000002")
    world.json("pseudonymise", other, "--transcript", copies.words(), who="sigrid")
    db = catalogue(world)
    bodies = [
        json.loads(bytes(body)) for (body,) in db.rows("SELECT body FROM entries WHERE instr(body, ?)", (b'"parent"',))
    ]
    db.close()
    body = {key: value for key, value in bodies[-1].items() if key not in ("person", "policy")}
    append_to_log(world, "leif", {**body, "detail": {**body["detail"], "parent": mine}})
    (one,) = ask(world, "90000001", *CALLED)["data"]["recordings"]
    assert (one["transcript"], one["copies"]) == ([], [])
    assert "sworn_twice" in problem_codes(world)


def test_a_copy_of_another_call_whose_entry_names_this_one_too_is_told_to_nobody_and_stops_no_answer(
    world: World,
) -> None:
    (mine,), (other,) = world.take_in("a", **SHORT), world.take_in("b", caller="+4790000002", seed=1, **SHORT)
    names = {"recordings": ["ab" * 16, mine], "detail": {"parent": other, "state": "released", "sworn": "00" * 32}}
    head = {"action": "pseudonymise", "outcome": "done", "rule": "data.pseudonymised", "at": to_iso(datetime.now(UTC))}
    append_to_log(world, "leif", {**head, **names})
    (one,) = ask(world, "90000001", *CALLED)["data"]["recordings"]
    assert (one["id"], one["copies"], one["exports"]) == (mine, [], [])


def test_words_that_support_writes_into_a_copys_metadata_are_nobodys(world: World) -> None:
    call = copies.call(world)
    (made,) = world.json("pseudonymise", call, "--transcript", copies.words(), who="sigrid")["results"]
    copy, now = RecordingId(bytes.fromhex(made["copy"])), datetime.now(UTC)
    word = HeardWord(
        **{**dict.fromkeys(HeardWord._fields), "text": "stole", "start": 0.1, "end": 0.5, "channel": 0, "transcript": 0}
    )
    facts = {
        "agent": "x",
        "duration_s": 1,
        "encoding": "pcm16",
        "rate": 8000,
        "tracks": 1,
        "cuts": {"words": [list(word)]},
    }
    with own_code(world, "siri") as store:
        row = store.catalogue.recordings.held(copy)
        assert row is not None
        ke = metadata.erasure_keys(store, [row])[copy]
        with store.change(now):
            keys = audience_keys.CommitKeys(store, now)
            keys.add_metadata(copy, keys.commit_key, ke, facts)
            store.db.run("UPDATE recordings SET commit_key = ? WHERE id = ?", (keys.commit_key.id, copy))
    assert "stole" not in str(ask(world, "90000001", *CALLED)["data"])


def test_a_call_whose_number_is_struck_is_not_given_to_who_names_its_id(world: World) -> None:
    (call,) = world.take_in("a", **SHORT)
    with insider(world) as db:
        db.run("UPDATE recordings SET caller = NULL WHERE id = ?", (bytes.fromhex(call),))
    answer = ask(world, "--reference", call, *CALLED)
    assert (answer["exit"], answer["data"]["recordings"], answer["data"]["damaged"]) == (15, [], [])


def test_a_number_that_is_written_into_a_withheld_callers_row_refuses_no_request(world: World) -> None:
    (call,) = world.take_in("hidden", caller=None, **SHORT)
    world.take_in("b", caller="+4790000002", seed=1, **SHORT)
    with insider(world) as db:
        number = "(SELECT caller FROM recordings WHERE caller IS NOT NULL)"
        db.run(f"UPDATE recordings SET caller = {number} WHERE id = ?", (bytes.fromhex(call),))
    assert ask(world, "--reference", "pbx.hidden", *CALLED)["exit"] == 15


def test_a_reference_that_leads_to_two_calls_gives_neither(world: World) -> None:
    (mine,) = world.take_in("mine", caller=None, **SHORT)
    world.deliver("other", source_id=mine, caller=None, seed=5)
    world.json("ingest", str(world.spool), who="telefon")
    words = ("dsar", "--reference", mine, *CALLED, "--out", str(world.base / "x.html"))
    assert code_of(world, *words) == (14, "reference_of_two")


@pytest.mark.parametrize("delivered", ["NFC", "NFD"])
def test_an_employee_is_found_however_the_name_is_written(world: World, delivered: Any) -> None:
    world.take_in("a", agent=unicodedata.normalize(delivered, "Åse  Bø"), **SHORT)
    for number, typed in enumerate(("Åse Bø", unicodedata.normalize("NFD", "åse bø "), "ÅSE BØ")):
        known = ("--identity", "login", "--new-case")
        assert ask(world, "--agent", typed, *known, name=f"{number}.html")["told"]["recordings"] == 1


# -- what is hidden, or told falsely ------------------------------------------------------------------


def test_a_part_of_a_case_that_is_lost_leaves_no_call_out_unseen(world: World) -> None:
    world.take_in("a", **SHORT)
    world.take_in("b", caller="+4790000002", seed=1, **SHORT)
    case = ask(world, "90000001", *CALLED)["told"]["case"]["id"]
    ask(world, "90000002", "--case", case, *CALLED, name="wider.html")
    with insider(world) as db:
        assert db.run("DELETE FROM cases WHERE part = 1")
    out = ("--out", str(world.base / "again.html"))
    assert code_of(world, "dsar", "--case", case, *out) == (14, "case_part_lost")
    again = ask(world, "90000001", "90000002", "--case", case, *CALLED, name="whole.html")
    assert again["told"]["recordings"] == 2


@pytest.mark.parametrize("change", ["team = 'else'", "team = 'else', caller = x'00112233445566778899aabbccddeeff'"])
def test_a_call_that_is_held_is_not_told_as_gone_because_its_row_was_changed(world: World, change: str) -> None:
    (call,) = world.take_in("b", **SHORT)
    world.json("dsar", "90000001", *CALLED, who="sigrid")
    with insider(world) as db:
        db.run(f"UPDATE recordings SET {change} WHERE id = ?", (bytes.fromhex(call),))
    answer = ask(world, "90000001")
    assert answer["data"]["erased_since"] == []
    assert answer["data"]["damaged"] or answer["data"]["unclear"]


def test_a_recording_is_not_told_as_gone_because_somebody_who_may_not_erase_says_so(world: World) -> None:
    """A manager's own code strikes the row, and appends the entry of a purge."""
    (call,) = world.take_in("b", **SHORT)
    world.json("dsar", "90000001", *CALLED, who="sigrid")
    with own_code(world, "leif") as store, store.change(datetime.now(UTC)) as change:
        change.log(Purged(rule="retention.90d", recordings=(RecordingId(bytes.fromhex(call)),), count=1))
    with insider(world) as db:
        db.run("DELETE FROM recordings WHERE id = ?", (bytes.fromhex(call),))
    answer = ask(world, "90000001")
    assert answer["exit"] == 15 and answer["data"]["erased_since"] == []
    assert answer["data"]["damaged"] or answer["data"]["unclear"]


def test_a_case_that_is_refused_while_its_answer_is_written_has_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a", **SHORT)
    case = world.json("dsar", "90000001", *CALLED, who="sigrid")["case"]["id"]
    kept = certificate.signed_page

    def meanwhile(*words: Any) -> Any:
        world.json("case", "refuse", case, "--reason", WHY, who="sigrid")
        return kept(*words)

    monkeypatch.setattr(certificate, "signed_page", meanwhile)
    out = world.base / "x.html"
    assert code_of(world, "dsar", "90000001", "--out", str(out)) == (14, "case_is_refused")
    assert not out.exists()
    assert world.json("case", "show", case, who="sigrid")["case"]["sha256"] is None


def test_an_answered_case_that_is_closed_with_a_reason_has_no_letter_of_no_answer(
    world: World,
) -> None:
    case = ask(world, "90000001", *CALLED)["told"]["case"]["id"]
    told = world.json("case", "close", case, "--reason", "handed over at the counter", who="sigrid")
    assert "letter" not in told


# -- deadlines and alarms -----------------------------------------------------------------------------


@pytest.mark.parametrize("days", [130, 400])
def test_a_request_that_was_forgotten_for_months_can_be_entered_with_its_true_day(world: World, days: int) -> None:
    received = str(local_date(datetime.now(UTC) - timedelta(days=days)))
    case = world.json("dsar", "90000001", *CALLED, "--received", received, who="sigrid")["case"]["id"]
    assert [each["case"] for each in world.json("status", who="iver")["requests"]] == [case]


def test_an_answered_request_is_not_entered_again_where_nobody_would_watch_it(world: World) -> None:
    ask(world, "90000001", *CALLED)
    assert code_of(world, "dsar", "90000001", *CALLED) == (14, "case_is_answered")


def test_an_opening_whose_signature_was_spoilt_still_alarms(world: World) -> None:
    case = world.json("dsar", "90000001", *CALLED, who="sigrid")["case"]["id"]
    spoil_note(world, f'"case":"{case}"'.encode())
    told = world.run("status", "--json", who="iver")
    assert (told.exit, "case_doubtful" in told.json["critical"]) == (3, True)


# -- what blocks others -------------------------------------------------------------------------------


def test_a_day_beyond_the_calendar_in_an_officers_entry_stops_nothing(world: World) -> None:
    append_to_log(world, "sigrid", opening("aaaaaaaaaaaa", due="9999-12-01"))
    for words, who in (
        (("status",), "iver"),
        (("purge",), "cron"),
        (("case", "list"), "sigrid"),
        (("dsar", "90000001", *CALLED), "sigrid"),
        (("verify",), "iver"),
    ):
        assert world.run(*words, "--json", who=who).exit in (0, 3), words


def test_a_planted_row_stops_nobodys_request_and_goes(world: World) -> None:
    world.take_in("a", **SHORT)
    with insider(world) as db:
        tags = [bytes(tag) for (tag,) in db.rows("SELECT DISTINCT caller FROM recordings")]
        row = ("Kari Nordmann +4790000001", 0, b"x" * 80, b"".join(b"n" + tag for tag in tags))
        db.run("INSERT INTO cases VALUES (?, ?, ?, ?)", row)
    assert ask(world, "90000001", *CALLED)["told"]["recordings"] == 1
    world.json("case", "close", world.json("case", "list", who="sigrid")["cases"][0]["id"], who="sigrid")


def test_the_id_of_a_planted_row_comes_into_no_entry_of_cron(world: World) -> None:
    with insider(world) as db:
        db.run("INSERT INTO cases VALUES (?, 0, x'00', x'00')", ("Kari Nordmann +4790000001",))
    world.json("purge", who="cron")
    db = catalogue(world)
    assert db.rows("SELECT count(*) FROM cases") == [(0,)]
    assert db.rows("SELECT count(*) FROM entries WHERE instr(body, ?)", (b"Kari Nordmann",)) == [(0,)]
    db.close()


def test_rows_of_megabytes_are_cut_before_they_are_looked_at(world: World) -> None:
    with insider(world) as db:
        db.run("INSERT INTO cases VALUES ('planted', 0, zeroblob(10000000), x'00')")
    with own_code(world, "sigrid") as store:
        assert max(len(row.sealed) for row in store.catalogue.cases.rows()) < 20_000


# -- what is typed ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("--agent", "\udcff\udcfe"),
        ("--reference", "\udcff"),
        ("90000001", "--call", "\udcff"),
        ("90000001", "--recipient", "\udcff"),
        ("90000001", "--recipient", "age1" + "q" * 58),
    ],
)
def test_bytes_that_are_no_text_and_keys_that_are_none_are_refused(world: World, words: tuple[str, ...]) -> None:
    world.take_in("a", **SHORT)
    told = world.run("dsar", *words, *CALLED, "--out", str(world.base / "x.html"), "--json", who="sigrid")
    assert told.exit in (2, 4), told


def test_a_recipient_of_low_order_is_refused_before_anything_is_logged(world: World) -> None:
    """Of 32 zero bytes: the X25519 of everybody with it is zero."""
    zero = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"
    zero = zero[: 4 + 52] + _checksum("age", [0] * 52)
    out = str(world.base / "x.age")
    assert code_of(world, "dsar", "90000001", *CALLED, "--recipient", zero, "--out", out) == (2, "recipient_unknown")
    assert world.json("case", "list", who="sigrid")["cases"] == []


def _checksum(name: str, digits: list[int]) -> str:
    """The checksum of Bech32 (BIP 173)."""
    signs = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    value = 1
    for digit in [*(ord(x) >> 5 for x in name), 0, *(ord(x) & 31 for x in name), *digits, *[0] * 6]:
        top, value = value >> 25, (value & 0x1FFFFFF) << 5 ^ digit
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            value ^= generator if top >> bit & 1 else 0
    value ^= 1
    return "".join(signs[value >> 5 * (5 - at) & 31] for at in range(6))
