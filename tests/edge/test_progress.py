"""How long work shows itself: on a terminal, in what a script keeps, to nobody, and on a stderr that takes nothing."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.edge import progress as shown
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.door.client import LocalClient
from arlo_rec.edge.progress import LONGEST, Delayed, Display, Lines, Rate, display, duration, rate_text
from arlo_rec.edge.terminal import Form
from arlo_rec.law.messages import LANGUAGES, has, say
from arlo_rec.law.model.progress import UNIT_OF, Phase, Progress, Unit
from tests.support.copies import SAID, labels
from tests.support.places import TOP
from tests.support.properties import examples
from tests.support.sounds import tone_wav
from tests.support.world import World

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
SPEEDS = st.floats(1e-4, 1e9)
LANGS = st.sampled_from(LANGUAGES)


# -- in words -----------------------------------------------------------------------------------------


def seconds_of(text: str) -> float:
    """What a length of time says, in seconds."""
    lengths = {"s": 1, "min": 60, "t": 3600, "h": 3600, "døgn": 86_400, "days": 86_400}
    words = text.split(" ")
    return sum(int(count) * lengths[unit] for count, unit in zip(words[::2], words[1::2], strict=True))


@examples(200)
@given(st.floats(0, LONGEST), LANGS)
def test_a_length_of_time_is_near_enough_and_never_nothing(seconds: float, lang: str) -> None:
    told = seconds_of(duration(seconds, lang))
    assert told >= 5
    assert abs(told - seconds) <= max(5, 0.55 * min(seconds, 60), 0.26 * seconds if seconds > 60 else 0)


@examples(100)
@given(st.floats(0, LONGEST), st.floats(0, LONGEST), LANGS)
def test_what_takes_longer_is_never_told_to_be_shorter(one: float, other: float, lang: str) -> None:
    shorter, longer = sorted((one, other))
    assert seconds_of(duration(shorter, lang)) <= seconds_of(duration(longer, lang))


@pytest.mark.parametrize(
    ("seconds", "nb", "en"),
    [
        (0, "5 s", "5 s"),
        (41, "45 s", "45 s"),
        (59, "1 min", "1 min"),
        (430, "7 min", "7 min"),
        (7_800, "2 t 10 min", "2 h 10 min"),
        (250_000, "3 døgn", "3 days"),
        (1e12, "", ""),
        (float("inf"), "", ""),
    ],
)
def test_lengths_of_time_in_words(seconds: float, nb: str, en: str) -> None:
    assert (duration(seconds, "nb"), duration(seconds, "en")) == (nb, en)


@examples(200)
@given(SPEEDS, LANGS, st.sampled_from(Unit))
def test_a_rate_says_what_it_is_in_few_signs(rate: float, lang: str, unit: Unit) -> None:
    text = rate_text(rate, unit, lang)
    number, _, every = text.rpartition("/")
    in_mb = unit is Unit.BYTES
    value = float(number.removesuffix(" MB").replace(" ", "").replace(",", "."))
    every_s = {"s": 1, "min": 60, "t": 3600, "h": 3600}[every]
    assert abs(value / every_s - (rate / 1e6 if in_mb else rate)) <= max(0.06 / every_s, 0.06 * rate)
    assert ("," not in text) if lang == "en" else ("." not in text)
    assert len(text) <= 16


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_phase_has_a_short_name_of_its_own(phase: Phase, lang: str) -> None:
    assert has(f"progress.{phase}")
    assert len(say(f"progress.{phase}", lang)) <= 30


# -- how fast -----------------------------------------------------------------------------------------


def rate_after(steps: Sequence[tuple[float, Progress]]) -> float | None:
    rate = Rate()
    for now, progress in steps:
        rate.note(progress, now)
    return rate.at(steps[-1][0])


def backup(done: int, total: int | None = 100_000) -> Progress:
    return Progress(Phase.OBJECT_COPY, done, total)


def test_a_steady_rate_is_told_as_it_is_between_its_steps_too() -> None:
    steps = [(tick / 5, backup(256 * (tick // 10))) for tick in range(200)]
    assert rate_after(steps[:10]) is None, "nothing is done yet"
    assert {round(rate_after(steps[:end]) or 0) for end in range(31, 200)} == {128}


def test_a_rate_is_that_of_the_last_minute_and_falls_when_nothing_comes() -> None:
    quick = [(float(second), backup(1000 * second)) for second in range(100)]
    slow = [(100.0 + second, backup(99_000 + second)) for second in range(120)]
    assert rate_after(quick) == pytest.approx(1000)
    assert rate_after(quick + slow) == pytest.approx(1, rel=0.1)
    stalled = rate_after([*quick, (1000.0, backup(99_000))])
    assert stalled is not None
    assert stalled < 100


def test_what_comes_once_in_minutes_has_a_rate_too_and_a_new_phase_none() -> None:
    steps = [(180.0 * call, Progress(Phase.TRAINING_COPIES, call, 20)) for call in range(8)]
    assert rate_after(steps) == pytest.approx(1 / 180)
    assert rate_after([*steps, (1500.0, backup(0))]) is None


# -- where there is no terminal -----------------------------------------------------------------------


def lines_of(steps: Sequence[tuple[float, Progress]], lang: str, command: str = "backup") -> list[str]:
    out = io.StringIO()
    view = Lines(out, lang, command, steps[0][0])
    for now, progress in steps:
        view.look(progress, now)
    view.close()
    return out.getvalue().splitlines()


def test_without_a_terminal_there_is_a_line_a_minute_and_the_first_after_a_minute() -> None:
    steps = [(1000.0 + second, backup(210 * second)) for second in range(200)]
    assert lines_of(steps[:60], "en") == []
    assert lines_of(steps, "en") == [
        "backup: copying recordings, 12 600 of 100 000 calls, 210/s, about 7 min left",
        "backup: copying recordings, 25 200 of 100 000 calls, 210/s, about 6 min left",
        "backup: copying recordings, 37 800 of 100 000 calls, 210/s, about 5 min left",
    ]
    assert lines_of(steps, "nb")[0] == "backup: kopierer opptak, 12 600 av 100 000 samtaler, 210/s, omtrent 7 min igjen"


def test_bytes_are_told_as_megabytes_and_what_is_not_counted_by_its_name() -> None:
    reading = [(float(second), Progress(Phase.OBJECT_CHECK, 1_500_000 * second, 900_000_000)) for second in range(61)]
    assert lines_of(reading, "nb", "verify") == ["verify: leser opptakene, 90 av 900 MB, 1,5 MB/s, omtrent 9 min igjen"]
    rekeying = [(float(second), Progress(Phase.REKEYING)) for second in range(61)]
    assert lines_of(rekeying, "en", "status") == ["status: encrypting the catalogue anew"]


# -- a thread that looks on ---------------------------------------------------------------------------


class Kept:
    """A view that keeps what it sees, or fails as a broken stderr does."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.seen: list[Progress] = []
        self.closed = 0
        self._failure = failure

    def look(self, progress: Progress, now: float) -> None:
        self.seen.append(progress)
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        self.closed += 1
        if self._failure is not None:
            raise self._failure


