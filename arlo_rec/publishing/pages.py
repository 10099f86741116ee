"""The pages that are published of the guidelines, each in Norwegian and English, as HTML and as Markdown.

Each is one template in Markdown for a language (`page/NAME.LANG.md.j2`), so that whoever is responsible can read and
change it without reading code; the HTML is made from that very Markdown. `facts` supplies the values.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.certificates.check import HEADS
from arlo_rec.i18n.messages import LANGUAGES
from arlo_rec.i18n.pages import render, render_markdown, visible
from arlo_rec.model.particulars import Particulars
from arlo_rec.model.policy_versions import PolicyVersion
from arlo_rec.publishing import facts
from arlo_rec.publishing.markup import sections

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
    """Which page it is, in which language and form."""

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
    """A page of what is in force *at* that time, without its certificate; its foot says when it was published."""
    told = facts.gather(version, company, published_at, at, page.lang)
    other = next(lang for lang in LANGUAGES if lang != page.lang)
    place = {"name": page.name, "form": page.form, "other_lang": other, "is_internal": page.name in INTERNAL}
    text = render_markdown(PAGE, f"{page.name}.{page.lang}.md.j2", **told, **place).strip() + "\n"
    if page.form == "md":
        return HEADS["md"] + text.encode("utf-8")
    prompts = facts.prompts_of(version, at, page.lang)
    made = sections(text, page.lang, {_spoken(prompt.text): prompt.lang for prompt in prompts})
    whole = render(
        PAGE,
        "page.html.j2",
        lang=page.lang,
        css=(PAGE / "page.css").read_text("utf-8"),
        controller=company.controller,
        contents=_CONTENTS[page.lang],
        **made._asdict(),
    )
    return whole.encode("utf-8")


def _spoken(text: str) -> str:
    """A prompt's text as it stands in a page."""
    return " ".join(visible(text).split())
