"""Training copies while something else happens: rejected, changed, confirmed, released, granted, broken off."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.log.rows import CopyState
from arlo_rec.law.model.errors import Unreachable
from tests.support import needs
from tests.support.attack import SECRETS, identity
from tests.support.backups import is_whole
from tests.support.copies import (
    CONFIRM,
    ROLES,
    SAID,
    WHY,
    call,
    labels,
    made_of,
    propose,
    training,
    transcripts,
    truth_of,
    words,
    written,
)
from tests.support.models import MODEL, needs_model
from tests.support.places import TOP
from tests.support.promises import plunder
from tests.support.world import PASSPHRASE, Result, World

pytestmark = pytest.mark.slow


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, world: World, *command: str, who: str = "sigrid"
) -> list[Result]:
    """Run a command once, at the moment at which the program calls that function."""
    real, done = getattr(where, name), []

    def between(*words: Any, **more: Any) -> Any:
        if not done:
            done.append(Result(-1, "", ""))
            done[0] = world.run(*command, "--json", who=who)
        return real(*words, **more)

    monkeypatch.setattr(where, name, between)
    return done


def confirmed(world: World, recording: str) -> str:
    copy = str(propose(world, recording)["copy"])
    world.json("review", copy, *CONFIRM, who="sigrid")
    return copy


@pytest.mark.rule("data.pseudonymised")
@pytest.mark.parametrize(
    "other",
    [("reject", "COPY", "--reason", WHY), ("review", *SAID, "COPY", "--add", "0.4-0.45")],
    ids=["rejected", "changed"],
)
def test_what_was_rejected_or_changed_while_it_was_released_reaches_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, other: tuple[str, ...]
) -> None:
    from arlo_rec.calls.training import copies

    (recording,) = world.take_in("a")
    world.grant("turid", "training")
    copy = confirmed(world, recording)
    command = [copy if word == "COPY" else word for word in other]
    done = meanwhile(monkeypatch, copies, "make", world, *command)
    released = world.run("release", copy, "--reason", WHY, "--json", who="sigrid")
    assert released.exit in (2, 13, 14) and done[0].exit == 0
    assert training(world, "find").json["recordings"] == []
    is_whole(world)


def test_two_who_release_at_once_release_one_copy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from arlo_rec.calls.training import copies

    (recording,) = world.take_in("a")
    world.grant("turid", "training")
    copy = confirmed(world, recording)
    done = meanwhile(monkeypatch, copies, "make", world, "release", copy, "--reason", WHY)
    assert world.run("release", copy, "--reason", WHY, who="sigrid").exit in (2, 13) and done[0].exit == 0
    assert len(training(world, "find").json["recordings"]) == 1
    is_whole(world)


def test_nobody_confirms_what_was_changed_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from arlo_rec.calls.training import under_review

    (recording,) = world.take_in("a")
    copy = str(propose(world, recording)["copy"])
    real, done = under_review.open_one, []

    def before(*words: Any) -> Any:
        opened = real(*words)
        if not done:
            done.append(words)
            world.json("review", *SAID, copy, "--add", "0.4-0.45", who="sigrid")
        return opened

    monkeypatch.setattr(under_review, "open_one", before)
    refused = world.run("review", copy, *CONFIRM, "--json", who="sigrid")
    assert (refused.exit, refused.json["error"]["code"]) == (2, "copy_changed")
    assert [one["state"] for one in world.json("review", who="sigrid")["copies"]] == ["needs_review"]
    is_whole(world)


@pytest.mark.rule("data.pseudonymised")
def test_a_change_that_broke_off_leaves_nothing_that_can_be_released(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arlo_rec.calls.training import under_review

    (recording,) = world.take_in("a")
    world.grant("turid", "training")
    copy = confirmed(world, recording)

    def breaks(*_words: Any) -> None:
        raise Unreachable("no_space")

    monkeypatch.setattr(under_review, "erase", breaks)
    assert world.run("review", *SAID, copy, "--add", "0.4-0.45", who="sigrid").exit == 16
    monkeypatch.undo()
    (waiting,) = world.json("review", who="sigrid")["copies"]
    assert (waiting["copy"], waiting["revision"], waiting["state"]) == (copy, 2, "needs_review")
    told = world.run("release", copy, "--reason", WHY, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (14, "not_reviewed")
    assert training(world, "find").json["recordings"] == []
    sounds = plunder(world, [identity(world, name) for name in SECRETS]).sounds
    assert len(sounds) == 2 and copy not in sounds, "and the revision that was replaced is erased"
    is_whole(world)


@pytest.mark.parametrize(("who", "days"), [("leif", 60), ("sigrid", 91)], ids=["grant ended", "last day"])
def test_who_may_no_longer_when_the_copy_is_done_makes_none(
    world: World, monkeypatch: pytest.MonkeyPatch, who: str, days: int
) -> None:
    from arlo_rec.calls.training import cut_plan

    world.grant("leif", "quality")
    (recording,) = world.take_in("a")
    real: Callable[[Run], datetime] = Run.now
    plan_cuts, later = cut_plan.plan_cuts, [timedelta(0)]
    monkeypatch.setattr(Run, "now", lambda run: real(run) + later[0])

    def slowly(*words: Any) -> Any:
        later[0] = timedelta(days=days)
        return plan_cuts(*words)

    monkeypatch.setattr(cut_plan, "plan_cuts", slowly)
    refused = world.run("pseudonymise", *SAID, recording, "--cuts", labels(world, (0.1, 0.2)), "--json", who=who)
    assert (refused.exit, refused.json["error"]["code"]) == (14, "gone_meanwhile")


@pytest.mark.rule("access.managers")
@pytest.mark.parametrize(
    ("other", "why"),
    [
        (("revoke", "leif", "--grant", "GRANT"), (14, "gone_meanwhile")),
        (("revoke", "leif"), (12, "secret_not_given")),
        (("person", "remove", "leif", "--yes"), (12, "no_longer_here")),
    ],
    ids=["one grant of two", "every grant: by keys", "left: before anything is written"],
)
def test_who_loses_access_while_the_copy_is_written_makes_none(
    world: World, monkeypatch: pytest.MonkeyPatch, other: tuple[str, ...], why: tuple[int, str]
) -> None:
    from arlo_rec.calls.training import copies

    ended = world.grant("leif", "quality")["id"]
    world.grant("leif", "quality", "--team", "salg")
    (recording,) = world.take_in("a")
    done = meanwhile(monkeypatch, copies, "make", world, *(ended if word == "GRANT" else word for word in other))
    refused = world.run("pseudonymise", *SAID, recording, "--cuts", labels(world, (0.1, 0.2)), "--json", who="leif")
    assert done[0].exit in (0, 3) and done[0].json["ok"], "3: new keys wait until nobody reads"
    assert (refused.exit, refused.json["error"]["code"]) == why
    assert world.json("review", who="sigrid")["copies"] == []
    is_whole(world)


@pytest.mark.rule("data.pseudonymised")
def test_whether_a_copy_was_looked_through_is_asked_again_as_it_is_given(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arlo_rec.calls.training import under_review

    (recording,) = world.take_in("a")
    world.grant("turid", "training")
    copy = str(propose(world, recording)["copy"])
    real = under_review.open_unreleased

    def takes_it_for_reviewed(*words: Any) -> Any:
        unreviewed, recording = real(*words)
        return unreviewed._replace(state=CopyState.READY), recording

    monkeypatch.setattr(under_review, "open_unreleased", takes_it_for_reviewed)
    refused = world.run("release", copy, "--reason", WHY, "--json", who="sigrid")
    assert (refused.exit, refused.json["error"]["code"]) == (14, "not_reviewed")
    assert training(world, "find").json["recordings"] == []
    is_whole(world)


@pytest.mark.slow
def test_a_backlog_that_breaks_off_tells_what_was_made_and_a_reviewer_finds_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arlo_rec.calls.training import copies

    ids = {name: call(world, name) for name in ("call000", "call002")}
    real, made = copies.make, []

    def once(*words: Any, **more: Any) -> Any:
        if made:
            raise Unreachable("no_space")
        made.append(real(*words, **more))
        return made[0]

    monkeypatch.setattr(copies, "make", once)
    folder = transcripts(world, ids)
    told = world.run("pseudonymise", *SAID, "--pending", "--transcript", folder, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (16, "no_space")
    (first,) = told.json["results"]
    (waiting,) = world.json("review", who="sigrid")["copies"]
    assert waiting["copy"] == first["copy"] == made[0].id.hex()
    assert first["copy"][:6] in world.run("review", who="sigrid").out
    world.grant("leif", "quality", "--team", "salg")
    assert world.json("review", who="leif")["copies"] == [], "of a team that he may not hear"
    assert world.run("review", who="siri").exit == 13


@pytest.mark.slow
def test_a_call_that_got_a_copy_meanwhile_or_was_named_twice_gets_no_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arlo_rec.calls.training import backlog

    recording = call(world)
    folder = transcripts(world, {"call000": recording})
    twice = world.json("pseudonymise", *SAID, recording, recording, "--transcript", folder, who="sigrid")["results"]
    assert len(twice) == 1
    other = call(world, "call002")
    transcripts(world, {"call002": other})
    meanwhile(
        monkeypatch, backlog, "make_copies", world, "pseudonymise", *SAID, other, "--transcript", words("call002")
    )
    assert world.json("pseudonymise", *SAID, "--pending", "--transcript", folder, who="sigrid")["results"] == []


@pytest.mark.slow
def test_two_passes_of_each_channel_are_two_passes_and_not_one_mixed(world: World) -> None:
    recording = call(world)
    sides = []
    for folder in ("words-base", "words-base-hints"):
        told = json.loads(Path(words(folder=folder)).read_text("utf-8"))["words"]
        for side, channel in ROLES.items():
            mine = {"words": [one for one in told if one["ch"] == channel]}
            sides += ["--transcript", f"{side}={written(world, mine, f'{folder}.{side}.json')}"]
    whole = ("--transcript", words(), "--transcript", words(folder="words-base-hints"))
    assert made_of(world, recording, *sides)["cuts"] == made_of(world, recording, *whole)["cuts"]
    assert truth_of("call000")["mono"] is False


@pytest.mark.parametrize(
    "more",
    [
        ("review", *SAID, "COPY", "--change", "²:1-2"),
        ("review", *SAID, "COPY", "--change", "9" * 5000 + ":1-2"),
        ("pseudonymise", *SAID, "CALL", "--transcript", "²=x.json"),
        ("pseudonymise", *SAID, "CALL", "--transcript", "9" * 5000 + "=x.json"),
        ("pseudonymise", *SAID, "CALL", "--transcript", "caller="),
        ("pseudonymise", *SAID, "CALL", "--transcript", "x" * 5000),
        ("pseudonymise", *SAID, "CALL", "--model", "x" * 5000),
        ("pseudonymise", "--bench", "x" * 5000),
        ("pseudonymise", *SAID, "CALL", "--mode", "manual", "--cuts", "WORDS", "--transcript", "WORDS"),
        ("review", "--confirm"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error_and_no_bug(world: World, more: tuple[str, ...]) -> None:
    (recording,) = world.take_in("a")
    copy = str(propose(world, recording)["copy"])
    told = {"COPY": copy, "CALL": recording, "WORDS": words()}
    result = world.run(*(told.get(word, word) for word in more), "--json", who="sigrid")
    assert result.exit == 2 and result.json["error"]["code"] != "bug", result


HOLDS = """
import ctypes, os, sys, time
from arlo_rec import cli
from arlo_rec.calls.training import build
def wait(*words, **more):
    print("holding, dumpable", ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), file=sys.stderr, flush=True)
    time.sleep(60)
