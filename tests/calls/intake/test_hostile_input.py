"""What a hostile spool, manifest, number, name or terminal may try, and that nothing comes of it.

Whoever can write into the spool chooses every byte and every file name in it. The program must say no in
its own words: no traceback, no hanging, nothing outside the spool touched, no control character shown.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from arlo_rec.exchanges.deliveries import COLUMNS
from tests.support import needs
from tests.support import world as worlds
from tests.support.hostile import (
    HIDDEN,
    NEST,
    NO_KEY,
    NO_NUMBER,
    NO_TIME,
    STRANGE,
    changed,
    codes,
    lay,
    manifest_of,
    offer,
)
from tests.support.properties import examples
from tests.support.sounds import tone_wav
from tests.support.world import World, assert_clean, assert_no_bug

pytestmark = pytest.mark.usefixtures("patience")

# Files ------------------------------------------------------------------------------------------------------


def _symlink(path: Path, aside: Path) -> None:
    path.rename(aside)
    path.symlink_to(aside)


def _hard_link(path: Path, aside: Path) -> None:
    os.link(path, aside)


def _dangling(path: Path, aside: Path) -> None:
    path.unlink()
    path.symlink_to(aside)


def _endless(path: Path, aside: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _pipe(path: Path, aside: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path, aside: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_bytes(b"x")


def _device(path: Path, aside: Path) -> None:
    path.unlink()
    try:
        os.mknod(path, 0o020666, os.makedev(1, 5))  # /dev/zero
    except PermissionError as refused:
        needs.demand(needs.root() or needs.unable("devices", str(refused)))


KINDS = [_symlink, _hard_link, _dangling, _endless, _pipe, _folder, _device]


@pytest.mark.slow
@pytest.mark.parametrize("which", ["call.json", "call.wav"])
@pytest.mark.parametrize("spoil", KINDS, ids=lambda one: one.__name__.strip("_"))
def test_what_is_no_plain_file_is_refused_without_waiting_and_left(
    refusing: World, tmp_path: Path, spoil: Callable[[Path, Path], None], which: str
) -> None:
    refusing.deliver("call")
    aside = tmp_path / "aside"
    spoil(refusing.spool / which, aside)
    kept = aside.read_bytes() if aside.exists() else None
    told = offer(refusing)
    is_folder = (refusing.spool / which).is_dir()
    assert codes(told) == ([] if is_folder and which == "call.json" else ["not_a_file"])
    assert {"call.json", "call.wav"} <= {one.name for one in refusing.spool.iterdir()}
    assert kept == (aside.read_bytes() if aside.exists() else None)
    if not is_folder:
        direct = offer(refusing, path=refusing.spool / which)
        assert codes(direct) == ["not_a_file"]


@pytest.mark.slow
def test_a_link_to_a_folder_is_not_followed(refusing: World, tmp_path: Path) -> None:
    for name in (refusing.deliver("call"), refusing.spool / "call.wav"):
        name.rename(tmp_path / name.name)
    (refusing.spool / "link").symlink_to(tmp_path)
    (refusing.spool / "link.json").symlink_to(tmp_path)
    assert codes(offer(refusing)) == ["not_a_file"]
    assert {one.name for one in tmp_path.iterdir()} == {"call.json", "call.wav"}


OUTSIDE: list[Any] = [
    "/etc/passwd", "../outside.wav", "below/../call.wav", "below/../../outside.wav", "..", ".", "", "/", "//", "\0",
    "call.wav\0", "call.wav\0.json", "link/outside.wav", "below", "nothing.wav", "call.wav/x", "x" * 5000, "x/" * 3000,
    "ABSOLUTE", 5, 0, 1.5, None, True, False, ["call.wav"], {"call.wav": 1}, [],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("audio", OUTSIDE, ids=lambda one: repr(one)[:24])
def test_a_sound_outside_the_manifests_folder_or_of_no_name_is_not_a_file(refusing: World, audio: Any) -> None:
    outside = refusing.base / "outside.wav"
    outside.write_bytes(tone_wav(0.1))
    refusing.deliver("call", audio=str(refusing.spool / "call.wav") if audio == "ABSOLUTE" else audio)
    (refusing.spool / "below").mkdir()
    (refusing.spool / "link").symlink_to(refusing.base)
    assert codes(offer(refusing)) == ["not_a_file"]
    assert outside.exists()
    assert (refusing.spool / "call.wav").exists()


@pytest.mark.slow
def test_a_sound_in_a_folder_below_is_taken_and_removed(world: World) -> None:
    world.deliver("call", audio="./below//deeper/call.wav")
    (world.spool / "below" / "deeper").mkdir(parents=True)
    (world.spool / "call.wav").rename(world.spool / "below" / "deeper" / "call.wav")
    told = offer(world)
    assert (len(told["accepted"]), told["refused"], told["unclaimed"]) == (1, [], [])
    assert not list(world.spool.rglob("*.wav"))


@pytest.mark.slow
def test_folders_deeper_than_any_recursion_are_walked(world: World) -> None:
    world.deliver("call")
    here, depth = Path.cwd(), 1500
    os.chdir(world.spool)
    try:
        for _ in range(depth):
            os.mkdir("a")  # noqa: PTH102 - one path of all would be too long
            os.chdir("a")
        assert len(offer(world)["accepted"]) == 1
        for _ in range(depth):  # pytest's own cleaning would not get down there
            os.chdir("..")
            os.rmdir("a")  # noqa: PTH106
    finally:
        os.chdir(here)


@pytest.mark.slow
def test_refused_files_cost_no_open_handles(refusing: World) -> None:
    for number in range(40):
        refusing.deliver(
            f"call{number}", audio=["nothing/below/x.wav", f"call{number}.wav/x.wav", "below/x.wav"][number % 3]
        )
    (refusing.spool / "below").mkdir()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - their count
    assert codes(offer(refusing)) == ["not_a_file"] * 40
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.slow
def test_a_file_that_cannot_be_read_is_not_taken_in(refusing: World) -> None:
    for path in ("/proc/self/mem", "/proc/self/attr/current"):
        if Path(path).exists():
            told = refusing.run("ingest", path, "--json", who="telefon")
            code = told.json["error"]["code"] if told.exit == 16 else codes(told.json)[0]
            assert (told.exit, code) in {(3, "not_a_file"), (3, "bad_metadata"), (16, "spool_unreachable")}
    assert_no_bug(refusing)


NAMES = [
    b"\xff\xfe not utf-8", b"-rf", b"--json", b"\x1b[31mred", b"\xc2\x9b31m", b"two\nlines", b"\r", b"tab\t",
    "\u202efdp".encode(), "\u2028".encode(), b"[bold]", b"[x", b"{0}", b"%s", b" ", b"...", b"a" * 250,
    "ø".encode() * 120,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "people"])
def test_file_names_of_any_bytes_are_read_and_shown_harmlessly(world: World, as_json: bool) -> None:
    good, bad, alone = [world.base / one for one in ("good", "bad", "alone")]
    for folder in (good, bad, alone):
        folder.mkdir()
    for number, name in enumerate(NAMES):
        path = world.deliver(f"call{number}")
        manifest = manifest_of(path)
        del manifest["audio"]
        for folder, ending, content in (
            (good, b".json", json.dumps(manifest).encode()),
            (good, b".wav", path.with_suffix(".wav").read_bytes()),
            (bad, b".json", b"{"),
            (alone, b".wav", b""),
        ):
            Path(os.fsdecode(os.fsencode(folder) + b"/" + name + ending)).write_bytes(content)
    options = ("--json",) if as_json else ()
    for folder, status in ((bad, 3), (alone, 0), (good, 0)):
        result = world.run("ingest", str(folder), *options, who="telefon")
        assert result.exit == status, result
        assert_clean(result)
        if as_json:
            told = result.json
            counts = [len(told[key]) for key in ("accepted", "refused", "unclaimed")]
            assert counts == [len(NAMES) * (folder is one) for one in (good, bad, alone)]
    assert_no_bug(world)
    assert list(good.iterdir()) == []


@pytest.mark.slow
def test_a_line_break_in_a_file_name_makes_no_line_of_its_own(refusing: World) -> None:
    (refusing.spool / "x\n9 taken in, 0 refused.\n.wav").write_bytes(b"")
    result = refusing.run("ingest", str(refusing.spool), who="telefon")
    assert len(result.out.splitlines()) == 2, result.out


@pytest.mark.slow
@pytest.mark.parametrize("name", [b"\xff.json", b"-x.json", b"two\nlines.json", b"\x1b[31m.json"])
def test_a_hostile_path_on_the_command_line_is_shown_harmlessly(refusing: World, name: bytes) -> None:
    path = os.fsdecode(os.fsencode(refusing.base) + b"/" + name)
    for words in (("ingest", path), ("ingest", path, "--json"), ("ingest", Path(path).name)):
        result = refusing.run(*words, who="telefon")
        assert result.exit in (2, 3), result
        assert_clean(result)
    assert_no_bug(refusing)


BROKEN = {
    "empty": b"",
    "white space": b" \n\t ",
    "list": b"[]",
    "list of calls": b"[{}]",
    "text": b'"call"',
    "number": b"1",
    "null": b"null",
    "two": b"{}{}",
    "cut": b'{"a": ',
    "comment": b"{} // x",
    "single quotes": b"{'a': 1}",
    "nested lists": b"[" * NEST + b"]" * NEST,
    "nested objects": b'{"a":' * NEST + b"1" + b"}" * NEST,
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "utf-32": '{"a": 1}'.encode("utf-32"),
    "two marks": b"\xef\xbb\xbf\xef\xbb\xbf{}",
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0",
    "sound": tone_wav(0.1),
}


@pytest.mark.slow
@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_json_object_is_bad_metadata(refusing: World, raw: bytes) -> None:
    lay(refusing, raw)
    (refused,) = offer(refusing)["refused"]
    assert (refused["code"], refused["source_id"]) == ("bad_metadata", None)


SPLICED = {  # into a manifest that is right otherwise
    "a key twice": b'"team": "annen", "team": "kundeservice"',
    "a consent twice": b'"consent": {"key": "1"}, "consent": {"key": "2"}',
    "an unknown key twice": b'"x": {"y": 1, "y": 1}',
    "not a number": b'"x": NaN',
    "infinite": b'"x": [Infinity]',
    "minus infinite": b'"x": -Infinity',
    "5000 digits": b'"x": ' + b"9" * 5000,
    "nested": b'"x": ' + b"[" * NEST + b"]" * NEST,
    "bad utf-8": b'"x": "\xff"',
    "cut utf-8": b'"x": "\xc3"',
    "overlong utf-8": b'"x": "\xc0\xaf"',
    "surrogate in utf-8": b'"x": "\xed\xa0\x80"',
    "lone surrogate": b'"x": "\\ud800"',
    "lone low surrogate": b'"\\udfff": 1',
    "raw control": b'"x": "\x01"',
    "raw newline": b'"x": "\n"',
    "2 MB": b'"x": "' + b"a" * 2_000_000 + b'"',
}


@pytest.mark.slow
@pytest.mark.parametrize("extra", SPLICED.values(), ids=SPLICED)
def test_json_that_two_programs_read_differently_is_bad_metadata(refusing: World, extra: bytes) -> None:
    lay(refusing, b"{" + extra + b", " + changed(refusing)[1:])
    assert codes(offer(refusing)) == ["bad_metadata"]


@pytest.mark.slow
def test_a_key_of_the_manifest_twice_is_refused_whichever_came_last(refusing: World) -> None:
    for extra in ('"caller": null', '"source_id": "other"', '"direction": "inbound"'):
        lay(refusing, b"{" + extra.encode() + b", " + changed(refusing)[1:])
        assert codes(offer(refusing)) == ["bad_metadata"]


@pytest.mark.slow
def test_unknown_keys_a_byte_order_mark_and_big_numbers_are_no_fault(world: World) -> None:
    extra = {"x": [[[{"y": 10**300}]]], "": 1e308, "notes": HIDDEN, "consent2": None}
    lay(world, b"\xef\xbb\xbf" + changed(world, **extra))
    assert len(offer(world)["accepted"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("key", ["source_id", "direction", "started_at", "team", "agent", "caller"])
@pytest.mark.parametrize("how", ["missing", "wrong"])
def test_a_required_key_that_is_missing_or_of_a_wrong_kind_is_bad_metadata(refusing: World, key: str, how: str) -> None:
    manifest = json.loads(changed(refusing))
    wrong: list[Any] = [5, True, ["x"], {"x": 1}, 1.5, *([None, "", " "] if key != "caller" else [])]
    for value in wrong if how == "wrong" else [None]:
        told = {**manifest, key: value}
        if how == "missing":
            del told[key]
        lay(refusing, json.dumps(told).encode())
        assert codes(offer(refusing, "--dry-run")) == ["bad_metadata"], value


# Manifests of many calls ------------------------------------------------------------------------------------

LINES = BROKEN | {name: b"{" + raw + b"}" for name, raw in SPLICED.items()}
LINES = {name: raw for name, raw in LINES.items() if raw.strip() and b"\n" not in raw}
LINES |= {"no space": b"\x85", "mark": b"\xef\xbb\xbf", "cell": b"a,b"}


def among_good(world: World, name: str, hostile: list[bytes]) -> None:
    """A manifest of many: a good call, lines of any bytes, a good call."""
    for stem in ("first", "last"):
        world.deliver(stem)
    path = world.gather(name)
    *above, first, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*above, first, *hostile, last]))


@pytest.mark.slow
def test_lines_of_json_that_are_none_refuse_themselves_alone(world: World) -> None:
    among_good(world, "calls.jsonl", [raw + b"\n" for raw in LINES.values()])
    told, path = offer(world), world.spool / "calls.jsonl"
    assert [one["source_id"] for one in told["accepted"]] == ["pbx.first", "pbx.last"]
    assert [one["source"] for one in told["refused"]] == [f"{path}:{2 + number}" for number in range(len(LINES))]
    assert set(codes(told)) == {"bad_metadata"}
    assert path.exists()


ROWS = {  # each one row or more of a table, which never is a call
    "too few cells": b"a,b,c\n",
    "too many cells": b"," * 200 + b"\n",
    "no cells but many lines": b'"\n\n\n"\n',
    "null": b"a\0b,c\n",
    "latin-1": "Åse,Øksnes\n".encode("latin-1"),
    "cut utf-8": b"\xc3,\xc3\n",
    "return": b"a\rb,c\n",
    "after a quote": b'"a"b,c\n',
    "giant cell": b'"' + b"a" * 500_000 + b'"\n',
    "giant line": b"a," * 2_000_000 + b"\n",
    "json": b'{"source_id": "x"}\n',
    "formula": b"=cmd|' /C calc'!A0\n",
    "escape": b"\x1b[31mred,\xc2\x9b\n",
    "heading again": ",".join(COLUMNS).encode() + b"\n",
}


@pytest.mark.slow
def test_rows_that_are_none_refuse_themselves_alone(world: World) -> None:
    among_good(world, "calls.csv", list(ROWS.values()))
    told = offer(world)
    assert [one["source_id"] for one in told["accepted"]] == ["pbx.first", "pbx.last"]
    assert len(told["refused"]) == len(ROWS)
    assert set(codes(told)) <= {"bad_metadata", "not_a_file"}
    assert codes(told).count("not_a_file") == 1  # the heading is a row like others, of a sound named `audio`
    assert (world.spool / "calls.csv").exists()


ENDS = {  # where nobody can say what is a row: the rest of the table stays as it lies
    "open quote": b'"never closed\n',
    "open giant": b'"\n' + b"a\n" * 1_000_000,
    "null in a quote": b'"a\n\0"\n',
    "latin-1 in a quote": b'"a\n\xe5"\n',
    "after a quote": b'"a\n"b\n',
}


@pytest.mark.slow
@pytest.mark.parametrize("raw", ENDS.values(), ids=ENDS)
def test_a_quote_that_goes_wrong_over_lines_ends_the_table_and_loses_nothing(world: World, raw: bytes) -> None:
    among_good(world, "calls.csv", [raw])
    before = (world.spool / "calls.csv").read_bytes()
    told = offer(world)
    assert [one["source_id"] for one in told["accepted"]] == ["pbx.first"]
    assert [(one["source"], one["code"]) for one in told["refused"]] == [
        (f"{world.spool / 'calls.csv'}:3", "bad_metadata")
    ]
    assert (world.spool / "calls.csv").read_bytes() == before
    assert (world.spool / "last.wav").exists()


HEADINGS = {
    "empty names": b",,,\n",
    "not of calls": b"calldate,clid,src,dst\n",
    "a column twice": b"team,source_id,audio,team\n",
    "an unknown column twice": b"source_id,audio,x,x\n",
    "null": b"source_id,audio\0\n",
    "open quote": b'source_id,"audio\n',
    "utf-16": "source_id,audio\n".encode("utf-16"),
    "utf-32": "source_id,audio\n".encode("utf-32-le"),
    "latin-1": b"source_id,audio,merknad p\xe5\n",
    "old line ends": b"source_id,audio\rx,y\r",
    "two marks": b"\xef\xbb\xbf\xef\xbb\xbfsource_id\n",
    "giant": b"source_id," + b"a" * 2_000_000 + b"\n",
    "json": b'{"source_id": "x", "audio": "call.wav"}\n',
    "sound": tone_wav(0.1),
}


@pytest.mark.slow
@pytest.mark.parametrize("heading", HEADINGS.values(), ids=HEADINGS)
def test_a_table_whose_heading_cannot_be_trusted_is_refused_as_one(refusing: World, heading: bytes) -> None:
    refusing.deliver("call")
    path = refusing.gather("calls.csv")
    rows = path.read_bytes().splitlines(keepends=True)[1:]
    path.write_bytes(heading + b"".join(rows * 3))
    told = offer(refusing)
    assert [(one["source"], one["code"]) for one in told["refused"]] == [(f"{path}:1", "bad_metadata")]
    assert (refusing.spool / "call.wav").exists()


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_no_manifest_of_many_whatever_brings_the_program_down(template: World, tmp_path: Path, ending: str) -> None:
    world = worlds.copy(template, tmp_path)
    for stem in ("a", "b"):
        world.deliver(stem, known={"caller": ["Kari"], "agent": []}, seconds=0.05)
    path = world.gather(f"calls.{ending}")
    good, endings = path.read_bytes(), set()

    @examples(100, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def property(data: st.DataObject) -> None:
        raw = data.draw(st.composite(_damaged)(good))
        noise = data.draw(st.binary(max_size=9) | st.text('",;\r\n\0 a', max_size=9).map(str.encode))
        place = data.draw(st.integers(0, len(raw)))
        path.write_bytes(raw[:place] + noise + raw[place:])
        told = offer(world, "--dry-run")
        endings.update(codes(told) or ["taken"])

    property()
    assert {"taken", "bad_metadata"} <= endings


# Anything at all --------------------------------------------------------------------------------------------

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from([*NO_TIME, *NO_NUMBER, *NO_KEY, *OUTSIDE, *STRANGE, *HIDDEN.values()]),
    st.recursive(st.integers(), lambda one: st.lists(one) | st.dictionaries(st.text(max_size=3), one), max_leaves=9),
)  # fmt: skip


def _mutated(draw: st.DrawFn, manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest with up to four values replaced, added or gone, in its consent too."""
    manifest = json.loads(json.dumps(manifest))
    for _ in range(draw(st.integers(0, 4))):
        consent = manifest.get("consent")
        where = consent if isinstance(consent, dict) and draw(st.booleans()) else manifest
        key = draw(st.sampled_from([*where, "extra", "known", "channels"]))
        if draw(st.integers(0, 4)):
            where[key] = draw(VALUES)
        else:
            where.pop(key, None)
    return manifest


