"""One run of the program: its settings, its secrets, and how it gets at a store; `typed` has its clock and terminal.

The only places that read the clock, the environment, the terminal and secrets.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from arlo_rec.edge.commands.typed import STDIN, TRIES, Typed
from arlo_rec.edge.config import Settings, settle
from arlo_rec.edge.terminal import Form, message_of
from arlo_rec.law.model.errors import ArloError, Interrupted, NoStore, NotGranted, NotUnlocked, Usage

if TYPE_CHECKING:
    from arlo_rec.edge.door.client import Client
    from arlo_rec.law.model.particulars import Particulars
    from arlo_rec.vault.backends.elsewhere import Given, Way
    from arlo_rec.vault.keys.key_files import Identity
    from arlo_rec.vault.keys.layout import Layout
    from arlo_rec.vault.keys.root_secret import StateFolder
    from arlo_rec.vault.keys.unlocks import Unlock
    from arlo_rec.vault.opened import Store

REASON_FOR: Final[Mapping[str, str | None]] = {  # commands that do something else with a reason than without one
    "clock": "accept",  # the options with which, or (!) without which, they take that of an unlock
    "review": "!confirm",  # why something was not heard is said of each copy
    "pseudonymise": "!bench",
    "find": "purpose !teams",
    "desk": "",  # always: they stand in the head of the page, to be changed there
    "request": None,  # never: it is what an officer decides by
    "dsar": None,  # never: it stands in a letter to the person
    "person objection": None,  # never: a decision on a person's right has a reason of its own
    "case extend": None,
    "case decide": None,
    "case refuse": None,
    "hold set": None,
    "hold lift": None,
    "case close": None,  # also: it says that there is no answer
    "release": None,  # never: why a copy goes to others is no reason of a whole quarter of an hour
    "reject": None,
    "restore": None,  # never: there is no unlock of a store that is only made
    "unlock": None,
}
Done = TypeVar("Done")
WRONG: Final = frozenset({"wrong_passphrase", "wrong_passphrase_backup"})
CERTIFICATES_BYTES: Final = 1024 * 1024  # of those that a system trusts; they have 220,000
FOR_TRAINING: Final = frozenset({"review", "pseudonymise"})  # an unlock for quality gives them no reason
WATCHES: Final = frozenset({"status", "check", "metrics", "doctor", "verify"})  # which say themselves that it is a copy
PASSPHRASE_FOR: Final = frozenset(  # commands that make keys or end an office: an unlocked terminal is not enough
    {
        *("person add", "person remove", "person login", "person passphrase", "person rotate"),
        "recovery renew",
    }
)


class Run(Typed):
    """The run that every command body gets as `ctx.obj`."""

    def __init__(
        self, options: Mapping[str, str | None], client: Client, *, form: Form, quiet: bool, command: str = ""
    ) -> None:
        from arlo_rec.sound.processes import hardening

        hardening.forbid_core_dumps()
        self.config = options.get("config")  # a file that was named
        self.chosen_lang = options.get("lang")  # None: the language follows from the environment
        self.settings: Settings = settle(options, os.environ, client.personal)
        super().__init__(client, self.settings.lang, form=form, quiet=quiet, command=command)
        self.is_by_unlock = False  # whether an unlock, and no passphrase, opened the store
        self._running: Unlock | NotUnlocked | None = None  # or why there is none that it could have been
        self._is_looked_for = False
        self._asking: str | None = None  # the name being unlocked
        self.kept: Identity | None = None  # of a page, whose person is asked once

    # -- secrets --------------------------------------------------------------------------------------

    def passphrase(self) -> bytes:
        """The passphrase of the person who runs this: from a file, from stdin, or asked on the terminal."""
        named = self.settings.passphrase_file
        if named is not None:
            return self.secret(named)
        return self._ask_passphrase(self.say("ask.passphrase", name=self.name()))

    def new_passphrase(self, named: str | None) -> bytes:
        """A passphrase to be set: from a file, or asked twice on the terminal; raises Usage if it is too short."""
        from arlo_rec.vault.keys.key_files import check_length

        if named is not None:
            return check_length(self.secret(named))
        first = check_length(self._ask_passphrase(self.say("ask.new_passphrase")))
        if self._ask_passphrase(self.say("ask.again")) != first:
            raise Usage("passphrases_differ")
        return first

    def secret(self, named: str) -> bytes:
        """The passphrase in a private file, or on stdin for `-`."""
        from arlo_rec.vault.keys.key_files import clean_passphrase

        if named == STDIN:
            return clean_passphrase(self.stdin(64 * 1024))
        return clean_passphrase(self.client.files.secret(Path(named)))

    def _ask_passphrase(self, question: str) -> bytes:
        """A passphrase typed on the terminal and not shown; raises NotUnlocked where there is no terminal."""
        from arlo_rec.vault.keys.key_files import clean_passphrase

        if not self.can_ask():
            raise NotUnlocked("no_passphrase", rule="security.password")
        self.end_progress()  # a bar would be drawn over the question
        try:
            return clean_passphrase(self.client.ask_secret(question).encode("utf-8", "surrogateescape"))
        except KeyboardInterrupt:
            sys.stderr.write("\n")
            raise Interrupted("stopped_at_question") from None

    # -- the store ------------------------------------------------------------------------------------

    def store_path(self) -> Path:
        """The path of the store; raises Usage if none is named."""
        named = self.settings.store
        if named is None:
            raise NoStore("store_not_named")
        if "://" in named:
            raise Usage("store_scheme", value=named.split("://")[0][:20])
        return Path(named)

    def place(self) -> Layout:
        """The store's folders; raises NoStore."""
        from arlo_rec.vault.keys.layout import find

        found = find(self.store_path())
        return found._replace(way=way_of(self))

    def state(self) -> StateFolder:
        """This login account's seen states, kept outside the store."""
        from arlo_rec.vault.keys.root_secret import StateFolder

        return StateFolder(self.client.state_files(self.settings.state_dir))

    def identity(self, place: Layout, passphrase: bytes | None = None) -> Identity:
        """The identity, by *passphrase* if it was asked before, else by an unlock unless a passphrase is named.

        PASSPHRASE_FOR are the commands for which no unlock is enough. A failed unlock is noted where the next command
        takes it into the log.
        """
        found = self._identity(place, passphrase)
        self._asking = found.name
        return found

    def _identity(self, place: Layout, passphrase: bytes | None) -> Identity:
        if self.kept is not None:
            return self.kept
        from arlo_rec.vault.keys import key_files

        settings = self.settings
        if settings.key_file is not None:
            raw = self.client.files.secret(Path(settings.key_file))
            identity = key_files.read_service(place, raw, settings.key_file)
            if settings.as_name not in (None, identity.name):
                raise Usage("as_differs", name=identity.name)
            return identity
        self.demand_guest(place, self.name())
        if passphrase is None and settings.passphrase_file is None and self.command not in PASSPHRASE_FOR:
            running = self.running(place)
            if running is not None:
                self.is_by_unlock = True
                return running.identity
            self._say_why_none(place)
        return self.unlocked(place, self.name(), passphrase)

    def name(self) -> str:
        """The name of the person who runs this, where no service does."""
        return self.settings.as_name or self.client.login

    def running(self, place: Layout) -> Unlock | None:
        """The unlock that runs in this login session for this person and store; looked for once."""
        if not self._is_looked_for:
            from arlo_rec.vault.keys import unlocks

            self._is_looked_for = True
            try:
                self._running = unlocks.running(self.client.keyring, place, self.name(), self.now())
            except NotUnlocked as problem:
                self._running = problem
        return None if isinstance(self._running, NotUnlocked) else self._running

    def fill_in(self, params: dict[str, Any]) -> None:
        """Put purpose and reason of an unlock where a command takes them and none was typed, and show them."""
        takes = ("reason",) if self.command in {"grant", *FOR_TRAINING} else ("purpose", "reason")
        lacking = [name for name in takes if name in params and params[name] is None]
        named = self.settings.key_file or self.settings.passphrase_file
        conditions = REASON_FOR.get(self.command, "")
        if not lacking or named or conditions is None or not _are_met(conditions.split(), params):
            return
        try:
            running = self.running(self.place())
        except ArloError:  # there is no store: the command says so
            return
        if running is None or (self.command in FOR_TRAINING and running.terms.purpose == "quality"):
            return
        given: dict[str, Any] = {name: value for name in lacking if (value := getattr(running.terms, name))}
        params |= given
        if given:
            told = self.say("unlock.used", what=purpose_and_reason(self, given.get("purpose"), given.get("reason")))
            self.note(told, always=True)  # as it was not typed for this command

    def _say_why_none(self, place: Layout) -> None:
        """Say why an unlock does not spare the passphrase; raise that if there is no terminal."""
        from arlo_rec.vault.keys import unlocks
        from arlo_rec.vault.unlock_attempts import note_attempt

        can_ask = self.can_ask()
        problem = self._running if isinstance(self._running, NotUnlocked) else None
        if problem is None and not can_ask:
            problem = unlocks.why_none(self.client.keyring, place, self.name())
        if problem is not None and not can_ask:
            if problem.code == "unlock_outdated":
                note_attempt(place, self.name(), self.client.login, self.now())
            raise problem
        if problem is not None:
            self.note(message_of(problem, self.lang))

    def unlocked(self, place: Layout, name: str, passphrase: bytes | None = None) -> Identity:
        """A person's identity, by *passphrase* or by one that is asked for (see `tried`).

        A wrong passphrase is noted in the store, and not said to be where there is none.
        """
        if passphrase is None:
            return tried(self, lambda typed: self.unlocked(place, name, typed))
        from arlo_rec.vault.keys import key_files
        from arlo_rec.vault.unlock_attempts import note_attempt

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
    def store(
        self, *, erasing: bool = False, allow_rollback: bool = False, root: Path | None = None, looks: bool = False
    ) -> Iterator[Store]:
        """The store, opened for the person who runs this; for the options see `open_store`."""
        place = self.place()
        with self.opened(
            place, self.identity(place), erasing=erasing, allow_rollback=allow_rollback, root=root, looks=looks
        ) as store:
            yield store

    @contextmanager
    def opened(
        self,
        place: Layout,
        identity: Identity,
        *,
        erasing: bool = False,
        allow_rollback: bool = False,
        root: Path | None = None,
        looks: bool = False,
        tries_upgrade: bool = False,
        alone: bool = False,
    ) -> Iterator[Store]:
        """The store, opened for *identity*; an attempt by a removed person is noted."""
        from arlo_rec.store import OpenOptions, open_store
        from arlo_rec.vault.unlock_attempts import note_attempt

        options = OpenOptions(
            *(self.settings.lock_wait, erasing, allow_rollback, self.settings.feed, root, self.command, self.progress),
            looks=looks,
            tries_upgrade=tries_upgrade,
            alone=alone,
        )
        with ExitStack() as stack:
            try:
                opened = open_store(place, identity, self.now(), self.state(), options)
                store = stack.enter_context(opened)
            except NotUnlocked as problem:
                if problem.code == "no_longer_here":
                    self._forget_unlock()
                    note_attempt(place, identity.name, self.client.login, self.now())
                raise
            if identity.name == self._asking:  # and not the officer made by this command
                self.demand_guest(place, identity.name, store)
            if store.is_copy and self.command not in WATCHES:
                self.note(self.say("critical.store_moved", store=place.store, root=place.root))
            if store.authority.officer_left or store.person.recovery:  # they compare after an absence
                code = "authority.recovery" if store.person.recovery else "authority.compare"
                self.note(self.say(code, word=store.authority.check_word()))
            yield store

    def demand_guest(self, place: Layout, name: str, store: Store | None = None) -> None:
        """Raise NotGranted, and note it, if the door is not for that identity.

        Which account is whose only the *store* says. The paper with the recovery key opens for every officer.
        """
        guest = self.client.guest
        if guest is None:
            return
        from arlo_rec.vault.keys.roster import RECOVERY_NAME

        if store is None:
            if guest.person in (None, name) or name == RECOVERY_NAME:
                return
        else:
            of_account = {each.name for each in store.roster.people if each.account == guest.account}
            names = of_account if guest.person is None else {guest.person}
            officers = {each.name for each in store.roster.officers()}
            if name in names or (store.person.recovery and names & officers):
                return
        from arlo_rec.vault.unlock_attempts import note_attempt

        note_attempt(place, name, str(guest), self.now())
        raise NotGranted("not_your_door", rule="access.officer", name=name, guest=str(guest))

    def _forget_unlock(self) -> None:
        """End an unlock that opens nothing any more, so that the next command asks again."""
        if self._running is not None and not isinstance(self._running, NotUnlocked):
            from arlo_rec.vault.keys import unlocks

            unlocks.end(self.client.keyring, self._running.key)

    def particulars(self) -> Particulars:
        """The company's particulars for letters and pages: of the config's file, else ours.

        Raises Usage, also where others may write that file: what it says is signed.
        """
        from arlo_rec.law.model import particulars
        from arlo_rec.vault.backends.bounded_read import is_ours, read_named

        named = self.settings.particulars or str(particulars.DEFAULT)
        try:
            if self.settings.particulars and not is_ours(Path(named)):
                raise Usage("file_of_others", path=named)
            raw = read_named(Path(named), particulars.FILE_BYTES)
        except OSError as error:
            raise Usage("config_unreadable", path=named, reason=error.strerror or "") from None
        return particulars.decode(raw, named)


