"""What is enclosed with the letter beside the sounds: the answer in the forms that programs read."""

from __future__ import annotations

from collections.abc import Sequence

from arlo_rec.dsar import data
from arlo_rec.dsar.answer import Answer
from arlo_rec.dsar.files import Enclosure, FileFacts


def enclosures(answer: Answer, sounds: Sequence[FileFacts]) -> list[Enclosure]:
    """The files beside the sounds, in the order in which the letter lists them; *sounds* are those of the package."""
    return [
        Enclosure(data.NAME, "application/json", data.data_json(answer, sounds)),
        Enclosure(data.SCHEMA_NAME, "application/schema+json", data.schema_json()),
    ]
