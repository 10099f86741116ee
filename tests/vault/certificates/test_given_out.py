"""What a store gives out, checked by the program and by a stranger with the script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from arlo_rec.law.model.strict_json import canonical
from arlo_rec.vault.certificates import check, seal
from arlo_rec.vault.certificates.seal import Content
from tests.support.answers import opened
from tests.support.certificates import CONTENTS, SCRIPT, as_a_stranger, by_log, inside, keys_of, published, withdrawn
from tests.support.pages import publish
from tests.support.world import World, assert_clean

pytestmark = pytest.mark.slow
NAMES = ("receipt.json", "answer.html", "accesses.json", "guidelines.nb.html", "notice-customers.en.md")


def given_out(world: World) -> dict[str, Path]:
    """One of each kind, of a log whose key was renewed."""
    pages, answer = publish(world), world.base / "answer.html"
    world.take_in("c", caller="+4790000002")
    receipt = withdrawn(world, renewed=True)
    words = ("dsar", "90000002", "--identity", "called-back", "--out", str(answer))
    passphrase = world.json(*words, who="sigrid")["passphrase"]
    listed = opened(answer.read_bytes(), passphrase.encode())["bodies"]["accesses.json"]
    files = {name: world.base / name for name in NAMES[:3]} | {name: pages / name for name in NAMES[3:]}
    files["receipt.json"].write_bytes(receipt)
    files["accesses.json"].write_bytes(listed)
    return files


@pytest.mark.rule("access.subject")
def test_program_and_stranger_say_the_same_of_what_a_store_gave_out(world: World) -> None:
    files, keys = given_out(world), published(world)
    other = world.base / "other"
    words = ("init", "--officer", "o", "--passphrase-file", str(world.base / "passphrase"), "--store", str(other))
    foreign = world.json(*words)["officer_vkey"]
    for name, path in files.items():
        told = world.json("certificate", "verify", str(path), "--vkey", keys[1])
        assert (told["valid"], told["officer_checked"], told["officer_vkey"]) == (True, True, keys[1]), name
        done = as_a_stranger(world.base, str(path), *keys)
        assert (done.returncode, done.stderr) == (0, ""), done
        refused = world.run("certificate", "verify", str(path), "--vkey", foreign, "--json")
        assert (refused.exit, refused.json["error"]["code"]) == (15, "certificate_of_another_log")
        assert as_a_stranger(world.base, str(path), foreign).returncode == 1


def test_the_program_says_why_a_file_is_not_genuine_in_the_users_language(world: World) -> None:
    files = given_out(world)
    for name, error, reason, old, new in (
        ("receipt.json", "certificate_invalid", "counts_differ", b'"count":2', b'"count":3'),
        ("answer.html", "answer_changed", "content_changed", b"<title>", b"<title> "),
        ("answer.html", "answer_cut_off", "cut_off", b"</html>\n", b"</html>"),
        ("accesses.json", "accesses_invalid", "counts_differ", b'"count":3,', b'"count":4,'),
        ("guidelines.nb.html", "page_invalid", "not_canonical", b'"kind":', b'"kind": '),
        ("notice-customers.en.md", "page_changed", "content_changed", b"published page", b"published Page"),
    ):
        changed = world.base / "changed"
        changed.write_bytes(files[name].read_bytes().replace(old, new, 1))
        for lang in ("nb", "en"):
            run = world.run("certificate", "verify", str(changed), "--json", "--lang", lang)
            said = run.json["error"]
            assert run.exit == 15 and said["code"] == error
            assert said["reason"] == reason
            assert (check.REASONS[reason] in said["message"]) is (error.endswith("invalid") and lang == "en")
        assert check.REASONS[reason] in as_a_stranger(world.base, str(changed)).stderr


def test_an_option_of_another_kind_is_a_wrong_use(world: World) -> None:
    files = given_out(world)
    for name in NAMES[1:]:
        assert world.run("certificate", "verify", str(files[name]), "--page", str(world.base / "page.html")).exit == 2
    for name in (*NAMES[:1], *NAMES[2:]):
        assert world.run("certificate", "verify", str(files[name]), "--accesses", str(files[name])).exit == 2


def test_no_certificate_of_a_page_holds_the_name_of_a_person(world: World) -> None:
    files = given_out(world)
    for name in NAMES[3:]:
        certificate = canonical(inside(files[name].read_bytes())[1])
        assert not [each for each in (b"sigrid", b"leif", b"telefon", b"Oppdiktet") if each in certificate]


# -- written in one pass ---------------------------------------------------------------------------------------------


def test_a_page_in_pieces_of_any_size_is_signed_as_it_is_and_one_without_its_end_is_not() -> None:
    page = CONTENTS["answer"] + bytes(200) + check.PAGE_END
    over = page.removesuffix(check.PAGE_END)
    signed: list[Content] = []

    def sign(content: Content) -> bytes:
        signed.append(content)
        return b"{}"

    for at in (1, 3, len(check.PAGE_END), 100):
        pieces = [page[begin : begin + at] for begin in range(0, len(page), at)]
        assert b"".join(seal.page(pieces, sign)) == over + seal.behind_content(b"{}", "html")
        assert signed.pop() == check._content([over])
        with pytest.raises(ValueError, match="end"):
            list(seal.page(pieces[:-1], sign))
        assert not signed, "nothing is said to be signed"


# -- whatever is handed in -------------------------------------------------------------------------------------------


def test_control_characters_in_a_name_or_a_value_reach_no_terminal(world: World) -> None:
    """Signed with the log's key, so that nothing but its form stands in the way."""
    told = json.loads(withdrawn(world))
    log, _ = keys_of(world, "iver")
    path = world.base / "receipt\x1b[31m.json"
    wrong = ({"number": "AAAA-\x1b[2J"}, {"rule": "\x1b]0;x\x07"}, {"policy": "2026\u202e01"}, {"more": "\x1b[2J"})
    for changed in wrong:
        path.write_bytes(by_log({**told, **changed}, log))
        result = world.run("certificate", "verify", str(path))
        assert result.exit == 15
        assert_clean(result)
        done = as_a_stranger(world.base, str(path))
        assert done.returncode == 1 and (done.stdout + done.stderr).removesuffix("\n").isprintable()
    path.unlink()
    done = as_a_stranger(world.base, str(path))
    assert done.returncode == 2 and "\x1b" not in done.stderr


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
