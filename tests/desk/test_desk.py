"""The desk by its requests: what it shows and does is what commands show and do, for the same people alone."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Timer
from typing import Any

import pytest

from arlo_rec.desk.session import SOUND, STALE, Session
from arlo_rec.edge.commands import desk_views
from arlo_rec.edge.commands.desk import _Work
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.door.client import LocalClient
from arlo_rec.edge.terminal import Form
from arlo_rec.law.model.errors import Integrity
from arlo_rec.policy import DESK, Role
from arlo_rec.vault.backends.files import file_lock
from arlo_rec.vault.keys import layout
from tests.support.copies import CONFIRM, propose
from tests.support.keyring import begin_session
from tests.support.listening import AtDesk
from tests.support.world import REASON, World

pytestmark = [pytest.mark.slow, pytest.mark.rule("access.need")]
LOOK = ("--purpose", "quality", "--reason", REASON)
WHY = "they need it for their work"


@contextmanager
def at_desk(world: World, who: str) -> Iterator[Run]:
    """The run of a desk in this process, whose clock a test may move."""
    kept = dict(os.environ)
    os.environ.update(world._environment([]))
    options = {"as": who, "passphrase_file": str(world.base / "passphrase")}
    try:
        run = Run(options, LocalClient(), form=Form.WORDS, quiet=True, command="desk")
        run.kept = run.identity(run.place())
        yield run
    finally:
        os.environ.clear()
        os.environ.update(kept)


def open_call(page: AtDesk, call: str) -> Any:
    return page.do(do="open", kind="call", id=call, purpose="quality", reason=REASON)


def act(page: AtDesk, name: str, id: str = "", **more: str) -> Any:
    return page.do(do="act", act=name, id=id, **more)


def logged(world: World, action: str) -> list[dict[str, Any]]:
    """The entries of an action, without what differs from one run to the next."""
    entries = world.json("audit", "show", "--action", action, who="iver")["entries"]
    return [
        {key: each.get(key) for key in ("person", "outcome", "purpose", "reason", "recordings")} for each in entries
    ]


# -- what it shows ------------------------------------------------------------------------------------


@pytest.mark.rule("security.reason")
def test_the_list_of_calls_is_that_of_find_and_is_logged_alike(world: World) -> None:
    world.grant()
    world.take_in("a", "b", seconds=0.2)
    found = world.json("find", *LOOK, who="leif")["recordings"]
    by_command = logged(world, "find")
    with AtDesk(world) as page:
        page.enter()
        assert [row["id"] for row in page.show("calls")["rows"]] == [each["id"] for each in found]
    assert logged(world, "find")[len(by_command) :] == by_command
    with AtDesk(world) as page:
        page.enter()
        assert page.show("calls", reason="")["code"] == "reason_missing"


def test_calls_are_filtered_by_day_week_team_agent_and_length(world: World) -> None:
    world.grant()
    now = datetime.now(UTC)
    monday = now - timedelta(days=now.weekday() + 4)  # Thursday of last week
    world.deliver("a", started=monday, seconds=0.5, seed=1)
    world.deliver("b", started=now - timedelta(hours=1), seconds=90, channels=1, rate=8000, seed=2)
    world.deliver("c", started=now - timedelta(minutes=30), agent="Kari Prøvesen", team="teknisk", seconds=0.5, seed=3)
    taken = world.json("ingest", str(world.spool), who="telefon")["accepted"]
    a, b, c = (next(each["id"] for each in taken if each["source_id"].endswith(name)) for name in "abc")
    with AtDesk(world) as page:
        page.enter()

        def ids(**filters: str) -> list[str]:
            return [row["id"] for row in page.show("calls", **filters)["rows"]]

        assert ids() == [c, b, a]
        assert ids(day="last week") == ids(day=f"week {monday.isocalendar().week}") == [a]
        assert a not in ids(day="this week")
        assert ids(team="teknisk") == ids(agent="kari prøvesen") == [c]
        assert ids(shortest="1") == ids(shortest="0,5", longest="2") == [b]
        assert ids(longest="1") == [c, a]
        assert page.show("calls", day="never")["code"] == "bad_time"
        assert page.show("calls", shortest="x")["code"] == "bad_minutes"
        assert page.show("calls", team=["teknisk"])["code"] == "bad_value"


@pytest.mark.parametrize(("who", "role"), [("leif", "manager"), ("sigrid", "officer"), ("iver", "auditor")])
def test_each_view_of_a_person_is_shown_and_those_of_others_are_not(world: World, who: str, role: str) -> None:
    with AtDesk(world, who) as page:
        page.enter()
        views = page.get("/facts").json["views"]
        assert tuple(views) == DESK[Role(role)]
        for view in {view for every in DESK.values() for view in every} | {"audit"}:
            shown = page.show(view)
            allowed = shown.get("view") == view or shown["code"] in {"no_grant"}
            assert allowed is (view in views), (view, shown)
            assert view in views or shown["code"] == "not_on_desk"
        if who == "iver":
            assert act(page, "approve", "0123")["code"] == "not_your_role"
            assert act(page, "revoke", "0123", holder="leif")["code"] == "not_on_desk"
            assert page.do(do="open", kind="case", id="0123")["code"] == "not_on_desk"
            assert open_call(page, "0123")["code"] == "not_on_desk"


@pytest.mark.parametrize("who", ["siri", "telefon", "cron"])
def test_support_and_services_have_no_desk(world: World, who: str) -> None:
    assert world.code("desk", "--no-browser", who=who) == (13, "no_desk")


def test_officers_see_cases_with_their_letters_and_it_sees_the_state(world: World) -> None:
    case = world.json("case", "open", "90000001", "--identity", "called-back", "--right", "complaint", who="sigrid")
    number = case["case"]["id"]
    refuse = ("case", "decide", number, "--refuse", "--ground", "unfounded", "--reason", "no call was recorded")
    with AtDesk(world, "sigrid") as page:
        page.enter()
        assert [(row["id"], row["opens"]) for row in page.show("cases")["rows"]] == [(number, "case")]
        assert "Datatilsynet" not in "\n".join(page.do(do="open", kind="case", id=number)["lines"])
        world.json(*refuse, who="sigrid")
        assert "Datatilsynet" in "\n".join(page.do(do="open", kind="case", id=number)["lines"])
    with AtDesk(world, "iver") as page:
        page.enter()
        told = page.show("status")
        assert told["lines"][0].startswith("Held: 0.")
        wanted = world.json("status", who="iver")
        assert {row["id"] for row in told["rows"]} >= {*wanted["warnings"], *wanted["critical"]}
        degrees = [row["mark"] for row in told["rows"]]
        assert degrees == sorted(degrees, key=["critical", "warning", "status"].index)


# -- what is opened -----------------------------------------------------------------------------------


@pytest.mark.rule("security.monitored")
@pytest.mark.parametrize("door", [False, True], ids=["", "through the door"])
def test_one_call_is_open_at_a_time_and_what_was_heard_of_each_is_logged(world: World, door: bool) -> None:
    world.grant()
    calls = world.take_in("a", "b", seconds=3)
    world.door = door
    with AtDesk(world) as desk:
        desk.enter()
        for call in calls:
            assert not [row for row in desk.show("calls")["rows"] if row["id"] == call and not row["mark"]]
            call_page = desk.at(open_call(desk, call)["url"])
            call_page.enter()
            assert call_page.get("/facts").json["id"] == call
            assert call_page.get("/sound").status == 200
            call_page.tell("/heard", {"spans": [[0, 2]]})
            if call == calls[0]:
                first = call_page
        assert first.get("/sound").status in (403, 410)
        assert [row["mark"] for row in desk.show("calls")["rows"]] == ["", ""], "heard before"
        desk.tell("/close")
        assert desk.ended()[0] == 0
    world.door = False
    heard = world.json("audit", "show", "--action", "listen", "--outcome", "done", who="iver")["entries"]
    assert [each["detail"]["heard_s"] for each in heard] == [2, 2]


def closed(page: AtDesk) -> bool:
    """Whether a call's page gives no sound any more, within a few seconds."""
    until = time.monotonic() + 8
    while time.monotonic() < until:
        with suppress(http.client.RemoteDisconnected):  # the object is gone, and the page does not know yet
            if page.get("/sound").status in (403, 410):
                return True
        time.sleep(0.1)
    return False


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_ends_the_open_call_and_the_desk_goes_on_without_it(world: World) -> None:
    world.grant()
    first, other = world.take_in("a", "b", seconds=3)
    with AtDesk(world) as desk:
        desk.enter()
        call = desk.at(open_call(desk, first)["url"])
        call.enter()
        world.json("withdraw", "--call", first, "--yes", who="siri")
        assert closed(call)
        assert [row["id"] for row in desk.show("calls")["rows"]] == [other]
        assert open_call(desk, first)["code"] in {"no_such_recording", "not_found", "no_grant"}


