"""Every parser of bytes that others may write, with true inputs to begin from.

`parse` swallows the errors that the parser's docstring names, each around the call that may raise it, checks what
must hold of an answer, and tells whether the input was taken. Whatever else comes out is a finding.
"""

from __future__ import annotations

import base64
import io
import json
import os
import random
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from arlo_rec import audio, audit, callers, crypto, jsontext, keyfiles, logbook, objects, people, receipts, root, times
from arlo_rec.audio import decoder, decoding
from arlo_rec.backends import SLOT_BYTES
from arlo_rec.candidates import _claim
from arlo_rec.config import beforehand, settle
from arlo_rec.consent import Consent, judge
from arlo_rec.errors import Integrity, NoStore, NothingMatched, NotUnlocked, SoundError, Unreachable, Usage
from arlo_rec.inspection import _told
from arlo_rec.place import Place, find
from arlo_rec.policy import Purpose, Role, has_hidden_characters
from arlo_rec.prompts import SHIPPED
from arlo_rec.records import Kind, Person, RecordingId
from arlo_rec.sources import jsonlines, table
from arlo_rec.sources.lines import Lines, Unreadable
from arlo_rec.sources.manifest import MANIFEST_BYTES, BadManifest, Delivery, Manifest
from arlo_rec.texts import clean
from tests import sounds, world
from tests.fuzz.mutate import changed

NOW = datetime(2026, 10, 1, 9, tzinfo=UTC)
STORE = bytes(range(16))
KEY = crypto.SigningKey.from_seed(bytes(32))
PROMPTS_BY_VERSION = {one.version: one for one in SHIPPED}


@dataclass(frozen=True)
class Target:
    """A parser; `mend` makes a changed input agree with itself again (checksums, signatures), half of the time."""

    name: str
    seeds: Sequence[bytes]
    parse: Callable[[bytes], bool]
    mend: Callable[[bytes], bytes] | None = None

    def mended(self, chance: random.Random, raw: bytes) -> bytes:
        """The input as it is handed to `parse`."""
        return self.mend(raw) if self.mend is not None and chance.random() < 0.5 else raw


@contextmanager
def cheap_and_the_same() -> Iterator[None]:
    """The cost of a passphrase is judged, not paid, and what is chosen at random is the same in every run."""
    kept = crypto.passphrase_key, crypto.fresh
    chance = random.Random(0)
    crypto.passphrase_key, crypto.fresh = free, lambda length=crypto.KEY: chance.randbytes(length)
    try:
        yield
    finally:
        crypto.passphrase_key, crypto.fresh = kept


def free(_passphrase: bytes, _salt: bytes, cost: crypto.Argon2Cost) -> bytes:
    """The key of every passphrase at any cost that is allowed."""
    if not cost.within_bounds():
        raise crypto.Sealed
    return bytes(crypto.KEY)


# Sound ------------------------------------------------------------------------------------------------------

_NOTE_CHUNK = sounds.chunk(b"LIST", b"INFOICMT\x02\0\0\0x\0")
_WAVES = [
    sounds.tone_wav(0.01),
    sounds.tone_wav(0.01, encoding=audio.Encoding.PCM16, channels=1),
    sounds.wav(sounds.tone(0.01), extra_chunks=[_NOTE_CHUNK], trailing_chunks=[_NOTE_CHUNK]),
    sounds.riff(sounds.extensible(), sounds.chunk(b"data", sounds.tone(0.01))),
    sounds.rf64(sounds.fmt(), sounds.chunk(b"data", bytes(160), size=0xFFFFFFFF), data_size=160),
    sounds.riff(sounds.fmt(tag=0x11, bits=4, block_align=256), sounds.chunk(b"data", bytes(256))),
]  # fmt: skip
_MARKS = [
    b"OggS" + bytes(22) + b"\x01\x13OpusHead" + bytes(80),
    b"OggS" + bytes(22) + b"\x01\x1e\x01vorbis" + bytes(80),
    b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"fLaC" + bytes(80),
    b"fLaC" + bytes(80), b"#!AMR\n" + bytes(80), b"\0\0\0\x20ftypM4A " + bytes(80), b"\xff\xfb\x90\x00" + bytes(80),
    b"\xff\xf1\x50\x80" + bytes(80), bytes(80),
]  # fmt: skip


