"""What anybody types, with no store or a throw-away one: checking a receipt, the demonstration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.options import arg, opt
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import ArloError, Usage
from arlo_rec.ui.terminal import Answer, tell

if TYPE_CHECKING:
    from arlo_rec.backends.named_files import NamedFile
    from arlo_rec.catalogue.log_proof import Genuine


def certificate_verify(
    ctx: typer.Context,
    file: Annotated[Path, arg("arg.certificate", "FILE")],
    *,
    vkey: Annotated[list[str] | None, opt("opt.vkey", "--vkey", "VKEY")] = None,
    accesses: Annotated[Path | None, opt("opt.accesses", "--accesses", "FILE")] = None,
    page: Annotated[Path | None, opt("opt.page", "--page", "FILE")] = None,
) -> Answer:
    """Check what was given out by its own signatures, or by the keys that --vkey names."""
    from arlo_rec.backends.bounded_read import open_named
    from arlo_rec.dsar import access_list, certificate
    from arlo_rec.publishing import page_certificate
    from arlo_rec.publishing.page_check import verify

    run: Run = ctx.obj
    wanted = vkey or ([run.settings.vkey] if run.settings.vkey else [])
    target = run.new_file(page) if page is not None else None
    try:
        with open_named(file, access_list.LONGEST) as content:
            genuine = verify(content, wanted)
    except OSError:
        raise Usage("file_unreadable", path=str(file)) from None
    kind = genuine.document["kind"]
    if kind == certificate.KIND:
        if target is not None:
            raise Usage("no_receipt", path=str(file))
        return _answer(run, genuine, _beside(file, accesses, genuine), wanted)
    if accesses is not None or (kind in {access_list.KIND, page_certificate.KIND} and target is not None):
        raise Usage("no_answer" if accesses is not None else "no_receipt", path=str(file))
    if kind == page_certificate.KIND:
        return _published(run, genuine)
    return _accesses(run, genuine) if kind == access_list.KIND else _receipt(run, genuine, target)


def _beside(file: Path, named: Path | None, genuine: Genuine) -> Path | None:
    """The list of accesses of an answer: the one that was named, or the one that lies beside it."""
    from arlo_rec.dsar import access_list

    lies = file.with_name(access_list.NAME)
    return named if named is not None else lies if genuine.document["accesses"] and lies.is_file() else None


def _receipt(run: Run, genuine: Genuine, target: NamedFile | None) -> Answer:
    """What a deletion receipt says."""
    from arlo_rec.model.records import from_iso
    from arlo_rec.model.times import shown

    receipt = genuine.document
    if target is not None:
        _write_page(target, genuine, run.lang)
    data = {key: receipt[key] for key in ("number", "event", "rule", "policy", "erased_at", "count", "store")}
    data |= {"ring_until": receipt["ring_until"], "feed": receipt["feed"], "page": str(target) if target else None}
    data |= {**_keys(genuine), "erased_by": receipt["signers"][0]["role"]}
    at = shown(from_iso(receipt["erased_at"]))
    line = run.say("certificate.valid", number=receipt["number"], count=receipt["count"], at=at)
    log = run.say(
        "certificate.key_checked" if genuine.log_checked else "certificate.key_unchecked", vkey=data["vkeys"][0]
    )
    word = "certificate.officer_checked" if genuine.officer_checked else "certificate.officer_unchecked"
    officer = run.say(word, vkey=genuine.officer_vkey, role=receipt["signers"][0]["role"])
    return Answer(data, [line, log, officer])


def _answer(run: Run, genuine: Genuine, beside: Path | None, wanted: list[str]) -> Answer:
    """What the certificate of an access answer says, and the list of accesses that was inside, where it is given."""
    from arlo_rec.backends.bounded_read import read_named
    from arlo_rec.dsar import access_list
    from arlo_rec.dsar.certificate_check import verify_accesses
    from arlo_rec.model.records import from_iso
    from arlo_rec.model.times import shown

    answer, listed = genuine.document, None
    if beside is not None:
        try:
            raw = read_named(beside, access_list.LONGEST, pipes=True)
        except OSError:
            raise Usage("file_unreadable", path=str(beside)) from None
        listed = verify_accesses(raw, genuine, wanted)
    data = {key: answer[key] for key in ("case", "made_at", "sha256", "bytes", "policy", "store")}
    data |= {**_keys(genuine), "accesses": _listed(listed) if listed else None}
    line = run.say("certificate.answer", case=answer["case"], at=shown(from_iso(answer["made_at"])))
    lines = [line, *([_listed_line(run, listed)] if listed else []), *_key_lines(run, genuine)]
    if listed is None and answer["accesses"]:
        lines.append(run.say("certificate.accesses_inside", name=access_list.NAME))
    return Answer(data, lines)


def _accesses(run: Run, genuine: Genuine) -> Answer:
    """What a list of accesses says that is checked by itself."""
    told = genuine.document
    data = {key: told[key] for key in ("case", "made_at", "policy", "store")}
    data |= {**_keys(genuine), "accesses": _listed(genuine)}
    return Answer(data, [_listed_line(run, genuine), *_key_lines(run, genuine)])


def _published(run: Run, genuine: Genuine) -> Answer:
    """What the certificate of a published page says."""
    from arlo_rec.model.records import from_iso
    from arlo_rec.model.times import shown

    told = genuine.document
    data = {key: told[key] for key in ("page", "lang", "form", "published_at", "sha256", "bytes", "store")}
    data |= {"version": told["policy"], **_keys(genuine)}
    at = shown(from_iso(told["published_at"]))
    said = run.say("certificate.page", page=told["page"], language=told["lang"], version=told["policy"], at=at)
    return Answer(data, [said, *_key_lines(run, genuine)])


def _listed(genuine: Genuine) -> dict[str, int]:
    """How many entries a list of accesses has, how many are accesses, and how long the log was."""
    from arlo_rec.crypto.merkle import parse_note

    told = genuine.document
    read = sum(entry["access"] for entry in told["entries"])
    return {"count": told["count"], "accesses": read, "size": parse_note(told["checkpoint"])[0].size}


def _listed_line(run: Run, genuine: Genuine) -> str:
    return run.say("certificate.accesses", case=genuine.document["case"], **_listed(genuine))


def _keys(genuine: Genuine) -> dict[str, Any]:
    """What every kind of document says of its keys."""
    vkeys = [log_key["vkey"] for log_key in genuine.document["log_keys"]]
    data = {"valid": True, "kind": genuine.document["kind"], "vkeys": vkeys, "officer_vkey": genuine.officer_vkey}
    checked = genuine.log_checked or genuine.officer_checked
    return data | {"vkey_checked": checked, "officer_checked": genuine.officer_checked}


def _key_lines(run: Run, genuine: Genuine) -> list[str]:
    """Whose keys signed an answer or a list, and what to compare."""
    if genuine.officer_checked:
        return [run.say("certificate.signer_checked", vkey=genuine.officer_vkey)]
    return [run.say("certificate.signer_unchecked", vkey=genuine.officer_vkey)]


def _write_page(target: NamedFile, genuine: Genuine, lang: str) -> None:
    """Write a receipt that was checked as a page for people."""
    from arlo_rec.erasure.receipt_page import render

    target.write([render(genuine, lang).encode("utf-8")])


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
