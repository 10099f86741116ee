"""The program: runs the command line, and turns every ending into an exit status.

The only place where an error becomes a sentence and a status, and the only one that catches everything: an
unexpected error is one line and exit 1, with its traceback (no local values) in the state folder.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer

from arlo_rec.edge import terminal
from arlo_rec.edge.commands.command import PROGRAM, Outset, program
from arlo_rec.edge.config import beforehand
from arlo_rec.edge.door.client import Client, LocalClient, Serving
from arlo_rec.edge.door.words import is_plugin
from arlo_rec.law.messages import clean, say
from arlo_rec.law.model.errors import ELSEWHERE, ArloError, Interrupted


def main(arguments: Sequence[str] | None = None, client: Client | None = None) -> int:
    """Run the program for the person at *client* (None: at this machine); returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    lang, _ = _beforehand(words)
    try:
        with _ctrl_c_noticed():
            command = program(lang)
            return int(
                command(args=words, prog_name=PROGRAM, standalone_mode=False, obj=Outset(lang, client or LocalClient()))
                or 0
            )
    except Serving as serving:
        return _served(serving)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - see ended_by
        return ended_by(error, words)


def ended_by(error: BaseException, words: list[str]) -> int:
    """Say what ended a command; the exit status. The one place: a bug must look like one and tell no secret."""
    lang, state = _beforehand(words)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        error = Interrupted("interrupted")
    elif not isinstance(error, ArloError):
        error = _bug(error, state, lang)
    if is_plugin(words):
        from arlo_rec.edge.commands.watch import as_plugin

        return as_plugin(error, lang)
    return _report(error, lang, as_json="--json" in words)


def _served(serving: Serving) -> int:
    """Be the other end of the door for one command; its exit status."""
    from arlo_rec.edge.door.serve import serve

    try:
        return serve(serving, main, ended_by)
    except ArloError as error:
        return ended_by(error, [])


def _beforehand(words: list[str]) -> tuple[str, Path | None]:
    """The language of a command, and where its account keeps what ended it, before anything is parsed."""
    return beforehand(_value(words, "--lang"), _value(words, "--config"), os.environ)


@contextmanager
def _ctrl_c_noticed() -> Iterator[None]:
    """Raise KeyboardInterrupt where SQLite has swallowed one: it came within a function that SQL had called, and the
    engine reports that the function failed, as it would of a broken disk.
    """
    pressed = False

    def press(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        assert callable(usual)
        usual(number, frame)

    ours = threading.current_thread() is threading.main_thread()
    usual = signal.getsignal(signal.SIGINT)
    if not ours or not callable(usual):  # as behind a shell's `&`, where it is ignored
        yield
        return
    signal.signal(signal.SIGINT, press)
    try:
        yield
    except ArloError as error:
        if pressed and error.code == "catalogue_failed":
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, usual)


def _value(words: list[str], option: str) -> str | None:
    """The last value of an option, before anything is parsed."""
    value = None
    for word, following in zip(words, [*words[1:], None], strict=False):
        if word == option:
            value = following
        elif word.startswith(f"{option}="):
            value = word.removeprefix(f"{option}=")
    return value


def _report(error: ArloError, lang: str, *, as_json: bool) -> int:
    """Say what went wrong; the exit status."""
    if error.code == "stdout_failed":
        terminal.give_up_stdout()
        as_json = False
    try:
        terminal.show_error(error, lang, as_json=as_json)
    except ArloError:
        terminal.give_up_stdout()
        sys.stderr.write(f"{PROGRAM}: {terminal.message_of(error, lang)}\n")
    return error.exit_status


def _bug(error: BaseException, state: Path | None, lang: str) -> ArloError:
    """Keep where it happened, without local values and messages, where its owner can find it."""
    kind = clean(type(error).__name__)
    if state is None:
        return ArloError("bug", kind=kind, path=say("nowhere", lang))
    import traceback

    path = state / "errors.log"
    cause: BaseException | None = error
    trace = []
    while cause is not None:
        trace += [*getattr(cause, ELSEWHERE, ()), *traceback.format_tb(cause.__traceback__)]
        trace.append(f"{type(cause).__module__}.{type(cause).__qualname__}\n")
        cause = cause.__cause__ or cause.__context__
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8", opener=_for_its_owner) as file:
            file.write("".join(trace))
    except OSError:
        return ArloError("bug", kind=kind, path=say("nowhere", lang))
    return ArloError("bug", kind=kind, path=str(path))


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
