"""The house rules: what may import what, and where printing, clocks and blunt excepts may stand."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

from arlo_rec.policy import State
from tests.support import needs
from tests.support.places import TESTS, TOP
from tests.support.source import MODULES, ON_ONE_WORKER, PACKAGE, nodes, tree

pytestmark = ON_ONE_WORKER
ORDER = {  # each room imports only from itself and from those before it; and so do the packages within it
    "policy": (),
    "law": ("rules", "rights", "model", "log", "messages", "pages"),
    "sound": ("processes", "audio", "speech"),
    "vault": (
        *("crypto", "backends", "keys", "catalogue", "opened", "offsite", "upgrade", "unlock_attempts"),
        *("access", "certificates", "erasure"),
    ),
    "store": (),
    "retention": (),
    "office": (),
    "words": (),
    "exchanges": ("spool", "manifest", "deliveries", "maps", "known_spools"),
    "calls": ("intake", "training"),
    "pseudonymise": (),
    "people": ("consent", "dsar", "publishing"),
    "machine": (),
    "desk": (),
    "edge": (*("config", "tables", "progress", "terminal"), "door", "commands"),
    "engines": ("objects", "azure", "openbao", "postgres", "s3", "dask"),
    "cli": (),
    "__main__": (),
}
ALONE = {  # outside library -> our modules that may import it
    "rich": {"edge.tables", "edge.progress"},
    "typer": {"cli", "edge.commands"},
    "cryptography": {"vault.crypto.primitives", "vault.crypto.object_file", "vault.certificates.check"},
    "sqlcipher3": {"vault.backends.sqlite"},
    "sqlite_utils": {"vault.backends.sqlite"},
    "phonenumbers": {"law.model.phone_numbers"},
    "shamir_mnemonic": {"office.slip39"},
    "jinja2": {"law.pages"},
    "markupsafe": {"law.pages"},
    "markdown_it": {"people.publishing.markup"},
    "fcntl": {"vault.backends.files"},
    "soundfile": {"sound.audio"},
    "lameenc": {"sound.audio.encoding"},
    "av": {"sound.audio"},
    "numpy": {"sound.audio", "words"},
    "faster_whisper": {"words.whisper"},
    "ctranslate2": {"words.whisper"},
    "jmespath": {"exchanges.maps.paths"},
    "prometheus_client": {"machine.rendering"},
    "regex": {"exchanges.maps.fields"},
    "dask": {"engines.dask.client", "engines.dask.worker"},
    "distributed": {"engines.dask.client", "engines.dask.connection", "engines.dask.worker"},
    "obstore": {"engines"},
    "psycopg": {"engines.postgres.postgres", "engines.postgres.postgres_address"},
}
SQL = re.compile(
    r"^\s*(SELECT\b|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|INDEX)|PRAGMA\b)|"
    r"\b(FROM|WHERE)\s+\w+\s+(WHERE|=|IN)\b"
)
EDGE = ("cli", "edge", "__main__")


@cache
def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "arlo_rec"


@cache
def _imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever the import stands."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module.startswith("arlo_rec"):
                found |= {f"{node.module}.{one.name}" for one in node.names}
    return found


@cache
def _names() -> frozenset[str]:
    return frozenset(map(_name, MODULES))


@cache
def _ours(path: Path) -> set[str]:
    """The modules of ours that a file imports; a name that is taken out of a package is the package."""
    names = _names()
    found = {one.removeprefix("arlo_rec.") for one in _imports(path) if one.startswith("arlo_rec.")}
    return (found & names) - {_name(path)}


def _room(name: str) -> str:
    return name.partition(".")[0]


def _inside(name: str) -> str:
    """The package or module of its room that a module belongs to; empty for a room's own `__init__`."""
    return f"{name}.".split(".")[1]


def _arrows() -> set[tuple[str, str]]:
    """Each room with each that it imports from."""
    return {
        (_room(_name(path)), _room(other))
        for path in MODULES
        for other in _ours(path)
        if _room(_name(path)) != "arlo_rec"
    }


def test_a_room_imports_only_from_itself_and_from_those_below_it() -> None:
    rooms = list(ORDER)
    for path in MODULES:
        here = _room(_name(path))
        below = {*rooms[: rooms.index(here)], here} if here != "arlo_rec" else set()
        assert {_room(one) for one in _ours(path)} <= below, _name(path)


def test_a_package_imports_only_from_itself_and_from_those_before_it_in_its_room() -> None:
    for path in MODULES:
        name = _name(path)
        if order := ORDER.get(_room(name), ()):
            beside = {_inside(one) for one in _ours(path) if _room(one) == _room(name)}
            here = _inside(name)
            assert beside - {""} <= ({*order[: order.index(here)], here} if here else set()), name


