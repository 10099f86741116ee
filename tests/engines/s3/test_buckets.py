"""Objects in a bucket: answers that are lost, services that fail, and streams of what goes away."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from arlo_rec.engines import objects
from arlo_rec.engines.objects import FIRST, ObjectBlobs, key_of
from arlo_rec.engines.s3.bucket import SIGNS, Access, s3_bucket
from arlo_rec.law.model.errors import Integrity, Unreachable
from arlo_rec.machine.object_copy import BlobCopier, Wanted
from arlo_rec.sound.processes import workers
from arlo_rec.vault.backends import Expected
from arlo_rec.vault.backends.files import FileBlobs
from arlo_rec.vault.backends.moving import MovingBlobs
from arlo_rec.vault.crypto.primitives import digest_of
from tests.support import seaweed
from tests.support.memory import bucket_in_memory
from tests.support.properties import examples
from tests.support.seaweed import Service

NAME, OTHER = "ab" * 16, "cd" * 16
GROUP = pytest.mark.xdist_group("s3")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause before a second try, and no tries of the library's own."""
    monkeypatch.setattr(objects, "PAUSE", 0)
    monkeypatch.setattr(objects, "RETRIES", 0)


def kept(blobs: ObjectBlobs | FileBlobs | MovingBlobs, name: str = NAME) -> bytes:
    with blobs.open(name) as stream:
        return stream.read()


# -- in memory ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../etc/passwd", "AB" * 16, "ab", "/etc/passwd", ""])
def test_a_key_has_nothing_but_random_digits(name: str) -> None:
    with pytest.raises(ValueError, match="32 hex"):
        bucket_in_memory().put(name, [b"x"])
    assert key_of(NAME) == f"ab/{NAME}"


def test_an_object_of_another_is_never_replaced() -> None:
    store = MemoryStore()
    first, second = bucket_in_memory(store), bucket_in_memory(store)
    first.put(NAME, [b"ours"])
    first.settle([NAME])
    second.put(NAME, [b"theirs"])
    with pytest.raises(Integrity) as caught:
        second.settle([NAME])
    assert caught.value.code == "object_exists"
    assert kept(first) == b"ours"


def test_the_same_object_put_twice_is_done() -> None:
    store = MemoryStore()
    for blobs in (bucket_in_memory(store), bucket_in_memory(store)):
        blobs.put(NAME, [b"ours"])
        blobs.settle([NAME])
    assert kept(blobs) == b"ours"


def test_what_fits_no_more_into_memory_is_put_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "HELD", 10)
    blobs = bucket_in_memory()
    blobs.put(NAME, [b"123456"])
    blobs.put(OTHER, [b"7890ab"])
    assert (blobs.size(NAME), blobs.size(OTHER)) == (None, 6)
    blobs.settle([NAME, OTHER])
    assert sorted(blobs.names()) == [NAME, OTHER]


def test_foreign_keys_are_no_objects() -> None:
    store = MemoryStore()
    blobs = bucket_in_memory(store)
    for key in (f"ab/{OTHER}", "ab/short", f"deep/er/{NAME}", "probe/1"):
        store.put(key, b"x")
    assert not list(blobs.names()) and not list(blobs.names("ab"))


def test_a_stream_whose_object_is_deleted_says_so() -> None:
    blobs = bucket_in_memory()
    blobs.put(NAME, [bytes(3 * FIRST)])
    blobs.settle([NAME])
    with blobs.open(NAME) as stream:
        assert len(stream.read(FIRST)) == FIRST
        blobs.delete(NAME)
        with pytest.raises(KeyError):
            stream.read(FIRST)


def test_a_stream_goes_on_where_its_object_is_moved() -> None:
    content = random.Random(3).randbytes(3 * FIRST + 7)
    old, new = bucket_in_memory(), bucket_in_memory()
    old.put(NAME, [content])
    old.settle([NAME])
    with MovingBlobs(new, old).open(NAME) as stream:
        begin = stream.read(100)
        new.put(NAME, [content])
        new.settle([NAME])
        old.delete(NAME)
        assert begin + stream.read() == content


