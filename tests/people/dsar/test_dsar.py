"""Answering an access request: the caller's own voice and nobody else's, every access, a deadline, a case."""

from __future__ import annotations

import io
import json
from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import soundfile

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.events import CallTakenIn, CopyShown, Opened
from arlo_rec.law.model.records import RecordingId, from_iso
from arlo_rec.law.rights import IDENTITY_WAYS, case_ends
from arlo_rec.people.dsar import accesses
from arlo_rec.people.dsar.page_file import passphrase_bytes
from arlo_rec.policy import Action
from arlo_rec.sound import audio
from tests.support import answers
from tests.support.backups import back_up
from tests.support.catalogue import catalogue
from tests.support.sounds import Encoding, tone_wav
from tests.support.world import REASON, World

IDENTITY = "called back on the number of the contract"


def ask(world: World, name: str, *more: str, caller: str = "90000001") -> dict[str, Any]:
    """Answer a request, and open the package as a browser would."""
    out = world.base / name
    told = world.json("dsar", caller, "--out", str(out), *more, who="sigrid")
    return {"told": told, **opened(out, told["passphrase"])}


def opened(path: Path, passphrase: str) -> dict[str, Any]:
    """What is sealed inside a package."""
    content = answers.opened(path.read_bytes(), passphrase_bytes(passphrase))
    files = content["bodies"]
    return {"letter": content["letter_html"], "files": files, "data": json.loads(files["data.json"])}


def sounds(answer: dict[str, Any]) -> list[audio.Sound]:
    """The WAV sounds of a package."""
    raw = [content for name, content in sorted(answer["files"].items()) if name.endswith(".wav")]
    return [audio.read_wav(io.BytesIO(one), len(one)) for one in raw]


def mp3s(answer: dict[str, Any]) -> list[Any]:
    """The samples of the MP3 sounds of a package, by channel."""
    raw = [content for name, content in sorted(answer["files"].items()) if name.endswith(".mp3")]
    return [soundfile.read(io.BytesIO(one), dtype="int16", always_2d=True)[0] for one in raw]


def encoded(body: bytes, channel: int | None, *, mp3: bool) -> tuple[Any, audio.SoundEncoder]:
    """A stored sound as it is given: samples by channel."""
    header, blocks = audio.read_blocks([body[:50], body[50:]])
    encoder = audio.SoundEncoder(header, channel, mp3=mp3)
    frames = [encoder.write(block) for block in blocks]
    file = encoder.finish() if mp3 else b"".join(audio.canonical_pieces(audio.pcm16_header(header), frames))
    return soundfile.read(io.BytesIO(file), dtype="int16", always_2d=True)[0], encoder


@pytest.mark.rule("data.customer")
@pytest.mark.rule("data.employee")
@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize("caller", [0, 1])
def test_the_callers_channel_is_whole_and_the_agents_exact_zero(encoding: Encoding, caller: int) -> None:
    body = tone_wav(0.3, encoding=encoding, channels=2)
    ours, _ = encoded(body, caller, mp3=False)
    source = audio.as_pcm16(audio.read_wav(io.BytesIO(body), len(body)))
    samples = array("h", source.data)
    assert ours[:, caller].tolist() == samples[caller::2].tolist()
    assert not ours[:, 1 - caller].any()
    assert len(ours) == source.frames


@pytest.mark.slow
def test_an_answer_holds_the_callers_recordings_and_nobody_elses(world: World) -> None:
    mine = world.take_in("a", "b")
    world.take_in("other", caller="+4790000002", seed=9)
    answer = ask(world, "answer.html", "--identity", IDENTITY)
    assert answer["told"]["recordings"] == 2
    assert {one["id"] for one in answer["data"]["recordings"]} == set(mine)
    assert [sound.shape[1] for sound in mp3s(answer)] == [1, 1]


@pytest.mark.slow
@pytest.mark.rule("access.subject")
def test_every_access_is_told_with_date_purpose_and_role_and_never_a_name(world: World) -> None:
    world.grant()
    (ours,) = world.take_in("a")
    world.json("find", "--purpose", "quality", "--reason", REASON, who="leif")
    out = str(world.base / "x.wav")
    world.json("export", ours, "--purpose", "quality", "--reason", REASON, "--out", out, who="leif")
    answer = ask(world, "answer.html", "--identity", IDENTITY)
    accesses = answer["data"]["recordings"][0]["accesses"]
    assert [(one["action"], one["purpose"], one["role"]) for one in accesses] == [
        ("find", "quality", "manager"),
        ("export", "quality", "manager"),
        ("dsar", None, "officer"),
    ]
    assert len(answer["data"]["recordings"][0]["grants"]) == 1
    everything = answer["letter"] + json.dumps(answer["data"])
    for name in ("leif", "sigrid", "Leif", "Ola Oppdiktet"):
        assert name not in everything


def kinds_of(base: type[AuditEvent]) -> list[type[AuditEvent]]:
    """Every type of audit event."""
    return [kind for child in base.__subclasses__() for kind in (child, *kinds_of(child))]


@pytest.mark.rule("access.subject")
def test_every_kind_of_entry_that_allows_somebody_to_open_a_recording_is_told_as_an_access() -> None:
    allowed = [kind for kind in kinds_of(AuditEvent) if kind.OUTCOME == "allowed"]
    opening = [kind for kind in allowed if "recordings" in kind.__struct_fields__]
    assert Opened in opening and len(opening) > 5
    not_told = {CallTakenIn, CopyShown}  # a list of cuts is shown of a copy whose opening is told
    for kind in opening:
        words = {name: "x" for name in kind.__struct_fields__} | {"recordings": (RecordingId(bytes(16)),)}
        words |= {"shown": 1} if kind is CopyShown else {}  # by another type it is an entry of a later version
        event = kind(**words | ({"action": Action.EXPORT} if "action" in kind.__struct_fields__ else {}))
        assert (accesses._access(event.to_json()) is None) == (kind in not_told), kind


