"""Files of anchors: notes that are appended, torn, and found again by the check of the log."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Unreachable
from arlo_rec.vault.crypto import merkle
from arlo_rec.vault.crypto.primitives import SigningKey
from arlo_rec.vault.offsite import anchor_file
from tests.support import needs
from tests.support import world as worlds
from tests.support.attack import own_code
from tests.support.properties import examples
from tests.support.world import World, assert_no_bug

ORIGIN = "arlo-rec/" + "0" * 32
LOG, PERSON = SigningKey.from_seed(b"\1" * 32), SigningKey.from_seed(b"\2" * 32)
WITNESS = merkle.parse_private_key(merkle.private_key("it.example/w", bytes(32)))


def note_of(size: int, *, is_cosigned: bool = False) -> str:
    text = merkle.Checkpoint(ORIGIN, size - 1, size, bytes([size % 256]) * 32).text()
    note = merkle.sign_note(text, [(ORIGIN, LOG), (merkle.signer_name(ORIGIN, PERSON.public), PERSON)])
    return merkle.cosign(note, WITNESS, size) if is_cosigned else note


NOTES = st.lists(
    st.builds(note_of, st.integers(1, 9999), is_cosigned=st.booleans()),
    min_size=1,
    max_size=6,
    unique_by=lambda note: note.split("\n")[1],
)


# -- what a file says ---------------------------------------------------------------------------------


@given(NOTES, st.integers(0, 3), st.booleans())
def test_every_note_of_a_file_is_found_in_its_order(notes: list[str], empty: int, is_stripped: bool) -> None:
    text = ("\n" * empty).join(notes)
    assert anchor_file.parse((text.rstrip("\n") if is_stripped else text).encode()) == (notes, True)


@examples(200)
@given(NOTES, st.data())
def test_a_torn_last_note_is_a_problem_until_a_whole_one_follows_and_takes_no_other_note_away(
    notes: list[str], data: st.DataObject
) -> None:
    *before, last = notes
    raw = last.encode()
    torn = raw[: data.draw(st.integers(1, len(raw) - 2))]  # without its last line break it is whole
    lying = "".join(before).encode() + torn
    found, is_whole = anchor_file.parse(lying)
    assert found[: len(before)] == before
    cut = found[len(before) :]  # the signature of the log may be whole already: then it is an anchor
    assert all(last.startswith(each) and merkle.note_signed_by(each, ORIGIN, LOG.public) for each in cut)
    assert cut or not is_whole
    following = note_of(10_000)
    found, is_whole = anchor_file.parse(lying + b"\n" + following.encode())
    assert is_whole
    assert [*before, following] == [each for each in found if each in {*before, following}]
    assert all(merkle.note_signed_by(each, ORIGIN, LOG.public) for each in found)


@given(st.binary(max_size=400), NOTES)
def test_whatever_lies_before_a_note_takes_it_not_away(rubbish: bytes, notes: list[str]) -> None:
    found, is_whole = anchor_file.parse(rubbish + b"\n" + "".join(notes).encode())
    assert is_whole
    assert found[-len(notes) :] == notes


@given(st.binary(max_size=600))
def test_a_file_without_a_note_is_never_whole(rubbish: bytes) -> None:
    assert anchor_file.parse(rubbish) == ([], False)


# -- appending ----------------------------------------------------------------------------------------


def test_a_note_is_appended_once_and_a_cosigned_one_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    first, second = note_of(1), note_of(2)
    assert [anchor_file.append(path, each) for each in (first, first, second, first)] == [True, False, True, False]
    assert path.read_text() == first + second
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(first + note_of(3, is_cosigned=True))
    assert not anchor_file.append(path, note_of(3))


def test_a_file_keeps_its_mode_and_what_has_no_line_break_at_its_end_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "anchors"
    path.write_bytes(note_of(1).encode()[:-7])
    path.chmod(0o640)
    assert anchor_file.append(path, note_of(2))
    assert path.read_bytes() == note_of(1).encode()[:-7] + b"\n" + note_of(2).encode()
    assert path.stat().st_mode & 0o777 == 0o640


def test_it_is_one_write_at_the_end_whatever_somebody_else_appends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, wrote = tmp_path / "anchors", list[bytes]()
    write = os.write

    def counted(handle: int, piece: bytes) -> int:
        wrote.append(piece)
        with path.open("ab") as other:  # between our look at the end and our write
            other.write(b"another's\n")
        return write(handle, piece)

    monkeypatch.setattr(os, "write", counted)
    anchor_file.append(path, note_of(1))
    assert wrote == [note_of(1).encode()]
    assert path.read_bytes() == b"another's\n" + note_of(1).encode()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "second name"])
def test_what_is_no_plain_file_is_left_alone(tmp_path: Path, kind: str) -> None:
    path, other = tmp_path / "anchors", tmp_path / "other"
    other.write_bytes(b"kept")
    if kind == "link":
        path.symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.hardlink_to(other)
    with pytest.raises(Unreachable) as told:
        anchor_file.append(path, note_of(1))
    assert told.value.code == "not_plain_file"
    assert other.read_bytes() == b"kept"


def test_a_full_disk_is_told_and_the_next_append_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = tmp_path / "anchors", os.write
    anchor_file.append(path, note_of(1))
    monkeypatch.setattr(os, "write", lambda handle, piece: write(handle, piece[:200]))
    with pytest.raises(Unreachable, match="no_space"):
        anchor_file.append(path, note_of(2))
    monkeypatch.undo()
    assert anchor_file.append(path, note_of(2))
    assert anchor_file.parse(path.read_bytes()) == ([note_of(1), note_of(2)], True)


def test_a_file_to_which_the_system_lets_only_append_takes_notes(tmp_path: Path) -> None:
    needs.demand(needs.root(), needs.program("chattr"))
    folder = Path("/var/tmp") / f"arlo-rec-{os.getpid()}"
    folder.mkdir(mode=0o700)
    path = folder / "anchors"
    path.touch(mode=0o640)
    try:
        done = subprocess.run(["chattr", "+a", path], capture_output=True, text=True)
        needs.demand(needs.unable("chattr +a", done.stderr) if done.returncode else None)
        with pytest.raises(OSError, match="not permitted") as told:
            path.write_bytes(b"")
        assert told.value.errno == errno.EPERM
        assert [anchor_file.append(path, note_of(size)) for size in (1, 2)] == [True, True]
        assert path.read_text() == note_of(1) + note_of(2)
    finally:
        subprocess.run(["chattr", "-a", path], capture_output=True, check=False)
        shutil.rmtree(folder)


# -- the commands -------------------------------------------------------------------------------------


def anchors(world: World) -> Path:
    return world.base / "anchors"


def keep(world: World) -> dict[str, Any]:
    return world.json("audit", "checkpoint", "--append", str(anchors(world)), who="iver")


def problems(world: World, *words: str) -> list[str]:
    told = world.run("audit", "verify", "--anchor", str(anchors(world)), *words, "--json", who="iver")
    assert_no_bug(world)
    assert told.exit == (15 if told.json["problems"] else 0)
    return list(told.json["problems"])


@pytest.mark.rule("security.monitored")
def test_anchors_gather_in_one_file_and_every_one_of_them_is_compared(world: World, tmp_path: Path) -> None:
    assert keep(world)["appended"] is True
    assert keep(world)["appended"] is False
    assert problems(world) == []
    older = worlds.copy(world, tmp_path / "older")
    for seed, stem in enumerate("abc"):
        world.take_in(stem, seed=seed, seconds=0.2)
        assert keep(world)["appended"] is True
    assert len(anchor_file.parse(anchors(world).read_bytes())[0]) == 4
    assert problems(world) == []
    shutil.copy(anchors(world), anchors(older))
    assert problems(older) == ["log_shorter_than_anchor"] * 3
    older.take_in("x", "y", "z", seconds=0.2)
    older.grant()
    assert set(problems(older)) <= {"log_differs_from_anchor", "log_shorter_than_anchor"}
    assert len(problems(older)) == 3
    anchors(world).write_bytes(anchors(world).read_bytes()[:-300])
    assert problems(world) == ["anchor_unreadable"]
    assert keep(world)["appended"] is True
    assert problems(world) == []


def test_each_note_of_a_file_must_be_cosigned_where_a_witness_is_named(world: World) -> None:
    key = str(world.base / "witness.key")
    vkey = world.json("audit", "witness", "--witness-key", key, "--new", "it.example/w")["vkey"]
    for seed, stem in enumerate("ab"):
        world.take_in(stem, seed=seed, seconds=0.2)
        note = world.json("audit", "witness", "--witness-key", key, who="iver")["note"]
        assert anchor_file.append(anchors(world), note)
    assert problems(world, "--witness", vkey) == []
    world.take_in("c", seed=3, seconds=0.2)
    keep(world)
    assert problems(world, "--witness", vkey) == ["anchor_not_witnessed"]
    assert problems(world) == []


def verified(world: World, *paths: Path) -> dict[str, Any]:
    words = [word for path in paths for word in ("--anchor", str(path))]
    told = world.run("audit", "verify", *words, "--json", who="iver")
    assert_no_bug(world)
    assert told.exit == (15 if told.json["problems"] else 0)
    return dict(told.json)


def changed(note: str) -> dict[str, tuple[str, str]]:
    """What anybody can make of a note without the log's key, or put beside it; and the code for each."""
    lines = note.split("\n")
    size = "\n".join([lines[0], str(int(lines[1]) + 1), *lines[2:]])
    log, person = lines[-3:-1]
    signature = merkle.base64.b64decode(log.split(" ")[2])
    spoilt = merkle.base64.b64encode(signature[:-1] + bytes([signature[-1] ^ 1])).decode()
    unsigned = "\n".join([*lines[:-3], f"\u2014 {lines[0]} {spoilt}", person, ""])
    return {
        "a size": (size, "anchor_unsigned"),
        "the log's signature": (unsigned, "anchor_unsigned"),
        "another store": (note_of(3), "anchor_of_another_log"),
    }