def test_the_order_names_every_room_and_all_that_stands_in_it() -> None:
    rooms = {_room(_name(one)) for one in MODULES} - {"arlo_rec"}
    assert rooms == set(ORDER)
    for room, order in ORDER.items():
        inside = {_inside(_name(one)) for one in MODULES if _room(_name(one)) == room} - {""}
        assert not order or (inside == set(order) and len(inside) == len(order)), room


def test_every_room_has_a_page_that_says_what_stands_in_it_and_where_to_begin() -> None:
    for room, order in ORDER.items():
        if (PACKAGE / room).is_dir():
            page = (PACKAGE / room / "README.md").read_text("utf-8")
            assert page.startswith(f"# `{room}`: ") and "**May touch**" in page and "**Begin** with" in page, room
            assert page.count("\n") <= 45, room
            named = {word for each in re.findall(r"`([\w/.]+)`", page) for word in each.split("/")}
            assert room == "engines" or set(order) <= named, room
            begun = page.rpartition("**Begin** with")[2].split(".\n")[0]
            for place in re.findall(r"`([\w/]+\.py)`", begun):
                assert any((folder / place).exists() for folder in (PACKAGE / room, PACKAGE.parent, PACKAGE)), place


PORTS = {"words": "sound.speech", "engines": "vault.backends.elsewhere"}  # a room that no other imports -> its port


def test_words_and_engines_are_reached_by_their_ports_alone() -> None:
    for path in MODULES:
        assert not {_room(one) for one in _ours(path)} & set(PORTS) - {_room(_name(path))}, _name(path)


ARROWS = 72  # from room to room; only falls


def test_the_rooms_know_no_more_of_each_other_than_before() -> None:
    arrows = {(one, other) for one, other in _arrows() if one != other}
    assert len(arrows) <= ARROWS, sorted(arrows)


