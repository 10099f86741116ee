"""The command of a machine that hears calls for others: a worker of a cluster."""

from __future__ import annotations

import signal
import sys
from contextlib import closing
from typing import Annotated

import typer

from arlo_rec.edge.commands.options import SpeechModel, arg
from arlo_rec.edge.commands.run import Run, way_of
from arlo_rec.edge.commands.training import MOST_WORKERS, hearing, model_folders
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.errors import Usage

ENDINGS = (signal.SIGTERM, signal.SIGHUP)  # a service manager's, a closed terminal's: as Ctrl-C


def worker(
    ctx: typer.Context, scheduler: Annotated[str, arg("arg.scheduler", "ADDRESS")], *, model: SpeechModel = None
) -> Answer:
    """Hear calls for the scheduler of a cluster until it is gone, or the command is stopped."""
    run: Run = ctx.obj
    settings = run.settings
    folders = model_folders(run, model)
    if not folders:
        raise Usage("model_missing")
    if not 1 <= settings.asr_workers <= MOST_WORKERS:
        raise Usage("workers_out_of_range", most=MOST_WORKERS)
    about = {
        "models": [str(folder.absolute()) for folder in folders],
        "threads": settings.asr_threads,
        "language": settings.asr_language,
        "at_once": settings.asr_workers,
    }
    for number in ENDINGS:
        signal.signal(number, signal.default_int_handler)
    with closing(hearing().work(scheduler, way_of(run)("cluster"), about)) as told:
        for count in told:
            sys.stderr.write(run.say("worker.ready", address=scheduler, count=count) + "\n")
            sys.stderr.flush()
    raise AssertionError("a worker ends by an error")
