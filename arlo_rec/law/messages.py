"""Sentences for people, by code, in Norwegian (bokmål) and English.

The sentences are data: one JSON file per subject in `sentences/`, each code with both languages. A file is read when
a code of it is first needed; the first word of a code says which file holds it (`SUBJECTS`). A test checks that both
languages are complete, that their placeholders are equal, and that every code in use reaches its sentence.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Final

_VISIBLE = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def clean(text: str) -> str:
    """*text* with everything that could deceive a reader or control a terminal written as a visible escape.

    Escape sequences, C1 controls, bidi marks, line separators, lone surrogates and unassigned or private
    characters become `\\x1b` or `\\u202e`; everything else is unchanged.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if _is_harmless(sign) else _escaped(sign) for sign in text)


def _is_harmless(sign: str) -> bool:
    return unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # bidi marks are Cf


def _escaped(sign: str) -> str:
    if sign in _VISIBLE:
        return _VISIBLE[sign]
    point = ord(sign)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"


LANGUAGES: Final = ("nb", "en")
SUBJECTS: Final = {  # file -> the first words of its codes
    "accesses": "accesses",
    "access": "request grant grants revoke grant_state purpose find export recipients all_teams names teams todo listen",
    "cases": "case cases case_state known_by notice right ground hold holds hold_ground hold_state",
    "common": "column ask yes no nowhere date",
    "consent": "consent",
    "demo": "demo",
    "desk": "desk",
    "dsar": "dsar particular user",
    "erasure": "withdraw purge erasure certificate receipt would",
    "errors": "error nearest why",
    "help": "help opt arg panel section usage exit example",
    "identities": "person handover recovery rotate init trust authority unlock lock notices objection",
    "intake": "ingest map refused sound unclear",
    "letter": "letter",
    "listening": "listening",
    "manual": "manual",
    "oversight": "report breach problem status critical warning verify audit outcome weak_disk clock metrics doctor picture",
    "policy": "policy prompt",
    "progress": "progress",
    "recovery": "backup restore drill upgrade objects catalogue move move_part",
    "units": "units",
    "training": "pseudonymise review release reject cut cuts cut_source cut_status copy bench worker",
}
_SUBJECT_OF: Final = {word: subject for subject, words in SUBJECTS.items() for word in words.split()}
_FOLDER: Final = Path(__file__).with_name("sentences")
_ENGINES: Final = "arlo_rec.engines"  # the entry points of `vault.backends.elsewhere`


_FREQUENT: Final = {  # words that the other language does not have
    "nb": frozenset(
        re.findall(r"\w+", "og er det ikke som til av på har må vi du den hun vil kan ble fra om et en å mange")
    ),
    "en": frozenset(
        re.findall(r"\w+", "the and is of not that has must we you they are was with this many be been it")
    ),
}


def language_of(text: str) -> str | None:
    """The language of somebody's words, by frequent ones; None if these do not tell."""
    words = re.findall(r"\w+", text.casefold())
    counts = {lang: sum(word in frequent for word in words) for lang, frequent in _FREQUENT.items()}
    first, second = sorted(counts, key=lambda lang: -counts[lang])
    return first if counts[first] > counts[second] else None


def say(code: str, lang: str, **values: object) -> str:
    """The sentence of *code* in *lang*, with its values sanitised; raises KeyError for an unknown code."""
    return _filled(_template(code, lang), values)


def values_of(code: str) -> frozenset[str]:
    """The names of the values in the sentence of *code*; raises KeyError for an unknown code."""
    return frozenset(name for _, name, _, _ in Formatter().parse(_template(code, "en")) if name)


def say_without_command(code: str, lang: str, **values: object) -> str:
    """The same up to the clause that names a command, for a page, which has a button instead."""
    template = _template(code, lang)
    before, command, _ = template.partition("arlo-rec ")
    ends = max(before.rfind(": "), before.rfind(". ") + 1) if command else 0
    return _filled(template[:ends] or template, values)


def _template(code: str, lang: str) -> str:
    return _subject(_SUBJECT_OF[code.partition(".")[0]])[code]["nb" if lang == "nb" else "en"]


def _filled(template: str, values: Mapping[str, object]) -> str:
    return template.format(**{key: clean(_shown(value)) for key, value in values.items()})


def _shown(value: object) -> str:
    """A value as people read it: an instant in the policy's zone, a day as it is written, names of a set in order."""
    if isinstance(value, datetime):
        from arlo_rec.law.model.times import shown

        return shown(value)
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value)))
    return str(value)


def say_or(code: str, lang: str, otherwise: str) -> str:
    """The sentence of *code*, or *otherwise* where it has none."""
    return say(code, lang) if has(code) else otherwise


def has(code: str) -> bool:
    """Whether there is a sentence of that code."""
    subject = _SUBJECT_OF.get(code.partition(".")[0])
    return subject is not None and code in _subject(subject)


def group(beginning: str) -> dict[str, dict[str, str]]:
    """The sentences whose codes begin with *beginning* and a dot: by the rest of the code, then by language."""
    subject = _subject(_SUBJECT_OF[beginning.partition(".")[0]])
    return {code[len(beginning) + 1 :]: pair for code, pair in subject.items() if code.startswith(f"{beginning}.")}


def every() -> dict[str, tuple[str, str]]:
    """All sentences, Norwegian and English, by code."""
    return {
        code: (sentence["nb"], sentence["en"]) for subject in SUBJECTS for code, sentence in _subject(subject).items()
    }


@cache
def _subject(name: str) -> dict[str, dict[str, str]]:
    sentences: dict[str, dict[str, str]] = json.loads((_FOLDER / f"{name}.json").read_bytes())
    return sentences if name != "manual" else sentences | _of_engines()


def _of_engines() -> dict[str, dict[str, str]]:
    """The sentences on settings of engines, in `sentences.json` of their folders; no engine is imported."""
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    sentences: dict[str, dict[str, str]] = {}
    for place in {point.module for point in entry_points(group=_ENGINES)}:
        spec = find_spec(place)
        file = Path(spec.origin).with_name("sentences.json") if spec is not None and spec.origin else None
        if file is not None and file.exists():
            sentences |= json.loads(file.read_bytes())
    return dict(sorted(sentences.items()))