class _NoDecoder(decoding.Decoder):
    """Compressed sound is decoded in another process, which `commands` and `tests/test_recorded.py` start."""

    def open(self, *_: Any, **__: Any) -> Any:
        raise SoundError("decoder_missing")


def _wave(raw: bytes) -> bool:
    try:
        found = audio.read_wav(io.BytesIO(raw), len(raw))
    except SoundError:
        with suppress(SoundError):
            audio.probe(io.BytesIO(raw), len(raw))
        return False
    written = audio.canonical_wav(found)
    assert audio.read_wav(io.BytesIO(written), len(written)) == found
    return True


def _recognised(raw: bytes) -> bool:
    name = audio.ENDINGS[len(raw) % len(audio.ENDINGS)]
    with suppress(SoundError):
        found = audio.recognise(io.BytesIO(raw), len(raw), f"call{name}", _NoDecoder())
        assert sum(map(len, found.frames())) == found.header.data_bytes
        return True
    return False


def _decoder_answer(raw: bytes) -> bool:
    ours, theirs = os.pipe()
    os.write(theirs, raw[:60_000])
    os.close(theirs)
    try:
        opened = decoding.Decoding(ours)
    except SoundError:
        return False
    try:
        return all(len(block) <= decoding.BLOCK_MOST for block in opened.blocks())
    except SoundError:
        return False
    finally:
        opened.close()


_ANSWER = decoder.HEAD.pack(decoder.MAGIC, 8000, 1, 4) + decoder.LENGTH.pack(8) + bytes(8) + decoder.LENGTH.pack(0)

# Manifests --------------------------------------------------------------------------------------------------

CALL = {
    "source_id": "pbx.1",
    "audio": "call.wav",
    "direction": "inbound",
    "started_at": "2026-10-01T08:15:30.123Z",
    "caller": "+47 900 00 001",
    "agent": "Ola Oppdiktet",
    "team": "kundeservice",
    "channels": {"caller": 0, "agent": 1},
    "consent": {"key": "1", "at": "2026-10-01T08:15:45+00:00", "prompt": "nb-2026-01", "prompt_completed": True},
    "known": {"caller": ["Kari"], "agent": []},
}
_CALL = json.dumps(CALL).encode()
_TABLES = [world.as_table([CALL] * 2, one).encode() for one in ",;"]


def _call(delivery: Delivery) -> bool:
    try:
        delivery.audio_name()
        call = delivery.call()
    except BadManifest:
        return False
    finally:
        assert delivery.source_id is None or not has_hidden_characters(delivery.source_id)
    sound = audio.Header(audio.Encoding.ULAW, 8000, 2, 800_000)
    return all(judge(_claim(call, one), PROMPTS_BY_VERSION, now=NOW).allowed for one in (None, sound))


def _manifest(raw: bytes) -> bool:
    try:
        told = jsontext.parse_object(raw, max_bytes=MANIFEST_BYTES)
    except ValueError:
        return False
    return _call(Manifest(path=Path("call.json"), told={"audio": None, **told}))


def _records(records: Callable[[Lines], Any], raw: bytes) -> bool:
    taken = False
    try:
        for record in records(Lines(io.BytesIO(raw), len(raw))):
            try:
                told = record.told()
            except ValueError:
                continue
            taken |= _call(Manifest(path=Path("call.json"), told={"audio": None, **told}))
    except Unreadable as stopped:
        assert stopped.line >= 1
    return taken


def _json(raw: bytes) -> bool:
    try:
        value = jsontext.parse(raw)
    except ValueError:
        return False
    assert jsontext.parse(jsontext.canonical(value), max_bytes=10 * len(raw) + 100) == value
    return True


# Keys, settings, store ----------------------------------------------------------------------------------------


