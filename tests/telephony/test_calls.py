"""Real calls: phones of SIPp call through Kamailio and rtpengine, as examples/telephony/kamailio sets them up.

All calls are played once, beside each other. The tests look at the outcome: at Kamailio's lines, the captures, the spool,
and at what the program takes in. A caller's number names its call.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from shutil import copytree
from typing import Any, Final

import pytest

from arlo_rec import audio
from tests.support.exchange import EXAMPLE, PROMPT_ID, PROMPT_SECONDS, Ear, Exchange, Phone, lacking
from tests.support.exports import approve
from tests.support.phones import (
    BYE,
    FRAME,
    PCMA,
    Packet,
    Step,
    agent,
    caller,
    expect,
    offer,
    pcap,
    refer,
    speech,
    wait,
)
from tests.support.world import REASON, World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is here"),
    pytest.mark.xdist_group("telephony"),
]
SILENCE: Final = 0xD5  # of A-law
AGENT: Final = "22334455"
COLLEAGUE: Final = "22334466"
YES: Final = (1.6, "1")
MANY: Final = 20
LINE: Final = "withdraw"


@dataclass(frozen=True)
class Caller:
    """A call: its keys and when each is pressed, its steps, and who is called."""

    keys: tuple[tuple[float, str], ...] = ()
    steps: tuple[Step, ...] = (wait(3.4), BYE)
    called: str = AGENT
    number: str = ""
    calls: int = 1
    call_id: str = "%u-%p@%s"


AGENTS: Final[dict[str, tuple[tuple[tuple[float, str], ...], tuple[Step, ...]]]] = {
    AGENT: ((), ()),
    COLLEAGUE: ((), ()),
    "22334401": (((1.6, "1"),), ()),
    "22334402": (((2.2, "*"), (3.0, "*")), ()),
    "22334403": ((), (wait(2.2), offer("sendonly"), wait(0.8), offer("sendrecv"))),
    "22334404": ((), (wait(2.2), refer(COLLEAGUE))),
    "22334405": ((), ()),
}
HOSTILE: Final = "../../*?[x]::%u/%%41-{sum}'\"$ci%p@%s"
CALLERS: Final = {
    "yes": Caller((YES,), called="22334405"),
    "no": Caller(((1.6, "2"),)),
    "silent": Caller(),
    "early": Caller(((0.5, "1"),)),
    "early, then again": Caller(((0.5, "1"), YES)),
    "early no": Caller(((0.5, "2"),)),
    "agent's 1": Caller(called="22334401"),
    "other key": Caller(((1.6, "5"), (2.2, "1"))),
    "late": Caller(((3.0, "1"),)),
    "muted": Caller((YES,), (wait(4), BYE), "22334402"),
    "held by the agent": Caller((YES,), (expect("INVITE"), expect("INVITE"), wait(1), BYE), "22334403"),
    "held by the caller": Caller((YES,), (wait(2.2), offer("inactive"), wait(0.8), offer("sendrecv"), wait(1), BYE)),
    "transferred": Caller((YES,), (expect("REFER"), wait(0.3), BYE), "22334404"),
    "withdraws": Caller((YES, (2.4, "9"))),
    "withdraws twice": Caller((YES, (2.2, "9"), (2.8, "9"))),
    "withdraws unrecorded": Caller(((1.6, "2"), (2.4, "9"))),
    "withdraws in the prompt": Caller(((0.5, "9"), YES)),
    "line": Caller(((1.0, "9"),), (expect("BYE"),), LINE),
    "line without a key": Caller(((1.0, "1"),), (wait(2), BYE), LINE),
    "withheld": Caller((YES,), number="anonymous"),
    "withheld, withdraws": Caller((YES, (2.4, "9")), number="unknown"),
    "withheld on the line": Caller(((1.0, "9"),), (wait(2), BYE), LINE, number="withheld"),
    "hostile": Caller((YES,), call_id=HOSTILE),
    "one Call-ID": Caller((YES,), call_id="same@example.invalid"),
    "one Call-ID again": Caller((YES,), called=COLLEAGUE, call_id="same@example.invalid"),
    "many": Caller((YES,), calls=MANY),
}
AFTERWARDS: Final = {  # once the transfer was asked for
    "transferred": Caller((), (wait(1.5), BYE), COLLEAGUE),
    "stranger": Caller((), (wait(2.5), BYE), COLLEAGUE),
    "transferred, a third time": Caller((), (wait(2.5), BYE), COLLEAGUE),
}
NUMBERS: Final = {name: f"+47900001{index:02}" for index, name in enumerate([*CALLERS, "stranger"])}
NUMBERS["transferred, a third time"] = NUMBERS["transferred"]


@dataclass(frozen=True)
class Played:
    """Everything that the calls left behind."""

    told: list[dict[str, Any]]  # Kamailio's lines
    captures: list[str]  # their names, before anything was brought to the spool
    spool: Path
    said: dict[str, list[Packet]]  # each side's packets
    heard: dict[str, list[tuple[float, bytes]]]
    log: str
    left: list[str]  # in the folders of Kamailio and rtpengine, after that
    took: float

    def of(self, name: str) -> list[dict[str, Any]]:
        """Kamailio's lines of a call."""
        return [line for line in self.told if line["caller"] == number_of(name)]

    def lines(self, name: str = "") -> list[dict[str, Any]]:
        """The spool's lines of a call, or all."""
        lines = [json.loads(line) for path in sorted(self.spool.glob("*.jsonl")) for line in path.open("rb")]
        return [line for line in lines if not name or line["caller"] == number_of(name)]


