"""How long work shows itself on stderr: a bar on a terminal (`progress_bar`), elsewhere one line a minute.

What the work tells is only kept, so that it costs nothing to tell it for every call. A thread of its own looks at the
newest now and then, and it alone reads the clock and writes. Nothing that goes wrong there, as with a stderr that is
full, closed or held up, reaches the work.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Final, Protocol, TextIO

from arlo_rec.i18n.messages import say
from arlo_rec.model.progress import Phase, Progress
from arlo_rec.ui.progress_figures import Rate, figures_of

APPEARS_AFTER = 0.5  # seconds of work before there is a bar
LINE_EVERY = 60.0  # seconds between lines, and before the first
BAR_TICK, LINE_TICK = 0.2, 1.0  # seconds from one look to the next
CLOSE_WAIT = 1.0  # seconds for the bar to go; a terminal that somebody stopped keeps no answer waiting longer
_DUMB: Final = frozenset({"dumb", "unknown"})  # terminals that cannot take back a line


class View(Protocol):
    """What shows progress; raises OSError or ValueError where its stream takes nothing."""

    def look(self, progress: Progress, now: float) -> None:
        """Take in the newest, at *now* seconds of the clock, and show it where that is due."""

    def close(self) -> None:
        """Take away what can be taken away."""


class Display:
    """An observer that keeps what it is told, and a thread that has a new view of *view* look at it."""

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
            with suppress(RuntimeError):  # where no thread can be had the work goes on without
                self._thread.start()

    def close(self) -> None:
        """Take away what is shown; the next that is told begins anew."""
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
    """What shows the progress of *command* on *stream*, in *lang*; None, as of a closed stderr, shows nothing.

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
    """The file of *stream* without its buffer, whose lock a write that is held up would keep at the program's end."""
    try:
        raw = io.FileIO(stream.fileno(), "w", closefd=False)
    except (OSError, ValueError):  # no file, as in memory
        return stream
    return io.TextIOWrapper(raw, stream.encoding, "replace", write_through=True)


class _Nothing:
    """No view."""

    def look(self, progress: Progress, now: float) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Take nothing away."""


class Lines:
    """At most one line a minute, the first after a minute: cron and scripts see nothing of what is short."""

    def __init__(self, out: TextIO, lang: str, command: str, began: float) -> None:
        self._out, self._lang, self._command = out, lang, command
        self._due = began + LINE_EVERY
        self._rate = Rate()

    def look(self, progress: Progress, now: float) -> None:
        """Write a line where a minute has gone since the last."""
        self._rate.note(progress, now)
        if now >= self._due:
            self._due = now + LINE_EVERY
            figures = figures_of(progress, self._rate.at(now), self._lang)
            words = [say(f"progress.{progress.phase}", self._lang), *figures.full(say("progress.of", self._lang))]
            self._out.write(f"{self._command}: {', '.join(words)}\n")
            self._out.flush()

    def close(self) -> None:
        """A line stays."""


class Delayed:
    """A bar where the work has lasted a while and is not at its end; before that nothing is even loaded for it."""

    def __init__(self, out: TextIO, lang: str, began: float, is_ours: Callable[[], bool]) -> None:
        self._out, self._lang, self._began, self._is_ours = out, lang, began, is_ours
        self._rate = Rate()
        self._bar: View | None = None

    def look(self, progress: Progress, now: float) -> None:
        """Draw the bar, unless the terminal is somebody else's."""
        self._rate.note(progress, now)
        is_due = now - self._began >= APPEARS_AFTER and progress.done != progress.total
        if (self._bar is None and not is_due) or not self._is_ours():
            return
        if self._bar is None:
            from arlo_rec.ui.progress_bar import Bar

            self._bar = Bar(self._out, self._lang, self._rate)
        self._bar.look(progress, now)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None and self._is_ours():
            self._bar.close()
