"""The four commands that IT watches a store by, asked for one finding."""

from __future__ import annotations

from tests.support.world import World


def told_by(world: World, code: str, who: str = "iver") -> set[str]:
    """Which of status, check, metrics and doctor have a finding of that code."""
    told = {
        command
        for command in ("status", "check", "doctor")
        if any(each["code"] == code for each in world.run(command, "--json", who=who).json.get("findings", ()))
    }
    figures = world.run("metrics", "--out", "-", who=who).out
    return told | ({"metrics"} if f'code="{code}"' in figures else set())


ALL = {"status", "check", "metrics", "doctor"}
