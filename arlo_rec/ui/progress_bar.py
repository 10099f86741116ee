"""A line on a terminal with what is done, a bar, how much, how fast and how long; gone when it is done.

Loaded only where there is something to show: rich takes a while.
"""

from __future__ import annotations

import os
from typing import TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress

from arlo_rec.i18n.messages import say
from arlo_rec.model.progress import Progress
from arlo_rec.ui.progress_figures import Rate, figures_of

BAR_LEAST, BAR_MOST = 8, 40  # columns


class _Console(Console):
    """One that leaves the cursor alone: where the program is killed, nobody would show it again."""

    def show_cursor(self, show: bool = True) -> bool:  # noqa: FBT001, FBT002 - rich's own
        return False


class Bar:
    """The bar; it is drawn when it is looked at, and never by a thread of rich."""

    def __init__(self, out: TextIO, lang: str, rate: Rate) -> None:
        self._lang, self._rate = lang, rate
        self._console = _Console(file=out, force_terminal=True, no_color="NO_COLOR" in os.environ)
        self._rich = RichProgress(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._label = TextColumn("{task.description}", markup=False)
        self._bar = BarColumn(complete_style="green", finished_style="green", pulse_style="green")
        self._figures = TextColumn("{task.fields[figures]}", markup=False)
        self._task: TaskID | None = None

    def look(self, progress: Progress, now: float) -> None:
        """Draw it as it is at *now*, as wide as the terminal is by now."""
        label, bar, figures = self._fitting(progress, now)
        self._bar.bar_width = bar
        parts = ((self._label, label), (self._bar, bar), (self._figures, figures))
        self._rich.columns = tuple(column for column, content in parts if content)
        if self._task is None:
            self._task = self._rich.add_task(label, figures=figures, total=progress.total)
            self._rich.start()
        self._rich.update(self._task, description=label, figures=figures, completed=progress.done, total=progress.total)
        self._rich.refresh()

    def close(self) -> None:
        """Take it away."""
        self._rich.stop()

    def _fitting(self, progress: Progress, now: float) -> tuple[str, int, str]:
        """The name of the phase, the width of the bar and the figures: as many as leave room for a bar."""
        label = say(f"progress.{progress.phase}", self._lang)
        known = figures_of(progress, self._rate.at(now), self._lang)
        width = self._console.width - 1  # in the last column some terminals begin another line
        for figures in (known.full("/"), known.short(), known.least()):
            text = "  ".join(figures)
            room = width - cell_len(label) - cell_len(text) - 2
            if room >= BAR_LEAST:
                return label, min(room, BAR_MOST), text
        return set_cell_size(label, max(0, min(cell_len(label), width - cell_len(text) - 1))), 0, text
