"""The letter that answers an access request (GDPR 15), as HTML: the recordings first, then rights, then the law.

Its text is in `page/letter.nb.html.j2` and `page/letter.en.html.j2`: the whole letter in order, a file per language, so
that a lawyer can read and change it without reading code. This module supplies the values: the answer's facts, times in
the zone of the policy, the words for codes (`letter.json`) and a glossary for customers. `package` encrypts the letter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.law.log.registers import LoggedCase
from arlo_rec.law.messages import say
from arlo_rec.law.model.deadlines import answer_due
from arlo_rec.law.model.particulars import Particulars
from arlo_rec.law.model.records import to_iso
from arlo_rec.law.model.times import local_date
from arlo_rec.law.pages import Formats, country
from arlo_rec.law.pages import render as render_page
from arlo_rec.law.rights import CASE_RETENTION, IDENTITY_WAYS, ObjectionScope, Right
from arlo_rec.people.dsar.answer import (
    Answer,
    DamagedRecording,
    ErasedSince,
    ExportFacts,
    PastWithdrawal,
    RecordedAccess,
    RecordingFacts,
)
from arlo_rec.people.dsar.files import FileFacts
from arlo_rec.policy import Action, Purpose
from arlo_rec.vault.access.objections import RULE, Objection

PAGE: Final = Path(__file__).with_name("page")
DEPTHS: Final = {  # how deep an access goes, the deepest first, and the kinds of access (`kind_of`) that go so deep
    "whole": (
        *(Action.EXPORT, Action.LISTEN, Action.REVIEW_LISTEN),
        *("dsar_whole", "dsar_other_whole", "dsar_other_employee_whole"),
        *(Action.DSAR, "dsar_other"),
    ),
    "copy": ("export_copy", "listen_copy", Action.REVIEW, Action.RELEASE, Action.PSEUDONYMISE),
    "listed": (Action.FIND, "find_copy", "withdraw_shown", "consent_shown"),
}


WITH_SOUND: Final = {Action.EXPORT, Action.LISTEN, Action.REVIEW_LISTEN, "export_copy", "listen_copy"}  # of staff


@dataclass(frozen=True, slots=True)
class AccessesOfRole:
    """The accesses of one role for one purpose, summed up by day: `1 export, 3 searches`."""

    role: str
    purpose: str
    days: list[tuple[date, str]]


@dataclass(frozen=True, slots=True)
class Heard:
    """The accesses with sound by one role: listening, or saving a sound file."""

    role: str
    count: int
    certain: bool  # that it was somebody of that role, each time


@dataclass(frozen=True, slots=True)
class PromptHeard:
    """A text that the caller heard, with the numbers of the recordings before which they did."""

    number: int
    recordings: list[int]
    version: str
    text: str
    lang: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Term:
    """A word that a customer need not know, with its meaning."""

    code: str
    word: str
    meaning: str


def render(answer: Answer, files: Sequence[FileFacts], lang: str) -> str:
    """The letter in `nb` or `en`; the page's script replaces `data-file` by the sound."""
    formats = Formats(lang)
    return render_page(
        PAGE,
        f"letter.{lang}.html.j2",
        **{field.name: getattr(answer, field.name) for field in fields(answer)},
        outside_eea=answer.particulars.outside_eea,
        case_days=CASE_RETENTION.days,
        lang=lang,
        identity_ways=IDENTITY_WAYS,
        files=files,
        sounds={file.recording: file for file in files if file.recording is not None},
        terms=[],
        glossary=lambda terms: _glossary(terms, lang),
        numbers=[text for text in answer.identifiers if text.startswith("+")] if answer.side == "caller" else [],
        is_late=local_date(answer.answered_at) > answer.case.due_on,
        heard=_heard(answer),
        saved=_files_of((*answer.recordings, *answer.damaged)),
        left_behind=_left_behind(answer),
        withdrawals_told=[each for each in answer.withdrawals if each.accesses or each.exports],
        prompts=_prompts(answer.recordings),
        purposes_of=_purposes_of,
        by_depth=lambda accesses: _by_depth(accesses, lang),
        kind_of=kind_of,
        wave=wave,
        word=lambda kind, code: say(f"letter.{kind}.{code}", lang),
        country=lambda code: country(code, lang),
        sentence=lambda text: text[:1].upper() + text[1:],
        day=formats.day,
        day_of=lambda at: formats.day(local_date(at)),
        moment=formats.moment,
        instant=formats.instant,
        length=formats.length,
        years=formats.years,
        position=_position,
        duration=formats.duration,
        iso=to_iso,
    )