def test_a_bucket_in_memory_passes_the_probe_and_keeps_nothing_of_it() -> None:
    store = MemoryStore()
    bucket_in_memory(store).probe()
    assert not [about for chunk in store.list() for about in chunk]


def test_a_service_that_replaces_an_object_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()

    def replacing(bucket: MemoryStore, key: str, content: bytes) -> bool:
        bucket.put(key, content)
        return True

    monkeypatch.setattr(objects, "_is_created", replacing)
    with pytest.raises(Unreachable) as caught:
        bucket_in_memory(store).probe()
    assert caught.value.code == "objects_unfit"
    assert not [about for chunk in store.list() for about in chunk]


@examples(40)
@given(st.data())
def test_a_stream_is_the_bytes_however_it_is_read(data: st.DataObject) -> None:
    content = random.Random(data.draw(st.integers(0, 9))).randbytes(data.draw(st.integers(0, 5 * FIRST)))
    blobs, at = bucket_in_memory(), 0
    blobs.put(NAME, [content])
    blobs.settle([NAME])
    with blobs.open(NAME) as stream:
        for _ in range(data.draw(st.integers(1, 8))):
            if data.draw(st.booleans()):
                at = data.draw(st.integers(0, len(content) + 5))
                stream.seek(at)
            length = data.draw(st.integers(0, 3 * FIRST))
            piece = stream.read(length)
            assert piece == content[at : at + length]
            at += len(piece)


def test_a_copy_is_compared_and_what_an_earlier_run_left_is_replaced(tmp_path: Path) -> None:
    old, new = bucket_in_memory(), FileBlobs(tmp_path)
    contents = {f"ab{number:030x}": bytes([number]) * 100 for number in range(6)}
    for name, content in contents.items():
        old.put(name, [content])
    old.settle(contents)
    there, half, wrong, damaged, missing = sorted(contents)[:5]
    for name, content in ((there, contents[there]), (wrong, b"another")):
        new.put(name, [content])
        new.settle([name])
    (tmp_path / "ab" / f"{half}.part").write_bytes(b"half")
    old.delete(missing)
    wanted = {name: Expected(digest_of([content]), 100) for name, content in contents.items()}
    wanted[damaged] = Expected(bytes(32), 100)
    bad = BlobCopier(old, new, read_back=True)(Wanted("ab", wanted))
    assert bad == [damaged, missing]
    assert {name: kept(new, name) for name in new.names()} == {
        name: content for name, content in contents.items() if name not in bad
    }
    assert {path.name for path in (tmp_path / "ab").iterdir()} == set(contents) - set(bad)


def test_a_process_that_used_the_library_forks_no_workers() -> None:
    """In a process of its own: the flag is one of the whole process, and a forked child would wait for ever."""
    script = (
        "from contextlib import contextmanager\n"
        "import os\n"
        "from tests.support.memory import bucket_in_memory\n"
        "from arlo_rec.sound.processes.workers import can_fork, workers\n"
        "@contextmanager\n"
        "def begin():\n"
        "    yield lambda order: os.getpid()\n"
        "def where():\n"
        "    with workers(begin, forked=True) as some:\n"
        "        return some.submit(0).result() == os.getpid()\n"
        "before = where()\n"
        "assert can_fork() and bucket_in_memory().size('ab' * 16) is None\n"
        "print(before, where(), can_fork())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "True", "False"]


# -- addresses and answers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("access", "code"),
    [
        (Access("https://s3.example"), "objects_no_key"),
        (Access("https://s3.example", key_id="k"), "objects_no_key"),
        (Access("http://s3.example", key_id="k", secret="s"), "objects_not_tls"),
        (Access("http://127.0.0.1.example", key_id="k", secret="s"), "objects_not_tls"),
        (Access("http://localhost:x@s3.example", key_id="k", secret="s"), "objects_not_tls"),
        (Access("", key_id="k", secret="s"), "objects_not_tls"),
        (Access("s3.example", key_id="k", secret="s"), "objects_not_tls"),
        (Access("https://s3.example", key_id="k", secret="s", authority=b"no certificate"), "objects_certificate"),
    ],
)
def test_a_service_without_key_or_tls_is_not_asked(access: Access, code: str) -> None:
    with pytest.raises(Unreachable) as caught:
        s3_bucket("bucket", "", access, objects.PATIENCE)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("endpoint", "in_clear"),
    [(None, "false"), ("https://s3.example", "false"), ("https://127.0.0.1:1", "false"), ("http://[::1]:1/", "true")],
)
def test_only_a_service_of_this_machine_is_spoken_to_in_clear(endpoint: str | None, in_clear: str) -> None:
    made = s3_bucket("bucket", "", Access(endpoint, key_id="k", secret="s"), objects.PATIENCE)
    assert dict(made.client_options or {})["allow_http"] == in_clear


