"""Make the packages of a release: wheel, source, and a .deb with its bill of materials for each Debian or Ubuntu.

    python -m tools.make_package [--out dist] [--revision 1] [--tools .venv-tools/bin] [RELEASE ...]

A package holds an environment for its release's own Python, from the wheels of requirements/run.txt by their hashes. No
Python of that release is needed here: nothing is compiled, which the package does when it is installed. The same commit
gives the same bytes, in any folder: times are SOURCE_DATE_EPOCH, else those of the commit.
"""

from __future__ import annotations

import argparse
import email
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from arlo_rec import __version__
from arlo_rec.machine import units
from tools import bill_of_materials

TOP = Path(__file__).resolve().parent.parent
SCRIPTS = TOP / "tools" / "package"
UNPACKED = Path("opt/arlo-rec/package")  # where dpkg unpacks, and nothing runs
DOCS = Path("usr/share/doc/arlo-rec")


class Release(NamedTuple):
    """A Debian or Ubuntu: its Python, and the ending of its packages' versions."""

    python: str
    suffix: str


RELEASES = {
    "debian12": Release("3.11", "deb12"),
    "debian13": Release("3.13", "deb13"),
    "ubuntu24.04": Release("3.12", "ubuntu24.04"),
}
GLIBC = 36  # the second number of the oldest libc among them
COMPILED = shutil.ignore_patterns("__pycache__")  # of a program among the examples that was run here
LEFT_OUT = frozenset({"pip"})  # sqlite-utils asks for it, for its command that installs plugins alone
INSIDE = """
Libraries inside their wheels: libsndfile with FLAC, Ogg, Vorbis, Opus and mpg123 in soundfile (LGPL-2.1-or-later, BSD);
LAME in lameenc (LGPL-2.0-or-later); OpenBLAS in numpy (BSD-3-Clause) with libgfortran (GPL-3.0, and its exception for
libraries); SQLCipher in sqlcipher3 (BSD-3-Clause); OpenSSL in cryptography and sqlcipher3 (Apache-2.0). The texts of
GPL, LGPL and Apache-2.0 lie in /usr/share/common-licenses.
"""
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/arlo-rec",
    "zsh": "usr/share/zsh/vendor-completions/_arlo-rec",
    "fish": "usr/share/fish/vendor_completions.d/arlo-rec.fish",
}


def main() -> int:
    """Write everything into the folder, with SHA256SUMS; what stands there of these names is replaced."""
    parser = argparse.ArgumentParser()
    parser.add_argument("releases", nargs="*", metavar="RELEASE", help=f"of {', '.join(RELEASES)}; else all")
    parser.add_argument("--out", type=Path, default=TOP / "dist")
    parser.add_argument("--revision", default="1", help="of the package, where the program is the same")
    parser.add_argument(
        "--tools", type=Path, default=Path(sys.executable).parent, help="folder of python, nfpm, cyclonedx-py"
    )
    asked = parser.parse_args()
    unknown = set(asked.releases) - set(RELEASES)
    if unknown:
        parser.error(f"no such release: {', '.join(sorted(unknown))}")
    os.environ["SOURCE_DATE_EPOCH"] = _epoch()
    out = asked.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    made = _distributions(out)
    with tempfile.TemporaryDirectory(prefix="arlo-rec-package-") as folder:
        for name in asked.releases or RELEASES:
            base, release, version = Path(folder) / name, RELEASES[name], _version(RELEASES[name], asked.revision)
            wheels = [*_wheels(base / "wheels", release, asked.tools), made[0]]
            site = _environment(base / "root", release, wheels)
            bill = out / f"arlo-rec_{version}_amd64.cdx.json"
            bill.write_text(bill_of_materials.of(site, wheels, base / "bill", asked.tools), "utf-8")
            _rest(base / "root", site, bill)
            made += [bill, _deb(base, release, version, out, asked.tools)]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(made)]
    (out / "SHA256SUMS").write_text("".join(lines))
    print("".join(f"{path}: {path.stat().st_size:,} bytes\n" for path in sorted(made)), end="")
    return 0


def _version(release: Release, revision: str) -> str:
    return f"{__version__}-{revision}~{release.suffix}"


