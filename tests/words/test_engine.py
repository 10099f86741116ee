"""The speech engine: what it hears, what its process cannot do, and that nothing it says is taken on trust.

The process is always a real one. Where it must misbehave, a stand-in of a few lines runs instead of the one that
hears; where it must hear, it needs faster-whisper and a model (`./dev model tiny.en`).
"""

from __future__ import annotations

import io
import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import ArloError, Unreachable, Usage
from arlo_rec.law.model.strict_json import parse
from arlo_rec.sound.audio import as_pcm16, read_wav
from arlo_rec.sound.speech import Engine, Word
from arlo_rec.words import engine
from arlo_rec.words.engine import check_model, resample, whisper
from arlo_rec.words.engine_process import ENGINE_RATE
from arlo_rec.words.whisper import LOOP, LOOP_SCORE, SHORTEST, convert_words
from tests.support import needs
from tests.support.models import INSTALLED, MODEL, needs_model
from tests.support.places import GIVEN, TOP
from tests.support.properties import examples

needs_filter = needs.mark(needs.call_filter())

STAND_IN = """
import json, os, signal, socket, sys
sys.path[:] = json.loads(sys.argv[1])
from arlo_rec.words.engine_process import receive_request, send
pipe = socket.socket(fileno=0)
receive_request(pipe)
send(pipe, {"languages": ["en", "no"]})
while request := receive_request(pipe):
    asked, samples = request
    seconds = len(samples) / 32000
    words = [["hello", 0.0, seconds, 0.5]]
"""
ANSWERS = '    send(pipe, {"language": asked["language"] or "en", "words": words})\n'
SECOND = bytes(2 * ENGINE_RATE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What looks like a model as long as nobody loads it."""
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def says(expression: str) -> str:
    """A stand-in that answers with the words of an expression."""
    return f"{STAND_IN}    words = {expression}\n{ANSWERS}"


def answers(line: bytes) -> str:
    """A stand-in that answers with these very bytes, and then listens on."""
    return f"{STAND_IN}    pipe.sendall({line!r})\n"


def code_of(hearing: Engine, samples: bytes = SECOND, language: str | None = "en") -> str:
    with pytest.raises(ArloError) as error:
        hearing.hear(samples, language, ())
    return error.value.code


def test_words_are_handed_on_as_the_process_said_them(folder: Path) -> None:
    with whisper(folder, program=says('[["Kari", 0.25, 0.5, 0.75], ["Nordmann.", 0.5, 1.5, 1]]')) as hearing:
        assert hearing.hear(SECOND, "en", ()) == [Word("Kari", 0.25, 0.5, 0.75), Word("Nordmann.", 0.5, 1.5, 1.0)]
        assert hearing.hear(b"", "en", ()) == []


def test_the_process_gets_the_samples_the_language_and_the_hints_and_no_more_of_them_than_fit(folder: Path) -> None:
    tell = says('[[repr(each), 0, 0, 0] for each in (samples.hex(), asked["language"], asked["hints"][:60])]')
    with whisper(folder, language="nb", program=tell) as hearing:
        heard = hearing.hear(b"\1\2\3\4", None, ["Kari  \n Nordmann", "Kari Nordmann", "Åse"])
        assert [word.text for word in heard] == ["'01020304'", "'no'", "'Kari Nordmann, Åse'"]
        assert hearing.hear(b"\1\2", "en", ())[1].text == "'en'"
    with whisper(folder, program=says('[[str(len(asked["hints"])), 0, 0, 0]]')) as hearing:
        assert [word.text for word in hearing.hear(SECOND, "en", ["x" * 90, *map(str, range(1000))])] == ["400"]


def test_the_process_gets_no_environment_and_stands_in_no_folder_of_ours(folder: Path) -> None:
    opened = '(os.path.realpath(f"/proc/self/fd/{one}") for one in os.listdir("/proc/self/fd") if int(one) > 2)'
    tell = says(f"[[one, 0, 0, 0] for one in (*sorted(os.environ), os.getcwd(), *{opened})]")
    needs.demand(needs.linux())
    with whisper(folder, program=tell) as hearing:
        texts = [word.text for word in hearing.hear(SECOND, "en", ())]
    ours = ["HF_HUB_DISABLE_TELEMETRY", "HF_HUB_OFFLINE", "HOME", "LC_ALL", "OMP_NUM_THREADS", "ORT_DISABLE_TELEMETRY"]
    assert texts[:7] == [*ours, "/"]
    others = [Path(path).name for path in texts[7:]]
    others = [path for path in others if not path.startswith("libffi.so")]  # newer ones keep their own file open
    assert len(others) == 1 and others[0].isdigit(), "the one that lists them, and is gone"


def test_a_long_sound_is_heard_in_pieces_cut_where_it_is_quiet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PIECE_S", 60)
    noise = numpy.random.default_rng(5).integers(-3000, 3000, 150 * ENGINE_RATE).astype("<i2")
    for at in (41.0, 97.0):
        noise[int(at * ENGINE_RATE) : int((at + 0.5) * ENGINE_RATE)] = 0
    with whisper(folder, program=STAND_IN + ANSWERS) as hearing:
        heard = hearing.hear(noise.tobytes(), None, ())
    cuts = [word.start for word in heard]
    assert len(heard) == 3 and cuts[0] == 0.0 and heard[-1].end == pytest.approx(150)
    assert 41.0 <= cuts[1] <= 41.5 and 97.0 <= cuts[2] <= 97.5
    assert [word.end for word in heard[:2]] == pytest.approx(cuts[1:]), "nothing lies between two pieces"


def test_the_language_of_a_call_is_found_once_and_one_that_the_model_lacks_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PIECE_S", 40)
    program = STAND_IN + '    send(pipe, {"language": "no", "words": [[str(asked["language"]), 0, 0, 0]]})\n'
    with whisper(folder, program=program) as hearing:
        assert [word.text for word in hearing.hear(100 * SECOND, None, ())] == ["None", "no", "no"]
        with pytest.raises(Usage) as error:
            hearing.hear(SECOND, "fi", ())
        assert (error.value.code, error.value.detail) == ("language_unknown", {"language": "fi"})
        assert len(hearing.hear(SECOND, "nb", ())) == 1, "and the process is as well as before"


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        '[["a", -0.1, 0.5, 0.5]]',
        '[["a", 0.5, 0.4, 0.5]]',
        '[["a", 0.0, 2.1, 0.5]]',
        '[["a", 0.5, 0.6, 0.5], ["b", 0.4, 0.7, 0.5]]',
        '[["a", 0.0, 0.5, 1.01]]',
        '[["a", 0.0, 0.5, -0.01]]',
        '[["a", 0.0, 0.5, None]]',
        '[["a", False, 0.5, 0.5]]',
        '[["a", "0", 0.5, 0.5]]',
        '[["a", 0.0, float("nan"), 0.5]]',
        '[["a", 0.0, float("inf"), 0.5]]',
        '[["", 0.0, 0.5, 0.5]]',
        '[["a\\x1b[2J", 0.0, 0.5, 0.5]]',
        '[["a" * 101, 0.0, 0.5, 0.5]]',
        "[[7, 0.0, 0.5, 0.5]]",
        '[["a", 0.0, 0.5]]',
        '[["a", 0.0, 0.5, 0.5, 0]]',
        "[7]",
        "[None]",
        "{}",
        "None",
        '[["a", 0.0, 0.5, 0.5]] * 121',
    ],
)
def test_words_that_cannot_be_are_not_believed(folder: Path, wrong: str) -> None:
    with whisper(folder, program=says(wrong)) as hearing:
        assert code_of(hearing) == "engine_garbled"


def test_as_many_words_as_somebody_may_say_are_believed(folder: Path) -> None:
    with whisper(folder, program=says('[["a", 0.0, 2.0, 1]] * 120')) as hearing:
        assert len(hearing.hear(SECOND, "en", ())) == 120


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"garbage\n",
        b"[]\n",
        b"{}\n",
        b'{"words": []}\n',
        b'{"language": "en"}\n',
        b'{"language": "fi", "words": []}\n',
        b'{"language": [], "words": []}\n',
        b'{"language": "en", "words": []}\n{"language": "en", "words": []}\n',
        b'{"language": "en", "words": [], "words": []}\n',
        b'{"language": "en", "words": ' + b"[" * 200 + b"]" * 200 + b"}\n",
        b"\xff\xfe\n",
    ],
)
def test_an_answer_that_is_none_is_not_believed(folder: Path, line: bytes) -> None:
    with whisper(folder, program=answers(line)) as hearing:
        assert code_of(hearing) == "engine_garbled"


def test_an_answer_without_end_is_read_no_further_than_an_answer_goes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "ANSWER_MOST", 100_000)
    endless = STAND_IN + "    while True:\n        pipe.sendall(bytes(1 << 16))\n"
    with whisper(folder, program=endless) as hearing:
        assert code_of(hearing) == "engine_garbled"


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "pipe.sendall(b'{'); exit()"])
def test_a_process_that_dies_leaves_nothing_half_done_and_the_next_call_starts_another(folder: Path, end: str) -> None:
    dying = f"{STAND_IN}    if samples[0]:\n        {end}\n{ANSWERS}"
    with whisper(folder, program=dying) as hearing:
        for _ in range(2):
            assert code_of(hearing, b"\1" + SECOND[1:]) == "engine_died"
            assert [word.text for word in hearing.hear(SECOND, "en", ())] == ["hello"]


def test_a_process_that_died_between_two_calls_is_followed_by_another(folder: Path) -> None:
    with whisper(folder, program=says("[[str(os.getpid()), 0, 0, 0]]")) as hearing:
        (first,) = hearing.hear(SECOND, "en", ())
        os.kill(int(first.text), 9)
        (second,) = _once_more(hearing)
        assert second.text != first.text


def _once_more(hearing: Engine) -> list[Word]:
    """The end of a process is seen a moment later than it is asked for: then the call after says so."""
    try:
        return hearing.hear(SECOND, "en", ())
    except Unreachable as died:
        assert died.code == "engine_died"
        return hearing.hear(SECOND, "en", ())


def test_a_process_that_hangs_is_ended_and_the_next_call_starts_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = f"{STAND_IN}    if samples[0]:\n        signal.pause()\n{ANSWERS}"
    with whisper(folder, program=hanging) as hearing:
        monkeypatch.setattr(engine, "FLOOR_S", 0.05)
        monkeypatch.setattr(engine, "PER_SECOND", 0.1)
        assert code_of(hearing, b"\1" + SECOND[1:]) == "engine_silent"
        monkeypatch.undo()
        assert len(hearing.hear(SECOND, "en", ())) == 1


def test_a_process_that_trickles_is_one_that_hangs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trickling = STAND_IN + '    while True:\n        pipe.sendall(b" ")\n        select.select([], [], [], 0.01)\n'
    with whisper(folder, program="import select" + trickling) as hearing:
        monkeypatch.setattr(engine, "FLOOR_S", 0.1)
        monkeypatch.setattr(engine, "PER_SECOND", 0.1)
        assert code_of(hearing) == "engine_silent"


@pytest.mark.usefixtures("interruptible")
def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next_calls(folder: Path) -> None:
    interrupts = STAND_IN + "    if samples[0]:\n        os.kill(os.getppid(), signal.SIGINT)\n"
    with whisper(folder, program=f"{interrupts}    words[0][0] = str(samples[0])\n{ANSWERS}") as hearing:
        with pytest.raises(KeyboardInterrupt):
            hearing.hear(b"\1" + SECOND[1:], "en", ())
        assert [word.text for word in hearing.hear(SECOND, "en", ())] == ["0"]


@pytest.mark.slow
def test_patience_grows_with_the_sound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with whisper(folder, program=STAND_IN + "    signal.pause()\n") as hearing:
        monkeypatch.setattr(engine, "FLOOR_S", 0.0)
        monkeypatch.setattr(engine, "PER_SECOND", 0.005)
        with pytest.raises(Unreachable) as error:
            hearing.hear(200 * SECOND, "en", ())
        assert error.value.detail == {"seconds": 1}


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("", "engine_died"),
        ("raise SystemExit(1)", "engine_died"),
        (
            "import socket; s = socket.socket(fileno=0); s.sendall(b'{\"languages\": 7}\\n'); s.recv(1)",
            "engine_garbled",
        ),
        (
            'import socket; s = socket.socket(fileno=0); s.sendall(b\'{"problem": "x"}\\n\'); s.recv(1)',
            "engine_garbled",
        ),
    ],
)
def test_a_process_that_does_not_begin_is_an_error_at_once(folder: Path, program: str, code: str) -> None:
    with pytest.raises(Unreachable) as error, whisper(folder, program=program):
        pass
    assert error.value.code == code


@pytest.mark.parametrize("code", ["engine_missing", "model_unusable", "engine_unconfined"])
def test_what_keeps_the_process_from_loading_is_told(folder: Path, code: str) -> None:
    program = f'import socket; s = socket.socket(fileno=0); s.sendall(b\'{{"problem": "{code}"}}\\n\'); s.recv(1)'
    with pytest.raises(Unreachable) as error, whisper(folder, program=program):
        pass
    assert error.value.code == code


def test_the_process_ends_with_the_context_even_while_it_works(folder: Path) -> None:
    with whisper(folder, program=says("[[str(os.getpid()), 0, 0, 0]]")) as hearing:
        (pid_word,) = hearing.hear(SECOND, "en", ())
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_word.text), 0)


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json", "vocabulary.json"])
def test_a_folder_that_lacks_a_file_is_never_completed_from_elsewhere(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(Usage) as error, whisper(folder, program="raise AssertionError"):
        pass
    shown = name.replace("vocabulary.json", "vocabulary.txt")
    assert (error.value.code, error.value.detail["missing"]) == ("model_incomplete", shown)
    (folder / shown).write_bytes(b"")
    check_model(folder)


def test_a_name_instead_of_a_folder_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ("base", "file"):
        with pytest.raises(Usage) as error:
            check_model(tmp_path / name)
        assert error.value.code == "model_not_found"


CONFINED = """
import ctypes, errno, os, socket, subprocess, sys, threading
sys.path.insert(0, sys.argv[1])
from arlo_rec.words import engine_process
ours, theirs = socket.socketpair()
os.chdir(sys.argv[2])
early = open("early", "wb", buffering=0)
engine_process.confine()
def refused(do):
    try:
        do()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "allowed"
print(*map(refused, [
    lambda: socket.socket(socket.AF_INET), lambda: socket.socket(socket.AF_INET6),
    lambda: socket.socket(socket.AF_UNIX), socket.socketpair,
    lambda: subprocess.run(["/bin/true"]), lambda: os.execv("/bin/true", ["true"]),
    lambda: open("late", "wb"), lambda: open("early", "r+b"), lambda: os.open("early", os.O_RDONLY | os.O_TRUNC),
    lambda: os.open(".", os.O_TMPFILE | os.O_RDWR), lambda: os.mkdir("d"), lambda: os.unlink("early"),
    lambda: os.rename("early", "late"), lambda: os.link("early", "late"), lambda: os.symlink("early", "late"),
    lambda: os.truncate("early", 0), lambda: os.mkfifo("late"),
]))
results = []
thread = threading.Thread(target=lambda: results.append(refused(lambda: socket.socket(socket.AF_INET))))
thread.start(), thread.join()
libc = ctypes.CDLL(None, use_errno=True)
second = libc.syscall(0x40000000 + 41, 2, 1, 0) == -1 and ctypes.get_errno() == errno.EPERM
print(*results, second)
print(refused(lambda: early.write(b"what was said")))
ours.sendall(b"heard"), print(theirs.recv(5).decode(), len(open(sys.argv[3], "rb").read()) > 0, len(os.listdir(".")))
"""


@needs_filter
def test_the_process_opens_no_socket_starts_no_program_and_leaves_no_file_but_reads_and_answers(tmp_path: Path) -> None:
    words = [sys.executable, "-I", "-c", CONFINED, str(TOP), str(tmp_path), __file__]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines[0] == " ".join(["EPERM"] * 17)
    assert lines[1] == f"EPERM {platform.machine() == 'x86_64'}"
    assert lines[2:] == ["EFBIG", "heard True 1"]
    assert (tmp_path / "early").read_bytes() == b""


def tone(rate: int, frequency: float, seconds: float, *, size: float = 16000) -> Any:
    return size * numpy.sin(2 * math.pi * frequency / rate * numpy.arange(int(rate * seconds)))


def pcm(wave: Any) -> bytes:
    return bytes(numpy.rint(wave).astype("<i2").tobytes())


@examples(25)
@given(st.sampled_from([8000, 11025, 22050, 24000, 32000, 44100, 48000]), st.floats(0.01, 0.92))
@example(8000, 0.85)
@example(44099, 0.5)
def test_what_both_rates_carry_comes_through_as_it_was(rate: int, share: float) -> None:
    frequency = share * min(rate, ENGINE_RATE) / 2
    heard = numpy.frombuffer(resample(pcm(tone(rate, frequency, 4)), rate), "<i2")
    wanted = tone(ENGINE_RATE, frequency, 4)
    middle = slice(ENGINE_RATE // 5, -ENGINE_RATE // 5)  # a tone that begins at once is not one frequency
    assert len(heard) == 4 * ENGINE_RATE
    assert numpy.abs(heard[middle] - wanted[middle]).max() < 8, "6 parts in 10,000, rounding included"


def test_what_the_new_rate_cannot_carry_is_gone_and_nothing_is_mirrored() -> None:
    high = numpy.frombuffer(resample(pcm(tone(48000, 11_000, 3)), 48000), "<i2")
    assert numpy.abs(high[3200:-3200]).max() <= 2
    spectrum = numpy.abs(numpy.fft.rfft(numpy.frombuffer(resample(pcm(tone(8000, 3000, 4)), 8000), "<i2") / 16000))
    assert spectrum[4 * 4100 :].max() < spectrum.max() / 1000, "no image of a telephone's band above it"


@examples(30)
@given(st.integers(8000, 48000), st.integers(0, 3000))
def test_a_sound_is_as_long_as_it_was(rate: int, frames: int) -> None:
    assert len(resample(bytes(2 * frames), rate)) == 2 * -(-frames * ENGINE_RATE // rate)


def test_a_full_scale_sound_stays_within_16_bits_and_one_at_16_khz_is_not_touched() -> None:
    loud = numpy.where(numpy.arange(16000) // 40 % 2, 32767, -32768).astype("<i2").tobytes()
    heard = numpy.frombuffer(resample(loud, 8000), "<i2")
    assert (heard[40:80] > 25000).all() is numpy.False_ and (heard[22:58] < 0).all(), "no sample wrapped around"
    assert resample(loud, ENGINE_RATE) is loud
    for rate, samples in ((7999, b""), (48001, b""), (8000, b"\0")):
        with pytest.raises(ValueError, match="not 16-bit PCM"):
            resample(samples, rate)


def window(*given: tuple[str, float, float, float], ratio: float = 1.0) -> Any:
    """What the library gives for one window."""
    names = ("word", "start", "end", "probability")
    words = [SimpleNamespace(**dict(zip(names, word, strict=True))) for word in given]
    return SimpleNamespace(words=words, compression_ratio=ratio)


def test_a_word_without_length_is_kept_since_it_may_be_a_name_and_what_lies_behind_the_end_is_not() -> None:
    given = window((" Kari", 1.0, 1.0, 0.9), (" at", 9.9, 10.4, 1.1), (" late", 10.0, 10.2, 0.9), (" ", 2, 3, 0.9))
    assert list(convert_words([given], 0.0, 10.0)) == [("Kari", 1.0, 1.0 + SHORTEST, 0.9), ("at", 9.9, 10.0, 1.0)]
    early = window((" a\x00b", -0.1, 0.2, -0.5), ("x" * 200, 0.2, 0.2, 0.5))
    assert list(convert_words([early], 5.0, 5.21)) == [("ab", 5.0, 5.2, 0.0), ("x" * 100, 5.2, 5.21, 0.5)]


def test_words_of_a_loop_say_that_they_are_doubtful_and_those_that_took_no_time_were_none() -> None:
    loop = window((" five", 1.0, 1.5, 0.9), (" five", 1.5, 1.5, 0.9), (" six", 1.5, 1.6, 0.01), ratio=LOOP + 0.1)
    assert list(convert_words([loop], 0.0, 10.0)) == [("five", 1.0, 1.5, LOOP_SCORE), ("six", 1.5, 1.6, 0.01)]
    assert list(convert_words([SimpleNamespace(words=None, compression_ratio=1.0)], 0.0, 10.0)) == []


# --- with a model --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Iterator[Engine]:
    with whisper(Path(str(MODEL)), threads=2, language="en") as hearing:
        yield hearing


def channel(call: str, which: int) -> tuple[bytes, float]:
    body = (GIVEN / f"{call}.wav").read_bytes()
    sound = as_pcm16(read_wav(io.BytesIO(body), len(body)))
    samples = numpy.frombuffer(sound.data, "<i2").reshape(-1, sound.channels)[:, which].tobytes()
    return resample(samples, sound.rate), sound.duration


def plain(words: list[str]) -> list[str]:
    return [kept for word in words if (kept := "".join(filter(str.isalpha, word.lower())))]


@needs_model
def test_it_hears_what_is_said_when_it_is_said(real: Engine) -> None:
    samples, duration = channel("call000", 0)
    heard = real.hear(samples, None, ())
    truth = parse((GIVEN / "call000.json").read_bytes())
    said = plain([word for turn in truth["ref"] if turn["ch"] == 0 for word in turn["text"].split()])
    ours = plain([word.text for word in heard])
    same = sum(block.size for block in SequenceMatcher(None, said, ours, autojunk=False).get_matching_blocks())
    assert same / len(said) > 0.9
    (charles,) = [word for word in heard if plain([word.text]) == ["charles"]]
    assert charles.start == pytest.approx(2.9, abs=0.5) and charles.end == pytest.approx(3.4, abs=0.5)
    assert [word.start for word in heard] == sorted(word.start for word in heard)
    assert all(0 <= word.start < word.end <= duration + 0.001 and word.score is not None for word in heard)


@needs_model
def test_the_same_sound_is_heard_the_same_twice_and_silence_and_hum_say_nothing(real: Engine) -> None:
    samples = channel("call003", 1)[0][: 20 * 2 * ENGINE_RATE]
    assert real.hear(samples, "en", ["Paula Kelley"]) == real.hear(samples, "en", ["Paula Kelley"])
    assert real.hear(30 * SECOND, "en", ()) == [] == real.hear(pcm(tone(ENGINE_RATE, 50, 30, size=2000)), "en", ())


@needs_model
def test_digits_in_noise_do_not_send_it_into_a_loop_that_is_believed(real: Engine) -> None:
    heard = real.hear(channel("call005", 1)[0], "en", ())
    sure = [word.text.strip(" ,.-") for word in heard if word.score is not None and word.score > LOOP_SCORE]
    assert len(sure) > 60 and max(len(list(same)) for _, same in groupby(sure)) < 20, "it was some thirty"


@needs_model
@needs_filter
def test_the_process_that_hears_is_confined_while_it_does(real: Engine) -> None:
    real.hear(SECOND, "en", ())
    for task in Path(f"/proc/{real._process.pid}/task").iterdir():  # type: ignore[attr-defined]
        lines = (task / "status").read_text("ascii").splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


@needs_model
def test_files_that_are_no_model_are_unusable(folder: Path) -> None:
    with pytest.raises(Unreachable) as error, whisper(folder):
        pass
    assert error.value.code == "model_unusable"


@needs_model
def test_a_model_whose_sound_is_prepared_in_another_way_is_told_before_anything_is_heard(tmp_path: Path) -> None:
    for file in Path(str(MODEL)).iterdir():
        (tmp_path / file.name).symlink_to(file.resolve())
    (tmp_path / "preprocessor_config.json").write_text('{"feature_size": 128}', "utf-8")
    with pytest.raises(Usage) as error, whisper(tmp_path):
        pass
    assert (error.value.code, error.value.detail["missing"]) == ("model_incomplete", "preprocessor_config.json")


@needs_model
def test_a_process_that_may_not_have_the_memory_is_an_error_of_ours() -> None:
    with pytest.raises(Unreachable) as error, whisper(Path(str(MODEL)), memory=1 << 20) as hearing:
        hearing.hear(SECOND, "en", ())
    assert error.value.code in {"model_unusable", "engine_died"}


@needs.mark("faster-whisper is here" if INSTALLED else None)
def test_without_the_extra_the_error_says_what_is_missing(folder: Path) -> None:
    with pytest.raises(Unreachable) as error, whisper(folder):
        pass
    assert error.value.code == "engine_missing"
