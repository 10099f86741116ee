"""Commands for all: check a signed document, unlock, list pending work."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import UNSET, UnsetType

from arlo_rec.edge.commands.options import SometimesPurpose, SometimesReason, arg, opt
from arlo_rec.edge.commands.run import Run, purpose_and_reason
from arlo_rec.edge.tables import members
from arlo_rec.edge.terminal import Answer, message_of
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, NothingMatched, NotUnlocked, Usage
from arlo_rec.law.model.times import parse_length, shown_end, shown_minute
from arlo_rec.law.rights import HoldGround
from arlo_rec.policy import Purpose, reason_problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from arlo_rec.law.model.particulars import Particulars
    from arlo_rec.machine.findings import Finding
    from arlo_rec.machine.todo import Task
    from arlo_rec.vault.backends.named_files import NamedFile
    from arlo_rec.vault.certificates.check import Genuine
    from arlo_rec.vault.keys.unlocks import UnlockTerms
    from arlo_rec.vault.opened import Store


_HALF_WRITTEN: Final = {"not_a_file", "bad_audio"}  # refusals of files that may still be written: nobody removes them


class ListCounts(Record, frozen=True):
    """The entries and accesses in a list, and the log's size."""

    count: int
    accesses: int
    size: int


class Checked(Record, frozen=True, kw_only=True):
    """The facts of a genuine document, by its kind; instants as they stand in it."""

    valid: bool
    kind: str
    store: str
    policy: str
    vkeys: list[str]
    officer_vkey: str
    vkey_checked: bool
    officer_checked: bool
    number: str | UnsetType = UNSET  # of a receipt, as what follows it up to `feed`
    event: str | UnsetType = UNSET
    rule: str | UnsetType = UNSET
    erased_at: str | UnsetType = UNSET
    erased_by: str | UnsetType = UNSET
    count: int | UnsetType = UNSET
    ring_until: str | UnsetType | None = UNSET
    feed: bool | UnsetType | None = UNSET
    page: str | UnsetType | None = UNSET  # the file that shows a receipt; the name of a published page
    lang: str | UnsetType = UNSET
    form: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    published_at: str | UnsetType = UNSET
    case: str | UnsetType = UNSET  # of an answer, or of its list of accesses
    made_at: str | UnsetType = UNSET
    sha256: str | UnsetType = UNSET
    bytes: int | UnsetType = UNSET
    accesses: ListCounts | UnsetType | None = UNSET


def certificate_verify(
    ctx: typer.Context,
    file: Annotated[Path, arg("arg.certificate", "FILE")],
    *,
    vkey: Annotated[list[str] | None, opt("opt.vkey", "--vkey", "VKEY")] = None,
    accesses: Annotated[Path | None, opt("opt.accesses", "--accesses", "FILE")] = None,
    page: Annotated[Path | None, opt("opt.page", "--page", "FILE")] = None,
) -> Answer:
    """Check what was given out by its own signatures, or by the keys that --vkey names."""
    from arlo_rec.vault.certificates import check

    run: Run = ctx.obj
    wanted = vkey or ([run.settings.vkey] if run.settings.vkey else [])
    target = run.files.new_file(page) if page is not None else None
    genuine = _genuine(file, wanted)
    kind = genuine.document["kind"]
    if accesses is not None and kind != check.ANSWER:
        raise Usage("no_answer", path=str(file))
    if target is not None and kind != check.RECEIPT:
        raise Usage("no_receipt", path=str(file))
    listed, inside = genuine if kind == check.LIST else None, list[str]()
    if kind == check.ANSWER:
        from arlo_rec.people.dsar.access_list import NAME

        lies, has_list = file.with_name(NAME), genuine.document["accesses"] is not None
        beside = accesses or (lies if has_list and lies.is_file() else None)
        listed = _genuine(beside, wanted, genuine) if beside else None
        inside = [run.say("certificate.accesses_inside", name=NAME)] if has_list and not listed else []
    if target is not None:
        target.write([receipt_page(run, genuine)])
    checked = _checked(genuine, listed, target)
    lines = [*_checked_lines(run, checked, log_checked=genuine.log_checked), *inside]
    if wanted and not genuine.newest_checked:
        lines.append(run.say("certificate.may_have_left", vkey=checked.vkeys[-1]))
    return Answer(checked, lines)