@pytest.mark.rule("access.managers")
def test_a_revocation_ends_the_open_call_and_the_list_says_why_it_is_empty(world: World) -> None:
    grant = world.grant()
    (first,) = world.take_in("a", seconds=3)
    with AtDesk(world) as desk, AtDesk(world, "sigrid") as officer:
        desk.enter(), officer.enter()
        call = desk.at(open_call(desk, first)["url"])
        call.enter()
        [row] = officer.show("grants")["rows"]
        assert row["id"] == grant["id"]
        assert "leif" in " ".join(act(officer, "revoke", row["id"], holder=row["holder"])["lines"])
        assert closed(call)
        told = desk.show("calls")
        assert (told["rows"], "no access" in told["lines"][0]) == ([], True)


def test_an_open_desk_holds_the_store_up_for_nobody(world: World) -> None:
    world.grant()
    (call,) = world.take_in("a", seconds=3)
    lock = layout.find(world.store).lock_file("open")
    with AtDesk(world) as desk:
        desk.enter()
        desk.show("calls")
        with file_lock(lock, exclusive=True, wait=0):
            pass
        open_call(desk, call)
        desk.do(do="leave")
        with file_lock(lock, exclusive=True, wait=0):
            pass


# -- what is done -------------------------------------------------------------------------------------


