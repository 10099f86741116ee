"""Tests about the whole: rules, sentences and documents fit together, with nothing missing and nothing extra."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import string
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from arlo_rec.edge.commands import COMMANDS
from arlo_rec.edge.commands.command import EXITS
from arlo_rec.edge.commands.officer import RecoveryKey
from arlo_rec.exchanges.deliveries import COLUMNS
from arlo_rec.law.log import events
from arlo_rec.law.log.event import AuditEvent
from arlo_rec.law.log.registers import CaseState, HoldState
from arlo_rec.law.log.rows import DisclosureState
from arlo_rec.law.messages import clean, every, has, say
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.progress import Phase
from arlo_rec.law.rights import (
    ANSWERED_BY_COPY,
    ClosingGround,
    Ground,
    HoldGround,
    ObjectionScope,
    ObjectionState,
    Right,
)
from arlo_rec.law.rules import RULES, Rule
from arlo_rec.machine.findings import Severity
from arlo_rec.office.moves import Part
from arlo_rec.people.dsar.subjects import KnownBy
from arlo_rec.policy import DESK, Action, Purpose
from arlo_rec.sound.audio.cut_list import Kind
from arlo_rec.vault.keys.jobs import Job
from tests.support import needs
from tests.support.each import each
from tests.support.places import TESTS, TOP
from tests.support.source import MODULES, ON_ONE_WORKER, nodes
from tools import answers_schema, make_docs

TEXTS = every()
DOCUMENTS = sorted([*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md"), *(TOP / "arlo_rec").glob("*/README.md")])
REGISTER = tomllib.loads((TESTS / "security.toml").read_text("utf-8"))
pytestmark = ON_ONE_WORKER
GUIDELINES = {  # every rule of the guidelines, by section
    1: {"scope.only", "access.need"},
    2: {"purpose.training", "purpose.quality", "purpose.change"},
    3: {"data.employee", "data.customer", "data.pseudonymised"},
    4: {
        "consent.basis",
        "consent.prompt",
        "consent.purposes",
        "consent.press1",
        "consent.press2",
        "consent.withdraw",
    },
    5: {"info.customers", "info.employees", "info.published"},
    6: {"access.secure", "access.officer", "access.managers", "access.subject"},
    7: {"retention.90d"},
    8: {"security.password", "security.monitored", "security.unauthorised", "security.reason"},
}


def _words(path: Path) -> set[str]:
    """Every string that stands in a file as a value."""
    return {node.value for node in nodes(path) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _raised() -> dict[str, str]:
    """Every code with which one of our errors is made, and where."""
    families = {"Usage", "NothingMatched", "NoStore", "InUse", "NotUnlocked", "NotGranted", "Refused", "Integrity"}
    families |= {"Unreachable", "ArloError"}
    found = {}
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in families:
                found |= dict.fromkeys(_codes(node.args[0] if node.args else None), path.name)
    return found


def _codes(node: ast.expr | None) -> list[str]:
    """The codes that an expression can be: a string, or one of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return _codes(node.body) + _codes(node.orelse)
    return []


# -- rules --------------------------------------------------------------------------------------------


def test_nothing_lies_in_the_project_under_a_name_that_is_no_plain_word() -> None:
    """What a test wrote into the folder that it ran in, such as a folder of a name that is no UTF-8."""
    for folder, folders, files in os.walk(TOP):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        odd = [name for name in (*folders, *files) if not name.isascii()]
        assert not odd, (folder, odd)


def test_every_rule_of_the_guidelines_is_there_in_its_section() -> None:
    for section, ids in GUIDELINES.items():
        assert {one.id for one in RULES.values() if one.section == section} == ids


@each("rule", RULES.values())
def test_every_rule_is_pinned_by_the_tests_that_it_names(rule: Rule) -> None:
    text = (TOP / rule.pinned_by).read_text("utf-8")
    assert f'mark.rule("{rule.id}")' in text or (rule.pinned_by == rule.carried_out and rule.id in text)


@each("rule", RULES.values())
def test_every_rule_is_carried_out_where_it_says(rule: object) -> None:
    where: str = rule.carried_out  # type: ignore[attr-defined]
    if where.startswith("docs/"):
        assert rule.id in (TOP / where).read_text("utf-8")  # type: ignore[attr-defined]
        return
    module, _, name = where.rpartition(".")
    assert hasattr(importlib.import_module(f"arlo_rec.{module}"), name)


def test_every_rule_names_commands_that_there_are() -> None:
    for rule in RULES.values():
        assert rule.commands and set(rule.commands) <= set(COMMANDS), rule.id


def test_every_rule_is_pinned_by_a_test_or_a_document() -> None:
    marked = set()
    for path in TESTS.rglob("test_*.py"):
        marked |= set(re.findall(r'pytest\.mark\.rule\("([a-z0-9.]+)"\)', path.read_text("utf-8")))
    documents = {one.id for one in RULES.values() if one.carried_out.startswith("docs/")}
    assert marked <= set(RULES)
    assert set(RULES) - marked == documents