def _purposes_of(recordings: Iterable[RecordingFacts | DamagedRecording]) -> list[Purpose]:
    """The purposes that the prompts of these recordings named, in the order of the guidelines."""
    named = {purpose for recording in recordings for purpose in recording.purposes}
    return [purpose for purpose in Purpose if purpose in named]


def _heard(answer: Answer) -> list[Heard]:
    """The times that staff heard or saved the sound of the recordings that are in the answer, by role."""
    by_role: dict[str, list[RecordedAccess]] = {}
    every = [access for recording in answer.recordings for access in recording.accesses]
    every += [access for recording in answer.damaged for access in recording.accesses]
    for access in every:
        if kind_of(access) in WITH_SOUND:
            by_role.setdefault(access.role, []).append(access)
    return [Heard(role, len(each), all(access.certain for access in each)) for role, each in by_role.items()]


def _files_of(
    recordings: Iterable[RecordingFacts | DamagedRecording | ErasedSince | PastWithdrawal],
) -> list[ExportFacts]:
    """The sound files that staff saved, without our copies of answers."""
    return [file for recording in recordings for file in recording.exports if file.kind != "answer"]


def _left_behind(answer: Answer) -> list[ExportFacts]:
    """The sound files of erased recordings whose deletion is not confirmed."""
    erased = [each for each in answer.erased_since if each.erased_at is not None]
    return [file for file in _files_of([*erased, *answer.withdrawals]) if file.confirmed_at is None]


def _prompts(recordings: Sequence[RecordingFacts]) -> dict[str, PromptHeard]:
    """The texts that the caller heard before these recordings, each once."""
    prompts: dict[str, PromptHeard] = {}
    for number, facts in enumerate(recordings, 1):
        words = (facts.prompt_version, facts.prompt_text, facts.prompt_lang, facts.prompt_sha256)
        prompts.setdefault(facts.prompt_text, PromptHeard(len(prompts) + 1, [], *words)).recordings.append(number)
    return prompts


def kind_of(access: RecordedAccess) -> str:
    """The code of an access in the letter's words; for training only copies are found and exported (policy)."""
    of_copy = access.purpose == Purpose.TRAINING and access.action in {Action.FIND, Action.EXPORT, Action.LISTEN}
    return f"{access.action}_copy" if of_copy else access.action


def _by_depth(accesses: Sequence[RecordedAccess], lang: str) -> list[tuple[str, list[AccessesOfRole]]]:
    """The accesses in order of depth, the deepest first, then by role and purpose, and by day.

    Raises KeyError for a kind of access that the letter has no words for.
    """
    depths = {kind: depth for depth, kinds in DEPTHS.items() for kind in kinds}
    sums: dict[str, dict[tuple[str, str], dict[date, Counter[str]]]] = {depth: {} for depth in DEPTHS}
    for access in sorted(accesses, key=lambda access: access.at):
        kind = kind_of(access)
        days = sums[depths[kind]].setdefault((access.role, access.purpose or "access"), {})
        days.setdefault(local_date(access.at), Counter())[kind] += 1
    return [
        (
            depth,
            [
                AccessesOfRole(*who, [(day, _counts(kinds, lang)) for day, kinds in days.items()])
                for who, days in by_role.items()
            ],
        )
        for depth, by_role in sums.items()
        if by_role
    ]


def _counts(kinds: Mapping[str, int], lang: str) -> str:
    """`1 export, 3 searches`, the deepest first."""
    order = [kind for deep in DEPTHS.values() for kind in deep]
    return ", ".join(_times(kind, kinds[kind], lang) for kind in order if kind in kinds)


def _times(kind: str, count: int, lang: str) -> str:
    """`1 export`, `3 searches`."""
    return say(f"letter.times.{kind}.{'one' if count == 1 else 'many'}", lang, count=count)


