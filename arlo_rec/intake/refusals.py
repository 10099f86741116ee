"""The memory of refusals: each is logged once, and a dismissed call is known when only half of it is left.

A spool is scanned every minute, and a refused file may lie there for days. What is kept of a refusal is a tag of its
code, of its path and of its manifest, byte for byte; `status` counts the codes (ADR 7). Of a call whose caller said no
a tag of the exchange's id is kept as long, so that each counts once. Where somebody orders that refused calls be
removed, the log says so before a file goes, and the call is remembered as dismissed: a line of a manifest of many calls
stays when its sound is gone.

This module writes the table of refusals and the log, inside a change of the caller. Which calls are refused is
decided in `candidates` and `batch`, which also removes files.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from arlo_rec.intake.candidates import ConsentRules, Refusal, Tags, declined
from arlo_rec.intake.run import NotTaken
from arlo_rec.intake.sources.manifest import Delivery
from arlo_rec.log.events import Denied, RefusedRemoved
from arlo_rec.policy import REFUSED_FOR_GOOD, Action
from arlo_rec.store import Change, Store

CODES = (  # every refusal, in the order in which they apply
    "not_a_file", "bad_metadata", "outbound", "no_consent", "prompt_unknown", "prompt_not_completed", "future",
    "expired", "consent_after_call", "withdrawn", "conflict", "bad_audio",
)  # fmt: skip

_DECLINED = frozenset({"no_consent", "not_a_file"})  # refusals of a call that may have been declined
_NOT_LYING = timedelta(days=2)  # longer ago than `status` takes for a file that still lies in the spool


class RefusalMemory:
    """Which refusals were seen before, and which calls were dismissed, as one run knows and notes it."""

    def __init__(self, store: Store, tags: Tags, now: datetime) -> None:
        self._seen, self._tags, self._now = store.catalogue.refusals, tags, now

    def note(self, change: Change, delivery: Delivery, refusal: NotTaken) -> NotTaken:
        """Remember a refusal as seen now, log it if it was not seen before, and return it with whether it was."""
        tag = self._refusal_tag(refusal.code, delivery)
        known = self._seen.knows(tag)
        self._seen.see(tag, refusal.code, self._now)
        if not known:
            source = self._source_tag(delivery)
            change.log(Denied(action=Action.INGEST, rule=refusal.rule, code=refusal.code, source=source))
        return replace(refusal, told=known)

    def count_declined(self, change: Change, delivery: Delivery, refusal: NotTaken, rules: ConsentRules) -> None:
        """Log that a caller said no, once for each call of the exchange, wherever and however long its files lie.

        A call that was declined has no sound where the exchange recorded none, so one that misses it is looked at too.
        """
        event = declined(delivery, rules) if refusal.code in _DECLINED else None
        if event is None or delivery.source_id is None:
            return
        tag = self._tags.tag("declined", delivery.source_id)
        if not self._seen.knows(tag):
            change.log(event)
        self._seen.put(tag, refusal.code, first_seen=self._now, last_seen=self._now - _NOT_LYING)

    def dismiss(self, change: Change, delivery: Delivery, refusal: NotTaken) -> None:
        """Log that a refused call's files are about to be removed, and count it no longer as lying in the spool."""
        tag = self._dismissal_tag(delivery)
        if delivery.sound is not None or not self._seen.knows(tag):
            change.log(RefusedRemoved(rule=refusal.rule, code=refusal.code, source=self._source_tag(delivery)))
        self._seen.forget(self._refusal_tag(refusal.code, delivery))
        self._seen.put(tag, refusal.code, first_seen=self._now, last_seen=self._now - _NOT_LYING)

    def is_dismissed(self, delivery: Delivery) -> bool:
        """Whether an earlier run logged that it removes this call, and the sound is gone since."""
        return delivery.sound is None and self._seen.knows(self._dismissal_tag(delivery))

    def refused_for_good(self, delivery: Delivery) -> Refusal | None:
        """The refusal after which a run removed the sound, but not yet the manifest; None where there is none."""
        for code, rule in REFUSED_FOR_GOOD.items():
            if self._seen.knows(self._refusal_tag(code, delivery)):
                return Refusal(code, rule)
        return None

    def _source_tag(self, delivery: Delivery) -> str | None:
        """What the log keeps of the exchange's id; None where the manifest has none that can be one."""
        source_id = delivery.source_id
        return None if source_id is None else self._tags.tag("source", source_id).hex()

    def _dismissal_tag(self, delivery: Delivery) -> bytes:
        path = f"{delivery.path}\0".encode("utf-8", "surrogatepass")
        return self._tags.tag("dismissal", path + delivery.file_identity + b"\0" + delivery.raw)

    def _refusal_tag(self, code: str, delivery: Delivery) -> bytes:
        code_and_path = f"{code}\0{delivery.path}\0".encode("utf-8", "surrogatepass")
        return self._tags.tag("refusal", code_and_path + delivery.raw)
