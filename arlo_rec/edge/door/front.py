"""The front: the program that a person starts if another account owns the store.

It reaches the other end (`reached`), sends it the words typed, and answers its calls on this machine: read and write
the named files, ask for a passphrase, show a page. Nothing here needs Linux, and nothing is imported that only a
command needs.

Ctrl-C is for the other end; a second one leaves. If the door breaks, half-written files are removed.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from arlo_rec.edge.config import language
from arlo_rec.edge.door import frames
from arlo_rec.edge.door.client import LocalClient
from arlo_rec.edge.door.frames import Broken, Channels, Frame, Link, OtherVersion, take, told
from arlo_rec.edge.door.hands import (
    ASKING,
    DoorStore,
    NotOurs,
    Part,
    ReadingCalls,
    StateCalls,
    TerminalCalls,
    Values,
    WritingCalls,
    harmless,
)
from arlo_rec.edge.door.hands_of_session import KeyCalls, PageCalls, WitnessCalls
from arlo_rec.edge.door.reached import REASON_LONGEST, Reached, reach
from arlo_rec.edge.door.words import Named, Way, sent, socket_of, value
from arlo_rec.law.model.errors import ArloError, Interrupted, Unreachable, Usage
from arlo_rec.vault.backends.named_files import LocalStateFiles

MOST_WAITING: Final = 64  # frames that came and were not done yet: a call waits for its answer, and text is shown
STOPS: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
GREETING_WAIT: Final = 60.0  # seconds for the door to greet, where sudo or ssh has no place to ask for a password


def go_through(words: Sequence[str], way: Way) -> int:
    """Have the words done at the other end of the door; the exit status."""
    return _Front(words, way, _language(words, way)).run()


class Hands:
    """Every call that the other end may make."""

    def __init__(
        self,
        client: LocalClient,
        states: LocalStateFiles,
        door: DoorStore,
        named: Named,
        link: Link,
        channels: Channels,
    ) -> None:
        self._terminal = TerminalCalls(client, named)
        self._parts: list[Part] = [
            self._terminal,
            ReadingCalls(client, named),
            WritingCalls(client, named),
            StateCalls(states, door),
            KeyCalls(client, door),
            PageCalls(client, named, link, channels),
            WitnessCalls(client, named),
        ]
        self._calls = {name: call for part in self._parts for name, call in part.calls().items()}

    def __enter__(self) -> Hands:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove unfinished files; end the player, the port and the use of the key."""
        for part in self._parts:
            part.close()

    def show_held(self) -> None:
        """Show the answer that was held until the other end has ended; raises Unreachable."""
        self._terminal.show_held()

    def do(self, document: Mapping[str, Any], data: bytes) -> tuple[Any, bytes]:
        """Do one call: its result as JSON, and bytes; raises NotNamed, Broken, and the errors of the call."""
        call = self._calls.get(str(document.get("name")))
        if call is None:
            raise Broken
        result = call(Values(document), data)
        if isinstance(result, tuple):
            return result
        return (None, result) if isinstance(result, bytes) else (result, b"")