def _glossary(terms: Iterable[str], lang: str) -> list[Term]:
    """The words of these codes with their meanings, by alphabet."""
    glossary = [Term(code, say(f"letter.word.{code}", lang), say(f"letter.meaning.{code}", lang)) for code in terms]
    return sorted(glossary, key=lambda term: term.word.casefold())


def wave(peaks: Sequence[int]) -> str:
    """The path of a picture of a sound: a bar for each peak, 2 wide with a gap of 1, about the middle of 200."""
    bars = (f"M{3 * place} {99 - peak}h2v{2 * peak + 2}h-2z" for place, peak in enumerate(peaks))
    return "".join(bars)


def _position(seconds: float) -> str:
    """A place in a recording: `1:05`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


# -- notices -----------------------------------------------------------------------------------------
# The short letters of a case: its deadline is extended, it is granted or refused, or it is closed.
#
# Each has the content that GDPR 12(3) and 12(4) require: the reason, the new deadline, and where to complain. They name
# the case and nothing else of the person, so that they can be sent like any letter. That of an objection has no case,
# and is addressed to the employee by name.


_ASK_AGAIN: Final = ("refused", "closed_unanswered", "granted_partly")


class Notice(NamedTuple):
    """A letter as text, in paragraphs; the first line is its heading."""

    kind: str  # extended, refused, granted or closed_unanswered; objection_upheld or objection_rejected
    lang: str
    text: str

    def page(self) -> str:
        """The letter as an HTML page that prints well and loads nothing."""
        heading, *paragraphs = self.text.split("\n\n")
        return render_page(PAGE, "notice.html.j2", lang=self.lang, heading=heading, paragraphs=paragraphs)


def newest(case: LoggedCase, particulars: Particulars, lang: str, at: datetime) -> Notice | None:
    """The last letter of a case, dated *at*; None if it has none.

    It tells of a longer deadline (GDPR 12(3)), a refusal (12(4)), what was granted, or a case closed without an
    answer. The law wants it within a month; a later one says that it is late.
    """
    if case.closed_at is not None and case.why is not None and case.answered_at is None:
        told = [say(f"notice.ground.{case.ground}", lang)] if case.ground is not None else []
        return _notice("closed_unanswered", case, [*told, _quoted("why", case.why, lang)], particulars, lang, at)
    if case.refused_at is not None:
        ground = say(f"notice.ground.{case.ground}", lang)
        return _notice("refused", case, [ground, _quoted("why", case.why, lang)], particulars, lang, at)
    if case.granted_at is not None:
        kind = "granted_partly" if case.left.rejected else "granted"
        return _notice(kind, case, _granted(case, lang), particulars, lang, at)
    if case.extension is None:
        return None
    return _notice("extended", case, [_quoted("why", case.extension, lang)], particulars, lang, at)


def _granted(case: LoggedCase, lang: str) -> list[str]:
    """The paragraphs of a granted request: the effect, what was done, and what was left then."""
    left, moment = case.left, Formats(lang).moment
    until = moment(left.hold_until) if left.hold_until is not None else ""
    kept = {"on_hold": left.on_hold, "asked_for": left.asked_for}
    kept = {why: count for why, count in kept.items() if count and case.right is Right.ERASURE}
    is_part = kept or left.rejected
    done = [say(f"notice.{'partly' if is_part else 'granted'}.{case.right}", lang, until=until)]
    done += [say(f"notice.kept.{why}", lang, count=count) for why, count in kept.items()]
    done += [say("notice.kept.closed", lang)] if kept else []
    done += [say(f"notice.not_upheld.{scope}", lang) for scope in left.rejected]
    told = [" ".join(done), _quoted("done", case.why, lang)]
    if case.right is Right.ERASURE and left.files:
        told.append(say("notice.files_left", lang, count=left.files))
    if case.right is Right.ERASURE and left.backup_until is not None:
        told.append(say("notice.backup_until", lang, until=moment(left.backup_until)))
    return told


def _quoted(kind: str, reason: str | None, lang: str) -> str:
    """The officer's words, behind what they are."""
    return say(f"notice.{kind}", lang, reason=(reason or "").strip().rstrip("."))


