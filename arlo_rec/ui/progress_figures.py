"""How fast long work goes, and the figures of its progress in words, in the language of a run."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from arlo_rec.i18n.messages import say
from arlo_rec.model.progress import UNIT_OF, Phase, Progress, Unit

RATE_OVER: Final = 60.0  # seconds that a rate is of ...
RATE_CHANGES: Final = 10  # ... or so many changes, where these took longer
LONGEST: Final = 99 * 86_400  # seconds: of more nobody can tell how long it takes
MB: Final = 1_000_000


class Rate:
    """How fast it goes, by what was seen last; a phase begins anew."""

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._seen: deque[tuple[float, int]] = deque()  # when which count was first seen

    def note(self, progress: Progress, now: float) -> None:
        """Take in what is done at *now*."""
        if progress.phase is not self._phase or progress.done < self._seen[-1][1]:
            self._phase = progress.phase
            self._seen.clear()
        if not self._seen or (progress.done > self._seen[-1][1] and now > self._seen[-1][0]):
            self._seen.append((now, progress.done))
        while len(self._seen) > RATE_CHANGES + 1 and self._seen[1][0] <= now - RATE_OVER:
            self._seen.popleft()

    def at(self, now: float) -> float | None:
        """What is done in a second, less and less while the next is late; None where nothing has come yet."""
        steps = len(self._seen) - 1
        if steps < 1:
            return None
        (begin, before), (end, done) = self._seen[0], self._seen[-1]
        late = max(0.0, now - end - (end - begin) / steps)
        return (done - before) / (end - begin + late)


# -- in words -----------------------------------------------------------------------------------------


class Figures(NamedTuple):
    """The figures of progress in words; those that are not known are empty."""

    done: str
    total: str
    unit: str
    share: str
    rate: str
    duration: str
    left: str

    def full(self, between: str) -> list[str]:
        """All that is known, with *between* the two counts."""
        return [text for text in (self._counts(between, self.unit), self.rate, self.left) if text]

    def short(self) -> list[str]:
        """The same without what the name of the phase says."""
        unit = self.unit if self.unit == "MB" else ""
        return [text for text in (self._counts("/", unit), self.rate, self.duration) if text]

    def least(self) -> list[str]:
        """What one has to know."""
        return [text for text in (self.share, self.duration) if text]

    def _counts(self, between: str, unit: str) -> str:
        return f"{self.done}{between}{self.total} {unit}".rstrip() if self.total else ""


def figures_of(progress: Progress, rate: float | None, lang: str) -> Figures:
    """The figures of *progress*, with a *rate* in a second, None where it is not known."""
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
    return Figures(known, of, say(f"progress.unit.{unit}", lang), share, speed, length, left)


def rate_text(rate: float, unit: Unit, lang: str) -> str:
    """A rate, given in a second: in a second, a minute or an hour, as it makes a number of some size."""
    if unit is Unit.BYTES:
        return say("progress.rate.bytes", lang, rate=_number(rate / MB, lang))
    for every, seconds in (("second", 1), ("minute", 60)):
        if rate * seconds >= 1:
            return say(f"progress.rate.{every}", lang, rate=_number(rate * seconds, lang))
    return say("progress.rate.hour", lang, rate=_number(rate * 3600, lang))


def duration(seconds: float, lang: str) -> str:
    """A length of time as one says it, no more exact than it can be known; nothing for one beyond all measure."""
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
