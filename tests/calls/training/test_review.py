"""A review is finished when each cut was decided and what was heard badly was heard, or somebody says why not."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.calls.training.cut_plan import Changes, CutPlan, HeardWord, UnsureStretch, edited
from arlo_rec.calls.training.owed import heard_of_copy, owed
from arlo_rec.law.messages import say
from arlo_rec.policy import Mode
from arlo_rec.sound import audio
from arlo_rec.sound.audio.cut_list import Cut, Kind
from tests.support.catalogue import own_code
from tests.support.copies import CONFIRM, SAID, WHY, call, labels, made_of, propose, transcripts, words, written
from tests.support.listening import hear_in_review
from tests.support.places import GIVEN
from tests.support.world import REASON, World

pytestmark = [pytest.mark.slow, pytest.mark.rule("data.pseudonymised")]


@pytest.fixture
def heard_badly(world: World) -> tuple[World, str]:
    """A copy of a made call, eleven cuts and four stretches that the engine heard badly; Leif may hear it."""
    world.grant("leif", "quality")
    made = made_of(world, call(world), "--transcript", words())
    return world, str(made["copy"])


def show(world: World, copy: str, who: str = "leif") -> dict[str, Any]:
    return dict(world.json("review", *SAID, copy, who=who)["copy"])


def confirm(world: World, copy: str, *more: str, who: str = "leif") -> tuple[int, str]:
    told = world.run("review", copy, "--confirm", *more, "--json", who=who)
    return told.exit, told.json.get("error", {}).get("code", "")


def hear(world: World, copy: str, who: str = "leif") -> None:
    """Hear a copy to its end."""
    hear_in_review(world, copy, [[0, 600]], who)


# -- what is owed -------------------------------------------------------------------------------------


def test_a_copy_is_confirmed_when_every_cut_is_decided_and_what_was_heard_badly_was_heard(
    heard_badly: tuple[World, str],
) -> None:
    world, copy = heard_badly
    first = show(world, copy)
    assert first["owed"]["undecided"] == list(range(1, len(first["cuts"]) + 1))
    assert len(first["owed"]["unheard"]) == len(first["unsure"]) > 1
    told = world.run("review", copy, "--confirm", "--lang", "en", who="leif")
    assert told.exit == 14
    assert "cuts not decided: 1, 2" in told.err and "not cut and not heard by you: 4.5-5.2" in told.err
    world.json("review", *SAID, copy, "--accept", "all", who="leif")
    assert show(world, copy)["owed"]["undecided"] == []
    assert confirm(world, copy) == (14, "review_unfinished")
    unheard = show(world, copy)["owed"]["unheard"]
    hear_in_review(world, copy, unheard[:1])
    assert show(world, copy)["owed"]["unheard"] == unheard[1:]
    hear_in_review(world, copy, unheard[1:])
    assert show(world, copy)["owed"] == {"undecided": [], "unheard": []}
    assert confirm(world, copy) == (0, "")
    (entry,) = (each for each in log(world) if "confirmed" in each.get("detail", {}))
    assert (entry["detail"], "reason" in entry) == ({"confirmed": True}, False)


def log(world: World) -> list[dict[str, Any]]:
    return list(world.json("audit", "show", "--action", "review", who="iver")["entries"])


def test_what_is_left_takes_a_reason_that_says_something_and_the_log_has_it(heard_badly: tuple[World, str]) -> None:
    world, copy = heard_badly
    owed = show(world, copy)["owed"]
    assert confirm(world, copy, "--reason", "later") == (2, "reason_too_short")
    assert confirm(world, copy, "--reason", WHY) == (0, "")
    (entry,) = (each for each in log(world) if "confirmed" in each.get("detail", {}))
    assert entry["detail"] == {
        "confirmed": True,
        "undecided": len(owed["undecided"]),
        "unheard": len(owed["unheard"]),
    }
    assert (entry["reason"], entry["person"]) == (WHY, "leif")


def test_hearing_the_copy_through_is_hearing_what_was_heard_badly_and_an_edit_takes_nothing_of_it_back(
    heard_badly: tuple[World, str],
) -> None:
    world, copy = heard_badly
    hear(world, copy)
    assert show(world, copy)["owed"]["unheard"] == []
    world.json("review", *SAID, copy, "--accept", "all", who="leif")
    assert confirm(world, copy) == (0, "")


def test_where_to_look_comes_first_stays_unless_it_is_accepted_and_has_to_be_decided(world: World) -> None:
    world.grant("leif", "quality")
    name = "call007"  # in which a neighbour is spoken of
    copy = str(made_of(world, call(world, name, channels=1), "--transcript", words(name))["copy"])
    hear(world, copy)
    shown = show(world, copy)
    look, *others = shown["look_here"]
    assert look["number"] not in [cut["number"] for cut in shown["cuts"]]
    assert (look["types"], look["sources"]) == (["circumstance"], ["look"])
    rows = world.run("review", *SAID, copy, "--csv", who="leif").out.splitlines()
    assert rows[1].startswith(f"{look['number']},") and look["start"] > shown["cuts"][0]["start"]
    world.json("review", *SAID, copy, "--accept", "all", who="leif")
    assert show(world, copy)["owed"]["undecided"] == sorted(each["number"] for each in (look, *others)), (
        "all that was proposed, and nothing else"
    )
    assert confirm(world, copy) == (14, "review_unfinished")
    world.json("review", *SAID, copy, "--accept", str(look["number"]), who="leif")
    assert _status(world, copy, look["number"]) == "accepted"
    world.json("review", *SAID, copy, "--undo", str(look["number"]), who="leif")
    assert _status(world, copy, look["number"]) == "look"
    world.json("review", *SAID, copy, "--remove", str(look["number"]), who="leif")
    for other in others:
        world.json("review", *SAID, copy, "--remove", str(other["number"]), who="leif")
    assert confirm(world, copy) == (0, "")


def _status(world: World, copy: str, number: int) -> str:
    shown = show(world, copy)
    every = [cut for group in ("cuts", "removed", "look_here") for cut in shown[group]]
    return str(next(cut["status"] for cut in every if cut["number"] == number))


def test_what_another_heard_is_not_heard_by_who_confirms(heard_badly: tuple[World, str]) -> None:
    world, copy = heard_badly
    world.grant("turid", "quality")
    hear(world, copy, "turid")
    world.json("review", *SAID, copy, who="leif")
    world.json("review", *SAID, copy, "--accept", "all", who="leif")
    assert confirm(world, copy) == (14, "review_unfinished")
    world.json("review", *SAID, copy, who="turid")
    assert confirm(world, copy, who="turid") == (0, "")


def test_a_cut_over_what_was_heard_badly_needs_no_ear(heard_badly: tuple[World, str]) -> None:
    world, copy = heard_badly
    more = [f"--add={start:.2f}-{end:.2f}" for start, end in show(world, copy)["owed"]["unheard"]]
    world.json("review", *SAID, copy, "--accept", "all", *more, who="leif")
    assert confirm(world, copy) == (0, "")


def test_a_cut_that_is_removed_leaves_what_was_heard_badly_under_it_to_be_heard(world: World) -> None:
    world.grant("leif", "quality")
    copy = str(made_of(world, call(world), "--transcript", words())["copy"])
    start, end = show(world, copy)["owed"]["unheard"][0]
    world.json("review", *SAID, copy, f"--add={start:.2f}-{end:.2f}", who="leif")
    shown = show(world, copy)
    assert [start, end] not in shown["owed"]["unheard"]
    world.json("review", *SAID, copy, "--remove", str(len(shown["cuts"])), who="leif")
    assert [start, end] in show(world, copy)["owed"]["unheard"]


def test_accepting_what_is_accepted_makes_no_revision(heard_badly: tuple[World, str]) -> None:
    world, copy = heard_badly
    world.json("review", *SAID, copy, "--accept", "all", who="leif")
    for again in (("--accept", "all"), ("--accept", "1")):
        told = world.run("review", *SAID, copy, *again, "--json", who="leif")
        assert (told.exit, told.json["error"]["code"]) == (2, "nothing_to_change")
    assert show(world, copy)["revision"] == 2


@pytest.mark.rule("security.unauthorised")
def test_the_index_of_the_log_makes_no_entry_about_another_copy_one_about_this(world: World) -> None:
    """Anybody's own code can write rows: a confirmation of another copy would let one out that nobody confirmed."""
    one, other = (str(propose(world, call)["copy"]) for call in world.take_in("a", "b"))
    world.json("review", other, "--confirm", "--reason", WHY, who="sigrid")
    with own_code(world) as db:
        values = "SELECT ?, max(seq) FROM mentions WHERE recording = ?"
        db.run(f"INSERT INTO mentions {values}", (bytes.fromhex(one), bytes.fromhex(other)))
    told = world.run("release", one, "--reason", WHY, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (14, "not_reviewed")


# -- cuts and their numbers ---------------------------------------------------------------------------


def test_a_cut_keeps_its_number_a_removed_one_its_trace_and_a_decision_is_taken_back(world: World) -> None:
    (recording,) = world.take_in("a")
    copy = str(propose(world, recording)["copy"])
    world.json("review", *SAID, copy, "--remove", "1", "--add", "0.05-0.08", "--change", "2:0.3-0.4", who="sigrid")
    told = show(world, copy, "sigrid")
    assert [(cut["number"], cut["start"], cut["status"]) for cut in told["cuts"]] == [
        (3, 0.05, "added"),
        (2, 0.3, "changed"),
    ]
    assert [(cut["number"], cut["start"], cut["status"]) for cut in told["removed"]] == [(1, 0.1, "removed")]
    assert told["cuts"][1]["was"] == [0.3, 0.35]
    shown = world.run("review", *SAID, copy, "--lang", "en", who="sigrid").out
    assert [line.split()[0] for line in shown.splitlines()[1:4]] == ["3", "1", "2"]
    world.json("review", *SAID, copy, "--undo", "1", "--undo", "2", "--undo", "3", who="sigrid")
    told = show(world, copy, "sigrid")
    assert [(cut["number"], cut["end"], cut["status"]) for cut in told["cuts"]] == [
        (1, 0.2, "proposed"),
        (2, 0.35, "proposed"),
    ]
    assert [cut["number"] for cut in told["removed"]] == [3]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--accept", "0"), "no_such_cut"),
        (("--accept", "3-1"), "bad_accept"),
        (("--accept", "1-" + "9" * 8), "bad_accept"),
        (("--accept", "every"), "bad_accept"),
        (("--undo", "9"), "no_such_cut"),
        (("--accept", "1", "--remove", "1"), "cut_twice"),
        (("--remove", "1", "--undo", "1"), "cut_twice"),
        (("--page", "--confirm"), "page_alone"),
        (("--page", "--accept", "1"), "page_alone"),
        (("--no-browser", "--confirm"), "page_alone"),
        (("--purpose", "quality"), "purpose_of_copies"),
    ],
)
def test_what_was_typed_wrongly_is_told(world: World, words: tuple[str, ...], code: str) -> None:
    (recording,) = world.take_in("a")
    copy = str(propose(world, recording)["copy"])
    told = world.run("review", *SAID, copy, *words, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, code)


