"""The optional model of names: what its process is told and tells, and that nothing it says is taken on trust.

The process is always a real one. Where it must misbehave, a stand-in of a few lines runs instead of the one that
labels; where it must label, it needs onnxruntime, tokenizers and a model, whose folder ARLO_REC_TEST_NAMES_MODEL names.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.model.errors import ArloError, Unreachable, Usage
from arlo_rec.speech.engines import name_model, name_model_child
from arlo_rec.speech.engines.name_model import WEIGHTS, Labeller, check_model, labeller
from arlo_rec.speech.engines.name_model_child import OVERLAP, WINDOW, match_pieces, split_windows, type_of

MODEL = os.environ.get("ARLO_REC_TEST_NAMES_MODEL")
INSTALLED = all(importlib.util.find_spec(module) is not None for module in ("onnxruntime", "tokenizers"))
needs_model = pytest.mark.skipif(
    MODEL is None or not INSTALLED,
    reason="needs onnxruntime and tokenizers, and ARLO_REC_TEST_NAMES_MODEL naming a folder with a model",
)
FILTERS = sys.platform == "linux" and platform.machine() in {"x86_64", "aarch64"}

STAND_IN = """
import json, os, select, signal, socket, sys
sys.path[:] = json.loads(sys.argv[1])
from arlo_rec.speech.engines.serving import receive_request, send
pipe = socket.socket(fileno=0)
settings = receive_request(pipe)[0]
send(pipe, {"types": ["name", "number"]})
while request := receive_request(pipe):
    words = request[0]["words"]
    labels = [["name", 0.5]] * len(words)
"""
ANSWERS = '    send(pipe, {"labels": labels})\n'
KARI = ["Kari"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What looks like a model as long as nobody loads it."""
    for name in ("model.onnx", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def says(expression: str) -> str:
    """A stand-in that answers with the labels of an expression."""
    return f"{STAND_IN}    labels = {expression}\n{ANSWERS}"


def begins(line: str) -> str:
    """A stand-in that says this instead of what it can label."""
    return f"import socket; s = socket.socket(fileno=0); s.sendall(b'{line}\\n'); s.recv(1)"


def code_of(labelling: Labeller, words: Sequence[str] = KARI) -> str:
    with pytest.raises(ArloError) as error:
        labelling.labels(words)
    return error.value.code


def told_by(folder: Path, expression: str, words: Sequence[str]) -> bool:
    """What a stand-in says of the words it got: a score of 1 for true."""
    with labeller(folder, program=says(f'[["name", int({expression})]] * len(words)')) as labelling:
        return {score for _, score in labelling.labels(words)} == {1.0}


def test_labels_are_handed_on_as_the_process_said_them_one_for_each_word(folder: Path) -> None:
    with labeller(folder, program=says('[["name", 0.75], ["", 0.0], ["number", 1]]')) as labelling:
        assert labelling.labels(["Kari", "har", "55512345"]) == [("name", 0.75), ("", 0.0), ("number", 1.0)]


def test_for_no_words_nobody_is_asked(folder: Path) -> None:
    with labeller(folder, program=STAND_IN + "    os._exit(1)\n") as labelling:
        assert labelling.labels([]) == []


def test_the_process_gets_words_composed_printable_and_of_a_length_that_somebody_says(folder: Path) -> None:
    given = ["A\u030ase", "a\x1b[2J\n", "\ud800x", "", "x" * 300, "to ord"]
    assert told_by(folder, 'words == ["Åse", "a[2J", "x", "", "x" * 100, "to ord"]', given)


def test_the_process_gets_no_environment_and_stands_in_no_folder_of_ours(folder: Path) -> None:
    ours = ["HF_HUB_DISABLE_TELEMETRY", "HF_HUB_OFFLINE", "HOME", "LC_ALL", "OMP_NUM_THREADS", "ORT_DISABLE_TELEMETRY"]
    assert told_by(folder, f'sorted(os.environ) == {[*ours, "TOKENIZERS_PARALLELISM"]} and os.getcwd() == "/"', KARI)
    assert told_by(folder, 'os.environ["HOME"] == "/nonexistent" and os.environ["ORT_DISABLE_TELEMETRY"] == "1"', KARI)


def test_the_process_is_told_which_weights_there_are(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model_q4.onnx").write_bytes(b"")
    wanted = {"model": str(folder.resolve()), "weights": "onnx/model_q4.onnx", "threads": 1, "memory": None}
    assert told_by(folder, f"settings == {wanted}", KARI)


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        "[]",
        '[["name", 0.5]] * 2',
        "None",
        "{}",
        "7",
        '"n"',
        "[None]",
        "[7]",
        '["na"]',
        '[["name"]]',
        '[["name", 0.5, 0]]',
        '[["name", 1.01]]',
        '[["name", -0.01]]',
        '[["name", None]]',
        '[["name", True]]',
        '[["name", "0.5"]]',
        '[["name", float("nan")]]',
        '[["name", float("inf")]]',
        '[["email", 0.5]]',  # it said that it has no such label
        '[["NAME", 0.5]]',
        '[["", 0.5]]',
        "[[None, 0.5]]",
        '[[["name"], 0.5]]',
    ],
)
def test_labels_that_cannot_be_are_not_believed(folder: Path, wrong: str) -> None:
    with labeller(folder, program=says(wrong)) as labelling:
        assert code_of(labelling) == "engine_garbled"


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"garbage\n",
        b"[]\n",
        b"{}\n",
        b'{"problem": "model_unusable"}\n',
        b'{"labels": [["name", 0.5]]}\n{"labels": [["name", 0.5]]}\n',
        b'{"labels": [["name", 0.5]], "labels": [["name", 0.5]]}\n',
        b'{"labels": ' + b"[" * 200 + b"]" * 200 + b"}\n",
        b'{"labels": [["name", 0.5]]' + b" " * 2000 + b"}\n",  # more than an answer about one word has
        b"\xff\xfe\n",
    ],
)
def test_an_answer_that_is_none_is_not_believed(folder: Path, line: bytes) -> None:
    with labeller(folder, program=f"{STAND_IN}    pipe.sendall({line!r})\n") as labelling:
        assert code_of(labelling) == "engine_garbled"


