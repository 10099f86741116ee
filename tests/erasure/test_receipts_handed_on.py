"""Whoever hands a receipt on, or something else in its place: no change of one, and no other file, is taken for one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.model.strict_json import canonical
from tests.support.checker import SCRIPT, checker
from tests.support.receipts import Told, keys_of, published, refused, signed, withdrawn
from tests.support.world import World, assert_clean

pytestmark = [pytest.mark.rule("security.monitored"), pytest.mark.slow]
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def changes(raw: bytes, signs: int) -> Iterator[bytes]:
    """The receipt with one byte replaced, at every place, by some of the signs that JSON and base64 are made of."""
    for at, byte in enumerate(raw):
        for count in range(1, signs + 1):
            sign = 32 + (byte + count * 7) % 95
            if sign != byte:
                yield raw[:at] + bytes([sign]) + raw[at + 1 :]


def test_of_every_single_character_that_is_changed_no_receipt_verifies(world: World, whole: bool) -> None:
    raw = withdrawn(world, renewed=True)
    assert not refused(raw, *published(world))
    for changed in changes(raw, 20 if whole else 1):
        assert refused(changed)


def respelled(text: str) -> Iterator[str]:
    """The same base64 in other spellings: bits that no byte uses, the other alphabet, other ends."""
    body = text.rstrip("=")
    unused = {2: 4, 1: 2}.get(len(text) - len(body), 0)
    last = SIGNS.index(body[-1])
    yield from (body[:-1] + SIGNS[last | bits] + text[len(body) :] for bits in range(1, 1 << unused))
    yield from ({body} - {text})
    yield from (text + "=", text + "\n", " " + text, text.replace("+", "-").replace("/", "_") + "\t")


def strings(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(value, str):
        yield way, value
    elif isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from strings(each, (*way, key))


def put(told: Told, way: tuple[Any, ...], value: Any) -> Told:
    changed = json.loads(json.dumps(told))
    place = changed
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = value
    return dict(changed)


def re_encodings(told: Told) -> Iterator[Told]:
    """Receipts that say the same in another way."""
    for way, text in strings(told):
        if way[0] in {"signature", "erased_by", "entry", "signers", "log_keys"} and way[-1] not in {"vkey", "role"}:
            yield from (put(told, way, each) for each in respelled(text))
        elif way[-1] == "vkey":
            name, key_id, encoded = text.split("+", 2)
            yield from (put(told, way, f"{name}+{key_id}+{each}") for each in respelled(encoded))
        elif way[0] in {"store", "recordings"}:
            yield put(told, way, text.upper())
            yield put(told, way, f" {text}")
    note = told["checkpoint"]
    for spelled in (note + "\n", note.rstrip("\n"), note.replace("\n", "\r\n"), note.replace("\u2014", "-")):
        yield {**told, "checkpoint": spelled}
    root = note.split("\n")[2]
    for spelled in respelled(root):
        yield {**told, "checkpoint": note.replace(root, spelled)}
    yield {**told, "checkpoint": note + note.rstrip("\n").rpartition("\n")[2] + "\n"}
    at = told["erased_at"]
    for spelled in (at.replace("Z", "+00:00"), at.replace("T", " "), at.lower(), at + " "):
        yield {**told, "erased_at": spelled}
    for key, value in (("count", float(told["count"])), ("format", True), ("format", 1.0), ("feed", 0)):
        yield {**told, key: value}


def test_no_other_way_to_write_the_same_receipt_verifies_though_the_logs_key_signs_it(world: World) -> None:
    raw = withdrawn(world, renewed=True)
    told = json.loads(raw)
    log, _ = keys_of(world, "iver")
    tried = 0
    for changed in re_encodings(told):
        assert canonical(changed) != canonical(told)
        assert refused(canonical(changed) + b"\n"), changed
        if changed["signature"] == told["signature"]:
            assert refused(signed(changed, log)), "an auditor may sign it anew and cannot make it count"
        tried += 1
    assert tried > 100
    text = raw.decode()
    others = (text.replace("withdrawal", "withdraw\\u0061l"), text.replace(":", ": "), json.dumps(told))
    for spelled in (text + "\n", text.rstrip("\n"), "\ufeff" + text, *others):
        assert refused(spelled.encode())
    assert refused(text.replace('{"checkpoint"', '{"checkpoint":"x","checkpoint"').encode())


@pytest.mark.parametrize(
    "changed",
    [
        {"number": "AAAA-\x1b[2J"}, {"rule": "\x1b]0;x\x07"}, {"erased_at": "2026-10-01T08:00:00Z\x1b[31m"},
        {"policy": "2026\u202e01"}, {"recordings": [1, 2], "count": 2}, {"recordings": "ab", "count": 2},
        {"recordings": [[], {}], "count": 2}, {"count": "2"}, {"days": [1]}, {"entry": [1]}, {"log_keys": [1]},
        {"signers": [1]}, {"signers": []}, {"checkpoint": 7}, {"places": "root"}, {"store": None}, {"event": ["x"]},
        {"ring_until": "\x1b[1m"}, {"feed": "\x1b"}, {"more": "\x1b[2J"},
    ],
    ids=lambda changed: next(iter(changed)),
)  # fmt: skip
def test_what_a_receipt_says_in_a_wrong_type_or_in_control_characters_is_refused_cleanly(
    world: World, changed: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    """Signed with the log's key, so that nothing but its form stands in the way."""
    told = {**json.loads(withdrawn(world)), **changed}
    log, _ = keys_of(world, "iver")
    path = world.base / "receipt\x1b[31m.json"
    path.write_bytes(signed(told, log))
    result = world.run("certificate", "verify", str(path))
    assert result.exit == 15
    assert_clean(result)
    assert checker().main([str(path)]) == 1
    said = capsys.readouterr()
    assert all(sign.isprintable() or sign == "\n" for sign in said.out + said.err)
    path.unlink()
    assert checker().main([str(path)]) == 2
    assert "\x1b" not in capsys.readouterr().err


def terabyte(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


PLACED: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a terabyte": terabyte,
}


@pytest.mark.parametrize("placed", PLACED)
@pytest.mark.parametrize(
    ("command", "expected"),
    [((str(SCRIPT),), {2}), (("-m", "arlo_rec", "certificate", "verify"), {2, 15, 16})],
    ids=["script", "program"],
)
def test_no_checker_waits_for_what_is_no_file_or_reads_on_for_ever(
    tmp_path: Path, placed: str, command: tuple[str, ...], expected: set[int]
) -> None:
    receipt = tmp_path / "receipt.json"
    PLACED[placed](receipt)
    try:
        done = subprocess.run([sys.executable, *command, str(receipt)], capture_output=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail("it waits for ever")
    assert done.returncode in (expected if placed != "a terabyte" else {1, *expected}), done
    assert b"Traceback" not in done.stderr
