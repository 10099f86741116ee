"""What a command writes and where, from an audit hook and from looking at its home before and after.

The hook sees whatever Python opens for writing, makes, moves, removes or starts (PEP 578). SQLite writes without
it, which the look at the folders finds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATHS = {  # audit event -> how many of its first arguments are paths
    **dict.fromkeys(("os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "os.chown", "os.utime"), 1),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink", "shutil.move", "shutil.rmtree", "shutil.copyfile"), 2),
}
_HANDLES = {  # audit event -> where the handles of the folders stand in which its paths are looked up
    **dict.fromkeys(("os.remove", "os.rmdir"), (1,)),
    **dict.fromkeys(("os.mkdir", "os.chmod"), (2,)),
    **dict.fromkeys(("os.rename", "os.link"), (2, 3)),
    **dict.fromkeys(("os.chown", "os.utime"), (3,)),
}
_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "socket.bind")
_seen: list[str] | None = None
_hooked = False


@contextmanager
def watched() -> Iterator[list[str]]:
    """The paths that are written inside, as they are; and whatever is started but our own decoder."""
    global _seen, _hooked
    if not _hooked:
        sys.addaudithook(_hook)  # there is no way to take it away again
        _hooked = True
    _seen = found = []
    original = os.open

    def opened(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """`os.open`, of whose event the folder's handle is no part."""
        if flags & _WRITING and dir_fd is not None:
            _note(path, dir_fd)
            with _paused():
                return original(path, flags, mode, dir_fd=dir_fd)
        return original(path, flags, mode, dir_fd=dir_fd)

    os.open = opened
    try:
        yield found
    finally:
        os.open = original
        _seen = None


@contextmanager
def _paused() -> Iterator[None]:
    """Nothing is noted inside."""
    global _seen
    kept, _seen = _seen, None
    try:
        yield
    finally:
        _seen = kept


def outside(written: list[str], allowed: list[Path]) -> list[str]:
    """What of it lies in none of the allowed folders; byte code of modules aside."""
    places = tuple(f"{one}/" for one in allowed) + tuple(map(str, allowed))
    harmless = (os.devnull,)
    return [one for one in written if not one.startswith(places) and one not in harmless and ".pyc" not in one]


def lying_in(folder: Path, *, but: list[Path]) -> dict[str, tuple[int, int, int]]:
    """Every file below *folder* with its size, time and mode, without some folders."""
    found, waiting = {}, [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for one in entries:
                if Path(one.path) in but:
                    continue
                about = one.stat(follow_symlinks=False)
                found[one.path] = about.st_size, about.st_mtime_ns, about.st_mode
                if one.is_dir(follow_symlinks=False):
                    waiting.append(Path(one.path))
    return found


def _hook(event: str, words: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event == "open":
        path, _, flags = words
        if flags & _WRITING:
            _note(path)
    elif event in _PATHS:
        handles = [words[place] for place in _HANDLES.get(event, ())]
        for path, handle in zip_longest(words[: _PATHS[event]], handles, fillvalue=-1):
            _note(path, handle)
    elif event in _STARTS and not (event == "subprocess.Popen" and words[1][1:3] == ["-s", "-P"]):
        assert _seen is not None
        _seen.append(f"{event} {words[:2]!r}")


def _note(path: Any, folder: int = -1) -> None:
    if not isinstance(path, int):  # a descriptor: its path was noted when it was opened
        assert _seen is not None
        name = os.fsdecode(path)
        if name.startswith("/proc/self/fd/"):  # a file without a name gets one: what counts is where it lies
            name = os.readlink(name)  # noqa: PTH115 - text
        if folder >= 0:
            name = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)  # noqa: PTH115, PTH118 - text
        _seen.append(os.path.abspath(name))  # noqa: PTH100 - of a name that is no path, too
