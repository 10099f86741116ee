"""Facts that detectors know of each kind of finding, in one place.

The places of kinds in the network's columns and labels were learnt with its weights: they stay as they are. A kind that
the network has not learnt has neither; its findings are cut by the rules alone.
"""

from __future__ import annotations

from typing import Final, NamedTuple, assert_never

from arlo_rec.sound.audio.cut_list import Kind


class Heard(NamedTuple):
    """How words of a kind are found: its places in the network, and what an answer to a question for it is like."""

    column: int | None = None  # of the rules' findings of it, by the words and by context, in what the network reads
    label: int | None = None  # what the network calls a word of it; 0 is a word of no kind
    asked: int | None = None  # its rank where a sentence asks for several: a "serial number" is a code
    longest: float = 0.0  # seconds of an answer


def heard(kind: Kind) -> Heard:
    """How words of *kind* are found."""
    match kind:
        case Kind.NAME:
            return Heard(column=0, label=1, asked=6, longest=6.0)
        case Kind.NUMBER:
            return Heard(column=1, label=2, asked=5, longest=14.0)
        case Kind.SECRET:
            return Heard(column=2, label=7)
        case Kind.CODE:  # which the network calls a number
            return Heard(column=3, asked=1, longest=14.0)
        case Kind.SPELLED:
            return Heard(column=4, label=3, asked=4, longest=8.0)
        case Kind.EMAIL:
            return Heard(column=5, label=4, asked=0, longest=12.0)
        case Kind.ADDRESS:
            return Heard(column=6, label=5, asked=3, longest=10.0)
        case Kind.BIRTH:
            return Heard(column=7, label=6, asked=2, longest=8.0)
        case Kind.HEALTH:
            return Heard(column=8, label=8)
        case Kind.CIRCUMSTANCE:  # for a reviewer to look at; of no column of its own context
            return Heard(label=9)
        case Kind.KEYS | Kind.SPEECH | Kind.OTHER:  # of sounds, of speech without words, of other people's lists
            return Heard()
        case _:
            assert_never(kind)


def _ranked(rank: int) -> tuple[Kind, ...]:
    """The kinds that have the field *rank* of `Heard`, sorted by it."""
    places = {kind: heard(kind)[rank] for kind in Kind}
    ranked = {kind: place for kind, place in places.items() if place is not None}
    return tuple(sorted(ranked, key=ranked.__getitem__))


RULED: Final = _ranked(0)  # kinds that rules find, in the order of the network's columns
LABELLED: Final = _ranked(1)  # kinds that the network tells, in the order of its labels from 1 on
ASKED: Final = _ranked(2)  # kinds that people ask for, the most telling question first
