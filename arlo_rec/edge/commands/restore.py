"""The commands after a loss and before it: restore, accept that erasures since the backup are unknown, and drill."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.edge.commands.anchors import error_of
from arlo_rec.edge.commands.options import Root, SometimesReason, Yes, arg, opt
from arlo_rec.edge.commands.run import Run, root_of_new, tried, way_of
from arlo_rec.edge.terminal import Answer
from arlo_rec.law.model.errors import Refused, Usage
from arlo_rec.policy import reason_problem
from arlo_rec.vault.backends.named_files import nameable

if TYPE_CHECKING:
    from arlo_rec.machine.backup_copy import BackupSource
    from arlo_rec.machine.drill import DrillAnswer
    from arlo_rec.machine.restore import Restored
    from arlo_rec.vault.keys.key_files import Identity
    from arlo_rec.vault.keys.layout import Layout


def restore(
    ctx: typer.Context,
    folder: Annotated[Path | None, arg("arg.backup", "[DIR]")] = None,
    *,
    escrow: Annotated[Path | None, opt("opt.escrow", "--escrow", "DIR")] = None,
    feed: Annotated[Path | None, opt("opt.feed_read", "--feed", "FILE")] = None,
    root: Root = None,
    accept_without_feed: Annotated[bool, opt("opt.without_feed", "--accept-without-feed")] = False,
    reason: SometimesReason = None,
    yes: Yes = False,
) -> Answer:
    """Make a store from a backup and apply the erasures since; or accept that those are not known."""
    from arlo_rec.machine import backup_copy
    from arlo_rec.machine import restore as restoring

    run: Run = ctx.obj
    if accept_without_feed and (problem := reason_problem(reason)):
        raise Usage(problem, rule="security.reason")
    if folder is None:
        return _accept(run, accept_without_feed=accept_without_feed, reason=reason)
    if escrow is None:
        raise Usage("escrow_missing")
    store = nameable(run.store_path().absolute())
    root_folder, root_at = root_of_new(root, store)
    known_feed = None if accept_without_feed else feed or run.settings.feed
    feed_file = known_feed.absolute() if known_feed else None
    options = backup_copy.RestoreOptions(folder, escrow, store, root_folder, feed_file, root_at, way_of(run))
    sources = backup_copy.find(options, run.now())
    officer = _Officer(run, root_folder)
    restored = restoring.carry_out(
        sources,
        options,
        officer.unlocked,
        lambda source: _confirm(run, source, store, yes=yes),
        run.now(),
        run.state(),
        run.progress,
    )
    if accept_without_feed:
        with run.opened(run.place(), officer.identity) as opened:
            restoring.accept(opened, reason, run.now())
    return _answer(run, restored, closed=restored.closed and not accept_without_feed)


class _Officer:
    """The person who restores; the passphrase that was typed last is tried on every further key file."""

    identity: Identity

    def __init__(self, run: Run, root_folder: Path) -> None:
        self._run, self._root = run, root_folder
        self._passphrase: bytes | None = None

    def unlocked(self, source: BackupSource) -> Identity:
        """Their identity by the key file of a backup; raises NotUnlocked or Integrity."""
        self.identity = self.at(source.layout(self._root))
        return self.identity

    def at(self, place: Layout) -> Identity:
        """Their identity by the key file at a place; raises NotUnlocked or Integrity."""
        typed = self._passphrase

        def attempt(passphrase: bytes) -> Identity:
            self._passphrase = passphrase
            return self._run.identity(place, passphrase)

        if self._run.settings.key_file is not None or typed is not None:
            return self._run.identity(place, typed)
        return tried(self._run, attempt)


def _accept(run: Run, *, accept_without_feed: bool, reason: str | None) -> Answer:
    """Open a store that was restored without its feed; raises Usage where neither this nor a backup was named."""
    from arlo_rec.machine.restore import Restored, accept

    if not accept_without_feed:
        raise Usage("backup_not_named")
    with run.store() as store:
        accept(store, reason, run.now())
    accepted = Restored(removed=(), closed=False, rings_left=(), passed_over=())
    return Answer(accepted, [run.say("restore.accepted")])


def _confirm(run: Run, source: BackupSource, store: Path, *, yes: bool) -> None:
    """Show the backup, and demand the number of its recordings; raises Usage."""
    held = source.slot.held
    summary = run.say("restore.shows", at=source.slot.at, held=held, store=store)
    run.confirm(summary, run.say("restore.question"), str(held), yes=yes)


def _answer(run: Run, restored: Restored, *, closed: bool) -> Answer:
    """The numbers restored, erased again and lost; also an error while the store is closed."""
    from msgspec.structs import replace

    counts = {"held": restored.held, "erased": restored.erased, "lost": restored.lost}
    lines = [run.say("restore.done", at=restored.backup_at, **counts, store=restored.store)]
    lines += [run.say("restore.passed_over", number=number) for number in restored.passed_over]
    unclear, foreign = restored.withdrawals_unclear, restored.feed_foreign_lines
    lines += [run.say("restore.unclear", count=unclear)] if unclear else []
    lines += [run.say("restore.removed", name=person) for person in restored.removed]
    lines += [run.say("restore.ring_left", escrow=ring) for ring in restored.rings_left]
    lines += [run.say("warning.feed_foreign", count=foreign)] if foreign else []
    lines += [run.say("restore.check_word", word=restored.check_word)] if restored.closed else []
    lines.append(run.say("restore.next", vkey=restored.vkey))
    error = Refused("erasure.unreplayed", rule="consent.withdraw") if closed else None
    return Answer(replace(restored, closed=closed), lines, always=True, error=error)


def drill(
    ctx: typer.Context,
    folder: Annotated[Path, arg("arg.backup", "DIR")],
    *,
    escrow: Annotated[Path, opt("opt.escrow", "--escrow", "DIR")],
    feed: Annotated[Path | None, opt("opt.feed_read", "--feed", "FILE")] = None,
) -> Answer:
    """Try whether the newest backup comes back, beside the store, and leave nothing of it."""
    from arlo_rec.machine import drill as drills

    run: Run = ctx.obj
    place = run.place()
    officer = _Officer(run, place.root)
    identity = officer.at(place)
    begun = run.now()
    with run.opened(place, identity) as store:
        read = feed or store.feed
        options = drills.DrillOptions(folder.absolute(), escrow.absolute(), read.absolute() if read else None)
        if not drills.opens(store, begun):
            return _drilled(run, drills.look(store, options, run.now, run.progress))
    rehearsal = drills.rehearse(place, options, identity.name, officer.unlocked, run.now(), run.progress)
    with run.opened(place, identity) as store:
        return _drilled(run, drills.enter(store, rehearsal, begun, run.now()))


def _drilled(run: Run, done: DrillAnswer) -> Answer:
    """The numbers of a drill, and what is wrong with the backup."""
    counts = {"number": done.backup, "at": done.backup_at, "recordings": done.recordings, "seconds": done.seconds}
    code = "drill.done" if done.opened else "drill.looked"
    lines = [run.say(code, **counts, erased=done.erased_again), run.say("drill.lost", count=done.lost)]
    lines += [run.say("drill.closed")] if done.closed else []
    wrong = [run.say("drill.passed_over", number=number) for number in done.passed_over]
    wrong += [run.say("drill.damaged", count=done.damaged)] if done.damaged else []
    wrong += [run.say("drill.without", id=recording.hex()) for recording in done.without]
    wrong += [run.say(f"problem.{problem.code}", what=problem.what) for problem in done.problems]
    status = 3 if wrong else 0
    return Answer(done, lines + wrong, always=bool(wrong), error=error_of(len(done.problems)), exit_status=status)