def looked_on(view: Kept, steps: Sequence[Progress]) -> None:
    watching = Display(lambda _began: view, 0.001, time.monotonic)
    for progress in steps:
        watching(progress)
    while not view.seen:
        time.sleep(0.001)
    watching.close()
    watching.close()


def test_what_is_told_is_seen_and_taken_away_once() -> None:
    view = Kept()
    looked_on(view, [backup(done) for done in range(1000)])
    assert (view.seen[-1].total, view.closed) == (100_000, 1)


@pytest.mark.parametrize("asked", ["a passphrase", "a number"])
def test_the_bar_is_gone_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    """As after a reset, when the catalogue is encrypted anew before the new passphrase is chosen."""
    view = Kept()

    class Client(LocalClient):
        def ask_secret(self, question: str) -> str:
            assert (view.closed, question != "") == (1, True)
            return "riktig hest batteri"

    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

        def readline(self, size: int = -1) -> str:
            assert view.closed == 1
            return "7\n"

    monkeypatch.setattr(sys, "stdin", Keyboard())
    run = Run({}, Client(), form=Form.WORDS, quiet=False)
    run._display = Display(lambda _began: view, 0.001, time.monotonic)
    run.progress(Progress(Phase.REKEYING))
    if asked == "a passphrase":
        assert run.new_passphrase(None) == b"riktig hest batteri"
    else:
        assert run.answer_to("How many?") == "7"


