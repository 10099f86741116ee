"""The examples for exchanges record on no way that does not pass key 1, and write what their maps read.

None is played here. Asterisk's is read by asterisklint, FreeSWITCH's by the rules of its own DTD of dialplans, and
Amazon Connect's by the actions that its documentation lists.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as Xml

import pytest

from arlo_rec.exchanges.maps import read
from tests.support.each import each
from tests.support.exports import Told, approve, connect, freepbx, freeswitch, iso
from tests.support.intake import ingest
from tests.support.places import TOP
from tests.support.world import World

EXAMPLES = TOP / "examples" / "telephony"
DIALPLAN = (EXAMPLES / "asterisk" / "extensions.conf").read_text("utf-8")
FLOW = json.loads((EXAMPLES / "connect" / "flow.json").read_text("utf-8"))
LINT = Path(sys.executable).with_name("asterisklint")

# -- Asterisk -----------------------------------------------------------------------------------------


class Step(NamedTuple):
    """One priority of an extension: its label, application and argument."""

    label: str
    app: str
    data: str


def steps(dialplan: str) -> dict[tuple[str, str], list[Step]]:
    """The priorities of each extension, by its context and name."""
    found: dict[tuple[str, str], list[Step]] = {}
    context = extension = ""
    for line in dialplan.splitlines():
        if heading := re.fullmatch(r"\[([\w-]+)\]", line):
            context = heading[1]
        elif step := re.fullmatch(r"(?:exten => (\w+),1| same => n)(?:\((\w+)\))?,(\w+)\((.*)\)", line):
            extension = step[1] or extension
            found.setdefault((context, extension), []).append(Step(step[2] or "", step[3], step[4]))
        else:
            assert not line or line.startswith(";"), line
    return found


def ways(dialplan: str, start: tuple[str, str], **answers: bool) -> Iterator[str]:
    """The applications that a call can come to; `key` and `heard` say which branches of these conditions are open."""
    plan, seen, ahead = steps(dialplan), set(), [(*start, 0)]
    while ahead:
        context, extension, at = place = ahead.pop()
        if place in seen or at >= len(plan[context, extension]):
            continue
        seen.add(place)
        step = plan[context, extension][at]
        yield step.app
        if step.app in {"Gosub", "Goto"}:
            to, name, _ = step.data.split(",")
            ahead.append((to, name, 0))
        if step.app == "GotoIf":
            condition, label = step.data.split("?")
            known = {'$["${ARLO_KEY}" != "1"]': "key", '$["${PLAYBACKSTATUS}" != "SUCCESS"]': "heard"}.get(condition)
            if known is None or not answers[known]:
                ahead.append((context, extension, [one.label for one in plan[context, extension]].index(label)))
            if known is not None and not answers[known]:
                continue
        if step.app not in {"Goto", "Hangup", "Return"}:
            ahead.append((context, extension, at + 1))


def lint(dialplan: str, folder: Path) -> list[str]:
    """What asterisklint finds."""
    (folder / "extensions.conf").write_text(dialplan, "utf-8")
    words = [sys.executable, LINT, "dialplan-check", "--asterisk-version", "22", "extensions.conf"]
    told = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert (told.returncode == 0) == (told.stdout + told.stderr == ""), told
    return (told.stdout + told.stderr).splitlines()


@pytest.mark.slow
def test_asterisklint_finds_no_mistake_in_the_dialplan(tmp_path: Path) -> None:
    assert lint(DIALPLAN, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("consent=1|text=", "consent=1;text=", "W_APP_BALANCE"),  # `;` begins a comment
        ("MixMonitor(${ARLO_FILE}.wav)", "Mixmonitr(${ARLO_FILE}.wav)", "E_APP_MISSING"),
        ("Gosub(arlo-record,", "Gosub(arlo-recorder,", "E_DP_GOTO"),
    ],
)
def test_asterisklint_finds_a_mistake_that_is_put_in(tmp_path: Path, right: str, wrong: str, code: str) -> None:
    assert right in DIALPLAN
    assert code in "\n".join(lint(DIALPLAN.replace(right, wrong), tmp_path))


def test_asterisk_records_only_after_key_1_and_the_whole_prompt() -> None:
    caller = ("from-trunk", "22334455")
    assert "MixMonitor" in set(ways(DIALPLAN, caller, key=True, heard=True))
    for key, heard in ((False, True), (True, False)):
        assert not {"MixMonitor"} & set(ways(DIALPLAN, caller, key=key, heard=heard))
        assert "Queue" in set(ways(DIALPLAN, caller, key=key, heard=heard))
    wrong = DIALPLAN.replace(' same => n,GotoIf($["${ARLO_KEY}" != "1"]?on)\n', "")
    assert "MixMonitor" in set(ways(wrong, caller, key=False, heard=True))


def test_asterisk_answers_no_agent_before_the_prompt() -> None:
    apps = [step.app for step in steps(DIALPLAN)["from-trunk", "22334455"]]
    assert apps.index("Gosub") < apps.index("Queue")
    assert [step.app for step in steps(DIALPLAN)["arlo-consent", "s"]][:3] == ["Answer", "Set", "Playback"]


def test_no_text_of_a_caller_stands_in_a_name_or_a_command_of_asterisk() -> None:
    for step in (step for extension in steps(DIALPLAN).values() for step in extension):
        assert step.app not in {"System", "TrySystem", "AGI", "ExternalIVR"}
        if step.app == "MixMonitor":
            assert step.data.count(",") <= 1  # a third argument is a command
            assert set(re.findall(r"\$\{([^}]*)\}", step.data)) == {"ARLO_FILE"}
        if step.data.startswith("ARLO_FILE="):
            assert set(re.findall(r"\$\{(\w+)", step.data)) == {"STRFTIME", "EPOCH", "UNIQUEID"}
        assert "CALLERID" not in step.data or "FILTER(0-9,${CALLERID(num)})" in step.data


def test_the_feature_keys_of_asterisk_stop_a_recording() -> None:
    features = (EXAMPLES / "asterisk" / "features.conf").read_text("utf-8")
    named = dict(re.findall(r"^([\w-]+) => (.*)$", features, re.MULTILINE))
    assert named == {"arlo-stop": "9,self,Gosub(arlo-stop,s,1)", "arlo-stop-agent": "*9,peer,Gosub(arlo-stop,s,1)"}
    assert f"Set(__DYNAMIC_FEATURES={'#'.join(named)})" in DIALPLAN
    assert "StopMixMonitor" in [step.app for step in steps(DIALPLAN)["arlo-stop", "s"]]


def _userfields(told: Told) -> list[str]:
    """Each userfield that the dialplan sets, with the values of a call."""
    at = str(int(told.at.timestamp()))
    values = {"${ARLO_TEXT}": told.prompt or "", "${ARLO_KEY}": told.key or "", "${ARLO_AT}": at, "${EPOCH}": at}
    fields = []
    field = re.search(r"Set\(ARLO_FIELD=(.*)\)$", DIALPLAN, re.MULTILINE)
    assert field
    for written in re.findall(r"Set\(CDR\(userfield\)=(.*)\)$", DIALPLAN, re.MULTILINE):
        text = written.replace("${ARLO_FIELD}", field[1])
        for name, value in values.items():
            text = text.replace(name, value)
        fields.append(text)
    return fields


def _name_of_sound(told: Told) -> str:
    """The name that the dialplan gives to the recording of a call."""
    form = re.search(r"STRFTIME\(\$\{EPOCH\},,([^)]*)\)\}-\$\{UNIQUEID\}\)$", DIALPLAN, re.MULTILINE)
    assert form and "MixMonitor(${ARLO_FILE}.wav)" in DIALPLAN
    return f"{told.at.strftime(form[1]).rpartition('/')[2]}-{int(told.at.timestamp())}.{told.number}.wav"


def test_the_map_reads_what_asterisk_writes(world: World) -> None:
    world.spool.mkdir(exist_ok=True)
    approve(world, "freepbx")
    for number, at in ((1, 1), (2, 2), (3, 0)):  # a consent, one that was stopped, and a refusal
        told = Told(number, key="2" if at == 0 else "1")
        freepbx(world.spool, told)
        (sound,) = world.spool.rglob(f"*.{number}.wav")
        sound.rename(world.spool / _name_of_sound(told))
        rows = (world.spool / "Master.csv").read_text("utf-8").splitlines()
        rows[-1] = rows[-1].rpartition('"consent')[0] + f'"{_userfields(told)[at]}"'
        (world.spool / "Master.csv").write_text("\n".join(rows) + "\n", "utf-8")
    answer = ingest(world, "--map", "freepbx", exit=3)
    assert (len(answer["accepted"]), [one["code"] for one in answer["refused"]]) == (1, ["no_consent", "no_consent"])
    assert [path for path in world.spool.rglob("*") if path.is_file()] == []


# -- FreeSWITCH ---------------------------------------------------------------------------------------

# Applications of mod_dptools, which is always there, and of mod_callcenter, by SWITCH_ADD_APP in their source.
APPLICATIONS = {
    *("answer", "bind_digit_action", "bind_meta_app", "digit_action_set_realm", "execute_extension", "flush_dtmf"),
    *("hangup", "play_and_get_digits", "playback", "record_session", "record_session_mask", "record_session_unmask"),
    *("set", "stop_record_session", "transfer", "callcenter"),
}
# freeswitch_dialplan.dtd: what each element may have inside, in this order, and which attributes it has to have.
ELEMENTS = {
    "include": (("context", "extension"), ()),  # its DTD has contexts alone; public.xml is one of extensions, as theirs
    "context": (("extension",), ("name",)),
    "extension": (("condition",), ("name",)),
    "condition": (("action", "anti-action"), ()),
    "action": ((), ("application",)),
    "anti-action": ((), ("application",)),
}


def plan(name: str = "arlo") -> Xml.Element:
    return Xml.parse(EXAMPLES / "freeswitch" / f"{name}.xml").getroot()


def actions(element: Xml.Element) -> Iterator[tuple[str, str]]:
    """Applications with their data, those that a key is bound to among them."""
    for action in element.iter():
        if action.tag not in {"action", "anti-action"}:
            continue
        app, data = action.attrib["application"], action.attrib.get("data", "")
        yield app, data
        if bound := re.search(r"\b(?:exec\[i\]:(\w+),([^,]*)|(\w+)::(.*))", data):
            yield bound[1] or bound[3], bound[2] or bound[4]


def reached(root: Xml.Element, start: str, *, keys: str, played: str) -> set[str]:
    """The extensions that a call comes to whose caller presses one of *keys*, or none."""
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        number = ahead.pop()
        if number in seen:
            continue
        seen.add(number)
        extension, branch = _matching(root, number, played)
        for app, data in ((one.attrib["application"], one.attrib.get("data", "")) for one in branch):
            if app == "transfer":
                to, dialplan, context = data.split()
                assert (dialplan, context, extension.tag) == ("XML", "arlo", "extension")
                ahead += [to.replace("${arlo_key}", key) for key in ("", *keys)] if "${" in to else [to]
    return seen


def _matching(root: Xml.Element, number: str, played: str) -> tuple[Xml.Element, list[Xml.Element]]:
    for extension in root.iter("extension"):
        first, *more = extension.findall("condition")
        if not re.search(first.attrib["expression"], number):
            continue
        if more and more[0].attrib["field"] == "${arlo_played}":
            is_met = re.search(more[0].attrib["expression"], played) is not None
            return extension, more[0].findall("action" if is_met else "anti-action")
        return extension, extension.findall("condition/action")
    raise AssertionError(number)


def records(numbers: set[str], root: Xml.Element) -> bool:
    return any(app == "record_session" for number in numbers for app, _ in actions(_matching(root, number, "")[0]))


@each("name", ["arlo", "public"])
def test_a_dialplan_of_freeswitch_has_the_form_and_applications_that_there_are(name: str) -> None:
    for element in plan(name).iter():
        inside, attributes = ELEMENTS[element.tag]
        tags = [child.tag for child in element]
        assert set(tags) <= set(inside) and tags == sorted(tags, key=inside.index), element.attrib
        assert set(attributes) <= element.attrib.keys()
    used = {app for app, _ in actions(plan(name))}
    assert used <= APPLICATIONS


def test_freeswitch_records_only_after_key_1_and_the_whole_prompt() -> None:
    root = plan()
    assert records(reached(root, "consent", keys="1", played="FILE PLAYED"), root)
    for keys, played in (("0234567899", "FILE PLAYED"), ("1", "FILE NOT FOUND"), ("1", "PLAYBACK ERROR"), ("1", "")):
        way = reached(root, "consent", keys=keys, played=played)
        assert not records(way, root)
        assert "queue" in way
    changed = root.find("context/extension[@name='yes']/condition")
    assert changed is not None
    changed.set("expression", "^key-[0-9]$")
    assert records(reached(root, "consent", keys="2", played="FILE PLAYED"), root)


def test_freeswitch_throws_away_keys_that_are_pressed_during_the_prompt() -> None:
    extension, _ = _matching(plan(), "consent", "")
    done = list(actions(extension))
    assert done.index(("set", "playback_terminators=none")) < done.index(("playback", "arlo/${arlo_prompt}.wav"))
    assert [app for app, _ in done][-3:] == ["set", "flush_dtmf", "transfer"]
    assert "arlo_played=${current_application_response}" in [data for app, data in done if app == "set"]


def test_no_text_of_a_caller_stands_in_a_name_of_freeswitch() -> None:
    for app, data in actions(plan()):
        named = set(re.findall(r"(?<!\$)\$\{(\w+)", data))
        own = {"arlo_prompt", "arlo_key", "arlo_file", "arlo_consent_at"}
        assert named <= own | {"uuid", "strmicroepoch", "current_application_response"}, (app, data)


def test_the_map_reads_what_freeswitch_sets(world: World) -> None:
    sets = {data.partition("=")[0] for app, data in actions(plan()) if app == "set"}
    text = read.shipped_text("freeswitch")
    assert set(re.findall(r"\barlo_\w+", text)) <= sets | {"arlo_"}
    world.spool.mkdir(exist_ok=True)
    approve(world, "freeswitch")
    freeswitch(world.spool, Told(1))
    (record,) = world.spool.glob("*.cdr.json")
    call = json.loads(record.read_text("utf-8"))
    call["variables"] |= {"arlo_stopped": "9", "arlo_stopped_at": call["variables"]["arlo_consent_at"]}
    record.write_text(json.dumps(call), "utf-8")
    answer = ingest(world, "--map", "freeswitch", exit=3)
    assert [one["code"] for one in answer["refused"]] == ["no_consent"]
    assert list(world.spool.iterdir()) == []


# -- Amazon Connect -----------------------------------------------------------------------------------


class Action(NamedTuple):
    """An action of the flow language: parameters that it must and may have, and the errors that it must name."""

    must: set[str]
    may: set[str]
    errors: set[str]


# docs.aws.amazon.com/connect/latest/APIReference/flow-language-actions.html, and the page of each action below it.
ACTIONS = {
    "MessageParticipant": Action(set(), {"PromptId", "Text", "SSML", "Media"}, {"NoMatchingError"}),
    "GetParticipantInput": Action(
        {"InputTimeLimitSeconds", "StoreInput"},
        {"PromptId", "Text", "SSML", "Media", "InputValidation", "InputEncryption", "DTMFConfiguration"},
        {"NoMatchingError", "NoMatchingCondition", "InputTimeLimitExceeded"},
    ),
    "InvokeLambdaFunction": Action(
        {"LambdaFunctionARN", "InvocationTimeLimitSeconds"},
        {"InvocationType", "LambdaInvocationAttributes", "ResponseValidation"},
        {"NoMatchingError"},
    ),
    "UpdateContactAttributes": Action({"Attributes"}, set(), {"NoMatchingError"}),
    "UpdateContactRecordingBehavior": Action({"RecordingBehavior"}, {"AnalyticsBehavior"}, set()),
    "UpdateContactTargetQueue": Action(set(), {"QueueId", "AgentId"}, {"NoMatchingError"}),
    "TransferContactToQueue": Action(set(), set(), {"NoMatchingError", "QueueAtCapacity"}),
    "DisconnectParticipant": Action(set(), set(), set()),
}
ENDS = {"DisconnectParticipant"}
SPOKEN = {"PromptId", "Text", "SSML", "Media"}  # one of these at a time


def transitions(action: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each way out of an action: what leads there (a key, an error, or nothing) and the next action."""
    way = action["Transitions"]
    for condition in way.get("Conditions", []):
        assert condition["Condition"]["Operator"] == "Equals"
        (key,) = condition["Condition"]["Operands"]
        yield key, condition["NextAction"]
    for error in way.get("Errors", []):
        yield error["ErrorType"], error["NextAction"]
    if "NextAction" in way:
        yield "", way["NextAction"]


