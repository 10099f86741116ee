"""The one checker: of each kind that is given out, the genuine file is genuine, and no other file is."""

from __future__ import annotations

import ast
import io
import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.messages import group
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.strict_json import canonical, to_base64
from arlo_rec.policy import ERASED_BY, Role, may
from arlo_rec.vault.certificates import check, seal, verdict
from arlo_rec.vault.crypto import merkle
from tests.support.certificates import (
    CONTENTS,
    FORMS,
    LOG,
    OFFICER,
    ORIGIN,
    OTHER,
    SCRIPT,
    VKEYS,
    Told,
    as_a_stranger,
    code,
    document,
    entry,
    file,
    inside,
    note,
    reason,
    signed,
    voucher,
)

MARK, AFTER = check.ENDINGS["html"]


# -- genuine --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMS)
def test_a_stranger_sees_that_a_file_is_genuine(tmp_path: Path, name: str) -> None:
    given_out = tmp_path / f"named as one likes.{name}"
    given_out.write_bytes(file(name))
    for vkeys in ((), VKEYS[:1], VKEYS[1:], VKEYS):
        done = as_a_stranger(tmp_path, str(given_out), *vkeys)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert done.stdout.startswith("genuine: ")
        assert (VKEYS[1] in done.stdout, VKEYS[0] in done.stdout) == (VKEYS[1] not in vkeys, VKEYS[0] not in vkeys)
        assert reason(file(name), *vkeys) == code(file(name), *vkeys) == ""


def test_a_stranger_is_told_why_a_file_is_not_genuine(tmp_path: Path) -> None:
    raw, given_out = file("answer"), tmp_path / "answer.html"
    for changed, vkeys, status, said in (
        (raw.replace(b"letter", b"Letter"), (), 1, f"NOT genuine: {check.REASONS['content_changed']}\n"),
        (raw + b"\n", (), 1, f"NOT genuine: {check.REASONS['cut_off']}\n"),
        (raw, (merkle.vkey(ORIGIN, OTHER.public),), 1, f"NOT genuine: {check.REASONS['another_key']}\n"),
        (raw, ("a+b+c",), 2, "not checked: that is no verifier key\n"),
        (b"RIFF", (), 2, "not checked: none of the files that are checked here\n"),
    ):
        given_out.write_bytes(changed)
        done = as_a_stranger(tmp_path, str(given_out), *vkeys)
        assert (done.returncode, done.stdout, done.stderr) == (status, "", said)


def test_a_list_is_checked_beside_its_answer(tmp_path: Path) -> None:
    listed, other = file("list"), file("list", case="another")
    digest = check._content([listed])[0]
    for name, raw in (("answer", file("answer", accesses=digest)), ("listed", listed), ("other", other)):
        (tmp_path / name).write_bytes(raw)
    done = as_a_stranger(tmp_path, str(tmp_path / "answer"), str(tmp_path / "listed"), *VKEYS)
    assert (done.returncode, done.stdout.count("genuine: ")) == (0, 2), done
    done = as_a_stranger(tmp_path, str(tmp_path / "answer"), str(tmp_path / "other"))
    assert (done.returncode, done.stderr) == (1, f"NOT genuine: {check.REASONS['list_of_another']}\n")
    done = as_a_stranger(tmp_path, str(tmp_path / "listed"), str(tmp_path / "other"))
    assert (done.returncode, done.stderr) == (1, f"NOT genuine: {check.REASONS['list_of_another']}\n")


def test_a_file_is_checked_beside_a_page_that_names_the_keys_that_ended(tmp_path: Path) -> None:
    made_at = document("receipt")["erased_at"]
    receipt = tmp_path / "receipt"
    receipt.write_bytes(file("receipt"))
    for at, status in ((made_at, 0), ("2026-10-01T07:59:59.999999Z", 1)):
        told = {"log_keys": handed_over(), "ended": [{"vkey": VKEYS[0], "at": at}]}
        page = tmp_path / "page"
        page.write_bytes(file("page", told=signed(document("page", CONTENTS["page"], **told), OTHER)))
        done = as_a_stranger(tmp_path, str(receipt), str(page), VKEYS[1])
        assert (done.returncode, check.REASONS["key_ended"] in done.stderr) == (status, bool(status)), done
    later = signed(document("receipt", log_keys=handed_over()), OTHER)
    receipt.write_bytes(file("receipt", told=later))
    page.write_bytes(file("page"))
    assert as_a_stranger(tmp_path, str(receipt), str(page)).returncode == 0, "a page of before that key knows no better"
    receipt.write_bytes(file("receipt"))
    others = {"log_keys": [{**handed_over()[1], "statement": None}], "checkpoint": note(OFFICER, log=OTHER)}
    page.write_bytes(file("page", told=signed(document("page", CONTENTS["page"], **others), OTHER)))
    done = as_a_stranger(tmp_path, str(receipt), str(page))
    assert (done.returncode, done.stderr) == (1, f"NOT genuine: {check.REASONS['another_key']}\n"), done


