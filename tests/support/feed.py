"""Where a world's feed lies, and what it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.world import World


def configure(world: World) -> None:
    """Name the feed in the config file of every account."""
    config = world.base / "config" / "arlo-rec" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'feed = "{path(world)}"\n', "utf-8")


def path(world: World) -> Path:
    return world.base / "mount" / "feed.jsonl"


def lines(world: World) -> list[dict[str, Any]]:
    return [json.loads(one) for one in path(world).read_text("utf-8").splitlines()]
