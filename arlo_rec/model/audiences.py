"""Audiences: the people who can hear a recording, by its prompt's purposes and its stage. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from arlo_rec.policy import Purpose


class Audience(StrEnum):
    """People who can hear a recording, besides the officers, who open every one for access requests."""

    ORIGINAL = "original"  # holders of a quality grant of its team
    REVIEW = "review"  # the same people, for an unreleased copy
    TRAINING = "training"  # holders of a training grant of its team
    OFFICER = "officer"  # officers alone


class Stage(StrEnum):
    """A stage between a call and a released training copy."""

    ORIGINAL = "original"
    UNDER_REVIEW = "under_review"
    RELEASED = "released"


_AUDIENCES: Final[Mapping[Stage, tuple[Purpose, Audience]]] = {
    Stage.ORIGINAL: (Purpose.QUALITY, Audience.ORIGINAL),
    Stage.UNDER_REVIEW: (Purpose.QUALITY, Audience.REVIEW),
    Stage.RELEASED: (Purpose.TRAINING, Audience.TRAINING),
}
_OPENED_FOR: Final = {audience: purpose for purpose, audience in _AUDIENCES.values()}


def audience_of(purposes: Collection[Purpose], stage: Stage) -> Audience:
    """The audience of a recording whose prompt named *purposes*; an original is never heard for training."""
    purpose, audience = _AUDIENCES[stage]
    return audience if purpose in purposes else Audience.OFFICER


def purpose_of(audience: Audience) -> Purpose | None:
    """The purpose whose grants open an audience's recordings; None for officers alone."""
    return _OPENED_FOR.get(audience)


def audiences_for(purpose: Purpose) -> frozenset[Audience]:
    """The audiences that grants of *purpose* open."""
    return frozenset(audience for audience in Audience if purpose_of(audience) is purpose)
