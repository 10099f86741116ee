"""Tables: in any width of a terminal a row is whole or says what it lacks; CSV is complete and calculates nothing."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from rich.cells import cell_len

from arlo_rec.edge.commands import COMMANDS
from arlo_rec.edge.tables import Table, csv_text, shown, table_text
from tests.support.copies import SAID
from tests.support.places import TOP
from tests.support.world import REASON, World

HEADINGS = ("Id", "Startet (Oslo)", "Lengde", "Team", "Kundebehandler", "Slettes")
ROW = ("0123ab", "2026-10-01 10:15", "12:05", "kundeservice", "Ola Oppdiktet", "2026-12-30")
LONG = (
    "0123ab",
    "2026-10-01 10:15",
    "12:05",
    "teknisk kundestøtte Nord-Norge",
    "Prøve Prøvesen-Oppdiktet",
    "2026-12-30",
)
FLEXIBLE = frozenset({3, 4})


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """stdout is a terminal; its width is that of COLUMNS."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    return monkeypatch


def lines(table: Table) -> list[str]:
    return table_text(table).splitlines()


def test_in_eighty_columns_a_recording_has_one_line_with_everything(terminal: pytest.MonkeyPatch) -> None:
    terminal.setenv("COLUMNS", "80")
    head, row = lines(Table(HEADINGS, [ROW], FLEXIBLE))
    assert all(cell in row for cell in ROW)
    assert all(heading in head for heading in HEADINGS)
    assert len(row) <= 80


def test_in_eighty_columns_long_names_lose_their_ends_and_the_line_stays_one(terminal: pytest.MonkeyPatch) -> None:
    terminal.setenv("COLUMNS", "80")
    (_, row) = lines(Table(HEADINGS, [LONG], FLEXIBLE))
    assert cell_len(row) <= 80
    assert "teknisk ku" in row
    assert "…" in row
    assert all(cell in row for at, cell in enumerate(LONG) if at not in FLEXIBLE)


def test_in_sixty_columns_names_stand_whole_below_the_rest(terminal: pytest.MonkeyPatch) -> None:
    terminal.setenv("COLUMNS", "60")
    head, names, row, below = lines(Table(HEADINGS, [LONG], FLEXIBLE))
    assert "Team" in names
    assert "Startet" in head
    assert all(cell in row + below for cell in LONG)
    assert max(map(cell_len, (head, names, row, below))) <= 60


def test_a_sentence_is_moved_and_never_shortened(terminal: pytest.MonkeyPatch) -> None:
    terminal.setenv("COLUMNS", "60")
    why = "a sentence that is longer than the sixty columns that this terminal has"
    table = Table(("Source", "Code", "Why"), [("spool/call-1.json", "no_consent", why)], frozenset({2}), is_whole=True)
    assert lines(table) == ["Source             Code", "  Why", "spool/call-1.json  no_consent", f"  {why}"]


@pytest.mark.parametrize("columns", [20, 30])
def test_where_not_even_that_fits_a_row_is_a_block_of_lines(terminal: pytest.MonkeyPatch, columns: int) -> None:
    terminal.setenv("COLUMNS", str(columns))
    text = lines(Table(HEADINGS, [ROW], FLEXIBLE))
    assert len(text) == len(ROW)
    assert all(line.endswith(cell) for line, cell in zip(text, ROW, strict=True))


def test_a_file_gets_whole_rows_however_wide_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    (_, row) = lines(Table(HEADINGS, [LONG], FLEXIBLE))
    assert all(cell in row for cell in LONG)


@given(st.lists(st.tuples(*[st.text(max_size=40)] * 4), min_size=1, max_size=5), st.integers(1, 200))
def test_no_line_of_a_table_is_wider_than_the_terminal_unless_a_row_is_a_block(
    rows: list[tuple[str, ...]], columns: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout.isatty", lambda: True, raising=False)
        patch.setenv("COLUMNS", str(columns))
        patch.setenv("NO_COLOR", "1")
        text = table_text(Table(("a", "b", "c", "d"), rows, frozenset({1, 3})))
    is_block = text.count("\n") == 5 * len(rows) - 1  # four lines a row, and an empty one between
    assert is_block or max(map(cell_len, text.splitlines())) <= columns
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)


