"""Commands for all: check a signed document, unlock, list pending work."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arlo_rec.commands.options import SometimesPurpose, SometimesReason, arg, opt
from arlo_rec.commands.run import Run, purpose_and_reason
from arlo_rec.model.errors import NothingMatched, NotUnlocked, Usage
from arlo_rec.model.times import parse_length, shown, shown_end, shown_minute
from arlo_rec.policy import Purpose, reason_problem
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.backends.named_files import NamedFile
    from arlo_rec.certificates.check import Genuine
    from arlo_rec.keys.unlocks import UnlockTerms
    from arlo_rec.oversight.todo import Task
    from arlo_rec.store import Store


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
    from arlo_rec.certificates import check
    from arlo_rec.certificates.verdict import verify

    run: Run = ctx.obj
    wanted = vkey or ([run.settings.vkey] if run.settings.vkey else [])
    target = run.files.new_file(page) if page is not None else None
    try:
        with open_named(file, check.LONGEST) as content:
            genuine = verify(content, wanted)
    except OSError:
        raise Usage("file_unreadable", path=str(file)) from None
    kind = genuine.document["kind"]
    if kind == check.ANSWER:
        if target is not None:
            raise Usage("no_receipt", path=str(file))
        return _answer(run, genuine, _beside(file, accesses, genuine), wanted)
    if accesses is not None or (kind in {check.LIST, check.PAGE} and target is not None):
        raise Usage("no_answer" if accesses is not None else "no_receipt", path=str(file))
    if kind == check.PAGE:
        return _published(run, genuine)
    return _accesses(run, genuine) if kind == check.LIST else _receipt(run, genuine, target)


def _beside(file: Path, named: Path | None, genuine: Genuine) -> Path | None:
    """The list of accesses of an answer: the one that was named, or the one that lies beside it."""
    from arlo_rec.dsar import access_list

    lies = file.with_name(access_list.NAME)
    return named if named is not None else lies if genuine.document["accesses"] and lies.is_file() else None


def _receipt(run: Run, genuine: Genuine, target: NamedFile | None) -> Answer:
    """The facts of a deletion receipt."""
    from arlo_rec.model.records import from_iso

    receipt = genuine.document
    if target is not None:
        _write_page(target, genuine, run.lang)
    data = {key: receipt[key] for key in ("number", "event", "rule", "policy", "erased_at", "count", "store")}
    data |= {"ring_until": receipt["ring_until"], "feed": receipt["feed"], "page": target}
    data |= {**_keys(genuine), "erased_by": receipt["signers"][0]["role"]}
    at = from_iso(receipt["erased_at"])
    line = run.say("certificate.valid", number=receipt["number"], count=receipt["count"], at=at)
    log = run.say(
        "certificate.key_checked" if genuine.log_checked else "certificate.key_unchecked", vkey=data["vkeys"][0]
    )
    word = "certificate.officer_checked" if genuine.officer_checked else "certificate.officer_unchecked"
    officer = run.say(word, vkey=genuine.officer_vkey, role=receipt["signers"][0]["role"])
    return Answer(data, [line, log, officer])


def _answer(run: Run, genuine: Genuine, beside: Path | None, wanted: list[str]) -> Answer:
    """The facts of an access answer's certificate, and of its list of accesses if that is given."""

    from arlo_rec.backends.bounded_read import open_named
    from arlo_rec.certificates.check import LONGEST
    from arlo_rec.certificates.verdict import verify
    from arlo_rec.dsar import access_list
    from arlo_rec.model.records import from_iso

    answer, listed = genuine.document, None
    if beside is not None:
        try:
            with open_named(beside, LONGEST) as content:
                listed = verify(content, wanted, inside=genuine)
        except OSError:
            raise Usage("file_unreadable", path=str(beside)) from None
    data = {key: answer[key] for key in ("case", "made_at", "sha256", "bytes", "policy", "store")}
    data |= {**_keys(genuine), "accesses": _listed(listed) if listed else None}
    line = run.say("certificate.answer", case=answer["case"], at=from_iso(answer["made_at"]))
    lines = [line, *([_listed_line(run, listed)] if listed else []), *_key_lines(run, genuine)]
    if listed is None and answer["accesses"]:
        lines.append(run.say("certificate.accesses_inside", name=access_list.NAME))
    return Answer(data, lines)


