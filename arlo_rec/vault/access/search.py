"""Search for recordings that a manager may open, and export of a recording as WAV.

The criteria are logged before a search begins, and the ids of its results before they are shown (security.reason). A
manager sees team, time and length, for quality the agent too, and never the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import BinaryIO, NamedTuple

from msgspec import UNSET, UnsetType

from arlo_rec.law.log.entries import LogEntry
from arlo_rec.law.log.events import Opened, SearchBegun, SearchShown
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Integrity, Unreachable, Usage, nearest_names
from arlo_rec.law.model.names import agent_name, as_spelt
from arlo_rec.law.model.records import Grant, Kind, Recording, RecordingId, to_iso, to_micros
from arlo_rec.law.model.times import local_date
from arlo_rec.law.rights import closing
from arlo_rec.policy import Action, Purpose, is_due
from arlo_rec.vault.access import disclosures, gate, holds, metadata, objections, teams
from arlo_rec.vault.access.gate import Admission, Intent
from arlo_rec.vault.access.holds import Holds
from arlo_rec.vault.access.keyrings import GrantKeyring
from arlo_rec.vault.access.teams import Team
from arlo_rec.vault.backends import Expected, is_stored
from arlo_rec.vault.backends.named_files import NamedFile
from arlo_rec.vault.opened import Store

_FOREVER = 2**62  # microseconds
_AT_ONCE = 500  # recordings whose keys and metadata are read together
_FIRST_WINDOW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Search:
    """The criteria of a search; None is no limit."""

    agent: str | None = None
    team: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    limit: int | None = None
    shortest_s: float | None = None
    longest_s: float | None = None

    def to_json(self) -> dict[str, object]:
        """The criteria as the log stores them."""
        criteria: dict[str, object] = {"agent": self.agent, "team": self.team, "limit": self.limit}
        criteria |= {"shortest_s": self.shortest_s, "longest_s": self.longest_s}
        criteria |= {"since": to_iso(self.since) if self.since else None}
        criteria |= {"before": to_iso(self.before) if self.before else None}
        return {key: value for key, value in criteria.items() if value is not None}

    def has_length(self, duration_s: float) -> bool:
        """Whether a recording is as long as wanted."""
        return (self.shortest_s or 0) <= duration_s <= (_FOREVER if self.longest_s is None else self.longest_s)

    @property
    def by_length(self) -> bool:
        """Whether only recordings of some lengths are wanted, which their metadata tells."""
        return self.shortest_s is not None or self.longest_s is not None


class Match(Record, frozen=True):
    """A recording as a manager sees it."""

    id: RecordingId
    started_at: datetime
    duration_s: float
    team: str
    agent: str | None  # None for training: trainers need no name
    expires_at: datetime
    pseudonymised: bool


class Why(Record, frozen=True):
    """A possible reason for an empty result, with similar names that the person may see."""

    code: str
    nearest: tuple[str, ...]


class Listed(Record, frozen=True, kw_only=True):
    """The answer to a search: recordings, with those whose metadata is damaged; or teams."""

    recordings: list[Match] | UnsetType = UNSET
    damaged: list[RecordingId] | UnsetType = UNSET
    older: int | UnsetType = UNSET
    why: list[Why] | UnsetType = UNSET
    teams: list[Team] | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Found:
    """The results of a search, and the recordings whose metadata is damaged."""

    matches: list[Match]  # newest first
    damaged: list[RecordingId]
    admission: Admission = field(repr=False)
    older: int = 0  # further matches above the limit; of `newest` 1 if there are any
    why: tuple[WhyNothing, ...] = ()  # without matches: possible reasons


class Exported(Record, frozen=True):
    """An exported recording, its file unless it went to a stream, and the bytes written."""

    id: RecordingId
    out: str | None
    bytes: int
    started_at: datetime
    team: str


class WhyNothing(NamedTuple):
    """A possible reason for an empty result; *name* is what was asked for."""

    code: str
    name: str = ""
    nearest: tuple[str, ...] = ()  # similar names that the person may see
    granted: tuple[str, ...] = ()  # teams of the person's grants
    at: date | None = None  # when the grant for the team ended


def find(store: Store, purpose: str | None, reason: str | None, search: Search, now: datetime) -> Found:
    """Recordings that this person may open for that purpose, newest first, up to the policy's number.

    Raises what `gate.admit` raises, and Usage for an agent's name in a search for training.
    """
    admission, why = _begun(store, purpose, reason, search, now)
    rows = _open_rows(store, admission, search, holds.at(store, now), now)
    if not rows and search.team is not None:
        search = _as_spelt(store, admission, search)
        rows = _open_rows(store, admission, search, holds.at(store, now), now)
    found, agents = Found([], [], admission), set[str]()
    matches = _matching(store, admission, search, rows, found.damaged, agents)
    found.matches.extend(islice(matches, _most(store, search, now)))
    if len(found.matches) == _most(store, search, now):
        is_counted = not _opens_all(admission, search, _objected(store, admission))
        rest = len(rows) - len(found.matches) - len(found.damaged) if is_counted else sum(1 for _ in matches)
        found = replace(found, older=rest)
    return _shown(store, found, search, agents, why, now)


def newest(store: Store, purpose: str | None, reason: str | None, search: Search, now: datetime) -> Found:
    """The same, but of the older ones only whether there are any: to count them would read a large store whole.

    Raises as `find`.
    """
    admission, why = _begun(store, purpose, reason, search, now)
    search = _as_spelt(store, admission, search)
    found, agents = Found([], [], admission), set[str]()
    rows = _newest_first(store, admission, search, now)
    matches = _matching(store, admission, search, rows, found.damaged, agents)
    found.matches.extend(islice(matches, _most(store, search, now)))
    found = replace(found, older=sum(1 for _ in islice(matches, 1)))
    return _shown(store, found, search, agents, why, now)


def _begun(
    store: Store, purpose: str | None, reason: str | None, search: Search, now: datetime
) -> tuple[Admission, dict[str, str]]:
    """The admission to a search whose criteria are logged, and what each of its entries says of its purpose."""
    admission = gate.admit(store, Intent(Action.FIND, purpose, reason), now)
    if search.agent is not None and admission.purpose is Purpose.TRAINING:
        raise Usage("agent_for_training", rule="data.pseudonymised")
    why = {"purpose": str(admission.purpose), "reason": str(admission.reason)}
    store.note(SearchBegun(**why, criteria=search.to_json()), now)
    return admission, why


def _shown(
    store: Store, found: Found, search: Search, agents: Collection[str], why: Mapping[str, str], now: datetime
) -> Found:
    """The results, once the log has them; without any, possible reasons."""
    ids = tuple(match.id for match in found.matches)
    store.note(SearchShown(**why, recordings=ids, shown=len(ids)), now)
    return found if ids else replace(found, why=tuple(_why_nothing(store, found.admission, search, agents, now)))


def _as_spelt(store: Store, admission: Admission, search: Search) -> Search:
    """A search whose team is spelt as the store has it."""
    if search.team is None:
        return search
    return replace(search, team=as_spelt([search.team], teams.names(store, admission.grants))[0])


def _most(store: Store, search: Search, now: datetime) -> int:
    most_found = store.policy.at(store.clock.today(now)).most_found
    return min(search.limit or most_found, most_found)


def _matching(
    store: Store,
    admission: Admission,
    search: Search,
    rows: Iterable[Recording],
    damaged: list[RecordingId],
    agents: set[str],
) -> Iterator[Match]:
    """The rows that open and fit, opened one by one; *agents* collects the names of a search by agent."""
    matches = _opened(store, admission, rows, damaged, _objected(store, admission))
    if search.by_length:
        matches = (match for match in matches if search.has_length(match.duration_s))
    return matches if search.agent is None else _of_agent(matches, search.agent, agents)


def _opens_all(admission: Admission, search: Search, objected: Collection[str]) -> bool:
    """Whether only the metadata of every row tells how many match."""
    is_limited = any(grant.limits.agents for grant in admission.grants)
    return search.agent is not None or search.by_length or bool(objected) or is_limited


def heard_before(store: Store, recordings: Collection[RecordingId]) -> set[RecordingId]:
    """Those of *recordings* that this person opened to listen before, by the log."""
    listened = (entry for entry in store.log.entries.naming(recordings) if _is_own_listening(store, entry))
    return {name for entry in listened for name in entry.recordings if name in recordings}


def _is_own_listening(store: Store, entry: LogEntry) -> bool:
    event = entry.event
    return entry.person == store.person.name and isinstance(event, Opened) and event.action == Action.LISTEN


def agents_of_teams(store: Store, purpose: str | None, reason: str | None, now: datetime) -> list[Team]:
    """The teams that this person's grants open for a purpose, for quality with their agents.

    Names stand in metadata alone, so this is logged like any other search. It shows no recording. Raises what
    `gate.admit` raises.
    """
    admission = gate.admit(store, Intent(Action.FIND, purpose, reason), now)
    why = {"purpose": str(admission.purpose), "reason": str(admission.reason)}
    store.note(SearchBegun(**why, criteria={"list": "agents"}), now)
    held = teams.held_for(store, admission.grants, now)
    if admission.purpose is Purpose.TRAINING:
        store.note(SearchShown(**why, recordings=(), shown=0), now)
        return [Team(name, None, held[name]) for name in sorted(held)]
    rows = _open_rows(store, admission, Search(), holds.at(store, now), now)
    agents: dict[str, set[str]] = {}
    for match in _opened(store, admission, rows, [], _objected(store, admission)):
        agents.setdefault(match.team, set()).add(str(match.agent))
    store.note(SearchShown(**why, recordings=(), shown=0), now)
    return [Team(name, tuple(sorted(agents.get(name, ()))), held[name]) for name in sorted(held)]


def export(
    store: Store, shown_id: str, intent: Intent, out: NamedFile | BinaryIO, clock: Callable[[], datetime]
) -> Exported:
    """Write the sound of a recording as WAV to a new file or a stream.

    A file gets its name only after the last chunk is verified and the recording is still held; it is deleted if the
    recording was erased meanwhile. For a stream the whole object is checked against the catalogue before the first
    byte leaves. Raises what the gate raises, Usage if the file exists, Unreachable if it cannot be written.
    """
    named = replace(intent, file=out.absolute()) if isinstance(out, NamedFile) else intent
    admission = gate.admit(store, named, clock())
    if isinstance(out, NamedFile):
        out.demand_new()
    permit = gate.permit(store, admission, shown_id, clock())
    sound = gate.listen_to(store, permit, clock)
    if isinstance(out, NamedFile):
        with disclosures.unless_written(store, permit.seq, out.files, clock()):
            written = out.write(sound, lambda: gate.still_open(store, permit, clock()))
            return Exported.of(permit.recording, out=out.absolute(), bytes=written)
    expected = Expected(permit.recording.object_digest, permit.recording.object_bytes)
    if not is_stored(store.blobs, permit.recording.id.hex(), expected):
        raise Integrity("object_damaged")
    return Exported.of(permit.recording, out=None, bytes=_stream(sound, out))


def _stream(sound: Iterable[bytes], out: BinaryIO) -> int:
    """Write to a stream; raises Unreachable if writing fails."""
    written = 0
    try:
        for piece in sound:
            out.write(piece)
            written += len(piece)
        out.flush()
    except OSError as error:
        raise Unreachable("stdout_failed", reason=error.strerror or "") from None
    return written


def _of_agent(matches: Iterable[Match], agent: str, seen: set[str]) -> Iterator[Match]:
    """The matches of an agent; *seen* collects the names of all."""
    wanted = agent.casefold()
    for match in matches:
        seen.add(str(match.agent))
        if str(match.agent).casefold() == wanted:
            yield match


def _why_nothing(
    store: Store, admission: Admission, search: Search, agents: Collection[str], now: datetime
) -> Iterator[WhyNothing]:
    """Possible reasons for an empty result, from what this person may see; the likeliest first."""
    everywhere = any(grant.teams is None for grant in admission.grants)
    granted = () if everywhere else tuple(sorted({team for grant in admission.grants for team in grant.teams or ()}))
    held = teams.held_for(store, admission.grants, now)
    searched = held.total() if search.team is None else held[search.team]  # on any day
    if search.team is not None and not held[search.team]:
        nearest = tuple(nearest_names(search.team, held.keys() - {search.team}))
        ended = store.roster.ended_grant(
            store.person.name, admission.heard_for, store.clock.today(now), team=search.team
        )
        if everywhere or search.team in granted:
            yield WhyNothing("team_unknown", search.team, nearest, granted)
        elif ended is not None:
            yield WhyNothing("team_ended", search.team, nearest, granted, local_date(ended.over_at))
        else:
            yield WhyNothing("team_not_granted", search.team, nearest, granted)
    elif search.team is None and granted:
        yield WhyNothing("only_teams", granted=granted)
    of_agents = [grant.limits.agents for grant in admission.grants]
    if of_agents and all(of_agents):
        yield WhyNothing("only_agents", ", ".join(sorted({name for names in of_agents for name in names or ()})))
    if search.agent is not None and agents:
        yield WhyNothing("agent_unknown", search.agent, tuple(nearest_names(search.agent, agents)))
    if search.before is not None and search.before <= store.policy.latest_due(store.clock.today(now)):
        yield WhyNothing("before_retention")
    elif search.since is not None and search.since > now:
        yield WhyNothing("in_future")
    elif (search.since or search.before) and not agents and searched:
        yield WhyNothing("other_days")
    if not held.total():
        copies = admission.purpose is Purpose.TRAINING
        yield WhyNothing("no_released_copies" if copies else "nothing_held")


def _newest_first(store: Store, admission: Admission, search: Search, now: datetime) -> Iterator[Recording]:
    """The rows of `_open_rows`, read in windows that grow as they go back, until nobody wants more."""
    oldest, on_hold = store.policy.latest_due(store.clock.today(now)), holds.at(store, now)
    oldest = max(oldest, search.since) if search.since is not None else oldest
    before, window = search.before, _FIRST_WINDOW
    while before is None or before > oldest:
        since = max(oldest, (before or now) - window)
        yield from _open_rows(store, admission, replace(search, since=since, before=before), on_hold, now)
        before, window = since, 2 * window


def _open_rows(store: Store, admission: Admission, search: Search, on_hold: Holds, now: datetime) -> list[Recording]:
    """The rows that fit and that the grants cover, newest first; their keys decide whether they open."""
    today = store.clock.today(now)
    rows = (
        row
        for row in _candidates(store, admission, search)
        if _is_open_to(admission, row, store.policy.ends_at(row), today)
        if not on_hold.closes(row)
    )
    return sorted(rows, key=lambda row: (row.started_at, row.id), reverse=True)


def _candidates(store: Store, admission: Admission, search: Search) -> list[Recording]:
    everywhere = any(grant.teams is None for grant in admission.grants)
    of_teams = None if everywhere else frozenset().union(*(grant.teams or () for grant in admission.grants))
    if search.team is not None:
        of_teams = frozenset({search.team}) if of_teams is None else of_teams & {search.team}
    since = to_micros(search.since) if search.since else -_FOREVER
    before = to_micros(search.before) if search.before else _FOREVER
    return store.catalogue.search.of_teams(of_teams, since, before) if of_teams is None or of_teams else []


def _is_open_to(admission: Admission, row: Recording, ends_at: datetime, now: datetime) -> bool:
    wanted = Kind.PSEUDONYMISED if admission.purpose is Purpose.TRAINING else Kind.ORIGINAL
    is_granted = any(grant.limits.has_day(row.started_at) for grant in admission.grants_for(row.team))
    return row.kind is wanted and admission.purpose in row.purposes and not is_due(ends_at, now) and is_granted


def _is_within(grant: Grant, row: Recording, agent: str) -> bool:
    return grant.limits.has_day(row.started_at) and grant.limits.has_agent(agent)


def _objected(store: Store, admission: Admission) -> Collection[str]:
    """The compared names of agents whose objection closes their calls for the purpose."""
    return objections.closed_names(store, closing(admission.purpose, officer=False))


def _opened(
    store: Store,
    admission: Admission,
    rows: Iterable[Recording],
    damaged: list[RecordingId],
    objected: Collection[str],
) -> Iterator[Match]:
    """The rows whose metadata this manager's grants open, opened one by one; agents who *objected* are left out.

    Rows whose metadata is damaged are added to *damaged*.
    """
    keyring, left = GrantKeyring(store, admission.grants), iter(rows)
    while batch := list(islice(left, _AT_ONCE)):
        for row, facts in metadata.open_each(store, batch, keyring, metadata.erasure_keys(store, batch)):
            if facts is None:
                if any(grant.limits.agents is None for grant in admission.grants_for(row.team)):
                    damaged.append(row.id)  # else its agent, and so the limits, are unknown
                continue
            length, agent, is_copy = float(facts["duration_s"]), facts["agent"], row.kind is Kind.PSEUDONYMISED
            is_within = any(_is_within(grant, row, agent) for grant in admission.grants_for(row.team))
            if not is_within or (objected and agent_name(agent) in objected):
                continue
            shown = None if is_copy else agent  # a copy is found for training alone
            yield Match(row.id, row.started_at, length, row.team, shown, store.policy.ends_at(row), is_copy)