def test_the_script_imports_nothing_of_the_program() -> None:
    imports = [
        node for node in ast.walk(ast.parse(SCRIPT.read_text("utf-8"))) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    named = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in named} - sys.stdlib_module_names == {"cryptography"}


def test_the_program_says_the_reasons_of_the_script_in_the_users_language() -> None:
    said = group("why")
    assert {each: said[each]["en"] for each in check.REASONS} == check.REASONS


def test_the_script_knows_who_may_erase_as_the_policy_says() -> None:
    by_policy = {event: {str(role) for role in Role if may(role, act).allowed} for event, act in ERASED_BY.items()}
    assert {event: set(roles) for event, (_, roles) in check.ERASURES.items()} == by_policy


# -- each reason ------------------------------------------------------------------------------------------------------


def put(name: str, **changes: Any) -> bytes:
    """A file whose certificate was changed after it was signed."""
    told = document(name, CONTENTS.get(name, b""))
    return file(name, told={**told, **changes})


def handed_over(by: Any = LOG) -> list[Told]:
    message = f"{ORIGIN}\nhands the log over to\n".encode() + OTHER.public
    first = {"vkey": VKEYS[0], "statement": None}
    return [first, {"vkey": merkle.vkey(ORIGIN, OTHER.public), "statement": to_base64(by.sign(message))}]


def listed(*entries: Told) -> bytes:
    return file("list", entries=list(entries), count=len(entries))


