"""What pages say only where it is true of the company, and how their text is shown as HTML."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from arlo_rec.law.model import particulars
from arlo_rec.law.model.particulars import JointController
from arlo_rec.people.publishing import pages
from arlo_rec.policy import Purpose
from tests.support.pages import AT, COMPANIES, NONE, STATED, VERSION, page

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


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_the_guidelines_name_what_the_law_keeps_where_they_say_that_recordings_are_deleted(lang: str) -> None:
    text = page("guidelines", lang, "md", STATED)
    sections = {part.partition(".")[0]: part for part in text.split("\n### ")[1:]}
    exception = {"nb": "Unntak:", "en": "Exception:"}[lang]
    assert {number for number, part in sections.items() if exception in part} == {"4", "7"}
    assert all("18" in sections[number].partition(exception)[2] for number in ("4", "7"))


@pytest.mark.parametrize(
    ("lang", "never", "said"),
    [
        ("nb", "Da stoppes opptaket", ("Da trekkes samtykket for nummeret du ringer fra", "Skjer det likevel")),
        ("en", "recording is stopped", ("withdrawn for the number you call from", "If that happens all the same")),
    ],
)
def test_the_page_of_prompts_promises_during_a_call_what_the_notice_promises(
    lang: str, never: str, said: tuple[str, str]
) -> None:
    text = page("prompts", lang, "md", STATED)
    assert never not in text and all(each in text for each in said)
    assert said[0] in page("notice-customers", lang, "md", STATED)


def test_what_is_worded_for_the_caller_is_quoted_where_somebody_else_reads_it() -> None:
    minors = "Hører vi et barn, sletter vi opptaket."
    assert f"«{minors}»" not in page("notice-customers", "nb", "md", STATED)
    for name in ("record-of-processing", "impact-assessment"):
        text = page(name, "nb", "md", STATED)
        assert f"«{minors}»" in text and "«Grunnlaget er uttrykkelig samtykke.»" in text


def test_a_joint_controller_s_task_ends_with_one_full_stop() -> None:
    (each,) = STATED.joint_controllers or ()
    for task in ("det driver nettsidene", "det driver nettsidene."):
        company = replace(STATED, joint_controllers=(replace_task(each, task),))
        assert "det driver nettsidene. Slik når du dem" in page("notice-customers", "nb", "md", company)


def replace_task(each: JointController, task: str) -> JointController:
    return each._replace(task=each.task._replace(nb=task))


def test_the_assessment_says_whether_a_key_of_its_own_is_offered_for_training_alone() -> None:
    keys = {"1": frozenset(Purpose), "3": frozenset({Purpose.TRAINING})}
    by_key = replace(VERSION, prompts=tuple(replace(prompt, keys=keys) for prompt in VERSION.prompts))
    for version, offered in ((VERSION, False), (by_key, True)):
        assert pages.gather(version, STATED, AT, AT, "nb")["training_alone"] is offered
    assert "Systemet kan også ta imot en egen tast" in page("impact-assessment", "nb", "md", STATED)