def test_every_rule_that_code_names_exists() -> None:
    shape = re.compile(r"(scope|access|purpose|data|consent|info|retention|security)\.[a-z0-9]+")
    for path in MODULES:
        places = {one.carried_out for one in RULES.values()}
        for word in _words(path) - places:
            if shape.fullmatch(word) and word not in {"retention.guard", "data.json", *COLUMNS}:
                assert word in RULES or word in TEXTS, f"{path.name}: {word}"


def test_documents_that_are_made_go_into_the_named_folder_and_stand_in_no_other(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tools.make_docs", str(tmp_path / "docs")]
    subprocess.run(words, cwd=TOP, check=True, capture_output=True)
    written = {path.name: path.read_bytes() for path in (tmp_path / "docs").iterdir()}
    assert written == make_docs.documents()
    assert not [name for name in written if (TOP / "docs" / name).exists()]


# -- sentences ----------------------------------------------------------------------------------------


@each("code", TEXTS)
def test_every_sentence_has_both_languages_with_the_same_values(code: str) -> None:
    nb, en = TEXTS[code]
    assert has(code), "no subject in i18n.messages has its first word"
    assert nb.strip()
    assert en.strip()
    fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (nb, en)]
    assert fields[0] == fields[1]


def test_every_error_has_its_sentence_and_no_sentence_is_left_over() -> None:
    raised = _raised()
    told = {code.removeprefix("error.") for code in TEXTS if code.startswith("error.")}
    indirect = {"usage", "bad_audio", "retention.guard", "roster_missing", "policy_missing", "settings_missing"}
    values = set().union(*(_words(path) for path in MODULES))
    assert set(raised) <= told, set(raised) - told
    assert told <= values | indirect, told - values


def test_an_error_says_what_to_do_next_in_one_line() -> None:
    for code, (nb, en) in TEXTS.items():
        if code.startswith("error."):
            for text in (nb, en):
                assert "\n" not in text
                assert not text.endswith(".") or text.endswith("..."), code


def test_every_code_that_is_said_has_a_sentence() -> None:
    for path in MODULES:
        for node in nodes(path):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute | ast.Name) and ast.unparse(called).split(".")[-1] in {
                "say",
                "opt",
                "arg",
            }:
                first = node.args[0] if node.args else None  # type: ignore[union-attr]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    assert first.value in TEXTS, f"{path.name}: {first.value}"


SETS = {  # the sentences of a set: the code of one, with its place
    "case_state.{}": CaseState,
    "cut.{}": Kind,
    "desk.page.severity_{}": Severity,
    "desk.role.{}": DESK,
    "ground.{}": [*Ground, *ClosingGround],
    "hold_ground.{}": HoldGround,
    "hold_state.{}": HoldState,
    "known_by.{}": KnownBy,
    "letter.action.{}": Action,
    "move_part.{}": Part,
    "notice.asked.{}": Right,
    "notice.granted.{}": [right for right in Right if right not in ANSWERED_BY_COPY],
    "notice.ground.{}": [*Ground, *ClosingGround],
    "notice.not_upheld.{}": ObjectionScope,
    "notice.rejected.{}": ObjectionScope,
    "notice.use.{}": ObjectionScope,
    "objection.scope_{}": ObjectionScope,
    "objection.state_{}": ObjectionState,
    "progress.{}": Phase,
    "purpose.{}": Purpose,
    "recipients.state.{}": DisclosureState,
    "right.{}": Right,
    "status.ran_{}": [job for job in Job if job is not Job.PURGE],
}


@pytest.mark.parametrize("code", SETS)
def test_each_of_a_set_has_a_sentence(code: str) -> None:
    assert [one for one in SETS[code] if code.format(one) not in TEXTS] == []


def test_no_sentence_stands_twice_where_the_later_one_would_win() -> None:
    for path in (TOP / "arlo_rec" / "law" / "sentences").glob("*.json"):
        json.loads(path.read_bytes(), object_pairs_hook=lambda pairs: _each_once(dict(pairs), len(pairs)))


def _each_once(read: dict[str, object], count: int) -> dict[str, object]:
    assert len(read) == count, list(read)
    return read


def test_no_answer_shows_its_values_where_an_exception_or_a_log_would_write_it() -> None:
    kinds = answers_schema.kinds().values()
    assert kinds
    assert [kind for kind in kinds if kind.__repr__ is not Record.__repr__] == []
    shown = RecoveryKey(recovery_key="shown-once", rings_left=[], backup_due=False)
    assert "shown-once" not in f"{shown!r} {shown}"


def test_a_sentence_is_said_in_its_language() -> None:
    assert say("yes", "nb") == "ja"
    assert say("yes", "en") == "yes"
    with pytest.raises(KeyError):
        say("nothing", "en")


