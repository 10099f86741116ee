"""The views and the buttons of the desk. Each is a command's own body, so that it decides, logs and words alike.

A view is rows of texts. Each row has the id that its buttons and its opening take. A page may ask for what DESK of the
policy names for its person's role, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import typer
from typer.core import TyperCommand

from arlo_rec.edge.commands import access_requests, anyone, disclosures, grants, it, manager, reviewing, training
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import STDIN, span
from arlo_rec.edge.tables import Table, shown
from arlo_rec.law.log.rows import CopyState, DisclosureState
from arlo_rec.law.messages import clean
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Usage
from arlo_rec.law.model.times import shown_length
from arlo_rec.law.pages import Formats
from arlo_rec.policy import Purpose, has_hidden_characters

if TYPE_CHECKING:
    from arlo_rec.edge.terminal import Answer
    from arlo_rec.vault.access.search import Search

    Asked = Mapping[str, Any]

PURPOSES: Final = frozenset(Purpose)
LONGEST: Final = 2_000  # characters of anything that a page sends
LOCK_WAIT: Final = 3.0  # seconds
_OPENS: Final = {"review": "copy", "release": "copy", "case": "case", "approve_refusal": "case"}  # by kind of task


class Row(Record, frozen=True):
    """A row of a view."""

    id: str
    cells: Sequence[str]
    acts: Sequence[str] = ()
    opens: str | None = None  # a call, a copy or a case
    opened: str = ""  # its id, where that is another than the row's
    holder: str = ""  # the person whose access it is
    mark: str = ""  # a word for its looks


class Shown(Record, frozen=True):
    """A view: sentences, and rows under headings."""

    view: str
    lines: Sequence[str]
    headings: Sequence[str] = ()
    rows: Sequence[Row] = ()
    names: Sequence[str] = ()  # that a field suggests


def show(run: Run, asked: Asked) -> Shown:
    """A view as the page asks for it, without hidden signs; raises what its command raises."""
    shown = _VIEWS[text(asked, "view")](run, asked)
    rows = [msgspec.structs.replace(row, cells=[clean(cell) for cell in row.cells]) for row in shown.rows]
    return msgspec.structs.replace(shown, rows=rows)


def do(run: Run, asked: Asked) -> list[str]:
    """Carry out a button; the sentences of its command. Raises what that raises."""
    name = text(asked, "act")
    words, body = _ACTS[name]
    return list(body(context(run, words), asked).lines)


def is_on(act: object, views: Sequence[str]) -> bool:
    """Whether a button stands in one of these views."""
    return any(act in _BUTTONS.get(view, ()) for view in views)


def context(run: Run, words: str) -> Any:
    """The context of a command's body, with the run as that command."""
    return typer.Context(TyperCommand(words), obj=acting_as(run, words))


def acting_as(run: Run, words: str) -> Run:
    """A run of another command for the page: nothing is asked and nothing written on the terminal.

    It waits for no lock for long, as a call that is open is not looked at meanwhile.
    """
    other = copy(run)
    other.command, other.quiet, other.is_stdin_taken, other.chosen_lang = words, True, True, None
    other.settings = run.settings._replace(lock_wait=min(run.settings.lock_wait, LOCK_WAIT))
    return other


def text(asked: Asked, name: str) -> str:
    """A text of what a page asks; raises Usage for anything else."""
    value = asked.get(name)
    if not isinstance(value, str) or len(value) > LONGEST:
        raise Usage("bad_value", name=name)
    return value


def _optional(asked: Asked, name: str) -> str | None:
    return text(asked, name).strip() or None if name in asked else None


# -- calls --------------------------------------------------------------------------------------------


