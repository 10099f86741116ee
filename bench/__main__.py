"""Run the benchmarks: `./dev bench [NAME]…`; without a name, all of them."""

from __future__ import annotations

import sys
from functools import partial

from bench import intake, machine, scale, seek, startup, withdraw, writer

ALL = {
    "startup": startup.run,
    "withdraw": withdraw.run,
    "seek": seek.run,
    "intake": intake.run,
    "writer": writer.run,
    "scale": scale.run,
}


def main() -> int:
    """Run what is named; exit 2 for a name that is none."""
    words = sys.argv[1:] or list(ALL)
    sizes = [word for word in words if word.isdigit()]
    wanted = [word for word in words if word not in sizes]
    if set(wanted) - set(ALL) or len(sizes) > 1 or (sizes and int(sizes[0]) not in scale.SIZES):
        print(f"benchmarks: {', '.join(ALL)}; sizes of scale: {', '.join(map(str, scale.SIZES))}", file=sys.stderr)
        return 2
    benchmarks = {**ALL, "scale": partial(scale.run, int(sizes[0]) if sizes else None)}
    print(machine.describe())
    for name in wanted:
        print(f"\n## {name}")
        for line in benchmarks[name]():
            print(line, flush=True)
    return 0


sys.exit(main())