def _epoch() -> str:
    """The time of all files, in seconds: the environment's, else the commit's."""
    named = os.environ.get("SOURCE_DATE_EPOCH")
    return named or _run("git", "log", "-1", "--format=%ct", cwd=TOP).strip()


def _distributions(out: Path) -> list[Path]:
    """The wheel and the source."""
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(TOP))
    return [out / f"arlo_rec-{__version__}-py3-none-any.whl", out / f"arlo_rec-{__version__}.tar.gz"]


# -- the environment ------------------------------------------------------------------------------------


def _wheels(folder: Path, release: Release, tools: Path) -> list[Path]:
    """The wheels of the lock for that release, each checked by its hash, without what is left out."""
    download = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    download += ["--only-binary", ":all:", "--python-version", release.python]
    for platform in (*(f"manylinux_2_{number}" for number in range(GLIBC, 4, -1)), "manylinux2014"):  # the best first
        download += ["--platform", f"{platform}_x86_64"]
    _run(tools / "python", *download, "--dest", folder, "-r", TOP / "requirements" / "run.txt")
    return [path for path in sorted(folder.glob("*.whl")) if path.name.partition("-")[0] not in LEFT_OUT]


def _environment(root: Path, release: Release, wheels: Sequence[Path]) -> Path:
    """An environment of that release's Python below *root*; its folder of packages.

    A wheel is its files: an installer would add programs that name the Python of this machine, and times. Exits for a
    wheel that has more than packages and programs.
    """
    base = root / UNPACKED
    site = base / "lib" / f"python{release.python}" / "site-packages"
    (base / "bin").mkdir(parents=True)
    (base / "bin" / "python").symlink_to(f"/usr/bin/python{release.python}")
    settings = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {release.python}\n"
    (base / "pyvenv.cfg").write_text(settings)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as file:
            file.extractall(site)
    for folder in site.glob("*.data"):
        if {path.name for path in folder.iterdir()} != {"scripts"}:
            sys.exit(f"{folder.name} is for an installer")
        shutil.rmtree(folder)
    return site


# -- what lies beside it --------------------------------------------------------------------------------


def _rest(root: Path, site: Path, bill: Path) -> None:
    """The program's name, units, accounts, folders, manuals, completion, documents and licences."""
    _put(root / "usr/bin/arlo-rec", (SCRIPTS / "launcher.sh").read_text())
    for name, text in {**units.units(units.Machine()), **units.units(units.DEFAULT)}.items():
        _put(root / "usr/lib/systemd/system" / name, text.removeprefix(units.MARK))
    own = frozenset({units.DEFAULT.store.parent}) if units.DEFAULT.store else frozenset()
    accounts = units.accounts(units.DEFAULT) + units.accounts(units.Machine()).removeprefix(units.MARK)
    _put(root / "usr/lib/sysusers.d/arlo-rec.conf", accounts.removeprefix(units.MARK))
    places = units.folders(units.DEFAULT, own) + units.folders(units.Machine(), own).removeprefix(units.MARK)
    _put(root / "usr/lib/tmpfiles.d/arlo-rec.conf", places.removeprefix(units.MARK))
    for shell, path in COMPLETIONS.items():
        environment = {**os.environ, "_ARLO_REC_COMPLETE": f"source_{shell}", "PYTHONPATH": str(TOP)}
        _put(root / path, _run(sys.executable, "-m", "arlo_rec", env=environment))
    _manuals(root / "usr/share/man")
    shutil.copytree(TOP / "docs", root / DOCS / "docs", ignore=COMPILED)
    _run(sys.executable, "-m", "tools.make_docs", root / DOCS / "docs", cwd=TOP)
    shutil.copytree(TOP / "examples", root / DOCS / "examples", ignore=COMPILED)
    for name in ("README.md", "SECURITY.md"):
        shutil.copy(TOP / name, root / DOCS / name)
    shutil.copy(bill, root / DOCS / "sbom.cdx.json")
    _put(root / DOCS / "changelog.gz", _gzipped((TOP / "CHANGELOG.md").read_bytes()))
    _put(root / DOCS / "copyright", _licences(site, root / DOCS / "licences"))


