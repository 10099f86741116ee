"""The package on a real Debian: installed, upgraded, killed, taken back, removed; and never a moment without a program.

The ordinary run installs it over this machine's own files; `--prove` makes a clean Debian 12 and 13 for it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from arlo_rec import __version__
from arlo_rec.machine import units
from tests.support import needs
from tests.support.booted import Booted, demand_containers, found, settle
from tests.support.places import TOP
from tools.make_package import COMPLETIONS, LEFT_OUT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("package")]

TOOLS = TOP / ".venv-tools" / "bin"
SUITES = {"debian12": "bookworm", "debian13": "trixie"}
HERE = {("debian", "12"): "debian12", ("debian", "13"): "debian13", ("ubuntu", "24.04"): "ubuntu24.04"}
INSTALL = "env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --allow-downgrades"
MADE = '[ -n "$(%s | grep -vxF "$were")" ]'  # that there is an environment that was not there before
ENVIRONMENTS = "find /opt/arlo-rec -mindepth 1 -maxdepth 1 -type d ! -name package"


class Packages(NamedTuple):
    """Two versions of the package for one release, in the root's home of a machine."""

    first: str
    second: str


def tool(name: str) -> Path:
    """A program that makes packages; skips where there is none."""
    found = TOOLS / name if (TOOLS / name).exists() else shutil.which(name)
    needs.demand(f"no {name}: ./dev audit installs it" if found is None else None)
    return Path(str(found))


def made(release: str, out: Path, top: Path = TOP, umask: int = 0o022, **more: str) -> list[Path]:
    """The package of a release and what belongs to it, made in a folder of the source."""
    folder = {tool(name).parent for name in ("python", "nfpm", "cyclonedx-py")}
    words = [sys.executable, "-m", "tools.make_package", "--out", out, "--tools", folder.pop(), release]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1790000000", "PYTHONPATH": str(top), **more}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=top, umask=umask)
    assert done.returncode == 0, done.stderr
    return sorted(out.iterdir())


def locked() -> dict[str, set[str]]:
    """The hashes of the packages of the lock that are for Linux and in the package, by name."""
    text = (TOP / "requirements" / "run.txt").read_text()
    named = re.findall(r"^([\w-]+)==\S+( ; sys_platform == 'win32')? ((?:.*\\\n)+.*)", text, re.MULTILINE)
    hashes = {
        name: set(re.findall("sha256:([0-9a-f]{64})", lines)) for name, elsewhere, lines in named if not elsewhere
    }
    return {name: each for name, each in hashes.items() if name not in LEFT_OUT}


def later(deb: Path, folder: Path) -> Path:
    """The same package as a later version, in which one file is another."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    version = re.search(r"^Version: (.*)$", (tree / "DEBIAN" / "control").read_text(), re.MULTILINE)
    assert version is not None
    newer = version[1].replace("-1~", "-2~")
    for name in ("control", "postinst"):
        path = tree / "DEBIAN" / name
        path.write_text(path.read_text().replace(version[1], newer))
    (module,) = tree.glob("opt/arlo-rec/package/lib/*/site-packages/arlo_rec/__init__.py")
    module.write_text(module.read_text() + "# later\n")
    sums = tree / "DEBIAN" / "md5sums"
    digest = hashlib.md5(module.read_bytes(), usedforsecurity=False).hexdigest()
    sums.write_text(
        re.sub(rf"^\w+(?=  {re.escape(str(module.relative_to(tree)))}$)", digest, sums.read_text(), flags=re.M)
    )
    subprocess.run(["dpkg-deb", "-b", "-Zgzip", "-z1", tree, folder], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return folder / f"arlo-rec_{newer}_amd64.deb"


def this_release() -> str:
    """The release that this machine runs, if there is a package of it."""
    path = Path("/etc/os-release")
    told = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', path.read_text() if path.exists() else "", re.MULTILINE))
    named = HERE.get((told.get("ID", ""), told.get("VERSION_ID", "")))
    needs.demand("no Debian or Ubuntu that there is a package for" if named is None else needs.program("dpkg-deb"))
    return str(named)


def clean(release: str, folder: Path) -> Path:
    """The files of a clean Debian, with what a package of it depends on, since the machine has no network."""
    needs.demand(needs.program("mmdebstrap"))
    root = folder / "clean"
    include = "--include=python3,tzdata,systemd,systemd-sysv,dbus"
    words = ["mmdebstrap", "--mode=root", "--variant=minbase", include, SUITES[release], root]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    needs.demand(needs.unable("clean Debian", done.stderr) if done.returncode else None)
    return root


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What is made for the release of this machine."""
    return made(this_release(), tmp_path_factory.mktemp("dist") / "dist")