class Files:
    """Targets whose parser opens a file by its name; they live in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = Place(folder, folder / "root", STORE)
        for name in ("people", "root", "seals"):
            (folder / name).mkdir()
        self.identity = keyfiles.Identity(STORE, "sigrid", bytes(32), (KEY.public,))
        with cheap_and_the_same():
            keyfiles.write_locked(self.place, self.identity, world.PASSPHRASE.encode())
        keyfiles.write_service(folder / "service.key", self.identity)
        self.file = folder / "file"
        self.file.touch(mode=0o600)

    def targets(self) -> list[Target]:
        """Each with the files that the program itself wrote."""
        locked = self.place.key_file("sigrid").read_bytes()
        config = b'store = "/srv/arlo"\nas = "leif"\nlang = "en"\nlock_wait_s = 5\n[guard]\nshare = 0.5\ncount = 20\n'
        toml = f'# store\nformat = 1\nid = "{STORE.hex()}"\nroot = "store.root"\ngroup = false\n'.encode()
        return [
            Target("key file of a service", [(self.folder / "service.key").read_bytes()], self._service),
            Target("key file of a person", [locked], self._person, self._locked_again),
            Target("config", [config], self._config),
            Target("store.toml", [toml], self._store),
        ]

    def _service(self, raw: bytes) -> bool:
        self.file.write_bytes(raw)
        with suppress(NotUnlocked):
            found = keyfiles.read_service(self.place, self.file)
            assert len(found.seed) == crypto.KEY
            return True
        return False

    def _person(self, raw: bytes) -> bool:
        self.place.key_file("sigrid").write_bytes(raw)
        with suppress(NotUnlocked, Integrity), cheap_and_the_same():
            return bool(keyfiles.unlock(self.place, "sigrid", world.PASSPHRASE.encode()))
        return False

    def _locked_again(self, raw: bytes) -> bytes:
        """Whatever its head says, with a blob that opens under it."""
        try:
            head = json.loads(raw)
            head.pop("blob")
            bound = keyfiles._bound(self.place, "sigrid", head)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
            return raw
        with cheap_and_the_same():
            blob = crypto.wrap(bytes(crypto.KEY), jsontext.canonical(keyfiles._blob(self.identity)), bound)
        return json.dumps({**head, "blob": jsontext.to_base64(blob)}).encode()

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
_DATA_KEY = objects.new_data_key(_CONSENT)
_LISTENER = crypto.SealingKey.from_seed(b"1" * 32)
_HEADER = objects.make_header(_DATA_KEY, Kind.ORIGINAL, RecordingId(STORE), None, {b"a" * 16: _LISTENER.public})
# the one seed that differs from run to run: its seals are made inside the library
_OBJECT = b"".join(objects.seal_body(_DATA_KEY, _HEADER, [bytes(range(256)) * 70]))


def _object(raw: bytes) -> bool:
    with suppress(Integrity):
        header = objects.read_header(raw)
        length = len(header.encode())
        assert header.encode() == raw[:length]
        with suppress(Integrity):
            objects.open_stanza(header, {b"a" * 16: _LISTENER})
        with suppress(Integrity):
            assert b"".join(objects.open_body(_DATA_KEY, header, [raw[length:]])) == bytes(range(256)) * 70
        found = objects.open_sound(_DATA_KEY, header, io.BytesIO(raw))
        return len(found.read(0, found.size)) == found.size
    return False


def _slots(raw: bytes) -> bool:
    contents = [raw[:SLOT_BYTES], raw[SLOT_BYTES : 2 * SLOT_BYTES]]
    with suppress(Integrity):
        slot, _ = root.choose(contents, 7)
        return bool(root.open_slot(STORE, bytes(32), slot))
    return False


def _mended_slots(raw: bytes) -> bytes:
    halves = [raw[i : i + SLOT_BYTES].ljust(SLOT_BYTES, b"\0") for i in (0, SLOT_BYTES)]
    size = root._SLOT.size
    return b"".join(one[:size] + crypto.sha256(one[:size]) + one[size + 32 :] for one in halves)


def _seen(raw: bytes) -> bool:
    return root.decode_seen([raw, raw[1:], b""]) is not None


def _mended_seen(raw: bytes) -> bytes:
    return raw[: root._SEEN.size] + crypto.sha256(raw[: root._SEEN.size])


with cheap_and_the_same():
    _SLOT = root.encode_slot(STORE, bytes(32), 1, 7, bytes(32))
_SLOTS = [_SLOT.ljust(SLOT_BYTES, b"\0") * 2, _SLOT.ljust(SLOT_BYTES, b"\0") + bytes(SLOT_BYTES)]
_SEEN = root.encode_seen(root.Seen(7, 3, 12, bytes(32)))

# Receipts and the log -----------------------------------------------------------------------------------------

_ORIGIN = f"arlo-rec/{STORE.hex()}"
_NOTE = audit.sign_note(audit.Checkpoint(_ORIGIN, 12, bytes(32)).text(), [(_ORIGIN, KEY)])


def _signed_receipt(told: dict[str, Any]) -> bytes:
    told.pop("signature", None)
    told["signature"] = jsontext.to_base64(KEY.sign(receipts._message(told)))
    return json.dumps(told).encode()


_RECEIPT = _signed_receipt(
    {
        "format": 1, "kind": receipts.KIND, "number": "2026-10-01-1", "store": STORE.hex(), "event": "purge",
        "rule": "retention.90d", "policy": "2026-01", "erased_at": "2026-10-01T08:00:00Z", "count": 1,
        "recordings": ["00" * 16], "checked": ["root"], "checkpoint": _NOTE,
        "log_keys": [{"vkey": audit.vkey(_ORIGIN, KEY.public), "statement": None}],
    }
)  # fmt: skip


def _receipt(raw: bytes) -> bool:
    with suppress(Integrity):
        told = receipts.verify(raw)
        assert {"number", "event", "rule", "policy", "erased_at", "count", "store"} <= told.keys()
        times.shown(datetime.fromisoformat(told["erased_at"]))
        return receipts.verify(raw, audit.vkey(_ORIGIN, KEY.public)) == told
    return False


def _mended_receipt(raw: bytes) -> bytes:
    """Signed by a key of the forger's own, under whatever name it tells."""
    try:
        told = json.loads(raw)
        name = f"arlo-rec/{told['store']}"
        checkpoint = str(told["checkpoint"]).partition("\n\n")[0].replace(_ORIGIN, name) + "\n"
        told["log_keys"] = [{"vkey": audit.vkey(name, KEY.public), "statement": None}]
        told["checkpoint"] = audit.sign_note(checkpoint.encode(), [(name, KEY)])
        return _signed_receipt(told)
    except (KeyError, TypeError, ValueError, RecursionError):
        return raw


