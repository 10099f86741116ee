"""Three real login accounts, sudo and ssh: one owns the store, the others do their work and touch no byte of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support import needs
from tests.support.office import ACCOUNTS, OFFICER, OWNER, STAFF, Office, demand_accounts
from tests.support.world import DUE_SOON, EVERYTHING, REASON, Result, World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("office")]  # one sshd, and processes that are counted

PEOPLE = {"sigrid": OFFICER, "leif": STAFF, "iver": STAFF}
SERVICES = {"telefon": "ingest", "skranke": "support", "cron": "retention"}

READ = (["0", "0x0"], ["63", "0x0"])  # of stdin: the number of the call on x86-64 and on arm64, then the file


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    demand_accounts()
    with tempfile.TemporaryDirectory(
        prefix="arlo-office-"
    ) as base:  # pytest's own folders are closed to other accounts
        made = Office(Path(base))
        needs.demand(needs.unable("mount namespaces") if made.run(OWNER, "--version").exit else None)
        _found(made)
        made.start_sshd()
        for name in (*PEOPLE, *SERVICES):
            made.give_ssh_key(PEOPLE.get(name, STAFF), name)
        yield made
        made.stop_sshd()
    _all_end(made.serving)


def _found(office: Office) -> None:
    """The store, its people, and what each of them keeps in their own account."""
    home = office.base / OWNER
    as_officer = ["--as", "sigrid", "--passphrase-file", str(home / "passphrase"), "--json"]
    _done(office.run(OWNER, "init", "--officer", "sigrid", "--passphrase-file", str(home / "passphrase"), "--json"))
    for name, role in (("leif", "manager"), ("iver", "auditor")):
        new = ["--new-passphrase-file", str(home / "passphrase"), "--login", STAFF]
        _done(office.run(OWNER, "person", "add", name, "--role", role, *new, *as_officer))
    _done(office.run(OWNER, "person", "login", "sigrid", OFFICER, *as_officer))
    why = ["--purpose", "quality", "--reason", "responsible for quality"]
    _done(office.run(OWNER, "grant", "leif", *EVERYTHING, *why, *as_officer))
    for name, role in SERVICES.items():
        words = ["person", "add", name, "--role", role, "--service", "--login", STAFF]
        key = office.base / STAFF / f"{name}.key"
        _done(office.run(OWNER, *words, "--key-out", str(home / key.name), *as_officer))
        (home / key.name).rename(key)
        os.chown(key, ACCOUNTS[STAFF], ACCOUNTS[STAFF])


def _done(result: Result) -> dict[str, Any]:
    assert result.exit in (0, 3), result
    return result.json


Do = Callable[..., dict[str, Any]]


def _who(office: Office, name: str) -> list[str]:
    if name in SERVICES:
        return ["--key-file", str(office.base / STAFF / f"{name}.key")]
    return ["--as", name, "--passphrase-file", str(office.base / PEOPLE[name] / "passphrase")]


def _as(office: Office, door: str, name: str, *words: str, **how: Any) -> Result:
    via = office.sudo if door == "sudo" else office.ssh(name)
    return office.run(PEOPLE.get(name, STAFF), *words, *_who(office, name), via=via, **how)


@pytest.fixture(params=["sudo", "ssh"])
def do(request: pytest.FixtureRequest, office: Office) -> Do:
    """Run a command that must succeed as somebody, through that door; its answer."""

    def run(name: str, *words: str) -> dict[str, Any]:
        return _done(_as(office, request.param, name, *words, "--json"))

    run.door = request.param  # type: ignore[attr-defined]
    return run


def _deliver(office: Office, stem: str, **how: Any) -> None:
    """A call in the spool of the telephone system's account, which lets the owner's group in, as documented."""
    World(office.base).deliver(stem, **how)
    for path in [office.spool, *office.spool.iterdir()]:
        os.chown(path, ACCOUNTS[STAFF], ACCOUNTS[OWNER])
        path.chmod(0o2770 if path.is_dir() else 0o640)


# -- the five jobs --------------------------------------------------------------------------------------


def test_every_job_is_done_through_the_door_by_accounts_that_cannot_look_into_the_store(office: Office, do: Do) -> None:
    door: str = do.door  # type: ignore[attr-defined]
    theirs, mine = f"{door}.a", f"{door}.b"
    last = "1" if door == "sudo" else "2"
    callers = {theirs: f"+479000001{last}", mine: f"+479000002{last}"}
    for stem, caller in callers.items():
        _deliver(office, stem, caller=caller)
    _deliver(office, f"{door}.old", started=datetime.now(UTC) - DUE_SOON, caller=f"+479000003{last}")
    told = do("telefon", "ingest", str(office.spool))
    taken = {each["source_id"]: each["id"] for each in told["accepted"]}
    assert (told["left"], [path.name for path in office.spool.glob(f"{door}.*")]) == ([], [])
    assert {f"pbx.{stem}" for stem in callers} <= set(taken)

    do("sigrid", "grant", "leif", *EVERYTHING, "--purpose", "training", "--reason", "responsible for training")
    found = do("leif", "find", "--purpose", "quality", "--reason", REASON)["recordings"]
    assert taken[f"pbx.{theirs}"] in {each["id"] for each in found}

    sound = office.base / STAFF / f"{door}.wav"
    do("leif", "export", taken[f"pbx.{theirs}"], "--out", str(sound), "--purpose", "quality", "--reason", REASON)
    assert sound.read_bytes()[:4] == b"RIFF"
    about = sound.stat()
    assert (stat.S_IMODE(about.st_mode), about.st_uid) == (0o600, ACCOUNTS[STAFF])

    answer = office.base / OFFICER / f"{door}.html"
    do("sigrid", "dsar", callers[mine], "--identity", "called-back", "--out", str(answer))
    assert answer.stat().st_uid == ACCOUNTS[OFFICER]
    assert answer.read_bytes()[:2] == b"<!"

    assert do("skranke", "withdraw", callers[mine], "--yes")["erased"] == 1
    deadline = time.monotonic() + 20
    while not do("cron", "purge")["erased"]:
        assert time.monotonic() < deadline, "the old call is due within seconds"
    assert do("iver", "verify")["ok"]
    assert do("iver", "status")["held"] >= 1


def test_no_role_reads_or_writes_a_byte_of_the_store(office: Office) -> None:
    for top in (office.store, office.store.with_name("store.root")):
        for path in [top, *top.rglob("*")]:
            about = path.lstat()
            assert about.st_uid == ACCOUNTS[OWNER], path
            assert not about.st_mode & 0o077, path
        for account in (OFFICER, STAFF):
            for what in (f"ls {top}", f"find {top} -type f", f"touch {top}/x", f"rm -r {top}", f"cat {top}/*"):
                assert office.shell(account, what).returncode != 0, what
    beside = office.run(STAFF, "status", "--store", str(office.store), *_who(office, "leif"), "--json")
    assert (beside.exit, beside.json["error"]["code"]) == (16, "not_the_owner"), beside
    assert "unix:/run/arlo-rec/door" in beside.json["error"]["message"]


@pytest.mark.parametrize("door", ["sudo", "ssh"])
def test_another_persons_passphrase_is_refused_through_the_door_and_noted(office: Office, door: str) -> None:
    secret = ["--passphrase-file", str(office.base / STAFF / "passphrase")]
    via = office.sudo if door == "sudo" else office.ssh("leif")
    refused = office.run(STAFF, "status", "--as", "sigrid", *secret, "--json", via=via)
    assert (refused.exit, refused.json["error"]["code"]) == (13, "not_your_door")
    noted = _done(_as(office, door, "sigrid", "audit", "show", "--json"))["entries"]
    assert any("sigrid" in json.dumps(each) and "unlock" in each["action"] for each in noted), noted[-3:]


def test_nobody_guesses_a_passphrase_under_a_limit_that_would_leave_no_note(office: Office) -> None:
    attempts = office.store / "attempts"
    before = attempts.stat().st_size if attempts.exists() else 0
    bad = office.base / STAFF / "bad"
    bad.write_text("feil")
    bad.chmod(0o600)
    os.chown(bad, ACCOUNTS[STAFF], ACCOUNTS[STAFF])
    line = f"ulimit -f 0; ARLO_REC_VIA='{office.sudo}' {office.program} status --as leif --passphrase-file {bad}"
    refused = office.shell(STAFF, line)
    assert refused.returncode == 16, refused
    guessed = office.run(STAFF, "status", "--as", "leif", "--passphrase-file", str(bad), via=office.sudo)
    assert guessed.exit == 12
    assert attempts.stat().st_size > before


def test_nothing_of_the_owners_account_is_a_delivery_through_the_door(office: Office) -> None:
    _deliver(office, "theirs", caller="+4790000091")
    for path in office.spool.glob("theirs.*"):
        os.chown(path, ACCOUNTS[OWNER], ACCOUNTS[OWNER])
        path.chmod(0o600)
    told = _as(office, "sudo", "telefon", "ingest", str(office.spool / "theirs.json"), "--json")
    assert [each["code"] for each in told.json["refused"]] == ["not_a_file"], told
    assert sorted(path.name for path in office.spool.glob("theirs.*")) == ["theirs.json", "theirs.wav"]
    for path in (office.store, office.store / "objects", office.base / OWNER):
        refused = _as(office, "ssh", "telefon", "ingest", str(path), "--json")
        assert (refused.exit, refused.json["error"]["code"]) == (2, "not_a_spool"), refused


def test_only_what_the_owner_names_as_a_spool_is_one_through_the_door(office: Office) -> None:
    """A share that shows every file as another account's, with the feed on it."""
    share = office.base / "share"
    share.mkdir()
    feed = share / "feed.jsonl"
    feed.write_text('{"feed":1,"store":"00"}\n', "utf-8")
    for path in (share, feed):
        os.chown(path, ACCOUNTS[STAFF], ACCOUNTS[OWNER])
        path.chmod(0o770)
    for path in (share, feed, office.base / "no such folder"):
        removing = ("--remove-refused", "bad_metadata", "--remove-refused", "not_a_file")
        refused = _as(office, "sudo", "telefon", "ingest", str(path), *removing, "--json")
        assert (refused.exit, refused.json["error"]["code"]) == (2, "not_a_spool"), refused
    assert feed.exists()