def way_of(run: Run) -> Way:
    """The means of the account that owns the store, for engines beyond this machine."""
    from arlo_rec.edge.config import given

    settings = run.settings

    def way(section: str) -> Given:  # no `partial`, which shows the environment wherever a layout is shown
        return given(section, settings, os.environ)

    return way


def root_of_new(named: str | None, store: Path) -> tuple[Path, str | None]:
    """The root folder of a new store, and the address of its root secret where `--root` names one; raises Usage."""
    from arlo_rec.vault.backends import elsewhere
    from arlo_rec.vault.backends.named_files import nameable

    beside = store.with_name(store.name + ".root")
    if named is None or "://" not in named:
        return nameable(Path(named).absolute() if named else beside), None
    if elsewhere.roots_at(named) is None:
        raise Usage("bao_root", value=elsewhere.without_secret(named))
    return nameable(beside), named


def _are_met(conditions: Sequence[str], params: Mapping[str, Any]) -> bool:
    """Whether one of some conditions is: an option that was given, or (`!`) that was not."""
    return not conditions or any(bool(params[each.lstrip("!")]) != each.startswith("!") for each in conditions)


def tried(run: Run, attempt: Callable[[bytes], Done]) -> Done:
    """The result of *attempt* with the passphrase; on a terminal a wrong one is asked for again, up to TRIES."""
    left = TRIES if run.settings.passphrase_file is None else 1
    while True:
        left -= 1
        try:
            return attempt(run.passphrase())
        except NotUnlocked as problem:
            if not left or problem.code not in WRONG:
                raise
            run.note(run.say("ask.passphrase_wrong", left=left), always=True)


def purpose_and_reason(run: Run, purpose: str | None, reason: str | None) -> str:
    """Purpose and reason of an unlock in words, as far as they were given."""
    return ": ".join([*([run.say(f"purpose.{purpose}")] if purpose else []), *([reason] if reason else [])])
