"""Every service really run by systemd, under its restrictions, on a machine that was booted for it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from arlo_rec.machine.units import SERVICES as SERVICES_OF_THE_STORE
from tests.support import needs
from tests.support.booted import OFFICER, PLACES, Booted, as_owner, deliver, demand_containers, found, quoted, settle
from tests.support.compressed import with_soundfile
from tests.support.world import DUE_SOON

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("booted")]

FLAC = with_soundfile("FLAC", "PCM_16", channels=2, seconds=5)
SSH_CONFIG = """\
Host recordings
HostName 127.0.0.1
Port 2222
User arlo
IdentityFile {home}/.ssh/key
IdentitiesOnly yes
BatchMode yes
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Booted]:
    """A machine with a store, its services' keys and its units, as the documents have it."""
    demand_containers()
    with tempfile.TemporaryDirectory(prefix="arlo-booted-") as folder, Booted(Path(folder)) as booted:
        settle(booted)
        told = json.loads(booted.done(f"arlo-rec install-units {PLACES} --json"))
        *make, enable = told["next"]
        assert enable.startswith("systemctl enable --now ")
        for line in make:
            booted.done(line)
        found(booted)
        yield booted


def held(machine: Booted) -> int:
    return int(as_owner(machine, f"status {OFFICER}")["held"])


def failure(machine: Booted) -> str:
    """What the service for failures said, once it has ended."""
    machine.done(
        "while systemctl list-jobs --no-legend | grep -q arlo-rec-failed; do sleep 0.1; done; journalctl --sync"
    )
    return machine.done("journalctl --no-pager -o cat -u 'arlo-rec-failed@*'")


# -- the store's machine ---------------------------------------------------------------------------------


def test_wav_and_flac_are_taken_in_and_what_is_due_goes(machine: Booted) -> None:
    deliver(machine, "call-1", caller="+4790000001")
    deliver(machine, "call-2", caller="+4790000002", sound=FLAC, name="call-2.flac")
    deliver(machine, "call-3", caller="+4790000003", started=datetime.now(UTC) - DUE_SOON)
    assert machine.start("arlo-rec-ingest.service") == ("0", "success"), machine.journal("arlo-rec-ingest.service")
    assert machine.done("ls /var/spool/arlo") == ""
    assert held(machine) == 3
    assert machine.sh("sleep 2").returncode == 0  # until the third is 90 days old
    assert machine.start("arlo-rec-purge.service") == ("0", "success"), machine.journal("arlo-rec-purge.service")
    assert held(machine) == 2


@pytest.mark.parametrize("name", ["backup", "verify", "metrics", "check", "drill"])
def test_the_other_services_of_the_store_do_their_work(machine: Booted, name: str) -> None:
    ended = machine.start(f"arlo-rec-{name}.service")
    found = machine.journal(f"arlo-rec-{name}.service")
    if name == "check":  # on one disk, and in memory: it has much to say
        assert ended[0] in {"0", "1", "2"} and "arlo-rec --help" not in found, found
        assert "_read_only" not in found, "what is read-only for the service alone is no finding"
    else:
        assert ended == ("0", "success"), found
    if name == "metrics":
        assert machine.done("stat -c %a /var/lib/arlo-rec-metrics/arlo-rec.prom").strip() == "644"
    assert machine.done("find /var/lib/arlo-rec-* -name errors.log") == ""


def test_the_commands_that_come_next_begin_and_end_the_timers(machine: Booted) -> None:
    names = {f"arlo-rec-{name}.timer" for name in SERVICES_OF_THE_STORE}
    try:
        for words, left in ((PLACES, names), ("--remove", set()), (PLACES, names)):
            for line in json.loads(machine.done(f"arlo-rec install-units {words} --json"))["next"]:
                machine.done(line)
            listed = machine.done("systemctl list-timers --all --no-pager --plain 'arlo-rec-*'")
            assert {word for word in listed.split() if word.endswith(".timer")} == left
            enabled = machine.sh("ls /etc/systemd/system/timers.target.wants").stdout.split()
            assert {name for name in enabled if name.startswith("arlo-rec")} == left
            door = machine.sh("systemctl is-active arlo-rec-door.socket").stdout.strip()
            assert (door == "active") == bool(left)
    finally:
        machine.done(f"systemctl disable --now {' '.join(names)}")


