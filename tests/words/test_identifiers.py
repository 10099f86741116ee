"""What identifies somebody in words: how numbers, codes, addresses, dates and names are said, and what is none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.sound.speech import Word
from arlo_rec.words.detectors import identifiers, numbers, phonetic
from arlo_rec.words.detectors.identifiers import Finding
from arlo_rec.words.detectors.word_lists import is_harmless
from arlo_rec.words.tokens import is_cased, tokenise
from tests.fuzz.judge import limited
from tests.support.properties import examples

NOBODY = phonetic.prepare_names([])


def said(text: str, channel: int = 0, begin: float = 0.0, score: float | None = None) -> list[Word]:
    return [
        Word(word, begin + 0.35 * at, begin + 0.35 * at + 0.3, score, channel) for at, word in enumerate(text.split())
    ]


def words_found(text: str, *types: str, names: Sequence[str] = ()) -> str:
    """The words of *text* that are found to identify, by some types or all."""
    words = said(text)
    findings = [
        finding
        for finding in identifiers.find_identifiers(words, phonetic.prepare_names(names))
        if not types or finding.type in types
    ]
    return " ".join(word.text for word in words if hit(word, findings))


def hit(word: Word, findings: Sequence[Finding]) -> bool:
    return any(
        finding.channel == word.channel and finding.start < word.end and word.start < finding.end
        for finding in findings
    )


def digits(text: str) -> list[str]:
    return [run.text for run in numbers.split_runs(tokenise(said(text)))]


@pytest.mark.parametrize(
    ("spoken", "meant"),
    [
        ("ni hundre og tolv trettifire femhundreogsekstisju", "91234567"),
        ("tjueen enogtyve niogtyve åttifem", "21212985"),
        ("nine one two double four", "91244"),
        ("dobbel to trippel null fire", "220004"),
        ("four six oh three eight one", "460381"),
        ("tjugotre femtioåtta nittio", "235890"),
        ("halvtreds enoghalvfjerds toogfirs", "507182"),
        ("nittensekstiåtte", "1968"),
        ("to og tredve åtte og førti null", "32480"),
        ("twelve thousand five hundred and six", "12506"),
        ("A 8 E 6 zero 9 1 3 9", "a8e609139"),
        ("5 -2 -N -565 -150556.", "52n565150556"),
        ("M O E N.", "moen"),
        ("D as in David A som i Anna N for Nils", "dan"),
        ("alfa en seks golf to kilo", "a16g2k"),
        ("B-A-K-K-E-N", "bakken"),
    ],
)
def test_numbers_and_letters_are_heard_however_they_are_said(spoken: str, meant: str) -> None:
    assert digits(spoken) == [meant]


@pytest.mark.parametrize(
    ("text", "cased"),
    [
        ("My name is Brandon Foster. Hello there", True),
        ("Hello there, my friend", True),
        ("my name is brandon foster", False),
        ("MY NAME IS BRANDON FOSTER AND I LIVE HERE", False),
        ("My Name Is Brandon Foster And I Live Here", False),
    ],
)
def test_capital_letters_tell_names_only_where_not_everything_has_them(text: str, cased: bool) -> None:
    assert is_cased(tokenise(said(text))) is cased
    if "brandon" in text.casefold():
        assert words_found(text, "name").casefold().startswith("brandon foster")


@given(st.lists(st.integers(0, 9), min_size=5, max_size=16), st.sampled_from(["nb", "en", "sv", "da", "written"]))
def test_any_run_of_five_digits_or_more_is_found_whatever_it_is(number: list[int], language: str) -> None:
    spoken = {
        "nb": "null én to tre fire fem seks sju åtte ni",
        "en": "zero one two three four five six seven eight nine",
        "sv": "noll ett två tre fyra fem sex sju åtta nio",
        "da": "nul en to tre fire fem seks syv otte ni",
        "written": "0 1 2 3 4 5 6 7 8 9",
    }[language].split()
    heard = said(f"ja {' '.join(spoken[digit] for digit in number)} takk")
    findings = identifiers.find_identifiers(heard, NOBODY)
    assert all(hit(word, findings) for word in heard[1:-1]), "no digit is left audible"


@pytest.mark.parametrize(
    "text",
    [
        "jeg har ventet i fem minutter og det kostet to hundre kroner",
        "press the button for ten seconds and wait two minutes",
        "vi har to kameraer og tre sensorer i første etasje",
        "it is one of the two cameras for the back door",
        "tusen takk for det",
        "teknikeren kommer den tolvte mars klokka ti",
        "please hold it down until the light turns blue",
        "jeg bor like ved og det er fire hus bortenfor",
    ],
)
def test_what_everybody_says_identifies_nobody(text: str) -> None:
    assert words_found(text, "number", "code", "birth", "email", "spelled") == ""


@pytest.mark.parametrize(
    ("text", "mail"),
    [
        ("kari punktum eksempel krøllalfa epost punktum no", "kari punktum eksempel krøllalfa epost punktum no"),
        ("brandon dot foster at gmail dot com", "brandon dot foster at gmail dot com"),
        ("den er oeksempel@example.net ja", "oeksempel@example.net"),
        ("min er ola understrek 2 snabel-a example punkt se", "ola understrek 2 snabel-a example punkt se"),
        ("skriv til ola krøll alfa eksempel punktum no", "ola krøll alfa eksempel punktum no"),
        ("look at the camera at the door", ""),
    ],
)
def test_addresses_of_e_mail_are_found_as_they_are_spoken(text: str, mail: str) -> None:
    assert words_found(text, "email") == mail


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("jeg bor i Bjørnebærveien 12 b 0123 Oslo", "Bjørnebærveien 12 b 0123 Oslo"),
        ("send it to 109 Crawford Drive West Caroleton please", "109 Crawford Drive West Caroleton"),
        ("adressen er storgata femtito i Førde", "storgata femtito i Førde"),
        ("kameraet står på arbeidsplassen min", ""),
    ],
)
def test_streets_are_found_with_their_numbers_and_towns(text: str, address: str) -> None:
    assert set(address.split()) <= set(words_found(text, "address").split())
    assert bool(words_found(text, "address")) == bool(address)


@pytest.mark.parametrize(
    "date",
    [
        "tolvte mars nittensekstiåtte",
        "den 13. april 1960",
        "tjueåttende i åttende to tusen og en",
        "March twelfth nineteen ninety one",
        "12.3.68",
        "den sjätte februari tvåtusen tre",
        "syvogtyvende maj nitten niogtredive",
    ],
)
def test_dates_of_birth_are_found_however_they_are_said(date: str) -> None:
    assert words_found(f"ja {date} takk", "birth", "number").endswith(date.split()[-1])
    assert len(words_found(f"ja {date} takk", "birth", "number").split()) >= len(date.split()) - 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hei jeg heter Oddvar Kvitlestøyl og ringer om et kamera", "Oddvar Kvitlestøyl"),
        ("du snakker med torgunn brattebekk", "torgunn brattebekk"),
        ("my name is Quillon Marshwick and it keeps losing", "Quillon Marshwick"),
        ("tusen takk for hjelpen Åsfrid", "Åsfrid"),
        ("jag heter Torgisla Myrhed och kameran", "Torgisla Myrhed"),
        ("mannen min , Halvard , satte det opp", "Halvard"),
    ],
)
def test_names_are_found_by_what_stands_before_them(text: str, name: str) -> None:
    assert set(name.split()) <= set(words_found(text, "name").split())


@pytest.mark.parametrize(
    ("heard", "meant", "audible"),
    [
        ("brand and faster", "Brandon Foster", 0),
        ("polycalate", "Paula Kelley", 0),
        ("in or back in", "Inger Bakken", 2),  # the family name is found, "in or" is too common to be taken
    ],
)
def test_a_known_name_is_found_as_it_was_misheard(heard: str, meant: str, audible: int) -> None:
    findings = phonetic.find_known_names(
        tokenise(said(f"the camera of {heard} has stopped")), phonetic.prepare_names([meant])
    )
    covered = {at for match in findings for at in range(match.first, match.last + 1)}
    assert covered == set(range(3 + audible, 3 + len(heard.split()))), "by its sound alone, whatever else finds it too"
    assert not [
        match
        for match in phonetic.find_known_names(
            tokenise(said("the camera has stopped recording")), phonetic.prepare_names([meant])
        )
    ]


def test_a_name_that_was_told_once_is_found_wherever_it_is_said_again() -> None:
    words = [*said("jeg heter gudveig ulvevadet"), *said("fint gudveig da ser jeg", 1, 3.0), *said("takk", 0, 6.0)]
    findings = identifiers.find_identifiers(words, NOBODY)
    assert [word.text for word in words if word.channel == 1 and hit(word, findings)] == ["gudveig"]


def test_the_answer_to_a_question_goes_even_where_it_was_misheard() -> None:
    words = [
        *said("What is your phone number?", 0),
        *said("Ok, it is quite hamlin hide.", 1, 2.2),
        *said("Thanks", 0, 6),
    ]
    findings = identifiers.find_identifiers(words, NOBODY)
    assert [word.text for word in words if word.channel == 1 and hit(word, findings)] == ["hamlin", "hide."]


def test_who_tells_a_number_unasked_is_no_question_to_the_other() -> None:
    stream = tokenise(said("the serial number is five two six five one five", 1))
    (question,) = identifiers.find_questions(stream)
    assert (
        question.stated is not None
        and not list(identifiers.find_answers([stream, tokenise(said("Great, I see it", 0, 4.0))]))[1:]
    )


def test_digits_that_are_said_again_go_with_the_number() -> None:
    words = [*said("ni en to tre fire fem seks sju", 0), *said("45 ja", 1, 3.0), *said("det stemmer", 0, 4.5)]
    findings = identifiers.find_identifiers(words, NOBODY)
    assert [word.text for word in words if word.channel == 1 and hit(word, findings)] == ["45"]


def test_a_number_in_pieces_goes_and_what_is_said_between_stays() -> None:
    words = [*said("912 34"), *said("567 eh 890", 0, 4.0)]
    stream = tokenise(words)
    assert [(match.first, match.last) for match in numbers.find_numbers(stream, [False] * len(stream))] == [
        (0, 1),
        (2, 4),
    ]


def test_check_digits_label_a_number_and_excuse_none() -> None:
    assert numbers.is_luhn("4111111111111111") and numbers.label_number("4111111111111111") == "card"
    assert numbers.is_iban("NO9386011117947") and not numbers.is_iban("NO9386011117948")  # the registry's example
    assert numbers.is_organisation("974760673") and not numbers.is_organisation("974760674")
    assert numbers.is_account("86011117947") and not numbers.is_account("86011117948")
    valid = next(f"01015000{tail:03d}" for tail in range(1000) if numbers.is_national_id(f"01015000{tail:03d}"))
    assert numbers.label_number(valid) == "national_id"
    for wrong in ("01015000000", "99999999999", "12345"):
        text = " ".join(wrong)
        assert words_found(f"det er {text} takk", "number").replace(" ", "") == wrong


def test_an_ordinary_word_that_is_written_like_a_name_is_taken_for_one() -> None:
    assert words_found("yes I talked to Will about the camera and will call", "name") == "Will"
    assert words_found("I will call you and you may call me", "name") == ""


@examples(300)
@given(
    st.lists(
        st.tuples(st.text(max_size=12), st.floats(0, 100), st.floats(0, 5), st.sampled_from([None, 0, 1])), max_size=40
    )
)
def test_any_words_at_all_are_looked_through_and_what_is_found_lies_among_them(
    drawn: list[tuple[str, float, float, int | None]],
) -> None:
    words = [Word(text or "x", start, start + length, None, channel) for text, start, length, channel in drawn]
    for finding in identifiers.find_identifiers(words, phonetic.prepare_names(["Kari Eksempel"])):
        assert 0 <= finding.start <= finding.end <= max(word.end for word in words)
        assert any(word.channel == finding.channel for word in words)
    assert is_harmless("takk")


@pytest.mark.parametrize("unit", ["a", "a-", "a.", "no", "tjue", "9", "æ@", "K.", "-"])
def test_a_word_of_a_hundred_thousand_letters_is_looked_through_like_any_other(unit: str) -> None:
    words = [*said("my name is"), Word(unit * 50_000, 1.1, 1.4, 0.2, 0), *said("takk", 0, 2.0)]
    with limited():
        findings = identifiers.find_identifiers(words, phonetic.prepare_names([unit * 1000, "Kari Eksempel"]))
    assert all(finding.end <= 3.0 for finding in findings)


def test_an_account_with_its_country_in_front_is_labelled_and_one_with_a_wrong_digit_goes_all_the_same() -> None:
    labels = []
    for digits in ("NO93 8601 1117 947", "NO93 8601 1117 948"):
        stream = tokenise(said(f"kontoen er {digits} ja"))
        labels += [(match.type, match.source) for match in numbers.find_numbers(stream, [False] * len(stream))]
    assert labels == [("code", "iban"), ("code", "rule")]
