"""The systemd units of a machine, made from one table: its services, their timers, accounts and folders.

A service has what all have (`CONFINED`), and its own row of `SERVICES`. It waits for the mounts of the folders without
which it can do nothing. A purge waits for the store alone: no other disk delays an erasure. The door of the machine's
people is a socket, with a service for each who connects. This module writes no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

MARK: Final = "# Written by arlo-rec install-units, which writes it anew; a change belongs into `systemctl edit`.\n"
KEYS: Final = "/etc/arlo-rec"  # of services: root's files, which systemd hands over
IT_FOLDER: Final = "/mnt/it"
WITNESS_FOLDER: Final = "/var/lib/arlo-witness"
OWNER: Final = "arlo"  # of a store, where no other account owns it
IT_ACCOUNTS: Final = ("arlo-it", "arlo-witness")
ANY_SSH: Final = "ssh -T recordings"  # the host of examples/ssh_config

CONFINED: Final = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateIPC=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
CapabilityBoundingSet=
AmbientCapabilities=
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077
"""
NO_NEW_CODE: Final = "MemoryDenyWriteExecute=yes\n"  # not of the door: engines of hearing make code for the processor
UNSEEN: Final = "ProtectProc=invisible\n"  # not of what opens a store: it has to see who holds a lock and stands still
DOOR: Final = "arlo-rec-door"
DOOR_SOCKET: Final = """\
[Unit]
Description=arlo-rec: the door of this machine's people
Documentation=man:arlo-rec-serve(1)

[Socket]
ListenStream=/run/arlo-rec/door
SocketUser={owner}
SocketMode=0666
Accept=yes
MaxConnections=256
MaxConnectionsPerSource=16

[Install]
WantedBy=sockets.target
"""
DOOR_SLICE: Final = """\
[Unit]
Description=arlo-rec: all doors that are open

[Slice]
TasksMax=4096
MemoryMax=75%
"""
DOOR_LIMITS: Final = """\
TasksMax=256
MemoryMax=50%
"""
ALONE: Final = """\
PrivateNetwork=yes
IPAddressDeny=any
RestrictAddressFamilies=AF_UNIX
"""
BY_NETWORK: Final = """\
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
"""
# No status: a mount that it waited for failed. 243: systemd found no key file to hand over. 226: a folder is not there.
FAILED: Final = """\
[Unit]
Description=arlo-rec: say in the journal that %i failed

[Service]
Type=oneshot
DynamicUser=yes
SyslogIdentifier=arlo-rec
ExecStart=/bin/sh -c 'case "$$MONITOR_EXIT_STATUS" in \
243) why="its key file is missing, or is not for this machine: systemctl cat %i names it";; \
"") why="it was not started, since a disk that it needs is not mounted: systemctl status %i";; \
226) why="a folder of its ReadWritePaths is missing: systemctl cat %i";; \
*) why="it ended with $$MONITOR_EXIT_STATUS ($$MONITOR_SERVICE_RESULT): man arlo-rec says what that means";; esac; \
echo "<3>%i did not do its work; $$why; journalctl -u %i has what it said"'
"""


class Service(NamedTuple):
    """One service and its timer; `{name}` in a text stands for a place of the machine."""

    description: str
    command: str  # behind the program's name; several, with a line for each
    calendar: str  # in UTC: no hour is skipped or comes twice
    key: str = ""  # of KEYS, without its ending
    success: str = ""  # exit statuses that are no failure, beside 0: the next run goes on
    needs: str = ""  # folders without which it can do nothing
    writes: str = ""
    man: str = ""  # the manual page, where it is not that of the service's name


SERVICES: Final[Mapping[str, Service]] = {  # of the store's machine
    "purge": Service(
        "erase what is past retention",
        "purge --quiet",
        "*-*-* *:10:00",
        key="cron",
        success="11",
        needs="{store} {root}",
        writes="{folders} -{escrow} -{feed}",
    ),
    "ingest": Service(
        "take in what the telephone system delivered",
        "ingest {spool} --quiet",
        "*-*-* *:*:00",
        key="telephone",
        success="3 11",
        needs="{store} {root} {spool}",
        writes="{folders} -{spool} -{feed}",
    ),
    "backup": Service(
        "back the store up, after the purge",
        "backup {backup} --escrow {escrow} --quiet",
        "*-*-* *:25:00",
        key="cron",
        success="11",
        needs="{store} {root} {backup} {escrow}",
        writes="{folders} -{backup} -{escrow} -{feed}",
    ),
    "verify": Service(
        "compare the store with its log",
        "verify",
        "*-*-* 04:40:00",
        key="it",
        success="11",
        needs="{store} {root}",
        writes="{folders} -{feed}",
    ),
    "metrics": Service(
        "write figures for Prometheus",
        "metrics --out /var/lib/arlo-rec-metrics/arlo-rec.prom --quiet",
        "*-*-* *:0/5:00",
        key="it",
        success="11",
        needs="{store} {root}",
        writes="{folders} -{feed}",
    ),
    "check": Service(
        "say what needs a hand",
        "check",
        "*-*-* *:0/5:30",
        key="it",
        success="1",
        needs="{store} {root}",
        writes="{folders} -{feed}",
    ),
    "drill": Service(
        "try whether the backup would come back",
        "drill {backup} --escrow {escrow}",
        "*-01,04,07,10-02 06:15:00",
        key="cron",
        success="11",
        needs="{store} {root} {backup} {escrow}",
        writes="{folders} -{feed}",
    ),
}
IT: Final[Mapping[str, Service]] = {  # of IT's machine, through the door
    "anchor": Service(
        "keep the newest checkpoint of the log outside the store",
        "audit checkpoint --quiet --append {it}/anchors",
        "*-*-* *:40:00",
        needs="{it}",
        writes="{it}",
        man="audit-checkpoint",
    ),
    "audit-verify": Service(
        "compare the log with its checkpoints, and the store with the log",
        "audit verify --anchor {it}/anchors\nverify",
        "*-*-* 05:20:00",
        needs="{it}",
    ),
    "witness": Service(
        "cosign the newest checkpoint of the log",
        "audit witness --witness-key {witness}/it-witness.key",
        "*-*-* *:50:00",
        needs="{it}",
        writes="{it}/notes {witness}",
        man="audit-witness",
    ),
}
NEEDS_PLACE: Final = {"ingest": "spool", "backup": "backup", "drill": "backup"}  # a service -> the folder it is for


