"""The person's machine as `arlo-rec serve` sees it: each thing that is done there is a call through the door.

A thread reads what the front sends. Where the front is gone, the command is interrupted, as by Ctrl-C, and every call
raises Lost.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from arlo_rec.backends.named_files import Files, Writing
from arlo_rec.door import frames
from arlo_rec.door.channels import Channel, Channels, take
from arlo_rec.door.client import Guest, Player, Screen
from arlo_rec.door.errors import raised
from arlo_rec.door.frames import PIECE, Broken, Frame, Link
from arlo_rec.model.errors import Lost, Unreachable

if TYPE_CHECKING:
    from arlo_rec.backends.state_files import StateFiles
    from arlo_rec.listening.server import Server
    from arlo_rec.listening.session import Session
    from arlo_rec.offsite.witness_key import Seat

LEAF: Final = 32  # bytes
NO_ANSWER: Final = 0  # the number of a call that is not answered


class _Waiting:
    """A call whose answer did not come yet."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.answer: tuple[dict[str, Any], bytes] | None = None


class Door:
    """The server's end of the door: calls, and what comes of them."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.channels = Channels(link)
        self.connections: Callable[[Channel], None] = Channel.close  # what is done with a browser's connection
        self.is_lost = False
        self._lock = threading.Lock()
        self._calls = 0
        self._waiting: dict[int, _Waiting] = {}
        self._thread = threading.Thread(target=self._read, name="door", daemon=True)

    def open(self) -> None:
        """Begin to read what comes."""
        self._thread.start()

    def call(self, name: str, data: bytes = b"", **values: Any) -> tuple[Any, bytes]:
        """Have something done on the person's machine: its result, and bytes; raises Lost, and what it raised there."""
        with self._lock:
            self._calls += 1
            number, waiting = self._calls, _Waiting()
            self._waiting[number] = waiting
        try:
            self._send(frames.CALL, {"call": number, "name": name, **values}, data)
            waiting.came.wait()
        finally:
            with self._lock:
                self._waiting.pop(number, None)
        if waiting.answer is None:
            raise Lost
        document, more = waiting.answer
        if "error" in document:
            raise raised(document["error"])
        return document.get("is"), more

    def tell(self, name: str, data: bytes = b"", **values: Any) -> None:
        """Have something done whose result nobody waits for."""
        with suppress(Lost):
            self._send(frames.CALL, {"call": NO_ANSWER, "name": name, **values}, data)

    def _send(self, kind: bytes, document: dict[str, Any], data: bytes) -> None:
        try:
            self.link.send(kind, frames.packed(document, data))
        except Broken:
            raise Lost from None

    # -- what comes -----------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            while True:
                self._take(self.link.receive())
        except Broken:
            self._lose()

    def _take(self, frame: Frame) -> None:
        if frame.kind == frames.ANSWER:
            self._answered(*frames.unpacked(frame.body))
        elif frame.kind == frames.INTERRUPT:
            _interrupt()
        elif frame.kind == frames.OPEN:
            number, _ = frames.channel_of(frame.body)
            self.connections(self.channels.add(number))
        elif frame.kind in (frames.DATA, frames.TAKEN, frames.CLOSE):
            take(self.channels, frame)
        else:
            raise Broken  # a second order

    def _answered(self, document: dict[str, Any], data: bytes) -> None:
        with self._lock:
            waiting = self._waiting.get(document.get("call", NO_ANSWER))
        if waiting is None:  # of a call that was interrupted
            return
        waiting.answer = document, data
        waiting.came.set()

    def _lose(self) -> None:
        """Nobody is there any more: no call is answered, no connection goes on, and the command ends."""
        self.is_lost = True
        with self._lock:
            waiting = list(self._waiting.values())
        for each in waiting:
            each.came.set()
        self.channels.end()
        _interrupt()


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class RemoteClient:
    """The machine of the person at the other end; see Client."""

    def __init__(self, door: Door, guest: Guest, order: Mapping[str, Any]) -> None:
        self._door = door
        self.guest: Guest | None = guest
        self.personal: Mapping[str, str] | None = {key: str(value) for key, value in order["personal"].items()}
        self.login = guest.account or str(order["login"])[:100]
        self.files: Files = RemoteFiles(door)
        self.keyring = RemoteKeyring(door)

    def state_files(self, folder: Path | None) -> StateFiles:
        """See Client."""
        return RemoteStateFiles(self._door)

    def ask_secret(self, question: str) -> str:
        """See Client."""
        _, typed = self._door.call("ask_secret", question=question)
        return typed.decode("utf-8", "surrogateescape")

    def show_pages(self, text: str) -> bool:
        """See Client."""
        if text.count("\n") < int(os.environ.get("LINES") or 0) or len(text) > PIECE:
            return False
        return bool(self._door.call("show_pages", text.encode("utf-8", "surrogatepass"))[0])

    def is_in_foreground(self) -> bool:
        """See Client."""
        return bool(self._door.call("is_in_foreground")[0])

    def screen(self) -> Screen:
        """See Client."""
        has_browser, host = self._door.call("screen")[0]
        return Screen(bool(has_browser), None if host is None else str(host))

    def browse(self, url: str) -> bool:
        """See Client."""
        return bool(self._door.call("browse", url=url)[0])

    @contextmanager
    def page_server(self, session: Session, lang: str) -> Iterator[Server]:
        """See Client: the front listens, and each connection comes on a channel of its own."""
        from arlo_rec.listening.server import Server

        port = int(self._door.call("listen")[0])
        with Server(session, lang, port=port) as server:
            self._door.connections = lambda channel: _answer(server, channel)
            try:
                yield server
            finally:
                self._door.connections = Channel.close
                with suppress(Lost):
                    self._door.call("listen_no_more")

    def player(self, words: Sequence[str]) -> Player:
        """See Client."""
        return _RemotePlayer(self._door, words)

    def append_note(self, path: Path, note: str) -> bool:
        """See Client."""
        return bool(self._door.call("append_note", path=str(path), note=note)[0])

    def witness(self, path: Path) -> AbstractContextManager[Seat]:
        """See Client."""
        return _seat(self._door, path)


