"""The keyring, browser, player and witness of the person at the other end of the door."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from arlo_rec.door.calls import Door
from arlo_rec.door.channels import Channel, Channels
from arlo_rec.door.frames import PIECE, Broken
from arlo_rec.model.errors import Lost

if TYPE_CHECKING:
    from arlo_rec.listening.server import Server
    from arlo_rec.listening.session import Session
    from arlo_rec.offsite.witness_key import Seat

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
            told = {"description": description, "seconds": seconds}
            return self._door.call("keyring_prepare", bytes(secret), gives=int, **told)[0]
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


def _number_or_none(told: Any) -> int | None:
    return None if told is None else int(told)


def _keys(told: Any) -> list[tuple[int, str]]:
    return [(int(key), str(description)) for key, description in told]


# -- pages, players, witnesses ------------------------------------------------------------------------


def answer(server: Server, channel: Channel, channels: Channels) -> threading.Event:
    """Answer a browser's connection: it is a socket here, whose bytes go on a channel. Set when all of them went."""
    ours, pumped = socket.socketpair()
    server.process_request(ours, ("127.0.0.1", 0))
    went = threading.Event()
    threading.Thread(target=_pump, args=(channel, channels, pumped, went), name="browser out", daemon=True).start()
    return went


def _pump(channel: Channel, channels: Channels, pumped: socket.socket, went: threading.Event) -> None:
    inwards = threading.Thread(target=_pump_in, args=(channel, pumped), name="browser in", daemon=True)
    inwards.start()
    _pump_out(channel, pumped)
    went.set()
    inwards.join()
    channels.forget(channel)


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


def _seat(told: Any) -> tuple[str, str, str | None]:
    name, vkey, seen = told
    return str(name), str(vkey), None if seen is None else str(seen)


class _RemoteSeat:
    """See Seat."""

    def __init__(self, door: Door, name: str, vkey: str, seen: str | None) -> None:
        self._door = door
        self.name, self.vkey, self.seen = name, vkey, seen

    def cosign(self, newest: str, leaves: Iterable[bytes], at: int) -> str:
        """See Seat; *at* is of no account: a witness goes by the clock of its own machine."""
        some = bytearray()
        for leaf in leaves:
            some += leaf
            if len(some) + LEAF > PIECE:
                self._door.call("witness_leaves", bytes(some))
                some.clear()
        self._door.call("witness_leaves", bytes(some))
        return self._door.call("witness_cosign", gives=str, newest=newest)[0]


@contextmanager
def page_server(door: Door, session: Session, lang: str) -> Iterator[Server]:
    """A page that the front listens for: each connection comes on a channel of its own."""
    from arlo_rec.listening.server import Server

    port, answers = door.call("listen", gives=int)[0], list[threading.Event]()
    with Server(session, lang, port=port) as server:
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
