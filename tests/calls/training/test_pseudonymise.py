"""Training copies as their users know them: what is cut is gone, all else is as it was, and no copy passes unseen."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Usage
from arlo_rec.sound import audio
from arlo_rec.sound.audio import Encoding, Fill, Sound, Stretch, cut_list, cutting
from tests.support.attack import SECRETS, identity
from tests.support.backups import back_up, is_whole, lose, with_feed
from tests.support.copies import CONFIRM, SAID, labels, propose, training
from tests.support.promises import plunder
from tests.support.sounds import tone_wav
from tests.support.world import REASON, World

WHY = "heard and confirmed by two people"
QUALITY = ("--purpose", "quality", "--reason", REASON)
WIDTHS = st.sampled_from(sorted(Encoding))


def released(world: World, recording: str) -> str:
    copy = propose(world, recording)["copy"]
    world.json("review", copy, *CONFIRM, who="sigrid")
    return str(world.json("release", copy, "--reason", WHY, who="sigrid")["copy"]["copy"])


def heard(world: World, recording: str, purpose: str, who: str) -> Sound:
    out = world.base / f"{recording}.wav"
    out.unlink(missing_ok=True)
    world.json("export", recording, "--purpose", purpose, "--reason", REASON, "--out", str(out), who=who)
    body = out.read_bytes()
    return audio.read_wav(io.BytesIO(body), len(body))


@pytest.mark.slow
def test_a_copy_is_made_reviewed_and_released_and_only_then_heard_in_training(world: World) -> None:
    (original,) = world.take_in("a")
    world.grant("turid", "training")
    made = propose(world, original)
    assert (made["state"], len(made["cuts"])) == ("needs_review", 2)
    assert training(world, "find").json["recordings"] == []
    assert world.json("review", made["copy"], *CONFIRM, who="sigrid")["copy"]["state"] == "ready"
    assert training(world, "find").json["recordings"] == []
    told = world.json("release", made["copy"], "--reason", WHY, who="sigrid")["copy"]
    assert told["state"] == "released" and told["copy"] != made["copy"]
    assert [one["id"] for one in training(world, "find").json["recordings"]] == [told["copy"]]
    is_whole(world)


@pytest.mark.slow
def test_what_is_cut_is_silence_and_every_other_byte_is_as_it_was(world: World) -> None:
    (original,) = world.take_in("a")
    world.grant("turid", "training")
    world.grant("leif", "quality")
    before, after = (
        heard(world, original, "quality", "leif"),
        heard(world, released(world, original), "training", "turid"),
    )
    assert (after.rate, after.channels, after.encoding, after.frames) == (8000, 2, Encoding.ULAW, before.frames)
    for frame in range(before.frames):
        sample = after.data[2 * frame : 2 * frame + 2]
        if 840 <= frame < 1560 or 2440 <= frame < 2760:
            assert sample == b"\xff\xff"
        elif not (800 <= frame < 1600 or 2400 <= frame < 2800):  # between lie the 5 ms in which an edge fades
            assert sample == before.data[2 * frame : 2 * frame + 2]


@pytest.mark.slow
def test_no_copy_is_released_that_nobody_confirmed(world: World) -> None:
    (original,) = world.take_in("a")
    copy = propose(world, original)["copy"]
    told = world.run("release", copy, "--reason", WHY, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (14, "not_reviewed")
    assert world.run("release", copy, "--reason", "short", who="sigrid").exit == 2
    world.json("review", copy, *CONFIRM, who="sigrid")
    again = world.json("review", *SAID, copy, "--add", "0.4-0.45", who="sigrid")["copy"]
    assert (again["copy"], again["revision"]) == (copy, 2), "the id that somebody works with stays"
    assert (again["state"], len(again["cuts"])) == ("needs_review", 3)
    told = world.run("release", copy, "--reason", WHY, "--json", who="sigrid")
    assert told.json["error"]["code"] == "not_reviewed", "what was changed is confirmed again"


@pytest.mark.slow
def test_a_reviewer_removes_cuts_and_adds_others(world: World) -> None:
    (original,) = world.take_in("a", seconds=6)
    words = ("pseudonymise", *SAID, original, "--cuts", labels(world, (2.0, 2.5), (4.0, 5.0)))
    copy = world.json(*words, who="sigrid")["results"][0]["copy"]
    changed = world.json("review", *SAID, copy, "--remove", "2", "--add", "3-3.5", who="sigrid")["copy"]
    assert [(one["start"], one["end"]) for one in changed["cuts"]] == [(2.0, 2.5), (3.0, 3.5)]


@pytest.mark.slow
def test_what_stands_in_the_cuts_is_the_setting(world: World) -> None:
    (original,) = world.take_in("a")
    world.grant("turid", "training")
    world.setting('copy_fill = "loud"')
    words = ("pseudonymise", *SAID, original, "--cuts", labels(world, (0.1, 0.2)))
    assert world.code(*words, who="sigrid") == (2, "fill_unknown")
    inside = {}
    for fill in ("silence", "tone"):
        world.setting(f'copy_fill = "{fill}"')
        copy = world.json(*words, who="sigrid")["results"][0]["copy"]
        world.json("review", copy, *CONFIRM, who="sigrid")
        released = world.json("release", copy, "--reason", WHY, who="sigrid")["copy"]["copy"]
        out = world.base / f"{fill}.wav"
        assert training(world, "export", released, "--out", str(out)).exit == 0
        sound = audio.as_pcm16(audio.read_wav(io.BytesIO(out.read_bytes()), out.stat().st_size))
        first, behind = (round(at * sound.rate) * sound.frame_bytes for at in (0.12, 0.18))
        inside[fill] = set(sound.data[first:behind])
    assert inside["silence"] == {0} and len(inside["tone"]) > 2


@pytest.mark.slow
def test_a_release_that_broke_off_releases_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from arlo_rec.calls.training import under_review
    from arlo_rec.law.model.errors import Unreachable

    (original,) = world.take_in("a")
    world.grant("turid", "training")
    copy = propose(world, original)["copy"]
    world.json("review", copy, *CONFIRM, who="sigrid")

    def breaks(*_words: Any) -> None:
        raise Unreachable("no_space")

    monkeypatch.setattr(under_review, "erase", breaks)
    assert world.run("release", copy, "--reason", WHY, who="sigrid").exit == 16
    monkeypatch.undo()
    (given,) = training(world, "find").json["recordings"]
    assert world.json("release", copy, "--reason", WHY, who="sigrid")["copy"]["copy"] == given["id"]
    assert [one["id"] for one in training(world, "find").json["recordings"]] == [given["id"]]
    assert world.run("review", *SAID, copy, "--json", who="sigrid").json["error"]["code"] == "copy_replaced"
    is_whole(world)


@pytest.mark.slow
def test_a_copy_under_review_that_was_exported_is_a_file_that_left(world: World) -> None:
    (original,) = world.take_in("a", seconds=2)
    copy = propose(world, original)["copy"]
    world.grant("sigrid")
    world.json("export", copy, *QUALITY, "--out", str(world.base / "copy.wav"), who="sigrid")
    told = world.json("withdraw", "90000001", "--yes", who="skranke")["recipients"]
    assert [(one["kind"], one["person"], one["state"]) for one in told] == [("export", "sigrid", "open")]


@pytest.mark.slow
def test_who_took_a_copy_that_is_gone_since_is_asked_at_the_withdrawal_of_the_call_unless_it_is_confirmed(
    world: World,
) -> None:
    """A copy under review is replaced when it is released, and what was taken of it holds the caller's voice."""
    (original,) = world.take_in("a", seconds=2)
    copy = propose(world, original)["copy"]
    world.grant("sigrid")
    for name in ("one", "other"):
        world.json("export", copy, *QUALITY, "--out", str(world.base / f"{name}.wav"), who="sigrid")
    world.json("review", copy, *CONFIRM, who="sigrid")
    world.json("release", copy, "--reason", WHY, who="sigrid")
    one, other = world.json("recipients", "list", who="sigrid")["recipients"]
    world.delete_saved(one["id"], who="sigrid")
    told = world.run("withdraw", "90000001", "--yes", "--lang", "en", who="sigrid").out
    assert f"recipients confirm {other['id']}" in told
    assert f"recipients confirm {one['id']}" not in told


