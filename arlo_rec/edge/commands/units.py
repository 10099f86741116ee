"""The command that gives a machine its systemd units, accounts and folders, or takes away those that it gave."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from arlo_rec.edge.commands.options import DryRun, opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.config import SYSTEM_CONFIG, kept
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Unreachable, Usage

if TYPE_CHECKING:
    from arlo_rec.machine.units import Machine

UNITS: Final = Path("/etc/systemd/system")
ACCOUNTS: Final = Path("/etc/sysusers.d/arlo-rec.conf")
FOLDERS: Final = Path("/etc/tmpfiles.d/arlo-rec.conf")
SEALED: Final = ".cred"  # a key file that systemd-creds has encrypted for this machine
PACKAGED: Final = "/opt/arlo-rec/"  # the environment of the package, whose program is PROGRAM
PROGRAM: Final = "/usr/bin/arlo-rec"


class UnitFile(Record, frozen=True):
    """A file of the machine's systemd, and what became of it: new, changed, same or removed."""

    path: str
    state: str


class Planned(NamedTuple):
    """A file, and the text to be written there."""

    file: UnitFile
    text: str = ""


class UnitsInstalled(Record, frozen=True):
    """The files written or removed, and the commands that come next."""

    files: list[UnitFile]
    next: list[str]


def install_units(
    ctx: typer.Context,
    *,
    spool: Annotated[Path | None, opt("opt.spool", "--spool", "DIR")] = None,
    backup: Annotated[Path | None, opt("opt.unit_backup", "--backup", "DIR")] = None,
    escrow: Annotated[Path | None, opt("opt.unit_escrow", "--escrow", "DIR")] = None,
    dry_run: DryRun = False,
    remove: Annotated[bool, opt("opt.remove_units", "--remove")] = False,
) -> Answer:
    """Write the units for this machine's places, or remove those that it wrote."""
    from arlo_rec.machine.units import begun
    from arlo_rec.vault.backends.durable import disk

    run: Run = ctx.obj
    if remove and (spool or backup or escrow):
        raise Usage("not_together", names="--remove --spool --backup --escrow")
    if (backup is None) != (escrow is None):
        raise Usage("backup_and_escrow")
    with disk():
        planned = _to_remove() if remove else _to_write(_machine(run, spool, backup, escrow))
        for each in planned if not dry_run else ():
            _carry_out(each)
    files = [each.file for each in planned]
    names = [Path(each.path).name for each in files]
    enabled = begun({*names})
    following = _after_removal(enabled) if remove else _after_writing(enabled)
    answer = UnitsInstalled(files, following if files else [])
    code = "units.would" if dry_run else "units.file"
    lines = [run.say(f"{code}_{each.state}", path=each.path) for each in files]
    if not files:
        return Answer(answer, [run.say("units.none")])
    return Answer(answer, [*lines, run.say("units.next"), *following])


def _after_writing(enabled: list[str]) -> list[str]:
    make = [f"systemd-sysusers {ACCOUNTS}", f"systemd-tmpfiles --create {FOLDERS}", "systemctl daemon-reload"]
    return [*make, f"systemctl enable --now {' '.join(enabled)}"]


def _after_removal(enabled: list[str]) -> list[str]:
    return [*([f"systemctl stop {' '.join(enabled)}"] if enabled else []), "systemctl daemon-reload"]


# -- the machine --------------------------------------------------------------------------------------


def _machine(run: Run, spool: Path | None, backup: Path | None, escrow: Path | None) -> Machine:
    """This machine as the settings and the named folders say; raises Usage for a path that no unit can hold."""
    from arlo_rec.machine.units import KEYS, Machine, is_plain
    from arlo_rec.vault.keys import layout

    named = run.settings.store and run.store_path().absolute()
    store = Path(named) if named else None
    if store is None and (spool or backup):
        raise Usage("store_for_units")
    spools = run.settings.spools
    spool = spool.absolute() if spool else next(iter(spools), None) if store else None
    if spool and spools and not any(spool.is_relative_to(named) for named in spools):
        raise Usage("not_a_spool", path=str(spool))
    keys = Path(KEYS)
    machine = Machine(
        program=_program(),
        owner=layout.owner_of(store) if store else "",
        store=store,
        root=layout.root_of(store) if store else None,
        spool=spool,
        backup=backup and backup.absolute(),
        escrow=escrow and escrow.absolute(),
        feed=run.settings.feed,
        asks_server=store is not None and layout.asks_server(store),
        config=_config(run),
        via=_via(run),
        has_service=store is not None and layout.reaches_a_service(store),
        sealed=frozenset(path.stem for path in keys.glob(f"*{SEALED}")) if keys.is_dir() else frozenset(),
    )
    for path in machine:
        if isinstance(path, Path) and not is_plain(path):
            raise Usage("path_not_for_units", path=str(path))
    return machine


