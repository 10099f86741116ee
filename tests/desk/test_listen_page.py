"""The listening page in a real browser, against a server that answers as the program does.

Pictures of it go to the test's folder; `LISTEN_PICTURES=FOLDER` puts them where somebody can look at them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from arlo_rec.law.messages import LANGUAGES, say
from tests.support import needs
from tests.support.axe import violations
from tests.support.browser import Browser
from tests.support.listening_stub import TOKEN, Recording, Server, call, recording_of, two_tones

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),  # one is enough
    needs.mark(needs.browser()),
]
LEFT, RIGHT, HOME, END, SHIFT, TAB = "\ue012", "\ue014", "\ue011", "\ue010", "\ue008", "\ue004"  # W3C WebDriver, 17.4.2
PAGE_UP = "\ue00e"
PLACE = "document.querySelector('audio').currentTime"
HOSTILE = {
    "team": "<img src=x onerror='window.ran = 1'>",
    "agent": "</dd><script>window.ran = 1</script>\u202egnirI",
    "reason": "\"'><svg onload=window.ran=1> {time} [loop](javascript:window.ran=1)\u2066 " + "lang" * 60,
    "short": "<b>3f</b>",
    "purpose": "__proto__",
    "started": "<i>today</i>",
}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


def arrive(browser: Browser, server: Server, token: str = TOKEN) -> None:
    """Open the page with *token*, in a window that knows of no page before."""
    browser.visit("about:blank")
    browser.complaints(), browser.requested()
    browser.visit(f"{server.address}#{token}")


def enter(browser: Browser, server: Server) -> None:
    """Open the page, and wait until it knows its sound and has the waveform that is known."""
    arrive(browser, server)
    browser.wait_until("document.body.dataset.state === 'ready' && document.querySelector('audio').readyState > 0")


def play(browser: Browser, until: float = 0.0) -> None:
    """Play by the button, until a place behind *until* seconds."""
    browser.click("[data-action=play]")
    browser.wait_until(f"{PLACE} > {until}")


def place(browser: Browser) -> float:
    return float(browser.run(f"return {PLACE}"))


def is_stopped(browser: Browser) -> bool:
    """Whether nothing is heard, and nothing can be: paused, without a source, and silent in a third of a second."""
    return bool(
        browser.run_async(
            """
            const audio = document.querySelector("audio"), before = audio.currentTime;
            await new Promise((next) => setTimeout(next, 300));
            const buttons = [...document.querySelectorAll("#player button")];
            return audio.paused && !audio.src && audio.currentTime === before && audio.buffered.length === 0
              && audio.readyState === 0 && buttons.every((each) => each.disabled);
            """
        )
    )


# -- who may enter ------------------------------------------------------------------------------------


def test_the_token_is_out_of_the_address_at_once_and_a_reload_goes_on(browser: Browser, server: Server) -> None:
    enter(browser, server)
    assert browser.run("return location.href") == server.address
    files = ["GET /", "GET /listen.css", "GET /listen.js", "GET /start.js", "GET /visit.js"]
    assert sorted(server.recording.requests[:5]) == files
    assert server.recording.requests[5:7] == ["POST /enter", "GET /facts"]
    assert browser.run("return document.cookie") == ""
    browser.visit(server.address)
    browser.wait_until("document.body.dataset.state === 'ready'")
    assert server.recording.requests.count("POST /enter") == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_token_that_was_used_is_refused_in_words(browser: Browser, lang: str) -> None:
    with Server(recording_of(call(), lang=lang, is_token_used=True)) as server:
        arrive(browser, server)
        browser.wait_until("document.body.dataset.state === 'over'")
        assert browser.text("#end") == say("listening.page.refused", lang)
        assert browser.run("return document.querySelector('#player').hidden")
        assert "GET /facts" not in server.recording.requests


def test_without_token_and_secret_there_is_nothing_to_see(browser: Browser, server: Server) -> None:
    arrive(browser, server, token="")
    browser.wait_until("document.body.dataset.state === 'over'")
    assert browser.text("#end") == say("listening.page.refused", "nb")
    assert "GET /sound" not in " ".join(server.recording.requests)


def test_another_address_in_the_same_window_is_entered_anew(browser: Browser) -> None:
    with Server(recording_of(call(), is_token_used=True)) as server:
        arrive(browser, server, token="old")
        browser.wait_until("document.body.dataset.state === 'over'")
        server.recording.is_token_used = False
        browser.run("location.hash = arguments[0]", TOKEN)
        browser.wait_until("document.body.dataset.state === 'ready'")
        assert TOKEN not in browser.run("return location.href + document.documentElement.outerHTML")


# -- what is shown ------------------------------------------------------------------------------------


def test_the_facts_of_the_recording_are_shown_in_words(browser: Browser, server: Server) -> None:
    enter(browser, server)
    facts = browser.run(
        "return Object.fromEntries([...document.querySelectorAll('[data-fact]')].map((e) => "
        "[e.dataset.fact, e.textContent]))"
    )
    assert facts == {
        "started": "1. okt. 2026, 10:15",
        "length": "0:48",
        "team": "Kundeservice",
        "agent": "Ingrid Eksempel",
        "purpose": "kvalitetssikring",
        "reason": "månedlig kvalitetssamtale med teamet",
        "days_left": "33",
    }
    assert browser.text("h1") == "Opptak 3f2a9c"
    assert "3f2a9c" not in browser.run("return document.title")  # which the history of the browser keeps


def test_hostile_texts_are_shown_and_do_nothing(browser: Browser) -> None:
    with Server(recording_of(call(), facts=HOSTILE)) as server:
        enter(browser, server)
        assert browser.run("return window.ran") is None
        assert browser.run("return document.querySelectorAll('img, svg, dd *, h1 *').length") == 0
        assert browser.text("[data-fact=team]") == HOSTILE["team"]
        assert browser.text("[data-fact=agent]") == "</dd><script>window.ran = 1</script>[U+202E]gnirI"
        assert browser.text("[data-fact=purpose]") == "__proto__"
        assert "[U+2066]" in browser.text("[data-fact=reason]")
        assert browser.complaints() == []


def test_a_damaged_stretch_is_named_and_marked(browser: Browser) -> None:
    with Server(recording_of(call(), damaged=[[12.0, 13.0], [30.2, 31.4]], lang="en")) as server:
        enter(browser, server)
        browser.wait_until("document.querySelector('#damaged').textContent")
        assert browser.text("#damaged") == ("Damaged from 0:12 to 0:13 and from 0:30 to 0:32; the rest can be heard.")
        red = """
            const canvas = document.querySelector("#picture"), brush = canvas.getContext("2d");
            const at = Math.round((canvas.width * arguments[0]) / 48.3);
            const {data} = brush.getImageData(at, 0, 6, canvas.height);
            for (let i = 0; i < data.length; i += 4) if (data[i] > 140 && data[i + 1] < 60 && data[i + 3]) return true;
            return false;
        """
        assert browser.run(red, 12.3)
        assert not browser.run(red, 20)


def test_the_waveform_is_drawn_as_it_comes(browser: Browser) -> None:
    with Server(recording_of(call(), known=40)) as server:
        enter(browser, server)
        browser.wait_for(lambda: "GET /peaks?from=40" in server.recording.requests)
        ink = """
            const canvas = document.querySelector("#picture");
            const {data} = canvas.getContext("2d").getImageData(canvas.width / 2, 0, canvas.width / 2, canvas.height);
            return data.reduce((sum, value, index) => sum + (index % 4 === 3 && value > 0 ? 1 : 0), 0);
        """
        few = browser.run(ink)
        server.recording.known = None
        browser.wait_for(lambda: browser.run(ink) > 2 * few)
        asked = len([one for one in server.recording.requests if "/peaks" in one])
        time.sleep(0.6)
        assert len([one for one in server.recording.requests if "/peaks" in one]) == asked


# -- playing ------------------------------------------------------------------------------------------


def test_nothing_is_played_before_somebody_asks(browser: Browser, server: Server) -> None:
    enter(browser, server)
    assert browser.run(
        "const a = document.querySelector('audio'); return [a.paused, a.preload, a.controls, a.autoplay]"
    ) == [
        True,
        "metadata",
        False,
        False,
    ]
    assert server.recording.heard == []


def test_it_plays_pauses_and_says_what_was_heard(browser: Browser, server: Server) -> None:
    enter(browser, server)
    play(browser, until=0.4)
    assert browser.text("[data-action=play]").startswith("Pause")
    assert browser.text("#status") == "Spiller av fra 0:00."
    browser.click("[data-action=play]")
    browser.wait_for(lambda: bool(server.recording.heard))
    stopped = place(browser)
    assert server.recording.heard[-1] == [[0, pytest.approx(stopped, abs=0.1)]]
    assert browser.text("#status") == "Pause ved 0:00."
    assert place(browser) == stopped


def test_what_is_heard_is_told_every_two_seconds_and_merged_over_seeks(browser: Browser, server: Server) -> None:
    enter(browser, server)
    play(browser, until=0.5)
    browser.drag("#wave", 0.5)
    browser.wait_until(f"{PLACE} > 24.5")
    browser.wait_for(lambda: any(len(spans) == 2 for spans in server.recording.heard))
    browser.press_keys(HOME)
    browser.wait_until(f"{PLACE} > 0.8 && {PLACE} < 5")
    browser.press_keys(" ")
    browser.wait_for(lambda: server.recording.heard[-1][0][1] == pytest.approx(place(browser), abs=0.15))
    first, second = server.recording.heard[-1]
    assert first[0] == 0
    assert 23.5 < second[0] < 24.5 < second[1] < 28


def test_what_was_heard_is_told_when_the_page_is_left(browser: Browser, server: Server) -> None:
    enter(browser, server)
    play(browser, until=0.3)
    browser.visit("about:blank")
    browser.wait_for(lambda: bool(server.recording.heard))
    assert server.recording.heard[-1][0][1] >= 0.3


def test_a_click_and_a_drag_go_to_their_place(browser: Browser, server: Server) -> None:
    enter(browser, server)
    length = server.recording.sound.seconds
    browser.drag("#wave", 0.25)
    assert place(browser) == pytest.approx(length / 4, abs=0.3)
    browser.drag("#wave", 0.3, 0.5, 0.75)
    assert place(browser) == pytest.approx(3 * length / 4, abs=0.3)
    assert browser.run("return document.querySelector('audio').paused")
    play(browser, until=3 * length / 4 + 0.2)


def test_everything_goes_by_keys_alone(browser: Browser, server: Server) -> None:
    enter(browser, server)
    length = server.recording.sound.seconds
    for keys, expected in (
        (("l",), 10),
        ((RIGHT,), 15),
        ((SHIFT, RIGHT), 16),
        (("j",), 6),
        ((LEFT,), 1),
        ((SHIFT, LEFT), 0),
        ((LEFT,), 0),
        ((END,), length),
        ((HOME,), 0),
    ):
        browser.press_together(*keys)
        assert place(browser) == pytest.approx(expected, abs=0.05), keys
    browser.press_keys(" ")
    browser.wait_until(f"{PLACE} > 0.2")
    browser.press_keys(" ")
    assert browser.run("return document.querySelector('audio').paused")
    browser.press_keys("?")
    assert browser.run("return document.querySelector('#help').open")
    browser.press_keys("l")  # not behind the list
    browser.press_keys("?")
    assert not browser.run("return document.querySelector('#help').open")
    assert place(browser) < 5
    browser.press_keys("q")
    browser.wait_for(lambda: server.recording.is_ended)


def test_a_button_with_the_focus_is_pressed_by_the_space_bar_and_nothing_else_is(
    browser: Browser, server: Server
) -> None:
    enter(browser, server)
    browser.run("document.querySelector('[data-action=forward-10]').focus()")
    browser.press_keys(" ")
    assert place(browser) == 10
    assert browser.run("return document.querySelector('audio').paused")
    browser.run("document.activeElement.blur()")
    browser.click("[data-action=forward-10]")
    browser.press_keys(" ")  # the click left the focus alone
    browser.wait_until(f"{PLACE} > 20")
    assert not browser.run("return document.querySelector('audio').paused")


def test_the_keys_can_be_turned_off_and_the_slider_keeps_its_own(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.click("[data-action=help]")
    browser.click("#use-keys")
    browser.click("#help form button")
    browser.press_keys("l", "q")
    assert place(browser) == 0
    assert not server.recording.is_ended
    browser.run("document.querySelector('#wave').focus()")
    browser.press_keys(RIGHT, PAGE_UP)
    assert place(browser) == 35


def test_keys_of_the_browser_stay_its_own_and_brackets_may_need_altgr(browser: Browser, server: Server) -> None:
    enter(browser, server)
    pressed = """
        const [key, ...held] = arguments, keys = Object.fromEntries(held.map((name) => [`${name}Key`, true]));
        const event = new KeyboardEvent("keydown", { key, ...keys, bubbles: true, cancelable: true });
        return !document.body.dispatchEvent(event);
    """
    for key, *held in (
        ("+", "ctrl"),
        ("-", "meta"),
        ("l", "alt"),
        ("q", "ctrl", "shift"),
        ("0", "ctrl"),
        ("[", "ctrl"),
    ):
        assert not browser.run(pressed, key, *held), key
    assert place(browser) == 0
    browser.press_keys("l")
    assert browser.run(pressed, "[", "alt", "ctrl")
    assert browser.run(pressed, "[", "alt")
    assert browser.text("#loop") == "0:10 til 0:48"


def test_the_speed_changes_within_its_bounds_and_keeps_the_pitch(browser: Browser, server: Server) -> None:
    enter(browser, server)
    speed = "const a = document.querySelector('audio'); return [a.playbackRate, a.preservesPitch]"
    browser.press_keys("+")
    assert browser.run(speed) == [1.25, True]
    assert browser.text("#speed") == "1,25×"
    browser.press_keys(*"+" * 9)
    assert browser.run(speed) == [2, True]
    browser.press_keys(*"-" * 9)
    assert browser.run(speed) == [0.5, True]
    assert browser.text("#status") == "Hastighet 0,5×."


# -- the loop -----------------------------------------------------------------------------------------


def places_while(browser: Browser, seconds: float) -> list[float]:
    """The position, every 10 ms or so."""
    found: list[float] = browser.run_async(
        f"""
        const seen = [], end = performance.now() + {1000 * seconds};
        while (performance.now() < end) {{
          seen.push({PLACE});
          await new Promise((next) => setTimeout(next, 10));
        }}
        return seen;
        """
    )
    return found


def test_a_loop_is_repeated_until_it_is_off(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("l", "[", RIGHT, "]")
    assert browser.text("#status") == "Gjentar 0:10 til 0:15."
    browser.press_together(SHIFT, LEFT)
    browser.press_keys("+", "+", "+", "+", " ")
    browser.wait_until(f"{PLACE} > 14")
    seen = places_while(browser, 3)
    assert 9.9 < min(seen) < 11
    assert max(seen) < 15.5
    assert sum(later < earlier for earlier, later in pairwise(seen)) >= 1
    browser.press_keys("o")
    assert browser.text("#status") == "Gjentakelsen er av."
    browser.wait_until(f"{PLACE} > 15.6")


def test_a_place_behind_the_loop_is_left_alone_and_the_loop_can_be_cleared(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("[", RIGHT, "]", "l", " ")
    browser.wait_until(f"{PLACE} > 15.3")
    browser.press_together(SHIFT, "o")
    assert browser.text("#loop") == "av"
    assert browser.run("return document.querySelector('[data-action=loop-repeat]').ariaPressed") == "false"


def test_a_mark_on_the_wrong_side_takes_the_other_away(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("l", "]", "l", "[")
    assert browser.text("#loop") == "0:20 til 0:48"


def test_the_whole_recording_repeats_from_its_end(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.press_keys("o", END, LEFT, "+", "+", "+", "+", " ")
    browser.wait_until(f"{PLACE} > 0.2 && {PLACE} < 5")
    assert not browser.run("return document.querySelector('audio').paused")


# -- the channels -------------------------------------------------------------------------------------

TAP = """
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (to, ...rest) {
      if (to === this.context.destination) {
        const splitter = this.context.createChannelSplitter(2);
        connect.call(this, splitter);
        window.ears = [0, 1].map((ear) => {
          const analyser = new AnalyserNode(this.context, { fftSize: 2048, smoothingTimeConstant: 0 });
          connect.call(splitter, analyser, ear);
          return analyser;
        });
      }
      return connect.call(this, to, ...rest);
    };
