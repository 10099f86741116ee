#!/usr/bin/env python3
"""Check a deletion receipt of arlo-rec without arlo-rec: Python 3.11 and the package `cryptography` are enough.

    python3 verify_certificate.py RECEIPT.json [VKEY ...]

VKEY is a verifier key as it was published: the log's, the first officer's, or both. Without the officer's the receipt
is shown to be whole and consistent, but anybody who opens that store could have made it. Ends with 0 and what was
erased if the receipt is genuine, else with 1 and the reason. docs/format.md describes what is checked here.
"""

import base64
import errno
import hashlib
import json
import os
import re
import stat
import sys
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LONGEST = 64 * 1024 * 1024  # bytes
MAY_ERASE = {
    "withdrawal": {"support", "officer"},
    "expiry": {"retention", "officer"},
    "restore": {"officer"},
    "review": {"manager", "officer"},
    "release": {"manager", "officer"},
    "reject": {"manager", "officer"},
}
TEXTS = {  # the one form of each text; nothing is shown that does not have it
    "kind": "arlo-rec deletion receipt",
    "number": "[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}",
    "store": "[0-9a-f]{32}",
    "event": "|".join(MAY_ERASE),
    "rule": "[a-z]{1,20}\\.[a-z0-9]{1,20}",
    "policy": "[0-9]{4}-[0-9]{2}",
    "erased_at": "[0-9TZ:.-]{20,27}",
}
OTHERS = {
    *("format", "count", "days", "recordings", "places", "ring_until", "feed", "entry", "checkpoint", "log_keys"),
    *("signers", "erased_by", "signature"),
}


class Forged(Exception):
    """Why a receipt is not genuine."""


def demand(holds, otherwise):
    if not holds:
        raise Forged(otherwise)


def shown(value):
    """A text with everything that could control a terminal or deceive a reader written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(value))


def canonical(value):
    """The one form of JSON that is signed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def is_count(value):
    return type(value) is int and 0 <= value < 2**63


def matches(pattern, value):
    return type(value) is str and re.fullmatch(pattern, value) is not None


def is_instant(value):
    return matches(TEXTS["erased_at"], value) and value == (
        datetime.fromisoformat(value).astimezone(UTC).isoformat().replace("+00:00", "Z")
    )


def unpacked(text, length):
    """The bytes of base64 in its one form: bits that no byte uses are zero."""
    raw = base64.b64decode(text, validate=True)
    demand(len(raw) == length and base64.b64encode(raw).decode() == text, "not canonical base64")
    return raw


def parse_vkey(text):
    """Name and key of a C2SP verifier key: name+hash+base64(0x01 || Ed25519 key)."""
    name, key_id, encoded = text.split("+", 2)
    raw = unpacked(encoded, 33)
    demand(raw[:1] == b"\x01", "not a verifier key")
    demand(hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == key_id, "not a verifier key")
    return name, raw[1:]


def signed(public, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def signer_name(origin, public):
    """The name under which a person's key signs a checkpoint."""
    return f"{origin}/{hashlib.sha256(b'arlo-rec/1/fingerprint' + bytes(1) + public).digest()[:16].hex()}"


def parse_note(note):
    """Text and signatures, by name, of a C2SP signed note."""
    text, _, lines = note.partition("\n\n")
    demand(lines.endswith("\n") and not lines.endswith("\n\n"), "the checkpoint is not as it is written")
    found = {}
    for line in lines[:-1].split("\n"):
        dash, signer, encoded = line.split(" ")
        demand(dash == "\u2014" and signer not in found, "the checkpoint is not as it is written")
        found[signer] = unpacked(encoded, 68)
    return text, found


def signed_note(parsed, name, public):
    """Whether a note carries a true signature of that key under that name."""
    text, found = parsed
    wanted, raw = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4], found.get(name, b"")
    return raw[:4] == wanted and signed(public, raw[4:], text.encode() + b"\n")


def root_of(leaf, index, size, path):
    """The root that an inclusion path leads to (RFC 9162, 2.1.3.2)."""
    at, last, found = index, size - 1, leaf
    for sibling in path:
        demand(last > 0, "the path is too long")
        if at & 1 or at == last:
            found = hashlib.sha256(b"\x01" + sibling + found).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + sibling).digest()
        at, last = at >> 1, last >> 1
    demand(last == 0, "the path is too short")
    return found


def check_form(told):
    """Every key and no other, each value of its type."""
    demand(told.keys() == TEXTS.keys() | OTHERS, "not the keys of a receipt")
    for key, pattern in TEXTS.items():
        demand(matches(pattern, told[key]), f"not a receipt's {key}")
    demand(type(told["format"]) is int and told["format"] == 1, "not a format that is known here")
    ids = told["recordings"]
    demand(type(ids) is list and all(matches("[0-9a-f]{32}", one) for one in ids), "not ids of recordings")
    demand(is_count(told["count"]) and told["count"] == len(ids) == len(set(ids)), "another count of recordings")
    demand(is_instant(told["erased_at"]), "no instant of the erasure")
    demand(told["ring_until"] is None or is_instant(told["ring_until"]), "no instant of the ring")
    demand(told["feed"] is None or type(told["feed"]) is bool, "the feed is no answer")
    demand(told["places"] in ([*(places := ["root", "catalogue", "objects"]), "journal"], places), "other places")
    days = told["days"]
    demand(type(days) is dict and all(map(is_count, days.values())), "no counts of days")
    demand(all(matches("[0-9]{4}-[0-9]{2}-[0-9]{2}", day) for day in days), "no days")
    for key in told["log_keys"]:
        demand(key.keys() == {"vkey", "statement"}, "not a key of a log")
    demand(told["entry"].keys() == {"seq", "leaf", "path"} and is_count(told["entry"]["seq"]), "not an entry")


