"""`policy publish`: who may, into which folder, what is said, and that a run that is cut off leaves no half folder."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.law.model.particulars import KEYS
from arlo_rec.people.publishing import pages
from arlo_rec.people.publishing.pages import every
from arlo_rec.vault.backends.named_files import LocalFiles
from tests.support.attack import problem_codes
from tests.support.catalogue import insider
from tests.support.clock import later
from tests.support.pages import FILE, config
from tests.support.pages import publish as published
from tests.support.policies import propose
from tests.support.world import World

pytestmark = [pytest.mark.slow, pytest.mark.rule("info.published")]
FILES = sorted(page.file for page in every())


def logged(world: World) -> list[dict[str, Any]]:
    """The entries that say that pages were signed."""
    entries: list[dict[str, Any]] = world.json("audit", "show", who="iver")["entries"]
    return [entry for entry in entries if entry["action"] == "policy publish"]


def test_every_page_lies_there_signed_in_both_languages_and_forms(world: World) -> None:
    folder = world.base / "pages"
    told = world.json("policy", "publish", "--out", str(folder), *config(world), who="sigrid")
    assert (told["version"], told["out"]) == ("2026-01", str(folder))
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert len(FILES) == 7 * 2 * 2
    for each in told["pages"]:
        raw = (folder / each["file"]).read_bytes()
        assert (each["sha256"], each["bytes"]) == (hashlib.sha256(raw).hexdigest(), len(raw))
        assert each["file"] == f"{each['name']}.{each['lang']}.{each['form']}"
        checked = world.json("certificate", "verify", str(folder / each["file"]))
        assert (checked["page"], checked["lang"], checked["version"]) == (each["name"], each["lang"], "2026-01")
    (entry,) = logged(world)
    assert (entry["outcome"], entry["rule"], entry["person"]) == ("done", "info.published", "sigrid")
    assert sorted(entry["detail"]["pages"]) == FILES
    assert problem_codes(world) == set()


def test_others_can_read_the_pages_and_nobody_else_can_change_them(world: World) -> None:
    folder = published(world)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


def test_an_empty_folder_is_taken_and_one_that_is_not_stays_as_it_is(world: World) -> None:
    folder, before = world.base / "pages", len(logged(world))
    folder.mkdir()
    published(world)
    assert len(list(folder.iterdir())) == len(FILES)
    assert world.code("policy", "publish", "--out", str(folder), who="sigrid") == (2, "out_not_empty")
    other = world.base / "other"
    other.mkdir()
    (other / "mine").write_text("mine")
    assert world.code("policy", "publish", "--out", str(other), who="sigrid") == (2, "out_not_empty")
    assert [path.name for path in other.iterdir()] == ["mine"]
    assert world.code("policy", "publish", "--out", str(other / "mine"), who="sigrid") == (2, "out_not_empty")
    nowhere = str(world.base / "nowhere" / "pages")
    assert world.code("policy", "publish", "--out", nowhere, who="sigrid") == (2, "no_such_folder")
    assert len(logged(world)) == before + 1


@pytest.mark.parametrize("who", ["leif", "siri", "iver", "cron", "telefon"])
def test_nobody_but_an_officer_publishes_and_the_attempt_is_logged(world: World, who: str) -> None:
    assert world.code("policy", "publish", "--out", str(world.base / "pages"), who=who) == (13, "not_your_role")
    assert not (world.base / "pages").exists()
    denied = world.json("audit", "show", "--limit", "2", who="iver")["entries"]
    assert ("policy", "denied", who) in {(each["action"], each["outcome"], each["person"]) for each in denied}


def test_a_particular_that_is_missing_is_named_and_no_page_is_written(world: World) -> None:
    words = ("policy", "publish", "--out", str(world.base / "pages"), *config(world, 'controller = "Oppdiktet AS"\n'))
    refused = world.run(*words, "--json", who="sigrid")
    assert (refused.exit, refused.json["error"]["code"]) == (14, "particulars_missing")
    assert refused.json["error"]["keys"] == [key for key in KEYS if key != "controller"]
    assert "withdrawal (how a consent is withdrawn)" in refused.json["error"]["message"]
    assert not (world.base / "pages").exists() or not list((world.base / "pages").iterdir())


def test_an_unknown_particular_is_refused_before_anything_is_written_or_logged(world: World) -> None:
    for text in ('phone = "x"\n', f'{FILE}colour = "x"\n', FILE.replace("how_long", "how_short"), "contact = 1\n"):
        words = ("policy", "publish", "--out", str(world.base / "pages"), *config(world, text))
        exit_status, code = world.code(*words, who="sigrid")
        assert exit_status == 2
        assert code in {"particulars_unknown_key", "particulars_bad_value"}
    assert logged(world) == []
    assert not (world.base / "pages").exists()


def test_a_version_that_is_approved_meanwhile_is_published_by_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pages.content

    def meanwhile(*words: Any) -> bytes:
        if not (world.base / "proposal.toml").exists():
            (world.base / "proposal.toml").write_text('version = "2026-02"\nmost_found = 60\n', "utf-8")
            proposal = world.json("policy", "propose", str(world.base / "proposal.toml"), who="sigrid")["proposal"]
            world.json("approve", proposal["id"], who="sigrid")
        return made(*words)

    monkeypatch.setattr(pages, "content", meanwhile)
    told = [
        world.json("policy", "publish", "--out", str(world.base / name), who="sigrid") for name in ("first", "pages")
    ]
    assert [each["version"] for each in told] == ["2026-01", "2026-02"]
    checked = world.json("certificate", "verify", str(world.base / "first" / "guidelines.en.md"))
    assert checked["version"] == "2026-01"
    assert "This is version 2026-02" in (world.base / "pages" / "guidelines.en.md").read_text("utf-8")


# -- in which order it is written ----------------------------------------------------------------------------

_KILLED = """
import os, sys
from arlo_rec import cli
from arlo_rec.vault.backends import named_files
from pathlib import Path
{patch}
sys.exit(cli.main(sys.argv[1:]))
"""
_PLACES = {
    "while files are written": """
