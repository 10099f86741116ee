"""Prompts that callers hear: those of a new store, and the check of required and forbidden content. Pure.

A changed text is a new version, never an edit. The wording is ours. `nb-2025-01` names training only, as the
customer's own text does, so its recordings are never opened for quality assurance (consent.purposes).

Required content follows the guidelines (consent.prompt, consent.press1, consent.press2) and the Norwegian data
protection authority, which does not accept that a call *may* be recorded. The check looks for words in Norwegian and
English and understands nothing: a person still has to read a prompt without a finding.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import Final

from arlo_rec.law.model.consent import DECLINED, Prompt
from arlo_rec.policy import Purpose

_BOTH = frozenset(Purpose)

SHIPPED: Final[tuple[Prompt, ...]] = (
    Prompt(
        "nb-2026-01",
        "nb",
        "Du har ringt kundeservice hos Verisure Arlo Europe DAC. Hvis du samtykker, tar vi opp samtalen: stemmen din "
        "og det du forteller. Vi bruker opptaket til opplæring av kundebehandlerne våre og til kvalitetssikring. Du "
        "kan når som helst trekke samtykket ved å kontakte oss; da fjerner vi opptaket fra systemene våre. Mer står "
        "i personvernerklæringen på nettsidene våre. Tast 1 for å samtykke, tast 2 for å snakke med oss uten opptak.",
        _BOTH,
        date(2026, 1, 1),
    ),
    Prompt(
        "en-2026-01",
        "en",
        "You have called customer service at Verisure Arlo Europe DAC. If you consent, we record the call: your "
        "voice and what you tell us. We use the recording to train our agents and for quality assurance. You can "
        "withdraw your consent at any time by contacting us; we then remove the recording from our systems. Read "
        "more in the privacy notice on our website. Press 1 to consent, press 2 to talk to us without a recording.",
        _BOTH,
        date(2026, 1, 1),
    ),
    Prompt(
        "nb-2025-01",
        "nb",
        "Du har ringt kundeservice hos Verisure Arlo Europe DAC. Hvis du samtykker, tar vi opp samtalen: stemmen din "
        "og det du forteller. Vi bruker opptaket til opplæring av kundebehandlerne våre. Du kan når som helst trekke "
        "samtykket ved å kontakte oss; da fjerner vi opptaket fra systemene våre. Mer står i personvernerklæringen "
        "på nettsidene våre. Tast 1 for å samtykke, tast 2 for å snakke med oss uten opptak.",
        frozenset({Purpose.TRAINING}),
        date(2025, 1, 1),
        until=date(2025, 12, 31),
        taken_after_end=True,  # for training alone; `status` says that an exchange still plays it
    ),
)

# -- required and forbidden content -------------------------------------------------------------------

LANGUAGES: Final = ("nb", "en")
_COMMON: Final = {  # words that identify a language; the lists are disjoint
    "nb": r"\b(?:du|og|vi|ikke|ikkje|samtalen|samtala|opptaket|tast|til|av|hos|når)\b",
    "en": r"\b(?:you|and|we|not|the|call|recording|press|to|of|our|when)\b",
}
_WANTED: Final = {  # by code: required, in each language
    "recorded": {
        "nb": r"\b(?:tar|tek) vi opp\b|\bvi (?:tar|tek) opp\b|\b(?:blir|vert) (?:tatt|teke) opp\b|\btas opp\b",
        "en": r"\bwe (?:will )?record\b|\b(?:is|are|will be) (?:being )?recorded\b",
    },
    "voice": {"nb": r"\b(?:stemme|stemmen|røyst|røysta)\b", "en": r"\bvoice\b"},
    "content": {
        "nb": r"\b(?:det|hva|kva) (?:du|dere) (?:forteller|fortel|sier|seier|opplyser)\b"
        r"|\bopplysning(?:er|ar|ene|ane)\b|\binformasjon\w*\b",
        "en": r"\bwhat you (?:say|tell)\b|\binformation\b",
    },
    "voluntary": {
        "nb": r"\b(?:hvis|viss|om|dersom) du samtykke?r\b|\bfrivillig\b|\bfor å samtykke\b",
        "en": r"\bif you (?:consent|agree)\b|\bvoluntary\b|\bto consent\b",
    },
    "withdraw": {
        "nb": r"\btrekk(?:e|er|je|jer)?\b[^.:;!?]*\b(?:samtykke\w*|tilbake|deg)\b",
        "en": r"\bwithdraw\w*\b",
    },
    "more": {"nb": r"\bpersonvernerklæring\w*\b", "en": r"\bprivacy (?:notice|policy|statement)\b"},
}
_DIGITS: Final = {  # the keys of a telephone as they are spoken
    **{"1": ("1|én|ein|en", "1|one"), "2": ("2|to", "2|two"), "3": ("3|tre", "3|three"), "4": ("4|fire", "4|four")},
    **{"5": ("5|fem", "5|five"), "6": ("6|seks", "6|six"), "7": ("7|sju|syv", "7|seven"), "8": ("8|åtte", "8|eight")},
}
# Words of a company's name that do not tell it from another
_COMMON_NAMES: Final = re.compile(
    r"(?:as|asa|sa|ab|dac|ltd|limited|plc|inc|llc|gmbh|bv|group|holding|europe|norge|norway|nordic|kundeservice)"
)
_TRAINING: Final = {"nb": r"\bopplæring\w*\b|\blære opp\b", "en": r"\btrain\w*\b"}
_QUALITY: Final = {"nb": r"\bkvalitet\w*\b", "en": r"\bquality\b"}
_UNWANTED: Final = {  # by code: forbidden
    "may": {
        "nb": r"\b(?:kan|kunne)(?: \w+){0,3} (?:(?:bli|verte) (?:tatt|teke)|tas|takast|ta) opp\b"
        r"|\bkan (?:bli|verte) (?:lagret|lagra|registrert)\b",
        "en": r"\b(?:may|might|could|can)(?: also)? be (?:recorded|monitored|stored)\b|\bmay record\b",
    },
    "third": {
        "nb": r"\b(?:markedsføring|marknadsføring|reklame|salg\w*|sal|profilering|produktutvikling|statistikk)\b",
        "en": r"\b(?:marketing|advertising|sales|profiling|product development|statistics)\b",
    },
    "anonymous": {"nb": r"\banonym\w*\b", "en": r"\banonym\w*\b"},
}


def language_of(text: str) -> str | None:
    """The language of a prompt; None for any other."""
    counts = {lang: len(re.findall(words, _plain(text))) for lang, words in _COMMON.items()}
    best = max(LANGUAGES, key=lambda lang: counts[lang])
    return best if counts[best] >= 3 and sorted(counts.values())[0] < counts[best] else None


def findings(text: str, controller: str, keys: Iterable[str] = ("1",)) -> list[str]:
    """Missing and forbidden content of a prompt, as codes in the order of the prompt; *keys* are those that it offers.

    The text must name each of them, and key 2.
    """
    plain, lang = _plain(text), language_of(text)
    if lang is None:
        return ["language"]
    missing = [] if _names(plain, controller) else ["who"]
    lacking = [code for code, words in _WANTED.items() if not re.search(words[lang], plain)]
    lacking += [f"key{key}" for key in sorted({*keys, DECLINED}) if not re.search(_press(key, lang), plain)]
    unwanted = [code for code, words in _UNWANTED.items() if re.search(words[lang], plain)]
    if "may" in unwanted:  # one remedy for both
        lacking = [code for code in lacking if code != "recorded"]
    return [*missing, *lacking, *_purposes(plain, lang), *unwanted]


def purposes_named(text: str) -> frozenset[Purpose]:
    """The purposes that a prompt names; none if its language is unknown."""
    plain, lang = _plain(text), language_of(text)
    words = {Purpose.TRAINING: _TRAINING, Purpose.QUALITY: _QUALITY}
    return frozenset(purpose for purpose in Purpose if lang is not None and re.search(words[purpose][lang], plain))


def _names(plain: str, controller: str) -> bool:
    """Whether a prompt names the company, by the whole name or by a word that tells it from others."""
    words = [word for word in re.findall(r"\w{3,}", _plain(controller)) if not _COMMON_NAMES.fullmatch(word)]
    return _plain(controller) in plain or any(re.search(rf"\b{re.escape(word)}\b", plain) for word in words)


def _press(key: str, lang: str) -> str:
    """A pattern of "press 1", "press 1 to consent or 2", and the same with the digit as a word."""
    digits = _DIGITS[key][LANGUAGES.index(lang)]
    verb = r"(?:tast|taste|taster|trykk|trykke|trykker)" if lang == "nb" else r"press"
    return rf"\b{verb} (?:[^.:;!?]*\b(?:eller|og|or|and) )?(?:{digits})\b"


def _purposes(plain: str, lang: str) -> list[str]:
    names = bool(re.search(_TRAINING[lang], plain)), bool(re.search(_QUALITY[lang], plain))
    return {(True, True): [], (True, False): ["training_only"], (False, True): ["quality_only"]}.get(
        names, ["purposes"]
    )


def _plain(text: str) -> str:
    """Lower-case letters, one blank between words, no soft hyphens."""
    joined = unicodedata.normalize("NFKC", text).replace("\u00ad", "")
    return " ".join(joined.casefold().split())
