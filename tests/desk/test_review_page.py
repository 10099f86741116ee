"""The review of a training copy on the listening page, in a real browser, against a server that answers as the program.

The copy and the original are tones, so that a test can tell which of them is heard. `LISTEN_PICTURES=FOLDER` keeps the
pictures where somebody can look at them.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arlo_rec.law.messages import say
from tests.support import needs
from tests.support.axe import violations
from tests.support.browser import Browser
from tests.support.listening_stub import RATE, TOKEN, LongCall, Recording, Server, call, recording_of, tone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),  # one is enough
    needs.mark(needs.browser()),
]
RIGHT, HOME, END, SHIFT, CTRL, TAB, ENTER = "\ue014", "\ue011", "\ue010", "\ue008", "\ue009", "\ue004", "\ue007"
UP, DOWN = "\ue013", "\ue015"  # W3C WebDriver, 17.4.2
COPY, ORIGINAL = "document.querySelector('#sound')", "document.querySelector('#original')"
SECONDS = 20.0

Json = dict[str, Any]


def a_cut(number: int, start: float, end: float, status: str = "proposed", **values: Any) -> Json:
    return {
        "number": number,
        "start": start,
        "end": end,
        "channels": [0],
        "types": ["name"],
        "sources": ["known"],
        "score": 0.87,
        "status": status,
        "was": None,
        "heard": "Kari Nordmann",
        **values,
    }


def spoken(text: str, start: float, channel: int | None, **values: Any) -> list[Json]:
    """The words of *text*, 0.3 s each; `*` is behind a word to look at, `~` behind one that was heard badly."""
    return [
        {
            "text": word.rstrip("*~"),
            "start": round(start + 0.3 * place, 2),
            "end": round(start + 0.3 * place + 0.25, 2),
            "channel": channel,
            "score": 0.3 if word.endswith("~") else 0.95,
            "look": word.endswith("*"),
            "pass": 0,
            **values,
        }
        for place, word in enumerate(text.split())
    ]


def a_review(**values: Any) -> Json:
    review: Json = {
        "copy": "3f2a9c",
        "revision": 2,
        "state": "needs_review",
        "cuts": [
            a_cut(1, 2.55, 3.2),
            a_cut(2, 9.0, 9.5, channels=None, types=["number", "code"], sources=["rule", "known_name"], heard="12 34"),
            a_cut(3, 15.0, 15.4, channels=[1], score=None, heard=""),
        ],
        "unsure": [{"start": 6.0, "end": 6.4, "channel": 0}, {"start": 12.0, "end": 12.5, "channel": None}],
        "words": [
            *spoken("Hei du snakker med Ola", 0.1, 1),
            *spoken("jeg heter Kari Nordmann og~ ringer", 2.0, 0),
            *spoken("om strømmen hjemme hos veterinæren* i bygda", 5.0, 0),
            *spoken("hva er nummeret", 8.0, 1),
            *spoken("takk skal du ha ordføreren* min", 11.0, 1),
            *spoken("hei du snakker", 0.1, 1, **{"pass": 1}),
            *spoken("Åse", 6.1, 0, **{"pass": 1}),
        ],
        "warnings": ["Avskriften dekker 78 % av talen."],
        "heard": [],
    }
    return copy.deepcopy({**review, **values})


def reviewed(review: Json | None = None, **values: Any) -> Recording:
    frames = tone(SECONDS, 1760)
    return recording_of(
        tone(SECONDS, 440), review=review or a_review(), original=LongCall(frames, len(frames) / RATE), **values
    )


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(reviewed()) as started:
        yield started


def enter(browser: Browser, server: Server, *, more: bool = True) -> None:
    """Open the page, with *more* controls than it begins with, and wait until it knows its sound."""
    browser.visit("about:blank")
    browser.complaints(), browser.requested()
    browser.visit(f"{server.address}#{TOKEN}")
    browser.wait_until("document.body.dataset.state === 'ready' && document.querySelector('audio').readyState > 0")
    browser.run("document.querySelector('#more')?.toggleAttribute('open', arguments[0])", more)


def click(browser: Browser, selector: str) -> None:
    """Click on an element that was scrolled away from the bar at the bottom, as a person does."""
    browser.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
    browser.click(selector)


def shift(browser: Browser, *keys: str) -> None:
    for key in keys:
        browser.press_together(SHIFT, key)


def texts(browser: Browser, selector: str) -> list[str]:
    """The texts of all elements, hidden ones too."""
    found: list[str] = browser.run(
        "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent.replace(/\\s+/g, ' ').trim())",
        selector,
    )
    return found


def statuses(browser: Browser) -> list[str]:
    return texts(browser, "#cuts .status")


def counts(browser: Browser) -> list[str]:
    """How many places are to be heard and cuts to be decided, as `2 av 2`."""
    return [text.partition(": ")[2].rstrip(".") for text in texts(browser, "#counts span")][:2]


def place(browser: Browser, sound: str = COPY) -> float:
    return float(browser.run(f"return {sound}.currentTime"))


def chosen(browser: Browser) -> str:
    return str(browser.run("return document.querySelector('#cuts [aria-pressed=true] strong').textContent"))


def hurry(browser: Browser, sound: str) -> None:
    """Wait until *sound* is heard, and go on at double speed."""
    browser.wait_until(f"!{sound}.paused")
    browser.press_keys(*"++++")


def wait_still(browser: Browser) -> None:
    browser.wait_until(f"{COPY}.paused && {ORIGINAL}.paused")


def wait_settled(server: Server) -> None:
    end = time.monotonic() + 10
    while not server.recording.decided:
        assert time.monotonic() < end
        time.sleep(0.01)


# -- what is shown ------------------------------------------------------------------------------------


def test_who_only_listens_gets_nothing_of_a_review(browser: Browser) -> None:
    with Server(recording_of(call())) as server:
        enter(browser, server)
        browser.press_keys("a", "n", "h", "t", "z")
        asked = " ".join(server.recording.requests)
        assert "/listen.js" in asked
        assert [one for one in ("/review", "/original", "/decide") if one in asked] == []
        assert browser.run("return document.querySelectorAll('#work, #verdict, #cuts, #which').length") == 0
        assert browser.run("return document.querySelectorAll('audio').length") == 1
        assert browser.run(f"return {COPY}.paused")


def test_a_review_says_what_it_is_and_what_is_left_to_do(browser: Browser, server: Server) -> None:
    enter(browser, server)
    assert browser.text("h1") == "Gjennomgang av kopi 3f2a9c"
    assert browser.text("[data-fact=purpose]") == "opplæring"
    assert "3f2a9c" not in browser.run("return document.title")
    assert browser.text("#warnings li") == "Avskriften dekker 78 % av talen."
    assert counts(browser) == ["2 av 2", "3 av 3"]
    assert browser.text("#which") == "Klar: kopien"
    assert not [one for one in server.recording.requests if "/original" in one]  # before somebody asks to hear it


def test_each_cut_is_in_the_list_in_words(browser: Browser) -> None:
    with Server(reviewed(a_review(cuts=[*a_review()["cuts"], a_cut(4, 17, 18, "changed", was=[17.5, 18])]))) as server:
        enter(browser, server)
        assert texts(browser, "#cuts button") == [
            "? Klipp 1 0:02,55 til 0:03,20 foreslått Innringer · navn · oppgitt · sikkerhet 87 % Kari Nordmann",
            "? Klipp 2 0:09,00 til 0:09,50 foreslått Begge · nummer, kode · regel, known_name · sikkerhet 87 % 12 34",
            "? Klipp 3 0:15,00 til 0:15,40 foreslått Kundebehandler · navn · oppgitt",
            "↔ Klipp 4 0:17,00 til 0:18,00 endret Innringer · navn · oppgitt · sikkerhet 87 % · "
            "var 0:17,50 til 0:18,00 Kari Nordmann",
        ]
        role, name = browser.accessible("#cuts li:last-child button")
        assert role == "button"
        assert name.startswith("Klipp 4 0:17,00 til 0:18,00 endret Innringer")


def test_where_to_look_comes_first_and_is_cut_only_if_somebody_says_so(browser: Browser) -> None:
    look = a_cut(4, 16.0, 17.0, "look", types=["circumstance"], sources=["look"], score=0.5, heard="presten her")
    with Server(reviewed(a_review(cuts=[*a_review()["cuts"], look], unsure=[]))) as server:
        enter(browser, server)
        first = "! Klipp 4 0:16,00 til 0:17,00 se her Innringer · omstendighet · se her · sikkerhet 50 % presten her"
        assert texts(browser, "#cuts button")[0] == first and chosen(browser) == "Klipp 4"
        shift(browser, "a")
        assert statuses(browser) == ["se her", "godtatt", "godtatt", "godtatt"]
        assert counts(browser)[-1] == "1 av 4"
        browser.press_keys("a")
        assert statuses(browser) == ["godtatt"] * 4, "and it stands where it is said"
        browser.press_keys("b")
        assert statuses(browser)[0] == "se her"
        browser.press_keys("r")
        assert statuses(browser)[-1] == "fjernet" and counts(browser)[-1] == "0 av 4"


PATTERN = """
    const canvas = document.querySelector("#picture"), brush = canvas.getContext("2d");
    const [from, to] = [...arguments].map((seconds) => Math.round((canvas.width * seconds) / 20));
    const {data, width, height} = brush.getImageData(from + 6, 25, to - from - 12, 14);
    const at = (x, y) => [0, 1, 2, 3].map((part) => data[4 * (y * width + x) + part]).join();
    const row = (y) => Array.from({length: width}, (_, x) => at(x, y)).join(";");
    const column = (x) => Array.from({length: height}, (_, y) => at(x, y)).join(";");
    const rows = new Set(Array.from({length: height}, (_, y) => row(y))).size > 1;
    const columns = new Set(Array.from({length: width}, (_, x) => column(x))).size > 1;
    const [edge] = [brush.getImageData(from, 30, 1, 1).data];
    return [rows, columns, data.some((part) => part > 0), [...edge.slice(0, 3)].join()];
