"""The letter that answers an access request (GDPR 15), as HTML: seven short parts, each under its heading.

Its text is in `page/letter.nb.html.j2` and `page/letter.en.html.j2`: the whole letter in order, a file per language, so
that a lawyer can read and change it without reading code. This module supplies the values: the answer's facts,
times in the zone of the policy, and the words for codes (`letter.json`). `package` encrypts the letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from arlo_rec.dsar.answer import Answer, RecordingFacts
from arlo_rec.dsar.files import FileFacts
from arlo_rec.i18n.formats import Formats
from arlo_rec.i18n.messages import say
from arlo_rec.i18n.pages import render as render_page
from arlo_rec.model.records import to_iso
from arlo_rec.policy import CASE_RETENTION, IDENTITY_WAYS, Purpose

PAGE: Final = Path(__file__).with_name("page")


def render(answer: Answer, files: Sequence[FileFacts], lang: str) -> str:
    """The letter in `nb` or `en`; the page's script replaces `data-file` by the sound."""
    formats = Formats(lang)
    return render_page(
        PAGE,
        f"letter.{lang}.html.j2",
        case=answer.case,
        answered_at=answer.answered_at,
        identifiers=answer.identifiers,
        recordings=answer.recordings,
        withdrawals=answer.withdrawals,
        backup_hours=answer.backup_hours,
        particulars=answer.particulars,
        outside_eea=[each for each in answer.particulars.processors or () if each.is_outside_eea],
        case_days=CASE_RETENTION.days,
        lang=lang,
        identity_ways=IDENTITY_WAYS,
        whole_call_reason=answer.whole_call_reason,
        policy_version=answer.policy_version,
        log_vkey=answer.log_vkey,
        files={file.name: file for file in files},
        sounds={file.recording: file for file in files if file.recording is not None},
        purposes_of=_purposes_of,
        word=lambda kind, code: say(f"letter.{kind}.{code}", lang),
        day=formats.day,
        instant=formats.instant,
        duration=formats.duration,
        iso=to_iso,
    )


def _purposes_of(recordings: Iterable[RecordingFacts]) -> list[Purpose]:
    """The purposes that the prompts of these recordings named, in the order of the guidelines."""
    named = {purpose for recording in recordings for purpose in recording.purposes}
    return [purpose for purpose in Purpose if purpose in named]
