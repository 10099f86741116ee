"""Make the packages of a release: wheel, source, a .deb for each Debian or Ubuntu, a bill of materials, checksums.

    python -m tools.make_package [--out dist] [--revision 1] [--tools .venv-tools/bin] [RELEASE ...]

A package holds an environment for its release's own Python, from the wheels of requirements/run.txt by their hashes. No
Python of that release is needed here: nothing is compiled, which the package does when it is installed. The same commit
gives the same bytes: times are SOURCE_DATE_EPOCH, else those of the commit.
"""

from __future__ import annotations

import argparse
import email
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from arlo_rec import __version__
from arlo_rec.oversight import units

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
PLATFORM = "x86_64-manylinux_2_36"  # with the oldest libc among them
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
        "--tools", type=Path, default=Path(sys.executable).parent, help="folder of uv, nfpm, cyclonedx-py"
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
            base = Path(folder) / name
            site = _environment(base / "root", RELEASES[name], made[0], asked.tools)
            bill = out / f"arlo-rec-{__version__}.cdx.json"
            _bill_of_materials(site, bill, base / "bill", asked.tools)
            _rest(base / "root", site, bill, RELEASES[name])
            made += [bill, _deb(base, RELEASES[name], out, asked)]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted({*made})]
    (out / "SHA256SUMS").write_text("".join(lines))
    print("".join(f"{path}: {path.stat().st_size:,} bytes\n" for path in sorted({*made})), end="")
    return 0


def _epoch() -> str:
    """The time of all files, in seconds: the environment's, else the commit's."""
    named = os.environ.get("SOURCE_DATE_EPOCH")
    return named or _run("git", "log", "-1", "--format=%ct", cwd=TOP).strip()


def _distributions(out: Path) -> list[Path]:
    """The wheel and the source."""
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(TOP))
    return [out / f"arlo_rec-{__version__}-py3-none-any.whl", out / f"arlo_rec-{__version__}.tar.gz"]


# -- the environment ------------------------------------------------------------------------------------


def _environment(root: Path, release: Release, wheel: Path, tools: Path) -> Path:
    """An environment of that release's Python below *root*; its folder of packages."""
    base = root / UNPACKED
    site = base / "lib" / f"python{release.python}" / "site-packages"
    (base / "bin").mkdir(parents=True)
    (base / "bin" / "python").symlink_to(f"/usr/bin/python{release.python}")
    settings = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {release.python}\n"
    (base / "pyvenv.cfg").write_text(settings)
    install = [
        tools / "uv",
        "pip",
        "install",
        "--quiet",
        "--system-certs",
        "--target",
        site,
        "--no-deps",
        "--link-mode",
        "copy",
    ]
    install += ["--python-version", release.python, "--python-platform", PLATFORM]
    lock = TOP / "requirements" / "run.txt"
    _run(*install, "--only-binary", ":all:", "--require-hashes", "-r", lock)
    with zipfile.ZipFile(wheel) as file:  # of Python alone; an installer would write the time beside it
        file.extractall(site)
    shutil.rmtree(site / "bin")  # of others' programs, for this machine's Python
    (site / ".lock").unlink(missing_ok=True)
    return site


def _bill_of_materials(site: Path, bill: Path, beside: Path, tools: Path) -> None:
    """What the environment holds, as CycloneDX; the tool wants a Python, which is this one with those packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (beside / "bin").mkdir(parents=True)
    (beside / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    home = Path(os.path.realpath(sys.executable)).parent
    (beside / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    (beside / "lib" / version).mkdir(parents=True)
    (beside / "lib" / version / "site-packages").symlink_to(site)
    words = ["environment", "--output-reproducible", "--pyproject", TOP / "pyproject.toml", "--mc-type", "application"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    _run(tools / "cyclonedx-py", *words, "--output-file", bill, beside / "bin" / "python", env=environment)


# -- what lies beside it --------------------------------------------------------------------------------


def _rest(root: Path, site: Path, bill: Path, release: Release) -> None:
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
    shutil.copytree(TOP / "docs", root / DOCS / "docs")
    shutil.copytree(TOP / "examples", root / DOCS / "examples")
    for name in ("README.md", "SECURITY.md"):
        shutil.copy(TOP / name, root / DOCS / name)
    shutil.copy(bill, root / DOCS / "sbom.cdx.json")
    _put(root / DOCS / "changelog.gz", gzip.compress((TOP / "CHANGELOG.md").read_bytes(), 9, mtime=0))
    _put(root / DOCS / "copyright", _licences(site, root / DOCS / "licences"))


def _manuals(folder: Path) -> None:
    if (TOP / "tools" / "make_man.py").exists():
        _run(sys.executable, "-m", "tools.make_man", folder, cwd=TOP)
        for page in [path for path in folder.rglob("*") if path.is_file()]:
            _put(page.with_name(f"{page.name}.gz"), gzip.compress(page.read_bytes(), 9, mtime=0))
            page.unlink()


def _licences(site: Path, folder: Path) -> str:
    """The text of the package's copyright file; the licences of each library go to *folder*."""
    lines = ["arlo-rec: MIT. It brings these libraries; licences/NAME holds the texts that each ships.\n\n"]
    lines.append((TOP / "LICENSE").read_text("utf-8") + "\n")
    for information in sorted(site.glob("*.dist-info")):
        told = email.message_from_string((information / "METADATA").read_text("utf-8"))
        name = str(told["Name"])
        licence = told["License-Expression"] or _classified(told) or (told["License"] or "").partition("\n")[0]
        texts = [path for path in sorted(information.rglob("*")) if path.is_file() and _is_licence(path)]
        for path in texts:
            _put(folder / name / "-".join(path.relative_to(information).parts), path.read_bytes())
        ships = "" if texts else "; its wheel ships no text, see its home page"
        lines.append(f"{name} {told['Version']}: {licence or 'see licences'}{ships}\n")
    return "".join([*lines, INSIDE])


def _classified(told: email.message.Message) -> str:
    names = [str(each).split(" :: ")[-1] for each in told.get_all("Classifier", []) if each.startswith("License ::")]
    return ", ".join(names)


def _is_licence(path: Path) -> bool:
    beginnings = ("licen", "copying", "notice", "author", "copyright")
    return "licenses" in path.parts[:-1] or path.name.lower().startswith(beginnings)


def _put(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


# -- the package ----------------------------------------------------------------------------------------


def _deb(base: Path, release: Release, out: Path, asked: argparse.Namespace) -> Path:
    """The package of everything below `root`, by nfpm."""
    root = base / "root"
    version = f"{__version__}-{asked.revision}~{release.suffix}"
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            is_program = path.is_dir() or path == root / "usr/bin/arlo-rec"
            path.chmod(0o755 if is_program else 0o644)
        os.utime(path, (int(os.environ["SOURCE_DATE_EPOCH"]),) * 2, follow_symlinks=False)
    scripts = {}
    for kind, name in (("postinstall", "postinst"), ("preremove", "prerm"), ("postremove", "postrm")):
        text = (SCRIPTS / f"{name}.sh").read_text().replace("@VERSION@", version)
        timers = " ".join(sorted(path.name for path in (root / "usr/lib/systemd/system").glob("*.timer")))
        _put(base / name, text.replace("@TIMERS@", timers))
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
    _run(asked.tools / "nfpm", "package", "--config", base / "nfpm.json", "--packager", "deb", "--target", deb)
    return deb


def _run(*words: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What a program prints; ends this one where it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd, env=env)
    if done.returncode:
        sys.exit(f"{Path(words[0]).name} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
