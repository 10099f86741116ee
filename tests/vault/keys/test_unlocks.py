"""Unlocks: a seed in the kernel's keyring of a login session, whose it is, how long it lasts, and who can read it.

All of it on the real kernel; a machine that gives no session keyring skips, and says so.
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.edge.commands import COMMANDS
from arlo_rec.edge.commands.command import load
from arlo_rec.edge.commands.run import PASSPHRASE_FOR, REASON_FOR, Run
from arlo_rec.law.model.errors import NotUnlocked
from arlo_rec.law.model.strict_json import to_base64
from arlo_rec.sound.processes.hardening import leave_session
from arlo_rec.vault.crypto import kernel_keyring
from arlo_rec.vault.keys import key_files, layout, unlocks
from arlo_rec.vault.keys.key_files import Identity
from arlo_rec.vault.opened import Store
from tests.support import world as worlds
from tests.support.keyring import begin_session
from tests.support.places import TOP
from tests.support.world import PASSPHRASE, REASON, World

LEIF = ("--as", "leif")


@pytest.fixture
def session() -> Iterator[None]:
    """A login session with a keyring of its own; what it held is gone afterwards."""
    begin_session()
    yield
    leave_session()


@pytest.fixture
def unlocked(session: None, world: World) -> World:
    """A world in which Leif, who may listen for quality, has unlocked."""
    world.grant()
    assert unlock(world)["person"] == "leif"
    return world


def unlock(world: World, *words: str, who: str = "leif") -> dict[str, Any]:
    return world.json("unlock", *words, who=who)


def keys() -> list[int]:
    return [key for key, description in kernel_keyring.keys_of_session() if description.startswith("arlo-rec:")]


def refusal(world: World, *words: str) -> tuple[int, str]:
    result = world.run(*words, "--json")
    return result.exit, result.json["error"]["code"]


def seed_of(world: World, name: str = "leif") -> bytes:
    return key_files.unlock(layout.find(world.store), name, PASSPHRASE.encode()).seed


# -- what it spares, and what outranks it -------------------------------------------------------------


@pytest.mark.slow
def test_commands_of_an_unlocked_person_ask_for_no_passphrase(unlocked: World) -> None:
    (recording,) = unlocked.take_in("call")
    purpose = ("--purpose", "quality", "--reason", REASON)
    assert [one["id"] for one in unlocked.json("find", *purpose, *LEIF)["recordings"]] == [recording]
    assert unlocked.json("status", *LEIF)["unlocked_until"] is not None
    assert unlocked.json("status", who="cron")["unlocked_until"] is None


@pytest.mark.slow
def test_a_passphrase_or_a_key_that_is_named_outranks_an_unlock(unlocked: World) -> None:
    wrong = unlocked.base / "wrong"
    wrong.write_text("en helt annen setning\n", "utf-8")
    wrong.chmod(0o600)
    assert refusal(unlocked, "status", *LEIF, "--passphrase-file", str(wrong)) == (12, "wrong_passphrase")
    unlocked.environment["ARLO_REC_PASSPHRASE_FILE"] = str(wrong)
    assert refusal(unlocked, "status", *LEIF) == (12, "wrong_passphrase")
    del unlocked.environment["ARLO_REC_PASSPHRASE_FILE"]
    unlocked.spool.mkdir()
    assert unlocked.json("ingest", str(unlocked.spool), "--dry-run", who="telefon")["accepted"] == []


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(PASSPHRASE_FOR))
def test_whoever_finds_an_unlocked_terminal_makes_no_key_and_no_office(
    session: None, world: World, command: str
) -> None:
    new = world.base / "new"
    new.write_text("et ganske nytt passord\n", "utf-8")
    new.chmod(0o600)
    unlock(world, who="sigrid")
    more = {
        "person add": ("finder", "--role", "officer", "--new-passphrase-file", str(new)),
        "person remove": ("turid", "--yes"),
        "person login": ("turid", "finder"),
        "person passphrase": ("--reset", "leif"),
        "person rotate": ("cron", "--key-out", str(world.base / "cron-2.key")),
        "recovery renew": (),
    }
    assert world.run("audit", "checkpoint", "--as", "sigrid").exit == 0, "it is unlocked"
    people = world.json("person", "list", who="sigrid")
    assert refusal(world, *command.split(), *more[command], "--as", "sigrid") == (12, "no_passphrase")
    assert world.json("person", "list", who="sigrid") == people
    if command == "person passphrase":
        assert refusal(world, *command.split(), "--new-passphrase-file", str(new), "--as", "sigrid")[0] == 12


def test_every_command_about_people_or_the_recovery_key_says_whether_an_unlock_is_enough() -> None:
    about = {words for words in COMMANDS if words.split()[0] in {"person", "recovery"}}
    without_keys = {"person list", "person notify", "person objection"}
    without_keys |= {"recovery split", "recovery join"}  # which take the recovery key itself
    assert about == PASSPHRASE_FOR | without_keys


@pytest.mark.slow
def test_without_an_unlock_one_system_call_looks_for_one_and_none_where_a_service_runs(
    session: None, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    real = kernel_keyring._call

    def counted(operation: int, *more: Any) -> int:
        calls.append(operation)
        return real(operation, *more)

    monkeypatch.setattr(kernel_keyring, "_call", counted)
    world.json("purge", who="cron")
    world.json("audit", "checkpoint", who="leif")
    assert calls == []
    monkeypatch.setattr(Run, "_ask_passphrase", lambda _run, _question: PASSPHRASE.encode())
    monkeypatch.setattr(unlocks, "why_none", lambda *_: None)  # is asked where there is no terminal
    assert world.run("audit", "checkpoint", *LEIF).exit == 0
    assert calls == [kernel_keyring._SEARCH]


# -- purpose and reason -------------------------------------------------------------------------------


@pytest.mark.slow
def test_purpose_and_reason_of_an_unlock_are_shown_and_logged_as_if_typed(unlocked: World) -> None:
    (recording,) = unlocked.take_in("call")
    unlock(unlocked, "--purpose", "quality", "--reason", REASON)
    out = unlocked.base / "call.wav"
    told = unlocked.run("export", recording, "--out", str(out), *LEIF)
    assert (told.exit, told.err) == (0, f"Using the purpose and reason you unlocked with: quality: {REASON}\n")
    (entry,) = unlocked.json("audit", "show", "--action", "export", who="iver")["entries"]
    assert (entry["purpose"], entry["reason"]) == ("quality", REASON)


@pytest.mark.slow
def test_what_is_typed_outranks_what_an_unlock_says(unlocked: World) -> None:
    unlock(unlocked, "--purpose", "training", "--reason", REASON)
    told = unlocked.run("find", "--purpose", "quality", *LEIF)
    assert (told.exit, told.err) == (0, f"Using the purpose and reason you unlocked with: {REASON}\n")
    entries = unlocked.json("audit", "show", "--action", "find", who="iver")["entries"]
    assert {(entry["purpose"], entry["reason"]) for entry in entries} == {("quality", REASON)}


def test_a_command_that_takes_a_reason_only_sometimes_says_when_it_takes_that_of_an_unlock() -> None:
    sometimes = set()
    for words in COMMANDS:
        command = load(words, "en")
        own = {param.name: param for param in command.params}
        if "reason" in own and getattr(own["reason"], "rich_help_panel", None) != "required":
            sometimes.add(words)
            assert (
                REASON_FOR[words] is None or {each.lstrip("!") for each in str(REASON_FOR[words]).split()} <= own.keys()
            )
    typed = {"case extend", "case refuse", "case decide", "hold set", "hold lift"}  # it stands in a letter
    typed |= {"release", "reject"}  # it gives or takes a copy
    typed |= {"find", "pseudonymise"}  # which list teams, and measure, without one
    assert sometimes | typed == set(REASON_FOR)


@pytest.mark.slow
@pytest.mark.rule("security.reason")
def test_an_unlock_gives_the_reason_of_a_training_copy_unless_it_is_for_quality(session: None, world: World) -> None:
    world.grant()
    look = ("review", "0" * 32, "--json", "--as", "leif")
    unlock(world, "--purpose", "quality", "--reason", REASON, who="leif")
    assert world.run(*look).json["error"]["code"] == "reason_missing"
    unlock(world, "--reason", REASON, who="leif")
    told = world.run(*look)
    assert (told.json["error"]["code"], "you unlocked with" in told.err) == ("no_grant", True)


@pytest.mark.slow
def test_a_reason_that_decides_is_never_that_of_an_unlock(session: None, world: World) -> None:
    """With a reason a case would be closed as one that needs no answer."""
    world.take_in("call")
    words = ("case", "open", "90000001", "--identity", "passport seen at the desk", "--received", "2026-11-01")
    opened = world.run(*words, "--json", who="sigrid")
    assert opened.exit == 0, opened
    case = opened.json["case"]["id"] if isinstance(opened.json["case"], dict) else opened.json["case"]
    unlock(world, "--reason", REASON, who="sigrid")
    of_copy = (("release", "0" * 32), ("reject", "0" * 32))
    for words in (("case", "close", case), ("case", "extend", case), ("case", "refuse", case), *of_copy):
        told = world.run(*words, "--as", "sigrid")
        assert told.exit != 0
        assert "you unlocked with" not in told.err
    whole = ("dsar", "--case", case, "--whole-call", "--out", str(world.base / "answer.html"), "--as", "sigrid")
    assert world.run(*whole).exit != 0
    assert not (world.base / "answer.html").exists(), "it would stand in the letter"


@pytest.mark.slow
@pytest.mark.rule("access.officer")
def test_what_a_grant_gives_is_typed_whatever_the_unlock_of_an_officer_is_for(session: None, world: World) -> None:
    unlock(world, "--purpose", "quality", "--reason", REASON, who="sigrid")
    words = ("grant", "leif", "--all-teams", "--json", "--as", "sigrid")
    told = world.run(*words)
    assert (told.exit, told.json["error"]["code"]) == (2, "purpose_missing")
    assert world.run(*words, "--purpose", "quality").exit == 0, "by its reason"


# -- whose it is, and how long ------------------------------------------------------------------------


@pytest.mark.slow
def test_an_unlock_is_of_one_person_and_one_store(unlocked: World, template: World, tmp_path: Path) -> None:
    assert refusal(unlocked, "status", "--as", "turid") == (12, "unlock_foreign")
    (tmp_path / "other").mkdir()
    other = worlds.found(tmp_path / "other")
    assert refusal(other, "status", *LEIF) == (12, "unlock_foreign")
    assert unlocked.run("status", *LEIF).exit == 0


@pytest.mark.slow
def test_a_key_of_our_name_that_holds_anothers_seed_is_not_taken(unlocked: World) -> None:
    place = layout.find(unlocked.store)
    public = key_files.public_key(place, "leif")
    assert public is not None
    told = unlocks.UnlockTerms(datetime.now(UTC) + timedelta(hours=1))
    stranger = unlocks.prepare(kernel_keyring, place, Identity(place.id, "leif", bytes(32)), told, timedelta(minutes=1))
    secret = kernel_keyring.read(stranger, unlocks.SECRET_BYTES)
    unlocks.end(kernel_keyring, stranger)
    planted = kernel_keyring.prepare(unlocks._description(place, "leif", public), secret, 60)
    kernel_keyring.put_into_session(planted)
    assert refusal(unlocked, "status", *LEIF) == (12, "unlock_unreadable")
    assert unlocked.run("lock", *LEIF).exit == 0
    assert keys() == []


@pytest.mark.slow
def test_the_kernel_ends_an_unlock_at_its_time(session: None, world: World) -> None:
    unlock(world, "--for", "4s")
    (key,) = keys()
    deadline = time.monotonic() + 30
    while readable(key):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert refusal(world, "status", *LEIF)[0] == 12


def readable(key: int) -> bool:
    try:
        kernel_keyring.wipe(kernel_keyring.read(key, unlocks.SECRET_BYTES))
    except OSError:
        return False
    return True


@pytest.mark.slow
def test_an_unlock_ends_at_its_time_by_the_clock_too_and_its_key_is_gone(
    unlocked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Run.now
    monkeypatch.setattr(Run, "now", lambda run: now(run) + timedelta(minutes=15))
    assert refusal(unlocked, "status", *LEIF) == (12, "unlock_expired")
    assert keys() == []


@pytest.mark.slow
@pytest.mark.parametrize("words", [("person", "remove", "leif", "--yes"), ("person", "passphrase", "--reset", "leif")])
def test_an_unlock_is_void_once_the_person_was_removed_or_reset(unlocked: World, words: tuple[str, ...]) -> None:
    kept = layout.find(unlocked.store).key_file("leif")
    before = kept.read_bytes()
    assert unlocked.run(*words, who="sigrid").exit == 0
    code = refusal(unlocked, "status", *LEIF)
    assert code in {(12, "unlock_outdated"), (12, "no_longer_here")}
    kept.write_bytes(before)  # as whoever may write there can
    assert refusal(unlocked, "status", *LEIF) == (12, "no_longer_here")
    assert keys() == []
    entries = unlocked.json("audit", "show", "--action", "unlock", "--outcome", "denied", who="iver")["entries"]
    assert [entry["detail"]["name"] for entry in entries] == ["leif", "leif"]


@pytest.mark.slow
def test_locking_ends_it_for_every_process_of_the_session(unlocked: World) -> None:
    (key,) = keys()
    assert in_a_process(READS, key) == "read"
    assert unlocked.run("lock", *LEIF).exit == 0
    assert in_a_process(READS, key) == "refused"
    assert refusal(unlocked, "lock", *LEIF) == (4, "nothing_unlocked")


def test_an_unlock_is_gone_with_the_last_process_of_its_session(session: None) -> None:
    key = int(in_a_process(LEAVES, 0).removesuffix("read"))
    deadline = time.monotonic() + 30
    while is_known(key):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_known(key: int) -> bool:
    """Whether the kernel has a key, whoever may see it."""
    try:
        kernel_keyring._control(kernel_keyring._DESCRIBE, key, size=4096)
    except OSError as error:
        return error.errno != errno.ENOKEY
    return True


@pytest.mark.slow
def test_locking_ends_an_unlock_in_a_session_with_more_keys_than_are_looked_through(
    unlocked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = keys()
    monkeypatch.setattr(kernel_keyring, "_RING_KEYS", 0)
    assert kernel_keyring.keys_of_session() == []
    assert unlocked.run("lock", *LEIF).exit == 0
    monkeypatch.undo()
    assert key not in keys()
    assert refusal(unlocked, "status", *LEIF) == (12, "no_passphrase")


def test_a_key_that_was_just_forgotten_is_none_whether_or_not_the_kernel_took_it_out_of_its_rings(
    session: None,
) -> None:
    """The kernel does so a moment later; until then a search says that it was revoked, not that its time is over.

    Until then the key also counts among the 200 that an account may have.
    """
    for _ in range(100):
        key = kernel_keyring.prepare("arlo-rec:of a test", bytearray(b"0" * 32), 60)
        kernel_keyring.put_into_session(key)
        assert kernel_keyring.search("arlo-rec:of a test") == key
        kernel_keyring.forget(key)
        assert kernel_keyring.search("arlo-rec:of a test") is None


@pytest.mark.slow
def test_a_key_file_in_somebodys_place_with_anothers_name_inside_is_damaged(world: World) -> None:
    """What it opens would be noted, and told, under a name that nobody typed."""
    place = layout.find(world.store)
    other = replace(key_files.unlock(place, "turid", PASSPHRASE.encode()), name="leif")
    blob = key_files._blob
    with pytest.MonkeyPatch.context() as own:
        own.setattr(key_files, "_blob", lambda identity: {**blob(identity), "name": "sigrid"})
        key_files.write_locked(place, other, PASSPHRASE.encode())
    told = world.run("status", "--json", who="leif")
    assert (told.exit, told.json["error"]["code"]) == (15, "key_file_damaged")


@pytest.mark.slow
def test_unlocking_again_leaves_one_unlock(unlocked: World) -> None:
    unlock(unlocked, "--for", "2h")
    assert len(keys()) == 1


@pytest.mark.slow
def test_what_the_log_could_not_be_told_is_not_unlocked(
    session: None, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise NotUnlocked("no_longer_here")

    monkeypatch.setattr(Store, "note", broken)
    assert world.run("unlock", who="leif").exit == 12
    assert keys() == []


@pytest.mark.slow
@pytest.mark.parametrize("length", ["0m", "8h1m", "9h", "481m", "-5m", "15", "1d", "١m", ""])
def test_how_long_is_said_in_seconds_minutes_or_hours_up_to_eight_hours(
    session: None, world: World, length: str
) -> None:
    result = world.run("unlock", f"--for={length}", "--json", who="leif")
    assert (result.exit, result.json["error"]["code"]) == (2, "bad_unlock_length")
    assert keys() == []


@pytest.mark.slow
def test_who_has_no_passphrase_cannot_unlock_for_a_session(session: None, world: World) -> None:
    assert refusal(world, "unlock", "--key-file", str(world.key("cron"))) == (2, "unlock_is_for_people")


# -- where it is asked for ----------------------------------------------------------------------------


@pytest.mark.slow
def test_on_a_terminal_an_unlock_that_ended_is_said_and_the_passphrase_asked_for(
    unlocked: World,
) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", LATER, "status", *LEIF],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=TOP,
        env={**os.environ, **unlocked._environment()},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        while not shown.endswith(b"Passphrase of leif: "):
            shown += os.read(ours, 1000)
        os.write(ours, PASSPHRASE.encode() + b"\n")
        out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode in (0, 3), shown
    assert out.startswith(b"Held: 0")
    assert b"the time of arlo-rec unlock is over; unlock again" in shown


LATER = """
import sys
from datetime import UTC, datetime, timedelta
from arlo_rec import cli
from arlo_rec.edge.commands.run import Run
Run.now = lambda run: datetime.now(UTC) + timedelta(hours=1)
sys.exit(cli.main(sys.argv[1:]))
"""


# -- where it cannot be -------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_keyring_that_all_sessions_of_an_account_share_is_refused(
    session: None, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_keyring, "_SESSION", kernel_keyring._USER_SESSION)
    assert refusal(world, "unlock", *LEIF) == (12, "unlock_shared_keyring")


@pytest.mark.slow
def test_a_session_with_a_name_that_others_may_link_is_refused(session: None, world: World) -> None:
    """What `keyctl session NAME` makes may be linked by every process of the account, with all that is in it."""
    kernel_keyring._call(1, ctypes.c_char_p(b"arlo-rec-test"))
    assert refusal(world, "unlock", *LEIF) == (12, "unlock_shared_keyring")


@pytest.mark.slow
def test_another_system_has_no_unlock_and_nothing_else_changes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_keyring.sys, "platform", "darwin")
    assert refusal(world, "unlock", *LEIF) == (12, "unlock_no_keyring")
    assert refusal(world, "status", *LEIF) == (12, "no_passphrase")
    assert world.run("audit", "checkpoint", who="leif").exit == 0


# -- who can read it ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_only_processes_of_the_session_read_the_key_or_see_that_it_is_there(unlocked: World) -> None:
    (key,) = keys()
    assert in_a_process(READS, key) == "read"
    elsewhere = "leave_session(); "
    assert in_a_process(elsewhere + READS, key) == "refused"
    assert in_a_process(elsewhere + LOOKS, key) == "refused"
    assert in_a_process(elsewhere + LINKS, key) == "refused"


@pytest.mark.slow
def test_a_key_that_waits_for_the_log_is_of_its_process_alone(session: None, world: World) -> None:
    place = layout.find(world.store)
    told = unlocks.UnlockTerms(datetime.now(UTC) + timedelta(hours=1))
    key = unlocks.prepare(kernel_keyring, place, Identity(place.id, "leif", bytes(32)), told, timedelta(minutes=1))
    assert keys() == []
    assert in_a_process(READS, key) == "refused"
    unlocks.end(kernel_keyring, key)


@pytest.mark.slow
def test_the_seed_is_in_no_file_and_is_overwritten_where_it_was_handed_over(unlocked: World) -> None:
    seed = seed_of(unlocked)
    forms = [seed, seed.hex().encode(), to_base64(seed).encode()]
    for path in unlocked.base.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(form in content for form in forms), path
    handed = bytearray(seed)
    kernel_keyring.forget(kernel_keyring.prepare("arlo-rec-test", handed, 5))
    assert handed == bytes(32)


@pytest.mark.slow
def test_processes_that_read_what_others_wrote_have_left_the_session_before(unlocked: World) -> None:
    """The decoder and the process that hears: without their filters, which refuse to look for keys at all."""
    (key,) = keys()
    assert in_a_process(DECODER, key) == "refused"
    assert in_a_process(HEARING, key) == "refused"


READS = "kernel_keyring.read(key, 4096)"
LOOKS = "kernel_keyring._control(6, key, size=4096)"
LINKS = "kernel_keyring._call(8, key, -2)"
LEAVES = """leave_session()
    left = kernel_keyring.prepare("arlo-rec-test", bytearray(b"seed"), 600)
    kernel_keyring.put_into_session(left)
    os.write(1, str(left).encode())"""
DECODER = """from arlo_rec.sound.audio import decoder
    def read(_asked): kernel_keyring.read(key, 4096)
    decoder._receive = read
    decoder.main()"""
HEARING = """from arlo_rec.words import engine_process
    engine_process.receive_request = lambda _connection: ({}, b"")
    engine_process.confine = lambda: None
    def load(): kernel_keyring.read(key, 4096); return "read"
    engine_process.send = lambda *_: None
    engine_process.serve(load)"""
ATTEMPT = """
import os, socket, sys
sys.path.insert(0, sys.argv[1])
from arlo_rec.sound.processes.hardening import leave_session
from arlo_rec.vault.crypto import kernel_keyring
key = int(sys.argv[2])
ours, theirs = socket.socketpair()
os.dup2(theirs.fileno(), 0)
try:
    {attempt}
except OSError:
    os.write(1, b"refused")
else:
    os.write(1, b"read")
"""


def in_a_process(attempt: str, key: int) -> str:
    """What becomes of an attempt on a key in a process that this one starts, and that inherits its session."""
    words = [sys.executable, "-I", "-c", ATTEMPT.replace("{attempt}", attempt), str(TOP), str(key)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
