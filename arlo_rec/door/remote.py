"""The person's machine as `arlo-rec serve` sees it: each thing that is done there is a call through the door."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arlo_rec.door.calls import Door
from arlo_rec.door.client import Guest, Player, Screen
from arlo_rec.door.frames import PIECE
from arlo_rec.door.remote_files import RemoteFiles, RemoteStateFiles
from arlo_rec.door.remote_session import RemoteKeyring, RemotePlayer, page_server, seat
from arlo_rec.model.errors import ArloError

if TYPE_CHECKING:
    from arlo_rec.backends.named_files import Files
    from arlo_rec.backends.state_files import StateFiles
    from arlo_rec.listening.server import Server
    from arlo_rec.listening.session import Session
    from arlo_rec.offsite.witness_key import Seat


class RemoteClient:
    """The machine of the person at the other end; see Client."""

    def __init__(self, door: Door, guest: Guest, order: Mapping[str, Any]) -> None:
        self._door = door
        self.guest: Guest | None = guest
        self.personal: Mapping[str, str] | None = {key: str(value) for key, value in order["personal"].items()}
        self.login = guest.account or str(guest.person)  # never what the front says
        self.files: Files = RemoteFiles(door)
        self.keyring = RemoteKeyring(door)
        self.states = RemoteStateFiles(door)

    def state_files(self, folder: Path | None) -> StateFiles:
        """See Client."""
        return self.states

    def ask_secret(self, question: str) -> str:
        """See Client."""
        _, typed = self._door.call("ask_secret", question=question)
        return typed.decode("utf-8", "surrogateescape")

    def show_pages(self, text: str) -> bool:
        """See Client."""
        if text.count("\n") < int(os.environ.get("LINES") or 0) or len(text) > PIECE:
            return False
        return self._door.call("show_pages", text.encode("utf-8", "surrogatepass"), gives=bool)[0]

    def is_in_foreground(self) -> bool:
        """See Client."""
        return self._door.call("is_in_foreground", gives=bool)[0]

    def screen(self) -> Screen:
        """See Client."""
        return self._door.call("screen", gives=_screen)[0]

    def browse(self, url: str) -> bool:
        """See Client."""
        try:
            return self._door.call("browse", gives=bool, url=url)[0]
        except (ArloError, KeyboardInterrupt):  # on a thread of its own, which ends nothing
            return False

    def page_server(self, session: Session, lang: str) -> AbstractContextManager[Server]:
        """See Client."""
        return page_server(self._door, session, lang)

    def player(self, words: Sequence[str]) -> Player:
        """See Client."""
        return RemotePlayer(self._door, words)

    def append_note(self, path: Path, note: str) -> bool:
        """See Client."""
        return self._door.call("append_note", gives=bool, path=str(path), note=note)[0]

    def witness(self, path: Path) -> AbstractContextManager[Seat]:
        """See Client."""
        return seat(self._door, path)


def _screen(told: Any) -> Screen:
    has_browser, host = told
    return Screen(bool(has_browser), None if host is None else str(host))
