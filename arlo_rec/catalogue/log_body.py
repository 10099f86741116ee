"""The body of a log entry: canonical JSON, read strictly, and quickly where it says what most of them say."""

from __future__ import annotations

import re
from typing import Any

from arlo_rec.model.strict_json import parse_object

Body = tuple[int, bytes | None]  # an entry's number and canonical JSON (None where somebody deleted the body)
EntryRow = tuple[int, bytes, bytes | None, bytes]  # its number, salt, body and leaf
LONGEST = 64 * 1024  # bytes; most have 300
LONGEST_POLICY = 1024 * 1024  # of a proposed policy, which holds every prompt that there was
LONGEST_OF_MANY = 64 * 1024 * 1024  # of an action that names each of its recordings, with 35: nearly two million
_POLICY = b'{"action":"policy propose"'
_OF_MANY = re.compile(rb'\{"action":"(?:consent|dsar|expire|find|forget|objection|purge|restore|withdraw)"')
# A call that was taken in, letter by letter as it is written; whatever differs is read as JSON
_CALL = re.compile(
    r'\{"action":"ingest","at":"([-0-9T:.Z]+)","detail":\{"prompt":"([\w.-]+)","sworn":"([0-9a-f]+)","week":"([\w-]+)"\},'
    r'"outcome":"allowed","person":"([\w .-]+)","policy":"([\w.-]+)","recordings":\["([0-9a-f]+)"\],'
    r'"rule":"consent\.press1"\}',
    re.ASCII,
)


def is_bounded(body: bytes) -> bool:
    """Whether an entry is as short as the program writes it: nothing longer is written or read."""
    if body.startswith(_POLICY):
        return len(body) <= LONGEST_POLICY
    return len(body) <= (LONGEST_OF_MANY if _OF_MANY.match(body) else LONGEST)


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON of an entry's body; raises ValueError where it cannot be read.

    Nine of ten entries are calls that were taken in: these take a quarter of the time of JSON.
    """
    call = _CALL.fullmatch(body.decode("ascii")) if body.isascii() else None
    if call is None:
        if not is_bounded(body):
            raise ValueError("too long an entry")
        return parse_object(body, max_bytes=len(body))
    at, prompt, sworn, week, person, policy, recording = call.groups()
    return {
        "action": "ingest",
        "at": at,
        "detail": {"prompt": prompt, "sworn": sworn, "week": week},
        "outcome": "allowed",
        "person": person,
        "policy": policy,
        "recordings": [recording],
        "rule": "consent.press1",
    }