"""


def test_the_states_of_cuts_differ_on_the_waveform_by_pattern_and_by_colour(browser: Browser) -> None:
    states = ("proposed", "accepted", "changed", "added", "removed")
    cuts = [a_cut(9, 0.1, 0.2), *(a_cut(n, 2.0 + 3 * n, 4.0 + 3 * n, state) for n, state in enumerate(states, 1))]
    with Server(reviewed(a_review(cuts=cuts, unsure=[]), known=0)) as server:
        enter(browser, server)
        seen = {state: browser.run(PATTERN, 2 + 3 * n, 4 + 3 * n) for n, state in enumerate(states, 1)}
    assert [seen[state][:3] for state in states] == [
        [True, True, True],
        [False, False, True],
        [True, False, True],
        [False, True, True],
        [False, False, False],
    ]
    assert len({colour for *_, colour in seen.values()}) == 5
    signs = dict(zip(texts(browser, "#cuts .status"), texts(browser, "#cuts .sign"), strict=True))
    assert sorted(signs.values()) == sorted("?✓↔+✕")


def doubt_ink(browser: Browser, start: float, end: float) -> list[int]:
    """How many rows and how many pixels of the waveform have the colour of a doubtful stretch."""
    found: list[int] = browser.run(
        """
        const canvas = document.querySelector("#picture"), brush = canvas.getContext("2d");
        const [from, to] = [...arguments].map((seconds) => Math.round((canvas.width * seconds) / 20));
        const {data, width} = brush.getImageData(from, 0, to - from, canvas.height / 2);
        const rows = new Set();
        let count = 0;
        for (let i = 0; i < data.length; i += 4) {
          if (data[i] < 150 || data[i + 1] > 60 || data[i + 2] < 80 || data[i + 3] < 128) continue;
          rows.add(Math.floor(i / 4 / width));
          count += 1;
        }
        return [rows.size, count];
        """,
        start,
        end,
    )
    return found


def test_a_doubtful_stretch_has_a_mark_that_becomes_straight_when_it_was_heard(browser: Browser) -> None:
    review = a_review(unsure=[{"start": 6, "end": 8, "channel": 0}, {"start": 12, "end": 14, "channel": 0}])
    with Server(reviewed({**review, "heard": [[12.05, 13.95]]})) as server:
        enter(browser, server)
        assert counts(browser)[0] == "1 av 2"
        zigzag, straight, nothing = (doubt_ink(browser, start, start + 2) for start in (6, 12, 16))
        assert zigzag[0] > 6 > straight[0] > 0
        assert zigzag[1] > straight[1] > nothing[1] == 0


def test_what_was_heard_in_earlier_sessions_is_marked_and_counts(browser: Browser) -> None:
    ink = """
        const canvas = document.querySelector("#picture"), brush = canvas.getContext("2d");
        const {data} = brush.getImageData(0, 30, canvas.width / 4, 40);
        for (let i = 0; i < data.length; i += 4) {
          if (data[i] < 60 && data[i + 2] > 120 && data[i + 3] > 200) return true;
        }
        return false;
    """
    for heard, expected in (([[0.0, 6.35]], "1 av 2"), ([[0.0, 6.2], [6.25, 6.4]], "2 av 2"), ([], "2 av 2")):
        with Server(reviewed(a_review(cuts=[], heard=heard))) as server:
            enter(browser, server)
            browser.wait_for(lambda: "GET /peaks?from=0" in server.recording.requests)
            assert counts(browser)[0] == expected, heard
            browser.wait_for(lambda heard=heard: browser.run(ink) == bool(heard))  # type: ignore[misc]


def test_the_words_stand_by_turns_and_a_screen_reader_gets_what_marks_them(browser: Browser, server: Server) -> None:
    enter(browser, server)
    assert texts(browser, "#spoken p") == [
        "0:00 Kundebehandler: Hei du snakker med Ola",
        "0:02 Innringer: jeg heter klippet, navn: Kari Nordmann slutt på klipp og (uklart) ringer",
        "0:05 Innringer: om strømmen hjemme hos se her: veterinæren i bygda også hørt ved 0:06: «Åse»",
        "0:08 Kundebehandler: hva er nummeret",
        "0:11 Kundebehandler: takk skal du ha se her: ordføreren min",
    ]
    line = "return getComputedStyle(document.querySelector(arguments[0])).textDecoration"
    assert "line-through" in browser.run(line, "#spoken s")
    assert "dotted" in browser.run(line, "#spoken .badly")
    assert texts(browser, ".badly") == ["og (uklart)"]
    assert texts(browser, "mark") == ["se her: veterinæren", "se her: ordføreren"]


def test_a_call_of_one_channel_without_words_says_to_hear_all_of_it(browser: Browser) -> None:
    review = a_review(words=[], cuts=[], unsure=[], warnings=[])
    frames = tone(5, 440)[:, :1]
    with Server(recording_of(frames, review=review)) as server:
        enter(browser, server)
        assert browser.text("#spoken") == "Samtalen har ingen avskrift. Hør hele kopien."
        assert browser.run("return document.querySelector('#warnings').hidden")
        browser.press_keys("a")
        assert browser.text("#status") == "Kopien har ingen klipp."
        browser.press_keys("t")
        assert browser.text("#status") == "Ingen uklare steder er igjen."
        assert counts(browser) == ["0 av 0", "0 av 0"]


HOSTILE = "<img src=x onerror='window.ran = 1'>\u202e"


def test_hostile_texts_are_shown_and_do_nothing(browser: Browser) -> None:
    review = a_review(warnings=[HOSTILE])
    review["cuts"][0] |= {"types": [HOSTILE, "__proto__"], "sources": ["constructor"], "heard": HOSTILE}
    review["words"][0] |= {"text": HOSTILE, "look": True}
    review["words"][-1] |= {"text": HOSTILE}
    recording = reviewed(review, answers=[(422, {"message": HOSTILE})])
    with Server(recording) as server:
        enter(browser, server)
        shift(browser, "c")
        browser.wait_until("document.querySelector('.complaint').textContent")
        shown = HOSTILE.replace("\u202e", "[U+202E]")
        assert browser.text(".complaint") == shown
        assert browser.run("return document.body.textContent.split(arguments[0]).length - 1", shown) >= 6
        assert "__proto__" in browser.text("#cuts .about")
        assert browser.run("return document.querySelectorAll('img').length") == 0
        assert browser.run("return window.ran") is None
        assert [one for one in browser.complaints() if "422" not in one] == []


# -- hearing ------------------------------------------------------------------------------------------

TAP = """
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (to, ...rest) {
      if (to === this.context.destination) {
        window.ear = new AnalyserNode(this.context, { fftSize: 2048, smoothingTimeConstant: 0 });
        connect.call(this, window.ear);
      }
      return connect.call(this, to, ...rest);
    };