# -- CSV ----------------------------------------------------------------------------------------------


FORMULAS = ("=", "+", "-", "@", "\t=", "＝", "a; =", "a;-", '"=', 'a;" =')


@given(st.one_of(st.text(), st.sampled_from(FORMULAS).flatmap(lambda sign: st.text().map(lambda text: sign + text))))
def test_no_text_of_csv_begins_as_a_formula_and_none_is_lost(text: str) -> None:
    table = Table(("x",), [], listed=[{"x": text}], fields=("x",))
    heading, (cell,) = csv.reader(io.StringIO(csv_text(table), newline=""))
    assert heading == ["x"]
    assert not any(part.lstrip(' "').startswith(("=", "+", "-", "@", "＝")) for part in cell.split(";"))
    assert not re.search(r"[\x00-\x1f\x7f]", cell)
    plain = "".join(sign for sign in text if sign.isascii() and sign.isalnum())
    assert plain in "".join(sign for sign in cell if sign.isascii() and sign.isalnum()) or not text.isprintable()


def test_numbers_stay_numbers_and_lists_are_one_cell() -> None:
    listed: list[dict[str, Any]] = [{"left": -3, "share": 0.5, "own": True, "by": None, "teams": ["a", "b"]}]
    listed[0] |= {"agents": ("c", "d"), "none": (), "detail": {"to": "leif"}}
    table = Table((), [], listed=listed, fields=tuple(listed[0]))
    assert csv_text(table).splitlines()[1] == '-3,0.5,true,,a; b,c; d,,"{""to"": ""leif""}"'


LISTS = sorted(words for words, listed in COMMANDS.items() if listed.lists)
ASKED = {  # how each is called, and the key of its JSON
    "person list": (("person", "list"), "persons", "sigrid"),
    "person notify": (("person", "notify"), "notices", "iver"),
    "person objection": (("person", "objection"), "objections", "iver"),
    "grants": (("grants",), "grants", "sigrid"),
    "case list": (("case", "list"), "cases", "sigrid"),
    "hold list": (("hold", "list"), "holds", "sigrid"),
    "consent stats": (("consent", "stats"), "weeks", "sigrid"),
    "recipients list": (("recipients", "list"), "recipients", "sigrid"),
    "find": (("find", "--purpose", "quality", "--reason", REASON), "recordings", "leif"),
    "find --teams": (("find", "--teams", "--purpose", "quality", "--reason", REASON), "teams", "leif"),
    "review": (("review",), "copies", "leif"),
    "map list": (("map", "list"), "maps", "telefon"),
    "request": (("request",), "requests", "leif"),
    "policy log": (("policy", "log"), "versions", "leif"),
    "audit report": (("audit", "report"), "people", "iver"),
    "audit show": (("audit", "show", "--to", "2100-01-01"), "entries", "iver"),
}


@pytest.fixture
def full(world: World) -> World:
    """A world in which every list has a row."""
    world.grant()
    first, second, _ = world.take_in("one", "two", "three")
    world.run("export", first, "--purpose", "quality", "--reason", REASON, "--out", str(world.base / "a"), who="leif")
    cuts = world.base / "cuts.json"
    cuts.write_text(json.dumps([{"start": 0.1, "end": 0.2, "type": "name"}]), "utf-8")
    assert world.run("pseudonymise", *SAID, second, "--cuts", str(cuts), who="leif").exit == 0
    assert world.run("case", "open", "90000001", "--identity", "called-back", who="sigrid").exit == 0
    end = ("--ground", "18c", "--until", "30d", "--reason", "the person needs the call")
    assert world.run("hold", "set", "pbx.three", *end, who="sigrid").exit == 0
    world.json("request", "--purpose", "training", "--reason", REASON, who="leif")
    world.json("person", "notify", "Kari Prøvesen", who="sigrid")
    world.json(
        "person", "objection", "Kari Prøvesen", "--uphold", "--scope", "training", "--reason", REASON, who="sigrid"
    )
    return world


