"""Commands for the monitoring of a store: check for Nagios, metrics for Prometheus, doctor for the set-up."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from arlo_rec.edge import terminal
from arlo_rec.edge.commands.anyone import company_of, finding_text
from arlo_rec.edge.commands.options import among, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.commands.typed import STDIN
from arlo_rec.edge.config import used
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Alarmed, ArloError, NoStore, Usage, Warned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arlo_rec.machine.findings import Finding
    from arlo_rec.machine.status import Looked
    from arlo_rec.vault.opened import Store


NOT_WELL: Final = {1: Warned, 2: Alarmed}  # by the state, for scripts: people have the line


class Measured(Record, frozen=True):
    """The file of metrics, and its size in bytes; the file is null for stdout."""

    out: str | None
    bytes: int


def check(
    ctx: typer.Context,
    *,
    only: Annotated[
        str | None, opt("opt.only_area", "--only", "AREA", choices=among("machine.findings", "Area"))
    ] = None,
) -> Answer:
    """Tell Nagios or Icinga in one line whether all is well."""
    from arlo_rec.machine.findings import Area
    from arlo_rec.machine.rendering import Checked, nagios
    from arlo_rec.machine.status import FindingShown

    run: Run = ctx.obj
    if only is not None and only not in {*Area}:
        raise Usage("bad_value", name="--only")
    with run.store(looks=True) as store:
        current, found, _ = _state(run, store)
    chosen = [each for each in found if only in (None, each.area)]
    state, line = nagios(current, chosen, lambda each: finding_text(run, each), run.now())
    shown = [FindingShown.of(each) for each in chosen]
    error = NOT_WELL[state]("not_well", line=line) if state and not run.for_people else None
    return Answer(Checked(state, line, shown), [line], always=True, exit_status=state, error=error)


def metrics(ctx: typer.Context, *, out: Annotated[Path, opt("opt.metrics_out", "--out", "FILE")]) -> Answer:
    """Write the figures that Prometheus reads, in place of those of the last run."""
    from arlo_rec.machine import rendering

    run: Run = ctx.obj
    if str(out) == STDIN and not run.for_people:
        raise Usage("json_and_stdout")
    problem = None
    try:
        with run.store(looks=True) as store:
            current, found, _ = _state(run, store)
        text = rendering.metrics(current, found, run.now())
    except ArloError as error:  # what is known is told all the same: an old file would look like a store that is well
        if error.exit_status not in rendering.CLOSED:
            raise
        problem, text = error, rendering.metrics(None, [], run.now())
    if str(out) != STDIN:
        run.client.files.publish(out, text)
    if problem is not None:
        raise problem
    if str(out) == STDIN:
        return Answer(Measured(None, len(text)), text.decode("utf-8").rstrip("\n").split("\n"), always=True)
    return Answer(Measured(str(out), len(text)), [run.say("metrics.written", out=out)])


def doctor(ctx: typer.Context) -> Answer:
    """Look at this machine and the set-up of the store, and say what to mend; nothing is changed."""
    from arlo_rec.machine import doctor as examine
    from arlo_rec.machine.findings import Finding, Severity, worst
    from arlo_rec.machine.status import FindingShown

    run: Run = ctx.obj
    here = examine.Machine.read()
    named = Path(run.settings.store) if run.settings.store is not None else None
    found = [*examine.of_machine(here), *examine.of_settings(used(run.config, os.environ), named)]
    found += examine.of_state(run.settings.state_dir)
    is_opened = False
    if named is not None:
        found += examine.of_place(named)
        try:
            place = run.place()
            found += examine.of_layout(place)
            with run.store(looks=True) as store:
                found += [*examine.of_disks(store, here), *examine.of_objects(store), *_state(run, store).found]
            is_opened = True
        except NoStore:
            pass  # which the place says
        except ArloError as problem:
            found.append(Finding(Severity.WARNING, "store_closed", {"what": problem}))
    found = [
        each for at, each in enumerate(found) if each not in found[:at]
    ]  # of a store that opened, and of its place
    found.sort(key=lambda each: list(Severity).index(each.severity))
    lines = [line for each in found for line in _with_remedy(run, each)] or [run.say("doctor.well")]
    shown = [FindingShown.of(each) for each in found]
    status = 0 if worst(found) is Severity.STATUS else 3
    answer = examine.Examined(shown, str(named) if named is not None else None, is_opened)
    return Answer(answer, lines, always=True, exit_status=status)


def _with_remedy(run: Run, finding: Finding) -> Iterator[str]:
    text = finding_text(run, finding)
    yield text
    if finding.remedy is not None and finding.remedy not in text:
        yield f"  {finding.remedy}"


def _state(run: Run, store: Store) -> Looked:
    """The status of an open store."""
    from arlo_rec.machine.status import status

    return status(store, company_of(run).suppliers, run.now(), run.lang)


def as_plugin(error: ArloError, lang: str) -> int:
    """Say what ended `check` as a plugin of Nagios does: one line on stdout, and 2 or 3."""
    from arlo_rec.machine.rendering import nagios_line, of_error

    state = of_error(error)
    with suppress(ArloError):
        terminal.tell(nagios_line(state, terminal.message_of(error, lang)))
    return state
