"""Whoever has an answer can check that we gave it out and that nothing was changed, and that no access is left out."""

from __future__ import annotations

import io
import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from arlo_rec.dsar import access_list, certificate, certificate_check, stored_zip
from arlo_rec.erasure import receipts
from arlo_rec.model import records, times
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.model.strict_json import canonical, to_base64
from tests.support.answers import opened
from tests.support.attack import own_code, problem_codes
from tests.support.catalogue import insider
from tests.support.checker import checker
from tests.support.world import REASON, World, memory_of

pytestmark = pytest.mark.slow  # `test_dsar` and `test_letter` are what the quick loop has of answers

CALLED = ("--identity", "called-back")
WHY = ("--purpose", "quality", "--reason", REASON)
CASE = "5e1f00c0ffee"


def answered(world: World, name: str = "answer.html", *more: str) -> tuple[Path, dict[str, Any]]:
    """An answer that the officer made, and what is inside."""
    out = world.base / name
    told = world.json("dsar", "90000001", *CALLED, "--out", str(out), *more, who="sigrid")
    return out, opened(out.read_bytes(), told["passphrase"].encode())


def accesses(content: dict[str, Any]) -> bytes:
    """The list of accesses inside an answer."""
    raw = content["bodies"]["accesses.json"]
    return raw


def published(world: World) -> list[str]:
    """The keys of the log and of the first officer."""
    told = json.loads((world.base / "init.json").read_text())
    return [told["vkey"], told["officer_vkey"]]


def refused(raw: bytes, script: ModuleType, *vkeys: str) -> str:
    """The code by which the program refuses a file, which the script refuses too; empty where both take it."""
    code = ""
    try:
        certificate_check.verify(io.BytesIO(raw), vkeys)
    except (Integrity, Usage) as problem:
        code = problem.code
    try:
        script.check_file(io.BytesIO(raw), *vkeys)
    except (script.Forged, script.Unknown):
        assert code, "the script refuses what the program takes"
        return code
    assert not code, "the script takes what the program refuses"
    return ""


def archived(world: World, sizes: tuple[int, ...] = (10, 0, 70_000)) -> bytes:
    """An archive of made members, signed by the officer."""
    with own_code(world, "sigrid") as store:
        members = [(f"part-{at}-æ.html", [b"x" * size, b"end"]) for at, size in enumerate(sizes)]
        statement = certificate.Statement(CASE, None, None)
        archive = stored_zip.Archive()
        pieces = (piece for name, content in members for piece in archive.member(name, content))
        return b"".join(certificate.signed_members(store, archive, pieces, statement, lambda: datetime.now(UTC)))


# -- genuine ------------------------------------------------------------------------------------------------


