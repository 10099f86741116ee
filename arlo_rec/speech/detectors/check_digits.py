"""Label a number by its length and check digits: national identity number, account, card ... The label only informs
the reviewer; a number is cut whatever its label is.

Sources: Skatteetaten (fødselsnummer, D-nummer), Bits (kontonummer, KID), Brønnøysundregistrene (organisasjonsnummer),
ISO/IEC 7812-1 (cards, Luhn), ISO 13616 (IBAN), Skatteverket (personnummer); Danish CPR numbers have no check digit
since 2007.
"""

from __future__ import annotations

_FIRST = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_SECOND = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_ACCOUNT = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_ORGANISATION = (3, 2, 7, 6, 5, 4, 3, 2)


def label_number(digits: str) -> str | None:
    """The label of a number: `national_id`, `account`, `organisation`, `card`, `kid`, `phone`, or None for any other.

    Only the digits 0 to 9 count; a text with any other digit ("²", "٣") has no label.
    """
    if not (digits.isascii() and digits.isdecimal()):
        return None
    if len(digits) == 11:
        return "national_id" if is_national_id(digits) else "account" if is_account(digits) else None
    if len(digits) == 9 and is_organisation(digits):
        return "organisation"
    if len(digits) in (10, 12) and is_luhn(digits[-10:]) and _is_day(digits[-6:-4], digits[-8:-6]):
        return "national_id"
    if 13 <= len(digits) <= 19 and is_luhn(digits) and digits[0] in "23456":
        return "card"
    if is_phone(digits):
        return "phone"
    return "kid" if 4 <= len(digits) <= 25 and (is_luhn(digits) or is_kid_mod11(digits)) else None


def is_phone(digits: str) -> bool:
    """Whether it is a Norwegian telephone number of 8 digits, or a number with a country code."""
    bare = digits.removeprefix("00")
    return (
        (len(digits) == 8 and digits[0] in "2345679")
        or (bare != digits and 9 <= len(bare) <= 15)
        or (digits.startswith(("47", "46", "45", "44")) and 10 <= len(digits) <= 13)
    )


def is_national_id(digits: str) -> bool:
    """Whether 11 digits are a Norwegian fødselsnummer or D-number (day + 40): both check digits and a valid date."""
    day, month = int(digits[:2]), int(digits[2:4])
    if not (1 <= day <= 31 or 41 <= day <= 71) or not (1 <= month <= 12 or 41 <= month <= 52 or 81 <= month <= 92):
        return False
    values = [int(digit) for digit in digits]
    first = -_weighted(values[:9], _FIRST) % 11
    return first == values[9] and -_weighted(values[:10], _SECOND) % 11 == values[10]


def is_account(digits: str) -> bool:
    """Whether 11 digits are a Norwegian bank account number (modulus 11)."""
    values = [int(digit) for digit in digits]
    return -_weighted(values[:10], _ACCOUNT) % 11 == values[10]


def is_organisation(digits: str) -> bool:
    """Whether 9 digits are a Norwegian organisation number: first digit 8 or 9, modulus 11."""
    values = [int(digit) for digit in digits]
    return digits[0] in "89" and -_weighted(values[:8], _ORGANISATION) % 11 == values[8]


def is_luhn(digits: str) -> bool:
    """Whether the last digit is a Luhn check digit: modulus 10 with alternating weights (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        weighted = int(digit) * (1 + position % 2)
        total += weighted - 9 if weighted > 9 else weighted
    return total % 10 == 0


def is_kid_mod11(digits: str) -> bool:
    """Whether the last digit is a KID's check digit by modulus 11, with weights 2 to 7 from the right."""
    values = [int(digit) for digit in digits]
    check = -sum(value * (2 + position % 6) for position, value in enumerate(reversed(values[:-1]))) % 11
    return check == values[-1]


def is_iban(text: str) -> bool:
    """Whether letters and digits without blanks are a valid IBAN, modulus 97 (ISO 13616)."""
    bare = text.upper()
    if not 15 <= len(bare) <= 34 or not bare.isalnum() or not bare.isascii() or not bare[:2].isalpha():
        return False
    moved = "".join(str(int(character, 36)) for character in bare[4:] + bare[:4])
    return int(moved) % 97 == 1


def _weighted(values: list[int], weights: tuple[int, ...]) -> int:
    return sum(value * weight for value, weight in zip(values, weights, strict=True))


def _is_day(day: str, month: str) -> bool:
    return 1 <= int(day) % 60 <= 31 and 1 <= int(month) <= 12
