"""Take one batch of calls through the six steps that `ingest` describes: begin it, then finish or abandon it.

A batch writes objects, rows and log entries and last removes files of the spool; `ingest` has the order of these
writes. `candidates` judges calls, `sealing` encrypts them. This module decides what a missing sound means, and which
files are removed: the sound first, since a manifest without its sound is a finished call, while a sound without its
manifest would belong to no call.

Refusals are remembered from run to run (`refusals`). `policy.leaves_spool` decides which refused calls are removed;
others are on request. Removals are logged before a file is removed, and the call is remembered as dismissed: a line of
a manifest of many calls stays when its sound is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from arlo_rec import policy
from arlo_rec.access import objections
from arlo_rec.access.audience_keys import CommitKeys
from arlo_rec.admin import staff_notices
from arlo_rec.backends.workers import SIDES
from arlo_rec.crypto import primitives
from arlo_rec.erasure import withdrawal
from arlo_rec.intake import candidates, sealing, spool
from arlo_rec.intake.candidates import (
    NO_ID,
    Agents,
    Announced,
    Delivered,
    Duplicate,
    Judged,
    Notice,
    NotNow,
    NotRead,
    Refusal,
)
from arlo_rec.intake.manifest import BadManifest, Delivery, Vanished, caller_of, has_first_side_alone
from arlo_rec.intake.refusals import RefusalMemory
from arlo_rec.intake.run import Answer, IntakeRun, NotTaken, Order, Outcome, RefusedDelivery, Taken, Withdrawn
from arlo_rec.intake.sealing import BatchKeys, RecordingTables, Sealed
from arlo_rec.model.consent import CLOCK_TOLERANCE, has_said_no
from arlo_rec.model.errors import ArloError
from arlo_rec.model.names import agent_name
from arlo_rec.model.records import ID_CHANCE, Call, Recording, RecordingId, new_id
from arlo_rec.policy import REFUSED_FOR_GOOD, REFUSED_WITHOUT_CONSENT, State
from arlo_rec.store import Change

CODES = (  # every refusal, in the order in which they apply
    "not_a_file", "bad_metadata", "outbound", "no_consent", "prompt_unknown", "prompt_not_completed", "future",
    "expired", "consent_after_call", "withdrawn", "conflict", "agent_objected", "agent_not_told", "bad_audio",
)  # fmt: skip

Reading = Delivered | Notice | NotRead
_OF_A_HALF = frozenset({"bad_metadata", "bad_audio"})  # refusals of a file that is half written, too


def remove_files(finished: Iterable[Delivery]) -> set[spool.SpoolFile]:
    """Remove sounds and manifests; returns the files that could not be removed, such as changed ones."""
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
        self._finished: list[Delivery] = []  # their files may be removed
        self.outcome = Outcome()

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

    def withdraw(self, notice: Notice) -> None:
        """Erase the calls of a caller who withdrew at the exchange; a notice that comes again erases nothing."""
        caller, at, key = notice.withdrawal
        plan = withdrawal.noticed(self._run.store, caller, at, self._run.now, key=key, map=self._run.map_digest)
        self._carry_out(notice.delivery.source, plan)
        self._run.noticed[caller.reveal()] = max(at, self._run.noticed.get(caller.reveal(), at))
        self._finished.append(notice.delivery)

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
        self.outcome.removed = [dismissed.refusal for dismissed in self._dismissed]

    def log_refusals(self, change: Change) -> None:
        """Log new refusals, then removals."""
        self._refused = [
            RefusedDelivery(refused.delivery, self._memory.note(change, refused.delivery, refused.refusal))
            for refused in self._refused
        ]
        for refused in self._refused:
            self._memory.count_declined(change, refused.delivery, refused.refusal, self._run.rules)
        for dismissed in self._dismissed:
            self._memory.dismiss(change, dismissed.delivery, dismissed.refusal)
        for delivery in self._waiting:
            self._memory.wait(delivery)

    def committed(self, inserted: Iterable[tuple[Delivered, RecordingId]]) -> None:
        """Note the calls that are recordings now; their sources may be removed."""
        for delivered, recording in inserted:
            self.accept(delivered, recording)
            self._finished.append(delivered.delivery)
        self.outcome.refused = [refused.refusal for refused in self._refused]

    def remove_sources(self) -> None:
        """Step 6: remove the files of recordings, duplicates, calls that may never be kept, and dismissed calls."""
        left = remove_files(self._finished)
        self.outcome.left += sorted(str(file.path) for file in left)
        self.outcome.changed += [str(file.path) for file in left if spool.has_changed(file)]
        self.outcome.removed = [
            dismissed.refusal
            for dismissed in self._dismissed
            if not {*dismissed.delivery.sounds, dismissed.delivery.manifest} & left
        ]

    def _refuse(self, delivery: Delivery, refusal: Refusal) -> None:
        """Note a refusal and whether files are removed; a missing sound may mean that the call is stored already."""
        is_plain = delivery.locate()
        if self._memory.is_dismissed(delivery):
            self._finished.append(delivery)
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
        if refusal.code in REFUSED_FOR_GOOD:
            self._finished.append(delivery)
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
        self._finished.append(refused.delivery)

    def _leaves(self, delivery: Delivery, code: str) -> str | None:
        """Why the files of a refused call are removed: `asked`, `by rule`, or `by age`; None where they stay."""
        options = self._run.options
        if options.keep_source:
            return None
        if code in options.remove_refused and not delivery.says_withdrawal:
            return "asked"
        if delivery.says_withdrawal or not (delivery.json or delivery.sounds):
            return None  # a row that cannot be read may be a withdrawal
        claim, now = candidates.claimed(delivery), self._run.now
        since = self._memory.since(code, delivery)
        began = min(claim.started_at, now) if claim is not None else since or now  # no file's time: it may be any
        facts = {"said_no": claim is not None and has_said_no(claim), "withdrawn": self._is_withdrawn(delivery)}
        stays = timedelta(days=self._run.store.policy.at(now).spool_days)
        decision = policy.leaves_spool(code, began=began, now=now, since=since, stays=stays, **facts)
        if not decision.allowed:
            return None
        return "by age" if decision.rule == "scope.only" and code not in REFUSED_WITHOUT_CONSENT else "by rule"

    def _is_withdrawn(self, delivery: Delivery) -> bool:
        """Whether the caller of a refused call withdrew after the key press, or after the call began."""
        if delivery.says_withdrawal:
            return False
        try:
            tag = self._run.tags.caller(caller_of(delivery.json))
        except BadManifest:
            return False
        at = self._run.store.catalogue.tombstones.withdrawn_at("caller", tag) if tag is not None else None
        return at is not None and candidates.pressed(delivery, self._run.now) < at + CLOCK_TOLERANCE

    def _note_duplicate(self, delivery: Delivery, recording: RecordingId) -> None:
        self.outcome.duplicates.append(Taken(recording, delivery.source, delivery.source_id or ""))
        self._finished.append(delivery)

    def _recordings_of(self, delivery: Delivery) -> list[Recording]:
        """The recordings of a manifest's source id, if it has one."""
        if delivery.source_id is None:
            return []
        return self._run.store.catalogue.search.of_source(self._run.tags.tag("source", delivery.source_id))


