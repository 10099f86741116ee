"""A machine that systemd has booted in a container, over this machine's files or over a folder that holds a Debian.

What it writes goes into memory and is gone with it. It has no network. This Python and the program are bound into it.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import typer

from tests.support import needs
from tests.support.places import TOP
from tests.support.world import PASSPHRASE, World

NSPAWN = Path("/run/systemd/nspawn")  # systemd-nspawn keeps its locks there
STARTED = 60.0  # seconds until systemd runs
STOPPED = 10.0  # seconds until systemd-nspawn has seen that it ended
PARTS = "/opt/arlo-rec-tests"
PROGRAM = "/usr/bin/arlo-rec"
PLACES = "--spool /var/spool/arlo --backup /mnt/backup/arlo --escrow /mnt/escrow/arlo"
OFFICER = "--as sigrid --passphrase-file /var/lib/arlo/passphrase"
SERVICES = {"telephone": "ingest", "cron": "retention", "it": "auditor", "witness": "auditor"}


def demand_containers() -> None:
    """Skip where this machine cannot boot a container."""
    needs.demand(needs.root(), needs.program("systemd-nspawn", "nsenter"))


class Booted:
    """A running machine; a context, at whose end it is gone."""

    def __init__(self, base: Path, below: Path = Path("/"), *, program: bool = True) -> None:
        self.base = base
        self.root = base / "merged"
        self._below = below
        self._program = program
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._mounted: list[Path] = []
        self._inside = ""

    def __enter__(self) -> Booted:
        try:
            self._mount()
            self._boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def sh(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of shell as root in the machine."""
        words = ["nsenter", "-t", self._inside, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "sh", "-c", line]
        clean = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "en_GB.UTF-8"}
        return subprocess.run(
            words, capture_output=True, text=True, check=False, env=clean, stdin=subprocess.DEVNULL, timeout=600
        )

    def done(self, line: str) -> str:
        """What a line of shell that must succeed prints."""
        ended = self.sh(line)
        assert ended.returncode == 0, (line, ended.stdout, ended.stderr)
        return ended.stdout

    def start(self, unit: str) -> tuple[str, str]:
        """Run a service to its end: its exit status and its result, in systemd's words."""
        self.sh(f"systemctl reset-failed {unit}; systemctl start {unit}")
        shown = self.done(f"systemctl show {unit} -p ExecMainStatus -p Result --value").split()
        values = {word for word in shown if not word.isdigit()}
        return next(word for word in shown if word.isdigit()), values.pop()

    def journal(self, unit: str) -> str:
        """What a unit said."""
        return self.done(f"journalctl --no-pager -o cat -u {unit}")

    # -- the container ----------------------------------------------------------------------------------

    def _mount(self) -> None:
        memory = self.base / "memory"
        for folder in (memory, self.root):
            folder.mkdir()
        self._do_mount("-t", "tmpfs", "overlay", memory)
        for name in ("upper", "work"):
            (memory / name).mkdir()
        layers = f"lowerdir={self._below},upperdir={memory}/upper,workdir={memory}/work"
        self._do_mount("-t", "overlay", "overlay", "-o", layers, self.root)
        NSPAWN.mkdir(parents=True, exist_ok=True)
        self._do_mount("-t", "tmpfs", "nspawn", NSPAWN)
        if self._program:
            start = f"import sys; sys.path[:0] = ['{PARTS}/source', '{PARTS}/site']; from arlo_rec.__main__ import main"
            python = f"{PARTS}/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
            program = self.root / PROGRAM[1:]
            program.unlink(missing_ok=True)
            libraries = f"LD_LIBRARY_PATH={PARTS}/python/lib"  # of a Python that was built for another folder
            program.write_text(f'#!/bin/sh\nexec env {libraries} {python} -I -c "{start}; main()" "$@"\n')
            program.chmod(0o755)

    def _do_mount(self, *words: str | Path) -> None:
        done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
        needs.demand(needs.unable("mounts", done.stderr) if done.returncode else None)
        self._mounted.append(Path(words[-1]))

    def _boot(self) -> None:
        bound = {"python": sys.base_prefix, "site": Path(typer.__file__).parent.parent, "source": TOP}
        binds = [f"--bind-ro={path}:{PARTS}/{name}" for name, path in bound.items()] if self._program else []
        words = [
            "systemd-nspawn",
            "-q",
            "-D",
            self.root,
            "-b",
            "--register=no",
            "--keep-unit",
            "--private-network",
            "--link-journal=no",
        ]
        words += ["--console=pipe", f"--machine=arlo-rec-test-{os.getpid()}", *binds, "systemd.unit=basic.target"]
        with (self.base / "console").open("wb") as console:
            self._nspawn = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        deadline = time.monotonic() + STARTED
        while time.monotonic() < deadline and self._nspawn.poll() is None:
            with suppress(OSError, StopIteration):
                children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
                self._inside = next(iter(children))
                if self.sh("systemctl is-active basic.target").stdout.strip() == "active":
                    return
            time.sleep(0.2)
        needs.demand(needs.unable("systemd in a container", self._said()))

    def _said(self) -> str:
        """The last line of the container's console."""
        lines = (self.base / "console").read_text("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")

    def _end(self) -> None:
        if self._nspawn is not None:
            if self._inside:  # its first process: with it all others end, which would outlive systemd-nspawn
                with suppress(ProcessLookupError):
                    os.kill(int(self._inside), signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._nspawn.wait(STOPPED)
            self._nspawn.kill()
            self._nspawn.wait()
        for place in reversed(self._mounted):
            for _ in range(50):  # until the kernel has ended what ran there
                if subprocess.run(["umount", place], capture_output=True, check=False).returncode == 0:
                    break
                time.sleep(0.1)
            else:
                subprocess.run(["umount", "--lazy", place], check=False)


def quoted(*words: str | Path) -> str:
    """Words as a line of shell."""
    return shlex.join(map(str, words))


# -- a store on it ----------------------------------------------------------------------------------------


def settle(machine: Booted) -> None:
    """Write the settings of the examples."""
    settings = 'store = "/srv/arlo/store"\\nfeed = "/mnt/feed/arlo.jsonl"\\nspool = "/var/spool/arlo"\\n'
    machine.done(f"mkdir -p /etc/arlo-rec; printf '{settings}' > /etc/arlo-rec/config.toml; chmod 0755 /etc/arlo-rec")


def found(machine: Booted, *more: str, role: str = "") -> None:
    """Make the store and the keys of its services, where the accounts and their folders are there.

    *more* are words of its `init`, which has the *role* of a database.
    """
    machine.done("install -d -m 0700 -o arlo -g arlo /mnt/backup/arlo /mnt/escrow/arlo /mnt/feed")
    machine.done("install -m 0600 -o arlo /dev/null /var/lib/arlo/passphrase")
    machine.done(f"echo {quoted(PASSPHRASE)} > /var/lib/arlo/passphrase")
    secret = "--passphrase-file /var/lib/arlo/passphrase"
    as_owner(machine, " ".join(("init --officer sigrid --store /srv/arlo/store", secret, *more)), role)
    for name, role in SERVICES.items():
        as_owner(machine, f"person add {name} --role {role} --service --key-out /var/lib/arlo/{name}.key {OFFICER}")
        machine.done(f"install -m 0400 /var/lib/arlo/{name}.key /etc/arlo-rec/; shred -u /var/lib/arlo/{name}.key")
    as_owner(machine, f"backup /mnt/backup/arlo --escrow /mnt/escrow/arlo {OFFICER}")


def as_owner(machine: Booted, words: str, role: str = "") -> dict[str, Any]:
    """Run a command as the account that owns the store, with a role of a database; it must succeed."""
    named = f"PGUSER={role} " if role else ""
    told = machine.done(f"cd /; runuser -u arlo -- env HOME=/var/lib/arlo {named}arlo-rec {words} --json")
    answer: dict[str, Any] = json.loads(told)
    return answer


def deliver(machine: Booted, stem: str, *, sound: bytes | None = None, name: str = "", **how: object) -> None:
    """A call in the spool, as the exchange leaves it."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.deliver(stem, sound=sound, **({"audio": name} if name else {}), **how)
        for path in world.spool.iterdir():
            to = machine.root / "var/spool/arlo" / (name if name and path.suffix == ".wav" else path.name)
            to.write_bytes(path.read_bytes())
    machine.done("chown arlo:arlo /var/spool/arlo/*; chmod 0660 /var/spool/arlo/*")
