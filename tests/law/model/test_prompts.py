"""A prompt's text is held to what the guidelines and the authority want said, and to nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.messages import has
from arlo_rec.law.model import prompts
from arlo_rec.law.model.particulars import CONTROLLER
from arlo_rec.law.model.prompts import SHIPPED, findings, language_of
from tests.support.world import World

pytestmark = pytest.mark.rule("consent.prompt")
NB, EN, OLD = (prompt.text for prompt in SHIPPED)
NN = (
    "Du har ringt kundeservice hos Verisure Arlo Europe DAC. Dersom du samtykker, tek vi opp samtala: røysta di "
    "og det du fortel. Vi brukar opptaket til opplæring av kundebehandlarane våre og til kvalitetssikring. Du "
    "kan når som helst trekkje samtykket ved å kontakte oss; då fjernar vi opptaket. Meir står i "
    "personvernerklæringa på nettsidene våre. Tast 1 for å samtykke, tast 2 for å snakke med oss utan opptak."
)


@pytest.mark.parametrize(
    "text", [NB, EN, NN, NB.upper(), EN.replace(" ", "\n"), NB.replace("samtalen", "sam\u00adtalen")]
)
def test_a_prompt_that_says_everything_has_no_finding(text: str) -> None:
    assert findings(text, CONTROLLER) == []


def test_the_text_of_the_guidelines_themselves_names_training_only() -> None:
    assert findings(OLD, CONTROLLER) == ["training_only"]


@pytest.mark.parametrize(
    ("text", "was", "becomes", "code"),
    [
        (NB, "Verisure Arlo Europe DAC", "oss", "who"),
        (EN, "Verisure Arlo Europe DAC", "ours", "who"),
        (NB, "tar vi opp samtalen", "hører vi på samtalen", "recorded"),
        (EN, "we record the call", "we listen to the call", "recorded"),
        (NB, "stemmen din og ", "", "voice"),
        (EN, "your voice and ", "", "voice"),
        (NB, "og det du forteller", "og mer", "content"),
        (EN, "and what you tell us", "and more", "content"),
        (NB, "trekke samtykket", "ombestemme deg", "withdraw"),
        (EN, "withdraw your consent", "change your mind", "withdraw"),
        (NB, "personvernerklæringen", "teksten", "more"),
        (EN, "privacy notice", "text", "more"),
        (NB, "Tast 1", "Si ja", "key1"),
        (EN, "Press 1", "Say yes", "key1"),
        (NB, "tast 2", "si nei", "key2"),
        (EN, "press 2", "say no", "key2"),
        (NB, " og til kvalitetssikring", "", "training_only"),
        (EN, " and for quality assurance", "", "training_only"),
        (NB, "opplæring av kundebehandlerne våre og til ", "", "quality_only"),
        (EN, "to train our agents and ", "", "quality_only"),
        (NB, "opplæring av kundebehandlerne våre og til kvalitetssikring", "det vi trenger", "purposes"),
        (EN, "to train our agents and for quality assurance", "as we need it", "purposes"),
        (NB, "kvalitetssikring", "kvalitetssikring og markedsføring", "third"),
        (EN, "quality assurance", "quality assurance and marketing", "third"),
        (NB, "til kvalitetssikring", "til anonym kvalitetssikring", "anonymous"),
        (EN, "for quality assurance", "for anonymous quality assurance", "anonymous"),
        (NB, "tar vi opp samtalen", "kan samtalen kan bli tatt opp", "may"),
        (NB, "tar vi opp samtalen", "samtalen kan bli tatt opp", "may"),
        (NB, "tar vi opp samtalen", "samtalen kan tas opp", "may"),
        (NB, "tar vi opp samtalen", "kan samtalen bli tatt opp", "may"),
        (NB, "tar vi opp samtalen", "kan vi også ta opp samtalen", "may"),
        (NN, "tek vi opp samtala", "samtala kan bli teke opp", "may"),
        (EN, "we record the call", "the call may be recorded", "may"),
        (EN, "we record the call", "the call might be monitored", "may"),
    ],
)
def test_what_is_taken_out_or_put_in_is_the_one_finding(text: str, was: str, becomes: str, code: str) -> None:
    assert was in text
    assert findings(text.replace(was, becomes), CONTROLLER) == [code]


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("trekke samtykket", "trekke tilbake samtykket ditt"),
        ("trekke samtykket", "trekke det tilbake"),
        ("det du forteller", "informasjonen du gir"),
        (CONTROLLER, "Arlo"),
        (CONTROLLER, "Arlo Europe"),
        ("Tast 1 for å samtykke, tast 2", "Tast 1 for å samtykke eller 2"),
        ("Tast 1 for å samtykke, tast 2", "Trykk én for å samtykke og to"),
    ],
)
def test_other_words_for_the_same_are_no_finding(was: str, becomes: str) -> None:
    assert was in NB
    assert findings(NB.replace(was, becomes), CONTROLLER) == []


@pytest.mark.parametrize("name", ["Europe", "Kundeservice AS", "Karlo", "DAC"])
def test_a_word_that_many_companies_share_does_not_say_who_records(name: str) -> None:
    assert findings(NB.replace(CONTROLLER, name), CONTROLLER) == ["who"]


@pytest.mark.rule("consent.purposes")
@pytest.mark.parametrize(
    ("text", "said"), [(NB, ", tast 3 for bare opplæring"), (EN, ", press three for training only")]
)
def test_a_text_names_each_key_that_the_prompt_offers(text: str, said: str) -> None:
    assert findings(text, CONTROLLER, "13") == ["key3"]
    assert findings(text.removesuffix(".") + said + ".", CONTROLLER, "13") == []


def test_a_prompt_that_leaves_no_choice_says_so() -> None:
    for text, freely, keys in ((NB, "Hvis du samtykker, tar", "Nå tar"), (EN, "If you consent, we", "Now we")):
        forced = (
            text.replace(freely, keys).replace("for å samtykke", "for å gå videre").replace("to consent", "to go on")
        )
        assert findings(forced, CONTROLLER) == ["voluntary"]


def test_a_prompt_of_another_company_names_that_one() -> None:
    text = NB.replace(CONTROLLER, "Fjellvakt Oppdiktet AS")
    assert findings(text, "Fjellvakt Oppdiktet AS") == []
    assert findings(text, CONTROLLER) == ["who"]


@pytest.mark.parametrize("text", ["", "12345", "Bonjour, vous avez appelé le service clients", "ja ja ja", "Tast 1"])
def test_what_is_neither_norwegian_nor_english_is_not_checked_and_says_so(text: str) -> None:
    assert language_of(text) is None
    assert findings(text, CONTROLLER) == ["language"]


@given(st.text(max_size=400))
def test_any_text_has_findings_that_there_are_sentences_for(text: str) -> None:
    found = findings(text, CONTROLLER)
    assert found
    assert all(has(f"prompt.{code}") and has(f"prompt.{code}.remedy") for code in found)


@given(st.permutations(NB.split(". ")))
def test_the_order_of_sentences_does_not_matter(sentences: list[str]) -> None:
    assert findings(". ".join(sentences), CONTROLLER) == []


def test_the_command_ends_with_3_where_there_is_a_finding_and_says_what_to_do(world: World) -> None:
    file = world.base / "prompt.txt"
    file.write_text(OLD, "utf-8")
    told = world.run("policy", "lint-prompt", str(file), "--json")
    assert told.exit == 3
    [finding] = told.json["findings"]
    assert finding["code"] == "training_only"
    assert finding["reason"] and finding["remedy"]
    file.write_text(NB, "utf-8")
    assert world.json("policy", "lint-prompt", str(file)) == {"ok": True, "findings": []}
    told = world.json("policy", "lint-prompt", str(file), "--key", "3")
    assert [(each["code"], "3" in each["reason"]) for each in told["findings"]] == [("key3", True)]
    assert world.code("policy", "lint-prompt", str(file), "--key", "2", who="leif") == (2, "bad_prompt_key")
    assert world.run("policy", "lint-prompt", str(world.base / "none.txt"), "--json").exit == 2
    file.write_bytes(b"\xff\xfe")
    assert world.run("policy", "lint-prompt", str(file), "--json").exit == 2


def test_every_code_has_its_words_in_both_languages() -> None:
    codes = {*prompts._WANTED, *prompts._UNWANTED, "language", "who", "purposes"}
    for code in codes | {"training_only", "quality_only", "key1", "key2", "other_key"}:
        assert has(f"prompt.{code}") and has(f"prompt.{code}.remedy"), code