ONE = document("list")["entries"][0]
REASONS: list[tuple[str, str, Callable[[], bytes]]] = [  # the reason, the program's code, and a file that has it
    ("cut_off", "answer_cut_off", lambda: file("answer") + b"\n"),
    ("cut_off", "answer_cut_off", lambda: file("answer")[:-1]),
    ("cut_off", "answer_cut_off", lambda: CONTENTS["answer"]),
    ("cut_off", "page_cut_off", lambda: file("markdown") + b"x"),
    ("cut_off", "answer_cut_off", lambda: check.ZIP_BEGINS),
    ("cut_off", "answer_cut_off", lambda: check.ZIP_BEGINS + b"PK\5\6" + b"\xff" * 18),
    ("cut_off", "answer_cut_off", lambda: check.ZIP_BEGINS + check.archive_end(b"{}", 4, [])[:40]),
    ("two_certificates", "answer_invalid", lambda: file("answer", file("answer"))),
    ("two_certificates", "page_invalid", lambda: file("markdown", file("markdown"))),
    ("archive_rewritten", "answer_changed", lambda: file("archive") + b"\n"),
    ("archive_rewritten", "answer_changed", lambda: file("archive")[:-1]),
    ("longer_than_ours", "answer_invalid", lambda: CONTENTS["answer"] + MARK + b"{}" * 600_000 + AFTER),
    ("longer_than_ours", "certificate_invalid", lambda: b"{" + bytes(check.LONGEST)),
    ("not_canonical", "certificate_invalid", lambda: b'{"a":' * 100_000),
    ("not_canonical", "certificate_invalid", lambda: file("receipt")[:-1]),
    ("not_canonical", "certificate_invalid", lambda: file("receipt").replace(b'"count":1', b'"count":1,"count":1')),
    ("not_canonical", "certificate_invalid", lambda: file("receipt").replace(b'"count":1', b'"count":NaN')),
    ("not_canonical", "certificate_invalid", lambda: file("receipt").replace(b'"count":1', b'"count":1e999')),
    ("not_canonical", "certificate_invalid", lambda: b"{\xff}\n"),
    ("not_canonical", "accesses_invalid", lambda: b'{"case"' + b"[" * 100_000),
    ("not_canonical", "accesses_invalid", lambda: json.dumps(document("list"), indent=1, sort_keys=True).encode()),
    ("not_canonical", "answer_invalid", lambda: CONTENTS["answer"] + MARK + AFTER),
    ("not_canonical", "answer_invalid", lambda: CONTENTS["answer"] + MARK + b"[" * 90_000 + AFTER),
    ("not_of_its_form", "answer_invalid", lambda: check.ZIP_BEGINS + check.archive_end(b"{}", 4, [])),
    ("not_of_its_form", "certificate_invalid", lambda: file("receipt", rule="consent.withdraw")),
    ("not_of_its_form", "certificate_invalid", lambda: file("receipt", log_keys=[])),
    ("not_of_its_form", "certificate_invalid", lambda: file("receipt", checkpoint=note(OFFICER, OFFICER))),
    ("not_of_its_form", "answer_invalid", lambda: file("answer", told=document("list"))),
    ("counts_differ", "certificate_invalid", lambda: file("receipt", count=2)),
    ("counts_differ", "certificate_invalid", lambda: file("receipt", count=2, recordings=["00" * 16] * 2)),
    ("counts_differ", "accesses_invalid", lambda: file("list", count=2)),
    ("content_changed", "answer_changed", lambda: file("answer", told=document("answer", b"another"))),
    ("content_changed", "page_changed", lambda: file("markdown")[1:]),
    ("content_changed", "page_changed", lambda: file("page").replace(b"guidelines<", b"guideline<")),
    ("content_changed", "answer_changed", lambda: file("archive").replace(b"a.html", b"c.html")),
    ("of_another_form", "page_invalid", lambda: file("markdown", form="html")),
    ("log_key_of_another_log", "answer_invalid", lambda: file("answer", log_keys=[
        {"vkey": merkle.vkey("arlo-rec/" + "00" * 16, LOG.public), "statement": None}])),
    ("log_key_of_another_log", "answer_invalid", lambda: file("answer", log_keys=[
        {"vkey": f"{VKEYS[0][:-1]}_", "statement": None}])),
    ("log_key_unsigned", "page_invalid", lambda: file("page", log_keys=handed_over(OFFICER))),
    ("log_key_unsigned", "page_invalid", lambda: file("page", log_keys=handed_over()[1:])),
    ("log_key_unsigned", "page_invalid", lambda: file("page", log_keys=[handed_over()[0]] * 2)),
    ("checkpoint_of_another_log", "certificate_invalid", lambda: file("receipt", checkpoint=note(origin="arlo-rec/1"))),
    ("checkpoint_unsigned", "certificate_invalid", lambda: file("receipt", checkpoint=note(OFFICER, log=OTHER))),
    ("entry_not_in_log", "certificate_invalid", lambda: file("receipt", entry=entry(seq=4))),
    ("entry_not_in_log", "certificate_invalid", lambda: file("receipt", entry=entry(seq=6))),
    ("entry_not_in_log", "certificate_invalid", lambda: file("receipt", entry=entry(leaf=to_base64(bytes(32))))),
    ("entry_not_in_log", "certificate_invalid", lambda: file("receipt", entry=entry(path=[]))),
    ("entry_not_in_log", "certificate_invalid", lambda: file("receipt", entry=entry(path=entry()["path"][:-1]))),
    ("entry_not_in_log", "certificate_invalid", lambda: file("receipt", entry=entry(path=entry()["path"] * 2))),
    ("entry_not_in_log", "accesses_invalid", lambda: listed({**ONE, "leaf": to_base64(bytes(32))})),
    ("entry_not_last", "answer_invalid", lambda: file("answer", entry=first_entry())),
    ("entry_of_another", "answer_invalid", lambda: file("answer", checkpoint=note())),
    ("entry_of_another", "answer_invalid", lambda: file("answer", checkpoint=note(OTHER))),
    ("entries_out_of_order", "accesses_invalid", lambda: listed(ONE, ONE)),
    ("entries_out_of_order", "accesses_invalid", lambda: listed(ONE, {**ONE, **first_entry()})),
    ("recordings_differ", "accesses_invalid", lambda: listed({**ONE, "recordings": ["22" * 16]})),
    ("recordings_differ", "accesses_invalid", lambda: listed({**ONE, "recordings": []})),
    ("recordings_differ", "accesses_invalid", lambda: listed({**ONE, "what": "find_other"})),
    ("signer_unvouched", "answer_invalid", lambda: file("answer", signers=[voucher(OFFICER, Role.OFFICER, by=OTHER)])),
    ("signer_unvouched", "answer_invalid", lambda: file("answer", signers=[
        voucher(OFFICER, Role.OFFICER, by=OTHER), voucher(OFFICER, Role.OFFICER)])),
    ("signer_by_no_officer", "answer_invalid", lambda: file("answer", signers=[
        voucher(OFFICER, Role.OFFICER, by=OTHER), voucher(OTHER, Role.MANAGER, by=OTHER)])),
    ("signer_by_no_officer", "answer_invalid", lambda: file("answer", signers=[
        voucher(OFFICER, Role.OFFICER, by=OTHER), voucher(OTHER, Role.OFFICER, 1, by=OTHER)])),
    ("role_may_not", "answer_invalid", lambda: by_another(Role.SUPPORT)),
    ("role_may_not", "certificate_invalid", lambda: by_another(Role.AUDITOR, "receipt")),
    ("signer_too_late", "answer_invalid", lambda: by_another(Role.OFFICER, since=6)),
    ("signer_too_late", "accesses_invalid", lambda: by_another(Role.OFFICER, "list", since=7)),
    ("unsigned", "accesses_invalid", lambda: file("list", told=signed(document("list"), LOG, OTHER))),
    ("erasure_unsigned", "certificate_invalid", lambda: file("receipt", told=signed(document("receipt"), LOG, OTHER))),
    ("unsigned_by_log", "certificate_invalid", lambda: file("receipt", told=signed(document("receipt"), OTHER))),
    ("unsigned_by_log", "accesses_invalid", lambda: file("list", told=signed(document("list"), OTHER))),
    ("unsigned_by_log", "accesses_invalid", lambda: file("list", log_keys=handed_over())),
]  # fmt: skip


