"""Frames of the door, from both sides: what is sent arrives, and what is none breaks the link at once."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from functools import partial
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.edge.door import frames
from arlo_rec.edge.door.calls import ServersLink
from arlo_rec.edge.door.frames import (
    LONGEST,
    MOST,
    WINDOW,
    Broken,
    Channel,
    Channels,
    Frame,
    Link,
    OtherVersion,
    raised,
    take,
    told,
)
from arlo_rec.law.model.errors import (
    ArloError,
    Integrity,
    Interrupted,
    InUse,
    Lost,
    NotUnlocked,
    Refused,
    Unreachable,
    Usage,
)
from tests.support.properties import examples

FROM_FRONT = [*b"oandtci"]
FROM_SERVER = [*b"qedtcz"]
FRAMES = st.lists(st.tuples(st.sampled_from(FROM_SERVER), st.binary(max_size=300)), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


class Trickle(io.RawIOBase):
    """A pipe that takes a few bytes at a time."""

    def __init__(self) -> None:
        self.got = bytearray()

    def write(self, data: Any) -> int:
        self.got += bytes(data[:7])
        return min(len(data), 7)


class Gone:
    """An end that nobody reads or writes any more."""

    def read(self, size: int, /) -> bytes:
        raise OSError

    def write(self, data: bytes | memoryview, /) -> int:
        raise BrokenPipeError


def link(raw: bytes = b"", *, is_front: bool = True) -> Link:
    return Link(io.BufferedReader(io.BytesIO(raw)), Trickle(), is_front=is_front)  # type: ignore[type-var]


def sent(told: list[tuple[int, bytes]]) -> bytes:
    pipe = Trickle()
    end = Link(io.BytesIO(), pipe, is_front=False)
    for kind, body in told:
        end.send(bytes([kind]), body)
    return bytes(pipe.got)


def received(end: Link) -> list[tuple[int, bytes]]:
    """What arrives until the link breaks."""
    came = []
    try:
        while True:
            frame = end.receive()
            came.append((frame.kind[0], frame.body))
    except Broken:
        return came


# -- frames ---------------------------------------------------------------------------------------------


class _Pressed:
    """A pipe that takes a little at a time; meanwhile the front tells of Ctrl-C."""

    def __init__(self) -> None:
        self.took = bytearray()
        self.link = ServersLink(io.BytesIO(), self, is_front=False)

    def write(self, data: bytes | memoryview) -> int:
        if not self.took:
            self.link.interrupt()
        self.took += data[:100]
        return min(100, len(data))


@pytest.fixture
def pipe(interruptible: None) -> _Pressed:
    made = _Pressed()
    signal.signal(signal.SIGINT, made.link.pressed)
    return made


def test_behind_a_frame_that_could_not_be_sent_whole_nothing_is_sent() -> None:
    class Half(Trickle):
        is_stuck = False

        def write(self, data: Any) -> int:
            if self.is_stuck:
                raise TimeoutError
            self.is_stuck = len(self.got) >= 7
            return super().write(data)

    pipe = Half()
    end = Link(io.BytesIO(), pipe, is_front=False)
    with pytest.raises(Broken):
        end.send(b"e", b"x" * 100)
    pipe.is_stuck = False
    with pytest.raises(Broken):
        end.send(b"z", b"\0")
    assert len(pipe.got) == 14


def test_ctrl_c_cuts_no_frame_of_the_server_off(pipe: _Pressed) -> None:
    with pytest.raises(KeyboardInterrupt):
        pipe.link.send(frames.CALL, b"x" * 1000)
    assert Link(io.BytesIO(bytes(pipe.took)), pipe, is_front=True).receive() == Frame(frames.CALL, b"x" * 1000)


def test_one_ctrl_c_interrupts_once_though_sudo_passes_it_on(pipe: _Pressed) -> None:
    with pytest.raises(KeyboardInterrupt):
        pipe.link.interrupt()
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_comes_too_late_for_the_one_answer(pipe: _Pressed) -> None:
    pipe.link.is_answered = True
    pipe.link.send(frames.CALL, b"the answer")
    pipe.link.interrupt()


@examples(100)
@given(FRAMES)
def test_what_is_sent_arrives_in_order_and_whole(told: list[tuple[int, bytes]]) -> None:
    assert received(link(sent(told))) == told


@examples(60)
@given(FRAMES, st.data())
def test_a_stream_that_is_cut_at_any_byte_gives_whole_frames_and_then_breaks(
    told: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    raw = sent(told)
    cut = data.draw(st.integers(0, len(raw)))
    came = received(link(raw[:cut]))
    assert came == told[: len(came)]
    assert len(sent(came)) <= cut


@examples(200)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_frames_or_break_the_link(raw: bytes, is_front: bool) -> None:
    for kind, body in received(link(raw, is_front=is_front)):
        assert kind in (FROM_SERVER if is_front else FROM_FRONT)
        assert len(body) <= LONGEST


@pytest.mark.parametrize("kind", sorted({*FROM_FRONT, *FROM_SERVER}))
def test_each_end_takes_the_frames_of_the_other_and_none_of_its_own(kind: int) -> None:
    raw = sent([(kind, b"")])
    assert bool(received(link(raw))) is (kind in FROM_SERVER)
    assert bool(received(link(raw, is_front=False))) is (kind in FROM_FRONT)


def test_a_frame_that_says_it_is_too_long_is_not_waited_for() -> None:
    class Counting(io.BytesIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.most = max(self.most, size or 0)
            return super().read(size)

    stream = Counting(b"e" + (LONGEST + 1).to_bytes(4, "big") + b"x" * 100)
    with pytest.raises(Broken):
        Link(stream, Trickle(), is_front=True).receive()
    assert stream.most < 100
    with pytest.raises(ValueError, match="too long"):
        link().send(frames.STDERR, b"x" * (LONGEST + 1))


def test_an_end_that_is_gone_breaks_the_link() -> None:
    end = Link(Gone(), Gone(), is_front=True)
    for attempt in (end.greet, end.demand_greeting, end.receive, lambda: end.send(frames.INTERRUPT)):
        with pytest.raises(Broken):
            attempt()


# -- greetings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0", "2", "10", "1.1", ""])
def test_the_greeting_of_another_version_is_told_from_what_is_none(version: str) -> None:
    with pytest.raises(OtherVersion):
        link(f"arlo-rec door {version}\n".encode()).demand_greeting()


@pytest.mark.parametrize("said", [b"", b"arlo-rec door 1", b"sudo: no\n", b"x" * 1000, b"\n", b"arlo-rec door\n"])
def test_what_is_no_greeting_breaks_the_link(said: bytes) -> None:
    with pytest.raises(Broken) as broken:
        link(said).demand_greeting()
    assert not isinstance(broken.value, OtherVersion)


def test_nothing_behind_the_greeting_is_taken_with_it() -> None:
    end = link(frames.GREETING + sent([(ord("z"), b"\0")]))
    end.demand_greeting()
    assert end.receive() == Frame(frames.END, b"\0")


# -- calls and answers ----------------------------------------------------------------------------------


@examples(80)
@given(st.dictionaries(st.text(), JSON), st.binary(max_size=100))
def test_a_call_with_its_bytes_arrives_as_it_was(document: dict[str, Any], data: bytes) -> None:
    assert frames.unpacked(frames.packed(document, data)) == (json.loads(json.dumps(document)), data)


@examples(200)
@given(st.binary(max_size=60) | st.builds(lambda head: len(head).to_bytes(4, "big") + head, st.binary(max_size=60)))
def test_what_is_no_call_breaks_the_link(body: bytes) -> None:
    try:
        document, _ = frames.unpacked(body)
    except Broken:
        return
    assert isinstance(document, dict)


def test_a_call_nested_beyond_measure_breaks_the_link() -> None:
    head = b"[" * 200_000
    with pytest.raises(Broken):
        frames.unpacked(len(head).to_bytes(4, "big") + head)


@pytest.mark.parametrize("kind", [Interrupted, Usage, InUse, NotUnlocked, Refused, Integrity, Unreachable, Lost])
def test_an_error_of_the_persons_machine_has_its_exit_status_code_and_words_at_the_other_end(
    kind: type[ArloError],
) -> None:
    error = Lost() if kind is Lost else kind("out_exists", rule="scope.only", path="here")
    again = raised(json.loads(json.dumps(told(error))), "begin")
    assert isinstance(again, ArloError)
    assert (again.exit_status, again.code, again.rule, again.detail) == (
        error.exit_status, error.code, error.rule, error.detail,
    )  # fmt: skip


@pytest.mark.parametrize("error", [FileNotFoundError(2, "no", "x"), PermissionError(13, "no"), KeyboardInterrupt()])
def test_errors_of_the_system_and_ctrl_c_come_through(error: BaseException) -> None:
    again = raised(json.loads(json.dumps(told(error))), "read")
    assert type(again) is type(error)
    if isinstance(error, OSError):
        assert isinstance(again, OSError) and (again.errno, again.filename) == (error.errno, error.filename)


@examples(150)
@given(JSON | st.fixed_dictionaries({"kind": st.sampled_from(["Usage", "OSError", "x"]), "code": JSON, "detail": JSON}))
def test_what_is_no_error_is_told_as_a_lost_machine(document: Any) -> None:
    assert isinstance(raised(json.loads(json.dumps(document)), "read"), ArloError | OSError | KeyboardInterrupt)


# -- channels -------------------------------------------------------------------------------------------


class Noted:
    """A link that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bytes]] = []

    def send(self, kind: bytes, *parts: bytes) -> None:
        self.sent.append((kind, b"".join(parts)))

    def bytes_of(self, kind: bytes) -> int:
        return sum(len(body) - 4 for each, body in self.sent if each == kind)


