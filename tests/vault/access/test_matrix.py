"""Every cell of who may what: the guidelines' table in words against what the program decides; the default is no."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from arlo_rec.edge.commands.run import Run
from arlo_rec.law.model.policy_versions import first
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.law.model.records import Grant, Kind, Recording, RecordingId
from arlo_rec.law.rights import ObjectionScope, ObjectionState, OpenRequest
from arlo_rec.policy import RETENTION, Action, Purpose, Role, State
from arlo_rec.vault.access import gate
from tests.support import world as worlds
from tests.support.copies import CONFIRM, propose
from tests.support.world import REASON, World

TABLE = Path(__file__).with_name("matrix.md")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
VERSION = first("2026-01", NOW, SHIPPED)
TEAM, OTHER = "kundeservice", "salg"
WHO = {
    "security officer": {Role.OFFICER},
    "line manager": {Role.MANAGER},
    "support staff": {Role.SUPPORT},
    "telephone system": {Role.INGEST},
    "retention service": {Role.RETENTION},
    "auditor": {Role.AUDITOR},
    "everybody": set(Role),
}
MAY = {
    "add and remove people": Action.PEOPLE,
    "give and take access": Action.GRANT,
    "change the guidelines": Action.POLICY,
    "answer access requests": Action.DSAR,
    "restore": Action.RESTORE,
    "move the sealed objects": Action.MOVE_OBJECTS,
    "move the catalogue": Action.MOVE_CATALOGUE,
    "accept the clock": Action.CLOCK,
    "ask for access": Action.REQUEST,
    "say that they know of an emergency": Action.BREAK_GLASS,
    "confirm deleted files": Action.CONFIRM_DELETED,
    "see who has access": Action.SEE_GRANTS,
    "read the log": Action.AUDIT_SHOW,
    "see who has files": Action.SEE_RECIPIENTS,
    "withdraw": Action.WITHDRAW,
    "show a receipt": Action.SEE_RECEIPT,
    "purge": Action.PURGE,
    "back up": Action.BACKUP,
    "take in calls": Action.INGEST,
    "enter and decide objections of employees": Action.OBJECTION,
    "keep calls on hold": Action.HOLD,
    "look after the store": Action.LOOK_AFTER,
    "search": Action.FIND,
    "listen": Action.LISTEN,
    "export": Action.EXPORT,
    "make copies": Action.PSEUDONYMISE,
    "review": Action.REVIEW,
    "release": Action.RELEASE,
    "reject": Action.REJECT,
    "hear a copy on a page": Action.REVIEW_LISTEN,
}
OF_A_RECORDING = {*list(MAY.values())[-7:]}
ORIGINAL, UNDER_REVIEW, RELEASED = "an original", "under review", "released"


class Access(NamedTuple):
    """A grant: its purpose, its team (None: all), how it stands, and whether sound may be saved by it."""

    purpose: Purpose
    team: str | None
    state: str  # live, pending, revoked or over
    may_export: bool = True


class Cell(NamedTuple):
    """One question."""

    role: Role
    action: Action
    purpose: str | None
    reason: str | None
    access: Access | None
    consent: frozenset[Purpose] = frozenset()
    kind: str = ORIGINAL
    is_old: bool = False
    objection: tuple[ObjectionScope, ObjectionState] | None = None
    on_hold: bool = False

    def has(self, purpose: Purpose, team: str | None = None) -> bool:
        """Whether there is live access for a purpose, to a team if one is named."""
        is_live = self.access is not None and self.access.state == "live" and self.access.purpose is purpose
        return is_live and (team is None or (self.access is not None and self.access.team in (None, team)))

    def objects(self, scope: ObjectionScope) -> bool:
        """Whether the employee's objection to that is pending or upheld."""
        closing = {ObjectionState.PENDING, ObjectionState.UPHELD}
        return self.objection is not None and self.objection[0] is scope and self.objection[1] in closing


