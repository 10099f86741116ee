"""Run the benchmarks: `./dev bench [--write] [NAME]…`; without a name, all of them.

With --write, docs/benchmarks.md gets the section of each that ran, and keeps the other ones.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial

from bench import (
    access_answer,
    asr,
    conduct,
    intake,
    machine,
    minutes,
    pseudonymise,
    report,
    review,
    scale,
    seek,
    startup,
    withdraw,
    writer,
)

ALL = {
    "startup": startup,
    "withdraw": withdraw,
    "seek": seek,
    "intake": intake,
    "writer": writer,
    "access_answer": access_answer,
    "scale": scale,
    "minutes": minutes,
    "pseudonymise": pseudonymise,
    "asr": asr,
    "review": review,
    "conduct": conduct,
}


def main() -> int:
    """Run what is named; exit 2 for a name that is none."""
    words = sys.argv[1:]
    write = "--write" in words
    sizes = [int(word) for word in words if word.isdigit()]
    wanted = [word for word in words if not word.isdigit() and word != "--write"]
    if set(wanted) - set(ALL) or len(sizes) > 1 or set(sizes) - set(scale.SIZES):
        print(f"benchmarks: {', '.join(ALL)}; sizes of scale: {', '.join(map(str, scale.SIZES))}", file=sys.stderr)
        return 2
    print(machine.describe())
    for name in wanted or ALL:
        print(f"\n## {name}")
        run: Callable[[], Iterator[str]] = partial(scale.run, *sizes) if name == "scale" else ALL[name].run
        lines = []
        for line in run():
            print(line, flush=True)
            lines.append(line)
        if write:
            report.write(name, str(ALL[name].__doc__), machine.describe(), lines)
    return 0


sys.exit(main())
