"""Write the locks in requirements/ from the ranges in pyproject.toml: exact versions with hashes.

    python tools/make_locks.py              # the newest versions of everything
    python tools/make_locks.py NAME ...     # of these alone; what pyproject.toml newly asks for is added

They hold on Python 3.11 to 3.14. `./dev update` runs this with the uv that requirements/tools.txt names. First
everything is resolved together, then each lock begins with that answer: so a package has one version in all locks,
whichever of them are installed together. The tools are resolved apart: they have an environment of their own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
LOCKS: dict[str, tuple[str, ...]] = {  # the lock -> the extras in it, beside what the program itself needs
    "run": (),
    "dev": ("dev",),
    "asr": ("asr",),
    "postgres": ("postgres",),
    "s3": ("s3",),
    "cluster": ("cluster",),
    "oracle": ("oracle",),
    "fuzz": ("fuzz",),
    "engines": ("engines",),
}
COMPILE = (
    *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"),
    *("--fork-strategy", "fewest", "--python-version", "3.11", "--no-emit-index-url"),
    *("--custom-compile-command", "./dev update"),
)


def main() -> int:
    """Exit 0 with all locks written, 1 with none where pyproject.toml asks for what does not fit together."""
    names = sys.argv[1:]
    renewed = [word for name in names for word in ("--upgrade-package", name)] if names else ["--upgrade"]
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in _resolve(Path(folder), renewed).items():
                path = TOP / "requirements" / f"{name}.txt"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
    except subprocess.CalledProcessError:  # uv has said why
        return 1
    return 0


def _resolve(folder: Path, renewed: list[str]) -> dict[str, bytes]:
    together = folder / "together.txt"
    together.write_bytes(b"".join(map(_now, LOCKS)))
    extras = sorted({extra for extras in LOCKS.values() for extra in extras})
    _compile(together, "pyproject.toml", *_each("--extra", extras), *renewed)
    answer = together.read_bytes()
    for name, some in LOCKS.items():
        (folder / f"{name}.txt").write_bytes(answer)
        _compile(folder / f"{name}.txt", "pyproject.toml", *_each("--extra", some))
    (folder / "tools.txt").write_bytes(_now("tools"))
    _compile(folder / "tools.txt", "--group", "tools", *renewed)
    return {name: (folder / f"{name}.txt").read_bytes() for name in (*LOCKS, "tools")}


def _now(name: str) -> bytes:
    path = TOP / "requirements" / f"{name}.txt"
    return path.read_bytes() if path.exists() else b""


def _each(option: str, values: list[str] | tuple[str, ...]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _compile(output: Path, *words: str) -> None:
    """Uv takes the versions that stand in the output already, where nothing asks for others."""
    subprocess.run([*COMPILE, *words, "--output-file", str(output)], check=True, cwd=TOP)


if __name__ == "__main__":
    sys.exit(main())
