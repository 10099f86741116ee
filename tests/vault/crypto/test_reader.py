"""Random access to a body: every slice is the slice of the plain, and what was changed, cut or moved does not open."""

from __future__ import annotations

import io

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import Kind, RecordingId
from arlo_rec.vault.crypto import object_file, primitives
from arlo_rec.vault.crypto.object_file import AudienceSecret, BodyReader, DataKey, Header, open_sound
from arlo_rec.vault.crypto.primitives import Sealed

KEY, CONTEXT = b"k" * 32, b"the whole header"
CHUNK, SEALED_CHUNK, HEAD = 16384, 16400, 56
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5]
PATTERN = bytes(range(256)) * (4 * CHUNK // 256) + bytes(7)


class Watched(io.BytesIO):
    """A stream that remembers which bytes were asked for."""

    asked: list[range]

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and remember."""
        at = self.tell()
        found = super().read(size)
        self.asked.append(range(at, at + len(found)))
        return found


def plain_of(size: int) -> bytes:
    """Bytes of which every chunk differs from the others."""
    return bytes((byte + number // CHUNK) % 256 for number, byte in enumerate(PATTERN[:size]))


def sealed_of(size: int) -> bytes:
    return b"".join(primitives.encrypt_body(KEY, CONTEXT, [plain_of(size)]))


BODIES = {size: (plain_of(size), sealed_of(size)) for size in SIZES}


def opened(sealed: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    """All of a body, through the reader."""
    reader = BodyReader(key, context, io.BytesIO(sealed), 0, len(sealed))
    return reader.read(0, reader.size)


@given(st.sampled_from(SIZES), st.binary(max_size=40), st.binary(max_size=40), st.data())
def test_every_slice_is_the_slice_of_the_plain(size: int, before: bytes, behind: bytes, data: st.DataObject) -> None:
    plain, sealed = BODIES[size]
    stream = io.BytesIO(before + sealed + behind)
    reader = BodyReader(KEY, CONTEXT, stream, len(before), len(before) + len(sealed))
    assert reader.size == size
    for _ in range(4):
        start = data.draw(st.integers(0, size))
        stop = data.draw(st.integers(start, size))
        assert reader.read(start, stop) == plain[start:stop]


@pytest.mark.parametrize("size", SIZES)
def test_slices_beside_the_borders_of_chunks_are_whole(size: int) -> None:
    plain, sealed = BODIES[size]
    reader = BodyReader(KEY, CONTEXT, io.BytesIO(sealed), 0, len(sealed))
    near = {border + step for border in range(0, size + 1, CHUNK) for step in (-1, 0, 1)} | {size}
    places = sorted(one for one in near if 0 <= one <= size)
    for start in places:
        for stop in (one for one in places if one >= start):
            assert reader.read(start, stop) == plain[start:stop]


@pytest.mark.parametrize(("start", "stop"), [(-1, 0), (0, CHUNK + 2), (5, 4), (CHUNK + 2, CHUNK + 2)])
def test_what_lies_outside_is_a_mistake_of_the_caller(start: int, stop: int) -> None:
    sealed = BODIES[CHUNK + 1][1]
    with pytest.raises(ValueError, match="of 16385 bytes"):
        BodyReader(KEY, CONTEXT, io.BytesIO(sealed), 0, len(sealed)).read(start, stop)


def test_only_the_chunks_that_hold_the_bytes_are_read() -> None:
    plain, sealed = BODIES[3 * CHUNK + 5]
    stream = Watched(sealed)
    stream.asked = []
    reader = BodyReader(KEY, CONTEXT, stream, 0, len(sealed))
    assert stream.asked == [range(HEAD), range(HEAD + 3 * SEALED_CHUNK, len(sealed))]
    stream.asked = []
    assert reader.read(CHUNK + 5, CHUNK + 6) == plain[CHUNK + 5 : CHUNK + 6]
    assert stream.asked == [range(HEAD + SEALED_CHUNK, HEAD + 2 * SEALED_CHUNK)]


@given(st.sampled_from(SIZES), st.data())
def test_a_changed_byte_anywhere_is_refused(size: int, data: st.DataObject) -> None:
    broken = bytearray(BODIES[size][1])
    broken[data.draw(st.integers(0, len(broken) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Sealed):
        opened(bytes(broken))


def test_a_changed_chunk_is_refused_where_it_is_read_and_only_there() -> None:
    plain, sealed = BODIES[3 * CHUNK + 5]
    broken = bytearray(sealed)
    broken[HEAD + SEALED_CHUNK + 100] ^= 1
    reader = BodyReader(KEY, CONTEXT, io.BytesIO(broken), 0, len(broken))
    assert reader.read(2 * CHUNK, 3 * CHUNK + 5) == plain[2 * CHUNK :]
    for start, stop in ((CHUNK, CHUNK + 1), (2 * CHUNK - 1, 2 * CHUNK), (0, 3 * CHUNK)):
        with pytest.raises(Sealed):
            reader.read(start, stop)


@given(st.sampled_from(SIZES), st.data())
def test_a_body_that_was_cut_does_not_open(size: int, data: st.DataObject) -> None:
    sealed = BODIES[size][1]
    with pytest.raises(Sealed):
        BodyReader(KEY, CONTEXT, io.BytesIO(sealed), 0, data.draw(st.integers(0, len(sealed) - 1)))


@pytest.mark.parametrize("size", SIZES)
def test_a_body_cut_between_chunks_does_not_open(size: int) -> None:
    sealed = BODIES[size][1]
    for end in (0, *range(HEAD, len(sealed), SEALED_CHUNK)):
        with pytest.raises(Sealed):
            BodyReader(KEY, CONTEXT, io.BytesIO(sealed[:end]), 0, end)


@given(st.sampled_from(SIZES), st.binary(min_size=1, max_size=2 * SEALED_CHUNK))
def test_a_body_with_something_behind_it_does_not_open(size: int, behind: bytes) -> None:
    sealed = BODIES[size][1] + behind
    with pytest.raises(Sealed):
        BodyReader(KEY, CONTEXT, io.BytesIO(sealed), 0, len(sealed))


def test_a_body_with_its_own_chunks_behind_it_does_not_open() -> None:
    for _, sealed in BODIES.values():
        for behind in (sealed[HEAD:], sealed[-16:]):
            with pytest.raises(Sealed):
                BodyReader(KEY, CONTEXT, io.BytesIO(sealed + behind), 0, len(sealed + behind))


def test_a_stream_that_ends_before_the_body_does_is_refused() -> None:
    sealed = BODIES[3 * CHUNK + 5][1]
    stream = io.BytesIO(sealed)
    reader = BodyReader(KEY, CONTEXT, stream, 0, len(sealed))
    stream.truncate(HEAD + SEALED_CHUNK + 50)
    assert reader.read(0, CHUNK) == BODIES[3 * CHUNK + 5][0][:CHUNK]
    with pytest.raises(Sealed):
        reader.read(CHUNK, CHUNK + 1)


def test_chunks_that_changed_places_are_refused() -> None:
    _, sealed = BODIES[3 * CHUNK + 5]
    one, two, three = (sealed[HEAD + i * SEALED_CHUNK : HEAD + (i + 1) * SEALED_CHUNK] for i in range(3))
    for order in (two + one + three, one + three + two, one + one + three):
        with pytest.raises(Sealed):
            opened(sealed[:HEAD] + order + sealed[HEAD + 3 * SEALED_CHUNK :])


def test_a_chunk_of_another_body_under_the_same_key_is_refused() -> None:
    _, sealed = BODIES[3 * CHUNK + 5]
    other = sealed_of(3 * CHUNK + 5)
    for at in range(HEAD, len(sealed), SEALED_CHUNK):
        with pytest.raises(Sealed):
            opened(sealed[:at] + other[at : at + SEALED_CHUNK] + sealed[at + SEALED_CHUNK :])


@given(st.sampled_from(SIZES), st.binary(min_size=32, max_size=32), st.binary(max_size=40))
def test_another_key_and_another_context_are_refused(size: int, key: bytes, context: bytes) -> None:
    sealed = BODIES[size][1]
    for wrong in ((key, CONTEXT), (KEY, context), (KEY[:31], CONTEXT)):
        if wrong != (KEY, CONTEXT):
            with pytest.raises(Sealed):
                opened(sealed, *wrong)


class Vast(io.RawIOBase):
    """A body whose length says that its last chunk has a given number; all others are missing."""

    def __init__(self, head: bytes, at: int, last: bytes) -> None:
        self.pieces, self.at = {0: head, at: last}, 0

    def seek(self, at: int, whence: int = 0) -> int:
        """Go there."""
        self.at = at
        return at

    def read(self, size: int = -1) -> bytes:
        """What begins there."""
        return self.pieces[self.at][:size]


@pytest.mark.parametrize("number", [2**38 - 1, 2**38])
def test_a_chunk_has_a_number_below_2_to_the_38(number: int) -> None:
    salt = b"s" * 24
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + CONTEXT
    derived = HKDFExpand(SHA512(), 76, info).derive(KEY)
    nonce = (int.from_bytes(derived[32:44], "big") ^ number).to_bytes(12, "big")
    last = AESGCM(derived[:32]).encrypt(nonce, b"the end", None)
    at = HEAD + number * SEALED_CHUNK
    stream = Vast(salt + derived[44:], at, last)
    if number < 2**38:
        reader = BodyReader(KEY, CONTEXT, stream, 0, at + len(last))  # type: ignore[arg-type]
        assert reader.read(reader.size - 7, reader.size) == b"the end"
    else:
        with pytest.raises(Sealed):
            BodyReader(KEY, CONTEXT, stream, 0, at + len(last))  # type: ignore[arg-type]


# -- objects ------------------------------------------------------------------------------------------


@pytest.fixture
def call() -> tuple[DataKey, Header, bytes]:
    """Key, header and bytes of an object that holds the longest body."""
    key = DataKey(b"f" * 32, b"e" * 32)
    audience = AudienceSecret(b"a" * 16, b"1" * 32)
    header = object_file.make_header(key, Kind.ORIGINAL, RecordingId(bytes(16)), None, audience, bytes(32))
    return key, header, b"".join(object_file.seal_body(key, header, [plain_of(SIZES[-1])]))


def test_the_sound_of_an_object_is_read_in_places(call: tuple[DataKey, Header, bytes]) -> None:
    key, header, raw = call
    sound = open_sound(key, header, io.BytesIO(raw))
    assert sound.size == SIZES[-1]
    assert sound.read(CHUNK - 3, CHUNK + 3) == plain_of(SIZES[-1])[CHUNK - 3 : CHUNK + 3]


def test_the_sound_of_an_object_that_was_changed_or_cut_is_damaged(call: tuple[DataKey, Header, bytes]) -> None:
    key, header, raw = call
    at = len(header.encode()) + HEAD + 5
    changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
    sound = open_sound(key, header, io.BytesIO(changed))
    with pytest.raises(Integrity):
        sound.read(0, 1)
    for cut in (raw[:-1], raw[: len(header.encode())], raw + b"x"):
        with pytest.raises(Integrity):
            open_sound(key, header, io.BytesIO(cut))


def test_the_sound_of_an_object_needs_both_locks_and_its_own_header(call: tuple[DataKey, Header, bytes]) -> None:
    key, header, raw = call
    other = object_file.read_header(raw[:28] + b"p" * 16 + raw[44:])
    for wrong, head in ((DataKey(key.kf, bytes(32)), header), (DataKey(bytes(32), key.ke), header), (key, other)):
        with pytest.raises(Integrity):
            open_sound(wrong, head, io.BytesIO(raw))