class Machine(NamedTuple):
    """The places and accounts of a machine; what it lacks is None, and has no unit."""

    program: str = "/usr/bin/arlo-rec"
    owner: str = OWNER
    store: Path | None = None
    root: Path | None = None
    spool: Path | None = None
    backup: Path | None = None
    escrow: Path | None = None
    feed: Path | None = None
    asks_server: bool = False  # whether the root secret or the catalogue lies in one
    config: Path | None = None
    via: str = ANY_SSH
    sealed: frozenset[str] = frozenset()  # key files that the machine has sealed (systemd-creds encrypt)
    has_service: bool = False  # whether the objects lie elsewhere, so that services reach the network and have a secret


DEFAULT: Final = Machine(  # of the package, and of the documents
    store=Path("/srv/arlo/store"),
    root=Path("/srv/arlo/store.root"),
    spool=Path("/var/spool/arlo"),
    backup=Path("/mnt/backup/arlo"),
    escrow=Path("/mnt/escrow/arlo"),
    feed=Path("/mnt/feed/arlo.jsonl"),
    config=Path("/etc/arlo-rec/config.toml"),
)


def units(machine: Machine) -> dict[str, str]:
    """The content of each unit by its file name: of the store where the machine has one, else of IT."""
    made = {"arlo-rec-failed@.service": MARK + FAILED + CONFINED + NO_NEW_CODE + UNSEEN + ALONE}
    for name, service in (SERVICES if machine.store else IT).items():
        place = NEEDS_PLACE.get(name)
        if place is None or getattr(machine, place) is not None:
            made[f"arlo-rec-{name}.service"] = MARK + _service(name, service, machine)
            made[f"arlo-rec-{name}.timer"] = MARK + _timer(service)
    return made | (_door(machine) if machine.store else {})


def begun(names: Iterable[str]) -> list[str]:
    """Those of some units that are enabled: each timer, and the socket of the door."""
    return sorted(name for name in names if name.endswith((".timer", ".socket")))


def _door(machine: Machine) -> dict[str, str]:
    """The units of the door. A service that ends with a status of the program has not failed."""
    places = _places(machine)
    writes = [word for word in "{folders} -{spool} -{escrow} -{feed}".format_map({"spool": "", **places}).split()]
    lines = [
        "[Unit]",
        "Description=arlo-rec: one command of a person",
        "Documentation=man:arlo-rec-serve(1)",
        "CollectMode=inactive-or-failed",
        "",
        "[Service]",
        *_as_owner("", machine),
        "StandardInput=socket",
        "StandardOutput=socket",
        "StandardError=journal",
        f"Slice={DOOR}.slice",
        f"StateDirectory={DOOR}",
        f"ExecStart=-{_quoted(machine.program)} serve --socket",
        f"ReadWritePaths={' '.join(word for word in writes if word != '-')}",
    ]
    return {
        f"{DOOR}.socket": MARK + DOOR_SOCKET.format(owner=machine.owner),
        f"{DOOR}.slice": MARK + DOOR_SLICE,
        f"{DOOR}@.service": MARK + "\n".join(lines) + "\n" + DOOR_LIMITS + CONFINED + BY_NETWORK,
    }


def accounts(machine: Machine) -> str:
    """The login accounts of a machine, for systemd-sysusers: one owns the store, or two are IT's."""
    return MARK + "".join(f'u {name} - "arlo-rec" /var/lib/{name} /bin/sh\n' for name in _accounts(machine))


def _accounts(machine: Machine) -> tuple[str, ...]:
    """The accounts to be made: a store of another account than OWNER belongs to somebody who is there already."""
    if machine.store is None:
        return IT_ACCOUNTS
    return (OWNER,) if machine.owner == OWNER else ()


