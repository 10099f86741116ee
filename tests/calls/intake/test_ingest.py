"""Intake as a telephone exchange sees it: what is taken, what is cut, what is refused and why, and that it ends.

Files are real and go through the command line. Time stands where a test needs an edge; runs are killed for
real, and two run at once.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.calls.intake import ingest as intake
from arlo_rec.calls.intake import sealing
from arlo_rec.calls.intake.batch import Batch
from arlo_rec.calls.intake.batch_outcome import BatchOutcome
from arlo_rec.calls.intake.ingest import BATCH
from arlo_rec.exchanges import spool
from arlo_rec.sound import audio
from arlo_rec.sound.audio import Encoding
from arlo_rec.vault.backends.files import FileBlobs
from tests.support import needs
from tests.support import world as worlds
from tests.support.attack import loot
from tests.support.intake import denials, ingest, left, objects, problems, program, withdraw
from tests.support.properties import examples
from tests.support.sounds import BITS, chunk, tone, tone_wav, wav
from tests.support.spools import DAY, MICROSECOND, WITHDRAWN, iso
from tests.support.world import REASON, World

LOOK = ("--purpose", "quality", "--reason", REASON)


def held(world: World) -> dict[str, dict[str, Any]]:
    """What a manager of everything finds, by id."""
    return {one["id"]: one for one in world.json("find", *LOOK, who="leif")["recordings"]}


def exported(world: World, recording: str) -> bytes:
    out = world.base / f"{recording}.wav"
    out.unlink(missing_ok=True)
    world.json("export", recording, *LOOK, "--out", str(out), who="leif")
    return out.read_bytes()


def canonical(file: bytes, *, cut: int = 0) -> bytes:
    """A sound file as it comes out again, without its first frames."""
    sound = audio.read_wav(io.BytesIO(file), len(file))
    return audio.canonical_wav(replace(sound, data=sound.data[cut * sound.frame_bytes :]))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file and its content, without the lock files, in which each command leaves who it is."""
    files = [one for one in folder.rglob("*") if one.is_file() and one.name not in {"lock", "open.lock"}]
    return {str(one.relative_to(folder)): one.read_bytes() for one in files}


# What is taken ----------------------------------------------------------------------------------------------


def test_a_call_is_taken_in_and_its_files_are_gone(world: World) -> None:
    world.grant()
    started = datetime.now(UTC) - timedelta(hours=3)
    world.deliver("call", started=started, agent="Kari Oppdiktet", team="salg")
    told = ingest(world, exit=0)
    (taken,) = told["accepted"]
    assert taken == {"id": taken["id"], "source": str(world.spool / "call.json"), "source_id": "pbx.call"}
    assert left(world) == set()
    (found,) = held(world).values()
    assert (found["id"], found["agent"], found["team"]) == (taken["id"], "Kari Oppdiktet", "salg")
    assert objects(world) == {taken["id"]}
    assert problems(world) == []


def test_the_answer_has_the_keys_that_scripts_rely_on(world: World) -> None:
    world.deliver("taken")
    world.deliver("refused", consent={"key": "2"})
    (world.spool / "alone.wav").write_bytes(tone_wav(0.1))
    told = ingest(world, exit=3)
    assert told["ok"] is True
    assert set(told) >= {"ok", "accepted", "refused", "duplicates", "unclaimed"}
    assert set(told["accepted"][0]) >= {"id", "source", "source_id"}
    assert set(told["refused"][0]) >= {"source", "source_id", "code", "rule", "message"}
    assert told["unclaimed"] == [str(world.spool / "alone.wav")]


@pytest.mark.parametrize(
    ("calls", "exit"),
    [([], 0), (["1"], 0), (["1", "2"], 3), (["2"], 3), (["2", "2"], 3)],
    ids=["empty spool", "all taken", "one refused", "all refused", "all of many refused"],
)
def test_the_exit_status_says_whether_anything_was_refused(world: World, calls: list[str], exit: int) -> None:
    world.spool.mkdir()
    for number, key in enumerate(calls):
        world.deliver(f"call{number}", consent={"key": key})
    ingest(world, exit=exit)
    if exit == 0:
        ingest(world, exit=0)