def test_whose_a_store_is_is_said_by_commands_that_cannot_look_into_it(office: Office) -> None:
    """Without a door: a new store in the place of another account's, and the look at a machine."""
    secret = ("--passphrase-file", str(office.base / STAFF / "passphrase"))
    closed = office.base / OWNER
    for store in (closed, closed / "new", office.store):
        for words in (("init", "--officer", "leif", *secret), ("doctor",)):
            told = office.run(STAFF, *words, "--store", str(store), "--json")
            assert told.exit in {2, 3, 16}, told
    told = office.run(STAFF, "init", "--officer", "leif", *secret, "--store", str(closed), "--json")
    assert (told.exit, told.json["error"]["code"]) == (16, "not_the_owner"), told


def test_a_key_that_systemd_hands_to_a_service_opens_the_door(office: Office) -> None:
    handed = office.base / STAFF / "credentials"
    handed.mkdir()
    key = handed / "arlo-rec.key"
    key.write_bytes((office.base / STAFF / "cron.key").read_bytes())
    key.chmod(0o440)  # as systemd leaves it
    for path in (handed, key):
        os.chown(path, ACCOUNTS[STAFF], ACCOUNTS[STAFF])
    line = f"CREDENTIALS_DIRECTORY={handed} ARLO_REC_VIA='{office.sudo}' {office.program} purge --json"
    done = office.shell(STAFF, line)
    assert json.loads(done.stdout)["ok"], done


