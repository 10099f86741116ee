"""What `withdraw` and `purge` say of an erasure: which recordings, and which copies that left somebody must delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arlo_rec.commands.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arlo_rec.access.disclosures import Disclosure
    from arlo_rec.model.records import Recording

SHOWN_DIGITS = 16  # of a checksum; the JSON has all 64


def recordings_json(recordings: Sequence[Recording]) -> list[dict[str, Any]]:
    """The JSON of recordings that are erased: their ids and times, and nothing about a person."""
    from arlo_rec.model.records import to_iso

    return [{"id": recording.id.hex(), "started_at": to_iso(recording.started_at)} for recording in recordings]


def disclosures_json(disclosures: Sequence[Disclosure]) -> list[dict[str, Any]]:
    """The JSON of disclosures: who was given a copy, and whether it still has to be deleted."""
    from arlo_rec.model.records import to_iso

    return [
        {
            "id": disclosure.id,
            "kind": disclosure.kind,
            "person": disclosure.person,
            "at": to_iso(disclosure.at),
            "recordings": disclosure.recordings,
            "erased": disclosure.erased,
            "state": disclosure.state,
            "case": disclosure.case,
            "sha256": disclosure.sha256,
            "file": disclosure.file,
        }
        for disclosure in disclosures
    ]


def must_delete(run: Run, disclosures: Sequence[Disclosure], *, would: bool = False) -> list[str]:
    """One line for each copy that somebody must delete, and for each backup that will forget; or *would*."""
    from arlo_rec.model.times import shown

    lines = []
    for disclosure in disclosures:
        if disclosure.state != "confirmed":
            values = {"id": disclosure.id, "person": disclosure.person or "", "at": shown(disclosure.at)}
            values |= {"case": disclosure.case or "", "sha256": (disclosure.sha256 or "")[:SHOWN_DIGITS]}
            unfinished = "_unfinished" if disclosure.kind == "package" and disclosure.sha256 is None else ""
            verb = "would_delete" if would else "delete"
            lines.append(run.say(f"recipients.{verb}.{disclosure.kind}{unfinished}", **values))
    return lines
