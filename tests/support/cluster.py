"""A Dask cluster on loopback: an authority of its own, a scheduler as `examples/cluster` starts it, and workers."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.authority import Authority
from tests.support.places import TOP

EXAMPLES = TOP / "examples" / "cluster"
STARTED = 30.0  # seconds
CA = "DASK_DISTRIBUTED__COMM__TLS__CA_FILE"
ROLES = {"client": "CLIENT", "worker": "WORKER", "scheduler": "SCHEDULER"}


def certified(authority: Authority, role: str, *, days: tuple[int, int] = (-1, 30)) -> dict[str, str]:
    """Dask's variables for a role with a new certificate."""
    certificate, key = authority.sign(role, days=days)
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    return {
        CA: str(authority.ca),
        f"{prefix}{ROLES[role]}__CERT": str(certificate),
        f"{prefix}{ROLES[role]}__KEY": str(key),
    }


class Worker(NamedTuple):
    """A running `arlo-rec worker`, and the process of it that Dask runs in."""

    process: subprocess.Popen[str]

    @property
    def child(self) -> int:
        """The process that is given the calls."""
        return _children(self.process.pid)[0]

    @property
    def tree(self) -> list[int]:
        """All its processes: the command, Dask's, the engines."""
        found = [self.process.pid]
        for pid in found:
            found += _children(pid)
        return found

    def kill(self) -> None:
        """Kill all of it at once, as a machine that loses its power."""
        for pid in self.tree:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


def _children(pid: int) -> list[int]:
    return [
        int(each) for task in Path(f"/proc/{pid}/task").iterdir() for each in (task / "children").read_text().split()
    ]


class Cluster:
    """A scheduler, and the workers that were started for it."""

    def __init__(self, folder: Path, impostor: Authority | None = None) -> None:
        self.authority = Authority(folder / "certificates")
        self._impostor = impostor
        self.client = certified(self.authority, "client")
        self._folder = folder
        self._workers: list[Worker] = []
        self.port = free_port()
        self.address = f"tls://127.0.0.1:{self.port}"
        self.scheduler = self._start_scheduler()

    def start_worker(self, *words: str, config: str = "") -> Worker:
        """A worker that is ready; more words of its command, and lines of its config file."""
        path = self._folder / f"worker{len(self._workers)}.toml"
        path.write_text(config)
        environment = {**os.environ, **certified(self.authority, "worker"), "ARLO_REC_LANG": "en", "LC_ALL": "C.UTF-8"}
        line = [sys.executable, "-m", "arlo_rec", "worker", self.address, "--config", str(path), *words]
        process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=environment, cwd=TOP)
        self._workers.append(Worker(process))
        assert process.stderr is not None
        told = process.stderr.readline()
        assert "Hears for" in told, told + process.stderr.read()
        return self._workers[-1]

    def close(self) -> None:
        """Kill all of it."""
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.kill()
            assert worker.process.stderr is not None
            worker.process.stderr.close()
        self.scheduler.kill()
        self.scheduler.wait()

    def _certified(self) -> dict[str, str]:
        """The scheduler's variables."""
        own = certified(self.authority, "scheduler")
        return own if self._impostor is None else certified(self._impostor, "scheduler") | {CA: own[CA]}

    def _start_scheduler(self) -> subprocess.Popen[bytes]:
        """The scheduler as its unit starts it, with the settings of `dask.yaml` and certificates of ours."""
        unit = (EXAMPLES / "arlo-rec-scheduler.service").read_text()
        _, *words = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)[0].split()
        words = [word.replace("10.0.0.5", "127.0.0.1").replace("8786", str(self.port)) for word in words]
        freed = dict(
            pair.split("=")
            for line in re.findall(r"^Environment=(MALLOC.*)$", unit, re.MULTILINE)
            for pair in line.split()
        )
        environment = {**os.environ, **freed, **self._certified(), "DASK_CONFIG": str(EXAMPLES)}
        dask = [sys.executable, "-m", "dask"]
        with (self._folder / "scheduler").open("wb") as log:
            process = subprocess.Popen([*dask, *words], stdout=log, stderr=log, env=environment, cwd=self._folder)
        deadline = time.monotonic() + STARTED
        while time.monotonic() < deadline and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return process
            time.sleep(0.05)
        process.kill()
        raise AssertionError((self._folder / "scheduler").read_text())


@contextmanager
def cluster(folder: Path, impostor: Authority | None = None) -> Iterator[Cluster]:
    """A cluster without workers yet; all of it is killed at the end.

    With an *impostor* the scheduler accepts whom the cluster's authority signed for, and has a certificate of another.
    """
    started = Cluster(folder, impostor)
    try:
        yield started
    finally:
        started.close()


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
