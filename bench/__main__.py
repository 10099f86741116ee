"""Run the benchmarks: `./dev bench [NAME]…`; without a name, all of them."""

from __future__ import annotations

import sys

from bench import intake, machine, seek, startup, withdraw, writer

ALL = {
    "startup": startup.run,
    "withdraw": withdraw.run,
    "seek": seek.run,
    "intake": intake.run,
    "writer": writer.run,
}


def main() -> int:
    """Run what is named; exit 2 for a name that is none."""
    wanted = sys.argv[1:] or list(ALL)
    if set(wanted) - set(ALL):
        print(f"benchmarks: {', '.join(ALL)}", file=sys.stderr)
        return 2
    print(machine.describe())
    for name in wanted:
        print(f"\n## {name}")
        for line in ALL[name]():
            print(line)
    return 0


sys.exit(main())