def remove_aged(run: IntakeRun) -> Outcome:
    """Remove the refused calls that may stay no longer: behind all batches, as one of them may take the same sound."""
    results = BatchOutcome(run)
    results.dismiss_aged()
    with run.store.change(run.now) as change:
        results.log_refusals(change)
    results.remove_sources()
    return results.outcome


def read(run: IntakeRun, deliveries: Iterable[Delivery]) -> list[Reading]:
    """Read and judge manifests and compute tags: the part of step 1 that needs no catalogue."""
    readings: list[tuple[Delivery, Call | Notice | Refusal | NotNow]] = []
    for delivery in deliveries:
        try:
            reading = candidates.read_delivery(delivery, run.rules)
            if not candidates.is_complete(delivery, run.still):
                raise spool.Unfinished
            readings.append((delivery, reading))
        except (Refusal, *candidates.NOT_NOW) as reason:
            readings.append((delivery, reason))
    run.tags.prepare([reading for _, reading in readings if isinstance(reading, Call)])
    return [_reading(run, delivery, reading) for delivery, reading in readings]


def _reading(run: IntakeRun, delivery: Delivery, reading: Call | Notice | Refusal | NotNow) -> Reading:
    match reading:
        case Call():
            return _delivered(run, delivery, reading)
        case Notice():
            return reading
    return NotRead(delivery, reading)


