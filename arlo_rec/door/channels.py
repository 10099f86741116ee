"""Streams through the door: a browser's connections, and what a player plays.

Each channel is a number. An end sends at most WINDOW bytes of a channel that the other has not taken yet, so that a
browser that reads slowly holds up itself alone, and neither end keeps more than that of it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from arlo_rec.door.frames import (
    CLOSE,
    DATA,
    TAKEN,
    WINDOW,
    Broken,
    Frame,
    Link,
    as_count,
    channel_of,
    count_of,
    of_channel,
)

MOST: int = 256  # channels that are open at once; a browser has six


class Channel:
    """One stream, in both directions; every method is safe to call from another thread."""

    def __init__(self, link: Link, number: int) -> None:
        self.number = number
        self._link = link
        self._changed = threading.Condition()
        self._came: deque[bytes] = deque()
        self._waiting = 0  # bytes that came and were not received yet
        self._room = WINDOW  # bytes that may be sent
        self._is_over = False  # nothing more comes
        self._is_closed = False  # nothing more is sent

    def send(self, data: bytes) -> None:
        """Send bytes as the other end takes them; raises Broken where it takes no more."""
        at = 0
        while at < len(data):
            with self._changed:
                self._changed.wait_for(lambda: self._room or self._is_over or self._is_closed)
                if self._is_over or self._is_closed:
                    raise Broken
                size = min(self._room, len(data) - at)
                self._room -= size
            self._link.send(DATA, of_channel(self.number, data[at : at + size]))
            at += size

    def receive(self) -> bytes:
        """What came; empty once nothing more comes."""
        with self._changed:
            self._changed.wait_for(lambda: self._came or self._is_over or self._is_closed)
            data = self._came.popleft() if self._came else b""
            self._waiting -= len(data)
            is_told = bool(data) and not self._is_over
        if is_told:
            self._link.send(TAKEN, of_channel(self.number, as_count(len(data))))
        return data

    def close(self) -> None:
        """Send no more; the other end is told once."""
        with self._changed:
            was_closed, self._is_closed = self._is_closed, True
            self._changed.notify_all()
        if not was_closed:
            self._link.send(CLOSE, of_channel(self.number))

    # -- by whoever reads the frames ------------------------------------------------------------------

    def arrived(self, data: bytes) -> None:
        """Bytes came; raises Broken where they are more than were let come."""
        with self._changed:
            if self._waiting + len(data) > WINDOW:
                raise Broken
            self._came.append(data)
            self._waiting += len(data)
            self._changed.notify_all()

    def taken(self, count: int) -> None:
        """The other end took bytes; raises Broken where it took more than were sent."""
        with self._changed:
            self._room += count
            if self._room > WINDOW:
                raise Broken
            self._changed.notify_all()

    def over(self) -> None:
        """Nothing more comes."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()


class Channels:
    """The open channels of a link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._open: dict[int, Channel] = {}

    def add(self, number: int) -> Channel:
        """A new one; raises Broken where that number is none, or in use, or too many are open."""
        with self._lock:
            if not 0 <= number < 2**32 or number in self._open or len(self._open) >= MOST:
                raise Broken
            channel = self._open[number] = Channel(self._link, number)
        return channel

    def forget(self, channel: Channel) -> None:
        """It is over at both ends."""
        with self._lock:
            self._open.pop(channel.number, None)

    def tell(self, number: int, what: Callable[[Channel], None]) -> None:
        """Tell a channel what came for it; what comes for one that is over is nothing."""
        with self._lock:
            channel = self._open.get(number)
        if channel is not None:
            what(channel)

    def end(self) -> None:
        """The link is broken: nothing more comes on any of them."""
        with self._lock:
            every = list(self._open.values())
        for channel in every:
            channel.over()


def take(channels: Channels, frame: Frame) -> None:
    """What came for a channel; raises Broken."""
    number, data = channel_of(frame.body)
    if frame.kind == DATA:
        channels.tell(number, lambda channel: channel.arrived(data))
    elif frame.kind == TAKEN:
        count = count_of(data)
        channels.tell(number, lambda channel: channel.taken(count))
    else:
        channels.tell(number, Channel.over)
