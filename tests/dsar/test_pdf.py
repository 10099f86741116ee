"""The letter as PDF: the HTML letter's sentences, tagged and in its language, set without any file or network."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.dsar import pdf
from arlo_rec.dsar.answer import Answer
from arlo_rec.dsar.enclosures import enclosures
from arlo_rec.i18n.messages import LANGUAGES
from arlo_rec.model.errors import Usage
from tests.support.answers import ANSWER, HOSTILE, NOTHING, OWN, files_of, letter_of, opened
from tests.support.places import TOP
from tests.support.world import World

pytestmark = pytest.mark.slow

pytest.importorskip("typst")


def made(answer: Answer, lang: str = "nb") -> bytes:
    return next(file.body for file in enclosures(answer, files_of(answer), lang) if file.name == pdf.NAME)


def told_by(tool: str, body: bytes, folder: Path, *words: str) -> str:
    """What a program of Poppler says of a PDF."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is missing: sudo apt-get install poppler-utils")
    (folder / "letter.pdf").write_bytes(body)
    command = [tool, *words, "letter.pdf", *(["-"] if tool == "pdftotext" else [])]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def texts(blocks: Any) -> list[str]:
    """Every text of some blocks, in order."""
    if isinstance(blocks, dict):
        return [str(blocks["text"])] if "text" in blocks else texts(list(blocks.values()))
    return [text for part in blocks for text in texts(part)] if isinstance(blocks, list) else []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("answer", [ANSWER, NOTHING, HOSTILE])
def test_the_pdf_says_all_that_the_letter_says(answer: Answer, lang: str) -> None:
    letter = letter_of(answer, lang)
    shown = re.sub(r'<(nav|svg)\b.*?</\1>|<span class="verb">.*?</span>', " ", letter, flags=re.S)
    for sign in ('<q dir="auto">', "</q>"):
        shown = shown.replace(sign, "«" if "dir" in sign else "»")
    words = html.unescape(re.sub(r"<[^>]*>", " ", shown)).split()
    assert "".join(texts(pdf.blocks_of(letter))).replace(" ", "").replace("\xa0", "") == "".join(words)


def test_the_pdf_is_tagged_and_has_its_language_title_and_all_of_its_fonts(tmp_path: Path) -> None:
    body = made(ANSWER, "en")
    info = told_by("pdfinfo", body, tmp_path)
    assert re.search(r"^Title: +Answer to a request for access$", info, re.M)
    assert re.search(r"^Tagged: +yes$", info, re.M)
    tree = told_by("pdfinfo", body, tmp_path, "-struct")
    for tag in ("H1", "H2", "H3", "H4", "P", "L", "LI", "Table", "TH", "TD", "BlockQuote"):
        assert re.search(rf"^ *{tag}\b", tree, re.M), tag
    fonts = told_by("pdffonts", body, tmp_path).splitlines()[2:]
    assert fonts and all(re.search(r" yes yes yes ", line) for line in fonts)


def test_every_page_names_the_case_and_its_number(tmp_path: Path) -> None:
    *pages, _ = told_by("pdftotext", made(ANSWER), tmp_path, "-layout").split("\f")
    for number, page in enumerate(pages, 1):
        assert f"Sak {ANSWER.case.id}" in page
        assert re.search(rf"\b{number} ?/ ?{len(pages)}\b", page)


def test_a_quotation_keeps_its_language() -> None:
    (quote, *_) = [block for block in pdf.blocks_of(letter_of(ANSWER, "en")) if block["kind"] == "quote"]
    assert quote["lang"] == "nb"
    assert b"/Lang" in made(ANSWER, "en")


def test_what_people_wrote_is_set_and_never_read_as_markup(tmp_path: Path) -> None:
    wrote = '#read("/etc/hostname") *bold* $x$ @preview/x:1.0.0 <label> \\ ] #import "@preview/cetz:0.3.0"'
    body = made(replace(ANSWER, recordings=(replace(OWN, identifiers=(wrote,)),)))
    shown = " ".join(told_by("pdftotext", body, tmp_path).split())
    assert wrote.replace(" ", "") in shown.replace(" ", "")


@pytest.mark.parametrize(
    ("name", "shown"), [("山田 Kari", "[U+5C71][U+7530] Kari"), ("😀", "[U+1F600]"), ("Łukasz Ж", "Łukasz Ж")]
)
def test_a_sign_that_no_font_has_is_written_as_its_code_point(tmp_path: Path, name: str, shown: str) -> None:
    body = made(replace(ANSWER, recordings=(replace(OWN, identifiers=(name,)),)))
    assert shown in told_by("pdftotext", body, tmp_path)


@pytest.mark.slow
def test_a_name_of_very_many_such_signs_takes_few_runs() -> None:
    name = "".join(map(chr, range(0x4E00, 0x4E00 + 3 * pdf.MOST_SIGNS)))
    assert made(replace(ANSWER, recordings=(replace(OWN, identifiers=(name,)),))).startswith(b"%PDF")


def test_the_same_answer_makes_the_same_pdf() -> None:
    assert made(ANSWER) == made(ANSWER)


def test_without_typst_a_pdf_is_refused_with_the_next_step_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    assert len(enclosures(ANSWER, files_of(ANSWER))) == 5
    with pytest.raises(Usage) as refused:
        made(ANSWER)
    assert refused.value.code == "pdf_not_installed"


@pytest.mark.slow
def test_dsar_encloses_a_pdf_where_it_is_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take_in("a")
    out = world.base / "answer.html"
    command = ("dsar", "90000001", "--identity", "login", "--pdf", "--lang", "en", "--out", str(out))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "typst", None)
        refused = world.run(*command, who="sigrid")
    assert refused.exit == 2
    assert "arlo-rec[pdf]" in refused.err
    entries = world.json("audit", "show", "--limit", "1000", who="iver")["entries"]
    assert "dsar" not in {one["action"] for one in entries}
    told = world.json(*command, who="sigrid")
    bodies = opened(out.read_bytes(), told["passphrase"].encode())["bodies"]
    assert bodies[pdf.NAME].startswith(b"%PDF")


ALONE = """
import os, sys
from datetime import UTC, datetime
from arlo_rec.dsar import pdf
pdf.demand()
mark = lambda name: os.path.exists(name)
mark("/before-the-letter")
pdf.letter_pdf(sys.argv[1], "nb", title="x", author="y", running="z", at=datetime(2026, 1, 1, tzinfo=UTC))
mark("/after-the-letter")
"""
MACHINE = ("/proc/self/", "/sys/fs/cgroup/", "/etc/localtime", "/usr/share/zoneinfo/")  # cores, and the zone


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_typst_opens_its_template_and_nothing_else_whatever_the_letter_says(tmp_path: Path) -> None:
    letter = '<h1>#read("/etc/hostname")</h1><p>#import "@preview/cetz:0.3.0"</p><p>#include "/etc/passwd"</p>'
    trace = tmp_path / "trace"
    calls = "trace=open,openat,openat2,socket,connect,execve,access,stat,newfstatat"
    strace = ["strace", "-f", "-qq", "-e", calls, "-o", str(trace)]
    subprocess.run([*strace, sys.executable, "-c", ALONE, letter], check=True, cwd=TOP)
    _, lines = trace.read_text().split("/before-the-letter", 1)
    between, _ = lines.split("/after-the-letter", 1)
    assert not re.search(r"\b(socket|connect|execve)\(", between)
    opened = set(re.findall(r'\bopen\w*\((?:AT_FDCWD, )?"(.*?)"', between))
    assert {path for path in opened if not path.startswith(MACHINE)} == {str(pdf.TEMPLATE)}
