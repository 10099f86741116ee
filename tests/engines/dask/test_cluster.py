"""A real Dask cluster on loopback: it hears as this machine does, keeps nothing, and is never asked to believe."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from arlo_rec.calls.training.cut_plan import CallSound, CopyOrder
from arlo_rec.engines.dask.planners import TlsFiles
from arlo_rec.engines.dask.planners import cluster as connected
from arlo_rec.policy import Mode
from arlo_rec.sound import audio
from arlo_rec.sound.audio import Sound
from arlo_rec.sound.audio.cut_list import Cut
from tests.support import needs
from tests.support.authority import Authority
from tests.support.cluster import EXAMPLES, Cluster, Worker, certified, cluster, free_port
from tests.support.copies import SAID, call, words, written
from tests.support.models import MODEL, needs_model
from tests.support.places import GIVEN, TOP
from tests.support.world import PASSPHRASE, World

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]
PENDING = ("pseudonymise", *SAID, "--pending")
ONE_LANGUAGE = 'asr.language = "en"\n'
SHORT, LONG, ENDLESS = (
    15,
    70,
    1200,
)  # seconds of a call: the second lasts while something happens, the third longer than a test waits


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler without workers."""
    with cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture
def workers(running: Cluster) -> Iterator[list[Worker]]:
    """Two workers with a model, killed at the end."""
    started = [running.start_worker("--model", str(MODEL), config=ONE_LANGUAGE) for _ in range(2)]
    yield started
    for each in started:
        if each.process.poll() is None:
            each.kill()


@pytest.fixture(autouse=True)
def certificates(monkeypatch: pytest.MonkeyPatch, running: Cluster) -> None:
    for name, path in running.client.items():
        monkeypatch.setenv(name, path)


def outside(world: World, *line: str) -> subprocess.Popen[str]:
    """A command as sigrid, in a process of its own."""
    passphrase = world.base / "pass"
    passphrase.write_text(PASSPHRASE, "utf-8")
    passphrase.chmod(0o600)
    secret = ["--as", "sigrid", "--passphrase-file", str(passphrase), "--store", str(world.store), "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "arlo_rec", *line, *secret],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(world.base / "state")},
        cwd=TOP,
    )


def busy(worker: Worker) -> float:
    """Seconds of processor time that a worker's engines have used."""
    total = 0
    for pid in worker.tree[2:]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def until_heard(workers: Sequence[Worker]) -> Worker:
    """Wait until one of the workers hears; which it is."""
    deadline, before = time.monotonic() + 60, [busy(worker) for worker in workers]  # of earlier calls, and of loading
    while time.monotonic() < deadline:
        for worker, used in zip(workers, before, strict=True):
            if busy(worker) > used + 0.5:
                return worker
        time.sleep(0.05)
    raise AssertionError("nobody hears")


@needs_model
def test_a_cluster_proposes_the_cuts_that_this_machine_would(world: World, running: Cluster, workers: Any) -> None:
    recording = call(world, seconds=SHORT)
    world.setting('asr.language = "en"')
    (there,) = world.json(*PENDING, "--cluster", running.address, who="sigrid")["results"]
    assert there["id"] == recording
    world.json("reject", there["copy"], "--reason", "made once more on this machine", who="sigrid")
    (here,) = world.json(*PENDING, "--model", str(MODEL), who="sigrid")["results"]
    assert there["cuts"] == here["cuts"] and here["cuts"]
    assert there["warnings"] == here["warnings"]


@needs_model
def test_words_that_are_given_are_used_there_beside_what_is_heard(world: World, running: Cluster, workers: Any) -> None:
    recording = call(world, seconds=SHORT)
    told = json.loads(Path(words()).read_text("utf-8"))
    spoken = written(world, told | {"words": [word for word in told["words"] if word["e"] < SHORT]})
    given = ("pseudonymise", *SAID, recording, "--transcript", spoken)
    (there,) = world.json(*given, "--cluster", running.address, who="sigrid")["results"]
    world.json("reject", there["copy"], "--reason", "made once more on this machine", who="sigrid")
    (here,) = world.json(*given, who="sigrid")["results"]
    for cut in here["cuts"]:
        assert any(other["start"] <= cut["start"] + 0.5 and cut["end"] <= other["end"] + 0.5 for other in there["cuts"])
    assert here["cuts"]


@needs_model
def test_a_killed_worker_s_call_is_heard_by_another(world: World, running: Cluster, workers: list[Worker]) -> None:
    recording = call(world, seconds=LONG)
    command = outside(world, *PENDING, "--cluster", running.address)
    hears = until_heard(workers)
    hears.kill()
    out, err = command.communicate(timeout=120)
    assert command.returncode == 0, err
    assert [each["id"] for each in json.loads(out)["results"]] == [recording]