class Batch:
    """Calls that go through the steps together and are committed together."""

    def __init__(self, run: IntakeRun, readings: Sequence[Reading]) -> None:
        self.deliveries = [reading.delivery for reading in readings]
        self._run = run
        self._readings = readings
        self._results = BatchOutcome(run)
        self._judged: list[Judged] = []
        self._announced: list[Announced] = []
        self._sealing: list[tuple[Sequence[Announced], Future[Answer]]] = []

    @property
    def outcome(self) -> Outcome:
        """The outcome of the calls; complete when the batch is finished."""
        return self._results.outcome

    def begin(self) -> None:
        """Do steps 1 and 2, and start steps 3 and 4, which go on in the background."""
        self._withdraw()
        self._judged = self._judge()
        if self._judged and not self._run.options.dry_run:
            self._announce()
            self._order()

    def finish(self) -> None:
        """Finish steps 3 and 4, and do steps 5 and 6."""
        if self._run.options.dry_run:
            self._rehearse()
            return
        self._commit(self._sealed())
        self._take_back()
        if not self._run.options.keep_source:
            self._results.remove_sources()

    def abandon(self) -> None:
        """Undo the batch as far as possible now; the next erasure removes the rest."""
        self._run.sealers.stop()
        with suppress(ArloError):
            self._take_back()

    # -- 1 --------------------------------------------------------------------------------------------

    def _withdraw(self) -> None:
        """Carry out the withdrawals first, so that calls from before them are refused."""
        for reading in self._readings:
            if isinstance(reading, Notice):
                self._results.withdraw(reading)

    def _judge(self) -> list[Judged]:
        """The calls that go on to step 2, with the store's knowledge of them; the others are noted."""
        judged, agents = [], self._agents()
        for reading in self._readings:
            if isinstance(reading, Notice):
                continue
            with self._results.noting(reading.delivery):
                if isinstance(reading, NotRead):
                    self._results.erase_stopped(reading.delivery)
                    raise reading.reason
                judged.append(Judged(reading, candidates.history_of(reading, self._run.store.catalogue, agents)))
        return judged

    def _agents(self) -> Agents:
        """The employees who objected or were told, as the log has them now."""
        store = self._run.store
        return Agents(objections.in_force(store), staff_notices.told_if_required(store))

    def _rehearse(self) -> None:
        """Examine the sounds and note the calls that a run would take in; writes nothing."""
        offered = self._run.offered
        for judged in self._judged:
            delivered = judged.delivered
            with self._results.noting(delivered.delivery):
                with self._run.examined(self._with_notices(judged)) as examined:
                    for _ in examined.frames():  # a truncated sound shows at its end
                        pass
                content = examined.content()
                if delivered.source in offered:
                    raise Duplicate(NO_ID) if offered[delivered.source] == content else Refusal("conflict")
                offered[delivered.source] = content
                self._results.accept(delivered, NO_ID)
        self._results.finish_dry_run()

    def _with_notices(self, judged: Judged) -> Judged:
        """A call with the withdrawals of this run, which a rehearsal writes nowhere."""
        caller = judged.delivered.call.caller
        at = self._run.noticed.get(caller.reveal()) if caller is not None else None
        history = judged.history
        known = replace(history, withdrawn_at=(*history.withdrawn_at, at)) if at is not None else history
        return replace(judged, history=known)

    # -- 2 and 3 --------------------------------------------------------------------------------------

    def _announce(self) -> None:
        """Insert the rows of step 2."""
        store, now = self._run.store, self._run.now
        with store.change(now):
            calls = [judged.delivered.call for judged in self._judged]
            self._announced = [
                Announced(judged, new_id(policy.due_at(call.started_at), primitives.fresh(ID_CHANCE)))
                for judged, call in zip(self._judged, calls, strict=True)
            ]
            store.catalogue.recordings.announce([announced.id for announced in self._announced])

    def _order(self) -> None:
        """Order the sealing of the calls, in a part for each side."""
        run = self._run
        teams = (announced.delivered.call.team for announced in self._announced)
        keys = BatchKeys.of_teams(teams, near=self._announced[0].id)
        share = -(-len(self._announced) // SIDES)
        for at in range(0, len(self._announced), share):
            calls = self._announced[at : at + share]
            self._sealing.append((calls, run.sealers.submit(Order(calls, keys, run.rules))))

    def _sealed(self) -> list[tuple[Delivered, Sealed]]:
        """Finish steps 3 and 4: returns the calls with an object, notes the others."""
        sealed = []
        for calls, future in self._sealing:
            for announced, result in zip(calls, future.result(), strict=True):
                delivered = announced.delivered
                with self._results.noting(delivered.delivery):
                    if not isinstance(result, Sealed):
                        raise result
                    delivered.delivery.sounds = result.sounds
                    sealed.append((delivered, result))
        return sealed

    # -- 5 --------------------------------------------------------------------------------------------

    def _commit(self, sealed: Sequence[tuple[Delivered, Sealed]]) -> None:
        """Hold the sealed calls in one transaction, whose roster decides to whom the batch's keys are sealed."""
        store, inserted = self._run.store, list[tuple[Delivered, RecordingId]]()
        with store.root.lock(exclusive=False, wait=store.lock_wait):
            root = store.read_root()
            erasure_keys = store.catalogue.erasure_keys(root.key)
            with store.change(self._run.now, root) as change:
                agents = self._agents()
                tables = RecordingTables(store.catalogue, erasure_keys, CommitKeys(store, self._run.now))
                for delivered, call in sealed:
                    with self._results.noting(delivered.delivery):
                        history = candidates.history_of(delivered, store.catalogue, agents)
                        history.check(delivered.call, call.content, self._run.now)
                        held = sealing.insert(call.recording, call.ke, call.audience_key, call.facts, tables)
                        change.log(sealing.taken_in(held, call.consent, self._run.map_digest))
                        inserted.append((delivered, held.id))
                self._results.log_refusals(change)
        self._results.committed(inserted)

    def _take_back(self) -> None:
        """Remove announced calls that the catalogue does not hold: the object first, then the row."""
        store = self._run.store
        arriving = set(store.catalogue.recordings.arriving()) if self._announced else set()
        unfinished = [announced.id for announced in self._announced if announced.id in arriving]
        if not unfinished:
            return
        names = [recording.hex() for recording in unfinished]
        for name in names:
            store.blobs.delete(name)
        store.blobs.settle(names)
        with store.change(self._run.now):
            store.catalogue.recordings.abandon(unfinished)


def _delivered(run: IntakeRun, delivery: Delivery, call: Call) -> Delivered:
    tags = run.tags
    source, agent = tags.tag("source", call.source_id), tags.tag("agent", agent_name(call.agent))
    return Delivered(delivery, call, source, agent, tags.caller(call.caller))
