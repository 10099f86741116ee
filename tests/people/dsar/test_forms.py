"""What an answer can be: MP3 or WAV, one page, an archive of pages, an age file; and of what the person asked for."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy
import pytest
import soundfile

from arlo_rec.people.dsar import writing
from arlo_rec.sound import audio
from tests.support import answers, needs
from tests.support.catalogue import insider
from tests.support.disks import small_disk
from tests.support.faults import damage
from tests.support.sounds import Encoding, tone_wav
from tests.support.world import World, memory_of

pytestmark = pytest.mark.slow  # `test_dsar` and `test_letter` are what the quick loop has of answers

CALLED = ("--identity", "called-back")


def ask(world: World, *more: str, name: str = "answer.html") -> dict[str, Any]:
    return world.json("dsar", "90000001", *CALLED, "--out", str(world.base / name), *more, who="sigrid")


def bodies(told: dict[str, Any]) -> dict[str, bytes]:
    """The files in a page that was written."""
    return answers.opened(Path(told["out"]).read_bytes(), told["passphrase"].encode())["bodies"]


def data(files: dict[str, bytes]) -> Any:
    return json.loads(files["data.json"])


def is_genuine(world: World, path: Path) -> bool:
    """Whether the certificate of a file checks against the keys that were published."""
    published = json.loads((world.base / "init.json").read_text())
    keys = ("--vkey", published["vkey"], "--vkey", published["officer_vkey"])
    return world.run("certificate", "verify", str(path), *keys).exit == 0


def nothing_left(world: World, name: str) -> None:
    """Neither a file nor a disclosure came of an answer."""
    assert sorted(path.name for path in world.base.iterdir() if name in path.name or path.name.endswith(".part")) == []
    recipients = world.json("recipients", "list", "--all", who="sigrid")["recipients"]
    assert [one for one in recipients if one["kind"] == "package"] == []


# -- sound --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("rate", sorted(audio.MP3_RATES))
@pytest.mark.parametrize("channel", [0, None])
def test_an_mp3_is_as_long_as_the_recording_and_not_shifted(rate: int, channel: int | None) -> None:
    time = numpy.arange(rate + 7) / rate
    wave = numpy.where(time < 0.5, 0, 9000 * numpy.sin(2 * numpy.pi * 440 * time)).astype("<i2")
    sound = audio.Sound(Encoding.PCM16, rate, 2, numpy.column_stack([wave, wave[::-1]]).tobytes())
    header, blocks = audio.read_blocks([audio.canonical_wav(sound)])
    encoder = audio.SoundEncoder(header, channel, mp3=True)
    for block in blocks:
        encoder.write(block)
    heard, its_rate = soundfile.read(io.BytesIO(encoder.finish()), dtype="int16", always_2d=True)
    assert (its_rate, heard.shape) == (rate, (len(wave), 2 if channel is None else 1))
    begins = int(numpy.argmax(numpy.abs(heard[:, 0]) > 4000)) / rate
    assert begins == pytest.approx(0.5, abs=0.002)


def test_the_picture_of_a_sound_shows_where_it_is_loud() -> None:
    samples = numpy.zeros((8000, 2), "<i2")
    samples[4000:, 0] = 10_000
    samples[:, 1] = 30_000  # the other side
    header, blocks = audio.read_blocks([audio.canonical_wav(audio.Sound(Encoding.PCM16, 8000, 2, samples.tobytes()))])
    encoder = audio.SoundEncoder(header, 0, mp3=False)
    for block in blocks:
        for start in range(0, len(block), 4 * 777):
            encoder.write(block[start : start + 4 * 777])
    assert encoder.peaks == (0,) * 120 + (99,) * 120


def test_a_silent_sound_and_one_of_a_few_samples_have_a_picture_too() -> None:
    for frames, picture in ((1000, (0,) * 240), (3, (0, 0, 0))):
        body = audio.canonical_wav(audio.Sound(Encoding.PCM16, 8000, 1, bytes(2 * frames)))
        header, blocks = audio.read_blocks([body])
        encoder = audio.SoundEncoder(header, None, mp3=True)
        for block in blocks:
            encoder.write(block)
        assert encoder.peaks == picture
        assert len(soundfile.read(io.BytesIO(encoder.finish()))[0]) == frames


def test_sounds_are_mp3_of_one_side_or_on_request_wav_with_the_other_side_zero(world: World) -> None:
    world.take_in("call")
    mp3 = bodies(ask(world))
    world.setting('answer_sound = "wav"')
    wav = bodies(ask(world, name="wav.html"))
    heard, _ = soundfile.read(io.BytesIO(mp3["recording-01.mp3"]), always_2d=True)
    exact, _ = soundfile.read(io.BytesIO(wav["recording-01.wav"]), always_2d=True, dtype="int16")
    assert (heard.shape, exact.shape) == ((4000, 1), (4000, 2))
    assert exact[:, 0].any() and not exact[:, 1].any()
    assert [data(files)["sound_format"] for files in (mp3, wav)] == ["mp3", "wav"]


def test_a_rate_that_mp3_does_not_have_is_given_as_wav(world: World) -> None:
    world.take_in("call", sound=tone_wav(0.5, rate=9600))
    assert "recording-01.wav" in bodies(ask(world))


# -- an archive of pages ------------------------------------------------------------------------------


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page has room for the sounds of two calls."""
    monkeypatch.setattr(writing, "MOST", 4000)


