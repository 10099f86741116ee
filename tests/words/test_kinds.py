"""What detectors know of each kind of finding fits what the network learnt, and a question's answer has a length."""

from __future__ import annotations

import pytest

from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.words.detectors import network
from arlo_rec.words.detectors.kinds import ASKED, LABELLED, RULED, heard


def test_columns_and_labels_have_no_gap_and_no_two_kinds_share_one() -> None:
    assert [heard(kind).column for kind in RULED] == list(range(len(RULED)))
    assert [heard(kind).label for kind in LABELLED] == list(range(1, len(LABELLED) + 1))
    assert [heard(kind).asked for kind in ASKED] == list(range(len(ASKED)))


def test_the_network_that_is_shipped_tells_as_many_kinds_as_are_labelled() -> None:
    assert network.CLASSES[0] is None
    for packed in network.load_networks():
        assert len(network.unpack(packed)["label_shift"]) == 1 + len(LABELLED)


@pytest.mark.parametrize("kind", Kind)
def test_what_people_ask_for_has_a_longest_answer_and_nothing_else_has(kind: Kind) -> None:
    assert (heard(kind).longest > 0) == (kind in ASKED)
