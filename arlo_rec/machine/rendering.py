"""A status in the forms of other programs: a line for Nagios and Icinga, Prometheus' text, a page to look at.

The line and the figures go to other programs, and name no person. Formats: the Monitoring Plugins Development
Guidelines (monitoring-plugins.org); the text format of Prometheus as the textfile collector of node_exporter reads it,
written by prometheus-client.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from arlo_rec.law.messages import say
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError
from arlo_rec.machine.findings import Area, Finding, Severity, worst
from arlo_rec.machine.status import FindingShown, Status
from arlo_rec.machine.surroundings import LATE, Room
from arlo_rec.vault.keys.jobs import Job

NAGIOS: Final[Mapping[Severity, int]] = {Severity.STATUS: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
WORDS: Final = ("OK", "WARNING", "CRITICAL", "UNKNOWN")  # by exit status
CLOSED: Final = frozenset({10, 14, 15, 16})  # exit statuses of a store that should open, and does not
_SHOUT: Final = re.compile(r"^\w+: ")  # the severity in front of a sentence
_PRIVATE: Final = frozenset({"name", "by", "reason", "case", "scope"})  # values that are not for other programs
_OF_STAFF: Final = "by"  # the value of each finding that names a person, who is one of the staff
_NAMED: Final = 3  # findings whose sentences stand in the line
PAGE: Final = Path(__file__).with_name("page")


class Checked(Record, frozen=True):
    """The state as Nagios counts it, the line, and the findings of the area that was asked for."""

    state: int
    line: str
    findings: list[FindingShown]


Sentence = Callable[[Finding], str]


def nagios(status: Status, found: Sequence[Finding], sentence: Sentence, now: datetime) -> tuple[int, str]:
    """The exit status, and the one line with performance data."""
    state = NAGIOS[worst(found)]
    grave = [each for each in found if NAGIOS[each.severity] == state] if state else []
    told = " ".join(_told(each, sentence) for each in grave[:_NAMED])
    more = f" (+{len(grave) - _NAMED})" if len(grave) > _NAMED else ""
    return state, nagios_line(state, f"{told}{more}" if grave else f"{status.held} held", _performance(status, now))


def _told(finding: Finding, sentence: Sentence) -> str:
    """A finding in the line: its code alone where the sentence names a person, a case or a reason."""
    is_private = not _PRIVATE.isdisjoint(finding.values)
    return f"[{finding.code}]" if is_private else f"[{finding.code}] {_SHOUT.sub('', sentence(finding))}"


def nagios_line(state: int, text: str, performance: str = "") -> str:
    """A line of a plugin; a bar in the text would begin the performance data."""
    line = f"ARLO-REC {WORDS[state]} - {' '.join(text.replace('|', '/').split())}"
    return f"{line} | {performance}" if performance else line


def of_error(error: ArloError) -> int:
    """The state of a store that did not open: critical where it should have, else unknown."""
    return 2 if error.exit_status in CLOSED else 3


def _performance(status: Status, now: datetime) -> str:
    """Counts, bytes and ages as `label=value[unit];warn;crit;min`.

    A range without a colon alarms above its number, one with a colon behind it below (Guidelines, "Threshold and
    ranges").
    """
    told = [f"{name}={value};;;0" for name, value in _counts(status).items()]
    told.append(f"overdue={status.overdue};;0;0")
    least = Room(status.free_bytes, status.day_bytes).least
    told.append(f"disk_free={status.free_bytes}B;;{least}:;0")
    for job in Job:
        if (at := getattr(status.last_runs, job)) is not None:
            warned, critical = (
                "" if limit is None else int(limit.total_seconds()) for limit in LATE.get(job, (None, None))
            )
            told.append(f"{job}_age={max(0, int((now - at).total_seconds()))}s;{warned};{critical};0")
    return " ".join(told)


def _counts(status: Status) -> dict[str, int]:
    return {
        "held": status.held,
        "due": status.due,
        "refused": sum(row.count for row in status.refused),
        "left": sum(spool.left for spool in status.spools),
        "unclaimed": sum(spool.unclaimed for spool in status.spools),
        "unfinished": status.unfinished,
        "requests": len(status.requests),
        "unconfirmed": status.unconfirmed,
        "holds": status.holds,
    }


def metrics(status: Status | None, found: Sequence[Finding], now: datetime) -> bytes:
    """The status in Prometheus' text format; None: the store did not open, which `arlo_rec_up` tells."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()

    def gauge(name: str, about: str, values: Mapping[Any, float], labels: Sequence[str] = ()) -> None:
        made = Gauge(f"arlo_rec_{name}", about, labels, registry=registry)
        for key, value in values.items():
            (made.labels(*key) if labels else made).set(value)

    gauge("up", "Whether the store opened.", {(): float(status is not None)})
    gauge("written_timestamp_seconds", "When these figures were read.", {(): now.timestamp()})
    if status is not None:
        _of_status(gauge, status)
        of_code = {(each.code, each.area.value, each.severity.value): 1.0 for each in found}
        gauge("finding", "A finding of arlo-rec status.", of_code, ("code", "area", "severity"))
        by_severity = {(each.value,): float(sum(one.severity is each for one in found)) for each in Severity}
        gauge("findings", "Findings by severity.", by_severity, ("severity",))
    return generate_latest(registry)


def _of_status(gauge: Callable[..., None], status: Status) -> None:
    about = {
        "held": "Recordings that are held.",
        "due": "Recordings to be erased by the next purge.",
        "refused": "Refused calls that lay in a spool when an intake last looked.",
        "left": "Files that an intake could not remove from a spool.",
        "unclaimed": "Sounds in a spool that no manifest names.",
        "unfinished": "Recordings that are arriving or being erased.",
        "requests": "Requests of people without an answer.",
        "unconfirmed": "Copies of erased recordings without a confirmed deletion.",
        "holds": "Calls on hold.",
    }
    for name, value in _counts(status).items():
        gauge(name, about[name], {(): float(value)})
    gauge("overdue", "Recordings that should have been erased over two hours ago.", {(): float(status.overdue)})
    gauge("log_entries", "Entries of the log.", {(): float(status.log_size)})
    gauge("disk_free_bytes", "Room on the store's disk.", {(): float(status.free_bytes)})
    gauge("disk_day_bytes", "Bytes that a busy day of the last week took.", {(): float(status.day_bytes)})
    if status.feed is not None:
        gauge("feed_behind_entries", "Entries that the feed lacks.", {(): float(status.feed.behind or 0)})
    ran = {(job.value,): at.timestamp() for job in Job if (at := getattr(status.last_runs, job)) is not None}
    gauge("last_run_timestamp_seconds", "When a job last came to its end.", ran, ("job",))


def page(
    status: Status, found: Sequence[Finding], days: Sequence[int], sentence: Sentence, now: datetime, lang: str
) -> str:
    """The status as one page that loads nothing and names no person: it is pinned to walls.

    *days*: the held calls of each day, the newest last.
    """
    from arlo_rec.law.pages import Formats
    from arlo_rec.law.pages import render as render_page

    areas = [(area, [each for each in found if each.area is area]) for area in Area]
    highest = max([*days, 1])
    bars = [(index, round(100 * count / highest, 1), count) for index, count in enumerate(days)]
    ran = [(job, getattr(status.last_runs, job)) for job in Job]
    return render_page(
        PAGE,
        "status.html.j2",
        lang=lang,
        state=worst(found),
        status=status,
        areas=[
            (area, worst(each), dict.fromkeys((one.severity, *_without_names(one, sentence, lang)) for one in each))
            for area, each in areas
        ],
        bars=bars,
        ran=ran,
        now=now,
        format=Formats(lang),
        say=lambda code: say(f"picture.{code}", lang),
    )


def _without_names(finding: Finding, sentence: Sentence, lang: str) -> tuple[str, str | None]:
    """The sentence of a finding and its remedy; of one that names a person others, without the person."""
    if _OF_STAFF in finding.values:
        return say(f"picture.{finding.code}", lang), "arlo-rec status"
    return sentence(finding), finding.remedy