@pytest.mark.slow
@pytest.mark.usefixtures("small_pages")
def test_what_is_too_much_for_a_page_is_an_archive_of_pages_that_open_with_the_same_passphrase(world: World) -> None:
    world.take_in("a", "b", "c")
    told = ask(world)
    assert Path(told["out"]) == world.base / "answer.zip"
    assert not (world.base / "answer.html").exists()
    with zipfile.ZipFile(told["out"]) as pages:
        assert pages.testzip() is None
        assert pages.namelist() == ["parts/part-01.html", "parts/part-02.html", "index.html", "certificate.json"]
        first, second, index = (
            answers.opened(pages.read(name), told["passphrase"].encode()) for name in pages.namelist()[:3]
        )
    sounds = first["bodies"] | second["bodies"]
    assert sorted(sounds) == ["recording-01.mp3", "recording-02.mp3", "recording-03.mp3"]
    assert sorted(first["bodies"]) == ["recording-01.mp3", "recording-02.mp3"]
    named = {one["name"]: one for one in index["files"]}
    assert named["recording-03.mp3"]["page"] == "parts/part-02.html"
    assert {one["sha256"] for one in first["files"]} <= {one["sha256"] for one in index["files"]}
    assert [one["sound"] for one in data(index["bodies"])["recordings"]] == sorted(sounds)
    assert is_genuine(world, Path(told["out"]))