def test_only_the_telephone_service_takes_calls_in(world: World) -> None:
    world.deliver("call")
    for who in ("leif", "siri", "iver", "cron", "sigrid"):
        result = world.run("ingest", str(world.spool), "--json", who=who)
        assert (result.exit, result.json["error"]["rule"]) == (13, "scope.only")
    assert left(world) == {"call.json", "call.wav"}


def test_a_manifest_a_sound_or_a_folder_can_be_named(world: World) -> None:
    first, second = world.deliver("first"), world.deliver("second")
    world.deliver("third")
    names = [str(first), str(second.with_suffix(".wav")), str(world.spool)]
    told = world.json("ingest", *names, who="telefon")
    assert [one["source_id"] for one in told["accepted"]] == ["pbx.first", "pbx.second", "pbx.third"]
    assert (told["refused"], told["unclaimed"], left(world)) == ([], [], set())


@pytest.mark.parametrize("name", ["nothing.json", "nothing.wav", "call.json/below.json"])
def test_a_file_that_is_not_there_is_refused_not_passed_over(world: World, name: str) -> None:
    world.deliver("call")
    result = world.run("ingest", str(world.spool / name), "--json", who="telefon")
    assert (result.exit, [one["code"] for one in result.json["refused"]]) == (3, ["not_a_file"])


@pytest.mark.parametrize("name", ["nothing", "x" * 300])
def test_a_folder_that_is_not_there_is_unreachable_and_no_refused_call(world: World, name: str) -> None:
    path = str(world.deliver("call").parent / name)
    assert world.run("ingest", path, "--json", who="telefon").exit == 16
    assert world.json("status", who="iver")["refused"] == []
    assert world.json("ingest", str(world.spool), who="telefon")["refused"] == []


def test_a_manifest_that_names_no_sound_means_the_one_beside_it(world: World) -> None:
    for stem, ending in (("lower", "wav"), ("upper", "WAV")):
        path = world.deliver(stem)
        manifest = json.loads(path.read_text())
        del manifest["audio"]
        path.write_text(json.dumps(manifest))
        path.with_suffix(".wav").rename(path.with_suffix(f".{ending}"))
    told = ingest(world, exit=0)
    assert (len(told["accepted"]), told["unclaimed"], left(world)) == (2, [], set())


def test_a_sound_without_a_manifest_is_told_and_left(world: World) -> None:
    world.spool.mkdir()
    (world.spool / "alone.wav").write_bytes(tone_wav(0.1))
    told = ingest(world, exit=0)
    assert told["unclaimed"] == [str(world.spool / "alone.wav")]
    assert left(world) == {"alone.wav"}


@pytest.mark.slow
def test_calls_that_cross_batches_are_all_taken_and_once(world: World) -> None:
    count = 2 * BATCH + 50
    sound = tone_wav(0.01)
    for number in range(count):
        world.deliver(f"call{number:03}", sound=sound, caller=f"+47900{number:05}")
    told = ingest(world, exit=0)
    assert len({one["id"] for one in told["accepted"]}) == count
    assert left(world) == set()
    assert len(objects(world)) == count
    assert problems(world) == []


# What is cut ------------------------------------------------------------------------------------------------


