"""The house rules: which room may import which, and where printing, clocks and blunt excepts may stand."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "arlo_rec"
LOW = {
    "errors": set(),
    "rules": set(),
    "policy": {"rules"},
    "consent": {"policy"},
    "prompts": {"consent", "policy"},
    "texts": set(),
    "letter_texts": set(),
    "records": {"policy"},
    "callers": {"errors", "records"},
    "times": {"errors", "policy"},
    "deadline": set(),
    "jsontext": set(),
    "smallfile": set(),
    "crypto": set(),
    "audio": {"errors"},
    "cutlist": {"errors", "jsontext"},
    "speech": {"audio", "cutlist", "errors", "jsontext"},
    "audit": {"crypto", "errors"},
    "root": {"backends", "crypto", "errors"},
    "objects": {"consent", "crypto", "errors", "records"},
    "people": {"consent", "crypto", "errors", "jsontext", "policy", "records"},
    "catalogue": {"backends", "policy", "records"},
    "keytree": {"backends", "crypto", "errors", "records", "root"},
    "answer": set(),
}
USE_CASES = {
    "access",
    "backup",
    "dsar",
    "grants",
    "ingest",
    "logview",
    "oversight",
    "persons",
    "restore",
    "retention",
    "verification",
    "withdrawal",
}
ALONE = {  # outside module -> our modules that may import it
    "rich": {"render"},
    "typer": {"cli", "commands"},
    "cryptography": {"crypto"},
    "sqlcipher3": {"backends.sqlite"},
    "sqlite_utils": {"backends.sqlite", "schema"},
    "phonenumbers": {"callers"},
    "shamir_mnemonic": {"shares"},
    "fcntl": {"backends.files"},
    "soundfile": {"audio"},
    "av": {"audio"},
    "numpy": {"audio", "speech"},
    "faster_whisper": {"speech.whisper"},
    "ctranslate2": {"speech.whisper"},
    "onnxruntime": {"speech.labelling"},
    "tokenizers": {"speech.labelling"},
}
EDGE = {"cli", "render", "config", "demo", "__main__"}
MODULES = sorted(PACKAGE.rglob("*.py"))


PACKAGES = ("audio", "speech")  # a package is one room


def _room(name: str) -> str:
    return name.partition(".")[0] if name.startswith(PACKAGES) else name


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "arlo_rec"


def _imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module.startswith("arlo_rec"):
                found |= {f"{node.module}.{one.name}" for one in node.names}
    return found


def _ours(path: Path) -> set[str]:
    names = {_name(one) for one in MODULES}
    return {one.removeprefix("arlo_rec.") for one in _imports(path)} & (names - {"arlo_rec"})


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_low_room_imports_only_what_lies_below_it(path: Path) -> None:
    name = _name(path)
    room = _room(name)
    if room in LOW:
        assert {_room(one) for one in _ours(path)} - {room} <= LOW[room]


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_use_cases_do_not_import_each_other(path: Path) -> None:
    if _name(path) in USE_CASES:
        assert not _ours(path) & (USE_CASES - {_name(path)})


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_nothing_below_the_edge_knows_the_edge(path: Path) -> None:
    name = _name(path)
    if name in EDGE or name.startswith("commands"):
        return
    assert not {one for one in _ours(path) if one in EDGE or one.startswith("commands")}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_an_outside_library_has_one_room(path: Path) -> None:
    name = _name(path)
    for outside, rooms in ALONE.items():
        uses = any(one == outside or one.startswith(outside + ".") for one in _imports(path))
        allowed = name in rooms or any(name.startswith(room + ".") for room in rooms)
        assert allowed or not uses, f"{name} imports {outside}"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_the_edge_reads_clock_environment_and_terminal(path: Path) -> None:
    name = _name(path)
    if name in EDGE or name.startswith("commands"):
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute):
            told = ast.unparse(node)
            assert told not in {"datetime.now", "os.environ", "sys.stdin", "sys.stdout", "sys.stderr", "time.time"}, (
                told
            )
        if isinstance(node, ast.Name):
            assert node.id not in {"print", "input", "exit"}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_the_top_catches_everything(path: Path) -> None:
    if _name(path) in {
        "cli",
        "audio.decoder",
        "speech.whisper",
        "speech.labelling",
    }:  # the last three are tops of processes of their own
        return
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            blunt = caught in {"everything", "Exception", "BaseException"}
            assert not blunt or any(isinstance(one, ast.Raise) and one.exc is None for one in ast.walk(node))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_every_room_says_what_it_is_for(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text))


def test_a_module_is_short_enough_to_be_read() -> None:
    data = {"texts", "letter_texts", "rules"}
    for path in MODULES:
        lines = path.read_text("utf-8").count("\n")
        assert lines <= 400 or _name(path) in data, f"{_name(path)}: {lines} lines"


def test_a_function_is_short_enough_to_be_read() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                docstring = ast.get_docstring(node, clean=False) or ""
                lines = (node.end_lineno or 0) - node.lineno + 1 - docstring.count("\n")
                assert lines <= 45, f"{_name(path)}.{node.name}: {lines} lines"
