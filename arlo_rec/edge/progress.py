"""Progress of long work on stderr: a bar on a terminal, elsewhere one line a minute.

A report of the work is only stored, so that reporting every call costs nothing. A separate thread looks at the newest
one now and then, and it alone reads the clock and writes. No failure there, as of a full, closed or blocked stderr,
reaches the work.
"""

from __future__ import annotations

import io
import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Final, NamedTuple, Protocol, TextIO

from arlo_rec.law.messages import say
from arlo_rec.law.model.progress import UNIT_OF, Phase, Progress, Unit

RATE_OVER: Final = 60.0  # seconds that a rate is of ...
RATE_CHANGES: Final = 10  # ... or so many changes, if these took longer
LONGEST: Final = 99 * 86_400  # seconds: a longer estimate means nothing
MB: Final = 1_000_000


class Rate:
    """The speed of the work, by its latest reports; each phase begins anew."""

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._seen: deque[tuple[float, int]] = deque()  # when which count was first seen

    def note(self, progress: Progress, now: float) -> None:
        """Add the amount done at *now*."""
        if progress.phase is not self._phase or progress.done < self._seen[-1][1]:
            self._phase = progress.phase
            self._seen.clear()
        if not self._seen or (progress.done > self._seen[-1][1] and now > self._seen[-1][0]):
            self._seen.append((now, progress.done))
        while len(self._seen) > RATE_CHANGES + 1 and self._seen[1][0] <= now - RATE_OVER:
            self._seen.popleft()

    def at(self, now: float) -> float | None:
        """The work done in a second, decreasing while the next report is late; None before the first."""
        steps = len(self._seen) - 1
        if steps < 1:
            return None
        (begin, before), (end, done) = self._seen[0], self._seen[-1]
        late = max(0.0, now - end - (end - begin) / steps)
        return (done - before) / (end - begin + late)


# -- in words -----------------------------------------------------------------------------------------


class Figures(NamedTuple):
    """The figures of progress in words; unknown ones are empty."""

    done: str
    total: str
    unit: str
    share: str
    rate: str
    duration: str
    left: str
    workers: str = ""

    def full(self, between: str) -> list[str]:
        """All known figures, with *between* the two counts."""
        return [text for text in (self._counts(between, self.unit), self.rate, self.left, self.workers) if text]

    def short(self) -> list[str]:
        """The same in fewer words, without a unit that the phase's name implies."""
        unit = self.unit if self.unit == "MB" else ""
        return [text for text in (self._counts("/", unit), self.rate, self.duration) if text]

    def least(self) -> list[str]:
        """The shortest text of a line."""
        return [text for text in (self.share, self.duration) if text]

    def _counts(self, between: str, unit: str) -> str:
        return f"{self.done}{between}{self.total} {unit}".rstrip() if self.total else ""