@pytest.mark.rule("access.officer")
def test_a_manager_asks_and_an_officer_decides_each_on_their_own_page(world: World) -> None:
    world.take_in("a", seconds=0.2)
    with AtDesk(world) as manager, AtDesk(world, "sigrid") as officer:
        manager.enter(), officer.enter()
        assert act(manager, "ask", purpose="quality", team="kundeservice", days="7", reason="x")["code"]
        for _ in range(2):
            told = act(manager, "ask", purpose="quality", team="kundeservice", days="7", reason=WHY)
            assert told["lines"]
        waiting = [row for row in officer.show("tasks")["rows"] if "approve" in row["acts"]]
        text = waiting[0]["cells"][1]
        assert [word in text for word in ("leif", "quality", "kundeservice", WHY)] == [True] * 4
        assert "arlo-rec" not in text, "there is a button for it"
        assert act(officer, "deny", waiting[0]["id"])["code"] == "reason_missing"
        assert act(officer, "deny", waiting[0]["id"], reason="the week is over")["lines"]
        assert act(officer, "approve", waiting[1]["id"])["lines"]
        assert [row for row in officer.show("tasks")["rows"] if "approve" in row["acts"]] == []
        assert len(manager.show("calls")["rows"]) == 1
        states = {row["cells"][-1] for row in manager.show("access")["rows"]}
        assert states == {"denied", "granted", "live"}


