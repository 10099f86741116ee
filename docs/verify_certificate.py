#!/usr/bin/env python3
"""Check what arlo-rec gave out, without arlo-rec: Python 3.11 and the package `cryptography` are enough.

    python3 verify_certificate.py RECEIPT.json [VKEY ...]
    python3 verify_certificate.py ANSWER.html|ANSWER.zip [ACCESSES.json] [VKEY ...]
    python3 verify_certificate.py ACCESSES.json [VKEY ...]
    python3 verify_certificate.py PAGE.html|PAGE.md [VKEY ...]

A deletion receipt, an answer to an access request, the list of accesses that is saved from such an answer, or a page of
the guidelines that was published. VKEY is a verifier key as it was published: the log's, the first officer's, or both.
The log gets a new key whenever somebody leaves: with the newest, nothing is genuine that was made by who left before.
Without the officer's the file is shown to be whole and consistent, but anybody could have made it. Ends with 0 and what
it says if it is genuine, with 1 and the reason if it is not, and with 2 if it is none of these or cannot be read.
docs/format.md describes what is checked here.
"""

import base64
import errno
import hashlib
import json
import os
import re
import stat
import struct
import sys
import zlib
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LONGEST = 64 * 1024 * 1024  # bytes of a receipt or a list
LONGEST_END = 2 * 1024 * 1024  # bytes in which the certificate of an answer and the directory of an archive lie
RECEIPT, ANSWER, LIST = "arlo-rec deletion receipt", "arlo-rec access answer", "arlo-rec accesses"
PAGE = "arlo-rec published page"
MARK, AFTER_MARK = b'<script type="application/json" id="certificate">', b"</script>\n</body>\n</html>\n"
GENERATOR = b'<meta name="generator" content="arlo-rec">'
PAGE_HEADS = (b'<meta name="generator" content="arlo-rec published page">', b"<!-- arlo-rec published page -->\n")
MARKDOWN_MARK, AFTER_MARKDOWN = b"\n<!-- arlo-rec certificate: ", b" -->\n"
MAY_ERASE = {
    "withdrawal": {"support", "officer"},
    "expiry": {"retention", "officer"},
    "restore": {"officer"},
    "review": {"manager", "officer"},
    "release": {"manager", "officer"},
    "reject": {"manager", "officer"},
    "objection": {"officer"},
}
TEXTS = {  # the one form of each text; nothing is shown that does not have it
    "kind": RECEIPT,
    "number": "[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}",
    "store": "[0-9a-f]{32}",
    "event": "|".join(MAY_ERASE),
    "rule": "[a-z]{1,20}\\.[a-z0-9]{1,20}",
    "policy": "[0-9]{4}-[0-9]{2}([.][0-9]{1,3})?",
    "erased_at": "[0-9TZ:.-]{20,27}",
}
OTHERS = {
    *("format", "count", "days", "recordings", "places", "ring_until", "feed", "entry", "checkpoint", "log_keys"),
    *("signers", "erased_by", "signature"),
}


COMMON = {"format", "kind", "policy", "store", "checkpoint", "log_keys", "signers", "signature", "log_signature"}


class Forged(Exception):
    """Why a file is not genuine."""


class Unknown(Exception):
    """A file is none of those that are checked here."""


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
    demand(told["entry"].keys() == {"seq", "leaf", "path"} and is_count(told["entry"]["seq"]), "not an entry")


def officer_vkey(told):
    """The first officer's verifier key."""
    raw = base64.b64decode(told["signers"][-1]["key"])
    name = signer_name("arlo-rec/" + told["store"], raw)
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + raw).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(bytes([1]) + raw).decode()}"


def check_vouchers(told):
    """The keys from the signer's to the first officer's, each vouched for by the next; raises Forged."""
    signers, store = told["signers"], bytes.fromhex(told["store"])
    keys = [unpacked(one["key"], 32) for one in signers]
    for one, by, key, officer in zip(signers, [*signers[1:], signers[-1]], keys, [*keys[1:], keys[-1]], strict=True):
        demand(one.keys() == {"key", "role", "since", "signature"} and is_count(one["since"]), "not a signer")
        message = b"arlo-rec/1/voucher\0" + store + key + one["since"].to_bytes(8) + one["role"].encode()
        demand(signed(officer, unpacked(one["signature"], 64), message), "a signer is vouched for by nobody")
        demand(by["role"] == "officer" and by["since"] <= one["since"], "a signer is vouched for by no officer")
    return keys