def recording_without(flow: dict[str, Any], closed: set[tuple[str, str]]) -> bool:
    """Whether a contact can come to an action that records when these ways out of actions are closed."""
    by_name = {action["Identifier"]: action for action in flow["Actions"]}
    seen: set[str] = set()
    ahead = [flow["StartAction"]]
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        if by_name[name]["Parameters"].get("RecordingBehavior", {}).get("RecordedParticipants"):
            return True
        ahead += [to for why, to in transitions(by_name[name]) if (name, why) not in closed]
    return False


def test_every_action_of_the_flow_is_one_of_connects_with_what_it_must_have() -> None:
    names = [action["Identifier"] for action in FLOW["Actions"]]
    assert (FLOW["Version"], FLOW["StartAction"] in names, len(set(names))) == ("2019-10-30", True, len(names))
    for action in FLOW["Actions"]:
        kind, given = ACTIONS[action["Type"]], action["Parameters"].keys()
        assert kind.must <= given <= kind.must | kind.may, action["Identifier"]
        assert len(given & SPOKEN) == (1 if kind.may & SPOKEN else 0), action["Identifier"]
        ways_out = dict(transitions(action))
        assert kind.errors <= ways_out.keys(), action["Identifier"]
        assert set(ways_out.values()) <= set(names), action["Identifier"]
        assert ("" in ways_out) == (action["Type"] not in ENDS), action["Identifier"]
        assert len(action["Identifier"]) <= 50 and not set(action["Identifier"]) & set("%:(\\/)=$,;[]{}")


