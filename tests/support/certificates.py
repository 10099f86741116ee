"""What is given out, made with keys that the tests have or signed in a store, and what the one checker says of it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arlo_rec.law.model.errors import NotGenuine, Usage
from arlo_rec.law.model.strict_json import canonical, to_base64
from arlo_rec.policy import Role
from arlo_rec.vault.certificates import check, seal, verdict
from arlo_rec.vault.crypto import merkle, primitives
from arlo_rec.vault.keys import layout, vouching
from arlo_rec.vault.keys.key_files import log_key, read_catalogue_seal
from tests.support.attack import identity
from tests.support.places import TOP
from tests.support.world import World

Told = dict[str, Any]
SCRIPT = TOP / "arlo_rec" / "vault" / "certificates" / "check.py"

# -- what the checker says ----------------------------------------------------------------------------------------


def reason(raw: bytes, *vkeys: str) -> str:
    """Why a file is refused, by the checker's code; empty where it is genuine. Any other error is a bug."""
    try:
        check.check(io.BytesIO(raw), vkeys)
    except check.Forged as forged:
        return forged.reason
    except check.Unknown:
        return "unknown"
    return ""


def code(raw: bytes, *vkeys: str) -> str:
    """The code of the program's error, by which it refuses a file; empty where it is genuine."""
    try:
        verdict.verify(io.BytesIO(raw), vkeys)
    except (NotGenuine, Usage) as problem:
        return problem.code
    return ""