IF: dict[str, Callable[[Cell], bool]] = {
    "a purpose of the two": lambda cell: cell.purpose in {"training", "quality"},
    "for quality": lambda cell: cell.purpose == "quality",
    "for training": lambda cell: cell.purpose == "training",
    "no purpose but training": lambda cell: cell.purpose in {None, "training"},
    "a reason": lambda cell: cell.reason == REASON,
    "live access for that purpose": lambda cell: cell.has(Purpose(str(cell.purpose))),
    "live access for quality to the team": lambda cell: cell.has(Purpose.QUALITY, TEAM),
    "live access for training to the team": lambda cell: cell.has(Purpose.TRAINING, TEAM),
    "the right to save sound": lambda cell: cell.access is not None and cell.access.may_export,
    "the caller agreed to quality": lambda cell: Purpose.QUALITY in cell.consent,
    "the caller agreed to training": lambda cell: Purpose.TRAINING in cell.consent,
    "not 90 days old": lambda cell: not cell.is_old,
    "a released copy": lambda cell: cell.kind == RELEASED,
    "no released copy": lambda cell: cell.kind != RELEASED,
    "not on hold": lambda cell: not cell.on_hold,
    "the employee did not object to recording": lambda cell: not cell.objects(ObjectionScope.RECORDING),
    "nor to quality": lambda cell: not cell.objects(ObjectionScope.QUALITY),
    "nor to training": lambda cell: not cell.objects(ObjectionScope.TRAINING),
}


# -- the table ----------------------------------------------------------------------------------------


class Row(NamedTuple):
    roles: frozenset[Role]
    actions: frozenset[Action]
    conditions: tuple[Callable[[Cell], bool], ...]


@cache
def rows() -> tuple[Row, ...]:
    """The rows of the table; a word that is unknown here fails."""
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("| ")][1:]
    read = []
    for line in lines:
        who, may, conditions = (part.strip() for part in line.strip("|").split("|"))
        roles = frozenset().union(*(WHO[name] for name in who.split(", ")))
        actions = frozenset(MAY[word] for word in may.split("; "))
        read.append(Row(roles, actions, tuple(IF[word] for word in conditions.split("; ") if word)))
    return tuple(read)


@cache
def conditions_of(role: Role, action: Action) -> tuple[tuple[Callable[[Cell], bool], ...], ...]:
    """The conditions of each row that is about a role and an action."""
    return tuple(row.conditions for row in rows() if role in row.roles and action in row.actions)


def by_the_table(cell: Cell) -> bool:
    """Whether the guidelines allow it."""
    return any(all(condition(cell) for condition in row) for row in conditions_of(cell.role, cell.action))


# -- the program --------------------------------------------------------------------------------------


def by_the_program(cell: Cell) -> tuple[bool, str]:
    """Whether the program allows it, and the code of the decision."""
    live = [grant for grant in grants_of(cell.access) if grant.live(NOW)]
    first = gate.admitted(cell.role, gate.Intent(cell.action, cell.purpose, cell.reason), live, VERSION)
    if not first.allowed or cell.action not in OF_A_RECORDING:
        return first.allowed, first.code
    purpose = Purpose(str(cell.purpose)) if cell.action in {Action.LISTEN, Action.EXPORT} else None
    granted = any(grant.opens(purpose or Purpose.QUALITY, TEAM) for grant in live)
    recording = recording_of(cell)
    request = OpenRequest(
        purpose=purpose or Purpose.TRAINING,
        granted=granted,
        consented=recording.purposes,
        released=cell.kind == RELEASED,
        due_at=recording.latest_end,
        objections=dict([cell.objection]) if cell.objection else {},
        on_hold=cell.on_hold,
        may_leave=cell.action is not Action.EXPORT or any(grant.may_export for grant in live),
    )
    decision = gate.opened(cell.role, cell.action, purpose, request, NOW)
    return decision.allowed, decision.code


@cache
def grants_of(access: Access | None) -> list[Grant]:
    if access is None:
        return []
    purpose, team, state, may_export = access
    until = NOW - timedelta(seconds=1) if state == "over" else NOW + timedelta(days=1)
    teams = None if team is None else frozenset({team})
    began, files = NOW - timedelta(days=9), {"may_export": may_export}
    given = Grant("a", "leif", purpose, teams, began, until, REASON, "sigrid", b"key", **files)
    if state == "revoked":
        return [given.ended(NOW - timedelta(hours=1))]
    return [given if state != "pending" else given.__class__(**{**fields(given), "state": "pending"})]


