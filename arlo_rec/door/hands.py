"""What the front does when the other end asks: each call by its name, for the files that were named and no others.

A call that nobody's command makes, or with other values, is Broken: the door is shut. A path that nobody named raises
NotNamed, and the front ends by it, whatever the other end makes of it.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from arlo_rec.backends.named_files import Writing, translated
from arlo_rec.backends.state_files import LONGEST as STATE_BYTES
from arlo_rec.backends.state_files import StateFiles
from arlo_rec.door.channels import Channel, Channels
from arlo_rec.door.client import LocalClient, Player
from arlo_rec.door.frames import LONGEST, OPEN, PIECE, Broken, Link, of_channel
from arlo_rec.door.words import Named
from arlo_rec.model.errors import Usage

if TYPE_CHECKING:
    from arlo_rec.offsite.witness_key import Seat

Result = tuple[Any, bytes]
FILE_LONGEST: Final = 1024 * 1024 * 1024  # bytes of a file that is read; the longest that a command wants is 256 MiB
FOLDER_LONGEST: Final = 64 * 1024 * 1024  # bytes of a folder that is written: published pages have one
MOST_OPEN: Final = 16  # files that are written at once; a command writes one
LEAF: Final = 32  # bytes
_LEAVES_LONGEST: Final = 1024 * 1024 * 1024
_PLAYER: Final = 1  # the number of a player's channel; connections have those behind it


class NotNamed(Usage):
    """The other end asked for a path that nobody named."""

    def __init__(self, path: Path) -> None:
        super().__init__("not_named", path=str(path))


class Hands:
    """Everything that can be asked for, and what is left over of it at the end."""

    def __init__(self, client: LocalClient, states: StateFiles, named: Named, link: Link, channels: Channels) -> None:
        self._client, self._states, self._named = client, states, named
        self._link, self._channels = link, channels
        self._reading = b""
        self._writing: dict[int, Writing] = {}
        self._folder: dict[str, bytearray] = {}
        self._keys: set[int] = set()  # of the keyring, that are ours
        self._listening: _Listening | None = None
        self._player: Player | None = None
        self._playing: Channel | None = None
        self._witness = ExitStack()
        self._seat: Seat | None = None
        self._leaves = bytearray()
        self._calls = {name.removeprefix("_do_"): getattr(self, name) for name in dir(self) if name.startswith("_do_")}

    def __enter__(self) -> Hands:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing half stays: files without their last word, a player, an open port, a locked key."""
        for writing in self._writing.values():
            with suppress(Exception):
                writing.drop()
        if self._player is not None:
            self._player.kill()
        if self._listening is not None:
            self._listening.close()
        self._witness.close()

    def do(self, document: Mapping[str, Any], data: bytes) -> Result:
        """Do one call; raises NotNamed, Broken, and what the call raises."""
        call = self._calls.get(str(document.get("name")))
        if call is None:
            raise Broken
        values = {name: value for name, value in document.items() if name not in {"call", "name"}}
        result: Result = call(_Values(values), data)
        return result

    # -- terminal -------------------------------------------------------------------------------------

    def _do_stdout(self, _: _Values, data: bytes) -> Result:
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            raise translated(error) from None
        return None, b""

    def _do_stdin(self, values: _Values, _: bytes) -> Result:
        """What is typed, or piped in where somebody said so."""
        if not (sys.stdin.isatty() or self._named.may_read_stdin):
            raise NotNamed(Path("-"))
        raw = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return None, raw.read(min(values.number("most"), PIECE)) or b""

    def _do_ask_secret(self, values: _Values, _: bytes) -> Result:
        if not sys.stdin.isatty():
            raise Broken
        return None, self._client.ask_secret(values.text("question")).encode("utf-8", "surrogateescape")

    def _do_show_pages(self, _: _Values, data: bytes) -> Result:
        return sys.stdout.isatty() and self._client.show_pages(data.decode("utf-8", "replace")), b""

    def _do_is_in_foreground(self, _: _Values, __: bytes) -> Result:
        return self._client.is_in_foreground(), b""

    # -- files ----------------------------------------------------------------------------------------

    def _do_demand_new(self, values: _Values, _: bytes) -> Result:
        self._client.files.demand_new(self._to_write(values))
        return None, b""

    def _do_demand_new_folder(self, values: _Values, _: bytes) -> Result:
        return str(self._client.files.demand_new_folder(self._to_write(values))), b""

    def _do_read(self, values: _Values, _: bytes) -> Result:
        path = values.path()
        if not self._named.may_be_read(path):
            raise NotNamed(path)
        most = min(values.number("most"), FILE_LONGEST)
        self._reading = self._client.files.read(path, most, pipes=values.truth("pipes"))
        self._named.note_sounds(path, self._reading)
        return len(self._reading), self._reading[:PIECE]

    def _do_read_on(self, values: _Values, _: bytes) -> Result:
        at = values.number("at")
        return None, self._reading[at : at + PIECE]

    def _do_secret(self, values: _Values, _: bytes) -> Result:
        path = values.path()
        if not self._named.is_secret(path):
            raise NotNamed(path)
        return None, self._client.files.secret(path)

    def _do_names(self, values: _Values, _: bytes) -> Result:
        path = values.path()
        if not self._named.may_be_read(path):
            raise NotNamed(path)
        return self._client.files.names(path), b""

    def _do_absolute(self, values: _Values, _: bytes) -> Result:
        return str(self._client.files.absolute(values.path())), b""

    def _do_begin(self, values: _Values, _: bytes) -> Result:
        if len(self._writing) >= MOST_OPEN:
            raise Broken
        number = max(self._writing, default=0) + 1
        self._writing[number] = self._client.files.begin(self._to_write(values))
        return number, b""

    def _do_write(self, values: _Values, data: bytes) -> Result:
        self._file(values).write(data)
        return None, b""

    def _do_name(self, values: _Values, _: bytes) -> Result:
        self._file(values).name()
        return None, b""

    def _do_keep(self, values: _Values, _: bytes) -> Result:
        self._file(values).keep()
        del self._writing[values.number("file")]
        return None, b""

    def _do_drop(self, values: _Values, _: bytes) -> Result:
        self._file(values).drop()
        del self._writing[values.number("file")]
        return None, b""

    def _do_write_secret(self, values: _Values, data: bytes) -> Result:
        self._client.files.write_secret(self._to_write(values), data)
        return None, b""

    def _do_remove(self, values: _Values, _: bytes) -> Result:
        self._client.files.remove(self._to_write(values))
        return None, b""

    def _do_file_of_folder(self, values: _Values, data: bytes) -> Result:
        name = values.text("file")
        if Path(name).name != name or "\\" in name or sum(map(len, self._folder.values())) > FOLDER_LONGEST:
            raise Broken
        self._folder.setdefault(name, bytearray()).extend(data)
        return None, b""

    def _do_write_folder(self, values: _Values, _: bytes) -> Result:
        files = {name: bytes(content) for name, content in self._folder.items()}
        self._client.files.write_folder(self._to_write(values), files)
        return None, b""

    def _do_append_note(self, values: _Values, _: bytes) -> Result:
        path = values.path()
        if not self._named.may_be_appended_to(path):
            raise NotNamed(path)
        return self._client.append_note(path, values.text("note")), b""

    def _to_write(self, values: _Values) -> Path:
        """A path that was named to be written; raises NotNamed. What is resolved lies where it was named."""
        path = values.path()
        if not (self._named.may_be_written(path) or self._is_resolved(path)):
            raise NotNamed(path)
        return path

    def _is_resolved(self, path: Path) -> bool:
        """Whether that is the whole path of a folder that was named to be written."""
        return any(path == Path(named).resolve() for named in self._named.written())

    def _file(self, values: _Values) -> Writing:
        writing = self._writing.get(values.number("file"))
        if writing is None:
            raise Broken
        return writing

    # -- what the account remembers -------------------------------------------------------------------

    def _do_read_state(self, values: _Values, _: bytes) -> Result:
        content = self._states.read(values.store())
        return content is not None, content or b""

    def _do_write_state(self, values: _Values, data: bytes) -> Result:
        if len(data) > STATE_BYTES:
            raise Broken
        self._states.write(values.store(), data)
        return None, b""

    def _do_forget_state(self, values: _Values, _: bytes) -> Result:
        self._states.forget(values.store())
        return None, b""

    # -- keyring --------------------------------------------------------------------------------------

    def _do_keyring_demand_own_session(self, _: _Values, __: bytes) -> Result:
        self._client.keyring.demand_own_session()
        return None, b""

    def _do_keyring_prepare(self, values: _Values, data: bytes) -> Result:
        key = self._client.keyring.prepare(self._description(values), bytearray(data), values.number("seconds"))
        self._keys.add(key)
        return key, b""

    def _do_keyring_put_into_session(self, values: _Values, _: bytes) -> Result:
        self._client.keyring.put_into_session(self._key(values))
        return None, b""

    def _do_keyring_search(self, values: _Values, _: bytes) -> Result:
        key = self._client.keyring.search(self._description(values))
        self._keys |= set() if key is None else {key}
        return key, b""

    def _do_keyring_read(self, values: _Values, _: bytes) -> Result:
        return None, bytes(self._client.keyring.read(self._key(values), min(values.number("most"), PIECE)))

    def _do_keyring_keys_of_session(self, _: _Values, __: bytes) -> Result:
        """The keys that are ours; nothing of the others."""
        from arlo_rec.crypto.kernel_keyring import BEGINS

        ours = [(key, told) for key, told in self._client.keyring.keys_of_session() if told.startswith(BEGINS)]
        self._keys |= {key for key, _ in ours}
        return ours, b""

    def _do_keyring_forget(self, values: _Values, _: bytes) -> Result:
        self._client.keyring.forget(self._key(values))
        return None, b""

    def _description(self, values: _Values) -> str:
        from arlo_rec.crypto.kernel_keyring import BEGINS

        description = values.text("description")
        if not description.startswith(BEGINS):
            raise Broken
        return description

    def _key(self, values: _Values) -> int:
        key = values.number("key", least=-(2**31))
        if key not in self._keys:
            raise Broken
        return key

    # -- pages and players ----------------------------------------------------------------------------

    def _do_screen(self, _: _Values, __: bytes) -> Result:
        return list(self._client.screen()), b""

    def _do_browse(self, values: _Values, _: bytes) -> Result:
        url = values.text("url")
        if self._listening is None or not url.startswith(f"http://127.0.0.1:{self._listening.port}/#"):
            raise Broken
        return self._client.browse(url), b""

    def _do_listen(self, _: _Values, __: bytes) -> Result:
        if self._listening is not None or not self._named.may_listen:
            raise Broken
        self._listening = _Listening(self._link, self._channels)
        return self._listening.port, b""

    def _do_listen_no_more(self, _: _Values, __: bytes) -> Result:
        if self._listening is not None:
            self._listening.close()
        return None, b""

    def _do_play(self, values: _Values, _: bytes) -> Result:
        words = values.texts("words")
        if not words or words != self._named.player or self._player is not None:
            raise Broken
        self._player = self._client.player(words)
        self._playing = self._channels.add(_PLAYER)
        return _PLAYER, b""

    def _do_play_now(self, _: _Values, __: bytes) -> Result:
        player, channel = self._player, self._playing
        if player is None or channel is None:
            raise Broken
        threading.Thread(target=_pour, args=(channel, player), name="player", daemon=True).start()
        return None, b""

    def _do_play_wait(self, values: _Values, _: bytes) -> Result:
        if self._player is None:
            raise Broken
        return self._player.wait(min(values.seconds(), 1.0)), b""

    def _do_play_kill(self, _: _Values, __: bytes) -> Result:
        if self._player is not None:
            self._player.kill()
        return None, b""

    # -- witness --------------------------------------------------------------------------------------

    def _do_witness(self, values: _Values, _: bytes) -> Result:
        path = values.path()
        if not self._named.is_witness_key(path):
            raise NotNamed(path)
        self._seat = seat = self._witness.enter_context(self._client.witness(path))
        return [seat.name, seat.vkey, seat.seen], b""

    def _do_witness_leaves(self, _: _Values, data: bytes) -> Result:
        if len(data) % LEAF or len(self._leaves) > _LEAVES_LONGEST:
            raise Broken
        self._leaves += data
        return None, b""

    def _do_witness_cosign(self, values: _Values, _: bytes) -> Result:
        if self._seat is None:
            raise Broken
        leaves = (bytes(self._leaves[at : at + LEAF]) for at in range(0, len(self._leaves), LEAF))
        return self._seat.cosign(values.text("newest"), leaves, values.number("at")), b""

    def _do_witness_end(self, _: _Values, __: bytes) -> Result:
        self._witness.close()
        return None, b""


