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

from arlo_rec.door.words import value, way
from arlo_rec.model.errors import Usage
from arlo_rec.ui.config import kept
from tests.support.places import TOP

NOW = "ARLO_TEST_NOW"  # in the environment: the time at which the clock stands


def via(store: Path | str, person: str, config: str | None = None) -> str:
    """The command of a door to a store, for a person."""
    words = [sys.executable, "-m", "tests.support.door", "serve", "--person", person, "--store", str(store)]
    return shlex.join(["env", f"PYTHONPATH={TOP}", *words, *(["--config", config] if config else [])])


def instead_of_the_store(words: list[str], environment: dict[str, str]) -> dict[str, str]:
    """The environment of somebody who has a door to the store that theirs names, where the words go through one."""
    outside = {key: text for key, text in environment.items() if key != "ARLO_REC_STORE"}
    if not environment["ARLO_REC_STORE"] or words[:1] == ["backup"]:  # which is the owner's
        return environment
    try:
        outside["ARLO_REC_VIA"] = via(
            environment["ARLO_REC_STORE"], whose(words, environment), value(words, "--config")
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


def _stand_still() -> None:
    from arlo_rec.backends import files
    from arlo_rec.commands.run import Run
    from arlo_rec.recovery import backup_places

    now = datetime.fromisoformat(os.environ[NOW])
    Run.now = lambda _run: now  # type: ignore[method-assign]
    Run.account_of_store = lambda _run: None  # type: ignore[method-assign]  # both ends are of one account here
    for module in (files, backup_places, __import__("arlo_rec.oversight.status", fromlist=["status"])):
        module.file_system = lambda _folder: "ext4"


if __name__ == "__main__":
    from arlo_rec.__main__ import main

    if NOW in os.environ:
        _stand_still()
    main()