def fields(grant: Grant) -> dict[str, Any]:
    return {name: getattr(grant, name) for name in Grant.__slots__}


@cache
def _recording(consent: frozenset[Purpose], kind: Kind, is_old: bool) -> Recording:
    started = NOW - RETENTION if is_old else NOW - timedelta(days=1)
    values = dict.fromkeys(Recording._fields)
    values |= {"id": RecordingId(bytes(16)), "kind": kind, "state": State.HELD, "started_at": started, "team": TEAM}
    return Recording(**{**values, "due_at": started + RETENTION, "purposes": consent})  # type: ignore[arg-type]


def recording_of(cell: Cell) -> Recording:
    kind = Kind.ORIGINAL if cell.kind == ORIGINAL else Kind.PSEUDONYMISED
    return _recording(cell.consent, kind, cell.is_old)


# -- compared -----------------------------------------------------------------------------------------

PURPOSES = (None, "training", "quality", "marketing")
STATES = ("live", "pending", "revoked", "over")
REASONS = (REASON, None, "short")
ACCESSES = (
    None,
    *(
        Access(*each)
        for each in itertools.product(Purpose, (None, TEAM, OTHER), ("live", "pending", "revoked", "over"))
    ),
    *(Access(*each, "live", may_export=False) for each in itertools.product(Purpose, (None, TEAM))),
)
OBJECTIONS = (None, *itertools.product(ObjectionScope, ObjectionState))
CONSENTS = tuple(map(frozenset, ({Purpose.TRAINING}, {Purpose.QUALITY}, set(Purpose))))


def cells() -> Iterator[Cell]:
    """Every question there is."""
    asked = (Role, MAY.values(), PURPOSES, REASONS, ACCESSES)
    for role, action, purpose, reason, access in itertools.product(*asked):
        if action not in OF_A_RECORDING:
            yield Cell(role, action, purpose, reason, access)
            continue
        held = (CONSENTS, (ORIGINAL, UNDER_REVIEW, RELEASED), (False, True), OBJECTIONS)
        for consent, kind, is_old, objection in itertools.product(*held):
            yield Cell(role, action, purpose, reason, access, consent, kind, is_old, objection)
            if not is_old and objection is None:
                yield Cell(role, action, purpose, reason, access, consent, kind, is_old, on_hold=True)


def test_the_table_names_every_action_and_every_role() -> None:
    assert {action for row in rows() for action in row.actions} == set(MAY.values()) == set(Action)
    assert {role for row in rows() for role in row.roles} == set(Role)


@pytest.mark.slow
@pytest.mark.rule("access.need")
@pytest.mark.rule("access.managers")
@pytest.mark.rule("purpose.training")
@pytest.mark.rule("purpose.quality")
def test_the_program_decides_every_cell_as_the_guidelines_do() -> None:
    compared = allowed = 0
    for cell in cells():
        is_allowed, code = by_the_program(cell)
        assert is_allowed is by_the_table(cell), (cell, code)
        compared += 1
        allowed += is_allowed
    assert compared > 100_000
    assert 0 < allowed < compared / 10, "the default is no"


def test_without_access_nothing_is_learnt_of_a_recording() -> None:
    """Whatever it is, somebody who may not open it for want of a grant is told the same."""
    for cell in cells():
        if cell.action in {Action.LISTEN, Action.EXPORT} and cell.reason == REASON and cell.purpose in {*Purpose}:
            has = cell.has(Purpose(str(cell.purpose)), TEAM)
            if cell.role in {Role.OFFICER, Role.MANAGER} and not has:
                assert by_the_program(cell) == (False, "no_grant"), cell


# -- a sample as whole commands -----------------------------------------------------------------------