def _config(run: Run) -> Path | None:
    """The settings file of the services: the one that was named, else the system's."""
    named = run.config or os.environ.get("ARLO_REC_CONFIG")
    return Path(named).absolute() if named else SYSTEM_CONFIG if SYSTEM_CONFIG.is_file() else None


def _via(run: Run) -> str:
    """The door of IT's services: that of the settings where it is ssh, since a confined service cannot use sudo."""
    from arlo_rec.machine.units import ANY_SSH

    named = os.environ.get("ARLO_REC_VIA") or kept(run.config, os.environ).text("via") or ""
    return named if named.startswith("ssh ") and not set(named) & set("\"\\'$\n") else ANY_SSH


def _program() -> str:
    """The path by which services start this program; raises Usage where it is not installed.

    The name that is typed comes first: it may be a link that an upgrade moves.
    """
    if sys.prefix.startswith(PACKAGED):
        return PROGRAM
    beside = Path(sys.prefix, "bin", "arlo-rec")
    found = shutil.which("arlo-rec") or (str(beside) if beside.is_file() else None)
    if found is None:
        raise Usage("program_not_installed")
    return found


# -- files --------------------------------------------------------------------------------------------


def _to_write(machine: Machine) -> list[Planned]:
    """The files of a machine, each with what would become of it; raises Usage where another's file has the name."""
    from arlo_rec.machine import units
    from arlo_rec.vault.keys.layout import owner_of

    above = {path.parent for path in (machine.store, machine.root) if path is not None}
    is_made_for = machine.owner == units.OWNER  # and is no person's own account, whose folders are others' too
    own = frozenset(path for path in above if is_made_for and (not path.exists() or owner_of(path) == machine.owner))
    texts = {UNITS / name: text for name, text in units.units(machine).items()}
    texts |= {ACCOUNTS: units.accounts(machine), FOLDERS: units.folders(machine, own)}
    return [Planned(UnitFile(str(path), _state(path, text)), text) for path, text in texts.items()]


def _state(path: Path, text: str) -> str:
    if not os.path.lexists(path):
        return "new"
    if not _is_ours(path):
        raise Usage("unit_of_others", path=str(path))
    return "same" if path.read_text("utf-8") == text else "changed"


def _is_ours(path: Path) -> bool:
    """Whether this command wrote a file: its first line says so."""
    from arlo_rec.machine.units import MARK

    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK.encode("utf-8")


def _to_remove() -> list[Planned]:
    """The files that this command wrote, and the links by which systemctl enabled them."""
    found = [path for path in (*sorted(UNITS.glob("arlo-rec-*")), ACCOUNTS, FOLDERS) if _is_ours(path)]
    links = [
        path for path in sorted(UNITS.glob("*.wants/arlo-rec-*")) if path.is_symlink() and path.readlink() in found
    ]
    return [Planned(UnitFile(str(path), "removed")) for path in (*links, *found)]


def _carry_out(planned: Planned) -> None:
    from arlo_rec.vault.backends.durable import write_whole

    path = Path(planned.file.path)
    try:
        if planned.file.state == "removed":
            path.unlink(missing_ok=True)
        elif planned.file.state != "same":
            path.parent.mkdir(exist_ok=True)
            write_whole(path, planned.text.encode("utf-8"), mode=0o644)  # systemd warns of units that not all may read
    except PermissionError:
        raise Unreachable("units_need_root", path=str(path.parent)) from None
    except Unreachable as error:
        if error.code != "no_permission":
            raise
        raise Unreachable("units_need_root", path=str(path.parent)) from None
