"""The beginning of an id means what is open to who asks, and teaches nobody anything else."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model import records
from arlo_rec.vault.access import short_ids
from tests.support import copies
from tests.support.catalogue import insider
from tests.support.copies import SAID
from tests.support.world import REASON, World

WHY = ("--purpose", "quality", "--reason", REASON)


class Listed:
    """A catalogue of recordings, as far as `short_ids` asks it."""

    def __init__(self, rows: Iterable[tuple[bytes, str]]) -> None:
        self.rows = [Row(records.RecordingId(name), team) for name, team in rows]
        self.catalogue = self.search = self

    def beginning_with(self, signs: str) -> list[tuple[records.RecordingId, str]]:
        return [(row.id, row.team) for row in self.rows if row.id.hex().startswith(signs)]


class Row:
    def __init__(self, name: records.RecordingId, team: str) -> None:
        self.id, self.team = name, team


@st.composite
def alike(draw: st.DrawFn) -> list[tuple[bytes, str]]:
    """Ids that share their beginnings, of teams that are open and of some that are not."""
    stems = draw(st.lists(st.binary(min_size=3, max_size=16), min_size=1, max_size=4))
    ends = st.lists(st.tuples(st.sampled_from(stems), st.integers(0, 16), st.binary(min_size=16, max_size=16)))
    ids = {(stem[:shared] + chance)[:16] for stem, shared, chance in draw(ends)}
    return [(name, draw(st.sampled_from(["open", "closed"]))) for name in sorted(ids)]


@given(alike())
def test_a_short_id_means_its_recording_alone_and_one_sign_less_does_not(rows: list[tuple[bytes, str]]) -> None:
    store, ours = Listed(rows), [records.RecordingId(name) for name, team in rows if team == "open"]
    short = short_ids.short_ids(store, lambda team: team == "open", ours)  # type: ignore[arg-type]
    for recording, text in short.items():
        assert short_ids.matching(store, lambda team: team == "open", text) == [recording]  # type: ignore[arg-type]
        assert len(text) >= short_ids.SHORTEST
        if len(text) > short_ids.SHORTEST:
            assert len([other for other in ours if other.hex().startswith(text[:-1])]) > 1


@given(alike())
def test_the_shortest_beginning_among_ids_at_hand_names_one_and_a_sign_less_does_not(
    rows: list[tuple[bytes, str]],
) -> None:
    ids = [name.hex() for name, _ in rows]
    for name in ids:
        short = short_ids.shortest(name, ids)
        assert short_ids.named(short, ids) == short_ids.named(name, ids) == [name]
        assert len(short) == short_ids.SHORTEST or len(short_ids.named(short[:-1], ids)) > 1
        assert short_ids.named(name[: short_ids.SHORTEST - 1], ids) == []


@pytest.fixture
def alike_ids(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three calls whose ids begin alike for seven signs; the last is of a team that is closed to Leif."""
    chances = iter(bytes.fromhex("abcdef" + last + "00" * 11) for last in ("10", "20", "21"))
    monkeypatch.setattr("arlo_rec.calls.intake.batch.new_id", lambda due, _: records.new_id(due, next(chances)))
    first = world.take_in("a", "b")
    return [*first, *world.take_in("c", team="annen", seed=5)]


def test_a_beginning_opens_what_is_ones_own_whatever_else_begins_so(world: World, alike_ids: list[str]) -> None:
    world.grant("leif", "quality", "--team", "kundeservice")
    own, _, closed = alike_ids
    table = world.run("find", *WHY, who="leif").out
    assert [line.split()[0] for line in table.splitlines()[1:]] == [alike_ids[1][:9], alike_ids[0][:9]]
    out = world.base / "out.wav"
    told = world.json("export", own[:9], *WHY, "--out", str(out), who="leif")
    assert (told["id"], out.exists()) == (own, True), "a script is told the whole id"
    second = world.json("export", alike_ids[1][:9], *WHY, "--out", str(world.base / "b.wav"), who="leif")
    assert second["id"] == alike_ids[1], "the closed one begins with the same nine signs, and does not count"
    entries = world.json("audit", "show", "--recording", own[:9], who="iver")["entries"]
    assert {entry["action"] for entry in entries} >= {"ingest", "export"}
    assert all(own in entry["recordings"] for entry in entries)
    assert closed[:9] == alike_ids[1][:9]
    refused = world.run("audit", "show", "--recording", own[:5], "--json", who="iver")
    assert (refused.exit, refused.json["error"]["code"]) == (2, "bad_value"), "and no empty list"


