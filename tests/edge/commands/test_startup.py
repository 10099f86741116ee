"""What a start loads: no engine for help, none that a command does not use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import needs
from tests.support.world import World

HEAVY = {
    "cryptography", "sqlcipher3", "sqlite_utils", "rich", "phonenumbers", "dateutil", "numpy", "soundfile",
    "jinja2", "asyncio", "importlib.metadata", "arlo_rec.vault.opened", "arlo_rec.vault.crypto.primitives",
}  # fmt: skip


def loaded(words: list[str], environment: dict[str, str] | None = None) -> set[str]:
    """The modules in memory after the program ran with *words*."""
    script = "import sys; from arlo_rec.cli import main; main(sys.argv[1:]); print('\\nMODULES', *sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **(environment or {})},
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["withdraw", "--help"]])
def test_help_and_version_load_no_engine(words: list[str]) -> None:
    assert not loaded(words) & HEAVY


@pytest.mark.in_a_file
def test_a_command_with_a_key_file_loads_only_what_it_uses(world: World) -> None:
    words = ["status", "--json", "--key-file", str(world.key("cron")), "--store", str(world.store)]
    modules = loaded(words, {"XDG_STATE_HOME": str(world.base / "state")})
    assert "sqlcipher3" in modules
    assert not modules & {"rich", "jinja2", "sqlite_utils", "phonenumbers", "dateutil"}
    assert not modules & {"arlo_rec.sound.audio", "arlo_rec.people.dsar.request"}
    assert not modules & {"arlo_rec.engines.openbao.openbao", "http.client", "ssl"}, "the root secret lies in a file"


BUDGET = {  # modules that a command may load: of ours, and of all that are not the interpreter's own
    ("--version",): (20, 55),
    ("--help",): (20, 55),
    ("status", "--json"): (124, 218),
}


@pytest.mark.parametrize("words", BUDGET, ids=" ".join)
@pytest.mark.in_a_file
def test_a_command_loads_no_more_modules_than_it_has_a_budget_for(world: World, words: tuple[str, ...]) -> None:
    key = ["--key-file", str(world.key("cron")), "--store", str(world.store)] if words[0] == "status" else []
    modules = loaded([*words, *key], {"XDG_STATE_HOME": str(world.base / "state")})
    ours = {name for name in modules if name.partition(".")[0] == "arlo_rec"}
    others = {name for name in modules - ours if name.partition(".")[0] not in sys.stdlib_module_names}
    told = f"{' '.join(words)}: {len(ours)} of ours, {len(ours | others)} with those of libraries"
    sys.stdout.write(f"{told}\n")
    assert len(ours) <= BUDGET[words][0] and len(ours | others) <= BUDGET[words][1], (told, sorted(ours | others))


@pytest.mark.in_a_file
def test_a_checkpoint_loads_nothing_that_sends(world: World) -> None:
    words = ["audit", "checkpoint", "--json", "--key-file", str(world.key("cron")), "--store", str(world.store)]
    modules = loaded(words, {"XDG_STATE_HOME": str(world.base / "state")})
    assert "arlo_rec.vault.opened" in modules
    assert not modules & {"http.client", "ssl"}


def test_the_installed_program_starts_the_same_way() -> None:
    program = Path(sys.executable).parent / "arlo-rec"
    needs.demand(None if program.exists() else "no arlo-rec beside this Python")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("arlo-rec ")
