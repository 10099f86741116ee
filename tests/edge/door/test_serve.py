"""The serving end against a front that does what it likes: the store stays whole, and nothing else is touched."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from select import PIPE_BUF
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.edge.commands import COMMANDS
from arlo_rec.edge.commands.command import load
from arlo_rec.edge.commands.typed import OWNERS
from arlo_rec.edge.door import frames, remote, serve
from arlo_rec.edge.door.calls import Door, ServersLink
from arlo_rec.edge.door.client import Guest
from arlo_rec.edge.door.frames import GREETING, LONGEST, MOST, WINDOW, Broken, Frame, Link, of_channel, packed, unpacked
from arlo_rec.edge.door.remote import RemoteClient
from arlo_rec.edge.door.serve import _order, streams
from arlo_rec.edge.door.words import HERE
from arlo_rec.law.messages import say
from arlo_rec.law.model.errors import ArloError
from arlo_rec.vault.backends.named_files import NamedFile
from arlo_rec.vault.crypto.kernel_keyring import NoOwnSession
from tests.support import world as worlds
from tests.support.door import call, frame
from tests.support.properties import examples
from tests.support.serving import PATIENCE, SECRET, Ended, Serving, order, ordered, polite, serving
from tests.support.world import REASON, World, assert_no_bug

LOOK = ("--purpose", "quality", "--reason", REASON)
CUT = {2, 130}  # the status where a front leaves in its order, and behind it


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory, template: World) -> World:
    """A store with a recording that a manager may hear; never change what it holds."""
    world = worlds.copy(template, tmp_path_factory.mktemp("stocked"))
    world.grant()
    world.take_in("one")
    return world


def recording(world: World) -> str:
    return str(world.json("find", *LOOK, who="leif")["recordings"][0]["id"])


def exchange(world: World, raw: bytes, *, person: str = "sigrid", cut: int | None = None, both: bool = False) -> Ended:
    """Send an order and answer everything, until so many bytes were sent."""
    with serving(world, person=person) as end:
        end.cut, end.cuts_both = cut, both
        end.say(raw)
        return end.answer()


def assert_no_traceback(ended: Ended) -> None:
    assert "Traceback" not in ended.said + ended.err.decode("utf-8", "replace"), ended


def assert_whole(world: World, ended: Ended) -> None:
    """The process ended in a sentence, and left a whole store that is free."""
    assert_no_traceback(ended)
    assert_no_bug(world)
    with serving(world) as end:  # it waits for no lock
        end.say(ordered("verify", "--read-data", "--json", "--as", "sigrid"))
        checked = end.answer()
    assert checked.status == 0, checked


# -- a front that leaves --------------------------------------------------------------------------------

EXCHANGES = {
    "todo": ("sigrid", ("todo",)),
    "find": ("leif", ("find", *LOOK)),
    "export": ("leif", ("export", "ID", *LOOK, "--out", "mine")),
    "withdraw": ("siri", ("withdraw", "90000001", "--yes")),
}


def typed(world: World, name: str) -> tuple[str, bytes]:
    """Who gives that order, and its bytes."""
    who, words = EXCHANGES[name]
    ids = [recording(world)] if "ID" in words else []
    return who, ordered(*(ids[0] if word == "ID" else word for word in words), "--as", who)


@pytest.mark.slow
def test_an_order_that_stops_within_is_no_order(stocked: World) -> None:
    raw = ordered("todo", "--as", "sigrid")
    for cut in range(len(raw)):
        with pytest.raises(Broken):
            link = Link(io.BytesIO(raw[:cut]), io.BytesIO(), is_front=False)
            link.demand_greeting()
            _order(link)
    for cut in (0, 5, len(GREETING), len(GREETING) + 3, len(raw) - 1):
        ended = exchange(stocked, raw, cut=cut)
        assert (ended.status, ended.said, ended.calls) == (2, "", ()), cut
        assert not ended.is_dumpable
    assert_whole(stocked, ended)


def test_a_front_that_leaves_behind_its_order_ends_the_command(stocked: World) -> None:
    for leave in [Serving.hush, Serving.leave] * 5:
        with serving(stocked) as end:
            end.say(ordered("todo", "--as", "sigrid"))
            leave(end)
            ended = end.answer()
        assert ended.status in {2, 130}, ended
        assert_no_traceback(ended)
    assert_whole(stocked, ended)


def assert_whole_after(stocked: World, name: str, base: Path, cuts: Iterable[int]) -> None:
    """Cut an exchange at each of these bytes, each on a copy of the store."""
    who, raw = typed(stocked, name)
    for cut in cuts:
        world = worlds.copy(stocked, base / f"{name} {cut}")
        ended = exchange(world, raw, person=who, cut=cut, both=bool(cut % 2))
        assert ended.status in CUT or "write_state" in ended.calls, (cut, ended)  # which is behind the command
        assert_whole(world, ended)
        held = len([path for path in (world.store / "objects").rglob("*") if path.is_file()])
        again = world.json("withdraw", "90000001", "--yes", who="sigrid")
        assert again["erased"] == held, cut
        assert world.json("verify", who="iver")["problems"] == []
        shutil.rmtree(world.base)


def cuts_of(stocked: World, name: str, base: Path) -> range:
    """Every byte behind the order at which that exchange can be cut."""
    who, raw = typed(stocked, name)
    told = exchange(worlds.copy(stocked, base / "uncut"), raw, person=who).told
    return range(len(raw), told)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXCHANGES)
def test_a_front_that_leaves_within_an_exchange_leaves_a_whole_store(stocked: World, tmp_path: Path, name: str) -> None:
    cuts = cuts_of(stocked, name, tmp_path)
    assert_whole_after(stocked, name, tmp_path, [cuts[0], cuts[len(cuts) // 2], cuts[-1]])


@pytest.mark.slow
@pytest.mark.parametrize("name", EXCHANGES)
def test_a_front_that_leaves_at_any_byte_leaves_a_whole_store(
    stocked: World, tmp_path: Path, name: str, whole: bool
) -> None:
    cuts = cuts_of(stocked, name, tmp_path)
    assert_whole_after(stocked, name, tmp_path, cuts if whole else random.Random(name).sample(cuts, 10))


@pytest.mark.slow
def test_a_front_that_takes_nothing_is_gone_after_a_while(
    stocked: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "SEND_WAIT", 0.5)
    world = worlds.copy(stocked, tmp_path)
    (long,) = world.take_in("long", seconds=120, caller="+4790000002")
    with serving(world, person="leif") as end:
        end.say(ordered("export", long, *LOOK, "--out", "mine", "--as", "leif"))
        end.answer_until("begin")  # and reads nothing of the sound
        ended = end.ended()
    assert ended.status == 130, ended
    assert_whole(world, ended)


@pytest.mark.slow
def test_a_pipe_that_is_full_is_waited_for_and_then_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "SEND_WAIT", 0.3)
    inwards, outwards = os.pipe()
    link = Link(io.BytesIO(), serve._Outwards(outwards), is_front=False)
    begun = time.monotonic()
    with pytest.raises(Broken):
        for _ in range(100):
            link.send(frames.STDERR, b"x" * 10_000)
    assert 0.25 < time.monotonic() - begun < 5
    os.read(inwards, 2 * PIPE_BUF)
    with pytest.raises(Broken):
        link.send(frames.STDERR, b"x")  # of which nothing could be read, behind half a frame
    for number in (inwards, outwards):
        os.close(number)


@pytest.mark.slow
def test_a_front_that_orders_nothing_is_not_waited_for(stocked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "ORDER_WAIT", 1)
    for raw in (b"", GREETING, ordered("todo")[:-1]):
        with serving(stocked) as end:
            end.say(raw)
            begun = time.monotonic()
            done = os.waitpid(end.pid, 0)[1]
            end.pid = 0
        assert (os.waitstatus_to_exitcode(done), time.monotonic() - begun < 10) == (-signal.SIGALRM, True)


@pytest.mark.slow
def test_what_an_account_remembers_is_told_when_the_command_is_over(stocked: World, tmp_path: Path) -> None:
    world = worlds.copy(stocked, tmp_path)
    who, raw = typed(world, "withdraw")
    calls = exchange(world, raw, person=who).calls
    assert calls[-1] == "write_state" and calls.index("write_state") > calls.index("stdout"), calls


# -- orders that are none -------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
FIELDS = sorted(order())
NO_FIELDS: dict[str, list[object]] = {
    "words": [None, "todo", [1], [["todo"]], {"0": "todo"}, ["a\0"], ["\ud800"], ["x"] * 4097, ["x" * 8193]],
    "personal": [None, [], "as", {"as": 1}, {"as": None}, {"as": "a\0"}, {"as": "\ud800"}],
    "terminals": [None, [], [True] * 2, [True] * 4, "abc", 3],
    "encodings": [
        *(
            None,
            [],
            [["utf-8", "strict"]] * 2,
            [["utf-8"]] * 3,
            [["utf-8", "strict", ""]] * 3,
            [[1, 2]] * 3,
            ["ab"] * 3,
        ),
        *([[name, "strict"]] * 3 for name in ("", "rot13", "hex", "zlib", "undefined", "idna", "x" * 10**5, "\ud800")),
        *([["utf-8", name]] * 3 for name in ("", "no handler", "\ud800", "a\0")),
    ],
    "term": [None, 1, "a\0", "\ud800"],
    "no_color": [None, True, "\ud800"],
    "columns": [None, 80, "", "-1", "1e3", "12345", "٣", "80\n"],
    "lines": [None, 40, "", "-1", "12345", "4 0"],
    "lang": [None, 1, "\ud800", ["nb"]],
}


def read(raw: bytes) -> dict[str, Any]:
    """An order as the serving end reads it."""
    return _order(Link(io.BytesIO(raw), io.BytesIO(), is_front=False))


@pytest.mark.parametrize("name", NO_FIELDS)
def test_an_order_with_a_value_of_another_kind_is_none(name: str) -> None:
    for wrong in NO_FIELDS[name]:
        with pytest.raises(Broken):
            read(frame(b"o", packed(order("todo", **{name: wrong}))))
            pytest.fail(repr(wrong)[:100])
    lacking = order("todo")
    del lacking[name]
    with pytest.raises(Broken):
        read(frame(b"o", packed(lacking)))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\0\0", b"\0\0\0\x09{}", b"\xff\xff\xff\xff{}", b"\0\0\0\x02[]", b"\0\0\0\x02\xff\xfe",
        b"\0\x0f\x42\x40" + b"[" * 10**6, b"\0\x0f\x42\x40" + b'{"a":' * 200000, b"\0\0\x20\0" + b"9" * 8192,
    ],
)  # fmt: skip
def test_a_body_that_is_no_document_is_no_order(body: bytes) -> None:
    with pytest.raises(Broken):
        read(frame(b"o", body))


@examples(300)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON, min_size=1), st.binary(max_size=20))
def test_any_order_is_read_or_refused(changes: dict[str, Any], more: bytes) -> None:
    try:
        told = read(frame(b"o", packed(order("todo", **changes), more)))
    except Broken:
        return
    for text in (*told["words"], *told["personal"].values(), told["term"], told["lang"], told["no_color"]):
        os.fsencode(text)
    door: Any = None
    for stream, text in zip(streams(door, told), ("", "é\udce9", "é"), strict=True):
        assert stream.errors is not None
        stream.detach()
        text.encode(stream.encoding, "replace")


# -- what another store, or its owner, would be asked for ------------------------------------------------

ELSEWHERE = [
    ["todo", "--store", "STORE"], ["todo", "--store=STORE"], ["--store", "STORE", "todo"],
    ["todo", "--config", "STORE"], ["todo", "--config=STORE"], ["todo", "--via", "sh"], ["todo", "--via=sh"],
    ["todo", "--store"],
    ["find", "--reason", "--store", "STORE"], ["todo", "--", "--store", "STORE"],
]  # fmt: skip
ABBREVIATED = [
    ["todo", "--stor", "STORE"],
    ["todo", "--conf=STORE"],
    ["todo", "-s", "STORE"],
    ["todo", "--Store", "STORE"],
]
OF_OWNERS = {
    "init": ["--officer", "mallory"],
    "catalogue move": ["--to", "postgres://mallory@%2FSTORE/arlo?sslrootcert=STORE/ca"],
    "objects move": ["--to", "s3://mallory/store"],
    "backup": ["STORE/b", "--escrow", "STORE/e"],
    "drill": ["STORE/b", "--escrow", "STORE/e"],
    "restore": ["STORE/b"],
    "demo": ["--dir", "STORE/d"],
    "serve": ["--person", "leif"],
    "certificate verify": ["STORE/c", "--accesses", "STORE/a"],
    "policy lint-prompt": ["STORE/p"],
    "install-units": ["--spool", "STORE/s", "--dry-run"],
    "map list": [],
    "map show": ["freepbx"],
    "map check": ["STORE/m.toml"],
    "recovery join": ["STORE/s"],
    "worker": ["tls://127.0.0.1:9"],
}
OF_ITS_MACHINE = [
    ["status", "--root", "STORE"],
    ["ingest", "STORE/x.csv", "--map", "freepbx", "--explain", "1"],
    ["pseudonymise", "--bench", "STORE"], ["pseudonymise", "ID", "--model", "STORE"],
    ["pseudonymise", "ID", "--model", "STORE"], ["audit", "witness", "--witness-key", "STORE/k", "--new", "it"],
]  # fmt: skip


def at(folder: Path, words: list[str]) -> list[str]:
    return [word.replace("STORE", str(folder)) for word in words]


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder of the store's machine, in which the account can read and write."""
    folder = tmp_path / "private"
    folder.mkdir()
    return folder


