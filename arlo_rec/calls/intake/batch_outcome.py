"""Note what becomes of each delivery of a batch, and remove the files of those that are finished.

It decides what a missing sound means, and which files are removed: the sound first, since a manifest without its sound
is a finished call, while a sound without its manifest would belong to no call.

Refusals are remembered from run to run (`refusals`). `policy.leaves_spool` decides which refused calls are removed;
others are on request. Removals are logged before a file is removed, and the call is remembered as dismissed: a line of
a manifest of many calls stays when its sound is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from arlo_rec import policy
from arlo_rec.calls.intake import candidates
from arlo_rec.calls.intake.candidates import Declined, Delivered, Duplicate, Notice, Refusal
from arlo_rec.calls.intake.refusals import RefusalMemory
from arlo_rec.calls.intake.run import IntakeRun, NotTaken, Outcome, RefusedDelivery, Removed, Taken, Withdrawn
from arlo_rec.exchanges import spool
from arlo_rec.exchanges.deliveries import Line, Lines, ManifestOfMany, Record, Unreadable
from arlo_rec.exchanges.manifest import SIGNS, BadManifest, Delivery, Vanished, caller_of, has_first_side_alone
from arlo_rec.law.model.consent import CLOCK_TOLERANCE, has_said_no, judge_notice
from arlo_rec.law.model.records import Recording, RecordingId
from arlo_rec.policy import REFUSED_FOR_GOOD, REFUSED_WITHOUT_CONSENT, State, is_due
from arlo_rec.vault.erasure import withdrawal
from arlo_rec.vault.opened import Change

CODES = (  # every refusal, in the order in which they apply
    "not_a_file", "bad_metadata", "outbound", "no_consent", "prompt_unknown", "prompt_not_completed", "future",
    "expired", "consent_after_call", "withdrawn", "conflict", "agent_objected", "agent_not_told", "bad_audio",
)  # fmt: skip

_DECLINED = frozenset({"no_consent", "not_a_file"})  # refusals of possibly declined calls
_OF_A_HALF = frozenset({"bad_metadata", "bad_audio"})  # refusals of a file that is half written, too


def remove_files(finished: Iterable[Delivery]) -> tuple[set[spool.SpoolFile], set[spool.SpoolFile]]:
    """Remove sounds and manifests; returns the files that are gone, and those that could not be removed."""
    gone, left = set[spool.SpoolFile](), set[spool.SpoolFile]()
    for delivery in finished:
        for file in _files(delivery):
            if not spool.remove(file):
                left.add(file)
                break
            gone.add(file)
    spool.sync(gone | left)
    return gone, left


def _files(delivery: Delivery) -> Iterator[spool.SpoolFile]:
    """Yield the sounds, then the manifest if all its calls are finished."""
    yield from delivery.sounds
    manifest = delivery.finish()  # asked when the sound is gone
    if manifest is not None:
        yield manifest


class BatchOutcome:
    """Collects the results of the calls of one batch; the command shows `outcome`."""

    def __init__(self, run: IntakeRun) -> None:
        self._run = run
        self._memory = RefusalMemory(run.store, run.tags, run.now, run.map_digest)
        self._refused: list[RefusedDelivery] = []
        self._waiting: list[Delivery] = []  # those whose sound may still come
        self._dismissed: list[RefusedDelivery] = []  # those of them whose files are removed, and each removal logged
        self._declined: list[Declined] = []
        self._finished: list[tuple[Delivery, str]] = []  # their files may be removed; and the reason, as a code
        self.outcome = Outcome()

    @property
    def is_news(self) -> bool:
        """Whether the catalogue or the log has anything to keep of it, beside recordings."""
        return bool(self._refused or self._waiting or self._dismissed or self._declined)

    @contextmanager
    def noting(self, delivery: Delivery) -> Iterator[None]:
        """Note a Refusal or Duplicate that is raised inside, so that the next call goes on.

        A vanished manifest is skipped: another run has taken its call in.
        """
        try:
            try:
                yield
            except Refusal as refusal:
                self._refuse(delivery, refusal)
            except Duplicate as duplicate:
                self._note_duplicate(delivery, duplicate.recording)
        except Vanished:
            pass
        except spool.Unfinished:
            self.outcome.waiting.append(delivery.source)
        except spool.Unavailable as problem:
            self.outcome.unavailable.append(problem)

    def accept(self, delivered: Delivered, recording: RecordingId) -> None:
        """Note a call that is accepted, or that a dry run would accept."""
        self.outcome.accepted.append(Taken(recording or None, delivered.delivery.source, delivered.call.source_id))
        self._finished.append((delivered.delivery, "taken_in"))

    def withdraw(self, notice: Notice) -> None:
        """Erase the calls of a caller who withdrew at the exchange; a notice that comes again erases nothing."""
        caller, at, key = notice.withdrawal
        plan = withdrawal.noticed(self._run.store, caller, at, self._run.now, key=key, map=self._run.map_digest)
        self._carry_out(notice.delivery.source, plan)
        self._run.noticed[caller.reveal()] = max(at, self._run.noticed.get(caller.reveal(), at))
        self._finished.append((notice.delivery, "withdrawn"))

    def decline(self, several: Sequence[Declined]) -> None:
        """Count calls that their callers declined and that have no sound: they are finished with that."""
        tags = [self._run.tags.tag("source", declined.delivery.source_id or "") for declined in several]
        known = self._run.store.catalogue.search.of_sources(tags)
        held = {recording.source: recording.id for recording in known if recording.state is State.HELD}
        for declined, tag in zip(several, tags, strict=True):
            if tag in held:
                self._note_duplicate(declined.delivery, held[tag])
                continue
            self.outcome.declined.append(declined.delivery.source)
            self._declined.append(declined)
            self._run.declined.append(declined.delivery)
            self._finished.append((declined.delivery, "declined"))

    def pass_over(self, delivery: Delivery) -> None:
        """Note that a declined call was counted by an earlier run; its file goes with the last of its calls."""
        self._finished.append((delivery, "declined"))

    def _carry_out(self, source: str, plan: withdrawal.Plan | None) -> None:
        if self._run.options.dry_run:
            would = len(plan.recordings) if plan is not None else 0
            self.outcome.withdrawn.append(Withdrawn(source, 0, None, would_erase=would))
            return
        done = withdrawal.carry_out(self._run.store, plan, self._run.now) if plan is not None else None
        erased, receipt = (done.erased, done.receipt) if done is not None else (0, None)
        self.outcome.withdrawn.append(Withdrawn(source, erased, receipt))
        self.outcome.unfinished |= done is not None and receipt is None

    def erase_stopped(self, delivery: Delivery) -> None:
        """Erase a recording whose call is told anew, and now as stopped by a key or withdrawn."""
        if not candidates.was_stopped(delivery) or delivery.source_id is None:
            return
        store, now, source = self._run.store, self._run.now, self._run.tags.tag("source", delivery.source_id)
        plan = withdrawal.stopped(store, source, now, map=self._run.map_digest)
        if plan is not None:
            self._carry_out(delivery.source, plan)

    def finish_dry_run(self) -> None:
        """Complete `outcome`; nothing is logged and no file is removed."""
        self.outcome.refused = [refused.refusal for refused in self._refused]
        if not self._run.options.keep_source:
            self.outcome.removed = [Removed(delivery.source, code) for delivery, code in self._finished]

    def log_refusals(self, change: Change) -> None:
        """Log new refusals, then removals."""
        self._refused = [
            RefusedDelivery(refused.delivery, self._memory.note(change, refused.delivery, refused.refusal))
            for refused in self._refused
        ]
        recorded = [refused.delivery for refused in self._refused if refused.refusal.code in _DECLINED]
        events = ((delivery, candidates.declined(delivery, self._run.rules)) for delivery in recorded)
        said_no = [Declined(delivery, event) for delivery, event in events if event is not None]
        self._memory.count_declined(change, [*said_no, *self._declined])
        for dismissed in self._dismissed:
            self._memory.dismiss(change, dismissed.delivery, dismissed.refusal)
        for delivery in self._waiting:
            self._memory.wait(delivery)

    def committed(self, inserted: Iterable[tuple[Delivered, RecordingId]]) -> None:
        """Note the calls that are recordings now; their sources may be removed."""
        for delivered, recording in inserted:
            self.accept(delivered, recording)
        self.outcome.refused = [refused.refusal for refused in self._refused]

    def remove_sources(self) -> None:
        """Step 6: remove the files of recordings, duplicates, calls that may never be kept, and dismissed calls."""
        gone, left = remove_files(delivery for delivery, _ in self._finished)
        self.outcome.left += sorted(str(file.path) for file in left)
        self.outcome.changed += [str(file.path) for file in left if spool.has_changed(file)]
        self.outcome.removed = [
            Removed(delivery.source, code)
            for delivery, code in self._finished
            if (files := {*delivery.sounds, delivery.manifest_file}) & gone and not files & left
        ]

    def _refuse(self, delivery: Delivery, refusal: Refusal) -> None:
        """Note a refusal and whether files are removed; a missing sound may mean that the call is stored already."""
        is_plain = delivery.locate()
        if self._memory.is_dismissed(delivery):
            self._finished.append((delivery, refusal.code))
            return
        if refusal.sound_gone and not has_first_side_alone(delivery):
            recordings = self._recordings_of(delivery)
            if held := [recording for recording in recordings if recording.state is State.HELD]:
                self._note_duplicate(delivery, held[0].id)
                return
            refusal = Refusal("withdrawn") if recordings else self._memory.refused_for_good(delivery) or refusal
        may_come = refusal.sound_gone and candidates.comes_apart(delivery)
        may_change = delivery.passed_over and refusal.code not in REFUSED_FOR_GOOD
        if may_come or may_change:
            self._waiting.append(delivery)  # also when its hour is over, so that it does not begin again
            if self._memory.waits(delivery):
                raise spool.Unfinished
        read = (delivery.manifest_file, *delivery.sounds)
        if refusal.code in _OF_A_HALF and not all(self._run.still.of(file) for file in read if file is not None):
            raise spool.Unfinished
        why, field = refusal.why, refusal.field
        not_taken = NotTaken(delivery.source, delivery.source_id, refusal.code, refusal.rule, why, field, told=False)
        self._refused.append(RefusedDelivery(delivery, not_taken))
        if refusal.code in REFUSED_FOR_GOOD and refusal.code != "expired":  # which hangs on the clock
            self._finished.append((delivery, refusal.code))
        elif (leaves := self._leaves(delivery, refusal.code)) is not None:
            if is_plain and delivery.is_removable:
                refused = RefusedDelivery(delivery, not_taken)
                if leaves == "by age" and not self._run.options.dry_run:
                    self._run.aged.append(refused)
                else:
                    self._dismiss(refused)
            elif spool.is_there(delivery.home, delivery.path):
                self.outcome.left.append(delivery.source)
        elif refusal.code in self._run.options.remove_refused:  # a withdrawal that nobody carried out yet
            self.outcome.left.append(delivery.source)

    def dismiss_aged(self) -> None:
        """Dismiss the calls of this run that may stay no longer, but those whose sound another call has taken."""
        for refused in self._run.aged:
            if all(spool.is_there(sound.home, sound.path) for sound in refused.delivery.sounds):
                self._dismiss(refused)

    def _dismiss(self, refused: RefusedDelivery) -> None:
        self._dismissed.append(refused)
        self._finished.append((refused.delivery, refused.refusal.code))

    def _leaves(self, delivery: Delivery, code: str) -> str | None:
        """Why the files of a refused call are removed: `asked`, `by rule`, or `by age`; None where they stay."""
        options = self._run.options
        if options.keep_source or not _is_recognised(delivery):
            return None
        if delivery.says_withdrawal:
            return "by rule" if code == "expired" and self._is_past(delivery) else None
        if code in options.remove_refused and code != "expired":
            return "asked"
        if not (delivery.json or delivery.sounds):
            return None  # a row that cannot be read may be a withdrawal
        claim, now, store = candidates.claimed(delivery), self._run.now, self._run.store
        since = self._memory.since(code, delivery)
        began = min(claim.started_at, now) if claim is not None else since or now  # no file's time: it may be any
        facts = {
            "said_no": claim is not None and has_said_no(claim),
            "withdrawn": self._is_withdrawn(delivery),
            "is_past": is_due(store.policy.due_at(began), min(now, self._run.mark)),
        }
        stays = timedelta(days=store.policy.at(now).spool_days)
        decision = policy.leaves_spool(code, began=began, now=now, since=since, stays=stays, **facts)
        if not decision.allowed:
            return None
        return "by age" if decision.rule == "scope.only" and code not in REFUSED_WITHOUT_CONSENT else "by rule"

    def _is_past(self, notice: Delivery) -> bool:
        """Whether no call can be held that a refused withdrawal is for, by a time that the store vouches for."""
        at = min(self._run.now, self._run.mark)
        return notice.is_notice and judge_notice(notice.withdrawal().at, now=at).code == "expired"

    def _is_withdrawn(self, delivery: Delivery) -> bool:
        """Whether the caller of a refused call withdrew after the key press, or after the call began."""
        if delivery.says_withdrawal:
            return False
        try:
            tag = self._run.tags.caller(caller_of(delivery.json))
        except BadManifest:
            return False
        at = self._run.store.catalogue.withdrawn_at("caller", tag) if tag is not None else None
        return at is not None and candidates.pressed(delivery, self._run.now) < at + CLOCK_TOLERANCE

    def _note_duplicate(self, delivery: Delivery, recording: RecordingId) -> None:
        self.outcome.duplicates.append(Taken(recording, delivery.source, delivery.source_id or ""))
        self._finished.append((delivery, "duplicate"))

    def _recordings_of(self, delivery: Delivery) -> list[Recording]:
        """The recordings of a manifest's source id, if it has one."""
        if delivery.source_id is None:
            return []
        return self._run.store.catalogue.search.of_sources([self._run.tags.tag("source", delivery.source_id)])