def test_a_missing_spool_is_told_with_its_status(machine: Booted) -> None:
    machine.done("mv /var/spool/arlo /var/spool/away")
    try:
        assert machine.start("arlo-rec-ingest.service") == ("16", "exit-code")
        assert "/var/spool/arlo" in machine.journal("arlo-rec-ingest.service")
        assert "arlo-rec-ingest.service did not do its work; it ended with 16" in failure(machine)
    finally:
        machine.done("mv /var/spool/away /var/spool/arlo")


def test_a_disk_that_is_not_mounted_is_told_and_nothing_is_made_in_its_place(machine: Booted) -> None:
    unit = "/etc/systemd/system/mnt-backup.mount"
    machine.done("mv /mnt/backup /mnt/away; mkdir /mnt/backup")
    machine.done(f"printf '[Mount]\\nWhat=/etc/hostname\\nWhere=/mnt/backup\\nType=ext4\\n' > {unit}")
    machine.done("systemctl daemon-reload")
    try:
        assert machine.sh("systemctl start arlo-rec-backup.service").returncode != 0
        assert "arlo-rec-backup.service did not do its work; it was not started, since a disk" in failure(machine)
        assert machine.done("ls /mnt/backup") == ""
        assert machine.start("arlo-rec-purge.service") == ("0", "success"), machine.journal("arlo-rec-purge.service")
    finally:
        machine.done(f"rm {unit}; rmdir /mnt/backup; mv /mnt/away /mnt/backup; systemctl daemon-reload")


@pytest.mark.parametrize("place", ["backup", "escrow"])
def test_a_disk_without_a_mount_unit_that_is_away_is_named_and_nothing_is_made_in_its_place(
    machine: Booted, place: str
) -> None:
    machine.done(f"mv /mnt/{place} /mnt/away; mkdir /mnt/{place}")
    try:
        assert machine.start("arlo-rec-backup.service") == ("16", "exit-code")
        told = machine.journal("arlo-rec-backup.service")
        assert f"/mnt/{place}/arlo" in told and "check that its disk is mounted" in told
        assert machine.done(f"ls /mnt/{place}") == ""
    finally:
        machine.done(f"rmdir /mnt/{place}; mv /mnt/away /mnt/{place}")


def test_a_service_without_its_key_file_is_told_and_does_nothing(machine: Booted) -> None:
    machine.done("mv /etc/arlo-rec/cron.key /etc/arlo-rec/away")
    try:
        assert machine.start("arlo-rec-purge.service") == ("243", "exit-code")
        assert "arlo-rec-purge.service did not do its work; its key file is missing" in failure(machine)
    finally:
        machine.done("mv /etc/arlo-rec/away /etc/arlo-rec/cron.key")


def test_a_purge_goes_on_without_a_journal(machine: Booted) -> None:
    sockets = "systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service"
    machine.done(f"systemctl stop {sockets}")
    try:
        assert machine.start("arlo-rec-purge.service") == ("0", "success")
    finally:
        machine.done(f"systemctl start {sockets}")


def test_a_key_that_is_sealed_to_the_machine_opens_the_store_there(machine: Booted) -> None:
    seal = "systemd-creds encrypt --with-key=host --name=arlo-rec.key /etc/arlo-rec/cron.key /etc/arlo-rec/cron.cred"
    machine.done(f"{seal}; mv /etc/arlo-rec/cron.key /etc/arlo-rec/away")
    try:
        machine.done(f"arlo-rec install-units {PLACES}; systemctl daemon-reload")
        assert "LoadCredentialEncrypted=" in machine.done("systemctl cat arlo-rec-purge.service")
        assert machine.start("arlo-rec-purge.service") == ("0", "success"), machine.journal("arlo-rec-purge.service")
    finally:
        machine.done("rm /etc/arlo-rec/cron.cred; mv /etc/arlo-rec/away /etc/arlo-rec/cron.key")
        machine.done(f"arlo-rec install-units {PLACES}; systemctl daemon-reload")