def refused(world: World, private: Path, words: list[str], *statuses: int, **changes: Any) -> Ended:
    """An order that touches nothing, and leaves nothing."""
    before = sorted(world.base.iterdir())
    with serving(world, watched=private) as end:
        end.say(ordered(*at(private, words), **changes))
        ended = end.answer()
    assert ended.status in (statuses or {2}), (words, ended)
    assert (ended.touched, "Traceback" in ended.said + ended.err.decode()) == ([], False), ended
    assert list(private.iterdir()) == [] and sorted(world.base.iterdir()) == sorted({*before, world.base / "notes"})
    return ended


@pytest.mark.slow
@pytest.mark.parametrize("words", ELSEWHERE, ids=" ".join)
def test_an_order_that_names_a_store_a_config_or_a_door_is_none(
    stocked: World, private: Path, words: list[str]
) -> None:
    ended = refused(stocked, private, words)
    assert (ended.calls, ended.out, ended.err) == ((), b"", b"")


@pytest.mark.slow
@pytest.mark.parametrize("words", ABBREVIATED, ids=" ".join)
def test_no_option_is_understood_from_its_beginning(stocked: World, private: Path, words: list[str]) -> None:
    assert b"arlo-rec: " in refused(stocked, private, words).err


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OWNERS | HERE))
def test_what_the_account_of_the_store_does_or_needs_no_store_is_not_done_through_the_door(
    stocked: World, private: Path, name: str
) -> None:
    words = [*name.split(), *OF_OWNERS[name]]
    ended = refused(stocked, private, [*words, "--json"], 13)
    assert json.loads(ended.out)["error"]["code"] == "not_through_door"
    assert ended.calls == ("stdout",)
    first, *others = words
    for changed in ([first[:-1], *others], ["--json", *words], [first, "--json", *others], [first.upper(), *others]):
        refused(stocked, private, changed, 2, 13)


