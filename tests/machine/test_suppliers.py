"""Suppliers that IT is to control: told in time, when it is overdue, and to those whose duty it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.times import local_date
from arlo_rec.policy import SUPPLIER_SOON, supplier_control
from tests.support.pages import FILE, config
from tests.support.world import World

pytestmark = pytest.mark.rule("security.monitored")
STATED = FILE[: FILE.index("[[suppliers]]")]


def suppliers(**days: int) -> str:
    """Particulars with suppliers of these names, to be controlled in so many days."""
    today = local_date(datetime.now(UTC))
    tables = [
        f'[[suppliers]]\nname = "{name}"\ntask = "x"\nnext_at = {today + timedelta(days=ahead)}\n'
        for name, ahead in days.items()
    ]
    return STATED + "\n".join(tables)


@given(st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.integers(-1000, 1000))
def test_a_control_is_due_for_thirty_days_and_overdue_behind_its_day(next_at: date, ahead: int) -> None:
    control = supplier_control(next_at, next_at + timedelta(days=ahead))
    assert control.rule == "security.monitored"
    assert control.allowed is (ahead <= 0)
    assert (control.code == "supplier_due") is (-SUPPLIER_SOON.days < ahead <= 0)
    assert (control.code == "supplier_overdue") is (ahead > 0)


@pytest.mark.slow
def test_status_names_each_supplier_whose_control_is_due_or_overdue(world: World) -> None:
    options = config(world, suppliers(Late=-1, Soon=29, Later=31))
    told = world.json("status", *options, who="iver")
    assert [each["name"] for each in told["suppliers"]] == ["Late", "Soon", "Later"]
    assert told["suppliers"][0].keys() == {"name", "task", "controlled_at", "next_at"}
    assert "supplier_overdue" in told["warnings"]
    said = world.run("status", *options, "--lang", "en", who="iver").out
    assert "Late should have been controlled by" in said and "Soon is to be controlled by" in said
    assert "Later" not in said


@pytest.mark.slow
def test_status_says_that_no_supplier_is_stated_and_does_not_end_for_a_file_that_is_none(world: World) -> None:
    for text in ('controller = "Oppdiktet AS"\n', "no toml"):
        told = world.run("status", *config(world, text), "--lang", "en", who="iver")
        assert "The suppliers are not stated" in told.out and told.exit == 0
    assert "not stated" not in world.run("status", *config(world, f"suppliers = []\n{STATED}"), who="iver").out


@pytest.mark.slow
def test_the_auditor_and_the_officer_have_it_to_do_and_nobody_else(world: World) -> None:
    options = config(world, suppliers(Late=-1, Soon=29, Later=31))
    for who, wanted in (("iver", {"Late", "Soon"}), ("sigrid", {"Late", "Soon"}), ("leif", set()), ("siri", set())):
        waiting = world.json("todo", *options, who=who)["todo"]
        assert {each["id"] for each in waiting if each["kind"].startswith("supplier")} == wanted