# -- files --------------------------------------------------------------------------------------------


class RemoteFiles:
    """The files of the person at the other end; see Files."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def demand_new(self, path: Path) -> None:
        """See Files."""
        self._door.call("demand_new", path=str(path))

    def demand_new_folder(self, path: Path) -> Path:
        """See Files."""
        return Path(str(self._door.call("demand_new_folder", path=str(path))[0]))

    def read(self, path: Path, most: int, *, pipes: bool = False) -> bytes:
        """See Files. A file comes in pieces, and no more of it than *most* bytes."""
        size, first = self._door.call("read", path=str(path), most=most, pipes=pipes)
        content = bytearray(first)
        while len(content) < size:
            _, piece = self._door.call("read_on", at=len(content))
            content += piece
            if not piece or len(content) > most:
                raise Lost
        return bytes(content)

    def secret(self, path: Path, *, guarded: bool = False) -> bytes:
        """See Files."""
        return self._door.call("secret", path=str(path))[1]

    def names(self, path: Path) -> list[str]:
        """See Files."""
        return [str(name) for name in self._door.call("names", path=str(path))[0]]

    def absolute(self, path: Path) -> Path:
        """See Files."""
        return Path(str(self._door.call("absolute", path=str(path))[0]))

    def begin(self, path: Path) -> Writing:
        """See Files."""
        return _RemoteWriting(self._door, path)

    def write_secret(self, path: Path, content: bytes) -> None:
        """See Files."""
        self._door.call("write_secret", content, path=str(path))

    def write_folder(self, path: Path, files: Mapping[str, bytes]) -> None:
        """See Files. Its files go one behind the other, and it is written when all are there."""
        for name, content in files.items():
            for at in range(0, len(content), PIECE):
                self._door.call("file_of_folder", content[at : at + PIECE], file=name)
        self._door.call("write_folder", path=str(path), names=list(files))

    def remove(self, path: Path) -> None:
        """See NamedFile."""
        self._door.call("remove", path=str(path))


class _RemoteWriting:
    """See Writing. Bytes go in pieces of PIECE."""

    def __init__(self, door: Door, path: Path) -> None:
        self._door = door
        self._buffer = bytearray()
        self._was_to_be_named = False
        self._number = int(door.call("begin", path=str(path))[0])

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
        """See Writing; raises Lost where nobody can know whether the person has the file."""
        try:
            self._door.call("drop", file=self._number)
        except Lost:
            if self._was_to_be_named:
                raise

    def _send(self, size: int) -> None:
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._door.call("write", piece, file=self._number)


class RemoteStateFiles:
    """What the person's account remembers; see StateFiles."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._known: dict[bytes, bytes | None] = {}

    def read(self, store: bytes) -> bytes | None:
        """See StateFiles."""
        if store not in self._known:
            is_there, content = self._door.call("read_state", store=store.hex())
            self._known[store] = content if is_there else None
        return self._known[store]

    def write(self, store: bytes, content: bytes) -> None:
        """See StateFiles."""
        self._known[store] = content
        self._door.tell("write_state", content, store=store.hex())

    def forget(self, store: bytes) -> None:
        """See StateFiles."""
        self._known[store] = None
        self._door.tell("forget_state", store=store.hex())


# -- keyring ------------------------------------------------------------------------------------------


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
            said = self._door.call("keyring_prepare", bytes(secret), description=description, seconds=seconds)
        finally:
            secret[:] = bytes(len(secret))
        return int(said[0])

    def put_into_session(self, key: int) -> None:
        """See Keyring."""
        self._door.call("keyring_put_into_session", key=key)

    def search(self, description: str) -> int | None:
        """See Keyring."""
        key, _ = self._door.call("keyring_search", description=description)
        return None if key is None else int(key)

    def read(self, key: int, most: int) -> bytearray:
        """See Keyring."""
        return bytearray(self._door.call("keyring_read", key=key, most=most)[1])

    def keys_of_session(self) -> list[tuple[int, str]]:
        """See Keyring."""
        found, _ = self._door.call("keyring_keys_of_session")
        return [(int(key), str(description)) for key, description in found]

    def forget(self, key: int) -> None:
        """See Keyring."""
        self._door.call("keyring_forget", key=key)


