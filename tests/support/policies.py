"""What tests of changed guidelines share: a proposal as a file, put into force."""

from __future__ import annotations

from typing import Any

from tests.support.world import World


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
    approved: dict[str, Any] = world.json("policy", "approve", proposal["id"], who="sigrid")["proposal"]
    return approved
