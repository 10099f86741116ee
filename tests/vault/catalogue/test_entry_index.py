"""The columns by which few entries of the log are found: they follow from the body, and say nothing by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.strict_json import canonical
from arlo_rec.vault.catalogue.audit_log import RawEntries
from arlo_rec.vault.catalogue.entry_index import EntryKind, columns_of, tag_of
from arlo_rec.vault.crypto.primitives import ColumnKey
from tests.support.catalogue import catalogue, strike
from tests.support.properties import examples
from tests.support.world import REASON, World

KEY = ColumnKey(b"k" * 32)
CALL = "ab" * 16
KINDS: tuple[tuple[dict[str, Any], EntryKind | None, bytes | None], ...] = (
    ({"action": "ingest", "detail": {"sworn": "00"}, "recordings": [CALL]}, None, bytes.fromhex(CALL)),
    ({"action": "ingest", "detail": {"request": "x"}}, None, None),
    ({"action": "pseudonymise", "detail": {"sworn": "00"}, "recordings": [CALL]}, EntryKind.COPY, bytes.fromhex(CALL)),
    ({"action": "dsar", "detail": {"case": "1", "sworn": "00"}}, EntryKind.CASE, None),
    ({"action": "dsar", "detail": {"case": "1", "request": "2"}}, EntryKind.REQUEST_OF_CASE, None),
    ({"action": "hold", "detail": {"request": "2"}, "recordings": [CALL]}, EntryKind.REQUEST, None),
    ({"action": "forget", "detail": {"case": "1"}}, EntryKind.FORGETTING, None),
    ({"action": "drill"}, EntryKind.DRILL, None),
    ({"action": "find", "detail": {"reason": 'of "case":"1" and "request":"2"'}}, None, None),
    ({"action": "purge", "recordings": [CALL]}, None, None),
)


@pytest.mark.parametrize(("body", "kind", "taken_in"), KINDS)
def test_an_entry_is_found_by_what_it_is_of(
    body: dict[str, Any], kind: EntryKind | None, taken_in: bytes | None
) -> None:
    assert columns_of(canonical(body), KEY) == (kind and tag_of(kind, KEY), taken_in)


def test_an_entry_whose_body_is_forgotten_is_found_by_nothing() -> None:
    assert columns_of(None, KEY) == (None, None)


def test_the_tag_of_a_kind_tells_nothing_without_the_key() -> None:
    tags = {tag_of(kind, key) for kind in EntryKind for key in (KEY, ColumnKey(b"l" * 32))}
    assert len(tags) == 2 * len(EntryKind)
    assert not [tag for tag in tags for kind in EntryKind if kind.value.encode() in tag]


@examples(300)
@given(st.binary(max_size=200), st.sampled_from([b"", b'"sworn":"', b'"sworn":"","recordings":["', b'"recordings":["']))
def test_any_bytes_have_columns(body: bytes, before: bytes) -> None:
    kind, taken_in = columns_of(before + body, KEY)
    assert kind is None or kind in {tag_of(each, KEY) for each in EntryKind}
    assert taken_in is None or len(taken_in) == 16


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entries SET kind = NULL WHERE kind IS NOT NULL",
        "UPDATE entries SET taken_in = NULL WHERE taken_in IS NOT NULL",
        "UPDATE entries SET kind = (SELECT max(kind) FROM entries) WHERE taken_in IS NOT NULL",
        "UPDATE entries SET sealed = NULL, kind = NULL WHERE taken_in IS NOT NULL",
    ],
)
def test_a_column_that_does_not_follow_from_its_entry_is_named(world: World, sql: str) -> None:
    world.take_in("a")
    hold = ("hold", "set", world.take_in("b")[0], "--ground", "18c", "--reason", REASON, "--until", "30d")
    world.json(*hold, who="sigrid")
    strike(world, sql)
    told = world.run("audit", "verify", "--json", who="iver")
    assert (told.exit, "entry_changed" in str(told.json)) == (15, True)


def test_what_is_found_by_a_column_is_what_a_search_of_all_entries_finds(world: World) -> None:
    (call,) = world.take_in("a")
    world.json("hold", "set", call, "--ground", "18c", "--reason", REASON, "--until", "30d", who="sigrid")
    db = catalogue(world)
    rows = [(seq, body or b"") for seq, body in RawEntries(db).bodies()]
    by_column = db.rows("SELECT seq FROM entries WHERE kind = ?", (tag_of(EntryKind.REQUEST, db.columns),))
    taking_in = db.rows("SELECT seq FROM entries WHERE taken_in = ?", (bytes.fromhex(call),))
    db.close()
    assert [seq for (seq,) in by_column] == [seq for seq, body in rows if b'"request":"' in body] != []
    assert [seq for (seq,) in taking_in] == [seq for seq, body in rows if b'"sworn":"' in body]
