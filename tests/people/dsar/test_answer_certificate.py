"""What an answer's certificate and its list of accesses say, and the order in which an answer is written."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.law.model import records, times
from arlo_rec.law.model.strict_json import canonical, to_base64
from arlo_rec.people.dsar import signing
from arlo_rec.vault.certificates import check
from tests.support.answers import opened
from tests.support.attack import own_code, problem_codes
from tests.support.catalogue import insider
from tests.support.certificates import code, inside, keys_of, published, reason, signed
from tests.support.world import REASON, World, memory_of

pytestmark = pytest.mark.slow  # `test_dsar` and `test_letter` are what the quick loop has of answers

CALLED = ("--identity", "called-back")
WHY = ("--purpose", "quality", "--reason", REASON)
CASE = "5e1f00c0ffee"


def answered(world: World, name: str = "answer.html", *more: str) -> tuple[Path, dict[str, Any]]:
    """An answer that the officer made, and what is inside."""
    out = world.base / name
    told = world.json("dsar", "90000001", *CALLED, "--out", str(out), *more, who="sigrid")
    return out, opened(out.read_bytes(), told["passphrase"].encode())


def accesses(content: dict[str, Any]) -> bytes:
    """The list of accesses inside an answer."""
    raw = content["bodies"]["accesses.json"]
    return raw


# -- genuine ------------------------------------------------------------------------------------------------


def test_an_answer_that_nothing_is_held_is_signed_too_and_has_no_list(world: World) -> None:
    out, content = answered(world)
    assert "accesses.json" not in {file["name"] for file in content["files"]}
    told = world.json("certificate", "verify", str(out))
    assert told["accesses"] is None
    assert told["sha256"] in {
        entry.get("detail", {}).get("sha256") for entry in world.json("audit", "show", who="iver")["entries"]
    }


def test_no_certificate_and_no_list_holds_anything_about_a_person(world: World) -> None:
    world.take_in("a")
    world.grant("leif")
    world.json("find", *WHY, who="leif")
    out, content = answered(world)
    clear = canonical(inside(out.read_bytes())[1]) + accesses(content)
    for private in (b"leif", b"sigrid", b"telefon", b"90000001", b"Oppdiktet", REASON.encode(), b"kundeservice"):
        assert private not in clear


@pytest.mark.slow
def test_a_large_answer_is_checked_in_little_memory(world: World) -> None:
    most = []
    for count in (1, 150):
        path = world.base / f"{count}.html"
        head = b"<!doctype html>" + check.GENERATOR
        with own_code(world, "sigrid") as store, path.open("wb") as file:
            page = (piece for piece in (head, *([bytes(1_000_000)] * count), check.PAGE_END))
            statement = signing.Statement(CASE, None, None)
            file.writelines(signing.sealed(store, page, statement, lambda: datetime.now(UTC)))
        taken, told = memory_of(world, "certificate", "verify", str(path), who=None)  # type: ignore[arg-type]
        assert told["valid"]
        most.append(taken)
    assert most[1] - most[0] < 10_000_000, most


# -- the list of accesses -------------------------------------------------------------------------------------


def test_the_list_names_every_entry_of_the_log_that_names_the_recordings(world: World) -> None:
    call, _ = world.take_in("a", "b")
    other = world.take_in("other", caller="+4790000002", seed=9)
    world.grant("leif")
    world.json("find", *WHY, who="leif")
    world.json("export", call, *WHY, "--out", str(world.base / "out.wav"), who="leif")
    world.grant("turid", "quality", "--team", "another")
    assert world.run("export", call, *WHY, "--out", str(world.base / "no.wav"), who="turid").exit == 13
    world.json("withdraw", "90000001", "--dry-run", who="siri")
    out, content = answered(world)
    raw, data = accesses(content), json.loads(_file(content, "data.json"))
    told = json.loads(raw)
    ids = {each["id"] for each in data["recordings"]}
    with own_code(world, "sigrid") as store:  # read anew, by other code
        bodies = {seq: body.decode() for seq, body in store.log.raw.bodies() if body is not None}
    size = int(told["checkpoint"].split("\n")[1])
    assert [each["seq"] for each in told["entries"]] == [
        seq for seq, body in bodies.items() if seq < size and any(each in body for each in ids)
    ]
    assert told["count"] == len(told["entries"])
    assert {each["what"] for each in told["entries"]} == {
        *("taken_in", "in_case", "find", "export", "refused", "withdraw_shown", "dsar"),
    }
    letter = sorted((each["action"], each["role"]) for facts in data["recordings"] for each in facts["accesses"])
    assert letter == sorted(
        (each["what"], each["role"]) for each in told["entries"] if each["access"] for _ in each["recordings"]
    )
    assert other[0] not in raw.decode()
    beside = world.base / "accesses.json"
    beside.write_bytes(raw)
    for words in ((str(out),), (str(beside),), (str(out), "--accesses", str(beside))):
        said = world.json("certificate", "verify", *words)
        assert said["accesses"] == {"count": told["count"], "accesses": 4, "size": size}, "the one beside it is found"
    assert check.main([str(out), str(beside), *published(world)]) == 0


def test_nobody_leaves_an_access_out_of_the_list_or_puts_another_in(world: World) -> None:
    world.take_in("a")
    world.grant("leif")
    world.json("find", *WHY, who="leif")
    out, content = answered(world)
    told = json.loads(accesses(content))

    def changed(**values: Any) -> bytes:
        return canonical({**told, **values}) + b"\n"

    entries = told["entries"]
    for wrong in (
        changed(entries=entries[:-1]),
        changed(entries=entries[:-1], count=len(entries) - 1),
        changed(entries=[*entries, entries[-1]], count=len(entries) + 1),
        changed(entries=[{**entries[0], "leaf": to_base64(bytes(32))}, *entries[1:]]),
        changed(entries=[{**entries[0], "access": not entries[0]["access"]}, *entries[1:]]),
        changed(entries=[{**entries[0], "recordings": ["0" * 32]}, *entries[1:]]),
        changed(recordings=[]),
    ):
        assert code(wrong) == "accesses_invalid"
        beside = world.base / "wrong.json"
        beside.write_bytes(wrong)
        assert world.run("certificate", "verify", str(out), "--accesses", str(beside)).exit == 15
        assert check.main([str(out), str(beside)]) == 1
    keys = keys_of(world, "sigrid")  # signed anew, by the very officer: what the log does not have is seen
    for wrong, why in (
        ({"entries": [{**entries[0], "leaf": to_base64(bytes(32))}, *entries[1:]]}, "entry_not_in_log"),
        ({"entries": [{**entries[0], "seq": 0}, *entries[1:]]}, "entry_not_in_log"),
        ({"entries": entries[:-1]}, "counts_differ"),
        ({"entries": entries[::-1]}, "entries_out_of_order"),
        ({"entries": [{**entries[0], "recordings": ["0" * 32]}, *entries[1:]]}, "recordings_differ"),
        ({"entries": [{**entries[0], "recordings": []}, *entries[1:]]}, "recordings_differ"),
    ):
        assert reason(canonical(signed({**told, **wrong}, *keys)) + b"\n") == why


def test_what_somebody_else_asked_is_listed_with_its_day_and_with_no_recording(world: World) -> None:
    """Recordings and times would tell which calls of other people are one employee's, or the other way round."""
    world.take_in("mine", "mine too", seconds=1)
    world.take_in("theirs", caller="+4790000002", seed=7, seconds=1)
    asked = ("dsar", "--agent", "Ola Oppdiktet", "--identity", "seen-id", "--out", str(world.base / "employee.html"))
    case = world.json(*asked, who="sigrid")["case"]["id"]
    _, content = answered(world)
    raw, data = accesses(content), json.loads(_file(content, "data.json"))
    others = [entry for entry in json.loads(raw)["entries"] if "other" in entry["what"]]
    assert {entry["what"] for entry in others} == {"in_case_other", "dsar_other"}
    assert [entry["recordings"] for entry in others] == [[], []]
    told = [each for each in data["recordings"][0]["accesses"] if "other" in each["action"]]
    assert [each["action"] for each in told] == ["dsar_other"]
    day = times.start_of_day(times.local_date(datetime.now(UTC)))
    assert [records.from_iso(each["at"]) for each in told] == [day], "the day and no time"
    assert not any(case.encode() in body for body in content["bodies"].values())