def test_a_secret_is_not_shown() -> None:
    assert "hidden" not in repr(Access(key_id="k", secret="hidden", token="hidden too"))


def _answer(status: str, code: str) -> bytes:
    body = f"<Error><Code>{code}</Code></Error>"
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("status", "sign", "code"),
    [
        ("403 Forbidden", "RequestTimeTooSkewed", "objects_clock"),
        ("403 Forbidden", "SignatureDoesNotMatch", "objects_refused"),
        ("401 Unauthorized", "AccessDenied", "objects_refused"),
        ("404 Not Found", "NoSuchBucket", "objects_no_bucket"),
        ("403 Forbidden", "QuotaExceeded", "objects_full"),
        ("507 Insufficient Storage", "XMinioStorageFull", "objects_full"),
        ("503 Service Unavailable", "SlowDown", "objects_unreachable"),
    ],
)
def test_each_answer_has_its_error(status: str, sign: str, code: str, at_once: None) -> None:
    with seaweed.answering(lambda _: _answer(status, sign)) as port:
        access = Access(f"http://127.0.0.1:{port}", key_id="k", secret="s")
        blobs = ObjectBlobs(partial(s3_bucket, "bucket", "", access), SIGNS)
        with pytest.raises(Unreachable) as caught:
            list(blobs.names())
        assert caught.value.code == code
        blobs.put(NAME, [b"x"])
        with pytest.raises(Unreachable) as caught:
            blobs.settle([NAME])
        assert caught.value.code == code


def test_a_put_that_was_turned_away_once_is_put_again(at_once: None) -> None:
    answers = [_answer("503 Service Unavailable", "SlowDown"), _answer("500 Internal Server Error", "InternalError")]
    done = b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
    with seaweed.answering(lambda _: answers.pop(0) if answers else done) as port:
        access = Access(f"http://127.0.0.1:{port}", key_id="k", secret="s")
        blobs = ObjectBlobs(partial(s3_bucket, "bucket", "", access), SIGNS)
        blobs.put(NAME, [b"x"])
        blobs.settle([NAME])
    assert not answers


def test_what_a_service_will_not_delete_is_not_taken_for_deleted(at_once: None) -> None:
    error = f"<Error><Key>{key_of(NAME)}</Key><Code>AccessDenied</Code><Message>locked</Message></Error>"
    body = f'<?xml version="1.0"?><DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{error}</DeleteResult>'
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
    with seaweed.answering(lambda _: answer) as port:
        access = Access(f"http://127.0.0.1:{port}", key_id="k", secret="s")
        with pytest.raises(Unreachable):
            ObjectBlobs(partial(s3_bucket, "bucket", "", access), SIGNS).delete_all([NAME, OTHER])