def _accesses(run: Run, genuine: Genuine) -> Answer:
    """The facts of a list of accesses."""
    told = genuine.document
    data = {key: told[key] for key in ("case", "made_at", "policy", "store")}
    data |= {**_keys(genuine), "accesses": _listed(genuine)}
    return Answer(data, [_listed_line(run, genuine), *_key_lines(run, genuine)])


def _published(run: Run, genuine: Genuine) -> Answer:
    """The facts of a published page's certificate."""
    from arlo_rec.model.records import from_iso

    told = genuine.document
    data = {key: told[key] for key in ("page", "lang", "form", "published_at", "sha256", "bytes", "store")}
    data |= {"version": told["policy"], **_keys(genuine)}
    at = from_iso(told["published_at"])
    said = run.say("certificate.page", page=told["page"], language=told["lang"], version=told["policy"], at=at)
    return Answer(data, [said, *_key_lines(run, genuine)])


def _listed(genuine: Genuine) -> dict[str, int]:
    """The numbers of entries and accesses in a list, and the log's size."""
    from arlo_rec.crypto.merkle import parse_note

    told = genuine.document
    read = sum(entry["access"] for entry in told["entries"])
    return {"count": told["count"], "accesses": read, "size": parse_note(told["checkpoint"])[0].size}


def _listed_line(run: Run, genuine: Genuine) -> str:
    return run.say("certificate.accesses", case=genuine.document["case"], **_listed(genuine))


def _keys(genuine: Genuine) -> dict[str, Any]:
    """The facts about keys of every kind of document."""
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
    from arlo_rec.erasure.receipts import render

    target.write([render(genuine, lang).encode("utf-8")])


# -- unlocking ----------------------------------------------------------------------------------------


def unlock(
    ctx: typer.Context,
    *,
    length: Annotated[str | None, opt("opt.for", "--for", "15m|2h")] = None,
    purpose: SometimesPurpose = None,
    reason: SometimesReason = None,
) -> Answer:
    """Have the kernel keep one's keys for this login session, for a time."""
    from dataclasses import replace

    from arlo_rec.keys import unlocks
    from arlo_rec.log.events import Unlocked
    from arlo_rec.model.records import to_iso

    run: Run = ctx.obj
    lasts, keyring = _length(length), run.client.keyring
    _check(purpose, reason)
    if run.settings.key_file is not None:
        raise Usage("unlock_is_for_people")
    unlocks.demand_possible(keyring)
    place = run.place()
    identity = run.unlocked(place, run.name(), run.passphrase())
    told = unlocks.UnlockTerms(run.now() + lasts, Purpose(purpose) if purpose else None, reason)
    with run.opened(place, identity) as store:
        if store.person.service or store.person.recovery:
            raise Usage("unlock_is_for_people")
        key = unlocks.prepare(keyring, place, replace(identity, pin=store.authority.pin()), told, lasts)
        waits = waits_line(run, store)
        try:
            store.note(Unlocked(until=to_iso(told.until), purpose=told.purpose, reason=reason), run.now())
        except BaseException:
            unlocks.end(keyring, key)
            raise
    unlocks.begin(keyring, key)
    lines = [*_told_lines(run, "unlock.done", identity.name, told), *waits]
    return Answer({"person": identity.name, **_told_json(told)}, lines)


def lock(ctx: typer.Context) -> Answer:
    """End one's unlock of this login session."""
    from arlo_rec.keys import unlocks
    from arlo_rec.log.events import Locked
    from arlo_rec.model.records import to_iso

    run: Run = ctx.obj
    place, name, keyring = run.place(), run.name(), run.client.keyring
    try:
        running = unlocks.running(keyring, place, name, run.now())
    except NotUnlocked:  # its time is over, or it is none of theirs: it goes all the same
        running = None
    if running is not None:
        unlocks.end(keyring, running.key)
    ended = unlocks.end_all(keyring, place, name)
    if running is None and not ended:
        raise NothingMatched("nothing_unlocked", name=name)
    if running is None:
        return Answer({"person": name, "until": None, "purpose": None, "reason": None}, [run.say("lock.done_outdated")])
    with run.opened(place, running.identity) as store:
        store.note(Locked(until=to_iso(running.terms.until)), run.now())
    return Answer({"person": name, **_told_json(running.terms)}, _told_lines(run, "lock.done", name, running.terms))


