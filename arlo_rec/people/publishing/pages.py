"""The published pages of the guidelines, each in Norwegian and English, as HTML and as Markdown.

Each is one template in Markdown for a language (`page/NAME.LANG.md.j2`), so that the responsible people can read and
change it without reading code; the HTML is made from that very Markdown. `facts` supplies the values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.law.messages import LANGUAGES, say
from arlo_rec.law.model.particulars import NONE, Particulars
from arlo_rec.law.model.policy_versions import PolicyVersion
from arlo_rec.law.model.times import local_date
from arlo_rec.law.pages import Formats, country, render, render_markdown, visible
from arlo_rec.law.rights import CASE_RETENTION
from arlo_rec.people.publishing.markup import sections
from arlo_rec.policy import FOUR_EYES, GRANT_LONGEST, RETENTION, RING_LONGEST, WITHDRAWN_MARGIN, Purpose
from arlo_rec.vault.certificates.check import HEADS

# -- facts -------------------------------------------------------------------------------------------
# The facts in published pages: of a version of the policy, the company, and the program's fixed settings. Pure.
#
# A version has the retention, the prompts and the reason codes; the program has the rest, as the words of the rules.


SECTIONS: Final = range(1, 9)  # of the guidelines
_POINT_NB: Final = re.compile(r"\bbokstav ([a-z])\b")  # of an article, as a basis cites it
_POINT_EN: Final = re.compile(r"\(([a-z])\)")


class WordedRule(NamedTuple):
    """A rule in one language."""

    id: str
    section: int
    text: str


class WordedReason(NamedTuple):
    """A reason code in one language, with its purposes in words."""

    code: str
    text: str
    purposes: list[str]


class WordedPrompt(NamedTuple):
    """A prompt as it is spoken, with its day and its purposes in words of the page's language."""

    version: str
    lang: str
    text: str
    since: str
    until: str | None
    purposes: list[str]
    keys: list[
        tuple[str, list[str]]
    ]  # the keys of consent with the purposes of each; empty where key 1 is the only one


def rules_of(version: PolicyVersion, lang: str) -> list[WordedRule]:
    """Every rule, in the order of the guidelines; the one on retention names that version's days."""
    return [WordedRule(rule.id, rule.section, rule.text(lang)) for rule in version.rules]


def prompts_of(version: PolicyVersion, at: datetime, lang: str) -> list[WordedPrompt]:
    """The prompts that callers may hear at that time or may have heard before a held call, in the version's order."""
    day = Formats(lang).day
    return [
        WordedPrompt(
            prompt.version,
            prompt.lang,
            prompt.text,
            day(prompt.since),
            day(prompt.until) if prompt.until is not None else None,
            _purposes(prompt.purposes, lang),
            [(key, _purposes(purposes, lang)) for key, purposes in sorted((prompt.keys or {}).items())],
        )
        for prompt in version.prompts
        if any(prompt.is_taken(heard, prompt.line) for heard in (at, at - RETENTION)) and prompt.since <= local_date(at)
    ]


def gather(
    version: PolicyVersion, company: Particulars, published_at: datetime, at: datetime, lang: str
) -> dict[str, object]:
    """The values for the pages of one language, by the policy in force *at* that time."""
    rules, formats = rules_of(version, lang), Formats(lang)
    return {
        **_of_company(company, lang),
        "lang": lang,
        "version": version.version,
        "since": formats.day(local_date(version.since)),
        "published": formats.moment(published_at),
        "officers": len({*filter(None, [version.by]), *(approval.by for approval in version.approvals)}),
        "rules": {section: [rule for rule in rules if rule.section == section] for section in SECTIONS},
        "prompts": prompts_of(version, at, lang),
        "yes": _keys_of_consent(version, at, lang),
        "training_alone": any(
            purposes == {Purpose.TRAINING}
            for prompt in version.prompts
            if prompt.in_use(at)
            for purposes in prompt.offered.values()
        ),
        "reasons": [
            WordedReason(code.code, code.text(lang), _purposes(code.purposes, lang)) for code in version.reasons
        ],
        "reason_demanded": version.reason_demanded,
        "cut_circumstances": version.cut_circumstances,
        "most_found": version.most_found,
        "own_a_day": version.own_a_day,
        "entries_kept": formats.years(version.entries_days),
        "retention_days": version.retention_days,
        "withdrawn_days": (RETENTION + WITHDRAWN_MARGIN).days,
        "longest_days": RETENTION.days,
        "late_days": WITHDRAWN_MARGIN.days,
        "case_days": CASE_RETENTION.days,
        "backup_days": RING_LONGEST.days,
        "grant_days": GRANT_LONGEST.days,
        "four_eyes_days": FOUR_EYES.days,
    }


