"""Rows that anybody's own code changes, and swears to again: the first entry that takes a recording in counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.commands.run import Run
from arlo_rec.erasure import protocol
from arlo_rec.model.audit_events import CallTakenIn, CopyMade, Purged
from arlo_rec.model.records import RecordingId, to_micros
from arlo_rec.policy import Event
from tests.support.answers import opened
from tests.support.attack import own_code
from tests.support.catalogue import catalogue, insider, spoil_note
from tests.support.copies import propose, training
from tests.support.world import REASON, Result, World

CALLED = ("--identity", "called back on the number of the contract")
WHY = ("--purpose", "quality", "--reason", REASON)


def resworn(world: World, call: str, sql: str, *values: object, who: str = "iver") -> None:
    recording = RecordingId(bytes.fromhex(call))
    with insider(world) as db:
        assert db.run(sql, (*values, recording))
    with own_code(world, who) as store:
        row = store.catalogue.recordings.get(recording)
        assert row is not None
        with store.change(datetime.now(UTC)) as change:
            change.log(CallTakenIn(recordings=(recording,), sworn=row.row_digest()))


def clean(world: World) -> bool:
    return world.run("verify", "--read-data", "--json", who="iver").exit == 0


@pytest.mark.rule("scope.only")
@pytest.mark.parametrize("who", ["iver", "telefon"])
def test_a_row_that_is_sworn_to_once_more_is_named_and_opens_nothing(world: World, who: str) -> None:
    """Also by the telephone system's own key: it swears once, when it takes a call in."""
    (call,) = world.take_in("a")
    world.grant("leif")
    resworn(world, call, "UPDATE recordings SET started_at = started_at - 1000000 WHERE id = ?", who=who)
    told = world.run("export", call, *WHY, "--out", str(world.base / "out.wav"), "--json", who="leif")
    assert (told.exit, told.json["error"]["code"]) == (15, "recording_changed")
    found = world.run("verify", "--json", who="iver")
    assert {"code": "recording_changed", "what": call} in found.json["problems"]


@pytest.mark.rule("retention.90d")
def test_a_recording_that_is_due_in_ten_years_since_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (call,) = world.take_in("a")
    resworn(world, call, "UPDATE recordings SET due_at = due_at + 315360000000000 WHERE id = ?")
    if not clean(world):
        return
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=100))
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 1
    world.grant("leif")
    assert world.run("export", call, *WHY, "--out", str(world.base / "out.wav"), who="leif").exit == 13


@pytest.mark.rule("access.subject")
def test_nobody_is_given_the_call_of_somebody_else(world: World) -> None:
    """Tags stand in the rows for everybody; the number itself is in the metadata that the officer opens."""
    (hers,) = world.take_in("hers", seconds=1)
    (his,) = world.take_in("his", caller="+4790000002", seed=7, seconds=1)
    with insider(world) as db:
        ((tag,),) = db.rows("SELECT caller FROM recordings WHERE id = ?", (bytes.fromhex(his),))
    resworn(world, hers, "UPDATE recordings SET caller = ? WHERE id = ?", tag)
    out = world.base / "answer.html"
    told = world.run("dsar", "90000002", *CALLED, "--out", str(out), "--json", who="sigrid")
    answer = opened(out.read_bytes(), told.json["passphrase"].encode())
    assert "+4790000001" not in answer["letter_html"], "her number, and her voice, for him"
    assert (told.exit, told.json["recordings"], told.json["changed"]) == (15, 1, [hers])


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_finds_every_call_or_verify_says_why_not(world: World) -> None:
    (hers,) = world.take_in("hers")
    resworn(world, hers, "UPDATE recordings SET caller = NULL WHERE id = ?")
    assert not clean(world) or world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1


# -- rows that purge and withdrawal go by -----------------------------------------------------------------


def tags(world: World) -> dict[str, bytes]:
    """The caller's tag of each held recording, by id."""
    db = catalogue(world)
    rows = db.rows("SELECT id, caller FROM recordings WHERE state = 'held'")
    db.close()
    return {bytes(each).hex(): tag for each, tag in rows}


def put(world: World, column: str, **values: object) -> None:
    """Write one column of recordings (by id), as anybody's own code does."""
    with insider(world) as db:
        for each, value in values.items():
            assert db.run(f"UPDATE recordings SET {column} = ? WHERE id = ?", (value, bytes.fromhex(each)))


def exported(world: World, call: str) -> Result:
    return world.run("export", call, *WHY, "--out", str(world.base / "out.wav"), "--json", who="leif")