def test_csv_has_the_rows_and_keys_of_json(full: World) -> None:
    assert sorted({*ASKED} - {"find --teams"}) == LISTS
    for words, key, who in ASKED.values():
        document: Any = full.json(*words, who=who)[key]
        result = full.run(*words, "--csv", who=who)
        assert result.exit == 0, result.err
        heading, *rows = csv.reader(io.StringIO(result.out, newline=""))
        extra = 1 if key == "entries" else 0  # this query is one more
        assert len(rows) == len(document) + extra > 0
        assert set(heading) >= {name for row in document for name in row}, words
        assert "arlo-rec:" not in result.err


def test_csv_and_json_are_not_asked_for_at_once_and_csv_not_of_what_lists_nothing(world: World) -> None:
    assert world.run("grants", "--csv", "--json", who="sigrid").json["error"]["code"] == "json_or_csv"
    assert world.run("status", "--csv", who="sigrid").exit == 2


# -- the pager ----------------------------------------------------------------------------------------


SHOW = """
import sys
from arlo_rec.edge.door.client import show_in_pager
from arlo_rec.edge.terminal import Answer, Form, show
from arlo_rec.edge.tables import Table
rows = [[str(number)] for number in range(int(sys.argv[1]))]
sys.exit(show(Answer({}, ["the end"], Table(["No"], rows)), "en", Form.WORDS, quiet=False, pager=show_in_pager))
"""


def on_terminal(rows: int, **environment: str) -> str:
    """What a table of so many rows writes to a terminal of 24 lines."""
    ours, theirs = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if key not in {"PAGER", "LESS", "TERM", "LINES"}}
    process = subprocess.Popen(
        [sys.executable, "-c", SHOW, str(rows)],
        stdout=theirs,
        cwd=TOP,
        env={**kept, "TERM": "xterm", "LINES": "24", **environment},
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end was closed
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    assert process.wait() == 0
    return written.decode()


@pytest.fixture
def pager(tmp_path: Path) -> str:
    """A pager that says what it was given."""
    script = tmp_path / "pager"
    script.write_text('#!/bin/sh\nn=$(wc -l)\necho "PAGED $n $LESSSECURE $LESSHISTFILE $LESS"\n', "utf-8")
    script.chmod(0o700)
    return str(script)


def test_what_is_longer_than_the_terminal_goes_to_the_pager_which_leaves_nothing_behind(pager: str) -> None:
    assert "PAGED 101 1 - FRX" in on_terminal(100, PAGER=pager)
    assert "PAGED 101 1 - S" in on_terminal(100, PAGER=pager, LESS="S")


@pytest.mark.parametrize("environment", [{"PAGER": ""}, {"PAGER": "cat"}, {"TERM": "dumb"}, {"PAGER": "/nowhere/less"}])
def test_without_a_pager_the_table_is_written(environment: dict[str, str]) -> None:
    written = on_terminal(100, **environment)
    assert "99" in written
    assert "the end" in written


def test_what_fits_is_not_paged(pager: str) -> None:
    assert "PAGED" not in on_terminal(5, PAGER=pager)


def test_a_pager_that_is_left_early_is_no_error_and_the_next_step_is_on_the_screen() -> None:
    assert on_terminal(100_000, PAGER="true").strip() == "the end"


def test_a_field_that_an_answer_leaves_out_is_an_empty_cell() -> None:
    assert [shown(value) for value in (UNSET, None, 0)] == ["", "", "0"]
