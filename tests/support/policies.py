"""What tests of changed guidelines share: a proposal as a file, put into force; another prompt; another release."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arlo_rec.law.model import policy_file, policy_versions
from arlo_rec.law.model.policy_versions import Part, parts
from arlo_rec.law.model.prompts import SHIPPED
from tests.support.world import World

NEW_TEXT = SHIPPED[0].text.replace("Mer står i", "Du kan lese mer i")
NEW_PROMPT = "nb-2026-12"


def propose(world: World, text: str, who: str = "sigrid") -> dict[str, Any]:
    """Propose the version of a file; what the program says of it."""
    file = world.base / "proposal.toml"
    file.write_text(text, "utf-8")
    proposal: dict[str, Any] = world.json("policy", "propose", str(file), who=who)["proposal"]
    return proposal


def refused(world: World, text: str, who: str = "sigrid") -> tuple[int, str]:
    """How a proposal ends that is not taken."""
    file = world.base / "proposal.toml"
    file.write_text(text, "utf-8")
    return world.code("policy", "propose", str(file), who=who)


def put(world: World, text: str) -> dict[str, Any]:
    """Change the policy of a store with one officer."""
    proposal = propose(world, text)
    approved: dict[str, Any] = world.json("approve", proposal["id"], who="sigrid")["proposal"]
    return approved


def new_prompt(text: str = NEW_TEXT, purposes: str = '["training", "quality"]', more: str = "") -> str:
    table = f'[[prompt]]\nversion = "{NEW_PROMPT}"\nlang = "nb"\ntext = "{text}"\npurposes = {purposes}\n{more}'
    return f'version = "2026-02"\n{table}'


def became(world: World, *prompts: str, started: datetime | None = None) -> list[str]:
    """What becomes of calls whose callers heard these prompts: `taken`, or the code of the refusal."""
    chance = secrets.token_hex(4)
    for number, prompt in enumerate(prompts):
        began = started or datetime.now(UTC) + timedelta(minutes=30)
        world.deliver(f"{prompt}-{chance}", seed=number, started=began, consent={"prompt": prompt})
    answer = world.json("ingest", str(world.spool), "--remove-refused", "prompt_unknown", who="telefon")
    ends = {each["source_id"]: "taken" for each in answer["accepted"]}
    ends |= {each["source_id"]: each["code"] for each in answer["refused"]}
    return [ends[f"pbx.{prompt}-{chance}"] for prompt in prompts]


def another_release(monkeypatch: pytest.MonkeyPatch, *changed: str) -> None:
    """Have the program that runs be another: these parts of it changed."""
    others = tuple(Part(part.name, "0" * 64) if part.name in changed else part for part in parts())
    for module in (policy_versions, policy_file):
        monkeypatch.setattr(module, "parts", lambda: others)