@pytest.mark.slow
def test_a_service_that_stays_silent_counts_as_away(at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PATIENCE", timedelta(seconds=0.2))
    with seaweed.answering(lambda _: b"") as port:
        access = Access(f"http://127.0.0.1:{port}", key_id="k", secret="s")
        blobs = ObjectBlobs(partial(s3_bucket, "bucket", "", access), SIGNS)
        blobs.put(NAME, [b"x"])
        with pytest.raises(Unreachable) as caught:
            blobs.settle([NAME])
    assert caught.value.code == "objects_unreachable"


@pytest.mark.parametrize(
    ("length", "seconds"), [(0, 15), (480_000, 15), (2**20, 15), (2**20 + 1, 30), (4_800_000, 120), (57_600_000, 960)]
)
def test_a_longer_put_has_more_patience(length: int, seconds: int) -> None:
    assert objects.patience_for(length) == timedelta(seconds=seconds)


@pytest.mark.slow
def test_a_long_put_over_a_slow_line_outlasts_the_patience_for_an_answer(
    at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "PATIENCE", timedelta(seconds=0.4))  # less than the service takes
    monkeypatch.setattr(objects, "LONG", 64 * 1024)
    length, seen = 4_000_000, [0]

    def slowly(piece: bytes) -> bytes:
        seen[0] += len(piece)
        time.sleep(0.01)
        return b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\n\r\n' if seen[0] > length else b""

    with seaweed.answering(slowly) as port:
        access = Access(f"http://127.0.0.1:{port}", key_id="k", secret="s")
        blobs = ObjectBlobs(partial(s3_bucket, "bucket", "", access), SIGNS)
        blobs.put(NAME, [bytes(length)])
        blobs.settle([NAME])
    assert seen[0] > length


# -- a real service -----------------------------------------------------------------------------------


@pytest.mark.slow
@GROUP
def test_of_racing_writers_one_puts_the_object(s3: Service) -> None:
    outcomes = list[str]()

    def put(number: int) -> None:
        blobs = s3.blobs("racing")
        blobs.put(NAME, [bytes([number]) * 1000])
        try:
            blobs.settle([NAME])
            outcomes.append("put")
        except Integrity:
            outcomes.append("taken")

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["put"] + ["taken"] * 7
    assert len(set(kept(s3.blobs("racing")))) == 1


@pytest.mark.slow
@GROUP
@pytest.mark.parametrize(("versions", "locked"), [("Enabled", False), ("", True)], ids=["versioned", "locked"])
def test_a_bucket_that_keeps_what_is_deleted_is_refused(s3: Service, versions: str, locked: bool) -> None:
    bucket = s3.make_bucket(f"keeps-{versions.lower() or 'all'}", versions=versions, locked=locked)
    with pytest.raises(Unreachable) as caught:
        s3.blobs(bucket).probe()
    assert caught.value.code == "objects_versioned"


@pytest.mark.slow
@GROUP
def test_what_is_put_into_a_bucket_with_suspended_versions_and_deleted_is_gone(s3: Service) -> None:
    blobs = s3.blobs(s3.make_bucket("suspended", versions="Suspended"))
    blobs.put(NAME, [b"x"])
    blobs.settle([NAME])
    assert b"<Version>" in s3.ask("GET", "/suspended", "versions=")[1]
    blobs.delete(NAME)
    status, told = s3.ask("GET", "/suspended", "versions=")
    assert status == 200 and b"<Version>" not in told


@pytest.mark.slow
@GROUP
def test_another_authority_another_key_and_no_service_each_have_their_error(s3: Service, tmp_path: Path) -> None:
    right = Access(
        f"https://127.0.0.1:{s3.https}", key_id=seaweed.KEY, secret=seaweed.SECRET, authority=s3.authority.read_bytes()
    )
    ObjectBlobs(partial(s3_bucket, "errors", "", right), SIGNS).probe()
    for access, code in (
        (replace(right, authority=None), "objects_certificate"),
        (replace(right, secret="wrong"), "objects_refused"),
        (replace(right, key_id="nobody"), "objects_refused"),
        (replace(right, endpoint="https://127.0.0.1:1"), "objects_unreachable"),
    ):
        with pytest.raises(Unreachable) as caught:
            ObjectBlobs(partial(s3_bucket, "errors", "", access), SIGNS).probe()
        assert caught.value.code == code


def _cuts(carried: int, *, whole: bool) -> Iterator[int]:
    """Each byte after which a line may break; in the ordinary run every 29th, and each of those around a put's head.

    Without a checksum of its body SeaweedFS keeps an empty object where nothing of the body came.
    """
    yield from range(0, carried + 1) if whole else sorted({*range(0, carried + 1, 29), *range(480, 680)})


@pytest.mark.slow
@GROUP
def test_a_put_is_done_or_not_wherever_its_line_breaks(s3: Service, at_once: None, whole: bool) -> None:
    content, clear = random.Random(5).randbytes(300), s3.blobs("cut")
    with seaweed.line_to(s3.http) as line:
        first = s3.blobs("cut", port=line.port)
        first.put(NAME, [content])
        first.settle([NAME])
        first.delete(NAME)
        with seaweed.line_to(s3.http) as other:
            measured = s3.blobs("cut", port=other.port)
            measured.put(OTHER, [content])
            measured.settle([OTHER])
            carried = other.carried
        assert carried > 600
        for cut in _cuts(carried, whole=whole):
            name = f"{cut:032x}"
            blobs = s3.blobs("cut", port=line.port)
            line.cuts[:] = [cut]
            blobs.put(name, [content])
            blobs.settle([name])  # the next connection holds
            assert kept(clear, name) == content


@pytest.mark.slow
@GROUP
def test_a_put_whose_lines_all_break_leaves_a_whole_object_or_none(s3: Service, at_once: None, whole: bool) -> None:
    content, found = random.Random(6).randbytes(300), set[bool]()
    with seaweed.line_to(s3.http) as line:
        for cut in _cuts(1200, whole=whole):
            name = f"{cut:032x}"
            blobs, clear = s3.blobs("cut-all", port=line.port), s3.blobs("cut-all")
            line.cuts[:] = [cut] * 40
            blobs.put(name, [content])
            try:
                blobs.settle([name])
            except Unreachable as problem:
                assert problem.code == "objects_unreachable"
            found.add(clear.size(name) is not None)
            assert clear.size(name) is None or kept(clear, name) == content
            clear.delete(name)
            assert clear.size(name) is None
    assert found == {True, False}


@pytest.mark.slow
@GROUP
def test_a_stream_goes_on_after_a_line_that_broke(s3: Service) -> None:
    content = random.Random(7).randbytes(2_000_000)
    clear = s3.blobs("reading")
    clear.put(NAME, [content])
    clear.settle([NAME])
    with seaweed.line_to(s3.http) as line:
        for cut in (0, 400, 30_000, 70_000, 500_000, 1_500_000):
            line.cuts[:] = [cut, cut]
            assert kept(s3.blobs("reading", port=line.port)) == content


@pytest.mark.slow
@GROUP
def test_a_killed_process_leaves_whole_objects_alone(s3: Service) -> None:
    script = (
        "import sys\n"
        "from arlo_rec.engines.objects import ObjectBlobs\n"
        "from arlo_rec.engines.s3.bucket import Access, s3_bucket\n"
        "access = Access(sys.argv[1], key_id=sys.argv[2], secret=sys.argv[3])\n"
        "blobs = ObjectBlobs(lambda patience: s3_bucket('killed', '', access, patience))\n"
        "for number in range(100000):\n"
        "    blobs.put(f'{number:032x}', [bytes(200_000)])\n"
        "    blobs.settle([f'{number:032x}'])\n"
        "    print(number, flush=True)\n"
    )
    words = [sys.executable, "-c", script, f"http://127.0.0.1:{s3.http}", seaweed.KEY, seaweed.SECRET]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as writing:
        assert writing.stdout is not None
        done = [int(writing.stdout.readline()) for _ in range(20)]
        os.kill(writing.pid, signal.SIGKILL)
    blobs = s3.blobs("killed")
    sizes = {name: blobs.size(name) for name in blobs.names()}
    assert {f"{number:032x}" for number in done} <= sizes.keys()
    assert set(sizes.values()) == {200_000}


def test_workers_fork_until_a_library_has_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_forks", True)
    assert workers.can_fork()
    bucket_in_memory().size(NAME)
    assert not workers.can_fork()