@pytest.mark.slow
def test_a_new_case_needs_an_identity_check_and_a_running_one_does_not(world: World) -> None:
    world.take_in("a")
    refused = world.run("dsar", "90000001", "--out", str(world.base / "no.html"), "--json", who="sigrid")
    assert (refused.exit, refused.json["error"]["rule"]) == (14, "access.subject")
    assert not (world.base / "no.html").exists()
    first = ask(world, "one.html", "--identity", IDENTITY)
    second = ask(world, "two.html")
    assert first["told"]["case"]["id"] == second["told"]["case"]["id"]
    assert first["told"]["passphrase"] != second["told"]["passphrase"]


@pytest.mark.slow
def test_nothing_found_is_an_answer_too(world: World) -> None:
    answer = ask(world, "none.html", "--identity", IDENTITY, caller="+4790000055")
    assert answer["told"]["recordings"] == 0
    assert "+4790000055" in answer["letter"].replace(" ", "")


@pytest.mark.slow
@pytest.mark.parametrize("way", IDENTITY_WAYS)
def test_a_way_of_checking_identity_needs_no_more_words(world: World, way: str) -> None:
    assert ask(world, "answer.html", "--identity", way)["data"]["case"]["identity"] == [way]
    said = world.run("dsar", "90000009", "--out", str(world.base / "b.html"), "--identity", "by mail", who="sigrid")
    assert said.exit == 14


@pytest.mark.slow
def test_an_answer_says_what_is_kept_of_a_withdrawal(world: World) -> None:
    world.take_in("a", "b")
    assert ask(world, "before.html", "--identity", IDENTITY)["data"]["withdrawals"] == []
    world.json("withdraw", "90000001", "--yes", who="siri")
    (one,) = ask(world, "after.html")["data"]["withdrawals"]
    assert one["erased"] == 2
    assert from_iso(one["kept_until"]) - from_iso(one["at"]) >= timedelta(days=97)


@pytest.mark.slow
def test_an_answer_says_for_how_long_a_backup_opens_what_was_erased(world: World) -> None:
    assert ask(world, "none.html", "--identity", IDENTITY)["data"]["backup_hours"] is None
    back_up(world, "--ring-hours", "12")
    assert ask(world, "some.html")["data"]["backup_hours"] == 12


@pytest.mark.slow
def test_an_answer_says_for_how_long_the_log_tells_who_heard(world: World) -> None:
    assert ask(world, "none.html", "--identity", IDENTITY)["data"]["entries_days"] == 365
    file = world.base / "proposal.toml"
    file.write_text('version = "2026-02"\nentries_days = 730\n', "utf-8")
    proposal = world.json("policy", "propose", str(file), who="sigrid")["proposal"]["id"]
    world.json("approve", proposal, who="sigrid")
    assert ask(world, "some.html")["data"]["entries_days"] == 730


@pytest.mark.slow
def test_a_mono_call_leaves_only_whole_and_with_a_reason_that_the_letter_states(world: World) -> None:
    world.take_in("mono", channels=1)
    assert mp3s(ask(world, "own.html", "--identity", IDENTITY)) == []
    why = "the agent agreed that it is handed over"
    assert world.run("dsar", "90000001", "--out", str(world.base / "w.html"), "--whole-call", who="sigrid").exit == 2
    answer = ask(world, "whole.html", "--whole-call", "--reason", why)
    assert len(mp3s(answer)) == 1
    assert why in answer["letter"]


@pytest.mark.slow
def test_a_withdrawal_during_a_case_erases_all_the_same(world: World) -> None:
    world.take_in("a")
    ask(world, "before.html", "--identity", IDENTITY)
    world.json("withdraw", "90000001", "--yes", who="siri")
    assert ask(world, "after.html")["told"]["recordings"] == 0


@pytest.mark.slow
@pytest.mark.rule("access.subject")
def test_a_case_ends_with_its_identity_statement_90_days_after_its_answer_and_no_sooner(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(world, "first.html", "--identity", IDENTITY)
    world.json("withdraw", "90000001", "--yes", who="siri")
    began = datetime.now(UTC)

    def cases(after: timedelta) -> int:
        """How many are kept, and what of them is left in the catalogue, after a purge at that time."""
        monkeypatch.setattr(Run, "now", lambda _run: began + after)
        world.json("purge", "--allow-large", who="cron")
        db = catalogue(world)
        rows = db.rows("SELECT sealed FROM cases")
        db.close()
        return len(rows)

    assert cases(timedelta(minutes=1)) == 1, "a withdrawal ends no case: it must be answered all the same"
    assert cases(timedelta(days=90, minutes=-2)) == 1
    assert cases(timedelta(days=90, minutes=1)) == 0
    entries = world.json("audit", "show", "--action", "purge", who="iver")["entries"]
    (ended,) = [entry for entry in entries if "cases" in entry.get("detail", {})]
    assert (len(ended["detail"]["cases"]), ended["rule"], ended["person"]) == (1, "access.subject", "cron")
    assert world.json("verify", who="iver")["problems"] == []


def test_a_case_that_was_never_answered_outlives_its_deadline_by_90_days() -> None:
    deadline = datetime(2026, 12, 28, 23, tzinfo=UTC)
    assert case_ends(None, deadline) == deadline + timedelta(days=90)
    assert case_ends(deadline - timedelta(days=20), deadline) == deadline + timedelta(days=70)
