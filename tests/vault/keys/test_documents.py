"""Documents that are signed: their bytes are pinned, and whatever differs from them in one place is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model import documents
from arlo_rec.law.model.errors import Integrity
from arlo_rec.law.model.records import Approval, Grant, Limits, PendingOfficer, Person
from arlo_rec.law.model.strict_json import canonical
from arlo_rec.policy import Purpose, Role
from arlo_rec.vault.keys import roster, settings
from arlo_rec.vault.keys.roster import AccessKey, Roster
from arlo_rec.vault.keys.settings import EscrowPlace, Settings

AT = datetime(2026, 10, 1, 8, 15, 45, tzinfo=UTC)
SIGRID = Person("sigrid", Role.OFFICER, bytes(1216), bytes(32), AT, by="sigrid")
LEIF = Person("leif", Role.MANAGER, bytes(1216), b"\x01" * 32, AT, by="sigrid", from_entry=3, until_entry=9, left_at=AT)
GRANT = Grant(
    "0123456789abcdef", "leif", Purpose.QUALITY, frozenset({"salg", "kundeservice"}), AT, AT, "oppfølging av klage",
    "sigrid", b"", (b"\x02" * 16,), "revoked", AT, (Approval("astrid", AT),),
    limits=Limits(frozenset({"ola"}), AT, None, 5),
)  # fmt: skip
ROSTER = Roster(
    bytes(16), AT, (SIGRID,), (LEIF,), (GRANT,), (AccessKey(b"\x03" * 16, b"\x04" * 1216, AT),),
    (PendingOfficer("fedcba9876543210", SIGRID, AT),), b"\x05" * 32,
)  # fmt: skip
SETTINGS = Settings("root", Path("/feed"), (EscrowPlace(Path("/ring"), Path("/backup")),), 24, 7)
READ: dict[str, Any] = {"roster": roster.decode, "settings": settings.decode}


def test_the_bytes_of_settings_and_of_a_grant_are_those_of_the_published_form() -> None:
    assert documents.encode(SETTINGS) == (
        b'{"escrows":[{"escrow":"/ring","folder":"/backup"}],"feed":"/feed","format":1,"ring_hours":24,'
        b'"root":"root","unknown_since":7}'
    )
    assert documents.encode(GRANT).decode() == (
        '{"approvals":[{"at":"2026-10-01T08:15:45Z","by":"astrid"}],"by":"sigrid",'
        '"earlier_pairs":["AgICAgICAgICAgICAgICAg=="],"ended_at":"2026-10-01T08:15:45Z","glass":false,'
        '"id":"0123456789abcdef","limits":{"agents":["ola"],"from":"2026-10-01T08:15:45Z","per_day":5,"to":null},'
        '"may_export":false,"own":false,"person":"leif","public":"","purpose":"quality","reason":"oppfølging av klage",'
        '"reviewed_at":null,"starts_at":"2026-10-01T08:15:45Z","state":"revoked","teams":["kundeservice","salg"],'
        '"until":"2026-10-01T08:15:45Z"}'
    )


@pytest.mark.parametrize("value", [ROSTER, SETTINGS], ids=list(READ))
def test_a_document_is_read_back_as_it_was_written(value: Roster | Settings) -> None:
    read = READ[type(value).__name__.lower()]
    assert read(documents.encode(value)) == value


def changed(value: Any) -> list[Any]:
    """The document with one thing changed: a key more, a key less, another type, somewhere in it."""
    if isinstance(value, dict):
        inside = [{**value, key: one} for key, part in value.items() for one in changed(part)]
        return [{**value, "more": 1}, *({k: v for k, v in value.items() if k != key} for key in value), *inside]
    if isinstance(value, list):
        return [[*value[:at], one, *value[at + 1 :]] for at, part in enumerate(value) for one in changed(part)]
    return [[value], {"is": value}, 1.5, str(value) if isinstance(value, int) else 10**30]


@pytest.mark.parametrize("value", [ROSTER, SETTINGS], ids=list(READ))
def test_no_other_form_of_a_document_is_read(value: Roster | Settings) -> None:
    raw, read = documents.encode(value), READ[type(value).__name__.lower()]
    forms = [canonical(one) for one in changed(json.loads(raw))]
    forms += [raw + b"\n", json.dumps(json.loads(raw)).encode(), raw.replace(b"{", b'{"format":1,', 1)]
    taken = []
    for form in forms:
        try:
            read(form)
        except Integrity:
            continue
        taken.append(form)
    assert not taken and len(forms) > 20


@pytest.mark.parametrize("short", [b"", bytes(31), bytes(33)])
def test_a_key_of_another_length_is_none(short: bytes) -> None:
    person = Person("turid", Role.SUPPORT, bytes(1216), short, AT)
    with pytest.raises(Integrity, match="roster_forged"):
        roster.decode(documents.encode(ROSTER.next(AT, people=(person,))))


@given(st.binary(max_size=400))
def test_bytes_that_are_no_document_are_refused_in_the_same_way(raw: bytes) -> None:
    for read in READ.values():
        with pytest.raises(Integrity):
            read(raw)
