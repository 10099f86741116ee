"""The list of accesses as a file of its own (`accesses.json`), in which nothing can be left out unseen.

It lists every entry of the log that names one of the recordings of an answer or a copy of one, up to a checkpoint: the
entry's number and leaf with its inclusion path, what it is by a code, and where it is an access its role and day as the
letter tells them. The bodies of entries hold names of staff and stay inside; a leaf does not reveal them. The officer
signs the list, and so that `count` is the number of all mentions: there are no others. What is thereby proven, and
what is her word, stands in SECURITY.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from arlo_rec.catalogue import log_proof
from arlo_rec.catalogue.audit_log import RawEntry
from arlo_rec.catalogue.log_proof import Genuine
from arlo_rec.crypto import merkle, primitives
from arlo_rec.dsar import accesses, certificate
from arlo_rec.dsar.accesses import LogMentions
from arlo_rec.i18n.messages import group
from arlo_rec.keys import vouching
from arlo_rec.log.entries import LogEntry
from arlo_rec.log.event import AuditEvent
from arlo_rec.log.events import CallTakenIn, CaseHolds, CopyMade, Denied, Erases, Failed
from arlo_rec.model import json_forms
from arlo_rec.model.errors import Integrity
from arlo_rec.model.records import RecordingId, to_iso
from arlo_rec.model.strict_json import canonical, from_base64, parse_object
from arlo_rec.model.times import local_date
from arlo_rec.policy import Action, may
from arlo_rec.store import Store

NAME: Final = "accesses.json"
KIND: Final = "arlo-rec accesses"
MARK: Final = f'"kind":"{KIND}"'.encode("ascii")  # as it stands in the file, and in no receipt
LONGEST = 64 * 1024 * 1024  # bytes; an entry of a log of a million has about 1.2 kB
POSSIBLE: Final = "possible"  # an access in an entry that its person did not sign
_OTHER: Final = "_other"  # in the code of an entry of somebody else's request
_AT_ONCE = 5000  # leaves that are read together
_KINDS: Final[Sequence[tuple[type[AuditEvent], str]]] = (
    (Denied, "refused"),
    (CallTakenIn, "taken_in"),
    (CopyMade, "copy_made"),
    (CaseHolds, "in_case"),
    (Erases, "erased"),
    (Failed, "failed"),
)


def document(store: Store, mentions: LogMentions, case: str, now: datetime) -> bytes:
    """The list of accesses of an answer, signed by this officer, as canonical JSON and a line end.

    Raises Integrity where the log lacks leaves, or nobody vouches for this officer's key.
    """
    numbers = [entry.seq for entry in mentions.entries]
    try:
        paths = merkle.paths_in(_leaves(store, mentions.size), mentions.size, numbers)
    except ValueError:
        raise Integrity("log_damaged") from None
    entries = [_entry(store, mentions, entry, paths[entry.seq], now) for entry in mentions.entries]
    told: dict[str, Any] = {
        "format": 1,
        "kind": KIND,
        "policy": store.policy.at(now).version,
        "store": store.layout.id.hex(),
        "case": case,
        "made_at": to_iso(now),
        "recordings": [
            {"recording": original.hex(), "copies": sorted(each.hex() for each in ids if each != original)}
            for original, ids in mentions.named.items()
        ],
        "count": len(entries),
        "entries": entries,
        "words": {**group("letter.action"), **group("accesses")},
        "checkpoint": mentions.checkpoint,
    }
    return certificate.signed(store, told) + b"\n"


def _raw(store: Store, seq: int) -> RawEntry:
    for raw in store.log.raw.entries(seq, seq + 1):
        return raw
    raise Integrity("log_damaged")


def _leaves(store: Store, size: int) -> Iterator[bytes]:
    for begin in range(0, size, _AT_ONCE):
        leaves = store.log.raw.leaves(begin, min(begin + _AT_ONCE, size))
        yield from (leaves[seq] for seq in sorted(leaves))


def _entry(
    store: Store, mentions: LogMentions, entry: LogEntry, path: Sequence[bytes], now: datetime
) -> dict[str, Any]:
    """An entry as it is listed; one of somebody else's request names no recording, or one would know whose they are."""
    raw, ids, body = _raw(store, entry.seq), mentions.ids(), entry.body or {}
    of_another = accesses.is_of_another(body, mentions.case)
    access = accesses.access_in(store, mentions, entry, ids, now)
    kind = _kind(entry.event) + _OTHER * of_another if access is None else access.action if access.certain else POSSIBLE
    return {
        **log_proof.entry_to_json(raw.seq, raw.leaf, path),
        "recordings": []
        if of_another
        else sorted(each.hex() for each in ids if each.hex().encode() in (raw.body or b"")),
        "access": access is not None,
        "what": kind,
        "role": access.role if access is not None else None,
        "day": local_date(min(entry.at, now)).isoformat() if entry.body is not None else None,
    }


