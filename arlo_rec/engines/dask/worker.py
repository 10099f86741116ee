"""The child process that is a worker of a Dask cluster: it plans the cuts of calls with engines of its own.

It has no store, no identity and no key, and nothing of a call touches its disk. Its engines end with each job (which
costs the loading of a model), and memory that it frees is overwritten (`link.WIPED`): nothing of a call stays. The
sound passes through the scheduler, which is to be started in the same way (`examples/cluster`).

    to it      {"address", "ca", "certificate", "key", "models", "threads", "language", "at_once"}
    from it    {"problem", "kind", "detail"}, after which it ends; {"ready": calls at once}

The form of a message is that of `connection`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from arlo_rec.engines.dask import jobs
from arlo_rec.engines.dask.connection import PATIENCE_S, SETTINGS, Problem, problem_of, receive, security, send
from arlo_rec.law.model.errors import ArloError
from arlo_rec.sound.processes import hardening
from arlo_rec.sound.processes.hardening import leave_session

if TYPE_CHECKING:
    from arlo_rec.sound.speech import Engines

LOOK_EVERY: Final = 0.5  # seconds between two looks at whether a job is still wanted


class Hands:
    """The models of a worker. Their processes are started for a job and end with it: so its memory is wiped."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings

    def try_out(self) -> None:
        """Load every model once; raises what `Words.engine` raises."""
        with self._started():
            pass

    def plan(self, raw: bytes, is_wanted: Callable[[], bool]) -> bytes:
        """The outcome of a job; hearing stops as soon as *is_wanted* says that nobody waits for it."""
        try:
            with self._started() as engines, _watching(engines, is_wanted):
                return _outcome(raw, engines)
        except ArloError as error:  # an engine that does not start
            return jobs.encode_outcome(error)
        finally:
            gc.collect()

    @contextmanager
    def _started(self) -> Iterator[Engines]:
        from arlo_rec.sound.speech import words

        settings = self._settings
        threads = max(1, settings["threads"] // (settings["at_once"] * len(settings["models"])))
        with ExitStack() as stack:
            models = map(Path, settings["models"])
            yield [stack.enter_context(words().engine(folder, threads, settings["language"])) for folder in models]


def _outcome(raw: bytes, engines: Engines) -> bytes:
    from arlo_rec.calls.training.cut_plan import plan_cuts

    try:
        call, order = jobs.decode_job(raw)
        return jobs.encode_outcome(plan_cuts(call, order, engines))
    except ArloError as error:
        return jobs.encode_outcome(error)


@contextmanager
def _watching(engines: Engines, is_wanted: Callable[[], bool]) -> Iterator[None]:
    """Stop the engines where the work of the block is not wanted any more."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_EVERY):
            if not is_wanted():
                for engine in engines:
                    engine.stop()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


_HANDS: list[Hands] = []  # of this process, once it works


def plan(raw: bytes) -> bytes:
    """The outcome of a job, as Dask calls it in a thread of the worker."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state == "executing"

    return _HANDS[0].plan(raw, is_wanted)


def main() -> None:
    """Work until the other end of descriptor 0 is closed, or the scheduler is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this process
    leave_session()
    hardening.forbid_core_dumps()
    asyncio.run(_serve())


async def _serve() -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=0))
    first = await receive(reader)
    if first is None:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="arlo-rec-worker-") as folder:
            await _work(first[0], reader, writer, folder)
    except ArloError as error:
        send(writer, {"problem": error.code, "kind": type(error).__name__, "detail": error.detail})
    except Problem as problem:
        send(writer, problem.told())
    with suppress(OSError):
        await writer.drain()
    os._exit(0)  # threads of the library, and engines, may still work


async def _work(
    settings: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, folder: str
) -> None:
    """Work for the scheduler; raises Problem and ArloError."""
    try:
        import dask
        from distributed import Worker
        from distributed.utils import get_ip
    except ImportError:
        raise Problem("cluster_missing") from None
    dask.config.set(SETTINGS)
    tls = security(settings)
    hands = Hands(settings)
    await asyncio.get_running_loop().run_in_executor(None, hands.try_out)
    _HANDS.append(hands)
    try:
        worker = Worker(
            settings["address"], security=tls, nthreads=settings["at_once"], memory_limit=0, dashboard=False,
            local_directory=folder, host=get_ip(settings["host"]), death_timeout=PATIENCE_S, validate=False,
        )  # fmt: skip
        await asyncio.wait_for(worker.start(), 2 * PATIENCE_S)
    except (OSError, ValueError, TimeoutError) as error:
        raise problem_of(error) from None
    send(writer, {"ready": settings["at_once"]})
    closed = asyncio.ensure_future(receive(reader))
    finished = asyncio.ensure_future(worker.finished())
    await asyncio.wait({closed, finished}, return_when=asyncio.FIRST_COMPLETED)
    if not closed.done():
        raise Problem("cluster_lost")