@pytest.mark.slow
@pytest.mark.parametrize("words", OF_ITS_MACHINE, ids=" ".join)
def test_folders_of_the_stores_machine_are_not_named_through_the_door(
    stocked: World, private: Path, words: list[str]
) -> None:
    ended = refused(stocked, private, [*words, "--json", "--as", "sigrid"], 13)
    assert json.loads(ended.out)["error"]["code"] == "not_through_door"


# -- paths ----------------------------------------------------------------------------------------------

BESIDE: dict[str, str] = {  # what else is typed, so that a command comes to its paths
    "person add": "ny --role support", "person rotate": "telefon --yes", "dsar": "90000001 --out typed",
    "case open": "90000001", "case show": "1", "case extend": "1 --reason late",
    "case refuse": "1 --ground unfounded --reason no", "case close": "1 --reason done",
    "case decide": "1 --grant --reason done", "hold set": "1 --ground 18c --until 30d --reason no",
    "consent show": "90000001", "export": "ID LOOK", "listen": "ID LOOK", "review": "ID", "release": "ID --to it",
    "pseudonymise": "ID --mode manual LOOK", "withdraw": "90000001 --yes", "audit witness": "--witness-key typed",
    "policy publish": "--out typed", "person passphrase": "", "certificate verify": "typed", "restore": "typed",
    "backup": "typed --escrow typed", "init": "--officer mallory", "recovery join": "typed", "policy propose": "typed",
    "policy lint-prompt": "typed", "policy check": "", "find": "LOOK",
}  # fmt: skip
ALSO = {"export": ("--out",), "pseudonymise": ("--transcript",), "listen": ("--player",), "review": ("--player",)}
WORLDLY = ("--passphrase-file", "--key-file")  # options of every command
BY_DESIGN = {("ingest", "paths")}  # the spool lies on the store's machine