@pytest.mark.slow
def test_a_copy_under_review_that_was_exported_since_a_backup_is_known_after_a_restore(fed: World) -> None:
    (original,) = fed.take_in("a", seconds=2)
    copy = propose(fed, original)["copy"]
    back_up(fed)
    fed.grant("sigrid")
    fed.json("export", copy, *QUALITY, "--out", str(fed.base / "copy.wav"), who="sigrid")
    lose(fed)
    with_feed(fed)
    assert [one["kind"] for one in fed.json("recipients", "list", who="sigrid")["recipients"]] == ["export", "backup"]


@pytest.mark.slow
def test_a_manager_is_told_that_a_call_whose_consent_lacks_quality_is_the_officers(world: World) -> None:
    world.deliver("old", started=datetime.now(UTC) - timedelta(hours=1), consent={"prompt": "nb-2025-01"})
    original = world.json("ingest", str(world.spool), who="telefon")["accepted"][0]["id"]
    world.grant("leif", "quality")
    told = world.run("pseudonymise", *SAID, original, "--cuts", labels(world, (0.1, 0.2)), "--json", who="leif")
    assert (told.exit, told.json["error"]["code"]) == (14, "not_consented")
    assert propose(world, original)["state"] == "needs_review"


@pytest.mark.slow
def test_the_words_of_a_label_are_kept_nowhere(world: World) -> None:
    (original,) = world.take_in("a")
    made = propose(world, original)
    assert "Kari" not in json.dumps(made)
    assert {tuple(one["types"]) for one in made["cuts"]} == {("other",)}


