"""Every statement of an access answer against the log, for combinations of all that a store can hold of a caller.

The log is read here as an auditor sees it, by other code than the answer's.
"""

from __future__ import annotations

import html
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from arlo_rec.commands.run import Run
from tests.dsar_package import opened
from tests.support.backups import back_up
from tests.support.copies import WHY, propose
from tests.support.world import REASON, World

pytestmark = [pytest.mark.slow, pytest.mark.rule("access.subject")]
SAMPLE = 16  # combinations of an ordinary run
ROLES = {"sigrid": "officer", "leif": "manager", "turid": "manager", "siri": "support"}
QUALITY = ("--purpose", "quality", "--reason", REASON)
BOTH, TRAINING_ONLY = "nb-2026-01", "nb-2025-01"


@dataclass(frozen=True)
class Held:
    """What a store holds of a caller, and what was done with it."""

    sound: str  # "stereo", "mono", or "none": there is no recording
    prompt: str
    copy: str  # "none", "needs_review", "ready", "released"
    quality: bool  # somebody may listen to the recording
    training: bool  # somebody may listen to its copy
    heard: bool  # what somebody may hear, they heard
    withdrawn: bool  # a consent before it
    backup: bool

    @property
    def is_possible(self) -> bool:
        if self.sound == "none":
            return (self.prompt, self.copy, self.heard) == (BOTH, "none", False)
        return True


EVERY = [
    held
    for held in map(
        Held,
        *zip(
            *product(
                ("stereo", "mono", "none"),
                (BOTH, TRAINING_ONLY),
                ("none", "needs_review", "ready", "released"),
                *[(False, True)] * 5,
            ),
            strict=True,
        ),
    )
    if held.is_possible
]


def lived(world: World, held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done in the store."""
    if held.withdrawn:
        world.take_in("earlier", seed=5)
        world.json("withdraw", "90000001", "--yes", who="siri")
        monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(hours=1))
    if held.quality:
        world.grant("leif")
    if held.training:
        world.grant("turid", "training")
    if held.backup:
        back_up(world)
    if held.sound == "none":
        return
    started = datetime.now(UTC) + timedelta(minutes=50 if held.withdrawn else -10)
    how: dict[str, Any] = {"channels": 1} if held.sound == "mono" else {}
    (call,) = world.take_in("call", started=started, consent={"prompt": held.prompt}, **how)
    if held.heard and held.quality and held.prompt == BOTH:
        world.json("find", *QUALITY, who="leif")
        world.json("export", call, *QUALITY, "--out", str(world.base / "call.wav"), who="leif")
    if held.copy != "none":
        made = propose(world, call)["copy"]
        if held.heard and held.quality and held.prompt == BOTH:
            part = ("--hear", "0-0.2", "--reason", REASON, "--out", str(world.base / "part.wav"))
            world.json("review", made, *part, who="leif")
        if held.copy != "needs_review":
            world.json("review", made, "--confirm", who="sigrid")
        if held.copy == "released":
            given = world.json("release", made, "--reason", WHY, who="sigrid")["copy"]["copy"]
            if held.heard and held.training:
                words = ("--purpose", "training", "--reason", REASON, "--out", str(world.base / "copy.wav"))
                world.json("export", given, *words, who="turid")


@dataclass
class Log:
    """What the log says, read once more."""

    entries: list[dict[str, Any]]

    def of(self, action: str, outcome: str) -> list[dict[str, Any]]:
        return [one for one in self.entries if (one["action"], one["outcome"]) == (action, outcome)]

    def accesses(self, call: str) -> list[tuple[str, str]]:
        """Each look at a call or a copy of it: what, and by whom."""
        named, found = {call}, []
        for one in self.entries:
            if one.get("detail", {}).get("parent") == call:
                named |= set(one.get("recordings", ()))
        for one in self.entries:
            if one["outcome"] == "allowed" and one["action"] != "ingest" and named & set(one.get("recordings", ())):
                what = {"withdraw": "withdraw_shown"}.get(one["action"], one["action"])
                what = "hear" if "seconds" in one.get("detail", {}) else what
                found.append((what, ROLES[one["person"]]))
        return sorted(found)

    def copies(self, call: str) -> list[str]:
        """The state of each copy of a call that was not made into another."""
        states: dict[str, str] = {}
        for one in self.entries:
            detail = one.get("detail", {})
            for name in one.get("recordings", ()):
                if detail.get("parent") == call and one["outcome"] == "done" and "sworn" in detail:
                    states.pop(str(detail.get("replaces")), None)
                    states[name] = detail["state"]
                elif one["action"] == "review" and name in states and "seconds" not in detail:
                    states[name] = "ready" if one["outcome"] == "allowed" and "cuts" in detail else states[name]
                elif one["outcome"] == "done" and "why" in detail:
                    states.pop(name, None)
        return sorted(states.values())