@pytest.mark.rule("access.subject")
def test_a_stranger_sees_that_an_answer_is_ours_and_unchanged(world: World) -> None:
    world.take_in("a")
    out, _ = answered(world)
    for vkeys in ([], published(world)[:1], published(world)):
        words = [word for vkey in vkeys for word in ("--vkey", vkey)]
        told = world.json("certificate", "verify", str(out), *words)
        assert (told["kind"], told["valid"], told["vkey_checked"]) == (certificate.KIND, True, bool(vkeys))
        done = subprocess.run(
            [sys.executable, "-I", checker().__file__, out, *vkeys], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done
    other = world.base / "other"
    told = world.json(
        "init", "--officer", "o", "--passphrase-file", str(world.base / "passphrase"), "--store", str(other)
    )
    assert world.run("certificate", "verify", str(out), "--vkey", told["officer_vkey"]).exit == 15
    assert refused(out.read_bytes(), checker(), told["vkey"]) == "certificate_of_another_log"


def test_an_answer_that_nothing_is_held_is_signed_too_and_has_no_list(world: World) -> None:
    out, content = answered(world)
    assert "accesses.json" not in {file["name"] for file in content["files"]}
    told = world.json("certificate", "verify", str(out))
    assert told["accesses"] is None
    assert told["sha256"] in {
        entry.get("detail", {}).get("sha256") for entry in world.json("audit", "show", who="iver")["entries"]
    }


def test_no_certificate_and_no_list_holds_anything_about_a_person(world: World) -> None:
    world.take_in("a")
    world.grant("leif")
    world.json("find", *WHY, who="leif")
    out, content = answered(world)
    clear = out.read_bytes()[out.read_bytes().rindex(certificate.MARK) :] + accesses(content)
    for private in (b"leif", b"sigrid", b"telefon", b"90000001", b"Oppdiktet", REASON.encode(), b"kundeservice"):
        assert private not in clear


# -- changed -------------------------------------------------------------------------------------------------


def mutations(raw: bytes, seed: int, count: int = 250) -> Iterator[bytes]:
    """So many changed files, most of them changed near the end."""
    chance = random.Random(seed)

    def place() -> int:
        return chance.randrange(len(raw)) if chance.random() < 0.3 else len(raw) - 1 - chance.randrange(3000)

    def byte() -> bytes:
        at = place()
        return raw[:at] + bytes([raw[at] ^ (1 << chance.randrange(8))]) + raw[at + 1 :]

    def without() -> bytes:
        at = place()
        return raw[:at] + raw[at + chance.randint(1, 40) :]

    def more() -> bytes:
        at = place()
        return raw[:at] + raw[at : at + chance.randint(1, 40)] + raw[at:]

    def cut() -> bytes:
        return raw[: place()]

    def appended() -> bytes:
        return raw + chance.choice([b"\n", b" ", b"<p>", raw[-200:], raw])

    ways: list[Callable[[], bytes]] = [byte, without, more, cut, appended]
    for _ in range(count):
        if (changed := chance.choice(ways)()) != raw:
            yield changed


@pytest.mark.parametrize("form", ["page", "archive", "list"])
def test_of_many_changed_files_not_one_is_taken_for_genuine(world: World, seed: int, form: str) -> None:
    world.take_in("a", seconds=0.2)
    out, content = answered(world)
    raw = {"page": out.read_bytes, "archive": lambda: archived(world), "list": lambda: accesses(content)}[form]()
    script = checker()
    assert not refused(raw, script, *published(world))
    for changed in mutations(raw, seed):
        assert refused(changed, script)


def test_a_certificate_of_another_file_or_a_second_one_is_refused(world: World) -> None:
    world.take_in("a")
    one, two = (answered(world, f"{name}.html")[0].read_bytes() for name in ("one", "two"))
    script = checker()
    at, other = one.rindex(certificate.MARK), two.rindex(certificate.MARK)
    assert refused(one[:at] + two[other:], script) == "answer_changed"
    assert refused(one + two[other:], script) == "answer_invalid"
    with own_code(world, "sigrid") as store:  # signed over the first, by the very officer
        statement = certificate.Statement(CASE, None, None)
        signed = b"".join(certificate.signed_page(store, [one], statement, lambda: datetime.now(UTC)))
        assert refused(signed, script) == "answer_invalid"


@pytest.mark.parametrize("at", [1, 3, len(certificate.PAGE_END), 100])
def test_a_page_in_pieces_of_any_size_is_signed_as_it_is_and_one_without_its_end_is_not(world: World, at: int) -> None:
    page = b"<!doctype html>" + certificate.GENERATOR + bytes(200) + certificate.PAGE_END
    pieces = [page[begin : begin + at] for begin in range(0, len(page), at)]
    statement = certificate.Statement(CASE, None, None)
    with own_code(world, "sigrid") as store:
        signed = b"".join(certificate.signed_page(store, pieces, statement, lambda: datetime.now(UTC)))
        assert signed.startswith(page.removesuffix(certificate.PAGE_END) + certificate.MARK)
        assert refused(signed, checker()) == ""
        size = store.log.tree().size
        with pytest.raises(ValueError, match="end"):
            list(certificate.signed_page(store, pieces[:-1], statement, lambda: datetime.now(UTC)))
        assert store.log.tree().size == size, "nothing is said to be signed"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_a_certificate"),
        (b"RIFF", "not_a_certificate"),
        (b"<!doctype html>\n<title>something</title>", "not_a_certificate"),
        (b"<!doctype html>" + certificate.GENERATOR, "answer_cut_off"),
        (b"<!doctype html>" + certificate.GENERATOR + certificate.MARK + certificate.AFTER_MARK, "answer_invalid"),
        (certificate.GENERATOR.join([b"<!doctype html>", certificate.page_tail(b"\xff{}")]), "answer_invalid"),
        (certificate.GENERATOR.join([b"<!doctype html>", certificate.page_tail(b"[" * 90_000)]), "answer_invalid"),
        (certificate.GENERATOR.join([b"<!doctype html>", certificate.page_tail(b"{}" * 900_000)]), "answer_invalid"),
        (stored_zip.BEGINS, "answer_cut_off"),
        (stored_zip.BEGINS + b"PK\5\6" + bytes(18), "answer_cut_off"),
        (stored_zip.BEGINS + b"PK\5\6" + b"\xff" * 18, "answer_cut_off"),
        (stored_zip.BEGINS + b"PK\6\6" + b"\xff" * 72 + b"PK\5\6" + b"\xff" * 18, "answer_cut_off"),
        (stored_zip.BEGINS + stored_zip.tail(b"{}", 4, b""), "answer_invalid"),
        (b'{"kind":"arlo-rec accesses"' + b"[" * 100_000, "accesses_invalid"),
        (b'{"a":' * 100_000, "certificate_invalid"),
        (b'{"kind":"arlo-rec accesses","count":NaN}\n', "accesses_invalid"),
    ],
    ids=range(16),
)  # fmt: skip
def test_what_is_none_of_ours_is_told_from_what_was_changed(raw: bytes, code: str) -> None:
    assert refused(raw, checker()) == code


