"""One run of the program: its settings, its clock, its terminal, and how it gets at a store.

The only place that reads the clock, the environment, the terminal and secrets.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from arlo_rec.backends.named_files import NamedFile
from arlo_rec.crypto import hardening
from arlo_rec.door.client import Client
from arlo_rec.i18n.messages import say
from arlo_rec.model.errors import ArloError, Interrupted, NoStore, NotGranted, NotUnlocked, Usage
from arlo_rec.ui.config import Settings, settle
from arlo_rec.ui.tables import Table
from arlo_rec.ui.terminal import Form, message_of, wrapped

if TYPE_CHECKING:
    from arlo_rec.keys.key_files import Identity
    from arlo_rec.keys.layout import Layout
    from arlo_rec.keys.seen_state import StateFolder
    from arlo_rec.keys.unlocks import Unlock
    from arlo_rec.model.particulars import Particulars
    from arlo_rec.model.progress import Progress
    from arlo_rec.store import Store
    from arlo_rec.ui.progress import Display

STDIN = "-"
REASON_FOR: Final[Mapping[str, str | None]] = {  # commands that do something else with a reason than without one
    "clock": "accept",  # the options with which they take that of an unlock
    "review": "out page no_browser",  # and not --confirm: why something was not heard is said of each copy
    "teams": "purpose",
    "request": None,  # never: it is what an officer decides by
    "dsar": None,  # never: it stands in a letter to the person
    "person objection": None,  # never: what an officer decides of somebody's right has a reason of its own
    "case extend": None,
    "case refuse": None,
    "case close": None,  # also: it says that there is no answer
    "release": None,  # never: why a copy goes to others is no reason of a whole quarter of an hour
    "reject": None,
    "restore": None,  # never: there is no unlock of a store that is only made
    "unlock": None,
}
PASSPHRASE_FOR: Final = frozenset(  # what makes keys or ends an office: whoever finds an unlocked terminal cannot stay
    {"person add", "person remove", "person passphrase", "person handover", "person rotate", "recovery renew"}
)
# Open, with those of the policy, also where nobody approved what runs: what looks, and what officers need to approve it
# (a right clock, keys, nobody who left); a restore ends, and what it made is closed
DRIFTING: Final = frozenset({"status", "verify", "clock", "person passphrase", "person remove", "restore"})
MIB = 1024 * 1024
CALLER_BYTES = 200  # a number in any notation is far shorter


class Run:
    """What every command body gets as `ctx.obj`."""

    def __init__(
        self, options: Mapping[str, str | None], client: Client, *, form: Form, quiet: bool, command: str = ""
    ) -> None:
        hardening.forbid_core_dumps()
        self.client = client
        self.settings: Settings = settle(options, os.environ, client.personal)
        self.json = form is Form.JSON
        self.for_people = form is Form.WORDS
        self.command = command
        self.quiet = quiet
        self.lang = self.settings.lang
        self._stdin_taken = False
        self.is_by_unlock = False  # whether an unlock, and no passphrase, opened the store
        self._running: Unlock | NotUnlocked | None = None  # or why there is none that it could have been
        self._is_looked_for = False
        self._display: Display | None = None

    # -- clock and words ------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The time of this machine, in UTC."""
        return datetime.now(UTC)

    def say(self, code: str, **values: object) -> str:
        """A sentence in the language of this run."""
        return say(code, self.lang, **values)

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        shortened: Sequence[str] = (),
        listed: tuple[Sequence[Mapping[str, Any]], Sequence[str]] = ((), ()),
    ) -> Table:
        """Rows under headings in the language of this run; for *shortened* and *listed* see `Table`."""
        narrow = frozenset(columns.index(column) for column in shortened)
        return Table([self.say(f"column.{column}") for column in columns], rows, narrow, *listed)

    # -- the terminal ---------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Write a line for people to stderr, beside the answer; nothing where --quiet was given."""
        self.end_progress()
        if not self.quiet:
            sys.stderr.write(wrapped(text + "\n", sys.stderr))
            sys.stderr.flush()

    def echo(self, text: str) -> None:
        """Write how input was understood to a person's terminal; never to where a script keeps what it reads."""
        if sys.stderr.isatty():
            self.note(text)

    def confirm(self, summary: str, question: str, expected: str, *, yes: bool) -> None:
        """Show what would be done, and go on only where somebody typed *expected*; raises Usage."""
        if yes:
            return
        self.end_progress()
        sys.stderr.write(wrapped(summary + "\n", sys.stderr))
        if not sys.stdin.isatty() or self._stdin_taken:
            raise Usage("needs_yes")
        if self._answer_to(question) != expected:
            raise Usage("not_confirmed")

    def progress(self, progress: Progress) -> None:
        """Show how far long work is; nothing with --quiet, and where the answer is for a script."""
        if self.quiet or not self.for_people:
            return
        if self._display is None:
            from arlo_rec.ui.progress import display

            self._display = display(sys.stderr, self.lang, self.command, self.client.is_in_foreground)
        self._display(progress)

    def end_progress(self) -> None:
        """Take away what shows progress, before anything else is shown."""
        if self._display is not None:
            self._display.close()

    def stdin(self, limit: int) -> bytes:
        """What is piped in; it can be read once."""
        if self._stdin_taken:
            raise Usage("stdin_twice")
        self._stdin_taken = True
        return sys.stdin.buffer.read(limit)

    def caller(self, text: str) -> str:
        """A caller as given, or from stdin, so that the number need not stand in the process list."""
        if text != STDIN:
            return text
        if sys.stdin.isatty():
            return self._answer_to(self.say("ask.caller"))
        return self.stdin(CALLER_BYTES).decode("utf-8", "replace").strip()

    def _answer_to(self, question: str) -> str:
        """What is typed to a question; Ctrl-C and the end of the input are told as nothing done: raises Interrupted."""
        sys.stderr.write(question + " ")
        sys.stderr.flush()
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            line = ""
        if not line:
            sys.stderr.write("\n")
            raise Interrupted("stopped_at_question")
        return line.strip()

    # -- files of the person who types ----------------------------------------------------------------

    def named(self, path: Path) -> NamedFile:
        """A file or a folder that was named."""
        return NamedFile(self.client.files, path)

    def new_file(self, path: Path) -> NamedFile:
        """A file that is to be written; raises Usage, before anything is done, where it cannot be."""
        return self.named(path).demand_new()

    def new_or_shown(self, path: Path | None) -> NamedFile | None:
        """The same; None where it is to be shown: without one, or with `-`. Raises Usage."""
        if path is not None and str(path) == STDIN:
            if self.json:
                raise Usage("json_and_stdout")
            return None
        return self.new_file(path) if path is not None else None

    def read(self, path: Path, most: int, *, pipes: bool = True) -> bytes:
        """The bytes of a file that was named; raises Usage where it cannot be read."""
        try:
            return self.client.files.read(path, most, pipes=pipes)
        except OSError as problem:
            if problem.errno == errno.EFBIG and most >= MIB:
                raise Usage("file_too_large", path=str(path), most=f"{most // MIB} MiB") from None
            raise Usage("file_unreadable", path=str(path)) from None

    # -- secrets --------------------------------------------------------------------------------------

    def passphrase(self) -> bytes:
        """The passphrase of whoever runs this: from a file, from stdin, or asked on the terminal."""
        named = self.settings.passphrase_file
        if named is not None:
            return self.secret(named)
        return self._ask_passphrase(self.say("ask.passphrase", name=self.name()))

    def new_passphrase(self, named: str | None) -> bytes:
        """A passphrase to be set: from a file, or asked twice on the terminal; raises Usage if it is too short."""
        from arlo_rec.keys.key_files import check_length

        if named is not None:
            return check_length(self.secret(named))
        first = check_length(self._ask_passphrase(self.say("ask.new_passphrase")))
        if self._ask_passphrase(self.say("ask.again")) != first:
            raise Usage("passphrases_differ")
        return first

    def secret(self, named: str) -> bytes:
        """The passphrase in a file that nobody else can read, or on stdin for `-`."""
        from arlo_rec.keys.key_files import clean_passphrase

        if named == STDIN:
            return clean_passphrase(self.stdin(64 * 1024))
        return clean_passphrase(self.client.files.secret(Path(named)))

    def _ask_passphrase(self, question: str) -> bytes:
        """A passphrase typed on the terminal and not shown; raises NotUnlocked where there is no terminal."""
        from arlo_rec.keys.key_files import clean_passphrase

        if not sys.stdin.isatty() or self._stdin_taken:
            raise NotUnlocked("no_passphrase", rule="security.password")
        try:
            return clean_passphrase(self.client.ask_secret(question).encode("utf-8", "surrogateescape"))
        except KeyboardInterrupt:
            sys.stderr.write("\n")
            raise Interrupted("stopped_at_question") from None

    # -- the store ------------------------------------------------------------------------------------

    def store_path(self) -> Path:
        """Where the store is, or is to be; raises Usage where nothing says."""
        named = self.settings.store
        if named is None:
            raise NoStore("store_not_named")
        if "://" in named:
            raise Usage("store_scheme", value=named.split("://")[0][:20])
        return Path(named)

    def place(self) -> Layout:
        """The store's folders; raises NoStore."""
        from arlo_rec.keys.layout import find

        return find(self.store_path())

    def state(self) -> StateFolder:
        """What this login account remembers outside the store."""
        from arlo_rec.keys.seen_state import StateFolder

        return StateFolder(self.client.state_files(self.settings.state_dir))

    def identity(self, place: Layout, passphrase: bytes | None = None) -> Identity:
        """Who runs this, by *passphrase* where it was asked for before, else by an unlock where no passphrase is named.

        PASSPHRASE_FOR are the commands for which no unlock is enough. A failed unlock is noted where the next command
        takes it into the log.
        """
        from arlo_rec.keys import key_files

        settings = self.settings
        if settings.key_file is None:
            self._demand_guest(place, self.name())
        if settings.key_file is not None:
            raw = self.client.files.secret(Path(settings.key_file), guarded=settings.key_handed)
            identity = key_files.read_service(place, raw, settings.key_file)
            if settings.as_name not in (None, identity.name):
                raise Usage("as_differs", name=identity.name)
            return identity
        if passphrase is None and settings.passphrase_file is None and self.command not in PASSPHRASE_FOR:
            running = self.running(place)
            if running is not None:
                self.is_by_unlock = True
                return running.identity
            self._say_why_none(place)
        return self.unlocked(place, self.name(), passphrase or self.passphrase())

    def name(self) -> str:
        """The name of the person who runs this, where no service does."""
        return self.settings.as_name or self.client.login

    def running(self, place: Layout) -> Unlock | None:
        """The unlock that runs in this login session for this person and store; looked for once."""
        if not self._is_looked_for:
            from arlo_rec.keys import unlocks

            self._is_looked_for = True
            try:
                self._running = unlocks.running(self.client.keyring, place, self.name(), self.now())
            except NotUnlocked as problem:
                self._running = problem
        return None if isinstance(self._running, NotUnlocked) else self._running

    def fill_in(self, params: dict[str, Any]) -> None:
        """Put purpose and reason of an unlock where a command takes them and none was typed, and show them."""
        takes = ("reason",) if self.command == "grant" else ("purpose", "reason")  # the purpose is what a grant gives
        lacking = [name for name in takes if name in params and params[name] is None]
        named = self.settings.key_file or self.settings.passphrase_file
        conditions = REASON_FOR.get(self.command, "")
        if not lacking or named or conditions is None or (conditions and not any(map(params.get, conditions.split()))):
            return
        try:
            running = self.running(self.place())
        except ArloError:  # there is no store: the command says so
            return
        if running is None:
            return
        given: dict[str, Any] = {name: value for name in lacking if (value := getattr(running.told, name))}
        params |= given
        if given:
            told = self.say("unlock.used", what=self.told(given.get("purpose"), given.get("reason")))
            sys.stderr.write(told + "\n")  # with --quiet too: nobody typed it for this command

    def told(self, purpose: str | None, reason: str | None) -> str:
        """Purpose and reason of an unlock in words, as far as they were given."""
        return ": ".join([*([self.say(f"purpose.{purpose}")] if purpose else []), *([reason] if reason else [])])

    def _say_why_none(self, place: Layout) -> None:
        """Before a passphrase is asked for: why an unlock does not spare it; raises that where nobody can be asked."""
        from arlo_rec.admin.unlock_attempts import note_attempt
        from arlo_rec.keys import unlocks

        can_ask = sys.stdin.isatty() and not self._stdin_taken
        problem = self._running if isinstance(self._running, NotUnlocked) else None
        if problem is None and not can_ask:
            problem = unlocks.why_none(self.client.keyring, place, self.name())
        if problem is not None and not can_ask:
            if problem.code == "unlock_outdated":
                note_attempt(place, self.name(), self.client.login, self.now())
            raise problem
        if problem is not None:
            self.note(message_of(problem, self.lang))

    def unlocked(self, place: Layout, name: str, passphrase: bytes) -> Identity:
        """A person's identity; a wrong passphrase is noted in the store, and not said to be where there is none."""
        from arlo_rec.admin.unlock_attempts import note_attempt
        from arlo_rec.keys import key_files

        try:
            return key_files.unlock(place, name, passphrase)
        except NotUnlocked as problem:
            if problem.code != "wrong_passphrase":
                raise
            if not (place.store / "store.toml").exists():
                raise NotUnlocked("wrong_passphrase_backup", rule=problem.rule) from None
            note_attempt(place, name, self.client.login, self.now())
            raise

    @contextmanager
    def store(self, *, erasing: bool = False, doubting: bool = False, root: Path | None = None) -> Iterator[Store]:
        """The store, opened for whoever runs this; for *erasing*, *doubting* and *root* see `open_store`."""
        place = self.place()
        with self.opened(place, self.identity(place), erasing=erasing, doubting=doubting, root=root) as store:
            yield store

    @contextmanager
    def opened(
        self,
        place: Layout,
        identity: Identity,
        *,
        erasing: bool = False,
        doubting: bool = False,
        root: Path | None = None,
    ) -> Iterator[Store]:
        """The store, opened for *identity*; that somebody who was removed tried is noted too."""
        from arlo_rec.admin.opening import OpenOptions, open_store
        from arlo_rec.admin.unlock_attempts import note_attempt

        options = OpenOptions(
            self.settings.lock_wait, erasing, doubting, self.settings.feed, root, self.command, self.progress
        )._replace(drifting=self.command in DRIFTING or self.command.startswith("policy "))
        with ExitStack() as stack:
            try:
                opened = open_store(place, identity, self.now(), self.state(), options)
                store = stack.enter_context(opened)
            except NotUnlocked as problem:
                if problem.code == "no_longer_here":
                    self._forget_unlock()
                    note_attempt(place, identity.name, self.client.login, self.now())
                raise
            self._demand_guest(place, identity.name, store)
            if store.authority.officer_left or store.person.recovery:  # whoever was away compares
                code = "authority.recovery" if store.person.recovery else "authority.compare"
                self.note(self.say(code, word=store.authority.spoken()))
            yield store

    def _demand_guest(self, place: Layout, name: str, store: Store | None = None) -> None:
        """Raise NotGranted, after noting it, where the door that somebody came through is not for that identity.

        Which account is whose only the *store* says. The paper with the recovery key opens for every officer.
        """
        guest = self.client.guest
        if guest is None:
            return
        if guest.person is not None:
            names = {guest.person}
        elif store is not None:
            names = {each.name for each in store.roster.people if each.account == guest.account}
        else:
            return
        officers = {each.name for each in store.roster.officers()} if store is not None else names
        if name in names or (names & officers and (store is None or store.person.recovery)):
            return
        from arlo_rec.admin.unlock_attempts import note_attempt

        note_attempt(place, name, str(guest), self.now())
        raise NotGranted("not_your_door", rule="access.officer", name=name, guest=str(guest))

    def server_folder(self, path: Path | None, option: str) -> Path | None:
        """A folder of the machine on which the store lies; raises Usage where it was named through the door."""
        if path is not None and self.client.guest is not None:
            raise Usage("not_through_door", name=option)
        return path

    def _forget_unlock(self) -> None:
        """End an unlock that opens nothing any more, so that the next command asks again."""
        if self._running is not None and not isinstance(self._running, NotUnlocked):
            from arlo_rec.keys import unlocks

            unlocks.end(self.client.keyring, self._running.key)

    def particulars(self) -> Particulars:
        """What letters and pages say of the company: what the file of the config says, else ours.

        Raises Usage, also where others may write that file: what it says is signed.
        """
        from arlo_rec.backends.bounded_read import is_ours, read_small
        from arlo_rec.model import particulars

        named = self.settings.particulars or str(particulars.DEFAULT)
        try:
            if self.settings.particulars and not is_ours(Path(named)):
                raise Usage("file_of_others", path=named)
            raw = read_small(Path(named), particulars.FILE_BYTES)
        except OSError:
            raise Usage("config_unreadable", path=named) from None
        return particulars.decode(raw, named)
