"""The person's machine as `arlo-rec serve` sees it: each use of it is a call through the door."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from arlo_rec.edge.door.calls import Door
from arlo_rec.edge.door.client import Guest, Player, Screen
from arlo_rec.edge.door.frames import PIECE, Broken, Channel, Channels
from arlo_rec.law.model.errors import ArloError, Lost
from arlo_rec.vault.backends.named_files import SECRET_BYTES, Writing

if TYPE_CHECKING:
    from arlo_rec.desk.server import Server
    from arlo_rec.desk.session import Page
    from arlo_rec.vault.backends.named_files import Files, StateFiles
    from arlo_rec.vault.offsite.witness_key import Seat


class RemoteFiles:
    """The files of the person at the other end; see Files."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.have_left = False

    def demand_new(self, path: Path) -> None:
        """See Files."""
        self._door.call("demand_new", path=str(path))

    def demand_new_folder(self, path: Path) -> Path:
        """See Files."""
        return self._door.call("demand_new_folder", gives=Path, path=str(path))[0]

    def read(self, path: Path, most: int, *, pipes: bool = False) -> bytes:
        """See Files. A file comes in pieces, of at most *most* bytes in all."""
        size, first = self._door.call("read", gives=int, path=str(path), most=most, pipes=pipes)
        content = bytearray(first)
        while len(content) < size <= most:
            _, piece = self._door.call("read_on", at=len(content))
            if not piece:
                raise Lost
            content += piece
        if len(content) != size or size > most:
            raise Lost
        return bytes(content)

    def secret(self, path: Path) -> bytes:
        """See Files."""
        content = self._door.call("secret", path=str(path))[1]
        if len(content) > SECRET_BYTES:
            raise Lost
        return content

    def names(self, path: Path) -> list[str]:
        """See Files."""
        return self._door.call("names", gives=_texts, path=str(path))[0]

    def absolute(self, path: Path) -> Path:
        """See Files."""
        return self._door.call("absolute", gives=Path, path=str(path))[0]

    def begin(self, path: Path) -> Writing:
        """See Files."""
        return _RemoteWriting(self, self._door, path)

    def write_secret(self, path: Path, content: bytes) -> None:
        """See Files."""
        self._door.call("write_secret", content, path=str(path))

    def publish(self, path: Path, content: bytes) -> None:
        """See Files."""
        self._door.call("publish", content, path=str(path))

    def write_folder(self, path: Path, files: Mapping[str, bytes]) -> None:
        """See Files. Its files are sent in turn; the folder is written after the last."""
        for name, content in files.items():
            for at in range(0, len(content), PIECE):
                self._door.call("file_of_folder", content[at : at + PIECE], file=name)
        self._door.call("write_folder", path=str(path), names=list(files))

    def remove(self, path: Path) -> None:
        """See NamedFile."""
        self._door.call("remove", path=str(path))


class _RemoteWriting:
    """See Writing. Bytes go in pieces of PIECE."""

    def __init__(self, files: RemoteFiles, door: Door, path: Path) -> None:
        self._files, self._door = files, door
        self._buffer = bytearray()
        self._was_to_be_named = False
        self._number = door.call("begin", gives=int, path=str(path))[0]

    def write(self, piece: bytes) -> None:
        """See Writing."""
        self._buffer += piece
        while len(self._buffer) >= PIECE:
            self._send(PIECE)

    def name(self) -> None:
        """See Writing."""
        self._send(len(self._buffer))
        self._was_to_be_named = True
        self._door.call("name", file=self._number)

    def keep(self) -> None:
        """See Writing."""
        self._door.call("keep", file=self._number)

    def drop(self) -> None:
        """See Writing; raises Lost if it is unknown whether the person has the file."""
        try:
            self._door.call("drop", file=self._number)
        except Lost:
            if self._was_to_be_named:
                raise

    def _send(self, size: int) -> None:
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._files.have_left = True
        self._door.call("write", piece, file=self._number)


