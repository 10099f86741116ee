"""A witness with a key of IT's cosigns the log only where it goes on from what it cosigned before."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.crypto.primitives import SigningKey
from tests.support.world import Result, World

NAME = "it.example/witness"


# -- the form of a cosignature ------------------------------------------------------------------------


def test_keys_are_read_and_written_as_other_witnesses_have_them() -> None:
    """A test key of the omniwitness and the key of a public witness; their ids are by other implementations."""
    private = "PRIVATE+KEY+witness+f13a86db+AaLa/dfyBhyo/m0Z7WCi98ENVZWtrP8pxgRNrx7tIWiA"
    witness = merkle.parse_private_key(private)
    assert witness.name == "witness"
    assert merkle.parse_witness_vkey(witness.vkey) == ("witness", witness.key.public)
    public = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
    assert merkle.parse_witness_vkey(public)[0] == "remora.n621.de"
    for wrong in (public.replace("da77ade7", "da77ade8"), public.replace("+BO", "+AO"), private, "", "a+b"):
        assert is_refused(merkle.parse_witness_vkey, wrong)
    for wrong in (private.replace("f13a", "f13b"), private.replace("PRIVATE", "private"), public, "", "PRIVATE+KEY"):
        assert is_refused(merkle.parse_private_key, wrong)


def test_what_is_signed_is_the_head_the_time_and_the_checkpoint() -> None:
    witness, note = merkle.parse_private_key(merkle.private_key(NAME, bytes(32))), note_of(7)
    line = merkle.cosign(note, witness, 1679315147).splitlines()[-1]
    assert line.startswith(f"\u2014 {NAME} ")
    raw = merkle.base64.b64decode(line.split(" ")[2])
    assert (len(raw), raw[4:12]) == (76, (1679315147).to_bytes(8, "big"))
    text = note.split("\n\n", 1)[0] + "\n"
    message = b"cosignature/v1\ntime 1679315147\n" + text.encode()
    assert raw[12:] == SigningKey.from_seed(bytes(32)).sign(message)


def is_refused(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return True
    return False


def note_of(size: int) -> str:
    """A checkpoint of some log, signed by it."""
    text = merkle.Checkpoint("log.example", size - 1, size, bytes([size % 256]) * 32).text()
    return merkle.sign_note(text, [("log.example", SigningKey.from_seed(bytes([1]) * 32))])


@given(st.integers(1, 2**40), st.integers(0, 2**63 - 1), st.integers(0, 300), st.integers(1, 255))
def test_a_cosignature_holds_for_its_own_note_name_key_and_time_alone(
    size: int, at: int, place: int, flip: int
) -> None:
    witness = merkle.parse_private_key(merkle.private_key(NAME, bytes(32)))
    note, public = merkle.cosign(note_of(size), witness, at), witness.key.public
    assert merkle.cosigned_at(note, NAME, public) == at
    assert merkle.cosigned_at(note_of(size), NAME, public) is None
    assert merkle.cosigned_at(note, "it.example/other", public) is None
    assert merkle.cosigned_at(note, NAME, SigningKey.from_seed(bytes([2]) * 32).public) is None
    changed = bytearray(note.encode())
    changed[place % len(changed)] ^= flip
    text = changed.decode("utf-8", "replace")
    lines = merkle.parse_note(note)[1]
    try:  # only the log's own line, which the witness does not sign, may be another
        same = (
            merkle.parse_note(text)[0] == merkle.parse_note(note)[0] and merkle.parse_note(text)[1][NAME] == lines[NAME]
        )
    except (ValueError, KeyError):
        same = False
    assert (merkle.cosigned_at(text, NAME, public) == at) is same


# -- the command --------------------------------------------------------------------------------------


@pytest.fixture
def witnessed(world: World) -> tuple[World, str]:
    """A log that was cosigned once, and the public key of its witness."""
    vkey = world.json("audit", "witness", "--witness-key", str(key(world)), "--new", NAME)["vkey"]
    world.take_in("a")
    assert cosign(world).json["first"] is True
    return world, vkey


def key(world: World) -> Path:
    return world.base / "witness.key"


def seen(world: World) -> Path:
    return world.base / "witness.key.seen"


def cosign(world: World) -> Result:
    return world.run("audit", "witness", "--witness-key", str(key(world)), "--json", who="iver")


def verified(world: World, anchor: Path, vkey: str) -> dict[str, Any]:
    told = world.run("audit", "verify", "--anchor", str(anchor), "--witness", vkey, "--json", who="iver")
    return {
        "exit": told.exit,
        "problems": told.json.get("problems", []),
        "code": told.json.get("error", {}).get("code"),
    }


@pytest.mark.rule("security.monitored")
def test_the_log_is_cosigned_as_it_grows_and_the_note_is_an_anchor(witnessed: tuple[World, str]) -> None:
    world, vkey = witnessed
    assert (key(world).stat().st_mode & 0o777, seen(world).stat().st_mode & 0o777) == (0o600, 0o600)
    world.take_in("b", seed=3)
    told = cosign(world).json
    assert (told["first"], told["problems"]) == (False, [])
    anchor = world.base / "anchor"
    anchor.write_text(told["note"])
    assert seen(world).read_text() == told["note"]
    assert verified(world, anchor, vkey) == {"exit": 0, "problems": [], "code": None}
    anchor.write_text(world.json("audit", "checkpoint", who="iver")["note"])
    assert verified(world, anchor, vkey)["problems"] == ["anchor_not_witnessed"]
    told = world.run("audit", "verify", "--witness", vkey, "--json", who="iver")
    assert (told.exit, told.json["error"]["code"]) == (2, "witness_of_what")
    assert verified(world, anchor, vkey[:-4] + "AAAA")["code"] == "not_a_witness_vkey"


def test_a_change_of_the_logs_key_is_no_other_log(witnessed: tuple[World, str]) -> None:
    world, _ = witnessed
    world.json("person", "remove", "turid", "--yes", who="sigrid")
    assert cosign(world).exit == 0


@pytest.mark.parametrize("is_forked", [False, True], ids=["rolled back", "forked"])
@pytest.mark.in_a_file
def test_with_every_key_of_the_store_in_hand_a_log_that_was_rolled_back_or_forked_is_not_cosigned(
    witnessed: tuple[World, str], is_forked: bool
) -> None:
    """The fork is written with the keys of the officer, the log and the telephone system, and is whole by itself."""
    world, _ = witnessed
    older = world.base / "older"
    for name in ("store", "store.root"):
        shutil.copytree(world.base / name, older / name)
    world.take_in("b", seed=3)
    assert cosign(world).exit == 0
    kept = seen(world).read_bytes()
    for name in ("store", "store.root", "state"):  # nobody else remembers anything newer
        shutil.rmtree(world.base / name)
    for name in ("store", "store.root"):
        shutil.copytree(older / name, world.base / name)
    if is_forked:
        world.take_in("x", "y", "z", seconds=0.3)
        world.grant()
    assert world.run("audit", "verify", who="iver").exit == 0, "by itself it is a log like any other"
    told = cosign(world)
    expected = "log_differs_from_anchor" if is_forked else "log_shorter_than_anchor"
    assert (told.exit, told.json["error"]["code"]) == (15, "problems_found")
    assert told.json["problems"] == [expected]
    assert told.json["note"] is None
    assert seen(world).read_bytes() == kept


def test_what_a_witness_needs_is_asked_for(witnessed: tuple[World, str]) -> None:
    world, _ = witnessed

    def code(*words: str) -> tuple[int, str]:
        told = world.run("audit", "witness", *words, "--json", who="iver")
        return told.exit, told.json["error"]["code"]

    path = str(key(world))
    assert code("--witness-key", path, "--new", NAME)[1] == "out_exists"
    for name in ("a name", "a+b", "", "arlo-rec/" + "0" * 32):
        assert code("--witness-key", str(world.base / "n"), "--new", name) == (2, "bad_witness_name")
    assert code("--witness-key", str(world.base / "n")) == (12, "secret_file_missing")
    other = world.base / "other"
    other.write_text("PRIVATE+KEY+x")
    other.chmod(0o600)
    assert code("--witness-key", str(other)) == (2, "not_a_witness_key")
    for wrong in (b"nothing", b"\xff", seen(world).read_bytes().replace(b"it.example", b"it.exampel")):
        seen(world).write_bytes(wrong)
        assert code("--witness-key", path) == (2, "witness_seen_unreadable")
    key(world).chmod(0o644)
    assert code("--witness-key", path) == (2, "secret_file_open")


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o1777], ids=oct)
def test_a_folder_in_which_others_write_is_no_place_for_what_was_cosigned_last(
    witnessed: tuple[World, str], mode: int
) -> None:
    """They would put an earlier note back, and then an earlier log."""
    world, _ = witnessed
    folder = world.base / "shared"
    folder.mkdir()
    words = ("audit", "witness", "--witness-key", str(folder / "w.key"), "--json")
    world.json(*words[:-1], "--new", NAME)
    folder.chmod(mode)
    for more in ((), ("--new", NAME)):
        (folder / "w.key").rename(folder / "kept") if more else None
        told = world.run(*words, *more, who="iver")
        assert (told.exit, told.json["error"]["code"]) == (2, "witness_folder_open")
    assert not (folder / "w.key.seen").exists()
