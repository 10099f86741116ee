"""What monitoring reads: a line for Nagios, figures for Prometheus, findings of the doctor, a page."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.edge.config import settle
from arlo_rec.law.messages import every, has
from arlo_rec.law.model.errors import Usage
from arlo_rec.machine import doctor, findings, rendering, surroundings
from arlo_rec.machine.doctor import Machine, of_machine
from arlo_rec.machine.findings import Area, Finding, Severity, worst
from arlo_rec.machine.surroundings import Room
from arlo_rec.vault.backends import machine
from arlo_rec.vault.backends.machine import Unit
from tests.support import needs
from tests.support.backups import back_up
from tests.support.disks import fill, small_disk
from tests.support.places import TOP
from tests.support.properties import examples
from tests.support.source import MODULES, nodes
from tests.support.world import World

LINE = re.compile(r"ARLO-REC (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+(?: \| (.+))?\n")
DATUM = re.compile(r"(\w+)=(\d+)(?:s|B)?;(?:\d+:?)?;(\d+:?)?;0")
MONITORING = TOP / "examples" / "monitoring"


def check(world: World, *words: str) -> tuple[int, str]:
    """The status and the line of `check`."""
    told = world.run("check", *words, "--lang", "en", who="iver")
    assert told.err == "" and LINE.fullmatch(told.out), told
    return told.exit, told.out


# -- check --------------------------------------------------------------------------------------------


def test_check_is_ok_warning_critical_or_unknown_as_nagios_counts(fed: World) -> None:
    secret = str(fed.base / "passphrase")
    assert check(fed)[0] == 1, "one officer"
    fed.json("person", "add", "sara", "--role", "officer", "--new-passphrase-file", secret, who="sigrid")
    status, line = check(fed)
    assert (status, line.startswith("ARLO-REC OK - 0 held | held=0;;;0 ")) == (0, True)
    match = LINE.fullmatch(line)
    assert match is not None and all(DATUM.fullmatch(datum) for datum in match[2].split())
    fed.take_in("a")
    fed.spool.rename(fed.base / "gone")
    status, line = check(fed)
    assert (status, "[spool_missing] the telephone system's folder" in line) == (2, True)
    assert check(fed, "--only", "spool")[0] == 2
    assert check(fed, "--only", "backup")[0] == 0
    assert check(fed, "--only", "rest") == (3, "ARLO-REC UNKNOWN - invalid value for --only; see --help\n")


def is_alarming(datum: re.Match[str]) -> bool:
    """Whether a value is outside its critical range, as the Guidelines read it: `10` is 0 to 10, `10:` from 10."""
    value, limits = int(datum[2]), datum[3] or ""
    begin, colon, end = limits.partition(":")
    least, most = (begin, end) if colon else ("0", begin)
    return value < int(least or 0) or (most != "" and value > int(most))


@pytest.mark.parametrize("more", [-1, 0])
def test_performance_data_of_the_disk_is_critical_where_the_finding_is(
    fed: World, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    day = 1_000_000_000
    left = Room(Room(0, day).least + more, day)
    monkeypatch.setattr(surroundings, "room", lambda *_: left)
    match = LINE.fullmatch(check(fed, "--only", "disk")[1])
    assert match is not None
    data = {datum[1]: datum for datum in DATUM.finditer(match[2])}
    disk = data["disk_free"]
    assert int(disk[2]) == left.free
    assert is_alarming(disk) == ("[disk_low]" in match[0]) == (more < 0)


def test_the_line_of_check_names_no_person_and_no_reason() -> None:
    broken = {"name": "leif", "by": "astrid", "at": "now", "reason": "a fire at night"}
    private = Finding(Severity.CRITICAL, "glass_broken", broken)
    told = rendering._told(private, lambda _: "CRITICAL: leif took access: a fire at night")
    assert told == "[glass_broken]"
    assert rendering._told(Finding(Severity.CRITICAL, "overdue"), lambda _: "CRITICAL: late") == "[overdue] late"


def test_check_of_a_store_that_is_gone_is_critical_and_without_a_key_unknown(world: World) -> None:
    told = world.run("check", "--key-file", str(world.base / "none"), "--store", str(world.store))
    assert (told.exit, told.out.startswith("ARLO-REC UNKNOWN - "), told.err) == (3, True, "")
    world.store.rename(world.base / "away")
    told = world.run("check", who="iver")
    assert (told.exit, told.out.startswith("ARLO-REC CRITICAL - "), told.err) == (2, True, "")
    assert world.run("check", "--json", who="iver").json["error"]["code"] == "no_store"


@given(text=st.text(max_size=200), state=st.integers(0, 3))
@examples(200)
def test_no_text_breaks_the_line(text: str, state: int) -> None:
    line = rendering.nagios_line(state, text, "held=0;;;0")
    assert line.count("|") == 1 and len(line.splitlines()) == 1


# -- findings -----------------------------------------------------------------------------------------


def _codes() -> Iterator[tuple[str, str, str | None]]:
    """Severity, code and sentence of every finding that a module makes with words of its own."""
    for module in (module for module in MODULES if module.parent.name == "machine"):
        for node in nodes(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                severity, code, *_, sentence = [*node.args, None, None][: max(4, len(node.args))]
                if isinstance(severity, ast.Attribute) and isinstance(code, ast.Constant):
                    own = str(sentence.value) if isinstance(sentence, ast.Constant) else None
                    yield severity.attr.lower(), str(code.value), own


def test_every_finding_has_an_area_a_sentence_and_a_remedy_or_none_on_purpose() -> None:
    told = {*_codes()}
    assert len(told) > 40
    for severity, code, sentence in told:
        finding = Finding(Severity(severity), code, {}, sentence)
        assert finding.area in Area
        assert has(finding.key), finding.key
    idle = {code for remedies in findings._REMEDIES.values() for code in remedies} - {code for _, code, _ in told}
    texts = {key.rpartition(".")[2] for key in every()}
    assert idle <= texts | {"root"}, "a remedy of no finding"


def test_the_gravest_finding_counts() -> None:
    made = [
        Finding(Severity.STATUS, "holds"),
        Finding(Severity.CRITICAL, "overdue"),
        Finding(Severity.WARNING, "no_feed"),
    ]
    assert (worst(made), worst(made[::2]), worst([])) == (Severity.CRITICAL, Severity.WARNING, Severity.STATUS)


def test_a_remedy_names_what_the_finding_names(world: World) -> None:
    world.take_in("a")
    world.spool.rename(world.base / "gone")
    told = {each["code"]: each["remedy"] for each in world.json("status", who="iver")["findings"]}
    assert told["spool_missing"] == f"ls -ld {world.spool}"
    assert told["one_officer"] == "arlo-rec person add NAME --role officer"


# -- metrics ------------------------------------------------------------------------------------------


def metrics(world: World) -> dict[str, float]:
    """The figures that are written, by their series."""
    out = world.base / "textfile" / "arlo-rec.prom"
    out.parent.mkdir(exist_ok=True)
    world.json("metrics", "--out", str(out), who="iver")
    rows = (line.rpartition(" ") for line in out.read_text("utf-8").splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in rows}


def test_metrics_count_what_the_store_holds_and_name_nobody(world: World) -> None:
    world.take_in("a", "b")
    told = metrics(world)
    assert (told["arlo_rec_up"], told["arlo_rec_held"]) == (1, 2)
    assert told['arlo_rec_last_run_timestamp_seconds{job="ingest"}'] > 1_700_000_000
    assert told['arlo_rec_finding{area="log",code="no_feed",severity="warning"}'] == 1
    again = metrics(world)
    assert again["arlo_rec_written_timestamp_seconds"] >= told["arlo_rec_written_timestamp_seconds"]
    out = world.base / "textfile" / "arlo-rec.prom"
    assert out.stat().st_mode & 0o777 == 0o644, "node_exporter is another account"
    assert not re.search(r"4790000001|Oppdiktet|sigrid|leif", out.read_text("utf-8"))
    assert [file.name for file in out.parent.iterdir()] == [out.name]


def test_metrics_of_a_store_that_does_not_open_say_that_it_is_down(world: World) -> None:
    out = world.base / "arlo-rec.prom"
    world.json("metrics", "--out", str(out), who="iver")
    world.store.rename(world.base / "away")
    assert world.code("metrics", "--out", str(out), who="iver") == (10, "no_store")
    assert "arlo_rec_up 0.0" in out.read_text("utf-8") and "arlo_rec_held" not in out.read_text("utf-8")


def test_metrics_replace_nothing_but_a_plain_file_of_this_account(world: World) -> None:
    out = world.base / "arlo-rec.prom"
    out.symlink_to(world.base / "passphrase")
    assert world.code("metrics", "--out", str(out), who="iver") == (2, "out_of_others")
    assert world.code("metrics", "--out", str(world.base), who="iver") == (2, "out_of_others")
    assert world.code("metrics", "--out", str(world.base / "none" / "m.prom"), who="iver") == (2, "no_such_folder")
    if os.geteuid() == 0:
        out.unlink()
        out.write_text("of somebody else\n")
        os.chown(out, 65534, 65534)
        assert world.code("metrics", "--out", str(out), who="iver") == (2, "out_of_others")
        assert out.read_text() == "of somebody else\n"


def test_metrics_on_a_full_disk_leave_the_old_file(world: World, tmp_path: Path) -> None:
    with small_disk(tmp_path / "full", "16k") as folder:
        out = folder / "arlo-rec.prom"
        world.json("metrics", "--out", str(out), who="iver")
        before = out.read_bytes()
        fill(folder)
        assert world.code("metrics", "--out", str(out), who="iver") == (16, "no_space")
        assert out.read_bytes() == before
        assert not [file for file in folder.iterdir() if file.name.startswith(".")]


PROMTOOL = needs.mark(needs.program("promtool"))


@pytest.mark.slow
@PROMTOOL
def test_prometheus_takes_the_figures_and_the_rules_alarm_as_their_tests_say(world: World) -> None:
    world.take_in("a")
    metrics(world)
    text = (world.base / "textfile" / "arlo-rec.prom").read_bytes()
    told = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (told.returncode, told.stdout + told.stderr) == (0, b""), told
    for words in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]):
        done = subprocess.run(["promtool", *words], cwd=MONITORING, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_rules_and_board_ask_for_figures_that_are_written(world: World) -> None:
    back_up(world)
    world.take_in("a")
    written = {name.partition("{")[0] for name in metrics(world)}
    board = json.loads((MONITORING / "board.json").read_text("utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked.append((MONITORING / "alerts.yml").read_text("utf-8"))
    named = {name for text in asked for name in re.findall(r"\barlo_rec_\w+", text)}
    assert named and named <= written | {"arlo_rec_feed_behind_entries"}


# -- doctor -------------------------------------------------------------------------------------------


DISKS = ("sda2", "zram0", "dm-1", "dm-2")


def _timer(name: str, **changes: object) -> Unit:
    usual = {"is_loaded": True, "is_active": True, "has_failed": False, "mounts": frozenset({"/"})}
    return Unit(name, **{**usual, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("here", "code"),
    [
        (Machine(swaps=["/dev/sda2"], has_systemd=True), "swap_in_clear"),
        (Machine(hibernates=True, has_systemd=True), "hibernates"),
        (Machine(core_pattern="|/usr/lib/systemd/systemd-coredump %P", has_systemd=True), "cores_kept"),
        (Machine(core_pattern="/var/crash/core", has_systemd=True), "cores_kept"),
        (Machine(is_clock_synchronised=False, has_systemd=True), "clock_unsynchronised"),
        (Machine(), "no_systemd"),
        (Machine(has_systemd=True, units=None), "units_unseen"),
        (Machine(has_systemd=True, units=[_timer(doctor.TIMERS[0], is_loaded=False)]), "timer_missing"),
        (Machine(has_systemd=True, units=[_timer(doctor.TIMERS[0], is_active=False)]), "timer_off"),
        (Machine(has_systemd=True, units=[_timer(doctor.SERVICES[0], has_failed=True)]), "unit_failed"),
    ],
)
def test_the_doctor_finds_what_is_wrong_with_a_machine(here: Machine, code: str) -> None:
    assert [finding.code for finding in of_machine(here)] == [code]


@pytest.mark.parametrize("answer", ["exit 1", "echo Failed to connect to bus >&2; exit 1", "exit 0"])
def test_units_are_unseen_where_systemd_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f"#!/bin/sh\n{answer}\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert machine.units([*doctor.TIMERS]) is None


def test_a_machine_that_is_well_has_no_finding() -> None:
    well = Machine(core_pattern="core", is_clock_synchronised=True, has_systemd=True, units=[_timer(doctor.TIMERS[0])])
    assert [*of_machine(well)] == []


def test_only_swap_in_clear_on_a_disk_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"/dev/{name} partition 1 0 -2\n" for name in DISKS)
    kernel = {
        "/proc/swaps": f"Filename Type Size Used Priority\n{rows}",
        "/sys/class/block/dm-1/dm/uuid": "CRYPT-PLAIN-swap\n",
        "/sys/class/block/dm-2/dm/uuid": "LVM-swap\n",
    }
    monkeypatch.setattr(machine, "_text", lambda path: kernel.get(path, ""))
    assert machine.swaps() == ["/dev/sda2", "/dev/dm-2"]


def test_the_doctor_looks_before_there_is_a_store_and_at_it_with_a_key(world: World) -> None:
    told = world.run("doctor", "--store", str(world.base / "none"), "--json")
    assert (told.exit, told.json["is_opened"]) == (3, False)
    assert "no_such_store" in {each["code"] for each in told.json["findings"]}
    back_up(world)
    world.store.chmod(0o755)
    told = world.run("doctor", "--json", who="sigrid")
    codes = {each["code"]: each for each in told.json["findings"]}
    assert (told.exit, told.json["is_opened"]) == (3, True)
    assert {"backups_together", "backup_same_disk", "no_feed", "one_officer", "folder_open"} <= codes.keys()
    assert codes["folder_open"]["remedy"] == f"chmod 700 {world.store}"
    severities = [each["severity"] for each in told.json["findings"]]
    assert severities == sorted(severities, key=[each.value for each in Severity].index)
    shown = world.run("doctor", "--lang", "nb", who="sigrid").out
    assert f"  chmod 700 {world.store}\n" in shown


def test_the_doctor_without_a_key_says_why_the_store_was_not_examined(world: World) -> None:
    told = world.run("doctor", "--store", str(world.store), "--json")
    assert (told.exit, told.json["is_opened"]) == (3, False)
    assert "store_closed" in {each["code"] for each in told.json["findings"]}


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("store = '/srv'\nvia = sudo\n", "config_not_toml", 2, 7),
        ("store = '/srv'\n[guard\n", "config_not_toml", 2, 7),
        ("# settings\n  stroe = '/srv'\n", "config_unknown_key", 2, 3),
        ("[guard]\nshare = 0.5\ncuont = 3\n", "config_unknown_key", 3, 1),
        ("[guard]\ncount = 'x'\n", "config_bad_value", 2, 1),
        ("guard.count = 'x'\n", "config_bad_value", 1, 1),
        ("store = 'a", "config_not_toml", 1, 11),
    ],
)
def test_a_mistake_in_the_settings_is_named_by_line_and_column(
    tmp_path: Path, text: str, code: str, line: int, column: int
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(Usage) as told:
        settle({"config": str(file)}, {})
    assert (told.value.code, told.value.detail["line"], told.value.detail["column"]) == (code, line, column)


# -- the page -----------------------------------------------------------------------------------------


def test_the_page_of_the_status_loads_nothing_and_is_written_once(world: World) -> None:
    world.take_in("a")
    page = world.base / "status.html"
    world.json("status", "--html", str(page), who="iver")
    text = page.read_text("utf-8")
    assert "<svg" in text and "default-src 'none'" in text and not re.search(r"(?:src|href)=|https?://", text)
    assert "4790000001" not in text and "Oppdiktet" not in text
    assert world.code("status", "--html", str(page), who="iver") == (2, "out_exists")


def test_the_page_of_the_status_names_no_person(world: World) -> None:
    world.grant()
    page = world.base / "status.html"
    told = world.run("status", "--html", str(page), "--lang", "en", who="iver").out
    text = page.read_text("utf-8")
    people = {each["name"] for each in world.json("person", "list", who="sigrid")["persons"]} - {"recovery"}
    assert any(f"{name} (" in told for name in people), "the finding itself names who it is about"
    assert "gave access that no other one approved" in text
    assert not [name for name in people if re.search(rf"\b{name}\b", text)]


def test_every_finding_that_names_a_person_has_another_sentence_for_the_page() -> None:
    for severity, code, own in {*_codes()}:
        key = Finding(Severity(severity), code, {}, own).key
        named = {*re.findall(r"\{(name|by|reason)\b", " ".join(every()[key]))}
        assert ("by" in named) == bool(named), f"{key} has no value by which it is known"
        assert not named or has(f"picture.{code}")
