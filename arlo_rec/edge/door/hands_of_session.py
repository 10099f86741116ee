"""Calls for the person's session: the keys of an unlock, a page in the browser, a player, a witness."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

from arlo_rec.desk.loopback import Place, account_of, drawn_host
from arlo_rec.edge.door.client import LocalClient, Player
from arlo_rec.edge.door.frames import OPEN, PIECE, Broken, Channel, Channels, Link, of_channel
from arlo_rec.edge.door.hands import DoorStore, NotNamed, Part, Result, Values
from arlo_rec.edge.door.words import Named
from arlo_rec.vault.crypto.kernel_keyring import BEGINS

if TYPE_CHECKING:
    from arlo_rec.vault.offsite.witness_key import Seat

LEAF: Final = 32  # bytes
LEAVES_LONGEST: Final = 1024 * 1024 * 1024
LAST_WORD: Final = 1.0  # seconds for bytes on their way to a browser
BROWSER_WAIT: Final = 2.0  # seconds for it to say that it is not there
_PLAYER: Final = 1  # the number of a player's channel; connections have those behind it


class KeyCalls(Part):
    """The session's keyring, limited to unlocks of the store to which this door leads."""

    def __init__(self, client: LocalClient, door: DoorStore) -> None:
        self._client, self._door = client, door
        self._keys: set[int] = set()

    def do_keyring_demand_own_session(self, _: Values, __: bytes) -> None:
        """See Keyring."""
        self._client.keyring.demand_own_session()

    def do_keyring_prepare(self, values: Values, data: bytes) -> Result:
        """See Keyring."""
        key = self._client.keyring.prepare(self._description(values), bytearray(data), values.number("seconds"))
        self._keys.add(key)
        return key

    def do_keyring_put_into_session(self, values: Values, _: bytes) -> None:
        """See Keyring."""
        self._client.keyring.put_into_session(self._key(values))

    def do_keyring_search(self, values: Values, _: bytes) -> Result:
        """See Keyring."""
        key = self._client.keyring.search(self._description(values))
        self._keys |= set() if key is None else {key}
        return key

    def do_keyring_read(self, values: Values, _: bytes) -> Result:
        """See Keyring."""
        return bytes(self._client.keyring.read(self._key(values), min(values.number("most"), PIECE)))

    def do_keyring_keys_of_session(self, _: Values, __: bytes) -> Result:
        """The keys of that store; none of others."""
        begins = f"{BEGINS}{self._door.id.hex()}:" if self._door.id is not None else "\0"
        ours = [
            (key, description)
            for key, description in self._client.keyring.keys_of_session()
            if description.startswith(begins)
        ]
        self._keys |= {key for key, _ in ours}
        return ours

    def do_keyring_forget(self, values: Values, _: bytes) -> None:
        """See Keyring."""
        self._client.keyring.forget(self._key(values))

    def _description(self, values: Values) -> str:
        description = values.text("description")
        begin, _, rest = description.removeprefix(BEGINS).partition(":")
        if not description.startswith(BEGINS) or not rest:
            raise Broken
        self._door.demand(Values({"store": begin}).store())
        return description

    def _key(self, values: Values) -> int:
        key = values.number("key", least=-(2**31))
        if key not in self._keys:
            raise Broken
        return key


class PageCalls(Part):
    """A page that is served through the door, and a player."""

    def __init__(self, client: LocalClient, named: Named, link: Link, channels: Channels) -> None:
        self._client, self._named, self._link, self._channels = client, named, link, channels
        self._listening: _Listening | None = None
        self._player: Player | None = None
        self._playing: Channel | None = None

    def close(self) -> None:
        """End the player, and take no more connections."""
        if self._player is not None:
            self._player.kill()
        if self._listening is not None:
            self._listening.end()

    def do_screen(self, _: Values, __: bytes) -> Result:
        """See Client."""
        return list(self._client.screen())

    def do_browse(self, values: Values, _: bytes) -> Result:
        """Open the page that is served here, and no other address."""
        url = values.text("url")
        ours = f"{self._listening.place.origin}/" if self._listening is not None else ""
        if not ours or not url.startswith((f"{ours}#", f"{ours}desk#")):
            raise Broken
        opened = list[bool]()
        opening = threading.Thread(target=lambda: opened.append(self._client.browse(url)), name="browser", daemon=True)
        opening.start()
        opening.join(BROWSER_WAIT)
        return all(opened)  # a browser that does not return in time is there

    def do_listen(self, _: Values, __: bytes) -> Result:
        """Serve a page; its address and port."""
        if self._listening is not None or not self._named.may_listen:
            raise Broken
        host = drawn_host(by_ssh=self._client.screen().ssh_host is not None)
        self._listening = _Listening(self._link, self._channels, host)
        return list(self._listening.place)

    def do_listen_no_more(self, _: Values, __: bytes) -> None:
        """Take no more connections."""
        if self._listening is not None:
            self._listening.close()

    def do_play(self, values: Values, _: bytes) -> Result:
        """Start the named player; the number of its channel."""
        words = values.texts("words")
        if not words or words != self._named.player or self._player is not None:
            raise Broken
        self._player = self._client.player(words)
        self._playing = self._channels.add(_PLAYER)
        return _PLAYER

    def do_play_now(self, _: Values, __: bytes) -> None:
        """Begin to play the channel."""
        player, channel = self._player, self._playing
        if player is None or channel is None:
            raise Broken
        threading.Thread(target=_pour, args=(channel, player), name="player", daemon=True).start()

    def do_play_wait(self, values: Values, _: bytes) -> Result:
        """See Player."""
        if self._player is None:
            raise Broken
        return self._player.wait(min(values.seconds(), 1.0))

    def do_play_kill(self, _: Values, __: bytes) -> None:
        """See Player."""
        if self._player is not None:
            self._player.kill()