@pytest.mark.slow
def test_a_manager_with_quality_makes_and_reviews_and_others_do_not_even_see_it(world: World) -> None:
    (original,) = world.take_in("a")
    assert world.run("pseudonymise", *SAID, original, "--cuts", labels(world, (0.1, 0.2)), who="leif").exit == 13
    world.grant("leif", "quality")
    world.grant("turid", "training")
    copy = propose(world, original, who="leif")["copy"]
    assert world.run("review", *SAID, copy, who="turid").exit == 13
    assert world.run("review", *SAID, copy, who="siri").exit == 13
    assert training(world, "export", copy, "--out", str(world.base / "x.wav")).exit in {13, 14}
    world.json("review", copy, *CONFIRM, who="leif")
    told = world.json("release", copy, "--reason", WHY, who="leif")["copy"]
    assert training(world, "find").json["recordings"][0]["id"] == told["copy"]
    is_whole(world)


@pytest.mark.slow
def test_a_copy_is_sealed_by_the_roster_of_today_also_where_it_changed_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arlo_rec.calls.training import copies

    (original,) = world.take_in("a")
    world.grant("turid", "training")
    hold, done = copies._hold, []

    def meanwhile(*words: Any) -> Any:
        if not done:
            done.append(world.run("revoke", "turid", who="sigrid").exit)
        return hold(*words)

    monkeypatch.setattr(copies, "_hold", meanwhile)
    assert propose(world, original)["state"] == "needs_review"
    assert done == [0]
    assert world.json("purge", who="cron")["erased"] == 0
    assert world.json("status", who="iver")["unfinished"] == 0
    is_whole(world)


@pytest.mark.slow
def test_a_copy_of_a_call_that_was_withdrawn_meanwhile_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arlo_rec.calls.training import copies

    (original,) = world.take_in("a")
    hold = copies._hold

    def meanwhile(*words: Any) -> Any:
        assert world.json("withdraw", "90000001", "--yes", who="skranke")["erased"] == 1
        return hold(*words)

    monkeypatch.setattr(copies, "_hold", meanwhile)
    assert world.run("pseudonymise", *SAID, original, "--cuts", labels(world, (0.1, 0.2)), who="sigrid").exit == 13
    status = world.json("status", who="sigrid")
    assert (status["held"], status["unfinished"]) == (0, 0)
    assert not plunder(world, [identity(world, name) for name in SECRETS]).sounds
    is_whole(world)