def _calls(run: Run, asked: Asked) -> Shown:
    """The calls that this person may open for the purpose in the head, as `find` lists them."""
    from arlo_rec.vault.access import search, teams

    wanted, now = _search(run, asked), run.now()
    with acting_as(run, "find").store() as store:
        live = store.roster.live_grants(store.person.name, store.clock.today(now))
        purpose = _optional(asked, "purpose")
        if not any(grant.purpose == purpose for grant in live):  # an empty page is no attempt
            told = run.say("desk.page.no_grant", purpose=run.say(f"purpose.{purpose}")) if purpose in PURPOSES else ""
            return Shown("calls", [told])
        found = search.newest(store, purpose, _optional(asked, "reason"), wanted, now)
        before = search.heard_before(store, [match.id for match in found.matches])
        names = teams.names(store, found.admission.grants)
    is_training = found.admission.purpose == "training"  # trainers see no name
    columns = ("day", "length", "team", *(() if is_training else ("agent",)), "days_left", "heard_before")
    rows, when = [], Formats(run.lang).short
    for match in found.matches:
        days = str(max(0, (match.expires_at - now) // timedelta(days=1)))
        heard = run.say("desk.page.heard") if match.id in before else ""
        agent = () if is_training else (shown(match.agent),)
        cells = [when(match.started_at), shown_length(match.duration_s), match.team, *agent, days, heard]
        rows.append(Row(match.id.hex(), cells, opens="call", mark="" if match.id in before else "new"))
    lines = [] if rows else [run.say("find.none"), *manager.why_lines(run, found.why)]
    lines += [run.say("find.damaged", id=recording.hex()) for recording in found.damaged]
    lines += [run.say("desk.page.older", count=len(rows))] if found.older else []
    return Shown("calls", lines, [run.say(f"column.{name}") for name in columns], rows, names)


def _search(run: Run, asked: Asked) -> Search:
    """The criteria of the filters: a day or a week, team, agent and length in minutes; raises Usage."""
    from arlo_rec.vault.access.search import Search

    agent, team = _optional(asked, "agent"), _optional(asked, "team")
    if has_hidden_characters((agent or "") + (team or "")):
        raise Usage("search_hidden_characters")
    day = _optional(asked, "day")
    begin, end = span(run, day, day)
    shortest, longest = (_minutes(asked, name) for name in ("shortest", "longest"))
    return Search(agent, team, begin, end, shortest_s=shortest, longest_s=longest)


def _minutes(asked: Asked, name: str) -> float | None:
    """A number of minutes in seconds; raises Usage."""
    typed = _optional(asked, name)
    if typed is None:
        return None
    try:
        minutes = float(typed.replace(",", "."))
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes < 10_000:
        raise Usage("bad_minutes", value=typed[:40])
    return 60 * minutes


# -- what waits, and what there is --------------------------------------------------------------------


def _tasks(run: Run, _: Asked) -> Shown:
    from arlo_rec.machine.todo import tasks

    with acting_as(run, "todo").store() as store:
        waiting, name = tasks(store, anyone.company_of(run).suppliers or (), run.now()), store.person.name
    rows, when = [], Formats(run.lang).short
    for task in waiting:
        acts, opens = list(task.buttons), _OPENS.get(task.kind)
        sentence = anyone.task_text(run, task, name, with_command=not acts and opens is None)
        rows.append(Row(task.id, [when(task.since), sentence], acts, opens, str(task.about.get("case", ""))))
    lines = [] if rows else [run.say("todo.nothing")]
    return Shown("tasks", lines, [run.say(f"column.{name}") for name in ("waits_since", "task")], rows)


def _listed(
    run: Run, view: str, answer: Answer, row: Callable[[Any, list[str]], Row], lines: Iterable[str] = ()
) -> Shown:
    """A view of a command's table; *row* makes a row of each record and its cells."""
    table = answer.table or Table((), ())
    rows = [row(record, list(cells)) for record, cells in zip(table.listed, table.rows, strict=True)]
    return Shown(view, [*answer.lines, *lines] if not rows else list(lines), list(table.headings), rows)


def _copies(run: Run, _: Asked) -> Shown:
    answer = reviewing.review(context(run, "review"))

    def row(copy: Any, cells: list[str]) -> Row:
        acts = ["release", "reject"] if copy.state is CopyState.READY else ["reject"]
        return Row(copy.copy.hex(), cells, acts, "copy")

    return _listed(run, "copies", answer, row)


def _files(run: Run, _: Asked) -> Shown:
    answer = disclosures.recipients_list(context(run, "recipients list"))
    listed = answer.table._replace(listed=answer.table.listed[::-1]) if answer.table is not None else None

    def row(file: Any, cells: list[str]) -> Row:
        can_be_confirmed = file.state is not DisclosureState.CONFIRMED and file.kind != "backup"
        return Row(file.id, cells, ["deleted"] if can_be_confirmed else [])

    return _listed(run, "files", answer._replace(table=listed), row)


def _grants(run: Run, _: Asked) -> Shown:
    answer = grants.grants_list(context(run, "grants"))
    return _listed(run, "grants", answer, lambda each, cells: Row(each.id, cells, ["revoke"], holder=each.person))


def _access(run: Run, _: Asked) -> Shown:
    """The person's own access with its ends, and what became of what they asked for."""
    from arlo_rec.office.grants import GrantShown, shorts
    from arlo_rec.vault.access import teams

    asked = grants.request(context(run, "request"))
    with acting_as(run, "request").store() as store:
        now = run.now()
        live = store.roster.live_grants(store.person.name, store.clock.today(now))
        names, short = teams.names(store, live), shorts(store, live)
    cells = {**grants.cells(run, short), "state": lambda grant: run.say(f"grant_state.{grant.state}")}
    own = run.listing(
        GrantShown, [GrantShown.at(now, grant) for grant in live], "id purpose teams until state", "", cells
    )
    listed = [*zip(own.listed, own.rows, strict=True)]
    listed += [*zip(asked.table.listed, asked.table.rows, strict=True)] if asked.table is not None else []
    rows = [Row(record.id, list(texts)) for record, texts in listed]  # type: ignore[union-attr]
    lines = [] if rows else [run.say("desk.page.no_access")]
    return Shown("access", lines, list(own.headings), rows, names)


def _cases(run: Run, _: Asked) -> Shown:
    answer = access_requests.case_list(context(run, "case list"))
    return _listed(run, "cases", answer, lambda case, cells: Row(case.id, cells, opens="case"))


def _status(run: Run, _: Asked) -> Shown:
    """The findings of `status`, the gravest first."""
    from arlo_rec.machine.findings import Severity
    from arlo_rec.machine.status import status

    with acting_as(run, "status").store() as store:
        current, found, _work = status(store, anyone.company_of(run).suppliers, run.now(), run.lang)
    rows = []
    for each in sorted(found, key=lambda finding: list(Severity).index(finding.severity)):
        cells = [run.say(f"desk.page.severity_{each.severity}"), anyone.finding_text(run, each)]
        rows.append(Row(each.code, cells, mark=each.severity))
    lines = [run.say("status.counts", held=current.held, due=current.due, overdue=current.overdue)]
    lines += [it.purge_line(run, current.last_purge)]
    return Shown("status", lines, [run.say(f"column.{name}") for name in ("severity", "finding")], rows)


def case_lines(run: Run, case: str) -> list[str]:
    """All about a case, and its last letter where it has one."""
    try:
        return list(access_requests.case_show(context(run, "case show"), case, out=Path(STDIN)).lines)
    except Usage as problem:
        if problem.code != "no_notice":
            raise
        return list(access_requests.case_show(context(run, "case show"), case).lines)


_VIEWS: Final[Mapping[str, Callable[[Run, Asked], Shown]]] = {
    "calls": _calls,
    "tasks": _tasks,
    "copies": _copies,
    "files": _files,
    "grants": _grants,
    "access": _access,
    "cases": _cases,
    "status": _status,
}


_BUTTONS: Final[Mapping[str, Sequence[str]]] = {  # by view
    "tasks": ("approve", "deny", "approve_refusal", "deny_refusal", "deleted", "release", "reject"),
    "copies": ("release", "reject"),
    "files": ("deleted",),
    "grants": ("revoke",),
    "access": ("ask",),
}


# -- buttons ------------------------------------------------------------------------------------------


def _ask(ctx: Any, asked: Asked) -> Answer:
    """Ask for access, as `request` does."""
    days = text(asked, "days")
    if not (days.isascii() and days.isdigit()):
        raise Usage("bad_value", name="days")
    team, reason = _optional(asked, "team"), _optional(asked, "reason")
    return grants.request(
        ctx, purpose=text(asked, "purpose"), team=[team] if team else None, days=int(days), reason=reason
    )


_ACTS: Final[Mapping[str, tuple[str, Callable[[Any, Asked], Answer]]]] = {
    "approve": ("approve", lambda ctx, asked: grants.approve(ctx, text(asked, "id"))),
    "deny": ("deny", lambda ctx, asked: grants.deny(ctx, text(asked, "id"), reason=_optional(asked, "reason"))),
    "approve_refusal": ("approve", lambda ctx, asked: grants.approve(ctx, text(asked, "id"))),
    "deny_refusal": (
        "deny",
        lambda ctx, asked: grants.deny(ctx, text(asked, "id"), reason=_optional(asked, "reason")),
    ),
    "deleted": ("recipients confirm", lambda ctx, asked: disclosures.recipients_confirm(ctx, [text(asked, "id")])),
    "release": (
        "release",
        lambda ctx, asked: training.release(ctx, text(asked, "id"), reason=_optional(asked, "reason")),
    ),
    "reject": (
        "reject",
        lambda ctx, asked: training.reject(ctx, text(asked, "id"), reason=_optional(asked, "reason")),
    ),
    "revoke": ("revoke", lambda ctx, asked: grants.revoke(ctx, text(asked, "holder"), grant=text(asked, "id"))),
    "ask": ("request", _ask),
}
