"""Every reason for which a transcript is refused is said in both languages, and every warning of a plan."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import arlo_rec
from arlo_rec.law.messages import every

SPEECH = Path(arlo_rec.__file__).parent / "words"
REFUSED = re.compile(r'transcript_error\(\s*"(\w+)"|why="(\w+)"|_misfit\([^)]*"(\w+)"\)|return "(\w+)"')


def codes(place: str) -> set[str]:
    """The codes in the modules of `speech` whose names begin so."""
    sources = (path.read_text("utf-8") for path in SPEECH.glob(f"{place}*.py"))
    return {code for source in sources for found in REFUSED.findall(source) for code in found if code}


@pytest.mark.parametrize(
    ("place", "known"),
    [("transcript_", {"unknown_form", "no_words", "out_of_order"}), ("alignment", {"another_call", "too_many_words",
      "too_many_redactions", "no_such_channel", "covers_too_little", "jumps", "milliseconds"})],
)  # fmt: skip
def test_every_reason_for_which_a_transcript_is_refused_has_its_sentence(place: str, known: set[str]) -> None:
    found = codes(place)
    assert known <= found
    reasons = {code: pair for code, pair in every().items() if code.startswith("why.")}
    for code in found - {"nb", "en", "webvtt", "srt", "whisper.cpp"}:
        if place == "alignment" or f"why.{code}" in reasons:
            assert all(reasons[f"why.{code}"]), code
    assert all(f"why.{code}" in reasons for code in known)


@pytest.mark.parametrize(
    "code",
    ["transcript_wrong", "transcript_misfit", "engine_heard_too_little", "engine_not_understood", "track_unknown",
     "transcript_not_used", "transcripts_of_many", "file_unreadable", "file_too_large", "words_missing"],
)  # fmt: skip
def test_every_way_in_which_transcripts_are_refused_has_its_sentence(code: str) -> None:
    norwegian, english = every()[f"error.{code}"]
    assert norwegian and english and norwegian != english


@pytest.mark.parametrize(
    "code",
    sorted(set(re.findall(r"yield \"(\w+)\"", (SPEECH / "planner.py").read_text("utf-8"))) | {"engine_not_understood"}),
)
def test_every_warning_has_its_sentence(code: str) -> None:
    assert all(every()[f"warning.{code}"])
