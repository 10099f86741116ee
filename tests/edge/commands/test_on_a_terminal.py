"""A person at a terminal: what is asked for, in which order, how often, and with how many keys."""

from __future__ import annotations

import os
import select
import sys
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from arlo_rec.__main__ import _forget_typed
from tests.support import door, needs
from tests.support.backups import back_up, lose
from tests.support.keyring import begin_session
from tests.support.places import TOP
from tests.support.terminal import Terminal, Typed
from tests.support.world import PASSPHRASE, World

pytestmark = needs.mark(needs.program("setsid", "bash"))
MOST_KEYS = 25  # of a withdrawal, beside the number and the passphrase


class Person:
    """Somebody who answers each question with the next of its answers; *keys* counts all but number and passphrase."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers, self.asked, self.keys = answers, list[str](), 0

    def answer(self, question: str) -> Typed | None:
        kinds = {"Telephone number: ": "number", "Passphrase of ": "passphrase", "Type ": "count"}
        kind = next((kind for begin, kind in kinds.items() if question.startswith(begin)), None)
        if kind is None:
            return None
        self.asked.append(kind)
        text = self.answers[kind].pop(0)
        self.keys += len(text) + 1 if kind == "count" else 1
        return Typed(text, is_secret=kind == "passphrase")


@contextmanager
def desk(world: World, person: Person) -> Iterator[Callable[[str], tuple[str, int]]]:
    """Siri's shell, in which commands are typed."""
    environment = {
        **world._environment(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(TOP),
        "ARLO_REC_AS": "siri",
    }
    environment = door.instead_of_the_store([], environment) if world.door else environment
    terminal = Terminal(world.base, environment, person.answer)

    def typed(command: str) -> tuple[str, int]:
        person.keys += len(command) + 1
        return terminal.run(command)

    try:
        yield typed
    finally:
        terminal.close()


@pytest.mark.slow
def test_a_customer_on_the_telephone_withdraws_with_few_keys_and_no_number_in_the_shell(world: World) -> None:
    world.take_in("a", "b")
    person = Person(number=["900 00 001"], passphrase=[PASSPHRASE], count=["2"])
    with desk(world, person) as typed:
        screen, status = typed("arlo-rec withdraw")
    assert status == 0 and "Say: " in screen
    assert person.asked == ["number", "passphrase", "count"]
    assert person.keys <= MOST_KEYS
    assert world.json("status", who="cron")["held"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("through", [False, True], ids=["here", "through the door"])
def test_the_number_is_mended_before_the_passphrase_and_the_count_after_it(world: World, through: bool) -> None:
    world.take_in("a", "b")
    world.door = through
    person = Person(number=["900 00 01", "90000001 90000002", "900 00 001"], passphrase=[PASSPHRASE], count=["1", "2"])
    with desk(world, person) as typed:
        screen, status = typed("arlo-rec withdraw")
    assert status == 0
    assert person.asked == [*3 * ["number"], "passphrase", *2 * ["count"]]
    assert "this one has 7" in screen and "two telephone numbers" in screen and "That was not 2." in screen
    world.door = False
    assert world.json("status", who="cron")["held"] == 0


@pytest.mark.slow
def test_a_number_that_is_mistyped_behind_the_command_is_asked_for_and_three_times_end_it(world: World) -> None:
    person = Person(number=["12", "anonymous"])
    with desk(world, person) as typed:
        screen, status = typed("arlo-rec withdraw 900 00 01")
    assert (status, person.asked) == (4, ["number", "number"])
    assert screen.count("arlo-rec: ") == 1 and "that is not a telephone number" in screen.replace("\n", " ")


@pytest.mark.slow
def test_a_short_id_from_the_list_withdraws_that_call_alone(world: World) -> None:
    first, second = world.take_in("a", "b")
    person = Person(number=["900 00 001"], passphrase=2 * [PASSPHRASE], count=["", "1"])
    with desk(world, person) as typed:
        screen, status = typed("arlo-rec withdraw")
        (short,) = {word for word in screen.split() if first.startswith(word) and len(word) >= 6}
        assert status == 2 and f"withdraw --call {second[: len(short)]}" in screen.replace("\n", " ")
        screen, status = typed(f"arlo-rec withdraw --call {short}")
    assert status == 0 and "your call of" in screen
    held = world.json("withdraw", "90000001", "--dry-run", who="siri")["recordings"]
    assert [recording["id"] for recording in held] == [second]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "command", "status"), [(2, "arlo-rec todo", 0), (3, "arlo-rec todo", 12), (3, "arlo-rec unlock", 12)]
)
def test_a_wrong_passphrase_is_asked_for_again_three_times_at_most_and_each_is_noted(
    world: World, wrong: int, command: str, status: int
) -> None:
    begin_session()  # for the unlock
    person = Person(passphrase=[*wrong * ["not this one"], PASSPHRASE])
    with desk(world, person) as typed:
        screen, ended = typed(command)
    assert ended == status
    assert len(person.asked) == 3
    assert "Wrong passphrase. Tries left: 2." in screen and "Tries left: 1." in screen
    noted = world.json("audit", "show", "--denied", who="iver")["entries"]
    assert [(entry["action"], entry["detail"]["name"]) for entry in noted] == wrong * [("unlock", "siri")]


@pytest.mark.slow
def test_whoever_restores_is_asked_again_for_a_wrong_passphrase_and_then_goes_on(world: World) -> None:
    back_up(world)
    lose(world)
    person = Person(passphrase=["not this one", PASSPHRASE])
    with desk(world, person) as typed:
        words = "--yes --accept-without-feed --reason 'the feed is lost as well' --as sigrid"
        screen, status = typed(f"arlo-rec restore backup --escrow escrow {words}")
    assert (status, person.asked) == (0, ["passphrase", "passphrase"]), screen


@pytest.mark.parametrize(("status", "is_left"), [(12, False), (0, True)])
def test_what_is_typed_ahead_of_a_wrong_passphrases_answer_reaches_no_shell(
    monkeypatch: pytest.MonkeyPatch, status: int, is_left: bool
) -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        os.write(ours, b"the passphrase again\n")
        assert select.select([theirs], [], [], 10)[0]
        _forget_typed(status)
        assert bool(select.select([theirs], [], [], 0)[0]) is is_left
    os.close(ours)