@pytest.mark.rule("consent.press1")
@pytest.mark.parametrize("channels", [1, 2], ids=["mono", "stereo"])
@pytest.mark.parametrize("encoding", list(Encoding))
def test_nothing_from_before_the_key_is_left_and_nothing_after_it_is_missing(
    world: World, encoding: Encoding, channels: int
) -> None:
    world.grant()
    source = tone_wav(0.5, encoding=encoding, channels=channels)
    world.deliver("call", sound=source, pressed_after=0.2, channels={"caller": 0, "agent": 1})
    (taken,) = ingest(world, exit=0)["accepted"]
    out = exported(world, taken["id"])
    sound = audio.read_wav(io.BytesIO(out), len(out))
    whole = tone(0.5, encoding=encoding, channels=channels)
    assert sound.data == whole[1600 * channels * BITS[encoding] // 8 :]  # 0.2 s at 8 kHz
    assert out == canonical(source, cut=1600)
    assert held(world)[taken["id"]]["duration_s"] == 0.3


def test_a_key_before_the_recording_began_cuts_nothing(world: World) -> None:
    world.grant()
    source = tone_wav(0.1)
    world.deliver("call", sound=source, pressed_after=-0.7)
    (taken,) = ingest(world, exit=0)["accepted"]
    assert exported(world, taken["id"]) == canonical(source)


def test_a_cut_does_not_move_the_deadline(world: World) -> None:
    world.grant()
    started = datetime.now(UTC) - timedelta(hours=2)
    world.deliver("call", started=started, pressed_after=0.3)
    (taken,) = ingest(world, exit=0)["accepted"]
    found = held(world)[taken["id"]]
    assert (found["started_at"], found["expires_at"]) == (iso(started), iso(started + 90 * DAY))


@dataclass(frozen=True)
class Cut:
    """A small sound and a key press at any microsecond of it, or around it."""

    encoding: Encoding
    rate: int
    channels: int
    frames: int
    micros: int

    @property
    def before(self) -> int:
        """Frames that begin before the key press, in whole numbers."""
        return max(0, -(-self.micros * self.rate // 1_000_000))


@st.composite
def cuts(draw: st.DrawFn) -> Cut:
    rate = draw(st.sampled_from([8000, 11025, 16000, 44100, 48000]) | st.integers(8000, 48000))
    frames = draw(st.integers(1, 200))
    end = frames * 1_000_000 // rate
    edge = draw(st.integers(0, frames)) * 1_000_000 // rate + draw(st.integers(-1, 2))
    micros = draw(st.sampled_from([edge, -3_600_000_000, 0, 1, end]) | st.integers(-2, end + 2))
    return Cut(draw(st.sampled_from(list(Encoding))), rate, draw(st.sampled_from([1, 2])), frames, micros)


@pytest.mark.slow
def test_a_cut_is_exact_to_the_sample_at_any_microsecond_of_any_sound(template: World, tmp_path: Path) -> None:
    world, run = worlds.copy(template, tmp_path), itertools.count()
    world.grant()
    started = datetime.now(UTC) - timedelta(hours=2)

    @examples(3, derandomize=True)
    @given(st.lists(cuts(), min_size=12, max_size=12))
    def property(chosen: list[Cut]) -> None:
        stems = {f"call{next(run)}": one for one in chosen}
        sounds = {
            stem: tone(one.frames / one.rate, rate=one.rate, channels=one.channels, encoding=one.encoding, seed=seed)
            for seed, (stem, one) in enumerate(stems.items())
        }
        for stem, one in stems.items():
            sound = wav(sounds[stem], rate=one.rate, channels=one.channels, encoding=one.encoding)
            at = iso(started + one.micros * MICROSECOND)
            world.deliver(stem, started=started, sound=sound, channels={"caller": 0, "agent": 1}, consent={"at": at})
        told = ingest(world)
        taken = {one["source_id"]: one["id"] for one in told["accepted"]}
        refused = {one["source_id"]: one["code"] for one in told["refused"]}
        for stem, one in stems.items():
            if one.before >= one.frames:
                assert refused[f"pbx.{stem}"] == "consent_after_call", one
                continue
            rest = sounds[stem][one.before * one.channels * BITS[one.encoding] // 8 :]
            out = exported(world, taken[f"pbx.{stem}"])
            assert audio.read_wav(io.BytesIO(out), len(out)).data == rest, one
        shutil.rmtree(world.spool)

    property()


# What survives ----------------------------------------------------------------------------------------------


def test_no_tag_name_number_or_sound_is_found_in_the_store_and_no_tag_in_an_export(world: World) -> None:
    world.grant()
    tags = [b"Kari Hemmelig", b"Sivert Skjult", b"Tone Tittel", b"Xerxes Xml"]
    id3 = b"ID3\x04\0\0\0\0\0\x20TPE1\0\0\0\x0e\0\0\0" + tags[2]
    chunks = [
        chunk(b"LIST", b"INFOIART" + struct.pack("<I", len(tags[0]) + 1) + tags[0] + b"\0"),
        chunk(b"bext", tags[1].ljust(602, b"\0")),
        chunk(b"id3 ", id3),
        chunk(b"iXML", b"<BWFXML><NOTE>" + tags[3] + b"</NOTE></BWFXML>"),
    ]
    frames = tone(0.5, seed=99)
    for half in (0, 2):  # before the sound and behind it
        sound = wav(frames, extra_chunks=chunks[half : half + 2], trailing_chunks=chunks[2 - half : 4 - half])
        world.deliver(
            f"90000077-{half}-filnavn", sound=sound, pressed_after=0.1, source_id=f"kilde.4711.{half}",
            caller="+4790000077", agent="Agnes Agent", team="hemmeliggruppe",
            known={"caller": ["Kjente Karin"], "agent": ["Agnete"]},
        )  # fmt: skip
    world.deliver("refused-filnavn", source_id="kilde.4711.9", sound=wav(frames), consent={"key": "2"})
    planted = [
        *tags, b"90000077", b"filnavn", b"kilde.4711", b"Agnes Agent", b"hemmeliggruppe", b"Kjente Karin",
        b"Agnete", frames[:64], frames[1600:1664], frames[-64:], b"nb-2026-01",
    ]  # fmt: skip
    before = b"".join(name.encode() + content for name, content in tree(world.spool).items())
    assert all(one in before for one in planted)  # so that the search below can find anything
    taken = [one["id"] for one in ingest(world, exit=3)["accepted"]]
    assert len(taken) == 2
    kept = {**tree(world.store), **tree(world.root), **tree(world.base / "state")}
    for name, content in kept.items():
        assert not [one for one in planted if one in content or one in name.encode()], name
    for recording in taken:
        out = exported(world, recording)
        assert out == audio.canonical_wav(audio.Sound(Encoding.ULAW, 8000, 2, frames[1600:]))
        assert not [one for one in tags if one in out]


# Again and again --------------------------------------------------------------------------------------------


def test_the_same_files_again_are_duplicates_and_go(world: World) -> None:
    world.deliver("call")
    (taken,) = ingest(world, "--keep-source", exit=0)["accepted"]
    assert left(world) == {"call.json", "call.wav"}
    for options, stay in ((("--keep-source",), {"call.json", "call.wav"}), ((), set())):
        told = ingest(world, *options, exit=0)
        assert (told["accepted"], told["duplicates"]) == ([], [taken])
        assert left(world) == stay
    assert objects(world) == {taken["id"]}
    assert problems(world) == []


def test_other_tags_around_the_same_sound_are_no_other_sound(world: World) -> None:
    frames = tone(0.2)
    world.deliver("call", sound=wav(frames))
    (taken,) = ingest(world, exit=0)["accepted"]
    world.deliver("again", source_id="pbx.call", sound=wav(frames, extra_chunks=[chunk(b"LIST", b"INFO")]))
    assert ingest(world, exit=0)["duplicates"][0]["id"] == taken["id"]


def test_another_sound_under_a_known_source_id_is_a_conflict_and_changes_nothing(world: World) -> None:
    world.grant()
    (first,) = world.take_in("call")
    before = exported(world, first)
    world.deliver("call", seed=1)
    told = ingest(world, exit=3)
    assert [one["code"] for one in told["refused"]] == ["conflict"]
    assert left(world) == {"call.json", "call.wav"}
    assert exported(world, first) == before


def test_a_source_id_twice_in_one_run_is_taken_once(world: World) -> None:
    world.deliver("a", source_id="same", seed=1)
    world.deliver("b", source_id="same", seed=1)
    world.deliver("c", source_id="same", seed=2)
    would = ingest(world, "--dry-run", exit=3)
    told = ingest(world, exit=3)
    for one in (would, told):
        assert [Path(call["source"]).stem for call in one["accepted"]] == ["a"]
        assert [Path(call["source"]).stem for call in one["duplicates"]] == ["b"]
        assert [(Path(call["source"]).stem, call["code"]) for call in one["refused"]] == [("c", "conflict")]
    assert len(objects(world)) == 1
    assert left(world) == {"c.json", "c.wav"}


@pytest.mark.parametrize("gone", [[], ["call.wav"]], ids=["nothing removed yet", "the sound removed"])
def test_a_run_that_died_before_its_sources_were_gone_is_finished_by_the_next(world: World, gone: list[str]) -> None:
    world.deliver("call")
    (taken,) = ingest(world, "--keep-source", exit=0)["accepted"]
    for name in gone:
        (world.spool / name).unlink()
    told = ingest(world, exit=0)
    assert (told["accepted"], told["duplicates"], told["refused"]) == ([], [taken], [])
    assert left(world) == set()


@pytest.mark.parametrize("code", ["withdrawn", "expired"])
def test_a_run_that_died_while_it_removed_what_may_not_stay_is_finished_by_the_next(world: World, code: str) -> None:
    withdraw(world, WITHDRAWN)
    changes = {"caller": WITHDRAWN} if code == "withdrawn" else {"started": datetime.now(UTC) - 91 * DAY}
    world.deliver("call", **changes)
    ingest(world, "--keep-source", exit=3)
    (world.spool / "call.wav").unlink()
    told = ingest(world, exit=3)
    assert [one["code"] for one in told["refused"]] == [code]
    assert left(world) == set()
    assert len(denials(world)) == 1


def test_a_dry_run_says_what_a_run_would_do_and_writes_nothing(world: World) -> None:
    world.take_in("before")
    world.deliver("before")
    for stem, consent in (("a", {}), ("b", {"key": "2"}), ("c", {"prompt": "none"})):
        world.deliver(stem, consent=consent)
    world.deliver("d", started=datetime.now(UTC) - 91 * DAY)
    (world.spool / "alone.wav").write_bytes(tone_wav(0.1))
    before, size = tree(world.base), world.json("audit", "verify", who="iver")["size"]
    would = ingest(world, "--dry-run", exit=3)
    assert tree(world.base) == before
    assert world.json("audit", "verify", who="iver")["size"] == size
    told = ingest(world, exit=3)
    for key in ("refused", "duplicates", "unclaimed"):
        assert would[key] == told[key], key
    assert [one["source"] for one in would["accepted"]] == [one["source"] for one in told["accepted"]]
    assert would["accepted"][0]["id"] is None


def test_a_file_that_changed_while_it_was_taken_in_is_not_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver("call")
    remove = BatchOutcome.remove_sources

    def still_written(outcome: BatchOutcome) -> None:
        with (world.spool / "call.wav").open("ab") as sound:
            sound.write(tone(0.1))
        remove(outcome)

    monkeypatch.setattr(BatchOutcome, "remove_sources", still_written)
    told = ingest(world, exit=0)
    assert (len(told["accepted"]), told["left"]) == (1, [str(world.spool / "call.wav")])
    assert left(world) == {"call.json", "call.wav"}


def test_keep_source_keeps_also_what_may_not_stay(world: World) -> None:
    withdraw(world, WITHDRAWN)
    world.deliver("withdrawn", caller=WITHDRAWN)
    world.deliver("expired", started=datetime.now(UTC) - 91 * DAY)
    files = left(world)
    ingest(world, "--keep-source", exit=3)
    assert left(world) == files


# Crashes and company ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 50, 3000, -1], ids=["magic", "stanza", "body", "last chunk"])
def test_an_object_that_came_out_wrong_is_noticed_before_its_source_goes(
    world: World, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    world.deliver("call")
    files, settle = left(world), FileBlobs.settle

    def flipping(blobs: FileBlobs, names: Iterable[str]) -> None:
        names = list(names)
        settle(blobs, names)
        for name in names:
            path = blobs._path(name)
            if path.exists():
                content = bytearray(path.read_bytes())
                content[place] ^= 1
                path.write_bytes(content)

    with monkeypatch.context() as patch:
        patch.setattr(FileBlobs, "settle", flipping)
        result = world.run("ingest", str(world.spool), "--json", who="telefon")
    assert (result.exit, result.json["error"]["code"]) == (15, "object_damaged")
    assert left(world) == files
    assert objects(world) == set()
    assert len(ingest(world, exit=0)["accepted"]) == 1
    assert problems(world) == []


KILLS = [  # measured with strace, which counts per thread: what the run, or the first thread of it, would do next
    ("fsync", 1),  # make the catalogue's journal durable
    ("fsync", 3),  # make rows ARRIVING durable
    pytest.param("fsync", 4, marks=pytest.mark.in_a_file),  # commit
    pytest.param("fsync", 5, marks=pytest.mark.in_a_file),  # forget what was announced and is not held
    ("renameat", 1),  # give an object its name
    pytest.param("pwrite64", 80, marks=pytest.mark.in_a_file),  # write the commit's pages
    ("unlinkat", 4),  # remove an expired call's manifest, its sound being gone
    ("unlinkat", 6),  # a withdrawn call's
    ("unlinkat", 8),  # one that was taken in
    pytest.param("unlink", 1, marks=pytest.mark.in_a_file),  # nothing more: the catalogue is being closed
]


@pytest.mark.slow
@needs.mark(needs.program("strace"))
@pytest.mark.parametrize(("call", "when"), KILLS)
def test_a_run_killed_at_any_write_ends_after_the_next_as_if_nothing_had_happened(
    world: World, call: str, when: int
) -> None:
    world.grant()
    withdraw(world, WITHDRAWN)
    sounds = {canonical(tone_wav(0.2, seed=seed)) for seed in range(3)}
    for seed in range(3):
        world.deliver(f"call{seed}", seconds=0.2, seed=seed)
    world.deliver("x-withdrawn", caller=WITHDRAWN)
    world.deliver("y-expired", started=datetime.now(UTC) - 91 * DAY)
    world.deliver("z-refused", consent={"key": "2"})
    words, environment = program(world, "ingest", str(world.spool))
    injected = f"inject={call}:signal=SIGKILL:when={when}"
    strace = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", injected]
    killed = subprocess.run([*strace, *words], env=environment, capture_output=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr  # else nothing was tested
    ingest(world)
    assert left(world) == set()
    assert "no_consent" in {entry["detail"]["code"] for entry in denials(world)}
    found = held(world)
    assert len(found) == 3
    assert objects(world) == set(found)
    assert {exported(world, one) for one in found} == sounds
    assert problems(world) == []
    assert world.json("status", who="iver")["unfinished"] == 0


@pytest.mark.slow
def test_two_runs_over_one_spool_take_every_call_once_and_refuse_none(world: World) -> None:
    world.grant()
    count = BATCH + 20
    for number in range(count):
        world.deliver(f"call{number:03}", seconds=0.01, seed=number, caller=f"+47900{number:05}")
    words, environment = program(world, "ingest", str(world.spool), "--json")
    runs = [subprocess.Popen(words, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    told = [json.loads(one.communicate(timeout=120)[0]) for one in runs]
    assert [one.returncode for one in runs] == [0, 0], told
    assert sorted(call["source_id"] for one in told for call in one["accepted"]) == sorted(
        f"pbx.call{number:03}" for number in range(count)
    )
    assert left(world) == set()
    assert len(objects(world)) == count
    assert problems(world) == []


def test_a_batch_is_for_whoever_has_a_grant_when_it_is_committed_and_nothing_is_sealed_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right before the first batch is committed, with the second one sealed already, a grant ends and one is given."""
    for number in range(4):
        world.deliver(f"call{number}", seconds=0.01, seed=number)
    world.grant("turid")
    commit, encrypt, sealed = Batch._commit, sealing._encrypt, list[str]()

    def granted_before(batch: Batch, calls: Any) -> None:
        monkeypatch.setattr(Batch, "_commit", commit)
        world.json("revoke", "turid", who="sigrid")
        world.grant()
        commit(batch, calls)

    def noted(*words: Any) -> Any:
        sealed.append(words[0].id.hex())
        return encrypt(*words)

    monkeypatch.setattr(intake, "BATCH", 2)
    monkeypatch.setattr(Batch, "_commit", granted_before)
    monkeypatch.setattr(sealing, "_encrypt", noted)
    taken = {call["id"] for call in ingest(world, exit=0)["accepted"]}
    assert len(taken) == 4
    assert sorted(sealed) == sorted(taken)
    assert set(held(world)) == objects(world) == taken
    assert loot(world, "leif").kf == taken
    assert not loot(world, "turid").kf
    assert (left(world), problems(world)) == (set(), [])


@pytest.mark.parametrize(
    ("owner", "name", "ending"),
    [(intake, "scan", "passed over"), (spool, "_open_below", "passed over"), (Batch, "_judge", "duplicate")],
    ids=["listed", "opened", "judged"],
)
def test_a_call_that_another_run_takes_meanwhile_is_no_fault(
    world: World, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, ending: str
) -> None:
    world.deliver("call")
    world.deliver("later")
    look, others = getattr(owner, name), []

    def overtaken(*words: Any, **more: Any) -> Any:
        seen = look(*words, **more)
        monkeypatch.setattr(owner, name, look)
        others.append(world.json("ingest", str(world.spool / "call.json"), who="telefon"))
        return seen

    monkeypatch.setattr(owner, name, overtaken)
    told = ingest(world, exit=0)
    assert told["duplicates"] == ([] if ending == "passed over" else others[0]["accepted"])
    assert [one["source_id"] for one in told["accepted"]] == ["pbx.later"]
    assert (told["unclaimed"], left(world), problems(world)) == ([], set(), [])


def test_a_spool_whose_files_cannot_be_removed_is_told_and_taken_in_once(world: World) -> None:
    world.deliver("call")
    undeniable = shutil.which("chattr") if os.geteuid() == 0 else None
    if undeniable:
        deny, allow = [undeniable, "+i", str(world.spool)], [undeniable, "-i", str(world.spool)]
    else:
        deny, allow = ["chmod", "500", str(world.spool)], ["chmod", "700", str(world.spool)]
    subprocess.run(deny, capture_output=True)
    try:
        if os.access(world.spool, os.W_OK) and not undeniable:
            needs.demand(needs.unable("folder that root may not write"))
        first, second = ingest(world), ingest(world)
    finally:
        subprocess.run(allow, capture_output=True)
    needs.demand(None if first["left"] else needs.unable("chattr +i"))
    assert first["left"] == second["left"] == [str(world.spool / "call.wav")]
    assert first["accepted"] == second["duplicates"]
    assert ingest(world, exit=0)["duplicates"] == first["accepted"]
    assert left(world) == set()


def test_a_socket_is_no_sound(world: World) -> None:
    path = world.deliver("call")
    path.with_suffix(".wav").unlink()
    here = Path.cwd()
    os.chdir(world.spool)  # a socket's name is short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("call.wav")
            assert [one["code"] for one in ingest(world, exit=3)["refused"]] == ["not_a_file"]
    finally:
        os.chdir(here)
