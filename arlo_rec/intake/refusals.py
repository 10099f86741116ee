"""The memory of refusals: each is logged once, and what was to be removed is known when only half of it is left.

A spool is looked at every minute, and a refused file may lie there for days. What is remembered of a refusal is a
tag of its code, of where it lies and of what it says, word for word; `status` counts the codes (ADR 7). Where
somebody orders that refused calls be removed, the log says so before a file goes, and the call is remembered as
dismissed: a line of a manifest of many stays where its sound went. Files are removed by `ingest`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from arlo_rec.intake.candidates import Refusal, Tags
from arlo_rec.intake.results import NotTaken
from arlo_rec.intake.sources.manifest import Delivery
from arlo_rec.model.records import to_micros
from arlo_rec.policy import Action
from arlo_rec.store import Change, Store

CODES = (  # every refusal, in the order in which they apply
    "not_a_file", "bad_metadata", "outbound", "no_consent", "prompt_unknown", "prompt_not_completed", "future",
    "expired", "consent_after_call", "withdrawn", "conflict", "bad_audio",
)  # fmt: skip
SOURCE_GOES = {"withdrawn": "consent.withdraw", "expired": "retention.90d"}  # refused for good: no file stays either

_NOT_LYING = timedelta(days=2)  # beyond what `status` takes for still lying there


class Refusals:
    """What one run knows and notes about refusals."""

    def __init__(self, store: Store, tags: Tags, now: datetime) -> None:
        self._store, self._tags, self._now = store, tags, now

    def note(self, change: Change, delivery: Delivery, refusal: NotTaken) -> None:
        """Log a refusal that is news, and remember that it was seen."""
        if self._is_news(delivery, refusal):
            change.log(
                self._store.entry(Action.INGEST, "denied", refusal.rule, self._now, **self._of(delivery, refusal))
            )

    def dismiss(self, change: Change, delivery: Delivery, refusal: NotTaken) -> None:
        """Log that a refused call's files go, and no longer count it as lying there."""
        tag, at = self._dismissal(delivery), to_micros(self._now)
        if delivery.sound is not None or not self._is_known(tag):
            told = {**self._of(delivery, refusal), "step": "removed"}
            change.log(self._store.entry(Action.INGEST, "done", refusal.rule, self._now, **told))
        self._store.db.run("DELETE FROM refusals WHERE tag = ?", (self._tag(refusal.code, delivery),))
        self._store.db.run(
            "INSERT OR REPLACE INTO refusals (tag, code, first_seen, last_seen) VALUES (?, ?, ?, ?)",
            (tag, refusal.code, at, to_micros(self._now - _NOT_LYING)),
        )

    def is_dismissed(self, delivery: Delivery) -> bool:
        """Whether an earlier run was told to remove it, and its sound is gone since."""
        return delivery.sound is None and self._is_known(self._dismissal(delivery))

    def _is_news(self, delivery: Delivery, refusal: NotTaken) -> bool:
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

    def _of(self, delivery: Delivery, refusal: NotTaken) -> dict[str, str]:
        """What the log says of a refusal: never a name, the exchange's id only as its tag."""
        detail = {"code": refusal.code}
        if delivery.source_id is not None:
            detail["source"] = self._tags.tag("source", delivery.source_id).hex()
        return detail

    def _dismissal(self, delivery: Delivery) -> bytes:
        told = f"{delivery.path}\0".encode("utf-8", "surrogatepass") + delivery.itself + b"\0" + delivery.raw
        return self._tags.tag("dismissal", told)

    def _tag(self, what: str, delivery: Delivery) -> bytes:
        told = f"{what}\0{delivery.path}\0".encode("utf-8", "surrogatepass") + delivery.raw
        return self._tags.tag("refusal", told)

    def _is_known(self, tag: bytes) -> bool:
        return bool(self._store.db.rows("SELECT 1 FROM refusals WHERE tag = ?", (tag,)))