class ReceiptFacts(Record, frozen=True):
    """A receipt in an answer."""

    number: str
    at: datetime
    erased: int


class ReceiptShown(Record, frozen=True):
    """A receipt, and the page that was written of it."""

    receipt: ReceiptFacts
    out: Path | None


def receipt_show(
    ctx: typer.Context,
    number: Annotated[list[str], arg("arg.receipt", "NUMBER")],
    *,
    out: Annotated[Path | None, opt("opt.receipt_page", "--out", "FILE")] = None,
) -> Answer:
    """Find a receipt by its number, and write it as a page for the customer."""
    from arlo_rec.law.model.records import from_iso
    from arlo_rec.vault.erasure import receipts

    run: Run = ctx.obj
    target = run.files.new_file(out) if out is not None else None
    with run.store() as store:
        genuine = receipts.find(store, "".join(number), run.now())
    receipt = genuine.document
    facts = ReceiptFacts(receipt["number"], from_iso(receipt["erased_at"]), receipt["count"])
    code = {0: "receipt.shown_none", 1: "receipt.shown_one"}.get(facts.erased, "receipt.shown")
    lines = [run.say(code, number=facts.number, at=facts.at, count=facts.erased)]
    if target is not None:
        target.write([receipt_page(run, genuine)])
        lines.append(run.say("receipt.written", number=facts.number, out=target))
    else:
        lines.append(run.say("receipt.as_page", number=facts.number))
    return Answer(ReceiptShown(facts, out), lines)


def receipt_page(run: Run, genuine: Genuine) -> bytes:
    """A verified receipt as a page for the customer."""
    from arlo_rec.vault.erasure.receipts import render

    return render(genuine, run.lang, company_of(run)).encode("utf-8")


def _genuine(path: Path, wanted: list[str], inside: Genuine | None = None) -> Genuine:
    """The document in a file; raises Usage where it cannot be read."""
    from arlo_rec.vault.backends.bounded_read import open_named
    from arlo_rec.vault.certificates.check import LONGEST
    from arlo_rec.vault.certificates.verdict import verify

    try:
        with open_named(path, LONGEST) as content:
            return verify(content, wanted, inside=inside)
    except OSError:
        raise Usage("file_unreadable", path=str(path)) from None


def _checked(genuine: Genuine, listed: Genuine | None, page: NamedFile | None) -> Checked:
    """The facts of a document, and the numbers in a list of accesses."""
    from arlo_rec.vault.certificates import check
    from arlo_rec.vault.crypto.merkle import parse_note

    told = genuine.document
    facts = {key: told[key] for key in Checked.__struct_fields__ if key in told}
    if told["kind"] == check.RECEIPT:
        facts |= {"page": page and str(page), "erased_by": told["signers"][0]["role"]}
    elif told["kind"] == check.PAGE:
        facts["version"] = told["policy"]
    else:
        facts["accesses"] = None
    if listed is not None:
        entries, size = listed.document["entries"], parse_note(listed.document["checkpoint"])[0].size
        facts["accesses"] = ListCounts(len(entries), sum(entry["access"] for entry in entries), size)
    facts |= {"officer_vkey": genuine.officer_vkey, "officer_checked": genuine.officer_checked}
    vkeys, vkey_checked = [log_key["vkey"] for log_key in told["log_keys"]], genuine.log_checked
    return Checked(valid=True, vkeys=vkeys, vkey_checked=vkey_checked or genuine.officer_checked, **facts)


def _checked_lines(run: Run, told: Checked, *, log_checked: bool) -> Iterator[str]:
    """The facts for people, and the keys to compare."""
    from arlo_rec.law.model.records import from_iso
    from arlo_rec.vault.certificates import check

    checked = "checked" if told.officer_checked else "unchecked"
    if told.kind == check.RECEIPT:
        yield run.say("certificate.valid", number=told.number, count=told.count, at=from_iso(str(told.erased_at)))
        yield run.say(f"certificate.key_{'checked' if log_checked else 'unchecked'}", vkey=told.vkeys[0])
        yield run.say(f"certificate.officer_{checked}", vkey=told.officer_vkey, role=told.erased_by)
        return
    if told.kind == check.PAGE:
        of = {"page": told.page, "language": told.lang, "version": told.version}
        yield run.say("certificate.page", **of, at=from_iso(str(told.published_at)))
    if told.kind == check.ANSWER:
        yield run.say("certificate.answer", case=told.case, at=from_iso(str(told.made_at)))
    if told.accesses:
        yield run.say("certificate.accesses", case=told.case, **members(told.accesses))
    yield run.say(f"certificate.signer_{checked}", vkey=told.officer_vkey)