SAMPLE, PARTS = 500, 4
PEOPLE: dict[str, tuple[Role, Access | None]] = {  # by name: role, and how their access stands
    "sigrid": (Role.OFFICER, None),
    "leif": (Role.MANAGER, Access(Purpose.QUALITY, TEAM, "live")),
    "turid": (Role.MANAGER, Access(Purpose.TRAINING, None, "live")),
    "mona": (Role.MANAGER, Access(Purpose.QUALITY, OTHER, "live")),
    "nils": (Role.MANAGER, Access(Purpose.QUALITY, TEAM, "revoked")),
    "per": (Role.MANAGER, Access(Purpose.TRAINING, TEAM, "over")),
    "kari": (Role.MANAGER, None),
    "tore": (Role.MANAGER, Access(Purpose.QUALITY, TEAM, "live", may_export=False)),
    "siri": (Role.SUPPORT, None),
    "iver": (Role.AUDITOR, None),
}
BOTH, ONLY_TRAINING = CONSENTS[2], CONSENTS[0]
PROMPTS = {"nb-2026-01": BOTH, "nb-2025-01": ONLY_TRAINING}
UNKNOWN = "nobody's"
FRESH, OLD = timedelta(days=3), timedelta(days=90)  # after the calls; then they are 90 days old
OF_ROLES = {  # commands that change nothing
    Action.PEOPLE: ("person", "list"),
    Action.SEE_GRANTS: ("grants",),
    Action.AUDIT_SHOW: ("audit", "show", "--limit", "1"),
    Action.SEE_RECIPIENTS: ("recipients", "list"),
    Action.LOOK_AFTER: ("status",),
    Action.WITHDRAW: ("withdraw", "90000009", "--dry-run"),
    Action.SEE_RECEIPT: ("receipt", "show", "ABCD-EFGH"),
    Action.REQUEST: ("request",),
    Action.HOLD: ("hold", "list"),
    Action.OBJECTION: ("person", "objection", "Ola Oppdiktet", "--uphold", "--scope", "training", "--dry-run"),
    Action.PURGE: ("purge", "--dry-run", "--allow-large"),
}


class Asked(NamedTuple):
    """A command of somebody, and the cell that it is."""

    name: str
    cell: Cell
    after: timedelta


class Held(NamedTuple):
    """The store, and each recording by consent and kind."""

    world: World
    ids: dict[tuple[frozenset[Purpose], str], str]