class RemoteStateFiles:
    """The memory of the person's account; see StateFiles. Changes are kept until `send`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._known: dict[bytes, bytes | None] = {}
        self._waiting: dict[bytes, bytes] = {}

    def read(self, store: bytes) -> bytes | None:
        """See StateFiles."""
        if store not in self._known:
            is_there, content = self._door.call("read_state", gives=bool, store=store.hex())
            self._known[store] = content if is_there else None
        return self._known[store]

    def write(self, store: bytes, content: bytes) -> None:
        """See StateFiles."""
        self._known[store] = self._waiting[store] = content

    def send(self) -> None:
        """Send the changes: at the end of a command, when no lock is held."""
        for store, content in self._waiting.items():
            self._door.call("write_state", content, store=store.hex())


def _texts(texts: Any) -> list[str]:
    return [str(text) for text in texts]


LEAF: Final = 32  # bytes
LAST_WORD: Final = 1.0  # seconds for answers that are on their way to a browser


class RemoteKeyring:
    """The keyring of the person's login session; see Keyring."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def demand_own_session(self) -> None:
        """See Keyring."""
        self._door.call("keyring_demand_own_session")

    def prepare(self, description: str, secret: bytearray, seconds: int) -> int:
        """See Keyring."""
        try:
            values = {"description": description, "seconds": seconds}
            return self._door.call("keyring_prepare", bytes(secret), gives=int, **values)[0]
        finally:
            secret[:] = bytes(len(secret))

    def put_into_session(self, key: int) -> None:
        """See Keyring."""
        self._door.call("keyring_put_into_session", key=key)

    def search(self, description: str) -> int | None:
        """See Keyring."""
        return self._door.call("keyring_search", gives=_number_or_none, description=description)[0]

    def read(self, key: int, most: int) -> bytearray:
        """See Keyring."""
        return bytearray(self._door.call("keyring_read", key=key, most=most)[1])

    def keys_of_session(self) -> list[tuple[int, str]]:
        """See Keyring."""
        return self._door.call("keyring_keys_of_session", gives=_keys)[0]

    def forget(self, key: int) -> None:
        """See Keyring."""
        self._door.call("keyring_forget", key=key)


def _number_or_none(number: Any) -> int | None:
    return None if number is None else int(number)


def _keys(keys: Any) -> list[tuple[int, str]]:
    return [(int(key), str(description)) for key, description in keys]


# -- pages, players, witnesses ------------------------------------------------------------------------


def answer(server: Server, channel: Channel, channels: Channels) -> threading.Event:
    """Answer a browser's connection, a socket here, whose bytes go on a channel; set after the last byte."""
    ours, pumped = socket.socketpair()
    server.process_request(ours, ("127.0.0.1", 0))
    went = threading.Event()
    threading.Thread(target=_pump, args=(channel, channels, pumped, went), name="browser out", daemon=True).start()
    return went


def _pump(channel: Channel, channels: Channels, pumped: socket.socket, went: threading.Event) -> None:
    inwards = threading.Thread(target=_pump_in, args=(channel, pumped), name="browser in", daemon=True)
    inwards.start()
    with suppress(OSError, Broken):
        while data := pumped.recv(64 * 1024):
            channel.send(data)
    with suppress(Broken):
        channel.close()
    with suppress(OSError):
        pumped.close()
    went.set()
    inwards.join()
    channels.forget(channel)


def _pump_in(channel: Channel, pumped: socket.socket) -> None:
    with suppress(OSError, Broken):
        while data := channel.receive():
            pumped.sendall(data)
    with suppress(OSError):
        pumped.shutdown(socket.SHUT_WR)


class _PlayerPipe(io.RawIOBase):
    """The pipe to a player at the other end."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Send bytes; raises OSError if the player is gone."""
        try:
            self._channel.send(bytes(data))
        except Broken:
            raise BrokenPipeError from None
        return len(data)

    def close(self) -> None:
        """End the player's input."""
        if not self.closed:
            with suppress(Broken):
                self._channel.close()
        super().close()


