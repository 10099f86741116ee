"""The demonstration: a few calls from intake to erasure in a temporary store, each step with the rule that it shows.

It uses real keys, real sound and the same use cases as the commands; only the time is moved, because retention is
90 days. Everything is below a temporary folder, state included, which is deleted at the end.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from arlo_rec import audio, pseudonymise, retention
from arlo_rec.access import search
from arlo_rec.access.gate import Intent
from arlo_rec.admin import grants, identities, initialise
from arlo_rec.admin.opening import open_store
from arlo_rec.backends.named_files import LocalFiles, NamedFile
from arlo_rec.catalogue import audit_check
from arlo_rec.certificates.verdict import verify as verify_certificate
from arlo_rec.dsar.register import Intake
from arlo_rec.dsar.request import Request, answer
from arlo_rec.dsar.writing import Form
from arlo_rec.erasure import withdrawal
from arlo_rec.i18n.messages import say
from arlo_rec.intake import ingest
from arlo_rec.keys.key_files import Identity, read_service, readable_secret, unlock
from arlo_rec.keys.layout import find
from arlo_rec.keys.seen_state import StateFolder
from arlo_rec.log.rows import CopyState
from arlo_rec.model.errors import ArloError, Refused, Usage
from arlo_rec.model.records import to_iso
from arlo_rec.oversight import verify
from arlo_rec.policy import RETENTION, Action, GuardLimits, Mode, Role
from arlo_rec.store import Store
from arlo_rec.training.cut_plan import CopyOrder

CALLS = (  # sound, caller, agent; the numbers are examples and the names are fictional
    ("call-1.wav", "+4790000001", "Ola Oppdiktet"),
    ("call-2.wav", "+4790000002", "Prøve Prøvesen"),
    ("call-3.wav", "+4790000001", "Ola Oppdiktet"),
    ("call-4.wav", "+4790000003", "Prøve Prøvesen"),
)
NAME_AT = 1.9  # seconds from the key press, in the first call: somebody says her name
SILENT = 0xFF  # u-law
REFUSED_CALL = "call-4.wav"
TEAM = "kundeservice"
WITHDRAWER, ASKER = "+47 900 00 001", "900 00 002"  # other ways to write numbers of CALLS


@dataclass(frozen=True, slots=True)
class Step:
    """A step: what it did, the rule that it shows, and whether it succeeded."""

    rule: str
    did: str
    ok: bool


def live(lang: str, now: datetime, *, folder: Path | None, keep: bool, tell: Callable[[str], None]) -> list[Step]:
    """Run the demonstration below *folder* (None: a temporary one), which is deleted unless *keep*."""
    if folder is not None and folder.exists():
        raise Usage("already_exists", path=str(folder))
    base = folder or Path(tempfile.mkdtemp(prefix="arlo-rec-demo-"))
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        life = _Life(base, lang, now, tell)
        life.run()
        return life.steps
    finally:
        if not keep:
            shutil.rmtree(base, ignore_errors=True)


class _Life:
    """A demonstration: its folder, its people, its time."""

    def __init__(self, base: Path, lang: str, now: datetime, tell: Callable[[str], None]) -> None:
        self.base, self.lang, self.now, self._tell = base, lang, now, tell
        self.steps: list[Step] = []
        self.state = StateFolder(base / "state")
        self.people: dict[str, Identity] = {}
        self.recordings: list[str] = []

    def run(self) -> None:
        """Every step, in order."""
        self._initialise()
        self._people()
        self._take_in()
        self._find_without_grant()
        self._grant()
        self._find_and_export()
        self._training()
        self._answer_request()
        self._withdraw()
        self._revoke()
        self._last_day()
        self._look_back()

    def step(self, rule: str, code: str, *, ok: bool, **values: object) -> None:
        """Print a step and record it."""
        did = say(f"demo.{code}", self.lang, **values)
        self.steps.append(Step(rule, did, ok))
        self._tell(f"{'✓' if ok else '✗'} {did}  [{rule}]")

    @contextmanager
    def as_(self, name: str) -> Iterator[Store]:
        """The store, opened for the person or service *name*."""
        with open_store(find(self.base / "store"), self.people[name], self.now, self.state) as store:
            yield store

    # -- the steps ------------------------------------------------------------------------------------

    def _initialise(self) -> None:
        passphrase = readable_secret(4).encode()
        new = initialise.NewStore(self.base / "store", self.base / "store.root", "Sigrid")
        made = initialise.initialise(new, passphrase, self.now, self.state)
        self.people["Sigrid"] = unlock(made.layout, "Sigrid", passphrase)
        self.step("access.officer", "init", ok=made.layout.catalogue.exists())

    def _people(self) -> None:
        with self.as_("Sigrid") as store:
            passphrase = readable_secret(4).encode()
            identities.add(store, identities.NewPerson("Leif", Role.MANAGER, passphrase), self.now)
            self.people["Leif"] = unlock(store.layout, "Leif", passphrase)
            for name, role in (("telefon", Role.INGEST), ("cron", Role.RETENTION), ("skranke", Role.SUPPORT)):
                key = self.base / f"{name}.key"
                identities.add(store, identities.NewPerson(name, role, key_out=NamedFile(LocalFiles(), key)), self.now)
                self.people[name] = read_service(store.layout, key.read_bytes(), str(key))
        self.step("security.password", "people", ok=len(self.people) == 5)

    def _take_in(self) -> None:
        spool = self.base / "spool"
        spool.mkdir()
        for number, (sound, caller, agent) in enumerate(CALLS):
            self._deliver(spool, f"{number}", sound, caller, agent, key="1")
        self._deliver(spool, "refused", REFUSED_CALL, "+4790000009", "Ola Oppdiktet", key="2")
        with self.as_("telefon") as store:
            outcome = ingest.ingest(store, [spool], self.now)
        self.recordings = [recording.id.hex() for recording in outcome.accepted]
        self.step("consent.press1", "taken_in", ok=len(outcome.accepted) == len(CALLS), count=len(outcome.accepted))
        refused = [refusal.code for refusal in outcome.refused]
        self.step("consent.press2", "refused", ok=refused == ["no_consent"])
        left = sorted(file.name for file in spool.iterdir())
        self.step("scope.only", "spool", ok=left == ["refused.json", "refused.wav"])

    def _find_without_grant(self) -> None:
        problem = self._problem(lambda store: search.find(store, "quality", self._reason(), search.Search(), self.now))
        self.step("access.managers", "no_grant", ok=problem == "no_grant")

    def _grant(self) -> None:
        until = self.now + timedelta(days=30)
        with self.as_("Sigrid") as store:
            for purpose in ("quality", "training"):
                terms = grants.Terms("Leif", purpose, (TEAM,), until, say("demo.reason_grant", self.lang))
                grants.grant(store, terms, self.now)
        self.step("access.officer", "granted", ok=True)

    def _find_and_export(self) -> None:
        out = self.base / "kvalitet.wav"
        with self.as_("Leif") as store:
            listed = search.find(store, "quality", self._reason(), search.Search(team=TEAM), self.now).matches
            self._export(store, self.recordings[1], "quality", out)
        self.step("security.reason", "found", ok=len(listed) == len(CALLS), count=len(listed))
        original = files("arlo_rec") / "demo_calls" / CALLS[1][0]
        same_end = out.read_bytes()[-1000:] == original.read_bytes()[-1000:]
        self.step("purpose.quality", "exported", ok=same_end and out.stat().st_size < len(original.read_bytes()))

    def _training(self) -> None:
        problem = self._problem(
            lambda store: self._export(store, self.recordings[0], "training", self.base / "opplaering.wav")
        )
        self.step("data.pseudonymised", "training", ok=problem == "no_released_copy")
        self._copy()

    def _copy(self) -> None:
        """Make, confirm, release and export a training copy of a call, with a name cut out by its transcript."""
        words = (files("arlo_rec") / "demo_calls" / "call-1.words.json").read_bytes()
        order = CopyOrder(Mode.DETECT, transcripts=((None, words),))
        with self.as_("Leif") as store:
            made = pseudonymise.propose(store, self.recordings[0], order, None, lambda: self.now)
        self.step("data.pseudonymised", "copied", ok=made.state == CopyState.NEEDS_REVIEW, count=len(made.cuts))
        copy, out = made.copy.hex(), self.base / "opplaering.wav"
        problem = self._problem(lambda store: pseudonymise.release(store, copy, self._reason(), None, lambda: self.now))
        with self.as_("Leif") as store:
            pseudonymise.confirm(store, copy, self._reason(), lambda: self.now)
            given = pseudonymise.release(store, copy, self._reason(), None, lambda: self.now)
            self._export(store, given.copy.hex(), "training", out)
        heard = audio.read_wav(io.BytesIO(out.read_bytes()), out.stat().st_size)
        places = [(int(cut.start * heard.rate) + 1, int(cut.end * heard.rate)) for cut in given.cuts]
        silent = all(set(heard.data[2 * first : 2 * last]) == {SILENT} for first, last in places)
        named = any(cut.start < NAME_AT < cut.end for cut in given.cuts)
        self.step("purpose.training", "released", ok=problem == "not_reviewed" and silent and named)

    def _answer_request(self) -> None:
        intake = Intake(say("demo.identity", self.lang))
        request = Request((ASKER,), self._named("innsyn.html"), intake, form=Form(self.lang))
        with self.as_("Sigrid") as store:
            done = answer(store, request, lambda: self.now)
        self._named("innsyn.passphrase").write([f"{done.passphrase}\n".encode()])
        sealed = "90000002" not in Path(done.out).read_text("utf-8")
        self.step("access.subject", "answered", ok=done.recordings == 1 and sealed, due=done.case.due_on.isoformat())

    def _named(self, name: str) -> NamedFile:
        return NamedFile(LocalFiles(), self.base / name)

    def _withdraw(self) -> None:
        with self.as_("skranke") as store:
            planned = withdrawal.plan(store, WITHDRAWER, None, self.now)
            done = withdrawal.carry_out(store, planned, self.now)
            gone = all(not store.blobs.size(recording.id.hex()) for recording in done.recordings)
        self.step("consent.withdraw", "withdrawn", ok=gone and len(done.recordings) == 3, number=done.number)
        receipt = verify_certificate(io.BytesIO(done.receipt.read_bytes() if done.receipt else b"")).document
        self.step("consent.withdraw", "receipt", ok=receipt["count"] == 3)
        problem = self._problem(
            lambda store: self._export(store, self.recordings[0], "quality", self.base / "igjen.wav")
        )
        self.step("consent.withdraw", "unreadable", ok=problem == "no_grant")

    def _revoke(self) -> None:
        with self.as_("Sigrid") as store:
            ended = grants.revoke(store, "Leif", None, self.now)
        problem = self._problem(lambda store: search.find(store, "quality", self._reason(), search.Search(), self.now))
        self.step("access.officer", "revoked", ok=len(ended) == 2 and problem == "no_grant")

    def _last_day(self) -> None:
        self.now += RETENTION
        careful, allowed = GuardLimits(), False
        try:
            with self.as_("cron") as store:
                retention.carry_out(store, retention.plan(store, self.now, careful, allow_large=False), self.now)
        except Refused as problem:
            allowed = problem.code == "retention.guard"
        self.step("retention.90d", "guard", ok=allowed)
        with self.as_("cron") as store:
            done = retention.carry_out(store, retention.plan(store, self.now, careful, allow_large=True), self.now)
            left = list(store.blobs.names())
        self.step("retention.90d", "purged", ok=done.erased == 2 and not left, count=done.erased)

    def _look_back(self) -> None:
        with self.as_("Sigrid") as store:
            problems = verify.verify(store, self.now, read_data=True).problems
            log = audit_check.check(store.log, store.roster.signers(), signatures=True)
            size = store.log.tree().size
        self.step("security.monitored", "verified", ok=not problems and not log, size=size)

    # -- used by the steps -----------------------------------------------------------------------------

    def _deliver(self, spool: Path, stem: str, sound: str, caller: str, agent: str, *, key: str) -> None:
        """Write a call as a telephone exchange does: the sound, and a manifest beside it."""
        started = self.now - timedelta(hours=1)
        pressed = started + timedelta(milliseconds=250)
        manifest: dict[str, Any] = {
            "source_id": f"demo.{stem}",
            "audio": f"{stem}.wav",
            "direction": "inbound",
            "started_at": to_iso(started),
            "caller": caller,
            "agent": agent,
            "team": TEAM,
            "channels": {"caller": 0, "agent": 1},
            "consent": {"key": key, "at": to_iso(pressed), "prompt": "nb-2026-01", "prompt_completed": True},
        }
        (spool / f"{stem}.wav").write_bytes((files("arlo_rec") / "demo_calls" / sound).read_bytes())
        (spool / f"{stem}.json").write_text(json.dumps(manifest), "utf-8")

    def _problem(self, work: Callable[[Store], object]) -> str | None:
        """The code of the error that the manager gets; None without one."""
        try:
            with self.as_("Leif") as store:
                work(store)
        except ArloError as problem:
            return problem.code
        return None

    def _export(self, store: Store, shown_id: str, purpose: str, out: Path) -> int:
        intent = Intent(Action.EXPORT, purpose, self._reason())
        return search.export(store, shown_id, intent, NamedFile(LocalFiles(), out), lambda: self.now).bytes

    def _reason(self) -> str:
        return say("demo.reason", self.lang)