def test_a_door_opens_for_what_its_rule_names_and_for_nothing_else(office: Office) -> None:
    for words in ("id", f"{office.program} serve --person sigrid", f"{office.program} serve --store /tmp/other"):
        assert office.shell(STAFF, f"sudo -n -u {OWNER} {words}").returncode == 1, words


@pytest.fixture
def of_the_owner() -> Iterator[int]:
    """A port of loopback behind which something says its name, as a database or a root secret of the owner would."""
    with socket.create_server(("127.0.0.1", 0)) as own:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    with own.accept()[0] as came:
                        came.sendall(b"behind the door\n")

        threading.Thread(target=answer, daemon=True).start()
        yield own.getsockname()[1]
        own.shutdown(socket.SHUT_RDWR)


ASKED = (  # of ssh, before and behind the name of the machine
    *(
        ("", "id"),
        ("", "sh"),
        ("", "'; id'"),
        ("", "'$(id)'"),
        ("", "/usr/bin/env"),
        ("-s", "sftp"),
        ("-A", ""),
        ("-X", ""),
    ),
    *(("-o SetEnv=ARLO_REC_STORE=/tmp/other", ""), ("", "'arlo-rec serve --person iver'")),
)


def test_a_key_of_ssh_opens_the_door_and_nothing_else_whatever_is_asked_for(office: Office, of_the_owner: int) -> None:
    def ssh(words: str) -> tuple[int, str]:
        done = office.shell(STAFF, f"timeout 10 ssh -o ExitOnForwardFailure=yes {words} </dev/null")
        return done.returncode, done.stdout + done.stderr

    exit, said = ssh(f"-W 127.0.0.1:{of_the_owner} leif.recordings")
    assert (exit, "administratively prohibited" in said, "behind the door" in said) == (255, True, False)
    exit, said = ssh(f"-N -R 0:127.0.0.1:{of_the_owner} leif.recordings")
    assert (exit, "remote port forwarding failed" in said) == (255, True)
    exit, said = ssh("-tt leif.recordings")
    assert (exit, said.strip()) == (255, "PTY allocation request failed on channel 0")
    for before, behind in ASKED:
        _, said = ssh(f"{before} leif.recordings {behind}")
        assert said.count("arlo-rec door 1") == 1, (before, behind, said)
        assert not any(one in said for one in ("uid=", "SSH_CLIENT=", "DISPLAY=")), (before, behind, said)


