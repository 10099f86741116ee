"""docs/checklist.md, typed as root on a machine that systemd booted: from its folders to the first call, and its end.

Then a person sets their own passphrase through the door, as the last sentence of the page says.

The package's own step is `test_package.py`'s. Here its place takes what the package would have brought.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from pathlib import Path

import pytest

from tests.support import booted
from tests.support.places import TOP
from tests.support.terminal import Terminal, Typed
from tests.support.world import PASSPHRASE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("booted")]

BLOCK = re.compile(r"^```sh\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
PLACES = "--spool /var/spool/arlo --backup /mnt/backup/arlo --escrow /mnt/escrow/arlo"
BROUGHT = f"""
mkdir -p /usr/share/doc/arlo-rec /opt/arlo-rec/current/lib/python3 /etc/arlo-rec
cp -rL {booted.PARTS}/source/examples /usr/share/doc/arlo-rec/
ln -s {booted.PARTS}/source /opt/arlo-rec/current/lib/python3/site-packages
systemd-sysusers --inline 'u arlo - "arlo-rec" /var/lib/arlo /bin/sh'
install -d -m 0700 -o arlo -g arlo /var/lib/arlo /srv/arlo
install -d -m 2770 -o arlo -g arlo /var/spool/arlo
cp /usr/share/doc/arlo-rec/examples/config.toml /etc/arlo-rec/
arlo-rec install-units --store /srv/arlo/store {PLACES}
systemctl daemon-reload
"""


def test_the_checklist_leads_from_its_folders_to_a_first_call() -> None:
    booted.demand_containers()
    package, *blocks = BLOCK.findall((TOP / "docs" / "checklist.md").read_text("utf-8"))
    assert package.startswith("apt-get install")
    with tempfile.TemporaryDirectory(prefix="arlo-booted-") as folder, booted.Booted(Path(folder)) as machine:
        machine.done(f"set -e\n{BROUGHT}")
        given = ""

        def answer(question: str) -> Typed | None:
            text = given if question.startswith("Passphrase of leif") else PASSPHRASE
            return Typed(text, is_secret=True) if question.endswith(": ") else None

        terminal = Terminal(TOP, {"PATH": os.environ["PATH"]}, answer)
        try:
            for block in blocks:
                screen, status = terminal.run(_entered(machine, block))
                assert status == 0, f"{block}\n{screen}"
                given = found[1] if (found := re.search(r"leif \(manager\) .* (\S+-\S+)", screen)) else given
            assert "Held: 1." in screen and "Your consent is withdrawn" in screen
            screen, status = terminal.run(_entered(machine, "runuser -l leif -c 'arlo-rec person passphrase'"))
            assert status == 0 and "The new passphrase is set." in screen, screen
        finally:
            terminal.close()
        assert machine.done("ls /var/spool/arlo") == ""


def _entered(machine: booted.Booted, block: str) -> str:
    """A block of the page as a command that root types in the machine; it ends where one line of it fails.

    `status` may end with 3: all disks of this machine are one.
    """
    block = re.sub(r"^(.*arlo-rec status.*)$", r"\1 || [ $? = 3 ]", block, flags=re.MULTILINE)
    inside = ["nsenter", "-t", machine._inside, "-m", "-u", "-i", "-n", "-p", "-r", "-w"]
    return shlex.join([*inside, "env", "LANG=en_GB.UTF-8", "SYSTEMD_PAGER=cat", "bash", "-c", f"set -e\n{block}"])
