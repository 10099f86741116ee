"""How the program ends: at once, with everything done that was to be done at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.places import TOP

LATE = """
import atexit, threading, time
import arlo_rec.__main__ as program

def work():
    time.sleep(0.05)
    print("a thread ended")

def run(words):
    atexit.register(print, "an exit function ran")
    threading.Thread(target=work).start()
    return 7

program._run = run
program.main()
"""


def ended(stdout: int | None = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    program = [sys.executable, "-c", LATE]
    return subprocess.run(
        program, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, env=environment, cwd=TOP
    )


def test_threads_and_exit_functions_end_before_the_process_and_its_status_is_the_commands() -> None:
    done = ended()
    assert (done.returncode, done.stdout, done.stderr) == (7, "a thread ended\nan exit function ran\n", "")


def test_what_cannot_be_written_at_the_very_end_is_no_success() -> None:
    with Path("/dev/full").open("wb") as full:
        done = ended(full.fileno())
    assert (done.returncode, done.stderr) == (120, "")
