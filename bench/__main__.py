"""Run the benchmarks: `./dev bench [--write] [--million] [NAME ...]`; without a name, all of them.

It takes a quarter of an hour; what grows with the store stops at a hundred thousand recordings. With --million those
that grow run alone, up to a million, in half an hour. With --write, docs/benchmarks.md gets the section of each that
ran, and keeps the other ones. What cannot run here says what it lacks. The last line counts the limits that are met
and missed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial

from bench import (
    access_answer,
    asr,
    cluster,
    conduct,
    declined,
    desk,
    elsewhere,
    exchange,
    growth,
    hearing,
    intake,
    machine,
    minutes,
    openbao,
    postgres,
    pseudonymise,
    recovery,
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
    "declined": declined,
    "exchange": exchange,
    "writer": writer,
    "elsewhere": elsewhere,
    "access_answer": access_answer,
    "scale": scale,
    "growth": growth,
    "recovery": recovery,
    "minutes": minutes,
    "pseudonymise": pseudonymise,
    "asr": asr,
    "hearing": hearing,
    "cluster": cluster,
    "review": review,
    "conduct": conduct,
    "desk": desk,
    "openbao": openbao,
    "postgres": postgres,
}
SIZES = {
    "scale": (100_000, 1_000_000),
    "minutes": (14_400, 129_600),
    "conduct": (100_000, 1_000_000),
    "desk": (100_000, 1_000_000),
}
OPTIONS = {"--write", "--million"}


def main() -> int:
    """Run what is named; exit 2 for a name that is none, 1 where a limit is missed."""
    options = OPTIONS & set(sys.argv[1:])
    wanted = [word for word in sys.argv[1:] if word not in options]
    is_million = "--million" in options
    possible = SIZES if is_million else ALL
    if set(wanted) - set(possible):
        print(f"benchmarks: {', '.join(possible)}", file=sys.stderr)
        return 2
    print(machine.describe())
    met = missed = 0
    for name in wanted or possible:
        title = f"{name} of a million" if is_million else name
        print(f"\n## {title}")
        run: Callable[[], Iterator[str]] = ALL[name].run
        lines = []
        try:
            for line in partial(run, SIZES[name][is_million])() if name in SIZES else run():
                print(line, flush=True)
                lines.append(line)
        except machine.NotRun as lacking:
            print(f"not run: {lacking}")
            continue
        if "--write" in options:
            report.write(title, str(ALL[name].__doc__), machine.describe(), lines)
        met += sum(line.count(": met") for line in lines)
        missed += sum(line.count(": missed") for line in lines)
    print(f"\n{met} limits met, {missed} missed")
    return int(missed > 0)


sys.exit(main())