"""
HEARD = """
    await new Promise((next) => setTimeout(next, 300));
    const ear = window.ear, level = new Float32Array(ear.frequencyBinCount);
    ear.getFloatFrequencyData(level);
    return [440, 1760].map((hertz) => level[Math.round((hertz * ear.fftSize) / ear.context.sampleRate)] > -60);
"""


def test_a_cut_is_heard_in_the_original_with_what_is_around_it_and_then_it_stops(
    browser: Browser, server: Server
) -> None:
    enter(browser, server)
    browser.run(TAP)
    browser.press_keys("n", "h")
    browser.wait_until(f"{ORIGINAL}.currentTime > 7.6")
    assert browser.run_async(HEARD) == [False, True]
    assert browser.text("#which") == "Du hører originalen"
    assert browser.run("return document.querySelector('#which').dataset.sound") == "original"
    assert browser.text("#status") == "Spiller originalen fra 0:07."
    browser.press_keys(*"++++")
    wait_still(browser)
    assert place(browser) == pytest.approx(11, abs=0.3)
    assert browser.text("#which") == "Klar: kopien"
    assert texts(browser, "#speed") == ["2×"]  # that was chosen meanwhile stays
    browser.press_keys(" ")
    browser.wait_until(f"{COPY}.currentTime > 11.5")
    assert browser.run_async(HEARD) == [True, False]
    assert browser.run(f"return {ORIGINAL}.paused")
    browser.wait_for(lambda: any(server.recording.heard_original))
    assert server.recording.heard_original[-1] == [[7.5, pytest.approx(11, abs=0.3)]]


def test_only_one_sound_plays_and_a_place_that_is_chosen_is_in_the_copy(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.run(
        "for (const a of document.querySelectorAll('audio')) a.addEventListener('playing', () => "
        "(window.most = Math.max(window.most ?? 0, [...document.querySelectorAll('audio')]"
        ".filter((each) => !each.paused).length)))"
    )
    browser.press_keys(" ")
    browser.wait_until(f"{COPY}.currentTime > 0.2")
    click(browser, "[data-action=hear]")
    browser.wait_until(f"{ORIGINAL}.currentTime > 1.2 && !{ORIGINAL}.paused")
    assert browser.run(f"return {COPY}.paused")
    browser.press_keys(RIGHT)
    browser.wait_until(f"{COPY}.currentTime > 6.1 && !{COPY}.paused")
    assert browser.run(f"return {ORIGINAL}.paused")
    assert browser.text("#which") == "Du hører kopien"
    assert browser.run("return window.most") == 1
    wait = "document.querySelector('#status').textContent.startsWith('Pause')"
    browser.press_keys(" ")
    browser.wait_until(wait)
    browser.wait_for(lambda: any(server.recording.heard_original))
    ((begin, end),) = server.recording.heard_original[-1]
    assert begin == 1.05 and 1.2 < end < 3, "a busy machine stops later"


def test_the_copy_is_heard_through_at_double_speed_from_here_or_from_the_start(
    browser: Browser, server: Server
) -> None:
    enter(browser, server)
    browser.press_keys(RIGHT, "g")
    browser.wait_until(f"{COPY}.currentTime > 5.3")
    assert browser.run(f"return [{COPY}.playbackRate, {COPY}.paused]") == [2, False]
    assert browser.text("#which") == "Du hører kopien"
    click(browser, "[data-action=through-start]")
    browser.wait_until(f"{COPY}.currentTime > 0.2 && {COPY}.currentTime < 4")
    browser.press_keys(" ")
    browser.wait_for(lambda: len(server.recording.heard) > 0)
    assert server.recording.heard[-1][0][0] == 0


def test_doubtful_stretches_are_heard_one_after_the_other_and_counted(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("2", "t")
    assert (
        browser.run("return document.querySelector('[data-action=both]').ariaPressed") == "true"
    )  # it is the caller's
    browser.wait_until(f"{COPY}.currentTime > 4.5 && !{COPY}.paused")
    assert counts(browser)[0] == "2 av 2"
    browser.press_keys(*"++++")
    wait_still(browser)
    assert place(browser) == pytest.approx(6.9, abs=0.3)
    assert counts(browser)[0] == "1 av 2"
    click(browser, "[data-action=doubt]")
    browser.press_keys(*"++++")
    browser.wait_until(f"{COPY}.currentTime > 12.7")
    browser.press_keys(" ")
    browser.wait_until("document.querySelector('#counts').textContent.includes('0 av 2')")
    browser.wait_until("document.querySelector('#status').textContent.startsWith('Pause')")
    browser.press_keys("t")
    assert browser.text("#status") == "Ingen uklare steder er igjen."
    assert browser.run(f"return {COPY}.paused")


def test_where_to_look_is_heard_first_and_then_what_was_heard_worst(browser: Browser) -> None:
    look = a_cut(4, 16.0, 17.0, "look", types=["circumstance"], sources=["look"], score=0.5, heard="presten her")
    review = a_review(cuts=[*a_review()["cuts"], look])
    for word in review["words"]:
        word["score"] = 0.1 if 12.0 <= word["start"] < 12.5 and not word["pass"] else 0.9
    with Server(reviewed(review)) as server:
        enter(browser, server)
        browser.press_keys("t")
        browser.wait_until(f"!{ORIGINAL}.paused && {ORIGINAL}.currentTime > 14.4")
        assert chosen(browser) == "Klipp 4"
        browser.press_keys(" ", "t")
        browser.wait_until(f"!{COPY}.paused && {COPY}.currentTime > 11.4")
        browser.press_keys(" ", "t")
        browser.wait_until(f"!{COPY}.paused && {COPY}.currentTime > 5.4 && {COPY}.currentTime < 8")
        browser.press_keys(" ", "r")
        assert chosen(browser) == "Klipp 4", "what was looked at is decided by the same keys"


def test_cuts_of_one_kind_and_of_one_name_are_decided_at_once(browser: Browser) -> None:
    said = ["jeg heter Kari Nordmann", "hun heter Åse", "takk Kari", "det er 12 34"]
    kinds = ["name", "name", "name", "number"]
    cuts = [
        a_cut(at + 1, 2.0 + 3 * at, 2.6 + 3 * at, types=[kind], heard=heard)
        for at, (heard, kind) in enumerate(zip(said, kinds, strict=True))
    ]
    with Server(reviewed(a_review(cuts=cuts, words=spoken("jeg heter takk hun det er", 14.0, 0)))) as server:
        enter(browser, server)
        browser.press_keys("m")
        assert browser.text("#status") == "Godtatt nå: 2."
        assert chosen(browser) == "Klipp 2", "the next that is open"
        browser.press_keys("n", "b", "k")
        assert browser.text("#status") == "Godtatt nå: 2."
        click(browser, "[data-action=accept-kind]")
        assert counts(browser)[1] == "0 av 4"
        browser.press_keys("u", "u")
        assert counts(browser)[1] == "3 av 4"


def test_a_doubtful_stretch_that_is_cut_is_settled_as_long_as_it_is_cut(browser: Browser) -> None:
    unsure = [{"start": 2.6, "end": 3.0, "channel": 0}, {"start": 2.6, "end": 3.0, "channel": None}]
    with Server(reviewed(a_review(unsure=unsure))) as server:
        enter(browser, server)
        assert counts(browser)[0] == "1 av 2"  # a cut in one channel does not cover both
        browser.press_keys("r")
        assert counts(browser)[0] == "2 av 2"
        browser.press_keys("u")
        assert counts(browser)[0] == "1 av 2"


def test_without_motion_a_cut_is_heard_and_stops_as_well(browser: Browser, server: Server) -> None:
    reduced = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    browser.command("Emulation.setEmulatedMedia", media="", features=reduced)
    enter(browser, server)
    browser.press_keys("h")
    hurry(browser, ORIGINAL)
    browser.wait_until(f"{ORIGINAL}.currentTime > 1.2")
    wait_still(browser)
    assert place(browser) == pytest.approx(4.7, abs=0.8)
    browser.colours("light")


def test_a_click_on_a_word_plays_the_copy_from_there(browser: Browser, server: Server) -> None:
    enter(browser, server)
    click(browser, "#spoken p:nth-child(4) span:nth-child(3)")
    browser.wait_until(f"{COPY}.currentTime > 8.4 && !{COPY}.paused")
    assert place(browser) < 10
    browser.press_keys(" ")
    click(browser, "#spoken s > span[lang]")
    assert chosen(browser) == "Klipp 1"


def test_the_words_are_gone_through_by_turns(browser: Browser, server: Server) -> None:
    enter(browser, server)
    shift(browser, DOWN, DOWN, DOWN)
    assert place(browser) == pytest.approx(5.0)
    shift(browser, UP)
    assert place(browser) == pytest.approx(2.0)


def test_the_word_that_is_heard_is_marked_and_who_scrolled_away_is_left_alone(browser: Browser) -> None:
    words = [word for turn in range(60) for word in spoken("ett to tre", 0.3 * turn, turn % 2)]
    with Server(reviewed(a_review(words=words, cuts=[]))) as server:
        enter(browser, server)
        top = "document.querySelector('#spoken').scrollTop"
        browser.press_keys(RIGHT, "g")
        browser.wait_until(f"{top} > 0")
        assert len(texts(browser, "#spoken .now")) == 1
        browser.run("document.querySelector('#spoken').scrollIntoView({block: 'center'})")
        box = browser.run("return document.querySelector('#spoken').getBoundingClientRect().toJSON()")
        middle = {"x": box["x"] + 50, "y": box["y"] + box["height"] / 2}
        browser.command("Input.dispatchMouseEvent", type="mouseWheel", deltaX=0, deltaY=1500, **middle)
        browser.wait_until(f"{top} > 800")
        away = browser.run_async(f"await new Promise((next) => setTimeout(next, 500)); return {top}")
        page = browser.run("return scrollY")
        first = texts(browser, "#spoken .now")
        browser.wait_until("document.querySelector('#now').textContent > '0:09'")
        assert browser.run(f"return [{top}, scrollY]") == [away, page]
        assert first
        browser.press_keys("v")
        browser.wait_until(f"{top} < {away} - 200")
        assert browser.run("return scrollY") == page


def test_the_waveform_shows_twenty_seconds_and_follows_the_cut_that_is_chosen(browser: Browser) -> None:
    review = a_review(cuts=[a_cut(1, 30, 31), a_cut(2, 400, 401)])
    with Server(recording_of(call(), 600.0, review=review)) as server:
        enter(browser, server)
        browser.press_keys("z")
        assert browser.text("#status") == "Viser 0:20 til 0:40."
        browser.drag("#wave", 0.25)
        assert place(browser) == pytest.approx(25.5, abs=0.1)
        browser.press_keys("n")
        browser.drag("#wave", 0.25)
        assert place(browser) == pytest.approx(395.5, abs=0.1)
        browser.press_keys("z")
        browser.drag("#wave", 0.5)
        assert place(browser) == pytest.approx(300, abs=2)


# -- deciding -----------------------------------------------------------------------------------------


def test_cuts_are_accepted_removed_and_taken_back_by_keys_or_buttons(browser: Browser, server: Server) -> None:
    enter(browser, server)
    assert chosen(browser) == "Klipp 1"
    browser.press_keys("a")
    assert browser.text("#status") == "Klipp 1 er godtatt."
    browser.press_keys("n", "r")
    assert statuses(browser) == ["godtatt", "fjernet", "foreslått"]
    assert counts(browser)[1] == "1 av 3"
    browser.press_keys("b")
    assert browser.text("#status") == "Klipp 2 er igjen foreslått."
    click(browser, "[data-action=cut-next]")
    click(browser, "[data-action=remove]")
    click(browser, "[data-action=cut-back]")
    click(browser, "[data-action=accept]")
    assert chosen(browser) == "Klipp 2"
    assert statuses(browser) == ["godtatt", "godtatt", "fjernet"]
    click(browser, "#cuts li:first-child button")
    click(browser, "[data-action=take-back]")
    assert statuses(browser) == ["foreslått", "godtatt", "fjernet"]
    browser.press_keys("b")
    assert browser.text("#status") == "Klipp 1 har ingen avgjørelse å ta tilbake."


def test_a_cut_that_is_removed_gives_its_words_back(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("r")
    assert texts(browser, "#spoken s") == []
    assert texts(browser, "#spoken p:nth-child(2)") == ["0:02 Innringer: jeg heter Kari Nordmann og (uklart) ringer"]
    browser.press_keys("u")
    assert len(texts(browser, "#spoken s")) == 1


def test_every_action_can_be_undone_back_to_the_beginning(browser: Browser, server: Server) -> None:
    enter(browser, server)
    before = texts(browser, "#cuts, #spoken")
    browser.press_keys("a", "f", "f", "n", "r", "a", "[", RIGHT, "]", "c", "r")
    shift(browser, "a")
    assert statuses(browser) == ["endret", "godtatt", "godtatt"]
    for _ in range(4):
        browser.press_together(CTRL, "z")
    for _ in range(4):
        browser.press_keys("u")
    assert texts(browser, "#cuts, #spoken") == before
    click(browser, "[data-action=undo]")
    assert browser.text("#status") == "Det er ingenting å angre."
    assert not server.recording.decided


def test_all_that_is_open_is_accepted_at_once_and_undone_at_once(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("n", "r")
    shift(browser, "a")
    assert browser.text("#status") == "Godtatt nå: 2."
    assert statuses(browser) == ["godtatt", "fjernet", "godtatt"]
    browser.press_keys("u")
    assert statuses(browser) == ["foreslått", "fjernet", "foreslått"]


def test_an_edge_moves_by_tenths_and_hundredths(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("d", "d")
    shift(browser, "f")
    browser.press_keys("e", "f")
    shift(browser, "d")
    assert texts(browser, "#cuts .when")[0] == "0:02,36 til 0:03,29"
    assert browser.text("#edge") == "slutter 0:03,29"
    assert browser.text("#status") == "Klipp 1 er nå 0:02,36 til 0:03,29."
    assert statuses(browser)[0] == "endret"
    for _ in range(5):
        browser.press_together(SHIFT, "d")
    browser.press_keys(*"d" * 12)  # not over the other edge
    assert texts(browser, "#cuts .when")[0] == "0:02,36 til 0:02,41"
    assert texts(browser, "#spoken s") == []


def test_an_edge_is_dragged_on_the_waveform(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("n")
    browser.drag("#wave", 9.5 / SECONDS, 9.9 / SECONDS, 10.5 / SECONDS)
    assert place(browser) == pytest.approx(9.0)  # which the drag leaves where it was
    browser.press_keys("u")
    assert texts(browser, "#cuts .when")[1] == "0:09,00 til 0:09,50"
    browser.drag("#wave", 9.0 / SECONDS, 8.5 / SECONDS, 8.0 / SECONDS)
    begin, _, end = texts(browser, "#cuts .when")[1].partition(" til ")
    assert float(begin.removeprefix("0:").replace(",", ".")) == pytest.approx(8.0, abs=0.03)
    assert end == "0:09,50"
    assert statuses(browser)[1] == "endret"


def test_a_click_in_a_cut_chooses_it(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.drag("#wave", 9.25 / SECONDS)
    assert chosen(browser) == "Klipp 2"
    assert place(browser) == pytest.approx(9.25, abs=0.03)


def test_a_stretch_is_cut_that_was_marked_by_keys_or_dragged_over_with_shift(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("c")
    assert browser.text("#status").startswith("Merk først en strekning")
    browser.press_keys(RIGHT, "[", RIGHT, "]", "c")
    assert browser.text("#loop") == "av"
    assert texts(browser, "#cuts button")[1].startswith(
        "+ Nytt klipp 0:05,00 til 0:10,00 lagt til Begge · annet · person"
    )
    assert browser.text("#status") == "Klipp lagt til: 0:05,00 til 0:10,00."
    browser.press_keys("f")
    assert statuses(browser)[1] == "lagt til"
    browser.press_keys("u")
    assert "veterinæren" in texts(browser, "#cuts q")[1]
    assert chosen(browser) == "Nytt klipp"
    box = browser.run("return document.querySelector('#wave').getBoundingClientRect().toJSON()")
    for kind, seconds in (("mousePressed", 18), ("mouseMoved", 17), ("mouseMoved", 16), ("mouseReleased", 16)):
        place_of = {"x": box["x"] + box["width"] * seconds / SECONDS, "y": box["y"] + 40}
        browser.command("Input.dispatchMouseEvent", type=kind, button="left", modifiers=8, clickCount=1, **place_of)
    assert browser.text("#loop") == "0:16 til 0:18"
    click(browser, "[data-action=cut]")
    shift(browser, "s")
    wait_settled(server)
    first, second = server.recording.decided[0]["cuts"]
    assert first == {"number": None, "start": 5, "end": 10, "status": "added"}
    assert second == {
        "number": None,
        "start": pytest.approx(16, abs=0.03),
        "end": pytest.approx(18, abs=0.03),
        "status": "added",
    }


# -- the end of a review ------------------------------------------------------------------------------


def test_saving_tells_what_was_heard_and_then_only_what_differs(browser: Browser, server: Server) -> None:
    enter(browser, server)
    shift(browser, "s")
    assert browser.text("#status") == "Det er ingenting å lagre."
    browser.press_keys(" ")
    browser.wait_until(f"{COPY}.currentTime > 0.5")
    browser.press_keys("a", "n", "r", "n", "f", "b")
    click(browser, "[data-action=save]")
    wait_settled(server)
    assert server.recording.decided == [
        {
            "cuts": [
                {"number": 1, "start": 2.55, "end": 3.2, "status": "accepted"},
                {"number": 2, "start": 9.0, "end": 9.5, "status": "removed"},
            ],
            "confirm": False,
            "reason": None,
            "vouches": False,
        }
    ]
    posts = [one for one in server.recording.requests if one.startswith("POST")]
    assert posts[posts.index("POST /decide") - 1] == "POST /heard"
    browser.wait_until("document.body.dataset.state === 'over'")
    assert browser.text("#end") == say("listening.page.closed_saved", "nb", copy="3f2a9c")
    assert "arlo-rec review 3f2a9c --page" in browser.text("#end")


def test_confirming_ends_it_and_says_what_is_next(browser: Browser, server: Server) -> None:
    enter(browser, server)
    shift(browser, "a", "c")
    wait_settled(server)
    assert server.recording.decided[0]["confirm"] is True
    browser.wait_until("document.body.dataset.state === 'over'")
    assert browser.text("#end") == say("listening.page.closed_confirmed", "nb", copy="3f2a9c")
    assert not server.recording.is_ended  # it is over by itself


def test_what_is_left_is_named_with_a_way_to_each_and_a_reason_goes_through(browser: Browser) -> None:
    left = (409, {"left": {"undecided": [2], "unheard": [[12.0, 12.5]]}})
    with Server(reviewed(answers=[left, left])) as server:
        enter(browser, server)
        click(browser, "[data-action=confirm]")
        browser.wait_until("document.querySelector('#left').open")
        assert texts(browser, "#left li") == [
            "Klipp 2, 0:09,00 til 0:09,50, er ikke avgjort",
            "Uklart sted, 0:12,00 til 0:12,50, er ikke hørt",
        ]
        assert browser.run("return document.activeElement.textContent").startswith("Klipp 2")
        browser.press_keys(ENTER)
        assert chosen(browser) == "Klipp 2"
        assert browser.run("return document.activeElement.textContent").startswith("? Klipp 2")
        browser.press_keys("a")
        click(browser, "[data-action=confirm]")
        browser.wait_until("document.querySelector('#left').open")
        click(browser, "#anyway")
        assert browser.text("#left .complaint") == "Skriv en begrunnelse først."
        assert len(server.recording.decided) == 2
        browser.press_keys(*"a q, z")
        click(browser, "#anyway")
        browser.wait_until("document.body.dataset.state === 'over'")
        assert server.recording.decided[2]["reason"] == "a q, z"  # a text field has its keys for itself
        assert server.recording.decided[2]["confirm"] is True


def test_a_stretch_that_is_left_is_heard_from_the_list(browser: Browser) -> None:
    with Server(reviewed(answers=[(409, {"left": {"undecided": [], "unheard": [[12.0, 12.5]]}})])) as server:
        enter(browser, server)
        shift(browser, "c")
        browser.wait_until("document.querySelector('#left').open")
        browser.press_keys(ENTER)
        browser.wait_until(f"{COPY}.currentTime > 10.6 && !{COPY}.paused")
        assert not browser.run("return document.querySelector('#left').open")


def test_an_answer_that_refuses_is_shown_and_the_review_goes_on(browser: Browser) -> None:
    with Server(reviewed(answers=[(422, {"message": "Klipp 1 passer ikke."}), (500, {})])) as server:
        enter(browser, server)
        browser.press_keys("a")
        shift(browser, "s")
        browser.wait_until("document.querySelector('#verdict .complaint').textContent")
        assert browser.text("#verdict .complaint") == "Klipp 1 passer ikke."
        shift(browser, "s")
        browser.wait_until("document.querySelector('#verdict .complaint').textContent.startsWith('Svaret')")
        assert statuses(browser)[0] == "godtatt"
        shift(browser, "s")
        browser.wait_until("document.body.dataset.state === 'over'")
        assert len(server.recording.decided) == 3


@pytest.mark.parametrize("way", ["q", "button"])
def test_who_is_done_with_unsaved_decisions_is_asked_once(browser: Browser, server: Server, way: str) -> None:
    enter(browser, server)
    asks = "const e = new Event('beforeunload', {cancelable: true}); dispatchEvent(e); return e.defaultPrevented"
    assert browser.run(asks) is False
    browser.press_keys("a")
    assert browser.run(asks) is True
    browser.press_keys("q")
    assert browser.run("return document.querySelector('#leaving').open")
    assert browser.text("#leaving p") == (
        "Klipp med endringer som ikke er lagret: 1. Lukker du nå, går endringene tapt."
    )
    click(browser, "#leaving button")  # stay
    browser.press_keys("n")
    assert chosen(browser) == "Klipp 2"
    assert not server.recording.is_ended
    click(browser, "[data-action=done]")
    if way == "q":
        browser.press_keys("q")
    else:
        click(browser, "#leave")
    browser.wait_for(lambda: server.recording.is_ended)
    assert browser.text("#end") == say("listening.page.closed_done", "nb")
    assert browser.run(asks) is False
    assert not server.recording.decided


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_nothing_of_the_call_stays_in_the_page_when_it_is_over(browser: Browser, lang: str) -> None:
    recording = reviewed(lang=lang)
    with Server(recording) as server:
        enter(browser, server)
        browser.press_keys("h")
        browser.wait_until(f"{ORIGINAL}.currentTime > 1.2 && !{ORIGINAL}.paused")
        browser.run("window.sounds = [...document.querySelectorAll('audio')]")
        page = "return document.documentElement.outerHTML"
        assert "Nordmann" in browser.run(page)
        recording.closed = "withdrawn"
        browser.wait_until("document.body.dataset.state === 'over'")
        left = browser.run(page)
        assert [one for one in ("Nordmann", "veterin", "Avskriften", "Åse", "0:02") if one in left] == []
        assert (
            browser.run(
                "return window.sounds.map((e) => [e.paused, e.hasAttribute('src'), e.readyState, e.buffered.length])"
            )
            == [[True, False, 0, 0]] * 2
        )
        assert browser.text("#end") == say("listening.page.closed_withdrawn", lang)
        browser.press_keys("a", "h", "t", " ", "z", "u")
        browser.drag("#wave", 0.2, 0.4)
        assert [one for one in browser.complaints() if "rror" in one] == []
        assert recording.heard_original[-1][0][0] == pytest.approx(1.05)


def test_who_reads_and_decides_without_hearing_anything_counts_as_there(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("a")
    browser.run("const now = performance.now(); performance.now = () => now + 61000")
    told = server.recording.requests.count("POST /heard")
    browser.press_keys("n")
    browser.wait_for(lambda: server.recording.requests.count("POST /heard") == told + 1)
    browser.press_keys("p", "a", "n")
    browser.click("[data-action=accept]")
    assert server.recording.requests.count("POST /heard") == told + 1


# -- for everybody ------------------------------------------------------------------------------------


def test_a_whole_review_goes_by_keys_alone(browser: Browser, server: Server) -> None:
    """Each cut is heard and decided, each doubtful stretch heard, and the copy confirmed."""
    enter(browser, server)
    for number, key in ((1, "a"), (2, "r"), (3, "d")):
        browser.press_keys("h")
        hurry(browser, ORIGINAL)
        browser.wait_until(f"{ORIGINAL}.currentTime > {[2.6, 9.1, 15.1][number - 1]}")
        browser.press_keys(" ", key, "n")
    for start in (6.0, 12.0):
        browser.press_keys("t")
        hurry(browser, COPY)
        wait_still(browser)
        assert place(browser) > start
    assert counts(browser) == ["0 av 2", "0 av 3"]
    shift(browser, "c")
    browser.wait_until("document.body.dataset.state === 'over'")
    assert [cut["status"] for cut in server.recording.decided[0]["cuts"]] == ["accepted", "removed", "changed"]
    assert len(server.recording.heard_original[-1]) == 3
    spans = server.recording.heard[-1]
    assert all(any(a <= start and b >= end for a, b in spans) for start, end in ((6.0, 6.4), (12.0, 12.5)))
    assert browser.complaints() == []


def test_the_keys_of_a_review_are_in_the_list_of_keys(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("?", "a")
    assert browser.run("return document.querySelector('#help').open")
    assert statuses(browser)[0] == "foreslått"  # not behind the list
    listed = browser.text("#keys")
    for line in ("⇧g\nHør kopien fra start, 2×", "⇧↑\nForrige replikk", "h\nHør originalen", "⇧c\nBekreft kopien"):
        assert line in listed
    shortcuts = browser.run(
        "return [...document.querySelectorAll('#work button[data-action], #verdict button')]"
        ".map((e) => e.getAttribute('aria-keyshortcuts'))"
    )
    assert len(shortcuts) > 20
    assert all(shortcuts)


FOCUS = """
    const each = document.activeElement, style = getComputedStyle(each), box = each.getBoundingClientRect();
    const inFooter = Boolean(each.closest("#verdict"));
    const sticky = getComputedStyle(document.querySelector("#head")).position === "sticky";
    const head = sticky ? document.querySelector("#head").getBoundingClientRect().bottom : 0;
    const foot = document.querySelector("#verdict").getBoundingClientRect().top;
    const isSeen = inFooter || each.id === "spoken" || (box.top >= head && box.bottom <= foot);
    const name = each.id || each.dataset.action || each.textContent.slice(0, 7);
    return [name, parseFloat(style.outlineWidth) >= 2, isSeen];