def test_the_sanitiser_leaves_words_and_shows_tricks() -> None:
    assert clean("Ærlig talt, 10 € – ja") == "Ærlig talt, 10 € – ja"
    assert clean("a\x1b[31mb\u202ec\nd\ud800") == "a\\x1b[31mb\\u202ec\\nd\\ud800"


# -- documents ----------------------------------------------------------------------------------------


def test_every_setting_is_documented() -> None:
    from arlo_rec.edge.config import every_key

    pages = (TOP / "docs" / "operating.md", *(TOP / "arlo_rec" / "engines").glob("*/README.md"))
    text = "".join(page.read_text("utf-8") for page in pages)
    for key in every_key():
        assert f"`{key}`" in text, key


def test_every_document_and_heading_that_is_linked_exists() -> None:
    for path in DOCUMENTS:
        for target, heading in re.findall(
            r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)", path.read_text("utf-8")
        ):
            linked = path.parent / target if target else path
            assert linked.exists(), f"{path.name}: {target}"
            assert not heading or heading in _headings(linked), f"{path.name}: {target}#{heading}"


def _headings(path: Path) -> set[str]:
    """The anchors that a forge makes of the headings of a document."""
    titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_file_of_tests_that_is_named_exists() -> None:
    for path in [
        *DOCUMENTS,
        TESTS / "security.toml",
        *TESTS.rglob("*.md"),
        *MODULES,
        *TESTS.rglob("*.py"),
    ]:
        for named in re.findall(r"\btests/[a-z_/]+\.py\b", path.read_text("utf-8")):
            assert (TOP / named).exists(), f"{path.name}: {named}"


def test_the_register_of_claims_names_tests_that_exist() -> None:
    sources = "".join(path.read_text("utf-8") for path in TESTS.rglob("test_*.py"))
    there = set(re.findall(r"def (test_\w+)\(", sources))
    for claim in [*REGISTER["promise"], *REGISTER["not_promised"]]:
        assert claim["tests"], claim["claim"]
        assert set(claim["tests"]) <= there, set(claim["tests"]) - there


def test_every_claim_is_against_attackers_of_the_threat_model_and_each_of_these_is_met() -> None:
    model = (TOP / "docs" / "threat-model.md").read_text("utf-8")
    attackers = set(REGISTER["attackers"])
    assert {one for claim in REGISTER["promise"] for one in claim["attackers"]} == attackers
    assert all(claim["attackers"] for claim in REGISTER["promise"])
    assert not [one for one in attackers if f"`{one}`" not in model]


def test_every_package_stands_in_the_table_of_the_house() -> None:
    table = (TOP / "docs" / "design.md").read_text("utf-8").split("## The house\n")[1].split("\n## ")[0]
    named = {
        name
        for row in table.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`(\w+)/`", row.split("|")[1])
    }
    assert named == {path.parent.name for path in (TOP / "arlo_rec").glob("*/__init__.py")}


def test_every_kind_of_event_is_told_with_its_fields() -> None:
    told = make_docs.entries()
    for kind in vars(events).values():
        if isinstance(kind, type) and issubclass(kind, AuditEvent) and kind.ACTION:
            assert kind.__doc__, kind.__name__
            assert kind.__subclasses__() or f"{kind.ACTION} {kind.OUTCOME}: {kind.__name__}" in told, kind.__name__


def test_every_dependency_is_told_with_its_range_and_reason() -> None:
    with (TOP / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    developers = {"dev", "oracle", "fuzz", "engines"}
    extras = (extra for name, extra in project["optional-dependencies"].items() if name not in developers)
    wanted = [*project["dependencies"], *(each for extra in extras for each in extra)]
    table = (TOP / "docs" / "dependencies.md").read_text("utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    for asked in wanted:
        name, limits = re.match(r"([\w-]+)(?:\[\w+\])?([^;]*)", asked.replace(" ", "")).groups()  # type: ignore[union-attr]
        assert any(name in row.split("|")[1] and f"`{limits}`" in row for row in rows), asked


def test_every_exit_status_is_told() -> None:
    told = make_docs.statuses()
    assert {int(status) for status in re.findall(r"\| (\d+) \|", told)} == set(EXITS)


def test_a_line_of_a_document_fits_a_screen() -> None:
    for path in [
        *TOP.glob("*.md"),
        *(one for top in ("arlo_rec", "docs", "tests") for one in (TOP / top).rglob("*.md")),
    ]:
        fenced = False
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            fenced ^= line.lstrip().startswith("```")
            assert fenced or line.startswith("|") or len(line) <= 160, f"{path.relative_to(TOP)}:{number}"


def test_tests_of_a_group_stay_on_one_process(request: pytest.FixtureRequest) -> None:
    needs.demand(None if "PYTEST_XDIST_WORKER" in os.environ else "needs several processes: -n 2")
    assert request.node.nodeid.endswith("@source")  # pytest-xdist writes the group there, and looks there for it