def check_log(told):
    """The log's keys, each handed over by the one before, and the checkpoint that one of them signed; raises Forged."""
    origin = "arlo-rec/" + told["store"]
    for key in told["log_keys"]:
        demand(key.keys() == {"vkey", "statement"}, "not a key of a log")
    keys = [parse_vkey(one["vkey"]) for one in told["log_keys"]]
    demand(keys and all(name == origin for name, _ in keys), "a key of another log")
    demand(told["log_keys"][0]["statement"] is None, "the first key was handed over by nobody")
    for (_, old), (_, new), one in zip(keys, keys[1:], told["log_keys"][1:], strict=False):
        handover = f"{origin}\nhands the log over to\n".encode() + new
        demand(signed(old, unpacked(one["statement"], 64), handover), "a key was not handed over")
    note = parse_note(told["checkpoint"])
    demand(any(signed_note(note, origin, key) for _, key in keys), "the checkpoint is not signed")
    of, size, root, begin = note[0].split("\n")
    demand(of == origin and matches("0|[1-9][0-9]{0,18}", size), "the checkpoint is not that of this log")
    demand(matches("from (0|[1-9][0-9]{0,18})", begin) and int(begin[5:]) < int(size), "the checkpoint covers nothing")
    return keys, note, int(size), unpacked(root, 32), int(begin[5:])


def check_entry(entry, size, root):
    """That an entry is in the log of that root; raises Forged."""
    demand(is_count(entry["seq"]) and entry["seq"] < size, "an entry that the log does not have")
    path = [unpacked(one, 32) for one in entry["path"]]
    demand(root_of(unpacked(entry["leaf"], 32), entry["seq"], size, path) == root, "an entry is not in the log")


def check_last(told, note, size, root, begin, key):
    """That a document's entry is the last of its checkpoint, which *key* signed: then it is that person's."""
    entry, name = told["entry"], signer_name("arlo-rec/" + told["store"], key)
    demand(entry.keys() == {"seq", "leaf", "path"}, "not an entry")
    demand(size == entry["seq"] + 1 and begin <= entry["seq"], "the checkpoint is not that of the entry")
    check_entry(entry, size, root)
    demand(signed_note(note, name, key), "the entry is not the signer's")


def check_receipt(told):
    """What only a receipt has; raises Forged."""
    check_form(told)
    log_keys, note, size, root, begin = check_log(told)
    body = canonical({key: value for key, value in told.items() if key != "signature"})
    signature = unpacked(told["signature"], 64)
    demand(signed(log_keys[-1][1], signature, b"arlo-rec/1/receipt\0" + body), "the signature is not true")
    keys, signer = check_vouchers(told), told["signers"][0]
    check_last(told, note, size, root, begin, keys[0])
    demand(signer["role"] in MAY_ERASE[told["event"]], "the signer does not erase")
    demand(signer["since"] <= told["entry"]["seq"], "the signer came later")
    words = ("store", "number", "event", "rule", "erased_at", "count", "recordings")
    erased = b"arlo-rec/1/erased\0" + canonical({**{key: told[key] for key in words}, "seq": told["entry"]["seq"]})
    demand(signed(keys[0], unpacked(told["erased_by"], 64), erased), "the signer did not erase that")
    return log_keys, keys[-1]


def check_officer(told, more, since, log_keys):
    """What is common but to receipts: the keys, their form, an officer's signature and the log's; raises Forged."""
    demand(told.keys() == COMMON | more, "not the keys of an answer, a list or a page")
    demand(type(told["format"]) is int and told["format"] == 1, "not a format that is known here")
    for key in ("policy", "store"):
        demand(matches(TEXTS[key], told[key]), f"no {key}")
    keys, signer = check_vouchers(told), told["signers"][0]
    demand(signer["role"] == "officer" and signer["since"] <= since, "the signer answers nobody")
    body = canonical({key: value for key, value in told.items() if key != "signature"})
    demand(signed(keys[0], unpacked(told["signature"], 64), b"arlo-rec/1/answer\0" + body), "the signature is not true")
    body = canonical({key: value for key, value in told.items() if key not in ("signature", "log_signature")})
    signature = unpacked(told["log_signature"], 64)  # by the last key: who was removed has the earlier ones
    demand(signed(log_keys[-1][1], signature, b"arlo-rec/1/answer of the log\0" + body), "the log did not sign it")
    return keys


