"""Every kind of pending decision is listed for somebody, has a sentence, and buttons that the desk knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from arlo_rec.edge.commands import desk_views
from arlo_rec.law.messages import values_of
from arlo_rec.office import pending
from arlo_rec.office.pending import Pending


def kinds(kind: type[Pending] = Pending) -> Iterator[type[Pending]]:
    for each in kind.__subclasses__():
        yield each
        yield from kinds(each)


@pytest.mark.parametrize("kind", list(kinds()))
def test_its_task_has_a_sentence_with_its_id_and_the_desk_knows_its_buttons(kind: type[Pending]) -> None:
    assert {"id"} <= values_of(f"todo.{kind.TASK}")
    assert {*kind.BUTTONS} <= {*desk_views._ACTS}


def test_every_kind_waits_for_officers_or_for_managers() -> None:
    listed = {*pending._OF_OFFICERS, pending.GlassWaits}
    assert {kind for kind in kinds() if "waiting" in vars(kind)} == listed
