"""What the front does when the other end asks: each call by its name, for the files that were named and no others.

A call that no command makes, or with other values, is Broken: the door is shut. A path that nobody named raises
NotNamed, and the front ends by it, whatever the other end makes of it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from arlo_rec.backends.named_files import Writing, translated
from arlo_rec.backends.state_files import LONGEST as STATE_BYTES
from arlo_rec.backends.state_files import LocalStateFiles
from arlo_rec.door.channels import Channels
from arlo_rec.door.client import LocalClient
from arlo_rec.door.frames import PIECE, Broken, Link
from arlo_rec.door.hands_of_session import KeyCalls, PageCalls, WitnessCalls
from arlo_rec.door.parts import DoorStore, NotNamed, Part, Result, Values
from arlo_rec.door.terminal import harmless
from arlo_rec.door.words import Named
from arlo_rec.i18n.sanitise import clean

FILE_LONGEST: Final = 1024 * 1024 * 1024  # bytes of a file that is read; the longest that a command wants is 256 MiB
FOLDER_LONGEST: Final = 64 * 1024 * 1024  # bytes of a folder that is written: published pages have one
ASKING: Final = frozenset({"stdin", "ask_secret", "show_pages"})  # calls that wait for the person
NOTE_LONGEST: Final = 64 * 1024  # characters of a checkpoint
MOST_OPEN: Final = 16  # files that are written at once; a command writes one


class Hands:
    """Everything that can be asked for."""

    def __init__(
        self,
        client: LocalClient,
        states: LocalStateFiles,
        door: DoorStore,
        named: Named,
        link: Link,
        channels: Channels,
    ) -> None:
        self._parts: list[Part] = [
            TerminalCalls(client, named),
            FileCalls(client, named),
            StateCalls(states, door),
            KeyCalls(client, door),
            PageCalls(client, named, link, channels),
            WitnessCalls(client, named),
        ]
        self._calls = {name: call for part in self._parts for name, call in part.calls().items()}

    def __enter__(self) -> Hands:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing half stays: files without their last word, a player, an open port, a locked key."""
        for part in self._parts:
            part.close()

    def do(self, document: Mapping[str, Any], data: bytes) -> Result:
        """Do one call; raises NotNamed, Broken, and what the call raises."""
        call = self._calls.get(str(document.get("name")))
        if call is None:
            raise Broken
        return call(Values(document), data)


class TerminalCalls(Part):
    """What is shown, asked and typed."""

    def __init__(self, client: LocalClient, named: Named) -> None:
        self._client, self._named = client, named

    def do_stdout(self, _: Values, data: bytes) -> Result:
        """Write to stdout."""
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(harmless(data) if sys.stdout.isatty() else data)
            sys.stdout.buffer.flush()
        except OSError as error:
            raise translated(error) from None
        return None, b""

    def do_stdin(self, values: Values, _: bytes) -> Result:
        """What is typed, or piped in where somebody said so."""
        if not (sys.stdin.isatty() or self._named.may_read_stdin):
            raise NotNamed(Path("-"))
        raw = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return None, raw.read(min(values.number("most"), PIECE)) or b""

    def do_ask_secret(self, values: Values, _: bytes) -> Result:
        """Ask for something that is not shown."""
        if not sys.stdin.isatty():
            raise Broken
        return None, self._client.ask_secret(clean(values.text("question"))).encode("utf-8", "surrogateescape")

    def do_show_pages(self, _: Values, data: bytes) -> Result:
        """Show a text by the pager."""
        return sys.stdout.isatty() and self._client.show_pages(harmless(data).decode("utf-8", "replace")), b""

    def do_is_in_foreground(self, _: Values, __: bytes) -> Result:
        """See Client."""
        return self._client.is_in_foreground(), b""


