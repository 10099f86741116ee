"""Who runs the service of the objects: answers that are longer, shorter or another's, without an end, or a page.

What it puts back, exchanges or keeps stands in `test_object_move`; lines that break, in `test_buckets`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from obstore.store import MemoryStore

from arlo_rec.engines import objects
from arlo_rec.engines.objects import ObjectBlobs
from arlo_rec.engines.s3 import bucket as s3
from arlo_rec.engines.s3.bucket import SIGNS, Access, s3_bucket
from arlo_rec.law.model.errors import Unreachable
from arlo_rec.vault.backends import Expected, is_stored
from tests.fuzz.judge import limited
from tests.support import seaweed
from tests.support.world import World

NAME = "ab" * 16
SIZE = 1000
PAGE = b"<html>please log in</html>"
OTHERS = bytes(SIZE)  # of another call, or of an older version


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause before a second try, and no tries of the library's own."""
    monkeypatch.setattr(objects, "PAUSE", 0)
    monkeypatch.setattr(objects, "RETRIES", 0)


def head(status: str, *more: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", "Last-Modified: Wed, 02 Dec 2026 10:00:00 GMT", 'ETag: "x"', *more, "", "")
    return "\r\n".join(lines).encode()


def part(request: bytes, *, of: int, body: Callable[[int], bytes]) -> bytes:
    """The answer to a request for a range of an object that is *of* so many bytes; *body* gives so many."""
    asked = re.search(rb"range: bytes=(\d+)-(\d+)", request, re.IGNORECASE)
    assert asked is not None
    first, last = int(asked[1]), min(int(asked[2]), of - 1)
    content = body(last - first + 1)
    told = (f"Content-Range: bytes {first}-{last}/{of}", f"Content-Length: {len(content)}")
    return head("206 Partial Content", *told) + content


ANSWERS: dict[str, Callable[[bytes], bytes]] = {
    "another's": partial(part, of=SIZE, body=lambda length: OTHERS[:length]),
    "more than it says": partial(part, of=SIZE, body=lambda length: bytes(length + 5_000_000)),
    "fewer than it says": partial(part, of=SIZE, body=lambda _: b"x"),
    "without an end": partial(part, of=2**62, body=bytes),
    "half": lambda request: part(request, of=SIZE, body=bytes)[:-500],
    "all instead of a part": lambda _: head("200 OK", f"Content-Length: {SIZE}") + bytes(SIZE),
    "another part": lambda _: head("206 P", "Content-Range: bytes 7-9/1000", "Content-Length: 3") + b"xyz",
    "a page": lambda _: head("200 OK", "Content-Type: text/html", f"Content-Length: {len(PAGE)}") + PAGE,
    "an error within": lambda _: head("500 Internal Server Error", f"Content-Length: {len(PAGE)}") + PAGE,
}


@contextmanager
def service(answer: Callable[[bytes], bytes]) -> Iterator[ObjectBlobs]:
    with seaweed.answering(answer) as port:
        access = Access(f"http://127.0.0.1:{port}", key_id="k", secret="s")
        yield ObjectBlobs(partial(s3_bucket, "bucket", "", access), SIGNS)


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_answer_is_taken_for_an_object_or_read_on_for_ever(answer: str) -> None:
    """The sound itself is opened by its key alone; this is what compares, copies and moves it."""
    asked = list[bytes]()
    with service(lambda request: (asked.append(request), ANSWERS[answer](request))[1]) as blobs, limited():
        try:
            assert not is_stored(blobs, NAME, Expected(b"d" * 32, SIZE))
        except Unreachable as problem:
            assert problem.code in {"objects_unreachable", "objects_unfit"}
    assert 0 < len(asked) < 5


def test_an_answer_with_more_bytes_than_it_says_is_not_taken_into_memory() -> None:
    taken = [0]

    def endless(request: bytes) -> bytes:
        taken[0] += 1
        return part(request, of=SIZE, body=lambda length: bytes(length + 1))

    with service(endless) as blobs, pytest.raises(Unreachable, match="objects_unfit"):
        blobs.read(NAME, 0, 10)
    assert taken == [1], "nor asked for again"


def test_a_page_instead_of_an_answer_has_deleted_nothing() -> None:
    with service(ANSWERS["a page"]) as blobs, pytest.raises(Unreachable):
        blobs.delete_all([NAME])


# -- lists ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("some", [1, 3], ids=["one", "all, as a page for a list does"])
def test_what_a_list_leaves_out_is_moved_as_well(world: World, monkeypatch: pytest.MonkeyPatch, some: int) -> None:
    bucket, names = MemoryStore(), ObjectBlobs.names
    monkeypatch.setattr(s3, "s3_bucket", lambda *_: bucket)
    calls = world.take_in("a", "b", "c")
    world.json("objects", "move", "--to", "s3://recordings/store", who="sigrid")
    left_out = set(calls[:some])
    with monkeypatch.context() as lists:
        lists.setattr(
            ObjectBlobs, "names", lambda blobs, beginning="": (x for x in names(blobs, beginning) if x not in left_out)
        )
        told = world.json("objects", "move", "--to", "files", who="sigrid")
    assert (told["moved"], told["left"]) == (3, [])
    assert [about for chunk in bucket.list() for about in chunk] == []
    assert world.json("verify", "--read-data", who="iver")["problems"] == []


def test_what_a_list_invents_is_no_object(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, names = MemoryStore(), ObjectBlobs.names
    monkeypatch.setattr(s3, "s3_bucket", lambda *_: bucket)
    world.take_in("a")
    world.json("objects", "move", "--to", "s3://recordings/store", who="sigrid")
    monkeypatch.setattr(
        ObjectBlobs, "names", lambda blobs, beginning="": (*names(blobs, beginning), *[NAME] * (beginning == "ab"))
    )
    assert world.json("verify", "--read-data", who="iver")["problems"] == []
    told = world.json("objects", "move", "--to", "files", who="sigrid")
    assert (told["moved"], told["left"]) == (1, [])
