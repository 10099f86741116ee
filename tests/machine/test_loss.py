"""What docs/operating.md says to do when something or somebody is lost, done."""

from __future__ import annotations

import json
import shutil
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Usage
from arlo_rec.office import slip39
from arlo_rec.vault.keys.key_files import RECOVERY_GROUPS, readable_secret
from tests.support.backups import back_up, is_whole, lose, opened, places, with_feed
from tests.support.feed import empty
from tests.support.feed import path as feed_path
from tests.support.places import TOP
from tests.support.properties import examples
from tests.support.world import REASON, Result, World

pytestmark = pytest.mark.slow

ANSWER = ("--identity", "called back on the number of the contract")


def secret(world: World, name: str, text: str) -> str:
    """A passphrase in a file of its owner's."""
    path = world.base / name
    path.write_text(text + "\n", "utf-8")
    path.chmod(0o600)
    return str(path)


def as_officer(world: World, name: str, text: str, *words: str) -> Result:
    return world.run(*words, "--as", name, "--passphrase-file", secret(world, f"{name}.secret", text), "--json")


def recovery_key(world: World) -> str:
    return str(json.loads((world.base / "init.json").read_text())["recovery_key"])


# -- a lost passphrase --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_only_officer_lost_the_passphrase_and_the_recovery_key_gives_a_new_one(world: World) -> None:
    world.take_in("a")
    told = as_officer(world, "recovery", recovery_key(world), "person", "passphrase", "--reset", "sigrid")
    once = told.json["one_time_passphrase"]
    new = secret(world, "new", "et nytt passord for sigrid")
    assert as_officer(world, "sigrid", once, "person", "passphrase", "--new-passphrase-file", new).exit == 0
    assert world.run("person", "list", who="sigrid").exit == 12, "the lost one opens nothing"
    granted = ("grant", "leif", "--all-teams", "--purpose", "quality", "--reason", REASON)
    assert as_officer(world, "sigrid", "et nytt passord for sigrid", *granted).exit == 0
    assert len(world.json("find", "--purpose", "quality", "--reason", REASON, who="leif")["recordings"]) == 1


@pytest.mark.slow
def test_a_second_officer_gives_the_first_a_new_passphrase(world: World) -> None:
    words = ("person", "add", "sara", "--role", "officer", "--new-passphrase-file", str(world.base / "passphrase"))
    world.json(*words, who="sigrid")
    once = world.json("person", "passphrase", "--reset", "sigrid", who="sara")["one_time_passphrase"]
    new = secret(world, "new", "et nytt passord for sigrid")
    assert as_officer(world, "sigrid", once, "person", "passphrase", "--new-passphrase-file", new).exit == 0
    assert as_officer(world, "sigrid", "et nytt passord for sigrid", "person", "list").exit == 0


def test_any_three_of_five_shares_give_the_recovery_key_and_two_say_nothing(world: World) -> None:
    key = recovery_key(world)
    words = ("recovery", "split", "--shares", "5", "--threshold", "3")
    made = world.json(*words, "--passphrase-file", secret(world, "recovery", key))["shares"]
    files = []
    for number, one in enumerate(made):
        files.append(world.base / f"share-{number}")
        files[-1].write_text(one.upper() + "\n", "utf-8")
    for some in combinations(files, 3):
        assert world.json("recovery", "join", *map(str, some))["recovery_key"] == key
    for some in combinations(files, 2):
        assert world.run("recovery", "join", *map(str, some)).exit == 2
    joined = world.json("recovery", "join", *map(str, files[1:4]))["recovery_key"]
    assert as_officer(world, "recovery", joined, "person", "list").exit == 0


def test_a_key_that_opens_nothing_is_not_split(world: World) -> None:
    words = ("recovery", "split", "--shares", "3", "--threshold", "2", "--passphrase-file")
    assert world.run(*words, secret(world, "other", readable_secret(RECOVERY_GROUPS))).exit == 12
    noted = world.json("audit", "show", "--action", "unlock", who="iver")["entries"]
    assert [one["detail"]["name"] for one in noted] == ["recovery"]
    assert world.run(*words, secret(world, "wrong", "riktig hest batteri stift")).exit == 2
    key = secret(world, "recovery", recovery_key(world))
    for count, threshold in (("3", "4"), ("3", "1"), ("17", "2"), ("1", "1")):
        words = ("recovery", "split", "--shares", count, "--threshold", threshold, "--passphrase-file", key)
        assert world.run(*words).exit == 2, (count, threshold)


