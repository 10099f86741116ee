"""What the published pages say, to a customer, to an employee and to the authority; in both languages the same."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from arlo_rec.edge.terminal import message_of
from arlo_rec.law.messages import LANGUAGES, say
from arlo_rec.law.model.errors import Refused
from arlo_rec.law.model.particulars import KEYS, Particulars
from arlo_rec.law.model.records import Approval
from arlo_rec.law.rules import RULES
from arlo_rec.people.publishing import markup, pages
from arlo_rec.people.publishing.pages import INTERNAL, NAMES, PAGE, PUBLIC, Page
from arlo_rec.policy import Purpose
from tests.support.pages import AT, COMPANIES, NONE, STATED, VERSION, page, section, words
from tests.support.places import TOP
from tests.support.plain_language import HARDEST, lix, own_text

NOTICES = ("notice-customers", "notice-employees")
ARTICLE_13 = {  # by paragraph: what each notice has to say, in Norwegian and in English
    "1a controller": ("Oppdiktet AS", "Oppdiktet AS"),
    "1a contact": ("Postboks 0, 0000 Oppdiktet", "Postboks 0, 0000 Oppdiktet"),
    "1a address": ("Oppdiktet vei 0", "Oppdiktet vei 0"),
    "1b officer": ("Personvernombud: Ida Oppdiktet", "Data protection officer: Ida Oppdiktet"),
    "1c training": (
        "Opplæring av dem som arbeider i kundeservice",
        "Training of the people who work in customer service",
    ),
    "1c quality": ("Kvalitetssikring: bedre service", "Quality assurance: better service"),
    "1e managers": (
        "Ledere med ansvar for opplæring eller kvalitet",
        "Managers who are responsible for training or quality",
    ),
    "1e processors": (
        "Oppdiktet Drift AS (Norge): drifter maskinene",
        "Oppdiktet Drift AS (Norway): runs the machines",
    ),
    "1e recipients": ("Oppdiktet Revisjon AS (Norge): kontrollerer", "Oppdiktet Revisjon AS (Norway): checks"),
    "1f transfer": ("overføringen: standardvilkår", "transfer: standard clauses"),
    "2a recordings": ("90 dager etter at samtalen begynte", "90 days after the call began"),
    "2a withdrawn": ("i 97 dager", "for 97 days"),
    "2a own": ("Samtalelisten i telefonsystemet: 12 måneder", "The list of calls in the telephone system: 12 months"),
    "2b access": ("(artikkel 15)", "(Article 15)"),
    "2b rectification": ("(artikkel 16)", "(Article 16)"),
    "2b erasure": ("(artikkel 17)", "(Article 17)"),
    "2b restriction": ("(artikkel 18)", "(Article 18)"),
    "2d complaint": ("https://www.datatilsynet.no/", "https://www.datatilsynet.no/"),
    "2f automated": ("ingen avgjørelser om deg tas automatisk", "no decisions about you are taken automatically"),
    "pseudonymised": ("fortsatt opplysninger om deg", "still data about you"),
}
ONLY_CUSTOMERS = {
    "1c basis": ("samtykket ditt (artikkel 6 nr. 1 bokstav a)", "your consent (Article 6(1)(a))"),
    "2b portability": ("(artikkel 20)", "(Article 20)"),
    "2c withdrawal": ("Trekk samtykket, når du vil", "withdraw your consent, whenever you want"),
    "2c before": ("ble gjort før, er fortsatt lovlig", "lawfully done before is still lawful"),
    "2e required": ("Ingen avtale og ingen lov krever", "No contract and no law demands"),
    "2e same": ("Du får samme hjelp", "You get the same help"),
    "how": ("Ring +47 900 00 000 og si det", "Call +47 900 00 000 and say so"),
    "notice": ("https://oppdiktet.example/personvern", "https://oppdiktet.example/personvern"),
}
ONLY_EMPLOYEES = {
    "1c basis": ("Artikkel 6 nr. 1 bokstav f", "Article 6(1)(f)"),
    "1d interests": (
        "berettiget interesse (artikkel 6 nr. 1 bokstav f): behovet for opplæring",
        "legitimate interests (Article 6(1)(f)): the need for training",
    ),
    "2b objection": ("(artikkel 21)", "(Article 21)"),
    "2e required": ("Du trenger ikke oppgi noe", "You need not give anything"),
    "how": ("Skriv til personal@oppdiktet.example", "Write to staff@oppdiktet.example"),
    "log": ("står det i loggen hva du gjorde", "the log has what you did"),
    "notice": ("https://intranett.oppdiktet.example/personvern", "https://intranett.oppdiktet.example/personvern"),
}
QUESTIONS = {  # what a reader wants to know, the heading below which it stands, and the answer
    "notice-customers": {
        "who": ("Hvem tar opp samtalen?", "Oppdiktet AS"),
        "what": ("Hva tar vi opp?", "Stemmen din"),
        "why": ("Hvorfor?", "Kvalitetssikring"),
        "how long": ("Hvor lenge har vi det?", "90 dager"),
        "who hears it": ("Hvem hører det?", "Ledere"),
        "how do I stop it": ("Hvordan stopper du det?", "Ring +47 900 00 000"),
        "whom do I ask": ("Hvem kan du spørre?", "personvern@oppdiktet.example"),
    },
    "notice-employees": {
        "who": ("Hvem tar opp samtalen?", "Oppdiktet AS"),
        "what": ("Hva tar vi opp?", "Navnet ditt"),
        "why": ("Hvorfor?", "Opplæring"),
        "how long": ("Hvor lenge har vi det?", "90 dager"),
        "who hears it": ("Hvem hører det?", "Ledere"),
        "how do I stop it": ("Retten din til å protestere", "personal@oppdiktet.example"),
        "whom do I ask": ("Hvem kan du spørre?", "lederen din"),
    },
}
ARTICLE_30 = ("a", "b", "c", "d", "d og e", "f", "g")
ARTICLE_35 = ("a", "b", "c", "d")


@pytest.mark.rule("info.customers")
@pytest.mark.parametrize("item", {**ARTICLE_13, **ONLY_CUSTOMERS})
def test_the_notice_for_customers_says_all_that_article_13_wants(item: str) -> None:
    for lang, wanted in zip(LANGUAGES, {**ARTICLE_13, **ONLY_CUSTOMERS}[item], strict=True):
        assert wanted in page("notice-customers", lang, "md").replace("\\", "")
        assert wanted in words(page("notice-customers", lang, "html")) or wanted.startswith("https://www")


@pytest.mark.rule("info.employees")
@pytest.mark.parametrize("item", {**ARTICLE_13, **ONLY_EMPLOYEES})
def test_the_notice_for_employees_says_all_that_article_13_wants(item: str) -> None:
    for lang, wanted in zip(LANGUAGES, {**ARTICLE_13, **ONLY_EMPLOYEES}[item], strict=True):
        assert wanted in page("notice-employees", lang, "md").replace("\\", "")
        assert wanted in words(page("notice-employees", lang, "html")) or wanted.startswith("https://www")


@pytest.mark.parametrize("name", NOTICES)
def test_a_reader_finds_the_answer_to_each_question_below_its_heading(name: str) -> None:
    for heading, answer in QUESTIONS[name].values():
        assert answer in section(page(name, "nb", "md"), heading)


def test_the_consent_of_the_caller_is_not_said_to_be_a_basis_for_the_employee() -> None:
    for lang, wanted in zip(LANGUAGES, ("gjelder ikke for deg", "does not count for you"), strict=True):
        text = page("notice-employees", lang, "md")
        assert wanted in text
        assert "bokstav a)" not in text
        assert "(1)(a)" not in text


def test_no_page_calls_a_copy_anonymous_or_claims_to_follow_the_law() -> None:
    for name in NAMES:
        for lang in LANGUAGES:
            text = page(name, lang, "md").casefold()
            assert not re.search(r"anonym|gdpr-compliant|i samsvar med gdpr|garanter|guarantee", text)


def test_the_record_has_every_point_of_article_30_and_the_draft_those_of_article_35() -> None:
    record, draft = page("record-of-processing", "nb", "md"), page("impact-assessment", "nb", "md")
    assert tuple(re.findall(r"^## Bokstav ([a-g](?: og e)?):", record, re.M)) == ARTICLE_30
    assert tuple(re.findall(r"^## Bokstav ([a-d]):", draft, re.M)) == ARTICLE_35
    assert draft.startswith("<!-- arlo-rec published page -->\n\n# Utkast")
    assert draft.count("**Må besvares:**") == page("impact-assessment", "en", "md").count("**To be answered:**") == 16


def test_the_guidelines_have_every_rule_below_its_section_with_its_code() -> None:
    for lang in LANGUAGES:
        text = page("guidelines", lang, "md").replace("\\", "")
        for rule in RULES.values():
            begin = text.index(f"\n### {rule.section}. ")
            below = text[begin : text.find("\n##", begin + 1)]
            assert f"- {rule.nb if lang == 'nb' else rule.en} ({rule.id})\n" in below


def test_the_prompts_stand_word_by_word_in_their_own_language() -> None:
    for lang in LANGUAGES:
        text = page("prompts", lang, "html")
        for prompt in VERSION.prompts:
            assert prompt.text in words(text)
        assert text.count('<blockquote lang="en">') == (1 if lang == "nb" else 0)
        assert text.count('<blockquote lang="nb">') == (0 if lang == "nb" else 2)


def test_a_prompt_whose_day_has_not_come_is_on_no_page() -> None:
    ahead = replace(VERSION.prompts[0], version="nb-2027-01", since=AT.date().replace(year=2027))
    assert "nb-2027-01" not in page("prompts", "nb", "md", version=replace(VERSION, prompts=(*VERSION.prompts, ahead)))


@pytest.mark.parametrize("company", COMPANIES.values(), ids=COMPANIES)
@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_headings_points_and_links(name: str, company: Particulars) -> None:
    def outline(lang: str) -> list[str]:
        text = page(name, lang, "html", company)
        text = text.replace("mailto:staff@", "mailto:personal@")  # of the invented company, in either language
        tags = re.findall(r"<(h[1-6]|li|p|section|blockquote|em|strong|a)\b", text)
        addresses = [each.replace(f".{lang}.", ".LANG.") for each in re.findall(r'href="([^"#]+)"', text)]
        return [*tags, *(re.sub(r"[.](nb|en)[.]", ".OTHER.", each) for each in addresses)]

    assert outline("nb") == outline("en")


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_one_first_heading_and_skips_no_level(name: str) -> None:
    for lang in LANGUAGES:
        levels = [int(level) for level in re.findall(r"<h([1-6])\b", page(name, lang, "html"))]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("form", ["html", "md"])
def test_pages_link_to_pages_that_are_there_and_public_ones_to_public_ones_alone(form: str) -> None:
    address = {"html": r'href="([^"#:]+)"', "md": r"\]\(([^):]+)\)"}[form]
    for lang, other in (("nb", "en"), ("en", "nb")):
        for name in NAMES:
            linked = set(re.findall(address, page(name, lang, form)))
            wanted = PUBLIC if name in PUBLIC else NAMES
            assert linked == {f"{each}.{lang}.{form}" for each in wanted if each != name} | {f"{name}.{other}.{form}"}


@pytest.mark.parametrize("company", COMPANIES.values(), ids=COMPANIES)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_no_harder_to_read_than_a_newspaper(name: str, company: Particulars) -> None:
    for lang in LANGUAGES:
        text = page(name, lang, "html", company)
        own = own_text(text[text.index("<main>") :])
        assert len(own.split()) > 100
        assert lix(own) <= HARDEST


# -- what a company states ------------------------------------------------------------------------------

PLACES = {  # of what is on no other test's list: the pages, and what they say
    "joint_controllers": (
        {"notice-customers", "notice-employees", "record-of-processing"},
        "konsern@oppdiktet.example",
    ),
    "representative": ({*NOTICES, "record-of-processing"}, "Oppdiktet Nord AS"),
    "lead_authority": ({"record-of-processing", "impact-assessment"}, "Tilsynet i Utlandet"),
    "special_categories": (
        {"notice-customers", "record-of-processing", "impact-assessment"},
        "Grunnlaget er uttrykkelig samtykke.",
    ),
    "minors": ({"notice-customers", "record-of-processing", "impact-assessment"}, "Hører vi et barn"),
    "staff_consequences": ({"notice-employees", "impact-assessment"}, "Lederen din kan høre samtaler."),
    "staff_duration": ({"notice-employees", "impact-assessment"}, "I to år."),
    "staff_discussed": ({"notice-employees", "impact-assessment"}, "17. august 2026"),
    "staff_evaluated": ({"notice-employees", "impact-assessment"}, "21. september 2026"),
    "staff_cases": ({"notice-employees", "impact-assessment"}, "Nei, aldri."),
    "suppliers": (
        {"record-of-processing", "impact-assessment"},
        "leverer telefonsystemet. Sist kontrollert 1. juni 2026. Neste kontroll: 1. juni 2027.",
    ),
}


@pytest.mark.parametrize("key", PLACES)
def test_what_the_company_states_stands_on_the_pages_that_need_it(key: str) -> None:
    wanted, said = PLACES[key]
    with_it = {name for name in NAMES if said in page(name, "nb", "md").replace("\\", "")}
    assert wanted <= with_it
    assert not with_it & set(PUBLIC) or wanted & set(PUBLIC), "what is about employees alone is on no public page"


@pytest.mark.parametrize("key", KEYS)
def test_a_particular_that_is_missing_is_named_and_explained_in_both_languages(key: str) -> None:
    fields = [key] if hasattr(STATED, key) and not callable(getattr(STATED, key)) else [f"{key}_nb", f"{key}_en"]
    lacking = replace(STATED, **dict.fromkeys(fields))
    assert lacking.missing == (key,)
    with pytest.raises(Refused) as refused:
        lacking.demand(KEYS, "info.published")
    for lang in LANGUAGES:
        explained = f"{key} ({say(f'particular.{key}', lang)})"
        assert explained in message_of(refused.value, lang)


def test_what_the_company_states_to_be_none_is_none_and_not_missing() -> None:
    text = page("notice-customers", "nb", "md", NONE)
    assert STATED.missing == NONE.missing == ()
    for said in (
        "Ingen andre selskaper gjør",
        "Vi gir ikke opptak til noen andre",
        "lagrer selskapet ikke",
        "Selskapet har ikke noe personvernombud",
    ):
        assert said in text
    assert "Selskapet deler ikke ansvaret med noen" in page("record-of-processing", "nb", "md", NONE)
    assert "Selskapet har ingen leverandører" in page("record-of-processing", "nb", "md", NONE)
    assert "Det er ikke gjort ennå" in page("notice-employees", "nb", "md", NONE)


def test_an_open_question_is_marked_for_the_eye_too() -> None:
    assert '<p class="open"><strong>' in page("impact-assessment", "nb", "html")


# -- the foot and the frame -----------------------------------------------------------------------------


def test_the_foot_says_version_date_and_who_approved_by_role() -> None:
    alone = replace(VERSION, version="2026-02", by="sigrid", approvals=(Approval("sigrid", AT),))
    both = replace(alone, approvals=(Approval("astrid", AT),))
    for lang, one, two in (
        ("nb", "er godkjent av den sikkerhetsansvarlige.", "er godkjent av to sikkerhetsansvarlige."),
        ("en", "was approved by the security officer.", "was approved by two security officers."),
    ):
        for version, said in ((VERSION, one), (alone, one), (both, two)):
            foot = words(page("guidelines", lang, "html", version=version))
            assert said in foot
            assert not {"sigrid", "astrid"} & set(re.findall(r"\w+", foot)), "login names"
            assert version.version in foot
    assert "publisert 2. oktober 2026 kl. 10.00" in words(page("guidelines", "nb", "html"))
    assert "in force from 1 October 2026" in page("guidelines", "en", "md")


def test_what_a_version_sets_stands_in_the_guidelines() -> None:
    changed = replace(VERSION, most_found=77, own_a_day=11, entries_days=400, reason_demanded=True)
    text = page("guidelines", "en", "md", version=changed)
    for said in ("shows 77 recordings", "save 11 recordings", "after 400 days", "begins the reason with one of these"):
        assert said in text
        assert said not in page("guidelines", "en", "md")
    assert "slettes fra loggen etter ett år" in page("guidelines", "nb", "md")


@pytest.mark.rule("consent.purposes")
def test_every_page_names_each_key_that_means_yes() -> None:
    both, training = frozenset(Purpose), frozenset({Purpose.TRAINING})
    prompts = tuple(replace(prompt, keys={"1": both, "3": training}) for prompt in VERSION.prompts)
    for name in ("notice-customers", "notice-employees", "guidelines", "prompts", "impact-assessment"):
        for lang, wanted in (("nb", r"taste[rt](?: du)? 1 eller 3\b"), ("en", r"press(?:ed|es)? 1 or 3\b")):
            text = pages.content(Page(name, lang, "md"), replace(VERSION, prompts=prompts), STATED, AT, AT)
            assert re.search(wanted, text.decode("utf-8"), re.I), name
            assert not re.search(wanted, page(name, lang, "md"), re.I)


@pytest.mark.rule("purpose.change")
def test_no_page_says_another_number_than_the_version() -> None:
    version = replace(VERSION, retention_days=31, entries_days=400, most_found=77, own_a_day=11)
    for name in NAMES:
        text = page(name, "nb", "md", version=version)
        for of_another in ("ett år", "50 opptak", "20 opptak", "90 dager etter at samtalen", "automatisk etter 90"):
            assert of_another not in text, name
        for figure in ("31 dager", "400 dager") if name not in {"prompts", "withdraw"} else ():
            assert figure in text, name


def test_a_page_asks_nothing_of_anywhere_and_has_the_colours_of_an_answer() -> None:
    answer = (TOP / "arlo_rec" / "people" / "dsar" / "page" / "package.css").read_text("utf-8")
    colours = re.findall(r"(--[a-z]+: #[0-9a-f]+);", (PAGE / "page.css").read_text("utf-8"))
    assert len(colours) > 12
    assert all(f"{colour};" in answer for colour in colours)
    for name in NAMES:
        text = page(name, "nb", "html")
        assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in text
        assert not re.search(r"<(?:script|img|link|iframe)\b|\burl\(|@import|\ssrc=", text)


def test_internal_and_public_pages_are_all_pages() -> None:
    assert set(PUBLIC) | set(INTERNAL) == set(NAMES)
    assert not set(PUBLIC) & set(INTERNAL)


def test_a_page_without_a_rule_has_no_foot_and_is_no_page() -> None:
    with pytest.raises(ValueError, match="empty"):
        markup.sections("# Heading\n\n## Part\n", "nb", {})


def test_a_hostile_particular_is_shown_and_makes_no_markup() -> None:
    hostile = replace(
        STATED, contact="<script>alert(1)</script> *x* [a](javascript:b) \\ `c` &lt;", controller="<b>|#1. x"
    )
    for name in NAMES:
        made, plain = (page(name, "nb", "html", company) for company in (hostile, STATED))
        assert re.findall(r"<[a-z/][^>]*>", made.replace("https://", "")) == re.findall(
            r"<[a-z/][^>]*>", plain.replace("https://", "")
        )
    assert "&lt;script&gt;alert(1)&lt;/script&gt; *x* [a](javascript:b)" in page("guidelines", "nb", "html", hostile)
