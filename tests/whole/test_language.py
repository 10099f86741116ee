"""The language of docstrings and of the sentences that people read."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator

from arlo_rec.law.messages import every
from tests.support.places import TOP

MODULES = sorted((TOP / "arlo_rec").rglob("*.py"))
LONGEST = 25  # words of a sentence
ABSENT = re.compile(r"\b(nobody|somebody|whoever|anybody)\b", re.IGNORECASE)
ABSENT_LINES = 60
LISTS = {"init.next", "letter.key.action"}  # no sentences: commands to copy, and codes with their meanings


def sentences(text: str) -> Iterator[str]:
    """The sentences of a docstring, without its tables and lists, and with each piece of code as one word."""
    for paragraph in re.split(r"\n\s*\n", re.sub(r"`[^`]*`", "code", inspect.cleandoc(text))):
        lines = paragraph.splitlines()
        if not any(re.search(r"^\s|^\||^[-*] |^\d+ |\S {2,}\S", line) for line in lines):
            yield from re.split(r"(?<=[.;:?!])\s+", " ".join(lines))


def docstrings() -> Iterator[tuple[str, str]]:
    """The place and the text of every docstring of the program."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                yield f"{path.relative_to(TOP)}:{getattr(node, 'lineno', 1)}", text


def test_no_docstring_begins_with_who_or_what() -> None:
    assert [place for place, text in docstrings() if re.match(r"(who|what|whoever)\b", text, re.IGNORECASE)] == []


def test_a_sentence_of_a_docstring_has_at_most_25_words() -> None:
    long = [(place, each) for place, text in docstrings() for each in sentences(text) if len(each.split()) > LONGEST]
    assert long == []


def test_a_sentence_that_people_read_has_at_most_25_words() -> None:
    long = [
        (code, each)
        for code, pair in every().items()
        if code not in LISTS
        for text in pair
        for each in re.split(r"(?<=[.;:?!])\s+", text)
        if len(each.split()) > LONGEST
    ]
    assert long == []


def test_the_program_speaks_of_its_users_and_not_of_somebody() -> None:
    lines = [line for path in MODULES for line in path.read_text("utf-8").splitlines() if ABSENT.search(line)]
    assert len(lines) < ABSENT_LINES
