"""What officers and managers type about training copies: make, review, release, reject."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from arlo_rec.commands import arg, opt
from arlo_rec.commands.run import Run, new_file
from arlo_rec.errors import Usage
from arlo_rec.render import Answer, Table

if TYPE_CHECKING:
    from arlo_rec.cutlist import Cut
    from arlo_rec.pseudonymise import Made


def pseudonymise(
    run: Run,
    recording: Annotated[str, arg("arg.recording", "ID")],
    cuts: Annotated[Path | None, opt("opt.cuts", "--cuts")] = None,
    mode: Annotated[str, opt("opt.mode", "--mode")] = "manual",
    fill: Annotated[str, opt("opt.fill", "--fill")] = "silence",
) -> Answer:
    from arlo_rec import cutlist
    from arlo_rec.pseudonymise import propose
    from arlo_rec.smallfile import read_small

    if mode != "manual":
        raise Usage("mode_unknown")
    if cuts is None:
        raise Usage("cuts_missing")
    try:
        listed = cutlist.read(read_small(cuts, cutlist.LONGEST + 1, pipes=True))
    except OSError:
        raise Usage("file_unreadable", path=str(cuts)) from None
    with run.store() as store:
        made = propose(store, recording, listed, _fill(fill), run.now)
    line = run.say("pseudonymise.made", copy=made.copy.hex(), count=len(made.cuts), cover=f"{made.cover:.0%}")
    return Answer({"results": [_told(made)]}, [line, run.say("pseudonymise.next", copy=made.copy.hex())])


def review(
    run: Run,
    copy: Annotated[str, arg("arg.copy", "COPY")],
    remove: Annotated[list[int] | None, opt("opt.remove_cut", "--remove")] = None,
    add: Annotated[list[str] | None, opt("opt.add_cut", "--add")] = None,
    hear: Annotated[int | None, opt("opt.hear", "--hear")] = None,
    out: Annotated[Path | None, opt("opt.out", "--out")] = None,
    confirm: Annotated[bool, opt("opt.confirm", "--confirm")] = False,  # noqa: FBT002
) -> Answer:
    from arlo_rec import pseudonymise as copies

    if (hear is None) != (out is None) or (hear is not None and (remove or add or confirm)):
        raise Usage("hear_needs_out")
    if confirm and (remove or add):
        raise Usage("confirm_alone")
    added = [_cut(one) for one in add or ()]
    target = new_file(out) if out is not None else None
    with run.store() as store:
        if hear is not None and target is not None:
            return _heard(run, target, copies.heard(store, copy, hear, run.now))
        if remove or added:
            made = copies.change(store, copy, remove or (), added, run.now)
        else:
            made = copies.confirm(store, copy, run.now) if confirm else copies.shown(store, copy, run.now)
    code = "review.confirmed" if confirm else "review.changed" if remove or added else "review.shown"
    line = run.say(code, copy=made.copy.hex(), count=len(made.cuts), cover=f"{made.cover:.0%}")
    return Answer({"copy": _told(made)}, [line], _table(run, made))


def release(
    run: Run,
    copy: Annotated[str, arg("arg.copy", "COPY")],
    reason: Annotated[str | None, opt("opt.reason", "--reason")] = None,
) -> Answer:
    from arlo_rec.pseudonymise import release as give

    with run.store() as store:
        made = give(store, copy, reason, run.now)
    return Answer({"copy": _told(made)}, [run.say("release.done", copy=made.copy.hex())])


def reject(
    run: Run,
    copy: Annotated[str, arg("arg.copy", "COPY")],
    reason: Annotated[str | None, opt("opt.reason", "--reason")] = None,
) -> Answer:
    from arlo_rec.pseudonymise import reject as take_back

    with run.store() as store:
        gone = take_back(store, copy, reason, run.now)
    data = {"copy": {"id": gone.parent.hex(), "copy": gone.id.hex(), "state": "rejected"}}
    return Answer(data, [run.say("reject.done", copy=gone.id.hex())])


def _heard(run: Run, target: Path, wav: bytes) -> Answer:
    from arlo_rec.backends.durable import write_new

    write_new(target, [wav])
    return Answer({"out": str(target), "bytes": len(wav)}, [run.say("review.heard", path=str(target))])


def _told(made: Made) -> dict[str, Any]:
    return {
        "id": made.original.hex(),
        "copy": made.copy.hex(),
        "state": made.state,
        "cuts": [one.told() for one in made.cuts],
        "cover_of_call": round(made.cover, 4),
        "warnings": [],
    }


def _table(run: Run, made: Made) -> Table:
    headings = [run.say(f"column.{one}") for one in ("number", "begin", "end", "channels", "types", "source")]
    rows = [[str(count), *_row(run, one)] for count, one in enumerate(made.cuts, 1)]
    return Table(headings, rows)


def _row(run: Run, one: Cut) -> list[str]:
    channels = run.say("cuts.all") if one.channels is None else ", ".join(str(each) for each in one.channels)
    return [f"{one.start:.2f}", f"{one.end:.2f}", channels, ", ".join(one.types), ", ".join(one.sources)]


def _cut(text: str) -> Cut:
    """`START-END`, in seconds; raises Usage."""
    from arlo_rec.cutlist import read

    begin, _, end = text.partition("-")
    try:
        return read(f"{float(begin)}\t{float(end)}\tother".encode())[0]
    except ValueError:
        raise Usage("bad_cut", value=text[:40]) from None


def _fill(text: str) -> Any:
    from arlo_rec.audio import Fill

    try:
        return Fill(text)
    except ValueError:
        raise Usage("fill_unknown", value=text[:20]) from None
