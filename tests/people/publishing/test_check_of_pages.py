"""`policy check` names every page that says something else than what officers approved."""

from __future__ import annotations

import pytest

from tests.support.policies import put
from tests.support.world import PARTICULARS, World

pytestmark = [pytest.mark.rule("info.published"), pytest.mark.slow]


def drift(world: World) -> tuple[int, set[str], set[str]]:
    """The exit status of the check, what differs, and where."""
    answer = world.run("policy", "check", "--published", str(world.base / "www"), "--json", who="iver")
    differences = answer.json["drift"]
    return answer.exit, {each["what"] for each in differences}, {each["where"] for each in differences}


def test_pages_of_today_agree_and_each_that_does_not_is_named(world: World) -> None:
    world.json("policy", "publish", "--out", str(world.base / "www"), who="sigrid")
    assert drift(world) == (0, set(), set())
    page = world.base / "www" / "withdraw.nb.html"
    page.write_bytes(page.read_bytes().replace(b"ingenting", b"litegrann", 1))
    (world.base / "www" / "prompts.en.md").unlink()
    assert drift(world) == (14, {"changed", "missing"}, {"withdraw.nb.html", "prompts.en.md"})
    for lang, words in (("nb", "Endret etter publiseringen"), ("en", "Changed after publication")):
        told = world.run("policy", "check", "--published", str(world.base / "www"), "--lang", lang, who="iver")
        assert f"{words}: withdraw.nb.html\n" in told.out and told.exit == 14


@pytest.mark.parametrize("change", ["retention_days = 30", "most_found = 60"])
def test_after_a_change_every_page_is_published_anew_and_says_it(world: World, change: str) -> None:
    world.json("policy", "publish", "--out", str(world.base / "www"), who="sigrid")
    put(world, f'version = "2026-02"\n{change}\n')
    status, what, where = drift(world)
    assert (status, what, len(where)) == (14, {"older_policy"}, 28)
    (world.base / "www").rename(world.base / "old")
    world.json("policy", "publish", "--out", str(world.base / "www"), who="sigrid")
    assert drift(world) == (0, set(), set())
    text = (world.base / "www" / "guidelines.en.md").read_text("utf-8")
    if "retention" in change:
        assert "kept for 30 days" in text and "90 days and then" not in text


def test_what_the_company_says_of_itself_is_compared_too(world: World) -> None:
    world.json("policy", "publish", "--out", str(world.base / "www"), who="sigrid")
    (world.base / "own.toml").write_text(
        'controller = "Verisure Arlo Europe DAC"\ncontact = "post@selskapet.example"\n'
    )
    (world.base / "config.toml").write_text(f'particulars = "{world.base / "own.toml"}"\n')
    words = ("policy", "check", "--published", str(world.base / "www"), "--config", str(world.base / "config.toml"))
    refused = world.run(*words, "--json", who="iver")
    assert (refused.exit, refused.json["error"]["code"]) == (14, "particulars_missing")
    assert "suppliers" in refused.json["error"]["keys"] and "contact" not in refused.json["error"]["keys"]
    everything = PARTICULARS.read_text("utf-8")
    assert "Ring kundeservice" in everything
    (world.base / "own.toml").write_text(everything.replace("Ring kundeservice", "Ring oss"), "utf-8")
    assert world.code(*words, who="iver") == (14, "policy_drifts")