def first_entry() -> Told:
    """The first entry, in the log of six."""
    return seal.entry_to_json(0, bytes(32), merkle.paths_in([bytes([at]) * 32 for at in range(6)], 6, [0])[0])


def by_another(role: Role, name: str = "answer", since: int = 0) -> bytes:
    """A file that somebody of that role signed, for whom the officer vouches from that size on."""
    signers = [voucher(OTHER, role, since), voucher(OFFICER, Role.OFFICER)]
    told = document(name, CONTENTS.get(name, b""), signers=signers, checkpoint=note(OTHER))
    return file(name, told=signed(told, LOG, OTHER))


@pytest.mark.parametrize(("why", "error", "made"), REASONS, ids=range(len(REASONS)))
def test_each_failure_has_its_reason_and_the_code_of_its_kind(why: str, error: str, made: Callable[[], bytes]) -> None:
    raw = made()
    assert (reason(raw), code(raw)) == (why, error)


def test_every_reason_is_reached() -> None:
    of_keys = {"another_key", "key_ended", "list_of_another"}
    assert {why for why, _, _ in REASONS} | of_keys == set(check.REASONS)
    assert code(file("page"), merkle.vkey(ORIGIN, OTHER.public)) == "certificate_of_another_log"
    with pytest.raises(Integrity) as problem:
        answer = check.check(io.BytesIO(file("answer")))
        verdict.verify(io.BytesIO(file("list")), inside=answer)
    assert problem.value.code == "accesses_of_another"


def test_what_is_of_no_kind_and_what_is_no_key_is_a_wrong_use() -> None:
    for raw in (b"", b"RIFF", b"<!doctype html>\n<title>something</title>", b"# Heading\n\nno page of ours\n"):
        assert (reason(raw), code(raw)) == ("unknown", "not_a_certificate")
    for vkey in (
        "",
        "a",
        "a+b+c",
        VKEYS[0] + "=",
        VKEYS[0].replace("+", " "),
        VKEYS[0].upper(),
        "é+00000000+" + "A" * 44,
    ):
        assert code(file("page"), vkey) == "bad_vkey"
    assert code(file("page"), f" {VKEYS[0]}\n") == ""


def test_the_log_goes_on_with_the_key_that_it_was_handed_over_to() -> None:
    told = signed(document("receipt", log_keys=handed_over()), OTHER)
    vkeys = [each["vkey"] for each in told["log_keys"]]
    assert reason(file("receipt", told=told), *vkeys, VKEYS[1]) == ""


