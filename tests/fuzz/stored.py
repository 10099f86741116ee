"""What lies in a store or beside it, and what is handed on: keys, settings, root, objects, receipts, the log."""

from __future__ import annotations

import io
import json
import random
import struct
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from arlo_rec.edge.config import beforehand, settle
from arlo_rec.engines.openbao import openbao
from arlo_rec.engines.openbao.address import BaoAccess, KeyAddress
from arlo_rec.law.model import documents, policy_file, policy_versions, strict_json, times
from arlo_rec.law.model.consent import Consent
from arlo_rec.law.model.errors import Integrity, NoStore, NotUnlocked, Refused, Unreachable, Usage
from arlo_rec.law.model.policy_versions import Policy, first
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.law.model.records import Kind, Person, RecordingId
from arlo_rec.machine.consistency import _effects, parsed
from arlo_rec.policy import Purpose, Role
from arlo_rec.vault.backends import SLOT_BYTES
from arlo_rec.vault.backends.ringfile import RING_SLOT_BYTES
from arlo_rec.vault.catalogue import audit_log
from arlo_rec.vault.certificates import check
from arlo_rec.vault.crypto import merkle, object_file, primitives
from arlo_rec.vault.crypto.object_file import open_sound
from arlo_rec.vault.keys import authority, key_files, root_secret, roster, settings
from arlo_rec.vault.keys.authority import Digests, Pin
from arlo_rec.vault.keys.layout import Layout, find
from arlo_rec.vault.keys.settings import EscrowPlace
from arlo_rec.vault.offsite import anchor_file, escrow
from arlo_rec.vault.offsite.escrow import EscrowSlot
from tests.fuzz.target import Target
from tests.support import certificates, world

NOW = datetime(2026, 10, 1, 9, tzinfo=UTC)
STORE = bytes(range(16))
KEY = primitives.SigningKey.from_seed(bytes(32))


@contextmanager
def cheap_and_the_same() -> Iterator[None]:
    """The cost of a passphrase is judged, not paid, and what is chosen at random is the same in every run."""
    kept = primitives.passphrase_key, primitives.fresh
    chance = random.Random(0)
    primitives.passphrase_key, primitives.fresh = free, lambda length=primitives.KEY: chance.randbytes(length)
    try:
        yield
    finally:
        primitives.passphrase_key, primitives.fresh = kept


def free(_passphrase: bytes, _salt: bytes, cost: primitives.Argon2Cost) -> bytes:
    """The key of every passphrase at any cost that is allowed."""
    if not cost.within_bounds():
        raise primitives.Sealed
    return bytes(primitives.KEY)


# Keys, settings, store ----------------------------------------------------------------------------------------