def figures_of(progress: Progress, rate: float | None, lang: str) -> Figures:
    """The figures of *progress*, with a *rate* in a second, None if unknown."""
    done, total = progress.done, progress.total
    if not total:
        return Figures("", "", "", "", "", "", "")
    unit = UNIT_OF[progress.phase]
    in_mb = unit is Unit.BYTES
    known = _number(done / MB if in_mb else done, lang, exact=not in_mb)
    of = _number(total / MB if in_mb else total, lang, exact=not in_mb)
    length = duration((total - done) / rate, lang) if rate else ""
    left = say("progress.left", lang, duration=length) if length else ""
    share = say("progress.share", lang, percent=100 * done // total)
    speed = rate_text(rate, unit, lang) if rate else ""
    many = "" if progress.workers is None else say("progress.workers", lang, count=progress.workers)
    return Figures(known, of, say(f"progress.unit.{unit}", lang), share, speed, length, left, many)


def rate_text(rate: float, unit: Unit, lang: str) -> str:
    """A rate, given in a second, in words: in a second, a minute or an hour, whichever gives a readable number."""
    if unit is Unit.BYTES:
        return say("progress.rate.bytes", lang, rate=_number(rate / MB, lang))
    for every, seconds in (("second", 1), ("minute", 60)):
        if rate * seconds >= 1:
            return say(f"progress.rate.{every}", lang, rate=_number(rate * seconds, lang))
    return say("progress.rate.hour", lang, rate=_number(rate * 3600, lang))


def duration(seconds: float, lang: str) -> str:
    """A length of time in words, as exact as the estimate; empty beyond LONGEST."""
    if seconds > LONGEST:
        return ""
    if seconds <= 55:
        return say("progress.seconds", lang, count=max(5, 5 * -(-int(seconds) // 5)))
    minutes = max(1, round(seconds / 60))
    if minutes < 90:
        return say("progress.minutes", lang, count=minutes)
    hours, tens = divmod(round(minutes / 10), 6)
    if hours < 48:
        return say("progress.hours", lang, hours=hours, minutes=10 * tens)
    return say("progress.days", lang, count=round(hours / 24))


def _number(value: float, lang: str, *, exact: bool = False) -> str:
    """A number in groups of three; a small one with one decimal, unless it is *exact*."""
    if exact or value >= 9.95:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}".replace(".", "," if lang == "nb" else ".")


BAR_LEAST, BAR_MOST = 8, 40  # columns


class Bar:
    """The bar, drawn only by `look`, never by a thread of rich, which is loaded for it alone."""

    def __init__(self, out: TextIO, lang: str, rate: Rate) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskID, TextColumn
        from rich.progress import Progress as RichProgress

        class SteadyConsole(Console):
            """Never hides the cursor: a killed program could not restore it."""

            def show_cursor(self, show: bool = True) -> bool:  # noqa: FBT001, FBT002 - rich's own
                return False

        self._lang, self._rate = lang, rate
        self._console = SteadyConsole(file=out, force_terminal=True, no_color="NO_COLOR" in os.environ)
        self._rich = RichProgress(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._label = TextColumn("{task.description}", markup=False)
        self._bar = BarColumn(complete_style="green", finished_style="green", pulse_style="green")
        self._figures = TextColumn("{task.fields[figures]}", markup=False)
        self._task: TaskID | None = None

    def look(self, progress: Progress, now: float) -> None:
        """Draw it as it is at *now*, in the terminal's present width."""
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
        """Remove it."""
        self._rich.stop()

    def _fitting(self, progress: Progress, now: float) -> tuple[str, int, str]:
        """The name of the phase, the width of the bar and the figures: as many as leave room for a bar."""
        from rich.cells import cell_len, set_cell_size

        label = say(f"progress.{progress.phase}", self._lang)
        known = figures_of(progress, self._rate.at(now), self._lang)
        width = self._console.width - 1  # in the last column some terminals begin another line
        for figures in (known.full("/"), known.short(), known.least()):
            text = "  ".join(figures)
            room = width - cell_len(label) - cell_len(text) - 2
            if room >= BAR_LEAST:
                return label, min(room, BAR_MOST), text
        return set_cell_size(label, max(0, min(cell_len(label), width - cell_len(text) - 1))), 0, text


APPEARS_AFTER = 0.5  # seconds of work before there is a bar
LINE_EVERY = 60.0  # seconds between lines, and before the first
BAR_TICK, LINE_TICK = 0.2, 1.0  # seconds from one look to the next
CLOSE_WAIT = 1.0  # seconds for the bar to go; a stopped terminal delays no answer longer
_DUMB: Final = frozenset({"dumb", "unknown"})  # terminals that cannot take back a line


class View(Protocol):
    """A view of progress; raises OSError or ValueError if its stream takes nothing."""

    def look(self, progress: Progress, now: float) -> None:
        """Take in the newest progress, at *now* seconds of the clock, and show it if that is due."""

    def close(self) -> None:
        """Remove the view, as far as it can be removed."""


class Display:
    """An observer that stores progress, and a thread that shows the newest by a new view of *view*."""

    def __init__(self, view: Callable[[float], View], tick: float, clock: Callable[[], float]) -> None:
        self._view, self._tick, self._clock = view, tick, clock
        self._newest = Progress(Phase.INTAKE)  # never seen: the thread begins after the first is told
        self._thread: Thread | None = None
        self._closing = Event()

    def __call__(self, progress: Progress) -> None:
        """Keep *progress* as the newest."""
        self._newest = progress
        if self._thread is None:
            self._closing = Event()
            self._thread = Thread(target=self._watch, args=(self._closing,), name="progress", daemon=True)
            with suppress(RuntimeError):  # without a thread the work goes on
                self._thread.start()

    def close(self) -> None:
        """Remove the view; the next progress begins anew."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._closing.set()
            with suppress(RuntimeError):  # it never began
                thread.join(CLOSE_WAIT)

    def _watch(self, closing: Event) -> None:
        view = self._view(self._clock())
        with suppress(OSError, ValueError):
            view.look(self._newest, self._clock())
            while not closing.wait(self._tick):
                view.look(self._newest, self._clock())
        with suppress(OSError, ValueError):
            view.close()


def display(
    stream: TextIO | None,
    lang: str,
    command: str,
    is_ours: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.monotonic,
) -> Display:
    """A display of the progress of *command* on *stream*, in *lang*; None, as of a closed stderr, shows nothing.

    *is_ours* says whether the terminal is ours to draw on, and not another program's, as behind a shell's `&`.
    """
    if stream is None or stream.closed:
        return Display(lambda _began: _Nothing(), LINE_EVERY, clock)
    out = _unbuffered(stream)
    if not stream.isatty() or os.environ.get("TERM") in _DUMB:
        return Display(lambda began: Lines(out, lang, command, began), LINE_TICK, clock)

    def bar(began: float) -> View:
        return Delayed(out, lang, began, is_ours)

    return Display(bar, BAR_TICK, clock)


def _unbuffered(stream: TextIO) -> TextIO:
    """The file of *stream* without its buffer, whose lock a blocked write would keep at the program's end."""
    try:
        raw = io.FileIO(stream.fileno(), "w", closefd=False)
    except (OSError, ValueError):  # no file, as in memory
        return stream
    return io.TextIOWrapper(raw, stream.encoding, "replace", write_through=True)


class _Nothing:
    """A view that shows nothing."""

    def look(self, progress: Progress, now: float) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Remove nothing."""


class Lines:
    """At most one line a minute, the first after a minute: cron and scripts see nothing of short work."""

    def __init__(self, out: TextIO, lang: str, command: str, began: float) -> None:
        self._out, self._lang, self._command = out, lang, command
        self._due = began + LINE_EVERY
        self._rate = Rate()

    def look(self, progress: Progress, now: float) -> None:
        """Write a line if a minute has passed since the last."""
        self._rate.note(progress, now)
        if now >= self._due:
            self._due = now + LINE_EVERY
            figures = figures_of(progress, self._rate.at(now), self._lang)
            words = [say(f"progress.{progress.phase}", self._lang), *figures.full(say("progress.of", self._lang))]
            self._out.write(f"{self._command}: {', '.join(words)}\n")
            self._out.flush()

    def close(self) -> None:
        """Leave the lines."""


class Delayed:
    """A bar for work that has lasted a while and is not near its end; before that nothing is loaded for it."""

    def __init__(self, out: TextIO, lang: str, began: float, is_ours: Callable[[], bool]) -> None:
        self._out, self._lang, self._began, self._is_ours = out, lang, began, is_ours
        self._rate = Rate()
        self._bar: View | None = None

    def look(self, progress: Progress, now: float) -> None:
        """Draw the bar, unless another program has the terminal."""
        self._rate.note(progress, now)
        is_due = now - self._began >= APPEARS_AFTER and progress.done != progress.total
        if (self._bar is None and not is_due) or not self._is_ours():
            return
        if self._bar is None:
            self._bar = Bar(self._out, self._lang, self._rate)
        self._bar.look(progress, now)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None and self._is_ours():
            self._bar.close()