def _vkey(raw: bytes) -> bool:
    with suppress(ValueError):
        name, public = audit.parse_vkey(raw.decode("utf-8", "replace"))
        return bool(audit.vkey(name, public))
    return False


def _note(raw: bytes) -> bool:
    note = raw.decode("utf-8", "replace")
    with suppress(ValueError):
        checkpoint, signatures = audit.parse_note(note)
        assert checkpoint.text()
        return any([audit.note_signed_by(note, name, KEY.public) for name in signatures])
    return False


def _mended_note(raw: bytes) -> bytes:
    text = raw.partition(b"\n\n")[0] + b"\n"
    try:
        return audit.sign_note(text, [(text.decode().split("\n")[0].replace(" ", ""), KEY)]).encode()
    except ValueError:
        return raw


_ENTRY = jsontext.canonical(
    {"action": "ingest", "at": "2026-10-01T08:00:00Z", "detail": {"sworn": ["00" * 32]}, "outcome": "allowed",
     "person": "telefon", "recordings": ["00" * 16], "rule": "consent.press1"}
)  # fmt: skip


def _entry(raw: bytes) -> bool:
    told = list(_told(raw))
    with suppress(ValueError):
        assert isinstance(logbook.read_body(raw), dict)
    return bool(told)


def _tree(raw: bytes) -> bool:
    with suppress(Integrity):
        assert audit.Tree.decode(raw).encode() == raw
        return True
    return False