# -- pages, players, witnesses ------------------------------------------------------------------------


def _answer(server: Server, channel: Channel) -> None:
    """Answer a browser's connection: it is a socket here, whose bytes go on a channel."""
    ours, pumped = socket.socketpair()
    server.process_request(ours, ("127.0.0.1", 0))
    threading.Thread(target=_pump_in, args=(channel, pumped), name="browser in", daemon=True).start()
    threading.Thread(target=_pump_out, args=(channel, pumped), name="browser out", daemon=True).start()


def _pump_in(channel: Channel, pumped: socket.socket) -> None:
    with suppress(OSError, Broken):
        while data := channel.receive():
            pumped.sendall(data)
    with suppress(OSError):
        pumped.shutdown(socket.SHUT_WR)


def _pump_out(channel: Channel, pumped: socket.socket) -> None:
    with suppress(OSError, Broken):
        while data := pumped.recv(64 * 1024):
            channel.send(data)
    with suppress(Broken):
        channel.close()
    with suppress(OSError):
        pumped.close()


class _PlayerPipe(io.RawIOBase):
    """What a player at the other end plays."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Send it; raises OSError where the player is gone."""
        try:
            self._channel.send(bytes(data))
        except Broken:
            raise BrokenPipeError from None
        return len(data)

    def close(self) -> None:
        """The player gets no more."""
        if not self.closed:
            with suppress(Broken):
                self._channel.close()
        super().close()


class _RemotePlayer:
    """See Player."""

    def __init__(self, door: Door, words: Sequence[str]) -> None:
        self._door = door
        number = int(door.call("play", words=list(words))[0])
        self._channel = door.channels.add(number)
        door.call("play_now")
        self.pipe: IO[bytes] = _PlayerPipe(self._channel)  # type: ignore[assignment]  # a raw stream, and no more is done with it

    def wait(self, seconds: float) -> bool:
        """See Player."""
        return bool(self._door.call("play_wait", seconds=seconds)[0])

    def kill(self) -> None:
        """See Player."""
        with suppress(Lost):
            self._door.call("play_kill")
        self._channel.over()


@contextmanager
def _seat(door: Door, path: Path) -> Iterator[Seat]:
    (name, vkey, seen), _ = door.call("witness", path=str(path))
    try:
        yield _RemoteSeat(door, str(name), str(vkey), None if seen is None else str(seen))
    finally:
        with suppress(Lost):
            door.call("witness_end")


class _RemoteSeat:
    """See Seat."""

    def __init__(self, door: Door, name: str, vkey: str, seen: str | None) -> None:
        self._door = door
        self.name, self.vkey, self.seen = name, vkey, seen

    def cosign(self, newest: str, leaves: Iterable[bytes], at: int) -> str:
        """See Seat."""
        some = bytearray()
        for leaf in leaves:
            some += leaf
            if len(some) + LEAF > PIECE:
                self._door.call("witness_leaves", bytes(some))
                some.clear()
        self._door.call("witness_leaves", bytes(some))
        return str(self._door.call("witness_cosign", newest=newest, at=at)[0])


# -- streams ------------------------------------------------------------------------------------------


class _Stream(io.RawIOBase):
    """A standard stream of the person's machine."""

    def __init__(self, door: Door, *, is_terminal: bool) -> None:
        super().__init__()
        self._door, self._is_terminal = door, is_terminal

    def isatty(self) -> bool:
        """Whether it is a terminal there."""
        return self._is_terminal


class _Stdin(_Stream):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        _, data = self._door.call("stdin", most=min(len(buffer), PIECE))
        buffer[: len(data)] = data
        return len(data)


class _Stdout(_Stream):
    """Each write waits until it was written there, so that a full disk there is a failure here."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data[:PIECE])
        try:
            self._door.call("stdout", piece)
        except Unreachable as problem:  # no file of ours
            raise OSError(str(problem)) from None
        return len(piece)


class _Stderr(_Stream):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data[:PIECE])
        with suppress(Broken):
            self._door.link.send(frames.STDERR, piece)
        return len(piece)


def streams(door: Door, order: Mapping[str, Any]) -> tuple[io.TextIOWrapper, io.TextIOWrapper, io.TextIOWrapper]:
    """Stdin, stdout and stderr of the person, encoded as their machine encodes them."""
    terminals, codings = order["terminals"], order["encodings"]
    stdin, stdout, stderr = (
        made(door, is_terminal=bool(is_one)) for made, is_one in zip((_Stdin, _Stdout, _Stderr), terminals, strict=True)
    )
    (in_code, in_errors), (out_code, out_errors), (err_code, err_errors) = codings
    return (
        io.TextIOWrapper(io.BufferedReader(stdin), encoding=in_code, errors=in_errors),
        io.TextIOWrapper(io.BufferedWriter(stdout, PIECE), encoding=out_code, errors=out_errors),
        io.TextIOWrapper(io.BufferedWriter(stderr), encoding=err_code, errors=err_errors, line_buffering=True),
    )
