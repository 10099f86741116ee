"""The terminal of a run: sentences, questions, named files and typed dates."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from arlo_rec.edge.door.words import HERE
from arlo_rec.edge.tables import Table, shown
from arlo_rec.edge.terminal import Form, wrapped
from arlo_rec.law.messages import say, say_without_command
from arlo_rec.law.model.errors import Interrupted, NotGranted, Usage

if TYPE_CHECKING:
    from arlo_rec.edge.door.client import Client
    from arlo_rec.edge.progress import Display
    from arlo_rec.law.model.documents import Record
    from arlo_rec.law.model.progress import Progress
    from arlo_rec.vault.backends.named_files import NamedFile

_Kind = TypeVar("_Kind", bound="Record")
STDIN: Final = "-"
CALLER_BYTES: Final = 200  # a number in any notation is far shorter
MIB: Final = 1024 * 1024
TRIES: Final = 3  # of a passphrase, a number or a confirmation: a typing mistake ends no command
OWNERS: Final = frozenset(
    {"init", "backup", "restore", "drill", "demo", "serve", "catalogue move", "objects move"}
)  # the account that owns the store does these


class Typed:
    """The clock, the words, the terminal and the files of a run."""

    def __init__(self, client: Client, lang: str, *, form: Form, quiet: bool, command: str) -> None:
        self.client, self.lang, self.command, self.quiet = client, lang, command, quiet
        self.json = form is Form.JSON
        self.files = TypedFiles(client, json=self.json)
        self.for_people = form is Form.WORDS
        self.is_stdin_taken = False
        self.ahead = timedelta(0)  # by which the clock is ahead, as in the demonstration
        self._display: Display | None = None

    # -- clock and words ------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The time of this machine, or of the demonstration, in UTC."""
        return datetime.now(UTC) + self.ahead

    def say(self, code: str, **values: object) -> str:
        """A sentence in the language of this run."""
        return say(code, self.lang, **values)

    def say_without_command(self, code: str, **values: object) -> str:
        """The same, without its last clause where that names a command."""
        return say_without_command(code, self.lang, **values)

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        shortened: Sequence[str] = (),
        listed: tuple[Sequence[Mapping[str, Any]], Sequence[str]] = ((), ()),
    ) -> Table:
        """Rows under headings in the language of this run; for *shortened* and *listed* see `Table`."""
        narrow = frozenset(columns.index(column) for column in shortened)
        return Table([self.say(f"column.{column}") for column in columns], rows, narrow, *listed)

    def listing(
        self,
        kind: type[_Kind],
        records: Sequence[_Kind],
        columns: str,
        narrow: str = "",
        cells: Mapping[str, Callable[[Any], object]] = MappingProxyType({}),
    ) -> Table:
        """Records as a table of the *columns*, each a field under a heading of its name, or `field=heading`.

        *cells* shows a field otherwise; for *narrow* columns see `Table`.
        """
        pairs = [(field, heading or field) for field, _, heading in (name.partition("=") for name in columns.split())]
        listed = records if self.for_people else ()  # no cell is made for scripts
        rows = [[shown(cells.get(field, attrgetter(field))(record)) for field, _ in pairs] for record in listed]
        shortened = frozenset(at for at, (field, _) in enumerate(pairs) if field in narrow.split())
        headings = [self.say(f"column.{heading}") for _, heading in pairs]
        return Table(headings, rows, shortened, records, kind.__struct_fields__)

    # -- the terminal ---------------------------------------------------------------------------------

    def note(self, text: str, *, always: bool = False) -> None:
        """Write a line for people to stderr, beside the answer; where --quiet was given, only if *always*."""
        self.end_progress()
        if always or not self.quiet:
            sys.stderr.write(wrapped(text + "\n", sys.stderr))
            sys.stderr.flush()

    def echo(self, text: str) -> None:
        """Write how input was understood to a person's terminal; never to where a script keeps what it reads."""
        if sys.stderr.isatty():
            self.note(text)

    def confirm(self, summary: str, question: str, expected: str, *, yes: bool) -> None:
        """Show the consequence, and demand *expected* on the terminal; raises Usage.

        Another answer is a typing mistake, and asked for again; an empty one is a no.
        """
        if yes:
            return
        self.note(summary, always=True)
        if not self.can_ask():
            raise Usage("needs_yes")
        for left in reversed(range(TRIES)):
            answer = self.answer_to(question)
            if answer == expected:
                return
            if not answer or not left:
                raise Usage("not_confirmed")
            self.note(self.say("ask.not_that", expected=expected), always=True)

    def progress(self, progress: Progress) -> None:
        """Show how far long work is; nothing with --quiet, and where the answer is for a script."""
        if self.quiet or not self.for_people:
            return
        if self._display is None:
            from arlo_rec.edge.progress import display

            self._display = display(sys.stderr, self.lang, self.command, self.client.is_in_foreground)
        self._display(progress)

    def end_progress(self) -> None:
        """Take away what shows progress, before anything else is shown."""
        if self._display is not None:
            self._display.close()

    def stdin(self, limit: int) -> bytes:
        """The bytes piped in; they can be read once."""
        if self.is_stdin_taken:
            raise Usage("stdin_twice")
        self.is_stdin_taken = True
        return sys.stdin.buffer.read(limit)

    def can_ask(self) -> bool:
        """Whether questions can be asked on a terminal."""
        return sys.stdin.isatty() and not self.is_stdin_taken

    def caller(self, text: str) -> str:
        """A caller as given, or from stdin, so that the number need not stand in the process list."""
        if text != STDIN:
            return text
        if sys.stdin.isatty():
            return self.answer_to(self.say("ask.caller"))
        return self.stdin(CALLER_BYTES).decode("utf-8", "replace").strip()

    def answer_to(self, question: str) -> str:
        """The typed answer to a question; raises Interrupted on Ctrl-C and at the end of the input."""
        self.end_progress()
        sys.stderr.write(question + " ")
        sys.stderr.flush()
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            line = ""
        if not line:
            sys.stderr.write("\n")
            raise Interrupted("stopped_at_question")
        return line.strip()

    def demand_here(self) -> None:
        """Raise NotGranted where the door is asked for what the account of the store does, or what needs no store."""
        if self.client.guest is not None and self.command in OWNERS | HERE:
            raise NotGranted("not_through_door", rule="access.secure", name=self.command)