@pytest.mark.slow
def test_who_confirmed_and_who_released_is_in_the_log(world: World) -> None:
    (original,) = world.take_in("a")
    released(world, original)
    entries = world.json("audit", "show", who="iver")["entries"]
    assert [one["person"] for one in entries if one.get("detail", {}).get("confirmed")] == ["sigrid"]
    assert [one["detail"]["why"] for one in entries if (one["action"], one["outcome"]) == ("release", "done")] == [WHY]


@pytest.mark.slow
def test_a_withdrawal_takes_every_copy_and_a_rejected_one_is_gone(world: World) -> None:
    (original,) = world.take_in("a")
    waiting, given = propose(world, original)["copy"], released(world, original)
    bad = propose(world, original)["copy"]
    assert world.json("reject", bad, "--reason", "a name is still heard", who="sigrid")["copy"]["state"] == "rejected"
    assert world.run("review", *SAID, bad, who="sigrid").exit == 13
    told = world.json("withdraw", "90000001", "--yes", who="skranke")
    assert {one["id"] for one in told["recordings"]} == {original, waiting, given}
    assert not plunder(world, [identity(world, name) for name in SECRETS]).sounds
    is_whole(world)


@pytest.mark.slow
def test_a_copy_goes_with_its_originals_last_day(world: World) -> None:
    from tests.support.world import DUE_SOON, wait_until_due

    (original,) = world.take_in("a", started=datetime.now(UTC) - DUE_SOON)
    copy = propose(world, original)["copy"]
    wait_until_due(world, 2)
    assert {one["id"] for one in world.json("purge", who="cron")["recordings"]} == {original, copy}


@pytest.mark.slow
def test_trainers_learn_nothing_of_what_was_cut(world: World) -> None:
    """With own code, too: what a training key opens besides the sound."""

    from arlo_rec.law.model.records import RecordingId
    from arlo_rec.store import open_store
    from arlo_rec.vault.access import metadata
    from arlo_rec.vault.access.keyrings import GrantKeyring
    from arlo_rec.vault.keys.layout import find
    from arlo_rec.vault.keys.root_secret import StateFolder

    (original,) = world.take_in("a")
    world.grant("turid", "training")
    copy = RecordingId(bytes.fromhex(released(world, original)))
    with open_store(find(world.store), identity(world, "turid"), datetime.now(UTC), StateFolder(None)) as store:
        row = store.catalogue.recordings.get(copy)
        assert row is not None
        ke = metadata.erasure_keys(store, [row])[copy]
        told = metadata.open_for(store, row, GrantKeyring(store, store.roster.grants), ke)
    assert told is not None and "cuts" not in told and "caller" not in told


@pytest.mark.slow
def test_a_consent_without_training_makes_no_copy(world: World) -> None:
    """A prompt that names both purposes is needed; a store of prompts for quality alone does not exist."""
    (original,) = world.take_in("a")
    assert world.run("pseudonymise", *SAID, "0" * 32, "--cuts", labels(world, (0.1, 0.2)), who="sigrid").exit == 13
    copy = propose(world, original)["copy"]
    assert world.run("pseudonymise", *SAID, copy, "--cuts", labels(world, (0.1, 0.2)), who="sigrid").exit == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing\n", "0.2\t0.1\tx\n", "0.1\t0.1\tpoint\n", "-1\t2\tx\n", "nan\t2\tx\n", "a\tb\tc\n",
        "9\t10\tbehind\n", "call 3 0.1 0.2 word\n", "call 1 0.1 0 word\n", "{}", "[", '{"cuts": [{"start": 0}]}',
        '[{"start": "x", "end": 1}]', '[{"start": 0.1, "end": 0.2, "channels": [7]}]', '[{"start": true, "end": 2}]',
        "[[]]", "null", '{"cuts": 5}',
    ],
)  # fmt: skip
def test_a_list_that_is_none_makes_no_copy(world: World, text: str) -> None:
    (original,) = world.take_in("a")
    path = world.base / "cuts"
    path.write_text(text, "utf-8")
    told = world.run("pseudonymise", *SAID, original, "--cuts", str(path), "--json", who="sigrid")
    assert told.exit == 2 and told.json["error"]["code"] in {"cuts_wrong", "cuts_empty"}, told
    assert world.json("status", who="iver")["held"] == 1
    is_whole(world)


