"""Paths that somebody named on the command line, before anything is done with them."""

from __future__ import annotations

import os
from pathlib import Path

from arlo_rec.model.errors import Usage


def new_file(path: Path) -> Path:
    """A file that can be written: not there yet, in a folder that is; raises Usage before anything is done."""
    if os.path.lexists(nameable(path)):
        raise Usage("out_exists", path=str(path))
    if not os.path.isdir(path.parent):  # noqa: PTH112 - never raises
        raise Usage("no_such_folder", path=str(path.parent))
    return path


def new_folder(path: Path) -> Path:
    """A folder that can be written: not there yet, or empty, in one that is; raises Usage before anything is done."""
    nameable(path)
    folder = Path(os.path.realpath(path))
    if os.path.lexists(folder) and not (os.path.isdir(folder) and _is_empty(folder)):  # noqa: PTH112 - never raises
        raise Usage("out_not_empty", path=str(path))
    if not os.path.isdir(folder.parent):  # noqa: PTH112 - never raises
        raise Usage("no_such_folder", path=str(folder.parent))
    return folder


def _is_empty(folder: Path) -> bool:
    try:
        with os.scandir(folder) as names:
            return next(names, None) is None
    except OSError:
        return False


def file_or_shown(path: Path | None, *, as_json: bool) -> Path | None:
    """The file that is to be written; None where it is to be shown: without one, or with `-`. Raises Usage."""
    if path is None or str(path) != "-":
        return path
    if as_json:
        raise Usage("json_and_stdout")
    return None


def nameable(path: Path) -> Path:
    """A path that this machine can look up, whether or not something lies there; raises Usage."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:  # too long, a circle of links, a folder that is closed to us
        raise Usage("path_does_not_go", path=str(path)[:100], reason=error.strerror or "") from None
    return path
