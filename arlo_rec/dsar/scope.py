"""The part of what is held that the person wants to have: calls by name, or a span of time."""

from __future__ import annotations

from collections.abc import Sequence

from arlo_rec.dsar.answer import Scope
from arlo_rec.dsar.subjects import KnownBy, known
from arlo_rec.model.errors import NothingMatched, Usage
from arlo_rec.model.names import is_unicode
from arlo_rec.model.records import Recording
from arlo_rec.store import Store


def within(store: Store, scope: Scope, held: Sequence[Recording]) -> list[Recording]:
    """Those of *held* that meet each condition; a call is named by our id or by the exchange's reference.

    Raises NothingMatched for a call that is none of them, and where nothing of what is held lies in the scope.
    """
    chosen = [recording for recording in held if _is_in_span(scope, recording)]
    if scope.calls:
        named = {recording.id for text in scope.calls for recording in _named(store, text, held)}
        chosen = [recording for recording in chosen if recording.id in named]
    if not chosen:
        raise NothingMatched("nothing_in_scope", rule="access.subject")
    return chosen


def _is_in_span(scope: Scope, recording: Recording) -> bool:
    begins_late_enough = scope.since is None or recording.started_at >= scope.since
    return begins_late_enough and (scope.before is None or recording.started_at < scope.before)


def _named(store: Store, text: str, held: Sequence[Recording]) -> list[Recording]:
    if not is_unicode(text):
        raise Usage("bad_value", name="--call")
    source = known(store, KnownBy.CALL, text).tag
    found = [recording for recording in held if text == recording.id.hex() or recording.source == source]
    if not found:
        raise NothingMatched("not_their_call", rule="access.subject", call=text)
    return found