@pytest.mark.parametrize("failure", [OSError(28, "No space left"), BrokenPipeError(), ValueError("closed")])
def test_a_stderr_that_takes_nothing_ends_the_looking_and_nothing_else(failure: Exception) -> None:
    view = Kept(failure)
    looked_on(view, [backup(1), backup(2)])
    assert len(view.seen) == 1


def test_work_goes_on_where_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_thread: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(shown.Thread, "start", refused)
    watching = Display(lambda _began: Kept(), 0.001, time.monotonic)
    watching(backup(1))
    watching(backup(2))
    watching.close()


def test_a_stderr_that_was_closed_before_the_start_is_none() -> None:
    for stream in (None, io.StringIO()):
        if stream is not None:
            stream.close()
        watching = display(stream, "nb", "backup")
        watching(backup(1))
        watching.close()


# -- a bar --------------------------------------------------------------------------------------------


class Terminal:
    """A terminal of so many columns, with what was written to it."""

    def __init__(self, columns: int) -> None:
        self.ours, self.theirs = os.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def start(self, words: Sequence[str], environment: dict[str, str], script: str) -> bytes:
        """Run *script* with *words* on it to its end; what it wrote, that is all three streams together."""
        streams: Any = {"stdin": self.theirs, "stdout": self.theirs, "stderr": self.theirs}
        with subprocess.Popen([sys.executable, "-c", script, *words], cwd=TOP, env=environment, **streams) as process:
            os.close(self.theirs)
            written = b"".join(self._pieces())
            self.status = process.wait(timeout=60)
        os.close(self.ours)
        return written

    def _pieces(self) -> Iterator[bytes]:
        while True:
            try:
                piece = os.read(self.ours, 65_536)
            except OSError:  # nobody writes there any more
                return
            if not piece:
                return
            yield piece


AT_ONCE = """
import sys
from arlo_rec import cli
from arlo_rec.edge import progress
progress.APPEARS_AFTER = progress.LINE_EVERY = 0.0
progress.BAR_TICK = progress.LINE_TICK = 0.002
sys.exit(cli.main(sys.argv[1:]))
"""
USUAL = "import sys; from arlo_rec import cli; sys.exit(cli.main(sys.argv[1:]))"


def environment(world: World, **more: str) -> dict[str, str]:
    outside = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "COLUMNS", "LINES"}}
    return {**outside, **world._environment(), "TERM": "xterm-256color", **more}


def deliver(world: World, count: int) -> tuple[str, ...]:
    sound = tone_wav(0.2)
    for number in range(count):
        world.deliver(f"call{number:03}", sound=sound, caller=f"+479{number:07}")
    return ("ingest", str(world.spool), "--key-file", str(world.key("telefon")))


def drawn(written: bytes) -> list[str]:
    """The lines that were drawn one over the other, without their colours."""
    return [ESCAPES.sub("", line) for line in re.split(r"[\r\n]+", written.decode())]


