"""What pages say only where it is true of the company, and how their text is shown as HTML."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from arlo_rec.model import particulars
from tests.support.pages import COMPANIES, NONE, STATED, page

TAG = re.compile(r"<[a-z/][^>]*>")


def test_nobody_who_works_in_customer_service_is_sent_to_customer_service() -> None:
    sent = re.compile(r"(Ring|Spør|gjennom|eller) kundeservice")
    assert sent.search("Spør kundeservice.")
    for company in COMPANIES.values():
        assert not sent.search(page("notice-employees", "nb", "md", company))


def test_transfers_are_spoken_of_only_where_somebody_else_gets_recordings() -> None:
    none = page("notice-customers", "nb", "md", NONE)
    assert "EØS" not in none
    assert "med mindre loven krever det" in none
    inside = replace(STATED, processors=(STATED.processors or ())[:1])
    assert "er utenfor EØS" in page("notice-customers", "nb", "md", inside)


@pytest.mark.parametrize(
    ("nb", "en", "rests"),
    [
        ("Artikkel 6 nr. 1 bokstav f.", "Article 6(1)(f).", True),
        ("Berettiget interesse", "Article 6(1)(f)", True),
        ("artikkel 6 nr. 1 Bokstav f", "legitimate interests", True),
        ("Artikkel 6 nr. 1 bokstav b og f.", "Article 6(1)(b) and (f).", False),
        ("Artikkel 6 nr. 1 bokstav c.", "Article 6(1)(c).", False),
        ("Bokstav følger", "for (fun)", False),
    ],
)
def test_the_right_to_object_is_without_doubt_only_where_the_basis_is_legitimate_interests_alone(
    nb: str, en: str, rests: bool
) -> None:
    company = replace(STATED, staff_basis_nb=nb, staff_basis_en=en)
    for lang, sure, depends in (
        ("nb", "Du kan når som helst protestere (artikkel 21)", "avhenger av grunnlaget"),
        ("en", "You can object at any time (Article 21)", "depends on the basis"),
    ):
        text = page("notice-employees", lang, "md", company)
        assert (sure in text) is rests
        assert (depends in text) is not rests
        assert not re.search(r"\b(ofte|som regel|often|as a rule)\b", text, re.I)


def test_the_draft_asks_what_the_officer_thinks_only_where_there_may_be_one() -> None:
    for officer, asked in ((particulars.NONE, False), ("Ida Oppdiktet", True)):
        draft = page("impact-assessment", "nb", "md", replace(STATED, data_protection_officer=officer))
        assert ("Hva mener personvernombudet" in draft) is asked


# -- as HTML ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "address"),
    [
        ("a_b+c@oppdiktet.example", "a_b+c@<wbr>oppdiktet<wbr>.example"),
        ("Ida, ida@post.oppdiktet.example.", "ida@<wbr>post<wbr>.oppdiktet<wbr>.example"),
        ('<a@oppdiktet.example" onclick="x">', "a@<wbr>oppdiktet<wbr>.example"),
        ("<javascript:a@oppdiktet.example>", "a@<wbr>oppdiktet<wbr>.example"),
        ("[x](mailto:a@oppdiktet.example?bcc=b)", "a@<wbr>oppdiktet<wbr>.example"),
    ],
)
def test_an_address_for_e_mail_is_a_link_and_makes_no_other_markup(stated: str, address: str) -> None:
    text, plain = (
        page("guidelines", "nb", "html", replace(STATED, contact=contact, data_protection_officer=particulars.NONE))
        for contact in (stated, "x")
    )
    link = f'<a href="mailto:{address.replace("<wbr>", "")}">{address}</a>'
    assert text.count(link) == 1
    assert TAG.findall(text.replace(link, "")) == TAG.findall(plain)


@pytest.mark.parametrize("stated", ["@oppdiktet.example", "ida@oppdiktet", "a@.x", "ida@oppdiktet.1"])
def test_what_is_no_address_for_e_mail_is_no_link_for_it(stated: str) -> None:
    company = replace(NONE, contact=stated, data_protection="x")
    assert "mailto:" not in page("guidelines", "nb", "html", company)
    assert "mailto:" in page("guidelines", "nb", "html")


def test_a_number_and_its_unit_stand_on_one_line_in_html() -> None:
    for name, lang, said in (
        ("withdraw", "nb", "97~dager"),
        ("withdraw", "en", "97~days"),
        ("notice-customers", "nb", "artikkel~15"),
        ("notice-customers", "nb", "artikkel~6~nr.~1 bokstav~a"),
        ("notice-customers", "en", "Article~15"),
    ):
        assert said.replace("~", " ") in page(name, lang, "md")
        assert said.replace("~", "\N{NO-BREAK SPACE}") in page(name, lang, "html")


def test_the_summary_stands_before_the_contents() -> None:
    text = page("notice-customers", "nb", "html")
    assert text.index('class="summary"') < text.index("<nav") < text.index('id="part-2"')