def by_name(shares: list[str]) -> dict[str, str]:
    return {str(number): share for number, share in enumerate(shares)}


@examples(20)
@given(st.integers(2, 5), st.integers(0, 5), st.randoms())
def test_shares_of_any_key_give_it_back(threshold: int, more: int, chance: object) -> None:
    key = readable_secret(RECOVERY_GROUPS)
    made = slip39.split(key, threshold, threshold + more)
    chance.shuffle(made)  # type: ignore[attr-defined]
    assert slip39.join(by_name(made[:threshold])) == key
    with pytest.raises(Usage):
        slip39.join(by_name(made[: threshold - 1]))
    words = made[0].split()
    words[3], words[4] = words[4], words[3]
    if words[3] != words[4]:
        with pytest.raises(Usage):
            slip39.join(by_name([" ".join(words), *made[1:threshold]]))


# -- an officer leaves --------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_officer_hands_over_in_one_command_and_is_out(world: World) -> None:
    world.take_in("a")
    told = world.json("person", "remove", "sigrid", "--successor", "sara", "--yes", who="sigrid")
    assert (told["successor"], told["person"]["name"], told["rekeyed"]) == ("sara", "sigrid", True)
    assert world.run("person", "list", who="sigrid").exit == 12
    assert as_officer(world, "recovery", recovery_key(world), "person", "list").exit == 12, "she may have read it"
    assert as_officer(world, "recovery", told["recovery_key"], "person", "list").exit == 0
    once = told["one_time_passphrase"]
    assert as_officer(world, "sara", once, "person", "list").exit == 12, "until she has set her own"
    new = secret(world, "new", "saras helt egne passord")
    assert as_officer(world, "sara", once, "person", "passphrase", "--new-passphrase-file", new).exit == 0
    world.take_in("b", seed=4)

    def sara(*words: str) -> Result:
        return as_officer(world, "sara", "saras helt egne passord", *words)

    assert sara("grant", "leif", "--all-teams", "--purpose", "quality", "--reason", REASON).exit == 0
    assert len(world.json("find", "--purpose", "quality", "--reason", REASON, who="leif")["recordings"]) == 2
    answered = sara("dsar", "90000001", *ANSWER, "--out", str(world.base / "answer.html"))
    assert answered.json["recordings"] == 2, "what was taken in before she came, too"
    assert sara("person", "remove", "leif", "--yes").exit == 0
    is_whole(world)


@pytest.mark.parametrize("name", ["sigrid", "leif", ""])
def test_the_office_goes_to_somebody_new(world: World, name: str) -> None:
    assert world.run("person", "remove", "sigrid", "--successor", name, "--yes", who="sigrid").exit == 2
    assert world.run("person", "list", who="sigrid").exit == 0


def test_nobody_but_an_officer_hands_over_and_none_without_a_confirmation(world: World) -> None:
    assert world.run("person", "remove", "leif", "--successor", "sara", "--yes", who="leif").exit == 13
    assert world.run("person", "remove", "sigrid", "--successor", "sara", who="sigrid").exit == 2
    assert world.code("person", "remove", "leif", "--successor", "sara", "--yes", who="sigrid") == (
        2,
        "successor_of_another",
    )
    assert {one["name"] for one in world.json("person", "list", who="sigrid")["persons"]}.isdisjoint({"sara"})


# -- a service's key ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["telefon", "cron", "skranke"])
def test_a_services_key_is_rotated_and_the_old_one_opens_nothing(world: World, name: str) -> None:
    world.take_in("a")
    old = world.key(name).rename(world.base / "old.key")
    world.json("person", "rotate", name, "--key-out", str(world.key(name)), who="sigrid")
    assert world.run("status", "--key-file", str(old)).exit == 12
    assert world.run("status", who=name).exit == 0
    assert len(world.take_in("b", seed=4)) == 1
    assert world.json("withdraw", "90000001", "--yes", who="skranke")["erased"] == 2
    assert world.run("purge", who="cron").exit == 0
    is_whole(world)


def test_only_services_are_rotated_and_no_file_is_overwritten(world: World) -> None:
    out = str(world.base / "new.key")
    assert world.run("person", "rotate", "leif", "--key-out", out, who="sigrid").exit == 4
    assert world.run("person", "rotate", "nobody", "--key-out", out, who="sigrid").exit == 4
    assert world.run("person", "rotate", "cron", "--key-out", str(world.key("cron")), who="sigrid").exit == 2
    assert world.run("person", "rotate", "cron", "--key-out", out, who="leif").exit == 13
    assert world.run("purge", who="cron").exit == 0