def officer_vkey(told):
    """The first officer's verifier key."""
    raw = base64.b64decode(told["signers"][-1]["key"])
    name = signer_name("arlo-rec/" + told["store"], raw)
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + raw).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(bytes([1]) + raw).decode()}"


def check_signers(told, origin, note):
    """The first officer's key, by whose word, from officer to officer, the eraser's key may sign; raises Forged."""
    signers, store, entry = told["signers"], bytes.fromhex(told["store"]), told["entry"]
    keys = [unpacked(one["key"], 32) for one in signers]
    for one, by, key, officer in zip(signers, [*signers[1:], signers[-1]], keys, [*keys[1:], keys[-1]], strict=True):
        demand(one.keys() == {"key", "role", "since", "signature"} and is_count(one["since"]), "not a signer")
        message = b"arlo-rec/1/voucher\0" + store + key + one["since"].to_bytes(8) + one["role"].encode()
        demand(signed(officer, unpacked(one["signature"], 64), message), "a signer is vouched for by nobody")
        demand(by["role"] == "officer" and by["since"] <= one["since"], "a signer is vouched for by no officer")
    demand(signers[0]["role"] in MAY_ERASE[told["event"]], "the signer does not erase")
    demand(signers[0]["since"] <= entry["seq"], "the signer came later")
    words = ("store", "number", "event", "rule", "erased_at", "count", "recordings")
    erased = b"arlo-rec/1/erased\0" + canonical({**{key: told[key] for key in words}, "seq": entry["seq"]})
    demand(signed(keys[0], unpacked(told["erased_by"], 64), erased), "the signer did not erase that")
    demand(signed_note(note, signer_name(origin, keys[0]), keys[0]), "the entry is not the signer's")
    return keys[-1]


def check(raw, *vkeys):
    """The receipt, if it is genuine; raises Forged."""
    try:
        demand(len(raw) <= LONGEST, "too long")
        told = json.loads(raw)
        demand(canonical(told) + b"\n" == raw, "not as it was written")
        check_form(told)
        origin = "arlo-rec/" + told["store"]
        keys = [parse_vkey(one["vkey"]) for one in told["log_keys"]]
        demand(keys and all(name == origin for name, _ in keys), "a key of another log")
        demand(told["log_keys"][0]["statement"] is None, "the first key was handed over by nobody")
        for (_, old), (_, new), one in zip(keys, keys[1:], told["log_keys"][1:], strict=False):
            handover = f"{origin}\nhands the log over to\n".encode() + new
            demand(signed(old, unpacked(one["statement"], 64), handover), "a key was not handed over")
        body = canonical({key: value for key, value in told.items() if key != "signature"})
        signature = unpacked(told["signature"], 64)
        demand(signed(keys[-1][1], signature, b"arlo-rec/1/receipt\0" + body), "the signature is not true")
        note, entry = parse_note(told["checkpoint"]), told["entry"]
        demand(any(signed_note(note, origin, key) for _, key in keys), "the checkpoint is not signed")
        of, size, root, begin = note[0].split("\n")
        path = [unpacked(one, 32) for one in entry["path"]]
        found = root_of(unpacked(entry["leaf"], 32), entry["seq"], entry["seq"] + 1, path)
        demand(of == origin and size == str(entry["seq"] + 1), "the checkpoint is not that of the erasure")
        demand(begin in (f"from {at}" for at in range(entry["seq"] + 1)), "the checkpoint does not cover the erasure")
        demand(unpacked(root, 32) == found, "the erasure is not in the log")
        officer = check_signers(told, origin, note)
        known = [*keys, (signer_name(origin, officer), officer)]
        demand(all(parse_vkey(vkey.strip()) in known for vkey in vkeys), "the receipt is of another log or officer")
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Forged(f"not a receipt: {type(error).__name__}") from None
    return told


def read(path):
    """What stands in a file, as far as a receipt can be long; raises OSError, also for what is no file."""
    wait_for_nobody = getattr(os, "O_NONBLOCK", 0)  # a pipe into which nobody writes
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | wait_for_nobody)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a file")
        return file.read(LONGEST + 1)


def main(words):
    if not words or words[0].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        told = check(read(words[0]), *words[1:])
    except OSError as error:
        print(f"{shown(words[0])}: {error.strerror}", file=sys.stderr)
        return 2
    except Forged as why:
        print(f"NOT genuine: {shown(why)}", file=sys.stderr)
        return 1
    ring = f"; a backup may hold the key until {told['ring_until']}" if told["ring_until"] else ""
    print(
        f"genuine: {told['number']}, {told['count']} recordings erased at {told['erased_at']} by {told['rule']}{ring}"
    )
    known, officer, log = {vkey.strip() for vkey in words[1:]}, officer_vkey(told), told["log_keys"][0]["vkey"]
    if officer not in known:
        print(f"compare the first officer's key with the published one: {officer}")
    if not known - {officer}:
        print(f"compare the log's key with the published one: {log}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
