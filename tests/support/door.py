"""A door without sudo and ssh: the front in this process, and `arlo-rec serve` in one of its own.

Run as a module it is the other end: the program as it is, but that its clock stands still where a test says so.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from datetime import datetime
from pathlib import Path

from arlo_rec.edge.config import kept
from arlo_rec.edge.door.frames import packed
from arlo_rec.edge.door.words import value, way
from arlo_rec.law.model.errors import Usage
from tests.support.places import TOP

NOW = "ARLO_TEST_NOW"  # in the environment: the time at which the clock stands
FREE = 80_000_000_000  # bytes on the disk of a store in a transcript
WELL = {"core_pattern": "core", "is_clock_synchronised": True, "has_systemd": True}  # the machine of a transcript


def via(store: Path | str, person: str, config: str | None = None, account: str | None = None) -> str:
    """The command of a door to a store, for a person, as sudo would start it for that account."""
    words = [sys.executable, "-m", "tests.support.door", "serve", "--person", person, "--store", str(store)]
    started = [f"SUDO_USER={account}"] if account else []
    return shlex.join(["env", f"PYTHONPATH={TOP}", *started, *words, *(["--config", config] if config else [])])


def instead_of_the_store(words: list[str], environment: dict[str, str]) -> dict[str, str]:
    """The environment of somebody who has a door to the store that theirs names, where the words go through one."""
    outside = {key: text for key, text in environment.items() if key != "ARLO_REC_STORE"}
    if not environment["ARLO_REC_STORE"] or words[:1] in (["backup"], ["drill"]):  # which are the owner's
        return environment
    try:
        outside["ARLO_REC_VIA"] = via(
            environment["ARLO_REC_STORE"],
            whose(words, environment),
            value(words, "--config"),
            environment.get("LOGNAME"),
        )
        return outside if way(words, outside) is not None else environment
    except Usage:  # which the program itself says
        return outside


def whose(words: list[str], environment: dict[str, str]) -> str:
    """The person or service who types, by the options and the environment."""
    if words[:2] == ["recovery", "split"]:
        return "recovery"  # who has the paper types no name
    key = value(words, "--key-file") or environment.get("ARLO_REC_KEY_FILE")
    named = value(words, "--as")
    if key is not None and named is None:
        try:
            return str(json.loads(Path(key).read_bytes())["name"])
        except (KeyError, OSError, TypeError, ValueError):  # which the program itself says
            return Path(key).stem
    config = kept(value(words, "--config"), environment).text("as")
    return named or environment.get("ARLO_REC_AS") or config or environment.get("LOGNAME") or "nobody"


def _be_of_one_account() -> None:
    from arlo_rec.edge.commands.typed import TypedFiles

    TypedFiles.account_of_store = lambda _files: None  # type: ignore[method-assign]  # both ends are of one account here


def _stand_still() -> None:
    from arlo_rec.edge.commands.run import Run
    from arlo_rec.machine import surroundings
    from arlo_rec.machine.doctor import Machine
    from arlo_rec.vault.backends import mounts

    now = datetime.fromisoformat(os.environ[NOW])
    Run.now = lambda _run: now  # type: ignore[method-assign]
    mounts.file_system = lambda _folder: "ext4"
    room = surroundings.room
    surroundings.room = lambda store, now: room(store, now)._replace(free=FREE)
    Machine.read = classmethod(lambda cls: cls(**WELL))  # type: ignore[method-assign]


# -- a server that says what a test has written down ---------------------------------------------------

_SCRIPT = """
import os, sys, time
said, heard, mark, flags = sys.argv[1:5]
open(mark, "w").write(str(os.getpid()))
greeting = sys.stdin.buffer.readline
out = sys.stdout.buffer
raw = open(said, "rb").read()
begin, _, rest = raw.partition(b"\\n")
out.write(begin + (b"\\n" if _ else b"")); out.flush()
log = open(heard, "wb", buffering=0)
if rest or "w" in flags:
    sys.stdin.buffer.readline()
    head = sys.stdin.buffer.read(5)
    order = head + sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
    open(heard + ".order", "wb").write(order)
    out.write(rest); out.flush()
    open(mark + ".said", "w").close()
    if "d" in flags:
        time.sleep(60)
    if "w" not in flags:
        out.close(); os.close(1)
    while data := os.read(0, 65536):
        log.write(data)
"""


class Scripted:
    """A door behind which a script greets, reads the order, sends what it was given, and notes what it hears."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._place = folder / "here", folder / "there"
        self.folder.mkdir()
        self._place.mkdir()
        self.via = ""

    def says(self, told: bytes, *, waits: bool = False, is_deaf: bool = False) -> None:
        """Send *told*, and then close the pipe; or keep it open, and be deaf to its end."""
        for path in self._place.iterdir():
            path.unlink()
        (self._place / "said").write_bytes(told)
        flags = ("w" if waits else "") + ("d" if is_deaf else "") or "-"
        names = [str(self._place / name) for name in ("said", "heard", "mark")]
        self.via = shlex.join([sys.executable, "-S", "-E", "-c", _SCRIPT, *names, flags])

    def heard(self, *, order: bool = False) -> bytes:
        """What came after the order; or the order."""
        return (self._place / ("heard.order" if order else "heard")).read_bytes()

    def has_said(self) -> bool:
        """Whether all was sent."""
        return (self._place / "mark.said").exists()

    def is_running(self) -> bool:
        """Whether the script's process is there."""
        return Path("/proc", (self._place / "mark").read_text()).exists()

    def left(self) -> list[str]:
        """What lies in the folder of whoever typed, hidden names too, but for what the account remembers."""
        return [path.name for path in self.folder.iterdir() if path.name not in {"state", ".cache"}]


def frame(kind: bytes, body: bytes) -> bytes:
    """The bytes of a frame."""
    return kind + len(body).to_bytes(4, "big") + body


def call(name: str, data: bytes = b"", **values: object) -> bytes:
    """The bytes of a call."""
    return frame(b"q", packed({"call": 1, "name": name, **values}, data))


if __name__ == "__main__":
    from arlo_rec.__main__ import main

    _be_of_one_account()
    if NOW in os.environ:
        _stand_still()
    main()