@pytest.mark.parametrize(
    "key", ["case", "made_at", "store", "bytes", "accesses", "entry", "signers", "log_keys", "kind"]
)
@pytest.mark.parametrize("value", [None, 5, -1, True, [], {}, "", "é\u202e", "0" * 64, [{}], "MISSING"], ids=str)
def test_a_certificate_of_any_other_form_is_refused(answer: bytes, key: str, value: Any) -> None:
    at = answer.rindex(certificate.MARK)
    told = json.loads(answer[at + len(certificate.MARK) : -len(certificate.AFTER_MARK)])
    changed = {**told, key: value}
    if value == "MISSING":
        del changed[key]
    if changed != told:
        assert refused(answer[:at] + certificate.page_tail(canonical(changed)), checker())


@pytest.fixture(scope="module")
def answer(template: World, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An answer of a store of its own."""
    from tests.support.world import copy

    world = copy(template, tmp_path_factory.mktemp("answer"))
    return answered(world)[0].read_bytes()


# -- archives -----------------------------------------------------------------------------------------------


def test_an_archive_opens_with_every_program_and_holds_its_certificate_last(world: World) -> None:
    raw = archived(world)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["part-0-æ.html", "part-1-æ.html", "part-2-æ.html", "certificate.json"]
        assert archive.read(names[2]) == b"x" * 70_000 + b"end"
        told = json.loads(archive.read("certificate.json"))
    assert told["case"] == CASE
    (world.base / "answer.zip").write_bytes(raw)
    assert world.json("certificate", "verify", str(world.base / "answer.zip"))["case"] == CASE
    if program := shutil.which("unzip"):
        assert subprocess.run([program, "-tqq", world.base / "answer.zip"], check=False).returncode == 0


def test_nobody_puts_another_member_into_an_archive_or_renames_one(world: World) -> None:
    raw, script = archived(world), checker()
    with_more = io.BytesIO(raw)
    with zipfile.ZipFile(with_more, "a") as archive:
        archive.writestr("more.html", b"more")
    assert refused(with_more.getvalue(), script)
    at = raw.rindex(b"part-1")  # in the directory, which is what programs read
    assert refused(raw[:at] + b"Part-1" + raw[at + 6 :], script) == "answer_changed"
    assert refused(archived(world, ()), script) == "", "an archive of its certificate alone"


@pytest.mark.slow
def test_an_archive_beyond_four_gigabytes_is_ended_and_read_by_zip64() -> None:
    offset = 2**32 + 5
    records = stored_zip._record("a.html", 0x8, 0, 3, 0)
    end = stored_zip.tail(b"{}", offset, records)
    assert stored_zip.read_last(end, offset + len(end)) == (b"{}", offset, records)
    assert checker().in_archive(end, offset + len(end)) == (b"{}", offset, records)
    many = b"".join(stored_zip._record(f"{at}", 0x8, 0, 3, at) for at in range(66_000))
    end = stored_zip.tail(b"{}", 9, many)
    assert stored_zip.read_last(end, 9 + len(end)) == checker().in_archive(end, 9 + len(end)) == (b"{}", 9, many)
    with zipfile.ZipFile(io.BytesIO(bytes(9) + end)) as archive:
        assert len(archive.filelist) == 66_001


@pytest.mark.slow
def test_a_large_answer_is_checked_in_little_memory(world: World) -> None:
    most = []
    for count in (1, 150):
        path = world.base / f"{count}.html"
        head = b"<!doctype html>" + certificate.GENERATOR
        with own_code(world, "sigrid") as store, path.open("wb") as file:
            page = (piece for piece in (head, *([bytes(1_000_000)] * count), certificate.PAGE_END))
            statement = certificate.Statement(CASE, None, None)
            file.writelines(certificate.signed_page(store, page, statement, lambda: datetime.now(UTC)))
        taken, told = memory_of(world, "certificate", "verify", str(path), who=None)  # type: ignore[arg-type]
        assert told["valid"]
        most.append(taken)
    assert most[1] - most[0] < 10_000_000, most


# -- the list of accesses -------------------------------------------------------------------------------------


def test_the_list_names_every_entry_of_the_log_that_names_the_recordings(world: World) -> None:
    call, _ = world.take_in("a", "b")
    other = world.take_in("other", caller="+4790000002", seed=9)
    world.grant("leif")
    world.json("find", *WHY, who="leif")
    world.json("export", call, *WHY, "--out", str(world.base / "out.wav"), who="leif")
    world.grant("turid", "quality", "--team", "another")
    assert world.run("export", call, *WHY, "--out", str(world.base / "no.wav"), who="turid").exit == 13
    world.json("withdraw", "90000001", "--dry-run", who="siri")
    out, content = answered(world)
    raw, data = accesses(content), json.loads(_file(content, "data.json"))
    told = json.loads(raw)
    ids = {each["id"] for each in data["recordings"]}
    with own_code(world, "sigrid") as store:  # read anew, by other code
        bodies = {seq: body.decode() for seq, body in store.log.raw.bodies() if body is not None}
    size = int(told["checkpoint"].split("\n")[1])
    assert [each["seq"] for each in told["entries"]] == [
        seq for seq, body in bodies.items() if seq < size and any(each in body for each in ids)
    ]
    assert told["count"] == len(told["entries"])
    assert {each["what"] for each in told["entries"]} == {
        *("taken_in", "in_case", "find", "export", "refused", "withdraw_shown", "dsar"),
    }
    letter = sorted((each["action"], each["role"]) for facts in data["recordings"] for each in facts["accesses"])
    assert letter == sorted(
        (each["what"], each["role"]) for each in told["entries"] if each["access"] for _ in each["recordings"]
    )
    assert other[0] not in raw.decode()
    beside = world.base / "accesses.json"
    beside.write_bytes(raw)
    for words in ((str(out),), (str(beside),), (str(out), "--accesses", str(beside))):
        said = world.json("certificate", "verify", *words)
        assert said["accesses"] == {"count": told["count"], "accesses": 4, "size": size}, "the one beside it is found"
    assert checker().main([str(out), str(beside), *published(world)]) == 0


def test_nobody_leaves_an_access_out_of_the_list_or_puts_another_in(world: World) -> None:
    world.take_in("a")
    world.grant("leif")
    world.json("find", *WHY, who="leif")
    out, content = answered(world)
    raw, script = accesses(content), checker()
    told = json.loads(raw)

    def changed(**values: Any) -> bytes:
        return canonical({**told, **values}) + b"\n"

    entries = told["entries"]
    for wrong in (
        changed(entries=entries[:-1]),
        changed(entries=entries[:-1], count=len(entries) - 1),
        changed(entries=[*entries, entries[-1]], count=len(entries) + 1),
        changed(entries=[{**entries[0], "leaf": to_base64(bytes(32))}, *entries[1:]]),
        changed(entries=[{**entries[0], "access": not entries[0]["access"]}, *entries[1:]]),
        changed(entries=[{**entries[0], "recordings": ["0" * 32]}, *entries[1:]]),
        changed(recordings=[]),
    ):
        assert refused(wrong, script) == "accesses_invalid"
        beside = world.base / "wrong.json"
        beside.write_bytes(wrong)
        assert world.run("certificate", "verify", str(out), "--accesses", str(beside)).exit == 15
        assert script.main([str(out), str(beside)]) == 1
    with own_code(world, "sigrid") as store:  # signed anew, by the very officer: what the log does not have is seen
        for wrong in (
            {"entries": [{**entries[0], "leaf": to_base64(bytes(32))}, *entries[1:]]},
            {"entries": [{**entries[0], "seq": 0}, *entries[1:]]},
            {"entries": entries[:-1]},
            {"entries": entries[::-1]},
            {"entries": [{**entries[0], "recordings": ["0" * 32]}, *entries[1:]]},
            {"entries": [{**entries[0], "recordings": []}, *entries[1:]]},
        ):
            unsigned = {key: value for key, value in {**told, **wrong}.items() if key not in {"signature"}}
            assert refused(certificate.signed(store, unsigned) + b"\n", script) == "accesses_invalid"


def test_what_somebody_else_asked_is_listed_with_its_day_and_with_no_recording(world: World) -> None:
    """Recordings and times would tell which calls of other people are one employee's, or the other way round."""
    world.take_in("mine", "mine too", seconds=1)
    world.take_in("theirs", caller="+4790000002", seed=7, seconds=1)
    asked = ("dsar", "--agent", "Ola Oppdiktet", "--identity", "seen-id", "--out", str(world.base / "employee.html"))
    case = world.json(*asked, who="sigrid")["case"]["id"]
    _, content = answered(world)
    raw, data = accesses(content), json.loads(_file(content, "data.json"))
    others = [entry for entry in json.loads(raw)["entries"] if "other" in entry["what"]]
    assert {entry["what"] for entry in others} == {"in_case_other", "dsar_other"}
    assert [entry["recordings"] for entry in others] == [[], []]
    told = [each for each in data["recordings"][0]["accesses"] if "other" in each["action"]]
    assert [each["action"] for each in told] == ["dsar_other"]
    day = times.start_of_day(times.local_date(datetime.now(UTC)))
    assert [records.from_iso(each["at"]) for each in told] == [day], "the day and no time"
    assert not any(case.encode() in body for body in content["bodies"].values())


def test_a_list_of_another_answer_is_none_of_this_one(world: World) -> None:
    world.take_in("a")
    out, _ = answered(world)
    _, other = answered(world, "again.html")
    (world.base / "accesses.json").write_bytes(accesses(other))
    told = world.run("certificate", "verify", str(out), "--json")
    assert (told.exit, told.json["error"]["code"]) == (15, "accesses_of_another")
    assert world.run("certificate", "verify", str(world.base / "accesses.json"), "--accesses", str(out)).exit == 2
    for each in (out, world.base / "accesses.json"):
        assert world.run("certificate", "verify", str(each), "--page", str(world.base / "page.html")).exit == 2


def _file(content: dict[str, Any], name: str) -> bytes:
    raw = content["bodies"][name]
    return raw


# -- in which order it is written -----------------------------------------------------------------------------

_KILLED = """
import os, sys
from arlo_rec import cli
from arlo_rec.backends.named_files import _NewFile
name_new = _NewFile.name
def die(*words):
    {when}
    os._exit(77)
_NewFile.name = die
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["pass", "name_new(*words)"], ids=["before the name", "after the name"])
def test_a_run_that_is_killed_at_the_name_leaves_a_log_that_is_true(world: World, when: str) -> None:
    world.take_in("a")
    out = world.base / "answer.html"
    words = ("dsar", "90000001", *CALLED, "--out", str(out), *world._who("sigrid"))
    done = subprocess.run(
        [sys.executable, "-c", _KILLED.format(when=when), *words],
        env={**world._environment(), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 77, done
    steps = [entry.get("detail", {}).get("step") for entry in world.json("audit", "show", who="iver")["entries"]]
    assert "signed" in steps and "answered" not in steps
    assert out.exists() is (when != "pass")
    if out.exists():
        assert world.json("certificate", "verify", str(out))["valid"]
    (listed,) = world.json("recipients", "list", who="sigrid")["recipients"]
    assert (listed["kind"], listed["sha256"]) == ("package", None), "it may have left"
    assert problem_codes(world) == set()
    answered(world, "again.html")


def test_a_withdrawal_while_the_answer_is_signed_leaves_no_file_and_a_true_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a")
    sign = certificate.sign

    def meanwhile(*words: Any) -> bytes:
        world.json("withdraw", "90000001", "--yes", who="skranke")
        return sign(*words)

    monkeypatch.setattr(certificate, "sign", meanwhile)
    out = world.base / "answer.html"
    assert world.run("dsar", "90000001", *CALLED, "--out", str(out), who="sigrid").exit == 14
    assert not out.exists()
    assert world.json("recipients", "list", who="sigrid")["recipients"] == []
    assert problem_codes(world) == set()


def test_an_officer_for_whom_nobody_vouches_hands_out_nothing_that_nobody_could_check(world: World) -> None:
    with insider(world) as db:
        db.run("DELETE FROM vouchers")
    out = world.base / "answer.html"
    told = world.run("dsar", "90000001", *CALLED, "--out", str(out), "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (15, "not_vouched")
    assert not out.exists()


def test_a_receipt_is_none_of_the_others(world: World) -> None:
    world.take_in("a")
    receipt = Path(world.json("withdraw", "90000001", "--yes", who="siri")["receipt"])
    assert refused(receipt.read_bytes(), checker()) == ""
    assert receipts.verify(receipt.read_bytes()).document["count"] == 1
    with pytest.raises(Integrity):
        access_list.verify(receipt.read_bytes())
