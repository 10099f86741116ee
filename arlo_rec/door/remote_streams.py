"""Standard streams of the person at the other end of the door."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from arlo_rec.door import frames
from arlo_rec.door.calls import Door
from arlo_rec.door.frames import PIECE, Broken
from arlo_rec.model.errors import Lost, Unreachable


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
        if len(data) > len(buffer):
            raise Lost
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
