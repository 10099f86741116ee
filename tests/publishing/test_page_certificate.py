"""Whoever has a published page can check that it is ours and unchanged, wherever it may have been changed."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from arlo_rec.dsar import certificate
from arlo_rec.model.errors import Integrity, Usage
from arlo_rec.model.strict_json import canonical
from arlo_rec.publishing import page_certificate, page_check
from tests.support.checker import checker
from tests.support.pages import publish
from tests.support.world import World, copy

pytestmark = pytest.mark.slow
FORMS = ("html", "md")


@pytest.fixture(scope="module")
def pages(template: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of a store of its own."""
    return publish(copy(template, tmp_path_factory.mktemp("published")))


def refused(raw: bytes, script: ModuleType, *vkeys: str) -> str:
    """The code by which the program refuses a file, which the script refuses too; empty where both take it."""
    code = ""
    try:
        page_check.verify(io.BytesIO(raw), vkeys)
    except (Integrity, Usage) as problem:
        code = problem.code
    try:
        script.check_file(io.BytesIO(raw), *vkeys)
    except (script.Forged, script.Unknown):
        assert code, "the script refuses what the program takes"
        return code
    assert not code, "the script takes what the program refuses"
    return ""


def test_a_stranger_sees_that_a_page_is_ours_and_unchanged(world: World) -> None:
    folder = publish(world)
    keys = json.loads((world.base / "init.json").read_text())
    vkeys = [keys["vkey"], keys["officer_vkey"]]
    for form in FORMS:
        file = folder / f"notice-customers.nb.{form}"
        told = world.json("certificate", "verify", str(file), "--vkey", vkeys[0], "--vkey", vkeys[1])
        assert (told["valid"], told["kind"], told["form"]) == (True, "arlo-rec published page", form)
        assert (told["page"], told["lang"], told["version"]) == ("notice-customers", "nb", "2026-01")
        assert (told["vkey_checked"], told["officer_checked"]) == (True, True)
        assert told["published_at"].endswith("Z")
        said = world.run("certificate", "verify", str(file), "--vkey", vkeys[1])
        assert "The page notice-customers (nb) of version 2026-01 of the guidelines is genuine" in said.out
        assert vkeys[1] in said.out
        done = subprocess.run(
            [sys.executable, "-I", checker().__file__, file, *vkeys], capture_output=True, text=True, check=False
        )
        assert (done.returncode, "the page notice-customers (nb)" in done.stdout) == (0, True), done
    other = world.base / "other"
    words = ("init", "--officer", "o", "--passphrase-file", str(world.base / "passphrase"), "--store", str(other))
    assert world.run("certificate", "verify", str(file), "--vkey", world.json(*words)["officer_vkey"]).exit == 15


def mutations(raw: bytes, seed: int) -> Iterator[bytes]:
    """A change in every region of a file: head, text, foot, the mark, each key of the certificate, and the end."""
    chance = random.Random(seed)
    for begin in range(0, len(raw), max(1, len(raw) // 120)):
        at = min(begin + chance.randrange(80), len(raw) - 1)
        yield raw[:at] + bytes([raw[at] ^ (1 << chance.randrange(8))]) + raw[at + 1 :]
        yield raw[:at] + raw[at + chance.randint(1, 40) :]
        yield raw[:at] + raw[at : at + chance.randint(1, 40)] + raw[at:]
    for at in (0, 1, 9, len(raw) - 1):
        yield raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
    yield from (raw + b"\n", raw + b"<p>", raw + raw, raw[:-1], b" " + raw, b"\xef\xbb\xbf" + raw)
    yield raw.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("form", FORMS)
def test_a_page_that_was_changed_anywhere_is_told(pages: Path, seed: int, form: str) -> None:
    raw, script = (pages / f"guidelines.nb.{form}").read_bytes(), checker()
    assert refused(raw, script) == ""
    codes = {refused(changed, script) for changed in mutations(raw, seed) if changed != raw}
    assert codes <= {"page_changed", "page_invalid", "page_cut_off"}
    assert "page_changed" in codes


@pytest.mark.parametrize("form", FORMS)
def test_a_changed_page_ends_with_15(world: World, pages: Path, form: str) -> None:
    raw = (pages / f"guidelines.nb.{form}").read_bytes()
    file = world.base / "changed"
    for changed in (raw.replace(b" opptak ", b" opprop "), raw[: len(raw) // 2], raw[1:], raw + b"x"):
        file.write_bytes(changed)
        told = world.run("certificate", "verify", str(file), "--json")
        assert (told.exit, told.json["error"]["code"][:5]) == (15, "page_")


def test_the_certificate_of_another_page_or_form_is_none_of_this_one(pages: Path) -> None:
    script = checker()
    ends = {form: page_certificate.ENDINGS[form] for form in FORMS}
    for form in FORMS:
        one, two = ((pages / f"{name}.nb.{form}").read_bytes() for name in ("guidelines", "withdraw"))
        mark = ends[form].mark
        assert refused(one[: one.rindex(mark)] + two[two.rindex(mark) :], script) == "page_changed"
        assert refused(one + two[two.rindex(mark) :], script) == "page_invalid", "two certificates"
    page, markdown = ((pages / f"guidelines.nb.{form}").read_bytes() for form in FORMS)
    moved = markdown[: markdown.rindex(ends["md"].mark)] + certificate.MARK
    raw = page[page.rindex(certificate.MARK) + len(certificate.MARK) :]
    assert refused(moved + raw, script)


@pytest.mark.parametrize("key", ["page", "lang", "form", "published_at", "policy", "store", "bytes", "kind", "signers"])
@pytest.mark.parametrize("value", [None, 5, -1, True, [], {}, "", "é\u202e", "nb", "0" * 64, "MISSING"], ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_a_certificate_of_any_other_form_is_refused(pages: Path, form: str, key: str, value: Any) -> None:
    raw, ending = (pages / f"withdraw.en.{form}").read_bytes(), page_certificate.ENDINGS[form]
    at = raw.rindex(ending.mark)
    told = json.loads(raw[at + len(ending.mark) : -len(ending.after)])
    changed = {**told, key: value}
    if value == "MISSING":
        del changed[key]
    if changed != told:
        assert refused(raw[:at] + ending.mark + canonical(changed) + ending.after, checker())


def test_an_answer_or_a_receipt_is_no_page_and_a_page_is_none_of_them(world: World, pages: Path) -> None:
    world.take_in("a")
    receipt = Path(world.json("withdraw", "90000001", "--yes", who="siri")["receipt"])
    assert page_check.form_of(io.BytesIO(receipt.read_bytes())) is None
    assert refused(receipt.read_bytes(), checker()) == ""
    page = pages / "guidelines.nb.html"
    for option in ("--page", "--accesses"):
        assert world.run("certificate", "verify", str(page), option, str(world.base / "more")).exit == 2
    assert refused(b"# Heading\n\nno page of ours\n", checker()) == "not_a_certificate"


def test_only_the_names_of_officers_are_in_a_certificate_that_a_page_has(pages: Path) -> None:
    for form in FORMS:
        raw = (pages / f"guidelines.nb.{form}").read_bytes()
        clear = raw[raw.rindex(page_certificate.ENDINGS[form].mark) :]
        for private in (b"sigrid", b"leif", b"telefon", b"Oppdiktet"):
            assert private not in clear


def test_a_page_without_its_end_is_not_signed() -> None:
    with pytest.raises(ValueError, match="end"):
        page_certificate.digest(b"<!doctype html>", "html")