@pytest.mark.rule("security.monitored")
def test_a_note_that_this_log_did_not_sign_is_a_problem_also_beside_one_that_it_did(world: World) -> None:
    note = world.json("audit", "checkpoint", who="iver")["note"]
    for what, (each, code) in changed(note).items():
        anchors(world).write_text(note + each)
        told = verified(world, anchors(world))
        assert (told["problems"], told["anchors"]) == ([code], 1), what


def test_a_log_that_was_rewritten_with_another_key_disowns_no_note_that_people_signed(world: World) -> None:
    """Whoever rewrites it makes the key too: what the log denies that it signed is a problem, and not passed over."""
    note = world.json("audit", "checkpoint", who="iver")["note"]
    with own_code(world, "iver") as store:
        person = (merkle.signer_name(store.log.origin, store.identity.signing.public), store.identity.signing)
        said = merkle.parse_note(note)[0]
        other = merkle.sign_note(said._replace(root=bytes(32)).text(), [(store.log.origin, LOG), person])
    anchors(world).write_text(other + note)
    assert verified(world, anchors(world))["problems"] == ["anchor_unsigned"]


def test_nobody_is_named_in_a_note(world: World) -> None:
    note = world.json("audit", "checkpoint", who="iver")["note"]
    assert not [name for name in (*worlds.PEOPLE, *worlds.SERVICES) if name in note]