def test_the_certificate_of_another_page_or_a_second_one_is_none_of_this_one() -> None:
    one, two = file("answer"), file("answer", CONTENTS["answer"] + b"<p>more")
    before, _, _ = inside(one)
    _, told, end = inside(two)
    assert reason(before + canonical(told) + end) == "content_changed"
    assert reason(one + two[two.rindex(MARK) :]) == "two_certificates"


# -- changed anywhere -------------------------------------------------------------------------------------------------


def mutations(raw: bytes, chance: random.Random, *, every: int) -> Iterator[bytes]:
    """Changed files: a bit, something left out, something twice, near each place; what is added or cut off."""
    for begin in range(0, len(raw), every):
        at = min(begin + chance.randrange(every), len(raw) - 1)
        yield raw[:at] + bytes([raw[at] ^ (1 << chance.randrange(8))]) + raw[at + 1 :]
        yield raw[:at] + raw[at + chance.randint(1, 40) :]
        yield raw[:at] + raw[at : at + chance.randint(1, 40)] + raw[at:]
        yield raw[:at] + chance.choice([b" ", b"\n", b"\t"]) + raw[at:]
        yield raw[:at]
    yield from (raw + b"\n", raw + b"<p>", raw + raw, raw[:-1], b" " + raw, b"\xef\xbb\xbf" + raw, raw + raw[-200:])
    yield raw.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("name", FORMS)
def test_a_file_that_was_changed_anywhere_is_not_genuine(name: str, seed: int, whole: bool) -> None:
    raw = file(name)
    assert reason(raw) == ""
    changed = [each for each in mutations(raw, random.Random(seed), every=1 if whole else 4) if each != raw]
    assert not [each for each in changed if not reason(each)]


