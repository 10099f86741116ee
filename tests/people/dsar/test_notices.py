"""The short letters of a case: what GDPR 12(3) and 12(4) want, in both languages, and whom to ask."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from arlo_rec.law.log.registers import LoggedCase
from arlo_rec.law.messages import LANGUAGES
from arlo_rec.law.model.particulars import Particulars
from arlo_rec.law.rights import ANSWERED_BY_COPY, Ground, Right, may_refuse
from arlo_rec.people.dsar import letter
from tests.support.answers import PARTICULARS

pytestmark = pytest.mark.rule("access.subject")
AT = datetime(2026, 10, 1, 9, tzinfo=UTC)
LATE = datetime(2026, 11, 20, 9, tzinfo=UTC)
CASE = LoggedCase("5e1f00c0ffee", (), AT, AT, date(2026, 11, 2), 0)
EXTENDED = CASE._replace(extension="mange opptak")
REFUSED = CASE._replace(refused_at=AT, ground=Ground.UNFOUNDED, why="trukket av deg")
CLOSED = CASE._replace(closed_at=AT, why="trukket av deg")
GRANTED = CASE._replace(granted_at=AT, right=Right.ERASURE, why="trukket av deg")


def text_of(case: LoggedCase, lang: str, particulars: Particulars = PARTICULARS) -> str:
    notice = letter.newest(case, particulars, lang, AT)
    assert notice is not None
    return notice.text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("case", [EXTENDED, REFUSED, CLOSED, GRANTED], ids=["extended", "refused", "closed", "granted"])
def test_every_letter_has_sender_date_case_authority_courts_and_both_contacts(case: LoggedCase, lang: str) -> None:
    text = text_of(case, lang)
    for fact in ("Datatilsynet", "77", "79", str(PARTICULARS.contact), str(PARTICULARS.data_protection), CASE.id):
        assert fact in text
    assert {"nb": "1. oktober 2026", "en": "1 October 2026"}[lang] in text
    assert text.count(PARTICULARS.controller) == 2, "sender and signature"
    bare = text_of(case, lang, Particulars())
    assert bare.endswith(Particulars().controller)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_refusal_names_the_article_beside_the_officers_own_words(lang: str) -> None:
    for right in Right:
        for ground in Ground:
            if may_refuse(right, ground, identified=False).allowed:
                text = text_of(REFUSED._replace(right=right, ground=ground), lang)
                assert "trukket av deg" in text
                assert any(word in text for word in ("artikkel", "Article", "§ 16", "section 16"))


@pytest.mark.parametrize("right", [right for right in Right if right not in ANSWERED_BY_COPY])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_right_that_is_granted_has_a_letter_that_says_what_was_done(right: Right, lang: str) -> None:
    if right is not Right.PORTABILITY:
        text = text_of(GRANTED._replace(right=right), lang)
        assert {"nb": "Dette har vi gjort: trukket av deg.", "en": "what we have done: trukket av deg."}[lang] in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_letter_that_comes_late_says_so_and_no_other_does(lang: str) -> None:
    late = {"nb": "Dette brevet kommer for sent", "en": "This letter is late"}[lang]
    assert late in text_of(REFUSED._replace(refused_at=LATE), lang)
    for case in (REFUSED, EXTENDED, GRANTED):
        assert late not in text_of(case, lang)
    assert late not in text_of(REFUSED._replace(refused_at=LATE, due_on=LATE.date() + timedelta(days=1)), lang)


def test_an_extension_says_for_which_reasons_the_law_allows_one() -> None:
    assert "når kravet er komplisert eller vi har fått mange krav" in text_of(EXTENDED, "nb")
    assert "where the request is complex, or where there are many" in text_of(EXTENDED, "en")


def test_a_request_that_was_taken_back_is_not_said_to_be_disagreed_with() -> None:
    assert not any("uenig" in text_of(CLOSED, lang) or "disagree" in text_of(CLOSED, lang) for lang in LANGUAGES)


def test_a_case_without_a_decision_has_no_letter() -> None:
    assert letter.newest(CASE, PARTICULARS, "nb", AT) is None
