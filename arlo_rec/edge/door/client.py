"""The user's machine: terminal, files, keyring, browser and the account's memory of stores.

`LocalClient` is this machine. Through the door, `arlo-rec serve` has a client that passes each request to the front
(`door.remote`), and the front does it by its own LocalClient.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from arlo_rec.desk.server import Server
    from arlo_rec.desk.session import Page
    from arlo_rec.vault.backends.named_files import Files, LocalStateFiles, StateFiles
    from arlo_rec.vault.keys.unlocks import Keyring
    from arlo_rec.vault.offsite.witness_key import Seat


class Guest(NamedTuple):
    """The person for whom the door was opened: one of the roster, or the owner of an account."""

    person: str | None
    account: str | None

    def __str__(self) -> str:
        """A name for the log."""
        return self.person or self.account or "?"


class Serving(Exception):
    """`arlo-rec serve` was typed: from here on the person at the other end gives the orders."""

    def __init__(self, person: str | None, store: str | None, config: str | None, *, by_socket: bool = False) -> None:
        super().__init__()
        self.person, self.store, self.config, self.by_socket = person, store, config, by_socket


class Screen(NamedTuple):
    """The screen that could show a page."""

    has_browser: bool
    ssh_host: str | None  # the address of this machine for a user who came by ssh


class Player(Protocol):
    """A program that plays sound."""

    pipe: IO[bytes]  # the sound to be played

    def wait(self, seconds: float) -> bool:
        """Wait until it ends, at most so long; whether it ended."""

    def kill(self) -> None:
        """End it and every process that it started."""


class Client(Protocol):
    """The machine of the user."""

    guest: Guest | None  # None: they use the store directly
    personal: Mapping[str, str] | None  # their own settings, if they come through the door

    @property
    def files(self) -> Files:
        """Their files."""

    @property
    def login(self) -> str:
        """The name of their login account."""

    @property
    def keyring(self) -> Keyring:
        """The keyring of their login session."""

    def state_files(self, folder: Path | None) -> StateFiles:
        """The memory that their login account has of stores; without a door, in that folder."""

    def ask_secret(self, question: str) -> str:
        """The secret typed at the terminal without echo; raises KeyboardInterrupt."""

    def show_pages(self, text: str) -> bool:
        """Whether a pager showed a text; False for a text that fits the terminal."""

    def is_in_foreground(self) -> bool:
        """Whether the program may draw on the terminal: no other program is in front."""

    def screen(self) -> Screen:
        """The screen that could show a page."""

    def browse(self, url: str) -> bool:
        """Open an address in their browser; whether there is one."""

    def page_server(self, page: Page, lang: str) -> AbstractContextManager[Server]:
        """A page that is served to their browser, on their machine's loopback interface."""

    def player(self, words: Sequence[str]) -> Player:
        """Start a player; raises Usage if there is none."""

    def append_note(self, path: Path, note: str) -> bool:
        """See `offsite.anchor_file.append`."""

    def witness(self, path: Path) -> AbstractContextManager[Seat]:
        """See `offsite.witness_key.seat`."""