def _kind(event: AuditEvent | None) -> str:
    """What an entry is that is no access."""
    return next((kind for base, kind in _KINDS if isinstance(event, base)), "other")


# -- checked -------------------------------------------------------------------------------------------


def verify(raw: bytes, vkeys: Sequence[str] = ()) -> Genuine:
    """The list, if it is genuine; raises Integrity, or Usage where one of *vkeys* is no verifier key.

    1. it is a list in its one form   2. each log key was signed by the key before it, one of them signed the checkpoint
    3. each entry is in the log of that checkpoint, once, and names one of the recordings, or is of
       somebody else's request and names none   4. there are `count` of them
    5. the last log key signed it, and an officer, by officers' word up to the first
    6. each of *vkeys* is a key of the log, or the first's
    """
    wanted = log_proof.parsed_wanted(vkeys)
    try:
        told = parse_object(raw, max_bytes=LONGEST)
        if canonical(told) + b"\n" != raw or not json_forms.has_forms(told, _FORMS):
            raise Integrity("accesses_invalid")
        keys, vouchers = log_proof.log_keys(told), vouching.from_json(told["signers"])
        size = merkle.parse_note(told["checkpoint"])[0].size
        right = log_proof.is_of_log(told, keys) and _are_in_log(told) and is_signed(told, keys, vouchers, size)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Integrity("accesses_invalid") from None
    if not right:
        raise Integrity("accesses_invalid")
    return log_proof.compared(told, keys, vouchers[-1], wanted)


def is_signed(told: dict[str, Any], keys: log_proof.LogKeys, vouchers: Sequence[vouching.Voucher], size: int) -> bool:
    """Whether the last of the log's *keys*, and an officer who was vouched for in a log of that size, signed it."""
    signer, signature = vouchers[0], from_base64(told["signature"], 64)
    return (
        primitives.verified(keys[-1][1], from_base64(told["log_signature"], 64), certificate.log_message(told))
        and primitives.verified(signer.key, signature, certificate.message(told))
        and may(signer.role, Action.DSAR).allowed
        and signer.since <= size
        and vouching.is_true(bytes.fromhex(told["store"]), vouchers)
    )


def _are_in_log(told: Mapping[str, Any]) -> bool:
    """Steps 3 and 4."""
    checkpoint, _ = merkle.parse_note(told["checkpoint"])
    entries, ids = told["entries"], set(_ids(told["recordings"]))
    numbers = [entry["seq"] for entry in entries]
    return (
        told["count"] == len(entries)
        and numbers == sorted(set(numbers))
        and all(bool(entry["recordings"]) != (_OTHER in entry["what"]) for entry in entries)
        and all(ids.issuperset(entry["recordings"]) for entry in entries)
        and all(log_proof.root_of(entry, checkpoint.size) == checkpoint.root for entry in entries)
    )


def _ids(recordings: Iterable[Mapping[str, Any]]) -> Iterator[RecordingId]:
    for each in recordings:
        yield each["recording"]
        yield from each["copies"]


_WORD: Final = json_forms.text("[^\\x00-\\x1f\\x7f-\\x9f]{1,500}")
_IN_BOTH: Final = json_forms.object_of(nb=_WORD, en=_WORD)
_FORMS: Final[json_forms.Forms] = {
    "format": json_forms.is_format_1,
    "kind": json_forms.among(KIND),
    "policy": json_forms.POLICY,
    "store": json_forms.ID,
    "case": certificate.CASE,
    "made_at": json_forms.is_instant,
    "recordings": json_forms.list_of(
        json_forms.object_of(recording=json_forms.ID, copies=json_forms.list_of(json_forms.ID))
    ),
    "count": json_forms.is_count,
    "entries": json_forms.list_of(
        json_forms.object_of(
            **json_forms.ENTRY,
            recordings=json_forms.list_of(json_forms.ID),
            access=json_forms.is_flag,
            what=json_forms.text("[a-z_]{1,40}"),
            role=json_forms.or_none(json_forms.text("[a-z]{1,40}")),
            day=json_forms.or_none(json_forms.DAY),
        )
    ),
    "words": lambda value: type(value) is dict and all(_WORD(key) and _IN_BOTH(words) for key, words in value.items()),
    **json_forms.OF_OFFICER,
}