@pytest.mark.rule("security.reason")
def test_copies_are_made_and_shown_for_training_and_for_a_reason_that_the_log_has(world: World) -> None:
    recording = call(world)
    make = ("pseudonymise", recording, recording, "--transcript", transcripts(world, {"call000": recording}))
    assert world.code(*make, who="sigrid") == (2, "reason_missing"), "once, and not of each call"
    assert world.code(*make, "--purpose", "quality", *SAID, who="sigrid") == (2, "purpose_of_copies")
    copy = world.json(*make, "--purpose", "training", *SAID, who="sigrid")["results"][0]["copy"]
    for more in ((copy,), (copy, "--accept", "1"), ("next",), (copy, "--page")):
        assert world.code("review", *more, who="sigrid") == (2, "reason_missing"), more
    assert "Charles" in world.run("review", copy, *SAID, "--lang", "en", who="sigrid").out
    assert "Charles" not in world.run("review", copy, *CONFIRM, "--lang", "en", who="sigrid").out
    entries = world.json("audit", "show", who="iver")["entries"]
    opened = [each for each in entries if each["outcome"] == "allowed" and each.get("purpose") == "training"]
    assert [(each["action"], each.get("reason")) for each in opened] == [
        ("pseudonymise", REASON),
        ("review", REASON),
        ("review", None),  # confirmed without a look
    ]
    refused = [each["action"] for each in entries if each["outcome"] == "denied"]
    assert refused == ["pseudonymise", "pseudonymise", "review", "review", "review", "review_listen"]