# -- unlocking ----------------------------------------------------------------------------------------


class UnlockShown(Record, frozen=True):
    """The terms of an unlock that began or ended; None where its time was over."""

    person: str
    until: datetime | None
    purpose: str | None
    reason: str | None


def unlock(
    ctx: typer.Context,
    *,
    length: Annotated[str | None, opt("opt.for", "--for", "15m|2h")] = None,
    purpose: SometimesPurpose = None,
    reason: SometimesReason = None,
) -> Answer:
    """Have the kernel keep one's keys for this login session, for a time."""
    from dataclasses import replace

    from arlo_rec.law.log.events import Unlocked
    from arlo_rec.law.model.records import to_iso
    from arlo_rec.vault.access import gate
    from arlo_rec.vault.keys import unlocks

    run: Run = ctx.obj
    lasts, keyring = _length(length), run.client.keyring
    _check(purpose, reason)
    if run.settings.key_file is not None:
        raise Usage("unlock_is_for_people")
    unlocks.demand_possible(keyring)
    place = run.place()
    identity = run.unlocked(place, run.name())
    told = unlocks.UnlockTerms(run.now() + lasts, Purpose(purpose) if purpose else None, reason)
    with run.opened(place, identity) as store:
        if store.person.service or store.person.recovery:
            raise Usage("unlock_is_for_people")
        if purpose is not None and reason is not None:
            gate.demand_reason(store, Purpose(purpose), reason, run.now())
        key = unlocks.prepare(keyring, place, replace(identity, pin=store.authority.pin()), told, lasts)
        waits = waits_line(run, store, run.now())
        try:
            store.note(Unlocked(until=to_iso(told.until), purpose=told.purpose, reason=reason), run.now())
        except BaseException:
            unlocks.end(keyring, key)
            raise
    unlocks.begin(keyring, key)
    answer = _terms_answer(run, "unlock", identity.name, told)
    return answer._replace(lines=[*answer.lines, *waits])


def lock(ctx: typer.Context) -> Answer:
    """End one's unlock of this login session."""
    from arlo_rec.law.log.events import Locked
    from arlo_rec.law.model.records import to_iso
    from arlo_rec.vault.keys import unlocks

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
        return Answer(UnlockShown(name, None, None, None), [run.say("lock.done_outdated")])
    with run.opened(place, running.identity) as store:
        store.note(Locked(until=to_iso(running.terms.until)), run.now())
    return _terms_answer(run, "lock", name, running.terms)


def _terms_answer(run: Run, verb: str, name: str, told: UnlockTerms) -> Answer:
    """The terms of an unlock: whose it is and until when, and what its commands are for."""
    lines = [run.say(f"{verb}.done", name=name, typed=shlex.quote(name), until=told.until)]
    if told.purpose or told.reason:
        lines.append(run.say(f"{verb}.told", what=purpose_and_reason(run, told.purpose, told.reason)))
    return Answer(UnlockShown.of(told, person=name), lines)


def _length(text: str | None) -> timedelta:
    """The length of an unlock; raises Usage."""
    from arlo_rec.vault.keys.unlocks import LONGEST, USUAL

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
    if reason is not None and (problem := reason_problem(reason)):
        raise Usage(problem, rule="security.reason")


# -- what waits ---------------------------------------------------------------------------------------


class TaskShown(Record, frozen=True):
    """Pending work in an answer, with its sentence."""

    kind: str
    id: str
    since: datetime
    until: datetime | None
    text: str


class Todo(Record, frozen=True):
    """Pending work of a person, the oldest first."""

    todo: list[TaskShown]