# -- a part of the store ------------------------------------------------------------------------------


def move_away(world: World) -> None:
    """What docs/operating.md says before a restore on the same machine."""
    for one in (world.store, world.root):
        if one.exists():
            one.rename(one.with_name(one.name + ".lost"))


def test_the_root_folder_is_lost(fed: World) -> None:
    kept, gone = fed.take_in("a", "b")
    back_up(fed)
    fed.json("withdraw", "--call", gone, "--yes", who="skranke")
    shutil.rmtree(fed.root)
    found = fed.run("status", "--json", who="iver")
    assert (found.exit, found.json["error"]["code"]) == (15, "root_missing")
    move_away(fed)
    assert with_feed(fed)["erased"] == 1
    assert opened(fed) == {kept}
    is_whole(fed)


@pytest.mark.in_a_file
def test_the_catalogue_is_lost(fed: World) -> None:
    kept, gone = fed.take_in("a", "b")
    back_up(fed)
    fed.json("withdraw", "--call", gone, "--yes", who="skranke")
    for one in fed.store.glob("catalogue.db*"):
        one.unlink()
    found = fed.run("status", "--json", who="iver")
    assert (found.exit, found.json["error"]["code"]) == (15, "catalogue_missing")
    move_away(fed)
    with_feed(fed)
    assert opened(fed) == {kept}
    is_whole(fed)


def test_entries_of_the_log_are_lost_and_come_back_from_the_feed(fed: World) -> None:
    from tests.support.catalogue import vandal

    fed.take_in("a")
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    size = fed.json("status", who="iver")["log_size"]
    with vandal(fed) as db:
        db.run("DELETE FROM entries WHERE seq > 3")
    assert fed.run("verify", who="iver").exit == 15
    move_away(fed)
    with_feed(fed)
    is_whole(fed)
    entries = fed.json("audit", "show", who="iver")["entries"]
    assert [one["seq"] for one in entries][:size] == list(range(size))


def test_the_feed_is_lost_and_a_new_one_is_filled(fed: World) -> None:
    fed.take_in("a")
    feed_path(fed).unlink()
    assert fed.run("status", "--json", who="iver").json["critical"] == ["feed_unreachable"]
    feed_path(fed).touch()
    assert fed.run("status", "--json", who="iver").json["critical"] == ["feed_of_another"], "it may be anybody's"
    empty(fed)
    assert fed.run("status", "--json", who="iver").json["critical"] == []
    assert fed.run("verify", who="iver").exit == 0
    back_up(fed)
    fed.json("withdraw", "90000001", "--yes", who="skranke")
    lose(fed)
    assert with_feed(fed)["erased"] == 1


def test_the_ring_is_lost_and_a_new_backup_makes_another(fed: World) -> None:
    (kept,) = fed.take_in("a")
    back_up(fed)
    shutil.rmtree(places(fed)[1])
    assert fed.run("status", "--json", who="iver").json["critical"] == ["escrow_unreachable"]
    for _ in range(2):  # the second time it is said to be destroyed
        assert fed.run("backup", "--forget", str(places(fed)[1]), who="sigrid").exit == 3
    back_up(fed)
    assert fed.run("status", "--json", who="iver").json["critical"] == []
    lose(fed)
    with_feed(fed)
    assert opened(fed) == {kept}


def test_the_backup_is_lost_and_the_next_one_is_whole(fed: World) -> None:
    ids = set(fed.take_in("a", "b"))
    back_up(fed)
    shutil.rmtree(places(fed)[0])
    assert fed.run("status", "--json", who="iver").json["critical"] == ["backup_unreachable"]
    assert fed.json("backup", "--forget", str(places(fed)[0]), who="sigrid")["forgotten"]["emptied"]
    back_up(fed, who="sigrid")
    lose(fed)
    with_feed(fed)
    assert opened(fed) == ids


def test_every_page_of_the_manual_on_loss_is_a_test() -> None:
    """The headings of docs/operating.md below "When something or somebody is lost", each by its words."""
    manual = (TOP / "docs" / "operating.md").read_text("utf-8")
    pages = manual.split("## When something or somebody is lost\n", 1)[1].split("\n## ", 1)[0]
    headings = [line.removeprefix("### ") for line in pages.splitlines() if line.startswith("### ")]
    assert headings == [
        "A lost passphrase",
        "An officer leaves",
        "A service's key",
        "The machine, the catalogue or the log",
        "The root folder",
        "The feed, the ring or the backup",
    ]
