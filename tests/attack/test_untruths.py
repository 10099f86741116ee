"""What the program says that is not so: to the person who asks for access, to support, to whoever reads the log."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from arlo_rec.commands.run import Run
from arlo_rec.i18n.messages import say
from arlo_rec.model.audit_events import LogShown, Opened, SearchShown
from arlo_rec.model.records import RecordingId, from_iso
from arlo_rec.policy import Action
from arlo_rec.store import Store
from tests.support.answers import opened
from tests.support.attack import own_code
from tests.support.copies import CONFIRM, propose
from tests.support.world import REASON, World

CALLED = ("--identity", "called back on the number of the contract")
WHY = ("--purpose", "quality", "--reason", REASON)


def letter(world: World) -> str:
    out = world.base / f"answer-{len(list(world.base.glob('answer-*')))}.html"
    told = world.json("dsar", "90000001", *CALLED, "--lang", "en", "--out", str(out), who="sigrid")
    html: str = opened(out.read_bytes(), told["passphrase"].encode())["letter_html"]
    return html


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("then", ["reject", "release"])
@pytest.mark.parametrize("how", ["export", "hear"])
def test_the_letter_tells_who_took_a_copy_that_is_gone_by_now(world: World, then: str, how: str) -> None:
    """Within the program alone: what leif has of the call is still his when the copy under review was erased."""
    (call,) = world.take_in("a", seconds=1)
    world.grant("leif")
    copy = str(propose(world, call)["copy"])
    out = str(world.base / "out.wav")
    if how == "export":
        world.json("export", copy, *WHY, "--out", out, who="leif")
    else:
        world.json("review", copy, "--out", out, "--reason", REASON, who="leif")
    cell = f"<td>{say(f'letter.action.{how}', 'en')}</td>"
    assert cell in letter(world)
    if then == "release":
        world.json("review", copy, *CONFIRM, who="sigrid")
        world.json("release", copy, "--reason", REASON, who="sigrid")
    else:
        world.json("reject", copy, "--reason", REASON, who="sigrid")
    assert cell in letter(world)


@pytest.mark.rule("security.monitored")
def test_nobody_signs_in_the_name_of_another_because_of_a_name_like_that_of_somebody_filed(world: World) -> None:
    secret = str(world.base / "passphrase")
    name = "sigrid (until 2026-01-01)"
    added = world.run("person", "add", name, "--role", "auditor", "--new-passphrase-file", secret, who="sigrid")
    if added.exit:
        return
    with own_code(world, name) as store:
        store.identity = store.identity.__class__(
            store.identity.store, "sigrid", store.identity.seed, store.identity.pin
        )
        with store.change(datetime.now(UTC)) as change:
            change.log(LogShown())
    assert world.run("verify", "--json", who="iver").exit == 15


@pytest.mark.rule("scope.only")
def test_a_call_that_support_takes_in_with_own_code_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that nobody's exchange delivered, of which the caller is told that it is theirs."""
    world.deliver("invented")
    kept = Store.demand

    def demand(store: Store, action: Action, now: datetime) -> None:
        if action is not Action.INGEST:
            kept(store, action, now)

    monkeypatch.setattr(Store, "demand", demand)
    told = world.run("ingest", str(world.spool), "--json", who="skranke")
    assert told.json["accepted"], "the attacker's own code is right"
    assert world.run("verify", "--read-data", "--json", who="iver").exit == 15


@pytest.mark.rule("consent.withdraw")
def test_an_exchanges_id_that_is_the_id_of_another_call_takes_no_other_call(world: World) -> None:
    """Whoever writes to the spool names a call like one of ours: support reads out one id, and two calls go."""
    (mine,) = world.take_in("mine")
    world.deliver("other", source_id=mine, caller="+4790000002", seed=5)
    world.json("ingest", str(world.spool), who="telefon")
    told = world.run("withdraw", "--call", mine, "--dry-run", "--json", who="siri")
    assert told.exit != 0 or told.json["would_erase"] == 1, told


@pytest.mark.rule("access.subject")
def test_the_letter_tells_of_no_access_that_a_second_officer_denied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=10))
    secret = str(world.base / "passphrase")
    world.json("person", "add", "astrid", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=20))
    world.json("purge", "--allow-large", who="cron")
    world.take_in("a", seconds=1, started=datetime.now(UTC) + timedelta(days=19))
    before = letter(world).count("<tr>")
    waits = world.grant("sigrid")
    assert waits["state"] == "pending"
    world.json("deny", waits["id"], "--reason", "nobody needs that at all", who="astrid")
    assert letter(world).count("<tr>") == before + 1, "the first answer alone"


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("ahead", [timedelta(minutes=9), timedelta(days=3)])
def test_the_letter_tells_of_an_access_by_a_clock_that_was_ahead(
    world: World, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    world.take_in("a", seconds=1)
    before = letter(world).count("<tr>")
    with monkeypatch.context() as clock:
        clock.setattr(Run, "now", lambda _run: datetime.now(UTC) + ahead)
        world.json("withdraw", "90000001", "--dry-run", who="siri")
    if ahead > timedelta(minutes=10):
        world.accept_clock()
    told = letter(world)
    assert told.count("<tr>") == before + 2, "the first answer, and the look"
    times = [from_iso(one) for one in re.findall(r'<tr><td><time datetime="(.*?)">', told)]
    assert times and max(times) <= datetime.now(UTC), "none is told of a time to come"


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("who", ["iver", "telefon"])
def test_the_letter_tells_of_no_access_that_somebody_invents_who_has_none(world: World, who: str) -> None:
    (call,) = world.take_in("a", seconds=1)
    before = letter(world).count("<tr>")
    with own_code(world, who) as store, store.change(datetime.now(UTC)) as change:
        ids = (RecordingId(bytes.fromhex(call)),)
        change.log(SearchShown(purpose="quality", reason=REASON, recordings=ids, shown=1))
        change.log(Opened(action=Action.EXPORT, rule="purpose.quality", recordings=ids, purpose="quality"))
    assert letter(world).count("<tr>") == before + 1, "the first answer alone"