def test_an_answer_without_end_is_read_no_further_than_an_answer_goes(folder: Path) -> None:
    endless = STAND_IN + "    while True:\n        pipe.sendall(bytes(1 << 16))\n"
    with labeller(folder, program=endless) as labelling:
        assert code_of(labelling) == "engine_garbled"


def test_an_answer_about_many_words_may_be_longer(folder: Path) -> None:
    with labeller(folder, program=says('[["number", 0.1234]] * len(words)')) as labelling:
        assert labelling.labels(["ni"] * 5000) == [("number", 0.1234)] * 5000


def test_more_words_than_a_call_has_are_a_mistake_of_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_model, "WORDS_MOST", 3)
    with labeller(folder, program=STAND_IN + ANSWERS) as labelling:
        assert len(labelling.labels(["a"] * 3)) == 3
        with pytest.raises(ValueError, match="more words"):
            labelling.labels(["a"] * 4)


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "pipe.sendall(b'{'); exit()"])
def test_a_process_that_dies_leaves_nothing_half_done_and_the_next_call_starts_another(folder: Path, end: str) -> None:
    dying = f"{STAND_IN}    if words[0] == 'die':\n        {end}\n{ANSWERS}"
    with labeller(folder, program=dying) as labelling:
        for _ in range(2):
            assert code_of(labelling, ["die"]) == "engine_died"
            assert labelling.labels(KARI) == [("name", 0.5)]


@pytest.mark.slow
def test_a_process_that_hangs_or_trickles_is_ended_and_the_next_call_starts_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trickles = "while words[0] == 'trickle':\n        pipe.sendall(b' ')\n        select.select([], [], [], 0.01)"
    program = f"{STAND_IN}    if words[0] == 'hang':\n        signal.pause()\n    {trickles}\n{ANSWERS}"
    with labeller(folder, program=program) as labelling:
        for word in ("hang", "trickle"):
            with monkeypatch.context() as impatient:
                impatient.setattr(name_model, "FLOOR_S", 0.1)
                assert code_of(labelling, [word]) == "engine_silent"
            assert labelling.labels(KARI) == [("name", 0.5)]


