"""What a deletion receipt says, and what is printed of it. `tests/vault/certificates` shows that it is checked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.backups import back_up, lose, with_feed
from tests.support.certificates import code, published
from tests.support.world import World


def withdrawn(world: World) -> Path:
    return Path(world.json("withdraw", "90000001", "--yes", who="skranke")["receipt"])


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


def test_a_receipt_after_a_restore_goes_by_the_key_that_the_restore_told(fed: World) -> None:
    fed.take_in("a", "b")
    back_up(fed)
    fed.json("person", "remove", "turid", "--yes", who="sigrid")
    lose(fed)
    vkey = with_feed(fed)["vkey"]
    raw = withdrawn(fed).read_bytes()
    assert (code(raw, vkey), json.loads(raw)["count"]) == ("", 2)
    assert code(raw, published(fed)[0]) == "certificate_of_another_log"


@pytest.mark.parametrize(("lang", "said"), [("nb", "trukket"), ("en", "withdrawn")])
def test_a_receipt_can_be_printed_in_both_languages(fed: World, lang: str, said: str) -> None:
    fed.take_in("a", "b")
    back_up(fed)
    receipt, page = withdrawn(fed), fed.base / "receipt.html"
    words = ("certificate", "verify", str(receipt), "--page", str(page), "--lang", lang)
    assert fed.run(*words).exit == 0
    text = page.read_text("utf-8")
    assert f'lang="{lang}"' in text and said in text
    assert json.loads(receipt.read_text())["number"] in text
    assert "90000001" not in text and "skranke" not in text
    assert fed.run(*words).exit == 2, "nothing is overwritten"