CUTS = st.lists(
    st.tuples(st.floats(0, 50), st.floats(0.1, 5), st.sampled_from(["proposed", "accepted", "removed"])), max_size=6
)


@given(CUTS, st.sets(st.integers(1, 6)), st.sets(st.integers(1, 6)), st.integers(0, 3))
def test_an_edit_moves_no_number_and_taking_it_back_restores_the_cut(
    told: list[tuple[float, float, str]], removed: set[int], moved: set[int], added: int
) -> None:
    listed = [Cut(start, start + length, status=status) for start, length, status in told]
    some = [number for number in removed if number <= len(listed)]
    others = {number: Cut(1.0, 2.0) for number in moved if number <= len(listed) and number not in removed}
    after = edited(listed, Changes((), some, others, [Cut(3.0, 4.0)] * added))
    assert len(after) == len(listed) + added
    for number, cut in enumerate(listed, 1):
        if number not in some and number not in others:
            assert after[number - 1] == cut
    back = edited(after, Changes(undone=range(1, len(listed) + 1)))
    assert [(cut.start, cut.end) for cut in back[: len(listed)]] == [(cut.start, cut.end) for cut in listed]
    assert {cut.status for cut in back[: len(listed)]} <= {"proposed"}


# -- decided by plans ---------------------------------------------------------------------------------