_PEOPLE = people.Roster(
    STORE, 3, NOW, (Person("sigrid", Role.OFFICER, bytes(crypto.SEAL_PUBLIC), KEY.public, NOW, False, False),)
)


def _roster(raw: bytes) -> bool:
    with suppress(Integrity):
        return bool(people.read_roster(people.sign("roster", 3, raw, KEY), [KEY.public]))
    return False


def _policy(raw: bytes) -> bool:
    with suppress(Integrity):
        return bool(people.read_policy(people.sign("policy", 1, raw, KEY), _PEOPLE))
    return False


# Words --------------------------------------------------------------------------------------------------------


def _time(raw: bytes) -> bool:
    text, taken = raw.decode("utf-8", "surrogateescape"), False
    for up in (False, True):
        with suppress(ValueError, OverflowError):
            taken = times.parse_instant(text, round_up=up).tzinfo is UTC
    for parse in (times.parse_from, times.parse_end):
        with suppress(Usage):
            assert parse(text).tzinfo is UTC
    return taken


def _number(raw: bytes) -> bool:
    text = raw.decode("utf-8", "surrogateescape")
    callers.is_withheld(text)
    with suppress(NothingMatched):
        number = callers.parse_caller(text).reveal()
        return number[0] == "+" and number[1:].isdigit() and number.isascii()
    return False


def _text(raw: bytes) -> bool:
    clean(raw.decode("utf-8", "surrogateescape")).encode("utf-8")
    with suppress(Usage):
        keyfiles.clean_passphrase(raw)
    with suppress(ValueError):
        return bool(jsontext.from_base64(raw.decode("latin-1")))
    return False


def made(target: Target, seed: int, number: int) -> bytes:
    """Input *number* of a target: the same bytes in every run with this *seed*."""
    chance = random.Random(f"{target.name} {seed} {number}")
    return target.mended(chance, changed(chance, target.seeds))


def targets(folder: Path) -> list[Target]:
    """All of them; those that need a file have it in *folder*, which must be empty."""
    numbers = ["+4790000001", "(+47) 900 00 001", "0047 90.00-00/01", "anonymous", "+46 70 123 45 67", "112"]
    instants = ["2026-10-01T08:15:30.123456789+02:00", "2026-10-01", "2026-12-31T23:59Z", "0001-01-01T00:00:00-14:00"]
    entries = [_ENTRY, _ENTRY.replace(b"ingest", b"purge").replace(b"allowed", b"done")]
    return [
        Target("wav", _WAVES, _wave),
        Target("sound by its first bytes", [*_WAVES, *_MARKS], _recognised),
        Target("answer of the decoder", [_ANSWER, decoder.HEAD.pack(decoder.NO_LIBRARY, 0, 0, 0)], _decoder_answer),
        Target("manifest", [_CALL], _manifest),
        Target("JSON Lines", [_CALL + b"\n" + _CALL + b"\n"], lambda raw: _records(jsonlines.records, raw)),
        Target("table", _TABLES, lambda raw: _records(table.records, raw)),
        Target("JSON", [_CALL, _RECEIPT, b'[1, 2.5e3, "\\u00e5", [[]]]'], _json),
        *Files(folder).targets(),
        Target("object", [_OBJECT], _object),
        Target("root", _SLOTS, _slots, _mended_slots),
        Target("seen", [_SEEN], _seen, _mended_seen),
        Target("receipt", [_RECEIPT], _receipt, _mended_receipt),
        Target("verifier key", [audit.vkey(_ORIGIN, KEY.public).encode()], _vkey),
        Target("checkpoint", [_NOTE.encode()], _note, _mended_note),
        Target("log entry", entries, _entry),
        Target("log tree", [struct.pack(">Q", 5) + bytes(64)], _tree),
        Target("roster", [people.sign_roster(_PEOPLE, KEY).body], _roster),
        Target("policy", [people.policy_body("2026-01", SHIPPED)], _policy),
        Target("time", [one.encode() for one in instants], _time),
        Target("number", [one.encode() for one in numbers], _number),
        Target("text", [base64.b64encode(bytes(32)), "Åse Øksnes 🎧\n".encode()], _text),
    ]
