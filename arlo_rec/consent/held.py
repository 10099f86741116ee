"""The consent to one recording, as it is held: found by an id, and written down before shown.

Only officers may ask. What is not held answers alike, whether it never was, was withdrawn, is past its day, or is no id
at all: nobody learns from a refusal that there was a call.
"""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from arlo_rec.access import metadata, revisions
from arlo_rec.access.keyrings import OfficerKeyring
from arlo_rec.access.short_ids import as_logged, matching
from arlo_rec.consent.record import ConsentFacts, DataHeld
from arlo_rec.log.events import ConsentShown, Denied
from arlo_rec.model.errors import Integrity, NotOpen
from arlo_rec.model.records import Recording, from_iso
from arlo_rec.policy import Action, is_due
from arlo_rec.store import Store


def consent_to(store: Store, text: str, now: datetime) -> ConsentFacts:
    """The consent to the call that an id means: its own, that of a copy of it, or a beginning that no other has.

    Raises NotGranted, NotOpen, and Integrity where the metadata say another consent.
    """
    store.demand(Action.DSAR, now)
    store.demand_replayed(Action.DSAR, now)
    store.demand_clock(Action.DSAR, now)
    call = _call(store, text, now)
    store.note(ConsentShown(recordings=(call.id,)), now)
    return _facts(store, call, now)


def _call(store: Store, text: str, now: datetime) -> Recording:
    """The held call of that id; raises NotOpen."""
    recordings = store.catalogue.recordings
    ids = [revisions.newest(store, each) for each in matching(store, lambda _team: True, text)]
    rows = [row for each in ids if (row := recordings.held(each)) is not None]
    calls = {row.parent or row.id for row in rows}
    call = recordings.held(next(iter(calls))) if len(calls) == 1 else None
    if call is None or len(rows) < len(ids) or is_due(store.policy.ends_at(call), store.clock.today(now)):
        _refuse(store, text, now, several=len(calls) > 1)
    return call


def _refuse(store: Store, text: str, now: datetime, *, several: bool) -> NoReturn:
    """Log a look that found nothing, then raise."""
    error = NotOpen(several=several)
    rule, asked = error.rule or ConsentShown.RULE, as_logged(text)
    store.note(Denied(action=ConsentShown.ACTION, rule=rule, code=error.code, asked=asked), now)
    raise error


def _facts(store: Store, call: Recording, now: datetime) -> ConsentFacts:
    """What row and metadata say; raises NotOpen where it was erased meanwhile, and Integrity."""
    ke = metadata.erasure_keys(store, [call]).get(call.id)
    known = metadata.open_for(store, call, OfficerKeyring(store), ke, whole=True) if ke is not None else None
    if known is None:
        _refuse(store, call.id.hex(), now, several=False)
    prompt = store.prompts.get(call.prompt)
    at = from_iso(known["consent"]["at"])
    if prompt is None or prompt.sha256 != call.prompt_sha256 or prompt.purposes != call.purposes:
        raise Integrity("recording_changed", id=call.id.hex())
    return ConsentFacts(
        id=call.id.hex(),
        at=at,
        prompt=call.prompt,
        prompt_lang=prompt.lang,
        prompt_text=prompt.text,
        prompt_sha256=call.prompt_sha256.hex(),
        purposes=tuple(sorted(call.purposes)),
        held=DataHeld(known["caller"] is not None, bool(known["known"].get("caller"))),
        started_at=call.started_at,
        erased_on=store.policy.ends_at(call),
        policy=call.policy,
    )