def test_no_module_is_imported_by_what_it_imports() -> None:
    imports = {_name(one): _ours(one) for one in MODULES}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for other in sorted(imports[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in imports:
        visit(name, ())


def _keeps_rows(path: Path) -> bool:
    return _name(path).startswith(("vault.catalogue", "vault.backends", "engines.postgres"))


def test_sql_stands_in_the_catalogue_and_the_backends_alone() -> None:
    for path in MODULES:
        for node in nodes(path) if not _keeps_rows(path) else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not SQL.search(node.value), f"{_name(path)}: {node.value}"


def test_the_catalogue_writes_states_of_recordings_by_their_names_in_the_policy() -> None:
    states = "|".join(state.value for state in State)
    for path in (PACKAGE / "vault" / "catalogue").glob("*.py"):
        text = path.read_text("utf-8") if path.name != "schema.py" else ""
        assert not re.search(rf"state\s*(=|<>|IN)\s*\(?'({states})'", text), path.name


def test_what_reads_rows_turns_what_cannot_be_read_into_damage() -> None:
    bare = set()
    for path in (PACKAGE / "vault" / "catalogue").glob("*.py"):
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef):
                calls = {ast.unparse(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
                reads = calls & {"self._db.rows", "connection.rows"}
                if reads and "reads_rows" not in map(ast.unparse, node.decorator_list):
                    bare.add(f"{path.stem}.{node.name}")
    assert not bare


def test_an_outside_library_is_imported_in_one_place() -> None:
    for path in MODULES:
        name, imported = _name(path), {one.partition(".")[0] for one in _imports(path)}
        for outside in imported & set(ALONE):
            places = ALONE[outside]
            allowed = name in places or any(name.startswith(place + ".") for place in places)
            assert allowed, f"{name} imports {outside}"


OUTSIDE = {  # what belongs to the machine
    *("datetime.now", "os.environ", "sys.stdin", "sys.stdout", "sys.stderr", "time.time", "print", "input", "exit"),
}


SCRIPTS = {"vault.certificates.check"}  # handed out to be run by itself: its `main` may print, and nothing else in it


def _in_main(path: Path) -> set[ast.AST]:
    """What stands in the `main` of a script."""
    mains = (node for node in nodes(path) if isinstance(node, ast.FunctionDef) and node.name == "main")
    return {each for main in mains for each in ast.walk(main)} if _name(path) in SCRIPTS else set()


def test_only_the_edge_reads_clock_environment_and_terminal() -> None:
    for path in MODULES:
        for node in set(nodes(path)) - _in_main(path) if _room(_name(path)) not in EDGE else ():
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert f"{node.value.id}.{node.attr}" not in OUTSIDE, f"{_name(path)}: {node.attr}"
            if isinstance(node, ast.Name):
                assert node.id not in OUTSIDE, f"{_name(path)}: {node.id}"


OPENS = re.compile(  # what opens, makes, removes or renames a file by its path alone
    r"^(open|os\.(open|unlink|remove|rename|replace|mkdir|makedirs|rmdir|listdir|scandir|chmod|chown|link|symlink|truncate)|"
    r"shutil\.\w+|.*\.(read_bytes|read_text|write_bytes|write_text|touch|mkdir|rmdir|unlink|rename|chmod|iterdir|glob|"
    r"rglob|symlink_to|hardlink_to))$"
)
IN_SHARED_FOLDERS = (  # what opens files of the store, its root, a backup, a ring, the feed, or a spool
    *("vault.", "store", "retention", "office.", "exchanges.", "calls.intake.", "machine."),
    *(
        "engines.azure",
        "engines.objects",
        "engines.openbao",
        "engines.postgres",
        "engines.s3",
        "sound.processes.workers",
    ),
)
OPEN_ELSEWHERE = {  # module -> what it may call, and why that is no file in a shared folder, or needs no more
    "vault.backends.shared_folder": {"os.open", "os.listdir", "os.unlink", "os.mkdir", "shutil.rmtree"},  # the one way
    "vault.backends.holders": {"Path('/proc').glob"},  # the kernel's
    "vault.backends.bounded_read": {"os.open"},  # files that somebody named on the command line
    "vault.backends.durable": {"os.open", "os.rename", "part.rename"},  # asked for
    "vault.backends.named_files": {  # files that somebody named, on that person's own machine
        *("os.open", "os.link", "os.listdir", "os.scandir", "part.chmod", "part.rename", "part.mkdir", "path.chmod"),
        *("part.unlink", "path.unlink", "self._path.unlink", "self._part.unlink", "shutil.rmtree"),
        *("file.parent.mkdir", "part.write_bytes"),  # of the account's own memory
    },
    "vault.backends.files": {"os.unlink"},  # by handle
    "vault.backends.sqlite": {"shutil.copyfile"},  # to a folder of this process alone
    "vault.backends.machine": {"Path(path).read_text"},  # the kernel's own
    "vault.backends.mounts": {"file.read_text"},  # the kernel's own, and root's
    "machine.object_copy": {"os.unlink", "os.rename"},  # by the handle of the folder
    "vault.backends.feedfile": {"os.link", "os.rename", "os.unlink"},  # by the handle of the folder
    "vault.keys.layout": {"folder.parent.mkdir", "folder.iterdir"},  # before there is a store
    "vault.certificates.check": {"os.open"},  # a file that somebody named to the script
    "vault.erasure.receipts": {"(PAGE / 'receipt.css').read_text"},  # a file of the program
    "exchanges.maps.read": {"SHIPPED.glob", "(SHIPPED / f'{name}.toml').read_text"},  # files of the program
    "machine.restore": {"shutil.rmtree", "claim.unlink", "(folder / UNFINISHED).unlink"},  # right below what was named
    "machine.backup_places": {"place.iterdir"},  # a folder that was named
    "exchanges.spool": {"os.open", "os.scandir", "os.unlink"},  # by handle: its own way, for spools
}  # fmt: skip


def test_files_in_shared_folders_are_opened_in_one_way_and_nothing_is_excused_that_is_not_done() -> None:
    for path in MODULES:
        if _name(path).startswith(IN_SHARED_FOLDERS):
            calls = {ast.unparse(node.func) for node in nodes(path) if isinstance(node, ast.Call)}
            opening = {call for call in calls if OPENS.match(call) and not call.startswith("shared_folder.")}
            assert opening == OPEN_ELSEWHERE.get(_name(path), set()), _name(path)


TOPS = {  # each of one process
    *("cli", "sound.audio.decoder", "sound.processes.workers", "words.whisper")
}


def test_only_the_top_catches_everything() -> None:
    for path in MODULES:
        for node in nodes(path) if _name(path) not in TOPS else ():
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                blunt = caught in {"everything", "Exception", "BaseException"}
                again = any(isinstance(one, ast.Raise) and one.exc is None for one in ast.walk(node))
                assert again or not blunt, f"{_name(path)}, line {node.lineno}"


def test_every_module_says_what_it_is_for() -> None:
    for path in MODULES:
        assert not tree(path).body or ast.get_docstring(tree(path)), _name(path)


def test_a_module_is_short_enough_to_be_read() -> None:
    data = {"law.rules", "law.log.events"}  # tables: sentences, rules, kinds of events
    longest = dict.fromkeys(SCRIPTS, 640)  # what is handed out by itself is one file
    for path in MODULES:
        lines = path.read_text("utf-8").count("\n")
        assert lines <= longest.get(_name(path), 500) or _name(path) in data, f"{_name(path)}: {lines} lines"


def test_a_function_is_short_enough_to_be_read() -> None:
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef):
                docstring = ast.get_docstring(node, clean=False) or ""
                lines = (node.end_lineno or 0) - node.lineno + 1 - docstring.count("\n")
                assert lines <= 45, f"{_name(path)}.{node.name}: {lines} lines"


def test_a_class_has_at_most_15_public_methods() -> None:
    wide = [
        f"{_name(path)}.{node.name}: {count}"
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.ClassDef)
        if (count := sum(isinstance(one, ast.FunctionDef) and one.name[0] != "_" for one in node.body)) > 15
    ]
    assert not wide


def test_a_function_has_at_most_8_parameters_and_a_command_takes_its_options() -> None:
    many = list[str]()
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef):
                taken = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                if len(taken) - (taken[:1] == ["self"]) > 8 and taken[0] != "ctx":
                    many.append(f"{_name(path)}.{node.name}: {len(taken)}")
    assert not many