def test_connect_records_only_after_key_1_and_the_whole_prompt() -> None:
    assert recording_without(FLOW, set())
    assert not recording_without(FLOW, {("key", "1")})
    assert not recording_without(FLOW, {("prompt", "")})
    wrong = json.loads(json.dumps(FLOW))
    (asked,) = (action for action in wrong["Actions"] if action["Identifier"] == "key")
    asked["Transitions"]["Errors"][0]["NextAction"] = "recording on"
    assert recording_without(wrong, {("key", "1")})


def test_connect_switches_recording_off_before_the_prompt_and_its_analysis_always() -> None:
    first = next(action for action in FLOW["Actions"] if action["Identifier"] == FLOW["StartAction"])
    off = {"RecordedParticipants": [], "IVRRecordingBehavior": "Disabled"}
    assert first["Parameters"]["RecordingBehavior"] == off
    for action in FLOW["Actions"]:
        assert action["Parameters"].get("AnalyticsBehavior", {}).get("Enabled", "False") == "False"
        behaviour = action["Parameters"].get("RecordingBehavior", off)
        assert behaviour["IVRRecordingBehavior"] == "Disabled"


def test_the_map_reads_the_attributes_that_the_flow_sets() -> None:
    sets = [action["Parameters"]["Attributes"] for action in FLOW["Actions"] if "Attributes" in action["Parameters"]]
    wanted = set(re.findall(r"Attributes\.(\w+)", read.shipped_text("connect")))
    wanted -= {"recordingStopped", "recordingStoppedAt"}  # those the agent's program sets
    consents = [attributes for attributes in sets if "recordingConsent" in attributes]
    assert [each["recordingConsent"] for each in consents] == ["1", "2"]
    withdrawals = [attributes for attributes in sets if "consentWithdrawn" in attributes]
    assert [each["consentWithdrawn"] for each in withdrawals] == ["9"]
    assert all(each.keys() == wanted - withdrawals[0].keys() for each in consents)
    assert withdrawals[0].keys() < wanted