@pytest.mark.rule("security.unauthorised")
def test_a_beginning_that_is_unknown_ambiguous_or_forbidden_is_refused_alike(
    world: World, alike_ids: list[str]
) -> None:
    world.grant("leif", "quality", "--team", "kundeservice")

    def refused(text: str) -> tuple[int, str]:
        told = world.run("export", text, *WHY, "--out", str(world.base / "x"), "--lang", "en", who="leif")
        assert not (world.base / "x").exists()
        return told.exit, told.err

    unknown, whole = refused("012345"), refused(alike_ids[2])
    assert unknown == whole == refused(alike_ids[2][:10]) == refused("abc") == refused("90000001")
    several = refused(alike_ids[0][:6])
    assert (several[0], several[1].startswith(unknown[1].split(" [")[0])) == (13, True)
    assert "type more signs" in several[1]
    denied = world.json("audit", "show", "--outcome", "denied", who="iver")["entries"]
    asked = [entry["detail"]["asked"] for entry in denied]
    assert "90000001" not in asked, "a telephone number that was typed by mistake is in no log"


@pytest.mark.rule("consent.withdraw")
def test_a_beginning_names_a_call_to_withdraw_only_where_somebody_is_asked(world: World, alike_ids: list[str]) -> None:
    words = ("withdraw", "--call", alike_ids[0][:9])
    told = world.json(*words, "--dry-run", who="siri")
    assert [one["id"] for one in told["recordings"]] == [alike_ids[0]]
    for text, code in ((alike_ids[1][:9], "call_not_unique"), ("012345", "no_such_call")):
        refused = world.run("withdraw", "--call", text, "--dry-run", "--json", who="siri")
        assert (refused.exit, refused.json["error"]["code"]) == (4, code)
    refused = world.run(*words, "--yes", "--json", who="siri")
    assert (refused.exit, refused.json["error"]["code"]) == (4, "no_such_call"), "it may be the exchange's, mistyped"
    assert world.json("withdraw", "--call", alike_ids[0], "--yes", who="siri")["erased"] == 1


@pytest.mark.rule("consent.withdraw")
def test_an_exchanges_reference_that_is_the_beginning_of_another_calls_id_withdraws_neither_unasked(
    world: World,
) -> None:
    (mine,) = world.take_in("mine", seconds=1)
    world.deliver("theirs", source_id=mine[:8], caller="+4790000002", seed=5, seconds=1)
    (theirs,) = (one["id"] for one in world.json("ingest", str(world.spool), who="telefon")["accepted"])
    refused = world.run("withdraw", "--call", mine[:8], "--dry-run", "--json", who="siri")
    assert (refused.exit, refused.json["error"]["code"]) == (4, "call_not_unique")
    for words in (("--call", mine), ("--call", theirs)):
        told = world.json("withdraw", *words, "--dry-run", who="siri")["recordings"]
        assert [one["id"] for one in told] == [words[1]]
    assert world.json("withdraw", "--call", mine[:8], "--yes", who="siri")["erased"] == 1, "the exchange's"
    assert world.json("withdraw", "--call", mine, "--yes", who="siri")["erased"] == 1, "is still there"


def test_a_beginning_of_digits_is_no_telephone_number_where_a_held_id_begins_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = records.RecordingId(bytes.fromhex("4012345601" + "00" * 11))
    monkeypatch.setattr("arlo_rec.calls.intake.batch.new_id", lambda _due, _chance: digits)
    (call,) = world.take_in("a")
    told = world.json("withdraw", "--call", call[:8], "--dry-run", who="siri")
    assert [one["id"] for one in told["recordings"]] == [call]


def test_a_row_of_another_team_that_cannot_be_read_ends_nobodys_search(world: World, alike_ids: list[str]) -> None:
    world.grant("leif", "quality", "--team", "kundeservice")
    with insider(world) as db:
        db.run("UPDATE recordings SET started_at = ? WHERE id = ?", (2**62, bytes.fromhex(alike_ids[2])))
    assert alike_ids[1][:9] in world.run("find", *WHY, who="leif").out
    assert world.run("export", alike_ids[1][:9], *WHY, "--out", str(world.base / "b.wav"), who="leif").exit == 0


@pytest.mark.slow
def test_a_call_that_is_named_by_its_beginning_gets_the_transcript_of_its_id(world: World) -> None:
    recording = copies.call(world)
    folder = world.base / "words"
    folder.mkdir()
    shutil.copy(copies.words(), folder / f"{recording}.json")
    words = ("pseudonymise", *SAID, recording[:6], recording, "--transcript", str(folder))
    (result,) = world.json(*words, who="sigrid")["results"]
    assert (result["id"], result["state"]) == (recording, "needs_review"), "once"


def test_what_was_written_is_named_whole(world: World) -> None:
    world.grant()
    (call,) = world.take_in("a")
    words = ("export", call[:6], *WHY, "--out", str(world.base / "out.wav"), "--lang", "en")
    told = world.run(*words, who="leif").out
    assert f"kundeservice, recording {call}." in told