write, count = named_files._write, []
def die(*words):
    count.append(1)
    if len(count) == 9:
        os._exit(77)
    write(*words)
named_files._write = die
""",
    "before the name": "named_files._name_folder = lambda *_: os._exit(77)",
    "after the name": """
name = named_files._name_folder
named_files._name_folder = lambda *words: (name(*words), os._exit(77))
""",
}


@pytest.mark.parametrize("when", _PLACES)
def test_a_run_that_is_killed_leaves_no_folder_or_the_whole_one_and_the_next_goes_on(world: World, when: str) -> None:
    folder = world.base / "pages"
    words = ("policy", "publish", "--out", str(folder), *world._who("sigrid"))
    done = subprocess.run(
        [sys.executable, "-c", _KILLED.format(patch=_PLACES[when]), *words],
        env={**world._environment(), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 77, done
    assert len(logged(world)) == 1
    assert folder.exists() is (when == "after the name")
    if folder.exists():
        assert sorted(path.name for path in folder.iterdir()) == FILES
    again = world.run("policy", "publish", "--out", str(folder), who="sigrid")
    assert again.exit == (2 if when == "after the name" else 0), again
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert not [path for path in world.base.iterdir() if path.name.startswith(".pages")]


def test_the_entry_is_there_before_any_file_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    write = LocalFiles.write_folder

    def look(client: LocalFiles, folder: Path, files: Any) -> None:
        seen.append(len(logged(world)))
        assert not folder.exists()
        write(client, folder, files)

    monkeypatch.setattr(LocalFiles, "write_folder", look)
    published(world)
    assert seen == [1]


def test_a_name_that_was_taken_meanwhile_is_not_written_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, write = world.base / "pages", LocalFiles.write_folder

    def taken(client: LocalFiles, path: Path, files: Any) -> None:
        folder.mkdir()
        (folder / "mine").write_text("mine")
        write(client, path, files)

    monkeypatch.setattr(LocalFiles, "write_folder", taken)
    assert world.code("policy", "publish", "--out", str(folder), who="sigrid") == (2, "out_exists")
    assert [path.name for path in world.base.iterdir() if "pages" in path.name] == ["pages"]
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_an_officer_for_whom_nobody_vouches_publishes_nothing_that_nobody_could_check(world: World) -> None:
    with insider(world) as db:
        db.run("DELETE FROM vouchers")
    folder = world.base / "pages"
    assert world.code("policy", "publish", "--out", str(folder), who="sigrid") == (15, "not_vouched")
    assert not folder.exists()


def test_what_is_approved_while_pages_are_written_leaves_no_page_of_another_version(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = propose(world, 'version = "2026-02"\nretention_days = 30\n')["id"]
    content, approved = pages.content, list[str]()

    def slowly(*facts: Any) -> bytes:
        """Another command, which began before, is through while these pages are written."""
        if not approved:
            approved.append(waits)
            later(monkeypatch, seconds=-20)
            world.json("approve", waits, who="sigrid")
            later(monkeypatch, seconds=0)
        return content(*facts)

    monkeypatch.setattr(pages, "content", slowly)
    out = world.base / "pages"
    assert world.code("policy", "publish", "--out", str(out), who="sigrid") == (11, "policy_changed_meanwhile")
    assert not out.exists()
    world.json("policy", "publish", "--out", str(out), who="sigrid")
    assert "30 days" in (out / "guidelines.en.md").read_text("utf-8")
