"""What companies hand in about what was said: transcripts of every form, and lists of what is to be cut."""

from __future__ import annotations

from arlo_rec.law.model.errors import Usage
from arlo_rec.sound.audio import cut_list
from arlo_rec.words import transcript_reading
from arlo_rec.words.detectors import identifiers, phonetic
from tests.fuzz.target import Target
from tests.support.places import WORDS

MOST = 400  # words that are looked through: what takes time is judged elsewhere
_KNOWN = phonetic.prepare_names(["Kari Eksempel", "Brandon Foster"])


def _transcript(raw: bytes) -> bool:
    try:
        read = transcript_reading.read(raw)
    except Usage as refused:
        assert refused.code == "transcript_wrong" and refused.detail["why"]
        return False
    assert read.form in transcript_reading.FORMS
    assert all(0 <= one.start <= one.end and one.text.strip() for one in read.words)
    for finding in identifiers.find_identifiers(read.words[:MOST], _KNOWN):
        assert 0 <= finding.start <= finding.end
    return True


def _cuts(raw: bytes) -> bool:
    try:
        cuts = cut_list.read(raw)
    except Usage as refused:
        assert refused.code in {"cuts_wrong", "cuts_empty"}
        return False
    assert all(0 <= one.start < one.end and one.types for one in cuts)
    return True


_CUTS = [
    b"1.5\t2.25\tname\n\\\t300.0\t3400.0\n3\t3.75\tKari\n",
    b";; comment\nfile A 0.5 0.25 Kari 0.9\nfile 2 1.5 0.25 number\n",
    b'{"cuts": [{"start": 0.5, "end": 1.25, "type": "name", "channels": [0]}, {"start": 3, "end": 4}]}',
]
TARGETS = [
    Target("transcript", [one.read_bytes() for one in sorted(WORDS.iterdir())], _transcript),
    Target("list of cuts", _CUTS, _cuts),
]