def folders(machine: Machine, own: frozenset[Path]) -> str:
    """The folders of a machine, for systemd-tmpfiles; a folder above the store only where it is among *own*.

    Backup and escrow only get their owner: made where their disk is not mounted, they would stand in its place.
    """
    owner = machine.owner
    lines = [f"d /var/lib/{name} 0700 {name} {name}" for name in _accounts(machine)]
    above = {path.parent for path in (machine.store, machine.root) if path is not None}
    lines += [f"d {_quoted(path)} 0700 {owner} {owner}" for path in sorted(above & own)]
    if machine.spool:
        lines.append(f"d {_quoted(machine.spool)} :2770 :{owner} :{owner}")  # as telephone.md gives it to the exchange
    lines += [f"z {_quoted(path)} 0700 {owner} {owner}" for path in (machine.backup, machine.escrow) if path]
    return MARK + "\n".join(lines) + "\n"


# -- one unit -----------------------------------------------------------------------------------------


def is_plain(path: Path) -> bool:
    """Whether a path can stand in a unit as it is: signs that systemd or a shell gives a meaning cannot."""
    return re.fullmatch(r"/[\w./%@:+,=-]*", str(path)) is not None


def _service(name: str, service: Service, machine: Machine) -> str:
    places = _places(machine)
    needs = service.needs.format_map(places)
    lines = [
        "[Unit]",
        f"Description=arlo-rec: {service.description}",
        f"Documentation=man:arlo-rec-{service.man or name}(1)",
        *([f"RequiresMountsFor={needs}"] if needs else []),
        "OnFailure=arlo-rec-failed@%n.service",
        "",
        "[Service]",
        "Type=oneshot",
        *(_as_owner(service.key, machine) if machine.store else _as_it(name, machine)),
        f"StateDirectory=arlo-rec-{name}",
        *([f"SuccessExitStatus={service.success}"] if service.success else []),
    ]
    for command in service.command.format_map(places).split("\n"):
        lines.append(f"ExecStart={_started(name, machine.program, command)}")
    writes = [word for word in service.writes.format_map(places).split() if word != "-"]  # of a place that is none
    lines += [f"ReadWritePaths={' '.join(writes)}"] if writes else []
    is_alone = machine.store and not machine.has_service and not machine.asks_server
    seen = "" if machine.store else UNSEEN
    return "\n".join(lines) + "\n" + CONFINED + NO_NEW_CODE + seen + (ALONE if is_alone else BY_NETWORK)


def _as_owner(key: str, machine: Machine) -> list[str]:
    """The account, the store, and what is handed over: the *key* of a service, the secret of the objects' service."""
    handed = [_handed("arlo-rec.key", key, machine)] if key else []
    handed += [_handed("arlo-rec.s3", "s3", machine)] if machine.has_service else []
    named = [f'Environment="ARLO_REC_CONFIG={_quoted(machine.config)}"'] if machine.config else []
    return [
        f"User={machine.owner}",
        f'Environment="ARLO_REC_STORE={_quoted(machine.store)}"',
        *named,
        *handed,
    ]


def _handed(credential: str, key: str, machine: Machine) -> str:
    sealed = key in machine.sealed
    how = "LoadCredentialEncrypted" if sealed else "LoadCredential"
    return f"{how}={credential}:{KEYS}/{key}.{'cred' if sealed else 'key'}"


def _as_it(name: str, machine: Machine) -> list[str]:
    account, key = ("arlo-witness", "witness") if name == "witness" else ("arlo-it", "it")
    return [f"User={account}", f'Environment=ARLO_REC_KEY_FILE={KEYS}/{key}.key "ARLO_REC_VIA={_quoted(machine.via)}"']


def _started(name: str, program: str, command: str) -> str:
    """The line of ExecStart; systemd knows neither > nor $(date): a shell does both, with % and $ written twice."""
    if name != "witness":
        return f"{_quoted(program)} {command}"
    return f"/bin/sh -c 'umask 022; {program} {command} > {IT_FOLDER}/notes/$$(date -u +%%Y-%%m-%%dT%%H%%M%%SZ).note'"


def _timer(service: Service) -> str:
    return (
        f"[Unit]\nDescription=arlo-rec: {service.description}, by the clock\n\n"
        f"[Timer]\nOnCalendar={service.calendar} UTC\nPersistent=true\nAccuracySec=1s\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _places(machine: Machine) -> dict[str, str]:
    """The texts for the names in a row of the tables."""
    named = {key: getattr(machine, key) for key in ("store", "root", "spool", "backup", "escrow")}
    texts = {key: _quoted(path) for key, path in named.items() if path is not None}
    above = {path.parent for path in (machine.store, machine.root) if path is not None}
    texts["folders"] = " ".join(map(_quoted, sorted(above)))
    texts["feed"] = _quoted(machine.feed.parent) if machine.feed else ""
    return {"escrow": "", "it": IT_FOLDER, "witness": WITNESS_FOLDER, **texts}


def _quoted(path: Path | str | None) -> str:
    """A path as a word of a unit, in which % begins a specifier."""
    return str(path).replace("%", "%%")
