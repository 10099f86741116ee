"""Code words, answers to security questions, passwords and codes go, however they are asked for and said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from arlo_rec.sound.speech import Word
from arlo_rec.words.detectors import identifiers, phonetic

NOBODY = phonetic.prepare_names([])
WORD, TURN = 0.35, 0.6  # seconds from word to word, and between turns


def talk(*turns: str, channels: Sequence[int | None] = (0, 1)) -> list[Word]:
    """The words of turns, in which the agent begins and the two take turns; "+" continues the same person's."""
    words: list[Word] = []
    at, who = 1.0, -1
    for turn in turns:
        who += 0 if turn.startswith("+") else 1
        at += TURN + (0.7 if turn.startswith("+") else 0.0)
        for text in turn.removeprefix("+").split():
            words.append(Word(text, at, at + 0.3, None, channels[who % len(channels)]))
            at += WORD
    return words


def left(words: Sequence[Word], secret: str) -> list[str]:
    """The words of a secret, in the order in which they were said, that nothing would cut."""
    findings = identifiers.find_identifiers(words, NOBODY)
    wanted = set(secret.split())
    return [
        word.text
        for word in words
        if word.text.strip(".,?!:").casefold() in wanted
        and not any(one.channel == word.channel and one.start < word.end and word.start < one.end for one in findings)
    ]


CASES = [
    ("tordensky", ("Hva er kodeordet ditt?", "Kodeordet er tordensky.", "Takk, det stemmer.")),
    ("tordensky", ("Hva er kodeordet ditt?", "Tordensky.", "Tordensky, ja, det stemmer.")),
    ("grønn traktor", ("Kan du oppgi kodeordet?", "Ja, det er grønn traktor.", "Supert.")),
    ("sol", ("Og kodeordet deres?", "Sol.", "Takk.")),
    ("blomst tall", ("Hva er kodeordet ditt?", "Det er en blomst og et tall.", "Og hvilke?")),
    ("rosa sykkel", ("Har du et kodeord?", "Eh, vent litt.", "Ja, ta den tiden du trenger.", "Rosa sykkel.", "Flott.")),
    ("fjelltur", ("hva er kodeordet ditt", "det må jeg sjekke et øyeblikk", "ja", "fjelltur", "takk det stemmer")),
    ("bjørnebær", ("Da setter vi bjørnebær som kodeord.", "Fint.")),
    ("sommerfugl", ("Jeg vil bytte kodeordet til sommerfugl.", "Det er i orden.")),
    ("ugle", ("Ugle er kodeordet vårt.", "Takk skal du ha.")),
    ("sommer2026", ("Passordet til nettet er Sommer2026.", "Fint.")),
    ("fire sju", ("Koden til porten er fire sju.", "Den har jeg.")),
    ("4711", ("Hvilken kode har dere på døra?", "4711.", "Takk.")),
    ("en to", ("hva er koden på alarmen", "en to", "takk")),
    ("ni", ("Hva er siste siffer i pinkoden?", "Ni.", "Takk.")),
    ("åtte null tre", ("Du har fått en engangskode på sms.", "Ja, åtte null tre.", "Takk.")),
    ("trollfjord", ("Da tar vi et kontrollspørsmål.", "Ja.", "Hvor er du født?", "I Trollfjord.", "Det stemmer.")),
    ("passopp", ("Hva het din første hund?", "Passopp.", "Det er riktig.")),
    ("fjellvik", ("Hva er din mors pikenavn?", "Fjellvik.", "Takk.")),
    ("blåbærpai", ("Sikkerhetsordet ditt er?", "Det er blåbærpai.", "Korrekt.")),
    ("snøfnugg", ("Kodeordet mitt det er eh", "+snøfnugg", "takk")),
    ("torsken", ("Kva er kodeordet dykkar?", "Det er torsken.", "Takk, det stemmer.")),
    ("regnbogen", ("Kan eg få passordet?", "Regnbogen.", "Fint.")),
    ("solros", ("Vad är ditt kodord?", "Det är solros.", "Tack, det stämmer.")),
    ("blå elefant", ("Har ni ett lösenord hos oss?", "Ja, blå elefant.", "Perfekt.")),
    ("fyra två", ("Larmkoden är fyra två.", "Tack.")),
    ("fluffy", ("Säkerhetsfrågan är vad hette ditt första husdjur?", "Fluffy.", "Rätt.")),
    ("regnvejr", ("Hvad er dit kodeord?", "Det er regnvejr.", "Tak, det er korrekt.")),
    ("hindbær", ("Må jeg få adgangskoden?", "Hindbær.", "Tak.")),
    ("otte tre", ("Koden til døren er otte tre.", "Tak.")),
    ("thunderbird", ("What's the code word on the account?", "It's thunderbird.", "Thank you, that's correct.")),
    ("purple tractor", ("Can you confirm your password please?", "Yes, purple tractor.", "Lovely, thanks.")),
    ("sun", ("And your security word?", "Sun.", "Perfect.")),
    ("flower number", ("What is the code word?", "It's a flower and a number.", "Go on.")),
    ("rosebud", ("Do you have a passphrase?", "Hold on, let me think.", "No problem.", "Rosebud.", "Great.")),
    ("one two", ("What's the code for the door?", "One two.", "Thanks.")),
    ("whiskers", ("What was the name of your first pet?", "Whiskers.", "That's right.")),
    ("brimstone", ("I need to ask you a security question.", "Okay.", "Where were you born?", "Brimstone.", "Thanks.")),
    ("sunflower", ("We will set sunflower as the password.", "Great.")),
    ("butterfly99", ("the wifi password is butterfly99", "thanks")),
    ("six four", ("you should have received a one time code", "yes six four", "thank you")),
]


@pytest.mark.parametrize(("secret", "turns"), CASES)
def test_a_secret_goes_in_both_directions_however_it_is_said(secret: str, turns: tuple[str, ...]) -> None:
    assert left(talk(*turns), secret) == []
    assert left(talk(*(turn.lower().translate(str.maketrans("", "", ".,?!:")) for turn in turns)), secret) == []


@pytest.mark.parametrize(("secret", "turns"), CASES)
def test_a_secret_goes_where_all_speak_on_one_track(secret: str, turns: tuple[str, ...]) -> None:
    assert left(talk(*turns, channels=(None,)), secret) == []


def test_a_secret_goes_wherever_it_is_said_again() -> None:
    words = talk(
        "Hva er kodeordet ditt?", "Tordensky.", "Takk, det stemmer. Hva kan jeg hjelpe deg med?",
        "Kameraet i stua er svart.", "Da prøver vi å starte det på nytt.", "Ja.",
        "Husk at vekteren alltid spør om tordensky.", "Det skal jeg huske.",
    )  # fmt: skip
    assert left(words, "tordensky") == []


@pytest.mark.parametrize(
    "turns",
    [
        ("Har du glemt passordet?", "Nei, det er batteriet som er tomt.", "Da sender vi et nytt.", "Takk for hjelpen."),
        ("Skjermen viser en feilkode.", "Det er et kjent problem."),
        ("What is the error code?", "The light is red and the camera is offline.", "I see."),
        ("Du kan endre koden i appen når du vil.", "Det er bra.", "Er det noe annet jeg kan hjelpe med?"),
    ],
)
def test_talk_about_codes_mostly_stays(turns: tuple[str, ...]) -> None:
    words = talk(*turns)
    findings = identifiers.find_identifiers(words, NOBODY)
    hit = [word.text for word in words if any(one.start <= word.start < one.end for one in findings)]
    assert len(hit) <= len(words) / 3, hit