@pytest.mark.usefixtures("small_pages")
def test_an_archive_never_takes_the_place_of_a_file(world: World) -> None:
    world.take_in("a", "b", "c")
    (world.base / "answer.zip").write_text("somebody's")
    told = world.run("dsar", "90000001", *CALLED, "--out", str(world.base / "answer.html"), "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, "out_exists")
    assert (world.base / "answer.zip").read_text() == "somebody's"


@pytest.mark.slow
@pytest.mark.usefixtures("small_pages")
@needs.mark(needs.program("unzip"))
def test_debians_unzip_takes_the_archive(world: World, tmp_path: Path) -> None:
    world.take_in("a", "b", "c")
    told = ask(world)
    subprocess.run(["unzip", "-q", told["out"], "-d", str(tmp_path / "out")], check=True)
    assert (tmp_path / "out" / "parts" / "part-02.html").exists()


# -- what the person asked for ------------------------------------------------------------------------


def test_an_answer_can_be_of_one_call_by_our_id_or_the_exchanges_reference(world: World) -> None:
    first, second = world.take_in("a", "b")
    for named, expected in ((first, [first]), ("pbx.b", [second])):
        told = data(bodies(ask(world, "--only", named, name=f"{named}.html")))
        assert [one["id"] for one in told["recordings"]] == expected
        assert (told["scope"]["calls"], told["outside_scope"]) == ([named], 1)
    told = data(bodies(ask(world, "--only", first[:6], name="short.html")))
    assert ([one["id"] for one in told["recordings"]], told["scope"]["calls"]) == ([first], [first]), "in full"
    both = data(bodies(ask(world, "--only", first, "--only", "pbx.b", name="both.html")))
    assert (len(both["recordings"]), both["outside_scope"]) == (2, 0)
    assert data(bodies(ask(world, name="all.html")))["scope"] is None


def test_a_beginning_that_may_be_two_calls_or_is_somebody_elses_names_no_call(world: World) -> None:
    (first,) = world.take_in("a")
    world.deliver("b", source_id=first[:7])
    world.deliver("c", source_id="pbx.c", caller="+4790000002", seed=9)
    taken = world.json("ingest", str(world.spool), who="telefon")["accepted"]
    second, theirs = ({one["source_id"]: one["id"] for one in taken}[name] for name in (first[:7], "pbx.c"))
    for text in (first[:7], theirs[:12], theirs, first[:5]):
        out = world.base / "no.html"
        told = world.run("dsar", "90000001", *CALLED, "--out", str(out), "--only", text, "--json", who="sigrid")
        assert (told.exit, told.json["error"]["code"], out.exists()) == (4, "not_their_call", False)
    for text, expected in ((first[:8], first), (second, second)):
        told = data(bodies(ask(world, "--only", text, name=f"{text}.html")))
        assert [one["id"] for one in told["recordings"]] == [expected]


def test_an_answer_can_be_of_a_span_of_days(world: World) -> None:
    now = datetime.now(UTC)
    (old,) = world.take_in("old", started=now - timedelta(days=9))
    (new,) = world.take_in("new", started=now - timedelta(hours=3))
    border = f"{now - timedelta(days=5):%Y-%m-%d}"
    day = f"{(now - timedelta(days=9)).astimezone(ZoneInfo('Europe/Oslo')):%Y-%m-%d}"  # as the company counts days
    for words, expected in ((("--only", f"{border}.."), new), (("--only", f"..{border}"), old), (("--only", day), old)):
        told = data(bodies(ask(world, *words, name=f"{words[1]}.html")))
        assert [one["id"] for one in told["recordings"]] == [expected]
        assert told["outside_scope"] == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--only", "pbx.other"), "not_their_call"), (("--only", "..2026-01-01"), "nothing_in_scope")],
)
def test_a_scope_that_names_nothing_of_the_person_is_an_error(world: World, words: tuple[str, str], code: str) -> None:
    world.take_in("a")
    world.take_in("other", caller="+4790000002", seed=9)
    out = world.base / "a.html"
    told = world.run("dsar", "90000001", *CALLED, "--out", str(out), *words, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (4, code)
    assert not out.exists()


@pytest.mark.parametrize(
    ("only", "code"),
    [("..", "bad_value"), ("", "bad_value"), ("2026-10-02..2026-10-01", "span_reversed"), ("later..", "bad_time")],
)
def test_a_scope_that_is_none_is_told_before_anything_is_opened(world: World, only: str, code: str) -> None:
    out = world.base / "a.html"
    told = world.run("dsar", "90000001", *CALLED, "--out", str(out), "--only", only, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"], out.exists()) == (2, code, False)


# -- what cannot be given -----------------------------------------------------------------------------


def object_of(world: World, recording: str) -> Path:
    return world.store / "objects" / recording[:2] / recording


@pytest.mark.slow
@pytest.mark.parametrize("how", ["changed", "cut", "gone"])
@pytest.mark.parametrize("form", ["mp3", "wav"])
def test_a_recording_whose_object_is_damaged_is_named_and_the_others_are_given(
    world: World, how: str, form: str
) -> None:
    bad, good = world.take_in("a", "b", seconds=20)
    path = object_of(world, bad)
    if how == "changed":
        damage(path)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        path.unlink()
    world.setting(f'answer_sound = "{form}"')
    told = ask(world)
    assert told["damaged"] == [bad]
    recordings = {one["id"]: one for one in data(bodies(told))["recordings"]}
    assert (recordings[bad]["withheld"], recordings[bad]["sound"]) == ("damaged", None)
    assert recordings[good]["sound"] is not None
    (entry,) = [one for one in world.json("audit", "show", who="iver")["entries"] if "damaged" in one.get("detail", {})]
    assert entry["detail"]["damaged"] == [bad]
    said = world.run("dsar", "90000001", "--out", str(world.base / "w.html"), "--lang", "en", who="sigrid")
    assert said.exit == 0 and bad in said.out


def test_a_recording_whose_metadata_are_damaged_is_named_with_its_time(world: World) -> None:
    bad, good = world.take_in("a", "b")
    with insider(world) as db:
        db.run("UPDATE metadata SET sealed = zeroblob(length(sealed)) WHERE recording = ?", (bytes.fromhex(bad),))
    told = ask(world)
    assert told["damaged"] == [bad]
    content = data(bodies(told))
    assert [one["id"] for one in content["recordings"]] == [good]
    assert [(one["id"], one["problem"]) for one in content["damaged"]] == [(bad, "metadata_damaged")]


# -- the disk and memory ------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> Any:
    """A file system with room for 2 MB."""
    with small_disk(tmp_path / "disk", "2m") as folder:
        yield folder


@pytest.mark.slow
def test_a_full_disk_leaves_neither_a_file_nor_a_disclosure(world: World, disk: Path) -> None:
    world.take_in("long", seconds=70)
    world.setting('answer_sound = "wav"')
    words = ("dsar", "90000001", *CALLED, "--out", str(disk / "a.html"), "--json")
    told = world.run(*words, who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (16, "no_space")
    assert list(disk.iterdir()) == []
    nothing_left(world, "a.html")
    assert world.json("verify", who="iver")["problems"] == []


@pytest.mark.slow
def test_memory_stays_flat_whatever_the_answer_is_like(world: World) -> None:
    """Half an hour of stereo at 48 kHz is 345 MB as WAV."""
    sound = audio.canonical_wav(audio.Sound(Encoding.ULAW, 48000, 2, tone_wav(0.1)[-1600:] * 600 * 180))
    world.take_in("long", sound=sound)
    del sound
    for form in ("mp3", "wav"):
        world.setting(f'answer_sound = "{form}"')
        out = world.base / f"{form}.html"
        most, told = memory_of(world, "dsar", "90000001", *CALLED, "--out", str(out), who="sigrid")
        assert most < 300e6, form
        assert Path(told["out"]).exists()