def _told_json(told: UnlockTerms) -> dict[str, Any]:
    """The terms of an unlock."""

    return {"until": told.until, "purpose": told.purpose, "reason": told.reason}


def _told_lines(run: Run, code: str, name: str, told: UnlockTerms) -> list[str]:
    """The same for people: whose it is and until when, and what its commands are for."""

    lines = [run.say(code, name=name, typed=shlex.quote(name), until=told.until)]
    said = "lock.told" if code == "lock.done" else "unlock.told"
    return lines + (
        [run.say(said, what=purpose_and_reason(run, told.purpose, told.reason))] if told.purpose or told.reason else []
    )


def _length(text: str | None) -> timedelta:
    """The length of an unlock; raises Usage."""
    from arlo_rec.keys.unlocks import LONGEST, USUAL

    try:
        lasts = parse_length(text) if text is not None else USUAL
    except ValueError:
        lasts = timedelta(0)
    if not timedelta(0) < lasts <= LONGEST:
        raise Usage("bad_unlock_length", hours=LONGEST // timedelta(hours=1))
    return lasts


def _check(purpose: str | None, reason: str | None) -> None:
    """Raise Usage where a purpose or a reason is none that a command would take."""

    if purpose is not None and purpose not in list(Purpose):
        raise Usage("purpose_unknown", rule="scope.only")
    problem = reason_problem(reason) if reason is not None else None
    if problem is not None:
        raise Usage(problem, rule="security.reason")


# -- what waits ---------------------------------------------------------------------------------------


def todo(ctx: typer.Context) -> Answer:
    """Pending work of this person, each with its command."""
    from arlo_rec.oversight.todo import tasks

    run: Run = ctx.obj
    with run.store() as store:
        waiting = tasks(store, run.now())
    texts = [_text(run, task, store.person.name) for task in waiting]
    data = [
        {
            "kind": task.kind,
            "id": task.id,
            "since": task.since,
            "until": task.until,
            "text": text,
        }
        for task, text in zip(waiting, texts, strict=True)
    ]
    lines = [f"{shown_minute(task.since)}  {text}" for task, text in zip(waiting, texts, strict=True)]
    return Answer({"todo": data}, lines or [run.say("todo.nothing")], always=True)


def waits_line(run: Run, store: Store) -> list[str]:
    """A line if this person has pending work."""
    from arlo_rec.oversight.todo import tasks

    count = len(tasks(store, run.now()))
    code = "todo.one_waits" if count == 1 else "todo.waits"
    return [run.say(code, count=count)] if count else []


def _text(run: Run, task: Task, name: str) -> str:
    """Pending work and its command; another person's file is named with its holder."""
    about = {"short": task.id, **{key: _word(run, key, value) for key, value in task.about.items()}, "id": task.id}
    code = task.kind
    if task.kind == "delete":
        code = "delete_own" if about["name"] == name else "delete_other"
        about["what"] = about["file"] or run.say(f"todo.file.{about['kind']}")
    if task.kind == "case" and about["erased"] is not None:
        code = "case_erases"
    return run.say(f"todo.{code}", **about)


def _word(run: Run, key: str, value: object) -> object:
    """A fact of a task as people read it."""
    from arlo_rec.commands.grants import limit_words
    from arlo_rec.model.records import Limits

    match key, value:
        case "purpose", _:
            return run.say(f"purpose.{value}")
        case "teams", None:
            return run.say("all_teams")
        case "teams", list():
            return ", ".join(value)
        case "limits", Limits():
            return "".join(f", {words}" for words in limit_words(run, value))
        case "until", datetime():
            return shown_end(value)
        case "erased", datetime():
            return shown(value)
        case "started", datetime():
            return shown_minute(value)
        case "started", None:
            return "?"
        case "of_call", _:
            return "" if value == 1 else run.say("todo.several", count=value)
    return value
