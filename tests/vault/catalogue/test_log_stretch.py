"""The check of a log in stretches: whom an entry names is seen without parsing it, and never wrongly."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from arlo_rec.law.log.entries import read_body
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.vault.catalogue.log_stretch import names_at_its_top
from tests.support.properties import examples

NAME = "iver"
NAMED = b'"person":"iver","policy":"'
keys = st.sampled_from(["action", "detail", "outcome", "person", "policy", "recordings", "rule", 'a"person'])
words = st.sampled_from(["", NAME, "leif", "2026-01", "}", '"', "\\", "person", '","person":"iver","policy":"', "ø"])
values = st.recursive(words, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=4))
entries = st.dictionaries(keys, values, max_size=6)


def is_wrong(body: bytes) -> bool:
    """Whether a body is seen to name somebody whom its JSON does not name."""
    try:
        return names_at_its_top(body, NAMED) and read_body(body).get("person") != NAME
    except ValueError:
        return False  # no JSON names anybody


@examples(600)
@example({'a"person': NAME, "policy": "2026-01", "x": "leif"}, (",", ":"), False, False)
@given(entries, st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :"), (",", " :")]), st.booleans(), st.booleans())
def test_an_entry_of_any_spelling_that_is_seen_to_name_somebody_names_them(
    entry: dict[str, Any], separators: tuple[str, str], is_ascii: bool, is_sorted: bool
) -> None:
    text = json.dumps(entry, separators=separators, ensure_ascii=is_ascii, sort_keys=is_sorted)
    assert not is_wrong(text.encode("utf-8"))
    assert not is_wrong(text.replace('"person"', '"p\\u0065rson"', 1).encode("utf-8"))


@examples(600)
@given(entries, st.data())
@example({"detail": {"person": NAME, "policy": "2026-01"}}, None)
@example({"detail": {"person": NAME, "policy": "2026-01"}, "person": "leif", "policy": "2026-01"}, None)
def test_an_entry_that_is_changed_anywhere_is_seen_to_name_nobody_whom_it_does_not_name(
    entry: dict[str, Any], data: st.DataObject | None
) -> None:
    body = canonical(entry)
    if data is not None:
        at = data.draw(st.integers(0, len(body)))
        put = data.draw(st.sampled_from([b"", b"}", b'"', b",", b" ", b"\\", b"{", b'"person":"iver","policy":""']))
        body = body[:at] + put + body[at + data.draw(st.integers(0, 2)) :]
    assert not is_wrong(body)


def test_an_entry_as_it_is_written_is_seen_to_name_its_person() -> None:
    told = {"action": "find", "at": "2026-11-01T10:00:00Z", "detail": {"hits": 3}, "outcome": "allowed"}
    assert names_at_its_top(canonical({**told, "person": NAME, "policy": "2026-01", "rule": "purpose.quality"}), NAMED)
