"""tests/proof/results.md: what was tried in one run, and what came of it. Nothing stands in it that was not run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.proof.load import Played
from tests.proof.plan import KINDS, Tally
from tests.support.places import TOP

DOCUMENT = TOP / "tests" / "proof" / "results.md"
_HEAD = """# What was tried to break the two promises

Written by `./dev prove`, from one run. What was acknowledged stays, and what was erased never comes back: each try
cuts a command off, looks whether both hold at that instant, lets the store be used again, and looks once more.
What is looked at stands in `tests/support/promises.py`, how a command is cut off in `tests/proof`.

- *kill*: the process is killed on entry of a system call that changes a file, for every distinct (command, call,
  occurrence)
- *ENOSPC*, *EIO*: that call fails instead (not where another thread makes a call of that number outside the store)
- *cut*: the power is cut after that call; of what was not synced, content and names are lost, each alone, together and
  by chance, or the last write is torn
- *recovery*: a kill, and then a kill of the next run at one of its own calls
- *stdout*: the command's answer cannot be heard: a full disk, a closed descriptor, a pipe that nobody reads
- *wire*: the connection between the two ends of the door is cut behind a frame, or one of the ends is killed there
- *race*: the first command is stopped after a call, and the second runs meanwhile
"""


@dataclass(slots=True)
class Result:
    """Everything that came of one run."""

    seed: int
    seconds: float = 0.0
    load_seconds: float = 0.0
    load: Played | None = None
    broken_load: str = ""
    found: dict[str, tuple[int, str]] = field(default_factory=dict)
    not_found: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    @property
    def clean(self) -> bool:
        """Whether nothing was broken or missed, and every bug that was sown was found."""
        return not (self.broken_load or self.not_found or self.tally.violations or self.tally.missed)


def text(result: Result, machine: str) -> str:
    """The whole document."""
    tally = result.tally
    tried = tally.tried.total()
    lines = [
        _HEAD,
        f"Seed {result.seed}, {datetime.now(UTC):%Y-%m-%d}, {result.seconds:.0f} seconds on {machine}.",
        "",
        f"**{tried} tries of {tally.there.total()} that there are, {len(tally.violations)} violations, "
        f"{len(tally.missed)} disturbances that never struck; {len(result.found)} bugs sown, "
        f"{len(result.found)} found, {len(result.not_found)} not found.**",
        "",
        *_table(tally),
        *_races(tally),
        *_bugs(result),
        *_load(result),
        *_broken(result),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _table(tally: Tally) -> Iterator[str]:
    kinds = [one for one in KINDS if one != "race"]
    scenes = list(dict.fromkeys(scene for kind, scene in tally.there if kind != "race"))
    yield "## Commands\n\nTried of those that there are.\n"
    yield f"| command | {' | '.join(kinds)} |"
    yield "|---" * (len(kinds) + 1) + "|"
    for scene in scenes:
        cells = [f"{tally.tried[kind, scene]} of {tally.there[kind, scene]}" for kind in kinds]
        yield f"| {scene} | {' | '.join(cells)} |"
    yield ""


def _races(tally: Tally) -> Iterator[str]:
    pairs = sorted(scene for kind, scene in tally.there if kind == "race")
    if not pairs:
        return
    yield "## Races\n\nThe one that is stopped / the one that runs meanwhile: tried of the calls that there are.\n"
    yield "| stopped / running | tried |"
    yield "|---|---|"
    for pair in pairs:
        yield f"| {pair} | {tally.tried['race', pair]} of {tally.there['race', pair]} |"
    yield ""


def _bugs(result: Result) -> Iterator[str]:
    if not (result.found or result.not_found):
        return
    yield "## Bugs that were sown\n\nEach is put into the program on purpose: what does not find it proves nothing.\n"
    yield "| bug | found after | because |"
    yield "|---|---|---|"
    for name, (tries, broke) in result.found.items():
        yield f"| {name} | {tries} | {_short(broke)} |"
    for one in result.not_found:
        yield f"| {one} | **not found** | |"
    yield ""


def _load(result: Result) -> Iterator[str]:
    if result.load is None:
        return
    yield f"## Four processes at once, for {result.load_seconds:.0f} seconds\n"
    yield "| command | runs | longest, s |"
    yield "|---|---|---|"
    for what, count in result.load.counts.items():
        yield f"| {what} | {count} | {result.load.longest[what]:.2f} |"
    yield ""


def _broken(result: Result) -> Iterator[str]:
    told = [*result.tally.violations, *result.tally.missed, *([result.broken_load] if result.broken_load else [])]
    if told:
        yield "## What did not hold, or was not tried\n"
        yield from (f"- {_short(one, 400)}" for one in told)


def _short(said: str, longest: int = 100) -> str:
    line = " ".join(said.split()).replace("|", "/")
    return line if len(line) <= longest else line[:longest] + "…"