@pytest.fixture(scope="module", params=["here", *SUITES])
def machine(request: pytest.FixtureRequest, here: list[Path]) -> Iterator[tuple[Booted, Packages]]:
    """A machine on which the package is not installed yet, and two versions of it."""
    demand_containers()
    needs.demand(None if request.param == "here" or request.config.getoption("--prove") else needs.WHOLE)
    release = this_release() if request.param == "here" else request.param
    with tempfile.TemporaryDirectory(prefix="arlo-package-") as name:
        folder = Path(name)
        files = here if request.param == "here" else made(release, folder / "dist")
        (deb,) = [path for path in files if path.suffix == ".deb"]
        both = (deb, later(deb, folder))
        below = Path("/") if request.param == "here" else clean(release, folder)
        with Booted(folder, below, program=False) as booted:
            for each in both:
                shutil.copy(each, booted.root / "root")
            yield booted, Packages(*(f"/root/{each.name}" for each in both))


def runs(booted: Booted) -> str:
    """The environment that the program runs from; it must run."""
    assert booted.done("arlo-rec --version").strip() == f"arlo-rec {__version__}"
    return booted.done("readlink -e /opt/arlo-rec/current").strip()


def test_a_first_installation_that_is_killed_says_what_to_do_and_can_go_on(machine: tuple[Booted, Packages]) -> None:
    booted, packages = machine
    kill_at(booted, packages.first, MADE % ENVIRONMENTS)
    told = booted.sh("arlo-rec --version")
    assert (told.returncode, told.stdout) == (16, "")
    assert "dpkg --configure -a" in told.stderr
    booted.done("dpkg --configure -a")
    assert booted.done(ENVIRONMENTS).split() == [runs(booted)]
    booted.done("env DEBIAN_FRONTEND=noninteractive apt-get purge -y -q arlo-rec")


def test_one_command_installs_program_account_folders_units_and_manuals(machine: tuple[Booted, Packages]) -> None:
    booted, packages = machine
    took = booted.done(f"cd /; bash -c 'time {INSTALL} {packages.first}' 2>&1 >/dev/null | grep -E '^(real|user|sys)'")
    sys.stderr.write(f"installed in {' '.join(took.split())}\n")  # shown with -s
    assert "ended as it should" in booted.done("cd /; runuser -u arlo -- arlo-rec demo --lang en")
    shown = booted.done("stat -c '%n %U %G %a' /srv/arlo /var/lib/arlo /var/spool/arlo /usr/bin/arlo-rec")
    assert shown.splitlines() == [
        *("/srv/arlo arlo arlo 700", "/var/lib/arlo arlo arlo 700", "/var/spool/arlo arlo arlo 2770"),
        "/usr/bin/arlo-rec root root 755",
    ]
    assert booted.done("dpkg --verify arlo-rec") == ""
    assert booted.done("find /opt/arlo-rec -not -user root") == ""
    units = "/usr/lib/systemd/system/arlo-rec-*"
    booted.done(f"systemd-analyze verify --man=no {units}")
    assert "enabled " not in booted.done("systemctl list-unit-files --no-legend 'arlo-rec-*' | sed 's/ enabled$//'")
    for shell, path in COMPLETIONS.items():
        booted.done(f"! command -v {shell} >/dev/null || {shell} -n /{path}; test -s /{path}")
    typed = "COMP_WORDS=(arlo-rec pur); COMP_CWORD=1; _arlo_rec_completion arlo-rec; echo ${COMPREPLY[@]}"
    assert booted.done(f"bash -c '. /{COMPLETIONS['bash']}; {typed}'") == "purge\n"
    licences = booted.done("cat /usr/share/doc/arlo-rec/copyright")
    assert {"cryptography", "sqlcipher3", "lameenc", "numpy"} <= set(
        re.findall(r"^(\S+) [0-9]", licences, re.MULTILINE)
    )
    assert booted.sh("/opt/arlo-rec/current/bin/python -I -c 'import pip'").returncode == 1
    told = booted.done("cd /srv; arlo-rec install-units --store /srv/arlo/store --dry-run --lang en")
    assert "would be written" in told


def test_the_program_of_a_folder_or_an_environment_variable_is_not_run(machine: tuple[Booted, Packages]) -> None:
    booted, _ = machine
    booted.done("mkdir -p /root/evil/arlo_rec; echo 'raise SystemExit(99)' > /root/evil/arlo_rec/__init__.py")
    assert booted.sh("cd /root/evil; PYTHONPATH=/root/evil arlo-rec --version").returncode == 0