def _damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """Bytes with some of them changed, cut out or doubled."""
    damaged = bytearray(raw)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, max(len(damaged) - 1, 0)))
        length = draw(st.integers(0, 20))
        damaged[place : place + length] = draw(
            st.binary(max_size=20) | st.just(bytes(damaged[place : place + 2 * length]))
        )
    return bytes(damaged)


@pytest.mark.slow
def test_no_manifest_and_no_sound_whatever_brings_the_program_down(template: World, tmp_path: Path) -> None:
    world = worlds.copy(template, tmp_path)
    path = world.deliver("call", known={"caller": ["Kari"], "agent": []})
    good, sound = manifest_of(path), path.with_suffix(".wav").read_bytes()
    endings: set[str] = set()

    @examples(300, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def property(data: st.DataObject) -> None:
        draw = data.draw
        raw = json.dumps(draw(st.composite(_mutated)(good))).encode("utf-8", "surrogatepass")
        path.write_bytes(draw(st.composite(_damaged)(raw)) if draw(st.integers(0, 3)) == 0 else raw)
        damaged = draw(st.composite(_damaged)(sound)) if draw(st.integers(0, 3)) == 0 else sound
        path.with_suffix(".wav").write_bytes(damaged)
        told = offer(world, "--dry-run")
        endings.update(codes(told) or ["taken"])

    property()
    assert {"taken", "bad_metadata", "no_consent", "not_a_file", "bad_audio"} <= endings  # it reached every depth


@pytest.mark.slow
def test_a_sound_of_random_bytes_is_refused_never_taken(world: World) -> None:
    chance = random.Random(7)
    for number in range(40):
        wav = bytearray(tone_wav(0.05))
        for _ in range(chance.randint(1, 4)):
            wav[chance.randrange(44)] ^= 1 << chance.randrange(8)  # somewhere in the header
        world.deliver(f"call{number}", sound=bytes(wav), channels=None)
    told = offer(world)
    assert set(codes(told)) <= {"bad_audio", "consent_after_call"}
    assert len(told["refused"]) + len(told["accepted"]) == 40
    assert len(told["accepted"]) < 10  # a header may be changed into another right one, seldom
