"""Units, accounts and folders of a machine: systemd takes them, they confine; install-units writes its own alone."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from arlo_rec.edge.config import settle
from arlo_rec.machine.units import DEFAULT, IT, MARK, SERVICES, Machine, accounts, folders, units
from tests.support import needs
from tests.support.places import TOP

EXAMPLES = TOP / "examples"
SYSTEMD = needs.mark(needs.systemd())
MACHINES = {
    "store": DEFAULT,
    "service": DEFAULT._replace(has_service=True),
    "it": Machine(),
    "store in openbao": DEFAULT._replace(asks_server=True),
}
EXPOSED = 15  # tenths, of 100; most services of a distribution have above 90
NOT_A_FAILURE = re.compile(r"^SuccessExitStatus=(.*)$", re.MULTILINE)

TIMERS = [f"arlo-rec-{name}.timer" for name in SERVICES]


@pytest.fixture(params=MACHINES)
def made(request: pytest.FixtureRequest) -> dict[str, str]:
    """The units of a machine by their names."""
    return units(MACHINES[request.param])


def test_every_service_has_its_timer_and_says_when_it_fails(made: dict[str, str]) -> None:
    made = {name: text for name, text in made.items() if not name.startswith("arlo-rec-door")}
    names = {name.partition(".")[0] for name in made} - {"arlo-rec-failed@"}
    assert made.keys() == {f"{name}.{kind}" for name in names for kind in ("service", "timer")} | {
        "arlo-rec-failed@.service"
    }
    for name in names:
        assert "OnFailure=arlo-rec-failed@%n.service\n" in made[f"{name}.service"]
        assert re.search(r"^OnCalendar=.* UTC\nPersistent=true\n", made[f"{name}.timer"], re.MULTILINE)


def test_a_machine_without_a_spool_or_a_backup_has_no_service_of_them() -> None:
    names = units(Machine(store=Path("/srv/arlo/store"), root=Path("/srv/arlo/store.root")))
    assert {name.partition(".")[0] for name in names} == {
        *("arlo-rec-purge", "arlo-rec-verify", "arlo-rec-check", "arlo-rec-metrics", "arlo-rec-failed@"),
        *("arlo-rec-door", "arlo-rec-door@"),
    }


def test_the_door_of_a_store_is_a_socket_of_its_owner_with_a_service_and_bounds_of_its_own() -> None:
    made = {name: text for name, text in units(DEFAULT._replace(owner="eier")).items() if "-door" in name}
    assert made.keys() == {"arlo-rec-door.socket", "arlo-rec-door@.service", "arlo-rec-door.slice"}
    assert all(f"{bound}=" in made["arlo-rec-door.socket"] for bound in ("MaxConnections", "MaxConnectionsPerSource"))
    for part in ("arlo-rec-door.slice", "arlo-rec-door@.service"):
        assert "TasksMax=" in made[part] and "MemoryMax=" in made[part]
    assert "User=eier\n" in made["arlo-rec-door@.service"] and "LoadCredential" not in made["arlo-rec-door@.service"]
    assert "SocketUser=eier\n" in made["arlo-rec-door.socket"]
    assert not [name for name in units(Machine()) if "-door" in name], "IT's machine has no store"


def test_a_service_of_a_store_uses_the_network_where_its_root_secret_lies_in_openbao_alone() -> None:
    for machine, networks in ((DEFAULT, 0), (DEFAULT._replace(asks_server=True), 1)):
        made = units(machine)
        services = [
            text
            for name, text in made.items()
            if name.endswith(".service") and "failed" not in name and "door" not in name
        ]
        assert {text.count("AF_INET ") for text in services} == {networks}
        assert {text.count("PrivateNetwork=yes") for text in services} == {1 - networks}
        assert "PrivateNetwork=yes" in made["arlo-rec-failed@.service"]


def test_a_purge_waits_for_the_store_and_for_no_other_disk() -> None:
    made = units(DEFAULT)
    waits = {name: re.findall(r"^RequiresMountsFor=(.*)$", text, re.MULTILINE) for name, text in made.items()}
    assert waits["arlo-rec-purge.service"] == ["/srv/arlo/store /srv/arlo/store.root"]
    assert waits["arlo-rec-backup.service"] == [
        "/srv/arlo/store /srv/arlo/store.root /mnt/backup/arlo /mnt/escrow/arlo"
    ]
    assert waits["arlo-rec-ingest.service"] == ["/srv/arlo/store /srv/arlo/store.root /var/spool/arlo"]


def test_a_key_that_the_machine_sealed_is_handed_over_unsealed() -> None:
    made = units(DEFAULT._replace(sealed=frozenset({"cron"})))
    assert "LoadCredentialEncrypted=arlo-rec.key:/etc/arlo-rec/cron.cred\n" in made["arlo-rec-purge.service"]
    assert "LoadCredential=arlo-rec.key:/etc/arlo-rec/telephone.key\n" in made["arlo-rec-ingest.service"]


def test_services_reach_the_network_only_where_the_objects_lie_elsewhere() -> None:
    here, there = units(DEFAULT), units(DEFAULT._replace(has_service=True, sealed=frozenset({"s3"})))
    names = [f"arlo-rec-{name}.service" for name in SERVICES]
    assert all("PrivateNetwork=yes\n" in here[name] and "arlo-rec.s3" not in here[name] for name in names)
    for name in names:
        assert "PrivateNetwork" not in there[name]
        assert "LoadCredentialEncrypted=arlo-rec.s3:/etc/arlo-rec/s3.cred\n" in there[name]
    assert "PrivateNetwork=yes\n" in there["arlo-rec-failed@.service"]


def test_the_document_names_every_exit_status_that_a_service_takes_as_done() -> None:
    text = (TOP / "docs" / "operating.md").read_text("utf-8")
    for name, service in {**SERVICES, **IT}.items():
        row = re.search(rf"^\| `{name}` \|.*\| ([0-9, ]+) \|$", text, re.MULTILINE)
        assert row is not None, name
        assert row[1].replace(",", "").split() == ["0", *service.success.split()], name


@pytest.mark.slow
@SYSTEMD
def test_systemd_takes_every_unit(tmp_path: Path, made: dict[str, str]) -> None:
    for name, content in made.items():
        (tmp_path / name).write_text(content.replace(DEFAULT.program, "/bin/true"))
    words = ["systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in made)]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = [line for line in told.stderr.splitlines() if str(tmp_path) in line or "arlo-rec" in line]
    assert (told.returncode, lines) == (0, []), told.stderr


@pytest.mark.slow
@SYSTEMD
def test_every_service_is_confined(tmp_path: Path, made: dict[str, str]) -> None:
    words = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSED}", "--no-pager"]
    for name, content in made.items():
        if name.endswith(".service"):
            (tmp_path / name).write_text(content)
            told = subprocess.run([*words, tmp_path / name], capture_output=True, text=True, check=False)
            assert told.returncode == 0, told.stdout


@needs.mark(needs.program("systemd-sysusers", "systemd-tmpfiles"))
@pytest.mark.parametrize("machine", MACHINES)
def test_systemd_takes_the_accounts_and_the_folders(machine: str, tmp_path: Path) -> None:
    """Below a root of its own: the accounts are made there, and the folders only planned."""
    (tmp_path / "etc").mkdir()
    root = f"--root={tmp_path}"
    for program, text, more in (
        ("systemd-sysusers", accounts(MACHINES[machine]), ()),
        ("systemd-tmpfiles", folders(MACHINES[machine], frozenset({Path("/srv/arlo")})), ("--create", "--dry-run")),
    ):
        words = [program, root, *more, "-"]
        told = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
        needs.demand(needs.unable("systemd-tmpfiles --dry-run") if "unrecognized option" in told.stderr else None)
        assert told.returncode == 0, told.stderr
    assert re.findall(r"^(arlo[a-z-]*):", (tmp_path / "etc" / "passwd").read_text(), re.MULTILINE) == (
        ["arlo-it", "arlo-witness"] if machine == "it" else ["arlo"]
    )


def test_the_shell_of_the_witness_writes_what_it_prints_into_a_file_of_that_moment(tmp_path: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", units(Machine())["arlo-rec-witness.service"], re.MULTILINE)
    program, notes = tmp_path / "program", tmp_path / "notes"
    program.write_text('#!/bin/sh\necho "$@"\nexit 15\n')
    program.chmod(0o700)
    notes.mkdir()
    line = line.replace(DEFAULT.program, str(program)).replace("/mnt/it/notes", str(notes))
    assert "%" not in line.replace("%%", "")  # to systemd, one is the beginning of a specifier
    assert "$" not in line.replace("$$", "")
    words = shlex.split(line.replace("%%", "%").replace("$$", "$"))
    assert subprocess.run(words, env={"PATH": "/usr/bin:/bin"}, check=False).returncode == 15
    (note,) = notes.iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}Z\.note", note.name)
    assert note.read_text() == "audit witness --witness-key /var/lib/arlo-witness/it-witness.key\n"
    assert note.stat().st_mode & 0o777 == 0o644


# -- install-units --------------------------------------------------------------------------------------

INSTALL = ("--store", "/srv/arlo/store", "--spool", "/var/spool/arlo", "--lang", "en", "--json")
BACKUP = ("--backup", "/mnt/backup/arlo", "--escrow", "/mnt/escrow/arlo")


class Etc:
    """A machine's /etc of a test's own, in a mount namespace of each run."""

    def __init__(self, base: Path) -> None:
        self.folders = {name: base / name for name in ("systemd", "sysusers.d", "tmpfiles.d")}
        for folder in self.folders.values():
            folder.mkdir()
        (base / "systemd" / "system").mkdir()
        self.units = base / "systemd" / "system"

    def run(self, *words: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, object]]:
        """What install-units ends with, and answers in JSON."""
        binds = "".join(f"mkdir -p /etc/{name}; mount --bind {at} /etc/{name}; " for name, at in self.folders.items())
        program = [sys.executable, "-m", "arlo_rec", "install-units", *words]
        line = ["unshare", "--mount", "sh", "-c", binds + shlex.join(program)]
        environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(TOP), **(env or {})}
        done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def etc(tmp_path: Path) -> Etc:
    """A machine's /etc of a test's own."""
    needs.demand(needs.root(), needs.program("unshare"))
    done = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True, text=True)
    needs.demand(needs.unable("mount namespaces", done.stderr) if done.returncode else None)
    is_here = shutil.which("arlo-rec", path=f"{Path(sys.executable).parent}:/usr/bin:/bin") is not None
    needs.demand(None if is_here else "no arlo-rec beside this Python")
    return Etc(tmp_path)


def states(told: dict[str, object]) -> set[str]:
    files = told["files"]
    assert isinstance(files, list)
    return {each["state"] for each in files}


@pytest.mark.slow
def test_units_are_written_once_and_only_their_own_are_removed(etc: Etc) -> None:
    words = (*INSTALL, *BACKUP)
    assert etc.run(*words, "--dry-run")[1]["ok"] is True
    assert list(etc.units.iterdir()) == []
    status, told = etc.run(*words)
    assert (status, states(told)) == (0, {"new"})
    assert told["next"] == [
        "systemd-sysusers /etc/sysusers.d/arlo-rec.conf",
        "systemd-tmpfiles --create /etc/tmpfiles.d/arlo-rec.conf",
        "systemctl daemon-reload",
        "systemctl enable --now " + " ".join(sorted(["arlo-rec-door.socket", *TIMERS])),
    ]
    written = {path.name: path.read_text() for path in etc.units.iterdir()}
    assert all(text.startswith(MARK) for text in written.values())
    assert {path.stat().st_mode & 0o777 for path in etc.units.iterdir()} == {0o644}
    assert states(etc.run(*words)[1]) == {"same"}
    (etc.units / "arlo-rec-purge.timer").write_text(MARK + "# by hand\n")
    assert states(etc.run(*words)[1]) == {"same", "changed"}
    assert {path.name: path.read_text() for path in etc.units.iterdir()} == written

    theirs = etc.units / "arlo-rec-check.service"
    theirs.write_text("[Service]\nExecStart=/bin/true\n")
    status, told = etc.run(*words)
    assert (status, told["error"]["code"]) == (2, "unit_of_others")  # type: ignore[index]
    status, told = etc.run("--remove", "--json")
    assert (status, states(told)) == (0, {"removed"})
    assert [path.name for path in etc.units.iterdir()] == [theirs.name]
    assert etc.run("--remove", "--json")[1]["files"] == []


@pytest.mark.slow
def test_a_masked_unit_is_left_as_it_is_and_nothing_else_is_written(etc: Etc) -> None:
    (etc.units / "arlo-rec-drill.timer").symlink_to("/dev/null")
    status, told = etc.run(*INSTALL, *BACKUP)
    assert (status, told["error"]["code"]) == (2, "unit_of_others")  # type: ignore[index]
    assert [path.name for path in etc.units.iterdir()] == ["arlo-rec-drill.timer"]
    assert etc.run("--remove", "--json")[1]["files"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--store", "/srv/a$b/store"), "path_not_for_units"),
        (("--store", "/srv/arlo/store", "--backup", "/mnt/backup/arlo"), "backup_and_escrow"),
        (("--spool", "/var/spool/arlo"), "store_for_units"),
        (("--remove", "--spool", "/var/spool/arlo"), "not_together"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_words_write_nothing(etc: Etc, words: tuple[str, ...], code: str) -> None:
    status, told = etc.run(*words, "--json")
    assert (status, told["error"]["code"]) == (2, code)  # type: ignore[index]
    assert list(etc.units.iterdir()) == []


@pytest.mark.slow
def test_the_machine_of_the_settings_is_the_one_of_the_units(etc: Etc, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "store.toml").write_text('root = "elsewhere"\nobjects = "s3://recordings/store"\n')
    config = tmp_path / "config.toml"
    config.write_text(f'store = "{store}"\nvia = "sudo -n -u arlo arlo-rec serve"\nfeed = "{tmp_path}/feed/log"\n')
    assert etc.run("--config", str(config), "--json")[0] == 0
    text = (etc.units / "arlo-rec-purge.service").read_text()
    assert f'"ARLO_REC_CONFIG={config}"' in text
    assert f"RequiresMountsFor={store} {tmp_path}/elsewhere\n" in text
    assert f"-{tmp_path}/feed\n" in text
    assert "LoadCredential=arlo-rec.s3:/etc/arlo-rec/s3.key\n" in text
    assert "User=root\n" in text  # who owns it here, and has an account
    for folder in ("sysusers.d", "tmpfiles.d"):
        assert (etc.folders[folder] / "arlo-rec.conf").read_text().removeprefix(MARK).strip() == ""
    with config.open("a") as more:
        more.write(f'spool = "{tmp_path}/spool"\n')
    status, told = etc.run("--config", str(config), "--spool", f"{tmp_path}/another", "--json")
    assert (status, told["error"]["code"]) == (2, "not_a_spool")  # type: ignore[index]
    assert etc.run("--config", str(config), "--json")[0] == 0
    assert f"ingest {tmp_path}/spool --quiet\n" in (etc.units / "arlo-rec-ingest.service").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("line", ["", 'root = "bao://transit/arlo"', 'catalogue = "postgres://db.example.org/arlo"'])
def test_services_reach_the_network_where_root_or_catalogue_lie_in_a_server(
    etc: Etc, tmp_path: Path, line: str
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "store.toml").write_text(line or 'root = "elsewhere"')
    config = tmp_path / "config.toml"
    config.write_text(f'store = "{store}"\n')
    assert etc.run("--config", str(config), "--json")[0] == 0
    assert ("PrivateNetwork" in (etc.units / "arlo-rec-purge.service").read_text()) == (not line)


@pytest.mark.slow
def test_an_account_that_is_not_root_is_told_to_be(etc: Etc) -> None:
    needs.demand(needs.program("setpriv"))
    for folder in (etc.units, *etc.folders.values()):
        folder.chmod(0o755)
    program = [sys.executable, "-m", "arlo_rec", "install-units", *INSTALL]
    line = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *program]
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        line, capture_output=True, text=True, check=False, env={"PATH": path, "PYTHONPATH": str(TOP)}, cwd="/"
    )
    needs.demand(
        "no Python that other accounts may run" if done.returncode != 16 and "Permission" in done.stderr else None
    )
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (16, "units_need_root")


# -- examples -------------------------------------------------------------------------------------------


@needs.mark(needs.program("visudo"))
def test_sudo_takes_its_rule() -> None:
    told = subprocess.run(
        [str(needs.find("visudo")), "-cf", EXAMPLES / "sudoers"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


@needs.mark(needs.program("ssh"))
def test_ssh_takes_its_settings() -> None:
    words = ["ssh", "-F", EXAMPLES / "ssh_config", "-G", "recordings"]
    told = subprocess.run(words, capture_output=True, text=True, check=True)
    assert {"user arlo", "batchmode yes"} <= set(told.stdout.splitlines())


def test_the_crontab_does_what_the_timers_do_with_a_key_of_its_own() -> None:
    text = (EXAMPLES / "crontab").read_text("utf-8")
    assert "CRON_TZ=UTC\n" in text
    lines = [line.split("arlo-rec ", 1)[1] for line in text.splitlines() if line[:1] in "*0123456789"]
    assert {line.split()[0] for line in lines} == set(SERVICES)
    assert all("--key-file /var/lib/arlo/keys/" in line for line in lines)


def test_the_program_takes_the_example_of_its_settings() -> None:
    settings = settle({}, {"ARLO_REC_CONFIG": str(EXAMPLES / "config.toml")})
    assert (settings.store, str(settings.feed)) == ("/srv/arlo/store", "/mnt/feed/arlo.jsonl")