def left_over(written: bytes) -> list[str]:
    """The lines that stand on the screen at the end."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", written.decode()):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\x1b[1A":
            row -= 1
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif piece == "\r" or piece.startswith("\x1b"):
            continue
        else:
            lines[row] = piece if not lines[row] else lines[row] + piece
    return [line for line in lines if line]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("columns", "lang", "name", "unit"),
    [(80, "nb", "tar inn samtaler", "samtaler"), (60, "en", "taking in calls", "calls")],
)
def test_long_work_draws_a_bar_that_fits_and_is_gone_when_it_is_done(
    world: World, columns: int, lang: str, name: str, unit: str
) -> None:
    words = (*deliver(world, 120), "--lang", lang)
    terminal = Terminal(columns)
    written = terminal.start(words, environment(world), AT_ONCE)
    lines = drawn(written)
    assert terminal.status == 0, written
    bars = [line for line in lines if line.startswith(name)]
    assert any(f"0/120 {unit}" in line for line in bars)
    assert any("100/120" in line and re.search(r"\d/s {2}(omtrent |about )?\d+ s", line) for line in bars)
    assert max(map(len, bars)) <= columns
    assert [" ".join(left_over(written))] == [
        say("ingest.done", lang, accepted=120, refused=0, duplicates=0, unclaimed=0)
    ]
    assert b"\x1b[?25l" not in written, "the cursor is never hidden"


@pytest.mark.slow
def test_no_color_and_a_dumb_terminal_are_honoured(world: World) -> None:
    words = deliver(world, 120)
    plain = Terminal(80).start((*words, "--keep-source"), environment(world, NO_COLOR="1"), AT_ONCE)
    assert any("0/120" in line for line in drawn(plain))
    assert not COLOURS.search(plain.decode())
    dumb = Terminal(80).start(words, environment(world, TERM="dumb"), AT_ONCE)
    assert b"ingest: taking in calls, " in dumb
    assert b"\x1b" not in dumb


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_with_quiet_or_json_nothing_is_shown(world: World, option: str) -> None:
    written = Terminal(80).start((*deliver(world, 20), option), environment(world), AT_ONCE)
    assert b"\x1b" not in written
    assert written.count(b"\n") == (1 if option == "--json" else 0)


@pytest.mark.slow
def test_short_work_shows_nothing(world: World) -> None:
    written = Terminal(80).start(deliver(world, 2), environment(world), USUAL)
    assert b"\x1b" not in written
    assert written.count(b"\n") == 1


@examples(100)
@given(st.integers(20, 200), st.sampled_from(Phase), LANGS, st.integers(1, 10**10), SPEEDS, st.data())
def test_a_bar_is_one_line_on_every_terminal(
    columns: int, phase: Phase, lang: str, total: int, speed: float, data: st.DataObject
) -> None:
    done = data.draw(st.integers(1, total))
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        patch.setenv("TERM", "xterm-256color")
        patch.setattr(shown, "APPEARS_AFTER", 0.0)
        view = Delayed(out, lang, 0.0, lambda: True)
        is_counted = phase in UNIT_OF
        view.look(Progress(phase, 0, total if is_counted else None), 0.0)
        view.look(Progress(phase, done, total) if is_counted else Progress(phase), done / speed)
        bars = [line for line in drawn(out.getvalue().encode()) if line]
        view.close()
    assert bars
    assert "\n" not in out.getvalue().rstrip("\x1b[2KA1\r").rstrip("\n")
    assert max(map(len, bars)) < columns


def test_a_bar_leaves_a_terminal_alone_that_is_another_programs_by_now(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = os.openpty()
    os.set_blocking(here, False)
    with os.fdopen(there, "w") as out:
        monkeypatch.setattr(sys, "stderr", out)
        monkeypatch.setattr(os, "tcgetpgrp", lambda _handle: os.getpgrp() + 1)
        view = Delayed(out, "nb", 0.0, LocalClient().is_in_foreground)
        view.look(backup(1), 10.0)
        view.look(backup(2), 20.0)
        view.close()
        with pytest.raises(BlockingIOError):
            os.read(here, 65_536)
        monkeypatch.setattr(os, "tcgetpgrp", lambda _handle: os.getpgrp())
        view.look(backup(3), 30.0)
        assert os.read(here, 65_536).decode().startswith("kopierer opptak ")
        view.close()
    os.close(here)


# -- a stderr that takes nothing ----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("ear", ["full", "closed", "gone", "held up"])
def test_a_stderr_that_takes_nothing_stops_no_intake_and_no_erasure(world: World, ear: str) -> None:
    words = deliver(world, 30)
    started = datetime.now(UTC) - timedelta(days=90) + timedelta(seconds=30)
    world.deliver("old", started=started)
    for command in (words, ("purge", "--allow-large", "--key-file", str(world.key("cron")))):
        out, held = _ear(ear)
        process = subprocess.Popen(
            [sys.executable, "-c", AT_ONCE, *command],
            cwd=TOP,
            env=environment(world),
            stdout=subprocess.PIPE,
            stderr=out,
            preexec_fn=(lambda: os.close(2)) if ear == "closed" else None,
        )
        os.close(out)
        answer, _ = process.communicate(timeout=60)
        for handle in held:
            os.close(handle)
        assert process.returncode == 0, answer
    assert world.json("status", who="iver")["held"] == 31


def _ear(kind: str) -> tuple[int, list[int]]:
    """A stderr on which every write fails, or waits for ever; and what keeps it so."""
    if kind in {"full", "closed"}:
        return os.open("/dev/full", os.O_WRONLY), []
    reading, writing = os.pipe()
    if kind == "gone":
        os.close(reading)
        return writing, []
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writing, True)
    return writing, [reading]


# -- what commands tell -------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Progress]:
    """What the commands of a test tell."""
    kept: list[Progress] = []
    monkeypatch.setattr(Run, "progress", lambda _run, progress: kept.append(progress))
    return kept


def phases(told: list[Progress]) -> list[Phase]:
    """The phases in order; each counts up to one total, and comes once."""
    order: list[Phase] = []
    for progress in told:
        if progress.total is not None:
            assert 0 <= progress.done <= progress.total
            assert progress.phase in UNIT_OF
        if not order or order[-1] is not progress.phase:
            assert progress.phase not in order or progress.total is None, "a bar runs from 0 once"
            order.append(progress.phase)
    for phase in set(order):
        counts = [(progress.total, progress.done) for progress in told if progress.phase is phase]
        assert len({total for total, _ in counts}) == 1
        assert counts == sorted(counts, key=lambda count: count[1])
    told.clear()
    return order


def test_intake_backup_restore_and_verification_tell_how_far_they_are(fed: World, told: list[Progress]) -> None:
    fed.take_in("a", "b", "c")
    assert [progress.done for progress in told] == [0, 3]
    assert phases(told) == [Phase.INTAKE]
    assert fed.run("verify", who="iver").exit == 0
    assert phases(told) == [Phase.LOG_CHECK, Phase.COMPARISON, Phase.FILE_CHECK]
    assert fed.run("verify", "--read-data", who="sigrid").exit == 0
    assert {progress.total for progress in told if progress.phase is Phase.KEY_CHECK} == {3}
    assert phases(told) == [Phase.OBJECT_CHECK, Phase.COMPARISON, Phase.KEY_CHECK, Phase.COMPARISON, Phase.FILE_CHECK]
    assert fed.run("audit", "verify", who="iver").exit == 0
    assert told[-1].done == told[-1].total
    assert phases(told) == [Phase.LOG_CHECK]
    places = (str(fed.base / "copy"), "--escrow", str(fed.base / "ring"))
    assert fed.run("backup", *places, who="sigrid").exit == 0
    assert told[-1] == backup(3, 3)
    assert phases(told) == [Phase.CATALOGUE_COPY, Phase.OBJECT_COPY]
    fed.json("withdraw", "+4790000001", "--yes", who="siri")
    told.clear()
    place = ("--store", str(fed.base / "new"), "--root", str(fed.base / "new.root"))
    assert fed.run("restore", *places, *place, "--yes", who="sigrid").exit == 0
    assert phases(told) == [Phase.CATALOGUE_COPY, Phase.OBJECT_COPY, Phase.ERASURE]


def test_grants_answers_copies_and_erasures_tell_how_far_they_are(world: World, told: list[Progress]) -> None:
    (first, _) = world.take_in("a", "b")
    told.clear()
    world.grant()
    assert told[-1] == Progress(Phase.GRANT, 1, 1)
    assert phases(told) == [Phase.GRANT]
    who = ("--identity", "passport seen at the desk")
    assert world.run("dsar", "+4790000001", "--out", str(world.base / "answer.html"), *who, who="sigrid").exit == 0
    assert told[-1].done == told[-1].total
    assert phases(told) == [Phase.ANSWER]
    cuts = labels(world, (0.1, 0.2))
    assert world.run("pseudonymise", *SAID, first, "--mode", "manual", "--cuts", cuts, who="sigrid").exit == 0
    assert told[-1] == Progress(Phase.TRAINING_COPIES, 1, 1)
    assert phases(told) == [Phase.TRAINING_COPIES]


def test_a_purge_tells_how_many_it_has_erased(
    world: World, told: list[Progress], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a", "b")
    told.clear()
    monkeypatch.setattr(Run, "now", lambda _run: datetime.now(UTC) + timedelta(days=91))
    assert world.run("purge", "--allow-large", who="cron").exit == 0
    assert {progress.total for progress in told} == {2}
    assert phases(told) == [Phase.ERASURE]


def test_who_leaves_has_the_catalogue_encrypted_anew_and_is_told_so(world: World, told: list[Progress]) -> None:
    assert world.run("person", "remove", "turid", "--yes", who="sigrid").exit == 0
    assert phases(told) == [Phase.REKEYING]
