"""The door as a socket of systemd: five roles go through it, and none of them reaches into what serves them."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import needs
from tests.support.booted import OFFICER, PLACES, Booted, as_owner, deliver, demand_containers, found, settle
from tests.support.world import PASSPHRASE, REASON

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("booted")]
DOOR = "unix:/run/arlo-rec/door"
PEOPLE = {"leif": "manager", "siri": "support"}
SERVICES = ("telephone", "it")  # accounts with a key file
SERVING = "pgrep -u arlo -f 'serve --socket'"
REASONED = f"--purpose quality --reason '{REASON}'"


@pytest.fixture(scope="module")
def machine() -> Iterator[Booted]:
    """A machine with a store, a door and an account for each role."""
    demand_containers()
    with tempfile.TemporaryDirectory(prefix="arlo-booted-") as folder, Booted(Path(folder)) as booted:
        settle(booted)
        booted.done(f"printf 'via = \"{DOOR}\"\\n' >> /etc/arlo-rec/config.toml")
        *make, _ = json.loads(booted.done(f"arlo-rec install-units {PLACES} --json"))["next"]
        for line in make:
            booted.done(line)
        found(booted)
        booted.done("systemctl enable --now arlo-rec-door.socket")
        for name in ("sigrid", *PEOPLE, *SERVICES):
            booted.done(
                f"id {name} 2>/dev/null || useradd -m {name}; install -m 0600 -o {name} /dev/null /home/{name}/p"
            )
            booted.done(f"echo '{PASSPHRASE}' > /home/{name}/p")
        for name, role in PEOPLE.items():
            own = "--new-passphrase-file /var/lib/arlo/passphrase"
            as_owner(booted, f"person add {name} --role {role} {own} {OFFICER}")
        for name in SERVICES:
            booted.done(f"install -m 0600 -o {name} /etc/arlo-rec/{name}.key /home/{name}/key")
        yield booted


def typed(name: str, words: str) -> str:
    """A line of shell by which a person types a command."""
    secret = f"--key-file /home/{name}/key" if name in SERVICES else f"--passphrase-file /home/{name}/p"
    return f"cd /home/{name}; runuser -u {name} -- arlo-rec {words} {secret} --json"


def through(machine: Booted, name: str, words: str) -> tuple[int, dict[str, Any]]:
    """Type a command as an account of the machine: its exit status and answer."""
    ended = machine.sh(typed(name, words))
    assert ended.stdout, (words, ended)
    return ended.returncode, json.loads(ended.stdout)


def test_five_roles_go_through_the_socket(machine: Booted) -> None:
    deliver(machine, "call-1", caller="+4790000001")
    machine.done("chown telephone /var/spool/arlo/*")
    status, told = through(machine, "telephone", "ingest /var/spool/arlo")
    assert status == 0, told
    (call,) = (each["id"] for each in told["accepted"])
    given = f"grant leif --purpose quality --all-teams --may-export --reason '{REASON}'"
    assert through(machine, "sigrid", given)[0] == 0
    status, told = through(machine, "leif", f"find {REASONED}")
    assert (status, [each["id"] for each in told["recordings"]]) == (0, [call])
    assert through(machine, "leif", f"export {call} --out here.wav {REASONED}")[0] == 0
    assert machine.done("stat -c %U /home/leif/here.wav").strip() == "leif"
    assert through(machine, "it", "status")[0] in {0, 3}
    assert through(machine, "siri", f"find {REASONED}")[0] == 13
    status, told = through(machine, "siri", "withdraw 90000001 --yes")
    assert (status, told["erased"]) == (0, 1), told


def test_another_account_is_not_the_person_whatever_it_types(machine: Booted) -> None:
    machine.done("install -m 0600 -o siri /home/sigrid/p /home/siri/hers")
    ended = machine.sh("cd /home/siri; runuser -u siri -- arlo-rec grants --as sigrid --passphrase-file hers --json")
    assert (ended.returncode, json.loads(ended.stdout)["error"]["code"]) == (13, "not_your_door")


def test_what_serves_a_person_has_nothing_of_theirs(machine: Booted) -> None:
    """The person's process is of the lowest priority, hides nothing from others, and lives in another time zone."""
    waits = "env TZ=Asia/Tokyo chrt -i 0 nice -n 19 script -qec 'arlo-rec grants' /dev/null"
    begins = f"cd /home/leif; umask 0; (sleep 60 | runuser -u leif -- {waits}) >/dev/null 2>&1 &"
    machine.done(f"{begins} for i in $(seq 100); do sleep 0.1; {SERVING} && exit; done; exit 1")
    try:
        pid = machine.done(SERVING).split()[0]
        assert "/arlo-rec-door.slice/" in machine.done(f"cat /proc/{pid}/cgroup")
        assert machine.done("find /sys/fs/cgroup -path '*/arlo-rec-door@*' -printf '%u\\n' | sort -u") == "root\n"
        assert machine.done(f"ps -o ni=,cls= -p {pid}").split() == ["0", "TS"]
        assert "Umask:\t0077\n" in machine.done(f"cat /proc/{pid}/status")
        assert machine.done(f"cat /proc/{pid}/oom_score_adj") == "0\n"
        assert "TZ=" not in machine.done(f"tr '\\0' '\\n' < /proc/{pid}/environ")
        for stops in (f"kill -STOP {pid}", f"renice -n 19 {pid}"):
            assert machine.sh(f'runuser -u leif -- sh -c "{stops}"').returncode != 0, stops
    finally:
        machine.sh("pkill -u leif")


STOPS = """
import os, signal, sys, time
inode = os.stat("/srv/arlo/store.root/lock").st_ino
end = time.monotonic() + 30
while time.monotonic() < end:
    for line in open("/proc/locks"):
        words = line.split()
        if words[1] == "FLOCK" and words[3] == "WRITE" and words[5].endswith(f":{inode}"):
            os.kill(int(words[4]), signal.SIGSTOP)
            sys.exit()
sys.exit(1)
"""


def test_an_erasure_that_was_stopped_holds_others_up_for_a_minute_at_most(machine: Booted, whole: bool) -> None:
    """As sudo lets a person do it, by a frozen control group; here root stops it, whatever the door."""
    needs.demand(None if whole else needs.WHOLE)
    deliver(machine, "call-9", caller="+4790000009")
    machine.done("chown telephone /var/spool/arlo/*")
    assert through(machine, "telephone", "ingest /var/spool/arlo")[0] == 0
    (machine.root / "root/stops.py").write_text(STOPS)
    machine.done(f"({typed('siri', 'withdraw 90000009 --yes')}) >/dev/null 2>&1 & python3 /root/stops.py")
    began, ended = time.monotonic(), 11
    while ended == 11 and time.monotonic() < began + 120:
        ended, told = through(machine, "sigrid", "revoke leif")
    assert ended != 11 and time.monotonic() < began + 90, told
    assert through(machine, "it", "verify")[0] == 0
    status, told = through(machine, "siri", "withdraw 90000009 --yes")
    assert status == 0 and told["receipt"], told