def put_at(told: Any, way: tuple[Any, ...], value: Any) -> Any:
    """A document with another value at one place; the key is left out where that is `...`."""
    if not way:
        return value
    changed = told.copy()
    if value is ... and len(way) == 1:
        del changed[way[0]]
    else:
        changed[way[0]] = put_at(told[way[0]], way[1:], value)
    return changed


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a document."""
    if way:
        yield way
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*way, key))


WRONG = (None, 5, -1, 1.0, True, [], {}, "", "é\u202e", "\x1b[2J", "0" * 64, [{}], [1], 2**63, ...)
FREE = {  # what may say something else in one of these forms
    *("days", "2026-07-03", "ring_until", "feed", "accesses", "case", "recordings", "copies", "role", "day", "access"),
    *("words", "find", "nb", "en", "ended"),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_value_has_one_form_whoever_signs(name: str) -> None:
    """Signed anew, so that nothing but the form stands in the way; what keeps a good form may be genuine."""
    told = document(name, CONTENTS.get(name, b""))
    taken = []
    for way in places(told):
        for value in WRONG:
            try:
                changed = signed(put_at(told, way, value))
            except (AttributeError, KeyError, TypeError, ValueError):
                continue
            if changed != told and not reason(file(name, told=changed)):
                taken.append((way, value))
    assert {way[-1] if isinstance(way[-1], str) else way[-2] for way, _ in taken} <= FREE
    shown = [value for way, value in taken if isinstance(value, str) and way[0] != "words"]
    assert all(value.isascii() and value.isprintable() for value in shown), "words are shown by no checker"


def respelled(text: str) -> Iterator[str]:
    """The same base64 in other spellings: bits that no byte uses, the other alphabet, other ends."""
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = text.rstrip("=")
    unused = {2: 4, 1: 2}.get(len(text) - len(body), 0)
    last = signs.index(body[-1])
    yield from (body[:-1] + signs[last | bits] + text[len(body) :] for bits in range(1, 1 << unused))
    yield from ({body} - {text})
    yield from (text + "=", text + "\n", " " + text, text.replace("+", "-").replace("/", "_") + "\t")


SIGNATURES = ("signature", "log_signature", "erased_by")


def re_encodings(told: Told) -> Iterator[Told]:
    """Documents that say the same in another way."""
    for way in places(told):
        value = told
        for key in way:
            value = value[key]
        if way[-1] in {"leaf", "key", "statement", *SIGNATURES} and value:
            yield from (put_at(told, way, each) for each in respelled(str(value)))
        elif way[-1] == "vkey":
            name, key_id, encoded = str(value).split("+", 2)
            yield from (put_at(told, way, f"{name}+{key_id}+{each}") for each in respelled(encoded))
        elif way[-1] in {"store", "sha256", "recording"}:
            yield from (put_at(told, way, each) for each in (str(value).upper(), f" {value}", f"{value}\n"))
        elif way[-1] in {"erased_at", "made_at", "published_at"}:
            at = str(value)
            others = (
                at.replace("Z", "+00:00"),
                at.replace("T", " "),
                at.lower(),
                at + " ",
                at.replace("Z", ".000000Z"),
            )
            yield from (put_at(told, way, each) for each in (*others, at.replace("-10-", "-13-"), "0001" + at[4:]))
    text, root = told["checkpoint"], told["checkpoint"].split("\n")[2]
    for spelled in (text + "\n", text.rstrip("\n"), text.replace("\n", "\r\n"), text.replace("\u2014", "-")):
        yield {**told, "checkpoint": spelled}
    yield from ({**told, "checkpoint": text.replace(root, spelled)} for spelled in respelled(root))
    yield {**told, "checkpoint": text + text.rstrip("\n").rpartition("\n")[2] + "\n"}
    yield {**told, "checkpoint": text.replace("\n6\n", "\n06\n")}


@pytest.mark.parametrize("name", FORMS)
def test_no_document_can_be_written_in_another_way_whoever_signs(name: str) -> None:
    told = document(name, CONTENTS.get(name, b""))
    tried = [each for each in re_encodings(told) if each != told]
    assert len(tried) > 40
    anew = [signed(each) for each in tried if all(each.get(key) == told.get(key) for key in SIGNATURES)]
    assert not [each for each in (*tried, *anew) if not reason(file(name, told=each))]


# -- archives --------------------------------------------------------------------------------------------------------


def test_an_archive_opens_with_every_program_and_holds_its_certificate_last(tmp_path: Path) -> None:
    raw = file("archive")
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.html", "b.html", "certificate.json"]
        assert archive.read("b.html") == b"x" * 40
        assert json.loads(archive.read("certificate.json"))["kind"] == check.ANSWER
    (tmp_path / "answer.zip").write_bytes(raw)
    if program := shutil.which("unzip"):
        assert subprocess.run([program, "-tqq", tmp_path / "answer.zip"], check=False).returncode == 0


def test_nobody_puts_another_member_into_an_archive_or_renames_one() -> None:
    raw = file("archive")
    with_more = io.BytesIO(raw)
    with zipfile.ZipFile(with_more, "a") as archive:
        archive.writestr("more.html", b"more")
    at = raw.rindex(b"a.html")  # in the directory, which is what programs read
    assert reason(with_more.getvalue()) == "archive_rewritten"
    assert reason(raw[:at] + b"A.html" + raw[at + 6 :]) == "content_changed"


def test_an_archive_beyond_four_gigabytes_is_ended_and_read_by_zip64() -> None:
    offset, records = (
        2**32 + 5,
        [check.zip_record("a.html", 0x8, 0, 3, 0), check.zip_record("b.html", 0x8, 0, 3, 2**32)],
    )
    end = check.archive_end(b"{}", offset, records)
    assert check.archive_parts(end, offset + len(end)) == (b"{}", offset, records)
    with zipfile.ZipFile(_Behind(end, offset)) as archive:  # type: ignore[arg-type]
        assert [(each.filename, each.header_offset) for each in archive.filelist] == [
            *(("a.html", 0), ("b.html", 2**32), ("certificate.json", offset)),
        ]


class _Behind(io.BytesIO):
    """Bytes that lie behind so many others."""

    def __init__(self, raw: bytes, before: int) -> None:
        super().__init__(raw)
        self._before = before

    def seek(self, to: int, whence: int = 0) -> int:
        return super().seek(to - (self._before if whence == 0 else 0), whence) + self._before

    def tell(self) -> int:
        return super().tell() + self._before


# -- paths ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70), st.randoms(use_true_random=False))
def test_the_path_of_a_leaf_leads_to_the_root(leaves: list[bytes], chance: random.Random) -> None:
    size, at = len(leaves), chance.randrange(len(leaves))
    root = merkle.roots_at(leaves, [size])[size]
    told = seal.entry_to_json(at, leaves[at], merkle.paths_in(leaves, size, [at])[at])
    assert check.root_of(told, size) == root
    assert check.root_of({**told, "leaf": to_base64(bytes(32))}, size) != root or leaves[at] == bytes(32)
    assert check.root_of({**told, "path": [*told["path"], to_base64(bytes(32))]}, size) is None
    assert check.root_of({**told, "seq": size}, size) is None