def channel() -> tuple[Channel, Noted, Channels]:
    noted = Noted()
    channels = Channels(noted)  # type: ignore[arg-type]
    return channels.add(3), noted, channels


@pytest.mark.parametrize("taken", [[WINDOW], [1, WINDOW - 1], [WINDOW // 2] * 4])
def test_no_more_is_sent_than_the_other_end_let_come(taken: list[int]) -> None:
    ours, noted, _ = channel()
    thread = threading.Thread(target=lambda: ours.send(bytes(WINDOW + sum(taken))), daemon=True)
    thread.start()
    for so_far, count in zip(accumulate(taken, initial=WINDOW), taken, strict=False):
        _until(partial(lambda sent: noted.bytes_of(frames.DATA) == sent, so_far))
        ours.taken(count)
    thread.join(5)
    assert not thread.is_alive() and noted.bytes_of(frames.DATA) == WINDOW + sum(taken)


def test_what_was_received_is_told_as_taken_and_what_is_too_much_breaks_the_link() -> None:
    ours, noted, _ = channel()
    ours.arrived(b"x" * WINDOW)
    with pytest.raises(Broken):
        ours.arrived(b"y")
    assert ours.receive() == b"x" * WINDOW
    assert noted.sent == [(frames.TAKEN, (3).to_bytes(4, "big") + WINDOW.to_bytes(4, "big"))]
    with pytest.raises(Broken):
        ours.taken(1)


@pytest.mark.parametrize(("over", "told"), [(Channel.over, [frames.CLOSE]), (Channel.end, [])])
def test_a_channel_that_is_over_gives_what_came_and_then_nothing_and_takes_no_more(
    over: Any, told: list[bytes]
) -> None:
    ours, noted, _ = channel()
    ours.arrived(b"last")
    over(ours)
    assert (ours.receive(), ours.receive()) == (b"last", b"")
    with pytest.raises(Broken):
        ours.send(b"x")
    ours.close()
    ours.close()
    assert [kind for kind, _ in noted.sent] == told


def test_what_comes_for_a_channel_that_is_over_is_nothing_and_no_number_is_used_twice() -> None:
    ours, _, channels = channel()
    with pytest.raises(Broken):
        channels.add(3)
    channels.forget(ours)
    take(channels, Frame(frames.DATA, (3).to_bytes(4, "big") + b"late"))
    for number in range(MOST):
        channels.add(number)
    with pytest.raises(Broken):
        channels.add(MOST)


@examples(150)
@given(st.sampled_from([frames.DATA, frames.TAKEN, frames.CLOSE]), st.binary(max_size=12))
def test_any_bytes_of_a_channel_are_taken_or_break_the_link(kind: bytes, body: bytes) -> None:
    _, _, channels = channel()
    try:
        take(channels, Frame(kind, body))
    except Broken:
        assert len(body) < 8 or kind == frames.TAKEN


def _until(is_so: Any) -> None:
    for _ in range(500):
        if is_so():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never was so")