def path_options(command: str, *, every: bool = False) -> list[str]:
    """The options and words of a command that are paths, or whatever takes a value."""
    made = load(command, "en")
    some = [param for param in made.params if every or type(param.type).__name__ == "TyperPath"]
    names = [param.opts[0] for param in some if not getattr(param, "is_flag", False)]
    mine = [name for name in names if name not in {"--store", "--config", "--via"} and (command, name) not in BY_DESIGN]
    return list(dict.fromkeys([*mine, *ALSO.get(command, ()), *(WORLDLY if command == "todo" else ())]))


def refusing(document: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """A front that has none of the files."""
    error = {"kind": "OSError", "number": 2, "name": None}
    is_file = "path" in document and document["path"] != SECRET
    return ({"error": error}, b"") if is_file else polite(document, data)


def demand_untouched(world: World, private: Path, command: str, option: str) -> None:
    """Name files and folders of the store's machine, to fronts that have them and that have not."""
    (private / "folder").mkdir(exist_ok=True)
    (private / "folder" / "file").write_bytes(b"private")
    held = {"ID": [recording(world)], "LOOK": list(LOOK)}
    beside = [part for word in BESIDE.get(command, "").split() for part in held.get(word, [word])]
    if not option.startswith("--"):
        beside = [word for word in beside if word != "typed"]
    for path, front in (("folder", polite), ("folder/file", polite), ("folder/file", refusing), ("folder/new", polite)):
        marked = str(private / path)
        value = f"agent={marked}" if option == "--transcript" else marked
        words = [option, value] if option.startswith("--") else [value]
        with serving(world, watched=private, BROWSER=marked, PAGER=marked, EDITOR=marked) as end:
            end.say(ordered(*command.split(), *beside, *words, "--as", "sigrid", terminals=[True] * 3))
            ended = end.answer(front, leaves_after=1.0 if command in {"listen", "desk"} else PATIENCE)
        assert ended.touched == [], (command, option, ended)
        assert_no_traceback(ended)
        assert ended.status != 1, (command, option, ended)
    assert (private / "folder" / "file").read_bytes() == b"private"
    assert len(list(private.rglob("*"))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in COMMANDS if path_options(command)])
def test_no_path_that_a_front_names_is_touched_on_the_stores_machine(
    stocked: World, private: Path, tmp_path: Path, command: str
) -> None:
    for option in path_options(command):
        demand_untouched(worlds.copy(stocked, tmp_path / option), private, command, option)


@pytest.mark.sampled(16)
@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_no_value_of_any_option_is_a_path_of_the_stores_machine(
    stocked: World, private: Path, tmp_path: Path, command: str, whole: bool
) -> None:
    options = path_options(command, every=True)
    for option in options if whole else random.Random(command).sample(options, min(2, len(options))):
        demand_untouched(worlds.copy(stocked, tmp_path / option), private, command, option)


