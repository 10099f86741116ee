"""The figures of consents as one SVG: bars by week, a panel for each prompt, for eyes and for screen readers.

It says what `figures.without_small` gives and nothing else: a hidden figure has the same mark wherever it stands, and a
week without a row looks like one in which every figure is hidden. Kinds differ by pattern and by place, not by colour
alone, and each bar has its number. Its description says all of them in words. It holds no script, and asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from arlo_rec.consent.figures import FEWEST, KINDS, Week, weeks
from arlo_rec.i18n.messages import say
from arlo_rec.i18n.pages import render

PAGE: Final = Path(__file__).with_name("page")
MOST_WEEKS: Final = 26  # of a picture, the newest: half a year
TICKS: Final = 4  # lines above the lowest, at most
# Places in pixels of a picture that is shown as wide as it is
HEAD, PLOT, FOOT = 34, 130, 40  # of a panel, from above: the prompt, the bars, the weeks
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 88, 14  # around all panels
BAR, GAP, APART = 24, 4, 20  # a bar, between bars, between weeks
HIDDEN = 3  # the height of the mark of a hidden figure: it stands for no number, so it is as low as any bar
LEAST_WIDTH = 640  # below which title and legend would not fit


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure, or the mark of a hidden one: its place from the left and above, its height, and what stands over it."""

    kind: str
    x: int
    y: int
    height: int
    label: str
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """The bars of one prompt; `ticks` are figures with their places, `weeks` names with theirs."""

    prompt: str
    y: int
    ticks: list[tuple[int, int]]
    weeks: list[tuple[str, int]]
    bars: list[Bar]

    @property
    def base(self) -> int:
        """Where the bars stand."""
        return self.y + HEAD + PLOT


def svg(rows: Sequence[Week], lang: str) -> str:
    """The picture of figures that may be told."""
    newest = weeks(rows)[-MOST_WEEKS:]
    shown = [row for row in rows if row.week in newest]
    prompts = sorted({row.prompt for row in shown})
    most = max((figure for row in shown for figure in row.figures() if figure is not None), default=FEWEST)
    panels = [_panel(prompt, number, newest, shown, most) for number, prompt in enumerate(prompts)]
    width = max(LEAST_WIDTH, LEFT + RIGHT + len(newest) * (_week_width() + APART))
    return render(
        PAGE,
        "picture.svg.j2",
        lang=lang,
        width=width,
        height=TOP + BOTTOM + max(1, len(panels)) * (HEAD + PLOT + FOOT),
        right=width - RIGHT,
        left=LEFT,
        top=TOP,
        bar=BAR,
        hidden=HIDDEN,
        panels=panels,
        kinds=KINDS,
        word=lambda code: say(f"consent.picture.{code}", lang, fewest=FEWEST),
        prompt_of=lambda prompt: say("consent.picture.prompt", lang, prompt=prompt),
        about=_about(newest, lang),
        told=" ".join(_sentences(newest, prompts, shown, lang)),
    )


def _about(newest: Sequence[str], lang: str) -> str:
    """Which weeks the picture is of."""
    if not newest:
        return say("consent.picture.nothing", lang, fewest=FEWEST)
    return say("consent.picture.weeks", lang, first=newest[0], last=newest[-1], fewest=FEWEST)


def _week_width() -> int:
    return len(KINDS) * BAR + (len(KINDS) - 1) * GAP


def _panel(prompt: str, number: int, newest: Sequence[str], rows: Sequence[Week], most: int) -> Panel:
    y = TOP + number * (HEAD + PLOT + FOOT)
    base, step = y + HEAD + PLOT, _step(most)
    top = step * -(-most // step)  # the first line that no bar is above
    ticks = [(figure, base - figure * PLOT // top) for figure in range(0, top + 1, step)]
    bars, names = list[Bar](), list[tuple[str, int]]()
    for place, week in enumerate(newest):
        x = LEFT + APART // 2 + place * (_week_width() + APART)
        names.append((week, x + _week_width() // 2))
        for kind, figure in zip(KINDS, _figures_of(week, prompt, rows), strict=True):
            height = HIDDEN if figure is None else max(HIDDEN, figure * PLOT // top)
            label = f"<{FEWEST}" if figure is None else str(figure)
            bars.append(Bar(kind, x, base - height, height, label, figure is None))
            x += BAR + GAP
    return Panel(prompt, y, ticks, names, bars)


def _figures_of(week: str, prompt: str, rows: Sequence[Week]) -> tuple[int | None, ...]:
    for row in rows:
        if (row.week, row.prompt) == (week, prompt):
            return row.figures()
    return (None,) * len(KINDS)


def _step(most: int) -> int:
    """The distance of lines: 1, 2 or 5 times a power of ten, the smallest with which there are no more than TICKS."""
    size = 1
    while True:
        for times in (1, 2, 5):
            if times * size * TICKS >= most:
                return times * size
        size *= 10


def _sentences(newest: Sequence[str], prompts: Sequence[str], rows: Sequence[Week], lang: str) -> Iterator[str]:
    """Every figure in words, the newest week first."""
    for week in reversed(newest):
        for prompt in prompts:
            words = [
                say("consent.picture.fewer" if figure is None else "consent.picture.figure", lang,
                    kind=say(f"consent.picture.{kind}", lang), count=figure, fewest=FEWEST)
                for kind, figure in zip(KINDS, _figures_of(week, prompt, rows), strict=True)
            ]  # fmt: skip
            yield say("consent.picture.row", lang, week=week, prompt=prompt, figures=", ".join(words))
