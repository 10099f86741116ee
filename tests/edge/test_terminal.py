"""Sentences on a terminal: broken between words, commands whole; elsewhere as they are."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.edge.terminal import json_text, tell, wrapped
from tests.support.world import run

COMMAND = 'arlo-rec revoke "Kari Eksempel" --grant b97da3'


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def forty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")


def test_a_sentence_breaks_between_words_and_a_command_stands_whole() -> None:
    text = f"If the name is wrong, take the access back with this: {COMMAND}. It is logged.\n"
    lines = wrapped(text, Screen()).splitlines()
    assert any(COMMAND in line for line in lines)
    assert max(map(len, lines)) <= 60
    assert " ".join(lines).split() == text.split()


def test_what_a_program_reads_is_not_broken() -> None:
    text = "word " * 50 + "\n"
    assert wrapped(text, io.StringIO()) == text


@given(st.lists(st.text(alphabet="abc ,.-\"'0123456789ø", max_size=90), max_size=6))
def test_no_word_is_lost_or_joined_and_lines_that_fit_stay(lines: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "60")
        text = "".join(f"{line}\n" for line in lines)
        shown = wrapped(text, Screen())
    assert shown.split() == text.split()
    assert [line for line in text.splitlines() if len(line) < 60] == [
        line for line in text.splitlines() if len(line) < 60 and f"{line}\n" in shown
    ]


def test_a_key_that_is_longer_than_the_line_is_not_cut() -> None:
    key = "arlo-rec/" + "0" * 90
    assert f"  {key}\n" in wrapped(f"  {key}\n", Screen())


def test_a_command_on_a_line_of_its_own_is_never_broken() -> None:
    line = f"  {COMMAND} --store /srv/somewhere/else/and/so/on\n"
    assert len(line) > 61
    assert wrapped(line, Screen()) == line


@pytest.mark.parametrize("lang", ["nb", "en"])
@pytest.mark.parametrize("named", [True, False])
def test_what_init_shows_once_fits_a_screen_of_24_lines_with_the_questions_before_it(
    tmp_path: Path, lang: str, named: bool
) -> None:
    (tmp_path / "passphrase").write_text("riktig hest batteri")
    (tmp_path / "passphrase").chmod(0o600)
    store = tmp_path / "store"
    environment = {"XDG_STATE_HOME": str(tmp_path), "ARLO_REC_PASSPHRASE_FILE": str(tmp_path / "passphrase")}
    environment |= {"ARLO_REC_STORE": str(store), "ARLO_REC_AS": "sigrid"} if named else {}
    words = ["init", "--officer", "sigrid", "--lang", lang, *([] if named else ["--store", str(store)])]
    done = run(words, environment)
    assert done.exit == 0, done
    text = done.out.replace(str(tmp_path), "/srv/arlo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        lines = wrapped(text, Screen()).splitlines()
    questions = 3  # the command, and twice the passphrase
    assert lines[-1].count("-") == 12, "the recovery key"
    assert questions + sum(max(1, -(-len(line) // 80)) for line in lines) + 1 <= 24
    commands = [line for line in lines if line.startswith("  arlo-rec person")]
    assert len(commands) == 3
    assert all(("--as" in line, "--store /srv" in line) == (not named, not named) for line in commands)


def test_a_sign_that_the_terminal_cannot_show_is_escaped_and_the_answer_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True)
    monkeypatch.setattr("sys.stdout", out)
    tell("Prøve har tilgang.")
    assert out.buffer.getvalue() == b"Pr\\xf8ve har tilgang.\n"  # type: ignore[attr-defined]


def test_a_name_that_is_no_utf_8_makes_a_json_document_that_strict_readers_take() -> None:
    raw = json_text({"left": "lyd\udcff.wav", "name": "Åse \U0001f514 \\udcff"})
    assert raw.isascii()
    assert json.loads(raw) == {"left": "lyd\\udcff.wav", "name": "Åse \U0001f514 \\udcff"}
