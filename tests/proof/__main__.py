"""`python -m tests.proof [--minutes N] [--seed S] [--write] [SCENE…]`: try, print what came of it, write results.md.

Ends with 0 where no promise was broken, every disturbance struck and every sown bug was found.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import time
from pathlib import Path

from bench import machine
from tests.proof import bugs, load, plan, report
from tests.support import promises
from tests.support import world as worlds
from tests.support.promises import Broken

SHARE_OF_BUGS = 0.25  # of the time, at most
LOAD_SECONDS = 60


def main() -> int:
    """Run what is asked for."""
    words = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    words.add_argument("--minutes", type=float, default=30.0, help="how long (the whole takes a night)")
    words.add_argument("--seed", type=int, default=None, help="of what is tried first; drawn and printed otherwise")
    words.add_argument("--write", action="store_true", help="write tests/proof/results.md")
    words.add_argument("scenes", nargs="*", metavar="SCENE", help=", ".join(promises.BY_NAME))
    asked = words.parse_args()
    seed = secrets.randbelow(10**9) if asked.seed is None else asked.seed
    if shutil.which("strace") is None:
        print("the proof needs strace: sudo apt-get install strace", file=sys.stderr)
        return 2
    begun = time.monotonic()
    print(f"seed {seed}; {machine.describe()}", flush=True)
    base = plan.workshop()
    try:
        result = _prove(asked.scenes, begun + asked.minutes * 60, seed, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    result.seconds = time.monotonic() - begun
    text = report.text(result, machine.describe())
    print(text)
    if asked.write:
        report.DOCUMENT.write_text(text, "utf-8")
    return 0 if result.clean else 1


def _prove(names: list[str], until: float, seed: int, base: Path) -> report.Result:
    begun = time.monotonic()
    world = plan.ready(base)
    result = report.Result(seed)
    result.load_seconds = min(LOAD_SECONDS, (until - begun) / 10)
    try:
        result.load = load.play(worlds.copy(world, base / "load"), result.load_seconds, seed)
    except Broken as broken:
        result.broken_load = str(broken)
    _say(f"load: {result.load or result.broken_load}")
    bugs_until = begun + (until - begun) * SHARE_OF_BUGS
    for count, bug in enumerate(bugs.BUGS):
        if time.monotonic() > bugs_until:
            break
        try:
            tries, broke = plan.find_bug(bug, world, base / f"bug-{count}", seed)
            result.found[bug.name] = (tries, broke)
        except AssertionError as not_found:
            result.not_found.append(str(not_found))
        _say(f"sown: {bug.name}: {result.found.get(bug.name, 'NOT FOUND')}")
    tries_ = plan.everything(world, base, promises.all_of(names), seed)
    _say(f"{len(tries_)} to try")
    result.tally = plan.try_all(tries_, until, _tell)
    return result


def _tell(tally: plan.Tally, told: list[str] = []) -> None:  # noqa: B006 - what was told already
    """What did not hold, at once, and how far the run is, now and then."""
    for violation in tally.violations[len(told) :]:
        _say(violation)
        told.append(violation)
    count = tally.tried.total()
    if count % 100 == 0:
        _say(f"{count} tried, {len(tally.violations)} violations, {len(tally.missed)} missed")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