class LocalClient:
    """This machine; see Client."""

    guest: Guest | None = None
    personal: Mapping[str, str] | None = None

    @cached_property
    def files(self) -> Files:
        """See Client."""
        from arlo_rec.vault.backends.named_files import LocalFiles

        return LocalFiles(os.environ.get("CREDENTIALS_DIRECTORY"))

    @property
    def login(self) -> str:
        """See Client."""
        return login()

    @property
    def keyring(self) -> Keyring:
        """See Client."""
        from arlo_rec.vault.crypto import kernel_keyring

        return kernel_keyring

    def state_files(self, folder: Path | None) -> LocalStateFiles:
        """See Client."""
        from arlo_rec.vault.backends.named_files import LocalStateFiles

        return LocalStateFiles(folder)

    def ask_secret(self, question: str) -> str:
        """See Client."""
        import getpass

        return getpass.getpass(question + " ")

    def show_pages(self, text: str) -> bool:
        """See Client."""
        return show_in_pager(text)

    def is_in_foreground(self) -> bool:
        """See Client."""
        try:
            return os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
        except (AttributeError, OSError, ValueError):  # not the terminal of this session: no other program writes there
            return True

    def screen(self) -> Screen:
        """See Client."""
        has_browser = "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ or os.name == "nt"
        connection = os.environ.get("SSH_CONNECTION", "").split()
        return Screen(has_browser or sys.platform == "darwin", connection[2] if len(connection) > 2 else None)

    def browse(self, url: str) -> bool:
        """See Client."""
        import webbrowser

        with suppress(OSError):
            return webbrowser.open(url)
        return False

    @contextmanager
    def page_server(self, page: Page, lang: str) -> Iterator[Server]:
        """See Client."""
        import threading

        from arlo_rec.desk.loopback import drawn_host
        from arlo_rec.desk.server import Server

        with Server(page, lang, host=drawn_host(by_ssh=self.screen().ssh_host is not None)) as server:
            threading.Thread(target=server.serve_forever, name="listen", daemon=True).start()
            try:
                yield server
            finally:
                server.shutdown()

    def player(self, words: Sequence[str]) -> Player:
        """See Client."""
        return LocalPlayer(words)

    def append_note(self, path: Path, note: str) -> bool:
        """See Client."""
        _demand_posix("--append")
        from arlo_rec.vault.offsite import anchor_file

        return anchor_file.append(path, note)

    def witness(self, path: Path) -> AbstractContextManager[Seat]:
        """See Client."""
        _demand_posix("--witness-key")
        from arlo_rec.vault.offsite import witness_key

        return witness_key.seat(path)


class LocalPlayer:
    """A player on this machine; see Player."""

    def __init__(self, words: Sequence[str]) -> None:
        import subprocess

        from arlo_rec.law.model.errors import Usage

        try:
            self._process = subprocess.Popen(  # noqa: S603 - its user's
                list(words),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                process_group=0,  # so that nothing of it plays on behind a shell
            )
        except OSError as error:
            raise Usage("no_player", command=Path(words[0]).name, reason=error.strerror or "") from None
        assert self._process.stdin is not None
        self.pipe: IO[bytes] = self._process.stdin

    def wait(self, seconds: float) -> bool:
        """See Player."""
        import subprocess

        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """See Player."""
        import signal

        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()


def _demand_posix(name: str) -> None:
    """Raise Usage on a machine whose files have no owner and no locks."""
    if not hasattr(os, "geteuid"):
        from arlo_rec.law.model.errors import Usage

        raise Usage("not_on_this_machine", name=name)


def login() -> str:
    """The name of the login account."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "?"


_PAGER_DEFAULTS: Final = {  # if the environment says nothing: show a text that fits as it is, keep bold, leave the text
    "LESS": "FRX",
    "LV": "-c",
    "LESSCHARSET": "utf-8",  # also if the locale is not installed, as behind SSH
}
_PAGER_FORCED: Final = {"LESSSECURE": "1", "LESSHISTFILE": "-"}  # less(1), SECURITY; a search there may be for a name


def show_in_pager(text: str) -> bool:
    """Show *text* by the pager, PAGER or less, as git does it; returns whether it was shown.

    It is not shown if it fits the terminal, if no pager is wanted (`PAGER=cat` or empty, a dumb terminal), or if there
    is none. The pager leaves no trace: it has no history file, and no shell, editor or second file from within it.
    """
    import shlex
    import shutil
    import subprocess

    named = os.environ.get("PAGER", "less")
    if os.environ.get("TERM", "dumb") == "dumb" or named in ("", "cat"):
        return False
    try:
        words = shlex.split(named)
    except ValueError:
        return False
    if not words or text.count("\n") < shutil.get_terminal_size().lines:
        return False
    environment = {**_PAGER_DEFAULTS, **os.environ, **_PAGER_FORCED}
    try:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, env=environment)  # noqa: S603 - what its user named
    except OSError:
        return False
    try:
        process.communicate(text.encode("utf-8", "replace"))  # a pipe may be closed early: the reader has seen enough
    except KeyboardInterrupt:  # is for the pager, which goes on: git waits for it too
        process.wait()
    return True