"""
EARS = """
    await new Promise((next) => setTimeout(next, 400));
    return window.ears.map((ear) => {
      const level = new Float32Array(ear.frequencyBinCount);
      ear.getFloatFrequencyData(level);
      const at = (hertz) => level[Math.round((hertz * ear.fftSize) / ear.context.sampleRate)];
      return [at(440), at(1760)].map((decibel) => decibel > -60);
    });
"""


def test_the_channels_are_heard_together_or_only_one_of_them_in_both_ears(browser: Browser) -> None:
    with Server(recording_of(two_tones(20))) as server:
        enter(browser, server)
        browser.run(TAP)
        play(browser, until=0.1)
        assert browser.run_async(EARS) == [[True, True], [True, True]]
        browser.press_keys("1")
        assert browser.run_async(EARS) == [[True, False], [True, False]]
        assert browser.text("#status") == "Bare innringer høres."
        browser.click("[data-action=second]")
        assert browser.run_async(EARS) == [[False, True], [False, True]]
        browser.press_keys("0")
        assert browser.run_async(EARS) == [[True, True], [True, True]]


def test_a_recording_of_one_channel_plays_and_says_that_it_has_one(browser: Browser) -> None:
    with Server(recording_of(two_tones(20)[:, :1])) as server:
        enter(browser, server)
        browser.press_keys("1")
        assert browser.text("#status") == "Opptaket har bare én kanal."
        play(browser, until=0.1)
        assert browser.run("return document.querySelector('#lanes').textContent") == "Innringer og kundebehandler"


def test_a_browser_without_webaudio_plays_both_and_says_so(browser: Browser, server: Server) -> None:
    script = browser.command("Page.addScriptToEvaluateOnNewDocument", source="delete window.AudioContext")
    try:
        enter(browser, server)
    finally:
        browser.command("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])
    assert browser.text("#channels-note") == "Denne nettleseren kan ikke spille én kanal alene."
    assert browser.run("return [...document.querySelectorAll('#channels button')].every((e) => e.disabled)")
    play(browser, until=0.3)


# -- the end ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["withdrawn", "grant_ended", "objected", "locked", "idle", "expired", "ended"])
def test_the_sound_stops_within_a_second_when_it_may_not_be_heard_any_more(
    browser: Browser, server: Server, why: str
) -> None:
    enter(browser, server)
    play(browser, until=0.3)
    server.recording.closed = why
    start = time.monotonic()
    browser.wait_until("document.querySelector('audio').paused")
    assert time.monotonic() - start < 1
    assert is_stopped(browser)
    assert browser.text("#end") == say(f"listening.page.closed_{why}", "nb")
    browser.press_keys(" ", "l")
    assert is_stopped(browser)
    assert server.recording.heard[-1][0][1] >= 0.3


def test_a_reason_that_the_page_does_not_know_stops_it_as_well(browser: Browser, server: Server) -> None:
    enter(browser, server)
    server.recording.closed = "constructor"
    browser.wait_until("document.body.dataset.state === 'over'")
    assert browser.text("#end") == say("listening.page.closed_ended", "nb")


@pytest.mark.parametrize("way", ["killed", "silent"])
def test_the_sound_stops_when_the_program_is_gone_for_three_seconds(browser: Browser, way: str) -> None:
    with Server(recording_of(call())) as server:
        enter(browser, server)
        play(browser, until=0.3)
        if way == "killed":
            server.die()
        else:
            server.recording.is_silent = True
        start = time.monotonic()
        browser.wait_until("document.body.dataset.state === 'over'")
        assert 1.5 < time.monotonic() - start < 6
        assert is_stopped(browser)
        assert browser.text("#end") == say("listening.page.lost", "nb")


@pytest.mark.parametrize("way", ["button", "key"])
def test_who_is_done_closes_the_recording(browser: Browser, server: Server, way: str) -> None:
    enter(browser, server)
    play(browser, until=0.2)
    if way == "button":
        browser.click("[data-action=done]")
    else:
        browser.press_keys("q")
    browser.wait_for(lambda: server.recording.is_ended)
    assert is_stopped(browser)
    assert browser.text("#end") == say("listening.page.closed_done", "nb")
    assert server.recording.heard


# -- for everybody ------------------------------------------------------------------------------------


def test_a_screen_reader_gets_names_places_and_news(browser: Browser) -> None:
    with Server(recording_of(call(), lang="en")) as server:
        enter(browser, server)
        assert browser.accessible("#wave") == ("slider", "Position in the recording")
        assert browser.accessible("[data-action=play]") == ("button", "Play")
        assert browser.accessible("[data-action=back-5]") == ("button", "Back 5 s")
        assert browser.accessible("[data-action=first]") == ("button", "Caller")
        assert browser.accessible("[data-action=end]") == ("button", "Go to End")
        assert browser.accessible("#facts") == ("group", "About the recording")
        assert browser.accessible("#status")[0] == "status"
        assert browser.run("return document.querySelector('#wave').ariaValueText") == "0:00 of 0:48"
        browser.run("document.querySelector('#wave').focus()")
        browser.press_keys("l")
        assert browser.run("return document.querySelector('#wave').ariaValueText") == "0:10 of 0:48"
        assert browser.text("#status") == "At 0:10."
        play(browser, until=10.2)
        assert browser.accessible("[data-action=play]") == ("button", "Pause")
        browser.press_keys("?")
        assert browser.accessible("#help") == ("dialog", "Keys on this page")


FOCUS = """
    const each = document.activeElement, style = getComputedStyle(each), box = each.getBoundingClientRect();
    const head = document.querySelector("#head").getBoundingClientRect().bottom;
    return each === document.body ? null : [
      each.id || each.dataset.action,
      style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2,
      box.top >= head && box.bottom <= innerHeight,
    ];