class _Values:
    """The values of a call; each raises Broken where it is another than the call takes."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str) or "\0" in value:
            raise Broken
        return value

    def texts(self, name: str) -> list[str]:
        value = self._values.get(name)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise Broken
        return value

    def number(self, name: str, *, least: int = 0) -> int:
        value = self._values.get(name)
        if type(value) is not int or not least <= value < 2**53:
            raise Broken
        return value

    def truth(self, name: str) -> bool:
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise Broken
        return value

    def seconds(self) -> float:
        value = self._values.get("seconds")
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < LONGEST:
            raise Broken
        return float(value)

    def path(self) -> Path:
        return Path(self.text("path"))

    def store(self) -> bytes:
        try:
            store = bytes.fromhex(self.text("store"))
        except ValueError:
            raise Broken from None
        if len(store) != 16:
            raise Broken
        return store


class _Listening:
    """A port of this machine that browsers of this account reach, each connection on a channel of its own."""

    def __init__(self, link: Link, channels: Channels) -> None:
        self._link, self._channels = link, channels
        self._number = _PLAYER
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._accept, name="listen", daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._socket.close()

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
        """Bytes of a browser to the other end, and on another thread back."""
        back = threading.Thread(target=_pump_back, args=(channel, connection), name="to browser", daemon=True)
        back.start()
        with suppress(OSError, Broken):
            while data := connection.recv(64 * 1024):
                channel.send(data)
        with suppress(Broken):
            channel.close()
        back.join()
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
    """Whether a connection is of this account, where the system can say: on Linux."""
    if sys.platform != "linux":
        return True
    import os

    from arlo_rec.listening.loopback import account_of

    return account_of(address, connection.getsockname()) == os.geteuid()


def _pour(channel: Channel, player: Player) -> None:
    """What comes on a channel is played."""
    with suppress(OSError, Broken), player.pipe as pipe:
        while data := channel.receive():
            pipe.write(data)
            pipe.flush()
    with suppress(Broken):
        channel.close()
