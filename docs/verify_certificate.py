#!/usr/bin/env python3
"""Check a deletion receipt of arlo-rec without arlo-rec: Python 3.11 and the package `cryptography` are enough.

    python3 verify_certificate.py RECEIPT.json [VKEY]

VKEY is the log's verifier key as it was published. Without it the receipt is shown to be whole and consistent, but not
whose it is. Ends with 0 and one line if the receipt is genuine, else with 1 and the reason. docs/format.md describes
what is checked here.
"""

import base64
import hashlib
import json
import sys
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Forged(Exception):
    """Why a receipt is not genuine."""


def demand(holds, otherwise):
    if not holds:
        raise Forged(otherwise)


def canonical(value):
    """The one form of JSON that is signed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def parse_vkey(text):
    """Name and key of a C2SP verifier key: name+hash+base64(0x01 || Ed25519 key)."""
    name, key_id, encoded = text.strip().split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    demand(raw[:1] == b"\x01" and len(raw) == 33, "not a verifier key")
    demand(hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == key_id, "not a verifier key")
    return name, raw[1:]


def signed(public, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def signed_note(note, name, public):
    """Whether a C2SP signed note carries a true signature of that key under that name."""
    text, _, lines = note.partition("\n\n")
    wanted = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    for line in lines.rstrip("\n").split("\n"):
        dash, signer, encoded = line.split(" ")
        raw = base64.b64decode(encoded, validate=True)
        if dash == "\u2014" and signer == name and raw[:4] == wanted:
            return signed(public, raw[4:], text.encode() + b"\n")
    return False


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


def check(raw, vkey=None):
    """The receipt, if it is genuine; raises Forged."""
    try:
        told = json.loads(raw)
        demand(canonical(told) + b"\n" == raw, "not as it was written")
        demand(told["kind"] == "arlo-rec deletion receipt" and told["format"] == 1, "not a receipt")
        demand(told["count"] == len(told["recordings"]), "the count is not that of the recordings")
        datetime.fromisoformat(told["erased_at"])
        origin = "arlo-rec/" + bytes.fromhex(told["store"]).hex()
        keys = [parse_vkey(one["vkey"]) for one in told["log_keys"]]
        demand(keys and all(name == origin for name, _ in keys), "a key of another log")
        for (_, old), (_, new), one in zip(keys, keys[1:], told["log_keys"][1:], strict=False):
            handover = f"{origin}\nhands the log over to\n".encode() + new
            demand(
                signed(old, base64.b64decode(one["statement"], validate=True), handover), "a key was not handed over"
            )
        body = canonical({key: value for key, value in told.items() if key != "signature"})
        signature = base64.b64decode(told["signature"], validate=True)
        demand(signed(keys[-1][1], signature, b"arlo-rec/1/receipt\0" + body), "the signature is not true")
        note, entry = told["checkpoint"], told["entry"]
        demand(any(signed_note(note, origin, key) for _, key in keys), "the checkpoint is not signed")
        of, size, root = note.partition("\n\n")[0].split("\n")
        path = [base64.b64decode(one, validate=True) for one in entry["path"]]
        found = root_of(base64.b64decode(entry["leaf"], validate=True), entry["seq"], int(size), path)
        demand(of == origin and int(size) == entry["seq"] + 1, "the checkpoint is not that of the erasure")
        demand(base64.b64decode(root, validate=True) == found, "the erasure is not in the log")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Forged(f"not a receipt: {error}") from None
    demand(vkey is None or parse_vkey(vkey) in keys, "the receipt is of another log")
    return told


def main(words):
    if len(words) not in (1, 2):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        with open(words[0], "rb") as file:
            told = check(file.read(), *words[1:])
    except OSError as error:
        print(f"{words[0]}: {error.strerror}", file=sys.stderr)
        return 2
    except Forged as why:
        print(f"NOT genuine: {why}", file=sys.stderr)
        return 1
    ring = f"; a backup may hold the key until {told['ring_until']}" if told["ring_until"] else ""
    print(
        f"genuine: {told['number']}, {told['count']} recordings erased at {told['erased_at']} by {told['rule']}{ring}"
    )
    if len(words) == 1:
        print(f"compare the key with the published one: {told['log_keys'][0]['vkey']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
