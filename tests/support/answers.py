"""Answers to access requests of every kind, and the files that they become."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from arlo_rec.law.model.particulars import Particulars, Processor, Recipient
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.people.dsar.answer import (
    Answer,
    Case,
    CopyFacts,
    DamagedRecording,
    ErasedSince,
    ExportFacts,
    HoldFacts,
    IdentityCheck,
    NotTakenIn,
    ObjectionFacts,
    PastWithdrawal,
    PossibleAccess,
    RecordedAccess,
    RecordingFacts,
    Scope,
    Unsure,
    Utterance,
)
from arlo_rec.people.dsar.enclosures import enclosures
from arlo_rec.people.dsar.files import Enclosure, FileFacts
from arlo_rec.people.dsar.letter import render
from arlo_rec.people.dsar.page_file import PageFile
from arlo_rec.people.dsar.sounds import GivenSound
from arlo_rec.people.dsar.writing import Composition
from arlo_rec.sound import audio
from tests.support.sounds import tone_wav

PASSPHRASE = "2b7k-ærlig-kopi-90d"
SALT = bytes(range(16))
PROMPT = SHIPPED[0]
START = datetime(2026, 10, 1, 8, 15, 45, tzinfo=UTC)
NUMBER = "+4700000000"
PARTICULARS = Particulars(
    contact="Postboks 0, 0000 Oppdiktet",
    address="Storgata 0, 0000 Oppdiktet",
    data_protection="personvern@oppdiktet.example",
    data_protection_officer="Ida Oppdiktet, ombud@oppdiktet.example",
    notice="https://oppdiktet.example/personvern",
    processors=(
        Processor("Oppdiktet Drift AS", "drifter maskinene", "runs the machines", country="NO"),
        Processor(
            "Invented Cloud Ltd",
            "lagrer kopier",
            "stores copies",
            country="US",
            safeguards_nb="standardvilkår",
            safeguards_en="standard clauses",
        ),
    ),
    recipients=(Recipient("Oppdiktet Revisjon AS", "kontrollerer reglene", "checks the rules", country="NO"),),
    withdrawal_nb="Ring 900 00 000.",
    withdrawal_en="Call 900 00 000.",
    staff_notice="https://oppdiktet.example/ansatte",
    objection_nb="Skriv til personal@oppdiktet.example.",
    objection_en="Write to staff@oppdiktet.example.",
)


def own_speech(seconds: float, caller: int) -> bytes:
    stereo = tone_wav(seconds, encoding=audio.Encoding.PCM16)
    return audio.canonical_wav(audio.keep_channel(audio.read_wav(io.BytesIO(stereo), len(stereo)), caller))


OWN = RecordingFacts(
    id="0123456789abcdef0123456789abcdef",
    started_at=START,
    duration_s=92.5,
    team="fjellgruppa",
    purposes=("quality", "training"),
    consent_at=START - timedelta(seconds=1),
    consent_key="1",
    prompt_version=PROMPT.version,
    prompt_lang=PROMPT.lang,
    prompt_text=PROMPT.text,
    prompt_sha256=PROMPT.sha256.hex(),
    policy_version="2026-01",
    number=NUMBER,
    reference="1790842530.42",
    identifiers=("Kari Oppdiktet",),
    erased_on=START + timedelta(days=90),
    own_speech=True,
    withheld=None,
    copies=(CopyFacts(datetime(2026, 10, 3, 9, tzinfo=UTC), "released", datetime(2026, 10, 4, 9, tzinfo=UTC)),),
    accesses=(
        RecordedAccess(START + timedelta(days=2), "find", "quality", "manager"),
        RecordedAccess(START + timedelta(days=2, minutes=4), "export", "quality", "manager"),
        RecordedAccess(START + timedelta(days=2, minutes=9), "listen", "quality", "manager", certain=False),
        RecordedAccess(START + timedelta(days=20), "withdraw_shown", "withdrawal", "support"),
        RecordedAccess(START + timedelta(days=30), "dsar_other_employee_whole", None, "officer", of_another=True),
        RecordedAccess(START + timedelta(days=40), "dsar", None, "officer"),
    ),
    exports=(
        ExportFacts(START + timedelta(days=2, minutes=4), "recording", "manager", START + timedelta(days=9)),
        ExportFacts(START + timedelta(days=3), "copy", "officer", None),
        ExportFacts(START + timedelta(days=4), "copy", "manager", None),
        ExportFacts(START + timedelta(days=5), "answer", "officer", None),
    ),
    transcript_held=True,
    grants=(PossibleAccess("quality", "manager", START, START + timedelta(days=30), may_export=True),),
    copy_grants=(
        PossibleAccess("training", "manager", START + timedelta(days=2), START + timedelta(days=32), may_export=False),
    ),
    transcript=(Utterance(1.5, 4.25, "Hei, det piper fra alarmen."), Utterance(61.0, 64.5, "Ja, det er i gangen.")),
    peaks=tuple((7 * n * n) % 100 for n in range(150)),
)
LATER = replace(
    OWN,
    id="f" * 32,
    started_at=START + timedelta(days=30),
    duration_s=0.75,
    purposes=("training",),
    consent_at=START + timedelta(days=30),
    erased_on=START + timedelta(days=120),
    identifiers=(),
    grants=(),
    copy_grants=(),
    copies=(),
    accesses=(),
    exports=(ExportFacts(START + timedelta(days=32), "answer", "officer", None),),
    transcript_held=False,
    transcript=(),
    hold=HoldFacts("18c", START + timedelta(days=120), withdrawn=True),
)
MADE = START + timedelta(days=3)
MONO = replace(
    OWN,
    id="a" * 32,
    number=None,
    withheld="mono",
    copies=(CopyFacts(MADE, "needs_review"), CopyFacts(MADE, "ready")),
    copy_grants=(),
    hold=HoldFacts("18a", START + timedelta(days=100)),
)
ANSWER = Answer(
    case=Case(
        *("5e1f00c0ffee", "open", START + timedelta(days=39), date(2026, 12, 9), ("BankID, 10. november",)),
        *(3, "samtalene må høres én for én", (IdentityCheck(NUMBER, "BankID, 10. november"),)),
    ),
    answered_at=START + timedelta(days=40),
    identifiers=(NUMBER,),
    recordings=(OWN, LATER, MONO),
    damaged=(
        DamagedRecording(
            *("d" * 32, START, START + timedelta(days=90), "metadata_damaged"),
            purposes=("training",),
        ),
    ),
    scope=Scope(("1790842530.42",), START, START + timedelta(days=31)),
    outside_scope=2,
    sound_format="mp3",
    withdrawals=(PastWithdrawal(START + timedelta(days=20), 3, START + timedelta(days=117)),),
    backup_hours=24,
    entries_days=1095,
    whole_call_reason=None,
    particulars=PARTICULARS,
    policy_version="2026-01",
    log_vkey="arlo-rec/00ff+1a2b3c4d+AQID",
    erased_since=(
        ErasedSince(
            "5e" * 16,
            START - timedelta(days=60),
            START + timedelta(days=30),
            "expired",
            (RecordedAccess(START - timedelta(days=59), "listen", "training", "manager"),),
            (ExportFacts(START - timedelta(days=58), "recording", "manager", None),),
        ),
        ErasedSince("5f" * 16, START - timedelta(days=50), None, "expired"),
    ),
)
NOTHING = replace(
    ANSWER,
    case=replace(ANSWER.case, identity=("called-back",), stood_still_days=0, extension=None),
    recordings=(),
    erased_since=(),
    damaged=(),
    scope=None,
    outside_scope=0,
    backup_hours=None,
    particulars=Particulars(),
    withdrawals=(
        PastWithdrawal(
            *(START + timedelta(days=20), 3, START + timedelta(days=117), "number"),
            accesses=(RecordedAccess(START + timedelta(days=3), "export", "quality", "manager"),),
            exports=(ExportFacts(START + timedelta(days=3), "recording", "manager", None),),
        ),
    ),
)

NOT_TAKEN_IN = replace(
    NOTHING,
    not_taken_in=(
        NotTakenIn(START + timedelta(days=36), "unasked", START + timedelta(days=40)),
        NotTakenIn(START + timedelta(days=36), "stopped", START + timedelta(days=40)),
        NotTakenIn(START + timedelta(days=37), "faulty", START + timedelta(days=127)),
        NotTakenIn(START + timedelta(days=38), "waits", START + timedelta(days=128)),
        NotTakenIn(START + timedelta(days=38), "no_sound", START + timedelta(days=39)),
    ),
    spool_read=False,
)
DAMAGED = replace(
    ANSWER,
    damaged=(
        replace(
            ANSWER.damaged[0],
            purposes=OWN.purposes,
            copies=OWN.copies,
            accesses=OWN.accesses,
            grants=OWN.grants,
            copy_grants=OWN.copy_grants,
            exports=OWN.exports,
        ),
    ),
)
BY_TURNS = replace(MONO, id="b" * 32, withheld=None, unsure=(Unsure(3.5, 5.0),))
EMPLOYEE = replace(
    ANSWER,
    identifiers=("Ola Oppdiktet",),
    recordings=tuple(
        replace(facts, number=None, identifiers=("Ola Oppdiktet", "Ola O."), consent_at=None, consent_key=None)
        for facts in (OWN, LATER, MONO, replace(MONO, id="c" * 32, withheld="roles_unknown"), BY_TURNS)
    ),
    particulars=replace(PARTICULARS, staff_basis_nb="en berettiget interesse", staff_basis_en="a legitimate interest"),
    withdrawals=(),
    side="agent",
    objections=(
        ObjectionFacts(
            "training", "upheld", START.date(), None, START + timedelta(days=9), "the employee asked for it"
        ),
    ),
)

SCRIPTS = (
    "</script><script>window.ran = 1; alert(1)</script>",
    """"'><img src=x onerror="window.ran = 1">""",
    "<!-- <style>* { display: none }</style>",
    "Kari \u202eNordmann\u2066\x1b[2J",
    "{{ 7 * 7 }}{% if %}{# ${lang} {count} {0} &amp; %s",
)
HOSTILE = replace(
    ANSWER,
    case=replace(ANSWER.case, identity=(SCRIPTS[0],)),
    recordings=tuple(
        replace(OWN, id=str(n), team=one, reference=one, identifiers=(one,), prompt_text=one)
        for n, one in enumerate(SCRIPTS)
    ),
)


