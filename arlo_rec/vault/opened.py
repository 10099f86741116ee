"""An open store, whose every change is committed together with its log entries.

A `Store` serves one identity for one command. It holds the catalogue (`catalogue`), the log (`log`), the secrets
sealed to the identity (`secrets`), the objects (`blobs`) and the root; each has its own module. A role without a
secret gets `NotUnlocked` because the secret is not sealed to it, not by a check that code could skip.
`store` opens a store, `access.gate` decides who may open a recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.events import Denied
from arlo_rec.law.log.rows import Applied, Rows
from arlo_rec.law.model import documents
from arlo_rec.law.model.consent import Prompt
from arlo_rec.law.model.errors import ClockBehind, Integrity, InUse, NotGranted, NotUnlocked, Refused
from arlo_rec.law.model.policy_versions import Policy, differing
from arlo_rec.law.model.policy_versions import encode as encode_policy
from arlo_rec.law.model.records import Person, named_in, to_iso
from arlo_rec.law.model.times import shown
from arlo_rec.policy import RETENTION, Action, clock_against_log, may, signs_receipts
from arlo_rec.vault.backends import Blobs, Connection, Locks, WrappingKey
from arlo_rec.vault.backends import Root as RootPort
from arlo_rec.vault.catalogue.audit_log import AuditLog
from arlo_rec.vault.catalogue.authority import Authority, Pins
from arlo_rec.vault.catalogue.erasure_keys import ErasureKeys
from arlo_rec.vault.catalogue.log_clock import LogTime
from arlo_rec.vault.catalogue.sealed_secrets import ROOT_SEED, SealedSecrets
from arlo_rec.vault.catalogue.tables import Catalogue, TableRows
from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import authority, root_secret, vouching
from arlo_rec.vault.keys.engines import FileLocks
from arlo_rec.vault.keys.key_files import Identity, log_key
from arlo_rec.vault.keys.layout import Layout
from arlo_rec.vault.keys.root_secret import Instance, StateFolder
from arlo_rec.vault.keys.roster import Roster
from arlo_rec.vault.keys.settings import Settings

LOCK_WAIT = 20.0  # seconds that a command waits for another before InUse


@dataclass
class HeldRoot:
    """R of the catalogue's generation; valid while the root is locked, and no other run replaces it."""

    key: WrappingKey
    seed: bytes = field(repr=False)
    seed_version: int
    generation: int


class Change:
    """A transaction in progress: logged events are committed with its changes."""

    def __init__(self, person: str, now: datetime, log: AuditLog, policy: str, rows: Rows) -> None:
        self._person, self._now, self._log, self._policy, self._rows = person, now, log, policy, rows
        self.first = 0  # number of its first entry, once written
        self.bodies: list[dict[str, Any]] = []
        self.restored_after: int | None = None  # for the link of a restore

    @property
    def next_seq(self) -> int:
        """The number of the next entry."""
        return self._log.tree().size + len(self.bodies)

    def log(self, event: AuditEvent) -> int:
        """Add an entry to the commit, with the rows that follow from it, and return its number.

        Its person is the signer of the checkpoint.
        """
        body, seq = event.to_json(), self.next_seq
        self.bodies.append(body | {"at": to_iso(self._now), "person": self._person, "policy": self._policy})
        event.apply(self._rows, Applied(seq, self._now, self._person, frozenset(named_in(body))))
        return seq


