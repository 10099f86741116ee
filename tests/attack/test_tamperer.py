"""Whoever strikes or changes evidence, with the catalogue's key and own code: `verify` reads it from the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from arlo_rec.i18n.messages import say
from arlo_rec.keys import layout
from arlo_rec.store import Store
from tests.support.answers import opened
from tests.support.attack import own_code, problem_codes
from tests.support.backups import back_up
from tests.support.faults import damage
from tests.support.world import REASON, World

pytestmark = pytest.mark.rule("security.monitored")


def strike(sql: str) -> Callable[[Store], object]:
    return lambda store: store.db.run(sql)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (strike("DELETE FROM recipients WHERE kind = 'export'"), "disclosure_differs"),
        (strike("UPDATE recipients SET state = 'confirmed'"), "disclosure_differs"),
        (strike("UPDATE recipients SET person = 'turid'"), "disclosure_differs"),
        (
            strike("INSERT INTO recipients SELECT 1, kind, person, at, state, file FROM recipients LIMIT 1"),
            "disclosure_differs",
        ),
        (strike("DELETE FROM mentions WHERE seq = (SELECT max(seq) FROM mentions)"), "mentions_differ"),
        (strike("INSERT OR IGNORE INTO mentions SELECT recording, 0 FROM mentions"), "mentions_differ"),
        (strike("DELETE FROM tombstones"), "tombstone_missing"),
        (strike("UPDATE tombstones SET at = at - 1"), "tombstone_of_nobody"),
        (strike("UPDATE tombstones SET at = at + 1"), "tombstone_of_nobody"),
        (strike("INSERT INTO tombstones SELECT kind, x'00', at FROM tombstones"), "tombstone_of_nobody"),
        (strike("DELETE FROM burials"), "tombstone_missing"),
        (strike("UPDATE erasures SET recordings = ''"), "erasure_differs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_row_of_an_index_that_is_struck_or_changed_is_named(
    twin: World, change: Callable[[Store], object], code: str
) -> None:
    with own_code(twin, "iver") as store, store.change(datetime.now(UTC)):
        change(store)
    assert problem_codes(twin) >= {code}


@pytest.mark.parametrize("how", ["emptied", "changed", "of another"])
def test_a_receipt_that_was_changed_emptied_or_exchanged_is_named(twin: World, how: str) -> None:
    (receipt,) = (twin.store / "receipts").iterdir()
    if how == "emptied":
        receipt.write_bytes(b"")
    elif how == "changed":
        said = json.loads(receipt.read_text())
        receipt.write_text(json.dumps({**said, "count": 7}, sort_keys=True, separators=(",", ":")) + "\n")
    else:
        twin.json("withdraw", "90000001", "--yes", who="siri")
        newer = next(each for each in (twin.store / "receipts").iterdir() if each != receipt)
        receipt.write_bytes(newer.read_bytes())
    assert problem_codes(twin) == {"receipt_changed"}


@pytest.mark.parametrize("kind", ["people", "seals"])
def test_a_key_file_or_a_seal_that_was_damaged_is_named(twin: World, kind: str) -> None:
    place = layout.find(twin.store)
    path = place.key_file("leif") if kind == "people" else place.seal_file("cron")
    content = path.read_bytes()
    for at in (len(content) // 3, len(content) // 2, len(content) - 3):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert problem_codes(twin) == {"file_changed"}, at
    path.write_bytes(content)
    assert not problem_codes(twin)


def test_the_ballast_that_is_gone_is_named_by_verify_and_status(twin: World) -> None:
    (twin.store / "ballast").unlink()
    assert problem_codes(twin) == {"ballast_missing"}
    assert twin.run("status", "--json", who="iver").json["critical"] == ["ballast_missing"]
    twin.json("withdraw", "90000001", "--yes", who="siri")
    assert not problem_codes(twin)


def test_an_older_root_is_named_by_the_status_of_somebody_who_cannot_open_it(twin: World) -> None:
    root = twin.root / "root"
    older = root.read_bytes()
    twin.json("withdraw", "90000001", "--yes", who="siri")
    root.write_bytes(older)
    status = twin.run("status", "--json", who="iver")
    assert (status.exit, status.json["critical"]) == (3, ["root_older_than_catalogue"])


def test_an_access_answer_tells_an_export_that_was_struck_from_every_index(twin: World) -> None:
    with own_code(twin, "leif") as store, store.change(datetime.now(UTC)):
        store.db.run("DELETE FROM recipients")
        store.db.run("DELETE FROM mentions")
    out = twin.base / "second.html"
    answer = twin.json("dsar", "90000001", "--out", str(out), "--lang", "en", who="sigrid")
    letter = opened(out.read_bytes(), answer["passphrase"].encode())["letter_html"]
    assert say("letter.action.export", "en") in letter


def test_a_copy_of_which_no_file_came_is_no_disclosure_and_verify_agrees(twin: World) -> None:
    (left,) = (each for each in twin.take_in("d", seed=9, caller="+4790000003"))
    damage(twin.store / "objects" / left[:2] / left)
    why = ("--purpose", "quality", "--reason", REASON, "--out", str(twin.base / "never.wav"))
    assert twin.run("export", left, *why, who="leif").exit == 15
    assert problem_codes(twin) <= {"object_damaged"}
    assert not problem_codes(twin) & {"disclosure_differs"}


def test_a_restored_store_has_the_same_evidence(twin: World) -> None:
    back_up(twin)
    assert not problem_codes(twin)
