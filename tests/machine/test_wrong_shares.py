"""Shares of the recovery key of which one is wrong: it is named where that can be known, and none of it is quoted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest
from shamir_mnemonic.share import Share

from arlo_rec.law.messages import say
from arlo_rec.office import slip39
from arlo_rec.vault.keys.key_files import RECOVERY_GROUPS, readable_secret
from tests.support.world import World

pytestmark = pytest.mark.slow
KEY = readable_secret(RECOVERY_GROUPS)
MADE = slip39.split(KEY, 3, 5)
OTHERS = slip39.split(readable_secret(RECOVERY_GROUPS), 3, 5)  # of an earlier key, or of another store
AGAIN = slip39.split(KEY, 3, 5)
Change = Callable[[str], str]


def changed(**facts: object) -> Change:
    """A share with other facts and the checksum that fits them."""
    return lambda share: replace(Share.from_mnemonic(share), **facts).mnemonic()  # type: ignore[arg-type]


def other_word(share: str) -> str:
    words = share.split()
    words[9] = "academic" if words[9] != "academic" else "acid"
    return " ".join(words)


def swapped(share: str) -> str:
    words = share.split()
    at = next(at for at in range(4, 20) if words[at] != words[at + 1])
    words[at : at + 2] = reversed(words[at : at + 2])
    return " ".join(words)


def forged(share: str) -> str:
    told = Share.from_mnemonic(share)
    return replace(told, value=bytes([told.value[0] ^ 1]) + told.value[1:]).mnemonic()


WRONG: dict[str, tuple[Change, str]] = {
    "a word is another": (other_word, "share_misspelt"),
    "two words changed places": (swapped, "share_misspelt"),
    "a word is missing": (lambda share: share.rpartition(" ")[0], "share_misspelt"),
    "a word is in no list": (lambda share: share.replace(share.split()[7], "gjenopprett"), "share_misspelt"),
    "it is empty": (lambda _: "", "share_misspelt"),
    "of another key": (lambda _: OTHERS[2], "shares_of_other_splits"),
    "of the same key, printed at another time": (lambda _: AGAIN[2], "shares_of_other_splits"),
    "it says that two are enough": (changed(member_threshold=2), "shares_of_other_splits"),
    "it says that four are needed": (changed(member_threshold=4), "shares_of_other_splits"),
    "of several groups": (changed(group_count=2), "share_of_something_else"),
    "it asks for more work": (changed(iteration_exponent=15), "share_of_something_else"),
    "of a shorter secret": (changed(value=bytes(16)), "share_of_something_else"),
    "it says that one is enough": (changed(member_threshold=1), "share_of_something_else"),
    "it has the number of another": (changed(index=0), "share_twice"),
    "its value was changed": (forged, "shares_do_not_fit"),
    "it is there twice": (lambda _: MADE[1], "shares_too_few"),
}
AT_FAULT = {"share_misspelt", "share_of_something_else", "shares_of_other_splits", "share_twice"}


def joined(world: World, *shares: str) -> tuple[int, dict[str, str], str]:
    files = [world.base / f"share-{number}" for number in range(len(shares))]
    for path, share in zip(files, shares, strict=True):
        path.write_text(share + "\n", "utf-8")
    told = world.run("recovery", "join", *map(str, files), "--json")
    return told.exit, told.json, told.out + told.err


@pytest.mark.parametrize("wrong", WRONG)
def test_a_share_that_is_wrong_is_named_and_not_quoted_and_the_right_ones_still_join(world: World, wrong: str) -> None:
    change, code = WRONG[wrong]
    share = change(MADE[2])
    exit, told, said = joined(world, MADE[0], MADE[1], share)
    assert (exit, told["error"]["code"]) == (2, code), told
    named = {number for number in range(3) if f"share-{number}" in told["error"]["message"]}
    assert named == ({0, 2} if code == "share_twice" else {2} if code in AT_FAULT else set())
    ours = say(f"error.{code}", "en", **dict.fromkeys(("file", "files", "other", "needed", "count"), "")).split()
    secret = {word for one in (*MADE[:2], share) for word in one.split() if len(word) > 4}
    assert not set(said.split()) & (secret - {*ours}), "`belong` is a word of shares, and of our sentences"
    assert KEY not in said
    assert joined(world, *MADE[:3])[1]["recovery_key"] == KEY


def test_where_no_share_has_most_on_its_side_all_are_named(world: World) -> None:
    _, told, _ = joined(world, MADE[0], OTHERS[0])
    assert all(f"share-{number}" in told["error"]["message"] for number in range(2))


def test_order_and_shares_beyond_those_needed_change_nothing_and_one_too_many_may_be_wrong() -> None:
    for some in permutations(MADE[:3]):
        assert slip39.join(dict(zip("abc", some, strict=True))) == KEY
    assert slip39.join(dict(zip("abcde", MADE, strict=True))) == KEY
    assert slip39.join(dict(zip("abcd", [forged(MADE[0]), *MADE[1:4]], strict=True))) == KEY