@needs_model
@pytest.mark.rule("consent.withdraw")
def test_a_withdrawal_stops_the_hearing_of_its_calls_and_of_no_other(
    world: World, running: Cluster, workers: list[Worker]
) -> None:
    gone = call(world, seconds=ENDLESS)
    other = call(world, "call002", seconds=LONG, caller="+4790000002")
    command = outside(world, *PENDING, "--cluster", running.address)
    for worker in workers:
        until_heard([worker])
    world.json("withdraw", "--call", gone, "--yes", who="sigrid")
    out, err = command.communicate(timeout=90)  # it would hear the first for minutes
    results = {each["id"]: each["warnings"] for each in json.loads(out)["results"]}
    assert command.returncode == 3, err
    assert results[gone] == ["gone_meanwhile"]
    assert "gone_meanwhile" not in results[other]


@needs_model
def test_a_plan_that_is_given_up_ends_the_engine_that_works_on_it(running: Cluster) -> None:
    raw = (GIVEN / "call000.wav").read_bytes()
    sound = audio.read_wav(io.BytesIO(raw), len(raw))
    endless = Sound(sound.encoding, sound.rate, sound.channels, sound.data * 16)
    worker = running.start_worker("--model", str(MODEL), config=ONE_LANGUAGE)
    certificates = running.authority.folder
    files = TlsFiles(running.authority.ca, certificates / "client.pem", certificates / "client.key")
    with connected(running.address, files) as planners:
        planners.start()
        plan = planners.submit(CallSound(endless), CopyOrder(Mode.DETECT))
        until_heard([worker])
        planners.give_up(plan)
        deadline = time.monotonic() + 20
        while worker.tree[2:]:
            assert time.monotonic() < deadline, "it hears on"
            time.sleep(0.05)
        again = planners.submit(CallSound(endless), CopyOrder(Mode.MANUAL, cuts=(Cut(1.0, 2.0),)))
        assert again.result(timeout=60).cuts == (Cut(1.0, 2.0),), "and the worker takes the next"
    worker.kill()


