"""What is left on the raw disk: a file system of 64 MB, made here, used, and read byte by byte."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from arlo_rec.vault.backends.files import FileRoot
from arlo_rec.vault.keys import layout, root_secret
from tests.support import world as worlds
from tests.support.attack import loot
from tests.support.disks import mounted_image
from tests.support.world import World

pytestmark = pytest.mark.slow


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Path]:
    """An ext4 image that is mounted beside it, at `disk`."""
    with mounted_image(tmp_path) as file:
        yield file


def roots(world: World) -> set[bytes]:
    """R as it lies wrapped in the root folder now, and R itself."""
    where = layout.find(world.store)
    seed = loot(world, "sigrid").parts["root"]
    found: set[bytes] = set()
    for index, content in enumerate(FileRoot(where.root).read()):
        slot = root_secret.decode_slot(index, content)
        assert slot is not None
        found |= {slot.wrapped, root_secret.open_slot(where.id, seed, slot)}
    return found


def on_the_disk(image: Path, wanted: set[bytes]) -> set[bytes]:
    """What of some secrets stands anywhere on a raw disk."""
    content = image.read_bytes()
    return {one for one in wanted if one in content}


@pytest.mark.parametrize("how", ["withdraw", "revoke", "person remove"])
def test_of_the_old_root_nothing_is_left_on_the_disk(image: Path, how: str) -> None:
    world = worlds.found(image.parent / "disk")
    world.take_in("a", "b")
    world.grant()
    old = roots(world)
    subprocess.run(["sync", "--file-system", str(world.base)], check=True)
    assert on_the_disk(image, old), "the look itself works: the root that is in use is found"
    if how == "withdraw":
        world.json("withdraw", "90000001", "--yes", who="skranke")
    elif how == "revoke":
        world.json("revoke", "leif", who="sigrid")
    else:
        world.json("person", "remove", "leif", "--yes", who="sigrid")
    new = roots(world)
    assert not old & new
    subprocess.run(["umount", str(image.parent / "disk")], check=True)
    assert on_the_disk(image, new)
    assert not on_the_disk(image, old)
