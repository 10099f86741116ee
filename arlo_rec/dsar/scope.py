"""The part of what is held that the person wants to have: calls by name, or a span of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from arlo_rec.access.short_ids import named
from arlo_rec.dsar.answer import Scope
from arlo_rec.dsar.subjects import KnownBy, known
from arlo_rec.model.errors import NothingMatched, Usage
from arlo_rec.model.names import is_unicode
from arlo_rec.model.records import Recording
from arlo_rec.store import Store


def within(store: Store, scope: Scope, held: Sequence[Recording]) -> list[Recording]:
    """Those of *held* that meet each condition; a call is named by our id, its beginning, or the exchange's reference.

    Raises NothingMatched for a call that is none of them, and where nothing of what is held lies in the scope.
    """
    chosen = [recording for recording in held if _is_in_span(scope, recording)]
    if scope.calls:
        named = {recording.id for text in scope.calls for recording in _named(store, text, held)}
        chosen = [recording for recording in chosen if recording.id in named]
    if not chosen:
        raise NothingMatched("nothing_in_scope", rule="access.subject")
    return chosen


def in_full(scope: Scope | None, held: Sequence[Recording]) -> Scope | None:
    """The same scope as the person is told it: with the whole id where a call was named by the beginning of one."""
    if scope is None:
        return None
    ids = {recording.id.hex() for recording in held}
    return replace(scope, calls=tuple((named(text, ids) or [text])[0] for text in scope.calls))


def _is_in_span(scope: Scope, recording: Recording) -> bool:
    begins_late_enough = scope.since is None or recording.started_at >= scope.since
    return begins_late_enough and (scope.before is None or recording.started_at < scope.before)


def _named(store: Store, text: str, held: Sequence[Recording]) -> list[Recording]:
    """The call that a text means; an id of ours goes before a reference, and what may be two calls is none."""
    if not is_unicode(text):
        raise Usage("bad_value", name="--call")
    own = named(text, {recording.id.hex() for recording in held})
    source = known(store, KnownBy.CALL, text).tag
    by_id = [recording for recording in held if recording.id.hex() in own]
    by_source = [recording for recording in held if recording.source == source and text not in own]
    if len(by_id) > 1 or by_id == by_source == [] or (by_id and by_source and by_id != by_source):
        raise NothingMatched("not_their_call", rule="access.subject", call=text)
    return by_id or by_source
