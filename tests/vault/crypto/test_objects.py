"""The object file: what its bytes are, who opens it, and that no key is made without a consent."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.consent import Consent
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import Kind, RecordingId
from arlo_rec.policy import Purpose
from arlo_rec.vault.access import gate
from arlo_rec.vault.crypto import object_file, primitives
from arlo_rec.vault.crypto.object_file import AudienceSecret, DataKey, Header
from tests.support.properties import examples

CONSENT = Consent(datetime(2026, 10, 1, tzinfo=UTC), "nb-2026-01", bytes(32), frozenset(Purpose), "2026-01")
ID, PARENT = RecordingId(bytes(range(16))), RecordingId(bytes(range(16, 32)))
AUDIENCE = AudienceSecret(b"a" * 16, b"1" * 32)
BINDING = bytes(range(32, 64))  # of what the recording is


def sealed(sound: bytes, parent: RecordingId | None = None) -> tuple[DataKey, Header, bytes]:
    key = object_file.new_data_key(CONSENT)
    header = object_file.make_header(key, Kind.ORIGINAL, ID, parent, AUDIENCE, BINDING)
    return key, header, b"".join(object_file.seal_body(key, header, [sound]))


@pytest.mark.parametrize("claim", [None, "consent", object(), {"key": "1"}])
def test_no_consent_no_key(claim: object) -> None:
    with pytest.raises(TypeError):
        object_file.new_data_key(claim)  # type: ignore[arg-type]


def test_the_header_lies_where_the_format_says() -> None:
    _, header, raw = sealed(b"sound", PARENT)
    magic, suite, kind, recording, parent, audience_key = struct.unpack(">8sBB16s16s16s", raw[:58])
    assert (magic, suite, kind, recording, parent, audience_key) == (b"ARLOREC\x03", 1, 0, ID, PARENT, b"a" * 16)
    assert len(header.encode()) == 118
    assert object_file.read_header(raw) == header


def test_the_audience_key_opens_it_for_its_recording_and_its_row_and_another_does_not() -> None:
    key, header, raw = sealed(b"the sound")
    body = raw[len(header.encode()) :]
    kf = object_file.listening_half(header, AUDIENCE.secret, BINDING)
    assert kf == key.kf
    assert b"".join(object_file.open_body(DataKey(kf, key.ke), header, [body])) == b"the sound"
    moved = [
        replace(header, recording=PARENT),
        replace(header, kind=Kind.PSEUDONYMISED),
        replace(header, parent=PARENT),
    ]
    of_another = (header, AUDIENCE.secret, bytes(32))
    others = ((other, AUDIENCE.secret, BINDING) for other in moved)
    for wrong, secret, binding in ((header, b"2" * 32, BINDING), of_another, *others):
        with pytest.raises(Integrity):
            object_file.listening_half(wrong, secret, binding)


def test_both_locks_are_needed() -> None:
    key, header, raw = sealed(b"the sound")
    body = [raw[len(header.encode()) :]]
    for wrong in (DataKey(key.kf, bytes(32)), DataKey(bytes(32), key.ke)):
        with pytest.raises(Integrity):
            list(object_file.open_body(wrong, header, body))


@examples(150)
@given(st.data())
def test_a_changed_byte_anywhere_is_noticed(data: st.DataObject) -> None:
    key, header, raw = sealed(b"the sound of a call" * 20)
    at = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 255))]) + raw[at + 1 :]
    with pytest.raises((Integrity, primitives.Sealed)):
        found = object_file.read_header(changed)
        body = [changed[len(found.encode()) :]]
        list(object_file.open_body(DataKey(key.kf, key.ke), found, body))
    assert header


@given(st.binary(max_size=3000))
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Integrity):
        object_file.read_header(raw)


def test_metadata_opens_with_both_locks_for_its_recording_and_its_row_alone() -> None:
    km, ke = b"m" * 32, b"e" * 32
    told = object_file.seal_metadata(km, ke, ID, BINDING, b"{}")
    assert object_file.open_metadata(km, ke, ID, BINDING, told) == b"{}"
    others = [(b"x" * 32, ke, ID, BINDING), (km, b"x" * 32, ID, BINDING), (km, ke, PARENT, BINDING)]
    for wrong in (*others, (km, ke, ID, bytes(32))):
        with pytest.raises(Integrity):
            object_file.open_metadata(*wrong, told)


def test_only_the_gate_makes_a_permit() -> None:
    with pytest.raises(TypeError):
        gate.Permit(None, None, None, 0, object())  # type: ignore[arg-type]
