"""The file of the company's particulars: read whole or refused, and nothing invented."""

from __future__ import annotations

from datetime import date

import pytest

from arlo_rec.law.model.errors import Refused, Usage
from arlo_rec.law.model.particulars import DEFAULT, KEYS, LONGEST, TEMPLATE, Particulars, Processor, Words, decode
from tests.support.pages import FILE
from tests.support.places import TOP
from tests.support.world import World

WHOLE = """
controller = "Oppdiktet AS"
contact = "Postboks 0, 0000 Oppdiktet"
data_protection = "personvern@oppdiktet.example"
notice = "https://oppdiktet.example/personvern"

[[processors]]
name = "Oppdiktet Drift AS"
task = {nb = "drifter maskinene", en = "runs the machines"}
country = "NO"

[[processors]]
name = "Invented Cloud Ltd"
task = {nb = "lagrer kopier", en = "stores copies"}
country = "US"
safeguards = {nb = "standardvilkår", en = "standard clauses"}
"""


def test_a_whole_file_says_what_it_says() -> None:
    told = decode(WHOLE.encode(), "f")
    assert (told.controller, told.contact) == ("Oppdiktet AS", "Postboks 0, 0000 Oppdiktet")
    assert told.processors == (
        Processor("Oppdiktet Drift AS", "drifter maskinene", "runs the machines", country="NO"),
        Processor(
            "Invented Cloud Ltd",
            "lagrer kopier",
            "stores copies",
            country="US",
            safeguards_nb="standardvilkår",
            safeguards_en="standard clauses",
        ),
    )
    assert [each.is_outside_eea for each in told.processors] == [False, True]


def test_what_pages_tell_is_read_in_both_languages_and_what_is_missing_is_named() -> None:
    told = decode(FILE.encode(), "f")
    assert told.missing == ()
    assert (told.withdrawal("nb"), told.objection("en")) == (
        "Ring +47 900 00 000 og si det.",
        "Write to staff@oppdiktet.example.",
    )
    assert [(each.recipient, each.why("en")) for each in told.recipients or ()] == [
        ("Oppdiktet Revisjon AS", "checks that the rules are followed")
    ]
    assert [(each.kind("nb"), each.how_long("nb")) for each in told.retention or ()] == [
        ("Samtalelisten i telefonsystemet", "12 måneder")
    ]
    assert decode(WHOLE.encode(), "f").missing == tuple(
        key for key in KEYS if key not in {"controller", "contact", "data_protection", "notice", "processors"}
    )


def test_the_file_that_comes_with_the_program_names_the_company_and_its_authority_and_invents_nothing() -> None:
    lead = Words("Data Protection Commission i Irland", "the Data Protection Commission of Ireland")
    known = Particulars(controller="Verisure Arlo Europe DAC", lead_authority=lead)
    assert decode(DEFAULT.read_bytes(), str(DEFAULT)) == known


def test_the_example_states_every_particular() -> None:
    example = TOP / "examples" / "particulars.toml"
    assert decode(example.read_bytes(), example.name).missing == ()
    assert TEMPLATE.read_bytes() == example.read_bytes()


def test_a_supplier_has_a_task_its_last_control_and_a_later_next_one() -> None:
    first, second = decode(FILE.encode(), "f").suppliers or ()
    assert (first.controlled_at, first.next_at) == (date(2026, 6, 1), date(2027, 6, 1))
    assert (second.task, second.controlled_at) == (Words("arlo-rec", "arlo-rec"), None)
    written = FILE.replace("2027-06-01", '"2027-06-01"')  # a date as a text
    assert decode(written.encode(), "f") == decode(FILE.encode(), "f")


def test_what_nobody_stated_is_not_stated_and_nobody_is_somebody_who_was_stated() -> None:
    assert decode(b"", "f") == Particulars()
    assert decode(b"", "f").processors is None
    assert decode(b"processors = []", "f").processors == ()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("= 1", "config_not_toml"),
        ('kontakt = "x"', "particulars_unknown_key"),
        ("contact = 1", "particulars_bad_value"),
        ('contact = " "', "particulars_bad_value"),
        (f'contact = "{"x" * (LONGEST + 1)}"', "particulars_bad_value"),
        ('contact = "a\\u202eb"', "particulars_bad_value"),
        ("processors = 1", "particulars_bad_value"),
        ("processors = [1]", "particulars_bad_value"),
        (
            'processors = [{name = "a", task = {nb = "b", en = "c"}, country = "NO", more = 1}]',
            "particulars_unknown_key",
        ),
        ('processors = [{name = "a", task = {nb = "b"}, country = "NO"}]', "particulars_bad_value"),
        ('processors = [{name = "a", task = {nb = "b", en = "c"}, country = "Norge"}]', "particulars_bad_value"),
        ('processors = [{name = "a", task = {nb = "b", en = "c"}, country = 1}]', "particulars_bad_value"),
        (
            'processors = [{name = "a", task = {nb = "b", en = "c"}, country = "US", safeguards = "x"}]',
            "particulars_bad_value",
        ),
        ('recipients = [{name = "a"}]', "particulars_bad_value"),
        (
            'recipients = [{name = "a", why = {nb = "b", en = "c"}, country = "NO", more = 1}]',
            "particulars_unknown_key",
        ),
        ("recipients = {}", "particulars_bad_value"),
        ('retention = [{kind = {nb = "b", en = "c"}, how_long = "90 dager"}]', "particulars_bad_value"),
        ('retention = [{kind = {nb = "b", en = "c"}}]', "particulars_bad_value"),
        ("retention = [1]", "particulars_bad_value"),
        ('withdrawal = "Ring oss"', "particulars_bad_value"),
        ('objection = {nb = "a"}', "particulars_bad_value"),
        ('staff_basis = {nb = "a", en = ""}', "particulars_bad_value"),
        ("data_protection_officer = false", "particulars_bad_value"),
        ('minors = "x"', "particulars_bad_value"),
        ('staff_discussed = "none"', "particulars_bad_value"),
        ("staff_discussed = 2026-08-17T10:00:00Z", "particulars_bad_value"),
        ('staff_evaluated = "never"', "particulars_bad_value"),
        ('joint_controllers = [{name = "a"}]', "particulars_bad_value"),
        ('suppliers = [{name = "a", task = "b", next_at = "soon"}]', "particulars_bad_value"),
        (
            'suppliers = [{name = "a", task = "b", next_at = "2026-01-01", controlled_at = "2026-01-01"}]',
            "particulars_bad_value",
        ),
        ('suppliers = [{name = "a", task = "b", next_at = 2026-01-01, country = "NO"}]', "particulars_unknown_key"),
    ],
)
def test_what_is_unknown_or_wrong_is_refused_by_name(line: str, code: str) -> None:
    with pytest.raises(Usage) as refused:
        decode(line.encode(), "f")
    assert refused.value.code == code


