"""Published pages of an invented company that has one of everything, and of one that states to have none."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from arlo_rec.law.model import particulars
from arlo_rec.law.model.particulars import Particulars
from arlo_rec.law.model.policy_versions import PolicyVersion, first
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.people.publishing import pages
from arlo_rec.people.publishing.pages import Page
from tests.support.world import World

AT = datetime(2026, 10, 2, 8, tzinfo=UTC)
VERSION = first("2026-01", datetime(2026, 10, 1, 8, tzinfo=UTC), SHIPPED)
FILE = """
controller = "Oppdiktet AS"
address = "Oppdiktet vei 0, 0000 Oppdiktet"
contact = "Postboks 0, 0000 Oppdiktet"
data_protection = "personvern@oppdiktet.example"
data_protection_officer = "Ida Oppdiktet, ombud@oppdiktet.example"
representative = "Oppdiktet Nord AS, 0000 Oppdiktet"
lead_authority = {nb = "Tilsynet i Utlandet", en = "the authority of Elsewhere"}
notice = "https://oppdiktet.example/personvern"
staff_notice = "https://intranett.oppdiktet.example/personvern"
withdrawal = {nb = "Ring +47 900 00 000 og si det.", en = "Call +47 900 00 000 and say so."}
objection = {nb = "Skriv til personal@oppdiktet.example.", en = "Write to staff@oppdiktet.example."}
special_categories = {nb = "Grunnlaget er uttrykkelig samtykke.", en = "The basis is explicit consent."}
minors = {nb = "Hører vi et barn, sletter vi opptaket.", en = "If we hear a child, we delete the recording."}
staff_basis = {nb = "Artikkel 6 nr. 1 bokstav f.", en = "Article 6(1)(f)."}
staff_consequences = {nb = "Lederen din kan høre samtaler.", en = "Your manager can hear calls."}
staff_duration = {nb = "I to år.", en = "For two years."}
staff_discussed = 2026-08-17
staff_evaluated = 2026-09-21
staff_cases = {nb = "Nei, aldri.", en = "No, never."}

[[joint_controllers]]
name = "Oppdiktet Konsern AS"
contact = "konsern@oppdiktet.example"
task = {nb = "Det driver nettsidene.", en = "It runs the website."}

[[processors]]
name = "Oppdiktet Drift AS"
task = {nb = "drifter maskinene", en = "runs the machines"}
country = "NO"

[[processors]]
name = "Invented Cloud Ltd"
task = {nb = "lagrer kopier", en = "stores copies"}
country = "US"
safeguards = {nb = "standardvilkår", en = "standard clauses"}

[[recipients]]
name = "Oppdiktet Revisjon AS"
why = {nb = "kontrollerer at reglene følges", en = "checks that the rules are followed"}
country = "NO"

[[retention]]
kind = {nb = "Samtalelisten i telefonsystemet", en = "The list of calls in the telephone system"}
how_long = {nb = "12 måneder", en = "12 months"}

[[suppliers]]
name = "Oppdiktet Telefoni AS"
task = {nb = "leverer telefonsystemet", en = "supplies the telephone system"}
controlled_at = 2026-06-01
next_at = 2027-06-01

[[suppliers]]
name = "Oppdiktet Programvare AS"
task = "arlo-rec"
next_at = 2026-12-01
"""
STATED = particulars.decode(FILE.encode(), "particulars.toml")
NOTHING = particulars.decode(particulars.DEFAULT.read_bytes(), str(particulars.DEFAULT))
_LISTS = ("processors", "recipients", "retention", "joint_controllers", "suppliers")
_OR_NONE = ("data_protection_officer", "representative", "staff_evaluated")
NONE = replace(STATED, **dict.fromkeys(_LISTS, ()), **dict.fromkeys(_OR_NONE, particulars.NONE))
COMPANIES = {"stated": STATED, "none": NONE}


@cache
def page(name: str, lang: str, form: str, company: Particulars = STATED, version: PolicyVersion = VERSION) -> str:
    """A page without its certificate."""
    return pages.content(Page(name, lang, form), version, company, AT, AT).decode("utf-8")


def words(text: str) -> str:
    """The words of a page as HTML, as one reads them."""
    body = re.sub(r"<wbr>|</?a\b[^>]*>", "", text[text.index("<main>") :])
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def section(text: str, heading: str) -> str:
    """The words below a heading of the second level, in a page as Markdown; raises ValueError where there is none."""
    begin = text.index(f"\n## {heading}\n")
    end = text.find("\n## ", begin + 1)
    return " ".join(text[begin:end].split()).replace("\\", "")


def config(world: World, text: str = FILE) -> tuple[str, str]:
    """The options by which a command takes these particulars."""
    file, own = world.base / "particulars.toml", world.base / "own.toml"
    file.write_text(text, "utf-8")
    own.write_text(f'particulars = "{file}"\n', "utf-8")
    return ("--config", str(own))


def publish(world: World, name: str = "pages", text: str = FILE) -> Path:
    """Pages that the officer published."""
    folder = world.base / name
    world.json("policy", "publish", "--out", str(folder), *config(world, text), who="sigrid")
    return folder