@pytest.fixture(scope="module")
def stored(machine: tuple[Booted, Packages]) -> Booted:
    """The machine with a store, made by the commands of the documents."""
    booted, _ = machine
    settle(booted)
    found(booted)
    return booted


@pytest.mark.parametrize("name", ["purge", "ingest", "backup", "verify"])
def test_the_units_of_the_package_do_their_work(stored: Booted, name: str) -> None:
    assert stored.start(f"arlo-rec-{name}.service") == ("0", "success"), stored.journal(f"arlo-rec-{name}.service")


def test_an_upgrade_is_never_without_a_program_and_what_was_started_goes_on(machine: tuple[Booted, Packages]) -> None:
    booted, packages = machine
    before = runs(booted)
    booted.done("systemctl enable --now arlo-rec-check.timer")
    booted.done("mkfifo /root/go; touch /root/upgrading")
    late = (
        "import arlo_rec.law.model.records as one; open('/root/go').read(); import arlo_rec.calls.intake.ingest, numpy"
    )
    started = f'"$(readlink -e /opt/arlo-rec/current)"/bin/python -I -c "{late}"'
    watch = "n=0; while [ -e /root/upgrading ]; do arlo-rec --version >/dev/null || exit 1; n=$((n+1)); done; echo $n"
    told = booted.done(
        f"{started} & old=$!; (cd /root; {watch}) & watch=$!; {INSTALL} {packages.second} >/dev/null; status=$?;"
        "rm /root/upgrading; wait $watch && echo > /root/go && wait $old && exit $status"
    )
    assert int(told) > 0
    after = runs(booted)
    assert "-2~" in after and before != after
    assert set(booted.done(ENVIRONMENTS).split()) == {before, after}
    assert booted.done("systemctl is-active arlo-rec-check.timer").strip() == "active"


@pytest.mark.parametrize("moment", ["unpacking", "making its environment"])
def test_an_upgrade_that_is_killed_leaves_the_one_before(machine: tuple[Booted, Packages], moment: str) -> None:
    booted, packages = machine
    before = runs(booted)
    is_there = {
        "unpacking": "find /opt/arlo-rec/package -name '*.dpkg-new' | grep -q .",
        "making its environment": MADE % ENVIRONMENTS,
    }[moment]
    kill_at(booted, packages.first, is_there)
    assert runs(booted) == before
    booted.done(f"dpkg --configure -a; {INSTALL} --reinstall {packages.second}")
    assert "-2~" in runs(booted)
    assert len(booted.done(ENVIRONMENTS).split()) == 2
    assert booted.done("dpkg --verify arlo-rec; find /opt/arlo-rec -name '*.dpkg-*'") == ""


def test_a_kill_at_any_time_leaves_a_program_and_the_package_can_go_on(
    machine: tuple[Booted, Packages], *, whole: bool
) -> None:
    booted, packages = machine
    needs.demand(None if whole else needs.WHOLE)
    for number in range(12):
        wait = f"sleep {0.2 + number * 0.6:.1f}"
        booted.sh(f"setsid dpkg -i {packages[number % 2]} >/dev/null 2>&1 & dpkg=$!; {wait}; kill -KILL -$dpkg")
        runs(booted)
    booted.done(f"dpkg --configure -a; {INSTALL} --reinstall {packages.second}")
    assert "-2~" in runs(booted)


def kill_at(booted: Booted, package: str, moment: str) -> None:
    """Kill an installation, with all that it started, as soon as a line of shell is true."""
    booted.done(
        f"setsid dpkg -i {package} >/dev/null 2>&1 & dpkg=$!; were=$({ENVIRONMENTS});"
        f"until {moment}; do kill -0 $dpkg || exit 3; done; kill -KILL -$dpkg; wait $dpkg; exit 0"
    )


def test_a_full_disk_leaves_the_one_before(machine: tuple[Booted, Packages]) -> None:
    booted, packages = machine
    before = runs(booted)
    postinst = "/var/lib/dpkg/info/arlo-rec.postinst"
    told = booted.sh(
        f"ulimit -f 1; {postinst} configure"
    )  # no file may grow: the compiled ones fail, as on a full disk
    assert told.returncode != 0
    assert runs(booted) == before
    booted.done(f"{INSTALL} --reinstall {packages.second}")


def test_the_version_before_comes_back_with_one_command(machine: tuple[Booted, Packages]) -> None:
    booted, packages = machine
    booted.done(f"{INSTALL} {packages.first}")
    assert "-1~" in runs(booted)
    assert booted.done("dpkg-query -W -f '${Version}' arlo-rec").startswith(f"{__version__}-1~")


