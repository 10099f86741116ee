"""Another run of the program, which holds a lock and is stopped or works, as a person does to a process of theirs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HOLDS: Final = "root = FileRoot(place); held = root.lock(exclusive={exclusive}, wait=5); held.__enter__()"
STANDS: Final = "import time; time.sleep(600)"


@contextmanager
def other_run(place: Path, does: str, then: str, **pipes: int) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has done the one, says so, and then does the other."""
    begin = "import sys; from pathlib import Path; place = Path(sys.argv[2])"
    parts = (
        "from arlo_rec.vault.backends.files import FileRoot; "
        "from arlo_rec.vault.backends.sqlite import SqliteConnection"
    )
    code = f"{begin}; {parts}; {does}; print(flush=True); {then}"
    words = [sys.executable, "-c", code, "arlo-rec", str(place)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, **pipes) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == b"\n"
            yield process
        finally:
            process.kill()
