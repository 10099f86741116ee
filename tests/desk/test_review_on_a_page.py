"""A review on a page: what it gets, what somebody decides on it, what the log says of it, and when it is over."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import listening
from tests.support.answers import opened
from tests.support.answers import words as text_of
from tests.support.copies import SAID, WHY, call, labels, made_of, propose, words
from tests.support.listening import Reviewing
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("data.pseudonymised"), pytest.mark.slow]


@pytest.fixture
def waiting(world: World) -> tuple[World, str]:
    """A copy of a made call with cuts, and stretches that were heard badly; Leif may hear it."""
    world.grant("leif", "quality")
    return world, str(made_of(world, call(world), "--transcript", words())["copy"])


@pytest.fixture
def page(waiting: tuple[World, str]) -> Iterator[Reviewing]:
    with Reviewing(*waiting) as reviewing:
        assert reviewing.enter().status == 200
        yield reviewing


def entries(world: World, action: str = "review_listen") -> list[dict[str, Any]]:
    return list(world.json("audit", "show", "--action", action, who="iver")["entries"])


def accepted(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**cut, "status": "accepted"} for cut in document["cuts"]]


# -- what it gets -------------------------------------------------------------------------------------


def test_a_page_gets_the_cuts_the_words_and_both_sounds(waiting: tuple[World, str], page: Reviewing) -> None:
    told, facts = page.get("/review").json, page.get("/facts").json
    assert (facts["review"], facts["channels"], facts["purpose"], facts["reason"]) == (
        True, ["caller", "agent"], "training", REASON,
    )  # fmt: skip
    assert (told["copy"], told["revision"], told["state"], told["heard"]) == (waiting[1], 1, "needs_review", [])
    assert [(cut["number"], cut["status"], cut["was"]) for cut in told["cuts"][:2]] == [
        (1, "proposed", None),
        (2, "proposed", None),
    ]
    assert told["cuts"][0]["heard"] == "This is Charles."
    assert {"text", "start", "end", "channel", "score", "cut", "look", "pass"} == told["words"][0].keys()
    copy, original = page.get("/sound").body, page.get("/original").body
    assert len(copy) == len(original) and copy != original
    start = 44 + 4 * round(8000 * (told["cuts"][0]["start"] + 0.1))
    assert set(copy[start : start + 800]) == {0} and set(original[start : start + 800]) != {0}
    assert page.get("/peaks?from=0").status == 200


def test_where_nothing_says_how_well_words_were_heard_the_page_marks_all_that_is_not_cut(world: World) -> None:
    world.grant("leif", "quality")
    copy = str(made_of(world, call(world), "--cuts", labels(world, (0.5, 0.8)))["copy"])
    with Reviewing(world, copy) as page:
        page.enter()
        first, second = page.get("/review").json["unsure"]
    assert (first["start"], first["end"], second["start"]) == (0.0, 0.5, 0.8)
    assert second["end"] > 10


def test_a_page_to_listen_has_no_review_and_takes_no_decision(world: World) -> None:
    from tests.support.listening import Listening

    world.grant()
    (recording,) = world.take_in("call", seconds=2)
    with Listening(world, recording) as page:
        page.enter()
        assert page.get("/review").status == 404
        assert page.get("/original").status == 404
        assert page.tell("/decide", {"cuts": [], "confirm": True}).status == 404


# -- what is decided ----------------------------------------------------------------------------------


def test_what_was_decided_and_heard_on_a_page_is_confirmed_by_it(waiting: tuple[World, str], page: Reviewing) -> None:
    world, copy = waiting
    told = page.get("/review").json
    refused = page.tell("/decide", {"cuts": accepted(told)[1:], "confirm": True, "reason": None})
    assert refused.status == 409
    assert refused.json["left"]["undecided"] == [1]
    assert refused.json["left"]["unheard"] == [[each["start"], each["end"]] for each in told["unsure"]]
    page.play(copy=[[each["start"] - 0.05, each["end"] + 0.05] for each in told["unsure"]])
    unheard = page.tell("/decide", {"cuts": accepted(told), "confirm": True, "reason": None})
    assert (unheard.status, unheard.json["left"]) == (409, {"undecided": [], "unheard": []})
    length = page.get("/facts").json["length_s"]
    assert 30 < unheard.json["unheard_s"] < length, "what nobody doubts was not heard either"
    done = page.tell("/decide", {"cuts": accepted(told), "confirm": True, "reason": None, "vouches": True})
    assert (done.status, done.json) == (200, {"done": "confirmed", "revision": 2})
    status, out, err = page.ended()
    assert (status, f"arlo-rec release {copy}" in out) == (0, True), err
    assert world.json("review", who="leif")["copies"][0]["state"] == "ready"
    (confirmed,) = (each for each in entries(world, "review") if "confirmed" in each.get("detail", {}))
    assert (confirmed["detail"], "reason" in confirmed) == ({"confirmed": True}, False)
    assert world.run("release", copy, "--reason", WHY, who="leif").exit == 0


def test_what_is_left_goes_with_a_reason(waiting: tuple[World, str], page: Reviewing) -> None:
    world, _ = waiting
    open_cuts = len(page.get("/review").json["cuts"])
    bad = page.tell("/decide", {"cuts": [], "confirm": True, "reason": "later"})
    assert (bad.status, "10" in bad.json["message"]) == (422, True)
    assert page.tell("/decide", {"cuts": [], "confirm": True, "reason": WHY}).json["done"] == "confirmed"
    assert page.ended()[0] == 0
    (confirmed,) = (each for each in entries(world, "review") if "confirmed" in each.get("detail", {}))
    assert (confirmed["reason"], confirmed["detail"]["undecided"]) == (WHY, open_cuts)


def test_changes_are_saved_as_the_next_revision_and_taken_up_again(waiting: tuple[World, str], page: Reviewing) -> None:
    world, copy = waiting
    first, *others = page.get("/review").json["cuts"]
    added = len(others) + 2
    cuts = [
        {"number": 1, "start": first["start"] - 0.5, "end": first["end"], "status": "changed"},
        {"number": 2, "status": "removed", "start": 0, "end": 0},
        {"number": None, "start": 6.0, "end": 6.5, "status": "added"},
    ]
    page.play(copy=[[0.0, 5.5]], original=[[70.0, 73.0]])
    assert page.tell("/decide", {"cuts": cuts, "confirm": False}).json == {"done": "saved", "revision": 2}
    assert page.ended()[0] == 0
    with Reviewing(world, copy) as again:
        again.enter()
        told = again.get("/review").json
        numbered = {cut["number"]: cut for cut in told["cuts"]}
        assert (numbered[1]["status"], numbered[1]["was"]) == ("changed", [first["start"], first["end"]])
        assert (numbered[2]["status"], numbered[added]["status"]) == ("removed", "added")
        assert [70.0, 73.0] in told["heard"] and told["heard"][0][0] == 0.0
        back = [{"number": 2, "status": "proposed", "start": 0, "end": 0}]
        assert again.tell("/decide", {"cuts": back, "confirm": False}).status == 200
    assert [cut["status"] for cut in world.json("review", *SAID, copy, who="leif")["copy"]["cuts"]][:2] == [
        "changed",
        "added",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"cuts": None, "confirm": True},
        {"cuts": [1], "confirm": True},
        {"cuts": [{"number": 1, "status": "gone"}]},
        {"cuts": [{"number": "1", "status": "accepted"}]},
        {"cuts": [{"number": 99, "status": "accepted"}]},
        {"cuts": [{"number": None, "start": 3, "end": 2, "status": "added"}]},
        {"cuts": [{"number": None, "start": "x", "end": 2, "status": "added"}]},
        {"cuts": [{"number": None, "start": 1e9, "end": 1e10, "status": "added"}]},
        {"cuts": [{"number": None, "start": float("nan"), "end": 2, "status": "added"}]},
        {"confirm": True},
    ],
)
def test_what_is_no_decision_is_told_and_changes_nothing(page: Reviewing, wrong: dict[str, Any]) -> None:
    told = page.tell("/decide", wrong)
    assert (told.status, bool(told.json["message"])) == (422, True)
    assert page.get("/review").status == 200, "and the page goes on"


# -- what the log says, and when it is over -----------------------------------------------------------


@pytest.mark.rule("security.monitored")
def test_the_log_has_both_sounds_before_they_leave_and_how_much_of_each_was_heard(
    waiting: tuple[World, str], page: Reviewing
) -> None:
    world, copy = waiting
    recording = world.json("review", who="leif")["copies"][0]["id"]
    before = entries(world)
    assert [(each["outcome"], each["recordings"], each["reason"]) for each in before] == [
        ("allowed", [copy], REASON),
        ("allowed", [recording], REASON),
    ]
    page.play(copy=[[0, 2], [1, 3]], original=[[4, 5]])
    page.tell("/close")
    assert page.ended()[0] == 0
    after = [each for each in entries(world) if each["outcome"] == "done"]
    assert [(each["detail"]["heard_s"], each["detail"]["spans"]) for each in after] == [
        (3, [[0, 300]]),
        (1, [[400, 500]]),
    ]
    assert [each["detail"]["of"] for each in after] == [each["seq"] for each in before]
    assert all(each["person"] == "leif" and each["detail"]["given_s"] > 70 for each in after)


@pytest.mark.rule("access.subject")
def test_the_person_is_told_that_it_was_opened_to_review_a_copy(waiting: tuple[World, str], page: Reviewing) -> None:
    world, _ = waiting
    page.tell("/close")
    page.ended()
    out = world.base / "answer.html"
    told = world.json("dsar", "90000001", "--identity", "login", "--lang", "en", "--out", str(out), who="sigrid")
    letter = text_of(opened(out.read_bytes(), told["passphrase"].encode())["letter_html"])
    assert "opened 2 times to review a copy" in letter


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_and_anothers_edit_end_it_and_say_why(waiting: tuple[World, str]) -> None:
    world, copy = waiting
    with Reviewing(world, copy) as page:
        page.enter()
        world.json("review", *SAID, copy, who="sigrid")
        world.json("review", *SAID, copy, "--remove", "1", who="sigrid")
        status, _, err = page.ended()
        assert (status, "somebody else changed" in err) == (14, True)
    with Reviewing(world, copy) as page:
        page.enter()
        recording = world.json("review", who="leif")["copies"][0]["id"]
        assert world.run("withdraw", "--call", recording, "--yes", who="siri").exit == 0
        began = time.monotonic()
        status, _, err = page.ended()
        assert (status, "it was erased" in err) == (14, True)
        assert time.monotonic() - began < 5


def received(page: Reviewing, path: str) -> int:
    """Bytes of a body, also of one that breaks off, or of a page that is gone."""
    try:
        return len(page.get(path).body)
    except http.client.IncompleteRead as broken:
        return len(broken.partial)
    except ConnectionError:
        return 0


SLOWLY = """
import sys, time
from arlo_rec import cli, pseudonymise
change = pseudonymise.change
pseudonymise.change = lambda *words: (time.sleep(4), change(*words))[1]
sys.exit(cli.main(sys.argv[1:]))
"""


def test_while_a_decision_is_carried_out_nothing_is_given_that_a_revocation_closed(
    waiting: tuple[World, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is busy with the decision meanwhile, and does not look whether the grant is live."""
    world, copy = waiting
    monkeypatch.setattr(listening, "PROGRAM", ("-c", SLOWLY))
    with Reviewing(world, copy) as page:
        page.enter()
        asked = {"cuts": accepted(page.get("/review").json)}
        deciding = threading.Thread(target=page.tell, args=("/decide", asked))
        deciding.start()
        time.sleep(0.7)
        world.json("revoke", "leif", who="sigrid")
        given = [received(page, path) for path in ("/sound", "/original")]
        deciding.join()
    assert given == [0, 0]


@pytest.mark.rule("access.managers")
def test_hearing_takes_a_grant_and_a_reason_of_everybody(waiting: tuple[World, str]) -> None:
    world, copy = waiting
    for who, more, code in (
        ("sigrid", ("--reason", REASON), (13, "no_grant")),
        ("turid", ("--reason", REASON), (13, "no_grant")),
        ("leif", (), (2, "reason_missing")),
        ("siri", ("--reason", REASON), (13, "not_your_role")),
    ):
        told = world.run("review", copy, "--no-browser", *more, "--json", who=who)
        assert (told.exit, told.json["error"]["code"]) == code, who


def test_the_next_one_is_opened_without_its_id(world: World) -> None:
    world.grant("leif", "quality")
    copy = str(propose(world, *world.take_in("a"))["copy"])
    with Reviewing(world, "next") as page:
        page.enter()
        assert page.get("/review").json["copy"] == copy
        assert page.tell("/decide", {"cuts": [], "confirm": True, "reason": WHY}).status == 200
        assert page.ended()[0] == 0
    told = world.run("review", "next", "--no-browser", "--reason", REASON, "--json", who="leif")
    assert (told.exit, told.json["error"]["code"]) == (4, "nothing_to_review")
