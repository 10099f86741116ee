"""The tree of erasure keys and the root's slots: what is cut is cut, what stays opens, every crash is read right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import RecordingId
from arlo_rec.vault.backends.sqlite import SqliteConnection
from arlo_rec.vault.catalogue.erasure_keys import SHARD_SIZE, ErasureKeys
from arlo_rec.vault.catalogue.schema import migrate
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import root_secret
from arlo_rec.vault.keys.authority import Pin
from arlo_rec.vault.keys.root_secret import Beside, SecretKey, Seen
from tests.support.memory import MemoryRoot
from tests.support.properties import examples

STORE, SEED = b"s" * 16, b"r" * 32
DUE = datetime(2026, 12, 1, tzinfo=UTC)


def catalogue() -> SqliteConnection:
    connection = SqliteConnection(None, b"k" * 32)
    migrate(connection)
    return connection


def name(number: int) -> RecordingId:
    return RecordingId(number.to_bytes(16, "big"))


@examples(30)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=40),
    st.data(),
)
def test_what_is_cut_opens_never_again_and_what_stays_opens(dues: list[tuple[int, int]], data: st.DataObject) -> None:
    db, old = catalogue(), SecretKey(primitives.fresh())
    keys = {}
    with db.writing():
        tree = ErasureKeys(db, old)
        for number, (days, hours) in enumerate(dues):
            keys[name(number)] = primitives.fresh()
            tree.add(name(number), keys[name(number)], DUE + timedelta(days=days, hours=hours))
    gone = data.draw(st.sets(st.sampled_from(sorted(keys))))
    new = SecretKey(primitives.fresh())
    with db.writing():
        ErasureKeys(db, old).destroy(gone, new)
    for one, ke in keys.items():
        if one in gone:
            with pytest.raises(KeyError):
                ErasureKeys(db, new).unwrap(one)
        else:
            assert ErasureKeys(db, new).unwrap(one) == ke
            with pytest.raises(Integrity):
                ErasureKeys(db, old).unwrap(one)
    assert db.rows("SELECT count(*) FROM shares") == [(len(keys) - len(gone),)]
    assert ErasureKeys.count(db) == len(keys) - len(gone)
    assert not ErasureKeys.of_wrong_size(db).shards


def test_old_wraps_of_siblings_do_not_hang_from_the_new_root() -> None:
    """Who kept yesterday's catalogue and gets today's R opens nothing of yesterday's."""
    db, old, new = catalogue(), SecretKey(primitives.fresh()), SecretKey(primitives.fresh())
    with db.writing():
        tree = ErasureKeys(db, old)
        for number in range(3):
            tree.add(name(number), primitives.fresh(), DUE)
    kept = {table: db.rows(f"SELECT * FROM {table}") for table in ("day_keys", "shard_keys", "shares")}
    with db.writing():
        ErasureKeys(db, old).destroy([name(0)], new)
    yesterday = catalogue()
    with yesterday.writing():
        for table, rows in kept.items():
            marks = ", ".join("?" for _ in rows[0])
            yesterday.run_many(f"INSERT INTO {table} VALUES ({marks})", rows)
    for number in range(3):
        with pytest.raises(Integrity):
            ErasureKeys(yesterday, new).unwrap(name(number))


def test_a_shard_holds_no_more_than_its_size() -> None:
    db = catalogue()
    with db.writing():
        tree = ErasureKeys(db, SecretKey(primitives.fresh()))
        for number in range(SHARD_SIZE + 1):
            tree.add(name(number), primitives.fresh(), DUE)
    assert sorted(row[0] for row in db.rows("SELECT shares FROM shard_keys")) == [1, SHARD_SIZE]


def test_a_share_does_not_open_for_another_recording() -> None:
    db, secret = catalogue(), SecretKey(primitives.fresh())
    with db.writing():
        tree = ErasureKeys(db, secret)
        tree.add(name(1), primitives.fresh(), DUE)
        tree.add(name(2), primitives.fresh(), DUE)
        db.run("UPDATE shares SET wrapped = (SELECT wrapped FROM shares WHERE recording = ?)", (name(1),))
    with pytest.raises(Integrity):
        ErasureKeys(db, secret).unwrap(name(2))


# -- slots --------------------------------------------------------------------------------------------


def slots(*generations: int | None) -> list[bytes]:
    """Two slots of these generations; None is one whose write was torn."""
    port = MemoryRoot()
    for index, generation in enumerate(generations):
        torn = generation is None
        content = root_secret.encode_slot(STORE, SEED, 1, generation or 1, bytes([generation or 0]) * 32)
        port.write(index, content[:40] if torn else content)
    return port.read()


