"""What anybody types, with no store or a throw-away one: checking a receipt, the demonstration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands.options import arg, opt
from arlo_rec.commands.run import Run, new_file
from arlo_rec.model.errors import ArloError, Usage
from arlo_rec.ui.terminal import Answer, tell

if TYPE_CHECKING:
    from arlo_rec.catalogue.log_proof import Genuine


def certificate_verify(
    ctx: typer.Context,
    file: Annotated[Path, arg("arg.certificate", "FILE")],
    *,
    vkey: Annotated[list[str] | None, opt("opt.vkey", "--vkey", "VKEY")] = None,
    page: Annotated[Path | None, opt("opt.page", "--page", "FILE")] = None,
) -> Answer:
    """Check a receipt by its own signatures, or by the keys that --vkey names."""
    from arlo_rec.backends.bounded_read import read_small
    from arlo_rec.erasure.receipts import LONGEST, verify
    from arlo_rec.model.records import from_iso
    from arlo_rec.model.times import shown

    run: Run = ctx.obj
    try:
        raw = read_small(file, LONGEST, pipes=True)
    except OSError:
        raise Usage("file_unreadable", path=str(file)) from None
    wanted = vkey or ([run.settings.vkey] if run.settings.vkey else [])
    target = new_file(page) if page is not None else None
    genuine = verify(raw, wanted)
    receipt = genuine.document
    if target is not None:
        _write_page(target, genuine, run.lang)
    data = {key: receipt[key] for key in ("number", "event", "rule", "policy", "erased_at", "count", "store")}
    data |= {"ring_until": receipt["ring_until"], "feed": receipt["feed"], "page": str(page) if page else None}
    vkeys = [log_key["vkey"] for log_key in receipt["log_keys"]]
    data |= {"valid": True, "vkeys": vkeys, "vkey_checked": genuine.log_checked or genuine.officer_checked}
    data |= {"officer_vkey": genuine.officer_vkey, "officer_checked": genuine.officer_checked}
    data |= {"erased_by": receipt["signers"][0]["role"]}
    at = shown(from_iso(receipt["erased_at"]))
    line = run.say("certificate.valid", number=receipt["number"], count=receipt["count"], at=at)
    log = run.say("certificate.key_checked" if genuine.log_checked else "certificate.key_unchecked", vkey=vkeys[0])
    word = "certificate.officer_checked" if genuine.officer_checked else "certificate.officer_unchecked"
    officer = run.say(word, vkey=genuine.officer_vkey, role=receipt["signers"][0]["role"])
    return Answer(data, [line, log, officer])


def _write_page(target: Path, genuine: Genuine, lang: str) -> None:
    """Write a receipt that was checked as a page for people."""
    from arlo_rec.backends.durable import write_new
    from arlo_rec.erasure.receipt_page import render

    write_new(target, [render(genuine, lang).encode("utf-8")])


def demo(
    ctx: typer.Context,
    *,
    dir: Annotated[Path | None, opt("opt.dir", "--dir", "DIR")] = None,
    keep: Annotated[bool, opt("opt.keep", "--keep")] = False,
) -> Answer:
    """Live the life of a few calls in a throw-away store."""
    import secrets
    import tempfile

    from arlo_rec.ui.demo import live

    run: Run = ctx.obj
    if keep and dir is None:  # what is kept must be found again
        dir = Path(tempfile.gettempdir()) / f"arlo-rec-demo-{secrets.token_hex(8)}"
    silent = run.json or run.quiet
    steps = live(run.lang, run.now(), folder=dir, keep=keep, tell=(lambda _line: None) if silent else tell)
    steps_json = [{"rule": step.rule, "did": step.did, "ok": step.ok} for step in steps]
    data = {"steps": steps_json, "dir": str(dir.absolute()) if keep and dir else None}
    kept = [run.say("demo.kept", path=data["dir"])] if keep else []
    if all(step.ok for step in steps):
        return Answer(data, [run.say("demo.done"), *kept])
    return Answer(data, kept, error=ArloError("demo_failed"))