def _keys_of_consent(version: PolicyVersion, at: datetime, lang: str) -> int | str:
    """The keys that mean yes in a prompt that callers may hear at that time: 1, or `1 or 3`."""
    keys = sorted({key for prompt in version.prompts if prompt.in_use(at) for key in prompt.offered} or {"1"})
    return int(keys[0]) if len(keys) == 1 else say("policy.or", lang).join(keys)


def rests_on_interests(company: Particulars) -> bool:
    """Whether the stated basis of recording employees is legitimate interests, Article 6(1)(f), and no other."""
    nb = _POINT_NB.findall((company.staff_basis_nb or "").casefold())
    return {*nb, *_POINT_EN.findall(company.staff_basis_en or "")} == {"f"}


def _of_company(company: Particulars, lang: str) -> dict[str, object]:
    """The facts that a company states of itself; every particular is stated."""
    words = (
        *("lead_authority", "special_categories", "minors"),
        *("staff_consequences", "staff_duration", "staff_cases"),
    )
    evaluated, day = company.staff_evaluated, Formats(lang).day
    return {
        "controller": company.controller,
        "address": company.address,
        "contact": company.contact,
        "data_protection": company.data_protection,
        "officer": company.officer,
        "representative": None if company.representative == NONE else company.representative,
        "joint_controllers": company.joint_controllers,
        "notice": company.notice,
        "staff_notice": company.staff_notice,
        "withdrawal": company.withdrawal(lang),
        "objection": company.objection(lang),
        "staff_basis": company.staff_basis(lang),
        "rests_on_interests": rests_on_interests(company),
        "processors": company.processors,
        "outside": company.outside_eea,
        "recipients": company.recipients,
        "kept": company.retention,
        "suppliers": company.suppliers,
        "staff_discussed": day(company.staff_discussed) if company.staff_discussed is not None else None,
        "staff_evaluated": day(evaluated) if isinstance(evaluated, date) else None,
        "day": day,
        "country": lambda code: country(code, lang),
        **{key: stated.text(lang) if (stated := getattr(company, key)) is not None else None for key in words},
    }


def _purposes(purposes: Sequence[str] | frozenset[str], lang: str) -> list[str]:
    return [say(f"purpose.{purpose}", lang) for purpose in sorted(purposes, reverse=True)]


# -- pages ------------------------------------------------------------------------------------------


PAGE: Final = Path(__file__).with_name("page")
FORMS: Final = ("html", "md")
PUBLIC: Final = (
    "guidelines",
    "notice-customers",
    "prompts",
    "withdraw",
)  # for the website
INTERNAL: Final = ("notice-employees", "record-of-processing", "impact-assessment")  # public ones link to none of these
NAMES: Final = (*PUBLIC, *INTERNAL)
_CONTENTS: Final = {"nb": "Innhold", "en": "Contents"}


class Page(NamedTuple):
    """A page by name, language and form."""

    name: str
    lang: str
    form: str

    @property
    def file(self) -> str:
        """The name of its file: `guidelines.nb.html`."""
        return f"{self.name}.{self.lang}.{self.form}"


def every() -> Iterator[Page]:
    """Every page, in every language and form."""
    return (Page(name, lang, form) for name in NAMES for lang in LANGUAGES for form in FORMS)


def content(page: Page, version: PolicyVersion, company: Particulars, published_at: datetime, at: datetime) -> bytes:
    """A page by the policy in force *at* that time, without its certificate; its footer has the time of publication."""
    facts = gather(version, company, published_at, at, page.lang)
    other = next(lang for lang in LANGUAGES if lang != page.lang)
    place = {"name": page.name, "form": page.form, "other_lang": other, "is_internal": page.name in INTERNAL}
    text = render_markdown(PAGE, f"{page.name}.{page.lang}.md.j2", **facts, **place).strip() + "\n"
    if page.form == "md":
        return HEADS["md"] + text.encode("utf-8")
    prompts = prompts_of(version, at, page.lang)
    made = sections(text, page.lang, {_spoken(prompt.text): prompt.lang for prompt in prompts})
    whole = render(
        PAGE,
        "page.html.j2",
        lang=page.lang,
        css=style(),
        controller=company.controller,
        contents=_CONTENTS[page.lang],
        **made._asdict(),
    )
    return whole.encode("utf-8")


def style() -> str:
    """The style of a page as HTML."""
    return (PAGE / "page.css").read_text("utf-8")


def _spoken(text: str) -> str:
    """A prompt's text in a page."""
    return " ".join(visible(text).split())