@pytest.mark.rule("data.pseudonymised")
def test_a_copy_is_reviewed_released_and_rejected_on_the_desk(world: World) -> None:
    world.grant()
    first, other = world.take_in("a", "b", seconds=1)
    made = [propose(world, call, who="leif")["copy"] for call in (first, other)]
    with AtDesk(world) as desk:
        desk.enter()
        assert [(row["id"], row["opens"], row["acts"]) for row in desk.show("copies")["rows"]] == [
            (copy, "copy", ["reject"]) for copy in made
        ]
        review = desk.at(desk.do(do="open", kind="copy", id=made[0], purpose="training", reason=WHY)["url"])
        review.enter()
        assert review.get("/facts").json["review"] is True
        desk.do(do="leave")
        world.json("review", made[0], *CONFIRM, who="leif")
        assert act(desk, "release", made[0])["code"] == "reason_missing"
        assert act(desk, "release", made[0], reason=WHY)["lines"]
        assert act(desk, "reject", made[1], reason=WHY)["lines"]
        assert desk.show("copies")["rows"] == []


@pytest.mark.rule("data.pseudonymised")
def test_a_trainer_reads_no_name_of_an_employee_in_the_list(world: World) -> None:
    world.grant()
    world.grant("leif", "training")
    (call,) = world.take_in("a", seconds=1)
    copy = propose(world, call, who="leif")["copy"]
    world.json("review", copy, *CONFIRM, who="leif")
    world.json("release", copy, "--reason", WHY, who="leif")
    with AtDesk(world) as desk:
        desk.enter()
        for purpose, is_named in (("quality", True), ("training", False)):
            shown = desk.show("calls", purpose=purpose)
            ((row,), columns) = shown["rows"], len(shown["headings"])
            assert len(row["cells"]) == columns
            assert ("Ola Oppdiktet" in str(shown)) is is_named


@pytest.mark.rule("security.password")
def test_locking_ends_the_desk_that_began_by_an_unlock(world: World) -> None:
    begin_session()
    world.json("unlock", who="leif")
    with AtDesk(world, "", words=("desk", "--as", "leif")) as desk:
        desk.enter()
        assert desk.show("files")["rows"] == []
        Timer(0.5, world.run, ["lock", "--as", "leif"]).start()
        assert '"why": "locked"' in desk.get("/events").body.decode()
        assert desk.process.wait(10) == 0


@pytest.mark.rule("consent.withdraw")
def test_a_saved_file_is_confirmed_as_deleted_on_the_desk(world: World) -> None:
    world.grant()
    (call,) = world.take_in("a", seconds=0.2)
    out = world.base / "call.wav"
    world.json("export", call, *LOOK, "--out", str(out), who="leif")
    out.unlink()
    with AtDesk(world) as desk:
        desk.enter()
        [row] = desk.show("files")["rows"]
        assert (row["acts"], "call.wav" in " ".join(row["cells"])) == (["deleted"], True)
        assert act(desk, "deleted", row["id"])["lines"]
        assert desk.show("files")["rows"] == []


# -- how it ends --------------------------------------------------------------------------------------


def test_a_page_that_is_closed_ends_the_command_and_gives_nothing_more(world: World) -> None:
    world.grant()
    with AtDesk(world) as desk:
        desk.enter()
        assert desk.enter().status == 403, "the token is used"
        desk.tell("/close")
        assert desk.ended()[0] == 0


def test_listen_without_a_call_is_the_desk(world: World) -> None:
    world.grant()
    (call,) = world.take_in("a", seconds=0.2)
    with AtDesk(world, words=("listen", "--purpose", "quality")) as desk:
        desk.enter()
        assert [row["id"] for row in desk.show("calls")["rows"]] == [call]
    assert world.code("listen", "--player", "aplay", *LOOK, who="leif") == (2, "player_of_nothing")


# -- what it says -------------------------------------------------------------------------------------