def check_case(told):
    """The case and the time of an answer or a list; raises Forged."""
    demand(matches("[0-9A-Za-z-]{1,40}", told["case"]) and is_instant(told["made_at"]), "no case, or no time")


def check_answer(told, sha256, length):
    """The certificate of an answer of which everything else has that digest and length; raises Forged."""
    check_case(told)
    demand(told["accesses"] is None or matches("[0-9a-f]{64}", told["accesses"]), "no checksum of a list")
    return check_content(told, {"case", "made_at", "accesses"}, sha256, length)


def check_page(told, sha256, length, form):
    """The certificate of a page in that form of which everything else has that digest and length; raises Forged."""
    demand(matches("[a-z][a-z-]{0,39}", told["page"]) and told["lang"] in ("nb", "en"), "no name of a page")
    demand(told["form"] == form and is_instant(told["published_at"]), "another form, or no time")
    return check_content(told, {"page", "lang", "form", "published_at"}, sha256, length)


def check_content(told, more, sha256, length):
    """What the certificates of answers and pages have in common; raises Forged."""
    log_keys, note, size, root, begin = check_log(told)
    keys = check_officer(told, {*more, "sha256", "bytes", "entry"}, told["entry"]["seq"], log_keys)
    demand(is_count(told["bytes"]), "no length")
    check_last(told, note, size, root, begin, keys[0])
    demand((told["sha256"], told["bytes"]) == (sha256, length), "the file was changed after it was signed")
    return log_keys, keys[-1]


def check_list(told):
    """A list of accesses: each entry is in the log, names a recording of the list, and is counted; raises Forged."""
    log_keys, _, size, root, _ = check_log(told)
    check_case(told)
    keys = check_officer(told, {"case", "made_at", "recordings", "count", "entries", "words"}, size, log_keys)
    ids = set()
    for one in told["recordings"]:
        demand(one.keys() == {"recording", "copies"}, "not a recording")
        ids |= {one["recording"], *one["copies"]}
    demand(all(matches("[0-9a-f]{32}", one) for one in ids), "not ids of recordings")
    for entry in told["entries"]:
        demand(
            entry.keys() == {"seq", "leaf", "path", "recordings", "access", "what", "role", "day"}
            and type(entry["access"]) is bool
            and matches("[a-z_]{1,40}", entry["what"])
            and (entry["role"] is None or matches("[a-z]{1,40}", entry["role"]))
            and (entry["day"] is None or matches("[0-9]{4}-[0-9]{2}-[0-9]{2}", entry["day"])),
            "not an entry of a list",
        )
        named = entry["recordings"]
        demand(type(named) is list and ids.issuperset(named), "an entry names another recording")
        of_another = "_other" in entry["what"]  # of somebody else's request: which recordings are theirs is not told
        demand(bool(named) is not of_another, "an entry names none of the recordings")
        check_entry(entry, size, root)
    numbers = [entry["seq"] for entry in told["entries"]]
    demand(numbers == sorted(set(numbers)), "an entry is listed twice")
    demand(is_count(told["count"]) and told["count"] == len(numbers), "another count of entries")
    for word in told["words"].values():
        demand(word.keys() == {"nb", "en"} and all(type(text) is str for text in word.values()), "not words")
    return log_keys, keys[-1]