def _is_recognised(delivery: Delivery) -> bool:
    """Whether anything tells that this is a delivery: its sound, or a field that only deliveries have.

    Of a line also another of its file counts. A file of another program is refused, and never removed.
    """
    if delivery.sounds:
        return True
    if isinstance(delivery, Line):
        return _has_sign(delivery.shared, delivery.json) or _has_calls(delivery.shared)
    if delivery.json:
        return not SIGNS.isdisjoint(delivery.json)
    return any(f'"{sign}"'.encode() in delivery.raw for sign in SIGNS)


def _has_sign(of: ManifestOfMany, fields: Mapping[str, Any]) -> bool:
    """Whether a record is recognised; in an export a map names a sound and a consent for every one."""
    return not (SIGNS - {"audio", "consent"} if of.exported else SIGNS).isdisjoint(fields)


def _has_calls(of: ManifestOfMany) -> bool:
    """Whether any record of a file is recognised; reads it once more."""
    if of.has_calls is None:
        try:
            with spool.opened(of.home, of.path.parent, of.path.name) as (stream, file):
                of.has_calls = any(_has_sign(of, _fields(each)) for each in of.reading(Lines(stream, file.size)))
        except (spool.NotAFile, spool.Unavailable, Unreadable):
            of.has_calls = False
    return of.has_calls


def _fields(record: Record) -> dict[str, Any]:
    try:
        return record.to_json()
    except ValueError:
        return {}


def remove_aged(run: IntakeRun) -> Outcome:
    """Remove the refused calls that may stay no longer: behind all batches, as one of them may take the same sound."""
    results = BatchOutcome(run)
    results.dismiss_aged()
    with run.store.change(run.now) as change:
        results.log_refusals(change)
    results.remove_sources()
    return results.outcome