@pytest.mark.rule("retention.90d")
@pytest.mark.parametrize("column", ["due_at", "started_at"])
def test_a_purge_erases_nothing_because_a_row_says_that_it_is_due(world: World, column: str) -> None:
    (call,) = world.take_in("a")
    put(world, column, **{call: 0})
    assert world.json("status", who="iver")["last_purge"] is None
    told = world.run("purge", "--json", who="cron")
    assert (told.exit, told.json["erased"], told.json["changed"]) == (15, 0, [call])
    assert call in tags(world), "the evidence is there"
    assert world.json("status", who="iver")["last_purge"] is not None, "or the guard would stop every purge in a week"
    assert {"code": "recording_changed", "what": call} in world.run("verify", "--json", who="iver").json["problems"]


@pytest.mark.rule("retention.90d")
def test_a_changed_row_goes_when_the_day_in_its_id_is_over_and_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)  # so that its day is not over before
    changed, _ = world.take_in("a", "b", started=today)
    put(world, "started_at", **{changed: to_micros(datetime.now(UTC) + timedelta(days=80))})
    put(world, "due_at", **{changed: to_micros(datetime.now(UTC) + timedelta(days=900))})
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=90))
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 1
    put(world, "due_at", **{changed: 0})
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=91, hours=1))
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 1
    assert clean(world)


@pytest.mark.rule("retention.90d")
def test_a_call_that_is_erased_as_due_before_its_day_is_named(world: World) -> None:
    """Somebody who may purge, with own code that asks nothing."""
    (call,) = world.take_in("a")
    recording = RecordingId(bytes.fromhex(call))
    with own_code(world, "cron") as store:
        order = protocol.Order("expiry", "retention.90d", Event.EXPIRED, (recording,))
        event = Purged(rule="retention.90d", recordings=(recording,), count=1)
        protocol.carry_out(store, lambda: order, datetime.now(UTC), lambda change, _: change.log(event))
    assert {"code": "erased_too_early", "what": call} in world.run("verify", "--json", who="iver").json["problems"]


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_erases_the_callers_call_whatever_its_row_says_and_nobody_elses(world: World) -> None:
    (mine,) = world.take_in("a")
    (other,) = world.take_in("b", caller="+4790000002", seed=4)
    kept = tags(world)
    put(world, "caller", **{mine: kept[other], other: kept[mine]})
    told = world.run("withdraw", "90000001", "--yes", "--json", who="siri")
    assert (told.exit, [each["id"] for each in told.json["recordings"]]) == (15, [mine])
    assert told.json["changed"] == [other]
    assert list(tags(world)) == [other]


@pytest.mark.rule("consent.withdraw")
def test_a_call_that_is_held_under_a_changed_row_is_told_and_erased_by_its_id(world: World) -> None:
    """Whose it is can no longer be known, so nobody is told that everything is erased."""
    (mine,) = world.take_in("a")
    put(world, "caller", **{mine: None})
    put(world, "team", **{mine: "somebody"})
    told = world.run("withdraw", "90000001", "--yes", who="siri")
    assert told.exit == 15
    assert "Do not say that everything is erased" in told.out
    assert mine in told.out
    assert world.json("withdraw", "--call", mine, "--yes", who="siri")["erased"] == 1


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("state", ["erased", "arriving", "erasing"])
def test_nobody_is_told_that_everything_is_erased_while_a_row_says_so_falsely(world: World, state: str) -> None:
    (mine,) = world.take_in("a")
    world.grant("leif")
    put(world, "state", **{mine: state})
    told = world.run("withdraw", "90000001", "--yes", "--json", who="siri")
    assert (told.exit, told.json["changed"]) == (15, [mine])
    put(world, "state", **{mine: "held"})
    assert exported(world, mine).json["error"]["code"] == "withdrawn_but_held"


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawn_call_that_its_row_hid_is_named_and_opens_nothing_when_the_row_is_put_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arlo_rec.store.VERIFIED_WHOLE", 0)  # as in a store whose rows are not all compared
    mine, other = world.take_in("a", "b")
    world.grant("leif")
    kept = tags(world)
    put(world, "caller", **{mine: b"x" * 32})
    assert world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
    put(world, "caller", **{mine: kept[other]})
    told = exported(world, mine)
    assert (told.exit, told.json["error"]["code"]) == (15, "withdrawn_but_held")
    assert {"code": "withdrawn_but_held", "what": mine} in world.run("verify", "--json", who="iver").json["problems"]
    assert world.json("withdraw", "90000001", "--yes", who="siri")["erased"] == 1
    assert clean(world)


