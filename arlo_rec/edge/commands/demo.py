"""The demonstration: the commands of a story, from the first store to the last erasure, in a throw-away folder.

The commands are run as they are typed, and say what they say; keys and sound are real. Only the clock is moved, because
retention is 90 days.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated, Final

import typer

from arlo_rec.edge.commands.command import PROGRAM, Outset, program
from arlo_rec.edge.commands.options import opt
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.door.client import LocalClient
from arlo_rec.edge.terminal import Answer, message_of, tell
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, Usage
from arlo_rec.law.model.records import to_iso
from arlo_rec.law.rules import RULES
from arlo_rec.policy import RETENTION
from arlo_rec.vault.keys.key_files import readable_secret

CONFIG: Final = "arlo-rec.toml"
OTHERS: Final = ("ARLO_REC_", "CREDENTIALS_DIRECTORY", "LC_", "LANG")  # of the environment, that settings come from
CALLS: Final = (  # sound, caller, agent, key; the numbers are examples and the names are fictional
    ("call-1", "+4790000001", "Ola Oppdiktet", "1"),
    ("call-2", "+4790000002", "Prøve Prøvesen", "1"),
    ("call-3", "+4790000001", "Ola Oppdiktet", "1"),
    ("call-4", "+4790000003", "Prøve Prøvesen", "2"),
)
WHY: Final = "--reason '{reason}' --as Leif"
STORY: Final = (  # the rule that a command shows, what is typed, and its exit status where that is not 0
    ("access.officer", "init --officer Sigrid"),
    ("security.password", "person add Leif --role manager --new-passphrase-file passphrase --as Sigrid"),
    ("security.password", "person add telefon --role ingest --service --key-out telefon.key --as Sigrid"),
    ("security.password", "person add skranke --role support --service --key-out skranke.key --as Sigrid"),
    ("security.password", "person add cron --role retention --service --key-out cron.key --as Sigrid"),
    ("consent.press2", "ingest spool --key-file telefon.key", 3),
    ("access.managers", f"find --purpose quality {WHY}", 13),
    ("access.officer", "grant Leif --purpose quality --team kundeservice --may-export --reason '{reason}' --as Sigrid"),
    (
        "access.officer",
        "grant Leif --purpose training --team kundeservice --may-export --reason '{reason}' --as Sigrid",
    ),
    ("security.reason", f"find --purpose quality {WHY}"),
    ("purpose.quality", f"export {{second}} --purpose quality --out quality.wav {WHY}"),
    ("data.pseudonymised", f"export {{first}} --purpose training --out training.wav {WHY}", 14),
    ("data.pseudonymised", f"pseudonymise {{first}} --transcript call-1.words.json {WHY}"),
    ("data.pseudonymised", f"release {{copy}} {WHY}", 14),
    ("data.pseudonymised", f"review {{copy}} --confirm {WHY}", 14),  # a page and an ear are missing here
    ("data.pseudonymised", f"pseudonymise {{first}} --mode manual --cuts call-1.cuts.json {WHY}"),
    ("data.pseudonymised", f"review {{copy}} --confirm {WHY}"),
    ("purpose.training", f"release {{copy}} {WHY}"),
    ("purpose.training", f"export {{released}} --purpose training --out training.wav {WHY}"),
    ("access.subject", "dsar '900 00 002' --identity '{identity}' --out answer.html --as Sigrid"),
    ("consent.withdraw", "withdraw '900 00 001' --yes --receipt-out receipt.json --key-file skranke.key"),
    ("consent.withdraw", "certificate verify receipt.json"),
    ("consent.withdraw", "receipt show {receipt} --out receipt.html --key-file skranke.key"),
    ("consent.withdraw", f"export {{first}} --purpose quality --out again.wav {WHY}", 13),
    ("access.officer", "revoke Leif --as Sigrid"),
    ("retention.90d", "purge --key-file cron.key", 14),  # 90 days later: the clock has jumped
    ("retention.90d", "purge --allow-large --key-file cron.key"),
    ("security.monitored", "verify --read-data --as Sigrid"),
    ("security.monitored", "audit verify --as Sigrid"),
)


class Step(Record, frozen=True):
    """A command of the story: the rule that it shows, what was typed, and whether it ended as it should."""

    rule: str
    did: str
    ok: bool


class Demonstration(Record, frozen=True):
    """The steps of the story, and the folder where it was kept."""

    steps: list[Step]
    dir: Path | None


def demo(
    ctx: typer.Context,
    *,
    dir: Annotated[Path | None, opt("opt.dir", "--dir", "DIR")] = None,
    keep: Annotated[bool, opt("opt.keep", "--keep")] = False,
) -> Answer:
    """Live the life of a few calls in a throw-away store."""
    run: Run = ctx.obj
    if dir is not None and dir.exists():
        raise Usage("already_exists", path=str(dir))
    folder = dir.absolute() if dir is not None else Path(mkdtemp(prefix="arlo-rec-demo-"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = {"reason": run.say("demo.reason"), "identity": run.say("demo.identity"), "passphrase": ""}
    try:
        with chdir(folder), _settings_of_its_own(run.lang):
            steps = list(_steps(run, known, (lambda _line: None) if run.json or run.quiet else tell))
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    done = [run.say("demo.done")] if all(step.ok for step in steps) else []
    kept = [run.say("demo.kept", path=folder, **known)] if keep else [run.say("demo.not_kept")]
    told = Demonstration(steps, folder if keep else None)
    return Answer(told, [*done, *kept, run.say("demo.next")], error=None if done else ArloError("demo_failed"))


def _steps(run: Run, known: dict[str, str], show: Callable[[str], None]) -> Iterator[Step]:
    """Run the story, and show each rule, the commands that show it, and what they say.

    *known* holds names for the commands, and gets those that they tell.
    """
    ahead, shown = timedelta(), ""
    _deliver(Path("spool"), run.now())
    show(run.say("demo.begin"))
    for rule, typed, *exits in STORY:
        line = typed.format(**known)
        ahead = RETENTION if rule == "retention.90d" else ahead
        if rule != shown:
            show(f"\n§ {getattr(RULES[rule], run.lang)} [{rule}]")
        show(f"> {PROGRAM} {line}")
        shown = rule
        status, said = _run(shlex.split(line), run.lang, ahead)
        show(said.rstrip("\n"))
        known.update(_learnt(line, said))
        yield Step(rule, line, status == (exits[0] if exits else 0))


def _run(words: list[str], lang: str, ahead: timedelta) -> tuple[int, str]:
    """The exit status of a command, and what it says."""
    out, outset = io.StringIO(), Outset(lang, LocalClient(), ahead)
    try:
        with redirect_stdout(out):
            status = program(lang)(args=words, prog_name=PROGRAM, standalone_mode=False, obj=outset)
        return int(status or 0), out.getvalue()
    except ArloError as error:
        return error.exit_status, f"{out.getvalue()}{PROGRAM}: {message_of(error, lang)}"


def _learnt(line: str, said: str) -> dict[str, str]:
    """The names for later commands: recordings of a search, newest first, copies, passphrase and receipt."""
    ids = re.findall(r"\b[0-9a-f]{32}\b", said)
    if line.startswith("find ") and (listed := re.findall(r"^[0-9a-f]{6,32}\b", said, re.MULTILINE)):
        return {"first": listed[-1], "second": listed[-2]}
    if line.startswith("pseudonymise ") and ids:
        return {"copy": ids[0]}
    if line.startswith("dsar ") and (secret := re.search(r"\b(?:\w{4}-){5}\w{4}\b", said)):
        return {"passphrase": secret[0]}
    if line.startswith("withdraw ") and (receipt := re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", said)):
        return {"receipt": receipt[0]}
    return {"released": ids[-1]} if line.startswith("release ") and ids else {}


@contextmanager
def _settings_of_its_own(lang: str) -> Iterator[None]:
    """The settings of the demonstration's config file alone, with a passphrase."""
    paths = {
        "store": "store",
        "passphrase_file": "passphrase",
        "state_dir": "state",
        "particulars": "particulars.toml",
    }
    settings = {**{key: str(Path(path).absolute()) for key, path in paths.items()}, "lang": lang}
    Path("particulars.toml").write_bytes((files("arlo_rec") / "demo_calls" / "particulars.toml").read_bytes())
    Path(CONFIG).write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()), "utf-8")
    Path("passphrase").touch(0o600)
    Path("passphrase").write_text(readable_secret(4) + "\n", "utf-8")
    theirs = {name: value for name, value in os.environ.items() if name.startswith(OTHERS)}
    for name in theirs:
        del os.environ[name]
    os.environ["ARLO_REC_CONFIG"] = CONFIG
    try:
        yield
    finally:
        del os.environ["ARLO_REC_CONFIG"]
        os.environ.update(theirs)


def _deliver(spool: Path, now: datetime) -> None:
    """Write calls as a telephone exchange does, each with a manifest; and of the first a transcript and a cut list."""
    spool.mkdir()
    calls = files("arlo_rec") / "demo_calls"
    for name in ("call-1.words.json", "call-1.cuts.json"):
        Path(name).write_bytes((calls / name).read_bytes())
    for number, (sound, caller, agent, key) in enumerate(CALLS):
        started = now - timedelta(hours=len(CALLS) - number)
        pressed = to_iso(started + timedelta(milliseconds=250))
        manifest = {
            "source_id": f"demo.{number}",
            "audio": f"{sound}.wav",
            "direction": "inbound",
            "started_at": to_iso(started),
            "caller": caller,
            "agent": agent,
            "team": "kundeservice",
            "channels": {"caller": 0, "agent": 1},
            "consent": {"key": key, "at": pressed, "prompt": "nb-2026-01", "prompt_completed": True},
        }
        (spool / f"{sound}.wav").write_bytes((calls / f"{sound}.wav").read_bytes())
        (spool / f"{sound}.json").write_text(json.dumps(manifest), "utf-8")
