"""Planners on a Dask cluster: they give sounds to its workers, and take plans from them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from arlo_rec.calls.training import cut_plan
from arlo_rec.calls.training.cut_plan import CallSound, CopyOrder, CutPlan
from arlo_rec.engines.dask.jobs import decode_outcome, encode_job
from arlo_rec.engines.dask.link import CLIENT, Link
from arlo_rec.law.model.errors import ArloError, Unreachable, Usage
from arlo_rec.vault.backends.elsewhere import Given

AHEAD: Final = 2  # calls given for each thread of the workers: one waits there while the other is heard
MOST_AHEAD: Final = 256  # calls under way, each in memory: 8 MB of four minutes


class _Awaited(NamedTuple):
    """A plan that is waited for, with length in seconds and channels of its sound, and files of its transcripts."""

    plan: Future[CutPlan]
    duration: float
    channels: int
    files: tuple[str, ...]


class TlsFiles(NamedTuple):
    """The files of one end: the authority of both certificates, and the certificate and key of this one."""

    ca: Path | None
    certificate: Path | None
    key: Path | None


def tls_files(given: Given, role: str) -> TlsFiles:
    """The files of a role, `client` or `worker`: by Dask's own variables, or by the settings for either end."""
    variables = ("CA_FILE", f"{role.upper()}__CERT", f"{role.upper()}__KEY")
    found = (
        given.environment.get(f"DASK_DISTRIBUTED__COMM__TLS__{variable}") or given.settings.get(key)
        for variable, key in zip(variables, TlsFiles._fields, strict=True)
    )
    return TlsFiles(*(Path(str(path)) if path else None for path in found))


def settings_of(address: str, files: TlsFiles) -> dict[str, Any]:
    """The settings of a child process; raises Usage for another address than `tls://HOST:PORT`, or a missing file."""
    try:
        parts = urlsplit(address)
        is_whole = bool(parts.scheme == "tls" and parts.hostname and parts.port) and "@" not in address
        is_whole = is_whole and parts.netloc == address[6:]
    except ValueError:
        is_whole = False
    if not is_whole:
        raise Usage("bad_cluster", value=address[:60])
    for name, path in files._asdict().items():
        if path is None:
            raise Usage("cluster_setting_missing", key=f"cluster.{name}")
        if not os.path.isfile(path):  # noqa: PTH113 - never raises
            raise Usage("file_unreadable", path=str(path))
    named = {name: str(path) for name, path in files._asdict().items()}
    return {"address": address, "host": parts.hostname, "port": parts.port, **named}


class ClusterPlanners:
    """See Planners. A thread takes in what the child process tells."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._link: Link
        self._numbers = count()
        self._plans: dict[int, _Awaited] = {}
        self._guard = threading.Lock()  # of the plans and of the ending
        self._workers, self._threads = 0, 0
        self._ending: ArloError | None = None
        self._connected = threading.Event()
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """See Planners: connect, and wait until the first worker is there; raises Unreachable where it is not."""
        self._link = Link(CLIENT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._tell(self._settings)
        self._connected.wait()
        if self._ending is not None:
            raise self._ending

    @property
    def at_once(self) -> int:
        """See Planners."""
        return min(AHEAD * max(1, self._threads), MOST_AHEAD)

    @property
    def workers(self) -> int | None:
        """See Planners."""
        return self._workers

    def demand_words(self, order: CopyOrder) -> None:
        """See Planners."""
        cut_plan.demand_words(order, hears=True)

    def submit(self, call: CallSound, order: CopyOrder) -> Future[CutPlan]:
        """See Planners."""
        number, plan = next(self._numbers), Future[CutPlan]()
        with self._guard:
            if self._ending is not None:
                plan.set_exception(self._ending)
                return plan
            self._plans[number] = _Awaited(plan, call.sound.duration, call.sound.channels, order.files)
        self._tell({"give": number}, encode_job(call, order))
        return plan

    def give_up(self, plan: Future[CutPlan]) -> None:
        """See Planners."""
        with self._guard:
            numbers = [number for number, each in self._plans.items() if each.plan is plan]
            for number in numbers:
                del self._plans[number]
        for number in numbers:
            self._tell({"drop": number})

    def stop(self) -> None:
        """See Planners."""
        if self._reader is not None:
            self._link.kill()
            self._reader.join()
            self._link.close()

    def _tell(self, head: dict[str, Any], body: bytes = b"") -> None:
        try:
            self._link.send(head, body)
        except Unreachable as error:
            self._end(error)

    def _read(self) -> None:
        try:
            while True:
                self._take(*self._link.receive())
        except ArloError as error:
            self._end(error)
        except (KeyError, TypeError, ValueError):
            self._end(Unreachable("cluster_died"))

    def _take(self, head: dict[str, Any], body: bytes) -> None:
        """Take in a message."""
        if "workers" in head:
            self._workers, self._threads = int(head["workers"]), int(head["threads"])
            if self._workers:
                self._connected.set()
            return
        with self._guard:
            awaited = self._plans.pop(int(head["done" if "done" in head else "failed"]), None)
        if awaited is None:
            return
        try:
            if "failed" in head:
                raise Unreachable("engine_died")
            awaited.plan.set_result(decode_outcome(body, awaited.duration, awaited.channels, awaited.files))
        except ArloError as error:
            awaited.plan.set_exception(error)

    def _end(self, error: ArloError) -> None:
        """Nothing comes any more: every plan that is waited for has the error."""
        with self._guard:
            self._ending = self._ending or error
            awaited, self._plans = [*self._plans.values()], {}
        for each in awaited:
            each.plan.set_exception(self._ending)
        self._connected.set()


@contextmanager
def cluster(address: str, files: TlsFiles) -> Iterator[ClusterPlanners]:
    """Plan on the cluster of a scheduler, once that is started; raises Usage for its address or files."""
    planners = ClusterPlanners(settings_of(address, files))
    try:
        yield planners
    finally:
        planners.stop()