@pytest.mark.rule("consent.withdraw")
def test_a_call_of_the_same_caller_after_a_withdrawal_is_no_withdrawn_one(world: World) -> None:
    world.take_in("a")
    world.json("withdraw", "90000001", "--yes", who="siri")
    later = datetime.now(UTC) + timedelta(minutes=10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "now", lambda _run: later + timedelta(minutes=5))
        (again,) = world.take_in("again", started=later)
        world.grant("leif")
        assert exported(world, again).exit == 0
        assert clean(world)


@pytest.mark.rule("consent.withdraw")
def test_a_copy_whose_row_names_another_call_goes_with_its_own(world: World) -> None:
    (mine,) = world.take_in("a", seconds=1)
    (other,) = world.take_in("b", caller="+4790000002", seed=4, seconds=1)
    copy = str(propose(world, mine)["copy"])
    put(world, "parent", **{copy: bytes.fromhex(other)})
    assert world.json("withdraw", "90000002", "--yes", "--dry-run", who="siri")["would_erase"] == 1
    assert world.json("withdraw", "--call", copy, "--yes", who="siri")["erased"] == 2
    assert list(tags(world)) == [other]


# -- the entry that swears first ----------------------------------------------------------------------------


def made_true(world: World, call: str, who: str, *, strike: str, **columns: object) -> None:
    """Change a row, swear to it as somebody who swears to recordings, and hide the first entry or who signed it."""
    recording = RecordingId(bytes.fromhex(call))
    for column, value in columns.items():
        put(world, column, **{call: value})
    with own_code(world, who) as store:
        row = store.catalogue.recordings.get(recording)
        assert row is not None
        event: CallTakenIn | CopyMade = CallTakenIn(recordings=(recording,), sworn=row.row_digest())
        if who == "turid":
            event = CopyMade(recordings=(recording,), sworn=row.row_digest(), parent="00" * 16, state="review")
        with store.change(datetime.now(UTC)) as change:
            change.log(event)
            seq = change.next_seq - 1
    if strike == "mention":
        with insider(world) as db:
            db.run("DELETE FROM mentions WHERE recording = ? AND seq < ?", (recording, seq))
    else:
        spoil_note(world, call.encode())


SWEARERS = pytest.mark.parametrize(
    ("who", "strike"), [("turid", "mention"), ("telefon", "mention"), ("turid", "note"), ("telefon", "note")]
)


@pytest.mark.rule("consent.withdraw")
@SWEARERS
def test_no_withdrawal_says_that_it_is_done_because_a_row_was_sworn_to_once_more(
    world: World, who: str, strike: str
) -> None:
    (hers,) = world.take_in("hers")
    (his,) = world.take_in("his", caller="+4790000002", seed=7)
    world.grant("leif")
    made_true(world, hers, who, strike=strike, caller=tags(world)[his])
    told = world.run("withdraw", "90000001", "--yes", "--json", who="siri")
    if strike == "mention":  # the first entry says that she is the caller
        assert (told.exit, told.json["erased"]) == (0, 1)
    else:
        assert (told.exit, told.json["changed"]) == (15, [hers])
    assert exported(world, hers).exit in {13, 15}
    told = world.run("withdraw", "90000002", "--yes", "--json", who="siri")
    assert [each["id"] for each in told.json["recordings"]] == [his], "and of hers nothing"


