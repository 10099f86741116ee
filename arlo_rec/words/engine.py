"""The parent's side of the Whisper engine, whose child process is `whisper`.

The child is started for a run and ends with it. It gets no secret, no inherited environment, no terminal and no folder
of ours. It gets the samples through a socket, nothing is written to a disk, and every answer is checked: one line of
JSON (`engine_process` has the protocol). A child that does not answer in time, dies, or sends no valid answer is
killed; the next request starts another. A long sound is sent in pieces, split at quiet places, so that memory does not
grow with it.

A call is transcribed in two passes: without hints, and with the names known for the call as hints. With hints an engine
recognises more names and fewer digits, so the results of both passes are used together (measured: names found rose from
79 to 88 %; card numbers alone fell from 10 of 12 to 7).

Sound is resampled to the engine's rate block by block. Each block is transformed by FFT, and the frequencies below both
Nyquist limits are transformed back at the other rate: exact for ratios such as 160/441, without images above the old
band or aliases from above the new one. Blocks overlap by more than the filter's ringing, so that no seams are audible
or measurable.
"""

from __future__ import annotations

import json
import math
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from arlo_rec.law.model.errors import Unreachable, Usage
from arlo_rec.law.model.strict_json import parse_object
from arlo_rec.sound.audio import Sound, as_pcm16
from arlo_rec.sound.audio.formats import RATE_HIGHEST, RATE_LOWEST
from arlo_rec.sound.processes.hardening import start_child
from arlo_rec.sound.processes.pipes import LENGTH
from arlo_rec.sound.speech import ENGINE, Engine, Engines, Heard, Language, Transcript, Word
from arlo_rec.words.engine_process import ENGINE_RATE, INCOMPLETE, MISSING, UNCONFINED, UNUSABLE, WORD_LONGEST

if TYPE_CHECKING:
    import numpy


LOAD_S = 300.0  # seconds: a model of 3 GB from a slow disk
LOADED_MOST = 64 * 1024  # bytes of the answer after loading
_ENVIRONMENT: Final = {
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",  # libraries would look for a cache there
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # since 1.29, onnxruntime reports to Microsoft from Linux and macOS too
}


PROGRAM: Final = "from arlo_rec.words import whisper; whisper.main()"


class Process:
    """At most one child process, running *program*; not safe for use by several threads at once.

    All methods raise Unreachable `engine_died`, `engine_silent` or `engine_garbled`, after which no process runs.
    """

    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        self._program = program
        self._environment = {**_ENVIRONMENT, **environment}
        self._child: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the running process; None where none runs."""
        return self._child[0].pid if self._child is not None and self._child[0].poll() is None else None

    def start(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Start a new process, after ending a previous one, and return its first answer, to *settings*.

        A "problem" in the answer is raised as Unreachable with that code.
        """
        self.close()
        try:
            self._child = start_child(self._program, self._environment)
        except OSError:
            raise Unreachable("engine_died") from None
        answer = self.ask(settings, b"", LOAD_S, LOADED_MOST)
        problem = answer.get("problem")
        if problem in (MISSING, UNUSABLE, UNCONFINED):
            self.close()
            raise Unreachable(str(problem))
        return answer

    def ask(self, question: dict[str, Any], body: bytes, patience: float, most: int) -> dict[str, Any]:
        """Send a request, and return the answer that comes within *patience* seconds in at most *most* bytes."""
        assert self._child is not None
        pipe = self._child[1]
        until = time.monotonic() + patience
        encoded = json.dumps(question).encode("utf-8")
        line = None
        try:
            pipe.settimeout(patience)
            pipe.sendall(LENGTH.pack(len(encoded)) + encoded + LENGTH.pack(len(body)))
            pipe.sendall(body)
            line = _receive_line(pipe, until, most)
        except TimeoutError:
            raise Unreachable("engine_silent", seconds=int(patience)) from None
        except OSError:
            raise Unreachable("engine_died") from None
        finally:
            if line is None:  # also at Ctrl-C: a late answer would be taken for that to the next request
                self.close()
        with self.checking_answer():
            return parse_object(line, max_bytes=most)

    @contextmanager
    def checking_answer(self) -> Iterator[None]:
        """Context that checks an answer: a Key-, Type- or ValueError ends the process as `engine_garbled`."""
        try:
            yield
        except (KeyError, TypeError, ValueError):
            self.close()
            raise Unreachable("engine_garbled") from None

    def kill(self) -> None:
        """Kill the process, from any thread: a waiting `ask` raises `engine_died`."""
        child = self._child
        if child is not None:
            child[0].kill()

    def close(self) -> None:
        """Kill the process and wait for it; it has no state to save."""
        if self._child is None:
            return
        (process, pipe), self._child = self._child, None
        pipe.close()
        process.kill()
        process.wait()


