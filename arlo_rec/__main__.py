"""`arlo-rec` and `python -m arlo_rec`."""

import atexit
import gc
import os
import sys
from contextlib import suppress

gc.set_threshold(100_000)  # loading modules leaves no garbage: each look for it is 6 % of a command
UNWRITTEN = 120  # the interpreter's own status where the last of what was printed cannot be written
_ended_with: list[int] = []


@atexit.register  # before everything else, so that it is called after everything else
def _leave() -> None:
    """End the process now: the interpreter would take itself apart, object by object, which is 12 % of a command.

    By now all threads have ended, and every other function that was to be called at the end has been.
    """
    if not _ended_with:  # something else than `main` ends the program
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (OSError, ValueError):
        os._exit(UNWRITTEN)
    os._exit(_ended_with[0])


def main() -> None:
    """Run the program, here or through the door, and leave with its exit status."""
    stand_in_for_closed()
    _ended_with[:] = [_run(sys.argv[1:])]
    _forget_typed(_ended_with[0])
    sys.exit(_ended_with[0])


def _forget_typed(status: int) -> None:
    """Discard what was typed ahead of a wrong passphrase's answer: it may be that passphrase, and is for no shell."""
    from arlo_rec.law.model.errors import NotUnlocked

    if status == NotUnlocked.exit_status:
        with suppress(ImportError, OSError, ValueError):  # no terminal, or none that keeps what is typed
            import termios

            if os.isatty(sys.stdin.fileno()):
                termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def _run(words: list[str]) -> int:
    from arlo_rec.edge.door.words import way
    from arlo_rec.law.model.errors import Usage

    try:
        through = way(words, os.environ)
    except Usage:  # of a config file that is wrong, in the words of every command
        through = None
    if through is not None:
        from arlo_rec.edge.door.front import go_through

        try:
            return go_through(words, through)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - see ended_by
            from arlo_rec.cli import ended_by

            return ended_by(error, words)
    from arlo_rec.cli import main as run

    return run(words)


def stand_in_for_closed() -> None:
    """Take the place of standard streams that are closed: else the next file to be opened would have their number.

    The replacement for stdout cannot be written, as an answer without a reader is no success.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # the lowest number that is free, which is this one
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)


if __name__ == "__main__":
    main()
