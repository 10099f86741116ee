"""The services of a machine reach a catalogue in PostgreSQL by TLS, with the password of the owner's account."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import needs, postgres
from tests.support.authority import Authority
from tests.support.booted import OFFICER, Booted, as_owner, demand_containers, found, quoted, settle
from tests.support.places import TOP

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("booted")]
ADDRESS = "postgres://127.0.0.1:5433/arlo?sslrootcert=/srv/pg/ca.pem"
UNITS = "arlo-rec install-units --backup /mnt/backup/arlo --escrow /mnt/escrow/arlo --json"
PASSWORDS = {"arlo": "of every day", "arlo_migrator": "of upgrades"}


@pytest.fixture(scope="module")
def machine() -> Iterator[Booted]:
    """A machine with a server, the roles of the example, a store that its migrator made, and its units."""
    demand_containers()
    needs.demand(postgres.lacking(postgres.NEWEST))
    with tempfile.TemporaryDirectory(prefix="arlo-booted-") as folder, Booted(Path(folder)) as booted:
        _serve(booted)
        settle(booted)
        install(booted)
        lines = "".join(f"127.0.0.1:5433:arlo:{role}:{word}\n" for role, word in PASSWORDS.items())
        booted.done("install -m 0600 -o arlo /dev/null /var/lib/arlo/.pgpass")
        booted.done(f"printf %s {quoted(lines)} > /var/lib/arlo/.pgpass")
        found(booted, "--catalogue", quoted(ADDRESS), role="arlo_migrator")
        install(booted)  # anew: the services of such a store reach the network
        yield booted


def _serve(machine: Booted) -> None:
    """A server on loopback that takes TLS and passwords, prepared by the example."""
    programs = postgres.INSTALLED[postgres.NEWEST]
    (machine.root / "srv/pg").mkdir(parents=True)
    Authority(machine.root / "srv/pg").sign("server")
    shutil.copy(TOP / "examples/postgres/setup.sql", machine.root / "srv/pg")
    as_postgres = "cd /; runuser -u postgres --"
    machine.done(
        "ip link set lo up || true; chown -R postgres /srv/pg; chmod 0755 /srv/pg; chmod 0600 /srv/pg/server.key"
    )
    machine.done(f"{as_postgres} {programs}/initdb -D /srv/pg/data -A trust --no-sync --locale=C -E UTF8")
    machine.done("echo 'hostssl all all 127.0.0.1/32 scram-sha-256' > /srv/pg/data/rules")
    machine.done("cd /srv/pg/data; grep '^local' pg_hba.conf >> rules; cat rules > pg_hba.conf")
    asked = "-c port=5433 -c unix_socket_directories=/srv/pg -c fsync=off -c ssl=on"
    certificate = "-c ssl_cert_file=/srv/pg/server.pem -c ssl_key_file=/srv/pg/server.key"
    started = f"{programs}/pg_ctl -D /srv/pg/data -l /srv/pg/log -w -o {quoted(f'{asked} {certificate}')} start"
    machine.done(f"{as_postgres} {started}")
    psql = f"{as_postgres} {programs}/psql -h /srv/pg -p 5433"
    machine.done(f"{psql} -v store=arlo -f /srv/pg/setup.sql postgres")
    for role, word in PASSWORDS.items():
        statement = f"ALTER ROLE {role} PASSWORD '{word}'"
        machine.done(f"{psql} -c {quoted(statement)} postgres")


def install(machine: Booted) -> None:
    """Write the units, and what has to be there for them."""
    *make, _ = json.loads(machine.done(UNITS))["next"]
    for line in make:
        machine.done(line)


@pytest.mark.parametrize("name", ["purge", "verify", "backup"])
def test_a_service_reads_the_password_that_the_account_keeps(machine: Booted, name: str) -> None:
    unit = f"arlo-rec-{name}.service"
    assert machine.start(unit) == ("0", "success"), machine.journal(unit)


def test_without_a_password_a_service_ends_with_16_and_says_so(machine: Booted) -> None:
    machine.done("mv /var/lib/arlo/.pgpass /var/lib/arlo/away")
    try:
        assert machine.start("arlo-rec-purge.service") == ("16", "exit-code")
        assert "password" in machine.journal("arlo-rec-purge.service")
    finally:
        machine.done("mv /var/lib/arlo/away /var/lib/arlo/.pgpass")


def test_the_services_have_the_role_that_alters_nothing(machine: Booted) -> None:
    as_owner(machine, f"status {OFFICER}")
    programs = postgres.INSTALLED[postgres.NEWEST]
    asked = (
        "SELECT tableowner, has_table_privilege('arlo', 'shares', 'TRIGGER') FROM pg_tables WHERE tablename = 'shares'"
    )
    psql = f"cd /; runuser -u postgres -- {programs}/psql -h /srv/pg -p 5433 -At -c {quoted(asked)} arlo"
    assert machine.done(psql).strip() == "arlo_migrator|f"
