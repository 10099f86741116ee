"""Write tests/calls/figures.md from runs over the made calls: `./dev figures`; a test compares.

The calls and the words that an engine heard in them stand in tests/calls, so the same rules give the same figures on
every machine. It takes about a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from arlo_rec.policy import Mode
from arlo_rec.training import evaluation
from arlo_rec.training.cut_plan import CopyOrder
from arlo_rec.training.evaluation import CallScore, Figures, IdentifierCover
from tests.support import talk
from tests.support.gated import gated
from tests.support.places import CALLS

DOCUMENT = CALLS / "figures.md"
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
            "Words alone, by two other hands (`tests/calls/fresh`, the test half)",
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
    columns = (*_COLUMNS, "secrets, numbers whole", "circumstances shown or cut", "false looks a minute")
    yield f"| {' | '.join(('language', 'written with', 'mode', *columns))} |"
    yield "|" + "---|" * (3 + len(columns))
    yield from of_words(folder, half, talk.LANGUAGES)
    yield ""


def of_words(folder: str, half: str, languages: Iterable[str]) -> Iterator[str]:
    """The rows of some languages in the table of a folder."""
    for language in languages:
        for variant in ("cased", "lower"):
            for mode in MODES:
                calls = talk.talk(language, variant, folder, half)
                scores = [talk.scored(call, strict=mode is Mode.STRICT) for call in calls]
                yield f"| {NAMES[language]} | {OF[variant]} | {mode} | {_words_row(scores)} |"


def _words_row(scores: Sequence[CallScore]) -> str:
    covers = [cover for score in scores for cover in score.covers]
    told = [cover for score in scores for cover in score.circumstances]
    counted = [cover for cover in covers if cover.type in COUNTED]
    minutes = sum(score.minutes for score in scores)
    looks = f"{sum(score.looks for score in scores) / minutes:.2f}"
    shown = f"{sum(score.shown for score in scores)} of {len(told)}" if told else ""
    return f"{_row(evaluation.figures(covers))} | {_over(scores):.3f} | {_share(counted)} | {shown} | {looks}"


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
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    _, _, behind = rest.partition(END)
    return f"{before}{BEGIN}\n\n" + "\n".join(lines()) + END + behind


def main() -> int:
    """Write the document."""
    DOCUMENT.write_text(written(), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
