"""Removing the files of finished calls from a spool, in the order that a crash between any two can finish.

The sound goes first: a manifest without its sound is a call that is finished, a sound without its manifest would belong
to no call. Whether a call is finished is decided in `batch_outcome`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from arlo_rec.intake.sources import spool
from arlo_rec.intake.sources.manifest import Delivery


def remove(finished: Iterable[Delivery]) -> set[spool.SpoolFile]:
    """Remove sounds and manifests; gives back what could not be removed, such as a file that changed meanwhile."""
    removed, left = set(), set()
    for delivery in finished:
        for file in _files(delivery):
            removed.add(file)
            if not spool.remove(file):
                left.add(file)
                break
    spool.sync(removed)
    return left


def _files(delivery: Delivery) -> Iterator[spool.SpoolFile]:
    """The sound, then the manifest if no call that it describes is unfinished."""
    if delivery.sound is not None:
        yield delivery.sound
    manifest = delivery.finish()  # asked when the sound is gone
    if manifest is not None:
        yield manifest
