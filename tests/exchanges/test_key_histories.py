"""Histories of keys, as callers pressed them, in every shipped export: none without a consent is ever taken in."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

import pytest

from arlo_rec.calls.intake import candidates
from arlo_rec.exchanges.deliveries import Line, Lines, ManifestOfMany
from arlo_rec.exchanges.manifest import BadManifest
from arlo_rec.exchanges.maps import fields, read
from arlo_rec.exchanges.maps.records import MappedFiles
from arlo_rec.exchanges.spool import Home
from arlo_rec.law.model import consent
from arlo_rec.law.model.consent import Claim, judge
from arlo_rec.law.model.prompts import SHIPPED
from tests.support.key_histories import EXPORTS, RATE, Lived, faults_of, is_plain, lived, withdrew

pytestmark = pytest.mark.rule("consent.press1")
PROMPTS = {prompt.version: prompt for prompt in SHIPPED}
NOW = datetime(2026, 12, 1, tzinfo=UTC)
FOLDER = Path("/spool")
SHARED = ManifestOfMany(FOLDER / "export", Home(FOLDER), lambda _: iter(()))


def shipped(name: str) -> read.Map:
    return read.read(read.shipped_text(name).encode("utf-8"), name)


def deliveries_of(by: read.Map, call: Lived, name: str) -> Iterator[tuple[Line, int]]:
    """What a run would judge: each call and each notice of the export, with the number of its recording."""
    export = EXPORTS[name](call)
    files = [FOLDER / sound for sound in export.sounds]
    lines = Lines(io.BytesIO(export.raw), len(export.raw))
    for record in MappedFiles(by).records(lines, FOLDER, lambda: files):
        delivery = Line(path=SHARED.path, home=SHARED.home, shared=SHARED, record=record, number=record.line)
        delivery.read()
        named = delivery.json.get("audio")
        yield delivery, export.sounds.get(str(named), 0)


def with_sound(claim: Claim, seconds: float) -> Claim:
    """A claim whose sound has this length, and the frames before the key."""
    if claim.key_at is None:
        return claim
    cut = max(0, ceil((claim.key_at - claim.started_at).total_seconds() * RATE))
    return claim._replace(cut=cut, frames=round(seconds * RATE))


def wrongs(by: read.Map, name: str, count: int, seed: int) -> Iterator[str]:
    """Each call that is taken in without a consent, each plain one that is not, and each withdrawal that is none."""
    told = Counter[str]()
    for number in range(count):
        call = lived(random.Random(f"{seed} {name} {number}"), name)
        for delivery, sound in deliveries_of(by, call, name):
            if delivery.is_notice:
                if not withdrew(call) and _is_carried_out(delivery):
                    yield f"{number}: a withdrawal of {call}"
                continue
            claim = candidates.claimed(delivery)
            claim = with_sound(claim, call.sounds[sound][1]) if claim is not None else None
            decision = judge(claim, PROMPTS, now=NOW) if claim is not None else None
            if claim is not None and decision is not None and decision.allowed:
                told["taken in"] += 1
                for fault in faults_of(call, sound, (claim.cut or 0) / RATE):
                    yield f"{number}: {fault} of {call}"
            elif is_plain(call):
                yield f"{number}: refused ({decision}) though plain, {call}"
    assert told["taken in"] > count / 20, told


def _is_carried_out(delivery: Line) -> bool:
    try:
        return delivery.withdrawal() is not None
    except BadManifest:
        return False


@pytest.mark.parametrize("name", EXPORTS)
def test_no_history_without_a_consent_is_taken_in(name: str, seed: int, whole: bool) -> None:
    found = wrongs(shipped(name), name, 100_000 if whole else 1_000, seed)
    assert next(found, None) is None


@pytest.mark.parametrize("name", EXPORTS)
def test_a_shipped_map_leaves_nothing_open(name: str) -> None:
    assert read.left_open(shipped(name)) == []


@pytest.mark.parametrize("name", ["freepbx", "freeswitch", "connect", "genesys"])
def test_clocks_that_are_not_compared_are_found_out(name: str, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(consent, "CALL_GRACE", timedelta(days=1))
    assert next(wrongs(shipped(name), name, 1_000, seed), None) is not None


@pytest.mark.parametrize(("broken", "value"), [("PROMPT_SHORTEST", timedelta(hours=1)), ("STOPPED_BY", ())])
def test_a_history_of_keys_that_is_read_too_widely_is_found_out(
    broken: str, value: object, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(consent, broken, value)
    assert next(wrongs(shipped("vcon"), "vcon", 1_000, seed), None) is not None


def test_a_pattern_that_has_no_end_is_found_out(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(fields, "_UNBOUNDED", ())
    text = read.shipped_text("freepbx").replace("consent=([^|]*)", "consent=([0-9*#])")
    assert next(wrongs(read.read(text.encode("utf-8"), "freepbx"), "freepbx", 1_000, seed), None) is not None
