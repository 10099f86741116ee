"""Write tests/calls/figures.md from runs over the made calls, and of it what the guide tells: `./dev figures`.

The calls and the words that an engine heard in them stand in tests/calls, so the same rules give the same figures on
every machine. It takes some minutes; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from arlo_rec.calls.training import evaluation
from arlo_rec.calls.training.cut_plan import CopyOrder
from arlo_rec.calls.training.evaluation import CallScore, Figures, IdentifierCover
from arlo_rec.policy import Mode
from tests.support import talk
from tests.support.gated import gated
from tests.support.places import CALLS, TOP

DOCUMENT = CALLS / "figures.md"
GUIDE = TOP / "docs" / "pseudonymisation.md"
HEARD = TOP / "docs" / "benchmarks.md"  # `./dev bench --write hearing`, which needs engines
BEGIN, END = "<!-- figures: ./dev figures -->", "<!-- end of figures -->"
MODES = (Mode.DETECT, Mode.STRICT)
NAMES = {"nb": "bokmål", "nn": "nynorsk", "sv": "Swedish", "da": "Danish", "en": "English"}
_COLUMNS = ("identifiers", "whole", "mean cover", "over-cut")
OF = {"cased": "capitals and marks", "lower": "small letters"}


@cache
def scored(folder: str, mode: Mode) -> tuple[CallScore, ...]:
    """The labelled calls of a folder, cut in that mode."""
    return tuple(evaluation.evaluate(call, CopyOrder(mode)) for call in evaluation.labelled_calls(CALLS / folder))


def lines() -> Iterator[str]:
    """The figures as Markdown."""
    calls = {(folder, mode): scored(folder, mode) for folder in ("given", "made") for mode in MODES}
    yield from _of_sound(calls | _gated())
    yield from _of_types([score for (_, mode), scores in calls.items() if mode is Mode.DETECT for score in scores])
    for folder, half, what in (
        (
            "fresh",
            ".test",
            "Words alone, by three other hands, of five trades (`tests/calls/fresh`, the test half)",
        ),
        ("talk", ".test", "Words alone, made by a generator (`tests/calls/talk`, the half that nobody read)"),
    ):
        yield from _of_words(folder, half, what)


def _gated() -> dict[tuple[str, Mode], tuple[CallScore, ...]]:
    """The given calls as recorders write them that gate, in strict mode."""
    calls = [replace(call, sound=gated(call.sound, 25.0, 0.05)) for call in evaluation.labelled_calls(CALLS / "given")]
    return {("given, gated", Mode.STRICT): tuple(evaluation.evaluate(call, CopyOrder(Mode.STRICT)) for call in calls)}


def _of_sound(scored: dict[tuple[str, Mode], tuple[CallScore, ...]]) -> Iterator[str]:
    yield from ('Sound, with words of the engine "base":', "")
    yield f"| calls | mode | layout | {' | '.join(_COLUMNS)} |"
    yield "|" + "---|" * (3 + len(_COLUMNS))
    for (folder, mode), scores in scored.items():
        for layout in ("stereo", "mono"):
            some = [score for score in scores if score.layout == layout]
            figures = evaluation.figures([cover for score in some for cover in score.covers])
            yield f"| {folder} | {mode} | {layout} | {_row(figures)} | {_over(some):.3f} |"
    yield ""


def _of_types(scores: Sequence[CallScore]) -> Iterator[str]:
    yield from (
        "The same calls in detect mode, by type:",
        "",
        "| type | identifiers | whole | mean cover |",
        "|---|---|---|---|",
    )
    covers = [cover for score in scores for cover in score.covers]
    for kind in sorted({cover.type for cover in covers}):
        yield f"| {kind} | {_row(evaluation.figures([cover for cover in covers if cover.type == kind]))} |"
    yield ""


def _of_words(folder: str, half: str, what: str) -> Iterator[str]:
    yield from (f"{what}; no names known:", "")
    columns = (*_COLUMNS, "over-cut of long calls", "secrets, numbers whole", "secrets told unasked whole")
    shown = ("health, circumstances shown or cut", "false looks a minute")
    yield f"| {' | '.join(('language', 'written with', 'mode', *columns, *shown))} |"
    yield "|" + "---|" * (3 + len(columns) + len(shown))
    yield from of_words(folder, half, talk.LANGUAGES)
    yield ""


def of_words(folder: str, half: str, languages: Iterable[str]) -> Iterator[str]:
    """The rows of some languages in the table of a folder."""
    for language in languages:
        for variant in ("cased", "lower"):
            for mode in MODES:
                calls = list(talk.talk(language, variant, folder, half))
                scores = [talk.scored(call, strict=mode is Mode.STRICT) for call in calls]
                yield f"| {NAMES[language]} | {OF[variant]} | {mode} | {_words_row(calls, scores)} |"


def _words_row(calls: Sequence[dict[str, Any]], scores: Sequence[CallScore]) -> str:
    covers = [cover for score in scores for cover in score.covers]
    told = sum(len(score.circumstances) for score in scores)
    health = [cover.share > 0 for cover in covers if cover.type == "HEALTH"]
    counted = [cover for cover in covers if cover.type in COUNTED]
    minutes = sum(score.minutes for score in scores)
    looks = f"{sum(score.looks for score in scores) / minutes:.2f}"
    shown = sum(score.shown for score in scores) + sum(health)
    of_shown = f"{shown} of {told + len(health)}" if told else ""
    long = [score for call, score in zip(calls, scores, strict=True) if LONG in call["id"]]
    short = [score for call, score in zip(calls, scores, strict=True) if LONG not in call["id"]]
    over = f"{_over(short):.3f} | {f'{_over(long):.3f}' if long else ''}"
    unasked = list(_unasked(calls, scores))
    return f"{_row(evaluation.figures(covers))} | {over} | {_share(counted)} | {_share(unasked)} | {of_shown} | {looks}"


def _unasked(calls: Sequence[dict[str, Any]], scores: Sequence[CallScore]) -> Iterator[IdentifierCover]:
    """The covers of secrets that nobody asked for."""
    for call, score in zip(calls, scores, strict=True):
        labels = (each for each in call["truth"] if each["type"] != "CIRCUMSTANCE" and not each.get("part"))
        yield from (cover for label, cover in zip(labels, score.covers, strict=True) if label.get("unasked"))


LONG = "-long-"  # in the ids of long calls
COUNTED = frozenset({"SECRET", "NUMBER", "PHONE", "NATIONAL_ID", "ACCOUNT", "CARD", "KID", "ORG", "SERIAL"})


def _share(covers: Sequence[IdentifierCover]) -> str:
    figures = evaluation.figures(covers)
    return f"{figures.cover:.3f} of {figures.count}" if covers else ""


def _row(figures: Figures) -> str:
    (low, high), (least, most) = figures.cover_within, figures.mean_within
    whole = f"{figures.cover:.3f} ({low:.2f} to {high:.2f})"
    return f"{figures.count} | {whole} | {figures.mean_cover:.3f} ({least:.2f} to {most:.2f})"


def _over(scores: Sequence[CallScore]) -> float:
    return sum(score.over_cut for score in scores) / len(scores)


def written() -> str:
    """The document with the figures of now."""
    return _filled(DOCUMENT, lines())


def guide() -> str:
    """The guide with the figures that are written in the document, and in the results of the bench."""
    return _filled(GUIDE, _of_guide())


def _filled(path: Path, rows: Iterable[str]) -> str:
    before, _, rest = path.read_text("utf-8").partition(BEGIN)
    _, _, behind = rest.partition(END)
    return f"{before}{BEGIN}\n\n" + "\n".join(rows) + END + behind


def _of_guide() -> Iterator[str]:
    section = HEARD.read_text("utf-8").partition("\n## hearing\n")[2].partition("\n## ")[0]
    heard = [_cells(line) for line in section.splitlines() if line.startswith("|")]
    yield from ("Recognised sound, English, with the two known names:", "")
    yield from _table(row for row in heard if row[0] != "tiny.en" and row[1:3] != ["one", "10 dB"])
    yield from ("", "Words alone, all of them right, no names known, by language:", "")
    given = DOCUMENT.read_text("utf-8").partition("by three other hands")[2].partition("Words alone,")[0]
    rows = [_cells(line) for line in given.splitlines() if line.startswith("|")]
    yield from _table([*row[:1], *row[2:]] for row in rows if row[1] != OF["lower"])
    yield ""


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the rows as Markdown; a row of dashes stays one."""
    for row in rows:
        yield "|" + "---|" * len(row) if row[0].startswith("---") else f"| {' | '.join(row)} |"


def main() -> int:
    """Write the document and the guide."""
    DOCUMENT.write_text(written(), "utf-8")
    GUIDE.write_text(guide(), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