def number_of(name: str) -> str:
    """The number from which a call comes."""
    given = CALLERS[name].number if name in CALLERS else ""
    return given or NUMBERS[name]


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """All calls, played once."""
    folder = tmp_path_factory.mktemp("telephony")
    begun = time.monotonic()
    said: dict[str, list[Packet]] = {}
    (folder / "exchange").mkdir()
    with Exchange(folder / "exchange", list(AGENTS)) as exchange, Ear() as ear:
        agents = {}
        for seed, (number, (keys, steps)) in enumerate(AGENTS.items()):
            said[number] = speech(seed, 5.5, keys, stamp=2**32 - 16_000 - seed)
            agents[number] = exchange.answer(number, agent(folder, number, sound=_sound(folder, number, said), steps=steps))
        phones = {name: _call(exchange, folder, name, each, said) for name, each in CALLERS.items()}
        _ended(phones["transferred"])
        later = {name: _call(exchange, folder, f"{name}, later", each, said) for name, each in AFTERWARDS.items() if "third" not in name}
        _ended(later["transferred"])
        later["third"] = _call(exchange, folder, "transferred, a third time", AFTERWARDS["transferred, a third time"], said)
        for phone in [*phones.values(), *later.values()]:
            _ended(phone)
        late = time.monotonic() + 10
        while time.monotonic() < late and len(exchange.told()) < EXPECTED:
            time.sleep(0.05)
        heard = {name: ear.at(phone.port) for name, phone in (*phones.items(), *agents.items())}
    told, captures = exchange.told(), sorted(path.name for path in exchange.captures.iterdir())
    (folder / "spool").mkdir()
    words = [sys.executable, str(EXAMPLE / "to_spool.py"), str(exchange.records), str(exchange.recorded), str(folder / "spool")]
    subprocess.run(words, check=True)
    left = [str(path) for path in exchange.recorded.rglob("*") if path.is_file()]
    yield Played(told, captures, folder / "spool", said, heard, exchange.log(), left, time.monotonic() - begun)


def _call(exchange: Exchange, folder: Path, name: str, each: Caller, said: dict[str, list[Packet]]) -> Phone:
    said[name] = speech(len(said), 5, each.keys)
    plain = f"caller-{len(said)}"
    (folder / f"{plain}.pcap").write_bytes(pcap(said[name]))
    number = each.number or NUMBERS[name.removesuffix(", later")]
    path = caller(folder, plain, number=number, called=each.called, sound=folder / f"{plain}.pcap", steps=each.steps)
    return exchange.call(path, calls=each.calls, call_id=each.call_id)


def _sound(folder: Path, name: str, said: dict[str, list[Packet]]) -> Path:
    path = folder / f"{name}.pcap"
    path.write_bytes(pcap(said[name]))
    return path


def _ended(phone: Phone) -> None:
    assert phone.process.wait(20) == 0, phone.process.args


EXPECTED: Final = 34


def test_dbg(played: Played) -> None:
    for line in played.told:
        print(line)
    print(len(played.told), len(played.captures), played.took, played.left)
    print([l for l in played.log.splitlines() if "ERROR" in l or "WARN" in l or "ALERT" in l])
    for p in sorted(played.spool.iterdir()): print(p.name)
    for name, h in played.heard.items():
        if len(name)<20: print(name, len(h))
    assert 0
