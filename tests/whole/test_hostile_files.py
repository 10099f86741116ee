"""Files that are none, in every place from which the program reads: pipes, devices, a terabyte of nothing, nonsense.

Each is told in words at once, wherever it lies: in the spool, in the store, or named on the command line.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.exchanges.deliveries import PASSED_OVER
from arlo_rec.law.model import policy_versions
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.strict_json import DEEPEST, canonical, parse
from arlo_rec.vault.backends import bounded_read
from arlo_rec.vault.keys import root_secret
from arlo_rec.vault.keys.layout import find
from tests.fuzz.judge import limited
from tests.fuzz.stored import TARGETS
from tests.support.world import PASSPHRASE, REASON, Result, World, assert_clean, assert_no_bug, memory_of

TERABYTE = 1 << 40
LITTLE = 150_000_000  # bytes of memory


def state_file(world: World) -> Path:
    return world.base / "state" / "arlo-rec" / find(world.store).id.hex() / "seen"


def spoken(world: World) -> Path:
    text = 'version = "2026-02"\n[[prompt]]\nversion = "nb-2026-01"\nsound = "spoken.wav"\n'
    (world.base / "proposal.toml").write_text(text, "utf-8")
    return world.base / "spoken.wav"


def particulars(world: World) -> Path:
    (world.base / "own.toml").write_text(f'particulars = "{world.base / "file"}"\n', "utf-8")
    return world.base / "file"


# place -> where it lies, the command that reads it, as whom, and how that ends where nothing useful is there
PLACES: dict[str, tuple[Callable[[World], Path], tuple[str, ...], str | None, set[int]]] = {
    "config": (lambda w: w.base / "file", ("status", "--config", "FILE"), "cron", {2}),
    "key file of a service": (lambda w: w.base / "file", ("status", "--key-file", "FILE"), None, {12}),
    "passphrase": (lambda w: w.base / "file", ("status", "--as", "iver", "--passphrase-file", "FILE"), None, {2, 12}),
    "receipt": (lambda w: w.base / "file", ("certificate", "verify", "FILE"), None, {2, 15}),
    "checkpoint": (lambda w: w.base / "file", ("audit", "verify", "--anchor", "FILE"), "cron", {2, 15}),
    "proposal of a policy": (lambda w: w.base / "file", ("policy", "propose", "FILE"), "sigrid", {2}),
    "sound of a prompt": (spoken, ("policy", "propose", "PROPOSAL"), "sigrid", {0, 2}),
    "particulars": (particulars, ("policy", "publish", "--out", "NEW", "--config", "OWN"), "sigrid", {2}),
    "published page": (lambda w: w.base / "file.html", ("certificate", "verify", "FILE"), None, {2, 15}),
    "prompt": (lambda w: w.base / "file", ("policy", "lint-prompt", "FILE"), None, {2, 3}),
    "anchors": (lambda w: w.base / "file", ("audit", "checkpoint", "--append", "FILE"), "cron", {0, 16}),
    "key file of a person": (lambda w: find(w.store).key_file("iver"), ("status",), "iver", {12, 15}),
    "seal": (lambda w: find(w.store).seal_file("cron"), ("status",), "cron", {15}),
    "store.toml": (lambda w: w.store / "store.toml", ("status",), "cron", {15, 16}),
    "root": (lambda w: w.root / "root", ("ingest", "SPOOL"), "telefon", {15, 16}),
    "seen": (lambda w: w.root / "seen", ("status",), "cron", {15, 16}),
    "seen by the account": (state_file, ("status",), "cron", {0}),
    "failed unlocks": (lambda w: w.store / "attempts", ("status",), "cron", {0, 16}),
    "catalogue": (lambda w: w.store / "catalogue.db", ("status",), "cron", {15, 16}),
    "object": (lambda w: next((w.store / "objects").rglob("?" * 32)), ("verify", "--read-data"), "cron", {15, 16}),
}  # fmt: skip


def pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def full(path: Path) -> None:
    path.symlink_to("/dev/full")


def terabyte(path: Path) -> None:
    path.touch(mode=0o600)
    os.truncate(path, TERABYTE)


def folder(path: Path) -> None:
    path.mkdir(mode=0o700)


def circle(path: Path) -> None:
    path.symlink_to(path)


KINDS = [pipe, endless, full, terabyte, folder, circle]


def run(world: World, place: str, path: Path) -> Result:
    _, words, who, _ = PLACES[place]
    named = {"FILE": str(path), "SPOOL": str(world.spool)}
    named |= {"NEW": str(world.base / "new"), "OWN": str(world.base / "own.toml")}
    named["PROPOSAL"] = str(path.with_name("proposal.toml"))
    return world.run(*(named.get(one, one) for one in words), "--json", who=who)


@pytest.mark.slow
@pytest.mark.parametrize("spoil", KINDS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_plain_file_is_told_at_once_wherever_it_lies(
    world: World, place: str, spoil: Callable[[Path], None]
) -> None:
    if place == "object":
        world.take_in("call")
    world.deliver("another")
    path = PLACES[place][0](world)
    path.unlink(missing_ok=True)
    spoil(path)
    with limited():
        result = run(world, place, path)
    empty = {0} if (place, spoil) == ("config", pipe) else set()  # a pipe that nobody writes to has its end at once
    assert result.exit in PLACES[place][3] | empty, result
    assert_clean(result)
    assert_no_bug(world)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["config", "receipt", "failed unlocks", "root", "catalogue"])
def test_a_terabyte_of_nothing_takes_no_memory(world: World, place: str) -> None:
    path = PLACES[place][0](world)
    path.unlink(missing_ok=True)
    terabyte(path)
    _, words, who, _ = PLACES[place]
    named = {"FILE": str(path), "SPOOL": str(world.spool)}
    most, _ = memory_of(world, *(named.get(one, one) for one in words), who=who or "cron")
    assert most < LITTLE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["call.json", "calls.jsonl", "calls.csv", "calls.ndjson"])
@pytest.mark.parametrize("begin", ["nothing", "a call"])
def test_a_manifest_of_a_terabyte_is_refused_at_once_and_stays(world: World, name: str, begin: str) -> None:
    world.deliver("call")
    path = world.gather(name) if name != "call.json" else world.spool / name
    if begin == "nothing":
        path.write_bytes(b"")
    os.truncate(path, TERABYTE)
    with limited():
        told = world.json("ingest", str(world.spool), who="telefon")
    assert len(told["accepted"]) == (begin == "a call" and name != "call.json")
    assert [one["code"] for one in told["refused"]] == ["bad_metadata"]
    assert path.stat().st_size == TERABYTE


@pytest.mark.slow
def test_a_line_that_is_too_long_is_passed_over_and_one_without_an_end_ends_the_file(world: World) -> None:
    for stem in ("first", "last"):
        world.deliver(stem)
    path = world.gather("calls.jsonl")
    first, last = path.read_bytes().splitlines(keepends=True)
    for length, taken in ((PASSED_OVER, ["first", "last"]), (PASSED_OVER + 2**21, ["first"])):
        path.write_bytes(first + b"x" * length + b"\n" + last)
        told = world.json("ingest", str(world.spool), "--dry-run", who="telefon")
        assert [one["source_id"] for one in told["accepted"]] == [f"pbx.{one}" for one in taken]
        assert [one["source"] for one in told["refused"]] == [f"{path}:2"]


# Pipes that are meant -----------------------------------------------------------------------------------------


def test_a_passphrase_may_come_through_a_pipe_however_slowly_it_is_written(world: World) -> None:
    path = world.base / "pipe"
    pipe(path)
    began = threading.Event()

    def write() -> None:
        with path.open("wb", buffering=0) as file:
            began.set()
            for piece in (PASSPHRASE[:5], PASSPHRASE[5:], "\n"):
                file.write(piece.encode())

    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # so that the writer need not wait for the program
    writing = threading.Thread(target=write)
    writing.start()
    began.wait(10)
    result = world.run("status", "--as", "iver", "--passphrase-file", str(path))
    writing.join(10)
    os.close(reader)
    assert result.exit == 0, result


def test_a_pipe_that_stays_silent_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_read, "PIPE_WAIT", 0.05)
    path = world.base / "pipe"
    pipe(path)
    silent = os.open(path, os.O_RDWR)
    with limited():
        result = world.run("status", "--key-file", str(path))
    os.close(silent)
    assert result.exit == 12


@pytest.mark.parametrize("words", [("export", "ID", "--out"), ("withdraw", "+4790000001", "--yes", "--receipt-out")])
def test_a_device_is_no_place_for_an_answer(world: World, words: tuple[str, ...]) -> None:
    (recording,) = world.take_in("call")
    world.grant()
    look = ("--purpose", "quality", "--reason", REASON) if words[0] == "export" else ()
    who = "leif" if look else "skranke"
    given = [recording if one == "ID" else one for one in words]
    result = world.run(*given, "/dev/full", *look, "--json", who=who)
    assert (result.exit, result.json["error"]["code"]) == (2, "out_exists")
    assert world.json("status", who="cron")["held"] == 1


# Nonsense -----------------------------------------------------------------------------------------------------

CONFIGS = {
    "nested": b"as = " + b"[" * 5000,
    "dotted": b"a." * 5000 + b"a = 1",
    "5000 digits": b"lock_wait_s = " + b"9" * 5000,
    "NUL in a path": b'store = "a\\u0000b"',
    "infinite": b"[guard]\nshare = inf",
    "no number": b"[guard]\nshare = nan",
    "a date": b"as = 2026-10-01",
    "a mark": b"\xef\xbb\xbfas = 'x'",
    "no text": b"\xff\xfe",
    "65 kB": b"# " + b"x" * 65_536,
    "NUL": b"\0",
}


@pytest.mark.slow
@pytest.mark.parametrize("raw", CONFIGS.values(), ids=CONFIGS)
def test_settings_that_make_no_sense_are_wrong_usage(world: World, raw: bytes) -> None:
    path = world.base / "config.toml"
    path.write_bytes(raw)
    for words, who in ((("status", "--config", str(path)), "cron"), (("--help", "--config", str(path)), None)):
        with limited():
            result = world.run(*words, who=who)
        assert result.exit == 2, result
        assert_clean(result)
    assert_no_bug(world)


STORE_FILES = {
    "nested": b"format = " + b"[" * 5000,
    "5000 digits": b"format = " + b"9" * 5000,
    "NUL in a path": b'format = 3\nid = "00"\nroot = "a\\u0000b"',
    "a list": b'format = [1]\nid = "00"\nroot = "x"',
}


@pytest.mark.parametrize("raw", STORE_FILES.values(), ids=STORE_FILES)
def test_a_store_file_that_makes_no_sense_is_damaged(world: World, raw: bytes) -> None:
    (world.store / "store.toml").write_bytes(raw)
    result = world.run("status", "--json", who="cron")
    assert (result.exit, result.json["error"]["code"]) == (15, "store_file_damaged")


@pytest.mark.parametrize("raw", [b"1e999", b"[-1e999]", b'{"a": 9E+400}'])
def test_a_number_beyond_all_bounds_is_no_json(raw: bytes) -> None:
    with pytest.raises(ValueError, match="bounds"):
        parse(raw)


def test_what_is_read_can_be_written_again_however_deep_it_is() -> None:
    for deep in (b"[" * DEEPEST + b"]" * DEEPEST, b'{"a":' * (DEEPEST - 1) + b"[]" + b"}" * (DEEPEST - 1)):
        assert canonical(parse(deep)) == deep
        with pytest.raises(ValueError, match="deep"):
            parse(b"[" + deep + b"]")
    assert parse(b"[" + b"[]," * 1000 + b"[]]") == [[]] * 1001  # many are not deep


@pytest.mark.parametrize("size", [2**63, 2**64 - 1])
def test_a_log_that_was_seen_longer_than_any_can_be_was_rolled_back(world: World, size: int) -> None:
    world.json("status", who="cron")
    ((instance, seen),) = root_secret.decode_memory(state_file(world).read_bytes()).states.items()
    memory = root_secret.Memory({instance: seen._replace(size=size)})
    state_file(world).write_bytes(root_secret.encode_memory(memory))
    result = world.run("status", "--json", who="cron")
    assert (result.exit, result.json["error"]["code"]) == (15, "log_rolled_back")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"versions": [{}]}', b'{"versions": 5}', b'{"versions": []}']
)
def test_a_policy_that_makes_no_sense_is_forged(body: bytes) -> None:
    with pytest.raises(Integrity, match="policy_forged"):
        policy_versions.decode(body)


@pytest.mark.parametrize("raw", [b"a\rb\n", b"\r\n", b"x" * (1 << 20), b"x" * (1 << 20) + b"\n"])
def test_each_failed_unlock_is_taken_into_the_log_once_whatever_stands_there(world: World, raw: bytes) -> None:
    world.json("status", who="cron")
    with (world.store / "attempts").open("ab") as file:
        file.write(raw)
    for _ in range(3):
        assert world.run("status", who="cron").exit == 0
    shown = world.json("audit", "show", "--action", "unlock", who="iver")["entries"]
    assert len(shown) == (2 if len(raw) > 1 << 20 else 1)  # the line end behind a full megabyte is a line, too


def test_a_failed_unlock_that_names_nobody_is_nobodys(world: World) -> None:
    with (world.store / "attempts").open("ab") as file:
        file.write(b'{"at": "2026-01-01T00:00:00Z", "login": "mallory", "name": ""}\n')
    world.json("status", who="cron")
    (entry,) = world.json("audit", "show", "--action", "unlock", who="iver")["entries"]
    assert (entry["person"], entry["detail"]["name"], entry["detail"]["login"]) == ("cron", "", "mallory")


RECEIPT_KEYS = (
    *("number", "event", "rule", "policy", "erased_at", "count", "store", "checkpoint"),
    *("days", "places", "ring_until", "feed", "entry"),
)


@pytest.mark.slow
@pytest.mark.parametrize("key", RECEIPT_KEYS)
@pytest.mark.parametrize(
    "value", [None, 5, [], "é", "x", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "MISSING"]
)
def test_a_receipt_that_somebody_signed_themselves_is_told_in_words(world: World, key: str, value: Any) -> None:
    target = next(one for one in TARGETS if one.name == "receipt")
    told = json.loads(target.seeds[0]) | {key: value}
    if value == "MISSING":
        del told[key]
    assert target.mend is not None
    path = world.base / "receipt.json"
    path.write_bytes(target.mend(json.dumps(told).encode()))
    result = world.run("certificate", "verify", str(path), "--json")
    assert result.exit in {0, 15}, result
    text = isinstance(value, str) and key in {"number", "event", "rule", "policy"}
    assert (result.exit == 0) <= (text or (value is None and key in {"ring_until", "feed"}))
    assert_clean(result)
    assert_no_bug(world)
