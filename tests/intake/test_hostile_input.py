"""What a hostile spool, manifest, number, name or terminal may try, and that nothing comes of it.

Whoever can write into the spool chooses every byte and every file name in it. The program must say no in
its own words: no traceback, no hanging, nothing outside the spool touched, no control character shown.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from arlo_rec.i18n.sanitise import clean
from arlo_rec.intake.sources.table import COLUMNS
from tests.support import world as worlds
from tests.support.properties import examples
from tests.support.sounds import tone_wav
from tests.support.world import REASON, World, assert_clean, assert_no_bug

LOOK = ("--purpose", "quality", "--reason", REASON)
HIDDEN = {
    "escape": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "C1": "a\x9b31mb",
    "bidi": "a\u202egpj.exe",
    "isolate": "a\u2066b\u2069",
    "mark": "a\u200fb",
    "newline": "a\nb",
    "return": "a\rb",
    "tab": "a\tb",
    "null": "a\0b",
    "delete": "a\x7fb",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
}
STRANGE = [  # ugly, and yet a text
    "[/]", "[bold red]x[/bold red]", "{0} {name} %s %n", "=cmd|' /C calc'!A0", "+1+1", "-1", "@SUM(A1)",
    "';DROP TABLE recordings;--", "%", "_", "../../etc/passwd", "Åse Ærlig Øksnes", "李小龙", "🎧", "a\u200bb",
    "\ufeffx", "\U000e0041", "e" + "\u0301" * 150, "<script>alert(1)</script>", "$(reboot)`reboot`",
]  # fmt: skip


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Nothing may hang: a pipe, a device, a lock."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def shared(template: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """One store for all tests in which nothing may be taken in."""
    return worlds.copy(template, tmp_path_factory.mktemp("shared"))


@pytest.fixture
def refusing(shared: World) -> Iterator[World]:
    """That store with an empty spool, and the proof that nothing got into it."""
    shared.spool.mkdir()
    yield shared
    shutil.rmtree(shared.spool)
    assert not list((shared.store / "objects").glob("*/*"))


def offer(world: World, *words: str, path: Path | None = None) -> dict[str, Any]:
    """Take in the spool; whatever lies there, the program must end well and say so cleanly."""
    result = world.run("ingest", str(path or world.spool), "--json", *words, who="telefon")
    assert result.exit in (0, 3), result
    assert_clean(result)
    assert_no_bug(world)
    return result.json


def codes(told: dict[str, Any]) -> list[str]:
    return [one["code"] for one in told["refused"]]


def verdicts(world: World, calls: list[dict[str, Any]]) -> list[str]:
    """What becomes of calls that differ from a good one in this, in their order; nothing is taken in."""
    for number, changes in enumerate(calls):
        world.deliver(f"call{number}", seconds=0.05, **changes)
    told = offer(world, "--dry-run")
    found = {one["source"]: one["code"] for one in told["refused"]}
    found |= {one["source"]: "taken" for one in told["accepted"]}
    return [found[str(world.spool / f"call{number}.json")] for number in range(len(calls))]


def manifest_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def lay(world: World, raw: bytes) -> None:
    """A sound with a manifest of these very bytes."""
    world.deliver("call").write_bytes(raw)


def changed(world: World, **changes: Any) -> bytes:
    """The bytes of a good manifest with changes."""
    return json.dumps({**manifest_of(world.deliver("call")), **changes}).encode()


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
    except PermissionError:
        pytest.skip("only root makes devices")


KINDS = [_symlink, _hard_link, _dangling, _endless, _pipe, _folder, _device]


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


def test_a_sound_in_a_folder_below_is_taken_and_removed(world: World) -> None:
    world.deliver("call", audio="./below//deeper/call.wav")
    (world.spool / "below" / "deeper").mkdir(parents=True)
    (world.spool / "call.wav").rename(world.spool / "below" / "deeper" / "call.wav")
    told = offer(world)
    assert (len(told["accepted"]), told["refused"], told["unclaimed"]) == (1, [], [])
    assert not list(world.spool.rglob("*.wav"))


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


def test_refused_files_cost_no_open_handles(refusing: World) -> None:
    for number in range(40):
        refusing.deliver(
            f"call{number}", audio=["nothing/below/x.wav", f"call{number}.wav/x.wav", "below/x.wav"][number % 3]
        )
    (refusing.spool / "below").mkdir()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - their count
    assert codes(offer(refusing)) == ["not_a_file"] * 40
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_file_that_cannot_be_read_is_refused(refusing: World) -> None:
    for path in ("/proc/self/mem", "/proc/self/attr/current"):
        if Path(path).exists():
            told = refusing.run("ingest", path, "--json", who="telefon")
            assert (told.exit, codes(told.json)[0] in {"not_a_file", "bad_metadata"}) == (3, True)
    assert_no_bug(refusing)


NAMES = [
    b"\xff\xfe not utf-8", b"-rf", b"--json", b"\x1b[31mred", b"\xc2\x9b31m", b"two\nlines", b"\r", b"tab\t",
    "\u202efdp".encode(), "\u2028".encode(), b"[bold]", b"[x", b"{0}", b"%s", b" ", b"...", b"a" * 250,
    "ø".encode() * 120,
]  # fmt: skip


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


def test_a_line_break_in_a_file_name_makes_no_line_of_its_own(refusing: World) -> None:
    (refusing.spool / "x\n9 taken in, 0 refused.\n.wav").write_bytes(b"")
    result = refusing.run("ingest", str(refusing.spool), who="telefon")
    assert len(result.out.splitlines()) == 2, result.out


@pytest.mark.parametrize("name", [b"\xff.json", b"-x.json", b"two\nlines.json", b"\x1b[31m.json"])
def test_a_hostile_path_on_the_command_line_is_shown_harmlessly(refusing: World, name: bytes) -> None:
    path = os.fsdecode(os.fsencode(refusing.base) + b"/" + name)
    for words in (("ingest", path), ("ingest", path, "--json"), ("ingest", Path(path).name)):
        result = refusing.run(*words, who="telefon")
        assert result.exit in (2, 3), result
        assert_clean(result)
    assert_no_bug(refusing)


# Manifests as text ------------------------------------------------------------------------------------------

NEST = 100_000
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


@pytest.mark.parametrize("extra", SPLICED.values(), ids=SPLICED)
def test_json_that_two_programs_read_differently_is_bad_metadata(refusing: World, extra: bytes) -> None:
    lay(refusing, b"{" + extra + b", " + changed(refusing)[1:])
    assert codes(offer(refusing)) == ["bad_metadata"]


def test_a_key_of_the_manifest_twice_is_refused_whichever_came_last(refusing: World) -> None:
    for extra in ('"caller": null', '"source_id": "other"', '"direction": "inbound"'):
        lay(refusing, b"{" + extra.encode() + b", " + changed(refusing)[1:])
        assert codes(offer(refusing)) == ["bad_metadata"]


def test_unknown_keys_a_byte_order_mark_and_big_numbers_are_no_fault(world: World) -> None:
    extra = {"x": [[[{"y": 10**300}]]], "": 1e308, "notes": HIDDEN, "consent2": None}
    lay(world, b"\xef\xbb\xbf" + changed(world, **extra))
    assert len(offer(world)["accepted"]) == 1


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


@pytest.mark.parametrize("heading", HEADINGS.values(), ids=HEADINGS)
def test_a_table_whose_heading_cannot_be_trusted_is_refused_as_one(refusing: World, heading: bytes) -> None:
    refusing.deliver("call")
    path = refusing.gather("calls.csv")
    rows = path.read_bytes().splitlines(keepends=True)[1:]
    path.write_bytes(heading + b"".join(rows * 3))
    told = offer(refusing)
    assert [(one["source"], one["code"]) for one in told["refused"]] == [(f"{path}:1", "bad_metadata")]
    assert (refusing.spool / "call.wav").exists()


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


# Numbers ----------------------------------------------------------------------------------------------------

NO_NUMBER: list[Any] = [
    "%", "_", "%%%%%%%%", "+47%", "9000000_", "٩٠٠٠٠٠٠١", "+٤٧٩٠٠٠٠٠٠١", "９００００００１", "²³⁴⁵⁶⁷⁸⁹",
    "call me", "0800FLOWERS", "+47 900 00 001 ext 5", "+4790000001;ext=5", "+4790000001x5", "sip:+4790000001@pbx",
    "+4790000001\n", "+4790000001\0", "\u202e+4790000001", "9", "+", "+47", "()", "---", "0" * 5000,
    "+479000000100000000", "restricted", "null", "None", "9000 0001, 9000 0002", "1e7", "0x55d4a81",
]  # fmt: skip
WITHHELD = ["", " ", "anonymous", "unknown", "Anonymous", "UNKNOWN"]


def test_a_caller_that_is_no_number_is_bad_metadata_and_nobody(refusing: World) -> None:
    callers = [*NO_NUMBER, 4790000001, 90000001.0, True, ["+4790000001"], {"n": "+4790000001"}]
    told = dict(zip(map(repr, callers), verdicts(refusing, [{"caller": one} for one in callers]), strict=True))
    assert told == dict.fromkeys(told, "bad_metadata")


def test_withheld_numbers_are_taken_and_no_word_finds_them(world: World) -> None:
    callers = [None, *WITHHELD]
    for number, caller in enumerate(callers):
        world.deliver(f"call{number}", caller=caller)
    assert len(offer(world)["accepted"]) == len(callers)
    words = [one for one in (*WITHHELD, *NO_NUMBER) if one.strip() != "+4790000001"]
    for word in words:
        given = [world.run("withdraw", "-", "--yes", "--json", who="skranke", stdin=word.encode())]
        if not word.startswith("-"):
            given.append(world.run("withdraw", word, "--yes", "--json", who="skranke"))
        for result in given:
            assert (result.exit, result.json["error"]["code"]) == (4, "not_a_number"), word
            assert_clean(result)
    assert world.json("status", who="iver")["held"] == len(callers)


NOTATIONS = [
    "+4790000001", "90000001", "4790000001", "004790000001", "00 47 90 00 00 01", "+47 900 00 001", "900 00 001",
    "90 00 00 01", "900.00.001", "900-00-001", "(900) 00 001", "(+47) 900 00 001", "+(47) 90000001", "+47-900-00-001",
    "+47/90000001", "+ 47 900 00 001", "  90000001  ", "900\u00a000\u00a0001", "900\u202f00\u202f001",
    "900\u201100\u2011001", "900\u201300\u2013001",
]  # fmt: skip


@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_finds_every_notation_of_a_number_and_only_that_number(world: World) -> None:
    for number, caller in enumerate(NOTATIONS):
        world.deliver(f"call{number}", caller=caller)
    world.deliver("foreign", caller="+4690000001")
    world.deliver("neighbour", caller="+4790000002")
    assert len(offer(world)["accepted"]) == len(NOTATIONS) + 2
    for notation in NOTATIONS:
        for word, stdin in ((notation, b""), ("-", notation.encode() + b"\r\n")):
            told = world.json("withdraw", word, "--dry-run", who="skranke", stdin=stdin)
            assert told["would_erase"] == len(NOTATIONS), (notation, word)
    told = world.json("withdraw", "-", "--yes", who="skranke", stdin=b" 900 00 001\n")
    assert told["erased"] == len(NOTATIONS)
    assert world.json("status", who="iver")["held"] == 2


# Times ------------------------------------------------------------------------------------------------------

NO_TIME: list[Any] = [
    "2026-10-01T08:15:45", "2026-10-01", "2026-10-01 08:15:45Z", "2026-10-01t08:15:45z", "2026-W40-4T08:15:45Z",
    "2026W404T081545Z", "2026-274T08:15:45Z", "20261001T081545Z", "2026-10-01T24:00:00Z", "2026-10-01T08:60:00Z",
    "2026-10-01T08:15:60Z", "2026-10-01T08:15:45.1234567890Z", "2026-10-01T08:15:45.Z", "2026-10-01T08:15:45,5Z",
    "2026-10-01T08Z", "2026-02-30T08:15:45Z", "2026-13-01T08:15:45Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
    "+2026-10-01T08:15:45Z", "2026-10-01T08:15:45+15:00", "2026-10-01T08:15:45-15:00", "2026-10-01T08:15:45+14:60",
    "2026-10-01T08:15:45+2", "2026-10-01T08:15:45 +02:00", "2026-10-01T08:15:45CET", "2026-10-01T08:15:45Z ",
    " 2026-10-01T08:15:45Z", "2026-10-01T08:15:45Z\n", "٢٠٢٦-10-01T08:15:45Z", "２０２６-10-01T08:15:45Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.9999999-00:01", "now", "",
    "1/2/2026", "1790842530", 1790842530, 1790842530.5, True, ["2026-10-01T08:15:45Z"], {"at": 1}, "9" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("place", ["started_at", "consent.at"])
def test_a_time_that_is_not_one_instant_is_bad_metadata(refusing: World, place: str) -> None:
    calls = [{"started_at": one} if place == "started_at" else {"consent": {"at": one}} for one in NO_TIME]
    told = dict(zip(map(repr, NO_TIME), verdicts(refusing, calls), strict=True))
    assert told == dict.fromkeys(told, "bad_metadata")


def test_times_at_the_ends_of_the_calendar_are_judged_like_others(refusing: World) -> None:
    early = ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00-14:00"]
    late = ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59+14:00"]
    calls = [
        calls
        for one in (*early, *late)
        for calls in ({"started_at": one}, {"consent": {"at": one}}, {"started_at": one, "consent": {"at": one}})
    ]
    long_ago = ["expired", "no_consent", "prompt_unknown"]  # no prompt was in use then
    far_away = ["no_consent", "consent_after_call", "future"]
    assert verdicts(refusing, calls) == 2 * long_ago + 2 * far_away


GOOD_ZONES = ["Z", "+00:00", "-00:00", "+02:00", "+0200", "-09:30", "+14:00", "-14:00", "+05:45"]


@pytest.mark.parametrize("zone", GOOD_ZONES)
def test_one_instant_in_any_zone_is_the_same_instant(world: World, zone: str) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    sign = -1 if zone[0] == "-" else 1
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * sign if zone != "Z" else timedelta(0)
    told = (at + offset).strftime("%Y-%m-%dT%H:%M:%S") + zone
    world.grant()
    world.deliver("call", started_at=told, consent={"at": told})
    assert len(offer(world)["accepted"]) == 1
    (found,) = world.json("find", *LOOK, who="leif")["recordings"]
    assert found["started_at"] == at.isoformat().replace("+00:00", "Z")


# Consent ----------------------------------------------------------------------------------------------------

NO_KEY: list[Any] = [
    "1 ", " 1", "1\n", "1\0", "01", "1.0", "11", "2", "0", "", "one", "true", "١", "１", "¹", "1\u200b", "I", "l",
    1, 1.0, 0, 2, True, False, None, ["1"], [1], [], {"1": 1}, {"key": "1"}, {},
]  # fmt: skip


@pytest.mark.rule("consent.press1")
def test_only_the_string_1_is_consent(refusing: World) -> None:
    told = dict(zip(map(repr, NO_KEY), verdicts(refusing, [{"consent": {"key": one}} for one in NO_KEY]), strict=True))
    assert told == dict.fromkeys(told, "no_consent")
    shutil.rmtree(refusing.spool)
    assert verdicts(refusing, [{"consent": {"key": "1"}}]) == ["taken"]


@pytest.mark.parametrize("consent", [None, "1", 1, True, ["1"], [], {}, {"key": "1"}, {"at": "2026-10-01T08:15:44Z"}])
def test_a_consent_that_tells_too_little_is_none(refusing: World, consent: Any) -> None:
    lay(refusing, changed(refusing, consent=consent))
    assert codes(offer(refusing)) == ["no_consent"]


@pytest.mark.parametrize("value", ["true", "True", "1", "", 1, 1.0, 0, False, None, [True], {"true": True}, "missing"])
def test_only_true_says_that_the_prompt_was_heard_to_its_end(refusing: World, value: Any) -> None:
    consent = {**json.loads(changed(refusing))["consent"], "prompt_completed": value}
    if value == "missing":
        del consent["prompt_completed"]
    lay(refusing, changed(refusing, consent=consent))
    assert codes(offer(refusing)) == ["prompt_not_completed"]


@pytest.mark.parametrize(
    "prompt", ["nb-2026-01 ", "NB-2026-01", "", "nb", "x" * 5000, 1, None, True, ["nb-2026-01"], {}]
)
def test_a_prompt_that_was_never_in_use_is_unknown(refusing: World, prompt: Any) -> None:
    refusing.deliver("call", consent={"prompt": prompt})
    assert codes(offer(refusing)) == ["prompt_unknown"]


# Texts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_hidden_characters_anywhere_in_a_manifest_are_bad_metadata(refusing: World, text: str) -> None:
    places: list[dict[str, Any]] = [{key: text} for key in ("source_id", "direction", "team", "agent", "caller")]
    places += [{"known": {side: [text]}} for side in ("caller", "agent")] + [{"consent": {"prompt": text}}]
    for number, place in enumerate(places):
        refusing.deliver(f"call{number}", **place)
    told = offer(refusing, "--dry-run")
    assert codes(told) == ["bad_metadata"] * len(places)
    result = refusing.run("ingest", str(refusing.spool), who="telefon")
    assert_clean(result)


def test_a_sound_whose_name_hides_something_is_bad_metadata(refusing: World) -> None:
    for number, text in enumerate(one for one in HIDDEN.values() if "\0" not in one):
        refusing.deliver(f"call{number}", audio=text)
        (refusing.spool / f"call{number}.wav").rename(refusing.spool / text)
    assert set(codes(offer(refusing))) == {"bad_metadata"}


@pytest.mark.parametrize("key", ["source_id", "team", "agent"])
def test_texts_have_at_most_200_characters(world: World, key: str) -> None:
    world.deliver("right", **{key: "ø" * 200})
    world.deliver("long", **{key: "ø" * 201})
    world.deliver("longest", **{key: "ø" * 100_000})
    told = offer(world)
    assert (len(told["accepted"]), codes(told)) == (1, ["bad_metadata"] * 2)


def test_strange_names_are_kept_and_shown_as_what_they_are(world: World) -> None:
    world.grant()
    for number, text in enumerate(STRANGE):
        world.deliver(f"call{number}", agent=text, team=text, source_id=text, known={"caller": [text]})
    assert len(offer(world)["accepted"]) == len(STRANGE)
    found = world.json("find", *LOOK, who="leif")["recordings"]
    assert {one["agent"] for one in found} == {one["team"] for one in found} == set(STRANGE)
    for lang in ("nb", "en"):
        shown = world.run("find", *LOOK, "--lang", lang, who="leif")
        assert shown.exit == 0
        assert_clean(shown)
        assert all(one in shown.out for one in STRANGE if one.isascii() and len(one) < 20)
    for text in ("[/]", "%", "-1", "李小龙"):
        assert len(world.json("find", *LOOK, "--team", text, who="leif")["recordings"]) == 1, text
    for text in STRANGE:
        assert world.json("withdraw", "--call", text, "--dry-run", who="skranke")["would_erase"] == 1, text
    assert_no_bug(world)


@pytest.mark.parametrize(
    ("words", "who"),
    [
        (["find", "--purpose", "quality"], "leif"),
        (["export", "0" * 32, "--purpose", "quality", "--out", "x"], "leif"),
        (["grant", "leif", "--purpose", "quality"], "sigrid"),
    ],
)
def test_a_reason_that_hides_something_is_2_and_not_shown_raw(refusing: World, words: list[str], who: str) -> None:
    for kind in ("escape", "C1", "bidi", "newline", "line separator"):
        result = refusing.run(*words, "--reason", f"a long enough reason {HIDDEN[kind]}", who=who)
        assert result.exit == 2, result
        assert_clean(result)
    shown = refusing.run("audit", "show", who="iver")
    assert shown.exit == 0
    assert_clean(shown)
    assert_no_bug(refusing)


ANYWHERE: list[tuple[list[str], str | None]] = [
    (["HERE"], None), (["ingest"], None), (["ingest", "--HERE"], "telefon"),
    (["ingest", "--format", "HERE", "x"], "telefon"),
    (["ingest", "x", "--lang", "HERE"], "telefon"), (["find", "--purpose", "HERE", "--reason", REASON], "leif"),
    (["find", *LOOK, "--agent", "HERE"], "leif"), (["find", *LOOK, "--team", "HERE"], "leif"),
    (["find", *LOOK, "--from", "HERE"], "leif"), (["find", *LOOK, "--limit", "HERE"], "leif"),
    (["export", "HERE", *LOOK, "--out", "x"], "leif"), (["withdraw", "HERE", "--yes"], "skranke"),
    (["withdraw", "--call", "HERE", "--yes"], "skranke"), (["grant", "HERE", *LOOK], "sigrid"),
    (["grant", "leif", *LOOK, "--team", "HERE", "--until", "HERE"], "sigrid"),
    (["grant", "leif", *LOOK, "--days", "HERE"], "sigrid"),
    (["revoke", "HERE"], "sigrid"), (["revoke", "leif", "--grant", "HERE"], "sigrid"),
    (["person", "add", "HERE", "--role", "manager"], "sigrid"), (["person", "add", "x", "--role", "HERE"], "sigrid"),
    (["person", "remove", "HERE", "--yes"], "sigrid"), (["audit", "show", "--person", "HERE"], "iver"),
    (["audit", "show", "--from", "HERE"], "iver"), (["audit", "verify", "--anchor", "HERE"], "iver"),
    (["certificate", "verify", "HERE"], None), (["status", "--store", "HERE"], "iver"),
    (["status", "--as", "HERE"], None), (["status", "--key-file", "HERE"], None),
    (["status", "--passphrase-file", "HERE"], None), (["status", "--config", "HERE"], "iver"),
    (["dsar", "HERE", "--identity", "HERE", "--out", "HERE"], "sigrid"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "who"), ANYWHERE, ids=lambda one: " ".join(one)[:40] if isinstance(one, list) else one
)
def test_a_hostile_word_anywhere_on_the_command_line_is_answered_cleanly(
    refusing: World, monkeypatch: pytest.MonkeyPatch, words: list[str], who: str | None
) -> None:
    monkeypatch.chdir(refusing.base)
    hostile = "\x1b[31m\u202e\x9b\n\r[/]{0}\udcff\u2028=1"
    for options in ((), ("--json",)):
        result = refusing.run(*(one.replace("HERE", hostile) for one in words), *options, who=who)
        assert result.exit not in (1, 3), result
        assert_clean(result)
        if options:
            assert isinstance(result.json["ok"], bool)
    assert_no_bug(refusing)


def unlock_fails(world: World, name: str, login: str = "root") -> None:
    """Somebody who is not who they say, at an account of any name, types a wrong passphrase."""
    wrong = world.base / "wrong"
    wrong.write_text("feil hest batteri stift\n", "utf-8")
    wrong.chmod(0o600)
    world.environment["LOGNAME"] = login
    result = world.run("status", "--as", name, "--passphrase-file", str(wrong))
    del world.environment["LOGNAME"]
    assert result.exit == 12, result
    assert_clean(result)


def assert_the_log_can_be_read(world: World) -> None:
    for options in ((), ("--json",)):
        shown = world.run("audit", "show", *options, who="iver")
        assert shown.exit == 0, shown
        assert_clean(shown)
    assert_no_bug(world)


def test_whoever_fails_to_unlock_may_have_any_name(world: World) -> None:
    for text in [*HIDDEN.values(), "x" * 10_000]:
        unlock_fails(world, text, text.replace("\0", "0"))
    assert_the_log_can_be_read(world)


def test_whoever_fails_to_unlock_may_have_a_name_that_is_no_text(world: World) -> None:
    unlock_fails(world, "\udcff")
    assert_the_log_can_be_read(world)


def test_whoever_fails_to_unlock_may_have_a_login_that_is_no_text(world: World) -> None:
    unlock_fails(world, "leif", "\udcff")
    assert_the_log_can_be_read(world)


def test_a_notebook_of_failed_unlocks_with_anything_in_it_is_taken_into_the_log(world: World) -> None:
    lines = [b"\xff\xfe\x1b[31m", b'{"at": "\\u001b", "name": ["x"], "login": {}}', b"[1]", b"", b"\0" * 5, b"[" * NEST]
    lines.append(b'{"at": 1e999, "name": "\\ud800", "login": NaN}')
    with (world.store / "attempts").open("ab") as notebook:
        notebook.write(b"\n".join(lines) + b"\n")
    assert_the_log_can_be_read(world)


@examples(1000, derandomize=True)
@given(st.text(st.characters(codec=None, categories=None)) | st.text("\x1b\x9b\n\r\t\\xu0123\u202e\udcff\ue000 aø"))
@example("\x1b]0;owned\x07")
@example("\udcff\ud800")
@example("\U000e0041\U0010ffff")
def test_a_cleaned_text_is_harmless_stays_so_and_hides_no_difference_that_was_visible(text: str) -> None:
    cleaned = clean(text)
    harmful = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not [one for one in cleaned if unicodedata.category(one) in harmful]
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned
    kept = [one for one in text if unicodedata.category(one) not in harmful]
    assert (cleaned == text) == (len(kept) == len(text))
    assert len(cleaned) >= len(text)
    places = iter(cleaned)
    assert all(one in places for one in kept)  # what was harmless is still there, in its order


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