class _Front:
    """One command through the door."""

    def __init__(self, words: Sequence[str], way: Way, lang: str) -> None:
        self._words, self._way, self._lang = list(words), way, lang
        self._came: queue.Queue[Frame | None] = queue.Queue(MOST_WAITING)
        self._interrupted = 0
        self._is_asking = self._is_sending = False
        self._pressed_while_sending = False

    def run(self) -> int:
        """Start the door, and answer calls until its exit status arrives."""
        client = LocalClient()
        with reach(self._way.via, self._unreachable) as reached:
            link = reached.link
            self._greet(reached)
            link.send(frames.ORDER, frames.packed(self._order()))
            channels = Channels(link)
            files = client.state_files(self._way.config.state_dir(os.environ))
            door = DoorStore(files, " ".join(self._way.via))
            hands = Hands(client, files, door, Named(self._words, self._way.personal), link, channels)
            reader = threading.Thread(target=self._read, args=(link, channels), name="door", daemon=True)
            reached.follow(reader)
            with hands:
                return self._obey(link, hands)

    # -- the door -------------------------------------------------------------------------------------

    def _greet(self, reached: Reached) -> None:
        """Wait for the greeting, without a limit where a command is the door that can ask for a password.

        Raises Usage for another version, and Unreachable for a door that is silent.
        """
        ended = queue.Queue[Broken | None]()
        listener = threading.Thread(target=_listen, args=(reached.link, ended), name="greeting", daemon=True)
        reached.follow(listener)
        try:
            may_ask = socket_of(self._way.via) is None and can_be_asked()
            broken = ended.get(timeout=None if may_ask else GREETING_WAIT)
        except (queue.Empty, KeyboardInterrupt) as error:
            reached.give_up()
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted("interrupted") from None
            raise Unreachable("door_silent", via=self._via(), seconds=int(GREETING_WAIT)) from None
        if isinstance(broken, OtherVersion):
            raise Usage("door_version")
        if broken is not None:
            raise broken
        reached.forget(listener)
        reached.link.greet()

    def _unreachable(self, reason: str) -> Unreachable:
        return Unreachable("door_unreachable", via=self._via(), reason=reason)

    def _via(self) -> str:
        return " ".join(self._way.via)[:REASON_LONGEST]

    def _order(self) -> dict[str, Any]:
        """The words typed, and the facts of this machine that the other end needs to answer as if it were here."""
        size = shutil.get_terminal_size()
        streams = (sys.stdin, sys.stdout, sys.stderr)
        return {
            "words": sent(self._words),
            "personal": self._way.personal,
            "terminals": [bool(stream.isatty()) for stream in streams],
            "encodings": [[stream.encoding or "utf-8", stream.errors or "strict"] for stream in streams],
            "term": os.environ.get("TERM", ""),
            "no_color": os.environ.get("NO_COLOR", ""),
            "columns": str(size.columns),
            "lines": str(size.lines),
            "lang": self._lang,
        }

    # -- calls ----------------------------------------------------------------------------------------

    def _read(self, link: Link, channels: Channels) -> None:
        """Sort frames: bytes of channels go on at once, all others wait for their turn."""
        try:
            while True:
                frame = link.receive()
                if frame.kind in (frames.DATA, frames.TAKEN, frames.CLOSE):
                    take(channels, frame)
                else:
                    self._came.put(frame)
        except Broken:
            self._came.put(None)
            channels.end()
            if self._is_asking and os.name == "posix":  # a question on the terminal whose answer is no longer needed
                os.kill(os.getpid(), signal.SIGINT)

    def _obey(self, link: Link, hands: Hands) -> int:
        with self._ctrl_c_told(link):
            while True:
                frame = self._came.get()
                if frame is None:
                    raise Broken
                if frame.kind == frames.END:
                    if len(frame.body) != 1:
                        raise Broken
                    hands.show_held()
                    return frame.body[0]
                if frame.kind == frames.STDERR:
                    _write(sys.stderr, harmless(frame.body) if sys.stderr.isatty() else frame.body)
                else:
                    self._do(*frames.unpacked(frame.body), link, hands)

    def _do(self, document: dict[str, Any], data: bytes, link: Link, hands: Hands) -> None:
        """Do a call, and answer it."""
        number = document.get("call")
        answer: dict[str, Any] = {"call": number}
        more = b""
        try:
            self._is_asking = document.get("name") in ASKING
            try:
                result, more = hands.do(document, data)
            finally:
                self._is_asking = False
            answer["is"] = result
        except NotOurs:
            raise
        except (ArloError, OSError, KeyboardInterrupt) as error:
            answer["error"] = told(error)
        except Exception as error:
            if type(error).__name__ != "NoOwnSession":
                raise
            answer["error"] = told(error)
        with self._undisturbed(link):
            link.send(frames.ANSWER, frames.packed(answer, more))

    # -- Ctrl-C ---------------------------------------------------------------------------------------

    @contextmanager
    def _ctrl_c_told(self, link: Link) -> Iterator[None]:
        """Tell the other end of Ctrl-C, a stop or a closed terminal; leave at the second one."""

        def press(_number: int, _frame: object) -> None:
            if self._is_asking:  # the question, or the pager, is interrupted
                raise KeyboardInterrupt
            self._interrupted += 1
            if self._interrupted > 1:
                raise Interrupted("interrupted")
            if self._is_sending:
                self._pressed_while_sending = True
            else:
                self._tell_of_ctrl_c(link)

        usual = {number: signal.getsignal(number) for number in STOPS}
        for number, handler in usual.items():
            if handler != signal.SIG_IGN:  # as Ctrl-C is behind a shell's `&`, and a closed terminal behind nohup
                signal.signal(number, press)
        try:
            yield
        finally:
            for number, handler in usual.items():
                signal.signal(number, handler)

    @contextmanager
    def _undisturbed(self, link: Link) -> Iterator[None]:
        """Protect a frame that is being sent from Ctrl-C."""
        self._is_sending = True
        try:
            yield
        finally:
            self._is_sending = False
            if self._pressed_while_sending:
                self._pressed_while_sending = False
                self._tell_of_ctrl_c(link)

    def _tell_of_ctrl_c(self, link: Link) -> None:
        with suppress(Broken):
            link.send(frames.INTERRUPT)


def can_be_asked() -> bool:
    """Whether sudo or ssh could ask for a password: on the session's terminal, or in a window."""
    if LocalClient().screen().has_browser:
        return True
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _listen(link: Link, ended: queue.Queue[Broken | None]) -> None:
    """Read the greeting; tell how that ended."""
    try:
        link.demand_greeting()
    except Broken as broken:
        ended.put(broken)
    else:
        ended.put(None)


def _write(stream: Any, data: bytes) -> None:
    """Write bytes to one of our own streams, unchanged."""
    with suppress(OSError, ValueError):
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()


def _language(words: Sequence[str], way: Way) -> str:
    """The language of this run; the other end reports a wrong one."""
    configured = way.config.text("lang")
    named = value(words, "--lang")
    try:
        return language(named if named in {"nb", "en"} else None, os.environ, configured)
    except Usage:
        return "en"
