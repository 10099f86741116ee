"""An office: real login accounts, real sudo and a real sshd on loopback, in mount namespaces that end with each run.

The accounts, sudo's rules and the program's own parts are bound over the machine's inside the namespace alone: nothing
of it is seen outside, and nothing is left. This Python and its packages may lie where other accounts cannot look.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.support import needs
from tests.support.places import TOP
from tests.support.world import PASSPHRASE, Result

OWNER, OFFICER, STAFF = "arlo-owner", "arlo-officer", "arlo-staff"
ACCOUNTS = {OWNER: 64101, OFFICER: 64102, STAFF: 64103}
SUDO = f"sudo -n -u {OWNER} {{program}} serve"
READY = 20.0  # seconds for sshd to listen


def demand_accounts() -> None:
    """Skip where this machine cannot have them."""
    needs.demand(needs.root(), needs.program("sudo", "setpriv", "unshare", "ssh", "ssh-keygen", "sshd"))


class Office:
    """A store that one account owns, and two accounts that give orders."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.store = base / OWNER / "store"
        self.spool = base / "spool"
        self.program = base / "bin" / "arlo-rec"
        self._bound = {"python": Path(sys.base_prefix), "site": Path(typer.__file__).parent.parent, "source": TOP}
        self._sshd: subprocess.Popen[bytes] | None = None
        base.chmod(0o755)
        self._make_accounts()
        self._make_program()

    # -- what runs -------------------------------------------------------------------------------------

    def run(self, account: str, *words: str, via: str | None = None, stdin: bytes = b"") -> Result:
        """Run the program as that account, through a door or without one."""
        done = subprocess.run(
            self.words(account, [str(self.program), *words]), input=stdin, capture_output=True, check=False,
            env=self.environment(account, via), cwd="/",
        )  # fmt: skip
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, account: str, *words: str, via: str | None = None, **how: Any) -> subprocess.Popen[bytes]:
        """The same, while other things go on; it leads a group of processes of its own."""
        return subprocess.Popen(
            self.words(account, [str(self.program), *words]), env=self.environment(account, via), cwd="/",
            process_group=0, **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},
        )  # fmt: skip

    def shell(self, account: str, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of shell as that account."""
        words = self.words(account, ["sh", "-c", line])
        return subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")

    def in_session(self, account: str, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of shell as that account, in a login session with a keyring of its own."""
        begin = "from arlo_rec.sound.processes.hardening import leave_session; import os; leave_session(); "
        program = begin + f"os.execvp('sh', ['sh', '-c', {line!r}])"
        return self.shell(account, f"{self._python} -c {shlex.quote(program)}")

    def words(self, account: str, words: list[str]) -> list[str]:
        """The words that start a program as an account, in a namespace of its own."""
        mounts = [f"mount --bind {path} {self.base}/bound/{name}" for name, path in self._bound.items()]
        mounts += [f"mount --bind {path} /etc/{path.name}" for path in (self.base / "etc").iterdir()]
        number = ACCOUNTS.get(account, 0)
        drop = f"setpriv --reuid {number} --regid {number} --clear-groups --inh-caps=-all" if number else ""
        line = " && ".join([*mounts, f'exec {drop} "$@"'])
        return ["unshare", "--mount", "sh", "-c", line, "sh", *words]

    def environment(self, account: str, via: str | None) -> dict[str, str]:
        """What that account has in its environment after it logged in."""
        here = {"HOME": str(self.base / account), "LOGNAME": account, "USER": account, "LANG": "en_GB.UTF-8"}
        return {"PATH": "/usr/bin:/bin:/usr/sbin", **here, **({"ARLO_REC_VIA": via} if via else {})}

    def serving(self) -> list[int]:
        """The processes of the owner; of other offices too."""
        found = list[int]()
        for process in Path("/proc").iterdir():
            with suppress(OSError):
                if process.name.isdigit() and f"\nUid:\t{ACCOUNTS[OWNER]}\t" in (process / "status").read_text():
                    found.append(int(process.name))
        return found

    # -- the two doors ---------------------------------------------------------------------------------

    @property
    def sudo(self) -> str:
        """The door by sudo."""
        return SUDO.format(program=self.program)

    def ssh(self, person: str) -> str:
        """The door by ssh, with the key of a person."""
        return f"ssh -T {person}.recordings"

    def start_sshd(self) -> None:
        """Start sshd on a port of loopback that is free."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        place = self._folder(self.base / "sshd", 0)
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", place / "host"], check=True)
        lines = [
            "ListenAddress 127.0.0.1",
            f"Port {self.port}",
            f"HostKey {place / 'host'}",
            f"PidFile {place / 'pid'}",
        ]
        lines += ["Subsystem sftp internal-sftp"]  # as distributions have it
        lines += ["UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", f"AllowUsers {OWNER}"]
        (place / "config").write_text("\n".join([*lines, ""]))
        Path("/run/sshd").mkdir(exist_ok=True)
        words = self.words("root", ["/usr/sbin/sshd", "-D", "-e", "-f", str(place / "config")])
        with (place / "log").open("wb") as log:
            self._sshd = subprocess.Popen(words, stderr=log)
        deadline = time.monotonic() + READY
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        pytest.fail((place / "log").read_text())

    def stop_sshd(self) -> None:
        """End sshd, and what it started."""
        if self._sshd is not None:
            self._sshd.send_signal(signal.SIGTERM)
            self._sshd.wait(READY)

    def give_ssh_key(self, account: str, person: str) -> None:
        """A key of ssh with which that account gives orders as that person, in the forms of the documents."""
        home = self._folder(self.base / account / ".ssh", ACCOUNTS[account])
        key = home / person
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", key], check=True)
        self._add(
            home / "config",
            f"Host {person}.recordings\nHostName 127.0.0.1\nPort {self.port}\nUser {OWNER}\nIdentityFile {key}\n"
            f"IdentitiesOnly yes\nUserKnownHostsFile {home / 'known_hosts'}\nBatchMode yes\n",
            ACCOUNTS[account],
        )
        known = " ".join((self.base / "sshd" / "host.pub").read_text().split()[:2])
        (home / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {known}\n")
        for path in home.iterdir():
            shutil.chown(path, ACCOUNTS[account], ACCOUNTS[account])
        theirs = self._folder(self.base / OWNER / ".ssh", ACCOUNTS[OWNER])
        line = f'restrict,command="{self.program} serve --person {person}" {Path(f"{key}.pub").read_text()}'
        self._add(theirs / "authorized_keys", line, ACCOUNTS[OWNER])

    # -- what must lie there ---------------------------------------------------------------------------

    def _make_accounts(self) -> None:
        etc = self._folder(self.base / "etc", 0, 0o755)
        (etc / "sudoers").write_text(
            "Defaults env_reset\nroot ALL=(ALL) ALL\n"
            + "".join(f"{name} ALL=({OWNER}) NOPASSWD: {self.program} serve\n" for name in (OFFICER, STAFF))
        )
        (etc / "sudoers").chmod(0o440)
        for name, line, mode in (
            ("passwd", "{name}:x:{number}:{number}::{home}:/bin/sh", 0o644),
            ("group", "{name}:x:{number}:", 0o644),
            ("shadow", "{name}:*:20000:0:99999:7:::", 0o640),
        ):
            made = [line.format(name=one, number=number, home=self.base / one) for one, number in ACCOUNTS.items()]
            (etc / name).write_text("\n".join([Path("/etc", name).read_text().rstrip("\n"), *made, ""]))
            (etc / name).chmod(mode)
        for account, number in ACCOUNTS.items():
            home = self._folder(self.base / account, number)
            secret = home / "passphrase"
            secret.write_text(PASSPHRASE + "\n")
            secret.chmod(0o600)
            shutil.chown(secret, number, number)

    def _make_program(self) -> None:
        bound = self.base / "bound"
        for name in self._bound:
            (bound / name).mkdir(parents=True)
        self.program.parent.mkdir()
        python = bound / "python" / "bin" / f"python3.{sys.version_info.minor}"
        found = f"PYTHONPATH={bound / 'source'}:{bound / 'site'} PYTHONDONTWRITEBYTECODE=1"
        self._python = f"env {found} {shlex.quote(str(python))}"
        self.program.write_text(f'#!/bin/sh\nexec {self._python} -m arlo_rec "$@"\n')
        self.program.chmod(0o755)
        config = self._folder(self.base / OWNER / ".config" / "arlo-rec", ACCOUNTS[OWNER]) / "config.toml"
        stated = config.with_name("particulars.toml")
        self._add(stated, (TOP / "examples" / "particulars.toml").read_text("utf-8"), ACCOUNTS[OWNER])
        self._add(
            config, f'store = "{self.store}"\nparticulars = "{stated}"\nspool = "{self.spool}"\n', ACCOUNTS[OWNER]
        )

    def _folder(self, path: Path, owner: int, mode: int = 0o700) -> Path:
        path.mkdir(parents=True, exist_ok=True)
        for each in takewhile(lambda one: one not in (self.base, self.base / OWNER), [path, *path.parents]):
            each.chmod(mode)
            os.chown(each, owner, owner)
        os.chown(path, owner, owner)
        path.chmod(mode)
        return path

    def _add(self, path: Path, text: str, owner: int) -> None:
        with path.open("a") as file:
            file.write(text)
        path.chmod(0o600)
        os.chown(path, owner, owner)
