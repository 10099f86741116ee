"""Every statement of an access answer against the log, for combinations of all that a store can hold of a caller.

The log is read here as an auditor sees it, by other code than the answer's.
"""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from arlo_rec.edge.commands.run import Run
from arlo_rec.people.dsar.enclosures import schema_json
from tests.support import world as worlds
from tests.support.answers import opened, words
from tests.support.backups import back_up
from tests.support.copies import CONFIRM, WHY, propose
from tests.support.world import REASON, World

pytestmark = [pytest.mark.slow, pytest.mark.rule("access.subject")]
SCHEMA = Draft202012Validator(json.loads(schema_json()))
SAMPLE = 8  # combinations of an ordinary run, beside the fullest
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
    heard: bool  # what somebody may hear, they heard; and whoever saved the recording confirmed that it is deleted
    withdrawn: bool  # a consent before it
    backup: bool
    saved: bool  # a file of what was withdrawn, and nobody confirmed that it is deleted
    not_taken_in: bool  # a call that was refused, in the folder of the exchange
    on_hold: bool

    @property
    def is_possible(self) -> bool:
        if self.saved and not self.withdrawn:
            return False
        if self.sound == "none":
            return (self.prompt, self.copy, self.heard, self.on_hold) == (BOTH, "none", False, False)
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
                *[(False, True)] * 8,
            ),
            strict=True,
        ),
    )
    if held.is_possible
]


FULLEST = [Held("stereo", BOTH, copy, *[True] * 8) for copy in ("none", "needs_review", "ready", "released")]