class FileCalls(Part):
    """Files that were named."""

    def __init__(self, client: LocalClient, named: Named) -> None:
        self._client, self._named = client, named
        self._reading = b""
        self._writing: dict[int, tuple[Path, Writing]] = {}
        self._written: set[Path] = set()
        self._folder: dict[str, bytearray] = {}
        self._has_appended = False

    def close(self) -> None:
        """Remove files without their last word: nobody knows whether they may be kept."""
        for _, writing in self._writing.values():
            with suppress(Exception):
                writing.drop()

    def do_demand_new(self, values: Values, _: bytes) -> Result:
        """See Files."""
        self._client.files.demand_new(self._to_write(values))
        return None, b""

    def do_demand_new_folder(self, values: Values, _: bytes) -> Result:
        """See Files."""
        return str(self._client.files.demand_new_folder(self._to_write(values))), b""

    def do_read(self, values: Values, _: bytes) -> Result:
        """See Files; the first piece, and how long all is."""
        path = values.path()
        if not self._named.may_be_read(path) or (path.is_symlink() and self._named.lies_in_named(path)):
            raise NotNamed(path)
        most = min(values.number("most"), FILE_LONGEST)
        self._reading = self._client.files.read(path, most, pipes=values.truth("pipes"))
        self._named.note_sounds(path, self._reading)
        return len(self._reading), self._reading[:PIECE]

    def do_read_on(self, values: Values, _: bytes) -> Result:
        """The next piece of what is read."""
        at = values.number("at")
        return None, self._reading[at : at + PIECE]

    def do_secret(self, values: Values, _: bytes) -> Result:
        """See Files."""
        path = values.path()
        if not self._named.is_secret(path):
            raise NotNamed(path)
        return None, self._client.files.secret(path)

    def do_names(self, values: Values, _: bytes) -> Result:
        """See Files."""
        path = values.path()
        if not self._named.may_be_read(path):
            raise NotNamed(path)
        return self._client.files.names(path), b""

    def do_absolute(self, values: Values, _: bytes) -> Result:
        """See Files."""
        return str(self._client.files.absolute(self._to_write(values))), b""

    def do_begin(self, values: Values, _: bytes) -> Result:
        """See Files; the number of the new file."""
        if len(self._writing) >= MOST_OPEN:
            raise Broken
        number, path = max(self._writing, default=0) + 1, self._to_write(values)
        self._writing[number] = path, self._client.files.begin(path)
        return number, b""

    def do_write(self, values: Values, data: bytes) -> Result:
        """See Writing."""
        self._file(values)[1].write(data)
        return None, b""

    def do_name(self, values: Values, _: bytes) -> Result:
        """See Writing."""
        self._file(values)[1].name()
        return None, b""

    def do_keep(self, values: Values, _: bytes) -> Result:
        """See Writing."""
        path, writing = self._file(values)
        writing.keep()
        self._written.add(path)
        del self._writing[values.number("file")]
        return None, b""

    def do_drop(self, values: Values, _: bytes) -> Result:
        """See Writing."""
        self._file(values)[1].drop()
        del self._writing[values.number("file")]
        return None, b""

    def do_write_secret(self, values: Values, data: bytes) -> Result:
        """See Files."""
        path = self._to_write(values)
        self._client.files.write_secret(path, data)
        self._written.add(path)
        return None, b""

    def do_remove(self, values: Values, _: bytes) -> Result:
        """See NamedFile; nothing that was there before."""
        path = values.path()
        if path not in self._written:
            raise NotNamed(path)
        self._client.files.remove(path)
        return None, b""

    def do_file_of_folder(self, values: Values, data: bytes) -> Result:
        """A piece of a file of a folder that is written."""
        name = values.text("file")
        size = sum(len(each) for each in (name, *self._folder, *self._folder.values()))
        if Path(name).name != name or "\\" in name or size > FOLDER_LONGEST:
            raise Broken
        self._folder.setdefault(name, bytearray()).extend(data)
        return None, b""

    def do_write_folder(self, values: Values, _: bytes) -> Result:
        """See Files."""
        if not self._named.may_publish:
            raise NotNamed(values.path())
        files = {name: bytes(content) for name, content in self._folder.items()}
        self._client.files.write_folder(self._to_write(values), files)
        return None, b""

    def do_append_note(self, values: Values, _: bytes) -> Result:
        """See Client."""
        path = values.path()
        note = values.text("note")
        if not self._named.may_be_appended_to(path):
            raise NotNamed(path)
        if self._has_appended or len(note) > NOTE_LONGEST:
            raise Broken
        self._has_appended = True
        return self._client.append_note(path, note), b""

    def _to_write(self, values: Values) -> Path:
        """A path that was named to be written; raises NotNamed."""
        path = values.path()
        if not (self._named.may_be_written(path) or self._is_resolved(path)):
            raise NotNamed(path)
        return path

    def _is_resolved(self, path: Path) -> bool:
        """Whether that is the whole path of a folder that was named to be written."""
        return any(path == Path(named).resolve() for named in self._named.written())

    def _file(self, values: Values) -> tuple[Path, Writing]:
        writing = self._writing.get(values.number("file"))
        if writing is None:
            raise Broken
        return writing


class StateCalls(Part):
    """What the account remembers of the store to which this door leads."""

    def __init__(self, states: LocalStateFiles, door: DoorStore) -> None:
        self._states, self._door = states, door

    def do_read_state(self, values: Values, _: bytes) -> Result:
        """See StateFiles."""
        content = self._states.read(self._of(values))
        return content is not None, content or b""

    def do_write_state(self, values: Values, data: bytes) -> Result:
        """See StateFiles."""
        if len(data) > STATE_BYTES:
            raise Broken
        self._states.write(self._of(values), data)
        return None, b""

    def do_forget_state(self, values: Values, _: bytes) -> Result:
        """See StateFiles."""
        self._states.forget(self._of(values))
        return None, b""

    def _of(self, values: Values) -> bytes:
        store = values.store()
        self._door.demand(store)
        return store