@pytest.mark.parametrize(("name", "other"), [*pairwise(["leif", "iver", *SERVICES, "leif"])])
def test_the_door_of_one_opens_with_no_other_name_and_no_other_key_file(office: Office, name: str, other: str) -> None:
    refused = office.run(STAFF, "status", *_who(office, other), "--json", via=office.ssh(name))
    assert (refused.exit, refused.json["error"]["code"]) == (13, "not_your_door"), refused


# -- doors that do not open -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("via", "said"),
    [
        (f"sudo -n -u {OWNER} id", "a password is required"),
        (f"sudo -n -u nobody-of-here {'{program}'} serve", "unknown user"),
        ("ssh -T -o UserKnownHostsFile=/dev/null leif.recordings", "Host key verification failed"),
        ("ssh -T -l arlo-staff leif.recordings", "Permission denied"),
        ("ssh -T -p 1 leif.recordings", "Connection refused"),
    ],
)
def test_sudo_or_ssh_that_opens_nothing_is_told_in_its_own_words(office: Office, via: str, said: str) -> None:
    refused = office.run(STAFF, "status", *_who(office, "leif"), via=via.replace("{program}", str(office.program)))
    assert refused.exit == 16, refused
    assert said in refused.err
    assert "Traceback" not in refused.err
    assert len(refused.err.splitlines()) < 6


# -- what runs while a door is open ---------------------------------------------------------------------