def test_it_is_told_what_was_compared_and_of_several_files_which_one_differs(world: World) -> None:
    keep(world)
    world.take_in("a", seconds=0.2)
    keep(world)
    other = world.base / "other"
    other.write_text(note_of(3))
    told = verified(world, anchors(world), other)
    assert (told["problems"], told["anchors"]) == (["anchor_of_another_log"], 2)
    assert [(Path(each["file"]).name, each["anchors"], each["problems"]) for each in told["files"]] == [
        ("anchors", 2, []),
        ("other", 0, ["anchor_of_another_log"]),
    ]
    words = ("--anchor", str(anchors(world)), "--anchor", str(other), "--lang", "en")
    lines = world.run("audit", "verify", *words, who="iver").out.splitlines()
    assert lines == [
        f"log ({other}): the anchor is from another log",
        "Anchors that the log was compared with: 2. Files of them: 2.",
    ]
    assert verified(world)["anchors"] == 0


def test_where_an_anchor_cannot_be_appended_the_command_says_why(world: World) -> None:
    def ended(path: Path) -> tuple[int, str]:
        told = world.run("audit", "checkpoint", "--append", str(path), "--json", who="iver")
        assert_no_bug(world)
        return told.exit, told.json["error"]["code"]

    assert ended(world.base / "no" / "where") == (2, "no_such_folder")
    assert ended(world.base / ("long" * 100)) == (2, "path_does_not_go")
    assert ended(world.base) == (16, "not_plain_file")
    (world.base / "link").symlink_to(world.base / "passphrase")
    assert ended(world.base / "link") == (16, "not_plain_file")


def test_what_is_kept_elsewhere_is_shown_beside_it_unless_quiet(world: World) -> None:
    told = world.run("audit", "checkpoint", "--append", str(anchors(world)), "--lang", "en", who="iver")
    assert told.out == anchors(world).read_text()
    assert f"Added to {anchors(world)}." in told.err
    told = world.run("audit", "checkpoint", "--append", str(anchors(world)), "--quiet", who="iver")
    assert (told.exit, told.out, told.err) == (0, "", "")
    assert world.run("audit", "checkpoint", "--quiet", who="iver").out == anchors(world).read_text()


def test_a_note_in_a_new_file_is_an_anchor_and_no_file_that_is_there_is_replaced(world: World) -> None:
    def ended(*words: str) -> tuple[int, str]:
        told = world.run("audit", "checkpoint", *words, "--json", who="iver")
        assert_no_bug(world)
        return told.exit, told.json["error"]["code"]

    out = anchors(world)
    told = world.run("audit", "checkpoint", "--out", str(out), "--lang", "en", who="iver")
    assert told.out == out.read_text()
    assert f"Written to {out}." in told.err
    assert out.stat().st_mode & 0o777 == 0o600
    assert problems(world) == []
    assert ended("--out", str(out)) == (2, "out_exists")
    assert ended("--out", str(world.base / "no" / "where")) == (2, "no_such_folder")
    assert ended("--out", "-") == (2, "json_and_stdout")
    assert out.read_text() == told.out
    other = world.base / "other"
    assert world.json("audit", "checkpoint", "--out", str(other), who="iver")["out"] == str(other)
    assert other.read_text() == world.run("audit", "checkpoint", "--out", "-", "--quiet", who="iver").out == told.out