SOUNDS = {OWN.id: own_speech(1.5, caller=0), LATER.id: own_speech(0.75, caller=1)}


def sound_of(facts: RecordingFacts) -> bytes:
    """The sound of a recording: that of the first where it has none of its own."""
    return SOUNDS.get(facts.id, SOUNDS[OWN.id])


def sounds_of(answer: Answer) -> Iterator[GivenSound]:
    """The sound of each recording, as `given` gives it."""
    for facts in answer.recordings:
        if facts.withheld is not None:
            yield GivenSound(withheld=facts.withheld)
        else:
            yield GivenSound(audio.WAV, [sound_of(facts)], facts.peaks)


def built(answer: Answer, lang: str = "nb", passphrase: str = PASSPHRASE) -> bytes:
    """The page of an answer, with sounds that were not encoded."""
    return b"".join(Composition(PageFile(passphrase, lang, SALT), answer, sounds_of(answer), lang))


def opened(page: bytes, passphrase: bytes = PASSPHRASE.encode()) -> dict[str, Any]:
    """What is inside, by the steps that the page's script takes, in other code; `bodies` has the files by name."""
    found = re.search(rb'data-salt="(.*?)" data-rounds="(.*?)"', page)
    assert found
    key = AESGCM(_derived(passphrase, base64.b64decode(found[1]), int(found[2])))
    sealed = re.findall(rb'<script type="application/octet-stream;base64">(.*?)</script>', page)
    parts = [
        key.decrypt(
            number.to_bytes(11, "big") + bytes([number == len(sealed) - 1]),
            base64.b64decode(part, validate=True),
            b"arlo-rec access page 2",
        )
        for number, part in enumerate(sealed)
    ]
    content: dict[str, Any] = json.loads(parts.pop())
    content["bodies"] = {
        file["name"]: b"".join(parts[file["first"] : file["first"] + file["parts"]])
        for file in content["files"]
        if "page" not in file
    }
    return content


@cache
def _derived(passphrase: bytes, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase, salt, rounds)


def files_of(answer: Answer) -> list[FileFacts]:
    """What is said of the sounds of an answer, by names of the test's own."""
    return [
        Enclosure(f"recording-{number:02}.wav", "audio/wav", sound_of(facts), facts.id).facts
        for number, facts in enumerate(answer.recordings, 1)
        if facts.withheld is None
    ]


def letter_of(answer: Answer, lang: str = "nb") -> str:
    """The letter of an answer, as it stands in the package."""
    sounds = files_of(answer)
    return render(answer, [*sounds, *(file.facts for file in enclosures(answer, sounds))], lang)


def words(letter: str) -> str:
    """The text of a letter without its markup."""
    inline = re.sub(r"</?(?:a|bdi|time|span|q)\b[^>]*>", "", letter)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", inline)).split())
