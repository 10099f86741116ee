"""What goes to a worker and comes back: the same job, the same plan or error, and nothing else is taken for one."""

from __future__ import annotations

import socket
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.calls.training.cut_plan import CallSound, CopyOrder, CutPlan, HeardWord, UnsureStretch, UnusedTranscript
from arlo_rec.engines.dask import jobs
from arlo_rec.engines.dask.link import CLIENT, Link
from arlo_rec.engines.dask.planners import TlsFiles, settings_of
from arlo_rec.law.model.errors import ArloError, SoundError, Unreachable, Usage
from arlo_rec.policy import Mode
from arlo_rec.sound.audio import Encoding, Sound
from arlo_rec.sound.audio.cut_list import Cut, Kind

TEXT, SECONDS = st.text(max_size=20), st.floats(0, 1e5)
CHANNELS = st.none() | st.integers(0, 1)
SOUNDS = st.builds(Sound, st.just(Encoding.PCM16), st.just(16_000), st.just(2), st.binary(min_size=4, max_size=4))
CALLS = st.builds(
    CallSound,
    SOUNDS,
    st.lists(TEXT, max_size=3).map(tuple),
    SECONDS,
    st.dictionaries(TEXT, st.integers(0, 1), max_size=2),
)
CUTS = st.builds(
    lambda start, length, *more: Cut(start, start + length, *more),
    SECONDS,
    SECONDS,
    st.none() | st.tuples(st.integers(0, 1)),
    st.tuples(st.sampled_from(Kind)),
    st.tuples(TEXT),
    st.none() | st.floats(0, 1),
    TEXT,
    st.none() | st.tuples(SECONDS, SECONDS),
)
ORDERS = st.builds(
    CopyOrder,
    st.sampled_from(Mode),
    cuts=st.lists(CUTS, max_size=2).map(tuple),
    transcripts=st.lists(st.tuples(st.none() | TEXT, st.binary(max_size=9)), max_size=2).map(tuple),
    cut_circumstances=st.booleans(),
    language=st.none() | TEXT,
)
PLANS = st.builds(
    CutPlan,
    st.lists(CUTS, max_size=3).map(tuple),
    st.sampled_from(Mode),
    st.none() | SECONDS,
    st.none() | SECONDS,
    st.lists(TEXT, max_size=2).map(tuple),
    st.lists(st.builds(UnsureStretch, SECONDS, SECONDS, CHANNELS), max_size=2).map(tuple),
    st.lists(
        st.builds(HeardWord, TEXT, SECONDS, SECONDS, st.none() | SECONDS, CHANNELS, st.integers(0, 9)), max_size=3
    ).map(tuple),
    st.lists(st.builds(UnusedTranscript, TEXT, TEXT), max_size=2).map(tuple),
)


@given(CALLS, ORDERS)
def test_a_job_arrives_as_it_was_given(call: CallSound, order: CopyOrder) -> None:
    assert jobs.decode_job(jobs.encode_job(call, order)) == (call, replace(order, files=()))


@given(PLANS)
def test_a_plan_comes_back_as_it_was_made(plan: CutPlan) -> None:
    assert jobs.decode_outcome(jobs.encode_outcome(plan), 1e6, 2) == plan


@pytest.mark.parametrize(
    "error",
    [Usage("track_unknown", role="caller"), Unreachable("engine_silent"), SoundError("truncated")],
)
def test_an_error_is_raised_here_as_there(error: ArloError) -> None:
    with pytest.raises(type(error)) as raised:
        jobs.decode_outcome(jobs.encode_outcome(error), 1.0, 1)
    assert str(raised.value) == str(error)


@given(st.binary(max_size=60))
def test_anything_else_is_no_job_and_no_outcome(raw: bytes) -> None:
    with pytest.raises(Unreachable, match="cluster_version"):
        jobs.decode_job(raw)
    with pytest.raises(Unreachable, match="engine_garbled"):
        jobs.decode_outcome(raw, 1e6, 2)


@given(PLANS, st.integers(0, 10_000), st.integers(1, 255))
def test_an_outcome_that_was_changed_is_a_plan_or_refused(plan: CutPlan, place: int, by: int) -> None:
    raw = bytearray(jobs.encode_outcome(plan))
    raw[place % len(raw)] ^= by
    try:
        assert isinstance(jobs.decode_outcome(bytes(raw), 1e6, 2), CutPlan)
    except Unreachable as error:
        assert error.code == "engine_garbled"