def test_audacity_ctm_and_json_say_the_same() -> None:
    same = [(0.5, 1.0, None), (2.0, 2.25, None)]
    audacity = cut_list.read(b"2.0\t2.25\tnumber\n\\\t100\t200\n0.5\t1.0\tname\n")
    assert [(one.start, one.end, one.channels) for one in audacity] == same
    assert [one.types for one in audacity] == [("name",), ("number",)]
    told = cut_list.read(b'{"cuts": [{"start": 0.5, "end": 1.0, "type": "name"}, {"start": 2, "end": 2.25}]}')
    assert [(one.start, one.end, one.channels) for one in told] == same
    ctm = cut_list.read(b";; comment\ncall A 0.5 0.5 ola\ncall B 2.0 0.25 fire 0.9\n")
    assert [(one.start, one.end, one.channels) for one in ctm] == [(0.5, 1.0, (0,)), (2.0, 2.25, (1,))]


def sound_of(encoding: Encoding, channels: int, seconds: float = 0.5, seed: int = 1) -> Sound:
    wav = tone_wav(seconds, channels=channels, encoding=encoding, seed=seed)
    return audio.read_wav(io.BytesIO(wav), len(wav))


@given(WIDTHS, st.integers(1, 2), st.sampled_from(sorted(Fill)), st.data())
def test_inside_is_exactly_the_fill_and_outside_every_byte_is_kept(
    encoding: Encoding, channels: int, fill: Fill, data: st.DataObject
) -> None:
    sound = sound_of(encoding, channels)
    start = data.draw(st.floats(0, 0.45))
    end = data.draw(st.floats(start + 0.001, 0.6))
    which = data.draw(st.sampled_from([None, *[(one,) for one in range(channels)]]))
    stretches = [Stretch(start, end, which)]
    chance = data.draw(st.binary(min_size=32, max_size=32))
    after = audio.cut(sound, stretches, fill, chance)
    assert audio.find_cut_problems(sound, after, stretches, fill, chance) == []
    first, last = int(start * 8000), min(sound.frames, -int(-end * 8000 // 1))
    step, width = sound.frame_bytes, sound.encoding.sample_bytes
    assert after.data[: first * step] == sound.data[: first * step]
    assert after.data[last * step :] == sound.data[last * step :]
    if which is not None:
        for channel in set(range(channels)) - set(which):
            for byte in range(width):
                at = channel * width + byte
                assert after.data[at::step] == sound.data[at::step]


@given(WIDTHS, st.sampled_from(sorted(Fill)))
def test_the_fill_knows_nothing_of_what_was_there(encoding: Encoding, fill: Fill) -> None:
    """Two calls that differ only inside the cut become the same copy."""
    one, stretches = sound_of(encoding, 2), [Stretch(0.1, 0.2)]
    step = one.frame_bytes
    other = Sound(
        one.encoding, one.rate, one.channels,
        one.data[: 800 * step] + sound_of(encoding, 2, seed=7).data[800 * step : 1600 * step] + one.data[1600 * step :],
    )  # fmt: skip
    assert one.data != other.data
    assert audio.cut(one, stretches, fill, bytes(32)).data == audio.cut(other, stretches, fill, bytes(32)).data


@pytest.mark.parametrize("encoding", sorted(Encoding))
def test_a_copy_that_is_not_the_cut_call_is_found_out(encoding: Encoding) -> None:
    sound, stretches = sound_of(encoding, 2), [Stretch(0.1, 0.2)]
    after = audio.cut(sound, stretches, Fill.SILENCE)
    for frame, code in ((100, "outside_differs"), (1000, "inside_is_not_the_fill")):
        broken = bytearray(after.data)
        broken[frame * sound.frame_bytes] ^= 1
        wrong = Sound(after.encoding, after.rate, after.channels, bytes(broken))
        assert audio.find_cut_problems(sound, wrong, stretches, Fill.SILENCE) == [code]
    short = Sound(after.encoding, after.rate, after.channels, after.data[: -sound.frame_bytes])
    assert audio.find_cut_problems(sound, short, stretches, Fill.SILENCE) == ["length_differs"]


@pytest.mark.parametrize("fill", [Fill.SILENCE, Fill.TONE])
@pytest.mark.parametrize("encoding", sorted(Encoding))
def test_no_edge_of_a_cut_clicks(encoding: Encoding, fill: Fill) -> None:
    """From sample to sample the sound steps no further at an edge than sound and fill do together."""
    import numpy

    wave = 0.5 * numpy.cos(2 * numpy.pi * 200 * numpy.arange(8000) / 8000)  # a crest of a vowel at the edge
    sound = Sound(encoding, 8000, 1, cutting.encode(encoding, wave))
    cut = audio.cut(sound, [Stretch(0.25, 0.75)], fill, bytes(32))
    steps = numpy.abs(numpy.diff(numpy.frombuffer(audio.as_pcm16(cut).data, "<i2") / 32768))
    most = 1.2 * 2 * numpy.pi * (0.5 * 200 + (fill is Fill.TONE) * cutting.TONE_LEVEL * cutting.TONE_HZ) / 8000
    assert steps.max() < most
    hard = audio.cut(sound, [Stretch(0.25, 0.75)], fill, bytes(32), 0.0)
    assert audio.find_cut_problems(sound, hard, [Stretch(0.25, 0.75)], fill, bytes(32), 0.0) == []
    assert audio.find_cut_problems(sound, hard, [Stretch(0.25, 0.75)], fill, bytes(32)) == ["inside_is_not_the_fill"]


def test_a_tone_is_a_tone_and_noise_is_as_loud_as_the_quietest_parts() -> None:
    import numpy

    quiet, loud = sound_of(Encoding.PCM16, 1, 2.0), sound_of(Encoding.PCM16, 1, 2.0)
    tone = numpy.frombuffer(audio.cut(loud, [Stretch(0.0, 2.0)], Fill.TONE).data, "<i2") / 32768
    spectrum = numpy.abs(numpy.fft.rfft(tone))
    assert abs(spectrum.argmax() / 2.0 - 1000) < 2
    assert 20 * numpy.log10(numpy.sqrt((tone**2).mean()) * 2**0.5) == pytest.approx(-24, abs=0.2)
    samples = numpy.frombuffer(quiet.data, "<i2").copy()
    samples[:8000] = (numpy.random.default_rng(1).standard_normal(8000) * 100).astype("<i2")
    noisy = Sound(Encoding.PCM16, 8000, 1, samples.tobytes())
    filled = numpy.frombuffer(audio.cut(noisy, [Stretch(1.5, 2.0)], Fill.NOISE, bytes(32)).data, "<i2")[12040:]
    assert 60 < numpy.sqrt((filled.astype(float) ** 2).mean()) < 140


@pytest.mark.parametrize(
    "bad", [Stretch(-1, 0.1), Stretch(0.2, 0.1), Stretch(5, 6), Stretch(0, 0.1, (2,)), Stretch(0, 0.1, ())]
)
def test_a_stretch_that_is_not_in_the_sound_is_no_stretch(bad: Stretch) -> None:
    with pytest.raises(ValueError, match="not in the sound"):
        audio.cut(sound_of(Encoding.ULAW, 2), [bad], Fill.SILENCE)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_of_cuts_or_told_as_none(raw: bytes) -> None:
    try:
        found = cut_list.read(raw)
    except Usage:
        return
    assert found and all(0 <= one.start < one.end for one in found)


@pytest.mark.slow
def test_nothing_that_was_decrypted_touches_the_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file that is opened for writing while a copy is made lies in the store or beside it, and none has sound."""
    (original,) = world.take_in("a", seconds=2)
    world.grant("leif", "quality")
    body = heard(world, original, "quality", "leif").data
    (world.base / f"{original}.wav").unlink()
    propose(world, original)
    needle = body[1000:1064]
    for path in Path(world.base).rglob("*"):
        if path.is_file():
            assert needle not in path.read_bytes(), path
