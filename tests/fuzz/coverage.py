"""One target under atheris, which keeps what reaches new code: `python -m tests.fuzz.coverage TARGET RUNS SEED FOLDER`.

It runs in a process of its own, which atheris ends: with status 0, or another one for an input that went wrong
and that it leaves in FOLDER.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["arlo_rec"]):
    from tests.fuzz.judge import LIMIT
    from tests.fuzz.targets import targets


def main(name: str, runs: str, seed: str, folder: Path) -> None:
    """Never returns."""
    files, corpus = folder / "files", folder / "corpus"
    for one in (files, corpus):
        one.mkdir(parents=True)
    target = next(one for one in targets(files) if one.name == name)
    for number, raw in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(raw)

    def mutated(raw: bytes, longest: int, chance: int) -> bytes:
        return target.mended(random.Random(chance), atheris.Mutate(raw, longest))[:longest]

    options = [
        f"-runs={runs}",
        f"-seed={seed}",
        f"-timeout={LIMIT:.0f}",
        "-max_len=20000",
        f"-artifact_prefix={folder}/",
    ]
    atheris.Setup([sys.argv[0], *options, "-verbosity=0", str(corpus)], target.parse, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:4], Path(sys.argv[4]))
