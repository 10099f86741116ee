"""Where a world's feed lies, what it holds, and what somebody writes into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arlo_rec.law.model.strict_json import from_base64, to_base64
from arlo_rec.vault.crypto import merkle, primitives
from arlo_rec.vault.keys.key_files import log_key, read_catalogue_seal
from arlo_rec.vault.keys.layout import find
from arlo_rec.vault.offsite import feed_line
from tests.support.attack import identity
from tests.support.world import World

Line = dict[str, Any]
CANNOT_SIGN = primitives.SigningKey.from_seed(b"\x66" * 32)  # of somebody who has no key of the store


def configure(world: World) -> None:
    """Name the feed in the config file of every account."""
    config = world.base / "config" / "arlo-rec" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'feed = "{path(world)}"\n', "utf-8")


def path(world: World) -> Path:
    return world.base / "mount" / "feed.jsonl"


def empty(world: World) -> None:
    """Begin the feed anew, as an administrator does."""
    path(world).write_bytes(feed_line.first_line(find(world.store).id) + b"\n")


def lines(world: World) -> list[Line]:
    """The lines of the feed behind its first, as JSON."""
    return [json.loads(line) for line in path(world).read_text("utf-8").splitlines()[1:]]


def entries(world: World) -> list[Line]:
    """Every entry that the feed holds, with its number, in the order of the file."""
    return [{"seq": seq, **entry} for line in lines(world) for seq, entry in enumerate(line["entries"], line["after"])]


def append(world: World, *raw: bytes) -> None:
    """Append lines, as whoever may write to the file can."""
    with path(world).open("ab") as file:
        file.writelines(line + b"\n" for line in raw)


def key_of_the_log(world: World, who: str = "iver") -> primitives.SigningKey:
    """The log's key, which every role can derive with own code."""
    return log_key(read_catalogue_seal(find(world.store), identity(world, who))[0])


def tree_of(world: World, size: int | None = None) -> merkle.Tree:
    """The tree of the log as the feed tells it, up to *size*."""
    tree = merkle.Tree()
    for entry in sorted(entries(world), key=lambda entry: int(entry["seq"])):
        if entry["seq"] == tree.size and (size is None or tree.size < size):
            salt, body = from_base64(entry["salt"]), feed_line.canonical(entry["body"])
            tree = tree.add(merkle.leaf_hash(merkle.commit(salt, body)))
    return tree


def line_on(
    store: bytes, tree: merkle.Tree, bodies: list[Mapping[str, Any]], key: primitives.SigningKey, **more: Any
) -> bytes:
    """A line that goes on from *tree*, right in everything but perhaps the key that signs it."""
    origin, salt, after = f"arlo-rec/{store.hex()}", bytes(merkle.SALT_BYTES), tree
    for body in bodies:
        after = after.add(merkle.leaf_hash(merkle.commit(salt, feed_line.canonical(body))))
    note = merkle.sign_note(merkle.Checkpoint(origin, tree.size, after.size, after.root()).text(), [(origin, key)])
    document = {"after": tree.size, "before": to_base64(tree.root()), "checkpoint": note, "keys": []}
    document["entries"] = [{"salt": to_base64(salt), "body": body} for body in bodies]
    return feed_line.sign(store, document | more, key)