@pytest.mark.parametrize(
    "cut",
    [Cut(2.0, 1.0), Cut(-1.0, 1.0), Cut(float("nan"), 1.0), Cut(9.0, 10.0), Cut(1.0, 2.0, (1,))],
    ids=["backwards", "before", "no number", "behind the end", "in a channel that is not there"],
)
def test_a_plan_that_the_sound_cannot_have_is_refused(cut: Cut) -> None:
    with pytest.raises(Unreachable, match="engine_garbled"):
        jobs.decode_outcome(jobs.encode_outcome(CutPlan((cut,), Mode.DETECT)), 9.0, 1)


@given(
    st.binary(max_size=40)
    | st.builds(lambda head: len(head).to_bytes(4, "big") + head + bytes(4), st.binary(max_size=40))
)
def test_a_child_that_was_taken_over_ends_the_talk_and_nothing_else(said: bytes) -> None:
    link = Link.__new__(Link)
    link._child = CLIENT
    link._socket, theirs = socket.socketpair()
    with link._socket, theirs:
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        try:
            assert isinstance(link.receive()[0], dict)
        except Unreachable as error:
            assert error.code == "cluster_died" or b"problem" in said


def test_names_of_files_stay_here_and_are_put_in_again() -> None:
    sound = Sound(Encoding.PCM16, 16_000, 1, b"\0\0")
    order = CopyOrder(
        Mode.DETECT, transcripts=((None, b"a"), (None, b"b")), files=("0123.caller.vtt", "0123.agent.vtt")
    )
    job = jobs.encode_job(CallSound(sound), order)
    assert b"0123" not in job and jobs.decode_job(job)[1].transcripts == order.transcripts
    plan = CutPlan((), Mode.DETECT, unused=(UnusedTranscript("1, 2", "thin"), UnusedTranscript("3", "thin")))
    named = jobs.decode_outcome(jobs.encode_outcome(plan), 1.0, 1, order.files).unused
    assert [each.file for each in named] == ["0123.caller.vtt, 0123.agent.vtt", "3"]
    with pytest.raises(Usage) as raised:
        jobs.decode_outcome(jobs.encode_outcome(Usage("transcript_misfit", file="2", why="x")), 1.0, 1, order.files)
    assert raised.value.detail["file"] == "0123.agent.vtt"


@pytest.mark.parametrize(
    "failed",
    [
        jobs.Failed("SystemExit", "0", {}),
        jobs.Failed("Usage", "of_its_own_making", {}),
        jobs.Failed("Usage", "track_unknown", {"another": "x"}),
    ],
    ids=["no error of ours", "no sentence", "no value of its sentence"],
)
def test_an_error_that_no_plan_raises_is_refused(failed: jobs.Failed) -> None:
    raw = msgspec.msgpack.encode(failed)
    with pytest.raises(Unreachable, match="engine_garbled"):
        jobs.decode_outcome(raw, 1e6, 2)


def test_an_error_has_the_values_of_its_sentence_and_no_more() -> None:
    raw = msgspec.msgpack.encode(
        jobs.Failed("Usage", "track_unknown", {"role": "caller", "purpose": "x", "nearest": "y"})
    )
    with pytest.raises(Usage) as raised:
        jobs.decode_outcome(raw, 1e6, 2)
    assert raised.value.detail == {"role": "caller"}


def test_a_job_of_another_version_is_refused_with_both() -> None:
    sound = Sound(Encoding.PCM16, 16_000, 1, b"\0\0")
    raw = msgspec.msgpack.encode(jobs.Job("9.9.9", CallSound(sound), CopyOrder(Mode.DETECT)))
    with pytest.raises(Unreachable) as raised:
        jobs.decode_job(raw)
    assert raised.value.detail["there"] == "9.9.9"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "tls://",
        "10.0.0.5:8786",
        "tcp://10.0.0.5:8786",
        "tls://10.0.0.5",
        "tls://h:99999",
        "tls://h:1/x",
        "tls://u@h:1",
    ],
)
def test_only_tls_with_host_and_port_is_an_address(address: str) -> None:
    with pytest.raises(Usage, match="bad_cluster"):
        settings_of(address, TlsFiles(None, None, None))


def test_a_child_that_ends_is_told_of() -> None:
    link = Link(CLIENT)
    link.close()
    with pytest.raises(Unreachable, match="cluster_died"):
        link.receive()
    with pytest.raises(Unreachable, match="cluster_died"):
        link.send({"give": 1}, bytes(1 << 20))
