"""Calls that the front does for the other end: terminal, files and memory, for named files only.

A call that no command makes, or one with other values, is Broken: the door is shut. A path that was not named raises
NotNamed, and ends the front, whatever the other end does with it. `hands_of_session` has the calls for the person's
session. A terminal gets only text, colours and the sequences of a progress bar from the other end.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from arlo_rec.edge.door.client import LocalClient
from arlo_rec.edge.door.frames import LONGEST, PIECE, Broken
from arlo_rec.edge.door.words import Named
from arlo_rec.law.messages import clean
from arlo_rec.law.model.errors import Unreachable, Usage
from arlo_rec.vault.backends.named_files import STATE_BYTES as STATE_BYTES
from arlo_rec.vault.backends.named_files import LocalStateFiles, Writing

if TYPE_CHECKING:
    from arlo_rec.vault.backends.named_files import LocalStateFiles


_DRAWN: Final = rb"\x1b\[[0-9;]{0,40}m|\x1b\[[0-9]{0,4}[ABCDGKJ]|\x1b\[\?25[lh]"  # SGR, cursor and erasing (ECMA-48)
_OTHERS: Final = re.compile(rb"(%s)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]" % _DRAWN)


def harmless(data: bytes) -> bytes:
    """The same with every other control character written out, as `\x1b`: none sets a title or the clipboard."""
    return _OTHERS.sub(lambda found: found[0] if found[1] else b"".join(b"\\x%02x" % byte for byte in found[0]), data)


Result = Any  # JSON, bytes, or both as a pair


class Values:
    """The values of a call; each method raises Broken for a value of another type."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """A text, without zero bytes."""
        value = self._values.get(name)
        if not isinstance(value, str) or "\0" in value:
            raise Broken
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        value = self._values.get(name)
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise Broken
        return value

    def number(self, name: str, *, least: int = 0) -> int:
        """A whole number from *least* on."""
        value = self._values.get(name)
        if type(value) is not int or not least <= value < 2**53:
            raise Broken
        return value

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise Broken
        return value

    def seconds(self) -> float:
        """A span, in seconds."""
        value = self._values.get("seconds")
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < LONGEST:
            raise Broken
        return float(value)

    def path(self) -> Path:
        """A path of this machine."""
        return Path(self.text("path"))

    def store(self) -> bytes:
        """The id of a store."""
        try:
            store = bytes.fromhex(self.text("store"))
        except ValueError:
            raise Broken from None
        if len(store) != 16:
            raise Broken
        return store


Call = Callable[[Values, bytes], Result]


class NotOurs(Usage):
    """The other end asked for something that is not its own, which ends the front."""


class NotNamed(NotOurs):
    """A path that the person did not name."""

    def __init__(self, path: Path) -> None:
        super().__init__("not_named", path=str(path))


class DoorStore:
    """The store to which a door leads, fixed at the door's first use, like a host key.

    So another door's command gets neither the unlock nor the memory of this store.
    """

    def __init__(self, states: LocalStateFiles, via: str) -> None:
        self._states, self._via = states, via
        self.id = states.store_of(via)

    def demand(self, store: bytes) -> None:
        """Raise NotOurs for another store."""
        if self.id is None:
            self.id = store
            self._states.keep_store_of(self._via, store)
        if store != self.id:
            raise NotOurs("door_store_differs", store=store.hex(), path=self._states.place_of(self._via))


class Part:
    """Related calls with their resources."""

    def calls(self) -> dict[str, Call]:
        """The calls by name."""
        return {name.removeprefix("do_"): getattr(self, name) for name in dir(self) if name.startswith("do_")}

    def close(self) -> None:
        """End everything unfinished."""


FILE_LONGEST: Final = 1024 * 1024 * 1024  # bytes of a file that is read; the longest that a command wants is 256 MiB
FOLDER_LONGEST: Final = 64 * 1024 * 1024  # bytes of a folder that is written: published pages have one
ASKING: Final = frozenset({"stdin", "ask_secret", "show_pages"})  # calls that wait for the person
NOTE_LONGEST: Final = 64 * 1024  # characters of a checkpoint
MOST_OPEN: Final = 16  # files that are written at once; a command writes one


class TerminalCalls(Part):
    """Calls for the terminal: show, ask and read.

    An answer in JSON, or of a plugin, is held until the other end has ended: if the door breaks before, the error is
    the one document.
    """

    def __init__(self, client: LocalClient, named: Named) -> None:
        self._client, self._named = client, named
        self._held = bytearray()

    def do_stdout(self, _: Values, data: bytes) -> None:
        """Write to stdout, or hold what is to be written."""
        if not self._named.has_one_answer:
            self._write(data)
        elif len(self._held) + len(data) > FILE_LONGEST:
            raise Broken
        else:
            self._held += data

    def show_held(self) -> None:
        """Write what was held; raises Unreachable."""
        self._write(bytes(self._held))

    def _write(self, data: bytes) -> None:
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(harmless(data) if sys.stdout.isatty() else data)
            sys.stdout.buffer.flush()
        except OSError as error:
            from arlo_rec.edge.terminal import give_up_stdout

            give_up_stdout()
            raise Unreachable("stdout_failed", reason=error.strerror or "") from None

    def do_stdin(self, values: Values, _: bytes) -> Result:
        """Read typed or piped input, if the command names stdin."""
        if not (sys.stdin.isatty() or self._named.may_read_stdin):
            raise NotNamed(Path("-"))
        raw = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return raw.read(min(values.number("most"), PIECE)) or b""

    def do_ask_secret(self, values: Values, _: bytes) -> Result:
        """Ask for a secret without echo."""
        if not sys.stdin.isatty():
            raise Broken
        return self._client.ask_secret(clean(values.text("question"))).encode("utf-8", "surrogateescape")

    def do_show_pages(self, _: Values, data: bytes) -> Result:
        """Show a text by the pager."""
        return sys.stdout.isatty() and self._client.show_pages(harmless(data).decode("utf-8", "replace"))

    def do_is_in_foreground(self, _: Values, __: bytes) -> Result:
        """See Client."""
        return self._client.is_in_foreground()


class NamedCalls(Part):
    """Calls for files that the person named."""

    def __init__(self, client: LocalClient, named: Named) -> None:
        self._client, self._named = client, named

    def _to_write(self, values: Values) -> Path:
        """The path, if it was named to be written; raises NotNamed."""
        path = values.path()
        if not (self._named.may_be_written(path) or self._is_resolved(path)):
            raise NotNamed(path)
        return path

    def _is_resolved(self, path: Path) -> bool:
        """Whether a path is the whole path of a folder that was named to be written."""
        return any(path == Path(named).resolve() for named in self._named.written())


class ReadingCalls(NamedCalls):
    """Calls that read, and that look at what is to be written."""

    _reading = b""

    def do_demand_new(self, values: Values, _: bytes) -> None:
        """See Files."""
        self._client.files.demand_new(self._to_write(values))

    def do_demand_new_folder(self, values: Values, _: bytes) -> Result:
        """See Files."""
        return str(self._client.files.demand_new_folder(self._to_write(values)))

    def do_read(self, values: Values, _: bytes) -> Result:
        """See Files; the first piece, and the whole length."""
        path = values.path()
        if not self._named.may_be_read(path) or (path.is_symlink() and self._named.lies_in_named(path)):
            raise NotNamed(path)
        most = min(values.number("most"), FILE_LONGEST)
        self._reading = self._client.files.read(path, most, pipes=values.truth("pipes"))
        self._named.note_sounds(path, self._reading)
        return len(self._reading), self._reading[:PIECE]

    def do_read_on(self, values: Values, _: bytes) -> Result:
        """The next piece of a file that is read."""
        at = values.number("at")
        return self._reading[at : at + PIECE]

    def do_secret(self, values: Values, _: bytes) -> Result:
        """See Files."""
        path = values.path()
        if not self._named.is_secret(path):
            raise NotNamed(path)
        return self._client.files.secret(path)

    def do_names(self, values: Values, _: bytes) -> Result:
        """See Files."""
        path = values.path()
        if not self._named.may_be_read(path):
            raise NotNamed(path)
        return self._client.files.names(path)

    def do_absolute(self, values: Values, _: bytes) -> Result:
        """See Files."""
        return str(self._client.files.absolute(self._to_write(values)))


class WritingCalls(NamedCalls):
    """Calls that write."""

    def __init__(self, client: LocalClient, named: Named) -> None:
        super().__init__(client, named)
        self._writing: dict[int, tuple[Path, Writing]] = {}
        self._written: set[Path] = set()
        self._folder: dict[str, bytearray] = {}
        self._has_appended = False

    def close(self) -> None:
        """Remove unfinished files: they may not be kept without the other end's word."""
        for _, writing in self._writing.values():
            with suppress(Exception):
                writing.drop()

    def do_begin(self, values: Values, _: bytes) -> Result:
        """See Files; the number of the new file."""
        if len(self._writing) >= MOST_OPEN:
            raise Broken
        number, path = max(self._writing, default=0) + 1, self._to_write(values)
        self._writing[number] = path, self._client.files.begin(path)
        return number

    def do_write(self, values: Values, data: bytes) -> None:
        """See Writing."""
        self._file(values)[1].write(data)

    def do_name(self, values: Values, _: bytes) -> None:
        """See Writing."""
        self._file(values)[1].name()

    def do_keep(self, values: Values, _: bytes) -> None:
        """See Writing."""
        path, writing = self._file(values)
        writing.keep()
        self._written.add(path)
        del self._writing[values.number("file")]

    def do_drop(self, values: Values, _: bytes) -> None:
        """See Writing."""
        self._file(values)[1].drop()
        del self._writing[values.number("file")]

    def do_write_secret(self, values: Values, data: bytes) -> None:
        """See Files."""
        path = self._to_write(values)
        self._client.files.write_secret(path, data)
        self._written.add(path)

    def do_remove(self, values: Values, _: bytes) -> None:
        """See NamedFile; removes no file that existed before."""
        path = values.path()
        if path not in self._written:
            raise NotNamed(path)
        self._client.files.remove(path)

    def do_file_of_folder(self, values: Values, data: bytes) -> None:
        """A piece of a file in a folder that is written."""
        name = values.text("file")
        size = sum(len(part) for part in (name, *self._folder, *self._folder.values()))
        if Path(name).name != name or "\\" in name or size > FOLDER_LONGEST:
            raise Broken
        self._folder.setdefault(name, bytearray()).extend(data)

    def do_write_folder(self, values: Values, _: bytes) -> None:
        """See Files."""
        if not self._named.may_publish:
            raise NotNamed(values.path())
        files = {name: bytes(content) for name, content in self._folder.items()}
        self._client.files.write_folder(self._to_write(values), files)

    def do_publish(self, values: Values, data: bytes) -> None:
        """See Files."""
        if not self._named.may_replace:
            raise NotNamed(values.path())
        self._client.files.publish(self._to_write(values), data)

    def do_append_note(self, values: Values, _: bytes) -> Result:
        """See Client."""
        path = values.path()
        note = values.text("note")
        if not self._named.may_be_appended_to(path):
            raise NotNamed(path)
        if self._has_appended or len(note) > NOTE_LONGEST:
            raise Broken
        self._has_appended = True
        return self._client.append_note(path, note)

    def _file(self, values: Values) -> tuple[Path, Writing]:
        writing = self._writing.get(values.number("file"))
        if writing is None:
            raise Broken
        return writing


class StateCalls(Part):
    """Calls for the account's memory of the store to which this door leads."""

    def __init__(self, states: LocalStateFiles, door: DoorStore) -> None:
        self._states, self._door = states, door

    def do_read_state(self, values: Values, _: bytes) -> Result:
        """See StateFiles."""
        content = self._states.read(self._of(values))
        return content is not None, content or b""

    def do_write_state(self, values: Values, data: bytes) -> None:
        """See StateFiles."""
        if len(data) > STATE_BYTES:
            raise Broken
        self._states.write(self._of(values), data)

    def _of(self, values: Values) -> bytes:
        store = values.store()
        self._door.demand(store)
        return store
