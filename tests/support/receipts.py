"""Receipts: written, signed by whoever has a key, and refused by both checkers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from arlo_rec.crypto import primitives
from arlo_rec.erasure import receipts
from arlo_rec.keys import layout
from arlo_rec.keys.catalogue_seed import log_key
from arlo_rec.keys.key_files import read_catalogue_seal
from arlo_rec.model.errors import Integrity
from arlo_rec.model.strict_json import canonical, to_base64
from tests.support.attack import identity
from tests.support.checker import checker
from tests.support.world import World

Told = dict[str, Any]


def published(world: World) -> tuple[str, str]:
    """The keys of the log and of the first officer."""
    told = json.loads((world.base / "init.json").read_text())
    return str(told["vkey"]), str(told["officer_vkey"])


def refused(raw: bytes, *vkeys: str) -> bool:
    """Whether both checkers refuse; each in its own words, never with an error that is not theirs."""
    script = checker()
    for check, error in ((receipts.verify, Integrity), (lambda raw, keys: script.check(raw, *keys), script.Forged)):
        try:
            check(raw, vkeys)
        except error:
            continue
        return False
    return True


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


def signed(told: Told, log: primitives.SigningKey) -> bytes:
    """A receipt that says this, with the log's key."""
    told.pop("signature", None)
    return canonical({**told, "signature": to_base64(log.sign(receipts._message(told)))}) + b"\n"
