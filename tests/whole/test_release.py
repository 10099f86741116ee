"""`./dev release` names each thing that a version still lacks, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import needs
from tests.support.places import TOP
from tools import release

VERSION = "0.2.0"
CHANGES = "# Changelog\n\n## [0.2.0] - unreleased\n\nMore.\n\n## [0.1.0] - 2026-12-01\n\nThe first version.\n"


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """A project that can be released as 0.2.0."""
    (tmp_path / "arlo_rec").mkdir()
    (tmp_path / "arlo_rec" / "__init__.py").write_text(f'__version__ = "{VERSION}"\n', "utf-8")
    (tmp_path / "CHANGELOG.md").write_text(CHANGES, "utf-8")
    for version in ("0.1.0", VERSION):
        folder = tmp_path / "tests" / "fixtures" / "formats" / version
        folder.mkdir(parents=True)
        (folder / "world.tar.xz").write_bytes(b"packed")
    shutil.copy(TOP / "pyproject.toml", tmp_path)
    shutil.copytree(TOP / "requirements", tmp_path / "requirements")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "-A")
    git(tmp_path, "-c", "user.name=x", "-c", "user.email=x@x.example", "commit", "--quiet", "-m", "All")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True)


def test_a_version_that_is_ready_lacks_nothing(ready: Path) -> None:
    assert release.version_of(ready) == VERSION
    for check in (release.tree, release.changelog, release.fixtures, release.schema_of_fixture, release.locks):
        assert list(check(ready, VERSION)) == []


def test_what_is_not_committed_is_named(ready: Path) -> None:
    (ready / "more.txt").write_text("more", "utf-8")
    assert list(release.tree(ready, VERSION)) == ["not committed: more.txt"]


def test_a_version_that_is_tagged_is_not_released_again(ready: Path) -> None:
    git(ready, "tag", "v0.2.0")
    assert list(release.tree(ready, VERSION)) == ["v0.2.0 is tagged already: raise __version__"]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (CHANGES.replace("[0.2.0]", "[0.3.0]"), 1),
        (CHANGES.replace("- unreleased", "- soon"), 1),
        (CHANGES.replace("2026-12-01", "unreleased"), 1),
        ("# Changelog\n", 1),
        (CHANGES + "\n## [0.1.1] - 2026-11-01\n", 1),
    ],
    ids=["another", "no day", "old unreleased", "empty", "order"],
)
def test_a_changelog_that_is_not_of_this_version_is_named(ready: Path, text: str, problems: int) -> None:
    (ready / "CHANGELOG.md").write_text(text, "utf-8")
    assert len(list(release.changelog(ready, VERSION))) == problems


@pytest.mark.parametrize("version", ["0.1.0", VERSION])
def test_a_version_without_its_fixture_is_named(ready: Path, version: str) -> None:
    shutil.rmtree(ready / "tests" / "fixtures" / "formats" / version)
    assert list(release.fixtures(ready, VERSION)) == [f"{version} has no fixture: python -m tools.make_fixture"]


def test_a_fixture_of_another_schema_is_named(ready: Path) -> None:
    about = ready / "tests" / "fixtures" / "formats" / VERSION / "about.json"
    about.write_text('{"schema": 1, "digest": "00"}', "utf-8")
    assert len(list(release.schema_of_fixture(ready, VERSION))) == 1


def test_a_package_that_no_lock_has_is_named(ready: Path) -> None:
    lock = ready / "requirements" / "run.txt"
    lock.write_text(lock.read_text("ascii").replace("msgspec==", "msgspec-else=="), "ascii")
    assert [line.rsplit(" ", 1)[1] for line in release.locks(ready, VERSION)] == ["msgspec"]


@pytest.mark.slow
def test_two_builds_of_a_commit_have_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    needs.demand(needs.clone())
    assert list(release.build(TOP, release.version_of(TOP))) == []
    assert capsys.readouterr().out.count("sha256") == 2
