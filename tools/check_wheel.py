"""Build the wheel, install it away from the source, and let it live a whole demonstration.

What it needs comes from requirements/run.txt, by version and hash; pip then says whether the wheel asks for that.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


def main() -> None:
    """Exit 0 where the installed wheel runs; the demonstration's lines are printed."""
    with tempfile.TemporaryDirectory(prefix="arlo-rec-wheel-") as folder:
        base = Path(folder)
        _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, str(TOP))
        (wheel,) = base.glob("*.whl")
        venv.create(base / "venv", with_pip=True)
        python = base / "venv" / "bin" / "python"
        install = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _run(*install, "--require-hashes", "--only-binary", ":all:", "-r", str(TOP / "requirements" / "run.txt"))
        _run(*install, "--no-deps", "--no-index", str(wheel))
        _run(str(python), "-m", "pip", "check")
        _run(str(base / "venv" / "bin" / "arlo-rec"), "demo", "--lang", "en", cwd=base)
        print(f"{wheel.name}: built, installed away from the source, and its demo ran")


def _run(*words: str, cwd: Path = TOP) -> None:
    subprocess.run(words, check=True, cwd=cwd, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
