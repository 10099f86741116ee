"""Nothing of a third person is in an answer: planted everywhere, and looked for in every file of every form, opened."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from tests.support import copies
from tests.support.answers import opened
from tests.support.copies import SAID
from tests.support.world import REASON, World

pytestmark = [pytest.mark.rule("data.customer"), pytest.mark.rule("access.subject"), pytest.mark.slow]
CALLED = ("--identity", "called-back")
AGENT, OTHER, NAMED = "Ola Oppdiktet", "+4790000002", "Nabo Nabosen"
QUALITY = ("--purpose", "quality", "--reason", REASON)


@pytest.fixture
def busy(world: World) -> World:
    """A store in which everybody did something with the caller's call and with another's."""
    call = copies.call(world)
    (other,) = world.take_in(
        "other", caller=OTHER, seed=3, seconds=1, agent=AGENT, known={"caller": [NAMED], "agent": [AGENT]}
    )
    for who in ("leif", "turid"):
        world.grant(who)
        world.json("find", *QUALITY, who=who)
    world.json("export", call, *QUALITY, "--out", str(world.base / "heard.wav"), who="leif")
    world.json("export", other, *QUALITY, "--out", str(world.base / "other.wav"), who="leif")
    world.json("pseudonymise", *SAID, call, "--transcript", copies.words(), who="leif")
    world.json("withdraw", "90000001", "--dry-run", who="siri")
    return world


def planted() -> set[str]:
    """What must not be there: names of staff, the agent, others' numbers and names, and reasons that staff typed."""
    people = {"sigrid", "leif", "turid", "siri", "iver", "cron"}
    return people | {AGENT, OTHER, OTHER[3:], NAMED, copies.truth_of("call000")["known"]["agent"], REASON, "pbx.other"}


def looked_through(files: dict[str, bytes], folder: Path) -> None:
    """Find nothing that was planted, but for what the person says in their own words."""
    recordings = json.loads(files["data.json"])["recordings"]
    own = [words["text"] for recording in recordings for words in recording["transcript"]]
    assert own, "there is something that is the person's own"
    for name, body in files.items():
        text = _text_of(name, body, folder)
        for words in sorted(own, key=len, reverse=True):
            text = text.replace(words, " ")
        found = [what for what in planted() if re.search(rf"(?<!\w){re.escape(what)}(?!\w)", text)]
        assert found == [], name


def _text_of(name: str, body: bytes, folder: Path) -> str:
    text = body.decode("utf-8", "replace") if not name.endswith(".mp3") else body.decode("latin-1")
    return " ".join(html.unescape(text).split())


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_a_page_has_nothing_of_anybody_else(busy: World, lang: str) -> None:
    out = busy.base / "answer.html"
    told = busy.json("dsar", "90000001", *CALLED, "--lang", lang, "--out", str(out), who="sigrid")
    inside = opened(out.read_bytes(), told["passphrase"].encode())
    files = {"letter": inside["letter_html"].encode("utf-8"), **inside["bodies"]}
    assert len(files) >= 8
    looked_through(files, busy.base)
