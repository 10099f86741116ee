"""The child process that speaks to a Dask cluster: it relays jobs and outcomes, and cannot reach the store.

Dask's messages hold pickles: a scheduler that was taken over can run code in whatever speaks to it. So this process has
no environment, no terminal, and no secret but the key of its certificate. It is confined before the first byte from a
scheduler is read (`confinement`). `planners` is the other end of its socket, and decodes outcomes strictly.

    to it      first {"host", "port", "ca", "certificate", "key"}, then {"give": n} with the bytes of a job, or
              {"drop": n}
    from it    {"problem", "kind", "detail"}, after which it ends; {"workers", "threads"}; {"done": n} with the bytes of
              an outcome, or {"failed": n}

The form of a message is that of `connection`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from arlo_rec.engines.dask import confinement
from arlo_rec.engines.dask.connection import (
    PATIENCE_S,
    SCHEDULER,
    SETTINGS,
    Problem,
    problem_of,
    receive,
    security,
    send,
)
from arlo_rec.sound.processes import hardening
from arlo_rec.sound.processes.hardening import leave_session

EMPTY_S: Final = 60.0  # without a worker, until the cluster counts as gone
LOOK_EVERY: Final = 1.0  # seconds between two looks at the workers


def main() -> None:
    """Be confined and connect, then relay until the other end of descriptor 0 is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this process
    leave_session()  # a library must not reach the user's unlocked key
    hardening.forbid_core_dumps()
    asyncio.run(_serve())


async def _serve() -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=0), limit=1 << 20)
    relay = _Relay(reader, writer)
    try:
        await relay.run()
    except Problem as problem:
        send(writer, problem.told())
    with suppress(OSError):
        await writer.drain()
    os._exit(0)  # threads of the library may still wait


class _Relay:
    """The jobs in work, and the connection to the cluster."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._plan: Callable[[bytes], bytes]  # loaded with Dask, before files are closed to this process
        self._jobs: dict[int, Any] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self._counting = asyncio.Lock()  # so that it takes one line (`confinement.LINES`)

    async def run(self) -> None:
        """Be confined, connect, and relay until the other end closes; raises Problem."""
        first = await receive(self._reader)
        if first is None:
            return
        client = await self._connect(first[0])
        watch = asyncio.ensure_future(self._watch(client))
        while not watch.done():
            coming = asyncio.ensure_future(receive(self._reader))
            await asyncio.wait({coming, watch}, return_when=asyncio.FIRST_COMPLETED)
            message = coming.result() if coming.done() else None
            if message is None:
                break
            await self._take(client, *message)
            del message, coming  # the sound: the next message may be long in coming
        if watch.done():
            watch.result()

    async def _connect(self, settings: dict[str, str]) -> Any:
        """The client of Dask, once the scheduler is there with a worker; raises Problem.

        1. Load Dask and the certificates, and open all connections; nothing is read from them.
        2. Make the client and a first job, which load the rest. Both are heard of in a later turn of the loop.
        3. Confine all threads.
        4. Let the loop turn: handshakes, then messages.
        """
        try:
            import dask
            from distributed import Client, utils, versions
            from distributed.comm import tcp

            from arlo_rec.engines.dask import worker
        except ImportError:
            raise Problem("cluster_missing") from None
        dask.config.set(SETTINGS)
        tls = security(settings, only=SCHEDULER)
        try:
            lines = confinement.Lines(settings["host"], int(settings["port"]))
        except OSError:
            raise Problem("cluster_unreachable") from None
        tcp.TLSConnector.client = lines
        await utils.offload(len, b"")  # starts the thread that unpacks long messages
        versions.get_versions()
        self._plan = worker.plan
        client = Client(lines.address, security=tls, asynchronous=True, timeout=PATIENCE_S, set_as_default=False)
        client.submit(len, b"", pure=False)
        try:
            confinement.confine()
        except OSError:
            raise Problem("cluster_unconfined") from None
        try:
            await asyncio.wait_for(self._demand_version(client), 2 * PATIENCE_S)
            await self._demand_workers(client)
        except (OSError, ValueError, TimeoutError) as error:
            raise problem_of(error) from None
        return client

    async def _demand_version(self, client: Any) -> None:
        """Raise Problem where the scheduler is of another version of Dask: its messages may differ."""
        import distributed

        await client
        there = await client.scheduler.versions()
        theirs = str(there["packages"]["distributed"])
        if theirs != distributed.__version__:
            raise Problem("cluster_version", here=f"Dask {distributed.__version__}", there=f"Dask {theirs[:20]}")

    async def _demand_workers(self, client: Any) -> None:
        """Wait for the first worker; raises Problem."""
        for _ in range(int(PATIENCE_S / LOOK_EVERY)):
            if await self._count(client):
                return
            await asyncio.sleep(LOOK_EVERY)
        raise Problem("cluster_empty")

    async def _count(self, client: Any) -> int:
        """Tell the other end of the workers; how many there are."""
        async with self._counting:
            about = await client.scheduler.identity(n_workers=-1)
        workers = about["workers"].values()
        send(self._writer, {"workers": len(workers), "threads": sum(worker["nthreads"] for worker in workers)})
        return len(workers)

    async def _watch(self, client: Any) -> None:
        """Tell of the workers, now and then; raises Problem if the cluster is gone or stays empty."""
        empty = 0.0
        while True:
            try:
                empty = 0.0 if await asyncio.wait_for(self._count(client), PATIENCE_S) else empty + LOOK_EVERY
            except (TimeoutError, OSError):
                raise Problem("cluster_lost") from None
            if client.status != "running":
                raise Problem("cluster_lost")
            if empty >= EMPTY_S:
                raise Problem("cluster_empty")
            await asyncio.sleep(LOOK_EVERY)

    async def _take(self, client: Any, head: dict[str, Any], body: bytes) -> None:
        """Give a job to the cluster, or drop one."""
        if "drop" in head:
            future = self._jobs.pop(head["drop"], None)
            if future is not None:
                await client.cancel([future], force=True)
            return
        self._jobs[head["give"]] = client.submit(self._plan, body, pure=False, key=f"call-{os.urandom(8).hex()}")
        task = asyncio.ensure_future(self._answer(client, head["give"], self._jobs[head["give"]]))
        self._waiting.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        """End the process where an answer failed in a way that is not known: else its call is waited for for ever."""
        self._waiting.discard(task)
        if not task.cancelled() and task.exception() is not None:
            os._exit(1)

    async def _answer(self, client: Any, number: int, future: Any) -> None:
        """Wait for an outcome, and send it."""
        try:
            outcomes = await client.gather([future], errors="skip")
            await asyncio.wait_for(self._count(client), PATIENCE_S)
        except asyncio.CancelledError:
            return  # given up
        except (OSError, TimeoutError):
            send(self._writer, Problem("cluster_lost").told())
            return
        if self._jobs.pop(number, None) is None:  # dropped meanwhile
            return
        if outcomes:
            send(self._writer, {"done": number}, bytes(outcomes[0]))
        else:
            send(self._writer, {"failed": number})