@pytest.mark.slow
def test_patience_grows_with_the_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with labeller(folder, program=STAND_IN + "    signal.pause()\n") as labelling:
        monkeypatch.setattr(name_model, "FLOOR_S", 0.0)
        monkeypatch.setattr(name_model, "PER_WORD", 0.001)
        with pytest.raises(Unreachable) as error:
            labelling.labels(["ni"] * 1100)
        assert error.value.detail == {"seconds": 1}


@pytest.mark.usefixtures("interruptible")
def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next_calls(folder: Path) -> None:
    interrupts = STAND_IN + "    if words[0] == 'stop':\n        os.kill(os.getppid(), signal.SIGINT)\n"
    program = f"{interrupts}    labels = [['name', int(words[0] == 'stop')]]\n{ANSWERS}"
    with labeller(folder, program=program) as labelling:
        with pytest.raises(KeyboardInterrupt):
            labelling.labels(["stop"])
        assert labelling.labels(KARI) == [("name", 0.0)]


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("", "engine_died"),
        ("raise SystemExit(1)", "engine_died"),
        (begins("garbage"), "engine_garbled"),
        (begins("{}"), "engine_garbled"),
        (begins('{"types": []}'), "engine_garbled"),
        (begins('{"types": 7}'), "engine_garbled"),
        (begins('{"types": ["name", "O"]}'), "engine_garbled"),
        (begins('{"types": [["name"]]}'), "engine_garbled"),
        (begins('{"problem": "x"}'), "engine_garbled"),
        (begins('{"problem": []}'), "engine_garbled"),
        (begins('{"problem": "labeller_missing"}'), "labeller_missing"),
        (begins('{"problem": "model_unusable"}'), "model_unusable"),
        (begins('{"problem": "engine_unconfined"}'), "engine_unconfined"),
    ],
)
def test_a_process_that_does_not_begin_is_an_error_at_once(folder: Path, program: str, code: str) -> None:
    with pytest.raises(Unreachable) as error, labeller(folder, program=program):
        pass
    assert error.value.code == code


def test_the_process_ends_with_the_context(folder: Path) -> None:
    with labeller(folder, program=STAND_IN + ANSWERS) as labelling:
        pid = labelling._process.pid  # type: ignore[attr-defined]
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("name", ["model.onnx", "config.json", "tokenizer.json"])
def test_a_folder_that_lacks_a_file_is_told_before_anything_is_started(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(Usage) as error, labeller(folder, program="raise AssertionError"):
        pass
    assert (error.value.code, error.value.detail["missing"]) == ("model_incomplete", name)


def test_a_name_instead_of_a_folder_is_no_model_and_the_first_weights_are_taken(folder: Path) -> None:
    for name in ("rampart", "model.onnx"):
        with pytest.raises(Usage) as error:
            check_model(folder / name)
        assert error.value.code == "model_not_found"
    (folder / "onnx").mkdir()
    for name in reversed(WEIGHTS):
        (folder / name).write_bytes(b"")
    for name in WEIGHTS:
        assert check_model(folder) == name
        (folder / name).unlink()


# --- what the process makes of a model's scores ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "ours"),
    [
        ("B-GIVEN_NAME", "name"),
        ("I-SURNAME", "name"),
        ("SURNAME", "name"),
        ("B-PER", "name"),
        ("per", "name"),
        ("PER-B", "name"),
        ("B_PERSON", "name"),
        ("S-PHONE", "number"),
        ("B-EMAIL", "email"),
        ("I-STREET_NAME", "address"),
        ("DATE_OF_BIRTH", "birth"),
        ("B-DRIVERS_LICENSE", "code"),
        ("B-CITY", ""),
        ("B-ORG", ""),
        ("O", ""),
        ("B-", ""),
        ("LABEL_1", ""),
        ("", ""),
    ],
)
def test_what_models_call_it_is_one_of_ours_or_nothing(label: str, ours: str) -> None:
    assert type_of(label) == ours