def test_a_part_of_a_table_that_is_not_stated_is_missing_by_its_own_key_and_no_mistake() -> None:
    told = decode(
        b"""
        suppliers = [{name = "a", task = "b"}, {name = "c", task = "d", next_at = 2027-01-01}]
        processors = [{name = "a", task = {nb = "b", en = "c"}, country = "US"}]
        recipients = [{name = "a", why = {nb = "b", en = "c"}}, {name = "d", why = {nb = "b", en = "c"}, country = ""}]
        """,
        "f",
    )
    assert (told.processors, told.recipients, told.suppliers) == (None, None, None), "nothing half is told"
    with pytest.raises(Refused) as refused:
        told.demand(("contact", "processors", "recipients", "suppliers"), "access.subject")
    assert refused.value.code == "particulars_missing"
    keys = "contact processors.safeguards recipients.country suppliers.next_at"
    assert refused.value.detail["keys"] == keys
    told.demand(("controller",), "access.subject")


def test_a_missing_country_stops_answer_and_pages_with_14_and_says_what_is_missing(world: World) -> None:
    config, file = world.base / "own.toml", world.base / "particulars.toml"
    config.write_text(f'particulars = "{file}"\n', "utf-8")
    file.write_text(f'recipients = [{{name = "a", why = {{nb = "b", en = "c"}}}}]\n{WHOLE}', "utf-8")
    [call] = world.take_in("a")
    for words in (
        ("dsar", "90000001", "--out", str(world.base / "a.html"), "--identity", "seen-id"),
        ("policy", "publish", "--out", str(world.base / "pages")),
    ):
        error = world.run(*words, "--config", str(config), "--json", "--lang", "en", who="sigrid").json["error"]
        assert (error["exit"], error["code"]) == (14, "particulars_missing")
        assert "recipients.country" in error["keys"] and "the country of each recipient" in error["message"]
    assert world.run("consent", "show", call, "--config", str(config), who="sigrid").exit == 0


@pytest.mark.rule("data.employee")
def test_a_mistake_in_their_file_closes_no_objection_that_is_upheld(world: World) -> None:
    config, file = world.base / "own.toml", world.base / "particulars.toml"
    config.write_text(f'particulars = "{file}"\n', "utf-8")
    file.write_text("contact = 1\n", "utf-8")
    world.take_in("a")
    world.json("person", "objection", "Ola Oppdiktet", "--scope", "recording", who="sigrid")
    why = ("--scope", "recording", "--reason", "the employee objects to it", "--config", str(config), "--lang", "en")
    refused = world.run("person", "objection", "Ola Oppdiktet", "--reject", *why, who="sigrid")
    assert refused.exit == 2, "a rejection has to name whom to reach"
    upheld = world.run("person", "objection", "Ola Oppdiktet", "--uphold", *why, who="sigrid")
    assert upheld.exit == 0 and "write the contact into the letter by hand" in upheld.out
    assert world.json("status", who="iver")["held"] == 0


def test_an_answer_takes_them_from_the_file_that_the_config_names_and_is_not_written_without_them(world: World) -> None:
    config, file = world.base / "own.toml", world.base / "particulars.toml"
    config.write_text(f'particulars = "{file}"\n', "utf-8")
    words = ("dsar", "90000001", "--out", str(world.base / "a.html"), "--identity", "seen-id", "--config", str(config))
    assert world.run(*words, who="sigrid").exit == 2, "there is no such file"
    file.write_text("contact = 1\n", "utf-8")
    assert world.run(*words, who="sigrid").exit == 2
    file.write_text(WHOLE, "utf-8")
    refused = world.run(*words, "--json", who="sigrid").json["error"]
    assert (refused["exit"], refused["code"], refused["keys"]) == (14, "particulars_missing", ["recipients"])
    assert not (world.base / "a.html").exists()
    file.write_text(f"recipients = []\n{WHOLE}", "utf-8")
    assert world.run(*words, who="sigrid").exit == 0


def test_a_recipient_outside_the_eea_counts_among_the_transfers() -> None:
    american = FILE.replace(
        'country = "NO"\n\n[[retention]]', 'country = "US"\nsafeguards = {nb = "a", en = "b"}\n\n[[retention]]'
    )
    assert [each.name for each in decode(FILE.encode(), "f").outside_eea] == ["Invented Cloud Ltd"]
    told = [each.name for each in decode(american.encode(), "f").outside_eea]
    assert told == ["Invented Cloud Ltd", "Oppdiktet Revisjon AS"]