# -- answers that are none ------------------------------------------------------------------------------

DOCUMENTED = {0, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 130}  # every status but 1, which is a mistake of ours


def ours(code: object, rule: object = None, kind: object = "Usage", **detail: object) -> dict[str, Any]:
    return {"error": {"kind": kind, "code": code, "rule": rule, "detail": detail}}


OF_SYSTEM = {"kind": "OSError", "number": 2, "name": None}
LIES: list[tuple[dict[str, Any], bytes]] = [
    ({}, b""), ({"is": None}, b"x" * 10), ({"is": "x"}, b""), ({"is": -1}, b"more than nothing"), ({"is": 2**80}, b""),
    ({"is": float("inf")}, b""), ({"is": float("nan")}, b""), ({"is": [[[]]]}, b""), ({"is": {}}, b""),
    ({"is": [1, 2, 3]}, b"\xff"), ({"is": ["\ud800", "../x"]}, b""), ({"is": "\ud800"}, b""),
    ({"is": True}, b"\0" * 10**6),
    ({"is": 10**6}, b"y" * 10**6), ({"is": 2**70}, b"y" * 10), ({"error": None}, b""), ({"error": []}, b""),
    ({"error": {"kind": []}}, b""), ({"error": {**OF_SYSTEM, "number": 2**70}}, b""), ({"error": OF_SYSTEM}, b""),
    ({"error": {**OF_SYSTEM, "kind": "KeyEnded", "number": -1}}, b""), ({"error": {"kind": "KeyboardInterrupt"}}, b""),
    ({"error": {"kind": "NoOwnSession", "code": "unlock_no_keyring"}}, b""),
    ({"error": {"kind": "NoOwnSession", "code": "x"}}, b""), (ours("x"), b""), (ours(["x"]), b""),
    (ours("out_exists"), b""), ({"error": {**ours("out_exists", path="x")["error"], "detail": {"code": "x"}}}, b""),
    (ours("out_exists", path="\x1b[2J\ud800"), b""), (ours("out_exists", rule="\x1b[2J\ud800", path="x"), b""),
    (ours("out_exists", path="x", **{"lang": "x", "self": 1, "rule ": 2}), b""), (ours("out_exists", path=[1]), b""),
    (ours("out_exists", nearest="x", path="x"), b""), (ours("stdout_failed", reason="x"), b""),
    (ours("no_longer_here", kind="NotUnlocked", rule="security.password"), b""),
    (ours("in_use", kind="InUse", pid=1), b""),
    (ours("interrupted", kind="Lost"), b""), (ours("out_exists", kind="Exception", path="x"), b""),
]  # fmt: skip


class Answering(Door):
    """A door whose front answers everything with the same."""

    def __init__(self, document: dict[str, Any], more: bytes) -> None:
        super().__init__(ServersLink(io.BytesIO(), io.BytesIO(), is_front=False), has_one_answer=False)
        self._same = document, more

    def _answer(self, name: str, data: bytes, values: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        return self._same


PATH = Path("x")
ASKED: dict[str, Callable[[RemoteClient], object]] = {
    "read": lambda client: client.files.read(PATH, 100),
    "secret": lambda client: client.files.secret(PATH),
    "names": lambda client: client.files.names(PATH),
    "absolute": lambda client: client.files.absolute(PATH),
    "new": lambda client: client.files.demand_new(PATH),
    "new folder": lambda client: client.files.demand_new_folder(PATH),
    "write": lambda client: NamedFile(client.files, PATH).write([b"x"]),
    "write secret": lambda client: client.files.write_secret(PATH, b"x"),
    "write folder": lambda client: client.files.write_folder(PATH, {"x": b"x"}),
    "remove": lambda client: client.files.remove(PATH),
    "state": lambda client: client.state_files(None).read(bytes(16)),
    "ask": lambda client: client.ask_secret("?"),
    "pages": lambda client: client.show_pages("\n" * 100),
    "foreground": lambda client: client.is_in_foreground(),
    "screen": lambda client: client.screen(),
    "browse": lambda client: client.browse("http://127.0.0.1"),
    "player": lambda client: client.player(["x"]).wait(0.1),
    "note": lambda client: client.append_note(PATH, "x"),
    "own session": lambda client: client.keyring.demand_own_session(),
    "prepare": lambda client: client.keyring.prepare("x", bytearray(1), 1),
    "put": lambda client: client.keyring.put_into_session(1),
    "search": lambda client: client.keyring.search("x"),
    "read key": lambda client: client.keyring.read(1, 100),
    "keys": lambda client: client.keyring.keys_of_session(),
    "forget": lambda client: client.keyring.forget(1),
}
SYSTEM = {"read", "names", "prepare", "put", "search", "read key"}  # for which a command expects its errors


def demand_expected(asked: str, document: dict[str, Any], more: bytes) -> None:
    """An answer is what the call gives, or raises what its caller expects."""
    told = json.loads(json.dumps(document))
    client = RemoteClient(Answering(told, more), Guest("leif", None), order())
    try:
        given = ASKED[asked](client)
    except ArloError as error:
        say(f"error.{error.sentence}", "nb", **error.detail)
        assert error.rule is None or error.rule.isprintable()
    except KeyboardInterrupt:
        return
    except NoOwnSession:
        assert asked == "own session"
    except OSError:
        assert asked in SYSTEM
    else:
        assert asked != "read" or (isinstance(given, bytes) and len(given) <= 100)


@pytest.mark.parametrize("asked", ASKED)
def test_an_answer_is_what_its_call_gives_or_is_a_lost_machine(asked: str) -> None:
    for document, more in LIES:
        demand_expected(asked, document, more)


@examples(400)
@given(st.sampled_from(sorted(ASKED)), st.dictionaries(st.sampled_from(["is", "error"]), JSON), st.binary(max_size=200))
def test_any_answer_is_read_or_is_a_lost_machine(asked: str, document: dict[str, Any], more: bytes) -> None:
    demand_expected(asked, document, more)


@pytest.mark.parametrize(("document", "more"), LIES)
def test_more_than_was_asked_for_is_not_what_was_typed(document: dict[str, Any], more: bytes) -> None:
    stdin, stdout, _ = streams(Answering(document, more), order())
    with contextlib.suppress(ArloError, KeyboardInterrupt):
        assert len(stdin.buffer.raw.read(4) or b"") <= 4  # type: ignore[attr-defined]
    with contextlib.suppress(ArloError, OSError, KeyboardInterrupt):
        stdout.buffer.raw.write(b"x")  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [None, "1", [1], {}, 1.5])
