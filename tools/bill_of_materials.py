"""The bill of materials of an environment: CycloneDX 1.6 by cyclonedx-py, with the hash of each wheel and its licence.

The tool reads what is installed. It cannot know which file that came from, nor a licence that the metadata do not name
by SPDX: these are added here, and the whole is held against the strict schema.
"""

from __future__ import annotations

import email.message
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from arlo_rec import __version__

TOP = Path(__file__).resolve().parent.parent
LICENCES = {  # as the text in each wheel says, which was read: the metadata name none, or none of SPDX
    "click-default-group": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "locate": "MIT",
    "soundfile": "BSD-3-Clause",
    "sqlcipher3": "Zlib",
    "sqlite-fts4": "Apache-2.0",
    "wordfreq": "Apache-2.0",
}
STRICTLY = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) or "") or 0)
"""


def of(site: Path, wheels: Sequence[Path], beside: Path, tools: Path) -> str:
    """The bill of the packages in *site*, as JSON. *wheels*: what they were installed from, the program's too.

    *beside* is a folder to work in; *tools* has cyclonedx-py. Exits where a wheel or a licence is not known, and where
    the schema does not allow the bill.
    """
    bill = json.loads(_written(site, beside, tools))
    digests = {_name(path.name): hashlib.sha256(path.read_bytes()).hexdigest() for path in wheels}
    program = bill["metadata"]["component"]
    program["version"] = __version__
    for part in [program, *bill["components"]]:
        name = _normal(part["name"])
        if name not in digests:
            sys.exit(f"no wheel is known of {part['name']}")
        part["hashes"] = [{"alg": "SHA-256", "content": digests[name]}]
        if name in LICENCES:
            part["licenses"] = [{"license": {"id": LICENCES[name], "acknowledgement": "concluded"}}]
        if not _is_licensed(part):
            sys.exit(f"the licence of {part['name']} is in no form of SPDX: read it, and add it to LICENCES")
    text = json.dumps(bill, indent=2, sort_keys=True) + "\n"
    _run(tools / "python", "-c", STRICTLY, stdin=text)
    return text


def licence(told: email.message.Message) -> str:
    """The licence of a library by its metadata, in SPDX where these or `LICENCES` know it."""
    known = LICENCES.get(_normal(str(told["Name"])))
    classified = [str(each).split(" :: ")[-1] for each in told.get_all("Classifier", []) if "License ::" in each]
    lines = str(told["License"] or "").partition("\n")[0]
    return known or told["License-Expression"] or ", ".join(classified) or lines or "see licences"


def _written(site: Path, beside: Path, tools: Path) -> str:
    """What cyclonedx-py says of *site*; it wants a Python, which is this one with those packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (beside / "bin").mkdir(parents=True)
    (beside / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    home = Path(os.path.realpath(sys.executable)).parent
    (beside / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\n")
    (beside / "lib" / version).mkdir(parents=True)
    (beside / "lib" / version / "site-packages").symlink_to(site)
    words = ["environment", "--output-reproducible", "--spec-version", "1.6"]
    words += ["--pyproject", TOP / "pyproject.toml", "--mc-type", "application"]
    return _run(tools / "cyclonedx-py", *words, beside / "bin" / "python")


def _is_licensed(part: dict[str, Any]) -> bool:
    """Whether every licence of a part is named as SPDX names it."""
    licences = part.get("licenses", [])
    return bool(licences) and all("expression" in each or "id" in each.get("license", {}) for each in licences)


def _name(wheel: str) -> str:
    return _normal(wheel.partition("-")[0])


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")


def _run(*words: str | Path, stdin: str = "") -> str:
    """What a program prints; ends this one where it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"{Path(words[0]).name} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