@pytest.mark.rule("access.subject")
def test_a_case_is_read_whatever_the_language_of_its_letter(world: World) -> None:
    case = world.json("case", "open", "90000001", "--identity", "called-back", "--right", "complaint", who="sigrid")
    number, why = case["case"]["id"], "vi fant ingen feil i opplysningene"
    world.json("case", "decide", number, "--refuse", "--ground", "unfounded", "--reason", why, who="sigrid")
    with AtDesk(world, "sigrid", lang="en") as desk:
        desk.enter()
        assert why in "\n".join(desk.do(do="open", kind="case", id=number)["lines"])


@pytest.mark.rule("access.officer")
@pytest.mark.parametrize(("button", "state"), [("approve_refusal", "refused"), ("deny_refusal", "open")])
def test_a_refusal_that_waits_has_buttons_of_its_own_words(two: World, button: str, state: str) -> None:
    """To deny a refusal is not to refuse the request."""
    opened = two.json("case", "open", "90000001", "--identity", "called-back", "--right", "complaint", who="sigrid")
    number, why = opened["case"]["id"], ("--reason", "the tenth letter of them")
    two.json("case", "decide", number, "--refuse", "--ground", "unfounded", *why, who="sigrid")
    told = None
    with at_desk(two, "astrid") as run:
        [row] = [row for row in desk_views.show(run, {"view": "tasks"}).rows if row.opened == number]
        assert (list(row.acts), row.opens) == (["approve_refusal", "deny_refusal"], "case")
        told = desk_views.do(run, {"act": button, "id": row.id, "reason": "one letter of them is new"})
    assert told
    assert two.json("case", "show", number, who="sigrid")["case"]["state"] == state


def test_my_access_shows_what_i_have_and_no_cell_has_a_hidden_sign(world: World) -> None:
    world.grant()
    (call,) = world.take_in("a", seconds=0.2)
    world.json("export", call, *LOOK, "--out", str(world.base / "a\u202evaw.exe"), who="leif")
    with AtDesk(world) as desk:
        desk.enter()
        [mine] = desk.show("access")["rows"]
        assert "live" in mine["cells"]
        assert "\u202e" not in "".join(desk.show("files")["rows"][0]["cells"])


def test_an_empty_page_is_no_attempt(world: World) -> None:
    with AtDesk(world) as desk:
        desk.enter()
        assert desk.show("calls")["lines"] == ["You have no access to recordings for quality now."]
    assert logged(world, "find") == []


# -- while something else goes on ---------------------------------------------------------------------


@pytest.mark.rule("access.officer")
def test_a_button_asks_nothing_on_the_terminal_where_it_was_started(world: World) -> None:
    world.grant()
    world.take_in("a", seconds=0.2)
    world.json("request", "--purpose", "quality", "--team", "kundeservise", "--reason", WHY, who="leif")
    with AtDesk(world, "sigrid", terminal=True) as desk:
        desk.enter()
        [row] = [row for row in desk.show("tasks")["rows"] if "approve" in row["acts"]]
        assert act(desk, "approve", row["id"])["lines"]


@pytest.mark.rule("consent.withdraw")
def test_a_page_that_nobody_watches_is_not_said_to_be_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Session({}, {SOUND: object()})  # type: ignore[dict-item]
    assert page.is_watched, "it was not looked at yet"
    page.note_looked(100.0)
    monkeypatch.setattr(time, "monotonic", lambda: 100.0 + STALE)
    assert page.is_watched
    monkeypatch.setattr(time, "monotonic", lambda: 100.1 + STALE)
    assert not page.is_watched
    with page.nothing_given():
        assert page.is_watched, "a decision is carried out, and no sound is given"


@pytest.mark.rule("security.monitored")
def test_the_desk_ends_where_what_was_heard_cannot_be_logged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Any:
        raise Integrity("log_changed")

    work = _Work(None, None, [])  # type: ignore[arg-type]
    work._open.callback(fails)
    work.leave()
    assert work.failed is not None
    work.leave()
    assert work.failed.code == "log_changed", "it is not forgotten"
