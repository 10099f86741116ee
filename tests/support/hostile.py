"""Spools that somebody hostile fills, and what intake says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.world import REASON, World, assert_clean, assert_no_bug

LOOK = ("--purpose", "quality", "--reason", REASON)
HIDDEN = {
    "escape": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "C1": "a\x9b31mb",
    "bidi": "a\u202egpj.exe",
    "isolate": "a\u2066b\u2069",
    "mark": "a\u200fb",
    "newline": "a\nb",
    "return": "a\rb",
    "tab": "a\tb",
    "null": "a\0b",
    "delete": "a\x7fb",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
}
STRANGE = [  # ugly, and yet a text
    "[/]", "[bold red]x[/bold red]", "{0} {name} %s %n", "=cmd|' /C calc'!A0", "+1+1", "-1", "@SUM(A1)",
    "';DROP TABLE recordings;--", "%", "_", "../../etc/passwd", "Åse Ærlig Øksnes", "李小龙", "🎧", "a\u200bb",
    "\ufeffx", "\U000e0041", "e" + "\u0301" * 150, "<script>alert(1)</script>", "$(reboot)`reboot`",
]  # fmt: skip


def offer(world: World, *words: str, path: Path | None = None) -> dict[str, Any]:
    """Take in the spool; whatever lies there, the program must end well and say so cleanly."""
    result = world.run("ingest", str(path or world.spool), "--json", *words, who="telefon")
    assert result.exit in (0, 3), result
    assert_clean(result)
    assert_no_bug(world)
    return result.json


def codes(told: dict[str, Any]) -> list[str]:
    return [one["code"] for one in told["refused"]]


def verdicts(world: World, calls: list[dict[str, Any]]) -> list[str]:
    """What becomes of calls that differ from a good one in this, in their order; nothing is taken in."""
    for number, changes in enumerate(calls):
        world.deliver(f"call{number}", seconds=0.05, **changes)
    told = offer(world, "--dry-run")
    found = {one["source"]: one["code"] for one in told["refused"]}
    found |= {one["source"]: "taken" for one in told["accepted"]}
    return [found[str(world.spool / f"call{number}.json")] for number in range(len(calls))]


def manifest_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def lay(world: World, raw: bytes) -> None:
    """A sound with a manifest of these very bytes."""
    world.deliver("call").write_bytes(raw)


def changed(world: World, **changes: Any) -> bytes:
    """The bytes of a good manifest with changes."""
    return json.dumps({**manifest_of(world.deliver("call")), **changes}).encode()


# Manifests as text ------------------------------------------------------------------------------------------

NEST = 100_000


# Numbers ----------------------------------------------------------------------------------------------------

TWO_NUMBERS = "9000 0001, 9000 0002"  # not one number, and said to be two
NO_NUMBER: list[Any] = [
    "%", "_", "%%%%%%%%", "+47%", "9000000_", "٩٠٠٠٠٠٠١", "+٤٧٩٠٠٠٠٠٠١", "９００００００１", "²³⁴⁵⁶⁷⁸⁹",
    "call me", "0800FLOWERS", "+47 900 00 001 ext 5", "+4790000001;ext=5", "+4790000001x5", "sip:+4790000001@pbx",
    "+4790000001\n", "+4790000001\0", "\u202e+4790000001", "9", "+", "+47", "()", "---", "0" * 5000,
    "+479000000100000000", "restricted", "null", "None", TWO_NUMBERS, "1e7", "0x55d4a81",
]  # fmt: skip


# Times ------------------------------------------------------------------------------------------------------

NO_TIME: list[Any] = [
    "2026-10-01T08:15:45", "2026-10-01", "2026-10-01 08:15:45Z", "2026-10-01t08:15:45z", "2026-W40-4T08:15:45Z",
    "2026W404T081545Z", "2026-274T08:15:45Z", "20261001T081545Z", "2026-10-01T24:00:00Z", "2026-10-01T08:60:00Z",
    "2026-10-01T08:15:60Z", "2026-10-01T08:15:45.1234567890Z", "2026-10-01T08:15:45.Z", "2026-10-01T08:15:45,5Z",
    "2026-10-01T08Z", "2026-02-30T08:15:45Z", "2026-13-01T08:15:45Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
    "+2026-10-01T08:15:45Z", "2026-10-01T08:15:45+15:00", "2026-10-01T08:15:45-15:00", "2026-10-01T08:15:45+14:60",
    "2026-10-01T08:15:45+2", "2026-10-01T08:15:45 +02:00", "2026-10-01T08:15:45CET", "2026-10-01T08:15:45Z ",
    " 2026-10-01T08:15:45Z", "2026-10-01T08:15:45Z\n", "٢٠٢٦-10-01T08:15:45Z", "２０２６-10-01T08:15:45Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.9999999-00:01", "now", "",
    "1/2/2026", "1790842530", 1790842530, 1790842530.5, True, ["2026-10-01T08:15:45Z"], {"at": 1}, "9" * 10_000,
]  # fmt: skip


# Consent ----------------------------------------------------------------------------------------------------

NO_KEY: list[Any] = [
    "1 ", " 1", "1\n", "1\0", "01", "1.0", "11", "2", "0", "", "one", "true", "١", "１", "¹", "1\u200b", "I", "l",
    1, 1.0, 0, 2, True, False, None, ["1"], [1], [], {"1": 1}, {"key": "1"}, {},
]  # fmt: skip
