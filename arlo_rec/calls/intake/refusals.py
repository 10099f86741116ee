"""Remember refusals, dismissed calls and those that wait, from run to run.

Each refusal is logged once, although a spool is scanned every minute and a refused file may lie there for days: a tag
of its code, path and manifest bytes is kept; `status` counts the codes (ADR 7). For a declined call a tag of the
exchange's id is kept as long, so that each counts once. The first sight of a refusal, or of a call that waits, says for
how long it lies there: file times may be any.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from arlo_rec.calls.intake import candidates
from arlo_rec.calls.intake.candidates import Declined, Refusal, Tags
from arlo_rec.calls.intake.run import NotTaken
from arlo_rec.exchanges.manifest import Delivery, lacks_sound
from arlo_rec.law.log.events import Denied, RefusedRemoved
from arlo_rec.policy import PART_WAITS, REFUSED_FOR_GOOD, Action
from arlo_rec.vault.catalogue.tombstones import DECLINED, RECORDED_UNASKED, WAITING, WITHDRAWAL_REFUSED
from arlo_rec.vault.opened import Change, Store


class RefusalMemory:
    """The refusals and dismissed calls that earlier runs noted, and those of this run."""

    def __init__(self, store: Store, tags: Tags, now: datetime, map: str | None = None) -> None:
        """*map* is the digest of the map that reads the files."""
        self._seen, self._tags, self._now, self._map = store.catalogue.refusals, tags, now, map

    def note(self, change: Change, delivery: Delivery, refusal: NotTaken) -> NotTaken:
        """Remember a refusal, log it if it is new, and return it with `told` set."""
        tag = self._refusal_tag(refusal.code, delivery)
        known = self._seen.knows(tag)
        is_notice = delivery.says_withdrawal and refusal.code not in REFUSED_FOR_GOOD
        code = WITHDRAWAL_REFUSED if is_notice else refusal.code
        self._see(tag, code, delivery)
        if not known:
            source = self._source_tag(delivery)
            change.log(Denied(action=Action.INGEST, rule=refusal.rule, code=refusal.code, source=source))
        return msgspec.structs.replace(refusal, told=known)

    def waits(self, delivery: Delivery) -> bool:
        """Whether a delivery that is not complete waits, for an hour from when a run met it first."""
        since = self.since(WAITING, delivery)
        return since is None or self._now - since < PART_WAITS

    def wait(self, delivery: Delivery) -> None:
        """Remember that a delivery waits."""
        self._see(self._refusal_tag(WAITING, delivery), WAITING, delivery)

    def _see(self, tag: bytes, code: str, delivery: Delivery) -> None:
        self._seen.see(tag, code, self._tags.spool(delivery.home.folder, self._map), self._now)

    def count_declined(self, change: Change, several: Sequence[Declined]) -> None:
        """Log that callers said no, once for each call of the exchange."""
        by_call = {each.delivery.source_id: each.event for each in several if each.delivery.source_id is not None}
        events = {self._tags.tag("declined", source_id): event for source_id, event in by_call.items()}
        known = self._seen.known_among(events)
        for tag, event in events.items():
            if tag not in known:
                change.log(event)
        self._seen.put(list(events), DECLINED, self._now)

    def dismiss(self, change: Change, delivery: Delivery, refusal: NotTaken) -> None:
        """Log that a refused call's files are about to be removed; it counts no longer as lying in the spool."""
        tag = self._dismissal_tag(delivery)
        if delivery.sounds or not self._seen.knows(tag):
            change.log(RefusedRemoved(rule=refusal.rule, code=refusal.code, source=self._source_tag(delivery)))
        self._seen.forget(self._refusal_tag(refusal.code, delivery))
        is_unasked = refusal.code == "no_consent" and not candidates.was_stopped(delivery)
        code = RECORDED_UNASKED if is_unasked else refusal.code
        self._seen.put([tag], code, self._now)

    def is_dismissed(self, delivery: Delivery) -> bool:
        """Whether an earlier run dismissed this call and its sound, or a leg of it, is gone since."""
        return lacks_sound(delivery) and self._seen.knows(self._dismissal_tag(delivery))

    def since(self, code: str, delivery: Delivery) -> datetime | None:
        """When a run refused this delivery first, so and as it lies there; None for a new refusal."""
        return self._seen.first_seen(self._refusal_tag(code, delivery))

    def refused_for_good(self, delivery: Delivery) -> Refusal | None:
        """The refusal for which a run removed the sound, but not yet the manifest, if any."""
        for code, rule in REFUSED_FOR_GOOD.items():
            if self._seen.knows(self._refusal_tag(code, delivery)):
                return Refusal(code, rule)
        return None

    def _source_tag(self, delivery: Delivery) -> str | None:
        """The log's tag of the exchange's id; None where the manifest has no valid id."""
        source_id = delivery.source_id
        return None if source_id is None else self._tags.tag("source", source_id).hex()

    def _dismissal_tag(self, delivery: Delivery) -> bytes:
        path = f"{delivery.path}\0".encode("utf-8", "surrogatepass")
        return self._tags.tag("dismissal", path + delivery.file_identity + b"\0" + delivery.raw)

    def _refusal_tag(self, code: str, delivery: Delivery) -> bytes:
        code_and_path = f"{code}\0{delivery.path}\0".encode("utf-8", "surrogatepass")
        return self._tags.tag("refusal", code_and_path + delivery.raw)
