"""Who signed an entry of the log, for one command: what was looked up once for a checkpoint is not looked up again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from arlo_rec.catalogue.audit_log import AuditLog, SignedCheckpoint, signed_span
from arlo_rec.crypto import merkle
from arlo_rec.crypto.verifiers import Verifiers
from arlo_rec.keys.roster import name_then
from arlo_rec.model.records import Person, from_iso
from arlo_rec.model.rights import may_say
from arlo_rec.policy import Role
from arlo_rec.store import Store

_AT_ONCE: Final = 2000
_T = TypeVar("_T")
EARLIEST, LATEST = 2000, 2200  # years that a time can be of: what own code writes beyond them cannot be reckoned with


class Signed:
    """The signers of the entries of one store; many entries are closed by one checkpoint."""

    def __init__(self, store: Store) -> None:
        self._log, self._signers = store.log, store.signers()
        self._keys: Final = self._signers.keys()
        self._closed: tuple[range, bytes | None] = range(0), None

    def by(self, seq: int) -> Person | None:
        """Who signed the checkpoint that closes an entry; None where nobody did."""
        if seq not in self._closed[0]:
            self._closed = self._log.closing(seq, self._keys)
        return self._signers.of_key(self._closed[1], seq)

    def role(self, seq: int) -> Role | None:
        """The role of who signed an entry, as `log_clock` asks for it."""
        signer = self.by(seq)
        return signer.role if signer is not None else None

    def counts(self, seq: int, body: Mapping[str, Any]) -> Person | None:
        """Who signed an entry, if somebody of their role may say what it says; None else."""
        signer = self.by(seq)
        return signer if signer is not None and may_say(signer.role, str(body.get("action"))) else None


def in_order(store: Store, read: Iterable[tuple[int, _T]], of: str | None) -> Iterator[tuple[_T, Person | None]]:
    """What was *read* of entries, by ascending numbers, each with who signed the entry: as `Signed.by`, many at a time.

    With *of* the keys of people of that name alone are looked for. Signatures are verified on every processor, because
    that takes longer than all the rest, and the library lets go of the interpreter meanwhile.
    """
    signers, origin = store.signers(), store.log.origin
    everybody = (*store.roster.people, *store.roster.former)
    names = merkle.signer_names(origin, {each.sign_key for each in everybody if of in (None, name_of(each))})

    def begun(some: list[tuple[int, _T]], verifiers: Verifiers) -> Callable[[], Iterator[tuple[_T, Person | None]]]:
        closed = list(_closed(store.log, [seq for seq, _ in some]))
        distinct = {each.size: each for each in closed if each is not None}
        verified = verifiers.map(lambda each: signed_span(origin, each, names), list(distinct.values()))

        def done() -> Iterator[tuple[_T, Person | None]]:
            signed = dict(zip(distinct, verified, strict=True))
            for (seq, value), each in zip(some, closed, strict=True):
                span, key = signed[each.size] if each is not None else (range(0), None)
                yield value, signers.of_key(key, seq) if seq in span else None

        return done

    rest = iter(read)
    ahead: Callable[[], Iterator[tuple[_T, Person | None]]] = lambda: iter(())  # noqa: E731 - of nothing
    with Verifiers() as verifiers:
        while some := list(islice(rest, _AT_ONCE)):
            ready, ahead = ahead, begun(some, verifiers)  # while what was read before is dealt with, this is verified
            yield from ready()
        yield from ahead()


def _closed(log: AuditLog, seqs: Sequence[int]) -> Iterator[SignedCheckpoint | None]:
    """The checkpoint that closes each entry of ascending numbers."""
    ahead: list[SignedCheckpoint] = []
    for seq in seqs:
        while ahead and ahead[-1].size <= seq:
            ahead.pop()
        if not ahead:
            ahead = log.checkpoints_after(seq, _AT_ONCE)[::-1]
        yield ahead[-1] if ahead else None


def name_of(person: Person) -> str:
    """The name of somebody present or former, as they were called."""
    return name_then(person.name)


def time_in(body: Mapping[str, Any]) -> datetime | None:
    """The time that an entry says; None where it says none that can be reckoned with."""
    try:
        at = from_iso(str(body["at"]))
    except (KeyError, OverflowError, ValueError):
        return None
    return at if EARLIEST <= at.year <= LATEST else None