def todo(ctx: typer.Context) -> Answer:
    """Pending work of this person, each with its command."""
    from arlo_rec.machine.todo import tasks

    run: Run = ctx.obj
    with run.store() as store:
        waiting = tasks(store, company_of(run).suppliers or (), run.now())
        told = [TaskShown.of(task, text=task_text(run, task, store.person.name)) for task in waiting]
    lines = [f"{shown_minute(task.since)}  {task.text}" for task in told]
    return Answer(Todo(told), lines or [run.say("todo.nothing")], always=True)


def waits_line(run: Run, store: Store, now: datetime, work: Sequence[Finding] | None = None) -> list[str]:
    """A line if this person has pending work; *work* as for `todo.tasks`."""
    from arlo_rec.machine.todo import tasks

    count = len(tasks(store, company_of(run).suppliers or (), now, work))
    code = "todo.one_waits" if count == 1 else "todo.waits"
    return [run.say(code, count=count)] if count else []


def company_of(run: Run) -> Particulars:
    """The particulars; none of them where their file cannot be read, for which no unlock, status or breach stops."""
    from arlo_rec.law.model.particulars import Particulars

    return particulars_or_none(run) or Particulars()


def particulars_or_none(run: Run) -> Particulars | None:
    """The particulars; None where their file cannot be read: no right stops for it."""
    try:
        return run.particulars()
    except Usage:
        return None


def task_text(run: Run, task: Task, name: str, *, with_command: bool = True) -> str:
    """Pending work and its command; another person's file is named with its holder."""
    if task.finding is not None:
        return finding_text(run, task.finding)
    about = {"short": task.id, **{key: word(run, key, value) for key, value in task.about.items()}, "id": task.id}
    code = task.kind
    if task.kind in {"delete", "file_kept"}:
        is_closed = task.kind == "delete" and not about["gone"] and about["count"]
        code = f"{'closed' if is_closed else task.kind}_{'own' if about['name'] == name else 'other'}"
        about["what"] = about["file"] or run.say(f"todo.file.{about['kind']}")
    if task.kind in {"case", "objection"} and isinstance(days := about["days"], int) and days < 0:
        code = f"{task.kind}_overdue"
    elif task.kind == "case" and about["erased"] is not None:
        code = "case_erases"
    if task.kind == "refused" and task.id in _HALF_WRITTEN:
        code = "refused_half_written"
    return (run.say if with_command else run.say_without_command)(f"todo.{code}", **about)


def finding_text(run: Run, finding: Finding) -> str:
    """A finding as a sentence."""
    return run.say(finding.key, **{key: word(run, key, value) for key, value in finding.values.items()})


def word(run: Run, key: str, value: object) -> object:
    """A value of a task or a finding as people read it, where `say` would write it otherwise."""
    from arlo_rec.law.model.records import Limits

    match key, value:
        case "purpose", _:
            return run.say(f"purpose.{value}")
        case "refusal", _:
            return run.say(f"refused.{value}")
        case "right", _:
            return run.say(f"right.{value}")
        case "part", _:
            return run.say(f"move_part.{value}")
        case "ground", HoldGround():
            return run.say(f"hold_ground.{value}")
        case "ground", _:
            return run.say(f"ground.{value}")
        case "scope", _:
            return run.say(f"objection.scope_{value}")
        case "teams", None:
            return run.say("all_teams")
        case "limits", (Limits() as limits, bool(may_export)):
            from arlo_rec.edge.commands.grants import term_words

            return "".join(f", {words}" for words in term_words(run, limits, may_export=may_export))
        case "doubts", list() | tuple():
            codes = (("names.unheld_near" if each.nearest else "names.unheld", each) for each in value)
            return "".join(f" {run.say(code, name=each.name, names=', '.join(each.nearest))}" for code, each in codes)
        case "until", datetime():
            return shown_end(value)
        case "started", datetime():
            return shown_minute(value)
        case "free_bytes" | "day_bytes", int():
            return f"{value / 1_000_000:,.0f} MB"
        case "started", None:
            return "?"
        case "of_call", _:
            return "" if value == 1 else run.say("todo.several", count=value)
        case _, ArloError():
            return message_of(value, run.lang)
    return value
