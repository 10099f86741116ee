"""The letter: what it says in both languages, and that nothing in it is run.

All people, numbers and calls are invented.
"""

from __future__ import annotations

import hashlib
import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError

from arlo_rec.law.messages import LANGUAGES, has, say
from arlo_rec.law.model.particulars import _EEA, NONE, Particulars
from arlo_rec.law.pages import MONTHS, visible
from arlo_rec.law.rights import IDENTITY_WAYS
from arlo_rec.people.dsar import accesses
from arlo_rec.people.dsar.answer import Answer, CopyFacts, ObjectionFacts, RecordedAccess, RecordingFacts, SaidAbout
from arlo_rec.people.dsar.letter import DEPTHS, PAGE
from arlo_rec.policy import Action, Purpose, Role
from tests.support.answers import (
    ANSWER,
    BY_TURNS,
    DAMAGED,
    EMPLOYEE,
    HOSTILE,
    LATER,
    MADE,
    MONO,
    NOT_TAKEN_IN,
    NOTHING,
    NUMBER,
    OWN,
    PARTICULARS,
    PROMPT,
    SCRIPTS,
    START,
    letter_of,
    words,
)
from tests.support.templates import spoken

WHOLE = replace(
    ANSWER,
    recordings=(replace(OWN, copies=(), exports=(), transcript_held=False, transcript=(), own_speech=False),),
    sound_format="wav",
    whole_call_reason="opptaket er bare forståelig i sin helhet",
    particulars=Particulars(),
)
ALONE = Particulars(processors=(), recipients=())
UNKNOWN = replace(ANSWER, recordings=(replace(MONO, withheld="roles_unknown"),), particulars=ALONE)
SPOKEN = replace(ANSWER, recordings=(replace(OWN, copies=()),))
BROKEN = replace(ANSWER, recordings=(replace(MONO, withheld="damaged"),))
SINGLE = replace(ANSWER, recordings=(BY_TURNS,))
NOBODYS = replace(NOTHING, side="agent")
EMPLOYEES_WHOLE = replace(WHOLE, side="agent")
PLAIN = replace(
    ANSWER,
    damaged=(),
    scope=None,
    outside_scope=0,
    recordings=(replace(MONO, transcript=()), LATER),
    particulars=replace(PARTICULARS, processors=PARTICULARS.processors[:1]),
)
WITHHELD = replace(PLAIN, recordings=(replace(MONO, transcript=(), copies=(), identifiers=(), purposes=("quality",)),))
ONE_DAY = replace(
    ANSWER,
    case=replace(ANSWER.case, stood_still_days=1),
    answered_at=ANSWER.answered_at + timedelta(days=60),
    withdrawals=(replace(NOTHING.withdrawals[0], code_of="reference"),),
    particulars=replace(PARTICULARS, recipients=()),
)
DECIDED = replace(
    EMPLOYEE,
    objections=(
        ObjectionFacts("training", "rejected", START.date(), None, START, "the copies are needed"),
        ObjectionFacts("quality", "lifted", START.date(), None, START + timedelta(days=1), "no longer"),
        ObjectionFacts("recording", "pending", START.date(), START.date() + timedelta(days=31), START),
    ),
)
WRITTEN = replace(WHOLE, recordings=(replace(OWN, own_speech=False),))
ONCE = replace(ANSWER, damaged=(), recordings=(replace(LATER, accesses=(OWN.accesses[1],)),))
REFUSED = replace(UNKNOWN, withheld_reason="a third person is in the room")
ABOUT = replace(SPOKEN, recordings=(replace(OWN, said_about=(SaidAbout(3.5, "Hun er en god kunde."),)),))
EVERY_KIND = (
    *(REFUSED, ABOUT),
    *(ONCE, replace(ONCE, recordings=(LATER,))),
    *(ANSWER, NOTHING, WHOLE, UNKNOWN, SPOKEN, BROKEN, HOSTILE, SINGLE, PLAIN, WRITTEN),
    *(WITHHELD, ONE_DAY, DECIDED, DAMAGED, NOT_TAKEN_IN),
    *(EMPLOYEE, NOBODYS, EMPLOYEES_WHOLE, replace(EMPLOYEE, particulars=Particulars())),
)