@given(st.lists(st.integers(0, 12), min_size=1, max_size=200), st.integers(1, 40))
def test_windows_hold_every_word_whole_and_no_more_pieces_than_fit(pieces: list[int], most: int) -> None:
    spans = list(split_windows(pieces, most))
    assert spans[0][0] == 0 and spans[-1][1] == len(pieces)
    for first, last in spans:
        assert last - first == 1 or sum(pieces[first:last]) <= most
    for (first, last), (after, end) in pairwise(spans):
        assert first < after <= last < end, "each begins later and reaches further, and none is left out between"


def test_two_windows_share_what_leads_to_a_name() -> None:
    spans = list(split_windows([2] * 1000, WINDOW))
    shared = [last - after for (_, last), (after, _) in pairwise(spans)]
    assert shared == [OVERLAP // 2] * (len(spans) - 1) and len(spans) == 6


@given(st.lists(st.text("ab -å", max_size=5), max_size=12), st.booleans())
def test_each_piece_is_of_the_word_it_stands_in(words: list[str], with_blank: bool) -> None:
    text, pieces, owners = "", [(0, 0)], [None]
    for at, word in enumerate(words):
        start = len(text) + bool(at)
        text = f"{text} {word}" if at else word
        for place in range(len(word)):
            begin = start + place - (with_blank and at > 0 and place == 0)  # byte pairs keep the blank before
            pieces.append((begin, start + place + 1))
            owners.append(at)
    assert list(match_pieces(words, pieces)) == owners


def made_of(sure: dict[str, list[float]], window: int = WINDOW) -> name_model_child._Model:
    """A model that cuts words into letters, and gives a letter the odds that *sure* has, else those of nothing.

    Its labels are nothing, the begin and the inside of a name, a telephone number, and a town.
    """
    nothing = [1.0, 0.0, 0.0, 0.0, 0.0]

    def encode(text: str, add_special_tokens: bool = True) -> Any:
        offsets = [(at, at + 1) for at, sign in enumerate(text) if sign != " "]
        offsets = [(0, 0), *offsets, (0, 0)] if add_special_tokens else offsets
        ids = [ord(text[start]) if end else 0 for start, end in offsets]
        return SimpleNamespace(ids=ids, attention_mask=ids, type_ids=ids, offsets=offsets, truncate=len(ids).__le__)

    def run(_: None, feed: dict[str, Any]) -> list[Any]:
        odds = numpy.array([[sure.get(chr(piece), nothing) for piece in feed["input_ids"][0]]])
        return [numpy.log(odds + 1e-9)]

    session = SimpleNamespace(get_inputs=lambda: [SimpleNamespace(name="input_ids")], run=run)
    kinds = ("", "name", "name", "number", "")
    return name_model_child._Model(session, SimpleNamespace(encode=encode), kinds, window)


def test_a_word_is_what_the_likeliest_of_its_pieces_is_and_all_labels_of_one_kind_count_together() -> None:
    model = made_of({"k": [0.4, 0.3, 0.3, 0, 0], "t": [0.3, 0, 0, 0.7, 0], "b": [0.1, 0, 0, 0, 0.9]})
    assert model.labels(["ak", "tk", "bb", "", "xx"]) == [
        ("name", 0.6),
        ("number", 0.7),
        ("", 0.0),
        ("", 0.0),
        ("", 0.0),
    ]


def test_what_a_model_is_hardly_sure_of_is_nothing() -> None:
    model = made_of({"k": [0.94, 0.06, 0, 0, 0], "m": [0.96, 0.04, 0, 0, 0]})
    assert model.labels(["k", "m"]) == [("name", 0.06), ("", 0.0)]


@given(st.lists(st.sampled_from(["kari", "x", "", "tl", "xxxxxxxxxxxx"]), min_size=1, max_size=60), st.integers(4, 30))
def test_a_list_is_labelled_as_its_words_are_however_many_windows_it_takes(words: list[str], window: int) -> None:
    model = made_of({"k": [0.2, 0.8, 0, 0, 0], "t": [0.3, 0, 0, 0.7, 0]}, window)
    meant = {"kari": ("name", 0.8), "tl": ("number", 0.7)}
    assert model.labels(words) == [meant.get(word, ("", 0.0)) for word in words]


def test_a_model_whose_scores_are_of_other_labels_or_none_is_not_used() -> None:
    for odds in ([0.5, 0.5], [numpy.nan] * 5):
        with pytest.raises(ValueError, match="no number for each"):
            made_of({sign: odds for sign in ("k", "\0")}).labels(["k"])


# --- with a model --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Iterator[Labeller]:
    with labeller(Path(str(MODEL))) as labelling:
        yield labelling


def named(labelling: Labeller, text: str) -> list[str]:
    words = text.split()
    labels = labelling.labels(words)
    return [word for word, (kind, score) in zip(words, labels, strict=True) if kind == "name" and score >= 0.5]


@needs_model
def test_it_finds_names_where_nothing_is_written_with_a_capital(real: Labeller) -> None:
    assert named(real, "good morning you are speaking with melissa foster how can i help you") == ["melissa", "foster"]
    assert named(real, "i would like to know when the technician comes please") == []


@needs_model
def test_a_name_is_found_wherever_it_stands_in_a_long_call(real: Labeller) -> None:
    talk = ["i", "waited", "for", "the", "technician", "since", "ten", "o'clock", "and", "then", "nobody", "came"]
    for before in (0, 26, 28, 29, 30, 31, 60):
        words = [*talk * before, "my", "name", "is", "melissa", "foster", *talk * 5]
        labels = real.labels(words)
        at = words.index("melissa")
        assert [kind for kind, _ in labels[at : at + 2]] == ["name", "name"], before
        assert sum(kind == "name" and score > 0.5 for kind, score in labels) == 2


@needs_model
def test_the_same_words_are_labelled_the_same_twice_and_none_is_too_odd(real: Labeller) -> None:
    odd = ["", " ", "…", "'" * 100, "ﷺ" * 100, "한" * 100, "\ud800", "🙂", "x" * 5000, "Åse\u0301", "[SEP]", "Foster"]
    assert real.labels(odd) == real.labels(odd)
    assert real.labels(odd * 5)[-1][0] == "name"


@needs_model
@pytest.mark.skipif(not FILTERS, reason="there is a filter of calls on Linux on x86-64 and arm64 alone")
def test_the_process_that_labels_is_confined_while_it_does(real: Labeller) -> None:
    real.labels(KARI)
    for task in Path(f"/proc/{real._process.pid}/task").iterdir():  # type: ignore[attr-defined]
        lines = (task / "status").read_text("ascii").splitlines()
        error = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert (error["NoNewPrivs"], error["Seccomp"]) == ("1", "2")


@needs_model
@pytest.mark.parametrize(
    "config",
    [
        "",
        "[]",
        "{}",
        '{"id2label": {"0": "O", "1": "B-PER"}}',
        '{"id2label": {"0": 7}}',
        f'{{"id2label": {dict.fromkeys(map(str, range(35)), "B-ORG")}}}'.replace("'", '"'),
    ],
    ids=["empty", "a list", "no labels", "other labels than its scores", "no text", "none of ours"],
)
def test_a_model_that_does_not_fit_its_labels_is_unusable(tmp_path: Path, config: str) -> None:
    model = Path(str(MODEL))
    (tmp_path / "model.onnx").symlink_to((model / check_model(model)).resolve())
    (tmp_path / "tokenizer.json").symlink_to((model / "tokenizer.json").resolve())
    (tmp_path / "config.json").write_text(config, "utf-8")
    with pytest.raises(Unreachable) as error, labeller(tmp_path):
        pass
    assert error.value.code == "model_unusable"


@needs_model
def test_files_that_are_no_model_are_unusable(folder: Path) -> None:
    with pytest.raises(Unreachable) as error, labeller(folder):
        pass
    assert error.value.code == "model_unusable"


@needs_model
def test_a_process_that_may_not_have_the_memory_is_an_error_of_ours() -> None:
    with pytest.raises(Unreachable) as error, labeller(Path(str(MODEL)), memory=1 << 20) as labelling:
        labelling.labels(KARI)
    assert error.value.code in {"model_unusable", "engine_died"}


@pytest.mark.skipif(INSTALLED, reason="onnxruntime and tokenizers are installed here")
def test_without_the_extra_the_error_says_what_is_missing(folder: Path) -> None:
    with pytest.raises(Unreachable) as error, labeller(folder):
        pass
    assert error.value.code == "labeller_missing"