def as_a_stranger(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The script alone in a folder, run without the program."""
    script = folder / "alone" / SCRIPT.name
    script.parent.mkdir(exist_ok=True)
    shutil.copy(SCRIPT, script)
    return subprocess.run(
        [sys.executable, "-I", script, *words], capture_output=True, text=True, check=False, cwd=script.parent
    )


# -- made with keys of the tests: the sixth entry of a log ----------------------------------------------------------

STORE = bytes(range(16))
ORIGIN = f"arlo-rec/{STORE.hex()}"
LOG, OFFICER, OTHER = (primitives.SigningKey.from_seed(bytes([number]) * 32) for number in (1, 2, 3))
LEAVES = tuple(bytes([number]) * 32 for number in range(6))
VKEYS = (merkle.vkey(ORIGIN, LOG.public), merkle.vkey(merkle.signer_name(ORIGIN, OFFICER.public), OFFICER.public))
FORMS = {  # by name: the kind of document, and how the file is written
    "receipt": (check.RECEIPT, "json"),
    "list": (check.LIST, "json"),
    "answer": (check.ANSWER, "html"),
    "archive": (check.ANSWER, "zip"),
    "page": (check.PAGE, "html"),
    "markdown": (check.PAGE, "md"),
}
CONTENTS = {
    "answer": b"<!doctype html>" + check.GENERATOR + b"<p>letter",
    "page": b"<!doctype html>" + check.HEADS["html"] + b"<p>guidelines",
    "markdown": check.HEADS["md"] + b"# Guidelines\n",
}


def tree(count: int) -> merkle.Tree:
    """The log of the first leaves."""
    grown = merkle.Tree()
    for leaf in LEAVES[:count]:
        grown = grown.add(leaf)
    return grown


def note(*signers: primitives.SigningKey, origin: str = ORIGIN, size: int = 6, log: primitives.SigningKey = LOG) -> str:
    """A checkpoint that the log's key and these people signed."""
    names = [(origin, log), *((merkle.signer_name(origin, each.public), each) for each in signers)]
    return merkle.sign_note(merkle.Checkpoint(origin, size - 1, size, tree(size).root()).text(), names)


def voucher(key: primitives.SigningKey, role: Role, since: int = 0, by: primitives.SigningKey = OFFICER) -> Told:
    """An officer's voucher for a key, as a document holds it."""
    return vouching.to_json([vouching.vouch(by, STORE, key.public, role, since)])[0]


def entry(**changes: Any) -> Told:
    """The sixth entry."""
    return {**seal.entry_to_json(5, LEAVES[5], merkle.path_of_last(tree(5))), **changes}


SHARED: Told = {
    "format": 1,
    "policy": "2026-01",
    "store": STORE.hex(),
    "checkpoint": note(OFFICER),
    "log_keys": [{"vkey": VKEYS[0], "statement": None}],
    "signers": [voucher(OFFICER, Role.OFFICER)],
}
OWN: Mapping[str, Told] = {  # what each kind says besides
    check.RECEIPT: {
        "number": "ABCD-EFGH", "event": "expiry", "rule": "retention.90d", "erased_at": "2026-10-01T08:00:00Z",
        "count": 1, "recordings": ["00" * 16], "days": {"2026-07-03": 1}, "places": ["root", "catalogue", "objects"],
        "ring_until": None, "feed": None, "entry": entry(),
    },
    check.ANSWER: {"case": "5e1f00c0ffee", "made_at": "2026-10-01T08:00:00Z", "accesses": None, "entry": entry()},
    check.LIST: {
        "case": "5e1f00c0ffee", "made_at": "2026-10-01T08:00:00Z", "count": 1,
        "recordings": [{"recording": "00" * 16, "copies": ["11" * 16]}],
        "entries": [
            entry(recordings=["11" * 16], access=True, what="find", role="manager", day="2026-10-01"),
        ],
        "words": {"find": {"nb": "søk", "en": "search"}},
    },
    check.PAGE: {
        "page": "guidelines", "lang": "nb", "published_at": "2026-10-01T08:00:00Z", "ended": [], "entry": entry(),
    },
}  # fmt: skip


def signed(told: Told, log: primitives.SigningKey = LOG, signer: primitives.SigningKey = OFFICER) -> Told:
    """A document signed anew by these keys."""
    told = {key: value for key, value in told.items() if key not in {"signature", "log_signature", "erased_by"}}
    is_receipt = told["kind"] == check.RECEIPT
    if is_receipt:
        told["erased_by"] = to_base64(signer.sign(check.erasure_message(told, told["entry"]["seq"])))
    told["log_signature"] = to_base64(log.sign(check.log_message(told)))
    return told if is_receipt else {**told, "signature": to_base64(signer.sign(check.signer_message(told)))}


def document(name: str, content: bytes = b"", **changes: Any) -> Told:
    """A document of that name, over that content, with these changes before it is signed."""
    kind, form = FORMS[name]
    told = {**SHARED, "kind": kind, **OWN[kind]}
    if form != "json":
        told |= {"sha256": primitives.sha256(content).hex(), "bytes": len(content)}
    if kind == check.PAGE:
        told["form"] = form
    return signed({**told, **changes})


def file(name: str, content: bytes | None = None, told: Told | None = None, **changes: Any) -> bytes:
    """A whole file; *told* is put into it instead of what is signed over its content."""
    _, form = FORMS[name]
    if form == "json":
        return canonical(told or document(name, **changes)) + b"\n"
    if form == "zip":
        archive = seal.Archive()
        members = ((archive.begin(each), archive.write(b"x" * 40), archive.finish()) for each in ("a.html", "b.html"))
        pieces = [piece for member in members for piece in member]
        over = b"".join((*pieces, *archive._records))
        made = canonical(told or document(name, over, **changes))
        return b"".join(archive.signed(pieces, lambda _: made))
    content = CONTENTS[name] if content is None else content
    return content + seal.behind_content(canonical(told or document(name, content, **changes)), form)


def inside(raw: bytes) -> tuple[bytes, Told, bytes]:
    """What stands before a certificate in a page, the certificate, and what stands behind it."""
    mark = next(mark for mark, _ in check.ENDINGS.values() if mark in raw)
    begin = raw.rindex(mark) + len(mark)
    told, end = json.JSONDecoder().raw_decode(raw[begin:].decode())
    return raw[:begin], told, raw[begin:].decode()[end:].encode()


# -- of a store -----------------------------------------------------------------------------------------------------


def published(world: World) -> tuple[str, str]:
    """The keys of the log and of the first officer."""
    told = json.loads((world.base / "init.json").read_text())
    return str(told["vkey"]), str(told["officer_vkey"])


def withdrawn(world: World, *, renewed: bool = False) -> bytes:
    """The receipt of a withdrawal; *renewed*: of a log that has had two keys."""
    world.take_in("a", "b")
    if renewed:
        world.json("person", "remove", "turid", "--yes", who="sigrid")
    return Path(world.json("withdraw", "90000001", "--yes", who="siri")["receipt"]).read_bytes()


def keys_of(world: World, name: str) -> tuple[primitives.SigningKey, primitives.SigningKey]:
    """The log's key, as any role has it, and the own one."""
    who = identity(world, name)
    (seed, *_) = read_catalogue_seal(layout.find(world.store), who)
    return log_key(seed), who.signing


def by_log(told: Told, log: primitives.SigningKey) -> bytes:
    """A receipt that says this, with the log's key."""
    told = {**told, "log_signature": to_base64(log.sign(check.log_message(told)))}
    return canonical(told) + b"\n"
