"""Where the sounds of an intake are sealed, side by side: in processes where they are many, else in threads.

A process holds the intake's lock too, so that nobody cleans up as long as one of them writes (`backends.workers`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from arlo_rec import audio
from arlo_rec.backends import Blobs
from arlo_rec.backends.workers import Workers, workers
from arlo_rec.intake.candidates import Announced, ConsentRules
from arlo_rec.intake.sealing import BatchKeys, NotSealed, Sealed, Sealer
from arlo_rec.intake.tags import Tags

FEW = 20  # calls for which no process is forked: two cost 20 ms, as much as is won at these
Answer = list[Sealed | NotSealed]


@dataclass(frozen=True, slots=True)
class Order:
    """Calls of one batch that are to be sealed, and what they are judged and encrypted by."""

    calls: Sequence[Announced]
    keys: BatchKeys
    rules: ConsentRules


Sealers = Workers[Order, Answer]  # raise what `Sealer.seal` raises, and Unreachable where a process was killed


def sealers(tags: Tags, blobs: Blobs, calls: int) -> AbstractContextManager[Sealers]:
    """Sealers for one intake of so many calls; entered before the intake starts a thread."""
    return workers(partial(_sealing, tags, blobs), forked=calls > FEW)


@contextmanager
def _sealing(tags: Tags, blobs: Blobs) -> Iterator[Callable[[Order], Answer]]:
    with audio.decoder_process() as decoder:
        sealer = Sealer(decoder, tags, blobs)
        yield lambda order: sealer.seal(order.calls, order.keys, order.rules)