def _receive_line(pipe: socket.socket, until: float, most: int) -> bytes:
    """Receive one line, with nothing after it; raises OSError where it does not come until *until*."""
    line = bytearray()
    while not line.endswith(b"\n"):
        pipe.settimeout(max(0.001, until - time.monotonic()))
        piece = pipe.recv(1 << 16)
        if not piece:
            raise ConnectionResetError
        line += piece
        if len(line) > most:
            break  # too long: parsing it will fail
    return bytes(line)


RESAMPLED_AT_ONCE = 1 << 16  # samples that a block contributes, about
GUARD = 1 << 11  # samples discarded on each side of a block: at least 43 ms, 32 periods of the filter's slope
FLAT = 0.925  # share of the narrower band that passes unchanged: 3.7 of 4 kHz, above a telephone's band


def resample(samples: bytes, rate: int) -> bytes:
    """Resample one channel of 16-bit PCM from *rate* Hz to 16 kHz; its length is rounded up to a whole sample.

    Raises ValueError for a rate that is not accepted, or half a sample.
    """
    import numpy

    if not RATE_LOWEST <= rate <= RATE_HIGHEST or len(samples) % 2:
        raise ValueError("not 16-bit PCM of a rate that is taken")
    if rate == ENGINE_RATE:
        return samples
    divisor = math.gcd(rate, ENGINE_RATE)
    up, down = ENGINE_RATE // divisor, rate // divisor
    guard = -(-GUARD // down)  # in steps of *down* samples, which are *up* samples afterwards
    block = 2 * guard + -(-RESAMPLED_AT_ONCE // down)
    source = numpy.frombuffer(samples, "<i2")
    output = numpy.empty(-(-len(source) * up // down), "<i2")
    for start in range(0, len(source), (block - 2 * guard) * down):
        first = start - guard * down
        piece = numpy.zeros(block * down, "f4")
        samples_in = source[max(0, first) : first + block * down]
        piece[max(0, -first) : max(0, -first) + len(samples_in)] = samples_in
        resampled = _resample_block(piece, block * up)[guard * up : (block - guard) * up]
        position = start // down * up
        output[position : position + len(resampled)] = resampled[: len(output) - position]
    return output.tobytes()


def _resample_block(piece: numpy.ndarray[Any, Any], length: int) -> numpy.ndarray[Any, Any]:
    """Resample a block to *length* samples, rounded and clipped to 16 bits."""
    import numpy

    carried = min(len(piece), length) // 2 + 1  # frequencies below both Nyquist limits
    slope = numpy.clip((numpy.arange(carried, dtype="f4") / (carried - 1) - FLAT) / (1 - FLAT), 0, 1)
    spectrum = numpy.zeros(length // 2 + 1, "c8")
    spectrum[:carried] = numpy.fft.rfft(piece)[:carried] * (0.5 + 0.5 * numpy.cos(math.pi * slope))
    wave = numpy.fft.irfft(spectrum, length) * (length / len(piece))
    return numpy.clip(numpy.rint(wave), -32768, 32767)


FILES: Final = ("model.bin", "config.json", "tokenizer.json")  # without the last, the library would ask a hub
VOCABULARIES: Final = ("vocabulary.txt", "vocabulary.json")  # one of them is needed
PIECE_S = 300  # seconds of sound per request: 10 MB of samples, and about 200 MB while they are recognised
QUIET_WITHIN_S = 30  # seconds before the end of a piece in which the quietest place is sought
QUIET_S = 0.2  # seconds: length of a quiet place, enough to be between two words
FLOOR_S, PER_SECOND = 120.0, 10.0  # timeout in seconds, per piece and per second of it: 100 times what two cores need
HINTS_MOST = 400  # characters: Whisper's prompt has room for 220 tokens, of which fewer help
WORDS_FLOOR, WORDS_PER_SECOND = 100, 20  # most words of a piece: people say fewer
SLACK_S = 1.0  # seconds by which a word may end after the sound
ANSWER_MOST = 2 * 1024 * 1024  # bytes: a piece full of words has 300 kB
_SPOKEN_AS: Final = {"nb": "no"}  # our name of a language -> Whisper's


@contextmanager
def whisper(
    model: Path,
    threads: int = 2,
    language: str | None = None,
    *,
    memory: int | None = None,
    program: str = PROGRAM,
) -> Iterator[Engine]:
    """Run the Whisper model of a folder (in CTranslate2's format) for as long as the context lasts.

    *language* is the default for calls without one; *memory* is the number of bytes that the process may use beyond
    its libraries; *program* is the Python code that it runs. Raises Usage `model_not_found`, `model_incomplete`;
    Unreachable `engine_missing`, `engine_unconfined`, `model_unusable`, and as `hear` does.

    `hear` raises Usage `language_unknown` for a language that the model lacks; Unreachable `engine_died`,
    `engine_silent`, `engine_garbled`. After these, the next call starts a new process.
    """
    check_model(model)
    engine = _Whisper({"model": str(model.resolve()), "threads": threads, "memory": memory}, language, program)
    try:
        engine.start()
        yield engine
    finally:
        engine.close()


def check_model(folder: Path) -> None:
    """Raise Usage where *folder* is no folder, or lacks a file that the library would look for elsewhere."""
    try:
        is_folder = folder.is_dir()
    except OSError:  # an impossible name, or a parent folder that cannot be read
        is_folder = False
    if not is_folder:
        raise Usage("model_not_found", path=str(folder))
    missing = [name for name in FILES if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in VOCABULARIES):
        missing.append(VOCABULARIES[0])
    if missing:
        raise Usage("model_incomplete", path=str(folder), missing=", ".join(missing))


class _Whisper:
    """Engine of one model, with at most one child process; a second thread waits for the first."""

    def __init__(self, settings: dict[str, Any], language: str | None, program: str) -> None:
        self._settings = settings
        self._language = language
        self._process = Process(program, {"OMP_NUM_THREADS": str(settings["threads"])})
        self._asking = threading.Lock()
        self._languages: frozenset[str] = frozenset()
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        self._process.kill()

    def hear(self, samples: bytes, language: str | None, hints: Sequence[str]) -> Heard:
        if len(samples) % 2:
            raise ValueError("half a sample")
        with self._asking:
            if self._stopped:
                raise Unreachable("engine_died")
            self.start()
            spoken = self._check_language(language or self._language)
            words = Heard()
            for first, piece in _split_pieces(samples):
                if self._stopped:
                    raise Unreachable("engine_died")
                duration = len(piece) / 2 / ENGINE_RATE
                question = {"language": spoken, "hints": _join_hints(hints)}
                answer = self._process.ask(question, piece, FLOOR_S + PER_SECOND * duration, ANSWER_MOST)
                with self._process.checking_answer():
                    words += _check_words(answer["words"], duration, first / ENGINE_RATE)
                    answered = self._check_answered_language(answer["language"])
                    if spoken is None:
                        words.language, words.sure = answered, _check_share(answer.get("sure", 1.0))
                    spoken = answered  # the next piece is of the same call
            return words

    def start(self) -> None:
        """Start the process if none is running, so that one crash does not refuse every call that follows."""
        if self._process.pid is not None:
            return
        answer = self._process.start(self._settings)
        if answer.get("problem") == INCOMPLETE:
            self.close()
            raise Usage("model_incomplete", path=self._settings["model"], missing="preprocessor_config.json")
        with self._process.checking_answer():
            self._languages = frozenset(str(name) for name in answer["languages"])

    def close(self) -> None:
        """Kill the process; it has no state to save."""
        self._process.close()

    def _check_language(self, language: str | None) -> str | None:
        spoken = _SPOKEN_AS.get(language, language) if language else None
        if spoken is not None and spoken not in self._languages:
            raise Usage("language_unknown", language=spoken)
        return spoken

    def _check_answered_language(self, language: object) -> str:
        if not isinstance(language, str) or language not in self._languages:
            raise ValueError("a language that it does not have")
        return language


def _check_share(share: object) -> float:
    """A number from 0 to 1; raises ValueError for anything else."""
    if type(share) not in (int, float) or not 0 <= float(str(share)) <= 1:
        raise ValueError("no share")
    return float(str(share))


def _check_words(answer: object, duration: float, offset: float) -> list[Word]:
    """Convert the words of an answer, shifted by *offset* seconds; raises ValueError for an impossible word."""
    if not isinstance(answer, list) or len(answer) > WORDS_FLOOR + WORDS_PER_SECOND * duration:
        raise ValueError("no list of words, or too many")
    words: list[Word] = []
    earliest = 0.0
    for text, start, end, score in answer:
        if any(type(number) not in (int, float) for number in (start, end, score)):
            raise ValueError("no number")
        if not isinstance(text, str) or not 0 < len(text) <= WORD_LONGEST or not text.isprintable():
            raise ValueError("no word")
        if not (earliest <= start <= end <= duration + SLACK_S and 0 <= score <= 1):
            raise ValueError("a time or a score that cannot be")
        earliest = start
        words.append(Word(text, start + offset, end + offset, float(score)))
    return words


def _join_hints(hints: Sequence[str]) -> str:
    """Join as many hints as fit into `HINTS_MOST` characters, in order, each once and with single blanks."""
    prompt = ""
    for hint in dict.fromkeys(" ".join(hint.split()) for hint in hints):
        longer = f"{prompt}, {hint}" if prompt else hint
        if len(longer) <= HINTS_MOST:
            prompt = longer
    return prompt


def _split_pieces(samples: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the first sample's index and the bytes of each piece; nothing for an empty sound."""
    first, count = 0, len(samples) // 2
    while first < count:
        last = (
            count if count - first <= PIECE_S * ENGINE_RATE else _find_quietest(samples, first + PIECE_S * ENGINE_RATE)
        )
        yield first, samples[2 * first : 2 * last]
        first = last


def _find_quietest(samples: bytes, before: int) -> int:
    """Index of the sample in the middle of the quietest block within `QUIET_WITHIN_S` *before* a sample."""
    import numpy

    block, count = int(QUIET_S * ENGINE_RATE), int(QUIET_WITHIN_S / QUIET_S)
    begin = before - count * block
    blocks = numpy.frombuffer(samples, "<i2", count * block, 2 * begin).reshape(count, block).astype("f4")
    loudness = (blocks**2).mean(axis=1)
    return before - int(loudness[::-1].argmin()) * block - block // 2  # the last of equally quiet blocks


BLOCK = 1 << 18  # frames of which a channel is taken at once


def transcribe(engines: Engines, sound: Sound, language: str | None, hints: Sequence[str]) -> list[Transcript]:
    """Transcribe each channel of *sound* by each engine: once without hints, and once with them if there are any.

    The engines hear beside each other; the transcripts stand in their order. Raises Unreachable or Usage as
    `Engine.hear` does; an interrupt stops all engines.
    """
    with ThreadPoolExecutor(len(engines)) as threads:
        try:
            heard = [threads.submit(_transcribe, engine, sound, language, hints) for engine in engines]
            numbered = [(number, each) for number, future in enumerate(heard) for each in future.result()]
            return [replace(transcript, engine=number) for number, transcript in numbered]
        except KeyboardInterrupt:
            for engine in engines:
                engine.stop()
            raise


def _transcribe(engine: Engine, sound: Sound, language: str | None, hints: Sequence[str]) -> list[Transcript]:
    hint_lists = ([], list(hints)) if hints else ([],)
    words: list[list[Word]] = [[] for _ in hint_lists]
    languages: list[list[Language]] = [[] for _ in hint_lists]
    for number in range(sound.channels):  # one after the other: at the engine's rate, each is larger than the sound
        samples = resample(_extract_channel(sound, number), sound.rate)
        channel = number if sound.channels > 1 else None
        for of_pass, given in enumerate(hint_lists):
            heard = engine.hear(samples, language, given)
            words[of_pass] += [replace(word, channel=channel) for word in heard]
            if heard.language is not None:
                languages[of_pass].append(Language(channel, heard.language, heard.sure))
    return [
        Transcript(ENGINE, tuple(spoken), languages=tuple(detected))
        for spoken, detected in zip(words, languages, strict=True)
    ]


def _extract_channel(sound: Sound, channel: int) -> bytes:
    """The samples of one channel as 16-bit PCM, made block by block."""
    if sound.channels == 1:
        return as_pcm16(sound).data
    samples, length = bytearray(2 * sound.frames), BLOCK * sound.frame_bytes
    for start in range(0, len(sound.data), length):
        wide = as_pcm16(replace(sound, data=sound.data[start : start + length])).data
        first, behind = 2 * start // sound.frame_bytes, 2 * start // sound.frame_bytes + len(wide) // 2
        samples[first:behind:2] = wide[2 * channel :: 4]
        samples[first + 1 : behind : 2] = wide[2 * channel + 1 :: 4]
    return bytes(samples)