@pytest.fixture(params=["sudo", "ssh"])
def asking(request: pytest.FixtureRequest, office: Office, interruptible: None) -> Iterator[subprocess.Popen[bytes]]:
    """A command that waits for what is piped into it, with a person's secret opened before."""
    via = office.sudo if request.param == "sudo" else office.ssh("skranke")
    started = office.start(STAFF, "withdraw", "-", "--yes", *_who(office, "skranke"), via=via)
    deadline = time.monotonic() + 20
    while not _reads_what_is_piped(started.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert started.poll() is None, started.communicate()
    assert _programs(office)
    yield started
    started.kill()
    started.communicate()
    _ends(office)


def _reads_what_is_piped(group: int) -> bool:
    """Whether a process of that group waits in `read` on its stdin."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            is_ours = os.getpgid(int(folder.name)) == group
            if is_ours and (folder / "syscall").read_text().split()[:2] in READ:
                return True
    return False


def _programs(office: Office) -> list[int]:
    """The owner's processes that are the program itself."""
    found = list[int]()
    for each in office.serving():
        with suppress(OSError):  # it ended meanwhile
            words = Path(f"/proc/{each}/cmdline").read_bytes()
            if words.startswith(bytes(office.base)) and b"arlo_rec\0serve" in words:
                found.append(each)
    return found


def _ends(office: Office) -> None:
    _all_end(lambda: _programs(office))


def _all_end(running: Callable[[], list[int]]) -> None:
    deadline = time.monotonic() + 20
    while running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running() == []


def test_no_other_process_of_the_owners_account_reads_the_memory_of_a_command(
    office: Office, asking: subprocess.Popen[bytes]
) -> None:
    [serving] = _programs(office)
    for name in ("mem", "environ", "maps", "fd/0"):
        seen = office.shell(OWNER, f"head -c 1 /proc/{serving}/{name}")
        assert (seen.returncode, seen.stdout) == (1, ""), name
        assert "Permission denied" in seen.stderr, seen
    limits = Path(f"/proc/{serving}/limits").read_text()
    assert "Max core file size        0" in limits


def test_ctrl_c_ends_a_command_at_both_ends(office: Office, asking: subprocess.Popen[bytes]) -> None:
    os.killpg(asking.pid, signal.SIGINT)
    out, err = asking.communicate(timeout=20)
    assert (asking.returncode, out) == (130, b""), err
    assert b"Traceback" not in err
    _ends(office)


def test_a_front_that_is_killed_leaves_nothing_running(office: Office, asking: subprocess.Popen[bytes]) -> None:
    os.killpg(asking.pid, signal.SIGKILL)
    _ends(office)


def test_ten_commands_at_once_all_end_well(office: Office) -> None:
    with ThreadPoolExecutor(10) as together:
        ends = list(together.map(lambda n: _as(office, ("sudo", "ssh")[n % 2], "leif", "find", "--purpose", "quality",
                                               "--reason", REASON, "--json"), range(10)))  # fmt: skip
    assert {each.exit for each in ends} <= {0, 11}, ends
    assert sum(each.exit == 0 for each in ends) >= 5
    _ends(office)
    assert _done(_as(office, "sudo", "iver", "verify", "--json"))["ok"]


def test_an_unlock_in_the_persons_own_session_opens_commands_through_sudo_and_ssh(office: Office) -> None:
    secret = office.base / STAFF / "passphrase"
    said = f"arlo='{office.program}'; export ARLO_REC_AS=leif LANG=en_GB.UTF-8; "
    for via in (office.sudo, office.ssh("leif")):
        line = (
            f"{said} export ARLO_REC_VIA='{via}'; $arlo unlock --passphrase-file {secret} && "
            f"$arlo find --purpose quality --reason '{REASON}' --json </dev/null && $arlo lock; "
            f"$arlo find --purpose quality --reason '{REASON}' --json </dev/null"
        )
        done = office.in_session(STAFF, line)
        needs.demand(needs.unable("session keyrings", done.stderr) if "keyring" in done.stderr else None)
        answers = [json.loads(each) for each in done.stdout.splitlines() if each.startswith("{")]
        assert [each["ok"] for each in answers] == [True, False], done
        assert answers[1]["error"]["exit"] == 12
