"""What the log swears of a row: the digest that is made quickly is that of the documented form."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.records import Kind, Recording, RecordingId, from_micros
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.policy import Purpose, State
from tests.support.properties import examples

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ids, tags = st.binary(min_size=16, max_size=16).map(RecordingId), st.binary(max_size=16)
instants = st.integers(0, 7 * 10**15).map(from_micros)
rows = st.builds(
    Recording,
    id=ids,
    kind=st.sampled_from(Kind),
    parent=st.none() | ids,
    state=st.sampled_from(State),
    started_at=instants,
    due_at=instants,
    team=texts,
    caller=st.none() | tags,
    agent=tags,
    source=tags,
    content=tags,
    purposes=st.frozensets(st.sampled_from(Purpose)),
    prompt=texts,
    prompt_sha256=st.binary(min_size=32, max_size=32),
    policy=texts,
    object_digest=st.binary(max_size=32),
    object_bytes=st.integers(0, 2**62),
    commit_key=tags,
)


@examples(300)
@given(rows)
def test_the_digest_of_a_row_is_that_of_its_canonical_form(row: Recording) -> None:
    assert row.row_digest() == hashlib.sha256(canonical(row.committed_row())).hexdigest()


@examples(100)
@given(rows, st.data())
def test_another_row_has_another_digest(row: Recording, data: Any) -> None:
    name = data.draw(st.sampled_from([name for name in Recording._fields if name != "state"]))
    other = row._replace(**{name: getattr(data.draw(rows), name)})
    assert (other.row_digest() == row.row_digest()) is (other.committed_row() == row.committed_row())
