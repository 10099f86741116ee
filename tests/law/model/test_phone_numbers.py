"""What people type as a number: one in groups, two at once, one that is wrong."""

from __future__ import annotations

import pytest

from arlo_rec.law.model.errors import ArloError, NothingMatched, Usage
from arlo_rec.law.model.phone_numbers import in_groups, is_in_use, numbers_in, one_number, parse_caller

LONG_GERMAN = "+493012345678"  # numbers there may be longer, so what is typed behind it may belong to it


@pytest.mark.parametrize(
    "typed",
    ["90000003", "900 00 003", "90 00 00 03", "9 0 0 0 0 0 0 3", "+47 900 00 003", "0047 900 00 003", "900-00-003"],
)
def test_words_that_together_are_one_number_are_one(typed: str) -> None:
    assert one_number(typed).reveal() == "+4790000003"
    assert [number.reveal() for number in numbers_in(typed.split())] == ["+4790000003"]


@pytest.mark.parametrize(
    "typed",
    [
        "90000003 90000004",
        "900 00 003 900 00 004",
        "90000003 900 00 004",
        "90000003,90000004",
        "+4790000003/+4790000004",
        "900 00 003\n900 00 004",
        "+46812345678 22000000",
    ],
)
def test_two_numbers_are_a_wrong_use(typed: str) -> None:
    with pytest.raises(Usage) as refused:
        one_number(typed)
    assert refused.value.code == "two_numbers"


def test_two_numbers_that_are_in_use_are_two_even_where_so_long_a_number_is_possible() -> None:
    assert is_in_use(parse_caller(LONG_GERMAN + "02800"))
    assert [number.reveal() for number in numbers_in([LONG_GERMAN, "02800"])] == [LONG_GERMAN, "+4702800"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("900 00 03", "not_a_number_digits"),
        ("900 00 0033", "not_a_number_digits"),
        ("", "not_a_number"),
        ("%", "not_a_number"),
        ("ola", "not_a_number"),
        ("pbx.call-3", "not_a_number"),
        ("٩٠٠٠٠٠٠٣", "not_a_number"),
        ("9" * 61, "not_a_number"),
        ("+46 1", "not_a_number"),
    ],
)
def test_what_is_no_number_is_told_by_what_is_wrong_with_it(typed: str, sentence: str) -> None:
    with pytest.raises(NothingMatched) as refused:
        one_number(typed)
    assert (refused.value.code, refused.value.sentence) == ("not_a_number", sentence)


@pytest.mark.parametrize("said", ["900 00 003", "412 34 567", "22 12 34 56", "800 12 345", "02580", "+46 70 123 45 67"])
def test_a_number_is_shown_as_people_say_it_and_is_the_same_number(said: str) -> None:
    number = parse_caller(said.replace(" ", ""))
    assert in_groups(number) == said
    assert parse_caller(in_groups(number)) == number


def test_a_number_that_no_telephone_has_is_known() -> None:
    assert is_in_use(parse_caller("90000003"))
    assert not is_in_use(parse_caller("12345678"))


def test_no_error_holds_the_number() -> None:
    for typed in ("900 00 03", "90000003 90000004"):
        with pytest.raises(ArloError) as refused:
            one_number(typed)
        assert "900" not in repr(refused.value) + str(refused.value)