@needs_model
def test_nothing_of_a_call_stays_in_the_memory_of_a_cluster(world: World, running: Cluster, workers: Any) -> None:
    call(world, seconds=LONG)
    command = outside(world, *PENDING, "--cluster", running.address)
    hearing = until_heard(workers).tree
    for pid in hearing:  # so that the call is not heard to its end before the signal comes
        os.kill(pid, signal.SIGSTOP)
    command.send_signal(signal.SIGINT)  # it gives the call up; then one is heard whole
    command.communicate(timeout=60)
    for pid in hearing:
        os.kill(pid, signal.SIGCONT)
    assert command.returncode == 130
    world.setting('asr.language = "en"')
    (made,) = world.json(*PENDING, "--cluster", running.address, who="sigrid")["results"]
    assert made["cuts"]
    sound = (TOP / "tests" / "calls" / "given" / "call000.wav").read_bytes()
    pieces = [sound[at : at + 48] for at in range(len(sound) // 4, len(sound), len(sound) // 16)]
    deadline = time.monotonic() + 10  # until the scheduler has seen that the command is gone
    for pid in [running.scheduler.pid, *(pid for worker in workers for pid in worker.tree)]:
        while found := [piece for piece in pieces if piece in read_memory(pid)]:
            assert time.monotonic() < deadline, (Path(f"/proc/{pid}/cmdline").read_bytes()[:200], found)
            time.sleep(0.2)


def read_memory(pid: int) -> bytes:
    """All that a process has in memory and may write."""
    found = bytearray()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(each, 16) for each in span.split("-"))
            try:
                memory.seek(start)
                found += memory.read(end - start)
            except (OSError, ValueError, OverflowError):
                continue
    assert len(found) > 1_000_000
    return bytes(found)


@needs_model  # a worker loads its models before it says that it is ready
def test_a_worker_has_no_environment_and_no_file_of_a_store(
    world: World, running: Cluster, workers: list[Worker]
) -> None:
    child = workers[0].child
    environment = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
    assert {pair.partition(b"=")[0] for pair in environment if pair} == {
        *(b"LC_ALL", b"HOME", b"DASK_ROOT_CONFIG", b"PYTHONMALLOC"),
        *(b"MALLOC_PERTURB_", b"MALLOC_MMAP_THRESHOLD_", b"MALLOC_TRIM_THRESHOLD_"),
    }
    opened = {str(each.readlink()) for each in Path(f"/proc/{child}/fd").iterdir() if each.is_symlink()}
    assert not [path for path in opened if str(world.base) in path]


# -- trouble ------------------------------------------------------------------------------------------------


def ends(world: World, address: str) -> tuple[int, str]:
    return world.code(*PENDING, "--cluster", address, who="sigrid")


def test_a_scheduler_that_does_not_answer_is_16(world: World) -> None:
    assert ends(world, f"tls://127.0.0.1:{free_port()}") == (16, "cluster_unreachable")


def test_a_cluster_without_workers_is_16(world: World, running: Cluster) -> None:
    assert ends(world, running.address) == (16, "cluster_empty")


@pytest.mark.parametrize("which", ["another authority's", "no longer valid", "not valid yet"])
def test_a_certificate_that_is_not_accepted_is_16(
    world: World, running: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, which: str
) -> None:
    authority = Authority(tmp_path / "foreign") if which == "another authority's" else running.authority
    days = {"no longer valid": (-9, -2), "not valid yet": (2, 9)}.get(which, (-1, 9))
    for name, path in certified(authority, "client", days=days).items():
        monkeypatch.setenv(name, path)
    status, code = ends(world, running.address)
    assert status == 16 and code in {"cluster_certificate", "cluster_unreachable"}
    assert code == "cluster_certificate" or which != "another authority's"


def test_a_scheduler_that_the_authority_did_not_sign_for_gets_no_call(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    with cluster(tmp_path / "here", Authority(tmp_path / "another")) as impostor:
        for name, path in impostor.client.items():
            monkeypatch.setenv(name, path)
        assert ends(world, impostor.address) == (16, "cluster_certificate")


def test_a_key_that_is_none_is_told(
    world: World, running: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.key"
    broken.write_text("no key")
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY", str(broken))
    assert ends(world, running.address) == (16, "cluster_files")


def test_a_key_with_a_passphrase_is_told_and_not_asked_for(
    world: World, running: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    locked = tmp_path / "locked.key"
    plain = serialization.load_pem_private_key((running.authority.folder / "client.key").read_bytes(), None)
    kind = serialization.BestAvailableEncryption(b"secret")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kind)
    locked.write_bytes(plain.private_bytes(*form))
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY", str(locked))
    assert ends(world, running.address) == (16, "cluster_files")


@needs.mark(needs.systemd())
def test_the_units_of_the_example_are_as_systemd_wants_them_and_tight(tmp_path: Path) -> None:
    for unit in EXAMPLES.glob("*.service"):
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
        verified = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", tmp_path / unit.name], capture_output=True, text=True, check=False
        )
        assert (verified.returncode, verified.stderr) == (0, "")
        words = ["systemd-analyze", "security", "--offline=true", "--threshold=40", tmp_path / unit.name]
        told = subprocess.run(words, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout[-500:]


def test_a_setting_that_is_missing_is_named(world: World, running: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASK_DISTRIBUTED__COMM__TLS__CA_FILE")
    told = world.run(*PENDING, "--cluster", running.address, "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (2, "cluster_setting_missing")
    assert "cluster.ca" in told.out


def test_the_scheduler_takes_nobody_without_a_certificate(running: Cluster) -> None:
    from distributed import Client

    async def connect() -> None:
        await Client(running.address.replace("tls", "tcp"), asynchronous=True, timeout=3)

    with pytest.raises(OSError):
        asyncio.run(connect())


@needs_model
def test_a_worker_says_that_its_scheduler_is_gone(tmp_path: Path) -> None:
    with cluster(tmp_path) as lonely:
        worker = lonely.start_worker("--model", str(MODEL))
        lonely.scheduler.kill()
        _, told = worker.process.communicate(timeout=60)
        assert worker.process.returncode == 16
        assert "broke" in told


@needs_model
def test_a_cluster_that_is_gone_ends_the_command_and_what_was_made_is_kept(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = call(world, "call002", seconds=SHORT), call(world, seconds=LONG, caller="+4790000002")
    with cluster(tmp_path) as short:
        for name, path in short.client.items():
            monkeypatch.setenv(name, path)
        worker = short.start_worker("--model", str(MODEL), config=ONE_LANGUAGE)
        command = outside(world, *PENDING, "--cluster", short.address)
        deadline = time.monotonic() + 60
        while not world.json("review", who="sigrid")["copies"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert worker.process.poll() is None
        short.scheduler.kill()
        out, _ = command.communicate(timeout=60)
    told = json.loads(out)
    assert "error" in told, told
    assert (command.returncode, told["error"]["code"]) == (16, "cluster_lost")
    assert [each["id"] for each in told["results"]] == [first]
    assert second not in {each["id"] for each in world.json("review", who="sigrid")["copies"]}