def test_a_removal_leaves_the_store_the_keys_and_the_accounts(stored: Booted) -> None:
    booted = stored
    assert booted.done("ls /etc/arlo-rec/cron.key /srv/arlo/store/store.toml")
    booted.done("env DEBIAN_FRONTEND=noninteractive apt-get remove -y -q arlo-rec")
    assert booted.done("ls -d /opt/arlo-rec /usr/bin/arlo-rec 2>/dev/null || true") == ""
    assert booted.sh("systemctl is-active arlo-rec-check.timer").stdout.strip() != "active"
    ended = booted.sh("env DEBIAN_FRONTEND=noninteractive apt-get purge -y -q arlo-rec")
    assert ended.returncode == 0 and "are left" in ended.stderr + ended.stdout
    booted.done("id arlo; ls /etc/arlo-rec/cron.key /srv/arlo/store/store.toml /var/spool/arlo")
    assert booted.done("find /etc /usr -name '*arlo-rec*.timer'") == ""


def test_an_installation_beside_a_store_says_which_timers_are_off(
    machine: tuple[Booted, Packages], stored: Booted
) -> None:
    told = stored.done(f"{INSTALL} {machine[1].first} 2>&1")
    (line,) = [line for line in told.splitlines() if "systemctl enable --now" in line]
    command = line[line.index("systemctl") :]
    assert command.split()[3:] == units.begun(units.units(units.DEFAULT))
    stored.done(command)
    looks = "sed -n '/^# A removal/,$p' /var/lib/dpkg/info/arlo-rec.postinst | sh -eu 2>&1"
    assert stored.done(looks) == ""
    told = stored.done(f"cd /etc/arlo-rec; mv cron.key /root; mv /srv/arlo/store /root; {looks}; mv /root/cron.key .")
    assert [word for word in told.split() if word.endswith(".timer")] == units.begun(units.units(units.Machine()))
    told = stored.done(f"systemctl disable --now arlo-rec-purge.timer 2>&1; {looks}; mv /root/store /srv/arlo")
    assert told.endswith("enable --now arlo-rec-purge.timer\n"), "by the key, where the disk of the store is away"


def test_another_folder_zone_and_umask_give_the_same_bytes(here: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "another folder"
    outside = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", ".models", "dist", "__pycache__")
    shutil.copytree(TOP, copy, symlinks=True, ignore=outside)
    again = made(this_release(), tmp_path / "again", copy, 0o077, TZ="Asia/Kathmandu")
    assert [path.name for path in again] == [path.name for path in here]
    for one, two in zip(here, again, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name
    assert len((tmp_path / "again" / "SHA256SUMS").read_text().splitlines()) == len(again) - 1
    words = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    assert subprocess.run(words, cwd=tmp_path / "again", check=False).returncode == 0


def test_nothing_in_the_package_names_a_folder_of_its_build(here: list[Path]) -> None:
    (deb,) = [path for path in here if path.suffix == ".deb"]
    places = re.compile(b"|".join(re.escape(os.fsencode(each)) for each in (TOP, "arlo-rec-package-", sys.prefix)))
    telling = list[str]()
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as files,
    ):
        for each in files:
            file = files.extractfile(each) if each.isreg() else None
            content = file.read() if file is not None else b""
            content = gzip.decompress(content) if each.name.endswith(".gz") else content
            is_of_program = each.name.endswith("/RECORD") and re.search(rb"^(?:\.\./)*bin/", content, re.MULTILINE)
            telling += [each.name] if places.search(content) or is_of_program else []
    assert telling == []


def test_the_bill_of_materials_has_each_library_with_its_hash_and_licence(here: list[Path]) -> None:
    (path,) = [path for path in here if path.name.endswith(".cdx.json")]
    bill, hashes = json.loads(path.read_text()), locked()
    parts = {part["name"].lower().replace("_", "-"): part for part in bill["components"]}
    assert (bill["bomFormat"], parts.keys()) == ("CycloneDX", hashes.keys())
    for name, part in parts.items():
        assert {each["content"] for each in part["hashes"]} <= hashes[name], name
        assert all("expression" in each or "id" in each["license"] for each in part["licenses"]), name
    program = bill["metadata"]["component"]
    (wheel,) = [path for path in here if path.suffix == ".whl"]
    assert (program["version"], program["hashes"][0]["content"]) == (
        __version__,
        hashlib.sha256(wheel.read_bytes()).hexdigest(),
    )