def plan(unsure: UnsureStretch, *cuts: Cut) -> CutPlan:
    return CutPlan(cuts, Mode.DETECT, unsure=(unsure,), words=(HeardWord("hei", 0.0, 0.2, 0.9, 0),))


@pytest.mark.parametrize(
    ("heard", "cuts", "is_owed"),
    [
        ([], (), True),
        ([(5.0, 6.0)], (), False),
        ([(5.1, 5.95)], (), False),
        ([(5.0, 5.5)], (), True),
        ([(5.0, 5.5), (5.4, 6.0)], (), False),
        ([(5.0, 5.5)], (Cut(5.5, 7.0, status="accepted"),), False),
        ([(5.0, 5.5)], (Cut(5.5, 7.0, status="removed"),), True),
        ([(5.0, 5.5)], (Cut(5.5, 7.0, (1,), status="accepted"),), True),
        ([], (Cut(4.0, 7.0, (0,), status="accepted"),), False),
    ],
)
def test_each_part_of_what_was_heard_badly_was_heard_or_is_cut(
    heard: list[tuple[float, float]], cuts: tuple[Cut, ...], is_owed: bool
) -> None:
    assert bool(owed(plan(UnsureStretch(5.0, 6.0, 0), *cuts), heard, 30.0).unheard) is is_owed


WORD = HeardWord("hei", 0.0, 0.2, None, 0)


@pytest.mark.parametrize(
    "unscored",
    [
        CutPlan((Cut(5.0, 6.0, status="added"),), Mode.MANUAL),
        CutPlan((Cut(5.0, 6.0, status="accepted"),), Mode.DETECT, warnings=("no_scores",), words=(WORD,)),
    ],
)
def test_where_nothing_says_how_well_words_were_heard_all_that_is_not_cut_has_to_be_heard(unscored: CutPlan) -> None:
    assert owed(unscored, [], 30.0).unheard == ((0.0, 5.0), (6.0, 30.0))
    assert owed(unscored, [(0.0, 4.9), (8.0, 30.0)], 30.0).unheard == ((6.0, 8.0),)
    assert owed(unscored, [(0.0, 5.0), (6.0, 29.9)], 30.0).unheard == ()
    let_go = unscored.with_cuts([replace(cut, status="removed") for cut in unscored.listed])
    assert owed(let_go, [(0.0, 5.0), (6.0, 30.0)], 30.0).unheard == ((5.0, 6.0),)


def test_a_copy_without_scores_is_confirmed_once_it_was_heard_and_accepting_all_does_not_replace_that(
    world: World,
) -> None:
    world.grant("leif", "quality")
    told = json.loads(Path(words()).read_text("utf-8"))
    bare = {**told, "words": [{key: word[key] for key in word if key != "p"} for word in told["words"]]}
    recording = call(world)
    made = made_of(world, recording, "--transcript", written(world, bare))
    assert "no_scores" in made["warnings"]
    by_hand = made_of(world, recording, "--cuts", labels(world, (0.1, 0.3)))
    for copy in (str(made["copy"]), str(by_hand["copy"])):
        first = show(world, copy)
        assert sum(end - start for start, end in first["owed"]["unheard"]) > 10
        if first["owed"]["undecided"]:
            world.json("review", *SAID, copy, "--accept", "all", who="leif")
        assert show(world, copy)["owed"]["undecided"] == []
        assert confirm(world, copy) == (14, "review_unfinished")
        hear(world, copy)
        assert show(world, copy)["owed"]["unheard"] == []
        assert confirm(world, copy) == (0, "")


def test_a_copy_of_a_short_call_is_confirmed_once_it_was_heard_and_no_reason_replaces_that(world: World) -> None:
    world.grant("leif", "quality")
    raw = (GIVEN / "call000.wav").read_bytes()
    whole = audio.read_wav(io.BytesIO(raw), len(raw))
    short = replace(whole, data=whole.data[: 20 * whole.rate * whole.frame_bytes])
    (recording,) = world.take_in("short", sound=audio.canonical_wav(short))
    told = json.loads(Path(words()).read_text("utf-8"))
    those = [word for word in told["words"] if word["e"] < 20]
    made = made_of(world, recording, "--transcript", written(world, {"words": those}))
    assert "words_unproven" in made["warnings"]
    copy = str(made["copy"])
    show(world, copy)
    assert confirm(world, copy, "--reason", "Nobody says a name here") == (14, "review_must_be_heard")
    world.json("review", *SAID, copy, "--accept", "all", who="leif")
    assert confirm(world, copy) == (14, "review_must_be_heard")
    hear(world, copy)
    assert confirm(world, copy) == (0, "")