build.make = wait
cli.main(sys.argv[1:])
"""


@pytest.mark.slow
@needs.mark(needs.linux())
def test_a_process_that_is_aborted_while_it_holds_a_call_leaves_no_core(world: World, tmp_path: Path) -> None:
    recording = call(world)
    passphrase = world.base / "sigrid.pass"
    secret = ["--as", "sigrid", "--passphrase-file", str(passphrase), "--store", str(world.store)]
    if not passphrase.exists():
        passphrase.write_text(PASSPHRASE, "utf-8")
        passphrase.chmod(0o600)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    running = subprocess.Popen(
        [sys.executable, "-c", HOLDS, "pseudonymise", *SAID, recording, "--transcript", words(), *secret],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        env={**os.environ, "XDG_STATE_HOME": str(world.base / "state"), "PYTHONPATH": str(TOP)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
    )
    assert running.stderr is not None
    assert running.stderr.readline() == b"holding, dumpable 0\n", "nor may another process of the account read it"
    limits = Path(f"/proc/{running.pid}/limits").read_text("ascii")
    running.send_signal(signal.SIGABRT)
    assert running.wait(30) == -signal.SIGABRT
    running.stderr.close()
    assert [line.split()[4] for line in limits.splitlines() if line.startswith("Max core")] == ["0"]
    assert not list(tmp_path.glob("*core*"))


@needs_model
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_run_that_hears_at_once(world: World, tmp_path: Path) -> None:
    for name in ("call000", "call002", "call003"):
        call(world, name)
    passphrase = tmp_path / "pass"
    passphrase.write_text(PASSPHRASE, "utf-8")
    passphrase.chmod(0o600)
    config = tmp_path / "two.toml"
    config.write_text("asr.workers = 2\n", "utf-8")
    secret = ["--as", "sigrid", "--passphrase-file", str(passphrase), "--store", str(world.store)]
    heard = ["pseudonymise", *SAID, "--pending", "--model", str(MODEL), "--config", str(config), *secret]
    running = subprocess.Popen(
        [sys.executable, "-m", "arlo_rec", *heard],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "XDG_STATE_HOME": str(world.base / "state")},
        cwd=TOP,
    )
    time.sleep(4)  # it loads, or hears already: both must end
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 130 and time.monotonic() - began < 15, out
