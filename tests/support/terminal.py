"""A person at a terminal: a shell on a pseudo-terminal of 80 columns, to which commands and answers are typed."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PATIENCE = 60.0  # seconds until a command has ended or asks something
_DONE = re.compile(r"\x1e(\d+)\x1e")  # the shell's prompt: the exit status of what was typed before
_ERASED = re.compile(r"[^\n]*(?:\n\r?\x1b\[1A)?\r?\x1b\[2K")  # a line that showed progress, and went
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Typed(NamedTuple):
    """What somebody types where they are asked; a secret is not shown."""

    text: str
    is_secret: bool


class Terminal:
    """A shell. *answer* says what is typed where the screen ends with a question; None where that is none.

    `screen` is what the command that runs has shown until now.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], answer: Callable[[str], Typed | None]) -> None:
        self._answer, self.screen = answer, ""
        self._ours, theirs = pty.openpty()
        self._shell = subprocess.Popen(
            ["setsid", "--ctty", "bash", "--norc", "--noediting", "-i"],
            cwd=folder,
            env={**environment, "TERM": "xterm", "COLUMNS": "80", "LINES": "60", "NO_COLOR": "1"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._read_until_prompt("stty -echo; PS2=; PS1=$'\\036$?\\036'")

    def run(self, command: str) -> tuple[str, int]:
        """Type a command and what it asks for; what the screen shows of it, and the exit status."""
        screen, status = self._read_until_prompt(command)
        return _CONTROLS.sub("", _ERASED.sub("", screen)), status

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self._ours, b"\x03")

    def close(self) -> None:
        """Hang up."""
        os.close(self._ours)
        self._shell.send_signal(signal.SIGHUP)
        self._shell.wait()

    def _read_until_prompt(self, command: str) -> tuple[str, int]:
        os.write(self._ours, f"{command}\n".encode())
        screen, deadline = "", time.monotonic() + PATIENCE
        while (done := _DONE.search(screen)) is None:
            assert time.monotonic() < deadline, f"{command}: {screen}"
            ready, _, _ = select.select([self._ours], [], [], 0.3)
            if ready:
                screen += os.read(self._ours, 65536).decode("utf-8", "replace")
                self.screen = screen
            elif typed := self._answer(screen.rpartition("\n")[2]):
                os.write(self._ours, f"{typed.text}\n".encode())
                screen += "" if typed.is_secret else f"{typed.text}\n"
        return screen[: done.start()], int(done[1])


def commands(block: str) -> Iterator[str]:
    """The commands of a block of shell, each with its here-document."""
    lines = block.splitlines()
    while lines:
        command = [lines.pop(0)]
        if found := re.search(r"<<(\w+)$", command[0]):
            while command[-1] != found[1]:
                command.append(lines.pop(0))
        yield "\n".join(command)
