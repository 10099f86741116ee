"""No dependency, and nothing that the program does with one, opens a socket to anywhere: asked of the kernel."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support import dumpable, needs
from tests.support.compressed import with_soundfile
from tests.support.copies import call
from tests.support.models import MODEL, needs_model
from tests.support.openbao import free_port
from tests.support.places import TOP
from tests.support.world import World

pytestmark = [
    pytest.mark.slow,
    needs.mark(needs.program("strace")),
]
CALLS_OUT = "trace=socket,connect,sendto,sendmsg,sendmmsg,io_uring_setup"
OPENED = re.compile(r"\bsocket\((AF_\w+).*\) = \d+$")
REACHED = re.compile(r"\b(?:connect|sendto|sendmsg|sendmmsg)\(.*sa_family=(AF_\w+)")
OURS = {"AF_UNIX", "AF_LOCAL"}  # a channel between our own processes
NOT_RUN = {"pip", "setuptools", "arlo-rec"}  # what installs, not what runs
PLACED = re.compile(r"sin_port=htons\((\d+)\), sin_addr=inet_addr\(\"([\d.]+)\"\)|sa_family=(AF_INET6|AF_VSOCK)")
WAIT_S = 2  # in which a thread that reports home would have begun
EXTRAS_OF_USERS = ("av", "asr")


def outside(
    folder: Path, words: Sequence[str], environment: dict[str, str] | None = None, ends: Sequence[int] = (0, 3)
) -> list[str]:
    """Every call of a command and its children by which something left, or could have; it must end like that."""
    trace = folder / "trace"
    strace = ["strace", "-f", "-qq", "-e", CALLS_OUT, "-e", "signal=none", "-o", str(trace), *words]
    told = {**os.environ, **(environment or {}), "PYTHONPATH": str(TOP)}
    done = subprocess.run(strace, capture_output=True, text=True, check=False, env=told, cwd=folder)
    assert done.returncode in ends, done
    return list(_leaving(trace.read_text("utf-8", "replace").splitlines()))


def _leaving(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        families = {*OPENED.findall(line), *(REACHED.findall(line) if "EPERM" not in line else [])}
        if families - OURS or ("io_uring_setup" in line and not line.rstrip().endswith("(Operation not permitted)")):
            yield line


def dependencies() -> dict[str, list[str]]:
    """Every distribution that a user can have installed with the program, and what can be imported of each."""
    seen: dict[str, list[str]] = {}
    waiting = [_name(one) for one in importlib.metadata.requires("arlo-rec") or [] if _is_for_users(one)]
    while waiting:
        name = waiting.pop()
        if name in seen or name in NOT_RUN:
            continue
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here
        seen[name] = sorted(_modules(found))
        waiting += [_name(one) for one in found.requires or [] if "extra ==" not in one]
    return seen


def _is_for_users(requirement: str) -> bool:
    extra = re.search(r"extra == ['\"](\w+)['\"]", requirement)
    return extra is None or extra[1] in EXTRAS_OF_USERS


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def _modules(found: importlib.metadata.Distribution) -> Iterator[str]:
    for file in found.files or []:
        top = file.parts[0]
        if len(file.parts) == 1 and file.suffix == ".py":
            yield file.stem
        elif len(file.parts) > 1 and file.parts[1] == "__init__.py" and top.isidentifier():
            yield top


def test_a_socket_that_is_opened_is_seen(tmp_path: Path) -> None:
    program = "import socket; s = socket.socket(); s.setblocking(False); s.connect_ex(('127.0.0.1', 9))"
    assert len(outside(tmp_path, [sys.executable, "-I", "-c", program])) == 2
    local = "import socket; a, b = socket.socketpair(); a.sendall(b'x')"
    assert outside(tmp_path, [sys.executable, "-I", "-c", local]) == []


def test_importing_any_dependency_opens_no_socket(tmp_path: Path) -> None:
    modules = [name for names in dependencies().values() for name in names]
    assert {"cryptography", "numpy", "phonenumbers", "rich", "sqlcipher3", "typer"} <= set(modules)
    program = f"import importlib, time\nfor name in {modules!r}: importlib.import_module(name)\ntime.sleep({WAIT_S})"
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert outside(tmp_path, [sys.executable, "-I", "-c", program], environment) == []


def test_the_whole_life_of_a_few_calls_opens_no_socket(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "arlo_rec", "demo", "--lang", "en"]
    assert outside(tmp_path, program, {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}) == []


def test_taking_in_compressed_sound_opens_no_socket(world: World) -> None:
    world.deliver("call", sound=with_soundfile("FLAC", "PCM_16"))
    words = [sys.executable, "-m", "arlo_rec", "ingest", str(world.spool), "--key-file", str(world.key("telefon"))]
    assert outside(world.base, words, world._environment()) == []


@needs_model
def test_hearing_a_call_opens_no_socket_though_its_libraries_would_report_home(world: World) -> None:
    recording = call(world)
    words = ["pseudonymise", recording, "--reason", "training of new colleagues", "--model", str(MODEL), "--lang", "en"]
    who = ["--as", "sigrid", "--passphrase-file", str(world.base / "passphrase")]
    assert outside(world.base, [sys.executable, "-m", "arlo_rec", *words, *who], world._environment()) == []


KEYS = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
NAMED = {  # what names a service that is away -> the setting, and the words of the command
    "objects": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:{}", **KEYS}, "objects move --to s3://bucket/store"),
    "catalogue": ({}, "catalogue move --to postgres://arlo@127.0.0.1:{}/arlo"),
    "root": (
        {"BAO_ADDR": "http://127.0.0.1:{}", "BAO_TOKEN": "t"},
        "init --officer sigrid --store new --root bao://t/k",
    ),
}


@pytest.mark.parametrize("part", NAMED)
def test_with_engines_the_machine_that_the_owner_named_is_reached_and_no_other(world: World, part: str) -> None:
    port, (settings, words) = free_port(), NAMED[part]
    environment = world._environment() | {name: text.format(port) for name, text in settings.items()}
    typed = [*words.format(port).split(), *world._who("sigrid")[2 if part == "root" else 0 :]]
    left = outside(world.base, [*dumpable.PROGRAM, *typed], environment, ends=[16])  # else root alone sees addresses
    assert {found for line in left for found in PLACED.findall(line)} == {(str(port), "127.0.0.1", "")}