class RemotePlayer:
    """See Player."""

    def __init__(self, door: Door, words: Sequence[str]) -> None:
        self._door = door
        number = door.call("play", gives=int, words=list(words))[0]
        try:
            self._channel = door.channels.add(number)
        except Broken:
            raise Lost from None
        door.call("play_now")
        self.pipe: IO[bytes] = _PlayerPipe(self._channel)  # type: ignore[assignment]  # a raw stream, and no more is done with it

    def wait(self, seconds: float) -> bool:
        """See Player."""
        return self._door.call("play_wait", gives=bool, seconds=seconds)[0]

    def kill(self) -> None:
        """See Player."""
        with suppress(Lost):
            self._door.call("play_kill")
        self._channel.over()


@contextmanager
def seat(door: Door, path: Path) -> Iterator[Seat]:
    (name, vkey, seen), _ = door.call("witness", gives=_seat, path=str(path))
    try:
        yield _RemoteSeat(door, name, vkey, seen)
    finally:
        with suppress(Lost):
            door.call("witness_end")


def _seat(seat: Any) -> tuple[str, str, str | None]:
    name, vkey, seen = seat
    return str(name), str(vkey), None if seen is None else str(seen)


class _RemoteSeat:
    """See Seat."""

    def __init__(self, door: Door, name: str, vkey: str, seen: str | None) -> None:
        self._door = door
        self.name, self.vkey, self.seen = name, vkey, seen

    def cosign(self, newest: str, leaves: Iterable[bytes], at: int) -> str:
        """See Seat; *at* is ignored: a witness uses the clock of its own machine."""
        some = bytearray()
        for leaf in leaves:
            some += leaf
            if len(some) + LEAF > PIECE:
                self._door.call("witness_leaves", bytes(some))
                some.clear()
        self._door.call("witness_leaves", bytes(some))
        return self._door.call("witness_cosign", gives=str, newest=newest)[0]


@contextmanager
def page_server(door: Door, page: Page, lang: str) -> Iterator[Server]:
    """A page on the front's machine: each connection comes on a channel of its own."""
    from arlo_rec.desk.loopback import Place
    from arlo_rec.desk.server import Server

    place, answers = door.call("listen", gives=Place.read)[0], list[threading.Event]()
    with Server(page, lang, place=place) as server:
        door.had_page = True
        door.connections = lambda channel: answers.append(answer(server, channel, door.channels))
        try:
            yield server
        finally:
            door.connections = None
            with suppress(Lost):
                door.call("listen_no_more")
    until = time.monotonic() + LAST_WORD
    for went in answers:  # the last ones say that it is over
        went.wait(max(0.0, until - time.monotonic()))


class RemoteClient:
    """The machine of the person at the other end; see Client."""

    def __init__(self, door: Door, guest: Guest, order: Mapping[str, Any]) -> None:
        self._door = door
        self.guest: Guest | None = guest
        self.personal: Mapping[str, str] | None = {key: str(value) for key, value in order["personal"].items()}
        self.login = guest.account or str(guest.person)  # never from the front
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

    def page_server(self, page: Page, lang: str) -> AbstractContextManager[Server]:
        """See Client."""
        return page_server(self._door, page, lang)

    def player(self, words: Sequence[str]) -> Player:
        """See Client."""
        return RemotePlayer(self._door, words)

    def append_note(self, path: Path, note: str) -> bool:
        """See Client."""
        return self._door.call("append_note", gives=bool, path=str(path), note=note)[0]

    def witness(self, path: Path) -> AbstractContextManager[Seat]:
        """See Client."""
        return seat(self._door, path)


def _screen(screen: Any) -> Screen:
    has_browser, host = screen
    return Screen(bool(has_browser), None if host is None else str(host))
