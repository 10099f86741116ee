"""Run the benchmarks: `./dev bench [--write] [--million | --smallest] [NAME ...]`; without a name, all of them.

It takes a quarter of an hour; what grows with the store stops at a hundred thousand recordings. With --million those
that grow run alone, up to a million, in half an hour. With --smallest each tries only that it still runs: its figures
mean nothing. With --write, docs/benchmarks.md gets the section of each that ran, and keeps the other ones. What cannot
run here says what it lacks. The last line counts the limits that are met and missed.
"""

from __future__ import annotations

import sys

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
OPTIONS = {"--write", "--million", "--smallest"}


def main() -> int:
    """Run what is named; exit 2 for a name that is none, 1 where a limit is missed."""
    options = OPTIONS & set(sys.argv[1:])
    wanted = [word for word in sys.argv[1:] if word not in options]
    size = "MILLION" if "--million" in options else "SMALLEST" if "--smallest" in options else ""
    possible = [name for name, one in ALL.items() if not size or hasattr(one, size)]
    if set(wanted) - set(possible) or {"--million", "--smallest"} <= options:
        print(f"benchmarks: {', '.join(possible)}", file=sys.stderr)
        return 2
    print(machine.describe())
    met = missed = 0
    for name in wanted or possible:
        title = f"{name} of a million" if size == "MILLION" else name
        print(f"\n## {title}")
        lines = []
        try:
            for line in machine.at_size(ALL[name], size):
                print(line, flush=True)
                lines.append(line)
        except machine.NotRun as lacking:
            print(f"not run: {lacking}")
            continue
        if "--write" in options and size != "SMALLEST":
            report.write(title, str(ALL[name].__doc__), machine.describe(), lines)
        met += sum(line.count(": met") for line in lines)
        missed += sum(line.count(": missed") for line in lines)
    print(f"\n{met} limits met, {missed} missed")
    return int(missed > 0 and size != "SMALLEST")


if __name__ == "__main__":
    sys.exit(main())