class TypedFiles:
    """The files and folders that a command names, on the machine of the person who types them."""

    def __init__(self, client: Client, *, json: bool) -> None:
        self._client, self._json = client, json

    def named(self, path: Path) -> NamedFile:
        """A file or a folder that was named."""
        from arlo_rec.vault.backends.named_files import NamedFile

        return NamedFile(self._client.files, path)

    def new_file(self, path: Path) -> NamedFile:
        """A file that is to be written; raises Usage, before anything is done, where it cannot be."""
        return self.named(path).demand_new()

    def new_or_shown(self, path: Path | None) -> NamedFile | None:
        """The same; None where it is to be shown: without one, or with `-`. Raises Usage."""
        if path is not None and str(path) == STDIN:
            if self._json:
                raise Usage("json_and_stdout")
            return None
        return self.new_file(path) if path is not None else None

    def read(self, path: Path, most: int, *, pipes: bool = True) -> bytes:
        """The bytes of a file that was named; raises Usage where it cannot be read."""
        try:
            return self._client.files.read(path, most, pipes=pipes)
        except OSError as problem:
            if problem.errno == errno.EFBIG and most >= MIB:
                raise Usage("file_too_large", path=str(path), most=f"{most // MIB} MiB") from None
            raise Usage("file_unreadable", path=str(path)) from None

    def text(self, path: Path, most: int) -> str:
        """The text in a file that was named; raises Usage where it cannot be read, or is no UTF-8."""
        try:
            return self.read(path, most).decode("utf-8")
        except UnicodeDecodeError:
            raise Usage("file_unreadable", path=str(path)) from None

    def lies_here(self, path: str) -> bool:
        """Whether a file lies on this machine, if it is the person's: no door looks at what nobody typed."""
        return self._client.guest is None and Path(path).is_absolute() and Path(path).exists()

    def server_folder(self, path: Path | None, option: str) -> Path | None:
        """A folder of the machine on which the store lies; raises NotGranted where it was named through the door."""
        if path is not None and self._client.guest is not None:
            raise NotGranted("not_through_door", rule="access.secure", name=option)
        return path

    def account_of_store(self) -> int | None:
        """The account of the store if a person at the door names paths for it to read; else None."""
        return os.geteuid() if self._client.guest is not None else None


# -- dates --------------------------------------------------------------------------------------------


def span(run: Typed, since: str | None, before: str | None) -> tuple[datetime | None, datetime | None]:
    """The begin and the end; raises Usage for an invalid date, and for a begin after the end."""
    from arlo_rec.law.model.times import search_span

    begin, end = search_span(since, before, run.now())
    _echo_begin(run, since, begin)
    _echo_end(run, since if before is None else before, end)
    if begin is not None and end is not None and begin >= end:
        raise Usage("span_reversed")
    return begin, end


def days_of(run: Typed, text: str | None) -> tuple[datetime | None, datetime | None]:
    """The begin and the end of `DATE..DATE`, either of which may be left out, or of one day or week; raises Usage."""
    first, dots, last = (text or "").partition("..")
    if text is not None and not (first or last):
        raise Usage("bad_time", value=text[:40])
    return span(run, first or None, last or None if dots else first or None)


def first_moment(run: Typed, text: str | None) -> datetime | None:
    """The start of one day, or an instant; None where nothing was typed. Raises Usage, for a week too."""
    from arlo_rec.law.model import times

    at = times.first_moment(text, run.now()) if text is not None else None
    _echo_begin(run, text, at)
    return at


def last_moment(run: Typed, text: str | None) -> datetime | None:
    """The end of one day, to come, or an instant; None where nothing was typed. Raises Usage, for a week too."""
    from arlo_rec.law.model import times

    at = times.last_moment(text, run.now()) if text is not None else None
    _echo_end(run, text, at)
    return at


def _echo_begin(run: Typed, text: str | None, at: datetime | None) -> None:
    if at is not None:
        run.echo(run.say("date.from", typed=text, at=at))


def _echo_end(run: Typed, text: str | None, at: datetime | None) -> None:
    from arlo_rec.law.model.times import shown_end

    if at is not None:
        run.echo(run.say("date.to", typed=text, at=shown_end(at)))


def near_line(run: Typed, nearest: Sequence[str]) -> list[str]:
    """The known names that may be meant, in a line; none where there are none."""
    return [run.say("names.near", names=", ".join(nearest))] if nearest else []