@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("who", ["turid", "telefon"])
def test_a_call_that_was_hidden_from_its_withdrawal_opens_no_more_when_it_is_sworn_to_again(
    world: World, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arlo_rec.store.VERIFIED_WHOLE", 0)  # as in a store whose rows are not all compared
    (hers,) = world.take_in("hers")
    (his,) = world.take_in("his", caller="+4790000002", seed=7)
    world.grant("leif")
    kept = tags(world)
    made_true(world, hers, who, strike="mention", caller=kept[his])
    world.run("withdraw", "90000001", "--yes", who="siri")
    made_true(world, hers, who, strike="mention", caller=kept[hers])
    assert exported(world, hers).json["error"]["code"] == "withdrawn_but_held"


@pytest.mark.rule("retention.90d")
@SWEARERS
def test_no_purge_erases_before_the_day_of_a_call_because_a_row_was_sworn_to_once_more(
    world: World, who: str, strike: str
) -> None:
    (call,) = world.take_in("a")
    made_true(world, call, who, strike=strike, due_at=to_micros(datetime.now(UTC) - timedelta(days=1)))
    told = world.run("purge", "--json", who="cron")
    assert (told.exit, told.json["erased"], told.json["changed"]) == (15, 0, [call])


@pytest.mark.rule("access.subject")
@SWEARERS
def test_nobody_is_given_a_call_that_was_sworn_to_once_more_as_theirs(world: World, who: str, strike: str) -> None:
    (hers,) = world.take_in("hers", seconds=1)
    (his,) = world.take_in("his", caller="+4790000002", seed=7, seconds=1)
    made_true(world, hers, who, strike=strike, caller=tags(world)[his])
    told = world.run("dsar", "90000002", *CALLED, "--out", str(world.base / "a.html"), "--json", who="sigrid")
    assert (told.exit, told.json["recordings"], told.json["changed"]) == (15, 1, [hers])


@pytest.mark.rule("data.pseudonymised")
@pytest.mark.parametrize(("state", "refused"), [("ready", "recording_changed"), ("released", "no_grant")])
def test_whoever_makes_copies_swears_to_no_call(world: World, state: str, refused: str) -> None:
    """A row that is no copy, and is new, so that no entry swore to it before; a released copy is not for quality."""
    (call,) = world.take_in("a")
    world.grant("leif")
    with insider(world) as db:
        columns = ", ".join(str(row[1]) for row in db.rows("PRAGMA table_info(recordings)") if row[1] != "id")
        known = bytes.fromhex(call)
        new = known[:8] + b"invented"
        db.run(f"INSERT INTO recordings (id, {columns}) SELECT ?, {columns} FROM recordings WHERE id = ?", (new, known))
    with own_code(world, "turid") as store, store.change(datetime.now(UTC)) as change:
        row = store.catalogue.recordings.get(RecordingId(new))
        assert row is not None
        change.log(CopyMade(recordings=(row.id,), sworn=row.row_digest(), parent=call, state=state))
    assert exported(world, new.hex()).json["error"]["code"] == refused


# -- what keeps a call for longer --------------------------------------------------------------------------


@pytest.mark.rule("retention.90d")
@pytest.mark.parametrize("how", ["row", "note", "both", "mention"])
def test_neither_a_row_nor_the_log_keeps_a_call_for_longer_than_the_day_in_its_id(
    world: World, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    (call,) = world.take_in("a")
    far = to_micros(datetime.now(UTC) + timedelta(days=3650))
    if how in {"row", "both", "mention"}:
        put(world, "started_at", **{call: far})
        put(world, "due_at", **{call: far})
    if how in {"note", "both"}:
        spoil_note(world, call.encode())
    if how == "mention":
        with insider(world) as db:
            db.run("DELETE FROM mentions")
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=88))
    assert world.json("purge", "--allow-large", who="cron")["erased"] == 0
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=92))
    assert world.json("status", who="iver")["overdue"] == 1
    told = world.json("purge", "--allow-large", who="cron")
    assert (told["erased"], told["overdue"]) == (1, 0)
    assert call not in tags(world)


# -- what was made of a call that is hidden ------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.rule("consent.withdraw")
@pytest.mark.parametrize("hide", ["state", "delete", "caller"])
def test_a_copy_whose_original_is_hidden_is_told_and_opens_for_nobody(world: World, hide: str) -> None:
    (call,) = world.take_in("a", seconds=1)
    world.grant("leif")
    world.grant("turid", "training")
    made = str(propose(world, call)["copy"])
    world.json("review", made, "--confirm", "--reason", REASON, who="leif")
    copy = str(world.json("release", made, "--reason", REASON, who="sigrid")["copy"]["copy"])
    assert training(world, "export", copy, "--out", str(world.base / "before.wav")).exit == 0
    with insider(world) as db:
        recording = (bytes.fromhex(call),)
        if hide == "delete":
            db.run("DELETE FROM recordings WHERE id = ?", recording)
        elif hide == "state":
            db.run("UPDATE recordings SET state = 'erased', caller = NULL WHERE id = ?", recording)
        else:
            db.run("UPDATE recordings SET caller = x'00', team = 'x' WHERE id = ?", recording)
    told = world.run("withdraw", "90000001", "--yes", "--json", who="siri")
    assert (told.exit, told.json["erased"]) == (15, 0)
    assert copy in told.json["changed"]
    opened_by = training(world, "export", copy, "--out", str(world.base / "after.wav"))
    assert (opened_by.exit, opened_by.json["error"]["code"]) == (15, "recording_changed")
    assert world.json("withdraw", "--call", copy, "--yes", who="siri")["erased"] >= 1
    assert copy not in tags(world)
