"""Output: tables and sentences for people, a JSON document or CSV for scripts.

Every text from outside passes `messages.clean` here, so that no escape sequence, bidi mark or line break of others'
names reaches a terminal. Named tuples, because dataclasses would slow every start.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

from arlo_rec.edge.tables import Table, csv_text, members, plain, table_text
from arlo_rec.law.messages import clean, say, say_or
from arlo_rec.law.model.errors import ArloError, NotGenuine, Unreachable

if TYPE_CHECKING:
    from arlo_rec.law.model.documents import Record

_COMMAND: Final = re.compile(r"arlo-rec(?: (?:\"[^\"]*\"|[^\s\".,;:()]+))+")
_PROGRAM: Final = "arlo-rec "
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NO_BREAK: Final = "\x00"  # no text has it: `clean` wrote it as an escape


class Answer(NamedTuple):
    """The answer of a command: a record, whose fields are the keys of its JSON, and lines and a table for people."""

    data: Record
    lines: Sequence[str] = ()
    table: Table | None = None
    exit_status: int = 0
    always: bool = False  # the lines are shown in spite of --quiet, as a secret that is shown once
    error: ArloError | None = None  # of an answer that is also a failure, such as the problems of `verify`


class Form(StrEnum):
    """The form of an answer."""

    WORDS = "words"
    JSON = "json"
    CSV = "csv"


def show(answer: Answer, lang: str, form: Form, *, quiet: bool, pager: Callable[[str], bool]) -> int:
    """Write an answer to stdout, and return its exit status; raises Unreachable if writing fails.

    A table goes to *pager* on a terminal, which says whether it showed it; the lines follow.
    """
    status = answer.error.exit_status if answer.error else answer.exit_status
    if form is Form.JSON:
        failure = {"error": error_to_json(answer.error, lang)} if answer.error else {}
        _write(json_text({"ok": status in {0, 3}, **members(answer.data), **failure}))
        return status
    shown = answer.lines if answer.always or not quiet else ()
    lines = wrapped("".join(map(_clean_lines, shown)), sys.stderr if form is Form.CSV else sys.stdout)
    if form is Form.CSV and answer.table is not None:
        _write(csv_text(answer.table))
        sys.stderr.write(lines)
    elif answer.table is not None and answer.table.rows:
        text = table_text(answer.table)
        is_paged = sys.stdout.isatty() and pager(text)  # the next step stays on the screen when the pager is left
        _write(lines if is_paged else text + lines)
    else:
        _write(lines)
    if answer.error is not None:
        show_error(answer.error, lang, as_json=False)
    return status


def tell(line: str) -> None:
    """Write a sentence to stdout and flush it."""
    _write(wrapped(_clean_lines(line), sys.stdout))


def wrapped(text: str, stream: TextIO) -> str:
    """Lines for a terminal, broken between words if they are wider; commands are not, as they are to be pasted.

    In a sentence that holds for a command that fits a line. A file or a program gets all unchanged.
    """
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "".join(_fitting(line, width) for line in text.splitlines(keepends=True))


def _fitting(line: str, width: int) -> str:
    if len(line) <= width or line.lstrip().startswith(_PROGRAM):
        return line
    import textwrap

    indent = line[: len(line) - len(line.lstrip(" "))]
    whole = _COMMAND.sub(lambda found: found[0].replace(" ", _NO_BREAK) if len(found[0]) < width else found[0], line)
    wrapper = textwrap.TextWrapper(
        width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    broken = wrapper.wrap(whole.strip())
    return "".join(part.replace(_NO_BREAK, " ") + "\n" for part in broken)


def show_error(error: ArloError, lang: str, *, as_json: bool) -> None:
    """Write an error as a line to stderr, or as a JSON document to stdout."""
    if as_json:
        _write(json_text({"ok": False, "error": error_to_json(error, lang)}))
        return
    rule = f" [{error.rule}]" if error.rule else ""
    sys.stderr.write(wrapped(f"arlo-rec: {message_of(error, lang)}{rule}\n", sys.stderr))


def error_to_json(error: ArloError, lang: str) -> dict[str, Any]:
    """An error as JSON; the message depends on the language, the codes do not."""
    document: dict[str, Any] = {"code": error.code, "exit": error.exit_status, "message": message_of(error, lang)}
    place = {key: error.detail[key] for key in ("line", "column") if isinstance(error.detail.get(key), int)}
    document |= place
    document |= {"keys": str(error.detail["keys"]).split()} if "keys" in error.detail else {}
    reason = {"reason": error.reason} if isinstance(error, NotGenuine) else {}
    return document | reason | ({"rule": error.rule} if error.rule else {})


def message_of(error: ArloError, lang: str) -> str:
    """The sentence of an error, with its values sanitised and codes among them replaced by their words.

    With a similar known name (`nearest`) the sentence suggests that name.
    """
    values = {key: say_or(f"why.{value}", lang, clean(str(value))) for key, value in error.detail.items()}
    if "purpose" in values:
        values["purpose"] = say(f"purpose.{values['purpose']}", lang)
    if "keys" in values:  # of the company's particulars
        values["keys"] = ", ".join(f"{key} ({say(f'particular.{key}', lang)})" for key in values["keys"].split())
    return say(f"{'nearest' if 'nearest' in values else 'error'}.{error.sentence}", lang, **values)


def json_text(document: dict[str, Any]) -> str:
    """A JSON document in ASCII and a line end; a lone surrogate becomes `\\udcff`, as people are shown it."""
    import json

    text = json.dumps(document, ensure_ascii=False, allow_nan=False, default=plain)
    if _SURROGATE.search(text):  # of a name that is no UTF-8: no document of text may have it
        document = json.loads(_SURROGATE.sub(lambda found: f"\\\\u{ord(found[0]):04x}", text))
    return json.dumps(document, ensure_ascii=True, allow_nan=False, default=plain) + "\n"


def _clean_lines(text: str) -> str:
    """*text* with everything unprintable escaped, except line breaks."""
    return "".join(clean(line) + "\n" for line in text.split("\n"))


def _write(text: str) -> None:
    """Write to stdout and flush; raises Unreachable if that fails, as on a full disk.

    A sign that the stream's encoding lacks is escaped: what was done by then must be told.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        raise Unreachable("stdout_failed", reason=error.strerror or "") from None


def give_up_stdout() -> None:
    """Discard all unwritten output to stdout, now and at the end of the program.

    The stream's descriptor is redirected to /dev/null, because Python flushes a stream again when it is destroyed. From
    3.13 on it reports a failure on stderr.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):  # a stream without a descriptor, or one that was closed
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    finally:
        os.close(nowhere)
