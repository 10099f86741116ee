"""The made calls that identifiers are measured on: what they say of themselves is so."""

from __future__ import annotations

import pytest

from tests.support.places import CALLS
from tools.make_calls import faults_of_files, faults_of_sound


@pytest.mark.slow
def test_every_identifier_of_the_talk_stands_where_its_truth_says() -> None:
    assert list(faults_of_files(CALLS / "talk")) == []


def test_every_identifier_of_the_sounds_is_spoken_where_its_truth_says() -> None:
    assert list(faults_of_sound(CALLS / "made")) == []