def _notice(
    kind: str, case: LoggedCase, told: Sequence[str], particulars: Particulars, lang: str, at: datetime
) -> Notice:
    """A letter: heading, sender and date, the request, the decision and its reason, complaint, contact."""
    day, decided_at = Formats(lang).day, case.decided_at
    asked = say(f"notice.asked.{case.right}", lang, received=day(local_date(case.received_at)), case=case.id)
    is_late = decided_at is not None and local_date(decided_at) > case.due_on
    paragraphs = [
        say(f"notice.{kind}.heading", lang),
        say("notice.from", lang, controller=particulars.controller, day=day(local_date(at))),
        asked,
        say("notice.late", lang, due=day(case.due_on)) if is_late else "",
        say(f"notice.{kind}", lang) if kind in {"extended", "closed_unanswered"} else "",
        *told,
        say("notice.until", lang, due=day(case.due_on)) if kind == "extended" else "",
        say(f"notice.complain.{'ask_again' if kind in _ASK_AGAIN else 'only'}", lang),
        *_contacts(particulars.contact, particulars, lang),
        say("notice.regards", lang, controller=particulars.controller),
    ]
    return Notice(kind, lang, "\n\n".join(filter(None, paragraphs)))


def objection_decided(
    objections: Sequence[Objection],
    particulars: Particulars,
    lang: str,
    *,
    files: int = 0,
    backup_hours: int | None = None,
    kept: Mapping[str, int] | None = None,
) -> Notice:
    """The letter to an employee whose objections were decided: the reason, or what was erased (GDPR 12(3), 12(4)).

    *files* are those outside the system that have to be deleted; *backup_hours*, how long a backup still opens; *kept*,
    how much stays because another person has a claim to it, by the reason.
    """
    by_day, day = sorted(objections, key=lambda objection: objection.received), Formats(lang).day
    first, decided_on = by_day[0], local_date(by_day[0].at)
    objected = [
        say("notice.objected", lang, received=day(received), uses=_uses(list(same_day), lang))
        for received, same_day in groupby(by_day, key=lambda objection: objection.received)
    ]
    due, whole = answer_due(first.received), [each for each in objections if each.scope is ObjectionScope.RECORDING]
    done = [say("notice.late", lang, due=day(due))] if decided_on > due else []
    left = {why: count for why, count in (kept or {}).items() if count}
    done += [_decision(each, lang, is_all=not left) for each in whole or objections]
    done += [say(f"notice.kept.{why}", lang, count=count) for why, count in left.items()]
    done += [say("notice.kept.closed", lang)] if left else []
    done += [say("notice.files_left", lang, count=files)] if files else []
    done += [say("notice.backup_left", lang, hours=backup_hours)] if backup_hours is not None else []
    text = say(
        f"notice.objection_{first.state}",
        lang,
        name=first.person,
        day=day(decided_on),
        objected=" ".join(objected),
        reason=(first.reason or "").strip().rstrip("."),
        controller=particulars.controller,
        done=" ".join(done),
    )
    reached = particulars.objection(lang) or particulars.contact
    return Notice(f"objection_{first.state}", lang, "\n\n".join([text, *_contacts(reached, particulars, lang)]))


def _decision(objection: Objection, lang: str, *, is_all: bool) -> str:
    """The effect of the decision on the use; *is_all* unless some of it stays, which the letter then counts."""
    code = f"notice.{objection.state}.{objection.scope}"
    return say(code if is_all or objection.scope is ObjectionScope.QUALITY else f"{code}_but", lang)


def _uses(objections: Sequence[Objection], lang: str) -> str:
    """The uses that were objected to: `a`, `a and b`, `a, b and c`."""
    *before, last = (say(f"notice.use.{each.scope}", lang) for each in objections)
    return f"{', '.join(before)} {say('notice.and', lang)} {last}" if before else last


def check_contacts(particulars: Particulars, rule: str = RULE) -> None:
    """Raise Refused where the company's contacts are not stated, which a decision has to name."""
    particulars.demand(("contact", "data_protection"), rule)


def _contacts(reached: str | None, particulars: Particulars, lang: str) -> list[str]:
    """How to reach the company, and for data protection, as far as it is stated."""
    ways = {"contact": reached, "data_protection": particulars.data_protection}
    return [say(f"notice.{way}", lang, contact=stated) for way, stated in ways.items() if stated]