"""


def test_all_that_can_be_used_is_reached_by_the_keyboard_and_seen_to_be(browser: Browser, server: Server) -> None:
    size = {"width": 500, "height": 640, "deviceScaleFactor": 1, "mobile": False}  # the page is longer than that
    browser.command("Emulation.setDeviceMetricsOverride", **size)
    enter(browser, server)
    actions = browser.run("return [...document.querySelectorAll('[data-action]')].map((each) => each.dataset.action)")
    stops = ["wave", *actions]
    for keys, expected in (((TAB,), stops), ((SHIFT, TAB), stops[-2::-1])):
        for name in expected:
            browser.press_together(*keys)
            assert browser.run(FOCUS) == [name, True, True]
    browser.width(1000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_in_any_state_of_the_page(browser: Browser, scheme: str) -> None:
    browser.colours(scheme)
    for recording in (recording_of(call(), damaged=[[12.0, 13.0]]), recording_of(two_tones(20)[:, :1], lang="en")):
        with Server(recording) as server:
            enter(browser, server)
            assert violations(browser) == []
            browser.press_keys("1", "[", "l", "]", " ")
            assert violations(browser) == []
            browser.press_keys("?")
            assert violations(browser) == []
            recording.closed = "withdrawn"
            browser.wait_until("document.body.dataset.state === 'over'")
            assert violations(browser) == []
            arrive(browser, server, token="another")
            browser.wait_until("document.body.dataset.state === 'over'")
            assert violations(browser) == []
    browser.colours("light")


def test_axe_would_find_what_is_wrong(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.run("document.querySelector('main').append(new Image(9, 9))")
    browser.run(
        "const status = document.querySelector('#status');"
        "status.style.color = '#ccc'; status.textContent = 'hard to read';"
    )
    assert {violation.split(":")[0] for violation in violations(browser)} == {"color-contrast", "image-alt"}


FORMS = {
    "call": lambda: recording_of(call(), damaged=[[22.0, 23.5]]),
    "hostile": lambda: recording_of(two_tones(20)[:, :1], facts=HOSTILE),
    "long": lambda: recording_of(call(), 7200.0, lang="en", facts={"purpose": "training", "channels": ["1", "2"]}),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_wider_than_the_window_and_the_facts_stay_in_view(
    browser: Browser, pictures: Path, form: str, width: int
) -> None:
    recording: Recording = FORMS[form]()
    browser.width(width)
    browser.command("Emulation.setScrollbarsHidden", hidden=True)  # or they hide the edge of the pictures
    with Server(recording) as server:
        for scheme in ("light", "dark"):
            recording.is_token_used = False
            browser.colours(scheme)
            enter(browser, server)
            play(browser, until=0.5)
            browser.press_keys("l", "[", RIGHT, "]", " ")
            (pictures / f"{form}-{width}-{scheme}.png").write_bytes(browser.whole_page())
            wide = browser.run(
                "return [...document.querySelectorAll('body *:not(.unseen)')].filter((each) => "
                "each.getBoundingClientRect().right > innerWidth).map((each) => each.outerHTML.slice(0, 80))"
            )
            assert wide == []
            browser.run("scrollTo(0, document.body.scrollHeight)")
            box = browser.run("return document.querySelector('#facts').getBoundingClientRect().toJSON()")
            assert box["top"] > 0
            assert box["bottom"] < 450  # of 900
        recording.closed = "withdrawn"
        browser.wait_until("document.body.dataset.state === 'over'")
        (pictures / f"{form}-{width}-over.png").write_bytes(browser.whole_page())
    browser.colours("light")
    browser.command("Emulation.setScrollbarsHidden", hidden=False)
    browser.width(1000)


def test_without_motion_the_place_is_still_followed(browser: Browser, server: Server) -> None:
    reduced = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    browser.command("Emulation.setEmulatedMedia", media="", features=reduced)
    enter(browser, server)
    transition = "return getComputedStyle(document.querySelector('[data-action=play]')).transitionDuration"
    assert browser.run(transition) == "0s"
    play(browser, until=1.5)
    browser.wait_until("document.querySelector('#now').textContent !== '0:00'")
    browser.colours("light")
    assert browser.run(transition) != "0s"


def test_nothing_is_asked_for_from_elsewhere(browser: Browser, server: Server) -> None:
    enter(browser, server)
    play(browser, until=0.3)
    browser.press_keys("1", "l", "?")
    server.recording.closed = "idle"
    browser.wait_until("document.body.dataset.state === 'over'")
    addresses = browser.requested()
    assert len(addresses) > 6
    assert [one for one in addresses if not one.startswith((server.address, "about:", "data:,"))] == []
    assert browser.complaints() == []  # among them every breach of the page's policy


def test_the_first_sound_of_a_two_hour_call_comes_soon_after_the_click(
    browser: Browser, record_property: Callable[[str, object], None]
) -> None:
    """How soon is written down and no condition: what else runs on the machine is not known here."""
    with Server(recording_of(call(), 7200.0)) as server:
        enter(browser, server)
        browser.run(TAP)
        browser.run(
            """
            const samples = new Float32Array(128);
            const isHeard = () => window.ears.some((ear) => {
              ear.getFloatTimeDomainData(samples);
              return samples.some((sample) => sample !== 0);
            });
            document.querySelector("[data-action=play]").addEventListener("click", async () => {
              const start = performance.now();
              while (!isHeard()) await new Promise((next) => setTimeout(next, 1));
              window.waited = performance.now() - start;
            });
            """
        )
        browser.drag("#wave", 0.7)
        browser.click("[data-action=play]")
        browser.wait_until("window.waited")
        waited = browser.run("return window.waited")
        record_property("first_sound_ms", waited)
        sys.stdout.write(f"\nfirst sound of a two-hour call: {waited:.0f} ms after the click\n")
        assert place(browser) > 0.7 * 7100


def test_the_list_of_keys_is_read_from_its_beginning(browser: Browser, server: Server) -> None:
    enter(browser, server)
    browser.command("Emulation.setDeviceMetricsOverride", width=640, height=320, deviceScaleFactor=1, mobile=False)
    browser.press_keys("?")
    browser.wait_until("document.querySelector('#help').open")
    assert browser.run("return [document.activeElement.id, document.querySelector('#help').scrollTop]") == [
        "help-name",
        0,
    ]
    browser.command("Emulation.clearDeviceMetricsOverride")