def test_an_answer_without_a_number_breaks_the_door(number: object) -> None:
    with pytest.raises(Broken):
        Answering({}, b"")._take(Frame(b"a", packed({"call": number})))


TYPED = [
    "todo", "find LOOK", "export ID LOOK --out mine", "export ID LOOK --out -", "listen ID LOOK --player play",
    "listen ID LOOK", "withdraw - --yes", "withdraw 90000001 --receipt-out mine", "consent show ID --out mine", "lock",
    "policy publish --out mine", "policy check --published mine", "policy propose mine", "unlock", "policy log",
    "audit checkpoint --append mine", "audit verify --anchor mine", "audit witness --witness-key mine",
    "person add ny --role ingest --service --key-out mine", "pseudonymise ID --transcript agent=mine LOOK",
    "dsar 90000001 --out mine --identity seen-id", "person passphrase", "todo --json",
]  # fmt: skip


@pytest.fixture(scope="module")
def abused(stocked: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A store of which nothing is expected but that it stays whole."""
    world = worlds.copy(stocked, tmp_path_factory.mktemp("abused"))
    world.grant("sigrid")
    return world


def lied_to(world: World, line: str, of: str = "", lie: tuple[dict[str, Any], bytes] = ({}, b"")) -> Ended:
    """A command to whose calls *of* that name a front lies."""
    held = {"ID": [recording(world)], "LOOK": list(LOOK)}
    words = [part for word in line.split() for part in held.get(word, [word])]
    is_page = line == "listen ID LOOK"  # which waits for a browser until the front leaves
    with serving(world) as end:
        end.say(ordered(*words, "--as", "sigrid", terminals=[True] * 3, lines="1"))
        after = 0.3 if is_page else PATIENCE
        return end.answer(lambda told, data: lie if told["name"] == of else polite(told, data), leaves_after=after)


def assert_lies_end_in_a_sentence(world: World, line: str, *, calls: int, lies: int) -> None:
    """Tell some lies to some calls of a command."""
    chance = random.Random(line)
    names = sorted(set(lied_to(world, line).calls))
    for name in chance.sample(names, min(calls, len(names))):
        for lie in chance.sample(LIES, min(lies, len(LIES))):
            ended = lied_to(world, line, name, lie)
            assert ended.status in DOCUMENTED, (line, name, lie, ended)
            assert_no_traceback(ended)
            assert_no_bug(world)


@pytest.mark.slow
@pytest.mark.parametrize("line", TYPED)
def test_a_command_to_which_a_front_lies_ends_in_a_sentence(abused: World, line: str) -> None:
    assert_lies_end_in_a_sentence(abused, line, calls=2, lies=1)


@pytest.mark.slow
def test_a_browser_that_is_lied_about_is_none(abused: World) -> None:
    for lie in (({"error": None}, b""), ({"error": {"kind": "KeyboardInterrupt"}}, b"")):
        ended = lied_to(abused, "listen ID LOOK", "browse", lie)
        assert b"http://127.0.0.1:4711/#" in ended.err
        assert_no_traceback(ended)


@pytest.mark.sampled(6)
@pytest.mark.slow
@pytest.mark.parametrize("line", TYPED)
def test_a_command_to_which_a_front_tells_every_lie_ends_in_a_sentence(abused: World, line: str, whole: bool) -> None:
    assert_lies_end_in_a_sentence(abused, line, calls=99, lies=99 if whole else 1)


# -- floods ---------------------------------------------------------------------------------------------

MEMORY = 40 * 1024 * 1024  # bytes by which a process may grow that is flooded
OPENED = [frame(b"n", of_channel(number)) for number in range(2, MOST + 4)]
FLOODS = {
    "answers that nobody waits for": frame(b"a", packed({"call": 10**6}, b"x" * 10**6)) * 60,
    "interrupts": frame(b"i", b"") * 3000,
    "connections that nobody wants": b"".join(OPENED),
    "bytes for channels that are none": frame(b"d", of_channel(9, b"x" * 10**6)) * 60,
    "a frame without an end": b"a" + (2**32 - 1).to_bytes(4, "big") + b"x" * 10**6,
    "a longest frame": b"a" + (LONGEST + 1).to_bytes(4, "big"),
    "a second order": frame(b"o", packed(order("todo"))),
    "what only a server sends": call("read", path="x"),
    "no frame": b"x" * 10**6,
    "an answer without a number": frame(b"a", packed({"call": [1]})),
    "an answer that is none": frame(b"a", b"\0\0\0\x02[]"),
}
ENDS = set(FLOODS) - {
    "answers that nobody waits for",
    "bytes for channels that are none",
}


def memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def drained(end: Serving, *, ends: bool = True) -> None:
    """Read all that comes until the process ends, or else until nothing comes for a while."""
    end.end.settimeout(PATIENCE if ends else 0.5)
    for _ in end.frames():
        pass


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_the_command_or_is_let_run_off(stocked: World, name: str) -> None:
    with serving(stocked) as end:
        end.say(ordered("todo", "--as", "sigrid"))
        next(end.calls())  # which is never answered
        before = memory(end.pid)
        flood = threading.Thread(target=end.say, args=(FLOODS[name],))
        flood.start()
        drained(end, ends=name in ENDS)
        flood.join()
        if name not in ENDS:
            assert memory(end.pid) < before + MEMORY
            end.leave()
        ended = end.ended()
    assert ended.status == 130, ended
    assert_whole(stocked, ended)


PAGE_FLOODS = {
    "too many connections": b"".join(OPENED),
    "a connection twice": OPENED[0] * 2,
    "bytes beyond the window": OPENED[0] + frame(b"d", of_channel(2, b"x" * (WINDOW + 1))),
    "more taken than was sent": OPENED[0] + frame(b"t", of_channel(2, b"\0\0\0\x01")),
    "half a channel": frame(b"d", b"\0\0"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGE_FLOODS)
def test_a_flood_on_the_channels_of_a_page_ends_the_command(stocked: World, name: str) -> None:
    with serving(stocked, person="leif") as end:
        end.say(ordered("listen", recording(stocked), *LOOK, "--as", "leif"))
        end.answer_until("screen")
        end.say(PAGE_FLOODS[name])
        drained(end)
        ended = end.ended()
    assert ended.status == 130, ended
    assert_whole(stocked, ended)


@pytest.mark.slow
def test_a_front_that_floods_a_page_and_reads_nothing_holds_nothing_up(stocked: World) -> None:
    with serving(stocked, person="leif") as end:
        end.say(ordered("listen", recording(stocked), *LOOK, "--as", "leif"))
        end.answer_until("screen")
        end.say(PAGE_FLOODS["too many connections"])
        ended = end.ended()
    assert ended.status == 130, ended
    assert_whole(stocked, ended)


@pytest.mark.slow
def test_a_page_answers_more_connections_than_may_be_open_at_once(stocked: World) -> None:
    with serving(stocked, person="leif") as end:
        end.say(ordered("listen", recording(stocked), *LOOK, "--as", "leif"))
        answered = 0
        asking = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:4711\r\nConnection: close\r\n\r\n"
        for came in end.frames():
            if came.kind == b"q":
                document, data = unpacked(came.body)
                answer, more = polite(document, data)
                end.say(frame(b"a", packed({"call": document["call"], **answer}, more)))
                if document["name"] != "screen":
                    continue
            elif came.kind == b"c":
                answered += 1
                end.say(frame(b"c", came.body))
            else:
                continue
            if answered == MOST + 10:
                break
            number = of_channel(answered + 2)
            end.say(frame(b"n", number) + frame(b"d", number + asking))
        assert answered == MOST + 10
        end.leave()
        assert end.ended().status == 130


@pytest.mark.slow
def test_the_last_answer_of_a_page_arrives_before_the_command_is_over(
    stocked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump = remote._pump

    def late(*words: Any) -> None:
        time.sleep(0.4)
        pump(*words)

    monkeypatch.setattr(remote, "_pump", late)
    asking = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:4711\r\nConnection: close\r\n\r\n"
    page = b""
    with serving(stocked, person="leif") as end:
        end.say(ordered("listen", recording(stocked), *LOOK, "--as", "leif"))
        end.answer_until("screen")
        end.say(frame(b"n", of_channel(2)) + frame(b"d", of_channel(2, asking)))
        time.sleep(0.2)
        end.say(frame(b"i", b""))
        for came in end.frames():
            page += came.body[4:] if came.kind == b"d" else b""
            if came.kind == b"q":
                document, data = unpacked(came.body)
                answer, more = polite(document, data)
                end.say(frame(b"a", packed({"call": document["call"], **answer}, more)))
        assert end.ended().status == 0
    assert page.startswith(b"HTTP/1.1 200")


# -- the process ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_nothing_reads_the_serving_process_and_it_leaves_no_core_dump(stocked: World) -> None:
    with serving(stocked) as end:
        end.link.demand_greeting()  # before anything is ordered
        limits = Path(f"/proc/{end.pid}/limits").read_text("utf-8").splitlines()
        assert next(line.split()[4] for line in limits if line.startswith("Max core file size")) == "0"
        end.leave()
        ended = end.ended()
    assert (ended.is_dumpable, ended.core) == (False, 0)


@pytest.mark.slow
def test_of_the_environment_of_a_front_the_terminal_and_the_language_alone_travel(stocked: World) -> None:
    theirs = {name: "/theirs" for name in ("PATH", "PYTHONPATH", "LD_PRELOAD", "HOME", "ARLO_REC_STORE", "LC_ALL")}
    told = {"environment": theirs, "env": theirs, **theirs, "term": "dumb", "lang": "nb", "no_color": "1"}
    with serving(stocked, LC_ALL="C", LANGUAGE="en", PYTHONPATH="/ours") as end:
        end.say(ordered("todo", "--as", "sigrid", **told))
        ended = end.answer()
    assert ended.status == 0 and "/theirs" not in str(ended.environment)
    assert {name: text for name, text in ended.environment.items() if name in {"PYTHONPATH", "HOME", "PATH"}} == {
        "PYTHONPATH": "/ours", "HOME": str(stocked.base), "PATH": os.environ["PATH"],
    }  # fmt: skip
    assert {name: ended.environment[name] for name in ("TERM", "LANG", "NO_COLOR", "COLUMNS", "LINES")} == {
        "TERM": "dumb", "LANG": "nb", "NO_COLOR": "1", "COLUMNS": "100", "LINES": "40",
    }  # fmt: skip
    assert not {"LC_ALL", "LANGUAGE"} & set(ended.environment)


# -- whose door it is -----------------------------------------------------------------------------------


def by(world: World, account: str, name: str, **environment: str) -> tuple[int, str]:
    """How a command of somebody ends that comes from an account; its status, and the code of the error."""
    with serving(world, person=None, SUDO_USER=account, **environment) as end:
        end.say(ordered("status", "--json", "--as", name))
        ended = end.answer()
    assert "Traceback" not in ended.said
    return ended.status, json.loads(ended.out or b"{}").get("error", {}).get("code", "")


def attempts(world: World) -> list[tuple[str, str]]:
    """Failed unlocks in the log: the name that was claimed, and from where."""
    entries = world.json("audit", "show", who="iver")["entries"]
    failed = [entry["detail"] for entry in entries if (entry["action"], entry["outcome"]) == ("unlock", "denied")]
    return [(detail["name"], detail["login"]) for detail in failed]


@pytest.mark.slow
def test_an_account_is_the_door_of_those_who_are_registered_with_it(world: World) -> None:
    assert by(world, "leif", "leif") == (0, "")
    assert by(world, "leif", "turid") == (13, "not_your_door")
    assert by(world, "nobody", "turid") == (13, "not_your_door")
    world.json("person", "login", "turid", "leif", who="sigrid")
    assert by(world, "leif", "leif") == by(world, "leif", "turid") == (0, "")
    assert by(world, "turid", "turid") == (13, "not_your_door")
    world.json("person", "remove", "leif", "--yes", who="sigrid")
    assert by(world, "leif", "leif")[0] in {12, 13}
    assert by(world, "leif", "turid") == (0, "")
    assert {("turid", "leif"), ("turid", "nobody"), ("turid", "turid"), ("leif", "leif")} <= set(attempts(world))


@pytest.mark.slow
def test_a_door_without_a_person_opens_for_sudo_alone(world: World) -> None:
    for environment in ({}, {"SUDO_USER": "leif", "SSH_CONNECTION": "1 2 3 4"}, {"SUDO_USER": ""}):
        with serving(world, person=None, **environment) as end:
            end.say(ordered("status", "--as", "leif"))
            ended = end.answer()
        assert (ended.status, ended.calls) == (2, ()) and "--person" in ended.said


@pytest.mark.slow
def test_a_key_file_opens_the_door_of_its_own_service(world: World) -> None:
    for service, expected in (("cron", (0, "")), ("telefon", (13, "not_your_door"))):
        key = world.key(service).read_bytes()

        def own(document: dict[str, Any], data: bytes, key: bytes = key) -> tuple[dict[str, Any], bytes]:
            return ({"is": None}, key) if document["name"] == "secret" else polite(document, data)

        with serving(world, person="cron") as end:
            end.say(ordered("status", "--json", "--key-file", "key"))
            ended = end.answer(own)
        assert (ended.status, json.loads(ended.out).get("error", {}).get("code", "")) == expected, ended
    assert ("telefon", "cron") in attempts(world)
