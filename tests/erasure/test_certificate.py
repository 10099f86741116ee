"""A receipt convinces somebody who has neither the store nor the program, and nothing that was changed does."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.crypto import merkle, primitives
from arlo_rec.erasure import receipt_form, receipts
from arlo_rec.keys import vouching
from arlo_rec.model.errors import Integrity
from arlo_rec.model.strict_json import to_base64
from arlo_rec.policy import Role
from tests.support.backups import back_up, lose, with_feed
from tests.support.places import TOP
from tests.support.world import World

SCRIPT = TOP / "docs" / "verify_certificate.py"
MUTATIONS = 1000


def script() -> ModuleType:
    """The script that is handed out, as a module."""
    spec = importlib.util.spec_from_file_location("verify_certificate", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def withdrawn(world: World) -> Path:
    return Path(world.json("withdraw", "90000001", "--yes", who="skranke")["receipt"])


def published(world: World) -> tuple[str, str]:
    """The keys of the log and of the first officer."""
    told = json.loads((world.base / "init.json").read_text())
    return str(told["vkey"]), str(told["officer_vkey"])


def test_a_receipt_says_what_when_why_and_where(world: World) -> None:
    ids = world.take_in("a", "b")
    told = json.loads(withdrawn(world).read_text("utf-8"))
    assert told["recordings"] == sorted(ids) or set(told["recordings"]) == set(ids)
    day = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%d}"
    assert (told["count"], told["days"], told["rule"]) == (2, {day: 2}, "consent.withdraw")
    assert told["places"] == ["root", "catalogue", "objects", "journal"]
    assert (told["ring_until"], told["feed"]) == (None, None)


def test_it_names_the_hour_after_which_no_ring_holds_the_old_root_and_whether_the_feed_knows(fed: World) -> None:
    fed.take_in("a")
    back_up(fed, "--ring-hours", "12")
    told = json.loads(withdrawn(fed).read_text("utf-8"))
    erased, until = (datetime.fromisoformat(told[key]) for key in ("erased_at", "ring_until"))
    assert until - erased == timedelta(hours=12)
    assert told["feed"] is True


def test_the_feed_that_could_not_be_reached_is_told(fed: World) -> None:
    fed.take_in("a")
    (fed.base / "mount").rename(fed.base / "unmounted")
    assert json.loads(withdrawn(fed).read_text("utf-8"))["feed"] is False


def test_the_script_is_short_and_needs_nothing_but_cryptography() -> None:
    text = SCRIPT.read_text("utf-8")
    assert len(text.splitlines()) < 530
    assert "arlo_rec" not in text


def test_somebody_without_the_program_can_check_a_receipt(world: World) -> None:
    world.take_in("a")
    receipt = withdrawn(world)
    for more in ([], published(world)[:1], published(world)):
        done = subprocess.run(
            [sys.executable, "-I", SCRIPT, receipt, *more], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done
    other = merkle.vkey("arlo-rec/" + "00" * 16, bytes(32))
    assert subprocess.run([sys.executable, SCRIPT, receipt, other], capture_output=True, check=False).returncode == 1
    receipt.write_bytes(receipt.read_bytes().replace(b'"count":1', b'"count":2'))
    assert subprocess.run([sys.executable, SCRIPT, receipt], capture_output=True, check=False).returncode == 1


def mutations(raw: bytes, seed: int) -> list[bytes]:
    """As many changed receipts, each another one: bytes, lines of the JSON, and values in it."""
    chance, found = random.Random(seed), set[bytes]()
    told = json.loads(raw)

    def byte() -> bytes:
        at = chance.randrange(len(raw))
        return raw[:at] + bytes([raw[at] ^ (1 << chance.randrange(8))]) + raw[at + 1 :]

    def cut() -> bytes:
        begin = chance.randrange(len(raw))
        return raw[:begin] + raw[begin + chance.randint(1, 40) :]

    def twice() -> bytes:
        begin = chance.randrange(len(raw))
        return raw[:begin] + raw[begin : begin + chance.randint(1, 40)] + raw[begin:]

    def value() -> bytes:
        changed = json.loads(raw)
        key = chance.choice(sorted(changed))
        changed[key] = chance.choice([None, 0, 1, "", "x", [], {}, changed[chance.choice(sorted(changed))]])
        return written(changed)

    def missing() -> bytes:
        changed = json.loads(raw)
        del changed[chance.choice(sorted(changed))]
        return written(changed)

    def spaced() -> bytes:
        at = chance.randrange(len(raw))
        return raw[:at] + chance.choice([b" ", b"\n", b"\t"]) + raw[at:]

    ways: list[Callable[[], bytes]] = [byte, cut, twice, value, missing, spaced]
    while len(found) < MUTATIONS:
        one = chance.choice(ways)()
        if one != raw and one != written(told):
            found.add(one)
    return sorted(found)


def written(told: dict[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def test_of_a_thousand_changed_receipts_not_one_is_taken_for_genuine(world: World, seed: int) -> None:
    world.take_in("a", "b")
    world.json("person", "remove", "turid", "--yes", who="sigrid")  # so that two keys of the log are inside
    raw = withdrawn(world).read_bytes()
    checker = script()
    assert checker.check(raw, *published(world)) == json.loads(raw)
    assert receipts.verify(raw, published(world)).document["count"] == 2
    for one in mutations(raw, seed):
        with pytest.raises(Integrity):
            receipts.verify(one)
        with pytest.raises(checker.Forged):
            checker.check(one)


def test_an_erasure_that_is_not_in_the_log_has_no_receipt_though_the_log_signed_one() -> None:
    """Signed by the key of a log of its own, so that nothing else is wrong with it."""
    key, origin, store = primitives.SigningKey.from_seed(b"\x66" * 32), "arlo-rec/" + "ab" * 16, b"\xab" * 16
    eraser = primitives.SigningKey.from_seed(b"\x77" * 32)
    signer = merkle.signer_name(origin, eraser.public)
    leaves = [bytes([count]) * 32 for count in range(6)]
    tree = merkle.Tree()
    for leaf in leaves[:-1]:
        tree = tree.add(leaf)
    note = merkle.sign_note(
        merkle.Checkpoint(origin, 5, 6, tree.add(leaves[-1]).root()).text(), [(origin, key), (signer, eraser)]
    )
    path = [to_base64(one) for one in merkle.path_of_last(tree)]

    def receipt(**entry: Any) -> bytes:
        told: dict[str, Any] = {
            "format": 1, "kind": receipt_form.KIND, "number": "ABCD-EFGH", "store": "ab" * 16, "event": "withdrawal",
            "rule": "consent.withdraw", "policy": "2026-01", "erased_at": "2026-10-01T08:00:00Z", "count": 0,
            "recordings": [], "days": {}, "places": ["root", "catalogue", "objects"], "ring_until": None, "feed": None,
            "entry": {"seq": 5, "leaf": to_base64(leaves[-1]), "path": path, **entry}, "checkpoint": note,
            "log_keys": [{"vkey": merkle.vkey(origin, key.public), "statement": None}],
            "signers": vouching.to_json([vouching.vouch(eraser, store, eraser.public, Role.OFFICER, 0)]),
        }  # fmt: skip
        told["erased_by"] = to_base64(eraser.sign(receipts._erased_message(told, told["entry"]["seq"])))
        return written({**told, "signature": to_base64(key.sign(receipts._message(told)))})

    checker = script()
    assert receipts.verify(receipt()).document["count"] == checker.check(receipt())["count"] == 0
    for wrong in (
        {"seq": 4},
        {"leaf": to_base64(bytes(32))},
        {"path": path[:-1]},
        {"path": []},
        {"path": [*path, path[0]]},
    ):
        with pytest.raises(Integrity):
            receipts.verify(receipt(**wrong))
        with pytest.raises(checker.Forged):
            checker.check(receipt(**wrong))


def test_a_receipt_after_a_restore_goes_by_the_key_that_the_restore_told(fed: World) -> None:
    fed.take_in("a", "b")
    back_up(fed)
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    lose(fed)
    vkey = with_feed(fed)["vkey"]
    raw = withdrawn(fed).read_bytes()
    assert script().check(raw, vkey)["count"] == 2
    assert receipts.verify(raw, [vkey]).document["count"] == 2
    with pytest.raises(Integrity):
        receipts.verify(raw, published(fed)[:1])


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70))
def test_the_path_of_the_last_leaf_leads_to_the_root(leaves: list[bytes]) -> None:
    tree = merkle.Tree()
    for leaf in leaves[:-1]:
        tree = tree.add(leaf)
    path, whole = merkle.path_of_last(tree), tree.add(leaves[-1])
    assert merkle.root_by_path(leaves[-1], tree.size, whole.size, path) == whole.root()
    assert script().root_of(leaves[-1], tree.size, whole.size, path) == whole.root()
    assert merkle.root_by_path(bytes(32), tree.size, whole.size, path) != whole.root() or leaves[-1] == bytes(32)
    assert merkle.root_by_path(leaves[-1], tree.size, whole.size, (*path, bytes(32))) != whole.root()


@pytest.mark.parametrize(("lang", "said"), [("nb", "trukket"), ("en", "withdrawn")])
def test_a_receipt_can_be_printed_in_both_languages(fed: World, lang: str, said: str) -> None:
    ids = fed.take_in("a", "b")
    back_up(fed)
    receipt, page = withdrawn(fed), fed.base / "receipt.html"
    words = ("certificate", "verify", str(receipt), "--page", str(page), "--lang", lang)
    assert fed.run(*words).exit == 0
    text = page.read_text("utf-8")
    assert f'lang="{lang}"' in text and said in text
    for one in (json.loads(receipt.read_text())["number"], *ids):
        assert one in text
    assert "90000001" not in text and "skranke" not in text
    assert fed.run(*words).exit == 2, "nothing is overwritten"
