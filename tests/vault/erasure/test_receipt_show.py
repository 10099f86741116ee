"""A receipt found again by its number, and the page of it that a customer gets."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.backups import back_up
from tests.support.certificates import code, published
from tests.support.clock import later
from tests.support.world import DUE_SOON, World, wait_until_due

SCRIPT = re.compile(r"<script|<img|<link|\bon\w+=|(?:src|url)\s*[=(]|https?:", re.IGNORECASE)


def withdrawn(world: World) -> str:
    return str(world.json("withdraw", "90000001", "--yes", who="siri")["number"])


def page(world: World, number: str, lang: str = "en", who: str = "siri") -> str:
    path = world.base / f"page of {who}.{lang}.html"
    assert world.json("receipt", "show", number, "--out", str(path), "--lang", lang, who=who)["out"] == str(path)
    return path.read_text("utf-8")


def inside(text: str) -> bytes:
    """The signed file that a page holds."""
    (link,) = re.findall(r'href="data:application/json;base64,([^"]+)"', text)
    return base64.b64decode(link)


def test_a_receipt_is_found_by_its_number_however_it_is_written(world: World) -> None:
    world.take_in("a", "b")
    number = withdrawn(world)
    bare = number.replace("-", "")
    for written in ((number,), (number.lower(),), (bare,), (bare[:4], bare[4:].lower())):
        told = world.json("receipt", "show", *written, who="siri")["receipt"]
        assert (told["number"], told["erased"]) == (number, 2)


@pytest.mark.parametrize("typed", ["ABCD-EFG", "ABCD-EFG0", "ABCD-EFGHJ", "../../store", "", "ÆBCD-EFGH"])
def test_what_can_be_no_number_is_told(world: World, typed: str) -> None:
    assert world.code("receipt", "show", typed, who="siri") == (2, "bad_receipt_number")


def test_only_support_and_officers_see_receipts(world: World) -> None:
    world.take_in("a")
    number = withdrawn(world)
    for who in ("leif", "iver", "cron", "telefon"):
        assert world.code("receipt", "show", number, who=who) == (13, "not_your_role")
    assert {world.json("receipt", "show", number, who=who)["ok"] for who in ("siri", "skranke", "sigrid")} == {True}
    denied = world.json("audit", "show", "--denied", who="iver")["entries"]
    assert {entry["action"] for entry in denied} == {"see_receipt"} and len(denied) == 4


@pytest.mark.slow
def test_support_sees_no_receipt_of_anybody_elses_recordings(world: World) -> None:
    world.take_in("old", started=datetime.now(UTC) - DUE_SOON)
    wait_until_due(world, 1)
    number = Path(world.json("purge", who="cron")["receipt"]).stem
    assert world.code("receipt", "show", number, who="siri") == (4, "no_such_receipt")
    assert world.json("receipt", "show", number, who="sigrid")["receipt"]["erased"] == 1
    assert "The recordings were 90 days old." in page(world, number, who="sigrid")


def test_a_receipt_that_was_changed_or_removed_is_not_shown(world: World) -> None:
    world.take_in("a")
    number = withdrawn(world)
    path = world.store / "receipts" / f"{number}.json"
    path.write_bytes(path.read_bytes().replace(b'"count":1', b'"count":0'))
    assert world.code("receipt", "show", number, who="siri") == (15, "receipt_changed")
    path.unlink()
    assert world.code("receipt", "show", number, who="siri") == (15, "receipt_changed")


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "nb",
            ["Opptak slettet</dt><dd>2,", "Ingen av dem kan åpne", "Samtykket ble trukket", "Vi krever at de slettes"],
        ),
        (
            "en",
            ["Recordings erased</dt><dd>2,", "none of them can open", "consent was withdrawn", "We require that they"],
        ),
    ],
)
def test_the_page_says_what_was_erased_holds_the_signed_file_and_nothing_of_a_person(
    world: World, lang: str, said: list[str]
) -> None:
    world.take_in("a", "b")
    number = withdrawn(world)
    text = page(world, number, lang)
    for words in (f'lang="{lang}"', number, *said, published(world)[1]):
        assert words in text
    assert inside(text) == (world.store / "receipts" / f"{number}.json").read_bytes()
    assert code(inside(text), *published(world)) == ""
    assert not SCRIPT.search(text)
    for personal in ("90000001", "900 00 001", "siri", "sigrid", "kundeservice", "pbx.a", "Ola"):
        assert personal not in text


def test_the_page_says_until_when_a_backup_opens_what_was_erased(fed: World) -> None:
    fed.take_in("a")
    back_up(fed, "--ring-hours", "12")
    number = withdrawn(fed)
    until = json.loads((fed.store / "receipts" / f"{number}.json").read_bytes())["ring_until"]
    assert "can open the recordings from a backup until" in page(fed, number)
    assert datetime.fromisoformat(until) > datetime.now(UTC)


def test_a_receipt_of_no_recordings_says_so(world: World) -> None:
    text = page(world, withdrawn(world))
    assert "There were no recordings to erase." in text and "destroyed" not in text


@pytest.mark.parametrize(("name", "is_page"), [("r.html", True), ("r.HTM", True), ("r.json", False), ("r", False)])
def test_a_withdrawal_writes_its_receipt_as_a_page_or_as_it_is_signed(world: World, name: str, is_page: bool) -> None:
    world.take_in("a")
    out = world.base / name
    told = world.run("withdraw", "90000001", "--yes", "--receipt-out", str(out), who="siri")
    assert f"is written to {out}." in told.out.splitlines()[0]
    raw = out.read_bytes()
    assert raw.startswith(b"<!doctype html>" if is_page else b"{")
    assert code(inside(raw.decode()) if is_page else raw, *published(world)) == ""


def test_asked_again_later_the_first_receipt_is_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take_in("a")
    number = withdrawn(world)
    later(monkeypatch, days=2)
    out = world.base / "again.html"
    world.json("withdraw", "90000001", "--yes", "--receipt-out", str(out), who="siri")
    assert number in out.read_text("utf-8")
