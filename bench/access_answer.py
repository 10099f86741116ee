"""The answer to an access request with many calls: the person's own side of each as MP3, in one encrypted page.

The peer does what can be done by hand with Debian's programs: `lame -V 2` on the caller's channel of the same calls,
two at a time, a stored ZIP and `age` over it. It opens no sealed recording, writes no letter and logs nothing. The
calls are the speech of the demonstration calls over a noise floor, in stereo G.711. Times and the most memory are those
of the whole command; the opening in Chromium counts from the file's address to the letter.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from arlo_rec.sound import audio
from arlo_rec.sound.audio.cutting import encode
from bench import peers
from bench.fill import Yard, yard
from bench.machine import most
from bench.spool import number_of

SPEECH = Path(audio.__file__).parents[2] / "demo_calls"
PARTICULARS = Path(__file__).parents[1] / "examples" / "particulars.toml"
RATE = 8000


class Case(NamedTuple):
    """An answer, and what it may cost."""

    name: str
    calls: int
    seconds: int
    limit_s: float


CASES = (Case("200 calls of 3 minutes", 200, 180, 30), Case("ten calls of half an hour", 10, 1800, 60))
LIMIT_MB = 300
LIMIT_OPEN_S = 3
SMALLEST = {"CASES": (Case("two calls of ten seconds", 2, 10, 30),)}


class Cost(NamedTuple):
    """Seconds on the wall and of processors, and the most memory in MB that a command had."""

    seconds: float
    cpu: float
    megabytes: float


def run() -> Iterator[str]:
    """Each case once, with the calls in the page cache; then the peer on the same calls."""
    peers.require("lame", "age", "zip")
    for case in CASES:
        with yard() as where:
            spool = where.base / "spool"
            _apart(_fill_spool, spool, case)
            where.run("telefon", "ingest", str(spool), "--keep-source")
            yield from _measured(where, spool, case)


def _measured(where: Yard, spool: Path, case: Case) -> Iterator[str]:
    out = where.base / "answer.html"
    config = where.base / "config.toml"
    config.write_text(f"particulars = {json.dumps(str(PARTICULARS))}\n", "utf-8")
    words = ("dsar", number_of(0), "--identity", "login", "--json", "--out", str(out), "--config", str(config))
    told, ours = _run(where.words("sigrid", *words), where.environment)
    size = out.stat().st_size / 1e6
    yield f"{case.name}: {ours.seconds:.1f} s, {most(ours.seconds, case.limit_s, ' s')}; of processors {ours.cpu:.1f} s"
    yield f"a page of {size:.0f} MB; the most memory: {ours.megabytes:.0f} MB, {most(ours.megabytes, LIMIT_MB, ' MB')}"
    peer = _by_hand(where.base, spool)
    yield (
        f"lame, zip and age on the same calls: {peer.seconds:.1f} s, of processors {peer.cpu:.1f} s; "
        f"{peer.cpu / ours.cpu:.2f} of ours"
    )
    opened = _open(out, json.loads(told)["passphrase"])
    yield f"opened in Chromium: {opened:.2f} s, {most(opened, LIMIT_OPEN_S, ' s')}"


def _run(words: Sequence[str], environment: Mapping[str, str]) -> tuple[bytes, Cost]:
    begun = time.perf_counter()
    with subprocess.Popen(words, env=dict(environment), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return said, Cost(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def _open(page: Path, passphrase: str) -> float:
    """Seconds from the page's address to the letter; the passphrase is typed at once."""
    from tests.support.browser import Browser

    with Browser() as browser:
        begun = time.perf_counter()
        browser.open(page)
        browser.run("document.querySelector('#passphrase').value = arguments[0]", passphrase)
        browser.click("#unlock button")
        browser.wait_until("!document.querySelector('#letter').hidden")
        return time.perf_counter() - begun


# -- the peer -----------------------------------------------------------------------------------------


def _by_hand(base: Path, spool: Path) -> Cost:
    """The caller's channel of every call as MP3, in a stored ZIP, encrypted."""
    folder = base / "by-hand"
    folder.mkdir()
    begun, before = time.perf_counter(), os.times()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda wav: _lame(wav, folder), sorted(spool.glob("*.wav"))))
    subprocess.run(["zip", "-q", "-0", "-r", "answer.zip", "."], cwd=folder, check=True)
    key = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True).stdout
    recipient = key.split("public key: ")[1].split()[0]
    subprocess.run(["age", "-r", recipient, "-o", "answer.age", "answer.zip"], cwd=folder, check=True)
    after = os.times()
    cpu = sum(after[:4]) - sum(before[:4])
    return Cost(time.perf_counter() - begun, cpu, 0)


def _lame(wav: Path, folder: Path) -> None:
    """Decoded and split here, because lame reads no G.711."""
    sound = audio.as_pcm16(audio.read_wav(io.BytesIO(wav.read_bytes()), wav.stat().st_size))
    own = numpy.frombuffer(sound.data, "<i2").reshape(-1, 2)[:, 0].tobytes()
    words = [
        "lame",
        "--quiet",
        "-r",
        "-s",
        "8",
        "-m",
        "m",
        "--resample",
        "8",
        "-V",
        "0",
        "-",
        str(folder / wav.stem) + ".mp3",
    ]
    subprocess.run(words, input=own, check=True, stderr=subprocess.DEVNULL)  # it warns that it cannot seek


# -- the calls ----------------------------------------------------------------------------------------


def _apart(work: Callable[..., None], *given: object) -> None:
    """Work that takes much memory in a process of its own: a program that is started later would be said to have it."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=given)
    process.start()
    process.join()
    assert process.exitcode == 0


def _fill_spool(folder: Path, case: Case) -> None:
    folder.mkdir()
    speech = _speech(case.seconds)
    started = datetime.now(UTC) - timedelta(days=3)
    chance = numpy.random.default_rng(1)
    for number in range(case.calls):
        floor = chance.standard_normal((case.seconds * RATE, 2)) * 0.0005
        mixed = numpy.roll(speech, number * 7919, axis=0) + floor
        sound = audio.Sound(audio.Encoding.ALAW, RATE, 2, encode(audio.Encoding.ALAW, mixed))
        (folder / f"{number:03}.wav").write_bytes(audio.canonical_wav(sound))
        at = (started + timedelta(minutes=20 * number)).isoformat().replace("+00:00", "Z")
        (folder / f"{number:03}.json").write_text(json.dumps(_manifest(number, at)))


def _speech(seconds: int) -> Any:
    """Both sides of the demonstration calls, end to end, as often as it takes."""
    parts = []
    for path in sorted(SPEECH.glob("*.wav")):
        sound = audio.as_pcm16(audio.read_wav(io.BytesIO(path.read_bytes()), path.stat().st_size))
        parts.append(numpy.frombuffer(sound.data, "<i2").reshape(-1, 2) / 32768)
    speech = numpy.concatenate(parts)
    return numpy.tile(speech, (seconds * RATE // len(speech) + 1, 1))[: seconds * RATE]


def _manifest(number: int, at: str) -> dict[str, object]:
    return {
        "source_id": f"bench.{number}", "direction": "inbound", "started_at": at, "team": "bench",
        "caller": number_of(0), "agent": "bench", "channels": {"caller": 0, "agent": 1},
        "consent": {"key": "1", "at": at, "prompt": "nb-2026-01", "prompt_completed": True},
    }  # fmt: skip