def _manuals(folder: Path) -> None:
    if (TOP / "tools" / "make_man.py").exists():
        _run(sys.executable, "-m", "tools.make_man", folder, cwd=TOP)
        for page in [path for path in folder.rglob("*") if path.is_file()]:
            _put(page.with_name(f"{page.name}.gz"), _gzipped(page.read_bytes()))
            page.unlink()


def _gzipped(content: bytes) -> bytes:
    """The same, compressed; `gzip.compress` writes another head from Python 3.13 on."""
    made = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, made, mtime=0) as file:
        file.write(content)
    return made.getvalue()


def _licences(site: Path, folder: Path) -> str:
    """The text of the package's copyright file; the licences of each library go to *folder*."""
    lines = ["arlo-rec: MIT. It brings these libraries; licences/NAME holds the texts that each ships.\n\n"]
    lines.append((TOP / "LICENSE").read_text("utf-8") + "\n")
    for information in sorted(site.glob("*.dist-info")):
        told = email.message_from_string((information / "METADATA").read_text("utf-8"))
        name = str(told["Name"])
        texts = [path for path in sorted(information.rglob("*")) if path.is_file() and _is_licence(path)]
        for path in texts:
            _put(folder / name / "-".join(path.relative_to(information).parts), path.read_bytes())
        ships = "" if texts else "; its wheel ships no text, see its home page"
        lines.append(f"{name} {told['Version']}: {bill_of_materials.licence(told)}{ships}\n")
    return "".join([*lines, INSIDE])


def _is_licence(path: Path) -> bool:
    beginnings = ("licen", "copying", "notice", "author", "copyright")
    return "licenses" in path.parts[:-1] or path.name.lower().startswith(beginnings)


def _put(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


# -- the package ----------------------------------------------------------------------------------------


def _deb(base: Path, release: Release, version: str, out: Path, tools: Path) -> Path:
    """The package of everything below `root`, by nfpm."""
    root = base / "root"
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            is_program = path.is_dir() or path == root / "usr/bin/arlo-rec"
            path.chmod(0o755 if is_program else 0o644)
        os.utime(path, (int(os.environ["SOURCE_DATE_EPOCH"]),) * 2, follow_symlinks=False)
    scripts = {}
    for kind, name in (("postinstall", "postinst"), ("preremove", "prerm"), ("postremove", "postrm")):
        _put(base / name, _script(name, version))
        scripts[kind] = str(base / name)
    settings = {
        "name": "arlo-rec",
        "arch": "amd64",
        "version": version,
        "version_schema": "none",
        "section": "utils",
        "maintainer": "arlo-rec <arlo-rec@localhost>",
        "description": "keeps recordings of customer-service calls as consent and the law allow\n"
        "Takes a call in only with the caller's key press, opens it only for a purpose that the caller\n"
        "heard, erases it at once on withdrawal, and by itself after 90 days.",
        "license": "MIT",
        "depends": [
            f"python{release.python}",
            "tzdata",
            "systemd | systemd-standalone-sysusers",
            "systemd | systemd-standalone-tmpfiles",
        ],
        "suggests": ["sudo", "openssh-client"],
        "contents": [{"src": str(root), "dst": "/", "type": "tree"}],
        "scripts": scripts,
        "deb": {"compression": "zstd"},
    }
    (base / "nfpm.json").write_text(json.dumps(settings))
    deb = out / f"arlo-rec_{version}_amd64.deb"
    _run(tools / "nfpm", "package", "--config", base / "nfpm.json", "--packager", "deb", "--target", deb)
    return deb


def _script(name: str, version: str) -> str:
    """What dpkg runs of the package."""
    filled = {"VERSION": version}
    for kind, machine in (("OF_STORE", units.DEFAULT), ("OF_IT", units.Machine())):
        filled[kind] = " ".join(units.begun(units.units(machine)))
    text = (SCRIPTS / f"{name}.sh").read_text()
    for key, value in filled.items():
        text = text.replace(f"@{key}@", value)
    return text


def _run(*words: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What a program prints; ends this one where it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd, env=env)
    if done.returncode:
        sys.exit(f"{Path(words[0]).name} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