def check(raw, *vkeys, of=None):
    """A receipt, a list, or with *of* the certificate of an answer or a page; raises Forged.

    *of* is digest and length of the rest, and for a page its form.
    """
    try:
        demand(len(raw) <= LONGEST, "too long")
        told = json.loads(raw)
        demand(canonical(told) + (b"" if of else b"\n") == raw, "not as it was written")
        if of and len(of) == 3:
            demand(told["kind"] == PAGE, "not the certificate of a page")
            log_keys, officer = check_page(told, *of)
        elif of:
            demand(told["kind"] == ANSWER, "not the certificate of an answer")
            log_keys, officer = check_answer(told, *of)
        elif told["kind"] == LIST:
            log_keys, officer = check_list(told)
        else:
            log_keys, officer = check_receipt(told)
        known = [*log_keys, (signer_name("arlo-rec/" + told["store"], officer), officer)]
        is_known = all(parse_vkey(vkey.strip()) in known for vkey in vkeys)
        demand(is_known, "the file is of another log or officer, or was made before or without that key of the log")
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Forged(f"not as it was made: {type(error).__name__}") from None
    return told


def check_file(file, *vkeys):
    """What an open file holds, known by its content; raises Forged or Unknown."""
    file.seek(0)
    head = file.read(4096)
    if form := form_of_page(file, head):
        return check_tail(file, in_page if form == "html" else in_markdown, vkeys, form)
    file.seek(4096)
    if head.startswith(b"{"):
        return check(head + file.read(LONGEST), *vkeys)
    if head.startswith(b"PK\x03\x04"):
        return check_tail(file, in_archive, vkeys)
    if head.startswith(b"<!doctype html>") and GENERATOR in head:
        return check_tail(file, in_page, vkeys)
    raise Unknown("not one of our files")


def end_of(file):
    """The end of a file, and how long the file is."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - LONGEST_END, 0))
    return file.read(LONGEST_END), size


def form_of_page(file, head):
    """The form of a published page, known by its beginning or by its certificate; None where the file is none."""
    end, _ = end_of(file)
    is_html = head.startswith(b"<!doctype html>") and PAGE_HEADS[0] in head
    if not is_html and not head.startswith(PAGE_HEADS[1]) and f'"kind":"{PAGE}"'.encode() not in end:
        return None
    return "html" if is_html or MARK in end else "md"


def check_tail(file, find, vkeys, *form):
    """An answer or a page, whose certificate *find* finds at its end."""
    end, size = end_of(file)
    try:
        certificate, length, records = find(end, size)
    except (ValueError, struct.error):
        raise Forged("it does not end with its certificate: cut off, or added to") from None
    digest, before, left = hashlib.sha256(), b"", length
    mark = MARKDOWN_MARK if find is in_markdown else MARK
    file.seek(0)
    while left > 0 and (piece := file.read(min(1024 * 1024, left))):
        digest.update(piece)
        demand(find is in_archive or mark not in before + piece, "it has two certificates")
        before, left = piece[-len(mark) :], left - len(piece)
    digest.update(records)
    return check(certificate, *vkeys, of=(digest.hexdigest(), length + len(records), *form))


def in_page(end, size):
    """The certificate at the end of a page, and the length of what stands before it."""
    at = end.rindex(MARK)
    demand(end.endswith(AFTER_MARK), "it does not end with its certificate: cut off, or added to")
    return end[at + len(MARK) : -len(AFTER_MARK)], size - len(end) + at, b""


def in_markdown(end, size):
    """The same in a page as Markdown, where it is a comment at the end."""
    at = end.rindex(MARKDOWN_MARK)
    demand(end.endswith(AFTER_MARKDOWN), "it does not end with its certificate: cut off, or added to")
    return end[at + len(MARKDOWN_MARK) : -len(AFTER_MARKDOWN)], size - len(end) + at, b""


def in_archive(end, size):
    """The certificate at the end of an archive, where it begins, and the directory's records before its own."""
    name, far = b"certificate.json", end[-98:-42]
    _, _, _, count, length, begin, _ = struct.unpack("<4xHHHHIIH", end[-22:])
    if far[:4] == b"PK\x06\x06":
        count, length, begin = struct.unpack("<QQQ", far[32:56])
    first = size - len(end)
    directory = end[begin - first :][:length]
    demand(begin >= first and len(directory) == length, "no directory")
    at = [0]
    while at[-1] < length:
        demand(directory[at[-1] :][:4] == b"PK\x01\x02", "no directory")
        at.append(at[-1] + 46 + sum(struct.unpack("<HHH", directory[at[-1] + 28 :][:6])))
    demand(at[-1] == length and len(at) - 1 == count > 0, "no directory")
    records, own = directory[: at[-2]], directory[at[-2] :]
    (offset,) = struct.unpack("<I", own[42:46])
    if offset == 0xFFFFFFFF:
        (offset,) = struct.unpack("<Q", own[50 + len(name) :][:8])
    demand(first <= offset <= begin, "no certificate")
    certificate = end[offset - first + 30 + len(name) : begin - first]
    crc, long = zlib.crc32(certificate), len(certificate)
    extra = struct.pack("<HHQ", 1, 8, offset) if offset >= 0xFFFFFFFF else b""
    version, head = 45 if extra else 20, (0x800, 0, 0, 0x21, crc, long, long, len(name))
    made = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, *head, 0) + name + certificate + records
    made += struct.pack("<4sHHHHHHIIIHH", b"PK\1\2", 768 | version, version, *head, len(extra))
    made += struct.pack("<HHHII", 0, 0, 0, 0o100600 << 16, min(offset, 0xFFFFFFFF)) + name + extra
    if begin >= 0xFFFFFFFF or count >= 0xFFFF:
        made += struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, begin)
        made += struct.pack("<4sIQI", b"PK\6\7", 0, begin + length, 1)
    few = min(count, 0xFFFF)
    made += struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, few, few, length, min(begin, 0xFFFFFFFF), 0)
    demand(made == end[offset - first :], "its directory was changed after it was signed")
    return certificate, offset, records