def test_a_call_of_connect_that_was_stopped_is_not_taken_in(world: World) -> None:
    world.spool.mkdir(exist_ok=True)
    approve(world, "connect")
    connect(world.spool, told := Told(1))
    records = world.spool / "contacts.jsonl"
    stopped = f'"Attributes": {{"recordingStopped": "9", "recordingStoppedAt": "{iso(told.at)}", '
    records.write_text(records.read_text("utf-8").replace('"Attributes": {', stopped), "utf-8")
    assert [one["code"] for one in ingest(world, "--map", "connect", exit=3)["refused"]] == ["no_consent"]
    assert [path for path in world.spool.rglob("*") if path.is_file()] == []


def test_the_clock_of_connect_tells_an_instant_with_its_zone() -> None:
    code = "import runpy; print(runpy.run_path('clock.py')['handler']({}, None)['now'])"
    words = [sys.executable, "-I", "-c", code]
    told = subprocess.run(words, cwd=EXAMPLES / "connect", capture_output=True, text=True, check=True).stdout.strip()
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told)


# -- what all of them have ----------------------------------------------------------------------------


def test_every_example_is_named_by_the_page_about_exchanges() -> None:
    page = (TOP / "docs" / "exchanges.md").read_text("utf-8")
    for folder in EXAMPLES.iterdir():
        assert f"examples/telephony/{folder.name}" in page