"""


@pytest.mark.parametrize("width", [360, 1280])
def test_all_that_can_be_used_is_reached_by_the_keyboard_and_not_under_the_bars(browser: Browser, width: int) -> None:
    with Server(reviewed()) as server:
        browser.width(width)
        enter(browser, server)
        seen = []
        for _ in range(60):
            browser.press_together(TAB)
            if browser.run("return document.activeElement === document.body"):
                break
            name, has_ring, is_seen = browser.run(FOCUS)
            assert (has_ring, is_seen) == (True, True), name
            seen.append(name)
        actions = browser.run(
            "return [...document.querySelectorAll('[data-action]')].map((each) => each.dataset.action)"
        )
        assert set(actions) <= set(seen)
        assert {"wave", "spoken", "? Klipp"} <= set(seen)
        browser.width(1000)


def test_a_transcript_of_20_000_words_is_there_in_two_seconds_and_scrolls(browser: Browser) -> None:
    words = [
        word for turn in range(2000) for word in spoken("ett to tre fire fem seks sju åtte ni ti", 3.5 * turn, turn % 2)
    ]
    cuts = [a_cut(n, 35.0 * n + 1, 35.0 * n + 2) for n in range(1, 200)]
    with Server(recording_of(tone(10, 440), 7200.0, review=a_review(words=words, cuts=cuts))) as server:
        enter(browser, server)
        shown = browser.run(
            "const at = (name) => performance.getEntriesByType('resource').find((each) => each.name.endsWith(name));"
            "return at('/sound').startTime - at('/review').responseEnd"
        )
        assert 0 < shown < 2000
        assert browser.run("return document.querySelectorAll('#spoken p > span, #spoken s > span').length") > 20000
        took = browser.run_async(
            """
            const box = document.querySelector("#spoken"), start = performance.now();
            for (let at = 0; at < 10; at += 1) {
              box.scrollTop = (box.scrollHeight * at) / 10;
              await new Promise((next) => requestAnimationFrame(next));
            }
            return performance.now() - start;
            """
        )
        assert took < 2000
        browser.press_keys(END)
        last = "document.querySelector('#spoken p:last-child')"
        browser.wait_until(
            f"{last}.getBoundingClientRect().top < document.querySelector('#spoken').getBoundingClientRect().bottom"
        )
        start = time.monotonic()
        browser.press_keys("a", "n", "r", "u")
        assert time.monotonic() - start < 2


@pytest.mark.sampled(1)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["nb", "en"])
def test_axe_finds_nothing_wrong_in_any_state_of_a_review(browser: Browser, lang: str, scheme: str) -> None:
    browser.colours(scheme)
    left = (409, {"left": {"undecided": [2], "unheard": [[12.0, 12.5]]}})
    recording = reviewed(a_review(), lang=lang, answers=[left, (422, {"message": "nei"})])
    with Server(recording) as server:
        enter(browser, server)
        browser.press_keys("a", "n", "r", "n", "d", "[", "l", "]", "c", "h")
        browser.wait_until(f"!{ORIGINAL}.paused")
        assert violations(browser) == []
        browser.press_keys("?")
        assert violations(browser) == []
        browser.press_keys("?", "q")
        assert violations(browser) == []
        click(browser, "#leaving button")
        shift(browser, "c")
        browser.wait_until("document.querySelector('#left').open")
        click(browser, "#anyway")
        assert violations(browser) == []
        click(browser, "#back")
        shift(browser, "s")
        browser.wait_until("document.querySelector('#verdict .complaint').textContent === 'nei'")
        assert violations(browser) == []
        shift(browser, "s")
        browser.wait_until("document.body.dataset.state === 'over'")
        assert violations(browser) == []
    browser.colours("light")


STATES = ("proposed", "accepted", "changed", "added", "removed")


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_of_a_review_is_wider_than_the_window(browser: Browser, pictures: Path, width: int) -> None:
    cuts = [a_cut(n, 1.0 + 8 * n, 2.5 + 8 * n, state, channels=[n % 2]) for n, state in enumerate(STATES, 1)]
    words = [word for turn in range(40) for word in spoken("det bor en veterinær* i byen~ ja", 2.4 * turn, turn % 2)]
    left = (409, {"left": {"undecided": [1], "unheard": [[12.0, 12.5]]}})
    review = a_review(cuts=cuts, words=words)
    browser.width(width)
    browser.command("Emulation.setScrollbarsHidden", hidden=True)  # or they hide the edge of the pictures
    for scheme, lang in (("light", "nb"), ("dark", "en")):
        recording = recording_of(call(), review=review, lang=lang, answers=[left])
        with Server(recording) as server:
            browser.colours(scheme)
            enter(browser, server)
            name = f"review-{width}-{scheme}"
            browser.press_keys("n", "h")
            browser.wait_until(f"!{ORIGINAL}.paused")
            (pictures / f"{name}.png").write_bytes(browser.whole_page())
            for part in ("#wave", "#work"):
                browser.run("document.querySelector(arguments[0]).scrollIntoView()", part)
                (pictures / f"{name}-{part[1:]}.png").write_bytes(browser.screenshot())
            wide = browser.run(
                "return [...document.querySelectorAll('body *:not(.unseen)')].filter((each) => "
                "each.getBoundingClientRect().right > innerWidth).map((each) => each.outerHTML.slice(0, 80))"
            )
            assert wide == []
            verdict = browser.run("return document.querySelector('#verdict').getBoundingClientRect().toJSON()")
            assert verdict["bottom"] <= 900
            assert verdict["height"] < 200
            shift(browser, "c")
            browser.wait_until("document.querySelector('#left').open")
            (pictures / f"{name}-left.png").write_bytes(browser.screenshot())
            click(browser, "#back")
            browser.press_keys("?")
            (pictures / f"{name}-keys.png").write_bytes(browser.screenshot())
    browser.colours("light")
    browser.command("Emulation.setScrollbarsHidden", hidden=False)
    browser.width(1000)


def test_nothing_is_asked_for_from_elsewhere(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("h", "z", "t", "?")
    addresses = browser.requested()
    assert len(addresses) > 6
    assert [one for one in addresses if not one.startswith((server.address, "about:", "data:,"))] == []
    assert browser.complaints() == []  # among them every breach of the page's policy


# -- on one screen ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1440, 900)])
def test_waveform_words_and_decision_stand_on_one_screen_with_a_dozen_buttons(
    browser: Browser, width: int, height: int
) -> None:
    words = [word for turn in range(60) for word in spoken("ett to tre", 0.3 * turn, turn % 2)]
    cuts = [a_cut(number, float(number), number + 0.5) for number in range(1, 19)]
    with Server(reviewed(a_review(words=words, cuts=cuts))) as server:
        browser.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        enter(browser, server, more=False)
        assert browser.run("return document.documentElement.scrollHeight") <= height
        for part in ("#wave", "#main", "#spoken", "#cuts", "#verdict [data-action=confirm]"):
            box = browser.run(f"return document.querySelector('{part}').getBoundingClientRect().toJSON()")
            assert 0 <= box["top"] < box["bottom"] <= height, part
        heights = browser.run("return ['#spoken', '#cuts'].map((at) => document.querySelector(at).clientHeight)")
        assert min(heights) >= 130
        shown = "[...document.querySelectorAll('[data-action]')].filter((each) => each.checkVisibility())"
        assert browser.run(f"return {shown}.length") <= 12
        browser.width(1000)


def test_a_cut_is_heard_as_it_was_and_then_as_it_stays(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("n")
    shift(browser, "h")
    hurry(browser, ORIGINAL)
    browser.wait_until(f"{ORIGINAL}.paused && !{COPY}.paused")
    assert place(browser) >= 7.4
    hurry(browser, COPY)
    wait_still(browser)
    assert place(browser) == pytest.approx(11, abs=0.3)
    shift(browser, "h")
    browser.wait_until(f"!{ORIGINAL}.paused")
    browser.press_keys(" ")
    assert browser.run_async(f"await new Promise((next) => setTimeout(next, 400)); return {COPY}.paused"), "it stays so"


def test_who_confirms_is_told_what_was_not_heard_and_vouches_for_it(browser: Browser) -> None:
    left = (409, {"left": {"undecided": [], "unheard": []}, "unheard_s": 18.0})
    with Server(reviewed(answers=[left])) as server:
        enter(browser, server)
        assert "Hørt: 0:00 av 0:20." in texts(browser, "#counts span")
        shift(browser, "c")
        browser.wait_until("document.querySelector('#left').open")
        assert browser.text("#left-heard").startswith("Du har ikke hørt 0:18 av 0:20.")
        assert browser.run("return !document.querySelector('#why').checkVisibility()"), "no reason is asked for"
        click(browser, "#anyway")
        browser.wait_until("document.body.dataset.state === 'over'")
        assert [each["vouches"] for each in server.recording.decided] == [False, True]