class Files:
    """Targets whose parser opens a file by its name; they live in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = Layout(folder, folder / "root", STORE)
        for name in ("people", "root", "seals"):
            (folder / name).mkdir()
        self.identity = key_files.Identity(STORE, "sigrid", bytes(32), Pin(1, bytes(32)))
        with cheap_and_the_same():
            key_files.write_locked(self.place, self.identity, world.PASSPHRASE.encode())
        (folder / "service.key").write_bytes(key_files.service_file(self.identity))
        self.file = folder / "file"
        self.file.touch(mode=0o600)

    def targets(self) -> list[Target]:
        """Each with the files that the program itself wrote."""
        locked = self.place.key_file("sigrid").read_bytes()
        config = b'store = "/srv/arlo"\nas = "leif"\nlang = "en"\nlock_wait_s = 5\n[guard]\nshare = 0.5\ncount = 20\n'
        config += b'[s3]\nendpoint = "https://s3.example"\nkey_id = "arlo"\nsecret_file = "/etc/secret"\n'
        toml = f'# store\nformat = 3\nid = "{STORE.hex()}"\nroot = "store.root"\n'.encode()
        moving = toml.replace(b"= 3", b"= 4") + b'objects = "s3://recordings/store"\nobjects_from = "files"\n'
        leaving = toml.replace(b"= 3", b"= 5") + b'catalogue = "postgres://arlo@db/arlo"\ncatalogue_from = "files"\n'
        return [
            Target("key file of a service", [(self.folder / "service.key").read_bytes()], self._service),
            Target("key file of a person", [locked], self._person, self._locked_again),
            Target("config", [config], self._config),
            Target("store.toml", [toml, moving, leaving], self._store),
        ]

    def _service(self, raw: bytes) -> bool:
        with suppress(NotUnlocked):
            found = key_files.read_service(self.place, raw, str(self.file))
            assert len(found.seed) == primitives.KEY
            return True
        return False

    def _person(self, raw: bytes) -> bool:
        self.place.key_file("sigrid").write_bytes(raw)
        with suppress(NotUnlocked, Integrity), cheap_and_the_same():
            return bool(key_files.unlock(self.place, "sigrid", world.PASSPHRASE.encode()))
        return False

    def _locked_again(self, raw: bytes) -> bytes:
        """Whatever its head says, with a blob that opens under it."""
        try:
            head = json.loads(raw)
            head.pop("blob")
            bound = key_files._bound(self.place, "sigrid", head)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            return raw
        with cheap_and_the_same():
            blob = primitives.wrap(bytes(primitives.KEY), strict_json.canonical(key_files._blob(self.identity)), bound)
        return json.dumps({**head, "blob": strict_json.to_base64(blob)}).encode()

    def _config(self, raw: bytes) -> bool:
        self.file.write_bytes(raw)
        beforehand(None, str(self.file), {})
        with suppress(Usage):
            found = settle({"config": str(self.file)}, {})
            assert found.lang in ("nb", "en")
            for named in (found.store, found.key_file, found.passphrase_file):
                if named is not None:
                    with suppress(OSError):
                        Path(named).lstat()
            return True
        return False

    def _store(self, raw: bytes) -> bool:
        (self.folder / "store.toml").write_bytes(raw)
        with suppress(NoStore, Unreachable, Integrity):
            found = find(self.folder)
            with suppress(OSError):
                found.root.lstat()
            return True
        return False


# What lies in a store -----------------------------------------------------------------------------------------

_CONSENT = Consent(NOW, "nb-2026-01", bytes(32), frozenset(Purpose), "2026-01")
_DATA_KEY = object_file.new_data_key(_CONSENT)
_AUDIENCE = object_file.AudienceSecret(b"a" * 16, b"1" * 32)
_HEADER = object_file.make_header(_DATA_KEY, Kind.ORIGINAL, RecordingId(STORE), None, _AUDIENCE, bytes(32))
# the one seed that differs from run to run: its nonces are made inside the library
_OBJECT = b"".join(object_file.seal_body(_DATA_KEY, _HEADER, [bytes(range(256)) * 70]))


def _object(raw: bytes) -> bool:
    with suppress(Integrity):
        header = object_file.read_header(raw)
        length = len(header.encode())
        assert header.encode() == raw[:length]
        with suppress(Integrity):
            object_file.listening_half(header, _AUDIENCE.secret, bytes(32))
        with suppress(Integrity):
            assert b"".join(object_file.open_body(_DATA_KEY, header, [raw[length:]])) == bytes(range(256)) * 70
        found = open_sound(_DATA_KEY, header, io.BytesIO(raw))
        return len(found.read(0, found.size)) == found.size
    return False


def _slots(raw: bytes) -> bool:
    contents = [raw[:SLOT_BYTES], raw[SLOT_BYTES : 2 * SLOT_BYTES]]
    with suppress(Integrity):
        slot, _ = root_secret.choose(contents, 7)
        return bool(root_secret.open_slot(STORE, bytes(32), slot))
    return False


def _mended_slots(raw: bytes) -> bytes:
    halves = [raw[i : i + SLOT_BYTES].ljust(SLOT_BYTES, b"\0") for i in (0, SLOT_BYTES)]
    size = root_secret._SLOT.size
    return b"".join(one[:size] + primitives.sha256(one[:size]) + one[size + 32 :] for one in halves)


def _seen(raw: bytes) -> bool:
    memory = root_secret.decode_memory(bytes(64) + raw)
    assert root_secret.decode_memory(root_secret.encode_memory(memory)) == memory
    place = root_secret.decode_place([raw, b""])
    assert place is None or len(place) == 32
    return root_secret.decode_seen([raw, raw[1:], b""]) is not None


def _mended_seen(raw: bytes) -> bytes:
    seen = raw[: root_secret._SEEN.size] + primitives.sha256(raw[: root_secret._SEEN.size])
    kept = seen + raw[len(seen) : root_secret._KEPT_BYTES]
    return kept + primitives.sha256(kept)


with cheap_and_the_same():
    _SLOT = root_secret.encode_slot(STORE, bytes(32), 1, 7, bytes(32))
_SLOTS = [_SLOT.ljust(SLOT_BYTES, b"\0") * 2, _SLOT.ljust(SLOT_BYTES, b"\0") + bytes(SLOT_BYTES)]
_SEEN = root_secret.encode_kept(root_secret.Seen(7, Pin(3, bytes(32)), 12, bytes(32), 9, bytes(range(32))), bytes(32))


class _Said:
    """A connection to an OpenBao that answers everything with these bytes."""

    host, status, timeout, sock = "openbao", 200, 10.0, None

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def request(self, *_: Any) -> None:
        pass

    def getresponse(self) -> _Said:
        return self

    def read(self, most: int) -> bytes:
        return self._raw[:most]

    def close(self) -> None:
        pass


def _openbao(raw: bytes) -> bool:
    access = BaoAccess(("https://openbao:8200",), token="t")
    root = openbao.BaoRoot(STORE, KeyAddress("transit", "k"), access, lambda **_: nullcontext())
    good = 0
    for work in (
        *(root.read_seen, root.weaknesses, lambda: root.unsettled(7), lambda: root.settle(7)),
        *(
            lambda: root.open(7, bytes(32)).unwrap({1: bytes(88)}),
            lambda: root.begin(7, bytes(32), 1)[1].wrap({1: bytes(32)}),
        ),
        *(lambda: root.update_seen(lambda _: b"x"), root.demand_free, root.founded),
    ):
        with patch.object(openbao.OpenBao, "_active", lambda _: _Said(raw)), suppress(Integrity, Unreachable, Usage):
            work()
            good += 1
    return good > 0


_KEY = {"latest_version": 7, "min_available_version": 7, "min_decryption_version": 7, "type": "aes256-gcm96"}
_NOTED = {"data": {"store": STORE.hex(), "base": 0, "seen": ""}, "metadata": {"version": 3}, "version": 4, **_KEY}
_OPENBAO = [
    json.dumps({"data": {**_NOTED, "exportable": False, "batch_results": [each]}}).encode()
    for each in ({"ciphertext": "vault:v8:AAAA"}, {"plaintext": "AAAA"}, {"error": "no"})
]

# What is given out, and the log -------------------------------------------------------------------------------

_ORIGIN = f"arlo-rec/{STORE.hex()}"
_NOTE = merkle.sign_note(merkle.Checkpoint(_ORIGIN, 11, 12, bytes(32)).text(), [(_ORIGIN, KEY)])


def _given_out(raw: bytes) -> bool:
    """Whether a file is genuine, whatever it is."""
    with suppress(check.Forged, check.Unknown):
        told = check.check(io.BytesIO(raw)).document
        assert check._sentence(told).isprintable()
        times.shown(datetime.fromisoformat(told.get("erased_at") or told.get("made_at") or told["published_at"]))
        return True
    return False


def _mended_document(raw: bytes) -> bytes:
    """Signed by the keys that it names, as it is now."""
    with suppress(KeyError, TypeError, ValueError, RecursionError, AttributeError):
        return strict_json.canonical(certificates.signed(json.loads(raw))) + b"\n"
    return raw


def _mended_page(raw: bytes) -> bytes:
    """Signed over what it holds now."""
    name = "page" if check.HEADS["html"] in raw else "markdown" if raw.startswith(check.HEADS["md"]) else "answer"
    mark, _ = check.ENDINGS["md" if name == "markdown" else "html"]
    return certificates.file(name, raw.rpartition(mark)[0] or raw)


def _vkey(raw: bytes) -> bool:
    with suppress(ValueError):
        name, public = merkle.parse_vkey(raw.decode("utf-8", "replace"))
        return bool(merkle.vkey(name, public))
    return False


def _note(raw: bytes) -> bool:
    note = raw.decode("utf-8", "replace")
    with suppress(ValueError):
        checkpoint, signatures = merkle.parse_note(note)
        assert checkpoint.text()
        return any([merkle.note_signed_by(note, name, KEY.public) for name in signatures])
    return False


def _anchors(raw: bytes) -> bool:
    """Each note that is found is one by itself, and a whole one behind makes any file whole."""
    notes, is_whole = anchor_file.parse(raw)
    assert bool(notes) or not is_whole
    assert all(anchor_file.parse(note.encode("utf-8")) == ([note], True) for note in notes)
    assert anchor_file.parse(raw + b"\n" + _NOTE.encode())[1]
    return is_whole


def _mended_note(raw: bytes) -> bytes:
    text = raw.partition(b"\n\n")[0] + b"\n"
    try:
        return merkle.sign_note(text, [(text.decode().split("\n")[0].replace(" ", ""), KEY)]).encode()
    except ValueError:
        return raw


_ENTRY = strict_json.canonical(
    {"action": "ingest", "at": "2026-10-01T08:00:00Z", "detail": {"sworn": "00" * 32}, "outcome": "allowed",
     "person": "telefon", "recordings": ["00" * 16], "rule": "consent.press1"}
)  # fmt: skip


def _entry(raw: bytes) -> bool:
    ((_, entry),) = parsed([(0, raw)])
    told = list(_effects(entry, 0, roster.Signatories(_PEOPLE)))
    with suppress(ValueError):
        assert isinstance(audit_log.read_body(raw), dict)
    return bool(told)


def _tree(raw: bytes) -> bool:
    with suppress(Integrity):
        assert merkle.Tree.decode(raw).encode() == raw
        return True
    return False


_PEOPLE = roster.Roster(
    STORE,
    NOW,
    (
        Person("sigrid", Role.OFFICER, bytes(primitives.SEAL_PUBLIC), KEY.public, NOW, False, False),
        Person("telefon", Role.INGEST, bytes(primitives.SEAL_PUBLIC), bytes(32), NOW, True, False),
    ),
)


def _roster(raw: bytes) -> bool:
    with suppress(Integrity):
        return bool(roster.decode(raw))
    return False


def _policy(raw: bytes) -> bool:
    with suppress(Integrity):
        return bool(policy_versions.decode(raw))
    return False


def _proposal(raw: bytes) -> bool:
    """What a file proposes comes back from the file that is written of it."""
    before = _POLICY.newest
    with suppress(Refused, Usage):
        version = policy_file.read(raw, "proposal.toml", before, before.since)
        again = policy_file.read(policy_file.text_of(version).encode("utf-8"), "again.toml", before, version.since)
        assert again == version
        return True
    return False


def _settings(raw: bytes) -> bool:
    with suppress(Integrity):
        return bool(settings.decode(raw))
    return False


def _link(raw: bytes) -> bool:
    with suppress(Integrity):
        assert authority.decode(raw, bytes(64)).body() == raw
        return True
    return False


def _ring(raw: bytes) -> bool:
    slot = escrow.decode(STORE, 0, raw.ljust(RING_SLOT_BYTES, b"\0")[:RING_SLOT_BYTES])
    if slot is None:
        return False
    assert escrow.encode(STORE, slot) == raw[: len(escrow.encode(STORE, slot))]
    return escrow.is_signed(STORE, slot, [KEY.public])


def _mended_ring(raw: bytes) -> bytes:
    """With the checksum of what it is now."""
    body = raw[: len(_RING) - 32]
    return body + primitives.sha256(body)


def _ring_slot() -> bytes:
    slot = EscrowSlot(0, 3, 7, 1, NOW, 24, 5, bytes(32), {bytes(16): bytes(primitives.SEAL_OF_KEY)})
    return escrow.encode(STORE, replace(slot, signature=KEY.sign(escrow._body(STORE, slot))))


_RING = _ring_slot()
_LINK = authority.add(None, 3, Digests(bytes(32), bytes(32), bytes(32)), [KEY.public], KEY, STORE)
_POLICY = Policy((first("2026-01", NOW, SHIPPED),))
_SETTINGS = settings.Settings("store.root", Path("/feed"), (EscrowPlace(Path("/ring"), Path("/backup")),), 24, 7)
_ENTRIES = [_ENTRY, _ENTRY.replace(b"ingest", b"purge").replace(b"allowed", b"done").replace(b"telefon", b"sigrid")]
TARGETS = [
    Target("object", [_OBJECT], _object),
    Target("root", _SLOTS, _slots, _mended_slots),
    Target("seen", [_SEEN], _seen, _mended_seen),
    Target("answer of OpenBao", _OPENBAO, _openbao),
    Target("receipt", [certificates.file("receipt")], _given_out, _mended_document),
    Target("access answer", [certificates.file(name) for name in ("answer", "archive")], _given_out, _mended_page),
    Target("list of accesses", [certificates.file("list")], _given_out, _mended_document),
    Target("published page", [certificates.file(name) for name in ("page", "markdown")], _given_out, _mended_page),
    Target("verifier key", [merkle.vkey(_ORIGIN, KEY.public).encode()], _vkey),
    Target("checkpoint", [_NOTE.encode()], _note, _mended_note),
    Target("file of anchors", [_NOTE.encode() * 2], _anchors),
    Target("log entry", _ENTRIES, _entry),
    Target("log tree", [struct.pack(">Q", 5) + bytes(64)], _tree),
    Target("roster", [documents.encode(_PEOPLE)], _roster),
    Target("ring", [_RING], _ring, _mended_ring),
    Target("settings", [documents.encode(_SETTINGS)], _settings),
    Target("link", [_LINK.body()], _link),
    Target("policy", [policy_versions.encode(_POLICY)], _policy),
    Target("proposal of a policy", [policy_file.text_of(_POLICY.newest).encode()], _proposal),
]
