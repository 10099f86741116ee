"""What a number probably is, by its length and check digits. A label for whoever reviews; it decides nothing.

Sources: Skatteetaten (fødselsnummer, D-nummer), Bits (kontonummer, KID), Brønnøysundregistrene (organisasjonsnummer),
ISO/IEC 7812-1 (cards, Luhn), ISO 13616 (IBAN), Skatteverket (personnummer); Danish CPR numbers have no check digit
since 2007.
"""

from __future__ import annotations

_FIRST = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_SECOND = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_ACCOUNT = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_ORGANISATION = (3, 2, 7, 6, 5, 4, 3, 2)


def label(digits: str) -> str | None:
    """`national_id`, `account`, `organisation`, `card`, `kid`, `phone`, or None where nothing fits.

    Digits are 0 to 9: what else counts as one somewhere ("²", "٣") has no place in any of these.
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
    """A Norwegian number of 8 digits, or one with its country in front."""
    bare = digits.removeprefix("00")
    return (
        (len(digits) == 8 and digits[0] in "2345679")
        or (bare != digits and 9 <= len(bare) <= 15)
        or (digits.startswith(("47", "46", "45", "44")) and 10 <= len(digits) <= 13)
    )


def is_national_id(digits: str) -> bool:
    """A Norwegian fødselsnummer or D-number of 11 digits: both check digits, and a day that can be (D-numbers: +40)."""
    day, month = int(digits[:2]), int(digits[2:4])
    if not (1 <= day <= 31 or 41 <= day <= 71) or not (1 <= month <= 12 or 41 <= month <= 52 or 81 <= month <= 92):
        return False
    values = [int(each) for each in digits]
    first = -_weighted(values[:9], _FIRST) % 11
    return first == values[9] and -_weighted(values[:10], _SECOND) % 11 == values[10]


def is_account(digits: str) -> bool:
    """A Norwegian account of 11 digits, modulus 11."""
    values = [int(each) for each in digits]
    return -_weighted(values[:10], _ACCOUNT) % 11 == values[10]


def is_organisation(digits: str) -> bool:
    """A Norwegian organisation of 9 digits, modulus 11; begins with 8 or 9."""
    values = [int(each) for each in digits]
    return digits[0] in "89" and -_weighted(values[:8], _ORGANISATION) % 11 == values[8]


def is_luhn(digits: str) -> bool:
    """Modulus 10 with alternating weights (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, each in enumerate(reversed(digits)):
        value = int(each) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_kid_mod11(digits: str) -> bool:
    """A KID whose last digit is by modulus 11, weights 2 to 7 from the right."""
    values = [int(each) for each in digits]
    rest = -sum(value * (2 + place % 6) for place, value in enumerate(reversed(values[:-1]))) % 11
    return rest == values[-1]


def is_iban(text: str) -> bool:
    """Letters and digits of an IBAN, modulus 97 (ISO 13616)."""
    bare = text.upper()
    if not 15 <= len(bare) <= 34 or not bare.isalnum() or not bare.isascii() or not bare[:2].isalpha():
        return False
    moved = "".join(str(int(each, 36)) for each in bare[4:] + bare[:4])
    return int(moved) % 97 == 1


def _weighted(values: list[int], weights: tuple[int, ...]) -> int:
    return sum(value * weight for value, weight in zip(values, weights, strict=True))


def _is_day(day: str, month: str) -> bool:
    return 1 <= int(day) % 60 <= 31 and 1 <= int(month) <= 12
