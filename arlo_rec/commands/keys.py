"""What the security officer types about keys: rotating a service's, renewing and sharing the recovery key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arlo_rec.commands.options import Name, arg, opt
from arlo_rec.commands.rings import rings_after_leaving
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import Usage
from arlo_rec.ui.terminal import Answer

SHARE_BYTES = 4096  # of a file with a share; it has about 250


def person_rotate(
    ctx: typer.Context,
    name: Name,
    *,
    key_out: Annotated[Path, opt("opt.key_out", "--key-out", "FILE")],
) -> Answer:
    """Give a service a new key."""
    from arlo_rec.admin.identities import rotate

    run: Run = ctx.obj
    target = run.new_file(key_out)
    with run.store() as store:
        rotate(store, name, target, run.now())
    return Answer({"person": name, "key": str(key_out)}, [run.say("rotate.done", name=name, path=str(key_out))])


def trust(ctx: typer.Context, word: Annotated[str, arg("arg.check_word", "WORD")]) -> Answer:
    """Go on with a store that was restored without its feed, after the officer read out its check word."""
    from arlo_rec.admin import opening

    run: Run = ctx.obj
    place = run.place()
    identity = run.identity(place)
    run.demand_guest(place, identity.name)
    link = opening.trust(place, identity, word, run.state())
    return Answer({"link": link.number, "check_word": word.strip().lower()}, [run.say("trust.done")])


def recovery_split(
    ctx: typer.Context,
    *,
    shares: Annotated[int, opt("opt.shares", "--shares", "N")],
    threshold: Annotated[int, opt("opt.threshold", "--threshold", "N")],
) -> Answer:
    """Split the recovery key into shares, by SLIP-39."""
    from arlo_rec.admin.slip39 import split
    from arlo_rec.keys.roster import RECOVERY_NAME

    run: Run = ctx.obj
    secret = run.passphrase()
    texts = split(secret.decode("utf-8", "replace"), threshold, shares)
    run.unlocked(run.place(), RECOVERY_NAME, secret)  # shares of a key that opens nothing would be found out too late
    lines = [
        run.say("recovery.share", number=number, count=shares, threshold=threshold, share=text)
        for number, text in enumerate(texts, 1)
    ]
    return Answer({"shares": texts, "threshold": threshold}, lines, always=True)


def recovery_join(ctx: typer.Context, files: Annotated[list[Path], arg("arg.shares", "FILE…")]) -> Answer:
    """Join shares to the recovery key."""
    from arlo_rec.admin.slip39 import join

    run: Run = ctx.obj
    shares = []
    for path in files:
        try:
            shares.append(run.read(path, SHARE_BYTES).decode("utf-8"))
        except UnicodeDecodeError:
            raise Usage("file_unreadable", path=str(path)) from None
    recovery_key = join(shares)
    return Answer({"recovery_key": recovery_key}, [run.say("recovery.joined", recovery_key=recovery_key)], always=True)


def recovery_renew(ctx: typer.Context) -> Answer:
    """Make a new recovery key."""
    from arlo_rec.admin.identities import renew_recovery

    run: Run = ctx.obj
    with run.store() as store:
        recovery_key = renew_recovery(store, run.now())
        rings = rings_after_leaving(store, run)
    lines = [run.say("recovery.renewed", recovery_key=recovery_key), *rings.lines]
    return Answer({"recovery_key": recovery_key, **rings.data}, lines, always=True, exit_status=3 if rings.left else 0)
