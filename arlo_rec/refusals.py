"""The memory of refusals: each is logged once, and what was refused for good is known when only half of it is left.

A spool is looked at every minute, and a refused file may lie there for days. What is remembered of a refusal is a
tag of its code, of where it lies and of what it says, word for word; `status` counts the codes (ADR 7). What
becomes of a refused call's files is decided in `ingest`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from arlo_rec.candidates import Refusal, Tags
from arlo_rec.policy import Action
from arlo_rec.records import Entry, to_micros
from arlo_rec.sources.manifest import Delivery
from arlo_rec.store import Store

SOURCE_GOES = {"withdrawn": "consent.withdraw", "expired": "retention.90d"}  # refused for good: no file stays either


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A call that was refused, by which rule; `why` is a code word for sound that we do not take."""

    source: str
    source_id: str | None
    code: str
    rule: str
    why: str | None = None


class Refusals:
    """What one run knows and notes about refusals."""

    def __init__(self, store: Store, tags: Tags, now: datetime) -> None:
        self._store, self._tags, self._now = store, tags, now

    def is_news(self, delivery: Delivery, refusal: NotTaken) -> bool:
        """Whether this refusal was not logged yet; notes that it was seen. Inside a change."""
        tag, at = self._tag(refusal.code, delivery), to_micros(self._now)
        known = self._is_known(tag)
        self._store.db.run(
            "INSERT INTO refusals (tag, code, first_seen, last_seen) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (tag) DO UPDATE SET last_seen = excluded.last_seen",
            (tag, refusal.code, at, at),
        )
        return not known

    def for_good(self, delivery: Delivery) -> Refusal | None:
        """Why this call was refused for good, where a run died between removing its sound and its manifest."""
        for code, rule in SOURCE_GOES.items():
            if self._is_known(self._tag(code, delivery)):
                return Refusal(code, rule)
        return None

    def entry(self, delivery: Delivery, refusal: NotTaken) -> Entry:
        """What the log says of a refusal: never a name, the exchange's id only as its tag."""
        detail = {"code": refusal.code}
        if delivery.source_id is not None:
            detail["source"] = self._tags.tag("source", delivery.source_id).hex()
        return self._store.entry(Action.INGEST, "denied", refusal.rule, self._now, **detail)

    def _tag(self, what: str, delivery: Delivery) -> bytes:
        told = f"{what}\0{delivery.path}\0".encode("utf-8", "surrogatepass") + delivery.raw
        return self._tags.tag("refusal", told)

    def _is_known(self, tag: bytes) -> bool:
        return bool(self._store.db.rows("SELECT 1 FROM refusals WHERE tag = ?", (tag,)))