@pytest.mark.parametrize("warning", ["words_unproven", "nothing_found"])
def test_where_only_hearing_tells_all_is_doubtful_however_sure_the_words_are(warning: str) -> None:
    unproven = CutPlan(
        (Cut(5.0, 6.0, status="accepted"),),
        Mode.DETECT,
        warnings=(warning,),
        words=(WORD._replace(score=0.99),),
    )
    assert unproven.is_scored and owed(unproven, [], 30.0).unheard == ((0.0, 5.0), (6.0, 30.0))
    assert owed(unproven, [(0.0, 30.0)], 30.0).unheard == ()


def test_what_is_silent_in_a_copy_is_not_heard_by_hearing_it() -> None:
    removed, moved = Cut(1.0, 2.0, status="removed"), Cut(5.0, 6.0, status="changed", was=(4.0, 5.5))
    told = plan(UnsureStretch(0, 1, None), removed, moved)
    assert heard_of_copy(told, [(0.0, 10.0)], is_this=True) == [(0.0, 5.0), (6.0, 10.0)]
    assert heard_of_copy(told, [(0.0, 10.0)], is_this=False) == [(0.0, 1.0), (2.0, 4.0), (6.0, 10.0)]


# -- words that stay ----------------------------------------------------------------------------------


def test_what_stays_is_read_by_turns_with_what_was_heard_badly_marked(heard_badly: tuple[World, str]) -> None:
    world, copy = heard_badly
    lines = world.run("review", *SAID, copy, "--lang", "en", who="leif").out.splitlines()
    stays = lines[lines.index(next(line for line in lines if line.startswith("What stays"))) :]
    assert stays[1] == "0:00  Caller: Thank you for calling customer support. [1] How can I help you today?"
    assert stays[2].startswith("0:04  Agent: Good? morning, I have a problem")
    table = lines[: lines.index(stays[0])]
    assert any("Thank you Brandon and what" in line for line in table), "whole"
    told = show(world, copy)["words"]
    assert {word["pass"] for word in told} == {0}
    assert [word["text"] for word in told if word["cut"] == 1][-1] == "Charles."


def test_words_of_another_transcript_are_a_second_opinion_where_they_differ(world: World) -> None:
    made = made_of(world, call(world), "--transcript", words(), "--transcript", words(folder="words-base-hints"))
    told = world.run("review", *SAID, made["copy"], "--lang", "en", who="sigrid").out
    assert "Another transcript has this there:" in told
    passes = [word["pass"] for word in show(world, made["copy"], "sigrid")["words"]]
    assert set(passes) == {0, 1}


# -- the queue ----------------------------------------------------------------------------------------


def test_the_next_copy_is_the_oldest_of_the_teams_that_one_may_hear(world: World) -> None:
    first, second = world.take_in("a", "b")
    (other,) = world.take_in("c", team="salg", seed=7)
    made = [str(propose(world, each)["copy"]) for each in (other, first, second)]
    assert world.json("review", *SAID, "next", who="sigrid")["copy"]["copy"] == made[0]
    world.grant("leif", "quality", "--team", "kundeservice")
    assert world.json("review", *SAID, "next", who="leif")["copy"]["copy"] == made[1]
    world.json("review", "next", "--confirm", "--reason", WHY, who="leif")
    assert world.json("review", *SAID, "next", who="leif")["copy"]["copy"] == made[2]
    world.json("review", "next", "--confirm", "--reason", WHY, who="leif")
    told = world.run("review", *SAID, "next", "--json", who="leif")
    assert (told.exit, told.json["error"]["code"]) == (4, "nothing_to_review")


def test_a_cut_of_every_kind_is_shown_by_a_word_of_the_readers_language(world: World) -> None:
    cuts = world.base / "kinds.txt"
    spans = ((0.1 + at / 10, 0.15 + at / 10, kind) for at, kind in enumerate(Kind))
    cuts.write_text("".join(f"{start:.2f}\t{end:.2f}\t{kind}\n" for start, end, kind in spans), "utf-8")
    copy = made_of(world, call(world), "--cuts", str(cuts))["copy"]
    for lang in ("en", "nb"):
        table = world.run("review", *SAID, copy, "--lang", lang, who="sigrid").out
        assert [kind for kind in Kind if say(f"cut.{kind}", lang) not in table] == []