def test_a_command_demands_no_right_and_asks_for_no_role() -> None:
    for path in (PACKAGE / "edge" / "commands").glob("*.py"):
        for node in nodes(path):
            if isinstance(node, ast.Attribute):
                assert node.attr != "demand" and ast.unparse(node.value) != "Role", f"{path.name}, line {node.lineno}"


# -- files --------------------------------------------------------------------------------------------


TOP_LEVEL = {  # what lies at the top of the repository, and nothing else
    *(".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "README.nb.md", "SECURITY.md"),
    *("arlo_rec", "bench", "dev", "docs", "examples", "pyproject.toml", "requirements", "tests", "tools"),
}
TEXTS = {  # endings of files that people read and write
    *(
        "cfg",
        "conf",
        "css",
        "csv",
        "hcl",
        "j2",
        "js",
        "json",
        "jsonl",
        "md",
        "py",
        "service",
        "sh",
        "sql",
        "srt",
        "svg",
    ),
    *("toml", "txt", "vtt", "xml", "yaml", "yml"),
}
BINARIES = {  # ending -> the folders where such files lie
    "bin": {"arlo_rec/words/detectors"},
    "gz": {"arlo_rec/words/detectors"},
    "wav": {"arlo_rec/demo_calls", "tests/calls/given", "tests/calls/made"},
    "xz": {"tests/fixtures/formats", "tests/stores"},
}
EXAMPLES = ("examples/authorized_keys", "examples/crontab", "examples/ssh_config", "examples/sudoers")
WITHOUT_ENDING = {".ci/run", ".gitignore", "LICENSE", "dev", *EXAMPLES}
EXECUTABLE = {".ci/run", "dev", "examples/openbao/setup.sh"}
LINKS = {"examples/particulars.toml"}


def _tracked() -> dict[str, str]:
    """Every file that git tracks, with its mode."""
    needs.demand(needs.clone())
    words = ["git", "-c", "safe.directory=*", "ls-files", "-s", "-z"]  # also of another account's clone
    told = subprocess.run(words, cwd=TOP, capture_output=True, text=True, check=True).stdout
    rows = (row.split("\t") for row in told.rstrip("\0").split("\0"))
    return {path: about.split(" ")[0] for about, path in rows}


def test_the_repository_holds_what_is_named_here_and_no_other_kind_of_file() -> None:
    tracked = _tracked()
    assert {path.partition("/")[0] for path in tracked} == TOP_LEVEL
    for path, mode in tracked.items():
        assert mode == ("120000" if path in LINKS else "100755" if path in EXECUTABLE else "100644"), path
        ending = Path(path).suffix[1:]
        if ending in BINARIES:
            assert any(path.startswith(f"{folder}/") for folder in BINARIES[ending]), path
        else:
            assert ending in TEXTS or path in WITHOUT_ENDING, path
            assert b"\0" not in (TOP / path).read_bytes(), f"{path} is no text"


# -- tests --------------------------------------------------------------------------------------------


def test_no_test_file_imports_another() -> None:
    statement = re.compile(r"^\s*(?:from|import) .*\b(test_\w+)", re.MULTILINE)
    tests = {path.stem for path in TESTS.rglob("test_*.py")}
    for path in TESTS.rglob("*.py"):
        assert not set(statement.findall(path.read_text("utf-8"))) & tests, path.name


def test_a_test_file_lies_in_the_folder_of_what_it_tests() -> None:
    folders = {str(one.parent.relative_to(PACKAGE)) for one in PACKAGE.rglob("__init__.py")} | {
        "whole",
        "attack",
        "telephony",
    }
    assert {str(path.parent.relative_to(TESTS)) for path in TESTS.rglob("test_*.py")} <= folders
    names = [path.name for path in TESTS.rglob("test_*.py")]
    assert len(names) == len(set(names))