class Outline(HTMLParser):
    """Headings, ids and open elements of some HTML."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        self.ids += [str(value) for key, value in attrs if key == "id"]
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


# -- texts --------------------------------------------------------------------------------------------


def test_every_month_has_a_name_in_both_languages() -> None:
    assert [len(set(names)) for names in MONTHS] == [12, 12]


@pytest.mark.parametrize(
    "code",
    [f"{kind}.{one}" for kind, all_of in (("action", Action), ("role", Role), ("purpose", Purpose)) for one in all_of],
)
def test_every_action_role_and_purpose_has_a_word(code: str) -> None:
    assert has(f"letter.{code}")


@pytest.mark.slow
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_sentence_of_the_letter_is_said_in_some_letter(lang: str) -> None:
    said = [html.unescape(letter_of(answer, lang)) for answer in EVERY_KIND]
    template = (PAGE / f"letter.{lang}.html.j2").read_text("utf-8")
    sentences = spoken(template)
    assert len(sentences) > 100
    assert [one for one in sentences if not any(one in letter for letter in said)] == []


# -- the letter ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_times_stand_in_norwegian_time_with_its_offset_in_summer_and_in_winter() -> None:
    nb, en = words(letter_of(ANSWER)), words(letter_of(ANSWER, "en"))
    assert "1. oktober 2026 kl. 10.15.45 (UTC+2)" in nb
    assert "31. oktober 2026 kl. 09.15.45 (UTC+1)" in nb
    assert "1 October 2026 at 10:15:45 (UTC+2)" in en
    assert "31 October 2026 at 09:15:45 (UTC+1)" in en
    assert "1 min 32,5 s" in nb
    assert "0.8 s" in en


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_letter_tells_each_recordings_own_deletion_date(lang: str) -> None:
    letter = letter_of(ANSWER, lang)
    for one in ANSWER.recordings:
        assert letter.count(f'datetime="{one.erased_on:%Y-%m-%dT%H:%M:%SZ}"') >= 2  # in the overview and with it


@pytest.mark.rule("retention.90d")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_letter_says_the_retention_of_the_policy_and_not_the_longest_that_there_may_be(lang: str) -> None:
    for of in (ANSWER, NOTHING):
        told = words(letter_of(replace(of, retention_days=60), lang))
        assert ("senest 60 dager" if lang == "nb" else "at the latest 60 days") in told
        assert ("senest 90 dager" if lang == "nb" else "at the latest 90 days") not in told


@pytest.mark.slow
@pytest.mark.rule("data.employee")
@pytest.mark.parametrize("of", [ANSWER, EMPLOYEE, NOTHING], ids=["caller", "employee", "nobody"])
def test_the_letter_says_for_how_long_the_log_tells_who_heard(of: Answer) -> None:
    for days, time in ((365, ("ett år", "one year")), (730, ("2 år", "2 years")), (400, ("400 dager", "400 days"))):
        for lang, told, kept in zip(
            LANGUAGES, ("slettes fra den etter", "is deleted from it after"), time, strict=True
        ):
            assert f"{told} {kept}." in words(letter_of(replace(of, entries_days=days), lang))


@pytest.mark.rule("access.subject")
def test_the_letter_tells_every_access_by_role_and_purpose() -> None:
    letter = words(letter_of(ANSWER, "en"))
    for told in (
        "was shown the recording in a search, without sound",
        "opened the recording and saved it as a sound file",
        "opened the recording to answer your request for access",
        "opened the recording to give the whole call to the employee who answered (an earlier request for access)",
        "was shown when the call was and who answered it (the team or the person), without sound",
        "customer-service employee",
        "manager responsible for training or quality",
        "access by the person concerned (GDPR Article 15)",
        "Nobody has had access to listen to it.",
        "No access is registered.",
    ):
        assert told in letter


@pytest.mark.rule("consent.prompt")
def test_the_letter_shows_the_very_words_that_the_caller_heard() -> None:
    letter = letter_of(ANSWER, "en")
    shown = re.search(r"<blockquote[^>]*>(.*?)</blockquote>", letter)
    assert shown
    assert html.unescape(shown[1]) == PROMPT.text
    assert hashlib.sha256(html.unescape(shown[1]).encode()).hexdigest() in letter


def test_only_purposes_that_the_prompt_named_are_told() -> None:
    training_only = words(letter_of(replace(ANSWER, recordings=(LATER,)), "en"))
    assert "training of customer-service staff (your consent, GDPR Article 6(1)(a))" in training_only
    assert "quality assurance" not in training_only


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "nb", "en"),
    [
        (ANSWER, "Opptaket har bare ett lydspor", "The recording has only one track"),
        (UNKNOWN, "Opptaket har to lydspor, men", "The recording has two tracks, but"),
        (ANSWER, "lengden er uendret", "their length is unchanged"),
    ],
)
def test_what_is_withheld_is_explained(answer: Answer, nb: str, en: str) -> None:
    assert nb in words(letter_of(answer, "nb"))
    assert en in words(letter_of(answer, "en"))


def test_a_whole_call_comes_with_its_reason_and_claims_no_silence() -> None:
    letter = words(letter_of(WHOLE))
    assert str(WHOLE.whole_call_reason) in letter
    assert "stille" not in letter


@pytest.mark.parametrize("answer", [replace(NOTHING, whole_call_reason="hun ba om alt"), UNKNOWN])
def test_a_letter_without_sound_says_nothing_of_what_is_in_the_sound(answer: Answer) -> None:
    assert "Lydfilene inneholder hele samtalen" not in words(letter_of(answer, "nb"))
    assert "The sound files include only" not in words(letter_of(answer, "en"))


def test_a_letter_about_nothing_names_what_was_searched_and_what_cannot_be_found() -> None:
    nb, en = words(letter_of(NOTHING, "nb")), words(letter_of(NOTHING, "en"))
    for sentence in ("Vi fant ingen opptak", "Vi søkte i", "skjult nummer", "Datatilsynet", NUMBER):
        assert sentence in nb
    for sentence in ("We found no recordings", "We searched", "withheld number", "Datatilsynet", NUMBER):
        assert sentence in en


@pytest.mark.slow
@pytest.mark.parametrize("answer", EVERY_KIND)
def test_the_contents_name_each_section_as_its_heading_does(answer: Answer) -> None:
    letter = letter_of(answer)
    links = re.findall(r'<li><a href="#(.*?)">(.*?)</a></li>', letter)
    assert links == re.findall(r'<section id="(.*?)">\s*<h2>(.*?)</h2>', letter)
    told = answer.erased_since or [each for each in answer.withdrawals if each.accesses or each.exports]
    assert len(links) == 6 + bool(told) + bool(answer.not_taken_in)


@pytest.mark.slow
@pytest.mark.parametrize("answer", EVERY_KIND)
def test_headings_follow_one_another_and_every_element_ends(answer: Answer) -> None:
    outline = Outline(letter_of(answer))
    assert outline.open == []
    assert outline.levels.count(1) == 1 == outline.levels[0]
    assert all(later - earlier <= 1 for earlier, later in zip(outline.levels, outline.levels[1:], strict=False))
    assert len(set(outline.ids)) == len(outline.ids)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_text_that_was_heard_before_several_calls_is_quoted_once_for_all_of_them(lang: str) -> None:
    letter = letter_of(replace(ANSWER, recordings=(OWN, LATER)), lang)
    assert letter.count("<blockquote") == 1
    assert "Opptak 1, 2:" in words(letter) or "Recording 1, 2:" in words(letter)
    assert letter.count('href="#prompt-1"') == 2


@pytest.mark.parametrize(("lang", "sorry"), [("nb", "Det beklager vi."), ("en", "We apologise for that.")])
def test_an_answer_after_its_deadline_says_so_and_apologises(lang: str, sorry: str) -> None:
    due = ANSWER.case.due_on
    for days, is_late in ((0, False), (1, True)):
        at = datetime(due.year, due.month, due.day, 12, tzinfo=UTC) + timedelta(days=days)
        assert (sorry in words(letter_of(replace(ANSWER, answered_at=at), lang))) is is_late


@pytest.mark.rule("access.subject")
def test_the_summary_says_who_heard_the_sound_and_whether_a_file_left() -> None:
    def summary(*recordings: RecordingFacts) -> str:
        letter = letter_of(replace(ANSWER, recordings=recordings, damaged=()), "en")
        return words(letter.split('id="in-short">')[1].split("</section>")[0])

    heard, quiet = summary(OWN, LATER), summary(LATER)
    assert "Manager responsible for training or quality: 2 times. We cannot confirm each time who it was." in heard
    assert "Sound files that staff saved outside the system: 3. Confirmed as deleted: 1." in heard
    assert "No member of staff listened to the sound or saved it" in quiet
    assert "outside the system" not in quiet


def test_every_country_of_the_eea_has_a_name_and_another_is_told_by_its_code() -> None:
    assert {code for code in _EEA if not has(f"letter.country.{code}")} == set()
    (first, _) = PARTICULARS.processors or ()
    for code, named in (("NO", "Norway"), ("IE", "Ireland"), ("ZZ", "ZZ")):
        particulars = replace(PARTICULARS, processors=(replace(first, country=code),))
        assert f"Oppdiktet Drift AS ({named}):" in words(letter_of(replace(ANSWER, particulars=particulars), "en"))


def test_what_people_wrote_is_shown_and_not_run() -> None:
    letter = letter_of(HOSTILE)
    assert Outline(letter).tags.isdisjoint({"script", "img", "style"})
    for one in SCRIPTS:
        assert visible(one) in html.unescape(letter)
    assert "Kari [U+202E]Nordmann[U+2066][U+001B][2J" in letter


@pytest.mark.parametrize("code", ["copies", "withheld"])
def test_a_code_that_the_letter_has_no_words_for_is_an_error_and_no_gap(code: str) -> None:
    changed = {"copies": replace(MONO, copies=(CopyFacts(MADE, "new"),)), "withheld": replace(MONO, withheld="new")}
    with pytest.raises((LookupError, UndefinedError)):
        letter_of(replace(ANSWER, recordings=(changed[code],)))


def test_the_letter_denies_transcripts_and_copies_only_where_there_are_none() -> None:
    without = words(letter_of(WHOLE, "en"))
    assert "no pseudonymised copy of the recordings that are here" in without
    assert "no transcript of the recordings that are here" in without
    with_copies = words(letter_of(ANSWER, "en"))
    assert "no transcript" not in with_copies
    assert "no pseudonymised copy" not in with_copies
    assert "We also hold pseudonymised copies for training" in with_copies


@pytest.mark.parametrize(("lang", "marked"), [("nb", False), ("en", True)])
def test_a_quotation_in_another_language_than_the_letters_says_which(lang: str, marked: bool) -> None:
    assert PROMPT.lang == "nb"
    assert ('<blockquote lang="nb" dir="auto">' in letter_of(ANSWER, lang)) is marked


def test_who_handles_recordings_for_the_company_is_what_it_stated_and_nothing_else() -> None:
    stated, unknown, nobody = (words(letter_of(one, "en")) for one in (ANSWER, WHOLE, UNKNOWN))
    assert "Invented Cloud Ltd (the USA): stores copies" in " ".join(stated.split()).replace(" )", ")").replace(
        "( ", "("
    )
    assert "standard clauses" in stated
    assert "does not know whether other companies" in unknown
    assert "No other companies handle the data" in nobody
    for letter in (unknown, nobody):
        assert "on our instructions" not in letter


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_letter_says_how_to_reach_the_company_and_its_data_protection_officer_if_it_has_one(lang: str) -> None:
    stated = PARTICULARS
    letter = " ".join(words(letter_of(replace(ANSWER, particulars=stated), lang)).split())
    for each in (stated.contact, stated.address, stated.data_protection, stated.data_protection_officer):
        assert str(each) in letter
    none = replace(stated, data_protection_officer=NONE)
    without = words(letter_of(replace(ANSWER, particulars=none), lang))
    assert "ombud" not in without.casefold() and "protection officer" not in without


@pytest.mark.parametrize("way", IDENTITY_WAYS)
def test_how_identity_was_checked_is_said_in_the_letters_own_language(way: str) -> None:
    answer = replace(ANSWER, case=replace(ANSWER.case, identity=(way,)))
    nb, en = (words(letter_of(answer, lang)) for lang in LANGUAGES)
    assert say(f"letter.identity.{way}", "nb") in nb
    assert say(f"letter.identity.{way}", "en") in en
    assert way not in nb


def test_what_is_kept_of_a_withdrawal_and_how_long_backups_last_follows_from_the_answer() -> None:
    (one,) = NOTHING.withdrawals
    nothing, found = words(letter_of(NOTHING, "en")), words(letter_of(ANSWER, "en"))
    assert f"Number of recordings that were erased then: {one.erased}." in nothing
    assert "Backups: The recording system has none." in nothing
    assert "for 24 hours at most" in found
    never = words(letter_of(replace(NOTHING, withdrawals=()), "en"))
    assert "withdrawn" not in never.split("How long we hold")[1].split("Automated decisions")[0]


def test_who_could_hear_a_copy_for_training_is_told_beside_who_could_hear_the_recording() -> None:
    told = words(letter_of(ANSWER, "en"))
    assert "Who has or had access to listen to a copy for training" in told
    assert "to a copy for training" not in words(letter_of(replace(ANSWER, recordings=(LATER,)), "en"))


# -- what stands in front, and what is folded away -----------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("answer", EVERY_KIND)
def test_no_checksum_and_no_second_stands_in_front_of_people(answer: Answer, lang: str) -> None:
    letter = letter_of(answer, lang)
    front = words(re.sub(r"<details>.*?</details>", " ", letter, flags=re.S))
    assert not re.search(r"[0-9a-f]{20,}", front)
    assert not re.search(r"\d\d[.:]\d\d[.:]\d\d", front)
    if answer.recordings:
        assert re.search(r"\d\d[.:]\d\d[.:]\d\d", words(letter))
        assert all((one.prompt_sha256 in letter) is (answer.side == "caller") for one in answer.recordings)


@pytest.mark.rule("data.employee")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_employees_letter_says_nothing_of_a_customers_consent_and_names_its_own_basis(lang: str) -> None:
    letter = words(letter_of(EMPLOYEE, lang))
    assert PROMPT.text not in letter
    assert NUMBER not in letter
    assert str(EMPLOYEE.particulars.staff_basis(lang)) in letter
    consent = "6 nr. 1 bokstav a" if lang == "nb" else "Article 6(1)(a)"
    assert (consent in words(letter_of(ANSWER, lang)), consent in letter) == (True, False)


@pytest.mark.rule("data.employee")
@pytest.mark.parametrize(
    ("lang", "said"), [("nb", "Protesten din mot bruk til opplæring"), ("en", "Your objection to use for training")]
)
def test_an_employees_letter_says_that_their_objection_was_upheld(lang: str, said: str) -> None:
    assert said in words(letter_of(EMPLOYEE, lang))
    assert said not in words(letter_of(replace(EMPLOYEE, objections=()), lang))


def test_the_recordings_come_first_then_rights_then_the_law() -> None:
    ids = re.findall(r'<section id="(\w+)">', letter_of(ANSWER))
    assert ids == ["recordings", "elsewhere", "rights", "processing", "case", "files", "words"]


@pytest.mark.rule("access.subject")
def test_accesses_are_summed_up_by_day_with_what_goes_deepest_first() -> None:
    day = START + timedelta(days=1)
    looks = (
        *[RecordedAccess(day + timedelta(minutes=n), "find", "quality", "manager") for n in range(3)],
        RecordedAccess(day + timedelta(days=1), "find", "quality", "manager"),
        RecordedAccess(day, "find", "training", "manager"),
        RecordedAccess(day, "export", "training", "manager"),
        RecordedAccess(day + timedelta(days=2), "export", "quality", "manager"),
    )
    letter = letter_of(replace(ANSWER, recordings=(replace(OWN, accesses=looks),)), "en")
    summed = words(re.findall(r'<dl class="depths">(.*?)</dl>', letter, re.S)[0])
    told = [
        "Opened the whole recording",
        "4 October 2026: saved as a sound file once",
        "Worked on or opened a copy for training",
        "2 October 2026: a copy saved as a sound file once",
        "Saw only details of the call, without sound",
        "2 October 2026: shown in a search 3 times",
        "3 October 2026: shown in a search once",
        "2 October 2026: a copy shown in a search once",
    ]
    places = [summed.index(one) for one in told]
    assert places == sorted(places)
    every = re.search(r"Every access</caption>(.*?)</table>", letter, re.S)
    assert every
    assert every[1].count("<tr><td>") == len(looks)


@pytest.mark.rule("access.subject")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_who_was_given_a_whole_call_is_said_and_of_others_requests_the_day_alone(lang: str) -> None:
    codes = ("dsar", "dsar_whole", "dsar_other", "dsar_other_whole", "dsar_other_employee_whole")
    given = tuple(
        RecordedAccess(START + timedelta(days=n, minutes=7), code, None, "officer", of_another="other" in code)
        for n, code in enumerate(codes)
    )
    letter = letter_of(replace(ANSWER, recordings=(replace(OWN, accesses=given, exports=()),)), lang)
    assert all(say(f"letter.action.{code}", lang) in words(letter) for code in codes)
    assert [f"{access.at:%Y-%m-%dT%H:%M:%SZ}" in letter for access in given[1:]] == [True, False, False, False]


@pytest.mark.parametrize("kind", sorted({kind for kinds in DEPTHS.values() for kind in kinds}))
def test_every_kind_of_access_has_its_words_alone_and_in_sums(kind: str) -> None:
    assert {has(f"letter.{code}") for code in (f"action.{kind}", f"times.{kind}.one", f"times.{kind}.many")} == {True}


def test_every_access_that_the_log_can_tell_has_a_depth() -> None:
    told = {*accesses._ACCESSES - {Action.WITHDRAW}, "withdraw_shown", "dsar_whole", "dsar_other"}
    told |= set(accesses._OF_ANOTHER.values())
    assert told <= {kind for kinds in DEPTHS.values() for kind in kinds}


# -- what is not there --------------------------------------------------------------------------------


def test_a_damaged_recording_and_one_that_was_not_asked_for_are_counted_and_named() -> None:
    letter = words(letter_of(ANSWER, "en"))
    assert f"We hold 6 recordings of calls from {NUMBER}." in letter  # 3, 1 damaged, 2 not asked for
    assert "Recordings that are damaged and that we cannot give you: 1." in letter
    assert "Recordings that you did not ask for, and that are not here: 2." in letter
    assert "Damaged recording: 1 October 2026 at 10:15" in letter
    assert "You asked for a part of them: The call 1790842530.42 From 1 October 2026 at 10:15 on Before" in letter
    plain = words(letter_of(replace(ANSWER, damaged=(), scope=None, outside_scope=0), "en"))
    assert "amaged" not in plain
    assert "ask for, and" not in plain
    assert "You asked for a part" not in plain


@pytest.mark.parametrize("answer", [replace(ANSWER, recordings=()), replace(ANSWER, recordings=(), damaged=())])
def test_who_has_only_damaged_recordings_or_asked_for_none_is_not_told_that_there_are_none(answer: Answer) -> None:
    letter = words(letter_of(answer, "en"))
    assert "We found no recordings" not in letter
    assert "Yes, we process personal data about you" in letter
    assert "will be deleted" not in letter.split("Your rights")[0]