class WitnessCalls(Part):
    """Calls for a witness whose key was named."""

    def __init__(self, client: LocalClient, named: Named) -> None:
        self._client, self._named = client, named
        self._held = ExitStack()
        self._seat: Seat | None = None
        self._leaves = bytearray()

    def close(self) -> None:
        """Forget the key."""
        self._held.close()

    def do_witness(self, values: Values, _: bytes) -> Result:
        """See Client; its name, its key and its last cosigned size."""
        path = values.path()
        if not self._named.is_witness_key(path):
            raise NotNamed(path)
        self._seat = seat = self._held.enter_context(self._client.witness(path))
        return [seat.name, seat.vkey, seat.seen]

    def do_witness_leaves(self, _: Values, data: bytes) -> None:
        """Leaves of the log, in order."""
        if len(data) % LEAF or len(self._leaves) > LEAVES_LONGEST:
            raise Broken
        self._leaves += data

    def do_witness_cosign(self, values: Values, _: bytes) -> Result:
        """See Seat."""
        if self._seat is None:
            raise Broken
        leaves = (bytes(self._leaves[at : at + LEAF]) for at in range(0, len(self._leaves), LEAF))
        return self._seat.cosign(values.text("newest"), leaves, int(time.time()))

    def do_witness_end(self, _: Values, __: bytes) -> None:
        """Forget the key."""
        self._held.close()


class _Listening:
    """A place of this machine for browsers of this account, each connection on a channel of its own."""

    def __init__(self, link: Link, channels: Channels, host: str) -> None:
        self._link, self._channels = link, channels
        self._number = _PLAYER
        self._backs = list[threading.Thread]()  # threads that write to browsers
        self._socket = socket.create_server((host, 0))
        self.place = Place(*self._socket.getsockname())
        threading.Thread(target=self._accept, name="listen", daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._socket.close()

    def end(self) -> None:
        """The same, after bytes on their way to a browser arrived."""
        self.close()
        until = time.monotonic() + LAST_WORD
        for back in list(self._backs):
            back.join(max(0.0, until - time.monotonic()))

    def _accept(self) -> None:
        with suppress(OSError, Broken):
            while True:
                connection, address = self._socket.accept()
                if not _is_ours(connection, address):
                    connection.close()
                    continue
                self._number += 1
                channel = self._channels.add(self._number)
                self._link.send(OPEN, of_channel(channel.number))
                both = threading.Thread(target=self._pump, args=(channel, connection), name="browser", daemon=True)
                both.start()

    def _pump(self, channel: Channel, connection: socket.socket) -> None:
        """Copy bytes from a browser to the other end, and on another thread back."""
        back = threading.Thread(target=_pump_back, args=(channel, connection), name="to browser", daemon=True)
        self._backs.append(back)
        back.start()
        with suppress(OSError, Broken):
            while data := connection.recv(64 * 1024):
                channel.send(data)
        with suppress(Broken):
            channel.close()
        back.join()
        self._backs.remove(back)
        with suppress(OSError):
            connection.close()
        self._channels.forget(channel)


def _pump_back(channel: Channel, connection: socket.socket) -> None:
    with suppress(OSError, Broken):
        while data := channel.receive():
            connection.sendall(data)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _is_ours(connection: socket.socket, address: tuple[str, int]) -> bool:
    """Whether a connection is of this account; always True on a system that cannot say (not Linux)."""
    if sys.platform != "linux":
        return True
    return account_of(address, connection.getsockname()) == os.geteuid()


def _pour(channel: Channel, player: Player) -> None:
    """Play the bytes of a channel."""
    with suppress(OSError, Broken), player.pipe as pipe:
        while data := channel.receive():
            pipe.write(data)
            pipe.flush()
    with suppress(Broken):
        channel.close()
