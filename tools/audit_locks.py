"""Ask the registry's advisory service whether a version in the locks has a known weakness. `./dev audit` runs it.

Exit 0 where none is known, and also where nobody answered, which is said; 1 where one is known.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent
AUDIT = (
    *(sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"),
    *("--progress-spinner=off", "--format=json"),
)


def judged(report: Any) -> tuple[int, list[str]]:
    """The exit status that a report of pip-audit deserves, and what to say; what it did not find is not audited."""
    every = {(package["name"], package.get("version")) for package in report["dependencies"]}
    asked = [package for package in report["dependencies"] if "vulns" in package]
    audited = {(package["name"], package["version"]) for package in asked}
    weak = {
        f"{package['name']} {package['version']}: {weakness['id']}, mended in {_versions(weakness)}"
        for package in asked
        for weakness in package["vulns"]
    }
    if weak:
        return 1, [*sorted(weak), "a known weakness: ./dev update NAME takes a newer version into the locks"]
    if not audited:
        return 0, [f"NOT audited: the advisory service knows none of {len(every)} packages here"]
    unknown = f"; NOT audited: {len(every) - len(audited)}" if len(audited) < len(every) else ""
    return 0, [f"no known weakness in {len(audited)} packages{unknown}"]


def _versions(weakness: Any) -> str:
    """The versions that no longer have a weakness."""
    return ", ".join(weakness["fix_versions"]) or "none yet"


def main() -> int:
    """Print which weaknesses are known."""
    locks = [word for path in sorted((TOP / "requirements").glob("*.txt")) for word in ("--requirement", str(path))]
    try:
        done = subprocess.run([*AUDIT, *locks], capture_output=True, text=True, check=False, timeout=300)
        report = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        said = done.stderr.strip().splitlines() if isinstance(error, ValueError) else []
        print(f"NOT audited: the advisory service did not answer ({said[-1] if said else 'five minutes passed'})")
        return 0
    status, lines = judged(report)
    print(*lines, sep="\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