def opened(path):
    """A file that is open for reading; raises OSError, also for what is no file."""
    wait_for_nobody = getattr(os, "O_NONBLOCK", 0)  # a pipe into which nobody writes
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | wait_for_nobody))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a file")
    return file


def sentence(told):
    """What a genuine file says."""
    if told["kind"] == ANSWER:
        return f"the answer of case {told['case']}, made at {told['made_at']}, is unchanged"
    if told["kind"] == PAGE:
        what = f"the page {told['page']} ({told['lang']}) of version {told['policy']} of the guidelines"
        return f"{what}, published at {told['published_at']}, is unchanged"
    if told["kind"] == LIST:
        read, size = sum(entry["access"] for entry in told["entries"]), told["checkpoint"].split("\n")[1]
        what = f"{told['count']} entries name the recordings, {read} of them accesses"
        return f"the list of case {told['case']}: {what}; all are in the log of {size} entries, others are denied"
    ring = f"; a backup may hold the key until {told['ring_until']}" if told["ring_until"] else ""
    return f"{told['number']}, {told['count']} recordings erased at {told['erased_at']} by {told['rule']}{ring}"


def check_words(words):
    """What the files that *words* name say, if they are genuine and belong together; raises Forged or Unknown."""
    files = words[:2] if len(words) > 1 and "+" not in words[1] else words[:1]
    vkeys, documents = words[len(files) :], []
    for name in files:
        with opened(name) as file:
            documents.append(check_file(file, *vkeys))
            file.seek(0)
            if len(documents) == 2:
                is_its = hashlib.sha256(file.read(LONGEST)).hexdigest() == documents[0].get("accesses")
                demand(is_its, "the list of accesses is not that of this answer")
    return documents, vkeys


def main(words):
    if not words or words[0].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        documents, vkeys = check_words(words)
    except OSError as error:
        print(f"{shown(error.filename or words[0])}: {error.strerror}", file=sys.stderr)
        return 2
    except Unknown as why:
        print(f"not checked: {shown(why)}", file=sys.stderr)
        return 2
    except Forged as why:
        print(f"NOT genuine: {shown(why)}", file=sys.stderr)
        return 1
    for told in documents:
        print(f"genuine: {sentence(told)}")
    told = documents[0]
    known, officer, log = {vkey.strip() for vkey in vkeys}, officer_vkey(told), told["log_keys"][0]["vkey"]
    if officer not in known:
        print(f"compare the first officer's key with the published one: {officer}")
    if not known - {officer}:
        print(f"compare the log's key with the published one: {log}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