def half(first: bytes, second: bytes, at: int) -> bytes:
    """A slot in which the write of *first* over *second* was cut."""
    return first[:at] + second[at:]


OLD, NOW, NEXT = (slots(number)[0] for number in (4, 5, 6))
FLIPPED = NOW[:60] + bytes([NOW[60] ^ 1]) + NOW[61:]


@pytest.mark.parametrize(
    ("other", "state"),
    [
        pytest.param(NOW, Beside.SAME, id="at rest"),
        pytest.param(NEXT, Beside.CUT_OFF, id="a new R was written and not committed"),
        pytest.param(OLD, Beside.CUT_OFF, id="committed, and the old R not overwritten yet"),
        *(
            pytest.param(half(NEXT, NOW, at), Beside.CUT_OFF, id=f"cut at {at} while R was begun")
            for at in (18, 64, 109)
        ),
        pytest.param(half(NEXT, NOW, 8), Beside.SAME, id="cut before it differed"),
        pytest.param(
            half(NOW, OLD, 64), Beside.CHANGED, id="cut while the old R was overwritten, as the catalogue says"
        ),
        pytest.param(slots(3)[0], Beside.CHANGED, id="an older R was put back"),
        pytest.param(bytes(512), Beside.CHANGED, id="emptied"),
        pytest.param(b"\xff" * 512, Beside.CHANGED, id="written over"),
        pytest.param(FLIPPED, Beside.CHANGED, id="one bit"),
    ],
)
def test_the_slot_beside_that_of_the_catalogue_is_at_rest_cut_off_or_changed(other: bytes, state: Beside) -> None:
    for index in (0, 1):
        slot, beside = root_secret.choose([NOW, other] if index == 0 else [other, NOW], 5)
        assert beside is state
        assert slot.index == index or state is Beside.SAME
        assert root_secret.open_slot(STORE, SEED, slot) == bytes([5]) * 32


@pytest.mark.parametrize(
    ("contents", "generation", "code"),
    [
        ((6, 6), 5, "catalogue_older_than_root"),
        ((7, 5), 5, "catalogue_older_than_root"),
        ((5, 7), 5, "catalogue_older_than_root"),
        ((5, 5), 6, "root_older_than_catalogue"),
        ((None, None), 5, "root_unreadable"),
        ((None, 4), 5, "root_older_than_catalogue"),
    ],
)
def test_an_older_part_is_noticed(contents: tuple[int | None, int | None], generation: int, code: str) -> None:
    with pytest.raises(Integrity) as caught:
        root_secret.choose(slots(*contents), generation)
    assert caught.value.code == code


def test_a_slot_opens_with_its_seed_store_and_generation_alone() -> None:
    slot, _ = root_secret.choose(slots(5, 5), 5)
    for store, seed in ((STORE, b"x" * 32), (b"x" * 16, SEED)):
        with pytest.raises(Integrity):
            root_secret.open_slot(store, seed, slot)


HASHES = st.binary(min_size=32, max_size=32)
PINS = st.builds(Pin, st.integers(0, 9), HASHES)


@given(
    st.lists(
        st.builds(Seen, st.integers(0, 9), PINS, st.integers(0, 9), HASHES, st.integers(0, 9), HASHES),
        min_size=1,
        max_size=5,
    )
)
def test_the_newest_of_each_is_remembered_in_any_order(states: list[Seen]) -> None:
    merged = states[0]
    for one in states:
        merged = merged.merged(one)
    assert merged.generation == max(one.generation for one in states)
    assert merged.link.number == max(one.link.number for one in states)
    assert merged.link in [one.link for one in states]
    assert merged.size == max(one.size for one in states)
    assert merged.changes == max(one.changes for one in states)
    assert root_secret.decode_seen([root_secret.encode_seen(merged), b"torn"]) == merged


def test_a_root_keeps_the_place_of_its_store_beside_what_was_seen_and_the_copy_written_first_counts() -> None:
    state, here, there = Seen(1, Pin(1, bytes(32)), 1, bytes(32), 1, bytes(32)), b"h" * 32, b"t" * 32
    moved, before = root_secret.encode_kept(state, there), root_secret.encode_kept(state, here)
    assert root_secret.decode_place([moved, before]) == there
    assert root_secret.decode_place([moved[:-1] + b"x", before]) == here, "torn"
    assert root_secret.decode_place([root_secret.encode_seen(state)] * 2) is None, "as roots were written at first"
    assert root_secret.decode_seen([moved]) == state
