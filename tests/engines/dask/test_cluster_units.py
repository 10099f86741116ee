"""The units of the example in a booted machine: scheduler and worker start under their restrictions, and meet."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.authority import Authority
from tests.support.booted import PARTS, Booted, demand_containers
from tests.support.cluster import EXAMPLES
from tests.support.models import MODEL, needs_model
from tests.support.places import TOP

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("booted")]
PROGRAMS = {"dask": "dask.__main__", "arlo-rec": "arlo_rec.__main__"}


@pytest.fixture
def machine() -> Iterator[Booted]:
    demand_containers()
    with tempfile.TemporaryDirectory(prefix="arlo-cluster-") as name, Booted(Path(name)) as booted:
        yield booted


def placed(machine: Booted) -> None:
    """Programs, certificates, settings and units where the example has them; its address is that of this machine."""
    programs, certificates = machine.root / "opt/arlo-rec-cluster/bin", machine.root / "etc/arlo-rec/cluster"
    programs.mkdir(parents=True)
    python = f"{PARTS}/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for name, module in PROGRAMS.items():
        path = f"import sys; sys.path[:0] = ['{PARTS}/source', '{PARTS}/site']; from {module} import main"
        (programs / name).write_text(f'#!/bin/sh\nexec {python} -s -P -c "{path}; main()" "$@"\n')
        (programs / name).chmod(0o755)
    authority = Authority(certificates)
    for role in ("scheduler", "worker"):
        authority.sign(role)[1].chmod(0o600)
    assert MODEL is not None
    lines = [
        f'asr.model = "{PARTS}/source/{MODEL.relative_to(TOP)}"',
        'cluster.ca = "/etc/arlo-rec/cluster/ca.pem"',
        'cluster.certificate = "/etc/arlo-rec/cluster/worker.pem"',
    ]
    (machine.root / "etc/arlo-rec/worker.toml").write_text("\n".join(lines))
    (machine.root / "etc/dask").mkdir()
    shutil.copy(EXAMPLES / "dask.yaml", machine.root / "etc/dask/arlo-rec.yaml")
    for unit in EXAMPLES.glob("*.service"):
        text = unit.read_text().replace("10.0.0.5", "127.0.0.1")
        (machine.root / "etc/systemd/system" / unit.name).write_text(text)
    machine.done(
        f"echo {PARTS}/python/lib > /etc/ld.so.conf.d/python.conf; ldconfig"
    )  # it was built for another folder
    machine.done("systemctl daemon-reload")


@needs_model
def test_scheduler_and_worker_work_under_the_restrictions_of_their_units(machine: Booted) -> None:
    placed(machine)
    machine.done("systemctl start arlo-rec-scheduler arlo-rec-worker")
    deadline = time.monotonic() + 60
    while "Hears for tls://127.0.0.1:8786" not in machine.journal("arlo-rec-worker"):
        assert time.monotonic() < deadline, machine.journal("arlo-rec-worker") + machine.journal("arlo-rec-scheduler")
        time.sleep(0.2)
    machine.done("systemctl stop arlo-rec-worker")
    assert machine.done("systemctl show arlo-rec-worker -p Result --value").strip() == "success"
    assert machine.done("systemctl is-active arlo-rec-scheduler").strip() == "active"