def test_a_list_of_another_answer_is_none_of_this_one(world: World) -> None:
    world.take_in("a")
    out, _ = answered(world)
    _, other = answered(world, "again.html")
    (world.base / "accesses.json").write_bytes(accesses(other))
    told = world.run("certificate", "verify", str(out), "--json")
    assert (told.exit, told.json["error"]["code"]) == (15, "accesses_of_another")
    assert world.run("certificate", "verify", str(world.base / "accesses.json"), "--accesses", str(out)).exit == 2
    for each in (out, world.base / "accesses.json"):
        assert world.run("certificate", "verify", str(each), "--page", str(world.base / "page.html")).exit == 2


def _file(content: dict[str, Any], name: str) -> bytes:
    raw = content["bodies"][name]
    return raw


# -- in which order it is written -----------------------------------------------------------------------------

_KILLED = """
import os, sys
from arlo_rec import cli
from arlo_rec.vault.backends.named_files import _NewFile
name_new = _NewFile.name
def die(*words):
    {when}
    os._exit(77)
_NewFile.name = die
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["pass", "name_new(*words)"], ids=["before the name", "after the name"])
def test_a_run_that_is_killed_at_the_name_leaves_a_log_that_is_true(world: World, when: str) -> None:
    world.take_in("a")
    out = world.base / "answer.html"
    words = ("dsar", "90000001", *CALLED, "--out", str(out), *world._who("sigrid"))
    done = subprocess.run(
        [sys.executable, "-c", _KILLED.format(when=when), *words],
        env={**world._environment(), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 77, done
    steps = [entry.get("detail", {}).get("step") for entry in world.json("audit", "show", who="iver")["entries"]]
    assert "signed" in steps and "answered" not in steps
    assert out.exists() is (when != "pass")
    if out.exists():
        assert world.json("certificate", "verify", str(out))["valid"]
    (listed,) = world.json("recipients", "list", who="sigrid")["recipients"]
    assert (listed["kind"], listed["sha256"]) == ("package", None), "it may have left"
    assert problem_codes(world) == set()
    answered(world, "again.html")


def test_a_withdrawal_while_the_answer_is_signed_leaves_no_file_and_a_true_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.take_in("a")
    sign = signing.sign

    def meanwhile(*words: Any) -> bytes:
        world.json("withdraw", "90000001", "--yes", who="skranke")
        return sign(*words)

    monkeypatch.setattr(signing, "sign", meanwhile)
    out = world.base / "answer.html"
    assert world.run("dsar", "90000001", *CALLED, "--out", str(out), who="sigrid").exit == 14
    assert not out.exists()
    assert world.json("recipients", "list", who="sigrid")["recipients"] == []
    assert problem_codes(world) == set()


def test_an_officer_for_whom_nobody_vouches_hands_out_nothing_that_nobody_could_check(world: World) -> None:
    with insider(world) as db:
        db.run("DELETE FROM vouchers")
    out = world.base / "answer.html"
    told = world.run("dsar", "90000001", *CALLED, "--out", str(out), "--json", who="sigrid")
    assert (told.exit, told.json["error"]["code"]) == (15, "not_vouched")
    assert not out.exists()