# -- IT's ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def watched(machine: Booted) -> Booted:
    """The same machine, with IT's accounts and units beside, and an sshd on loopback."""
    needs.demand(needs.program("sshd", "ssh", "ssh-keygen"))
    machine.done("mkdir /root/it; cd /root/it; cp -a /etc/systemd/system/arlo-rec-* /etc/sysusers.d/arlo-rec.conf .")
    machine.done("mv /etc/arlo-rec/config.toml /root/it/")
    machine.done("arlo-rec install-units --json > /root/it/told; systemd-sysusers; systemd-tmpfiles --create || true")
    machine.done("mv /root/it/config.toml /etc/arlo-rec/; cp -a /root/it/arlo-rec-* /etc/systemd/system/")
    machine.done("systemctl daemon-reload; usermod -p '*' arlo; mkdir -p /run/sshd; ip link set lo up || true")
    machine.done("ssh-keygen -q -N '' -t ed25519 -f /root/it/host")
    options = "-p 2222 -h /root/it/host -o ListenAddress=127.0.0.1 -o UsePAM=no -o PasswordAuthentication=no"
    machine.done(f"/usr/sbin/sshd {options} -o PidFile=/run/arlo-sshd.pid")
    machine.done("install -d -m 0700 -o arlo -g arlo /var/lib/arlo/.ssh")
    known = "[127.0.0.1]:2222 " + " ".join(machine.done("cat /root/it/host.pub").split()[:2])
    for account, name in (("arlo-it", "it"), ("arlo-witness", "witness")):
        home = f"/var/lib/{account}"
        machine.done(f"install -d -m 0700 -o {account} -g {account} {home}/.ssh; cd {home}/.ssh")
        machine.done(
            f"ssh-keygen -q -N '' -t ed25519 -f {home}/.ssh/key; echo {quoted(known)} > {home}/.ssh/known_hosts"
        )
        machine.done(
            f"printf %s {quoted(SSH_CONFIG.format(home=home))} > {home}/.ssh/config; chown -R {account} {home}"
        )
        key = machine.done(f"cat {home}/.ssh/key.pub").strip()
        line = f'restrict,command="arlo-rec serve --person {name}" {key}'
        machine.done(f"echo {quoted(line)} >> /var/lib/arlo/.ssh/authorized_keys; chown arlo /var/lib/arlo/.ssh/*")
    machine.done("chmod 0600 /var/lib/arlo/.ssh/authorized_keys")
    machine.done("install -m 0400 -o arlo-it /etc/arlo-rec/it.key /etc/arlo-rec/it.it")
    machine.done("chown arlo-it /etc/arlo-rec/it.key; chown arlo-witness /etc/arlo-rec/witness.key")
    machine.done("install -d /mnt/it; install -m 0640 -o arlo-it /dev/null /mnt/it/anchors")
    machine.done("install -d -m 0755 -o arlo-witness -g arlo-witness /mnt/it/notes")
    new = "arlo-rec audit witness --witness-key /var/lib/arlo-witness/it-witness.key --new it.example/witness"
    machine.done(f"cd /; runuser -u arlo-witness -- env HOME=/var/lib/arlo-witness {new}")
    return machine


@pytest.mark.parametrize("name", ["anchor", "audit-verify", "witness"])
def test_the_services_of_it_do_their_work_through_the_door(watched: Booted, name: str) -> None:
    if name == "audit-verify":  # it compares with what the other one kept
        assert watched.start("arlo-rec-anchor.service") == ("0", "success")
    ended = watched.start(f"arlo-rec-{name}.service")
    assert ended == ("0", "success"), watched.journal(f"arlo-rec-{name}.service")
    if name == "witness":
        assert watched.done("ls -l /mnt/it/notes").count(".note") == 1
        assert watched.done("ls -l /mnt/it/notes | tail -n 1").startswith("-rw-r--r--")
