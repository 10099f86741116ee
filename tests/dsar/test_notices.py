"""The short letters of a case: what GDPR 12(3) and 12(4) want, in both languages, and whom to ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from arlo_rec.dsar import letter
from arlo_rec.dsar.letter import Notice
from arlo_rec.i18n.messages import LANGUAGES
from arlo_rec.log.cases import LoggedCase
from arlo_rec.model.particulars import Particulars
from tests.support.answers import PARTICULARS

pytestmark = pytest.mark.rule("access.subject")
AT = datetime(2026, 10, 1, 9, tzinfo=UTC)
CASE = LoggedCase("5e1f00c0ffee", (), AT, AT, date(2026, 11, 2), 0, extension="mange opptak", why_not="trukket av deg")
LETTERS = (letter.extension, letter.refusal, letter.closure)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("letter", LETTERS)
def test_every_letter_names_the_authority_the_courts_and_both_contacts(
    letter: Callable[[LoggedCase, Particulars, str], Notice], lang: str
) -> None:
    text = letter(CASE, PARTICULARS, lang).text
    for fact in ("Datatilsynet", "77", "79", str(PARTICULARS.contact), str(PARTICULARS.data_protection), CASE.id):
        assert fact in text
    bare = letter(CASE, Particulars(), lang).text
    assert bare.endswith(Particulars().controller)


def test_an_extension_says_for_which_reasons_the_law_allows_one() -> None:
    assert "når kravet er komplisert eller vi har fått mange krav" in letter.extension(CASE, PARTICULARS, "nb").text
    assert "where the request is complex, or where there are many" in letter.extension(CASE, PARTICULARS, "en").text


def test_who_took_a_request_back_is_not_said_to_disagree() -> None:
    texts = [letter.closure(CASE, PARTICULARS, lang).text for lang in LANGUAGES]
    assert not any("uenig" in text or "disagree" in text for text in texts)
