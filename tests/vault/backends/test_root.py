"""One suite holds every keeper of the root secret to the port's words: two slots, and a key in OpenBao."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from arlo_rec.engines.openbao.openbao import BaoRoot
from arlo_rec.law.model.errors import Integrity, InUse
from arlo_rec.vault.backends import Root
from arlo_rec.vault.backends.files import FileRoot
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys.root_secret import SlotRoot
from tests.support.memory import MemoryRoot
from tests.support.openbao import OpenBao

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("openbao")]
STORE, SEED = b"s" * 16, b"r" * 32
DAYS = {20_800 + number: bytes([number]) * 32 for number in range(92)}
Again = Callable[[], Root]


@pytest.fixture(params=["files", "memory", "openbao"])
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Again:
    """The same root, opened by another run each time."""
    if request.param == "memory":
        memory = MemoryRoot()
        return lambda: SlotRoot(STORE, memory)
    if request.param == "files":
        FileRoot.create(tmp_path)
        return lambda: SlotRoot(STORE, FileRoot(tmp_path))
    bao: OpenBao = request.getfixturevalue("bao")
    address, folder = bao.fresh_key()
    files = FileRoot.create(tmp_path, has_slots=False)
    return lambda: BaoRoot(STORE, address, bao.access(folder), files.lock)


@pytest.fixture
def root(again: Again) -> Root:
    made = again()
    made.found(7, SEED, 1)
    made.founded()
    return made


def test_what_a_generation_wrapped_it_unwraps_in_every_run(root: Root, again: Again) -> None:
    wrapped = root.open(7, SEED).wrap(DAYS)
    assert all(len(each) == root.wrapped_bytes for each in wrapped.values())
    assert again().open(7, SEED).unwrap(wrapped) == DAYS
    assert again().open(7, SEED).unwrap({}) == {} == again().open(7, SEED).wrap({})


def test_a_key_that_was_changed_or_is_of_another_day_is_left_out_and_the_others_open(root: Root) -> None:
    wrapped = root.open(7, SEED).wrap(DAYS)
    first, second, third = list(wrapped)[:3]
    wrapped[first], wrapped[second] = wrapped[second], wrapped[first]
    wrapped[third] = wrapped[third][:-1] + bytes([wrapped[third][-1] ^ 1])
    assert set(root.open(7, SEED).unwrap(wrapped)) == set(DAYS) - {first, second, third}
    assert root.open(7, SEED).unwrap({first: b"", second: bytes(5)}) == {}


def test_a_root_seed_of_others_opens_nothing(root: Root) -> None:
    wrapped = root.open(7, SEED).wrap(DAYS)
    try:
        opened = root.open(7, b"x" * 32).unwrap(wrapped)
    except Integrity as problem:
        opened = {}
        assert problem.code == "root_does_not_open"
    assert opened == {}


def test_until_an_erasure_is_settled_both_generations_open_and_then_the_catalogues_alone(
    root: Root, again: Again
) -> None:
    old = root.open(7, SEED).wrap(DAYS)
    generation, key = root.begin(7, SEED, 1)
    assert generation == 8
    new = key.wrap(DAYS)
    assert again().open(7, SEED).unwrap(old) == DAYS
    assert again().open(8, SEED).unwrap(new) == DAYS
    assert again().open(8, SEED).unwrap(old) == {}
    assert again().unsettled(8) is not None
    again().settle(8)
    assert again().unsettled(8) is None
    again().settle(8)
    assert again().open(8, SEED).unwrap(new) == DAYS
    with pytest.raises(Integrity) as caught:
        again().open(7, SEED)
    assert caught.value.code == "catalogue_older_than_root"


def test_an_erasure_that_died_before_its_commit_leaves_the_old_generation(root: Root, again: Again) -> None:
    old = root.open(7, SEED).wrap(DAYS)
    dead, key = root.begin(7, SEED, 1)
    lost = key.wrap(DAYS)
    assert again().open(7, SEED).unwrap(old) == DAYS
    again().settle(7)
    generation, key = again().begin(7, SEED, 1)
    new = key.wrap(DAYS)
    again().settle(generation)
    assert again().open(generation, SEED).unwrap(new) == DAYS
    assert again().open(generation, SEED).unwrap(old) == {}
    assert again().open(generation, SEED).unwrap(lost) == {}, "what died may lie in freed pages of the catalogue"
    if dead != generation:
        with pytest.raises(Integrity):
            again().open(dead, SEED)


def test_generations_follow_each_other_for_long(root: Root, again: Again) -> None:
    wrapped = root.open(7, SEED).wrap(DAYS)
    generation = 7
    for _ in range(12):
        following, key = again().begin(generation, SEED, 1)
        wrapped = key.wrap(again().open(generation, SEED).unwrap(wrapped))
        again().settle(following)
        generation = following
    assert again().open(generation, SEED).unwrap(wrapped) == DAYS


def test_a_catalogue_of_another_generation_is_refused(root: Root, again: Again) -> None:
    for generation, code in ((9, "root_older_than_catalogue"), (6, "catalogue_older_than_root")):
        for ask in (again().unsettled, again().settle, lambda number: again().open(number, SEED)):
            with pytest.raises(Integrity) as caught:
                ask(generation)
            assert caught.value.code == code
        with pytest.raises(Integrity):
            again().begin(generation, SEED, 1)


def test_a_new_seed_protects_the_next_generation(root: Root, again: Again) -> None:
    seed = primitives.fresh()
    wrapped = root.begin(7, seed, 2)[1].wrap(DAYS)
    again().settle(8)
    assert again().open(8, seed).unwrap(wrapped) == DAYS


def test_the_state_seen_is_changed_whole_or_left(root: Root, again: Again) -> None:
    root.update_seen(lambda _copies: b"first")
    again().update_seen(lambda copies: None if any(copies) else b"never")
    assert {copy.rstrip(b"\0") for copy in again().read_seen()} == {b"first"}


def test_runs_beside_each_other_lose_no_state_seen(root: Root, again: Again) -> None:
    def counted(copies: list[bytes]) -> bytes:
        newest = max((copy.rstrip(b"\0") for copy in copies), default=b"")
        if not newest and not again_seen:  # another run comes first
            again_seen.append(True)
            if isinstance(root, BaoRoot):
                again().update_seen(counted)
                return b"1"
        return str(int(newest or b"0") + 1).encode()

    again_seen = list[bool]()
    root.update_seen(counted)
    again().update_seen(counted)
    newest = max(copy.rstrip(b"\0") for copy in again().read_seen())
    assert newest == (b"3" if isinstance(root, BaoRoot) else b"2")


def test_a_run_alone_keeps_others_out(root: Root, again: Again) -> None:
    with root.lock(exclusive=True, wait=0), pytest.raises(InUse), again().lock(exclusive=False, wait=0):
        pass


def test_a_root_of_a_store_that_was_never_made_may_be_made_anew(again: Again) -> None:
    again().found(1, SEED, 1)
    again().demand_free()
    made = again()
    made.found(5, SEED, 1)
    made.founded()
    assert again().unsettled(5) is None
