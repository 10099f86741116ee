"""Files of a spool that are done with: removed in the order that a crash between any two can finish.

The sound goes first: a manifest without its sound is a call whose end is known, a sound without its manifest would
be nobody's. Whether a call is done with is decided in `ingest`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from arlo_rec.intake.sources import spool
from arlo_rec.intake.sources.manifest import Delivery


def clear(finished: Iterable[Delivery]) -> set[spool.Opened]:
    """Remove the sounds and manifests of calls; what could not be removed, such as a file that changed meanwhile."""
    folders, stuck = set(), set()
    for delivery in finished:
        for file in _files(delivery):
            folders.add(file.path.parent)
            if not spool.remove(file):
                stuck.add(file)
                break
    spool.sync(folders)
    return stuck


def _files(delivery: Delivery) -> Iterator[spool.Opened]:
    """What goes with a call; its manifest only if it tells of no other that is not done with."""
    if delivery.sound is not None:
        yield delivery.sound
    manifest = delivery.spent()  # asked when the sound is gone
    if manifest is not None:
        yield manifest