def lived(world: World, held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done in the store."""
    if held.withdrawn:
        (earlier,) = world.take_in("earlier", seed=5)
        if held.saved:
            world.grant("leif")
            world.json("export", earlier, *QUALITY, "--out", str(world.base / "earlier.wav"), who="leif")
        world.json("withdraw", "90000001", "--yes", who="siri")
        monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(hours=1))
    if held.quality:
        world.grant("leif")
    if held.training:
        world.grant("turid", "training")
    if held.backup:
        back_up(world)
    if held.sound != "none":
        with_call(world, held)
    if held.not_taken_in:
        world.deliver("lies", started=_begun(held), consent={"prompt": "nb-2099-01"}, seed=9)
        assert world.run("ingest", str(world.spool), who="telefon").exit == 3


def _begun(held: Held) -> datetime:
    """When a call began, after the withdrawal if there is one."""
    return datetime.now(UTC) + timedelta(minutes=50 if held.withdrawn else -10)


def with_call(world: World, held: Held) -> None:
    """A call, and what was done with it."""
    how: dict[str, Any] = {"channels": 1} if held.sound == "mono" else {}
    (call,) = world.take_in("call", started=_begun(held), consent={"prompt": held.prompt}, **how)
    if held.heard and held.quality and held.prompt == BOTH:
        world.json("find", *QUALITY, who="leif")
        world.json("listen", call, *QUALITY, "--player", "cat", who="leif")
        taken = str(world.base / "call.wav")
        world.json("export", call, *QUALITY, "--out", taken, who="leif")
        listed = world.json("recipients", "list", who="sigrid")["recipients"]
        *_, file = (each["id"] for each in listed if each["kind"] == "export")
        world.delete_saved(file)
    if held.copy != "none":
        made = propose(world, call)["copy"]
        if held.heard and held.quality and held.prompt == BOTH:
            world.json("export", made, *QUALITY, "--out", str(world.base / "reviewed.wav"), who="leif")
        if held.copy != "needs_review":
            world.json("review", made, *CONFIRM, who="sigrid")
        if held.copy == "released":
            given = world.json("release", made, "--reason", WHY, who="sigrid")["copy"]["copy"]
            if held.heard and held.training:
                words = ("--purpose", "training", "--reason", REASON, "--out", str(world.base / "copy.wav"))
                world.json("export", given, *words, who="turid")
                world.json("listen", given, *words[:4], "--player", "cat", who="turid")
    if held.on_hold:
        end = ("--until", "30d", "--reason", "the person needs it for a claim")
        world.json("hold", "set", call, "--ground", "18c", *end, who="sigrid")


class Log:
    """What the log says, as it is shown to an auditor."""

    def __init__(self, world: World) -> None:
        self.entries = world.json("audit", "show", "--limit", "1000", who="iver")["entries"]
        self.entries.sort(key=lambda entry: entry["seq"])

    def of(self, action: str, outcome: str, **detail: str) -> list[dict[str, Any]]:
        found = [one for one in self.entries if (one["action"], one["outcome"]) == (action, outcome)]
        return [one for one in found if detail.items() <= {**one, **one.get("detail", {})}.items()]

    def calls(self) -> list[str]:
        """The calls that were taken in and not withdrawn."""
        gone = {name for one in self.of("withdraw", "done") for name in one.get("recordings", ())}
        return [name for one in self.of("ingest", "allowed") for name in one["recordings"] if name not in gone]

    def accesses(self, call: str) -> list[tuple[str, str]]:
        """Each look at a call or its copies: what, and in which role; but no list of cuts."""
        named = {call}.union(*(one["recordings"] for one in self.of("pseudonymise", "done", parent=call)))
        looks = [one for one in self.entries if named & set(one.get("recordings", ())) and one["outcome"] == "allowed"]
        listed = {one["seq"] for one in looks if one["action"] == "review" and "shown" in one.get("detail", {})}
        told = (one for one in looks if one["action"] != "ingest" and one["seq"] not in listed)
        return sorted((_what(one), ROLES[one["person"]]) for one in told)

    def files(self, call: str) -> list[tuple[str, str, bool]]:
        """The sound files saved of a call: what of, in which role, and whether it is confirmed as deleted."""
        failed = {one["detail"]["of"] for one in self.of("handed out", "failed")}
        gone = {one["detail"]["of"] for one in self.of("confirm_deleted", "done")}
        named = {call}.union(*(one["recordings"] for one in self.of("pseudonymise", "done", parent=call)))
        saved = [one for one in self.entries if named & set(one.get("recordings", ())) and one["seq"] not in failed]
        return [
            (_file(one, call), ROLES[one["person"]], one["seq"] in gone)
            for one in saved
            if one["outcome"] == "allowed" and one["action"] == "export"
        ]

    def copies(self, call: str) -> list[str]:
        """The state of each copy of a call that was not made into another and not erased."""
        states: dict[str, str] = {}
        for one in self.entries:
            detail, names = one.get("detail", {}), one.get("recordings", ())
            if one["action"] == "pseudonymise" and detail.get("parent") == call and one["outcome"] == "done":
                states |= dict.fromkeys(names, detail["state"])
                states.pop(detail.get("replaces"), None)
            elif detail.get("confirmed"):
                states |= {name: "ready" for name in names if name in states}
            elif "why" in detail:
                for name in names:
                    states.pop(name, None)
        return sorted(states.values())


def _file(entry: dict[str, Any], call: str) -> str:
    return "recording" if call in entry["recordings"] else "copy"


def _what(entry: dict[str, Any]) -> str:
    return "withdraw_shown" if entry["action"] == "withdraw" else str(entry["action"])


def answered(world: World) -> tuple[dict[str, Any], str]:
    """What an answer says to programs, and its letter's words."""
    out = world.base / "answer.html"
    command = ("dsar", "90000001", "--identity", "login", "--lang", "en", "--out", str(out))
    told = world.json(*command, who="sigrid")
    content = opened(out.read_bytes(), told["passphrase"].encode())
    return json.loads(content["bodies"]["data.json"]), words(content["letter_html"])


def compare(world: World, held: Held) -> None:
    """Every statement that can be true or false, with the log."""
    (data, letter), log = answered(world), Log(world)
    SCHEMA.validate(data)
    calls = log.calls()
    said = {
        "We found no recordings of calls with you.": not calls,
        "The consent that was withdrawn on": bool(log.of("withdraw", "done")),
        "Backups: The recording system has none.": not log.of("backup", "done"),
        "can be opened from a backup for 24 hours at most": bool(log.of("backup", "done")),
        "The sound files include only your own track.": bool(calls) and held.sound == "stereo",
        "The recording has only one track": bool(calls) and held.sound == "mono",
        "of a recording that is now erased. We have demanded that it is deleted": held.saved,
        "Calls that are not taken in": held.not_taken_in,
        "This recording is on hold until": held.on_hold,
    }
    assert len(data["withdrawals"]) == len(log.of("withdraw", "done"))
    assert len(data["recordings"]) == len(calls)
    for call, one in zip(calls, data["recordings"], strict=True):
        copies, both = log.copies(call), held.prompt == BOTH
        quality = log.of("grant", "done", purpose="quality") if both else []
        training = log.of("grant", "done", purpose="training") if "released" in copies else []
        assert (one["id"], sorted(copy["state"] for copy in one["copies"])) == (call, copies)
        assert sorted((look["action"], look["role"]) for look in one["accesses"]) == log.accesses(call)
        assert (len(one["grants"]), len(one["copy_grants"])) == (len(quality), len(training))
        assert [(file["kind"], file["role"], bool(file["confirmed_at"])) for file in one["exports"]] == log.files(call)
        said |= {
            "holds no pseudonymised copy of the recordings that are here.": not copies,
            "holds no transcript of the recordings that are here.": True,  # the copies here are made from lists of cuts
            "We have no confirmation that it was deleted.": not all(file[2] for file in log.files(call)),
            "It is confirmed that it was deleted": any(confirmed for *_, confirmed in log.files(call)),
            "Copies made from the recording We hold none.": not copies and not log.files(call),
            "We also hold pseudonymised copies for training": bool(copies),
            "It has been given to training.": "released" in copies,
            "It is ready, but has not been given to training yet.": "ready" in copies,
            "It has not been approved yet": "needs_review" in copies,
            "Nobody has had access to listen to it.": not quality,
            "Who has or had access to listen to a copy for training": bool(training),
            "quality assurance of customer service (your consent": both,
        }
    assert {statement: statement in letter for statement in said} == said
    assert "90000001" not in json.dumps(log.entries), "the letter says that no number stands in the log"


def test_every_statement_of_an_answer_is_what_the_log_says(
    template: World, tmp_path: Path, whole: bool, seed: int
) -> None:
    for number, held in enumerate(EVERY if whole else [*FULLEST, *random.Random(seed).sample(EVERY, SAMPLE)]):
        world = worlds.copy(template, tmp_path / str(number))
        with pytest.MonkeyPatch.context() as patch:
            lived(world, held, patch)
            compare(world, held)
        shutil.rmtree(world.base)
