"""What tells who somebody is without a name: health is cut, the rest is where a reviewer looks first."""

from __future__ import annotations

import pytest

from arlo_rec.sound.speech import Word
from arlo_rec.words.detectors import identifiers, phonetic
from arlo_rec.words.detectors.lexicon import tells

NOBODY = phonetic.prepare_names([])


def said(text: str) -> list[Word]:
    return [Word(word, 0.35 * at, 0.35 * at + 0.3, None, 0) for at, word in enumerate(text.split())]


def health(text: str) -> str:
    found = [each for each in identifiers.find_identifiers(said(text), NOBODY) if each.type == "health"]
    return " ".join(word.text for word in said(text) if any(one.start <= word.start < one.end for one in found))


def look(text: str) -> str:
    found = identifiers.find_circumstances(said(text))
    return " ".join(word.text for word in said(text) if any(one.start <= word.start < one.end for one in found))


@pytest.mark.rule("data.pseudonymised")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kona mi har nettopp fått kreft", "kona mi har nettopp fått kreft"),
        ("mor har demens og går ut om natta", "mor har demens"),
        ("han sitter i rullestol", "han sitter i rullestol"),
        ("eg har vore sjukemeld sidan i fjor", "eg har vore sjukemeld"),
        ("hun er gravid", "hun er gravid"),
        ("jag opererade hjärtat i våras jag fick en infarkt", "fick en infarkt"),
        ("min mand er dement", "min mand er dement"),
        ("she's just had surgery on her hip", "she's just had surgery on her hip"),
        ("my dad has dementia", "my dad has dementia"),
        ("I have MS and need more time", "I have MS"),
    ],
)
def test_health_that_is_said_of_somebody_is_cut(text: str, told: str) -> None:
    assert told in health(text)
    assert told.casefold() in health(text.casefold())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("jeg er ordfører her i kommunen", "jeg er ordfører"),
        ("mannen min er lærer på barneskolen i bygda", "mannen min er lærer på barneskolen"),
        ("jeg jobber på fabrikken her nede", "jeg jobber på fabrikken"),
        ("sønnen min går i tredje klasse på skolen her", "skolen"),
        ("det er meg som ble ranet i fjor du har lest om det i avisa", "ranet"),
        ("vi bor i det gule huset rett ved siden av kirka", "det gule huset rett ved siden av kirka"),
        ("naboen vår er den kjente skuespilleren", "naboen vår er den kjente skuespilleren"),
        ("jeg driver en frisørsalong", "jeg driver en frisørsalong"),
        ("vi ble skilt i vår", "vi ble skilt"),
        ("datteren min er på landslaget i håndball", "landslaget"),
        ("min man är präst", "man är präst"),
        ("jeg arbejder på biblioteket", "jeg arbejder på biblioteket"),
        ("my husband is the vicar here", "my husband is the vicar"),
        ("I work at the library in town", "I work at the library"),
        ("we live next door to the church", "next door to the church"),
        ("I was in the news last year", "in the news"),
    ],
)
def test_a_reviewer_is_shown_where_somebody_is_told_without_a_name(text: str, told: str) -> None:
    assert told in look(text)


@pytest.mark.parametrize(
    "text",
    [
        "kameraet i gangen virker ikke lenger",
        "batteriet er helt flatt og jeg har byttet det to ganger",
        "can you hold the button next to the light",
        "it doesn't work in the kitchen and I charged the battery",
        "eleven cameras particularly at the door",
        "hva gjelder det du ringer om",
        "jeg vet ikke korleis det kom",
        "hunden min går ofte forbi kameraet",
        "I pressed it by accident",
    ],
)
def test_what_every_caller_of_an_alarm_company_says_is_neither(text: str) -> None:
    assert (health(text), look(text)) == ("", "")


def test_a_town_is_where_to_look_and_a_word_that_is_one_too_only_with_a_capital() -> None:
    assert look("vi har flytta fra stavanger til elverum nå") == "stavanger elverum"
    assert look("there is moss and sand on the roof") == ""
    assert "Bath" in look("We have a cottage near Bath, which is closed now.")


@pytest.mark.parametrize(("word", "is_one"), [("ordføreren", True), ("Legen", True), ("eleven", False), ("dør", False)])
def test_words_are_marked_for_the_reviewer_by_their_beginning_and_short_ones_whole(word: str, is_one: bool) -> None:
    assert tells(word) is is_one