class Store:
    """A store that is open for an identity."""

    def __init__(
        self,
        layout: Layout,
        connection: Connection,
        blobs: Blobs,
        root_port: RootPort,
        identity: Identity,
        catalogue_seed: bytes,
        state: StateFolder,
        locks: Locks | None = None,
    ) -> None:
        self.layout = layout
        self.db = connection
        self.blobs = blobs
        self.root = root_port
        self.locks = locks or FileLocks(layout)
        self.identity = identity
        self.catalogue = Catalogue(connection)
        self.meta = self.catalogue.meta
        self.clock = self.catalogue.log_clock
        self.log = AuditLog(connection, layout.id, log_key(catalogue_seed), self.meta)
        self.catalogue_mark = self.log.key.public  # public; holders of the catalogue's key know the private half
        self.authority = Authority(connection, layout.id, self.log, self.meta)
        self.secrets = SealedSecrets(connection, layout.id, identity)
        self.state = state
        self.instance = Instance(bytes(authority.DIGEST), layout.place)  # of its branch once the chain is followed
        self.memory = state.memory(layout.id)  # before the catalogue is read, so never newer than it
        self.lock_wait = LOCK_WAIT
        self.roster: Roster
        self.settings: Settings
        self.person: Person
        self.policy: Policy  # the newest that officers approved
        self.stored_policy: Policy  # differs from it where nobody approved what the catalogue has
        self.unapproved: list[tuple[str, str]] = []  # differences from what officers approved, each with its place
        self.prompts: Mapping[str, Prompt]
        self._is_stale = False  # whether the loaded documents may be outdated
        self._seen: root_secret.Seen | None = None
        self.noted: root_secret.Seen | None = None  # the state that the root keeps, as this run read or wrote it last
        self.feed: Path | None = None  # the file to which the log is forwarded
        self.followers: list[Callable[[Store], None]] = []  # called after every commit
        self.rollbacks: list[str] = []  # codes of a rollback, or of a move; only `verify` gets such a store
        self.is_outdated = False  # whether its catalogue lacks a step of the schema
        self.is_copy = False  # whether it lies elsewhere than the root says, and is only looked at

    # -- identity -------------------------------------------------------------------------------------

    def load_documents(self) -> None:
        """Follow the chain of authority to its end, and find this identity in its roster.

        Raises NotUnlocked if it is missing, Integrity if the chain contradicts a link that this identity or account
        has seen; an older chain is a finding.
        """
        self._is_stale = True  # also if this fails: then no change begins with the earlier documents
        self.instance = self.instance._replace(branch=self.authority.links.branch())
        documents, rollbacks = self.authority.load(self._pins())
        person = documents.roster.person(self.identity.name)
        known = person is not None and primitives.same(person.sign_key, self.identity.signing.public)
        if person is None or not known or person.seal_key != self.identity.sealing.public:
            raise NotUnlocked("no_longer_here", rule="access.officer")
        self.roster, self.stored_policy, self.settings = documents
        self.policy, is_founding = self.stored_policy, True
        if not self.authority.is_policy_approved():
            first = self.stored_policy.versions[0]
            is_founding = self.authority.is_founding(first)
            if not is_founding:  # what it said is lost: recordings are erased by their rows, and by the law
                first = replace(first, retention_days=RETENTION.days)
            self.policy = self.authority.policy_by_log(first)
        self.unapproved = [(part, "program") for part in differing(self.policy.newest)]
        if not is_founding or self.stored_policy != self.policy:
            self.unapproved.append(("policy", "store"))
        self.prompts = self.policy.prompts
        self.person = person
        self._is_stale = False
        self.rollbacks += [code for code in rollbacks if code not in self.rollbacks]

    def _pins(self) -> Pins:
        own, demanded = self.memory.own(self.instance), self.memory.demanded(self.instance)
        foreign = frozenset(demanded[known].link for known in self.memory.foreign(self.instance))
        every = frozenset(seen.link for seen in demanded.values())
        return Pins(self.identity.pin, own[1].link if own else None, foreign, every)

    def has_newer_documents(self) -> bool:
        """Whether roster, policy and settings may differ from those loaded last."""
        return self._is_stale or self.authority.has_newer()

    def put(self, document: Roster | Policy | Settings) -> None:
        """Put a document into force; inside a change of an officer's, which ends with a link for it."""
        match document:
            case Roster():
                self.authority.put("roster", documents.encode(document))
                self.roster = document
                self.vouch()
            case Policy():
                self.authority.put("policy", encode_policy(document))
                self.policy, self.stored_policy, self.prompts = document, document, document.prompts
                self.unapproved = [(part, "program") for part in differing(document.newest)]
            case Settings():
                self.authority.put("settings", documents.encode(document))
                self.settings = document

    def vouch(self, *, founding: bool = False) -> None:
        """Sign missing vouchers of the roster's people; inside an officer's change.

        She vouches for herself only when *founding* the store.
        """
        vouchers, officer = self.catalogue.vouchers, self.identity.signing
        for person in self.roster.people:
            if not signs_receipts(person.role) or (person.sign_key == officer.public and not founding):
                continue
            chain = vouching.chain(vouchers.get, person.sign_key)
            if not vouching.is_true(self.layout.id, chain) or chain[0].role is not person.role:
                size = self.log.tree().size
                vouchers.put(vouching.vouch(officer, self.layout.id, person.sign_key, person.role, size))

    def demand(self, action: Action, now: datetime) -> None:
        """Raise NotGranted, after its log entry, if the identity's role does not permit the action."""
        decision = may(self.person.role, action)
        if not decision.allowed:
            self.note(Denied(action=action, rule=decision.rule, code=decision.code), now)
            raise NotGranted(decision.code, rule=decision.rule)

    def demand_replayed(self, action: Action, now: datetime) -> None:
        """Raise Refused, after its log entry, if a restored store lacks the erasures after its backup."""
        if self.settings.unknown_since is not None:
            self.note(Denied(action=action, rule="consent.withdraw", code="erasure.unreplayed"), now)
            raise Refused("erasure.unreplayed", rule="consent.withdraw")

    def demand_approved(self, action: Action, now: datetime) -> None:
        """Raise Refused, after its log entry, if program or policy is not what officers approved (purpose.change).

        Only actions that give or open demand it. What takes away, tells or counts goes on, by the approved policy.
        """
        for what, where in self.unapproved:
            self.note(Denied(action=action, rule="purpose.change", code="policy_drift"), now)
            raise Refused("policy_drift", rule="purpose.change", what=what, where=where)

    # -- the root -------------------------------------------------------------------------------------

    def secret(self, name: str) -> bytes:
        """A secret of the store that is sealed to this identity; raises NotUnlocked or Integrity."""
        return self.secrets.open(name, self.roster)

    def read_root(self) -> HeldRoot:
        """R of the catalogue's generation; the caller holds the lock. Raises Integrity or NotUnlocked."""
        self.secrets.forget_opened()
        generation = self.meta.number("generation")
        seed, version = self.secret(ROOT_SEED), self.secrets.version(ROOT_SEED, self.roster)
        return HeldRoot(self.root.open(generation, seed), seed, version, generation)

    def erasure_keys(self) -> ErasureKeys:
        """The erasure keys below R; the caller holds the root's lock."""
        return self.catalogue.erasure_keys(self.read_root().key)

    # -- the clock ------------------------------------------------------------------------------------

    def demand_clock(self, action: Action, now: datetime) -> None:
        """Raise ClockBehind, after its log entry, if the clock is behind the log and no officer accepted it."""
        newest = self.clock.get().newest
        decision = clock_against_log(now, newest.at)
        if decision.allowed:
            return
        self.note(Denied(action=action, rule=decision.rule, code=decision.code), now)
        entry = self.log.entries.get(newest.seq)
        name = entry.person if entry is not None and entry.body is not None else "?"
        raise ClockBehind(now=shown(now), at=shown(newest.at), entry=newest.seq, name=name)

    def _advance_clock(self, time: LogTime, first: int, bodies: list[dict[str, Any]]) -> None:
        """Add the entries of a change to the index; *time* is that of all entries before *first*."""
        for seq, body in enumerate(bodies, first):
            time = time.after(seq, body)
        if bodies:
            self.clock.put(time)

    # -- changes --------------------------------------------------------------------------------------

    @contextmanager
    def change(self, now: datetime, root: HeldRoot | None = None) -> Iterator[Change]:
        """A write transaction: its changes and log entries become durable together, or not at all.

        It begins by loading the newest documents, which then hold until the commit. Raises NotUnlocked if this
        identity left or its keys are void: they sign nothing more, and the next permitted command finishes what this
        one began. Raises InUse where keys would go below a *root* that another run replaced meanwhile: a lock of a
        database's session can be lost.
        """
        try:
            with self.db.writing():
                self._load_newer()
                self._demand_newest(root)
                change = Change(
                    self.identity.name, now, self.log, self.policy.at(now).version, TableRows(self.catalogue)
                )
                yield change
                self._add_link(change)
                time, change.first = self.clock.get(), self.log.tree().size  # a restore has caught up inside the change
                self.log.append(change.bodies, self.identity.signing)
                self._advance_clock(time, change.first, change.bodies)
                self.meta.set("changes", self.meta.number("changes") + 1)
                head = self.head()
        except BaseException:
            self.authority.abandon()
            self._is_stale = True
            raise
        self.authority.committed()
        self._seen = head
        self.remember()
        for follow in self.followers:
            follow(self)

    def _load_newer(self) -> None:
        """Load the documents if they changed; a store being founded or rebuilt has none yet."""
        if self.authority.newest is not None and self.has_newer_documents():
            self.load_documents()

    def _demand_newest(self, root: HeldRoot | None) -> None:
        if root is not None and root.generation != self.meta.number("generation"):
            raise InUse("in_use")

    def _add_link(self, change: Change) -> None:
        """End a change of roster, policy or settings with a link, and with the entry that commits to it."""
        event = self.authority.close(
            change.next_seq, self.roster.officer_keys(), self.identity.signing, change.restored_after
        )
        if event is not None:
            change.log(event)

    def note(self, event: AuditEvent, now: datetime) -> int:
        """Log an event in a change of its own, and return the entry's number.

        A copy that cannot be written keeps no entry (-1): only commands that show no recording open one.
        """
        if self.db.reads_only:
            return -1
        with self.change(now) as change:
            return change.log(event)

    def head(self) -> root_secret.Seen:
        """The state of the catalogue for detecting rollbacks; the caller holds a snapshot."""
        tree = self.log.tree()
        sums = self.db.sums()
        digest = primitives.sha256(*(name.encode("ascii") + sums[name] for name in sorted(sums)))
        generation, link = self.meta.number("generation"), self.authority.pin()
        return root_secret.Seen(generation, link, tree.size, tree.root(), self.meta.number("changes"), digest)

    def remember(self, *, anew: bool = False, moved: bool = False) -> None:
        """Store the last committed state in the root folder and in the account's state folder; it never moves back.

        With *anew* it is the current state, by any process. With *moved* the root belongs to this folder from now on,
        as it does where it never belonged to another.

        Raises Integrity where another run noted meanwhile what this catalogue has not: then two databases go on from
        one, and what was committed there, an erasure perhaps, is unknown here.
        """
        if anew:
            with self.db.reading():
                self._seen = self.head()
        seen = self._seen
        if seen is None:
            return

        def newer(copies: list[bytes]) -> bytes | None:
            known, place = root_secret.decode_seen(copies), root_secret.decode_place(copies)
            if known is not None and known != self.noted:
                self._demand_one_catalogue(known)
            merged = seen if known is None else known.merged(seen)
            self.noted = merged
            here = self.layout.place if moved or place is None else place
            return None if (merged, here) == (known, place) else root_secret.encode_kept(merged, here)

        self.root.update_seen(newer)
        if self.instance.place is not None:
            self.state.remember(self.layout.id, self.instance, seen)

    def _demand_one_catalogue(self, noted: root_secret.Seen) -> None:
        """Raise Integrity unless the catalogue, as it is now, has what another run *noted*."""
        with self.db.reading():
            codes = rolled_back(self, noted)
        if codes:
            raise Integrity(codes[0], path=str(self.layout.root), store=str(self.layout.store))


def rolled_back(store: Store, seen: root_secret.Seen) -> list[str]:
    """Codes of the parts of the catalogue that are older than *seen*, or differ; the caller holds a snapshot."""
    head = store.head()
    known = head.root if head.size <= seen.size else store.log.checkpoints.root_at(seen.size)
    problems = []
    if head.link.number < seen.link.number:
        problems.append("roster_rolled_back")
    elif seen.link.number and not store.authority.has(seen.link):
        problems.append("authority_forged")
    if head.generation < seen.generation:
        problems.append("catalogue_older_than_root")
    if head.size < seen.size or known != seen.root:
        problems.append("log_rolled_back")
    if head.changes < seen.changes or (head.changes == seen.changes and head.sums != seen.sums):
        problems.append("rows_rolled_back")
    return problems