@pytest.fixture(scope="module")
def held(template: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """A store with a recording of every kind and consent, and people in every state of access."""
    world, began = worlds.copy(template, tmp_path_factory.mktemp("matrix")), datetime.now(UTC)
    secret = ("--new-passphrase-file", str(world.base / "passphrase"))
    for name in ("mona", "nils", "per", "kari", "tore"):
        world.json("person", "add", name, "--role", "manager", *secret, who="sigrid")
    ids = {(BOTH, UNKNOWN): "0" * 32}
    for number, (prompt, consent) in enumerate(PROMPTS.items()):
        ids |= made(world, prompt, consent, 3 * number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "now", lambda _: began + timedelta(days=1))
        for name, (_, access) in PEOPLE.items():
            if access is not None:
                words = ["--purpose", access.purpose, "--days", "1" if access.state == "over" else "90"]
                words += ["--team", access.team] if access.team else ["--all-teams"]
                words += ["--may-export"] if access.may_export else []
                world.json("grant", name, *words, "--reason", REASON, who="sigrid")
        world.json("revoke", "nils", who="sigrid")
    yield Held(world, ids)


def made(
    world: World, prompt: str, consent: frozenset[Purpose], seed: int
) -> dict[tuple[frozenset[Purpose], str], str]:
    """An original, a copy under review and a released copy of calls with that prompt."""
    said = {"key": "1", "prompt": prompt, "prompt_completed": True}
    names = [f"{prompt}-{number}" for number in range(3)]
    calls = [world.take_in(name, seed=seed + at, consent=said)[0] for at, name in enumerate(names)]
    copies = [str(propose(world, call)["copy"]) for call in calls[1:]]
    world.json("review", copies[1], *CONFIRM, who="sigrid")
    released = world.json("release", copies[1], "--reason", REASON, who="sigrid")["copy"]["copy"]
    return {(consent, ORIGINAL): calls[0], (consent, UNDER_REVIEW): copies[0], (consent, RELEASED): released}


def questions() -> list[Asked]:
    """Every command that could be asked of that store, ends by itself and changes nothing there."""
    asked = []
    for name, (role, access) in PEOPLE.items():
        for after in (FRESH, OLD):
            asked += [Asked(name, Cell(role, action, None, None, access), after) for action in OF_ROLES]
            for purpose, reason in itertools.product(PURPOSES, (REASON, None)):
                asked.append(Asked(name, Cell(role, Action.FIND, purpose, reason, access), after))
                for consent, kind in itertools.product(PROMPTS.values(), (ORIGINAL, UNDER_REVIEW, RELEASED, UNKNOWN)):
                    cell = Cell(role, Action.EXPORT, purpose, reason, access, consent, kind, after == OLD)
                    asked += [Asked(name, cell._replace(action=each), after) for each in (Action.EXPORT, Action.LISTEN)]
            for consent, reason in itertools.product(PROMPTS.values(), (REASON, None)):
                cell = Cell(role, Action.REVIEW, None, reason, access, consent, UNDER_REVIEW, after == OLD)
                asked.append(Asked(name, cell, after))
                for action in (Action.REVIEW_LISTEN, Action.RELEASE, Action.REJECT):  # serve a page, or change it
                    refused = not wanted(cell._replace(action=action))
                    asked += [Asked(name, cell._replace(action=action), after)] if refused else []
    return asked


def wanted(cell: Cell) -> bool:
    """What the table says, of what is nobody's too."""
    return cell.kind != UNKNOWN and by_the_table(cell)


def command(held: Held, asked: Asked, number: int) -> tuple[str, ...]:
    """The words of a command."""
    cell = asked.cell
    if cell.action in OF_ROLES:
        return OF_ROLES[cell.action]
    why = (*(("--purpose", cell.purpose) if cell.purpose else ()), *(("--reason", cell.reason) if cell.reason else ()))
    if cell.action is Action.FIND:
        return ("find", *why)
    recording = held.ids[BOTH if cell.kind == UNKNOWN else cell.consent, cell.kind]
    out = ("--out", str(held.world.base / f"{number}.wav"))
    words = {
        Action.EXPORT: ("export", recording, *why, *out),
        Action.LISTEN: ("listen", recording, *why, "--player", "cat"),
        Action.REVIEW: ("review", recording, *why),
        Action.REVIEW_LISTEN: ("review", recording, *why, "--no-browser"),
        Action.RELEASE: ("release", recording, "--reason", REASON),
        Action.REJECT: ("reject", recording, "--reason", REASON),
    }
    return words[cell.action]


@pytest.mark.slow
@pytest.mark.rule("security.unauthorised")
@pytest.mark.parametrize("part", range(PARTS))
def test_a_sample_of_the_cells_as_whole_commands_against_a_store(
    held: Held, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: int
) -> None:
    held = held._replace(world=worlds.copy(held.world, tmp_path))
    sample = sorted(random.Random(20260601).sample(questions(), SAMPLE)[part::PARTS], key=lambda asked: asked.after)
    began, refused, words = datetime.now(UTC), 0, dict[str, set[str]](forbidden=set(), unknown=set())
    before = denied(held.world)
    for number, asked in enumerate(sample):
        monkeypatch.setattr(Run, "now", lambda _, after=asked.after: began + after)
        told = held.world.run(*command(held, asked, PARTS * number + part), "--json", who=asked.name)
        is_allowed = told.exit in {0, 3}
        assert is_allowed is wanted(asked.cell), (asked, told)
        assert is_allowed or told.exit in {2, 13, 14}, (asked, told)
        refused += not is_allowed
        is_of_own_grant = not is_allowed and "ended on" in told.json["error"]["message"]  # said before an id is read
        if not is_allowed and told.json["error"]["code"] == "no_grant" and not is_of_own_grant:
            words["unknown" if asked.cell.kind == UNKNOWN else "forbidden"].add(told.json["error"]["message"])
    monkeypatch.undo()
    assert refused > len(sample) / 2, "the default is no"
    assert denied(held.world) - before == refused, "every refusal is logged"
    assert words["unknown"] <= words["forbidden"], "what is nobody's is refused in the same words"


def denied(world: World) -> int:
    """How many refusals are in the log."""
    return len(world.json("audit", "show", "--outcome", "denied", "--limit", "100000", who="iver")["entries"])
